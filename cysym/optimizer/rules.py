"""The update rules, one class each: what state a parameter has and which `nd` operator updates it.

In the formulas g is ``clip(rescale_grad * gradient)``, w the weight, eta the learning rate of this parameter
and wd its weight decay. The numbers go to one fused operator per parameter.
"""

from __future__ import annotations

from math import sqrt
from typing import Any

from .. import ndarray as nd
from .optimizer import Index, Optimizer, State

# Operator functions are made from the registry at import, where a type checker does not see them.
_ops: Any = nd


def _zeros_like(weight: nd.NDArray) -> nd.NDArray:
    return nd.zeros(weight.shape, ctx=weight.context, dtype=weight.dtype)


@Optimizer.register
class SGD(Optimizer):
    """Stochastic gradient descent with momentum.

    ``m = momentum * m - eta * (g + wd * w)``, ``w += m``. Source: operators `sgd_update`, `sgd_mom_update`.

    Parameters
    ----------
    momentum : float
        0 needs no state.
    lazy_update : bool
        Kept for old scripts; it matters for row-sparse gradients only.
    """

    # MXNet's SGD keeps (momentum, float32 copy), the other way round than its base class.
    _master_position = 1

    def __init__(self, momentum: float = 0.0, lazy_update: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.momentum = momentum
        self.lazy_update = lazy_update

    def create_state(self, index: Index, weight: nd.NDArray) -> State:
        return _zeros_like(weight) if self.momentum else None

    def update(self, index: Index, weight: nd.NDArray, grad: nd.NDArray, state: State) -> None:
        self._update_count(index)
        lr, wd = self._get_lr(index), self._get_wd(index)
        if state is None:
            _ops.sgd_update(weight, grad, out=weight, lr=lr, wd=wd, **self._common())
        else:
            _ops.sgd_mom_update(
                weight, grad, state, out=weight, lr=lr, momentum=self.momentum, wd=wd, **self._common()
            )


@Optimizer.register
class Adam(Optimizer):
    """Adaptive moments.

    ``g += wd * w``, ``m = beta1 * m + (1 - beta1) * g``, ``v = beta2 * v + (1 - beta2) * g**2``,
    ``w -= eta * sqrt(1 - beta2**t) / (1 - beta1**t) * m / (sqrt(v) + epsilon)``.
    Source: Kingma and Ba, arXiv 1412.6980; operator `adam_update`.
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
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.lazy_update = lazy_update

    def create_state(self, index: Index, weight: nd.NDArray) -> State:
        return _zeros_like(weight), _zeros_like(weight)

    def update(self, index: Index, weight: nd.NDArray, grad: nd.NDArray, state: State) -> None:
        step = self._update_count(index)
        lr = self._get_lr(index) * sqrt(1.0 - self.beta2**step) / (1.0 - self.beta1**step)
        mean, variance = state
        _ops.adam_update(
            weight,
            grad,
            mean,
            variance,
            out=weight,
            lr=lr,
            beta1=self.beta1,
            beta2=self.beta2,
            epsilon=self.epsilon,
            wd=self._get_wd(index),
            **self._common(),
        )
