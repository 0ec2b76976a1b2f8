"""Rare classes and planted rows found under several models and scores: how the outlier detector's defaults were chosen.

None of these tables is one of row 7's, whose labels choose nothing. scikit-learn's digits, of which one is rare in
three of them, are a third of the pictures of row 7's optdigits, where the zeros are odd.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from loaders import adult, data_folder, hivae, uci
from sklearn import datasets
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.mixture import GaussianMixture

from anyvae.estimators import VAEOutlierDetector

Marked = tuple[pd.DataFrame, np.ndarray]
MOST = 2000
# Latents and numbers, as recipe and likelihood; None is what `TabularVAE` infers.
MODELS = {
    "mixture, inferred": ("mixture_vae", None),
    "normal, inferred": ("vae", None),
    "normal, normal": ("vae", "normal"),
}


def rare(frame: pd.DataFrame, odd: np.ndarray, share: float = 0.05) -> Marked:
    """Rows with so few of one class that they are odd.

    Arguments:
        frame: rows, of which 2,000 that are not odd are kept at most.
        odd: which are of the rare class.
        share: of the rows that are odd afterwards, five at least.
    """
    draw = np.random.default_rng(77)
    usual = draw.permutation(np.flatnonzero(~odd))[:MOST]
    few = draw.permutation(np.flatnonzero(odd))[: max(5, round(share * len(usual) / (1.0 - share)))]
    rows = draw.permutation(np.concatenate([usual, few]))
    return frame.iloc[rows].reset_index(drop=True), odd[rows].astype(int)


def planted(frame: pd.DataFrame, how: str, share: float = 0.05) -> Marked:
    """Rows and made-up ones among them, as ADBench (Han et al., 2022) makes them.

    Arguments:
        frame: numbers; 1,500 rows are kept at most.
        how: "global", uniform over a tenth more than the range; "dependency", every column drawn by itself; "cluster",
            a mixture of normals fitted to the rows whose means are five times as far out.
        share: of made-up rows, to those there are.
    """
    draw = np.random.default_rng(78)
    values = frame.iloc[draw.permutation(len(frame))[:1500]].to_numpy(float)
    mean, scale = values.mean(0), values.std(0)
    rows = (values - mean) / scale
    count = round(share * len(rows))
    if how == "global":
        made = draw.uniform(1.1 * rows.min(0), 1.1 * rows.max(0), (count, rows.shape[1]))
    elif how == "dependency":
        made = np.stack([draw.choice(column, count) for column in rows.T], 1)
    else:
        fits = [GaussianMixture(k, random_state=0, reg_covar=1e-3).fit(rows) for k in (1, 2, 3, 5, 8)]
        best = min(fits, key=lambda fit: fit.bic(rows))
        best.means_ = 5.0 * best.means_
        made = best.sample(count)[0]
    order = draw.permutation(len(rows) + count)
    marks = np.repeat([0, 1], [len(rows), count])
    whole = np.concatenate([values, made * scale + mean])
    return pd.DataFrame(whole[order], columns=frame.columns), marks[order]


def _bundled(load: Callable[[], Any], odd: int, share: float = 0.05) -> Marked:
    """A set of scikit-learn, one of whose classes is rare."""
    found = load()
    frame = pd.DataFrame(found.data, columns=list(found.feature_names))
    return rare(frame, found.target == odd, share)


def _second(name: str) -> Marked:
    """The second most frequent class of the last column."""
    frame = hivae(name)
    classes = frame.iloc[:, -1]
    first, second = classes.value_counts().index[:2]
    kept = classes.isin([first, second]).to_numpy()
    return rare(frame.iloc[kept, :-1], (classes == second).to_numpy()[kept])


def _income() -> Marked:
    frame = adult()
    return rare(frame.iloc[:, :-1], frame.iloc[:, -1].astype(str).str.contains(">50").to_numpy())


def _seaborn(name: str, column: str, odd: object, also: list[str]) -> Marked:
    frame = pd.read_csv(data_folder("tables", "seaborn", f"{name}.csv.gz"))
    return rare(frame.drop(columns=[column, *also]), (frame[column] == odd).to_numpy())


def _high(name: str) -> Marked:
    """The twentieth of the rows whose last column, left out, is highest."""
    frame = uci(name)
    last = frame.iloc[:, -1].to_numpy(float)
    return rare(frame.iloc[:, :-1], last >= np.quantile(last, 0.95))


SETS: dict[str, Callable[[], Marked]] = {
    **{f"digit {number}": partial(_bundled, datasets.load_digits, number) for number in (1, 4, 8)},
    "breast cancer": partial(_bundled, datasets.load_breast_cancer, 0, 0.08),
    "wine cultivar": partial(_bundled, datasets.load_wine, 2, 0.08),
    "wine colour": partial(_second, "Wine"),
    "spam": partial(_second, "spam"),
    "default of credit": partial(_second, "defaultCredit"),
    "income": _income,
    "penguins": partial(_seaborn, "penguins", "species", "Chinstrap", ["island"]),
    "titanic": partial(_seaborn, "titanic", "survived", 1, ["alive"]),
    **{f"{name}, high": partial(_high, name) for name in ("concrete", "energy", "power-plant", "wine-quality-red")},
    **{
        f"{name}, {how}": lambda name=name, how=how: planted(uci(name), how)
        for name in ("concrete", "energy")
        for how in ("global", "dependency", "cluster")
    },
}  # fmt: skip


def _numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Numbers for a forest: categories by their codes, holes by medians."""
    coded = frame.apply(
        lambda c: c.astype(float) if c.dtype.kind in "fiub" else pd.Series(pd.factorize(c)[0], c.index)
    )
    return coded.fillna(coded.median()).fillna(0.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=SETS, default=list(SETS), help="which sets")
    parser.add_argument("--seed", type=int, default=0, help="of the fits")
    asked = parser.parse_args()
    print("| set | rows | odd | forest |", *(f"{name}: density | standing |" for name in MODELS))
    print("|---|--:|--:|--:|" + "--:|--:|" * len(MODELS))
    every: list[list[float]] = []
    for name in asked.only:
        frame, marks = SETS[name]()
        numbers = _numbers(frame)
        forest = IsolationForest(random_state=asked.seed).fit(numbers)
        found = [float(roc_auc_score(marks, -forest.score_samples(numbers)))]
        for recipe, likelihood in MODELS.values():
            detector = VAEOutlierDetector(recipe=recipe, likelihood=likelihood, random_state=asked.seed)
            detector.fit(frame)
            density = detector.fitted_.score(detector._source(frame), detector.samples)
            found += [
                float(roc_auc_score(marks, -score)) for score in (density, detector.score_samples(frame))
            ]
        every.append(found)
        print(
            f"| {name} | {len(frame)} | {marks.sum()} |", " | ".join(f"{one:.3f}" for one in found), "|", flush=True
        )  # fmt: skip
    print("| mean | | |", " | ".join(f"{one:.3f}" for one in np.mean(every, 0)), "|")


if __name__ == "__main__":
    main()
