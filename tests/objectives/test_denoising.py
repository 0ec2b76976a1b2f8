"""The encoder reads a corrupted row, the likelihood scores the clean one, and the bound stays a bound."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from anyvae.conditionals import (
    Categorical,
    DiagonalNormal,
    Normal,
    StandardNormal,
    UniformCategorical,
    observed,
)
from anyvae.model import VAE, Evidence, LatentVariableModel, Partial
from anyvae.networks import Linear
from anyvae.objectives import ELBO, IWAE, AddNormal, Corruption, Denoising, DReG, DropCells, LogLikelihood
from oracles import LinearGaussian, z_score

pytestmark = pytest.mark.usefixtures("double")


class Shift(Corruption):
    """A corruption without chance."""

    def __call__(self, item: Evidence) -> Tensor:
        return item.value + 0.5


def test_q_is_that_of_the_corrupted_row_and_p_that_of_the_clean_one() -> None:
    oracle = LinearGaussian(5, 2, stretch=1.3)
    model, x = oracle.model, oracle.rows(6)
    torch.manual_seed(0)
    found = Denoising(ELBO(samples=3), Shift())(model, {"x": x})
    torch.manual_seed(0)
    model.trace({"x": x}, 3)  # the pass over clean rows comes first
    shifted = model.trace({"x": x + 0.5}, 3)
    z, kl = shifted.values["z"], shifted.kl("z")
    assert kl is not None
    by_hand = model.generative_parts["x"](z).log_prob(x).mean(0) - kl
    torch.testing.assert_close(found, by_hand)
    with torch.no_grad():
        assert float((found - ELBO(samples=3)(model, {"x": x})).abs().max()) > 0.1


def test_it_is_a_lower_bound_of_the_clean_evidence() -> None:
    """E over noise and draws of w = p(x, z) / q(z | noisy x) is p(x) for every noise: exact, in the mean."""
    oracle = LinearGaussian(4, 2, stretch=1.4)
    x = oracle.rows(3)
    evidence = oracle.evidence(x)
    torch.manual_seed(0)
    with torch.no_grad():
        bounds = torch.stack([Denoising(ELBO(), AddNormal(0.5))(oracle.model, {"x": x}) for _ in range(500)])
        weights = torch.stack(
            [Denoising(IWAE(50), AddNormal(0.1))(oracle.model, {"x": x}).exp() for _ in range(500)]
        )
    assert bool((bounds.mean(0) < evidence).all())
    assert float(z_score(weights, evidence.exp()).abs().max()) < 5


def test_dropped_cells_read_zero_and_unobserved_and_holes_stay_holes() -> None:
    torch.manual_seed(0)
    encoder = DiagonalNormal(2).given("x", observed("x"), net=Linear())
    model = VAE(StandardNormal(2), encoder, Normal(3).given("z", net=Linear()))
    x = torch.randn(4000, 3) + 5.0
    mask = torch.rand(x.shape) > 0.25
    seen: list[tuple[Tensor, Tensor]] = []
    part = model.inference_parts["z"]
    part.register_forward_pre_hook(lambda module, given: seen.append(given))
    batch = {"x": Partial(x, mask)}
    found = Denoising(LogLikelihood(), DropCells(0.4))(model, batch)
    (_, clean), (value, read) = seen
    assert torch.equal(clean, mask.to(x))
    assert bool(((value == 0) == (read == 0)).all())
    assert not bool((read > mask).any())
    assert float(read.mean() / mask.double().mean()) == pytest.approx(0.6, abs=0.02)
    # All cells that are given are scored, those that the encoder did not see too.
    assert torch.equal(found != 0, mask.any(1))
    whole = DropCells(0.4)(Evidence(x, None))
    assert isinstance(whole, Partial)
    assert float(whole.mask.double().mean()) == pytest.approx(0.6, abs=0.02)
    noisy = AddNormal(0.3)(Evidence(torch.zeros(4000, 3), mask))
    assert isinstance(noisy, Partial)
    assert float(noisy.value.std()) == pytest.approx(0.3, abs=0.01)


def test_it_wraps_sums_and_estimators_and_stands_in_sums() -> None:
    oracle = LinearGaussian(5, 2, stretch=1.3)
    model, batch = oracle.model, {"x": oracle.rows(6)}
    bias = model.inference_parts["z"].net.entry.layers[0].bias
    assert Denoising(DReG(7), Shift()).samples == 7
    for objective in (
        Denoising(DReG(4), Shift()),
        0.5 * Denoising(ELBO() - ELBO(beta=0.5), Shift()) + ELBO(),
    ):
        (gradient,) = torch.autograd.grad(objective(model, batch).sum(), bias)
        assert float(gradient.abs().max()) > 1e-6
    trace = model.trace(batch)
    torch.manual_seed(0)
    inside = (ELBO() + Denoising(ELBO(), Shift())).of(trace)
    torch.manual_seed(0)
    torch.testing.assert_close(inside - ELBO().of(trace), Denoising(ELBO(), Shift()).of(trace))
    clusters = LatentVariableModel(
        {"y": UniformCategorical(3), "z": StandardNormal(2), "x": Normal(4).given("y", "z", net=Linear())},
        {"y": Categorical(3).given("x", net=Linear()), "z": DiagonalNormal(2).given("x", "y", net=Linear())},
    )
    assert Denoising(ELBO(enumerate=["y"]), AddNormal(0.1))(clusters, {"x": torch.randn(5, 4)}).shape == (5,)


def test_wrong_uses_are_refused_by_name() -> None:
    oracle = LinearGaussian(5, 2)
    with pytest.raises(ValueError, match="Denoising corrupts 'z', which has to be given and not inferred"):
        Denoising(ELBO(), Shift(), name="z")(oracle.model, {"x": oracle.rows(2)})
    with pytest.raises(ValueError, match=r"the batch holds \['x'\]"):
        Denoising(ELBO(), Shift(), name="y")(oracle.model, {"x": oracle.rows(2)})
    with pytest.raises(ValueError, match=r"AddNormal got scale=0\.0"):
        AddNormal(0.0)
    with pytest.raises(ValueError, match=r"DropCells got fraction=1\.0"):
        DropCells(1.0)
