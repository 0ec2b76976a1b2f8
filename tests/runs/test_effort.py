"""How many draws an evaluation takes: counted from the model, the same everywhere."""

from __future__ import annotations

import pytest
import torch

from anyvae.conditionals import Bernoulli
from anyvae.inference import log_likelihood
from anyvae.inference.likelihood import rows_at_once
from anyvae.model import LatentVariableModel
from anyvae.networks import MLP
from anyvae.recipes import m2, vae
from anyvae.runs.draw import draw_rows
from anyvae.runs.effort import draw_operations, evaluation_minutes, evaluation_samples


def of_width(width: int, size: int = 4) -> LatentVariableModel:
    torch.manual_seed(0)
    return vae(Bernoulli(size), 2, encoder=MLP([3]), decoder=MLP([width]))


def test_operations_are_those_of_one_more_draw() -> None:
    batch = {"x": torch.zeros(7, 4)}
    # The encoder runs once for all draws of a row, the decoder once a draw: 2 -> 16 -> 4.
    assert draw_operations(of_width(16), batch) == 2 * (2 * 16 + 16 * 4)
    net = MLP([5])
    summed = m2(Bernoulli(4), 2, 3, encoder=net, classifier=net, decoder=net)
    # Each of the three classes has its own z and its own x; y is read by one small product for all of them.
    grown = draw_operations(summed, batch, ["y"]) - 3 * 2 * (2 * 5 + 5 * 4)
    assert 0 <= grown <= 3 * 2 * 3 * 5
    assert draw_operations(summed, batch) < draw_operations(summed, batch, ["y"])


def test_a_costly_model_is_drawn_from_less_often_but_never_next_to_never() -> None:
    few, many = {"x": torch.zeros(100, 4)}, {"x": torch.zeros(20_000, 4)}
    assert evaluation_samples(of_width(16), few) == 5000
    assert evaluation_samples(of_width(16), many) == 100
    wide = of_width(2_000_000)
    assert evaluation_samples(wide, few) == int(4e12 / (100 * 2 * 6 * 2_000_000))
    assert evaluation_samples(wide, many) == 50
    # As long as is meant where there are not too many rows, and as many times longer as the least number is too many.
    assert evaluation_minutes(of_width(16), many) == pytest.approx(2.5)
    assert evaluation_minutes(wide, few) == pytest.approx(2.5, rel=0.01)
    assert evaluation_minutes(wide, many) == pytest.approx(2.5 * 20_000 * 50 * 2 * 6 * 2_000_000 / 4e12)
    assert evaluation_minutes(wide, many, 5) == pytest.approx(evaluation_minutes(wide, many) / 10)


def test_counting_leaves_no_trace() -> None:
    model = of_width(8).train()
    state = torch.get_rng_state()
    evaluation_samples(model, {"x": torch.zeros(3, 4)})
    assert torch.equal(torch.get_rng_state(), state)
    assert model.training


def test_wide_rows_are_drawn_for_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    assert rows_at_once(of_width(8), 16) == 8192 // 16
    assert rows_at_once(of_width(8, 800), 16) == 1000 // 16
    assert rows_at_once(of_width(8), 100_000) == 1
    torch.manual_seed(0)
    model = vae(Bernoulli(800), 2, encoder=MLP([3]), decoder=MLP([8]))
    x = (torch.rand(50, 800) > 0.5).float()
    whole = log_likelihood(model, {"x": x}, 100)
    monkeypatch.setattr("anyvae.inference.likelihood._NUMBERS", 10**9)
    torch.testing.assert_close(log_likelihood(model, {"x": x}, 100), whole)


def test_blocks_of_rows_are_drawn_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    net = MLP([5])
    model = m2(Bernoulli(4), 2, 3, encoder=net, classifier=net, decoder=net)
    monkeypatch.setattr("anyvae.runs.draw._BLOCK", 40)
    found = draw_rows(model, 100, 0, {})
    assert found.label is not None
    assert [len(part) for part in found] == [100, 100, 100]
    assert not torch.equal(found.mean[:40], found.mean[40:80])
    one = torch.eye(3)[[1]]
    given = draw_rows(model, 100, 0, {"y": one})
    assert given.label is not None
    assert torch.equal(given.label, one.expand(100, 3))
    assert torch.equal(draw_rows(model, 100, 0, {"y": one.repeat(100, 1)}).x, given.x)
