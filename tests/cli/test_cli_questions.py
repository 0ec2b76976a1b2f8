"""What a fitted run answers, and where the answer goes."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest

import anyvae
from anyvae.cli import main
from anyvae.data import DataError, load_source
from anyvae.runs import FittedModel

Capture = pytest.CaptureFixture[str]


def table(text: str) -> tuple[list[str], list[list[str]]]:
    header, *rows = csv.reader(io.StringIO(text))
    return header, rows


def test_the_run_folder_is_whole_and_holds_what_scripts_rely_on(digits_run: Path) -> None:
    names = ["config.json", "history.csv", "metrics.json", "model.safetensors", "report.html", "schema.json"]
    assert sorted(path.name for path in digits_run.iterdir()) == names
    held_out = json.loads((digits_run / "metrics.json").read_text())["held_out"]
    assert {"elbo", "log_likelihood", "samples", "active_units", "kl_per_latent"} <= held_out.keys()
    assert held_out["samples"] == 4
    assert held_out["rows"] == 180
    assert len(held_out["kl_per_latent"]) == 3
    assert -200 < held_out["elbo"] <= held_out["log_likelihood"] + 1 < 0


def test_a_run_of_directions_is_whole(tmp_path: Path, capsys: Capture) -> None:
    folder = tmp_path / "run"
    options = ["--recipe", "spherical_vae", "--max-epochs", "1", "--latent", "3", "--samples", "4", "--quiet"]
    assert main(["fit", "digits", "--out", str(folder), *options]) == 0
    held_out = json.loads((folder / "metrics.json").read_text())["held_out"]
    assert held_out["kl_per_latent"] == [None] * 3
    assert held_out["kl"] > 0
    page = (folder / "report.html").read_text()
    assert "the latents have a KL only together" in page
    capsys.readouterr()
    assert main(["evaluate", str(folder), "digits", "--samples", "4"]) == 0
    shown = capsys.readouterr().out
    assert "KL of z" not in shown
    assert "nan" not in shown


def test_scores_of_pictures_are_explained_without_columns(digits_run: Path, capsys: Capture) -> None:
    assert main(["score", str(digits_run), "digits", "--explain", "--samples", "4"]) == 0
    header, rows = table(capsys.readouterr().out)
    assert header == ["log_density", "p_value", "standing"]
    shares = [float(row[1]) for row in rows]
    assert len(shares) == 1797
    assert 0.4 < sum(shares) / len(shares) < 0.6


def test_embed_writes_the_posterior_means_by_ending(
    digits_run: Path, tmp_path: Path, capsys: Capture
) -> None:
    expected = anyvae.load(digits_run).embed(load_source("digits"))
    for name in ("z.csv", "z.parquet", "z.npy"):
        assert main(["embed", str(digits_run), "digits", "-o", str(tmp_path / name)]) == 0
    assert capsys.readouterr() == ("", "")
    assert np.array_equal(np.load(tmp_path / "z.npy"), expected)
    for found in (pq.read_table(tmp_path / "z.parquet"), pc.read_csv(tmp_path / "z.csv")):
        assert found.column_names == ["z0", "z1", "z2"]
        np.testing.assert_allclose(
            np.stack([column.to_numpy() for column in found.columns], 1), expected, rtol=1e-6
        )


def test_results_go_to_standard_output_as_csv(digits_run: Path, capsys: Capture) -> None:
    assert main(["embed", str(digits_run), "digits"]) == 0
    header, rows = table(capsys.readouterr().out)
    assert header == ["z0", "z1", "z2"]
    assert len(rows) == 1797
    assert main(["sample", str(digits_run), "-n", "3"]) == 0
    header, rows = table(capsys.readouterr().out)
    assert header == [f"x{i}" for i in range(64)]
    assert len(rows) == 3
    assert all(0 <= int(cell) <= 16 for row in rows for cell in row)


def test_sample_draws_by_seed_and_gives_means_by_name(digits_run: Path, tmp_path: Path) -> None:
    def drawn(*options: str) -> np.ndarray:
        assert main(["sample", str(digits_run), "-n", "5", "-o", str(tmp_path / "x.npy"), *options]) == 0
        return np.load(tmp_path / "x.npy")

    assert drawn().shape == (5, 8, 8)
    assert np.array_equal(drawn(), drawn("--seed", "0"))
    assert not np.array_equal(drawn(), drawn("--seed", "1"))
    assert np.array_equal(drawn(), np.rint(drawn()))
    assert not np.array_equal(drawn("--means"), np.rint(drawn("--means")))


def test_draws_of_a_run_can_be_scored_by_it(digits_run: Path, tmp_path: Path) -> None:
    assert main(["sample", str(digits_run), "-n", "200", "-o", str(tmp_path / "x.csv")]) == 0
    scores = {}
    for samples in ("1", "64"):
        target = tmp_path / f"{samples}.npy"
        words = ["score", str(digits_run), str(tmp_path / "x.csv"), "-o", str(target), "--samples", samples]
        assert main(words) == 0
        scores[samples] = np.load(target)
    assert scores["1"].shape == (200,)
    assert scores["64"].mean() > scores["1"].mean()


def test_score_gives_the_same_column_everywhere(digits_run: Path, tmp_path: Path, capsys: Capture) -> None:
    main(["score", str(digits_run), "digits", "--samples", "2"])
    header, rows = table(capsys.readouterr().out)
    assert header == ["log_density"]
    main(["score", str(digits_run), "digits", "--samples", "2", "-o", str(tmp_path / "s.parquet")])
    found = pq.read_table(tmp_path / "s.parquet")["log_density"].to_numpy()
    np.testing.assert_allclose([float(row[0]) for row in rows], found)


def test_the_label_column_may_be_there_or_not(people: Path, people_run: Path, tmp_path: Path) -> None:
    header, rows = table(people.read_text())
    bare = tmp_path / "bare.csv"
    bare.write_text("\n".join(",".join(row[:-1]) for row in [header, *rows]) + "\n")
    found = []
    for source in (people, bare):
        assert main(["embed", str(people_run), str(source), "-o", str(tmp_path / "z.npy")]) == 0
        found.append(np.load(tmp_path / "z.npy"))
    assert np.array_equal(*found)
    assert found[0].shape == (120, 4)


def test_tables_keep_columns_types_and_constants(people_run: Path, tmp_path: Path) -> None:
    assert main(["sample", str(people_run), "-n", "50", "-o", str(tmp_path / "x.parquet")]) == 0
    found = pq.read_table(tmp_path / "x.parquet")
    types = [str(field.type) for field in found.schema]
    assert found.column_names == ["height", "children", "smokes", "town", "planet"]
    assert types == ["double", "int64", "bool", "string", "int64"]
    assert set(found["planet"].to_pylist()) == {1}
    assert set(found["town"].to_pylist()) <= {"Bern", "Oslo"}


def test_reconstruct_gives_means_or_draws(people: Path, people_run: Path, tmp_path: Path) -> None:
    target = tmp_path / "x.parquet"
    words = ["reconstruct", str(people_run), str(people), "-o", str(target)]
    assert main(words) == 0
    means = pq.read_table(target)["children"].to_numpy()
    assert not np.array_equal(means, np.rint(means))
    assert main([*words, "--draw"]) == 0
    draws = pq.read_table(target)["children"]
    assert set(draws.to_pylist()) <= {0, 1, 2, 3}
    assert main([*words, "--draw", "--seed", "5"]) == 0
    assert pq.read_table(target)["children"] != draws


def test_evaluate_prints_what_it_writes(
    people: Path, people_run: Path, tmp_path: Path, capsys: Capture
) -> None:
    target = tmp_path / "figures.json"
    words = ["evaluate", str(people_run), str(people), "--samples", "7", "-o", str(target)]
    assert main(words) == 0
    shown = capsys.readouterr()
    figures = json.loads(target.read_text())
    assert figures["samples"] == 7
    assert figures["unit"] == "nats per row"
    assert figures["log_likelihood_standard_error"] > 0
    assert f"{figures['elbo']:.4f}" in shown.out
    assert f"{figures['log_likelihood']:.4f}" in shown.out
    assert f"KL of z3{'':8}{figures['kl_per_latent'][3]:.4f}" in shown.out
    assert "most of these rows were fitted" in shown.err
    assert "minutes" not in shown.err


@pytest.mark.parametrize(
    ("words", "begins"), [(["evaluate"], "evaluate_batch"), (["score", "--explain"], "score")], ids=str
)
def test_a_long_answer_is_told_of_before_it_begins(
    words: list[str],
    begins: str,
    people: Path,
    people_run: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
) -> None:
    def ended(self: FittedModel, *words: Any) -> Any:
        raise DataError("it has begun")

    monkeypatch.setattr(FittedModel, begins, ended)
    command, *rest = words
    for samples, told in (("100000000", True), ("2", False)):
        assert main([command, str(people_run), str(people), *rest, "--samples", samples]) == 2
        said = "120 rows may take some" in (shown := capsys.readouterr().err)
        assert said == told, shown


def test_evaluate_reads_the_rows_once(
    people: Path, people_run: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    done = []
    for name in ("batch", "bound"):
        own = getattr(FittedModel, name)

        def counted(self: FittedModel, *words: Any, own: Any = own, name: str = name, **more: Any) -> Any:
            done.append(name)
            return own(self, *words, **more)

        monkeypatch.setattr(FittedModel, name, counted)
    assert main(["evaluate", str(people_run), str(people), "--samples", "7"]) == 0
    assert done == ["batch", "bound"]


def test_report_is_written_anew(digits_run: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # with the figures, which the run has
    page = digits_run / "report.html"
    before = page.read_bytes()
    page.unlink()
    assert main(["report", str(digits_run)]) == 0
    assert abs(len(page.read_bytes()) - len(before)) < 0.02 * len(before)
    assert str(page) in capsys.readouterr().out


def test_report_says_where_its_data_should_be(
    people: Path, people_run: Path, tmp_path: Path, refused
) -> None:
    page = (people_run / "report.html").read_bytes()
    moved = people.rename(tmp_path / "moved.csv")
    try:
        assert "--source" in refused("report", people_run)
        assert "not what" in refused("report", people_run, "--source", "digits")
        assert (people_run / "report.html").read_bytes() == page
        assert main(["report", str(people_run), "--source", str(moved)]) == 0
    finally:
        moved.rename(people)


def test_recipes_are_listed(capsys: Capture) -> None:
    assert main(["recipes"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines][:3] == ["vae", "linear_vae", "beta_vae"]
