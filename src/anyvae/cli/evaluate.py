"""`anyvae evaluate`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from anyvae.cli.console import note, say
from anyvae.cli.options import Run, Samples, SourceName
from anyvae.cli.output import check_target
from anyvae.cli.rows import rows_of

__all__ = ["evaluate"]

_ADDS_UP = 0.02


def evaluate(
    run: Run,
    source: SourceName,
    /,
    *,
    samples: Samples = None,
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

    from anyvae.runs import load, write_file

    fitted = load(run)
    rows = rows_of(fitted, source, test=True)
    if source == fitted.config.source and rows.name == Path(source).name:
        note("most of these rows were fitted; those held out by the fit are judged in metrics.json")
    figures = fitted.evaluate(rows, samples)
    if output is not None:
        content = {"unit": "nats per row", **figures}
        write_file(output.expanduser(), msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")
    say(_table(figures))


def _table(figures: dict[str, Any]) -> str:
    """The figures, a line each."""
    kl = figures["kl_per_latent"]
    lines = [
        ("rows", f"{figures['rows']:,}"),
        ("ELBO", f"{_with_error(figures, 'elbo')} nats per row"),
        (
            "log-likelihood",
            f"{_with_error(figures, 'log_likelihood')} nats per row "
            f"(importance-weighted, {figures['samples']:,} samples)",
        ),
        ("reconstruction", f"{figures['reconstruction']:.4f} nats per row"),
        ("KL", f"{figures['kl']:.4f} nats per row"),
        ("active units", f"{figures['active_units']} of {len(kl)}"),
        *((f"KL of z{index}", f"{value:.4f}") for index, value in enumerate(kl) if value is not None),
    ]
    told = [value for value in kl if value is not None]
    if told and abs(sum(told) - figures["kl"]) > _ADDS_UP * max(1.0, abs(figures["kl"])):
        lines.append(
            ("", "of each latent by itself, from draws: q or the prior joins them, and they do not add up")
        )
    return "\n".join(f"{name:<15} {value}" for name, value in lines)


def _with_error(figures: dict[str, Any], name: str) -> str:
    """A mean and its standard error, which one row alone has not."""
    error = figures[f"{name}_standard_error"]
    return f"{figures[name]:.4f}" + ("" if math.isnan(error) else f" ± {error:.4f}")
