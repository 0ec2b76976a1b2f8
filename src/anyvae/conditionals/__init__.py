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
from anyvae.conditionals.structured import ComplexNormal, LowRankNormal, SparseNormal

__all__ = [
    "Bernoulli",
    "Categorical",
    "Columns",
    "ComplexNormal",
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
    "LowRankNormal",
    "NetworkScale",
    "Normal",
    "NormalMixture",
    "OneScale",
    "OptimalScale",
    "Parent",
    "Poisson",
    "Scale",
    "SparseNormal",
    "StandardNormal",
    "UniformCategorical",
    "bounded_scale",
    "observed",
]
