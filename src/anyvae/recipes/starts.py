"""Where the decoder's parameters start: at the marginals of the training rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from anyvae.conditionals import (
    Bernoulli,
    Categorical,
    Categoricals,
    CellMixture,
    DiscretisedLogistic,
    DiscretisedLogisticMixture,
    Family,
    NegativeBinomial,
    Ordinal,
    Placed,
    PointMasses,
    raw_scale_of,
)
from anyvae.data import Compact, Encoded

__all__ = ["Cells", "start_of"]

_ROWS = 10_000
_OFTEN = 0.05
_UNIT_DEVIATION = math.sqrt(3.0) / math.pi  # the scale at which a logistic variable has standard deviation 1


@final
@dataclass(frozen=True)
class Cells:
    """Cells of some columns of the training rows.

    Arguments:
        encoded: the rows.
        places: of the cells in the row; None for all.
    """

    encoded: Encoded | Compact
    places: tuple[int, ...] | None = None

    @classmethod
    def of(cls, encoded: Encoded | Compact, places: Sequence[int] | None = None) -> Cells:
        """Those of some columns, or of all."""
        return cls(encoded, None if places is None else tuple(places))

    def means(self) -> Tensor:
        """Of the observed cells of each column, shape of the event."""
        if isinstance(self.encoded, Compact):
            return torch.cat([self._mean_of(self.encoded, column) for column in self._columns(self.encoded)])
        value, mask = self._part(self.encoded.x), self.encoded.mask
        if mask is None:
            return value.mean(0)
        given = self._part(mask)
        return (value * given).sum(0) / given.sum(0).clamp_min(1)

    def columns(self) -> list[Tensor]:
        """Up to 10,000 observed cells of each column, sorted; one zero where there is none."""
        table = self.encoded.codes if isinstance(self.encoded, Compact) else self.encoded.x
        rows = torch.linspace(0, len(table) - 1, min(len(table), _ROWS)).long()
        places = self._columns(self.encoded) if isinstance(self.encoded, Compact) else self.places
        found = []
        for place in range(table.shape[1]) if places is None else places:
            column = table[rows, place]
            if self.encoded.mask is not None:
                column = column[self.encoded.mask[rows, place]]
            found.append((column if len(column) else torch.zeros(1)).sort().values)
        return found

    def _columns(self, compact: Compact) -> list[int]:
        """The columns whose cells these are, in their order."""
        ends = torch.tensor(compact.widths).cumsum(0)
        if self.places is None:
            return list(range(len(ends)))
        found = torch.searchsorted(ends, torch.tensor(self.places), right=True)
        return list(dict.fromkeys(found.tolist()))

    def _mean_of(self, compact: Compact, column: int) -> Tensor:
        values = compact.codes[:, column]
        if compact.mask is not None:
            values = values[compact.mask[:, column]]
        if not compact.one_hot[column]:
            return values.sum()[None] / max(len(values), 1)
        return torch.bincount(values.long(), minlength=compact.widths[column]) / max(len(values), 1)

    def _part(self, array: Tensor) -> Tensor:
        return array if self.places is None else array[:, list(self.places)]


def start_of(family: Family, cells: Cells) -> dict[str, Tensor]:
    """Where the parameters of a family start, by name; empty where they start as the family says.

    Arguments:
        family: of the cells.
        cells: of the training rows.
    """
    if isinstance(family, Categorical | Categoricals):
        # Among thousands of categories most are rarer than one in a thousand.
        return {"logits": cells.means().clamp_min(min(1e-3, 0.1 / family.event_shape[0])).log()}
    if isinstance(family, Bernoulli):
        inside = cells.means().clamp(1e-3, 1.0 - 1e-3)
        return {"logits": inside.log() - (-inside).log1p()}
    if isinstance(family, DiscretisedLogistic):
        return {"raw_scale": raw_scale_of(torch.tensor(_UNIT_DEVIATION))}
    if isinstance(family, CellMixture | DiscretisedLogisticMixture):
        return _all_components(cells.columns(), family.params["loc"][-1])
    if isinstance(family, PointMasses):
        return start_of(family.rest, cells) | _points(family, cells.columns())
    if isinstance(family, Placed):
        low, step = family.low.expand(family.event_shape), family.step.expand(family.event_shape)
        numbers = [
            (column - first) / gap for column, first, gap in zip(cells.columns(), low, step, strict=True)
        ]
        if isinstance(family.family, NegativeBinomial):
            return _counts(numbers)
        if isinstance(family.family, Ordinal):
            return _cuts(numbers, family.family.levels)
    return {}


def _points(family: PointMasses, columns: list[Tensor]) -> dict[str, Tensor]:
    """Log-shares of the rest and of the points, and where the rest starts, from what lies on none."""
    shares, others = [], []
    for column, own in zip(columns, family.points, strict=True):
        points = torch.tensor(own)
        apart = (column.unsqueeze(-1) - points).abs()
        nearest = apart.min(-1)
        on = nearest.values <= 1e-5 * points[nearest.indices].abs().clamp_min(1.0)
        counts = torch.bincount(nearest.indices[on], minlength=len(own))
        rest = column[~on]
        found = torch.cat([torch.tensor([float(len(rest))]), counts.float()]) / len(column)
        shares.append(torch.nn.functional.pad(found, (0, family.params["point_logits"][-1] - 1 - len(own))))
        others.append(rest if len(rest) else column)
    start = {"point_logits": torch.stack(shares).clamp_min(1e-3).log()}
    if isinstance(family.rest, CellMixture):
        start |= _all_components(others, family.rest.params["loc"][-1])
    return start


def _all_components(columns: list[Tensor], count: int) -> dict[str, Tensor]:
    starts = [_components(column, count) for column in columns]
    return {name: torch.stack([start[name] for start in starts]) for name in starts[0]}


def _components(column: Tensor, count: int) -> dict[str, Tensor]:
    """A narrow component at each of the most frequent values, the others at quantiles of the rest."""
    values, times = column.unique(return_counts=True)
    order = times.argsort(descending=True, stable=True)
    often = order[: count - 2][times[order[: count - 2]] > max(_OFTEN * len(column), 4)]
    rest = column[~torch.isin(column, values[often])]
    rest = rest if len(rest) else column
    wide = count - len(often)
    places = (((torch.arange(wide) + 0.5) / wide) * len(rest)).long()
    spread = float(rest.std()) if len(rest) > 1 else 0.0
    spread = spread if spread > 0.01 else 1.0
    # Side by side also where quantiles agree: equal components would stay equal.
    apart = 0.01 * spread * torch.arange(wide)
    weights = torch.cat([times[often] / len(column), torch.full((wide,), len(rest) / (wide * len(column)))])
    scales = torch.cat([torch.full((len(often),), 0.02), torch.full((wide,), spread / wide)])
    return {
        "logits": weights.clamp_min(1e-3).log(),
        "loc": torch.cat([values[often], rest[places] + apart]),
        "raw_scale": raw_scale_of(scales),
    }


def _counts(numbers: list[Tensor]) -> dict[str, Tensor]:
    """Mean and dispersion of the counts."""
    means = torch.stack([column.mean() for column in numbers]).clamp_min(1e-2)
    variances = torch.stack([column.var(correction=0) for column in numbers])
    dispersion = ((variances - means) / means.square()).clamp(0.01, 100.0)
    return {"log_mean": means.log(), "raw_dispersion": raw_scale_of(dispersion)}


def _cuts(numbers: list[Tensor], levels: int) -> dict[str, Tensor]:
    """Cuts at the log-odds of the frequencies."""
    below = torch.stack(
        [
            torch.bincount(column.round().long().clamp(0, levels - 1), minlength=levels) + 0.5
            for column in numbers
        ]
    ).cumsum(-1)
    cuts = torch.logit(below[:, :-1] / below[:, -1:])
    return {"first_cut": cuts[:, 0], "raw_gaps": raw_scale_of(cuts.diff(dim=-1))}
