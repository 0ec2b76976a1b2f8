"""What every reproduction shares: the data, the record of a run, and the table that is written from the records."""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import operator
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from anyvae import ELBO, MLP, Bernoulli
from anyvae.data import load_source
from anyvae.inference import evaluate_bound, log_likelihood
from anyvae.model import LatentVariableModel
from anyvae.recipes import vae
from anyvae.training import Callback, Evaluation, FitResult, TensorData, fit

__all__ = [
    "Narrator",
    "Row",
    "Run",
    "Split",
    "autoencoder",
    "clock",
    "digits",
    "options",
    "products",
    "record",
    "record_gain",
    "render",
    "write_table",
]

HERE = Path(__file__).parent
HELD_OUT = 2000
AVERAGE = 0.05
"""Of the run: how old the weights that are kept are on average; a setting that moves every number."""
_BEGIN, _END = "<!-- measured: begin -->", "<!-- measured: end -->"
_SIGNS: Mapping[str, tuple[str, Callable[[float, float], bool]]] = {
    "at most": ("≤", operator.le),
    "less than": ("<", operator.lt),
    "at least": ("≥", operator.ge),
    "more than": (">", operator.gt),
}


@dataclass(frozen=True)
class Split:
    """MNIST as zeros and ones, in rows of 784 or as pictures (1, 28, 28).

    Arguments:
        train: rows that are fitted; drawn afresh at every use where the binarisation is dynamic.
        held: the last 2,000 training rows, binarised once, which choose the weights. The test rows never do.
        test: all 10,000, binarised once with seed 0.
        held_grey, test_grey: the same rows, grey.
        frequency: mean of the training rows, kept off 0 and 1, where the decoder's bias starts.
    """

    train: TensorData
    held: TensorData
    test: Tensor
    held_grey: Tensor
    test_grey: Tensor
    frequency: Tensor

    @property
    def start(self) -> dict[str, Tensor | float]:
        """Where the decoder starts."""
        return {"logits": torch.logit(self.frequency)}


def digits(*, dynamic: bool, shape: tuple[int, ...] = (784,)) -> Split:
    """MNIST through the library's own reader, which looks in ANYVAE_DATA and ../shared/data and then downloads.

    Arguments:
        dynamic: binarise afresh at every use, or once with seed 1. The same rows for every seed of a run.
        shape: of one row.
    """
    source = load_source("mnist")
    assert source.array is not None
    assert source.test is not None
    assert source.test.array is not None
    grey, test = (
        torch.from_numpy(array.reshape(len(array), *shape).copy()).float() / 255.0
        for array in (source.array, source.test.array)
    )
    means = TensorData({"x": grey}, binarise=["x"])
    rows = torch.arange(len(grey))
    once = TensorData(means.fixed(seed=1))
    drawn = TensorData({"x": test}, binarise=["x"]).fixed(seed=0)["x"]
    assert isinstance(drawn, Tensor)
    return Split(
        train=(means if dynamic else once).take(rows[:-HELD_OUT]),
        held=once.take(rows[-HELD_OUT:]),
        test=drawn,
        held_grey=grey[-HELD_OUT:],
        test_grey=test,
        frequency=grey.mean(0).clamp(1e-3, 1.0 - 1e-3),
    )


@dataclass(frozen=True)
class Row:
    """One figure of a paper.

    Arguments:
        paper: authors and year.
        figure: which figure or table, and which entry of it.
        what: what the number is, with its unit.
        published: the paper's number, or that of a public re-run where the paper has a curve only.
        command: that makes the row again.
        settings: all that shaped the number; runs under other settings are not kept beside it.
        limit: the number to reach; none where the row is shown for information.
        sign: "at most", "less than", "at least" or "more than" the limit.
        order: place in the table.
    """

    paper: str
    figure: str
    what: str
    published: str
    command: str
    settings: Mapping[str, Any]
    limit: float | None = None
    sign: str = "at most"
    order: int = 0


@dataclass(frozen=True)
class Run:
    """One seed's answer.

    Arguments:
        seed: of initial weights, row order and draws.
        value: the number, in the unit that the row names.
        seconds: of fitting and scoring together.
        details: everything else worth keeping.
    """

    seed: int
    value: float
    seconds: float
    details: Mapping[str, Any] = field(default_factory=dict)


def record(name: str, key: str, row: Row, run: Run, folder: Path = HERE / "results") -> None:
    """Keep a run in results/<name>.json; a run of the same seed, or under other settings, gives way to it.

    Arguments:
        name: of the script.
        key: of the row within the script.
        row: what is being reproduced.
        run: the answer.
        folder: where the file lies.
    """
    path = folder / f"{name}.json"
    kept: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    told = {**vars(row), "settings": {"average": AVERAGE, **row.settings}}
    before = kept.get(key, {})
    same = before.get("settings") == json.loads(json.dumps(told["settings"]))
    runs = [old for old in before.get("runs", []) if old["seed"] != run.seed] if same else []
    runs.append({**vars(run), "details": dict(run.details)})
    kept[key] = {**told, "runs": sorted(runs, key=lambda old: old["seed"])}
    path.parent.mkdir(parents=True, exist_ok=True)
    # A list of plain numbers on one line: learning curves would be thousands of lines.
    text = re.sub(
        r"\[\s+([^\[\]{}\"]*?)\s+\]",
        lambda found: f"[{' '.join(found[1].split())}]",
        json.dumps(kept, indent=1),
    )
    path.write_text(text + "\n")


def record_gain(
    name: str, worse: str, better: str, row: Row, seed: int, folder: Path = HERE / "results"
) -> None:
    """Keep by how much one number of a script lies below another, where both have been measured with a seed.

    Both under the same averaging of weights: what that is worth would be told as a gain.

    Arguments:
        name: of the script.
        worse, better: keys of the two rows.
        row: what is being reproduced; its settings are those of the better one.
        seed: of both runs.
        folder: where the file lies.
    """
    kept = json.loads((folder / f"{name}.json").read_text())
    found = [
        run for key in (worse, better) for run in kept.get(key, {}).get("runs", []) if run["seed"] == seed
    ]
    # What does not name it was fitted before weights were averaged.
    averages = {kept.get(key, {}).get("settings", {}).get("average", 0.0) for key in (worse, better)}
    if len(found) == 2 and len(averages) == 1:
        settings = {"average": 0.0, **kept[better]["settings"]}
        seconds = found[0]["seconds"] + found[1]["seconds"]
        gained = Run(seed, found[0]["value"] - found[1]["value"], seconds)
        record(name, "gain", replace(row, settings=settings), gained, folder)


def verdict(row: Mapping[str, Any], value: float) -> str:
    """Reached or missed, judged on the printed figure."""
    if row["limit"] is None:
        return ""
    printed, limit = round(value, 2), round(row["limit"], 2)
    return "reached" if _SIGNS[row["sign"]][1](printed, limit) else f"missed by {abs(printed - limit):.2f}"


def render(results: Mapping[str, Mapping[str, Any]]) -> str:
    """The table in markdown.

    Arguments:
        results: name of the script -> key -> row with its runs.
    """
    heads = [
        "paper",
        "figure",
        "number",
        "published",
        "wanted",
        "ours",
        "seeds",
        "verdict",
        "minutes a seed",
        "command",
    ]
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    rows = [row for rows in results.values() for row in rows.values()]
    for row in sorted(rows, key=lambda row: (row["order"], row["paper"], row["figure"])):
        values = [run["value"] for run in row["runs"]]
        spread = f" ± {stdev(values):.2f}" if len(values) > 1 else ""
        wanted = "" if row["limit"] is None else f"{_SIGNS[row['sign']][0]} {row['limit']:.2f}"
        minutes = mean(run["seconds"] for run in row["runs"]) / 60.0
        cells = [
            row["paper"],
            row["figure"],
            row["what"],
            row["published"],
            wanted,
            f"{mean(values):.2f}{spread}",
            str(len(values)),
            verdict(row, mean(values)),
            f"{minutes:.1f}",
            f"`{row['command']}`",
        ]
        # A bar in a cell, as in p(x | c), would end it.
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def write_table(folder: Path = HERE) -> None:
    """Put the table of all results into the marked part of the README; twice is the same as once.

    Arguments:
        folder: with README.md and results/.
    """
    results = {
        path.stem: json.loads(path.read_text()) for path in sorted((folder / "results").glob("*.json"))
    }
    path = folder / "README.md"
    text = path.read_text()
    head, found, rest = text.partition(_BEGIN)
    _, ended, tail = rest.partition(_END)
    if not found or not ended:
        raise ValueError(f"{path} has no part between {_BEGIN} and {_END}; put the two lines back.")
    path.write_text(f"{head}{_BEGIN}\n{render(results)}{_END}{tail}")


def options(doc: str | None, cases: Sequence[str]) -> argparse.Namespace:
    """The command line: how many seeds, and which cases.

    Arguments:
        doc: description.
        cases: names to choose from.
    """
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds, from 0")
    parser.add_argument("--first-seed", type=int, default=0, help="the first of them")
    parser.add_argument("--only", nargs="+", choices=cases, default=list(cases), help="which cases")
    return parser.parse_args()


def seeds(asked: argparse.Namespace) -> Iterator[int]:
    """The seeds that were asked for."""
    return iter(range(asked.first_seed, asked.first_seed + asked.seeds))


def fit_once(
    model: LatentVariableModel,
    about: Mapping[str, Any],
    train: Callable[[], FitResult],
    folder: Path = HERE / "weights",
) -> dict[str, Any]:
    """Fit, or take the weights of an earlier fit that was told the same; returns what the fit did.

    So that a fitted model can be scored again, with more samples, or trained further. The folder is not kept in git.

    Arguments:
        model: whose weights are set.
        about: everything that decides the weights: settings and seed.
        train: fits the model in place.
        folder: where weights lie.
    """
    name = hashlib.sha256(json.dumps(dict(about), sort_keys=True).encode()).hexdigest()[:16]
    weights, told = folder / f"{name}.safetensors", folder / f"{name}.json"
    if told.exists():
        model.load_state_dict(load_file(weights))
        model.eval()
        return {**json.loads(told.read_text())["done"]}
    result = train()
    done = {
        "fit seconds": result.seconds,
        "steps": result.steps,
        "best step": result.best_step,
        "history": [
            [None if math.isnan(entry) else entry for entry in (e.epoch, e.train_elbo, e.validation_elbo)]
            for e in result.history
        ],
    }
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, weights)
    told.write_text(json.dumps({"about": dict(about), "done": done}, indent=1))
    return done


def train(model: LatentVariableModel, data: Split, **options: Any) -> FitResult:
    """Fit to the training rows to the end, keep the weights of the best bound of the held-out rows, and tell of it.

    Arguments:
        model: fitted in place.
        data: whose held-out rows choose the weights.
        options: of `anyvae.fit`.
    """
    told: list[Callback] = [Narrator()]
    return fit(
        model, data.train, validation=data.held, patience=1.0, average=AVERAGE, callbacks=told, **options
    )


def fit_and_score(
    model: LatentVariableModel, data: Split, about: Mapping[str, Any], seed: int, samples: int, **options: Any
) -> Run:
    """Fit once, and score -log p(x) of the test rows; the time of an earlier fit counts.

    Arguments:
        model: fitted in place.
        data: the rows.
        about: everything else that decides the weights.
        seed: of the fit.
        samples: importance samples a row.
        options: of `anyvae.fit`.
    """
    told = {**about, "average": AVERAGE, "seed": seed}
    details = fit_once(model, told, partial(train, model, data, seed=seed, **options))
    with clock() as seconds:
        details["-ELBO"] = -evaluate_bound(model, {"x": data.test}, samples=10).elbo.mean().item()
        found = log_likelihood(model, {"x": data.test}, samples=samples)
        details["standard error"] = found.std().item() / len(found) ** 0.5
        run = Run(seed, -found.mean().item(), details["fit seconds"] + seconds(), details)
    shown = {key: value for key, value in details.items() if key != "history"}
    print(seed, round(run.value, 3), shown, flush=True)
    return run


def autoencoder(data: Split) -> LatentVariableModel:
    """784-500-500-1000-10 and back, ReLU, under a tenth of the KL: features that keep digits apart; fitted once.

    Arguments:
        data: the rows.
    """
    torch.manual_seed(0)
    model = vae(
        Bernoulli(784),
        10,
        encoder=MLP([500, 500, 1000], nn.ReLU),
        decoder=MLP([1000, 500, 500], nn.ReLU),
        start=data.start,
    )
    about = {"network": "784-500-500-1000-10", "beta": 0.1, "epochs": 40, "rate": 1e-3, "batch": 200}
    first = partial(
        fit,
        model,
        data.train,
        validation=data.held,
        callbacks=[Narrator()],
        objective=ELBO(beta=0.1),
        epochs=40,
        batch_size=200,
        learning_rate=1e-3,
        evaluations=10,
        keep_last=True,
        seed=0,
    )
    fit_once(model, about, first)
    return model


def products() -> torch.dtype | None:
    """bfloat16 for the products of a long fit, where the processor multiplies in it; elsewhere it would be slower."""
    has = torch.cpu.get_capabilities()
    return torch.bfloat16 if has.get("avx512_bf16") or has.get("amx_bf16") else None


@contextmanager
def clock() -> Iterator[Callable[[], float]]:
    """A function that tells the seconds since."""
    started = time.perf_counter()
    yield lambda: time.perf_counter() - started


class Narrator(Callback):
    """Prints every evaluation, so that a long run can be followed."""

    def on_evaluation(self, evaluation: Evaluation) -> None:
        """See `Callback`."""
        print(
            f"  epoch {evaluation.epoch:.0f}, {evaluation.seconds:.0f} s: "
            f"train {evaluation.train_elbo:.2f}, held out {evaluation.validation_elbo:.2f}",
            flush=True,
        )
