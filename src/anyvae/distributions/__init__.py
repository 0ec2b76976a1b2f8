"""Distributions that torch lacks, or has only in a slower form; all are `torch.distributions.Distribution`."""

from anyvae.distributions.cells import Cellwise, FromNoise, sum_event
from anyvae.distributions.codes import CodeCategorical, CodeLayout, Quantised, nearest_code
from anyvae.distributions.columns import Columns
from anyvae.distributions.continuous import ContinuousBernoulli, Laplace, LogNormal
from anyvae.distributions.counts import Poisson
from anyvae.distributions.delta import Delta
from anyvae.distributions.discrete import Bernoulli, OneHotCategorical
from anyvae.distributions.discretised import DiscretisedLogistic
from anyvae.distributions.joint import FullNormal, NormalMixture
from anyvae.distributions.kl import analytic_kl, has_analytic_kl, sampled_kl
from anyvae.distributions.lattice import UniformLattice, level_value
from anyvae.distributions.normal import Normal, OptimalNormal, StandardNormal
from anyvae.distributions.quantiles import gamma_quantile
from anyvae.distributions.units import InUnits

__all__ = [
    "Bernoulli",
    "Cellwise",
    "CodeCategorical",
    "CodeLayout",
    "Columns",
    "ContinuousBernoulli",
    "Delta",
    "DiscretisedLogistic",
    "FromNoise",
    "FullNormal",
    "InUnits",
    "Laplace",
    "LogNormal",
    "Normal",
    "NormalMixture",
    "OneHotCategorical",
    "OptimalNormal",
    "Poisson",
    "Quantised",
    "StandardNormal",
    "UniformLattice",
    "analytic_kl",
    "gamma_quantile",
    "has_analytic_kl",
    "level_value",
    "nearest_code",
    "sampled_kl",
    "sum_event",
]
