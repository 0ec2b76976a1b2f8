"""Noise that belongs to a row, so that an evaluation does not depend on how rows are batched."""

from __future__ import annotations

import zlib
from typing import TypeAlias, final

import torch
from torch import Size, Tensor

from anyvae.distributions import whitened
from anyvae.model import Evidence

__all__ = ["Pools", "RowNoise", "count_rows", "row_keys", "seeded"]

Pools: TypeAlias = dict[tuple[str, int], Tensor]

_POOL_BITS = 16
_HASHED_ROWS = 2048
# Above it the product of the columns would cost more than the draws.
_WHITENED_WIDTH = 256


@final
class RowNoise:
    """Standard normal numbers that are a function of the seed, the variable and the row's content alone.

    Each variable has a fixed pool of 65,536 normal vectors; the S draws of a row are S neighbours in the
    pool, from a place that the row's content chooses. So an evaluation is deterministic, a batch gives
    what a loop over its rows gives, and neither batch size nor row order matters. Rows share the pool, so its
    mean and covariance are made exactly those of N(0, I): a mean over rows would else keep their error.

    Arguments:
        seed: chooses the pools.
        keys: one integer per row, shape (B,), from `row_keys`.
        offset: how many draws of each row were made before.
        pools: pools of earlier batches, reused.
    """

    def __init__(self, seed: int, keys: Tensor, offset: int = 0, pools: Pools | None = None) -> None:
        self.seed = seed
        self.keys = keys
        self.offset = offset
        self.pools = {} if pools is None else pools

    def __call__(self, name: str, shape: Size, dtype: torch.dtype) -> Tensor:
        """Noise of shape (S, B, *noise_shape) for one variable."""
        samples, rows = shape[:2]
        width = shape[2:].numel()
        pool = self.pools.get((name, width))
        if pool is None:
            # Python's hash of a string differs between processes; a checksum of its bytes does not.
            salt = zlib.crc32(name.encode())
            generator = torch.Generator().manual_seed((self.seed * 1_000_003 + salt) % 2**63)
            pool = torch.randn(2**_POOL_BITS, width, generator=generator, dtype=torch.float32)
            self.pools[name, width] = pool = _whitened(pool)
        index = (self.keys.unsqueeze(0) + self.offset + torch.arange(samples).unsqueeze(1)) & (
            2**_POOL_BITS - 1
        )
        noise = pool[index.flatten()].view(samples, rows, *shape[2:])
        return noise.to(dtype=dtype, device=self.keys.device)


def _whitened(pool: Tensor) -> Tensor:
    centred = pool.double() - pool.double().mean(0)
    if pool.shape[1] > _WHITENED_WIDTH:
        return (centred / centred.std(0, correction=0)).float()
    return whitened(centred).contiguous().float()


def count_rows(evidence: dict[str, Evidence]) -> int:
    """How many rows a batch holds.

    Raises:
        ValueError: when there are none.
    """
    rows = len(next(iter(evidence.values())).value) if evidence else 0
    if not rows:
        raise ValueError("the batch holds no rows; pass some, as {'x': rows}.")
    return rows


def row_keys(evidence: dict[str, Evidence]) -> Tensor:
    """One integer per row, a hash of the row's given values, shape (B,), on the CPU."""
    count_rows(evidence)
    total: Tensor | None = None
    for index, name in enumerate(sorted(evidence)):
        item = evidence[name]
        # + 0.0 folds minus zero; float32 gives rows the same key in every precision of the model.
        bits = (
            (item.value.detach().cpu().float() + 0.0)
            .reshape(len(item.value), -1)
            .contiguous()
            .view(torch.int32)
        )
        generator = torch.Generator().manual_seed(7919 + index)
        odd = torch.randint(2**40, (bits.shape[1],), generator=generator) * 2 + 1
        # Some rows at a time: the products of all would take twice their room, and be fetched anew to be summed.
        part = torch.cat([(some * odd).sum(1) for some in bits.split(_HASHED_ROWS)])
        total = part if total is None else total * 31 + part
    assert total is not None
    mixed = (total ^ (total >> 29)) * 0x1B873593
    return (mixed ^ (mixed >> 32)) & (2**_POOL_BITS - 1)


class seeded:  # a context manager, used and so named like torch.no_grad
    """Torch's generators at `seed` inside the block, as they were after it; nothing at all where it is None.

    >>> before = torch.random.get_rng_state()
    >>> with seeded(3):
    ...     first = torch.rand(1)
    >>> with seeded(3):
    ...     second = torch.rand(1)
    >>> bool(first == second), bool((before == torch.random.get_rng_state()).all())
    (True, True)
    """

    def __init__(self, seed: int | None) -> None:
        self.seed = seed
        self._fork = torch.random.fork_rng(devices=range(torch.cuda.device_count()), enabled=seed is not None)

    def __enter__(self) -> None:
        self._fork.__enter__()
        if self.seed is not None:
            torch.manual_seed(self.seed)

    def __exit__(self, *error: object) -> None:
        self._fork.__exit__(*error)  # type: ignore[arg-type]
