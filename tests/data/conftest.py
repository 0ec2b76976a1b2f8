"""What the tests of the data package share."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest


@pytest.fixture
def real_data() -> Path:
    """The folder of real data, or a skip that names what is absent."""
    checkout = Path(__file__).resolve().parents[2]
    roots = [Path(os.environ[k]) for k in ("ANYVAE_DATA",) if k in os.environ]
    for root in (*roots, checkout.parent / "shared" / "data"):
        if root.is_dir():
            return root
    pytest.skip("the real data are absent: neither ANYVAE_DATA nor ../shared/data is a folder")


@pytest.fixture
def csv(tmp_path: Path):
    """Write text to a file and give its path; gzip where the name says so."""

    def put(text: str | bytes, name: str = "table.csv") -> Path:
        path = tmp_path / name
        content = text.encode() if isinstance(text, str) else text
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return path

    return put
