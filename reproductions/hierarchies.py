"""Hierarchies on MNIST: a convolutional top-down model of a million weights, and a deep latent Gaussian model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from anyvae import ELBO, Bernoulli, LatentVariableModel
from anyvae.objectives import LinearRamp
from anyvae.recipes import dlgm, topdown_vae
from common import Row, Split, digits, fit_and_score, options, record, seeds, write_table

WARM_UP = 0.2


def topdown(data: Split) -> LatentVariableModel:
    return topdown_vae(Bernoulli((1, 28, 28)), 32, layers=3, channels=32, hidden=256, start=data.start)


def latent_gaussian(data: Split) -> LatentVariableModel:
    return dlgm(Bernoulli((1, 28, 28)), 32, layers=2, start=data.start)


# Which: how it is made, binarisation, batch, epochs, rate, importance samples; and what is to be compared with it.
CASES: dict[str, dict[str, Any]] = {
    "topdown": {
        "make": topdown,
        "dynamic": True,
        "epochs": 60,
        "batch": 128,
        "rate": 2e-3,
        "samples": 128,
        "network": "z1 and z2 4 x 7 x 7, z3 32; 32 channels at 7 x 7, 256 units between z3 and them",
        "paper": "Vahdat & Kautz 2020",
        "figure": "dynamic MNIST, 3 layers, convolutional, about 1 M weights",
        "published": "78.01 (15 groups, 42 hours of a V100)",
        "limit": 82.0,
    },
    "dlgm": {
        "make": latent_gaussian,
        "dynamic": False,
        "epochs": 60,
        "batch": 128,
        "rate": 2e-3,
        "samples": 500,
        "network": "2 layers of 32, 256 units between, dense encoder, convolutional decoder",
        "paper": "Rezende et al. 2014",
        "figure": "static MNIST, deep latent Gaussian model",
        "published": "88.71 (a VAE, Burda et al.)",
        "limit": 88.7,
    },
}


def main() -> None:
    asked = options(__doc__, list(CASES))
    for case in asked.only:
        about = CASES[case]
        make: Callable[[Split], LatentVariableModel] = about["make"]
        data = digits(dynamic=about["dynamic"], shape=(1, 28, 28))
        for seed in seeds(asked):
            torch.manual_seed(seed)
            model = make(data)
            told = {
                "network": about["network"],
                "weights": sum(parameter.numel() for parameter in model.parameters()),
                "binarisation": "afresh at every use; the test rows once" if about["dynamic"] else "once",
                "optimiser": f"Adam, warm-up and cosine, peak {about['rate']}, batch {about['batch']}, "
                f"{about['epochs']} epochs, KL coming in over the first {WARM_UP:.0%}",
            }
            row = Row(
                paper=about["paper"],
                figure=about["figure"],
                what=f"-log p(x), test, {about['samples']} samples",
                published=about["published"],
                command=f"python reproductions/hierarchies.py --only {case}",
                settings={**told, "samples": about["samples"]},
                limit=about["limit"],
                order=160 + list(CASES).index(case),
            )
            run = fit_and_score(
                model,
                data,
                told,
                seed,
                about["samples"],
                objective=ELBO(beta=LinearRamp(0.0, 1.0, until=WARM_UP)),
                epochs=about["epochs"],
                batch_size=about["batch"],
                learning_rate=about["rate"],
                evaluations=about["epochs"] // 3,
            )
            record("hierarchies", case, row, run)
            write_table()


if __name__ == "__main__":
    main()
