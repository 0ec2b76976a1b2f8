"""A mixture of distributions of any kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import torch
from torch import Size, Tensor
from torch.distributions import constraints

from anyvae.distributions.cells import FromNoise

__all__ = ["Mixture"]


@final
class Mixture(FromNoise):
    r"""One of K distributions over the same event, chosen by weight.

    .. math:: p(v) = \sum_k \operatorname{softmax}(logits)_k \, p_k(v)

    Of normal vectors `NormalMixture` is the faster form.

    Arguments:
        logits: of the weights, shape (*batch, K); minus infinity leaves a component out.
        components: K distributions whose batch axes broadcast to `batch`, or one whose batch shape is (*batch, K).
        fixed: whether the weights are constants. Draws are then differentiable where those of the components are:
            the choice does not move, so the gradient of an expectation is that of the chosen component, in the mean.

    Raises:
        ValueError: when weights and components do not agree in number, or events differ.

    >>> from anyvae.distributions import Laplace, Normal
    >>> zero, one = torch.zeros(2), torch.ones(2)
    >>> p = Mixture(torch.tensor([0.5, 0.5]).log(), [Normal(zero, one), Laplace(zero, one)])
    >>> p.log_prob(zero).exp()
    tensor(0.2046)
    """

    def __init__(
        self, logits: Tensor, components: FromNoise | Sequence[FromNoise], *, fixed: bool = False
    ) -> None:
        stacked = isinstance(components, FromNoise)
        self.components: tuple[FromNoise, ...] = (components,) if stacked else tuple(components)  # type: ignore[arg-type,assignment]
        self.stacked = stacked
        events = {component.event_shape for component in self.components}
        batches = [component.batch_shape for component in self.components]
        count = len(self.components)
        if stacked:
            if not batches[0]:
                raise ValueError(
                    "Mixture got one distribution without batch axes; its last one numbers the components."
                )
            count, batches = batches[0][-1], [batches[0][:-1]]
        if logits.shape[-1] != count or len(events) != 1:
            raise ValueError(
                f"Mixture got {logits.shape[-1]} weights and {count} components with events "
                f"{sorted(map(tuple, events))}; wanted as many weights as components, and one event shape."
            )
        super().__init__(torch.broadcast_shapes(logits.shape[:-1], *batches), events.pop())
        self.logits = logits.log_softmax(-1)
        self.fixed = fixed
        self._noise = [component.noise_shape.numel() for component in self.components]

    @property
    def support(self) -> constraints.Constraint | None:
        """That of the first component."""
        found: constraints.Constraint | None = self.components[0].support
        return found

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        """Whether the weights are constants and every component has a differentiable draw."""
        return self.fixed and all(component.has_rsample for component in self.components)

    @property
    def noise_shape(self) -> Size:
        """One number for the component, then as many as the hungriest component needs."""
        return Size((1 + max(self._noise),))

    @property
    def mean(self) -> Tensor:
        """Of the mixture, shape (*batch, *event)."""
        return self._average(self._each("mean"))

    @property
    def variance(self) -> Tensor:
        """Of the mixture: what the components have within, and what their means have between them."""
        means = self._each("mean")
        between = (means - self._average(means).unsqueeze(self._place)).square()
        return self._average(self._each("variance") + between)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-density of each row, nats."""
        return (self.logits + self._log_probs(value)).logsumexp(-1)

    def marginals(self, value: Tensor) -> Tensor:
        """Log-density of each cell by itself, nats; needs components that know theirs."""
        if self.stacked:
            cells = self.components[0].marginals(value.unsqueeze(self._place))
        else:
            found = [component.marginals(value) for component in self.components]
            cells = torch.stack(torch.broadcast_tensors(*found), self._place)
        weights = self.logits.view(*self.logits.shape, *(1,) * self.event_dims)
        return (weights + cells).logsumexp(self._place)

    def responsibilities(self, value: Tensor) -> Tensor:
        """Probability of each component given the value, shape (..., K)."""
        return (self.logits + self._log_probs(value)).softmax(-1)

    def from_noise(self, noise: Tensor) -> Tensor:
        """A draw of the component at quantile Phi(noise[0])."""
        # Below one, and of the sum that rounding left: a component without weight is never chosen.
        place = torch.special.ndtr(noise[..., :1]).clamp_max(1.0 - torch.finfo(noise.dtype).eps)
        before = self.logits.exp().cumsum(-1)
        chosen = (place * before[..., -1:] >= before).sum(-1, keepdim=True)
        lead = torch.broadcast_shapes(noise.shape[:-1], self._batch_shape)
        drawn = self._draws(noise[..., 1:], lead)
        index = chosen.view(*chosen.shape, *(1,) * self.event_dims)
        index = index.expand(*lead, 1, *self._event_shape)
        return drawn.gather(self._place, index).squeeze(self._place)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Mixture:
        """The same distribution with other batch axes."""
        lead = Size(batch_shape)
        logits = self.logits.expand(*lead, self.logits.shape[-1])
        if self.stacked:
            return Mixture(
                logits, self.components[0].expand(Size((*lead, logits.shape[-1]))), fixed=self.fixed
            )
        return Mixture(logits, [part.expand(lead) for part in self.components], fixed=self.fixed)

    @property
    def _place(self) -> int:
        """The axis of the components, before the event."""
        return -1 - len(self._event_shape)

    def _log_probs(self, value: Tensor) -> Tensor:
        if self.stacked:
            return self.components[0].log_prob(value.unsqueeze(self._place))
        found = [component.log_prob(value) for component in self.components]
        return torch.stack(torch.broadcast_tensors(*found), -1)

    def _draws(self, noise: Tensor, lead: Size) -> Tensor:
        """A draw of every component from the same noise, shape (*lead, K, *event)."""
        noise = noise.expand(*lead, noise.shape[-1])
        if self.stacked:
            [component] = self.components
            wide = (*lead, self.logits.shape[-1])
            own = noise.unsqueeze(-2).expand(*wide, noise.shape[-1]).reshape(*wide, *component.noise_shape)
            return component.from_noise(own)
        draws = [
            component.from_noise(noise[..., :width].reshape(*lead, *component.noise_shape))
            for component, width in zip(self.components, self._noise, strict=True)
        ]
        return torch.stack([draw.expand(*lead, *self._event_shape) for draw in draws], self._place)

    def _each(self, moment: str) -> Tensor:
        """A moment of every component, shape (..., K, *event)."""
        if self.stacked:
            found: Tensor = getattr(self.components[0], moment)
            return found
        shape = self._batch_shape + self._event_shape
        return torch.stack([getattr(part, moment).expand(shape) for part in self.components], self._place)

    def _average(self, each: Tensor) -> Tensor:
        weights = self.logits.exp().view(*self.logits.shape, *(1,) * self.event_dims)
        return (weights * each).sum(self._place)

    def _like(self) -> Tensor:
        return self.logits
