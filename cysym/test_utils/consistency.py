"""Comparisons of two ways to compute the same: contexts and element types, optimizers, graphs.

`check_consistency` is how one finds an operator that is wrong on one device. Comparison with given arrays is
in symbolic.py.
"""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from .. import ndarray as nd
from .. import random
from ..executor import Executor
from ..ndarray import NDArray
from ..symbol import Symbol
from .comparison import as_numpy, assert_almost_equal, compare_ndarray_tuple
from .surroundings import default_context
from .tolerance import Tolerance, get_tols

if TYPE_CHECKING:
    from ..optimizer import Optimizer

Array = np.ndarray[Any, Any]


def check_consistency(
    sym: Symbol | Sequence[Symbol],
    ctx_list: Sequence[Mapping[str, Any]],
    scale: float = 1.0,
    grad_req: Any = "write",
    arg_params: Mapping[str, Any] | None = None,
    aux_params: Mapping[str, Any] | None = None,
    rtol: Tolerance = None,
    atol: Tolerance = None,
    raise_on_err: bool = True,
    ground_truth: Mapping[str, Any] | None = None,
    equal_nan: bool = False,
    use_uniform: bool = False,
    rand_type: Any = np.float64,
) -> dict[str, Any]:
    """Raise AssertionError unless a symbol computes the same on all contexts and in all element types.

    Compared are the outputs in inference, and in training the outputs and all gradients, with the outputs of
    the first context (rounded to the least precise type) as head gradients.

    Parameters
    ----------
    sym
        Symbol, or one for each context; they have the same arguments and outputs.
    ctx_list
        What `simple_bind` takes, as dicts: ``{"ctx": mx.gpu(0), "data": (2, 3), "type_dict": {"data":
        np.float32}}``. The first whose first output has the most precise type is what the others are held to.
    scale
        Standard deviation of the arguments' random values; with `use_uniform` they are from
        ``[-0.92 scale, 0.92 scale)``.
    grad_req
        As in `simple_bind`; "null" compares no gradients.
    arg_params, aux_params
        Values of arguments and auxiliary states; default: random numbers, and 0 for auxiliary states. Names
        that the symbol has not are ignored with a warning (in MXNet without).
    rtol, atol
        Numbers, or dicts from element type to number; default: those of the less precise of the two types.
    raise_on_err
        False: print what differs and go on.
    ground_truth
        Outputs and gradients by name that all contexts are held to instead.
    equal_nan
        Two NaN are equal.
    use_uniform
        Uniform random values instead of normal ones.
    rand_type
        Element type the random values are rounded to.

    Returns
    -------
    dict
        What the contexts were held to, by name of output or argument.

    >>> import cysym as mx
    >>> types = [{"ctx": mx.cpu(), "x": (2,), "type_dict": {"x": t}} for t in ("float32", "float64")]
    >>> sorted(check_consistency(mx.sym.tanh(mx.sym.Variable("x"), name="tanh"), types))
    ['tanh_output', 'x']
    """
    symbols = [sym] * len(ctx_list) if isinstance(sym, Symbol) else list(sym)
    _check_symbols(symbols, ctx_list)
    executors: list[Executor] = [s.simple_bind(grad_req=grad_req, **c) for s, c in zip(symbols, ctx_list)]
    _fill(executors, dict(arg_params or {}), dict(aux_params or {}), scale, use_uniform, rand_type)
    types = [np.dtype(e.outputs[0].dtype) for e in executors]
    best = max(range(len(types)), key=lambda i: types[i].itemsize)

    for executor in executors:
        executor.forward(is_train=False)
    held_to: dict[str, Any] = (
        dict(executors[best].output_dict) if ground_truth is None else dict(ground_truth)
    )
    comparison = _Comparison(executors, types, held_to, best, rtol, atol, equal_nan, raise_on_err)
    others = [i for i in range(len(executors)) if ground_truth is not None or i != best]
    output_names = symbols[0].list_outputs()
    for i in others:
        for name, value in zip(output_names, executors[i].outputs):
            comparison.compare(i, name, value, "inference")
    if not isinstance(grad_req, str) or grad_req != "null":
        _run_training(executors)
        if ground_truth is None:
            held_to.update(executors[best].grad_dict)
        for i in others:
            for name, value in zip(output_names, executors[i].outputs):
                comparison.compare(i, name, value, "training")
            for name, gradient in executors[i].grad_dict.items():
                comparison.compare(i, name, gradient, "gradient")
    return held_to


def _check_symbols(symbols: Sequence[Symbol], ctx_list: Sequence[Any]) -> None:
    if len(ctx_list) < 2 or len(symbols) != len(ctx_list):
        raise ValueError(
            f"check_consistency compares two contexts or more, each with a symbol: got {len(ctx_list)} "
            f"contexts and {len(symbols)} symbols"
        )
    for what in ("arguments", "outputs"):
        lists = [getattr(s, f"list_{what}")() for s in symbols]
        for other in lists[1:]:
            if other != lists[0]:
                raise ValueError(f"the symbols' {what} differ: {lists[0]} and {other}")


def _fill(
    executors: Sequence[Executor],
    arguments: dict[str, Any],
    states: dict[str, Any],
    scale: float,
    use_uniform: bool,
    rand_type: Any,
) -> None:
    """The same values in all executors; random ones in the order of names, as MXNet draws them."""
    for given, known in ((arguments, executors[0].arg_dict), (states, executors[0].aux_dict)):
        unknown = [name for name in given if name not in known]
        if unknown:
            warnings.warn(f"values for {unknown} are ignored: names are {list(known)}", stacklevel=3)
    for name, a in sorted(executors[0].arg_dict.items()):
        if name in arguments:
            continue
        if use_uniform:
            values: Any = np.random.uniform(low=-0.92 * scale, high=0.92 * scale, size=a.shape)
        else:
            values = np.random.normal(size=a.shape, scale=scale)
        arguments[name] = np.asarray(values).astype(rand_type)
    for executor in executors:
        for name, a in executor.arg_dict.items():
            a[:] = arguments[name]
        for name, a in executor.aux_dict.items():
            a[:] = states.get(name, 0)


def _run_training(executors: Sequence[Executor]) -> None:
    for executor in executors:
        executor.forward(is_train=True)
    heads = []
    for k, output in enumerate(executors[0].outputs):
        least = min((np.dtype(e.outputs[k].dtype) for e in executors), key=lambda t: t.itemsize)
        heads.append(output.asnumpy().astype(least))
    for executor in executors:
        executor.backward(
            [nd.array(h, ctx=o.context, dtype=o.dtype) for h, o in zip(heads, executor.outputs)]
        )


class _Comparison:
    """What arrays are held to, and how closely."""

    def __init__(
        self,
        executors: Sequence[Executor],
        types: Sequence[np.dtype[Any]],
        held_to: Mapping[str, Any],
        best: int,
        rtol: Tolerance,
        atol: Tolerance,
        equal_nan: bool,
        raise_on_err: bool,
    ) -> None:
        self._executors, self._types, self._held_to, self._best = executors, types, held_to, best
        self._rtol, self._atol = rtol, atol
        self._equal_nan, self._raise = equal_nan, raise_on_err

    def compare(self, i: int, name: str, found: NDArray | None, phase: str) -> None:
        if name not in self._held_to:
            raise KeyError(f"ground_truth has no {name!r}, which was computed")
        wanted: Any = self._held_to[name]
        if wanted is None and found is None:
            return
        where = f"context {i} ({self._executors[i].outputs[0].context}, {self._types[i]})"
        if wanted is None or found is None:
            raise AssertionError(
                f"{phase} of {name}: computed on one context only, not on the other; {where}"
            )
        try:
            self._assert_close(i, found, wanted)
        except AssertionError as error:
            text = f"{phase} of {name}: {where} differs from context {self._best}, or the given truth.{error}"
            if self._raise:
                raise AssertionError(text) from None
            print(text)

    def _assert_close(self, i: int, found: NDArray, wanted: Any) -> None:
        """With the tolerance of the coarser of an array's type and its context's: a float32 gradient computed
        from float16 data is no better than those."""
        one, other = as_numpy(found), as_numpy(wanted)
        pair = [_coarser(one, self._types[i]), _coarser(other, self._types[self._best])]
        rtol, atol = get_tols(pair[0], pair[1], self._rtol, self._atol)
        assert_almost_equal(one, other, rtol, atol, equal_nan=self._equal_nan)


def _coarser(values: Array, dtype: np.dtype[Any]) -> Array:
    """A stand-in for `values` in the smaller of its type and another, for the choice of a tolerance."""
    return np.empty(0, values.dtype if values.dtype.itemsize < dtype.itemsize else dtype)


def compare_optimizer(
    opt1: Optimizer,
    opt2: Optimizer,
    shape: Any,
    dtype: Any,
    w_stype: str = "default",
    g_stype: str = "default",
    rtol: float = 1e-4,
    atol: float = 1e-5,
    compare_states: bool = True,
    ntensors: int = 1,
) -> None:
    """Raise AssertionError unless one step of two optimizers changes weights (and states) alike.

    Parameters
    ----------
    opt1, opt2
        Optimizers; the second may update several weights at once.
    shape
        Shape of a weight, or a list of `ntensors` shapes.
    dtype
        Element type of weights and gradients.
    w_stype, g_stype
        Storage; only "default" exists.
    rtol, atol
        Tolerances.
    compare_states
        Compare the optimizers' states, too.
    ntensors
        Number of weights that `opt2` updates in one call.
    """
    for what, stype in (("w_stype", w_stype), ("g_stype", g_stype)):
        if stype != "default":
            raise NotImplementedError(
                f"compare_optimizer: {what} is {stype!r}, but sparse arrays are absent here"
            )
    several = isinstance(shape, list)
    shapes = shape if several else [shape]
    if ntensors != len(shapes):
        raise ValueError(f"compare_optimizer: ntensors is {ntensors}, but there are {len(shapes)} shapes")
    weights, gradients = [], []
    for s in shapes:
        weights.append(random.uniform(shape=s, ctx=default_context(), dtype=dtype))
        gradients.append(random.uniform(shape=s, ctx=default_context(), dtype=dtype))
    other_weights, other_gradients = copy.deepcopy(weights), copy.deepcopy(gradients)
    states = [opt1.create_state_multi_precision(i, w) for i, w in enumerate(weights)]
    other_states = [opt2.create_state_multi_precision(0, w) for w in other_weights]
    if compare_states:
        compare_ndarray_tuple(tuple(states), tuple(other_states))
    for i, weight in enumerate(weights):
        opt1.update_multi_precision(i, weight, gradients[i], states[i])
    if several:
        together: Any = opt2  # optimizers for one weight do not say that they take lists
        together.update_multi_precision(
            list(range(ntensors)), tuple(other_weights), tuple(other_gradients), other_states
        )
    else:
        opt2.update_multi_precision(0, other_weights[0], other_gradients[0], other_states[0])
    if compare_states:
        compare_ndarray_tuple(tuple(states), tuple(other_states), rtol, atol)
    compare_ndarray_tuple(tuple(weights), tuple(other_weights), rtol, atol)


def same_symbol_structure(sym1: Symbol, sym2: Symbol) -> bool:
    """Whether the nodes of two graphs, in order, are of the same operators; names and parameters may differ.

    >>> import cysym as mx
    >>> x = mx.sym.Variable("x")
    >>> same_symbol_structure(x + x, x * x)
    False
    """
    one, other = ([node["op"] for node in json.loads(s.tojson())["nodes"]] for s in (sym1, sym2))
    return one == other


def check_gluon_hybridize_consistency(
    net_builder: Callable[..., Any],
    data_l: Sequence[Any],
    numpy_func: Callable[..., Any] | None = None,
    test_grad: bool = True,
    rtol: float = 1e-4,
    atol: float = 1e-4,
) -> NoReturn:
    """Always raises NotImplementedError: gluon is absent."""
    raise NotImplementedError(
        "check_gluon_hybridize_consistency: gluon is absent here; build a Symbol and use check_consistency"
    )
