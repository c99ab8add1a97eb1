"""BatchNorm: normalises each channel by statistics of the batch, or by moving ones.

Data is seen as (outer, channels, inner). Statistics are gathered in parts, each the mean and the sum of
squared deviations over a known number of elements, and merged by Chan's formula: accurate however far the
mean lies from 0. A part is one plane where planes are long, else a block of outer rows. A convolution that
has already made parts in its epilogue calls `lower_from_stats`. Moving statistics change in backward, as in
MXNet.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from ..base import ShapeError
from ..dtypes import CODES
from .rules import FLOATS, is_known, show
from .schema import Backward, Bool, Float, Int, OpDef

if TYPE_CHECKING:
    from ..passes.ir import Tensor
    from ..passes.lower import LowerContext, Need
    from .rules import ShapeRule, TypeRule

PLANE: Final = 16  # elements from which on a plane is a part of its own
ROWS: Final = 64  # outer rows a part otherwise (enough parts to share, few enough to merge)


class Lines(NamedTuple):
    """(outer, channels, inner) of the data, and how many outer rows make a part of its statistics."""

    outer: int
    channels: int
    inner: int
    rows: int

    @property
    def parts(self) -> int:
        return -(-self.outer // self.rows)

    @property
    def size(self) -> int:
        return self.outer * self.inner


class BatchNormBackward(Backward):
    """Gradients of data, gamma and beta, and the step of the moving statistics.

    With x' = x - mean and r = 1 / sqrt(var + eps), over m elements a channel: dbeta = sum(dy), dgamma = r
    sum(dy x'), dx = gamma r (dy - sum(dy) / m - x' r^2 sum(dy x') / m). With moving statistics dx = gamma r
    dy.
    """

    differentiable = ("data", "gamma", "beta")
    mutates: ClassVar[dict[str, tuple[str, ...]]] = {"backward": ("moving_mean", "moving_var")}
    forward: BatchNorm

    def read_names(self) -> tuple[str, ...]:
        gamma = () if self.forward.fix_gamma else ("gamma",)
        states = () if self.forward.use_global_stats else self.forward.aux
        return ("ograd", "data", "mean", "var", *gamma, *states)

    def head(self, c: LowerContext, need: Need) -> Tensor:
        """The head gradient."""
        return c.input("ograd", need)

    def scale(self, c: LowerContext) -> Tensor:
        """1 / sqrt(var + eps)."""
        return c.input("var")

    def lower(self, c: LowerContext) -> None:
        op = self.forward
        need = op.need(len(c.shape("data")))
        dy, x, mean, scale = self.head(c, need), c.input("data", need), c.input("mean"), self.scale(c)
        n, dtype, each = op.lines(x.shape), x.dtype, (mean.size,)
        is_batch = c.is_train and not op.use_global_stats
        sums, factors = c.temp((n.parts, n.channels, 2), dtype), c.temp((n.channels, 3), dtype)
        ints = [*n, op.step(dy, n), op.step(x, n)]
        cost = 0.5 * n.rows * n.inner
        c.call("bn_grad_sums", [sums], [dy, x, mean], ints, items=n.parts * n.channels, cost=cost)
        dgamma, dbeta = (
            c.output(name) if c.wants(name) else c.temp(each, dtype) for name in ("gamma", "beta")
        )
        gamma = scale if op.fix_gamma else c.input("gamma")
        ints = [n.parts, n.channels, n.size, op.fix_gamma]
        ins = [sums, gamma, scale]
        c.call("bn_grad_merge", [dgamma, dbeta, factors], ins, ints, items=n.channels, cost=1.0 * n.parts)
        if c.wants("data"):
            dx = c.output("data", need)
            ints = [n.channels, n.inner, is_batch, op.step(dx, n), op.step(dy, n), op.step(x, n)]
            c.call(
                "bn_grad_data", [dx], [dy, x, mean, factors], ints,
                items=n.outer * n.channels, cost=0.5 * n.inner, inplace=[(0, 0), (1, 0)],
            )  # fmt: skip
        if is_batch:
            states = [c.input(name, "any") for name in op.aux]
            c.call(
                "bn_move", states, [mean, scale, *states], [_gap(t) for t in states], [op.momentum, op.eps],
                items=n.channels, cost=3.0, inplace=[(2, 0), (3, 1)], mutates=True,
            )  # fmt: skip


def _gap(t: Tensor) -> int:
    """Elements from one value to the next of a vector that is read or written where it lies."""
    return t.estrides[0] if t.size > 1 else 1


class BatchNorm(OpDef):
    """Batch normalisation: ``output = (data - mean) / sqrt(var + eps) * gamma + beta`` for each channel.

    In training mean and (biased) variance are those of the batch, and backward moves the auxiliary states:
    ``moving = moving * momentum + batch * (1 - momentum)``; in inference, or with ``use_global_stats``, the
    moving ones are used. ``fix_gamma`` (the default) treats gamma as 1, **writes 1 into it** and gives it no
    gradient.

    data : any shape with the channels on ``axis``; gamma, beta, moving_mean, moving_var : (channels,); output
    : as data. With ``output_mean_var`` two more outputs are seen, the mean and ``1 / sqrt(var + eps)``, both
    (channels,). (MXNet: BatchNorm; Ioffe and Szegedy 2015)
    """

    name = "BatchNorm"
    inputs = ("data", "gamma", "beta")
    aux = ("moving_mean", "moving_var")
    outputs = ("output", "mean", "var")
    mutates: ClassVar[dict[str, tuple[str, ...]]] = {"forward": ("gamma",), "backward": aux}
    has_own_output_names = True
    backward = BatchNormBackward
    dtypes = FLOATS

    eps = Float(0.0010000000474974513, "added to the variance")
    momentum = Float(0.9, "share of the moving statistics kept")
    fix_gamma = Bool(True, "hold gamma at 1")
    use_global_stats = Bool(False, "use the moving statistics in training as well")
    output_mean_var = Bool(False, "show mean and inverse deviation as outputs")
    axis = Int(1, "the axis of the channels")
    cudnn_off = Bool(False, "accepted and ignored")
    min_calib_range = Float(None, "accepted and ignored")
    max_calib_range = Float(None, "accepted and ignored")

    def check(self) -> None:
        if not (self.fix_gamma and not self.use_global_stats):  # less is written than the class says
            self.mutates = {  # type: ignore[misc]
                **({"forward": ("gamma",)} if self.fix_gamma else {}),
                **({} if self.use_global_stats else {"backward": self.aux}),
            }

    def num_visible(self) -> int:
        return 3 if self.output_mean_var else 1

    def variable_attrs(self, input_name: str) -> dict[str, str]:
        return {"moving_mean": {"__init__": '["zero", {}]'}, "moving_var": {"__init__": '["one", {}]'}}.get(
            input_name, {}
        )

    def infer_shape(self, s: ShapeRule) -> None:
        data = s.meet_in("data", s.outs[0])
        s.meet_out(0, data)
        if data is None:
            return
        if not -len(data) <= self.axis < len(data):
            raise ShapeError(
                f"{self.name}: Channel axis out of range: {self.axis} for data of shape {show(data)}"
            )
        channels: tuple[int, ...] | None = (data[self.axis],)
        for name in ("gamma", "beta", *self.aux):
            channels = s.meet_in(name, channels)
        for i in (1, 2):
            channels = s.meet_out(i, channels)
        if channels is not None and is_known(channels):
            axis = self.axis % len(data)
            s.meet_in("data", (*data[:axis], channels[0], *data[axis + 1 :]))

    def infer_type(self, t: TypeRule) -> None:
        t.same([0], [0])
        if t.ins[0] is not None:
            other = CODES["float32"] if t.ins[0] == CODES["float16"] else t.ins[0]
            for name in ("gamma", "beta", *self.aux):
                t.meet_in(name, other)
            for i in (1, 2):
                t.meet_out(i, other)

    def need(self, ndim: int) -> Need:
        """Channels on axis 1 take samples that lie apart."""
        return "batch" if self.axis in (1, 1 - ndim) else "dense"

    def lines(self, shape: tuple[int, ...]) -> Lines:
        axis = self.axis % len(shape)
        outer, inner = prod(shape[:axis]), prod(shape[axis + 1 :])
        parts = outer if inner >= PLANE else -(-outer // ROWS)
        return Lines(outer, shape[axis], inner, -(-outer // max(parts, 1)) or 1)

    def step(self, t: Tensor, n: Lines) -> int:
        """Elements from one outer row to the next."""
        return t.batch_stride() if self.need(len(t.shape)) == "batch" else n.channels * n.inner

    def lower(self, c: LowerContext) -> None:
        x = c.input("data", self.need(len(c.shape("data"))))
        n = self.lines(x.shape)
        if c.is_train and not self.use_global_stats and n.size:
            stats = c.temp((n.parts, n.channels, 2), x.dtype)
            cost = 0.6 * n.rows * n.inner
            c.call("bn_stats", [stats], [x], [*n, self.step(x, n)], items=n.parts * n.channels, cost=cost)
            self.lower_from_stats(c, stats)
            return
        mean, scale = self._results(c, n, x.dtype)
        states = [c.input(name, "any") for name in self.aux]
        ints = [_gap(t) for t in states]
        c.call("bn_moving", [mean, scale], states, ints, [self.eps], items=n.channels, cost=3.0)
        self._apply(c, x, n, mean, scale)

    def wants_stats(self) -> bool:
        """Whether training starts from statistics per (image, channel), which a convolution can leave."""
        return self.axis == 1 and not self.use_global_stats

    def lower_from_stats(self, c: LowerContext, stats: Tensor) -> None:
        """Lower a training forward pass whose partial statistics exist.

        `stats` is (parts, channels, 2): mean and sum of squared deviations of each part, where part i covers
        outer rows [i * rows, (i + 1) * rows) of the data, rows = ceil(outer / parts). For channels on axis 1
        a part an image is (batch, channels, 2).
        """
        x = c.input("data", self.need(len(c.shape("data"))))
        n = self.lines(x.shape)
        n = n._replace(rows=-(-n.outer // stats.shape[0]))
        mean, scale = self._results(c, n, x.dtype)
        ints = [stats.shape[0], n.channels, n.rows * n.inner, n.size]
        cost = 2.0 * stats.shape[0]
        c.call("bn_merge_stats", [mean, scale], [stats], ints, [self.eps], items=n.channels, cost=cost)
        self._apply(c, x, n, mean, scale)

    def _results(self, c: LowerContext, n: Lines, dtype: int) -> tuple[Tensor, Tensor]:
        mean, scale = (c.output(o) if c.wants(o) else c.temp((n.channels,), dtype) for o in ("mean", "var"))
        return mean, scale

    def _apply(self, c: LowerContext, x: Tensor, n: Lines, mean: Tensor, scale: Tensor) -> Tensor:
        """output = (x - mean) * scale * gamma + beta; gamma is overwritten first where it is fixed."""
        gamma = scale
        if self.fix_gamma:
            fixed = c.input("gamma", "any")
            c.call("bn_ones", [fixed], [], [_gap(fixed)], items=n.channels, cost=1.0, mutates=True)
        else:
            gamma = c.input("gamma")
        y = c.output("output", self.need(len(x.shape)))
        ints = [n.channels, n.inner, self.fix_gamma, self.step(y, n), self.step(x, n)]
        c.call(
            "bn_apply", [y], [x, mean, scale, gamma, c.input("beta")], ints,
            items=n.outer * n.channels, cost=0.3 * n.inner + 0.5, inplace=[(0, 0)],
        )  # fmt: skip
        return y


class BatchNormAgain(OpDef):
    """The output of a training BatchNorm once more, from the statistics it left: made by pass `recompute`."""

    inputs = ("data", "mean", "scale", "gamma", "beta")
    forward: BatchNorm

    @classmethod
    def of(cls, forward: BatchNorm) -> BatchNormAgain:
        self = cls.__new__(cls)
        self.forward, self.values, self.key = forward, {}, (cls, *forward.key)
        return self

    def infer_shape(self, s: ShapeRule) -> None:
        """Nothing to do: the output is like the forward node's."""

    def infer_type(self, t: TypeRule) -> None:
        """Nothing to do, as for shapes."""

    def lower(self, c: LowerContext) -> None:
        f = self.forward
        x = c.input("data", f.need(len(c.shape("data"))))
        n, y = f.lines(x.shape), c.output("output", f.need(len(x.shape)))
        mean, scale = c.input("mean"), c.input("scale")
        gamma = scale if f.fix_gamma else c.input("gamma")
        c.call(
            "bn_apply", [y], [x, mean, scale, gamma, c.input("beta")],
            [n.channels, n.inner, f.fix_gamma, f.step(y, n), f.step(x, n)],
            items=n.outer * n.channels, cost=0.3 * n.inner + 0.5,
        )  # fmt: skip
