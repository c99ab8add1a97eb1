"""boolean_mask: the one operator whose result's shape depends on values: no program can be planned with it.

It is a look at the mask on the host, then `take`, which is recorded and runs where the arrays are.
"""

from __future__ import annotations

import numpy as np

from ..base import MXNetError, ShapeError
from ..ops.schema import find_op
from . import imperative
from .ndarray import NDArray


def boolean_mask(
    data: NDArray, index: NDArray, axis: int = 0, out: NDArray | None = None, name: str | None = None
) -> NDArray:
    """The slices of `data` along `axis` where the vector `index` is not zero.

    Only imperative: there is no symbol, as the shape of the result depends on values. (MXNet:
    _contrib_boolean_mask)

    Raises
    ------
    ShapeError
        `index` is no vector of the axis' length, or `axis` no axis of `data`.
    """
    for what, array in (("data", data), ("index", index)):
        if not isinstance(array, NDArray):
            raise TypeError(f"boolean_mask: {what} must be an NDArray, got {type(array).__name__}")
    if data.context != index.context:
        raise MXNetError(f"boolean_mask: data is on {data.context}, index on {index.context}")
    if not -data.ndim <= axis < data.ndim:
        raise ShapeError(f"boolean_mask: axis {axis} exceeds the input dimension of {data.ndim}")
    if index.shape != (data.shape[axis],):
        raise ShapeError(
            f"boolean_mask: index must have shape {(data.shape[axis],)}, for axis {axis} of {data.shape}, "
            f"got {index.shape}"
        )
    chosen = imperative.from_numpy(np.flatnonzero(index.asnumpy()), data.context)
    place = None if out is None else [out]
    results: list[NDArray] = imperative.invoker.invoke(find_op("take"), [data, chosen], {"axis": axis}, place)
    return results[0]
