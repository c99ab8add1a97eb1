"""`mx.random`: seeds, and the samplers of `mx.nd.random`.

The streams are MXNet's CPU streams, the same numbers on every device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from . import context
from .context import Context
from .ndarray import random as _samplers

_names = [name for name in _samplers.__all__ if not name.endswith("_like")]
globals().update({name: getattr(_samplers, name) for name in _names})
__all__ = [*_names, "seed"]

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any: ...


def seed(seed_state: int, ctx: Any = "all") -> None:
    """Restart the random stream of a context, or of every one in use.

    After it every device gives the same numbers: MXNet's of `cpu(0)`. All CPU contexts draw from one stream.

    Parameters
    ----------
    seed_state
        Whole number.
    ctx
        A Context or its name, or "all".
    """
    if not isinstance(seed_state, (int, np.integer)):
        raise ValueError(f"seed_state must be int, got {seed_state!r}")
    value = int(seed_state)
    if not -(2**63) <= value < 2**63:
        raise ValueError(f"seed_state must fit into 64 bits, got {seed_state}")
    if isinstance(ctx, str) and ctx == "all":
        context.seed_all(value)
    elif isinstance(ctx, (str, Context)):
        Context(ctx).device.seed(value)
    else:
        raise TypeError(f"ctx must be a Context, its name or 'all', got {ctx!r}")
