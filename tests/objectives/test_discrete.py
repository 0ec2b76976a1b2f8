"""Estimators for discrete latents: unbiased ones against the enumerated gradient, biased ones for what they are."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from anyvae.conditionals import Categorical, DiagonalNormal, Normal, StandardNormal
from anyvae.model import LatentVariableModel
from anyvae.networks import Linear
from anyvae.objectives import (
    ELBO,
    IWAE,
    VIMCO,
    Gumbel,
    LinearRamp,
    Objective,
    ScoreFunction,
    StraightThrough,
    iwae,
)
from oracles import z_score

pytestmark = pytest.mark.usefixtures("double")
REPEATS = 4000


def discrete(continuous: bool = False) -> LatentVariableModel:
    torch.manual_seed(0)
    z = {"z": StandardNormal(1)} if continuous else {}
    parents = ("y", "z") if continuous else ("y",)
    q = {"y": Categorical(3).given("x", net=Linear())}
    if continuous:
        q["z"] = DiagonalNormal(1).given("x", "y", net=Linear())
    p = {"y": Categorical(3), **z, "x": Normal(2).given(*parents, net=Linear())}
    return LatentVariableModel(p, q)


X = torch.tensor([[0.4, -1.1]], dtype=torch.float64).expand(REPEATS, 2)


def gradients(objective: Objective, model: LatentVariableModel, x: Tensor) -> Tensor:
    """The gradient of every row's objective with respect to the classifier's bias, shape (rows, 3)."""
    bias = model.inference_parts["y"].net.entry.layers[0].bias
    # One row a repeat: rows are independent, so a bias per row gives a gradient per row.
    wide = bias.detach().expand(len(x), 3).clone().requires_grad_()
    (found,) = torch.autograd.grad(loss_of_rows(objective, model, x, wide).sum(), wide)
    return found


def loss_of_rows(objective: Objective, model: LatentVariableModel, x: Tensor, bias: Tensor) -> Tensor:
    net = model.inference_parts["y"].net
    layer = net.entry.layers[0]
    handle = layer.register_forward_hook(lambda module, inputs, output: output - module.bias + bias)
    try:
        return objective(model, {"x": x})
    finally:
        handle.remove()


@pytest.mark.parametrize("continuous", [False, True])
@pytest.mark.parametrize("samples", [1, 2, 5])
def test_the_score_function_has_the_enumerated_gradient(samples: int, continuous: bool) -> None:
    model = discrete(continuous)
    torch.manual_seed(1)
    exact = gradients(ELBO(samples=64 if continuous else 1, enumerate=["y"]), model, X)
    found = gradients(ScoreFunction(samples), model, X)
    difference = found - exact if continuous else found - exact[0]
    assert float(z_score(difference, 0.0).abs().max()) < 5.0


def test_the_baseline_takes_most_of_the_noise_away() -> None:
    model = discrete()
    torch.manual_seed(1)
    alone = gradients(ScoreFunction(1), model, X).var(0) / 4
    together = gradients(ScoreFunction(4), model, X).var(0)
    assert bool((together < 0.5 * alone).all())


def bound_gradient(model: LatentVariableModel, samples: int) -> Tensor:
    """The gradient of the mean of IWAE over all 3^S draws, by enumeration."""
    x = X[:1]
    bias = model.inference_parts["y"].net.entry.layers[0].bias
    q = model.inference_parts["y"](x).logits[0]
    eye = torch.eye(3)
    joint = (
        torch.stack([model.generative_parts["x"](y).log_prob(x)[0] for y in eye])
        + model.generative_parts["y"]().logits
    )
    log_weight = joint - q
    total = torch.zeros(())
    for choice in torch.cartesian_prod(*[torch.arange(3)] * samples).view(-1, samples):
        value = log_weight[choice].logsumexp(0) - torch.tensor(float(samples)).log()
        total = total + q[choice].sum().exp() * value
    (found,) = torch.autograd.grad(total, bias)
    return found


@pytest.mark.parametrize("samples", [2, 4])
def test_vimco_has_the_gradient_of_the_importance_weighted_bound(samples: int) -> None:
    model = discrete()
    torch.manual_seed(2)
    found = gradients(VIMCO(samples), model, X)
    assert float(z_score(found, bound_gradient(model, samples)).abs().max()) < 5.0


def test_values_are_those_of_the_bounds() -> None:
    model = discrete()
    for objective, bound in ((ScoreFunction(3), lambda t: t.log_weight().mean(0)), (VIMCO(3), iwae)):
        trace = model.trace({"x": X[:4]}, 3)
        torch.testing.assert_close(objective.of(trace), bound(trace))
        with torch.no_grad():
            torch.testing.assert_close(objective.of(trace), bound(trace))


def test_gumbel_at_a_low_temperature_has_almost_the_enumerated_gradient() -> None:
    """The bias falls with the temperature; straight-through keeps some."""
    model = discrete()
    exact = gradients(ELBO(enumerate=["y"]), model, X[:1])[0]

    def bias_of(how: Gumbel | StraightThrough) -> Tensor:
        torch.manual_seed(3)
        many = X[:1].expand(60_000, 2)
        return (gradients(ELBO(draws={"y": how}), model, many).mean(0) - exact).norm() / exact.norm()

    cold, warm = bias_of(Gumbel(0.1)), bias_of(Gumbel(2.0))
    assert float(cold) < 0.15
    assert float(warm) > 2.0 * float(cold)


def test_hard_draws_pass_on_classes_and_soft_ones_do_not() -> None:
    model = discrete()
    soft = model.trace({"x": X[:9]}, draws={"y": Gumbel(0.5).at(0.0)}).values["y"]
    for how in (Gumbel(0.5, hard=True), StraightThrough()):
        hard = model.trace({"x": X[:9]}, draws={"y": how.at(0.0)}).values["y"]
        torch.testing.assert_close(hard.detach(), hard.detach().round())
        assert hard.requires_grad
    assert float(soft.detach().max(-1).values.min()) < 0.99
    torch.testing.assert_close(soft.sum(-1), torch.ones(9))


def test_the_straight_through_gradient_is_that_of_the_probabilities() -> None:
    model = discrete()
    value = model.trace({"x": X[:1]}, draws={"y": StraightThrough().at(0.0)}).values["y"]
    bias = model.inference_parts["y"].net.entry.layers[0].bias
    slope = torch.tensor([1.0, -2.0, 0.5])
    (found,) = torch.autograd.grad((value * slope).sum(), bias, retain_graph=True)
    mean = model.inference_parts["y"](X[:1]).mean
    (wanted,) = torch.autograd.grad((mean * slope).sum(), bias)
    torch.testing.assert_close(found, wanted)


def test_the_temperature_follows_its_schedule() -> None:
    model = discrete()
    how = Gumbel(LinearRamp(5.0, 0.05))

    def sharpness(progress: float) -> float:
        torch.manual_seed(4)
        return float(
            model.trace({"x": X}, draws={"y": how.at(progress)}).values["y"].detach().max(-1).values.mean()
        )

    assert sharpness(0.0) < 0.6 < 0.95 < sharpness(1.0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Gumbel(0.0), "temperature=0.0; wanted a positive number"),
        (lambda: VIMCO(1), "samples=1; wanted at least 2"),
        (
            lambda: ELBO(draws={"z": Gumbel(1.0)})(discrete(True), {"x": X[:2]}),
            "Gumbel draws a Categorical and got Normal",
        ),
    ],
)
def test_refusals(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_a_soft_draw_wants_a_closed_form_of_the_kl() -> None:
    torch.manual_seed(0)
    model = LatentVariableModel(
        {
            "y": Categorical(3),
            "z": DiagonalNormal(1).given("y", net=Linear()),
            "x": Normal(2).given("z", net=Linear()),
        },
        {"z": DiagonalNormal(1).given("x", net=Linear()), "y": Categorical(3).given("z", net=Linear())},
    )
    ELBO(draws={"y": Gumbel(0.5)})(model, {"x": X[:2]})
    other = LatentVariableModel(
        {
            "z": DiagonalNormal(1),
            "y": Categorical(3).given("z", net=Linear()),
            "x": Normal(2).given("y", net=Linear()),
        },
        {"y": Categorical(3).given("x", net=Linear()), "z": DiagonalNormal(1).given("y", net=Linear())},
    )
    with pytest.raises(ValueError, match="'y' needs a KL in closed form"):
        ELBO(draws={"y": Gumbel(0.5)})(other, {"x": X[:2]})
    assert bool(torch.isfinite(IWAE(2, enumerate=["y"])(other, {"x": X[:2]})).all())
