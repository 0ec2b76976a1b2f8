"""Burda et al. (2016), table 1, dynamic MNIST, k = 1: two stochastic layers against one."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from anyvae import ELBO, MLP, VAE, Bernoulli, DiagonalNormal, LatentVariableModel, StandardNormal
from anyvae.objectives import LinearRamp
from common import Row, Split, digits, fit_and_score, options, record, record_gain, seeds, write_table

BATCH, EPOCHS, RATE, WARM_UP, SAMPLES = 100, 120, 1e-3, 0.2, 1000


def network(width: int) -> MLP:
    return MLP([width, width], nn.Tanh)


def one_layer(data: Split) -> LatentVariableModel:
    """x - 200 - 200 - 50, and back."""
    return VAE(
        prior=StandardNormal(50),
        encoder=DiagonalNormal(50).given("x", net=network(200)),
        decoder=Bernoulli(784).given("z", net=network(200), start=data.start),
    )


def two_layers(data: Split) -> LatentVariableModel:
    """x - 200 - 200 - z1 (100) - 100 - 100 - z2 (50), and back."""
    return LatentVariableModel(
        generative={
            "z2": StandardNormal(50),
            "z1": DiagonalNormal(100).given("z2", net=network(100)),
            "x": Bernoulli(784).given("z1", net=network(200), start=data.start),
        },
        inference={
            "z1": DiagonalNormal(100).given("x", net=network(200)),
            "z2": DiagonalNormal(50).given("z1", net=network(100)),
        },
    )


CASES: dict[str, tuple[Callable[[Split], LatentVariableModel], str]] = {
    "1": (one_layer, "86.76"),
    "2": (two_layers, "85.33"),
}


def main() -> None:
    asked = options(__doc__, list(CASES))
    data = digits(dynamic=True)
    for seed in seeds(asked):
        for case in asked.only:
            make, published = CASES[case]
            told = {
                "layers": case,
                "network": "tanh, as in the paper: 200-200 below, 100-100 above",
                "binarisation": "afresh at every use; the test rows once",
                "optimiser": f"Adam, warm-up and cosine, peak {RATE}, batch {BATCH}, {EPOCHS} epochs, "
                f"KL coming in over the first {WARM_UP:.0%}",
            }
            row = Row(
                paper="Burda et al. 2016",
                figure=f"table 1, dynamic MNIST, k = 1, {case} stochastic layer{'s' * (case != '1')}, equal epochs",
                what=f"-log p(x), test, {SAMPLES} samples",
                published=published,
                command=f"python reproductions/layers.py --only {case}",
                settings={**told, "samples": SAMPLES},
                order=150 + int(case),
            )
            torch.manual_seed(seed)
            model = make(data)
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
            record("layers", case, row, run)
            gain(seed)
            write_table()


def gain(seed: int) -> None:
    """Keep what the second layer gains, where both models of a seed have been scored."""
    row = Row(
        paper="Burda et al. 2016",
        figure="table 1, dynamic MNIST, k = 1, what the second layer gains",
        what="log p(x), test, nats more",
        published="1.43",
        command="python reproductions/layers.py",
        settings={},
        limit=1.0,
        sign="at least",
        order=153,
    )
    record_gain("layers", "1", "2", row, seed)


if __name__ == "__main__":
    main()
