"""Row 12: whether the spread of imputed draws tells how far off they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd
from loaders import UCI_SETS, hide, uci
from peers import OURS
from protocol import Case, Finding, Question, Row, Tables, measure, number, pick, verdict

SEEDS = (0, 1, 2)
LEVELS = (0.5, 0.9)
DRAWS = 100


def covered(draws: Sequence[pd.DataFrame], whole: pd.DataFrame, holed: pd.DataFrame) -> dict[str, float]:
    """Share of the hidden cells of all columns together within the interval of each level.

    Arguments:
        draws: filled tables.
        whole: the truth.
        holed: what was given.
    """
    from anyvae.metrics import interval_coverage

    hidden = {name: holed[name].isna().to_numpy() for name in whole}
    found = interval_coverage(draws, whole, LEVELS, hidden=hidden).values()
    cells = sum(one.cells for one in found)
    return {
        _named(level): sum(one.shares[place] * one.cells for one in found) / cells
        for place, level in enumerate(LEVELS)
    }


def _named(level: float) -> str:
    return f"within {100 * level:.0f} %"


def _make(name: str, seed: int) -> Question:
    whole = uci(name)
    holed = hide(whole, 0.2, seed)

    def judge(answer: Tables) -> dict[str, Any]:
        return covered([answer[f"draw{place}"] for place in range(DRAWS)], whole, holed)

    return Question("impute", {"train": holed}, judge, {"draws": DRAWS})


def cases() -> Iterator[Case]:
    for name in UCI_SETS:
        yield Case(name, lambda seed, name=name: _make(name, seed), SEEDS)


def judge(runs: Sequence[Mapping[str, Any]]) -> list[Finding]:
    findings = []
    for level in LEVELS:
        for name in UCI_SETS:
            shares = pick(runs, "anyvae", _named(level), name)
            means = [sum(shares) / len(shares)] if shares else []
            findings.append(
                Finding(
                    f"{name}: share of hidden cells within the {100 * level:.0f} % interval",
                    f"{level - 0.03:.2f} to {level + 0.03:.2f} (mean of seeds)",
                    number(shares, 3),
                    "",
                    verdict(means, lambda share, level=level: abs(share - level) <= 0.03),
                )
            )
    return findings


ROW = Row(
    12,
    "intervals",
    "imputation intervals, a fifth of the cells hidden",
    cases,
    (OURS,),
    judge,
    (f"{DRAWS} draws of every hole; cells of all columns together.",),
)

if __name__ == "__main__":
    measure(ROW)
