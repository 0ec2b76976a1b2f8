"""Sentences that hang on what a model is: of its labels, its classes, its latents and single columns."""

from __future__ import annotations

import html
import math
import re
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pytest
from table_examples import whole_table_findings

from anyvae.report import Diagnosis, Findings, diagnose, figures
from anyvae.report.findings import LayerFindings
from anyvae.report.groups import layers
from anyvae.report.page import summary, tiles
from anyvae.report.plane import latent_plane, project
from anyvae.report.sections import latents, training
from anyvae.report.summaries import by_variable

STEPS = np.arange(1.0, 9.0)


def told(page: str) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)))


@pytest.mark.parametrize(
    ("use", "words"),
    [
        ("unfitted", "which was never fitted"),
        ("fitted", "which the model was fitted to in other rows, and was not told of these"),
        ("given", "which the model is given with every row, so that latents need not hold it"),
    ],
)
@pytest.mark.parametrize("continuous", [False, True])
def test_what_the_colour_is(
    digits: Findings, use: Literal["unfitted", "fitted", "given"], words: str, continuous: bool
) -> None:
    labels = np.linspace(0.0, 1.0, len(digits.latent_mean)) if continuous else digits.labels
    page = told(latent_plane(replace(digits, labels=labels, label_use=use)))
    assert f"Colour is the label, {words}." in page
    assert page.count("Colour is") == 1
    assert "Colour is" not in told(latent_plane(replace(digits, labels=None, label_use=use)))


def test_curves_say_whether_labels_are_in_the_bound(digits: Findings) -> None:
    words = (
        "These are bounds of rows and the labels that they have; all others on this page are of rows alone."
    )
    assert words in told(training(replace(digits, label_use="fitted")))
    assert words not in told(training(replace(digits, label_use="given")))


def measured(findings: Findings, kl: float, **changes: Any) -> str:
    held_out = {**findings.metrics["held_out"], "kl": kl}
    return told(latents(replace(findings, metrics={"held_out": held_out}, **changes)))


def test_classes_have_their_part_of_the_kl(digits: Findings) -> None:
    alone = float(digits.kl_per_latent.sum())
    assert f"The KLs sum to {alone:.2f} nats." in measured(digits, alone)
    page = measured(digits, alone + 0.65, class_kl={"y": 0.65})
    assert f"The KLs sum to {alone:.2f} nats; y, which is discrete and has no bar, adds 0.65." in page
    # What is left over has a cause, and another one with every model.
    joined = f"that of all together is {alone + 2:.2f}, for q or the prior joins them"
    assert joined in measured(digits, alone + 2.0)
    hang = f"that of all together is {alone + 2:.2f}, for single ones are told from one draw of the others"
    assert hang in measured(digits, alone + 2.0, class_kl={"y": 0.65})
    names = [f"z{1 + k // 5}[{k % 5}]" for k in range(10)]
    assert hang in measured(digits, alone + 2.0, latent_names=names)


def of_two_variables(digits: Findings) -> Findings:
    """Latents z1 of 7 features, all of them active, and z2 of 3, of which one is."""
    names = [*(f"z1[{k}]" for k in range(7)), *(f"z2[{k}]" for k in range(3))]
    return replace(digits, latent_names=names)


def only(findings: Findings, word: str) -> Diagnosis:
    [found] = [one for one in diagnose(findings) if word in one.title]
    return found


def test_features_count_by_their_variable(digits: Findings) -> None:
    assert by_variable(digits) == {"z": (8, 10)}
    assert by_variable(replace(digits, latent_names=[f"z{k}" for k in range(10)])) == {"z": (8, 10)}
    assert by_variable(of_two_variables(digits)) == {"z1": (7, 7), "z2": (1, 3)}


@pytest.mark.parametrize(
    ("active", "title"), [(6, "Unused latents"), (8, "Latent size fits"), (10, "Every latent is used")]
)
def test_what_to_ask_for_is_said_where_there_is_one_latent(digits: Findings, active: int, title: str) -> None:
    metrics = {"held_out": {**digits.metrics["held_out"], "active_units": active}}
    one = only(replace(digits, metrics=metrics), "atent")
    several = only(replace(of_two_variables(digits), metrics=metrics), "atent")
    assert one.title == several.title == title
    assert ("--latent" in one.text) == (active != 8)
    assert "--latent" not in several.text
    assert ("7 of 7 of z1 and 1 of 3 of z2" in several.text) == (active != 10)
    assert "of z1" not in one.text


def test_the_headline_counts_the_latents_that_the_page_does(digits: Findings) -> None:
    """A code takes several numbers, and where there are several variables the setting is of one of them."""
    settings = {"latent features": 7}
    assert "vae with 10 latents" in summary(replace(digits, settings=settings))
    assert "vae with 10 latents" in summary(replace(of_two_variables(digits), settings=settings))


GOOD = "No column is foretold worse than by itself"
MAYBE = "Columns that may be foretold worse than by themselves"
WORSE = "Columns foretold worse than by themselves"


def with_share(share: float, error: float = 0.001) -> Findings:
    """The second column, of numbers, has `share` of its own deviation of 12 left to guess; all others less."""
    whole = whole_table_findings()
    assert whole.table is not None
    density = whole.table.density
    assert density is not None
    mean, errors = density.mean.copy(), density.error.copy()
    # A normal of deviation s has the entropy log(s) + log(2 pi e) / 2.
    mean[:] = -np.log(0.5 * density.alone) - np.where(
        density.numeric, 0.5 * math.log(2 * math.pi * math.e), 0.0
    )
    mean[1] = -math.log(12.0 * share) - 0.5 * math.log(2 * math.pi * math.e)
    errors[1] = error
    return replace(whole, table=replace(whole.table, density=replace(density, mean=mean, error=errors)))


@pytest.mark.parametrize(
    ("share", "error", "level", "title"),
    [
        (0.9, 0.001, "good", GOOD),
        (1.09, 0.001, "good", GOOD),
        (1.11, 0.001, "note", WORSE),
        (1.24, 0.001, "note", WORSE),
        (1.26, 0.001, "problem", WORSE),
        (1.5, 0.134, "problem", WORSE),  # log 1.5 is .405, three errors of .134 are .402
        (1.5, 0.136, "note", MAYBE),
        (1.26, math.nan, "note", MAYBE),
        (1.24, 0.1, "good", GOOD),
    ],
)
def test_columns_foretold_worse_than_by_themselves(
    share: float, error: float, level: str, title: str
) -> None:
    found = only(with_share(share, error), "foretold")
    assert (found.level, found.title) == (level, title)
    if title != GOOD:
        assert "1 of 6 columns" in found.text
        assert f"age ({round(100 * share)}% is left to guess)" in found.text


def test_a_column_that_is_all_wrong_is_told_in_few_digits() -> None:
    assert "age (over ten times as hard)" in only(with_share(1e40), "foretold").text


def test_a_table_whose_cells_were_not_asked_about_gets_no_verdict_on_them() -> None:
    whole = whole_table_findings()
    assert whole.table is not None
    bare = replace(whole, table=replace(whole.table, density=None))
    assert not any("foretold" in one.title for one in diagnose(bare))


def test_latents_without_a_kl_of_their_own_are_not_ordered_by_it(digits: Findings) -> None:
    """Codes, for one, of which at most two are active."""
    mean = np.zeros_like(digits.latent_mean)
    mean[:, [3, 5]] = digits.latent_mean[:, :2]
    nothing = np.full(digits.kl_per_latent.shape, np.nan)
    found = replace(digits, latent_mean=mean, kl_per_latent=nothing)
    points, names, caption = project(found, mean)
    assert set(names) == {"z3", "z5"}
    assert np.ptp(points, axis=0).min() > 0
    assert "in the two latents that vary most." in caption
    assert "of largest KL" in project(replace(found, kl_per_latent=digits.kl_per_latent), mean)[2]


@pytest.mark.parametrize(("count", "words"), [(1, "1 sample"), (2, "2 samples")])
def test_samples_are_counted(digits: Findings, count: int, words: str) -> None:
    page = told(
        tiles(replace(digits, metrics={"held_out": {**digits.metrics["held_out"], "samples": count}}))
    )
    assert re.search(rf"; {words}(?!\w)", page)


def test_layers_show_means_given_what_x_hangs_on(digits: Findings) -> None:
    many = [
        LayerFindings(name=name, size=5, active=1, kl=1.0, draws=digits.sampled_mean) for name in ("z2", "z1")
    ]
    assert "Means of p(x | z1)." in told(layers(replace(digits, layers=many, likelihood="p(x | z1)")))


@pytest.mark.parametrize(
    ("active", "words"), [(1, "1 of 10 latents is active"), (8, "8 of 10 latents are active")]
)
def test_one_latent_is_and_more_are(digits: Findings, active: int, words: str) -> None:
    held_out = {**digits.metrics["held_out"], "active_units": active}
    assert words in told(latents(replace(digits, metrics={"held_out": held_out})))


def test_the_learning_rate_is_drawn_from_its_first_step(
    digits: Findings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It falls from its peak, and what is high at the start is no transient."""
    drawn: dict[str, bool] = {}
    draw = figures.curves

    def curves(lines: Any, *, name: str, alt: str, settles: bool = True) -> Any:
        drawn[alt.removesuffix(" over steps")] = settles
        return draw(lines, name=name, alt=alt, settles=settles)

    monkeypatch.setattr(figures, "curves", curves)
    training(replace(digits, history={"step": STEPS, "learning_rate": 1e-3 / STEPS, "validation_kl": STEPS}))
    assert drawn == {"Learning rate": False, "KL(q(z | x) ‖ p(z))": True}


@pytest.mark.parametrize("count", [100, 101, 463])
def test_bars_of_many_latents_are_those_that_carry_most(digits: Findings, count: int) -> None:
    mean = np.zeros((len(digits.latent_mean), count))
    mean[:, :2] = digits.latent_mean[:, :2]
    page = latents(
        replace(
            digits,
            latent_mean=mean,
            latent_scale=np.ones_like(mean),
            kl_per_latent=np.linspace(0.0, 1.0, count),
            metrics={},
        )
    )
    assert ("Shown are the 100 that carry most." in page) == (count > 100)
    assert f"2 of {count} latents active" in page
