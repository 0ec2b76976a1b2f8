"""What a model is given: tensors by name, whole or with holes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias, final

import torch
from torch import Size, Tensor

from anyvae.wants import shown, wants

__all__ = ["Batch", "Evidence", "Partial", "admit", "check_batch"]


@final
class Partial(NamedTuple):
    """A value of which only a part is given.

    Arguments:
        value: shape (B, *event); what stands in the holes is never read.
        mask: True where given; (B,) for whole rows, (B, *event) for single cells.

    >>> Partial(torch.tensor([[1.0, float("nan")]]), torch.tensor([[True, False]])).mask.shape
    torch.Size([1, 2])
    """

    value: Tensor
    mask: Tensor


Batch: TypeAlias = Mapping[str, "Tensor | Partial"]


@final
class Evidence(NamedTuple):
    """One name of a batch, checked and with its holes filled.

    Arguments:
        value: shape (B, *event), finite everywhere.
        mask: None where everything is given; else bool, (B,) for rows or (B, *event) for cells.
    """

    value: Tensor
    mask: Tensor | None

    def given(self) -> Tensor | Partial:
        """As one passes it in a batch."""
        return self.value if self.mask is None else Partial(self.value, self.mask)

    @property
    def by_rows(self) -> bool:
        """Whether whole rows are missing rather than cells."""
        return self.mask is not None and self.mask.dim() == 1

    def filled(self) -> Tensor | None:
        """The rows, whose holes hold what the first row that has the cell holds; None where a cell is given nowhere.

        What stands in a hole is no value of the variable, and cannot be judged as one.
        """
        if self.mask is None:
            return self.value
        mask = self.cell_mask() > 0
        if not len(mask) or not bool(mask.any(0).all()):
            return None
        first = mask.to(torch.uint8).argmax(0, keepdim=True)
        return torch.where(mask, self.value, self.value.gather(0, first))

    def cell_mask(self) -> Tensor:
        """The mask as floats of the value's shape."""
        if self.mask is None:
            return self.value.new_ones(()).expand_as(self.value)
        mask = self.mask.view(-1, *(1,) * (self.value.dim() - 1)) if self.by_rows else self.mask
        return mask.to(self.value.dtype).expand_as(self.value)


def check_batch(batch: Batch) -> None:
    """Refuse what holds no tensors by name.

    Raises:
        TypeError: naming what is there instead.
    """
    if not isinstance(batch, Mapping):
        raise TypeError(
            f"a batch: got {shown(batch)}; wanted tensors by name, as {{'x': rows}}. Tables are read by "
            "anyvae.estimators."
        )
    for name, item in batch.items():
        value, mask = item if isinstance(item, Partial) else (item, None)
        wants(
            Tensor, value, f"{name!r} of a batch", "a tensor, as torch.as_tensor(...) makes one of an array"
        )
        if mask is not None:
            wants(Tensor, mask, f"the mask of {name!r}", "a tensor of True where a cell is given")


def admit(
    batch: Batch, shapes: Mapping[str, Size], dtype: torch.dtype, device: torch.device
) -> dict[str, Evidence]:
    """Check a batch against the model's variables and cast it; the only place where this happens.

    Arguments:
        batch: tensors or `Partial` values by name.
        shapes: event shape of every variable.
        dtype, device: of the model's weights.

    Raises:
        TypeError: when it is no mapping, or a value no tensor.
        ValueError: naming the variable, for an unknown name, a wrong shape, or differing numbers of rows.
    """
    check_batch(batch)
    evidence: dict[str, Evidence] = {}
    rows: int | None = None
    for name, item in batch.items():
        if name not in shapes:
            raise ValueError(
                f"the batch holds {name!r}, which is no variable of the model; it has {sorted(shapes)}."
            )
        value, mask = item if isinstance(item, Partial) else (item, None)
        if value.dim() == 0 or value.shape[1:] != shapes[name]:
            hint = ""
            if value.shape[1:].numel() == shapes[name].numel():
                hint = f" Reshape it: {name}.view(-1, {', '.join(map(str, shapes[name]))})."
            raise ValueError(
                f"{name!r} has shape {tuple(value.shape)}; "
                f"wanted (rows, {', '.join(map(str, shapes[name]))}).{hint}"
            )
        if rows is not None and len(value) != rows:
            raise ValueError(f"{name!r} has {len(value)} rows, the other variables of the batch {rows}.")
        rows = len(value)
        value = value.to(device=device, dtype=dtype)
        if mask is not None:
            if mask.shape not in (value.shape[:1], value.shape):
                raise ValueError(
                    f"the mask of {name!r} has shape {tuple(mask.shape)}; wanted {tuple(value.shape[:1])} "
                    f"(rows) or {tuple(value.shape)} (cells)."
                )
            mask = mask.to(device=device, dtype=torch.bool)
            wide = mask.view(-1, *(1,) * (value.dim() - 1)) if mask.dim() == 1 else mask
            # Filled before anything reads it: where() after an operation would pass NaN gradients.
            value = torch.where(wide, value, torch.zeros((), dtype=dtype, device=device))
        evidence[name] = Evidence(value, mask)
    return evidence
