"""Tomczak and Welling (2018), table 1: gated dense networks on MNIST, one stochastic layer."""

from __future__ import annotations

from collections.abc import Callable

import torch

from anyvae import (
    ELBO,
    VAE,
    Bernoulli,
    DiagonalNormal,
    GatedMLP,
    StandardNormal,
)
from anyvae.conditionals import Family
from anyvae.objectives import LinearRamp
from common import Row, digits, fit_and_score, options, record, seeds, write_table

LATENTS, HIDDEN = 40, 300
BATCH, EPOCHS, RATE = 100, 100, 1.5e-3
WARM_UP = 0.2
SAMPLES = 1000
# prior -> how it is made, the paper's number, the number wanted here
PRIORS: dict[str, tuple[Callable[[], Family], str, float]] = {
    "standard": (lambda: StandardNormal(LATENTS), "84.50", 84.80),
}


def main() -> None:
    asked = options(__doc__, list(PRIORS))
    data = digits(dynamic=True)
    for seed in seeds(asked):
        for case in asked.only:
            prior, published, limit = PRIORS[case]
            told = {
                "network": f"gated {HIDDEN}-{HIDDEN} on both sides, {LATENTS} latents",
                "prior": case,
                "binarisation": "afresh at every use; the test rows once",
                "optimiser": f"Adam, warm-up and cosine, peak {RATE}, batch {BATCH}, {EPOCHS} epochs, "
                f"KL coming in over the first {WARM_UP:.0%}",
            }
            row = Row(
                paper="Tomczak & Welling 2018",
                figure=f"table 1, dynamic MNIST, 1 layer, {case} prior",
                what=f"-log p(x), test, {SAMPLES} samples",
                published=published,
                command=f"python reproductions/vampprior.py --only {case}",
                settings={**told, "samples": SAMPLES},
                limit=limit,
                order=500 + list(PRIORS).index(case),
            )
            torch.manual_seed(seed)
            model = VAE(
                prior=prior(),
                encoder=DiagonalNormal(LATENTS).given("x", net=GatedMLP([HIDDEN, HIDDEN])),
                decoder=Bernoulli(784).given("z", net=GatedMLP([HIDDEN, HIDDEN]), start=data.start),
            )
            run = fit_and_score(
                model,
                data,
                told,
                seed,
                SAMPLES,
                objective=ELBO(beta=LinearRamp(0.0, 1.0, until=WARM_UP)),
                epochs=EPOCHS,
                batch_size=BATCH,
                learning_rate=RATE,
                evaluations=EPOCHS // 4,
            )
            record("vampprior", case, row, run)
            write_table()


if __name__ == "__main__":
    main()
