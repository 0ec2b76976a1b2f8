"""Classifiers and clusterers are saved and loaded; labels that are words may be unknown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from anyvae.estimators import TabularVAE, VAEClassifier, VAEClusterer


def two_groups(rows: int = 120) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    words = np.repeat(["ant", "bee"], rows // 2)
    values = rng.normal(size=(rows, 2)) + np.where(words == "bee", 5.0, 0.0)[:, None]
    return pd.DataFrame(values, columns=["a", "b"]), words


@pytest.mark.parametrize("recipe", ["mixture_vae", "m2"])
def test_a_classifier_comes_back(recipe: str, tmp_path: Path) -> None:
    rows, words = two_groups()
    model = VAEClassifier(recipe=recipe, max_epochs=30, random_state=0).fit(rows, words)
    model.save(tmp_path / "model")
    again = VAEClassifier.load(tmp_path / "model")
    np.testing.assert_array_equal(again.predict_proba(rows), model.predict_proba(rows))
    assert again.predict(rows).tolist() == model.predict(rows).tolist()
    assert (again.predict(rows) == words).mean() > 0.95


@pytest.mark.parametrize("recipe", ["mixture_vae", "gmvae"])
def test_a_clusterer_comes_back(recipe: str, tmp_path: Path) -> None:
    rows, _ = two_groups()
    model = VAEClusterer(2, recipe=recipe, max_epochs=20, random_state=0).fit(rows)
    assert model.predict(rows).tolist() == model.labels_.tolist()
    model.save(tmp_path / "model")
    again = VAEClusterer.load(tmp_path / "model")
    np.testing.assert_array_equal(again.labels_, model.labels_)
    np.testing.assert_array_equal(again.predict_proba(rows), model.predict_proba(rows))


@pytest.mark.parametrize("unknown", [None, -1, np.nan])
def test_words_may_be_unknown(unknown: object) -> None:
    rows, words = two_groups()
    some = words.astype(object)
    some[::3] = unknown
    model = VAEClassifier(max_epochs=60, random_state=0).fit(rows, some)
    assert model.classes_.tolist() == ["ant", "bee"]
    assert (model.predict(rows) == words).mean() > 0.95
    with pytest.raises(ValueError, match="y holds no label"):
        VAEClassifier(max_epochs=1).fit(rows, np.full(len(rows), None, dtype=object))


@pytest.mark.parametrize(
    "labels",
    [
        np.array([1, 2, None] * 40, dtype=object),
        np.array([1.0, 2.0, np.nan] * 40),
        pd.Series([1, 2, None] * 40, dtype="Int64"),
        np.array([True, False, None] * 40, dtype=object),
    ],
    ids=lambda labels: str(labels.dtype),
)
def test_numbers_may_be_unknown_as_minus_one_only(labels: Any) -> None:
    rows, _ = two_groups()
    with pytest.raises(
        ValueError, match=r"contains NaN or None, in row 3, .* give -1 where a label is not known"
    ):
        VAEClassifier(max_epochs=1).fit(rows, labels)


def test_objects_that_are_no_words_are_refused() -> None:
    rows, _ = two_groups()
    with pytest.raises(ValueError, match=r"objects that are no words, such as 1: give it their type"):
        VAEClassifier(max_epochs=1).fit(rows, np.array([1, 2, -1] * 40, dtype=object))


@pytest.mark.parametrize("clusters", [True, 0, 2.5, "3"])
def test_clusters_that_are_no_number_are_refused(clusters: Any) -> None:
    with pytest.raises(ValueError, match=r"n_clusters is .* give a whole number from 1 on"):
        VAEClusterer(clusters).fit(two_groups()[0])


def test_categories_in_their_order_come_back(tmp_path: Path) -> None:
    rows, _ = two_groups()
    rows["size"] = np.resize(["s", "m", "l"], len(rows))
    model = TabularVAE(kinds={"size": ["s", "m", "l"]}, max_epochs=1, random_state=0).fit(rows)
    model.save(tmp_path / "model")
    again = TabularVAE.load(tmp_path / "model")
    assert again.kinds == {"size": ["s", "m", "l"]}
    np.testing.assert_array_equal(again.score_samples(rows), model.score_samples(rows))


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["2020-01-01T12", "2021-05-05T13"], dtype="datetime64[s]"),
        np.array([0, 10**18 + 7], dtype="datetime64[ns]"),
        np.array([0, 200], dtype=np.uint8),
        np.array([False, True]),
        np.array([1.0, 2.0], dtype=np.float32),
        np.array(["ant", "bee"], dtype=object),
        np.array(["ant", "bee"]),
    ],
    ids=lambda labels: str(labels.dtype),
)
def test_classes_are_of_their_type_again(labels: np.ndarray, tmp_path: Path) -> None:
    rows, _ = two_groups()
    model = VAEClassifier(max_epochs=1, random_state=0).fit(rows, np.repeat(labels, len(rows) // 2))
    model.save(tmp_path / "model")
    again = VAEClassifier.load(tmp_path / "model")
    assert again.classes_.dtype == model.classes_.dtype == labels.dtype
    assert again.classes_.tolist() == labels.tolist()
    np.testing.assert_array_equal(again.predict(rows), model.predict(rows))


def test_kinds_of_places_come_back(tmp_path: Path) -> None:
    rows = two_groups()[0].to_numpy()
    model = TabularVAE(kinds={0: "real", np.int64(1): "positive"}, max_epochs=1, random_state=0)
    model.fit(np.exp(rows)).save(tmp_path / "model")
    again = TabularVAE.load(tmp_path / "model")
    assert again.kinds == {0: "real", 1: "positive"}
    assert [feature.kind for feature in again.fit(np.exp(rows)).schema_.features] == ["real", "positive"]
