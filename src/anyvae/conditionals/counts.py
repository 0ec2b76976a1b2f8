"""Families of counts: out of a total, and with more spread than Poisson's."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from typing import final

import torch
from torch import Size, Tensor

from anyvae import distributions
from anyvae.conditionals.door import refuse
from anyvae.conditionals.family import Family
from anyvae.conditionals.located import Located
from anyvae.conditionals.scales import Scale, bounded_scale

__all__ = ["Binomial", "Multinomial", "NegativeBinomial", "ZeroInflatedNegativeBinomial"]


def _is_count(value: Tensor) -> Tensor:
    return (value >= 0) & (value == value.round()) & torch.isfinite(value)


@final
class Binomial(Family):
    r"""Independent counts of successes out of a fixed number of trials.

    .. math:: P(v_i) = \binom{total}{v_i} \sigma(logits_i)^{v_i} \sigma(-logits_i)^{total - v_i}

    Arguments:
        event_shape: number of features, or the shape of one row.
        total: number of trials, the same for all features.

    Raises:
        ValueError: for a total below one.
    """

    def __init__(self, event_shape: int | tuple[int, ...], total: int) -> None:
        if total < 1:
            raise ValueError(f"Binomial got total={total}; wanted at least one trial.")
        super().__init__(event_shape)
        self.total = total

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]}, total={self.total})"

    @property
    def params(self) -> dict[str, Size]:
        """`logits`, of the event shape."""
        return {"logits": self.event_shape}

    def __call__(
        self, params: Mapping[str, Tensor], constants: Mapping[str, Tensor], *, learning: bool = False
    ) -> distributions.Binomial:
        """See `Family.__call__`."""
        return distributions.Binomial(self.total, params["logits"], len(self.event_shape))

    def check(self, name: str, value: Tensor) -> None:
        """Refuse what is no count up to the total."""
        wrong = ~(_is_count(value) & (value <= self.total))
        refuse(self, name, value, wrong, f"counts 0, ..., {self.total}", "Poisson for counts without a total")


@final
class Multinomial(Family):
    r"""Counts of K categories given their sum: the words of a document, the species of a sample.

    .. math:: \log p(v \mid n) = \log n! - \sum_k \log v_k! + \sum_k v_k \log \operatorname{softmax}(logits)_k,
              \quad n = \sum_k v_k

    The sum of a row is read off the row when it is scored, whatever `total` says: it is given, not modelled.

    Arguments:
        categories: K.
        total: n of drawn rows and of the mean; without it a model scores and learns, but cannot draw.

    Raises:
        ValueError: for fewer than two categories or a total below one.
    """

    def __init__(self, categories: int, total: int | None = None) -> None:
        if categories < 2 or (total is not None and total < 1):
            raise ValueError(
                f"Multinomial got {categories} categories and total={total}; wanted at least two categories "
                "and a total of at least one, or none."
            )
        super().__init__(categories)
        self.total = total

    @property
    def params(self) -> dict[str, Size]:
        """`logits`, one a category."""
        return {"logits": self.event_shape}

    def __call__(
        self, params: Mapping[str, Tensor], constants: Mapping[str, Tensor], *, learning: bool = False
    ) -> distributions.Multinomial:
        """See `Family.__call__`."""
        return distributions.Multinomial(params["logits"], self.total)

    def check(self, name: str, value: Tensor) -> None:
        """Refuse what is no count."""
        instead = "Categorical for one class a row, Normal for real values"
        refuse(self, name, value, ~_is_count(value), "counts 0, 1, 2, ...", instead)


class _Overdispersed(Located, ABC):
    """Counts with a mean and a learned dispersion.

    Arguments:
        event_shape: number of features, or the shape of one row.
        scale: where the dispersion comes from; one learned number per feature unless said.
        library: whether the mean is a share of the row's library size.

    Raises:
        ValueError: when the dispersion is not learned, or a library is asked for rows that are no vectors.
    """

    location = "log_mean"
    spread = "raw_dispersion"

    def __init__(
        self, event_shape: int | tuple[int, ...], scale: Scale | None = None, *, library: bool = False
    ) -> None:
        super().__init__(event_shape, scale)
        if library and len(self.event_shape) != 1:
            raise ValueError(
                f"{self!r} got library=True; one library size is shared out among the features of a vector. "
                "Flatten the rows, or leave library=False."
            )
        self.library = library

    @property
    def params(self) -> dict[str, Size]:
        """`log_mean` and `raw_dispersion`; with a library `logits` and `log_library` in place of `log_mean`."""
        found = super().params
        if self.library:
            found = {"logits": found.pop("log_mean"), "log_library": Size((1,))} | found
        return found

    def log_mean(self, params: Mapping[str, Tensor]) -> Tensor:
        """The logarithm of the mean, of the event shape."""
        if self.library:
            return params["logits"].log_softmax(-1) + params["log_library"]
        return params["log_mean"]

    def check(self, name: str, value: Tensor) -> None:
        """Refuse what is no count."""
        instead = "Gamma for positive reals, Normal for reals"
        refuse(self, name, value, ~_is_count(value), "counts 0, 1, 2, ...", instead)


@final
class NegativeBinomial(_Overdispersed):
    r"""Independent counts whose variance grows with the square of their mean.

    .. math:: \operatorname{Var} v_i = m_i + dispersion_i \, m_i^2, \quad
              m = e^{log\_mean} \text{ or } m = e^{log\_library} \operatorname{softmax}(logits)

    With `library=True` the mean is a share of the row's library size, its depth of sequencing or length. A
    known size is given as a parent and supplied to the family as it is; else the network guesses it.

    Arguments:
        event_shape: number of features, or the shape of one row.
        scale: where the dispersion comes from; one learned number per feature unless said.
        library: whether the mean is a share of the row's library size.

    Raises:
        ValueError: when the dispersion is not learned, or a library is asked for rows that are no vectors.

    >>> from anyvae.networks import MLP, Supplied
    >>> net = Supplied(MLP([16]), "log_library")
    >>> decoder = NegativeBinomial(5, library=True).given("z", "log_size", net=net)
    >>> decoder = decoder.build("x", {"z": Size((2,)), "log_size": Size((1,))})
    >>> decoder(torch.zeros(1, 2), torch.tensor([[100.0]]).log()).mean.sum().round().item()
    100.0
    """

    def __call__(
        self, params: Mapping[str, Tensor], constants: Mapping[str, Tensor], *, learning: bool = False
    ) -> distributions.NegativeBinomial:
        """See `Family.__call__`."""
        dispersion = bounded_scale(params["raw_dispersion"])
        return distributions.NegativeBinomial(self.log_mean(params), dispersion, len(self.event_shape))


@final
class ZeroInflatedNegativeBinomial(_Overdispersed):
    r"""Independent counts that are zero with some probability, and negative binomial else.

    .. math:: P(v_i) = \sigma(gate_i) \, [v_i = 0] + \sigma(-gate_i) \, NB(v_i; m_i, dispersion_i)

    See `NegativeBinomial` for the mean, the dispersion and the library size.
    Source: Deep generative modeling for single-cell transcriptomics (Lopez et al., 2018).

    Arguments:
        event_shape: number of features, or the shape of one row.
        scale: where the dispersion comes from; one learned number per feature unless said.
        library: whether the mean is a share of the row's library size.

    Raises:
        ValueError: when the dispersion is not learned, or a library is asked for rows that are no vectors.
    """

    @property
    def params(self) -> dict[str, Size]:
        """Those of `NegativeBinomial`, and `gate`: the log-odds of an additional zero."""
        return super().params | {"gate": self.event_shape}

    def __call__(
        self, params: Mapping[str, Tensor], constants: Mapping[str, Tensor], *, learning: bool = False
    ) -> distributions.ZeroInflatedNegativeBinomial:
        """See `Family.__call__`."""
        dispersion, dims = bounded_scale(params["raw_dispersion"]), len(self.event_shape)
        return distributions.ZeroInflatedNegativeBinomial(
            self.log_mean(params), dispersion, params["gate"], dims
        )
