"""What all tests share: double precision on request, and the folder of real data."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def few_samples() -> Iterator[None]:
    """Evaluations of runs take 200 samples at most, which is enough for what is asked here, in place of 5,000."""
    from anyvae.runs import fitted

    chosen = fitted.evaluation_samples
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitted, "evaluation_samples", lambda *words: min(200, chosen(*words)))
        yield


@pytest.fixture
def double() -> Iterator[None]:
    """Float64 as torch's default for one test: laws are then checked to nine digits and not to four."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@pytest.fixture
def real_data() -> Path:
    """The folder of real data, or a skip that says where it was looked for."""
    checkout = Path(__file__).resolve().parents[1]
    named = [Path(os.environ["ANYVAE_DATA"])] if "ANYVAE_DATA" in os.environ else []
    for root in (*named, checkout.parent / "shared" / "data"):
        if root.is_dir():
            return root
    pytest.skip("the real data are absent: neither ANYVAE_DATA nor ../shared/data is a folder")
