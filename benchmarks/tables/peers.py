"""Who is asked, and the environments that they live in: `python benchmarks/tables/peers.py` makes them all."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "ENVIRONMENTS",
    "FOREST",
    "MEAN",
    "MIWAE",
    "NEAREST",
    "OURS",
    "PCA",
    "RIDGE",
    "SUAVE",
    "TVAE",
    "Contestant",
    "environment_of",
    "install",
    "python_of",
]

_HERE = Path(__file__).resolve().parent
_CONSTRAINTS = _HERE.parent / "constraints-pythae.txt"

# pandas is what the door needs; torch is asked for by name so that the constraints choose its CPU build.
ENVIRONMENTS = {
    # Its VAE imports tqdm, which it does not ask for.
    "pyod": ("pyod==3.6.7", "torch", "pandas", "tqdm"),
    "ctgan": ("ctgan==0.12.1", "sdmetrics==0.32.0", "torch", "pandas"),
    "suave": ("suave-ml==0.2.0", "torch", "pandas"),
    "hyperimpute": ("hyperimpute==0.1.17", "torch", "pandas"),
    "scvi": ("scvi-tools==1.4.2", "torch", "pandas"),
}


@dataclass(frozen=True)
class Contestant:
    """Someone who answers questions.

    Arguments:
        name: as it is shown.
        script: file in contestants/.
        method: which of the script's methods.
        environment: key of ENVIRONMENTS, or "" for this project's own (ours, and scikit-learn).
    """

    name: str
    script: str
    method: str = ""
    environment: str = ""


OURS = Contestant("anyvae", "by_anyvae.py")
TVAE = Contestant("TVAE", "by_ctgan.py", "", "ctgan")
SUAVE = Contestant("SUAVE", "by_suave.py", "", "suave")
MEAN = Contestant("mean/mode", "by_sklearn.py", "mean")
NEAREST = Contestant("kNN", "by_sklearn.py", "knn")
RIDGE = Contestant("ridge", "by_sklearn.py", "ridge")
FOREST = Contestant("forest", "by_sklearn.py", "forest")
MIWAE = Contestant("miwae", "by_hyperimpute.py", "miwae", "hyperimpute")
PCA = Contestant("PCA", "by_sklearn.py", "pca")


def environment_of(name: str) -> Path:
    """Folder of an environment: in $ANYVAE_PEERS, or in benchmarks/tables/.venv-peers."""
    return Path(os.environ.get("ANYVAE_PEERS", _HERE / ".venv-peers")) / name


def python_of(contestant: Contestant) -> Path | None:
    """Python that runs a contestant, or None where its environment was not made."""
    if not contestant.environment:
        return Path(sys.executable)
    python = environment_of(contestant.environment) / "bin" / "python"
    return python if python.exists() else None


def install(name: str) -> None:
    """Make one environment from PyPI."""
    folder = environment_of(name)
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "-c", str(_CONSTRAINTS)]
    subprocess.run([*pip, *ENVIRONMENTS[name]], check=True)


if __name__ == "__main__":
    for wanted in sys.argv[1:] or ENVIRONMENTS:
        install(wanted)
