"""`mx.random`: seeds and samplers. The streams are MXNet's CPU streams, the same numbers on every device."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import ndarray as nd
from .context import Context, current_context
from .dtypes import NAMES, dtype_code
from .ndarray import imperative
from .ops.schema import find_op

__all__ = ["normal", "randn", "seed", "uniform"]


def seed(seed_state: int, ctx: Any = "all") -> None:
    """Restart the random stream of a context, or of every one in use.

    Parameters
    ----------
    seed_state
        Whole number.
    ctx
        A Context, or "all".
    """
    if not isinstance(seed_state, (int, np.integer)) or isinstance(seed_state, bool):
        raise ValueError("sd must be int")
    value = int(seed_state)
    if isinstance(ctx, Context):
        ctx.device.seed(value)
        return
    from . import context

    _ = context.cpu(0).device  # the default one is seeded even before its first use
    for device in list(context._cpus.values()):
        device.seed(value)
    for device in context.opencl_devices():
        device.seed(value)


def _sample(op: str, shape: Any, dtype: Any, ctx: Any, out: Any, **params: float) -> Any:
    cls = find_op(op)
    if out is not None:
        params_: dict[str, Any] = {**params, "shape": out.shape, "dtype": NAMES[out.spec[1]]}
        return imperative.invoker.invoke(cls, [], params_, [out], out.context)[0]
    dims = (1,) if shape is None else (shape,) if isinstance(shape, int) else tuple(shape)
    dims = nd._dims(dims)
    params_ = {**params, "shape": dims, "dtype": NAMES[dtype_code(dtype or np.float32)]}
    return imperative.invoker.invoke(cls, [], params_, None, ctx or current_context())[0]


def uniform(
    low: float = 0,
    high: float = 1,
    shape: Any = None,
    dtype: Any = None,
    ctx: Any = None,
    out: Any = None,
    **kw: Any,
) -> Any:
    """Numbers from [low, high)."""
    return _sample("_random_uniform", shape, dtype, ctx, out, low=float(low), high=float(high))


def normal(
    loc: float = 0,
    scale: float = 1,
    shape: Any = None,
    dtype: Any = None,
    ctx: Any = None,
    out: Any = None,
    **kw: Any,
) -> Any:
    """Numbers from a normal distribution."""
    return _sample("_random_normal", shape, dtype, ctx, out, loc=float(loc), scale=float(scale))


def randn(
    *shape: int, loc: float = 0, scale: float = 1, dtype: Any = None, ctx: Any = None, out: Any = None
) -> Any:
    """Numbers from a normal distribution; the shape as separate arguments."""
    return normal(loc, scale, shape or None, dtype, ctx, out)


for _name in ("uniform", "normal", "randn"):
    setattr(nd.random, _name, globals()[_name])
