"""`mx.autograd`: record what is done with arrays, and differentiate it.

Inside ``with autograd.record():`` every operator applied to a variable (`NDArray.attach_grad`), or to what
came of one, is remembered; `backward` and `grad` run the gradient nodes the symbolic side uses. This file is
the interface; `ndarray.tape` records and `ndarray.backprop` computes. State is each thread's own.

Gradients of gradients (``grad(..., create_graph=True)``) exist wherever a gradient is made of operators that
have gradients themselves: elementwise functions with and without broadcasting, to any order; scalars, add_n,
Activation, LeakyReLU (not prelu), Dropout, dot, batch_dot, FullyConnected, Convolution, Deconvolution,
linalg, sums and means, max and min over axes, norm, softmax, log_softmax, average and sum pooling, Embedding,
take, pick, where, and what moves elements about (reshape, transpose, slice, concat, broadcast_to, ...).
LayerNorm over the last axis and L2Normalization have them, too. Others are refused by an error that names the
operator: max pooling, BatchNorm and the other normalisations, the loss layers, prod, gamma and gammaln,
spatial and resizing layers, densities, custom operators and functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ._core import Node, Scope, is_recording, is_training, set_recording, set_training
from .base import MXNetError
from .dtypes import NAMES
from .ndarray import NDArray, backprop, function, imperative, tape
from .ops.schema import DType, find_op
from .symbol import Symbol
from .symbol.compose import attr_text

__all__ = [
    "Function", "backward", "get_symbol", "grad", "is_recording", "is_training", "mark_variables", "pause",
    "predict_mode", "record", "set_recording", "set_training", "train_mode",
]  # fmt: skip

Function = function.Function
REQUESTS = ("write", "add", "null", "inplace")

imperative.invoker.recorder = tape.record


# --- state --------------------------------------------------------------------------------------------------
def record(train_mode: bool = True) -> Scope:
    """Scope that records: ``with autograd.record(): y = model(x)``.

    Parameters
    ----------
    train_mode
        Whether Dropout, BatchNorm, ... behave as in training inside.
    """
    return Scope(True, train_mode)


def pause(train_mode: bool = False) -> Scope:
    """Scope that does not record, for code in a recording whose gradient is not wanted."""
    return Scope(False, train_mode)


def train_mode() -> Scope:
    """Scope in which operators behave as in training; recording stays as it is."""
    return Scope(None, True)


def predict_mode() -> Scope:
    """Scope in which operators behave as in inference; recording stays as it is."""
    return Scope(None, False)


# --- gradients ----------------------------------------------------------------------------------------------
def _arrays(what: str, given: Any) -> list[Any]:
    found = [given] if isinstance(given, NDArray) else given
    if not isinstance(found, (list, tuple)):
        raise TypeError(f"{what} must be an NDArray or a list of them, got {type(given)}")
    for a in found:
        if not isinstance(a, NDArray):
            raise TypeError(f"{what} must be an NDArray or a list of them, got {type(a)} among them")
    return list(found)


def _requests(given: str | Sequence[str], count: int) -> list[str]:
    found = [given] * count if isinstance(given, str) else list(given)
    if len(found) != count:
        raise ValueError(f"grad_reqs must hold one request for each of {count} variables, got {len(found)}")
    for r in found:
        if r not in REQUESTS:
            raise ValueError(f"grad_req must be one of {', '.join(map(repr, REQUESTS))}, got {r!r}")
    return ["write" if r == "inplace" else r for r in found]


def mark_variables(variables: Any, gradients: Any, grad_reqs: str | Sequence[str] = "write") -> None:
    """Make arrays variables: `backward` computes their gradients into `gradients`.

    Parameters
    ----------
    variables, gradients
        An array and its gradient, or lists of them; of one shape, type and context.
    grad_reqs
        ``"write"``, ``"add"`` or ``"null"``, for all or for each.
    """
    arrays, grads = _arrays("variables", variables), _arrays("gradients", gradients)
    if len(arrays) != len(grads):
        raise ValueError(f"variables and gradients differ in number: {len(arrays)} and {len(grads)}")
    requests = _requests(grad_reqs, len(arrays))
    for i, (a, g) in enumerate(zip(arrays, grads, strict=True)):
        if a.spec != g.spec:
            raise MXNetError(
                f"mark_variables: gradient {i} is {g.shape} {g.dtype.__name__} on {g.context}, expected "
                f"{a.shape} {a.dtype.__name__} on {a.context} as its variable"
            )
    for a, g, request in zip(arrays, grads, requests, strict=True):
        node = tape.variable(a, tape.bare(g), request)
        node.saved[0] = tape.bare(a)
        a.entry = (node, 0)


def _heads(heads: Any, head_grads: Any) -> tuple[list[NDArray], list[NDArray | None]]:
    found = _arrays("heads", heads)
    if not found:
        raise ValueError("heads must hold at least one array")
    if head_grads is None:
        return found, [None] * len(found)
    if isinstance(head_grads, NDArray):
        head_grads = [head_grads]
    if not isinstance(head_grads, (list, tuple)):
        raise TypeError(f"head_grads must be an NDArray or a list of them, got {type(head_grads)}")
    if len(head_grads) != len(found):
        raise ValueError(
            f"heads and head_grads must be lists of the same length, got {len(found)} and {len(head_grads)}"
        )
    for g in head_grads:
        if g is not None and not isinstance(g, NDArray):
            raise TypeError(f"head_grads must hold NDArrays or None, got {type(g)}")
    return found, list(head_grads)


def _free(order: Sequence[Node]) -> None:
    """Forget a graph; variables stay variables."""
    for node in order:
        assert isinstance(node, tape.TapeNode)
        if node.op is not None:
            node.inputs, node.specs, node.saved, node.shared = (), None, [], None
            if isinstance(node.op, tape.PythonOp):
                node.op.release()


def _gradients(
    order: Sequence[Node], heads: list[NDArray], given: list[NDArray | None], wrt: list[tape.TapeNode],
    train_mode: bool, create_graph: bool,
) -> list[NDArray | None]:  # fmt: skip
    head_grads = [backprop.head_gradient(h, g, i) for i, (h, g) in enumerate(zip(heads, given, strict=True))]
    return backprop.compute(order, heads, head_grads, wrt, train_mode, create_graph)


def backward(heads: Any, head_grads: Any = None, retain_graph: bool = False, train_mode: bool = True) -> None:
    """Compute the gradients of `heads` by all variables they were recorded from, into the variables' `grad`.

    Parameters
    ----------
    heads
        Array or list of arrays.
    head_grads
        Gradients of the heads, None for ones. Loss layers ignore them.
    retain_graph
        Keep the recorded graph; otherwise it is freed, and cannot be differentiated again.
    train_mode
        Training behaviour of operators whose gradient has one.

    Raises
    ------
    MXNetError
        A head was not recorded or its graph was freed; no variable asks for a gradient; a head gradient does
        not fit its head. Nothing was written then.
    """
    arrays, given = _heads(heads, head_grads)
    order = backprop.graph_of(arrays)
    wrt = [n for n in order if isinstance(n, tape.TapeNode) and n.is_variable]
    if not wrt:
        raise MXNetError("There are no inputs in computation graph that require gradients.")
    targets = {id(n.grad.storage) for n in wrt}
    given = [g.copy() if g is not None and id(g.storage) in targets else g for g in given]
    found = _gradients(order, arrays, given, wrt, train_mode, False)
    with Scope(False, None):
        for node, g in zip(wrt, found, strict=True):
            target = node.grad
            if g is None:
                if node.request == "write":
                    imperative.invoker.invoke(find_op("zeros_like"), [target], {}, [target])
            elif node.request == "write":
                g.copyto(target)
            else:
                imperative.invoker.invoke(find_op("elemwise_add"), [target, g], {}, [target])
    if not retain_graph:
        _free(order)


def grad(
    heads: Any,
    variables: Any,
    head_grads: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    train_mode: bool = True,
) -> list[NDArray]:
    """Gradients of `heads` by `variables` as new arrays; what the variables' `grad` holds stays.

    Parameters
    ----------
    heads, head_grads, train_mode
        As in `backward`.
    variables
        Array made a variable, or a list of them.
    retain_graph
        Keep the recorded graph; default `create_graph`.
    create_graph
        Record the computation of the gradients, so that they can be differentiated again.

    Returns
    -------
    list of NDArray
        One gradient a variable, for a single variable, too, as in MXNet 1.9.1.

    Raises
    ------
    MXNetError
        As `backward`; a variable is none, or not reached from the heads; with `create_graph`, differentiating
        the result raises for operators whose gradient has no gradient.
    """
    arrays, given = _heads(heads, head_grads)
    wanted = _arrays("variables", variables)
    order = backprop.graph_of(arrays)
    reached = set(order)
    wrt: list[tape.TapeNode] = []
    for i, a in enumerate(wanted):
        entry = tape.entry_of(a)
        node = None if entry is None else entry[0]
        if not isinstance(node, tape.TapeNode) or not node.is_variable:
            raise MXNetError(
                f"Cannot differentiate with respect to the {i + 1}-th variable because it does not require "
                "gradient."
            )
        if node not in reached:
            raise MXNetError(
                f"Cannot differentiate with respect to the {i + 1}-th variable because it is unreachable "
                "from the outputs."
            )
        wrt.append(node)
    found = _gradients(order, arrays, given, wrt, train_mode, create_graph)
    with Scope(create_graph, None):
        results = _own(wanted, found, [*arrays, *(g for g in given if g is not None)], order)
    if not (create_graph if retain_graph is None else retain_graph):
        _free(order)
    return results


def _own(
    wanted: Sequence[NDArray],
    found: Sequence[NDArray | None],
    others: Sequence[NDArray],
    order: Sequence[Node],
) -> list[NDArray]:
    """Each gradient in memory of its own: none shares it with another, a head gradient or a saved array."""
    taken = {id(a.storage) for a in others}
    for node in order:
        taken |= {id(a.storage) for a in getattr(node, "saved", ()) if a is not None}
    results: list[NDArray] = []
    for a, g in zip(wanted, found, strict=True):
        if g is None:
            g = imperative.empty(a.shape, a.context, a.spec[1], zero=True)
        elif id(g.storage) in taken:
            g = imperative.invoker.invoke(find_op("_copy"), [g], {})[0]
        assert g is not None
        taken.add(id(g.storage))
        results.append(g)
    return results


def get_symbol(x: NDArray) -> Symbol:
    """The recorded computation of an array as a Symbol; variables are called var0, var1, ... .

    Custom functions and copies between devices have no symbol.
    """
    if not isinstance(x, NDArray):
        raise TypeError(f"get_symbol expects an NDArray, got {type(x)}")
    order = backprop.graph_of([x])
    made: dict[Node, Node] = {}
    n_vars = 0
    for node in order:
        if isinstance(node.op, tape.PythonOp):
            raise MXNetError(f"get_symbol: {node.op!r} has no symbol")
        if node.op is None:
            name, n_vars = f"var{n_vars}", n_vars + 1
        else:
            name = f"node_{len(made) - n_vars}"
        inputs = [(made[source], k) for source, k in node.inputs]
        made[node] = Node(node.op, name, inputs, _symbol_attrs(node))
    assert x.entry is not None
    return Symbol([(made[x.entry[0]], x.entry[1])])


def _symbol_attrs(node: Node) -> dict[str, str]:
    """Parameters of a node as a symbol's file holds them."""
    if node.op is None:
        return {}
    op = node.op
    return {
        n: NAMES[v] if isinstance(op.params[n], DType) and v is not None else attr_text(v)
        for n, v in op.values.items()
        if n in op.params and v != op.params[n].default
    }
