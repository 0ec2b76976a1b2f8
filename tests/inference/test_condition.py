"""Conditional draws, means and densities against the exact conditionals of a linear Gaussian model."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from anyvae.conditionals import (
    Bernoulli,
    Categorical,
    DiagonalNormal,
    Normal,
    StandardNormal,
    UniformCategorical,
    observed,
)
from anyvae.inference import (
    RowNoise,
    cell_log_density,
    condition,
    conditional_mean,
    effective_samples,
    posterior,
    weigh,
)
from anyvae.inference.conditioning import choose
from anyvae.inference.noise import row_keys
from anyvae.inference.rounds import worth_few
from anyvae.model import VAE, LatentVariableModel, Partial
from anyvae.networks import MLP, Linear
from oracles import LinearGaussian, z_score

pytestmark = pytest.mark.usefixtures("double")

GIVEN = torch.tensor([True, False, True, False])


def exact(known: LinearGaussian, x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean, (B, missing), and covariance of the missing cells given the others."""
    have, want = GIVEN.nonzero().squeeze(1), (~GIVEN).nonzero().squeeze(1)
    covariance, offset = known.covariance, known.offset
    gain = covariance[want][:, have] @ torch.linalg.inv(covariance[have][:, have])
    mean = offset[want] + (x[:, have] - offset[have]) @ gain.T
    return mean, covariance[want][:, want] - gain @ covariance[have][:, want]


@pytest.fixture
def known() -> LinearGaussian:
    return LinearGaussian(4, 2)


def half(x: Tensor) -> dict[str, Tensor | Partial]:
    return {"x": Partial(torch.where(GIVEN, x, torch.nan), GIVEN.expand_as(x))}


def near(known: LinearGaussian, rows: int) -> Tensor:
    torch.manual_seed(4)
    return known.evidence_distribution().sample(torch.Size((rows,)))


@pytest.mark.parametrize("steps", [0, 6])
def test_draws_have_the_conditional_law(known: LinearGaussian, steps: int) -> None:
    x = near(known, 3)
    # Few draws from many, so that those chosen are nearly independent.
    found = condition(known.model, half(x), draws=1500, samples=30_000, steps=steps, seed=1)
    mean, covariance = exact(known, x)
    draws = found.values["x"][:, :, ~GIVEN]
    assert float(z_score(draws, mean).abs().max()) < 5.0
    spread = (draws - mean).square()
    assert float(z_score(spread, covariance.diagonal()).abs().max()) < 5.0
    cross = (draws - mean).prod(-1)
    assert float(z_score(cross, covariance[0, 1]).abs().max()) < 5.0
    torch.testing.assert_close(found.values["x"][:, :, GIVEN], x[:, GIVEN].expand(1500, 3, 2), rtol=0, atol=0)


def test_the_chain_mends_a_poor_start(known: LinearGaussian) -> None:
    """Four weighed draws are a poor start; the encoder of whole rows is exact here, so the chain forgets it."""
    x = near(known, 2)
    mean, _ = exact(known, x)
    far = [
        float(
            (
                condition(known.model, half(x), 4000, samples=4, steps=steps).values["x"].mean(0)[:, ~GIVEN]
                - mean
            )
            .abs()
            .max()
        )
        for steps in (0, 30)
    ]
    assert far[0] > 0.3
    assert far[1] < 0.08


def test_an_exact_encoder_is_always_taken(known: LinearGaussian) -> None:
    found = condition(known.model, half(near(known, 5)), draws=7, steps=4)
    torch.testing.assert_close(found.acceptance, torch.ones(5))
    assert condition(known.model, half(near(known, 5)), steps=0).acceptance.isnan().all()


def test_a_wrong_encoder_is_corrected_by_the_rule() -> None:
    """A posterior twice too wide and shifted: without Metropolis's rule the chain would end at another law."""
    known = LinearGaussian(4, 2, stretch=2.0, shift=0.4)
    x = near(known, 2)
    found = condition(known.model, half(x), draws=4000, samples=64, steps=60)
    mean, covariance = exact(known, x)
    draws = found.values["x"][:, :, ~GIVEN]
    assert float(found.acceptance.max()) < 0.9
    assert float((draws.mean(0) - mean).abs().max()) < 0.12
    assert float((draws.var(0) / covariance.diagonal() - 1.0).abs().max()) < 0.15


def test_the_same_rows_get_draws_of_their_own(known: LinearGaussian) -> None:
    """Ten copies of one row are ten rows: their draws are not one draw repeated."""
    x = near(known, 1).repeat(10, 1)
    found = condition(known.model, half(x), seed=3).values["x"][0, :, 1]
    assert len(found.unique()) == 10
    assert torch.equal(found, condition(known.model, half(x), seed=3).values["x"][0, :, 1])
    assert not torch.equal(found, condition(known.model, half(x), seed=4).values["x"][0, :, 1])


def test_what_a_mask_hides_has_no_influence(known: LinearGaussian) -> None:
    x = near(known, 4)
    other = torch.where(GIVEN, x, 1e6)
    for ask in (
        lambda rows: condition(known.model, half(rows)).values["x"],
        lambda rows: conditional_mean(known.model, half(rows)),
        lambda rows: cell_log_density(known.model, half(rows), [slice(0, 1)]),
    ):
        assert torch.equal(ask(x), ask(other))


def test_conditional_means_and_cells_are_those_of_the_model(known: LinearGaussian) -> None:
    x = near(known, 6)
    mean, _ = exact(known, x)
    found = conditional_mean(known.model, half(x), samples=30_000)
    assert float((found[:, ~GIVEN] - mean).abs().max()) < 0.1
    assert torch.equal(found[:, GIVEN], x[:, GIVEN])
    cells = cell_log_density(known.model, {"x": x}, [slice(i, i + 1) for i in range(4)], samples=30_000)
    for index in range(4):
        rest = [i for i in range(4) if i != index]
        others = MultivariateNormal(known.offset[rest], known.covariance[rest][:, rest])
        wanted = known.evidence(x) - others.log_prob(x[:, rest])
        error = (cells[:, index] - wanted).abs()
        assert float(error.median()) < 0.02
        assert float(error.max()) < 0.2  # the encoder knows nothing of masks, and rows far out need it


def test_the_mean_of_a_latent_is_that_of_its_posterior(known: LinearGaussian) -> None:
    """And not of its prior at its parents: what is given is below it."""
    x = near(known, 6)
    found = conditional_mean(known.model, {"x": x}, "z", samples=30_000)
    torch.testing.assert_close(found, posterior(known.model, {"x": x})["z"].mean, rtol=0, atol=0.02)


def test_rows_whose_draws_are_worth_few_are_given_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """The encoder is off, so that in the rows far out few of 128 draws count."""
    known = LinearGaussian(4, 2, shift=0.7)
    x = 0.7 * near(known, 60)
    mean, _ = exact(known, x)

    def far(ask: Callable[[], Tensor]) -> float:
        return float((ask()[..., ~GIVEN] - mean).square().mean().sqrt())

    def means() -> Tensor:
        return conditional_mean(known.model, half(x), samples=128)

    def draws() -> Tensor:
        found = condition(known.model, half(x), 400, samples=128, steps=0)
        # Rows whose draws were worth few come last inside, and stand in their places again.
        torch.testing.assert_close(found.values["x"][0][:, GIVEN], x[:, GIVEN], rtol=0, atol=0)
        return found.values["x"].mean(0)

    few = worth_few(weigh(known.model, half(x), 128).log_weight)
    assert 10 < int(few.sum()) < 50
    more = [far(means), far(draws)]
    monkeypatch.setattr("anyvae.inference.rounds.worth_few", lambda weights: weights[0] > torch.inf)
    once = [far(means), far(draws)]
    assert more[0] < 0.6 * once[0], (more, once)
    assert more[1] < 0.6 * once[1], (more, once)


def test_a_batch_is_a_loop_and_a_repetition_the_same(known: LinearGaussian) -> None:
    x = near(known, 40)
    cells = [slice(0, 1), slice(2, 4)]
    whole = cell_log_density(known.model, {"x": x}, cells, samples=512)
    alone = torch.cat(
        [cell_log_density(known.model, {"x": x[i : i + 1]}, cells, samples=512) for i in range(40)]
    )
    torch.testing.assert_close(whole, alone, rtol=1e-11, atol=1e-11)
    mean = conditional_mean(known.model, half(x), samples=512)
    torch.testing.assert_close(mean[7:9], conditional_mean(known.model, half(x[7:9]), samples=512))


def test_cells_that_are_not_given_have_no_density(known: LinearGaussian) -> None:
    found = cell_log_density(known.model, half(near(known, 2)), [slice(0, 1), slice(1, 2), slice(2, 4)])
    assert found.isnan().tolist() == [[False, True, True]] * 2
    with pytest.raises(ValueError, match="wants 'x' in the batch"):
        cell_log_density(known.model, {"z": torch.zeros(1, 2)}, [slice(0, 1)])


def test_an_outlier_takes_no_digit_from_the_other_cells_in_single_precision() -> None:
    vae = VAE(
        prior=StandardNormal(1),
        encoder=DiagonalNormal(1).given("x", observed("x"), net=Linear()),
        decoder=Normal(2).given("z", net=Linear()),
    ).float()
    with torch.no_grad():
        for weight in vae.generative_parts["x"].parameters():
            weight.zero_()  # so that no cell knows of the other
    cells = [slice(0, 1), slice(1, 2)]
    near, far = cell_log_density(
        vae, {"x": torch.tensor([[0.1, 0.3], [1e6, 0.3]]).float()}, cells, samples=64
    )
    assert float(far[0]) < -1e9
    torch.testing.assert_close(far[1], near[1])


def test_weights_of_the_mixture_are_bounded_and_estimate_the_evidence() -> None:
    known = LinearGaussian(4, 2, stretch=0.3, shift=1.0)
    x = near(known, 5)
    torch.manual_seed(0)
    with torch.no_grad():
        _, log_weight = weigh(known.model, {"x": x}, 200_000)
    estimate = log_weight.logsumexp(0) - torch.tensor(200_000.0).log()
    torch.testing.assert_close(estimate, known.evidence(x), atol=0.02, rtol=0)
    # p(x | z) / prior: the density at the nearest possible mean of x, over the share of the prior.
    peak = -0.5 * 4 * torch.tensor(2.0 * torch.pi * 0.7**2).log()
    assert float(log_weight.max()) <= float(peak) + torch.tensor(2.0).log()
    with torch.no_grad():
        plain = weigh(known.model, {"x": x}, 2000, prior=0.0)
    # The very same number, where q alone draws: p(x, z) / q(z | x).
    torch.testing.assert_close(plain.log_weight, plain.trace.log_weight())
    assert float(effective_samples(plain.log_weight).median()) < 0.5 * float(
        effective_samples(log_weight[-2000:]).median()
    )


def test_effective_samples() -> None:
    log_weight = torch.tensor([[0.0, 0.0], [0.0, -torch.inf], [0.0, -torch.inf]])
    torch.testing.assert_close(effective_samples(log_weight), torch.tensor([3.0, 1.0]))
    torch.testing.assert_close(effective_samples(log_weight + 700.0), torch.tensor([3.0, 1.0]))


def test_choices_are_in_proportion_and_in_random_order() -> None:
    torch.manual_seed(0)
    log_weight = torch.tensor([0.5, 0.3, 0.2]).log().unsqueeze(1).expand(3, 2000)
    chosen = choose(log_weight, 10)
    counts = torch.stack([(chosen == value).sum(0) for value in range(3)])
    assert counts.unique(dim=1).squeeze().tolist() == [5, 3, 2]
    first = torch.bincount(chosen[0], minlength=3) / 2000
    torch.testing.assert_close(first, torch.tensor([0.5, 0.3, 0.2]), atol=0.04, rtol=0)


def test_labels_and_latents_together() -> None:
    """p(y) p(z) p(x | y, z) with two classes far apart: the class follows from the cell that is given."""
    model = LatentVariableModel(
        generative={
            "y": UniformCategorical(2),
            "z": StandardNormal(1),
            "x": Normal(2).given("y", "z", net=Linear()),
        },
        inference={
            "y": Categorical(2).given("x", observed("x"), net=MLP([4])),
            "z": DiagonalNormal(1).given("x", "y", net=Linear()),
        },
    ).double()
    from oracles import set_linear, set_scale

    classes = torch.tensor([[4.0, -4.0], [4.0, -4.0]])
    set_linear(model.generative_parts["x"], loc=(torch.zeros(2), classes, torch.tensor([[0.5], [0.5]])))
    set_scale(model.generative_parts["x"], 0.5)
    x = torch.tensor([[3.8, 0.0], [-4.2, 0.0]])
    given = Partial(x, torch.tensor([True, False]).expand(2, 2))
    found = condition(model, {"x": given}, draws=400, samples=2000, steps=5)
    assert found.values["y"].mean(0).argmax(-1).tolist() == [0, 1]
    # Given y and x_1, x_2 is normal: cov = .25 + .25 I, so mean = 4 + .5 (x_1 - 4) in the first class.
    torch.testing.assert_close(
        found.values["x"][:, :, 1].mean(0), torch.tensor([3.9, -4.1]), atol=0.12, rtol=0
    )
    labelled = condition(
        model,
        {"x": given, "y": Partial(torch.tensor([[0.0, 1.0], [0.0, 1.0]]), torch.tensor([False, True]))},
        draws=50,
    )
    assert bool((labelled.values["y"][:, 1] == torch.tensor([0.0, 1.0])).all())
    alone = condition(
        model,
        {"y": torch.tensor([[1.0, 0.0]]), "x": Partial(x[:1], torch.zeros(1, 2, dtype=torch.bool))},
        draws=300,
        steps=0,
        samples=1000,
    )
    torch.testing.assert_close(alone.values["x"].mean((0, 1)), torch.tensor([4.0, 4.0]), atol=0.2, rtol=0)


def test_what_is_asked_wrongly_is_refused(known: LinearGaussian) -> None:
    with pytest.raises(ValueError, match="draws=0"):
        condition(known.model, half(near(known, 1)), 0)
    with pytest.raises(ValueError, match=r"prior=1\.0"):
        weigh(known.model, half(near(known, 1)), 4, prior=1.0)
    binary = VAE(
        StandardNormal(1), DiagonalNormal(1).given("x", net=Linear()), Bernoulli(2).given("z", net=Linear())
    )
    assert condition(binary, {"x": torch.ones(2, 2)}, names=["z"]).values.keys() == {"z"}


def test_fixed_noise_of_the_prior_is_its_own(known: LinearGaussian) -> None:
    """With q's own numbers the draws of the prior would move with those of q, and the mixture be none."""
    x = near(known, 3)
    keys = row_keys(known.model.admit({"x": x}))
    with torch.no_grad():
        trace, _ = weigh(known.model, {"x": x}, 2000, RowNoise(0, keys))
    own = (trace.values["z"][:1000] - trace.q("z").mean) / known.posterior_scale
    ancestral = trace.values["z"][1000:]
    assert float(((own * ancestral).mean(0)).abs().max()) < 5.0 / 1000**0.5


def test_other_latents_have_other_parents() -> None:
    """q(z | x, y) at another y is another distribution: a trace moved to it works it out anew."""
    torch.manual_seed(1)
    model = LatentVariableModel(
        generative={
            "y": StandardNormal(1),
            "z": StandardNormal(1),
            "x": Normal(2).given("y", "z", net=Linear()),
        },
        inference={
            "y": DiagonalNormal(1).given("x", net=Linear()),
            "z": DiagonalNormal(1).given("x", "y", net=Linear()),
        },
    ).double()
    x, y, z = torch.randn(4, 2), torch.randn(4, 1), torch.randn(4, 1)
    with torch.no_grad():
        moved = model.trace({"x": x}).reread({"y": y, "z": z}, keep_q=False)
        wanted = model.inference_parts["z"](x, y).log_prob(z)
        torch.testing.assert_close(moved.log_q("z"), wanted)
        total = moved.log_p("x") + moved.log_p("y") + moved.log_p("z") - moved.log_q("y") - moved.log_q("z")
        torch.testing.assert_close(moved.log_weight(), total.unsqueeze(0))
