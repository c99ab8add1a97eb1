"""Functions of `mx.nd.contrib` that are more than one operator: updates of many weights, tests for NaN.

The operators `_contrib_*` themselves are put beside these by the package.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..base import MXNetError
from ..context import Context, current_context
from ..symbol.zipfian import zipfian
from .ndarray import NDArray

Arrays = Sequence[NDArray]
__all__ = [
    "adamw_update", "isfinite", "isinf", "isnan", "mp_adamw_update", "multi_adamw_update",
    "multi_lamb_update", "multi_mp_adamw_update", "multi_mp_lamb_update", "rand_zipfian",
]  # fmt: skip


def _op(name: str) -> Any:
    from . import _internal

    return getattr(_internal, name)


def _rescale(value: Any, weight: NDArray) -> NDArray:
    """The factor of the gradient as an array of one float32."""
    from . import array

    if isinstance(value, NDArray):
        return value.as_in_context(weight.context).reshape((1,))
    return array([value], ctx=weight.context)


def _in_turn(**lists: Arrays) -> list[NDArray]:
    """Arrays of the first weight, then of the second, and so on."""
    sizes = {name: len(arrays) for name, arrays in lists.items()}
    if len(set(sizes.values())) != 1 or not all(sizes.values()):
        raise MXNetError(f"lists of one length are needed, one array a weight; got {sizes}")
    return [array for of_one in zip(*lists.values(), strict=True) for array in of_one]


def adamw_update(
    weight: NDArray, grad: NDArray, mean: NDArray, var: NDArray, rescale_grad: Any, lr: float, eta: float,
    beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8, wd: float = 0, clip_gradient: float = -1,
    out: Any = None, name: str | None = None, **kwargs: Any,
) -> NDArray:  # fmt: skip
    """`_adamw_update`; `rescale_grad` may be a number. The weight is written only through ``out=weight``."""
    arrays = weight, grad, mean, var, _rescale(rescale_grad, weight)
    rates = {"lr": lr, "eta": eta, "beta1": beta1, "beta2": beta2, "epsilon": epsilon, "wd": wd}
    result: NDArray = _op("_adamw_update")(*arrays, **rates, clip_gradient=clip_gradient, out=out, **kwargs)
    return result


def mp_adamw_update(
    weight: NDArray, grad: NDArray, mean: NDArray, var: NDArray, weight32: NDArray, rescale_grad: Any,
    lr: float, eta: float, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8, wd: float = 0,
    clip_gradient: float = -1, out: Any = None, name: str | None = None, **kwargs: Any,
) -> NDArray:  # fmt: skip
    """`_mp_adamw_update`; `rescale_grad` may be a number."""
    arrays = weight, grad, mean, var, weight32, _rescale(rescale_grad, weight)
    rates = {"lr": lr, "eta": eta, "beta1": beta1, "beta2": beta2, "epsilon": epsilon, "wd": wd}
    result: NDArray = _op("_mp_adamw_update")(
        *arrays, **rates, clip_gradient=clip_gradient, out=out, **kwargs
    )
    return result


def multi_adamw_update(
    weights: Arrays, grads: Arrays, mean: Arrays, var: Arrays, rescale_grad: Any, lrs: Sequence[float],
    wds: Sequence[float], etas: Sequence[float], out: Any = None, name: str | None = None, size: int = 0,
    **kwargs: Any,
) -> Any:  # fmt: skip
    """`_multi_adamw_update` from one list a role; `size` is ignored, the lists have it."""
    arrays = _in_turn(weights=weights, grads=grads, mean=mean, var=var)
    factor = _rescale(rescale_grad, weights[0])
    return _op("_multi_adamw_update")(*arrays, factor, lrs=lrs, wds=wds, etas=etas, out=out, **kwargs)


def multi_mp_adamw_update(
    weights: Arrays, grads: Arrays, mean: Arrays, var: Arrays, weights32: Arrays, rescale_grad: Any,
    lrs: Sequence[float], wds: Sequence[float], etas: Sequence[float], out: Any = None,
    name: str | None = None, size: int = 0, **kwargs: Any,
) -> Any:  # fmt: skip
    """`_multi_mp_adamw_update` from one list a role."""
    arrays = _in_turn(weights=weights, grads=grads, mean=mean, var=var, weights32=weights32)
    factor = _rescale(rescale_grad, weights[0])
    return _op("_multi_mp_adamw_update")(*arrays, factor, lrs=lrs, wds=wds, etas=etas, out=out, **kwargs)


def multi_lamb_update(
    weights: Arrays, grads: Arrays, mean: Arrays, var: Arrays, step_count: Sequence[int],
    lrs: Sequence[float], wds: Sequence[float], out: Any = None, num_tensors: int = 0, **kwargs: Any,
) -> Any:  # fmt: skip
    """`_multi_lamb_update` from one list a role; `num_tensors` is ignored, the lists have it."""
    arrays = _in_turn(weights=weights, grads=grads, mean=mean, var=var)
    rates = {"learning_rates": lrs, "wds": wds, "step_count": step_count}
    return _op("_multi_lamb_update")(*arrays, out=out, **rates, **kwargs)


def multi_mp_lamb_update(
    weights: Arrays, grads: Arrays, mean: Arrays, var: Arrays, weights32: Arrays, step_count: Sequence[int],
    lrs: Sequence[float], wds: Sequence[float], out: Any = None, num_tensors: int = 0, **kwargs: Any,
) -> Any:  # fmt: skip
    """`_multi_mp_lamb_update` from one list a role."""
    arrays = _in_turn(weights=weights, grads=grads, mean=mean, var=var, weights32=weights32)
    rates = {"learning_rates": lrs, "wds": wds, "step_count": step_count}
    return _op("_multi_mp_lamb_update")(*arrays, out=out, **rates, **kwargs)


def rand_zipfian(
    true_classes: NDArray, num_sampled: int, range_max: int, ctx: Context | None = None
) -> tuple[NDArray, NDArray, NDArray]:
    """Classes drawn with about Zipf's frequencies, for losses over a sample of the classes.

    Class c is drawn with probability ``(log(c + 2) - log(c + 1)) / log(range_max + 1)``, with replacement.

    Parameters
    ----------
    true_classes
        Numbers of the true classes.
    num_sampled
        How many to draw.
    range_max
        How many classes there are.
    ctx
        Where; the current context by default.

    Returns
    -------
    tuple of NDArray
        Drawn classes (int64), how often each true class is expected among them, and each drawn one.
    """
    from . import random

    ctx = ctx or current_context()
    true = true_classes.as_in_context(ctx)
    made: tuple[NDArray, NDArray, NDArray] = zipfian(random.uniform, true, num_sampled, range_max, ctx=ctx)
    return made


def isinf(data: NDArray) -> NDArray:
    """1 where an element is infinite, else 0, in the array's type."""
    result: NDArray = abs(data) == float("inf")
    return result


def isnan(data: NDArray) -> NDArray:
    """1 where an element is not a number, else 0, in the array's type."""
    result: NDArray = data != data
    return result


def isfinite(data: NDArray) -> NDArray:
    """1 where an element is a finite number, else 0, in the array's type."""
    result: NDArray = abs(data) < float("inf")
    return result
