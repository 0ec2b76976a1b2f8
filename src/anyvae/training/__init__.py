"""Players, the fit loop, checkpoints, callbacks."""

from anyvae.training.checkpoint import CheckpointError, load_tensors, save_tensors, write_atomically
from anyvae.training.data import TensorData
from anyvae.training.events import Callback, Evaluation, Interrupted, NonFiniteError, Progress, TensorBoard
from anyvae.training.loop import FitResult, default_batch_size, default_steps, fit
from anyvae.training.player import Player, adam_under_prior, fused_adam
from anyvae.training.prior import fit_prior

__all__ = [
    "Callback",
    "CheckpointError",
    "Evaluation",
    "FitResult",
    "Interrupted",
    "NonFiniteError",
    "Player",
    "Progress",
    "TensorBoard",
    "TensorData",
    "adam_under_prior",
    "default_batch_size",
    "default_steps",
    "fit",
    "fit_prior",
    "fused_adam",
    "load_tensors",
    "save_tensors",
    "write_atomically",
]
