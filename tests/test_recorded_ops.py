"""Operators against what MXNet 1.9.1 answered: outputs, gradients, 'add', auxiliary states, inference, names.

`recorded/README.md` says what was done there; each step is done again here, on every device.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import contexts
from recorded.loader import Array, OperatorCase, operator_cases

import cysym as mx
from cysym.ops.schema import all_ops, find_op

SYMBOLS = [case for case in operator_cases() if case.mode == "symbol"]
CALLS = [case for case in operator_cases() if case.mode == "imperative"]
EVERYWHERE = pytest.mark.parametrize("ctx", contexts(), ids=str)

# Relative to the largest value. MXNet's own float32 kernels (partly MKL-DNN's) are a few 1e-6 from the truth.
TOLERANCE = {"float16": 2e-3, "float32": 1e-5, "float64": 1e-12}

# MXNet answers with something that is not the derivative of what it computes; ours is the derivative.
OTHER_GRADIENT = {
    "SoftmaxActivation/instance_3d": "the forward normalises the last axis, the gradient is that of axis 1"
}


def assert_recorded(what: str, got: Array, want: Array, tolerance: float | None = None) -> None:
    """Same type, shape, NaN and infinities; the rest within the type's tolerance of the largest value."""
    assert (got.dtype, got.shape) == (want.dtype, want.shape), what
    if want.dtype.kind != "f":
        np.testing.assert_array_equal(got, want, err_msg=what)
        return
    finite = np.isfinite(want)
    np.testing.assert_array_equal(got[~finite], want[~finite], err_msg=what)
    scale = float(np.abs(want[finite]).max(initial=0))
    allowed = scale * (TOLERANCE[str(want.dtype)] if tolerance is None else tolerance)
    np.testing.assert_allclose(got[finite], want[finite], rtol=0, atol=allowed, err_msg=what)


def make_symbol(case: OperatorCase) -> Any:
    variables = [mx.sym.Variable(name) for name in case.inputs]
    return getattr(mx.sym, case.op)(*variables, name="op", **case.params)


class Run:
    """The recorded case bound on a device."""

    def __init__(self, case: OperatorCase, ctx: Any, grads: dict[str, Array] | None, req: str) -> None:
        self.case, self.ctx = case, ctx
        load = self.load
        self.args = {n: load(a) for n, a in case.inputs.items() if n not in case.aux}
        self.aux = {n: load(case.inputs[n]) for n in case.aux}
        if grads is None:
            grads = {n: np.full_like(case.inputs[n], 77) for n in case.grads}
        self.grads = {n: load(a) for n, a in grads.items()}
        reqs = {n: req if n in self.grads else "null" for n in self.args}
        self.executor = make_symbol(case).bind(ctx, self.args, self.grads, reqs, self.aux)

    def load(self, array: Array) -> Any:
        return mx.nd.array(array, ctx=self.ctx, dtype=array.dtype)

    def forward(self) -> list[Array]:
        if self.case.seed is not None:
            mx.random.seed(self.case.seed)
        for _ in range(self.case.calls):
            outputs = self.executor.forward(is_train=self.case.is_train)
        return [output.asnumpy() for output in outputs]

    def backward(self, heads: bool = True) -> dict[str, Array]:
        self.executor.backward([self.load(head) for head in self.case.heads] if heads else None)
        return {name: grad.asnumpy() for name, grad in self.grads.items()}


# Operators MXNet was not asked about, and why.
UNASKED = {
    "Custom": "tested through its own files",
    "_contrib_allclose": "gives an array without axes there, of one element here",
    "_copyto": "takes shape and type from out= only",
    "_scatter_set_nd": "works only where the first input is also the output",
    "_set_value": "takes shape and type from out= only",
    "_square_sum": "computes row-sparse arrays only",
    "_zeros_without_dtype": "fails in a call of its own: unknown type -1",
    "mp_lamb_update_phase2": "leaves the float32 copy as it was, so that training stands still",
    "reset_arrays": "has no output",
}


def test_the_record_is_whole() -> None:
    """Every operator that MXNet has is asked about, or listed with the reason why not."""
    registry = json.loads((Path(__file__).parent / "recorded" / "registry.json").read_text())
    ours = {cls.name for cls in all_ops().values()} & {entry["name"] for entry in registry}
    asked = {find_op(case.op).name for case in operator_cases()}
    assert ours - asked == set(UNASKED)


@pytest.mark.parametrize("case", SYMBOLS, ids=str)
def test_inference_and_names(case: OperatorCase) -> None:
    symbol = make_symbol(case)
    assert symbol.list_outputs() == list(case.output_names)
    assert symbol.list_auxiliary_states() == list(case.aux)
    assert case.infer is not None
    found = symbol.infer_shape_partial(**{name: tuple(shape) for name, shape in case.infer["given"].items()})
    for kind, shapes in zip(("args", "outputs", "aux"), found, strict=True):
        assert [list(shape) for shape in shapes] == case.infer[kind], kind


@EVERYWHERE
@pytest.mark.parametrize("case", SYMBOLS, ids=str)
def test_operator(case: OperatorCase, ctx: Any) -> None:
    run = Run(case, ctx, None, "write")
    outputs = run.forward()
    assert len(outputs) == len(case.outputs)
    for k, (got, want) in enumerate(zip(outputs, case.outputs, strict=True)):
        assert_recorded(f"output {k}", got, want)
    for name, want in case.aux_after_forward.items():
        assert_recorded(f"{name} after forward", run.aux[name].asnumpy(), want)
    if not case.is_train:
        return
    for _ in range(case.backwards):
        grads = run.backward()
    for name, want in case.grads.items():
        if case.name not in OTHER_GRADIENT:
            assert_recorded(f"gradient of {name}", grads[name], want)
    for name, want in case.aux_after_backward.items():
        assert_recorded(f"{name} after backward", run.aux[name].asnumpy(), want)
    for name, array in run.args.items():
        assert_recorded(f"{name} afterwards", array.asnumpy(), case.args_after.get(name, case.inputs[name]))
    if case.is_loss:
        run.forward()
        for name, grad in run.backward(heads=False).items():
            assert_recorded(f"gradient of {name} without heads", grad, case.grads[name])


@EVERYWHERE
@pytest.mark.parametrize("case", [case for case in SYMBOLS if case.grad_add], ids=str)
def test_add(case: OperatorCase, ctx: Any) -> None:
    assert case.grad_add is not None
    run = Run(case, ctx, case.grad_add.initial, "add")
    run.forward()
    for name, got in run.backward().items():
        assert_recorded(f"gradient of {name}", got, case.grad_add.result[name])


@EVERYWHERE
@pytest.mark.parametrize("case", CALLS, ids=str)
def test_imperative(case: OperatorCase, ctx: Any) -> None:
    """Optimizer updates in place, and MXNet's random numbers bit for bit on every device."""
    inputs = {n: mx.nd.array(a, ctx=ctx, dtype=a.dtype) for n, a in case.inputs.items()}
    outs = [inputs[name] for name in case.outs]
    out = {"out": outs if len(outs) > 1 else outs[0]} if outs else {}
    with ctx:
        if case.seed is not None:
            mx.random.seed(case.seed)
        for _ in range(case.calls):
            result = getattr(mx.nd, case.op)(*inputs.values(), **case.params, **out)
    results = result if isinstance(result, list) else [result]
    assert [r.context for r in results] == [ctx] * len(case.outputs)
    # uniform numbers are exact; normal ones go through a logarithm and a cosine
    tolerance = None if inputs else (1e-6 if case.op == "_random_normal" else 0.0)
    for k, (got, want) in enumerate(zip(results, case.outputs, strict=True)):
        assert_recorded(f"output {k}", got.asnumpy(), want, tolerance)
    for name, array in inputs.items():
        assert_recorded(f"{name} afterwards", array.asnumpy(), case.args_after.get(name, case.inputs[name]))
