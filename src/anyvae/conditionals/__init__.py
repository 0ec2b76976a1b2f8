"""p(child | parents): family + network, and the combinators over them."""

from anyvae.conditionals.by_bayes import ByBayes
from anyvae.conditionals.circular import VonMises
from anyvae.conditionals.columns import Columns
from anyvae.conditionals.conditional import Conditional
from anyvae.conditionals.continuous import DiagonalNormal, Normal, StandardNormal
from anyvae.conditionals.counts import Binomial, Multinomial, NegativeBinomial, ZeroInflatedNegativeBinomial
from anyvae.conditionals.deterministic import Deterministic
from anyvae.conditionals.discrete import Bernoulli, Categorical, UniformCategorical
from anyvae.conditionals.family import Family
from anyvae.conditionals.implicit import Implicit
from anyvae.conditionals.joint import FullNormal, NormalMixture
from anyvae.conditionals.lattice import DiscretisedLogistic, DiscretisedLogisticMixture, DiscretisedNormal
from anyvae.conditionals.ordinal import Ordinal
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
from anyvae.conditionals.shaped import Beta, Gamma, StudentT
from anyvae.conditionals.simplex import Dirichlet, LogisticNormal, RelaxedBernoulli, RelaxedCategorical
from anyvae.conditionals.sphere import PowerSpherical, UniformSphere, VonMisesFisher
from anyvae.conditionals.structured import ComplexNormal, LowRankNormal, SparseNormal

__all__ = [
    "Bernoulli",
    "Beta",
    "Binomial",
    "ByBayes",
    "Categorical",
    "Columns",
    "ComplexNormal",
    "Conditional",
    "ContinuousBernoulli",
    "Deterministic",
    "DiagonalNormal",
    "Dirichlet",
    "DiscretisedLogistic",
    "DiscretisedLogisticMixture",
    "DiscretisedNormal",
    "Family",
    "FamilyConditional",
    "FeatureScale",
    "FixedScale",
    "FullNormal",
    "Gamma",
    "Implicit",
    "Laplace",
    "LogNormal",
    "LogisticNormal",
    "LowRankNormal",
    "Multinomial",
    "NegativeBinomial",
    "NetworkScale",
    "Normal",
    "NormalMixture",
    "OneScale",
    "OptimalScale",
    "Ordinal",
    "Parent",
    "PerRow",
    "Poisson",
    "PowerSpherical",
    "Refined",
    "RelaxedBernoulli",
    "RelaxedCategorical",
    "Residual",
    "Scale",
    "SparseNormal",
    "StandardNormal",
    "StudentT",
    "UniformCategorical",
    "UniformSphere",
    "VonMises",
    "VonMisesFisher",
    "ZeroInflatedNegativeBinomial",
    "bounded_scale",
    "observed",
    "prior",
    "raw_scale_of",
]
