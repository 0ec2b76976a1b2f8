"""What the tests of training share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from training_examples import Trip


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny products are slower on two threads, and a trip never outlives its test."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
    Trip.action = None
