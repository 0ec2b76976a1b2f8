"""p(child | parents): family + network, and the combinators over them."""

from anyvae.conditionals.codebook import Codebook
from anyvae.conditionals.columns import Columns
from anyvae.conditionals.conditional import Conditional
from anyvae.conditionals.continuous import DiagonalNormal, Normal, StandardNormal
from anyvae.conditionals.deterministic import Deterministic
from anyvae.conditionals.discrete import Bernoulli, Categorical, DiscretisedLogistic, UniformCategorical
from anyvae.conditionals.family import Family
from anyvae.conditionals.joint import FullNormal, NormalMixture
from anyvae.conditionals.lattice import FSQ, UniformLattice
from anyvae.conditionals.parametric import FamilyConditional
from anyvae.conditionals.parents import Parent, observed, prior
from anyvae.conditionals.quantised import CodebookPrior, QuantisedConditional, VectorQuantised
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
from anyvae.conditionals.summed import Summed

__all__ = [
    "FSQ",
    "Bernoulli",
    "Categorical",
    "Codebook",
    "CodebookPrior",
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
    "Poisson",
    "QuantisedConditional",
    "Scale",
    "StandardNormal",
    "Summed",
    "UniformCategorical",
    "UniformLattice",
    "VectorQuantised",
    "bounded_scale",
    "observed",
    "prior",
]
