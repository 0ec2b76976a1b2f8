"""Categories that are no strings: known again where the same values come in a plain column, and given back."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from anyvae.data import DataError
from anyvae.data.words import word_among, words_of
from anyvae.estimators import TabularVAE

QUICK: dict[str, Any] = {"max_epochs": 1, "random_state": 0}
ROWS = 60


def of(column: Any) -> pd.DataFrame:
    return pd.DataFrame({"f": np.random.default_rng(0).normal(size=ROWS), "s": column})


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([True, False], "bool"),
        ([True, False], "boolean"),
        ([1.0, 2.0, 3.5], "float64"),
        ([0.1, 2.0, 3.5], "float32"),
        ([1, 2, 3], "float64"),
        ([1, 2, 3], "int8"),
        ([date(2020, 1, 1), date(2021, 1, 1)], "object"),
        ([Decimal("1.50"), Decimal("2.25"), Decimal(3)], "object"),
        (["2020-01-01 12:00", "2021-01-01 13:30:00.5"], "datetime64[ms]"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_a_plain_column_holds_the_same_categories(values: list[Any], dtype: str, ordered: bool) -> None:
    plain = pd.Series(values * (ROWS // len(values))).astype(dtype)
    model = TabularVAE(**QUICK).fit(of(pd.Categorical(plain, ordered=ordered)))
    rows = of(plain)
    fitted = of(pd.Categorical(plain, ordered=ordered))
    assert model.schema_.features[1].kind == ("ordinal" if ordered and len(values) > 2 else "categorical")
    np.testing.assert_array_equal(model.score_samples(rows), model.score_samples(fitted))
    assert not model.explain(rows)["s"].isna().any()
    found = model.impute(of(plain.where(plain.index > 0)))
    assert found["s"].dtype == fitted["s"].dtype
    assert found["s"].iloc[1:].tolist() == plain.iloc[1:].tolist()
    assert found["s"].iloc[0] in set(values) | set(plain)
    assert model.sample(3, given={"s": plain.iloc[0]})["s"].tolist() == [plain.iloc[0]] * 3


def test_categories_of_several_types_are_told_apart_or_refused() -> None:
    model = TabularVAE(**QUICK).fit(of(pd.Categorical(["a", 1, 2.5] * 20)))
    assert set(model.sample(50)["s"]) <= {"a", 1, 2.5}
    with pytest.raises(DataError, match=r"'s' of X has different categories .* '1': give them one type"):
        TabularVAE(**QUICK).fit(of(pd.Categorical(["1", 1] * 30)))


def test_a_value_is_the_category_that_it_writes_as() -> None:
    assert word_among(np.float64(1.0), ["1"]) == "1"
    assert word_among(np.bool_(True), ["true", "false"]) == "true"
    assert word_among(2, ["1.0", "2.0"]) == "2.0"
    assert word_among(np.float32(0.1), ["0.1"]) == "0.1"
    moments = ["2020-01-01 00:00:00", "2020-01-01 00:00:00.25"]
    for unit in ("s", "ms", "us", "ns"):
        one = pd.DatetimeIndex(moments[:1] if unit == "s" else moments).as_unit(unit)
        assert words_of(one) == moments[: len(one)]
