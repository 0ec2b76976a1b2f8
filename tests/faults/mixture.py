"""Faults of the mixture prior that tables are fitted by, and of what asks it."""

from __future__ import annotations

from faults import Mutation

_RECIPES = ("recipes/test_recipes.py::test_a_mixture_prior_has_a_component_for_every_fifty_rows",)
_REPORT = "runs/test_table_report.py::test_a_table_is_fitted_by_a_mixture_and_an_array_by_one_normal"
_SIDES = (
    "inference/test_likelihood.py::test_draws_of_the_prior_make_up_for_an_encoder_that_sees_one_of_two_sides"
)
_DIAGNOSIS = "report/test_diagnosis.py::test_another_prior_is_judged_by_its_own_draws"

FAULTS = [
    Mutation(
        "as many components of few rows",
        "recipes/listed.py",
        '{"components": min(30, max(5, rows // 50))}',
        '{"components": 30}',
        _RECIPES,
    ),
    Mutation(
        "a model that does not hear how many rows there are",
        "runs/rebuild.py",
        "rows=schema.rows,",
        "rows=None,",
        (_REPORT,),
    ),
    Mutation(
        "tables fitted by one normal",
        "recipes/listed.py",
        'return "mixture_vae" if table else "vae"',
        'return "vae"',
        (_REPORT,),
    ),
    Mutation(
        "draws of the prior in units of their own",
        "runs/gather.py",
        "(drawn - use.prior_mean) / use.prior_scale",
        "drawn",
        ("runs/test_vamp_run.py::test_the_report_holds_posteriors_against_draws_of_the_prior",),
    ),
    Mutation(
        "posteriors held against independent latents",
        "report/latent_diagnosis.py",
        "    if draws is not None:\n        prior = aggregate",
        "    if draws is None:\n        prior = aggregate",
        (_DIAGNOSIS,),
    ),
    Mutation(
        "the line of N(0, 1) for any prior",
        "report/figures.py",
        "    if prior is None:\n        grid",
        "    if prior is None or len(prior):\n        grid",
        ("report/test_figures.py::test_a_prior_that_is_told_by_draws_is_their_histogram",),
    ),
    Mutation(
        "the sum of single KLs for that of all",
        "report/summaries.py",
        "    if math.isfinite(measured):\n        return measured",
        "    if math.isinf(measured):\n        return measured",
        ("report/test_page.py::test_a_kl_that_single_latents_do_not_add_up_to_is_told",),
    ),
    Mutation(
        "no draw of the prior in a likelihood",
        "inference/likelihood.py",
        "                if prior:",
        "                if prior > 1.0:",
        (_SIDES,),
    ),
    Mutation(
        "holes scored by the encoder alone",
        "runs/fitted.py",
        "(~whole, 0.5)",
        "(~whole, 1e-9)",
        ("estimators/test_tabular.py::test_a_row_with_nothing_in_it_is_served",),
    ),
    Mutation(
        "a fitted prior in another precision",
        "training/prior.py",
        "        union = union.to(model.device, model.dtype)",
        "        pass",
        ("training/test_prior.py::test_the_precision_of_the_model_is_kept",),
    ),
    Mutation(
        "components wide from the start",
        "conditionals/joint.py",
        '"raw_scale": scale}',
        '"raw_scale": 0.0 * scale}',
        ("conditionals/test_families.py::test_a_mixture_starts_as_wide_as_a_standard_normal",),
    ),
]
