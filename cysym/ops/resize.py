"""Images brought to another size: averages over adaptive windows, and bilinear interpolation.

Where an output pixel looks is exact arithmetic of whole numbers, the same on every device. Backward gathers:
a row or pixel of the image sums what the outputs over it give. Kernels in resize.c and resize.cl.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, Final

from ..base import MXNetError, ShapeError
from .rules import FLOATS, Dims, ShapeRule, show
from .schema import Backward, Bool, Enum, Float, Int, OpDef, Shape

if TYPE_CHECKING:
    from ..passes.gradient import GradContext
    from ..passes.ir import Tensor
    from ..passes.lower import LowerContext


MAX_SCALE: Final = 100_000  # backward keeps a number for every output row over a row of the image


def _check_image(op: OpDef, data: Dims) -> None:
    if len(data) != 4:
        raise ShapeError(f"{op.name}: data should be 4D in (batch, channel, y, x), got {show(data)}")
    if 0 in data[2:]:
        raise ShapeError(f"{op.name}: data must have pixels, got {show(data)}")


def _call(
    c: LowerContext, kernel: str, out: Tensor, x: Tensor, image: Tensor, result: Tensor, more: tuple[int, ...]
) -> None:
    """A kernel between `image` and its resized `result`; an item is a row of a plane of `out`."""
    ints = [out.shape[1], *image.shape[2:], *result.shape[2:], out.batch_stride(), x.batch_stride(), *more]
    rows = prod(out.shape[:3])
    area = max(prod(image.shape[2:]), prod(result.shape[2:]))
    c.call(kernel, [out], [x], ints, items=rows, cost=10.0 + 2.0 * area / max(out.shape[2], 1))


class AdaptiveAvgPooling2DBackward(Backward):
    """dx[i] = sum of dy[o] / size(o) over the windows o that hold i."""

    def lower(self, c: LowerContext) -> None:
        dx, dy = c.output("data", "batch"), c.input("ograd", "batch")
        _call(c, "adaptive_pool_grad", dx, dy, dx, dy, ())


class AdaptiveAvgPooling2D(OpDef):
    """Averages over as many windows as the output has pixels, of nearly equal size.

    data (batch, channels, height, width); output (batch, channels, *output_size). Output row o averages rows
    ``floor(o * height / out)`` to ``ceil((o + 1) * height / out)``, columns likewise. `output_size`: one
    number for both directions, (height, width), or nothing for 1. (MXNet: _contrib_AdaptiveAvgPooling2D)
    """

    name = "_contrib_AdaptiveAvgPooling2D"
    backward = AdaptiveAvgPooling2DBackward
    dtypes = FLOATS

    output_size = Shape((), "Size of the output: n, (height, width), or nothing for 1.")

    def check(self) -> None:
        if len(self.output_size) > 2 or any(v < 1 for v in self.output_size):
            raise MXNetError(
                f"{self.name}: output_size must be one or two positive numbers, got {show(self.output_size)}"
            )

    def infer_shape(self, s: ShapeRule) -> None:
        data = s.ins[0]
        if data is None:
            return
        _check_image(self, data)
        height, width = ((*self.output_size, *self.output_size) or (1, 1))[:2]
        out = s.meet_out(0, (*data[:2], height, width))
        if out is not None:
            s.meet_in(0, (*out[:2], *data[2:]))

    def lower(self, c: LowerContext) -> None:
        x, y = c.input("data", "batch"), c.output("output", "batch")
        _call(c, "adaptive_pool", y, x, x, y, ())


class BilinearResize2DBackward(Backward):
    """dx[i] = sum of dy[o] * (1 - |place(o) - i|) over the outputs o less than a pixel away."""

    differentiable = ("data",)
    forward: BilinearResize2D

    def lower(self, c: LowerContext) -> None:
        dx, dy = c.output("data", "batch"), c.input("ograd", "batch")
        _call(c, "bilinear_resize_grad", dx, dy, dx, dy, self.forward.places(dx.shape[2:], dy.shape[2:]))


class BilinearResize2D(OpDef):
    """Bilinear interpolation of images.

    data (batch, channels, height, width); output (batch, channels, height', width'). `mode` says which size:
    ``size``: `height` and `width`, or `scale_height` and `scale_width` times data's, cut to a whole number;
    ``odd_scale``: an even size times its scale, an odd one ``(size - 1) * scale + 1``; ``to_even_down``,
    ``to_even_up``, ``to_odd_down``, ``to_odd_up``: the next size of that kind, 1 smaller or larger at most;
    ``like``: that of the second input, which gets a gradient of zeros. With `align_corners` output row o
    looks at ``o * (height - 1) / (height' - 1)``, otherwise at ``(o + 0.5) * height / height' - 0.5``, not
    beyond the edges; a single output row looks at row 0; columns likewise. (MXNet: _contrib_BilinearResize2D)
    """

    name = "_contrib_BilinearResize2D"
    inputs = ("data", "like")
    backward = BilinearResize2DBackward
    dtypes = FLOATS

    height = Int(1, "Height of the output, with mode size.", min=1)
    width = Int(1, "Width of the output, with mode size.", min=1)
    scale_height = Float(None, "Height of the output in heights of data, with modes size and odd_scale.")
    scale_width = Float(None, "Width of the output in widths of data, with modes size and odd_scale.")
    mode = Enum(
        ("like", "odd_scale", "size", "to_even_down", "to_even_up", "to_odd_down", "to_odd_up"), "size",
        "What gives the size of the output.",
    )  # fmt: skip
    align_corners = Bool(True, "Whether corner pixels keep their values, not corners of pixels their places.")

    def check(self) -> None:
        scales = (self.scale_height, self.scale_width)
        if self.mode in ("size", "odd_scale") and scales.count(None) == 1:
            raise MXNetError(f"{self.name}: scale_height and scale_width belong together, got {scales}")
        if self.mode == "odd_scale" and None in scales:
            raise MXNetError(f"{self.name}: mode odd_scale needs scale_height and scale_width")
        if any(v is not None and not 0 < v < 2**31 for v in scales):
            raise MXNetError(f"{self.name}: scale_height and scale_width must be positive, got {scales}")

    def input_names(self) -> tuple[str, ...]:
        return self.inputs if self.mode == "like" else self.inputs[:1]

    def _size(self, size: int, fixed: int, scale: float | None) -> int:
        """Output size of one dimension; -1 while unknown."""
        if self.mode == "size" and scale is None:
            return fixed
        if size < 0:
            return -1
        if scale is not None and self.mode in ("size", "odd_scale"):
            odd = self.mode == "odd_scale" and size % 2
            out = int((size - 1) * scale) + 1 if odd else int(size * scale)
        else:
            wrong = size % 2 == (self.mode in ("to_even_down", "to_even_up"))
            out = size + (1 if self.mode.endswith("up") else -1) if wrong else size
        if not 0 < out < 2**31:
            raise ShapeError(f"{self.name}: mode {self.mode} makes {out} pixels of {size}")
        return out

    def infer_shape(self, s: ShapeRule) -> None:
        data = s.ins[0]
        if data is None:
            return
        _check_image(self, data)
        if self.mode == "like":
            like = s.ins[1]
            if like is None:
                return
            _check_image(self, like)
            size = like[2:]
        else:
            size = (
                self._size(data[2], self.height, self.scale_height),
                self._size(data[3], self.width, self.scale_width),
            )
        for n, m in zip(data[2:], size, strict=True):
            if n > 0 and m > n * MAX_SCALE:
                raise ShapeError(f"{self.name}: {n} pixels cannot be made {m}, at most {MAX_SCALE} of each")
        out = s.meet_out(0, (*data[:2], *size))
        if out is not None:
            s.meet_in(0, (*out[:2], *data[2:]))

    def gradient(self, g: GradContext) -> list[Any]:
        grads = g.backward(BilinearResize2DBackward)
        if self.mode == "like" and g.wants[1]:
            grads[1] = g.make("zeros_like", g.ins[1])
        return grads

    def places(self, image: Dims, result: Dims) -> tuple[int, ...]:
        """(a, b, q) of both directions: output o looks at place ``(o * a + b) / q``."""
        ints: list[int] = []
        for n, m in zip(image, result, strict=True):
            if m == 1:
                ints += [0, 0, 1]
            else:
                ints += [n - 1, 0, m - 1] if self.align_corners else [2 * n, n - m, 2 * m]
        return tuple(ints)

    def lower(self, c: LowerContext) -> None:
        x, y = c.input("data", "batch"), c.output("output", "batch")
        if x.shape == y.shape:
            c.copy(y, x)
            return
        _call(c, "bilinear_resize", y, x, x, y, self.places(x.shape[2:], y.shape[2:]))
