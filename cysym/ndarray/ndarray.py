"""`NDArray`: a dense array on one device, always row-major, sharing memory with its views along axis 0.

Operators run at once through the same registry, kernels and lowering as Symbols, one cached call at a time.
"""

from __future__ import annotations

import operator
import struct
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .. import absent, util
from .._core import ArrayBase, array_over
from ..base import DeviceError, MXNetError, pickled
from ..context import Context, current_context
from ..dtypes import NAMES, SIZES, TYPES, dtype_code
from ..formats import params
from ..ops.rules import ShapeRule
from ..ops.schema import find_op
from ..passes.ir import num_elements
from . import imperative, tape
from .access import getitem, host_view, on_host, setitem
from .exchange import export, to_dlpack

Number = (int, float, np.integer, np.floating, np.bool_)


class NDArray(ArrayBase):
    """Array of numbers on a device. Make one with `mx.nd.array`, `zeros`, ... ."""

    __slots__ = ()
    __array_priority__ = 1000.0
    __array_ufunc__ = None  # NumPy's scalars and arrays leave operators with an NDArray to the NDArray

    def __init__(
        self,
        storage: Any,
        offset: int = 0,
        shape: tuple[int, ...] = (0,),
        dtype: int = 0,
        context: Context | None = None,
    ) -> None:
        # Pickles that MXNet wrote call NDArray(None), then __setstate__.
        super().__init__(storage, offset, shape, dtype, context or current_context())

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

    handle = absent.member("ndarray.NDArray.handle")

    @property
    def stype(self) -> str:
        """Always 'default': arrays are dense."""
        return "default"

    @property
    def T(self) -> NDArray:
        """Copy with the axes reversed."""
        return _op("transpose", self)

    @property
    def writable(self) -> bool:
        """Always True."""
        return True

    @property
    def nbytes(self) -> int:
        return self.size * SIZES[self.spec[1]]

    @property
    def grad(self) -> NDArray | None:
        """Array over the memory where `backward` puts the gradient; None unless `attach_grad` made this a
        variable."""
        entry = tape.entry_of(self)
        found: NDArray | None = None if entry is None else entry[0].grad  # type: ignore[attr-defined]
        return None if found is None else tape.bare(found)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a scalar array")
        return int(self.shape[0])

    def __repr__(self) -> str:
        shape = "x".join(str(d) for d in self.shape)
        return f"\n{self.asnumpy()!s}\n<NDArray {shape} @{self.context}>"

    def _repr_html_(self) -> str:
        """Table of the values for notebooks, long axes cut in the middle."""
        from ..drawing.notebook import array_html

        return array_html(self)

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
        if on_host(self):
            return host_view(self).copy()
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
        """For NumPy: the memory itself where it is the host's and `copy` is not True, else a copy.

        Raises
        ------
        ValueError
            With ``copy=False`` where a copy is needed: on another device, or for another element type.
        """
        wanted = np.dtype(self.dtype if dtype is None else dtype)
        if copy or not on_host(self):
            if copy is False:
                raise ValueError(f"an array on {self.context} cannot be seen as a NumPy array without a copy")
            return self.asnumpy().astype(wanted, copy=False)
        if copy is False and wanted != self.dtype:
            raise ValueError(f"{np.dtype(self.dtype)} cannot be seen as {wanted} without a copy")
        return np.asarray(memoryview(self)).astype(wanted, copy=False)

    def __float__(self) -> float:
        raise TypeError("an NDArray is no number; use asscalar()")

    def __int__(self) -> int:
        raise TypeError("an NDArray is no number; use asscalar()")

    def __dlpack__(
        self, *, stream: Any = None, max_version: Any = None, dl_device: Any = None, copy: bool | None = None
    ) -> Any:
        """Capsule over the array's memory for `from_dlpack` of NumPy, PyTorch, ...: no copy, on the CPU only.

        Raises
        ------
        BufferError
            The array is not in host memory, or another device or a stream is asked for.
        """
        return export(self, stream, max_version, dl_device, copy)

    def __dlpack_device__(self) -> tuple[int, int]:
        """(DLPack device type, number): (1, 0) for host memory, (4, i) for the i-th OpenCL device."""
        return (1, 0) if on_host(self) else (4, self.context.device_id)

    def to_dlpack_for_read(self) -> Any:
        """DLPack capsule over the array's memory, complete when this returns."""
        return to_dlpack(self, False)

    to_dlpack_for_write = to_dlpack_for_read

    # --- indexing -------------------------------------------------------------------------------------------
    def _view(self, shape: tuple[int, ...], skip: int) -> NDArray:
        """Array over the same memory, `skip` elements in."""
        _, code, context = self.spec
        return array_over(NDArray, self.storage, self.offset + skip * SIZES[code], (shape, code, context))

    def __getitem__(self, key: Any) -> NDArray:
        """Part of the array by NumPy's rules: ints, slices, None, Ellipsis, index arrays, bool masks.

        A view (writes go through) where the part lies without gaps, as rows and runs of rows do; else a copy
        on the same device. A mask of 0.0 and 1.0, as comparisons give, is an array of *indices* 0 and 1, as
        in MXNet. A single element has shape (1,), under `np_shape` ().
        """
        return getitem(self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        """Write a number, an array-like or an NDArray into a part, broadcasting and casting."""
        if tape.is_recording() and tape.assign(self, key, value):
            return
        setitem(self, key, value)

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
            return tape.record_copy(self, tape.bare(self).copyto(made))
        if not isinstance(other, NDArray):
            raise TypeError(f"copyto does not support type {type(other)}")
        if other is self:
            return other
        tape.refuse_write(other)
        if other.shape != self.shape:
            raise ValueError(f"copyto: shape {self.shape} does not fit the target's {other.shape}")
        source = self
        if other.spec[1] != self.spec[1]:
            source = _op("cast", tape.bare(self), dtype=NAMES[other.spec[1]])
        n = self.nbytes if source is self else source.nbytes
        if n == 0:
            return tape.record_copy(self, other)
        here, there = source.context.device, other.context.device
        if here is there or here.kind == there.kind == "cpu":
            there.copy(other.storage, other.offset, source.storage, source.offset, n)
        else:
            staging = bytearray(n)
            here.read(source.storage, source.offset, n, staging)
            there.write(other.storage, other.offset, staging)
        return tape.record_copy(self, other)

    def copy(self) -> NDArray:
        """Copy on the same device."""
        return self.copyto(self.context)

    def as_in_context(self, context: Context) -> NDArray:
        """This array if it is there already, else a copy."""
        return self if context == self.context else self.copyto(context)

    as_in_ctx = as_in_context

    def astype(self, dtype: Any, copy: bool = True) -> NDArray:
        """Array of another element type; with ``copy=False`` this array where it has that type already."""
        code = dtype_code(np.float32 if dtype is None else dtype)
        if code == self.spec[1]:
            return self.copy() if copy else self
        return _op("cast", self, dtype=NAMES[code])

    def reshape(self, *shape: Any, **kwargs: Any) -> NDArray:
        """View with another shape of the same size; special codes 0 -1 -2 -3 -4 as in operator `reshape`.

        ``a.reshape(2, 3)``, ``a.reshape((2, 3))`` or ``a.reshape(shape=(2, 3))``; ``reverse=True`` reads the
        codes from the right.
        """
        if len(shape) == 1 and isinstance(shape[0], (tuple, list)):
            shape = tuple(shape[0])
        elif not shape:
            given = kwargs.pop("shape", None)
            if given is None:
                raise TypeError("reshape: a shape must be provided")
            shape = (given,) if isinstance(given, (int, np.integer)) else tuple(given)
        reverse = bool(kwargs.pop("reverse", False))
        if kwargs:
            raise TypeError(
                f"Got unknown keyword arguments {', '.join(kwargs)}; accepted are 'shape', 'reverse'"
            )
        if not shape and not reverse and self.size == 1 and util.is_np_shape():
            return self._reshaped(())
        op = find_op("Reshape").make({"shape": tuple(operator.index(d) for d in shape), "reverse": reverse})
        rule = ShapeRule([self.shape], [None], ("data",))
        op.infer_shape(rule)
        target = rule.outs[0]
        if target is None or num_elements(target) != self.size:
            raise ValueError(f"cannot reshape array of size {self.size} into shape {tuple(shape)}")
        return self._reshaped(target)

    def _reshaped(self, shape: tuple[int, ...]) -> NDArray:
        return tape.record_view("Reshape", self, self._view(shape, 0), shape=shape)

    def expand_dims(self, axis: int, inplace: bool = False) -> NDArray:
        """Copy, or view where `inplace`, with a new axis of size 1 at `axis`."""
        if not inplace:
            return _op("expand_dims", self, axis=axis)
        at = axis + self.ndim + 1 if axis < 0 else axis
        if not 0 <= at <= self.ndim:
            raise MXNetError(f"expand_dims: axis {axis} is out of range for {self.ndim} axes")
        return self._reshaped((*self.shape[:at], 1, *self.shape[at:]))

    def flatten(self, inplace: bool = False) -> NDArray:
        """Copy, or view where `inplace`, of shape (first axis, rest)."""
        if not inplace:
            return _op("Flatten", self)
        return self._reshaped((self.shape[0], num_elements(self.shape[1:])))

    def squeeze(self, axis: int | Sequence[int] | None = None, inplace: bool = False) -> NDArray:
        """Copy, or view where `inplace`, without axes of size 1: all of them, or those given."""
        params = {} if axis is None else {"axis": axis}
        if not inplace:
            return _op("squeeze", self, **params)
        rule = ShapeRule([self.shape], [None], ("data",))
        find_op("squeeze").make(params).infer_shape(rule)
        shape = rule.outs[0]
        assert shape is not None
        return self._reshaped(shape)

    def broadcast_to(self, shape: int | Sequence[int]) -> NDArray:
        """Copy stretched to `shape`, which may have more axes in front; a 0 keeps this array's size."""
        target = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
        missing = len(target) - self.ndim
        source = self._reshaped((1,) * missing + self.shape) if missing > 0 else self
        return _op("broadcast_to", source, shape=target)

    def broadcast_like(self, other: NDArray, **kwargs: Any) -> NDArray:
        """Copy stretched to the shape of `other`; ``lhs_axes`` and ``rhs_axes`` name the axes meant."""
        return _op("broadcast_like", self, other, **kwargs)

    def slice_assign(self, rhs: NDArray, begin: Any, end: Any, step: Any) -> NDArray:
        """Write `rhs` into the elements from `begin` to below `end` in steps of `step`, axis by axis; returns
        this array."""
        from . import _internal

        return _internal._slice_assign(self, rhs, begin=begin, end=end, step=step, out=self)  # type: ignore[no-any-return]

    def slice_assign_scalar(self, value: float, begin: Any, end: Any, step: Any) -> NDArray:
        """Write `value` into the elements from `begin` to below `end` in steps of `step`, axis by axis;
        returns this array."""
        from . import _internal

        where = {"begin": begin, "end": end, "step": step}
        return _internal._slice_assign_scalar(self, scalar=value, **where, out=self)  # type: ignore[no-any-return]

    def tostype(self, stype: str) -> NDArray:
        """The array itself: all arrays are dense ('default')."""
        if stype != "default":
            raise MXNetError(f"tostype: storage type {stype!r} is not supported; arrays are dense")
        return self

    def as_nd_ndarray(self) -> NDArray:
        """The array itself."""
        return self

    def as_np_ndarray(self) -> NDArray:
        """Not supported: there is no `mx.np`."""
        raise MXNetError("as_np_ndarray: there is no mx.np here; use asnumpy() or the operators of mx.nd")

    # --- gradients ------------------------------------------------------------------------------------------
    def attach_grad(self, grad_req: str = "write", stype: str | None = None) -> None:
        """Make this array a variable: `autograd` computes its gradient into `grad`, zeros at first.

        Parameters
        ----------
        grad_req
            ``"write"`` overwrites `grad` with every backward, ``"add"`` adds to it, ``"null"`` leaves it.
        stype
            None or "default": gradients are dense.
        """
        from .. import autograd

        if stype not in (None, "default"):
            raise MXNetError(f"attach_grad: stype={stype!r} is not supported; gradients are dense")
        grad = imperative.empty(self.shape, self.context, self.spec[1], zero=True)
        autograd.mark_variables([self], [grad], grad_req)

    def detach(self) -> NDArray:
        """Array over the same memory that no gradient flows through."""
        return self._view(self.shape, 0)

    def backward(
        self, out_grad: NDArray | None = None, retain_graph: bool = False, train_mode: bool = True
    ) -> None:
        """Compute the gradients of this array by the variables it was recorded from.

        Parameters
        ----------
        out_grad
            Gradient of this array; default ones.
        retain_graph
            Keep the recorded graph for another backward.
        train_mode
            Training behaviour of operators that have one.
        """
        from .. import autograd

        autograd.backward([self], [out_grad], retain_graph, train_mode)

    def __copy__(self) -> NDArray:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> NDArray:
        return self.copy()

    def __reduce__(self) -> tuple[Any, ...]:
        return _from_pickle, (self.asnumpy(), self.context.device_type, self.context.device_id)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over the content of a pickle that MXNet wrote."""
        found = _from_record(pickled(state, "handle", (bytes, bytearray, str), "an NDArray"))
        super().__init__(found.storage, found.offset, *found.spec)

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


def _from_pickle(array: np.ndarray, device_type: str, device_id: int) -> NDArray:
    context = Context(device_type, device_id)
    found: NDArray
    try:
        found = imperative.from_numpy(array, context)
    except DeviceError as error:
        warnings.warn(
            f"the array was pickled on {context}, now it is on {current_context()}: {error}", stacklevel=2
        )
        found = imperative.from_numpy(array, current_context())
    return found


def _from_record(record: bytes | str) -> NDArray:
    """Array from the record in a pickle of MXNet's: that of an NDArray file, or Latin-1 text of it."""
    raw = record.encode("latin1") if isinstance(record, str) else bytes(record)
    is_np_shape = raw[:4] == struct.pack("<I", params.V3_MAGIC)
    whole = struct.pack("<QQQ", params.LIST_MAGIC, 0, 1) + raw + struct.pack("<Q", 0)
    ((values, type_id, device_id),), _ = params.loads(whole, is_np_shape, "the pickle of an NDArray")
    return _from_pickle(values, Context.devtype2str.get(type_id, "cpu"), device_id)


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
    from ..context import opencl_devices_listed

    for device in opencl_devices_listed():
        device.sync()
