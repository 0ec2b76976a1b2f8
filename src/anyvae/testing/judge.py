"""How a law decides: close enough, or near enough for the number of draws."""

from __future__ import annotations

import math

import torch
from torch import Size, Tensor
from torch.distributions import Distribution

from anyvae.distributions import FromNoise

__all__ = [
    "allowed_chance",
    "allowed_errors",
    "bounded",
    "close",
    "has_moment",
    "seeded_draws",
    "shares",
    "within",
]

# Sound code fails by chance once in 50,000 runs of a suite of a thousand laws of draws.
_BUDGET = 2e-5
_LAWS = 1000


def allowed_chance(numbers: int) -> float:
    """How often one of the `numbers` that a law compares may seem off though nothing is: its part of the budget."""
    return _BUDGET / (_LAWS * numbers)


def allowed_errors(numbers: int) -> float:
    """Standard errors, two-sided, that a normal deviate passes as seldom as that.

    >>> [round(allowed_errors(numbers), 1) for numbers in (1, 30, 1000)]
    [5.6, 6.2, 6.7]
    """
    return -float(torch.special.ndtri(torch.tensor(0.5 * allowed_chance(numbers), dtype=torch.float64)))


def has_moment(distribution: Distribution, moment: str) -> bool:
    """Whether a distribution knows its "mean" or "variance"."""
    try:
        return getattr(distribution, moment) is not None
    except NotImplementedError:
        return False


def entropy_of(distribution: Distribution) -> Tensor | None:
    """The entropy of each row, nats; None where a distribution knows none."""
    try:
        return distribution.entropy()
    except NotImplementedError:
        return None


def seeded_draws(distribution: FromNoise, samples: int, seed: int) -> Tensor:
    """The same draws at every call, shape (samples, *batch, *event); torch's own generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return distribution.sample(Size((samples,)))


def within(law: str, draws: Tensor, exact: Tensor, least: float = 1e-9) -> None:
    """Fail, naming the law, where the mean of draws lies further from an exact number than chance would have it.

    What is allowed in standard errors grows with how many numbers are compared: see `allowed_errors`.
    """
    # A cell that never varied has no standard error: a rare point, or rounding, is what `least` forgives.
    error = (draws.std(0) / math.sqrt(len(draws))).clamp_min(least)
    apart = (draws.mean(0) - exact).abs() / error
    far, allowed = apart.max().item(), allowed_errors(apart.numel())
    assert far < allowed, f"{law}: {far:.1f} standard errors from draws, allowed are {allowed:.1f}"


def bounded(law: str, draws: Tensor, exact: Tensor, width: float) -> None:
    r"""Fail, as `within` does, where draws lie in a stretch of a known width, however rare the large ones are.

    .. math:: P\left(|mean - exact| > \sqrt{2 V \log(4 / \delta) / N} + \frac{7 \, width \log(4 / \delta)}{3 (N - 1)}\right)
              \le \delta

    V is their variance. An event that no draw happened to show has no standard error, and must not be missed.

    Source: Empirical Bernstein bounds and sample variance penalization (Maurer and Pontil, 2009).
    """  # noqa: E501  (one equation)
    apart, count = (draws.mean(0) - exact).abs(), len(draws)
    log = -math.log(0.25 * allowed_chance(apart.numel()))
    allowed = (2.0 * draws.var(0) * log / count).sqrt() + 7.0 * width * log / (3.0 * (count - 1))
    worst = (apart / allowed).max().item()
    assert worst < 1.0, f"{law}: {worst:.2f} times as far from draws as is allowed"


def shares(law: str, found: Tensor, masses: Tensor, draws: int, slack: float = 1e-9) -> None:
    r"""Fail, naming the law, where shares of draws are not those that their masses allow, however small these are.

    .. math:: P(\hat p \text{ as far from } p) \le 2 \exp(-N \, KL(\hat p \,\|\, p))

    Chernoff's bound, which holds for every N; a rare value is no normal deviate.

    Arguments:
        law: its name.
        found: the shares, any shape.
        masses: what they should be, of that shape.
        draws: N.
        slack: how exact the masses are.
    """
    # Sums of shares round to a little beyond one.
    found = found.clamp(0.0, 1.0)
    nearest = torch.maximum(torch.minimum(found, masses + slack), masses - slack)
    inside = nearest.clamp(0.0, 1.0)
    excess = torch.special.xlogy(found, found / inside) + torch.special.xlogy(
        1.0 - found, (1.0 - found) / (1.0 - inside)
    )
    # 0 / 0 where nothing has no mass, or all of it, is as it should be; a mass beyond one is no share.
    excess = torch.where(found == inside, 0.0, excess)
    excess = torch.where(nearest > 1.0, torch.inf, excess)
    worst, allowed = draws * excess.max().item(), -math.log(0.5 * allowed_chance(found.numel()))
    assert worst < allowed, (
        f"{law}: a share of draws with probability below 2 exp(-{worst:.1f}), allowed is 2 exp(-{allowed:.1f})"
    )


def close(law: str, found: Tensor, wanted: Tensor, atol: float) -> None:
    """Fail, naming the law, where numbers differ by more than `atol` of their size."""
    gap = (found - wanted).abs().max().item()
    assert gap <= atol * (1.0 + wanted.abs().max().item()), f"{law}: off by {gap:.3g}, allowed is {atol:g}"
