"""Checkpoints: one safetensors file, written whole or not at all, read without executing anything."""

from __future__ import annotations

import glob
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

__all__ = ["CheckpointError", "clear_unfinished", "load_tensors", "save_tensors", "under", "write_atomically"]

_FORMAT = "anyvae-1"


class CheckpointError(ValueError):
    """A file that is no checkpoint of this library, is damaged, or belongs to another run."""


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or a crash, sees the old one or the new one and nothing between.

    Arguments:
        path: of the file.
        content: all of it.

    Raises:
        OSError: when the folder cannot be written or the disk is full; the old file is untouched.
    """
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def clear_unfinished(path: Path) -> None:
    """Remove what a process left behind that was killed inside `write_atomically`.

    Arguments:
        path: of the file that was being written.
    """
    for litter in path.parent.glob(f".{glob.escape(path.name)}.*"):
        litter.unlink(missing_ok=True)


def save_tensors(path: Path, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
    """Write tensors and a JSON state as one safetensors file, atomically.

    Arguments:
        path: of the file.
        tensors: by name; copied to the CPU.
        state: whatever JSON can hold.

    >>> import torch
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_tensors(Path(folder) / "a.safetensors", {"w": torch.ones(2)}, {"step": 3})
    ...     load_tensors(Path(folder) / "a.safetensors")
    ({'w': tensor([1., 1.])}, {'step': 3})
    """
    plain: dict[str, Tensor] = {}
    held: set[int] = set()
    for name, tensor in tensors.items():
        own = tensor.detach().cpu().contiguous()
        # A part that stands at two places of a model has two names for its weights; the file holds them twice.
        plain[name] = own.clone() if own.untyped_storage().data_ptr() in held else own
        held.add(own.untyped_storage().data_ptr())
    metadata = {"format": _FORMAT, "state": msgspec.json.encode(state).decode()}
    write_atomically(path, _in_order(save(plain, metadata)))


def _in_order(content: bytes) -> bytes:
    """The file with its metadata sorted, which safetensors shuffles: equal states are then equal bytes."""
    size = int.from_bytes(content[:8], "little")
    header = msgspec.json.decode(content[8 : 8 + size])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = msgspec.json.encode(header)
    text += b" " * (-len(text) % 8)
    return b"".join((len(text).to_bytes(8, "little"), text, memoryview(content)[8 + size :]))


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save_tensors` wrote.

    Nothing in the file is executed or unpickled: a header of numbers and raw bytes is all that is understood.

    Raises:
        CheckpointError: when the file is missing, damaged, or of another kind.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != _FORMAT:
                raise CheckpointError(f"{path} is no anyvae file (its format is {metadata.get('format')!r}).")
            state = msgspec.json.decode(metadata.get("state", "{}"), type=dict[str, Any])
            return {name: file.get_tensor(name) for name in file.keys()}, state  # noqa: SIM118  (no dict)
    except FileNotFoundError:
        raise CheckpointError(f"{path} does not exist.") from None
    except (SafetensorError, msgspec.DecodeError, OSError) as error:
        raise CheckpointError(
            f"{path} cannot be read as safetensors ({error}); it is damaged or of another kind, "
            "and nothing was loaded."
        ) from error


def under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names start with a prefix, by what follows it.

    >>> import torch
    >>> list(under({"model.a": torch.zeros(1), "best.a": torch.ones(1)}, "model."))
    ['a']
    """
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
