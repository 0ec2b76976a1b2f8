"""Row 6: HI-VAE's six tables (Nazabal, Olmos, Ghahramani and Valera 2020), 10 to 50 % of the cells missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import mean
from typing import Any

import numpy as np
import pandas as pd
from loaders import HIVAE_SETS, hivae, hivae_mask
from peers import FOREST, MEAN, MIWAE, NEAREST, OURS, RIDGE, SUAVE
from protocol import Case, Finding, Question, Row, Tables, measure
from scores import imputation, ranks

SEEDS = (0, 1)
PERCENT = (50, 10, 30, 20, 40)
ROWS = 2000
FEWEST = 3  # others beside us, where ranks are taken


def holed(
    name: str, percent: int, seed: int, rows: int = ROWS
) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """Truth, what contestants see, and which cells they do not: the same rows for everyone.

    Arguments:
        name: of the set.
        percent: of cells missing.
        seed: of the choice of rows, and of the mask: 0 is the authors' own.
        rows: at most so many.
    """
    whole, mask = hivae(name), hivae_mask(name, percent, number=seed + 1)
    chosen = np.sort(np.random.default_rng([61, seed]).permutation(len(whole))[:rows])
    whole, mask = whole.iloc[chosen].reset_index(drop=True), mask[chosen]
    seen = whole.copy()
    for j, column in enumerate(whole.columns):
        numbers = pd.api.types.is_numeric_dtype(whole[column].dtype)
        seen[column] = (
            whole[column].astype(float).mask(mask[:, j]) if numbers else whole[column].mask(mask[:, j])
        )
    # Holes of the set's own are seen as holes and count for nothing.
    return whole, seen, mask & whole.notna().to_numpy()


def _make(name: str, percent: int, seed: int) -> Question:
    whole, seen, mask = holed(name, percent, seed)
    integers = [column for column in whole.columns if pd.api.types.is_integer_dtype(whole[column].dtype)]

    def judge(answer: Tables) -> dict[str, Any]:
        return imputation(whole, answer["imputed"], mask)

    return Question("impute", {"train": seen}, judge, {"whole": integers})


def cases() -> Iterator[Case]:
    for percent in PERCENT:
        for name in HIVAE_SETS:
            yield Case(f"{name} {percent} %", lambda seed, n=name, p=percent: _make(n, p, seed), SEEDS)


def mean_ranks(runs: Sequence[Mapping[str, Any]]) -> tuple[dict[str, float], int]:
    """Mean rank over sets, shares, seeds and both figures, each among those that have answered there.

    A figure counts where we and at least `FEWEST` others have one.

    Arguments:
        runs: as kept.

    Returns:
        mean rank by contestant, and over how many figures ours is taken.
    """
    cells: dict[tuple[str, int, str], dict[str, float]] = {}
    for run in runs:
        for figure, value in run.get("figures", {}).items():
            cells.setdefault((run["case"], run["seed"], figure), {})[run["contestant"]] = value
    full = [ranks(cell) for cell in cells.values() if OURS.name in cell and len(cell) > FEWEST]
    # In the order of the file, whatever order names hash to: equal ranks are told in it.
    names = dict.fromkeys(name for cell in full for name in cell)
    return {name: mean(cell[name] for cell in full if name in cell) for name in names}, len(full)


def judge(runs: Sequence[Mapping[str, Any]]) -> list[Finding]:
    found, cells = mean_ranks(runs)
    others = {name: rank for name, rank in found.items() if name != "anyvae"}
    ours = found.get("anyvae")
    findings = [
        Finding(
            "mean rank over sets, shares of missing cells, seeds and both figures",
            "first",
            "-" if ours is None else f"{ours:.2f} ({cells} figures)",
            ", ".join(
                f"{name} {rank:.2f}" for name, rank in sorted(others.items(), key=lambda pair: pair[1])
            ),
            None if ours is None or not others else ours < min(others.values()),
        )
    ]
    for figure, said in (("nrmse", "NRMSE"), ("error", "category error")):
        for name in HIVAE_SETS:
            values = {n: _at(runs, n, f"{name} 50 %", figure) for n in NAMES}
            if not any(values.values()):
                continue
            mine, forest = values["anyvae"], values["forest"]
            # Rows and masks are the seed's: means are of the seeds that both have.
            both = sorted(set(mine) & set(forest))
            told = [f"{n} {mean(v.values()):.3f}" for n, v in values.items() if v and n != "anyvae"]
            findings.append(
                Finding(
                    f"{name}, {said} at 50 % missing",
                    "below the forest's",
                    f"{mean(mine.values()):.3f}" if mine else "-",
                    ", ".join(told),
                    mean(mine[seed] for seed in both) < mean(forest[seed] for seed in both) if both else None,
                )
            )
    return findings


def _at(runs: Sequence[Mapping[str, Any]], contestant: str, case: str, figure: str) -> dict[int, float]:
    chosen = [run for run in runs if run["contestant"] == contestant and run["case"] == case]
    return {run["seed"]: run["figures"][figure] for run in chosen if figure in run.get("figures", {})}


CONTESTANTS = (OURS, MEAN, NEAREST, RIDGE, FOREST, MIWAE, SUAVE)
NAMES = tuple(contestant.name for contestant in CONTESTANTS)
ROW = Row(
    6,
    "hivae",
    "HI-VAE's six tables at 10 to 50 % missing",
    cases,
    CONTESTANTS,
    judge,
    (
        f"{ROWS:,} rows of each set, the same for everyone. Seed 0 has the authors' masks, seed 1 masks drawn anew.",
        f"Ranks are among those that have answered, where {FEWEST} others have: the slow ones were asked of few.",
        "NRMSE: mean over numbers and ordered levels of RMSE / standard deviation;",
        "HI-VAE's authors divide by the range, and judge ordered levels apart.",
        "Category error: mean over nominal columns of the share of wrong levels.",
        "Nominal columns are strings, ordered ones ordered categories; contestants/ says what each tool makes of them.",
    ),
)

if __name__ == "__main__":
    measure(ROW)
