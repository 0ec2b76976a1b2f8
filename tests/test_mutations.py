"""The tests can fail: the three faults that matter most, planted; `make mutations` plants them all."""

from __future__ import annotations

import ast

import pytest

from mutations import MUTATIONS, NAMED_BY_THE_SUITE, Mutation, planted, survives


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_every_fault_finds_its_place_and_still_parses(mutation: Mutation) -> None:
    ast.parse(planted(mutation))


@pytest.mark.parametrize("name", NAMED_BY_THE_SUITE)
def test_a_planted_fault_is_noticed(name: str) -> None:
    [mutation] = [mutation for mutation in MUTATIONS if mutation.name == name]
    assert not survives(mutation)
