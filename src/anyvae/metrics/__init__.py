"""Measures of fitted models."""

from anyvae.metrics.latents import LatentUse, active_units, latent_use

__all__ = ["LatentUse", "active_units", "latent_use"]
