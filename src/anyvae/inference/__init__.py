"""What a fitted model is asked: likelihoods, draws, means, posteriors."""

from anyvae.inference.conditioning import Conditioned, condition
from anyvae.inference.expected import standing
from anyvae.inference.generate import at_means, embed, mean, posterior, reconstruct, sample
from anyvae.inference.likelihood import Bound, evaluate_bound, evaluating, log_likelihood, take_rows
from anyvae.inference.noise import RowNoise, seeded
from anyvae.inference.predict import cell_log_density, class_mean, conditional_mean
from anyvae.inference.weigh import Weighed, effective_samples, weigh

__all__ = [
    "Bound",
    "Conditioned",
    "RowNoise",
    "Weighed",
    "at_means",
    "cell_log_density",
    "class_mean",
    "condition",
    "conditional_mean",
    "effective_samples",
    "embed",
    "evaluate_bound",
    "evaluating",
    "log_likelihood",
    "mean",
    "posterior",
    "reconstruct",
    "sample",
    "seeded",
    "standing",
    "take_rows",
    "weigh",
]
