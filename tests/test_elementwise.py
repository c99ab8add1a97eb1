"""Elementwise expressions from the text of the tables to the numbers: grammar, opcodes, accuracy, fusion,
source.

Every expression is computed three times: by the C kernel (asked for by opcode), by a walk over its parsed
tree with NumPy, and, in `cases/elementwise.py`, by NumPy's own function. Here the first two must agree, which
proves that the C files and the Python side number and read the tables alike."""

from __future__ import annotations

import ctypes
import math
import re
import shutil
import subprocess
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases.elementwise import erfinv

import cysym as mx
from cysym._core import topological
from cysym.ops import expr
from cysym.ops.ew_group import ROWS, EwGroup, Form, Instr, compile_tree, function_rule, group_of, read_tables
from cysym.passes import ew_opencl, fuse
from cysym.passes.gradient import gradient
from cysym.passes.ir import Buffer, Call, Tensor

Array = np.ndarray
FORMS = [form for row in ROWS.values() for form in (row.forward, *row.gradients)]
CODES = {"f32": 0, "f64": 1, "u8": 3, "i32": 4, "i8": 5, "i64": 6}
TYPES = {
    "f32": np.float32,
    "f64": np.float64,
    "u8": np.uint8,
    "i8": np.int8,
    "i32": np.int32,
    "i64": np.int64,
}


@pytest.fixture(scope="module", autouse=True)
def scratch() -> None:
    """Kernels called by hand find this thread's scratch memory, which its first program makes."""
    (mx.nd.array([1.0]) + 1).asnumpy()


# --- calling the kernel -------------------------------------------------------------------------------------
class CsCall(ctypes.Structure):
    _fields_ = [
        ("ptr", ctypes.POINTER(ctypes.c_void_p)),
        ("ints", ctypes.POINTER(ctypes.c_int64)),
        ("floats", ctypes.POINTER(ctypes.c_double)),
        ("items", ctypes.c_int64),
    ]


def run_kernel(
    dtype: str, ints: Sequence[int], arrays: Sequence[Array], floats: Sequence[float], cuts: Sequence[int]
) -> None:
    """The ``ew`` kernel over [cuts[0], cuts[1]), [cuts[1], cuts[2]), ..."""
    pointers = (ctypes.c_void_p * len(arrays))(*[a.ctypes.data for a in arrays])
    numbers = (ctypes.c_double * (len(floats) + 1))(*floats)
    call = CsCall(pointers, (ctypes.c_int64 * len(ints))(*ints), numbers, cuts[-1])
    kernel = ctypes.CFUNCTYPE(None, ctypes.POINTER(CsCall), ctypes.c_int64, ctypes.c_int64)(
        mx._core.find_kernel("ew", dtype)
    )
    for begin, end in pairwise(cuts):
        kernel(ctypes.byref(call), begin, end)


def run_group(
    group: EwGroup, ins: Sequence[Array], floats: Sequence[float] = (), like: Array | None = None
) -> list[Array]:
    """Results of a group on dense arrays of one shape."""
    like = ins[0] if like is None else like
    outs = [np.empty_like(like) for _ in group.outs]
    ints = [len(outs), len(ins), len(group.instrs), 0, *group.code()]
    short = next(s for s, t in TYPES.items() if t == like.dtype)
    run_kernel(short, ints, [*outs, *ins], floats, [0, like.size])
    return outs


def run_form(name: str, *ins: Array) -> Array:
    form = next(f for f in FORMS if f.name == name)
    return run_group(group_of((form,))[0], ins)[0]


# --- the tree, walked with NumPy ----------------------------------------------------------------------------
def digamma(x: float) -> float:
    """Difference quotient of log gamma, good to about 1e-8."""
    h = 1e-4
    f = [math.lgamma(x + k * h) for k in (-2, -1, 1, 2)]
    return (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * h)


def by_math(f: Any) -> Any:
    return np.vectorize(f, otypes=[np.float64])


CALLS: dict[str, Any] = {
    "SEL": np.where, "DIV": np.divide, "POW": np.power, "HYPOT": np.hypot, "ISNAN": np.isnan, "ABS": np.abs,
    "MOD": lambda a, b: np.where(b == 0, 0, np.mod(a, b)), "FLOOR": np.floor, "CEIL": np.ceil,
    "TRUNC": np.trunc,
    "SQRT": np.sqrt, "CBRT": np.cbrt, "EXP": np.exp, "EXPM1": np.expm1, "LOG": np.log, "LOG1P": np.log1p,
    "LOG2": np.log2, "LOG10": np.log10, "SIN": np.sin, "COS": np.cos, "TAN": np.tan, "ASIN": np.arcsin,
    "ACOS": np.arccos, "ATAN": np.arctan, "SINH": np.sinh, "COSH": np.cosh, "TANH": np.tanh,
    "ASINH": np.arcsinh,
    "ACOSH": np.arccosh, "ATANH": np.arctanh, "ERF": by_math(math.erf), "TGAMMA": by_math(math.gamma),
    "LGAMMA": by_math(math.lgamma), "DIGAMMA": by_math(digamma), "ERFINV": erfinv,
    "+": np.add, "*": np.multiply, "/": np.divide, "==": np.equal, "!=": np.not_equal, "<": np.less,
    "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal, "&": np.logical_and, "|": np.logical_or,
}  # fmt: skip


def walk(tree: expr.Tree, values: dict[str, Any]) -> Any:
    if tree[0] == "K":
        return np.float64(tree[1])
    if len(tree) == 1:
        return values[tree[0]]
    args = [walk(t, values) for t in tree[1:]]
    if tree[0] == "-":
        return -args[0] if len(args) == 1 else args[0] - args[1]
    result = CALLS[tree[0]](*args)
    return np.asarray(result, np.float64)


def form_id(form: Form) -> str:
    return form.name


# --- the language -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x +", "expected 'more', got 'the end'"),
        ("x + 1", "bare number 1"),
        ("K(x)", "K takes a number"),
        ("SEL(x, y)", "SEL takes 3 arguments, got 2"),
        ("FOO(x)", "unknown name 'FOO'"),
        ("x + q", "unknown name 'q'"),
        ("x y", "unexpected 'y'"),
        ("(x", "expected ')'"),
        ("x ? y : g", "unexpected '?'"),
        ("x = y", "unexpected '='"),
        ("", "expected 'more'"),
    ],
)
def test_parser_refuses(text: str, words: str) -> None:
    with pytest.raises(expr.ExpressionError, match=re.escape(words)):
        expr.parse(text)


def test_operators_bind_as_in_c() -> None:
    assert expr.parse("x - y - g") == ("-", ("-", ("x",), ("y",)), ("g",))
    assert expr.parse("-x * y") == ("*", ("-", ("x",)), ("y",))
    assert expr.parse("x < y == g") == ("==", ("<", ("x",), ("y",)), ("g",))
    assert expr.parse("x == y & g") == ("&", ("==", ("x",), ("y",)), ("g",))
    assert expr.parse("x & y | g") == ("|", ("&", ("x",), ("y",)), ("g",))
    assert expr.parse("x + y * g > s") == (">", ("+", ("x",), ("*", ("y",), ("g",))), ("s",))


@pytest.mark.parametrize(
    "text", ['CS_UNARY(a, "", x)', 'CS_BINARY(a, "", x, g)', 'CS_UNARY(a, "", x, g)\nCS_UNARY(a, "", x, g)']
)
def test_bad_rows_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"columns|twice"):
        read_tables([("unary", text)])


@pytest.mark.parametrize("form", FORMS, ids=form_id)
def test_every_expression_parses(form: Form) -> None:
    tree = expr.parse(form.text, form.slots + ("st" if form.scalars else ""))
    assert "K" not in expr.readable(form.text)
    assert tree


# --- numbering and C agree with the trees -------------------------------------------------------------------
@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize("form", FORMS, ids=form_id)
def test_opcode_computes_its_expression(form: Form, dtype: str) -> None:
    rng = np.random.default_rng(form.opcode)
    low = 1.05 if "ACOSH" in form.text or "SQRT(x * x - " in form.text else 0.1
    high = (
        0.9
        if any(f in form.text for f in ("ASIN(", "ACOS(", "ATANH", "ERFINV", "(1) - x * x", "(1.0) - x * x"))
        else 3.0
    )
    scale = {v: rng.uniform(low, max(high, low + 1) if low > 1 else high, 37) for v in form.slots}
    values = {v: a.astype(TYPES[dtype]) for v, a in scale.items()}
    scalars = [1.25, 1.75]
    group, reads = group_of((form,))
    got = run_group(group, [values[v] for v in reads], scalars, like=values[form.slots[0]])[0]
    exact = {v: a.astype(np.float64) for v, a in values.items()} | dict(zip("st", scalars))
    want = np.broadcast_to(walk(expr.parse(form.text), exact), got.shape)
    tolerance = 64 * np.finfo(TYPES[dtype]).eps * max(1, np.abs(want).max())
    tolerance += 1e-6 * ("DIGAMMA" in form.text) * np.abs(want).max()
    np.testing.assert_allclose(got, want, rtol=0, atol=tolerance)


def test_names_are_mxnets() -> None:
    """Aliases and broadcasting names of a row are the operator's."""
    for name, same in (
        ("_plus", "elemwise_add"),
        ("_Mul", "elemwise_mul"),
        ("broadcast_plus", "broadcast_add"),
    ):
        assert mx.ops.find_op(name) is mx.ops.find_op(same)
    assert "broadcast" in mx.ops.find_op("broadcast_maximum").__doc__
    with pytest.raises(mx.MXNetError, match="prelu"):
        mx.ops.find_op("prelu")


# --- accuracy -----------------------------------------------------------------------------------------------
ULP = {"exp": 1.1, "expm1": 2, "log": 1, "log1p": 2, "tanh": 3, "erf": 3, "sigmoid": 3}
EXACT = {
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "tanh": np.tanh,
    "erf": by_math(math.erf),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
}


@pytest.mark.parametrize("name", ULP)
def test_float32_functions_to_the_last_place(name: str) -> None:
    """Every 2003rd float32 (erf, sigmoid: of the range where they are not constant) against float64."""
    x = np.arange(0, 2**32, 2003, dtype=np.uint32).view(np.float32)
    x = x[np.isfinite(x)]
    if name in ("erf", "sigmoid"):
        x = np.ascontiguousarray(x[(np.abs(x) < (5 if name == "erf" else 87)) & (np.abs(x) > 1e-12)][::5])
    with np.errstate(all="ignore"):
        want = EXACT[name](x.astype(np.float64))
        rounded = want.astype(np.float32)
    got = run_form(name, x)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
    np.testing.assert_array_equal(np.isinf(got), np.isinf(rounded))
    fine = np.isfinite(rounded)
    ulp = np.maximum(np.spacing(np.abs(rounded[fine])).astype(np.float64), 2.0**-149)
    assert np.max(np.abs(got[fine] - want[fine]) / ulp) <= ULP[name]


@pytest.mark.parametrize("name", ULP)
def test_float32_functions_at_the_ends(name: str) -> None:
    ends = [np.nan, np.inf, -np.inf, 0, -0.0, 1, 88.73, 89, -87.5, -103.9, -104.1, 1e30, -1e30, 1e-45, -1e-45]
    x = np.array(ends, np.float32)
    with np.errstate(all="ignore"):
        want = EXACT[name](x.astype(np.float64)).astype(np.float32)
    got = run_form(name, x)
    np.testing.assert_allclose(got, want, rtol=3e-7, atol=2e-45 if name != "sigmoid" else 1e-38)
    signed = ~np.isnan(want) & ((want != 0) | (name != "sigmoid"))
    np.testing.assert_array_equal(np.signbit(got[signed]), np.signbit(want[signed]))


# Functions a vector loop may hold.
VECTOR = {
    "SEL", "DIV", "ISNAN", "ABS", "FLOOR", "CEIL", "TRUNC", "SQRT", "EXP", "EXPM1", "LOG", "LOG1P", "TANH",
    "ERF", "K",
}  # fmt: skip
FLAGS = {
    "": ["-march=x86-64", "-mtune=generic", "-std=gnu11", "-O3", "-fno-math-errno", "-fno-trapping-math"],
    "avx2": ["-mavx2", "-mfma", "-mf16c"],
    "avx512": [
        "-mavx2", "-mfma", "-mf16c", "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl",
        "-mprefer-vector-width=512",
    ],
}  # fmt: skip


@pytest.mark.skipif(
    shutil.which("gcc") is None or mx._core.ISA == "base", reason="needs gcc and a vector ISA"
)
@pytest.mark.parametrize(("isa", "width"), [("avx2", 32), ("avx512", 64)])
def test_loops_vectorise(isa: str, width: int) -> None:
    """GCC reports the loop of every expression without a scalar library function as vectorised at full
    width."""
    folder = Path(mx.__file__).parent / "c_kernels"
    # Without icf: equal loops are not folded, each line of a table is reported.
    names = [f"-DCS_ISA={isa}", f"-DCS_ISA_{isa}=1", "-DCS_DT=f32", "-DCS_DT_f32=1"]
    flags = [*FLAGS[""], *FLAGS[isa], *names, "-fno-ipa-icf", "-fopt-info-vec-optimized"]
    command = ["gcc", *flags, "-c", str(folder / "elementwise.c"), "-o", "/dev/null"]
    report = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    found: dict[tuple[str, int], int] = {}
    for file, line in re.findall(
        rf"(\w+)\.inc:(\d+):\d+: optimized: loop vectorized using {width} byte", report
    ):
        found[file, int(line)] = found.get((file, int(line)), 0) + 1
    scalar = []
    for kind in ("unary", "binary", "scalar"):
        text = (folder / f"{kind}.inc").read_text().splitlines()
        for number, line in enumerate(text, 1):
            match = re.match(r"CS_\w+\((\w+),", line)
            if match is None:
                continue
            row = ROWS[match[1]]
            forms = [f for f in (row.forward, *row.gradients) if f.reads]
            expected = sum(set(re.findall(r"[A-Z]\w*", f.text)) <= VECTOR for f in forms)
            last = number
            while not text[last - 1].endswith(")"):
                last += 1
            if sum(found.get((kind, k), 0) for k in range(number, last + 1)) < expected:
                scalar.append(row.name)
    assert found
    assert not scalar


# --- the interpreter ----------------------------------------------------------------------------------------
def tensor(array: Array, base: Array | None = None) -> Tensor:
    """A tensor over a NumPy array; `base` is the array whose memory a view looks into."""
    base = array if base is None else base
    short = next(s for s, t in TYPES.items() if t == array.dtype)
    offset = array.ctypes.data - base.ctypes.data
    return Tensor(buffer_of(base), array.shape, CODES[short], offset, array.strides)


_buffers: dict[int, tuple[Buffer, Array]] = {}


def buffer_of(base: Array) -> Buffer:
    return _buffers.setdefault(id(base), (Buffer("external", base.nbytes, None), base))[0]


def run_calls(calls: Sequence[Call], memory: dict[Buffer, Array], pieces: int = 1) -> None:
    """Elementwise calls on NumPy memory."""
    fuse.finalize(calls)
    for call in calls:
        views = []
        for t in call.ptrs:
            raw = memory[t.buffer].reshape(-1).view(np.uint8)
            views.append(raw[t.offset :])
        cuts = [call.items * k // pieces for k in range(pieces + 1)]
        run_kernel(call.dtype, call.ints, views, call.floats, cuts)


def ew_call(form: Form, out: Tensor, *ins: Tensor, floats: Sequence[float] = ()) -> Call:
    group = group_of((form,))[0]
    dtype = next(s for s, c in CODES.items() if c == out.dtype)
    return Call("ew", dtype, [out], list(ins), [], list(floats), out.size, group.cost, None, source=group)


@pytest.mark.parametrize("pieces", [1, 3, 7])
@pytest.mark.parametrize("dtype", ["f32", "f64", "i32", "u8"])
def test_strides(rng: np.random.Generator, dtype: str, pieces: int) -> None:
    """Rows longer and shorter than a tile, transposed, stretched, stepped, reversed axes, a strided
    output."""
    kind = TYPES[dtype]
    for shape in ((2, 3, 5), (7, 600), (3, 130), (5, 1, 11, 2), (1100,), (1,)):
        base = np.zeros((*shape[:-1], 2 * shape[-1]), kind)
        out = base[..., shape[-1] :]
        transposed = rng.integers(1, 50, shape[::-1]).astype(kind).T
        for other in (shape, (1,) * len(shape), (*shape[:-1], 1), (1, *shape[1:])):
            small = rng.integers(1, 50, other).astype(kind)
            stretched = np.broadcast_to(small, shape)
            memory = {}
            tensors = []
            for array, whole in ((out, base), (transposed, transposed.base), (stretched, small)):
                tensors.append(tensor(array, whole))
                memory[tensors[-1].buffer] = whole
            base[...] = 0
            run_calls([ew_call(ROWS["elemwise_add"].forward, *tensors)], memory, pieces)
            np.testing.assert_array_equal(out, transposed + small)
            assert not base[..., : shape[-1]].any()


def test_slices_change_no_bit(rng: np.random.Generator) -> None:
    """A group over a large array: tiles, prefetch and cuts at odd places."""
    x, y = (rng.standard_normal(70001).astype(np.float32) for _ in range(2))
    rows = [ROWS["elemwise_mul"].forward, ROWS["tanh"].forward, ROWS["elemwise_add"].forward]
    instrs = (Instr(rows[0], (0, 1)), Instr(rows[1], (2,)), Instr(rows[2], (3, 0)))
    group = EwGroup(2, instrs, (4, 3))
    whole = run_group(group, [x, y])
    ints = [2, 2, 3, 0, *group.code()]
    parts = [np.empty_like(x), np.empty_like(x)]
    run_kernel("f32", ints, [*parts, x, y], [], [0, 512 * 3, 512 * 64, 70001])
    for a, b in zip(whole, parts):
        assert a.tobytes() == b.tobytes()
    np.testing.assert_allclose(whole[0], np.tanh(x * y) + x, rtol=1e-5, atol=1e-6)


def test_output_over_its_own_input() -> None:
    """The pairs a group declares are safe: an input is not read after the output in its place is written."""
    add, double = ROWS["elemwise_add"].forward, ROWS["_mul_scalar"].forward
    group = EwGroup(2, (Instr(double, (0,)), Instr(add, (2, 1)), Instr(add, (3, 1))), (2, 4), 1)
    assert group.pairs() == [(0, 0), (0, 1), (1, 1)]
    x, y = np.arange(1200.0), np.ones(1200)
    ints = [2, 2, 3, 0, *group.code()]
    run_kernel("f64", ints, [x, y, x, y], [2.0], [0, 1200])
    np.testing.assert_array_equal(x, 2 * np.arange(1200.0))
    np.testing.assert_array_equal(y, 2 * np.arange(1200.0) + 2)


def test_too_many_dimensions_are_refused() -> None:
    shape = (2,) * 17
    strides = tuple(8 * 3**k for k in range(17))
    out, x = (
        Tensor(Buffer("arena", 8 * 2**17, None), shape, 1),
        Tensor(Buffer("arena", 0, None), shape, 1, 0, strides),
    )
    with pytest.raises(mx.MXNetError, match="17 dimensions"):
        fuse.finalize([ew_call(ROWS["negative"].forward, out, x)])


# --- derivatives and expressions without a row --------------------------------------------------------------
SMOOTH = [
    f for f in FORMS if f.reads and not re.search("FLOOR|MOD|TRUNC|CEIL|ISNAN|DIGAMMA|GAMMA|[<>=]", f.text)
]


@pytest.mark.parametrize("form", SMOOTH, ids=form_id)
def test_derivatives(form: Form) -> None:
    """Derivative of the tree against differences of the tree, and the compiled tree against both."""
    rng = np.random.default_rng(form.opcode)
    values: dict[str, Any] = {v: rng.uniform(0.2, 0.8, 5) for v in form.slots} | {"s": 1.25, "t": 0.5}
    if "ACOSH" in form.text or "x * x - K(1)" in form.text:
        values["x"] += 1
    tree = expr.parse(form.text)
    for v in form.reads:
        slope = expr.derivative(tree, v, function_rule)
        h = 1e-6
        ends = [walk(tree, values | {v: values[v] + d}) for d in (h, -h)]
        want = np.broadcast_to((ends[0] - ends[1]) / (2 * h), (5,))
        np.testing.assert_allclose(np.broadcast_to(walk(slope, values), (5,)), want, rtol=1e-6, atol=1e-7)
        group, floats = compile_tree(slope, form.slots, {"s": 1.25, "t": 0.5})
        got = run_group(group, [values[k] for k in form.slots], floats)[0]
        np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-7)


def gradients(y: Any, head: Any, *wrt: Any) -> list[Any]:
    """Symbols of the gradients of y . head."""
    order = topological(y._entries)
    entries = gradient(order, y._entries, [head._entries[0]], [v._entries[0][0] for v in wrt])
    return [mx.sym.Symbol([e]) for e in entries if e is not None]


@pytest.mark.parametrize("name", ["sin", "tanh", "sigmoid", "square", "log", "_hypot", "_power"])
def test_second_derivatives(name: str, ctx: Any, rng: np.random.Generator) -> None:
    """The gradient of a gradient against differences of the gradient."""
    a, b, head = mx.sym.Variable("a"), mx.sym.Variable("b"), mx.sym.Variable("head")
    y = getattr(mx.sym, name)(a * 1.5, *([b] if ROWS[name].kind == "binary" else []))
    (first,) = gradients(y, head, a)
    arrays = {n: rng.uniform(0.5, 1.5, (3, 5)) for n in first.list_arguments()}
    weight = rng.standard_normal((3, 5))

    def load(array: Array) -> Any:
        return mx.nd.array(array, ctx=ctx, dtype="float64")

    def run(**changed: Array) -> tuple[Array, dict[str, Array]]:
        args = {n: load(changed.get(n, value)) for n, value in arrays.items()}
        grads = {n: load(np.full((3, 5), np.nan)) for n in arrays}
        executor = first.bind(ctx, args, grads)
        value = executor.forward(is_train=True)[0].asnumpy()
        executor.backward([load(weight)])
        return value, {n: g.asnumpy() for n, g in grads.items()}

    _, second = run()
    for n, value in arrays.items():
        want = (run(**{n: value + 1e-5})[0] - run(**{n: value - 1e-5})[0]) / 2e-5 * weight
        np.testing.assert_allclose(second[n], want, rtol=1e-7, atol=1e-8)


def test_third_derivatives(ctx: Any, rng: np.random.Generator) -> None:
    a, head = mx.sym.Variable("a"), mx.sym.Variable("head")
    found = mx.sym.sin(a)
    for _ in range(3):
        (found,) = gradients(found, head, a)
    at, weight = rng.standard_normal((3, 5)), rng.standard_normal((3, 5))
    args = {n: mx.nd.array(v, ctx=ctx, dtype="float64") for n, v in (("a", at), ("head", weight))}
    third = found.bind(ctx, args).forward()[0].asnumpy()
    np.testing.assert_allclose(third, -np.cos(at) * weight**3, rtol=1e-12)


# --- fusion -------------------------------------------------------------------------------------------------
def arena(shape: tuple[int, ...] = (4, 6), name: str = "") -> Tensor:
    return Tensor(Buffer("arena", 8 * math.prod(shape), None, name=name), shape, 1)


def external(shape: tuple[int, ...] = (4, 6)) -> Tensor:
    return Tensor(Buffer("external", 8 * math.prod(shape), None), shape, 1)


def joined(*calls: Call) -> list[Call]:
    return fuse.fuse(calls, lambda buffer: buffer.kind != "arena")


TANH, ADD, COPY = ROWS["tanh"].forward, ROWS["elemwise_add"].forward, ROWS["copy"].forward


def foreign(outs: list[Tensor], ins: list[Tensor], **kw: Any) -> Call:
    return Call("other", "f64", outs, ins, [], [], 1, 1.0, None, **kw)


def test_a_chain_becomes_one_call() -> None:
    x, t, u, y = external(), arena(), arena(), external()
    calls = joined(ew_call(TANH, t, x), ew_call(TANH, u, t), ew_call(ADD, y, u, x))
    assert len(calls) == 1
    assert calls[0].outs == [y]
    assert calls[0].ins == [x]
    assert [i.form for i in calls[0].source.instrs] == [TANH, TANH, ADD]
    assert calls[0].inplace == [(0, 0)]


def test_what_others_read_stays_an_output() -> None:
    x, t, y, z = external(), arena(), external(), external()
    calls = joined(ew_call(TANH, t, x), ew_call(TANH, y, t), foreign([z], [t]))
    assert len(calls) == 2
    assert calls[0].outs == [t, y]


def test_equal_scalars_are_passed_once() -> None:
    x, t, y = external(), arena(), external()
    scale = ROWS["_mul_scalar"].forward
    (call,) = joined(ew_call(scale, t, x, floats=[0.5]), ew_call(scale, y, t, floats=[0.5]))
    assert call.floats == [0.5]
    assert [i.at for i in call.source.instrs] == [0, 0]


@pytest.mark.parametrize(
    "case", ["read", "input written", "callback", "dtype", "view", "stretched", "special"]
)
def test_what_forbids_a_join(case: str) -> None:
    x, t, y, z = external(), arena(), external(), external()
    first, last = ew_call(TANH, t, x), ew_call(TANH, y, t)
    middle: list[Call] = []
    if case == "read":
        middle = [foreign([z], [t])]
    elif case == "input written":
        middle = [foreign([x], [z])]
    elif case == "callback":
        middle = [foreign([z], [], callback=lambda outs, ins: None)]
    elif case == "dtype":
        last.dtype = "f32"
    elif case == "view":
        last = ew_call(TANH, external((2, 6)), t.view((2, 6), 96))
    elif case == "stretched":
        wide = external((5, 4, 6))
        last = ew_call(TANH, wide, t.view((5, 4, 6), 0, (0, *t.strides)))
    else:
        first.once = True
    assert len(joined(first, *middle, last)) == 2 + len(middle)


def test_a_join_may_not_lengthen_lives() -> None:
    """a + b is not moved past other work where one result would stand for two inputs kept alive."""
    a, b, t, y, z = arena(), arena(), arena(), external(), external()
    make = [foreign([a], [z]), foreign([b], [z])]
    between = foreign([external()], [z])
    calls = joined(*make, ew_call(ADD, t, a, b), between, ew_call(TANH, y, t))
    assert len(calls) == 5
    assert len(joined(*make, ew_call(ADD, t, a, b), ew_call(TANH, y, t), between)) == 4


def test_shapes_differ_only_in_name() -> None:
    x, t, y = external(), arena(), external((24,))
    assert len(joined(ew_call(TANH, t, x), ew_call(TANH, y, t.view((24,))))) == 1


def test_limits() -> None:
    tensors = [external(), *[arena() for _ in range(99)], external()]
    calls = joined(*[ew_call(TANH, b, a) for a, b in pairwise(tensors)])
    assert [len(c.source.instrs) for c in calls] == [32, 32, 32, 4]
    ins = [external() for _ in range(31)]
    sums = [ins[0], *[arena() for _ in range(29)], external()]
    calls = joined(*[ew_call(ADD, sums[k + 1], sums[k], ins[k + 1]) for k in range(30)])
    assert max(len(c.ptrs) for c in calls) == 12
    memory = {t.buffer: np.full(t.shape, float(k)) for k, t in enumerate(ins)}
    memory |= {t.buffer: np.zeros(t.shape) for t in sums[1:]}
    run_calls(calls, memory)
    np.testing.assert_array_equal(memory[sums[-1].buffer], sum(range(31)))


UNARY = ["tanh", "sigmoid", "negative", "square", "softsign", "relu"]
BINARY = ["elemwise_add", "elemwise_mul", "elemwise_sub", "_maximum"]


def random_network(seed: int) -> Any:
    """A graph of elementwise operators, some broadcasting, some behind a reshape or a slice, with two or
    three heads."""
    rng = np.random.default_rng(seed)
    made = [mx.sym.Variable(n) for n in "abc"]
    row = mx.sym.Variable("row")

    def pick() -> Any:
        return made[max(0, len(made) - 1 - int(rng.exponential(2)))]

    for _ in range(int(rng.integers(5, 40))):
        kind = rng.integers(10)
        if kind < 3:
            new = getattr(mx.sym, UNARY[rng.integers(len(UNARY))])(pick())
        elif kind < 6:
            new = getattr(mx.sym, BINARY[rng.integers(len(BINARY))])(pick(), pick())
        elif kind == 6:
            new = pick() * float(rng.uniform(-1, 1)) + 0.25
        elif kind == 7:
            new = mx.sym.broadcast_mul(pick(), row)
        elif kind == 8:
            new = mx.sym.Reshape(mx.sym.tanh(mx.sym.Reshape(pick(), shape=(-1,))), shape=(3, 10))
        else:
            halves = mx.sym.SliceChannel(mx.sym.Concat(pick(), pick(), dim=1), num_outputs=2, axis=1)
            new = mx.sym.tanh(halves[0]) + halves[1]
        made.append(new)
    return mx.sym.Group([made[-1], *[made[i] for i in rng.integers(4, len(made), 2)]])


@pytest.mark.parametrize("seed", range(25))
def test_random_networks_fused_or_not(seed: int, ctx: Any) -> None:
    symbol = random_network(seed)
    rng = np.random.default_rng(seed)
    names = symbol.list_arguments()
    arrays = {n: rng.standard_normal((3, 10) if n != "row" else (1, 10)).astype(np.float32) for n in names}
    results = []
    for is_fused in (True, False):
        with mx.executor.options(fuse=is_fused):
            args = {n: mx.nd.array(a, ctx=ctx) for n, a in arrays.items()}
            grads = {n: mx.nd.zeros(a.shape, ctx=ctx) for n, a in arrays.items()}
            executor = symbol.bind(ctx, args, grads)
            outputs = executor.forward(is_train=True)
            heads = [
                mx.nd.array(np.cos(np.arange(30)).reshape(3, 10) * (k + 1), ctx=ctx)
                for k in range(len(outputs))
            ]
            executor.backward(heads)
            results.append([o.asnumpy() for o in outputs] + [grads[n].asnumpy() for n in names])
    for fused, single in zip(*results):
        scale = max(1.0, float(np.abs(single).max()))
        np.testing.assert_allclose(fused, single, rtol=0, atol=2e-5 * scale)


# --- OpenCL source ------------------------------------------------------------------------------------------
def test_equal_groups_have_equal_source() -> None:
    x, t, y = external(), arena(), external()
    (one,) = joined(ew_call(TANH, t, x), ew_call(ADD, y, t, x))
    x, t, y = external((7,)), arena((7,)), external((7,))
    (two,) = joined(ew_call(TANH, t, x), ew_call(ADD, y, t, x))
    assert one.source is two.source
    text = ew_opencl.source(one.source, "f32")
    assert text == ew_opencl.source(two.source, "f32")
    assert text != ew_opencl.source(group_of((TANH,))[0], "f32")
    assert text.startswith("//! dtypes: f32\n")
    assert re.search(r"__kernel void ew_[0-9a-f]{16}\(OUT\(y0\), IN\(x0\), INTS, ITEMS\)", text)
