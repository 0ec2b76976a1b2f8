"""Tables: kinds of columns, round trips, missing cells, constants, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anyvae.data import DataError, Schema, Source, decode, encode, infer_schema, load_source, log_unit, write

Put = Callable[..., Path]


def table(**columns: object) -> Source:
    return Source("made", None, pa.table(columns))


MIXED = {
    "real": pa.array([0.5, 2.25, -1.0, None, 3.5, 0.1]),
    "single": pa.array([0.1, 0.2, 0.7, 0.9, 1.5, 2.5], pa.float32()),
    "age": pa.array([17, 90, 40, 41, None, 17]),
    "holes": pa.array([1.0, None, 3.0, 8.0, 2.0, 1.0]),
    "flag": pa.array([True, False, None, True, True, False]),
    "coded": pa.array([0, 1, 1, 0, 0, 1], pa.int8()),
    "city": pa.array(["Oslo", "Rome", None, "Bern", "Rome", " Rome"]),
    "same": pa.array([7, 7, None, 7, 7, 7], pa.uint16()),
    "word": pa.array(["x"] * 6),
}


def test_kinds_widths_and_dtypes_of_columns() -> None:
    schema = infer_schema(table(**MIXED))
    assert {f.name: (f.kind, f.width, f.dtype) for f in schema.features} == {
        "real": ("real", 1, "float64"),
        "single": ("real", 1, "float32"),
        "age": ("integer", 1, "int64"),
        "holes": ("levels", 1, "float64"),
        "flag": ("binary", 1, "bool"),
        "coded": ("binary", 1, "int8"),
        "city": ("categorical", 4, "string"),
        "same": ("levels", 0, "uint16"),
        "word": ("categorical", 0, "string"),
    }
    assert schema.event_shape == (10,)
    age = schema.features[2]
    assert (age.edge, age.step, age.levels) == (True, 1, 0)
    holes = schema.features[3]
    assert (holes.low, holes.step, holes.levels) == (1, 1, 8)
    assert schema.features[6].categories == [" Rome", "Bern", "Oslo", "Rome"]
    assert (schema.features[7].constant, schema.features[8].constant) == (7, "x")
    assert schema.missing_cells == 6


def test_encoding_is_standardised_over_observed_cells() -> None:
    source = table(**MIXED)
    encoded = encode(infer_schema(source), source)
    assert encoded.mask is not None
    for column in (0, 1, 2, 3):
        seen = encoded.x[encoded.mask[:, column], column].double()
        assert float(seen.mean()) == pytest.approx(0, abs=1e-6)
        assert float(seen.std(correction=0)) == pytest.approx(1, abs=1e-6)
    assert not encoded.x[~encoded.mask].any()
    assert encoded.mask.sum(0).tolist() == [5, 6, 5, 5, 5, 6, 5, 5, 5, 5]
    np.testing.assert_array_equal(encoded.x[:, 6:].sum(1), [1, 1, 0, 1, 1, 1])


def test_round_trip_restores_values_types_order_and_constants() -> None:
    source = table(**MIXED)
    schema = infer_schema(source)
    back = decode(schema, encode(schema, source).x)
    assert back.schema.equals(source.table.schema)
    for name, column in MIXED.items():
        seen = np.asarray(column.is_valid()) if name not in ("same", "word") else slice(None)
        got, given_ = np.array(back[name].to_pylist())[seen], np.array(column.to_pylist())[seen]
        if name in ("real", "single"):
            np.testing.assert_allclose(got, given_.astype(float), rtol=1e-6)
        elif name == "same":
            assert set(got.tolist()) == {7}
        else:
            np.testing.assert_array_equal(got, given_)


def test_means_are_not_rounded_to_levels() -> None:
    source = table(age=[10, 20, 30], flag=[True, False, False])
    schema = infer_schema(source)
    x = encode(schema, source).x
    halfway = (x[:1] + x[1:2]) / 2
    means = decode(schema, halfway, means=True)
    assert means["age"][0].as_py() == pytest.approx(15)
    assert means["flag"][0].as_py() == pytest.approx(0.5)
    draw = decode(schema, halfway)
    assert draw["age"].type == pa.int64()
    assert draw["flag"].type == pa.bool_()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(-(2**20), 2**20),
            st.floats(-1e6, 1e6),
            st.booleans(),
            st.text("ab ,;\"'\n\tü€x", min_size=1, max_size=5).filter(lambda s: s.strip() == s),
        ),
        min_size=3,
        max_size=20,
    )
)
def test_csv_round_trip(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, float, bool, str]]
) -> None:
    whole, real, truth, text = zip(*rows, strict=True)
    made = pa.table({"whole, n": whole, "real": real, "truth": truth, "text": text})
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    write(path, made)
    read = load_source(path).table
    for name in made.column_names[1:]:
        assert read[name].to_pylist() == made[name].to_pylist()  # every bit of the floats
    source = Source("again", None, read)
    varying = [c for c in read.column_names if len(set(read[c].to_pylist())) > 1]
    if not varying:
        with pytest.raises(DataError, match="nothing to fit"):
            infer_schema(source)
        return
    schema = infer_schema(source)
    back = decode(schema, encode(schema, source).x)
    for name in ("whole, n", "truth", "text"):
        assert back[name].to_pylist() == read[name].to_pylist()
    gap = np.abs(np.array(back["real"].to_pylist(), float) - np.array(real))
    # A logarithm that spans hundreds, as of 1 and 1e-300, leaves single precision fewer digits of the value.
    logs = schema.features[1].kind == "positive"
    assert gap.max() <= (1e-4 if logs else 1e-6) * max(np.abs(real).max(), np.std(real), 1e-300)


def test_schema_survives_json_and_refuses_what_it_does_not_know() -> None:
    schema = infer_schema(table(**MIXED))
    assert Schema.from_json(schema.to_json()) == schema
    with pytest.raises(DataError, match="unknown field `extra`"):
        Schema.from_json(schema.to_json().replace(b"{", b'{"extra": 1,', 1))
    with pytest.raises(DataError, match="elements but the event shape"):
        Schema.from_json(schema.to_json().replace(b"10\n", b"11\n", 1))


def test_density_falls_by_log_a_when_a_column_is_multiplied_by_a() -> None:
    x = np.random.default_rng(0).normal(size=20)
    one, ten = (log_unit(infer_schema(table(x=a * x, y=x))).constant for a in (1.0, 10.0))
    np.testing.assert_allclose((ten - one).numpy(), [np.log(10), 0], atol=1e-12)
    grey = np.random.default_rng(0).integers(0, 17, size=(40, 20))
    units = [log_unit(infer_schema(Source("g", a * grey, None))).constant for a in (1.0, 0.01)]
    np.testing.assert_allclose((units[1] - units[0]).numpy(), np.log(0.01), atol=1e-12)


def test_log_unit_is_that_of_each_kind() -> None:
    schema = infer_schema(table(**MIXED))
    expected = [np.log(schema.features[0].scale), np.log(schema.features[1].scale), *[0.0] * 8]
    np.testing.assert_allclose(log_unit(schema).constant.numpy(), expected)
    assert log_unit(schema).slope is None


def test_wide_table_on_one_lattice_is_encoded_as_the_array_is(csv: Put) -> None:
    digits = load_source("digits").array.reshape(1797, 64).astype(int)
    header = ",".join(f"p{i}" for i in range(64))
    text = header + "\n" + "\n".join(",".join(map(str, row)) for row in digits.tolist())
    as_table, as_array = load_source(csv(text)), Source("digits.npy", digits, None)
    schema, reference = infer_schema(as_table), infer_schema(as_array)
    [one] = reference.features
    for feature in schema.features:
        assert (feature.kind, feature.low, feature.step, feature.levels) == ("levels", 0, 1, 17)
        assert (feature.mean, feature.scale) == (one.mean, one.scale)
    assert schema.constant_elements == reference.constant_elements == [0, 32, 39]
    np.testing.assert_array_equal(encode(schema, as_table).x, encode(reference, as_array).x)
    assert decode(schema, encode(schema, as_table).x).equals(as_table.table)
    assert "share the values 0..16 (17 levels)" in schema.sentences()[0]


def test_columns_of_different_kinds_share_nothing() -> None:
    rng = np.random.default_rng(0)
    columns = {f"c{i}": rng.integers(0, 5, size=30) for i in range(16)}
    assert (
        len({f.levels for f in infer_schema(table(**columns, wide=rng.integers(0, 9000, 30))).features}) == 2
    )


def test_wide_integers_stay_whole_and_huge_ones_are_real() -> None:
    source = table(wide=[0, 5, 2**21], huge=[1, 2**40, 2**41])
    schema = infer_schema(source)
    assert [f.kind for f in schema.features] == ["count", "positive"]
    assert decode(schema, encode(schema, source).x)["wide"].to_pylist() == [0, 5, 2**21]
    assert decode(schema, encode(schema, source).x)["huge"].type == pa.int64()


def test_likelihood_can_be_asked_for() -> None:
    source = table(age=[10, 11, 13], tall=[1.5, 1.75, 2.0], flag=[0, 1, 1])

    def kinds(likelihood: str | None) -> list[str]:
        return [f.kind for f in infer_schema(source, likelihood).features]

    assert kinds(None) == ["levels", "real", "binary"]
    assert kinds("normal") == ["real", "real", "real"]
    assert kinds("discretised") == ["levels", "levels", "levels"]
    with pytest.raises(
        DataError, match=r"column 'age' of made holds 3 values from 10 to 13, so Bernoulli does not"
    ):
        infer_schema(source, "bernoulli")
    with pytest.raises(DataError, match="no likelihood 'beta': give one of normal"):
        infer_schema(source, "beta")
    with pytest.raises(DataError, match=r"column 'x' of made holds 4 values.*not evenly spaced"):
        infer_schema(table(x=[0.1, np.pi, 2.0, np.e]), "discretised")


REFUSED = [
    ({"a": [1, 2], "b": pa.array([None, None], pa.int64())}, "column 'b' of made has no values at all"),
    ({"a": [1.0, 2.0], "b": [np.nan, np.nan]}, "column 'b' of made has no values at all"),
    ({"a": [1.0, 2.0, np.inf]}, "row 3 of column 'a' of made holds inf"),
    ({"a": [1]}, "made has 1 row: a fit wants two or more"),
    ({"a": [3, 3], "b": ["x", "x"]}, "every column of made is constant"),
    ({"a": [f"id{i}" for i in range(1001)]}, "column 'a' of made has 1,001 different strings"),
    ({"a": [*map(str, range(1500)), "n.a."]}, "most of its cells are numbers, but not 'n.a.'"),
    ({"a": pa.array([1, 2], pa.time32("s"))}, r"column 'a' of made has type time32\[s\].*such as seconds"),
    ({"a": pa.array([[1], [2]])}, r"column 'a' of made has type list<.*turn it into numbers or strings"),
]


@pytest.mark.parametrize(("columns", "message"), REFUSED, ids=[message[:30] for _, message in REFUSED])
def test_refused_before_a_fit(columns: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message) as error:
        infer_schema(table(**columns))
    assert "\n" not in str(error.value)


MISFITS = [
    ({"drop": "age"}, "lacks the columns 'age'"),
    ({"extra": [1] * 6}, "has the columns 'extra' that the model was not fitted on"),
    (
        {"city": ["Rome", "Paris"] * 3},
        "row 2 of column 'city' of new holds 'Paris'.*it knows ' Rome', 'Bern'",
    ),
    ({"age": [17, 90, -1, 17, 17, 17]}, "row 3 of column 'age' of new holds -1, .* on whole numbers from 0"),
    ({"holes": [1, 8, 9, 3, 3, 3]}, r"row 3 of column 'holes' of new holds 9, .* on 1\.\.8.*kind 'integer'"),
    ({"age": [17.5, 20, 20, 20, 20, 20]}, "row 1 of column 'age' of new holds 17.5"),
    ({"coded": [0, 1, 2, 0, 0, 0]}, "row 3 of column 'coded' of new holds 2"),
    ({"same": [7, 8, 7, 7, 7, 7]}, "row 2 of column 'same' of new holds 8, but was always 7"),
    ({"word": ["x"] * 5 + ["y"]}, "row 6 of column 'word' of new holds 'y'"),
    ({"real": [1.0, -np.inf, 1, 1, 1, 1]}, "row 2 of column 'real' of new holds -inf"),
    ({"real": [None, "tall", None, None, None, None]}, "row 2 of column 'real' of new holds 'tall'"),
    (
        {"real": pa.array([1] * 6, pa.date32())},
        "row 1 of column 'real' of new holds '1970-01-02', .* on numbers",
    ),
    ({"real": pa.array([1] * 6, pa.time32("s"))}, r"column 'real' of new has type time32\[s\]"),
    ({"real": [True] * 6}, "column 'real' of new holds true and false, but the model was fitted on numbers"),
    ({"word": ["x"] * 5 + ["y"]}, "or have such cells read as missing .*--unseen missing"),
    ({"age": [17, 90, -1, 17, 17, 17]}, "or have such cells read as missing .*--unseen missing"),
]


@pytest.mark.parametrize(("change", "message"), MISFITS, ids=[message[:40] for _, message in MISFITS])
def test_rows_that_do_not_fit_the_schema(change: dict[str, object], message: str) -> None:
    columns = {**MIXED, **change}
    dropped = columns.pop("drop", None)
    columns.pop(dropped, None)
    with pytest.raises(DataError, match=message) as error:
        encode(infer_schema(table(**MIXED)), Source("new", None, pa.table(columns)))
    assert "\n" not in str(error.value)


def test_columns_are_found_by_name_and_empty_ones_are_missing() -> None:
    schema = infer_schema(table(**MIXED))
    order = list(reversed(MIXED))
    shuffled = Source("new", None, pa.table({name: MIXED[name] for name in order}))
    np.testing.assert_array_equal(encode(schema, shuffled).x, encode(schema, table(**MIXED)).x)
    empty = Source("new", None, pa.table({**MIXED, "age": pa.nulls(6), "city": pa.nulls(6)}))
    mask = encode(schema, empty).mask
    assert mask is not None
    assert not mask[:, 2].any()
    assert not mask[:, 6:].any()


def test_whole_numbers_may_come_as_floats_and_the_reverse() -> None:
    schema = infer_schema(table(**MIXED))
    columns = {
        **MIXED,
        "age": [17.0, 90, 40, 41, np.nan, 17],
        "real": [1, 2, 3, 4, 5, 6],
        "flag": [1, 0, 0, 1, 1, 0],
    }
    assert encode(schema, Source("new", None, pa.table(columns))).x.shape == (6, 10)


# Files


def test_csv_infers_types_from_the_whole_file(csv: Put) -> None:
    n = 300_000  # far past the first block of the reader
    path = csv("a,b\n" + "1,x\n" * n + "2.5,y\n")
    column = load_source(path).table["a"]
    assert column.type == pa.float64()
    assert column[n].as_py() == 2.5


def test_csv_codes_keep_their_zeros(csv: Put) -> None:
    source = load_source(csv('zip,n,"b"\n08001,5,1.5\n"00123",10,2\n,07,01.5\n11111,-8,3\n'))
    assert source.table["zip"].to_pylist() == ["08001", "00123", None, "11111"]
    assert source.table["n"].to_pylist() == ["5", "10", "07", "-8"]
    assert source.table["b"].to_pylist() == [1.5, 2.0, 1.5, 3.0]
    assert source.notes == ("cells begin with 0 as those of codes do, and are kept as text: 'zip', 'n'",)
    source = load_source(csv("off,n\n0,10\n50,007\n"))
    assert source.table.schema.types == [pa.int64(), pa.string()]


def test_categories_of_few_rows_are_told() -> None:
    words = [f"w{k % 80}" for k in range(400)]
    said = infer_schema(Source("a", None, pa.table({"off": words, "b": np.arange(400) / 7.0}))).sentences()
    assert any(
        sentence.startswith("categories of fewer than 10 rows each teach little: 'off' has 80;")
        for sentence in said
    )
    often = infer_schema(
        Source("a", None, pa.table({"off": words * 2, "b": np.arange(800) / 7.0}))
    ).sentences()
    assert not any("teach little" in sentence for sentence in often)


def test_csv_missing_cells_quotes_and_gzip(csv: Put) -> None:
    source = load_source(csv('a,"b, c"\n1,"x, ""y"""\n,\nNA,null\n', "t.csv.gz"))
    assert source.name == "t.csv.gz"
    assert source.table.to_pydict() == {"a": [1, None, None], "b, c": ['x, "y"', None, None]}


def test_csv_without_names_says_so(csv: Put) -> None:
    source = load_source(csv("0.5,1\n0.25,2\n"))
    assert source.table.column_names == ["c0", "c1"]
    assert len(source) == 2
    assert "holds numbers, so its columns are named c0 to c1" in source.notes[0]
    assert load_source(csv("0,1\n5,6\n")).table.column_names == ["0", "1"]


def test_csv_index_column_and_other_delimiters(csv: Put) -> None:
    source = load_source(csv(",a\n5,0.5\n4,0.25\n"))
    assert source.table.column_names == ["a"]
    assert "counts the rows" in source.notes[0]
    source = load_source(csv("a;b\n1;2,5\n3;4\n"))
    assert source.table.column_names == ["a", "b"]
    assert "semicolons" in source.notes[0]


BAD_CSV = [
    ("", "is empty"),
    (b"\xef\xbb\xbf\n", "is empty"),
    ("a,b\n", "has no rows"),
    ("a,b\n1,2\n1,2,3\n", "line 3 of table.csv has 3 cells where 2 were expected"),
    ("a,b\n1,2\n1\n", "line 3 of table.csv has 1 cell where 2 were expected"),
    ("a,a\n1,2\n", "more than one column named 'a'"),
    ("a,,b\n1,2,3\n", "column 2 of table.csv has no name"),
    ("a\n12:00:00\n12:00:01\n", r"column 'a' of table.csv has type time32\[s\].*such as seconds"),
    (b"a,b\ncaf\xe9,1\nx,2\n", "column 'a' of table.csv is not UTF-8 text"),
    (b"\x00\x01\x02\x00", "is not a text file"),
]


@pytest.mark.parametrize(("text", "message"), BAD_CSV, ids=[message[:30] for _, message in BAD_CSV])
def test_bad_csv(csv: Put, text: str | bytes, message: str) -> None:
    with pytest.raises(DataError, match=message) as error:
        load_source(csv(text))
    assert "\n" not in str(error.value)


def test_ragged_rows_are_refused_far_down_too(csv: Put) -> None:
    with pytest.raises(DataError, match=r"line 400003 of table.csv has 3 cells"):
        load_source(csv("a,b\n" + "1,2\n" * 400_000 + "3,4\n1,2,3\n"))


def test_broken_gzip(csv: Put) -> None:
    path = csv("a,b\n" + "1,2\n" * 1000, "t.csv.gz")
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataError, match=r"t\.csv\.gz is not a whole gzip file"):
        load_source(path)


def test_label_column_is_left_out_of_the_fit(csv: Put) -> None:
    path = csv("a,kind,when\n1,x,12:00:01\n2,,12:00:00\n")
    with pytest.raises(DataError, match="type time32"):
        load_source(path, label="kind")
    source = load_source(csv("a,kind\n1,x\n2,\n"), label="kind")
    assert source.table.column_names == ["a"]
    assert source.labels.tolist() == ["x", ""]
    with pytest.raises(DataError, match="no label column 'sort': its columns are 'a', 'kind'"):
        load_source(csv("a,kind\n1,x\n2,\n"), label="sort")
    with pytest.raises(DataError, match="has no columns to fit"):
        load_source(csv("kind\nx\ny\n"), label="kind")


def test_parquet_dictionaries_indices_and_garbage(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    made = pa.table({"c": pa.array(["u", "v", "u"]).dictionary_encode(), "__index_level_0__": [3, 1, 2]})
    pq.write_table(made, path)
    source = load_source(path)
    assert source.table.to_pydict() == {"c": ["u", "v", "u"]}
    assert "row index" in source.notes[0]
    path.write_bytes(b"PAR1 not really")
    with pytest.raises(DataError, match="cannot be read as parquet"):
        load_source(path)


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "missing", "kinds"),
    [
        ("adult_ctgan.csv.gz", 0, {"levels": 1, "integer": 5, "categorical": 9}),
        ("seaborn/penguins.csv.gz", 19, {"real": 2, "integer": 2, "categorical": 3}),
        ("seaborn/titanic.csv.gz", 869, {"real": 2, "levels": 2, "count": 1, "binary": 3, "categorical": 7}),
    ],
)
def test_real_tables(real_data: Path, name: str, missing: int, kinds: dict[str, int]) -> None:
    source = load_source(real_data / "tables" / name)
    schema = infer_schema(source)
    assert schema.missing_cells == missing
    found = [f.kind for f in schema.features]
    assert {kind: found.count(kind) for kind in kinds} == kinds
    encoded = encode(schema, source)
    assert (encoded.mask is None) == (missing == 0)
    back = decode(schema, encoded.x)
    for feature in schema.features:
        column = source.table[feature.name]
        seen = np.asarray(column.is_valid())
        got, expected = back[feature.name].to_numpy()[seen], column.to_numpy()[seen]
        if feature.kind == "real":
            np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-6 * feature.scale)
        else:
            np.testing.assert_array_equal(got, expected)
