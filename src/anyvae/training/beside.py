"""What a run trains and saves beside its model: critics, controllers, whatever objectives hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import final

from torch import Tensor, nn

from anyvae.model import LatentVariableModel
from anyvae.objectives import Controller, held_modules
from anyvae.training.checkpoint import under
from anyvae.training.distributed import World
from anyvae.training.player import Player

__all__ = ["Beside"]


@final
class Beside:
    """The modules that players own, or their objectives hold, and that are no part of the model.

    Arguments:
        players: in order, which gives the modules their names in a checkpoint.
        model: the model, whose own parts are left out.
        here: the processes; all get the numbers of the first.
    """

    def __init__(self, players: Sequence[Player], model: LatentVariableModel, here: World) -> None:
        own = {id(module) for module in model.modules()}
        found = held_modules([(player.objective, player.parts) for player in players])
        kept = [module for module in found if id(module) not in own]
        self.modules: dict[str, nn.Module] = {f"beside.{index}": module for index, module in enumerate(kept)}
        self.controllers = [module for module in kept if isinstance(module, Controller)]
        for module in kept:
            module.to(here.device)
            here.spread(tensor.detach() for tensor in module.state_dict(keep_vars=True).values())
        for controller in self.controllers:
            controller.forget()
        self._trained: list[nn.Module] = []

    def parameters(self) -> dict[str, nn.Parameter]:
        """Every parameter, by its name in a checkpoint."""
        return {
            f"{key}.{name}": parameter
            for key, module in self.modules.items()
            for name, parameter in module.named_parameters()
        }

    def of(self, player: Player) -> list[nn.Module]:
        """What a player owns or its objective holds."""
        used = {id(module) for module in held_modules(player.objective, player.parts)}
        return [module for module in self.modules.values() if id(module) in used]

    def buffers(self) -> list[Tensor]:
        """Every buffer but those of controllers, which move alike in all processes."""
        measured = [module for module in self.modules.values() if not isinstance(module, Controller)]
        return [buffer for module in measured for buffer in module.buffers()]

    def owned(self, player: Player) -> dict[str, nn.Parameter]:
        """The parameters that a player owns, by their names in a checkpoint."""
        keys = [key for key, module in self.modules.items() if any(module is part for part in player.parts)]
        return {
            name: parameter
            for name, parameter in self.parameters().items()
            if any(name.startswith(f"{key}.") for key in keys)
        }

    def seat(self, names: Iterable[str]) -> None:
        """Take note of the parameters that are trained.

        Arguments:
            names: of all the parameters that some player owns.

        Raises:
            ValueError: when a parameter is free to learn and no player trains it.
        """
        trained = set(names)
        for key, module in self.modules.items():
            free = {f"{key}.{name}" for name, item in module.named_parameters() if item.requires_grad}
            if free - trained:
                raise ValueError(
                    f"no player trains the {type(module).__name__} that an objective reads; give it one, "
                    "Player(..., parts=[module]), or freeze its parameters."
                )
            if free:
                self._trained.append(module)

    def train(self, mode: bool) -> None:
        """Into training mode or out of it; a frozen network, such as one of features, stays as it came."""
        for module in self._trained:
            module.train(mode)

    def step(self, here: World, *, idle: bool) -> None:
        """Move every controller by what it measured in this step.

        Arguments:
            here: the processes, over which the mean is taken.
            idle: whether this process had no row of the batch and computed on a stand-in.
        """
        for controller in self.controllers:
            if idle:
                controller.forget()
            controller.step(here.total)

    def state(self) -> dict[str, Tensor]:
        """Every tensor to save."""
        return {
            f"{key}.{name}": tensor
            for key, module in self.modules.items()
            for name, tensor in module.state_dict().items()
        }

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take back what `state` gave, among other tensors."""
        for key, module in self.modules.items():
            module.load_state_dict(under(tensors, f"{key}."))
