"""Measures of fitted models, of the tables they draw and fill in, and of codes and clusters against known factors."""

from anyvae.metrics.aggregate_gap import mig
from anyvae.metrics.associations import AssociationGap, Associations, association, association_gap
from anyvae.metrics.clusters import ari, cluster_accuracy, exemplar_accuracy, majority_accuracy, nmi
from anyvae.metrics.codes import CodeUse, code_use
from anyvae.metrics.decomposition import KLParts, kl_parts
from anyvae.metrics.efficacy import Efficacy, efficacy
from anyvae.metrics.factors import FactorGap
from anyvae.metrics.fixed_factors import beta_vae_score, factor_vae_score
from anyvae.metrics.importances import DCI, dci
from anyvae.metrics.imputation import Coverage, ImputationError, imputation_error, interval_coverage
from anyvae.metrics.information import Modularity, histogram_mig, modularity
from anyvae.metrics.latents import LatentUse, active_units, latent_use
from anyvae.metrics.marginals import MarginalDistance, column_shapes, marginal_distance
from anyvae.metrics.pairs import PairTrends, pair_trends
from anyvae.metrics.privacy import Closeness, Privacy, privacy
from anyvae.metrics.robustness import Robustness, irs
from anyvae.metrics.separability import linear_probe, sap

__all__ = [
    "DCI",
    "AssociationGap",
    "Associations",
    "Closeness",
    "CodeUse",
    "Coverage",
    "Efficacy",
    "FactorGap",
    "ImputationError",
    "KLParts",
    "LatentUse",
    "MarginalDistance",
    "Modularity",
    "PairTrends",
    "Privacy",
    "Robustness",
    "active_units",
    "ari",
    "association",
    "association_gap",
    "beta_vae_score",
    "cluster_accuracy",
    "code_use",
    "column_shapes",
    "dci",
    "efficacy",
    "exemplar_accuracy",
    "factor_vae_score",
    "histogram_mig",
    "imputation_error",
    "interval_coverage",
    "irs",
    "kl_parts",
    "latent_use",
    "linear_probe",
    "majority_accuracy",
    "marginal_distance",
    "mig",
    "modularity",
    "nmi",
    "pair_trends",
    "privacy",
    "sap",
]
