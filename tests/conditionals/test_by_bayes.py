"""The exact posterior of a class: against brute force, as a cluster of a latent, beside holes."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

from anyvae.conditionals import (
    ByBayes,
    Categorical,
    DiagonalNormal,
    Normal,
    StandardNormal,
    UniformCategorical,
)
from anyvae.inference import log_likelihood
from anyvae.model import LatentVariableModel, Partial
from anyvae.networks import MLP, Linear
from anyvae.objectives import ELBO, elbo
from oracles import z_score

pytestmark = pytest.mark.usefixtures("double")


def clusters() -> LatentVariableModel:
    """A Gaussian mixture in a latent space with a second latent: p(w) p(y) p(z | w, y) p(x | z)."""
    torch.manual_seed(0)
    return LatentVariableModel(
        generative={
            "w": StandardNormal(2),
            "y": Categorical(3).given(start={"logits": torch.tensor([0.5, -0.2, 0.1])}),
            "z": DiagonalNormal(2).given("w", "y", net=MLP([6])),
            "x": Normal(4).given("z", net=MLP([6])),
        },
        inference={
            "z": DiagonalNormal(2).given("x", net=MLP([6])),
            "w": DiagonalNormal(2).given("x", net=MLP([6])),
            "y": ByBayes(3),
        },
    )


def test_it_is_bayes_rule_at_the_drawn_latents() -> None:
    model = clusters()
    x = torch.randn(5, 4)
    for samples in (1, 3):
        trace = model.trace({"x": x}, samples, enumerate=["y"])
        z, w = trace.values["z"], trace.values["w"]
        p = model.generative_parts
        joint = torch.stack(
            [p["z"](w, torch.eye(3)[k]).log_prob(z) + p["y"]().logits[k] for k in range(3)], -1
        )
        torch.testing.assert_close(trace.q("y").logits, joint.log_softmax(-1).expand_as(trace.q("y").logits))
        # Summed out, the class leaves the marginal prior of z given w.
        q, values = model.inference_parts, trace
        rest = p["x"](z).log_prob(x) + p["w"]().log_prob(w) - q["z"](x).log_prob(z) - q["w"](x).log_prob(w)
        torch.testing.assert_close(values.log_weight(), (rest + joint.logsumexp(-1)).view(samples, 5))
    assert [str(parent) for parent in model.inference_parts["y"].parents] == ["z", "w"]
    assert not list(model.inference_parts["y"].parameters())


def test_its_bound_is_the_sampled_one_and_reaches_the_generative_parts() -> None:
    model = clusters()
    x = torch.randn(3, 4)
    with torch.no_grad():
        trace = model.trace({"x": x}, 20_000, enumerate=["y"])
        drawn = model.trace({"x": x}, 20_000)
        assert bool((z_score(drawn.log_weight(), elbo(trace)).abs() < 5).all())
        assert trace.kl("z") is None
    bound = ELBO(enumerate=["y"])(model, {"x": x}).sum()
    gradients = torch.autograd.grad(bound, list(model.generative_parts["z"].parameters()))
    assert all(float(gradient.abs().sum()) > 0 for gradient in gradients)
    twin = copy.deepcopy(model)
    torch.testing.assert_close(
        log_likelihood(twin, {"x": x}, 50, enumerate=["y"]),
        log_likelihood(model, {"x": x}, 50, enumerate=["y"]),
    )
    with torch.no_grad():
        twin.generative_parts["y"].free["logits"][0] += 1.0
    moved = (
        twin.trace({"x": x}, enumerate=["y"]).q("y").logits
        - model.trace({"x": x}, enumerate=["y"]).q("y").logits
    )
    assert float(moved.detach().abs().max()) > 0.1


def test_of_observed_rows_with_holes_it_is_the_evidence() -> None:
    """A mixture of normals without other latents: every weight is the exact evidence of the given cells."""
    torch.manual_seed(1)
    model = LatentVariableModel(
        {"y": UniformCategorical(3), "x": Normal(4).given("y", net=Linear())}, {"y": ByBayes(3)}
    )
    x, mask = torch.randn(4, 4), torch.rand(4, 4) > 0.4
    parts = [model.generative_parts["x"](torch.eye(3)[k]) for k in range(3)]

    def evidence(cells: Tensor) -> Tensor:
        joint = torch.stack([(p.cells(x) * cells).sum(-1) for p in parts])
        return joint.logsumexp(0) - torch.tensor(3.0).log()

    for batch, cells in (({"x": x}, torch.ones(4, 4)), ({"x": Partial(x, mask)}, mask.double())):
        for enumerate in ([], ["y"]):
            weights = model.trace(batch, 6, enumerate=enumerate).log_weight()
            torch.testing.assert_close(weights, evidence(cells).expand(6, 4))


def test_refusals() -> None:
    with pytest.raises(ValueError, match="ByBayes: no generative part reads 'y'"):
        LatentVariableModel({"y": UniformCategorical(3), "x": Normal(4)}, {"y": ByBayes(3)})
    model = LatentVariableModel(
        {"y": DiagonalNormal(3), "x": Normal(4).given("y", net=Linear())}, {"y": ByBayes(3)}
    )
    with pytest.raises(ValueError, match=r"ByBayes: p\(y\) is Normal; wanted Categorical"):
        model.trace({"x": torch.randn(2, 4)})
    with pytest.raises(ValueError, match=r"p\(y\) cannot be ByBayes"):
        LatentVariableModel({"y": ByBayes(3), "x": Normal(4).given("y", net=Linear())})
