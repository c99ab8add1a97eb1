"""`NDArray`: a dense array on one device, always row-major, sharing memory with its views along axis 0.

Operators run at once through the same registry, kernels and lowering as Symbols, one cached call at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .._core import ArrayBase
from ..base import MXNetError
from ..context import Context, current_context
from ..dtypes import NAMES, SIZES, TYPES, dtype_code
from ..ops.schema import find_op
from ..passes.ir import num_elements
from . import imperative

Number = (int, float, np.number)


class NDArray(ArrayBase):
    """Array of numbers on a device. Make one with `mx.nd.array`, `zeros`, ... ."""

    __slots__ = ("_grad",)
    __array_priority__ = 1000.0

    # --- facts ----------------------------------------------------------------------------------------------
    @property
    def dtype(self) -> Any:
        """NumPy scalar type, as ``numpy.float32``."""
        return TYPES[self.spec[1]]

    @property
    def size(self) -> int:
        return num_elements(self.shape)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def stype(self) -> str:
        """Always 'default': arrays are dense."""
        return "default"

    @property
    def T(self) -> NDArray:
        """Copy with the axes reversed."""
        return _op("transpose", self)

    @property
    def nbytes(self) -> int:
        return self.size * SIZES[self.spec[1]]

    @property
    def grad(self) -> Any:
        """Gradient array, None: nothing was recorded."""
        return getattr(self, "_grad", None)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of an array without axes")
        return int(self.shape[0])

    def __repr__(self) -> str:
        shape = "x".join(str(d) for d in self.shape)
        return f"\n{self.asnumpy()!s}\n<NDArray {shape} @{self.context}>"

    def __hash__(self) -> int:
        return id(self)

    def __bool__(self) -> bool:
        if self.size == 0:
            return False
        if self.size == 1:
            return bool(self.asscalar())
        raise ValueError("The truth value of an NDArray with multiple elements is ambiguous.")

    def __iter__(self) -> Iterator[NDArray]:
        return (self[i] for i in range(len(self)))

    # --- reading --------------------------------------------------------------------------------------------
    def asnumpy(self) -> np.ndarray:
        """Copy as a NumPy array; waits for the device."""
        out = np.empty(self.shape, TYPES[self.spec[1]])
        if out.size:
            self.context.device.read(
                self.storage, self.offset, out.nbytes, out.reshape(-1).view(np.uint8).data
            )
        return out

    def asscalar(self) -> Any:
        """The one element as a NumPy scalar."""
        if self.size != 1:
            raise ValueError("The current array is not a scalar")
        return self.asnumpy().reshape(-1)[0]

    def wait_to_read(self) -> None:
        """Block until everything that writes this array is done."""
        self.context.device.sync()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("an NDArray cannot be seen as a NumPy array without a copy; use asnumpy()")
        array = self.asnumpy()
        return array if dtype is None else array.astype(dtype, copy=False)

    # --- indexing -------------------------------------------------------------------------------------------
    def _view(self, shape: tuple[int, ...], skip: int) -> NDArray:
        """Array over the same memory, `skip` elements in."""
        view = NDArray.__new__(NDArray)
        view.storage, view.offset = self.storage, self.offset + skip * SIZES[self.spec[1]]
        view.spec = (shape, self.spec[1], self.spec[2])
        return view

    def _rows(self, key: Any) -> NDArray | None:
        """View selected by an int or a step-1 slice on axis 0, None for any other key."""
        if isinstance(key, tuple) and len(key) == 1:
            key = key[0]
        if not self.shape:
            whole = key is Ellipsis or (isinstance(key, slice) and key == slice(None))
            return self._view((), 0) if whole else None
        n = self.shape[0]
        inner = num_elements(self.shape[1:])
        if isinstance(key, (int, np.integer)) and not isinstance(key, (bool, np.bool_)):
            i = int(key) + n if key < 0 else int(key)
            if not 0 <= i < n:
                raise IndexError(f"index {key} is out of bounds for axis 0 with size {n}")
            return self._view(self.shape[1:] or (1,), i * inner)
        if isinstance(key, slice) and key.step in (None, 1):
            start, stop, _ = key.indices(n)
            if stop <= start:
                if n == 0:
                    return self._view(self.shape, 0)
                raise MXNetError(f"slice {key} of axis 0 with size {n} is empty")
            return self._view((stop - start, *self.shape[1:]), start * inner)
        if key is Ellipsis:
            return self._view(self.shape, 0)
        return None

    def __getitem__(self, key: Any) -> NDArray:
        view = self._rows(key)
        if view is not None:
            return view
        # Anything else is a copy; the host's NumPy does the picking.
        picked = self.asnumpy()[_numpy_key(key)]
        copied: NDArray = imperative.from_numpy(
            np.ascontiguousarray(picked).reshape(picked.shape or (1,)), self.context
        )
        return copied

    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(key, tuple) and len(key) == 0:
            key = Ellipsis
        target = self._rows(key)
        if target is None:
            whole = self.asnumpy()
            whole[_numpy_key(key)] = value.asnumpy() if isinstance(value, NDArray) else value
            self._write(whole)
            return
        if isinstance(value, NDArray):
            if value.shape == target.shape:
                value.copyto(target)
                return
            value = value.asnumpy()
        try:
            host = np.broadcast_to(np.asarray(value, dtype=self.dtype), target.shape)
        except (ValueError, TypeError) as error:
            raise ValueError(
                f"cannot assign {np.shape(value)} to an array of shape {target.shape}: {error}"
            ) from None
        target._write(host)

    def _write(self, host: np.ndarray) -> None:
        """Overwrite all elements from a NumPy array of this shape and type."""
        if self.size:
            data = np.ascontiguousarray(host, dtype=self.dtype).reshape(-1).view(np.uint8)
            self.context.device.write(self.storage, self.offset, data.data)

    # --- copies and casts -----------------------------------------------------------------------------------
    def copyto(self, other: Any) -> NDArray:
        """Copy into an array (casting; shapes must match) or onto a context."""
        if isinstance(other, Context):
            made = imperative.empty(self.shape, other, self.spec[1])
            return self.copyto(made)
        if not isinstance(other, NDArray):
            raise TypeError(f"copyto does not support type {type(other)}")
        if other is self:
            return other
        if other.shape != self.shape:
            raise ValueError(f"copyto: shape {self.shape} does not fit the target's {other.shape}")
        source = self
        if other.spec[1] != self.spec[1]:
            source = _op("cast", self, dtype=NAMES[other.spec[1]])
        n = self.nbytes if source is self else source.nbytes
        if n == 0:
            return other
        here, there = source.context.device, other.context.device
        if here is there or here.kind == there.kind == "cpu":
            there.copy(other.storage, other.offset, source.storage, source.offset, n)
        else:
            staging = bytearray(n)
            here.read(source.storage, source.offset, n, staging)
            there.write(other.storage, other.offset, staging)
        return other

    def copy(self) -> NDArray:
        """Copy on the same device."""
        return self.copyto(self.context)

    def as_in_context(self, context: Context) -> NDArray:
        """This array if it is there already, else a copy."""
        return self if context == self.context else self.copyto(context)

    as_in_ctx = as_in_context

    def astype(self, dtype: Any, copy: bool = True) -> NDArray:
        """Array of another element type."""
        code = dtype_code(dtype)
        if code == self.spec[1]:
            return self.copy() if copy else self
        return _op("cast", self, dtype=NAMES[code])

    def reshape(self, *shape: Any, **kwargs: Any) -> NDArray:
        """View with another shape of the same size; special codes 0 -1 -2 -3 -4 as in operator `reshape`."""
        if len(shape) == 1 and isinstance(shape[0], (tuple, list)):
            shape = tuple(shape[0])
        elif not shape:
            shape = tuple(kwargs.pop("shape"))
        reverse = bool(kwargs.pop("reverse", False))
        if kwargs:
            raise TypeError(
                f"Got unknown keyword arguments {', '.join(kwargs)}; accepted are 'shape', 'reverse'"
            )
        from ..ops.rules import ShapeRule

        op = find_op("Reshape").make({"shape": tuple(int(d) for d in shape), "reverse": reverse})
        rule = ShapeRule([self.shape], [None], ("data",))
        op.infer_shape(rule)
        target = rule.outs[0]
        if target is None or num_elements(target) != self.size:
            raise ValueError(f"cannot reshape array of size {self.size} into shape {tuple(shape)}")
        return self._view(target, 0)

    def expand_dims(self, axis: int, inplace: bool = False) -> NDArray:
        """View with a new axis of size 1."""
        at = axis + self.ndim + 1 if axis < 0 else axis
        if not 0 <= at <= self.ndim:
            raise MXNetError(f"expand_dims: axis {axis} is out of range for {self.ndim} axes")
        return self._view((*self.shape[:at], 1, *self.shape[at:]), 0)

    def flatten(self, inplace: bool = False) -> NDArray:
        """View of shape (first axis, rest)."""
        return self._view((self.shape[0], num_elements(self.shape[1:])), 0)

    def detach(self) -> NDArray:
        """Array over the same memory that no gradient flows through."""
        return self._view(self.shape, 0)

    def __reduce__(self) -> tuple[Any, ...]:
        return _from_pickle, (self.asnumpy(), self.context.device_type, self.context.device_id)

    # --- operators ------------------------------------------------------------------------------------------
    def __add__(self, other: Any) -> NDArray:
        return _binary(self, other, "broadcast_add", "_plus_scalar")

    __radd__ = __add__

    def __sub__(self, other: Any) -> NDArray:
        return _binary(self, other, "broadcast_sub", "_minus_scalar")

    def __rsub__(self, other: Any) -> NDArray:
        return _binary(self, other, "broadcast_sub", "_rminus_scalar", True)

    def __mul__(self, other: Any) -> NDArray:
        return _binary(self, other, "broadcast_mul", "_mul_scalar")

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> NDArray:
        return _binary(self, other, "broadcast_div", "_div_scalar")

    def __rtruediv__(self, other: Any) -> NDArray:
        return _binary(self, other, "broadcast_div", "_rdiv_scalar", True)

    def __mod__(self, other: Any) -> NDArray:
        return _binary(self, other, "broadcast_mod", "_mod_scalar")

    def __rmod__(self, other: Any) -> NDArray:
        return _binary(self, other, "broadcast_mod", "_rmod_scalar", True)

    def __pow__(self, other: Any) -> NDArray:
        return _binary(self, other, "broadcast_power", "_power_scalar")

    def __rpow__(self, other: Any) -> NDArray:
        return _binary(self, other, "broadcast_power", "_rpower_scalar", True)

    def __neg__(self) -> NDArray:
        return _op("_mul_scalar", self, scalar=-1.0)

    def __abs__(self) -> NDArray:
        return _op("abs", self)

    def __iadd__(self, other: Any) -> NDArray:
        return _binary(self, other, "broadcast_add", "_plus_scalar", out=self)

    def __isub__(self, other: Any) -> NDArray:
        return _binary(self, other, "broadcast_sub", "_minus_scalar", out=self)

    def __imul__(self, other: Any) -> NDArray:
        return _binary(self, other, "broadcast_mul", "_mul_scalar", out=self)

    def __itruediv__(self, other: Any) -> NDArray:
        return _binary(self, other, "broadcast_div", "_div_scalar", out=self)

    def __imod__(self, other: Any) -> NDArray:
        return _binary(self, other, "broadcast_mod", "_mod_scalar", out=self)

    def __eq__(self, other: Any) -> NDArray:  # type: ignore[override]
        return _binary(self, other, "broadcast_equal", "_equal_scalar")

    def __ne__(self, other: Any) -> NDArray:  # type: ignore[override]
        return _binary(self, other, "broadcast_not_equal", "_not_equal_scalar")

    def __gt__(self, other: Any) -> NDArray:
        return _binary(self, other, "broadcast_greater", "_greater_scalar")

    def __ge__(self, other: Any) -> NDArray:
        return _binary(self, other, "broadcast_greater_equal", "_greater_equal_scalar")

    def __lt__(self, other: Any) -> NDArray:
        return _binary(self, other, "broadcast_lesser", "_lesser_scalar")

    def __le__(self, other: Any) -> NDArray:
        return _binary(self, other, "broadcast_lesser_equal", "_lesser_equal_scalar")


def _numpy_key(key: Any) -> Any:
    """Index with NDArrays turned into integer arrays."""
    if isinstance(key, NDArray):
        return key.asnumpy().astype(np.int64)
    if isinstance(key, tuple):
        return tuple(_numpy_key(k) for k in key)
    if isinstance(key, list):
        return np.asarray(key)
    return key


def _from_pickle(array: np.ndarray, device_type: str, device_id: int) -> NDArray:
    context = Context(device_type, device_id)
    found: NDArray
    try:
        found = imperative.from_numpy(array, context)
    except MXNetError:
        found = imperative.from_numpy(array, current_context())
    return found


def _op(name: str, *inputs: NDArray, **params: Any) -> NDArray:
    result: NDArray = imperative.invoker.invoke(find_op(name), list(inputs), params)[0]
    return result


def _binary(
    left: NDArray, right: Any, op: str, scalar_op: str, reverse: bool = False, out: NDArray | None = None
) -> NDArray:
    target = None if out is None else [out]
    if isinstance(right, NDArray):
        if left.context != right.context:
            raise MXNetError(
                f"operator {op}: inputs on {left.context} and {right.context}; bring them to one context"
            )
        pair = [right, left] if reverse else [left, right]
        result: NDArray = imperative.invoker.invoke(find_op(op), pair, {}, target)[0]
        return result
    if isinstance(right, Number):
        result = imperative.invoker.invoke(find_op(scalar_op), [left], {"scalar": float(right)}, target)[0]
        return result
    raise TypeError(f"type {type(right)} not supported")


def waitall(arrays: Sequence[Any] = ()) -> None:
    """Wait until every device is idle."""
    from ..context import opencl_devices

    for device in opencl_devices():
        device.sync()
