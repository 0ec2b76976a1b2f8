"""Latents on spheres and simplices and relaxed ones: parameters, bounds, refusals, and whole models of them."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Size

from anyvae import distributions
from anyvae.conditionals import (
    Dirichlet,
    Family,
    LogisticNormal,
    Normal,
    PowerSpherical,
    RelaxedBernoulli,
    RelaxedCategorical,
    UniformSphere,
    VonMisesFisher,
)
from anyvae.inference import embed, evaluate_bound, log_likelihood, sample
from anyvae.model import VAE
from anyvae.networks import MLP, Linear

pytestmark = pytest.mark.usefixtures("double")

PAIRS: dict[str, tuple[Family, Family, bool]] = {
    "von_mises_fisher": (VonMisesFisher(3), UniformSphere(3), True),
    "von_mises": (VonMisesFisher(2), UniformSphere(2), True),
    "learned_direction": (VonMisesFisher(3), VonMisesFisher(3), True),
    "power_spherical": (PowerSpherical(3), UniformSphere(3), True),
    "power_and_mises": (PowerSpherical(3), VonMisesFisher(3), False),
    "dirichlet": (Dirichlet(3), Dirichlet(3, concentration=0.3), True),
    "learned_dirichlet": (Dirichlet(3), Dirichlet(3), True),
    "logistic_normal": (LogisticNormal(3), LogisticNormal(3), True),
    "relaxed_bits": (RelaxedBernoulli(3), RelaxedBernoulli(3), False),
    "relaxed_class": (RelaxedCategorical(3), RelaxedCategorical(3, temperature=0.7), False),
}


@pytest.mark.parametrize("name", PAIRS)
def test_models_of_them_learn_and_answer(name: str) -> None:
    posterior, prior, exact = PAIRS[name]
    torch.manual_seed(0)
    model = VAE(prior, posterior.given("x", net=MLP([8])), Normal(4).given("z", net=MLP([8])))
    x = torch.randn(6, 4)
    trace = model.trace({"x": x}, samples=3)
    assert (trace.kl("z") is not None) == exact
    trace.elbo().mean().backward()
    gradients = [parameter.grad for parameter in model.parameters()]
    assert all(g is not None and bool(torch.isfinite(g).all()) for g in gradients)
    assert sum(bool((g != 0).any()) for g in gradients if g is not None) == len(gradients)
    bound = evaluate_bound(model, {"x": x}, samples=4)
    assert bool((log_likelihood(model, {"x": x}, samples=200) > bound.elbo - 1.0).all())
    # A batch is a loop over its rows, draws from fixed noise included.
    alone = torch.cat([evaluate_bound(model, {"x": x[i : i + 1]}, samples=4).elbo for i in range(6)])
    torch.testing.assert_close(bound.elbo, alone)
    assert embed(model, {"x": x}).shape == (6, *posterior.event_shape)
    drawn = sample(model, 5, names=["z", "x"], seed=0)
    posterior.check("z", drawn["z"])
    prior.check("z", drawn["z"])
    assert bool(torch.isfinite(drawn["x"]).all())


@pytest.mark.parametrize("name", ["von_mises_fisher", "power_spherical", "dirichlet", "logistic_normal"])
def test_the_exact_divergence_is_the_mean_of_the_sampled_one(name: str) -> None:
    posterior, prior, _ = PAIRS[name]
    torch.manual_seed(0)
    model = VAE(prior, posterior.given("x", net=Linear()), Normal(4).given("z", net=Linear()))
    trace = model.trace({"x": 3.0 * torch.randn(4, 4)}, samples=1000)
    ratio = (trace.log_q("z") - trace.log_p("z")).detach()
    exact = trace.kl("z")
    assert exact is not None
    error = ratio.std(0) / math.sqrt(1000)
    assert bool(((ratio.mean(0) - exact).abs() < 5 * error + 1e-9).all())


@pytest.mark.parametrize("kind", [VonMisesFisher, PowerSpherical])
def test_any_raw_numbers_give_a_direction_and_a_bounded_concentration(kind: type[VonMisesFisher]) -> None:
    family = kind(4)
    raw = torch.tensor([[0.0] * 4, [1e-20, 0.0, 0.0, 0.0], [3e30, 4e30, 0.0, 0.0]], dtype=torch.float32)
    strength = torch.tensor([0.0, -1e6, 1e6], dtype=torch.float32).requires_grad_()
    raw.requires_grad_()
    p = family({"raw_loc": raw, "raw_concentration": strength}, {})
    torch.testing.assert_close(p.loc.norm(dim=-1), torch.ones(3, dtype=torch.float32))
    torch.testing.assert_close(p.loc[2, :2], torch.tensor([0.6, 0.8], dtype=torch.float32))
    assert p.concentration.tolist() == pytest.approx([4.0, 4 * math.exp(-12), 4 * math.exp(12)], rel=1e-5)
    cosine = 0.65805 if kind is VonMisesFisher else 4.0 / 7.0
    assert float(p.mean[0].norm().detach()) == pytest.approx(cosine, abs=1e-5)
    gradients = torch.autograd.grad(p.log_prob(p.loc.detach()).sum(), (raw, strength))
    assert all(bool(torch.isfinite(g).all()) for g in gradients)
    # A direction without parents starts somewhere: zeros would have none.
    part = family.given().build("z", {})
    assert bool((part.free["raw_loc"] != 0).all())
    (slope,) = torch.autograd.grad(part().log_prob(torch.eye(4)[0]), part.free["raw_loc"])
    assert float(slope.abs().max()) > 0.1


def test_parameters_sizes_and_constants() -> None:
    assert VonMisesFisher(5).params == {"raw_loc": Size((5,)), "raw_concentration": Size(())}
    assert UniformSphere(5).params == {}
    assert LogisticNormal(5).params == {"loc": Size((4,)), "raw_scale": Size((4,))}
    fixed = Dirichlet(3, concentration=0.2).given().build("z", {})
    assert list(fixed.parameters()) == []
    torch.testing.assert_close(fixed().concentration, torch.full((3,), 0.2))
    learned = Dirichlet(3).given().build("z", {})
    torch.testing.assert_close(learned().concentration.detach(), torch.ones(3))
    cold = RelaxedCategorical(3, temperature=0.1).given().build("z", {})
    assert float(cold().temperature) == pytest.approx(0.1)
    assert isinstance(RelaxedBernoulli((2, 2)).given().build("z", {})(), distributions.RelaxedBernoulli)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: VonMisesFisher(1), r"VonMisesFisher got 1 feature\(s\); wanted at least 2"),
        (lambda: UniformSphere(1), "UniformSphere got 1"),
        (lambda: Dirichlet(1), "Dirichlet got 1 classes"),
        (lambda: Dirichlet(3, concentration=0.0), r"concentration=0\.0; wanted a positive"),
        (lambda: RelaxedCategorical(1), "RelaxedCategorical got 1 classes"),
        (lambda: RelaxedBernoulli(3, temperature=-1.0), r"temperature=-1\.0; wanted a positive"),
        (lambda: VonMisesFisher(2).check("z", torch.tensor([[3.0, 4.0]])), "'z' holds a vector of length 5"),
        (lambda: Dirichlet(2).check("z", torch.tensor([[0.5, 0.6]])), r"shares that sum to 1\.1"),
        (lambda: Dirichlet(2).check("z", torch.tensor([[1.0, 0.0]])), "the smallest 0"),
    ],
)
def test_refusals_say_what_was_wanted(make: object, words: str) -> None:
    assert callable(make)
    with pytest.raises(ValueError, match=words):
        make()
