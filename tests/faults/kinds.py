"""Faults of columns of every kind."""

from __future__ import annotations

from faults import Mutation

COLUMNS = "data/test_column_kinds.py"
TABLES = "data/test_tables.py"
KINDS = "distributions/test_kinds.py"
DRAWN_IN = "networks/test_compressed.py"


def _faults(file: str, tests: tuple[str, ...], *pairs: tuple[str, str]) -> list[Mutation]:
    place = file.rsplit("/", 1)[-1].removesuffix(".py")
    return [
        Mutation(f"kinds: {place} {number}", file, before, after, tests)
        for number, (before, after) in enumerate(pairs)
    ]


FAULTS = [
    *_faults(
        "distributions/discretised.py",
        (KINDS,),
        ("torch.where(endless, loc,", "torch.where(endless, low,"),
        ("low, high = (end.clamp(-_FAR, _FAR) for end in (low, high))", "pass"),
        ("value = self.origin + self.step * index", "value = self.origin - self.step * index"),
        ("low if origin is None else origin", "low"),
    ),
    *_faults(
        "distributions/lattice_mixture.py",
        (KINDS,),
        ("(reached.amax(-1) + 1.5).ceil()", "(reached.amin(-1) + 1.5).ceil()"),
        ("(reached.amin(-1) - 1.5).floor()", "(reached.amax(-1) - 1.5).floor()"),
    ),
    *_faults(
        "distributions/units.py",
        (KINDS,),
        ("- self.log_unit - self._grown(value)", "- self.log_unit"),
        ("scored if self.slope is None", "scored if self.slope is not None"),
        ("(self.log_unit + self._grown(value)) * mask", "self.log_unit * mask"),
        ("self.total, self.slope)", "self.total)"),
    ),
    *_faults(
        "distributions/columns.py",
        (KINDS, COLUMNS),
        ("joined.index_select(-1, self.places)", "joined.index_select(-1, self.order)"),
        ("self.blocks(value), self.blocks(mask)", "self.blocks(value), mask.split(self._sizes, -1)"),
    ),
    *_faults(
        "distributions/placed.py",
        ("test_testing.py", KINDS),
        ("value.double() - self.low.double()", "value.double() + self.low.double()"),
        ("whole + 0.5", "whole"),
        ("self.step.square() * self.base.variance", "self.step * self.base.variance"),
        ("self.low + self.step * self.base.mean", "self.step * self.base.mean"),
    ),
    *_faults(
        "distributions/cell_mixture.py",
        ("test_testing.py", KINDS),
        ("(self.components.variance + between)", "self.components.variance"),
        ("self.logits + self.components.cells", "self.components.cells"),
        ("cumsum(-1)[..., :-1]).sum(-1, keepdim=True)", "cumsum(-1)[..., 1:]).sum(-1, keepdim=True)"),
    ),
    *_faults(
        "distributions/onehot_columns.py",
        (KINDS,),
        ("beyond = along >= counts[:, None]", "beyond = along > counts[:, None]"),
        ("self.logits + gumbel", "gumbel"),
        ("self._padded(logits).logsumexp(-1)", "self._padded(logits).amax(-1)"),
    ),
    *_faults(
        "conditionals/parametric.py",
        (KINDS,),
        ("self.total_log_unit, self.log_slope)", "self.total_log_unit)"),
        ("LogUnit(self.log_unit, self.log_slope)", "LogUnit(self.log_unit)"),
    ),
    *_faults(
        "networks/compressed.py",
        (DRAWN_IN,),
        ("far.sign() * far.abs().log1p()", "far"),
        ("value.clamp(-self.reach, self.reach)", "value.clamp(-1.0, 1.0)"),
    ),
    *_faults(
        "data/marginals.py",
        (COLUMNS,),
        ('"mixture": (0.15, 10.0)', '"mixture": (0.01, 1.0)'),
        ('"heavy": (0.03, 3.0)', '"heavy": (0.3, 30.0)'),
        ('"counts": (0.1, 3.0)', '"counts": (9.0, 3.0)'),
        ('"mixture over counts": (0.05, 10.0)', '"mixture over counts": (0.5, 10.0)'),
        ("location + math.log(unit), scale", "location, scale"),
        ("location * unit, scale * unit", "location, scale"),
        ("float(np.median(np.diff(points.values)))", "0.0"),
        ("(before >= 0.001) & (before - points.shares <= 0.999)", "before >= 0.0"),
        ("float(points.shares @ np.log(points.values))", "0.0"),
    ),
    *_faults(
        "data/units.py",
        (COLUMNS,),
        ("return feature.mean + float(np.log(feature.scale))", "return float(np.log(feature.scale))"),
        ('f.scale if f.kind == "positive" else 0.0', "0.0"),
        ('if feature.kind == "count" or feature.edge or feature.levels:', "if feature.levels:"),
        ("bad |= k >= feature.levels", "pass"),
        ("bad = np.abs(place - k) > _SLACK", "bad = np.zeros(k.shape, dtype=bool)"),
        (
            '(feature.kind == "date" and not feature.step):\n        return float',
            "False:\n        return float",
        ),
    ),
    *_faults(
        "data/compact.py",
        (COLUMNS,),
        ("return x * observed, observed", "return x, observed"),
        ("observed = mask.index_select(1, column)", "observed = mask[:, :1].expand(len(mask), len(column))"),
        ("observed = observed & (k >= 0)", "pass"),
        ("always = feature.mean if", "always = 0.0 if"),
        ("(place - feature.mean) / feature.scale", "place"),
    ),
    *_faults(
        "data/decode.py",
        (COLUMNS,),
        ("values = np.maximum(values, 0.0) if", "values = values if"),
        ("np.exp(np.clip(values, None, np.log(top) - 1.0))", "values"),
        ("np.rint(days) if feature.step", "days if feature.step"),
        ("ordered=True", "ordered=False"),
    ),
    *_faults(
        "data/arrow.py",
        (COLUMNS,),
        ("whole.astype(np.int64) * a_day +", "(days * a_day).astype(np.int64) + 0 *"),
        ("array = array.cast(pa.float64())", "pass"),
        ('pc.if_else(pc.equal(array, ""), pa.scalar(None, array.type), array)', "array"),
        ("pa.timestamp(stamp[1], stamp[2])", "pa.timestamp(stamp[1])"),
    ),
    *_faults(
        "data/kinds.py",
        (COLUMNS, TABLES),
        ("2 * len(np.unique(observed)) >= levels", "True"),
        ("edge=bool(observed.min() >= 0)", "edge=False"),
        ("if k.null_count:", "if False:"),
        ("len(categories) < 3:  # two", "False:  # two"),
        ("numeric > max(_MIXED, len(text))", "False"),
        ("2 * many > len(text) - text.null_count", "False"),
    ),
    *_faults(
        "data/columns.py",
        (COLUMNS,),
        ("if likelihood is None and not _bounded(counted):", "if False:"),
        ("if unknown := [name for name in kinds if", "if unknown := [name for name in () if"),
    ),
    *_faults(
        "recipes/likelihood.py",
        (COLUMNS,),
        ("Columns(families, order)", "Columns(families)"),
        ("if f.levels or f.edge else -torch.inf", "if True else -torch.inf"),
        ("if f.levels else torch.inf", "if f.levels else 50.0"),
        ("LogUnit(*log_unit(schema))", "LogUnit(log_unit(schema).constant)"),
    ),
    *_faults(
        "recipes/starts.py",
        (COLUMNS,),
        ("minlength=compact.widths[column]) / max(len(values), 1)", "minlength=compact.widths[column]) / 99"),
        ("values = values[compact.mask[:, column]]", "pass"),
    ),
]
