"""Kingma et al. (2016) on the decoder of Rezende and Mohamed (2015): what a flow adds to a diagonal normal posterior.

Static MNIST, 784-400-40, the same encoder trunk and decoder for both; with 200 importance samples.
"""

from __future__ import annotations

import torch
from torch import nn

from anyvae import (
    ELBO,
    IAF,
    MLP,
    VAE,
    Bernoulli,
    DiagonalNormal,
    Flow,
    StandardNormal,
)
from anyvae.model import LatentVariableModel
from anyvae.networks import WrappedModule
from anyvae.objectives import LinearRamp
from common import Row, digits, fit_and_score, options, record, record_gain, seeds, write_table

LATENTS, HIDDEN, CONTEXT = 40, 400, 100
BATCH, EPOCHS, RATE = 128, 30, 1e-3
DROPPED = 0.2
SAMPLES = 200
# case -> number of inverse autoregressive flows, and the width of their two hidden layers
CASES = {"diagonal": (0, 0), "2 IAF": (2, 320), "4 IAF": (4, 320)}


def make(case: str, start: dict[str, torch.Tensor | float]) -> LatentVariableModel:
    """The model of a case; the cases differ in the posterior alone."""
    flows, width = CASES[case]
    # Noise that the encoder sees and the decoder does not: the bound is still a bound on the clean row.
    reads = WrappedModule(nn.Sequential(nn.Dropout(DROPPED), nn.Linear(784, HIDDEN), nn.ReLU()))
    base = DiagonalNormal(LATENTS).given("x", net=reads)
    encoder = Flow(base, *[IAF([width, width])] * flows, context=CONTEXT) if flows else base
    decoder = Bernoulli(784).given("z", net=MLP([HIDDEN], nn.ReLU), start=start)
    return VAE(StandardNormal(LATENTS), encoder, decoder)


def main() -> None:
    asked = options(__doc__, list(CASES))
    data = digits(dynamic=False)
    for seed in seeds(asked):
        for case in asked.only:
            flows, width = CASES[case]
            settings = {
                "network": f"one ReLU layer of {HIDDEN}, {LATENTS} latents",
                "posterior": f"{flows} IAF with two layers of {width}, context of {CONTEXT}"
                if flows
                else "diagonal",
                "noise": f"{DROPPED:.0%} of the encoder's input pixels dropped in training",
                "binarisation": "once",
                "optimiser": f"Adam, warm-up and cosine, peak {RATE}, batch {BATCH}, {EPOCHS} epochs, "
                "KL coming in over the first fifth",
            }
            row = Row(
                paper="Kingma et al. 2016",
                figure="IAF on 784-400-40, " + case,
                what=f"-log p(x), test, {SAMPLES} samples",
                published="none at this decoder",
                command=f'python reproductions/iaf.py --only "{case}"',
                settings=settings,
                order=320 + list(CASES).index(case),
            )
            torch.manual_seed(seed)
            model = make(case, data.start)
            run = fit_and_score(
                model,
                data,
                settings,
                seed,
                SAMPLES,
                objective=ELBO(beta=LinearRamp(0.0, 1.0, until=0.2)),
                epochs=EPOCHS,
                batch_size=BATCH,
                learning_rate=RATE,
                evaluations=EPOCHS // 3,
            )
            record("iaf", case, row, run)
            gain(seed)
            write_table()


def gain(seed: int) -> None:
    """Keep what two flows gain, where both models of a seed have been scored."""
    row = Row(
        paper="Kingma et al. 2016",
        figure="IAF on 784-400-40, what two flows gain",
        what="log p(x), test, nats more",
        published="none at this decoder",
        command='python reproductions/iaf.py --only "diagonal" "2 IAF"',
        settings={},
        limit=1.0,
        sign="at least",
        order=320 + len(CASES),
    )
    record_gain("iaf", "diagonal", "2 IAF", row, seed)


if __name__ == "__main__":
    main()
