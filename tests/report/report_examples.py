"""Findings of a model whose every number is known: probabilistic PCA of the digits."""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits

from anyvae.report import Findings

LATENTS = 10


def digits_findings() -> Findings:
    """What a linear VAE at its optimum would report, with the last two of its latents left unused."""
    digits = load_digits()
    rng = np.random.default_rng(0)
    x = digits.data
    centre = x.mean(axis=0)
    _, singular, axes = np.linalg.svd(x - centre, full_matrices=False)
    variances = singular**2 / len(x)
    used = LATENTS - 2
    noise = float(np.sqrt(variances[used:].mean()))
    weights = np.zeros((64, LATENTS))
    weights[:, :used] = axes[:used].T * np.sqrt(variances[:used] - noise**2)
    precision = np.eye(LATENTS) + weights.T @ weights / noise**2
    scale = 1 / np.sqrt(np.diag(precision))
    held = rng.permutation(len(x))[:180]
    mean = np.linalg.solve(precision, weights.T @ (x[held] - centre).T / noise**2).T
    kl = 0.5 * (mean**2 + scale**2 - 1 - 2 * np.log(scale)).mean(axis=0)

    def decode(z: np.ndarray) -> np.ndarray:
        return (centre + z @ weights.T).reshape(-1, 8, 8)

    def noisy(means: np.ndarray) -> np.ndarray:
        return np.clip(np.round(means + noise * rng.standard_normal(means.shape)), 0, 16)

    z = rng.standard_normal((40, LATENTS))
    steps = np.arange(0, 4001, 20)
    rise = -165 + 30 * (1 - np.exp(-steps / 300))
    validation = np.where(steps % 100 == 0, rise - 1.2, np.nan)
    order = np.argsort(-kl)[:used]
    path = np.linspace(-3, 3, 9)
    return Findings(
        title="digits",
        source="digits",
        recipe="vae",
        notes=[
            "pixels are grey 0..16 (17 levels): discretised logistic likelihood; pass --likelihood to change"
        ],
        settings={
            "rows": 1617,
            "latent": LATENTS,
            "network": "64-256-256",
            "steps": 4000,
            "epochs": 317,
            "seconds": 42.5,
            "batch_size": 128,
            "seed": 0,
            "precision": "float32",
            "threads": 2,
            "torch": "2.13.0",
        },
        features=[{"name": "pixels", "kind": "levels", "detail": "8 x 8, values 0 to 16 in steps of 1"}],
        history={
            "step": steps,
            "epoch": steps / 12.6,
            "seconds": steps / 94.0,
            "train_elbo": rise + rng.normal(0, 1.5, len(steps)),
            "validation_elbo": validation,
            "validation_log_likelihood": validation + kl.sum() * (1 - np.exp(-steps / 200)),
            "validation_kl": np.where(np.isnan(validation), np.nan, kl.sum() * (1 - np.exp(-steps / 200))),
            "learning_rate": 1e-3 * np.minimum(1, steps / 200) * np.cos(steps / 4000 * 1.5),
        },
        metrics={
            "held_out": {
                "elbo": -136.2,
                "elbo_standard_error": 0.9,
                "log_likelihood": -134.9,
                "log_likelihood_standard_error": 0.88,
                "samples": 5000,
                "active_units": used,
                "kl_per_latent": kl.tolist(),
                "rows": 180,
            },
            "train": {
                "elbo": -134.6,
                "elbo_standard_error": 0.3,
                "log_likelihood": -133.4,
                "log_likelihood_standard_error": 0.3,
                "samples": 5000,
                "active_units": used,
                "rows": 1617,
            },
            "unit": "nats per row",
        },
        kl_per_latent=kl,
        latent_mean=mean,
        latent_scale=np.tile(scale, (len(held), 1)),
        labels=digits.target[held],
        image_shape=(8, 8),
        observed=digits.images[held][:40],
        reconstructed_mean=decode(mean[:40]),
        reconstructed_draw=noisy(decode(mean[:40])),
        sampled=noisy(decode(z)),
        sampled_mean=decode(z),
        traversals=[(int(k), decode(path[:, None] * np.eye(LATENTS)[k])) for k in order],
        noise={"noise_scale": noise, "data_scale": float(x.std())},
    )


def table_findings(columns: int = 6, rows: int = 300) -> Findings:
    """A table with numbers, whole numbers, categories, truth values and missing cells."""
    rng = np.random.default_rng(1)
    z = rng.standard_normal((rows, 3))

    def draw(latent: np.ndarray, shift: float = 0.0) -> dict[str, np.ndarray]:
        noise = np.random.default_rng(2).standard_normal((len(latent), 6))
        city = np.array(["Antananarivo", "Bern", "Cairo", "Dakar"], dtype=object)
        table: dict[str, np.ndarray] = {
            "income in euros a year": np.exp(10 + 0.5 * latent[:, 0] + 0.2 * noise[:, 0] + shift),
            "age": np.round(45 + 12 * latent[:, 1] + 4 * noise[:, 1]).astype(int),
            "city": city[np.clip((latent[:, 2] + 2).astype(int), 0, 3)],
            "owner": latent[:, 0] + noise[:, 3] > 0,
            "children": np.clip(np.round(1.2 + latent[:, 1] + noise[:, 4]), 0, 6).astype(int),
            "score": np.where(noise[:, 5] > 1.3, np.nan, latent[:, 2] + 0.3 * noise[:, 5]),
        }
        for i in range(6, columns):
            table[f"measurement {i}"] = latent[:, i % 3] + 0.2 * noise[:, i % 6]
        return table

    path = np.linspace(-3, 3, 9)
    names = list(draw(z))
    kl = np.array([1.9, 1.4, 0.8])
    means = {k: (v.astype(float) if v.dtype.kind in "ib" else v) for k, v in draw(z).items()}
    return Findings(
        title="customers.csv",
        source="customers.csv",
        recipe="vae",
        settings={"rows": 2700, "latent": 3, "steps": 2000, "seconds": 21},
        features=[{"name": n, "kind": "real", "detail": "standardised"} for n in names]
        + [{"name": "country", "kind": "constant", "detail": "always CH"}],
        metrics={
            "held_out": {
                "elbo": -14.2,
                "log_likelihood": -13.9,
                "samples": 1000,
                "active_units": 3,
                "rows": rows,
            }
        },
        kl_per_latent=kl,
        latent_mean=0.8 * z,
        latent_scale=np.full(z.shape, 0.6),
        labels=np.array(["north", "south"], dtype=object)[(z[:, 0] > 0).astype(int)],
        observed=draw(z),
        reconstructed_mean=means,
        reconstructed_draw=draw(z + 0.1),
        sampled=draw(rng.standard_normal((rows, 3))),
        sampled_mean={k: v[:10] for k, v in means.items()},
        traversals=[(k, draw(path[:, None] * np.eye(3)[k])) for k in range(3)],
    )
