"""Imperative calls: lowers one operator for given shapes, types and device, and hands it to the cache in
`_core`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .._core import CachedCall, Invoker, Storage, array_over
from ..base import MXNetError
from ..context import Context, current_context
from ..dtypes import SIZES, TYPES, dtype_code
from ..ops.rules import ShapeRule, TypeRule, is_known
from ..ops.schema import Backward, OpDef
from ..passes import fuse
from ..passes.explain import explain_call
from ..passes.ir import Buffer, Call, Dynamic, Tensor, num_elements
from ..passes.lower import LowerContext
from ..passes.plan import drop_dead, plan
from ..provenance import Origin

Spec = tuple[tuple[int, ...], int, Context]


class _Imperative(LowerContext):
    """Nothing persists between imperative calls, so no input can guard a call."""

    def is_argument(self, t: Tensor) -> bool:
        return False


def lower_call(
    cls: type[OpDef],
    static: Mapping[str, Any],
    dynamic: Mapping[str, Any],
    specs: Sequence[Spec],
    is_train: bool,
    context: Context | None,
) -> CachedCall:
    """One operator, made of its parameters, as a segment with its slots."""
    return lower_op(make_op(cls, {**static, **dynamic}, len(specs)), specs, (), is_train, context)


def make_op(cls: type[OpDef], params: dict[str, Any], count: int) -> OpDef:
    """The operator with these parameters, applied to `count` arrays."""
    if cls.variadic:
        params[cls.variadic] = cls.count_of(count)
    return cls.make(params)


def lower_op(
    op: OpDef,
    specs: Sequence[Spec],
    likes: Sequence[Spec | None],
    is_train: bool,
    context: Context | None,
    whole: bool = False,
    shared: dict[Any, Any] | None = None,
) -> CachedCall:
    """One operator, gradient nodes included, as a segment with its slots: inputs, outputs, temporaries.

    `likes` are the specs the first outputs are known to have; `whole` makes the hidden outputs results, too;
    `shared` is what a forward leaves for its backward.
    """
    label = op.name or repr(op)
    names = op.input_names() + op.aux_names()
    if len(specs) != len(names):
        raise MXNetError(f"operator {label} takes {len(names)} arrays ({', '.join(names)}), got {len(specs)}")
    known = [s for s in (*specs, *likes) if s is not None]
    ctx = known[0][2] if known else context or current_context()
    for i, spec in enumerate(specs):
        if spec[2] != ctx:
            raise MXNetError(f"operator {label}: input {names[i]} is on {spec[2]}, input {names[0]} on {ctx}")
    shapes, types = _infer(op, names, specs, likes)
    try:
        return _lower(op, label, specs, shapes, types, ctx, is_train, whole, shared)
    except MXNetError as error:
        if op.name in str(error):
            raise
        raise type(error)(f"operator {label}: {error}") from error


def _lower(
    op: OpDef,
    label: str,
    specs: Sequence[Spec],
    shapes: list[Any],
    types: list[Any],
    ctx: Context,
    is_train: bool,
    whole: bool,
    shared: dict[Any, Any] | None,
) -> CachedCall:
    """Everything known, `lower_op` with shapes and types of the outputs."""
    names, device = op.input_names() + op.aux_names(), ctx.device
    out_names = op.output_names()
    n_in, n_out = len(specs), len(out_names)
    ins = {
        n: Tensor(Buffer("external", num_elements(s[0]) * SIZES[s[1]], device, i, n), s[0], s[1])
        for i, (n, s) in enumerate(zip(names, specs))
    }
    visible = n_out if whole else op.num_visible()
    outs: dict[str, Tensor] = {}
    for k, n in enumerate(out_names):
        nbytes = num_elements(shapes[k]) * SIZES[types[k]]
        kind: Any = "external" if k < visible else "arena"
        outs[n] = Tensor(Buffer(kind, nbytes, device, n_in + k, n), shapes[k], types[k])
    placed = {id(t) for t in outs.values()}
    calls: list[Call] = []
    random = Tensor(Buffer("constant", 1024 * 625 * 4, device, n_in + n_out, "random"), (1024, 625), 4)
    c = _Imperative(
        op, label, 0, ins, outs, device, is_train, calls.append,
        lambda kind, nbytes, dev: Buffer("arena", nbytes, dev, name="temporary"),
        lambda dev: random, lambda t: id(t) in placed, frozenset(out_names[:visible]),
    )  # fmt: skip
    if shared is not None:
        c.shared = shared
    op.lower(c)
    c.finish()
    calls = drop_dead(calls)
    fuse.finalize(calls)
    memory = plan(calls)
    chunks = memory.chunks.get(device, [])
    fixed = [(n_in + n_out + 1 + i, device.alloc(size)) for i, size in enumerate(chunks)]
    if any(t.buffer is random.buffer for call in calls for t in call.ptrs):
        fixed.append((n_in + n_out, device.random_state()))

    def slot_of(buffer: Buffer) -> int:
        return n_in + n_out + 1 + buffer.chunk if buffer.kind == "arena" else buffer.slot

    segment: Any
    if any(call.callback is not None for call in calls):
        from ..program import Chain

        segment = Chain(calls, slot_of, wrap)
    else:
        segment = device.make_segment(calls, slot_of)
        segment.origin = Origin(calls, "imperative", device)
    pairs = _inplace_pairs(calls, n_in)
    facts = op.mutates.get("backward" if isinstance(op, Backward) else "forward", ())
    mutated = [names.index(n) for n in facts if n in names]
    params = getattr(op, "forward", op).params
    live = [
        (k, j, f.param, params[f.param].default, f.index, len(op.values[f.param]) if f.index >= 0 else 0)
        for k, call in enumerate(calls)
        for j, f in enumerate(call.floats)
        if isinstance(f, Dynamic)
    ]
    made = CachedCall(
        segment, n_in, [(shapes[k], types[k], ctx) for k in range(visible)],
        [num_elements(shapes[k]) * SIZES[types[k]] for k in range(visible)], mutated, live, pairs, fixed,
    )  # fmt: skip
    made.held = sum(chunks)
    return made


def _inplace_pairs(calls: Sequence[Call], n_in: int) -> list[tuple[int, int]]:
    """(input, output) that may be one array: one call alone touches the input, says so, and is the first that
    touches the output."""
    users: dict[int, list[int]] = {}
    for k, call in enumerate(calls):
        for t in call.ptrs:
            if t.buffer.kind == "external":
                users.setdefault(t.buffer.slot, []).append(k)
    found = []
    for k, call in enumerate(calls):
        for a, b in call.inplace:
            source, target = call.ins[a], call.outs[b]
            if (
                source.buffer.kind == target.buffer.kind == "external"
                and target.buffer.slot >= n_in
                and set(users[source.buffer.slot]) == {k} == {min(users[target.buffer.slot])}
                and source.is_dense()
                and target.is_dense()
            ):
                found.append((source.buffer.slot, target.buffer.slot - n_in))
    return found


def _infer(
    op: OpDef, names: Sequence[str], specs: Sequence[Spec], likes: Sequence[Spec | None]
) -> tuple[list[Any], list[Any]]:
    n_out = len(op.output_names())
    more = [None] * (n_out - len(likes))
    s = ShapeRule([spec[0] for spec in specs], [*(like and like[0] for like in likes), *more], names)
    t = TypeRule([spec[1] for spec in specs], [*(like and like[1] for like in likes), *more], names)
    rules: list[tuple[Any, Any]] = [(s, op.infer_shape), (t, op.infer_type)]
    for rule, function in rules:
        for _ in range(2):
            try:
                function(rule)
                if rule is t:
                    op.check_type(t)
            except MXNetError as error:
                word = "shape" if rule is s else "dtype"
                raise explain_call(op, error, names, specs, word) from error.__cause__
    shapes: list[Any] = list(s.outs)
    types = [0 if code is None else code for code in t.outs]
    for k, shape in enumerate(shapes):
        if not is_known(shape):
            raise MXNetError(f"operator {op!r}: the shape of output {k} does not follow from its inputs")
    return shapes, types


def wrap(storage: Storage, offset: int, tensor: Tensor) -> Any:
    """NDArray over a tensor's memory, for callbacks."""
    from .ndarray import NDArray

    device = tensor.buffer.device
    context = Context("cpu" if device.kind == "cpu" else "gpu", device.index)
    return array_over(NDArray, storage, offset, (tensor.shape, tensor.dtype, context))


def empty(shape: Sequence[int], context: Context, code: int, zero: bool = False) -> Any:
    """New array; contents undefined unless `zero`."""
    from .ndarray import NDArray

    dims = tuple(int(d) for d in shape)
    device = context.device
    nbytes = num_elements(dims) * SIZES[code]
    if zero and device.kind == "cpu":
        storage = device.alloc(nbytes, True)
    else:
        storage = device.alloc(nbytes)
        if zero and nbytes:
            device.write(storage, 0, bytes(nbytes))
    return array_over(NDArray, storage, 0, (dims, code, context))


def from_numpy(source: np.ndarray, context: Context) -> Any:
    """New array with the values and element type of a NumPy array."""
    array = empty(source.shape, context, dtype_code(source.dtype))
    array._write(source)
    return array


def make_invoker() -> Invoker:
    from .ndarray import NDArray

    return Invoker(lower_call, lower_op, NDArray)


invoker: Invoker = None  # type: ignore[assignment]  # set when the package is complete

__all__ = ["TYPES", "empty", "from_numpy", "invoker", "lower_call", "lower_op", "make_op", "wrap"]
