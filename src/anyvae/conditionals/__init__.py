"""p(child | parents): family + network, and the combinators over them."""

from anyvae.conditionals.autoregressive import Autoregressive
from anyvae.conditionals.blocks import Blocks
from anyvae.conditionals.columns import Columns
from anyvae.conditionals.conditional import Conditional
from anyvae.conditionals.continuous import DiagonalNormal, Normal, StandardNormal
from anyvae.conditionals.deterministic import Deterministic
from anyvae.conditionals.discrete import Bernoulli, Categorical, DiscretisedLogistic, UniformCategorical
from anyvae.conditionals.experts import MixtureOfExperts, ProductOfExperts
from anyvae.conditionals.family import Family
from anyvae.conditionals.joint import FullNormal, NormalMixture
from anyvae.conditionals.mixture import Mixture
from anyvae.conditionals.parametric import FamilyConditional
from anyvae.conditionals.parents import Parent, observed, optional, prior
from anyvae.conditionals.reals import ContinuousBernoulli, Laplace, LogNormal, Poisson
from anyvae.conditionals.scales import (
    FeatureScale,
    FixedScale,
    NetworkScale,
    OneScale,
    OptimalScale,
    Scale,
    bounded_scale,
)
from anyvae.conditionals.tempered import Tempered
from anyvae.conditionals.vamp import VampPrior

__all__ = [
    "Autoregressive",
    "Bernoulli",
    "Blocks",
    "Categorical",
    "Columns",
    "Conditional",
    "ContinuousBernoulli",
    "Deterministic",
    "DiagonalNormal",
    "DiscretisedLogistic",
    "Family",
    "FamilyConditional",
    "FeatureScale",
    "FixedScale",
    "FullNormal",
    "Laplace",
    "LogNormal",
    "Mixture",
    "MixtureOfExperts",
    "NetworkScale",
    "Normal",
    "NormalMixture",
    "OneScale",
    "OptimalScale",
    "Parent",
    "Poisson",
    "ProductOfExperts",
    "Scale",
    "StandardNormal",
    "Tempered",
    "UniformCategorical",
    "VampPrior",
    "bounded_scale",
    "observed",
    "optional",
    "prior",
]
