"""Embedding: rows of a weight matrix picked by index.

Indices of any element type are cut to whole numbers and clipped to the table. Backward gathers: the table is
divided into blocks of rows, and each block looks through all indices for its own, so duplicates add up in one
fixed order and no two workers write one row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..base import MXNetError
from ..dtypes import CODES, NAMES
from .schema import Backward, Bool, DType, Int, OpDef

if TYPE_CHECKING:
    from ..passes.lower import LowerContext
    from .rules import ShapeRule, TypeRule

BLOCKS: Final = 64  # of rows in backward; every block reads all indices
INDEX: Final = CODES["int64"]


class EmbeddingBackward(Backward):
    """dweight[r] = sum of the head gradients of all places whose index is r, in order of place."""

    needs = ("ograd", "data")
    differentiable = ("weight",)
    forward: Embedding

    def lower(self, c: LowerContext) -> None:
        op = self.forward
        dy, index, dw = c.input("ograd"), c.input("data", dtype=INDEX), c.output("weight")
        if dw.size == 0:
            return
        rows = -(-op.input_dim // BLOCKS)
        cost = index.size * (0.5 + 0.3 * op.output_dim / BLOCKS) + 0.1 * rows * op.output_dim
        ints = [index.size, op.input_dim, op.output_dim, rows]
        c.call("embedding_grad", [dw], [dy, index], ints, items=-(-op.input_dim // rows), cost=cost)


class Embedding(OpDef):
    """Looks up rows of ``weight``: ``output[i, ..., :] = weight[clip(int(data[i, ...]), 0, input_dim - 1)]``.

    data : any shape and element type, indices cut towards zero; weight : (input_dim, output_dim), of type
    ``dtype``; output : data.shape + (output_dim,). The weight's gradient adds up duplicates in order; the
    data has none. (MXNet: Embedding)
    """

    name = "Embedding"
    inputs = ("data", "weight")
    backward = EmbeddingBackward

    input_dim = Int(doc="rows of the table", min=1)
    output_dim = Int(doc="length of a row", min=1)
    dtype = DType(CODES["float32"], "element type of weight and output")
    sparse_grad = Bool(False, "accepted; the gradient is dense")

    def check(self) -> None:
        if NAMES[self.dtype] not in ("float16", "float32", "float64"):
            raise MXNetError(f"{self.name}: dtype must be a floating type, got {NAMES[self.dtype]}")

    def infer_shape(self, s: ShapeRule) -> None:
        s.meet_in("weight", (self.input_dim, self.output_dim))
        data, out = s.get("data"), s.outs[0]
        if out is not None:
            data = s.meet_in("data", out[:-1])
        if data is not None:
            s.meet_out(0, (*data, self.output_dim))

    def infer_type(self, t: TypeRule) -> None:
        t.meet_in("weight", self.dtype)
        t.meet_out(0, self.dtype)

    def lower(self, c: LowerContext) -> None:
        index, weight = c.input("data", dtype=INDEX), c.input("weight")
        ints = [self.input_dim, self.output_dim]
        cost = 3.0 + 0.2 * self.output_dim
        c.call("embedding", [c.output()], [index, weight], ints, items=index.size, cost=cost)
