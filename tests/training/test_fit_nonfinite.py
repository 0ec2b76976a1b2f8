"""A number that is not finite ends the run, with a name and a step, and the last good checkpoint stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from training_examples import Trip, at_step, differing, press_ctrl_c, real_rows, tiny, weights

from anyvae.conditionals import DiagonalNormal, Normal, StandardNormal
from anyvae.model import LatentVariableModel, Partial, Trace
from anyvae.networks import MLP
from anyvae.objectives import ELBO, Critic, CriticTC, Objective, TellApart
from anyvae.training import Interrupted, NonFiniteError, Player, TensorData, fit, load_tensors

COLUMNS = {"x": ["acid", "sugar", "salt", "alcohol"]}


def with_cell(value: float, row: int = 17, column: int = 2) -> Tensor:
    x = real_rows()
    x[row, column] = value
    return x


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("role", ["data", "validation"])
def test_cell_is_refused_at_the_door_by_column_and_row(value: float, role: str) -> None:
    bad, good = TensorData({"x": with_cell(value)}, columns=COLUMNS), real_rows()
    model = tiny()
    before = weights(model)
    with pytest.raises(ValueError, match=r"column 'salt' of 'x' = -?(nan|inf) in row 17; mark missing cells"):
        fit(model, bad if role == "data" else good, validation=bad if role == "validation" else None, steps=3)
    assert differing(before, weights(model)) == []


def test_cell_without_a_column_name_is_counted() -> None:
    with pytest.raises(ValueError, match="element 2 of 'x' = nan in row 17"):
        fit(tiny(), with_cell(torch.nan), steps=3)


def test_missing_cells_may_hold_anything() -> None:
    x = with_cell(torch.nan)
    result = fit(tiny(), TensorData({"x": Partial(x, ~x.isnan())}), steps=3)
    assert result.steps == 3
    with pytest.raises(ValueError, match="element 2 of 'x' = nan in row 17"):
        fit(tiny(), TensorData({"x": Partial(x, torch.ones(61, dtype=torch.bool))}), steps=3)


def test_cell_that_turns_bad_during_the_run_is_named_with_its_step() -> None:
    """Memory that others write to, for instance; and conditions, which no family checks."""
    model = LatentVariableModel(
        generative={"z": StandardNormal(1), "x": Normal(4).given("z", "c", net=MLP([4]))},
        inference={"z": DiagonalNormal(1).given("x", "c", net=MLP([4]))},
        conditions={"c": ()},
    )
    c = torch.linspace(-1, 1, 61)
    Trip.action = at_step(5, 20, lambda: c.fill_(torch.nan))
    data = TensorData({"x": real_rows(), "c": c}, columns={"c": ["year"]})
    with pytest.raises(
        NonFiniteError, match="not finite at step 6: the data hold column 'year' of 'c' = nan"
    ) as caught:
        fit(model, data, steps=20, evaluations=1, learning_rate=Trip())
    assert caught.value.step == 6


def test_weight_that_turns_nan_is_named_and_the_last_good_checkpoint_resumes(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    model, expected = tiny(), tiny()
    name = "generative.x.net.heads.linear.bias"

    def spoil() -> None:
        with torch.no_grad():
            model.get_parameter(name)[1] = torch.nan

    Trip.action = at_step(7, 20, spoil)
    with pytest.raises(NonFiniteError) as caught:
        fit(model, real_rows(), steps=20, evaluations=10, learning_rate=Trip(), checkpoint=path)
    assert caught.value.step == 7
    assert f"step 7: the weights {name!r} are not finite" in str(caught.value)
    assert "The last good checkpoint is kept." in str(caught.value)
    tensors, state = load_tensors(path)
    assert state["step"] == 6
    assert all(bool(tensor.isfinite().all()) for tensor in tensors.values())
    Trip.action = None
    fit(model, real_rows(), steps=20, evaluations=10, learning_rate=Trip(), checkpoint=path, resume=True)
    fit(expected, real_rows(), steps=20, evaluations=10, learning_rate=Trip())
    assert differing(weights(model), weights(expected)) == []


def test_weights_of_a_critic_that_turn_nan_are_named() -> None:
    critic = Critic(2, net=MLP([4]))

    def spoil() -> None:
        with torch.no_grad():
            next(critic.parameters()).fill_(torch.nan)

    Trip.action = at_step(5, 20, spoil)
    players = [
        Player("model", ELBO() - CriticTC(critic), learning_rate=Trip()),
        Player("critic", TellApart(critic), [critic]),
    ]
    with pytest.raises(NonFiniteError, match=r"step 5: the weights 'beside\.0\.net\..*' are not finite"):
        fit(tiny(), real_rows(), players=players, steps=20, evaluations=1)


def test_likelihood_that_overflows_is_named_with_its_column() -> None:
    model = tiny()
    for parameter in model.inference.parameters():
        torch.nn.init.zeros_(parameter)  # so that the huge cell reaches nothing but its own density
    data = TensorData({"x": with_cell(3e38)}, columns=COLUMNS)
    with pytest.raises(
        NonFiniteError, match=r"at step 1: log p\(x\) is not finite at column 'salt' of 'x'"
    ) as caught:
        fit(model, data, steps=20, batch_size=61)
    assert "checkpoint" not in str(caught.value)


def test_a_checkpoint_that_was_never_written_is_not_said_to_be_kept(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    with pytest.raises(NonFiniteError) as caught:
        fit(tiny(), real_rows(), objective=Infinite(), steps=2, checkpoint=path)
    assert "checkpoint" not in str(caught.value)
    assert not path.exists()


def test_a_checkpoint_that_was_resumed_from_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    Trip.action = at_step(3, 20, press_ctrl_c)
    with pytest.raises(Interrupted):
        fit(tiny(), real_rows(), steps=20, evaluations=1, learning_rate=Trip(), checkpoint=path)
    x = real_rows()
    Trip.action = at_step(5, 20, lambda: x.fill_(torch.nan))
    with pytest.raises(NonFiniteError, match="The last good checkpoint is kept"):
        fit(tiny(), x, steps=20, evaluations=1, learning_rate=Trip(), checkpoint=path, resume=True)


def test_step_is_the_one_that_read_the_row() -> None:
    model = tiny()
    for parameter in model.inference.parameters():
        torch.nn.init.zeros_(parameter)
    steps = set()
    for seed in range(4):
        witness = Witness()
        with pytest.raises(NonFiniteError) as caught:
            fit(model, with_cell(3e38), objective=witness, epochs=1, batch_size=8, seed=seed, evaluations=1)
        assert caught.value.step == witness.huge
        steps.add(witness.huge)
    assert len(steps) > 1


class Witness(Objective):
    """The ELBO, which counts batches up to the one with the huge cell."""

    def __init__(self) -> None:
        super().__init__()
        self.count, self.huge = 0, 0

    def of(self, trace: Trace, progress: float = 1.0) -> Tensor:
        self.count += 1
        if bool((trace.values["x"] > 1e30).any()):
            self.huge = self.count
        return trace.elbo()


def test_encoder_that_overflows_is_named() -> None:
    data = TensorData({"x": with_cell(3e38)}, columns=COLUMNS)
    model = tiny()
    with torch.no_grad():
        model.get_parameter("inference.z.net.heads.linear.weight").mul_(1e4)
    with pytest.raises(NonFiniteError, match="the draw of 'z' from its inference conditional is not finite"):
        fit(model, data, steps=20, batch_size=61)


def test_validation_that_overflows_is_named() -> None:
    model = tiny()
    for parameter in model.inference.parameters():
        torch.nn.init.zeros_(parameter)
    held = TensorData({"x": with_cell(3e38)}, columns=COLUMNS)
    training = TensorData({"x": real_rows()}, columns=COLUMNS)
    with pytest.raises(NonFiniteError, match=r"at step 4: in the evaluation, log p\(x\) .* column 'salt'"):
        fit(model, training, validation=held, steps=20, evaluations=5, learning_rate=1e-9)


class Infinite(Objective):
    def of(self, trace: Trace, progress: float = 1.0) -> Tensor:
        return trace.elbo() / 0.0


def test_term_of_the_objective_is_what_is_left() -> None:
    with pytest.raises(NonFiniteError, match="the sum of the terms is not finite"):
        fit(tiny(), real_rows(), objective=Infinite(), steps=2)


class Steep(Objective):
    """A finite number whose gradient is none at a step."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self.left = step

    def of(self, trace: Trace, progress: float = 1.0) -> Tensor:
        self.left -= trace.model.training
        bound = trace.elbo()
        return bound + (bound * 0.0).sqrt() if self.left == 0 else bound


@pytest.mark.parametrize("boundless", [False, True])
def test_weights_that_a_gradient_spoiled_are_never_kept(
    boundless: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not those of the last step of a model without a bound, nor those at which Ctrl-C comes."""
    path = tmp_path / "c.safetensors"
    if boundless:
        monkeypatch.setattr("anyvae.training.watch.Watch._bound_of", lambda *_: None)
    else:
        Trip.action = at_step(8, 9, press_ctrl_c)
    options: dict[str, Any] = {"evaluations": 2, "keep_last": True, "learning_rate": Trip()}
    steps = 8 if boundless else 9
    with pytest.raises(NonFiniteError, match=r"step 8: the weights .* are not finite"):
        fit(tiny(), real_rows(), objective=Steep(8), steps=steps, checkpoint=path, **options)
    assert not path.exists() or all(
        bool(tensor.isfinite().all()) for tensor in load_tensors(path)[0].values()
    )
    if boundless:
        with pytest.raises(NonFiniteError, match=r"step 8: the weights .* are not finite"):
            fit(tiny(), real_rows(), objective=Steep(8), steps=8, **options)
