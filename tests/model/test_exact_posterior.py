"""With the exact posterior as q, every single log-weight is the evidence: no statistics, nine digits."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import MultivariateNormal

from anyvae.conditionals import (
    Categorical,
    Conditional,
    DiagonalNormal,
    FeatureScale,
    Normal,
    OneScale,
    StandardNormal,
    UniformCategorical,
    observed,
)
from anyvae.inference import log_likelihood
from anyvae.model import LatentVariableModel, Partial
from anyvae.networks import Linear
from anyvae.objectives import elbo, iwae
from oracles import LinearGaussian, raw_scale, set_linear, set_scale, z_score

pytestmark = pytest.mark.usefixtures("double")


def equal(found: Tensor, evidence: Tensor) -> None:
    torch.testing.assert_close(found, evidence.expand_as(found), rtol=0, atol=1e-9)


@pytest.mark.parametrize(("features", "latents"), [(5, 1), (7, 3), (11, 8), (3, 3)])
@pytest.mark.parametrize("per_feature", [False, True])
def test_linear_gaussian(features: int, latents: int, per_feature: bool) -> None:
    oracle = LinearGaussian(features, latents, per_feature=per_feature)
    x = oracle.rows(6)
    evidence = oracle.evidence(x)
    for samples in (1, 16):
        trace = oracle.model.trace({"x": x}, samples)
        assert trace.log_weight().shape == (samples, 6)
        equal(trace.log_weight(), evidence)
        equal(iwae(trace), evidence)
    equal(log_likelihood(oracle.model, {"x": x}, samples=20), evidence)


def test_the_rotation_is_of_the_latents_only() -> None:
    """A full posterior is diagonal in the rotated latents; the evidence is that of any rotation."""
    oracle = LinearGaussian(6, 3, per_feature=True, seed=3)
    noise = oracle.noise
    full = torch.linalg.inv(torch.eye(3) + (oracle.loadings / noise[:, None] ** 2).T @ oracle.loadings)
    torch.testing.assert_close(full, torch.diag(full.diagonal()), rtol=0, atol=1e-12)
    generator = torch.Generator().manual_seed(3)
    torch.rand(6, generator=generator)
    unrotated = torch.randn(6, 3, generator=generator)
    assert float((unrotated - oracle.loadings).abs().max()) > 0.1
    x = oracle.rows(4)
    evidence = MultivariateNormal(oracle.offset, unrotated @ unrotated.T + torch.diag(noise**2)).log_prob(x)
    equal(oracle.model.trace({"x": x}, 5).log_weight(), evidence)


def test_the_bound_with_an_exact_kl_is_the_evidence_in_the_mean() -> None:
    oracle = LinearGaussian(5, 2)
    x = oracle.rows(3)
    torch.manual_seed(0)
    trace = oracle.model.trace({"x": x}, 20_000)
    assert trace.kl("z") is not None
    draws = trace.log_p("x") - trace.kl("z")
    assert bool((z_score(draws, oracle.evidence(x)).abs() < 5).all())
    torch.testing.assert_close(elbo(trace), draws.mean(0))


def hierarchy() -> tuple[LatentVariableModel, MultivariateNormal]:
    """p(z1) p(z2 | z1) p(x | z2) with q(z2 | x) q(z1 | z2), all exact; the names share their first letters."""
    a, b, tau, noise = 0.8, torch.tensor([1.0, -0.5, 2.0]), 0.6, 0.9
    model = LatentVariableModel(
        generative={
            "latent_top": StandardNormal(1),
            "latent_mid": Normal(1, scale=OneScale()).given("latent_top", net=Linear()),
            "x": Normal(3, scale=OneScale()).given("latent_mid", net=Linear()),
        },
        inference={
            "latent_mid": DiagonalNormal(1).given("x", net=Linear()),
            "latent_top": DiagonalNormal(1).given("latent_mid", net=Linear()),
        },
    )
    p, q = model.generative_parts, model.inference_parts
    set_linear(p["latent_mid"], loc=(torch.zeros(1), torch.tensor([[a]])))
    set_scale(p["latent_mid"], tau)
    set_linear(p["x"], loc=(torch.zeros(3), b[:, None]))
    set_scale(p["x"], noise)
    prior = a**2 + tau**2
    precision = 1 / prior + float(b.square().sum()) / noise**2
    set_linear(
        q["latent_mid"],
        loc=(torch.zeros(1), (b / noise**2 / precision)[None]),
        raw_scale=(raw_scale(precision**-0.5).view(1), torch.zeros(1, 3)),
    )
    top = 1 + a**2 / tau**2
    set_linear(
        q["latent_top"],
        loc=(torch.zeros(1), torch.tensor([[a / tau**2 / top]])),
        raw_scale=(raw_scale(top**-0.5).view(1), torch.zeros(1, 1)),
    )
    return model, MultivariateNormal(torch.zeros(3), prior * torch.outer(b, b) + noise**2 * torch.eye(3))


def test_two_level_hierarchy() -> None:
    model, evidence = hierarchy()
    x = 2.0 * torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    trace = model.trace({"x": x}, 7)
    equal(trace.log_weight(), evidence.log_prob(x))
    # p(z2 | z1) reads z1, which is drawn from z2: its closed form would average over the wrong thing.
    assert trace.kl("latent_mid") is None
    assert trace.kl("latent_top") is not None
    equal(log_likelihood(model, {"x": x}, samples=30), evidence.log_prob(x))


def test_draws_of_two_latents_are_independent_whatever_their_names() -> None:
    """A wrong q makes the estimate depend on the draws: noise shared between latents would bias it."""
    model, evidence = hierarchy()
    with torch.no_grad():
        for part in model.inference_parts.values():
            part.net.entry.layers[0].bias[1] += 0.3
            part.net.entry.layers[0].bias[0] += 0.2
    x = torch.randn(400, 3, generator=torch.Generator().manual_seed(1))
    error = log_likelihood(model, {"x": x}, samples=2000) - evidence.log_prob(x)
    assert abs(float(error.mean())) < 3e-3
    noise = []
    model.trace({"x": x}, 3, lambda name, shape, dtype: noise.append((name, shape)) or torch.zeros(shape))
    assert [name for name, _ in noise] == ["latent_mid", "latent_top"]


def test_two_level_hierarchy_from_the_prior_of_the_top() -> None:
    """Without q(z1) it is drawn from p(z1): the importance estimate still goes to the same evidence."""
    exact, evidence = hierarchy()
    p = exact.generative_parts
    model = LatentVariableModel(dict(p), {"latent_mid": exact.inference_parts["latent_mid"]})
    x = 0.5 * torch.randn(4, 3, generator=torch.Generator().manual_seed(2))
    trace = model.trace({"x": x})
    assert trace.plan.draws == (("latent_mid", True), ("latent_top", False))
    estimate = log_likelihood(model, {"x": x}, samples=40_000)
    torch.testing.assert_close(estimate, evidence.log_prob(x), rtol=0, atol=0.02)


class Labelled:
    """p(y) p(z) p(x | y, z, c), with exact q(y | x, c) (linear discriminants) and q(z | x, y, c)."""

    def __init__(self, prior: Conditional | Categorical | UniformCategorical, log_prior: Tensor) -> None:
        classes, latents, features = 3, 2, 4
        generator = torch.Generator().manual_seed(5)
        shift = torch.randn(features, classes, generator=generator)
        slope = torch.randn(features, 2, generator=generator)
        self.linear = LinearGaussian(features, latents, per_feature=True, seed=5)
        noise, loadings, offset = self.linear.noise, self.linear.loadings, self.linear.offset
        self.model = LatentVariableModel(
            generative={
                "y": prior,
                "z": StandardNormal(latents),
                "x": Normal(features, scale=FeatureScale()).given("y", "z", "c", net=Linear()),
            },
            inference={
                "y": Categorical(classes).given("x", "c", net=Linear()),
                "z": DiagonalNormal(latents).given("x", "y", "c", net=Linear()),
            },
            conditions={"c": 2},
        )
        p, q = self.model.generative_parts, self.model.inference_parts
        set_linear(p["x"], loc=(offset, shift, loadings, slope))
        set_scale(p["x"], noise)
        gain = (loadings / noise[:, None] ** 2).T / self.linear.posterior_precision[:, None]
        zero = torch.zeros(latents, classes)
        set_linear(
            q["z"],
            loc=(-gain @ offset, gain, -gain @ shift, -gain @ slope),
            raw_scale=(
                raw_scale(self.linear.posterior_scale),
                torch.zeros(latents, features),
                zero,
                torch.zeros(latents, 2),
            ),
        )
        inverse = torch.linalg.inv(self.linear.covariance)
        constant = log_prior - 0.5 * ((shift.T @ inverse) * shift.T).sum(1) - shift.T @ inverse @ offset
        set_linear(q["y"], logits=(constant, shift.T @ inverse, -shift.T @ inverse @ slope))
        self.shift, self.slope, self.log_prior = shift, slope, log_prior

    def joint(self, x: Tensor, c: Tensor) -> Tensor:
        """log p(x, y | c) of every class, shape (B, classes)."""
        middle = (self.linear.offset + c @ self.slope.T)[:, None] + self.shift.T
        density = MultivariateNormal(middle, self.linear.covariance).log_prob(x[:, None])
        return density + self.log_prior


@pytest.mark.parametrize("learned", [False, True])
def test_labels_given_in_some_rows_and_conditions(learned: bool) -> None:
    weights = torch.tensor([0.2, -1.0, 0.6]) if learned else torch.zeros(3)
    prior = Categorical(3).given(start={"logits": weights}) if learned else UniformCategorical(3)
    case = Labelled(prior, weights.log_softmax(-1))
    generator = torch.Generator().manual_seed(7)
    x, c = case.linear.rows(8), torch.randn(8, 2, generator=generator)
    label = torch.randint(3, (8,), generator=generator)
    joint = case.joint(x, c)
    y = F.one_hot(label, 3).double()
    known = joint.gather(1, label[:, None]).squeeze(1)
    hidden = joint.logsumexp(1)
    mask = torch.tensor([True, False] * 4)
    for batch, expected in (
        ({"x": x, "c": c}, hidden),
        ({"x": x, "c": c, "y": y}, known),
        (
            {"x": x, "c": c, "y": Partial(torch.where(mask[:, None], y, torch.nan), mask)},
            known.where(mask, hidden),
        ),
    ):
        equal(case.model.trace(batch, 9).log_weight(), expected)
        equal(log_likelihood(case.model, batch, samples=12), expected)


def test_a_given_label_without_q_counts_in_the_rows_that_have_it() -> None:
    """Holes drawn from p: the given rows of log p(y) count, the drawn ones cancel."""
    case = Labelled(UniformCategorical(3), torch.full((3,), 1 / 3).log())
    p, q = case.model.generative_parts, case.model.inference_parts
    model = LatentVariableModel(
        dict(p), {"z": DiagonalNormal(2).given("x", "c", net=Linear())}, conditions={"c": 2}
    )
    with torch.no_grad():
        net, old = model.inference_parts["z"].net, q["z"].net
        for layer, part in zip(net.entry.layers, (old.entry.layers[0], old.entry.layers[2]), strict=True):
            layer.weight.copy_(part.weight)
        net.entry.layers[0].bias.copy_(old.entry.layers[0].bias)
        net.entry.layers[0].bias[2:] += 0.7
    x, c, label = case.linear.rows(4), torch.zeros(4, 2), torch.tensor([0, 1, 2, 0])
    mask = torch.tensor([True, True, False, False])
    batch = {"x": x, "c": c, "y": Partial(F.one_hot(label, 3).double(), mask)}
    assert model.plan(model.admit(batch)).draws == (("z", True), ("y", False))
    joint = case.joint(x, c)
    expected = torch.where(mask, joint.gather(1, label[:, None]).squeeze(1), joint.logsumexp(1))
    torch.testing.assert_close(log_likelihood(model, batch, samples=60_000), expected, rtol=0, atol=0.1)
    torch.manual_seed(0)
    trace = model.trace(batch, 20_000)
    torch.testing.assert_close(elbo(trace), trace.log_weight().mean(0), rtol=0, atol=0.1)


def test_mixture_of_normals_latent_takes_no_closed_form() -> None:
    """p(z | y) with q(z | x) q(y | z): y depends on the drawn z, so KL(q(z) || p(z | y)) is invalid."""
    model = LatentVariableModel(
        generative={
            "y": UniformCategorical(3),
            "z": DiagonalNormal(2).given("y", net=Linear()),
            "x": Normal(4).given("z", net=Linear()),
        },
        inference={
            "z": DiagonalNormal(2).given("x", net=Linear()),
            "y": Categorical(3).given("z", net=Linear()),
        },
    )
    torch.manual_seed(0)
    x = torch.randn(5, 4)
    trace = model.trace({"x": x}, 20_000)
    assert trace.kl("z") is None
    assert trace.kl("y") is not None
    assert bool((z_score(trace.log_weight().detach(), elbo(trace).detach()).abs() < 5).all())
    other = LatentVariableModel(
        dict(model.generative_parts),
        {
            "y": Categorical(3).given("x", net=Linear()),
            "z": DiagonalNormal(2).given("x", "y", net=Linear()),
        },
    )
    trace = other.trace({"x": x}, 20_000)
    assert trace.kl("z") is not None
    assert trace.kl("y") is not None
    assert bool((z_score(trace.log_weight().detach(), elbo(trace).detach()).abs() < 5).all())


def test_missing_cells_against_the_marginal() -> None:
    """Rows with holes: the importance estimate goes to the exact marginal of the given cells."""
    oracle = LinearGaussian(4, 2, per_feature=True)
    mask = torch.tensor([[1, 1, 1, 1], [1, 0, 1, 0], [0, 0, 0, 1], [0, 1, 1, 1]]).bool()
    model = LatentVariableModel(
        dict(oracle.model.generative_parts),
        {"z": DiagonalNormal(2).given("x", observed("x"), net=Linear())},
    )
    encoder = model.inference_parts["z"]
    zeros = torch.zeros(2, 4)
    set_linear(encoder, loc=(torch.zeros(2), zeros, zeros), raw_scale=(torch.zeros(2), zeros, zeros))
    x = oracle.rows(4)
    found = log_likelihood(model, {"x": Partial(x, mask)}, samples=60_000)
    for row in range(4):
        keep = mask[row]
        exact = MultivariateNormal(oracle.offset[keep], oracle.covariance[keep][:, keep]).log_prob(
            x[row, keep]
        )
        assert math.isclose(float(found[row]), float(exact), abs_tol=0.15), (row, found[row], exact)
