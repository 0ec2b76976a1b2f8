"""Writes the table of benchmarks/tables/README.md from the JSON in results/."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["render", "write"]

HERE = Path(__file__).resolve().parent
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def _cells(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _verdict(reached: bool | None, coverage: Mapping[str, int]) -> str:
    """What may be said of a gate: with runs still to make nothing is reached, and a run that failed is a miss."""
    wanted, answered, failed = (coverage[name] for name in ("wanted", "answered", "failed"))
    part = "" if answered == wanted else f" ({answered} of {wanted} runs)"
    if failed:
        return f"**missed**: {failed} of our runs failed{part}"
    if reached is None:
        return "not measured"
    if not reached:
        return f"**missed**{part}"
    return f"so far{part}" if part else "reached"


def _minutes(runs: Sequence[Mapping[str, Any]], contestants: Sequence[str]) -> str:
    return f"{sum(run.get('wall', 0.0) for run in runs if run['contestant'] in contestants) / 60.0:.1f}"


def render(rows: Sequence[Mapping[str, Any]]) -> str:
    """The table, what could not be measured, versions and notes, in markdown.

    Arguments:
        rows: contents of results/*.json.
    """
    rows = sorted(rows, key=lambda row: row["row"])
    lines = [
        _cells(["#", "what", "wanted", "ours", "peers", "verdict"]),
        _cells(["--:", "---", "---", "---", "---", "---"]),
    ]
    for row in rows:
        for place, finding in enumerate(row["findings"]):
            lines.append(
                _cells(
                    [
                        "" if place else str(row["row"]),
                        finding["what"] if place else f"*{row['title']}*: {finding['what']}",
                        finding["wanted"],
                        finding["ours"],
                        finding["peers"] or "",
                        _verdict(finding["reached"], row["coverage"]),
                    ]
                )
            )
    lines += [
        "",
        _cells(["#", "command", "seeds", "minutes, ours", "minutes, peers"]),
        _cells(["--:", "---", "---", "--:", "--:"]),
    ]
    for row in rows:
        runs = row["runs"]
        names = sorted({run["contestant"] for run in runs})
        ours = [name for name in names if name.startswith("anyvae")]
        seeds = {
            who: sorted({r["seed"] for r in runs if (r["contestant"] in ours) == mine})
            for who, mine in (("ours", True), ("peers", False))
        }
        told = "; ".join(f"{who} {' '.join(map(str, found))}" for who, found in seeds.items() if found)
        lines.append(
            _cells(
                [
                    str(row["row"]),
                    f"`{row['command']}`",
                    told,
                    _minutes(runs, ours),
                    _minutes(runs, [name for name in names if name not in ours]),
                ]
            )
        )
    versions: dict[str, str] = {}
    for row in rows:
        for run in row["runs"]:
            versions |= run.get("versions", {})
    if versions:
        lines += [
            "",
            "Versions: " + ", ".join(f"{name} {number}" for name, number in sorted(versions.items())) + ".",
        ]
    failed: dict[tuple[int, str, str], list[str]] = {}
    for row in rows:
        for run in row["runs"]:
            if "error" in run:
                key = (row["row"], run["contestant"], run["error"])
                failed.setdefault(key, []).append(f"{run['case']}, seed {run['seed']}")
    if failed:
        lines += ["", "Runs that gave no answer:", ""]
        lines += [
            f"- row {n}, {who} ({'; '.join(where)}): `{why}`" for (n, who, why), where in failed.items()
        ]
    if any(row["notes"] for row in rows):
        lines += ["", "Notes:", ""]
        lines += [f"- row {row['row']}: {' '.join(row['notes'])}" for row in rows if row["notes"]]
    return "\n".join(lines) + "\n"


def write(folder: Path = HERE / "results", page: Path = HERE / "README.md") -> None:
    """Put the table between the marks of the page.

    Arguments:
        folder: with the JSON files.
        page: with the marks.
    """
    rows = [json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))]
    before, rest = page.read_text().split(BEGIN)
    page.write_text(f"{before}{BEGIN}\n{render(rows)}{END}{rest.split(END)[1]}")


if __name__ == "__main__":
    write()
