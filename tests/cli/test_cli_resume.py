"""A run that is cut short, however it is cut short, ends in the weights of one that was not."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from anyvae.cli import main
from anyvae.runs import fit as fitting

# Children are forked from one process that has imported everything and fitted once, so that a start costs nothing.
NURSERY = r"""
import json, os, random, signal, sys, time
from pathlib import Path
import torch
torch.set_num_threads(1)
import anyvae.report, anyvae.runs.gather, anyvae.training
from anyvae.cli import main

source, folder = sys.argv[1], Path(sys.argv[2])

def words(out, epochs=150):
    options = ["--samples", "2", "--latent", "2", "--quiet"]
    return ["fit", source, "--max-epochs", str(epochs), *options, "--out", str(folder / out)]

def start(out, *options):
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = main([*words(out), *options])
        finally:
            sys.stderr.flush()
            os._exit(code)
    return child

def code_of(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

def cut(out, method, cuts):
    def written():
        path = folder / out / "unfinished" / "checkpoint.safetensors"
        return path.stat().st_mtime_ns if path.exists() else 0

    codes = []
    for _ in range(cuts):
        before = written()
        child = start(out, "--resume")
        while written() == before:  # at least one evaluation further, then at a random moment
            time.sleep(0.001)
        time.sleep(draw.uniform(0, 0.5 * seconds / cuts))
        os.kill(child, method)
        codes.append(code_of(child))
    unfinished = os.path.isdir(folder / out / "unfinished")
    assert code_of(start(out, "--resume")) == 0
    return {"codes": codes, "unfinished": unfinished}

assert main(words("warm", 1)) == 0
assert code_of(start("whole")) == 0
seconds = json.loads((folder / "whole" / "metrics.json").read_text())["training"]["seconds"]
draw = random.Random()
print(json.dumps({"killed": cut("killed", signal.SIGKILL, 5), "interrupted": cut("interrupted", signal.SIGINT, 2)}))
"""


@dataclass
class Cut:
    """What became of runs that were cut: where they are, how each process ended, and what all of them said."""

    folder: Path
    ended: dict[str, dict[str, object]]
    said: str


@pytest.fixture(scope="module")
def cut(numbers: Path, tmp_path_factory: pytest.TempPathFactory) -> Cut:
    folder = tmp_path_factory.mktemp("cut")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", NURSERY, str(numbers), str(folder)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Cut(folder, json.loads(done.stdout), done.stderr)


def same_run(one: Path, other: Path) -> None:
    assert sorted(os.listdir(one)) == sorted(os.listdir(other))
    for name in ("model.safetensors", "schema.json"):
        assert (one / name).read_bytes() == (other / name).read_bytes()
    figures = [json.loads((folder / "metrics.json").read_text()) for folder in (one, other)]
    assert figures[0]["held_out"] == figures[1]["held_out"]
    assert figures[0]["training"]["steps"] == figures[1]["training"]["steps"]


@pytest.mark.slow
def test_five_kills_change_nothing(cut: Cut) -> None:
    assert cut.ended["killed"] == {"codes": [-9] * 5, "unfinished": True}
    same_run(cut.folder / "whole", cut.folder / "killed")


@pytest.mark.slow
def test_ctrl_c_says_how_to_go_on_and_changes_nothing(cut: Cut) -> None:
    assert cut.ended["interrupted"] == {"codes": [130] * 2, "unfinished": True}
    for line in cut.said.splitlines():
        assert line.startswith("anyvae: interrupted")
        assert line.endswith(f"--out {cut.folder / 'interrupted'} --resume")
    assert cut.said.count("the checkpoint is written") == 2
    same_run(cut.folder / "whole", cut.folder / "interrupted")


def words(source: Path, out: Path, *options: str) -> list[str]:
    return ["fit", str(source), "--out", str(out), "--max-epochs", "3", "--samples", "2", *options]


def test_resume_starts_where_nothing_was_saved_and_leaves_what_is_finished(
    numbers: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert main(words(numbers, out, "--resume")) == 0
    before = {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in out.iterdir()}
    capsys.readouterr()
    assert main(words(numbers, out, "--resume")) == 0
    assert "already finished" in capsys.readouterr().out
    assert {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in out.iterdir()} == before
    assert main(words(numbers, out)) == 0
    assert f"{out} holds a finished run of {numbers}, which this one will replace" in capsys.readouterr().out


def test_resume_refuses_other_settings_and_data(numbers: Path, tmp_path: Path, refused) -> None:
    out = tmp_path / "run"
    assert main(words(numbers, out, "--quiet")) == 0
    before = (out / "model.safetensors").read_bytes()
    assert "seed" in refused(*words(numbers, out, "--resume", "--seed", "1"))
    assert "latent" in refused(*words(numbers, out, "--resume", "--latent", "1"))
    other = tmp_path / "other.csv"
    other.write_text("a,b\n" + "".join(f"{i / 7},{i / 3}\n" for i in range(40)))
    assert "other data" in refused(*words(other, out, "--resume"))
    assert (out / "model.safetensors").read_bytes() == before


@pytest.mark.parametrize("moved", [0, 3, 5])
def test_a_run_cut_while_it_moves_to_its_place(
    moved: int,
    numbers: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out, left = tmp_path / "run", [moved]
    assert main(words(numbers, out, "--quiet")) == 0
    replace = os.replace

    def cut_short(source: Path, target: Path) -> None:
        if Path(target).parent == out:
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(fitting.os, "replace", cut_short)
        assert main(words(numbers, out, "--quiet", "--seed", "1")) == 130
    assert "--resume" in capsys.readouterr().err
    assert main(["sample", str(out), "-n", "1"]) == 2  # never a mixture of two runs
    assert "--resume" in capsys.readouterr().err
    assert main(words(numbers, out, "--quiet", "--seed", "1", "--resume")) == 0
    assert main(words(numbers, tmp_path / "whole", "--quiet", "--seed", "1")) == 0
    same_run(out, tmp_path / "whole")


def test_a_report_that_fails_costs_no_fit(
    numbers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert main(words(numbers, out, "--quiet")) == 0
    whole = sorted(out.iterdir())
    before = {path: path.read_bytes() for path in whole}

    def fails(error: BaseException) -> int:
        def render(*_: object) -> str:
            raise error

        with monkeypatch.context() as patch:
            patch.setattr("anyvae.report.render", render)
            return main(words(numbers, out, "--seed", "1"))

    assert fails(KeyboardInterrupt()) == 130
    assert {path: path.read_bytes() for path in whole} == before
    (out / "unfinished" / "report.html").write_text("of another fit")
    assert fails(ValueError("no page")) == 1
    shown = capsys.readouterr()
    assert "no page" in shown.err
    assert f"anyvae report {out}" in shown.out
    assert sorted(out.iterdir()) == [path for path in whole if path.name != "report.html"]
    assert main(["report", str(out)]) == 0
    assert main(words(numbers, tmp_path / "whole", "--quiet", "--seed", "1")) == 0
    same_run(out, tmp_path / "whole")
    assert sorted(out.iterdir()) == whole


def test_checkpoints_never_execute(
    numbers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused
) -> None:
    class Bomb:
        """Unpickling this writes a file."""

        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (os.system, (f"touch {tmp_path / 'exploded'}",))

    def cut_short(*_: object) -> None:
        raise KeyboardInterrupt

    out = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(fitting, "_finish", cut_short)
        assert main(words(numbers, out, "--quiet")) == 130
    checkpoint = out / "unfinished" / "checkpoint.safetensors"
    content = checkpoint.read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    forgeries = [b"", content[:-100], pickle.dumps(Bomb())]
    for state in ("[]", "{}", json.dumps({"plan": 3}), "not json"):
        forged = {**header, "__metadata__": {**header["__metadata__"], "state": state}}
        text = json.dumps(forged).encode()
        forgeries.append(len(text).to_bytes(8, "little") + text + content[8 + size :])
    for forgery in forgeries:
        checkpoint.write_bytes(forgery)
        assert "without --resume" in refused(*words(numbers, out, "--quiet", "--resume"))
        assert checkpoint.read_bytes() == forgery
    assert not (tmp_path / "exploded").exists()
    checkpoint.write_bytes(content)
    assert main(words(numbers, out, "--quiet", "--resume")) == 0
