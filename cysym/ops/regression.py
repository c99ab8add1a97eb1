"""Regression heads: LinearRegressionOutput, LogisticRegressionOutput, MAERegressionOutput.

Each shows a prediction and makes its own gradient against a label of the same number of elements. Linear and
absolute heads show the data itself (a view, no kernel).
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, ClassVar

from ..base import ShapeError
from .rules import FLOATS, is_known, show
from .schema import Backward, Float, OpDef

if TYPE_CHECKING:
    from ..passes.lower import LowerContext
    from .rules import ShapeRule


class RegressionBackward(Backward):
    """dx = (output - label) * grad_scale / elements a sample, or the sign of that difference."""

    needs = ("output", "label")
    differentiable = ("data",)
    forward: _Regression

    def lower(self, c: LowerContext) -> None:
        y, label = c.input("output"), c.input("label")
        scale = self.forward.grad_scale / max(prod(label.shape[1:]), 1)
        ints = [int(self.forward.is_absolute)]
        c.call(
            "regression_grad", [c.output("data")], [y, label], ints, [scale],
            items=y.size, cost=0.5, inplace=[(0, 0), (1, 0)],
        )  # fmt: skip


class _Regression(OpDef):
    inputs = ("data", "label")
    backward = RegressionBackward
    is_loss = True
    is_absolute: ClassVar[bool] = False

    grad_scale = Float(1.0, "factor of the gradient")

    def infer_shape(self, s: ShapeRule) -> None:
        data = s.meet_in("data", s.outs[0])
        s.meet_out(0, data)
        if data is None or not is_known(data):
            return
        label = s.get("label")
        if label is None or not is_known(label):
            s.meet_in("label", data[:1] if label is None and len(data) == 2 and data[1] == 1 else data)
        elif label[:1] != data[:1] or prod(label) != prod(data):
            raise ShapeError(
                f"{self.name}: Shape inconsistent, Provided={show(label)}, inferred shape={show(data)}"
            )

    def lower(self, c: LowerContext) -> None:
        c.alias("output", "data")


class LinearRegressionOutput(_Regression):
    """Least-squares head: ``output = data``, gradient ``(data - label) * grad_scale / m``.

    m is the number of elements of one sample. data : any shape; label : the same, or (n,) for data (n, 1), or
    any shape with as many elements a sample. The head gradient is not used, the label's gradient is 0.
    (MXNet: LinearRegressionOutput)
    """

    name = "LinearRegressionOutput"


class LogisticRegressionOutput(_Regression):
    """Logistic head: ``output = 1 / (1 + exp(-data))``, gradient ``(output - label) * grad_scale / m``.

    Shapes and m as for LinearRegressionOutput; labels lie in [0, 1]. (MXNet: LogisticRegressionOutput)
    """

    name = "LogisticRegressionOutput"
    dtypes = FLOATS

    def lower(self, c: LowerContext) -> None:
        x = c.input("data")
        c.call("regression_logistic", [c.output()], [x], items=x.size, cost=5.0, inplace=[(0, 0)])


class MAERegressionOutput(_Regression):
    """Least-absolute-deviation head: ``output = data``, gradient ``s * grad_scale / m``.

    s is 1 where ``data > label`` and -1 elsewhere (also where they are equal). Shapes and m as for
    LinearRegressionOutput. (MXNet: MAERegressionOutput)
    """

    name = "MAERegressionOutput"
    is_absolute = True
