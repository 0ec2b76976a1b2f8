"""`import anyvae` is light and changes nothing in the process."""

from __future__ import annotations

import subprocess
import sys


def run(code: str) -> str:
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_import_loads_nothing_heavy() -> None:
    heavy = (
        "torch",
        "numpy",
        "sklearn",
        "matplotlib",
        "pyarrow",
        "PIL",
        "zuko",
        "rich",
        "cyclopts",
        "pandas",
    )
    run(
        "import sys; before = set(sys.modules); import anyvae; assert anyvae.__version__; "
        f"loaded = sorted(set({heavy!r}) & (set(sys.modules) - before)); assert not loaded, loaded"
    )


def test_the_workshop_loads_torch_and_nothing_of_the_front_door() -> None:
    run(
        "import sys, torch; before = set(sys.modules); import anyvae; "
        "anyvae.VAE, anyvae.MLP, anyvae.ELBO, anyvae.log_likelihood; "
        "heavy = {'sklearn', 'matplotlib', 'pyarrow', 'PIL', 'zuko', 'rich', 'cyclopts', 'pandas'}; "
        "loaded = heavy & (set(sys.modules) - before); assert not loaded, loaded"
    )


def test_import_changes_nothing() -> None:
    print(
        run(
            """
import logging, random, signal, sys, warnings
import numpy, torch
def state():
    return {
        "torch generator": torch.random.get_rng_state().tolist(),
        "numpy generator": repr(numpy.random.get_state()),
        "python generator": random.getstate(),
        "dtype": torch.get_default_dtype(),
        "device": str(torch.get_default_device()),
        "threads": (torch.get_num_threads(), torch.get_num_interop_threads()),
        "gradients": torch.is_grad_enabled(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "matmul": torch.get_float32_matmul_precision(),
        "validation": torch.distributions.Distribution._Distribution__validate_args
        if hasattr(torch.distributions.Distribution, "_Distribution__validate_args")
        else torch.distributions.Distribution._validate_args,
        "log handlers": (list(logging.root.handlers), logging.root.level),
        "warning filters": list(warnings.filters),
        "interrupt": signal.getsignal(signal.SIGINT),
        "hooks": (sys.excepthook, sys.displayhook),
        "patched": (torch.nn.Module.__call__, torch.distributions.Normal.log_prob, torch.Tensor.__add__),
    }
before = state()
import anyvae
for name in anyvae.__all__:
    getattr(anyvae, name)
after = state()
changed = [name for name in before if before[name] != after[name]]
assert not changed, changed
"""
        )
    )
