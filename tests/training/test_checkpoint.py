"""A checkpoint is written whole or not at all, and reading one executes nothing."""

from __future__ import annotations

import io
import json
import os
import pickle
import resource
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch
from training_examples import real_rows, tiny, weights

from anyvae.training import CheckpointError, fit, load_tensors, save_tensors, write_atomically


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_is_saved_is_loaded_to_the_bit(tmp_path: Path) -> None:
    tensors = {
        "float": torch.randn(3, 2),
        "double": torch.tensor([1 / 3], dtype=torch.float64),
        "half": torch.tensor([0.1], dtype=torch.bfloat16),
        "bytes": torch.random.get_rng_state(),
        "scalar": torch.tensor(5.0),
        "turned": torch.arange(6.0).view(2, 3).T,
        "empty": torch.zeros(0, 3),
    }
    state = {"step": 3, "bound": -1 / 3, "list": [None, 1.5], "text": "ünï"}
    save_tensors(tmp_path / "a.safetensors", tensors, state)
    loaded, found = load_tensors(tmp_path / "a.safetensors")
    assert found == state
    assert loaded.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert loaded[name].dtype == tensor.dtype
        assert torch.equal(loaded[name], tensor)
    assert names(tmp_path) == ["a.safetensors"]


def test_a_tensor_with_two_names_is_saved_under_both(tmp_path: Path) -> None:
    """As of a part that stands at two places of a model; views of one tensor too."""
    w = torch.randn(3, 4)
    save_tensors(tmp_path / "a.safetensors", {"one": w, "two": w, "row": w[1]}, {})
    loaded, _ = load_tensors(tmp_path / "a.safetensors")
    assert torch.equal(loaded["one"], w)
    assert torch.equal(loaded["two"], w)
    assert torch.equal(loaded["row"], w[1])


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_failure_while_writing_leaves_the_old_file(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.safetensors"
    save_tensors(path, {"w": torch.ones(1000)}, {"step": 1})
    before = path.read_bytes()

    def full(*anything: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(OSError, match="No space left"):
        save_tensors(path, {"w": torch.zeros(1000)}, {"step": 2})
    assert path.read_bytes() == before
    assert names(tmp_path) == ["a.safetensors"]


def test_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    write_atomically(path, b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_atomically(path, bytes(1 << 21))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.bin"]


def test_bytes_reach_the_disk_before_the_name_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    sync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (calls.append("fsync"), sync(handle))[1])
    monkeypatch.setattr(os, "replace", lambda a, b: (calls.append("replace"), replace(a, b))[1])
    write_atomically(tmp_path / "a.bin", b"new")
    assert calls[:2] == ["fsync", "replace"]
    assert (tmp_path / "a.bin").read_bytes() == b"new"


def test_disk_full_in_a_fit_ends_it_with_the_last_checkpoint_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c.safetensors"
    sync, calls = os.fsync, []

    def fails_at_third(handle: int) -> None:
        calls.append(handle)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        sync(handle)

    monkeypatch.setattr(os, "fsync", fails_at_third)
    with pytest.raises(OSError, match="No space left"):
        fit(tiny(), real_rows(), steps=20, evaluations=5, checkpoint=path)
    assert load_tensors(path)[1]["step"] == 8
    resumed, whole = tiny(), tiny()
    fit(resumed, real_rows(), steps=20, evaluations=5, checkpoint=path, resume=True)
    fit(whole, real_rows(), steps=20, evaluations=5)
    assert all(
        torch.equal(a, b) for a, b in zip(weights(resumed).values(), weights(whole).values(), strict=True)
    )


class Evil:
    """Leaves a file behind when unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.touch, (self.mark,)


def pickled(mark: Path) -> bytes:
    return pickle.dumps(Evil(mark))


def torch_file(mark: Path) -> bytes:
    buffer = io.BytesIO()
    torch.save({"w": torch.ones(2), "evil": Evil(mark)}, buffer)
    return buffer.getvalue()


def old_torch_file(mark: Path) -> bytes:
    buffer = io.BytesIO()
    torch.save({"evil": Evil(mark)}, buffer, _use_new_zipfile_serialization=False)
    return buffer.getvalue()


def zipped(mark: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", pickled(mark))
    return buffer.getvalue()


def good(metadata: dict[str, str]) -> bytes:
    return safetensors.torch.save({"w": torch.ones(100)}, metadata)


def headed(header: object, body: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + body


FORMAT = {"format": "anyvae-1", "state": "{}"}
ENTRY = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
FILES: dict[str, Callable[[Path], bytes]] = {
    "pickle": pickled,
    "torch zip": torch_file,
    "old torch file": old_torch_file,
    "zip": zipped,
    "pickle behind a header": lambda mark: headed({"__metadata__": FORMAT}, pickled(mark)),
    "pickle as the header": lambda mark: headed(pickled(mark)),
    "empty": lambda _: b"",
    "text": lambda _: b"hello, I am a checkpoint of yours, believe me",
    "cut in the header": lambda _: good(FORMAT)[:20],
    "cut in the numbers": lambda _: good(FORMAT)[:-7],
    "more than was said": lambda _: good(FORMAT) + b"more",
    "header of 2**60 bytes": lambda _: headed({"w": ENTRY}, bytes(8), length=2**60),
    "offsets outside": lambda _: headed(
        {"w": {**ENTRY, "data_offsets": [0, 800]}, "__metadata__": FORMAT}, bytes(8)
    ),
    "shape that lies": lambda _: headed({"w": {**ENTRY, "shape": [99]}, "__metadata__": FORMAT}, bytes(8)),
    "unknown type": lambda _: headed({"w": {**ENTRY, "dtype": "OBJ"}, "__metadata__": FORMAT}, bytes(8)),
    "no metadata": lambda _: safetensors.torch.save({"w": torch.ones(2)}),
    "of somebody else": lambda _: good({"format": "pt", "state": "{}"}),
    "of the future": lambda _: good({"format": "anyvae-999", "state": "{}"}),
    "state is no JSON": lambda _: good({"format": "anyvae-1", "state": "__import__('os')"}),
    "state is a list": lambda _: good({"format": "anyvae-1", "state": "[1]"}),
}


@pytest.mark.parametrize("kind", FILES)
def test_foreign_files_are_refused_and_nothing_runs(kind: str, tmp_path: Path) -> None:
    mark, path = tmp_path / "executed", tmp_path / "c.safetensors"
    path.write_bytes(FILES[kind](mark))
    with pytest.raises(CheckpointError, match=r"c\.safetensors"):
        load_tensors(path)
    model = tiny()
    before = weights(model)
    with pytest.raises(CheckpointError):
        fit(model, real_rows(), steps=3, checkpoint=path, resume=True)
    assert not mark.exists()
    assert all(torch.equal(before[name], tensor) for name, tensor in weights(model).items())


def test_the_pickles_of_this_test_do_bite(tmp_path: Path) -> None:
    pickle.loads(pickled(tmp_path / "a"))
    torch.load(io.BytesIO(torch_file(tmp_path / "b")), weights_only=False)
    assert names(tmp_path) == ["a", "b"]


def test_missing_file_and_folder_are_said(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="does not exist"):
        load_tensors(tmp_path / "none.safetensors")
    with pytest.raises(CheckpointError):
        load_tensors(tmp_path)


@pytest.mark.parametrize(
    "lost", ["plan", "history", "best_step", "model.generative.x.free.raw_scale", "generator.cpu.0"]
)
def test_checkpoint_with_a_part_missing_is_refused(lost: str, tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    fit(tiny(), real_rows(), steps=3, checkpoint=path)
    tensors, state = load_tensors(path)
    assert lost in tensors or lost in state
    tensors.pop(lost, None)
    state.pop(lost, None)
    save_tensors(path, tensors, state)
    with pytest.raises(
        CheckpointError, match=lost.removeprefix("model.") if lost != "plan" else "no checkpoint of a run"
    ):
        fit(tiny(), real_rows(), steps=3, checkpoint=path, resume=True)
