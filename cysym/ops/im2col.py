"""im2col and col2im: the patches a convolution sees as columns, and columns added back to an image.

Each is the other's transpose, so each is the other's gradient. Kernels in im2col.c and im2col.cl; missing
leading dimensions are of size 1.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from ..base import MXNetError, ShapeError
from .conv_calls import check_rank, check_steps
from .rules import FLOATS, Dims, ShapeRule, is_known, show
from .schema import Backward, OpDef, Shape

if TYPE_CHECKING:
    from ..passes.gradient import GradContext
    from ..passes.ir import Tensor
    from ..passes.lower import LowerContext


class _Patches(OpDef):
    """What both share: a window's kernel, stride, dilate and pad."""

    dtypes = FLOATS

    kernel = Shape(doc="Size of a patch: (w,), (h, w) or (d, h, w).")
    stride = Shape((), "Pixels from one patch to the next, 1 by default.")
    dilate = Shape((), "Pixels from one element of a patch to the next, 1 by default.")
    pad = Shape((), "Zeros around the image, none by default.")

    def check(self) -> None:
        steps = {"Stride": self.stride, "Dilate": self.dilate, "Padding": self.pad}
        check_steps(self.name, self.kernel, steps, None, ("Stride", "Dilate"))

    def steps(self) -> tuple[Dims, Dims, Dims]:
        """Stride, dilate and pad with defaults filled in."""
        ones = (1,) * len(self.kernel)
        return self.stride or ones, self.dilate or ones, self.pad or (0,) * len(ones)

    def places(self, size: Dims) -> Dims:
        """Patches along each dimension of an image of spatial `size`."""
        out = []
        for x, k, s, d, p in zip(size, self.kernel, *self.steps(), strict=True):
            room = x + 2 * p - d * (k - 1) - 1
            if x >= 0 and room < 0:
                raise ShapeError(
                    f"{self.name}: kernel size exceed input: a dilated kernel of {d * (k - 1) + 1} on {x} "
                    f"pixels padded by {p}"
                )
            out.append(room // s + 1 if x >= 0 else -1)
        return tuple(out)

    def call(self, c: LowerContext, kernel: str, out: Tensor, x: Tensor, image: Dims) -> None:
        """Call either kernel; `image` is the shape of the image, (n, c, spatial...)."""

        def three(values: Dims, fill: int) -> Dims:
            return (fill,) * (3 - len(values)) + tuple(values)

        stride, dilate, pad = self.steps()
        places, taps = self.places(image[2:]), prod(self.kernel)
        ints = [
            image[1], *three(image[2:], 1), *three(places, 1), *three(self.kernel, 1), *three(stride, 1),
            *three(dilate, 1), *three(pad, 0), out.batch_stride(), x.batch_stride(),
        ]  # fmt: skip
        planes, each = image[0] * image[1], prod(places)
        if kernel == "im2col":
            c.call(kernel, [out], [x], ints, items=planes * taps, cost=5.0 + 0.5 * each)
        else:
            c.call(kernel, [out], [x], ints, items=planes, cost=0.2 * prod(image[2:]) + 0.7 * taps * each)


class Im2colBackward(Backward):
    """dx is the sum of the gradients of all copies of an element: col2im of the head gradient."""

    forward: Im2col

    def gradient(self, g: GradContext) -> list[Any]:
        return [g.make("im2col", g.ograd(), like=g.ins[0], **self.values)]

    def lower(self, c: LowerContext) -> None:
        dx = c.output("data", "batch")
        self.forward.call(c, "col2im", dx, c.input("ograd", "batch"), dx.shape)


class Im2col(_Patches):
    """Patches of an image as columns: what a convolution multiplies its weight with.

    data (n, c, spatial...) with as many spatial dimensions as `kernel` has entries, one to three; output (n,
    c * taps, places): row ``channel * taps + tap`` holds, for every place of the window, the pixel under that
    tap, 0 in the padding. ``places = prod(floor((spatial + 2 * pad - dilate * (kernel - 1) - 1) / stride) +
    1)``. (MXNet: im2col)
    """

    name = "im2col"
    backward = Im2colBackward

    def infer_shape(self, s: ShapeRule) -> None:
        data = s.ins[0]
        if data is None:
            return
        check_rank(data, len(self.kernel))
        places = self.places(data[2:])
        rows = data[1] * prod(self.kernel) if data[1] >= 0 else -1
        s.meet_out(0, (data[0], rows, prod(places) if is_known(places) else -1))

    def lower(self, c: LowerContext) -> None:
        x = c.input("data", "batch")
        self.call(c, "im2col", c.output("output", "batch"), x, x.shape)


class _Sized(OpDef):
    """The parameter col2im has before those of `_Patches`."""

    output_size = Shape(doc="Spatial size of the output: (w,), (h, w) or (d, h, w).")


class Col2im(_Patches, _Sized):
    """Columns added to where `im2col` takes them from, which is its transpose: pixels under several patches
    are sums.

    data (n, c * taps, places); output (n, c, output_size...). (MXNet: col2im)
    """

    name = "col2im"

    def check(self) -> None:
        super().check()
        if len(self.output_size) != len(self.kernel):
            raise MXNetError(
                f"Output size must have the same number of dimensions with kernel_size, but kernel_size is "
                f"set to {show(self.kernel)} while output size is {show(self.output_size)}"
            )
        if min(self.output_size) < 1:
            raise MXNetError(f"incorrect output size: {show(self.output_size)}")
        self.places(self.output_size)

    def infer_shape(self, s: ShapeRule) -> None:
        places, taps = self.places(self.output_size), prod(self.kernel)
        data = s.meet_in(0, (-1, -1, prod(places)))
        assert data is not None
        if data[1] % taps and data[1] >= 0:
            raise ShapeError(
                f"{self.name}: rows of data must be a multiple of {taps}, the elements of a patch, got "
                f"{show(data)}"
            )
        s.meet_out(0, (data[0], data[1] // taps if data[1] >= 0 else -1, *self.output_size))

    def gradient(self, g: GradContext) -> list[Any]:
        values = {k: v for k, v in self.values.items() if k != "output_size"}
        return [g.make("im2col", g.ograd(), like=g.ins[0], **values)]

    def lower(self, c: LowerContext) -> None:
        y = c.output("output", "batch")
        self.call(c, "col2im", y, c.input("data", "batch"), y.shape)
