"""What latents are used for: counts and divergences that add up to the bound's."""

from __future__ import annotations

import pytest
import torch

from anyvae.conditionals import (
    Autoregressive,
    Categorical,
    DiagonalNormal,
    Family,
    FullNormal,
    LowRankNormal,
    Normal,
    NormalMixture,
    SparseNormal,
    StandardNormal,
    UniformCategorical,
    UniformSphere,
    VonMises,
    VonMisesFisher,
)
from anyvae.inference import embed, evaluate_bound, posterior
from anyvae.metrics import active_units, latent_use
from anyvae.model import VAE, LatentVariableModel
from anyvae.networks import Linear
from anyvae.recipes import two_level_vae, vade
from oracles import LinearGaussian, raw_scale, set_linear

pytestmark = pytest.mark.usefixtures("double")


def test_divergences_sum_to_the_kl_of_the_bound() -> None:
    oracle = LinearGaussian(6, 3, per_feature=True)
    x = oracle.rows(5000)
    use = latent_use(oracle.model, {"x": x})
    assert use.kl.shape == (3,)
    assert bool((use.kl > 0).all())
    torch.testing.assert_close(use.kl.sum(), evaluate_bound(oracle.model, {"x": x}).kl["z"].mean())
    torch.testing.assert_close(use.mean, embed(oracle.model, {"x": x}))
    torch.testing.assert_close(use.scale, oracle.posterior_scale.expand(5000, 3))
    each = 0.5 * (use.mean**2 + use.scale**2 - 1) - use.scale.log()
    torch.testing.assert_close(use.kl, each.mean(0))
    assert not use.kl.requires_grad


def test_against_a_learned_prior() -> None:
    model = VAE(
        DiagonalNormal(2), DiagonalNormal(2).given("x", net=Linear()), Normal(3).given("z", net=Linear())
    )
    with torch.no_grad():
        model.generative_parts["z"].free["loc"].copy_(torch.tensor([1.0, -2.0]))
        model.generative_parts["z"].free["raw_scale"].fill_(raw_scale(0.5))
    x = torch.randn(10, 3)
    use = latent_use(model, {"x": x})
    torch.testing.assert_close(use.kl.sum(), evaluate_bound(model, {"x": x}).kl["z"].mean())


def test_active_units_are_those_that_move_with_the_data() -> None:
    model = VAE(
        StandardNormal(3), DiagonalNormal(3).given("x", net=Linear()), Normal(3).given("z", net=Linear())
    )
    gain = torch.diag(torch.tensor([1.0, 0.11, 0.09]))
    scale = torch.zeros(3)
    set_linear(model.inference_parts["z"], loc=(torch.ones(3), gain), raw_scale=(scale, torch.zeros(3, 3)))
    x = torch.tensor([[1.0, 1.0, 1.0], [-1.0, -1.0, -1.0]]).repeat(50, 1)
    assert active_units(latent_use(model, {"x": x}).mean) == 2
    assert active_units(torch.ones(10, 4)) == 0
    generator = torch.Generator().manual_seed(0)
    assert active_units(torch.randn(100, 4, generator=generator)) == 4


def test_a_class_has_the_divergences_of_its_entries() -> None:
    """Of each entry of the one-hot row by itself, in the mean over draws: against the two-valued sum."""
    model = LatentVariableModel(
        {"y": UniformCategorical(3), "x": Normal(2).given("y", net=Linear())},
        {"y": Categorical(3).given("x", net=Linear())},
    )
    x = torch.randn(3000, 2)
    use = latent_use(model, {"x": x})
    q = model.inference_parts["y"](x).mean.detach()
    exact = q * (3 * q).log() + (1 - q) * (1.5 * (1 - q)).log()
    assert not use.exact
    torch.testing.assert_close(use.kl, exact.mean(0), rtol=0, atol=0.02)
    torch.testing.assert_close(use.mean, q)


def test_a_full_covariance_has_the_divergences_of_its_marginals() -> None:
    """What is missing from their sum is the total correlation of the posterior, -log det of its correlations / 2."""
    torch.manual_seed(0)
    model = VAE(StandardNormal(3), FullNormal(3).given("x", net=Linear()), Normal(4).given("z", net=Linear()))
    x = torch.randn(50, 4)
    use = latent_use(model, {"x": x})
    q = model.inference_parts["z"](x)
    covariance = q.factor @ q.factor.mT
    correlation = covariance / (use.scale.unsqueeze(-1) * use.scale.unsqueeze(-2))
    dependence = -0.5 * torch.logdet(correlation.detach())
    assert float(dependence.mean()) > 0.1
    whole = evaluate_bound(model, {"x": x}).kl["z"]
    torch.testing.assert_close(use.kl.sum() + dependence.mean(), whole.mean())


def test_directions_have_moments_and_one_divergence() -> None:
    torch.manual_seed(0)
    encoder = VonMisesFisher(40).given("x", net=Linear())
    model = VAE(UniformSphere(40), encoder, Normal(4).given("z", net=Linear()))
    x = 3.0 * torch.randn(50, 4)
    use = latent_use(model, {"x": x})
    q = model.inference_parts["z"](x)
    torch.testing.assert_close(use.mean, q.mean.detach())
    torch.testing.assert_close(use.scale, q.stddev.detach())
    assert bool(use.kl.isnan().all())
    torch.testing.assert_close(use.prior_scale, torch.full((40,), 40**-0.5))
    # In coordinates that are small because there are many, activity is judged by the prior's deviation.
    assert active_units(use.mean) < 30
    assert active_units(use.relative_mean) == 40


def test_activity_does_not_hang_on_the_scale_of_a_learned_prior() -> None:
    model = VAE(
        DiagonalNormal(2), DiagonalNormal(2).given("x", net=Linear()), Normal(3).given("z", net=Linear())
    )
    with torch.no_grad():
        model.generative_parts["z"].free["raw_scale"].fill_(raw_scale(0.1))
        model.generative_parts["z"].free["loc"].fill_(2.0)
    use = latent_use(model, {"x": torch.randn(10, 3)})
    torch.testing.assert_close(use.prior_scale, torch.full((2,), 0.1))
    torch.testing.assert_close(use.relative_mean, 10.0 * (use.mean - 2.0))


def test_against_a_mixture_it_is_the_mean_over_draws() -> None:
    """Of one latent the divergence of its marginal is the whole: against quadrature, row by row."""
    torch.manual_seed(0)
    prior = NormalMixture(1, 3).given(start={"raw_scale": 0.0})
    model = VAE(prior, DiagonalNormal(1).given("x", net=Linear()), Normal(3).given("z", net=Linear()))
    x = torch.randn(5000, 3)
    use = latent_use(model, {"x": x})
    assert not use.exact
    torch.testing.assert_close(use.kl, latent_use(model, {"x": x.flip(0)}).kl)
    with torch.no_grad():
        grid = torch.linspace(-40, 40, 8001).view(-1, 1, 1)
        q, p = model.inference_parts["z"](x[:500]), model.generative_parts["z"]()
        log_q, log_p = q.log_prob(grid), p.log_prob(grid)
        exact = torch.trapezoid(log_q.exp() * (log_q - log_p), dx=0.01, dim=0)
    some = latent_use(model, {"x": x[:500]})
    torch.testing.assert_close(some.kl.sum(), exact.mean(), rtol=0, atol=0.05)


def test_what_has_no_density_by_itself_has_no_divergence() -> None:
    model = VAE(
        Autoregressive(DiagonalNormal(2), sizes=[4]),
        DiagonalNormal(2).given("x", net=Linear()),
        Normal(3).given("z", net=Linear()),
    )
    use = latent_use(model, {"x": torch.randn(5, 3)})
    assert bool(use.kl.isnan().all())
    assert not use.exact
    assert use.prior_scale.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("recipe", ["vade", "two_level_vae"])
def test_where_the_prior_follows_the_draw_it_is_asked_at_that_draw(recipe: str) -> None:
    """What is above z is inferred from z: another draw would be held against a prior that is not its own."""
    torch.manual_seed(0)
    if recipe == "vade":
        model, name = vade(Normal(3), 2, clusters=2), "z"
        model.generative_parts["z"].net.assign("loc", torch.tensor([[-0.7, 0.0], [0.7, 0.0]]))
        model.generative_parts["z"].net.assign("raw_scale", torch.full((2, 2), raw_scale(0.2)))
    else:
        model, name = two_level_vae(Normal(3), 2), "z1"
    summed = ["y"] if recipe == "vade" else []
    x = torch.randn(4000, 3)
    use = latent_use(model, {"x": x}).without(summed)
    wanted = evaluate_bound(model, {"x": x}, 16, enumerate=summed).kl[name].mean()
    found = use.kl[[place for place, other in enumerate(use.names) if other == name]].sum()
    torch.testing.assert_close(found, wanted, rtol=0.02, atol=0.005)
    assert not use.exact


def test_without_a_class_the_others_stay() -> None:
    torch.manual_seed(0)
    model = LatentVariableModel(
        {"y": UniformCategorical(3), "z": DiagonalNormal(2), "x": Normal(4).given("z", "y", net=Linear())},
        {"y": Categorical(3).given("x", net=Linear()), "z": DiagonalNormal(2).given("x", net=Linear())},
    )
    use = latent_use(model, {"x": torch.randn(9, 4)})
    assert use.names == ("y", "y", "y", "z", "z")
    for names, kept in ((["y"], slice(3, 5)), (["z"], slice(0, 3))):
        part = use.without(names)
        assert part.names == use.names[kept]
        assert part.exact == use.exact
        for field in ("mean", "scale"):
            torch.testing.assert_close(getattr(part, field), getattr(use, field)[:, kept])
        for field in ("kl", "prior_mean", "prior_scale"):
            torch.testing.assert_close(getattr(part, field), getattr(use, field)[kept])
    assert use.without(["w"]) is use
    assert use.without(["y", "z"]).mean.shape == (9, 0)


@pytest.mark.parametrize(
    "family",
    [FullNormal(4), LowRankNormal(4, 2), SparseNormal((1, 2, 2))],
    ids=lambda family: type(family).__name__,
)
@pytest.mark.parametrize("learned", [False, True])
def test_features_of_a_normal_with_correlations_have_the_divergence_of_their_marginals(
    family: Family, learned: bool
) -> None:
    prior = family.given() if learned else StandardNormal(family.event_shape)
    model = VAE(prior, family.given("x", net=Linear()), Normal(3).given("z", net=Linear()))
    x = torch.randn(10, 3)
    use, q, p = latent_use(model, {"x": x}), posterior(model, {"x": x})["z"], model.generative_parts["z"]()
    apart = (p.stddev / q.stddev).log() + (q.variance + (q.mean - p.mean) ** 2) / (2 * p.variance) - 0.5
    assert use.exact
    torch.testing.assert_close(use.kl, apart.mean(0).flatten())
    z = q.sample()
    alone = torch.distributions.Normal(q.mean, q.stddev).log_prob(z)
    torch.testing.assert_close(q.marginals(z), alone)


def test_a_latent_without_a_variance_is_refused_by_name() -> None:
    angles = VonMises(2)
    model = VAE(angles.given(), angles.given("x", net=Linear()), Normal(3).given("z", net=Linear()))
    with pytest.raises(ValueError, match=r"latent_use: q\(z\) is a VonMises, which tells no variance"):
        latent_use(model, {"x": torch.randn(4, 3)})
