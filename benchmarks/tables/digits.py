"""Row 3: digits in other units."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from loaders import digits
from peers import OURS, PCA
from protocol import Case, Finding, Question, Row, Tables, measure, number, pick, shown, verdict

SEEDS = (0, 1)
SETTINGS = {
    "x 1": (1.0, 0.0),
    "x .01": (0.01, 0.0),
    "x 16": (16.0, 0.0),
    "x 1000": (1000.0, 0.0),
    "x 1000 + 1e6": (1e3, 1e6),
}


def _make(seed: int, scale: float, shift: float) -> Question:
    pixels, told = digits(seed, scale, shift)
    train = told["train"].to_numpy() == 1
    label = told["label"].to_numpy()

    def judge(answer: Tables) -> dict[str, Any]:
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        codes, rest = answer["train"].to_numpy(float), answer["rest"].to_numpy(float)
        probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(codes, label[train])
        # Burda, Grosse and Salakhutdinov's rule: a unit is active where its posterior mean varies by more than .01.
        return {
            "probe": float(probe.score(rest, label[~train])),
            "active": int((codes.var(0) > 0.01).sum()),
            "units": codes.shape[1],
            "finite": bool(np.isfinite(codes).all()),
        }

    tables = {"train": pixels[train].reset_index(drop=True), "rest": pixels[~train].reset_index(drop=True)}
    return Question("embed", tables, judge, {"latent": 10})


def cases() -> Iterator[Case]:
    for name, (scale, shift) in SETTINGS.items():
        yield Case(name, lambda seed, scale=scale, shift=shift: _make(seed, scale, shift), SEEDS)


def judge(runs: Sequence[Mapping[str, Any]]) -> list[Finding]:
    active, units = pick(runs, "anyvae", "active"), pick(runs, "anyvae", "units")
    probe = pick(runs, "anyvae", "probe")
    shares = [a / u for a, u in zip(active, units)]
    return [
        Finding(
            "share of active units, and at least 8 of them",
            "at least .8 in every setting",
            f"{number(shares, 2)}; {min(active)} to {max(active)} of {max(units)}" if active else "-",
            "",
            verdict(
                [min(s - 0.8, (a - 8) * 1.0) for s, a in zip(shares, active)], lambda margin: margin >= 0.0
            ),
        ),
        Finding(
            "linear probe on the embedding, 500 held-out rows",
            "at least .92 in every setting",
            number(probe),
            shown(runs, ("PCA",), "probe"),
            verdict(probe, lambda accuracy: accuracy >= 0.92),
        ),
    ]


ROW = Row(
    3,
    "digits",
    "digits scaled .01 to 1000 and shifted",
    cases,
    (OURS, PCA),
    judge,
    ("PCA: ten components of the pixels as they are, for comparison.",),
)

if __name__ == "__main__":
    measure(ROW)
