"""A fitted table asked about some of its columns: filled, classified, clustered, given, explained."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest

import anyvae
from anyvae.cli import main
from anyvae.data import load_source
from anyvae.runs import load, source_for

Capture = pytest.CaptureFixture[str]
Refused = Callable[..., str]


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_impute_fills_the_holes_and_nothing_else(people: Path, people_run: Path, capsys: Capture) -> None:
    assert main(["impute", str(people_run), str(people)]) == 0
    filled = rows(capsys.readouterr().out)
    given = rows(people.read_text())
    assert any(not row["town"] for row in given)
    for before, after in zip(given, filled, strict=True):
        assert after["town"] in ("Bern", "Oslo")
        for name in ("height", "children", "smokes", "town"):
            if before[name]:
                same = (
                    float(before[name]) == float(after[name])
                    if name == "height"
                    else before[name] == after[name]
                )
                assert same, (name, before, after)


@pytest.mark.parametrize(
    "words",
    [
        ["embed"],
        ["reconstruct"],
        ["impute"],
        ["score", "--samples", "4"],
        ["score", "--explain", "--samples", "4"],
        ["classify", "--column", "smokes"],
        ["cluster", "-k", "2"],
        ["evaluate", "--samples", "4"],
    ],
    ids=lambda words: words[0],
)
@pytest.mark.filterwarnings("default:.*read as missing")
def test_values_that_no_row_had_are_refused_or_read_as_missing(
    words: list[str], people: Path, people_run: Path, tmp_path: Path, refused: Refused, capsys: Capture
) -> None:
    header, *lines = people.read_text().splitlines()[:13]
    for name, town in (("strange", "Rome"), ("holes", "")):
        cells = [line.split(",") for line in lines]
        changed = [",".join([*line[:3], town, *line[4:]]) for line in cells]
        (tmp_path / f"{name}.csv").write_text("\n".join([header, *changed]) + "\n")
    command, *options = words
    strange = [command, str(people_run), str(tmp_path / "strange.csv"), *options]
    assert "row 1 of column 'town' of strange.csv holds 'Rome'" in refused(*strange)
    assert main([*strange, "--unseen", "missing"]) == 0
    shown = capsys.readouterr()
    told = [line for line in shown.err.splitlines() if "town" in line]
    assert told == [
        "anyvae: column 'town' of strange.csv holds 12 cells, the first with 'Rome', which the model was not fitted "
        "on: read as missing"
    ]
    assert main([command, str(people_run), str(tmp_path / "holes.csv"), *options]) == 0
    holes = capsys.readouterr().out
    if command == "impute":  # what was given stays, be it known or not
        assert {row["town"] for row in rows(shown.out)} == {"Rome"}
    else:
        assert shown.out == holes


def test_draws_stand_below_each_other(people: Path, people_run: Path, tmp_path: Path) -> None:
    out = tmp_path / "draws.parquet"
    assert main(["impute", str(people_run), str(people), "--draws", "3", "--seed", "5", "-o", str(out)]) == 0
    table = pq.read_table(out)
    assert table.column_names[0] == "draw"
    assert table["draw"].to_pylist() == [number for number in (1, 2, 3) for _ in range(120)]
    towns = np.array(table["town"].to_pylist()).reshape(3, 120)
    holes = np.array([not row["town"] for row in rows(people.read_text())])
    assert (towns[:, ~holes] == towns[0, ~holes]).all()
    assert not (towns[:, holes] == towns[0, holes]).all(), "joint draws, not one filling three times"


def test_rows_given_a_column_have_it(
    people_run: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "given.csv"
    words = [
        "sample",
        str(people_run),
        "-n",
        "50",
        "--given",
        "town=Oslo",
        "--given",
        "children=2",
        "-o",
        str(out),
    ]
    assert main(words) == 0
    assert capsys.readouterr().err == ""
    table = pc.read_csv(out)
    assert set(table["town"].to_pylist()) == {"Oslo"}
    assert set(table["children"].to_pylist()) == {2}
    assert len(set(table["height"].to_pylist())) > 40
    monkeypatch.setattr("anyvae.cli.questions._FEW_DRAWS", 1e9)
    assert main(words) == 0
    assert "what is given is rare in the model: the rows start from draws worth" in capsys.readouterr().err


def test_scores_come_with_p_values_and_blame(people: Path, people_run: Path, capsys: Capture) -> None:
    assert main(["score", str(people_run), str(people), "--explain", "--samples", "8"]) == 0
    found = rows(capsys.readouterr().out)
    held_out = json.loads((people_run / "metrics.json").read_text())["held_out"]["scores"]
    assert held_out == sorted(held_out)
    fitted, source = anyvae.load(people_run), load_source(people, label="group")
    # By as many samples as the held-out rows were, whatever is asked for: a bound of few is lower than theirs.
    for row, density in zip(found, fitted.score(source), strict=True):
        below = sum(score <= density for score in held_out)
        assert float(row["p_value"]) == pytest.approx((1 + below) / (1 + len(held_out)))
    scores = [float(row["log_density"]) for row in found]
    np.testing.assert_allclose(scores, fitted.score(source, 8), rtol=1e-6)
    towns = [row["town"] for row in rows(people.read_text())]
    assert [row["log_density of town"] == "nan" for row in found] == [town == "" for town in towns]
    assert all(float(row["log_density of planet"]) == 0.0 for row in found)
    cells = fitted.explain(source, 8)
    assert float(found[0]["log_density of height"]) == pytest.approx(cells[0, 0], rel=1e-6)
    stands = [float(row["standing"]) for row in found]
    np.testing.assert_allclose(stands, fitted.standing(source, 8), rtol=1e-5, atol=1e-5)


@pytest.mark.filterwarnings("default:.*read as missing")
def test_dates_that_are_all_missing_or_of_another_kind_stay_dates(tmp_path: Path, capsys: Capture) -> None:
    days = [f"2020-01-{day:02}" for day in range(1, 31)]
    heights = np.random.default_rng(0).normal(size=30)
    made, run, out = tmp_path / "made.csv", str(tmp_path / "run"), tmp_path / "filled.parquet"

    def put(born: list[str]) -> str:
        made.write_text(
            "height,born\n" + "".join(f"{x},{day}\n" for x, day in zip(heights, born, strict=True))
        )
        return str(made)

    assert main(["fit", put(days), "--out", run, "--max-epochs", "1", "--samples", "2", "--quiet"]) == 0
    assert main(["impute", run, put([""] * 30), "-o", str(out)]) == 0
    assert pq.read_table(out)["born"].type == pa.date32()
    assert (
        main(["impute", run, put([f"{day} 10:00" for day in days]), "--unseen", "missing", "-o", str(out)])
        == 0
    )
    assert "holds 30 cells, the first with 2020-01-01 10:00:00, which" in capsys.readouterr().err


def test_classes_with_their_probabilities(people: Path, people_run: Path, tmp_path: Path) -> None:
    out = tmp_path / "classes.csv"
    assert main(["classify", str(people_run), str(people), "--column", "town", "-o", str(out)]) == 0
    table = pc.read_csv(out)
    assert table.column_names == ["town", "p(Bern)", "p(Oslo)"]
    shares = np.stack([table["p(Bern)"].to_numpy(), table["p(Oslo)"].to_numpy()], 1)
    np.testing.assert_allclose(shares.sum(1), 1.0, rtol=1e-6)
    assert table["town"].to_pylist() == np.array(["Bern", "Oslo"])[shares.argmax(1)].tolist()


def test_classes_of_two_values_are_values_of_their_column(tmp_path: Path, capsys: Capture) -> None:
    generator = np.random.default_rng(0)
    old, floor = generator.random(80) < 0.5, generator.integers(3, 5, 80)
    columns = {"height": generator.normal(size=80), "old": old, "floor": floor, "step": floor / 2}
    pc.write_csv(pa.table(columns), tmp_path / "made.csv")
    words = ["fit", str(tmp_path / "made.csv"), "--kind", "floor=binary", "--kind", "step=binary"]
    assert (
        main([*words, "--out", str(tmp_path / "run"), "--max-epochs", "2", "--samples", "4", "--quiet"]) == 0
    )
    for column, classes in (("old", ["false", "true"]), ("floor", ["3", "4"]), ("step", ["1.5", "2"])):
        assert main(["classify", str(tmp_path / "run"), str(tmp_path / "made.csv"), "--column", column]) == 0
        names, *lines = capsys.readouterr().out.splitlines()
        assert names == f"{column},p({classes[0]}),p({classes[1]})"
        assert {line.split(",")[0] for line in lines} <= set(classes)
    fitted = load(tmp_path / "run")
    known, _ = fitted.predict(source_for(fitted.config, fitted.schema, str(tmp_path / "made.csv")), "old")
    assert known == [False, True]
    assert type(known[0]) is bool


def test_classes_have_the_type_of_their_column_and_are_given_as_it_writes_them(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    codes = generator.integers(5, 8, 80)
    columns = {"height": generator.normal(size=80), "code": codes, "half": codes / 2, "old": codes > 6}
    pq.write_table(pa.table(columns), tmp_path / "made.parquet")
    made, run, out = str(tmp_path / "made.parquet"), str(tmp_path / "run"), tmp_path / "found.parquet"
    words = ["fit", made, "--kind", "code=categorical", "--kind", "half=categorical", "--recipe", "m2"]
    fast = ["--max-epochs", "1", "--samples", "2", "--quiet"]
    assert main([*words, "--label", "old", "--out", run, *fast]) == 0
    for column in ("code", "half", "old"):
        assert main(["classify", run, made, "--column", column, "-o", str(out)]) == 0
        found = pq.read_table(out)[column]
        assert found.type == pa.array(columns[column]).type
        assert set(found.to_pylist()) <= set(columns[column].tolist())
    for column, written, value in (("old", "TRUE", True), ("half", "3.00", 3.0), ("code", "7.0", 7)):
        assert main(["sample", run, "-n", "2", "--given", f"{column}={written}", "-o", str(out)]) == 0
        assert pq.read_table(out)[column].to_pylist() == [value, value]


def test_clusters(people: Path, people_run: Path, capsys: Capture) -> None:
    assert main(["cluster", str(people_run), str(people), "-k", "2"]) == 0
    found = rows(capsys.readouterr().out)
    assert {row["cluster"] for row in found} <= {"0", "1"}
    assert all(0.5 <= float(row["probability"]) <= 1.0 for row in found)


def test_a_column_may_have_a_sign_of_equality_in_its_name(tmp_path: Path, capsys: Capture) -> None:
    generator = np.random.default_rng(0)
    columns = {
        "a": ["b=2", "c=d"] * 30,
        "a=b": generator.integers(1, 4, 60),
        "a=b=c": generator.normal(size=60),
    }
    pc.write_csv(pa.table(columns), tmp_path / "made.csv")
    words = ["fit", str(tmp_path / "made.csv"), "--kind", "a=b=count", "--kind", "a=b=c=real"]
    run = str(tmp_path / "run")
    assert main([*words, "--out", run, "--max-epochs", "1", "--samples", "2", "--quiet"]) == 0
    kinds = {feature.name: feature.kind for feature in load(run).schema.features}
    assert kinds == {"a": "categorical", "a=b": "count", "a=b=c": "real"}
    for given, column, value in (("a=c=d", "a", "c=d"), ("a=b=2", "a=b", "2"), ("a=b=c=0.5", "a=b=c", "0.5")):
        assert main(["sample", run, "-n", "3", "--given", given]) == 0
        assert {row[column] for row in rows(capsys.readouterr().out)} == {value}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["sample", "RUN", "-n", "1", "--given", "town"], "no column with a value"),
        (["sample", "RUN", "-n", "1", "--given", "city=Oslo"], "no column 'city'"),
        (["sample", "RUN", "-n", "1", "--given", "town=Rome"], "column 'town' of what is given holds 'Rome'"),
        (["sample", "RUN", "-n", "1", "--given", "town=Oslo", "--given", "town=Bern"], "twice"),
        (
            ["sample", "RUN", "-n", "1", "--given", "town=Oslo", "--means"],
            "given 'town', and means are asked for: leave one of them out",
        ),
        (["classify", "RUN", "PEOPLE", "--column", "height"], "asked for: give one of 'smokes', 'town'"),
        (
            ["classify", "RUN", "PEOPLE", "--column", "weight"],
            "no column 'weight' to tell classes of: give one of 's",
        ),
        (["cluster", "RUN", "PEOPLE", "-k", "121"], "121 clusters of 120 rows"),
        (["impute", "RUN", "PEOPLE", "-o", "x.npy"], "ending that cannot be written"),
        (["fit", "PEOPLE", "--out", "x", "--kind", "height"], "--kind height is no column with a value"),
        (["fit", "PEOPLE", "--out", "x", "--kind", "weight=real"], "'weight'"),
        (["fit", "PEOPLE", "--out", "x", "--kind", "town=count"], "column 'town'"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    words: list[str], message: str, people: Path, people_run: Path, refused: Callable[..., str]
) -> None:
    places = {"RUN": str(people_run), "PEOPLE": str(people)}
    assert message in refused(*(places.get(word, word) for word in words))


def test_groups_of_columns_from_end_to_end(people: Path, tmp_path: Path, capsys: Capture) -> None:
    run = tmp_path / "run"
    words = ["fit", str(people), "--out", str(run), "--recipe", "grouped_vae", "--group", "body=height"]
    brief = ["--max-epochs", "2", "--samples", "4"]
    assert main([*words, "--group", "life=sm*", "--group", "life=town", *brief]) == 0
    said = capsys.readouterr()
    told = "columns are observed in groups: body (height); life (smokes, town); the rest (children, planet, group)"
    assert told in said.out + said.err
    assert told in (run / "report.html").read_text()
    groups = {"body": ["height"], "life": ["smokes", "town"], "the rest": ["children", "planet", "group"]}
    assert json.loads((run / "config.json").read_text())["groups"] == groups
    encoder = anyvae.load(run).model.inference_parts["z"]
    # Encoded: height, children, smokes, two levels of town, two of group; the constant planet has no place.
    reads = [parent.cells for parent in encoder.parents if parent.optional]
    assert reads == [(0,), (2, 3, 4), (1, 5, 6)]
    holed = tmp_path / "holed.csv"
    holed.write_text("height,children,smokes,town,planet,group\n170.5,,,,,\n,,true,Bern,,\n")
    assert main(["impute", str(run), str(holed)]) == 0
    filled = rows(capsys.readouterr().out)
    assert filled[0]["height"] == "170.5"
    assert filled[1]["town"] == "Bern"
    assert all(row["group"] in ("a", "b") for row in filled)
    assert main(["embed", str(run), str(holed)]) == 0
    first, second = (tuple(row.values()) for row in rows(capsys.readouterr().out))
    assert first != second
