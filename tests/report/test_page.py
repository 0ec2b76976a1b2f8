"""The page stands alone, tells no lies of labelling, and survives strange findings."""

from __future__ import annotations

import base64
import io
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from PIL import Image
from report_examples import table_findings

from anyvae.report import Findings, render

VOID = {"meta", "link", "img", "br"}
SECTIONS = [
    "diagnosis",
    "training",
    "likelihood",
    "samples",
    "latents",
    "traversals",
    "prior",
    "schema",
    "settings",
]


class Reader(HTMLParser):
    """Collects tags and text, and fails on tags that do not close in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def words(page: str) -> str:
    return re.sub(r"\s+", " ", " ".join(read(page).text))


@pytest.fixture(scope="module")
def page(digits: Findings) -> str:
    return render(digits)


@pytest.fixture(scope="module")
def table_page(table: Findings) -> str:
    return render(table)


def test_sections_are_there_in_order_and_linked(page: str) -> None:
    reader = read(page)
    assert [s["id"] for s in reader.all("section")] == SECTIONS
    assert [a["href"] for a in reader.all("a")] == [f"#{name}" for name in SECTIONS]


@pytest.mark.parametrize("kind", ["page", "table_page"])
def test_nothing_comes_from_elsewhere(kind: str, request: pytest.FixtureRequest) -> None:
    page = request.getfixturevalue(kind)
    reader = read(page)
    assert not re.search(r"https?:|@import|url\(|//[a-z]", re.sub(r"base64,[A-Za-z0-9+/=]+", "", page))
    assert not reader.all("script")
    assert not any(name.startswith("on") for _, attrs in reader.tags for name in attrs)
    for attrs in reader.all("img"):
        assert (attrs["src"] or "").startswith("data:image/png;base64,")
        assert attrs["alt"]


def test_every_picture_is_a_png_of_its_declared_shape(page: str) -> None:
    pictures = read(page).all("img")
    assert len(pictures) >= 4 + 5 + 2 + 8 + 10
    for attrs in pictures:
        png = Image.open(io.BytesIO(base64.b64decode((attrs["src"] or "").split(",")[1])))
        declared = int(attrs["width"] or 0) / int(attrs["height"] or 1)
        assert png.width / png.height == pytest.approx(declared, rel=0.02)
        assert len(png.getcolors(10**7) or []) > 1, f"{attrs['alt']} is blank"


def test_the_numbers_are_on_the_page(page: str) -> None:
    text = words(page)
    for part in (
        "-134.90 ± 0.88",
        "-136.20 ± 0.90",
        "5,000 samples",
        "8 of 10 latents are active",
        "1,617 rows",
    ):
        assert part in text


def test_means_are_labelled_as_means_and_draws_as_draws(page: str) -> None:
    alts = [attrs["alt"] for attrs in read(page).all("img")]
    samples = alts[alts.index("Data: held-out rows") :][:5]
    assert samples == [
        "Data: held-out rows",
        "Reconstruction: mean of p(x | z)",
        "Reconstruction: one draw from p(x | z)",
        "Draws: x ~ p(x | z), z ~ p(z)",
        "Means: of p(x | z) for the first row of draws",
    ]


def test_the_picture_labelled_draws_shows_the_draws(digits: Findings, page: str) -> None:
    picture = next(a for a in read(page).all("img") if (a["alt"] or "").startswith("Draws"))
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode((picture["src"] or "").split(",")[1]))))[
        ::12, ::12
    ]
    first = np.asarray(digits.sampled)[0]
    np.testing.assert_array_equal(sheet[:8, :8, 0], np.round(first / 16 * 255))


def test_the_same_findings_give_the_same_page(digits: Findings, page: str) -> None:
    assert render(digits) == page


def test_hostile_strings_are_text(digits: Findings) -> None:
    bad = "<script>alert(1)</script>\"'><img src=x onerror=y>"
    rows = table_findings()
    assert isinstance(rows.observed, dict)
    columns = {
        bad if k == "city" else k: np.full(300, bad, dtype=object) if k == "city" else v
        for k, v in rows.observed.items()
    }
    hostile = replace(
        rows,
        title=bad,
        source=bad,
        recipe=bad,
        notes=[bad],
        settings={bad: bad},
        features=[{"name": bad, "kind": bad, "detail": bad}, {"name": bad, "kind": "constant"}],
        labels=np.array([bad, "_x", "$a_", None, float("nan"), "日本"] * 50, dtype=object),
        observed=columns,
        sampled=columns,
        sampled_mean=columns,
        reconstructed_mean=columns,
        reconstructed_draw=columns,
        traversals=[(0, {k: v[:5] for k, v in columns.items()})],
    )
    page = render(hostile)
    reader = read(page)
    assert not reader.all("script")
    assert all((attrs["src"] or "").startswith("data:") for attrs in reader.all("img"))
    assert "日本" in words(page)
    assert "_x" in words(page)


def test_a_table_shows_columns_and_rows(table: Findings, table_page: str) -> None:
    text = words(table_page)
    assert isinstance(table.observed, dict)
    for name in table.observed:
        assert name in text
    assert "Constant, so kept and served back but not fitted: country." in text
    assert "8% missing" in text
    assert "Synthetic rows" in text


def test_the_schema_tells_likelihoods_and_cuts_no_sentence(table: Findings) -> None:
    detail = "8 categories: " + ", ".join(f"the town with number {i}" for i in range(6)) + ", …"
    feature = {"name": "town", "kind": "categorical", "likelihood": "any of eight", "detail": detail}
    page = render(replace(table, features=[feature], settings={"p(x)": "Columns " * 20}))
    schema = page[page.index('<section id="schema">') :]
    for text in ("Likelihood", "any of eight", detail, "Columns " * 20):
        assert f">{text}</" in schema
    assert "…</span>" in render(replace(table, features=[{**feature, "detail": detail * 9}]))


def test_a_wide_table_is_folded_worst_column_first() -> None:
    wide = table_findings(200, rows=60)
    assert isinstance(wide.sampled, dict)
    sampled = wide.sampled | {"measurement 150": wide.sampled["measurement 150"] + 9.0}
    long = "a very long name " * 30
    features = [*wide.features, {"name": long, "kind": "real", "detail": "x"}]
    page = render(replace(wide, sampled=sampled, features=features))
    headings = re.findall(r"<h3>(.*?)</h3>", page)
    first = headings.index("Columns of the data and of the draws") + 1
    assert headings[first] == "measurement 150"
    assert "All 202 columns" in page
    assert "Distances of all 200 columns" in page
    assert "1 of 200 columns of the draws are distributed unlike the data" in words(page)
    assert len(page) < 2_000_000


def vectors(n: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(n, 5))


STRANGE: dict[str, dict[str, Any]] = {
    "no labels": {"labels": None},
    "number labels": {"labels": np.linspace(0, 1, 180)},
    "number labels with holes": {"labels": np.where(np.arange(180) % 3, np.linspace(0, 1, 180), np.nan)},
    "many labels": {"labels": np.array([f"class {i % 40}" for i in range(180)])},
    "history of nothing": {"history": {"step": np.full(4, np.nan), "validation_elbo": np.full(4, np.nan)}},
    "no history": {"history": {}},
    "one point": {"history": {"step": np.array([0.0]), "validation_elbo": np.array([-3.0])}},
    "nothing measured": {
        "metrics": {},
        "settings": {},
        "features": [],
        "notes": [],
        "noise": {},
        "traversals": [],
    },
    "rgb": {
        "image_shape": (32, 32, 3),
        **{
            k: np.random.default_rng(0).random((12, 32, 32, 3))
            for k in ("observed", "sampled", "sampled_mean")
        },
        **{
            k: np.random.default_rng(0).random((12, 32, 32, 3))
            for k in ("reconstructed_mean", "reconstructed_draw")
        },
        "traversals": [(0, np.random.default_rng(0).random((7, 32, 32, 3)))],
    },
    "28 x 28, three rows": {
        "image_shape": (28, 28),
        **{k: np.zeros((3, 28, 28)) for k in ("observed", "sampled", "sampled_mean")},
        **{k: np.zeros((3, 28, 28)) for k in ("reconstructed_mean", "reconstructed_draw")},
        "traversals": [],
    },
    "vectors": {
        "image_shape": None,
        **{k: vectors(30) for k in ("observed", "sampled", "sampled_mean")},
        **{k: vectors(30) for k in ("reconstructed_mean", "reconstructed_draw")},
        "traversals": [(0, vectors(9)), (1, np.zeros((9, 5)))],
    },
    "no pictures": {
        **{
            k: np.zeros((0, 8, 8))
            for k in ("sampled", "sampled_mean", "reconstructed_mean", "reconstructed_draw")
        },
    },
    "a row without a posterior": {"latent_mean": np.r_[np.full((1, 10), np.nan), np.zeros((179, 10))]},
    "no posterior at all": {"latent_mean": np.full((180, 10), np.nan)},
    "one row": {"latent_mean": np.zeros((1, 10)), "latent_scale": np.ones((1, 10)), "labels": np.array([1])},
    "collapsed": {"latent_mean": np.zeros((180, 10)), "kl_per_latent": np.zeros(10), "metrics": {}},
    "unknown kl": {"kl_per_latent": np.full(10, np.nan)},
}


@pytest.mark.parametrize("name", STRANGE)
def test_strange_findings_give_a_page(name: str, digits: Findings) -> None:
    page = render(replace(digits, **STRANGE[name]))
    text = words(page)
    assert "nan" not in text.lower().replace("finance", "")
    assert len(page) > 20_000


def test_one_divergence_for_all_latents_is_told_and_not_drawn(digits: Findings) -> None:
    """Directions: no bars, no histograms against N(0, 1), and the total from the metrics."""
    metrics = {**digits.metrics, "held_out": {**digits.metrics["held_out"], "kl": 6.25}}
    page = render(replace(digits, kl_per_latent=np.full(10, np.nan), metrics=metrics, traversals=[]))
    alts = [a["alt"] or "" for a in read(page).all("img")]
    assert not any(alt.startswith(("Aggregate posterior", "KL per latent")) for alt in alts)
    text = words(page)
    assert "Together they carry 6.25 nats" in text
    assert "carrying 6.25 nats together" in text
    assert "no histogram against N(0, 1)" in text
    assert "Traversals" not in text


@pytest.mark.parametrize("latents", [1, 2, 40, 100])
def test_any_number_of_latents(latents: int, digits: Findings) -> None:
    rng = np.random.default_rng(0)
    page = render(
        replace(
            digits,
            latent_mean=rng.normal(size=(180, latents)) * 0.8,
            latent_scale=np.full((180, latents), 0.6),
            kl_per_latent=np.linspace(2, 1, latents),
            metrics={},
            traversals=[],
        )
    )
    alts = [a["alt"] or "" for a in read(page).all("img")]
    assert sum(alt.startswith("Aggregate posterior") for alt in alts) == min(latents, 48)
    assert ("52 that carry least are left out" in page) == (latents == 100)


@pytest.mark.parametrize(
    ("changes", "words_of_error"),
    [
        ({"latent_scale": np.ones((3, 10))}, r"latent_scale \(3, 10\)"),
        ({"kl_per_latent": np.ones(3)}, "10 latents"),
        ({"labels": np.ones(7)}, "7 labels for 180"),
        ({"history": {"step": np.ones(3), "epoch": np.ones(4)}}, "differ in length"),
    ],
)
def test_findings_that_disagree_are_refused(
    changes: dict[str, Any], words_of_error: str, digits: Findings
) -> None:
    with pytest.raises(ValueError, match=words_of_error):
        replace(digits, **changes)


def test_rendering_leaves_matplotlib_as_it_was_and_pyplot_alone() -> None:
    code = (
        "import sys, numpy as np, anyvae.report as r\n"
        "assert 'matplotlib' not in sys.modules and 'PIL' not in sys.modules\n"
        "import matplotlib\n"
        # Reading the key "backend" would itself import pyplot.
        "state = lambda: {k: matplotlib.rcParams[k] for k in matplotlib.rcParams if k != 'backend'}\n"
        "before = state()\n"
        "x = np.arange(32.0).reshape(8, 2, 2)\n"
        "z = np.linspace(-1, 1, 24).reshape(8, 3)\n"
        "r.render(r.Findings(title='t', source='s', recipe='r', latent_mean=z, latent_scale=z**2 + .1,\n"
        "    kl_per_latent=np.ones(3), observed=x, reconstructed_mean=x, reconstructed_draw=x, sampled=x,\n"
        "    sampled_mean=x, image_shape=(2, 2)))\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
        "assert state() == before\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_nothing_is_measured_against_a_normal_prior_that_is_none(digits: Findings, page: str) -> None:
    other = render(replace(digits, standard_prior=False))
    assert [s["id"] for s in read(other).all("section")] == [name for name in SECTIONS if name != "prior"]
    for phrase in ("Rings lie", "N(0, 1)", "moves from -3 to 3"):
        assert phrase in words(page)
        assert phrase not in words(other)
    assert "three standard deviations of the prior below its mean" in words(other)


def test_a_prior_that_is_told_by_draws_has_its_section(digits: Findings) -> None:
    draws = np.random.default_rng(0).normal(size=(500, digits.latent_mean.shape[1]))
    other = render(replace(digits, standard_prior=False, prior_draws=draws))
    assert [s["id"] for s in read(other).all("section")] == list(SECTIONS)
    assert "the prior (line, from draws, in standard deviations of it)" in words(other)
    assert "N(0, 1)" not in words(other)


def test_a_kl_that_single_latents_do_not_add_up_to_is_told(digits: Findings) -> None:
    alone = float(digits.kl_per_latent.sum())

    def told(kl: float) -> str:
        return words(render(replace(digits, metrics={"held_out": {"kl": kl}})))

    assert f"The KLs sum to {alone:.2f} nats." in told(alone)
    assert f"The KLs sum to {alone:.2f} nats; that of all together is {alone - 1:.2f}" in told(alone - 1.0)
    assert f"carrying {alone - 1:.2f} nats together" in told(alone - 1.0)
