"""Quadratures of spheres and simplices, for the laws in `anyvae.testing`."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from anyvae.distributions import Directional, FromNoise, centred_logs, unit_sphere
from anyvae.distributions.sphere import log_sphere_area

__all__ = ["profile_grid", "rows_of", "simplex_grid", "sphere_grid", "surface_of"]

_FURTHEST, _STEPS = 80.0, 3200


def surface_of(distribution: FromNoise) -> constraints.Constraint | None:
    """The support of a distribution that has a dimension less than its event has coordinates."""
    support: constraints.Constraint | None = distribution.support
    return support if support in (unit_sphere, constraints.simplex, centred_logs) else None


def rows_of(points: Tensor, distribution: Distribution) -> Tensor:
    """Points (N, ...) once for every row, (N, *batch, ...)."""
    lead = distribution.batch_shape
    tail = points.shape[1:]
    return points.view(-1, *(1,) * len(lead), *tail).expand(len(points), *lead, *tail)


def sphere_grid(features: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Points on the circle or the sphere in space, and logs of their shares of its area."""
    count = 2000 if features == 2 else 400
    angle = torch.arange(count, dtype=like.dtype) * (2.0 * math.pi / count)
    circle = torch.stack([angle.cos(), angle.sin()], -1)
    if features == 2:
        return circle, torch.full_like(angle, math.log(2.0 * math.pi / count))
    # Equal slices of a sphere's axis have equal areas; in log-odds of the height the poles are well covered.
    t = torch.linspace(-40.0, 40.0, 1001, dtype=like.dtype)
    height, width = torch.tanh(0.5 * t), torch.cosh(0.5 * t).reciprocal()
    points = torch.cat([height.view(-1, 1, 1).expand(-1, count, 1), width.view(-1, 1, 1) * circle], -1)
    slices = 2.0 * width.log() + math.log(0.5 * 0.08 * 2.0 * math.pi / count)
    return points.reshape(-1, 3), slices.unsqueeze(-1).expand(-1, count).reshape(-1)


def profile_grid(distribution: Directional) -> tuple[Tensor, Tensor, Tensor]:
    """Cosines, points from one pole to the other along a great circle through `loc`, and logs of their areas.

    Of shapes (N, *batch), (N, *batch, n) and (N, *batch). Each point stands for the ring of its latitude.
    """
    loc, features = distribution.loc.detach(), distribution.event_shape[0]
    t = torch.linspace(-_FURTHEST, _FURTHEST, _STEPS + 1, dtype=loc.dtype)
    side = torch.eye(features, dtype=loc.dtype)[loc.abs().argmin(-1)]
    side = torch.nn.functional.normalize(side - (side * loc).sum(-1, keepdim=True) * loc, dim=-1)
    w, sine = (
        rows_of(part, distribution) for part in (torch.tanh(0.5 * t), torch.cosh(0.5 * t).reciprocal())
    )
    points = w.unsqueeze(-1) * loc + sine.unsqueeze(-1) * side
    step = math.log(_FURTHEST / _STEPS)
    return w, points, (features - 1) * sine.log() + step + log_sphere_area(features - 1)


def simplex_grid(distribution: FromNoise) -> tuple[Tensor, Tensor]:
    """Points over the simplex of two or three classes, (N, *batch, n), and logs of their areas, (N, *batch)."""
    classes, like = distribution.event_shape[0], distribution._like()
    line = torch.linspace(-90.0, 90.0, (3601, 721)[classes - 2], dtype=like.dtype)
    ratios = torch.nn.functional.pad(
        torch.cartesian_prod(*[line] * (classes - 1)).reshape(-1, classes - 1), (0, 1)
    )
    log_area = torch.full(ratios.shape[:1], (classes - 1) * math.log(line[1] - line[0]), dtype=like.dtype)
    points = ratios - ratios.mean(-1, keepdim=True)
    if surface_of(distribution) is constraints.simplex:
        # From log-ratios to shares: the Jacobian is the product of the shares.
        points = ratios.softmax(-1)
        log_area = log_area + ratios.log_softmax(-1).sum(-1)
    return rows_of(points, distribution), rows_of(log_area, distribution)
