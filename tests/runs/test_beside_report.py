"""What the report of a model with labels, conditions or clusters is given to show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
import pytest
import torch

from anyvae.data import load_source, some_rows
from anyvae.inference import mean, posterior
from anyvae.report import Findings, GroupFindings
from anyvae.runs import FitOptions, FittedModel, fit_run, load, source_for
from anyvae.runs.gather import _traverse, findings_of
from anyvae.runs.named import kl_of_variables

ROWS = 200


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ants and bees, told apart by both numbers; three in four are bees. The side is of no consequence."""
    generator = np.random.default_rng(0)
    kind = (np.arange(ROWS) % 4 > 0).astype(int)
    columns = {
        "length": 3.0 * kind + generator.normal(size=ROWS),
        "weight": 10.0 - 4.0 * kind + generator.normal(size=ROWS),
        "kind": np.array(["ant", "bee"])[kind],
        "old": generator.random(ROWS) < 0.5,
        "height": generator.normal(size=ROWS),
    }
    path = tmp_path_factory.mktemp("report") / "made.csv"
    csv.write_csv(pa.table(columns), path)
    return path


def fitted(table: Path, recipe: str, **options: object) -> FittedModel:
    fit_run(FitOptions(source=str(table), recipe=recipe, samples=5, **options), table.parent / recipe)  # type: ignore[arg-type]
    return load(table.parent / recipe)


def findings(model: FittedModel, **metrics: float) -> Findings:
    return findings_of(
        model, source_for(model.config, model.schema, model.config.source), {"held_out": metrics}, {}
    )


@pytest.fixture(scope="module")
def conditional(table: Path) -> FittedModel:
    return fitted(table, "cvae", given=["kind", "old", "height"], max_epochs=80)


def test_rows_are_drawn_given_each_value(conditional: FittedModel) -> None:
    found = findings(conditional)
    assert [group.kind for group in found.groups] == ["value", "value"]  # the third column is a number
    kind, old = found.groups
    assert list(kind.names) == ["kind = bee", "kind = ant"]
    assert kind.shares == [0.75, 0.25]
    assert sorted(old.names) == ["old = false", "old = true"]
    for draws, rows, middle in zip(kind.draws, kind.exemplars, (3.0, 0.0), strict=True):
        assert isinstance(draws, dict)
        assert isinstance(rows, dict)
        assert abs(draws["length"].mean() - middle) < 0.5
        assert abs(rows["length"].mean() - middle) < 1.5
    for draws in old.draws:
        assert isinstance(draws, dict)
        assert abs(draws["length"].mean() - 2.25) < 0.6  # of either kind, as in the data
    assert found.ancestry == "x ~ p(x | z, kind, old, height), z ~ p(z | kind, old, height)"
    assert found.conditions["kind"].tolist() == (["ant"] + ["bee"] * 3) * (ROWS // 4)
    assert not found.class_kl


def test_a_traversal_is_given_what_the_first_row_is(conditional: FittedModel) -> None:
    # An ant before bees only.
    rows = source_for(conditional.config, conditional.schema, conditional.config.source).take(
        np.array([0] + [1] * 8)
    )
    first = conditional.conditions_of(rows.take(np.array([0])), 1)["c"]
    with torch.no_grad():
        at = conditional.model.generative_parts["z"](first).mean
    wanted = conditional.decode(mean(conditional.model, {"z": at, "c": first})["x"], means=True)
    names = ["z"] * at.shape[1]
    for name, values in _traverse(conditional, 0, names, rows).items():
        assert values[4] == pytest.approx(wanted[name][0].as_py(), abs=1e-4)


def test_experts_are_shown_beside_classes(table: Path) -> None:
    model = fitted(table, "infinite_vae", label="kind", clusters=3, max_epochs=3)
    found = findings(model)
    assert [(group.kind, len(group.names)) for group in found.groups] == [("class", 2), ("expert", 3)]
    classes, experts = found.groups
    assert list(experts.names) == ["expert 0", "expert 1", "expert 2"]
    shares = model.clusters(load_source(table, label="kind")).argmax(1)
    assert experts.shares == pytest.approx((np.bincount(shares, minlength=3) / ROWS).tolist())
    assert np.isfinite(classes.accuracy)
    assert np.isnan(experts.accuracy)
    assert found.label_use == "fitted"
    assert set(found.class_kl) == {"k"}
    page = (table.parent / "infinite_vae" / "report.html").read_text()
    assert "<h2>Classes</h2>" in page
    assert "<h2>Experts</h2>" in page


def test_the_parts_of_the_kl_are_those_of_the_bound(table: Path) -> None:
    model = fitted(table, "m2", label="kind", max_epochs=3)
    source = load_source(table, label="kind")
    batch = model.batch(source)
    parts = kl_of_variables(model.bound(batch))
    assert set(parts) == {"y", "z"}
    figures = model.evaluate_batch(batch, samples=2)
    assert figures["kl_per_variable"] == pytest.approx(parts, rel=1e-6)
    assert sum(parts.values()) == pytest.approx(figures["kl"], rel=1e-6)
    # q(y | x) and p(y) have few values, so that the KL of y can be written out.
    with torch.no_grad():
        q, p = posterior(model.model, batch)["y"].mean, model.model.generative_parts["y"]().mean
        written = (q * (q / p).log()).sum(-1).mean()
        # That of z is the mean over every y, and not that at a draw of it.
        summed = model.model.trace(batch, enumerate=["y"]).kl_of("z").mean()
    assert parts["z"] == pytest.approx(float(summed), rel=1e-5)
    found = findings(model)
    assert found.class_kl == {"y": pytest.approx(float(written), rel=1e-4)}
    assert found.label_use == "fitted"
    assert [group.kind for group in found.groups] == ["class"]
    assert found.ancestry == "x ~ p(x | z, y), z ~ p(z), y ~ p(y)"


@pytest.mark.parametrize(
    ("recipe", "options", "use"),
    [("cvae", {"given": ["label"]}, "given"), ("vae", {}, "unfitted")],
    ids=["given", "unfitted"],
)
def test_what_a_model_had_of_the_labels_of_pictures(
    tmp_path: Path, recipe: str, options: dict[str, list[str]], use: str
) -> None:
    generator = np.random.default_rng(0)
    labels = np.arange(60) % 3 * 4
    pictures = (generator.random((60, 4, 4)) < 0.2 + 0.2 * (labels / 4)[:, None, None]).astype(np.uint8)
    np.savez(tmp_path / "made.npz", x=pictures, y=labels)
    found = findings(fitted(tmp_path / "made.npz", recipe, max_epochs=1, **options))
    assert found.label_use == use
    groups: list[GroupFindings] = list(found.groups)
    assert [group.kind for group in groups] == (["value"] if use == "given" else [])
    for group in groups:
        assert sorted(group.names) == ["label = 0", "label = 4", "label = 8"]
        assert {np.asarray(draws).shape for draws in group.draws} == {(5, 4, 4)}
        assert found.conditions["label"].tolist() == labels[some_rows(60, 10)].tolist()
