"""Measures of fitted models."""

from anyvae.metrics.decomposition import KLParts, kl_parts
from anyvae.metrics.latents import LatentUse, active_units, latent_use

__all__ = [
    "KLParts",
    "LatentUse",
    "active_units",
    "kl_parts",
    "latent_use",
]
