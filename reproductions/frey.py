"""Kingma and Welling (2013), figure 2: the bound on Frey faces, against what probabilistic PCA reaches exactly.

The paper has curves without a table. Probabilistic PCA of the same number of latents has a closed form, so its
mean log-likelihood is the mark: on all 1,965 faces that both were fitted to, and on faces that neither has seen.
"""

from __future__ import annotations

import os
from pathlib import Path

import torch
from scipy.io import loadmat
from torch import Tensor, nn

from anyvae import MLP, LatentVariableModel, NetworkScale, Normal, evaluate_bound, fit, log_likelihood
from anyvae.recipes import vae
from anyvae.training import FitResult
from common import Row, Run, clock, options, record, seeds, write_table

HIDDEN = 200
BATCH = 100
STEPS = 5_000
RATE = 2e-3
SIZES = (2, 5, 10, 20)
HELD_OUT, TEST = 165, 300


def faces() -> Tensor:
    """1,965 faces of 28 x 20 grey levels, divided by 255, from ANYVAE_DATA or ../shared/data."""
    checkout = Path(__file__).resolve().parents[1]
    folders = [Path(os.environ.get("ANYVAE_DATA", "../shared/data")), checkout.parent / "shared" / "data"]
    places = [folder / "frey_faces" / "frey_rawface.mat" for folder in folders]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise SystemExit(f"frey_rawface.mat is not there; put it at {places[0]}.")
    return torch.from_numpy(loadmat(found)["ff"].T.copy()).float() / 255.0


def probabilistic_pca(train: Tensor, rows: Tensor, latents: int) -> float:
    r"""Mean log-likelihood of rows under the maximum-likelihood fit to train, nats a row.

    .. math:: N(mean, W W' + s^2 I), \quad s^2 = \text{mean of the smallest eigenvalues}

    Source: Probabilistic Principal Component Analysis (Tipping and Bishop, 1999).
    """
    centre = train.double().mean(0)
    wanted, given = rows.double() - centre, train.double() - centre
    values, vectors = torch.linalg.eigh(given.T @ given / len(given))
    noise = values[:-latents].mean()
    kept, axes = values[-latents:], vectors[:, -latents:]
    projected = wanted @ axes
    distance = (wanted.square().sum(1) - projected.square().sum(1)) / noise + (projected.square() / kept).sum(
        1
    )
    features = train.shape[1]
    log_determinant = kept.log().sum() + (features - latents) * noise.log()
    constant = features * torch.log(torch.tensor(2.0 * torch.pi, dtype=torch.float64)) + log_determinant
    return -0.5 * (constant + distance).mean().item()


def fitted(
    train: Tensor, held: Tensor | None, latents: int, seed: int
) -> tuple[LatentVariableModel, FitResult]:
    """A model of the paper's shape: one tanh layer on each side, mean and noise of every pixel by the decoder."""
    torch.manual_seed(seed)
    model = vae(
        Normal(560, scale=NetworkScale()),
        latents,
        encoder=MLP([HIDDEN], nn.Tanh),
        decoder=MLP([HIDDEN], nn.Tanh),
        start={"loc": train.mean(0), "raw_scale": train.std(0).log()},
    )
    done = fit(
        model,
        train,
        validation=held,
        steps=STEPS,
        batch_size=BATCH,
        learning_rate=RATE,
        patience=1.0,
        evaluations=20,
        seed=seed,
    )
    return model, done


def main() -> None:
    asked = options(__doc__, [str(size) for size in SIZES])
    rows = faces()
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))
    shuffled = rows[order]
    parts = {
        "all faces": (rows, None, rows),
        "faces not seen": (
            shuffled[: -HELD_OUT - TEST],
            shuffled[-HELD_OUT - TEST : -TEST],
            shuffled[-TEST:],
        ),
    }
    for seed in seeds(asked):
        for latents in map(int, asked.only):
            for index, (name, (train, held, scored)) in enumerate(parts.items()):
                exact = probabilistic_pca(train, scored, latents)
                row = Row(
                    paper="Kingma & Welling 2013",
                    figure=f"figure 2, Frey faces, {latents} latents",
                    what=f"ELBO, {name}",
                    published=f"{exact:.1f} (probabilistic PCA, exact)",
                    command=f"python reproductions/frey.py --only {latents}",
                    settings={
                        "network": f"one tanh layer of {HIDDEN}, mean and scale of each pixel by the decoder",
                        "optimiser": f"Adam, warm-up and cosine, peak {RATE}, batch {BATCH}, {STEPS} steps",
                        "rows": f"{len(train)} fitted, {0 if held is None else len(held)} choose, "
                        f"{len(scored)} scored",
                    },
                    limit=exact,
                    sign="at least",
                    order=200 + 10 * index + SIZES.index(latents),
                )
                with clock() as seconds:
                    model, done = fitted(train, held, latents, seed)
                    bound = evaluate_bound(model, {"x": scored}, samples=10)
                    importance = log_likelihood(model, {"x": scored}, samples=100).mean().item()
                    value = bound.elbo.mean().item()
                    details = {
                        "log-likelihood, 100 samples": importance,
                        "kl": bound.kl["z"].mean().item(),
                        "standard error": bound.elbo.std().item() / len(bound.elbo) ** 0.5,
                        "best step": done.best_step,
                        "history": [[e.epoch, e.train_elbo, e.validation_elbo] for e in done.history],
                    }
                    details["history"] = [
                        [None if entry != entry else entry for entry in line] for line in details["history"]
                    ]
                    run = Run(seed, value, seconds(), details)
                print(latents, name, seed, round(value, 2), round(exact, 2), details, flush=True)
                record("frey", f"{latents} {name}", row, run)
                write_table()


if __name__ == "__main__":
    main()
