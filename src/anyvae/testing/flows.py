"""The law of flows."""

from __future__ import annotations

import torch
from torch import Size

from anyvae.distributions import Flowed
from anyvae.testing.judge import close

__all__ = ["flow_law"]


def flow_law(distribution: Flowed) -> None:
    r"""Every map there and back, its log-determinant against autograd's Jacobian, and one density by both ways.

    .. math:: T^{-1}(T(u)) = u, \quad \log p(v(n)) = \log p(v) \text{ at } v = v(n)

    The density of a fresh draw, known from the draw, and that of a copy, by the inverse, agree in value and in their
    gradient with respect to the noise. In one and two features the density by the inverse has mass one.
    """
    lead, size, like = distribution.batch_shape, distribution.event_shape.numel(), distribution._like()
    generator = torch.Generator().manual_seed(6)
    shape = Size((3, *lead, *distribution.noise_shape))
    noise = (1.5 * torch.randn(shape, generator=generator, dtype=like.dtype)).requires_grad_()
    value, context = distribution.base.from_noise(noise), distribution.context
    for step in distribution.steps:
        value = value.detach().requires_grad_()
        image, log_det = step(value, context)
        source, again = step.inverse(image, context)
        close("there and back", source, value, 1e-6)
        close("log-determinant on the way back", again, log_det, 1e-6)
        # Rows are independent, so the sum over rows has every row's Jacobian.
        rows = [torch.autograd.grad(image[..., i].sum(), value, retain_graph=True)[0] for i in range(size)]
        close("log-determinant", log_det, torch.linalg.slogdet(torch.stack(rows, -2)).logabsdet, 1e-6)
        value = image
    drawn = distribution.from_noise(noise)
    both = [distribution.log_prob(drawn), distribution.log_prob(drawn.clone())]
    close("density of a draw against that by the inverse", both[0], both[1], 1e-6)
    slopes = [torch.autograd.grad(found.sum(), noise, retain_graph=True)[0] for found in both]
    close("its gradient", slopes[0], slopes[1], 1e-5)
    if size <= 2:
        centre, spread = distribution.mean.detach(), distribution.stddev.detach()
        line = torch.linspace(-12.0, 12.0, (4001, 201)[size - 1], dtype=like.dtype)
        grid = torch.cartesian_prod(*[line] * size).reshape(-1, *(1,) * len(lead), size)
        with torch.no_grad():
            density = distribution.log_prob(centre + spread * grid).exp() * spread.prod(-1)
        total = density.sum(0) * (line[1] - line[0]) ** size
        close("mass one", total, torch.ones_like(total), 1e-3)
