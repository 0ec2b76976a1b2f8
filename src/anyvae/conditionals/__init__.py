"""p(child | parents): family + network, and the combinators over them."""

from anyvae.conditionals.columns import Columns
from anyvae.conditionals.conditional import Conditional
from anyvae.conditionals.continuous import DiagonalNormal, Normal, StandardNormal
from anyvae.conditionals.discrete import Bernoulli, Categorical, DiscretisedLogistic, UniformCategorical
from anyvae.conditionals.family import Family
from anyvae.conditionals.joint import FullNormal, NormalMixture
from anyvae.conditionals.parents import Parent, observed
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
from anyvae.conditionals.simplex import Dirichlet, LogisticNormal, RelaxedBernoulli, RelaxedCategorical
from anyvae.conditionals.sphere import PowerSpherical, UniformSphere, VonMisesFisher

__all__ = [
    "Bernoulli",
    "Categorical",
    "Columns",
    "Conditional",
    "ContinuousBernoulli",
    "DiagonalNormal",
    "Dirichlet",
    "DiscretisedLogistic",
    "Family",
    "FeatureScale",
    "FixedScale",
    "FullNormal",
    "Laplace",
    "LogNormal",
    "LogisticNormal",
    "NetworkScale",
    "Normal",
    "NormalMixture",
    "OneScale",
    "OptimalScale",
    "Parent",
    "Poisson",
    "PowerSpherical",
    "RelaxedBernoulli",
    "RelaxedCategorical",
    "Scale",
    "StandardNormal",
    "UniformCategorical",
    "UniformSphere",
    "VonMisesFisher",
    "bounded_scale",
    "observed",
]
