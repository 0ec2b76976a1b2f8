"""The clusterer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, final

import numpy as np
from sklearn.base import ClusterMixin
from sklearn.mixture import GaussianMixture

from anyvae.estimators.base import TableEstimator, whole_number
from anyvae.estimators.saving import Saved
from anyvae.recipes import find_recipe

__all__ = ["VAEClusterer"]


@final
class VAEClusterer(ClusterMixin, Saved, TableEstimator):
    """Clusters of rows: those of the recipe where it has some, else a mixture of normals over the posterior means.

    Recipes "gmvae", "vade" and "infinite_vae" have clusters of their own, as many as `n_clusters` at most.

    Arguments are those of `TabularVAE`, besides

    Arguments:
        n_clusters: how many.

    >>> rng = np.random.default_rng(0)
    >>> rows = np.concatenate([rng.normal(-4, 1, size=(60, 2)), rng.normal(4, 1, size=(60, 2))])
    >>> labels = VAEClusterer(n_clusters=2, max_epochs=20, random_state=0).fit(rows).labels_
    >>> len(set(labels[:60])), len(set(labels[60:])), len(set(labels))
    (1, 1, 2)
    """

    _kept = ("labels_", "weights_", "means_", "covariances_")

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        recipe: str = "mixture_vae",
        latent_features: int | None = None,
        kinds: Mapping[str, str] | None = None,
        likelihood: str | None = None,
        max_epochs: int | None = None,
        max_minutes: float | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        unseen: str = "missing",
        samples: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        super().__init__(
            recipe=recipe,
            latent_features=latent_features,
            kinds=kinds,
            likelihood=likelihood,
            max_epochs=max_epochs,
            max_minutes=max_minutes,
            batch_size=batch_size,
            learning_rate=learning_rate,
            unseen=unseen,
            samples=samples,
            random_state=random_state,
            verbose=verbose,
        )
        self.n_clusters = n_clusters

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit rows and cluster them; `y` is not looked at.

        Raises:
            ValueError: for clusters that are no number from 1 on, or more than rows.
        """
        source = self._source(X, reset=True)
        clusters = whole_number("n_clusters", self.n_clusters, 1)
        if clusters > len(source):
            raise ValueError(f"n_clusters is {clusters} and n_samples = {len(source)}: give 1 to that many.")
        if find_recipe(self.recipe).clusters is not None and clusters > 1:
            self._fit_source(source, clusters=clusters)
            self.labels_ = self.fitted_.clusters(source).argmax(1)
            self.weights_ = self.means_ = self.covariances_ = None
            return self
        self._fit_source(source)
        latents = self.fitted_.embed(source)
        mixture = GaussianMixture(clusters, random_state=self.seed_, n_init=3).fit(latents)
        self.weights_, self.means_, self.covariances_ = mixture.weights_, mixture.means_, mixture.covariances_
        self.labels_ = mixture.predict(latents)
        return self

    def predict(self, X: Any) -> np.ndarray[Any, Any]:
        """The most probable cluster of each row."""
        return np.asarray(self.predict_proba(X).argmax(1))

    def predict_proba(self, X: Any) -> np.ndarray[Any, Any]:
        """p(cluster | row), (rows, clusters)."""
        fitted = self._model()
        if self.weights_ is None:
            return fitted.clusters(self._source(X))
        mixture = GaussianMixture(len(self.weights_))
        covariances: Any = self.covariances_
        mixture.weights_, mixture.means_, mixture.covariances_ = self.weights_, self.means_, covariances
        # As scikit-learn has it: the upper triangle of a root of each inverse covariance.
        mixture.precisions_cholesky_ = np.linalg.inv(np.linalg.cholesky(covariances)).transpose(0, 2, 1)
        return np.asarray(mixture.predict_proba(fitted.embed(self._source(X))))
