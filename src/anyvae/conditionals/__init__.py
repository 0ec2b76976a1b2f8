"""p(child | parents): family + network, and the combinators over them."""

from anyvae.conditionals.autoregressive import Autoregressive
from anyvae.conditionals.bijections import FlowTransform, Planar, Sylvester
from anyvae.conditionals.blocks import Blocks
from anyvae.conditionals.by_bayes import ByBayes
from anyvae.conditionals.cell_mixture import CellMixture
from anyvae.conditionals.circular import VonMises
from anyvae.conditionals.codebook import Codebook
from anyvae.conditionals.columns import Columns
from anyvae.conditionals.conditional import Conditional
from anyvae.conditionals.continuous import DiagonalNormal, Normal, StandardNormal
from anyvae.conditionals.counts import Binomial, Multinomial, NegativeBinomial, ZeroInflatedNegativeBinomial
from anyvae.conditionals.deterministic import Deterministic
from anyvae.conditionals.discrete import Bernoulli, Categorical, Categoricals, UniformCategorical
from anyvae.conditionals.experts import MixtureOfExperts
from anyvae.conditionals.family import Family
from anyvae.conditionals.flow import Flow
from anyvae.conditionals.implicit import Implicit
from anyvae.conditionals.joint import FullNormal, NormalMixture
from anyvae.conditionals.lattice import DiscretisedLogistic, DiscretisedLogisticMixture, DiscretisedNormal
from anyvae.conditionals.levels import FSQ, UniformLattice
from anyvae.conditionals.masked_flows import IAF, MAF, NSF
from anyvae.conditionals.mixture import Mixture
from anyvae.conditionals.ordinal import Ordinal
from anyvae.conditionals.parametric import FamilyConditional
from anyvae.conditionals.parents import Parent, observed, optional, prior
from anyvae.conditionals.per_row import PerRow
from anyvae.conditionals.placed import Placed
from anyvae.conditionals.point_masses import PointMasses
from anyvae.conditionals.products import MixtureOfProducts, ProductOfExperts
from anyvae.conditionals.quantised import CodebookPrior, QuantisedConditional, VectorQuantised
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
from anyvae.conditionals.summed import Summed
from anyvae.conditionals.tempered import Tempered
from anyvae.conditionals.vamp import VampPrior

__all__ = [
    "FSQ",
    "IAF",
    "MAF",
    "NSF",
    "Autoregressive",
    "Bernoulli",
    "Beta",
    "Binomial",
    "Blocks",
    "ByBayes",
    "Categorical",
    "Categoricals",
    "CellMixture",
    "Codebook",
    "CodebookPrior",
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
    "Flow",
    "FlowTransform",
    "FullNormal",
    "Gamma",
    "Implicit",
    "Laplace",
    "LogNormal",
    "LogisticNormal",
    "LowRankNormal",
    "Mixture",
    "MixtureOfExperts",
    "MixtureOfProducts",
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
    "Placed",
    "Planar",
    "PointMasses",
    "Poisson",
    "PowerSpherical",
    "ProductOfExperts",
    "QuantisedConditional",
    "Refined",
    "RelaxedBernoulli",
    "RelaxedCategorical",
    "Residual",
    "Scale",
    "SparseNormal",
    "StandardNormal",
    "StudentT",
    "Summed",
    "Sylvester",
    "Tempered",
    "UniformCategorical",
    "UniformLattice",
    "UniformSphere",
    "VampPrior",
    "VectorQuantised",
    "VonMises",
    "VonMisesFisher",
    "ZeroInflatedNegativeBinomial",
    "bounded_scale",
    "observed",
    "optional",
    "prior",
    "raw_scale_of",
]
