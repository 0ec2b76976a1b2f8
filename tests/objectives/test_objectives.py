"""Objectives: one number per row, every option changes it, wrong uses are refused by name."""

from __future__ import annotations

import math

import pytest
import torch

from anyvae.conditionals import (
    Bernoulli,
    Categorical,
    DiagonalNormal,
    Family,
    Normal,
    NormalMixture,
    Poisson,
    StandardNormal,
    UniformCategorical,
)
from anyvae.model import VAE, Batch, LatentVariableModel, Partial, Trace
from anyvae.networks import Linear
from anyvae.objectives import (
    ELBO,
    IWAE,
    KL,
    PIWAE,
    Constant,
    Cosine,
    Cyclic,
    DReG,
    LinearRamp,
    Objective,
    ScoreFunction,
    Sigmoid,
    StickingTheLanding,
    WarmupCosine,
    elbo,
    iwae,
)
from anyvae.objectives.schedule import as_schedule
from oracles import LinearGaussian

pytestmark = pytest.mark.usefixtures("double")


def test_beta_weighs_the_kl_and_nothing_else() -> None:
    oracle = LinearGaussian(5, 2, stretch=1.3)
    trace = oracle.model.trace({"x": oracle.rows(6)}, 3)
    fit, kl = trace.log_likelihood(), trace.kl_total()
    torch.testing.assert_close(kl, trace.kl("z"))
    assert float(kl.detach().min()) > 0.1
    torch.testing.assert_close(ELBO().of(trace), elbo(trace))
    for beta in (0.0, 0.5, 1.0, 4.0):
        torch.testing.assert_close(ELBO(beta=beta).of(trace), fit - beta * kl)
    ramp = ELBO(beta=LinearRamp(0.0, 2.0, until=0.5))
    for progress, beta in ((0.0, 0.0), (0.25, 1.0), (0.5, 2.0), (1.0, 2.0)):
        torch.testing.assert_close(ramp.of(trace, progress), fit - beta * kl)


def test_importance_bound_is_the_log_of_the_mean_weight() -> None:
    oracle = LinearGaussian(5, 2, stretch=1.3)
    trace = oracle.model.trace({"x": oracle.rows(6)}, 8)
    by_hand = trace.log_weight().exp().mean(0).log()
    torch.testing.assert_close(iwae(trace), by_hand)
    torch.testing.assert_close(IWAE(8).of(trace), by_hand)
    assert bool((iwae(trace) > trace.log_weight().mean(0)).all())


def test_far_weights_do_not_overflow() -> None:
    oracle = LinearGaussian(5, 2)
    x = oracle.rows(4) * 1e4
    assert bool(torch.isfinite(IWAE(8)(oracle.model.float(), {"x": x})).all())


def test_samples_are_drawn() -> None:
    oracle = LinearGaussian(5, 2, stretch=1.3)
    asked: list[int] = []

    def model(batch: Batch, samples: int, *how: object) -> Trace:
        asked.append(samples)
        return oracle.model(batch, samples)

    for objective in (ELBO(samples=7), IWAE(samples=7)):
        assert objective(model, {"x": oracle.rows(3)}).shape == (3,)
    assert asked == [7, 7]
    assert IWAE().samples == 8
    torch.manual_seed(0)
    batch = {"x": oracle.rows(1).expand(4000, 5)}
    with torch.no_grad():
        spread = [float(ELBO(samples=s)(oracle.model, batch).std()) for s in (1, 16)]
    assert spread[0] / spread[1] == pytest.approx(4.0, rel=0.1)


def test_gradients_of_the_encoder_at_the_exact_posterior() -> None:
    """At q = posterior the bound is flat in q; and it is not flat elsewhere."""
    for stretch, flat in ((1.0, True), (1.5, False)):
        oracle = LinearGaussian(4, 2, stretch=stretch)
        torch.manual_seed(0)
        x = oracle.rows(2).repeat(20_000, 1)
        ELBO()(oracle.model, {"x": x}).mean().backward()
        gradient = oracle.model.inference_parts["z"].net.entry.layers[0].bias.grad
        assert (float(gradient.abs().max()) < 0.05) == flat, gradient


def test_the_gradient_is_that_of_the_exact_bound() -> None:
    """Gradient of the mean ELBO against finite differences, with the draws held fixed."""
    oracle = LinearGaussian(3, 2, per_feature=True, stretch=1.3, shift=0.2)
    x = oracle.rows(4)

    def bound(samples: int) -> torch.Tensor:
        torch.manual_seed(1)
        return (
            ELBO(samples=samples)(oracle.model, {"x": x}).mean()
            + IWAE(samples)(oracle.model, {"x": x}).mean()
        )

    parameters = list(oracle.model.parameters())
    gradients = torch.autograd.grad(bound(3), parameters)
    with torch.no_grad():
        for parameter, gradient in zip(parameters, gradients, strict=True):
            for index in (0, parameter.numel() - 1):
                flat = parameter.view(-1)
                values = []
                for step in (1e-5, -2e-5):
                    flat[index] += step
                    values.append(bound(3))
                flat[index] += 1e-5
                difference = (values[0] - values[1]) / 2e-5
                torch.testing.assert_close(gradient.view(-1)[index], difference, rtol=1e-5, atol=1e-6)


def test_options_that_cannot_be() -> None:
    with pytest.raises(ValueError, match=r"ELBO got beta=-1\.0; wanted a weight >= 0"):
        ELBO(beta=-1.0)
    with pytest.raises(ValueError, match="ELBO got beta=nan"):
        ELBO(beta=math.nan)
    with pytest.raises(ValueError, match="IWAE got samples=0; wanted at least 1"):
        IWAE(samples=0)
    with pytest.raises(TypeError):
        IWAE(beta=2.0)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="until=0"):
        LinearRamp(0.0, 1.0, until=0.0)
    with pytest.raises(ValueError, match=r"warmup=1\.0"):
        WarmupCosine(1e-3, warmup=1.0)
    for middle, width in ((-0.1, 0.1), (0.5, 0.0)):
        with pytest.raises(ValueError, match="Sigmoid got middle="):
            Sigmoid(0.0, 1.0, middle, width)
    for cycles, rise in ((0, 0.5), (4, 0.0), (4, 1.1)):
        with pytest.raises(ValueError, match="Cyclic got cycles="):
            Cyclic(0.0, 1.0, cycles, rise)


def test_a_drawn_label_has_no_pathwise_gradient() -> None:
    model = LatentVariableModel(
        {
            "y": UniformCategorical(3),
            "z": StandardNormal(2),
            "x": Normal(4).given("y", "z", net=Linear()),
        },
        {"y": Categorical(3).given("x", net=Linear()), "z": DiagonalNormal(2).given("x", "y", net=Linear())},
    )
    x, y = torch.randn(4, 4), torch.eye(3)[torch.tensor([0, 1, 2, 0])]
    with pytest.raises(
        ValueError,
        match=r"cannot differentiate through 'y', drawn from OneHotCategorical; sum over it with enumerate",
    ):
        ELBO()(model, {"x": x})
    with pytest.raises(ValueError, match="'y'"):
        ELBO()(model, {"x": x, "y": Partial(y, torch.tensor([True, True, False, True]))})
    ELBO()(model, {"x": x, "y": y}).sum().backward()
    with torch.no_grad():
        assert ELBO()(model, {"x": x}).shape == (4,)


@pytest.mark.parametrize("family", [Bernoulli(2), Poisson(2), NormalMixture(2, components=3)])
def test_what_is_no_class_is_advised_what_can_be_done_with_it(family: Family) -> None:
    """Neither sums nor softened classes are of use there."""
    model = VAE(family, family.given("x", net=Linear()), Normal(4).given("z", net=Linear()))
    x = torch.randn(4, 4)
    with pytest.raises(ValueError, match=r"'z', drawn from \w+; use ScoreFunction\(\) or VIMCO\(\)") as found:
        ELBO()(model, {"x": x})
    assert "enumerate" not in str(found.value)
    assert "Gumbel" not in str(found.value)
    ScoreFunction(2)(model, {"x": x}).sum().backward()


def test_a_draw_of_another_kind_is_a_biased_draw() -> None:
    with pytest.raises(TypeError, match=r"draws of ELBO: got 0.5, a float; wanted .* Gumbel\(0.5\)"):
        ELBO(draws={"y": 0.5})  # type: ignore[dict-item]


def test_schedules_are_functions_of_the_fraction_done() -> None:
    assert [LinearRamp(1.0, 3.0, until=0.5)(p) for p in (0.0, 0.25, 0.5, 0.9)] == [1.0, 2.0, 3.0, 3.0]
    assert Cosine(2.0, 0.0)(0.5) == pytest.approx(1.0)
    assert Cosine(2.0, 0.5)(1.0) == pytest.approx(0.5)
    rate = WarmupCosine(1.0, warmup=0.1, final=0.01)
    assert rate(0.05) == pytest.approx(0.5)
    assert rate(0.1) == pytest.approx(1.0)
    assert rate(0.55) == pytest.approx(0.505)
    assert rate(1.0) == pytest.approx(0.01)
    assert WarmupCosine(1.0, warmup=0.0)(0.0) == 1.0
    curve = Sigmoid(2.0, 6.0, middle=0.3, width=0.1)
    assert (curve(0.0), curve(1.0)) == (2.0, pytest.approx(6.0))
    logistic = [1.0 / (1.0 + math.exp(-(p - 0.3) / 0.1)) for p in (0.0, 0.2, 0.5, 1.0)]
    for place, value in zip((0.2, 0.5), logistic[1:3], strict=True):
        done = (value - logistic[0]) / (logistic[3] - logistic[0])
        assert curve(place) == pytest.approx(2.0 + 4.0 * done)
    waves = Cyclic(1.0, 3.0, cycles=5, rise=0.8)
    assert [waves(0.2 * cycle + 0.08) for cycle in range(5)] == pytest.approx([2.0] * 5)
    assert [waves(0.2 * cycle + 0.17) for cycle in range(5)] == pytest.approx([3.0] * 5)
    assert (waves(0.0), waves(1.0)) == (1.0, 3.0)
    values = [rate(0.1 + 0.009 * i) for i in range(100)]
    assert values == sorted(values, reverse=True)
    assert as_schedule(3) == Constant(3.0)
    assert as_schedule(rate) is rate


@pytest.mark.parametrize("objective", [StickingTheLanding(3), DReG(3), ScoreFunction(3), PIWAE(1, 3)])
def test_bounds_of_drawn_latents_are_not_those_of_enumerated_ones(objective: Objective) -> None:
    """A term beside them may enumerate: the sum over y would stand inside their logarithm."""
    model = LatentVariableModel(
        {
            "y": UniformCategorical(3),
            "z": StandardNormal(1),
            "x": Normal(2).given("y", "z", net=Linear()),
        },
        {
            "y": Categorical(3).given("x", net=Linear()),
            "z": DiagonalNormal(1).given("x", net=Linear()),
        },
    )
    with pytest.raises(
        ValueError, match=r"draws every latent, and 'y' is enumerated, .* use ELBO\(enumerate"
    ):
        (objective - 0.1 * KL(enumerate=["y"]))(model, {"x": torch.randn(4, 2)})


class MeanSquare(Objective):
    """A term as one writes it at first, without a mean over draws or for all rows at once."""

    def __init__(self, samples: int, axes: tuple[int, ...]) -> None:
        super().__init__(samples)
        self.axes = axes

    def of(self, trace: Trace, progress: float = 1.0) -> torch.Tensor:
        return trace.values["z"].square().mean(self.axes)


@pytest.mark.parametrize(("samples", "axes"), [(3, (-1,)), (1, (-1, -2))])
def test_an_objective_gives_one_number_per_row(samples: int, axes: tuple[int, ...]) -> None:
    model = LinearGaussian(3, 2).model
    term = MeanSquare(samples, axes)
    batch = {"x": torch.randn(3, 3).double()}
    for objective in (term, ELBO() - 2.0 * term):
        with pytest.raises(
            ValueError, match=r"MeanSquare gave numbers of shape .* wanted one per row, \(3,\)"
        ):
            objective(model, batch)
    assert MeanSquare(1, (-1,))(model, batch).shape == (3,)
