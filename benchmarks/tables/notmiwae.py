"""Row 5: wine in the protocol of not-MIWAE (Ipsen, Mattei and Frellsen 2021)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from loaders import not_miwae
from peers import FOREST, MEAN, MIWAE, NEAREST, OURS, RIDGE, Contestant
from protocol import Case, Finding, Question, Row, Tables, measure, number, pick, shown, verdict
from scores import rmse

SEEDS = (0, 1, 2)
WANTED = {"red": (1.62, 1.08), "white": (1.55, 1.04)}
MASKING = Contestant("anyvae self-masking", "by_anyvae.py", "self-masking")


def _make(colour: str) -> Question:
    whole, holed = not_miwae(colour)
    mask = holed.isna().to_numpy()

    def judge(answer: Tables) -> dict[str, Any]:
        return {"rmse": rmse(whole, answer["imputed"], mask)}

    return Question("impute", {"train": holed}, judge)


def cases() -> Iterator[Case]:
    for colour in WANTED:
        fixed = ("mean/mode", "ridge", "kNN")
        yield Case(colour, lambda seed, colour=colour: _make(colour), (0,), fixed)
        drawn = ("anyvae", "anyvae self-masking", "forest", "miwae")
        yield Case(f"{colour}, seeds", lambda seed, colour=colour: _make(colour), SEEDS, drawn)


def judge(runs: Sequence[Mapping[str, Any]]) -> list[Finding]:
    findings = []
    for colour, (plain, masking) in WANTED.items():
        names = ("mean/mode", "ridge", "kNN", "forest", "miwae")
        for contestant, wanted, said in (
            ("anyvae", plain, "missing at random"),
            (MASKING.name, masking, "self-masking"),
        ):
            ours = pick(runs, contestant, "rmse", colour)
            means = [sum(ours) / len(ours)] if ours else []
            findings.append(
                Finding(
                    f"{colour} wine, RMSE, {said}",
                    f"at most {wanted}",
                    number(ours, 2),
                    shown(runs, names, "rmse", colour, 2) if contestant == "anyvae" else "",
                    verdict(means, lambda value, wanted=wanted: round(value, 2) <= wanted),
                )
            )
    return findings


ROW = Row(
    5,
    "notmiwae",
    "not-MIWAE's protocol, wine red and white",
    cases,
    (OURS, MASKING, MEAN, RIDGE, NEAREST, FOREST, MIWAE),
    judge,
    ("z-scores of eleven columns; in the first five every value above the mean is missing.",),
)

if __name__ == "__main__":
    measure(ROW)
