"""IdentityAttachKLSparseReg: passes activations on and adds a penalty on their mean to the gradient.

Forward is a view of the input. Backward moves the running mean of every unit, as MXNet does, and adds the
slope of the penalty there; the sums are those of reduce.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ..base import MXNetError, ShapeError
from ..passes.ir import num_elements
from .elementwise import emit
from .ew_group import ROWS, group_of
from .reduce import emit_sum
from .rules import FLOATS, show
from .schema import Backward, Float, OpDef

if TYPE_CHECKING:
    from ..passes.lower import LowerContext
    from .rules import ShapeRule


class KLSparseBackward(Backward):
    """avg = momentum avg + (1 - momentum) mean(data), then dx = dy + penalty ((1 - target) / (1 - avg) -
    target / avg)."""

    needs = ("ograd", "data", "moving_avg")
    differentiable = ("data",)
    mutates: ClassVar[dict[str, tuple[str, ...]]] = {"backward": ("moving_avg",)}
    forward: KLSparse

    def lower(self, c: LowerContext) -> None:
        op, x, dy = self.forward, c.input("data", "any"), c.input("ograd", "any")
        axes = [i for i in range(len(x.shape)) if i != 1]
        average = c.input("moving_avg", "any")
        mean, slope = (c.temp(average.shape, x.dtype) for _ in range(2))
        emit_sum(c, mean, x, axes, max(num_elements([x.shape[i] for i in axes]), 1))
        gap = average.estrides[0] if average.size > 1 else 1
        c.call(
            "klsparse_move", [average, slope], [mean, average], [gap],
            [op.sparseness_target, op.penalty, op.momentum],
            items=mean.size, cost=5.0, inplace=[(1, 0)], mutates=True,
        )  # fmt: skip
        strides = tuple(slope.itemsize if i == 1 else 0 for i in range(len(x.shape)))
        spread = slope.view(x.shape, 0, strides)
        emit(c, group_of((ROWS["elemwise_add"].forward,))[0], [c.output("data", "any")], [dy, spread])


class KLSparse(OpDef):
    """Identity whose gradient draws the mean activation of every unit towards ``sparseness_target``.

    ``output = data``; for activations in (0, 1), as a sigmoid gives. Backward keeps a running mean of each
    unit over the batch, ``avg = momentum * avg + (1 - momentum) * mean(data)``, in the auxiliary state
    ``moving_avg``, and adds the derivative of the Kullback-Leibler divergence at it, ``penalty * ((1 -
    target) / (1 - avg) - target / avg)``, to the gradient of every element of the unit.

    data, output: (batch, units, ...); moving_avg: (units,). (MXNet: IdentityAttachKLSparseReg)
    """

    name = "IdentityAttachKLSparseReg"
    aux = ("moving_avg",)
    mutates: ClassVar[dict[str, tuple[str, ...]]] = {"backward": aux}
    dtypes = FLOATS
    backward = KLSparseBackward

    sparseness_target = Float(0.1, "the mean activation wanted, in [0, 1]")
    penalty = Float(0.001, "factor of the penalty")
    momentum = Float(0.9, "share of the running mean kept, in [0, 1]")

    def check(self) -> None:
        for param in ("sparseness_target", "momentum"):
            if not 0 <= self.values[param] <= 1:
                raise MXNetError(
                    f"value {self.values[param]} for Parameter {param} exceed bound [0,1], in operator "
                    f'{self.name}(name="")'
                )

    def variable_attrs(self, input_name: str) -> dict[str, str]:
        return {"__init__": '["zero", {}]'} if input_name == "moving_avg" else {}

    def infer_shape(self, s: ShapeRule) -> None:
        data = s.meet_in("data", s.outs[0])
        s.meet_out(0, data)
        if data is None:
            return
        if len(data) < 2:
            raise ShapeError(
                f"{self.name}: data must have at least 2 dimensions (batch, units), got {show(data)}"
            )
        s.meet_in("moving_avg", (data[1],))

    def lower(self, c: LowerContext) -> None:
        c.alias("output", "data")
