"""The bytes of optimizer states: a pickle, written plainly and read without trust.

`dumps` writes dicts, tuples, numbers and arrays (as NumPy arrays that come back as NDArrays). `loads` builds
nothing but those and optimizers of the registry, so a file from elsewhere can run no code; it also reads what
MXNet 1.x wrote. The Updater decides what the content means.
"""

from __future__ import annotations

import io
import pickle
import struct
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from .. import ndarray as nd
from ..base import FormatError
from ..lr_scheduler import LRScheduler
from .optimizer import Optimizer

T = TypeVar("T")

_LIST_MAGIC = 0x112


def restore_ndarray(values: np.ndarray[Any, Any]) -> nd.NDArray:
    """The NDArray of a pickled state, on the CPU; updating moves it to its parameter's device."""
    return nd.array(values, dtype=values.dtype)


def restore_optimizer(name: str, attributes: dict[str, Any]) -> Optimizer:
    """The optimizer registered under `name`, with these attributes."""
    klass = Optimizer.opt_registry.get(name)
    if klass is None:
        raise FormatError(f"optimizer states need the optimizer {name}, which is not registered")
    return _with_attributes(klass, attributes)


def restore_scheduler(name: str, attributes: dict[str, Any]) -> LRScheduler:
    """The scheduler whose class is called `name`, among all that are defined, with these attributes."""
    classes: list[type[LRScheduler]] = [LRScheduler]
    for klass in classes:
        if klass.__name__ == name:
            return _with_attributes(klass, attributes)
        classes.extend(klass.__subclasses__())
    raise FormatError(f"optimizer states need the learning rate scheduler {name}, which is not defined")


def _with_attributes(klass: type[T], attributes: dict[str, Any]) -> T:
    instance = klass.__new__(klass)
    instance.__dict__.update(attributes)
    return instance


class _Pickler(pickle.Pickler):
    """Writes arrays, optimizers and schedulers through the functions above, so that a file never names a
    class of ours."""

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, nd.NDArray):
            return restore_ndarray, (obj.asnumpy(),)
        if isinstance(obj, Optimizer):
            # param_dict points at live parameters of a model, which no file should hold.
            return restore_optimizer, (type(obj).__name__.lower(), {**obj.__dict__, "param_dict": {}})
        if isinstance(obj, LRScheduler):
            return restore_scheduler, (type(obj).__name__, obj.__dict__)
        return NotImplemented


class _MXNetArray:
    """An array in a file MXNet wrote: NDArray(None) with one binary array record as state."""

    record: bytes = b""

    def __setstate__(self, state: Any) -> None:
        record = state.get("handle") if isinstance(state, dict) else None
        if not isinstance(record, bytes | bytearray):
            raise FormatError("optimizer states: an array without content")
        self.record = bytes(record)

    def decode(self) -> nd.NDArray:
        # The record is one entry of an NDArray list file: header, count 1, record, no names.
        framed = struct.pack("<QQQ", _LIST_MAGIC, 0, 1) + self.record + struct.pack("<Q", 0)
        array: nd.NDArray = nd.load_frombuffer(framed)[0]
        return array


def _mxnet_array(handle: Any) -> _MXNetArray:
    if handle is not None:
        raise FormatError(f"optimizer states: an array with handle {handle!r} instead of None")
    return _MXNetArray()


def _allowed() -> dict[tuple[str, str], Any]:
    """Everything a states file may name: functions and immutable types only, as a pickle may set
    attributes."""
    multiarray = np.zeros(0).__reduce__()[0]
    scalar = np.float64(0).__reduce__()[0]
    table: dict[tuple[str, str], Any] = {
        ("builtins", "bytearray"): bytearray,
        ("collections", "OrderedDict"): dict,
        ("_codecs", "encode"): _encode_latin1,
        (__name__, "restore_ndarray"): restore_ndarray,
        (__name__, "restore_optimizer"): restore_optimizer,
        (__name__, "restore_scheduler"): restore_scheduler,
        ("mxnet.ndarray.ndarray", "NDArray"): _mxnet_array,
        ("numpy", "dtype"): np.dtype,
        ("numpy", "ndarray"): np.ndarray,
    }
    for package in ("numpy.core", "numpy._core"):
        table[f"{package}.multiarray", "_reconstruct"] = multiarray
        table[f"{package}.multiarray", "scalar"] = scalar
        table[f"{package}.numeric", "_frombuffer"] = _frombuffer
    for kind in np.ScalarType:
        if issubclass(kind, np.number | np.bool_):
            table["numpy", kind.__name__] = kind
    return table


def _frombuffer(buffer: Any, dtype: Any, shape: Any, order: str) -> np.ndarray[Any, Any]:
    """What NumPy pickles contiguous arrays with at protocol 5."""
    return np.frombuffer(buffer, dtype=dtype).reshape(shape, order="F" if order == "F" else "C")


def _encode_latin1(text: str, encoding: str) -> bytes:
    """What Python 2 style pickles wrap bytes in."""
    if encoding != "latin1":
        raise FormatError(f"optimizer states: bytes in encoding {encoding!r}")
    return text.encode("latin1")


class _Unpickler(pickle.Unpickler):
    def __init__(self, stream: io.BytesIO) -> None:
        super().__init__(stream)
        self._table = _allowed()

    def find_class(self, module: str, name: str) -> Any:
        found = self._table.get((module, name))
        if found is None:
            raise FormatError(
                f"optimizer states name {module}.{name}, which is no number, array, or known optimizer"
            )
        return found

    def persistent_load(self, pid: Any) -> Any:
        raise FormatError("optimizer states refer to something outside the file")


def dumps(content: Any) -> bytes:
    """Pickle states (protocol 4, readable by any pickle of a Python with this package)."""
    stream = io.BytesIO()
    _Pickler(stream, protocol=4).dump(content)
    return stream.getvalue()


def loads(data: bytes) -> Any:
    """Read what `dumps` or MXNet wrote.

    Raises
    ------
    FormatError
        The bytes are damaged, or would build anything but plain data, arrays and registered optimizers.
    """
    try:
        return _converted(_Unpickler(io.BytesIO(data)).load())
    except FormatError:
        raise
    except Exception as error:
        # A damaged pickle fails in every way the virtual machine behind it can.
        raise FormatError(f"cannot read optimizer states: {type(error).__name__}: {error}") from error


def _converted(value: Any) -> Any:
    """The same structure with MXNet's and NumPy's arrays replaced by NDArrays."""
    if isinstance(value, dict):
        return {key: _converted(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        rebuild: Callable[[Any], Any] = type(value)
        return rebuild([_converted(item) for item in value])
    if isinstance(value, _MXNetArray):
        return value.decode()
    if isinstance(value, np.ndarray):
        return restore_ndarray(value)
    return value
