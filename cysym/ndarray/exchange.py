"""Memory shared with other libraries: DLPack both ways, NumPy arrays taken over without a copy.

Only host memory is shared. Capsules are made and taken apart in `_core`; here are the rules around them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core, util
from .._core import ArrayBase, Storage, array_over
from ..context import Context
from ..dtypes import dtype_code
from . import imperative

if TYPE_CHECKING:
    from .ndarray import NDArray

DLPACK_CPU = (1, 0)


def to_dlpack(array: ArrayBase, versioned: bool) -> Any:
    """Capsule over an array's memory, once everything that writes it is done."""
    if not isinstance(array, ArrayBase):
        raise TypeError(f"expected an NDArray, got {type(array)}")
    array.context.device.sync()
    return _core.to_dlpack(array, versioned)


def export(array: NDArray, stream: Any, max_version: Any, dl_device: Any, copy: bool | None) -> Any:
    """What `NDArray.__dlpack__` returns."""
    if stream is not None:
        raise BufferError(f"stream={stream!r}: host memory has no streams; expected None")
    if dl_device is not None and tuple(dl_device) != DLPACK_CPU:
        raise BufferError(f"an array on {array.context} cannot be handed out on DLPack device {dl_device}")
    if copy:
        array = array.copy()
    return to_dlpack(array, max_version is not None and tuple(max_version) >= (1, 0))


def from_dlpack(dlpack: Any) -> NDArray:
    """Array over the memory of another library's tensor, without a copy; writes go through.

    Parameters
    ----------
    dlpack
        An object with ``__dlpack__`` (NumPy array, PyTorch tensor, ...), or a DLPack capsule (used up).

    Raises
    ------
    BufferError
        The tensor is not in host memory, not dense, read-only, or of a type NDArrays do not have.
    TypeError, ValueError
        No such object; a capsule used before.
    """
    if hasattr(dlpack, "__dlpack__"):
        kind = dlpack.__dlpack_device__()
        if kind[0] != DLPACK_CPU[0]:
            raise BufferError(
                f"the tensor lies on DLPack device {tuple(kind)}; expected the CPU, {DLPACK_CPU}"
            )
        try:
            dlpack = dlpack.__dlpack__(max_version=(1, 0))
        except TypeError:  # made before DLPack had versions
            dlpack = dlpack.__dlpack__()
    elif type(dlpack).__name__ != "PyCapsule":
        raise TypeError(
            f"from_dlpack expects a DLPack capsule or an object with __dlpack__, got {type(dlpack)}"
        )
    context = Context("cpu", 0)
    storage, shape, code = _core.from_dlpack(dlpack, context.device)
    return _over(storage, shape, code, context)


def _over(storage: Storage, shape: tuple[int, ...], code: int, context: Context) -> NDArray:
    from .ndarray import NDArray

    return array_over(NDArray, storage, 0, (shape if shape or util.is_np_shape() else (1,), code, context))


def from_numpy(ndarray: np.ndarray, zero_copy: bool = True, array_cls: Any = None) -> NDArray:
    """Array with a NumPy array's values and element type.

    Parameters
    ----------
    ndarray
        In C order where `zero_copy` is set.
    zero_copy
        Use its memory, and set it read-only on NumPy's side, as MXNet does; False makes a copy.
    array_cls
        `NDArray`, the default; MXNet has a second class of arrays, which is absent.

    Raises
    ------
    NotImplementedError
        Another `array_cls`.
    ValueError
        `zero_copy` of an array that is not in C order, not aligned, or read-only already.
    """
    if array_cls is not None and array_cls.__name__ != "NDArray":
        raise NotImplementedError(f"from_numpy: arrays are made as NDArray, not as {array_cls}")
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"from_numpy expects a numpy.ndarray, got {type(ndarray)}")
    code = dtype_code(ndarray.dtype)
    context = Context("cpu", 0)
    if not zero_copy or not ndarray.size:
        made: NDArray = imperative.from_numpy(ndarray, context)
        return made
    if not ndarray.flags["C_CONTIGUOUS"]:
        raise ValueError("Only c-contiguous arrays are supported for zero-copy")
    if not ndarray.flags["WRITEABLE"]:
        raise ValueError("a read-only array cannot be shared; use zero_copy=False")
    if not ndarray.flags["ALIGNED"] or not ndarray.dtype.isnative:
        raise ValueError("an array that is not aligned and in native byte order cannot be shared")
    storage = Storage.from_buffer(context.device, ndarray.reshape(-1).view(np.uint8).data)
    ndarray.flags["WRITEABLE"] = False
    return _over(storage, ndarray.shape, code, context)


def to_dlpack_for_read(data: NDArray) -> Any:
    """DLPack capsule of an array in host memory, for another library's `from_dlpack`."""
    return to_dlpack(data, False)


def to_dlpack_for_write(data: NDArray) -> Any:
    """As `to_dlpack_for_read`; the other library may write, too."""
    return to_dlpack(data, False)


__all__ = ["export", "from_dlpack", "from_numpy", "to_dlpack", "to_dlpack_for_read", "to_dlpack_for_write"]
