"""Embedding: rows of a weight matrix picked by index.

Indices of any element type are cut to whole numbers and clipped to the table; forward is the kernel of take.
Backward gathers: the table is divided into blocks of rows, and each block looks through all indices for its
own, so duplicates add up in one fixed order and no two workers write one row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ..base import MXNetError
from ..dtypes import CODES, NAMES
from .gather import CLIP, flat_index, scatter_sum
from .schema import Backward, Bool, DType, Int, OpDef

if TYPE_CHECKING:
    from ..passes.gradient import GradContext
    from ..passes.lower import LowerContext
    from .rules import ShapeRule, TypeRule

BLOCKS: Final = 64  # of rows in backward; every block reads all indices
INDEX: Final = CODES["int64"]
SUMMED: Final = (CODES["float32"], CODES["float64"])  # by the kernel of this module, the others as take's are


class EmbeddingBackward(Backward):
    """dweight[r] = sum of the head gradients of all places whose index is r, in order of place."""

    needs = ("ograd", "data")
    differentiable = ("weight",)
    forward: Embedding

    def lower(self, c: LowerContext) -> None:
        op = self.forward
        dy, index, dw = c.input("ograd"), c.input("data", dtype=INDEX), c.output("weight")
        if dw.dtype not in SUMMED:
            flat = flat_index(c, index.view((1, index.size)), dw.shape[:1], CLIP)
            scatter_sum(c, dw, "ograd", flat, (1, op.input_dim, op.output_dim))
            return
        rows = -(-op.input_dim // BLOCKS)
        cost = index.size * (0.5 + 0.3 * op.output_dim / BLOCKS) + 0.1 * rows * op.output_dim
        ints = [index.size, op.input_dim, op.output_dim, rows]
        c.call("embedding_grad", [dw], [dy, index], ints, items=-(-op.input_dim // rows), cost=cost)

    def gradient(self, g: GradContext) -> list[Any]:
        return [g.make("take", g.ograd(), g.ins[1]), None]


class Embedding(OpDef):
    """Looks up rows of ``weight``: ``output[i, ..., :] = weight[clip(int(data[i, ...]), 0, input_dim - 1)]``.

    data : any shape and element type, indices cut towards zero; weight : (input_dim, output_dim), of type
    ``dtype`` unless its type is given; output : data.shape + (output_dim,), of the weight's type. The
    weight's gradient adds up duplicates in order; the data has none. (MXNet: Embedding)
    """

    half = True
    name = "Embedding"
    inputs = ("data", "weight")
    backward = EmbeddingBackward

    input_dim = Int(doc="rows of the table", min=1)
    output_dim = Int(doc="length of a row", min=1)
    dtype = DType(CODES["float32"], "element type of a weight that has none yet")
    sparse_grad = Bool(False, "accepted; the gradient is dense")

    def check(self) -> None:
        if NAMES[self.dtype] == "bool":
            raise MXNetError(f"{self.name}: dtype must be a type of numbers, got bool")

    def infer_shape(self, s: ShapeRule) -> None:
        s.meet_in("weight", (self.input_dim, self.output_dim))
        data, out = s.get("data"), s.outs[0]
        if out is not None:
            data = s.meet_in("data", out[:-1])
        if data is not None:
            s.meet_out(0, (*data, self.output_dim))

    def infer_type(self, t: TypeRule) -> None:
        weight = t.ins[t.index("weight")]
        t.meet_out(0, t.meet_in("weight", self.dtype if weight is None else None))

    def lower(self, c: LowerContext) -> None:
        out, index, weight = c.output(), c.input("data", dtype=INDEX), c.input("weight")
        ints = [weight.itemsize, self.input_dim, self.output_dim, index.size, False]
        cost = 0.2 + 3.0 / self.output_dim
        c.call("take", [out], [weight, index], ints, items=out.size, cost=cost, dtype="any")
