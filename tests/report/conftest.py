"""Findings that the tests of the report share."""

from __future__ import annotations

import pytest
from report_examples import digits_findings, table_findings

from anyvae.report import Findings


@pytest.fixture(scope="session")
def digits() -> Findings:
    return digits_findings()


@pytest.fixture(scope="session")
def table() -> Findings:
    return table_findings()
