"""Classifiers and clusterers with recipes that have labels and clusters of their own."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from anyvae.estimators import TabularVAE, VAEClassifier, VAEClusterer
from anyvae.inference import mean

Rows = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def blobs() -> Rows:
    generator = np.random.default_rng(0)
    truth = generator.integers(0, 3, 300)
    centres = np.array([[0.0, 0.0, 0.0], [6.0, 0.0, 3.0], [0.0, 6.0, -3.0]])
    return centres[truth] + generator.normal(size=(300, 3)), truth


@pytest.mark.parametrize(
    ("recipe", "epochs", "rate"),
    [("m2", (20, 10), 3e-3), ("m1_m2", (30, 15), 1e-2), ("infinite_vae", (30, 5), 5e-3)],
)
def test_few_labels_are_enough(blobs: Rows, recipe: str, epochs: tuple[int, int], rate: float) -> None:
    """`epochs` are those of a fit with few labels and of one with all."""
    rows, truth = blobs
    names = np.array(["ant", "bee", "cat"])[truth]
    known = np.where(np.arange(300) % 10 == 0, truth, -1)
    options = {"recipe": recipe, "learning_rate": rate, "random_state": 0}
    found = VAEClassifier(max_epochs=epochs[0], **options).fit(rows, known)
    assert found.score(rows, truth) > 0.95
    shares = found.predict_proba(rows)
    np.testing.assert_allclose(shares.sum(1), 1.0, rtol=1e-6)
    np.testing.assert_array_equal(shares, found.predict_proba(rows))
    whole = VAEClassifier(max_epochs=epochs[1], **options).fit(rows, names)
    assert list(whole.classes_) == ["ant", "bee", "cat"]
    assert whole.score(rows, names) > 0.95


@pytest.mark.parametrize(("recipe", "epochs", "rate"), [("gmvae", 80, 3e-3), ("vade", 30, 5e-3)])
def test_clusters_are_the_blobs(blobs: Rows, recipe: str, epochs: int, rate: float) -> None:
    from sklearn.metrics import adjusted_rand_score

    rows, truth = blobs
    options = {"recipe": recipe, "max_epochs": epochs, "learning_rate": rate, "random_state": 0}
    found = VAEClusterer(n_clusters=3, **options).fit(rows)
    assert adjusted_rand_score(truth, found.labels_) > 0.9
    np.testing.assert_array_equal(found.labels_, found.predict(rows))
    np.testing.assert_array_equal(found.predict_proba(rows).argmax(1), found.labels_)


def test_what_an_estimator_has_no_word_for(blobs: Rows) -> None:
    rows, truth = blobs
    with pytest.raises(ValueError, match="VAEClassifier"):
        TabularVAE(recipe="m2").fit(rows)
    with pytest.raises(ValueError, match="cvae is of rows given some columns"):
        VAEClassifier(recipe="cvae").fit(rows, truth)
    with pytest.raises(ValueError, match="all labels are of one class, 2, and m2 tells classes apart"):
        VAEClassifier(recipe="m2").fit(rows, np.full(300, 2))
    with pytest.raises(ValueError, match="the labels of X have 150 different values in 300 rows"):
        VAEClassifier(recipe="m2").fit(rows, np.arange(300) // 2)


@pytest.mark.parametrize("recipe", ["ladder_vae", "gmvae"])
def test_latents_side_by_side_go_and_come_back(blobs: Rows, recipe: str) -> None:
    rows, _ = blobs
    vae = TabularVAE(recipe=recipe, max_epochs=3, random_state=0).fit(rows)
    latents = vae.transform(rows)
    assert latents.shape[1] == len(vae.get_feature_names_out())
    # By hand: each latent from its own columns, in the order in which they are drawn.
    model, given, start = vae.fitted_.model, {}, 0
    for name in ("z3", "z2", "z1") if recipe == "ladder_vae" else ("w", "z", "y"):
        width = model.shapes[name].numel()
        given[name] = torch.from_numpy(latents[:, start : start + width])
        start += width
    if recipe == "gmvae":
        given["y"] = torch.eye(10, dtype=torch.float64)[given["y"].argmax(1)]
    wanted = vae.fitted_.decode(mean(model, given)["x"]).to_pandas().to_numpy()
    vae.set_params(recipe="vae" if recipe == "gmvae" else "gmvae")  # of the next fit
    np.testing.assert_allclose(np.asarray(vae.inverse_transform(latents)), wanted, rtol=1e-9)
    with pytest.raises(ValueError, match="latents"):
        vae.inverse_transform(latents[:, :-1])


def test_positive_columns_are_filled_by_their_means_whatever_sets_the_scale() -> None:
    rng = np.random.default_rng(0)
    whole = np.exp(rng.normal(1.0, 0.8, (300, 1))) * np.exp(0.1 * rng.normal(size=(300, 2)))
    holed = whole.copy()
    holed[::3] = np.nan
    holed[::3, 1] = whole[::3, 1]
    fitted = TabularVAE(recipe="sigma_vae", max_epochs=30, random_state=0).fit(whole)
    assert [feature.kind for feature in fitted.fitted_.schema.features] == ["positive", "positive"]
    filled = np.asarray(fitted.impute(holed))
    assert np.isfinite(filled).all()
    assert np.corrcoef(np.log(filled[::3, 0]), np.log(whole[::3, 0]))[0, 1] > 0.8
