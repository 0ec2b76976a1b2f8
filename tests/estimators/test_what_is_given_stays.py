"""Cells that are there come back as they are, also those that their column's type at fit could not hold."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from anyvae.data import DataError
from anyvae.estimators import TabularVAE, VAEClassifier, VAEImputer

QUICK: dict[str, Any] = {"max_epochs": 2, "random_state": 0}


def numbers() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "byte": rng.integers(0, 255, 120).astype("uint8"),
            "whole": rng.integers(-9, 9, 120),
            "short": rng.normal(size=120).astype("float32"),
        }
    )


STRANGE = pd.DataFrame({"byte": [300, -5, 7], "whole": [2.5, np.nan, 3.0], "short": [1e300, 0.5, np.nan]})


@pytest.fixture(scope="module", params=["pandas", "polars", "pyarrow"])
def filled(request: pytest.FixtureRequest) -> pd.DataFrame:
    """The strange rows filled by an estimator of another library's frames, as a frame of pandas."""
    if request.param == "pandas":
        return TabularVAE(**QUICK).fit(numbers()).impute(STRANGE)
    if request.param == "polars":
        model = TabularVAE(**QUICK).fit(pl.from_pandas(numbers()))
        return model.impute(pl.from_pandas(STRANGE)).to_pandas()
    model = TabularVAE(**QUICK).fit(pa.Table.from_pandas(numbers()))
    return model.impute(pa.Table.from_pandas(STRANGE)).to_pandas()


@pytest.mark.filterwarnings("ignore:.*read as missing")
def test_no_number_is_cut_to_a_type(filled: pd.DataFrame) -> None:
    assert filled["byte"].tolist() == [300, -5, 7]
    assert filled["whole"].tolist()[::2] == [2.5, 3.0]
    assert filled["short"].tolist()[:2] == [1e300, 0.5]
    assert not filled.isna().any().any()


def test_a_number_that_is_given_is_not_made_infinite() -> None:
    rows = np.random.default_rng(0).normal(size=(60, 2))
    for short, value in (("float16", 1e5), ("float32", 1e300)):
        vae = TabularVAE(max_epochs=1, random_state=0).fit(
            pd.DataFrame(rows.astype(short), columns=["a", "b"])
        )
        drawn = vae.sample(2, given={"a": value})
        assert drawn["a"].tolist() == [value, value]
        assert drawn["b"].dtype == short
        assert vae.sample(2, given={"a": 0.1})["a"].dtype == short


def test_what_is_given_is_not_advised_to_be_read_as_missing() -> None:
    rows = pd.DataFrame({"a": np.arange(60) % 7, "town": ["Oslo", "Rome", "Bern"] * 20})
    vae = TabularVAE(max_epochs=1, random_state=0).fit(rows)
    for given in ({"a": 2.5}, {"town": "Paris"}):
        with pytest.raises(DataError, match="of what is given holds") as refused:
            vae.sample(1, given=given)
        assert "unseen" not in str(refused.value)


def test_a_decimal_that_is_given_keeps_its_fraction() -> None:
    vae = TabularVAE(max_epochs=1, random_state=0).fit(pd.DataFrame({"a": [0, 5000] * 10}))
    drawn = [vae.sample(2, given={"a": Decimal(value)})["a"] for value in ("1.5", "3")]
    assert drawn[0].tolist() == [1.5, 1.5]
    assert drawn[1].tolist() == [3, 3]
    assert drawn[1].dtype == np.int64


@pytest.mark.filterwarnings("ignore:.*read as missing")
@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_no_digit_and_no_time_of_day_is_cut_off(library: str) -> None:
    as_of: Any = {"pandas": pa.Table.to_pandas, "polars": pl.from_arrow, "pyarrow": lambda table: table}[
        library
    ]
    days = [date(2020, 1, 1) + timedelta(days=day % 50) for day in range(120)]
    short = pa.array(np.random.default_rng(0).normal(size=120), pa.float32())
    model = TabularVAE(**QUICK).fit(as_of(pa.table({"short": short, "day": days})))
    noon = datetime(2020, 1, 5, 12)
    found = model.impute(as_of(pa.table({"short": [0.1, None], "day": [noon, None]})))
    assert [found["short"][0], found["day"][0]] == (
        [pa.scalar(0.1), pa.scalar(noon)] if library == "pyarrow" else [0.1, noon]
    )
    again = as_of(pa.table({"short": pa.array([0.5, None]), "day": pa.array([datetime(2020, 1, 5), None])}))
    assert str(model.impute(again)["day"][0]).startswith("2020-01-05")


def test_types_are_those_of_the_fit_where_they_suffice() -> None:
    model = TabularVAE(**QUICK).fit(numbers())
    rows = numbers()
    rows.loc[3, "short"] = np.nan
    assert model.impute(rows).dtypes.tolist() == numbers().dtypes.tolist()
    assert model.sample(5).dtypes.tolist() == numbers().dtypes.tolist()
    assert model.sample(4, given={"byte": 300})["byte"].tolist() == [300] * 4


@pytest.mark.filterwarnings("ignore:.*read as missing")
@pytest.mark.parametrize(("kind", "cell"), [("int64", 3.7), ("uint8", 300.0)])
def test_no_element_of_an_array_is_cut(kind: str, cell: float) -> None:
    rows = np.random.default_rng(0).integers(0, 200, (60, 2)).astype(kind)
    found = VAEImputer(**QUICK).fit(rows).transform([[np.nan, cell], [5, 2.0]])
    assert found[0, 1] == cell
    assert found[1].tolist() == [5.0, 2.0]


@pytest.mark.filterwarnings("ignore:.*read as missing")
@pytest.mark.parametrize("cell", ["huge", 2.5, 3])
def test_what_is_no_ordered_level_stays(cell: Any) -> None:
    size = pd.CategoricalDtype(["small", "middle", "large"], ordered=True)
    rows = pd.DataFrame(
        {"size": pd.Series([*size.categories, None] * 15, dtype=size), "x": np.arange(60) ** 0.5}
    )
    model = TabularVAE(**QUICK).fit(rows)
    found = model.impute(rows.iloc[:3].assign(size=[cell, None, cell]))["size"].tolist()
    assert [found[0], found[2]] == [str(cell)] * 2
    assert found[1] in size.categories
    assert model.impute(rows)["size"].dtype == size


def test_categories_of_pandas_are_categories_whatever_they_are() -> None:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(
        {
            "ten": pd.Categorical(rng.choice([10, 20, 30], 120)),
            "half": pd.Categorical(rng.choice([0.5, 1.5], 120)),
            "place": pd.Categorical(rng.choice([3, 1, 2], 120), categories=[3, 1, 2], ordered=True),
            "sure": pd.Categorical(rng.choice([True, False], 120)),
            "day": pd.Categorical(pd.to_datetime(rng.choice(["2020-01-01", "2021-05-05"], 120))),
            "x": rng.normal(size=120),
        }
    )
    model = TabularVAE(**QUICK).fit(rows)
    kinds = {feature.name: feature.kind for feature in model.schema_.features}
    assert (kinds["ten"], kinds["place"]) == ("categorical", "ordinal")
    drawn = model.sample(300)
    assert drawn.dtypes.tolist() == rows.dtypes.tolist()
    assert set(drawn["ten"]) == {10, 20, 30}
    assert set(drawn["sure"]) == {True, False}
    holed = rows.copy()
    holed.loc[:9, "day"] = None
    assert set(model.impute(holed)["day"]) <= set(rows["day"])
    assert model.sample(3, given={"ten": 20})["ten"].tolist() == [20] * 3
    with pytest.raises(ValueError, match="'25'"):
        model.sample(1, given={"ten": 25})


def test_a_classifier_of_a_conditional_model_reads_its_conditions() -> None:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"c": rng.choice(["low", "high"], 300), "x": rng.normal(size=300)})
    y = (rows["x"] + 3.0 * (rows["c"] == "high") > 1.5).to_numpy()
    model = VAEClassifier(recipe="cvae", given=["c"], max_epochs=60, random_state=0).fit(rows, y)
    assert (model.predict(rows) == y).mean() > 0.9


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"learning_rate": -1.0}, "learning_rate is -1.0"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0"),
        ({"max_epochs": 0}, "max_epochs is 0"),
        ({"batch_size": -3}, "batch_size is -3"),
        ({"latent_features": "3"}, "latent_features is '3'"),
        ({"max_minutes": float("nan")}, "max_minutes is nan"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TabularVAE(**options).fit(numbers())
    with pytest.raises(ValueError, match=r"n_samples is 2\.5"):
        TabularVAE(**QUICK).fit(numbers()).sample(2.5)  # type: ignore[arg-type]


def test_a_date_may_be_given_as_it_is_written() -> None:
    rng = np.random.default_rng(0)
    day = pd.Timestamp("2021-01-01") + pd.to_timedelta(rng.integers(0, 400, 120), "D")
    rows = pd.DataFrame({"day": day, "x": rng.normal(size=120)})
    model = TabularVAE(**QUICK).fit(rows)
    for value in ("2021-05-05", "2021-05-05 00:00", pd.Timestamp("2021-05-05")):
        assert model.sample(3, given={"day": value})["day"].tolist() == [pd.Timestamp("2021-05-05")] * 3
    with pytest.raises(ValueError, match="'day' cannot be given 'tomorrow'"):
        model.sample(1, given={"day": "tomorrow"})
    for nothing in (float("nan"), "nan", " NaN"):
        with pytest.raises(ValueError, match=r"'x' is given .*no value"):
            model.sample(1, given={"x": nothing})


def of_every_type(library: str) -> Any:
    rng = np.random.default_rng(0)
    moments = [datetime(2021, 1, 1) + timedelta(days=int(days)) for days in rng.integers(0, 300, 80)]
    numbers = rng.normal(size=80)
    letters = rng.choice(["a", "b"], 80)
    if library == "pandas":
        return pd.DataFrame(
            {
                "c": pd.Categorical(letters, categories=["a", "b", "unused"]),
                "k": pd.Categorical(rng.choice([3, 1], 80), ordered=True),
                "s": pd.Categorical(rng.choice([True, False], 80)),
                "t": pd.DatetimeIndex(moments).tz_localize("Europe/Zurich"),
                "n": pd.array(rng.integers(0, 9, 80), dtype="Int16"),
                "x": numbers,
            }
        )
    frame = pl.DataFrame({"t": moments, "e": letters, "d": numbers, "x": numbers}).with_columns(
        pl.col("t").cast(pl.Datetime("ms")).dt.replace_time_zone("Europe/Zurich"),
        pl.col("e").cast(pl.Enum(["a", "b", "unused"])),
        pl.col("d").cast(pl.Decimal(10, 2)),
    )
    return frame if library == "polars" else frame.to_arrow()


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_a_saved_estimator_gives_the_types_that_it_gave(library: str, tmp_path: Path) -> None:
    rows = of_every_type(library)
    model = TabularVAE(**QUICK).fit(rows)
    model.save(tmp_path / "saved")
    loaded = TabularVAE.load(tmp_path / "saved")
    before, after = model.sample(6), loaded.sample(6)
    assert before.equals(after)
    types = [(frame.dtypes if library == "pandas" else frame.schema) for frame in (rows, before, after)]
    assert list(types[0]) == list(types[1]) == list(types[2])


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2, 9], pa.dictionary(pa.int8(), pa.int64())),
        ([0.5, 1.5, 2.25], pa.dictionary(pa.int32(), pa.float64())),
        ([True, False, True], pa.dictionary(pa.int32(), pa.bool_())),
        ([datetime(2020, 1, day) for day in (1, 2, 9)], pa.dictionary(pa.int32(), pa.timestamp("us"))),
        ([Decimal("1.25"), Decimal("2.5"), Decimal(3)], pa.dictionary(pa.int32(), pa.decimal128(5, 2))),
        (["b", "a", "c"], pa.dictionary(pa.int8(), pa.string(), ordered=True)),
    ],
)
@pytest.mark.parametrize("library", ["pyarrow", "pandas"])
def test_dictionaries_of_anything_come_back(
    values: list[Any], kind: pa.DictionaryType, library: str, tmp_path: Path
) -> None:
    column = pa.DictionaryArray.from_arrays(
        pa.array([0, 1, 2] * 20, kind.index_type), pa.array(values, kind.value_type), ordered=kind.ordered
    )
    rows: Any = pa.table({"x": np.arange(60) ** 0.5, "s": column})
    if library == "pandas":
        rows = pd.DataFrame({"x": rows["x"].to_pandas(), "s": pd.arrays.ArrowExtensionArray(rows["s"])})
    model = TabularVAE(**QUICK).fit(rows)
    model.save(tmp_path / "saved")
    drawn = TabularVAE.load(tmp_path / "saved").sample(5)
    for found in (model.impute(rows), drawn, model.sample(0)):
        types = [one.schema if library == "pyarrow" else list(one.dtypes) for one in (found, rows)]
        assert types[0] == types[1]
    assert drawn.equals(model.sample(5))
    if library == "pyarrow":
        assert model.impute(rows)["s"].to_pylist() == rows["s"].to_pylist()
        if kind.ordered:
            assert drawn["s"].chunk(0).dictionary.to_pylist() == values
    else:
        assert model.impute(rows)["s"].tolist() == rows["s"].tolist()


@pytest.mark.parametrize(
    "column",
    [
        pd.cut(pd.Series(np.arange(60) ** 0.5), 3),
        pd.cut(pd.Series(pd.date_range("2020-01-01", periods=60)), 3, right=False),
        pd.Series(["a", "b"] * 30, dtype=pd.ArrowDtype(pa.string())),
        pd.Series([Decimal("1.25"), Decimal("2.5"), None] * 20, dtype=pd.ArrowDtype(pa.decimal128(5, 2))),
        pd.Series([1, 2, 3] * 20, dtype=pd.ArrowDtype(pa.int16())).astype("category"),
        pd.Series([True, False] * 30, dtype="boolean").astype("category"),
        pd.Series([2**63, 2**63 + 1] * 30, dtype="uint64").astype("category"),
        pd.Series(["a", 1] * 30).astype("category"),
    ],
    ids=lambda column: str(column.dtype),
)
def test_types_of_pandas_come_back(column: pd.Series, tmp_path: Path) -> None:
    rows = pd.DataFrame({"x": np.arange(60) ** 0.5, "s": column})
    model = TabularVAE(**QUICK).fit(rows)
    model.save(tmp_path / "saved")
    loaded = TabularVAE.load(tmp_path / "saved")
    assert model.sample(6).equals(loaded.sample(6))
    assert loaded.sample(6)["s"].dtype == loaded.impute(rows)["s"].dtype == column.dtype
    observed = column.notna()
    assert loaded.impute(rows)["s"][observed].equals(column[observed])


def test_categories_that_nothing_writes_are_saved_as_text(tmp_path: Path) -> None:
    days = pd.Series([date(2020, 1, 1), date(2021, 1, 1)] * 30).astype("category")
    model = TabularVAE(**QUICK).fit(pd.DataFrame({"x": np.arange(60) ** 0.5, "day": days}))
    with pytest.warns(UserWarning, match="categories of type date are saved as text, such as '2020-01-01'"):
        model.save(tmp_path / "saved")
    drawn = TabularVAE.load(tmp_path / "saved").sample(6)["day"]
    assert drawn.tolist() == [str(day) for day in model.sample(6)["day"]]


@pytest.mark.parametrize("types", ["AAAA", "no base64!", 7, ["double"]])
def test_types_that_are_none_are_refused(types: Any, tmp_path: Path) -> None:
    TabularVAE(**QUICK).fit(of_every_type("pyarrow")).save(tmp_path / "saved")
    path = tmp_path / "saved" / "estimator.json"
    told = json.loads(path.read_text())
    told["frame"]["types"] = types
    path.write_text(json.dumps(told))
    with pytest.raises(ValueError, match="cannot be read"):
        TabularVAE.load(tmp_path / "saved")


@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Tokyo"])
def test_a_moment_that_is_given_is_on_the_clock_of_its_column(zone: str | None) -> None:
    hours = pd.date_range("2020-01-01 03:30", periods=60, freq="37h", tz=zone)
    rows = pd.DataFrame({"when": hours, "x": np.arange(60) ** 0.5})
    model = TabularVAE(**QUICK).fit(rows)
    naive, known = pd.Timestamp("2020-02-05 12:00"), pd.Timestamp("2020-02-05 12:00", tz=zone)
    drawn = model.sample(3, given={"when": naive})
    assert drawn["when"].tolist() == [known] * 3
    assert drawn.equals(model.sample(3, given={"when": "2020-02-05T12:00"}))
    if zone is None:
        with pytest.raises(
            DataError, match=r"'when' cannot be given .* \(it is of the time zone UTC, and the column"
        ):
            model.sample(3, given={"when": naive.tz_localize("UTC")})
    else:
        # The other columns too: the model was told the same moment.
        assert drawn.equals(model.sample(3, given={"when": known.tz_convert("UTC")}))
