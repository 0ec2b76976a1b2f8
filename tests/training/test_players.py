"""Several players: each moves its own weights, at its own cadence, and touches nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from training_examples import Log, differing, real_rows, tiny, weights

from anyvae.conditionals import DiagonalNormal, Normal, StandardNormal
from anyvae.model import LatentVariableModel
from anyvae.objectives import ELBO, IWAE, Constant
from anyvae.training import Evaluation, Player, fit, fused_adam


class Watch(Log):
    """A copy of the weights after every step."""

    def __init__(self, model: LatentVariableModel) -> None:
        super().__init__()
        self.model = model
        self.copies = [weights(model)]

    def on_evaluation(self, evaluation: Evaluation) -> None:
        self.copies.append(weights(self.model))

    def moved(self) -> list[set[str]]:
        """The parts that moved at each step."""
        pairs = zip(self.copies, self.copies[1:])
        return [{".".join(name.split(".")[:2]) for name in differing(*pair)} for pair in pairs]


def test_each_moves_its_own_weights_at_its_own_cadence() -> None:
    model = tiny()
    watch = Watch(model)
    players = [
        Player("q", parts=["inference"], every=2, learning_rate=Constant(1e-2)),
        Player("p", parts=["generative.x"], every=3, learning_rate=Constant(1e-2)),
    ]
    fit(model, real_rows(), players=players, steps=7, evaluations=7, callbacks=[watch])
    q, p = {"inference.z"}, {"generative.x"}
    assert watch.moved() == [q | p, set(), q, p, q, set(), q | p]


def test_a_part_without_a_player_stays() -> None:
    model = tiny()
    before = weights(model)
    fit(model, real_rows(), players=[Player("q", parts=["inference.z"])], steps=5)
    moved = differing(before, weights(model))
    assert moved == [name for name in before if name.startswith("inference.")]
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_a_player_s_step_leaves_the_other_s_gradients_to_the_bit() -> None:
    model = tiny()
    groups = {
        part: [parameter for name, parameter in model.named_parameters() if name.startswith(part)]
        for part in ("inference", "generative")
    }
    left: dict[str, list[Tensor]] = {}
    checks: list[str] = []

    def watching(own: str, other: str) -> type[torch.optim.Optimizer]:
        class Watching(torch.optim.SGD):
            def step(self, closure: object = None) -> None:  # type: ignore[override]
                if other in left:
                    assert all(
                        torch.equal(p.grad, grad) for p, grad in zip(groups[other], left[other], strict=True)
                    )
                    checks.append(own)
                left[own] = [p.grad.clone() for p in groups[own]]
                assert all(bool(grad.any()) for grad in left[own])
                super().step()

        return Watching

    q_type, p_type = watching("inference", "generative"), watching("generative", "inference")
    players = [
        Player("q", parts=["inference"], optimizer=lambda p: q_type(p, lr=0.1)),
        Player("p", ELBO(beta=3.0), parts=["generative"], optimizer=lambda p: p_type(p, lr=0.1)),
    ]
    fit(model, real_rows(), players=players, steps=6)
    assert len(checks) == 11


def test_one_player_of_everything_is_the_plain_fit() -> None:
    plain, played = tiny(), tiny()
    fit(plain, real_rows(), objective=IWAE(2), steps=10)
    fit(played, real_rows(), players=[Player(objective=IWAE(2))], steps=10)
    assert differing(weights(plain), weights(played)) == []


def test_frozen_weights_stay_frozen_and_everything_else_learns() -> None:
    model = tiny()
    frozen = model.get_parameter("generative.x.free.raw_scale").requires_grad_(False)
    before = weights(model)
    fit(model, real_rows(), steps=10)
    assert "generative.x.free.raw_scale" not in differing(before, weights(model))
    assert len(differing(before, weights(model))) == len(list(model.parameters())) - 1
    assert not frozen.requires_grad
    assert frozen.grad is None


def test_the_same_objective_is_reported_whatever_the_cadence(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step at which the first player rests is no step with an objective of zero."""
    reported = []
    monkeypatch.setattr(
        "anyvae.training.run.time.perf_counter", iter(range(10**6)).__next__
    )  # always time to report
    for every in (1, 4):
        log = Log()
        players = [Player("q", IWAE(50), parts=["inference"], every=every, learning_rate=Constant(0.0))]
        fit(tiny(), real_rows(), players=players, steps=4, batch_size=61, callbacks=[log])
        reported.append(log.progress[0].objective)
    assert reported[0] == reported[1] < -4.0


@pytest.mark.parametrize(
    ("players", "message"),
    [
        (
            [Player("a", parts=["inference"]), Player("a", parts=["generative"])],
            r"names of their own, got \['a', 'a'\]",
        ),
        ([Player("critic", parts=["kritik"])], r"'critic'.*\['kritik'\].*'generative.x', 'inference.z'"),
        ([Player("q", parts=["inference", "generative.y"])], r"'q'.*starts with \['generative.y'\]"),
        ([Player("z", parts=["generative.z"])], r"'z'.*\['generative.z'\]"),
        ([Player("half", parts=["inference.z.ne"])], r"\['inference.z.ne'\]"),
        ([], "no players"),
    ],
)
def test_players_that_cannot_play_are_refused_by_name(players: list[Player], message: str) -> None:
    log = Log("log")
    with pytest.raises(ValueError, match=message):
        fit(tiny(), real_rows(), players=players, steps=1, callbacks=[log])
    assert log.into in (["log closed"], [])


def test_a_network_that_two_parts_share_is_of_the_players_of_both() -> None:
    tied = nn.Sequential(nn.Linear(4, 4), nn.Tanh())
    parts = {"x": Normal(4).given("z", net=tied)}, {"z": DiagonalNormal(4).given("x", net=tied)}
    model = LatentVariableModel({"z": StandardNormal(4), **parts[0]}, parts[1])
    for part in ("generative.x", "inference.z"):
        before = weights(model)
        fit(model, real_rows(), players=[Player(parts=[part])], steps=3)
        moved = {name for name in differing(before, weights(model)) if ".trunk." in name}
        assert moved == {name for name in before if ".trunk." in name}


class Unnameable(nn.Module):
    """Has no description, which a run asks for before its first step."""

    def __repr__(self) -> str:
        raise RuntimeError("no words for it")


def test_a_run_that_cannot_begin_freezes_nothing() -> None:
    model = tiny()
    objective = ELBO()
    objective.unnameable = Unnameable()  # type: ignore[attr-defined]
    with pytest.raises(RuntimeError, match="no words"):
        fit(model, real_rows(), players=[Player("q", objective, ["inference"])], steps=1)
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_what_is_no_schedule_or_no_list_is_refused_by_the_player() -> None:
    loose: Any = {"learning_rate": 1e-3}
    with pytest.raises(
        TypeError, match=r"learning_rate of player 'q': got 0\.001, a float; wanted a schedule"
    ):
        Player("q", **loose)
    with pytest.raises(
        TypeError, match=r"parts of player 'q': got 'inference'; wanted a list, \['inference'\]"
    ):
        Player("q", parts="inference")


def test_options_of_players_are_not_given_twice() -> None:
    with pytest.raises(ValueError, match="both `players` and `objective`"):
        fit(tiny(), real_rows(), players=[Player()], objective=ELBO())
    with pytest.raises(ValueError, match="both `players` and `learning_rate`"):
        fit(tiny(), real_rows(), players=[Player()], learning_rate=0.1)
    with pytest.raises(ValueError, match="every=0"):
        Player("q", every=0)


def test_player_with_only_frozen_weights_is_refused() -> None:
    model = tiny()
    for parameter in model.inference.parameters():
        parameter.requires_grad_(False)
    with pytest.raises(ValueError, match="'q' finds no parameter to train"):
        fit(model, real_rows(), players=[Player("q", parts=["inference"])], steps=1)


def test_optimisers_are_made_from_the_player_s_own_parameters() -> None:
    model, seen = tiny(), []

    def make(parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        seen.extend(parameters)
        return fused_adam(seen)

    fit(model, real_rows(), players=[Player(parts=["generative.x.free"], optimizer=make)], steps=2)
    assert [id(parameter) for parameter in seen] == [id(model.get_parameter("generative.x.free.raw_scale"))]
