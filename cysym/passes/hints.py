"""hints: the cure of the commonest shape and type mistakes, in one sentence, from what a node was given.

Read by `explain` when a rule has refused already: a hint never decides whether something is an error, and an
operator without one loses nothing but the sentence. Values are of the inputs by their names; a hint speaks of
them by the names of the user's nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isqrt, prod
from typing import Any

from ..base import ShapeError
from ..dtypes import NAMES
from ..ops.rules import Dims, broadcast, is_known

Shapes = Mapping[str, Dims | None]
Names = Mapping[str, str]
Hint = str | None

_BROADCASTING = {
    "elemwise_add": "broadcast_add", "elemwise_sub": "broadcast_sub", "elemwise_mul": "broadcast_mul",
    "elemwise_div": "broadcast_div", "_mod": "broadcast_mod", "_power": "broadcast_power",
    "_maximum": "broadcast_maximum", "_minimum": "broadcast_minimum", "_hypot": "broadcast_hypot",
    "_equal": "broadcast_equal", "_not_equal": "broadcast_not_equal", "_greater": "broadcast_greater",
    "_greater_equal": "broadcast_greater_equal", "_lesser": "broadcast_lesser",
    "_lesser_equal": "broadcast_lesser_equal",
}  # fmt: skip
_AXES = {1: "(batch, channels, width)", 2: "(batch, channels, height, width)",
         3: "(batch, channels, depth, height, width)"}  # fmt: skip


def _fully_connected(op: Any, shapes: Shapes, names: Names) -> Hint:
    data, weight = shapes.get("data"), shapes.get("weight")
    if data is None or weight is None or not is_known(data) or len(weight) != 2 or not data:
        return None
    features = prod(data[1:]) if op.flatten else data[-1]
    if features != weight[1]:
        how = " * ".join(map(str, data[1:])) if op.flatten and len(data) > 2 else ""
        return (
            f"{names['data']} has {features} features{f' ({how})' if how else ''}, {names['weight']} was "
            f"made for {weight[1]}: its shape must be ({op.num_hidden}, {features})"
        )
    if weight[0] != op.num_hidden:
        return f"num_hidden={op.num_hidden} wants as many rows of {names['weight']}, which has {weight[0]}"
    return None


def _convolution(op: Any, shapes: Shapes, names: Names) -> Hint:
    data, weight = shapes.get("data"), shapes.get("weight")
    if data is None:
        return None
    rank = len(op.kernel)
    if len(data) != rank + 2:
        target = (-1, 1, *(1 for _ in range(rank)))
        if len(data) == 2 and data[1] > 0:
            side = isqrt(data[1])
            if rank == 2 and side * side == data[1]:
                target = (-1, 1, side, side)
            elif rank == 1:
                target = (-1, 1, data[1])
        example = (
            f"; reshape it first, as in mx.sym.Reshape({names['data']}, shape={target})"
            if 1 not in target[2:]
            else ""
        )
        return (
            f"kernel={op.kernel} reads {rank + 2} axes, {_AXES.get(rank, '')}; {names['data']} has "
            f"{len(data)}{example}"
        )
    if (
        weight is None
        or len(weight) != rank + 2
        or getattr(op, "layout", None) not in (None, "NCW", "NCHW", "NCDHW")
    ):
        return None
    transposed = op.name == "Deconvolution"
    groups = op.num_group
    want = data[1] if transposed else data[1] // groups
    at = 0 if transposed else 1
    if data[1] >= 0 and weight[at] >= 0 and weight[at] != want:
        made = weight[at] * (1 if transposed else groups)
        return f"{names['data']} has {data[1]} channels (axis 1), {names['weight']} was made for {made}"
    if not transposed and weight[0] >= 0 and weight[0] != op.num_filter:
        return f"num_filter={op.num_filter}, {names['weight']} was made for {weight[0]} (axis 0)"
    if weight[2:] != op.kernel and is_known(weight):
        return f"kernel={op.kernel}, {names['weight']} was made for {weight[2:]}"
    return None


def _elementwise(op: Any, shapes: Shapes, names: Names) -> Hint:
    given = list(shapes.values())
    if len(given) != 2 or given[0] is None or given[1] is None or given[0] == given[1]:
        return None
    other = _BROADCASTING.get(op.name)
    try:
        broadcast(given[0], given[1])
    except ShapeError:
        return None
    a, b = names.values()
    if other is None:
        return None
    return f"{op.name} does not broadcast: mx.sym.{other}({a}, {b}) does"


def _concat(op: Any, shapes: Shapes, names: Names) -> Hint:
    known = [(n, s) for n, s in shapes.items() if s is not None]
    if len(known) < 2:
        return None
    (first, a), axis = known[0], getattr(op, "dim", getattr(op, "axis", None))
    if axis is None:
        return None
    for name, b in known[1:]:
        if len(a) != len(b):
            return (
                f"{names[first]} has {len(a)} axes, {names[name]} has {len(b)}; all inputs must have as many"
            )
        at = axis + len(a) if axis < 0 else axis
        differ = [k for k, (x, y) in enumerate(zip(a, b)) if x != y and x >= 0 and y >= 0 and k != at]
        if differ:
            k = differ[0]
            text = (
                f"inputs may differ along dim={axis} only; along axis {k} {names[first]} has {a[k]}, "
                f"{names[name]} {b[k]}"
            )
            if len(differ) == 1 and a[at : at + 1] == b[at : at + 1]:
                text += f" (dim={k} would fit)"
            return text
    return None


def _reshape(op: Any, shapes: Shapes, names: Names) -> Hint:
    data = shapes.get("data")
    if data is None or not is_known(data) or any(d < -1 for d in op.shape):
        return None
    others = prod(d or (data[k] if k < len(data) else 1) for k, d in enumerate(op.shape) if d != -1)
    total = prod(data)
    if -1 in op.shape:
        return (
            f"{names['data']} has {total} elements, which is no multiple of {others}, what "
            f"shape={op.shape} asks for beside -1"
        )
    if total == others:
        return None
    return (
        f"{names['data']} has {total} elements, shape={op.shape} has {others}; 0 keeps a dimension (the "
        "batch's, say) and -1 takes what is left"
    )


def _label(op: Any, shapes: Shapes, names: Names) -> Hint:
    data, label = shapes.get("data"), shapes.get("label")
    if data is None or label is None or not data or not label:
        return None
    if data[0] != label[0] and min(data[0], label[0]) >= 0:
        return (
            f"{names['data']} has {data[0]} rows, {names['label']} has {label[0]}: axis 0 of both is the "
            "batch"
        )
    if op.name == "SoftmaxOutput" and len(label) > 1 and prod(label[1:]) == 1:
        return f"{names['label']} has one class number a row: its shape must be ({label[0]},)"
    if op.name == "SoftmaxOutput" and len(data) > 2 and not op.multi_output and not op.preserve_shape:
        return (
            "multi_output=True gives each position a label of its own, preserve_shape=True each row of the "
            "last axis"
        )
    return None


def _dot(op: Any, shapes: Shapes, names: Names) -> Hint:
    a, b = shapes.get("lhs"), shapes.get("rhs")
    if a is None or b is None or len(a) < 2 or len(b) < 2:
        return None
    x = a[-2 if op.name == "batch_dot" else 0] if op.transpose_a else a[-1]
    inner, outer = (b[-2], b[-1]) if op.name == "batch_dot" else (b[0], b[-1])
    y = outer if op.transpose_b else inner
    if x == y or min(x, y) < 0:
        return None
    text = f"it sums over {x} numbers of {names['lhs']} and {y} of {names['rhs']}"
    if x == (inner if op.transpose_b else outer):
        text += f"; transpose_b={not op.transpose_b} would fit"
    return text


_LOSSES = (
    "SoftmaxOutput", "LinearRegressionOutput", "LogisticRegressionOutput", "MAERegressionOutput", "SVMOutput",
)  # fmt: skip
_SHAPES: Mapping[str, Callable[[Any, Shapes, Names], Hint]] = {
    "FullyConnected": _fully_connected,
    "Convolution": _convolution,
    "Deconvolution": _convolution,
    "Concat": _concat,
    "Reshape": _reshape,
    "dot": _dot,
    "batch_dot": _dot,
    **dict.fromkeys(_LOSSES, _label),
    **dict.fromkeys(_BROADCASTING, _elementwise),
}  # fmt: skip


def shape_hint(op: Any, shapes: Shapes, names: Names) -> Hint:
    """What to change when an operator refused its inputs' shapes, None where that is not plain.

    Parameters
    ----------
    shapes, names
        Shape, and name of the user's node, by input.
    """
    rule = _SHAPES.get(op.name)
    return rule(op, shapes, names) if rule is not None else None


def type_hint(op: Any, types: Mapping[str, int | None], names: Names) -> Hint:
    """The same for element types."""
    known = {n: NAMES[t] for n, t in types.items() if t is not None}
    if len(set(known.values())) < 2:
        return None
    kinds = list(known.values())
    if "float64" in kinds:  # the one that was not meant, most often
        name = names[next(n for n, t in known.items() if t == "float64")]
        other = next(t for t in kinds if t != "float64")
        return (
            f"make {name} {other}, or cast it: mx.sym.cast({name}, dtype={other!r}); a NumPy array is "
            "float64 unless it is told otherwise"
        )
    name = names[next(n for n, t in known.items() if t != kinds[0])]
    return f"cast one of them, as in mx.sym.cast({name}, dtype={kinds[0]!r})"
