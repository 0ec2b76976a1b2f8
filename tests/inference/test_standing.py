"""How a row stands: exact for a linear model, without units, not higher for what is merely simple."""

from __future__ import annotations

import math

import pytest
import torch

from anyvae.conditionals import Bernoulli, DiagonalNormal, Normal, StandardNormal
from anyvae.inference import evaluate_bound, standing
from anyvae.model import VAE, LatentVariableModel, Partial
from anyvae.networks import Linear
from oracles import LinearGaussian, raw_scale, set_linear, set_scale

pytestmark = pytest.mark.usefixtures("double")


@pytest.fixture
def exact() -> LinearGaussian:
    """Its bound is its evidence."""
    return LinearGaussian(5, 2)


def test_of_a_linear_model_it_is_the_evidence_and_the_entropy_of_the_noise(exact: LinearGaussian) -> None:
    x = exact.rows(40)
    entropy = 0.5 * 5 * (1.0 + math.log(2.0 * math.pi * 0.7**2))
    error = standing(exact.model, {"x": x}, 8000) - exact.evidence(x) - entropy
    # 8,000 draws of half a chi-squared of 5 for all rows, and of a row as many of its latents besides.
    assert abs(float(error.mean())) < 5 * math.sqrt(5 / 2 / 8000)
    assert float(error.std()) < 0.15


def test_the_same_noise_for_all_rows_adds_the_same_to_all(exact: LinearGaussian) -> None:
    x = exact.rows(40)
    added = standing(exact.model, {"x": x}) - evaluate_bound(exact.model, {"x": x}, 16).elbo
    assert float(added.std()) < 1e-9
    # Half the mean square of 16 times 5 numbers, around one half of each.
    assert float(added.mean()) == pytest.approx(0.5 * 5 * (1.0 + math.log(2.0 * math.pi * 0.49)), abs=2.0)


def test_deterministic_and_of_one_row_as_of_many(exact: LinearGaussian) -> None:
    x = exact.rows(700)
    before = torch.random.get_rng_state()
    found = standing(exact.model, {"x": x}, 32)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(standing(exact.model, {"x": x}, 32), found)
    alone = torch.cat([standing(exact.model, {"x": x[k : k + 1]}, 32) for k in range(300, 310)])
    torch.testing.assert_close(alone, found[300:310], rtol=1e-11, atol=1e-11)
    assert float((standing(exact.model, {"x": x}, 32, seed=1) - found).abs().min()) > 0.0


def _in_units(unit: float) -> LatentVariableModel:
    """One model, whose rows are measured in so many times smaller a unit."""
    model = VAE(
        StandardNormal(1),
        DiagonalNormal(1).given("x", net=Linear()),
        Normal(2).given("z", net=Linear()),
    )
    decoder, encoder = model.generative_parts["x"], model.inference_parts["z"]
    set_linear(decoder, loc=(torch.zeros(2), unit * torch.tensor([[1.0], [-0.5]])))
    set_scale(decoder, 0.3 * unit)
    set_linear(
        encoder,
        loc=(torch.zeros(1), torch.tensor([[0.6, -0.3]]) / unit),
        raw_scale=(raw_scale(0.4).expand(1), torch.zeros(1, 2)),
    )
    return model


def test_a_unit_changes_nothing_where_it_changes_the_bound() -> None:
    rows = torch.tensor([[0.0, 0.0], [1.0, -0.4], [2.0, 1.0]])
    kilos, grams = _in_units(1.0), _in_units(1000.0)
    # The noise of a row is chosen by its content, which is not the same in both; its mean is.
    found = standing(kilos, {"x": rows}, 4000), standing(grams, {"x": 1000.0 * rows}, 4000)
    torch.testing.assert_close(found[0], found[1], rtol=0.0, atol=0.2)
    bounds = [
        evaluate_bound(model, {"x": unit * rows}, 4000).elbo for model, unit in ((kilos, 1), (grams, 1000))
    ]
    assert float((bounds[0] - bounds[1]).mean()) == pytest.approx(2 * math.log(1000.0), abs=0.2)


def _pictures() -> LatentVariableModel:
    """z = -1 is an empty picture, z = 1 one whose pixels are on by chance of a half."""
    model = VAE(
        StandardNormal(1),
        DiagonalNormal(1).given("x", net=Linear()),
        Bernoulli(20).given("z", net=Linear()),
    )
    set_linear(model.generative_parts["x"], logits=(torch.full((20,), -2.3), torch.full((20, 1), 2.3)))
    set_linear(
        model.inference_parts["z"],
        loc=(-torch.ones(1), torch.full((1, 20), 4.0 / 20)),
        raw_scale=(raw_scale(0.1).expand(1), torch.zeros(1, 20)),
    )
    return model


def test_what_is_simple_does_not_stand_higher() -> None:
    empty, half, few = torch.zeros(20), torch.arange(20) % 2.0, (torch.arange(20) < 5) * 1.0
    rows = torch.stack([empty, half, few])
    bound = evaluate_bound(_pictures(), {"x": rows}, 64).elbo
    assert float(bound[0] - bound[1]) > 12.0
    assert float(bound[2] - bound[1]) > -1.0, "the row that is strange is dense enough"
    stands = standing(_pictures(), {"x": rows}, 64)
    assert abs(float(stands[0] - stands[1])) < 2.0
    assert float(stands[2]) < float(stands[:2].min()) - 4.0


def test_what_is_hidden_counts_neither_in_the_row_nor_in_what_is_expected() -> None:
    """A third cell beside `_in_units`, which has nothing to do with the latents, at its mean or hidden."""
    model = VAE(
        StandardNormal(1),
        DiagonalNormal(1).given("x", net=Linear()),
        Normal(3).given("z", net=Linear()),
    )
    decoder, encoder = model.generative_parts["x"], model.inference_parts["z"]
    set_linear(decoder, loc=(torch.zeros(3), torch.tensor([[1.0], [-0.5], [0.0]])))
    set_scale(decoder, 0.1)
    weight = torch.tensor([[0.6, -0.3, 0.0]])
    set_linear(encoder, loc=(torch.zeros(1), weight), raw_scale=(raw_scale(0.4).expand(1), torch.zeros(1, 3)))
    given = torch.tensor([[1.0, 1.0, 0.0]])
    hidden = [
        standing(model, {"x": Partial(torch.tensor([[0.3, -0.2, value]]), given)}, 4000)
        for value in (7.0, -1e4)
    ]
    assert torch.equal(hidden[0], hidden[1])
    # log N(0; 0, s) is half a nat over what a draw of N(0, s) has on average.
    whole = standing(model, {"x": torch.tensor([[0.3, -0.2, 0.0]])}, 4000)
    assert float(whole - hidden[0]) == pytest.approx(0.5, abs=0.25)


def test_refused() -> None:
    model = _in_units(1.0)
    with pytest.raises(ValueError, match="standing got samples=0; wanted at least 1"):
        standing(model, {"x": torch.zeros(1, 2)}, 0)
