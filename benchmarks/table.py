"""From measurements to the table: pure, so that it can be tested without a clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

__all__ = ["TARGETS", "Measurement", "Target", "Verdict", "judge", "render"]


@dataclass(frozen=True)
class Measurement:
    """One contestant on one shape.

    Arguments:
        shape: its title.
        threads: of torch.
        contestant: its name.
        rates: steps a second, one number per repeat; repeats of the same index ran side by side.
    """

    shape: str
    threads: int
    contestant: str
    rates: Sequence[float]


@dataclass(frozen=True)
class Target:
    """A ratio that is asked for.

    Arguments:
        what: in words.
        ours, theirs: names of two contestants (or starts).
        of: "time" for time of ours / time of theirs, "rate" for rate of ours / rate of theirs,
            "seconds" for the time of ours alone.
        bounds: shape title -> figure to reach; "time" and "seconds" at most, "rate" at least. A shape that
            is missing has no target: its ratio is shown for information.
        against: contestants put in our place to explain a miss: what is within reach.
    """

    what: str
    ours: str
    theirs: str
    of: str
    bounds: Mapping[str, float]
    against: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """One row of the second table."""

    shape: str
    threads: str
    what: str
    value: float
    low: float
    high: float
    wanted: str
    verdict: str


_SMALL, _LARGE, _TABLE, _CONV = (
    "784-400-20, batch 128",
    "784-400-20, batch 512",
    "14-128-8, batch 500",
    "28x28 convolutional, batch 128",
)
TARGETS = (
    Target(
        "time of anyvae / hand-written loop", "anyvae", "hand", "time",
        {_SMALL: 1.10, _LARGE: 1.10, _TABLE: 1.10, _CONV: 1.10},
    ),
    Target("time of anyvae bf16 / hand-written loop bf16", "anyvae bf16", "hand bf16", "time", {}),
    Target(
        "rate of anyvae / pythae", "anyvae", "pythae", "rate",
        {_SMALL: 1.6, _LARGE: 1.6}, ("hand", "floor"),
    ),
    Target(
        "rate of anyvae bf16 / pythae", "anyvae bf16", "pythae", "rate",
        {_SMALL: 3.0, _LARGE: 3.0}, ("hand bf16", "floor bf16"),
    ),
    Target("rate of anyvae / pythae with fused Adam", "anyvae", "pythae fused", "rate", {}),
    Target(
        "time of anyvae / floor float32", "anyvae", "floor", "time",
        {_SMALL: 1.35, _LARGE: 1.25}, ("hand",),
    ),
    Target(
        "time of anyvae bf16 / floor bf16", "anyvae bf16", "floor bf16", "time",
        {_SMALL: 2.0, _LARGE: 2.0}, ("hand bf16",),
    ),
)  # fmt: skip
STARTS = (
    Target("import anyvae / import torch", "import anyvae", "import torch", "time", {"start-up": 1.15}),
    Target(
        "from anyvae import * / import torch",
        "from anyvae import *",
        "import torch",
        "time",
        {"start-up": 1.15},
    ),
    Target("anyvae --help, s", "anyvae --help", "", "seconds", {"start-up": 0.3}),
)


def _ratios(target: Target, rates: Mapping[str, Sequence[float]], ours: str) -> list[float]:
    """Ratio of each repeat; what ran side by side is compared, so a slow spell hits both."""
    if target.of == "seconds":
        return [1.0 / rate for rate in rates[ours]]
    pairs = zip(rates[ours], rates[target.theirs])
    return [a / b if target.of == "rate" else b / a for a, b in pairs]


def _judge_one(
    target: Target, shape: str, threads: str, rates: Mapping[str, Sequence[float]]
) -> Verdict | None:
    bound = target.bounds.get(shape)
    sign = "≥" if target.of == "rate" else "≤"
    wanted = "" if bound is None else f"{sign} {bound:.2f}"
    if target.theirs and target.theirs not in rates:
        return None
    if target.ours not in rates:
        if bound is None:
            return None
        return Verdict(
            shape, threads, target.what, float("nan"), float("nan"), float("nan"), wanted, "not measured"
        )
    ratios = _ratios(target, rates, target.ours)
    value = median(ratios)
    verdict = ""
    if bound is not None:
        # Judged on the printed figure: 1.104 reads 1.10 and is 1.10.
        printed = round(value, 2)
        if printed >= bound if target.of == "rate" else printed <= bound:
            verdict = "reached"
        else:
            verdict = f"missed by {abs(value / bound - 1):.0%}"
            others = [name for name in target.against if name in rates]
            stands = [f"{name} stands at {median(_ratios(target, rates, name)):.2f}" for name in others]
            verdict = "; ".join([verdict, ", ".join(stands)] if stands else [verdict])
    return Verdict(shape, threads, target.what, value, min(ratios), max(ratios), wanted, verdict)


def judge(measurements: Sequence[Measurement], starts: Mapping[str, Sequence[float]]) -> list[Verdict]:
    """Every ratio that can be formed, with its target where there is one.

    Arguments:
        measurements: of all contestants.
        starts: seconds of each start, by name.
    """
    found: list[Verdict | None] = []
    for shape, threads in dict.fromkeys((m.shape, m.threads) for m in measurements):
        rates = {m.contestant: m.rates for m in measurements if (m.shape, m.threads) == (shape, threads)}
        found += [_judge_one(target, shape, str(threads), rates) for target in TARGETS]
    if starts:
        speeds = {name: [1.0 / second for second in seconds] for name, seconds in starts.items()}
        found += [_judge_one(target, "start-up", "", speeds) for target in STARTS]
    return [verdict for verdict in found if verdict is not None]


def render(
    machine: Mapping[str, str],
    measurements: Sequence[Measurement],
    starts: Mapping[str, Sequence[float]],
    notes: Sequence[str] = (),
) -> str:
    """The two tables in markdown.

    Arguments:
        machine: description, shown as `key value` pairs.
        measurements: of all contestants.
        starts: seconds of each start, by name.
        notes: sentences under the tables.
    """
    lines = ["Machine: " + ", ".join(f"{key} {value}" for key, value in machine.items()) + ".", ""]
    columns = list(dict.fromkeys(m.contestant for m in measurements))
    if measurements:
        repeats = min(len(m.rates) for m in measurements)
        lines += [f"Steps a second: median (min..max) of {repeats} interleaved repeats.", ""]
        lines += _row(["shape", "threads", *columns]) + _row(["---", "--:", *("--:" for _ in columns)])
    for shape, threads in dict.fromkeys((m.shape, m.threads) for m in measurements):
        rates = {m.contestant: m.rates for m in measurements if (m.shape, m.threads) == (shape, threads)}
        lines += _row(
            [shape, str(threads), *(_spread(rates[name]) if name in rates else "-" for name in columns)]
        )
    if starts:
        lines += ["", "Start-up, seconds of a fresh process: median (min..max).", ""]
        lines += _row(["start", "seconds"]) + _row(["---", "--:"])
        for name, seconds in starts.items():
            lines += _row([f"`{name}`", f"{median(seconds):.3f} ({min(seconds):.3f}..{max(seconds):.3f})"])
    lines += ["", "Ratios: median (min..max) over repeats of what ran side by side.", ""]
    lines += _row(["shape", "threads", "ratio", "measured", "wanted", "verdict"])
    lines += _row(["---", "--:", "---", "--:", "--:", "---"])
    for verdict in judge(measurements, starts):
        known = verdict.value == verdict.value
        measured = f"{verdict.value:.2f} ({verdict.low:.2f}..{verdict.high:.2f})" if known else "-"
        lines += _row(
            [verdict.shape, verdict.threads, verdict.what, measured, verdict.wanted, verdict.verdict]
        )
    if notes:
        lines += ["", *(f"- {note}" for note in notes)]
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> list[str]:
    return ["| " + " | ".join(cells) + " |"]


def _spread(rates: Sequence[float]) -> str:
    digits = 0 if median(rates) >= 100 else 1
    return f"{median(rates):.{digits}f} ({min(rates):.{digits}f}..{max(rates):.{digits}f})"
