"""SequenceMask, SequenceLast and SequenceReverse: axes, lengths, element types, gradients."""

import itertools

import numpy as np

from . import numbers, outcome, program

LENGTHS = {"SequenceMask": 1, "SequenceLast": 1, "SequenceReverse": 1}


def run(mx, ctx, kind, x, lengths, **options):
    """Output and gradients of a training step, through a symbol; gradients are added to ones."""
    names = ["x"] + ["n"] * (lengths is not None)
    given = [mx.nd.array(x, ctx, dtype=x.dtype)]
    if lengths is not None:
        given.append(mx.nd.array(lengths, ctx, dtype=lengths.dtype))
        options["use_sequence_length"] = True
    net = getattr(mx.sym, kind)(*[mx.sym.var(n) for n in names], **options)
    grads = {"x": mx.nd.ones(x.shape, ctx, dtype=x.dtype)}
    ex = net.bind(ctx, given, grads, {"x": "add", "n": "null"} if lengths is not None else "add")
    out = ex.forward(is_train=True)[0].asnumpy()
    ex.backward(mx.nd.array(numbers(*out.shape, shift=1), ctx, dtype=out.dtype))
    return [out, grads["x"]]


@program
def lengths(mx, ctx):
    """Both axes, two to five dimensions, with and without lengths."""
    found = {}
    shapes = [(4, 3), (4, 3, 2), (3, 2, 2, 2), (2, 3, 1, 2, 2)]
    for kind, shape, axis in itertools.product(LENGTHS, shapes, (0, 1)):
        if kind == "SequenceReverse" and (axis or len(shape) < 3):
            continue
        steps, batch = (shape[0], shape[1]) if axis == 0 else (shape[1], shape[0])
        some = (np.arange(batch) * 2 % steps + 1).astype(np.float32)
        for given in (None, some, np.full(batch, steps, np.float32)):
            if given is None and kind == "SequenceMask" and len(shape) < 3:
                continue
            label = "none" if given is None else str(given.tolist())
            more = {"value": -2.5} if kind == "SequenceMask" else {}
            name = f"{kind} {shape} {axis} {label}"
            found[name] = run(mx, ctx, kind, numbers(*shape), given, axis=axis, **more)
    return found


@program
def element_types(mx, ctx):
    """Data and lengths of several types."""
    found = {}
    for kind, data, length in itertools.product(
        LENGTHS, ("float16", "float64", "int32"), ("int32", "float64")
    ):
        x = (numbers(3, 2, 2) * 10).astype(data)
        given = np.array([1, 3], length)
        args = [mx.nd.array(a, ctx, dtype=a.dtype) for a in (x, given)]
        found[f"{kind} {data} {length}"] = outcome(
            lambda kind=kind, args=args: getattr(mx.nd, kind)(*args, use_sequence_length=True).asnumpy()
        )
    return found


@program
def recorded(mx, ctx):
    """Under autograd, with lengths that came from a computation."""
    found = {}
    for kind in LENGTHS:
        x = mx.nd.array(numbers(4, 3, 2), ctx)
        x.attach_grad()
        n = mx.nd.array([0, 1, 3], ctx) + 1
        with mx.autograd.record():
            y = getattr(mx.nd, kind)(x * 2, n, use_sequence_length=True)
            z = (y * y).sum()
        z.backward()
        found[kind] = [y, x.grad]
    return found


@program(cpu=True)
def shapes(mx, ctx):
    """What follows from what, and names."""
    found = {}
    for kind in LENGTHS:
        make = getattr(mx.sym, kind)
        net = make(mx.sym.var("x"), use_sequence_length=True, name="s")
        plain = make(mx.sym.var("x"), name="s")
        found[kind] = [
            net.list_arguments(), plain.list_arguments(), net.infer_shape(x=(4, 3, 2)),
            plain.infer_shape(x=(4, 3, 2)), net.infer_shape_partial(x=(0, 3, 2)),
            [[np.dtype(t).name for t in g] for g in net.infer_type(x="float64", s_sequence_length="int32")],
            outcome(lambda make=make: make(mx.sym.var("x"), axis=2).infer_shape(x=(4, 3, 2))),
        ]  # fmt: skip
    return found
