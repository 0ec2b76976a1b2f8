"""Mixture priors: weights against mixture densities written out, clusters by Bayes' rule, and where they start."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from by_hand import around, fixed, read, rows, scale_of, standard, stir
from sklearn.mixture import GaussianMixture
from torch import Tensor
from torch.distributions import Categorical, Distribution, MixtureSameFamily, MultivariateNormal

from anyvae.conditionals import DiagonalNormal, Normal
from anyvae.inference import class_mean, embed, posterior
from anyvae.model import LatentVariableModel
from anyvae.networks import MLP
from anyvae.objectives import ELBO
from anyvae.recipes import gmvae, start_clusters, vade, without_clusters
from anyvae.recipes.clustered import Covariance
from anyvae.training import fit

CLUSTERS = 3
NET = MLP([8])
S = 3


def drawn(model: LatentVariableModel, name: str, x: Tensor) -> tuple[Tensor, Tensor]:
    """A latent that is inferred from the row, and its log q."""
    of = read(model.inference_parts[name], x)
    value = of.mean + of.stddev * fixed(name, torch.Size((S, len(x), of.event_shape[0])), torch.float64)
    return value, of.log_prob(value)


def clusters_of(params: Sequence[Tensor]) -> Distribution:
    """Normals of loc and raw_scale, and of what lies below the diagonal where there is more."""
    loc, raw, *lower = params
    factor = torch.diag_embed(scale_of(raw))
    if lower:
        row, column = torch.tril_indices(loc.shape[-1], loc.shape[-1], -1)
        factor[..., row, column] = scale_of(raw)[..., row] * lower[0]
    return MultivariateNormal(loc, scale_tril=factor)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("covariance", ["full", "diagonal"])
def test_gmvae_is_a_mixture_bent_by_a_second_latent(covariance: Covariance) -> None:
    torch.manual_seed(0)
    model = gmvae(
        Normal(4), 3, clusters=CLUSTERS, covariance=covariance, above=2, hidden=6, encoder=NET, decoder=NET
    )
    stir(model)
    x = rows()
    w, log_q_w = drawn(model, "w", x)
    z, log_q_z = drawn(model, "z", x)
    p = model.generative_parts
    params = p["z"].net.net(w)  # (S, B, K, ...)
    each = clusters_of(params).log_prob(z.unsqueeze(-2))
    log_z = (each - torch.tensor(float(CLUSTERS)).log()).logsumexp(-1)
    log_x = around(p["x"], p["x"].net(z)[0]).log_prob(x)
    wanted = log_x + log_z + standard(w).log_prob(w) - log_q_z - log_q_w
    trace = model.trace({"x": x}, S, fixed, enumerate=["y"])
    torch.testing.assert_close(trace.log_weight(), wanted)
    # With the exact q(y | z, w) the bound loses nothing to the cluster: drawn or summed over, it is the same weight.
    torch.testing.assert_close(trace.elbo(), wanted.mean(0) + _sampled_against_exact(model, x, w, log_q_w))
    torch.testing.assert_close(model.trace({"x": x}, S, fixed).log_weight(), wanted)
    torch.testing.assert_close(trace.q("y").mean, each.softmax(-1))


def _sampled_against_exact(model: LatentVariableModel, x: Tensor, w: Tensor, log_q_w: Tensor) -> Tensor:
    """The bound takes the KL of w in closed form: what that differs from the mean over the draws."""
    of_w = read(model.inference_parts["w"], x)
    exact = torch.distributions.kl_divergence(of_w, standard(of_w.mean))
    return (log_q_w - standard(w).log_prob(w)).mean(0) - exact


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("covariance", ["full", "diagonal"])
def test_vade_is_a_mixture_of_normals(covariance: Covariance) -> None:
    torch.manual_seed(0)
    model = vade(Normal(4), 2, clusters=CLUSTERS, covariance=covariance, encoder=NET, decoder=NET)
    stir(model)
    x = rows()
    z, log_q = drawn(model, "z", x)
    p = model.generative_parts
    table, weights = p["z"].net, p["y"].free["logits"].log_softmax(-1)
    inside = clusters_of([table.rows[name] + table.biases[name] for name in table.names])
    mixture = MixtureSameFamily(Categorical(logits=weights), inside)
    wanted = around(p["x"], p["x"].net(z)[0]).log_prob(x) + mixture.log_prob(z) - log_q
    trace = model.trace({"x": x}, S, fixed, enumerate=["y"])
    torch.testing.assert_close(trace.log_weight(), wanted)
    torch.testing.assert_close(ELBO(enumerate=["y"]).of(trace), wanted.mean(0))
    joint = inside.log_prob(z.unsqueeze(-2)) + weights
    torch.testing.assert_close(trace.q("y").mean, (joint - joint.logsumexp(-1, True)).exp())


def test_without_clusters_the_weights_are_shared() -> None:
    torch.manual_seed(0)
    model = vade(Normal(4), 2, clusters=CLUSTERS, encoder=NET, decoder=NET)
    view, x = without_clusters(model), rows(40).float()
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    fit(view, {"x": x}, steps=3, batch_size=20)
    moved = {name for name, parameter in model.named_parameters() if not torch.equal(parameter, before[name])}
    assert moved == {name for name in before if name.startswith(("inference.z.", "generative.x."))}
    embedded, weight = embed(view, {"x": x}), view.trace({"x": x}, noise=fixed32).log_weight()
    fit(model, {"x": x}, objective=ELBO(enumerate=["y"]), steps=3, batch_size=20)
    assert bool((embed(view, {"x": x}) != embedded).any())
    assert bool((view.trace({"x": x}, noise=fixed32).log_weight() != weight).any())


def fixed32(name: str, shape: torch.Size, dtype: torch.dtype) -> Tensor:
    return fixed(name, shape, torch.float64).to(dtype)


def blobs() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    kinds = torch.arange(300) % 3
    places = torch.tensor([[4.0, 0.0, 1.0], [-3.0, 3.0, 0.0], [-2.0, -4.0, -1.0]])
    return places[kinds] + 0.5 * torch.randn(300, 3, generator=generator), kinds


def started(
    covariance: Covariance = "full",
) -> tuple[LatentVariableModel, LatentVariableModel, Tensor, Tensor]:
    x, kinds = blobs()
    torch.manual_seed(0)
    model = vade(Normal(3), 2, clusters=3, covariance=covariance, encoder=MLP([16]), decoder=MLP([16]))
    view = without_clusters(model)
    fit(view, {"x": x}, steps=200, batch_size=100, learning_rate=0.02)
    torch.manual_seed(1)
    start_clusters(model, view, {"x": x})
    return model, view, x, kinds


@pytest.mark.parametrize("covariance", ["full", "diagonal"])
def test_clusters_start_at_a_mixture_of_the_codes_as_wide_as_the_draws(covariance: Covariance) -> None:
    model, view, x, _ = started(covariance)
    q = posterior(view, {"x": x})["z"]
    codes = q.mean.double().numpy()
    found = GaussianMixture(3, covariance_type="full", n_init=5, random_state=0).fit(codes)
    wide = torch.from_numpy(found.covariances_) + q.variance.double().mean(0).diag()
    held = wide if covariance == "full" else wide * torch.eye(2)
    z = 2.0 * torch.randn(500, 2, generator=torch.Generator().manual_seed(3))
    mixture = MixtureSameFamily(
        Categorical(torch.from_numpy(found.weights_)),
        MultivariateNormal(torch.from_numpy(found.means_), held),
    )
    exact = mixture.log_prob(z.double()).float()
    y = torch.eye(3)
    with torch.no_grad():
        each = (
            model.generative_parts["z"](y[:, None]).log_prob(z)
            + model.generative_parts["y"]().log_prob(y)[:, None]
        )
    torch.testing.assert_close(each.logsumexp(0), exact, rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize("make", [gmvae, vade])
def test_a_covariance_is_full_or_diagonal(make: Callable[..., LatentVariableModel]) -> None:
    with pytest.raises(ValueError, match='got covariance=\'round\'; wanted "full" or "diagonal"'):
        make(Normal(4), 2, covariance="round")
    # Of one latent feature both are the same.
    assert isinstance(make(Normal(4), 1).generative_parts["z"].family, DiagonalNormal)


def test_clusters_start_at_rows_from_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    _, view, x, kinds = started()
    x = x[kinds.argsort(stable=True)]
    monkeypatch.setattr("anyvae.recipes.clustered._ROWS_CLUSTERED", 90)
    torch.manual_seed(0)
    model = vade(Normal(3), 2, clusters=3, encoder=MLP([16]), decoder=MLP([16]))
    start_clusters(model, view, {"x": x})
    starts = model.generative_parts["z"](torch.eye(3)).mean.detach()
    codes = posterior(view, {"x": x})["z"].mean.unflatten(0, (3, 100)).mean(1)
    nearest = torch.cdist(codes, starts).min(1)
    assert sorted(nearest.indices.tolist()) == [0, 1, 2]
    assert float(nearest.values.max()) < 0.3 * float(torch.pdist(codes).min())


def test_clusters_that_a_second_latent_bends_start_there_too() -> None:
    x, kinds = blobs()
    torch.manual_seed(0)
    model = gmvae(Normal(3), 2, clusters=3, encoder=MLP([16]), decoder=MLP([16]))
    view = without_clusters(model)
    fit(view, {"x": x}, steps=200, batch_size=100, learning_rate=0.02)
    start_clusters(model, view, {"x": x})
    found = class_mean(model, {"x": x}, "y", samples=64).argmax(-1)
    of_kind = torch.stack([found[kinds == k].mode().values for k in range(3)])
    assert sorted(of_kind.tolist()) == [0, 1, 2]
    assert float((found == of_kind[kinds]).double().mean()) > 0.98
    part = model.generative_parts["z"]
    with torch.no_grad():
        near, far = (
            part(w, torch.eye(3)[:, None]).mean for w in (torch.zeros(1, 2), torch.full((1, 2), 3.0))
        )
    torch.testing.assert_close(near, far, msg="nothing is bent before the fit")


def test_three_far_blobs_are_found() -> None:
    model, _, x, kinds = started()
    fit(model, {"x": x}, objective=ELBO(enumerate=["y"]), steps=150, batch_size=100, learning_rate=0.01)
    found = class_mean(model, {"x": x}, "y").argmax(-1)
    of_kind = torch.stack([found[kinds == k].mode().values for k in range(3)])
    assert sorted(of_kind.tolist()) == [0, 1, 2]
    assert bool((found == of_kind[kinds]).all())
