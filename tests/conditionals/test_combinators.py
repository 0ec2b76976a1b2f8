"""Mixtures of conditionals and tempered copies: what their parts are given, and what they give."""

from __future__ import annotations

import math

import pytest
import torch

from anyvae.conditionals import (
    Bernoulli,
    Blocks,
    Categorical,
    Deterministic,
    DiagonalNormal,
    FullNormal,
    Laplace,
    Mixture,
    Normal,
    NormalMixture,
    OptimalScale,
    Poisson,
    StandardNormal,
    Tempered,
    UniformCategorical,
    observed,
    prior,
)
from anyvae.distributions import Columns
from anyvae.inference import log_likelihood, sample
from anyvae.model import VAE, LatentVariableModel, Partial
from anyvae.networks import MLP, Linear
from anyvae.objectives import ELBO

pytestmark = pytest.mark.usefixtures("double")


def test_each_part_reads_its_own_parents_and_the_weights_theirs() -> None:
    mixture = Mixture(
        [Normal(3).given("b", "a", net=MLP([4])), Laplace(3), Normal(3).given("a", net=Linear())],
        weights=Categorical(3).given("c", net=Linear()),
    )
    assert [str(parent) for parent in mixture.parents] == ["b", "a", "c"]
    model = LatentVariableModel(
        {"a": StandardNormal(2), "b": StandardNormal(4), "c": StandardNormal(1), "x": mixture}
    )
    a, b, c, x = torch.randn(5, 2), torch.randn(5, 4), torch.randn(5, 1), torch.randn(5, 3)
    first, second, third, weights = mixture.parts
    each = torch.stack([first(b, a).log_prob(x), second().log_prob(x), third(a).log_prob(x)], -1)
    wanted = (weights(c).logits + each).logsumexp(-1)
    found = model.trace({"a": a, "b": b, "c": c, "x": x}).log_p("x")
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-13)
    found.sum().backward()
    assert all(p.grad is not None and bool((p.grad != 0).any()) for p in mixture.parameters())
    assert sample(model, 4, seed=0)["x"].shape == (4, 3)


def test_weights_are_learned_unless_said() -> None:
    free, equal = Mixture([Normal(2), Laplace(2)]), Mixture([Normal(2), Laplace(2)], UniformCategorical(2))
    names = [
        [n for n, _ in part.build("x", {"x": part.event_shape}).named_parameters()] for part in (free, equal)
    ]
    assert "parts.2.free.logits" in names[0]
    assert len(names[0]) == len(names[1]) + 1
    x = torch.randn(6, 2)
    wanted = torch.stack([part().log_prob(x) for part in equal.parts[:2]], -1).logsumexp(-1) - math.log(2)
    torch.testing.assert_close(equal().log_prob(x), wanted)


def test_as_prior_and_likelihood() -> None:
    torch.manual_seed(0)
    start = {"loc": torch.tensor([2.0, 0.0])}
    model = VAE(
        Mixture([StandardNormal(2), DiagonalNormal(2).given(start=start)]),
        DiagonalNormal(2).given("x", net=MLP([8])),
        Mixture([Bernoulli(5).given("z", net=Linear()), Bernoulli(5).given("z", net=MLP([8]))]),
    )
    x = torch.rand(6, 5).round()
    model.check({"x": x})
    ELBO(samples=2)(model, {"x": x}).mean().backward()
    assert all(p.grad is not None and bool(torch.isfinite(p.grad).all()) for p in model.parameters())
    assert bool(torch.isfinite(log_likelihood(model, {"x": x}, 5)).all())
    assert model.trace({"x": x}).kl("z") is None
    with pytest.raises(ValueError, match="Bernoulli wants 0 or 1"):
        model.check({"x": x + 0.5})


def test_what_does_not_fit_a_mixture_is_refused() -> None:
    with pytest.raises(ValueError, match=r"1 component\(s\); wanted at least 2"):
        Mixture([Normal(2)])
    with pytest.raises(ValueError, match=r"weights over \(3,\) for 2 components"):
        Mixture([Normal(2), Laplace(2)], Categorical(3))
    with pytest.raises(ValueError, match=r"part 0 has event shape \(2,\), part 1 \(3,\)"):
        Mixture([Normal(2), Normal(3)])
    with pytest.raises(ValueError, match="part 1 is deterministic"):
        Mixture([Normal(2), Deterministic(2)])
    with pytest.raises(
        ValueError, match="'x': the weights of a Mixture follow Bernoulli; wanted a Categorical"
    ):
        LatentVariableModel({"x": Mixture([Normal(2), Laplace(2)], Bernoulli(2))})
    with pytest.raises(ValueError, match="'x' is given 'y', but the model has no variable"):
        LatentVariableModel({"x": Mixture([Normal(2), Laplace(2).given("y", net=Linear())])})
    mixture = Mixture([Normal(2), Poisson(2)])
    with pytest.raises(ValueError, match="Poisson wants counts"):
        mixture.check("x", torch.full((1, 2), 0.5))


@pytest.mark.parametrize("family", [StandardNormal(2), DiagonalNormal(2), FullNormal(2)])
def test_a_tempered_normal_has_its_scale_multiplied(family: DiagonalNormal) -> None:
    torch.manual_seed(0)
    part = Tempered(family, 0.6).build("z", {"z": torch.Size((2,))})
    with torch.no_grad():
        for parameter in part.parameters():
            parameter.copy_(torch.randn_like(parameter))
    warm, cool = part.parts[0](), part()
    noise = torch.randn(7, 2)
    torch.testing.assert_close(cool.mean, warm.mean)
    torch.testing.assert_close(cool.variance, 0.36 * warm.variance)
    torch.testing.assert_close(cool.from_noise(noise), warm.mean + 0.6 * (warm.from_noise(noise) - warm.mean))
    value = torch.randn(5, 2)
    wanted = warm.log_prob(warm.mean + (value - warm.mean) / 0.6) - 2 * math.log(0.6)
    torch.testing.assert_close(cool.log_prob(value), wanted)


def test_a_sampling_copy_shares_the_weights() -> None:
    torch.manual_seed(0)
    vae = VAE(
        DiagonalNormal(2), DiagonalNormal(2).given("x", net=Linear()), Normal(3).given("z", net=MLP([8]))
    )
    before = log_likelihood(vae, {"x": torch.zeros(2, 3)}, 5)
    p = vae.generative_parts
    cool = LatentVariableModel({"z": Tempered(p["z"], 0.5), "x": p["x"]})
    assert {id(weight) for weight in cool.parameters()} <= {id(weight) for weight in vae.parameters()}
    ours, theirs = sample(cool, 2000, ["z"], seed=0)["z"], sample(vae, 2000, ["z"], seed=0)["z"]
    torch.testing.assert_close(ours, 0.5 * theirs, rtol=0, atol=1e-12)
    with torch.no_grad():
        p["z"].free["loc"].fill_(3.0)
    assert float(sample(cool, 2000, ["z"], seed=0)["z"].mean()) == pytest.approx(3.0, abs=0.1)
    with torch.no_grad():
        p["z"].free["loc"].zero_()
    torch.testing.assert_close(log_likelihood(vae, {"x": torch.zeros(2, 3)}, 5), before)
    decoder = LatentVariableModel({"z": p["z"], "x": Tempered(p["x"], 0.1)})
    given = {"z": torch.zeros(2000, 2)}
    spread = sample(decoder, 2000, given=given, seed=1)["x"].std(0)
    torch.testing.assert_close(spread, 0.1 * sample(vae, 2000, given=given, seed=1)["x"].std(0))


def test_only_normals_are_tempered() -> None:
    for family in (NormalMixture(2, 3), Laplace(2), Normal(2, scale=OptimalScale()), Bernoulli(2)):
        with pytest.raises(ValueError, match="wanted a normal distribution"):
            LatentVariableModel({"z": Tempered(family, 0.5)})
    for temperature in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="wanted a positive number"):
            Tempered(StandardNormal(2), temperature)


def test_a_tempered_part_is_seen_by_those_that_read_its_distribution() -> None:
    """A posterior that starts from p(z) may start from a tempered one: combinators nest."""
    from anyvae.conditionals import ProductOfExperts, optional

    q = ProductOfExperts([DiagonalNormal(2).given(optional("x"), net=Linear())], prior=prior("z"))
    model = LatentVariableModel(
        {"z": Tempered(StandardNormal(2), 0.5), "x": Normal(3).given("z", net=Linear())}, {"z": q}
    )
    x = torch.randn(4, 3)
    precision = 4.0 + q.parts[0](x).scale ** -2
    torch.testing.assert_close(model.trace({"x": x}).q("z").scale, precision.rsqrt())


def test_blocks_read_their_own_parents() -> None:
    """With one draw more than rows for one parent: every block by itself, side by side."""
    blocks = Blocks(
        [Normal(2).given("z", net=MLP([4])), Categorical(3), Bernoulli(2).given("y", "z", net=Linear())]
    )
    model = LatentVariableModel(
        {"z": StandardNormal(2), "y": UniformCategorical(3), "x": blocks},
        {"z": DiagonalNormal(2).given("x", observed("x"), net=Linear())},
    )
    real, binary, y = torch.randn(5, 2), torch.rand(5, 2).round(), torch.eye(3)[[0, 1, 2, 0, 1]]
    x = torch.cat([real, torch.eye(3)[[2, 2, 0, 1, 1]], binary], -1)
    model.check({"x": x, "y": y})
    trace = model.trace({"x": x, "y": y}, 4)
    z = trace.values["z"]
    first, second, third = blocks.parts
    each = [first(z).cells(real), second().cells(x[:, 2:5]).expand(4, 5, 3), third(y, z).cells(binary)]
    found = trace.p("x")
    assert isinstance(found, Columns)
    assert found.batch_shape == (4, 5)
    torch.testing.assert_close(found.cells(x), torch.cat(each, -1))
    torch.testing.assert_close(trace.log_p("x"), torch.cat(each, -1).sum(-1))
    assert found.sample().shape == (4, 5, 7)
    mask = torch.rand(5, 7) > 0.4
    mask[:, 2:5] = mask[:, 2:3]
    holes = model.trace({"x": Partial(x, mask), "y": y}, 1)
    cells = holes.p("x").cells(torch.where(mask, x, 0.0))
    torch.testing.assert_close(holes.log_p("x"), (cells * mask).sum(-1))
    model.check({"x": sample(model, 20, given={"y": y.repeat(4, 1)}, seed=0)["x"]})
    with pytest.raises(ValueError, match=r"'x\[2\]' holds 0.5; Bernoulli wants 0 or 1"):
        model.check({"x": torch.cat([x[:, :5], binary * 0.0 + 0.5], -1)})


def test_blocks_are_vectors_of_independent_features() -> None:
    with pytest.raises(ValueError, match=r"block 1 has event shape \(2, 2\); wanted a vector"):
        Blocks([Normal(2), Normal((2, 2))])
    with pytest.raises(
        ValueError, match="'x': block 1 follows FullNormal, whose features are not independent"
    ):
        LatentVariableModel({"x": Blocks([Normal(2), FullNormal(2)])})
