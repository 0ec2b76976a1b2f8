"""Rows of linear models, and brute-force answers about them."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from anyvae.classical.linear import LinearGaussian


def linear_rows(
    rows: int, loadings: Tensor, noise: Tensor | float, *, seed: int = 0, loc: float = 1.0
) -> Tensor:
    """Draws of loadings z + loc + noise e, z and e standard normal; noise is a standard deviation."""
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(rows, loadings.shape[1], generator=generator, dtype=torch.float64)
    rest = torch.randn(rows, len(loadings), generator=generator, dtype=torch.float64)
    return loc + z @ loadings.T + noise * rest


def random_loadings(features: int, latents: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(100 + seed)
    return torch.randn(features, latents, generator=generator, dtype=torch.float64)


def holes(x: Tensor, share: float, seed: int = 0) -> Tensor:
    """A mask, False with the given probability; row 3 has no known cell at all."""
    mask = torch.rand(x.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) > share
    mask[3] = False
    return mask


def marginal(model: LinearGaussian) -> MultivariateNormal:
    noise = model.noise_variance_.expand_as(model.loc_)
    return MultivariateNormal(model.loc_, model.loadings_ @ model.loadings_.T + noise.diag())


def slow_log_likelihood(model: LinearGaussian, x: Tensor, mask: Tensor) -> Tensor:
    """Row by row, from the covariance of its known cells."""
    whole = marginal(model)
    found = []
    for row, known in zip(x, mask, strict=True):
        if not known.any():
            found.append(torch.zeros(()).to(x))
            continue
        part = MultivariateNormal(whole.loc[known], whole.covariance_matrix[known][:, known])
        found.append(part.log_prob(row[known]))
    return torch.stack(found)


def steepest(model: LinearGaussian, x: Tensor, mask: Tensor) -> float:
    """The largest slope of the mean log-likelihood along any parameter, by automatic differentiation."""
    names = ("loc_", "loadings_", "noise_variance_")
    kept = {name: getattr(model, name) for name in names}
    leaves = {name: value.clone().requires_grad_() for name, value in kept.items()}
    try:
        for name, leaf in leaves.items():
            setattr(model, name, leaf)
        slow_log_likelihood(model, x, mask).mean().backward()
    finally:
        for name, value in kept.items():
            setattr(model, name, value)
    return max(float(leaf.grad.abs().max()) for leaf in leaves.values())


def never_falls(history: tuple[float, ...]) -> bool:
    steps = pairwise(history)
    return len(history) > 1 and all(after - before > -1e-9 * abs(before) for before, after in steps)
