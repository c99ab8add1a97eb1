"""Random small graphs: whatever the passes do, the numbers stay.

hypothesis picks operators and wires them; the same graph is then bound in every way a program can be made and
its outputs and gradients are compared: bit for bit where only memory or threads differ, within rounding where
the arithmetic is arranged anew.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from unittest import mock

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cysym as mx

SETTINGS = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
WIDTHS = (2, 3, 5, 8)
UNARY = ("tanh", "sigmoid", "relu", "square", "sin", "softsign", "identity", "negative")
BINARY = ("elemwise_add", "elemwise_sub", "elemwise_mul", "broadcast_maximum")


@dataclass
class Net:
    """A graph under construction: symbols with known shapes to choose operands from."""

    draw: object
    pool: list = field(default_factory=list)  # (symbol, shape)
    shapes: dict = field(default_factory=dict)
    count: int = 0

    def name(self, kind):
        self.count += 1
        return f"{kind}_{self.count}"

    def choose(self, options):
        return self.draw(st.sampled_from(options))

    def operand(self):
        """Mostly one of the latest results, so that graphs grow deep as well as wide."""
        return self.choose(self.pool[-3:] + self.pool)

    def variable(self, shape):
        name = self.name("var")
        self.shapes[name] = shape
        return mx.sym.Variable(name)

    def push(self, symbol, shape):
        self.pool.append((symbol, shape))


def unary(net):
    x, shape = net.operand()
    op = net.choose(UNARY)
    net.push(getattr(mx.sym, op)(x, name=net.name(op)), shape)


def scalar(net):
    x, shape = net.operand()
    value = net.choose((0.5, -1.25, 2.0))
    net.push(net.choose((lambda: x * value, lambda: x + value, lambda: value - x))(), shape)


def binary(net):
    x, shape = net.operand()
    same = [s for s, other in net.pool if other == shape and s is not x] or [x]
    y = net.choose([*same[-3:], net.variable(shape)])
    op = net.choose(BINARY)
    net.push(getattr(mx.sym, op)(x, y, name=net.name("join")), shape)


def broadcast(net):
    x, shape = net.operand()
    thin = tuple(1 if net.draw(st.booleans()) else d for d in shape)
    op = net.choose(("broadcast_add", "broadcast_mul"))
    net.push(getattr(mx.sym, op)(x, net.variable(thin), name=net.name(op)), shape)


def dense(net):
    x, shape = net.operand()
    hidden = net.choose(WIDTHS)
    name = net.name("fc")
    net.shapes[f"{name}_weight"] = (hidden, int(np.prod(shape[1:])))
    net.shapes[f"{name}_bias"] = (hidden,)
    net.push(mx.sym.FullyConnected(x, num_hidden=hidden, name=name), (shape[0], hidden))


def concat(net):
    x, shape = net.operand()
    axis = net.draw(st.integers(0, len(shape) - 1))
    fits = [
        (s, o)
        for s, o in net.pool
        if len(o) == len(shape) and all(a == b for k, (a, b) in enumerate(zip(o, shape)) if k != axis)
    ]
    others = [net.choose(fits) for _ in range(net.draw(st.integers(1, 2)))]
    total = shape[axis] + sum(o[axis] for _, o in others)
    if total > 24:
        return
    joined = mx.sym.concat(x, *[s for s, _ in others], dim=axis, name=net.name("concat"))
    net.push(joined, (*shape[:axis], total, *shape[axis + 1 :]))


def split(net):
    x, shape = net.operand()
    axes = [(k, n) for k, d in enumerate(shape) for n in (2, 3, 4) if d % n == 0]
    if not axes:
        return
    axis, parts = net.choose(axes)
    pieces = mx.sym.split(x, num_outputs=parts, axis=axis, name=net.name("split"))
    for k in range(parts):
        if net.draw(st.booleans()) or k == 0:
            net.push(pieces[k], (*shape[:axis], shape[axis] // parts, *shape[axis + 1 :]))


def reshape(net):
    x, shape = net.operand()
    size = int(np.prod(shape))
    lead = net.choose([d for d in range(1, size + 1) if size % d == 0])
    net.push(mx.sym.reshape(x, shape=(lead, -1), name=net.name("reshape")), (lead, size // lead))


def transpose(net):
    x, shape = net.operand()
    axes = tuple(net.draw(st.permutations(range(len(shape)))))
    net.push(mx.sym.transpose(x, axes=axes, name=net.name("transpose")), tuple(shape[a] for a in axes))


def reduce(net):
    x, shape = net.operand()
    axis = net.draw(st.integers(0, len(shape) - 1))
    op = net.choose(("sum", "mean", "max"))
    kept = (*shape[:axis], 1, *shape[axis + 1 :])
    net.push(getattr(mx.sym, op)(x, axis=axis, keepdims=True, name=net.name(op)), kept)


def softmax(net):
    x, shape = net.operand()
    op = net.choose(("softmax", "log_softmax"))
    net.push(getattr(mx.sym, op)(x, axis=-1, name=net.name(op)), shape)


def slice_axis(net):
    x, shape = net.operand()
    axis = net.draw(st.integers(0, len(shape) - 1))
    begin = net.draw(st.integers(0, shape[axis] - 1))
    end = net.draw(st.integers(begin + 1, shape[axis]))
    cut = mx.sym.slice_axis(x, axis=axis, begin=begin, end=end, name=net.name("slice"))
    net.push(cut, (*shape[:axis], end - begin, *shape[axis + 1 :]))


def dropout(net):
    x, shape = net.operand()
    net.push(mx.sym.Dropout(x, p=0.4, name=net.name("dropout")), shape)


def normalise(net):
    x, shape = net.operand()
    name = net.name("bn")
    for part in ("gamma", "beta", "moving_mean", "moving_var"):
        net.shapes[f"{name}_{part}"] = (shape[1],)
    net.push(mx.sym.BatchNorm(x, fix_gamma=False, name=name), shape)


MAKERS = (
    unary, unary, scalar, binary, binary, broadcast, dense, concat, split, reshape, transpose, reduce,
    softmax, slice_axis, dropout, normalise,
)  # fmt: skip


@st.composite
def nets(draw, smooth=False, groups=("",)):
    """A symbol of one to three heads, shapes of its variables, and a request for each argument.

    `smooth` leaves out what turns a rounding difference into another choice; `groups` are context groups the
    nodes are spread over, without random numbers, as each device has its own.
    """
    net = Net(draw)
    shape = (draw(st.sampled_from(WIDTHS)), draw(st.sampled_from((4, 6, 9))))
    net.push(net.variable(shape), shape)
    left_out = ([normalise] if smooth else []) + ([dropout] if len(groups) > 1 else [])
    makers = [m for m in MAKERS if m not in left_out]
    for maker in draw(st.lists(st.sampled_from(makers), min_size=2, max_size=10)):
        with mx.AttrScope(ctx_group=draw(st.sampled_from(groups))):
            maker(net)
    heads = draw(st.lists(st.sampled_from(net.pool[1:] or net.pool), min_size=0, max_size=2, unique_by=id))
    chosen = [net.pool[-1], *(h for h in heads if h is not net.pool[-1])]
    symbol = mx.sym.Group([s for s, _ in chosen])
    names = symbol.list_arguments()
    requests = {n: draw(st.sampled_from(("write", "write", "add", "null"))) for n in names}
    requests[names[0]] = "write"
    return symbol, net.shapes, requests, [s for _, s in chosen]


def convolution(net):
    x, shape = net.operand()
    filters, size = net.choose((3, 16, 32)), net.choose((1, 3))
    stride = net.choose((1, 1, 2))
    name, bare = net.name("conv"), net.draw(st.booleans())
    net.shapes[f"{name}_weight"] = (filters, shape[1], size, size)
    net.shapes[f"{name}_bias"] = (filters,)
    made = mx.sym.Convolution(
        x, kernel=(size, size), pad=(size // 2, size // 2), stride=(stride, stride), num_filter=filters,
        no_bias=bare, name=name,
    )  # fmt: skip
    net.push(made, (shape[0], filters, *((d + 2 * (size // 2) - size) // stride + 1 for d in shape[2:])))


def conv_bn_relu(net):
    convolution(net)
    normalise_last(net)


def normalise_last(net):
    x, shape = net.pool[-1]
    name = net.name("bn")
    for part in ("gamma", "beta", "moving_mean", "moving_var"):
        net.shapes[f"{name}_{part}"] = (shape[1],)
    net.push(mx.sym.BatchNorm(x, fix_gamma=net.draw(st.booleans()), eps=0.5, name=name), shape)
    x, shape = net.pool[-1]
    net.push(mx.sym.Activation(x, act_type="relu", name=net.name("relu")), shape)


def pooling(net):
    x, shape = net.operand()
    kind = net.choose(("max", "avg"))
    made = mx.sym.Pooling(x, kernel=(3, 3), pad=(1, 1), pool_type=kind, name=net.name("pool"))
    net.push(made, shape)


def channel_concat(net):
    x, shape = net.operand()
    fits = [(s, o) for s, o in net.pool if (o[0], *o[2:]) == (shape[0], *shape[2:])]
    y, other = net.choose(fits)
    net.push(mx.sym.concat(x, y, dim=1, name=net.name("concat")), (shape[0], shape[1] + other[1], *shape[2:]))


def residual(net):
    x, shape = net.operand()
    same = [s for s, other in net.pool if other == shape]
    net.push(mx.sym.elemwise_add(x, net.choose(same), name=net.name("add")), shape)


IMAGE_MAKERS = (
    convolution,
    convolution,
    conv_bn_relu,
    conv_bn_relu,
    pooling,
    channel_concat,
    residual,
    unary,
    dropout,
)


@st.composite
def image_nets(draw):
    """Convolutional graphs: blocked layouts, epilogues and recomputation meet views and heads."""
    net = Net(draw)
    shape = (2, draw(st.sampled_from((3, 16))), 5, 4)
    net.push(net.variable(shape), shape)
    for maker in draw(st.lists(st.sampled_from(IMAGE_MAKERS), min_size=2, max_size=9)):
        maker(net)
    heads = draw(st.lists(st.sampled_from(net.pool[1:]), min_size=0, max_size=2, unique_by=id))
    chosen = [net.pool[-1], *(h for h in heads if h is not net.pool[-1])]
    symbol = mx.sym.Group([s for s, _ in chosen])
    names = symbol.list_arguments()
    requests = {n: draw(st.sampled_from(("write", "write", "add", "null"))) for n in names}
    requests[names[0]] = "write"
    return symbol, net.shapes, requests, [s for _, s in chosen]


def values_of(symbol, shapes):
    rng = np.random.default_rng(3)
    names = symbol.list_arguments() + symbol.list_auxiliary_states()
    return {n: np.abs(v) if n.endswith("var") and n.startswith("bn") else v for n, v in (
        (n, rng.uniform(-1.5, 1.5, shapes[n]).astype(np.float32)) for n in names
    )}  # fmt: skip


def run(net, ctx, threads=None, inference=True, **options):
    """Everything a program computes: outputs, gradients, auxiliary states, and the gradients once more."""
    symbol, shapes, requests, out_shapes = net
    values = values_of(symbol, shapes)
    if threads:
        mx._core.set_num_threads(threads)
    with mx.executor.options(**options):
        args = {n: mx.nd.array(values[n], ctx=ctx) for n in symbol.list_arguments()}
        grads = {n: mx.nd.full(a.shape, 0.5, ctx=ctx) for n, a in args.items() if requests[n] != "null"}
        aux = {n: mx.nd.array(values[n], ctx=ctx) for n in symbol.list_auxiliary_states()}
        executor = symbol.bind(ctx, args, grads, {n: requests[n] for n in args}, aux)
    found = {}
    if inference:
        found.update({f"inference {i}": o.asnumpy() for i, o in enumerate(executor.forward())})
    mx.random.seed(23)
    outputs = executor.forward(is_train=True)
    found.update({f"output {i}": o.asnumpy() for i, o in enumerate(outputs)})
    assert [o.shape for o in outputs] == out_shapes
    rng = np.random.default_rng(4)
    heads = [mx.nd.array(rng.standard_normal(s).astype(np.float32), ctx=ctx) for s in out_shapes]
    executor.backward(heads)
    found.update({f"gradient of {n}": g.asnumpy() for n, g in grads.items()})
    found.update({n: a.asnumpy() for n, a in aux.items()})
    for n, g in grads.items():
        g[:] = 0.5 if requests[n] == "add" else -1
    executor.backward(heads)
    found.update({f"gradient of {n} again": g.asnumpy() for n, g in grads.items()})
    return found


def same(one, other):
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def near(one, other, tolerance=2e-4):
    assert one.keys() == other.keys()
    for name in one:
        scale = max(1.0, float(np.nanmax(np.abs(other[name]))))
        np.testing.assert_allclose(one[name], other[name], 0, tolerance * scale, err_msg=name)


@SETTINGS
@given(net=nets())
def test_memory_plan_changes_no_bit(ctx, net):
    shared = run(net, ctx)
    same(shared, run(net, ctx, share=False))
    for name, value in shared.items():
        if name.endswith(" again"):
            np.testing.assert_array_equal(value, shared[name.removesuffix(" again")], err_msg=name)


@SETTINGS
@given(net=nets())
def test_no_kernel_writes_outside_its_output(net):
    same(run(net, mx.cpu(), share=False, canaries=True), run(net, mx.cpu(), capacity=4096))


@SETTINGS
@given(net=nets(smooth=True))
def test_fusion_changes_only_rounding(ctx, net):
    near(run(net, ctx, fuse=True), run(net, ctx, fuse=False))


@SETTINGS
@given(net=nets())
def test_number_of_threads_changes_no_bit(net):
    one = run(net, mx.cpu(), threads=1)
    for threads in (2, 4):
        same(one, run(net, mx.cpu(), threads=threads))


@SETTINGS
@given(net=nets(smooth=True))
def test_devices_agree(net):
    devices = [mx.cpu()] + ([mx.gpu(0)] if mx.context.opencl_devices() else [])
    found = [run(net, d) for d in devices]
    for other in found[1:]:
        near(found[0], other)


@SETTINGS
@given(net=nets())
def test_json_round_trip(net):
    symbol, shapes, requests, out_shapes = net
    again = mx.sym.load_json(symbol.tojson())
    assert again.tojson() == symbol.tojson()
    assert again.list_arguments() == symbol.list_arguments()
    same(run(net, mx.cpu()), run((again, shapes, requests, out_shapes), mx.cpu()))


@SETTINGS
@given(net=nets())
def test_monitor_sees_what_internals_compute(net):
    """The callback's values equal those of the same outputs bound as heads."""
    symbol, shapes, _, _ = net
    values = values_of(symbol, shapes)
    ctx = mx.cpu()

    def bind(s):
        args = {n: mx.nd.array(values[n], ctx=ctx) for n in s.list_arguments()}
        return s.bind(ctx, args, aux_states={n: mx.nd.array(values[n]) for n in s.list_auxiliary_states()})

    executor, seen = bind(symbol), {}
    executor.set_monitor_callback(lambda name, array: seen.__setitem__(name, array.asnumpy()))
    mx.random.seed(9)
    outputs = [o.asnumpy() for o in executor.forward(is_train=True)]
    internals = symbol.get_internals()
    expected = bind(internals)
    mx.random.seed(9)
    expected.forward(is_train=True)
    variables = {*symbol.list_arguments(), *symbol.list_auxiliary_states()}
    checked = 0
    for name, array in zip(internals.list_outputs(), expected.outputs, strict=True):
        if name not in variables:
            near({name: seen[name]}, {name: array.asnumpy()})
            checked += 1
    assert checked
    for name, output in zip(symbol.list_outputs(), outputs, strict=True):
        if name in seen:
            np.testing.assert_array_equal(seen[name], output)


@SETTINGS
@given(net=image_nets(), blocked=st.booleans(), epilogue=st.booleans())
def test_layouts_and_epilogues_change_only_rounding(net, blocked, epilogue):
    plain = run(net, mx.cpu(), fuse=False, blocked=False, epilogue=False, recompute=False)
    near(run(net, mx.cpu(), blocked=blocked, epilogue=epilogue, recompute=False), plain, 1e-3)


@SETTINGS
@given(net=image_nets(), blocked=st.booleans())
def test_recomputation_changes_no_bit(net, blocked):
    small = mock.patch("cysym.passes.recompute.WORTHWHILE", 0)
    with small:
        again = run(net, mx.cpu(), recompute=True, blocked=blocked)
    same(again, run(net, mx.cpu(), recompute=False, blocked=blocked))


@SETTINGS
@given(net=nets(groups=("one", "two")))
def test_two_devices_compute_the_same(ctx, net):
    """Nodes spread over two devices: host memory seen as two, or the host and another device."""
    symbol, shapes, requests, out_shapes = net
    values = values_of(symbol, shapes)
    found = []
    for groups in ({}, {"one": mx.cpu(1), "two": ctx}):
        executor = symbol.simple_bind(
            mx.cpu(), group2ctx=groups, grad_req=requests, **{n: shapes[n] for n in symbol.list_arguments()}
        )
        for name, array in (*executor.arg_dict.items(), *executor.aux_dict.items()):
            array[:] = values[name]
        results = {f"output {i}": o.asnumpy() for i, o in enumerate(executor.forward(is_train=True))}
        contexts = [o.context for o in executor.outputs]
        executor.backward([mx.nd.full(s, 0.5, ctx=c) for s, c in zip(out_shapes, contexts, strict=True)])
        results.update({n: g.asnumpy() for n, g in executor.grad_dict.items() if g is not None})
        results.update({n: a.asnumpy() for n, a in executor.aux_dict.items()})
        found.append(results)
    near(found[1], found[0], 0 if ctx == mx.cpu() else 2e-4)
