"""The figures in words: each rule compares a number with a documented threshold and says a sentence."""

from __future__ import annotations

import math
from collections.abc import Callable

from anyvae.report.findings import Diagnosis, Findings, Level
from anyvae.report.fit_diagnosis import early_stop, noise_scale, over_fit, posterior_gap
from anyvae.report.latent_diagnosis import collapse, latent_size, layers_in_use, prior_mismatch
from anyvae.report.table_diagnosis import (
    associations_kept,
    cells_foretold,
    intervals_hold,
    privacy,
    synthetic_columns,
)


def diagnose(findings: Findings) -> list[Diagnosis]:
    """What the figures mean, problems first.

    Arguments:
        findings: the figures of one fitted model.
    """
    found = [diagnosis for rule in RULES if (diagnosis := rule(findings)) is not None]
    order: tuple[Level, ...] = ("problem", "note", "good")
    return sorted(found, key=lambda diagnosis: order.index(diagnosis.level))


def finite(findings: Findings) -> Diagnosis | None:
    """A held-out bound that is not a number makes every other figure suspect."""
    if not findings.metrics or math.isfinite(findings.metric("elbo")):
        return None
    return Diagnosis(
        "problem",
        "No finite bound",
        "The bound on held-out rows is not a finite number. Look for rows far outside the training data, "
        "and lower the learning rate.",
    )


RULES: tuple[Callable[[Findings], Diagnosis | None], ...] = (
    finite,
    collapse,
    noise_scale,
    over_fit,
    prior_mismatch,
    posterior_gap,
    latent_size,
    layers_in_use,
    early_stop,
    synthetic_columns,
    associations_kept,
    cells_foretold,
    intervals_hold,
    privacy,
)
