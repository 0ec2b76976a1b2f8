"""p(child | parents): family + network, and the combinators over them."""

from anyvae.conditionals.columns import Columns
from anyvae.conditionals.conditional import Conditional
from anyvae.conditionals.continuous import DiagonalNormal, Normal, StandardNormal
from anyvae.conditionals.deterministic import Deterministic
from anyvae.conditionals.discrete import Bernoulli, Categorical, DiscretisedLogistic, UniformCategorical
from anyvae.conditionals.family import Family
from anyvae.conditionals.joint import FullNormal, NormalMixture
from anyvae.conditionals.parametric import FamilyConditional
from anyvae.conditionals.parents import Parent, observed, prior
from anyvae.conditionals.per_row import PerRow
from anyvae.conditionals.reals import ContinuousBernoulli, Laplace, LogNormal, Poisson
from anyvae.conditionals.refined import Refined
from anyvae.conditionals.residual import Residual
from anyvae.conditionals.scales import (
    FeatureScale,
    FixedScale,
    NetworkScale,
    OneScale,
    OptimalScale,
    Scale,
    bounded_scale,
    raw_scale_of,
)

__all__ = [
    "Bernoulli",
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
    "NetworkScale",
    "Normal",
    "NormalMixture",
    "OneScale",
    "OptimalScale",
    "Parent",
    "PerRow",
    "Poisson",
    "Refined",
    "Residual",
    "Scale",
    "StandardNormal",
    "UniformCategorical",
    "bounded_scale",
    "observed",
    "prior",
    "raw_scale_of",
]
