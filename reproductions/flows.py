"""Rezende and Mohamed (2015), table 2, first row: a diagonal normal posterior on MNIST, 784-400-40.

The row that flows are measured against; with 200 importance samples.
"""

from __future__ import annotations

import torch
from torch import nn

from anyvae import ELBO, MLP, Bernoulli, evaluate_bound, fit, log_likelihood
from anyvae.networks import WrappedModule
from anyvae.objectives import LinearRamp
from anyvae.recipes import vae
from common import Narrator, Row, Run, clock, digits, fit_once, options, record, seeds, write_table

LATENTS, HIDDEN = 40, 400
BATCH, EPOCHS, RATE = 128, 90, 1e-3
SAMPLES = 200
# case -> fraction of the encoder's input pixels that are dropped in training
CASES = {"diagonal": 0.0, "diagonal, noisy encoder": 0.2}


def main() -> None:
    asked = options(__doc__, list(CASES))
    data = digits(dynamic=False)
    for seed in seeds(asked):
        for case in asked.only:
            settings = {
                "network": f"one ReLU layer of {HIDDEN}, {LATENTS} latents",
                "noise": f"{CASES[case]:.0%} of the encoder's input pixels dropped in training",
                "binarisation": "once",
                "optimiser": f"Adam, warm-up and cosine, peak {RATE}, batch {BATCH}, {EPOCHS} epochs, "
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
            reads = nn.Sequential(nn.Dropout(CASES[case]), nn.Linear(784, HIDDEN), nn.ReLU())
            model = vae(
                Bernoulli(784),
                LATENTS,
                encoder=WrappedModule(reads),
                decoder=MLP([HIDDEN], nn.ReLU),
                start=data.start,
            )
            with clock() as seconds:
                details = fit_once(
                    model,
                    {**settings, "seed": seed},
                    lambda model=model, seed=seed: fit(  # type: ignore[misc]
                        model,
                        data.train,
                        objective=ELBO(beta=LinearRamp(0.0, 1.0, until=0.2)),
                        validation=data.held,
                        epochs=EPOCHS,
                        batch_size=BATCH,
                        learning_rate=RATE,
                        patience=1.0,
                        evaluations=EPOCHS // 3,
                        seed=seed,
                        callbacks=[Narrator()],
                    ),
                )
                details["-ELBO"] = -evaluate_bound(model, {"x": data.test}, samples=10).elbo.mean().item()
                found = log_likelihood(model, {"x": data.test}, samples=SAMPLES)
                details["standard error"] = found.std().item() / len(found) ** 0.5
                run = Run(seed, -found.mean().item(), seconds(), details)
            print(case, seed, round(run.value, 3), details["-ELBO"], flush=True)
            record("flows", case, row, run)
            write_table()


if __name__ == "__main__":
    main()
