"""The schema: what every column or pixel is, and how it is encoded; kept beside a fitted model as JSON."""

from __future__ import annotations

import math
from typing import Any, Literal

import msgspec
import numpy as np

from anyvae.data.arrow import shown
from anyvae.data.clock import Unit
from anyvae.data.errors import DataError, listing, number
from anyvae.data.marginals import Form

Array = np.ndarray[Any, np.dtype[Any]]

Kind = Literal["real", "positive", "levels", "integer", "count", "binary", "categorical", "ordinal", "date"]
Likelihood = Literal["normal", "discretised", "bernoulli"]

_CHANGE = "; pass --likelihood to change"
_CHANGE_COLUMN = "; to change one name its kind (--kind column=kind, or kinds=)"
_NAMED, _POINTS = 4, 6
_MANY_CATEGORIES, _FEW_ROWS = 50, 10

_LIKELIHOODS = {
    "binary": "Bernoulli",
    "categorical": "categorical",
    "ordinal": "cumulative logit",
    "count": "negative binomial",
}
_WHOLE = {"plain": "discretised logistic", "mixture": "mixture of discretised logistics"}
_REAL = {"plain": "normal", "heavy": "Student's t", "mixture": "mixture of normals"}


class Feature(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One column of a table, or all elements of an array together.

    Arguments:
        name: of the column; ``pixels`` or ``values`` for an array.
        kind: ``real``, ``positive`` (encoded by its logarithm), ``levels`` (value = low + step * k, k = 0 ..
            levels - 1), ``integer`` (any whole number), ``count`` (0, 1, 2, ...), ``binary`` (two levels),
            ``categorical``, ``ordinal`` (levels of which only the order counts) or ``date`` (days since 1970).
        form: ``plain``, ``heavy`` (Student's t) or ``mixture`` (several modes, or values that recur).
        width: elements in the encoded vector: 1, the number of categories, the size of an array's event, or 0
            for a constant column.
        dtype: of the input, such as ``int64`` or ``string``; restored on the way out.
        low: lowest level.
        step: between levels; 0 for dates with a time of day.
        levels: how many; 0 where there is no highest one.
        edge: whether an integer is never below ``low``.
        values: every level where ``low + step * k`` misses the last bit of the input, else None.
        categories: sorted, or in their order where the kind is ordinal; a missing cell is never one.
        decimals: to which the values of a real or positive column are rounded, and so its draws; None where to none.
        unit: of the clock, in which moments are whole, and so draws; None in none.
        points: values of numbers that have a probability of their own; what is not on one follows the form.
        spread: standard deviation of the values on no point; densities of such a column are per spread, not per unit.
        mean: location of the observed values (their mean unless the form is heavy), float64.
        scale: their standard deviation (Student's scale where the form is heavy), positive. Numbers are encoded
            as (value - mean) / scale, positive ones as (log value - mean) / scale.
        constant: the one value of a constant column, served back by `anyvae.data.decode`.
    """

    name: str
    kind: Kind
    width: int
    dtype: str
    form: Form = "plain"
    low: float = 0.0
    step: float = 1.0
    levels: int = 0
    edge: bool = False
    values: list[float] | None = None
    categories: list[str] = []
    decimals: int | None = None
    unit: Unit | None = None
    points: list[float] = []
    spread: float = 1.0
    mean: float = 0.0
    scale: float = 1.0
    constant: int | float | str | bool | None = None

    @property
    def high(self) -> float:
        """The highest level."""
        return float(self.level_values(np.array(self.levels - 1)))

    @property
    def likelihood(self) -> str:
        """What the values are scored by, in words; nothing where they are constant.

        Example:
            >>> Feature(name="a", kind="positive", width=1, dtype="float64", form="heavy").likelihood
            "Student's t of the logarithm"
        """
        if self.constant is not None:
            return ""
        if self.kind in _LIKELIHOODS:
            return _LIKELIHOODS[self.kind]
        if self.kind in ("levels", "integer") or (self.kind == "date" and self.step):
            return f"point masses and {_WHOLE[self.form]}" if self.points else _WHOLE[self.form]
        if self.kind == "positive":
            return "log-normal" if self.form == "plain" else f"{_REAL[self.form]} of the logarithm"
        return f"point masses and {_REAL[self.form]}" if self.points else _REAL[self.form]

    def detail(self) -> str:
        """What the column holds, in a few words.

        Example:
            >>> Feature(name="a", kind="integer", width=1, dtype="int8", mean=3.0, scale=2.0, edge=True).detail()
            'whole numbers from 0, mean 3, standard deviation 2'
        """
        if self.constant is not None:
            return f"always {shown(self.constant, self.dtype)}; kept and served back"
        if self.categories:
            order = " in order" if self.kind == "ordinal" else ""
            more = ", …" if len(self.categories) > 6 else ""
            return f"{len(self.categories):,} categories{order}: {', '.join(self.categories[:6])}{more}"
        if self.levels:
            step = "" if self.step == 1 else f" in steps of {self.step:g}"
            return f"{self.levels:,} values from {self.low:g} to {self.high:g}{step}"
        what = {"positive": "positive, logarithm with ", "count": "counts, ", "date": "days since 1970, "}
        said = what.get(self.kind, "")
        if self.kind == "integer":
            said = f"whole numbers{f' from {self.low:g}' if self.edge else ''}, "
        if self.points:
            some = ", ".join(f"{point:.4g}" for point in self.points[:_POINTS])
            said += f"often {some}{', …' if len(self.points) > _POINTS else ''}; "
        centre = "centre" if self.form == "heavy" else "mean"
        spread = "scale" if self.form == "heavy" else "standard deviation"
        return f"{said}{centre} {self.mean:.4g}, {spread} {self.scale:.4g}"

    def level_values(self, k: Array) -> Array:
        """Values of the levels ``k``, in input units, float64.

        Arguments:
            k: integers of any shape, from 0 to levels - 1.

        Example:
            >>> feature = Feature(name="a", kind="levels", width=1, dtype="int8", low=3.0, step=2.0, levels=5)
            >>> feature.level_values(np.array([0, 4]))
            array([ 3., 11.])
        """
        if self.values is not None:
            return np.asarray(self.values, dtype=np.float64)[k]
        return self.low + self.step * k


class Schema(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What rows look like as they were given and as they are encoded.

    Arguments:
        kind: ``array`` or ``table``.
        event_shape: of one encoded row: (C, H, W) for images, (d,) for other arrays, (width,) for tables.
        input_shape: of one row as given: (H, W), (H, W, C) or (d,); (columns,) for tables.
        features: the columns, in the order given; one for an array.
        image: whether rows are pictures.
        binarise: whether grey values are Bernoulli means, drawn afresh every epoch.
        constant_elements: flat positions in the event of encoded elements that never vary.
        missing_cells: how many were missing where the schema was inferred.
        rows: how many rows it was inferred from.
        beside: schemas of columns that are set aside from the rows and modelled beside them, by variable.
    """

    kind: Literal["array", "table"]
    event_shape: tuple[int, ...]
    input_shape: tuple[int, ...]
    features: list[Feature]
    image: bool = False
    binarise: bool = False
    constant_elements: list[int] = []
    missing_cells: int = 0
    rows: int = 0
    beside: dict[str, Schema] = {}

    @property
    def widths(self) -> list[int]:
        """Elements of each column that is encoded, in order."""
        return [feature.width for feature in self.features if feature.width]

    def to_json(self) -> bytes:
        """The schema as JSON; `from_json` gives it back exactly."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n"

    @classmethod
    def from_json(cls, content: bytes) -> Schema:
        """The schema in a JSON document.

        Arguments:
            content: what `to_json` gave.

        Raises:
            DataError: not JSON, or fields that are unknown, missing or of another type.

        Example:
            >>> Schema.from_json(b"[]")
            Traceback (most recent call last):
                ...
            anyvae.data.errors.DataError: the schema cannot be read (Expected `object`, got `array`): fit anew
        """
        try:
            schema = msgspec.json.decode(content, type=cls)
        except (msgspec.DecodeError, UnicodeDecodeError) as cause:
            raise DataError(f"the schema cannot be read ({cause}): fit anew") from cause
        width = sum(feature.width for feature in schema.features)
        if width != math.prod(schema.event_shape):
            raise DataError(
                f"the schema has {width} elements but the event shape {schema.event_shape}: fit again"
            )
        return schema

    def sentences(self) -> list[str]:
        """What was decided about the data, to be said aloud.

        Example:
            >>> from anyvae.data import infer_schema, load_source
            >>> print(infer_schema(load_source("digits")).sentences()[0])
            pixels are grey 0..16 (17 levels): discretised logistic likelihood; pass --likelihood to change
        """
        said = [_array_sentence(self) if self.kind == "array" else _table_sentence(self)]
        said += _form_sentences(self)
        many = [feature for feature in self.features if len(feature.categories) > _MANY_CATEGORIES]
        thin = [feature for feature in many if self.rows < _FEW_ROWS * len(feature.categories)]
        if thin:
            columns = ", ".join(f"{feature.name!r} has {len(feature.categories):,}" for feature in thin[:8])
            said.append(
                f"categories of fewer than {_FEW_ROWS} rows each teach little: {columns}; drop the column, merge rare "
                "ones, or turn cells that are numbers or dates into such"
            )
        constants = [feature for feature in self.features if feature.constant is not None]
        if self.kind == "array" and self.constant_elements:
            n, thing = len(self.constant_elements), "pixel" if self.image else "element"
            if self.image and self.event_shape[0] > 1:
                thing = "colour of a pixel" if n == 1 else "colours of pixel"
            said.append(
                f"{n} {thing}{'s never vary' if n > 1 else ' never varies'}: modelled as all others are"
            )
        if constants:
            names = ", ".join(f"{f.name} = {shown(f.constant, f.dtype)}" for f in constants[:8])
            more = f" and {len(constants) - 8} more" if len(constants) > 8 else ""
            said.append(f"constant columns are kept and served back: {names}{more}")
        if self.missing_cells:
            cells = self.rows * math.prod(self.input_shape)
            said.append(
                f"{self.missing_cells:,} of {cells:,} cells are missing: their values have no part in the likelihood"
            )
        return said


def _levels(feature: Feature) -> str:
    step = "" if feature.step == 1 else f" in steps of {number(feature.step)}"
    return f"{number(feature.low)}..{number(feature.high)}{step} ({feature.levels:,} levels)"


def _array_sentence(schema: Schema) -> str:
    [feature] = schema.features
    subject = f"{feature.name} are"
    colour = "colour" if schema.event_shape[0] == 3 else "grey"
    if schema.binarise:
        span = f"{number(feature.low)}..{number(feature.high)}"
        said = f"{subject} grey {span}, read as means of 0 or 1: Bernoulli likelihood"
    elif feature.kind == "binary":
        said = f"{subject} {number(feature.low)} or {number(feature.high)}: Bernoulli likelihood"
    elif feature.kind == "levels":
        what = f"{colour} " if schema.image else ""
        said = f"{subject} {what}{_levels(feature)}: discretised logistic likelihood"
    else:
        said = f"{subject} real numbers: normal likelihood with learned noise"
    return said + _CHANGE


def _table_sentence(schema: Schema) -> str:
    varying = [feature for feature in schema.features if feature.constant is None]
    first = varying[0]
    d = len(schema.features)
    if (
        first.kind == "levels"
        and len(varying) >= 16
        and len({(f.low, f.step, f.levels, f.scale) for f in varying}) == 1
    ):
        return (
            f"{d} columns share the values {_levels(first)}: discretised logistic likelihood{_CHANGE_COLUMN}"
        )
    whole = all(f.step == 1 and f.low.is_integer() for f in varying if f.kind == "levels")
    levels = f"of {'whole numbers' if whole else 'evenly spaced values'} of a known range"
    words = {
        "real": "real (normal with learned noise)",
        "positive": "positive (log-normal)",
        "levels": f"{levels} (discretised logistic)",
        "integer": "of whole numbers (discretised logistic)",
        "count": "of counts (negative binomial)",
        "binary": "binary (Bernoulli)",
        "categorical": "of categories (categorical)",
        "ordinal": "of ordered levels (cumulative logit)",
        "date": "of dates (as days)",
    }
    parts = []
    for kind, word in words.items():
        names = [feature.name for feature in varying if feature.kind == kind]
        if names:
            parts.append(f"{len(names)} {word}: {listing(names, _NAMED)}")
    return f"{d} column{'s' * (d != 1)}: {'; '.join(parts)}{_CHANGE_COLUMN}"


def _form_sentences(schema: Schema) -> list[str]:
    forms = {
        "heavy": "heavy tails, so Student's t in place of the normal",
        "mixture": "several modes or values that recur, so a mixture",
    }
    found = []
    spiked = [f.name for f in schema.features if f.points]
    if spiked:
        found.append(f"values that come again, each with a probability of its own: {listing(spiked)}")
    for form, why in forms.items():
        names = [f.name for f in schema.features if f.form == form and f.constant is None]
        if names:
            found.append(f"{why}: {listing(names)}")
    return found
