"""Faults of what is given in part, of what stands between latents and rows, and of large terms that nearly cancel."""

from __future__ import annotations

from faults import numbered

GIVEN = "model/test_partly_given.py::test_"
BETWEEN = "objectives/test_between_latents_and_rows.py::test_"
OPTIMAL = "conditionals/test_optimal_scale.py::test_"
STAY = "training/test_parts_that_stay.py::test_"
SINGLE = "distributions/test_single_precision.py::test_"

# file, what stands there, what is planted, the test that looks for it
_PLANTED = [
    (
        "model/plan.py",
        "partial - set(inference) if item.from_q",
        "partial if item.from_q",
        f"{GIVEN}the_order_of_the_inference_parts_changes_nothing",
    ),
    (
        "distributions/cells.py",
        "torch.where(rows, log_prob, torch.zeros_like(log_prob))",
        "log_prob",
        f"{GIVEN}rows_that_are_absent_count_for_nothing_and_have_gradients",
    ),
    (
        "inference/generate.py",
        "known = {*model.conditions, *model.inference_parts}",
        "known = {*model.conditions}",
        f"{GIVEN}given_labels_are_reconstructed_from",
    ),
    (
        "model/graph.py",
        "item.filled()",
        "item.value[item.cell_mask().flatten(1).all(1)]",
        f"{GIVEN}grey_pixels_are_refused_though_every_row_has_a_hole",
    ),
    (
        "model/trace.py",
        "moved = set(values) if follow else set()",
        "moved: set[str] = set()",
        f"{BETWEEN}gradients_go_through_what_is_computed_from_latents",
    ),
    (
        "model/trace.py",
        "                    found.append(name)\n",
        "                    pass\n",
        f"{BETWEEN}what_is_drawn_after_latents_is_refused_where_it_would_bias",
    ),
    (
        "objectives/score.py",
        "trace.log_drawn(item.name)",
        "distribution.log_prob(trace.values[item.name])",
        f"{BETWEEN}scores_are_of_what_was_drawn_and_not_of_what_was_given",
    ),
    (
        "objectives/objective.py",
        "            part._refuse_wrong_draws(trace)\n",
        "            pass\n",
        f"{BETWEEN}a_term_of_draws_without_a_gradient_is_refused_in_a_sum_as_alone",
    ),
    (
        "objectives/aggregate.py",
        "    if drawn.dim() > event + 2:\n",
        "    if False:\n",
        f"{BETWEEN}priors_of_every_class_are_not_compared_with_one_posterior",
    ),
    (
        "model/trace.py",
        "distribution.settled() is not distribution",
        "False",
        f"{OPTIMAL}residuals_of_every_class_are_refused",
    ),
    (
        "distributions/normal.py",
        "torch.where(cells > 0, (error * mask).sum() / cells.clamp_min(1.0), otherwise)",
        "(error * mask).sum() / cells.clamp_min(1.0)",
        f"{OPTIMAL}a_batch_without_a_cell_teaches_nothing",
    ),
    (
        "conditionals/blanket.py",
        "found.settled() if isinstance(found, Cellwise) else found",
        "found",
        f"{OPTIMAL}values_that_a_refinement_tries_teach_nothing",
    ),
    (
        "training/run.py",
        "                part.eval()\n",
        "                pass\n",
        f"{STAY}codes_move_only_where_the_encoder_is_trained",
    ),
    (
        "training/data.py",
        "generator = generator or torch.Generator",
        "generator = torch.Generator",
        f"{STAY}two_variables_have_bits_of_their_own",
    ),
    (
        "distributions/simplex.py",
        "return self.concentration.double()",
        "return self.concentration",
        f"{SINGLE}near_dirichlets_have_a_divergence",
    ),
    (
        "distributions/counts.py",
        "many, log_rate = count.double(), self.log_rate.double()",
        "many, log_rate = count, self.log_rate",
        f"{SINGLE}masses_of_many_counts",
    ),
    (
        "distributions/trials.py",
        "many, logits = count.double(), self.logits.double()",
        "many, logits = count, self.logits",
        f"{SINGLE}masses_of_many_counts",
    ),
    (
        "distributions/continuous.py",
        "logits, safe, exact = self.logits.double(), safe.double(), noise.double()",
        "logits, exact = self.logits, noise",
        f"{SINGLE}slopes_of_draws_of_nearly_even_shares",
    ),
    (
        "objectives/combined.py",
        "power * log_weight.double()",
        "power * log_weight",
        "objectives/test_combined.py::test_renyi_near_the_elbo_in_single_precision",
    ),
    (
        "distributions/cells.py",
        "value = torch.where(rows.view(*rows.shape, *(1,) * first.dim()), value, first)",
        "pass",
        f"{GIVEN}absent_rows_are_no_values_of_a_distribution_that_checks_them",
    ),
]

FAULTS = numbered("partly", _PLANTED)
