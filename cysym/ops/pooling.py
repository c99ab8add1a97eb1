"""Pooling: maximum, average, sum and p-norm over windows of one, two or three spatial axes.

Everything is pooled as three axes (missing ones of size 1) over planes, one plane an (image, channel).
Channels-last data is brought to channels-first by a strided copy. Backward never needs atomics: a CPU item is
a whole plane, an OpenCL work-item one input element that gathers from the windows over it.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, ClassVar, Final

from ..base import MXNetError, ShapeError
from .rules import FLOATS, show
from .schema import Backward, Bool, Enum, Int, OpDef, Shape

if TYPE_CHECKING:
    from ..passes.gradient import GradContext
    from ..passes.ir import Tensor
    from ..passes.lower import LowerContext
    from .rules import ShapeRule

LAYOUTS: Final = ("NCDHW", "NCHW", "NCW", "NDHWC", "NHWC", "NWC")
AXES: Final = {1: "(batch, channel, x)", 2: "(batch, channel, y, x)", 3: "(batch, channel, d, y, x)"}


class _Channels:
    """Moves between a tensor's own layout and channels-first planes."""

    def __init__(self, c: LowerContext, is_last: bool) -> None:
        self.c, self.is_last = c, is_last

    def first(self, t: Tensor) -> Tensor:
        """The same memory looked at with channels first."""
        shape, strides = t.shape, t.strides
        return t.view((shape[0], shape[-1], *shape[1:-1]), 0, (strides[0], strides[-1], *strides[1:-1]))

    def read(self, name: str) -> Tensor:
        if not self.is_last:
            return self.c.input(name, "batch")
        look = self.first(self.c.input(name, "any"))
        dense = self.c.temp(look.shape, look.dtype)
        self.c.copy(dense, look)
        return dense

    def write(self, name: str) -> tuple[Tensor, Tensor | None]:
        """A tensor for the kernel, and where it must be copied afterwards."""
        if not self.is_last:
            return self.c.output(name, "batch"), None
        look = self.first(self.c.output(name, "any"))
        return self.c.temp(look.shape, look.dtype), look


class PoolingBackward(Backward):
    """dx gathers the head gradients of the windows over an element, or of those whose first maximum it is."""

    forward: Pooling

    def read_names(self) -> tuple[str, ...]:
        values = self.forward.pool_type in ("max", "lp")
        return ("ograd", "data", "output") if values else ("ograd",)

    def lower(self, c: LowerContext) -> None:
        op = self.forward
        layout = _Channels(c, op.is_last)
        dy = layout.read("ograd")
        dx, after = layout.write("data")
        ints = op.ints(dx, dy)
        n = dx.shape[0] * dx.shape[1]
        cost = 1.0 * prod(dy.shape[2:]) * min(ints[9] * ints[10] * ints[11], 64) + prod(dx.shape[2:])
        if op.pool_type == "avg" or op.pool_type == "sum":
            c.call("pool_sum_grad", [dx], [dy], ints, items=n, cost=cost)
        else:
            x, y = layout.read("data"), layout.read("output")
            kernel = "pool_max_grad" if op.pool_type == "max" else "pool_norm_grad"
            more = [x.batch_stride(), y.batch_stride()]
            c.call(kernel, [dx], [dy, x, y], [*ints, *more], items=n, cost=2 * cost)
        if after is not None:
            c.copy(after, dx)

    def gradient(self, g: GradContext) -> list[Any]:
        """Averages and sums are linear; where a maximum is, is not."""
        return g.linear() if self.forward.pool_type in ("avg", "sum") else super().gradient(g)


class Pooling(OpDef):
    """Pools windows of the spatial axes: largest element, average, sum or p-norm.

    data : (batch, channel, x), (batch, channel, y, x) or (batch, channel, d, y, x), channels last with
    ``layout`` NWC, NHWC or NDHWC; output : the same rank, each spatial axis ``floor((x + 2 pad - kernel) /
    stride) + 1``, or ``ceil`` with ``pooling_convention="full"``. ``global_pool`` makes the window the whole
    plane. Averages divide by the window's size within the padded data (``count_include_pad``), or by the real
    elements in it. ``lp`` is ``sum(x ** p) ** (1 / p)`` for ``p_value`` 1, 2 or 3. The gradient of a maximum
    goes to its first place; a NaN is a maximum. (MXNet: Pooling)
    """

    name = "Pooling"
    dtypes = FLOATS
    has_own_output_names = True
    backward = PoolingBackward
    wide_pads: ClassVar[tuple[str, ...]] = ("lp", "sum")  # pool types that take a pad as wide as the window

    kernel = Shape((), "size of the window, (x,), (y, x) or (d, y, x)")
    pool_type = Enum(("avg", "lp", "max", "sum"), "max", "what is made of a window")
    global_pool = Bool(False, "pool over whole planes; kernel, stride and pad do not matter")
    cudnn_off = Bool(False, "accepted and ignored")
    pooling_convention = Enum(("full", "same", "valid"), "valid", "rounding of the output's size")
    stride = Shape((), "steps of the window, 1 when absent")
    pad = Shape((), "padding on both sides, 0 when absent")
    p_value = Int(None, "p of the p-norm")
    count_include_pad = Bool(None, "whether averages count padding (true when absent)")
    layout = Enum(LAYOUTS, None, "order of the axes, channels first when absent")

    def check(self) -> None:
        rank = len(self.kernel)
        if not self.global_pool:
            if rank not in AXES:
                raise MXNetError(
                    f"{self.name}: {rank}D pooling not supported, kernel must have 1, 2 or 3 numbers, got "
                    f"{self.kernel}"
                )
            for what in ("stride", "pad"):
                given = self.values[what]
                if given and len(given) != rank:
                    raise MXNetError(
                        f"{self.name}: {what} {given} and kernel {self.kernel} should have the same length"
                    )
            if min(self.kernel) < 1 or min(self.stride or (1,)) < 1 or min(self.pad or (0,)) < 0:
                raise MXNetError(
                    f"{self.name}: kernel {self.kernel} and stride {self.stride} must be positive, "
                    f"pad {self.pad} not negative"
                )
            if max((*self.kernel, *self.stride, *self.pad)) >= 2**31:
                raise MXNetError(
                    f"{self.name}: kernel {self.kernel}, stride {self.stride} and pad {self.pad} must be "
                    "below 2**31"
                )
            narrow = self.pool_type not in self.wide_pads
            if narrow and any(p >= k for p, k in zip(self.pad, self.kernel, strict=False)):
                raise MXNetError(f"{self.name}: pad {self.pad} must be smaller than kernel {self.kernel}")
            if self.pooling_convention == "same":
                raise MXNetError(
                    f"{self.name}: pooling_convention='same' does not work (nor did it in MXNet 1.9.1); "
                    "use 'valid' or 'full' with pad"
                )
        if self.pool_type == "lp" and self.p_value not in (1, 2, 3):
            raise MXNetError(f"{self.name}: pool_type='lp' needs p_value 1, 2 or 3, got {self.p_value}")
        if self.layout is not None and rank and len(self.layout) != rank + 2:
            raise MXNetError(f"{self.name}: layout {self.layout} does not fit kernel {self.kernel}")

    def output_names(self) -> tuple[str, ...]:
        """MXNet's CPU build counts a hidden workspace here, which files show; nothing reads or writes it."""
        if self.pool_type == "max" and self.kernel and not self.is_last:
            return ("output", "workspace")
        return ("output",)

    def num_visible(self) -> int:
        return 1

    @property
    def is_last(self) -> bool:
        return self.layout is not None and self.layout.endswith("C")

    def _out(self, size: int, i: int) -> int:
        """Output size of spatial axis `i`; -1 while unknown."""
        if self.global_pool:
            return 1
        k, s, p = self.kernel[i], (self.stride or (1, 1, 1))[i], (self.pad or (0, 0, 0))[i]
        if size < 0:
            return -1
        if size + 2 * p < k:
            raise ShapeError(
                f"{self.name}: kernel size ({k}) exceeds input ({size} padded to {size + 2 * p})"
            )
        room = size + 2 * p - k
        return (-(-room // s) if self.pooling_convention == "full" else room // s) + 1

    def infer_shape(self, s: ShapeRule) -> None:
        data, out = s.get("data"), s.outs[0]
        rank = len(self.layout) - 2 if self.layout is not None else len(self.kernel)
        if data is None:
            if out is not None:
                s.meet_in("data", tuple(d if i in self._kept(len(out)) else -1 for i, d in enumerate(out)))
            return
        if len(data) - 2 not in AXES or (len(data) - 2 != rank and (rank or not self.global_pool)):
            want = f"{rank + 2}D in {AXES[rank]}" if rank else "3D, 4D or 5D"
            raise ShapeError(f"{self.name}: Input data should be {want}, got {show(data)}")
        kept = self._kept(len(data))
        spatial = [i for i in range(len(data)) if i not in kept]
        shape = [self._out(d, spatial.index(i)) if i in spatial else d for i, d in enumerate(data)]
        out = s.meet_out(0, tuple(shape))
        if len(s.outs) > 1:
            s.meet_out(1, out)
        if out is not None:
            s.meet_in("data", tuple(d if i in kept else -1 for i, d in enumerate(out)))

    def _kept(self, ndim: int) -> tuple[int, int]:
        """Axes of batch and channel."""
        return (0, ndim - 1) if self.is_last else (0, 1)

    def ints(self, x: Tensor, y: Tensor) -> list[int]:
        """What every pooling kernel is told; `x` and `y` have channels first."""

        def three(values: tuple[int, ...], fill: int) -> list[int]:
            return [fill] * (3 - len(values)) + list(values)

        rank = len(x.shape) - 2
        kernel = x.shape[2:] if self.global_pool else self.kernel
        stride = (1,) * rank if self.global_pool or not self.stride else self.stride
        pad = (0,) * rank if self.global_pool or not self.pad else self.pad
        mode = {"avg": 2 if self.count_include_pad is False else 1, "lp": self.p_value or 0}.get(
            self.pool_type, 0
        )
        return [
            x.shape[1], x.batch_stride(), y.batch_stride(), *three(x.shape[2:], 1), *three(y.shape[2:], 1),
            *three(kernel, 1), *three(stride, 1), *three(pad, 0), mode,
        ]  # fmt: skip

    def lower(self, c: LowerContext) -> None:
        layout = _Channels(c, self.is_last)
        x = layout.read("data")
        y, after = layout.write("output")
        ints = self.ints(x, y)
        window = ints[9] * ints[10] * ints[11]
        kernel = {"max": "pool_max", "lp": "pool_norm"}.get(self.pool_type, "pool_sum")
        c.call(
            kernel, [y], [x], ints, items=x.shape[0] * x.shape[1], cost=0.5 * window * prod(y.shape[2:]) + 5.0
        )
        if after is not None:
            c.copy(after, y)
        if c.wants("workspace"):
            c.zero(c.output("workspace", "any"))
