"""Faults of what looks at some rows of many: files are often sorted."""

from __future__ import annotations

from faults import numbered

EVERYWHERE = "runs/test_order_of_rows.py::test_"
SCORES = EVERYWHERE + "scores_and_figures_are_of_rows_from_everywhere"

# file, what stands there, what is planted, the test that looks for it
_PLANTED = [
    (
        "data/split.py",
        "return np.sort(np.random.default_rng(seed).choice(n, most, replace=False))",
        "return np.arange(most)",
        "data/test_source.py::test_some_rows_of_many_are_from_everywhere",
    ),
    (
        "recipes/clustered.py",
        "torch.from_numpy(some_rows(len(data), _ROWS_CLUSTERED))",
        "torch.arange(min(len(data), _ROWS_CLUSTERED))",
        "recipes/test_clustered.py::test_clusters_start_at_rows_from_everywhere",
    ),
    (
        "runs/fit.py",
        "torch.from_numpy(some_rows(len(prepared.training), _TRAIN_ROWS_EVALUATED))",
        "torch.arange(_TRAIN_ROWS_EVALUATED)",
        SCORES,
    ),
    (
        "runs/fit.py",
        "held_out.some(_SCORED)",
        "held_out.take(np.arange(_SCORED))",
        EVERYWHERE + "a_p_value_compares_with_held_out_rows_from_everywhere",
    ),
    (
        "runs/fit.py",
        ".only([*held_batch])",
        "",
        "runs/test_beside_runs.py::test_training_rows_are_asked_what_held_out_rows_are[m2]",
    ),
    ("runs/gather.py", "held_out.some(_PLOTTED)", "held_out.take(np.arange(_PLOTTED))", SCORES),
    (
        "runs/gather_cells.py",
        "(looked[worst] + 1).tolist()",
        "(worst + 1).tolist()",
        EVERYWHERE + "improbable_rows_are_found_everywhere_and_keep_their_numbers",
    ),
    ("runs/gather_groups.py", "classes[best[shown]]", "classes[best[: len(rows)]]", SCORES),
]

FAULTS = numbered("ordered", _PLANTED)
