"""Estimators, terms and schedules: what is maximised."""

from anyvae.objectives.adversarial import CriticKL, TellPosterior
from anyvae.objectives.aggregate import MMD, CovarianceMatching, SlicedWasserstein
from anyvae.objectives.clusters import ClusterEntropy, StickPrior
from anyvae.objectives.combined import CIWAE, MIWAE, PIWAE, Renyi
from anyvae.objectives.control import GECO, Controlled, Controller, PIController, controllers_of
from anyvae.objectives.correlation import StratifiedTC, WeightedTC
from anyvae.objectives.critic import Critic, CriticTC, TellApart
from anyvae.objectives.denoising import AddNormal, Corruption, Denoising, DropCells
from anyvae.objectives.drawing import BiasedDraw, Gumbel, StraightThrough
from anyvae.objectives.gradients import DReG, StickingTheLanding
from anyvae.objectives.held import held_modules, warm_up
from anyvae.objectives.objective import ELBO, IWAE, Objective, WeightedSum, elbo, iwae
from anyvae.objectives.quantised import CodebookCost, Commitment
from anyvae.objectives.schedule import Constant, Cosine, Cyclic, LinearRamp, Schedule, Sigmoid, WarmupCosine
from anyvae.objectives.score import VIMCO, ScoreFunction
from anyvae.objectives.subsets import Subsets
from anyvae.objectives.terms import KL, CapacityGap, Classify, LogLikelihood

__all__ = [
    "CIWAE",
    "ELBO",
    "GECO",
    "IWAE",
    "KL",
    "MIWAE",
    "MMD",
    "PIWAE",
    "VIMCO",
    "AddNormal",
    "BiasedDraw",
    "CapacityGap",
    "Classify",
    "ClusterEntropy",
    "CodebookCost",
    "Commitment",
    "Constant",
    "Controlled",
    "Controller",
    "Corruption",
    "Cosine",
    "CovarianceMatching",
    "Critic",
    "CriticKL",
    "CriticTC",
    "Cyclic",
    "DReG",
    "Denoising",
    "DropCells",
    "Gumbel",
    "LinearRamp",
    "LogLikelihood",
    "Objective",
    "PIController",
    "Renyi",
    "Schedule",
    "ScoreFunction",
    "Sigmoid",
    "SlicedWasserstein",
    "StickPrior",
    "StickingTheLanding",
    "StraightThrough",
    "StratifiedTC",
    "Subsets",
    "TellApart",
    "TellPosterior",
    "WarmupCosine",
    "WeightedSum",
    "WeightedTC",
    "controllers_of",
    "elbo",
    "held_modules",
    "iwae",
    "warm_up",
]
