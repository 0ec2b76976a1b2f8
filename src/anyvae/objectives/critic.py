"""Critics: networks that learn a ratio of two densities by telling their draws apart."""

from __future__ import annotations

from typing import final

import torch
import torch.nn.functional as F
from torch import Size, Tensor, nn
from torch.func import functional_call

from anyvae.conditionals.family import event_size
from anyvae.model import Trace
from anyvae.networks import Network
from anyvae.objectives.aggregate import first_draws
from anyvae.objectives.objective import Objective

__all__ = ["Critic", "CriticTC", "TellApart"]


@final
class Critic(nn.Module):
    r"""A network whose output is the logarithm of a ratio of two densities, once it tells their draws apart.

    .. math:: T(v) \approx \log \frac{a(v)}{b(v)}

    Its weights are its own: give it a player, `Player("critic", TellApart(critic), parts=[critic])`. A run saves
    it with the model.

    Arguments:
        event_shapes: number of features, or the shape, of each thing that it reads.
        net: description of the network.

    >>> from anyvae.networks import MLP
    >>> Critic(10, net=MLP([64, 64]))(torch.zeros(5, 10)).shape
    torch.Size([5])
    """

    def __init__(self, *event_shapes: int | tuple[int, ...], net: Network) -> None:
        super().__init__()
        self.event_shapes = tuple(event_size(shape) for shape in event_shapes)
        self.net = net.build(self.event_shapes, {"log_ratio": Size((1,))})

    def forward(self, *values: Tensor) -> Tensor:
        """The logarithm of the ratio, shape (B,), for values (B, *event_shape) of each shape.

        Raises:
            ValueError: when it was made for other shapes.
        """
        shapes = tuple(value.shape[1:] for value in values)
        if shapes != self.event_shapes:
            raise ValueError(
                f"the critic reads the shapes {[tuple(s) for s in self.event_shapes]} and got "
                f"{[tuple(s) for s in shapes]}; make it with those."
            )
        [found] = self.net(*values)
        return found.squeeze(-1)

    def judged(self, *values: Tensor) -> Tensor:
        """As `forward`, but the gradient reaches the values alone and not the critic's weights."""
        fixed = {name: tensor.detach() for name, tensor in self.state_dict(keep_vars=True).items()}
        result: Tensor = functional_call(self, fixed, values)
        return result


@final
class CriticTC(Objective):
    r"""Total correlation of the aggregate posterior as a critic sees it; a cost, nats.

    .. math:: TC = E_{q(z)} \log \frac{q(z)}{\prod_k q(z_k)} \approx E\,T(z)

    Right as far as the critic, trained by `TellApart`, has learned the ratio. The gradient goes through the draws
    alone. FactorVAE is `ELBO() - gamma * CriticTC(critic)` for the model beside `TellApart(critic)` for the critic.
    Source: Disentangling by Factorising (Kim and Mnih, 2018).

    Arguments:
        critic: reads z.
        name: of the latent.
    """

    def __init__(self, critic: Critic, name: str = "z") -> None:
        super().__init__()
        self.critic = critic
        self.name = name

    def of(self, trace: Trace, progress: float = 1.0) -> Tensor:
        """See `Objective.of`."""
        return self.critic.judged(first_draws(self, trace, self.name))


@final
class TellApart(Objective):
    r"""How well a critic tells latents from latents whose features were permuted across the batch; a gain.

    .. math:: E_{q(z)} \log \sigma(T(z)) + E_{\prod_k q(z_k)} \log \sigma(-T(z))

    Permuted features are draws of the product of the marginals. At its maximum T is the logarithm of the ratio of
    the two. The gradient reaches the critic alone. At most 0, and -2 log 2 for a critic that sees no difference.
    Source: Disentangling by Factorising (Kim and Mnih, 2018).

    Arguments:
        critic: reads z.
        name: of the latent.
    """

    def __init__(self, critic: Critic, name: str = "z") -> None:
        super().__init__()
        self.critic = critic
        self.name = name

    def of(self, trace: Trace, progress: float = 1.0) -> Tensor:
        """See `Objective.of`."""
        z = first_draws(self, trace, self.name).detach()
        order = torch.rand(z.shape[0], z[0].numel(), device=z.device).argsort(0)
        permuted = z.flatten(1).gather(0, order).view_as(z)
        log_ratio, of_permuted = self.critic(torch.cat([z, permuted])).chunk(2)
        return F.logsigmoid(log_ratio) + F.logsigmoid(-of_permuted)
