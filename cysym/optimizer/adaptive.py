"""Update rules with a rate for every element: Adam and its kin, AdaGrad, AdaDelta, RMSProp, Ftrl, FTML.

In the formulas g is ``clip(rescale_grad * gradient)``, w the weight, eta the learning rate of this parameter,
wd its weight decay and t the number of its update, from 1. The numbers go to one operator per parameter,
called by class; those of `ops/adaptive.py` stand for several of MXNet's.
"""

from __future__ import annotations

from math import sqrt
from typing import Any

from .. import ndarray as nd
from ..arguments import fraction, number, optional_number
from ..ndarray import imperative
from ..ops.adaptive import AdadeltaUpdate, AdagradUpdate, AdamaxUpdate, NadamUpdate
from ..ops.optimizer import AdamUpdate, FtmlUpdate, FtrlUpdate, RmspropAlexUpdate, RmspropUpdate
from .base import Index, Optimizer, State, zeros_like


def _float32_zeros(weight: nd.NDArray) -> nd.NDArray:
    """A state that MXNet makes without asking for the weight's type."""
    return nd.zeros(weight.shape, ctx=weight.context)


@Optimizer.register
class Adam(Optimizer):
    """Adaptive moments.

    ``g = clip(rescale_grad * gradient + wd * w)``, ``m = beta1 * m + (1 - beta1) * g``, ``v = beta2 * v + (1
    - beta2) * g**2``, ``w -= eta * sqrt(1 - beta2**t) / (1 - beta1**t) * m / (sqrt(v) + epsilon)``.
    Source: Kingma and Ba, arXiv 1412.6980; operator `adam_update`.

    Parameters
    ----------
    learning_rate, beta1, beta2, epsilon : float
        As in the formulas.
    lazy_update : bool
        Kept for old scripts; it matters for row-sparse gradients only, which are absent here.
    **kwargs
        Of `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: float = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        lazy_update: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.beta1 = fraction(beta1, "beta1")
        self.beta2 = fraction(beta2, "beta2")
        self.epsilon = number(epsilon, "epsilon")
        self.lazy_update = lazy_update

    def create_state(self, index: Index, weight: nd.NDArray) -> State:
        return zeros_like(weight), zeros_like(weight)

    def update(self, index: Index, weight: nd.NDArray, grad: nd.NDArray, state: State) -> None:
        self._update_count(index)
        t = self._index_update_count[index]
        numbers = self._common()
        numbers["lr"] = float(self._get_lr(index) * sqrt(1.0 - self.beta2**t) / (1.0 - self.beta1**t))
        numbers["wd"] = float(self._get_wd(index))
        numbers["beta1"], numbers["beta2"] = float(self.beta1), float(self.beta2)
        numbers["epsilon"] = float(self.epsilon)
        mean, variance = state
        imperative.invoker.invoke(AdamUpdate, [weight, grad, mean, variance], numbers, [weight])


@Optimizer.register
class AdaGrad(Optimizer):
    """Rates that fall with the sum of squared gradients.

    ``history += g**2``, ``w -= eta * (g / sqrt(history + eps) + wd * w)``. Source: Duchi et al. 2011.

    Parameters
    ----------
    eps : float
        Kept as `float_stable_eps`.
    **kwargs
        Of `Optimizer`.
    """

    def __init__(self, eps: float = 1e-7, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.float_stable_eps = number(eps, "eps")

    def create_state(self, index: Index, weight: nd.NDArray) -> State:
        return _float32_zeros(weight)

    def update(self, index: Index, weight: nd.NDArray, grad: nd.NDArray, state: State) -> None:
        self._update_count(index)
        numbers = self._common_strict()
        numbers["lr"], numbers["wd"] = float(self._get_lr(index)), float(self._get_wd(index))
        numbers["epsilon"] = float(self.float_stable_eps)
        imperative.invoker.invoke(AdagradUpdate, [weight, grad, state], numbers, [weight])


@Optimizer.register
class AdaDelta(Optimizer):
    """Steps scaled by the ratio of past steps to past gradients; there is no learning rate.

    ``a = rho * a + (1 - rho) * g**2``, ``d = sqrt(b + epsilon) / sqrt(a + epsilon) * g``, ``b = rho * b + (1
    - rho) * d**2``, ``w -= d + wd * w``. MXNet multiplies the caller's gradient array by `rescale_grad` as
    well; here it stays as it is. Source: Zeiler, arXiv 1212.5701.

    Parameters
    ----------
    rho, epsilon : float
        As in the formulas.
    **kwargs
        Of `Optimizer`.
    """

    def __init__(self, rho: float = 0.90, epsilon: float = 1e-5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rho = number(rho, "rho")
        self.epsilon = number(epsilon, "epsilon")

    def create_state(self, index: Index, weight: nd.NDArray) -> State:
        return _float32_zeros(weight), _float32_zeros(weight)

    def update(self, index: Index, weight: nd.NDArray, grad: nd.NDArray, state: State) -> None:
        wd = self._get_wd(index)
        self._update_count(index)
        numbers = self._common_strict()
        numbers["wd"], numbers["epsilon"] = float(wd), float(self.epsilon)
        numbers["rho"], numbers["other"] = float(self.rho), 1.0 - self.rho
        acc_grad, acc_delta = state
        imperative.invoker.invoke(AdadeltaUpdate, [weight, grad, acc_grad, acc_delta], numbers, [weight])


@Optimizer.register
class RMSProp(Optimizer):
    """Gradients divided by the root of their mean square.

    ``g = clip(rescale_grad * gradient + wd * w)``, ``n = gamma1 * n + (1 - gamma1) * g**2``, ``w -= eta * g /
    sqrt(n + epsilon)`` (Tieleman and Hinton 2012); `centered`: ``m = gamma1 * m + (1 - gamma1) * g``, ``d =
    gamma2 * d - eta * g / sqrt(n - m**2 + epsilon)``, ``w += d`` (Graves, arXiv 1308.0850).
    Source: operators `rmsprop_update`, `rmspropalex_update`.

    Parameters
    ----------
    learning_rate, gamma1, gamma2, epsilon : float
        As in the formulas.
    centered : bool
        Graves's version.
    clip_weights : float, optional
        Bound of the new weights.
    **kwargs
        Of `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: float = 0.001,
        gamma1: float = 0.9,
        gamma2: float = 0.9,
        epsilon: float = 1e-8,
        centered: bool = False,
        clip_weights: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.gamma1 = number(gamma1, "gamma1")
        self.gamma2 = number(gamma2, "gamma2")
        self.centered = centered
        self.epsilon = number(epsilon, "epsilon")
        self.clip_weights = optional_number(clip_weights, "clip_weights")

    def create_state(self, index: Index, weight: nd.NDArray) -> State:
        return tuple(_float32_zeros(weight) for _ in range(3 if self.centered else 1))

    def update(self, index: Index, weight: nd.NDArray, grad: nd.NDArray, state: State) -> None:
        self._update_count(index)
        numbers = self._common()
        numbers["lr"], numbers["wd"] = float(self._get_lr(index)), float(self._get_wd(index))
        numbers["gamma1"], numbers["epsilon"] = float(self.gamma1), float(self.epsilon)
        if self.clip_weights:
            numbers["clip_weights"] = float(self.clip_weights)
        rule: Any = RmspropUpdate
        if self.centered:
            rule = RmspropAlexUpdate
            numbers["gamma2"] = float(self.gamma2)
        imperative.invoker.invoke(rule, [weight, grad, *state], numbers, [weight])


@Optimizer.register
class Ftrl(Optimizer):
    """Follow the regularised leader, which sets weights to exactly 0.

    ``z += g - (sqrt(n + g**2) - sqrt(n)) * w / eta``, ``n += g**2``, ``w = (sign(z) * lamda1 - z) / ((beta +
    sqrt(n)) / eta + wd)`` where ``abs(z) > lamda1``, else 0.
    Source: McMahan et al. 2013; operator `ftrl_update`.

    Parameters
    ----------
    lamda1 : float
        L1 regularisation.
    learning_rate, beta : float
        As in the formulas. With a scheduler `learning_rate` is not handed to it, as in MXNet.
    **kwargs
        Of `Optimizer`.
    """

    def __init__(
        self, lamda1: float = 0.01, learning_rate: float = 0.1, beta: float = 1, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.lamda1 = number(lamda1, "lamda1")
        self.beta = number(beta, "beta")
        self.lr = number(learning_rate, "learning_rate")

    def create_state(self, index: Index, weight: nd.NDArray) -> State:
        return _float32_zeros(weight), _float32_zeros(weight)

    def update(self, index: Index, weight: nd.NDArray, grad: nd.NDArray, state: State) -> None:
        self._update_count(index)
        numbers = self._common()
        numbers["lr"], numbers["wd"] = float(self._get_lr(index)), float(self._get_wd(index))
        numbers["lamda1"], numbers["beta"] = float(self.lamda1), float(self.beta)
        z, n = state
        imperative.invoker.invoke(FtrlUpdate, [weight, grad, z, n], numbers, [weight])


@Optimizer.register
class FTML(Optimizer):
    """Follow the moving leader.

    ``g = clip(rescale_grad * gradient + wd * w)``, ``v = beta2 * v + (1 - beta2) * g**2``, ``d' = (1 -
    beta1**t) / eta * (sqrt(v / (1 - beta2**t)) + epsilon)``, ``z = beta1 * z + (1 - beta1) * g - (d' - beta1
    * d) * w``, ``d = d'``, ``w = -z / d``. Source: Zheng and Kwok 2017; operator `ftml_update`.

    Parameters
    ----------
    beta1, beta2, epsilon : float
        As in the formulas.
    **kwargs
        Of `Optimizer`.
    """

    def __init__(
        self, beta1: float = 0.6, beta2: float = 0.999, epsilon: float = 1e-8, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.beta1 = number(beta1, "beta1")
        self.beta2 = number(beta2, "beta2")
        self.epsilon = number(epsilon, "epsilon")

    def create_state(self, index: Index, weight: nd.NDArray) -> State:
        return zeros_like(weight), zeros_like(weight), zeros_like(weight)

    def update(self, index: Index, weight: nd.NDArray, grad: nd.NDArray, state: State) -> None:
        self._update_count(index)
        numbers: dict[str, Any] = {
            "lr": float(self._get_lr(index)),
            "wd": float(self._get_wd(index)),
            "rescale_grad": float(self.rescale_grad),
            "beta1": float(self.beta1),
            "beta2": float(self.beta2),
            "epsilon": float(self.epsilon),
            "t": self._index_update_count[index],
        }
        if self.clip_gradient:
            numbers["clip_grad"] = float(self.clip_gradient)
        imperative.invoker.invoke(FtmlUpdate, [weight, grad, *state], numbers, [weight])


@Optimizer.register
class Adamax(Optimizer):
    """Adam with the greatest gradient in place of the mean square.

    ``g = clip(rescale_grad * gradient + wd * w)``, ``m = beta1 * m + (1 - beta1) * g``, ``u = max(beta2 * u,
    abs(g))``, ``w -= eta / (1 - beta1**t) * m / u``. A weight whose gradient was never other than 0 stays
    (u is 0 there; MXNet divides and gives NaN). Source: Kingma and Ba, arXiv 1412.6980, section 7.

    Parameters
    ----------
    learning_rate, beta1, beta2 : float
        As in the formulas.
    **kwargs
        Of `Optimizer`.
    """

    def __init__(
        self, learning_rate: float = 0.002, beta1: float = 0.9, beta2: float = 0.999, **kwargs: Any
    ) -> None:
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.beta1 = fraction(beta1, "beta1")
        self.beta2 = fraction(beta2, "beta2")

    def create_state(self, index: Index, weight: nd.NDArray) -> State:
        return zeros_like(weight), zeros_like(weight)

    def update(self, index: Index, weight: nd.NDArray, grad: nd.NDArray, state: State) -> None:
        self._update_count(index)
        t = self._index_update_count[index]
        numbers = self._common_strict()
        numbers["lr"] = float(self._get_lr(index) / (1.0 - self.beta1**t))
        numbers["wd"] = float(self._get_wd(index))
        numbers["beta1"], numbers["other1"] = float(self.beta1), 1.0 - self.beta1
        numbers["beta2"] = float(self.beta2)
        mean, top = state
        imperative.invoker.invoke(AdamaxUpdate, [weight, grad, mean, top], numbers, [weight])


@Optimizer.register
class Nadam(Optimizer):
    """Adam with Nesterov's momentum and a momentum schedule.

    ``g = clip(rescale_grad * gradient + wd * w)``, ``c_t = beta1 * (1 - 0.96**(t * schedule_decay) / 2)``,
    ``p *= c_t``; ``m`` and ``v`` as in Adam; ``w -= eta * ((1 - c_t) * g / (1 - p) + c_{t+1} * m / (1 - p *
    c_{t+1})) / (sqrt(v / (1 - beta2**t)) + epsilon)``. As in MXNet the product ``p`` (`m_schedule`) is one
    for all parameters and takes a factor at every update of any of them. Source: Dozat 2016.

    Parameters
    ----------
    learning_rate, beta1, beta2, epsilon, schedule_decay : float
        As in the formulas.
    **kwargs
        Of `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: float = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        schedule_decay: float = 0.004,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.beta1 = fraction(beta1, "beta1")
        self.beta2 = fraction(beta2, "beta2")
        self.epsilon = number(epsilon, "epsilon")
        self.schedule_decay = number(schedule_decay, "schedule_decay", 0)
        self.m_schedule = 1.0

    def create_state(self, index: Index, weight: nd.NDArray) -> State:
        return zeros_like(weight), zeros_like(weight)

    def update(self, index: Index, weight: nd.NDArray, grad: nd.NDArray, state: State) -> None:
        self._update_count(index)
        t = self._index_update_count[index]
        now = self.beta1 * (1.0 - 0.5 * 0.96 ** (t * self.schedule_decay))
        after = self.beta1 * (1.0 - 0.5 * 0.96 ** ((t + 1) * self.schedule_decay))
        m_schedule = self.m_schedule * now
        numbers = self._common_strict()
        numbers["lr"], numbers["wd"] = float(self._get_lr(index)), float(self._get_wd(index))
        numbers["beta1"], numbers["other1"] = float(self.beta1), 1.0 - self.beta1
        numbers["beta2"], numbers["other2"] = float(self.beta2), 1.0 - self.beta2
        numbers["epsilon"] = float(self.epsilon)
        numbers["share_grad"] = (1.0 - now) / (1.0 - m_schedule)
        numbers["share_mean"] = after / (1.0 - m_schedule * after)
        numbers["missing"] = 1.0 - self.beta2**t
        mean, variance = state
        imperative.invoker.invoke(NadamUpdate, [weight, grad, mean, variance], numbers, [weight])
        self.m_schedule = m_schedule
