"""What is left out of a table, what stands for nothing in it, and what is told of it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anyvae.data import DataError, Source, infer_schema, load_source, write
from anyvae.data.noticed import noticed
from anyvae.runs import FitOptions
from anyvae.runs.again import source_for
from anyvae.runs.config import RunConfig
from anyvae.runs.fit import fit_run

WORDS = "a,b,c,id\n?,-999,x, ?\n1,2.5,?,i2\n3,-1.5,y,i3\n"


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_words_stand_for_missing_cells(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"t{ending}"
    if ending == ".csv":
        path.write_text(WORDS)
    else:
        rows = {"a": [None, 1, 3], "b": [-999.0, 2.5, -1.5], "c": ["x", "?", "y"], "id": [" ?", "i2", "i3"]}
        pq.write_table(pa.table(rows), path)
    table = load_source(path, missing=["?", "-999"]).table
    assert table is not None
    assert table["a"].to_pylist() == [None, 1, 3]
    assert table["b"].to_pylist() == [None, 2.5, -1.5]
    assert table["c"].to_pylist() == ["x", None, "y"]
    assert table["id"].to_pylist() == [None, "i2", "i3"]
    untold = load_source(path).table
    assert untold is not None
    assert untold["b"].to_pylist()[0] == -999.0


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_words_are_missing_cells_however_they_are_spelt_and_typed(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"t{ending}"
    rows = pa.table(
        {
            "float": [-999.0, 2.5, -1.5],
            "price": pa.array(["-999.00", "2.50", "1.25"]).cast(pa.decimal128(7, 2)),
            "kind": pa.array(["u", "?", "v"]).dictionary_encode(),
            "grade": pa.DictionaryArray.from_arrays([3, 1, 0], ["lo", "?", "mid", "hi"], ordered=True),
            "born": pa.array([dt.date(1900, 1, 1), dt.date(2020, 1, 1), dt.date(2020, 1, 2)]),
            "note": ["x", "  ?", "NA"],
        }
    )
    if ending == ".csv":
        plainly = rows.set_column(2, "kind", rows["kind"].cast(pa.string()))
        plainly = plainly.set_column(3, "grade", rows["grade"].cast(pa.string()))
        write(path, plainly.set_column(0, "float", pa.array(["-999.0", "2.5", "-1.5"])))
    else:
        pq.write_table(rows, path)
    words = ["?", "-999", "1900-01-01", "none", "NA"]
    source = load_source(path, missing=words)
    assert source.table is not None
    assert source.table.to_pydict() == {
        "float": [None, 2.5, -1.5],
        "price": [None, 2.5, 1.25],
        "kind": ["u", None, "v"],
        "grade": ["hi", None, "lo"],
        "born": [None, dt.date(2020, 1, 1), dt.date(2020, 1, 2)],
        "note": ["x", None, None],
    }
    if ending == ".parquet":
        assert source.table["grade"].chunk(0).dictionary.to_pylist() == ["lo", "mid", "hi"]
    # Said once: the words are those of the fit, and later rows need not hold them.
    assert source.notes == (f"--missing 'none': no cell that is read of t{ending} holds it",)
    assert load_source(path, missing=words, again=True).notes == ()


def test_columns_are_left_out_whatever_is_in_them(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"a": [1, 2, 4], "odd": [[1], [2], [3]]}), path)
    with pytest.raises(DataError, match=r"column 'odd' of t.parquet has type"):
        load_source(path)
    table = load_source(path, drop=["odd", "odd"]).table
    assert table is not None
    assert table.column_names == ["a"]
    with pytest.raises(DataError, match=r"t.parquet has no column 'od': its columns are 'a', 'odd'"):
        load_source(path, drop=["od"])
    with pytest.raises(DataError, match="digits is no table, so --drop 'a' has no meaning"):
        load_source("digits", drop=["a"])


def test_a_run_reads_later_rows_as_its_own(tmp_path: Path) -> None:
    config = RunConfig(
        source="t.csv",
        recipe="vae",
        latent_features=1,
        missing=True,
        seed=0,
        steps=1,
        batch_size=1,
        learning_rate=1e-3,
        drop=["id"],
        missing_words=["?", "-999"],
    )
    path = tmp_path / "t.csv"
    path.write_text(WORDS)
    schema = infer_schema(load_source(path, drop=config.drop, missing=config.missing_words))
    for content in (WORDS, "a,b,c\n?,-999,x\n"):  # with what was left out, and without it
        path.write_text(content)
        table = source_for(config, schema, str(path)).table
        assert table is not None
        assert table.column_names == ["a", "b", "c"]
        assert table["b"].to_pylist()[0] is None


def test_all_columns_that_cannot_be_fitted_are_told_of_at_once() -> None:
    n = 60
    table = pa.table(
        {
            "age": [*map(str, range(n - 1)), "?"],
            "price": [f"${k:,}.50" for k in range(900, 900 + 5 * n, 5)],
            "joined": [f"{1 + k % 28}/{1 + k // 28}/2020" for k in range(n)],
            "name": [f"n{k}" for k in range(n)],
            "none": pa.nulls(n, pa.float64()),
            "x": np.linspace(0.0, 1.0, n),
        }
    )
    with pytest.raises(DataError) as refused:
        infer_schema(Source("t", None, table))
    message = str(refused.value)
    assert message.startswith("5 columns of t cannot be fitted: (1) column 'age' of t mixes numbers and text")
    assert (
        "(2) column 'price' of t holds numbers as text, such as '$1,000.50': write them in digits and a point"
        in message
    )
    assert "(3) column 'joined' of t holds dates as text, such as '1/1/2020'" in message
    assert "(4) column 'name' of t has 60 different strings in 60 rows, so it names the rows" in message
    assert "(5) column 'none' of t has no values at all" in message
    asked = infer_schema(Source("t", None, table.select(["price", "x"])), kinds={"price": "categorical"})
    assert asked.features[0].width == n
    with pytest.raises(DataError, match=r"2 columns of t cannot .*'a' of t has type .*'b' of t has type"):
        infer_schema(Source("t", None, pa.table({"a": [[1], [2]], "b": [[1], [2]], "c": [1, 2]})))


def test_dates_as_text_are_advised_by_how_they_are_written() -> None:
    def refusal(cells: list[str]) -> str:
        with pytest.raises(DataError) as refused:
            infer_schema(Source("t", None, pa.table({"d": cells * 2, "x": np.arange(2 * len(cells)) / 7.0})))
        return str(refused.value)

    days = [dt.date(2020, 1, 1) + dt.timedelta(days=k) for k in range(40)]
    iso = [day.isoformat() for day in days]
    wanted = "such as '2020-01-01': turn them into dates (pandas.to_datetime), drop it,"
    assert wanted in refusal(iso)
    assert "leave cells empty that are no such date, as 'never', and turn" in refusal([*iso, "never"])
    assert "write them as 2020-12-31, or turn" in refusal([f"{day:%d.%m.%Y}" for day in days])
    assert "leave cells empty that are no such date, as '0000-00-00', and" in refusal(["0000-00-00", *iso])


@pytest.mark.parametrize(
    ("cells", "such"),
    [
        ([f"{30 * k:,}" for k in range(60)], "1,020"),  # most bear no sign, and would be left as they are
        ([f"({k}.5)" if k % 3 else f"{k}.5" for k in range(60)], "(1.5)"),
        ([f"({k}.5)" for k in range(60)], "(0.5)"),
        ([f"\N{MINUS SIGN}{k}.5" if k % 3 else f"{k}.5" for k in range(60)], "\N{MINUS SIGN}1.5"),
        ([f"\N{NO-BREAK SPACE}{k}.5" for k in range(60)], "\N{NO-BREAK SPACE}0.5"),
    ],
)
def test_numbers_with_signs_about_them_are_neither_holes_nor_names(cells: list[str], such: str) -> None:
    with pytest.raises(DataError) as refused:
        infer_schema(Source("t", None, pa.table({"a": cells, "x": np.arange(60) / 7.0})))
    assert f"holds numbers as text, such as {such!r}: write them in digits and a point" in str(refused.value)


def test_few_and_plain_strings_are_no_spelled_numbers() -> None:
    few = [f"${k}" for k in range(10)] * 6
    codes = [str(k) for k in range(30)] * 2
    table = pa.table({"few": few, "codes": codes, "x": np.linspace(0.0, 1.0, 60)})
    assert [feature.kind for feature in infer_schema(Source("t", None, table)).features][:2] == [
        "categorical"
    ] * 2


def test_counters_and_repeated_rows_are_pointed_out(tmp_path: Path) -> None:
    n = 40
    x = np.random.default_rng(0).normal(size=n)
    assert noticed(pa.table({"x": x}), "t") == []
    [counter] = noticed(pa.table({"k": np.arange(5, 5 + n)[::-1], "x": x}), "t")
    assert counter.startswith("column 'k' counts the rows")
    assert "--drop k" in counter
    assert noticed(pa.table({"k": 2 * np.arange(n), "x": x}), "t") == []
    twice = np.concatenate([x, x[:3]])
    [repeated] = noticed(pa.table({"x": twice, "y": np.round(twice)}), "t")
    assert repeated.startswith("3 of the 43 rows of t repeat an earlier one")
    # Where few values are all there are, rows come again.
    assert noticed(pa.table({"x": np.arange(n) % 2, "y": np.arange(n) % 3}), "t") == []
    path = tmp_path / "t.csv"
    path.write_text("k,x\n" + "".join(f"{i},{value}\n" for i, value in enumerate(x)))
    said: list[str] = []
    fit_run(FitOptions(source=str(path), max_epochs=1, samples=5), tmp_path / "run", say=said.append)
    assert any("'k' counts the rows" in note for note in said)
    # Who reads rows for a fitted model is not told again, and does not pay for it.
    assert load_source(path).notes == ()
