"""Optimizer updates of many weights in one call, and of float16 weights with float32 copies.

``mp_*``: the float32 copy is updated, the weight is its rounding. ``multi_*``: the arrays of all weights one
after the other, rates as tuples; ``preloaded_*``: rates as arrays at the end. One node emits the kernels of
`optimizer.py` for every weight, so that a device gets all of them at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from ..base import MXNetError, ShapeError
from .optimizer import FLOAT32, AdamwUpdate, LambUpdatePhase1, LambUpdatePhase2, Update, update, work_type
from .reduce import emit_sum
from .rules import FLOATS
from .schema import Bool, Float, Floats, Int, OpDef, Shape

if TYPE_CHECKING:
    from ..passes.ir import Dynamic, Tensor
    from ..passes.lower import LowerContext
    from .rules import ShapeRule, TypeRule


class _Master(Update):
    """One weight with a float32 copy: states and copy are float32."""

    kernel: ClassVar[str]
    ints: ClassVar[tuple[int, ...]] = ()

    lr = Float(doc="learning rate", dynamic=True)
    wd = Float(0.0, "weight decay", dynamic=True)
    rescale_grad = Float(1.0, "factor of the gradient", dynamic=True)
    clip_gradient = Float(-1.0, "bound of the rescaled gradient; none when negative", dynamic=True)

    def infer_type(self, t: TypeRule) -> None:
        t.same([0, 1], [0])
        for i in range(2, len(t.ins)):
            t.meet_in(i, FLOAT32)

    def lower(self, c: LowerContext) -> None:
        floats = [c.dynamic(p) for p in self.scalars]
        names = ("weight", "grad", *self.states)
        update(c, self.kernel, names, (), "output", floats, ints=self.ints, master="weight32")


class MpSgdUpdate(_Master):
    """`sgd_update` of ``weight32`` (float32, written in place); output is its rounding to the weight's type.

    (MXNet: mp_sgd_update)
    """

    name = "mp_sgd_update"
    kernel = "sgd_update"
    inputs = ("weight", "grad", "weight32")
    mutates: ClassVar[dict[str, tuple[str, ...]]] = {"forward": ("weight32",)}
    lazy_update = Bool(True, "accepted and ignored: gradients are dense")


class MpSgdMomUpdate(_Master):
    """`sgd_mom_update` of ``weight32``; ``mom`` and ``weight32`` (float32) are written in place.

    (MXNet: mp_sgd_mom_update)
    """

    name = "mp_sgd_mom_update"
    leading = ("lr", "momentum")
    kernel = "sgd_mom_update"
    inputs = ("weight", "grad", "mom", "weight32")
    states = ("mom",)
    mutates: ClassVar[dict[str, tuple[str, ...]]] = {"forward": ("mom", "weight32")}
    scalars = (*Update.scalars, "momentum")
    momentum = Float(0.0, "share of the last step kept", dynamic=True)
    lazy_update = Bool(True, "accepted and ignored: gradients are dense")


class MpNagMomUpdate(_Master):
    """`nag_mom_update` of ``weight32``; ``mom`` and ``weight32`` (float32) are written in place.

    ``mom = momentum * mom - lr * (clip(rescale_grad * grad) + wd * output)``: the decay is that of the new
    weight, as in MXNet. (MXNet: mp_nag_mom_update)
    """

    name = "mp_nag_mom_update"
    leading = ("lr", "momentum")
    kernel = "nag_mom_update"
    ints = (1,)
    inputs = ("weight", "grad", "mom", "weight32")
    states = ("mom",)
    mutates: ClassVar[dict[str, tuple[str, ...]]] = {"forward": ("mom", "weight32")}
    scalars = (*Update.scalars, "momentum")
    momentum = Float(0.0, "share of the last step kept", dynamic=True)


class MpAdamwUpdate(AdamwUpdate):
    """`_adamw_update` of ``weight32``; ``mean``, ``var`` and ``weight32`` (float32) are written in place.

    (MXNet: _mp_adamw_update)
    """

    name = "_mp_adamw_update"
    inputs = ("weight", "grad", "mean", "var", "weight32", "rescale_grad")
    mutates: ClassVar[dict[str, tuple[str, ...]]] = {"forward": ("mean", "var", "weight32")}

    def infer_type(self, t: TypeRule) -> None:
        t.same([0, 1], [0])
        for i in range(2, 6):
            t.meet_in(i, FLOAT32)

    def lower(self, c: LowerContext) -> None:
        floats = [c.dynamic(p) for p in self.scalars]
        names = ("weight", "grad", *self.states)
        update(c, "adamw_update", names, ("rescale_grad",), "output", floats, master="weight32")


class MpLambUpdatePhase1(LambUpdatePhase1):
    """`lamb_update_phase1` of ``weight32`` and a float16 gradient; the output is float32.

    (MXNet: mp_lamb_update_phase1)
    """

    name = "mp_lamb_update_phase1"
    inputs = ("weight", "grad", "mean", "var", "weight32")

    def infer_type(self, t: TypeRule) -> None:
        t.same([0, 1], [])
        for i in (2, 3, 4):
            t.meet_in(i, FLOAT32)
        t.meet_out(0, FLOAT32)

    def lower(self, c: LowerContext) -> None:
        floats = [c.dynamic(p) for p in self.scalars]
        names = ("weight32", "grad", *self.states)
        update(c, "lamb_update_phase1", names, (), "output", floats, ints=[int(self.bias_correction)])


class MpLambUpdatePhase2(LambUpdatePhase2):
    """`lamb_update_phase2` of ``weight32`` (written in place); output is its rounding.

    (MXNet: mp_lamb_update_phase2)
    """

    name = "mp_lamb_update_phase2"
    inputs = ("weight", "g", "r1", "r2", "weight32")
    mutates: ClassVar[dict[str, tuple[str, ...]]] = {"forward": ("weight32",)}

    def infer_shape(self, s: ShapeRule) -> None:
        s.same([0, 1, 4], [0])
        s.meet_in("r1", (1,))
        s.meet_in("r2", (1,))

    def infer_type(self, t: TypeRule) -> None:
        t.same([0], [0])
        for i in (1, 2, 3, 4):
            t.meet_in(i, FLOAT32)

    def lower(self, c: LowerContext) -> None:
        floats = [c.dynamic(p) for p in self.scalars]
        update(c, "lamb_update_phase2", ("weight", "g"), ("r1", "r2"), "output", floats, master="weight32")


class _Multi(OpDef):
    """Base of the updates of many weights.

    ``roles`` name the arrays of one weight, ``tail`` those at the end, which serve all. States are float32
    where there is a ``weight32``.
    """

    half = True
    dtypes = FLOATS
    variadic = "num_weights"
    has_own_output_names = False
    roles: ClassVar[tuple[str, ...]] = ()
    tail: ClassVar[tuple[str, ...]] = ()
    tail_per_weight: ClassVar[bool] = True
    kernel: ClassVar[str] = ""
    per_weight: ClassVar[tuple[str, ...]] = ()

    clip_gradient = Float(-1.0, "bound of the rescaled gradient; none when negative", dynamic=True)

    @property
    def count(self) -> int:
        """How many weights."""
        number: int = self.values[self.variadic]
        return number

    @classmethod
    def count_of(cls, arrays: int) -> int:
        count, rest = divmod(arrays - len(cls.tail), len(cls.roles))
        if rest or count < 1:
            tail = f" and {', '.join(cls.tail)} at the end" if cls.tail else ""
            raise MXNetError(
                f"operator {cls.name}: needs {', '.join(cls.roles)} of each weight{tail}, got {arrays} arrays"
            )
        return count

    def check(self) -> None:
        for name in self.per_weight:
            if len(self.values[name]) != self.count:
                raise MXNetError(
                    f"operator {self.name}: {name} must have {self.count} numbers, one for each weight, got "
                    f"{len(self.values[name])}"
                )

    def input_names(self) -> tuple[str, ...]:
        return tuple(f"arg{i}" for i in range(self.count * len(self.roles) + len(self.tail)))

    def output_names(self) -> tuple[str, ...]:
        return tuple(f"output{i}" for i in range(self.count))

    def of_weight(self, i: int) -> dict[str, str]:
        """Role -> input name, of weight `i` and of the arrays at the end."""
        first, last = i * len(self.roles), self.count * len(self.roles)
        names = {role: f"arg{first + k}" for k, role in enumerate(self.roles)}
        return names | {role: f"arg{last + k}" for k, role in enumerate(self.tail)}

    @property
    def mutates(self) -> dict[str, tuple[str, ...]]:  # type: ignore[override]
        written = [r for r in self.roles if r not in ("weight", "grad")]
        return {"forward": tuple(self.of_weight(i)[r] for i in range(self.count) for r in written)}

    def infer_shape(self, s: ShapeRule) -> None:
        step, count = len(self.roles), self.count
        for i in range(count):
            s.same(range(i * step, (i + 1) * step), [i])
        for k in range(len(self.tail)):
            s.meet_in(count * step + k, (count if self.tail_per_weight else 1,))

    def infer_type(self, t: TypeRule) -> None:
        step, count = len(self.roles), self.count
        for i in range(count):
            whole = range(i * step, (i + 1) * step)
            if "weight32" in self.roles:
                t.same(whole[:2], [i])
                for k in whole[2:]:
                    t.meet_in(k, FLOAT32)
            else:
                t.same(whole, [i])
        for k in range(len(self.tail)):
            t.meet_in(count * step + k, FLOAT32)

    def floats(self, c: LowerContext, i: int) -> list[float | Dynamic]:
        """Scalars of the kernel for weight `i`."""
        raise NotImplementedError

    def lower(self, c: LowerContext) -> None:
        for i in range(self.count):
            at = self.of_weight(i)
            names = [at[r] for r in self.roles if r != "weight32"]
            ints = [i] if self.tail and self.tail_per_weight else []
            update(
                c, self.kernel, names, [at[r] for r in self.tail], f"output{i}", self.floats(c, i),
                ints=ints, master=at.get("weight32", ""),
            )  # fmt: skip


class _Rates(_Multi):
    per_weight: ClassVar[tuple[str, ...]] = ("lrs", "wds")
    lrs = Floats(doc="learning rates, one a weight", dynamic=True)
    wds = Floats(doc="weight decays, one a weight", dynamic=True)


class MultiSgdUpdate(_Rates):
    """`sgd_update` of many weights: arrays weight, grad of each in turn. (MXNet: multi_sgd_update)"""

    name = "multi_sgd_update"
    leading = ("lrs", "wds", "momentum", "rescale_grad")
    roles: ClassVar[tuple[str, ...]] = ("weight", "grad")
    kernel = "sgd_update"

    rescale_grad = Float(1.0, "factor of the gradients", dynamic=True)
    num_weights = Int(1, "number of weights", min=1)

    def floats(self, c: LowerContext, i: int) -> list[float | Dynamic]:
        return [
            c.dynamic("lrs", i),
            c.dynamic("wds", i),
            c.dynamic("rescale_grad"),
            c.dynamic("clip_gradient"),
        ]


class MultiMpSgdUpdate(MultiSgdUpdate):
    """`mp_sgd_update` of many weights: weight, grad, weight32 of each. (MXNet: multi_mp_sgd_update)"""

    name = "multi_mp_sgd_update"
    roles = ("weight", "grad", "weight32")


class MultiSgdMomUpdate(MultiSgdUpdate):
    """`sgd_mom_update` of many weights: weight, grad, mom of each. (MXNet: multi_sgd_mom_update)"""

    name = "multi_sgd_mom_update"
    roles: ClassVar[tuple[str, ...]] = ("weight", "grad", "mom")
    kernel = "sgd_mom_update"
    momentum = Float(0.0, "share of the last step kept", dynamic=True)

    def floats(self, c: LowerContext, i: int) -> list[float | Dynamic]:
        return [*super().floats(c, i), c.dynamic("momentum")]


class MultiMpSgdMomUpdate(MultiSgdMomUpdate):
    """`mp_sgd_mom_update` of many: weight, grad, mom, weight32 of each. (MXNet: multi_mp_sgd_mom_update)"""

    name = "multi_mp_sgd_mom_update"
    roles = ("weight", "grad", "mom", "weight32")


class PreloadedMultiSgdUpdate(_Multi):
    """`multi_sgd_update` with the rates as two arrays at the end: lrs and wds, float32, one number a weight.

    (MXNet: preloaded_multi_sgd_update)
    """

    name = "preloaded_multi_sgd_update"
    leading = ("momentum", "rescale_grad")
    roles: ClassVar[tuple[str, ...]] = ("weight", "grad")
    tail = ("lrs", "wds")
    kernel = "preloaded_sgd_update"

    rescale_grad = Float(1.0, "factor of the gradients", dynamic=True)
    num_weights = Int(1, "number of weights", min=1)

    def floats(self, c: LowerContext, i: int) -> list[float | Dynamic]:
        return [c.dynamic("rescale_grad"), c.dynamic("clip_gradient")]


class PreloadedMultiMpSgdUpdate(PreloadedMultiSgdUpdate):
    """`multi_mp_sgd_update` with the rates as arrays. (MXNet: preloaded_multi_mp_sgd_update)"""

    name = "preloaded_multi_mp_sgd_update"
    roles = ("weight", "grad", "weight32")


class PreloadedMultiSgdMomUpdate(PreloadedMultiSgdUpdate):
    """`multi_sgd_mom_update` with the rates as arrays. (MXNet: preloaded_multi_sgd_mom_update)"""

    name = "preloaded_multi_sgd_mom_update"
    roles: ClassVar[tuple[str, ...]] = ("weight", "grad", "mom")
    kernel = "preloaded_sgd_mom_update"
    momentum = Float(0.0, "share of the last step kept", dynamic=True)

    def floats(self, c: LowerContext, i: int) -> list[float | Dynamic]:
        return [*super().floats(c, i), c.dynamic("momentum")]


class PreloadedMultiMpSgdMomUpdate(PreloadedMultiSgdMomUpdate):
    """`multi_mp_sgd_mom_update` with the rates as arrays. (MXNet: preloaded_multi_mp_sgd_mom_update)"""

    name = "preloaded_multi_mp_sgd_mom_update"
    roles = ("weight", "grad", "mom", "weight32")


class MultiAdamwUpdate(_Rates):
    """`_adamw_update` of many weights: weight, grad, mean, var of each, then one rescale_grad of shape (1,).

    (MXNet: _multi_adamw_update)
    """

    name = "_multi_adamw_update"
    leading = ("lrs", "beta1", "beta2", "epsilon", "wds", "etas")
    roles: ClassVar[tuple[str, ...]] = ("weight", "grad", "mean", "var")
    tail = ("rescale_grad",)
    tail_per_weight = False
    kernel = "adamw_update"
    per_weight = ("lrs", "wds", "etas")

    etas = Floats(doc="factors of the whole step, one a weight", dynamic=True)
    beta1 = Float(0.9, "decay of the mean", dynamic=True)
    beta2 = Float(0.999, "decay of the variance", dynamic=True)
    epsilon = Float(1e-8, "added to the root of the variance", dynamic=True)
    num_weights = Int(1, "number of weights", min=1)

    def floats(self, c: LowerContext, i: int) -> list[float | Dynamic]:
        rest = [c.dynamic(p) for p in ("clip_gradient", "beta1", "beta2", "epsilon")]
        return [c.dynamic("lrs", i), c.dynamic("wds", i), c.dynamic("etas", i), *rest]


class MultiMpAdamwUpdate(MultiAdamwUpdate):
    """`_mp_adamw_update` of many: weight, grad, mean, var, weight32 of each, then rescale_grad.

    (MXNet: _multi_mp_adamw_update)
    """

    name = "_multi_mp_adamw_update"
    roles = ("weight", "grad", "mean", "var", "weight32")


class MultiLambUpdate(_Multi):
    """Both phases of LAMB for many weights: weight, grad, mean, var of each in turn.

    The norms are taken here: ``r1`` of the weight, ``r2`` of the direction. (MXNet: _multi_lamb_update)
    """

    name = "_multi_lamb_update"
    leading = (
        "learning_rates",
        "beta1",
        "beta2",
        "epsilon",
        "wds",
        "rescale_grad",
        "lower_bound",
        "upper_bound",
    )
    variadic = "num_tensors"
    roles: ClassVar[tuple[str, ...]] = ("weight", "grad", "mean", "var")
    per_weight = ("learning_rates", "wds", "step_count")

    learning_rates = Floats(doc="learning rates, one a weight", dynamic=True)
    beta1 = Float(0.9, "decay of the mean", dynamic=True)
    beta2 = Float(0.999, "decay of the variance", dynamic=True)
    epsilon = Float(1e-6, "added to the root of the variance", dynamic=True)
    wds = Floats(doc="weight decays, one a weight", dynamic=True)
    rescale_grad = Float(1.0, "factor of the gradients", dynamic=True)
    lower_bound = Float(-1.0, "least r1; none when negative", dynamic=True)
    upper_bound = Float(-1.0, "greatest r1; none when negative", dynamic=True)
    bias_correction = Bool(True, "divide the moments by 1 - beta ** t")
    step_count = Shape(doc="number of this update of each weight, from 1", dynamic=True)
    num_tensors = Int(1, "number of weights", min=1)

    def lower(self, c: LowerContext) -> None:
        for i in range(self.count):
            self._lower_one(c, i, self.of_weight(i))

    def _lower_one(self, c: LowerContext, i: int, at: Mapping[str, str]) -> None:
        master = at.get("weight32", "")
        place = c.input(master or at["weight"], "any")
        work = work_type(place.dtype)
        weight, grad = c.input(master or at["weight"], dtype=work), c.input(at["grad"], dtype=work)
        held = [c.input(at[r], "any") for r in ("mean", "var")]
        states = [t if t.is_dense() and t.dtype == work else c.input(at[r], dtype=work)
                  for r, t in zip(("mean", "var"), held, strict=True)]  # fmt: skip
        scalars = ("rescale_grad", "clip_gradient", "beta1", "beta2", "epsilon")
        floats = [c.dynamic("wds", i), *(c.dynamic(p) for p in scalars), c.dynamic("step_count", i)]
        direction = c.temp(weight.shape, work)
        c.call(
            "lamb_update_phase1", [direction, *states], [weight, grad, *states],
            [int(self.bias_correction)], floats, items=weight.size, cost=2.0,
            inplace=[(2, 1), (3, 2)], mutates=True, dtype=work,
        )  # fmt: skip
        for there, state in zip(held, states, strict=True):
            if there is not state:
                c.cast(there, state) if there.dtype != work else c.copy(there, state)
        norms = [_norm(c, weight), _norm(c, direction)]
        bounds = [c.dynamic("learning_rates", i), c.dynamic("lower_bound"), c.dynamic("upper_bound")]
        direct = not master and work == place.dtype
        out = c.output(f"output{i}") if direct else c.temp(weight.shape, work)
        c.call(
            "lamb_update_phase2", [out], [weight, direction, *norms], [], bounds, items=weight.size,
            inplace=[(0, 0), (1, 0)], dtype=work,
        )  # fmt: skip
        if master:
            c.copy(place, out)
        if not direct:
            result = c.output(f"output{i}", "any")
            c.cast(result, out) if result.dtype != work else c.copy(result, out)


def _norm(c: LowerContext, x: Tensor) -> Tensor:
    """Euclidean norm as a tensor of shape (1,)."""
    from .elementwise import emit
    from .ew_group import ROWS, group_of

    squares, total, root = c.temp(x.shape, x.dtype), c.temp((1,), x.dtype), c.temp((1,), x.dtype)
    emit(c, group_of((ROWS["square"].forward,))[0], [squares], [x], [])
    emit_sum(c, total, squares, tuple(range(len(x.shape))))
    emit(c, group_of((ROWS["sqrt"].forward,))[0], [root], [total], [])
    return root


class MultiMpLambUpdate(MultiLambUpdate):
    """`_multi_lamb_update` with float32 copies: weight, grad, mean, var, weight32 of each.

    (MXNet: _multi_mp_lamb_update)
    """

    name = "_multi_mp_lamb_update"
    roles = ("weight", "grad", "mean", "var", "weight32")


class MultiLars(OpDef):
    """Layer-wise adaptive rates.

    ``output = lrs * eta * sqrt(weights_sum_sq) / (rescale_grad * sqrt(grads_sum_sq) + wds *
    sqrt(weights_sum_sq) + eps)``, ``lrs`` where a norm is 0. All of shape (n,), n the number of weights.
    (MXNet: multi_lars; You et al. 2017)
    """

    name = "multi_lars"
    dtypes = FLOATS
    inputs = ("lrs", "weights_sum_sq", "grads_sum_sq", "wds")

    eta = Float(doc="trust coefficient", dynamic=True)
    eps = Float(doc="added to the denominator", dynamic=True)
    rescale_grad = Float(1.0, "factor of the gradients", dynamic=True)

    def infer_shape(self, s: ShapeRule) -> None:
        s.same()
        for name, dims in zip(self.inputs, s.ins, strict=True):
            if dims is not None and len(dims) != 1:
                raise ShapeError(f"multi_lars: {name} must have one dimension, got {list(dims)}")

    def lower(self, c: LowerContext) -> None:
        floats = [c.dynamic(p) for p in ("eta", "eps", "rescale_grad")]
        out = c.output()
        c.call("multi_lars", [out], c.inputs(), [], floats, items=out.size, cost=5.0)
