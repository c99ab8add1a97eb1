"""mx.test_utils' data sets: what a network does to a download, a stranger to an archive, damage to a file."""

from __future__ import annotations

import bz2
import gzip
import http.server
import io
import os
import socket
import struct
import threading
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

import cysym as mx
from cysym import test_utils as tu
from cysym.test_utils import data, fetch


class Answers(http.server.BaseHTTPRequestHandler):
    """Serves `pages`: path -> list of (status, body, claimed length), one a request, the last for ever."""

    pages: dict[str, list[tuple[int, bytes, int | None]]] = {}
    asked: list[str] = []

    def do_GET(self):
        self.asked.append(self.path)
        answers = self.pages.get(self.path, [(404, b"none", None)])
        status, body, length = answers.pop(0) if len(answers) > 1 else answers[0]
        self.send_response(status)
        if status in (301, 302):
            self.send_header("Location", body.decode())
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch, tmp_path):
    """Address of a server whose pages the test sets; the working directory is empty and waits are short."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MXNET_HOME", str(tmp_path / "home"))
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(fetch, "_PAUSE", 0.0)
    monkeypatch.setattr(fetch, "_TIMEOUT", 5.0)
    Answers.pages, Answers.asked = {}, []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def page(path, body, status=200, length=None):
    Answers.pages.setdefault(path, []).append((status, body, length))


@pytest.fixture
def no_network(monkeypatch, tmp_path):
    """Every connection is refused at once."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MXNET_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(fetch, "_PAUSE", 0.0)

    def refuse(*args, **kwargs):
        raise OSError("Network is unreachable")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def left():
    return sorted(str(p) for p in Path().rglob("*") if p.is_file())


# --- download ----------------------------------------------------------------------------------------------
def test_download(server):
    page("/a/b.txt", b"x" * 100000)
    assert tu.download(server + "/a/b.txt") == "b.txt"
    assert Path("b.txt").stat().st_size == 100000
    assert tu.download(server + "/a/b.txt", fname="n.txt", dirname="new/folder") == "new/folder/n.txt"
    assert tu.download(server + "/a/b.txt", fname="deep/n.txt") == "deep/n.txt"
    asked = len(Answers.asked)
    Path("b.txt").write_text("mine")
    assert tu.download(server + "/a/b.txt") == "b.txt"
    assert (Path("b.txt").read_text(), len(Answers.asked)) == ("mine", asked)
    tu.download(server + "/a/b.txt", overwrite=True)
    assert Path("b.txt").stat().st_size == 100000
    assert left() == ["b.txt", "deep/n.txt", "new/folder/n.txt"]


def test_download_tries_again(server):
    page("/f", b"busy", 503)
    page("/f", b"half", 200, 8)
    page("/f", b"complete")
    tu.download(server + "/f")
    assert Path("f").read_bytes() == b"complete"
    assert len(Answers.asked) == 3


@pytest.mark.parametrize(
    ("answers", "retries", "attempts", "text"),
    [
        ([(503, b"busy", None)], 3, 3, r"3 attempts\): HTTP Error 503"),
        ([(503, b"busy", None)], 0, 1, r"1 attempt\): HTTP Error 503"),
        ([(200, b"half", 8)], 2, 2, "got 4 of 8 bytes"),
        ([(404, b"none", None)], 5, 1, r"1 attempt\): HTTP Error 404"),
        ([(302, b"file:///etc/passwd", None)], 2, 2, "HTTP Error 302"),
    ],
)
def test_download_that_fails(server, answers, retries, attempts, text):
    Answers.pages["/f"] = answers
    Path("f").write_text("old")
    with pytest.raises(OSError, match=f"cannot download {server}/f .*{text}.* put the file at .*/f$"):
        tu.download(server + "/f", overwrite=True, retries=retries)
    assert len(Answers.asked) == attempts
    assert left() == ["f"]
    assert Path("f").read_text() == "old"


def test_download_does_not_wait_for_ever(monkeypatch, tmp_path):
    """A server that accepts and says nothing."""
    monkeypatch.setattr(fetch, "_TIMEOUT", 0.1)
    monkeypatch.setattr(fetch, "_PAUSE", 0.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        start = time.monotonic()
        with pytest.raises(OSError, match=r"2 attempts\).*timed out"):
            tu.download(f"http://127.0.0.1:{silent.getsockname()[1]}/f", str(tmp_path / "f"), retries=2)
        assert time.monotonic() - start < 5
    assert list(tmp_path.iterdir()) == []


def test_download_gives_up_on_a_trickle(server, monkeypatch):
    monkeypatch.setattr(fetch, "_PATIENCE", 0.1)
    monkeypatch.setattr(Answers, "do_GET", trickle)
    with pytest.raises(OSError, match=r"1 attempt\): only \d+ bytes came in 0 seconds"):
        tu.download(server + "/f", retries=1)
    assert left() == []


def trickle(handler):
    handler.send_response(200)
    handler.end_headers()
    try:
        for _ in range(100):
            handler.wfile.write(b"x")
            time.sleep(0.02)
    except OSError:
        pass  # the client has gone


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://example.org/f", "/etc/passwd", "data:,f"])
def test_download_fetches_from_the_web_only(url, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="only http and https"):
        tu.download(url, "f")
    assert left() == []


def test_download_needs_a_name(no_network):
    for url in ("http://example.org/..", "http://"):
        with pytest.raises(ValueError, match="ends in no file name; give fname"):
            tu.download(url)
    with pytest.raises(AssertionError, match="at least 0"):
        tu.download("http://example.org/f", retries=-1)


# --- archives ----------------------------------------------------------------------------------------------
def zipped(members, kind=zipfile.ZIP_DEFLATED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", kind) as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return stream.getvalue()


def test_zip_and_bz2_data(server):
    page("/d.zip", zipped({"a.txt": b"A", "sub/b.txt": b"B" * 5000, "empty/": b""}))
    tu.get_zip_data("z", server + "/d.zip", "origin.zip")
    assert left() == ["z/a.txt", "z/origin.zip", "z/sub/b.txt"]
    assert Path("z/sub/b.txt").read_bytes() == b"B" * 5000
    tu.get_zip_data("z", server + "/d.zip", "origin.zip")
    page("/d.bz2", bz2.compress(b"one\n") + bz2.compress(b"two\n"))
    tu.get_bz2_data("z", "text", server + "/d.bz2", "text.bz2")
    assert Path("z/text").read_bytes() == b"one\ntwo\n"
    assert not Path("z/text.bz2").exists()
    tu.get_bz2_data("z", "text", server + "/d.bz2", "text.bz2")
    assert len(Answers.asked) == 2


def link_member():
    member = zipfile.ZipInfo("link")
    member.create_system, member.external_attr = 3, 0o120777 << 16
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(member, "/etc")
    return stream.getvalue()


def lying_size():
    """A member whose header claims fewer bytes than it has."""
    body = bytearray(zipped({"a": b"x" * 100}))
    for mark, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", body, body.index(mark) + offset, 10)
    return bytes(body)


def damaged():
    body = bytearray(zipped({"a": os.urandom(100)}))
    body[60] ^= 255
    return bytes(body)


HOSTILE = {
    "parent": (zipped({"ok": b"", "../evil": b"x"}), "'../evil' lies outside the folder"),
    "deep parent": (zipped({"a/../../evil": b"x"}), "lies outside the folder"),
    "absolute": (zipped({"/tmp/evil": b"x"}), "'/tmp/evil' lies outside the folder"),
    "drive": (zipped({"C:evil": b"x"}), "lies outside the folder"),
    "backslash": (zipped({"a": b"x"}).replace(b"a", b"\\"), "lies outside|is no zip|damaged"),
    "link": (link_member(), "link is a link or a device"),
    "bomb": (zipped({"a": bytes(3_000_000), "b": bytes(3_000_000)}), None),
    "size": (lying_size(), "damaged|no zip archive"),
    "damaged": (damaged(), "damaged|no zip archive"),
    "no zip": (b"PK\x03\x04 and nothing", "is no zip archive that can be read"),
    "empty": (b"", "is no zip archive that can be read"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_zip(name, tmp_path, monkeypatch):
    body, text = HOSTILE[name]
    if text is None:
        monkeypatch.setattr(fetch, "_MAX_RATIO", 100)
        text = "claims to hold 6000000 bytes"
    (tmp_path / "in").mkdir()
    (tmp_path / "d.zip").write_bytes(body)
    with pytest.raises(mx.base.FormatError, match=text):
        fetch.extract_zip(str(tmp_path / "d.zip"), str(tmp_path / "in"))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["d.zip", "in"]
    assert list((tmp_path / "in").iterdir()) == []


def test_zip_does_not_follow_a_link_that_is_there(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "in" / "link").symlink_to(tmp_path / "out")
    (tmp_path / "d.zip").write_bytes(zipped({"link/evil": b"x"}))
    with pytest.raises(mx.base.FormatError, match="lies outside the folder"):
        fetch.extract_zip(str(tmp_path / "d.zip"), str(tmp_path / "in"))
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (bz2.compress(bytes(5_000_000)), "holds more than"),
        (bz2.compress(b"one two three")[:-5], "is damaged"),
        (b"no bz2 at all", "is damaged"),
    ],
)
def test_hostile_bz2(body, text, server):
    page("/d.bz2", body)
    with pytest.raises(mx.base.FormatError, match=text):
        tu.get_bz2_data("z", "text", server + "/d.bz2", "text.bz2")
    assert left() == ["z/text.bz2"]


# --- MNIST -------------------------------------------------------------------------------------------------
def idx(array):
    shape = array.shape
    return struct.pack(f">{1 + len(shape)}I", 0x800 + len(shape), *shape) + array.astype(np.uint8).tobytes()


def mnist():
    rng = np.random.default_rng(0)
    counts = {"train": 5, "test": 3}
    return {
        name: idx(rng.integers(0, 256, (n, 28, 28)) if key.endswith("data") else np.arange(n) % 10)
        for key, name in data._MNIST.items()
        for n in [counts[key.split("_")[0]]]
    }


def put(folder, files, ending=""):
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name, body in files.items():
        Path(folder, name + ending).write_bytes(gzip.compress(body) if ending else body)


@pytest.mark.parametrize("folder", [".", "data", "home", "home/data", "home/datasets/mnist"])
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_mnist_on_this_machine(no_network, folder, ending):
    files = mnist()
    put(folder, files, ending)
    found = tu.get_mnist()
    assert {k: (v.shape, str(v.dtype)) for k, v in found.items()} == {
        "train_data": ((5, 1, 28, 28), "float32"),
        "train_label": ((5,), "int8"),
        "test_data": ((3, 1, 28, 28), "float32"),
        "test_label": ((3,), "int8"),
    }
    pixels = np.frombuffer(files["train-images-idx3-ubyte"][16:], np.uint8).reshape(5, 1, 28, 28)
    np.testing.assert_array_equal(found["train_data"], pixels.astype(np.float32) / 255)
    assert found["train_label"].tolist() == [0, 1, 2, 3, 4]
    assert found["train_data"].flags.writeable
    tu.get_mnist_ubyte()
    assert {n: Path("data", n).read_bytes() for n in files} == files


def test_mnist_from_the_network(server, monkeypatch):
    files = mnist()
    monkeypatch.setattr(data, "_MNIST_URL", server + "/mnist/")
    for name, body in files.items():
        page(f"/mnist/{name}.gz", gzip.compress(body))
    assert tu.get_mnist()["test_label"].tolist() == [0, 1, 2]
    assert left() == sorted(f"{name}.gz" for name in files)
    tu.get_mnist()
    assert len(Answers.asked) == 4


@pytest.mark.parametrize(
    "call",
    [
        tu.get_mnist, tu.get_mnist_pkl, tu.get_mnist_ubyte, tu.get_cifar10,
        lambda: tu.get_mnist_iterator(2, (784,)),
        lambda: tu.download_model("imagenet1k-resnet-18"),
        lambda: tu.get_zip_data("data", "http://example.org/a.zip", "a.zip"),
        lambda: tu.get_bz2_data("data", "a", "http://example.org/a.bz2", "a.bz2"),
    ],
)  # fmt: skip
def test_without_network(no_network, call):
    with pytest.raises(OSError, match=r"cannot download http://.*Network is unreachable.* put the file at /"):
        call()
    assert left() == []


IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


@pytest.mark.parametrize(
    ("name", "change", "text"),
    [
        (IMAGES, lambda b: b[:9], "ends within its header"),
        (IMAGES, lambda b: b"", "ends within its header"),
        (IMAGES, lambda b: b"\0\0\x08\x01" + b[4:], "is no idx file of 3 axes: it begins with 0x801"),
        (IMAGES, lambda b: b[:-1], "3919 bytes of data, its header claims 3920|cannot hold"),
        (IMAGES, lambda b: b + b"\0", "holds more than the 3920 bytes"),
        (IMAGES, lambda b: b[:4] + b"\xff" * 12 + b[16:], "cannot hold the"),
        (IMAGES, lambda b: idx(np.zeros((5, 27, 28))), r"pictures have shape \(27, 28\)"),
        (LABELS, lambda b: idx(np.zeros(6)), "5 train pictures, but 6 labels"),
        (LABELS, lambda b: b"\x1f\x8b" + b[2:], "is no idx file|cannot hold"),
    ],
)
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_damaged_mnist(no_network, name, change, text, ending):
    files = mnist()
    files[name] = change(files[name])
    put("data", files, ending)
    with pytest.raises(mx.base.FormatError, match=text):
        tu.get_mnist()


def test_damaged_compression(no_network):
    put("data", mnist(), ".gz")
    path = Path("data", IMAGES + ".gz")
    whole = path.read_bytes()
    for body in (whole[:-20], whole[:200] + b"\0\xff" * 20 + whole[240:], b"no gzip"):
        path.write_bytes(body)
        with pytest.raises(mx.base.FormatError, match="is damaged"):
            tu.get_mnist()


def test_mnist_iterator(no_network):
    files = mnist()
    put("data", files)
    for shape in ((784,), (1, 28, 28)):
        train, test = tu.get_mnist_iterator(1, shape)
        assert train.provide_data[0].shape == (1, *shape)
        batches = list(test)
        assert [int(b.label[0].asscalar()) for b in batches] == [0, 1, 2]
        pixels = np.frombuffer(files["t10k-images-idx3-ubyte"][16:], np.uint8).reshape(3, *shape)
        np.testing.assert_allclose(batches[1].data[0].asnumpy()[0], pixels[1] / 256.0, 1e-6)
        assert sorted(int(b.label[0].asscalar()) for b in train) == [0, 1, 2, 3, 4]
    part = tu.get_mnist_iterator(1, (784,), num_parts=3, part_index=2)[1]
    assert [int(b.label[0].asscalar()) for b in part] == [2]


# --- others ------------------------------------------------------------------------------------------------
def test_cifar10_and_pickle(server, monkeypatch):
    names = [f"cifar/{n}" for n in ("train.rec", "test.rec", "train.lst", "test.lst")]
    page("/cifar10.zip", zipped(dict.fromkeys(names, b"x")))
    page("/mnist.pkl.gz", b"any code")
    real = tu.download

    def redirected(url, **kwargs):
        return real(f"{server}/{url.rsplit('/', 1)[-1]}", **kwargs)

    monkeypatch.setattr(data, "download", redirected)
    for _ in range(2):
        tu.get_cifar10()
        tu.get_mnist_pkl()
    assert left() == sorted(["data/cifar10.zip", "data/mnist.pkl.gz", *(f"data/{n}" for n in names)])
    assert len(Answers.asked) == 2


def test_download_model(server):
    net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=2, name="fc")
    buffer = {"arg:fc_weight": mx.nd.ones((2, 3)), "arg:fc_bias": mx.nd.zeros(2)}
    mx.nd.save("p", buffer)
    page("/s.json", net.tojson().encode())
    page("/p.params", Path("p").read_bytes())
    meta = {"tiny": {"symbol": server + "/s.json", "params": server + "/p.params"}}
    assert tu.download_model("tiny", "models/here", meta) == ("models/here/tiny", 0)
    symbol, arguments, _ = mx.model.load_checkpoint("models/here/tiny", 0)
    assert symbol.list_arguments() == ["data", "fc_weight", "fc_bias"]
    assert arguments["fc_weight"].shape == (2, 3)
    assert tu.download_model("other", "models", meta) == (None, 0)
    assert tu.download_model("imagenet1k-resnet-99") == (None, 0)
    with pytest.raises(AssertionError, match="meta_info of tiny has no 'params' address"):
        tu.download_model("tiny", "models", {"tiny": {"symbol": server + "/s.json"}})


def test_models_of_the_zoo(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(data, "download", lambda url, fname: asked.append((url, fname)))
    assert tu.download_model("imagenet1k-inception-bn", str(tmp_path)) == (
        str(tmp_path / "imagenet1k-inception-bn"),
        0,
    )
    base = "http://data.mxnet.io/models/imagenet/inception-bn/Inception-BN"
    assert [u for u, _ in asked] == [base + "-symbol.json", base + "-0126.params"]
    assert asked[1][1].endswith("imagenet1k-inception-bn-0000.params")
    assert len(data._MODELS) == 12


def test_im2rec_path(monkeypatch, tmp_path):
    (tmp_path / "tools").mkdir()
    tool = tmp_path / "tools" / "im2rec.py"
    tool.write_text("")
    monkeypatch.setenv("TEST_UTILS_HOME", str(tmp_path))
    assert tu.get_im2rec_path("TEST_UTILS_HOME") == str(tool)
    monkeypatch.setenv("TEST_UTILS_HOME", str(tmp_path / "python" / "mxnet"))
    (tmp_path / "python" / "mxnet").mkdir(parents=True)
    assert os.path.samefile(tu.get_im2rec_path("TEST_UTILS_HOME"), tool)
    tool.unlink()
    with pytest.raises(OSError, match=r"Could not find path to tools/im2rec\.py"):
        tu.get_im2rec_path("TEST_UTILS_HOME")
