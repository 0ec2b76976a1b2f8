"""pythae's own trainer as a process that takes one epoch whenever it is told to.

Runs in pythae's environment, not in ours.

Protocol: a line on stdin asks for an epoch, a JSON line on stdout says how long its steps took. The clock
runs from the start of the epoch's training to the end of its last step: what the trainer does between
epochs (keeping the best model, metrics) is not counted, nor is its start-up.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from typing import Any

import torch
from pythae.data.datasets import BaseDataset
from pythae.models import VAE, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from pythae.trainers.training_callbacks import TrainingCallback
from torch import Tensor, nn

from shapes import LEARNING_RATE, SHAPES, Shape, decoder, encoder, rows


class Encoder(BaseEncoder):  # type: ignore[misc]
    """The shape's encoder, as pythae wants it."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.net = encoder(shape)

    def forward(self, x: Tensor) -> Any:
        """loc and log variance."""
        loc, log_variance = self.net(x).chunk(2, -1)
        return ModelOutput(embedding=loc, log_covariance=log_variance)


class Decoder(BaseDecoder):  # type: ignore[misc]
    """The shape's decoder; pythae's cross-entropy wants probabilities, its squared error means."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.net = decoder(shape)
        self.last = nn.Sigmoid() if shape.likelihood == "bernoulli" else nn.Identity()

    def forward(self, z: Tensor) -> Any:
        """The reconstruction."""
        return ModelOutput(reconstruction=self.last(self.net(z)))


class OnDemand(TrainingCallback):  # type: ignore[misc]
    """Holds the trainer at the start of every epoch until it is asked, and times the steps."""

    def __init__(self, answers: int, steps: int) -> None:
        self.answers = os.fdopen(answers, "w", buffering=1)
        self.steps = steps
        self.done = 0
        self.started = 0.0

    def on_epoch_begin(self, *args: Any, **kwargs: Any) -> None:
        """Wait for the word."""
        if not sys.stdin.readline():
            os._exit(0)
        self.done = 0
        self.started = time.perf_counter()

    def on_train_step_end(self, *args: Any, **kwargs: Any) -> None:
        """After every optimiser step; after the last one, answer."""
        self.done += 1
        if self.done == self.steps:
            seconds = time.perf_counter() - self.started
            self.answers.write(json.dumps({"seconds": seconds, "steps": self.done}) + "\n")


def main(name: str, threads: int, fused: bool) -> None:
    """Train until stdin is closed."""
    answers = os.dup(1)
    os.dup2(2, 1)  # whatever pythae prints must not mix with the answers
    torch.set_num_threads(threads)
    shape = SHAPES[name]
    data, _ = rows(shape)
    likelihood = "bce" if shape.likelihood == "bernoulli" else "mse"
    config = VAEConfig(input_dim=shape.event_shape, latent_dim=shape.latent, reconstruction_loss=likelihood)
    with tempfile.TemporaryDirectory() as folder:
        BaseTrainer(
            model=VAE(config, encoder=Encoder(shape), decoder=Decoder(shape)),
            train_dataset=BaseDataset(data, torch.zeros(len(data))),
            eval_dataset=None,
            training_config=BaseTrainerConfig(
                output_dir=folder,
                per_device_train_batch_size=shape.batch,
                num_epochs=10**6,
                optimizer_cls="Adam",
                optimizer_params={"fused": True} if fused else None,
                learning_rate=LEARNING_RATE,
                no_cuda=True,
            ),
            callbacks=[OnDemand(answers, shape.steps)],
        ).train()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3] == "fused")
