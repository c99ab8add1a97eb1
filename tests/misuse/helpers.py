"""test_utils, and the small modules: base, util, runtime, engine, context."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

import cysym as mx

from . import Rows
from .symbols import arrays, executor, net

ROWS = Rows()
tu = mx.test_utils
A = np.arange(6, dtype=np.float64).reshape(2, 3)

for name in ("almost_equal", "assert_almost_equal", "assert_allclose"):
    more = {"equal_nan": False} if name == "assert_allclose" else {"equal_nan": False, "use_broadcast": True}
    ROWS.call(f"test_utils.{name}", getattr(tu, name), a=A, b=A + 1e-9, rtol=1e-5, atol=1e-8, **more)
ROWS.call(
    "test_utils.assert_almost_equal_ignore_nan",
    tu.assert_almost_equal_ignore_nan,
    a=A,
    b=A,
    rtol=1e-5,
    atol=1e-8,
    names=("a", "b"),
)
ROWS.call(
    "test_utils.assert_almost_equal_with_err",
    tu.assert_almost_equal_with_err,
    a=A,
    b=A,
    rtol=1e-5,
    atol=1e-8,
    etol=0.1,
    names=("a", "b"),
    equal_nan=False,
)
ROWS.call(
    "test_utils.assert_exception",
    tu.assert_exception,
    f=lambda x: int(x),
    exception_type=ValueError,
    x="u",
    lax=True,
    skip=("x",),
)
ROWS.call("test_utils.same", tu.same, a=A, b=A)
ROWS.call("test_utils.same_array", tu.same_array, array1=mx.nd.ones((2,)), array2=mx.nd.ones((2,)))
ROWS.call("test_utils.np_reduce", tu.np_reduce, dat=A, axis=(0,), keepdims=True, numpy_reduce_func=np.sum)
ROWS.call("test_utils.collapse_sum_like", tu.collapse_sum_like, a=A, shape=(1, 3))
ROWS.call("test_utils.assign_each", tu.assign_each, the_input=A, function=lambda x: x + 1)
ROWS.call("test_utils.assign_each2", tu.assign_each2, input1=A, input2=A, function=lambda x, y: x + y)
ROWS.call(
    "test_utils.rand_ndarray",
    tu.rand_ndarray,
    shape=(2, 3),
    stype="default",
    density=None,
    dtype="float32",
    distribution=None,
    ctx=mx.cpu(),
)
for n in (2, 3):
    ROWS.call(
        f"test_utils.rand_shape_{n}d", getattr(tu, f"rand_shape_{n}d"), dim0=4, dim1=4, allow_zero_size=False
    )
ROWS.call("test_utils.rand_shape_nd", tu.rand_shape_nd, num_dim=3, dim=4, allow_zero_size=False)
ROWS.call("test_utils.rand_coord_2d", tu.rand_coord_2d, x_low=0, x_high=3, y_low=0, y_high=3)
ROWS.call("test_utils.random_arrays", lambda shape: tu.random_arrays(shape), shape=(2, 3))
ROWS.call("test_utils.random_sample", tu.random_sample, population=[1, 2, 3], k=2)
ROWS.call("test_utils.create_2d_tensor", tu.create_2d_tensor, rows=2, columns=3, dtype="int64")
ROWS.call("test_utils.create_vector", tu.create_vector, size=4, dtype="int64")
ROWS.call("test_utils.get_identity_mat", tu.get_identity_mat, size=3)
ROWS.call("test_utils.get_identity_mat_batch", tu.get_identity_mat_batch, size=3)
ROWS.call("test_utils.new_matrix_with_real_eigvals_2d", tu.new_matrix_with_real_eigvals_2d, n=3)
ROWS.call(
    "test_utils.new_sym_matrix_with_real_eigvals_nd", tu.new_sym_matrix_with_real_eigvals_nd, shape=(2, 3, 3)
)
ROWS.call("test_utils.retry", lambda n: tu.retry(n)(lambda: 3)(), n=2)
ROWS.call("test_utils.get_rtol", tu.get_rtol, rtol=1e-3, dtype="float32")
ROWS.call("test_utils.get_atol", tu.get_atol, atol=1e-3, dtype="float32")
ROWS.call("test_utils.get_tols", tu.get_tols, x=A, y=A, rtol=None, atol=None)
ROWS.call("test_utils.effective_dtype", tu.effective_dtype, dat=A)
ROWS.call(
    "test_utils.gen_buckets_probs_with_ppf",
    tu.gen_buckets_probs_with_ppf,
    ppf=lambda q: q,
    nbuckets=4,
    skip=("nbuckets",),
)
UNIFORM = {"buckets": [(0, 0.5), (0.5, 1)], "probs": [0.5, 0.5], "nsamples": 2000}
ROWS.call(
    "test_utils.chi_square_check",
    tu.chi_square_check,
    generator=lambda n: np.random.rand(n),
    skip=("nsamples",),
    **UNIFORM,
)
ROWS.call(
    "test_utils.verify_generator",
    tu.verify_generator,
    generator=lambda n: np.random.rand(n),
    nrepeat=2,
    success_rate=0.1,
    alpha=0.01,
    skip=("nsamples", "nrepeat"),
    **UNIFORM,
)
ROWS.call(
    "test_utils.mean_check",
    tu.mean_check,
    generator=lambda n: np.random.randn(n),
    mu=0.0,
    sigma=1.0,
    nsamples=1000,
    skip=("nsamples",),
)
ROWS.call(
    "test_utils.var_check",
    tu.var_check,
    generator=lambda n: np.random.randn(n),
    sigma=1.0,
    nsamples=1000,
    skip=("nsamples",),
)
ROWS.on(
    "test_utils.environment",
    lambda f: None,
    lambda _, variable, value: within(tu.environment(variable, value)),
    {"variable": "CYSYM_NO_SUCH", "value": "1"},
)


def within(manager: Any) -> Any:
    before = dict(os.environ)
    with manager:
        inside = os.environ.get("CYSYM_NO_SUCH")
    return inside, before == dict(os.environ)


ROWS.on(
    "test_utils.set_default_context",
    lambda f: None,
    lambda _, **a: (
        before := mx.context.current_context(),
        tu.set_default_context(**a),
        tu.set_default_context(before),
    )[1],
    {"ctx": mx.cpu()},
)
ROWS.on(
    "test_utils.simple_forward",
    net,
    lambda n, **a: tu.simple_forward(n, **a),
    lambda n: {"ctx": mx.cpu(), "is_train": False, **{k: v.asnumpy() for k, v in arrays().items()}},
)
ROWS.on(
    "test_utils.same_symbol_structure",
    net,
    lambda n, **a: tu.same_symbol_structure(**a),
    lambda n: {"sym1": n, "sym2": n},
)


def expected() -> Any:
    a = {k: v.asnumpy() for k, v in arrays().items()}
    return np.tanh(a["data"]) @ a["fc_weight"].T + a["fc_bias"]


ROWS.on(
    "test_utils.check_symbolic_forward",
    net,
    lambda n, **a: tu.check_symbolic_forward(n, **a),
    lambda n: {
        "location": arrays(),
        "expected": [expected()],
        "rtol": 1e-3,
        "atol": 1e-4,
        "aux_states": None,
        "ctx": mx.cpu(),
        "equal_nan": False,
        "dtype": np.float32,
    },
    lax=True,
)
ROWS.on(
    "test_utils.check_symbolic_backward",
    net,
    lambda n, **a: tu.check_symbolic_backward(n, **a),
    lambda n: {
        "location": arrays(),
        "out_grads": [mx.nd.ones((2, 3))],
        "expected": {"fc_bias": np.full(3, 2.0)},
        "rtol": 1e-3,
        "atol": 1e-4,
        "aux_states": None,
        "grad_req": "write",
        "ctx": mx.cpu(),
        "equal_nan": False,
        "dtype": np.float32,
    },
    lax=True,
)
ROWS.on(
    "test_utils.check_numeric_gradient",
    net,
    lambda n, **a: tu.check_numeric_gradient(n, **a),
    lambda n: {
        "location": {k: v.asnumpy() for k, v in arrays().items()},
        "aux_states": None,
        "numeric_eps": 1e-3,
        "rtol": 1e-2,
        "atol": 1e-2,
        "grad_nodes": ["fc_bias"],
        "use_forward_train": True,
        "ctx": mx.cpu(),
        "dtype": np.float64,
    },
    lax=True,
)
ROWS.on(
    "test_utils.check_consistency",
    net,
    lambda n, **a: type(tu.check_consistency(n, **a)).__name__,
    lambda n: {
        "ctx_list": [{"ctx": mx.cpu(), "data": (2, 4), "type_dict": {"data": np.float32}}] * 2,
        "scale": 1.0,
        "grad_req": "write",
        "arg_params": None,
        "aux_params": None,
        "rtol": None,
        "atol": None,
        "raise_on_err": True,
        "ground_truth": None,
        "equal_nan": False,
        "use_uniform": False,
        "rand_type": np.float64,
    },
    lax=True,
)
ROWS.on(
    "test_utils.check_speed",
    net,
    lambda n, **a: type(tu.check_speed(n, **a)).__name__,
    lambda n: {
        "location": {k: v.asnumpy() for k, v in arrays().items()},
        "ctx": mx.cpu(),
        "N": 2,
        "grad_req": "write",
        "typ": "whole",
    },
    skip=("N",),
)
ROWS.on(
    "test_utils.compare_optimizer",
    lambda f: None,
    lambda _, **a: tu.compare_optimizer(**a),
    lambda _: {
        "opt1": mx.optimizer.SGD(momentum=0.9),
        "opt2": mx.optimizer.SGD(momentum=0.9),
        "shape": (2, 3),
        "dtype": "float32",
        "w_stype": "default",
        "g_stype": "default",
        "rtol": 1e-4,
        "atol": 1e-5,
        "compare_states": True,
    },
)
ROWS.on(
    "test_utils.numeric_grad",
    executor,
    lambda e, **a: tu.numeric_grad(e, **a),
    lambda e: {
        "location": arrays(),
        "aux_states": {},
        "eps": 1e-3,
        "use_forward_train": True,
        "dtype": np.float32,
    },
)
ROWS.on(
    "test_utils.DummyIter",
    lambda f: None,
    lambda _, **a: next(tu.DummyIter(**a)),
    lambda _: {"real_iter": mx.io.NDArrayIter(A, None, 2)},
)

for row in ROWS.rows:  # these are tests themselves
    row.lax = True
    row.endless = ("rows", "columns", "size", "n", "num_dim", "shape")
    row.skip = (*row.skip, *(("shape", "n") if "eigvals" in row.name else ()))

# --- small modules ------------------------------------------------------------------------------------------
ROWS.call("base.c_str", mx.base.c_str, string="abc")
ROWS.call("base.py_str", mx.base.py_str, x=b"abc")
ROWS.call(
    "base.build_param_doc",
    mx.base.build_param_doc,
    arg_names=["a"],
    arg_types=["int"],
    arg_descs=["b"],
    remove_dup=True,
)
ROWS.call("util.makedirs", mx.util.makedirs, d=os.curdir)
ROWS.call("util.getenv", mx.util.getenv, name="HOME")
ROWS.on(
    "util.setenv",
    lambda f: None,
    lambda _, name, value: (mx.util.setenv(name, value), os.environ.pop(name, None))[1],
    {"name": "CYSYM_NO_SUCH", "value": "1"},
)
ROWS.call("util.np_shape", lambda active: within(mx.util.np_shape(active)), active=True)
ROWS.call("util.use_np_shape", lambda func: type(mx.util.use_np_shape(func)).__name__, func=lambda x: x)
ROWS.call("util.set_module", lambda module: mx.util.set_module(module)(lambda: 3).__module__, module="m")
ROWS.call(
    "runtime.Features.is_enabled",
    lambda feature_name: mx.runtime.Features().is_enabled(feature_name),
    raises=(RuntimeError,),
    feature_name="OPENMP",
)
ROWS.call("engine.bulk", lambda size: within(mx.engine.bulk(size)), size=3)
ROWS.call(
    "engine.set_bulk_size",
    lambda size: mx.engine.set_bulk_size(mx.engine.set_bulk_size(size)) and None,
    size=3,
)
ROWS.call("Context", lambda **a: str(mx.Context(**a)), device_type="cpu", device_id=0)
for name in ("cpu", "gpu", "cpu_pinned"):
    ROWS.call(
        f"context.{name}", lambda device_id, name=name: str(getattr(mx.context, name)(device_id)), device_id=0
    )
ROWS.call("random.seed", lambda **a: mx.random.seed(**a), seed_state=3, ctx="all")
if mx.context.opencl_devices():
    ROWS.call("util.get_gpu_memory", mx.util.get_gpu_memory, gpu_dev_id=0)
    ROWS.call(
        "context.gpu_memory_info", lambda device_id: len(mx.context.gpu_memory_info(device_id)), device_id=0
    )
