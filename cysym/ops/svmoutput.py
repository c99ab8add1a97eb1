"""SVMOutput: passes scores on; its gradient is that of the hinge loss, one class against the rest.

Forward is a view of the input; the gradient is one kernel (c_kernels/svmoutput.c, cl_kernels/svmoutput.cl).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import ShapeError
from .rules import FLOATS, is_known, show
from .schema import Backward, Bool, Float, OpDef

if TYPE_CHECKING:
    from ..passes.lower import LowerContext
    from .rules import ShapeRule


class SVMOutputBackward(Backward):
    """With s = -1 for the labelled class, +1 for the others, and m = margin + s x: dx = s coefficient where
    m > 0 (linear), s coefficient 2 max(m, 0) (squared)."""

    needs = ("data", "label")
    differentiable = ("data",)
    forward: SVMOutput

    def lower(self, c: LowerContext) -> None:
        op, x = self.forward, c.input("data")
        n = x.shape[-1]
        c.call(
            "svmoutput_grad", [c.output("data")], [x, c.input("label")], [n, op.use_linear],
            [op.margin, op.regularization_coefficient], items=x.size, cost=1.0, inplace=[(0, 0)],
        )  # fmt: skip


class SVMOutput(OpDef):
    """Support vector machine as a loss layer: ``output = data``, with the gradient of the hinge loss.

    For each class the loss is ``coefficient * max(0, margin + s * x) ** 2``, with s = -1 for the labelled
    class and +1 for all others; without the square if ``use_linear``. Head gradients are not used. A label
    that names no class leaves all classes on the other side.

    data, output: (..., classes), at least 2 dimensions; label: data.shape[:-1], class numbers cut towards
    zero; its gradient is 0. (MXNet: SVMOutput)
    """

    name = "SVMOutput"
    inputs = ("data", "label")
    dtypes = FLOATS
    backward = SVMOutputBackward
    is_loss = True

    margin = Float(1.0, "how far a score must lie on its side of 0")
    regularization_coefficient = Float(1.0, "factor of the gradient")
    use_linear = Bool(False, "the plain hinge instead of its square")

    def infer_shape(self, s: ShapeRule) -> None:
        data = s.meet_in("data", s.outs[0])
        s.meet_out(0, data)
        if data is None:
            return
        if len(data) < 2:
            raise ShapeError(
                f"{self.name}: data must have at least 2 dimensions (batch, classes), got {show(data)}"
            )
        label = s.meet_in("label", data[:-1])
        if label is not None and is_known(label):
            s.meet_out(0, s.meet_in("data", (*label, data[-1])))

    def lower(self, c: LowerContext) -> None:
        c.alias("output", "data")
