"""The table is a pure function of the measurements."""

from __future__ import annotations

import pytest

from table import Measurement, judge, render

SMALL = "784-400-20, batch 128"


def measured(**rates: float) -> list[Measurement]:
    return [Measurement(SMALL, 1, name.replace("_", " "), [rate, rate]) for name, rate in rates.items()]


def verdicts(
    measurements: list[Measurement], starts: dict[str, list[float]] | None = None
) -> dict[str, tuple[float, str]]:
    return {verdict.what: (verdict.value, verdict.verdict) for verdict in judge(measurements, starts or {})}


def test_time_ratios_are_of_times_and_rate_ratios_of_rates() -> None:
    found = verdicts(measured(anyvae=100.0, hand=105.0, pythae=50.0, floor=130.0))
    assert found["time of anyvae / hand-written loop"] == (pytest.approx(1.05), "reached")
    assert found["rate of anyvae / pythae"] == (pytest.approx(2.0), "reached")
    assert found["time of anyvae / floor float32"] == (pytest.approx(1.3), "reached")


def test_a_miss_says_by_how_much_and_where_the_hand_written_loop_stands() -> None:
    found = verdicts(measured(anyvae=100.0, hand=125.0, pythae=80.0, floor=162.0))
    assert found["time of anyvae / hand-written loop"][1] == "missed by 14%"
    assert found["rate of anyvae / pythae"][1] == "missed by 22%; hand stands at 1.56, floor stands at 2.02"
    assert found["time of anyvae / floor float32"][1] == "missed by 20%; hand stands at 1.30"


def test_ratios_are_taken_within_a_repeat() -> None:
    # The machine halved its speed for one repeat: medians of the rates alone would say 0.5 or 2.
    slow = [
        Measurement(SMALL, 1, "anyvae", [100.0, 50.0, 50.0]),
        Measurement(SMALL, 1, "hand", [100.0, 100.0, 50.0]),
    ]
    assert verdicts(slow)["time of anyvae / hand-written loop"][0] == 1.0


def test_what_was_not_measured_is_said_where_a_target_wants_it() -> None:
    found = verdicts(measured(hand=100.0, floor=130.0))
    assert found["time of anyvae / hand-written loop"][1] == "not measured"
    assert "rate of anyvae / pythae" not in found


def test_start_up_is_judged_in_seconds() -> None:
    starts = {"import torch": [1.0], "import anyvae": [1.2], "anyvae --help": [0.25]}
    found = verdicts([], starts)
    assert found["import anyvae / import torch"] == (pytest.approx(1.2), "missed by 4%")
    assert found["anyvae --help, s"] == (pytest.approx(0.25), "reached")


def test_markdown_has_one_column_a_contestant_and_dashes_for_the_absent() -> None:
    other = Measurement("14-128-8, batch 500", 2, "anyvae", [1000.0, 1200.0, 1100.0])
    text = render(
        {"processor": "P", "cores": "2"}, [*measured(anyvae=99.0, hand=98.0), other], {}, ["a note"]
    )
    assert "Machine: processor P, cores 2." in text
    assert "| shape | threads | anyvae | hand |" in text
    assert "| 784-400-20, batch 128 | 1 | 99.0 (99.0..99.0) | 98.0 (98.0..98.0) |" in text
    assert "| 14-128-8, batch 500 | 2 | 1100 (1000..1200) | - |" in text
    assert text.endswith("- a note\n")
