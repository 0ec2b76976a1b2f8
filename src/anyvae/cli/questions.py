"""What a fitted model is asked row by row: `sample`, `embed`, `reconstruct`, `score`."""

from __future__ import annotations

from anyvae.cli.options import Rows, Run, Seed, SomeSamples, SourceName, Target
from anyvae.cli.output import check_target, deliver
from anyvae.cli.rows import rows_of

__all__ = ["embed", "reconstruct", "sample", "score"]


def sample(run: Run, /, *, n: Rows, output: Target = None, seed: Seed = 0, means: bool = False) -> None:
    """Draw new rows x ~ p(x), in the units and types of the data.

    Parameters
    ----------
    seed
        Of the draws; the same seed gives the same rows.
    means
        Give the mean of p(x | z) at each drawn z instead of a draw.
    """
    check_target(output)
    from anyvae.runs import load

    deliver(load(run).sample(n, seed, means=means), output)


def embed(run: Run, source: SourceName, /, *, output: Target = None) -> None:
    """Write each row's posterior mean, as columns z0, z1, ….

    The result has one row for each of the source and one column for each latent variable.
    """
    check_target(output)
    from anyvae.runs import load

    fitted = load(run)
    latents = fitted.embed(rows_of(fitted, source))
    deliver({f"z{index}": latents[:, index] for index in range(latents.shape[1])}, output)


def reconstruct(
    run: Run, source: SourceName, /, *, output: Target = None, draw: bool = False, seed: Seed = 0
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
    from anyvae.runs import load

    fitted = load(run)
    deliver(fitted.reconstruct(rows_of(fitted, source), draw=draw, seed=seed), output)


def score(
    run: Run,
    source: SourceName,
    /,
    *,
    output: Target = None,
    samples: SomeSamples = 128,
) -> None:
    """Write each row's log-density, in nats and in the units of the data, as column log_density."""
    check_target(output)
    from anyvae.runs import load

    fitted = load(run)
    deliver({"log_density": fitted.score(rows_of(fitted, source), samples)}, output)
