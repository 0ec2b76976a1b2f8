"""Distributions that torch lacks, or has only in a slower form; all are `torch.distributions.Distribution`."""

from anyvae.distributions.autoregressive import Autoregressive
from anyvae.distributions.cell_mixture import CellMixture
from anyvae.distributions.cells import Cellwise, FromNoise, log_prob_of_given, sum_event
from anyvae.distributions.circular import VonMises
from anyvae.distributions.codes import CodeCategorical, CodeLayout, Quantised, nearest_code
from anyvae.distributions.columns import Columns
from anyvae.distributions.continuous import ContinuousBernoulli, Laplace, LogNormal
from anyvae.distributions.counts import Poisson
from anyvae.distributions.delta import Delta
from anyvae.distributions.directional import PowerSpherical, VonMisesFisher
from anyvae.distributions.discrete import Bernoulli, OneHotCategorical
from anyvae.distributions.discretised import DiscretisedLogistic, DiscretisedNormal
from anyvae.distributions.flowed import Bijection, Flowed
from anyvae.distributions.heavy import StudentT
from anyvae.distributions.interval import Beta
from anyvae.distributions.joint import FullNormal, NormalMixture
from anyvae.distributions.kl import analytic_kl, has_analytic_kl, sampled_kl
from anyvae.distributions.lattice_mixture import DiscretisedLogisticMixture
from anyvae.distributions.levels import UniformLattice, level_value
from anyvae.distributions.lowrank import LowRankNormal
from anyvae.distributions.mixture import Mixture
from anyvae.distributions.normal import Normal, OptimalNormal, StandardNormal
from anyvae.distributions.onehot_columns import OneHotColumns, OneHotLayout
from anyvae.distributions.ordinal import Ordinal
from anyvae.distributions.overdispersed import NegativeBinomial, ZeroInflatedNegativeBinomial
from anyvae.distributions.placed import Placed
from anyvae.distributions.point_masses import PointMasses
from anyvae.distributions.positive import Gamma
from anyvae.distributions.pushed import Pushed
from anyvae.distributions.quantiles import gamma_quantile, log_gamma_quantile
from anyvae.distributions.relaxed import RelaxedBernoulli, RelaxedCategorical, centred_logs
from anyvae.distributions.simplex import Dirichlet, LogisticNormal
from anyvae.distributions.sparse import SparseNormal
from anyvae.distributions.spectra import ComplexNormal
from anyvae.distributions.sphere import Directional, UniformSphere, unit_sphere
from anyvae.distributions.trials import Binomial, Multinomial
from anyvae.distributions.units import InUnits, LogUnit
from anyvae.distributions.whitened import whitened

__all__ = [
    "Autoregressive",
    "Bernoulli",
    "Beta",
    "Bijection",
    "Binomial",
    "CellMixture",
    "Cellwise",
    "CodeCategorical",
    "CodeLayout",
    "Columns",
    "ComplexNormal",
    "ContinuousBernoulli",
    "Delta",
    "Directional",
    "Dirichlet",
    "DiscretisedLogistic",
    "DiscretisedLogisticMixture",
    "DiscretisedNormal",
    "Flowed",
    "FromNoise",
    "FullNormal",
    "Gamma",
    "InUnits",
    "Laplace",
    "LogNormal",
    "LogUnit",
    "LogisticNormal",
    "LowRankNormal",
    "Mixture",
    "Multinomial",
    "NegativeBinomial",
    "Normal",
    "NormalMixture",
    "OneHotCategorical",
    "OneHotColumns",
    "OneHotLayout",
    "OptimalNormal",
    "Ordinal",
    "Placed",
    "PointMasses",
    "Poisson",
    "PowerSpherical",
    "Pushed",
    "Quantised",
    "RelaxedBernoulli",
    "RelaxedCategorical",
    "SparseNormal",
    "StandardNormal",
    "StudentT",
    "UniformLattice",
    "UniformSphere",
    "VonMises",
    "VonMisesFisher",
    "ZeroInflatedNegativeBinomial",
    "analytic_kl",
    "centred_logs",
    "gamma_quantile",
    "has_analytic_kl",
    "level_value",
    "log_gamma_quantile",
    "log_prob_of_given",
    "nearest_code",
    "sampled_kl",
    "sum_event",
    "unit_sphere",
    "whitened",
]
