"""What the figures say of the latents: whether they are used, and whether they fill the prior."""

from __future__ import annotations

import math

import numpy as np

from anyvae.report.findings import Diagnosis, Findings
from anyvae.report.fit_diagnosis import IMPROVING, over_fit
from anyvae.report.summaries import (
    active_count,
    aggregate_moments,
    by_variable,
    finite_rows,
    has_shares,
    is_certain,
    late_gain,
    size_in_nats,
    total_kl,
)
from anyvae.report.words import active_of, nats, sentence

FEW_EPOCHS = 5
"""Fewer passes over the data than this may be too few to leave the collapsed start."""
IDLE_LAYER = 0.5
"""Nats of a layer of latents below which it carries next to nothing."""
SPARE_LATENTS = 0.25
"""More than this share of latents (and more than two) unused: a smaller model would do."""
SHIFT, STRONG_SHIFT = 0.2, 0.5
"""Mean of the aggregate posterior, in standard deviations of the prior."""
SPREAD, STRONG_SPREAD = 1.15, 1.5
"""Factor by which its standard deviation may leave 1, in either direction."""
CORRELATED, STRONGLY_CORRELATED = 0.25, 0.5
"""Absolute correlation between two latents of the aggregate posterior."""
FEW_ROWS = 20
"""Held-out rows below which moments of the aggregate posterior say nothing."""


def collapse(findings: Findings) -> Diagnosis | None:
    """No active latent: posterior collapse, with the likeliest causes the figures show."""
    if active_count(findings) > 0:
        return None
    causes = collapse_causes(findings)
    because = (
        "Likely cause: " + "; ".join(causes) + "."
        if causes
        else "The figures show no cause: the decoder may be able to do without latents, or the columns "
        "may be independent of each other."
    )
    return Diagnosis(
        "problem",
        "The latents carry nothing",
        f"None of {findings.kl_per_latent.size} latents is active and the KL is {nats(total_kl(findings))}: "
        f"the posterior is the same for every row. {because}",
    )


def collapse_causes(findings: Findings) -> list[str]:
    """Causes of a collapse, each with the number that gives it away."""
    causes = []
    beta, epochs = findings.settings.get("beta"), findings.measured("epoch")[1]
    if isinstance(beta, int | float) and beta > 1:
        causes.append(f"the KL was weighted by beta = {beta:g} (1 is the bound itself)")
    if len(epochs) and epochs[-1] < FEW_EPOCHS:
        causes.append(f"only {epochs[-1]:g} passes over the data (raise --max-epochs)")
    elif late_gain(findings) > IMPROVING * size_in_nats(findings):
        causes.append("training stopped while the bound was rising (raise --max-epochs)")
    return causes


def latent_size(findings: Findings) -> Diagnosis | None:
    """Unused latents and the size to try next; silent under collapse, and where there are layers of them."""
    active, latents = active_count(findings), findings.kl_per_latent.size
    spare = latents - active
    if active == 0 or not has_shares(findings) or findings.layers:
        return None
    variables = by_variable(findings)
    # What --latent sets is the size of one variable, and of no single one where there are several.
    single = len(variables) == 1
    if spare == 0:
        fits = over_fit(findings)
        if fits is not None and fits.level != "good":
            return None  # more of them would fit the rows still closer
        all_of_them = "The only latent is" if latents == 1 else f"All {latents} latents are"
        more = f": try --latent {2 * latents}" if single else ""
        return Diagnosis(
            "note", "Every latent is used", f"{all_of_them} active, so more may raise the bound{more}."
        )
    each = ""
    if not single:
        parts = [f"{used} of {there} of {name}" for name, (used, there) in variables.items()]
        each = f" Among the rows pictured it is {sentence(parts)}"
    if spare > max(2, SPARE_LATENTS * latents):
        less = f": --latent {active + 2} would do" if single else ""
        return Diagnosis(
            "note",
            "Unused latents",
            f"{active_of(active, latents)}. The other {spare} do no harm to the bound, they only "
            f"cost time{less}.{each}",
        )
    return Diagnosis(
        "good", "Latent size fits", f"{active_of(active, latents)}, with {spare} to spare.{each}"
    )


def layers_in_use(findings: Findings) -> Diagnosis | None:
    """Which layers of a hierarchy carry something; silent under collapse."""
    idle = [layer.name for layer in findings.layers if layer.kl < IDLE_LAYER]
    if not findings.layers or len(idle) == len(findings.layers):
        return None
    if not idle:
        return Diagnosis(
            "good", "Every layer is used", f"Each of the {len(findings.layers)} layers carries something."
        )
    carries = "carries" if len(idle) == 1 else "carry"
    return Diagnosis(
        "note",
        "Unused layers",
        f"{' and '.join(idle)} {carries} less than {IDLE_LAYER:g} nats: what the layers above and the decoder say "
        "is enough. A longer fit may bring them into use (raise --max-epochs); else fewer layers would do.",
    )


def prior_mismatch(findings: Findings) -> Diagnosis | None:
    """Moments of the aggregate posterior against those of the prior, beyond four errors of sampling."""
    findings, _ = finite_rows(findings)
    rows = len(findings.latent_mean)
    draws = findings.prior_draws
    if rows < FEW_ROWS or not (findings.standard_prior or draws is not None) or is_certain(findings):
        return None
    moments = aggregate_moments(findings.latent_mean, findings.latent_scale)
    stretch = np.abs(np.log(np.maximum(moments.scale, 1e-12)))
    # In the unit of the prior its means are 0 and its deviations 1, whatever it is.
    prior = np.eye(len(moments.mean))
    if draws is not None:
        prior = aggregate_moments(draws, np.zeros_like(draws)).correlation
    between = np.abs(moments.correlation - prior)
    shift, spread, related = np.abs(moments.mean).max(), np.exp(stretch.max()), between.max()
    allowance = 4 / math.sqrt(rows)
    parts, strong = [], False
    if shift > max(SHIFT, allowance):
        k = int(np.argmax(np.abs(moments.mean)))
        parts.append(f"{findings.latent(k)} is centred at {moments.mean[k]:+.2f} instead of 0")
        strong |= bool(shift > STRONG_SHIFT)
    if spread > max(SPREAD, 1 + allowance / math.sqrt(2)):
        k = int(np.argmax(stretch))
        parts.append(f"{findings.latent(k)} has standard deviation {moments.scale[k]:.2f} instead of 1")
        strong |= bool(spread > STRONG_SPREAD)
    if related > max(CORRELATED, allowance):
        i, j = sorted(int(k) for k in np.unravel_index(int(np.argmax(between)), between.shape))
        instead = "" if draws is None else f" instead of {prior[i, j]:+.2f}"
        parts.append(
            f"{findings.latent(i)} and {findings.latent(j)} correlate by {moments.correlation[i, j]:+.2f}{instead}"
        )
        strong |= bool(related > STRONGLY_CORRELATED)
    if not parts:
        return Diagnosis(
            "good",
            "The posterior fills the prior",
            f"Over {rows:,} held-out rows, "
            + sentence(
                [
                    f"means of the latents stay within {shift:.2f} of 0",
                    f"standard deviations within a factor {spread:.2f} of 1",
                    *(
                        [f"correlations within {related:.2f}{'' if draws is None else ' of its own'}"]
                        if len(stretch) > 1
                        else []
                    ),
                ]
            ),
        )
    return Diagnosis(
        "problem" if strong else "note",
        "The posterior does not match the prior",
        f"Over {rows:,} held-out rows {sentence(parts)} Draws from the prior then reach places where there "
        "are no data, and miss places where there are.",
    )
