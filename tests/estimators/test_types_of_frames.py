"""Frames whose columns have a type of their own: categories that are numbers, types that are no column."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from anyvae.data import DataError
from anyvae.estimators import TabularVAE

ROWS = 40


@pytest.mark.parametrize(
    ("column", "dtype"),
    [
        (pd.arrays.SparseArray(np.arange(ROWS) % 3.0), "Sparse[float64, nan]"),
        (np.arange(ROWS) * 1j, "complex128"),
    ],
)
def test_types_that_make_no_column_are_named(column: object, dtype: str) -> None:
    with pytest.raises(DataError) as refused:
        TabularVAE().fit(pd.DataFrame({"x": np.arange(ROWS) / 7.0, "a": column}))
    assert str(refused.value) == (
        f"column 'a' of X has type {dtype}, which arrow has not: turn it into plain numbers or strings, as "
        "X['a'].sparse.to_dense() does with a sparse one"
    )


def test_cells_of_several_types_are_named_by_these() -> None:
    with pytest.raises(DataError, match=r"column 'a' of X mixes values that make no column \(int, str; "):
        TabularVAE().fit(pd.DataFrame({"x": np.arange(ROWS) / 7.0, "a": [1, "b"] * (ROWS // 2)}))


def test_frames_without_rows_yet_are_to_be_collected() -> None:
    rows = pl.DataFrame({"x": np.arange(ROWS) / 7.0, "y": np.arange(ROWS) % 5}).lazy()
    with pytest.raises(DataError, match="has no rows yet: collect it first, as in X"):
        TabularVAE().fit(rows)
    batch = pa.record_batch({"x": np.arange(ROWS) / 7.0})
    with pytest.raises(DataError, match=r"make it one first, as in pyarrow.Table.from_batches\(\[X\]\)"):
        TabularVAE().fit(batch)


def test_a_frame_that_is_more_than_one_of_pandas_is_one() -> None:
    class Survey(pd.DataFrame):
        """As those of geopandas are."""

    rows = Survey({"x": np.arange(ROWS) / 7.0, "town": ["Oslo", None, "Rome", "Oslo"] * (ROWS // 4)})
    filled = TabularVAE(max_epochs=1, random_state=0).fit(rows).impute(rows)
    assert filled.dtypes.equals(rows.dtypes)
    assert not filled.isna().any().any()


def test_what_a_mask_hides_is_missing() -> None:
    rows = np.random.default_rng(0).integers(0, 90, size=(ROWS, 3))
    masked = np.ma.masked_greater(rows, 70)
    vae = TabularVAE(max_epochs=1, random_state=0).fit(masked)
    assert vae.schema_.missing_cells == masked.mask.sum()
    filled = vae.impute(masked)
    assert (filled[~masked.mask] == rows[~masked.mask]).all()
    assert (filled[masked.mask] != rows[masked.mask]).any()
    whole = np.ma.masked_array(rows)
    assert TabularVAE(max_epochs=1, random_state=0).fit(whole).sample(1).dtype == rows.dtype


def test_an_order_of_categories_that_are_numbers_is_given_as_numbers() -> None:
    rng = np.random.default_rng(0)
    dose = pd.Series(pd.Categorical(rng.choice([10, 20, 40], ROWS)))
    table = pd.DataFrame({"dose": dose, "x": rng.normal(size=ROWS)})
    vae = TabularVAE(kinds={"dose": [40, 20, 10]}, max_epochs=1, random_state=0).fit(table)
    assert (vae.schema_.features[0].kind, vae.schema_.features[0].categories) == (
        "ordinal",
        ["40", "20", "10"],
    )
    assert vae.sample(3)["dose"].dtype == dose.dtype
