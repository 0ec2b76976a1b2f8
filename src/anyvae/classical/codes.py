"""Codes of rows under a spike-and-slab model: one independent switch and value a latent, found latent by latent."""

from __future__ import annotations

from typing import NamedTuple, final

import torch
from torch import Tensor

__all__ = ["Evidence", "SparseCode", "best_code", "better_code"]


@final
class SparseCode(NamedTuple):
    """q(s, h | x): given that a latent is on, its value is normal.

    Arguments:
        probability: that it is on, shape (B, latents).
        loc: its mean where it is on, shape (B, latents).
        variance: of it where it is on, the same for all rows, shape (latents,).
    """

    probability: Tensor
    loc: Tensor
    variance: Tensor

    @property
    def mean(self) -> Tensor:
        """Of z = s h, shape (B, latents)."""
        return self.probability * self.loc

    @property
    def spread(self) -> Tensor:
        """The variance of z = s h, shape (B, latents)."""
        return self.probability * (self.variance + self.loc.square()) - self.mean.square()


@final
class Evidence(NamedTuple):
    """All that codes need of the rows and of the model.

    Arguments:
        gram: loadings' N^-1 loadings of the noise N, shape (latents, latents).
        pull: (x - loc)' N^-1 loadings, shape (B, latents).
        base: log N(x; loc, N), shape (B,).
        probability, slab_loc, slab_variance: of the latents, each of shape (latents,).
    """

    gram: Tensor
    pull: Tensor
    base: Tensor
    probability: Tensor
    slab_loc: Tensor
    slab_variance: Tensor

    def take(self, rows: Tensor) -> Evidence:
        """The given rows."""
        return self._replace(pull=self.pull[rows], base=self.base[rows])

    def variance(self) -> Tensor:
        """Of a latent that is on, shape (latents,)."""
        return 1.0 / (1.0 / self.slab_variance + self.gram.diagonal())

    def prior_code(self) -> SparseCode:
        """Every latent as its prior has it."""
        on, loc = self.probability.expand_as(self.pull), self.slab_loc.expand_as(self.pull)
        return SparseCode(on, loc, self.slab_variance)

    def swept(self, code: SparseCode) -> SparseCode:
        r"""Each latent's q at its best, one after the other, the others being what they are.

        .. math:: 1 / v_k = 1 / slab\_variance_k + gram_{kk}, \quad
           m_k / v_k = slab\_loc_k / slab\_variance_k + pull_k - \sum_{l \ne k} gram_{kl} E[z_l], \quad
           \operatorname{logit} q(s_k) = \operatorname{logit} p(s_k) + \tfrac12 \log (v_k / slab\_variance_k)
           + m_k^2 / 2 v_k - slab\_loc_k^2 / 2 slab\_variance_k
        """
        variance = self.variance()
        probability, loc, mean = code.probability.clone(), code.loc.clone(), code.mean.clone()
        logit = self._base_logit()
        for k in range(len(variance)):
            others = mean @ self.gram[:, k] - mean[:, k] * self.gram[k, k]
            loc[:, k] = variance[k] * (self.slab_loc[k] / self.slab_variance[k] + self.pull[:, k] - others)
            probability[:, k] = torch.sigmoid(logit[k] + 0.5 * loc[:, k].square() / variance[k])
            mean[:, k] = probability[:, k] * loc[:, k]
        return SparseCode(probability, loc, variance)

    def pursued(self) -> SparseCode:
        """All latents off, then each in turn at its best, the most probable first, in an order of each row's own."""
        variance, logit, own = self.variance(), self._base_logit(), self.gram.diagonal()
        mean, loc, probability = (torch.zeros_like(self.pull) for _ in range(3))
        done = torch.zeros_like(self.pull)
        for _ in range(len(variance)):
            left = self.pull - mean @ self.gram + mean * own
            new_loc = variance * (self.slab_loc / self.slab_variance + left)
            new_logit = logit + 0.5 * new_loc.square() / variance
            k = (new_logit - done).argmax(1, keepdim=True)
            loc = loc.scatter(1, k, new_loc.gather(1, k))
            probability = probability.scatter(1, k, new_logit.gather(1, k).sigmoid())
            mean = probability * loc
            done = done.scatter(1, k, torch.inf)
        return SparseCode(probability, loc, variance)

    def bound(self, code: SparseCode) -> Tensor:
        """The lower bound of log p(x), nats, shape (B,)."""
        mean = code.mean
        fit = (mean * (self.pull - 0.5 * mean @ self.gram)).sum(1) - 0.5 * code.spread @ self.gram.diagonal()
        on, off = code.probability, 1.0 - code.probability
        switch = torch.special.entr(on) + torch.special.entr(off)
        switch = switch + on * self.probability.log() + off * (-self.probability).log1p()
        ratio = code.variance / self.slab_variance
        far = (code.loc - self.slab_loc).square() / self.slab_variance
        slab = 0.5 * on * (ratio + far - 1.0 - ratio.log())
        return self.base + fit + (switch - slab).sum(1)

    def settled(self, code: SparseCode, tolerance: float, max_sweeps: int) -> tuple[SparseCode, Tensor]:
        """Sweeps until none gains `tolerance` nats for a row, and the bound they reach."""
        code = self.swept(code)
        bound = self.bound(code)
        # A row stops by itself: with whom it shares a batch must not matter.
        active = torch.arange(len(bound), device=bound.device)
        for _ in range(max_sweeps - 1):
            some, evidence = code._replace(probability=code.probability[active]), self.take(active)
            some = evidence.swept(some._replace(loc=code.loc[active]))
            code.probability[active], code.loc[active] = some.probability, some.loc
            reached = evidence.bound(some)
            going = reached - bound[active] >= tolerance
            bound[active] = reached
            active = active[going]
            if not len(active):
                break
        return code, bound

    def _base_logit(self) -> Tensor:
        shrunk = 0.5 * (self.variance() / self.slab_variance).log()
        return torch.logit(self.probability) + shrunk - 0.5 * self.slab_loc.square() / self.slab_variance


def best_code(evidence: Evidence, tolerance: float, max_sweeps: int) -> tuple[SparseCode, Tensor]:
    """Each row's better code of two that start apart, and its bound."""
    first, bound = evidence.settled(evidence.prior_code(), tolerance, max_sweeps)
    second, other = evidence.settled(evidence.pursued(), tolerance, max_sweeps)
    return better_code(first, second, bound, other), torch.maximum(bound, other)


def better_code(first: SparseCode, second: SparseCode, bound: Tensor, other: Tensor) -> SparseCode:
    """Row by row the code of the larger bound."""
    second_wins = (other > bound)[:, None]
    probability = torch.where(second_wins, second.probability, first.probability)
    return SparseCode(probability, torch.where(second_wins, second.loc, first.loc), first.variance)
