"""Estimators, terms and schedules: what is maximised."""

from anyvae.objectives.objective import ELBO, IWAE, Objective, elbo, iwae
from anyvae.objectives.schedule import Constant, Cosine, LinearRamp, Schedule, WarmupCosine

__all__ = [
    "ELBO",
    "IWAE",
    "Constant",
    "Cosine",
    "LinearRamp",
    "Objective",
    "Schedule",
    "WarmupCosine",
    "elbo",
    "iwae",
]
