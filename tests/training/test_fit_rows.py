"""Rows: which ones a step reads, in which order, and what each of them weighs."""

from __future__ import annotations

import random
from itertools import chain

import numpy as np
import pytest
import torch
from torch import Tensor
from training_examples import FEATURES, PosteriorMeans, Trip, differing, grey_rows, real_rows, tiny, weights

from anyvae.conditionals import Bernoulli
from anyvae.inference import evaluate_bound
from anyvae.model import Batch, LatentVariableModel, Partial
from anyvae.objectives import Constant
from anyvae.recipes import vae
from anyvae.training import NonFiniteError, Player, TensorData, fit
from anyvae.training.data import as_tensor_data


class Witness(PosteriorMeans):
    """Writes down every batch it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[Tensor] = []

    def __call__(self, model: LatentVariableModel, batch: Batch, progress: float = 1.0) -> Tensor:
        x = batch["x"]
        assert isinstance(x, Tensor)
        self.batches.append(x.clone())
        return super().__call__(model, batch, progress)


def order(seed: int = 0, epochs: int = 3, rows: int = 23, size: int = 5) -> list[list[list[float]]]:
    """Epochs of batches of row numbers: the first column of the data is the number of the row."""
    x = real_rows(rows)
    x[:, 0] = torch.arange(rows)
    witness = Witness()
    fit(tiny(), x, objective=witness, epochs=epochs, batch_size=size, seed=seed, learning_rate=1e-3)
    per_epoch = -(-rows // size)
    read = [batch[:, 0].tolist() for batch in witness.batches]
    return [read[start : start + per_epoch] for start in range(0, len(read), per_epoch)]


def test_every_row_once_an_epoch_and_the_short_batch_is_kept() -> None:
    epochs = order()
    assert len(epochs) == 3
    for batches in epochs:
        assert [len(batch) for batch in batches] == [5, 5, 5, 5, 3]
        assert sorted(chain.from_iterable(batches)) == list(range(23))


def test_each_epoch_has_an_order_of_its_own_and_a_seed_repeats_it() -> None:
    first, again, other = order(), order(), order(seed=1)
    assert first == again
    flat = [list(chain.from_iterable(batches)) for batches in [*first, *other]]
    assert len({tuple(epoch) for epoch in flat}) == 6
    assert list(range(23)) not in flat


def test_row_order_changes_the_weights_but_the_caller_s_data_stay() -> None:
    x = real_rows()
    before = x.clone()
    fit(tiny(), x, steps=10)
    assert torch.equal(x, before)


def sgd(parameters: object) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=0.1)  # type: ignore[arg-type]


def test_steps_follow_the_gradient_of_the_mean_exactly() -> None:
    """Seven rows in batches of three, by hand: a row weighs 1/3 in the last batch of one row too."""
    model, witness = tiny().double(), Witness()
    by_hand = tiny().double()
    x = real_rows(7).double()
    player = Player(objective=witness, optimizer=sgd, learning_rate=Constant(0.1))
    fit(model, x, players=[player], epochs=2, batch_size=3)
    assert [len(batch) for batch in witness.batches] == [3, 3, 1] * 2
    for batch in witness.batches:
        by_hand.zero_grad()
        (PosteriorMeans()(by_hand, {"x": batch}).sum() / 3).backward()
        with torch.no_grad():
            for parameter in by_hand.parameters():
                parameter += 0.1 * parameter.grad
    for name, tensor in weights(model).items():
        torch.testing.assert_close(tensor, by_hand.state_dict()[name], rtol=1e-12, atol=1e-12)
    assert differing(weights(model), weights(tiny().double())) != []


@pytest.mark.parametrize("size", [1, 3, 4, 7, 100])
def test_gradients_of_an_epoch_add_up_to_that_of_the_mean(size: int) -> None:
    """At a learning rate of 0; so no row counts more for the batch that it happens to fall into."""
    x, gathered = real_rows(7).double(), []

    class Gather(torch.optim.SGD):
        def step(self, closure: object = None) -> None:  # type: ignore[override]
            gathered.append(torch.cat([p.grad.flatten() for p in self.param_groups[0]["params"]]))

    player = Player(
        objective=PosteriorMeans(), optimizer=lambda p: Gather(p, lr=0.0), learning_rate=Constant(0.0)
    )
    model = tiny().double()
    fit(model, x, players=[player], epochs=1, batch_size=size)
    (-PosteriorMeans()(model, {"x": x}).mean()).backward()
    expected = torch.cat([p.grad.flatten() for p in model.parameters()])
    total = torch.stack(gathered).sum(0) * min(size, 7) / 7
    torch.testing.assert_close(total, expected, rtol=1e-10, atol=1e-10)


def test_generators_are_left_as_they_were() -> None:
    states = torch.random.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002
    fit(tiny(dropout=0.5), TensorData({"x": real_rows().sigmoid()}, ["x"]), steps=10)
    x = real_rows()
    Trip.action = lambda progress: torch.nan_to_num_(x.fill_(torch.inf), posinf=3e38)
    with pytest.raises(NonFiniteError):
        fit(tiny(), x, steps=5, learning_rate=Trip())
    assert torch.equal(torch.random.get_rng_state(), states[0])
    assert np.random.get_state()[1].tolist() == states[1]  # noqa: NPY002
    assert random.getstate() == states[2]


def test_the_caller_s_generator_does_not_matter() -> None:
    first, second = tiny(dropout=0.5), tiny(dropout=0.5)
    torch.manual_seed(1)
    fit(first, real_rows(), steps=10)
    torch.manual_seed(2)
    fit(second, real_rows(), steps=10)
    assert differing(weights(first), weights(second)) == []


def test_binarised_afresh_each_time_and_fixed_once() -> None:
    x = torch.full((4000, 2), 0.3)
    data = TensorData({"x": x}, binarise=["x"])
    rows = torch.arange(4000)
    first, second = (data.batch(rows)["x"] for _ in range(2))
    assert isinstance(first, Tensor)
    assert isinstance(second, Tensor)
    assert set(first.unique().tolist()) == {0.0, 1.0}
    assert not torch.equal(first, second)
    assert abs(first.mean().item() - 0.3) < 5 * (0.21 / 8000) ** 0.5
    state = torch.random.get_rng_state()
    fixed, again, other = data.fixed()["x"], data.fixed()["x"], data.fixed(seed=1)["x"]
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(fixed, again)
    assert not torch.equal(fixed, other)
    assert abs(fixed.mean().item() - 0.3) < 5 * (0.21 / 8000) ** 0.5
    assert torch.equal(data.values["x"], x)


def test_rows_of_partial_variables_keep_their_masks() -> None:
    value, mask = real_rows(6), torch.arange(24).view(6, 4) % 3 > 0
    labels = Partial(torch.arange(6.0), torch.tensor([True, False] * 3))
    data = TensorData({"x": Partial(value, mask), "y": labels}, columns={"x": list("abcd")})
    rows = torch.tensor([4, 1])
    for found in (data.batch(rows), data.fixed(rows), data.take(rows).fixed()):
        x, y = found["x"], found["y"]
        assert torch.equal(x.value, value[rows])
        assert torch.equal(x.mask, mask[rows])
        assert torch.equal(y.value, torch.tensor([4.0, 1.0]))
        assert y.mask.tolist() == [True, False]
    assert data.take(rows).columns == data.columns
    assert len(data.take(rows)) == 2
    assert isinstance(data.fixed()["x"], Partial)


def test_taken_rows_stay_binarised() -> None:
    taken = TensorData({"x": grey_rows()}, ["x"]).take(torch.arange(10))
    assert taken.binarise == {"x"}
    assert set(taken.batch(torch.arange(10))["x"].unique().tolist()) == {0.0, 1.0}


def test_what_stands_in_the_holes_is_never_drawn_nor_learned() -> None:
    x, mask = grey_rows(), torch.arange(61 * FEATURES).view(61, FEATURES) % 5 > 0
    found = []
    for filling in (torch.nan, 0.7, 1e30):
        model = tiny(binary=True)
        data = TensorData({"x": Partial(x.where(mask, torch.tensor(filling)), mask)}, binarise=["x"])
        fit(model, data, steps=20)
        found.append(weights(model))
    assert differing(found[0], found[1]) == []
    assert differing(found[0], found[2]) == []
    assert all(bool(torch.isfinite(tensor).all()) for tensor in found[0].values())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TensorData({"x": torch.zeros(3, 2), "y": torch.zeros(4)}), "'x': 3, 'y': 4"),
        (lambda: TensorData({"x": torch.zeros(0, 2)}), "same positive number"),
        (lambda: TensorData({}), "same positive number"),
        (lambda: TensorData({"x": torch.full((3, 2), 16.0)}, ["x"]), "divide by its largest value"),
        (lambda: TensorData({"x": torch.full((3, 2), -0.1)}, ["x"]), "leaves \\[0, 1\\]"),
        (lambda: TensorData({"x": torch.full((3, 2), torch.nan)}, ["x"]), "leaves \\[0, 1\\]"),
        (lambda: TensorData({"x": torch.zeros(3, 2)}, ["y"]), "'y' is to be binarised but is not among.*'x'"),
    ],
)
def test_rows_that_cannot_be_trained_on_are_refused(make: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()  # type: ignore[operator]


def test_a_tensor_is_x_and_a_batch_is_data() -> None:
    x = real_rows(5)
    assert torch.equal(as_tensor_data(x).values["x"], x)
    assert torch.equal(as_tensor_data({"x": x}).values["x"], x)
    data = TensorData({"x": x})
    assert as_tensor_data(data) is data


def test_validation_rows_are_checked_at_the_door_too() -> None:
    model = tiny(binary=True)
    before = weights(model)
    with pytest.raises(ValueError, match="x"):
        fit(model, grey_rows().round(), validation=grey_rows(), steps=5)
    with pytest.raises(ValueError, match="x"):
        fit(model, grey_rows(), validation=grey_rows().round(), steps=5)
    assert differing(before, weights(model)) == []


def test_the_bound_in_the_history_is_that_of_the_final_weights() -> None:
    model, held = tiny(), real_rows(30, seed=1)
    result = fit(model, real_rows(), validation=held, steps=40, evaluations=4, patience=1.0)
    bound = evaluate_bound(model, {"x": held})
    [best] = [line for line in result.history if line.step == result.best_step]
    assert best.validation_elbo == bound.elbo.mean().item()
    assert best.validation_log_likelihood == bound.log_likelihood.mean().item()
    assert best.validation_kl == bound.kl["z"].mean().item()
    assert best.validation_elbo == pytest.approx(
        best.validation_log_likelihood - best.validation_kl, abs=1e-5
    )


def test_rows_that_a_rule_makes_are_looked_at_here_and_there_and_held_ones_all() -> None:
    seen: list[int] = []

    def made(numbers: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        seen.extend(numbers.tolist())
        return torch.stack([numbers % 2, numbers % 3], 1).float(), mask

    count = 200_000
    rule = TensorData({"x": torch.arange(count)}, expand={"x": made})
    model = vae(Bernoulli(2), 1)
    with pytest.raises(ValueError, match="Bernoulli wants 0 or 1"):
        fit(model, rule, steps=1)
    seen.clear()
    rule.fixed(rule.looked_at())
    assert len(seen) == 50_000
    assert (seen[0], seen[1], seen[-1]) == (0, 4, count - 4)
    held = torch.zeros(count, 2)
    held[-1, 1] = 2.0
    with pytest.raises(ValueError, match="Bernoulli wants 0 or 1"):
        fit(model, held, steps=1)
