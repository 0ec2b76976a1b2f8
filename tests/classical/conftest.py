"""Rows that several tests of classical models use."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor


@pytest.fixture
def wine(real_data: Path) -> Tensor:
    """Red and white wine: 11 features, the quality, and the colour, 1 or 2."""
    path = real_data / "tables" / "hivae" / "Wine" / "data.csv"
    if not path.with_suffix(".csv.gz").is_file() and not path.is_file():
        pytest.skip(f"wine is absent from {real_data}")
    return torch.tensor(np.loadtxt(path, delimiter=","))


@pytest.fixture
def frey(real_data: Path) -> Tensor:
    """1965 faces of 560 pixels between 0 and 1."""
    from scipy.io import loadmat

    path = real_data / "frey_faces" / "frey_rawface.mat"
    if not path.is_file():
        pytest.skip(f"Frey's faces are absent from {real_data}")
    return torch.tensor(loadmat(path)["ff"].T / 255.0)
