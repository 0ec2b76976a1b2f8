"""The whole page, from the headline to the settings: one self-contained HTML document without a script."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from anyvae.report.associations import associations
from anyvae.report.cells import densities, imputation, missing, surprising
from anyvae.report.diagnosis import diagnose
from anyvae.report.findings import Findings
from anyvae.report.groups import groups, layers
from anyvae.report.markup import card, details, section, table
from anyvae.report.rows import samples, traversals
from anyvae.report.sections import aggregate, latents, likelihood, training, verdicts
from anyvae.report.style import CSS
from anyvae.report.summaries import active_count, total_kl
from anyvae.report.synthetic import synthetic
from anyvae.report.words import duration, number

OPEN_FEATURES = 12
CONTENTS = (
    ("diagnosis", "Diagnosis"),
    ("training", "Training"),
    ("likelihood", "Log-likelihood"),
    ("samples", "Data and draws"),
    ("associations", "Associations"),
    ("synthetic", "Synthetic data"),
    ("missing", "Missing cells"),
    ("densities", "Held-out cells"),
    ("surprising", "Surprising rows"),
    ("imputation", "Filling in holes"),
    ("groups", "Groups of rows"),
    ("layers", "Layers"),
    ("latents", "Latents"),
    ("traversals", "Traversals"),
    ("prior", "Prior"),
    ("schema", "Schema"),
    ("settings", "Settings"),
)


def render(findings: Findings) -> str:
    """One self-contained HTML page: no network, no script, light and dark, wide and narrow.

    The same findings give the same page, byte for byte.

    Arguments:
        findings: what there is to show.
    """
    parts = {
        "diagnosis": verdicts(diagnose(findings)),
        "training": training(findings),
        "likelihood": likelihood(findings),
        "samples": samples(findings),
        "associations": associations(findings),
        "synthetic": synthetic(findings),
        "missing": missing(findings),
        "densities": densities(findings),
        "surprising": surprising(findings),
        "imputation": imputation(findings),
        "groups": groups(findings),
        "layers": layers(findings),
        "latents": latents(findings),
        "traversals": traversals(findings),
        "prior": aggregate(findings),
        "schema": schema(findings.features),
        "settings": settings(findings.settings),
    }
    links = "".join(f'<a href="#{anchor}">{name}</a>' for anchor, name in CONTENTS if parts[anchor])
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="generator" content="anyvae"><link rel="icon" href="data:,">'
        f"<title>{escape(findings.title)}</title><style>{CSS}</style></head><body><main>"
        f'<div class="top">{headline(findings)}{tiles(findings)}'
        f'<nav aria-label="Contents">{links}</nav></div>{"".join(parts.values())}</main>'
        "<footer><p>Bounds, likelihoods and divergences are in nats per row, in the units of the input, "
        "with the KL at its full weight. Written by anyvae.</p></footer></body></html>\n"
    )


def headline(findings: Findings) -> str:
    """What was fitted, on what, and what was said aloud."""
    said = "".join(f"<li>{escape(note)}</li>" for note in findings.notes)
    return (
        f'<p class="kicker">{escape(findings.recipe)} · {escape(findings.source)}</p>'
        f"<h1>{escape(findings.title)}</h1>"
        f'<p class="lead">{escape(summary(findings))}</p>'
        + (f'<ul class="notes">{said}</ul>' if said else "")
    )


def summary(findings: Findings) -> str:
    """One sentence on how it was fitted, from the settings there are."""
    have = findings.settings
    latents = findings.kl_per_latent.size
    model = f"{findings.recipe} with {latents} latent{'s' * (latents != 1)}"
    if "network" in have:
        model += f" and the network {have['network']}"
    clauses = [model]
    if "rows" in have:
        clauses.append(f"fitted to {number(have['rows'])} rows of {findings.source}")
    else:
        clauses.append(f"fitted to {findings.source}")
    steps = [f"{number(have[key])} {key}" for key in ("steps", "epochs") if key in have]
    seconds = have.get("seconds")
    if isinstance(seconds, int | float):
        steps.append(duration(float(seconds)))
    if steps:
        clauses.append(f"in {steps[0]}" + (f" ({', '.join(steps[1:])})" if steps[1:] else ""))
    held_out = findings.metric("rows")
    tested = f" Figures are of {held_out:,.0f} held-out rows." if math.isfinite(held_out) else ""
    return " ".join(clauses) + "." + tested


def tiles(findings: Findings) -> str:
    """The few numbers one asks for first."""
    entries = []
    for name, key in (("Log-likelihood", "log_likelihood"), ("ELBO", "elbo")):
        value, error = findings.metric(key), findings.metric(f"{key}_standard_error")
        if math.isfinite(value):
            under = f"standard error {error:.2f}" if math.isfinite(error) else "its error was not measured"
            drawn = findings.metric("samples")
            if key == "log_likelihood" and math.isfinite(drawn):
                under += f"; {drawn:,.0f} sample{'s' * (drawn != 1)}"
            entries.append((name, f"{value:,.2f} <small>nats</small>", f"per held-out row; {under}"))
    latents_used = f"{active_count(findings)} <small>of {findings.kl_per_latent.size}</small>"
    entries.append(("Active latents", latents_used, f"carrying {total_kl(findings):.2f} nats together"))
    gap = findings.metric("elbo", "train") - findings.metric("elbo")
    if math.isfinite(gap):
        entries.append(("Training less held out", f"{gap:+.2f} <small>nats</small>", "ELBO per row"))
    cells = "".join(
        f'<div class="tile{" first" if i == 0 else ""}"><dt>{name}</dt><dd>{value}</dd>'
        f'<dd class="under">{escape(under)}</dd></div>'
        for i, (name, value, under) in enumerate(entries)
    )
    return f'<dl class="tiles">{cells}</dl>'


def schema(features: Iterable[Mapping[str, Any]]) -> str:
    """The columns as they were read; folded where there are many, the constant ones named in the open."""
    listed = [[str(f.get(key, "")) for key in ("name", "kind", "likelihood", "detail")] for f in features]
    if not listed:
        return ""
    constant = [name for name, kind, *_ in listed if kind == "constant"]
    entries = "1 entry" if len(listed) == 1 else f"{len(listed):,} entries"
    lead = f"{entries}: how each column was read and what draws it."
    if constant:
        named = ", ".join(constant[:20]) + (f" and {len(constant) - 20:,} more" if len(constant) > 20 else "")
        lead += f" Constant, so kept and served back but not fitted: {named}."
    body = table(["Name", "Kind", "Likelihood", "Detail"], listed, kind="prose")
    if len(listed) > OPEN_FEATURES:
        return section("schema", "Schema", lead, details(f"All {len(listed):,} columns", body))
    return section("schema", "Schema", lead, card("As it was read", body))


def settings(values: Mapping[str, str | int | float]) -> str:
    """Everything needed to do it again."""
    if not values:
        return ""
    body = table(["Setting", "Value"], [(name, str(value)) for name, value in values.items()], kind="prose")
    return section(
        "settings", "Settings", "What it takes to fit this model again.", details("All settings", body)
    )
