"""SoftmaxOutput, whose gradient is that of the cross-entropy with labels, and softmax_cross_entropy itself.

The forward pass is softmax's own kernel. Backward is one kernel; where the gradient is divided by the number
of labels that count, a second kernel finds that number first.
"""

from __future__ import annotations

from math import isfinite, prod, trunc
from typing import TYPE_CHECKING

from ..base import ShapeError
from .elementwise import emit
from .ew_group import ROWS, group_of
from .rules import FLOATS, is_known, show
from .schema import Backward, Bool, Enum, Float, OpDef
from .softmax import LOG, emit_softmax, lines

if TYPE_CHECKING:
    from ..passes.lower import LowerContext
    from .rules import ShapeRule


class SoftmaxOutputBackward(Backward):
    """dx = (p - target) * grad_scale / normalizer, times the head gradient only where out_grad says so."""

    needs = ("output", "label")
    differentiable = ("data",)
    forward: SoftmaxOutput

    def read_names(self) -> tuple[str, ...]:
        return (*self.needs, "ograd") if self.forward.out_grad else self.needs

    def lower(self, c: LowerContext) -> None:
        op = self.forward
        p, label, dx = c.input("output"), c.input("label"), c.output("data")
        if label.shape == p.shape:
            ints: list[int] = []
            c.call(
                "softmaxoutput_grad_soft", [dx], [p, label], ints, [op.grad_scale],
                items=p.size, cost=0.5, inplace=[(0, 0), (1, 0)],
            )  # fmt: skip
        else:
            outer, n, inner = op.lines(p.shape)
            rows, norm, scale = outer * inner, label, op.grad_scale
            ignored = float(trunc(op.ignore_label)) if isfinite(op.ignore_label) else op.ignore_label
            if op.normalization == "valid":
                norm = c.temp((1,), p.dtype)
                c.call("softmaxoutput_count", [norm], [label], [rows], [ignored], items=1, cost=0.5 * rows)
            else:
                scale /= max(
                    (inner if op.multi_output else 1) * (outer if op.normalization == "batch" else 1), 1
                )
            alpha = 0.0 if op.multi_output else op.smooth_alpha
            ints = [n, inner, op.use_ignore, op.normalization == "valid"]
            floats = [scale, ignored, 1 - alpha, alpha / (n - 1) if n > 1 else 0.0]
            c.call(
                "softmaxoutput_grad", [dx], [p, label, norm], ints, floats,
                items=rows, cost=0.5 * n, inplace=[(0, 0)],
            )  # fmt: skip
        if op.out_grad:
            ograd = c.input("ograd")
            c.call("softmaxoutput_times", [dx], [dx, ograd], items=p.size, cost=0.5, inplace=[(0, 0), (1, 0)])


class SoftmaxOutput(OpDef):
    """Softmax with the gradient of the cross-entropy loss; the head gradient is not needed.

    ``output = softmax(data)`` over all axes but the first together; over axis 1 with ``multi_output``; over
    the last axis with ``preserve_shape``. The gradient of ``data`` is ``(output - onehot(label)) *
    grad_scale``, divided by the number of labels (``normalization="batch"``) or of labels other than
    ``ignore_label`` (``"valid"``); with ``multi_output`` it is divided by the number of positions as well
    unless ``"valid"``. ``use_ignore`` gives rows labelled ``ignore_label`` no gradient. ``smooth_alpha``
    moves that share of the target to the other classes (not with ``multi_output``). A label of the data's own
    shape holds probabilities: the gradient is then ``(output - label) * grad_scale``. ``out_grad`` multiplies
    by the head gradient, which is then required.

    data : (n, c, ...); label : (n,), (n, positions) with ``multi_output``, ``data.shape[:-1]`` with
    ``preserve_shape``, or ``data.shape``. The label's gradient is 0. (MXNet: SoftmaxOutput)
    """

    name = "SoftmaxOutput"
    aliases = ("Softmax",)
    inputs = ("data", "label")
    dtypes = FLOATS
    backward = SoftmaxOutputBackward
    is_loss = True

    grad_scale = Float(1.0, "factor of the gradient")
    ignore_label = Float(-1.0, "the label without a gradient, where use_ignore is set")
    multi_output = Bool(False, "softmax over axis 1, one label a position")
    use_ignore = Bool(False, "give rows labelled ignore_label no gradient")
    preserve_shape = Bool(False, "softmax over the last axis")
    normalization = Enum(("batch", "null", "valid"), "null", "what the gradient is divided by")
    out_grad = Bool(False, "multiply the gradient by the head gradient")
    smooth_alpha = Float(0.0, "share of the target given to the other classes", within=(0.0, 1.0))

    def check(self) -> None:
        if self.out_grad:  # this one is an ordinary head: it wants a head gradient
            self.is_loss = False  # type: ignore[misc]

    def lines(self, shape: tuple[int, ...]) -> tuple[int, int, int]:
        """(outer, classes, inner) of data of this shape."""
        if self.multi_output:
            return lines(shape, 1)
        if self.preserve_shape:
            return lines(shape, len(shape) - 1)
        return shape[0], prod(shape[1:]), 1

    def infer_shape(self, s: ShapeRule) -> None:
        data = s.meet_in("data", s.outs[0])
        s.meet_out(0, data)
        if data is None:
            return
        if len(data) < 2:
            raise ShapeError(
                f"{self.name}: data must have at least 2 dimensions (batch, classes), got {show(data)}"
            )
        label = s.get("label")
        if label is not None and len(label) == len(data) and is_known(label) and label == data:
            return  # probabilities
        if not self.multi_output:
            if label is None or len(label) != len(data):
                s.meet_in("label", data[:-1])
            elif is_known(label) and is_known(data):
                raise ShapeError(
                    f"{self.name}: Shape inconsistent, Provided = {show(label)}, "
                    f"inferred shape={show(data[:-1])}"
                )
            return
        if not is_known(data):
            return
        flat = (data[0], prod(data[2:]))
        others = ((data[0], *data[2:]), (data[0], 1, *data[2:]))
        if label is None or not is_known(label):
            s.meet_in("label", flat if label is None or len(label) == 2 else others[len(label) == len(data)])
        elif label != flat and label not in others:
            raise ShapeError(
                f"{self.name}: Shape inconsistent, Provided = {show(label)}, "
                f"inferred shape={show(flat)} or {show(others[0])}"
            )

    def lower(self, c: LowerContext) -> None:
        x = c.input("data")
        emit_softmax(c, c.output(), x, *self.lines(x.shape))


class SoftmaxCrossEntropyBackward(Backward):
    """dx = (softmax(data) - onehot(label)) * dy, where dy is one number."""

    needs = ("ograd", "data", "label")
    differentiable = ("data",)

    def lower(self, c: LowerContext) -> None:
        x, label, dy = c.input("data"), c.input("label"), c.input("ograd")
        rows, n = x.shape
        p, plain = c.temp(x.shape, x.dtype), c.temp(x.shape, x.dtype)
        emit_softmax(c, p, x, rows, n, 1)
        floats = [1.0, 0.0, 1.0, 0.0]
        c.call(
            "softmaxoutput_grad", [plain], [p, label, label], [n, 1, False, False], floats,
            items=rows, cost=0.5 * n, inplace=[(0, 0)],
        )  # fmt: skip
        spread = dy.view(x.shape, 0, (0, 0))
        emit(c, group_of((ROWS["elemwise_mul"].forward,))[0], [c.output("data", "any")], [plain, spread])


class SoftmaxCrossEntropy(OpDef):
    """Cross-entropy of the softmax of ``data`` against class numbers, summed over the batch.

    ``output = -sum over i of log(max(softmax(data)[i, label[i]], 1e-8))``; a label that names no class counts
    as one of probability 0. The gradient is that without the bound: ``softmax(data) - onehot(label)``.

    data: (n, classes); label: (n,), cut towards zero, without a gradient; output: (1,). (MXNet:
    softmax_cross_entropy)
    """

    name = "softmax_cross_entropy"
    inputs = ("data", "label")
    dtypes = FLOATS
    backward = SoftmaxCrossEntropyBackward

    def infer_shape(self, s: ShapeRule) -> None:
        s.meet_out(0, (1,))
        data, label = s.ins
        if data is not None and len(data) != 2:
            raise ShapeError(f"{self.name}: data must have 2 dimensions (batch, classes), got {show(data)}")
        if label is not None and len(label) != 1:
            raise ShapeError(f"{self.name}: label must have 1 dimension (batch,), got {show(label)}")
        if data is not None:
            label = s.meet_in("label", data[:1])
            if label is not None:
                s.meet_in("data", (label[0], -1))

    def lower(self, c: LowerContext) -> None:
        x = c.input("data")
        rows, n = x.shape
        logs = c.temp(x.shape, x.dtype)
        emit_softmax(c, logs, x, rows, n, 1, LOG)
        ins = [logs, c.input("label")]
        c.call("softmaxoutput_cross", [c.output()], ins, [rows, n], [1e-8], items=1, cost=3.0 * rows)
