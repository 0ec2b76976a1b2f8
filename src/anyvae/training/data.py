"""Training rows in memory, indexed as tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias, final

import torch
from torch import Tensor

from anyvae.model import Batch, Partial
from anyvae.model.batch import check_batch

__all__ = ["TensorData", "as_tensor_data"]

_MADE_ROWS = 65_536

Expand: TypeAlias = Callable[[Tensor, Tensor | None], tuple[Tensor, Tensor | None]]
"""Makes values and mask of some rows from their stored form."""


@final
class TensorData:
    """Named tensors of equal length; a batch is one indexing operation per name, no collation in Python.

    Arguments:
        tensors: values or `Partial` values by name, shape (n, *event).
        binarise: names whose values are probabilities of one, drawn afresh every time they are read.
        columns: names of the cells of a variable, for messages.
        hide: names of vectors of which cells are hidden in training, with the width of each cell: 1, or the number
            of categories of a one-hot one. In half of the rows of a batch, drawn afresh, each cell goes missing
            with a probability that is itself uniform; an encoder that reads `observed(...)` so learns to infer
            from any part of a row, and the bound is one on the part that is left.
        expand: makes the values and masks that a model sees from some rows of a variable that is stored in a
            shorter form, such as numbers of categories.

    Raises:
        ValueError: when there is no row, lengths differ, a name to binarise or to hide is unknown, a mean to binarise
            lies outside [0, 1], or widths do not make up the vector.

    >>> data = TensorData({"x": torch.arange(6.).view(3, 2)})
    >>> data.batch(torch.tensor([2, 0]))["x"]
    tensor([[4., 5.],
            [0., 1.]])
    """

    def __init__(
        self,
        tensors: Batch,
        binarise: Sequence[str] = (),
        columns: Mapping[str, Sequence[str]] | None = None,
        hide: Mapping[str, Sequence[int]] | None = None,
        expand: Mapping[str, Expand] | None = None,
    ) -> None:
        check_batch(tensors)
        self.values = {
            name: item.value if isinstance(item, Partial) else item for name, item in tensors.items()
        }
        self.masks = {name: item.mask for name, item in tensors.items() if isinstance(item, Partial)}
        self.binarise = frozenset(binarise)
        self.columns = dict(columns or {})
        self.hide = {name: tuple(widths) for name, widths in (hide or {}).items()}
        self.expand = dict(expand or {})
        lengths = {name: len(value) for name, value in self.values.items()}
        if len(set(lengths.values())) != 1 or not min(lengths.values()):
            raise ValueError(f"the variables have {lengths} rows; wanted the same positive number in all.")
        for name in self.binarise:
            if name not in self.values:
                raise ValueError(
                    f"{name!r} is to be binarised but is not among the variables {sorted(self.values)}."
                )
            value = self.values[name]
            mask = self.masks.get(name)
            if mask is not None:
                # Drawing reads every cell, also one that is missing and holds a NaN.
                wide = mask.reshape(*mask.shape, *(1,) * (value.dim() - mask.dim()))
                value = self.values[name] = torch.where(wide, value, 0.0)
            if not bool(((value >= 0) & (value <= 1)).all()):
                raise ValueError(
                    f"{name!r} is to be binarised but leaves [0, 1]; divide by its largest value."
                )

        for name, widths in self.hide.items():
            if name not in self.values or self._width(name) != sum(widths):
                raise ValueError(
                    f"cells of {name!r} are to be hidden by widths that sum to {sum(widths)}; wanted a vector of that "
                    f"length among the variables {sorted(self.values)}."
                )
            mask = self.masks.get(name, torch.ones(len(self), dtype=torch.bool))
            self.masks[name] = mask if mask.dim() == 2 else mask.unsqueeze(1).expand_as(self.values[name])

    def __len__(self) -> int:
        return len(next(iter(self.values.values())))

    def batch(self, rows: Tensor) -> dict[str, Tensor | Partial]:
        """Some rows, binarised and with hidden cells where that is asked for (with torch's generator)."""
        found = self._rows(rows, draw_bits)
        for name, widths in self.hide.items():
            item = found[name]
            assert isinstance(item, Partial)
            found[name] = Partial(item.value, item.mask & kept_cells(len(item.mask), widths))
        return found

    def fixed(self, rows: Tensor | None = None, seed: int = 0) -> dict[str, Tensor | Partial]:
        """Rows as one batch, binarised once with a seed of its own; all rows where None."""
        generator: torch.Generator | None = None

        def draw(mean: Tensor) -> Tensor:
            nonlocal generator  # one for all variables: those of equal seeds would draw the same bits
            generator = generator or torch.Generator(device=mean.device).manual_seed(seed)
            return torch.bernoulli(mean, generator=generator)

        return self._rows(rows, draw)

    def looked_at(self) -> Tensor:
        """Places of the rows that a model is asked about before a fit: all that are held.

        Of rows that a rule makes, 65,536 evenly spread: what a rule makes is alike, and making all may take minutes.
        """
        rows = len(self)
        return torch.arange(0, rows, max(1, -(-rows // _MADE_ROWS)) if self.expand else 1)

    def take(self, rows: Tensor) -> TensorData:
        """The same variables, some rows."""
        return TensorData(
            self._stored(rows), tuple(self.binarise), self.columns, expand=self.expand, hide=self.hide
        )

    def _width(self, name: str) -> int | None:
        """Elements of a vector as a model sees it; None where the variable is no vector."""
        some = self.values[name][:1]
        if name in self.expand:
            some, _ = self.expand[name](some, None)
        return some.shape[1] if some.dim() == 2 else None

    def only(self, names: Sequence[str]) -> TensorData:
        """The same rows of some variables."""
        kept = {name: item for name, item in self._stored(None).items() if name in names}
        return TensorData(
            kept,
            tuple(name for name in self.binarise if name in names),
            {name: columns for name, columns in self.columns.items() if name in names},
            {name: widths for name, widths in self.hide.items() if name in names},
            {name: expand for name, expand in self.expand.items() if name in names},
        )

    def hiding(self, hide: Mapping[str, Sequence[int]]) -> TensorData:
        """The same rows with cells hidden in training; see `hide` of the class."""
        return TensorData(
            self._stored(None), tuple(self.binarise), self.columns, expand=self.expand, hide=hide
        )

    def _rows(self, rows: Tensor | None, draw: Callable[[Tensor], Tensor]) -> dict[str, Tensor | Partial]:
        """Some rows of every variable as a model sees them."""
        found = self._stored(rows, draw)
        for name, expand in self.expand.items():
            item = found[name]
            value, mask = expand(item.value, item.mask) if isinstance(item, Partial) else expand(item, None)
            found[name] = value if mask is None else Partial(value, mask)
        return found

    def _stored(
        self, rows: Tensor | None, draw: Callable[[Tensor], Tensor] | None = None
    ) -> dict[str, Tensor | Partial]:
        """Some rows of every variable (all where None), with the means to binarise drawn by `draw`."""
        found: dict[str, Tensor | Partial] = {}
        for name, value in self.values.items():
            part = value if rows is None else value.index_select(0, rows)
            if draw is not None and name in self.binarise:
                part = draw(part)
            mask = self.masks.get(name)
            if mask is None:
                found[name] = part
            else:
                found[name] = Partial(part, mask if rows is None else mask.index_select(0, rows))
        return found


def kept_cells(rows: int, widths: Sequence[int]) -> Tensor:
    """Which elements are left when cells are hidden, shape (rows, sum of widths)."""
    rate = torch.rand(rows, 1) * torch.randint(0, 2, (rows, 1))
    kept = torch.rand(rows, len(widths)) >= rate
    if all(width == 1 for width in widths):
        return kept
    return kept.repeat_interleave(torch.tensor(widths), 1)


def draw_bits(mean: Tensor) -> Tensor:
    """Independent zeros and ones with the given means, exact to 2^-16, and exact at 0 and 1.

    Two and a half times as fast as `torch.bernoulli` on a CPU: a 64-bit random number serves four cells.

    >>> draw_bits(torch.tensor([0.0, 1.0, 1.0]))
    tensor([0., 1., 1.])
    """
    if mean.device.type != "cpu":
        return torch.bernoulli(mean)
    words = torch.empty(-(-mean.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
    uniform = words.view(torch.int16)[: mean.numel()].view(mean.shape)
    return torch.lt(uniform, torch.add(-32768.0, mean, alpha=65536.0)).to(mean.dtype)


def as_tensor_data(data: TensorData | Batch | Tensor) -> TensorData:
    """Training data from a tensor (taken as "x"), a batch, or `TensorData`."""
    if isinstance(data, TensorData):
        return data
    return TensorData({"x": data} if isinstance(data, Tensor) else data)
