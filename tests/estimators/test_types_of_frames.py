"""Frames whose columns have a type of their own: categories that are numbers, types that are no column."""

from __future__ import annotations

import numpy as np
import pandas as pd

from anyvae.estimators import TabularVAE

ROWS = 40


def test_an_order_of_categories_that_are_numbers_is_given_as_numbers() -> None:
    rng = np.random.default_rng(0)
    dose = pd.Series(pd.Categorical(rng.choice([10, 20, 40], ROWS)))
    table = pd.DataFrame({"dose": dose, "x": rng.normal(size=ROWS)})
    vae = TabularVAE(kinds={"dose": [40, 20, 10]}, max_epochs=1, random_state=0).fit(table)
    assert (vae.schema_.features[0].kind, vae.schema_.features[0].categories) == (
        "ordinal",
        ["40", "20", "10"],
    )
    assert vae.sample(3)["dose"].dtype == dose.dtype
