"""Properties of small random graphs: inference, composition, files and reshaping agree with themselves."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cysym as mx

sym = mx.sym
few = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)

UNARY = ("sin", "tanh", "square", "identity", "relu", "BlockGrad", "negative", "Flatten")
BINARY = ("elemwise_add", "elemwise_mul", "broadcast_add", "maximum")


@st.composite
def graphs(draw: Any) -> Any:
    """A graph over (batch, features) values: layers, elementwise operators, norms, splits, shared nodes."""
    with mx.name.NameManager():
        pool = [sym.Variable(f"v{i}") for i in range(draw(st.integers(1, 3)))]
        for step in range(draw(st.integers(1, 7))):
            x = pool[draw(st.integers(0, len(pool) - 1))]
            y = pool[draw(st.integers(0, len(pool) - 1))]
            kind = draw(
                st.sampled_from(("unary", "binary", "scalar", "dense", "norm", "split", "concat", "attrs"))
            )
            if kind == "unary":
                made = getattr(sym, draw(st.sampled_from(UNARY)))(x)
            elif kind == "binary":
                made = getattr(sym, draw(st.sampled_from(BINARY)))(x, y)
            elif kind == "scalar":
                made = x * draw(st.sampled_from((2, 0.5, -1.25)))
            elif kind == "dense":
                made = sym.FullyConnected(x, num_hidden=4, name=f"fc{step}", no_bias=draw(st.booleans()))
            elif kind == "norm":
                made = sym.BatchNorm(x, name=f"bn{step}", fix_gamma=draw(st.booleans()))
            elif kind == "split":
                made = sym.SliceChannel(x, num_outputs=2, name=f"sp{step}")[draw(st.integers(0, 1))]
            elif kind == "concat":
                made = sym.Concat(x, y, dim=1)
            else:
                with mx.AttrScope(ctx_group=draw(st.sampled_from("gh")), __tag__=str(step)):
                    made = sym.cos(x, lr_mult=step)
            pool.append(made)
        count = draw(st.integers(1, 2))
        heads = [pool[-1], *(pool[draw(st.integers(0, len(pool) - 1))] for _ in range(count - 1))]
        return heads[0] if count == 1 else sym.Group(heads)


def everything(symbol: Any) -> Any:
    return (
        symbol.name,
        symbol.list_arguments(),
        symbol.list_auxiliary_states(),
        symbol.list_outputs(),
        symbol.list_inputs(),
        symbol.attr_dict(),
        symbol.get_internals().list_outputs(),
        symbol.debug_str(),
        symbol.tojson(),
    )


SHAPE = st.tuples(st.sampled_from((0, 3)), st.sampled_from((0, 4)))


def attempt(call: Any, *args: Any, **kwargs: Any) -> Any:
    try:
        return call(*args, **kwargs)
    except mx.MXNetError:
        return "error"


@few
@given(graphs(), st.dictionaries(st.sampled_from(("v0", "v1", "v2")), SHAPE))
def test_full_and_partial_inference_agree(net: Any, shapes: Any) -> None:
    """The same answer when all is known; (None, None, None) exactly when partial inference leaves a gap."""
    import warnings

    known = {n: s for n, s in shapes.items() if n in net.list_arguments()}
    partial = attempt(net.infer_shape_partial, **known)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        full = attempt(net.infer_shape, **known)
    if partial == "error":
        assert full == "error"
        return
    inner = net.get_internals().infer_shape_partial(**known)[1]
    complete = all(s and 0 not in s for s in inner)
    assert full == (partial if complete else (None, None, None))
    assert bool(caught) is not complete
    # what was found is found again when it is given, and nothing else
    names = net.list_arguments()
    again = dict(zip(names, partial[0]))
    if len(set(names)) == len(names):
        assert net.infer_shape_partial(**{n: s for n, s in again.items() if s}) == partial
    assert net.infer_shape_partial(*(known.get(n) for n in names)) == partial


@few
@given(graphs())
def test_files_and_copies_keep_everything(net: Any) -> None:
    import copy
    import pickle

    before = everything(net)
    for made in (sym.load_json(net.tojson()), copy.deepcopy(net), pickle.loads(pickle.dumps(net)), net()):
        assert everything(made) == before
    document = json.loads(net.tojson())
    assert document["node_row_ptr"][-1] >= len(net.get_internals())


@few
@given(graphs(), graphs())
def test_composition_replaces_one_variable_and_nothing_else(net: Any, inner: Any) -> None:
    if len(inner) != 1 or net.name in net.list_inputs():
        return
    name = net.list_arguments()[0]
    before, inside = everything(net), everything(inner)
    made = net(**{name: inner})
    assert (everything(net), everything(inner)) == (before, inside)
    left = [n for n in net.list_arguments() if n != name]
    assert set(made.list_arguments()) >= set(left) - set(net.list_auxiliary_states())
    # an output that is the variable itself is the inner symbol's output now; other names stay
    renamed = [inner.list_outputs()[0] if n == name else n for n in net.list_outputs()]
    assert made.list_outputs() == renamed
    assert made.get_internals().list_outputs().count(name) == inner.get_internals().list_outputs().count(name)


@few
@given(graphs(), st.integers(1, 6), st.integers(1, 6))
def test_reshaped_down_and_up_is_as_bound_anew(net: Any, small: int, large: int) -> None:
    names = [n for n in ("v0", "v1", "v2") if n in net.list_arguments()]

    def shapes(rows: int) -> dict[str, Any]:
        return dict.fromkeys(names, (rows, 4))

    first = attempt(net.simple_bind, mx.cpu(), **shapes(4))
    if first == "error":
        return  # a graph whose shapes contradict each other

    def fill(executor: Any) -> Any:
        for k, a in enumerate([*executor.arg_arrays, *executor.aux_arrays]):
            a[:] = (np.arange(a.size).reshape(a.shape) * (k + 1) % 7 - 3) / 8 + (k + 1)
        executor.forward(is_train=True)
        executor.backward([mx.nd.ones(o.shape) for o in executor.outputs])
        return [a.asnumpy() for a in [*executor.outputs, *executor.grad_arrays, *executor.aux_arrays]]

    down = first.reshape(allow_up_sizing=True, **shapes(small))
    up = down.reshape(allow_up_sizing=True, **shapes(large))
    for executor, rows in ((down, small), (up, large), (first, 4)):
        fresh = net.simple_bind(mx.cpu(), **shapes(rows))
        for got, want in zip(fill(executor), fill(fresh)):
            np.testing.assert_array_equal(got, want)
    for name in net.list_arguments():
        if name not in names:
            assert up.arg_dict[name] is first.arg_dict[name]
