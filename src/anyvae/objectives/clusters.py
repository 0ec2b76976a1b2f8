"""Terms of models with clusters."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from anyvae.model import Trace
from anyvae.objectives.objective import Objective

__all__ = ["ClusterEntropy", "StickPrior"]


@final
class ClusterEntropy(Objective):
    r"""How undecided the cluster of a row is, at the drawn values of what it is inferred from; a cost, nats.

    .. math:: E_q \big[ -\sum_k q(y_k \mid z, \dots) \log q(y_k \mid z, \dots) \big]

    The consistency violation of a Gaussian-mixture VAE: taken off the bound it drives clusters apart. Zero where
    every row belongs to one cluster, log K where all are alike.
    Source: Deep Unsupervised Clustering with Gaussian Mixture Variational Autoencoders (Dilokthanakul et al., 2016).

    Arguments:
        name: of the cluster.
        samples: S, draws per row.

    >>> from anyvae.objectives import ELBO
    >>> objective = ELBO(enumerate=["y"]) - 0.4 * ClusterEntropy("y")
    """

    def __init__(self, name: str = "y", samples: int = 1) -> None:
        super().__init__(samples)
        self.name = name

    def of(self, trace: Trace, progress: float = 1.0) -> Tensor:
        """See `Objective.of`.

        Raises:
            ValueError: when no class of that name is inferred.
        """
        if (self.name, True) not in trace.plan.draws:
            inferred = [name for name, from_q in trace.plan.draws if from_q]
            raise ValueError(
                f"ClusterEntropy({self.name!r}): no latent of that name is inferred, but {inferred}."
            )
        return trace.expect(trace.q(self.name).entropy())


@final
class StickPrior(Objective):
    r"""Log-density of the weights of a mixture as the sticks of a Dirichlet process, the same in every row, nats.

    .. math::

        v_k = \frac{p_k}{1 - \sum_{j < k} p_j}, \quad
        \sum_{k < K} \log Beta(v_k; 1, concentration)
            = \sum_{k < K} \log concentration + (concentration - 1) \log(1 - v_k)

    There is one prior for the whole data set: weigh it by 1 / rows beside a bound that is a mean over rows.
    Source: A Constructive Definition of Dirichlet Priors (Sethuraman, 1994).

    Arguments:
        name: of the variable, whose prior is a categorical one without parents.
        concentration: of the process; a small one leaves little for later sticks.

    Raises:
        ValueError: for a concentration that is not positive.
    """

    def __init__(self, name: str, concentration: float = 1.0) -> None:
        super().__init__()
        if not concentration > 0.0:
            raise ValueError(f"StickPrior got concentration={concentration}; wanted a positive number.")
        self.name = name
        self.concentration = concentration

    def of(self, trace: Trace, progress: float = 1.0) -> Tensor:
        """See `Objective.of`.

        Raises:
            ValueError: when the variable has parents, or is no class.
        """
        p = trace.p(self.name)
        logits = getattr(p, "logits", None)
        if not isinstance(logits, Tensor) or logits.dim() != 1:
            raise ValueError(
                f"StickPrior({self.name!r}) wants p({self.name}) = Categorical(K) without parents; got {p!r}."
            )
        log_p = logits.log_softmax(-1)
        # log of what is left from stick k on, k = 0 .. K - 1.
        left = log_p.flip(-1).logcumsumexp(-1).flip(-1)
        log_rest = left[1:] - left[:-1]
        log_concentration = torch.tensor(self.concentration).log().to(logits)
        density = (log_concentration + (self.concentration - 1.0) * log_rest).sum()
        return density.expand(trace.rows)
