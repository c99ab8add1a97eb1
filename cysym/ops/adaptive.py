"""Updates of one weight that MXNet's optimizers compose of array operators, as one pass each.

AdaGrad, AdaDelta, Adamax, Nadam and DCASGD have no operator in MXNet, so these have no name in the registry:
`optimizer/` calls them by class. Numbers such as ``1 - beta`` come from the caller, in double precision, as
MXNet's arrays get them. The kernels are in ``adaptive.c`` and ``adaptive.cl``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from .optimizer import Update, update
from .schema import Float

if TYPE_CHECKING:
    from ..passes.lower import LowerContext

Mutates = dict[str, tuple[str, ...]]


class _Adaptive(Update):
    """Base: `kernel` is the name of the kernel, `scalars` its numbers in order."""

    kernel: ClassVar[str] = ""

    wd = Float(0.0, "weight decay", dynamic=True)
    rescale_grad = Float(1.0, "factor of the gradient", dynamic=True)
    clip_gradient = Float(-1.0, "bound of the gradient; none when negative", dynamic=True)

    def lower(self, c: LowerContext) -> None:
        floats = [c.dynamic(p) for p in self.scalars]
        update(c, self.kernel, ("weight", "grad", *self.states), (), "output", floats)


class _Rated(_Adaptive):
    lr = Float(doc="learning rate", dynamic=True)


class AdagradUpdate(_Rated):
    """``g = clip(rescale_grad * grad)``, ``history += g * g``, ``output = weight - lr * (g / sqrt(history +
    epsilon) + wd * weight)``. (Duchi et al. 2011)"""

    kernel = "adagrad_update"
    inputs = ("weight", "grad", "history")
    states = ("history",)
    mutates: ClassVar[Mutates] = {"forward": ("history",)}
    scalars = (*Update.scalars, "epsilon")
    epsilon = Float(doc="added under the root", dynamic=True)


class AdadeltaUpdate(_Adaptive):
    """``g = clip(rescale_grad * grad)``, ``acc_g = rho * acc_g + other * g * g``, ``delta = sqrt(acc_delta +
    epsilon) / sqrt(acc_g + epsilon) * g``, ``acc_delta = rho * acc_delta + other * delta * delta``, ``output
    = weight - (delta + wd * weight)``. (Zeiler 2012)"""

    kernel = "adadelta_update"
    inputs = ("weight", "grad", "acc_g", "acc_delta")
    states = ("acc_g", "acc_delta")
    mutates: ClassVar[Mutates] = {"forward": ("acc_g", "acc_delta")}
    scalars = ("wd", "rescale_grad", "clip_gradient", "rho", "other", "epsilon")
    rho = Float(doc="decay of both sums", dynamic=True)
    other = Float(doc="1 - rho", dynamic=True)
    epsilon = Float(doc="added under the roots", dynamic=True)


class AdamaxUpdate(_Rated):
    """``g = clip(rescale_grad * grad + wd * weight)``, ``mean = beta1 * mean + other1 * g``, ``top =
    max(beta2 * top, abs(g))``, ``output = weight - lr * mean / top``. (Kingma and Ba 2014, section 7)"""

    kernel = "adamax_update"
    inputs = ("weight", "grad", "mean", "top")
    states = ("mean", "top")
    mutates: ClassVar[Mutates] = {"forward": ("mean", "top")}
    scalars = (*Update.scalars, "beta1", "other1", "beta2")
    beta1 = Float(doc="decay of the mean", dynamic=True)
    other1 = Float(doc="1 - beta1", dynamic=True)
    beta2 = Float(doc="decay of the greatest gradient", dynamic=True)


class NadamUpdate(_Rated):
    """``g = clip(rescale_grad * grad + wd * weight)``, ``mean`` and ``var`` as in `adam_update`, ``output =
    weight - lr * (share_grad * g + share_mean * mean) / (sqrt(var / missing) + epsilon)``. (Dozat 2016)"""

    kernel = "nadam_update"
    inputs = ("weight", "grad", "mean", "var")
    states = ("mean", "var")
    mutates: ClassVar[Mutates] = {"forward": ("mean", "var")}
    scalars = (
        *Update.scalars, "beta1", "other1", "beta2", "other2", "epsilon", "share_grad", "share_mean",
        "missing",
    )  # fmt: skip
    beta1 = Float(doc="decay of the mean", dynamic=True)
    other1 = Float(doc="1 - beta1", dynamic=True)
    beta2 = Float(doc="decay of the variance", dynamic=True)
    other2 = Float(doc="1 - beta2", dynamic=True)
    epsilon = Float(doc="added to the root of the variance", dynamic=True)
    share_grad = Float(doc="weight of the gradient in the step", dynamic=True)
    share_mean = Float(doc="weight of the mean in the step", dynamic=True)
    missing = Float(doc="1 - beta2 ** t", dynamic=True)


class DcasgdUpdate(_Rated):
    """``g = clip(rescale_grad * grad)``, ``output = weight - lr * (g + wd * weight + lamda * g * g * (weight
    - previous))``, ``previous`` = the old weight. (Zheng et al. 2016)"""

    kernel = "dcasgd_update"
    inputs: ClassVar[tuple[str, ...]] = ("weight", "grad", "previous")
    states: ClassVar[tuple[str, ...]] = ("previous",)
    mutates: ClassVar[Mutates] = {"forward": ("previous",)}
    scalars: ClassVar[tuple[str, ...]] = (*Update.scalars, "lamda")
    lamda = Float(doc="weight of the delay's compensation", dynamic=True)


class DcasgdMomUpdate(DcasgdUpdate):
    """`DcasgdUpdate` with momentum: ``mom = momentum * mom`` - that step, ``output = weight + mom``."""

    kernel = "dcasgd_mom_update"
    inputs = ("weight", "grad", "mom", "previous")
    states = ("mom", "previous")
    mutates: ClassVar[Mutates] = {"forward": ("mom", "previous")}
    scalars = (*DcasgdUpdate.scalars, "momentum")
    momentum = Float(doc="share of the last step kept", dynamic=True)
