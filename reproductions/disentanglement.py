"""Disentanglement on dSprites: scores of Higgins et al. (2017), Kim and Mnih (2018) and Chen et al. (2018)."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from anyvae import ELBO, VAE, Bernoulli, DiagonalNormal, LatentVariableModel, StandardNormal
from anyvae.data.sprites import DSprites
from anyvae.inference import evaluate_bound, mean
from anyvae.metrics import beta_vae_score, factor_vae_score, latent_use, mig
from anyvae.networks import MLP, ConvNet
from anyvae.objectives import (
    CapacityGap,
    Constant,
    Critic,
    CriticTC,
    LinearRamp,
    LogLikelihood,
    StratifiedTC,
    TellApart,
    WarmupCosine,
)
from anyvae.training import Player, TensorData, fit
from common import HERE, Narrator, Row, Run, clock, fit_once, options, record, seeds, write_table

LATENTS, BATCH, STEPS, RATE = 10, 64, 8000, 5e-4
CAPACITY, SCORED = 25.0, 10_000
CASES = ("pca", "vae", "beta 4", "annealed", "beta-tc 4", "factor")


def model_of(start: Tensor) -> LatentVariableModel:
    picture = Bernoulli((1, 64, 64))
    return VAE(
        prior=StandardNormal(LATENTS),
        encoder=DiagonalNormal(LATENTS).given("x", net=ConvNet([16, 16, 32, 32], 128)),
        decoder=picture.given("z", net=ConvNet([16, 16, 32, 32], 128), start={"logits": start}),
    )


def players_of(case: str, rows: int) -> list[Player]:
    rate = WarmupCosine(RATE)
    if case == "factor":
        critic = Critic((LATENTS,), net=MLP([256, 256, 256], nn.LeakyReLU))
        judge = partial(torch.optim.Adam, betas=(0.5, 0.9), fused=True)
        return [
            Player("model", ELBO() - 10.0 * CriticTC(critic), learning_rate=rate),
            Player("critic", TellApart(critic), [critic], judge, Constant(1e-4)),
        ]
    objective = {
        "vae": ELBO(),
        "beta 4": ELBO(beta=4.0),
        "annealed": LogLikelihood() - 100.0 * CapacityGap(LinearRamp(0.0, CAPACITY, until=0.8)),
        "beta-tc 4": ELBO() - 3.0 * StratifiedTC(rows),
    }[case]
    return [Player("model", objective, learning_rate=rate)]


def codes_of(
    case: str, seed: int, rows: Tensor, factors: Tensor
) -> tuple[dict[str, float], float, dict[str, Any]]:
    """Scores of one method, seconds, and what its fit did."""
    sprites = DSprites()
    pictures = torch.from_numpy(sprites[rows.numpy()]).float()
    with clock() as seconds:
        if case == "pca":
            from sklearn.decomposition import PCA

            flat = pictures.flatten(1).numpy()
            codes = torch.from_numpy(PCA(LATENTS, random_state=seed).fit_transform(flat))
            return {"beta-VAE score": 100.0 * beta_vae_score(codes, factors, seed=seed)}, seconds(), {}
    torch.manual_seed(seed)
    frequency = pictures.mean(0).clamp(1e-3, 1 - 1e-3)
    model = model_of(torch.logit(frequency))
    data = TensorData({"x": torch.arange(len(sprites))}, expand={"x": sprites.expand})
    about = {
        "case": case,
        "steps": STEPS,
        "batch": BATCH,
        "rate": RATE,
        "seed": seed,
        "net": "conv 16-16-32-32",
    }
    fitted = partial(
        fit,
        model,
        data,
        players=players_of(case, len(sprites)),
        steps=STEPS,
        batch_size=BATCH,
        evaluations=8,
        callbacks=[Narrator()],
        seed=seed,
    )
    details = fit_once(model, about, fitted)
    with clock() as seconds:
        use = latent_use(model, {"x": pictures})
        bound = evaluate_bound(model, {"x": pictures[:2000]}, samples=4)
        scores = {
            "beta-VAE score": 100.0 * beta_vae_score(use.mean, factors, seed=seed),
            "FactorVAE score": 100.0 * factor_vae_score(use.mean, factors, seed=seed),
            "MIG (Chen)": mig(use.mean, use.scale, factors).score,
            "reconstruction": float(bound.log_likelihood.mean()),
            "KL": float(bound.kl["z"].mean()),
        }
        traversals(model, HERE / "results" / f"dsprites-{case.replace(' ', '-')}-{seed}.png")
        return scores, details["fit seconds"] + seconds(), details


def traversals(model: LatentVariableModel, path: Path) -> None:
    """Means while one latent moves from -2 to 2, a row for each."""
    from PIL import Image

    z = torch.zeros(LATENTS, 9, LATENTS)
    for index in range(LATENTS):
        z[index, :, index] = torch.linspace(-2.0, 2.0, 9)
    made = mean(model, {"z": z.flatten(0, 1)})["x"].view(LATENTS, 9, 64, 64)
    sheet = torch.cat([torch.cat(list(row), 1) for row in made])
    Image.fromarray((255 * (1 - sheet)).round().to(torch.uint8).numpy()).save(path)


def main() -> None:
    asked = options(__doc__, list(CASES))
    sprites = DSprites()
    rows = torch.as_tensor(sprites.some(SCORED, seed=0))
    factors = torch.from_numpy(np.asarray(sprites.factors(rows.numpy())))
    for seed in seeds(asked):
        for case in asked.only:
            scores, spent, details = codes_of(case, seed, rows, factors)
            print(seed, case, {name: round(value, 3) for name, value in scores.items()}, flush=True)
            for place, (what, value) in enumerate(scores.items()):
                row = Row(
                    paper="Higgins 2017, Kim & Mnih 2018, Chen 2018",
                    figure=f"dSprites, {case}",
                    what=f"{what}, {SCORED:,} pictures",
                    published={"pca": "84.9", "vae": "61.58 ± 0.5", "beta 4": "99.23 ± 0.1"}.get(
                        case, "figures only"
                    )
                    if what == "beta-VAE score"
                    else "figures only",
                    command=f'python reproductions/disentanglement.py --only "{case}"',
                    settings={
                        "network": "convolutions 16-16-32-32, 128 dense, 10 latents",
                        "optimiser": f"Adam, peak {RATE}, batch {BATCH}, {STEPS} steps of all 737,280 pictures",
                    },
                    order=800 + 10 * CASES.index(case) + place,
                )
                record("disentanglement", f"{case} {what}", row, Run(seed, value, spent, details))
            write_table()


if __name__ == "__main__":
    main()
