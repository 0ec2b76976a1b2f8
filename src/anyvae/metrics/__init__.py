"""Measures of fitted models, and of the tables they draw and fill in."""

from anyvae.metrics.associations import AssociationGap, Associations, association, association_gap
from anyvae.metrics.codes import CodeUse, code_use
from anyvae.metrics.decomposition import KLParts, kl_parts
from anyvae.metrics.efficacy import Efficacy, efficacy
from anyvae.metrics.imputation import Coverage, ImputationError, imputation_error, interval_coverage
from anyvae.metrics.latents import LatentUse, active_units, latent_use
from anyvae.metrics.marginals import MarginalDistance, column_shapes, marginal_distance
from anyvae.metrics.pairs import PairTrends, pair_trends
from anyvae.metrics.privacy import Closeness, Privacy, privacy

__all__ = [
    "AssociationGap",
    "Associations",
    "Closeness",
    "CodeUse",
    "Coverage",
    "Efficacy",
    "ImputationError",
    "KLParts",
    "LatentUse",
    "MarginalDistance",
    "PairTrends",
    "Privacy",
    "active_units",
    "association",
    "association_gap",
    "code_use",
    "column_shapes",
    "efficacy",
    "imputation_error",
    "interval_coverage",
    "kl_parts",
    "latent_use",
    "marginal_distance",
    "pair_trends",
    "privacy",
]
