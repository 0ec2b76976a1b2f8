"""Row 4: a column is missing in exactly the rows where another says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from loaders import missing_by_answer
from peers import FOREST, MEAN, MIWAE, NEAREST, OURS, RIDGE, SUAVE
from protocol import Case, Finding, Question, Row, Tables, measure, number, pick, shown, verdict
from scores import rmse

SEEDS = (0, 1, 2)


def _make(seed: int) -> Question:
    whole, holed = missing_by_answer(seed)
    mask = holed[["x"]].isna().to_numpy()
    # Neither needs a contestant: the mean of what is seen, and that of what is seen in the same group.
    means = holed["x"].fillna(holed["x"].mean()).to_frame()
    given = holed["x"].fillna(holed.groupby("g")["x"].transform("mean")).to_frame()
    base = {
        "column mean": rmse(whole[["x"]], means, mask),
        "conditional mean": rmse(whole[["x"]], given, mask),
    }

    def judge(answer: Tables) -> dict[str, Any]:
        return {"rmse": rmse(whole[["x"]], answer["imputed"], mask), **base}

    return Question("impute", {"train": holed}, judge)


def cases() -> Iterator[Case]:
    yield Case("missing by answer", _make, SEEDS)


def judge(runs: Sequence[Mapping[str, Any]]) -> list[Finding]:
    ours = pick(runs, "anyvae", "rmse")
    lower = [
        min(a, b)
        for a, b in zip(pick(runs, "anyvae", "column mean"), pick(runs, "anyvae", "conditional mean"))
    ]
    names = ("ridge", "forest", "kNN", "miwae", "SUAVE")
    peers = f"column mean {number(pick(runs, 'ridge', 'column mean'), 2)}, conditional mean "
    peers += f"{number(pick(runs, 'ridge', 'conditional mean'), 2)}, {shown(runs, names, 'rmse', digits=2)}"
    return [
        Finding(
            "RMSE of x where y says it is missing (noise .5)",
            "below column mean and conditional mean, every seed",
            number(ours, 2),
            peers,
            verdict([a - b for a, b in zip(ours, lower)], lambda gap: gap < 0.0),
        )
    ]


ROW = Row(
    4,
    "mar",
    "x missing iff y says so",
    cases,
    (OURS, MEAN, RIDGE, FOREST, NEAREST, MIWAE, SUAVE),
    judge,
    ("Conditional mean: of x given the group g, among the rows that are seen.",),
)

if __name__ == "__main__":
    measure(ROW)
