"""A prior that is a mixture of the encoder's own posteriors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, final

import torch
from torch import Size, Tensor, nn

from anyvae import distributions
from anyvae.conditionals.blanket import Blanketed
from anyvae.conditionals.conditional import Conditional
from anyvae.conditionals.family import event_size
from anyvae.conditionals.parents import Parent
from anyvae.distributions import FromNoise

__all__ = ["VampPrior"]


@final
class VampPrior(Conditional):
    r"""A mixture of the posteriors of K learned pseudo-inputs: the aggregate posterior, learned in small.

    .. math:: p(z) = \sum_k w_k \, q(z \mid u_k)

    q is the inference conditional of the same variable in the same model, found when parts are joined and not
    stored a second time: its gradient comes from both. Every variable that q reads gets pseudo-inputs of its own;
    masks that it reads are ones. With the data themselves as pseudo-inputs it is the aggregate posterior.

    Source: VAE with a VampPrior (Tomczak and Welling, 2018).

    Arguments:
        event_shape: of the latent; number of features, or the shape of one row.
        components: K.
        rows: where the pseudo-inputs start, shape (K, *event of x), by name where q reads several variables.
        mean, spread: where `rows` is None they start at mean + spread * noise; numbers, or tensors that broadcast
            to the event of x.
        bounds: pseudo-inputs are kept between these two numbers, (0.0, 1.0) for pictures; beyond them they have no
            gradient, as published.
        learned_weights: whether w is learned; else every w is 1 / K.

    Raises:
        ValueError: for fewer than one component, rows of another number, or bounds out of order.

    >>> VampPrior(2, 500)
    VampPrior(2, components=500)
    """

    def __init__(
        self,
        event_shape: int | tuple[int, ...],
        components: int,
        *,
        rows: Tensor | Mapping[str, Tensor] | None = None,
        mean: Tensor | float = 0.0,
        spread: Tensor | float = 1.0,
        bounds: tuple[float, float] | None = None,
        learned_weights: bool = False,
    ) -> None:
        super().__init__()
        if components < 1:
            raise ValueError(f"VampPrior got components={components}; wanted at least 1.")
        if bounds is not None and not bounds[0] < bounds[1]:
            raise ValueError(f"VampPrior got bounds={bounds}; wanted (low, high) with low < high.")
        for item in rows.values() if isinstance(rows, Mapping) else [] if rows is None else [rows]:
            if len(item) != components:
                raise ValueError(
                    f"VampPrior got {len(item)} rows for components={components}; wanted one for each."
                )
        self._event_shape = event_size(event_shape)
        self.components = components
        self.bounds = bounds
        self._rows = rows
        self._mean, self._spread = mean, spread
        self.pseudo_inputs = nn.ParameterDict()
        self.logits: Tensor
        logits = torch.zeros(components)
        if learned_weights:
            self.logits = nn.Parameter(logits)
        else:
            self.register_buffer("logits", logits, persistent=False)
        # In a tuple: the encoder belongs to the model, which saves, moves and copies it once.
        self._tied: tuple[Conditional, ...] = ()
        self._shapes: dict[str, Size] = {}

    def __repr__(self) -> str:
        return f"VampPrior({self.extra_repr()})"

    def extra_repr(self) -> str:
        """The sizes."""
        size = tuple(self._event_shape)
        return f"{size[0] if len(size) == 1 else size}, components={self.components}"

    @property
    def event_shape(self) -> Size:
        """Shape of one row of the latent."""
        return self._event_shape

    def build(self, name: str, shapes: Mapping[str, Size]) -> Self:
        """See `Conditional.build`; the pseudo-inputs are made by `join`, which knows what q reads."""
        self._shapes = dict(shapes)
        return self

    def join(
        self, name: str, generative: Mapping[str, Conditional], inference: Mapping[str, Conditional]
    ) -> None:
        """Tie to q(name | ...), and make the pseudo-inputs at the first time.

        Raises:
            ValueError: when there is no such q, it reads what is drawn, or is not the one tied to before.
        """
        if name not in inference and self._tied:
            return  # a copy for sampling, without an inference graph
        if name not in inference:
            raise ValueError(
                f"p({name}) is a VampPrior, a mixture of q({name} | ...), which the model lacks; add {name!r} to "
                "`inference`, or use NormalMixture."
            )
        encoder = inference[name]
        if isinstance(encoder, Blanketed):
            raise ValueError(
                f"p({name}) is a VampPrior, made of q({name}), but q({name}) is a {type(encoder).__name__}, made of "
                f"p({name}); use NormalMixture, or infer {name!r} by an encoder alone."
            )
        if self._tied and self._tied[0] is not encoder:
            raise ValueError(
                f"p({name}) is a VampPrior tied to the q({name}) of another model, which would change with it; "
                "make a new one."
            )
        for parent in encoder.parents:
            if parent.prior or parent.name in inference:
                raise ValueError(
                    f"p({name}) is a VampPrior, but q({name}) reads {str(parent)!r}, which is no data: there are no "
                    "pseudo-inputs for it. Let it read given variables only, or use NormalMixture."
                )
        wanted = {parent.name: self._shapes[parent.name] for parent in encoder.parents if not parent.mask}
        if not wanted:
            raise ValueError(f"p({name}) is a VampPrior, but q({name}) reads nothing; use NormalMixture.")
        if not self._tied:
            for key, size in wanted.items():
                self.pseudo_inputs[key] = nn.Parameter(self._start(key, size, len(wanted)))
        self._tied = (encoder,)

    def inputs(self, name: str) -> Tensor:
        """The pseudo-inputs in place of one variable, within the bounds, shape (K, *event)."""
        value: Tensor = self.pseudo_inputs[name]
        return value if self.bounds is None else value.clamp(*self.bounds)

    def forward(self, *parents: Any) -> distributions.NormalMixture | distributions.Mixture:
        """The mixture; of normal vectors a `NormalMixture`."""
        if not self._tied:
            raise RuntimeError(
                "VampPrior has no encoder yet; join it to a model that infers the same variable."
            )
        [encoder] = self._tied
        q = encoder(*[self._argument(parent) for parent in encoder.parents])
        if isinstance(q, distributions.Normal) and q.event_dims == 1:
            return distributions.NormalMixture(self.logits, q.loc, q.stddev)
        if not isinstance(q, FromNoise):
            raise ValueError(
                f"VampPrior got {type(q).__name__} from the encoder; it cannot be drawn from noise."
            )
        if q.batch_shape != (self.components,):
            q = q.expand((self.components,))
        return distributions.Mixture(self.logits, q)

    def _argument(self, parent: Parent) -> Tensor:
        if parent.mask:
            return self.logits.new_ones((self.components, *parent.shape(self._shapes)))
        return parent.of(self.inputs(parent.name))

    def _start(self, name: str, size: Size, variables: int) -> Tensor:
        rows = self._rows.get(name) if isinstance(self._rows, Mapping) else self._rows
        if rows is not None:
            if rows.shape[1:] != size or (variables > 1 and not isinstance(self._rows, Mapping)):
                raise ValueError(
                    f"VampPrior got rows of shape {tuple(rows.shape)} for {name!r}; wanted "
                    f"({self.components}, {', '.join(map(str, size))}), by name where q reads several variables."
                )
            value = rows.detach().clone().to(self.logits)
        else:
            noise = torch.randn((self.components, *size)).to(self.logits)
            value = torch.as_tensor(self._mean).to(noise) + torch.as_tensor(self._spread).to(noise) * noise
        return value if self.bounds is None else value.clamp(*self.bounds)
