"""Posteriors without amortisation: refined row by row, or a table with a row for each."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Size, Tensor

from anyvae.conditionals import (
    IAF,
    Bernoulli,
    Categorical,
    Deterministic,
    DiagonalNormal,
    Flow,
    Mixture,
    Normal,
    PerRow,
    Refined,
    StandardNormal,
    VampPrior,
)
from anyvae.inference import evaluate_bound, log_likelihood, posterior, reconstruct
from anyvae.model import VAE, LatentVariableModel, Partial
from anyvae.networks import MLP, Linear
from anyvae.objectives import ELBO, WarmupCosine, elbo
from anyvae.training import Player, fit
from oracles import LinearGaussian

pytestmark = pytest.mark.usefixtures("double")


def with_posterior(oracle: LinearGaussian, q: object, **options: object) -> LatentVariableModel:
    return LatentVariableModel(dict(oracle.model.generative_parts), {"z": q}, **options)


@pytest.mark.parametrize("start", ["wrong encoder", "nothing"])
def test_a_linear_model_is_refined_to_its_exact_posterior(start: str) -> None:
    oracle = LinearGaussian(5, 2, stretch=1.7, shift=0.8)
    part = oracle.model.inference_parts["z"] if start == "wrong encoder" else DiagonalNormal(2).given()
    model = with_posterior(oracle, Refined(part, steps=400, rate=0.05, noise=4))
    x = oracle.rows(6)
    evidence = oracle.evidence(x)
    torch.testing.assert_close(
        model.trace({"x": x}, 3).log_weight(), evidence.expand(3, 6), rtol=0, atol=5e-3
    )
    before = float((evidence - oracle.model.trace({"x": x}, 2000).elbo()).mean().detach())
    assert before > 0.3
    short = with_posterior(oracle, Refined(part, steps=20, rate=0.05, noise=4))
    q, exact = posterior(short, {"x": x})["z"], posterior(model, {"x": x})["z"]
    assert float((q.mean - exact.mean).abs().max().detach()) > 1e-2


def test_a_refined_posterior_is_a_function_of_its_row() -> None:
    torch.manual_seed(0)
    model = VAE(
        StandardNormal(2),
        Refined(DiagonalNormal(2).given("x", net=MLP([8])), steps=5),
        Bernoulli(6).given("z", net=MLP([8])),
    )
    x = torch.bernoulli(torch.full((7, 6), 0.5))
    whole = evaluate_bound(model, {"x": x}).elbo
    for row in range(7):
        torch.testing.assert_close(evaluate_bound(model, {"x": x[row : row + 1]}).elbo[0], whole[row])
    torch.testing.assert_close(evaluate_bound(copy.deepcopy(model), {"x": x}).elbo, whole)
    assert reconstruct(model, {"x": x})["x"].shape == (7, 6)
    unrefined = VAE(StandardNormal(2), model.inference_parts["z"].part, model.generative_parts["x"])
    assert bool((whole >= evaluate_bound(unrefined, {"x": x}).elbo - 1e-2).all())


def test_holes_do_not_pull() -> None:
    oracle = LinearGaussian(4, 2, per_feature=True)
    model = with_posterior(oracle, Refined(DiagonalNormal(2).given(), steps=300, rate=0.05, noise=4))
    mask = torch.tensor([[True, True, False, True], [False, False, False, False]])
    x = oracle.rows(2)
    one, other = (model.trace({"x": Partial(torch.where(mask, x, v), mask)}).q("z") for v in (5.0, torch.nan))
    torch.testing.assert_close(one.mean, other.mean)
    torch.testing.assert_close(one.mean[1], torch.zeros(2), rtol=0, atol=1e-2)
    torch.testing.assert_close(one.stddev[1], torch.ones(2), rtol=0, atol=1e-2)
    keep = mask[0]
    precision = (oracle.loadings[keep] ** 2 / oracle.noise[keep, None] ** 2).sum(0) + 1.0
    cross = (oracle.loadings[keep] / oracle.noise[keep, None] ** 2).T
    full = cross @ oracle.loadings[keep] + torch.eye(2)
    wanted = torch.linalg.solve(full, cross @ (x[0, keep] - oracle.offset[keep]))
    torch.testing.assert_close(one.mean[0], wanted, rtol=0, atol=1e-2)
    torch.testing.assert_close(one.stddev[0], precision.rsqrt(), rtol=0, atol=1e-2)


@pytest.mark.parametrize("unroll", [True, False])
def test_the_outer_gradient(unroll: bool) -> None:
    """Through the steps it is the derivative of the whole; without, of the last point with a constant shift."""
    torch.manual_seed(1)
    part = DiagonalNormal(1).given("x", net=Linear())
    model = VAE(
        StandardNormal(1), Refined(part, steps=3, rate=0.2, unroll=unroll), Normal(2).given("z", net=MLP([4]))
    )
    x = torch.randn(3, 2)
    bias = part.net.entry.layers[0].bias

    def noise(name: str, shape: Size, dtype: torch.dtype) -> Tensor:
        return torch.full(shape, 0.4, dtype=dtype)

    def value() -> Tensor:
        return elbo(model.trace({"x": x}, 1, noise)).sum()

    (found,) = torch.autograd.grad(value(), bias)
    differences = torch.zeros(2)
    with torch.no_grad():
        for index in range(2):
            bias[index] += 1e-5
            up = value()
            bias[index] -= 2e-5
            differences[index] = (up - value()) / 2e-5
            bias[index] += 1e-5
    gap = (found - differences).abs().max() / differences.abs().max()
    assert (float(gap) < 1e-4) == unroll


def test_through_a_deterministic_state_and_beside_a_label() -> None:
    torch.manual_seed(2)
    model = LatentVariableModel(
        generative={
            "y": Categorical(3),
            "z": DiagonalNormal(2).given("y", net=Linear()),
            "s": Deterministic(4).given("z", net=MLP([6])),
            "x": Normal(5).given("s", "y", net=Linear()),
        },
        inference={
            "y": Categorical(3).given("x", net=Linear()),
            "z": Refined(DiagonalNormal(2).given("x", "y", net=Linear()), steps=6),
        },
    )
    x = torch.randn(4, 5)
    plain = LatentVariableModel(
        dict(model.generative_parts),
        {"y": model.inference_parts["y"], "z": model.inference_parts["z"].part},
    )
    refined = evaluate_bound(model, {"x": x}, 200, enumerate=["y"]).elbo
    assert bool((refined > evaluate_bound(plain, {"x": x}, 200, enumerate=["y"]).elbo).all())
    assert {str(parent) for parent in model.inference_parts["z"].parents} == {"x", "y", "observed(x)"}


def test_in_a_second_model_it_is_refined_there_and_the_first_stays() -> None:
    """Parts are shared by models, as `fit_prior` does; each posterior climbs the bound of its own model."""
    oracle = LinearGaussian(5, 2)
    x = {"x": oracle.rows(6)}
    first = with_posterior(oracle, Refined(DiagonalNormal(2).given(), steps=30))
    before = evaluate_bound(first, x).elbo
    part = first.inference_parts["z"]
    elsewhere = DiagonalNormal(2).given(start={"loc": 3.0})
    second = LatentVariableModel({**oracle.model.generative_parts, "z": elsewhere}, {"z": part})
    torch.testing.assert_close(evaluate_bound(first, x).elbo, before, rtol=0, atol=0)
    alone = Refined(part.part, steps=30)
    anew = LatentVariableModel({**oracle.model.generative_parts, "z": elsewhere}, {"z": alone})
    torch.testing.assert_close(evaluate_bound(second, x).elbo, evaluate_bound(anew, x).elbo, rtol=0, atol=0)
    # The weights are shared, and saved under the same names.
    assert [id(p) for p in second.inference.parameters()] == [id(p) for p in first.inference.parameters()]
    assert second.inference.state_dict().keys() == first.inference.state_dict().keys()


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda q: Mixture([q, DiagonalNormal(2)]), "part 0 is a Refined, .* whole of q"),
        (lambda q: Flow(q, IAF()), "Flow over .* whole of q"),
        (lambda q: VAE(VampPrior(2, 3), q, Normal(3).given("z", net=Linear())), "VampPrior.* is a Refined"),
    ],
)
def test_what_evaluates_the_model_is_no_part_of_others(
    build: Callable[[Refined], object], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        build(Refined(DiagonalNormal(2).given("x", net=Linear())))


def test_it_trains() -> None:
    torch.manual_seed(3)
    x = torch.bernoulli(torch.rand(300, 1).expand(300, 8))
    for part in (DiagonalNormal(1).given("x", net=MLP([8])), DiagonalNormal(1).given()):
        model = VAE(
            StandardNormal(1), Refined(part, steps=4, rate=0.3), Bernoulli(8).given("z", net=Linear())
        )
        before = evaluate_bound(model, {"x": x}).elbo.mean().item()
        fit(model, {"x": x}, steps=60, learning_rate=3e-2)
        assert evaluate_bound(model, {"x": x}).elbo.mean().item() > before + 0.5


def test_a_table_learns_every_rows_posterior() -> None:
    oracle = LinearGaussian(5, 2)
    x = oracle.rows(40)
    model = with_posterior(oracle, PerRow(DiagonalNormal(2), rows=40), conditions={"row": ()})
    data = {"x": x, "row": torch.arange(40)}
    players = [Player("q", ELBO(samples=8), ["inference.z"], learning_rate=WarmupCosine(0.03))]
    fit(model, data, players=players, steps=1500, batch_size=40)
    gap = oracle.evidence(x) - evaluate_bound(model, data, 200).elbo
    assert float(gap.mean()) < 0.02
    assert bool(torch.isfinite(log_likelihood(model, data, samples=5)).all())
    with pytest.raises(ValueError, match="PerRow got the row 40 and has 40"):
        model.trace({"x": x[:1], "row": torch.tensor([40])})


def test_refusals() -> None:
    q = DiagonalNormal(2).given("x", net=Linear())
    for options in ({"steps": 0}, {"rate": 0.0}, {"noise": 3}):
        with pytest.raises(ValueError, match="wanted at least one step"):
            Refined(q, **options)
    with pytest.raises(ValueError, match="no generative part reads 'z'"):
        LatentVariableModel({"z": StandardNormal(2), "x": Normal(3)}, {"z": Refined(q)})
    with pytest.raises(ValueError, match="rows=0; wanted 1"):
        PerRow(DiagonalNormal(2), rows=0)
    with pytest.raises(ValueError, match=r"conditions=\{'row': \(\)\}"):
        LatentVariableModel(
            {"z": StandardNormal(2), "x": Normal(3).given("z", net=Linear())},
            {"z": PerRow(DiagonalNormal(2), 10)},
            conditions={"row": 1},
        )
