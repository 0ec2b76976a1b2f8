"""What a fitted table is asked: `impute`, `classify`, `cluster`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from anyvae.cli.options import Positive, Run, Seed, SourceName, Target, Unseen, whole
from anyvae.cli.output import WRITTEN, check_target, deliver
from anyvae.cli.rows import run_and_rows

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["classify", "cluster", "impute"]

Clusters = Annotated[
    int | None,
    Parameter(name=["-k", "--clusters"], validator=Number(gte=1), converter=whole, help="How many clusters."),
]


def impute(
    run: Run,
    source: SourceName,
    /,
    *,
    output: Target = None,
    draws: Positive = None,
    seed: Seed = 0,
    unseen: Unseen = "refuse",
) -> None:
    """Write rows with their missing cells filled, given the rest of each row.

    Cells get their mean (whole numbers rounded) or their most probable category. All columns of a table are written,
    those that the fit left out too, in their order.

    Parameters
    ----------
    draws
        Write so many tables below each other instead, numbered by a first column draw, in each of which all holes
        of a row are one joint draw: their spread is how uncertain the cells are. Arrays in a .npy file are stacked,
        (draws, rows, ...).
    seed
        Of the draws.
    """
    import numpy as np

    from anyvae.data.write import tabulated

    fitted, rows = run_and_rows(run, source, unseen)
    check_target(output, (".csv", ".parquet") if rows.array is None else WRITTEN)
    found = fitted.impute(rows, draws, seed)
    if rows.array is not None and output is not None and output.suffix.lower() == ".npy":
        deliver(found if draws is None else np.stack(found), output)
        return
    tables = [tabulated(filled) for filled in ([found] if draws is None else found)]
    if rows.table is not None:
        from anyvae.runs.beside import as_they_stood

        tables = [as_they_stood(table, rows) for table in tables]
    deliver(tables[0] if draws is None else _numbered(tables, rows.name), output)


def _numbered(tables: Sequence[pa.Table], name: str) -> pa.Table:
    """Tables below each other, with the number of each in a first column."""
    import pyarrow as pa

    if "draw" in tables[0].column_names:
        from anyvae.data import DataError

        raise DataError(f"{name} has a column draw already, which would number the draws: rename it")
    return pa.concat_tables(
        table.add_column(0, "draw", pa.repeat(number + 1, len(table))) for number, table in enumerate(tables)
    )


def classify(
    run: Run,
    source: SourceName,
    /,
    *,
    column: str | None = None,
    output: Target = None,
    unseen: Unseen = "refuse",
) -> None:
    """Write the most probable class of a column of each row, given its other columns, and all probabilities.

    Parameters
    ----------
    column
        Of categories or two values; the label where the model was fitted with one and none is named. What it holds in
        these rows is not looked at.
    """
    check_target(output, (".csv", ".parquet"))
    import pyarrow as pa

    from anyvae.data.arrow import arrow_type

    fitted, rows = run_and_rows(run, source, unseen)
    column = column or fitted.label
    if column is None:
        from anyvae.data import DataError

        instead = (
            "name a column of categories with --column"
            if rows.array is None
            else "fit a recipe that models labels, such as m2, to rows of which some have one"
        )
        raise DataError(f"the model has no label of its own: {instead}")
    classes, shares = fitted.predict(rows, column)
    parts = (fitted.schema, *fitted.schema.beside.values())
    [kind] = [arrow_type(one.dtype) for part in parts for one in part.features if one.name == column]
    values = pa.array(classes)
    # To be compared with what the column held.
    typed = values if pa.types.is_dictionary(kind) else values.cast(kind)
    names = [f"p({name})" for name in values.cast(pa.string()).to_pylist()]  # as the classes are written
    table = pa.table([typed.take(pa.array(shares.argmax(1))), *shares.T], [column, *names])
    deliver(table, output)


def cluster(
    run: Run,
    source: SourceName,
    /,
    *,
    k: Clusters = None,
    output: Target = None,
    seed: Seed = 0,
    unseen: Unseen = "refuse",
) -> None:
    """Write the cluster of each row, from 0.

    The model's own where its recipe has clusters (gmvae, vade, infinite_vae) and no number is given; else a mixture
    of normals over the posterior means of these rows.

    Parameters
    ----------
    seed
        Of the starts of the mixture.
    """
    check_target(output)
    from sklearn.mixture import GaussianMixture

    from anyvae.data import DataError

    fitted, rows = run_and_rows(run, source, unseen)
    if k is None:
        shares = fitted.clusters(rows)
        deliver({"cluster": shares.argmax(1), "probability": shares.max(1)}, output)
        return
    latents = fitted.embed(rows)
    if k > len(latents):
        raise DataError(f"{k} clusters of {len(latents)} rows are asked for: give no more clusters than rows")
    if len(latents) < 2:
        raise DataError(f"{source} has one row, and a mixture is fitted to two or more: give more rows")
    mixture = GaussianMixture(k, random_state=seed, n_init=3).fit(latents)
    deliver(
        {"cluster": mixture.predict(latents), "probability": mixture.predict_proba(latents).max(1)}, output
    )
