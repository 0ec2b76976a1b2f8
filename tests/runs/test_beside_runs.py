"""Labels, conditions, clusters and layers from a file to answers."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq
import pytest
import torch

from anyvae.data import DataError, held_out_split, load_source
from anyvae.inference import log_likelihood
from anyvae.runs import FitOptions, FittedModel, fit_run, load, source_for
from anyvae.runs.beside import as_they_stood
from anyvae.training import Callback, Evaluation, Interrupted

ROWS = 240


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two kinds of rows, told apart by both numbers; four labels in five are empty."""
    generator = np.random.default_rng(0)
    kind = generator.integers(0, 2, ROWS)
    names = np.array(["ant", "bee"])[kind]
    columns = {
        "length": 3.0 * kind + generator.normal(size=ROWS),
        "weight": 10.0 - 4.0 * kind + generator.normal(size=ROWS),
        "kind": [name if i % 5 == 0 else None for i, name in enumerate(names)],
        "truth": names.tolist(),
    }
    path = tmp_path_factory.mktemp("beside") / "made.csv"
    csv.write_csv(pa.table(columns).drop_columns("truth"), path)
    csv.write_csv(
        pa.table(columns).drop_columns("kind").rename_columns(["length", "weight", "kind"]),
        path.parent / "truth.csv",
    )
    return path


def test_dropped_columns_that_no_file_holds_stay_out(tmp_path: Path) -> None:
    columns = {
        "list": [[1], []],
        "x": [1.0, 2.0],
        "bytes": [b"a", b"b"],
        "name": ["u", "v"],
        "kind": ["a", "b"],
    }
    pq.write_table(pa.table(columns), tmp_path / "x.parquet")
    source = load_source(
        tmp_path / "x.parquet", drop=["bytes", "name", "list"], given=["kind"], again=True
    ).take(np.array([1]))
    assert source.table is not None
    stood = as_they_stood(source.table, source)
    assert stood.to_pydict() == {"x": [2.0], "name": ["v"], "kind": ["b"]}


def fitted(table: Path, name: str, **options: object) -> FittedModel:
    out = table.parent / name
    fit_run(FitOptions(source=str(table), samples=20, **options), out)  # type: ignore[arg-type]
    return load(out)


@pytest.fixture(scope="module")
def m2_run(table: Path) -> FittedModel:
    return fitted(table, "m2", recipe="m2", label="kind", max_epochs=120)


def test_a_label_that_is_known_tells_of_the_cells_that_are_not(m2_run: FittedModel, tmp_path: Path) -> None:
    holes = pa.array([None] * 2, pa.float64())
    csv.write_csv(pa.table({"length": holes, "weight": holes, "kind": ["ant", "bee"]}), tmp_path / "x.csv")
    filled = m2_run.impute(load_source(tmp_path / "x.csv", label="kind"))["length"].to_pylist()
    assert filled == pytest.approx([0.0, 3.0], abs=0.7)
    draws = m2_run.impute(load_source(tmp_path / "x.csv", label="kind"), 60, 0)
    means = np.mean([table["length"].to_pylist() for table in draws], axis=0)
    assert means.tolist() == pytest.approx([0.0, 3.0], abs=0.9)


def test_rows_without_a_column_of_labels_are_rows_whose_labels_are_empty(
    table: Path, m2_run: FittedModel, tmp_path: Path
) -> None:
    columns = csv.read_csv(table).slice(0, 12).drop_columns("kind").to_pydict()
    columns["length"][::3] = [None] * 4
    empty = {**columns, "kind": pa.nulls(12, pa.string())}
    for name, cells in (("without.csv", columns), ("empty.csv", empty)):
        csv.write_csv(pa.table(cells), tmp_path / name)
    without, told = (
        source_for(m2_run.config, m2_run.schema, str(tmp_path / name))
        for name in ("without.csv", "empty.csv")
    )
    found, wanted = (m2_run.impute(rows)["length"].to_pylist() for rows in (without, told))
    assert found == pytest.approx(wanted, abs=0.1)
    assert len(m2_run.impute(without, 2, 0)) == 2


def test_m2_tells_the_labels_that_were_left_empty(table: Path, m2_run: FittedModel) -> None:
    model = m2_run
    truth = load_source(table.parent / "truth.csv", label="kind")
    classes, shares = model.predict(truth, "kind")
    assert classes == ["ant", "bee"]
    np.testing.assert_allclose(shares.sum(1), 1.0, rtol=1e-6)
    assert np.mean(np.array(classes)[shares.argmax(1)] == truth.labels) > 0.97
    # Of a label the rows are those of its kind, and every drawn row says which it is.
    rows, effective = model.sample_given(200, {"kind": "bee"}, seed=0)
    assert effective == np.inf
    assert set(rows["kind"].to_pylist()) == {"bee"}
    assert abs(np.mean(rows["length"].to_numpy()) - 3.0) < 0.5
    drawn = model.sample(300, seed=0)
    lengths, kinds = drawn["length"].to_numpy(), np.array(drawn["kind"].to_pylist())
    assert lengths[kinds == "bee"].mean() - lengths[kinds == "ant"].mean() > 2.0
    both, _ = model.sample_given(100, {"length": 3.5}, seed=0)
    assert both["kind"].to_pylist().count("bee") > 90
    report = (table.parent / "m2" / "report.html").read_text()
    assert "kind = bee" in report
    assert "are put in their class" in report


def test_a_score_is_of_the_row_whatever_its_label(table: Path, m2_run: FittedModel) -> None:
    model = m2_run
    rows = load_source(table, label="kind").take(np.arange(20))
    bare = load_source(table.parent / "truth.csv", label="kind").take(np.arange(20))
    np.testing.assert_array_equal(model.score(rows), model.score(bare))
    # Both classes counted: the same as two passes with the label given, put together.
    batch = dict(model.batch(rows))
    parts = [log_likelihood(model.model, {**batch, "y": torch.eye(2)[k].expand(20, 2)}, 3000) for k in (0, 1)]
    whole = torch.logaddexp(*parts)
    np.testing.assert_allclose(model.score(rows, samples=3000), whole.numpy(), atol=0.1)


def test_a_conditional_model_draws_what_it_is_given(table: Path) -> None:
    model = fitted(table.parent / "truth.csv", "cvae", recipe="cvae", given=["kind"], max_epochs=120)
    for kind, mean in (("ant", 0.0), ("bee", 3.0)):
        rows, _ = model.sample_given(400, {"kind": kind}, seed=1)
        assert rows.column_names == ["length", "weight", "kind"]
        assert set(rows["kind"].to_pylist()) == {kind}
        assert abs(np.mean(rows["length"].to_numpy()) - mean) < 0.5
    with pytest.raises(
        DataError, match=r"rows are given 'kind': say of which values, with --given column=value"
    ):
        model.sample(3)
    with pytest.raises(DataError, match="no column 'kin' to be given: the columns are"):
        model.sample_given(3, {"kin": "ant"})
    # log p(x | kind): an ant's row is far less probable as a bee's.
    rows = load_source(table.parent / "truth.csv", given=["kind"]).take(np.arange(40))
    swapped = {"ant": "bee", "bee": "ant"}
    assert rows.beside is not None
    other = pa.table({"kind": [swapped[name] for name in rows.beside["kind"].to_pylist()]})
    assert float(np.mean(model.score(rows) - model.score(replace(rows, beside=other)))) > 3.0
    bare = load_source(table.parent / "truth.csv", label="kind")
    assert model.score(bare.take(np.arange(3))).shape == (3,)
    with pytest.raises(DataError, match="no column 'kind', which the model's rows are given"):
        model.score(replace(bare, beside=None, labels=None))


@pytest.mark.parametrize(
    ("recipe", "name"), [("gmvae", "truth.csv"), ("infinite_vae", "made.csv")], ids=["gmvae", "infinite_vae"]
)
def test_rows_have_clusters_of_the_model(table: Path, recipe: str, name: str) -> None:
    path = table.parent / name
    model = fitted(path, recipe, recipe=recipe, label="kind", clusters=2, max_epochs=60)
    shares = model.clusters(load_source(path, label="kind"))
    assert shares.shape == (ROWS, 2)
    np.testing.assert_allclose(shares.sum(1), 1.0, rtol=1e-6)
    report = (table.parent / recipe / "report.html").read_text()
    assert ("cluster 1" if recipe == "gmvae" else "kind = bee") in report


def test_a_model_of_labels_has_no_clusters(table: Path, m2_run: FittedModel) -> None:
    with pytest.raises(DataError, match="has no clusters"):
        m2_run.clusters(load_source(table, label="kind"))


def test_a_hierarchy_reports_its_layers(table: Path) -> None:
    model = fitted(table.parent / "truth.csv", "ladder", recipe="ladder_vae", label="kind", max_epochs=3)
    report = (table.parent / "ladder" / "report.html").read_text()
    assert "Layers of latents, from the top" in report
    assert "z1[0]" in report
    every = sum(model.model.shapes[name].numel() for name in ("z1", "z2", "z3"))
    assert every > model.config.latent_features
    assert f"ladder_vae with {every} latents" in report
    assert model.embed(load_source(table.parent / "truth.csv", label="kind")).shape[1] == every


class Stop(Callback):
    """Ends the second fit of a run in its midst, as Ctrl-C does."""

    def __init__(self) -> None:
        self.times = 0

    def on_evaluation(self, evaluation: Evaluation) -> None:
        self.times += 1
        if self.times == 2:
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("recipe", ["m1_m2", "vade"])
def test_a_recipe_of_two_fits_resumes_to_the_bit(table: Path, recipe: str) -> None:
    options = FitOptions(
        source=str(table),
        recipe=recipe,
        label="kind" if recipe == "m1_m2" else None,
        max_epochs=6,
        samples=20,
    )
    whole = fit_run(options, table.parent / f"{recipe}-whole")
    out = table.parent / f"{recipe}-cut"
    with pytest.raises(Interrupted):
        fit_run(options, out, callbacks=[Stop()])
    again = fit_run(options, out, resume=True)
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, again.model.state_dict()[name]), name
    assert not list(out.glob("**/checkpoint*"))


def test_what_the_recipes_ask_for(table: Path) -> None:
    for options, message in (
        ({"recipe": "m2"}, "models labels: name their column with --label"),
        ({"recipe": "cvae"}, "name them with --given"),
        ({"recipe": "vae", "given": ["kind"]}, "is not conditioned on columns"),
        ({"recipe": "vae", "keep_labels": 5}, "models no labels"),
        (
            {"recipe": "vae", "label": "kind", "kinds": {"kind": "ordinal"}},
            "column 'kind' .* is left out of the rows, .* vae does not model it: leave its kind out",
        ),
    ):
        with pytest.raises(DataError, match=message):
            fit_run(FitOptions(source=str(table), **options), table.parent / "no")  # type: ignore[arg-type]
    np.savez(table.parent / "bare.npz", x=np.eye(30))
    wanted = r"the recipe m2 models labels, and bare\.npz has none: give a \.npz file with rows 'x' and"
    with pytest.raises(DataError, match=wanted):
        fit_run(FitOptions(source=str(table.parent / "bare.npz"), recipe="m2"), table.parent / "no")


@pytest.mark.parametrize(
    "options", [{"recipe": "m2", "label": "kind"}, {"recipe": "cvae", "given": ["kind"]}]
)
def test_single_cells_are_asked_of_rows_with_columns_beside_them(
    options: dict[str, Any], table: Path
) -> None:
    name = f"cells-{options['recipe']}"
    fitted(table.parent / "truth.csv", name, max_epochs=10, **options)
    page = (table.parent / name / "report.html").read_text()
    assert "single cells cannot be asked of this model" not in page
    assert 'id="imputation"' in page


@pytest.mark.parametrize("recipe", ["m2", "infinite_vae"])
def test_training_rows_are_asked_what_held_out_rows_are(table: Path, recipe: str) -> None:
    """Neither is told the labels: log p(x, y) of one beside log p(x) of the other would hide an over-fit."""
    source = load_source(table.parent / "truth.csv", label="kind")
    options = FitOptions(
        source=str(table.parent / "truth.csv"), recipe=recipe, label="kind", max_epochs=3, samples=5
    )
    fit_run(options, table.parent / f"asked_{recipe}")
    metrics = json.loads((table.parent / f"asked_{recipe}" / "metrics.json").read_text())
    of_fit = source.take(held_out_split(ROWS, 0)[0])
    trained = of_fit.take(held_out_split(len(of_fit), 1, 0.05)[0])
    wanted = load(table.parent / f"asked_{recipe}").evaluate(trained, 5)
    for name in ("elbo", "log_likelihood", "kl_per_variable", "rows"):
        assert metrics["train"][name] == pytest.approx(wanted[name], rel=1e-5), name
