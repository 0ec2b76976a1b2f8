"""Columns set aside: labels, and what rows are given."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from anyvae.data import (
    DataError,
    Schema,
    Source,
    aside_of,
    decode,
    encode_given,
    encode_labels,
    given_width,
    infer_beside,
    keep_labels,
    load_source,
)

TEXT = "size,town,kind\n1.5,Ulm,a\n2.5,Bonn,\n3.5,,b\n4.25,Ulm,b\n0.5,Bonn,a\n7.5,Kiel,\n"


@pytest.fixture
def source(tmp_path: Path) -> Source:
    (tmp_path / "made.csv").write_text(TEXT)
    return load_source(tmp_path / "made.csv", label="kind", given=["town", "kind"])


def test_what_is_set_aside_leaves_the_rows(source: Source) -> None:
    assert source.table is not None
    assert source.table.column_names == ["size"]
    assert aside_of(source).to_pydict() == {
        "kind": ["a", None, "b", "b", "a", None],
        "town": ["Ulm", "Bonn", None, "Ulm", "Bonn", "Kiel"],
    }
    some = source.take(np.array([3, 0]))
    assert aside_of(some)["town"].to_pylist() == ["Ulm", "Ulm"]
    assert aside_of(some)["kind"].to_pylist() == ["b", "a"]


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        (np.array([3, -1, 0]), [3, None, 0]),
        (np.array([2.0, np.nan, 1.0]), [2.0, None, 1.0]),
        (np.array(["x", "", "y"]), ["x", None, "y"]),
    ],
)
def test_labels_that_are_not_known(labels: np.ndarray, found: list[object]) -> None:
    assert aside_of(Source("three", np.eye(3), None, labels=labels))["label"].to_pylist() == found


def test_labels_are_one_hot_where_they_are_known(source: Source) -> None:
    schema = infer_beside(source, label="kind")["y"]
    values, known = encode_labels(schema, source)
    assert known.tolist() == [True, False, True, True, True, False]
    assert values[known].tolist() == [[1, 0], [0, 1], [0, 1], [1, 0]]
    assert decode(schema, values[known])["kind"].to_pylist() == ["a", "b", "b", "a"]


def test_whole_numbers_as_labels_come_back_as_numbers() -> None:
    rows = Source("five", np.eye(5), None, labels=np.array([7, 9, 7, -1, 9]))
    schema = infer_beside(rows, label="label")["y"]
    values, known = encode_labels(schema, rows)
    assert values.shape == (5, 2)
    assert decode(schema, values[known])["label"].to_pylist() == [7, 9, 7, 9]


def test_a_condition_says_which_cells_it_lacks_only_where_the_fit_lacked_some(source: Source) -> None:
    schema = infer_beside(source, given=["town"])["c"]
    assert infer_beside(source, given=["town", "town"])["c"] == schema
    assert given_width(schema) == 4
    assert encode_given(schema, source).tolist() == [
        [0, 0, 1, 1],
        [1, 0, 0, 1],
        [0, 0, 0, 0],
        [0, 0, 1, 1],
        [1, 0, 0, 1],
        [0, 1, 0, 1],
    ]
    whole = source.take(np.array([0, 1, 5]))
    schema = infer_beside(whole, given=["town"])["c"]
    assert given_width(schema) == 3
    with pytest.raises(
        DataError, match="missing cells in 'town', which rows are given, and the fit had none"
    ):
        encode_given(schema, source)
    strange = replace(whole, beside=pa.table({"town": ["Rome"] * 3}))
    with pytest.raises(DataError, match="holds 'Rome'") as refused:
        encode_given(schema, strange, "missing")
    assert "unseen" not in str(refused.value)  # which was asked for, and cannot be


def test_schemas_of_what_is_set_aside_survive_json(source: Source) -> None:
    beside = infer_beside(source, label="kind", given=["town"])
    whole = Schema(kind="array", event_shape=(0,), input_shape=(0,), features=[], beside=beside)
    again = Schema.from_json(whole.to_json())
    assert again.beside == beside


def test_as_many_labels_of_each_class_are_kept() -> None:
    labels = np.repeat([0, 1, 2], [50, 30, 20])
    rows = Source("many", np.zeros((100, 2)), None, labels=labels)
    kept = [value for value in aside_of(keep_labels(rows, "label", 12, seed=1))["label"].to_pylist()]
    counts = {value: kept.count(value) for value in (0, 1, 2, None)}
    assert counts == {0: 4, 1: 4, 2: 4, None: 88}
    assert all(value is None or value == label for value, label in zip(kept, labels, strict=True))
    other = aside_of(keep_labels(rows, "label", 12, seed=2))["label"].to_pylist()
    assert other != kept
    with pytest.raises(DataError, match="keep one of each at least"):
        keep_labels(rows, "label", 2, seed=0)


def test_what_cannot_be_set_aside(tmp_path: Path, source: Source) -> None:
    with pytest.raises(DataError, match="no column 'colour': its columns are 'size', 'town', 'kind'"):
        load_source(tmp_path / "made.csv", given=["colour"])
    with pytest.raises(
        DataError, match="'size' that rows could be given: beside the rows it has 'kind', 'town'"
    ):
        infer_beside(source, given=["size"])
    numbers = Source("n", None, pa.table({"a": np.arange(200.0)}), beside=pa.table({"b": np.arange(200)}))
    with pytest.raises(DataError, match="200 different values in 200 rows, which are no classes"):
        infer_beside(numbers, label="b")
    same = Source("n", None, pa.table({"a": np.arange(5.0)}), beside=pa.table({"b": ["x"] * 5}))
    with pytest.raises(DataError, match="of one class only"):
        infer_beside(same, label="b")
    np.savez(tmp_path / "pictures.npz", x=np.zeros((3, 2)), y=np.arange(3))
    with pytest.raises(DataError, match="called 'label', and no column 'digit'"):
        load_source(tmp_path / "pictures.npz", given=["digit"])
    np.save(tmp_path / "bare.npy", np.zeros((3, 2)))
    with pytest.raises(DataError, match="no column 'label' of labels or conditions beside its rows"):
        load_source(tmp_path / "bare.npy", given=["label"])


def test_labels_of_arrays_are_classes_as_a_condition_too() -> None:
    """Digit 9 is no further from 0 than 1 is: nothing of their order reaches the model."""
    digits = Source("four", np.eye(4), None, labels=np.array([9, 0, 1, 9]))
    schema = infer_beside(digits, given=["label"])["c"]
    assert (schema.features[0].kind, schema.features[0].categories) == ("categorical", ["0", "1", "9"])
    assert encode_given(schema, digits).tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
    numbers = infer_beside(digits, given=["label"], kinds={"label": "levels"})["c"]
    assert numbers.features[0].kind == "levels"


@pytest.mark.parametrize("labels", [np.array([0.5, 0.25, 1.0, 0.125]), np.arange(100)])
def test_labels_that_are_quantities_stay_numbers_as_a_condition(labels: np.ndarray) -> None:
    rows = Source("targets", np.eye(len(labels)), None, labels=labels)
    schema = infer_beside(rows, given=["label"])["c"]
    assert schema.features[0].kind != "categorical"
    assert encode_given(schema, rows).shape == (len(labels), 1)


def test_a_column_of_a_table_that_is_called_label_is_what_its_values_say() -> None:
    beside = pa.table({"label": [9, 0, 1, 9]})
    rows = Source("table", None, pa.table({"a": np.arange(4.0)}), beside=beside)
    assert infer_beside(rows, given=["label"])["c"].features[0].kind != "categorical"
