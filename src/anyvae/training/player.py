"""Who is trained: parameters, objective, optimiser, cadence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, final

import torch
from torch import Tensor, nn

from anyvae.model import Batch, LatentVariableModel
from anyvae.objectives import ELBO, Objective, Schedule, WarmupCosine
from anyvae.training.distributed import is_spread
from anyvae.wants import wants

__all__ = ["OptimizerFactory", "Player", "Seat", "adam_under_prior", "fused_adam"]

OptimizerFactory: TypeAlias = Callable[[Iterable[Any]], torch.optim.Optimizer]
"""From parameters, or groups of them, to what moves them."""


def fused_adam(parameters: Iterable[Any]) -> torch.optim.Optimizer:
    """Adam in one kernel a step: the cheapest speed-up there is on a CPU."""
    return torch.optim.Adam(parameters, fused=True)


def adam_under_prior(rows: int, scale: float = 2.0) -> OptimizerFactory:
    r"""`fused_adam` up the bound of a row and its share of the density of the weights, each N(0, scale^2).

    .. math:: \max_\theta \; \frac1n \sum_i ELBO(x_i) - \frac{1}{2 \, n \, scale^2} \sum_w w^2

    With few rows it keeps a decoder from learning each by heart; with many it says nothing. What has one axis, as
    biases and the noise of features have, is left out.

    Arguments:
        rows: n.
        scale: of a weight.

    Raises:
        ValueError: for less than one row, or a scale that is not positive.

    >>> weights, bias = nn.Parameter(torch.ones(2, 2)), nn.Parameter(torch.ones(2))
    >>> [group["weight_decay"] for group in adam_under_prior(200)([weights, bias]).param_groups]
    [0.00125, 0.0]
    """
    if rows < 1 or not scale > 0.0:
        raise ValueError(
            f"adam_under_prior got rows={rows}, scale={scale}; wanted at least one row, and a positive scale."
        )

    def factory(parameters: Iterable[Any]) -> torch.optim.Optimizer:
        found = list(parameters)
        groups = found if isinstance(found[0], dict) else [{"params": found}]
        apart = [
            {
                "params": [weight for weight in group["params"] if (weight.dim() > 1) == matrix],
                "weight_decay": decay,
            }
            for group in groups
            for matrix, decay in ((True, 1.0 / (rows * scale**2)), (False, 0.0))
        ]
        return torch.optim.Adam([group for group in apart if group["params"]], fused=True)

    return factory


@final
@dataclass(frozen=True)
class Player:
    """A set of parameters, what it maximises, and how.

    One player that owns everything is the default; a critic or a lagging encoder is another one.

    Arguments:
        name: for checkpoints and messages.
        objective: what it maximises.
        parts: prefixes of parameter names that it owns, such as "inference" or "generative.x", and modules beside
            the model, such as a critic; all of the model where empty. What was frozen before the fit stays frozen.
        optimizer: makes its optimiser.
        learning_rate: as a schedule over the run.
        every: it moves at every so many steps.

    Raises:
        TypeError: for an objective that is none, such as its class, a rate that is no schedule, and a lone part.
        ValueError: for a cadence below one.
    """

    name: str = "model"
    objective: Objective = field(default_factory=ELBO)
    parts: Sequence[str | nn.Module] = ()
    optimizer: OptimizerFactory = fused_adam
    learning_rate: Schedule = field(default_factory=lambda: WarmupCosine(1e-3))
    every: int = 1

    def __post_init__(self) -> None:
        wants(Objective, self.objective, f"objective of player {self.name!r}", "one such as ELBO()")
        wants(
            Schedule,
            self.learning_rate,
            f"learning_rate of player {self.name!r}",
            "a schedule such as WarmupCosine(1e-3)",
        )
        if isinstance(self.parts, str):
            raise TypeError(
                f"parts of player {self.name!r}: got {self.parts!r}; wanted a list, [{self.parts!r}]."
            )
        if self.every < 1:
            raise ValueError(f"player {self.name!r} got every={self.every}; wanted at least 1.")


@final
class Seat(nn.Module):
    """A player at the table: the loss of its objective, and its optimiser.

    A module whose forward is the whole computation of a step, so that data parallelism can wrap it.

    Arguments:
        player: the description.
        model: the model, shared by all seats.
        beside: modules beside the model that its objective holds or it owns.
        owned: parameters of those that it owns, by name.

    Raises:
        ValueError: when the player owns no parameter, or names a part without one.
    """

    def __init__(
        self,
        player: Player,
        model: LatentVariableModel,
        beside: Sequence[nn.Module] = (),
        owned: Mapping[str, nn.Parameter] | None = None,
    ) -> None:
        super().__init__()
        self.player = player
        self.model = model
        # Registered, so that data parallelism sees their parameters.
        self.beside = nn.ModuleList(beside)
        prefixes = [part for part in player.parts if isinstance(part, str)]
        # A weight that stands at two places has two names, and belongs to who owns either.
        named = [
            (f"{name}.", parameter) for name, parameter in model.named_parameters(remove_duplicate=False)
        ]
        asked = {
            id(weight) for name, weight in named if any(name.startswith(f"{part}.") for part in prefixes)
        }
        of_model = {
            name: parameter
            for name, parameter in model.named_parameters()
            if not player.parts or id(parameter) in asked
        }
        found = of_model | dict(owned or {})
        self.owned = {name: parameter for name, parameter in found.items() if parameter.requires_grad}
        strangers = [part for part in prefixes if not any(name.startswith(f"{part}.") for name, _ in named)]
        if strangers or not self.owned:
            known = sorted({".".join(name.split(".")[:2]) for name, _ in named})
            raise ValueError(
                f"player {player.name!r} finds no parameter to train: nothing in the model starts with "
                f"{strangers or prefixes} and is free to learn. Parts are {known}, and modules beside the model."
            )
        # One kernel takes weights that are spread over processes, or whole ones, and not both.
        apart = [
            [parameter for parameter in self.owned.values() if is_spread(parameter) == spread]
            for spread in (True, False)
        ]
        groups = [{"params": weights} for weights in apart if weights]
        self.optimizer = player.optimizer(groups if len(groups) > 1 else groups[0]["params"])

    def forward(self, batch: Batch, progress: float, weight: float) -> Tensor:
        """- weight * the sum over rows of the objective, shape ()."""
        value: Tensor = self.player.objective(self.model, batch, progress)
        return value.sum() * -weight

    def own_gradients_only(self, others: Iterable[nn.Parameter]) -> None:
        """Switch gradients on for its own parameters and off for the others, before the forward pass."""
        for parameter in others:
            parameter.requires_grad_(False)
        for parameter in self.owned.values():
            parameter.requires_grad_(True)

    def set_learning_rate(self, progress: float) -> float:
        """Set and return the learning rate at this point of the run."""
        rate = self.player.learning_rate(progress)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        return rate
