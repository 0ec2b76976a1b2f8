"""scikit-learn's own checks, all of them, with none that is expected to fail."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from sklearn.exceptions import SkipTestWarning
from sklearn.utils.estimator_checks import estimator_checks_generator

from anyvae.estimators import TabularVAE, VAEClassifier, VAEClusterer, VAEImputer, VAEOutlierDetector

# Few epochs: the checks ask for conformance, and of the detector and the classifier a little skill, which a high rate
# brings about soon.
ESTIMATORS = [
    TabularVAE(max_epochs=2, samples=16),
    VAEImputer(max_epochs=2, samples=16),
    VAEOutlierDetector(max_epochs=10, samples=16),
    VAEClassifier(max_epochs=10, learning_rate=1e-2, samples=16),
    VAEClusterer(n_clusters=3, max_epochs=10, samples=16),
]


def checks() -> list[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SkipTestWarning)
        found = [
            pytest.param(estimator, check, id=f"{type(estimator).__name__}-{check.func.__name__}-{place}")
            for one in ESTIMATORS
            for place, (estimator, check) in enumerate(estimator_checks_generator(one))
        ]
    return found


@pytest.mark.parametrize(("estimator", "check"), checks())
@pytest.mark.filterwarnings("default")
def test_check(estimator: Any, check: Any) -> None:
    if check.func.__name__ == "check_array_api_input":
        pytest.skip(
            "arrays of other libraries than numpy: scikit-learn checks them where SCIPY_ARRAY_API is set"
        )
    check(estimator)
