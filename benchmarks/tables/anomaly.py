"""Row 7: 21 sets of ADBench, unsupervised: fit on all rows, score the same rows, labels only judge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import mean
from typing import Any

from loaders import anomaly, anomaly_names
from peers import OURS, Contestant
from protocol import Case, Finding, Question, Row, Tables, measure

SEEDS = (0, 1, 2)
PEERS = ("IForest", "ECOD", "KNN", "VAE")


def _make(name: str, seed: int) -> Question:
    values, labels = anomaly(name, seed)

    def judge(answer: Tables) -> dict[str, Any]:
        from sklearn.metrics import roc_auc_score

        return {"auroc": float(roc_auc_score(labels, answer["scores"]["outlier"].to_numpy()))}

    return Question("outliers", {"train": values}, judge)


def cases() -> Iterator[Case]:
    for name in anomaly_names():
        yield Case(name, lambda seed, name=name: _make(name, seed), SEEDS)


def by_set(runs: Sequence[Mapping[str, Any]], contestant: str) -> dict[str, float]:
    """Mean AUROC over seeds of each set.

    Arguments:
        runs: as kept.
        contestant: its name.
    """
    found: dict[str, list[float]] = {}
    for run in runs:
        if run["contestant"] == contestant and "figures" in run:
            found.setdefault(run["case"], []).append(run["figures"]["auroc"])
    return {name: mean(values) for name, values in found.items()}


def judge(runs: Sequence[Mapping[str, Any]]) -> list[Finding]:
    ours = by_set(runs, "anyvae")
    theirs = {name: by_set(runs, name) for name in (*PEERS, "IsolationForest")}
    # Everyone is averaged over the sets that we have answered, or over all if we have answered none.
    sets = list(ours) or list(theirs["IForest"])
    means = {
        n: mean(found[s] for s in sets) for n, found in theirs.items() if sets and set(sets) <= set(found)
    }
    told = ", ".join(f"{name} {value:.3f}" for name, value in means.items())
    mine = mean(ours.values()) if ours else None
    bad = [
        name
        for name, value in ours.items()
        if value < 0.5 and max((theirs[peer].get(name, 0.0) for peer in PEERS), default=0.0) > 0.9
    ]
    figure = "-" if mine is None else f"{mine:.3f} ({len(ours)} sets)"
    return [
        Finding("mean AUROC", "at least .81, aim .84", figure, told, None if mine is None else mine >= 0.81),
        Finding(
            "mean AUROC against the best of PyOD's four",
            "above",
            figure,
            told,
            # Without an answer of each there is no best of them.
            None if mine is None or not set(PEERS) <= set(means) else mine > max(means.values()),
        ),
        Finding(
            "sets below chance where one peer is above .9",
            "none",
            (", ".join(bad) or "none") if ours else "-",
            "",
            not bad if ours else None,
        ),
    ]


ROW = Row(
    7,
    "anomaly",
    "21 sets of ADBench, unsupervised",
    cases,
    (
        OURS,
        Contestant("IsolationForest", "by_sklearn.py", "iforest"),
        *(Contestant(name, "by_pyod.py", name, "pyod") for name in PEERS),
    ),
    judge,
    (
        "Sets of more than 20,000 rows keep all their anomalies and are filled up with others at random.",
        "IForest, ECOD, KNN and VAE are PyOD's; IsolationForest is scikit-learn's.",
    ),
)

if __name__ == "__main__":
    measure(ROW)
