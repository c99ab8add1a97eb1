"""mxnet.test_utils: what its helpers return, what they refuse, and which random numbers they draw."""

import inspect
import os
import re
import warnings
from functools import partial

import numpy as np

from . import numbers, outcome, program

FLOATS = (np.float16, np.float32, np.float64)


def refusal(call):
    """The sentences of an AssertionError that are the same everywhere, or what `outcome` says."""
    try:
        return call()
    except AssertionError as error:
        lines = [line.strip() for line in str(error).splitlines()]
        # the error itself is rounded: MXNet computes it in the arrays' type
        return [
            re.sub(r"^Error (\S+)", lambda m: f"Error {float(m.group(1)):.4g}", line)
            for line in lines
            if line.startswith(("Error ", "Location "))
        ]
    except Exception:
        return outcome(call)


@program(cpu=True)
def signatures(mx, ctx):
    t, found = mx.test_utils, {}
    for name in sorted(vars(t)):
        value = getattr(t, name)
        if name.startswith("_") or not getattr(value, "__module__", "").startswith(t.__name__):
            continue
        if inspect.isfunction(value) or inspect.isclass(value):
            parameters = inspect.signature(value).parameters.values()
            found[name] = [
                p.name + ("" if p.default is p.empty else "=" + repr(p.default)) + " " + str(int(p.kind))
                for p in parameters
            ]
    return found


@program(cpu=True)
def tolerances(mx, ctx):
    t, found = mx.test_utils, {}
    for name in ("default_rtols", "default_atols", "default_numeric_eps"):
        found[name] = {str(k): float(v) for k, v in getattr(t, name)().items()}
    half, double = np.zeros(2, np.float16), np.zeros(2)
    found["dtype"] = str(np.dtype(t.default_dtype()))
    found["get"] = [
        t.get_atol(), t.get_atol(0.5), t.get_rtol(), t.get_rtol(0.25), t.get_etol(), t.get_etol(0.1),
        t.get_atol(dtype=np.dtype("float16")), t.get_rtol(dtype=np.dtype("float32")),
    ]  # fmt: skip
    found["pairs"] = [
        t.get_tols(half, double, None, None), t.get_tols(double, double, None, 1.5),
        t.get_tols(1.0, half, 3, None),
        t.get_tols(1, 2, None, None), t.get_tols(half, double, {np.dtype("float64"): 7.0}, None),
        t.get_tols(mx.nd.zeros(2, ctx), double, None, None),
    ]  # fmt: skip
    found["effective"] = [str(t.effective_dtype(v)) for v in (half, double, mx.nd.zeros(2, ctx))]
    found["tolerance"] = [
        t.get_tolerance(half, 2.0, {}),
        t.get_tolerance(half, {np.dtype("float16"): 4.0}, t.default_rtols()),
        t.get_tolerance(double, {np.dtype("float16"): 4.0}, t.default_rtols()),
        outcome(lambda: t.get_tolerance(double, None, {})),
    ]
    return found


@program(
    differs={
        "lists": "Python lists are arrays, too",
        "nd shapes": "MXNet's operator fails with its own error",
        "bool": "the message is as for numbers, not NumPy's",
        "scalars/2": "MXNet fails on the way to its message",
        "unsigned/0": "MXNet subtracts unsigned numbers, which wrap around",
    }
)
def assertions(mx, ctx):
    t = mx.test_utils
    a, b = np.array([1.0, 2.0, 4.0]), np.array([1.0, 2.5, 3.0])
    nan = np.array([1.0, np.nan, np.inf])
    eq = t.assert_almost_equal

    def nd(x, dtype="float32"):
        return mx.nd.array(x, ctx, dtype)

    return {
        "same": [refusal(lambda: eq(a, a)), refusal(lambda: eq(nd(a), nd(a))), refusal(lambda: eq(nd(a), a))],
        "differ": refusal(lambda: eq(a, b)),
        "nd": refusal(lambda: eq(nd(a), nd(b))),
        "mixed": refusal(lambda: eq(nd(a), b)),
        "names": refusal(lambda: eq(a, b, names=("mine", "yours"))),
        "tolerances": [refusal(lambda: eq(a, b, 0.5, 0.0)), refusal(lambda: eq(a, b, atol=0.75))],
        "dict": refusal(lambda: eq(a, b, rtol={np.dtype("float64"): 0.5})),
        "nan": [refusal(lambda: eq(nan, nan)) is None, refusal(lambda: eq(nan, nan, equal_nan=True))],
        "nd nan": [
            refusal(lambda: eq(nd(nan), nd(nan))) is None,
            refusal(lambda: eq(nd(nan), nd(nan), equal_nan=True)),
        ],
        "half": [
            refusal(lambda: eq(nd(a, "float16"), a + 0.05)),
            refusal(lambda: eq(nd(a, "float16"), a + 1)),
        ],
        "broadcast": [
            refusal(lambda: eq(a, np.ones((2, 3)))) is None,
            outcome(lambda: eq(a, np.ones((2, 3)), use_broadcast=False)),
            outcome(lambda: eq(a, np.ones(2))),
        ],
        "nd shapes": outcome(lambda: eq(nd(a), nd(np.ones(2)))),
        "scalars": [refusal(lambda: eq(1.0, 1.0)), refusal(lambda: eq(1.0, 2.0)), refusal(lambda: eq(a, 1))],
        "integers": [refusal(lambda: eq(np.arange(3), np.arange(3))), refusal(lambda: eq(np.arange(3), a))],
        "unsigned": refusal(lambda: eq(np.array([1], np.uint8), np.array([2], np.uint8))),
        "bool": refusal(lambda: eq(a > 1, a > 2)),
        "lists": outcome(lambda: eq([1.0], [1.0])),
        "matrix": refusal(lambda: eq(numbers(3, 4), numbers(3, 4) + np.eye(3, 4, 1, np.float32), 1e-5, 1e-5)),
        "allclose": [
            refusal(lambda: t.assert_allclose(nan, nan)),
            refusal(lambda: t.assert_allclose(a, a + 1e-8)),
            refusal(lambda: t.assert_allclose(a, a * 1.25)),
        ],
    }


@program(differs={"etol/4/1": "MXNet drops the names", "caught/2": "MXNet's own assert is what it expected"})
def other_assertions(mx, ctx):
    t = mx.test_utils
    a = np.array([1.0, 2.0, 4.0, 8.0])
    b = np.array([1.0, 2.0, 4.0, 9.0])
    nan = np.array([1.0, np.nan, 4.0, 9.0])
    calls = []

    @t.retry(3)
    def flaky(fails, error=AssertionError):
        calls.append(fails)
        if len(calls) <= fails:
            raise error("no")
        return 5

    def retried(*args):
        del calls[:]
        return [outcome(lambda: flaky(*args)), len(calls)]

    def fail():
        raise ValueError("no")

    pair = (mx.nd.array(a, ctx), mx.nd.array(b, ctx))
    return {
        "almost": [
            t.almost_equal(a, b), t.almost_equal(a, a + 1e-9), t.almost_equal(a, b, 0.2),
            t.almost_equal(a, b, atol=1.5),
            t.almost_equal(nan, nan), t.almost_equal(nan, nan, equal_nan=True), t.almost_equal(a, a[:1]),
            outcome(lambda: t.almost_equal(a, a[:1], use_broadcast=False)),
            outcome(lambda: t.almost_equal(a, a[:2])),
        ],
        "same": [t.same(a, a), t.same(a, b), t.same(a, a[None]), t.same(nan, nan)],
        "etol": [
            refusal(lambda: t.assert_almost_equal_with_err(a, b, etol=0.25)),
            refusal(lambda: t.assert_almost_equal_with_err(a, b, etol=0.125)),
            refusal(lambda: t.assert_almost_equal_with_err(pair[0], pair[1], etol=0.5)),
            refusal(lambda: t.assert_almost_equal_with_err(a, b)),
            refusal(lambda: t.assert_almost_equal_with_err(a, b, names=("p", "q"))),
        ],
        "ignore": [
            refusal(lambda: t.assert_almost_equal_ignore_nan(nan, b)),
            refusal(lambda: t.assert_almost_equal_ignore_nan(nan, a, names=("p", "q"))),
        ],
        "caught": [
            outcome(lambda: t.assert_exception(fail, ValueError)),
            outcome(lambda: t.assert_exception(len, ValueError, [])),
            outcome(lambda: t.assert_exception(len, AssertionError, [])),
            outcome(lambda: t.assert_exception(fail, KeyError)),
            outcome(lambda: t.assert_exception(mx.nd.zeros, Exception, "x", ctx=ctx)),
        ],
        "retry": [retried(0), retried(2), retried(3), retried(1, ValueError), outcome(lambda: t.retry(0))],
        "tuples": [
            t.compare_ndarray_tuple(pair, pair), t.compare_ndarray_tuple(None, pair),
            t.compare_ndarray_tuple(pair, None),
            t.compare_ndarray_tuple((None, (pair[0],)), (None, (pair[0],))),
            refusal(lambda: t.compare_ndarray_tuple((pair[0], pair), (pair[0], (pair[0], pair[0])))),
            refusal(lambda: t.compare_ndarray_tuple(pair[0], pair[1], rtol=0.2)),
        ],
        "shapes": [t.checkShapes(a, b), outcome(lambda: t.checkShapes(a, b[:2]))],
        "location": [
            t.locationError(a, b, (3,), ("p", "q")),
            t.locationError(a[None], b[None], (0, 1), "pq", maxError=True),
        ],
    }  # fmt: skip


@program(differs={"matrix": "MXNet walks a transposed array and its result in different orders"})
def random_helpers(mx, ctx):
    t, found = mx.test_utils, {}

    def seeded(name, call):
        np.random.seed(7)
        found[name] = outcome(call)

    with ctx:
        seeded("arrays", lambda: t.random_arrays((2, 3), (), (1,)))
        seeded("array", lambda: t.random_arrays((2, 3)))
        seeded("scalar", lambda: t.random_arrays(()))
        seeded("uniform", lambda: t.random_uniform_arrays((2, 3), (2,)))
        seeded("range", lambda: t.random_uniform_arrays((4,), low=-3, high=9, dtype=np.int32))
        seeded("keyword", lambda: t.random_uniform_arrays((4,), lowest=-3))
        seeded("sample", lambda: [t.random_sample(list(range(9)), 4), t.random_sample([1], 0)])
        seeded("too many", lambda: t.random_sample([1, 2], 3))
        seeded("shape_2d", lambda: [t.rand_shape_2d() for _ in range(5)])
        seeded("shape_2d zero", lambda: [t.rand_shape_2d(2, 3, allow_zero_size=True) for _ in range(9)])
        seeded("shape_3d", lambda: [t.rand_shape_3d(3, 4, 5) for _ in range(5)])
        seeded("shape_nd", lambda: [t.rand_shape_nd(n, 6) for n in (0, 1, 4)])
        seeded("shape_nd zero", lambda: t.rand_shape_nd(20, 1, True))
        seeded("coord", lambda: [t.rand_coord_2d(0, 9, 5, 6) for _ in range(4)])
        seeded("ndarray", lambda: t.rand_ndarray((2, 3)))
        seeded("ndarray typed", lambda: t.rand_ndarray((2, 3), dtype="float64", ctx=ctx))
        seeded("ndarray stype", lambda: t.rand_ndarray((3,), "default", dtype=np.float16))
        seeded("real", lambda: t.new_matrix_with_real_eigvals_2d(3))
        seeded("real nd", lambda: t.new_matrix_with_real_eigvals_nd((2, 1, 2, 2)))
        seeded("orthonormal", lambda: t.new_orthonormal_matrix_2d(4))
        seeded("symmetric", lambda: t.new_sym_matrix_with_real_eigvals_2d(3))
        seeded("symmetric nd", lambda: t.new_sym_matrix_with_real_eigvals_nd((2, 3, 3)))
        found["matrix"] = t.assign_each(numbers(3, 2).T, lambda v: v * 2)
        found["each"] = [
            t.assign_each(numbers(2, 3), lambda v: v + 1), t.assign_each(numbers(2), None),
            t.assign_each2(numbers(2, 3), numbers(2, 3, shift=1), lambda v, w: v * w),
            t.assign_each2(numbers(2), numbers(2), None),
            outcome(lambda: t.assign_each2(numbers(2), numbers(3), lambda v, w: v)),
        ]  # fmt: skip
        found["counted"] = [t.create_vector(4), t.create_vector(3, "float32"), t.create_2d_tensor(3, 2)]
        found["identity"] = [t.get_identity_mat(3), t.get_identity_mat_batch(2)]
    x = numbers(2, 3, 4)
    found["reduce"] = [
        t.np_reduce(x, axis, keep, f)
        for axis in (None, 1, -1, (0, 2), [2, 1]) for keep in (True, False) for f in (np.sum, np.max)
    ]  # fmt: skip
    found["collapse"] = [t.collapse_sum_like(x, s) for s in ((2, 3, 4), (1, 3, 1), (4,), (1,), (3, 4), ())]
    found["collapse empty"] = t.collapse_sum_like(np.zeros((0, 3)), (3,))
    found["collapse not"] = [outcome(partial(t.collapse_sum_like, x, s)) for s in ((2,), (1, 2, 3, 4))]
    return found


@program
def generator_checks(mx, ctx):
    t = mx.test_utils
    np.random.seed(3)
    return {
        "buckets": t.gen_buckets_probs_with_ppf(lambda p: p * p, 4),
        "none": outcome(lambda: t.gen_buckets_probs_with_ppf(lambda p: p, 0)),
        "mean": [
            t.mean_check(lambda n: np.random.normal(1, 2, n), 1, 2, 10000),
            t.mean_check(lambda n: np.random.normal(1.2, 2, n), 1, 2, 10000),
            t.mean_check(lambda n: mx.nd.ones((n,), ctx).asnumpy(), 1, 0.5, 100),
        ],
        "variance": [
            t.var_check(lambda n: np.random.normal(1, 2, n), 2, 10000),
            t.var_check(lambda n: np.random.normal(1, 2.2, n), 2, 10000),
        ],
    }


@program(differs={"prefix": "a graph with more nodes has another structure"}, cpu=True)
def structures(mx, ctx):
    t = mx.test_utils
    x, y = mx.sym.Variable("x"), mx.sym.Variable("y")
    a = mx.sym.FullyConnected(x, num_hidden=2, name="a")
    return {
        "same": t.same_symbol_structure(a, mx.sym.FullyConnected(y, num_hidden=3, name="b")),
        "other": t.same_symbol_structure(x + y, x * y),
        "prefix": t.same_symbol_structure(x, mx.sym.sin(x)),
    }


@program
def surroundings(mx, ctx):
    t, found = mx.test_utils, {}
    name = "TEST_UTILS_VARIABLE"
    os.environ.pop(name, None)

    def within(*args):
        with t.environment(*args):
            return os.environ.get(name)

    def failing():
        with t.environment(name, "3"):
            raise ValueError("no")

    found["environment"] = [
        within(name, "1"), within({name: "2", "TEST_UTILS_OTHER": "x"}), outcome(failing),
        os.environ.get(name),
        outcome(lambda: within(name)), outcome(lambda: within(name, "1", "2")),
    ]  # fmt: skip
    os.environ[name] = "before"
    found["unset"] = [within(name, None), os.environ.pop(name)]
    found["cd"] = [outcome(t.is_cd_run)]
    with t.environment("CD_JOB", "1"):
        found["cd"].append(t.is_cd_run())
    found["machine"] = [t.is_aarch64_run(), t.has_tvm_ops(), t.is_op_runnable()]
    with t.discard_stderr():
        os.write(2, b"")
    found["context"] = [str(t.default_context())]
    t.set_default_context(mx.cpu(3))
    found["context"] += [str(t.default_context()), str(mx.current_context())]
    with mx.cpu(2):
        t.set_default_context(mx.cpu(1))
        found["context"].append(str(mx.current_context()))
    found["context"].append(str(mx.current_context()))
    t.set_default_context(mx.cpu())
    batches = mx.io.NDArrayIter(numbers(5, 2), numbers(5), 2)
    dummy = t.DummyIter(batches)
    found["dummy"] = [
        dummy.next().data[0], next(dummy).label[0], next(iter(dummy)).pad, dummy.batch_size,
        [d.name for d in dummy.provide_data + dummy.provide_label], isinstance(dummy, mx.io.DataIter),
    ]  # fmt: skip
    a = mx.nd.array(numbers(4, 2) * 8, ctx)
    b = a.copy()
    found["same_array"] = [
        t.same_array(a, a),
        t.same_array(a, b),
        t.same_array(a, a[0:4]),
        t.same_array(a, a[0:2]),
    ]
    found["untouched"] = a
    return found


def layer(mx):
    data = mx.sym.Variable("data")
    return mx.sym.FullyConnected(mx.sym.tanh(data), num_hidden=3, name="fc")


def quietly(call):
    """`outcome` without warnings: cysym says which values of a list it ignores."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return outcome(call)


def layer_values():
    return {"data": numbers(2, 4), "fc_weight": numbers(3, 4, shift=1), "fc_bias": numbers(3, shift=2)}


@program(
    rtol=1e-4,
    atol=1e-5,
    differs={
        "forward/integer": "the type of an argument is no failed assertion",
        "forward/type": "MXNet fails on the way to its message",
        "backward/mixed": "MXNet's FullyConnected forgets the bias when the weight has no gradient",
    },
)
def symbolic(mx, ctx):
    t, net, values = mx.test_utils, layer(mx), layer_values()
    out = np.tanh(values["data"]) @ values["fc_weight"].T + values["fc_bias"]
    head = numbers(2, 3, shift=3)
    grads = {
        "data": (head @ values["fc_weight"]) * (1 - np.tanh(values["data"]) ** 2),
        "fc_weight": head.T @ np.tanh(values["data"]), "fc_bias": head.sum(0),
    }  # fmt: skip
    listed = [values[n] for n in net.list_arguments()]
    right = [grads[n] for n in net.list_arguments()]
    wrong = dict(grads, fc_weight=grads["fc_weight"] + 0.5)

    def forward(location=values, expected=(out,), **kwargs):
        return quietly(lambda: t.check_symbolic_forward(net, location, expected, ctx=ctx, **kwargs))

    def backward(expected=grads, **kwargs):
        np.random.seed(5)
        return quietly(lambda: t.check_symbolic_backward(net, values, [head], expected, ctx=ctx, **kwargs))

    bn = mx.sym.BatchNorm(mx.sym.Variable("x"), fix_gamma=False, eps=1e-5, name="bn")
    bn_values = [numbers(4, 2), numbers(2, shift=1), numbers(2, shift=2)]
    bn_out = bn_values[0] / np.sqrt(4.0 + 1e-5) * bn_values[1] + bn_values[2]
    states = [np.zeros(2), np.full(2, 4.0)]
    return {
        "forward": {
            "dict": forward(), "list": forward(listed), "named": forward(expected={"fc_output": out}),
            "wrong": forward(expected=[out + 1]), "loose": forward(expected=[out + 1], atol=2.0),
            "missing": forward({"data": values["data"]}), "short": forward(listed[:2]),
            "other name": forward(dict(values, other=out)), "type": forward(expected=[5]),
            "float64": forward(dtype=np.float64),
            "half": outcome(lambda: t.check_symbolic_forward(
                mx.sym.Variable("x") * 3, [head], [head * 3], dtype=np.float16, ctx=ctx)),
            "asnumpy": forward({k: v.astype(np.float64) for k, v in values.items()}, dtype="asnumpy"),
            "integer": forward(dtype=np.int32), "surplus": forward(expected=[out, out + 1]),
            "surplus by name": forward(expected={"fc_output": out, "other": out}),
            "surplus values": forward([*listed, out]), "a name less": forward(expected={"other": out}),
            "nan": [forward(expected=[out * np.nan], equal_nan=nan) for nan in (False, True)],
            "aux": outcome(lambda: t.check_symbolic_forward(bn, bn_values, [bn_out], aux_states=states,
                    ctx=ctx)),
            "aux dict": outcome(lambda: t.check_symbolic_forward(bn, bn_values, [bn_out], ctx=ctx,
                    aux_states={
                "bn_moving_mean": states[0], "bn_moving_var": states[1]})),
            "aux wrong": outcome(lambda: t.check_symbolic_forward(bn, bn_values, [bn_out],
                    aux_states={"a": 1}, ctx=ctx)),
        },
        "backward": {
            "write": backward(), "add": backward(grad_req="add"), "list": backward(right),
            "surplus": backward([*right, head]), "surplus requests": backward(grad_req=["write"] * 4),
            "some": backward(right[:2]), "wrong": backward(wrong), "null": backward(wrong, grad_req="null"),
            "mixed": backward(grad_req={"data": "add", "fc_weight": "null", "fc_bias": "write"}),
            "requests": backward(grad_req=["add", "write", "null"]), "unknown": backward(grad_req="sum"),
            "float64": backward(dtype=np.float64), "other": backward({"other": head}),
            "loss": outcome(lambda: t.check_symbolic_backward(
                mx.sym.make_loss(mx.sym.Variable("x") * 3), [head], None, [np.full((2, 3), 3.0)], ctx=ctx)),
            "heads by name": outcome(lambda: t.check_symbolic_backward(
                net, values, {"fc_output": head}, grads, ctx=ctx)["fc_bias"].shape),
        },
    }  # fmt: skip


@program(
    rtol=2e-3,
    atol=2e-3,
    differs={
        "eps/0": "the size of an argument is no failed assertion",
        "location/1": "the type of an argument is no failed assertion",
    },
)
def numeric(mx, ctx):
    t, net, values = mx.test_utils, layer(mx), layer_values()

    def check(sym=net, location=values, **kwargs):
        np.random.seed(11)
        kwargs.setdefault("dtype", np.float64)
        kwargs.setdefault("atol", 1e-6)
        return outcome(lambda: t.check_numeric_gradient(sym, location, ctx=ctx, **kwargs))

    x = mx.sym.Variable("x")
    arrays = {k: mx.nd.array(v, ctx, "float64") for k, v in values.items()}
    ex = net.bind(ctx, args=arrays)
    estimated = t.numeric_grad(ex, {k: v.astype(np.float64) for k, v in values.items()}, dtype=np.float64)
    biased = mx.sym.BlockGrad(x * x) + x  # its gradient lacks a part
    return {
        "estimated": {k: estimated[k] for k in sorted(estimated)},
        "arguments after": {k: arrays[k] for k in sorted(arrays)},
        "right": [check(), check(dtype=np.float32, atol=2e-2),
            check(location=[values[n] for n in net.list_arguments()])],
        "wrong": [check(biased, [numbers(3)]), check(biased, [numbers(3)], atol=10.0)],
        "inference": check(use_forward_train=False),
        "nodes": [
            check(grad_nodes=["data"]), check(grad_nodes={"data": "add", "fc_bias": "null"}),
            check(biased, [numbers(3)], grad_nodes={"x": "null"}), check(grad_nodes=["z"]),
            check(grad_nodes=3),
            check(grad_nodes={"data": "sum"}),
        ],
        "location": [check(location={"data": values["data"]}), check(location=values["data"])],
        "eps": [check(dtype=np.float32, numeric_eps=1e-7)],
        "outputs": check(mx.sym.split(x, num_outputs=3, axis=0), [numbers(3)]),
        "forward": [
            outcome(lambda: t.simple_forward(net, ctx, **values)),
            outcome(lambda: t.simple_forward(net, ctx, data=1)),
            t.simple_forward(mx.sym.Group([x * 2, x + 1]), ctx, True, x=numbers(2)),
        ],
    }  # fmt: skip


@program(
    rtol=1e-4,
    atol=1e-5,
    differs={
        "refused/0": "the number of contexts is no failed assertion",
        "refused/1": "the number of symbols is no failed assertion",
        "unequal": "symbols that cannot be compared are no failed assertion",
    },
)
def consistency(mx, ctx):
    t, net = mx.test_utils, layer(mx)

    def run(sym=net, types=("float32", "float64"), **kwargs):
        contexts = [
            {"ctx": ctx, "data": (2, 4), "type_dict": {"data": np.dtype(name).type}} for name in types
        ]
        np.random.seed(13)
        return quietly(lambda: t.check_consistency(sym, contexts, **kwargs))

    x = mx.sym.Variable("data")
    other = mx.sym.FullyConnected(mx.sym.sin(x), num_hidden=3, name="fc")
    values = layer_values()
    truth = run(types=("float64", "float32"), arg_params=dict(values))
    fixed = {"arg_params": dict(values), "types": ("float64", "float32")}
    wrong = {k: v.asnumpy() + 0.5 for k, v in truth.items()}
    return {
        "normal": run(), "uniform": run(use_uniform=True, scale=2.0), "rounded": run(rand_type=np.float16),
        "half": run(mx.sym.sin(x, name="sin"), ("float16", "float32", "float64", "float32")),
        "null": run(grad_req="null"), "add": run(grad_req="add"), "given": truth,
        "some": sorted(k for k, v in run(grad_req={"data": "write"}).items() if v is not None),
        "two symbols": [run([net, net], types=("float32",) * 2, grad_req="null"),
                        run([net, other], types=("float32",) * 2)],
        "loose": run([net, other], types=("float32",) * 2, rtol=100, atol=100, grad_req="null"),
        "truth": [sorted(run(ground_truth=truth, **fixed)), run(ground_truth=wrong, **fixed)],
        "refused": [run(types=("float32",)), run([net], types=("float32",) * 2)],
        "unequal": run([net, mx.sym.sin(x)], types=("float32",) * 2),
        "surplus": run(arg_params=dict(values, other=values["data"])),
    }  # fmt: skip


@program
def optimizers_and_speed(mx, ctx):
    t, net = mx.test_utils, layer(mx)
    sgd = mx.optimizer.SGD

    def compare(one, other, shape=(2, 3), **kwargs):
        with ctx:
            return outcome(lambda: t.compare_optimizer(one, other, shape, np.float32, **kwargs))

    def speed(**kwargs):
        found = outcome(lambda: t.check_speed(net, ctx=ctx, N=2, **kwargs))
        return found if isinstance(found, str) else found > 0

    return {
        "optimizers": [
            compare(sgd(momentum=0.9), sgd(momentum=0.9)), compare(sgd(), sgd(learning_rate=0.5)),
            compare(mx.optimizer.Adam(), mx.optimizer.Adam()),
            compare(mx.optimizer.Adam(), mx.optimizer.Adam(beta1=0.5)),
            compare(mx.optimizer.Adam(), mx.optimizer.Adam(beta1=0.5), rtol=9, atol=9),
        ],
        "speed": [
            speed(data=(2, 4)), speed(data=(2, 4), typ="forward"), speed(location=layer_values()),
            speed(data=(2, 4), grad_req="null"), speed(data=(2, 4), typ="both"),
        ],
    }  # fmt: skip
