"""Faults of figures: of measures, classical models and distributions."""

from __future__ import annotations

from faults import numbered

ALIKE = "metrics/test_alike.py::test_"
BATTERY = "test_testing.py::test_every_family_obeys_the_battery"
ODD = "distributions/test_odd_values.py::test_"
USE = "metrics/test_latent_use.py::test_"
DOORS = "metrics/test_table_doors.py::test_"

# file, what stands there, what is planted, the test that looks for it
_PLANTED = [
    (
        "metrics/columns.py",
        "return float(numbers.std()) if varies(numbers) else 1.0",
        "return float(numbers.std()) or 1.0",
        ALIKE + "errors_of_imputation_are_in_units_of_their_own",
    ),
    (
        "metrics/pairs.py",
        "if not (varies(x) and varies(y)):",
        "if not (len(x) and x.std() and y.std()):",
        ALIKE + "they_have_no_correlation",
    ),
    (
        "metrics/efficacy.py",
        'if varies(truth) else float("nan")',
        'if total > 0 else float("nan")',
        ALIKE + "a_target_that_is_one_number_has_no_share_of_variance",
    ),
    (
        "metrics/columns.py",
        'if kind in "mM":',
        'if kind == "M":',
        DOORS + "times_and_durations_are_numbers_of_microseconds",
    ),
    (
        "metrics/columns.py",
        "    elif pa.types.is_time(kind):\n",
        "    elif pa.types.is_null(kind):\n",
        DOORS + "times_and_durations_are_numbers_of_microseconds",
    ),
    (
        "metrics/columns.py",
        'if found.dtype.kind == "O" and found.ndim == 1:',
        "if False:",
        DOORS + "a_hole_of_pandas_is_a_hole",
    ),
    (
        "metrics/factors.py",
        "    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:\n",
        "    except ZeroDivisionError as error:\n",
        DOORS + "labels_of_several_types_are_refused",
    ),
    (
        "metrics/separability.py",
        "y = y.astype(np.float64) if numbers else",
        "y = y if numbers else",
        DOORS + "a_probe_of_half_precision_reaches_what_it_would_in_double",
    ),
    (
        "metrics/efficacy.py",
        "return np.stack(found, axis=1).astype(np.float64)",
        "return _taught(np.stack(found, axis=1).astype(np.float64))",
        "metrics/test_efficacy.py::test_holes_in_all_test_rows_are_holes_still",
    ),
    (
        "distributions/normal.py",
        "return total.expand(self._batch_shape)",
        "return total",
        BATTERY + "[normal_image]",
    ),
    (
        "distributions/lowrank.py",
        "return self.half_log_determinant + self._event_shape.numel()",
        "return 2.0 * self.half_log_determinant + self._event_shape.numel()",
        BATTERY + "[low_rank]",
    ),
    ("distributions/counts.py", " & (value < torch.inf)", "", ODD + "no_count_is_infinite"),
    (
        "distributions/trials.py",
        "(value == value.round()) & (value < torch.inf)",
        "(value == value.round())",
        ODD + "no_count_is_infinite",
    ),
    (
        "distributions/discretised.py",
        "edge, 0.0 * value)",
        "edge, torch.zeros_like(edge))",
        ODD + "what_is_no_number_has_no_mass_on_a_lattice",
    ),
    (
        "distributions/stencil.py",
        "picture.reshape(extra.numel(), lead.numel(), height * breadth)",
        "picture.reshape(extra.numel(), lead.numel(), -1)",
        ODD + "a_sparse_normal_draws_no_rows_where_none_are_wanted",
    ),
    (
        "distributions/sphere.py",
        "(moment.unsqueeze(-1) for moment in self.moments())",
        "(moment.unsqueeze(-1).to(self.loc) for moment in self.moments())",
        ODD + "variance_along_the_mean_direction_keeps_its_digits",
    ),
    (
        "classical/linear.py",
        "if bool((self.noise_variance_ <= least).all()):",
        "if False:",
        "classical/test_principal.py::test_rows_that_leave_no_noise_are_refused_by_either_method",
    ),
    (
        "classical/principal.py",
        "if constant(rows).all():",
        "if False:",
        "classical/test_principal.py::test_rows_that_leave_no_noise_are_refused_by_either_method",
    ),
    (
        "metrics/fixed_factors.py",
        '_at_least("factor_vae_score", 2, rows=rows)',
        '_at_least("factor_vae_score", 1, rows=rows)',
        DOORS + "examples_that_tell_nothing_are_refused",
    ),
    (
        "metrics/fixed_factors.py",
        "if (kinds[:train] == kinds[0]).all():",
        "if False:",
        DOORS + "examples_that_tell_nothing_are_refused",
    ),
    (
        "inference/predict.py",
        "model.zeros((count_rows(evidence),",
        "model.zeros((len(next(iter(evidence.values())).value),",
        "inference/test_no_rows.py::test_a_batch_without_rows_is_refused",
    ),
    (
        "metrics/latents.py",
        "        | distributions.LowRankNormal\n",
        "",
        USE + "features_of_a_normal_with_correlations_have_the_divergence_of_their_marginals",
    ),
    (
        "distributions/sparse.py",
        "return Normal(self.loc, self.stddev, self.event_dims).cells(value)",
        "return Normal(self.loc, self.scale, self.event_dims).cells(value)",
        USE + "features_of_a_normal_with_correlations_have_the_divergence_of_their_marginals",
    ),
    (
        "metrics/latents.py",
        "except NotImplementedError as error:",
        "except ZeroDivisionError as error:",
        USE + "a_latent_without_a_variance_is_refused_by_name",
    ),
    (
        "metrics/columns.py",
        "pa.ArrowTypeError, OverflowError):",
        "pa.ArrowTypeError):",
        DOORS + "cells_that_arrow_has_no_type_for_are_read_all_the_same",
    ),
    (
        "metrics/columns.py",
        "return found if pa.types.is_nested(cells.type) else _from_arrow(cells)",
        "return _from_arrow(cells)",
        DOORS + "cells_that_arrow_has_no_type_for_are_read_all_the_same",
    ),
]

FAULTS = numbered("figures", _PLANTED)
