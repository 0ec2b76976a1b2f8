"""Classifiers and clusterers with recipes that have labels and clusters of their own."""

from __future__ import annotations

import numpy as np
import pytest

from anyvae.estimators import TabularVAE, VAEClassifier, VAEClusterer

Rows = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def blobs() -> Rows:
    generator = np.random.default_rng(0)
    truth = generator.integers(0, 3, 300)
    centres = np.array([[0.0, 0.0, 0.0], [6.0, 0.0, 3.0], [0.0, 6.0, -3.0]])
    return centres[truth] + generator.normal(size=(300, 3)), truth


@pytest.mark.parametrize("recipe", ["m2", "m1_m2", "infinite_vae"])
def test_few_labels_are_enough(blobs: Rows, recipe: str) -> None:
    rows, truth = blobs
    names = np.array(["ant", "bee", "cat"])[truth]
    known = np.where(np.arange(300) % 10 == 0, truth, -1)
    found = VAEClassifier(recipe=recipe, max_epochs=60, random_state=0).fit(rows, known)
    assert found.score(rows, truth) > 0.95
    shares = found.predict_proba(rows)
    np.testing.assert_allclose(shares.sum(1), 1.0, rtol=1e-6)
    np.testing.assert_array_equal(shares, found.predict_proba(rows))
    whole = VAEClassifier(recipe=recipe, max_epochs=30, random_state=0).fit(rows, names)
    assert list(whole.classes_) == ["ant", "bee", "cat"]
    assert whole.score(rows, names) > 0.95


@pytest.mark.parametrize("recipe", ["gmvae", "vade"])
def test_clusters_are_the_blobs(blobs: Rows, recipe: str) -> None:
    from sklearn.metrics import adjusted_rand_score

    rows, truth = blobs
    found = VAEClusterer(n_clusters=3, recipe=recipe, max_epochs=80, random_state=0).fit(rows)
    assert adjusted_rand_score(truth, found.labels_) > 0.9
    np.testing.assert_array_equal(found.labels_, found.predict(rows))
    np.testing.assert_array_equal(found.predict_proba(rows).argmax(1), found.labels_)


def test_what_an_estimator_has_no_word_for(blobs: Rows) -> None:
    rows, truth = blobs
    with pytest.raises(ValueError, match="VAEClassifier"):
        TabularVAE(recipe="m2").fit(rows)
    with pytest.raises(ValueError, match="anyvae fit --given"):
        VAEClassifier(recipe="cvae").fit(rows, truth)
