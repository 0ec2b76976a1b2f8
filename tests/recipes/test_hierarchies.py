"""Hierarchies: weights at drawn latents against densities written out, and what they reach on rows of a known law."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import pytest
import torch
from by_hand import around, fixed, read, rows, scale_of, standard, stir
from torch import Tensor, nn
from torch.distributions import Independent, MultivariateNormal
from torch.distributions import Normal as TorchNormal

from anyvae.conditionals import Bernoulli, Normal
from anyvae.inference import log_likelihood, weigh
from anyvae.model import LatentVariableModel, Partial
from anyvae.networks import MLP, Linear
from anyvae.objectives import ELBO, LinearRamp
from anyvae.recipes import dlgm, ladder_vae, topdown_vae, two_level_vae
from anyvae.training import fit

S = 3
NET = MLP([8])


def made(constructor: Callable[..., LatentVariableModel], **options: object) -> LatentVariableModel:
    torch.manual_seed(0)
    model = constructor(Normal(4), 3, encoder=NET, decoder=NET, hidden=6, **options)
    stir(model, 0.3)
    return model


def draw(of: Independent, name: str) -> Tensor:
    return of.mean + of.stddev * fixed(name, torch.Size((S, 6, of.event_shape[0])), torch.float64)


def same(model: LatentVariableModel, x: Tensor, wanted: Tensor) -> None:
    torch.testing.assert_close(model.trace({"x": x}, S, fixed).log_weight(), wanted)


@pytest.mark.usefixtures("double")
def test_the_noise_of_every_layer_enters_one_path() -> None:
    model, x = made(dlgm), rows()
    assert model.latents == ("z1", "z2", "z3")
    p, q = model.generative_parts, model.inference_parts
    [d] = q["d"].net(x)
    total: Tensor | float = 0.0
    z = {}
    for name in model.latents:
        of = read(q[name], d)
        z[name] = draw(of, name)
        total = total + standard(z[name]).log_prob(z[name]) - of.log_prob(z[name])
    [h3] = p["h3"].net(z["z3"])
    h2 = h3 + p["h2"].net.net(h3, z["z2"])[0]
    h1 = h2 + p["h1"].net.net(h2, z["z1"])[0]
    same(model, x, total + around(p["x"], p["x"].net(h1)[0]).log_prob(x))


@pytest.mark.usefixtures("double")
def test_two_levels_inferred_upwards() -> None:
    model, x = made(two_level_vae), rows()
    assert model.shapes["z2"] == (1,)
    assert two_level_vae(Normal(4), 3, above=5).shapes["z2"] == (5,)
    p, q = model.generative_parts, model.inference_parts
    of_z1 = read(q["z1"], x)
    z1 = draw(of_z1, "z1")
    of_z2 = read(q["z2"], z1)
    z2 = draw(of_z2, "z2")
    log_p = standard(z2).log_prob(z2) + read(p["z1"], z2).log_prob(z1)
    log_p = log_p + around(p["x"], p["x"].net(z1)[0]).log_prob(x)
    same(model, x, log_p - of_z1.log_prob(z1) - of_z2.log_prob(z2))


@pytest.mark.usefixtures("double")
def test_the_posteriors_of_a_ladder_weigh_by_precision() -> None:
    model, x = made(ladder_vae, sizes=[3, 2, 4]), rows()
    assert model.latents == ("z3", "z2", "z1")
    p, q = model.generative_parts, model.inference_parts
    d = {1: q["d1"].net(x)[0]}
    for level in (2, 3):
        [d[level]] = q[f"d{level}"].net(d[level - 1])
    of = read(q["z3"], d[3])
    z = draw(of, "z3")
    total = standard(z).log_prob(z) - of.log_prob(z)
    for level in (2, 1):
        prior = read(p[f"z{level}"], z)
        [from_below] = q[f"z{level}"].parts
        loc, raw = from_below.net(d[level])
        precise, prior_precise = scale_of(raw) ** -2, prior.stddev**-2
        mean = (loc * precise + prior.mean * prior_precise) / (precise + prior_precise)
        of = Independent(TorchNormal(mean, (precise + prior_precise) ** -0.5), 1)
        z = draw(of, f"z{level}")
        total = total + prior.log_prob(z) - of.log_prob(z)
    same(model, x, total + around(p["x"], p["x"].net(z)[0]).log_prob(x))


@pytest.mark.usefixtures("double")
def test_the_posteriors_of_a_top_down_hierarchy_are_differences_to_their_priors() -> None:
    model, x = made(topdown_vae), rows()
    p, q = model.generative_parts, model.inference_parts
    d = {1: q["d1"].net(x)[0]}
    for level in (2, 3):
        d[level] = d[level - 1] + q[f"d{level}"].net.net(d[level - 1])[0]
    of = read(q["z3"], d[3])
    z = draw(of, "z3")
    total = standard(z).log_prob(z) - of.log_prob(z)
    [h] = p["h3"].net(z)
    for level in (2, 1):
        prior = read(p[f"z{level}"], h)
        loc, raw = q[f"z{level}"].part.net(d[level], h)
        of = Independent(
            TorchNormal(prior.mean + prior.stddev * loc, prior.stddev * scale_of(raw).expand_as(loc)), 1
        )
        z = draw(of, f"z{level}")
        total = total + prior.log_prob(z) - of.log_prob(z)
        h = h + p[f"h{level}"].net.net(h, z)[0]
    same(model, x, total + around(p["x"], p["x"].net(h)[0]).log_prob(x))


def test_sizes_are_those_that_are_asked_for() -> None:
    assert [ladder_vae(Bernoulli(6), 8).shapes[f"z{level}"][0] for level in (1, 2, 3)] == [8, 4, 2]
    assert [ladder_vae(Bernoulli(6), 3, layers=2).shapes[f"z{level}"][0] for level in (1, 2)] == [3, 2]
    assert ladder_vae(Bernoulli(6), 1, layers=1).shapes["z1"] == (1,)
    assert [topdown_vae(Bernoulli(6), 8, layers=2).shapes[f"z{level}"][0] for level in (1, 2)] == [8, 8]
    assert topdown_vae(Bernoulli(6), 8, sizes=[2, 3, 4, 5]).latents == ("z4", "z3", "z2", "z1")
    assert dlgm(Bernoulli(6), 2, layers=1).latents == ("z1",)
    for constructor in (dlgm, ladder_vae, topdown_vae):
        with pytest.raises(ValueError, match=rf"{constructor.__name__} got 0 layers; wanted at least 1"):
            constructor(Bernoulli(6), 2, layers=0)
    with_holes = topdown_vae(Bernoulli(6), 2, missing=True)
    assert [str(parent) for parent in with_holes.inference_parts["d1"].parents] == ["x", "observed(x)"]
    torch.manual_seed(0)
    start = dlgm(Normal(4), 2, start={"loc": torch.tensor([50.0, 0.0, -50.0, 0.0])})
    half = Partial(torch.zeros(1, 4), torch.zeros(1, 4, dtype=torch.bool))
    mean = start.trace({"x": half}).p("x").mean.detach().squeeze(0)
    torch.testing.assert_close(mean, torch.tensor([50.0, 0.0, -50.0, 0.0]), rtol=0, atol=5.0)


def test_the_lower_layers_of_a_picture_are_images() -> None:
    torch.manual_seed(0)
    for shape, places in (((1, 28, 28), (7, 7)), ((3, 32, 64), (8, 16)), ((1, 14, 14), (7, 7))):
        for constructor in (ladder_vae, topdown_vae):
            model = constructor(Bernoulli(shape), 6, channels=8, hidden=16)
            assert {name: tuple(model.shapes[name]) for name in model.latents} == {
                "z3": (6,),
                "z2": (4, *places),
                "z1": (4, *places),
            }
            assert tuple(model.shapes["d1"]) == (8, *places)
            assert any(isinstance(part, nn.Conv2d) for part in model.generative_parts["x"].modules())
        # A state is of the level that reads it: what z3 says has a place of its own for every latent below.
        assert {name: tuple(model.shapes[name]) for name in ("h3", "h2", "h1", "d3")} == {
            **dict.fromkeys(("h3", "h2", "h1"), (8, *places)),
            "d3": (16,),
        }
    # A side that cannot be halved, and one that is small already: vectors.
    for shape in ((1, 28, 30), (1, 8, 8)):
        assert tuple(topdown_vae(Bernoulli(shape), 6).shapes["z1"]) == (6,)


def test_every_layer_of_a_picture_is_drawn_read_and_scored() -> None:
    torch.manual_seed(0)
    images = [(2, 8, 8), (3, 4, 4)]
    for constructor, sizes in itertools.product((ladder_vae, topdown_vae), ([*images, 5], images)):
        model = constructor(Bernoulli((1, 16, 16)), 5, sizes=sizes, channels=8, hidden=16)
        if len(sizes) == 2:
            assert not any(isinstance(part, nn.Linear) for part in model.modules())
        x = (torch.rand(3, 1, 16, 16) > 0.5).float()
        assert tuple(model.trace({"x": x}).log_weight().shape[-1:]) == (3,)
        ELBO()(model, {"x": x}).sum().backward()
        for name, parameter in model.named_parameters():
            assert parameter.grad is not None, name


@pytest.mark.parametrize("constructor", [dlgm, two_level_vae, ladder_vae, topdown_vae])
def test_the_likelihood_reaches_that_of_a_linear_law(constructor: Callable[..., LatentVariableModel]) -> None:
    """Rows of N(0, A A' + .25 I): the best mean log-likelihood is minus their entropy."""
    torch.manual_seed(0)
    loadings = torch.tensor([[1.5, 0.0], [1.0, 1.0], [0.0, -1.5], [-1.0, 0.5]])
    law = MultivariateNormal(torch.zeros(4), loadings @ loadings.T + 0.25 * torch.eye(4))
    x, held_out = law.sample((2000,)), law.sample((2000,))
    layers = {} if constructor is two_level_vae else {"layers": 2}
    model = constructor(Normal(4), 2, encoder=Linear(), decoder=Linear(), hidden=16, **layers)
    # Without a warm-up of the KL a latent of the two may be lost for good.
    warm = ELBO(beta=LinearRamp(0.0, 1.0, until=0.5))
    fit(model, {"x": x}, objective=warm, steps=400, batch_size=100, learning_rate=0.02)
    reached = log_likelihood(model, {"x": held_out[:500]}, samples=100).mean()
    exact = law.log_prob(held_out[:500]).mean()
    assert float(reached) == pytest.approx(float(exact), abs=0.1)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("constructor", [dlgm, topdown_vae, ladder_vae, two_level_vae])
def test_draws_of_the_prior_beside_those_of_q_weigh_as_much(
    constructor: Callable[..., LatentVariableModel],
) -> None:
    """States between the layers are computed from latents of which half come from the prior."""
    model, x = made(constructor), rows()
    # Without a q every latent is drawn from the prior, and its weight is p(x | z) alone.
    plain = LatentVariableModel(dict(model.generative_parts), {})
    torch.manual_seed(1)
    told = []
    with torch.no_grad():
        for weights in (
            weigh(model, {"x": x}, 20_000, prior=0.5).log_weight,
            plain.trace({"x": x}, 20_000).log_weight(),
        ):
            mean = weights.logsumexp(0) - math.log(len(weights))
            told.append((mean, (weights - mean).exp().std(0) / len(weights) ** 0.5))
    (ours, error), (wanted, other) = told
    assert float(((ours - wanted) / torch.hypot(error, other)).abs().max()) < 5.0
    assert float(torch.hypot(error, other).max()) < 0.1
