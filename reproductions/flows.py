"""Rezende and Mohamed (2015), table 2, first row: a diagonal normal posterior on MNIST, 784-400-40.

The row that flows are measured against; with 200 importance samples.
"""

from __future__ import annotations

import torch
from torch import nn

from anyvae import ELBO, MLP, Bernoulli
from anyvae.networks import WrappedModule
from anyvae.objectives import LinearRamp
from anyvae.recipes import vae
from common import Row, digits, fit_and_score, options, record, seeds, write_table

LATENTS, HIDDEN = 40, 400
BATCH, SAMPLES = 128, 200
# case -> activation, fraction of the encoder's input pixels dropped in training, epochs, peak of the learning rate
CASES: dict[str, tuple[type[nn.Module], float, int, float]] = {
    "diagonal": (nn.SiLU, 0.0, 300, 4e-3),
    "diagonal, noisy encoder": (nn.SiLU, 0.1, 300, 4e-3),
}


def main() -> None:
    asked = options(__doc__, list(CASES))
    data = digits(dynamic=False)
    for seed in seeds(asked):
        for case in asked.only:
            activation, noise, epochs, rate = CASES[case]
            settings = {
                "network": f"one {activation.__name__} layer of {HIDDEN}, {LATENTS} latents",
                "noise": f"{noise:.0%} of the encoder's input pixels dropped in training",
                "binarisation": "once",
                "optimiser": f"Adam, warm-up and cosine, peak {rate}, batch {BATCH}, {epochs} epochs, "
                "KL coming in over the first fifth",
            }
            row = Row(
                paper="Rezende & Mohamed 2015",
                figure="table 2, " + case,
                what=f"-log p(x), test, {SAMPLES} samples",
                published="89.9",
                command=f'python reproductions/flows.py --only "{case}"',
                settings=settings,
                limit=89.9,
                order=300 + list(CASES).index(case),
            )
            torch.manual_seed(seed)
            # Noise that the encoder sees and the decoder does not: the bound is still a bound on the clean row.
            reads = nn.Sequential(nn.Dropout(noise), nn.Linear(784, HIDDEN), activation())
            model = vae(
                Bernoulli(784),
                LATENTS,
                encoder=WrappedModule(reads),
                decoder=MLP([HIDDEN], activation),
                start=data.start,
            )
            run = fit_and_score(
                model,
                data,
                settings,
                seed,
                SAMPLES,
                objective=ELBO(beta=LinearRamp(0.0, 1.0, until=0.2)),
                epochs=epochs,
                batch_size=BATCH,
                learning_rate=rate,
                evaluations=30,
            )
            record("flows", case, row, run)
            write_table()


if __name__ == "__main__":
    main()
