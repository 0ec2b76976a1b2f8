"""Estimators, terms and schedules: what is maximised."""

from anyvae.objectives.combined import MIWAE, Renyi
from anyvae.objectives.correlation import StratifiedTC, WeightedTC
from anyvae.objectives.drawing import BiasedDraw, Gumbel, StraightThrough
from anyvae.objectives.gradients import DReG, StickingTheLanding
from anyvae.objectives.objective import ELBO, IWAE, Objective, WeightedSum, elbo, iwae
from anyvae.objectives.quantised import CodebookCost, Commitment
from anyvae.objectives.schedule import Constant, Cosine, LinearRamp, Schedule, WarmupCosine
from anyvae.objectives.terms import KL, MMD, CapacityGap, Classify, LogLikelihood

__all__ = [
    "ELBO",
    "IWAE",
    "KL",
    "MIWAE",
    "MMD",
    "BiasedDraw",
    "CapacityGap",
    "Classify",
    "CodebookCost",
    "Commitment",
    "Constant",
    "Cosine",
    "DReG",
    "Gumbel",
    "LinearRamp",
    "LogLikelihood",
    "Objective",
    "Renyi",
    "Schedule",
    "StickingTheLanding",
    "StraightThrough",
    "StratifiedTC",
    "WarmupCosine",
    "WeightedSum",
    "WeightedTC",
    "elbo",
    "iwae",
]
