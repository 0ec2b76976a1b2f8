"""Faults of what is asked of pictures, and of what the report says of them."""

from __future__ import annotations

from faults import numbered

CLI = "cli/test_cli_pictures.py::test_"
RUNS = "runs/test_picture_report.py::test_"
SAID = "report/test_sentences.py::test_"
READ = "data/test_arrays.py::test_"

# file, what stands there, what is planted, the test that looks for it
_PLANTED = [
    (
        "cli/columns.py",
        '(".csv", ".parquet") if rows.array is None else WRITTEN',
        '(".csv", ".parquet")',
        f"{CLI}holes_of_pictures_are_filled_in_every_format",
    ),
    (
        "cli/columns.py",
        "found if draws is None else np.stack(found)",
        "found if draws is None else found[0]",
        f"{CLI}holes_of_pictures_are_drawn_more_than_once",
    ),
    (
        "cli/columns.py",
        '            if rows.array is None\n            else "fit a recipe',
        '            if True\n            else "fit a recipe',
        f"{CLI}pictures_have_no_columns_to_classify",
    ),
    (
        "runs/gather.py",
        "(observed * given).sum(0) / counts.clamp(min=1)",
        "(observed * given).sum() / given.sum()",
        f"{RUNS}what_differs_between_pixels_is_not_explained_by_latents",
    ),
    ("data/arrays.py", '("y", "label", "labels")', '("y", "labels")', f"{READ}npy_and_npz"),
    ("data/source.py", "labels=labels, notes=said)", "labels=labels)", f"{READ}npy_and_npz"),
    (
        "report/plane.py",
        "        if has_shares(findings):",
        "        if True:",
        f"{SAID}latents_without_a_kl_of_their_own_are_not_ordered_by_it",
    ),
    ("report/page.py", "sample{'s' * (drawn != 1)}", "samples", f"{SAID}samples_are_counted"),
    (
        "report/groups.py",
        'f"Means of {findings.likelihood}. In each',
        '"Means of p(x | z). In each',
        f"{SAID}layers_show_means_given_what_x_hangs_on",
    ),
    (
        "report/page.py",
        "    latents = findings.kl_per_latent.size\n",
        '    latents = findings.settings.get("latent features", 0)\n',
        f"{SAID}the_headline_counts_the_latents_that_the_page_does",
    ),
    (
        "report/words.py",
        "'is' if active == 1 else 'are'",
        "'are'",
        f"{SAID}one_latent_is_and_more_are",
    ),
    (
        "data/schema.py",
        "if self.image and self.event_shape[0] > 1:",
        "if False:",
        f"{READ}constant_elements_are_named_in_the_encoded_order",
    ),
    (
        "report/figures.py",
        "late if settles and len(late) else",
        "late if len(late) else",
        "report/test_figures.py::test_a_curve_without_a_transient_is_drawn_from_its_first_step",
    ),
    (
        "report/sections.py",
        'settles=column != "learning_rate"',
        "settles=True",
        f"{SAID}the_learning_rate_is_drawn_from_its_first_step",
    ),
    (
        "runs/gather.py",
        "        if schema.binarise\n",
        "        if shown.table is None\n",
        f"{RUNS}holes_of_arrays_are_no_data",
    ),
    (
        "report/groups.py",
        "max(0, COLUMNS - of_a_row)",
        "0",
        "report/test_groups.py::test_pictures_of_few_classes_are_no_larger_than_those_of_many",
    ),
    (
        "report/rows.py",
        "min(len(findings.sampled) // wide, DRAWN_ROWS) * wide or len(findings.sampled)",
        "min(len(findings.sampled), DRAWN_ROWS * wide)",
        f"{RUNS}the_page_says_what_is_blank_and_begins_no_row_that_it_does_not_fill",
    ),
    (
        "report/rows.py",
        "if np.isnan(observed).any() else",
        "if False else",
        f"{RUNS}the_page_says_what_is_blank_and_begins_no_row_that_it_does_not_fill",
    ),
    (
        "report/sections.py",
        "barred = order[:MOST_BARS]",
        "barred = order",
        f"{SAID}bars_of_many_latents_are_those_that_carry_most",
    ),
    (
        "report/figures.py",
        "of {len(kl)} latents active",
        "of {len(order)} latents active",
        f"{SAID}bars_of_many_latents_are_those_that_carry_most",
    ),
]

FAULTS = numbered("pictures", _PLANTED)
