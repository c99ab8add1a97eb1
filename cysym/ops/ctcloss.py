"""CTCLoss: minus the logarithm of the probability of all alignments of a label sequence with a longer one.

The kernels (c_kernels/ctcloss.c, cl_kernels/ctcloss.cl) make the loss and, where somebody will ask for it,
the gradient as a hidden output; backward only multiplies that by the head gradient.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import ShapeError
from .elementwise import emit
from .ew_group import ROWS, group_of
from .rules import FLOATS, show
from .schema import Backward, Bool, Enum, OpDef

if TYPE_CHECKING:
    from ..passes.lower import LowerContext
    from .rules import ShapeRule, TypeRule


class CTCLossBackward(Backward):
    """dx = the gradient made in the forward pass, times the sample's head gradient."""

    needs = ("ograd", "grad")
    differentiable = ("data",)

    def lower(self, c: LowerContext) -> None:
        dy, grad = c.input("ograd"), c.input("grad")
        spread = dy.view(grad.shape, 0, (0, dy.itemsize, 0))
        emit(c, group_of((ROWS["elemwise_mul"].forward,))[0], [c.output("data", "any")], [grad, spread])


class CTCLoss(OpDef):
    """Connectionist temporal classification loss, one value a sample.

    ``output = -log(sum over alignments of the product over time of softmax(data)[t, n, symbol])``, where an
    alignment spells the labels once repeated symbols and blanks are dropped. The blank is class 0 and labels
    are 1 to classes - 1 with ``blank_label="first"``; class ``classes - 1`` and labels 0 to classes - 2 with
    ``"last"``. A label sequence ends before its first 0 ("first") or -1 ("last"), or after ``label_lengths``;
    the data of a sample after ``data_lengths``. Lengths beyond the array are cut to it. A sequence too short
    for its labels has loss and gradient 0, as in MXNet; a label that is no class has NaN.

    data: (time, batch, classes), before the softmax; label: (batch, labels), labels <= time; data_lengths,
    label_lengths: (batch,), inputs only with ``use_data_lengths``, ``use_label_lengths``; output: (batch,).
    Only data has a gradient. (MXNet: CTCLoss; Graves et al. 2006)
    """

    name = "CTCLoss"
    aliases = ("ctc_loss", "_contrib_CTCLoss", "_contrib_ctc_loss")
    inputs = ("data", "label")
    outputs = ("output0", "grad")
    has_own_output_names = True
    dtypes = FLOATS
    backward = CTCLossBackward

    use_data_lengths = Bool(False, "whether the input data_lengths says how long each sample is")
    use_label_lengths = Bool(False, "whether the input label_lengths says how many labels each sample has")
    blank_label = Enum(("first", "last"), "first", "which class is the blank")

    def num_visible(self) -> int:
        return 1

    def input_names(self) -> tuple[str, ...]:
        lengths = ("data_lengths",) * self.use_data_lengths + ("label_lengths",) * self.use_label_lengths
        return (*self.inputs, *lengths)

    def infer_shape(self, s: ShapeRule) -> None:
        data = s.meet_in("data", s.outs[1])
        s.meet_out(1, data)
        if data is None:
            return
        if len(data) != 3:
            raise ShapeError(f"{self.name}: data must be (time, batch, classes), got shape {show(data)}")
        time, batch, classes = data
        if classes == 0:
            raise ShapeError(f"{self.name}: data must have at least one class, got shape {show(data)}")
        label = s.ins[1]
        if label is not None:
            if len(label) != 2:
                raise ShapeError(f"{self.name}: label must be (batch, labels), got shape {show(label)}")
            label = s.meet_in("label", (batch, -1))
            if label is not None and label[1] > time >= 0:
                raise ShapeError(
                    f"{self.name}: label has {label[1]} labels a sample, but data only {time} time steps"
                )
        for name in self.input_names()[2:]:
            s.meet_in(name, (batch,))
        s.meet_out(0, (batch,))

    def infer_type(self, t: TypeRule) -> None:
        t.same([0], [0, 1])
        for i in range(1, len(t.ins)):
            if t.ins[i] is None:
                t.meet_in(i, t.ins[0])

    def lower(self, c: LowerContext) -> None:
        x = c.input("data")
        time, batch, classes = x.shape
        label = c.input("label", dtype=x.dtype)
        blank = 0 if self.blank_label == "first" else classes - 1
        most = label.shape[1]
        lengths = [
            c.input(name, dtype=x.dtype) if c.has(name) else label
            for name in ("data_lengths", "label_lengths")
        ]
        ints = [time, batch, classes, most, blank, self.use_data_lengths, self.use_label_lengths]
        states = 2 * most + 1
        sums, alpha = c.temp((time, batch), x.dtype), c.temp((batch, time, states), x.dtype)
        cost = time * states * 50.0
        c.call("ctcloss_sums", [sums], [x], ints, items=time * batch, cost=10.0 * classes)
        ins = [x, sums, label, *lengths]
        c.call("ctcloss", [c.output("output0"), alpha], ins, ints, items=batch, cost=cost)
        if c.wants("grad"):
            beta = c.temp(alpha.shape, x.dtype)
            c.call("ctcloss_beta", [beta], ins, ints, items=batch, cost=cost)
            ins = [x, sums, alpha, beta, label, *lengths]
            cost = 10.0 * classes + 30.0 * states
            c.call("ctcloss_grad", [c.output("grad")], ins, ints, items=time * batch, cost=cost)
