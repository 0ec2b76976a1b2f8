"""Charts: matplotlib figures by its object-oriented face, as PNG for a white card.

No text of the user's enters a figure: names and legends are HTML, where every script has its glyphs.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from anyvae.report.findings import Array
from anyvae.report.markup import Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import Locator

ACCENT = "#0f766e"
DATA = "#7b8794"
PALE = "#d5dae0"
INK = "#303a46"
PALETTE = (
    "#0f766e",
    "#d97706",
    "#4263c4",
    "#c2415d",
    "#7a9a1f",
    "#7c4dbd",
    "#1b9cc4",
    "#8a5a3c",
    "#e08bb0",
    "#4b5563",
)
OTHER = "#c3c9d1"
WIDE, SQUARE = (440, 270), (440, 400)  # CSS pixels
CSS_PIXELS_PER_INCH = 100
DOTS_PER_INCH = 200  # two dots a CSS pixel


def blank(width: int = WIDE[0], height: int = WIDE[1], *, plain: bool = False) -> tuple[Figure, Axes]:
    """An empty pair of axes of a size in CSS pixels, in the report's style whatever the user's own is.

    Plain ones have no vertical scale, so their margins are known and need no search for a layout.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(
        figsize=(width / CSS_PIXELS_PER_INCH, height / CSS_PIXELS_PER_INCH),
        dpi=DOTS_PER_INCH,
        facecolor="none",
        layout=None if plain else "constrained",
    )
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(facecolor="none")
    if plain:
        figure.subplots_adjust(left=8 / width, right=1 - 8 / width, top=1 - 6 / height, bottom=26 / height)
        axes.spines["left"].set_visible(False)
        axes.set_yticks([])
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(PALE)
    axes.grid(False)
    axes.tick_params(colors=INK, labelsize=9, length=0, pad=5)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set(color=INK, size=9, family=family())
    axes.tick_params(labelfontfamily=family())
    return figure, axes


@cache
def family() -> str:
    """The font nearest to the page's own that this machine has, so that figures and text agree."""
    from matplotlib.font_manager import get_font_names

    have = set(get_font_names())
    return next(
        (name for name in ("Helvetica Neue", "Arial", "Liberation Sans") if name in have), "DejaVu Sans"
    )


def finish(figure: Figure, alt: str) -> Picture:
    """The figure as a picture."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DOTS_PER_INCH, facecolor="none")
    width, height = (round(float(inches) * CSS_PIXELS_PER_INCH) for inches in figure.get_size_inches())
    return Picture(buffer.getvalue(), width, height, alt)


def rule_lines(axes: Axes) -> None:
    """Faint horizontal lines to read heights by."""
    axes.grid(axis="y", color=PALE, linewidth=0.6, alpha=0.7)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)


def curves(
    lines: Sequence[tuple[Array, Array, str]], *, name: str, alt: str, settles: bool = True
) -> Picture:
    """Quantities over steps.

    Arguments:
        lines: (steps, values, colour) of each.
        name: of the quantity.
        alt: what is to be seen.
        settles: whether the start is a transient, which may leave the axes.
    """
    figure, axes = blank()
    rule_lines(axes)
    settled = []
    for steps, values, colour in lines:
        thin = len(values) > 400 or colour == DATA
        mark = "o" if len(values) == 1 else ""
        width, opacity = (0.9, 0.75) if thin else (2.0, 1.0)
        axes.plot(steps, values, color=colour, linewidth=width, alpha=opacity, marker=mark, markersize=4)
        late = values[steps >= steps[0] + 0.08 * (steps[-1] - steps[0])]
        settled.append(late if settles and len(late) else values)
    pooled = np.concatenate(settled)
    low, high = float(np.quantile(pooled, 0.005)), float(pooled.max())
    low = min([low, *(float(values[-1]) for _, values, _ in lines)])
    room = 0.06 * (high - low) or 0.06 * abs(high) or 1.0
    axes.set_ylim(low - room, high + room)
    axes.set_xlabel("step")
    axes.set_ylabel(name)
    axes.xaxis.set_major_formatter(thousands)
    axes.xaxis.set_major_locator(few_ticks(5))
    axes.yaxis.set_major_locator(few_ticks(5))
    return finish(figure, alt)


def thousands(value: float, position: float | None = None) -> str:
    """A tick such as 20k."""
    return f"{value / 1000:g}k" if abs(value) >= 10_000 else f"{value:g}"


def few_ticks(count: int) -> Locator:
    """A locator of at most so many round numbers."""
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(count)


def kl_bars(kl: Array, order: Sequence[int], active: Array, names: Sequence[str]) -> Picture:
    """KL of every latent, the largest on top; the active ones in colour."""
    figure, axes = blank(*SQUARE)
    axes.grid(axis="x", color=PALE, linewidth=0.6, alpha=0.7)
    axes.set_axisbelow(True)
    lengths = np.asarray(kl, dtype=float)[list(order)]
    colours = [ACCENT if active[k] else DATA for k in order]
    axes.barh(np.arange(len(order)), lengths, height=0.7, color=colours)
    every = max(1, -(-len(order) // 24))
    ticks = range(0, len(order), every)
    axes.set_yticks(ticks, [names[t] for t in ticks])
    axes.set_ylim(max(len(order), 5) - 0.4, -0.6)
    axes.spines["bottom"].set_visible(False)
    axes.set_xlabel("nats per row")
    axes.xaxis.set_major_locator(few_ticks(5))
    return finish(figure, f"KL per latent in nats, {int(np.sum(active))} of {len(kl)} latents active")


def plane(
    points: Array,
    colours: Sequence[tuple[Array, str]],
    *,
    names: tuple[str, str],
    alt: str,
    rings: bool = True,
) -> Picture:
    """Posterior means in two dimensions; rings hold 39 % and 86 % of the prior.

    Arguments:
        points: (n, 2).
        colours: for each group its rows and its colour; drawn in shuffled order so that none hides another.
        names: of the axes.
        rings: whether the prior is N(0, I), whose rings they are.
    """
    figure, axes = latent_axes(points, names, rings)
    shade = np.empty(len(points), dtype=object)
    for rows, colour in colours:
        shade[rows] = colour
    order = np.random.default_rng(0).permutation(len(points))
    axes.scatter(
        points[order, 0],
        points[order, 1],
        c=list(shade[order]),
        s=dot_size(len(points)),
        alpha=0.8,
        linewidths=0,
    )
    return finish(figure, alt)


def coloured_plane(
    points: Array, values: Array, *, names: tuple[str, str], alt: str, rings: bool = True
) -> Picture:
    """The same with a number as colour; rows without one are pale."""
    figure, axes = latent_axes(points, names, rings)
    known = np.isfinite(values)
    axes.scatter(points[~known, 0], points[~known, 1], c=PALE, s=dot_size(len(points)), linewidths=0)
    drawn = axes.scatter(
        points[known, 0],
        points[known, 1],
        c=values[known],
        cmap="viridis",
        s=dot_size(len(points)),
        alpha=0.8,
        linewidths=0,
    )
    bar = figure.colorbar(drawn, ax=axes, shrink=0.7, aspect=24)
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=INK, labelsize=9, length=0, labelfontfamily=family())
    return finish(figure, alt)


def latent_axes(points: Array, names: tuple[str, str], rings: bool) -> tuple[Figure, Axes]:
    """Axes of equal scale around the points and the prior's rings."""
    from matplotlib.patches import Circle

    figure, axes = blank(*SQUARE)
    for radius in (1, 2) if rings else ():
        axes.add_patch(Circle((0, 0), radius, fill=False, edgecolor=DATA, linewidth=0.9, zorder=3))
    reach = max(2.4, float(np.quantile(np.abs(points), 0.999)) * 1.08) if len(points) else 2.4
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.set_xlabel(names[0])
    axes.set_ylabel(names[1])
    axes.xaxis.set_major_locator(few_ticks(6))
    axes.yaxis.set_major_locator(few_ticks(6))
    return figure, axes


def dot_size(rows: int) -> float:
    """Smaller dots where there are more of them."""
    return float(np.clip(9000 / max(rows, 1), 3, 16))


def line_of_latents(groups: Sequence[tuple[Array, str]], *, alt: str) -> Picture:
    """Where there is one latent: a histogram of its means for each group, stacked."""
    figure, axes = blank(*SQUARE)
    pooled = np.concatenate([values for values, _ in groups])
    reach = max(2.4, float(np.abs(pooled).max()) * 1.05)
    bins = list(np.linspace(-reach, reach, 49))
    axes.hist([v for v, _ in groups], bins=bins, color=[c for _, c in groups], stacked=True)
    axes.spines["left"].set_visible(False)
    axes.set_yticks([])
    axes.set_xlabel("posterior mean of z0")
    return finish(figure, alt)


def aggregate(edges: Array, density: Array, prior: Array | None = None, *, alt: str) -> Picture:
    """The aggregate posterior of one latent (filled) against its prior (line): N(0, 1), or one told by draws."""
    figure, axes = blank(220, 124, plain=True)
    axes.stairs(density, edges, fill=True, color=ACCENT, alpha=0.4)
    if prior is None:
        grid = np.linspace(edges[0], edges[-1], 161)
        line = np.exp(-0.5 * grid**2) / np.sqrt(2 * np.pi)
        axes.plot(grid, line, color=INK, linewidth=1.2)
    else:
        line = np.histogram(prior, edges)[0] / (len(prior) * np.diff(edges))
        axes.stairs(line, edges, color=INK, linewidth=1.2)
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(0, max(0.46, 1.06 * float(max(np.max(density, initial=0.0), line.max()))))
    axes.set_xticks([-2, 0, 2])
    return finish(figure, alt)


def marginal_histogram(observed: Array, sampled: Array, *, alt: str) -> Picture:
    """A column of numbers: the data filled, the draws as a line."""
    figure, axes = blank(240, 130, plain=True)
    edges = bin_edges(observed, sampled)
    axes.hist(observed, bins=list(edges), density=True, color=PALE)
    axes.hist(sampled, bins=list(edges), density=True, histtype="step", color=ACCENT, linewidth=1.6)
    axes.set_xlim(edges[0], edges[-1])
    low, high = float(edges[0]), float(edges[-1])
    room = 0.06 * (high - low)  # a label at the edge would be cut
    axes.set_xticks(
        [tick for tick in few_ticks(4).tick_values(low, high) if low + room <= tick <= high - room]
    )
    axes.ticklabel_format(axis="x", useOffset=False)  # years are not 0.2 + 2020
    return finish(figure, alt)


def bin_edges(observed: Array, sampled: Array) -> Array:
    """Bins over the middle 99.8 % of both; whole numbers get bins of whole numbers."""
    pooled = np.concatenate([observed, sampled])
    low, high = (float(q) for q in np.quantile(pooled, [0.001, 0.999]))
    if high <= low:
        low, high = low - 0.5, low + 0.5
    inside = pooled[(pooled >= low) & (pooled <= high)]
    if high - low >= 1 and np.array_equal(inside, np.round(inside)):
        width = max(1, round((high - low) / 30))
        return np.arange(np.floor(low) - 0.5, np.ceil(high) + width, width)
    return np.linspace(low, high, 31)
