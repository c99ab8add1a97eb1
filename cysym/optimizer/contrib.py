"""`mx.optimizer.contrib`: GroupAdaGrad, for dense gradients.

MXNet made it for row-sparse gradients of embeddings, which are absent here; a dense gradient gives the same
numbers for every row. Made of array operators, as it is there.
"""

from __future__ import annotations

from typing import Any

from .. import ndarray as nd
from ..arguments import number
from ..base import MXNetError
from .base import Index, Optimizer, State, register

__all__ = ["GroupAdaGrad"]

_ops: Any = nd


@register
class GroupAdaGrad(Optimizer):
    """AdaGrad with one rate for each row of a matrix.

    ``history += mean(g**2, axis=1)``, ``w -= eta * g / sqrt(history + eps)``; weight decay is refused.

    Parameters
    ----------
    eps : float
        Kept as `float_stable_eps`.
    **kwargs
        Of `Optimizer`.
    """

    def __init__(self, eps: float = 1e-5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.float_stable_eps = number(eps, "eps")

    def create_state(self, index: Index, weight: nd.NDArray) -> State:
        if weight.ndim != 2:
            raise MXNetError(f"GroupAdaGrad: parameter {index} must be a matrix, got shape {weight.shape}")
        return nd.zeros((weight.shape[0], 1), ctx=weight.context)

    def update(self, index: Index, weight: nd.NDArray, grad: nd.NDArray, state: State) -> None:
        wd = self._get_wd(index)
        if wd:
            raise MXNetError(f"GroupAdaGrad has no weight decay, got {wd} for parameter {index}")
        self._update_count(index)
        lr = self._get_lr(index)
        g = grad * self.rescale_grad
        if self.clip_gradient is not None:
            g = _ops.clip(g, -self.clip_gradient, self.clip_gradient)
        state += _ops.mean(g * g, axis=1, keepdims=True)
        weight -= lr * g / _ops.sqrt(state + self.float_stable_eps)
