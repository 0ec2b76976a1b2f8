"""What a run folder says of itself, besides weights and schema."""

from __future__ import annotations

from pathlib import Path
from typing import Any, final

import msgspec

from anyvae.data import DataError
from anyvae.training import write_atomically

__all__ = ["RunConfig", "RunFiles", "write_file"]


@final
class RunConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything that was chosen, by the user or for them.

    Arguments:
        source: as given on the command line.
        recipe: name of the model.
        latent_features: size of the latent space.
        missing: whether rows may have holes.
        likelihood: as asked for, or None where it was chosen from the data.
        kinds: of columns, by name, where the ones chosen from the values were not meant; categories in their order
            where they are ordinal.
        label: column of labels, left out of the rows; the model has a variable of its own for it where its recipe does.
        given: columns that rows are given, where the recipe conditions on them.
        drop: columns that are not read.
        missing_words: that stand for a missing cell, besides the usual ones.
        groups: columns of each group, where the recipe has an expert for each.
        clusters: how many at most, None for the recipe's own number.
        keep_labels: how many labels were kept, None for all.
        seed: of split, initial weights, row order and draws.
        max_epochs, max_minutes, batch_size: limits asked for, None for the defaults.
        steps: of the plan.
        learning_rate: its peak.
        precision: "float32" or "bf16".
        threads: of torch, None for its own choice.
        shard: whether the weights were spread over processes.
        notes: what was said aloud.
        version: of anyvae.
        format: of this file.
    """

    source: str
    recipe: str
    latent_features: int
    missing: bool
    seed: int
    steps: int
    batch_size: int
    learning_rate: float
    likelihood: str | None = None
    kinds: dict[str, str | list[str]] = {}
    label: str | None = None
    given: list[str] = []
    drop: list[str] = []
    missing_words: list[str] = []
    groups: dict[str, list[str]] = {}
    clusters: int | None = None
    keep_labels: int | None = None
    max_epochs: int | None = None
    max_minutes: float | None = None
    precision: str = "float32"
    threads: int | None = None
    shard: bool = False
    notes: list[str] = []
    version: str = ""
    format: int = 1

    def to_json(self) -> bytes:
        """The file's content."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


@final
class RunFiles:
    """The files of a run folder.

    Arguments:
        folder: of the run.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.config = self.folder / "config.json"
        self.schema = self.folder / "schema.json"
        self.model = self.folder / "model.safetensors"
        self.history = self.folder / "history.csv"
        self.metrics = self.folder / "metrics.json"
        self.report = self.folder / "report.html"
        self.checkpoint = self.folder / "checkpoint.safetensors"

    @property
    def unfinished(self) -> RunFiles:
        """Where the files of a run are until it is whole; they are then moved up, and this folder goes."""
        return RunFiles(self.folder / "unfinished")

    def read_config(self) -> RunConfig:
        """The configuration.

        Raises:
            DataError: when the folder is no run, or its configuration is damaged.
        """
        if not self.config.is_file() and self.unfinished.config.is_file():
            raise DataError(f"the fit in {self.folder} has not ended: go on with its command and --resume")
        if self.folder.is_file():
            raise DataError(f"{self.folder} is a file and no run folder: give the folder that a fit wrote")
        if not self.config.is_file():
            raise DataError(
                f"{self.folder} is no run folder: it holds no config.json; fit with --out {self.folder}"
            )
        try:
            return msgspec.json.decode(self.config.read_bytes(), type=RunConfig)
        except (msgspec.DecodeError, UnicodeDecodeError, OSError) as error:
            raise DataError(f"{self.config} cannot be read ({error}): fit anew") from None

    def read_metrics(self) -> dict[str, Any]:
        """The metrics, empty where there are none yet.

        Raises:
            DataError: when the file is damaged.
        """
        if not self.metrics.is_file():
            return {}
        try:
            found: dict[str, Any] = msgspec.json.decode(self.metrics.read_bytes())
        except msgspec.DecodeError as error:
            raise DataError(
                f"{self.metrics} cannot be read ({error}): fit anew, or remove it: the report then goes without its "
                "figures"
            ) from None
        return found


def write_file(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all.

    Raises:
        DataError: when it cannot be written, saying why.
    """
    try:
        write_atomically(path, content)
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"{path} cannot be written ({reason}): free space, or write elsewhere") from None
