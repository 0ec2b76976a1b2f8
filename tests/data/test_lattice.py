"""A lattice is found under any scale and shift, and nothing else is taken for one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anyvae.data import Source, decode, encode, infer_schema
from anyvae.data.lattice import count_distinct, counted_moments, find_lattice, moments, whole_levels

scales = st.one_of(st.sampled_from([1.0, 0.01, 16.0, 1000.0, 1 / 255, 1 / 3]), st.floats(1e-6, 1e6))
shifts = st.floats(-100, 100)


def grey(levels: int, seed: int, n: int = 200) -> np.ndarray:
    """Rows that use the lowest, the second and the highest level, and some of those between."""
    k = np.random.default_rng(seed).integers(0, levels, size=(n, 3))
    k[:3] = [[0, 1, levels - 1], [levels - 1, 0, 1], [1, levels - 1, 0]]
    return k


@settings(max_examples=60, deadline=None)
@given(levels=st.integers(3, 256), scale=scales, shift=shifts, seed=st.integers(0, 99))
def test_lattice_found_under_scale_and_shift(levels: int, scale: float, shift: float, seed: int) -> None:
    k = grey(levels, seed)
    x = k * scale + shift * scale  # the shift in steps, so that float64 still resolves the step
    schema = infer_schema(Source("x", x, None))
    [feature] = schema.features
    assert feature.kind == "levels"
    assert feature.levels == levels
    assert feature.step == pytest.approx(scale, rel=1e-9)
    np.testing.assert_array_equal(decode(schema, encode(schema, Source("x", x, None)).x), x)


@settings(max_examples=40, deadline=None)
@given(levels=st.integers(3, 256), scale=scales, shift=st.floats(-3, 3), seed=st.integers(0, 99))
def test_lattice_found_in_float32(levels: int, scale: float, shift: float, seed: int) -> None:
    x = (grey(levels, seed).astype(np.float32) * np.float32(scale)) + np.float32(shift * scale)
    schema = infer_schema(Source("x", x, None))
    assert (schema.features[0].kind, schema.features[0].levels) == ("levels", levels)
    back = decode(schema, encode(schema, Source("x", x, None)).x)
    assert back.dtype == np.float32
    np.testing.assert_array_equal(back, x)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(6, 300), single=st.booleans())
def test_real_numbers_are_no_lattice(seed: int, n: int, single: bool) -> None:
    x = np.random.default_rng(seed).normal(size=(n, 2)).astype(np.float32 if single else np.float64)
    assert infer_schema(Source("x", x, None)).features[0].kind == "real"


def test_encoding_of_a_lattice_does_not_depend_on_scale_or_shift() -> None:
    k = grey(17, seed=0)
    reference = encode(infer_schema(Source("x", k, None)), Source("x", k, None)).x
    for scale, shift in ((0.01, 3.0), (16.0, 0.0), (1000.0, -5.0), (1.0, 1e4)):
        source = Source("x", k * scale + shift, None)
        np.testing.assert_allclose(encode(infer_schema(source), source).x, reference, atol=2e-6)


def test_a_lattice_may_have_holes_and_roundings() -> None:
    values = np.array([0.1 * 3, 0.3, 0.1, 0.2, 0.9])  # 0.1 * 3 and 0.3 differ in the last bit
    assert len(np.unique(values)) == 5
    lattice = find_lattice(np.unique(values), np.finfo(np.float64).eps)
    assert lattice is not None
    assert lattice.levels == 9


def test_one_level_more_than_allowed_is_no_lattice() -> None:
    eps = np.finfo(np.float64).eps
    assert find_lattice(np.arange(256) * 0.1, eps).levels == 256
    assert find_lattice(np.arange(257) * 0.1, eps) is None


@pytest.mark.parametrize("off", [1e-3, 1e-2, 0.3])
def test_a_value_off_the_lattice_is_no_lattice(off: float) -> None:
    values = np.append(np.arange(255.0), 255 + off)
    assert find_lattice(values, np.finfo(np.float64).eps) is None


@pytest.mark.parametrize(
    "dtype", ["uint8", "int8", "int16", "int64", "float16", "float32", "float64", "bool"]
)
def test_counts_are_numpys(dtype: str) -> None:
    x = np.random.default_rng(0).integers(0, 2 if dtype == "bool" else 90, size=(70_000, 2)).astype(dtype)
    values, counts = np.unique(x, return_counts=True)
    counted = count_distinct(x)
    assert counted is not None
    np.testing.assert_array_equal(counted.values, values.astype(float))
    np.testing.assert_array_equal(counted.counts, counts)


def test_counting_gives_up_on_many_values() -> None:
    assert count_distinct(np.arange(5000.0)) is None
    assert count_distinct(np.repeat(np.arange(4096.0), 2)) is not None


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.floats(-1e12, 1e12).filter(lambda v: v == 0 or abs(v) > 1e-12),
        min_size=2,
        max_size=50,
        unique=True,
    )
)
def test_moments_are_numpys(values: list[float]) -> None:
    x = np.array([*values, np.nan])
    mean, scale = moments(x)
    peak = np.abs(values).max()
    assert mean == pytest.approx(np.mean(values), rel=1e-12, abs=1e-14 * peak)
    assert scale == pytest.approx(np.std(values), rel=1e-9, abs=1e-14 * peak)
    assert scale > 0
    np.testing.assert_allclose(
        counted_moments(count_distinct(x)), (mean, scale), rtol=1e-9, atol=1e-14 * peak
    )


def test_moments_of_many_chunks() -> None:
    x = np.random.default_rng(0).normal(3, 0.1, size=(5_000_000,)).astype(np.float32)
    np.testing.assert_allclose(moments(x), (x.mean(dtype=float), x.std(dtype=float)), rtol=1e-10)


@pytest.mark.parametrize("unit", [1e-300, 1e-160, 1e160, 1e300])
def test_moments_neither_overflow_nor_vanish(unit: float) -> None:
    assert moments(np.array([1.0, 2.0, 3.0]) * unit) == pytest.approx((2 * unit, np.sqrt(2 / 3) * unit))


def test_float32_tells_the_most_whole_levels_apart() -> None:
    top = 2**22 - 1
    assert whole_levels(0, top) == 2**22
    assert whole_levels(0, top + 1) is None
    x = np.array([[0], [1], [2], [top // 2], [top - 1], [top]] + [[0]] * 1000)  # a mean far from the top
    source = Source("x", x, None)
    schema = infer_schema(source)
    assert schema.features[0].kind == "levels"
    np.testing.assert_array_equal(decode(schema, encode(schema, source).x), x)
