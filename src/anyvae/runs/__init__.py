"""Run folders: from a source to a fitted model on disk, and back."""

from anyvae.runs.again import source_for, write_report
from anyvae.runs.config import RunConfig, RunFiles, write_file
from anyvae.runs.fit import fit_run
from anyvae.runs.fitted import FittedModel
from anyvae.runs.options import FitOptions
from anyvae.runs.rebuild import load
from anyvae.runs.train import fit_source

__all__ = [
    "FitOptions",
    "FittedModel",
    "RunConfig",
    "RunFiles",
    "fit_run",
    "fit_source",
    "load",
    "source_for",
    "write_file",
    "write_report",
]
