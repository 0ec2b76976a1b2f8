"""Davidson et al. (2018), table 1: normal and spherical posteriors of the same dimension, MNIST binarised afresh.

A sphere of dimension d lies in d + 1 coordinates, all of which the decoder reads.
"""

from __future__ import annotations

import torch
from torch import nn

from anyvae import MLP, Bernoulli, UniformSphere, VonMisesFisher
from anyvae.recipes import vae
from common import Row, digits, fit_and_score, options, record, seeds, write_table

ENCODER, DECODER = [256, 128], [128, 256]
BATCH = 128
EPOCHS = 150
RATE = 3e-3
SAMPLES = 500
# dimension -> -log p(x) of the normal and the spherical model, as the paper's table has them
PUBLISHED = {5: (110.21, 108.43), 10: (93.84, 93.16), 20: (88.90, 89.02)}


def main() -> None:
    cases = [f"{kind} {size}" for size in PUBLISHED for kind in ("normal", "spherical")]
    asked = options(__doc__, cases)
    data = digits(dynamic=True)
    for seed in seeds(asked):
        for case in asked.only:
            kind, size = case.split()[0], int(case.split()[1])
            published = PUBLISHED[size][kind == "spherical"]
            settings = {
                "network": f"ReLU, encoder {ENCODER}, decoder {DECODER}",
                "binarisation": "at every use",
                "optimiser": f"Adam, warm-up and cosine, peak {RATE}, batch {BATCH}, {EPOCHS} epochs",
            }
            row = Row(
                paper="Davidson et al. 2018",
                figure=f"table 1, {kind}, d = {size}",
                what=f"-log p(x), test, {SAMPLES} samples",
                published=f"{published:.2f}",
                command=f'python reproductions/spherical.py --only "{case}"',
                settings=settings,
                limit=published + 1.0,
                order=500 + 2 * size + (kind == "spherical"),
            )
            torch.manual_seed(seed)
            ambient = size + (kind == "spherical")
            model = vae(
                Bernoulli(784),
                ambient,
                encoder=MLP(ENCODER, nn.ReLU),
                decoder=MLP(DECODER, nn.ReLU),
                start=data.start,
                posterior=VonMisesFisher(ambient) if kind == "spherical" else None,
                prior=UniformSphere(ambient) if kind == "spherical" else None,
            )
            run = fit_and_score(
                model,
                data,
                {**settings, "case": case},
                seed,
                SAMPLES,
                epochs=EPOCHS,
                batch_size=BATCH,
                learning_rate=RATE,
                evaluations=8,
            )
            record("spherical", case, row, run)
            write_table()


if __name__ == "__main__":
    main()
