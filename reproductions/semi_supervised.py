"""Kingma et al. (2014): digits classified from few labels, by M2 and by M1+M2."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from anyvae import MLP, Bernoulli, LatentVariableModel, Partial
from anyvae.data import load_source
from anyvae.inference import class_mean
from anyvae.recipes import classifying_elbo, m2
from anyvae.training import TensorData, fit
from common import HELD_OUT, Narrator, Row, Run, clock, digits, fit_once, options, record, seeds, write_table

LATENTS, HIDDEN = 50, 500
BATCH, EPOCHS, RATE = 200, 40, 1e-3
LABELLED_SHARE = 0.05
# labels -> the paper's error in per cent, the error wanted here
CASES: dict[str, tuple[str, float]] = {"100": ("11.97 ± 1.71", 12.0), "1000": ("3.60 ± 0.56", 5.0)}


def known_labels(labels: Tensor, count: int, seed: int) -> Tensor:
    """Which rows keep their label: as many of each class, chosen by the seed."""
    generator = torch.Generator().manual_seed(seed)
    kept = torch.zeros(len(labels), dtype=torch.bool)
    for digit in range(10):
        places = (labels == digit).nonzero().squeeze(1)
        kept[places[torch.randperm(len(places), generator=generator)[: count // 10]]] = True
    return kept


def rows_of(train: TensorData, labels: Tensor, kept: Tensor) -> TensorData:
    """All rows, those with a label so often over that they make up a twentieth."""
    times = max(1, round(LABELLED_SHARE * len(kept) / int(kept.sum())))
    places = torch.cat([torch.arange(len(kept)), *[kept.nonzero().squeeze(1)] * (times - 1)])
    return TensorData(
        {
            "x": train.values["x"][places],
            "y": Partial(one_hot(labels[places], 10).float(), kept[places]),
        },
        binarise=tuple(train.binarise),
    )


def network() -> MLP:
    return MLP([HIDDEN], nn.Softplus)


def error_of(model: LatentVariableModel, rows: Tensor, labels: Tensor) -> float:
    """Rows put in the wrong class, per cent."""
    found = class_mean(model, {"x": rows}, "y", samples=1, enumerate=["y"]).argmax(1)
    return 100.0 * float((found != labels).float().mean())


def main() -> None:
    asked = options(__doc__, list(CASES))
    data = digits(dynamic=True)
    source = load_source("mnist")
    assert source.labels is not None
    assert source.test is not None
    assert source.test.labels is not None
    labels = torch.as_tensor(source.labels).long()[:-HELD_OUT]
    truth = torch.as_tensor(source.test.labels).long()
    for seed in seeds(asked):
        for case in asked.only:
            published, limit = CASES[case]
            kept = known_labels(labels, int(case), seed)
            rows = rows_of(data.train, labels, kept)
            share = float(rows.masks["y"].float().mean())
            told = {
                "network": f"784-{HIDDEN}, softplus, {LATENTS} latents, uniform p(y)",
                "labels": f"{case}, as many of each class, repeated to {LABELLED_SHARE:.0%} of the rows",
                "binarisation": "afresh at every use; the test rows once",
                "optimiser": f"Adam, warm-up and cosine, peak {RATE}, batch {BATCH}, {EPOCHS} epochs",
                "classifier": "a tenth of the rows' weight",
            }
            torch.manual_seed(seed)
            model = m2(
                Bernoulli(784),
                LATENTS,
                10,
                encoder=network(),
                classifier=network(),
                decoder=network(),
                frequencies=False,
                start=data.start,
            )
            fitted = partial(
                fit,
                model,
                rows,
                validation=data.held,
                callbacks=[Narrator()],
                objective=classifying_elbo(share),
                epochs=EPOCHS,
                batch_size=BATCH,
                learning_rate=RATE,
                evaluations=EPOCHS // 2,
                keep_last=True,
                seed=seed,
            )
            details = fit_once(model, {**told, "seed": seed}, fitted)
            with clock() as seconds:
                value = error_of(model, data.test, truth)
                spent = details["fit seconds"] + seconds()
            print(seed, case, round(value, 2), flush=True)
            row = Row(
                paper="Kingma et al. 2014",
                figure=f"MNIST, M2, {case} labels",
                what="test error, %",
                published=published,
                command=f"python reproductions/semi_supervised.py --only {case}",
                settings=told,
                limit=limit,
                order=700 + list(CASES).index(case),
            )
            record("semi_supervised", case, row, Run(seed, value, spent, details))
            write_table()


if __name__ == "__main__":
    main()
