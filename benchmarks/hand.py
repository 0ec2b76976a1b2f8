"""The loop that a competent person writes by hand for one fixed network."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from contestant import InProcess
from shapes import LEARNING_RATE, Shape, decoder, encoder

__all__ = ["hand"]


class _HandWritten(nn.Module):
    """- ELBO of one batch, nats: sums over features, mean over rows."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.bernoulli = shape.likelihood == "bernoulli"
        self.encoder = encoder(shape)
        self.decoder = decoder(shape)
        self.log_scale = None if self.bernoulli else nn.Parameter(torch.zeros(shape.event_shape))

    def forward(self, x: Tensor, precision: torch.dtype | None) -> Tensor:
        with torch.autocast("cpu", precision or torch.bfloat16, enabled=precision is not None):
            loc, log_variance = self.encoder(x).float().chunk(2, -1)
            z = loc + torch.exp(0.5 * log_variance) * torch.randn_like(loc)
            output = self.decoder(z).float()
        kl = -0.5 * (1 + log_variance - loc.square() - log_variance.exp()).sum(-1)
        if self.log_scale is None:
            cells = F.binary_cross_entropy_with_logits(output, x, reduction="none").flatten(1)
        else:
            standard = (x - output) * torch.exp(-self.log_scale)
            cells = 0.5 * standard.square() + self.log_scale + 0.5 * math.log(2 * math.pi)
        loss: Tensor = (cells.sum(-1) + kl).mean()
        return loss


def hand(shape: Shape, data: Tensor, precision: torch.dtype | None = None) -> InProcess:
    """In-memory rows indexed by a permutation, fused Adam, float32 weights.

    Arguments:
        shape: network and batch size.
        data: training rows.
        precision: `torch.bfloat16` runs the networks under autocast.
    """
    torch.manual_seed(0)
    model = _HandWritten(shape)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, fused=True)
    batches = _batches(len(data), shape.batch)
    total = torch.zeros(())

    def step() -> None:
        loss = model(data[next(batches)], precision)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        # Kept as a tensor: the loop shows a mean loss per epoch, as loops do.
        total.add_(loss.detach())

    return InProcess(step)


def _batches(count: int, batch: int) -> Iterator[Tensor]:
    while True:
        order = torch.randperm(count)
        yield from (order[start : start + batch] for start in range(0, count, batch))
