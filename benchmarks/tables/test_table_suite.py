"""The protocol, the loaders and the scores, on small tables; the real ones where they are at hand."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import anomaly as row_anomaly
import counts as row_counts
import hivae as row_hivae
import numpy as np
import pandas as pd
import protocol
import pytest
from adult import quality
from anomaly import PEERS, by_set
from door import load, save
from given import compare
from intervals import covered
from loaders import (
    HIVAE_SETS,
    UCI_SETS,
    adult,
    anomaly,
    anomaly_names,
    binaries,
    correlated,
    data_folder,
    hide,
    hivae,
    hivae_mask,
    missing_by_answer,
    mixed,
    not_miwae,
    rare_group,
    uci,
)
from peers import MEAN, OURS, RIDGE, Contestant
from protocol import Case, Finding, Question, Row, Tables, ask, coverage, number, pick
from scores import distinct_share, imputation, kolmogorov, ranks, rmse
from summary import _verdict as said
from summary import render, write


@pytest.fixture
def real() -> None:
    """Skip, by name, where the real data are absent."""
    try:
        data_folder("tables")
    except FileNotFoundError as reason:
        pytest.skip(f"the real data are absent: {reason}")


# The door -----------------------------------------------------------------------------------------------------


def test_a_table_comes_through_the_door_as_it_went_in(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "whole": np.array([1, -2, 3]),
            "real": [0.5, np.nan, 1e300],
            "name": pd.Series(["a", None, "ä b"], dtype=object),
            "level": pd.Categorical(["low", None, "high"], categories=["low", "mid", "high"], ordered=True),
        }
    )
    save(tmp_path, "t", frame)
    back = load(tmp_path, "t")
    assert back["whole"].tolist() == [1, -2, 3]
    assert back["whole"].dtype.kind == "i"
    np.testing.assert_array_equal(back["real"], frame["real"])
    assert back["name"].tolist() == ["a", None, "ä b"]
    assert back["level"].dtype == frame["level"].dtype
    assert back["level"].cat.codes.tolist() == [0, -1, 2]


def _question(judge: Callable[[Tables], Mapping[str, Any]]) -> Question:
    frame = pd.DataFrame({"x": [1.0, 3.0, np.nan, 4.0], "c": pd.Series(["u", "u", None, "v"], dtype=object)})
    return Question("impute", {"train": frame}, judge)


def test_a_contestant_answers_from_a_process_of_its_own() -> None:
    seen: dict[str, pd.DataFrame] = {}

    def judge(answer: Tables) -> dict[str, float]:
        seen.update(answer)
        return {"x": float(answer["imputed"]["x"][2])}

    told = ask(MEAN, _question(judge), seed=0)
    assert told["figures"] == {"x": pytest.approx(8.0 / 3.0)}
    assert seen["imputed"]["c"].tolist() == ["u", "u", "u", "v"]
    assert told["seconds"]["fit"] >= 0.0
    assert told["peak_mb"] > 1.0
    assert set(told["versions"]) == {"scikit-learn"}


def test_one_that_fails_is_told_with_its_last_words() -> None:
    told = ask(
        Contestant("odd", "by_sklearn.py", "mean"), Question("no such task", {}, lambda answer: {}), seed=0
    )
    assert "no such task" in told["error"]
    assert "figures" not in told


def test_one_without_an_environment_is_told_how_to_make_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANYVAE_PEERS", str(tmp_path))
    told = ask(Contestant("absent", "by_pyod.py", "", "pyod"), _question(lambda answer: {}), seed=0)
    assert told == {"error": "no environment: python peers.py pyod makes it"}


def test_one_that_takes_too_long_is_stopped() -> None:
    told = ask(RIDGE, _question(lambda answer: {}), seed=0, minutes=1e-4)
    assert told["error"] == "stopped after 0.0001 minutes"


# Keeping ------------------------------------------------------------------------------------------------------


def _row(made: list[int]) -> Row:
    def make(seed: int) -> Question:
        made.append(seed)
        return _question(lambda answer: {"x": float(answer["imputed"]["x"][2])})

    def cases() -> Iterator[Case]:
        yield Case("small", make, (0, 1))

    def judge(runs: Sequence[Mapping[str, Any]]) -> list[Finding]:
        values = pick(runs, "mean/mode", "x")
        return [Finding("filled cell", "below 3", number(values, 1), reached=all(v < 3.0 for v in values))]

    return Row(99, "small", "a small row", cases, (MEAN,), judge)


def test_a_run_on_file_is_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "RESULTS", tmp_path)
    monkeypatch.setattr(protocol.kept, "__defaults__", (tmp_path,))
    monkeypatch.setattr(protocol.keep, "__defaults__", (tmp_path,))
    made: list[int] = []
    protocol.measure(_row(made), ["--seeds", "0"])
    protocol.measure(_row(made), ["--seeds", "0"])
    assert made == [0]
    protocol.measure(_row(made), [])
    assert made == [0, 1]
    told = json.loads((tmp_path / "small.json").read_text())
    assert [run["seed"] for run in told["runs"]] == [0, 1]
    assert told["findings"][0]["ours"] == "2.7 (2.7..2.7)"
    text = render([told])
    assert "| 99 | *a small row*: filled cell | below 3 | 2.7 (2.7..2.7) |  | reached |" in text
    assert told["coverage"] == {"wanted": 0, "answered": 0, "failed": 0}
    assert "`python benchmarks/tables/small.py` | peers 0 1 |" in text


def test_the_page_shows_what_is_kept_as_it_is_judged_today(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text((protocol.HERE / "README.md").read_text())
    write(protocol.RESULTS, page)
    assert page.read_text() == (protocol.HERE / "README.md").read_text()
    for path in protocol.RESULTS.glob("*.json"):
        told, row = json.loads(path.read_text()), importlib.import_module(path.stem).ROW
        assert told["findings"] == [asdict(finding) for finding in row.judge(told["runs"])]


@pytest.mark.real
@pytest.mark.usefixtures("real")
def test_what_is_kept_counts_the_runs_that_are_asked_for_today() -> None:
    for path in protocol.RESULTS.glob("*.json"):
        told, row = json.loads(path.read_text()), importlib.import_module(path.stem).ROW
        assert told["coverage"] == coverage(row, told["runs"])


def test_a_run_without_an_answer_is_told_under_the_table() -> None:
    run = {"case": "c", "contestant": "TVAE", "seed": 0, "error": "stopped after 40 minutes", "wall": 2400.0}
    none = {"wanted": 0, "answered": 0, "failed": 0}
    row = {
        "row": 1,
        "title": "t",
        "command": "x",
        "notes": [],
        "coverage": none,
        "findings": [],
        "runs": [run],
    }
    text = render([row])
    assert "- row 1, TVAE (c, seed 0): `stopped after 40 minutes`" in text
    assert "40.0" in text


def test_a_part_of_the_runs_reaches_nothing_and_a_failed_run_is_a_miss() -> None:
    def judge(runs: Sequence[Mapping[str, Any]]) -> list[Finding]:
        return []

    def cases() -> Iterator[Case]:
        yield Case("c", lambda seed: _question(lambda answer: {}), (0, 1))

    row = Row(1, "r", "t", cases, (OURS, MEAN), judge)
    first = {"case": "c", "contestant": "anyvae", "seed": 0, "figures": {}}
    other = {"case": "c", "contestant": "mean/mode", "seed": 1, "figures": {}}
    part = coverage(row, [first, other])
    assert part == {"wanted": 2, "answered": 1, "failed": 0}
    assert said(True, part) == "so far (1 of 2 runs)"
    assert said(False, part) == "**missed** (1 of 2 runs)"
    assert said(None, part) == "not measured"
    failed = coverage(row, [first, {"case": "c", "contestant": "anyvae", "seed": 1, "error": "e"}])
    assert said(True, failed) == said(None, failed) == "**missed**: 1 of our runs failed (1 of 2 runs)"
    whole = coverage(row, [first, {**first, "seed": 1}])
    assert said(True, whole) == "reached"


# Scores -------------------------------------------------------------------------------------------------------


def test_imputation_errors_are_the_hand_computed_ones() -> None:
    truth = pd.DataFrame({"x": [0.0, 2.0, 4.0, 6.0], "c": ["u", "v", "u", "v"]})
    truth["o"] = pd.Categorical(["1", "2", "2", "3"], categories=["1", "2", "3"], ordered=True)
    mask = np.array([[True, False, False], [False, True, False], [True, True, False], [False, True, True]])
    filled = pd.DataFrame({"x": [1.0, 99.0, 7.0, 99.0], "c": ["v", "v", "v", "u"], "o": ["3", "3", "3", "1"]})
    found = imputation(truth, filled, mask)
    # x: errors 1 and 3, standard deviation sqrt 5; o: one error of two ranks, standard deviation sqrt .5.
    assert found["nrmse"] == pytest.approx((np.sqrt(5.0) / np.sqrt(5.0) + 2.0 / np.sqrt(0.5)) / 2.0)
    assert found["error"] == pytest.approx(2.0 / 3.0)
    assert rmse(truth[["x"]], filled, mask[:, :1]) == pytest.approx(np.sqrt(5.0))


def test_a_hole_of_the_tables_own_takes_no_column_out_of_the_figure() -> None:
    truth = pd.DataFrame({"x": [0.0, 2.0, 4.0], "y": [0.0, 2.0, np.nan]})
    truth["o"] = pd.Categorical(["1", "3", None], categories=["1", "2", "3"], ordered=True)
    filled = pd.DataFrame({"x": [0.0, 2.0, 4.0], "y": [3.0, 2.0, 9.0], "o": ["3", "3", "3"]})
    mask = np.array([[True, True, True], [False, False, False], [False, False, False]])
    # x is right; y is off by three and o by two ranks, both with a standard deviation of one.
    assert imputation(truth, filled, mask) == {"nrmse": pytest.approx((0.0 + 3.0 + 2.0) / 3.0)}


def test_a_cell_left_empty_is_an_error_and_not_a_figure() -> None:
    truth = pd.DataFrame({"x": [0.0, 2.0]})
    filled = pd.DataFrame({"x": [np.nan, 2.0]})
    with pytest.raises(ValueError, match="1 missing cells of 'x' were not filled"):
        imputation(truth, filled, np.array([[True], [False]]))


def test_an_ordered_cell_filled_with_no_level_is_an_error() -> None:
    truth = pd.DataFrame({"o": pd.Categorical(["1", "2"], categories=["1", "2"], ordered=True)})
    with pytest.raises(ValueError, match=r"'o' was filled with \['0'\], which are no levels of it"):
        imputation(truth, pd.DataFrame({"o": ["0", "2"]}), np.array([[True], [False]]))


def test_an_answer_that_cannot_be_judged_is_told_as_such() -> None:
    def judge(answer: Tables) -> dict[str, float]:
        return {"x": float(answer["no such table"]["x"][0])}

    told = ask(MEAN, _question(judge), seed=0)
    assert told["error"] == "its answer cannot be judged: 'no such table'"
    assert "figures" not in told


def test_ranks_share_ties() -> None:
    assert ranks({"a": 0.1, "b": 0.3, "c": 0.1}) == {"a": 1.5, "b": 3.0, "c": 1.5}


def test_distinct_rows_are_counted_a_block_at_a_time() -> None:
    rows = pd.DataFrame({"a": ["x", "x", "y", "z", "z", "z", "w"]})
    assert distinct_share(rows, block=3) == pytest.approx((2 + 1) / 2)


def test_chance_passes_kolmogorovs_gap_once_in_a_hundred() -> None:
    draw = np.random.default_rng(0)
    over = [
        gap > chance for gap, chance in (kolmogorov(*draw.standard_normal((2, 400))) for _ in range(1000))
    ]
    assert 0 < sum(over) <= 25


def test_mean_ranks_are_among_those_that_answered_where_enough_did() -> None:
    def runs(case: str, **figures: float) -> list[dict[str, Any]]:
        return [
            {"case": case, "contestant": who, "seed": 0, "figures": {"nrmse": value}}
            for who, value in figures.items()
        ]

    many = runs("A", anyvae=0.1, forest=0.2, kNN=0.3, ridge=0.4, SUAVE=0.5)
    some = runs("B", anyvae=0.2, forest=0.1, kNN=0.3, ridge=0.3)
    few = runs("C", anyvae=0.9, forest=0.1, kNN=0.2)
    without = runs("D", forest=0.1, kNN=0.2, ridge=0.3, SUAVE=0.4)
    wanted = {"anyvae": 1.5, "forest": 1.5, "kNN": 3.25, "ridge": 3.75, "SUAVE": 5.0}
    assert row_hivae.mean_ranks([*many, *some, *few, *without]) == (wanted, 2)
    assert row_hivae.mean_ranks(few) == ({}, 0)


def test_ours_and_the_forest_are_compared_on_the_seeds_that_both_have() -> None:
    def run(contestant: str, seed: int, value: float) -> dict[str, Any]:
        return {"case": "Wine 50 %", "contestant": contestant, "seed": seed, "figures": {"nrmse": value}}

    ours = [run("anyvae", 0, 0.8), run("anyvae", 1, 0.6)]
    # Better on the whole, but not where the forest was asked.
    found = row_hivae.judge([*ours, run("forest", 0, 0.75)])[1]
    assert (found.ours, found.reached) == ("0.700", False)
    assert row_hivae.judge([*ours, run("forest", 0, 0.75), run("forest", 1, 0.9)])[1].reached is True
    assert row_hivae.judge([ours[0], run("forest", 1, 0.9)])[1].reached is None


def test_densities_are_compared_at_one_latent_size_by_one_estimate_and_of_the_same_numbers() -> None:
    def run(contestant: str, nats: float, **notes: float) -> dict[str, Any]:
        figures = {"nats": nats, "totals": -7.5}
        return {"case": "PBMC", "contestant": contestant, "seed": 0, "figures": figures, "notes": notes}

    scvi = run("scVI", -638.5, marginal=-631.2)
    assert row_counts.judge([run("anyvae", -600.0), scvi])[0].reached is None
    equal = row_counts.EQUAL.name
    assert row_counts.judge([run(equal, -638.8), scvi])[0].reached is False
    assert row_counts.judge([run(equal, -638.6), scvi])[0].reached is True


def test_regressions_foretell_a_name_from_the_other_columns_and_not_from_its_own_levels() -> None:
    draw = np.random.default_rng(0)
    x = draw.uniform(0.0, 3.0, 300)
    whole = pd.DataFrame({"x": x, "c": np.array(["low", "mid", "top"], dtype=object)[x.astype(int)]})
    mask = np.zeros(whole.shape, dtype=bool)
    mask[:, 1] = draw.random(300) < 0.3
    seen = whole.mask(mask)
    told = ask(
        RIDGE,
        Question("impute", {"train": seen}, lambda answer: imputation(whole, answer["imputed"], mask)),
        seed=0,
    )
    # Straight lines find the two outer levels; the most frequent one alone has two thirds wrong.
    assert told["figures"]["error"] < 0.4


def test_a_set_is_averaged_over_its_seeds_first() -> None:
    runs = [
        {"case": case, "contestant": "KNN", "seed": seed, "figures": {"auroc": value}}
        for case, seed, value in (("a", 0, 0.5), ("a", 1, 0.7), ("b", 0, 0.9))
    ]
    assert by_set(runs, "KNN") == {"a": pytest.approx(0.6), "b": pytest.approx(0.9)}


def test_the_best_of_four_peers_is_not_told_before_all_have_answered() -> None:
    def runs(who: str, value: float, sets: str = "ab") -> list[dict[str, Any]]:
        return [{"case": one, "contestant": who, "seed": 0, "figures": {"auroc": value}} for one in sets]

    others = [run for who in PEERS[1:] for run in runs(who, 0.6)]
    ours = runs("anyvae", 0.8)
    assert row_anomaly.judge([*ours, *others, *runs(PEERS[0], 0.9, "a")])[1].reached is None
    assert row_anomaly.judge([*ours, *others, *runs(PEERS[0], 0.9)])[1].reached is False
    assert row_anomaly.judge([*ours, *others, *runs(PEERS[0], 0.7)])[1].reached is True


def test_draws_of_the_law_of_a_cell_cover_it_as_often_as_they_say() -> None:
    draw = np.random.default_rng(0)
    whole = pd.DataFrame(draw.standard_normal((3000, 2)), columns=["a", "b"])
    holed = hide(whole, 0.5, 0)

    def filled(scale: float) -> list[pd.DataFrame]:
        return [
            holed.fillna(pd.DataFrame(scale * draw.standard_normal((3000, 2)), columns=["a", "b"]))
            for _ in range(40)
        ]

    assert covered(filled(1.0), whole, holed) == pytest.approx(
        {"within 50 %": 0.5, "within 90 %": 0.9}, abs=0.03
    )
    narrow = covered(filled(0.5), whole, holed)
    assert narrow["within 50 %"] < 0.35
    assert narrow["within 90 %"] < 0.7


def test_rows_of_the_same_law_are_within_chance_and_others_are_not() -> None:
    table = rare_group(0)
    rare = table[table["kind"] == "rare"]
    fresh = rare_group(1, 100_000).query("kind == 'rare'").head(1000)
    found = compare(rare, fresh, {"kind": "rare"})
    assert (found["rows"], found["met"], found["columns"]) == (1000, 1.0, 5)
    assert found["beyond chance"] <= 1
    others = compare(rare, table.head(1000), {"kind": "rare"})
    assert others["met"] < 0.05
    assert others["beyond chance"] == 5


def test_a_copied_table_has_every_quality_and_no_privacy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("anyvae.metrics.privacy")
    monkeypatch.setenv("ANYVAE_PEERS", str(tmp_path))  # no second opinion
    rows = rare_group(0, 1200).rename(columns={"member": "income"})
    train, held = rows.iloc[:900].reset_index(drop=True), rows.iloc[900:].reset_index(drop=True)
    found = quality(train, held, train.copy())
    assert (found["shapes"], found["pairs"]) == (pytest.approx(1.0), pytest.approx(1.0))
    assert found["trees AUROC"] == found["trees AUROC, real"]
    assert found["duplicates"] == 1.0
    assert found["membership"] > 0.95


# Made-up tables -----------------------------------------------------------------------------------------------


def test_the_two_columns_are_correlated_as_said() -> None:
    whole, holed = correlated(0, rows=200_000)
    assert np.corrcoef(whole["a"], whole["b"])[0, 1] == pytest.approx(0.9487, abs=1e-3)
    assert holed["b"].isna().mean() == pytest.approx(0.2)
    assert not holed["a"].isna().any()


def test_the_binaries_are_independent_and_as_rare_as_said() -> None:
    yes = (binaries(0, rows=200_000) == "yes").to_numpy(float)
    np.testing.assert_allclose(yes.mean(0), (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.3, 0.2, 0.1, 0.05), atol=4e-3)
    assert np.abs(np.corrcoef(yes.T) - np.eye(10)).max() < 0.01


def test_x_is_missing_in_exactly_the_rows_that_say_so() -> None:
    whole, holed = missing_by_answer(0)
    assert (holed["x"].isna() == (whole["y"] == "miss")).all()
    assert 0.2 < holed["x"].isna().mean() < 0.5


def test_the_rare_level_holds_one_row_in_a_hundred() -> None:
    assert rare_group(0)["kind"].value_counts().to_dict() == {"common": 12_000, "other": 7800, "rare": 200}


def test_the_mixed_table_has_twenty_columns_of_all_kinds() -> None:
    table = mixed(500)
    assert table.shape == (500, 20)
    assert sum(table.isna().any()) == 4
    assert sum(dtype.kind in "iu" for dtype in table.dtypes if isinstance(dtype, np.dtype)) == 3


# Real tables --------------------------------------------------------------------------------------------------


def test_cells_are_hidden_as_often_as_asked_and_by_the_seed() -> None:
    whole = pd.DataFrame(np.ones((4000, 3)), columns=list("abc"))
    found = hide(whole, 0.2, 0)
    assert abs(found.isna().to_numpy().mean() - 0.2) < 0.015
    assert found.equals(hide(whole, 0.2, 0))
    assert not found.equals(hide(whole, 0.2, 1))


@pytest.mark.real
@pytest.mark.usefixtures("real")
def test_the_regression_tables_are_numbers_and_whole() -> None:
    shapes = {name: uci(name).shape for name in UCI_SETS}
    assert shapes == {
        "concrete": (1030, 9),
        "energy": (768, 9),
        "power-plant": (2000, 5),
        "wine-quality-red": (1599, 12),
    }
    assert not any(uci(name).isna().to_numpy().any() for name in UCI_SETS)


@pytest.mark.real
@pytest.mark.usefixtures("real")
def test_not_miwaes_protocol_gives_its_papers_error_of_the_mean() -> None:
    for colour, published in (("red", 1.83), ("white", 1.74)):
        whole, holed = not_miwae(colour)
        mask = holed.isna().to_numpy()
        assert rmse(whole, holed.fillna(holed.mean()), mask) == pytest.approx(published, abs=0.01)


@pytest.mark.real
@pytest.mark.usefixtures("real")
def test_hivaes_tables_have_their_shapes_and_masks_their_shares() -> None:
    shapes = {name: hivae(name).shape for name in HIVAE_SETS}
    assert shapes["Adult"] == (32_561, 12)
    assert shapes["letter"] == (20_000, 17)
    for name in HIVAE_SETS:
        assert hivae_mask(name, 50).mean() == pytest.approx(0.5, abs=0.01)
        assert hivae_mask(name, 10).mean() == pytest.approx(0.1, abs=0.01)
    whole, seen, mask = row_hivae.holed("Adult", 20, 0, rows=300)
    assert len(whole) == 300
    # Adult's own holes are not judged.
    np.testing.assert_array_equal(seen.isna().to_numpy(), mask | whole.isna().to_numpy())
    assert not whole.isna().to_numpy()[mask].any()


@pytest.mark.real
@pytest.mark.usefixtures("real")
def test_the_sets_of_anomalies_keep_them_all() -> None:
    names = anomaly_names()
    assert len(names) == 21
    values, labels = anomaly("32_shuttle", 0, most=10_000)
    assert (len(values), labels.sum()) == (10_000, 3511)


@pytest.mark.real
@pytest.mark.usefixtures("real")
def test_adult_has_its_rows_and_its_holes() -> None:
    table = adult()
    assert table.shape == (32_561, 15)
    assert table["workclass"].isna().sum() == 1836
    assert (table["race"] == "Amer-Indian-Eskimo").sum() == 311
