"""Everything a user can get wrong: one line, exit code 2, and nothing touched."""

from __future__ import annotations

import json
import os
import pickle
import resource
import signal
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from anyvae.cli import main

Refused = Callable[..., str]

TABLES = {
    "empty.csv": (b"", "empty"),
    "rowless.csv": (b"a,b\n", "no rows"),
    "ragged.csv": (b"a,b\n1,2\n3\n", "line 3"),
    "one.csv": (b"a,b\n1,2\n", "two or more"),
    "hollow.csv": (b"a,b\n1,\n2,\n3,\n", "'b'"),
    "infinite.csv": (b"a,b\n1.5,1\n2.5,inf\n3.1,2\n", "row 2"),
    "times.csv": (b"a,d\n1,12:00:00\n2,13:30:00\n", "time32"),
    "junk.parquet": (b"hello", "parquet"),
    "junk.npy": (b"hello", "numpy"),
    "junk.csv.gz": (b"hello", "gzip"),
    "a.txt": (b"hello", "ending"),
}
OPTIONS = {
    "--latent": ["0", "-3", "x", "1.5"],
    "--max-epochs": ["0"],
    "--max-minutes": ["0", "nan"],
    "--batch-size": ["0"],
    "--learning-rate": ["-1", "inf"],
    "--precision": ["fp16"],
    "--likelihood": ["poisson"],
    "--recipe": ["nope"],
    "--threads": ["0"],
    "--samples": ["0"],
    "--seed": ["-1", "5000000000"],
    "--label": ["nope"],
    "--bogus": ["1"],
}


def test_what_is_refused_ends_at_once() -> None:
    # A thread of a reader may still be at work then, and an interpreter that shuts down meanwhile aborts.
    code = (
        "import atexit, os, sys; atexit.register(os.abort); sys.argv[1:] = ['score', 'nowhere', 'digits']; "
        "from anyvae.cli import command; command()"
    )
    ended = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert ended.returncode == 2
    assert ended.stderr.startswith("anyvae: error: ")


def test_a_word_for_a_number_is_told_to_be_none(refused: Refused) -> None:
    for value in ("two", "1.5"):
        assert f"-n: '{value}' is no whole number" in refused("sample", "nowhere", "-n", value)


@pytest.mark.parametrize("name", TABLES)
def test_bad_sources(name: str, tmp_path: Path, refused: Refused) -> None:
    content, word = TABLES[name]
    (tmp_path / name).write_bytes(content)
    assert word in refused("fit", tmp_path / name, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_missing_sources_and_folders_without_images(tmp_path: Path, refused: Refused) -> None:
    assert "digits" in refused("fit", "digit", "--out", tmp_path / "out")
    assert "no file" in refused("fit", tmp_path / "nothing.csv", "--out", tmp_path / "out")
    assert "images" in refused("fit", tmp_path, "--out", tmp_path / "out")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("option", OPTIONS)
def test_bad_options(option: str, tmp_path: Path, numbers: Path, refused: Refused) -> None:
    for value in OPTIONS[option]:
        message = refused("fit", numbers, "--out", tmp_path / "out", option, value)
        assert option.strip("-") in message
        assert not (tmp_path / "out").exists()


def test_bad_words(digits_run: Path, refused: Refused) -> None:
    assert "fit" in refused("fti")
    assert "SOURCE" in refused("fit")
    assert "wine" in refused("fit", "digits", "wine")
    assert "-n" in refused("sample", digits_run)
    assert "Must be" in refused("sample", digits_run, "-n", 0)
    assert "memory" in refused("sample", digits_run, "-n", 10**13)
    assert "Must be" in refused("score", digits_run, "digits", "--samples", 0)


def test_the_commands_are_named_all_of_them(refused: Refused) -> None:
    message = refused("frobnicate")
    assert message.rstrip().endswith("classify, cluster, evaluate, report, recipes")


def test_damaged_figures_may_be_removed(digits_run: Path, tmp_path: Path, refused: Refused) -> None:
    run = copied(digits_run, tmp_path / "run")
    (run / "metrics.json").write_text("{")
    told = refused("report", run)
    assert "metrics.json cannot be read" in told
    assert "fit anew, or remove it: the report then goes without its figures" in told
    (run / "metrics.json").unlink()
    assert main(["report", str(run)]) == 0


def test_rows_without_what_the_fit_set_aside(tmp_path: Path, refused: Refused) -> None:
    rows = np.random.default_rng(0).normal(size=(40, 3))
    np.savez(tmp_path / "made.npz", x=rows, y=np.arange(40) % 2)
    np.save(tmp_path / "bare.npy", rows)
    for recipe, option in (("m2", "--label"), ("cvae", "--given")):
        words = ["fit", str(tmp_path / "made.npz"), "--recipe", recipe, option, "label"]
        fast = ["--max-epochs", "1", "--samples", "2", "--quiet", "--out", str(tmp_path / recipe)]
        assert main([*words, *fast]) == 0
    told = refused("report", tmp_path / "m2", "--source", tmp_path / "bare.npy")
    assert "bare.npy has no column 'label' of labels" in told
    told = refused("embed", tmp_path / "cvae", tmp_path / "bare.npy")
    assert "bare.npy has no column 'label' of labels or conditions beside its rows" in told
    assert "give an .npz file whose y it is, or name none" in told


def test_clusters_that_cannot_be(
    numbers: Path, people_run: Path, people: Path, tmp_path: Path, refused: Refused
) -> None:
    fit = ("fit", numbers, "--out", tmp_path / "out")
    assert "the recipe vae has none" in refused(*fit, "--clusters", 3)
    assert "give no more than rows" in refused(*fit, "--recipe", "gmvae", "--clusters", 100)
    assert not (tmp_path / "out").exists()
    (tmp_path / "one.csv").write_text("".join(people.read_text().splitlines(keepends=True)[:2]))
    assert "one row" in refused("cluster", people_run, tmp_path / "one.csv", "-k", 1)


def test_rows_that_do_not_fit_the_run(
    digits_run: Path, people_run: Path, tmp_path: Path, refused: Refused
) -> None:
    np.save(tmp_path / "x.npy", np.zeros((3, 7, 7)))
    assert "7x7" in refused("embed", digits_run, tmp_path / "x.npy")
    np.save(tmp_path / "x.npy", np.full((3, 8, 8), 17))
    assert "17" in refused("score", digits_run, tmp_path / "x.npy")
    (tmp_path / "x.csv").write_text("height,children\n160,1\n")
    assert "smokes" in refused("reconstruct", people_run, tmp_path / "x.csv")
    (tmp_path / "x.csv").write_text("height,children,smokes,town,planet\n160.5,1,true,Rome,1\n")
    assert "'Rome'" in refused("embed", people_run, tmp_path / "x.csv")


def test_results_that_cannot_be_written(digits_run: Path, tmp_path: Path, refused: Refused) -> None:
    for name, word in (("z.txt", "ending"), ("no/z.csv", "make the folder"), ("", "ending")):
        assert word in refused("embed", digits_run, "digits", "-o", tmp_path / name)
    assert ".json" in refused("evaluate", digits_run, "digits", "-o", tmp_path / "e.csv")
    assert not list(tmp_path.iterdir())


def test_text_columns_have_no_place_in_npy(people_run: Path, tmp_path: Path, refused: Refused) -> None:
    assert "'town'" in refused("sample", people_run, "-n", 3, "-o", tmp_path / "x.npy")
    assert not list(tmp_path.iterdir())


@pytest.fixture
def full_disk() -> Callable[[int], None]:
    """Files of this process may not grow beyond so many bytes; undone at the end."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(size: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))

    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield limit
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, old)


def test_a_full_disk_leaves_earlier_results(
    digits_run: Path, tmp_path: Path, refused: Refused, full_disk: Callable[[int], None]
) -> None:
    for name in ("z.csv", "z.npy", "z.parquet"):
        (tmp_path / name).write_bytes(b"earlier")
    full_disk(1000)
    for name in ("z.csv", "z.npy", "z.parquet"):
        assert "free space" in refused("embed", digits_run, "digits", "-o", tmp_path / name)
    full_disk(resource.RLIM_INFINITY)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"earlier"] * 3


def test_a_full_disk_leaves_an_earlier_run(
    numbers: Path, tmp_path: Path, refused: Refused, full_disk: Callable[[int], None]
) -> None:
    words = ["fit", numbers, "--out", tmp_path / "run", "--max-epochs", 2, "--samples", 2, "--quiet"]
    assert main([str(word) for word in words]) == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    full_disk(5000)  # enough for config and schema, not for a checkpoint
    assert "checkpoint" in refused(*words, "--seed", 1)
    full_disk(resource.RLIM_INFINITY)
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir() if path.is_file()} == before
    assert main([str(word) for word in [*words, "--seed", 1, "--resume"]]) == 0
    assert (tmp_path / "run" / "model.safetensors").read_bytes() != before["model.safetensors"]
    assert not (tmp_path / "run" / "unfinished").exists()


def test_places_that_are_no_folders(numbers: Path, tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "file").write_text("mine")
    assert "--out" in refused("fit", numbers, "--out", tmp_path / "file")
    assert "--out" in refused("fit", numbers, "--out", tmp_path / "file" / "run")
    assert (tmp_path / "file").read_text() == "mine"
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "config.json").write_text('{"theirs": true}')
    assert "config.json" in refused("fit", numbers, "--out", tmp_path / "theirs")
    assert os.listdir(tmp_path / "theirs") == ["config.json"]
    assert "config.json" in refused("sample", tmp_path, "-n", 1)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_not_ours_to_write(numbers: Path, tmp_path: Path, refused: Refused) -> None:
    tmp_path.chmod(0o500)
    assert "--out" in refused("fit", numbers, "--out", tmp_path / "run")


def test_a_loss_that_is_not_finite_names_the_step(numbers: Path, tmp_path: Path, refused: Refused) -> None:
    words = ["fit", numbers, "--out", tmp_path / "run", "--learning-rate", 1e8, "--max-epochs", 50, "--quiet"]
    assert "step" in refused(*words)


class Bomb:
    """Unpickling this writes a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, str]]:
        return (os.system, (f"touch {self.target}",))


def copied(run: Path, target: Path) -> Path:
    target.mkdir()
    for path in run.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    return target


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "schema.json"])
def test_files_of_a_run_never_execute(name: str, digits_run: Path, tmp_path: Path, refused: Refused) -> None:
    run = copied(digits_run, tmp_path / "run")
    (run / name).write_bytes(pickle.dumps(Bomb(tmp_path / "exploded")))
    assert "fit anew" in refused("sample", run, "-n", 1)
    header = json.dumps({"__metadata__": {"format": "anyvae-1", "state": "{}"}}).encode()
    damages = [b"", b"{}", b"[]", b"\0" * 64, (run / name).read_bytes()[:40], struct.pack("<Q", 2**60)]
    for content in [*damages, struct.pack("<Q", len(header)) + header]:
        (run / name).write_bytes(content)
        assert "anyvae: error" in refused("sample", run, "-n", 1)
    (run / name).unlink()
    assert "anyvae: error" in refused("sample", run, "-n", 1)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("config.json", "recipe", "os.system"),
        ("config.json", "latent_features", -1),
        ("config.json", "latent_features", "3"),
        ("config.json", "unknown", 1),
        ("schema.json", "features", []),
        ("schema.json", "event_shape", [1, 8, 9]),
        ("schema.json", "kind", "pickle"),
    ],
)
def test_values_that_no_run_can_have(
    name: str, key: str, value: object, digits_run: Path, tmp_path: Path, refused: Refused
) -> None:
    run = copied(digits_run, tmp_path / "run")
    content = json.loads((run / name).read_text())
    (run / name).write_text(json.dumps({**content, key: value}))
    assert "fit anew" in refused("sample", run, "-n", 1) or name == "schema.json"


def test_a_run_of_a_recipe_that_is_not_known_here_is_not_called_damaged(
    digits_run: Path, tmp_path: Path, refused: Refused
) -> None:
    run = copied(digits_run, tmp_path / "run")
    content = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps({**content, "recipe": "mine"}))
    told = refused("sample", run, "-n", 1)
    assert "was fitted by the recipe 'mine', which is none of those known here" in told
    assert "anyvae.recipes.RECIPES" in told
    assert "damaged" not in told


def test_a_bug_shows_its_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], digits_run: Path
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("our fault")

    monkeypatch.setattr("anyvae.runs.FittedModel.sample", broken)
    assert main(["sample", str(digits_run), "-n", "1"]) == 1
    shown = capsys.readouterr().err
    assert "Traceback" in shown
    assert "please report it" in shown


def test_interrupts_elsewhere(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], digits_run: Path
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("anyvae.runs.FittedModel.sample", interrupted)
    assert main(["sample", str(digits_run), "-n", "1"]) == 130
    assert capsys.readouterr().err == "anyvae: interrupted\n"


def test_an_interrupted_download_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, refused: Refused
) -> None:
    from anyvae.data import names

    class Cut:
        """A connection that breaks off."""

        def __init__(self) -> None:
            self.headers = {"Content-Length": "1000"}
            self.pieces = [b"half"]

        def __enter__(self) -> Cut:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def read(self, _: int) -> bytes:
            return self.pieces.pop() if self.pieces else b""

    monkeypatch.setattr(names, "places", lambda _: iter(()))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: Cut())
    assert "broke off" in refused("fit", "mnist", "--out", tmp_path / "run")
    assert not list(tmp_path.iterdir())
