"""Published data sets: where they are looked for, what proves them, and downloads that fail."""

from __future__ import annotations

import gzip
import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from anyvae.data import DataError, encode, infer_schema, load_source, names
from anyvae.data.names import FASHION_MNIST, MNIST, Published, load_published, parse_idx, places


def idx(array: np.ndarray) -> bytes:
    sizes = np.array(array.shape, ">u4").tobytes()
    return bytes([0, 0, 8, array.ndim]) + sizes + array.astype(np.uint8).tobytes()


RNG = np.random.default_rng(0)
ARRAYS = [RNG.integers(0, 256, size=s) for s in ((30, 4, 4), (30,), (6, 4, 4), (6,))]
CONTENT = {file: gzip.compress(idx(array)) for file, array in zip(MNIST.files, ARRAYS, strict=True)}


class Server:
    """The four files over HTTP, with a fault where one is asked for."""

    def __init__(self) -> None:
        self.content = dict(CONTENT)
        self.cut: str | None = None
        self.length = True
        self.requests = 0
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.removeprefix("/")
                server.requests += 1
                if name not in server.content:
                    self.send_error(404)
                    return
                content = server.content[name]
                self.send_response(200)
                if server.length:
                    self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: len(content) // 2] if name == server.cut else content)

            def log_message(self, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/"
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.http.shutdown()
    made.http.server_close()


@pytest.fixture
def small(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Published:
    """A small data set that is nowhere but on the server; the cache is a new folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home" / "cache"))
    monkeypatch.delenv("ANYVAE_DATA", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.chdir(tmp_path)
    sha = tuple(hashlib.sha256(idx(array)).hexdigest() for array in ARRAYS)
    return Published("small", server.url, sha)


def put(folder: Path, *, compressed: bool = True) -> Path:
    folder.mkdir(parents=True)
    for name, content in CONTENT.items():
        path = folder / (name if compressed else name.removesuffix(".gz"))
        path.write_bytes(content if compressed else gzip.decompress(content))
    return folder


def test_download_is_verified_kept_and_found_again(server: Server, small: Published, tmp_path: Path) -> None:
    source = load_published(small, binarise=True, notes=("first",))
    np.testing.assert_array_equal(source.array, ARRAYS[0])
    np.testing.assert_array_equal(source.labels, ARRAYS[1])
    np.testing.assert_array_equal(source.test.array, ARRAYS[2])
    np.testing.assert_array_equal(source.test.labels, ARRAYS[3])
    folder = tmp_path / "home" / "cache" / "anyvae" / "small"
    assert source.notes == ("first", f"small was downloaded to {folder}")
    assert source.binarise
    assert source.test.binarise
    assert sorted(p.name for p in folder.iterdir()) == sorted(CONTENT)
    assert [p.name for p in folder.parent.iterdir()] == ["small"]
    assert load_published(small).notes == ()
    assert server.requests == 4


@pytest.mark.parametrize("at", [0, 3])
def test_wrong_checksum(server: Server, small: Published, tmp_path: Path, at: int) -> None:
    name = list(CONTENT)[at]
    server.content[name] = gzip.compress(idx(np.zeros((2, 2))))
    with pytest.raises(
        DataError, match=rf"{name} is not the published file of small.*thrown away.*ANYVAE_DATA/small"
    ):
        load_published(small)
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("length", [True, False])
def test_connection_cut_half_way(server: Server, small: Published, tmp_path: Path, length: bool) -> None:
    server.cut, server.length = list(CONTENT)[2], length
    message = r"broke off after \d+ of \d+ bytes: try again" if length else "is not the published file"
    with pytest.raises(DataError, match=message) as error:
        load_published(small)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "home").exists()
    server.cut = None
    assert len(load_published(small)) == 30


def test_absent_file_and_no_server(server: Server, small: Published, tmp_path: Path) -> None:
    del server.content["t10k-labels-idx1-ubyte.gz"]
    with pytest.raises(
        DataError, match=r"small could not be downloaded from .*\(Not Found\): put the four files of"
    ):
        load_published(small)
    with pytest.raises(DataError, match="Connection refused"):
        load_published(replace(small, url="http://127.0.0.1:9/"))
    assert not (tmp_path / "home").exists()


def test_what_was_in_the_cache_before_stays(server: Server, small: Published, tmp_path: Path) -> None:
    folder = put(tmp_path / "home" / "cache" / "anyvae" / "small")
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    server.cut = "t10k-labels-idx1-ubyte.gz"
    with pytest.raises(DataError, match="broke off"):
        load_published(small)
    assert len(list(folder.iterdir())) == 3
    server.cut = None
    assert len(load_published(small)) == 30


def test_interruption_leaves_nothing(
    small: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*args: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("urllib.request.urlopen", interrupt)
    with pytest.raises(KeyboardInterrupt):
        load_published(small)
    assert not (tmp_path / "home").exists()


def test_unwritable_cache(small: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(DataError, match=r"cannot be made.*XDG_CACHE_HOME"):
        load_published(small)


@pytest.mark.parametrize("where", ["variable", "beside", "debian"])
@pytest.mark.parametrize("compressed", [True, False])
def test_looked_for_before_a_download(
    server: Server,
    small: Published,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
    compressed: bool,
) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("ANYVAE_DATA", str(tmp_path / "mine"))
    roots = {"variable": "mine/small", "beside": "shared/data/small", "debian": "usr/small"}
    folder = put(tmp_path / roots[where], compressed=compressed)
    published = replace(small, folders=(str(tmp_path / "usr" / "small"),))
    np.testing.assert_array_equal(load_published(published).array, ARRAYS[0])
    assert server.requests == 0
    assert folder in [p.resolve() for p in places(published)]


def test_a_file_that_differs_is_named(
    small: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANYVAE_DATA", str(tmp_path))
    folder = put(tmp_path / "small")
    path = folder / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(idx(ARRAYS[0] // 2)))
    with pytest.raises(
        DataError, match=rf"{path} is not the published file of small \(its checksum differs\)"
    ):
        load_published(small)
    path.write_bytes(CONTENT[path.name][:100])
    with pytest.raises(DataError, match=rf"{path} is not the published file"):
        load_published(small)


def test_idx_refuses_other_bytes() -> None:
    for content in (b"", b"\0\0\x08", b"\0\0\x0d\1\0\0\0\1\0", idx(ARRAYS[0])[:-1]):
        with pytest.raises(ValueError):
            parse_idx(content)


def test_digits_are_scikit_learns() -> None:
    digits = load_source("digits")
    assert (digits.array.min(), digits.array.max(), digits.array.shape) == (0, 16, (1797, 8, 8))
    assert np.bincount(digits.labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    with pytest.raises(DataError, match="no data set is called 'nobody'"):
        names.load_name("nobody")


@pytest.mark.real
def test_mnist(real_data: Path) -> None:
    if not any(folder.is_dir() for folder in places(MNIST)):
        pytest.skip(f"mnist is absent from {real_data}")
    source = load_source("mnist")
    assert (source.array.shape, source.test.array.shape) == ((60_000, 28, 28), (10_000, 28, 28))
    assert source.binarise
    assert source.notes == ("mnist is binarised afresh every epoch; its test part once, with seed 0",)
    assert source.array.mean() == pytest.approx(33.318421, abs=1e-6)
    assert source.labels[:5].tolist() == [5, 0, 4, 1, 9]
    schema = infer_schema(source)
    assert schema.sentences()[0].startswith(
        "pixels are grey 0..255, read as means of 0 or 1: Bernoulli likelihood"
    )
    encoded = encode(schema, source.test)
    assert encoded.binarise
    np.testing.assert_allclose(encoded.x.double().mean(), source.test.array.mean() / 255, rtol=1e-6)


@pytest.mark.real
def test_fashion_mnist() -> None:
    if not any(folder.is_dir() for folder in places(FASHION_MNIST)):
        pytest.skip("fashion-mnist is absent: neither ANYVAE_DATA nor Debian's dataset-fashion-mnist has it")
    source = load_source("fashion-mnist")
    assert np.bincount(source.test.labels).tolist() == [1000] * 10
    [feature] = infer_schema(source).features
    assert (feature.kind, feature.low, feature.step, feature.levels) == ("levels", 0, 1, 256)
    assert not source.binarise
    with pytest.raises(DataError, match=r"pixels of fashion-mnist hold 256 values.*discretised or normal"):
        infer_schema(source, "bernoulli")
