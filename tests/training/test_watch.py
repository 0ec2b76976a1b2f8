"""Which weights a run keeps: the latest that the watched rows do not tell from the best, none from the warm-up."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from training_examples import differing, real_rows, tiny, weights

from anyvae.conditionals import DiagonalNormal, Normal, StandardNormal
from anyvae.inference.likelihood import Bound
from anyvae.model import VAE, LatentVariableModel
from anyvae.networks import Linear
from anyvae.objectives import ELBO, Constant, LinearRamp, warm_up
from anyvae.training import Player, TensorData, adam_under_prior, fit
from anyvae.training.watch import Watch


def kept(bounds: list[list[float]], *, warming: int = 0, monkeypatch: Any) -> list[int]:
    """The step whose weights are kept after every look; a look is the bound of each validation row."""
    looks = iter(bounds)

    def bound_of(model: LatentVariableModel, rows: Any, **options: Any) -> Bound:
        value = torch.zeros(3) if len(rows["x"]) == 5 else torch.tensor(next(looks))
        return Bound(value, value, {})

    monkeypatch.setattr("anyvae.training.watch.evaluate_bound", bound_of)
    generator = torch.Generator().manual_seed(0)
    rows, held = TensorData({"x": torch.zeros(5, 2)}), TensorData({"x": torch.zeros(len(bounds[0]), 2)})
    watch = Watch(rows, held, generator=generator, summed=(), keep_last=False)
    found = []
    for step in range(len(bounds)):
        seen = watch.look(tiny(), step, 0.0, 0.0, 0.0)
        watch.take(seen, lambda step=step: {"at": torch.tensor(step)}, warming=step < warming)
        assert int(watch.best["at"]) == watch.best_step
        found.append(watch.best_step)
    return found


def test_later_weights_are_kept_unless_rows_say_that_they_are_worse(monkeypatch: Any) -> None:
    best = [1.0, -1.0, 2.0, -2.0]
    little = [1.4, -1.5, 2.4, -2.5]  # -.05 in the mean, and .26 its standard error
    clearly = [0.9, -1.1, 1.9, -2.1]  # -.1 in every row
    assert kept([best, little, clearly], monkeypatch=monkeypatch) == [0, 1, 1]
    # Held against the best, and not against the last that was kept: small losses do not add up.
    steps = [[value - 0.2 * k + 0.5 * (-1) ** i for i, value in enumerate(best)] for k in range(6)]
    assert kept([best, *steps], monkeypatch=monkeypatch)[-1] <= 2
    assert kept([best, [2.0, 0.0, 3.0, -1.0], best], monkeypatch=monkeypatch) == [0, 1, 1]


def test_one_row_tells_nothing_of_its_error(monkeypatch: Any) -> None:
    assert kept([[1.0], [0.999], [1.1]], monkeypatch=monkeypatch) == [0, 0, 2]


def test_weights_of_the_warm_up_are_replaced(monkeypatch: Any) -> None:
    best, worse, worst = [3.0, 3.1], [1.0, 1.1], [0.0, 0.1]
    assert kept([best, worse, worst], monkeypatch=monkeypatch) == [0, 0, 0]
    assert kept([best, worse, worst], warming=1, monkeypatch=monkeypatch) == [0, 1, 1]
    assert kept([best, worse, worst], warming=9, monkeypatch=monkeypatch) == [0, 1, 2]


def test_what_a_warm_up_is() -> None:
    rising = ELBO(beta=LinearRamp(0.0, 1.0, until=0.2))
    assert warm_up(rising) == 0.2
    assert warm_up(2.0 * rising - LinearRamp(0.0, 3.0, until=0.4) * ELBO()) == 0.4
    # A ramp over most of the run is what the run is about.
    assert warm_up(ELBO(beta=LinearRamp(0.0, 1.0, until=0.8)), ELBO(beta=Constant(0.3))) == 0.0


def test_a_run_keeps_no_weights_of_its_warm_up() -> None:
    """Rows to learn lie elsewhere than those watched, so the first look is the best one, and lies in the warm-up."""

    def best_step(objective: ELBO) -> int:
        return fit(
            tiny(),
            real_rows() + 5.0,
            validation=real_rows(200, seed=1),
            objective=objective,
            learning_rate=Constant(0.02),
            steps=100,
            evaluations=20,
            average=0.0,
            patience=1.0,
        ).best_step

    assert best_step(ELBO()) == 5
    assert best_step(ELBO(beta=LinearRamp(0.0, 1.0, until=0.4))) == 40


def test_the_prior_of_the_weights_is_that_of_the_posterior_mode() -> None:
    """Adam under the prior moves as Adam does up the bound less w' w / 2n: matrices only, biases and scales free."""

    def model() -> LatentVariableModel:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return VAE(
                StandardNormal(2),
                DiagonalNormal(2).given("x", net=Linear()),
                Normal(4).given("z", net=Linear()),
            ).double()

    class Penalised(ELBO):
        def of(self, trace: Any, progress: float = 1.0) -> Tensor:
            matrices = [weight for weight in trace.model.parameters() if weight.dim() > 1]
            return super().of(trace, progress) - sum(w.square().sum() for w in matrices) / (2 * 61 * 3.0**2)

    rows = real_rows().double()
    under, penalised, plain = model(), model(), model()
    common: dict[str, Any] = {"steps": 30, "batch_size": 61, "seed": 3}
    rate = Constant(0.02)
    fit(
        under, rows, players=[Player(optimizer=adam_under_prior(61, scale=3.0), learning_rate=rate)], **common
    )
    fit(penalised, rows, players=[Player(objective=Penalised(), learning_rate=rate)], **common)
    fit(plain, rows, players=[Player(learning_rate=rate)], **common)
    for name, value in weights(penalised).items():
        torch.testing.assert_close(weights(under)[name], value, rtol=1e-9, atol=1e-9)
    assert len(differing(weights(under), weights(plain))) == len(list(plain.parameters()))
