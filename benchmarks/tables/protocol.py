"""How a row of the table is measured: cases x seeds x contestants, each in a process of its own, kept as JSON."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import mean
from typing import Any

import pandas as pd
from door import load, save
from peers import Contestant, python_of

__all__ = [
    "Case",
    "Finding",
    "Question",
    "Row",
    "ask",
    "coverage",
    "measure",
    "number",
    "pick",
    "shown",
    "verdict",
]

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
CAP_MINUTES = 40.0
Tables = Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class Question:
    """What goes to a contestant, and how its answer is judged.

    Arguments:
        task: what is asked: "sample", "impute", "outliers", "embed".
        tables: what the contestant may see.
        judge: answer's tables -> named figures, computed here, outside of every contestant, once for all.
        options: for the task, as JSON.
    """

    task: str
    tables: Tables
    judge: Callable[[Tables], Mapping[str, Any]]
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """One data set under one setting.

    Arguments:
        name: within the row.
        make: seed -> question.
        seeds: the row's own, or fewer.
        contestants: names of those asked; all of the row's if none are named.
    """

    name: str
    make: Callable[[int], Question]
    seeds: Sequence[int] = (0,)
    contestants: Sequence[str] = ()


@dataclass(frozen=True)
class Finding:
    """One gate of a row.

    Arguments:
        what: in words.
        wanted: in words.
        ours: figure as it is printed, "-" if not measured.
        peers: figures of the peers as they are printed.
        reached: whether the gate is passed; None if not measured.
    """

    what: str
    wanted: str
    ours: str
    peers: str = ""
    reached: bool | None = None


@dataclass(frozen=True)
class Row:
    """One row of the table of benchmarks.

    Arguments:
        number: in the table.
        name: of the script.
        title: in words.
        cases: what is measured.
        contestants: who is asked, ours first.
        judge: runs -> findings. A run is the dictionary that `measure` keeps.
        notes: on data and peers, told under the table.
    """

    number: int
    name: str
    title: str
    cases: Callable[[], Iterable[Case]]
    contestants: Sequence[Contestant]
    judge: Callable[[Sequence[Mapping[str, Any]]], Sequence[Finding]]
    notes: Sequence[str] = ()


def ask(
    contestant: Contestant, question: Question, seed: int, *, minutes: float = CAP_MINUTES
) -> dict[str, Any]:
    """Put a question to a contestant in a process of its own and judge what it answers.

    Arguments:
        contestant: who.
        question: what.
        seed: for its draws and initial weights, if it takes one.
        minutes: after which it is stopped.

    Returns:
        "figures", "seconds", "peak_mb", "versions", "notes"; or "error" with the reason.
    """
    python = python_of(contestant)
    if python is None:
        return {"error": f"no environment: python peers.py {contestant.environment} makes it"}
    with tempfile.TemporaryDirectory(prefix="anyvae-tables-") as named:
        folder = Path(named)
        for name, frame in question.tables.items():
            save(folder, name, frame)
        told = {
            "task": question.task,
            "seed": seed,
            "method": contestant.method,
            "options": dict(question.options),
        }
        (folder / "job.json").write_text(json.dumps(told))
        started = time.perf_counter()
        # One thread for everyone: the machine's cores are often shared, and small networks gain little from two.
        threads = os.environ.get("ANYVAE_BENCH_THREADS", "1")
        environment = os.environ | {
            name: threads
            for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
        }
        if contestant.environment:
            environment.pop("PYTHONPATH", None)
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(HERE), environment.get("PYTHONPATH")]))
        command = [str(python), "-W", "ignore", str(HERE / "contestants" / contestant.script), str(folder)]
        try:
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, timeout=60.0 * minutes, cwd=folder
            )
        except subprocess.TimeoutExpired:
            return {"error": f"stopped after {minutes:g} minutes", "wall": 60.0 * minutes}
        wall = time.perf_counter() - started
        if done.returncode or not (folder / "answer.json").exists():
            return {"error": _last_words(done.stderr) or f"exit code {done.returncode}", "wall": wall}
        answer = json.loads((folder / "answer.json").read_text())
        tables = {
            file.stem.removeprefix("answer-"): load(folder, file.stem) for file in folder.glob("answer-*.npz")
        }
        try:
            figures = dict(question.judge(tables))
        except (KeyError, ValueError) as reason:
            return {"error": f"its answer cannot be judged: {reason}", "wall": wall, **answer}
        return {"figures": figures, "wall": wall, **answer}


def _last_words(told: str) -> str:
    """The line that names the error, and where it has none the last one."""
    lines = [line for line in told.strip().splitlines() if line.strip()]
    named = [line for line in lines if re.match(r"[\w.]+(Error|Exception|Warning|Exit|Interrupt)\b", line)]
    return (named or lines or [""])[-1][:400]


def _path(row: Row, folder: Path) -> Path:
    return folder / f"{row.name}.json"


def kept(row: Row, folder: Path = RESULTS) -> list[dict[str, Any]]:
    """Runs that are on file."""
    path = _path(row, folder)
    return list(json.loads(path.read_text())["runs"]) if path.exists() else []


def coverage(row: Row, runs: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """How many runs of ours the row asks for, how many gave an answer and how many failed: a part is not the whole.

    Arguments:
        row: which.
        runs: that are on file.
    """
    ours = {contestant.name for contestant in row.contestants if contestant.script == "by_anyvae.py"}
    wanted = {
        (case.name, name, seed)
        for case in row.cases()
        for name in ours
        if not case.contestants or name in case.contestants
        for seed in case.seeds
    }
    done = {(run["case"], run["contestant"], run["seed"]): "figures" in run for run in runs}
    return {
        "wanted": len(wanted),
        "answered": sum(done.get(key, False) for key in wanted),
        "failed": sum(not done[key] for key in wanted if key in done),
    }


def keep(row: Row, runs: Sequence[Mapping[str, Any]], folder: Path = RESULTS) -> None:
    """Write the runs and what they amount to."""
    folder.mkdir(parents=True, exist_ok=True)
    order = {case.name: place for place, case in enumerate(row.cases())}
    names = [contestant.name for contestant in row.contestants]
    known = [run for run in runs if run["case"] in order and run["contestant"] in names]
    known.sort(key=lambda run: (order[run["case"]], names.index(run["contestant"]), run["seed"]))
    told = {
        "row": row.number,
        "name": row.name,
        "title": row.title,
        "command": f"python benchmarks/tables/{row.name}.py",
        "notes": list(row.notes),
        "coverage": coverage(row, known),
        "findings": [asdict(finding) for finding in row.judge(known)],
    }
    # One run a line: a file that a person can read, and a difference that shows which run changed.
    lines = ",\n".join(json.dumps(run) for run in known)
    head = json.dumps(told, indent=1)[:-2]
    _path(row, folder).write_text(f'{head},\n "runs": [\n{lines}\n]\n}}\n')


def measure(row: Row, arguments: Sequence[str] | None = None) -> None:
    """The command of a row: ask everyone who is not on file, and write what comes of it.

    Arguments:
        row: what to measure.
        arguments: of the command line.
    """
    parser = argparse.ArgumentParser(description=row.title)
    parser.add_argument("--only", nargs="*", default=[], help="contestants to ask")
    parser.add_argument("--cases", nargs="*", default=[], help="cases to ask (names, or parts of names)")
    parser.add_argument("--seeds", nargs="*", type=int, default=[], help="seeds to ask")
    parser.add_argument("--again", action="store_true", help="ask those on file again")
    parser.add_argument("--minutes", type=float, default=CAP_MINUTES, help="cap of one run")
    given = parser.parse_args(arguments)
    for case in row.cases():
        if given.cases and not any(part in case.name for part in given.cases):
            continue
        for seed in case.seeds:
            if given.seeds and seed not in given.seeds:
                continue
            question: Question | None = None
            for contestant in row.contestants:
                if given.only and contestant.name not in given.only:
                    continue
                if case.contestants and contestant.name not in case.contestants:
                    continue
                key = {"case": case.name, "contestant": contestant.name, "seed": seed}
                on_file = [run for run in kept(row) if all(run[name] == value for name, value in key.items())]
                if on_file and not given.again and "figures" in on_file[0]:
                    continue
                question = question or case.make(seed)
                run = {
                    **key,
                    **ask(contestant, question, seed, minutes=given.minutes),
                    "load": round(os.getloadavg()[0], 1),
                    "when": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
                }
                # Read again: another process may have added a run to the file meanwhile.
                others = [run for run in kept(row) if any(run[name] != value for name, value in key.items())]
                keep(row, [*others, run])
                shown = run.get("figures") or run.get("error")
                print(
                    f"{case.name} | {contestant.name} | seed {seed} | {run.get('wall', 0.0):.1f} s | {shown}"[
                        :300
                    ]
                )
                sys.stdout.flush()
    keep(row, kept(row))
    for finding in row.judge(kept(row)):
        state = {True: "reached", False: "missed", None: "not measured"}[finding.reached]
        print(f"{finding.what}: wanted {finding.wanted}; ours {finding.ours}; peers {finding.peers}: {state}")


def pick(
    runs: Iterable[Mapping[str, Any]], contestant: str, figure: str, case: str = "", of: str = "figures"
) -> list[float]:
    """One figure of one contestant in all cases whose name begins with `case`, in the order of the file.

    Arguments:
        runs: as kept.
        contestant: its name.
        figure: its name.
        case: beginning of the case's name.
        of: the part of the run that holds it: "figures", "seconds" or "cpu".
    """
    return [
        run[of][figure]
        for run in runs
        if run["contestant"] == contestant and run["case"].startswith(case) and figure in run.get(of, {})
    ]


def shown(
    runs: Iterable[Mapping[str, Any]], names: Iterable[str], figure: str, case: str = "", digits: int = 3
) -> str:
    """Mean of one figure for each contestant that has it: "IForest .793, ECOD .742"."""
    runs = list(runs)
    found = {name: pick(runs, name, figure, case) for name in names}
    return ", ".join(f"{name} {mean(values):.{digits}f}" for name, values in found.items() if values)


def number(values: Sequence[float], digits: int = 3) -> str:
    """Mean, and the range where there is one: "0.945 (0.941..0.948)"; "-" where nothing was measured."""
    if not values:
        return "-"
    text = f"{mean(values):.{digits}f}"
    if len(values) > 1:
        text += f" ({min(values):.{digits}f}..{max(values):.{digits}f})"
    return text


def verdict(values: Sequence[float], passes: Callable[[float], bool]) -> bool | None:
    """Whether every value passes; None where there is none."""
    return all(map(passes, values)) if values else None
