"""Gradients by finite differences, and a check of an operator's gradient against them.

`numeric_grad` perturbs the arguments of an executor one element at a time; `check_numeric_gradient` compares
that with what `backward` computes under a random head gradient. See locations.py for how values are given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from .. import symbol as sym_functions
from ..base import MXNetError
from ..context import Context
from ..executor import Executor
from ..ndarray import NDArray
from ..symbol import Symbol
from .comparison import as_numpy, assert_almost_equal
from .locations import array_like, by_name, float_type, parse_aux_states, parse_location
from .surroundings import default_context
from .tolerance import Tolerance, default_dtype, default_numeric_eps, get_tolerance

Array = np.ndarray[Any, Any]

_PROJECTION = "__random_proj"


def simple_forward(sym: Symbol, ctx: Context | None = None, is_train: bool = False, **inputs: Any) -> Any:
    """Outputs of a symbol for these inputs, as NumPy arrays.

    Parameters
    ----------
    sym
        Symbol.
    ctx
        Where to run; default: the current context.
    is_train
        Run it as in training.
    **inputs
        Array of each argument; NumPy arrays become float32.

    Returns
    -------
    numpy.ndarray or list of them
        The array alone when there is one output.
    """
    ctx = ctx or default_context()
    arrays = {name: array_like(value, ctx, default_dtype()) for name, value in inputs.items()}
    outputs = [o.asnumpy() for o in sym.bind(ctx, args=arrays).forward(is_train=is_train)]
    return outputs[0] if len(outputs) == 1 else outputs


def numeric_grad(
    executor: Executor,
    location: Any,
    aux_states: Any = None,
    eps: float = 1e-4,
    use_forward_train: bool = True,
    dtype: Any = np.float32,
) -> dict[str, Array]:
    """Gradient of the sum of an executor's first output by central differences.

    ``(f(x + eps/2) - f(x - eps/2)) / eps`` for each element of each floating-point argument; the arguments
    come back as they were.

    Parameters
    ----------
    executor
        Computes f; its gradients are not touched.
    location
        Values of the arguments, as a list or a dict.
    aux_states
        Values every run starts from, as a list or a dict.
    eps
        Distance of the two points.
    use_forward_train
        Run forward as in training.
    dtype
        float16, float32 or float64: element type of the result.

    Returns
    -------
    dict
        Name to gradient; zeros for arguments of integers.
    """
    dtype = float_type(dtype)
    values = by_name(location, list(executor.arg_dict), "values of arguments", whole=False)
    aux = None if aux_states is None else by_name(aux_states, list(executor.aux_dict), "auxiliary states")
    return _differences(executor, values, aux, eps, use_forward_train, dtype, list(values))


def _differences(
    executor: Executor,
    location: Mapping[str, Any],
    aux: Mapping[str, Any] | None,
    eps: float,
    is_train: bool,
    dtype: Any,
    names: Iterable[str],
) -> dict[str, Array]:
    """`numeric_grad` for the named arguments, at the values of all of them."""
    points = {name: np.array(as_numpy(value)) for name, value in location.items()}
    for name, value in points.items():
        executor.arg_dict[name][:] = value

    def output(name: str, point: Array) -> Array:
        executor.arg_dict[name][:] = point
        for state, value in (aux or {}).items():
            executor.aux_dict[state][:] = value
        found: Array = executor.forward(is_train=is_train)[0].asnumpy()
        return found

    gradients = {}
    for name in names:
        point = points[name]
        gradient = np.zeros(point.shape, dtype)
        if point.dtype.kind == "f":
            for i, x in enumerate(point.flat):
                point.flat[i] = x + eps / 2
                above = output(name, point)
                point.flat[i] = x - eps / 2
                gradient.flat[i] = (above - output(name, point)).sum() / eps
                point.flat[i] = x
            executor.arg_dict[name][:] = point
        gradients[name] = gradient
    return gradients


def check_numeric_gradient(
    sym: Symbol,
    location: Any,
    aux_states: Any = None,
    numeric_eps: Tolerance = None,
    rtol: Tolerance = None,
    atol: Tolerance = None,
    grad_nodes: Any = None,
    use_forward_train: bool = True,
    ctx: Context | None = None,
    grad_stype_dict: Mapping[str, str] | None = None,
    dtype: Any = np.float32,
) -> None:
    """Raise AssertionError unless a symbol's gradient is that of finite differences.

    The output is multiplied by random numbers from [0.1, 1.1) and summed, so that no error cancels.

    Parameters
    ----------
    sym
        Symbol with one output.
    location
        Values of all arguments, as a list or a dict.
    aux_states
        Values of the auxiliary states every run starts from, as a list or a dict.
    numeric_eps
        Distance of the two points of a difference; default by element type.
    rtol, atol
        Tolerances; default by element type, which is tight: give `atol` where gradients are near 0.
    grad_nodes
        Arguments whose gradient is checked, as a list, or as a dict of gradient requests; default: all. With
        "null" the gradient's array must not be touched.
    use_forward_train
        Take the differences as in training. The gradient always is training's.
    ctx
        Where to run; default: the current context.
    grad_stype_dict
        Storage of gradients; only "default" exists.
    dtype
        float16, float32 or float64, to which NumPy arrays are converted. float64 finds most.

    Raises
    ------
    AssertionError
        The gradients differ; see `assert_almost_equal`.
    """
    dtype = float_type(dtype)
    ctx = ctx or default_context()
    dense_only(grad_stype_dict, "grad_stype_dict")
    arguments = sym.list_arguments()
    values = parse_location(sym, location, ctx, dtype)
    aux = parse_aux_states(sym, aux_states, ctx, dtype)
    requests = _requests(grad_nodes, arguments)
    points = {name: value.asnumpy() for name, value in values.items()}
    states = None if aux is None else {name: value.asnumpy() for name, value in aux.items()}

    _, shapes, _ = sym.infer_shape(**{name: value.shape for name, value in values.items()})
    if len(shapes) != 1:
        raise MXNetError(
            f"check_numeric_gradient takes a symbol with one output, got {sym.list_outputs()}; "
            "check them one by one, as sym[0]"
        )
    loss: Symbol = sym_functions.make_loss(sym * sym_functions.Variable(_PROJECTION))  # type: ignore[attr-defined]
    # the order of these draws is MXNet's
    weights = np.random.rand(*shapes[0]) + 0.1
    before = {name: np.random.normal(0, 0.01, size=values[name].shape) for name in requests}
    before[_PROJECTION] = np.random.normal(0, 0.01, size=shapes[0])
    before = {name: value.astype(dtype) for name, value in before.items()}
    executor = loss.bind(
        ctx,
        args={**values, _PROJECTION: array_like(weights, ctx, dtype)},
        args_grad={
            name: array_like(value, ctx, _type_of(values, name, dtype)) for name, value in before.items()
        },
        grad_req={**requests, _PROJECTION: "null"},
        aux_states=aux,
    )
    eps = get_tolerance(executor.outputs[0], numeric_eps, default_numeric_eps())
    if dtype is not np.float64 and eps < 1e-5:
        raise ValueError(f"numeric_eps={eps} vanishes in {np.dtype(dtype)}; take 1e-5 or more, or float64")
    executor.forward(is_train=True)
    executor.backward()
    found = {name: executor.grad_dict[name].asnumpy() for name in requests}
    wanted = [name for name, request in requests.items() if request != "null"]
    numeric = _differences(executor, points, states, eps, use_forward_train, dtype, wanted)
    for name, request in requests.items():
        if request == "null":
            numeric[name] = before[name]
        elif request == "add":
            found[name] = found[name] - before[name]
        names = (f"NUMERICAL_{name}", f"BACKWARD_{name}")
        assert_almost_equal(numeric[name], found[name], rtol, atol, names)


def _type_of(values: Mapping[str, NDArray], name: str, dtype: Any) -> Any:
    return values[name].dtype if name in values else dtype


def dense_only(stypes: Mapping[str, Any] | None, what: str) -> None:
    """Raise NotImplementedError for a storage type of gradients that is not dense."""
    for name, stype in (stypes or {}).items():
        if stype not in (None, "default"):
            raise NotImplementedError(f"{what}: {name} is {stype!r}, but sparse arrays are absent here")


def _requests(grad_nodes: Any, arguments: list[str]) -> dict[str, str]:
    """Gradient request of each argument that is checked."""
    if grad_nodes is None:
        return dict.fromkeys(arguments, "write")
    if isinstance(grad_nodes, list | tuple):
        grad_nodes = dict.fromkeys(grad_nodes, "write")
    if not isinstance(grad_nodes, Mapping):
        raise ValueError(f"grad_nodes must be a list or a dict of arguments, got {grad_nodes!r}")
    for name, request in grad_nodes.items():
        if name not in arguments:
            raise KeyError(f"grad_nodes: no argument {name!r}; arguments are {arguments}")
        if request not in ("write", "add", "null"):
            raise KeyError(f"Invalid grad_req {request!r} for argument {name}: expected write, add or null")
    return dict(grad_nodes)
