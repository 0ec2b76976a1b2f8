"""Models over named variables, and the trace of a pass through one."""

from anyvae.model.batch import Batch, Evidence, Partial
from anyvae.model.drawing import Drawing, Noise
from anyvae.model.graph import VAE, LatentVariableModel
from anyvae.model.trace import Trace

__all__ = ["VAE", "Batch", "Drawing", "Evidence", "LatentVariableModel", "Noise", "Partial", "Trace"]
