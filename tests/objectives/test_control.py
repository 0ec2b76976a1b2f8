"""Controllers: their laws by hand, their targets in a fit, and no move outside a training step."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from anyvae.conditionals import DiagonalNormal, Normal, OneScale, StandardNormal
from anyvae.inference import evaluate_bound
from anyvae.model import VAE, LatentVariableModel
from anyvae.networks import Linear
from anyvae.objectives import (
    ELBO,
    GECO,
    KL,
    Constant,
    Controlled,
    Controller,
    LogLikelihood,
    PIController,
    controllers_of,
)
from anyvae.training import fit
from oracles import LinearGaussian


def moved(controller: Controller, measured: float) -> float:
    """The weight after a step in which two rows measured this in the mean."""
    controller.note(torch.tensor([measured - 1.0, measured + 1.0]))
    controller.step()
    return float(controller.weight)


def test_proportional_and_integral_control_by_hand() -> None:
    controller = PIController(3.0, proportional=0.5, integral=0.1, low=0.2, high=2.0)
    assert float(controller.weight) == pytest.approx(0.2)
    total = 0.0
    for measured in (4.0, 6.0, 3.0):
        error = 3.0 - measured
        total -= 0.1 * error
        assert moved(controller, measured) == pytest.approx(0.2 + 0.5 / (1.0 + math.exp(error)) + total)
    # Far off for long, at either side: the sum stops at the limit and needs no unwinding.
    for _ in range(100):
        assert moved(controller, 1e4) <= 2.0
    assert moved(controller, 1e4) == 2.0
    assert moved(controller, -7.0) < 2.0
    for _ in range(100):
        moved(controller, -1e4)
    assert moved(controller, -1e4) == pytest.approx(0.2)
    assert moved(controller, 5.0) > 0.2


def test_a_lagrange_multiplier_by_hand() -> None:
    controller = GECO(-10.0, speed=0.1, momentum=0.6, low=0.5, high=20.0, start=2.0)
    average, log_weight = -14.0, math.log(2.0)
    for index, gain in enumerate((-14.0, -12.0, -3.0)):
        average = gain if index == 0 else 0.6 * average + 0.4 * gain
        log_weight += 0.1 * (-10.0 - average)
        assert moved(controller, gain) == pytest.approx(math.exp(log_weight))
    for gain, limit in ((-1e6, 20.0), (1e6, 0.5)):
        for _ in range(5):
            moved(controller, gain)
        assert moved(controller, gain) == pytest.approx(limit)


def test_the_weight_weighs_the_term_and_moves_in_training_steps_only() -> None:
    oracle = LinearGaussian(5, 2, stretch=1.3)
    model = oracle.model
    controller = PIController(1.0, integral=0.5, low=0.3)
    term = Controlled(KL(samples=3), controller)
    assert term.samples == 3
    batch = {"x": oracle.rows(6)}
    trace = model.trace(batch)
    kl = trace.kl_total()
    objective = LogLikelihood() - term
    torch.testing.assert_close(objective.of(trace), trace.log_likelihood() - 0.3 * kl)
    assert float(controller.weight) == pytest.approx(0.3)
    controller.step()
    after = float(controller.weight)
    assert after == pytest.approx(
        0.3
        + 0.5 * (float(kl.detach().mean()) - 1.0)
        + 0.01 / (1.0 + math.exp(1.0 - float(kl.detach().mean())))
    )
    torch.testing.assert_close(objective.of(trace), trace.log_likelihood() - after * kl)
    controller.step()
    controller.step()  # nothing was measured since: it stays
    once = float(controller.weight)
    assert once != after
    with torch.no_grad():
        objective(model, batch)
    controller.step()
    model.eval()
    objective(model, batch)
    controller.step()
    assert float(controller.weight) == once
    assert controllers_of(ELBO() + 2.0 * objective, term) == [controller]


def test_no_gradient_goes_through_the_weight_and_a_step_before_the_gradient_is_harmless() -> None:
    oracle = LinearGaussian(5, 2, stretch=1.3)
    trace = oracle.model.trace({"x": oracle.rows(6)})
    weight = oracle.model.inference_parts["z"].net.entry.layers[0].weight
    controller = PIController(1.0, integral=0.5, low=0.3)
    value = Controlled(KL(), controller).of(trace)
    controller.step()
    (found,) = torch.autograd.grad(value.sum(), weight, retain_graph=True)
    (plain,) = torch.autograd.grad(0.3 * KL().of(trace).sum(), weight)
    torch.testing.assert_close(found, plain)


def line(rows: int = 400) -> Tensor:
    """Four features around a plane, with noise of 0.3."""
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(rows, 2, generator=generator)
    mixing = torch.tensor([[1.0, -0.5, 2.0, 0.3], [0.0, 1.0, 0.5, -1.0]])
    return z @ mixing + 0.3 * torch.randn(rows, 4, generator=generator)


def model_of_line() -> LatentVariableModel:
    torch.manual_seed(0)
    return VAE(
        StandardNormal(2),
        DiagonalNormal(2).given("x", net=Linear()),
        Normal(4, scale=OneScale()).given("z", net=Linear()),
    )


@pytest.mark.parametrize("target", [1.5, 6.0])
def test_the_kl_ends_at_its_target(target: float) -> None:
    """The bound alone chooses a KL of about 3 nats: one target below it, one above."""
    x, model = line(), model_of_line()
    controller = PIController(target, integral=0.005)
    objective = LogLikelihood() - Controlled(KL(), controller)
    fit(model, x, objective=objective, steps=800, batch_size=200, learning_rate=Constant(0.02), evaluations=1)
    assert float(evaluate_bound(model, {"x": x}).kl["z"].mean()) == pytest.approx(target, abs=0.5)
    assert (float(controller.weight) > 1.0) == (target < 3.0)


def test_the_constraint_is_met_and_not_more_than_met() -> None:
    x, model = line(), model_of_line()
    fit(model, x, steps=800, batch_size=200, learning_rate=Constant(0.02), evaluations=1)
    best = evaluate_bound(model, {"x": x})
    best_fit, best_kl = float(best.log_likelihood.mean()), float(best.kl["z"].mean())
    target = best_fit - 2.0
    model, controller = model_of_line(), GECO(target, speed=0.01)
    objective = Controlled(LogLikelihood(), controller) - KL()
    fit(
        model, x, objective=objective, steps=1500, batch_size=200, learning_rate=Constant(0.02), evaluations=1
    )
    found = evaluate_bound(model, {"x": x}, samples=20)
    assert float(found.log_likelihood.mean()) == pytest.approx(target, abs=0.3)
    assert float(found.kl["z"].mean()) < best_kl - 0.5
    assert 1e-3 < float(controller.weight) < 1.0


def test_options_that_cannot_be() -> None:
    for wrong in (
        {"target": math.inf},
        {"target": 1.0, "proportional": -1.0},
        {"target": 1.0, "integral": math.nan},
    ):
        with pytest.raises(ValueError, match="PIController got target="):
            PIController(**wrong)
    for low, high in ((-1.0, 1.0), (2.0, 1.0), (0.0, math.inf)):
        with pytest.raises(ValueError, match=r"PIController got low=.*wanted 0 <= low < high"):
            PIController(1.0, low=low, high=high)
    for wrong in ({"speed": 0.0}, {"momentum": 1.0}, {"momentum": -0.1}):
        with pytest.raises(ValueError, match="GECO got target="):
            GECO(1.0, **wrong)
    for wrong in ({"low": 0.0}, {"start": 1e5}, {"start": 1e-9}):
        with pytest.raises(ValueError, match="wanted 0 < low <= start <= high"):
            GECO(1.0, **wrong)
