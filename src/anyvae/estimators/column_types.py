"""Types of the columns of a data frame as JSON has them, and back."""

from __future__ import annotations

import warnings
from base64 import b64decode, b64encode
from decimal import Decimal
from typing import Any

import numpy as np

from anyvae.data.words import words_of

__all__ = ["names_of", "told_names", "told_types", "types_of"]

_DECIMAL = "Decimal"
"""Objects of pandas that are decimals have no type of its own there."""


def told_types(package: str, types: tuple[Any, ...]) -> Any:
    """Types as JSON has them: names, categories of pandas in full, a schema of arrow's in its own bytes.

    Arguments:
        package: whose types they are.
        types: of the columns.

    >>> told_types("numpy", (np.dtype(float),))
    ['float64']
    """
    if package == "numpy":
        return [str(kind) for kind in types]
    if package == "pandas":
        return [_told_pandas(kind) for kind in types]
    if package == "pyarrow":
        return _told_arrow(*types)
    import polars

    places = [str(place) for place in range(len(types))]
    schema = polars.DataFrame(schema=dict(zip(places, types, strict=True))).to_arrow().schema
    return _told_schema(schema)  # whose fields hold more than their types: the categories of an Enum


def types_of(package: str, told: Any) -> tuple[Any, ...]:
    """The types that `told_types` told.

    Arguments:
        package: whose types they are.
        told: what `told_types` gave.
    """
    if package == "numpy":
        return tuple(np.dtype(name) for name in told)
    if package == "pandas":
        return tuple(map(_pandas_type, told))
    schema = _arrow_schema(told)
    if package == "pyarrow":
        return tuple(schema.types)
    import polars

    frame: Any = polars.from_arrow(schema.empty_table())
    return tuple(frame.dtypes)


def told_names(package: str, names: tuple[Any, ...]) -> Any:
    """Names of columns as JSON has them: as they are, or beside their type where pandas has others than JSON.

    Arguments:
        package: whose names they are.
        names: of the columns.
    """
    parts = [part for name in names for part in (name if isinstance(name, tuple) else (name,))]
    if package != "pandas" or all(isinstance(part, str | bool | int) for part in parts):
        return list(names)
    import pandas

    index = pandas.Index(names)
    if not isinstance(index, pandas.MultiIndex):
        return _told_categories(index, "names of columns")
    lines = (index.get_level_values(line) for line in range(index.nlevels))
    return {"lines": [_told_categories(line, "names of columns") for line in lines]}


def names_of(told: Any) -> tuple[Any, ...]:
    """The names that `told_names` told.

    Arguments:
        told: what it gave.
    """
    if isinstance(told, dict):
        lines = [tuple(_categories(line)) for line in told.get("lines", [told])]
        return tuple(zip(*lines, strict=True)) if "lines" in told else lines[0]
    # Of several lines of names each is a tuple, which is a list in JSON.
    return tuple(tuple(name) if isinstance(name, list) else name for name in told)


def _told_arrow(*types: Any) -> str:
    import pyarrow as pa

    return _told_schema(pa.schema([(str(place), kind) for place, kind in enumerate(types)]))


def _told_schema(schema: Any) -> str:
    return b64encode(schema.serialize().to_pybytes()).decode()


def _arrow_schema(told: Any) -> Any:
    import pyarrow as pa

    return pa.ipc.read_schema(pa.py_buffer(b64decode(told)))


def _told_pandas(kind: Any) -> Any:
    import pandas

    if isinstance(kind, pandas.CategoricalDtype) and kind.categories is not None:
        return {"categories": _told_categories(kind.categories), "ordered": kind.ordered}
    if isinstance(kind, pandas.ArrowDtype):
        return {"arrow": _told_arrow(kind.pyarrow_dtype)}
    return _DECIMAL if kind is Decimal else str(kind)


def _pandas_type(told: Any) -> Any:
    import pandas

    if told == _DECIMAL:
        return Decimal
    if isinstance(told, str):
        return pandas.api.types.pandas_dtype(told)
    if "arrow" in told:
        return pandas.ArrowDtype(_arrow_schema(told["arrow"]).types[0])
    return pandas.CategoricalDtype(_categories(told["categories"]), told["ordered"])


def _told_categories(index: Any, what: str = "categories") -> Any:
    """Categories in full, or other values; as text, with a warning, where JSON cannot tell what they are."""
    import pandas

    if isinstance(index, pandas.IntervalIndex):
        ends = {"left": _told_categories(index.left, what), "right": _told_categories(index.right, what)}
        return {**ends, "closed": index.closed}
    values = [one if isinstance(one, str | bool | int | float) else str(one) for one in index.tolist()]
    told = {"values": values, "of": _told_pandas(index.dtype)}
    try:
        found = _categories(told)
        same = found.dtype == index.dtype and found.equals(index)
    except (TypeError, ValueError, NotImplementedError):
        same = False
    if same:
        return told
    kind = type(index[0]).__name__
    warnings.warn(
        f"{what} of type {kind} are saved as text, such as {words_of(index)[0]!r}, and come back as text",
        stacklevel=2,
    )
    return {"values": words_of(index), "of": "object"}


def _categories(told: Any) -> Any:
    import pandas

    if "closed" in told:
        ends = (_categories(told[side]) for side in ("left", "right"))
        return pandas.IntervalIndex.from_arrays(*ends, closed=told["closed"])
    # Of objects first, for pandas would make floats of large numbers.
    return pandas.Index(told["values"], dtype=object).astype(_pandas_type(told["of"]))
