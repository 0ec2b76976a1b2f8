"""Discrete latents: enumeration against brute force, mixed labels, two of them, and what is refused."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from test_exact_posterior import Labelled, equal
from torch import Size, Tensor

from anyvae.conditionals import (
    Bernoulli,
    Categorical,
    DiagonalNormal,
    Normal,
    StandardNormal,
    UniformCategorical,
)
from anyvae.inference import evaluate_bound, log_likelihood
from anyvae.model import LatentVariableModel, Partial
from anyvae.networks import MLP, Linear
from anyvae.objectives import ELBO, IWAE, Classify, Gumbel, elbo, iwae

pytestmark = pytest.mark.usefixtures("double")


def fixed(name: str, shape: Size, dtype: torch.dtype) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(len(name) + ord(name[0])), dtype=dtype)


def m2(seed: int = 0) -> LatentVariableModel:
    torch.manual_seed(seed)
    return LatentVariableModel(
        generative={
            "y": Categorical(3).given(start={"logits": torch.tensor([0.3, -0.5, 0.1])}),
            "z": StandardNormal(2),
            "x": Normal(4).given("y", "z", net=MLP([8])),
        },
        inference={
            "y": Categorical(3).given("x", net=MLP([8])),
            "z": DiagonalNormal(2).given("x", "y", net=MLP([8])),
        },
    )


def rows(count: int = 5, seed: int = 1) -> Tensor:
    return torch.randn(count, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_with_the_exact_posterior_every_enumerated_weight_is_the_evidence() -> None:
    case = Labelled(UniformCategorical(3), torch.full((3,), 1 / 3).log())
    x, c = case.linear.rows(6), torch.randn(6, 2)
    evidence = case.joint(x, c).logsumexp(1)
    for samples in (1, 4):
        trace = case.model.trace({"x": x, "c": c}, samples, enumerate=["y"])
        equal(trace.log_weight(), evidence)
    equal(log_likelihood(case.model, {"x": x, "c": c}, samples=3, enumerate=["y"]), evidence)


@pytest.mark.parametrize("samples", [1, 3])
def test_the_enumerated_bound_is_brute_force(samples: int) -> None:
    """sum_y q(y | x) (ELBO(x, y) - log q(y | x)), each ELBO from a trace in which y is given."""
    model, x = m2(), rows()
    q = model.inference_parts["y"](x)
    parts, weights = [], []
    for k in range(3):
        y = F.one_hot(torch.full((5,), k), 3).double()
        trace = model.trace({"x": x, "y": y}, samples, fixed)
        parts.append(elbo(trace))
        weights.append(trace.log_weight())
    by_class, probability = torch.stack(parts, 1), q.mean
    wanted = (probability * (by_class - q.logits)).sum(1)
    trace = model.trace({"x": x}, samples, fixed, enumerate=["y"])
    torch.testing.assert_close(elbo(trace), wanted)
    torch.testing.assert_close(
        trace.kl_of("y"), (probability * (q.logits - model.generative_parts["y"]().logits)).sum(1)
    )
    torch.testing.assert_close(
        iwae(trace), (torch.stack(weights).logsumexp(0)).logsumexp(0) - torch.tensor(samples).log()
    )
    gradients = torch.autograd.grad(elbo(trace).sum(), list(model.parameters()))
    for found, exact in zip(
        gradients, torch.autograd.grad(wanted.sum(), list(model.parameters())), strict=True
    ):
        torch.testing.assert_close(found, exact)


def test_labelled_and_unlabelled_rows_of_one_batch_are_those_of_two() -> None:
    model, x = m2(), rows(6)
    y = F.one_hot(torch.tensor([2, 0, 1, 1, 0, 2]), 3).double()
    mask = torch.tensor([True, False, True, False, False, True])

    def noise(name: str, shape: Size, dtype: torch.dtype) -> Tensor:
        return torch.full(shape, 0.3, dtype=dtype)

    for samples in (1, 2):
        mixed = model.trace({"x": x, "y": Partial(y, mask)}, samples, noise, enumerate=["y"])
        known = model.trace({"x": x[mask], "y": y[mask]}, samples, noise)
        hidden = model.trace({"x": x[~mask]}, samples, noise, enumerate=["y"])
        for of in (elbo, iwae):
            found = of(mixed)
            torch.testing.assert_close(found[mask], of(known))
            torch.testing.assert_close(found[~mask], of(hidden))
            wanted = of(known).sum() + of(hidden).sum()
            weights = list(model.parameters())
            ours = torch.autograd.grad(found.sum(), weights, allow_unused=True, retain_graph=True)
            exact = torch.autograd.grad(wanted, weights, allow_unused=True, retain_graph=True)
            for left, right in zip(ours, exact, strict=True):
                torch.testing.assert_close(*(torch.zeros(()) if g is None else g for g in (left, right)))


def test_enumeration_gives_the_classifier_no_gradient_under_iwae_but_for_its_own_term() -> None:
    model, x = m2(), rows()
    classifier = list(model.inference_parts["y"].parameters())

    def size(loss: Tensor) -> float:
        return float(sum(g.abs().sum() for g in torch.autograd.grad(loss, classifier)))

    assert size(IWAE(3, enumerate=["y"])(model, {"x": x}).sum()) < 1e-9
    assert size(ELBO(enumerate=["y"])(model, {"x": x}).sum()) > 1e-3
    y = Partial(
        F.one_hot(torch.tensor([0, 1, 2, 0, 1]), 3).double(), torch.tensor([True, False, True, False, False])
    )
    both = IWAE(3, enumerate=["y"]) + 5.0 * Classify("y")
    assert both.enumerate == ("y",)
    assert size(both(model, {"x": x, "y": y}).sum()) > 1e-3


def test_two_enumerated_latents_of_which_one_depends_on_the_other() -> None:
    torch.manual_seed(3)
    model = LatentVariableModel(
        generative={
            "a": UniformCategorical(2),
            "b": Categorical(3).given("a", net=Linear()),
            "z": DiagonalNormal(1).given("b", net=Linear()),
            "x": Normal(4).given("a", "z", net=MLP([6])),
        },
        inference={
            "a": Categorical(2).given("x", net=Linear()),
            "b": Categorical(3).given("x", "a", net=Linear()),
            "z": DiagonalNormal(1).given("x", "b", net=Linear()),
        },
    )
    x = rows()
    total, weights = torch.zeros(5), []
    for i in range(2):
        for j in range(3):
            a, b = F.one_hot(torch.full((5,), i), 2).double(), F.one_hot(torch.full((5,), j), 3).double()
            trace = model.trace({"x": x, "a": a, "b": b}, 2, fixed)
            q = model.inference_parts["a"](x).logits[:, i] + model.inference_parts["b"](x, a).logits[:, j]
            total = total + q.exp() * (elbo(trace) - q)
            weights.append(trace.log_weight())
    for names in (["a", "b"], ["b", "a"]):
        trace = model.trace({"x": x}, 2, fixed, enumerate=names)
        torch.testing.assert_close(elbo(trace), total)
        torch.testing.assert_close(trace.log_weight(), torch.stack(weights).logsumexp(0))
        assert trace.kl("z") is not None


def test_a_latent_without_inference_is_summed_over_its_prior() -> None:
    """p(y) p(x | y) with y enumerated from its prior: the weight is the exact evidence."""
    torch.manual_seed(4)
    model = LatentVariableModel({"y": Categorical(3), "x": Normal(4).given("y", net=Linear())})
    x = rows()
    exact = (
        torch.stack(
            [
                model.generative_parts["x"](F.one_hot(torch.tensor(k), 3).double()).log_prob(x)
                for k in range(3)
            ]
        ).logsumexp(0)
        - torch.tensor(3.0).log()
    )
    torch.testing.assert_close(model.trace({"x": x}, enumerate=["y"]).log_weight()[0], exact)


def test_the_bound_that_is_reported_can_sum_too() -> None:
    model, x = m2(), rows(400)
    exact = evaluate_bound(model, {"x": x}, samples=1, enumerate=["y"])
    drawn = evaluate_bound(model, {"x": x}, samples=400)
    assert float((exact.elbo - drawn.elbo).mean()) == pytest.approx(0.0, abs=0.05)
    again = evaluate_bound(model, {"x": x[:7]}, samples=1, enumerate=["y"])
    torch.testing.assert_close(again.elbo, exact.elbo[:7])


def test_what_cannot_be_enumerated_is_refused_by_name() -> None:
    model, x = m2(), rows()
    with pytest.raises(ValueError, match="'z' follows Normal, whose values cannot be enumerated"):
        model.trace({"x": x}, enumerate=["z"])
    with pytest.raises(ValueError, match="no variable 'w' to draw"):
        model.trace({"x": x}, enumerate=["w"])
    with pytest.raises(ValueError, match="in enumerate and in draws"):
        ELBO(enumerate=["y"], draws={"y": Gumbel(0.5)})
    with pytest.raises(ValueError, match=r"enumerate='y'; wanted a list"):
        ELBO(enumerate="y")


def test_binary_vectors_are_drawn_and_weighed_as_well() -> None:
    """A Bernoulli latent of three bits, drawn: the importance estimate goes to the sum over its eight values."""
    torch.manual_seed(5)
    model = LatentVariableModel(
        {"b": Bernoulli(3), "x": Normal(4).given("b", net=Linear())},
        {"b": Bernoulli(3).given("x", net=Linear())},
    )
    x = rows()
    exact = torch.stack(
        [
            model.generative_parts["x"](bits).log_prob(x) - torch.tensor(8.0).log()
            for bits in torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 3)
        ]
    ).logsumexp(0)
    torch.testing.assert_close(log_likelihood(model, {"x": x}, samples=40_000), exact, rtol=0, atol=0.05)
