"""What strangers hand over: names that command a terminal, states of pickles, sizes no machine has, answers
of custom operators that are no shapes, forks in the wrong moment. Each gives one clear error, or just works.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cysym as mx
from cysym.__main__ import main
from cysym._planner import plan_chunks, plan_offsets
from cysym.context import CpuDevice

S = mx.sym
HOSTILE = ("\x1b[2J\x1b[31m", "a\x00b", "two\nlines\r", "\u202eabc", "x" * 1_000_000)


# --- names on a terminal ------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", HOSTILE, ids=["escape", "nul", "lines", "backwards", "long"])
def test_summary_shows_no_name_raw(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(tmp_path / "net.json")
    S.tanh(S.tanh(S.Variable("data"), name=name), name="end").save(file)
    assert main(["summary", file, "--data", "2,3"]) == 0
    out = capsys.readouterr().out
    assert out.replace("\n", "").isprintable()
    assert len(out) < 2000
    assert len([line for line in out.splitlines() if "(tanh)" in line]) == 2
    S.tanh(S.Variable(name)).save(file)
    assert main(["summary", file, "--data", "2,3"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err[:-1].isprintable()
    assert len(err) < 2000


def test_summary_on_a_terminal_of_ascii(tmp_path: Path) -> None:
    S.tanh(S.Variable("data"), name="\u5c42" * 60).save(str(tmp_path / "net.json"))
    done = subprocess.run(
        [sys.executable, "-m", "cysym", "summary", "net.json", "--data", "2,3"],
        env={**os.environ, "PYTHONIOENCODING": "ascii"}, cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "\\u5c42" in done.stdout


# --- states of pickles --------------------------------------------------------------------------------------
STATES: list[Any] = [None, {}, [], 5, "x", {b"handle": b""}, {"handle": None}, {"handle": 10**12},
                     {"handle": [1]}, {"device_typeid": 1}, {"device_typeid": "cpu", "device_id": 0},
                     {"device_typeid": 1, "device_id": None}]  # fmt: skip


@pytest.mark.parametrize("made", [lambda: mx.nd.NDArray(None), lambda: S.Symbol(None), lambda: mx.cpu(1)],
                         ids=["NDArray", "Symbol", "Context"])  # fmt: skip
@pytest.mark.parametrize("state", STATES, ids=repr)
def test_states_that_mxnet_never_wrote(made: Any, state: Any) -> None:
    with pytest.raises(mx.base.FormatError, match="the pickle of a"):
        made().__setstate__(state)


# --- sizes --------------------------------------------------------------------------------------------------
def test_plans_of_more_bytes_than_there_are() -> None:
    for sizes in ([2**62] * 2, [2**60] * 40, [2**63 - 1], [2**80]):
        n = len(sizes)
        with pytest.raises(mx.MXNetError, match="more than any memory holds"):
            plan_offsets(sizes, [0] * n, [1] * n)
        with pytest.raises(mx.MXNetError, match="more than any memory holds"):
            plan_chunks(sizes, [0] * n, [1] * n, 2**40)
    assert plan_offsets([2**61] * 3, [0] * 3, [1] * 3)[1] == 3 * 2**61
    data = S.Variable("data")
    net = S.add_n(*[S.softmax(S.transpose(data + i)) for i in range(40)])
    with pytest.raises(mx.MXNetError, match="more than any memory holds"):
        net.plan(data=(2**58, 1))


@pytest.mark.parametrize(
    "given", [(0, 1e300, 1e-300), (-1e308, 1e308), (0, float("inf")), (0, 5, -1), (5, 5)]
)
def test_ranges_that_do_not_end(given: tuple[float, ...]) -> None:
    with pytest.raises(mx.MXNetError, match="Invalid range"):
        mx.nd.arange(*given)
    with pytest.raises(mx.MXNetError, match="Invalid range"):
        S.arange(*given)


def test_tiny_ranges_are_ranges() -> None:
    assert mx.nd.arange(0, 2e-200, 1e-200, dtype="float64").shape == (2,)


def test_errors_of_nodes_with_many_inputs_are_short() -> None:
    names = [f"v{i}" for i in range(5000)]
    many = S.add_n(*map(S.Variable, names))
    with pytest.raises(mx.MXNetError) as caught:
        many.infer_shape(**dict.fromkeys(names, (2, 3)) | {"v4321": (3, 4)})
    text = str(caught.value).partition("infer_shape error")[0]
    assert len(text) < 2000
    assert "v4321: (3, 4)" in text
    assert "and 4994 more inputs" in text


def test_odd_arguments_of_pictures() -> None:
    net = S.tanh(S.Variable("data"))
    with pytest.raises(TypeError, match="node_attrs must be a dict"):
        mx.viz.gv_source(net, node_attrs=5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="positions must be finite"):
        mx.viz.print_summary(net, positions=[float("inf"), float("nan"), 1, 1])


# --- custom operators ---------------------------------------------------------------------------------------
class Answering(mx.operator.CustomOpProp):
    """Says of its output what `answer` holds."""

    answer: Any = None

    def infer_shape(self, in_shape: list[list[int]]) -> Any:
        return in_shape, [Answering.answer], []

    def create_operator(self, ctx: Any, in_shapes: Any, in_dtypes: Any) -> mx.operator.CustomOp:
        return Failing()


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise KeyError("no words")


class Failing(mx.operator.CustomOp):
    def forward(self, is_train: int, req: Any, in_data: Any, out_data: Any, aux: Any) -> None:
        raise Unspeakable


mx.operator.register("strangers_answering")(Answering)


@pytest.mark.parametrize("answer", [[float("inf")], [float("nan")], [2.5, 3], ["2", "3"], "23", [10**5000],
                                    [2**63], [2j], [[2], [3]], range(10**9), [1] * 65, None, 5],
                         ids=lambda v: repr(v)[:12] if v != [10**5000] else "digits")  # fmt: skip
def test_custom_shapes_that_are_none(answer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Answering, "answer", answer)
    net = S.Custom(S.Variable("data"), op_type="strangers_answering", name="odd")
    with pytest.raises(
        mx.MXNetError, match=r"odd(.|\n)*infer_shape gave (.|\n)* no shape of up to 64"
    ) as caught:
        net.infer_shape(data=(2, 3))
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("answer", [[2.0, 3], (2, 3), np.array([2, 3]), range(2, 4)], ids=repr)
def test_custom_shapes_in_other_forms(answer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Answering, "answer", answer)
    net = S.Custom(S.Variable("data"), op_type="strangers_answering")
    assert net.infer_shape(data=(2, 3))[1] == [(2, 3)]
    with pytest.raises(mx.MXNetError, match=r"forward raised Unspeakable \(test_bad_strangers"):
        net.eval(data=mx.nd.ones((2, 3)))


@pytest.mark.filterwarnings("ignore:.*has been deprecated:UserWarning")
def test_an_old_operator_that_replaces_its_output(ctx: Any) -> None:
    """Nobody would ever see the array it put into the list."""

    class Replacing(mx.operator.NumpyOp):
        keeps = False

        def forward(self, in_data: list[Any], out_data: list[Any]) -> None:
            if self.keeps:  # a view of the array is fine
                out_data[0][:] = in_data[0] * 2
                out_data[0] = out_data[0].reshape(-1)
            else:
                out_data[0] = in_data[0] * 2

    op = Replacing()
    net = op(S.Variable("data"))
    given = mx.nd.array([[1, 2], [3, 4]], ctx=ctx)
    with pytest.raises(mx.MXNetError, match=r"out_data\[0\] was replaced by ndarray"):
        net.eval(ctx=ctx, data=given)[0].asnumpy()
    op.keeps = True
    np.testing.assert_array_equal(net.eval(ctx=ctx, data=given)[0].asnumpy(), [[2, 4], [6, 8]])


# --- forks --------------------------------------------------------------------------------------------------
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_seeds_while_the_parent_draws() -> None:
    """The thread that held the lock does not exist in the child."""
    mx.random.seed(1)
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with CpuDevice.random_lock, CpuDevice._lock:
            held.set()
            done.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    try:
        child = os.fork()
        if not child:
            signal.alarm(20)  # a child that waits is ended and fails the test
            status = 1
            try:
                mx.random.seed(3)
                status = 0 if mx.nd.random.uniform(shape=(3,)).shape == (3,) else 2
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        done.set()
        holder.join()


ODD_MODULES = """
import sys, types
sys.modules[5] = 5
sys.modules["mxnet"] = made = types.ModuleType("mxnet")
made.__file__ = 7
import cysym
try:
    cysym.install_as_mxnet()
except ImportError as error:
    print(error)
sys.modules["mxnet"] = None
cysym.install_as_mxnet()
import mxnet.io
print(mxnet.__version__)
"""


def test_odd_modules_in_the_way_of_mxnet() -> None:
    done = subprocess.run([sys.executable, "-c", ODD_MODULES], capture_output=True, text=True)
    error, version = done.stdout.splitlines()
    assert error.startswith("mxnet is already imported, from 7")
    assert version == "1.9.1"


def test_driver_files_of_garbage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cysym.cli import machine

    (tmp_path / "a.icd").write_bytes(b"\xff\x1b[31m\x00lib.so\nmore\n" * 20)
    (tmp_path / "b.icd").write_bytes(b"")
    monkeypatch.setenv("OCL_ICD_VENDORS", str(tmp_path))
    found = [row["library"] for row in machine.icds()["files"]][:2]
    assert all(text.isprintable() for text in found)
    assert found[0].endswith("lib.so")
    assert found[1] == ""
