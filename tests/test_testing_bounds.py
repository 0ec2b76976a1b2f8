"""The laws of models and estimators: what is right passes, each is seen failing on a planted fault."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from anyvae import testing
from anyvae.conditionals import Categorical, DiagonalNormal, Normal, StandardNormal
from anyvae.distributions import analytic_kl
from anyvae.model import LatentVariableModel, Trace
from anyvae.networks import Linear
from anyvae.objectives import (
    ELBO,
    IWAE,
    VIMCO,
    DReG,
    Objective,
    ScoreFunction,
    StickingTheLanding,
)
from oracles import LinearGaussian

pytestmark = pytest.mark.usefixtures("double")


def bias(model: LatentVariableModel, name: str = "z") -> Tensor:
    return model.inference_parts[name].net.entry.layers[0].bias


def labelled() -> tuple[LatentVariableModel, dict[str, Tensor]]:
    torch.manual_seed(0)
    model = LatentVariableModel(
        {"y": Categorical(3), "z": StandardNormal(2), "x": Normal(4).given("y", "z", net=Linear())},
        {"y": Categorical(3).given("x", net=Linear()), "z": DiagonalNormal(2).given("x", "y", net=Linear())},
    )
    return model, {"x": torch.randn(5, 4)}


def test_the_evidence() -> None:
    oracle = LinearGaussian(5, 2)
    batch = {"x": oracle.rows(6)}
    testing.evidence_law(oracle.model, batch, oracle.evidence(batch["x"]))
    wrong = LinearGaussian(5, 2, shift=1e-3)
    with pytest.raises(AssertionError, match="every weight is the evidence"):
        testing.evidence_law(wrong.model, batch, wrong.evidence(batch["x"]))


def even_noise(name: str, shape: torch.Size, dtype: torch.dtype) -> Tensor:
    r"""Noise (2 n, rows, n) at \pm \sqrt n on every axis: its mean of a quadratic is the expectation, exactly."""
    corners = shape[-1] ** 0.5 * torch.eye(shape[-1], dtype=dtype)
    return torch.cat([corners, -corners]).unsqueeze(1).expand(shape)


def missing_nats(**wrong: float) -> Tensor:
    """ln p(x) - ELBO - KL(q || p(z | x)) of a linear model whose q is off, for both forms of the ELBO; zero."""
    oracle, exact = LinearGaussian(5, 3, per_feature=True, **wrong), LinearGaussian(5, 3, per_feature=True)
    batch = {"x": oracle.rows(6)}
    with torch.no_grad():
        trace = oracle.model.trace(batch, 6, even_noise)
        q, posterior = trace.q("z"), exact.model.trace(batch, 1).q("z")
        ratio = (q.scale / posterior.scale).square()
        apart = ((q.loc - posterior.loc) / posterior.scale).square()
        divergence = 0.5 * (ratio + apart - 1.0 - ratio.log()).sum(-1)
        assert divergence.min() > 0.1
        bounds = torch.stack([trace.elbo(), trace.log_weight().mean(0)])
    return oracle.evidence(batch["x"]) - bounds - divergence


def test_what_the_bound_misses_is_the_divergence_from_the_posterior(monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong in ({"stretch": 1.6}, {"stretch": 0.5}, {"shift": 0.7}, {"stretch": 1.3, "shift": -0.4}):
        assert missing_nats(**wrong).abs().max() < 1e-9
    monkeypatch.setattr("anyvae.model.trace.analytic_kl", lambda q, p: 1.001 * analytic_kl(q, p))
    of_parts, of_weights = missing_nats(stretch=1.6).abs().amax(1)
    assert of_parts > 1e-4
    assert of_weights < 1e-9


def test_two_forms(monkeypatch: pytest.MonkeyPatch) -> None:
    model = LinearGaussian(5, 2, stretch=1.4).model
    batch = {"x": torch.randn(4, 5)}
    testing.two_forms_law(model, batch)
    monkeypatch.setattr("anyvae.model.trace.analytic_kl", lambda q, p: 1.1 * analytic_kl(q, p))
    with pytest.raises(AssertionError, match="two forms of the bound"):
        testing.two_forms_law(model, batch)


def test_samples_and_gap() -> None:
    oracle = LinearGaussian(5, 2, stretch=2.0)
    batch = {"x": oracle.rows(6)}
    evidence = oracle.evidence(batch["x"])
    testing.samples_law(oracle.model, batch)
    testing.gap_law(oracle.model, batch, evidence)
    with pytest.raises(AssertionError, match="gap like 1 / S"):
        testing.gap_law(oracle.model, batch, evidence + 1.0)


def test_enumeration(monkeypatch: pytest.MonkeyPatch) -> None:
    model, batch = labelled()
    testing.enumeration_law(model, batch, "y")
    original = Trace._log_probabilities
    monkeypatch.setattr(Trace, "_log_probabilities", lambda self: 0.9 * original(self))
    with pytest.raises(AssertionError, match="enumerated weights"):
        testing.enumeration_law(model, batch, "y")


class Biased(Objective):
    """Sticking the landing under a log-mean-exp, which is biased."""

    def of(self, trace: Trace, progress: float = 1.0) -> Tensor:
        fixed = trace.reread({name: trace.values[name].detach() for name, _ in trace.plan.draws})
        weight = trace.log_weight() + fixed.log_q("z") - fixed.log_q("z").detach()
        return weight.logsumexp(0)


def test_one_mean_gradient() -> None:
    oracle = LinearGaussian(3, 1, stretch=2.0, shift=0.8)
    batch, where = {"x": oracle.rows(2)}, bias(oracle.model)
    testing.same_gradient_law(StickingTheLanding(4), ELBO(samples=4), oracle.model, batch, where, 400)
    testing.same_gradient_law(DReG(4), IWAE(4), oracle.model, batch, where, 400)
    with pytest.raises(AssertionError, match="one mean gradient"):
        testing.same_gradient_law(Biased(4), IWAE(4), oracle.model, batch, where, 400)


def test_one_mean_gradient_of_discrete_estimators() -> None:
    model, batch = labelled()
    where = bias(model, "y")
    testing.same_gradient_law(ScoreFunction(3), ELBO(enumerate=["y"]), model, batch, where, 400)
    with pytest.raises(AssertionError, match="one mean gradient"):
        testing.same_gradient_law(VIMCO(3), ELBO(enumerate=["y"]), model, batch, where, 400)


def test_no_noise_at_the_posterior() -> None:
    oracle = LinearGaussian(5, 2)
    batch, where = {"x": oracle.rows(3)}, bias(oracle.model)
    testing.no_noise_law(StickingTheLanding(2), oracle.model, batch, where)
    testing.no_noise_law(DReG(8), oracle.model, batch, where)
    with pytest.raises(AssertionError, match="no noise at the posterior"):
        testing.no_noise_law(IWAE(8), oracle.model, batch, where)


def test_signal_to_noise_grows_for_dreg_and_falls_for_iwae() -> None:
    oracle = LinearGaussian(3, 1, stretch=1.3, shift=0.3)
    batch, where = {"x": oracle.rows(1)}, bias(oracle.model)

    def growth(make: type[IWAE | DReG]) -> float:
        few, many = (testing.signal_to_noise(make(s), oracle.model, batch, where) for s in (2, 64))
        return many / few

    assert growth(DReG) > 1.5
    assert growth(IWAE) < 0.8


def test_parts_of_the_kl(monkeypatch: pytest.MonkeyPatch) -> None:
    oracle = LinearGaussian(5, 2, stretch=0.5)
    batch = {"x": oracle.rows(100)}
    testing.kl_parts_law(oracle.model, batch)
    original = testing.bounds.kl_parts

    def without_correlation(*arguments: object) -> object:
        return original(*arguments)._replace(total_correlation=0.0)

    monkeypatch.setattr(testing.bounds, "kl_parts", without_correlation)
    with pytest.raises(AssertionError, match="parts of the KL"):
        testing.kl_parts_law(oracle.model, batch)
    monkeypatch.setattr(testing.bounds, "kl_parts", lambda *a: original(*a)._replace(mutual_information=9.0))
    with pytest.raises(AssertionError, match="information: 9 nats"):
        testing.kl_parts_law(oracle.model, batch)
    monkeypatch.setattr(testing.bounds, "kl_parts", lambda *a: original(*a)._replace(total_correlation=-9.0))
    with pytest.raises(AssertionError, match="total correlation: -9 nats"):
        testing.kl_parts_law(oracle.model, batch)


def test_rows() -> None:
    model, batch = labelled()
    testing.rows_law(model, batch)
    testing.rows_law(model, batch, enumerate=["y"])
    decoder = model.generative_parts["x"]
    decoder.register_forward_hook(lambda part, given, p: type(p)(p.loc + p.loc.mean(), p.scale))
    with pytest.raises(AssertionError, match="a batch is its rows"):
        testing.rows_law(model, batch)


def test_the_law_of_samples_notices_a_bound_that_falls(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log-mean-exp that forgets to divide by the larger number would rise; one that divides twice falls."""
    oracle = LinearGaussian(5, 2, stretch=1.3)
    log = testing.bounds.math.log
    monkeypatch.setattr(testing.bounds.math, "log", lambda value: 2.0 * log(value))
    with pytest.raises(AssertionError, match="grows with samples"):
        testing.samples_law(oracle.model, {"x": oracle.rows(4)})
