"""`mx.autograd`: state, recording, gradients, errors, and the same numbers as the executor's and MXNet's."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import contexts
from harness import assert_close, assert_same_bits
from recorded.autograd_programs import PROGRAMS

import cysym as mx
from cysym import autograd as ag
from cysym import nd
from cysym.base import MXNetError

UNRECORDED = "Cannot differentiate node because it is not in a computational graph"
INPLACE = "Assigning to NDArrays that are already in a computational graph"


def variable(values: Any, ctx: Any = None, req: str = "write", dtype: str = "float32") -> Any:
    x = nd.array(values, ctx=ctx, dtype=dtype)
    x.attach_grad(req)
    return x


def values(array: Any) -> list[Any]:
    found: list[Any] = array.asnumpy().tolist()
    return found


# --- state --------------------------------------------------------------------------------------------------
def state() -> tuple[bool, bool]:
    return ag.is_recording(), ag.is_training()


def test_scopes_nest_and_restore() -> None:
    assert state() == (False, False)
    with ag.record():
        assert state() == (True, True)
        with ag.pause():
            assert state() == (False, False)
            with ag.train_mode():
                assert state() == (False, True)
        with ag.predict_mode():
            assert state() == (True, False)
        with ag.record(train_mode=False), ag.pause(train_mode=True):
            assert state() == (False, True)
        assert state() == (True, True)
    assert state() == (False, False)


def test_setters_return_what_was() -> None:
    assert ag.set_recording(True) is False
    assert ag.set_recording(False) is True
    assert ag.set_training(True) is False
    assert ag.set_training(False) is True


def test_exceptions_restore_the_state() -> None:
    with pytest.raises(ZeroDivisionError), ag.record():
        raise ZeroDivisionError
    assert state() == (False, False)
    x = variable([1, 2])
    with ag.record():
        with pytest.raises(MXNetError):
            nd.dot(x, nd.ones((3, 3)))
        y = x * 2
    with pytest.raises(MXNetError):
        y.backward(nd.ones((5,)))
    assert state() == (False, False)


def test_state_is_each_threads_own() -> None:
    seen: list[Any] = []

    def other() -> None:
        seen.append(state())
        x = variable([3.0])
        with ag.record():
            y = x * x
        y.backward()
        seen.append(values(x.grad))

    with ag.record():
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        assert state() == (True, True)
    assert seen == [(False, False), [6.0]]


# --- gradients ----------------------------------------------------------------------------------------------
def test_every_array_of_the_graph(ctx: Any) -> None:
    x, w = variable([1, 2, 3], ctx), variable([4, 5, 6], ctx)
    with ag.record():
        y = x * w
        z = y + x * x  # x is used twice
    z.backward()
    assert values(x.grad) == [6, 9, 12]
    assert values(w.grad) == [1, 2, 3]
    assert x.grad.context == ctx
    assert y.grad is None


@pytest.mark.parametrize(("req", "want"), [("write", [2.0, 4.0]), ("add", [6.0, 12.0]), ("null", [0.0, 0.0])])
def test_requests(ctx: Any, req: str, want: list[float]) -> None:
    x, other = variable([1, 2], ctx, req), variable([1, 1], ctx)
    for _ in range(3):
        with ag.record():
            y = x * x * other
        y.backward()
    assert values(x.grad) == want
    assert values(other.grad) == [1, 4]


def test_nobody_asks_for_a_gradient() -> None:
    x = variable([1, 2], req="null")
    with ag.record():
        y = x * x
    with pytest.raises(MXNetError, match="There are no inputs in computation graph that require gradients"):
        y.backward()


def test_heads_and_head_gradients(ctx: Any) -> None:
    x = variable([1, 2, 3], ctx)
    with ag.record():
        y, z = x * x, x * 3
    ag.backward([y, z], [nd.array([1, 0, 2], ctx=ctx), None])
    assert values(x.grad) == [5, 3, 15]
    x.backward()
    assert values(x.grad) == [1, 1, 1]


def test_head_gradient_in_the_memory_of_a_gradient() -> None:
    x, w = variable([1.0, 2.0]), variable([5.0, 6.0])
    x.grad[:] = nd.array([1.0, 10.0])
    with ag.record():
        y = x * 3 + w
    y.backward(x.grad)
    assert values(x.grad) == [3, 30]
    assert values(w.grad) == [1, 10]


def test_graph_is_freed_unless_retained() -> None:
    x = variable([1, 2, 3])
    with ag.record():
        y = x * x
    y.backward(retain_graph=True)
    y.backward()
    assert values(x.grad) == [2, 4, 6]
    with pytest.raises(MXNetError, match=UNRECORDED):
        y.backward()
    assert y.entry is None
    with ag.record():  # what was freed is a constant, the variable stays one
        z = y * x
    z.backward()
    assert values(x.grad) == [1, 4, 9]


def test_part_of_the_graph_was_freed() -> None:
    x = variable([1, 2])
    with ag.record():
        y = x * x
        first, second = y + 1, y * 3
    first.backward()
    with pytest.raises(MXNetError, match="freed by an earlier backward"):
        second.backward()


def test_grad_leaves_the_arrays_of_the_variables() -> None:
    x, w = variable([1, 2]), variable([3, 4])
    with ag.record():
        y = x * w + x
    found = ag.grad(y, [x, w], retain_graph=True)
    assert [values(g) for g in found] == [[4, 5], [1, 2]]
    assert values(x.grad) == values(w.grad) == [0, 0]
    (single,) = ag.grad([y], x, head_grads=[nd.array([1, 2])])  # a list, as in MXNet 1.9.1
    assert values(single) == [4, 10]


def test_gradients_share_no_memory() -> None:
    x, w = variable([1, 2]), variable([3, 4])
    head = nd.array([1, 1])
    with ag.record():
        y = x + w
    first, second = ag.grad(y, [x, w], head_grads=head)
    first[:] = 7
    assert values(second) == values(head) == [1, 1]


def test_unreached_variables() -> None:
    x, other = variable([1, 2]), variable([1, 2])
    with ag.record():
        y = x * x + nd.BlockGrad(other)
    assert values(ag.grad(y, other, retain_graph=True)[0]) == [0, 0]
    other.grad[:] = 9
    y.backward()
    assert values(other.grad) == [0, 0]  # written: nothing flows back
    with ag.record():
        y = x * x
    with pytest.raises(MXNetError, match="1-th variable because it is unreachable"):
        ag.grad(y, other)
    with pytest.raises(MXNetError, match="2-th variable because it does not require gradient"):
        ag.grad(y, [x, nd.ones((2,))])
    with pytest.raises(MXNetError, match="1-th variable because it does not require gradient"):
        ag.grad(y, y)


def test_unrecorded() -> None:
    x = variable([1, 2])
    y = x * x
    with pytest.raises(MXNetError, match=UNRECORDED):
        y.backward()
    with ag.record():
        with ag.pause():
            y = x * x
        constant = nd.ones((2,)) * 3
    for array in (y, constant, nd.ones((2,))):
        with pytest.raises(MXNetError, match=UNRECORDED):
            array.backward()


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x, y: y.backward(nd.ones((3,))), MXNetError, r"head gradient 0 has shape \(3,\)"),
        (lambda x, y: y.backward(nd.ones((2,), dtype="float64")), MXNetError, "is float64"),
        (lambda x, y: ag.backward([y], [None, None]), ValueError, "same length, got 1 and 2"),
        (lambda x, y: ag.backward([], []), ValueError, "at least one"),
        (lambda x, y: ag.backward([1]), TypeError, "heads must be an NDArray"),
        (lambda x, y: ag.backward(3), TypeError, "heads must be an NDArray"),
        (lambda x, y: ag.backward([y], [3]), TypeError, "head_grads must hold NDArrays"),
        (lambda x, y: ag.grad(y, [3]), TypeError, "variables must be an NDArray"),
        (lambda x, y: x.attach_grad("bogus"), ValueError, "grad_req must be one of"),
        (lambda x, y: x.attach_grad(stype="csr"), MXNetError, "not supported"),
        (lambda x, y: ag.mark_variables([x], []), ValueError, "differ in number: 1 and 0"),
        (lambda x, y: ag.mark_variables([x], [nd.ones((3,))]), MXNetError, r"gradient 0 is \(3,\)"),
        (lambda x, y: ag.mark_variables([x], [x], ["add", "add"]), ValueError, "1 variables, got 2"),
        (lambda x, y: ag.get_symbol(3), TypeError, "expects an NDArray"),
    ],
)
def test_refused(call: Callable[[Any, Any], Any], error: Any, text: str) -> None:
    """One clear error, and everything as it was."""
    x = variable([1, 2])
    x.grad[:] = 5
    with ag.record():
        y = x * x
    with pytest.raises(error, match=text):
        call(x, y)
    assert values(x.grad) == [5, 5]
    y.backward()
    assert values(x.grad) == [2, 4]


def test_writing_into_the_graph_is_refused(ctx: Any) -> None:
    x = variable([1, 2, 3], ctx)

    def add() -> None:
        nonlocal x
        x += 1

    with ag.record():
        y = x * 2
        for write in (
            add,
            lambda: x.__setitem__(slice(None), 1),
            lambda: y.__setitem__(0, 1),
            lambda: nd.relu(y, out=y),
            lambda: nd.ones((3,), ctx=ctx).copyto(y),
        ):
            with pytest.raises(MXNetError, match=INPLACE):
                write()
        free = nd.zeros((3,), ctx=ctx)
        nd.square(y, out=free)
        with pytest.raises(MXNetError, match=INPLACE):
            nd.square(y, out=free)
    assert values(y) == [2, 4, 6]
    free.backward()
    assert values(x.grad) == [8, 16, 24]
    x += 1  # outside of a record section it is allowed
    assert values(x) == [2, 3, 4]


def test_assigning_a_recorded_array() -> None:
    x = variable([1, 2, 3])
    with ag.record():
        y = nd.zeros((3,))
        y[:] = x * x
        with pytest.raises(MXNetError, match="only be assigned to all of another"):
            nd.zeros((4,))[1:] = x
    y.backward()
    assert values(x.grad) == [2, 4, 6]


def test_values_at_the_time_of_backward() -> None:
    """As in MXNet: arrays are shared with the graph, not copied into it."""
    x = variable([1, 2])
    with ag.record():
        y = x * x
    x[:] = 10
    y.backward()
    assert values(x.grad) == [20, 20]


def test_detach_and_attach_inside() -> None:
    x = variable([1, 2, 3])
    with ag.record():
        y = x * x
        z = y.detach() * x
    z.backward()
    assert values(x.grad) == [1, 4, 9]
    with ag.record():
        y = x * x
        y.attach_grad()
        z = y * 3
    z.backward()
    assert values(y.grad) == [3, 3, 3]
    assert values(x.grad) == [1, 4, 9]  # cut off


def test_mark_variables() -> None:
    x, w = nd.array([1, 2]), nd.array([3, 4])
    gx, gw = nd.zeros((2,)), nd.ones((2,))
    ag.mark_variables([x, w], [gx, gw], ["write", "add"])
    with ag.record():
        y = x * w
    y.backward()
    assert values(gx) == [3, 4]
    assert values(gw) == [2, 3]


# --- what is recorded ---------------------------------------------------------------------------------------
def test_indexing_and_views(ctx: Any) -> None:
    x = variable(np.arange(12).reshape(3, 4), ctx)
    picked = nd.array([0, 2, 2], ctx=ctx)
    total = np.zeros((3, 4))
    with ag.record():
        parts = [
            x[1:3], x[1], x[1, 2], x[:, 1:3], x[::2], x[picked], x[-1:], x[0:2].reshape((4, 2)),
            x.reshape((2, 6)), x.expand_dims(1), x.flatten(), x.T, x[[0, 2], [1, 3]],
        ]  # fmt: skip
        y = sum((p.sum() * (k + 1) for k, p in enumerate(parts)), nd.zeros((1,), ctx=ctx))
    y.backward()
    ones = np.ones((3, 4))
    keys: list[Any] = [
        np.s_[1:3], 1, (1, 2), np.s_[:, 1:3], np.s_[::2], None, np.s_[-1:], np.s_[0:2],
        ..., ..., ..., ..., ([0, 2], [1, 3]),
    ]  # fmt: skip
    for k, key in enumerate(keys):
        if key is None:
            np.add.at(total, [0, 2, 2], k + 1)
        else:
            total[key] += ones[key] * (k + 1)
    assert values(x.grad) == total.tolist()


def test_rows_one_after_the_other() -> None:
    x = variable([[1, 2], [3, 4]])
    with ag.record():
        y = sum(row * (k + 1) for k, row in enumerate(x))
    y.backward()
    assert values(x.grad) == [[1, 1], [2, 2]]


def test_types_and_copies(ctx: Any) -> None:
    x = variable([1, 2, 3], ctx)
    elsewhere = contexts()[-1]
    with ag.record():
        y = x.astype("float64").astype("float32").copy() * 2
        z = y.as_in_context(elsewhere) * 3
        target = nd.zeros((3,), ctx=elsewhere, dtype="float64")
        z.copyto(target)
        w = target * target
    assert w.context == elsewhere
    w.backward()
    assert x.grad.context == ctx
    assert values(x.grad) == [72, 144, 216]


def test_modes_of_operators(ctx: Any) -> None:
    x = variable(np.ones((40, 50)), ctx)
    with ag.record():
        y = nd.Dropout(x, p=0.5)
    kept = y.asnumpy()
    assert set(np.unique(kept)) == {0, 2}
    y.backward()
    assert_same_bits("gradient of Dropout", x.grad.asnumpy(), kept)
    with ag.record(train_mode=False):
        y = nd.Dropout(x, p=0.5)
    assert_same_bits("Dropout in inference", y.asnumpy(), x.asnumpy())
    y.backward()
    assert_same_bits("its gradient", x.grad.asnumpy(), np.ones_like(kept))
    assert_same_bits("nothing is recorded", nd.Dropout(x, p=0.5).asnumpy(), x.asnumpy())
    with ag.train_mode():
        assert 0 in nd.Dropout(x, p=0.5).asnumpy()


def test_loss_layers_ignore_head_gradients(ctx: Any) -> None:
    x, label = variable([[1, 2, 3]], ctx), nd.array([2], ctx=ctx)
    found = []
    for head in (None, nd.array([[5, 6, 7]], ctx=ctx)):
        with ag.record():
            y = nd.SoftmaxOutput(x, label)
        y.backward(head)
        found.append(values(x.grad))
    assert found[0] == found[1]
    assert abs(sum(found[0][0])) < 1e-6


def saved_arrays(array: Any) -> int:
    """How many computed arrays the graph of this one keeps alive."""
    seen, stack = set(), [array.entry[0]]
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack += [source for source, _ in node.inputs]
    return sum(a is not None for node in seen if node.op is not None for a in node.saved)


def test_only_what_gradients_read_is_kept() -> None:
    x = variable(np.ones(5))
    with ag.record():
        y = x + 1
        for _ in range(5):
            y = y * 3 - 1
        assert saved_arrays(y) == 0
        y = nd.exp(y)  # reads its output
        assert saved_arrays(y) == 1
        w = nd.square(y + 1)  # reads its input
        assert saved_arrays(w) == 2
    w.backward()
    assert w.entry[0].saved == []


def test_long_chains() -> None:
    x = variable([1.0])
    with ag.record():
        y = x
        for _ in range(20000):
            y = y + 1
    y.backward()
    assert values(x.grad) == [1]
    with ag.record():
        for _ in range(20000):
            y = y + x
    del y  # freed without recursion


# --- functions ----------------------------------------------------------------------------------------------
class Scaled(ag.Function):
    """Two outputs; the gradient is deliberately not the derivative."""

    def forward(self, a: Any, b: Any) -> Any:
        assert not ag.is_recording()
        self.save_for_backward(a, b)
        return a * b, a + b

    def backward(self, da: Any, db: Any) -> Any:
        assert not ag.is_recording()
        a, b = self.saved_tensors
        return da * 10 + a * 0, db * 100 + b * 0


def test_function(ctx: Any) -> None:
    x, w = variable([1, 2], ctx), variable([3, 4], ctx)
    with ag.record():
        first, second = Scaled()(x * 1, w)
        y = first * 2 + second
    assert values(first) == [3, 8]
    y.backward()
    assert values(x.grad) == [20, 20]
    assert values(w.grad) == [100, 100]
    first, second = Scaled()(x, w)
    with pytest.raises(MXNetError, match=UNRECORDED):
        first.backward()


def test_function_errors() -> None:
    class Wrong(ag.Function):
        answer: Any = None

        def forward(self, a: Any) -> Any:
            return a

        def backward(self, da: Any) -> Any:
            return self.answer

    x = variable([1, 2])
    for answer, text in (
        (3, "must return NDArrays, got <class 'int'>"),
        ((x, x), "must return 1 NDArrays, got 2"),
        (nd.ones((3,)), r"gradient of input 0 has shape \(3,\)"),
    ):
        function = Wrong()
        function.answer = answer
        with ag.record():
            y = function(x)
        with pytest.raises(MXNetError, match=text):
            y.backward()
    with pytest.raises(MXNetError, match="can only be called once"):
        function(x)
    assert values(x.grad) == [0, 0]
    assert x.entry[0].op is None  # forward gave its input back: x stays the variable


def test_custom_operators(ctx: Any) -> None:
    class Twice(mx.operator.CustomOp):  # type: ignore[misc]
        def forward(self, is_train: Any, req: Any, in_data: Any, out_data: Any, aux: Any) -> None:
            self.remembered = in_data[0].asnumpy()
            self.assign(out_data[0], req[0], in_data[0] * 2)

        def backward(
            self, req: Any, out_grad: Any, in_data: Any, out_data: Any, in_grad: Any, aux: Any
        ) -> None:
            self.assign(in_grad[0], req[0], out_grad[0] * 2 + nd.array(self.remembered, ctx=out_grad[0].ctx))

    @mx.operator.register("autograd_twice")
    class TwiceProp(mx.operator.CustomOpProp):  # type: ignore[misc]
        def create_operator(self, ctx: Any, shapes: Any, dtypes: Any) -> Any:
            return Twice()

    x, w = variable([1, 2], ctx), variable([5, 6], ctx)
    with ag.record():
        y = nd.Custom(x, op_type="autograd_twice") + nd.Custom(w, op_type="autograd_twice")
    y.backward()
    assert values(x.grad) == [3, 4]  # each call has an operator object of its own
    assert values(w.grad) == [7, 8]


def test_get_symbol() -> None:
    x, w = variable([[1, 2]]), variable([[3, 4]])
    with ag.record():
        y = nd.broadcast_add(nd.FullyConnected(x, w, num_hidden=1, no_bias=True), x.sum()) * 3
    symbol = ag.get_symbol(y)
    assert symbol.list_arguments() == ["var0", "var1"]
    again = mx.sym.load_json(symbol.tojson()).bind(mx.cpu(), {"var0": x, "var1": w})
    assert_same_bits("the same computation", again.forward()[0].asnumpy(), y.asnumpy())


# --- MXNet's numbers ----------------------------------------------------------------------------------------
RECORDED = json.loads((Path(__file__).parent / "recorded" / "autograd.json").read_text())["programs"]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_programs_give_what_mxnet_gave(program: Any, ctx: Any) -> None:
    with ctx:
        found = program(mx)
    want = RECORDED[program.__name__]
    assert len(found) == len(want)
    for k, (have, numbers) in enumerate(zip(found, want, strict=True)):
        assert have.context == ctx
        assert_close(f"array {k}", have.asnumpy(), np.array(numbers), 64)
    assert len(RECORDED) == len(PROGRAMS)
