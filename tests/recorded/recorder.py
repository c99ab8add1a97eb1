"""Asks MXNet 1.9.1 one operator case at a time and packs the answers.

Takes a case of `asked/` and the imported framework, returns a plain record for `ops/`; all arrays
go into one `Blob`, to which the record refers. Runs only in the oracle environment; the consumer's side is
`loader.py`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from opcases import OpCase

Array = Any


class Blob:
    """Arrays laid end to end in one byte string; equal bytes are stored once."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._where: dict[bytes, int] = {}
        self._size = 0

    def add(self, array: Array) -> list[Any]:
        """Store `array`; return its reference `[dtype, shape, byte offset]`."""
        raw = np.ascontiguousarray(array).tobytes()
        if raw not in self._where:
            self._where[raw] = self._size
            self._chunks.append(raw)
            self._size += len(raw)
        return [str(array.dtype), list(array.shape), self._where[raw]]

    def to_array(self) -> Array:
        """Return everything stored, as bytes."""
        return np.frombuffer(b"".join(self._chunks), dtype=np.uint8)


def find_operator(namespace: Any, op: str) -> Any:
    """Return the function of `op`, also where MXNet hides it in a namespace."""
    if op.endswith("_like") and op.startswith("_random_"):
        return getattr(namespace.random, op[len("_random_") :])
    for prefix in ("_contrib_", "_linalg_"):
        if op.startswith(prefix):
            return getattr(getattr(namespace, prefix.strip("_")), op[len(prefix) :])
    return getattr(namespace, op, None) or getattr(namespace._internal, op)


def head_for(case: OpCase, index: int, output: Array) -> Array:
    """Return a random head gradient in the output's shape and type."""
    rng = case.rng(f"head{index}")
    if output.dtype.kind == "f":
        return rng.standard_normal(output.shape).astype(output.dtype)
    return rng.randint(0, 7, output.shape).astype(output.dtype)


class SymbolRun:
    """One bound operator: arrays as given, gradients of every argument."""

    def __init__(
        self, mx: Any, case: OpCase, arrays: dict[str, Array], grads: dict[str, Array], req: str
    ) -> None:
        self.mx, self.case = mx, case
        variables = [mx.sym.Variable(name) for name in case.inputs if name not in case.aux]
        states = {name: mx.sym.Variable(name) for name in case.aux}  # old operators take them by name only
        self.symbol = find_operator(mx.sym, case.op)(*variables, name="op", **states, **case.params)
        self.args = {name: self._load(arrays[name]) for name in self.symbol.list_arguments()}
        self.aux = {name: self._load(arrays[name]) for name in self.symbol.list_auxiliary_states()}
        self.grads = {name: self._load(grads[name]) for name in self.args if name not in case.no_grad}
        reqs = {name: "null" if name in case.no_grad else req for name in self.args}
        self.executor = self.symbol.bind(mx.cpu(), self.args, self.grads, reqs, self.aux)

    def _load(self, array: Array) -> Any:
        return self.mx.nd.array(array, dtype=array.dtype)

    def forward(self) -> list[Array]:
        if self.case.seed is not None:
            self.mx.random.seed(self.case.seed)
        for _ in range(self.case.calls):
            outputs = self.executor.forward(is_train=self.case.is_train)
        self.mx.nd.waitall()
        return [output.asnumpy() for output in outputs]

    def backward(self, heads: list[Array] | None) -> dict[str, Array]:
        for _ in range(self.case.backwards):
            self.executor.backward(None if heads is None else [self._load(head) for head in heads])
            self.mx.nd.waitall()
        return {name: grad.asnumpy() for name, grad in self.grads.items()}


def _arrays(run: dict[str, Any], blob: Blob) -> dict[str, Any]:
    return {name: blob.add(value.asnumpy()) for name, value in run.items()}


def _inferred(symbol: Any, case: OpCase, arrays: dict[str, Array]) -> dict[str, Any]:
    """Shapes that follow from the first input alone, or from all where that is not enough."""
    names = list(case.inputs)
    for given in (names[:1], names):
        shapes = {name: arrays[name].shape for name in given if name not in case.aux}
        try:
            args, outs, aux = symbol.infer_shape_partial(**shapes)
        except RuntimeError:  # `where` fails inside MXNet instead of answering "unknown"
            continue
        if all(all(dim > 0 for dim in shape) and shape for shape in args + outs + aux):
            break
    return {
        "given": {name: list(shape) for name, shape in shapes.items()},
        "args": [list(shape) for shape in args],
        "outputs": [list(shape) for shape in outs],
        "aux": [list(shape) for shape in aux],
    }


def _record_symbol(mx: Any, case: OpCase, arrays: dict[str, Array], blob: Blob) -> dict[str, Any]:
    zeros = {name: np.zeros_like(array) for name, array in arrays.items()}
    run = SymbolRun(mx, case, arrays, zeros, "write" if case.is_train else "null")
    if tuple(run.symbol.list_auxiliary_states()) != case.aux:
        raise ValueError(f"{case.name}: auxiliary states are {run.symbol.list_auxiliary_states()}")
    outputs = run.forward()
    record: dict[str, Any] = {
        "infer": _inferred(run.symbol, case, arrays),
        "output_names": run.symbol.list_outputs(),
        "outputs": [blob.add(output) for output in outputs],
    }
    if case.aux:
        record["aux_after_forward"] = _arrays(run.aux, blob)
    if case.is_train:
        heads = [head_for(case, index, output) for index, output in enumerate(outputs)]
        grads = run.backward(heads)
        record["heads"] = [blob.add(head) for head in heads]
        record["grads"] = {name: blob.add(grad) for name, grad in grads.items()}
        if case.aux:
            record["aux_after_backward"] = _arrays(run.aux, blob)
        if case.is_loss:
            _check_loss(mx, case, arrays, zeros, grads)
        if case.add:
            record["grad_add"] = _record_add(mx, case, arrays, heads, grads, blob)
        changed = {
            name: run.args[name] for name in run.args if not _same(run.args[name].asnumpy(), arrays[name])
        }
        record["args_after"] = _arrays(changed, blob)
    return record


def _same(left: Array, right: Array) -> bool:
    return bool(np.array_equal(left, right, equal_nan=left.dtype.kind == "f"))


def _check_loss(mx: Any, case: OpCase, arrays: Any, zeros: Any, grads: dict[str, Array]) -> None:
    """A loss layer must give the same gradients without a head gradient."""
    run = SymbolRun(mx, case, arrays, zeros, "write")
    run.forward()
    for name, grad in run.backward(None).items():
        if not _same(grad, grads[name]):
            raise ValueError(f"{case.name}: the gradient of {name} depends on the head gradient")


def _record_add(mx: Any, case: OpCase, arrays: Any, heads: Any, grads: Any, blob: Blob) -> dict[str, Any]:
    """Gradients under grad_req 'add', from random initial contents.

    MXNet's own numbers, but for the operators in which it overwrites or scales wrongly (`add_rule`): there
    the rule "contents + gradient" is recorded, and MXNet must indeed differ from it.
    """
    initial = {}
    for name, grad in grads.items():
        initial[name] = case.rng("add:" + name).standard_normal(grad.shape).astype(grad.dtype)
    run = SymbolRun(mx, case, arrays, initial, "add")
    run.forward()
    sums = {name: initial[name] + grad for name, grad in grads.items()}
    theirs = run.backward(heads)
    agrees = all(np.allclose(theirs[name], sums[name], rtol=1e-5, atol=1e-5) for name in sums)
    if agrees == case.add_rule:
        raise ValueError("{}: MXNet's 'add' {} the rule".format(case.name, "follows" if agrees else "breaks"))
    result = sums if case.add_rule else theirs
    return {
        "source": "rule" if case.add_rule else "mxnet",
        "initial": {name: blob.add(array) for name, array in initial.items()},
        "result": {name: blob.add(array) for name, array in result.items()},
    }


def _record_imperative(mx: Any, case: OpCase, arrays: dict[str, Array], blob: Blob) -> dict[str, Any]:
    operands = {name: mx.nd.array(array, dtype=array.dtype) for name, array in arrays.items()}
    function = find_operator(mx.nd, case.op)
    outs = case.mutates[:1] if case.outs is None else case.outs
    where = {"out": [operands[name] for name in outs] if len(outs) > 1 else operands[outs[0]]} if outs else {}
    if case.seed is not None:
        mx.random.seed(case.seed)
    for _ in range(case.calls):
        outputs = function(*operands.values(), **case.params, **where)
    mx.nd.waitall()
    outputs = outputs if isinstance(outputs, list) else [outputs]
    changed = [
        name
        for name in operands
        if name not in case.scratch and not _same(operands[name].asnumpy(), arrays[name])
    ]
    if sorted(changed) != sorted(case.mutates):
        raise ValueError(f"{case.name} changes {changed}")
    return {
        "outputs": [blob.add(output.asnumpy()) for output in outputs],
        "args_after": _arrays({name: operands[name] for name in case.mutates}, blob),
        "outs": list(outs),
    }


def record_case(mx: Any, case: OpCase, blob: Blob) -> dict[str, Any]:
    """Run `case` and return its record, as `README.md` describes it."""
    arrays = {name: make(case.rng(name)) for name, make in case.inputs.items()}
    record: dict[str, Any] = {
        "name": case.name,
        "op": case.op,
        "mode": case.mode,
        "params": case.params,
        "inputs": {name: blob.add(array) for name, array in arrays.items()},
        "aux": list(case.aux),
        "is_train": case.is_train,
        "seed": case.seed,
        "calls": case.calls,
        "backwards": case.backwards,
        "is_loss": case.is_loss,
    }
    ask = _record_imperative if case.mode == "imperative" else _record_symbol
    record.update(ask(mx, case, arrays, blob))
    return record
