"""Values with a probability of their own stay values of their own, however far one of them lies from the others."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from anyvae.data import Source, decode, encode, infer_schema
from anyvae.estimators import TabularVAE


@pytest.mark.parametrize(
    "values",
    [
        np.array([1, 2, 3, 4, 5, 999_999]),
        np.array([1, 2, 3, 4, 5, 9_999_999]),
        np.array([1, 2, 3, 4, 5, 99_999_999]),
        np.array([1, 2, 3, 4, 5, 999_999_999]),
        np.array([0.1, 0.2, 0.3, 0.4, 0.5, 1e9]),
        np.array([1.0, 2.0, 1e9, 1e9 + 1]),
        np.array([5, 7, 2**63 + 1], dtype=np.uint64),
    ],
)
def test_every_value_has_its_probability_and_is_drawn_as_often(values: np.ndarray) -> None:
    rows = 600
    noise = np.random.default_rng(0).normal(size=rows)
    table = pd.DataFrame({"f": noise, "s": np.resize(values, rows)})
    vae = TabularVAE(max_epochs=2, random_state=0).fit(table)
    total = np.exp(vae.explain(table.iloc[: len(values)])["s"]).sum()
    assert 0.9 <= total <= 1.02
    drawn = vae.sample(rows)["s"]
    assert drawn.dtype == values.dtype
    wanted = rows / len(values)
    for value in values:
        assert abs((drawn == value).sum() - wanted) < 4.0 * np.sqrt(wanted)
    assert vae.impute(table).equals(table)


def test_other_values_are_no_point_however_far_one_point_lies() -> None:
    rng = np.random.default_rng(0)
    column = rng.normal(10.0, 3.0, 600)
    column[:90], column[90:300] = 0.0, 999_999_999.0
    rng.shuffle(column)
    source = Source("made", None, pa.table({"x": column}))
    schema = infer_schema(source)
    assert schema.features[0].points == [0.0, 999_999_999.0]
    back = decode(schema, encode(schema, source).x)["x"].to_numpy()
    np.testing.assert_allclose(back, column, rtol=1e-5, atol=1e-5)
    assert ((back == 0.0) == (column == 0.0)).all()


def test_points_that_nothing_keeps_apart_are_none() -> None:
    rng = np.random.default_rng(0)
    spikes = [np.full(150, 5.0), np.full(100, 5.0 + 1e-9), np.full(200, 3e8)]
    column = np.concatenate([rng.uniform(0, 1e9, 300), *spikes])
    [feature] = infer_schema(Source("made", None, pa.table({"x": column}))).features
    assert feature.points == [3e8]
