"""Optimizer updates of one weight: sgd, momentum, nag, adam, adamw, ftml, ftrl, rmsprop, signum, lamb.

One pass over a weight, its gradient and its states. States are written where they lie; the result is the new
weight, which a caller lets overwrite the old one. Every number that changes between calls is `dynamic`: it
reaches the kernel at run time and never causes another lowering. The forms for many weights and for float16
weights with float32 copies (`optimizer_multi.py`) emit the same kernels through `update`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from ..dtypes import CODES
from .rules import FLOATS
from .schema import Bool, Float, Int, OpDef

if TYPE_CHECKING:
    from ..passes.ir import Dynamic, Tensor
    from ..passes.lower import LowerContext
    from .rules import ShapeRule, TypeRule

FLOAT32 = CODES["float32"]


def work_type(dtype: int) -> int:
    """Half precision is stored, not computed in."""
    return FLOAT32 if dtype == CODES["float16"] else dtype


def update(
    c: LowerContext,
    kernel: str,
    names: Sequence[str],
    extra: Sequence[str],
    output: str,
    floats: Sequence[float | Dynamic],
    *,
    ints: Sequence[int] = (),
    master: str = "",
) -> None:
    """Emit one update of weight ``names[0]`` by gradient ``names[1]`` with states ``names[2:]``.

    `extra` inputs are read only. With a `master`, an input in float32, that one is updated and the output is
    its rounded copy. The kernel sees: output, new states, weight, gradient, old states, extra inputs.
    """
    weight_name, grad_name, *state_names = names
    dtype = c.input(master or weight_name, "any").dtype
    work = work_type(dtype)
    weight, grad = c.input(master or weight_name, dtype=work), c.input(grad_name, dtype=work)
    shape = weight.shape
    direct = not master and work == dtype
    out = c.output(output) if direct else c.temp(shape, work)
    held = [(name, c.input(name, "any")) for name in state_names]
    states = [t if t.is_dense() and t.dtype == work else c.input(name, dtype=work) for name, t in held]
    if master:  # the weight itself is a state, updated where it lies
        place = c.input(master, "any")
        out = weight = place if place.is_dense() else c.input(master)
    outs, ins = [out, *states], [weight, grad, *states, *(c.input(n, dtype=work) for n in extra)]
    pairs = [(0, 0), *([] if master else [(1, 0)]), *((2 + i, 1 + i) for i in range(len(states)))]
    c.call(
        kernel, outs, ins, ints, floats, items=weight.size, cost=0.5 + 0.5 * len(states),
        inplace=pairs, mutates=bool(states) or bool(master), dtype=work,
    )  # fmt: skip
    for (_, place), state in zip(held, states, strict=True):
        _bring_back(c, place, state)
    if master:
        _bring_back(c, c.input(master, "any"), out)
    if not direct:
        _bring_back(c, c.output(output, "any"), out)


def _bring_back(c: LowerContext, place: Tensor, made: Tensor) -> None:
    """To where it belongs: it lies with gaps, or in half precision, and a copy was updated."""
    if place is made:
        return
    if place.dtype != made.dtype:
        c.cast(place, made)
    else:
        c.copy(place, made)


class Update(OpDef):
    """Base of the updates of one weight."""

    half = True
    dtypes = FLOATS
    inputs: ClassVar[tuple[str, ...]] = ("weight", "grad")
    states: ClassVar[tuple[str, ...]] = ()
    scalars: ClassVar[tuple[str, ...]] = ("lr", "wd", "rescale_grad", "clip_gradient")

    def lower(self, c: LowerContext) -> None:
        floats = [c.dynamic(p) for p in self.scalars]
        update(c, self.name, ("weight", "grad", *self.states), (), "output", floats)


class _Common(Update):
    """The parameters most updates share."""

    lr = Float(doc="learning rate", dynamic=True)
    wd = Float(0.0, "weight decay", dynamic=True)
    rescale_grad = Float(1.0, "factor of the gradient", dynamic=True)
    clip_gradient = Float(-1.0, "bound of the rescaled gradient; none when negative", dynamic=True)


class Lazy(_Common):
    """With MXNet's switch for row-sparse gradients."""

    lazy_update = Bool(True, "accepted and ignored: gradients are dense")


class SgdUpdate(Lazy):
    """Plain gradient descent: ``output = (1 - lr * wd) * weight - lr * clip(rescale_grad * grad)``.

    All tensors have the weight's shape and type. No gradient. (MXNet: sgd_update)
    """

    name = "sgd_update"


class SgdMomUpdate(Lazy):
    """Gradient descent with momentum.

    ``mom = momentum * mom - lr * (clip(rescale_grad * grad) + wd * weight)``, ``output = weight + mom``;
    ``mom`` is written in place. (MXNet: sgd_mom_update)
    """

    name = "sgd_mom_update"
    leading = ("lr", "momentum")
    inputs = ("weight", "grad", "mom")
    states = ("mom",)
    mutates: ClassVar[dict[str, tuple[str, ...]]] = {"forward": ("mom",)}
    scalars = (*Update.scalars, "momentum")

    momentum = Float(0.0, "share of the last step kept", dynamic=True)


class NagMomUpdate(_Common):
    """Nesterov's accelerated gradient.

    ``g = clip(rescale_grad * grad) + wd * weight``, ``mom = momentum * mom - lr * g``, ``output = weight +
    momentum * mom - lr * g``; ``mom`` is written in place. MXNet computes the decay in ``mom`` from the new
    weight where ``out`` is the weight; here results never depend on where they go, and `NagStep` serves the
    optimizer. (MXNet: nag_mom_update)
    """

    name = "nag_mom_update"
    leading = ("lr", "momentum")
    inputs = ("weight", "grad", "mom")
    states = ("mom",)
    mutates: ClassVar[dict[str, tuple[str, ...]]] = {"forward": ("mom",)}
    scalars = (*Update.scalars, "momentum")
    ahead: ClassVar[bool] = False

    momentum = Float(0.0, "share of the last step kept", dynamic=True)

    def lower(self, c: LowerContext) -> None:
        floats = [c.dynamic(p) for p in self.scalars]
        update(c, self.name, ("weight", "grad", "mom"), (), "output", floats, ints=[int(self.ahead)])


class NagStep(NagMomUpdate):
    """`nag_mom_update` as MXNet's NAG optimizer has it: the decay in ``mom`` is that of the new weight.

    ``mom = momentum * mom - lr * (clip(rescale_grad * grad) + wd * output)``. Not in the registry.
    """

    ahead = True


class SignsgdUpdate(_Common):
    """Gradient descent by signs: ``output = (1 - lr * wd) * weight - lr * sign(grad)``.

    Rescaling and clipping do not change a sign. (MXNet: signsgd_update; Bernstein et al. 2018)
    """

    name = "signsgd_update"


class SignumUpdate(_Common):
    """Sign of the momentum.

    ``mom = momentum * mom - (1 - momentum) * (clip(rescale_grad * grad) + wd * weight)``, ``output = (1 - lr
    * wd_lh) * weight + lr * sign(mom)``; ``mom`` is written in place. (MXNet: signum_update)
    """

    name = "signum_update"
    leading = ("lr", "momentum")
    inputs = ("weight", "grad", "mom")
    states = ("mom",)
    mutates: ClassVar[dict[str, tuple[str, ...]]] = {"forward": ("mom",)}
    scalars = (*Update.scalars, "momentum", "wd_lh")

    momentum = Float(0.0, "share of the old momentum kept", dynamic=True)
    wd_lh = Float(0.0, "weight decay outside the sign (Loshchilov and Hutter)", dynamic=True)


class AdamUpdate(Lazy):
    """Adam without bias correction (callers fold it into ``lr``).

    ``g = clip(rescale_grad * grad + wd * weight)``, ``mean = beta1 * mean + (1 - beta1) * g``, ``var = beta2
    * var + (1 - beta2) * g * g``, ``output = weight - lr * mean / (sqrt(var) + epsilon)``; ``mean`` and
    ``var`` are written in place. (MXNet: adam_update; Kingma and Ba 2014)
    """

    name = "adam_update"
    leading = ("lr", "beta1", "beta2", "epsilon")
    inputs = ("weight", "grad", "mean", "var")
    states = ("mean", "var")
    mutates: ClassVar[dict[str, tuple[str, ...]]] = {"forward": ("mean", "var")}
    scalars = (*Update.scalars, "beta1", "beta2", "epsilon")

    beta1 = Float(0.9, "decay of the mean", dynamic=True)
    beta2 = Float(0.999, "decay of the variance", dynamic=True)
    epsilon = Float(1e-8, "added to the root of the variance", dynamic=True)


class FtrlUpdate(_Common):
    """Follow the regularised leader.

    ``g = clip(rescale_grad * grad)``, ``z += g - (sqrt(n + g * g) - sqrt(n)) * weight / lr``, ``n += g * g``,
    ``output = (sign(z) * lamda1 - z) / ((beta + sqrt(n)) / lr + wd)`` where ``abs(z) > lamda1``, else 0;
    ``z`` and ``n`` are written in place. (MXNet: ftrl_update; McMahan et al. 2013)
    """

    name = "ftrl_update"
    leading = ("lr", "lamda1", "beta")
    inputs = ("weight", "grad", "z", "n")
    states = ("z", "n")
    mutates: ClassVar[dict[str, tuple[str, ...]]] = {"forward": ("z", "n")}
    scalars = (*Update.scalars, "lamda1", "beta")

    lamda1 = Float(0.01, "L1 regularisation", dynamic=True)
    beta = Float(1.0, "added to the root of n", dynamic=True)


class RmspropUpdate(_Common):
    """RMSProp.

    ``g = clip(rescale_grad * grad + wd * weight)``, ``n = gamma1 * n + (1 - gamma1) * g * g``, ``output =
    clip_weights(weight - lr * g / sqrt(n + epsilon))``; ``n`` is written in place.
    (MXNet: rmsprop_update; Tieleman and Hinton 2012)
    """

    name = "rmsprop_update"
    leading = ("lr", "gamma1", "epsilon")
    inputs = ("weight", "grad", "n")
    states = ("n",)
    mutates: ClassVar[dict[str, tuple[str, ...]]] = {"forward": ("n",)}
    scalars = (*Update.scalars, "gamma1", "epsilon", "clip_weights")

    gamma1 = Float(0.95, "decay of n", dynamic=True)
    epsilon = Float(1e-8, "added under the root", dynamic=True)
    clip_weights = Float(-1.0, "bound of the new weights; none when negative", dynamic=True)


class RmspropAlexUpdate(_Common):
    """RMSProp with momentum, centred.

    ``n`` as in `rmsprop_update`, ``g = gamma1 * g + (1 - gamma1) * gradient``, ``delta = gamma2 * delta - lr
    * gradient / sqrt(n - g * g + epsilon)``, ``output = clip_weights(weight + delta)``; ``n``, ``g`` and
    ``delta`` are written in place. (MXNet: rmspropalex_update; Graves 2013)
    """

    name = "rmspropalex_update"
    leading = ("lr", "gamma1", "gamma2", "epsilon")
    inputs = ("weight", "grad", "n", "g", "delta")
    states = ("n", "g", "delta")
    mutates: ClassVar[dict[str, tuple[str, ...]]] = {"forward": ("n", "g", "delta")}
    scalars = (*Update.scalars, "gamma1", "gamma2", "epsilon", "clip_weights")

    gamma1 = Float(0.95, "decay of n and g", dynamic=True)
    gamma2 = Float(0.9, "share of the last step kept", dynamic=True)
    epsilon = Float(1e-8, "added under the root", dynamic=True)
    clip_weights = Float(-1.0, "bound of the new weights; none when negative", dynamic=True)


class FtmlUpdate(Update):
    """Follow the moving leader.

    ``g = clip(rescale_grad * grad + wd * weight)``, ``v = beta2 * v + (1 - beta2) * g * g``, ``d' = (1 -
    beta1 ** t) / lr * (sqrt(v / (1 - beta2 ** t)) + epsilon)``, ``z = beta1 * z + (1 - beta1) * g - (d' -
    beta1 * d) * weight``, ``d = d'``, ``output = -z / d``; ``d``, ``v`` and ``z`` are written in place.
    (MXNet: ftml_update; Zheng and Kwok 2017)
    """

    name = "ftml_update"
    inputs = ("weight", "grad", "d", "v", "z")
    states = ("d", "v", "z")
    mutates: ClassVar[dict[str, tuple[str, ...]]] = {"forward": ("d", "v", "z")}
    scalars = ("lr", "wd", "rescale_grad", "clip_grad", "beta1", "beta2", "epsilon", "t")

    lr = Float(doc="learning rate", dynamic=True)
    beta1 = Float(0.6, "decay of z", within=(0.0, 1.0), dynamic=True)
    beta2 = Float(0.999, "decay of v", within=(0.0, 1.0), dynamic=True)
    epsilon = Float(1e-8, "added to the root", dynamic=True)
    t = Int(doc="number of this update, from 1", dynamic=True)
    wd = Float(0.0, "weight decay", dynamic=True)
    rescale_grad = Float(1.0, "factor of the gradient", dynamic=True)
    clip_grad = Float(-1.0, "bound of the gradient; none when negative", dynamic=True)


class LambUpdatePhase1(Update):
    """First half of LAMB: the direction of the step.

    ``g = clip(rescale_grad * grad)``, ``mean`` and ``var`` as in `adam_update` (with ``bias_correction``
    divided by ``1 - beta ** t``), ``output = mean / (sqrt(var) + epsilon) + wd * weight``; ``mean`` and
    ``var`` are written in place. (MXNet: lamb_update_phase1; You et al. 2019)
    """

    name = "lamb_update_phase1"
    inputs: ClassVar[tuple[str, ...]] = ("weight", "grad", "mean", "var")
    states = ("mean", "var")
    mutates: ClassVar[dict[str, tuple[str, ...]]] = {"forward": ("mean", "var")}
    scalars = ("wd", "rescale_grad", "clip_gradient", "beta1", "beta2", "epsilon", "t")

    beta1 = Float(0.9, "decay of the mean", dynamic=True)
    beta2 = Float(0.999, "decay of the variance", dynamic=True)
    epsilon = Float(1e-6, "added to the root of the variance", dynamic=True)
    t = Int(doc="number of this update, from 1", dynamic=True)
    bias_correction = Bool(True, "divide the moments by 1 - beta ** t")
    wd = Float(doc="weight decay", dynamic=True)
    rescale_grad = Float(1.0, "factor of the gradient", dynamic=True)
    clip_gradient = Float(-1.0, "bound of the rescaled gradient; none when negative", dynamic=True)

    def lower(self, c: LowerContext) -> None:
        floats = [c.dynamic(p) for p in self.scalars]
        names = ("weight", "grad", *self.states)
        update(c, "lamb_update_phase1", names, (), "output", floats, ints=[int(self.bias_correction)])


class LambUpdatePhase2(Update):
    """Second half of LAMB: the step, scaled by the ratio of norms.

    ``output = weight - lr * ratio * g`` with ``ratio = bounded(r1) / r2``, 1 where a norm is 0. ``r1`` and
    ``r2`` (shape (1,)) are the norms of the weight and of ``g``. (MXNet: lamb_update_phase2)
    """

    name = "lamb_update_phase2"
    inputs: ClassVar[tuple[str, ...]] = ("weight", "g", "r1", "r2")
    scalars = ("lr", "lower_bound", "upper_bound")

    lr = Float(doc="learning rate", dynamic=True)
    lower_bound = Float(-1.0, "least r1; none when negative", dynamic=True)
    upper_bound = Float(-1.0, "greatest r1; none when negative", dynamic=True)

    def infer_shape(self, s: ShapeRule) -> None:
        s.same([0, 1], [0])
        s.meet_in("r1", (1,))
        s.meet_in("r2", (1,))

    def infer_type(self, t: TypeRule) -> None:
        t.same()

    def lower(self, c: LowerContext) -> None:
        floats = [c.dynamic(p) for p in self.scalars]
        update(c, "lamb_update_phase2", ("weight", "g"), ("r1", "r2"), "output", floats)


class AdamwUpdate(Update):
    """Adam with decoupled weight decay.

    ``g = clip(rescale_grad * grad)``, ``mean`` and ``var`` as in `adam_update`, ``output = weight - eta * (lr
    * mean / (sqrt(var) + epsilon) + wd * weight)``; ``mean`` and ``var`` are written in place. Where
    ``rescale_grad`` (shape (1,)) is 0, infinite or NaN, as dynamic loss scaling makes it, nothing changes.
    (MXNet: _adamw_update; Loshchilov and Hutter 2017)
    """

    name = "_adamw_update"
    inputs: ClassVar[tuple[str, ...]] = ("weight", "grad", "mean", "var", "rescale_grad")
    states = ("mean", "var")
    mutates: ClassVar[dict[str, tuple[str, ...]]] = {"forward": ("mean", "var")}
    scalars = ("lr", "wd", "eta", "clip_gradient", "beta1", "beta2", "epsilon")

    lr = Float(doc="learning rate", dynamic=True)
    beta1 = Float(0.9, "decay of the mean", dynamic=True)
    beta2 = Float(0.999, "decay of the variance", dynamic=True)
    epsilon = Float(1e-8, "added to the root of the variance", dynamic=True)
    wd = Float(0.0, "weight decay", dynamic=True)
    eta = Float(doc="factor of the whole step", dynamic=True)
    clip_gradient = Float(-1.0, "bound of the rescaled gradient; none when negative", dynamic=True)

    def infer_shape(self, s: ShapeRule) -> None:
        s.same(range(len(s.ins) - 1), [0])
        s.meet_in("rescale_grad", (1,))

    def infer_type(self, t: TypeRule) -> None:
        t.same([0, 1, 2, 3], [0])
        t.meet_in("rescale_grad", FLOAT32)

    def lower(self, c: LowerContext) -> None:
        floats = [c.dynamic(p) for p in self.scalars]
        names = ("weight", "grad", *self.states)
        update(c, "adamw_update", names, ("rescale_grad",), "output", floats)
