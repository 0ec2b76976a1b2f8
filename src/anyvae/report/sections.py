"""The parts of the page that every model has: curves, likelihood, latents."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from anyvae.report import figures
from anyvae.report.findings import Array, Diagnosis, Findings
from anyvae.report.markup import card, details, grid, image, legend, section, table
from anyvae.report.plane import latent_plane
from anyvae.report.summaries import (
    ACTIVE_VARIANCE,
    active_count,
    active_latents,
    aggregate_histogram,
    aggregate_moments,
    by_activity,
    by_variable,
    finite_rows,
    has_shares,
    is_certain,
    total_kl,
)
from anyvae.report.words import active_of, decimal, number

SHOWN_LATENTS = 12
MOST_LATENTS = 48
MOST_BARS = 100
"""More bars than this blur into each other."""
HISTOGRAM_ROWS = 2000
JOINED = "q or the prior joins them"


def verdicts(found: Sequence[Diagnosis]) -> str:
    """The diagnosis in words."""
    from html import escape

    names = {"good": "Good", "note": "Note", "problem": "Problem"}
    items = "".join(
        f'<li class="{d.level}"><em>{names[d.level]}</em><div><b>{escape(d.title)}</b>'
        f"<p>{escape(d.text)}</p></div></li>"
        for d in found
    )
    counts = {level: sum(d.level == level for d in found) for level in names}
    lead = "What the figures below say, the most serious first."
    if found and not counts["problem"]:
        lead = "No problem found." if not counts["note"] else "No problem found, and a few things to know."
    body = f'<div class="card"><ul class="verdicts">{items}</ul></div>' if found else ""
    return section("diagnosis", "Diagnosis", lead if found else "Nothing was measured.", body)


def training(findings: Findings) -> str:
    """Curves over the steps of training."""
    panels = []
    train = findings.measured("train_elbo")
    valid = findings.measured("validation_elbo")
    lines = [
        (*curve, colour)
        for curve, colour in ((train, figures.DATA), (valid, figures.ACCENT))
        if len(curve[0])
    ]
    if lines:
        known = [
            entry
            for entry, curve in (
                (("training rows", figures.DATA), train),
                (("validation rows", figures.ACCENT), valid),
            )
            if len(curve[0])
        ]
        best = ""
        if len(valid[0]):
            at = int(np.argmax(valid[1]))
            at_step = f"{valid[0][at]:,.0f}"
            best = f"Best validation bound {valid[1][at]:,.2f} at step {at_step} of {valid[0][-1]:,.0f}."
        picture = figures.curves(lines, name="nats per row", alt=f"Evidence lower bound over steps. {best}")
        panels.append(card("Evidence lower bound (ELBO)", legend(known) + image(picture), best))
    for column, title, caption in (
        ("validation_log_likelihood", "Reconstruction, E log p(x | z)", "The ELBO is this minus the KL."),
        ("validation_kl", "KL(q(z | x) ‖ p(z))", "Nats that the latents carry about a row."),
        ("learning_rate", "Learning rate", ""),
    ):
        steps, values = findings.measured(column)
        if len(values):
            name = "learning rate" if column == "learning_rate" else "nats per row"
            picture = figures.curves(
                [(steps, values, figures.ACCENT)],
                name=name,
                alt=f"{title} over steps",
                settles=column != "learning_rate",
            )
            panels.append(card(title, image(picture), caption))
    if not panels:
        return section("training", "Training", "No curve was recorded.", "")
    lead = "In nats per row; higher is better. The first steps may lie outside the frame."
    if findings.label_use == "fitted":
        lead += " These are bounds of rows and the labels that they have; all others on this page are of rows alone."
    return section("training", "Training", lead, grid(panels))


def likelihood(findings: Findings) -> str:
    """The bound and the importance-weighted estimate, on held-out and on training rows."""
    parts = [part for part in ("held_out", "train") if findings.metrics.get(part)]
    if not parts:
        return section("likelihood", "Log-likelihood", "Nothing was measured.", "")
    names = {"held_out": "held out", "train": "training rows"}
    rows = [
        (
            label,
            *(
                figure_with_error(findings.metric(key, part), findings.metric(f"{key}_standard_error", part))
                for part in parts
            ),
        )
        for label, key in (("Log-likelihood", "log_likelihood"), ("ELBO", "elbo"))
    ]
    gap = [findings.metric("log_likelihood", part) - findings.metric("elbo", part) for part in parts]
    rows.append(("Gap between them", *(figure_with_error(value, math.nan) for value in gap)))
    for label, key in (("Importance samples", "samples"), ("Rows", "rows"), ("Active units", "active_units")):
        rows.append((label, *(number(findings.metric(key, part)) for part in parts)))
    lead = "Nats per row, in the units of the input, with one standard error over rows."
    caption = (
        "The log-likelihood is estimated by importance sampling from the posterior, and with finitely many "
        "samples is itself a lower bound in expectation. Both have the KL at its full weight."
    )
    body = table(["", *(names[part] for part in parts)], rows, kind="narrow")
    return section("likelihood", "Log-likelihood", lead, card("Held out and trained on", body, caption))


def figure_with_error(value: float, error: float) -> str:
    """A number and its standard error."""
    return decimal(value) + (f" ± {error:.2f}" if math.isfinite(value) and math.isfinite(error) else "")


def latents(findings: Findings) -> str:
    """KL per latent, the latent plane and the aggregate posterior against the prior."""
    order, active = by_activity(findings), active_latents(findings)
    kl = np.asarray(findings.kl_per_latent, dtype=float)
    colours = [("active", figures.ACCENT), ("unused", figures.DATA)][: 1 + int(not active.all())]
    caption = (
        f"{active_of(active_count(findings), kl.size)}, by a posterior mean that varies over rows by more than "
        f"{ACTIVE_VARIANCE:g}. "
    )
    if has_shares(findings):
        together, alone = total_kl(findings), float(np.nansum(kl))
        caption += f"The KLs sum to {alone:.2f} nats"
        for name, nats in findings.class_kl.items():
            caption += f"; {name}, which is discrete and has no bar, adds {nats:.2f}"
            alone += nats
        if abs(together - alone) > max(0.01, 0.01 * together):
            hang_on_others = findings.class_kl or len(by_variable(findings)) > 1
            why = "single ones are told from one draw of the others" if hang_on_others else JOINED
            caption += f"; that of all together is {together:.2f}, for {why}"
        caption += "."
        barred = order[:MOST_BARS]
        if len(barred) < len(order):
            caption += f" Shown are the {MOST_BARS} that carry most."
        cards = [
            card(
                "KL per latent",
                legend(colours)
                + image(figures.kl_bars(kl, barred, active, [findings.latent(k) for k in barred])),
                caption,
            )
        ]
    else:
        caption += (
            f"Together they carry {total_kl(findings):.2f} nats; single latents have no KL of their own."
        )
        cards = [card("KL of the latents", "", caption)]
    shown, left_out = finite_rows(findings)
    if len(shown.latent_mean):
        cards.append(latent_plane(shown, left_out))
    body = grid(cards)
    lead = "What the model writes down about a row, and how much of it."
    return section("latents", "Latents", lead, body)


def aggregate(findings: Findings) -> str:
    """The aggregate posterior against the prior, latent by latent, with its moments."""
    findings, _ = finite_rows(findings)
    draws = findings.prior_draws
    if (
        not len(findings.latent_mean)
        or not (findings.standard_prior or draws is not None)
        or is_certain(findings)
    ):
        return ""
    rows = np.random.default_rng(0).permutation(len(findings.latent_mean))[:HISTOGRAM_ROWS]
    edges = np.linspace(-4.0, 4.0, 49)
    against = "N(0, 1)" if draws is None else "its prior"
    order = by_activity(findings)

    def one(k: int) -> str:
        density = aggregate_histogram(findings.latent_mean[rows, k], findings.latent_scale[rows, k], edges)
        return card(
            findings.latent(k),
            image(
                figures.aggregate(
                    edges,
                    density,
                    None if draws is None else draws[:, k],
                    alt=f"Aggregate posterior of {findings.latent(k)} and {against}",
                )
            ),
        )

    if not np.isfinite(findings.kl_per_latent).any():
        lead = (
            "The average of the posteriors of held-out rows should have the prior's moments: mean 0 and, in its own "
            "units, deviation 1. Single latents of a sphere are not normal, so there is no histogram against N(0, 1)."
        )
        return section("prior", "Aggregate posterior against the prior", lead, moments_table(findings, order))
    body = grid([one(k) for k in order[:SHOWN_LATENTS]], kind="tiny")
    rest = order[SHOWN_LATENTS:MOST_LATENTS]
    if rest:
        left_out = len(order) - SHOWN_LATENTS - len(rest)
        more = f" ({left_out} that carry least are left out)" if left_out else ""
        body += details(
            f"{len(rest)} more latent{'s' * (len(rest) != 1)}{more}",
            grid([one(k) for k in rest], kind="tiny"),
        )
    body += details("Moments of every latent", moments_table(findings, order))
    prior = "N(0, 1) (line)" if draws is None else "(line, from draws, in standard deviations of it)"
    lead = (
        f"The average of the posteriors of held-out rows (filled) should be the prior {prior}: draws "
        "from the model start there."
    )
    return section("prior", "Aggregate posterior against the prior", lead, body)


def moments_table(findings: Findings, order: Sequence[int]) -> str:
    """Mean, standard deviation and strongest correlation of each latent."""
    moments = aggregate_moments(findings.latent_mean, findings.latent_scale)
    between = np.array(moments.correlation)
    np.fill_diagonal(between, 0.0)
    active = active_latents(findings)
    rows = [
        (
            findings.latent(k),
            "yes" if active[k] else "no",
            decimal(findings.kl_per_latent[k], 3),
            f"{moments.mean[k]:+.3f}",
            f"{moments.scale[k]:.3f}",
            f"{_root_mean_square(findings.latent_scale[:, k]):.3f}",
            _partner(findings, between, k),
        )
        for k in order
    ]
    head = [
        "Latent",
        "Active",
        "KL, nats",
        "Mean",
        "Deviation",
        "Deviation within a row",
        "Strongest correlation",
    ]
    return table(head, rows, kind="even")


def _root_mean_square(values: Array) -> float:
    return float(np.sqrt(np.mean(np.asarray(values, dtype=float) ** 2)))


def _partner(findings: Findings, between: Array, k: int) -> str:
    if len(between) < 2:
        return "–"
    j = int(np.argmax(np.abs(between[k])))
    return f"{between[k, j]:+.2f} with {findings.latent(j)}"
