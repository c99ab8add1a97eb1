"""LayerNorm: rows brought to mean 0 and deviation 1, then scaled and shifted element by element.

Mean and deviation are kept as hidden outputs, from which backward starts. An axis that is not the last one is
brought to the end by a copy. The numbers are made in c_kernels/layernorm.c and cl_kernels/layernorm.cl, which
hold the kernels of groupnorm.py as well; `emit` and `merge` name those both use.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, Final

from ..base import MXNetError, ShapeError
from .axes import normal_axis
from .rules import FLOATS, is_known
from .schema import Backward, Bool, Float, Int, OpDef

if TYPE_CHECKING:
    from ..passes.gradient import GradContext
    from ..passes.ir import Tensor
    from ..passes.lower import LowerContext
    from .rules import Dims, ShapeRule

ROWS: Final = 32  # least rows of one part of the sums for gamma and beta
PARTS: Final = 256  # most parts: what they occupy stays small


class LayerNormBackward(Backward):
    """With h = (x - mean) / std and w = dy gamma over rows of n elements: dx = (w - sum(w) / n - h sum(w h) /
    n) / std, dgamma = sum over rows of dy h, dbeta = sum over rows of dy.
    """

    needs = ("ograd", "data", "gamma", "mean", "std")
    differentiable = ("data", "gamma", "beta")
    forward: LayerNorm

    def gradient(self, g: GradContext) -> list[Any]:
        """Gradients of the gradients, along the last axis.

        J v = (v - avg(v) - h avg(v h)) / std is the derivative of h, so dx = J w. Heads p of dx, q of dgamma
        and s of dbeta pass, with u = J p: to dy gamma u + q h + s; to gamma the sum over rows of dy u; to
        data J (q dy) - (h avg(w u) + dx avg(p h) + u avg(w h)) / std. Mean and std are data's, and get none.
        """
        if self.forward.axis != -1:
            raise MXNetError("second derivatives of LayerNorm are supported with axis=-1 only")
        heads = dict(zip(self.wanted, g.ograds, strict=True))
        dy, x, gamma, mean, std = g.ins

        def times(a: Any, b: Any) -> Any:
            return g.make("broadcast_mul", a, b)

        def average(a: Any) -> Any:
            return g.make("mean", a, axis=(-1,), keepdims=True)

        h = g.make("broadcast_div", g.make("broadcast_sub", x, mean), std)

        def along(v: Any) -> Any:
            centred = g.make("broadcast_sub", v, average(v))
            straight = g.make("elemwise_sub", centred, times(h, average(times(v, h))))
            return g.make("broadcast_div", straight, std)

        to_dy, to_x, to_gamma = [], [], None
        if (p := heads.get("data")) is not None:
            w, u = times(dy, gamma), along(p)
            to_dy.append(times(u, gamma))
            to_gamma = g.make("sum", times(dy, u), axis=(-1,), exclude=True)
            parts = [times(h, average(times(w, u))), times(along(w), average(times(p, h)))]
            parts.append(times(u, average(times(w, h))))
            total = g.make("broadcast_div", g.make("add_n", *parts, num_args=3), std)
            to_x.append(g.make("negative", total))
        if (q := heads.get("gamma")) is not None:
            to_dy.append(times(h, q))
            to_x.append(along(times(dy, q)))
        if (s := heads.get("beta")) is not None:
            to_dy.append(g.make("broadcast_add", g.make("zeros_like", dy), s))
        sums = [g.make("add_n", *parts, num_args=len(parts)) if parts else None for parts in (to_dy, to_x)]
        return [*sums, to_gamma, None, None]

    def lower(self, c: LowerContext) -> None:
        op = self.forward
        x, dy = op.rows_last(c, c.input("data", "any")), op.rows_last(c, c.input("ograd", "any"))
        n = x.shape[-1]
        rows = x.size // n if n else prod(x.shape[:-1])
        height = max(ROWS, -(-rows // PARTS))
        parts = -(-rows // height)
        sums = c.temp((parts, 2, n), x.dtype)
        dx = c.output("data", "any") if c.wants("data") else c.temp(c.shape("data"), x.dtype)
        to = dx if op.is_last(dx.shape) and dx.is_dense() else c.temp(x.shape, x.dtype)
        ins = [dy, x, c.input("gamma"), c.input("mean"), c.input("std")]
        c.call(
            "layernorm_grad", [to, sums], ins, [rows, n, height],
            items=parts, cost=1.0 * height * n, inplace=[(0, 0), (1, 0)],
        )  # fmt: skip
        if to is not dx:
            c.copy(op.moved(dx), to)
        merge(c, sums, parts, n)


def merge(c: LowerContext, sums: Tensor, parts: int, n: int) -> None:
    """Gradients of gamma and beta, the sum of (parts, 2, n) over the parts."""
    dgamma, dbeta = (c.output(g) if c.wants(g) else c.temp((n,), sums.dtype) for g in ("gamma", "beta"))
    if c.wants("gamma") or c.wants("beta"):
        c.call("layernorm_merge", [dgamma, dbeta], [sums], [parts, n], items=n, cost=1.0 * parts)


class LayerNorm(OpDef):
    """Layer normalisation: ``output = (data - mean) / std * gamma + beta`` along ``axis``.

    ``mean`` is that of the elements along the axis, ``std = sqrt(variance + eps)`` with their biased
    variance; float16 data has float32 statistics inside.

    data, output: any shape; gamma, beta: (data.shape[axis],). With ``output_mean_var`` two more outputs are
    seen, mean and std, of the shape of data with 1 at the axis; no gradient flows through them. (MXNet:
    LayerNorm; Ba et al. 2016)
    """

    name = "LayerNorm"
    inputs = ("data", "gamma", "beta")
    outputs = ("output", "mean", "std")
    has_own_output_names = True
    dtypes = FLOATS
    backward = LayerNormBackward

    axis = Int(-1, "the axis along which to normalise")
    eps = Float(1e-5, "added to the variance")
    output_mean_var = Bool(False, "show mean and deviation as outputs")

    def num_visible(self) -> int:
        return 3 if self.output_mean_var else 1

    def infer_shape(self, s: ShapeRule) -> None:
        data = s.meet_in("data", s.outs[0])
        s.meet_out(0, data)
        if data is None:
            return
        if not data:
            raise ShapeError(f"{self.name}: data must have at least 1 dimension, got 0")
        axis = normal_axis(self.axis, len(data), f"{self.name}: axis")
        each: Dims | None = (data[axis],)
        for name in ("gamma", "beta"):
            each = s.meet_in(name, each)
        if each is not None and is_known(each):
            data = s.meet_in("data", (*data[:axis], each[0], *data[axis + 1 :]))
            s.meet_out(0, data)
        if data is not None:
            for i in (1, 2):
                s.meet_out(i, (*data[:axis], 1, *data[axis + 1 :]))

    def is_last(self, shape: Dims) -> bool:
        return self.axis in (-1, len(shape) - 1)

    def moved(self, t: Tensor) -> Tensor:
        """The tensor with the axis at the end, seen through strides."""
        axis, order = self.axis % len(t.shape), list(range(len(t.shape)))
        order.append(order.pop(axis))
        return t.view(tuple(t.shape[i] for i in order), 0, tuple(t.strides[i] for i in order))

    def rows_last(self, c: LowerContext, t: Tensor) -> Tensor:
        """The tensor with the axis at the end, dense."""
        t = self.moved(t)
        if t.is_dense():
            return t
        dense = c.temp(t.shape, t.dtype)
        c.copy(dense, t)
        return dense

    def lower(self, c: LowerContext) -> None:
        x = self.rows_last(c, c.input("data", "any"))
        n = x.shape[-1]
        rows = prod(x.shape[:-1])
        y = c.output("output", "any")
        to = y if self.is_last(y.shape) and y.is_dense() else c.temp(x.shape, x.dtype)
        emit(c, to, x, rows, n, 0, self.eps)
        if to is not y:
            c.copy(self.moved(y), to)


def emit(c: LowerContext, y: Tensor, x: Tensor, rows: int, n: int, groups: int, eps: float) -> None:
    """Normalise `rows` dense rows of `n`; row r has gamma[r % groups], or with groups = 0 each element its
    own."""
    mean, std = (c.output(o) if c.wants(o) else c.temp((rows,), x.dtype) for o in ("mean", "std"))
    c.call(
        "layernorm", [y, mean, std], [x, c.input("gamma"), c.input("beta")], [n, groups], [eps],
        items=rows, cost=0.6 * n + 10, inplace=[(0, 0)],
    )  # fmt: skip
