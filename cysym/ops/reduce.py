"""Reductions over axes: sum, mean, max, min, prod, nansum, nanprod, norm, argmax, argmin.

`emit` turns "these axes of this tensor" into the two walks the kernels know and cuts long reductions into
parts by shape alone, so that one number is summed by all cores and always in the same order. Other operators
that have to sum (broadcasts, biases) call `emit_sum` or `reduce_to`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from ..base import MXNetError, ShapeError
from ..dtypes import CODES
from ..passes.ir import num_elements
from .axes import normal_axes, normal_axis
from .rules import Dims, ShapeRule, TypeRule
from .schema import Backward, Bool, DType, Int, OpDef, Shape

if TYPE_CHECKING:
    from ..passes.gradient import GradContext
    from ..passes.ir import Tensor
    from ..passes.lower import LowerContext

MAX_DIMS = 3  # kept and reduced dimensions the kernels walk through
COLS = 128  # neighbouring outputs of one item in the walk "cols"; the kernels know the number
ROW = 32  # from this length on an output is summed along its own elements ("rows")
PART = 16384  # elements of one part of a long reduction
ITEMS = 64  # no more parts are cut than give this many items
# Element types without kernels of their own, and the one that stands in.
STAND_IN = {
    CODES["float16"]: CODES["float32"],
    **dict.fromkeys([CODES[t] for t in ("uint8", "int8", "bool")], 4),
}
# The same for gradients, whose kernels are floating only.
GRAD_STAND_IN = {
    **dict.fromkeys([CODES[t] for t in ("float16", "uint8", "int8", "bool")], CODES["float32"]),
    **dict.fromkeys([CODES[t] for t in ("int32", "int64")], CODES["float64"]),
}
# How the parts of a long reduction are put together.
JOIN = {
    **dict.fromkeys(("reduce_nansum", "reduce_abs", "reduce_zeros"), "reduce_sum"),
    **dict.fromkeys(("reduce_nanprod", "reduce_prod_nonzero", "reduce_nanprod_nonzero"), "reduce_prod"),
}


def emit_sum(c: LowerContext, out: Tensor, src: Tensor, axes: Sequence[int], divisor: int = 1) -> None:
    """Sum `src` over `axes` into the dense `out`, whose elements are the kept ones in order; then divide."""
    emit(c, "reduce_sum", out, src, axes, divisor)


def reduce_to(c: LowerContext, out: Tensor, src: Tensor) -> None:
    """Sum `src` over the axes along which `out` was broadcast to it, as NumPy broadcasts.

    `out` is dense and of `src`'s type; `src` may have any strides.
    """
    padded = (1,) * (len(src.shape) - len(out.shape)) + out.shape
    axes = [i for i, (d, n) in enumerate(zip(padded, src.shape, strict=True)) if d != n]
    if any(padded[i] != 1 for i in axes):
        raise ShapeError(f"cannot sum {src.shape} down to {out.shape}")
    if axes:
        emit_sum(c, out, src, axes)
    else:
        c.copy(out, src.view(out.shape, 0, src.strides[len(src.shape) - len(out.shape) :]))


def emit(
    c: LowerContext, kernel: str, out: Tensor, src: Tensor, axes: Sequence[int], divisor: int = 1
) -> None:
    """Calls that reduce `src` (any strides) over `axes` (counted from the front) into the dense `out`."""
    wide = STAND_IN.get(src.dtype, src.dtype)
    if wide != src.dtype:
        as_wide, result = c.temp(src.shape, wide), c.temp(out.shape, wide)
        c.cast(as_wide, src)
        emit(c, kernel, result, as_wide, axes, divisor)
        c.cast(out, result)
        return
    kept = _dims(src, [i for i in range(len(src.shape)) if i not in axes], False)
    reduced = _dims(src, axes, True)
    if len(kept[0]) > MAX_DIMS or len(reduced[0]) > MAX_DIMS:
        # One axis after the other: of a dense tensor that always goes.
        dense = src
        if not src.is_dense():
            dense = c.temp(src.shape, src.dtype)
            c.copy(dense, src)
        last = max(axes)
        partly = c.temp(src.shape[:last] + src.shape[last + 1 :], src.dtype)
        emit(c, kernel, partly, dense, (last,))
        emit(c, JOIN.get(kernel, kernel), out, partly, [i for i in axes if i != last], divisor)
        return
    size, count = num_elements(reduced[0]), num_elements(kept[0])
    is_rows = size >= ROW and (count == 1 or reduced[1][-1] == 1 or kept[1][-1] != 1)
    items = count if is_rows else count // kept[0][-1] * -(-kept[0][-1] // COLS) if count else 0
    parts = (
        min(-(-size * max(count // max(items, 1), 1) // PART), -(-ITEMS // max(items, 1)))
        if items < ITEMS
        else 1
    )
    part = -(-size // max(parts, 1))
    parts = -(-size // part) if part else 1
    target = out if parts == 1 else c.temp((count, parts) if is_rows else (parts, count), src.dtype)
    shape = [*_padded(*kept), *_padded(*reduced)]
    is_last = parts == 1
    c.call(
        kernel,
        [target],
        [src],
        [*shape, parts, part, divisor if is_last else 1, not is_rows],
        items=items * parts,
        cost=5 + 0.3 * part * (1 if is_rows else min(COLS, kept[0][-1])),
    )
    if not is_last:
        emit(c, JOIN.get(kernel, kernel), out, target, (1,) if is_rows else (0,), divisor)


def _dims(t: Tensor, axes: Sequence[int], is_free: bool) -> tuple[list[int], list[int]]:
    """Dimensions and element strides of some axes, merged; if `is_free` the fastest comes last."""
    from ..passes.lower import collapse

    steps = t.estrides
    order = sorted(axes, key=lambda i: -abs(steps[i])) if is_free else axes
    dims, (found,) = collapse(tuple(t.shape[i] for i in order), tuple(steps[i] for i in order))
    return dims, found


def _padded(dims: list[int], steps: list[int]) -> list[int]:
    pad = MAX_DIMS - len(dims)
    return [*[1] * pad, *dims, *[0] * pad, *steps]


# --- gradients ---------------------------------------------------------------------------------------------
def spread(g: Tensor, shape: Dims, axes: Sequence[int]) -> Tensor:
    """The dense `g`, one element for each kept index, seen as `shape` through strides of zero."""
    strides, step = [0] * len(shape), g.itemsize
    for i in range(len(shape) - 1, -1, -1):
        if i not in axes:
            strides[i] = step
            step *= max(shape[i], 1)
    return g.view(shape, 0, tuple(strides))


class ReduceBackward(Backward):
    """Gradient that is a function of the head gradient at the output and of the element itself."""

    half = True

    kernel: ClassVar[str]

    def small(self, c: LowerContext, x: Tensor, axes: Sequence[int]) -> list[Tensor]:
        """Operands beside the head gradient and x, of the output's size."""
        return [c.input("output", dtype=x.dtype)] if "output" in self.read_names() else []

    def lower(self, c: LowerContext) -> None:
        from ..passes.lower import collapse

        op = self.forward
        assert isinstance(op, Reduction)
        out = c.output("data")
        wide = GRAD_STAND_IN.get(out.dtype, out.dtype)
        x, g = c.input("data", dtype=wide), c.input("ograd", dtype=wide)
        axes = op.axes(len(x.shape))
        result = out if wide == out.dtype else c.temp(out.shape, wide)
        dims, (_, steps) = collapse(x.shape, x.estrides, spread(g, x.shape, axes).estrides)
        pad = 6 - len(dims)
        if pad < 0:
            raise ShapeError(
                f"the gradient of {op!r} walks through {len(dims)} separate dimensions; the limit is 6"
            )
        small = self.small(c, x, axes)
        ints = [*[1] * pad, *dims, *[0] * pad, *steps]
        c.call(self.kernel, [result], [g, x, *small], ints, items=x.size, cost=1.0)
        if result is not out:
            c.cast(out, result)

    def by_ograd(self, g: GradContext) -> Any:
        """Gradient by the head gradient G of ``dx = G * D(x)``: ``sum(P * D)`` for the head P, where D is
        what this node makes of ones."""
        source = dict(zip(self.input_names(), g.ins, strict=True))
        inputs = {**source, "ograd": g.make("ones_like", source["ograd"])}
        slope = g.apply(self, *inputs.values(), like=g.outs[0])
        return g.apply(self.sum_op(), g.make("elemwise_mul", g.ograd(), slope), like=source["ograd"])

    def sum_op(self) -> OpDef:
        """The sum over the forward operator's axes."""
        return Sum.make({n: v for n, v in self.forward.values.items() if n in Sum.params})

    def spread_node(self, g: GradContext, entry: Any) -> Any:
        """An entry of the output's shape repeated along the reduced axes."""
        return g.apply(_SumBackward.of(self.sum_op(), ("data",)), entry, like=g.outs[0])


class _SumBackward(ReduceBackward):
    """Every element gets the head gradient, divided by their number for `mean`."""

    def gradient(self, g: GradContext) -> list[Any]:
        return g.linear()

    def lower(self, c: LowerContext) -> None:
        op = self.forward
        assert isinstance(op, Reduction)
        out, g = c.output("data", "any"), c.input("ograd")
        axes = op.axes(len(out.shape))
        if isinstance(op, Mean):
            scaled = c.temp(g.shape, g.dtype)
            emit_sum(c, scaled, g, (), max(num_elements([out.shape[i] for i in axes]), 1))
            g = scaled
        c.copy(out, spread(g, out.shape, axes))


class _ExtremeBackward(ReduceBackward):
    """All elements equal to the extreme get the whole head gradient, as in MXNet."""

    needs = ("ograd", "data", "output")
    kernel = "reduce_grad_equal"

    def gradient(self, g: GradContext) -> list[Any]:
        return [self.by_ograd(g), None, None]


class _NansumBackward(ReduceBackward):
    needs = ("ograd", "data")
    kernel = "reduce_grad_nansum"

    def gradient(self, g: GradContext) -> list[Any]:
        return [self.by_ograd(g), None]


class _ProdBackward(ReduceBackward):
    """Head gradient times the product of the others, also where elements are zero (MXNet gives NaN there)."""

    needs = ("ograd", "data")
    kernel = "reduce_grad_prod"
    product = "reduce_prod_nonzero"

    def small(self, c: LowerContext, x: Tensor, axes: Sequence[int]) -> list[Tensor]:
        shape = (num_elements([d for i, d in enumerate(x.shape) if i not in axes]),)
        others, zeros = c.temp(shape, x.dtype), c.temp(shape, x.dtype)
        emit(c, self.product, others, x, axes)
        emit(c, "reduce_zeros", zeros, x, axes)
        return [others, zeros]


class _NanprodBackward(_ProdBackward):
    kernel = "reduce_grad_nanprod"
    product = "reduce_nanprod_nonzero"


class _NormBackward(ReduceBackward):
    """ord 2: x / norm(x), NaN at zero; ord 1: the sign."""

    def read_names(self) -> tuple[str, ...]:
        assert isinstance(self.forward, Norm)
        return ("ograd", "data") if self.forward.ord == 1 else ("ograd", "data", "output")

    @property
    def kernel(self) -> str:  # type: ignore[override]
        assert isinstance(self.forward, Norm)
        return "reduce_grad_abs" if self.forward.ord == 1 else "reduce_grad_norm"

    def gradient(self, g: GradContext) -> list[Any]:
        """With y = sqrt(sum(x x)) and dx = G x / y: P G / y goes to x, -sum(P x) G / y^2 to y."""
        assert isinstance(self.forward, Norm)
        if self.forward.ord == 1:
            return [self.by_ograd(g), None]
        if self.forward.out_dtype is not None:
            raise MXNetError("Operator norm with out_dtype is not twice differentiable")
        h, (ograd, x, y) = g.ograd(), g.ins
        share = g.make("elemwise_div", ograd, y)
        to_x = g.make("elemwise_mul", h, self.spread_node(g, share), like=x)
        total = g.apply(self.sum_op(), g.make("elemwise_mul", h, x), like=y)
        ratio = g.make("elemwise_div", g.make("elemwise_mul", total, share), y)
        return [self.by_ograd(g), to_x, g.make("negative", ratio, like=y)]


# --- operators ---------------------------------------------------------------------------------------------
class Reduction(OpDef):
    """Base: reduces `axis` (default all) or, with `exclude`, all other axes. Without `keepdims` the axes
    vanish; a result without any axis has shape (1,).
    """

    needs_elements: ClassVar[bool] = False  # over an axis of size 0 there is no result

    half = True

    kernel: ClassVar[str]

    axis = Shape(
        None, "The axis or axes along which to reduce; negative ones count from the end; default all."
    )
    keepdims = Bool(False, "If set, the reduced axes are left in the result as dimensions of size one.")

    def axes(self, ndim: int) -> tuple[int, ...]:
        """The reduced axes, counted from the front."""
        return normal_axes(self.axis, ndim) if self.axis else tuple(range(ndim))

    def infer_shape(self, s: ShapeRule) -> None:
        data = s.ins[0]
        if data is None:
            return
        axes = self.axes(len(data))
        if self.needs_elements and any(data[i] == 0 for i in axes):
            raise ShapeError(f"{self.name} of nothing: the input has shape {data}")
        if self.keepdims:
            s.meet_out(0, tuple(1 if i in axes else d for i, d in enumerate(data)))
        else:
            s.meet_out(0, tuple(d for i, d in enumerate(data) if i not in axes) or (1,))

    def lower(self, c: LowerContext) -> None:
        x = c.input("data", "any")
        emit(c, self.kernel, c.output(), x, self.axes(len(x.shape)))


class Excluding(Reduction):
    exclude = Bool(False, "Whether to reduce on the axes that are not in `axis` instead.")

    def axes(self, ndim: int) -> tuple[int, ...]:
        axes = super().axes(ndim)
        return tuple(i for i in range(ndim) if i not in axes) if self.exclude and self.axis else axes


class Sum(Excluding):
    """Sum of the elements over `axis`: (2, 3, 5) with axis=1 gives (2, 5). The gradient is the head gradient
    repeated.
    """

    name = "sum"
    aliases = ("sum_axis",)
    kernel = "reduce_sum"
    backward = _SumBackward


class Mean(Excluding):
    """Mean of the elements over `axis`; integers are divided towards zero."""

    name = "mean"
    kernel = "reduce_sum"
    backward = _SumBackward

    def lower(self, c: LowerContext) -> None:
        x = c.input("data", "any")
        axes = self.axes(len(x.shape))
        count = num_elements([x.shape[i] for i in axes])
        if x.dtype > CODES["float16"]:  # the mean of nothing is NaN, which integers do not have
            count = max(count, 1)
        emit_sum(c, c.output(), x, axes, count)


class Max(Excluding):
    """Largest element over `axis`; NaN where there is one. Each element equal to it gets the gradient."""

    name = "max"
    aliases = ("max_axis",)
    kernel = "reduce_max"
    needs_elements = True
    backward = _ExtremeBackward


class Min(Excluding):
    """Smallest element over `axis`; NaN where there is one. Each element equal to it gets the gradient."""

    name = "min"
    aliases = ("min_axis",)
    kernel = "reduce_min"
    needs_elements = True
    backward = _ExtremeBackward


class Prod(Excluding):
    """Product of the elements over `axis`."""

    name = "prod"
    kernel = "reduce_prod"
    backward = _ProdBackward


class Nansum(Excluding):
    """Sum of the elements over `axis` that are not NaN."""

    name = "nansum"
    kernel = "reduce_nansum"
    backward = _NansumBackward


class Nanprod(Excluding):
    """Product of the elements over `axis` that are not NaN."""

    name = "nanprod"
    kernel = "reduce_nanprod"
    backward = _NanprodBackward


class Norm(Reduction):
    """L2 norm ``sqrt(sum(x * x))`` or, with ord=1, L1 norm ``sum(|x|)`` of the elements over `axis`."""

    name = "norm"
    leading = ("ord", "axis", "out_dtype")
    backward = _NormBackward

    ord = Int(2, "Order of the norm: 1 or 2.")
    out_dtype = DType(None, "Type of the output; default that of the input.")

    def check(self) -> None:
        if self.ord not in (1, 2):
            raise MXNetError(f"norm only supports ord=1 and ord=2, got ord={self.ord}")

    def infer_type(self, t: TypeRule) -> None:
        if self.out_dtype is None:
            t.same()
        else:
            t.meet_out(0, self.out_dtype)

    def lower(self, c: LowerContext) -> None:
        x, out = c.input("data", "any"), c.output()
        wide = max(x.dtype, out.dtype) if max(x.dtype, out.dtype) <= CODES["float64"] else CODES["float32"]
        result = out if out.dtype == wide else c.temp(out.shape, wide)
        x = x if x.dtype == wide else c.input("data", dtype=wide)
        emit(c, "reduce_abs" if self.ord == 1 else "reduce_norm", result, x, self.axes(len(x.shape)))
        if result is not out:
            c.cast(out, result)


class _Arg(OpDef):
    """Base of argmax and argmin."""

    half = True

    kernel: ClassVar[str]

    axis = Int(
        None, "The axis along which to look; negative ones count from the end; default: the flattened input."
    )
    keepdims = Bool(False, "If set, the axis is left in the result with size one.")

    def infer_shape(self, s: ShapeRule) -> None:
        data = s.ins[0]
        if data is None:
            return
        axes = range(len(data)) if self.axis is None else (normal_axis(self.axis, len(data)),)
        if any(data[i] == 0 for i in axes):
            raise ShapeError(f"{self.name} of nothing: the input has shape {data}")
        if self.keepdims:
            s.meet_out(0, tuple(1 if i in axes else d for i, d in enumerate(data)))
        else:
            s.meet_out(0, tuple(d for i, d in enumerate(data) if i not in axes) or (1,))

    def lower(self, c: LowerContext) -> None:
        out = c.output()
        wide = STAND_IN.get(out.dtype, out.dtype)
        x = c.input("data", dtype=wide)
        shape = (x.size,) if self.axis is None else x.shape
        axis = normal_axis(self.axis or 0, len(shape))
        n, inner = shape[axis], num_elements(shape[axis + 1 :])
        result = out if out.dtype == wide else c.temp(out.shape, wide)
        c.call(self.kernel, [result], [x], [n, inner], items=out.size, cost=5.0 + n)
        if result is not out:
            c.cast(out, result)


class Argmax(_Arg):
    """Index of the largest element along `axis`, the first of several, in the type of the input; NaN counts
    as largest.
    """

    name = "argmax"
    kernel = "argmax"


class Argmin(_Arg):
    """Index of the smallest element along `axis`, the first of several, in the input's type; NaN counts as
    smallest.
    """

    name = "argmin"
    kernel = "argmin"
