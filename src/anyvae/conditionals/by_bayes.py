"""The exact posterior of a variable with few values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import torch
from torch import Size

from anyvae.conditionals.blanket import Blanketed, leading_shape
from anyvae.conditionals.conditional import Conditional
from anyvae.distributions import OneHotCategorical

__all__ = ["ByBayes"]


@final
class ByBayes(Blanketed):
    r"""q(y | rest) as Bayes' rule gives it, from the generative parts: no network, no weights of its own.

    .. math:: q(y \mid z, \dots) = \frac{p(y) \, p(z \mid y, \dots)}{\sum_k p(y_k) \, p(z \mid y_k, \dots)}

    It reads whatever the generative parts with y in them read, latents drawn before it among them. The cluster of a
    latent under a mixture prior, as in Deep Unsupervised Clustering with Gaussian Mixture Variational Autoencoders
    (Dilokthanakul et al., 2016).

    Arguments:
        classes: K, number of values; the prior of the variable is a categorical one.

    Raises:
        ValueError: when joined, where nothing reads the variable or its prior is no categorical one.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes

    @property
    def event_shape(self) -> Size:
        """(K,)."""
        return Size((self.classes,))

    def extra_repr(self) -> str:
        """How it comes about."""
        return f"{self.classes} classes by Bayes' rule given {', '.join(map(str, self.parents))}"

    def join(
        self, name: str, generative: Mapping[str, Conditional], inference: Mapping[str, Conditional]
    ) -> None:
        """See `Conditional.join`."""
        if generative.get(name) is self:
            raise ValueError(
                f"p({name}) cannot be ByBayes: its prior would depend on itself; use it as q({name})."
            )
        super().join(name, generative, inference)

    def forward(self, *parents: Any) -> OneHotCategorical:
        """See `Conditional.forward`."""
        [blanket] = self._blanket
        given = dict(zip(self.parents, parents, strict=True))
        prior = blanket.prior(given)
        if not isinstance(prior, OneHotCategorical):
            raise ValueError(
                f"ByBayes: p({blanket.name}) is {type(prior).__name__}; wanted Categorical or UniformCategorical."
            )
        lead = torch.broadcast_shapes(leading_shape(given, self._shapes), prior.batch_shape)
        values = torch.eye(self.classes, dtype=prior.logits.dtype, device=prior.logits.device)
        values = values.view(self.classes, *(1,) * len(lead), self.classes)
        joint = blanket.log_likelihood(values, given) + prior.log_prob(values)
        return OneHotCategorical(joint.expand(self.classes, *lead).movedim(0, -1))
