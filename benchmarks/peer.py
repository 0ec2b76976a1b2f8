"""pythae as a contestant: a process in its own environment, asked for one epoch at a time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from shapes import Shape

__all__ = ["Pythae", "find_pythae", "install_pythae"]

_HERE = Path(__file__).resolve().parent


def find_pythae() -> Path | None:
    """Python of the environment that has pythae: $ANYVAE_PYTHAE_PYTHON, or benchmarks/.venv-pythae."""
    named = os.environ.get("ANYVAE_PYTHAE_PYTHON")
    python = Path(named) if named else _HERE / ".venv-pythae" / "bin" / "python"
    return python if python.exists() else None


def install_pythae() -> Path:
    """Make benchmarks/.venv-pythae with pythae 0.1.2 and the tested torch; returns its Python."""
    found = find_pythae()
    if found is not None:
        return found
    folder = _HERE / ".venv-pythae"
    python = folder / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    constraints = str(_HERE / "constraints-pythae.txt")
    subprocess.run(
        [str(python), "-m", "pip", "install", "-q", "-c", constraints, "pythae==0.1.2"], check=True
    )
    return python


class Pythae:
    """pythae's trainer, held between epochs.

    Arguments:
        python: of the environment that has pythae.
        shape: network and batch size; one `run` is one epoch of `shape.steps` steps.
        threads: of torch.
        fused: hand its Adam torch's fused kernel, which its defaults do not use.

    Raises:
        RuntimeError: when the process dies, with the end of what it wrote.
    """

    def __init__(self, python: Path, shape: Shape, threads: int, *, fused: bool = False) -> None:
        command = [str(python), "-W", "ignore", str(_HERE / "pythae_trainer.py"), shape.name, str(threads)]
        environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
        self._steps = shape.steps
        self._process = subprocess.Popen(
            [*command, "fused" if fused else "default"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # A progress bar is part of its loop; nobody watches this one.
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        self.run(self._steps)  # the first epoch warms up

    def run(self, steps: int) -> float:
        """See `Contestant`."""
        assert steps == self._steps, "pythae is timed an epoch at a time"
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write("go\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise RuntimeError(
                f"pythae's process ended with code {self._process.wait()}; run it by hand to see why: "
                f"echo go | {' '.join(map(str, self._process.args))}"  # type: ignore[arg-type]
            )
        return float(json.loads(line)["seconds"])

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)
