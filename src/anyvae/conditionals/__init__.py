"""p(child | parents): family + network, and the combinators over them."""

from anyvae.conditionals.circular import VonMises
from anyvae.conditionals.columns import Columns
from anyvae.conditionals.conditional import Conditional
from anyvae.conditionals.continuous import DiagonalNormal, Normal, StandardNormal
from anyvae.conditionals.counts import (
    Binomial,
    Multinomial,
    NegativeBinomial,
    ZeroInflatedNegativeBinomial,
)
from anyvae.conditionals.discrete import Bernoulli, Categorical, UniformCategorical
from anyvae.conditionals.family import Family
from anyvae.conditionals.joint import FullNormal, NormalMixture
from anyvae.conditionals.lattice import (
    DiscretisedLogistic,
    DiscretisedLogisticMixture,
    DiscretisedNormal,
)
from anyvae.conditionals.ordinal import Ordinal
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
from anyvae.conditionals.shaped import Beta, Gamma, StudentT

__all__ = [
    "Bernoulli",
    "Beta",
    "Binomial",
    "Categorical",
    "Columns",
    "Conditional",
    "ContinuousBernoulli",
    "DiagonalNormal",
    "DiscretisedLogistic",
    "DiscretisedLogisticMixture",
    "DiscretisedNormal",
    "Family",
    "FeatureScale",
    "FixedScale",
    "FullNormal",
    "Gamma",
    "Laplace",
    "LogNormal",
    "Multinomial",
    "NegativeBinomial",
    "NetworkScale",
    "Normal",
    "NormalMixture",
    "OneScale",
    "OptimalScale",
    "Ordinal",
    "Parent",
    "Poisson",
    "Scale",
    "StandardNormal",
    "StudentT",
    "UniformCategorical",
    "VonMises",
    "ZeroInflatedNegativeBinomial",
    "bounded_scale",
    "observed",
]
