"""Rows that no fit has seen under one normal prior and under a mixture: how the default of tables was chosen."""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import pandas as pd
from loaders import data_folder
from sklearn import datasets

from anyvae.estimators import TabularVAE

RECIPES, HELD_OUT, SAMPLES = ("vae", "mixture_vae"), 0.2, 64


def _uci(name: str) -> Callable[[], np.ndarray]:
    return lambda: np.loadtxt(data_folder("tables", "uci_regression", f"{name}.txt.gz"))


SETS: dict[str, Callable[[], np.ndarray]] = {
    "moons": lambda: datasets.make_moons(2000, noise=0.05, random_state=0)[0],
    "power-plant": _uci("power-plant"),
    "concrete": _uci("concrete"),
    "wine-quality-red": _uci("wine-quality-red"),
    "breast": lambda: datasets.load_breast_cancer().data,
    "diabetes": lambda: datasets.load_diabetes().data,
    "wine": lambda: datasets.load_wine().data,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=SETS, default=list(SETS), help="which sets")
    parser.add_argument(
        "--seeds", type=int, default=2, help="how many seeds, from 0: of the split and the fit"
    )
    asked = parser.parse_args()
    print(
        "| set | seed | recipe | log-density of held-out rows, nats | standard error |\n|---|--:|---|--:|--:|"
    )
    for name in asked.only:
        rows = pd.DataFrame(SETS[name]()).rename(columns=str)
        for seed in range(asked.seeds):
            order = np.random.default_rng(seed).permutation(len(rows))
            cut = int((1.0 - HELD_OUT) * len(rows))
            for recipe in RECIPES:
                model = TabularVAE(recipe=recipe, random_state=seed, samples=SAMPLES)
                scores = model.fit(rows.iloc[order[:cut]]).score_samples(rows.iloc[order[cut:]])
                error = scores.std() / len(scores) ** 0.5
                print(f"| {name} | {seed} | {recipe} | {scores.mean():.2f} | {error:.2f} |", flush=True)


if __name__ == "__main__":
    main()
