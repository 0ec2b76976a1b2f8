"""Labels, conditions and clusters on the command line."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest

from anyvae.cli import main

Capture = pytest.CaptureFixture[str]
ROWS = 300
FAST = ["--learning-rate", "5e-3"]
SHORT = ["--max-epochs", "3", "--samples", "5", "--quiet"]


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bars that stand or lie, with a label for one in three."""
    generator = np.random.default_rng(0)
    lying = generator.integers(0, 2, ROWS)
    images = np.zeros((ROWS, 6, 6), dtype=np.uint8)
    for image, flat, place in zip(images, lying, generator.integers(0, 6, ROWS), strict=True):
        image[(place, slice(None)) if flat else (slice(None), place)] = 1
    path = tmp_path_factory.mktemp("bars") / "bars.npz"
    np.savez(path, x=images, y=np.where(np.arange(ROWS) % 3 == 0, lying, -1))
    return path


def test_pictures_of_a_label(pictures: Path, tmp_path: Path, capsys: Capture) -> None:
    run, out = tmp_path / "run", tmp_path / "lying.npy"
    words = ["fit", str(pictures), "--recipe", "m2", "--out", str(run), "--max-epochs", "25", *FAST]
    assert main([*words, "--samples", "5", "--quiet"]) == 0
    assert main(["sample", str(run), "-n", "60", "--given", "label=1", "-o", str(out)]) == 0
    assert "draws worth" not in capsys.readouterr().err
    assert np.load(out).shape == (60, 6, 6)
    assert "Every class in the style of a row" in (run / "report.html").read_text()
    assert main(["classify", str(run), str(pictures)]) == 0
    found = rows(capsys.readouterr().out)
    assert list(found[0]) == ["label", "p(0)", "p(1)"]
    with np.load(pictures) as data:
        lying = (data["x"].sum(2) == 6).any(1).astype(int)
    assert np.mean(np.array([int(row["label"]) for row in found]) == lying) > 0.85
    np.save(tmp_path / "unlabelled.npy", np.load(out))
    assert main(["impute", str(run), str(tmp_path / "unlabelled.npy")]) == 0
    assert len(rows(capsys.readouterr().out)) == 60
    assert main(["sample", str(run), "-n", "60", "--given", "label=1", "--means", "-o", str(out)]) == 0
    means = np.load(out)
    assert ((means > 0) & (means < 1)).all()
    assert main(["sample", str(run), "-n", "2", "--given", "label=7"]) == 2
    assert "it knows '0', '1'" in capsys.readouterr().err
    assert main(["sample", str(run), "-n", "2", "--given", "shape=7"]) == 2
    assert "no column 'shape' to be given: the columns are 'label'" in capsys.readouterr().err


def test_pictures_given_their_label(pictures: Path, tmp_path: Path) -> None:
    with np.load(pictures) as data:
        images, lying = data["x"], (data["x"].sum(2) == 6).any(1).astype(int)
    np.savez(tmp_path / "all.npz", x=images, y=lying)
    run, out = tmp_path / "run", tmp_path / "lying.npy"
    words = ["fit", str(tmp_path / "all.npz"), "--recipe", "cvae", "--given", "label", "--out", str(run)]
    assert main([*words, "--max-epochs", "100", *FAST, "--samples", "5", "--quiet"]) == 0
    for label, along, across in (("1", 2, 1), ("0", 1, 2)):
        assert main(["sample", str(run), "-n", "60", "--given", f"label={label}", "-o", str(out)]) == 0
        drawn = np.load(out)
        # A bar fills one line along it, and no line across it.
        assert np.mean(drawn.sum(along).max(1) > drawn.sum(across).max(1)) > 0.8
        given = ["--given", f"label={label}", "--means"]
        assert main(["sample", str(run), "-n", "60", *given, "-o", str(out)]) == 0
        means = np.load(out)
        assert not np.array_equal(means, np.rint(means))
        assert np.mean(means.sum(along).max(1) > means.sum(across).max(1)) > 0.8


def test_clusters_without_a_number_are_the_models_own(
    pictures: Path, tmp_path: Path, capsys: Capture
) -> None:
    run = tmp_path / "run"
    assert (
        main(["fit", str(pictures), "--recipe", "gmvae", "--clusters", "3", "--out", str(run), *SHORT]) == 0
    )
    assert main(["cluster", str(run), str(pictures)]) == 0
    found = rows(capsys.readouterr().out)
    assert len(found) == ROWS
    assert {int(row["cluster"]) for row in found} <= {0, 1, 2}
    assert all(1 / 3 <= float(row["probability"]) <= 1 + 1e-6 for row in found)
    assert main(["cluster", str(run), str(pictures), "-k", "2"]) == 0
    assert {row["cluster"] for row in rows(capsys.readouterr().out)} == {"0", "1"}


def test_a_model_without_them_says_so(pictures: Path, tmp_path: Path, capsys: Capture) -> None:
    run = tmp_path / "run"
    assert main(["fit", str(pictures), "--out", str(run), *SHORT]) == 0
    assert main(["cluster", str(run), str(pictures)]) == 2
    assert "the recipe vae has no clusters" in capsys.readouterr().err
    assert main(["classify", str(run), str(pictures)]) == 2
    assert "fit a recipe that models labels, such as m2" in capsys.readouterr().err


def test_few_labels_are_kept_by_the_seed(pictures: Path, tmp_path: Path, capsys: Capture) -> None:
    words = ["fit", str(pictures), "--recipe", "m2", "--out", str(tmp_path / "run"), "--max-epochs", "1"]
    assert main([*words, "--samples", "5", "--keep-labels", "6"]) == 0
    assert "6 labels of the rows to fit are kept, as many of each class" in capsys.readouterr().out
    assert main([*words, "--samples", "5", "--keep-labels", "7"]) == 0
    assert "6 labels of the rows to fit are kept of 7 asked for, at most 3 of" in capsys.readouterr().out
    assert main([*words, "--samples", "5", "--keep-labels", "5000"]) == 0
    told = capsys.readouterr().out
    [kept] = re.findall(
        r"(\d+) labels of the rows to fit are kept of 5,000 asked for, at most 2,500 of", told
    )
    assert 60 < int(kept) <= 100
    assert main([*words, "--samples", "5", "--keep-labels", "1"]) == 2
    assert "keep one of each at least" in capsys.readouterr().err


def test_what_is_set_aside_from_rows_is_printed_beside_them(
    people: Path, tmp_path: Path, capsys: Capture
) -> None:
    run = tmp_path / "run"
    given = ["--recipe", "cvae", "--given", "smokes", "--given", "children", "--drop", "group"]
    assert main(["fit", str(people), *given, "--out", str(run), *SHORT]) == 0
    capsys.readouterr()
    asked = ["--given", "smokes=true", "--given", "children=2", "--given", "town=Bern"]
    for words in (["sample", str(run), "-n", "4", *asked], ["sample", str(run), "-n", "4", *asked[:4]]):
        assert main(words) == 0
        found = rows(capsys.readouterr().out)
        assert {(row["smokes"], row["children"]) for row in found} == {("true", "2")}
    assert main(["impute", str(run), str(people)]) == 0
    filled = rows(capsys.readouterr().out)
    before = rows(people.read_text())
    assert list(filled[0]) == list(before[0]), "all columns, in their order"
    for name in ("smokes", "children", "group"):
        assert [row[name] for row in filled] == [row[name] for row in before]
    assert all(row["town"] for row in filled)
    assert main(["impute", str(run), str(people), "--draws", "2"]) == 0
    assert len(rows(capsys.readouterr().out)) == 2 * len(filled)


def figures_of(text: str) -> dict[str, float]:
    """The numbers that `evaluate` prints, by name."""
    lines = (line.rsplit(maxsplit=1) for line in text.splitlines() if line.startswith("KL of"))
    return {name.strip().removeprefix("KL of "): float(value) for name, value in lines}


@pytest.mark.parametrize(
    ("recipe", "whole", "single"),
    [("two_level_vae", ["z1", "z2"], 2), ("m2", ["y", "z"], 1), ("cvae", [], 1)],
)
def test_latents_are_called_what_they_are(
    people: Path, tmp_path: Path, capsys: Capture, recipe: str, whole: list[str], single: int
) -> None:
    run = str(tmp_path / "run")
    aside = ["--given", "group"] if recipe == "cvae" else ["--label", "group"]
    assert main(["fit", str(people), "--recipe", recipe, *aside, "--out", run, "--latent", "3", *SHORT]) == 0
    capsys.readouterr()
    target = tmp_path / "figures.json"
    assert main(["evaluate", run, str(people), "--samples", "5", "-o", str(target)]) == 0
    shown = capsys.readouterr().out
    found = figures_of(shown)
    written, metrics = (json.loads(path.read_text()) for path in (target, tmp_path / "run" / "metrics.json"))
    assert written["latents"] == metrics["held_out"]["latents"] == metrics["train"]["latents"]
    named = dict(zip(written["latents"], written["kl_per_latent"], strict=True))
    assert named == pytest.approx({name: found[name] for name in named}, abs=6e-5)
    total = float(next(line for line in shown.splitlines() if line.startswith("KL  ")).split()[1])
    assert [name for name in found if name in whole] == whole
    if whole:
        assert sum(found[name] for name in whole) == pytest.approx(total, abs=3e-4)
    features = [name for name in found if name not in whole]
    if single == 2:
        assert {name.partition("[")[0] for name in features} == {"z1", "z2"}
        assert len(features) == len(set(features))
    else:
        assert features == ["z0", "z1", "z2"]
    assert main(["embed", run, str(people)]) == 0
    table = rows(capsys.readouterr().out)
    classes = ["p(group = a)", "p(group = b)"] if recipe == "m2" else []
    assert sorted(table[0]) == sorted([*features, *classes])
    for row in table if classes else []:
        assert sum(float(row[name]) for name in classes) == pytest.approx(1.0, abs=1e-5)


def test_probabilities_of_clusters_are_called_so(people: Path, tmp_path: Path, capsys: Capture) -> None:
    run = str(tmp_path / "run")
    words = ["fit", str(people), "--recipe", "gmvae", "--clusters", "3", "--label", "group", "--latent", "2"]
    assert main([*words, "--out", run, *SHORT]) == 0
    capsys.readouterr()
    assert main(["embed", run, str(people)]) == 0
    table = rows(capsys.readouterr().out)
    assert list(table[0]) == ["w[0]", "w[1]", "z[0]", "z[1]", *(f"p(cluster {k})" for k in range(3))]
    for row in table:
        assert sum(float(row[f"p(cluster {k})"]) for k in range(3)) == pytest.approx(1.0, abs=1e-5)
