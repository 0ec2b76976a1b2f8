"""What a fitted model is asked row by row: `sample`, `embed`, `reconstruct`, `score`."""

from __future__ import annotations

from typing import Any

from anyvae.cli.console import note
from anyvae.cli.options import Given, Rows, Run, Seed, SomeSamples, SourceName, Target, Unseen, pairs
from anyvae.cli.output import check_target, deliver
from anyvae.cli.rows import run_and_rows, tell_if_long

__all__ = ["embed", "reconstruct", "sample", "score"]

_FEW_DRAWS = 50


def sample(
    run: Run,
    /,
    *,
    n: Rows,
    given: Given = None,
    output: Target = None,
    seed: Seed = 0,
    means: bool = False,
) -> None:
    """Draw new rows x ~ p(x), in the units and types of the data.

    Parameters
    ----------
    given
        A column and its value, such as income='>50K', once or more: the other columns are drawn given these, and
        no row is thrown away.
    seed
        Of the draws; the same seed gives the same rows.
    means
        Give the mean of p(x | z) at each drawn z instead of a draw; with --given, of labels and conditions alone.
    """
    check_target(output)
    from anyvae.runs import load

    fitted = load(run)
    parts = (fitted.schema, *fitted.schema.beside.values())
    values = pairs(given, "--given", [feature.name for part in parts for feature in part.features])
    if not values:
        deliver(fitted.sample(n, seed, means=means), output)
        return
    rows, effective = fitted.sample_given(n, values, seed, means=means)
    if effective < _FEW_DRAWS:
        note(
            f"what is given is rare in the model: the rows start from draws worth {effective:,.0f}; take them with care"
        )
    deliver(rows, output)


def embed(run: Run, source: SourceName, /, *, output: Target = None, unseen: Unseen = "refuse") -> None:
    """Write each row's posterior mean, as columns z0, z1, ….

    The result has one row for each of the source and one column for each latent feature: z2[0], z2[1], … where there
    are several latents, and p(label = a), p(cluster 0), … for the probabilities of labels and clusters.
    """
    check_target(output)
    from anyvae.runs.named import embedded_names

    fitted, rows = run_and_rows(run, source, unseen)
    latents = fitted.embed(rows)
    names = embedded_names(fitted)
    deliver({name: latents[:, index] for index, name in enumerate(names)}, output)


def reconstruct(
    run: Run,
    source: SourceName,
    /,
    *,
    output: Target = None,
    draw: bool = False,
    seed: Seed = 0,
    unseen: Unseen = "refuse",
) -> None:
    """Write each row as the model sees it: the mean of p(x | z) at its posterior mean.

    Parameters
    ----------
    draw
        Give a draw x ~ p(x | z), z ~ q(z | x), instead.
    seed
        Of the draws.
    """
    check_target(output)
    fitted, rows = run_and_rows(run, source, unseen)
    deliver(fitted.reconstruct(rows, draw=draw, seed=seed), output)


def score(
    run: Run,
    source: SourceName,
    /,
    *,
    output: Target = None,
    samples: SomeSamples = 128,
    explain: bool = False,
    unseen: Unseen = "refuse",
) -> None:
    """Write each row's log-density, in nats and in the units of the data, as column log_density.

    Parameters
    ----------
    explain
        Add p_value, how likely a row as improbable is among those that the fit held out, both scored by 128
        samples; standing, how a row stands among what its latents let expect, in nats without units, low for outliers
        where a density is high for whatever is simple; and for every column of a table the log-density of the cell
        given the rest of its row: the lowest are to blame.
    """
    check_target(output)
    from anyvae.runs import RunFiles
    from anyvae.runs.effort import evaluation_minutes
    from anyvae.runs.fitted import SCORE_SAMPLES

    fitted, rows = run_and_rows(run, source, unseen)
    of_cells = explain and fitted.schema.kind == "table"
    if of_cells:
        # Every column is hidden in its turn from a pass of its own. What a row holds takes no more or less of it.
        model = fitted.model
        one = {name: model.zeros((1, *model.shapes[name])) for name in ("x", *model.conditions)}
        passes = len(rows) * len(fitted.schema.features)
        minutes = evaluation_minutes(model, one, samples, fitted.recipe.enumerate) * passes
        tell_if_long(len(rows), minutes)
    found = {"log_density": fitted.score(rows, samples)}
    if explain:
        # Of as many samples as the held-out rows were scored by: a score of fewer is lower by that alone.
        alike = found["log_density"] if samples == SCORE_SAMPLES else fitted.score(rows)
        found["p_value"] = p_values(alike, RunFiles(run).read_metrics())
        found["standing"] = fitted.standing(rows, samples)
        if of_cells:
            cells = fitted.explain(rows, samples)
            for place, feature in enumerate(fitted.schema.features):
                found[f"log_density of {feature.name}"] = cells[:, place]
    deliver(found, output)


def p_values(scores: Any, metrics: dict[str, Any]) -> Any:
    """Share of held-out rows that are no more probable, one more counted on either side."""
    import numpy as np

    from anyvae.data import DataError

    held_out = metrics.get("held_out", {}).get("scores")
    if not held_out:
        raise DataError("the run holds no scores of held-out rows to compare with: fit anew")
    below = np.searchsorted(np.asarray(held_out), scores, side="right")
    return (1.0 + below) / (1.0 + len(held_out))
