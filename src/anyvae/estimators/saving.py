"""An estimator in a folder: weights, schema and parameters, and nothing that is executed when they are read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np

from anyvae.data import DataError
from anyvae.estimators.base import settled
from anyvae.estimators.frames import Frame
from anyvae.runs import load, write_file

__all__ = ["Saved"]


class Saved:
    """Adds `save` and `load` to an estimator.

    A subclass may name learned attributes of its own in `_kept`: numbers, strings and arrays of them.
    """

    _kept: tuple[str, ...] = ()

    def save(self, folder: str | Path) -> None:
        """Write a fitted estimator: a run folder as of `anyvae fit`, and estimator.json beside it.

        Arguments:
            folder: made where it does not exist.

        Raises:
            DataError: when the folder cannot be written.
        """
        estimator: Any = self
        fitted = estimator._model()
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(
                f"{folder} cannot be made ({error.strerror or error}): give another place"
            ) from None
        fitted.save(folder)
        names = getattr(estimator, "feature_names_in_", None)
        parameters = {name: _parameter(value) for name, value in estimator.get_params().items()}
        content = {
            "estimator": type(self).__name__,
            "parameters": {name: value for name, value in parameters.items() if _plain(value)},
            "seed": estimator.seed_,
            "n_features_in": estimator.n_features_in_,
            "n_iter": estimator.n_iter_,
            "feature_names_in": None if names is None else [str(name) for name in names],
            "frame": estimator.frame_.told(),
            "kept": {name: _learned(getattr(estimator, name)) for name in self._kept},
        }
        write_file(
            Path(folder) / "estimator.json",
            msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n",
        )

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """The estimator that `save` wrote; nothing in the folder is executed.

        Arguments:
            folder: what was given to `save`.

        Raises:
            DataError: when there is none, it is damaged, or of another class.
        """
        path = Path(folder) / "estimator.json"
        if not path.is_file():
            raise DataError(
                f"{folder} holds no estimator.json: save an estimator there, or read it with anyvae.load"
            )
        try:
            told: dict[str, Any] = msgspec.json.decode(path.read_bytes())
            if told["estimator"] != cls.__name__:
                raise DataError(
                    f"{folder} holds a {told['estimator']}: read it with {told['estimator']}.load"
                )
            parameters = {name: _read_parameter(value) for name, value in told["parameters"].items()}
            estimator: Any = cls(**parameters)
            estimator.seed_, estimator.n_iter_ = int(told["seed"]), int(told["n_iter"])
            estimator.n_features_in_ = int(told["n_features_in"])
            estimator.frame_ = Frame.from_told(told["frame"])
            if told["feature_names_in"] is not None:
                estimator.feature_names_in_ = np.array(told["feature_names_in"], dtype=object)
            for name in cls._kept:
                setattr(estimator, name, _read_learned(told["kept"][name]))
        except (
            msgspec.DecodeError,
            KeyError,
            NotImplementedError,
            OSError,
            TypeError,
            ValueError,
        ) as error:
            if isinstance(error, DataError):
                raise
            raise DataError(f"{path} cannot be read ({error}): save the estimator anew") from None
        fitted = settled(load(folder), estimator.unseen)
        estimator.fitted_, estimator.schema_ = fitted, fitted.schema
        return estimator


def _plain(value: Any) -> bool:
    try:
        msgspec.json.encode(value)
    except (TypeError, ValueError):
        return False
    return True


def _parameter(value: Any) -> Any:
    """A parameter as JSON has it: numbers as Python's, and mappings as pairs, for JSON's own have only strings."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return {"pairs": [[_parameter(one), _parameter(of)] for one, of in value.items()]}
    return [_parameter(one) for one in value] if isinstance(value, list | tuple) else value


def _read_parameter(told: Any) -> Any:
    if isinstance(told, dict):
        return {
            tuple(one) if isinstance(one, list) else one: _read_parameter(of) for one, of in told["pairs"]
        }
    return told


def _learned(value: Any) -> Any:
    """A learned attribute as JSON has it: an array beside its type."""
    return {"dtype": value.dtype.str, "values": value.tolist()} if isinstance(value, np.ndarray) else value


def _read_learned(told: Any) -> Any:
    return np.array(told["values"], dtype=told["dtype"]) if isinstance(told, dict) else told
