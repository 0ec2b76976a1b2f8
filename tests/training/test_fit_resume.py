"""A run that was interrupted and resumed ends with the weights of one that was not, bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from training_examples import (
    Trip,
    at_step,
    differing,
    grey_rows,
    lines,
    press_ctrl_c,
    real_rows,
    tiny,
    weights,
)

from anyvae.conditionals import DiagonalNormal, Normal, StandardNormal
from anyvae.model import LatentVariableModel, Partial, Trace
from anyvae.networks import MLP, Linear
from anyvae.objectives import (
    ELBO,
    GECO,
    IWAE,
    KL,
    Controlled,
    Critic,
    CriticTC,
    LinearRamp,
    LogLikelihood,
    Objective,
    PIController,
    TellApart,
    held_modules,
)
from anyvae.training import (
    CheckpointError,
    FitResult,
    Interrupted,
    Player,
    TensorData,
    fit,
    load_tensors,
    save_tensors,
)
from anyvae.training.identity import describe, fingerprint

STEPS = 40  # 6 steps an epoch of 61 rows in batches of 11, and an evaluation at every fourth step


def plain() -> tuple[LatentVariableModel, TensorData, dict[str, Any]]:
    return tiny(), TensorData({"x": real_rows()}), {"learning_rate": Trip()}


def one_network_at_two_places() -> tuple[LatentVariableModel, TensorData, dict[str, Any]]:
    """The same layers read two variables: their weights have two names."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        tied = nn.Sequential(nn.Linear(4, 8), nn.SiLU())
        latents = {name: DiagonalNormal(2).given(reads, net=tied) for name, reads in (("z", "x"), ("w", "y"))}
        made = {name: Normal(4).given(reads, net=Linear()) for name, reads in (("x", "z"), ("y", "w"))}
        model = LatentVariableModel({"z": StandardNormal(2), "w": StandardNormal(2), **made}, latents)
    rows = {"x": real_rows(), "y": real_rows(seed=5)}
    return model, TensorData(rows), {"learning_rate": Trip()}


def dropout_binarised_validated() -> tuple[LatentVariableModel, TensorData, dict[str, Any]]:
    validation = TensorData({"x": grey_rows(30, seed=1)}, binarise=["x"])
    options = {
        "learning_rate": Trip(),
        "validation": validation,
        "objective": ELBO(LinearRamp(0.2, 1.0), samples=2),
    }
    return tiny(dropout=0.3, binary=True), TensorData({"x": grey_rows()}, binarise=["x"]), options


def two_players_with_holes() -> tuple[LatentVariableModel, TensorData, dict[str, Any]]:
    x = real_rows()
    mask = torch.rand(x.shape, generator=torch.Generator().manual_seed(3)) > 0.2
    sgd: Callable[..., torch.optim.Optimizer] = lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9)  # noqa: E731
    players = [
        Player("q", IWAE(3), ["inference"], learning_rate=Trip()),
        Player("p", ELBO(), ["generative.x"], optimizer=sgd, every=3),
    ]
    data = TensorData({"x": Partial(x.where(mask, torch.nan), mask)})
    return tiny(dropout=0.1), data, {"players": players, "validation": real_rows(20, seed=5)}


def critic_and_controllers() -> tuple[LatentVariableModel, TensorData, dict[str, Any]]:
    with torch.random.fork_rng():
        torch.manual_seed(7)
        critic = Critic(2, net=MLP([8], dropout=0.2))
    held_to = Controlled(LogLikelihood(), GECO(-4.0, speed=0.1))
    objective = held_to - Controlled(KL(), PIController(1.0, integral=0.01)) - 2.0 * CriticTC(critic)
    players = [
        Player("model", objective, learning_rate=Trip()),
        Player("critic", TellApart(critic), [critic], every=2),
    ]
    options = {"players": players, "validation": real_rows(20, seed=5), "keep_last": True}
    return tiny(), TensorData({"x": real_rows()}), options


def beside(case_options: dict[str, Any]) -> dict[str, torch.Tensor]:
    """A copy of all that players hold beside the model."""
    modules = held_modules([(p.objective, p.parts) for p in case_options.get("players", [])])
    states = [module.state_dict() for module in modules]
    return {f"{index}.{name}": state[name].clone() for index, state in enumerate(states) for name in state}


def run(
    case: Callable[[], tuple[LatentVariableModel, TensorData, dict[str, Any]]], **more: Any
) -> tuple[FitResult, dict[str, torch.Tensor]]:
    model, data, options = case()
    result = fit(model, data, steps=STEPS, batch_size=11, evaluations=10, seed=3, **{**options, **more})
    return result, weights(model) | beside({**options, **more})


CASES = [
    plain,
    dropout_binarised_validated,
    two_players_with_holes,
    critic_and_controllers,
    one_network_at_two_places,
]


@pytest.mark.parametrize("case", CASES)
def test_interrupted_run_resumes_to_the_same_bits(case: Callable[..., Any], tmp_path: Path) -> None:
    whole, expected = run(case)
    # The first step, mid-epoch, at an evaluation, at an epoch's end, the last but one; and three cuts.
    for cuts in ([1], [9], [12], [18], [39], [5, 17, 33]):
        path = tmp_path / f"{cuts}.safetensors"
        for cut in cuts:
            Trip.action = at_step(cut, STEPS, press_ctrl_c)
            with pytest.raises(Interrupted) as caught:
                run(case, checkpoint=path, resume=True)
            assert caught.value.step == cut == load_tensors(path)[1]["step"]
            torch.randn(3)  # what the caller draws meanwhile is no part of the run
        Trip.action = None
        result, resumed = run(case, checkpoint=path, resume=True)
        assert differing(expected, resumed) == [], cuts
        assert lines(result) == lines(whole)
        assert (result.best_step, result.steps, result.ended) == (whole.best_step, whole.steps, whole.ended)


def test_checkpoint_does_not_change_the_run(tmp_path: Path) -> None:
    _, without = run(plain)
    _, with_one = run(plain, checkpoint=tmp_path / "c.safetensors")
    assert differing(without, with_one) == []


def test_resume_needs_no_luck_with_the_model_it_is_given(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    _, expected = run(plain)
    Trip.action = at_step(13, STEPS, press_ctrl_c)
    with pytest.raises(Interrupted):
        run(plain, checkpoint=path)
    Trip.action = None
    other = tiny(seed=99)
    fit(
        other,
        real_rows(),
        steps=STEPS,
        batch_size=11,
        evaluations=10,
        seed=3,
        learning_rate=Trip(),
        checkpoint=path,
        resume=True,
    )
    assert differing(expected, weights(other)) == []


def test_finished_run_resumes_to_itself(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    whole, expected = run(dropout_binarised_validated, checkpoint=path)
    again, resumed = run(dropout_binarised_validated, checkpoint=path, resume=True)
    assert differing(expected, resumed) == []
    assert again == whole  # the clock included: nothing was trained
    assert whole.best_step < STEPS or whole.best_step == whole.history[-1].step


def test_resume_starts_a_run_that_was_never_saved(tmp_path: Path) -> None:
    _, expected = run(plain)
    _, resumed = run(plain, checkpoint=tmp_path / "none.safetensors", resume=True)
    assert differing(expected, resumed) == []


def test_without_resume_the_run_starts_anew(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    Trip.action = at_step(30, STEPS, press_ctrl_c)
    with pytest.raises(Interrupted):
        run(plain, checkpoint=path)
    Trip.action = None
    seen: list[float] = []
    Trip.action = seen.append
    run(plain, checkpoint=path)
    assert len(seen) == STEPS


@pytest.fixture
def half_done(tmp_path: Path) -> Path:
    """A checkpoint of step 10 of a plain run."""
    path = tmp_path / "c.safetensors"
    Trip.action = at_step(10, STEPS, press_ctrl_c)
    with pytest.raises(Interrupted):
        run(dropout_binarised_validated, checkpoint=path)
    Trip.action = None
    return path


changed = grey_rows()
changed[17, 2] = 1.0 - changed[17, 2]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"data": TensorData({"x": grey_rows(60)}, ["x"])}, "rows = 61, this one has 60"),
        ({"data": TensorData({"x": changed}, ["x"])}, "data checksum"),
        ({"data": TensorData({"x": grey_rows()}, ["x"], expand={"x": lambda x, mask: (x, mask)})}, "data checksum"),
        ({"validation": TensorData({"x": grey_rows(30, seed=2)}, ["x"])}, "validation checksum"),
        ({"steps": 41}, "steps = 40, this one has 41"),
        ({"batch_size": 12}, "batch_size = 11, this one has 12"),
        ({"seed": 4}, "seed = 3, this one has 4"),
        ({"patience": 0.5}, "patience = 0.2, this one has 0.5"),
        ({"evaluations": 20}, "interval = 4, this one has 2"),
        ({"minutes": 1.0}, "minutes = None, this one has 1.0"),
        ({"learning_rate": 0.5}, "WarmupCosine(final=0.005, peak=0.5, warmup=0.03)"),
        ({"objective": ELBO(LinearRamp(0.3, 1.0), samples=2)}, "start=0.3"),
        ({"objective": IWAE(2)}, "IWAE(samples=2)"),
        ({"precision": torch.bfloat16}, "precision = None, this one has torch.bfloat16"),
        ({"model": tiny(binary=True, hidden=6)}, "does not fit this model"),
    ],
)  # fmt: skip
def test_checkpoint_of_another_run_is_refused_by_name(
    change: dict[str, Any], named: str, half_done: Path
) -> None:
    model, data, options = dropout_binarised_validated()
    asked = {
        "steps": STEPS,
        "batch_size": 11,
        "evaluations": 10,
        "seed": 3,
        "data": data,
        "model": model,
        **options,
    }
    before = half_done.read_bytes()
    with pytest.raises(CheckpointError) as caught:
        fit(**{**asked, **change}, checkpoint=half_done, resume=True)
    assert named in str(caught.value)
    assert "another folder" in str(caught.value)
    assert half_done.read_bytes() == before


def test_data_that_are_read_in_another_way_are_other_data() -> None:
    x = Partial(torch.eye(4), torch.ones(4, 4, dtype=torch.bool))
    read: list[dict[str, Any]] = [{}, {"binarise": ["x"]}, {"hide": {"x": [1] * 4}}, {"hide": {"x": [2] * 2}}]
    assert len({fingerprint(TensorData({"x": x}, **how)) for how in read}) == 4


@pytest.mark.parametrize("part", ["model", "best"])
def test_a_checkpoint_that_lacks_weights_is_refused_and_changes_none(part: str, tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    run(plain, checkpoint=path)
    tensors, state = load_tensors(path)
    del tensors[f"{part}.inference.z.net.heads.linear.bias"]
    save_tensors(path, tensors, state)
    model, data, options = plain()
    before = weights(model)
    options |= {"steps": STEPS, "batch_size": 11, "evaluations": 10, "seed": 3}
    with pytest.raises(CheckpointError, match=r"linear.bias' have the shape none there and \[4\] here"):
        fit(model, data, checkpoint=path, resume=True, **options)
    assert differing(before, weights(model)) == []


def test_checkpoint_of_other_players_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    Trip.action = at_step(10, STEPS, press_ctrl_c)
    with pytest.raises(Interrupted):
        run(two_players_with_holes, checkpoint=path)
    Trip.action = None
    sgd: Callable[..., torch.optim.Optimizer] = lambda p: torch.optim.SGD(p, lr=0.1)  # noqa: E731
    players = [
        Player("q", IWAE(3), ["inference"], learning_rate=Trip()),
        Player("p", ELBO(), ["generative.x"], sgd),
    ]
    with pytest.raises(CheckpointError, match="every=3"):
        run(two_players_with_holes, players=players, checkpoint=path, resume=True)


def test_checkpoint_of_another_controller_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    Trip.action = at_step(10, STEPS, press_ctrl_c)
    objective = LogLikelihood() - Controlled(KL(), PIController(1.0))
    with pytest.raises(Interrupted):
        run(plain, objective=objective, checkpoint=path)
    Trip.action = None
    other = LogLikelihood() - Controlled(KL(), PIController(2.0))
    with pytest.raises(CheckpointError, match=r"PIController\(target=1\.0.*this one has.*target=2\.0"):
        run(plain, objective=other, checkpoint=path, resume=True)


def test_what_is_beside_the_model_moves_and_is_in_the_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    model, data, options = critic_and_controllers()
    before = beside(options)
    fit(model, data, steps=STEPS, batch_size=11, checkpoint=path, **options)
    after = beside(options)
    assert set(differing(before, after)) == set(after), "something beside the model does not move"
    saved = {name: tensor for name, tensor in load_tensors(path)[0].items() if name.startswith("beside.")}
    assert sorted(name.removeprefix("beside.") for name in saved) == sorted(after)
    assert all(torch.equal(saved[f"beside.{name}"], tensor) for name, tensor in after.items())
    critic = options["players"][1].parts[0]
    assert not critic.training
    assert all(parameter.grad is None and parameter.requires_grad for parameter in critic.parameters())


class Told(Objective):
    """The ELBO, told something that a user's objective may hold."""

    def __init__(self, what: object) -> None:
        super().__init__()
        self.what = what

    def of(self, trace: Trace, progress: float = 1.0) -> torch.Tensor:
        return trace.elbo()


def test_a_run_by_numbers_of_numpy_is_that_of_python_s(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    numbers: dict[str, Any] = {"steps": 12, "batch_size": 11, "evaluations": 3, "seed": 3}
    numbers |= {"patience": 0.5, "average": 0.25, "minutes": 64.0, "learning_rate": 0.25}

    def fitted(wrap: Callable[[Any], Any], **more: Any) -> FitResult:
        objective = ELBO(LinearRamp(wrap(0.5), 1.0))
        given = {name: wrap(number) for name, number in numbers.items()}
        return fit(tiny(), real_rows(), objective=objective, checkpoint=path, **given, **more)

    first = fitted(lambda number: np.int64(number) if isinstance(number, int) else np.float32(number))
    assert fitted(lambda number: number, resume=True) == first  # the clock included: it is the same run


@pytest.mark.parametrize(
    "what",
    [{"b", "a"}, torch.float32, torch.device("cpu"), Path("rows"), np.zeros(2), np.float32(0.5), slice(3)],
    ids=lambda what: type(what).__name__,
)
def test_an_objective_may_hold_anything(what: object, tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    fit(tiny(), real_rows(), objective=Told(what), steps=2, checkpoint=path)
    assert fit(tiny(), real_rows(), objective=Told(what), steps=2, checkpoint=path, resume=True).steps == 2
    with pytest.raises(CheckpointError, match="players = "):
        fit(tiny(), real_rows(), objective=Told({"c"}), steps=2, checkpoint=path, resume=True)


def test_the_order_of_a_set_says_nothing() -> None:
    assert str({0, 8}) != str({8, 0})
    assert describe(Told({0, 8})) == describe(Told({8, 0}))


def test_resume_without_a_path_is_refused() -> None:
    with pytest.raises(ValueError, match="resume=True without a checkpoint"):
        fit(tiny(), real_rows(), steps=2, resume=True)
