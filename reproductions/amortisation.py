"""What an encoder costs: its posterior, the same refined, and none at all, under one decoder.

Cremer, Li and Duvenaud (2018) split the gap between log p(x) and the bound: the amortisation gap is what the encoder
misses of the best posterior of its family, the approximation gap what that family misses. The decoder is that of
a fitted model and is never changed.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from anyvae import (
    MLP,
    VAE,
    Bernoulli,
    DiagonalNormal,
    LatentVariableModel,
    Refined,
    evaluate_bound,
    log_likelihood,
)
from anyvae.conditionals import FamilyConditional
from anyvae.recipes import vae
from common import Row, Run, clock, digits, fit_once, options, record, seeds, train, write_table

HIDDEN = 200
LATENTS = 20
EPOCHS = 30
BATCH = 100
RATE = 2e-3
ROWS = 500
REFINED = {"refined, 20 steps": 20, "refined, 200 steps": 200}
FREE_STEPS = 600
SAMPLES = 5000


def bound(model: LatentVariableModel, x: Tensor) -> Tensor:
    return evaluate_bound(model, {"x": x}, samples=50).elbo


def main() -> None:
    asked = options(__doc__, ["gap"])
    data = digits(dynamic=False)
    settings = {
        "network": f"two tanh layers of {HIDDEN}, {LATENTS} latents",
        "binarisation": "once",
        "optimiser": f"Adam, warm-up and cosine, peak {RATE}, batch {BATCH}, {EPOCHS} epochs",
        "rows": f"the first {ROWS} of the test set; log p by {SAMPLES} samples",
    }
    for seed in seeds(asked):
        torch.manual_seed(seed)
        net = MLP([HIDDEN, HIDDEN], nn.Tanh)
        model = vae(Bernoulli(784), LATENTS, encoder=net, decoder=net, start=data.start)
        with clock() as seconds:
            fit_once(
                model,
                {"script": "amortisation", "seed": seed, **settings},
                partial(
                    train,
                    model,
                    data,
                    epochs=EPOCHS,
                    batch_size=BATCH,
                    learning_rate=RATE,
                    evaluations=10,
                    seed=seed,
                ),
            )
            x = data.test[:ROWS]
            prior, decoder, encoder = (
                model.generative_parts["z"],
                model.generative_parts["x"],
                model.inference_parts["z"],
            )
            assert isinstance(encoder, FamilyConditional)
            evidence = log_likelihood(model, {"x": x}, SAMPLES)
            plain = bound(model, x)
            bounds = {
                name: bound(VAE(prior, Refined(encoder, steps=steps, rate=0.03, noise=16), decoder), x)
                for name, steps in REFINED.items()
            }
            nothing = Refined(DiagonalNormal(LATENTS).given(), steps=FREE_STEPS, rate=0.05, noise=16)
            bounds["free, from N(0, I)"] = bound(VAE(prior, nothing, decoder), x)
            best = torch.stack(list(bounds.values())).mean(1).max().item()
            gaps = {name: (value - plain).mean().item() for name, value in bounds.items()}
            details = {
                "log p": evidence.mean().item(),
                "bound of the encoder": plain.mean().item(),
                "gained over the encoder": gaps,
                "approximation gap": evidence.mean().item() - best,
            }
            taken = seconds()
        print(seed, details, flush=True)
        keep(seed, taken, details, settings)


def keep(seed: int, seconds: float, details: dict[str, Any], settings: dict[str, str]) -> None:
    """One row for each way to a posterior, and one for what the family misses."""
    numbers = {f"gained by {name}": gain for name, gain in details["gained over the encoder"].items()}
    numbers["missed by the family"] = details["approximation gap"]
    for order, (what, value) in enumerate(numbers.items()):
        row = Row(
            paper="Cremer, Li & Duvenaud 2018",
            figure="amortisation gap, MNIST",
            what=f"{what}, nats",
            published="",
            command="python reproductions/amortisation.py",
            settings=settings,
            order=340 + order,
        )
        record("amortisation", what, row, Run(seed, value, seconds, details))
    write_table()


if __name__ == "__main__":
    main()
