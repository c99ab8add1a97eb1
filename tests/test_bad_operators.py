"""Bad inputs of operators: each gives one clear error, as NDArrays and as symbols, and damages nothing.

The rows stand in bad/. Besides, every operator is asked with mistakes any operator can be asked with, and the
cases of tests/cases are changed in every way a user could get them wrong: a result or a clear error must come
out, never a crash. `make sanitize` runs this file under AddressSanitizer and UBSan.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import warnings
from typing import Any

import bad
import mutate
import numpy as np
import pytest
from bad import Bad, Nasty
from conftest import contexts
from harness import as_tuple, load_subjects

import cysym as mx
from cysym.ops.schema import OpDef, all_ops, find_op

ROWS: list[Any] = [
    row
    for module in sorted(pkgutil.iter_modules(bad.__path__), key=lambda m: m.name)
    for row in importlib.import_module(f"bad.{module.name}").ROWS
]
BAD = [row for row in ROWS if isinstance(row, Bad)]
NASTY = [row for row in ROWS if isinstance(row, Nasty)]
CLEAR = (mx.MXNetError, TypeError, ValueError, IndexError)
NO_ARRAY = (*CLEAR, AssertionError)  # as MXNet says that an input is no NDArray
OPERATORS = sorted({op for op in all_ops().values() if not op.is_callback}, key=lambda op: op.name)
SUBJECTS = {s.op: s for s in reversed(load_subjects()) if not s.op.is_callback}


def names_of(op: type[OpDef]) -> tuple[str, ...]:
    return (op.name, *op.aliases)


def check_text(op: type[OpDef], error: BaseException, texts: tuple[str, ...], *more: str) -> None:
    text = str(error)
    assert any(name in text for name in (*names_of(op), *more)), f"{text!r} does not name {op.name}"
    for pattern in texts:
        assert re.search(pattern, text), f"{text!r} does not tell {pattern!r}"
    assert "internal" not in text
    assert len(text) < 3000, text


def load(arrays: list[np.ndarray], ctx: Any) -> list[Any]:
    """The arrays on a device, those without axes among them."""
    return [mx.nd.array(a, ctx=ctx, dtype=a.dtype).reshape(a.shape) for a in arrays]


def check_still_works(ctx: Any) -> None:
    x = mx.nd.array([[1, 2], [3, 4]], ctx=ctx)
    np.testing.assert_array_equal(mx.nd.dot(x, x).asnumpy(), [[7, 10], [15, 22]])


def test_there_are_enough_rows() -> None:
    assert len({row.id for row in BAD}) >= 300
    asked = {find_op(row.op) for row in ROWS}
    missing = [op.name for op in OPERATORS if op not in asked]
    assert not missing


@pytest.mark.parametrize("row", BAD, ids=[row.id for row in BAD])
def test_one_clear_error(row: Bad, ctx: Any) -> None:
    """Imperatively, without and with ``out=``."""
    op = find_op(row.op)
    function = getattr(mx.nd, row.op)
    with mx.util.np_shape(row.needs_np_shape), ctx:
        inputs, out = load(row.arrays(), ctx), mx.nd.full((2, 3), 9, ctx=ctx)
        for more in ({}, {"out": out}):
            with pytest.raises(mx.MXNetError) as caught:
                function(*inputs, **row.params, **more)
            check_text(op, caught.value, row.texts)
        for before, after in zip(row.arrays(), inputs, strict=True):
            np.testing.assert_array_equal(after.asnumpy(), before)
        np.testing.assert_array_equal(out.asnumpy(), np.full((2, 3), 9))
    check_still_works(ctx)


@pytest.mark.parametrize("row", BAD, ids=[row.id for row in BAD])
def test_one_clear_error_of_a_symbol(row: Bad) -> None:
    """Composing, inferring or binding refuses it, and names the node or the operator."""
    op = find_op(row.op)
    function = getattr(mx.sym, row.op)
    names = [f"in{i}" for i in range(len(row.specs()))]
    shapes = {n: shape for n, (shape, _) in zip(names, row.specs(), strict=True)}
    types = {n: dtype for n, (_, dtype) in zip(names, row.specs(), strict=True)}

    def use() -> None:
        symbol = function(*[mx.sym.Variable(n) for n in names], name="node", **row.params)
        symbol.infer_shape(**shapes)
        symbol.infer_type(**types)
        symbol.simple_bind(mx.cpu(), grad_req="null", type_dict=types, **shapes)

    with mx.util.np_shape(row.needs_np_shape), pytest.raises(CLEAR) as caught:
        use()
    check_text(op, caught.value, (), "node")


@pytest.mark.parametrize("row", NASTY, ids=[row.id for row in NASTY])
def test_nasty_but_legal(row: Nasty, ctx: Any) -> None:
    """A result; where `want` tells which, that one. The inputs stay."""
    arrays = [np.asarray(a) for a in row.inputs]
    with mx.util.np_shape(True), ctx:
        inputs = load(arrays, ctx)
        function = getattr(mx.nd, row.op)
        if isinstance(row.want, type):
            with pytest.raises(row.want) as caught:
                function(*inputs, **row.params)
            check_text(find_op(row.op), caught.value, ("index", r"-?\d+"))
            outputs = []
        else:
            outputs = [o.asnumpy() for o in as_tuple(function(*inputs, **row.params))]
        if row.want is not None and outputs:
            wants = row.want if isinstance(row.want, list) else [row.want]
            for got, want in zip(outputs, wants, strict=True):
                assert got.shape == want.shape
                np.testing.assert_allclose(got, want, 1e-6)
        for before, after in zip(arrays, inputs, strict=True):
            if not find_op(row.op).mutates:
                np.testing.assert_array_equal(after.asnumpy(), before)
    check_still_works(ctx)


@pytest.mark.parametrize("op", OPERATORS, ids=[op.name for op in OPERATORS])
def test_mistakes_any_operator_can_meet(op: type[OpDef]) -> None:
    """Unknown and nonsensical parameters, inputs of another kind, too many inputs, wrong ``out=``."""
    if op not in SUBJECTS:
        pytest.skip("a gradient, never called by name")
    subject = SUBJECTS[op]
    function, compose = getattr(mx.nd, op.name), getattr(mx.sym, op.name)
    dtype = "float32" if "float32" in subject.case.dtypes else subject.case.dtypes[0]
    arrays = list(subject.arrays(dtype).values())
    inputs, params = load(arrays, mx.cpu()), subject.case.params
    wrong: list[tuple[str, dict[str, Any]]] = [("bogus", {**params, "bogus": 1})]
    for name, param in op.params.items():
        if name != op.variadic and param.kind not in ("string", "any"):
            wrong.append((name, {**params, name: "a?b"}))
            wrong.append((name, {**params, name: {1: 2}}))
    for name, changed in wrong:
        for call in [lambda p: function(*inputs, **p)] + [lambda p: compose(**p)] * (not op.variadic):
            with pytest.raises(CLEAR) as caught:
                call(changed)
            check_text(op, caught.value, ("(?i)" + name.replace("_", "[ _]"),))
    if inputs:
        for other in (np.ones(3), "x", 3, mx.sym.Variable("x")):
            with pytest.raises(NO_ARRAY, match=r"NDArray|Symbol|array"):
                function(other, *inputs[1:], **params)
    if not op.variadic:
        with pytest.raises(CLEAR) as caught:
            function(*inputs, *load([np.ones(3, np.float32)] * 9, mx.cpu()), **params)
        check_text(op, caught.value, ())
    if op.name == "_set_value":  # takes any out=
        return
    out = mx.nd.full((5, 1, 1, 1, 1, 1, 1), 9, dtype="uint8")
    with pytest.raises(CLEAR) as caught:
        function(*inputs, **params, out=out)
    check_text(op, caught.value, ())
    np.testing.assert_array_equal(out.asnumpy(), np.full(out.shape, 9))
    for before, after in zip(arrays, inputs, strict=True):
        np.testing.assert_array_equal(after.asnumpy(), before)


def use(function: Any, inputs: list[Any], params: dict[str, Any], has_gradient: bool) -> None:
    """Forward, and backward where there is one."""
    floating = [x for x in inputs if np.dtype(x.dtype).kind == "f"] if has_gradient else []
    for x in floating:
        x.attach_grad()
    with mx.autograd.record() if floating else mx.autograd.pause():
        outputs = as_tuple(function(*inputs, **params))
    for output in outputs:
        output.asnumpy()
    heads = [o for o in outputs if np.dtype(o.dtype).kind == "f"]
    if floating and heads:
        mx.autograd.backward(heads)
        for x in floating:
            x.grad.asnumpy()


@pytest.mark.parametrize("op", SUBJECTS, ids=[op.name for op in SUBJECTS])
def test_changed_cases(op: type[OpDef]) -> None:
    """A good case with one thing changed gives a result or a clear error, and leaves its inputs."""
    subject = SUBJECTS[op]
    function = getattr(mx.nd, subject.case.op)
    tried = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of NumPy, while inputs are made
        for change in mutate.changes(subject):
            with mx.util.np_shape(change.needs_np_shape):
                inputs = load(change.arrays, mx.cpu())
                try:
                    use(function, inputs, change.params, subject.has_gradient)
                except mx.base.OutOfMemoryError:
                    pass
                except mx.MXNetError as error:
                    check_text(op, error, ())
                except CLEAR as error:
                    pytest.fail(f"{change.what}: {type(error).__name__}: {error}")
                if not subject.mutated:
                    for before, after in zip(change.arrays, inputs, strict=True):
                        np.testing.assert_array_equal(after.asnumpy(), before, err_msg=change.what)
            tried += 1
    assert tried or not subject.names
    check_still_works(contexts()[0])
