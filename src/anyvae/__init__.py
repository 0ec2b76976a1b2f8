"""Variational autoencoders: draw a model as two small graphs, train it, and ask it anything.

The nouns of the workshop are here: conditionals, networks, models, objectives, the fit loop and the
questions that a fitted model answers. Names are resolved when first used, so that `import anyvae` is
light and changes nothing in the process.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anyvae.conditionals import (
        Bernoulli,
        Categorical,
        Columns,
        Conditional,
        ContinuousBernoulli,
        DiagonalNormal,
        DiscretisedLogistic,
        Family,
        FeatureScale,
        FixedScale,
        FullNormal,
        Laplace,
        LogNormal,
        NetworkScale,
        Normal,
        NormalMixture,
        OneScale,
        OptimalScale,
        Poisson,
        StandardNormal,
        UniformCategorical,
        observed,
    )
    from anyvae.inference import embed, evaluate_bound, log_likelihood, mean, posterior, reconstruct, sample
    from anyvae.model import VAE, LatentVariableModel, Partial, Trace
    from anyvae.networks import MLP, ConvNet, GatedMLP, Linear, Network
    from anyvae.objectives import (
        ELBO,
        IWAE,
        KL,
        MIWAE,
        MMD,
        CapacityGap,
        Classify,
        DReG,
        LogLikelihood,
        Objective,
        Renyi,
        Schedule,
        StickingTheLanding,
        StratifiedTC,
        WeightedTC,
        elbo,
        iwae,
    )
    from anyvae.runs import load
    from anyvae.training import Player, TensorData, fit

__version__ = "0.1.0"

_HOMES = {
    "anyvae.conditionals": (
        "Bernoulli",
        "Categorical",
        "Columns",
        "Conditional",
        "ContinuousBernoulli",
        "DiagonalNormal",
        "DiscretisedLogistic",
        "Family",
        "FeatureScale",
        "FixedScale",
        "FullNormal",
        "Laplace",
        "LogNormal",
        "NetworkScale",
        "Normal",
        "NormalMixture",
        "OneScale",
        "OptimalScale",
        "Poisson",
        "StandardNormal",
        "UniformCategorical",
        "observed",
    ),
    "anyvae.runs": ("load",),
    "anyvae.inference": (
        "embed",
        "evaluate_bound",
        "log_likelihood",
        "mean",
        "posterior",
        "reconstruct",
        "sample",
    ),
    "anyvae.model": ("VAE", "LatentVariableModel", "Partial", "Trace"),
    "anyvae.networks": ("MLP", "ConvNet", "GatedMLP", "Linear", "Network"),
    "anyvae.objectives": (
        "ELBO",
        "IWAE",
        "KL",
        "MMD",
        "MIWAE",
        "CapacityGap",
        "Classify",
        "DReG",
        "LogLikelihood",
        "Objective",
        "Renyi",
        "Schedule",
        "StickingTheLanding",
        "StratifiedTC",
        "WeightedTC",
        "elbo",
        "iwae",
    ),
    "anyvae.training": ("Player", "TensorData", "fit"),
}

__all__ = [
    "ELBO",
    "IWAE",
    "KL",
    "MIWAE",
    "MLP",
    "MMD",
    "VAE",
    "Bernoulli",
    "CapacityGap",
    "Categorical",
    "Classify",
    "Columns",
    "Conditional",
    "ContinuousBernoulli",
    "ConvNet",
    "DReG",
    "DiagonalNormal",
    "DiscretisedLogistic",
    "Family",
    "FeatureScale",
    "FixedScale",
    "FullNormal",
    "GatedMLP",
    "Laplace",
    "LatentVariableModel",
    "Linear",
    "LogLikelihood",
    "LogNormal",
    "Network",
    "NetworkScale",
    "Normal",
    "NormalMixture",
    "Objective",
    "OneScale",
    "OptimalScale",
    "Partial",
    "Player",
    "Poisson",
    "Renyi",
    "Schedule",
    "StandardNormal",
    "StickingTheLanding",
    "StratifiedTC",
    "TensorData",
    "Trace",
    "UniformCategorical",
    "WeightedTC",
    "elbo",
    "embed",
    "evaluate_bound",
    "fit",
    "iwae",
    "load",
    "log_likelihood",
    "mean",
    "observed",
    "posterior",
    "reconstruct",
    "sample",
]


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            value = getattr(import_module(home), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module 'anyvae' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
