"""Burda, Grosse and Salakhutdinov (2015), tables 1 and 2: one stochastic layer on MNIST, VAE and IWAE.

The schedule is a small part of the paper's 3,280 passes, so the log-likelihoods are asked to come within one nat;
what must hold whatever the schedule is that IWAE ends higher, with more active units, and that each model moves
in the paper's direction when it is trained further by the other's bound. Five importance samples stand for the
paper's fifty in the second.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn

from anyvae import ELBO, IWAE, MLP, Bernoulli, LatentVariableModel, evaluate_bound, fit, log_likelihood
from anyvae.metrics import active_units, latent_use
from anyvae.recipes import vae
from common import Narrator, Row, Run, Split, clock, digits, fit_once, options, record, seeds, write_table

LATENTS, HIDDEN, BATCH = 50, 200, 100
SAMPLES = 1000


@dataclass(frozen=True)
class Stage:
    """Training by one bound.

    Arguments:
        importance: samples in the bound; the ELBO for one.
        epochs: of training.
        rate: peak of the learning rate.
        after: the stage whose weights it starts from.
    """

    importance: int
    epochs: int
    rate: float
    after: str = ""


STAGES = {
    "vae": Stage(1, 120, 2e-3),
    "iwae": Stage(5, 70, 2e-3),
    "vae then iwae": Stage(5, 12, 3e-4, after="vae"),
    "iwae then vae": Stage(1, 20, 3e-4, after="iwae"),
}


def told(case: str, seed: int) -> dict[str, Any]:
    """All that decides the weights of a case."""
    stage = STAGES[case]
    before = {"after": told(stage.after, seed)} if stage.after else {}
    return {
        **asdict(stage),
        **before,
        "seed": seed,
        "network": [784, HIDDEN, HIDDEN, LATENTS],
        "batch": BATCH,
    }


def trained(case: str, seed: int, data: Split) -> tuple[LatentVariableModel, dict[str, Any]]:
    """The fitted model of a case and what the fit did."""
    stage = STAGES[case]
    if stage.after:
        model, _ = trained(stage.after, seed, data)
    else:
        torch.manual_seed(seed)
        net = MLP([HIDDEN, HIDDEN], nn.Tanh)
        model = vae(Bernoulli(784), LATENTS, encoder=net, decoder=net, start=data.start)

    # No validation rows: they would choose by the ELBO, which is not what IWAE maximises.
    details = fit_once(
        model,
        told(case, seed),
        lambda: fit(
            model,
            data.train,
            objective=IWAE(stage.importance) if stage.importance > 1 else ELBO(),
            epochs=stage.epochs,
            batch_size=BATCH,
            learning_rate=stage.rate,
            evaluations=20,
            seed=seed,
            callbacks=[Narrator()],
        ),
    )
    return model, details


def scored(case: str, seed: int, data: Split) -> dict[str, Any]:
    """Numbers of a case on the test rows."""
    with clock() as seconds:
        model, details = trained(case, seed, data)
        fitted = seconds()
        found = log_likelihood(model, {"x": data.test}, samples=SAMPLES)
        bound = evaluate_bound(model, {"x": data.test}, samples=10)
        details |= {
            "-log p": -found.mean().item(),
            "standard error": found.std().item() / len(found) ** 0.5,
            "-ELBO": -bound.elbo.mean().item(),
            "active units": active_units(latent_use(model, {"x": data.test}).mean),
            "seconds": details["fit seconds"] + seconds() - fitted,
        }
    print(case, seed, {key: value for key, value in details.items() if key != "history"}, flush=True)
    return details


def report(seed: int, found: dict[str, dict[str, Any]]) -> None:
    """Write the rows that the cases so far allow."""

    def row(order: int, key: str, figure: str, what: str, published: str, limit: float, sign: str, value: float,
            *cases: str) -> None:  # fmt: skip
        settings = {
            "network": f"784-{HIDDEN}-{HIDDEN}-{LATENTS}, tanh",
            "binarisation": "afresh at every use; the test rows once",
            "samples": SAMPLES,
            "stages": {case: asdict(STAGES[case]) for case in cases},
            "batch": BATCH,
        }
        only = " ".join(f'"{case}"' for case in cases)
        seconds = sum(found[case]["seconds"] for case in cases)
        details = {case: found[case] for case in cases}
        about = Row("Burda et al. 2015", figure, what, published, f"python reproductions/iwae.py --only {only}",
                    settings, limit, sign, 400 + order)  # fmt: skip
        record("iwae", key, about, Run(seed, value, seconds, details))

    loss = {case: details["-log p"] for case, details in found.items()}
    units = {case: details["active units"] for case, details in found.items()}
    number = f"-log p(x), test, {SAMPLES} samples"
    if "vae" in found:
        row(0, "vae", "table 1, 1 layer, k = 1", number, "86.76", 87.76, "at most", loss["vae"], "vae")
        row(
            1,
            "vae units",
            "table 1, 1 layer, k = 1",
            "active units",
            "19",
            15,
            "at least",
            units["vae"],
            "vae",
        )
    if "iwae" in found:
        row(2, "iwae", "table 1, 1 layer, k = 5", number, "85.54", 86.54, "at most", loss["iwae"], "iwae")
    if {"vae", "iwae"} <= set(found):
        more = units["iwae"] - units["vae"]
        row(3, "iwae units", "table 1, 1 layer, k = 5 less k = 1", "active units", "22 - 19 = 3", 1, "at least",
            more, "vae", "iwae")  # fmt: skip
    if {"vae", "vae then iwae"} <= set(found):
        change = loss["vae then iwae"] - loss["vae"]
        row(4, "vae then iwae", "table 2, VAE continued as IWAE, change", number, "84.88 - 86.76 = -1.88 (k = 50)",
            0.0, "at most", change, "vae", "vae then iwae")  # fmt: skip
    if {"iwae", "iwae then vae"} <= set(found):
        change = loss["iwae then vae"] - loss["iwae"]
        row(5, "iwae then vae", "table 2, IWAE continued as VAE, change", number, "86.02 - 84.78 = 1.24 (k = 50)",
            0.0, "at least", change, "iwae", "iwae then vae")  # fmt: skip
    write_table()


def main() -> None:
    asked = options(__doc__, list(STAGES))
    data = digits(dynamic=True)
    for seed in seeds(asked):
        found: dict[str, dict[str, Any]] = {}
        for case in asked.only:
            found[case] = scored(case, seed, data)
            report(seed, found)


if __name__ == "__main__":
    main()
