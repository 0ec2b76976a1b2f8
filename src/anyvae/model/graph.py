"""Latent-variable models: how data are generated, and how latents are inferred."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import torch
from torch import Size, Tensor, nn

from anyvae.conditionals import Conditional, Family
from anyvae.conditionals.combinator import as_conditional, words
from anyvae.conditionals.supports import support_words, within
from anyvae.model.batch import Batch, Evidence, admit
from anyvae.model.drawing import Drawing, Noise
from anyvae.model.plan import Plan, computed_names, generation_order, make_plan
from anyvae.model.trace import Trace

__all__ = ["VAE", "LatentVariableModel"]


@final
class LatentVariableModel(nn.Module):
    r"""Two graphs over named variables: p for generation, q for inference.

    .. math:: p(x, z) = \prod_v p(v \mid parents_p(v)), \quad q(z \mid x) = \prod_v q(v \mid parents_q(v))

    Arguments:
        generative: p(v | ...) by name of v, observed and latent variables alike.
        inference: q(v | ...) by name of v, for the latent ones.
        conditions: event shape of names that are only ever given.

    Raises:
        ValueError: where parts do not fit each other, naming them.

    >>> from anyvae.conditionals import Bernoulli, DiagonalNormal, StandardNormal
    >>> from anyvae.networks import MLP
    >>> model = LatentVariableModel(
    ...     generative={"z": StandardNormal(2), "x": Bernoulli(6).given("z", net=MLP([8]))},
    ...     inference={"z": DiagonalNormal(2).given("x", net=MLP([8]))},
    ... )
    >>> model.trace({"x": torch.ones(5, 6)}, samples=3).log_weight().shape
    torch.Size([3, 5])
    """

    def __init__(
        self,
        generative: Mapping[str, Conditional | Family],
        inference: Mapping[str, Conditional | Family] | None = None,
        *,
        conditions: Mapping[str, int | tuple[int, ...]] | None = None,
    ) -> None:
        super().__init__()
        p = {name: as_conditional(part) for name, part in generative.items()}
        q = {name: as_conditional(part).unjoined() for name, part in (inference or {}).items()}
        self.conditions = {
            name: Size((shape,)) if isinstance(shape, int) else Size(shape)
            for name, shape in (conditions or {}).items()
        }
        self.computed = computed_names(p, q)
        self._check_names(p, q)
        parts = {name: part.event_shape for name, part in [*q.items(), *p.items()]}
        self.shapes: dict[str, Size] = parts | self.conditions
        for name, part in q.items():
            if name in p and part.event_shape != p[name].event_shape:
                raise ValueError(
                    f"q({name}) has event shape {tuple(part.event_shape)} but p({name}) has "
                    f"{tuple(p[name].event_shape)}; they are distributions of one variable, "
                    "make the sizes equal."
                )
            if name in p:
                _refuse_elsewhere(name, part, p[name])
        for name, part in [*p.items(), *q.items()]:
            part.build(name, self.shapes)
        for name, part in [*p.items(), *q.items()]:
            part.join(name, p, q)
        self.generative = nn.ModuleDict(p)
        self.inference = nn.ModuleDict(q)
        # Plain dicts beside the registered ones: a ModuleDict look-up costs a microsecond at every term.
        self.generative_parts = p
        self.inference_parts = q
        generation_order(p, frozenset(self.conditions))
        self._plans: dict[tuple[frozenset[str], frozenset[str]], Plan] = {}
        self.register_buffer("_anchor", torch.zeros(()), persistent=False)
        self._anchor: Tensor

    @property
    def latents(self) -> tuple[str, ...]:
        """Names of the variables that are inferred."""
        return tuple(name for name in self.inference_parts if name not in self.computed)

    @property
    def observed(self) -> tuple[str, ...]:
        """Names of the generative variables that are not inferred."""
        hidden = self.inference_parts.keys() | self.computed
        return tuple(name for name in self.generative_parts if name not in hidden)

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights and of every value inside."""
        return self._anchor.dtype

    @property
    def device(self) -> torch.device:
        """Of the weights and of every value inside."""
        return self._anchor.device

    def zeros(self, shape: tuple[int, ...]) -> Tensor:
        """Zeros of the model's dtype and device."""
        return torch.zeros(shape, dtype=self.dtype, device=self.device)

    def admit(self, batch: Batch) -> dict[str, Evidence]:
        """Check a batch, cast it and fill its holes; see `anyvae.model.batch.admit`."""
        evidence = admit(batch, self.shapes, self.dtype, self.device)
        absent = [name for name in self.conditions if name not in evidence]
        if absent:
            raise ValueError(f"the model is conditioned on {absent[0]!r}, which the batch lacks; pass it.")
        if partly := [name for name in self.conditions if evidence[name].mask is not None]:
            raise ValueError(
                f"the model is conditioned on {partly[0]!r}, which is given in part; it has no distribution to fill it "
                "by: pass all of it."
            )
        return evidence

    def check(self, batch: Batch) -> None:
        """Check shapes and supports of a whole data set once, at the door.

        Raises:
            ValueError: naming the variable, what it holds and what its family wants.
        """
        evidence = self.admit(batch)
        for name, item in evidence.items():
            if name in self.generative_parts:
                value = item.filled()
                if value is not None and value.numel():
                    self.generative_parts[name].check(name, value)

    def plan(self, evidence: Mapping[str, Evidence]) -> Plan:
        """The drawing order for evidence of this pattern, made once a pattern."""
        whole = frozenset(name for name, item in evidence.items() if item.mask is None)
        key = (whole, frozenset(evidence) - whole)
        found = self._plans.get(key)
        if found is None:
            found = self._plans[key] = make_plan(self.generative_parts, self.inference_parts, *key)
        return found

    def trace(
        self,
        batch: Batch,
        samples: int = 1,
        noise: Noise | None = None,
        *,
        enumerate: Sequence[str] = (),
        draws: Mapping[str, Drawing] | None = None,
    ) -> Trace:
        """Infer the latents of a batch and record the pass.

        Arguments:
            batch: tensors (B, *event) or `Partial` values by name.
            samples: S, draws of the latents per row.
            noise: fixed noise for the draws; torch's generator where None.
            enumerate: latents of which every value is taken, weighed by its probability, instead of draws.
            draws: how latents are drawn that are not drawn as their distribution does it, by name.

        Raises:
            ValueError: for a batch that does not fit the model, latents that cannot be reached from it, or names
                that are no latents of the model.
        """
        if samples < 1:
            raise ValueError(f"trace got samples={samples}; wanted at least 1.")
        if isinstance(enumerate, str):
            raise ValueError(f"got enumerate={enumerate!r}; wanted a list, [{enumerate!r}].")
        evidence = self.admit(batch)
        if not evidence:
            raise ValueError("the batch is empty; pass at least one variable, or use sample(model, rows).")
        rows = len(next(iter(evidence.values())).value)
        for name in [*enumerate, *(draws or {})]:
            if name not in self.generative_parts and name not in self.inference_parts:
                raise ValueError(f"the model has no variable {name!r} to draw; it has {sorted(self.shapes)}.")
        plan = self.plan(evidence)
        return Trace(self, evidence, plan, samples, rows, noise, tuple(enumerate), draws or {})

    def forward(
        self,
        batch: Batch,
        samples: int = 1,
        enumerate: Sequence[str] = (),
        draws: Mapping[str, Drawing] | None = None,
    ) -> Trace:
        """The same as `trace`, with draws from torch's generator."""
        return self.trace(batch, samples, enumerate=enumerate, draws=draws)

    def _check_names(self, p: Mapping[str, Conditional], q: Mapping[str, Conditional]) -> None:
        for name in [*p, *q]:
            if not name.isidentifier():
                raise ValueError(f"got the variable name {name!r}; wanted a Python identifier such as 'z1'.")
        for name, part in p.items():
            for parent in part.parents:
                if parent.optional:
                    raise ValueError(
                        f"p({name}) reads {str(parent)!r}; how {name!r} is generated cannot hang on what happens to "
                        f"be given. Read {parent.name!r}, and keep optional(...) for inference conditionals."
                    )
        strangers = sorted(set(q) - set(p) - self.computed)
        if strangers:
            raise ValueError(
                f"q({strangers[0]}) infers a variable that is never generated; "
                f"add p({strangers[0]}) to `generative` (it has {sorted(p)})."
            )


def _refuse_elsewhere(name: str, q: Conditional, p: Conditional) -> None:
    """Refuse a posterior whose draws have no density under the prior."""
    inner, outer = q.support, p.support
    if inner is None or outer is None or within(inner, outer):
        return
    raise ValueError(
        f"q({name}) is {words(q)}, of {support_words(inner)}, but p({name}) is {words(p)}, of {support_words(outer)}: "
        "its draws have no density there; make both distributions of the same values."
    )


def VAE(  # a constructor: reads as the class it returns
    prior: Conditional | Family, encoder: Conditional | Family, decoder: Conditional | Family
) -> LatentVariableModel:
    r"""The two-node model: p(z) p(x | z) and q(z | x).

    Arguments:
        prior: p(z).
        encoder: q(z | x), given "x".
        decoder: p(x | z), given "z".

    Source: Auto-Encoding Variational Bayes (Kingma and Welling, 2013).

    >>> from anyvae.conditionals import Bernoulli, DiagonalNormal, StandardNormal
    >>> from anyvae.networks import MLP
    >>> vae = VAE(
    ...     prior=StandardNormal(2),
    ...     encoder=DiagonalNormal(2).given("x", net=MLP([8])),
    ...     decoder=Bernoulli(6).given("z", net=MLP([8])),
    ... )
    >>> vae.latents, vae.observed
    (('z',), ('x',))
    """
    return LatentVariableModel(generative={"z": prior, "x": decoder}, inference={"z": encoder})
