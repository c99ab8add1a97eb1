"""Operators, a network and random graphs run imperatively under `autograd`, against the executor.

The graphs are those of test_random_graphs.py. Without fusion the executor runs the same kernels on the same
numbers, so every bit agrees; with it, only rounding differs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from harness import Bound, as_tuple, assert_same_bits, load_subjects
from hypothesis import given
from test_autograd import variable
from test_random_graphs import SETTINGS, image_nets, near, nets, run, same, values_of

import cysym as mx
from cysym import autograd as ag
from cysym import nd
from cysym._core import topological
from cysym.ops.schema import find_op

PLAIN = {"fuse": False, "epilogue": False, "blocked": False, "recompute": False}


def evaluate(symbol: Any, given_arrays: dict[str, Any]) -> list[Any]:
    """The symbol's outputs, one `mx.nd` call a node."""
    values: dict[Any, Any] = {}
    for node in topological(symbol._entries):
        if node.op is None:
            values[node, 0] = given_arrays[node.name]
            continue
        params = {n: v for n, v in node.attrs.items() if n in node.op.params and n != node.op.variadic}
        made = getattr(nd._internal, node.op.name)(*[values[e] for e in node.inputs], **params)
        for k, array in enumerate(made if isinstance(made, list) else [made]):
            values[node, k] = array
    return [values[e] for e in symbol._entries]


def recorded(net: Any, ctx: Any) -> dict[str, Any]:
    """What `test_random_graphs.run` gives, by `autograd`."""
    symbol, shapes, requests, out_shapes = net
    numbers = values_of(symbol, shapes)
    arrays = {n: nd.array(v, ctx=ctx) for n, v in numbers.items()}
    for n in symbol.list_arguments():
        if requests[n] != "null":
            arrays[n].attach_grad(requests[n])
            arrays[n].grad[:] = 0.5
    mx.random.seed(23)
    with ag.record():
        outputs = evaluate(symbol, arrays)
    rng = np.random.default_rng(4)
    heads = [nd.array(rng.standard_normal(s).astype(np.float32), ctx=ctx) for s in out_shapes]
    ag.backward(outputs, heads)
    found = {f"output {i}": o.asnumpy() for i, o in enumerate(outputs)}
    names = [n for n in symbol.list_arguments() if requests[n] != "null"]
    found.update({f"gradient of {n}": arrays[n].grad.asnumpy() for n in names})
    found.update({n: arrays[n].asnumpy() for n in symbol.list_auxiliary_states()})
    return found


def bound(net: Any, ctx: Any, **options: bool) -> dict[str, Any]:
    found = run(net, ctx, inference=False, **options)
    return {n: v for n, v in found.items() if not n.endswith(" again")}


@SETTINGS
@given(net=nets(groups=("one", "two")))
def test_the_bits_of_the_executor(ctx: Any, net: Any) -> None:
    same(recorded(net, ctx), bound(net, ctx, **PLAIN))


@SETTINGS
@given(net=nets(smooth=True, groups=("one", "two")))
def test_fusion_differs_in_rounding_only(ctx: Any, net: Any) -> None:
    near(recorded(net, ctx), bound(net, ctx))


@SETTINGS
@given(net=image_nets())
def test_convolutional_graphs(ctx: Any, net: Any) -> None:
    same(recorded(net, ctx), bound(net, ctx, **PLAIN))


def _one_case_an_operator() -> list[Any]:
    found: dict[Any, Any] = {}
    for subject in load_subjects():
        if subject.has_gradient:
            found.setdefault(subject.op, subject)
    return list(found.values())


SUBJECTS = _one_case_an_operator()


@pytest.mark.parametrize("subject", SUBJECTS, ids=str)
def test_the_same_bits_as_the_executor(subject: Any, ctx: Any) -> None:
    """Every differentiable operator: outputs, gradients and auxiliary states, recorded and bound."""
    dtype = subject.case.dtypes[0]
    bound = Bound(subject, ctx, dtype)
    outputs, grads = bound.run()
    heads = [bound.load(h) for h in bound.heads(outputs)]
    arrays = {name: bound.load(subject.arrays(dtype)[name]) for name in subject.names}
    for name in subject.wrt:
        arrays[name].attach_grad()
    subject.seed()
    with ctx, ag.record():
        made = as_tuple(getattr(nd, subject.case.op)(*arrays.values(), **subject.case.params))
    ag.backward(list(made), heads)
    for k, (new, want) in enumerate(zip(made, outputs, strict=True)):
        assert_same_bits(f"output {k}", new.asnumpy(), want)
    for name in subject.wrt:
        assert_same_bits(f"gradient of {name}", arrays[name].grad.asnumpy(), grads[name])
    for name in subject.case.aux:
        assert_same_bits(name, arrays[name].asnumpy(), bound.aux[name].asnumpy())


def test_keys_tell_operators_apart() -> None:
    """Whatever the order in which the caller names parameters."""
    op = find_op("_linalg_gemm2")
    first, second = op.make({"transpose_a": True}), op.make({"transpose_b": True})
    assert first.key != second.key
    assert first.key == op.make({"transpose_b": False, "transpose_a": True}).key


def test_a_network_trains_as_its_module(ctx: Any) -> None:
    """Three steps of a small network: the parameters `Module` arrives at, bit for bit."""
    rng = np.random.default_rng(3)
    data = rng.standard_normal((12, 6)).astype(np.float32)
    label = rng.integers(0, 3, 12).astype(np.float32)
    names = {"fc1_weight": (8, 6), "fc1_bias": (8,), "fc2_weight": (3, 8), "fc2_bias": (3,)}
    start = {n: rng.standard_normal(s).astype(np.float32) * 0.3 for n, s in names.items()}

    net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=8, name="fc1")
    net = mx.sym.FullyConnected(mx.sym.Activation(net, act_type="tanh"), num_hidden=3, name="fc2")
    net = mx.sym.SoftmaxOutput(net, name="softmax")
    module = mx.mod.Module(net, context=ctx)
    module.bind([("data", (4, 6))], [("softmax_label", (4,))])
    module.init_params(arg_params={n: nd.array(v) for n, v in start.items()})
    module.init_optimizer(optimizer_params={"learning_rate": 0.5, "rescale_grad": 0.25})

    params = {n: variable(v, ctx) for n, v in start.items()}
    for at in (0, 4, 8):
        x, y = data[at : at + 4], label[at : at + 4]
        module.forward(mx.io.DataBatch([nd.array(x)], [nd.array(y)]), is_train=True)
        module.backward()
        module.update()
        with ag.record():
            h = nd.FullyConnected(
                nd.array(x, ctx=ctx), params["fc1_weight"], params["fc1_bias"], num_hidden=8
            )
            h = nd.Activation(h, act_type="tanh")
            h = nd.FullyConnected(h, params["fc2_weight"], params["fc2_bias"], num_hidden=3)
            out = nd.SoftmaxOutput(h, nd.array(y, ctx=ctx))
        out.backward()
        for p in params.values():
            nd.sgd_update(p, p.grad, lr=0.5, rescale_grad=0.25, out=p)
    for name, want in module.get_params()[0].items():
        assert_same_bits(name, params[name].asnumpy(), want.asnumpy())
