"""What measures of tables, codes and clusters take, and in which words they refuse the rest."""

from __future__ import annotations

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch

from anyvae.metrics import beta_vae_score, factor_vae_score, linear_probe, marginal_distance, nmi
from anyvae.metrics.columns import typed_columns

SECOND = 1e6


def test_times_and_durations_are_numbers_of_microseconds() -> None:
    times = [datetime.time(0, 0, 1), None, datetime.time(1)]
    spans = [datetime.timedelta(seconds=1), None, datetime.timedelta(hours=1)]
    table = pa.table(
        {
            "time": pa.array(times),
            "coarse": pa.array(times, pa.time32("s")),
            "fine": pa.array([10**9 + 1, None, 3600 * 10**9], pa.time64("ns")),
            "span": pa.array(spans),
            "finest": pa.array([10**9 + 1, None, 3600 * 10**9], pa.duration("ns")),
        }
    )
    objects = {"time": np.array(times, dtype=object), "span": np.array(spans, dtype=object)}
    numpy = {"span": np.array([1, "NaT", 3600], dtype="timedelta64[s]")}
    for found in (typed_columns(table), typed_columns(objects), typed_columns(numpy)):
        for column in found[0].values():
            np.testing.assert_array_equal(column.values, [SECOND, np.nan, 3600 * SECOND])


@pytest.mark.parametrize(
    "column",
    [
        [1, 2, 3],
        torch.tensor([1, 2, 3]),
        torch.tensor([1.0, 2.0, 3.0], dtype=torch.bfloat16),
        pd.Series([1, 2, 3]),
        np.array([1, 2.0, Decimal(3)], dtype=object),
    ],
    ids=["list", "tensor", "bfloat16", "series", "objects"],
)
def test_numbers_are_read_whatever_holds_them(column: object) -> None:
    assert marginal_distance({"x": column}, {"x": np.array([1.0, 2.0, 3.0])})["x"].distance == 0.0


def test_cells_that_arrow_has_no_type_for_are_read_all_the_same() -> None:
    pairs = np.empty(3, dtype=object)
    pairs[:] = [(1, 2), None, (1, 2)]
    [columns] = typed_columns({"pairs": pairs, "large": np.array([2**70, None, 1], dtype=object)})
    assert columns["pairs"].values.tolist() == [0, -1, 0]
    np.testing.assert_array_equal(columns["large"].values, [2.0**70, np.nan, 1.0])


def test_a_hole_of_pandas_is_a_hole() -> None:
    objects = {"x": np.array(["a", pd.NA], dtype=object), "y": np.array([1, pd.NA], dtype=object)}
    [columns] = typed_columns(objects)
    assert columns["x"].values.tolist() == [0, -1]
    np.testing.assert_array_equal(columns["y"].values, [1.0, np.nan])


def test_labels_of_several_types_are_refused() -> None:
    labels = np.array(["a", 1, 2], dtype=object)
    with pytest.raises(ValueError, match="nmi got labels of several types; write them as text"):
        nmi([0, 1, 2], labels)
    with pytest.raises(ValueError, match="linear_probe got targets of several types"):
        linear_probe(np.eye(6)[:, :2], np.array(["a", 1] * 3, dtype=object))


def test_a_probe_of_missing_classes_is_refused() -> None:
    with pytest.raises(ValueError, match="linear_probe got 3 targets that are missing"):
        linear_probe(np.eye(6)[:, :2], np.array(["a", None] * 3, dtype=object))


@pytest.mark.parametrize("scale", [1e3, 1e-6])
def test_a_probe_of_half_precision_reaches_what_it_would_in_double(scale: float) -> None:
    random = np.random.default_rng(0)
    codes, target = random.normal(size=(200, 2)), scale * random.normal(size=200).astype(np.float16)
    assert linear_probe(codes, target) == pytest.approx(linear_probe(codes, target.astype(np.float64)))
    assert linear_probe(codes, target) < 0.2


def test_examples_that_tell_nothing_are_refused() -> None:
    factors = np.stack([np.arange(12) % 2, np.arange(12) % 3], 1)
    codes = np.random.default_rng(0).normal(size=(12, 2))
    for option in ({"rows": 1}, {"train": 0}, {"test": 0}):
        [(name, value)] = option.items()
        with pytest.raises(ValueError, match=f"factor_vae_score got {name}={value}; wanted at least"):
            factor_vae_score(codes, factors, **option)
    for option in ({"pairs": 0}, {"train": 0}, {"test": 0}):
        [(name, value)] = option.items()
        with pytest.raises(ValueError, match=f"beta_vae_score got {name}={value}; wanted at least 1"):
            beta_vae_score(codes, factors, **option)
    with pytest.raises(ValueError, match=r"train=1.*hold one factor only; give more"):
        beta_vae_score(codes, factors, pairs=2, train=1, test=5)
