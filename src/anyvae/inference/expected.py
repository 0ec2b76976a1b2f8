"""How a row stands among what a model expects of rows like it: a score without units."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Size, Tensor

from anyvae.distributions import FromNoise, log_prob_of_given
from anyvae.inference.likelihood import evaluating, traces
from anyvae.model import Batch, LatentVariableModel, Trace

__all__ = ["standing"]


def standing(
    model: LatentVariableModel,
    batch: Batch,
    samples: int = 16,
    *,
    seed: int = 0,
    enumerate: Sequence[str] = (),
) -> Tensor:
    r"""The bound of each row over what its latents let expect of a row, nats, shape (B,).

    .. math:: E_{q(z \mid x)} \left[ \log p(x \mid z) - E_{p(x' \mid z)} \log p(x' \mid z) \right]
        - KL(q(z \mid x) \| p(z))

    A density is high for whatever is simple: an empty picture is likelier than any digit, and a row of values that
    come again is likelier than one of values that do not. Here a row is held against draws of its own latents, so that
    it is about 0 less the divergence where the row is such as they let expect, however much that is. Units cancel, and
    so do probabilities beside densities. Deterministic, and of one row as of many.

    Source: the discrepancy of posterior predictive checks (Gelman, Meng and Stern, 1996) for a density; that a density
    alone tells no outliers: Perfect density models cannot guarantee anomaly detection (Le Lan and Dinh, 2021).

    Arguments:
        model: the model.
        batch: tensors or `Partial` values by name.
        samples: S, draws of the latents, and of what each lets expect.
        seed: of the draws.
        enumerate: discrete latents that are summed over instead of drawn.

    Raises:
        ValueError: for fewer samples than one, or a likelihood that cannot be drawn from fixed noise.

    >>> from anyvae.conditionals import DiagonalNormal, Normal, StandardNormal
    >>> from anyvae.networks import Linear
    >>> from anyvae.model import VAE
    >>> encoder = DiagonalNormal(1).given("x", net=Linear())
    >>> vae = VAE(StandardNormal(1), encoder, Normal(2).given("z", net=Linear()))
    >>> near, far = standing(vae, {"x": torch.tensor([[0.0, 0.0], [50.0, -50.0]])})
    >>> bool(near > far)
    True
    """
    if samples < 1:
        raise ValueError(f"standing got samples={samples}; wanted at least 1.")
    found: list[Tensor] = []
    with evaluating(model):
        for trace in traces(model, batch, samples, seed=seed, enumerate=enumerate):
            given = [name for name in trace.plan.scored if name in trace.evidence]
            expected = sum(
                (trace.where_given(name, _expected(trace, name, seed)) for name in given), model.zeros((1, 1))
            )
            found.append(trace.elbo() - trace.expect(expected))
    return torch.cat(found)


def _expected(trace: Trace, name: str, seed: int) -> Tensor:
    """Log-density of one draw of a variable given its parents, of the cells that the row has, shape (..., S, B).

    The noise of all rows is the same, so that no row is ahead by its luck.
    """
    distribution, item = trace.p(name), trace.evidence[name]
    if not isinstance(distribution, FromNoise):
        raise ValueError(
            f"{name!r} follows {type(distribution).__name__}, which cannot be drawn from fixed noise, as `standing` "
            "does; give it from_noise(noise), or score rows by log_likelihood."
        )
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(trace.samples, 1, *distribution.noise_shape, generator=generator, dtype=torch.float64)
    lead = torch.broadcast_shapes(distribution.batch_shape, Size((trace.samples, trace.rows)))
    noise = noise.to(trace.model.zeros((1,))).expand(*lead, *distribution.noise_shape)
    drawn = distribution.expand(lead).from_noise(noise)
    if item.mask is None:
        return distribution.log_prob(drawn)
    return log_prob_of_given(distribution, drawn, item.cell_mask())
