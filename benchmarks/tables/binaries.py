"""Row 2: ten independent yes/no columns, some rare."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from loaders import binaries
from peers import OURS, SUAVE, TVAE
from protocol import Case, Finding, Question, Row, Tables, measure, number, pick, shown, verdict
from scores import distinct_share

SEEDS = (0, 1, 2)


def _make(seed: int) -> Question:
    train = binaries(seed)
    share = (train == "yes").mean().to_numpy()
    deviation = np.sqrt(share * (1.0 - share) / len(train))

    def judge(answer: Tables) -> dict[str, Any]:
        drawn = answer["rows"]
        gaps = ((drawn == "yes").mean().to_numpy() - share) / deviation
        return {
            "worst": float(np.abs(gaps).max()),
            "gaps": [round(float(gap), 3) for gap in gaps],
            "distinct": distinct_share(drawn) / distinct_share(train),
        }

    return Question("sample", {"train": train}, judge, {"draws": [{"name": "rows", "rows": 100_000}]})


def cases() -> Iterator[Case]:
    yield Case("binaries", _make, SEEDS)


def judge(runs: Sequence[Mapping[str, Any]]) -> list[Finding]:
    worst, distinct = pick(runs, "anyvae", "worst"), pick(runs, "anyvae", "distinct")
    return [
        Finding(
            "worst marginal of 100,000 drawn rows, in binomial standard deviations of the training rows",
            "at most 1.5, aim 1, every seed",
            number(worst, 2),
            shown(runs, ("SUAVE", "TVAE"), "worst", digits=2),
            verdict(worst, lambda gap: gap <= 1.5),
        ),
        Finding(
            "distinct rows in 1,000, over the training rows'",
            "within .75 to 1.25, every seed",
            number(distinct, 2),
            shown(runs, ("SUAVE", "TVAE"), "distinct", digits=2),
            verdict(distinct, lambda share: 0.75 <= share <= 1.25),
        ),
    ]


ROW = Row(2, "binaries", "ten independent binaries, 1,000 rows", cases, (OURS, SUAVE, TVAE), judge)

if __name__ == "__main__":
    measure(ROW)
