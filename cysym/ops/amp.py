"""Mixed precision and sums over many tensors: amp_cast, amp_multicast, all_finite, multi_all_finite,
multi_sum_sq, _square_sum.

They are casts, one elementwise expression and a reduction each; the kernels are those of cast.c,
elementwise.c and reduce.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..base import MXNetError
from ..dtypes import CODES
from . import expr
from .cast import convert
from .elementwise import emit
from .ew_group import ROWS, compile_tree, group_of
from .reduce import Excluding, ReduceBackward, spread
from .reduce import emit as reduce
from .rules import FLOATS, ShapeRule, TypeRule
from .schema import Bool, DType, Int, OpDef

if TYPE_CHECKING:
    from ..passes.gradient import GradContext
    from ..passes.ir import Tensor
    from ..passes.lower import LowerContext

FLOAT16, FLOAT32 = CODES["float16"], CODES["float32"]
NARROW = (FLOAT16, FLOAT32)
"""Types automatic mixed precision exchanges; all others are left alone."""


class AmpCast(OpDef):
    """Convert float16 and float32 data to `dtype`; data of any other type passes unchanged. The gradient is
    cast back. (MXNet: amp_cast)
    """

    half = True

    name = "amp_cast"

    dtype = DType(doc="Output data type.")

    def infer_type(self, t: TypeRule) -> None:
        if t.ins[0] is not None:
            t.meet_out(0, self.dtype if t.ins[0] in NARROW else t.ins[0])

    def gradient(self, g: GradContext) -> list[Any]:
        return [g.make("_backward_cast", g.ograd(), like=g.ins[0])]

    def lower(self, c: LowerContext) -> None:
        convert(c)


class AmpMulticast(OpDef):
    """Cast the float16 and float32 tensors among the inputs to the widest type among them, or with
    `cast_narrow` to the narrowest; those of other types pass unchanged. As many outputs as inputs. (MXNet:
    amp_multicast)
    """

    half = True

    name = "amp_multicast"
    variadic = "num_outputs"
    has_own_output_names = True

    num_outputs = Int(doc="Number of input/output pairs to be cast.", min=1)
    cast_narrow = Bool(False, "Whether to cast to the narrowest type.")

    def input_names(self) -> tuple[str, ...]:
        return tuple(f"data_{i}" for i in range(self.num_outputs))

    def output_names(self) -> tuple[str, ...]:
        n = self.num_outputs
        return tuple(f"output{i}" for i in range(n)) if n > 1 else ("output",)

    def infer_shape(self, s: ShapeRule) -> None:
        for i in range(self.num_outputs):
            s.meet_in(i, s.meet_out(i, s.ins[i]))

    def infer_type(self, t: TypeRule) -> None:
        if None in t.ins:
            return
        target, other = (FLOAT16, FLOAT32) if self.cast_narrow else (FLOAT32, FLOAT16)
        target = target if target in t.ins else other
        for i, code in enumerate(t.ins):
            t.meet_out(i, target if code in NARROW else code)

    def gradient(self, g: GradContext) -> list[Any]:
        return [g.make("_backward_cast", g.ograd(i), like=x) for i, x in enumerate(g.ins)]

    def lower(self, c: LowerContext) -> None:
        for source, name in zip(self.input_names(), self.output_names(), strict=True):
            if c.wants(name):
                convert(c, source, name)


class _Finite(OpDef):
    """Base: 1 where every element is finite."""

    dtypes = FLOATS

    init_output = Bool(
        True, "Whether the output starts as 1; False would combine it with what it held before."
    )

    def check(self) -> None:
        if not self.init_output:
            raise MXNetError(
                f"{self.name}: init_output=False is not supported: an output is only ever written"
            )

    def infer_shape(self, s: ShapeRule) -> None:
        s.meet_out(0, (1,))

    def infer_type(self, t: TypeRule) -> None:
        t.same(outs=())
        t.meet_out(0, FLOAT32)

    def lower(self, c: LowerContext) -> None:
        ins = c.inputs("any")
        group, floats = compile_tree(expr.parse("x - x == K(0)"), "x")
        each = c.temp((len(ins),), ins[0].dtype)
        for i, x in enumerate(ins):
            flags = c.temp(x.shape, x.dtype)
            emit(c, group, [flags], [x], floats)
            total = each.view((1,), i * each.itemsize)
            if x.size:
                reduce(c, "reduce_min", total, flags, range(len(x.shape)))
            else:
                emit(c, group_of((ROWS["ones_like"].forward,))[0], [total], [])
        result = each if len(ins) == 1 else c.temp((1,), each.dtype)
        if result is not each:
            reduce(c, "reduce_min", result, each, (0,))
        c.cast(c.output(), result)


class AllFinite(_Finite):
    """1 if no element of `data` is NaN or infinite, else 0: a float32 tensor of shape (1,). (MXNet:
    all_finite)
    """

    name = "all_finite"


class MultiAllFinite(_Finite):
    """1 if no element of any input is NaN or infinite, else 0: a float32 tensor of shape (1,). (MXNet:
    multi_all_finite)
    """

    name = "multi_all_finite"
    variadic = "num_arrays"

    num_arrays = Int(1, "Number of arrays.", min=1)

    def input_names(self) -> tuple[str, ...]:
        return tuple(f"array_{i}" for i in range(self.num_arrays))


class MultiSumSq(OpDef):
    """The sum of the squares of every input: a float32 tensor of shape (num_arrays,). No gradient. (MXNet:
    multi_sum_sq)
    """

    name = "multi_sum_sq"
    variadic = "num_arrays"
    dtypes = FLOATS

    num_arrays = Int(doc="Number of arrays.", min=1)

    def input_names(self) -> tuple[str, ...]:
        return tuple(f"array_{i}" for i in range(self.num_arrays))

    def infer_shape(self, s: ShapeRule) -> None:
        s.meet_out(0, (self.num_arrays,))

    def infer_type(self, t: TypeRule) -> None:
        t.same(outs=())
        t.meet_out(0, FLOAT32)

    def lower(self, c: LowerContext) -> None:
        ins = c.inputs("any")
        each = c.temp((len(ins),), ins[0].dtype)
        for i, x in enumerate(ins):
            sum_of_squares(c, each.view((1,), i * each.itemsize), x, tuple(range(len(x.shape))))
        c.cast(c.output(), each)


def sum_of_squares(c: LowerContext, out: Tensor, x: Tensor, axes: tuple[int, ...]) -> None:
    """Squares of `x` summed over `axes` into the dense `out`."""
    squares = c.temp(x.shape, x.dtype)
    emit(c, group_of((ROWS["square"].forward,))[0], [squares], [x])
    reduce(c, "reduce_sum", out, squares, axes)


class _SquareSumBackward(ReduceBackward):
    """Twice the element times the head gradient."""

    needs = ("ograd", "data")

    def lower(self, c: LowerContext) -> None:
        op = self.forward
        assert isinstance(op, SquareSum)
        out, x, g = c.output("data"), c.input("data"), c.input("ograd")
        group, reads = group_of((ROWS["square"].gradients[0],))
        tensors = {"x": x, "g": spread(g, x.shape, op.axes(len(x.shape)))}
        emit(c, group, [out], [tensors[v] for v in reads])

    def gradient(self, g: GradContext) -> list[Any]:
        return [self.by_ograd(g), g.apply(self, g.ins[0], g.ograd(), like=g.ins[1])]


class SquareSum(Excluding):
    """Sum of the squares of the elements over `axis`: (2, 3, 5) with axis=1 gives (2, 5). (MXNet:
    _square_sum, there of row-sparse data)
    """

    name = "_square_sum"
    backward = _SquareSumBackward

    def lower(self, c: LowerContext) -> None:
        x = c.input("data", "any")
        sum_of_squares(c, c.output(), x, self.axes(len(x.shape)))
