"""Sampling with arrays as parameters: `_sample_X` of every distribution, `_sample_multinomial`,
`_sample_unique_zipfian`.

The distributions and the state of the stream are random.py's, and so are the kernels that draw; what a
multinomial needs besides (cumulated probabilities, log-probabilities, gradient) is in c_kernels/sample.c.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, ClassVar

from ..base import MXNetError, ShapeError
from ..dtypes import CODES, NAMES
from .random import DISTRIBUTIONS, FLOAT32, Distribution, emit_sample, generators
from .rules import FLOATS, show
from .schema import Backward, Bool, DType, Int, OpDef, Shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..passes.lower import LowerContext
    from .rules import Dims, ShapeRule, TypeRule

INT64 = CODES["int64"]


def _check_shape(op: OpDef, shape: Sequence[int]) -> None:
    from ..util import is_np_shape  # which imports this package

    least = 0 if is_np_shape() else 1
    if any(d < least for d in shape):
        raise MXNetError(f"{op.name}: dimensions of shape must be at least {least}, got {show(tuple(shape))}")


class _Sample(OpDef):
    """Base of `_sample_X`."""

    is_random = True
    half = True
    distribution: ClassVar[Distribution]

    shape = Shape((), "how many numbers to draw of each distribution")
    dtype = DType(None, "element type of the result: float32 (default), float16 or float64")

    def check(self) -> None:
        if self.dtype is not None and NAMES[self.dtype] not in FLOATS:
            valid = ", ".join(repr(n) for n in ("None", *FLOATS))
            raise MXNetError(
                f"Invalid Input: {NAMES[self.dtype]!r}, valid values are: {{{valid}}}, in operator "
                f'{self.name}(name="")'
            )
        _check_shape(self, self.shape)

    def infer_shape(self, s: ShapeRule) -> None:
        for _ in self.inputs:
            for name in self.inputs:
                s.meet_in(name, s.get(self.inputs[0]))
                s.meet_in(self.inputs[0], s.get(name))
        known = s.ins[0]
        if known is not None:
            s.meet_out(0, known + self.shape)

    def infer_type(self, t: TypeRule) -> None:
        t.same(outs=[])
        t.meet_out(0, FLOAT32 if self.dtype is None else self.dtype)

    def lower(self, c: LowerContext) -> None:
        emit_sample(c, self.distribution, c.output(), arrays=self.inputs, per=max(prod(self.shape), 1))


def _define(d: Distribution) -> None:
    title = "".join(word.title() for word in d.name.split("_"))
    type(
        f"Sample{title}",
        (_Sample,),
        {
            "__module__": __name__,
            "distribution": d,
            "__doc__": f"Numbers {d.doc}.\n\nThe parameters {' and '.join(d.inputs)} are arrays of one "
            f"shape; ``output`` has that shape followed by ``shape``.\nWhere they are no parameters of "
            f"the distribution the numbers are NaN (of uniform and normal: what the formula gives). "
            f"(MXNet: _sample_{d.name})",
            "name": f"_sample_{d.name}",
            "aliases": (f"sample_{d.name}",),
            "inputs": d.inputs,
        },
    )


for _distribution in DISTRIBUTIONS:
    _define(_distribution)


class SampleMultinomialBackward(Backward):
    """d log p_k / d p_k = 1 / p_k, of the classes that were drawn, summed."""

    needs = ("ograd1", "data", "output0")

    def lower(self, c: LowerContext) -> None:
        dp, p = c.output("data"), c.input("data")
        y, classes = c.input("output0", dtype=CODES["int32"]), p.shape[-1]
        rows = p.size // classes if classes else 0
        if not y.size:
            c.zero(dp)
            return
        per = y.size // rows
        c.call(
            "multinomial_grad", [dp], [c.input("ograd1"), y, p], [per, classes], items=rows,
            cost=classes + 2.0 * per,
        )  # fmt: skip


class SampleMultinomial(OpDef):
    """Classes drawn with the probabilities given by the last axis of ``data``.

    data: (..., k), each row summing to one; output: (...) followed by ``shape``, of type ``dtype``. A class
    of probability 0 is never drawn. With ``get_prob`` a second output holds the logarithms of the
    probabilities of what was drawn, in the type of ``data``; its gradient reaches ``data`` as
    ``ograd / p``, which is what policy gradients need. (MXNet: _sample_multinomial)
    """

    name = "_sample_multinomial"
    aliases = ("sample_multinomial",)
    is_random = True
    dtypes = FLOATS
    has_own_output_names = True

    shape = Shape((), "how many classes to draw of each row")
    get_prob = Bool(False, "also return the logarithms of their probabilities")
    dtype = DType(CODES["int32"], "element type of the classes: int32, uint8, float16, float32 or float64")

    def check(self) -> None:
        allowed = ("float16", "float32", "float64", "int32", "uint8")
        if NAMES[self.dtype] not in allowed:
            valid = ", ".join(map(repr, allowed))
            raise MXNetError(
                f"Invalid Input: {NAMES[self.dtype]!r}, valid values are: {{{valid}}}, in operator "
                f'{self.name}(name="")'
            )
        _check_shape(self, self.shape)

    def output_names(self) -> tuple[str, ...]:
        return ("output0", "output1") if self.get_prob else ("output",)

    def infer_shape(self, s: ShapeRule) -> None:
        data = s.ins[0]
        if data is None:
            return
        if not data or data[-1] == 0:
            raise ShapeError(
                f"{self.name}: data must have at least one dimension and one class, got {show(data)}"
            )
        limit = {"uint8": 2**8, "float16": 2**11, "float32": 2**24}.get(NAMES[self.dtype], 2**31 - 1)
        if data[-1] > limit:
            raise ShapeError(
                f"{self.name}: {NAMES[self.dtype]} holds at most {limit} classes, data has {data[-1]}"
            )
        out: Dims = data[:-1] + self.shape
        if not out:
            out = (1,)
        for i in range(len(s.outs)):
            s.meet_out(i, out)

    def infer_type(self, t: TypeRule) -> None:
        t.meet_out(0, self.dtype)
        if self.get_prob:
            t.same(outs=[1])

    def gradient(self, g: Any) -> list[Any]:
        if not self.get_prob:
            return [None]
        result: list[Any] = g.backward(SampleMultinomialBackward)
        return result

    def lower(self, c: LowerContext) -> None:
        names = self.output_names()
        y, p, state = c.output(names[0]), c.input("data"), c.random_state()
        if not y.size:
            return
        classes = p.shape[-1]
        rows = p.size // classes
        per = y.size // rows
        cdf = c.temp(p.shape, p.dtype)
        c.call("multinomial_cdf", [cdf], [p], [classes], items=rows, cost=1.0 * classes)
        drawn = y if NAMES[y.dtype] == "int32" else c.temp(y.shape, CODES["int32"])
        n, step = generators(y.size)
        c.call(
            "random_choose", [drawn, state], [state, cdf], [y.size, step, per, classes], items=n,
            cost=20.0 * step, mutates=True, dtype=p.dtype,
        )  # fmt: skip
        if drawn is not y:
            c.cast(y, drawn)
        if self.get_prob and c.wants("output1"):
            log_p = c.output("output1")
            c.call("multinomial_log", [log_p], [drawn, p], [per, classes], items=y.size, cost=8.0)


class SampleUniqueZipfian(OpDef):
    """Rows of distinct whole numbers, drawn from a log-uniform (Zipfian) distribution.

    ``round(exp(u * log(range_max))) - 1`` of a uniform u; a number drawn again is thrown away. shape: (rows,
    n). output0: (rows, n) int64, the numbers; output1: (rows,) int64, how many draws each row took.
    (MXNet: _sample_unique_zipfian)
    """

    name = "_sample_unique_zipfian"
    inputs = ()
    outputs = ("output0", "output1")
    has_own_output_names = True
    is_random = True

    range_max = Int(doc="how many numbers there are to choose from", min=1)
    shape = Shape(None, "(rows, numbers a row)")

    def check(self) -> None:
        if self.shape is None or len(self.shape) != 2:
            raise MXNetError(f"{self.name}: shape must be (rows, numbers a row), got {self.shape}")
        _check_shape(self, self.shape)
        if self.range_max >= 2**31:
            raise MXNetError(f"{self.name}: range_max must be below 2^31, got {self.range_max}")
        if self.shape[1] > self.range_max:
            raise MXNetError(
                f"{self.name}: {self.shape[1]} distinct numbers do not exist below range_max={self.range_max}"
            )

    def infer_shape(self, s: ShapeRule) -> None:
        s.meet_out(0, self.shape)
        s.meet_out(1, self.shape[:1])

    def infer_type(self, t: TypeRule) -> None:
        t.meet_out(0, INT64)
        t.meet_out(1, INT64)

    def lower(self, c: LowerContext) -> None:
        y, tries, state = c.output("output0"), c.output("output1"), c.random_state()
        rows, n = self.shape
        if not rows:
            return
        used = min(rows, 1024)
        step = -(-rows // used)
        slots = 1 << (2 * n).bit_length()
        table = c.temp((used, slots), INT64)
        c.call(
            "random_zipfian", [y, tries, state], [state], [rows, step, n, self.range_max, slots],
            items=used, cost=100.0 * n * step, work=[table], dtype="f32", mutates=True,
        )  # fmt: skip
