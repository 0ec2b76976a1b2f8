"""Models over named variables, and the trace of a pass through one."""

from anyvae.model.batch import Batch, Evidence, Partial
from anyvae.model.graph import VAE, LatentVariableModel
from anyvae.model.trace import Noise, Trace

__all__ = ["VAE", "Batch", "Evidence", "LatentVariableModel", "Noise", "Partial", "Trace"]
