"""A posterior improved row by row: the encoder's answer, or none, is where an inner search starts."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Self, final

import torch
from torch import Size, Tensor
from torch.distributions import Distribution

from anyvae.conditionals.blanket import Blanketed, leading_shape
from anyvae.conditionals.parametric import FamilyConditional
from anyvae.conditionals.parents import Parent
from anyvae.distributions import FromNoise, analytic_kl, has_analytic_kl, whitened

__all__ = ["Refined"]

_MOMENTUM, _MEMORY, _EPSILON = 0.9, 0.99, 1e-10


@final
class Refined(Blanketed):
    r"""A posterior whose parameters take K steps up the bound of their own row.

    .. math:: \lambda_{k + 1} = \lambda_k + rate \cdot \mathrm{Adam}(\nabla_\lambda ELBO(x; \lambda_k))

    With an encoder as `part` this is semi-amortised inference; with a part without parents, whose parameters are
    the same for every row, it is inference without an encoder, for training rows and new rows alike. The bound
    inside is an average over a fixed set of noise, so that the posterior of a row is a function of the row.
    Source: Semi-Amortized Variational Autoencoders (Kim et al., 2018).

    Arguments:
        part: where the search starts: a family with reparameterised draws, given the data or nothing.
        steps: K.
        rate: length of a step, in units of the parameters.
        noise: how many draws the inner bound averages over, an even number: each comes with its mirror image.
        unroll: whether the outer gradient goes through the steps; else it treats their sum as a constant. Through
            the steps an encoder learns to start well; it costs about twice the time.

    Raises:
        ValueError: for numbers out of range, and, when joined, for a model in which the bound of a row does not
            depend on the variable.
    """

    def __init__(
        self, part: FamilyConditional, steps: int = 8, rate: float = 0.1, noise: int = 4, unroll: bool = False
    ) -> None:
        if steps < 1 or not rate > 0.0 or noise < 2 or noise % 2:
            raise ValueError(
                f"Refined got steps={steps}, rate={rate}, noise={noise}; wanted at least one step, a positive rate "
                "and an even number of draws."
            )
        if not isinstance(part, FamilyConditional):
            raise ValueError(
                f"Refined got {part!r}; wanted a family with .given(...), such as DiagonalNormal."
            )
        super().__init__(part.parents)
        self.part = part
        self.steps = steps
        self.rate = rate
        self.noise = noise
        self.unroll = unroll

    @property
    def event_shape(self) -> Size:
        """That of the part."""
        return self.part.event_shape

    def extra_repr(self) -> str:
        """The part and the steps."""
        return f"{self.part.extra_repr()}, refined by {self.steps} steps of {self.rate:g}"

    def build(self, name: str, shapes: Mapping[str, Size]) -> Self:
        """See `Conditional.build`."""
        self.part.build(name, shapes)
        return super().build(name, shapes)

    def forward(self, *parents: Any) -> Distribution:
        """See `Conditional.forward`."""
        given = dict(zip(self.parents, parents, strict=True))
        start = self.part.params(*(given[parent] for parent in self.part.parents))
        sizes = self.part.family.params
        lead = torch.broadcast_shapes(
            leading_shape(given, self._shapes),
            *(value.shape[: value.dim() - len(sizes[name])] for name, value in start.items()),
        )
        start = {name: value.expand(lead + sizes[name]) for name, value in start.items()}
        outer = torch.is_grad_enabled()
        with torch.enable_grad():
            refined = self._refine(start, given, unroll=self.unroll and outer)
        if not self.unroll:
            refined = {name: start[name] + (value - start[name]).detach() for name, value in refined.items()}
        return self.part.distribution(refined)

    def _refine(
        self, start: dict[str, Tensor], given: Mapping[Parent, Any], *, unroll: bool
    ) -> dict[str, Tensor]:
        names = list(start)
        at = [start[name] if unroll else start[name].detach() for name in names]
        # Leaves of their own where nothing else asks for a gradient.
        at = [value if value.requires_grad else value.clone().requires_grad_() for value in at]
        mean, square = [torch.zeros_like(v) for v in at], [torch.zeros_like(v) for v in at]
        for step in range(1, self.steps + 1):
            bound = self._bound(dict(zip(names, at, strict=True)), given).sum()
            slopes = torch.autograd.grad(bound, at, create_graph=unroll)
            mean = [_MOMENTUM * m + (1 - _MOMENTUM) * g for m, g in zip(mean, slopes, strict=True)]
            square = [_MEMORY * s + (1 - _MEMORY) * g * g for s, g in zip(square, slopes, strict=True)]
            first, second = 1 - _MOMENTUM**step, 1 - _MEMORY**step
            at = [
                v + self.rate * (m / first) / (s / second + _EPSILON).sqrt()
                for v, m, s in zip(at, mean, square, strict=True)
            ]
            if not unroll:
                at = [value.detach().requires_grad_() for value in at]
        return dict(zip(names, at, strict=True))

    def _bound(self, params: dict[str, Tensor], given: Mapping[Parent, Any]) -> Tensor:
        """The ELBO of each row as a function of the parameters, over the fixed noise."""
        [blanket] = self._blanket
        q = self.part.distribution(params)
        assert isinstance(q, FromNoise)
        noise = _even_noise(self.noise // 2, q.noise_shape.numel()).to(next(iter(params.values())))
        z = q.from_noise(noise.view(self.noise, *(1,) * len(q.batch_shape), *q.noise_shape))
        prior = blanket.prior(given)
        exact = has_analytic_kl(q, prior)
        kl = analytic_kl(q, prior) if exact else (q.log_prob(z) - prior.log_prob(z)).mean(0)
        return blanket.log_likelihood(z, given).mean(0) - kl


@cache
def _even_noise(half: int, width: int) -> Tensor:
    """Normal vectors and their mirror images, with variances of exactly one, and no correlation where they suffice."""
    noise = torch.randn(half, width, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    noise = whitened(noise) if half >= width else noise / noise.square().mean(0).sqrt()
    return torch.cat([noise, -noise])
