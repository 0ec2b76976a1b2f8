"""Files from the network, whole and verified or not at all."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import tempfile
import zlib
from pathlib import Path

from anyvae.data.errors import DataError

_TIMEOUT = 30.0  # seconds without a byte
_CHUNK = 1 << 20


def download(url: str, files: dict[str, str], folder: Path, *, name: str) -> None:
    """Fetch gzip files into a folder; they appear there only when all have come whole and verified.

    Arguments:
        url: of the folder they are in, with a slash at its end.
        files: name of each file and the sha256 of its uncompressed content.
        folder: where to put them; made where it is missing.
        name: of the data set, for messages.

    Raises:
        DataError: no connection, a connection cut half-way, a wrong checksum or an unwritable folder. Nothing
            is left behind.
    """
    made = _make(folder)
    try:
        # Beside the target, so that the final move is a rename on one file system.
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as temporary:
            for file, sha256 in files.items():
                _fetch(url + file, Path(temporary, file), sha256, name)
            for file in files:
                os.replace(Path(temporary, file), folder / file)
    except BaseException as cause:
        for directory in made:
            with contextlib.suppress(OSError):  # not empty: somebody else's by now
                directory.rmdir()
        if isinstance(cause, OSError):
            raise DataError(
                f"{folder} cannot be written ({cause.strerror or cause}): {_by_hand(url, name)}"
            ) from cause
        raise


def _fetch(url: str, path: Path, sha256: str, name: str) -> None:
    import http.client
    import urllib.error
    import urllib.request

    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT) as response:
            length = response.headers.get("Content-Length")
            pieces = []
            while piece := response.read(_CHUNK):
                pieces.append(piece)
    except (OSError, http.client.HTTPException, ValueError) as cause:
        reason = getattr(cause, "reason", None) or cause
        raise DataError(
            f"{name} could not be downloaded from {url} ({reason}): {_by_hand(url, name)}"
        ) from cause
    content = b"".join(pieces)
    if length is not None and len(content) != int(length):
        raise DataError(
            f"the download of {name} from {url} broke off after {len(content)} of {length} bytes: try again, "
            f"or {_by_hand(url, name)}"
        )
    try:
        verified = hashlib.sha256(gzip.decompress(content)).hexdigest() == sha256
    except (OSError, EOFError, zlib.error):
        verified = False
    if not verified:
        raise DataError(
            f"{url} is not the published file of {name} (its checksum differs) and was thrown away: "
            f"{_by_hand(url, name)}"
        )
    path.write_bytes(content)


def _make(folder: Path) -> list[Path]:
    """Make the folder and its parents; those that were made, innermost first, so that they can be unmade."""
    missing = [p for p in (folder, *folder.parents) if not p.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as cause:
        raise DataError(
            f"folder {folder} cannot be made ({cause.strerror}): set XDG_CACHE_HOME to a folder you may "
            "write in"
        ) from cause
    return missing


def _by_hand(url: str, name: str) -> str:
    base = url[: url.rindex("/") + 1]
    return f"put the four files of {base} into $ANYVAE_DATA/{name} by hand"
