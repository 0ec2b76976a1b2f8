"""What the tests of the data package share."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest


@pytest.fixture
def csv(tmp_path: Path):
    """Write text to a file and give its path; gzip where the name says so."""

    def put(text: str | bytes, name: str = "table.csv") -> Path:
        path = tmp_path / name
        content = text.encode() if isinstance(text, str) else text
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return path

    return put
