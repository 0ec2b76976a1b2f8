"""What the figures say of the fit: over-fitting, noise, how tight the bound is, whether it was stopped early."""

from __future__ import annotations

import math

from anyvae.report.findings import Diagnosis, Findings, Level
from anyvae.report.summaries import is_certain, late_gain, noise_ratio, size_in_nats, standard_error, total_kl
from anyvae.report.words import nats, percent

NOISY = 0.9
"""Noise above this share of the spread of the rows leaves the latents less than a fifth of the variance."""
NOISELESS = 0.01
"""Noise below this share of the spread of the rows: a density near its singularity."""
OVERFIT, STRONG_OVERFIT = 0.02, 0.10
"""Train bound minus held-out bound, as a share of the bound's size."""
SIGNIFICANT = 3.0
"""Differences are spoken of beyond this many standard errors."""
LOOSE = 0.20
"""Log-likelihood minus bound, as a share of the KL: above it the posterior is too simple."""
FEW_SAMPLES = 100
"""Importance samples below which the log-likelihood itself is a loose bound."""
IMPROVING = 0.005
"""Gain of the validation bound in the last tenth of the run, as a share of the bound's size."""


def over_fit(findings: Findings) -> Diagnosis | None:
    """The bound on training rows minus the bound on held-out rows."""
    gap = findings.metric("elbo", "train") - findings.metric("elbo")
    if not math.isfinite(gap):
        return None
    error = standard_error(
        findings.metric("elbo_standard_error"), findings.metric("elbo_standard_error", "train")
    )
    share = gap / size_in_nats(findings)
    sizes = f"The bound is {nats(gap)} a row better on training rows than on held-out rows"
    if share <= OVERFIT or gap <= SIGNIFICANT * error:
        text = (
            f"{sizes}, {share:.1%} of its size: within what it should be."
            if gap > 0
            else f"Held-out rows are scored as well as training rows (bounds differ by {nats(abs(gap))})."
        )
        return Diagnosis("good", "No sign of over-fitting", text)
    level: Level = "problem" if share > STRONG_OVERFIT else "note"
    return Diagnosis(
        level,
        "Over-fitting",
        f"{sizes}, {share:.0%} of its size. More rows or an earlier stop (fewer --max-epochs) would narrow it.",
    )


def noise_scale(findings: Findings) -> Diagnosis | None:
    """What reconstructions leave over against the spread of the rows."""
    ratio = noise_ratio(findings)
    if not math.isfinite(ratio):
        return None
    scales = f"Reconstructions are {findings.noise['noise_scale']:.3g} off where rows spread by " + (
        f"{findings.noise['data_scale']:.3g} around their mean ({percent(ratio)})"
    )
    if ratio >= NOISY:
        return Diagnosis(
            "problem",
            "Noise as wide as the data",
            f"{scales}: the latents explain at most {max(0.0, 1 - ratio**2):.0%} of the variance.",
        )
    if ratio <= NOISELESS:
        return Diagnosis(
            "note",
            "Almost no noise",
            f"{scales}. Densities this sharp reward rounding and duplicates: check whether the values are "
            "counts or levels rather than real numbers.",
        )
    return Diagnosis(
        "good",
        "Noise is calibrated",
        f"{scales}: means of p(x | z) explain {1 - ratio**2:.0%} of the variance.",
    )


def posterior_gap(findings: Findings) -> Diagnosis | None:
    """Log-likelihood by importance sampling minus the bound: how loose the posterior is."""
    gap = findings.metric("log_likelihood") - findings.metric("elbo")
    if not math.isfinite(gap):
        return None
    if is_certain(findings):
        return Diagnosis(
            "note",
            "Only the bound is known",
            "Every posterior is a single point, so importance sampling adds nothing to the ELBO: what the "
            "log-likelihood gains from other values of the latents is not measured.",
        )
    samples = findings.metric("samples")
    several = "s" * (samples != 1)
    with_samples = (
        f"{samples:,.0f} importance sample{several}" if math.isfinite(samples) else "importance sampling"
    )
    error = standard_error(
        findings.metric("elbo_standard_error"), findings.metric("log_likelihood_standard_error")
    )
    if gap < -SIGNIFICANT * error:
        return Diagnosis(
            "problem",
            "Log-likelihood below its bound",
            f"With {with_samples} the log-likelihood came out {nats(-gap)} below the ELBO, which cannot be: "
            "a few rows dominate the estimate. Raise the number of samples.",
        )
    kl = total_kl(findings)
    if gap > max(LOOSE * kl, SIGNIFICANT * error):
        return Diagnosis(
            "note",
            "Loose posterior",
            f"With {with_samples} the log-likelihood is {nats(gap)} above the ELBO, "
            f"{gap / max(kl, 1e-9):.0%} of the KL of {nats(kl)}: a richer encoder or posterior "
            "has that much to win.",
        )
    few = (
        f" With only {samples:.0f} sample{several} the estimate is itself a lower bound."
        if samples < FEW_SAMPLES
        else ""
    )
    return Diagnosis(
        "note" if few else "good",
        "Few importance samples" if few else "The bound is tight",
        f"With {with_samples} the log-likelihood is {nats(max(gap, 0.0))} above the ELBO.{few}",
    )


def early_stop(findings: Findings) -> Diagnosis | None:
    """Whether the validation bound was rising when training ended."""
    gain = late_gain(findings)
    if not math.isfinite(gain):
        return None
    if gain > IMPROVING * size_in_nats(findings):
        return Diagnosis(
            "note",
            "Stopped while improving",
            f"The validation bound rose by {nats(gain)} a row in the last tenth of the run: "
            "raise --max-epochs or --max-minutes.",
        )
    if gain < -IMPROVING * size_in_nats(findings):
        return Diagnosis(
            "note",
            "Past its best",
            f"The validation bound of the last tenth of the run is {nats(-gain)} a row below the best before it. Kept "
            "are the latest weights that the rows watched do not tell from the best; try fewer --max-epochs.",
        )
    return Diagnosis(
        "good",
        "Trained to the end",
        f"The last tenth of the run gained {nats(max(gain, 0.0))} a row of validation bound.",
    )
