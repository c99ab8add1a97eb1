"""GroupNorm and InstanceNorm: groups of channels brought to mean 0 and deviation 1, then scaled and shifted.

Both see their data as dense rows, one a group of a sample, with one gamma and one beta a row. The kernels are
those of layernorm.py: the same forward pass, and a gradient of its own (c_kernels/layernorm.c,
cl_kernels/layernorm.cl).
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from ..base import MXNetError, ShapeError
from .layernorm import emit, merge
from .rules import FLOATS, show
from .schema import Backward, Bool, Float, Int, OpDef

if TYPE_CHECKING:
    from ..passes.lower import LowerContext
    from .rules import Dims, ShapeRule


class GroupNormBackward(Backward):
    """As `LayerNormBackward`, with one gamma and beta a row."""

    needs = ("ograd", "data", "gamma", "mean", "std")
    differentiable = ("data", "gamma", "beta")
    forward: _Grouped

    def lower(self, c: LowerContext) -> None:
        x = c.input("data")
        batch, groups, n = self.forward.rows(x.shape)
        rows = batch * groups
        sums = c.temp((batch, 2, groups), x.dtype)
        dx = c.output("data") if c.wants("data") else c.temp(x.shape, x.dtype)
        ins = [c.input("ograd"), x, c.input("gamma"), c.input("mean"), c.input("std")]
        c.call(
            "layernorm_group_grad", [dx, sums], ins, [n, groups],
            items=rows, cost=1.0 * n + 10, inplace=[(0, 0), (1, 0)],
        )  # fmt: skip
        merge(c, sums, batch, groups)


class _Grouped(OpDef):
    """Common part: groups of neighbouring channels, one gamma and beta each."""

    inputs = ("data", "gamma", "beta")
    outputs = ("output", "mean", "std")
    has_own_output_names = True
    dtypes = FLOATS
    backward = GroupNormBackward
    eps: Float | float

    def groups(self, channels: int) -> int:
        raise NotImplementedError

    def rows(self, shape: Dims) -> tuple[int, int, int]:
        """(batch, groups, elements a group)."""
        groups = self.groups(shape[1])
        return shape[0], groups, shape[1] // max(groups, 1) * prod(shape[2:])

    def infer_shape(self, s: ShapeRule) -> None:
        data = s.meet_in("data", s.outs[0])
        s.meet_out(0, data)
        if data is None:
            return
        if len(data) < 3:
            raise ShapeError(
                f"{self.name}: data must have at least 3 dimensions (batch, channels, positions), got shape "
                f"{show(data)}"
            )
        groups = self.groups(data[1])
        for name in ("gamma", "beta"):
            s.meet_in(name, (groups,))
        for i in (1, 2):
            s.meet_out(i, (data[0], groups))

    def lower(self, c: LowerContext) -> None:
        x = c.input("data")
        batch, groups, n = self.rows(x.shape)
        emit(c, c.output(), x, batch * groups, n, groups, self.values["eps"])


class GroupNorm(_Grouped):
    """Group normalisation: ``output = (data - mean) / std * gamma + beta`` over groups of channels.

    The channels (axis 1) are cut into ``num_groups`` groups of neighbours; ``mean`` and ``std =
    sqrt(variance + eps)`` are those of a group of one sample, with all its positions.

    data, output: (batch, channels, ...), at least 3 dimensions, num_groups must divide channels; gamma, beta:
    (num_groups,), as in MXNet 1.9.1. With ``output_mean_var`` two more outputs are seen, mean and std, both
    (batch, num_groups); no gradient flows through them. (MXNet: GroupNorm; Wu and He 2018)
    """

    name = "GroupNorm"

    num_groups = Int(1, "into how many groups the channels are cut")
    eps = Float(1e-5, "added to the variance")
    output_mean_var = Bool(False, "show mean and deviation as outputs")

    def check(self) -> None:
        if self.num_groups < 1:
            raise MXNetError(f"{self.name}: num_groups must be at least 1, got {self.num_groups}")

    def num_visible(self) -> int:
        return 3 if self.output_mean_var else 1

    def groups(self, channels: int) -> int:
        if channels >= 0 and channels % self.num_groups:
            raise ShapeError(
                f"{self.name}: num_groups={self.num_groups} must divide the number of channels, which is "
                f"{channels}"
            )
        return self.num_groups


class InstanceNorm(_Grouped):
    """Instance normalisation: ``output = (data - mean) / sqrt(variance + eps) * gamma + beta``.

    Mean and (biased) variance are those of the positions of one channel of one sample.

    data, output: (batch, channels, ...), at least 3 dimensions; gamma, beta: (channels,). (MXNet:
    InstanceNorm; Ulyanov et al. 2016)
    """

    name = "InstanceNorm"

    eps = Float(1e-3, "added to the variance")

    def num_visible(self) -> int:
        return 1

    def groups(self, channels: int) -> int:
        return channels
