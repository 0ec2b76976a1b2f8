"""Errors against arithmetic; coverage of exact draws is nominal, for any law and any number of draws."""

from __future__ import annotations

import numpy as np
import pytest
from made_tables import mixed_table

from anyvae.metrics import imputation_error, interval_coverage


def test_errors_are_those_of_the_hidden_cells() -> None:
    truth = {"x": np.array([0.0, 2.0, 4.0, np.nan]), "c": np.array(["a", "b", "c", None], dtype=object)}
    imputed = {"x": np.array([9.0, 3.0, 2.0, 5.0]), "c": np.array(["z", "b", "a", "a"], dtype=object)}
    hidden = {"x": np.array([False, True, True, True]), "c": np.array([False, True, True, True])}
    found = imputation_error(truth, imputed, hidden)
    assert found["x"].error == pytest.approx(np.sqrt((1 + 4) / 2) / np.std([0.0, 2.0, 4.0]))
    assert found["c"].error == 0.5
    assert [one.cells for one in found.values()] == [2, 2]
    assert [one.kind for one in found.values()] == ["NRMSE", "error rate"]


def test_the_mean_has_an_error_of_one_and_the_truth_of_none() -> None:
    table = mixed_table(2000, 0)
    everything = {"x": np.ones(2000, dtype=bool)}
    mean = {**table, "x": np.full(2000, table["x"].mean())}
    assert imputation_error(table, mean, everything)["x"].error == pytest.approx(1.0)
    assert imputation_error(table, table, everything)["x"].error == 0.0
    none = imputation_error(table, table, {"x": np.zeros(2000, dtype=bool)})["x"]
    assert np.isnan(none.error)
    assert none.cells == 0


@pytest.mark.parametrize("draws", [1, 4, 20])
def test_coverage_of_exact_draws_is_nominal(draws: int) -> None:
    """Reals, whole numbers with ties, categories and truth values, each conditional with a law of its own."""
    rows = 4000
    random = np.random.default_rng(draws)
    shift = random.normal(size=rows)
    odds = random.dirichlet([1.0, 0.5, 0.3, 0.1], rows).cumsum(1)

    def draw() -> dict[str, np.ndarray]:
        return {
            "real": shift + random.standard_t(2, rows),
            "count": random.poisson(np.exp(shift)),
            "rare": random.random(rows) < 0.03,
            "kind": np.array(list("abcd"))[(random.random((rows, 1)) > odds).sum(1).clip(0, 3)],
        }

    found = interval_coverage([draw() for _ in range(draws)], draw(), levels=(0.5, 0.9))
    for name, coverage in found.items():
        assert coverage.cells == rows
        for share, error, level in zip(coverage.shares, coverage.errors, (0.5, 0.9), strict=True):
            assert error == pytest.approx(np.sqrt(level * (1 - level) / rows))
            assert abs(share - level) < 3.5 * error, (name, level, share)


def test_draws_too_narrow_cover_too_little_and_too_wide_too_much() -> None:
    random = np.random.default_rng(0)
    rows, draws = 3000, 50

    def shares(scale: float) -> tuple[float, ...]:
        made = [{"x": scale * random.normal(size=rows)} for _ in range(draws)]
        return interval_coverage(made, {"x": random.normal(size=rows)})["x"].shares

    from scipy.stats import norm

    for scale in (0.5, 2.0):
        exact = [1 - 2 * norm.sf(scale * norm.isf((1 - level) / 2)) for level in (0.5, 0.9)]
        np.testing.assert_allclose(shares(scale), exact, atol=0.05)
    sure = np.full(rows, "a")
    truth = {"c": np.where(random.random(rows) < 0.4, "b", "a")}
    found = interval_coverage([{"c": sure}] * draws, truth, levels=(0.9,))["c"]
    assert found.shares[0] < 0.6  # drawn as if certain, wrong in four of ten


def test_only_hidden_cells_are_judged() -> None:
    random = np.random.default_rng(0)
    truth = {"x": random.normal(size=500), "y": random.normal(size=500)}
    truth["x"][:10] = np.nan
    hidden = {"x": np.arange(500) < 100}
    draws = [{"x": np.where(hidden["x"], 99.0, np.nan), "y": truth["y"]} for _ in range(5)]
    found = interval_coverage(draws, truth, hidden=hidden)
    assert list(found) == ["x"]
    assert found["x"].cells == 90
    assert found["x"].shares[0] < 0.02
    nothing = interval_coverage(draws, truth, hidden={"x": np.zeros(500, dtype=bool)})["x"]
    assert np.isnan(nothing.shares).all()


@pytest.mark.parametrize(
    ("draws", "options", "words"),
    [
        ([], {}, "0 draws"),
        ([{"x": np.ones(3)}], {"levels": (0.5, 1.0)}, r"levels \(0.5, 1.0\)"),
        ([{"x": np.ones(3)}], {"hidden": {"y": np.ones(3, dtype=bool)}}, "'y'.*no columns"),
        ([{"x": np.ones(2)}], {}, r"unequal lengths \[2, 3\]"),
        ([{"x": np.array([1.0, np.nan, 1.0])}], {}, "'x' has hidden cells that were not filled in"),
    ],
)
def test_draws_that_cannot_be_judged_are_refused(draws: list, options: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        interval_coverage(draws, {"x": np.arange(3.0)}, **options)


@pytest.mark.parametrize("package", ["pandas", "polars"])
def test_data_frames_are_measured_as_the_arrays_they_hold(package: str) -> None:
    frames = pytest.importorskip(package)
    truth = {"x": np.array([0.0, 2.0, np.nan, 4.0]), "kind": np.array(["a", "b", "c", "a"])}
    imputed = {"x": np.array([1.0, 2.0, 3.0, 5.0]), "kind": np.array(["a", "a", "c", "a"])}
    hidden = {"x": np.array([True, False, True, True]), "kind": np.array([False, True, True, False])}
    wanted = imputation_error(truth, imputed, hidden)
    assert wanted["kind"].error == 0.5
    found = imputation_error(frames.DataFrame(truth), frames.DataFrame(imputed), hidden)
    assert found == wanted
    if package == "pandas":
        # Neither an index nor an encoding of text is a column, or another value.
        odd = frames.DataFrame(truth).set_axis(list("wxyz")).astype({"kind": "category"})
        assert imputation_error(odd, imputed, hidden) == wanted
    with pytest.raises(TypeError, match="got list; wanted an arrow table"):
        imputation_error([1.0], imputed, hidden)  # type: ignore[arg-type]
