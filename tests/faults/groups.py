"""Faults of experts over groups of columns, and of conditionals that read some cells of a variable."""

from __future__ import annotations

from faults import Mutation

_MULTI = "recipes/test_multimodal.py::"
_CELLS = "conditionals/test_cells_of_parents.py::"
_CLI = "cli/test_cli_columns.py::test_groups_of_columns_from_end_to_end"

FAULTS = [
    Mutation(
        "an expert that is there where any cell of the variable is",
        "conditionals/experts.py",
        "return Parent(parent.name, mask=True, cells=parent.cells)",
        "return Parent(parent.name, mask=True)",
        (f"{_MULTI}test_groups_of_one_vector_by_hand",),
    ),
    Mutation(
        "products that count where one of their experts is absent",
        "conditionals/products.py",
        "absent @ self.member[:-1, :-1].T == 0",
        "absent @ self.member[:-1, :-1].T <= 1",
        (f"{_MULTI}test_the_posterior_of_every_subset_by_hand",),
    ),
    Mutation(
        "the prior among the products of every row",
        "conditionals/products.py",
        "(~present).all(-1, keepdim=True)",
        "(~present).all(-1, keepdim=True) | True",
        (f"{_MULTI}test_the_posterior_of_every_subset_by_hand",),
    ),
    Mutation(
        "products without the prior",
        "conditionals/products.py",
        "member[:, -1] = 1.0",
        "member[-1, -1] = 1.0",
        (f"{_MULTI}test_the_posterior_of_every_subset_by_hand",),
    ),
    Mutation(
        "draws of a mixture of products that carry no gradient",
        "conditionals/products.py",
        "self._normal(precision, weighted), fixed=True)",
        "self._normal(precision.detach(), weighted.detach()), fixed=True)",
        (f"{_MULTI}test_experts_of_groups_draw_with_the_gradient_of_their_mean",),
    ),
    Mutation(
        "the mask of all cells beside some of them",
        "model/trace.py",
        "arguments.append(parent.of(self._mask(parent.name)))",
        "arguments.append(self._mask(parent.name)[..., : len(parent.of(self._mask(parent.name))[0])])",
        (f"{_CELLS}test_only_the_cells_that_are_named_are_read",),
    ),
    Mutation(
        "a posterior that evaluates its readers at all cells",
        "conditionals/blanket.py",
        "p.of(values[p.name])",
        "values[p.name][..., : len(p.cells or values[p.name][0])]",
        (f"{_CELLS}test_a_posterior_that_evaluates_what_reads_it_knows_its_cells",),
    ),
    Mutation(
        "pseudo-inputs read from the first cells on",
        "conditionals/vamp.py",
        "return parent.of(self.inputs(parent.name))",
        "return self.inputs(parent.name)[..., : len(parent.cells or ())]",
        (f"{_CELLS}test_a_prior_mixed_from_the_encoder_reads_the_same_cells",),
    ),
    Mutation(
        "cells counted without those of constant columns left out",
        "runs/groups.py",
        "        place += feature.width",
        "        place += max(1, feature.width)",
        (_CLI,),
    ),
    Mutation(
        "columns of no group that are forgotten",
        "runs/groups.py",
        "        found[REST] = rest",
        "        found[REST] = rest[:1]",
        (_CLI,),
    ),
    Mutation(
        "a run that does not remember its groups",
        "runs/prepare.py",
        "        groups=groups,",
        "        groups={},",
        (_CLI,),
    ),
    Mutation(
        "tied weights that are saved once",
        "training/checkpoint.py",
        "own.clone() if own.untyped_storage().data_ptr() in held else own",
        "own",
        ("training/test_checkpoint.py::test_a_tensor_with_two_names_is_saved_under_both",),
    ),
]
