"""p(child | parents): family + network, and the combinators over them."""

from anyvae.conditionals.by_bayes import ByBayes
from anyvae.conditionals.columns import Columns
from anyvae.conditionals.conditional import Conditional
from anyvae.conditionals.continuous import DiagonalNormal, Normal, StandardNormal
from anyvae.conditionals.deterministic import Deterministic
from anyvae.conditionals.discrete import Bernoulli, Categorical, DiscretisedLogistic, UniformCategorical
from anyvae.conditionals.family import Family
from anyvae.conditionals.implicit import Implicit
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
from anyvae.conditionals.structured import ComplexNormal, LowRankNormal, SparseNormal

__all__ = [
    "Bernoulli",
    "ByBayes",
    "Categorical",
    "Columns",
    "ComplexNormal",
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
    "Implicit",
    "Laplace",
    "LogNormal",
    "LowRankNormal",
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
    "SparseNormal",
    "StandardNormal",
    "UniformCategorical",
    "bounded_scale",
    "observed",
    "prior",
    "raw_scale_of",
]
