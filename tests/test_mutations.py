"""The tests can fail: the three faults that matter most, planted; `make mutations` plants them all."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

import mutations
from mutations import MUTATIONS, NAMED_BY_THE_SUITE, Mutation, planted


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_every_fault_finds_its_place_and_still_parses(mutation: Mutation) -> None:
    ast.parse(planted(mutation))


def test_the_faults_that_matter_most_are_noticed() -> None:
    command = [sys.executable, mutations.__file__, *NAMED_BY_THE_SUITE]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "3 of 3 faults noticed" in result.stdout


def test_a_fault_that_no_test_looks_for_is_reported() -> None:
    """The script itself can fail: a mutation that changes nothing survives."""
    harmless = Mutation(
        "harmless", "inference/noise.py", "_HASHED_ROWS = 2048", "_HASHED_ROWS = 2047", ("test_oracles.py",)
    )
    code = f"from mutations import *; print(survives({harmless!r}))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=mutations.TESTS
    )
    assert "pytest ended with" in result.stdout
