"""Columns that are observed in groups, through the estimators."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from anyvae.data import DataError
from anyvae.estimators import TabularVAE, VAEImputer


def frame(rows: int = 400) -> pd.DataFrame:
    """One number behind two groups, of which either tells it nearly."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=rows)
    noise = 0.2 * rng.normal(size=(rows, 4))
    return pd.DataFrame({f"{'ab'[k // 2]}{k}": z + noise[:, k] for k in range(4)})


def test_either_group_tells_the_other(tmp_path: Path) -> None:
    rows = frame()
    vae = TabularVAE(
        recipe="grouped_vae", groups={"first": ["a*"], "second": ["b2", "b3"]}, max_epochs=80, random_state=0
    )
    vae.fit(rows)
    assert vae.fitted_.config.groups == {"first": ["a0", "a1"], "second": ["b2", "b3"]}
    for hidden, shown in (("a", "b"), ("b", "a")):
        columns = [name for name in rows if name.startswith(hidden)]
        filled = vae.impute(rows.assign(**dict.fromkeys(columns, np.nan)))
        other = rows[[name for name in rows if name.startswith(shown)]].mean(axis=1)
        # Given two readings of it the number behind is known to .14, and it spreads by 1.
        assert (filled[columns[0]] - other).std() < 0.3
    vae.save(tmp_path / "model")
    again = TabularVAE.load(tmp_path / "model")
    np.testing.assert_array_equal(again.transform(rows), vae.transform(rows))


def test_groups_of_an_array_are_named_by_place() -> None:
    rows = frame(60).to_numpy()
    vae = TabularVAE(recipe="grouped_vae", groups={"one": [0, 3], "two": [1]}, max_epochs=1, random_state=0)
    groups = vae.fit(rows).fitted_.config.groups
    assert groups == {"one": ["x0", "x3"], "two": ["x1"], "the rest": ["x2"]}
    assert vae.impute(np.where(np.arange(4) == 2, np.nan, rows)).shape == rows.shape


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (None, r"name them, as in TabularVAE\(recipe='grouped_vae', groups="),
        ({"one": ["a*", "b*"]}, "got all columns in one: name two or more"),
        ({"one": ["c*"]}, r"group one: there is no column 'c\*' among a0, a1, b2, b3"),
        ({"one": ["a*"], "two": ["a1"]}, "column 'a1' is in the groups one and two"),
        ({"one": ["a0"], "two": ["flat"]}, "all columns of the group two are constant"),
        ({"the rest": ["a0"]}, "a group is called 'the rest'"),
    ],
)
def test_groups_that_cannot_be_fitted(groups: dict | None, message: str) -> None:
    rows = frame(60)
    if groups is not None and "two" in groups and "flat" in groups["two"]:
        rows["flat"] = 1.0
    with pytest.raises((ValueError, DataError), match=message):
        TabularVAE(recipe="grouped_vae", groups=groups, max_epochs=1).fit(rows)


def test_groups_of_a_recipe_without_experts() -> None:
    with pytest.raises(ValueError, match=r"mixture_vae has no experts .* take recipe='grouped_vae'"):
        TabularVAE(groups={"one": ["a0"]}, max_epochs=1).fit(frame(60))
    assert "groups" in TabularVAE().get_params()
    assert VAEImputer(max_epochs=1, random_state=0).fit(frame(60)).groups is None
