"""Random graphs, the same under both frameworks: their texts, lists, inference and values."""

import hashlib
import warnings

import numpy as np

from . import fresh, program

UNARY = ("sin", "tanh", "square", "relu", "BlockGrad", "Flatten", "negative", "abs", "identity", "Dropout")
BINARY = ("elemwise_add", "elemwise_mul", "broadcast_add", "broadcast_maximum", "elemwise_sub")


def graph(mx, rng):
    """Layers, elementwise operators, norms, splits, compositions, scopes and prefixes over (3, 4) values."""
    S = mx.sym
    pool = [S.Variable(f"v{i}") for i in range(rng.randint(1, 4))]
    for step in range(rng.randint(2, 12)):
        x, y = pool[rng.randint(len(pool))], pool[rng.randint(len(pool))]
        kind = rng.randint(12)
        if kind < 2:
            made = getattr(S, UNARY[rng.randint(len(UNARY))])(x)
        elif kind < 4:
            made = getattr(S, BINARY[rng.randint(len(BINARY))])(x, y)
        elif kind == 4:
            made = [x * 2, 1 - x, x / 4, x > 0.25, 2**x, x - 1.5, y + x, y * x][rng.randint(8)]
        elif kind == 5:
            made = S.FullyConnected(x, num_hidden=4, no_bias=bool(rng.randint(2)), name=f"fc{step}")
        elif kind == 6:
            with mx.name.Prefix(f"p{step}_"):
                made = S.BatchNorm(x, fix_gamma=bool(rng.randint(2)))
        elif kind == 7:
            made = S.SliceChannel(S.Concat(x, y, dim=1), num_outputs=2)[int(rng.randint(2))]
        elif kind == 8:
            with mx.AttrScope(ctx_group="g" + str(rng.randint(2)), __tag__=str(step)):
                made = S.cos(x, lr_mult=step)
        elif kind == 9:
            made = S.FullyConnected(x, pool[0], num_hidden=4, no_bias=True)
        elif kind == 10 and len(x.list_arguments()) > 0 and x.name not in x.list_inputs():
            made = x(**{x.list_arguments()[0]: y}, name=f"c{step}")
        else:
            made = S.reshape(S.reshape(x, shape=(-1,)), shape=(3, 4))
        pool.append(made)
    other = pool[rng.randint(len(pool))]
    return pool[-1] if other is pool[-1] or rng.randint(2) else S.Group([pool[-1], other])


def short(value):
    return hashlib.sha1(repr(value).encode()).hexdigest()[:16]


def plain(found):
    return None if found is None else [None if g is None else [tuple(s) for s in g] for g in found]


def shapes_of(net):
    given = {n: (3, 4) for n in net.list_arguments() if n.startswith("v")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return given, net.infer_shape(**given)


@program(cpu=True)
def texts_and_lists(mx, ctx):
    found = []
    for seed in range(250):
        rng = np.random.RandomState(seed)
        net = fresh(lambda mx, ctx, rng=rng: graph(mx, rng))(mx, ctx)
        attrs = sorted((k, sorted(v.items())) for k, v in net.attr_dict().items())
        try:
            shapes = plain(shapes_of(net)[1])
        except mx.base.MXNetError:
            shapes = "refused"
        parts = (
            net.tojson(),
            net.list_arguments(),
            net.list_auxiliary_states(),
            net.list_outputs(),
            net.list_inputs(),
            net.get_internals().list_outputs(),
            attrs,
            net.debug_str(),
            shapes,
        )
        found.append(" ".join(short(part) for part in parts))
    return found


@program(rtol=1e-3, atol=1e-4)
def values_and_gradients(mx, ctx):
    """Sums of outputs and gradients, with dropout at work in neither framework."""
    found = []
    for seed in range(40):
        rng = np.random.RandomState(1000 + seed)
        net = fresh(lambda mx, ctx, rng=rng: graph(mx, rng))(mx, ctx)
        if "Dropout" in net.tojson() or len(set(net.list_arguments())) != len(net.list_arguments()):
            continue
        try:
            given, shapes = shapes_of(net)
        except mx.base.MXNetError:
            continue
        if shapes[0] is None:
            continue
        ex = net.simple_bind(ctx, **given)
        for i, a in enumerate(ex.arg_arrays + ex.aux_arrays):
            a[:] = np.cos(np.arange(a.size) * 1.3 + i).reshape(a.shape) * 0.5
        for a in ex.aux_arrays:
            a[:] = 1
        ex.forward(is_train=True)
        ex.backward([mx.nd.ones(o.shape, ctx) for o in ex.outputs])
        mx.nd.waitall()
        arrays = ex.outputs + ex.grad_arrays + ex.aux_arrays
        sums = np.array([np.clip(np.abs(a.asnumpy()).sum(), 0, 1e6) for a in arrays], np.float32)
        found.append([seed, sums if np.isfinite(sums).all() else "not finite"])
    return found
