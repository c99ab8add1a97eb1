"""Operators written in Python where MXNet cannot be asked: undeclared heads, errors of a user's methods."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conftest import contexts

import cysym as mx


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


@pytest.mark.parametrize("ctx", contexts())
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


WRONG: dict[str, Any] = {
    "__init__": lambda self: 1 / 0,
    "list_arguments": lambda self: 1 / 0,
    "list_outputs": lambda self: None,
    "list_auxiliary_states": lambda self: 3,
    "declare_backward_dependency": lambda self, out_grad, in_data, out_data: 1 / 0,
}


@pytest.mark.parametrize("method", WRONG)
def test_what_is_asked_when_a_node_is_made(method: str) -> None:
    registered("test_custom_wrong", **{method: WRONG[method]})
    with pytest.raises(mx.MXNetError, match=rf"test_custom_wrong.*{method}"):
        mx.sym.Custom(mx.sym.Variable("x"), op_type="test_custom_wrong")


LATER: dict[str, Any] = {
    "infer_shape": lambda self, in_shape: ([in_shape[0]], [in_shape[0], in_shape[0]]),
    "infer_type": lambda self, in_type: (in_type, [], []),
    "create_operator": lambda self, ctx, shapes, types: 1 / 0,
}


@pytest.mark.parametrize("method", [*LATER, "infer_shape: a number"])
def test_what_is_asked_when_a_graph_is_bound(method: str) -> None:
    number = {"infer_shape": lambda self, in_shape: (in_shape, [4])}
    registered("test_custom_later", **({method: LATER[method]} if method in LATER else number))
    method = method.partition(":")[0]
    net = mx.sym.Custom(mx.sym.Variable("x"), op_type="test_custom_later")
    x = mx.nd.ones((2, 2))
    with pytest.raises(mx.MXNetError, match=rf"test_custom_later.*{method}"):
        net.bind(mx.cpu(), [x], [mx.nd.zeros((2, 2))]).forward()
    with pytest.raises(mx.MXNetError, match=rf"test_custom_later.*{method}"):
        mx.nd.Custom(x, op_type="test_custom_later")


@pytest.mark.parametrize("ctx", contexts())
def test_types_are_numbers_and_the_context_is_of_the_arrays(ctx: Any) -> None:
    told: list[Any] = []

    def create(self: Any, ctx: Any, shapes: Any, types: Any) -> Double:
        told.append((ctx, shapes, types))
        return Double([])

    registered("test_custom_told", create_operator=create)
    for kind in ("float32", "float64", "float16", "uint8", "int32"):
        mx.nd.Custom(mx.nd.ones((2, 3), ctx, dtype=kind), op_type="test_custom_told")
    assert told == [(ctx, [[2, 3]], [code]) for code in range(5)]


def test_a_wrong_request_is_an_error() -> None:
    with pytest.raises(mx.MXNetError, match="sum"):
        mx.operator.CustomOp().assign(mx.nd.ones((2,)), "sum", np.ones(2))
