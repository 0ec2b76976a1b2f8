"""Measures of fitted models."""

from anyvae.metrics.codes import CodeUse, code_use
from anyvae.metrics.decomposition import KLParts, kl_parts
from anyvae.metrics.latents import LatentUse, active_units, latent_use

__all__ = [
    "CodeUse",
    "KLParts",
    "LatentUse",
    "active_units",
    "code_use",
    "kl_parts",
    "latent_use",
]
