"""The figures in words: each rule compares a number with a documented threshold and says a sentence."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from anyvae.report.findings import Diagnosis, Findings, Level
from anyvae.report.summaries import (
    active_count,
    aggregate_moments,
    by_variable,
    finite_rows,
    has_shares,
    is_certain,
    late_gain,
    marginals,
    noise_ratio,
    size_in_nats,
    standard_error,
    total_kl,
)
from anyvae.report.table_diagnosis import associations_kept, cells_foretold, intervals_hold, privacy
from anyvae.report.words import nats, percent, sentence, short

NOISY = 0.9
"""Noise above this share of the data's scale leaves the latents less than a fifth of the variance."""
NOISELESS = 0.01
"""Noise below this share of the data's scale: a density near its singularity."""
FEW_EPOCHS = 5
"""Fewer passes over the data than this may be too few to leave the collapsed start."""
IDLE_LAYER = 0.5
"""Nats of a layer of latents below which it carries next to nothing."""
SPARE_LATENTS = 0.25
"""More than this share of latents (and more than two) unused: a smaller model would do."""
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
SHIFT, STRONG_SHIFT = 0.2, 0.5
"""Mean of the aggregate posterior, in standard deviations of the prior."""
SPREAD, STRONG_SPREAD = 1.15, 1.5
"""Factor by which its standard deviation may leave 1, in either direction."""
CORRELATED, STRONGLY_CORRELATED = 0.25, 0.5
"""Absolute correlation between two latents of the aggregate posterior."""
FEW_ROWS = 20
"""Held-out rows below which moments of the aggregate posterior say nothing."""
MARGINAL = 0.1
"""Distance of a synthetic column from the data, beyond what chance explains."""


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
    ratio, beta, epochs = noise_ratio(findings), findings.settings.get("beta"), findings.measured("epoch")[1]
    if math.isfinite(ratio) and ratio >= NOISY:
        causes.append(
            f"the decoder's noise is {ratio:.2f} of the data's scale, so ignoring the latents costs it "
            "nothing (learn the noise scale if it was fixed)"
        )
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
            f"{active} of {latents} latents are active. The other {spare} do no harm to the bound, they only "
            f"cost time{less}.{each}",
        )
    return Diagnosis(
        "good", "Latent size fits", f"{active} of {latents} latents are active, with {spare} to spare.{each}"
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
    """The decoder's noise against the data's scale."""
    ratio = noise_ratio(findings)
    if not math.isfinite(ratio):
        return None
    scales = f"The decoder's noise is {findings.noise['noise_scale']:.3g} where the data's scale is " + (
        f"{findings.noise['data_scale']:.3g} ({percent(ratio)})"
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
    with_samples = f"{samples:,.0f} importance samples" if math.isfinite(samples) else "importance sampling"
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
        f" With only {samples:.0f} samples the estimate is itself a lower bound."
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


def synthetic_columns(findings: Findings) -> Diagnosis | None:
    """Columns of the draws whose distribution is not the data's; for tables."""
    if findings.image_shape is not None:
        return None
    columns = marginals(findings)
    if not columns:
        return None
    wrong = [m for m in columns if m.distance > m.chance + MARGINAL]
    if not wrong:
        return Diagnosis(
            "good",
            "Synthetic columns match",
            f"None of {len(columns):,} columns of the draws is further than {MARGINAL:g} from the data "
            f"beyond chance; the furthest is {short(columns[0].name)}, by {columns[0].distance:.2f}.",
        )
    return Diagnosis(
        "note",
        "Synthetic columns differ",
        f"{len(wrong):,} of {len(columns):,} columns of the draws are distributed unlike the data, most of "
        f"all {sentence([f'{short(m.name)} (distance {m.distance:.2f})' for m in wrong[:3]])}",
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
