"""Latents that are code vectors: the posterior that takes the nearest one, and the prior over all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import torch
from torch import Size, Tensor, nn

from anyvae.conditionals.codebook import Codebook
from anyvae.conditionals.conditional import Conditional
from anyvae.conditionals.deterministic import Deterministic
from anyvae.conditionals.family import event_size
from anyvae.conditionals.parents import Parent
from anyvae.distributions import CodeCategorical, CodeLayout, Quantised
from anyvae.networks import Network

__all__ = ["CodebookPrior", "QuantisedConditional", "VectorQuantised"]


@final
class VectorQuantised:
    r"""All mass on the code nearest to what the encoder gives, at each position: what VQ-VAE infers by.

    .. math:: q(z_n = code_k \mid x) = 1 \text{ for } k = \arg\min_j |net(x)_n - code_j|, \text{ else } 0

    The decoder's gradient goes past the code to the encoder (straight through); none reaches the code that way. Codes
    follow the means of the vectors that choose them, or, with `decay=None`, a `CodebookCost`; `Commitment` holds the
    vectors near their codes. The first training batch places the codes by k-means. With a depth the latent is residual:
    each code stands for what those before it leave over, `Summed` adds them up for a decoder, and the gradient goes
    through the first of them, so that their sum has it once.
    Source: Neural Discrete Representation Learning (van den Oord et al., 2017); residual: SoundStream (Zeghidour et
    al., 2021).

    Arguments:
        event_shape: features of one code, (positions, features), or (features, height, width).
        codes: K.
        depth: number of codebooks whose codes add up, on a first axis of the latent; without that axis where None.
        decay: of the running means that the codes follow; None makes the codes parameters, which cannot be sharded.
        revive: a code chosen less often than this share of the average is replaced by a vector of the batch;
            never where 0.

    Raises:
        ValueError: for fewer than two codes, no depth, or a share or decay outside [0, 1).

    >>> from anyvae.networks import MLP
    >>> q = VectorQuantised((4, 8), codes=64).given("x", net=MLP([16])).build("z", {"x": Size((3,))})
    >>> q(torch.zeros(5, 3)).event_shape
    torch.Size([4, 8])
    """

    def __init__(
        self,
        event_shape: int | tuple[int, ...],
        codes: int,
        *,
        depth: int | None = None,
        decay: float | None = 0.99,
        revive: float = 0.05,
    ) -> None:
        if codes < 2:
            raise ValueError(f"VectorQuantised got codes={codes}; wanted at least 2.")
        if depth is not None and depth < 1:
            raise ValueError(f"VectorQuantised got depth={depth}; wanted at least 1, or None.")
        for name, value in (("decay", decay), ("revive", revive)):
            if value is not None and not 0.0 <= value < 1.0:
                raise ValueError(f"VectorQuantised got {name}={value}; wanted a number in [0, 1).")
        self.layout = CodeLayout(event_size(event_shape), depth)
        self.codes = codes
        self.decay = decay
        self.revive = revive

    def __repr__(self) -> str:
        deep = "" if self.layout.depth is None else f", depth={self.layout.depth}"
        return f"VectorQuantised({tuple(self.layout.event_shape)}, codes={self.codes}{deep})"

    def given(self, *parents: str | Parent, net: Network | nn.Module | None = None) -> QuantisedConditional:
        """q(latent | parents).

        Arguments:
            parents: names of other variables, or references such as `observed("x")`.
            net: description of the network that gives the vectors to be quantised, or any module.
        """
        return QuantisedConditional(self, parents, net=net)


@final
class QuantisedConditional(Conditional):
    """Network + codebook: what `VectorQuantised.given` makes.

    Arguments:
        spec: shape, codes and how they are learned.
        parents: names of the parents, or references.
        net: a network's description, or any module.
    """

    def __init__(
        self,
        spec: VectorQuantised,
        parents: Sequence[str | Parent] = (),
        *,
        net: Network | nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.spec = spec
        self.encoder = Deterministic(spec.layout.event_shape).given(*parents, net=net)
        self.parents = self.encoder.parents
        depth, _, features = spec.layout.sizes
        self.codebook = Codebook(depth, spec.codes, features, spec.decay, spec.revive)

    @property
    def event_shape(self) -> Size:
        """Shape of one row of the latent."""
        return self.spec.layout.whole

    def extra_repr(self) -> str:
        """The codes and the network."""
        return self.encoder.extra_repr().replace(repr(self.encoder.family), repr(self.spec), 1)

    def build(self, name: str, shapes: Mapping[str, Size]) -> QuantisedConditional:
        """See `Conditional.build`."""
        self.encoder.build(name, shapes)
        return self

    def params(self, *parents: Tensor) -> dict[str, Tensor]:
        """`value`, what is to be quantised.

        Arguments:
            parents: one tensor per parent.
        """
        return self.encoder.params(*parents)

    def forward(self, *parents: Tensor) -> Quantised:
        """q(latent | parents).

        Arguments:
            parents: one tensor per parent, shape (..., *event_shape of the parent); leading axes broadcast.
        """
        layout = self.spec.layout
        vectors = layout.rows(self.params(*parents)["value"], deep=False)
        learning = self.training and torch.is_grad_enabled()
        indices, residuals, codes = self.codebook(vectors, learning=learning)
        # Exactly the code, since what is added is exactly 0; its gradient is the encoder's.
        value = codes.detach()
        through = vectors - vectors.detach()
        if value.shape[-3] == 1:
            value = value + through
        else:
            value = torch.cat([value[..., :1, :, :] + through, value[..., 1:, :, :]], -3)
        return Quantised(
            layout.values(value),
            len(layout.whole),
            indices=indices,
            residual=layout.values(residuals),
            codes=layout.values(codes),
        )


@final
class CodebookPrior(Conditional):
    r"""p over the codes of the latent's own posterior: uniform, or with learned frequencies at each position.

    .. math:: p(z) = \prod_n m_{n, k(z_n)}, \quad m_{n, k} = 1 / K \text{ unless learned}

    The codes are those of q, looked up when the parts are joined. Under a uniform p, KL(q || p) = positions log K in
    every row; learned frequencies can win log K - H(codes used) of it at each position, and never pull at the encoder.

    Arguments:
        event_shape: of the latent, its depth included.
        learned: whether the frequencies are learned.

    >>> from anyvae.conditionals import Bernoulli
    >>> from anyvae.model import VAE
    >>> from anyvae.networks import MLP
    >>> vae = VAE(
    ...     prior=CodebookPrior((4, 2)),
    ...     encoder=VectorQuantised((4, 2), codes=8).given("x", net=MLP([8])),
    ...     decoder=Bernoulli(6).given("z", net=MLP([8])),
    ... )
    >>> vae.trace({"x": torch.zeros(3, 6)}).kl("z").exp()
    tensor([4096., 4096., 4096.])
    """

    def __init__(self, event_shape: int | tuple[int, ...], *, learned: bool = False) -> None:
        super().__init__()
        self._event_shape = event_size(event_shape)
        self.learned = learned
        self.logits: nn.Parameter | None
        self.register_parameter("logits", None)
        self._posterior: tuple[QuantisedConditional, ...] = ()

    @property
    def event_shape(self) -> Size:
        """Shape of one row of the latent."""
        return self._event_shape

    def extra_repr(self) -> str:
        """Whether the frequencies are learned."""
        return "learned frequencies of the codes" if self.learned else "uniform over the codes"

    def build(self, name: str, shapes: Mapping[str, Size]) -> CodebookPrior:
        """See `Conditional.build`; what it needs comes with `join`."""
        return self

    def join(
        self, name: str, generative: Mapping[str, Conditional], inference: Mapping[str, Conditional]
    ) -> None:
        """See `Conditional.join`.

        Raises:
            ValueError: when the latent is not inferred by a `VectorQuantised`, or by one with another number of codes
                than a learned prior was joined to before.
        """
        found = inference.get(name)
        if not isinstance(found, QuantisedConditional):
            raise ValueError(
                f"the CodebookPrior of {name!r} shares the codes of its posterior, but q({name}) is "
                f"{'missing' if found is None else type(found).__name__}; "
                "infer it by VectorQuantised(...).given('x', net=...)."
            )
        if self.learned:
            depth, positions, _ = found.spec.layout.sizes
            shape = Size((depth, positions, found.spec.codes))
            if self.logits is None:
                self.logits = nn.Parameter(torch.zeros(shape))
            elif self.logits.shape != shape:
                raise ValueError(
                    f"the CodebookPrior of {name!r} has frequencies of shape {tuple(self.logits.shape)} (depth, "
                    f"positions, codes) and is now joined to codes of {tuple(shape)}; make a new one."
                )
        self._posterior = (found,)

    def check(self, name: str, value: Tensor) -> None:
        """Refuse values that are no codes."""
        _, same = self().find(value)
        if not bool(same.all()):
            raise ValueError(
                f"{name!r} holds vectors that are none of its codes; a CodebookPrior has mass on those of its "
                "posterior only, as they are now."
            )

    def params(self) -> dict[str, Tensor]:
        """`logits` where they are learned."""
        return {} if self.logits is None else {"logits": self.logits}

    def forward(self) -> CodeCategorical:
        """p(latent)."""
        if not self._posterior:
            raise RuntimeError("a CodebookPrior has no codes before it is joined to a model.")
        [posterior] = self._posterior
        codes = posterior.codebook.vectors.detach()
        logits = self.params().get("logits")
        return CodeCategorical(
            codes, codes.new_zeros(codes.shape[1]) if logits is None else logits, posterior.spec.layout
        )
