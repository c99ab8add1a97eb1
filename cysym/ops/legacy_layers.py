"""Names under which MXNet keeps variants of its layers: the _v1 generation and some of `contrib`.

Each is the layer it derives from, with other parameters or a difference of its own. Kernels for the
differences are in legacy_layers.c and legacy_layers.cl.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from ..base import MXNetError, ShapeError
from .batchnorm import BatchNorm, BatchNormBackward
from .convolution import Convolution
from .embedding import Embedding
from .pooling import Pooling, PoolingBackward
from .rules import FLOATS, show
from .schema import Bool, Enum, Int, Shape, Str

if TYPE_CHECKING:
    from ..passes.ir import Tensor
    from ..passes.lower import LowerContext, Need
    from .batchnorm import Lines
    from .rules import ShapeRule


class ConvolutionV1(Convolution):
    """Convolution of two or three spatial dimensions, as `Convolution` otherwise. (MXNet: Convolution_v1)"""

    name = "Convolution_v1"

    def check(self) -> None:
        super().check()
        if len(self.kernel) == 1:
            raise MXNetError(
                "1D convolution not supported: Convolution_v1 takes kernels of 2 or 3 dimensions"
            )


class SparseEmbedding(Embedding):
    """`Embedding` under the name that asked for row-sparse gradients; here the gradient is dense.

    (MXNet: _contrib_SparseEmbedding)
    """

    name = "_contrib_SparseEmbedding"


# --- pooling ------------------------------------------------------------------------------------------------
class PoolingV1Backward(PoolingBackward):
    """As Pooling's, but every element that equals its window's maximum gets the gradient."""

    forward: PoolingV1

    def lower(self, c: LowerContext) -> None:
        op = self.forward
        if op.pool_type != "max":
            super().lower(c)
            return
        dx, dy = c.output("data", "batch"), c.input("ograd", "batch")
        x, y = c.input("data", "batch"), c.input("output", "batch")
        ints = [*op.ints(dx, dy), x.batch_stride(), y.batch_stride()]
        cost = 2.0 * prod(ints[9:12]) * prod(dy.shape[2:]) + prod(dx.shape[2:])
        planes = dx.shape[0] * dx.shape[1]
        c.call("pool_v1_max_grad", [dx], [dy, x, y], ints, items=planes, cost=cost)


class PoolingV1(Pooling):
    """Pooling as MXNet did it first: largest element, average or sum of windows of two or three dimensions.

    data (batch, channel, y, x) or (batch, channel, d, y, x); output sizes as `Pooling`'s. Three things
    differ: the maximum looks at the padding's zeros as well, its gradient goes to all elements that equal it,
    and an average divides by the whole window, also where that reaches beyond the padding.
    (MXNet: Pooling_v1)
    """

    name = "Pooling_v1"
    has_own_output_names = False
    backward = PoolingV1Backward
    dtypes = FLOATS

    kernel = Shape((), "size of the window, (y, x) or (d, y, x)")
    pool_type = Enum(("avg", "max", "sum"), "max", "what is made of a window")
    wide_pads = ("avg", "max", "sum")
    global_pool = Bool(False, "pool over whole planes; kernel, stride and pad do not matter")
    pooling_convention = Enum(("full", "valid"), "valid", "rounding of the output's size")
    stride = Shape((), "steps of the window, 1 when absent")
    pad = Shape((), "padding on both sides, 0 when absent")
    cudnn_off, p_value, count_include_pad, layout = False, None, None, None  # type: ignore[assignment]

    def check(self) -> None:
        super().check()
        if len(self.kernel) not in (2, 3) and (self.kernel or not self.global_pool):
            raise MXNetError(
                f"{self.name}: {len(self.kernel)}D pooling not supported, kernel must have 2 or 3 "
                f"numbers, got {self.kernel}"
            )

    def output_names(self) -> tuple[str, ...]:
        return self.outputs

    def infer_shape(self, s: ShapeRule) -> None:
        data = s.ins[0]
        if data is not None and len(data) not in (4, 5):
            raise ShapeError(
                f"{self.name}: Input data should be 4D in (batch, channel, y, x) or 5D in (batch, channel, "
                f"d, y, x), got {show(data)}"
            )
        super().infer_shape(s)

    def ints(self, x: Tensor, y: Tensor) -> list[int]:
        ints = super().ints(x, y)
        ints[-1] = 3 if self.pool_type == "avg" else 0
        return ints

    def lower(self, c: LowerContext) -> None:
        if self.pool_type != "max":
            super().lower(c)
            return
        x, y = c.input("data", "batch"), c.output("output", "batch")
        ints = self.ints(x, y)
        cost = 5.0 + 1.0 * prod(ints[9:12]) * prod(y.shape[2:])
        c.call("pool_v1_max", [y], [x], ints, items=x.shape[0] * x.shape[1], cost=cost)


# --- batch normalisation ------------------------------------------------------------------------------------
class VarianceBackward(BatchNormBackward):
    """As BatchNorm's, from the variance."""

    def scale(self, c: LowerContext) -> Tensor:
        var = c.input("var")
        scale = c.temp(var.shape, var.dtype)
        c.call("bn_scale_of", [scale], [var], floats=[self.forward.eps], items=var.size, cost=2.0)
        return scale


class _VarianceNorm(BatchNorm):
    """A BatchNorm over axis 1 whose third output is the variance, not ``1 / sqrt(var + eps)``."""

    backward = VarianceBackward
    dtypes = FLOATS

    axis = 1
    cudnn_off, min_calib_range, max_calib_range = False, None, None  # type: ignore[assignment]

    def _results(self, c: LowerContext, n: Lines, dtype: int) -> tuple[Tensor, Tensor]:
        return super()._results(c, n, dtype)[0], c.temp((n.channels,), dtype)

    def _apply(self, c: LowerContext, x: Tensor, n: Lines, mean: Tensor, scale: Tensor) -> Tensor:
        if c.wants("var"):
            var = c.output("var")
            c.call("bn_variance_of", [var], [scale], floats=[self.eps], items=n.channels, cost=2.0)
        return super()._apply(c, x, n, mean, scale)


class BatchNormV1(_VarianceNorm):
    """`BatchNorm` over axis 1. With ``output_mean_var`` the outputs are (output, mean, variance).

    (MXNet: BatchNorm_v1)
    """

    name = "BatchNorm_v1"


class SyncBatchNorm(_VarianceNorm):
    """`BatchNorm` over axis 1, of statistics shared by the devices that hold parts of a batch.

    An executor has one device, so this is BatchNorm; with ``output_mean_var`` the outputs are (output, mean,
    variance). (MXNet: _contrib_SyncBatchNorm)
    """

    name = "_contrib_SyncBatchNorm"

    ndev = Int(1, "number of devices; only 1 can be run")
    key_ = Str(doc="name under which devices find each other; not used")

    def check(self) -> None:
        super().check()
        if self.ndev != 1:
            raise MXNetError(f"{self.name}: ndev={self.ndev}: statistics cannot be shared by several devices")


class BatchNormReluBackward(BatchNormBackward):
    """As BatchNorm's, of the head gradient where the output is positive."""

    def read_names(self) -> tuple[str, ...]:
        return (*super().read_names(), "output")

    def head(self, c: LowerContext, need: Need) -> Tensor:
        dy, y = c.input("ograd"), c.input("output")
        g = c.temp(dy.shape, dy.dtype)
        c.call("bn_relu_grad", [g], [dy, y], [], items=g.size, cost=0.3, inplace=[(0, 0), (1, 0)])
        return g


class BatchNormWithReLU(BatchNorm):
    """`BatchNorm` with a ReLU behind it: ``max(BatchNorm(data), 0)``. (MXNet: _contrib_BatchNormWithReLU)"""

    name = "_contrib_BatchNormWithReLU"
    backward = BatchNormReluBackward
    dtypes = FLOATS

    def _apply(self, c: LowerContext, x: Tensor, n: Lines, mean: Tensor, scale: Tensor) -> Tensor:
        y = super()._apply(c, x, n, mean, scale)
        rows, each = y.shape[0] if y.shape else 1, prod(y.shape[1:])
        c.call("bn_relu", [y], [y], [each, y.batch_stride()], items=rows, cost=0.3 * each, inplace=[(0, 0)])
        return y
