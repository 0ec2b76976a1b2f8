"""Laws of the measures of disentanglement: what perfect, rotated, empty, renumbered and stretched codes get."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from made_factors import crossing, drawn, noisy, rotated
from scipy.linalg import hadamard

from anyvae.metrics import (
    beta_vae_score,
    dci,
    factor_vae_score,
    histogram_mig,
    irs,
    linear_probe,
    mig,
    modularity,
    sap,
)

pytestmark = pytest.mark.usefixtures("double")

Measure = Callable[..., Any]


def of_means(codes: Any, factors: Any, **more: Any) -> Any:
    """`mig` of posteriors of one width."""
    return mig(codes, np.full(codes.shape, 0.02), factors, samples=1000, **more)


def few(measure: Measure, **less: Any) -> Measure:
    return lambda codes, factors, **more: measure(codes, factors, **(less | more))


MEASURES: dict[str, Measure] = {
    "beta_vae_score": few(beta_vae_score, train=1000, test=500, pairs=4),
    "factor_vae_score": few(factor_vae_score, train=1000, test=500, rows=6, prune=0.0),
    "histogram_mig": histogram_mig,
    "mig": of_means,
    "modularity": modularity,
    "sap": sap,
    "sap categorical": few(sap, categorical=[0, 2]),
    "irs": irs,
    "dci": few(dci, trees=5),
    "dci boosting": few(dci, learner="boosting", trees=3),
}
SEEDED = ["beta_vae_score", "factor_vae_score", "mig", "sap categorical", "dci", "dci boosting"]
SIZES = (4, 5, 3)
EVERY = pytest.mark.parametrize("name", MEASURES)


def scores(found: Any) -> list[float]:
    """The one score of a measure, or its three."""
    return [found] if isinstance(found, float) else [part for part in found if isinstance(part, float)]


@pytest.mark.parametrize("name", [name for name in MEASURES if name != "sap categorical"])
def test_factors_themselves_have_the_best_score(name: str) -> None:
    """In other units and another order, with a sign; as a tensor as well."""
    factors = crossing(SIZES, times=12)
    codes = factors[:, [2, 0, 1]] * np.array([-0.3, 2.0, 0.7]) + np.array([5.0, 0.0, -1.0])
    enough = {
        "dci boosting": {"trees": 30},
        "beta_vae_score": {"pairs": 64},
        "factor_vae_score": {"rows": 64},
    }
    found = MEASURES[name](torch.from_numpy(codes), torch.from_numpy(factors), **enough.get(name, {}))
    assert scores(found) == pytest.approx([1.0] * len(scores(found)), abs=1e-9 if name != "mig" else 1e-3)


@EVERY
def test_codes_that_say_nothing_have_no_score(name: str) -> None:
    factors = drawn(1000, SIZES)
    found = scores(MEASURES[name](np.full((1000, 4), 0.1), factors))
    if name == "beta_vae_score":
        assert found == pytest.approx([1 / 3], abs=0.1)
    elif name.startswith("dci"):
        assert found[:2] == [0.0, 0.0]
        assert found[2] == pytest.approx((1 / 4 + 1 / 5 + 1 / 3) / 3, abs=0.05)
    else:
        assert found == pytest.approx([0.0], abs=1e-12)


def test_noise_is_at_chance() -> None:
    factors = drawn(10_000, (5, 5, 5, 5))
    codes = np.random.default_rng(1).normal(size=(10_000, 6))
    for measure in (beta_vae_score, factor_vae_score):
        assert measure(codes, factors) == pytest.approx(1 / 4, abs=4 * np.sqrt(3 / 16 / 5000) + 0.01)
    for score in (histogram_mig(codes, factors).score, sap(codes, factors).score):
        assert score < 0.002
    assert mig(codes, np.full_like(codes, 0.3), factors, samples=1000).score < 0.01
    # What noise is: its deviations within the rows of a value are those of all rows.
    assert abs(irs(codes, factors).score) < 0.03
    found = dci(codes, factors, trees=5)
    assert found.disentanglement < 0.02
    assert found.informativeness == pytest.approx(1 / 5, abs=0.02)


def test_a_rotation_that_mixes_all_factors_alike_separates_nothing() -> None:
    """All that is known of the factors is still there: only its separation is lost."""
    factors = drawn(5000, (5,) * 8)
    codes = (factors - factors.mean(0)) / factors.std(0) @ (hadamard(8) / np.sqrt(8))
    assert histogram_mig(codes, factors).score < 0.01
    assert mig(codes, np.full_like(codes, 0.1), factors, samples=1000).score < 0.01
    assert sap(codes, factors).score < 0.01
    assert factor_vae_score(codes, factors) < 0.16
    found = dci(codes, factors, trees=5)
    assert found.disentanglement < 0.01
    assert found.completeness < 0.01
    assert irs(codes, factors).score < 0.15
    assert linear_probe(codes, factors[:, 3] * 1.0) == pytest.approx(1.0)


def test_a_random_rotation_of_many_factors_separates_little() -> None:
    factors = drawn(3000, (3,) * 16)
    codes = rotated(factors)
    assert histogram_mig(codes, factors).score < 0.1
    assert sap(codes, factors).score < 0.15
    assert factor_vae_score(codes, factors) < 0.6
    assert dci(codes, factors, trees=3).disentanglement < 0.35


@EVERY
def test_how_latents_are_numbered_changes_nothing(name: str) -> None:
    factors = drawn(600, SIZES)
    codes = noisy(factors)
    order = np.array([3, 0, 4, 2, 1])
    found, other = MEASURES[name](codes, factors), MEASURES[name](codes[:, order], factors)
    # Sums over latents in another order: the last bit may move.
    assert scores(found) == pytest.approx(scores(other), rel=1e-12)
    assert 0.05 < scores(found)[0] < 0.99
    if not isinstance(found, float):
        table = found.importances if name.startswith("dci") else found.table
        moved = other.importances if name.startswith("dci") else other.table
        np.testing.assert_array_equal(table[order], moved)


@EVERY
def test_how_factors_and_their_values_are_numbered_changes_nothing_but_the_order(name: str) -> None:
    """Exactly where nothing is drawn; the values of a factor stay evenly spaced, as SAP wants them."""
    factors = drawn(600, SIZES)
    codes = noisy(factors)
    found = scores(MEASURES[name](codes, factors))
    np.testing.assert_allclose(scores(MEASURES[name](codes, 7 - 3 * factors)), found, atol=0.05)
    if name not in SEEDED:
        assert scores(MEASURES[name](codes, 7 - 3 * factors)) == pytest.approx(found, abs=1e-12)
        assert scores(MEASURES[name](codes, factors[:, [2, 0, 1]])) == pytest.approx(found, abs=1e-12)


@pytest.mark.parametrize("name", [name for name in MEASURES if name != "irs"])
def test_the_scales_of_latents_change_nothing(name: str) -> None:
    """By powers of two exactly, as then nothing is rounded; else to a share of the rows at an edge."""
    factors = drawn(600, SIZES)
    codes = noisy(factors)
    found = MEASURES[name](codes, factors)
    double = np.array([4.0, 0.5, 8.0, 0.125, 2.0])
    if name == "mig":
        width = np.full(codes.shape, 0.2)
        found = mig(codes, width, factors, samples=1000)
        other = mig(codes * double, width * double, factors, samples=1000)
        # Densities are in units of the latent: logarithms of the units cancel, and leave rounding.
        assert scores(other) == pytest.approx(scores(found), abs=1e-12)
    else:
        assert scores(MEASURES[name](codes * double, factors)) == scores(found)
        other = MEASURES[name](codes * np.array([3.0, 0.7, 11.0, 0.13, 1.9]), factors)
        assert scores(other) == pytest.approx(scores(found), abs=0.02)


def test_robustness_of_a_latent_has_no_scale_and_its_weight_has() -> None:
    factors = drawn(600, SIZES)
    codes = noisy(factors)
    found, other = irs(codes, factors), irs(codes * np.array([4.0, 1.0, 1.0, 1.0, 1.0]), factors)
    np.testing.assert_array_equal(found.table, other.table)
    assert found.latents[0] > found.score
    assert found.score < other.score < found.latents[0]


@pytest.mark.parametrize("name", SEEDED)
def test_the_seed_alone_decides(name: str) -> None:
    factors = drawn(600, SIZES)
    codes = noisy(factors)
    numpy_before, torch_before = repr(np.random.get_state()), torch.get_rng_state()  # noqa: NPY002
    first = scores(MEASURES[name](codes, factors, seed=3))
    assert repr(np.random.get_state()) == numpy_before  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), torch_before)
    np.random.random(3)  # noqa: NPY002
    torch.rand(3)
    assert scores(MEASURES[name](codes, factors, seed=3)) == first
    assert scores(MEASURES[name](codes, factors, seed=4)) != first


@pytest.mark.parametrize("name", [name for name in MEASURES if name not in SEEDED])
def test_the_order_of_the_rows_changes_nothing(name: str) -> None:
    factors = drawn(600, SIZES)
    codes = noisy(factors)
    order = np.random.default_rng(0).permutation(600)
    found = scores(MEASURES[name](codes, factors))
    assert scores(MEASURES[name](codes[order], factors[order])) == pytest.approx(found, abs=1e-12)


@EVERY
def test_what_no_measure_takes_is_refused_by_name(name: str) -> None:
    measure, factors = MEASURES[name], drawn(50, SIZES)
    codes = noisy(factors)
    own = "mig" if name == "mig" else name.split()[0]
    with pytest.raises(ValueError, match=rf"{own}: factor 1 is 3 in all rows; leave its column out"):
        measure(codes, np.where(np.arange(3) == 1, 3, factors))
    with pytest.raises(
        ValueError, match=rf"{own} got codes of shape \(49, 5\) and factors of shape \(50, 3\)"
    ):
        measure(codes[1:], factors)
    with pytest.raises(ValueError, match=f"{own} got factors that are not whole numbers"):
        measure(codes, factors + 0.5)
    broken = codes.copy()
    broken[3, 1] = np.nan
    with pytest.raises(ValueError, match=f"{own} got codes that are not finite"):
        measure(broken, factors)


def test_what_compares_latents_or_factors_wants_two() -> None:
    factors = drawn(50, SIZES)
    codes = noisy(factors)
    for name in ("histogram_mig", "mig", "sap", "dci"):
        with pytest.raises(ValueError, match=f"{name} got codes with 1 latent; it compares latents"):
            MEASURES[name](codes[:, :1], factors)
    for name in ("beta_vae_score", "factor_vae_score", "modularity", "dci"):
        with pytest.raises(ValueError, match=f"{name} got 1 factor; it compares factors"):
            MEASURES[name](codes, factors[:, :1])


@pytest.mark.parametrize("name", ["histogram_mig", "sap", "irs", "factor_vae_score"])
def test_codes_of_half_precision_are_read(name: str) -> None:
    factors = drawn(200, SIZES)
    halved = torch.from_numpy(noisy(factors)).to(torch.bfloat16)
    first, second = (MEASURES[name](some, factors) for some in (halved, halved.float()))
    assert scores(first) == scores(second)
