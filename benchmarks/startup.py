"""Wall times of fresh processes: importing, and asking the command for help."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

__all__ = ["measure_startup"]


def measure_startup(repeats: int = 9) -> dict[str, list[float]]:
    """Seconds of each start, interleaved; `from anyvae import *` resolves every lazy name."""
    script = Path(sys.executable).parent / "anyvae"
    command = [str(script)] if script.exists() else [sys.executable, "-m", "anyvae"]
    starts = {
        "import torch": [sys.executable, "-c", "import torch"],
        "import anyvae": [sys.executable, "-c", "import anyvae"],
        "from anyvae import *": [sys.executable, "-c", "from anyvae import *"],
        "anyvae --help": [*command, "--help"],
    }
    seconds: dict[str, list[float]] = {name: [] for name in starts}
    broken: set[str] = set()
    for repeat in range(repeats + 1):
        for name, arguments in starts.items():
            if name in broken:
                continue
            started = time.perf_counter()
            done = subprocess.run(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            if done.returncode:
                last = (done.stderr.strip().splitlines() or ["no message"])[-1]
                print(f"{name} does not run, left out: {last}", file=sys.stderr)
                broken.add(name)
            elif repeat:  # the first round fills the disk cache and writes bytecode
                seconds[name].append(time.perf_counter() - started)
    return {name: times for name, times in seconds.items() if times}
