"""The record of one pass over a batch, from which every bound and score derives."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, final

import torch
from torch import Size, Tensor
from torch.distributions import Distribution

from anyvae.conditionals import Conditional
from anyvae.distributions import Cellwise, analytic_kl, has_analytic_kl, log_prob_of_given
from anyvae.model.batch import Evidence
from anyvae.model.drawing import Drawing, Noise, drawn_value, every_value
from anyvae.model.plan import Plan, values_read

if TYPE_CHECKING:
    from anyvae.model.graph import LatentVariableModel

__all__ = ["Trace"]


@final
class Trace:
    r"""Values, log p and log q of every variable for one batch; densities are worked out when asked for.

    Leading axes are right-aligned: `(enumerations..., S, B)`, then the event; what does not depend on a draw has
    fewer.

    Arguments:
        model: the model.
        evidence: the checked batch.
        plan: the drawing order.
        samples: S.
        rows: B.
        noise: fixed noise, or None for torch's generator.
        enumerate: latents of which every value is taken.
        drawings: how latents are drawn that are not drawn as their distribution does it, by name.
    """

    __slots__ = (
        "_p",
        "_q",
        "drawings",
        "enumerated",
        "evidence",
        "model",
        "noise",
        "plan",
        "rows",
        "samples",
        "values",
    )

    def __init__(
        self,
        model: LatentVariableModel,
        evidence: dict[str, Evidence],
        plan: Plan,
        samples: int,
        rows: int,
        noise: Noise | None,
        enumerate: tuple[str, ...] = (),
        drawings: Mapping[str, Drawing] | None = None,
    ) -> None:
        self.model = model
        self.evidence = evidence
        self.plan = plan
        self.samples = samples
        self.rows = rows
        self.noise = noise
        self.values: dict[str, Tensor] = {name: item.value for name, item in evidence.items()}
        self.drawings = drawings or {}
        self.enumerated = tuple(item for item in plan.draws if item.name in enumerate) if enumerate else ()
        self._p: dict[str, Distribution] = {}
        self._q: dict[str, Distribution] = {}
        for name, from_q in plan.steps:
            distribution = self.q(name) if from_q else self.p(name)
            if name in model.computed:
                self.values[name] = distribution.mean
                continue
            if (name, from_q) in self.enumerated:
                self.values[name] = self._every_value(name, distribution)
                continue
            drawn = self._draw(name, distribution)
            item = evidence.get(name)
            self.values[name] = (
                drawn if item is None else torch.where(item.cell_mask() > 0, item.value, drawn)
            )

    @property
    def _axes(self) -> int:
        return len(self.enumerated)

    def reread(self, values: dict[str, Tensor], *, keep_q: bool = True, follow: bool = True) -> Trace:
        """The same evidence with other tensors for some values: what is computed from them and log p are new.

        Arguments:
            values: by name, with leading axes that broadcast against those of the other values.
            keep_q: whether the q stay those of the first pass.
            follow: whether what is computed from the values is worked out anew; it need not be where only the
                densities of the values themselves are asked for.
        """
        other = object.__new__(Trace)
        for name in Trace.__slots__:
            setattr(other, name, getattr(self, name))
        other.values = self.values | values
        other._p, other._q = {}, dict(self._q) if keep_q else {}
        moved = set(values) if follow else set()
        for name, from_q in self.plan.steps:
            if name in self.model.computed and moved & set(self._read(name, from_q=from_q)):
                other._q.pop(name, None)
                other.values[name] = (other.q(name) if from_q else other.p(name)).mean
                moved.add(name)
        return other

    def fresh(self, name: str) -> Tensor:
        """A new draw of p(name | parents) by torch's generator, of the shape of the trace's own draws."""
        other = self.reread({})
        # Fixed noise is the q's: the same numbers again would make the two draws one.
        other.noise, other.drawings = None, {}
        return other._draw(name, self.p(name))

    def drawn_parents(self, name: str) -> list[str]:
        """Names of drawn variables that q(name | ...) reads, sorted; none where it reads only what was given."""
        drawn = {other for other, _ in self.plan.draws}
        return sorted(drawn.intersection(self._read(name, from_q=True)))

    def drawn_after(self) -> list[str]:
        """Names of variables drawn from p that read what was inferred, also by way of what is computed from it."""
        moved = {name for name, from_q in self.plan.draws if from_q}
        found = []
        for name, from_q in self.plan.steps:
            if name not in moved and moved & set(self._read(name, from_q=from_q)):
                moved.add(name)
                if name not in self.model.computed:
                    found.append(name)
        return found

    def _read(self, name: str, *, from_q: bool) -> list[str]:
        """Names whose values one conditional of this variable needs."""
        parts = self.model.inference_parts if from_q else self.model.generative_parts
        return values_read(parts[name], self.model.generative_parts)

    def p(self, name: str) -> Distribution:
        """p(name | its parents), at this trace's values."""
        found = self._p.get(name)
        if found is None:
            found = self._p[name] = self._condition(self.model.generative_parts[name])
        return found

    def q(self, name: str) -> Distribution:
        """q(name | its parents), at this trace's values.

        Raises:
            KeyError: when the model infers no variable of that name.
        """
        found = self._q.get(name)
        if found is None:
            found = self._q[name] = self._condition(self.model.inference_parts[name], from_q=True)
        return found

    def log_p(self, name: str) -> Tensor:
        """log p(name | parents), nats, shape (..., B); of the given cells only where q does not fill the holes."""
        item = self.evidence.get(name)
        distribution = self.p(name)
        if (
            self.enumerated
            and isinstance(distribution, Cellwise)
            and distribution.settled() is not distribution
        ):
            raise ValueError(
                f"{name!r} learns its noise from the residuals of a batch, which are not weighed by the probabilities "
                f"of {self.enumerated[0].name!r}, every value of which is taken; give it OneScale() or FeatureScale()."
            )
        if item is None or item.mask is None or (name, True) in self.plan.draws:
            return distribution.log_prob(self.values[name])
        if not item.by_rows and not isinstance(distribution, Cellwise):
            raise ValueError(
                f"{name!r} misses single cells, but {type(distribution).__name__} has no density per cell; "
                "drop those rows, or use a family of independent features."
            )
        return log_prob_of_given(distribution, item.value, item.cell_mask())

    def log_drawn(self, name: str) -> Tensor:
        """log p(name | parents) of what p has drawn of a variable, nats, shape (..., B): of its holes alone."""
        item = self.evidence.get(name)
        if item is None:
            return self.p(name).log_prob(self.values[name])
        return log_prob_of_given(self.p(name), self.values[name], 1.0 - item.cell_mask())

    def log_q(self, name: str) -> Tensor:
        """log q(name | parents) at the drawn value, nats, shape (..., B); 0 in rows where it was given."""
        return self.where_drawn(name, self.q(name).log_prob(self.values[name]))

    def where_drawn(self, name: str, term: Tensor) -> Tensor:
        """A term of an inferred variable, shape (..., B), 0 in rows where the variable was given."""
        given = self._rows_given(name)
        return term if given is None else torch.where(given, torch.zeros_like(term), term)

    def where_given(self, name: str, term: Tensor) -> Tensor:
        """A term of a given variable, shape (..., B), 0 in rows where it was drawn instead."""
        given = self._rows_given(name)
        return term if given is None else torch.where(given, term, torch.zeros_like(term))

    def _rows_given(self, name: str) -> Tensor | None:
        """Which rows hold an inferred variable, shape (B,); None where all or none do, or where it is not inferred."""
        item = self.evidence.get(name)
        if item is None or item.mask is None or (name, True) not in self.plan.draws:
            return None
        if not item.by_rows:
            raise ValueError(
                f"{name!r} has an inference conditional and misses single cells; give or withhold whole rows."
            )
        return item.mask

    def kl(self, name: str) -> Tensor | None:
        """KL(q || p) of one latent in closed form, nats, shape (..., B); None where none is valid."""
        if name in self.plan.exact and has_analytic_kl(self.q(name), self.p(name)):
            # The sum over latents is at hand as a density over rows: (..., B), never a scalar.
            return self.broadcast(analytic_kl(self.q(name), self.p(name)))
        return None

    def log_weight(self) -> Tensor:
        r"""log p(given, drawn) - log q(drawn | given), nats, shape (S, B).

        .. math:: \log w_s = \log p(x, z_s) - \log q(z_s \mid x)
        """
        total: Tensor | None = None
        for name in self.plan.scored:
            term = self.log_p(name)
            total = term if total is None else total + term
        for name, from_q in self.plan.draws:
            if from_q:
                term = -self.log_q(name)
                total = term if total is None else total + term
        if total is None:
            raise ValueError(
                "nothing of the model was given or drawn; pass a batch with at least one variable."
            )
        if self.enumerated:
            # Weighed by its probability, every value of an enumerated latent makes one weight with the others.
            log_probability = self._log_probabilities()
            total = total + log_probability
            total = total.expand(torch.broadcast_shapes(total.shape, log_probability.shape))
            total = total.flatten(0, self._axes - 1).logsumexp(0)
        return total.expand(self.samples, self.rows)

    def elbo(self) -> Tensor:
        r"""The evidence lower bound with exact KLs where they are valid, nats, shape (B,).

        .. math:: E_q[\log p(x, z) - \log q(z \mid x)]
        """
        return self.log_likelihood() - self.kl_total()

    def log_likelihood(self, names: Collection[str] | None = None) -> Tensor:
        r"""E_q of the log-densities of what was given, of inferred variables in the rows that hold them, nats, (B,).

        Arguments:
            names: which of the given variables count; all where None.
        """
        parts = [
            self.where_given(name, self.log_p(name))
            for name in self.plan.scored
            if name in self.evidence and (names is None or name in names)
        ]
        return self.expect(sum(parts[1:], parts[0])) if parts else self._zeros()

    def kl_of(self, name: str) -> Tensor:
        """KL(q || p) of one latent, exact where that is valid and sampled elsewhere, nats, shape (B,).

        0 in rows where it was given: its log-density counts in `log_likelihood` there.
        """
        exact = self.kl(name)
        if exact is None:
            exact = self.log_q(name) - self.where_drawn(name, self.log_p(name))
        return self.expect(exact)

    def kl_total(self) -> Tensor:
        """Sum of `kl_of` over the latents, nats, shape (B,)."""
        parts = [self.kl_of(name) for name, from_q in self.plan.draws if from_q]
        return sum(parts[1:], parts[0]) if parts else self._zeros()

    def expect(self, term: Tensor) -> Tensor:
        """The mean over draws, and over enumerated values by their probabilities, shape (B,)."""
        if term.dim() > 2:
            term = self._log_probabilities().exp() * term
            term = term.flatten(0, self._axes - 1).sum(0)
        while term.dim() > 1:
            term = term.mean(0)
        return term if term.dim() == 1 else term.expand(self.rows)

    def log_mean_exp(self, log_weight: Tensor) -> Tensor:
        """log of the mean over samples of exp(log_weight), shape (B,)."""
        return log_weight.logsumexp(0) - math.log(log_weight.shape[0])

    def broadcast(self, term: Tensor) -> Tensor:
        """A per-row term with its row axis, also where one value serves all rows."""
        return term if term.dim() else term.expand(self.rows)

    def _condition(self, conditional: Conditional, *, from_q: bool = False) -> Distribution:
        arguments: list[Tensor | Distribution] = []
        for parent in conditional.parents:
            if parent.mask:
                arguments.append(parent.of(self._mask(parent.name)))
            elif parent.optional:
                item = self.evidence.get(parent.name)
                arguments.append(parent.of(self._nothing(parent.name) if item is None else item.value))
            elif parent.prior:
                arguments.append(self.p(parent.name))
            elif from_q and (parent.name, False) in self.plan.draws and parent.name in self.evidence:
                # The encoder reads a row with holes as it is, also after they were drawn.
                arguments.append(parent.of(self.evidence[parent.name].value))
            else:
                arguments.append(parent.of(self.values[parent.name]))
        distribution: Distribution = conditional(*arguments)
        return distribution

    def _mask(self, name: str) -> Tensor:
        item = self.evidence.get(name)
        return self._nothing(name) if item is None else item.cell_mask()

    def _nothing(self, name: str) -> Tensor:
        return self.model.zeros((self.rows, *self.model.shapes[name]))

    def _draw(self, name: str, distribution: Distribution) -> Tensor:
        lead = Size((self.samples, self.rows)) if self.samples > 1 or self.enumerated else Size((self.rows,))
        return drawn_value(
            name, distribution, lead, self.model.dtype, noise=self.noise, drawing=self.drawings.get(name)
        )

    def _every_value(self, name: str, distribution: Distribution) -> Tensor:
        after = self._axes - 1 - [item.name for item in self.enumerated].index(name)
        return every_value(name, distribution, after)

    def _log_probabilities(self) -> Tensor:
        """log q of every combination of enumerated values, shape (K..., S or 1, B or 1); given rows: 0 or -inf."""
        total: Tensor | None = None
        for name, from_q in self.enumerated:
            value = self.values[name]
            log_probability = (self.q(name) if from_q else self.p(name)).log_prob(value)
            item = self.evidence.get(name)
            if item is not None and item.mask is not None:
                same = (item.value == value).flatten(value.dim() - len(self.model.shapes[name])).all(-1)
                label = torch.where(same, 0.0, -torch.inf).to(log_probability)
                log_probability = torch.where(item.mask, label, log_probability)
            total = log_probability if total is None else total + log_probability
        assert total is not None
        return total.expand(torch.broadcast_shapes(total.shape, (1,) * (self._axes + 2)))

    def _zeros(self) -> Tensor:
        return self.model.zeros((self.rows,))
