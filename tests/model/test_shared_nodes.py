"""Deterministic nodes that both graphs read, and posteriors that start from their prior."""

from __future__ import annotations

import copy

import pytest
import torch
from test_exact_posterior import equal
from torch.distributions import MultivariateNormal

from anyvae.conditionals import (
    Bernoulli,
    Categorical,
    Deterministic,
    DiagonalNormal,
    Normal,
    OneScale,
    Residual,
    StandardNormal,
    prior,
)
from anyvae.inference import embed, evaluate_bound, log_likelihood, mean, reconstruct, sample
from anyvae.model import VAE, LatentVariableModel, Partial
from anyvae.networks import MLP, Linear
from anyvae.objectives import ELBO, MMD, LogLikelihood, elbo
from anyvae.training import fit
from oracles import raw_scale, set_linear, set_scale, z_score

pytestmark = pytest.mark.usefixtures("double")


def top_down() -> tuple[LatentVariableModel, MultivariateNormal]:
    """p(z1) p(z2 | z1) p(x | z2) with the exact q(z1 | x) q(z2 | x, z1), the latter relative to p(z2 | z1)."""
    a, b, tau, noise = 0.8, torch.tensor([1.0, -0.5, 2.0]), 0.6, 0.9
    model = LatentVariableModel(
        generative={
            "z1": StandardNormal(1),
            "z2": DiagonalNormal(1).given("z1", net=Linear()),
            "x": Normal(3, scale=OneScale()).given("z2", net=Linear()),
        },
        inference={
            "z1": DiagonalNormal(1).given("x", net=Linear()),
            "z2": Residual(DiagonalNormal(1).given("x", "z1", net=Linear())),
        },
    )
    p, q = model.generative_parts, model.inference_parts
    zero = torch.zeros(1, 1)
    set_linear(p["z2"], loc=(torch.zeros(1), torch.tensor([[a]])), raw_scale=(raw_scale(tau).view(1), zero))
    set_linear(p["x"], loc=(torch.zeros(3), b.view(3, 1)))
    set_scale(p["x"], noise)
    covariance = (a * a + tau * tau) * torch.outer(b, b) + noise**2 * torch.eye(3)
    gain = a * torch.linalg.solve(covariance, b)
    spread = (1.0 - a * float(gain @ b)) ** 0.5
    none = torch.zeros(1, 3)
    set_linear(q["z1"], loc=(torch.zeros(1), gain.view(1, 3)), raw_scale=(raw_scale(spread).view(1), none))
    precision = 1.0 / tau**2 + float(b @ b) / noise**2
    pull = b / noise**2 / precision / tau
    set_linear(
        q["z2"].part,
        loc=(torch.zeros(1), pull.view(1, 3), -a * float(pull @ b) * torch.ones(1, 1)),
        raw_scale=(raw_scale(precision**-0.5 / tau).view(1), none, zero),
    )
    return model, MultivariateNormal(torch.zeros(3), covariance)


def test_an_exact_top_down_posterior() -> None:
    model, evidence = top_down()
    x = 2.0 * torch.randn(5, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    for samples in (1, 7):
        trace = model.trace({"x": x}, samples)
        equal(trace.log_weight(), evidence.log_prob(x))
        assert trace.kl("z2") is not None
    equal(log_likelihood(model, {"x": x}, samples=9), evidence.log_prob(x))


def test_the_closed_form_of_a_residual_is_its_sampled_one_and_its_prior_is_made_once() -> None:
    torch.manual_seed(0)
    model = LatentVariableModel(
        generative={
            "z1": StandardNormal(2),
            "z2": DiagonalNormal(3).given("z1", net=MLP([8])),
            "x": Normal(4).given("z1", "z2", net=MLP([8])),
        },
        inference={
            "z1": Residual(DiagonalNormal(2).given("x", net=MLP([8]))),
            "z2": Residual(DiagonalNormal(3).given("x", "z1", net=MLP([8]))),
        },
    )
    calls: list[int] = []
    model.generative_parts["z2"].register_forward_hook(lambda *_: calls.append(1))
    trace = model.trace({"x": torch.randn(3, 4)}, 20_000)
    difference = trace.log_q("z2") - trace.log_p("z2") - trace.kl("z2")
    assert bool((z_score(difference.detach(), 0.0).abs() < 5).all())
    assert len(calls) == 1
    bound = evaluate_bound(model, {"x": torch.randn(3, 4)})
    assert set(bound.kl) == {"z1", "z2"}
    assert embed(model, {"x": torch.randn(3, 4)}).shape == (3, 5)


def test_where_the_data_say_nothing_a_residual_is_the_prior() -> None:
    model, _ = top_down()
    for part in (model.inference_parts["z2"].part,):
        for parameter in part.parameters():
            torch.nn.init.zeros_(parameter)
    trace = model.trace({"x": torch.randn(4, 3)})
    torch.testing.assert_close(trace.kl("z2"), torch.zeros(4), rtol=0, atol=1e-12)


def test_what_a_residual_wants() -> None:
    with pytest.raises(ValueError, match=r"Residual got .*; wanted DiagonalNormal"):
        Residual(Categorical(3).given("x", net=Linear()))
    with pytest.raises(ValueError, match=r"p\(z\) cannot be a Residual"):
        VAE(
            Residual(DiagonalNormal(2).given("x", net=Linear())),
            DiagonalNormal(2).given("x", net=Linear()),
            Normal(3).given("z", net=Linear()),
        )
    with pytest.raises(ValueError, match=r"given 'prior\(w\)', but the model has no variable"):
        VAE(
            StandardNormal(2),
            DiagonalNormal(2).given("x", prior("w"), net=Linear()),
            Normal(3).given("z", net=Linear()),
        )


def shared(seed: int = 0) -> LatentVariableModel:
    """Features h of x that q(y | h) and q(z | h, y) read, and a decoder that reads a state s of z."""
    torch.manual_seed(seed)
    return LatentVariableModel(
        generative={
            "y": Categorical(3),
            "z": StandardNormal(2),
            "s": Deterministic(5).given("z", "y", net=MLP([6])),
            "x": Normal(4).given("s", net=Linear()),
            "w": Bernoulli(2).given("s", net=Linear()),
        },
        inference={
            "h": Deterministic(6).given("x", net=MLP([7])),
            "y": Categorical(3).given("h", net=Linear()),
            "z": DiagonalNormal(2).given("h", "y", net=Linear()),
        },
    )


def test_deterministic_nodes_are_computed_once_and_never_scored() -> None:
    model = shared()
    assert (model.latents, model.observed) == (("y", "z"), ("x", "w"))
    calls: list[str] = []
    model.inference_parts["h"].register_forward_hook(lambda *_: calls.append("h"))
    model.generative_parts["s"].register_forward_hook(lambda *_: calls.append("s"))
    x, w = torch.randn(6, 4), torch.ones(6, 2)
    trace = model.trace({"x": x, "w": w}, enumerate=["y"])
    bound = elbo(trace)
    assert sorted(calls) == ["h", "s"]
    q, p = model.inference_parts, model.generative_parts
    h = q["h"].net(x)[0]
    y = trace.values["y"]
    state = p["s"].net(trace.values["z"], y)[0]
    classes = q["y"](h)
    fit_of_class = p["x"](state).log_prob(x) + p["w"](state).log_prob(w)
    kl = torch.distributions.kl_divergence(q["z"](h, y), p["z"]())
    inner = fit_of_class - kl - classes.log_prob(y) + p["y"]().log_prob(y)
    wanted = (classes.log_prob(y).exp() * inner).sum(0).squeeze(0)
    torch.testing.assert_close(bound, wanted)


def test_a_deterministic_node_that_nothing_reads_is_left_out() -> None:
    model = shared()
    calls: list[int] = []
    model.inference_parts["h"].register_forward_hook(lambda *_: calls.append(1))
    y = torch.eye(3)[torch.tensor([0, 1])]
    trace = model.trace({"y": y, "z": torch.randn(2, 2), "x": torch.randn(2, 4)})
    assert calls == []
    assert [step.name for step in trace.plan.steps] == ["s"]


def test_jobs_go_through_deterministic_nodes() -> None:
    model = shared()
    drawn = sample(model, 5, seed=0)
    assert set(drawn) == {"x", "w"}
    batch = {"x": torch.randn(5, 4), "w": torch.ones(5, 2)}
    assert set(reconstruct(model, batch)) == {"x", "w"}
    y, z = torch.eye(3)[torch.tensor([1])], torch.randn(1, 2)
    p = model.generative_parts
    torch.testing.assert_close(mean(model, {"y": y, "z": z})["x"], p["x"](p["s"](z, y).mean).mean)
    some = log_likelihood(model, {"x": Partial(batch["x"], torch.rand(5, 4) > 0.3)}, samples=10)
    assert bool(torch.isfinite(some).all())
    twin = copy.deepcopy(model)
    torch.testing.assert_close(
        log_likelihood(twin, batch, samples=20), log_likelihood(model, batch, samples=20)
    )


def test_an_encoder_without_noise_has_no_bound_but_learns() -> None:
    """A Wasserstein autoencoder: one linear latent of a line through the plane finds the line."""
    torch.manual_seed(0)
    model = VAE(
        StandardNormal(1),
        Deterministic(1).given("x", net=Linear()),
        Normal(2, scale=OneScale()).given("z", net=Linear()),
    )
    line = torch.randn(400, 1, dtype=torch.float64) * torch.tensor([[1.0, -2.0]])
    with pytest.raises(NotImplementedError, match="deterministic variable has no density"):
        elbo(model.trace({"x": line}))
    objective = LogLikelihood() - 5.0 * MMD("z")
    before = objective(model, {"x": line}).mean().item()
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    for _ in range(300):
        optimizer.zero_grad()
        (-objective(model, {"x": line}).mean()).backward()
        optimizer.step()
    found = reconstruct(model, {"x": line})["x"]
    assert objective(model, {"x": line}).mean().item() > before + 2.0
    assert float((found - line).square().mean()) < 0.05 * float(line.square().mean())


def test_models_with_shared_nodes_train() -> None:
    model = shared()
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(200, 4, generator=generator, dtype=torch.float64) * 3.0 + 1.0
    data = {"x": x, "w": (x[:, :2] > 1.0).double()}
    before = evaluate_bound(model, data, enumerate=["y"]).elbo.mean().item()
    fit(model, data, objective=ELBO(enumerate=["y"]), steps=200, learning_rate=1e-2)
    assert evaluate_bound(model, data, enumerate=["y"]).elbo.mean().item() > before + 2.0
