"""Row 8: a synthetic Adult."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import mean
from typing import Any

import numpy as np
import pandas as pd
from loaders import adult
from peers import OURS, SUAVE, TVAE, Contestant
from protocol import Case, Finding, Question, Row, ask, measure, number, pick, shown

SEEDS = (0, 1)
SECOND = Contestant("sdmetrics", "by_sdmetrics.py", "", "ctgan")
FIGURES = {
    "shapes": "column shapes, mean of 1 - KS or 1 - TV",
    "pairs": "column pair trends",
    "trees AUROC": "AUROC of income, boosted trees, train on synthetic and test on real",
    "linear AUROC": "AUROC of income, logistic regression, train on synthetic and test on real",
}


def split(seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Four fifths of the rows to fit, one to test on.

    Arguments:
        seed: of the split.
    """
    rows = adult()
    order = np.random.default_rng([8, seed]).permutation(len(rows))
    cut = round(0.8 * len(rows))
    return rows.iloc[order[:cut]].reset_index(drop=True), rows.iloc[order[cut:]].reset_index(drop=True)


def quality(train: pd.DataFrame, held: pd.DataFrame, drawn: pd.DataFrame) -> dict[str, Any]:
    """Marginals, pairs, efficacy and privacy of a synthetic table, and sdmetrics' opinion of the first two.

    Arguments:
        train: rows that were fitted.
        held: rows that were not.
        drawn: synthetic rows.
    """
    from anyvae.metrics import column_shapes, efficacy, pair_trends, privacy

    drawn = drawn[list(train.columns)]
    real, rest, made = (_arrays(frame) for frame in (train, held, drawn))
    learnt = efficacy(real, made, rest, "income")
    private = privacy(real, rest, made)
    figures = {
        "shapes": mean(column_shapes(real, made).values()),
        "pairs": pair_trends(real, made).mean,
        **{f"{who} AUROC": scores["AUROC"] for who, scores in learnt.synthetic.items()},
        **{f"{who} AUROC, real": scores["AUROC"] for who, scores in learnt.real.items()},
        "duplicates": private.duplicates,
        "duplicates, held-out": private.held_out_duplicates,
        "closest, ratio": private.ratio,
        "closest 5 %, ratio": private.low_ratio,
        "membership": private.membership,
        "membership error": private.membership_error,
        "worst shape": min(column_shapes(real, made).items(), key=lambda pair: pair[1]),
    }
    second = ask(
        SECOND,
        Question(
            "quality", {"real": train, "synthetic": drawn}, lambda answer: answer["quality"].iloc[0].to_dict()
        ),
        0,
    )
    return figures | {f"sdmetrics {name}": value for name, value in second.get("figures", {}).items()}


def _arrays(frame: pd.DataFrame) -> dict[str, np.ndarray]:
    return {
        str(name): frame[name].to_numpy(float)
        if pd.api.types.is_numeric_dtype(frame[name].dtype)
        else frame[name].astype(object).where(frame[name].notna(), None).to_numpy(object)
        for name in frame.columns
    }


def _make(seed: int) -> Question:
    train, held = split(seed)
    return Question(
        "sample",
        {"train": train},
        lambda answer: quality(train, held, answer["rows"]),
        {"draws": [{"name": "rows", "rows": len(train)}]},
    )


def cases() -> Iterator[Case]:
    yield Case("Adult", _make, SEEDS)


def judge(runs: Sequence[Mapping[str, Any]]) -> list[Finding]:
    peers = ("TVAE", "SUAVE")
    findings = []
    for figure, said in FIGURES.items():
        ours = pick(runs, "anyvae", figure)
        theirs = [mean(values) for name in peers if (values := pick(runs, name, figure))]
        told = shown(runs, peers, figure)
        if "AUROC" in figure:
            told += f", on real rows {number(pick(runs, 'TVAE', figure + ', real'))}"
        findings.append(
            Finding(
                said,
                "above TVAE and SUAVE",
                number(ours),
                told,
                mean(ours) > max(theirs) if ours and theirs else None,
            )
        )
    ours, error = pick(runs, "anyvae", "membership"), pick(runs, "anyvae", "membership error")
    theirs = [mean(values) for name in peers if (values := pick(runs, name, "membership"))]
    findings.append(
        Finding(
            "privacy: AUROC of a membership attack (.5 gives nothing away)",
            "not above the peers' by two standard errors",
            number(ours),
            shown(runs, peers, "membership"),
            mean(ours) <= max([*theirs, 0.5]) + 2.0 * mean(error) if ours and theirs else None,
        )
    )
    ours = pick(runs, "anyvae", "closest 5 %, ratio")
    findings.append(
        Finding(
            "privacy: 5 % quantile of the distance to the closest training row, over held-out rows'",
            "at least 1, or the least of the peers'",
            number(ours, 2),
            shown(runs, peers, "closest 5 %, ratio", digits=2)
            + "; duplicates "
            + shown(runs, ("anyvae", *peers), "duplicates", digits=4),
            _at_least(ours, [mean(v) for n in peers if (v := pick(runs, n, "closest 5 %, ratio"))]),
        )
    )
    mine, theirs = pick(runs, "anyvae", "fit", of="cpu"), pick(runs, "TVAE", "fit", of="cpu")
    findings.append(
        Finding(
            "seconds to fit, processor time of one thread",
            "at most half of TVAE's",
            number(mine, 0),
            shown(_timed(runs), peers, "fit", digits=0),
            mean(mine) <= 0.5 * mean(theirs) if mine and theirs else None,
        )
    )
    return findings


def _at_least(ours: Sequence[float], theirs: Sequence[float]) -> bool | None:
    return mean(ours) >= min([*theirs, 1.0]) if ours and theirs else None


def _timed(runs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{**run, "figures": run["cpu"]} for run in runs if "cpu" in run]


ROW = Row(
    8,
    "adult",
    "Adult, 32,561 rows, synthetic",
    cases,
    (OURS, TVAE, SUAVE),
    judge,
    (
        "Four fifths of the rows are fitted, as many are drawn, one fifth tests efficacy and privacy.",
        "Measures are anyvae.metrics'; sdmetrics' own figures for shapes and pairs stand beside them in the runs.",
        "TVAE's missing categories are a level of their own.",
    ),
)

if __name__ == "__main__":
    measure(ROW)
