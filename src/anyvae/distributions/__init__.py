"""Distributions that torch lacks, or has only in a slower form; all are `torch.distributions.Distribution`."""

from anyvae.distributions.autoregressive import Autoregressive
from anyvae.distributions.cells import Cellwise, FromNoise, sum_event
from anyvae.distributions.columns import Columns
from anyvae.distributions.continuous import ContinuousBernoulli, Laplace, LogNormal
from anyvae.distributions.counts import Poisson
from anyvae.distributions.delta import Delta
from anyvae.distributions.discrete import Bernoulli, OneHotCategorical
from anyvae.distributions.discretised import DiscretisedLogistic
from anyvae.distributions.joint import FullNormal, NormalMixture
from anyvae.distributions.kl import analytic_kl, has_analytic_kl, sampled_kl
from anyvae.distributions.mixture import Mixture
from anyvae.distributions.normal import Normal, OptimalNormal, StandardNormal
from anyvae.distributions.quantiles import gamma_quantile
from anyvae.distributions.units import InUnits

__all__ = [
    "Autoregressive",
    "Bernoulli",
    "Cellwise",
    "Columns",
    "ContinuousBernoulli",
    "Delta",
    "DiscretisedLogistic",
    "FromNoise",
    "FullNormal",
    "InUnits",
    "Laplace",
    "LogNormal",
    "Mixture",
    "Normal",
    "NormalMixture",
    "OneHotCategorical",
    "OptimalNormal",
    "Poisson",
    "StandardNormal",
    "analytic_kl",
    "gamma_quantile",
    "has_analytic_kl",
    "sampled_kl",
    "sum_event",
]
