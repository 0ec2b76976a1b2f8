"""Two processes on one machine: the same weights in both, and those of one process alone.

They are started once; every test reads what they wrote.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from training_examples import Trip, differing, real_rows, tiny, two_processes_ran, weights
from two_processes import ALIKE, SAME_AS_ALONE, STEPS, beside, held, made

from anyvae.inference import evaluate_bound
from anyvae.training import CheckpointError, fit, load_tensors

KINDS = ["copied", "sharded"]
Outcome = tuple[dict[str, torch.Tensor], dict[str, Any]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where both processes wrote."""
    found = tmp_path_factory.mktemp("processes")
    said = two_processes_ran("two_processes.py", found)
    assert "Warning" not in said, said
    return found


def both(folder: Path, name: str) -> tuple[Outcome, Outcome]:
    first, second = (load_tensors(folder / f"{name}-{rank}.safetensors") for rank in range(2))
    return first, second


NAMES = [
    *(f"draws{again}" for again in range(2)),
    *(f"{kind}-{name}" for kind in KINDS for name in [*SAME_AS_ALONE, "whole", "resumed", "minutes"]),
]


@pytest.mark.parametrize("name", NAMES)
def test_both_processes_end_with_the_same_bits(name: str, folder: Path) -> None:
    (first, state), (second, other) = both(folder, name)
    assert differing(first, second) == []
    assert state == other
    model = made(name.split("-")[-1])
    start = weights(model)
    learned = differing({key: first[key] for key in start}, start)
    assert len(learned) == len(list(model.parameters())), "nothing was learned"


@pytest.mark.parametrize("name", SAME_AS_ALONE)
@pytest.mark.parametrize("kind", KINDS)
def test_without_draws_they_reach_what_one_process_reaches(kind: str, name: str, folder: Path) -> None:
    model = made(name)
    options = SAME_AS_ALONE[name]()
    result = fit(model, real_rows(), **{"steps": STEPS, "evaluations": 5, **options})
    (found, state), _ = both(folder, f"{kind}-{name}")
    for key, tensor in (weights(model) | beside(options)).items():
        torch.testing.assert_close(found[key], tensor, rtol=1e-5, atol=1e-5)
    assert (state["steps"], state["best_step"], state["ended"]) == (
        result.steps,
        result.best_step,
        result.ended,
    )
    assert state["bound"] == pytest.approx(evaluate_bound(model, {"x": held()}).elbo.mean().item(), abs=1e-4)


@pytest.mark.parametrize("name", ALIKE)
@pytest.mark.parametrize("kind", KINDS)
def test_both_processes_end_alike_whatever_happens_in_one(kind: str, name: str, folder: Path) -> None:
    (first, state), (second, other) = both(folder, f"{kind}-{name}")
    assert state == other
    assert name == "failed" or differing(first, second) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_weight_without_a_gradient_stays(kind: str, folder: Path) -> None:
    model, options = ALIKE["unused"]()
    before = weights(model)
    fit(model, real_rows(), steps=STEPS, evaluations=5, **options)
    found = both(folder, f"{kind}-unused")[0][0]
    for key, tensor in weights(model).items():
        torch.testing.assert_close(found[key], tensor, rtol=1e-5, atol=1e-5)
    assert "generative.z.free.loc" not in differing(before, found)


@pytest.mark.parametrize("kind", KINDS)
def test_a_loss_that_is_not_finite_in_one_process_ends_both(kind: str, folder: Path) -> None:
    said = both(folder, f"{kind}-failed")[0][1]["failed"]
    assert "the loss is not finite at step 7: the data hold element 2 of 'x' = nan" in said


@pytest.mark.parametrize("kind", KINDS)
def test_ctrl_c_in_the_last_steps_is_heard(kind: str, folder: Path) -> None:
    assert both(folder, f"{kind}-late")[0][1]["interrupted"] == STEPS - 1


def test_the_best_weights_are_not_the_last_ones(folder: Path) -> None:
    """Or the tests above would not see whether best weights are restored."""
    assert both(folder, "copied-best")[0][1]["best_step"] < STEPS


def test_processes_draw_noise_of_their_own(folder: Path) -> None:
    """With the same noise in both, two rows of a batch would share it: a fit of draws is not that of one process."""
    model = tiny()
    fit(model, real_rows(), steps=STEPS, batch_size=13)
    assert differing(weights(model), both(folder, "draws0")[0][0]) != []


@pytest.mark.parametrize("kind", KINDS)
def test_ctrl_c_in_one_process_ends_all_at_the_same_step(kind: str, folder: Path) -> None:
    (_, first), (_, second) = both(folder, f"{kind}-cut")
    assert first["interrupted"] == second["interrupted"] == 10  # asked of all at every tenth step


@pytest.mark.parametrize("kind", KINDS)
def test_resumed_run_ends_with_the_bits_of_the_whole_one(kind: str, folder: Path) -> None:
    (whole, state), _ = both(folder, f"{kind}-whole")
    (resumed, other), _ = both(folder, f"{kind}-resumed")
    assert differing(whole, resumed) == []
    assert state == other


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_first_process_writes(kind: str, folder: Path) -> None:
    assert {path.name for path in (folder / f"files-{kind}-0").iterdir()} == {"c.safetensors", "events"}
    assert list((folder / f"files-{kind}-1").iterdir()) == []


@pytest.mark.parametrize("kind", KINDS)
def test_minutes_end_all_at_the_same_step(kind: str, folder: Path) -> None:
    (_, first), (_, second) = both(folder, f"{kind}-minutes")
    assert first["ended"] == second["ended"] == "minutes"
    assert first["steps"] == second["steps"] > 10


@pytest.mark.parametrize("kind", KINDS)
def test_checkpoint_of_two_processes_is_refused_by_one(kind: str, folder: Path) -> None:
    options: dict[str, Any] = {"steps": STEPS, "evaluations": 5, "batch_size": 13, "validation": held()}
    options |= {"learning_rate": Trip(), "checkpoint": folder / f"{kind}.safetensors", "resume": True}
    with pytest.raises(CheckpointError, match="processes = 2, this one has 1"):
        fit(tiny(), real_rows(), **options)


@pytest.mark.parametrize("kind", KINDS)
def test_checkpoint_holds_whole_tensors(kind: str, folder: Path) -> None:
    tensors, _ = load_tensors(folder / f"files-{kind}-0" / "c.safetensors")
    for name, tensor in weights(tiny()).items():
        assert tensors[f"model.{name}"].shape == tensors[f"best.{name}"].shape == tensor.shape
    for name, parameter in tiny().named_parameters():
        assert tensors[f"optimizer.model.exp_avg.{name}"].shape == parameter.shape
    assert not torch.equal(tensors["generator.cpu.0"], tensors["generator.cpu.1"])
