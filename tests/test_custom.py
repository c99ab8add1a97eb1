"""Operators written in Python where MXNet cannot be asked: undeclared heads, what errors of a user's methods
leave behind, memory kept too long, lifetimes, threads.
"""

from __future__ import annotations

import gc
import re
import threading
import traceback
import weakref
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
from conftest import contexts

import cysym as mx

each_context = pytest.mark.parametrize("ctx", contexts())


class Double(mx.operator.CustomOp):  # type: ignore[misc]
    def __init__(self, seen: list[Any]) -> None:
        self.seen = seen

    def forward(self, is_train: int, req: Any, in_data: Any, out_data: Any, aux: Any) -> None:
        self.assign(out_data[0], req[0], in_data[0] * 2)

    def backward(self, req: Any, out_grad: Any, in_data: Any, out_data: Any, in_grad: Any, aux: Any) -> None:
        self.seen.append((list(out_grad), [a.asnumpy() for a in (*in_data, *out_data)]))
        self.assign(in_grad[0], req[0], mx.nd.ones(in_grad[0].shape) * 7)


def registered(name: str, **members: Any) -> list[Any]:
    """Register an operator whose property has the given members; what its backward is given."""
    seen: list[Any] = []
    own = {"create_operator": lambda self, ctx, shapes, types: Double(seen), **members}
    mx.operator.register(name)(type("Property", (mx.operator.CustomOpProp,), own))
    return seen


def computing(name: str, inputs: tuple[str, ...] = ("data",), **methods: Callable[..., None]) -> None:
    """Register an operator whose `forward` and `backward` are these functions of keyword arguments."""

    def create(self: Any, ctx: Any, shapes: Any, types: Any) -> Any:
        return type("Op", (mx.operator.CustomOp,), {k: staticmethod(f) for k, f in methods.items()})()

    registered(name, create_operator=create, list_arguments=lambda self: list(inputs))


def write(target: Any, value: Any) -> None:
    mx.operator.CustomOp().assign(target, "write", value)


@each_context
@pytest.mark.parametrize("how", ["need_top_grad", "nothing declared"])
def test_backward_without_heads(ctx: Any, how: str) -> None:
    """An operator that reads no head is a loss; MXNet has an unreadable array in the place of each."""

    def init(self: Any) -> None:
        mx.operator.CustomOpProp.__init__(self, need_top_grad=how != "need_top_grad")

    members: dict[str, Any] = {"__init__": init}
    if how == "nothing declared":
        members["declare_backward_dependency"] = lambda self, out_grad, in_data, out_data: []
    seen = registered("test_custom_loss", **members)
    net = mx.sym.Custom(mx.sym.Variable("x"), op_type="test_custom_loss", name="loss")
    ex = net.simple_bind(ctx, x=(2, 2))
    ex.arg_dict["x"][:] = 3
    ex.forward(is_train=True)
    ex.backward()
    ((heads, arrays),) = seen
    assert heads == [None]
    assert [a.tolist() for a in arrays] == [[[3, 3], [3, 3]], [[6, 6], [6, 6]]]
    assert ex.grad_dict["x"].asnumpy().tolist() == [[7, 7], [7, 7]]
    with mx.autograd.record():
        x = mx.nd.ones((2,), ctx)
        x.attach_grad()
        y = mx.nd.Custom(x, op_type="test_custom_loss")
    y.backward()
    assert x.grad.asnumpy().tolist() == [7, 7]


# --- errors -------------------------------------------------------------------------------------------------
WRONG: dict[str, Any] = {
    "__init__": lambda self: 1 / 0,
    "list_arguments": lambda self: 1 / 0,
    "list_outputs": lambda self: None,
    "list_auxiliary_states": lambda self: 3,
    "declare_backward_dependency": lambda self, out_grad, in_data, out_data: 1 / 0,
}
WRONG_ANSWERS: dict[str, tuple[dict[str, Any], str]] = {
    "dependency": ({"declare_backward_dependency": lambda self, *a: None}, "declare_backward_dependency"),
    "no output": ({"list_outputs": lambda self: []}, "no output"),
    "one name": ({"list_arguments": lambda self: ["a", "a"]}, "one name: a, a"),
    "aux like input": ({"list_auxiliary_states": lambda self: ["data"]}, "one name: data, data"),
}


@pytest.mark.parametrize("method", WRONG)
def test_what_is_asked_when_a_node_is_made(method: str) -> None:
    registered("test_custom_wrong", **{method: WRONG[method]})
    with pytest.raises(mx.MXNetError, match=rf"test_custom_wrong.*{method}"):
        mx.sym.Custom(mx.sym.Variable("x"), op_type="test_custom_wrong")


@pytest.mark.parametrize("kind", WRONG_ANSWERS)
def test_wrong_answers_when_a_node_is_made(kind: str) -> None:
    members, text = WRONG_ANSWERS[kind]
    registered("test_custom_wrong", **members)
    with pytest.raises(mx.MXNetError, match=f"test_custom_wrong.*{text}"):
        mx.sym.Custom(mx.sym.Variable("x"), op_type="test_custom_wrong")


LATER: dict[str, Any] = {
    "infer_shape": lambda self, in_shape: ([in_shape[0]], [in_shape[0], in_shape[0]]),
    "infer_type": lambda self, in_type: (in_type, [], []),
    "create_operator": lambda self, ctx, shapes, types: 1 / 0,
}
MORE_LATER: dict[str, tuple[str, Any]] = {
    "a number": ("infer_shape", lambda self, in_shape: (in_shape, [4])),
    "raises": ("infer_shape", lambda self, in_shape: in_shape[7]),
    "no type": ("infer_type", lambda self, in_type: (in_type, ["float31"])),
    "no operator": ("create_operator", lambda self, ctx, shapes, types: None),
    "a class": ("create_operator", lambda self, ctx, shapes, types: 3),
}


@pytest.mark.parametrize("kind", [*LATER, *MORE_LATER])
def test_what_is_asked_when_a_graph_is_bound(kind: str) -> None:
    method, member = MORE_LATER.get(kind, (kind, LATER.get(kind)))
    registered("test_custom_later", **{method: member})
    net = mx.sym.Custom(mx.sym.Variable("x"), op_type="test_custom_later")
    x = mx.nd.ones((2, 2))
    with pytest.raises(mx.MXNetError, match=rf"test_custom_later.*{method}"):
        net.bind(mx.cpu(), [x], [mx.nd.zeros((2, 2))])
    with pytest.raises(mx.MXNetError, match=rf"test_custom_later.*{method}"):
        mx.nd.Custom(x, op_type="test_custom_later")


def test_unknown_operators() -> None:
    registered("test_custom_softmax")
    with pytest.raises(
        mx.MXNetError, match=r"custom operator test_custom_sofmax \(did you mean test_custom_s"
    ):
        mx.sym.Custom(mx.sym.Variable("x"), op_type="test_custom_sofmax")
    with pytest.raises(mx.MXNetError, match="op_type"):
        mx.sym.Custom(mx.sym.Variable("x"))
    with pytest.raises(mx.MXNetError, match="has no method forward"):
        mx.nd.Custom(mx.nd.ones((1,)), op_type="custom_op")
    with pytest.raises(TypeError, match="name of the operator"):
        mx.operator.register(Double)
    with pytest.raises(TypeError, match="subclass of CustomOpProp"):
        mx.operator.register("x")(Double)
    with pytest.raises(mx.MXNetError, match=r"no input named 'b'; inputs are data"):
        mx.nd.Custom(b=mx.nd.ones((1,)), op_type="test_custom_softmax")


class Failing:
    """x -> exp -> an operator that fails where and as often as it is told -> times 2."""

    def __init__(self, ctx: Any, error: BaseException) -> None:
        self.fails: dict[str, bool] = {}

        def act(what: str, where: Any, req: str, value: Any) -> None:
            where[0:1] = 99  # half of the result is written before it fails
            if self.fails.get(what):
                raise error
            where[:] = value

        def forward(in_data: Any, out_data: Any, req: Any, **more: Any) -> None:
            act("forward", out_data[0], req[0], in_data[0] + 1)

        def backward(out_grad: Any, in_grad: Any, req: Any, **more: Any) -> None:
            act("backward", in_grad[0], req[0], out_grad[0] * 3)

        computing("test_custom_failing", forward=forward, backward=backward)
        h = mx.sym.exp(mx.sym.Variable("x"))
        self.net = mx.sym.Custom(h, op_type="test_custom_failing", name="mine") * 2
        self.ex = self.net.bind(ctx, {"x": mx.nd.zeros((3,), ctx)}, {"x": mx.nd.zeros((3,), ctx)})
        self.ones = mx.nd.ones((3,), ctx)

    def step(self) -> None:
        self.ex.forward(is_train=True)
        self.ex.backward(self.ones)

    def works(self) -> None:
        self.fails = {}
        assert self.ex.forward(is_train=True)[0].asnumpy().tolist() == [4, 4, 4]
        self.ex.backward(self.ones)
        assert self.ex.grad_dict["x"].asnumpy().tolist() == [6, 6, 6]


@each_context
@pytest.mark.parametrize(
    "error", [ZeroDivisionError("oh"), mx.MXNetError("oh"), StopIteration("oh")], ids=repr
)
def test_an_error_has_its_traceback_and_leaves_the_executor_usable(ctx: Any, error: Exception) -> None:
    case = Failing(ctx, error)
    for what in ("forward", "backward"):
        case.works()
        case.fails = {what: True}
        kind = type(error).__name__
        with pytest.raises(
            mx.MXNetError,
            match=rf"'test_custom_failing' \(node mine\): {what} raised {kind}: oh \(test_custom\.py:\d+ in ",
        ) as found:
            case.step()
        assert found.value.__cause__ is error
        assert "raise error" in "".join(traceback.format_exception(found.value))
        case.fails = {}
        case.ex.backward(case.ones)  # what was half written is not read: forward runs again where it has to
        assert case.ex.grad_dict["x"].asnumpy().tolist() == [6, 6, 6]
    case.works()


@each_context
@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3)], ids=repr)
def test_an_interrupt_passes_as_it_is(ctx: Any, error: BaseException) -> None:
    case = Failing(ctx, error)
    for what in ("forward", "backward"):
        case.fails = {what: True}
        with pytest.raises(type(error)):
            case.step()
        case.works()
    assert not mx.autograd.is_training()
    assert mx.current_context() == mx.cpu()


def test_an_error_under_autograd() -> None:
    case = Failing(mx.cpu(), ValueError("oh"))
    x = mx.nd.zeros((3,))
    x.attach_grad()
    for what in ("forward", "backward"):
        case.fails = {what: True}
        with pytest.raises(mx.MXNetError, match=f"{what} raised ValueError: oh"), mx.autograd.record():
            mx.nd.Custom(x, op_type="test_custom_failing").backward()
        assert not mx.autograd.is_recording()
    case.fails = {}
    with mx.autograd.record():
        y = mx.nd.Custom(x, op_type="test_custom_failing")
    y.backward()
    assert x.grad.asnumpy().tolist() == [3, 3, 3]


@each_context
def test_wrong_results(ctx: Any) -> None:
    """Values that do not fit where they are put."""
    for value in (np.ones(7), mx.nd.ones((2, 5), ctx), "text", None):

        def forward(out_data: Any, value: Any = value, **more: Any) -> None:
            write(out_data[0], value)

        computing("test_custom_unfit", forward=forward)
        with pytest.raises(mx.MXNetError, match="'test_custom_unfit': forward raised"):
            mx.nd.Custom(mx.nd.ones((3,), ctx), op_type="test_custom_unfit")


def test_results_put_into_a_list() -> None:
    """``out_data[0] = x`` reaches nobody, and says so; a view of the array that stood there is fine."""

    def forward(in_data: Any, out_data: Any, **more: Any) -> None:
        out_data[0] = in_data[0] * 2 if bad == "forward" else out_data[0].reshape((-1,))
        out_data[0][:] = 5

    def backward(out_grad: Any, in_grad: Any, **more: Any) -> None:
        in_grad[0][:] = 3
        in_grad[0] = in_grad[0].asnumpy() if bad == "backward" else in_grad[0]

    computing("test_custom_lists", forward=forward, backward=backward)
    ex = mx.sym.Custom(mx.sym.Variable("x"), op_type="test_custom_lists").simple_bind(mx.cpu(), x=(2, 2))
    for bad, text in (("forward", "out_data[0] by NDArray"), ("backward", "in_grad[0] by ndarray"), ("", "")):
        with pytest.raises(mx.MXNetError, match=re.escape(text)) if bad else nullcontext():
            ex.forward(is_train=True)
            ex.backward(mx.nd.ones((2, 2)))
    assert [a.asnumpy().tolist() for a in (*ex.outputs, *ex.grad_arrays)] == [[[5, 5]] * 2, [[3, 3]] * 2]


def test_a_wrong_request_is_an_error() -> None:
    with pytest.raises(mx.MXNetError, match="sum"):
        mx.operator.CustomOp().assign(mx.nd.ones((2,)), "sum", np.ones(2))


def test_an_executor_does_not_run_itself() -> None:
    """A callback that runs the executor it belongs to is told so."""
    box: list[Any] = []
    computing("test_custom_circle", forward=lambda **more: box[0].forward())
    box.append(
        mx.sym.Custom(mx.sym.Variable("x"), op_type="test_custom_circle").simple_bind(mx.cpu(), x=(1,))
    )
    with pytest.raises(mx.MXNetError, match="from a callback of a run that uses the same memory"):
        box[0].forward()


# --- memory and lifetimes -----------------------------------------------------------------------------------
@each_context
def test_arrays_kept_too_long_stay_readable(ctx: Any) -> None:
    """Their values are anybody's after the call, but their memory is theirs."""
    kept: list[Any] = []

    def forward(in_data: Any, out_data: Any, **more: Any) -> None:
        kept.extend([*in_data, *out_data, in_data[0][1:], out_data[0].reshape((-1,))])
        if ctx.device_type == "cpu":
            kept.append(np.asarray(out_data[0]))
        out_data[0][:] = in_data[0] * 2

    computing("test_custom_keeping", forward=forward, backward=lambda out_grad, **more: kept.extend(out_grad))
    net = mx.sym.cos(mx.sym.Custom(mx.sym.sin(mx.sym.Variable("x")), op_type="test_custom_keeping"))
    for n in (40, 400):  # the arena grows, the first one is let go
        ex = net.simple_bind(ctx, x=(n, 300))
        ex.forward(is_train=True)
        ex.backward(mx.nd.ones((n, 300), ctx))
        mx.nd.Custom(mx.nd.ones((n, 3), ctx), op_type="test_custom_keeping")
        del ex
        gc.collect()
    others = [mx.nd.ones((400, 300), ctx) for _ in range(8)]
    for a in kept:
        (a if isinstance(a, np.ndarray) else a.asnumpy()).sum()
        a[:] = 7
    assert all((o.asnumpy() == 1).all() for o in others)


@each_context
def test_operators_end_with_their_executor(ctx: Any) -> None:
    made: list[weakref.ref[Any]] = []

    def create(self: Any, ctx: Any, shapes: Any, types: Any) -> Double:
        op = Double([])
        made.append(weakref.ref(op))
        return op

    registered("test_custom_mortal", create_operator=create)
    net = mx.sym.Custom(mx.sym.Variable("x"), op_type="test_custom_mortal")
    ex = net.simple_bind(ctx, x=(2,))
    ex.forward(is_train=True)
    ex.backward(mx.nd.ones((2,), ctx))
    mx.nd.Custom(mx.nd.ones((2,), ctx), op_type="test_custom_mortal")
    x = mx.nd.ones((2,), ctx)
    x.attach_grad()
    with mx.autograd.record():
        y = mx.nd.Custom(x, op_type="test_custom_mortal")
    y.backward()
    gc.collect()
    assert [ref() is None for ref in made] == [False, True, True]
    del ex
    gc.collect()
    assert made[0]() is None


def test_the_same_memory_on_the_cpu() -> None:
    """No array is copied: what one operator writes lies where the next one reads it, and bound arrays are
    handed over themselves."""
    places: list[Any] = []

    def note(*arrays: Any) -> None:
        places.append([(a.storage.address, a.offset) for a in arrays])

    def forward(in_data: Any, out_data: Any, **more: Any) -> None:
        note(*in_data, *out_data)
        out_data[0][:] = in_data[0] * 2

    def backward(out_grad: Any, in_data: Any, out_data: Any, in_grad: Any, **more: Any) -> None:
        note(*in_data, *out_data, *in_grad, *out_grad)
        in_grad[0][:] = out_grad[0]

    computing("test_custom_places", forward=forward, backward=backward)
    x = mx.nd.ones((4, 4))
    net = mx.sym.Variable("x")
    for _ in range(3):
        net = mx.sym.Custom(net, op_type="test_custom_places")
    ex = net.bind(mx.cpu(), [x], [mx.nd.zeros((4, 4))])
    ex.forward(is_train=True)
    ex.backward(mx.nd.ones((4, 4)))
    forwards, backwards = places[:3], places[3:][::-1]
    assert forwards[0][0] == (x.storage.address, x.offset)
    assert [ins_outs[1] for ins_outs in forwards[:2]] == [ins_outs[0] for ins_outs in forwards[1:]]
    assert [all_[:2] for all_ in backwards] == forwards
    assert [all_[3] for all_ in backwards[:2]] == [all_[2] for all_ in backwards[1:]]


def test_executors_in_threads() -> None:
    """Each thread its executor and its operator's object; modes and contexts of one are not the other's."""
    wrong: list[Any] = []
    meet = threading.Barrier(4)

    def create(self: Any, ctx: Any, shapes: Any, types: Any) -> Any:
        class Count(mx.operator.CustomOp):  # type: ignore[misc]
            calls = 0

            def forward(self, is_train: int, req: Any, in_data: Any, out_data: Any, aux: Any) -> None:
                self.calls += 1
                if bool(is_train) is not mx.autograd.is_training() or mx.current_context() != ctx:
                    wrong.append((is_train, ctx))
                self.assign(out_data[0], req[0], in_data[0] * self.calls)

        return Count()

    registered("test_custom_threads", create_operator=create)
    net = mx.sym.Custom(mx.sym.sin(mx.sym.Variable("x")), op_type="test_custom_threads")

    def work(k: int) -> None:
        try:
            ex = net.simple_bind(mx.cpu(k), x=(50,), grad_req="null")
            ex.arg_dict["x"][:] = k
            meet.wait()
            for i in range(20):
                got = ex.forward(is_train=bool(k % 2))[0].asnumpy()
                np.testing.assert_allclose(got, np.full(50, np.sin(k) * (i + 1)), 1e-5)
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert wrong == []


@each_context
def test_types_are_numbers_and_the_context_is_of_the_arrays(ctx: Any) -> None:
    told: list[Any] = []

    def create(self: Any, ctx: Any, shapes: Any, types: Any) -> Double:
        told.append((ctx, shapes, types))
        return Double([])

    registered("test_custom_told", create_operator=create)
    for kind in ("float32", "float64", "float16", "uint8", "int32"):
        mx.nd.Custom(mx.nd.ones((2, 3), ctx, dtype=kind), op_type="test_custom_told")
    assert told == [(ctx, [[2, 3]], [code]) for code in range(5)]


def test_names_of_inputs_of_arrays() -> None:
    """`mx.nd.Custom` takes its inputs by name, too; MXNet crashes."""

    def forward(in_data: Any, out_data: Any, **more: Any) -> None:
        write(out_data[0], in_data[0] - in_data[1])

    computing("test_custom_minus", ("a", "b"), forward=forward)
    one, five = mx.nd.ones((1,)), mx.nd.ones((1,)) * 5
    for args, named in (((), {"b": one, "a": five}), ((five,), {"b": one})):
        assert mx.nd.Custom(*args, **named, op_type="test_custom_minus").asnumpy() == [4]


def test_outputs_and_gradients_of_one_step_with_a_monitor() -> None:
    """A monitor sees the node's tensors; object and numbers stay the same."""
    seen = registered("test_custom_watched")
    ex = mx.sym.Custom(mx.sym.Variable("x"), op_type="test_custom_watched", name="c").simple_bind(
        mx.cpu(), x=(2,)
    )
    names: list[str] = []
    for watch in (False, True, False):
        ex.set_monitor_callback((lambda name, array: names.append(name)) if watch else None)
        ex.forward(is_train=True)
        ex.backward(mx.nd.ones((2,)))
        assert ex.grad_dict["x"].asnumpy().tolist() == [7, 7]
    assert names == ["c_output", "c_backward_output"]
    assert len(seen) == 3
