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
# Of the two log-likelihoods of table 1, and of differences between two models on the same rows.
SAMPLES, COMPARED = 1000, 200


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


def scored(case: str, seed: int, data: Split, samples: int) -> dict[str, Any]:
    """Numbers of a case on the test rows."""
    with clock() as seconds:
        model, details = trained(case, seed, data)
        fitted = seconds()
        found = log_likelihood(model, {"x": data.test}, samples=samples)
        bound = evaluate_bound(model, {"x": data.test}, samples=10)
        details |= {
            "samples": samples,
            "-log p": -found.mean().item(),
            "standard error": found.std().item() / len(found) ** 0.5,
            "-ELBO": -bound.elbo.mean().item(),
            "active units": active_units(latent_use(model, {"x": data.test}).mean),
            "seconds": details["fit seconds"] + seconds() - fitted,
        }
    print(case, seed, {key: value for key, value in details.items() if key != "history"}, flush=True)
    return details


def keep(key: str, order: int, figure: str, published: str, limit: float, sign: str, seed: int, value: float,
         samples: int, scores: dict[str, dict[str, Any]], *, what: str = "") -> None:  # fmt: skip
    """Record one row, made from the scores of one case or of two."""
    only = key if key in STAGES else list(scores)[-1]
    row = Row(
        paper="Burda et al. 2015",
        figure=figure,
        what=what or f"-log p(x), test, {samples} samples",
        published=published,
        command=f'python reproductions/iwae.py --only "{only}"',
        settings={
            "network": f"784-{HIDDEN}-{HIDDEN}-{LATENTS}, tanh",
            "binarisation": "afresh at every use; the test rows once",
            "samples": samples,
            "stages": {case: asdict(STAGES[case]) for case in scores},
            "batch": BATCH,
        },
        limit=limit,
        sign=sign,
        order=400 + order,
    )
    seconds = sum(details["seconds"] for details in scores.values())
    record("iwae", key, row, Run(seed, value, seconds, scores))
    write_table()


def main() -> None:
    asked = options(__doc__, list(STAGES))
    data = digits(dynamic=True)
    for seed in seeds(asked):
        compared: dict[str, dict[str, Any]] = {}

        def pair(
            first: str, second: str, seed: int = seed, compared: dict[str, Any] = compared
        ) -> dict[str, Any]:
            for case in (first, second):
                if case not in compared:
                    compared[case] = scored(case, seed, data, COMPARED)
            return {first: compared[first], second: compared[second]}

        for case in asked.only:
            if STAGES[case].after:
                two = pair(STAGES[case].after, case)
                change = two[case]["-log p"] - two[STAGES[case].after]["-log p"]
                if case == "vae then iwae":
                    keep(case, 5, "table 2, VAE continued as IWAE, change", "84.88 - 86.76 = -1.88 (k = 50)", 0.0,
                         "less than", seed, change, COMPARED, two)  # fmt: skip
                else:
                    keep(case, 6, "table 2, IWAE continued as VAE, change", "86.02 - 84.78 = 1.24 (k = 50)", 0.0,
                         "more than", seed, change, COMPARED, two)  # fmt: skip
                continue
            one = {case: scored(case, seed, data, SAMPLES)}
            value, units = one[case]["-log p"], one[case]["active units"]
            if case == "vae":
                keep(case, 0, "table 1, 1 layer, k = 1", "86.76", 87.76, "at most", seed, value, SAMPLES, one)
                keep("vae units", 1, "table 1, 1 layer, k = 1", "19", 15, "at least", seed, units, SAMPLES, one,
                     what="active units")  # fmt: skip
            else:
                keep(case, 2, "table 1, 1 layer, k = 5", "85.54", 86.54, "at most", seed, value, SAMPLES, one)
                two = pair("vae", case)
                less = two[case]["-log p"] - two["vae"]["-log p"]
                more = two[case]["active units"] - two["vae"]["active units"]
                keep("iwae less vae", 3, "table 1, 1 layer, k = 5 less k = 1", "85.54 - 86.76 = -1.22", 0.0,
                     "less than", seed, less, COMPARED, two)  # fmt: skip
                keep("iwae units", 4, "table 1, 1 layer, k = 5 less k = 1", "22 - 19 = 3", 1, "at least", seed,
                     more, COMPARED, two, what="active units")  # fmt: skip


if __name__ == "__main__":
    main()
