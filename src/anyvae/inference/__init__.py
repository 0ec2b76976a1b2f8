"""What a fitted model is asked: likelihoods, draws, means, posteriors."""

from anyvae.inference.generate import embed, mean, posterior, reconstruct, sample
from anyvae.inference.likelihood import Bound, evaluate_bound, evaluating, log_likelihood, take_rows
from anyvae.inference.noise import RowNoise, seeded

__all__ = [
    "Bound",
    "RowNoise",
    "embed",
    "evaluate_bound",
    "evaluating",
    "log_likelihood",
    "mean",
    "posterior",
    "reconstruct",
    "sample",
    "seeded",
    "take_rows",
]
