"""Row 11: a million mixed rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from loaders import mixed
from peers import OURS
from protocol import Case, Finding, Question, Row, Tables, measure, number, pick, verdict

ROWS = 1_000_000


def _make(seed: int, rows: int = ROWS) -> Question:
    def judge(answer: Tables) -> dict[str, Any]:
        scores = answer["scores"]["nats"].to_numpy()
        return {
            "rows": len(scores),
            "finite": bool(np.isfinite(scores).all()),
            "mean": float(np.mean(scores)),
        }

    return Question("score", {"train": mixed(rows, seed)}, judge)


def cases() -> Iterator[Case]:
    yield Case("a million rows", _make)


def judge(runs: Sequence[Mapping[str, Any]]) -> list[Finding]:
    fit = [seconds / 60.0 for seconds in pick(runs, "anyvae", "fit", of="seconds")]
    rates = [
        rows / s for rows, s in zip(pick(runs, "anyvae", "rows"), pick(runs, "anyvae", "score", of="seconds"))
    ]
    peak = [run["peak_mb"] / 1024.0 for run in runs if "peak_mb" in run]
    return [
        Finding("minutes to fit", "at most 10", number(fit, 1), "", verdict(fit, lambda minutes: minutes <= 10.0)),
        Finding("peak memory, GB", "at most 4", number(peak, 2), "", verdict(peak, lambda size: size <= 4.0)),
        Finding(
            "rows a second of score_samples", "at least 100,000", number(rates, 0), "",
            verdict(rates, lambda rate: rate >= 100_000),
        ),
    ]  # fmt: skip


ROW = Row(
    11,
    "million",
    "1,000,000 x 20 mixed rows",
    cases,
    (OURS,),
    judge,
    (
        "Two threads: ANYVAE_BENCH_THREADS=2. The peak is that of the process, with the table that the user holds.",
    ),
)

if __name__ == "__main__":
    measure(ROW)
