"""Optimizer updates: sgd_update, sgd_mom_update, adam_update.

One pass over a weight, its gradient and its states. States are written where they lie; the result is the new
weight, which a caller lets overwrite the old one. Every number that changes between calls is `dynamic`: it
reaches the kernel at run time and never causes another lowering.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ..dtypes import CODES
from .schema import Bool, Float, OpDef

if TYPE_CHECKING:
    from ..passes.lower import LowerContext


class _Update(OpDef):
    half = True
    states: ClassVar[tuple[str, ...]] = ()
    scalars: ClassVar[tuple[str, ...]] = ("lr", "wd", "rescale_grad", "clip_gradient")

    lr = Float(doc="learning rate", dynamic=True)
    wd = Float(0.0, "weight decay", dynamic=True)
    rescale_grad = Float(1.0, "factor of the gradient", dynamic=True)
    clip_gradient = Float(-1.0, "bound of the rescaled gradient; none when negative", dynamic=True)
    lazy_update = Bool(True, "accepted and ignored: gradients are dense")

    def lower(self, c: LowerContext) -> None:
        dtype = c.input("weight", "any").dtype
        work = (
            CODES["float32"] if dtype == CODES["float16"] else dtype
        )  # half precision is stored, not computed in
        weight, grad = c.input("weight", dtype=work), c.input("grad", dtype=work)
        out = c.output() if work == dtype else c.temp(weight.shape, work)
        places = [c.input(s, "any") for s in self.states]
        states = [
            t if t.is_dense() and work == dtype else c.input(s, dtype=work)
            for s, t in zip(self.states, places, strict=True)
        ]
        pairs = [(0, 0), (1, 0), *((2 + i, 1 + i) for i in range(len(states)))]
        c.call(
            self.name, [out, *states], [weight, grad, *states], [], [c.dynamic(p) for p in self.scalars],
            items=weight.size, cost=0.5 + 0.5 * len(states), inplace=pairs, mutates=bool(states),
        )  # fmt: skip
        for place, state in zip(places, states, strict=True):
            if place is not state:  # it lies with gaps, or in half precision: a copy was updated
                c.cast(place, state) if work != dtype else c.copy(place, state)
        if work != dtype:
            c.cast(c.output("output", "any"), out)


class SgdUpdate(_Update):
    """Plain gradient descent: ``output = (1 - lr * wd) * weight - lr * clip(rescale_grad * grad)``.

    All tensors have the weight's shape and type. No gradient. (MXNet: sgd_update)
    """

    name = "sgd_update"
    inputs = ("weight", "grad")


class SgdMomUpdate(_Update):
    """Gradient descent with momentum.

    ``mom = momentum * mom - lr * (clip(rescale_grad * grad) + wd * weight)``, ``output = weight + mom``;
    ``mom`` is written in place. (MXNet: sgd_mom_update)
    """

    name = "sgd_mom_update"
    inputs = ("weight", "grad", "mom")
    states = ("mom",)
    mutates: ClassVar[dict[str, tuple[str, ...]]] = {"forward": ("mom",)}
    scalars = (*_Update.scalars, "momentum")

    momentum = Float(0.0, "share of the last step kept", dynamic=True)


class AdamUpdate(_Update):
    """Adam without bias correction (callers fold it into ``lr``).

    ``g = clip(rescale_grad * grad + wd * weight)``, ``mean = beta1 * mean + (1 - beta1) * g``, ``var = beta2
    * var + (1 - beta2) * g * g``, ``output = weight - lr * mean / (sqrt(var) + epsilon)``; ``mean`` and
    ``var`` are written in place. (MXNet: adam_update; Kingma and Ba 2014)
    """

    name = "adam_update"
    inputs = ("weight", "grad", "mean", "var")
    states = ("mean", "var")
    mutates: ClassVar[dict[str, tuple[str, ...]]] = {"forward": ("mean", "var")}
    scalars = (*_Update.scalars, "beta1", "beta2", "epsilon")

    beta1 = Float(0.9, "decay of the mean", dynamic=True)
    beta2 = Float(0.999, "decay of the variance", dynamic=True)
    epsilon = Float(1e-8, "added to the root of the variance", dynamic=True)
