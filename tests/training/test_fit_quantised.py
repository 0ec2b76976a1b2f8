"""Codebooks in the fit loop: resumed to the bit, and one codebook in two processes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from training_examples import Trip, at_step, differing, press_ctrl_c, real_rows, two_processes_ran, weights
from two_quantised import BATCH, STEPS, descent, objective, quantised

from anyvae.training import Interrupted, fit, load_tensors


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where both processes wrote."""
    found = tmp_path_factory.mktemp("processes")
    two_processes_ran("two_quantised.py", found)
    return found


@pytest.mark.parametrize("kind", ["copied", "sharded"])
@pytest.mark.parametrize("start", ["revived", "placed"])
def test_two_processes_have_one_codebook(start: str, kind: str, folder: Path) -> None:
    first, second = (load_tensors(folder / f"{start}-{kind}-{rank}.safetensors")[0] for rank in range(2))
    assert differing(first, second) == []
    untouched = weights(quantised(placed=start == "placed"))
    assert len(differing(first, untouched)) == len(first), "something stood still"
    counted = float(first["inference.z.codebook.counts"].sum())
    # Every row of a batch, two codes each; in the passes of the short last batch fewer.
    assert 2 * 9 - 1 < counted < 2 * BATCH + 1


def test_placed_and_revived_codes_are_those_of_the_first_process(folder: Path) -> None:
    first, second = (load_tensors(folder / f"bare-{rank}.safetensors")[0] for rank in range(2))
    assert differing(first, second) == []
    assert int(first["passes"]) == 6
    assert len(first["vectors"][0].unique(dim=0)) == 40


@pytest.mark.parametrize("kind", ["copied", "sharded"])
def test_without_draws_two_processes_find_the_codes_of_one(kind: str, folder: Path) -> None:
    model = quantised(placed=True)
    fit(model, real_rows(), players=[descent()], steps=STEPS, batch_size=BATCH)
    found, _ = load_tensors(folder / f"placed-{kind}-0.safetensors")
    for name, tensor in weights(model).items():
        torch.testing.assert_close(found[name], tensor, rtol=1e-4, atol=1e-5, msg=name)


def test_a_resumed_run_ends_with_the_bits_of_the_whole_one(tmp_path: Path) -> None:
    """Codes are revived on both sides of the cut, so their draws have to be those of the whole run."""

    def run(path: Path, resume: bool = False) -> dict[str, torch.Tensor]:
        model = quantised(codes=40)
        fit(
            model,
            real_rows(),
            objective=objective(),
            steps=20,
            evaluations=5,
            batch_size=BATCH,
            learning_rate=Trip(),
            validation=real_rows(30, seed=1),
            checkpoint=path,
            resume=resume,
        )
        return weights(model)

    whole = run(tmp_path / "a.safetensors")
    Trip.action = at_step(9, 20, press_ctrl_c)
    try:
        with pytest.raises(Interrupted):
            run(tmp_path / "b.safetensors")
    finally:
        Trip.action = None
    assert differing(run(tmp_path / "b.safetensors", resume=True), whole) == []
    book = [
        load_tensors(tmp_path / "a.safetensors")[0][f"model.inference.z.codebook.{n}"]
        for n in ("vectors", "passes")
    ]
    assert int(book[1]) == 20
    assert len(book[0][0].unique(dim=0)) == 40
