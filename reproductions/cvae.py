"""Sohn, Lee and Yan (2015): MNIST quadrants; one, two or three are given and the others predicted."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path

import torch
from torch import Tensor, nn

from anyvae import ELBO, MLP, Bernoulli, LatentVariableModel
from anyvae.inference import evaluate_bound, log_likelihood, sample
from anyvae.objectives import LinearRamp, Objective
from anyvae.recipes import cvae
from anyvae.training import TensorData, fit
from common import (
    HERE,
    Narrator,
    Row,
    Run,
    Split,
    clock,
    digits,
    fit_once,
    options,
    record,
    seeds,
    write_table,
)

Make = Callable[[int, int, dict[str, Tensor | float]], LatentVariableModel]

LATENTS, HIDDEN = 200, 500
BATCH, EPOCHS, RATE, DROPOUT = 128, 50, 1e-3, 0.2
BASELINE_EPOCHS = 30
SAMPLES = 100
# quarters given -> -log p of the baseline, -ELBO and -log p by importance sampling: published, wanted
CASES: dict[str, tuple[tuple[str, float], tuple[str, float], tuple[str, float]]] = {
    "1": (("99.75", 101.0), ("71.8 (re-run)", 71.8), ("63.91", 67.0)),
    "2": (("62.18", 63.0), ("51.0 (re-run)", 51.0), ("44.73", 47.0)),
    "3": (("25.99", 27.0), ("24.2 (re-run)", 24.2), ("20.95", 22.5)),
}


def given(quarters: int) -> Tensor:
    """Which pixels are given: the bottom-left quarter, the left half, or all but the top-right quarter."""
    mask = torch.zeros(28, 28, dtype=torch.bool)
    mask[14:, :14] = True
    if quarters > 1:
        mask[:14, :14] = True
    if quarters > 2:
        mask[14:, 14:] = True
    return mask.flatten()


def quarters(data: Split, mask: Tensor) -> tuple[TensorData, TensorData, dict[str, Tensor]]:
    """Training, held-out and test rows: "c", the pixels that are given, grey, and "x", those that are not, binary."""
    grey = data.train.values["x"]
    train = TensorData({"c": grey[:, mask], "x": grey[:, ~mask]}, binarise=["x"])
    held = TensorData({"c": data.held_grey[:, mask], "x": data.held.values["x"][:, ~mask]})
    return train, held, {"c": data.test_grey[:, mask], "x": data.test[:, ~mask]}


def network() -> MLP:
    return MLP([HIDDEN, HIDDEN], nn.ReLU, dropout=DROPOUT)


def baseline(unknown: int, known: int, start: dict[str, Tensor | float]) -> LatentVariableModel:
    """The deterministic network: every pixel on its own, given the known quarters."""
    return LatentVariableModel(
        generative={"x": Bernoulli(unknown).given("c", net=network(), start=start)}, conditions={"c": known}
    )


def conditional(unknown: int, known: int, start: dict[str, Tensor | float]) -> LatentVariableModel:
    return cvae(
        Bernoulli(unknown),
        LATENTS,
        known,
        encoder=network(),
        decoder=network(),
        prior=network(),
        start=start,
    )


def main() -> None:
    asked = options(__doc__, list(CASES))
    data = digits(dynamic=True)
    kinds: tuple[tuple[str, Make, int, Objective], ...] = (
        ("baseline", baseline, BASELINE_EPOCHS, ELBO()),
        ("cvae", conditional, EPOCHS, ELBO(beta=LinearRamp(0.0, 1.0, until=0.2))),
    )
    for seed in seeds(asked):
        # The baselines of all cases first: they take minutes.
        for (kind, make, epochs, objective), case in product(kinds, asked.only):
            mask = given(int(case))
            train, held, test = quarters(data, mask)
            start: dict[str, Tensor | float] = {"logits": torch.logit(data.frequency[~mask])}
            sizes = int((~mask).sum()), int(mask.sum())
            settings = {
                "network": f"each of the networks {HIDDEN}-{HIDDEN} ReLU with dropout {DROPOUT}, {LATENTS} latents",
                "binarisation": "afresh at every use, the test rows once; what is given is grey",
                "optimiser": f"Adam, warm-up and cosine, peak {RATE}, batch {BATCH}",
            }
            told = {**settings, "epochs": epochs, "model": kind, "quarters": case}
            torch.manual_seed(seed)
            model = make(*sizes, start)
            fitted = partial(
                fit,
                model,
                train,
                validation=held,
                patience=1.0,
                callbacks=[Narrator()],
                objective=objective,
                epochs=epochs,
                batch_size=BATCH,
                learning_rate=RATE,
                evaluations=epochs,
                seed=seed,
            )
            details = fit_once(model, {**told, "seed": seed}, fitted)
            with clock() as seconds:
                bound = -evaluate_bound(model, test, samples=10).elbo.mean().item()
                found = {"-ELBO, test": bound}
                if kind == "cvae":
                    weighed = log_likelihood(model, test, samples=SAMPLES)
                    found[f"-log p(x | c), test, {SAMPLES} samples"] = -weighed.mean().item()
                spent = details["fit seconds"] + seconds()
            print(seed, case, kind, {key: round(value, 2) for key, value in found.items()}, flush=True)
            wanted = CASES[case][:1] if kind == "baseline" else CASES[case][1:]
            for (what, value), (published, limit) in zip(found.items(), wanted, strict=True):
                name = "-log p(x | c), test" if kind == "baseline" else what
                row = Row(
                    paper="Sohn et al. 2015",
                    figure=f"MNIST, {case} of 4 quarters given, {'CVAE' if kind == 'cvae' else 'baseline'}",
                    what=name,
                    published=published,
                    command=f"python reproductions/cvae.py --only {case}",
                    settings=told,
                    limit=limit,
                    order=600 + 10 * int(case) + (kind == "cvae") + ("samples" in name),
                )
                record("cvae", f"{case} {kind} {name}", row, Run(seed, value, spent, details))
            write_table()
            if kind == "cvae":
                picture(model, test, mask, HERE / "results" / f"cvae-{case}.png")


def picture(model: LatentVariableModel, test: dict[str, Tensor], mask: Tensor, path: Path) -> None:
    """Ten digits: what is given, what was there, the mean of the completions, and four drawn ones."""
    import numpy as np
    from PIL import Image

    rows = torch.arange(10)
    some = test["c"][rows]

    def whole(unknown: Tensor | float, known: Tensor) -> Tensor:
        full = torch.zeros(len(known), 784)
        full[:, mask], full[:, ~mask] = known, torch.as_tensor(unknown)
        return full.view(-1, 28, 28)

    strips = [whole(0.5, some), whole(test["x"][rows], some)]
    draws = [sample(model, len(rows), seed=k, given={"c": some}) for k in range(64)]
    strips.append(whole(torch.stack([found["x"] for found in draws]).mean(0), some))
    strips += [whole(found["x"], some) for found in draws[:4]]
    sheet = torch.cat([torch.cat(list(strip), 1) for strip in strips])
    grey = (255.0 * (1.0 - sheet)).round().to(torch.uint8).numpy()
    Image.fromarray(np.repeat(np.repeat(grey, 2, 0), 2, 1)).save(path)


if __name__ == "__main__":
    main()
