"""Delimited text: how it is split, what its header is, and which types its cells have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from anyvae.data import Source, encode, infer_schema, load_source
from anyvae.runs.again import source_for
from anyvae.runs.config import RunConfig

Put = Callable[..., Path]


def config_of(path: Path, **options: object) -> RunConfig:
    return RunConfig(
        source=str(path),
        recipe="vae",
        latent_features=1,
        missing=True,
        seed=0,
        steps=1,
        batch_size=1,
        learning_rate=1e-3,
        **options,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("fitted", "later"),
    [
        (("True", "False", "Unknown"), ("True", "False")),
        (("1.0", "2.0", "x"), ("1.0", "2.0")),
        (("5.10", "6", "none"), ("5.10", "6")),
        (("2020-01-01 10:00", "never"), ("2020-01-01 10:00",)),
        (("007", "8"), ("8",)),
    ],
)
def test_what_was_fitted_as_text_is_text_later_whatever_it_spells(
    csv: Put, fitted: tuple[str, ...], later: tuple[str, ...]
) -> None:
    def rows(words: tuple[str, ...]) -> Path:
        return csv("t,x,d\n" + "".join(f"{word},{k}.5,0{k}\n" for k, word in enumerate(words * 3)))

    for aside in (None, "t"):  # in the rows, and set aside from them
        path = rows(fitted)
        source = load_source(path, label=aside, drop=["d"])
        schema = infer_schema(source)
        if aside:
            beside = Source(source.name, None, source.beside)
            schema.beside["y"] = infer_schema(beside, kinds={"t": "categorical"})
        again = source_for(config_of(path, label=aside, drop=["d"]), schema, str(rows(later)))
        table = again.beside if aside else again.table
        assert table is not None
        assert table["t"].to_pylist() == list(later * 3)
        encode(schema, again)
