"""The command as a process: help, speech and silence, several processes."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import pty
import resource
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import anyvae
from anyvae.cli import main
from anyvae.cli.app import app
from anyvae.data import load_source

ANYVAE = [sys.executable, "-m", "anyvae"]
COMMANDS = ["fit", "sample", "embed", "reconstruct", "score", "evaluate", "report", "recipes"]


def run(*words: object, **options: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [*ANYVAE, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False, **options)


def test_help_is_quick_and_imports_nothing_heavy() -> None:
    seconds = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        shown = run("--help")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        # Time of the processor and not of the clock, which counts what else the machine does.
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert shown.returncode == 0
    assert [line.split()[1] for line in shown.stdout.splitlines() if line.startswith("│ ")][:2] == [
        "fit",
        "sample",
    ]
    assert min(seconds) < 0.3
    code = (
        "import sys; from anyvae.cli import main; main(['--help']); main(['fit', '--help']); "
        "assert not {'torch', 'numpy', 'pyarrow', 'sklearn', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    assert f"Usage: anyvae {command}" in capsys.readouterr().out
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == anyvae.__version__


@pytest.mark.parametrize("command", COMMANDS)
def test_a_help_text_breaks_where_the_terminal_ends(command: str) -> None:
    # Consoles keep the width that the first of them had, so what they are given is looked at: a line for every text.
    head, _, listed = app[command].default_command.__doc__.partition("\nParameters\n")
    assert all("\n" not in text.strip() for text in head.split("\n\n"))
    indented = [line.startswith(" ") for line in listed.splitlines()]
    assert not any(first and second for first, second in itertools.pairwise(indented))


def test_fit_says_what_it_decides_and_quiet_says_nothing(
    numbers: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["fit", str(numbers), "--out", str(tmp_path / "run"), "--max-epochs", "2", "--samples", "3"]
    assert main(words) == 0
    shown = capsys.readouterr()
    assert "normal" in shown.out
    assert "--likelihood" in shown.out
    assert "held out: 4 of 40 rows" in shown.out
    assert "(3 samples)" in shown.out
    assert shown.out.endswith(f"report: {tmp_path / 'run' / 'report.html'}\n")
    assert shown.err == ""
    assert main([*words, "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_out_is_named_after_the_source(
    numbers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["fit", str(numbers), "--max-epochs", "1", "--samples", "1", "--quiet"]) == 0
    assert os.listdir("runs") == ["numbers"]


def test_every_option_reaches_the_fit(numbers: Path, tmp_path: Path) -> None:
    options = {
        "--seed": "3",
        "--latent": "3",
        "--max-epochs": "2",
        "--max-minutes": "5",
        "--batch-size": "16",
        "--learning-rate": "0.01",
        "--precision": "bf16",
        "--recipe": "iwae",
        "--likelihood": "normal",
        "--threads": "1",
        "--samples": "3",
    }
    words = ["fit", str(numbers), "--out", str(tmp_path), "--quiet", "--tensorboard"]
    assert main([*words, *(word for pair in options.items() for word in pair)]) == 0
    config = json.loads((tmp_path / "config.json").read_text())
    expected = {
        "seed": 3,
        "latent_features": 3,
        "max_epochs": 2,
        "max_minutes": 5.0,
        "batch_size": 16,
        "learning_rate": 0.01,
        "precision": "bf16",
        "recipe": "iwae",
        "likelihood": "normal",
        "threads": 1,
    }
    assert {name: config[name] for name in expected} == expected
    assert json.loads((tmp_path / "metrics.json").read_text())["held_out"]["samples"] == 3
    assert any((tmp_path / "tensorboard").iterdir())


def test_a_reader_that_has_seen_enough(digits_run: Path) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    words = [*ANYVAE, "sample", str(digits_run), "-n", "300"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(60) == 141
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_a_full_device_is_one_line(digits_run: Path) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    words = [*ANYVAE, "sample", str(digits_run), "-n", "300"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            words, stdout=full, stderr=subprocess.PIPE, text=True, env=environment, check=False
        )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "No space left" in done.stderr


def test_the_bar_is_for_terminals_only(numbers: Path, tmp_path: Path) -> None:
    master, terminal = pty.openpty()
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TERM": "xterm", "COLUMNS": "120"}
    words = [*ANYVAE, "fit", str(numbers), "--out", str(tmp_path), "--max-epochs", "200", "--samples", "2"]
    shown: list[bytes] = []

    def listen() -> None:
        # While it runs: a terminal that nobody reads fills up, and whoever writes to it waits for ever.
        with contextlib.suppress(OSError):
            while piece := os.read(master, 65536):
                shown.append(piece)

    listener = threading.Thread(target=listen)
    listener.start()
    done = subprocess.run(
        words, stdout=subprocess.PIPE, stderr=terminal, text=True, env=environment, check=False
    )
    os.close(terminal)
    listener.join()
    os.close(master)
    text = b"".join(shown).decode()
    assert done.returncode == 0
    assert "bound" in text
    assert "steps/s" in text
    assert "left" in text
    assert "steps/s" not in done.stdout


@pytest.mark.slow
def test_two_processes_make_one_run_and_one_of_them_speaks(numbers: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    words = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "anyvae"]
    options = ["--out", str(tmp_path / "run"), "--max-epochs", "3", "--samples", "2"]
    command = [sys.executable, *words, "fit", str(numbers), *options]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("report: ") == 1
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["machine"]["processes"] == 2
    assert anyvae.load(tmp_path / "run").embed(load_source(numbers)).shape == (40, 2)


def test_only_the_first_process_speaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RANK", "1")
    assert main(["fit", str(tmp_path / "nothing.csv")]) == 2
    assert main(["recipes"]) == 0
    assert capsys.readouterr() == ("", "")
