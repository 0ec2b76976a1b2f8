"""Faults of models, objectives and laws put together in ways that no recipe does."""

from __future__ import annotations

from faults import numbered

ASKED = "inference/test_asked_wrongly.py::test_"
FAMILIES = "test_testing_families.py::test_faults_of_families_are_noticed"
LAWS = "test_testing.py::test_planted_faults_are_noticed"
OBJECTIVES = "objectives/test_objectives.py::test_"
REFINED = "conditionals/test_refined.py::test_"

# file, what stands there, what is planted, the test that looks for it
_PLANTED = [
    (
        "model/graph.py",
        "as_conditional(part).unjoined()",
        "as_conditional(part)",
        REFINED + "in_a_second_model_it_is_refined_there_and_the_first_stays",
    ),
    (
        "conditionals/blanket.py",
        "twin = copy.copy(self)",
        "twin = copy.deepcopy(self)",
        REFINED + "in_a_second_model_it_is_refined_there_and_the_first_stays",
    ),
    (
        "conditionals/combinator.py",
        "if isinstance(part, Blanketed):",
        "if False:",
        REFINED + "what_evaluates_the_model_is_no_part_of_others",
    ),
    (
        "conditionals/flow.py",
        "if isinstance(base, Blanketed):",
        "if False:",
        REFINED + "what_evaluates_the_model_is_no_part_of_others",
    ),
    (
        "conditionals/vamp.py",
        "if isinstance(encoder, Blanketed):",
        "if False:",
        REFINED + "what_evaluates_the_model_is_no_part_of_others",
    ),
    (
        "inference/predict.py",
        "any(name == other for other, _ in trace.plan.draws)",
        "(name, False) in trace.plan.draws",
        "inference/test_condition.py::test_the_mean_of_a_latent_is_that_of_its_posterior",
    ),
    (
        "objectives/gradients.py",
        "    if trace.enumerated:\n        name",
        "    if False:\n        name",
        OBJECTIVES + "bounds_of_drawn_latents_are_not_those_of_enumerated_ones",
    ),
    (
        "objectives/score.py",
        "        refuse_enumerated(self, trace)\n",
        "",
        OBJECTIVES + "bounds_of_drawn_latents_are_not_those_of_enumerated_ones",
    ),
    (
        "objectives/objective.py",
        "if value.shape != (trace.rows,):",
        "if False:",
        OBJECTIVES + "an_objective_gives_one_number_per_row",
    ),
    (
        "objectives/objective.py",
        "* _per_row(part, trace, progress)",
        "* part.of(trace, progress)",
        OBJECTIVES + "an_objective_gives_one_number_per_row",
    ),
    (
        "testing/families.py",
        "    strange = sorted(family.free - family.params.keys())",
        "    strange = []",
        FAMILIES,
    ),
    (
        "testing/families.py",
        "assert p.event_shape == family.event_shape, (",
        "assert True, (",
        FAMILIES,
    ),
    (
        "testing/families.py",
        "            assert found.requires_grad, f",
        "            assert True, f",
        FAMILIES,
    ),
    (
        "testing/families.py",
        "    if p.has_rsample:\n        numbers",
        "    if False:\n        numbers",
        FAMILIES,
    ),
    (
        "testing/families.py",
        "assert drawn.dtype == torch.float64, f",
        "assert True, f",
        FAMILIES,
    ),
    (
        "testing/shapes.py",
        "    assert event, (",
        "    assert True, (",
        LAWS,
    ),
    (
        "testing/shapes.py",
        "assert found.shape == wanted, f",
        "assert True, f",
        LAWS,
    ),
    (
        "testing/shapes.py",
        "        assert found == wanted, f",
        "        assert True, f",
        LAWS,
    ),
    (
        "testing/distributions.py",
        "    assert value.requires_grad, (",
        "    assert True, (",
        LAWS,
    ),
    (
        "distributions/cells.py",
        '        """Where draws lie, a constraint of `torch.distributions`; None where a subclass does not tell."""\n        return None',
        '        """Where draws lie."""\n        return super().support',
        ASKED + "a_prior_and_a_posterior_need_not_tell_where_their_draws_lie",
    ),
    (
        "inference/generate.py",
        "                if name in model.observed:\n",
        "                if False:\n",
        ASKED + "nothing_is_made_up_for_a_likelihood_that_tells_no_mean",
    ),
    (
        "inference/generate.py",
        "    if partly := [name for name, item in evidence.items() if item.mask is not None]:",
        "    if partly := []:",
        ASKED + "questions_without_an_answer",
    ),
    (
        "inference/generate.py",
        "    if unknown := set(names or ()) - set(model.shapes):",
        "    if unknown := set():",
        ASKED + "questions_without_an_answer",
    ),
    (
        "inference/generate.py",
        "trace.p(name).expand(Size((trace.rows,)))",
        "trace.p(name)",
        "inference/test_draws.py::test_every_row_has_a_drawn_reconstruction_of_its_own_of_what_reads_no_latent",
    ),
    (
        "inference/conditioning.py",
        "rows = count_rows(model.admit(batch))",
        "rows = len(next(iter(model.admit(batch).values())).value)",
        ASKED + "questions_without_an_answer",
    ),
    (
        "inference/predict.py",
        "    if name not in model.generative_parts and name not in model.inference_parts:",
        "    if False:",
        ASKED + "questions_without_an_answer",
    ),
    (
        "model/graph.py",
        "        if isinstance(enumerate, str):",
        "        if False:",
        ASKED + "questions_without_an_answer",
    ),
    (
        "objectives/objective.py",
        "            if isinstance(distribution, OneHotCategorical)\n",
        "            if True\n",
        OBJECTIVES + "what_is_no_class_is_advised_what_can_be_done_with_it",
    ),
    (
        "objectives/objective.py",
        "            wants(BiasedDraw, how,",
        "            wants(object, how,",
        OBJECTIVES + "a_draw_of_another_kind_is_a_biased_draw",
    ),
    (
        "training/prior.py",
        "if Parent(name, prior=True) in part.parents:",
        "if False:",
        "training/test_prior.py::test_refusals",
    ),
]

FAULTS = numbered("workshop", _PLANTED)
