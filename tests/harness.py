"""Machinery of the generated operator tests: a case made into arrays, a symbol, an executor and the truth.

`test_operators.py` says what must hold; here is how a `Case` is brought to run. Inputs and references are
computed once per case and element type, in float64 from the very numbers the device gets.
"""

from __future__ import annotations

import importlib
import pkgutil
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import cases
import numpy as np
from cases import Array, Case

import cysym as mx
from cysym.ops.schema import OpDef, find_op

# Central differences with this step are good to about 1e-9 of the values that are subtracted.
STEP = 1e-5
NUMERIC_ERROR = 1e-7


def eps(dtype: Any) -> float:
    """Relative error of one rounding; 0 for whole numbers."""
    return float(np.finfo(dtype).eps) if np.dtype(dtype).kind == "f" else 0.0


def assert_close(what: str, got: Any, want: Any, tolerance: float, floor: float = 0.0) -> None:
    """`got` in its own type equals the float64 `want` up to `tolerance` roundings of the largest value.

    NaN must meet NaN, infinity the same infinity. `floor` is added to the error allowed.
    """
    got, want = np.asarray(got), np.asarray(want, np.float64)
    assert got.shape == want.shape, f"{what}: shape {got.shape}, expected {want.shape}"
    with np.errstate(over="ignore", invalid="ignore"):
        want = want.astype(got.dtype).astype(np.float64)  # what overflows in the type is infinite in it
    have = got.astype(np.float64)
    special = ~np.isfinite(want)
    np.testing.assert_array_equal(have[special], want[special], err_msg=f"{what}: NaN or infinity")
    if special.all():
        return
    if got.dtype == np.float16:
        tolerance = min(tolerance, 4)  # computed in float32, then rounded: what accumulates does so elsewhere
    scale = float(np.abs(want[~special]).max())
    allowed = tolerance * eps(got.dtype) * scale + floor
    error = np.abs(np.where(special, 0, have) - np.where(special, 0, want))
    if not error.max() <= allowed:
        at = tuple(int(i) for i in np.unravel_index(np.nanargmax(error), error.shape))
        wrong = int((~(error <= allowed)).sum())
        raise AssertionError(
            f"{what}: {wrong} of {error.size} values wrong, worst at {at}: got {have[at]!r}, "
            f"expected {want[at]!r}, error {error[at]:.3g} > {allowed:.3g}"
        )


def assert_same_bits(what: str, got: Array, want: Array) -> None:
    assert (got.dtype, got.shape) == (want.dtype, want.shape), what
    if got.tobytes() != want.tobytes():
        differ = int((got.view(np.uint8) != want.view(np.uint8)).any()) and int((got != want).sum())
        raise AssertionError(f"{what}: {differ} of {got.size} values differ in their bits")


def as_tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


@dataclass(eq=False, frozen=True)
class Subject:
    """One case at its place in its module; `serial` counts the cases of the operator."""

    case: Case
    stem: str
    serial: int

    def __str__(self) -> str:
        return f"{self.stem}-{self.case.id}"

    @cached_property
    def op(self) -> type[OpDef]:
        return find_op(self.case.op)

    @cached_property
    def instance(self) -> OpDef:
        """The operator with the case's parameters, applied to as many inputs."""
        params = dict(self.case.params)
        if self.op.variadic:
            params[self.op.variadic] = self.op.count_of(len(self.case.inputs))
        return self.op.make(params)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Inputs, then auxiliary states."""
        return (*self.case.inputs, *self.case.aux)

    @cached_property
    def mutated(self) -> frozenset[str]:
        """Inputs the operator writes to; auxiliary states among them."""
        written = self.instance.mutates.values()
        return frozenset(self.case.aux) | {n for names in written for n in names}

    def dtype_of(self, name: str, dtype: str) -> str:
        return self.case.input_dtypes.get(name, dtype)

    @cache  # noqa: B019  (subjects live as long as the session)
    def arrays(self, dtype: str) -> dict[str, Array]:
        """Inputs and auxiliary states in the types the device gets."""
        rng = np.random.default_rng([zlib.crc32(self.case.id.encode()), self.serial])
        makers = {**self.case.inputs, **self.case.aux}
        with np.errstate(over="ignore"):  # what overflows in the type is infinite in it
            return {name: make(rng).astype(self.dtype_of(name, dtype)) for name, make in makers.items()}

    def exact(self, dtype: str) -> dict[str, Array]:
        """The same numbers in float64."""
        return {name: array.astype(np.float64) for name, array in self.arrays(dtype).items()}

    @cache  # noqa: B019
    def reference(self, dtype: str) -> tuple[Array, ...]:
        assert self.case.reference is not None
        with np.errstate(all="ignore"):
            outputs = as_tuple(self.case.reference(**self.exact(dtype)))
        return tuple(np.asarray(o, np.float64) for o in outputs)

    @cache  # noqa: B019
    def heads(self, dtype: str, shapes: tuple[tuple[int, ...], ...], types: tuple[str, ...]) -> list[Array]:
        """Random head gradients: ones would hide errors (a softmax has the gradient 0 under ones)."""
        rng = np.random.default_rng([zlib.crc32(self.case.id.encode()), self.serial, 1])
        return [rng.standard_normal(s).astype(t) for s, t in zip(shapes, types, strict=True)]

    def seed(self) -> None:
        """Start the random stream where the operator draws from it: 1024 twisters take milliseconds."""
        if self.instance.is_random:
            mx.random.seed(17)

    @property
    def has_gradient(self) -> bool:
        if self.case.gradient == "numeric":
            return self.case.reference is not None and self.case.is_train and bool(self.wrt)
        return self.case.gradient is not None and self.case.is_train

    @property
    def wrt(self) -> tuple[str, ...]:
        return tuple(self.case.inputs) if self.case.wrt is None else self.case.wrt

    def gradient(self, dtype: str, heads: Sequence[Array]) -> dict[str, Array]:
        """Expected gradients of `wrt` in float64."""
        if self.case.gradient != "numeric":
            assert callable(self.case.gradient)
            ograds = [h.astype(np.float64) for h in heads]
            with np.errstate(all="ignore"):
                found = self.case.gradient(ograds, **self.exact(dtype))
            wanted = found if self.case.wrt is None else self.wrt
            return {name: np.asarray(found[name], np.float64) for name in wanted}
        return self.numeric(dtype, tuple(str(h.dtype) for h in heads))

    @cache  # noqa: B019
    def numeric(self, dtype: str, types: tuple[str, ...]) -> dict[str, Array]:
        """Central differences of the reference, one element after the other."""
        assert self.case.reference is not None
        outputs = self.reference(dtype)
        inputs = self.exact(dtype)
        shapes = tuple(o.shape for o in outputs)
        heads = [h.astype(np.float64) for h in self.heads(dtype, shapes, types)]
        found = {}
        for name in self.wrt:
            gradient = np.zeros(inputs[name].shape)
            values = inputs[name].copy()
            flat, result = values.reshape(-1), gradient.reshape(-1)
            for i, x in enumerate(flat.copy()):
                h = STEP * max(1.0, abs(x))
                ends = []
                for flat[i] in (x + h, x - h):
                    with np.errstate(all="ignore"):
                        outputs_here = as_tuple(self.case.reference(**{**inputs, name: values.copy()}))
                    ends.append(outputs_here)
                flat[i] = x
                difference = sum(float((g * (a - b)).sum()) for g, a, b in zip(heads, *ends, strict=True))
                result[i] = difference / (2 * h)
            found[name] = gradient
        return found

    def slack(self, dtype: str, heads: Sequence[Array]) -> float:
        """Error of the expected gradient itself."""
        if self.case.gradient != "numeric":
            return 0.0
        outputs = self.reference(dtype)
        size = max((float(np.abs(o).max()) for o in outputs if o.size), default=1.0)
        return NUMERIC_ERROR * max(1.0, size) * max((float(np.abs(h).max()) for h in heads), default=1.0)

    def symbol(self, inputs: dict[str, Any] | None = None) -> Any:
        """The operator as node "op" over Variables named like its inputs, or over `inputs`."""
        given = {name: mx.sym.Variable(name) for name in self.names} if inputs is None else inputs
        function = getattr(mx.sym, self.case.op)
        if self.op.variadic:
            return function(*given.values(), name="op", **self.case.params)
        return function(name="op", **given, **self.case.params)

    def check_outputs(self, dtype: str, outputs: Sequence[Array]) -> None:
        """Outputs against the reference, or the properties the case asks for."""
        if self.case.check is not None:
            self.case.check(list(outputs), **self.exact(dtype))
        if self.case.reference is None:
            assert self.case.check is not None, "a case needs a reference or a check"
            return
        want = self.reference(dtype)
        assert len(outputs) == len(want), f"{len(outputs)} outputs, expected {len(want)}"
        for k, (o, w) in enumerate(zip(outputs, want, strict=True)):
            if self.case.exact:
                np.testing.assert_array_equal(o.astype(np.float64), w, err_msg=f"output {k}")
            else:
                assert_close(f"output {k}", o, w, self.case.tolerance)


class Bound:
    """A symbol bound for a subject, with the arrays at hand.

    `req` is one request for all of `wrt` or a dictionary; gradients hold random numbers first, so that one
    that is not written is seen.
    """

    def __init__(
        self,
        subject: Subject,
        ctx: Any,
        dtype: str,
        req: str | dict[str, str] = "write",
        symbol: Any = None,
        arrays: dict[str, Array] | None = None,
        wrt: Sequence[str] | None = None,
    ) -> None:
        self.subject, self.ctx, self.dtype = subject, ctx, dtype
        self.symbol = subject.symbol() if symbol is None else symbol
        self.arrays = subject.arrays(dtype) if arrays is None else arrays
        if wrt is None:
            wrt = subject.wrt if subject.has_gradient else ()
        rng = np.random.default_rng(7)
        self.req = {n: (req if isinstance(req, str) else req[n]) for n in wrt}
        self.prefilled = {
            n: rng.standard_normal(self.arrays[n].shape).astype(self.arrays[n].dtype) for n in self.req
        }
        aux = self.symbol.list_auxiliary_states()
        load = self.load
        self.args = {n: load(a) for n, a in self.arrays.items() if n not in aux}
        self.aux = {n: load(self.arrays[n]) for n in aux}
        self.grads = {n: load(a) for n, a in self.prefilled.items()}
        reqs = {n: self.req.get(n, "null") for n in self.args}
        self.executor = self.symbol.bind(ctx, self.args, self.grads, reqs, self.aux)

    def load(self, array: Array) -> Any:
        return mx.nd.array(array, ctx=self.ctx, dtype=array.dtype)

    def forward(self, is_train: bool | None = None) -> list[Array]:
        train = self.subject.case.is_train if is_train is None else is_train
        return [o.asnumpy() for o in self.executor.forward(is_train=train)]

    def backward(self, heads: Sequence[Array] | None) -> dict[str, Array]:
        self.executor.backward(None if heads is None else [self.load(h) for h in heads])
        return {n: g.asnumpy() for n, g in self.grads.items()}

    def heads(self, outputs: Sequence[Array]) -> list[Array]:
        shapes, types = tuple(o.shape for o in outputs), tuple(str(o.dtype) for o in outputs)
        return self.subject.heads(self.dtype, shapes, types)

    def run(self) -> tuple[list[Array], dict[str, Array]]:
        """Outputs, and gradients where the case has some."""
        self.subject.seed()
        outputs = self.forward()
        return outputs, (self.backward(self.heads(outputs)) if self.req else {})


def load_subjects() -> list[Subject]:
    """All cases of all modules beside `cases/__init__.py`."""
    found: list[Subject] = []
    count: dict[type[OpDef], int] = {}
    for module in sorted(pkgutil.iter_modules(cases.__path__), key=lambda m: m.name):
        for case in importlib.import_module(f"cases.{module.name}").CASES:
            op = find_op(case.op)
            found.append(Subject(case, module.name, count.setdefault(op, 0)))
            count[op] += 1
    return found
