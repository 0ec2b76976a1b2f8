"""Models whose latents fall into clusters."""

from __future__ import annotations

from typing import Literal, TypeAlias, Unpack

import torch
from torch import Tensor, nn

from anyvae.conditionals import (
    ByBayes,
    Categorical,
    DiagonalNormal,
    Family,
    FamilyConditional,
    FullNormal,
    StandardNormal,
    UniformCategorical,
    raw_scale_of,
)
from anyvae.data import some_rows
from anyvae.inference import posterior
from anyvae.model import Batch, LatentVariableModel
from anyvae.networks import MLP, Chosen, Linear, Lookup, Network
from anyvae.objectives import ELBO, LogLikelihood, Objective, StickPrior
from anyvae.recipes.ends import EndOptions, Ends
from anyvae.recipes.recipe import under_normal_prior
from anyvae.training.data import TensorData, as_tensor_data

__all__ = ["gmvae", "infinite_vae", "start_clusters", "stick_breaking_elbo", "vade", "without_clusters"]

Covariance: TypeAlias = Literal["full", "diagonal"]

_ROWS_CLUSTERED = 20_000


def gmvae(
    likelihood: Family,
    latent_features: int,
    *,
    clusters: int = 10,
    covariance: Covariance = "full",
    above: int | None = None,
    hidden: int | None = None,
    **options: Unpack[EndOptions],
) -> LatentVariableModel:
    r"""A prior mixed of normals whose places and spreads a second latent bends.

    .. math::

        p(w) = N(0, I), \; p(y) = 1 / K, \; p(z \mid w, y) = N(\mu_y(w), \Sigma_y(w)), \; p(x \mid z), \quad
        q(w \mid x) \, q(z \mid x) \, p(y \mid z, w)

    The cluster y is inferred by Bayes' rule, exactly. Started where `vade` is, it has no cluster that most rows share;
    see `start_clusters`.
    Source: Deep Unsupervised Clustering with Gaussian Mixture Variational Autoencoders (Dilokthanakul et al., 2016).

    Arguments:
        likelihood: family of x.
        latent_features: size of z.
        clusters: K.
        covariance: "full", for clusters of features lie across their axes, or "diagonal", as the paper has it.
        above: size of w; that of z where None.
        hidden: width of the network of p(z | w, y).
        options: how x is read and made, see `EndOptions`.

    >>> from anyvae.conditionals import Bernoulli
    >>> gmvae(Bernoulli(6), 2, clusters=3).latents
    ('w', 'z', 'y')
    """
    ends = Ends(likelihood, **options)
    above = above or latent_features
    bends = Chosen(MLP([hidden or 128], nn.Tanh), shared=True)
    return LatentVariableModel(
        generative={
            "w": StandardNormal(above),
            "y": UniformCategorical(clusters),
            "z": _cluster(latent_features, covariance).given("w", "y", net=bends),
            "x": ends.make("z"),
        },
        inference={
            "w": ends.read(DiagonalNormal(above)),
            "z": ends.read(DiagonalNormal(latent_features)),
            "y": ByBayes(clusters),
        },
    )


def vade(
    likelihood: Family,
    latent_features: int,
    *,
    clusters: int = 10,
    covariance: Covariance = "full",
    **options: Unpack[EndOptions],
) -> LatentVariableModel:
    r"""A prior mixed of normals, one for each cluster.

    .. math:: p(y) = \pi_y, \; p(z \mid y) = N(\mu_y, \Sigma_y), \; p(x \mid z), \quad q(z \mid x) \, p(y \mid z)

    The cluster is inferred by Bayes' rule, which is the best q(y | x) for its bound. It wants a start: a fitted
    autoencoder, and a mixture fitted to its codes; see `start_clusters`.
    Source: Variational Deep Embedding: An Unsupervised and Generative Approach to Clustering (Jiang et al., 2017).

    Arguments:
        likelihood: family of x.
        latent_features: size of z.
        clusters: K.
        covariance: "full", for clusters of features lie across their axes, or "diagonal", as the paper has it.
        options: how x is read and made, see `EndOptions`.

    >>> from anyvae.conditionals import Bernoulli
    >>> vade(Bernoulli(6), 2, clusters=3).latents
    ('z', 'y')
    """
    ends = Ends(likelihood, **options)
    return LatentVariableModel(
        generative={
            "y": Categorical(clusters),
            "z": _cluster(latent_features, covariance).given("y", net=Lookup()),
            "x": ends.make("z"),
        },
        inference={
            "z": ends.read(DiagonalNormal(latent_features)),
            "y": ByBayes(clusters),
        },
    )


def _cluster(features: int, covariance: Covariance) -> Family:
    if covariance not in ("full", "diagonal"):
        raise ValueError(f'got covariance={covariance!r}; wanted "full" or "diagonal".')
    return FullNormal(features) if covariance == "full" and features > 1 else DiagonalNormal(features)


def without_clusters(model: LatentVariableModel) -> LatentVariableModel:
    """The encoder and decoder of `vade` or `gmvae` with N(0, I) as their prior, sharing their weights."""
    return under_normal_prior(model, "z")


def start_clusters(model: LatentVariableModel, view: LatentVariableModel, data: TensorData | Batch) -> None:
    """Let the clusters of a model start at a mixture of normals fitted to the posterior means of rows, in place.

    Arguments:
        model: from `vade` or `gmvae`.
        view: what was fitted before, from `without_clusters`.
        data: the rows; 20,000 of them at most are looked at.
    """
    from sklearn.mixture import GaussianMixture

    data = as_tensor_data(data)
    q = posterior(view, data.fixed(torch.from_numpy(some_rows(len(data), _ROWS_CLUSTERED))))["z"]
    means = q.mean.double()
    clusters = model.shapes["y"].numel()
    seed = int(torch.randint(2**31 - 1, ()))
    # Found with correlations, clusters are those of the rows more often, also where the model's own have none.
    found = GaussianMixture(clusters, covariance_type="full", n_init=3, random_state=seed).fit(
        means.cpu().numpy()
    )
    # Draws of q spread about the means, and it is draws that the clusters have to hold.
    covariance = torch.from_numpy(found.covariances_) + q.variance.double().mean(0).diag()
    part, shares = model.generative_parts["z"], model.generative_parts["y"]
    assert isinstance(part, FamilyConditional)
    for name, values in _params(part.family, torch.from_numpy(found.means_), covariance).items():
        part.net.assign(name, values.float())  # type: ignore[union-attr, operator]
    assert isinstance(shares, FamilyConditional)
    if "logits" in shares.free:  # of gmvae they are all the same
        with torch.no_grad():
            shares.free["logits"].copy_(torch.from_numpy(found.weights_).clamp_min(1e-4).log())


def _params(family: Family, mean: Tensor, covariance: Tensor) -> dict[str, Tensor]:
    """Parameters with which a family of clusters has these means and, as far as it can, covariances."""
    if not isinstance(family, FullNormal):
        return {"loc": mean, "raw_scale": raw_scale_of(covariance.diagonal(dim1=1, dim2=2).sqrt())}
    factor = torch.linalg.cholesky(covariance)
    scale = factor.diagonal(dim1=1, dim2=2)
    row, column = torch.tril_indices(mean.shape[1], mean.shape[1], -1)
    lower = (factor / scale.unsqueeze(-1))[:, row, column]
    return {"loc": mean, "raw_scale": raw_scale_of(scale), "lower": lower}


def infinite_vae(
    likelihood: Family,
    latent_features: int,
    *,
    experts: int = 10,
    classes: int | None = None,
    labels_of: Literal["latents", "experts"] = "latents",
    gate: Network | None = None,
    **options: Unpack[EndOptions],
) -> LatentVariableModel:
    r"""A mixture of VAEs with the weights of a Dirichlet process: as many experts as the data ask for.

    .. math::

        p(k) = v_k \prod_{j < k} (1 - v_j), \; v_k \sim Beta(1, concentration), \quad
        p(z) = N(0, I), \; p_k(x \mid z), \; p_k(y \mid z), \quad q(k \mid x) \, q_k(z \mid x)

    The process is cut off at `experts`, which bounds how many are in use and does not choose it. In the batch "y" is
    one-hot, `Partial` by rows where some are not labelled. Train it with `stick_breaking_elbo`.
    Source: Infinite Variational Autoencoder for Semi-Supervised Learning (Abbasnejad et al., 2017); Variational
    inference for Dirichlet process mixtures (Blei and Jordan, 2006), the truncation.

    Arguments:
        likelihood: family of x.
        latent_features: size of z.
        experts: where the process is cut off.
        classes: number of labels; the model has none where None.
        labels_of: "latents" for p_k(y | z), a linear classifier in every expert; "experts" for p(y | k), of which fewer
            labels tell, and which wants more experts than classes.
        gate: network of q(k | x); the encoder's where None.
        options: how an expert reads and makes x, see `EndOptions`.

    >>> from anyvae.conditionals import Bernoulli
    >>> infinite_vae(Bernoulli(6), 2, experts=3).latents
    ('k', 'z')
    """
    ends = Ends(likelihood, **options)
    if labels_of not in ("latents", "experts"):
        raise ValueError(f'infinite_vae got labels_of={labels_of!r}; wanted "latents" or "experts".')
    labels = {}
    if classes is not None:
        y = Categorical(classes)
        of_latents, of_experts = y.given("z", "k", net=Chosen(Linear())), y.given("k", net=Linear())
        labels["y"] = of_experts if labels_of == "experts" else of_latents
    return LatentVariableModel(
        generative={
            "k": Categorical(experts),
            "z": StandardNormal(latent_features),
            "x": ends.make("z", "k", net=Chosen(ends.decoder)),
            **labels,
        },
        inference={
            "k": ends.read(Categorical(experts), net=gate),
            "z": ends.read(DiagonalNormal(latent_features), "k", net=Chosen(ends.encoder)),
        },
    )


def stick_breaking_elbo(
    rows: int, *, concentration: float = 1.0, share: float | None = None, weight: float = 1.0
) -> Objective:
    r"""The bound of `infinite_vae`, its sticks drawn to their prior, and labels weighed as in `classifying_elbo`.

    Arguments:
        rows: of the training data, among which the one prior of the sticks is shared out.
        concentration: of the Dirichlet process; more experts are in use the larger it is.
        share: of the rows that have a label; None where there are none.
        weight: of the labels' log-density, over all rows.
    """
    bound = ELBO(enumerate=["k"]) + (1.0 / rows) * StickPrior("k", concentration)
    return bound if share is None else bound + (weight / share) * LogLikelihood(names=["y"])
