"""Fits of a quantised model by two processes; a script that `test_fit_quantised.py` starts."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import torch
from training_examples import FEATURES, become_two, real_rows, weights

from anyvae.conditionals import CodebookPrior, Normal, VectorQuantised
from anyvae.model import VAE, LatentVariableModel
from anyvae.networks import MLP
from anyvae.objectives import ELBO, Commitment, Constant, Objective
from anyvae.training import Player, fit, save_tensors

STEPS = 12
BATCH = 13


def quantised(codes: int = 6, *, placed: bool = False, seed: int = 0) -> LatentVariableModel:
    """Two latent codes; `placed` as if a batch had been seen, so that nothing is drawn, and none ever revived."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        spec = VectorQuantised((2, 3), codes, decay=0.8, revive=0.0 if placed else 0.5)
        model = VAE(
            prior=CodebookPrior((2, 3), learned=True),
            encoder=spec.given("x", net=MLP([8])),
            decoder=Normal(FEATURES).given("z", net=MLP([8])),
        )
    if placed:
        model.inference_parts["z"].codebook.passes.fill_(1)
    return model


def objective() -> Objective:
    return ELBO() - 0.25 * Commitment("z")


def descent() -> Player:
    """Plain descent: Adam would make much of a rounding."""
    return Player(
        "all", objective(), optimizer=lambda p: torch.optim.SGD(p, lr=0.0), learning_rate=Constant(1e-2)
    )


def main(folder: Path) -> None:
    become_two()
    rank = int(os.environ["RANK"])
    for shard in (False, True):
        for placed in (False, True):
            model = quantised(placed=placed)
            fit(
                model,
                real_rows(),
                players=[descent()],
                steps=STEPS,
                batch_size=BATCH,
                shard=shard,
                device=torch.device("cpu"),
            )
            kind = f"{'placed' if placed else 'revived'}-{'sharded' if shard else 'copied'}"
            save_tensors(folder / f"{kind}-{rank}.safetensors", weights(model), {})
    # The bare part in the group that the fits joined: a fit spreads the first process's weights at its end, and so
    # would hide codebooks that had drifted apart.
    torch.manual_seed(rank)
    part = quantised(codes=40).inference_parts["z"].train()
    for step in range(6):
        part(real_rows(20, seed=step)[rank::2])
    save_tensors(folder / f"bare-{rank}.safetensors", dict(part.codebook.state_dict()), {})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
