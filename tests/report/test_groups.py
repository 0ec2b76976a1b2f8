"""Classes, clusters and layers on the page."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from anyvae.report import Findings, GroupFindings, LayerFindings, render
from anyvae.report.groups import groups, layers


def text(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def of_pictures(findings: Findings, *, labels: bool) -> GroupFindings:
    rows = np.asarray(findings.observed)
    return GroupFindings(
        labels=labels,
        names=["Ada", "Bea", "Cid"],
        shares=[0.25, 0.75, 0.0],
        exemplars=[rows[:5], rows[:2], rows[:0]],
        draws=[rows[:5]] * 3,
        accuracy=0.875 if labels else float("nan"),
    )


def test_groups_stand_in_the_order_of_their_rows(digits: Findings) -> None:
    page = text(groups(replace(digits, groups=of_pictures(digits, labels=True))))
    assert page.index("Bea") < page.index("Ada") < page.index("Cid")
    assert "75.0 % of rows" in page
    assert "2 of 3 have held-out rows" in page
    assert "87.5 % are put in their class" in page


def test_clusters_have_no_right_class(digits: Findings) -> None:
    page = text(groups(replace(digits, groups=of_pictures(digits, labels=False))))
    assert "Clusters" in page
    assert "put in their class" not in page
    assert groups(digits) == ""
    assert layers(digits) == ""


def test_a_table_shows_what_is_typical_of_each_group(table: Findings) -> None:
    columns = {name: np.asarray(values)[:4] for name, values in table.observed.items()}  # type: ignore[union-attr]
    name = next(
        key for key, values in columns.items() if values.dtype.kind == "f" and key == next(iter(columns))
    )
    low, high = dict(columns), dict(columns)
    low[name], high[name] = np.array([1.0, np.nan, 2.0, 3.0]), np.array([10.0, 20.0, 30.0, 40.0])
    found = GroupFindings(
        labels=False,
        names=["cluster 0", "cluster 1"],
        shares=[0.5, 0.5],
        exemplars=[low, high],
        draws=[low, high],
    )
    page = groups(replace(table, groups=found))
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", page)
    assert "2" in cells
    assert "25" in cells


def test_a_table_shows_rows_that_are_most_their_group_s_own(table: Findings) -> None:
    one, two, none = (
        {"income": np.array(values, dtype=object), "age": np.array(ages)}
        for values, ages in (([">50K"] * 3, [31.0, 32.0, 33.0]), (["<=50K"], [44.0]), ([], []))
    )
    found = GroupFindings(
        labels=False,
        names=["cluster 0", "cluster 1", "cluster 2"],
        shares=[0.75, 0.25, 0.0],
        exemplars=[one, two, none],
        draws=[one, two, one],
    )
    observed = {"income": np.array([">50K", "<=50K"], dtype=object), "age": np.array([31.0, 44.0])}
    page = groups(replace(table, observed=observed, groups=found))
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
