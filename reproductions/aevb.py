"""Kingma and Welling (2013), figure 2: the bound on MNIST for five sizes of the latent vector.

The paper has curves; the numbers wanted are those of a public re-run of it with 300 epochs of Adagrad.
"""

from __future__ import annotations

import torch
from torch import nn

from anyvae import MLP, Bernoulli, evaluate_bound
from anyvae.recipes import vae
from common import Row, Run, clock, digits, options, record, seeds, train, write_table

HIDDEN = 500
BATCH = 128
EPOCHS = 60
RATE = 2e-3
# latent features -> -ELBO of the re-run, mean and spread over its seeds
PUBLISHED = {3: (141.30, 0.40), 5: (124.41, 0.37), 10: (107.57, 0.17), 20: (100.61, 0.71), 200: (99.23, 0.04)}


def main() -> None:
    asked = options(__doc__, [str(size) for size in PUBLISHED])
    data = digits(dynamic=False)
    for seed in seeds(asked):
        for latents in map(int, asked.only):
            row = Row(
                paper="Kingma & Welling 2013",
                figure=f"figure 2, MNIST, {latents} latents",
                what="-ELBO, test",
                published="{:.2f} ± {:.2f} (re-run)".format(*PUBLISHED[latents]),
                command=f"python reproductions/aevb.py --only {latents}",
                settings={
                    "network": f"one tanh layer of {HIDDEN}",
                    "binarisation": "once",
                    "optimiser": f"Adam, warm-up and cosine, peak {RATE}, batch {BATCH}, {EPOCHS} epochs",
                },
                limit=PUBLISHED[latents][0],
                order=100 + list(PUBLISHED).index(latents),
            )
            torch.manual_seed(seed)
            net = MLP([HIDDEN], nn.Tanh)
            model = vae(Bernoulli(784), latents, encoder=net, decoder=net, start=data.start)
            with clock() as seconds:
                done = train(
                    model,
                    data,
                    epochs=EPOCHS,
                    batch_size=BATCH,
                    learning_rate=RATE,
                    evaluations=EPOCHS // 3,
                    seed=seed,
                )
                bound = evaluate_bound(model, {"x": data.test}, samples=10)
                value = -bound.elbo.mean().item()
                details = {
                    "reconstruction": -bound.log_likelihood.mean().item(),
                    "kl": bound.kl["z"].mean().item(),
                    "standard error": bound.elbo.std().item() / len(bound.elbo) ** 0.5,
                    "best step": done.best_step,
                    "steps": done.steps,
                    "history": [[e.epoch, e.train_elbo, e.validation_elbo] for e in done.history],
                }
                run = Run(seed, value, seconds(), details)
            print(latents, seed, round(value, 3), details, flush=True)
            record("aevb", str(latents), row, run)
            write_table()


if __name__ == "__main__":
    main()
