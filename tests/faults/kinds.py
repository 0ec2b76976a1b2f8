"""Faults of columns of every kind."""

from __future__ import annotations

from faults import Mutation

COLUMNS = "data/test_column_kinds.py::test_"
KINDS = "distributions/test_kinds.py"
DRAWN_IN = "networks/test_compressed.py"
FORMS = "forms_need_evidence_and_few_rows_have_little"
COUNTS = "counts_and_mixtures_of_whole_numbers"
SHAPES = "shapes_do_not_depend_on_the_number_of_rows_or_the_unit"
UNITS = "log_units_of_positive_columns_grow_with_the_value"
BEYOND = "new_whole_numbers_are_served_beyond_what_was_seen"
TRIP = "round_trip_of_every_kind_with_holes"
TYPES = "decimals_booleans_with_holes_and_dictionaries_are_served"
UNSEEN = "unseen_categories_are_refused_or_missing"
CONSTANT = "constant_dates_and_levels_are_served_back"
MASSES = "masses_of_whole_numbers_sum_to_one"
LAST_BIT = "draws_and_values_on_a_point_are_the_point_to_the_last_bit"
DECIMALS = "draws_have_the_decimals_of_their_column_and_means_have_their_own"
POINTS = "points_start_at_their_shares_and_the_rest_at_what_lies_on_none"
EXPAND = "compact_rows_expand_to_the_encoded_ones_and_start_alike"
MANY = "ten_thousand_categories_are_few_bytes_a_row_and_names_of_rows_are_refused"


def _faults(file: str, tests: tuple[str, ...], *pairs: tuple[str, str]) -> list[Mutation]:
    place = file.removesuffix(".py")
    return [
        Mutation(f"kinds: {place} {number}", file, before, after, tests)
        for number, (before, after) in enumerate(pairs)
    ]


def _narrow(file: str, *triples: tuple[str, str, str]) -> list[Mutation]:
    """Each with the one test of columns that looks for it."""
    place = file.removesuffix(".py")
    return [
        Mutation(f"kinds: {place} {number}", file, before, after, (COLUMNS + test,))
        for number, (before, after, test) in enumerate(triples)
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
        ("unit if masses is None else unit.masked_fill(masses, 0.0)", "unit"),
        ("scored if self.slope is None", "scored if self.slope is not None"),
        ("else self.log_unit + self.slope * value", "else self.log_unit"),
        ("self.total, self.slope)", "self.total)"),
    ),
    *_faults(
        "distributions/columns.py",
        (KINDS,),
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
        "distributions/point_masses.py",
        ("test_testing.py", KINDS),
        ("self.logits[..., 0] + self.rest.cells(value)", "self.rest.cells(value)"),
        ("place > sums / sums[..., -1:]", "place < sums / sums[..., -1:]"),
        ("(self.logits.exp() * between).sum(-1) + within", "within"),
        (".clamp_min(1.0)", ".clamp_min(1e4)"),
        ("else self._on(value).any(-1)", "else ~self._on(value).any(-1)"),
        ("torch.logaddexp(at_points, rest) if self.adds else ", ""),
    ),
    *_faults(
        "conditionals/point_masses.py",
        (KINDS,),
        ("len(set(own)) < len(own)", "False"),
        ("if len(points) != count:", "if len(points) > count:"),
    ),
    *_faults(
        "data/recurrent.py",
        ("data/test_recurrent.py",),
        ("_TIMES * _around(counts, k)]", "0.5 * _around(counts, k)]"),
        ("_SHARE * counts.sum()", "0.9 * counts.sum()"),
        ("counts.sum() >= _ROWS_EACH * len(distinct)", "True"),
        ("key=lambda k: -int(counts[k])", "key=lambda k: int(counts[k])"),
    ),
    *_faults(
        "distributions/onehot_columns.py",
        (KINDS,),
        ("beyond = along >= counts[:, None]", "beyond = along > counts[:, None]"),
        ("self.logits + gumbel(noise)", "gumbel(noise)"),
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
    *_narrow(
        "data/marginals.py",
        ('"mixture": (0.15, 10.0)', '"mixture": (0.01, 1.0)', FORMS),
        ('"heavy": (0.03, 3.0)', '"heavy": (0.6, 30.0)', FORMS),
        ('"counts": (0.1, 3.0)', '"counts": (9.0, 3.0)', COUNTS),
        ('"mixture over counts": (0.05, 10.0)', '"mixture over counts": (0.5, 10.0)', COUNTS),
        (
            "location + math.log(unit), scale",
            "location, scale",
            "the_middle_of_every_column_is_encoded_near_zero",
        ),
        ("location * unit, scale * unit", "location, scale", SHAPES),
        ("float(np.median(np.diff(points.values)))", "0.0", FORMS),
        (
            "(before >= 0.001) & (before - points.shares <= 0.999)",
            "before >= 0.0",
            "trimmed_moments_leave_a_thousandth_on_either_side_out",
        ),
        ("float(points.shares @ np.log(points.values))", "0.0", FORMS),
    ),
    *_narrow(
        "data/units.py",
        (
            "np.log(feature.scale / feature.spread)",
            "np.log(feature.scale)",
            "a_rare_value_is_less_probable_than_a_frequent_one_in_any_unit",
        ),
        ("return feature.mean + float(np.log(feature.scale))", "return float(np.log(feature.scale))", UNITS),
        ('f.scale if f.kind == "positive" else 0.0', "0.0", UNITS),
        ('if feature.kind == "count" or feature.edge or feature.levels:', "if feature.levels:", BEYOND),
        ("bad |= k >= feature.levels", "pass", BEYOND),
        ("bad = np.abs(place - k) > _SLACK", "bad = np.zeros(k.shape, dtype=bool)", BEYOND),
        (
            '(feature.kind == "date" and not feature.step):\n        return float',
            "False:\n        return float",
            "moments_count_in_days",
        ),
    ),
    *_narrow(
        "data/compact.py",
        ("found = found * mask", "pass", TRIP),
        ("mask.index_select(1, column)", "mask[:, :1].expand(len(mask), len(column))", TYPES),
        ("observed = observed & (k >= 0)", "pass", UNSEEN),
        ("always = feature.mean if dates", "always = 0.0 if dates", CONSTANT),
        ("(place - feature.mean) / feature.scale", "place", TRIP),
    ),
    *_narrow(
        "data/decode.py",
        ("np.where(on, points[nearest], values)", "values", LAST_BIT),
        ("if rounded and feature.decimals is not None:", "if False:", DECIMALS),
        ("means, rounded and not means)", "means, rounded)", DECIMALS),
        ("np.exp(np.clip(values, None, np.log(top) - 1.0))", "values", TRIP),
        (
            "np.clip(np.rint(place), 0, feature.levels - 1)",
            "np.clip(np.floor(place), 0, feature.levels - 1)",
            TRIP,
        ),
        ("ordered=True", "ordered=False", TRIP),
    ),
    *_narrow(
        "data/arrow.py",
        (
            "whole.astype(np.int64) * a_day +",
            "whole.astype(np.int64) * 1000 +",
            "dates_come_back_in_their_type",
        ),
        ("array = array.cast(pa.string()).cast(pa.float64())", "pass", TYPES),
        ('pc.if_else(pc.equal(array, ""), pa.scalar(None, array.type), array)', "array", TYPES),
        ("pa.timestamp(stamp[1], stamp[2])", "pa.timestamp(stamp[1])", TRIP),
    ),
    *_narrow(
        "data/kinds.py",
        ("own and apart(observed)", "own", "whole_numbers_with_gaps_are_points_and_others_are_not"),
        ("2 * len(np.unique(observed)) >= levels", "False", "kinds_and_forms_are_found"),
        ("edge=bool(observed.min() >= 0)", "edge=False", BEYOND),
    ),
    *_narrow(
        "data/categories.py",
        ("if k.null_count:", "if False:", "kinds_that_do_not_fit_are_refused"),
        (
            "len(categories) < 3:  # two",
            "False:  # two",
            "an_order_of_two_is_a_category_and_orders_keep_levels_that_were_not_seen",
        ),
        ("numeric > max(_MIXED, len(text))", "False", "faults_are_refused_by_column"),
        ("2 * many > len(text) - text.null_count", "False", MANY),
    ),
    *_narrow(
        "data/columns.py",
        (
            "if likelihood is None and not _bounded(counted):",
            "if False:",
            "a_wide_table_of_counts_is_no_grey_picture",
        ),
        (
            "if unknown := lacking(list(kinds), ",
            "if unknown := lacking([], ",
            "kinds_of_columns_that_are_not_there_are_refused",
        ),
    ),
    *_narrow(
        "recipes/likelihood.py",
        (
            "Columns(families, order)",
            "Columns(families)",
            "columns_of_one_kind_are_one_block_wherever_they_stand",
        ),
        ("if f.levels or f.edge else -torch.inf", "if True else -torch.inf", MASSES),
        ("if f.levels else torch.inf", "if f.levels else 0.0", MASSES),
        (
            "LogUnit(*log_unit(schema))",
            "LogUnit(log_unit(schema).constant)",
            "densities_integrate_to_one_in_the_units_of_the_input",
        ),
    ),
    *_narrow(
        "recipes/starts.py",
        ("counts.float()]) / len(column)", "counts.float()]) / len(rest)", POINTS),
        ("others.append(rest if len(rest) else column)", "others.append(column)", POINTS),
        (
            "minlength=compact.widths[column]) / max(len(values), 1)",
            "minlength=compact.widths[column]) / 99",
            MANY,
        ),
        ("values = values[compact.mask[:, column]]", "pass", EXPAND),
    ),
]
