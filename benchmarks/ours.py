"""anyvae's own fit loop as a contestant."""

from __future__ import annotations

import time

import torch
from torch import Tensor, nn

from anyvae import VAE, Bernoulli, DiagonalNormal, Normal, StandardNormal
from anyvae.model import Batch, LatentVariableModel, Trace
from anyvae.networks import MLP, ConvNet
from anyvae.objectives import ELBO, Objective
from anyvae.training import TensorData, fit
from shapes import LEARNING_RATE, Shape

__all__ = ["Ours"]

_WARM_UP = 5


class _Clocked(Objective):
    """The ELBO, noting the time of every call: one call is one step of the loop."""

    def __init__(self) -> None:
        super().__init__()
        self.elbo = ELBO()
        self.calls: list[float] = []

    def __call__(self, model: LatentVariableModel, batch: Batch, progress: float = 1.0) -> Tensor:
        self.calls.append(time.perf_counter())
        return self.elbo(model, batch, progress)

    def of(self, trace: Trace, progress: float = 1.0) -> Tensor:
        return self.elbo.of(trace, progress)


class Ours:
    """`anyvae.fit` with its default options on the same network.

    Timed from one step's objective to the objective `steps` steps later: whole turns of the loop are counted,
    making the optimiser and the evaluation at the end are not, as start-up is left out for everyone.

    Arguments:
        shape: network and batch size.
        data: training rows.
        precision: `torch.bfloat16` runs the networks' products in it.
    """

    def __init__(self, shape: Shape, data: Tensor, precision: torch.dtype | None = None) -> None:
        torch.manual_seed(0)
        self.model = _model(shape)
        self.data = TensorData({"x": data})
        self.batch = shape.batch
        self.precision = precision
        self.run(_WARM_UP)

    def run(self, steps: int) -> float:
        """See `Contestant`."""
        objective = _Clocked()
        fit(
            self.model,
            self.data,
            objective=objective,
            steps=_WARM_UP + steps + 1,
            batch_size=self.batch,
            learning_rate=LEARNING_RATE,
            precision=self.precision,
            evaluations=1,
        )
        return objective.calls[_WARM_UP + steps] - objective.calls[_WARM_UP]

    def close(self) -> None:
        """Nothing to release."""


def _model(shape: Shape) -> LatentVariableModel:
    """The network of `shapes.encoder` and `shapes.decoder`, layer for layer."""
    net = (
        ConvNet(shape.channels, features=shape.hidden, activation=nn.GELU)
        if shape.channels
        else MLP([shape.hidden], activation=nn.ReLU)
    )
    family = Bernoulli if shape.likelihood == "bernoulli" else Normal
    return VAE(
        prior=StandardNormal(shape.latent),
        encoder=DiagonalNormal(shape.latent).given("x", net=net),
        decoder=family(shape.event_shape).given("z", net=net),
    )
