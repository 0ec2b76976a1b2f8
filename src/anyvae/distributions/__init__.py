"""Distributions that torch lacks, or has only in a slower form; all are `torch.distributions.Distribution`."""

from anyvae.distributions.cells import Cellwise, FromNoise, sum_event
from anyvae.distributions.columns import Columns
from anyvae.distributions.continuous import ContinuousBernoulli, Laplace, LogNormal
from anyvae.distributions.counts import Poisson
from anyvae.distributions.directional import PowerSpherical, VonMisesFisher
from anyvae.distributions.discrete import Bernoulli, OneHotCategorical
from anyvae.distributions.discretised import DiscretisedLogistic
from anyvae.distributions.joint import FullNormal, NormalMixture
from anyvae.distributions.kl import analytic_kl, has_analytic_kl, sampled_kl
from anyvae.distributions.normal import Normal, OptimalNormal, StandardNormal
from anyvae.distributions.quantiles import gamma_quantile
from anyvae.distributions.relaxed import RelaxedBernoulli, RelaxedCategorical, centred_logs
from anyvae.distributions.simplex import Dirichlet, LogisticNormal
from anyvae.distributions.sphere import Directional, UniformSphere, unit_sphere
from anyvae.distributions.units import InUnits

__all__ = [
    "Bernoulli",
    "Cellwise",
    "Columns",
    "ContinuousBernoulli",
    "Directional",
    "Dirichlet",
    "DiscretisedLogistic",
    "FromNoise",
    "FullNormal",
    "InUnits",
    "Laplace",
    "LogNormal",
    "LogisticNormal",
    "Normal",
    "NormalMixture",
    "OneHotCategorical",
    "OptimalNormal",
    "Poisson",
    "PowerSpherical",
    "RelaxedBernoulli",
    "RelaxedCategorical",
    "StandardNormal",
    "UniformSphere",
    "VonMisesFisher",
    "analytic_kl",
    "centred_logs",
    "gamma_quantile",
    "has_analytic_kl",
    "sampled_kl",
    "sum_event",
    "unit_sphere",
]
