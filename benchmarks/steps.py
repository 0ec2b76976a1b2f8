"""Steps a second of the fit loop, beside a hand-written loop, a peer and the machine's own limit.

Usage: python benchmarks/steps.py [--repeats 9] [--threads 1 2] [--shapes mlp-128 ...] [--no-pythae]
       [--no-write] [--no-startup]

Everything runs side by side in one go: within a shape the contestants take turns (A B C A B C ...), so a
slow spell of a shared machine hits all of them. The tables are printed, written into benchmarks/README.md
between its markers, and the raw figures into benchmarks/results.json.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch

from contestant import Contestant
from floor import floor
from hand import hand
from machine import describe, has_bf16
from peer import Pythae, find_pythae, install_pythae
from shapes import SHAPES, Shape, rows
from startup import measure_startup
from table import Measurement, render

_HERE = Path(__file__).resolve().parent
_BEGIN, _END = "<!-- measured: begin -->", "<!-- measured: end -->"


def contestants(shape: Shape, threads: int, python: Path | None) -> tuple[dict[str, Contestant], str]:
    """Who takes turns on a shape, and what the data are."""
    from ours import Ours

    data, source = rows(shape)
    makers: dict[str, Callable[[], Contestant]] = {
        "anyvae": lambda: Ours(shape, data),
        "hand": lambda: hand(shape, data),
        "floor": lambda: floor(shape),
    }
    if has_bf16():
        makers["anyvae bf16"] = lambda: Ours(shape, data, torch.bfloat16)
        makers["hand bf16"] = lambda: hand(shape, data, torch.bfloat16)
        makers["floor bf16"] = lambda: floor(shape, torch.bfloat16)
    if python is not None:
        makers["pythae"] = lambda: Pythae(python, shape, threads)
        makers["pythae fused"] = lambda: Pythae(python, shape, threads, fused=True)
    return {name: make() for name, make in makers.items()}, source


def measure(
    shape: Shape, threads: int, repeats: int, python: Path | None
) -> tuple[list[Measurement], str, float]:
    """Interleaved repeats on one shape; also what the data are, and the processor share that was ours."""
    torch.set_num_threads(threads)
    who, source = contestants(shape, threads, python)
    rates: dict[str, list[float]] = {name: [] for name in who}
    wall = processor = 0.0
    try:
        for _ in range(repeats):
            for name, contestant in who.items():
                before = time.process_time()
                seconds = contestant.run(shape.steps)
                rates[name].append(shape.steps / seconds)
                if name == "hand":
                    processor += time.process_time() - before
                    wall += seconds
    finally:
        for contestant in who.values():
            contestant.close()
    return (
        [Measurement(shape.title, threads, name, rates[name]) for name in rates],
        source,
        processor / wall / threads,
    )


def write_readme(tables: str) -> None:
    """Put the tables between the markers of benchmarks/README.md."""
    file = _HERE / "README.md"
    before, _, rest = file.read_text().partition(_BEGIN)
    _, _, after = rest.partition(_END)
    file.write_text(f"{before}{_BEGIN}\n{tables}{_END}{after}")


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--shapes", nargs="+", default=list(SHAPES), choices=list(SHAPES))
    parser.add_argument("--no-pythae", action="store_true", help="leave the peer out")
    parser.add_argument("--no-startup", action="store_true", help="leave the start-up times out")
    parser.add_argument("--no-write", action="store_true", help="print only")
    options = parser.parse_args()

    machine = describe()
    python = None if options.no_pythae else find_pythae()
    notes: list[str] = []
    if not options.no_pythae and python is None:
        try:
            python = install_pythae()
        except (OSError, subprocess.CalledProcessError) as error:
            notes.append(f"pythae could not be installed ({error}) and is left out")
    measurements: list[Measurement] = []
    sources: dict[str, str] = {}
    shares: dict[int, list[float]] = {}
    for threads in options.threads:
        if threads > (os.cpu_count() or 1):
            notes.append(f"{threads} threads left out: the machine has {os.cpu_count()} cores")
            continue
        for name in options.shapes:
            print(f"{SHAPES[name].title}, threads {threads} ...", file=sys.stderr, flush=True)
            found, source, share = measure(SHAPES[name], threads, options.repeats, python)
            measurements += found
            sources[SHAPES[name].title] = source
            shares.setdefault(threads, []).append(share)
    starts = {} if options.no_startup else measure_startup(max(7, options.repeats))
    machine["load after"] = f"{os.getloadavg()[0]:.1f}"
    notes += [f"data of {title}: {source}" for title, source in sources.items()]
    notes += [
        f"with {threads} thread{'s' if threads > 1 else ''} the hand-written loop had {min(found):.0%} to "
        f"{max(found):.0%} of the processor time it could use; well below 100% means that others computed too"
        for threads, found in shares.items()
    ]
    tables = render(machine, measurements, starts, notes)
    print(tables)
    if not options.no_write:
        write_readme(tables)
        record = {
            "machine": machine,
            "measurements": [asdict(m) for m in measurements],
            "startup": starts,
            "notes": notes,
        }
        (_HERE / "results.json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
