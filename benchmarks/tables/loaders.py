"""The tables that are measured on: made-up ones, and real ones from the shared folder."""

from __future__ import annotations

import gzip
import os
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

__all__ = [
    "HIVAE_SETS",
    "UCI_SETS",
    "adult",
    "anomaly",
    "anomaly_names",
    "binaries",
    "correlated",
    "data_folder",
    "digits",
    "hide",
    "hivae",
    "hivae_mask",
    "missing_by_answer",
    "mixed",
    "not_miwae",
    "rare_group",
    "uci",
]

UCI_SETS = ("concrete", "energy", "power-plant", "wine-quality-red")
HIVAE_SETS = ("Adult", "Breast", "Wine", "defaultCredit", "letter", "spam")


def data_folder(*parts: str) -> Path:
    """A file or folder of the real data.

    Arguments:
        parts: names below the folder.

    Raises:
        FileNotFoundError: neither $ANYVAE_DATA nor ../shared/data has it.
    """
    named = [Path(os.environ["ANYVAE_DATA"])] if "ANYVAE_DATA" in os.environ else []
    for root in (*named, Path(__file__).resolve().parents[3] / "shared" / "data"):
        if root.joinpath(*parts).exists():
            return root.joinpath(*parts)
    raise FileNotFoundError(f"{'/'.join(parts)} is in neither $ANYVAE_DATA nor ../shared/data")


# Made-up tables -----------------------------------------------------------------------------------------------


def correlated(seed: int, rows: int = 1000, holes: float = 0.2) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two Gaussian columns of correlation 3 / sqrt(10) = .949, and the same with cells of one missing at random.

    Arguments:
        seed: of the draw.
        rows: how many.
        holes: share of missing cells in column "b".

    Returns:
        complete table, table with holes.
    """
    draw = np.random.default_rng([1, seed])
    z, e = draw.standard_normal((2, rows))
    whole = pd.DataFrame({"a": 40.0 + 12.0 * z, "b": 1000.0 + 60.0 * (3.0 * z + e)})
    holed = whole.copy()
    holed.loc[draw.permutation(rows)[: int(holes * rows)], "b"] = np.nan
    return whole, holed


RATES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.3, 0.2, 0.1, 0.05)


def binaries(seed: int, rows: int = 1000) -> pd.DataFrame:
    """Ten independent yes/no columns whose shares of "yes" are RATES.

    Arguments:
        seed: of the draw.
        rows: how many.
    """
    draw = np.random.default_rng([2, seed])
    yes = draw.random((rows, len(RATES))) < RATES
    return pd.DataFrame({f"q{j}": np.where(yes[:, j], "yes", "no") for j in range(len(RATES))})


def digits(seed: int, scale: float = 1.0, shift: float = 0.0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """scikit-learn's digits, pixels times a scale plus a shift: 1,297 training rows and 500 others, with labels.

    Arguments:
        seed: of the split.
        scale: factor.
        shift: added to the scaled pixels.

    Returns:
        pixels, one frame with columns "label" and "train".
    """
    from sklearn.datasets import load_digits

    found = load_digits()
    train = np.zeros(len(found.data), dtype=bool)
    train[np.random.default_rng([3, seed]).permutation(len(train))[:-500]] = True
    pixels = pd.DataFrame(found.data * scale + shift, columns=[f"p{j}" for j in range(64)])
    return pixels, pd.DataFrame({"label": found.target, "train": train.astype(int)})


def missing_by_answer(seed: int, rows: int = 2000) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Column x is missing in exactly the rows that answered y = "miss", so what is seen of x is not its whole.

    z is standard normal and always seen; y = "miss" where z + .5 e > .5; x = 2 z + (1, 0, -1 by group g) + .5 e'.

    Arguments:
        seed: of the draw.
        rows: how many.

    Returns:
        complete table, table with holes.
    """
    draw = np.random.default_rng([4, seed])
    z, e, f = draw.standard_normal((3, rows))
    group = draw.integers(0, 3, rows)
    whole = pd.DataFrame(
        {
            "x": 2.0 * z + np.array([1.0, 0.0, -1.0])[group] + 0.5 * f,
            "y": np.where(z + 0.5 * e > 0.5, "miss", "keep"),
            "z": z,
            "g": np.array(["up", "mid", "down"])[group],
        }
    )
    holed = whole.copy()
    holed.loc[whole["y"] == "miss", "x"] = np.nan
    return whole, holed


def rare_group(seed: int, rows: int = 20_000) -> pd.DataFrame:
    """A column "kind" whose level "rare" holds 1 % of the rows, and five columns that depend on it.

    Arguments:
        seed: of the draw.
        rows: how many; `round(.01 rows)` of them are rare.
    """
    draw = np.random.default_rng([9, seed])
    rare = round(0.01 * rows)
    kind = draw.permutation(np.repeat([0, 1, 2], [round(0.6 * rows), rows - round(0.6 * rows) - rare, rare]))
    chance = np.array([[0.7, 0.2, 0.1], [0.2, 0.6, 0.2], [0.1, 0.2, 0.7]])[kind]
    colour = (draw.random((rows, 1)) > chance.cumsum(1)).sum(1)
    return pd.DataFrame(
        {
            "kind": np.array(["common", "other", "rare"])[kind],
            "height": np.array([0.0, 1.0, 3.0])[kind] + draw.standard_normal(rows),
            "width": 10.0 * np.exp(np.array([0.0, 0.2, 0.8])[kind] + 0.4 * draw.standard_normal(rows)),
            "visits": draw.poisson(np.array([2.0, 5.0, 12.0])[kind]),
            "colour": np.array(["red", "green", "blue"])[colour],
            "member": np.where(draw.random(rows) < np.array([0.5, 0.3, 0.9])[kind], "yes", "no"),
        }
    )


def mixed(rows: int, seed: int = 0) -> pd.DataFrame:
    """Twenty columns of all kinds driven by five hidden factors, 2 % of the cells of four of them missing.

    Arguments:
        rows: how many.
        seed: of the draw.
    """
    draw = np.random.default_rng([11, seed])
    factors = draw.standard_normal((rows, 5)).astype(np.float32)
    signal = factors @ draw.standard_normal((5, 20)).astype(np.float32) / 2.0
    columns: dict[str, np.ndarray] = {}
    for j in range(8):
        columns[f"real{j}"] = 10.0**j / 1000.0 * (signal[:, j] + 0.5 * draw.standard_normal(rows))
    for j in range(8, 10):
        columns[f"positive{j}"] = np.exp(signal[:, j] + 0.3 * draw.standard_normal(rows))
    for j in range(10, 13):
        columns[f"count{j}"] = draw.poisson(np.exp(np.clip(signal[:, j] + 1.0, -3.0, 4.0)))
    for j in range(13, 16):
        columns[f"yes{j}"] = np.where(signal[:, j] + draw.logistic(size=rows) > 0.0, "yes", "no")
    for j, levels in zip(range(16, 20), (4, 8, 20, 50)):
        code = np.clip(
            (signal[:, j] + draw.standard_normal(rows)) * levels / 6.0 + levels / 2.0, 0, levels - 1
        )
        columns[f"class{j}"] = np.array([f"level {k}" for k in range(levels)])[code.astype(int)]
    for j in (0, 3, 6, 7):
        columns[f"real{j}"][draw.random(rows) < 0.02] = np.nan
    return pd.DataFrame(columns)


# Real tables --------------------------------------------------------------------------------------------------


@cache
def adult() -> pd.DataFrame:
    """Adult, 32,561 x 15, missing cells as None."""
    frame = pd.read_csv(data_folder("tables", "adult_ctgan.csv.gz"), skipinitialspace=True, na_values="?")
    for name in frame.columns:
        if not pd.api.types.is_numeric_dtype(frame[name]):
            frame[name] = frame[name].astype(object).where(frame[name].notna(), None)
    return frame


@cache
def hivae(name: str) -> pd.DataFrame:
    """One of HI-VAE's six tables: nominal columns as strings, ordinal ones as ordered levels, others as numbers.

    Adult and Breast have holes of their own, whose truth nobody knows.

    Arguments:
        name: one of HIVAE_SETS.
    """
    folder = data_folder("tables", "hivae", name)
    kinds = pd.read_csv(folder / "data_types.csv.gz")["type"]
    values = pd.read_csv(folder / "data.csv.gz", header=None)
    built: dict[str, pd.Series] = {}
    for j, kind in enumerate(kinds):
        column, label = values[j], f"{kind}{j}"
        if kind in ("cat", "ordinal"):
            known = column.notna()
            texts = column.where(known, 0).astype(int).astype(str).astype(object).where(known, None)
            levels = [str(level) for level in sorted(column[known].astype(int).unique())]
            ordered = pd.CategoricalDtype(levels, ordered=True)
            built[label] = texts if kind == "cat" else texts.astype(ordered)
        else:
            whole = kind == "count" or bool((column == column.round()).all())
            built[label] = column.astype(int) if whole else column.astype(float)
    return pd.DataFrame(built)


def hivae_mask(name: str, percent: int, *, number: int = 1) -> np.ndarray:
    """Which cells HI-VAE's authors removed: the file lists row, column, both counted from one.

    Arguments:
        name: one of HIVAE_SETS.
        percent: 10, 20, 30, 40 or 50.
        number: 1 is the authors' file; others are drawn anew in their way, every cell alike.
    """
    shape = hivae(name).shape
    if number != 1:
        return np.random.default_rng([6, number, percent]).random(shape) < percent / 100.0
    with gzip.open(data_folder("tables", "hivae", name, f"Missing{percent}_1.csv.gz"), "rt") as file:
        where = np.loadtxt(file, delimiter=",", dtype=int) - 1
    mask = np.zeros(shape, dtype=bool)
    inside = (where[:, 0] < shape[0]) & (where[:, 1] < shape[1])
    mask[where[inside, 0], where[inside, 1]] = True
    return mask


def anomaly_names() -> list[str]:
    """Names of the sets of ADBench that are at hand."""
    files = data_folder("anomaly").glob("*.npz")
    return sorted((file.stem for file in files), key=lambda name: int(name.split("_")[0]))


def anomaly(name: str, seed: int, most: int = 20_000) -> tuple[pd.DataFrame, np.ndarray]:
    """One set of ADBench: its rows in a random order, and 1 for an anomaly.

    A set of more than `most` rows keeps all its anomalies and as many others as there is room for.

    Arguments:
        name: as `anomaly_names` has it.
        seed: of the choice of rows.
        most: rows kept.
    """
    with np.load(data_folder("anomaly", f"{name}.npz"), allow_pickle=False) as found:
        values, labels = found["X"].astype(np.float64), found["y"].astype(int).ravel()
    draw = np.random.default_rng([7, seed])
    rows = draw.permutation(len(values))
    if len(rows) > most:
        bad = rows[labels[rows] == 1]
        rows = np.concatenate([bad, rows[labels[rows] == 0][: most - len(bad)]])
        rows = draw.permutation(rows)
    return pd.DataFrame(values[rows], columns=[f"x{j}" for j in range(values.shape[1])]), labels[rows]


def not_miwae(colour: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Wine in the protocol of Ipsen, Mattei and Frellsen 2021: z-scores; of the first five of eleven columns
    every value above the mean is missing.

    Arguments:
        colour: "red" or "white".

    Returns:
        complete table, table with holes.
    """
    values = pd.read_csv(data_folder("tables", "hivae", "Wine", "data.csv.gz"), header=None).to_numpy(float)
    values = values[values[:, 12] == {"red": 1.0, "white": 2.0}[colour], :11]
    scores = (values - values.mean(0)) / values.std(0)
    holed = scores.copy()
    first = holed[:, : scores.shape[1] // 2]
    first[first > 0.0] = np.nan
    names = [f"x{j}" for j in range(scores.shape[1])]
    return pd.DataFrame(scores, columns=names), pd.DataFrame(holed, columns=names)


def uci(name: str, most: int = 2000) -> pd.DataFrame:
    """A regression table of the UCI repository, all columns alike; of a longer one some rows, the same for everyone.

    Arguments:
        name: one of UCI_SETS.
        most: rows kept.
    """
    file = data_folder("tables", "uci_regression", f"{name}.txt.gz")
    frame = pd.read_csv(file, sep=r"[\s,]+", header=None, engine="python").dropna(axis=1, how="all")
    frame.columns = [f"x{j}" for j in range(frame.shape[1])]
    return frame if len(frame) <= most else frame.sample(most, random_state=0).reset_index(drop=True)


def hide(whole: pd.DataFrame, share: float, seed: int) -> pd.DataFrame:
    """The same rows with cells hidden, each by itself.

    Arguments:
        whole: numbers.
        share: of the cells.
        seed: of the choice.
    """
    hidden = np.random.default_rng([12, seed]).random(whole.shape) < share
    return whole.mask(pd.DataFrame(hidden, columns=whole.columns))
