"""Row 9: rows given a category that holds 1 % of the table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from loaders import adult, rare_group
from peers import OURS, TVAE
from protocol import Case, Finding, Question, Row, measure, number, pick, shown, verdict
from scores import kolmogorov

SEEDS = (0, 1)
ROWS = 1000


def compare(like: pd.DataFrame, drawn: pd.DataFrame, given: Mapping[str, str]) -> dict[str, Any]:
    """How the drawn rows meet the condition and follow the training rows that meet it.

    Every other column has a gap over the gap that chance passes once in a hundred: Kolmogorov-Smirnov for numbers;
    for a category the largest gap of a level's share in standard deviations, over 3.

    Arguments:
        like: training rows that meet the condition.
        drawn: rows that a contestant drew.
        given: the condition.
    """
    met = np.all([drawn[name].astype(str) == value for name, value in given.items()], axis=0)
    gaps: dict[str, float] = {}
    for name in like.columns:
        if name in given or not len(drawn):
            continue
        if pd.api.types.is_numeric_dtype(like[name].dtype):
            seen = like[name].dropna().astype(float), drawn[name].dropna().astype(float)
            gap, chance = kolmogorov(seen[0].to_numpy(), seen[1].to_numpy())
            gaps[name] = gap / chance
        else:
            ours, theirs = (frame[name].astype(str).value_counts(normalize=True) for frame in (drawn, like))
            share = theirs.reindex(theirs.index.union(ours.index), fill_value=0.0)
            n, m = len(drawn), len(like)
            # Both shares are estimates; a level with no rows in one of them is counted as half a row.
            pooled = (share * m + ours.reindex(share.index, fill_value=0.0) * n).clip(lower=0.5) / (n + m)
            deviation = np.sqrt(pooled * (1.0 - pooled).clip(lower=1.0 / (n + m)) * (1.0 / n + 1.0 / m))
            gaps[name] = float(
                ((ours.reindex(share.index, fill_value=0.0) - share).abs() / deviation).max() / 3.0
            )
    worst = max(gaps, key=lambda name: gaps[name]) if gaps else ""
    return {
        "rows": len(drawn),
        "met": float(met.mean()) if len(drawn) else 0.0,
        "beyond chance": sum(gap > 1.0 for gap in gaps.values()),
        "columns": len(gaps),
        "worst": gaps.get(worst, float("nan")),
        "worst column": worst,
        "gaps": {name: round(gap, 2) for name, gap in gaps.items()},
    }


def _make(train: pd.DataFrame, given: Mapping[str, str]) -> Question:
    like = train[np.all([train[name] == value for name, value in given.items()], axis=0)]
    draws = [{"name": "all", "rows": ROWS}, {"name": "given", "rows": ROWS, "given": dict(given)}]
    return Question(
        "sample", {"train": train}, lambda answer: compare(like, answer["given"], given), {"draws": draws}
    )


def cases() -> Iterator[Case]:
    yield Case("made up", lambda seed: _make(rare_group(seed), {"kind": "rare"}), SEEDS)
    # 311 of 32,561 rows.
    yield Case("Adult", lambda seed: _make(adult(), {"race": "Amer-Indian-Eskimo"}), (0,), ("anyvae",))


def judge(runs: Sequence[Mapping[str, Any]]) -> list[Finding]:
    findings = []
    for case in ("made up", "Adult"):
        rows, met = pick(runs, "anyvae", "rows", case), pick(runs, "anyvae", "met", case)
        beyond = pick(runs, "anyvae", "beyond chance", case)
        worst = pick(runs, "anyvae", "worst", case)
        columns = pick(runs, "anyvae", "columns", case)
        said = "given race = Amer-Indian-Eskimo" if case == "Adult" else "given kind = rare"
        times = [
            run["cpu"]
            for run in runs
            if run["contestant"] == "anyvae" and "cpu" in run and run["case"] == case
        ]
        findings += [
            Finding(
                f"{case}, {said}: rows that meet it",
                f"{ROWS} of {ROWS}, drawn without a rejection loop",
                (
                    f"{number([r * m for r, m in zip(rows, met)], 0)}; "
                    f"{number([t['draw given'] for t in times], 2)} s, "
                    f"unconditional {number([t['draw all'] for t in times], 2)} s"
                )
                if rows
                else "-",
                shown(runs, ("TVAE",), "rows", case, 0),
                verdict([r * m for r, m in zip(rows, met)], lambda value: value == ROWS),
            ),
            Finding(
                f"{case}, {said}: marginals beyond chance (1 %) of the empirical conditional's",
                "none" if case == "made up" else "none (real data; judged as strictly)",
                f"{number(beyond, 1)} of {max(columns)}; worst {number(worst, 2)} x chance"
                if beyond
                else "-",
                f"TVAE {number(pick(runs, 'TVAE', 'beyond chance', case), 1)}",
                verdict(beyond, lambda value: value == 0),
            ),
        ]
    return findings


ROW = Row(
    9,
    "given",
    "rows given a category of 1 %",
    cases,
    (OURS, TVAE),
    judge,
    ("TVAE knows no conditions: it draws until 1,000 rows meet it, or a million were drawn.",),
)

if __name__ == "__main__":
    measure(ROW)
