"""What the page says of a table: every number where it belongs, and nothing of what was not measured."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from report_examples import table_findings
from table_examples import NAMES, pair_findings, whole_table_findings
from test_page import read, words

from anyvae.report import Findings, MissingFindings, diagnose, render
from anyvae.report.associations import chosen, heat_map, largest_differences, mean_difference, shade
from anyvae.report.cells import blamed, interval, pooled_coverage, spread
from anyvae.report.summaries import marginals

PARTS = ["associations", "synthetic", "missing", "densities", "surprising", "imputation"]


@pytest.fixture(scope="module")
def whole() -> Findings:
    return whole_table_findings()


@pytest.fixture(scope="module")
def page(whole: Findings) -> str:
    return render(whole)


def part(page: str, name: str) -> str:
    found = re.search(rf'<section id="{name}">.*?</section>', page, re.S)
    assert found, f"no section {name}"
    return found.group(0)


def changed(whole: Findings, **changes: Any) -> Findings:
    assert whole.table is not None
    return replace(whole, table=replace(whole.table, **changes))


def test_sections_are_there_in_order_and_linked(page: str) -> None:
    ids = [s["id"] for s in read(page).all("section")]
    assert [i for i in ids if i in PARTS] == PARTS
    assert {f"#{name}" for name in PARTS} <= {a["href"] for a in read(page).all("a")}


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("associations", {"pairs": None}),
        ("synthetic", {"synthesis": None}),
        (
            "missing",
            {"missing": MissingFindings(rates=dict.fromkeys(NAMES, 0.0), patterns=[((), 1.0)], rows=9)},
        ),
        ("densities", {"density": None}),
        ("surprising", {"surprising": ()}),
        ("imputation", {"imputation": ()}),
    ],
)
def test_what_was_not_measured_has_no_section(name: str, changes: dict[str, Any], whole: Findings) -> None:
    page = render(changed(whole, **changes))
    assert f'id="{name}"' not in page
    assert f'href="#{name}"' not in page
    assert sum(f'id="{other}"' in page for other in PARTS) == len(PARTS) - 1


def test_a_table_without_these_parts_has_none_of_their_sections() -> None:
    page = render(table_findings())
    assert not any(f'id="{name}"' in page for name in PARTS)


def test_heat_maps_tell_every_pair_and_shade_it(page: str) -> None:
    text = part(page, "associations")
    assert text.count('class="heat"') == 3
    assert text.count("<i ") == 3 * len(NAMES) ** 2
    maps = text.split('class="heat"')[1:]
    for heat, value in zip(maps, ("0.50", "0.20", "-0.30"), strict=True):
        assert heat.count(f'title="age, city: {value}"') == 1
    for heat, colour in zip(maps, ("accent) 50%", "accent) 22%", "problem) 96%"), strict=True):
        style = re.search(r'<i style="([^"]*)" title="age, city', heat)
        assert style is not None
        assert colour in style.group(1)
    assert "Mean absolute difference over all pairs: 0.027." in words(page)  # (0.3 + 0.1) / 15


def test_shades_run_from_pale_to_full_and_know_their_sign() -> None:
    assert "accent) 4%" in shade(0.0, False, False)
    assert "accent) 96%" in shade(1.0, False, False)
    assert "problem) 50%" in shade(-0.15, True, False)
    assert "accent) 96%" in shade(0.9, True, False)
    assert shade(math.nan, False, False) == shade(1.0, False, True) == "background:var(--line)"


def test_pairs_are_listed_by_their_difference() -> None:
    pairs = pair_findings()
    found = largest_differences(pairs)
    assert found[0] == ("age", "city", 0.5, 0.2)
    assert found[1] == ("owner", "children", 0.5, 0.6)
    assert mean_difference(pairs) == pytest.approx(0.4 / 15)
    hollow = replace(pairs, real=np.full((6, 6), np.nan))
    assert largest_differences(hollow) == []
    assert math.isnan(mean_difference(hollow))


def test_of_many_columns_those_that_differ_most_are_drawn() -> None:
    pairs = pair_findings([f"column {i}" for i in range(60)])
    synthetic = np.array(pairs.real)
    synthetic[50, 7] = synthetic[7, 50] = 0.0
    pairs = replace(pairs, synthetic=synthetic, columns=300)
    assert len(chosen(pairs)) == 24
    assert {7, 50} <= set(chosen(pairs))
    assert chosen(pairs) == sorted(chosen(pairs))
    page = render(changed(whole_table_findings(), pairs=pairs))
    assert "The maps show 24 of 300 columns" in words(page)
    assert part(page, "associations").count("<i ") == 3 * 24**2


def test_missing_cells_are_counted_and_their_patterns_drawn(page: str) -> None:
    text = part(page, "missing")
    lines = re.findall(r'<div title="missing: ([^"]*)">(.*?)</div><span>(.*?)</span>', text)
    assert [(said, share) for said, _, share in lines] == [
        ("whole rows", "70%"),
        ("score", "20%"),
        ("age", "5%"),
        ("age, score", "5%"),
    ]
    # Columns are in order of their rate: score, age.
    assert [re.findall(r'class="(\w*)"', squares) for _, squares, _ in lines] == [
        ["", ""],
        ["hole", ""],
        ["", "hole"],
        ["hole", "hole"],
    ]
    assert "4 of 6 columns have no hole." in words(page)
    assert re.search(r"width:100.0%.*25%.*width:40.0%.*10%", text)


def test_what_is_left_to_guess_is_in_levels_or_deviations(whole: Findings, page: str) -> None:
    assert whole.table is not None
    found = whole.table.density
    assert found is not None
    assert spread(found, 1) == pytest.approx((3.0, 12.0, 0.25))
    assert spread(found, 2) == pytest.approx((2.0, 3.9, 2.0 / 3.9))
    rows = re.findall(r'<tr><th scope="row">(.*?)</th>', part(page, "densities"))
    shares = [spread(found, NAMES.index(name))[2] for name in rows]
    assert sorted(shares, reverse=True) == shares
    assert len(rows) == 6
    assert "log p(x_j | x_-j)" in words(page)
    assert "2 levels" in words(page)
    assert "sd 3.00" in words(page)


def test_a_deviation_in_units_is_not_a_number_of_deviations(page: str) -> None:
    """The same word for both would make 0.40 of a column whose values are thousands a wonder."""
    units, multiples = (words(part(page, name)) for name in ("densities", "imputation"))
    assert "sd 3.00" in units
    assert "in the column's units" in units
    assert "0.40 σ" in multiples
    assert "a multiple of the column's standard deviation σ" in multiples
    assert "σ" not in units
    assert not re.search(r"\bsd\b", multiples)


def test_the_cells_to_blame_are_shaded(whole: Findings, page: str) -> None:
    text = part(page, "surprising")
    first = text.split("<tr>")[2]
    assert "-31.2" in first
    shades = re.findall(r"problem\) (\d+)%", first)
    assert shades == ["3", "45", "3", "3", "3"]  # 48 % of 0.5, 7.5, 0.5, ... of 8 nats; a hole has none
    assert 'title="+7.50 nats"' in first
    assert first.count('title="missing"') == 1
    assert "The median held-out row has -13.70 nats." in words(page)
    assert whole.table is not None
    many = [
        replace(
            row,
            values={f"c{i}": i for i in range(30)},
            excess={f"c{i}": float(i == 20 + k) for i in range(30)},
        )
        for k, row in enumerate(whole.table.surprising)
    ]
    assert {"c20", "c21"} <= set(blamed(many))
    assert len(blamed(many)) == 8
    assert "22 columns that are less to blame are left out" in words(render(changed(whole, surprising=many)))


def test_coverage_is_drawn_from_zero_to_one(page: str) -> None:
    text = part(page, "imputation")
    assert text.count('<div class="track"><u style="left:50%"></u><u style="left:90%"></u>') == 6
    assert text.count('<s style="left:43.0%;width:10.0%"></s><i style="left:48.0%"></i>') == 6
    assert interval(0.25, 1.0) == '<s style="left:25.0%;width:75.0%"></s>'
    assert "The truth lies in 48.0% of 50% intervals, 91.0% of 90% intervals." in words(page)
    assert "filled in 20 times" in words(page)


def test_columns_count_by_their_cells(whole: Findings) -> None:
    assert whole.table is not None
    one, other = whole.table.imputation[:2]
    empty = replace(other, cells=0, coverage=(math.nan, math.nan))
    assert pooled_coverage([one, replace(other, cells=300, coverage=(0.6, 1.0))], 2) == pytest.approx(
        [0.57, 0.9775]
    )
    assert pooled_coverage([one, empty], 2) == pytest.approx([0.48, 0.91])


def test_synthetic_rows_are_judged_in_numbers(page: str) -> None:
    text = words(part(page, "synthetic"))
    for number in ("95.0 %", "91.3 %", "0.870", "0.520", "0.900 from real rows", "-0.030", "+0.010", "0.710"):
        assert number in text
    assert "2,701 draws from the model against 2,700 of the rows fitted" in text
    assert text.index("score 0.800") < text.index("age 0.980")


def test_marginals_are_those_of_the_rows_fitted(whole: Findings) -> None:
    real = {name: np.zeros(50) for name in NAMES}
    synthetic = {**real, "age": np.ones(40)}
    found = marginals(changed(whole, real=real, synthetic=synthetic))
    assert (found[0].name, found[0].distance, len(found[0].observed)) == ("age", 1.0, 50)
    assert all(m.distance == 0.0 for m in found[1:])


def test_a_column_of_holes_among_the_rows_shown_does_no_harm(whole: Findings) -> None:
    assert isinstance(whole.observed, dict)
    hollow = {**whole.observed, "score": np.full(300, np.nan), "city": np.full(300, None)}
    text = words(render(replace(whole, observed=hollow)))
    assert not re.search(r"\bnan\b", text, re.I)


def verdict(findings: Findings, title: str) -> tuple[str, str]:
    [found] = [d for d in diagnose(findings) if d.title.startswith(title)]
    return found.level, found.text


def test_the_diagnosis_speaks_of_associations(whole: Findings) -> None:
    many = {name: np.zeros(2000) for name in NAMES}
    level, text = verdict(changed(whole, real=many, synthetic=many), "Associations differ")
    assert level == "note"
    assert "age with city (0.50 in the data, 0.20 in the draws)." in text
    pairs = pair_findings()
    near = replace(pairs, synthetic=np.asarray(pairs.real) + 0.01)
    assert verdict(changed(whole, pairs=near), "Associations are kept")[0] == "good"
    # 300 rows on either side: a standard error of 0.082.
    for by, title in ((0.12, "Associations are kept"), (0.14, "Associations differ")):
        moved = replace(pairs, synthetic=np.asarray(pairs.real) + by)
        assert verdict(changed(whole, pairs=moved), title)[0] == ("good" if by < 0.13 else "note")
    far = np.array(pairs.real)
    far[1, 2] = far[2, 1] = 0.5 - 0.3
    assert verdict(changed(whole, pairs=replace(pairs, synthetic=far)), "Associations are kept")[0] == "good"


@pytest.mark.parametrize(
    ("coverage", "title"),
    [
        ((0.48, 0.91), "Filled cells are as sure as they say"),
        ((0.30, 0.70), "Filled cells are too sure"),
        ((0.70, 0.99), "Filled cells are less sure than they could be"),
    ],
)
def test_the_diagnosis_speaks_of_coverage(coverage: tuple[float, float], title: str, whole: Findings) -> None:
    assert whole.table is not None
    imputation = [replace(one, coverage=coverage) for one in whole.table.imputation]
    level, text = verdict(changed(whole, imputation=imputation), title)
    assert level == ("good" if coverage[0] == 0.48 else "note")
    assert f"{coverage[0]:.0%} of 50% intervals" in text


def test_the_diagnosis_speaks_of_rows_given_away(whole: Findings) -> None:
    assert verdict(whole, "No row is given away")[0] == "good"
    assert whole.table is not None
    synthesis = whole.table.synthesis
    assert synthesis is not None
    assert synthesis.privacy is not None
    for change, phrase in (
        ({"membership": 0.57}, "can be told from held-out rows"),
        (
            {"duplicates": 0.3, "held_out_duplicates": 0.02},
            "30% of synthetic rows equal a fitted row, where 2%",
        ),
    ):
        bad = replace(synthesis, privacy=replace(synthesis.privacy, **change))
        level, text = verdict(changed(whole, synthesis=bad), "Synthetic rows give rows away")
        assert level == "problem"
        assert phrase in text
    # Copies that held-out rows explain are no problem.
    common = replace(synthesis.privacy, duplicates=0.3, held_out_duplicates=0.3)
    assert (
        verdict(changed(whole, synthesis=replace(synthesis, privacy=common)), "No row is given away")[0]
        == "good"
    )


def test_strange_numbers_are_dashes_and_hostile_names_are_text(whole: Findings) -> None:
    bad = "<script>alert(1)</script>\"'><img src=x onerror=y>"
    assert whole.table is not None
    table = whole.table
    assert table.density is not None
    assert table.synthesis is not None
    assert table.synthesis.efficacy is not None
    names = [bad, *NAMES[1:]]
    page = render(
        changed(
            whole,
            pairs=replace(pair_findings(names), real=np.full((6, 6), np.nan)),
            missing=MissingFindings(
                rates={bad: 0.5, "age": 0.0}, patterns=[((bad,), 0.5), ((), 0.5)], rows=4
            ),
            density=replace(table.density, names=names, mean=np.full(6, np.nan), error=np.full(6, np.nan)),
            surprising=[
                replace(
                    table.surprising[0],
                    values={bad: bad, "age": None},
                    excess={bad: math.nan, "age": math.nan},
                )
            ],
            usual_log_density=math.nan,
            imputation=[
                replace(
                    one,
                    name=bad,
                    cells=0,
                    error=math.nan,
                    coverage=(math.nan,) * 2,
                    coverage_error=(math.nan,) * 2,
                )
                for one in table.imputation
            ],
            synthesis=replace(
                table.synthesis,
                shapes={bad: 0.5},
                trends=math.nan,
                worst_pairs=[(bad, bad, 0.1)],
                efficacy=replace(table.synthesis.efficacy, target=bad, scores=[(bad, math.nan, 0.5)]),
                privacy=None,
            ),
        )
    )
    reader = read(page)
    assert not reader.all("script")
    assert not any(name.startswith("on") for _, attrs in reader.tags for name in attrs)
    assert not re.search(r"\bnan\b", words(page), re.I)
    assert heat_map([bad], np.ones((1, 1)), "x").count("<script") == 0
