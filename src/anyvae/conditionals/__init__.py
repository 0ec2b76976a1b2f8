"""p(child | parents): family + network, and the combinators over them."""

from anyvae.conditionals.bijections import FlowTransform, Planar, Sylvester
from anyvae.conditionals.columns import Columns
from anyvae.conditionals.conditional import Conditional
from anyvae.conditionals.continuous import DiagonalNormal, Normal, StandardNormal
from anyvae.conditionals.deterministic import Deterministic
from anyvae.conditionals.discrete import Bernoulli, Categorical, DiscretisedLogistic, UniformCategorical
from anyvae.conditionals.family import Family
from anyvae.conditionals.flow import Flow
from anyvae.conditionals.joint import FullNormal, NormalMixture
from anyvae.conditionals.masked_flows import IAF, MAF, NSF
from anyvae.conditionals.parametric import FamilyConditional
from anyvae.conditionals.parents import Parent, observed, prior
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

__all__ = [
    "IAF",
    "MAF",
    "NSF",
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
    "Flow",
    "FlowTransform",
    "FullNormal",
    "Laplace",
    "LogNormal",
    "NetworkScale",
    "Normal",
    "NormalMixture",
    "OneScale",
    "OptimalScale",
    "Parent",
    "Planar",
    "Poisson",
    "Scale",
    "StandardNormal",
    "Sylvester",
    "UniformCategorical",
    "bounded_scale",
    "observed",
    "prior",
]
