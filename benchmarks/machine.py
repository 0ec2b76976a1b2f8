"""The machine and the versions that a table was measured with."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import torch

__all__ = ["describe", "has_bf16"]

_FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")


def _cpuinfo(key: str) -> str:
    file = Path("/proc/cpuinfo")
    if file.exists():
        for line in file.read_text().splitlines():
            if line.split(":")[0].strip() == key:
                return line.split(":", 1)[1].strip()
    return ""


def has_bf16() -> bool:
    """Whether the processor multiplies in bfloat16; without that, bfloat16 is slower than float32."""
    return bool({"avx512_bf16", "amx_bf16"} & set(_cpuinfo("flags").split()))


def describe() -> dict[str, str]:
    """What a reader needs to judge a time."""
    flags = set(_cpuinfo("flags").split())
    return {
        "processor": _cpuinfo("model name") or platform.processor() or platform.machine(),
        "cores": str(os.cpu_count()),
        "flags": " ".join(flag for flag in _FLAGS if flag in flags) or "none of " + " ".join(_FLAGS),
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        "torch": str(torch.__version__),
        **{name: os.environ[name] for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT") if name in os.environ},
        "load before": f"{os.getloadavg()[0]:.1f}",
    }
