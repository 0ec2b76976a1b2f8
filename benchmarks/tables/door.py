"""The door that every contestant goes through: tables in, tables out, seconds and memory, in a folder.

This file is imported in every contestant's own environment: it needs numpy and pandas and nothing else.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["Job", "load", "save", "serve"]


def save(folder: Path, name: str, frame: pd.DataFrame) -> None:
    """Write a table as `name`.npz (one array a column) and `name`.json (names, and levels of categories).

    Numbers keep their dtype; everything else is written as codes, -1 for a missing cell. Nothing is pickled.

    Arguments:
        folder: where to.
        name: of the table.
        frame: the table; its index is not kept.
    """
    columns: list[dict[str, Any]] = []
    arrays: dict[str, np.ndarray] = {}
    for position, label in enumerate(frame.columns):
        series = frame.iloc[:, position]
        entry: dict[str, Any] = {"name": str(label)}
        if isinstance(series.dtype, pd.CategoricalDtype):
            entry |= {
                "levels": [str(level) for level in series.cat.categories],
                "ordered": bool(series.cat.ordered),
            }
            arrays[f"c{position}"] = series.cat.codes.to_numpy(np.int32)
        elif pd.api.types.is_bool_dtype(series.dtype) or not pd.api.types.is_numeric_dtype(series.dtype):
            codes, levels = pd.factorize(series, sort=False)
            entry |= {"levels": [str(level) for level in levels]}
            arrays[f"c{position}"] = codes.astype(np.int32)
        elif series.isna().any():
            arrays[f"c{position}"] = series.to_numpy(np.float64, na_value=np.nan)
        else:
            arrays[f"c{position}"] = series.to_numpy()
        columns.append(entry)
    np.savez(folder / f"{name}.npz", **arrays)
    (folder / f"{name}.json").write_text(json.dumps(columns))


def load(folder: Path, name: str) -> pd.DataFrame:
    """Read what `save` wrote: categories come back as strings (None where missing) or, if ordered, as such.

    Arguments:
        folder: where from.
        name: of the table.
    """
    columns = json.loads((folder / f"{name}.json").read_text())
    built: dict[str, Any] = {}
    with np.load(folder / f"{name}.npz", allow_pickle=False) as arrays:
        for position, entry in enumerate(columns):
            values = arrays[f"c{position}"]
            if entry.get("ordered") is not None:
                dtype = pd.CategoricalDtype(entry["levels"], ordered=entry["ordered"])
                built[entry["name"]] = pd.Categorical.from_codes(values, dtype=dtype)
            elif "levels" in entry:
                levels = np.array([*entry["levels"], None], dtype=object)
                built[entry["name"]] = pd.Series(levels[values], dtype=object)
            else:
                built[entry["name"]] = values
    return pd.DataFrame(built)


class Job:
    """What a contestant is asked: a seed, options, and the tables it may see.

    Arguments:
        folder: with job.json and the tables.
    """

    def __init__(self, folder: Path) -> None:
        told = json.loads((folder / "job.json").read_text())
        self.folder = folder
        self.task: str = told["task"]
        self.seed: int = told["seed"]
        self.method: str = told["method"]
        self.options: Mapping[str, Any] = told["options"]
        self.seconds: dict[str, float] = {}
        self.cpu: dict[str, float] = {}
        self.notes: dict[str, Any] = {}

    def table(self, name: str) -> pd.DataFrame:
        """One of the tables that the job brings."""
        return load(self.folder, name)

    @contextmanager
    def clock(self, name: str) -> Iterator[None]:
        """Add the wall time of a block to seconds[name], and its processor time to cpu[name].

        Others may be computing on the machine: with one thread the processor time is what a quiet machine would take.
        """
        started, worked = time.perf_counter(), time.process_time()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started
        self.cpu[name] = self.cpu.get(name, 0.0) + time.process_time() - worked


def serve(tasks: Mapping[str, Callable[[Job], Mapping[str, pd.DataFrame]]], *packages: str) -> None:
    """Answer the job in the folder that the command line names.

    Arguments:
        tasks: name of a task -> function that does it and returns named tables.
        packages: whose versions are told in the answer.
    """
    folder = Path(sys.argv[1])
    job = Job(folder)
    for name, frame in tasks[job.task](job).items():
        save(folder, f"answer-{name}", frame)
    told = {
        "seconds": job.seconds,
        "cpu": job.cpu,
        # Kilobytes on Linux; imports are in it, as they are in the user's process.
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0,
        "versions": {name: version(name) for name in packages},
        "notes": job.notes,
    }
    (folder / "answer.json").write_text(json.dumps(told))
