"""Checks of a symbol's outputs and gradients against given arrays, and its speed.

Each binds the symbol once to arrays made from the caller's (see locations.py) and compares what an executor
gives. Finite differences are in gradient.py, comparisons of contexts in consistency.py.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from .. import ndarray as nd
from ..context import Context
from ..ndarray import NDArray
from ..symbol import Symbol
from .comparison import as_numpy, assert_almost_equal
from .gradient import dense_only
from .locations import array_like, by_name, float_type, parse_aux_states, parse_location, requests_of
from .surroundings import default_context
from .tolerance import Tolerance


def check_symbolic_forward(
    sym: Symbol,
    location: Any,
    expected: Any,
    rtol: Tolerance = None,
    atol: Tolerance = None,
    aux_states: Any = None,
    ctx: Context | None = None,
    equal_nan: bool = False,
    dtype: Any = np.float32,
) -> list[NDArray]:
    """Raise AssertionError unless a symbol's outputs, in inference, are the expected ones.

    Parameters
    ----------
    sym
        Symbol.
    location
        Values of all arguments, as a list or a dict.
    expected
        Outputs, as a list or a dict by output name. Outputs behind the end of a list are not compared, nor is
        what a dict holds under other names.
    rtol, atol
        Tolerances; default by element type.
    aux_states
        Values of the auxiliary states, as a list or a dict.
    ctx
        Where to run; default: the current context.
    equal_nan
        Two NaN are equal.
    dtype
        float16, float32 or float64, to which NumPy arrays are converted; "asnumpy": they keep their types.

    Returns
    -------
    list
        The outputs.

    >>> import cysym as mx
    >>> x, y = mx.sym.Variable("x"), mx.sym.Variable("y")
    >>> check_symbolic_forward(mx.sym.dot(x, y), [np.ones((1, 2)), np.ones((2, 1))], [np.array([[2]])])
    [
    [[2.]]
    <NDArray 1x1 @cpu(0)>]
    """
    dtype = float_type(dtype, or_asnumpy=True)
    ctx = ctx or default_context()
    values = parse_location(sym, location, ctx, dtype)
    aux = parse_aux_states(sym, aux_states, ctx, dtype)
    if isinstance(expected, Mapping):  # as in MXNet it may be a dict of more, such as all internal outputs
        expected = {name: value for name, value in expected.items() if name in sym.list_outputs()}
    by_dict = isinstance(expected, Mapping)
    wanted = by_name(expected, sym.list_outputs(), "expected outputs", whole=by_dict, error=KeyError)
    executor = sym.bind(ctx, args=values, aux_states=aux, grad_req="null")
    outputs: list[NDArray] = executor.forward(is_train=False)
    for name, output in zip(sym.list_outputs(), outputs):
        if name in wanted:
            names = (f"EXPECTED_{name}", f"FORWARD_{name}")
            assert_almost_equal(_compared(wanted[name]), output, rtol, atol, names, equal_nan=equal_nan)
    return outputs


def check_symbolic_backward(
    sym: Symbol,
    location: Any,
    out_grads: Any,
    expected: Any,
    rtol: Tolerance = None,
    atol: Tolerance = None,
    aux_states: Any = None,
    grad_req: Any = "write",
    ctx: Context | None = None,
    grad_stypes: Mapping[str, str] | None = None,
    equal_nan: bool = False,
    dtype: Any = np.float32,
) -> dict[str, NDArray]:
    """Raise AssertionError unless a symbol's gradients are the expected ones.

    The gradients' arrays hold random numbers before: with "add" they must still be in there, with "null"
    nothing else.

    Parameters
    ----------
    sym
        Symbol.
    location
        Values of all arguments, as a list or a dict.
    out_grads
        Head gradients, as a list or a dict by output name; None for losses.
    expected
        Gradients, as a list in the order of the arguments or as a dict; arguments left out are not compared.
    rtol, atol
        Tolerances; default by element type.
    aux_states
        Values of the auxiliary states, as a list or a dict.
    grad_req
        "write", "add" or "null", one for all, a list or a dict.
    ctx
        Where to run; default: the current context.
    grad_stypes
        Storage of gradients; only "default" exists.
    equal_nan
        Two NaN are equal.
    dtype
        float16, float32 or float64, to which NumPy arrays are converted; "asnumpy": they keep their types.

    Returns
    -------
    dict
        Name to gradient.
    """
    dtype = float_type(dtype, or_asnumpy=True)
    ctx = ctx or default_context()
    dense_only(grad_stypes, "grad_stypes")
    arguments = sym.list_arguments()
    values = parse_location(sym, location, ctx, dtype)
    aux = parse_aux_states(sym, aux_states, ctx, dtype)
    wanted = by_name(expected, arguments, "expected gradients", whole=False, error=KeyError)
    requests = requests_of(grad_req, arguments)
    unasked = [name for name in wanted if isinstance(grad_req, Mapping) and name not in grad_req]
    if unasked:
        raise KeyError(f"grad_req has no request for {unasked}, whose gradients are expected")
    before, grads = {}, {}
    for name in sorted(wanted):
        noise = np.random.normal(size=np.shape(wanted[name]))
        own = _compared(wanted[name]).dtype if isinstance(dtype, str) else dtype
        grads[name] = nd.array(noise, ctx=ctx, dtype=own)
        before[name] = grads[name].asnumpy()
    bound = {name: requests[name] if name in wanted else "null" for name in arguments}
    executor = sym.bind(ctx, args=values, args_grad=grads, grad_req=bound, aux_states=aux)
    executor.forward(is_train=True)
    executor.backward(_head_gradients(out_grads, ctx, dtype))
    for name, target in wanted.items():
        found = grads[name].asnumpy()
        if requests[name] == "add":
            found = found - before[name]
        names = (f"EXPECTED_{name}", f"BACKWARD_{name}")
        target = before[name] if requests[name] == "null" else _compared(target)
        assert_almost_equal(target, found, rtol, atol, names, equal_nan=equal_nan)
    return grads


def _compared(values: Any) -> Any:
    return values if hasattr(values, "dtype") else np.asarray(values)


def _head_gradients(out_grads: Any, ctx: Context, dtype: Any) -> Any:
    if isinstance(out_grads, list | tuple):
        return [g if g is None else array_like(g, ctx, dtype) for g in out_grads]
    if isinstance(out_grads, Mapping):
        return {name: array_like(g, ctx, dtype) for name, g in out_grads.items()}
    if out_grads is None:
        return None
    raise TypeError(f"out_grads must be None, a list, a tuple or a dict, got {type(out_grads)}")


def check_speed(
    sym: Symbol,
    location: Mapping[str, Any] | None = None,
    ctx: Context | None = None,
    N: int = 20,
    grad_req: Any = None,
    typ: str = "whole",
    **kwargs: Any,
) -> float:
    """Seconds one run of a symbol takes, on average over `N`, after one that does not count.

    Parameters
    ----------
    sym
        Symbol.
    location
        Values of all arguments, as a dict; default: normal numbers of the shapes in `kwargs`.
    ctx
        Where to run; default: the current context.
    N
        Runs.
    grad_req
        As in `simple_bind`; default "write".
    typ
        "whole": forward and backward, with the outputs as head gradients. "forward": forward in inference.
    **kwargs
        Shapes, as in `simple_bind`.
    """
    if typ not in ("whole", "forward"):
        raise ValueError(f'typ can only be "whole" or "forward", got {typ!r}')
    if N < 1:
        raise ValueError(f"N must be at least 1, got {N}")
    if location is not None and not isinstance(location, Mapping):
        raise TypeError(f"location must be a dict, got {type(location)}")
    ctx = ctx or default_context()
    shapes = kwargs if location is None else {name: np.shape(v) for name, v in location.items()}
    executor = sym.simple_bind(ctx, grad_req="write" if grad_req is None else grad_req, **shapes)
    if location is None:
        location = {n: np.random.normal(size=a.shape, scale=1.0) for n, a in executor.arg_dict.items()}
    for name, values in by_name(
        location, list(executor.arg_dict), "values of arguments", whole=False
    ).items():
        executor.arg_dict[name][:] = as_numpy(values).astype(executor.arg_dict[name].dtype)

    def run() -> None:
        executor.forward(is_train=typ == "whole")
        if typ == "whole":
            executor.backward(out_grads=executor.outputs)

    run()
    nd.waitall()
    start = time.perf_counter()
    for _ in range(N):
        run()
    nd.waitall()
    return (time.perf_counter() - start) / N
