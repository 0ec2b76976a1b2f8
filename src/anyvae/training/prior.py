"""A prior learned after the fact, for a model that has been fitted."""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor

from anyvae.conditionals import Conditional, Family, FamilyConditional, NormalMixture, Parent, raw_scale_of
from anyvae.conditionals.combinator import as_conditional
from anyvae.inference import posterior, seeded
from anyvae.model import Batch, LatentVariableModel, Trace
from anyvae.objectives import Objective, Schedule, WarmupCosine
from anyvae.training.data import TensorData, as_tensor_data
from anyvae.training.loop import fit
from anyvae.training.player import Player

__all__ = ["PriorBound", "fit_prior"]


@final
class PriorBound(Objective):
    r"""The bound of a model of a latent, at draws of its posterior; nothing of the data is scored.

    .. math:: E_{q(z \mid x)}[\log p(z)], \text{ or } E_{q(z \mid x) \, q(u \mid z)}[\log p(z, u) - \log q(u \mid z)]

    Arguments:
        names: variables of the prior: the latent itself, and those above it.
        samples: S, draws per row.
    """

    def __init__(self, names: tuple[str, ...], samples: int = 1) -> None:
        super().__init__(samples)
        self.names = names

    def of(self, trace: Trace, progress: float = 1.0) -> Tensor:
        """See `Objective.of`."""
        above = [name for name, from_q in trace.plan.draws if from_q and name in self.names[1:]]
        total = trace.expect(trace.log_p(self.names[0]))
        for name in above:
            total = total - trace.kl_of(name)
        return total


def fit_prior(
    model: LatentVariableModel,
    data: TensorData | Batch | Tensor,
    prior: Conditional | Family | LatentVariableModel,
    name: str = "z",
    *,
    learning_rate: float | Schedule = 1e-3,
    seed: int = 0,
    **options: Any,
) -> LatentVariableModel:
    r"""A model with another prior, fitted to the aggregate posterior; all other parts are shared and left as they are.

    .. math:: \max_p \; E_{x \sim data} \, E_{q(z \mid x)} \log p(z)

    A mixture of normals is fitted by expectation-maximisation to one draw a row, any other conditional and a second
    variational autoencoder over the latent (a two-stage VAE: the union of both graphs) by gradient.

    Arguments:
        model: fitted; its own weights do not change.
        data: rows whose posteriors make the aggregate.
        prior: of the latent: a family or conditional, or a model that has `name` among its observed variables.
        name: of the latent, which has a prior without parents.
        learning_rate: as for `fit`.
        seed: of the draws and the fit.
        options: others of `fit`, for a prior that is fitted by gradient.

    Raises:
        ValueError: when the latent is none of the model's, its prior has parents, or a posterior reads that prior and
            would be another with each.
        TypeError: for options of `fit` beside a mixture of normals.

    Source: Diagnosing and Enhancing VAE Models (Dai and Wipf, 2019) for the second VAE; From Variational to
    Deterministic Autoencoders (Ghosh et al., 2020) for the mixture.
    """
    if name not in model.latents or model.generative_parts[name].parents:
        raise ValueError(
            f"fit_prior({name!r}): wanted a latent whose prior has no parents; the model has the latents "
            f"{list(model.latents)}."
        )
    for key, part in model.inference_parts.items():
        if Parent(name, prior=True) in part.parents:
            raise ValueError(
                f"fit_prior({name!r}): q({key}) reads prior({name}), and moves with the prior that is fitted to it; "
                "fit a model in which q reads the data alone, or this one with the wanted prior from the start."
            )
    conditions = {key: tuple(shape) for key, shape in model.conditions.items()}
    rest = {key: part for key, part in model.generative_parts.items() if key != name}
    if isinstance(prior, LatentVariableModel):
        if name not in prior.observed:
            raise ValueError(f"fit_prior: the second model observes {list(prior.observed)}, not {name!r}.")
        clash = sorted((set(prior.shapes) - {name}) & set(model.shapes))
        if clash:
            raise ValueError(f"fit_prior: both models have a variable {clash[0]!r}; give one another name.")
        upper = dict(prior.generative_parts)
        union = LatentVariableModel(
            upper | rest, dict(model.inference_parts) | dict(prior.inference_parts), conditions=conditions
        ).to(model.device, model.dtype)
        names = (name, *(key for key in prior.shapes if key != name))
        learned = {f"generative.{key}": part for key, part in upper.items()}
        learned |= {f"inference.{key}": part for key, part in prior.inference_parts.items()}
        parts = [key for key, part in learned.items() if any(True for _ in part.parameters())]
    else:
        part = as_conditional(prior)
        union = LatentVariableModel({name: part} | rest, dict(model.inference_parts), conditions=conditions)
        union = union.to(model.device, model.dtype)
        names, parts = (name,), [f"generative.{name}"]
        if isinstance(part, FamilyConditional) and isinstance(part.family, NormalMixture):
            if options:
                raise TypeError(
                    "fit_prior: a mixture of normals is fitted by expectation-maximisation and not by gradient, so "
                    f"that {next(iter(options))!r} has no effect: leave it out."
                )
            _by_expectation_maximisation(model, as_tensor_data(data), part, name, seed)
            return union
    rate = learning_rate if isinstance(learning_rate, Schedule) else WarmupCosine(learning_rate)
    player = Player("prior", PriorBound(names), parts, learning_rate=rate)
    fit(union, data, players=[player], seed=seed, **options)
    return union


def _by_expectation_maximisation(
    model: LatentVariableModel, data: TensorData, part: FamilyConditional, name: str, seed: int
) -> None:
    from sklearn.mixture import GaussianMixture

    assert isinstance(part.family, NormalMixture)
    with seeded(seed):
        draws = posterior(model, data.fixed(), seed=seed)[name].sample().double().cpu().numpy()
    found = GaussianMixture(
        part.family.components, covariance_type="diag", random_state=seed, max_iter=500
    ).fit(draws)
    values = {
        "logits": torch.from_numpy(found.weights_).log(),
        "loc": torch.from_numpy(found.means_),
        "raw_scale": raw_scale_of(torch.from_numpy(found.covariances_).sqrt()),
    }
    with torch.no_grad():
        for key, value in values.items():
            part.free[key].copy_(value)
