"""Batches of no variable and of no row, and no cells to ask about."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from anyvae.conditionals import DiagonalNormal, Normal, StandardNormal
from anyvae.inference import cell_log_density, conditional_mean, log_likelihood, reconstruct
from anyvae.metrics import code_use, latent_use
from anyvae.model import VAE, Batch
from anyvae.networks import Linear

Asked = Callable[[VAE, Batch], object]


@pytest.mark.parametrize(
    "ask", [log_likelihood, conditional_mean, reconstruct, latent_use, code_use], ids=lambda ask: ask.__name__
)
@pytest.mark.parametrize("batch", [{}, {"x": torch.zeros(0, 3)}], ids=["no variable", "no row"])
def test_a_batch_without_rows_is_refused(ask: Asked, batch: Batch) -> None:
    vae = VAE(
        StandardNormal(2), DiagonalNormal(2).given("x", net=Linear()), Normal(3).given("z", net=Linear())
    )
    with pytest.raises(ValueError, match="the batch holds no rows; pass some"):
        ask(vae, batch)


def test_of_no_cells_there_are_no_densities() -> None:
    vae = VAE(
        StandardNormal(2), DiagonalNormal(2).given("x", net=Linear()), Normal(3).given("z", net=Linear())
    )
    assert cell_log_density(vae, {"x": torch.zeros(4, 3)}, [], samples=2).shape == (4, 0)
