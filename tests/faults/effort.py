"""Faults of how much an evaluation does, and of what the report says of layers."""

from __future__ import annotations

from faults import Mutation

_EFFORT = "runs/test_effort.py::"

FAULTS = [
    Mutation(
        "effort: one draw counted with what all draws share",
        "runs/effort.py",
        "return counted[1] - counted[0]",
        "return counted[1]",
        (f"{_EFFORT}test_operations_are_those_of_one_more_draw",),
    ),
    Mutation(
        "effort: classes counted as one",
        "runs/effort.py",
        "model.trace(row, samples, noise, enumerate=enumerate)",
        "model.trace(row, samples, noise)",
        (f"{_EFFORT}test_operations_are_those_of_one_more_draw",),
    ),
    Mutation(
        "effort: no least number of draws",
        "runs/effort.py",
        "_LEAST, _MOST = 50, 5000",
        "_LEAST, _MOST = 1, 5000",
        (f"{_EFFORT}test_a_costly_model_is_drawn_from_less_often_but_never_next_to_never",),
    ),
    Mutation(
        "effort: rows as wide as any drawn together",
        "inference/likelihood.py",
        "min(_DRAWS, _NUMBERS // widest)",
        "_DRAWS",
        (f"{_EFFORT}test_wide_rows_are_drawn_for_a_few_at_a_time",),
    ),
    Mutation(
        "effort: an idle layer found in use",
        "report/latent_diagnosis.py",
        "if layer.kl < IDLE_LAYER",
        "if layer.kl < 0",
        ("report/test_diagnosis.py::test_layers_in_use",),
    ),
    Mutation(
        "effort: latents to ask for where there are layers",
        "report/latent_diagnosis.py",
        "or not has_shares(findings) or findings.layers",
        "or not has_shares(findings)",
        ("report/test_diagnosis.py::test_layers_in_use",),
    ),
    Mutation(
        "effort: every block of rows drawn alike",
        "runs/draw.py",
        "seed=seed + 1_000_003 * block",
        "seed=seed",
        (f"{_EFFORT}test_blocks_of_rows_are_drawn_apart",),
    ),
]
