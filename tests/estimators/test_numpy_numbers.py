"""Numbers of numpy, as searches over parameters give them, are as good as Python's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

from anyvae.data import DataError
from anyvae.estimators import TabularVAE, VAEClusterer, VAEOutlierDetector

ROWS = np.random.default_rng(0).normal(size=(60, 2))
QUICK: dict[str, Any] = {"max_epochs": 1, "random_state": 0}


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        (TabularVAE, "latent_features", np.int64(2)),
        (TabularVAE, "batch_size", np.int64(32)),
        (TabularVAE, "max_epochs", np.int64(1)),
        (TabularVAE, "max_minutes", np.float32(1.0)),
        (TabularVAE, "learning_rate", np.float32(1e-3)),
        (TabularVAE, "samples", np.int64(3)),
        (VAEClusterer, "n_clusters", np.int64(3)),
        (VAEOutlierDetector, "contamination", np.float32(0.1)),
    ],
)
def test_they_fit_and_come_back(kind: Any, name: str, value: Any, tmp_path: Path) -> None:
    model = kind(**{**QUICK, name: value}).fit(ROWS)
    model.save(tmp_path / "saved")
    again = kind.load(tmp_path / "saved")
    found = again.get_params()[name]
    assert found == value
    assert type(found) in (int, float)
    told = [(one.predict if kind is not TabularVAE else one.score_samples)(ROWS) for one in (again, model)]
    np.testing.assert_array_equal(*told)


def test_a_search_over_them_ends() -> None:
    search = GridSearchCV(
        TabularVAE(**QUICK), {"latent_features": np.arange(1, 3)}, cv=2, error_score="raise"
    )
    assert search.fit(ROWS).best_params_["latent_features"] in (1, 2)


@pytest.mark.parametrize(("name", "value"), [("max_epochs", True), ("learning_rate", np.complex64(1.0))])
def test_what_is_no_such_number_is_refused(name: str, value: Any) -> None:
    with pytest.raises(DataError, match=f"{name} is "):
        TabularVAE(**{name: value}).fit(ROWS)
