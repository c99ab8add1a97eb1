"""Imperative calls: lowers one operator for given shapes, types and device, and hands it to the cache in
`_core`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .._core import CachedCall, Invoker, Storage
from ..base import MXNetError
from ..context import Context, current_context
from ..dtypes import NAMES, SIZES, TYPES, dtype_code
from ..ops.rules import ShapeRule, TypeRule, is_known, show
from ..ops.schema import OpDef
from ..passes import fuse
from ..passes.ir import Buffer, Call, Dynamic, Tensor, num_elements
from ..passes.lower import LowerContext
from ..passes.plan import drop_dead, plan

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
    """One operator as a segment with its slots: inputs, outputs, temporaries."""
    params = {**static, **dynamic}
    if cls.variadic:
        params[cls.variadic] = len(specs)
    op = cls.make(params)
    names = op.input_names() + op.aux_names()
    if len(specs) != len(names):
        raise MXNetError(
            f"operator {cls.name} takes {len(names)} arrays ({', '.join(names)}), got {len(specs)}"
        )
    ctx = specs[0][2] if specs else context or current_context()
    for i, spec in enumerate(specs):
        if spec[2] != ctx:
            raise MXNetError(
                f"operator {cls.name}: input {names[i]} is on {spec[2]}, input {names[0]} on {ctx}"
            )
    device = ctx.device
    shapes, types = _infer(op, names, specs)
    out_names = op.output_names()
    n_in, n_out = len(specs), len(out_names)
    ins = {
        n: Tensor(Buffer("external", num_elements(s[0]) * SIZES[s[1]], device, i, n), s[0], s[1])
        for i, (n, s) in enumerate(zip(names, specs))
    }
    visible = op.num_visible()
    outs: dict[str, Tensor] = {}
    for k, n in enumerate(out_names):
        nbytes = num_elements(shapes[k]) * SIZES[types[k]]
        kind: Any = "external" if k < visible else "arena"
        outs[n] = Tensor(Buffer(kind, nbytes, device, n_in + k, n), shapes[k], types[k])
    placed = {id(t) for t in outs.values()}
    calls: list[Call] = []
    random = Tensor(Buffer("constant", 1024 * 625 * 4, device, n_in + n_out, "random"), (1024, 625), 4)
    by_name = {n: t.shape for n, t in (*ins.items(), *outs.items())}
    c = _Imperative(
        op, cls.name, 0, ins, outs, device, is_train, calls.append,
        lambda kind, nbytes, dev: Buffer("arena", nbytes, dev, name="temporary"),
        lambda dev: random, lambda t: id(t) in placed, by_name, frozenset(out_names[:visible]),
    )  # fmt: skip
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
        from ..program import CallbackSegment

        if len(calls) != 1:
            raise MXNetError(f"operator {cls.name}: a Python callback must be the only call of its node")
        segment = CallbackSegment(calls[0], slot_of, wrap)
    else:
        segment = device.make_segment(calls, slot_of)
    inplace = [p for call in calls for p in call.inplace] if len(calls) == 1 else []
    order_in = [t.buffer.slot for t in calls[0].ins] if len(calls) == 1 else []
    order_out = [t.buffer.slot - n_in for t in calls[0].outs] if len(calls) == 1 else []
    pairs = [
        (order_in[a], order_out[b])
        for a, b in inplace
        if calls[0].ins[a].is_dense() and calls[0].outs[b].is_dense()
    ]
    mutated = [names.index(n) for n in op.mutates.get("forward", ())]
    live = [
        (k, j, f.param, cls.params[f.param].default)
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


def _infer(op: OpDef, names: Sequence[str], specs: Sequence[Spec]) -> tuple[list[Any], list[Any]]:
    n_out = len(op.output_names())
    s = ShapeRule([spec[0] for spec in specs], [None] * n_out, names)
    t = TypeRule([spec[1] for spec in specs], [None] * n_out, names)
    rules: list[tuple[Any, Any]] = [(s, op.infer_shape), (t, op.infer_type)]
    for rule, function in rules:
        for _ in range(2):
            try:
                function(rule)
                if rule is t:
                    op.check_type(t)
            except MXNetError as error:
                inputs = ", ".join(f"{n} {show(spec[0])} {NAMES[spec[1]]}" for n, spec in zip(names, specs))
                raise type(error)(f"Error in operator {op.name}: {error}\n  {op!r} of {inputs}") from None
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
    array = NDArray.__new__(NDArray)
    array.storage, array.offset = storage, offset
    array.spec = (tensor.shape, tensor.dtype, Context("cpu" if device.kind == "cpu" else "gpu", device.index))
    return array


def empty(shape: Sequence[int], context: Context, code: int, zero: bool = False) -> Any:
    """New array; contents undefined unless `zero`."""
    from .ndarray import NDArray

    array = NDArray.__new__(NDArray)
    dims = tuple(int(d) for d in shape)
    device = context.device
    nbytes = num_elements(dims) * SIZES[code]
    if zero and device.kind == "cpu":
        array.storage = device.alloc(nbytes, True)
    else:
        array.storage = device.alloc(nbytes)
        if zero and nbytes:
            device.write(array.storage, 0, bytes(nbytes))
    array.spec = (dims, code, context)
    return array


def from_numpy(source: np.ndarray, context: Context) -> Any:
    """New array with the values and element type of a NumPy array."""
    array = empty(source.shape, context, dtype_code(source.dtype))
    array._write(source)
    return array


def make_invoker() -> Invoker:
    from .ndarray import NDArray

    return Invoker(lower_call, NDArray)


invoker: Invoker = None  # type: ignore[assignment]  # set when the package is complete

__all__ = ["TYPES", "empty", "from_numpy", "invoker", "lower_call", "wrap"]
