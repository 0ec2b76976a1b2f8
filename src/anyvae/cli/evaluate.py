"""`anyvae evaluate`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from anyvae.cli.console import note, say
from anyvae.cli.options import Run, Samples, SourceName, Unseen
from anyvae.cli.output import check_target
from anyvae.cli.rows import run_and_rows, tell_if_long

__all__ = ["evaluate"]

_ADDS_UP = 0.02


def evaluate(
    run: Run,
    source: SourceName,
    /,
    *,
    samples: Samples = None,
    unseen: Unseen = "refuse",
    output: Annotated[
        Path | None, Parameter(name=["-o", "--output"], help="Write the figures as .json too.")
    ] = None,
) -> None:
    """Print bound, log-likelihood, active units and KL per latent.

    Figures are means over the rows of the source, in nats per row and in the units of the data. Of a source
    that has a test part of its own (mnist), it is that part.
    """
    check_target(output, (".json",))
    import msgspec

    from anyvae.runs import write_file
    from anyvae.runs.effort import evaluation_minutes
    from anyvae.runs.named import scored_names

    fitted, rows = run_and_rows(run, source, unseen, test=True)
    if source == fitted.config.source and rows.name == Path(source).name:
        note("most of these rows were fitted; those held out by the fit are judged in metrics.json")
    batch = fitted.batch(rows)
    tell_if_long(len(rows), evaluation_minutes(fitted.model, batch, samples, fitted.recipe.enumerate))
    figures = fitted.evaluate_batch(batch, samples)
    if output is not None:
        content = {"unit": "nats per row", **figures}
        write_file(output.expanduser(), msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")
    say(_table(figures, scored_names(fitted)))


def _table(figures: dict[str, Any], names: list[str]) -> str:
    """The figures, a line each.

    Arguments:
        figures: of `FittedModel.evaluate`.
        names: the latent that each feature belongs to.
    """
    kl, whole = figures["kl_per_latent"], figures["kl_per_variable"]
    lines = [
        ("rows", f"{figures['rows']:,}"),
        ("ELBO", f"{_with_error(figures, 'elbo')} nats per row"),
        (
            "log-likelihood",
            f"{_with_error(figures, 'log_likelihood')} nats per row "
            f"(importance-weighted, {figures['samples']:,} sample{'s' * (figures['samples'] != 1)})",
        ),
        ("reconstruction", f"{figures['reconstruction']:.4f} nats per row"),
        ("KL", f"{figures['kl']:.4f} nats per row"),
        ("active units", f"{figures['active_units']} of {len(kl)}"),
    ]
    if len(whole) > 1:
        lines += [(f"KL of {name}", f"{value:.4f}") for name, value in whole.items()]
    lines += [
        (f"KL of {name}", f"{value:.4f}")
        for name, value in zip(figures["latents"], kl, strict=True)
        if value is not None
    ]
    told = [value for value in kl if value is not None]
    together = sum(whole[name] for name in set(names))
    if told and abs(sum(told) - together) > _ADDS_UP * max(1.0, abs(together)):
        why = (
            "given one draw of the other latents"
            if len(whole) > 1
            else "from draws: q or the prior joins them"
        )
        lines.append(("", f"of each feature by itself, {why}, and they do not add up"))
    return "\n".join(f"{name:<15} {value}" for name, value in lines)


def _with_error(figures: dict[str, Any], name: str) -> str:
    """A mean and its standard error, which one row alone has not."""
    error = figures[f"{name}_standard_error"]
    return f"{figures[name]:.4f}" + ("" if math.isnan(error) else f" ± {error:.4f}")
