"""Classes, clusters and layers on the page."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Literal

import numpy as np

from anyvae.report import Findings, GroupFindings, LayerFindings, render
from anyvae.report.groups import groups, layers


def text(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def of_pictures(findings: Findings, kind: Literal["class", "cluster", "expert", "value"]) -> GroupFindings:
    rows = np.asarray(findings.observed)
    return GroupFindings(
        kind=kind,
        names=["Ada", "Bea", "Cid"],
        shares=[0.25, 0.75, 0.0],
        exemplars=[rows[:5], rows[:2], rows[:0]],
        draws=[rows[:5]] * 3,
        accuracy=0.875 if kind == "class" else float("nan"),
    )


def test_groups_stand_in_the_order_of_their_rows(digits: Findings) -> None:
    page = text(groups(replace(digits, groups=[of_pictures(digits, "class")])))
    assert page.index("Bea") < page.index("Ada") < page.index("Cid")
    assert "75.0 % of rows" in page
    assert "2 of 3 have held-out rows" in page
    assert "87.5 % are put in their class" in page


def test_a_group_of_vectors_may_have_no_row(digits: Findings) -> None:
    flat = np.asarray(digits.observed).reshape(len(digits.observed), -1)[:, :2]
    vectors = replace(digits, image_shape=None, observed=flat)
    nothing = replace(
        of_pictures(digits, "cluster"),
        exemplars=[flat[:5], flat[:2], flat[:0]],
        draws=[flat[:5], flat[:2], flat[:0]],
    )
    page = text(groups(replace(vectors, groups=[nothing])))
    assert page.count("Bea") == 1 + 2
    assert page.count("Cid 0.0 % – –") == page.count("Cid") == 1


def test_clusters_have_no_right_class(digits: Findings) -> None:
    page = text(groups(replace(digits, groups=[of_pictures(digits, "cluster")])))
    assert "Clusters" in page
    assert "put in their class" not in page
    assert groups(digits) == ""
    assert layers(digits) == ""


def test_experts_and_classes_stand_side_by_side(digits: Findings) -> None:
    both = [of_pictures(digits, "class"), of_pictures(digits, "expert")]
    page = groups(replace(digits, groups=both))
    assert re.findall(r'<section id="([^"]*)"><header><h2>([^<]*)', page) == [
        ("groups", "Classes"),
        ("groups-2", "Experts"),
    ]
    classes, experts = (text(part) for part in page.split("</section>")[:2])
    assert "87.5 % are put in their class" in classes
    assert "87.5" not in experts
    assert "held-out rows that are surest of their expert; right, draws of it" in experts


def test_values_that_rows_are_given_are_nothing_that_a_model_finds(digits: Findings) -> None:
    given = {"digit": np.array([3, 1])}
    page = text(groups(replace(digits, groups=[of_pictures(digits, "value")], conditions=given)))
    assert "Rows are given digit and never scored on it" in page
    assert "held-out rows that have the value; right, draws given it" in page
    assert "probability" not in page
    assert "Of other columns" not in page
    two = replace(
        digits, groups=[of_pictures(digits, "value")], conditions={**given, "hand": np.array(["l"])}
    )
    assert "Of other columns, draws are given what held-out rows of the value are" in text(groups(two))


def test_draws_say_what_they_were_given(digits: Findings) -> None:
    plain = text(render(digits))
    assert "x ~ p(x | z), z ~ p(z)" in plain
    assert "are given" not in plain
    symbols = {"likelihood": "p(x | z, digit)", "ancestry": "x ~ p(x | z, digit), z ~ p(z | digit)"}
    page = text(render(replace(digits, conditions={"digit": np.array([7, 4, 9])}, **symbols)))
    drawn = min(len(digits.sampled), 30)
    told = ", ".join(str(value) for value in ([7, 4, 9] * 30)[:drawn])
    assert f"Row by row the draws are given digit = {told}, as held-out rows are." in page
    assert "All are given digit = 7, as a held-out row is." in page
    assert "x ~ p(x | z, digit), z ~ p(z | digit)" in page
    assert "mean of p(x | z, digit)" in page
    assert "p(x | z)" not in page.split("Data, reconstructions, draws")[1]


def test_printed_rows_say_what_they_were_given(table: Findings) -> None:
    page = render(replace(table, conditions={"town": np.array(["Ulm", "Bonn", None], dtype=object)}))
    for title, each in (("Rows and their reconstructions", 3), ("Synthetic rows", 1)):
        printed = page.split(f"<h3>{title}</h3>")[1].split("</table>")[0]
        head, *rows = [re.findall(r"<t[dh][^>]*>([^<]*)</t[dh]>", row) for row in printed.split("<tr>")[1:]]
        assert head[1] == "given town"
        towns = [row[1] for row in rows]
        assert towns[: 5 * each] == [
            town for town in ("Ulm", "Bonn", "–", "Ulm", "Bonn") for _ in range(each)
        ]


def test_a_table_shows_what_is_typical_of_each_group(table: Findings) -> None:
    columns = {name: np.asarray(values)[:4] for name, values in table.observed.items()}  # type: ignore[union-attr]
    name = next(
        key for key, values in columns.items() if values.dtype.kind == "f" and key == next(iter(columns))
    )
    low, high = dict(columns), dict(columns)
    low[name], high[name] = np.array([1.0, np.nan, 2.0, 3.0]), np.array([10.0, 20.0, 30.0, 40.0])
    found = GroupFindings(
        kind="cluster",
        names=["cluster 0", "cluster 1"],
        shares=[0.5, 0.5],
        exemplars=[low, high],
        draws=[low, high],
    )
    page = groups(replace(table, groups=[found]))
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", page)
    assert "2" in cells
    assert "25" in cells


def test_a_table_shows_rows_that_are_most_their_group_s_own(table: Findings) -> None:
    one, two, none = (
        {"income": np.array(values, dtype=object), "age": np.array(ages)}
        for values, ages in (([">50K"] * 3, [31.0, 32.0, 33.0]), (["<=50K"], [44.0]), ([], []))
    )
    found = GroupFindings(
        kind="cluster",
        names=["cluster 0", "cluster 1", "cluster 2"],
        shares=[0.75, 0.25, 0.0],
        exemplars=[one, two, none],
        draws=[one, two, one],
    )
    observed = {"income": np.array([">50K", "<=50K"], dtype=object), "age": np.array([31.0, 44.0])}
    page = groups(replace(table, observed=observed, groups=[found]))
    rows = [
        re.findall(r"<t[dh][^>]*>([^<]*)</t[dh]>", row) for row in page.split("<h3>")[2].split("<tr>")[2:]
    ]
    assert rows == [
        ["cluster 0", "&gt;50K", "31"],
        ["cluster 0", "&gt;50K", "32"],
        ["cluster 1", "&lt;=50K", "44"],
    ]
    # Escaped once.
    assert "&amp;" not in page


def test_layers_tell_what_each_adds(digits: Findings) -> None:
    rows = np.asarray(digits.observed)
    found = [
        LayerFindings(name="z2", size=4, active=3, kl=2.5, draws=rows),
        LayerFindings(name="z1", size=8, active=0, kl=0.0, draws=rows),
    ]
    page = text(layers(replace(digits, layers=found)))
    assert re.search(r"z2 4 3 2\.50", page)
    assert re.search(r"z1 8 0 0\.00", page)
    assert "from z1 those above held" in page
    assert layers(replace(digits, layers=found[:1])) == ""


def test_latents_are_called_by_their_names_everywhere(digits: Findings) -> None:
    names = [f"top[{k}]" for k in range(digits.kl_per_latent.size)]
    page = render(replace(digits, latent_names=names))
    assert "top[0]" in page
    assert not re.search(r"\bz\d+\b", text(page.split('id="latents"')[1].split('id="schema"')[0]))


def test_pictures_of_few_classes_are_no_larger_than_those_of_many(digits: Findings) -> None:
    rows = np.asarray(digits.observed)
    widths = {}
    for count in (2, 9):
        names = [f"class {k}" for k in range(count)]
        found = GroupFindings(
            kind="class",
            names=names,
            shares=[1 / count] * count,
            exemplars=[rows[:5]] * count,
            draws=[rows[:5]] * count,
            analogies=rows[: 2 * (1 + count)],
        )
        page = groups(replace(digits, groups=[found]))
        [widths[count]] = re.findall(r'width="(\d+)" height="\d+" alt="Held-out rows, and every class', page)
    assert widths[2] == widths[9]
