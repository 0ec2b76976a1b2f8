"""Sources and their names, splits, written files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyvae.data import DataError, Source, held_out_split, load_source, write


def test_source_wants_one_of_array_and_table_and_a_label_a_row() -> None:
    with pytest.raises(DataError, match="exactly one of array and table"):
        Source("none", None, None)
    with pytest.raises(DataError, match=r"has 2 rows but labels of shape \(3,\)"):
        Source("x", np.zeros((2, 2)), None, labels=np.zeros(3))


def test_some_rows_of_many_are_from_everywhere() -> None:
    source = Source(
        "sorted", np.arange(1000)[:, None], None, test=Source("part", np.arange(2)[:, None], None)
    )
    some = source.some(50)
    assert some.array is not None
    found = some.array.ravel()
    assert len(found) == 50
    assert (np.diff(found) > 0).all()
    assert 350 < found.mean() < 650
    np.testing.assert_array_equal(source.some(50).array, some.array)
    assert len(source.some(1000)) == len(source.some(5000)) == 1000
    assert some.test is source.some(1000).test is None


def test_take_keeps_rows_together_and_drops_the_test_part() -> None:
    part = Source("t", np.zeros((1, 1)), None)
    rows = np.array([3, 0, 3])
    array = Source("x", np.arange(4)[:, None], None, np.arange(4) * 10, part, True, ("note",)).take(rows)
    assert array.array.ravel().tolist() == [3, 0, 3]
    assert array.labels.tolist() == [30, 0, 30]
    assert (array.test, array.binarise, array.notes) == (None, True, ("note",))
    assert Source("x", None, pa.table({"a": [5, 6, 7, 8]})).take(rows).table["a"].to_pylist() == [8, 5, 8]


def test_what_is_no_source(tmp_path: Path) -> None:
    for spec, message in {
        "": "the source has no name",
        "mnits": "did you mean 'mnist'",
        str(tmp_path / "gone.csv"): "no file, folder or data set",
        "digits.csv.bak": "no file, folder or data set",
    }.items():
        with pytest.raises(DataError, match=message):
            load_source(spec)
    (tmp_path / "wine.csv").write_text("a\n1\n")
    with pytest.raises(DataError, match=r"did you mean 'wine\.csv'"):
        load_source(tmp_path / "vine.csv")
    (tmp_path / "a.xlsx").write_text("")
    with pytest.raises(DataError, match=r"ending anyvae cannot read: give \.csv, \.csv\.gz, \.parquet"):
        load_source(tmp_path / "a.xlsx")
    np.save(tmp_path / "a.npy", np.eye(3))
    for spec in (tmp_path / "a.npy", "digits"):
        with pytest.raises(DataError, match=r"no column 'y'.*(or name none|name that)"):
            load_source(spec, label="y")
    assert load_source("digits", label="label").labels is not None


def test_a_name_is_not_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("digits").mkdir()
    assert len(load_source("digits")) == 1797
    with pytest.raises(DataError, match="holds no images"):
        load_source("./digits")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a\n1\n")
    path.chmod(0)
    with pytest.raises(DataError, match="Permission denied"):
        load_source(path)


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = (
        "import sys, anyvae.data;"
        "heavy = {'torch', 'pyarrow', 'sklearn', 'PIL', 'matplotlib', 'urllib.request'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert out.strip() == "[]"


# Splits


@given(st.integers(2, 500), st.integers(0, 2**32), st.floats(0.001, 0.999))
def test_split_shares_out_every_row(n: int, seed: int, fraction: float) -> None:
    fitted, held_out = held_out_split(n, seed, fraction)
    np.testing.assert_array_equal(np.sort(np.concatenate([fitted, held_out])), np.arange(n))
    assert (np.diff(fitted) > 0).all()
    assert (np.diff(held_out) > 0).all()
    assert len(fitted) >= 1
    assert abs(len(held_out) - n * fraction) <= 1
    for once, again in zip((fitted, held_out), held_out_split(n, seed, fraction), strict=True):
        np.testing.assert_array_equal(once, again)


def test_split_is_the_seeds_and_a_tenth() -> None:
    splits = [held_out_split(1000, seed)[1] for seed in range(20)]
    assert {len(s) for s in splits} == {100}
    assert len({tuple(s) for s in splits}) == 20
    assert np.concatenate(splits).mean() == pytest.approx(499.5, abs=5 * 289 / np.sqrt(2000))


@pytest.mark.parametrize(
    ("n", "fraction", "message"), [(1, 0.1, "1 row cannot"), (9, 0.0, "is 0.0"), (9, 1, "is 1:")]
)
def test_split_refuses(n: int, fraction: float, message: str) -> None:
    with pytest.raises(DataError, match=message):
        held_out_split(n, 0, fraction)


# Written files

COLUMNS = {"z0": np.array([0.1, 1 / 3]), "z1": np.array([1e-300, -2.5])}


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".npy", ".CSV"])
def test_written_columns_read_back_exactly(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"out{ending}"
    write(path, COLUMNS)
    source = load_source(path)
    if ending == ".npy":
        np.testing.assert_array_equal(source.array, np.stack(list(COLUMNS.values()), axis=1))
    else:
        assert source.table.to_pydict() == {k: v.tolist() for k, v in COLUMNS.items()}
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_csv_header_is_plain(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", {"log_density": np.array([-1.5])})
    assert (tmp_path / "a.csv").read_text() == "log_density\n-1.5\n"


@pytest.mark.parametrize("shape", [(3,), (3, 2), (3, 2, 2, 1)])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "bool"])
def test_arrays_are_written_whole(tmp_path: Path, shape: tuple[int, ...], dtype: str) -> None:
    array = np.random.default_rng(0).integers(0, 2, size=shape).astype(dtype)
    write(tmp_path / "a.npy", array)
    back = np.load(tmp_path / "a.npy", allow_pickle=False)
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)
    write(tmp_path / "a.parquet", array.T.copy().T)
    table = pq.read_table(tmp_path / "a.parquet")
    assert table.column_names == [f"x{i}" for i in range(array[0].size)]
    np.testing.assert_array_equal(
        np.stack([c.to_numpy() for c in table.columns], axis=1), array.reshape(3, -1)
    )


def test_draws_of_an_array_written_as_a_table_can_be_scored(tmp_path: Path) -> None:
    from anyvae.data import encode, infer_schema

    digits = load_source("digits")
    schema = infer_schema(digits)
    write(tmp_path / "draws.csv", digits.array[:50])
    few = digits.take(np.arange(50))
    assert encode(schema, load_source(tmp_path / "draws.csv")).x.equal(encode(schema, few).x)
    with pytest.raises(DataError, match="is a table, but the model was fitted on rows of shape 8x8"):
        encode(schema, Source("t", None, pa.table({"a": [1]})))


def test_what_cannot_be_written_leaves_what_was_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"make the folder .*gone first"):
        write(tmp_path / "gone" / "a.csv", COLUMNS)
    with pytest.raises(DataError, match=r"cannot write: give .csv"):
        write(tmp_path / "a.txt", COLUMNS)
    (tmp_path / "d.csv").mkdir()
    with pytest.raises(DataError, match="is a folder"):
        write(tmp_path / "d.csv", COLUMNS)
    (tmp_path / "a.npy").write_text("old")
    with pytest.raises(DataError, match="'name' is text"):
        write(tmp_path / "a.npy", pa.table({"name": ["x"]}))
    ordered = pa.DictionaryArray.from_arrays([0], ["lo", "hi"], ordered=True)
    with pytest.raises(DataError, match="'grade' is of ordered categories, which"):
        write(tmp_path / "a.npy", pa.table({"grade": ordered}))
    with pytest.raises(DataError, match="'day' is of dates, which"):
        write(tmp_path / "a.npy", pa.table({"day": pa.array([0], pa.date32())}))
    assert (tmp_path / "a.npy").read_text() == "old"


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".npy"])
def test_full_disk(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a{ending}"
    path.write_text("old")
    code = f"""
import resource, signal
import numpy as np
from anyvae.data import DataError, write
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
import pyarrow.csv, pyarrow.parquet
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    write({str(path)!r}, np.random.default_rng(0).normal(size=(100_000, 2)))
except DataError as error:
    print(error)
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "cannot be written" in out
    assert out.count("\n") == 1
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
