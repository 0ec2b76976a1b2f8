"""Faults of what is done once for all rows, read by one cell of many, or asked in haste."""

from __future__ import annotations

from faults import Mutation

_CELLS = "conditionals/test_cells_of_parents.py::"
_NETS = "networks/test_networks.py::"
_TABLE = "estimators/test_tabular.py::"

FAULTS = [
    Mutation(
        "haste: what is the same for all rows multiplied for each",
        "networks/base.py",
        "if flat.dim() > 1 and not flat.stride(-2) and",
        "if flat.dim() > 9 and not flat.stride(-2) and",
        (f"{_NETS}test_a_parent_that_is_the_same_for_all_rows_is_multiplied_once",),
    ),
    Mutation(
        "haste: the number of rows lost",
        "networks/base.py",
        "not flat.stride(-2) and flat.shape[-2] == total.shape[-2]:",
        "not flat.stride(-2):",
        (f"{_NETS}test_a_parent_that_is_the_same_for_all_rows_is_multiplied_once",),
    ),
    Mutation(
        "haste: the mask of complete rows written out",
        "conditionals/parents.py",
        "if not any(value.stride()):",
        "if False:",
        (f"{_CELLS}test_a_mask_of_complete_rows_is_one_number_whatever_is_read_of_it",),
    ),
    Mutation(
        "haste: columns in another order tell by other cells",
        "conditionals/columns.py",
        "found if self.order is None else (self.order[cell] for cell in found)",
        "found",
        (f"{_CELLS}test_one_cell_of_a_column_of_classes_tells_whether_it_is_there",),
    ),
    Mutation(
        "haste: only the first column of classes tells",
        "conditionals/discrete.py",
        "return tuple(accumulate(self.sizes[:-1], initial=0))",
        "return (0,)",
        (f"{_CELLS}test_one_cell_of_a_column_of_classes_tells_whether_it_is_there",),
    ),
    Mutation(
        "haste: many draws where very many rows were fitted",
        "estimators/base.py",
        "return 1 if _of_many_rows(self.fitted_) else _DRAWS",
        "return _DRAWS",
        (f"{_TABLE}test_a_model_of_very_many_rows_is_asked_in_haste",),
    ),
    Mutation(
        "haste: double precision where very many rows were fitted",
        "estimators/base.py",
        "if not _of_many_rows(fitted):",
        "if True:",
        (f"{_TABLE}test_a_model_of_very_many_rows_is_asked_in_haste",),
    ),
    Mutation(
        "clusters that a latent bends start anywhere",
        "networks/base.py",
        "self.bias(name).copy_(values)",
        "self.bias(name).mul_(1.0)",
        ("recipes/test_clustered.py::test_clusters_that_a_second_latent_bends_start_there_too",),
    ),
    Mutation(
        "clusters bent by a latent before there was a fit",
        "networks/base.py",
        "self.cut.view(self.linear.weight, name).zero_()",
        "pass",
        ("recipes/test_clustered.py::test_clusters_that_a_second_latent_bends_start_there_too",),
    ),
    Mutation(
        "haste: all rows expanded at once",
        "runs/fitted.py",
        "range(0, len(source), step)",
        "range(0, len(source), len(source))",
        (f"{_TABLE}test_rows_are_asked_about_some_at_a_time_as_about_all_at_once",),
    ),
]
