"""The closed-form noise learns from the residuals of the fit, and from nothing else."""

from __future__ import annotations

import pytest
import torch

from anyvae import (
    ELBO,
    VAE,
    Categorical,
    DiagonalNormal,
    LatentVariableModel,
    Linear,
    Normal,
    OptimalScale,
    Partial,
    StandardNormal,
    UniformCategorical,
    observed,
)
from anyvae.conditionals import Refined


def stored(model: LatentVariableModel) -> float:
    """The stored mean square."""
    running = model.generative_parts["x"].constant_running
    assert isinstance(running, torch.Tensor)
    return running.item()


def test_residuals_of_every_class_are_refused() -> None:
    model = LatentVariableModel(
        {
            "y": UniformCategorical(2),
            "x": Normal(1, scale=OptimalScale()).given("y", net=Linear()),
        },
        {"y": Categorical(2).given("x", net=Linear())},
    )
    x = torch.randn(4, 1)
    with pytest.raises(ValueError, match="'x' learns its noise from the residuals"):
        ELBO(enumerate=["y"])(model, {"x": x})
    # A fitted one has its noise.
    model.eval()
    assert ELBO(enumerate=["y"])(model, {"x": x}).isfinite().all()


def test_a_batch_without_a_cell_teaches_nothing() -> None:
    vae = VAE(
        StandardNormal(1),
        DiagonalNormal(1).given("x", observed("x"), net=Linear()),
        Normal(2, scale=OptimalScale()).given("z", net=Linear()),
    )
    before = stored(vae)
    for _ in range(3):
        ELBO()(vae, {"x": Partial(torch.randn(8, 2), torch.zeros(8, 2, dtype=torch.bool))})
    assert stored(vae) == before
    ELBO()(vae, {"x": Partial(9.0 * torch.randn(8, 2), torch.eye(8, 2) > 0)})
    assert stored(vae) != before


def test_values_that_a_refinement_tries_teach_nothing() -> None:
    """What is stored is moved once a step, by the residuals of the draw that is kept."""
    torch.manual_seed(0)
    x = torch.randn(64, 3)
    moved = {}
    for steps in (1, 30):
        torch.manual_seed(1)
        encoder = DiagonalNormal(2).given("x", net=Linear())
        vae = VAE(
            StandardNormal(2),
            Refined(encoder, steps=steps),
            Normal(3, scale=OptimalScale()).given("z", net=Linear()),
        )
        before = stored(vae)
        torch.manual_seed(2)
        trace = vae.trace({"x": x})
        trace.elbo()
        residual = (x - trace.p("x").mean).square().mean().item()
        moved[steps] = (stored(vae) - before) / (residual - before)
    assert moved[1] == pytest.approx(0.05, rel=1e-3)
    assert moved[30] == pytest.approx(0.05, rel=1e-3)
