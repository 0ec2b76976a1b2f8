"""Flows in models: bounds against exact evidence, gradients, a posterior like a banana, and a learned prior."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from anyvae.conditionals import (
    IAF,
    MAF,
    NSF,
    Conditional,
    DiagonalNormal,
    FixedScale,
    Flow,
    Normal,
    Parent,
    Planar,
    StandardNormal,
    Sylvester,
)
from anyvae.distributions import Flowed
from anyvae.distributions import Normal as NormalDistribution
from anyvae.inference import embed, evaluate_bound, log_likelihood, posterior, reconstruct, sample
from anyvae.metrics import latent_use
from anyvae.model import VAE, LatentVariableModel, Partial
from anyvae.networks import MLP, Linear
from anyvae.objectives import ELBO, IWAE, DReG, LogLikelihood, StickingTheLanding
from cases.flows import shake
from oracles import LinearGaussian, z_score

pytestmark = pytest.mark.usefixtures("double")


def with_flow(oracle: LinearGaussian, shaken: float) -> LatentVariableModel:
    """The oracle's model with its encoder carried along by one map of each kind; by the identity where unshaken."""
    torch.manual_seed(0)
    kinds = [IAF([4]), MAF([4]), NSF([4]), Planar(), Sylvester()]
    q = Flow(oracle.model.inference_parts["z"], *kinds)
    model = LatentVariableModel(dict(oracle.model.generative_parts), {"z": q})
    with torch.no_grad():
        for step in q.steps:
            if hasattr(step, "steered"):  # its first numbers push; directions may stay
                step.steered.bias[: 2 if step.steered.sizes[0] == 2 else 1].zero_()
                if len(step.steered.sizes) == 6:
                    step.steered.bias[2:4].zero_()
            else:
                for parameter in step.parameters():
                    parameter.zero_()
    shake(q.steps, shaken)
    return model


def test_bounds_stay_below_the_evidence_and_close_in() -> None:
    oracle = LinearGaussian(4, 2, stretch=1.2)
    model, x = with_flow(oracle, 0.1), oracle.rows(6)
    evidence = oracle.evidence(x)
    with torch.no_grad():
        torch.manual_seed(1)
        weights = model.trace({"x": x}, 8000).log_weight()
    error = weights.std(0) / math.sqrt(len(weights))
    assert bool((weights.mean(0) < evidence - 5 * error).all())
    gaps = [
        (evidence - (weights.view(-1, s, 6).logsumexp(1) - math.log(s)).mean(0)).mean() for s in (1, 8, 64)
    ]
    assert gaps[0] > 3 * gaps[1] > 9 * gaps[2] > 0, gaps
    assert float(z_score((weights - evidence).exp(), 1.0).abs().max()) < 5
    torch.testing.assert_close(log_likelihood(model, {"x": x}, samples=4000), evidence, rtol=0, atol=0.2)


def test_with_the_exact_posterior_no_gradient_but_that_of_the_score_has_noise() -> None:
    """The flow is the identity over the exact posterior: every weight is the evidence, and its gradient is 0."""
    oracle = LinearGaussian(4, 2)
    model, x = with_flow(oracle, 0.0), oracle.rows(5)
    weights = model.trace({"x": x}, 3).log_weight()
    torch.testing.assert_close(weights, oracle.evidence(x).expand(3, 5), rtol=0, atol=1e-9)
    own = list(model.inference_parts["z"].parameters())
    for objective in (StickingTheLanding(samples=2), DReG(samples=3)):
        value = objective(model, {"x": x}).sum()
        gradients = torch.autograd.grad(value, own, allow_unused=True)
        assert max(float(g.abs().max()) for g in gradients if g is not None) < 1e-8
    noisy = torch.autograd.grad(IWAE(samples=3)(model, {"x": x}).sum(), own)
    assert max(float(g.abs().max()) for g in noisy) > 1e-2


def test_estimators_share_the_mean_of_their_gradients() -> None:
    oracle = LinearGaussian(3, 2, stretch=1.2)
    model, x = with_flow(oracle, 0.2), oracle.rows(2)
    own = [p for name, p in model.inference_parts["z"].named_parameters() if "bias" in name]

    def gradients(objective: ELBO | StickingTheLanding) -> Tensor:
        found = []
        for seed in range(40):
            torch.manual_seed(seed)
            value = objective(model, {"x": x}).sum()
            found.append(torch.cat([g.flatten() for g in torch.autograd.grad(value, own)]))
        return torch.stack(found)

    plain, landed = gradients(ELBO(samples=8)), gradients(StickingTheLanding(samples=8))
    difference = (plain - landed)[:, plain.std(0) > 1e-9]
    assert float(z_score(difference, 0.0).abs().max()) < 5


def test_the_decoder_reads_the_flowed_latents() -> None:
    torch.manual_seed(0)
    encoder = Flow(DiagonalNormal(2).given("x", net=MLP([4])), IAF([4]), NSF([4]), context=3)
    model = VAE(StandardNormal(2), encoder, Normal(3).given("z", net=Linear()))
    x = torch.randn(6, 3)
    fit = LogLikelihood()(model, {"x": x}).sum()
    gradients = torch.autograd.grad(fit, list(encoder.steps.parameters()))
    assert all(bool(g.abs().max() > 0) for g in gradients)
    trace = model.trace({"x": x})
    q = trace.q("z")
    assert isinstance(q, Flowed)
    torch.testing.assert_close(trace.p("x").mean, model.generative_parts["x"](q._drawn.value).mean)
    assert trace.kl("z") is None


def test_answers_are_deterministic_and_rest_on_the_moments_of_the_flow() -> None:
    torch.manual_seed(0)
    encoder = Flow(DiagonalNormal(2).given("x", net=MLP([4])), IAF([4]), IAF([4]), context=3)
    model = VAE(StandardNormal(2), encoder, Normal(3).given("z", net=Linear()))
    shake(encoder.steps, 0.5)
    x = torch.randn(40, 3)
    places = embed(model, {"x": x})
    assert torch.equal(places, embed(model, {"x": x}))
    torch.testing.assert_close(places[7:9], embed(model, {"x": x[7:9]}))
    torch.manual_seed(3)
    drawn = posterior(model, {"x": x})["z"].sample((20_000,))
    assert float(z_score(drawn, places).abs().max()) < 6
    use = latent_use(model, {"x": x})
    torch.testing.assert_close(use.mean, places)
    assert not use.scale.requires_grad
    # Moments bound the KL from below: the normal with them is the nearest to a normal prior.
    whole = evaluate_bound(model, {"x": x}, samples=500).kl["z"].mean()
    assert 0.5 * whole < use.kl.sum() < whole
    torch.testing.assert_close(
        reconstruct(model, {"x": x})["x"], model.generative_parts["x"](places).mean.detach()
    )


def test_rows_that_are_given_are_scored_by_the_inverse() -> None:
    """A latent of which some rows are known: the value is no draw there, and no q counts."""
    torch.manual_seed(0)
    encoder = Flow(DiagonalNormal(2).given("x", net=Linear()), IAF([4]))
    model = VAE(StandardNormal(2), encoder, Normal(3).given("z", net=Linear()))
    x, z = torch.randn(4, 3), torch.randn(4, 2)
    known = torch.tensor([True, False, True, False])
    with torch.no_grad():
        trace = model.trace({"x": x, "z": Partial(z, known)})
        log_q = trace.log_q("z")
    assert torch.equal(log_q != 0, ~known)
    with torch.no_grad():
        expected = encoder(x).log_prob(trace.values["z"])
    torch.testing.assert_close(log_q[~known], expected[~known])


class Parabola(Conditional):
    """p(x | z) = N(z_2 - z_1^2, 0.3^2): the posterior of z is bent."""

    def __init__(self) -> None:
        super().__init__()
        self.parents = (Parent("z"),)

    @property
    def event_shape(self) -> torch.Size:
        return torch.Size((1,))

    def build(self, name: str, shapes: object) -> Parabola:
        return self

    def forward(self, z: Tensor) -> NormalDistribution:
        loc = z[..., 1:] - z[..., :1].square()
        return NormalDistribution(loc, torch.full_like(loc, 0.3))


def test_a_flow_fits_a_bent_posterior_better_than_a_normal() -> None:
    line = torch.linspace(-7, 7, 1401)
    z = torch.cartesian_prod(line, line)
    log_joint = Parabola()(z).log_prob(-torch.ones(1)) + StandardNormal(2).given().build("z", {})().log_prob(
        z
    )
    evidence = float(log_joint.logsumexp(0)) + 2 * math.log(float(line[1] - line[0]))
    gaps = {}
    for name, make in (
        ("normal", lambda q: q),
        ("flow", lambda q: Flow(q, IAF([8]))),
    ):
        torch.manual_seed(0)
        model = VAE(StandardNormal(2), make(DiagonalNormal(2).given("x", net=Linear())), Parabola())
        optimiser = torch.optim.Adam(model.parameters(), 0.05)
        slowing = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.05, 200)
        batch = {"x": -torch.ones(1, 1)}
        for _ in range(200):
            optimiser.zero_grad()
            (-ELBO(samples=32)(model, batch).mean()).backward()
            optimiser.step()
            slowing.step()
        with torch.no_grad():
            gaps[name] = evidence - float(ELBO(samples=20_000)(model, batch).mean())
    assert gaps["flow"] > 0
    assert gaps["flow"] + 0.2 < gaps["normal"], gaps


def test_a_flow_prior_is_fitted_and_drawn_from() -> None:
    """Data whose latents cannot be normal: two clusters, which a spline prior takes apart."""
    torch.manual_seed(0)
    rows = torch.randint(2, (128, 1)) * 4.0 - 2.0 + 0.3 * torch.randn(128, 1)
    prior = Flow(StandardNormal(1), NSF([8], bins=8))
    model = VAE(
        prior, DiagonalNormal(1).given("x", net=Linear()), Normal(1, FixedScale(0.3)).given("z", net=Linear())
    )
    assert model.inference_parts["z"].built
    optimiser = torch.optim.Adam(model.parameters(), 0.03)
    for _ in range(150):
        optimiser.zero_grad()
        (-ELBO()(model, {"x": rows}).mean()).backward()
        optimiser.step()
    z = sample(model, 4000, names=["z"], seed=0)["z"]
    standard = (z - z.mean()) / z.std()
    # The fourth moment of a normal is 3, that of two tight clusters 1.
    assert float(standard.pow(4).mean()) < 2.0
    drawn = sample(model, 2000, seed=1)["x"]
    assert float((drawn.abs() < 0.7).double().mean()) < 0.1
    # Of one feature of a flow no density is known, so the divergence of one latent is not.
    assert bool(latent_use(model, {"x": rows}).kl.isnan().all())
