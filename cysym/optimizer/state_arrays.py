"""What a file of optimizer states may call, by name: makers of arrays, numbers and bytes.

Each builder gets the arguments a pickle has for the name and makes the value itself: no function of another
package is ever called with them. Sizes are compared with the bytes there are before anything is allocated.
`states` adds optimizers and schedulers; `unpickle` is the machine that reads the file.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from .. import ndarray as nd
from ..dtypes import CODES
from ..formats import params as _params
from .unpickle import Machine, Name, Unfinished

MXNET_ARRAY: Final = ("mxnet.ndarray.ndarray", "NDArray")
HEADER: Final = struct.pack("<QQQ", _params.LIST_MAGIC, 0, 1)  # of a file with one array record
NO_NAMES: Final = struct.pack("<Q", 0)
MAX_NDIM: Final = 32


def _raw(value: Any, machine: Machine) -> Any:
    """Bytes, or the Latin-1 text Python 2 and old protocols have in their place."""
    if isinstance(value, str):
        machine.charge(len(value))
        try:
            return memoryview(value.encode("latin1"))
        except UnicodeEncodeError:
            machine.fail("a text in place of bytes")
    if not isinstance(value, memoryview):
        machine.fail(f"a {type(value).__name__} in place of bytes")
    return value


def _mxnet_array(name: Name, arguments: tuple[Any, ...], machine: Machine) -> Any:
    if arguments not in ((None,), ()):
        machine.fail("an array made of something else than None")

    def finish(state: Any) -> Any:
        record = state.get("handle") if isinstance(state, dict) else None
        if record is None:
            machine.fail("an array without content")
        record = _raw(record, machine)
        machine.charge(len(record))
        is_np_shape = bytes(record[:4]) == struct.pack("<I", _params.V3_MAGIC)
        arrays, _ = _params.loads(HEADER + bytes(record) + NO_NAMES, is_np_shape, "optimizer states")
        return _ndarray(arrays[0][0], machine)

    return Unfinished(name, finish)


def _ndarray(values: np.ndarray[Any, Any], machine: Machine) -> nd.NDArray:
    """On the CPU; updating moves it to its parameter's device."""
    if values.dtype.name not in CODES:
        machine.fail(f"an array of {values.dtype}; known are {', '.join(CODES)}")
    return nd.array(values, dtype=values.dtype)


def _dtype(name: Name, arguments: tuple[Any, ...], machine: Machine) -> Any:
    text = arguments[0] if arguments else None
    if not isinstance(text, str) or not re.fullmatch(r"[<>|=]?([biuf][1248]|f2|\?|bool)", text):
        machine.fail(f"an element type {text!r}; expected one of numbers")
    found = np.dtype(text)

    def finish(state: Any) -> Any:
        order = state[1] if isinstance(state, tuple) and len(state) >= 2 else None
        if order not in ("<", ">", "|", "="):
            machine.fail("an element type without byte order")
        if any(part is not None for part in state[2:5]):
            machine.fail("an element type with fields")
        return _DType(found.newbyteorder("=" if order == "|" else order))

    return Unfinished(name, finish)


class _DType:
    """An element type on the machine's stack: no data, but a part of an array."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype


def _values(dtype: Any, raw: Any, shape: Any, machine: Machine) -> np.ndarray[Any, Any]:
    """A copy of bytes as numbers, once their number is what shape and type need."""
    if not isinstance(dtype, _DType):
        machine.fail(f"an array with a {type(dtype).__name__} as element type")
    if not isinstance(shape, tuple) or not all(type(n) is int and 0 <= n < 2**40 for n in shape):
        machine.fail("an array without a proper shape")
    if len(shape) > MAX_NDIM:
        machine.fail(f"an array of {len(shape)} axes")
    raw = _raw(raw, machine)
    size = math.prod(shape) * dtype.dtype.itemsize
    if size != len(raw):
        machine.fail(f"an array of shape {shape} needs {size} bytes, {len(raw)} are there")
    machine.charge(size)
    return np.frombuffer(raw, dtype.dtype).astype(dtype.dtype.newbyteorder("="))


def _reconstruct(name: Name, arguments: tuple[Any, ...], machine: Machine) -> Any:
    """NumPy's array: an empty one, then version, shape, element type, order, bytes."""
    if len(arguments) != 3 or arguments[0] != Name("numpy", "ndarray"):
        machine.fail("an array of another class than numpy.ndarray")

    def finish(state: Any) -> Any:
        if not isinstance(state, tuple) or len(state) != 5:
            machine.fail("an array without content")
        _, shape, dtype, is_fortran, raw = state
        order: Any = "F" if is_fortran is True or is_fortran == 1 else "C"
        return _ndarray(_values(dtype, raw, shape, machine).reshape(shape, order=order), machine)

    return Unfinished(name, finish)


def _frombuffer(name: Name, arguments: tuple[Any, ...], machine: Machine) -> Any:
    """What NumPy pickles contiguous arrays with at protocol 5."""
    if len(arguments) != 4:
        machine.fail("an array without content")
    raw, dtype, shape, order = arguments
    kind: Any = "F" if order == "F" else "C"
    return _ndarray(_values(dtype, raw, shape, machine).reshape(shape, order=kind), machine)


def _scalar(name: Name, arguments: tuple[Any, ...], machine: Machine) -> Any:
    if len(arguments) != 2:
        machine.fail("a number without content")
    return _values(arguments[0], arguments[1], (1,), machine)[0]


def _own_array(name: Name, arguments: tuple[Any, ...], machine: Machine) -> Any:
    """What Python's pickle makes of an NDArray: its NumPy array, made into ours already, and its device."""
    if len(arguments) != 3 or not isinstance(arguments[0], nd.NDArray):
        machine.fail("an array without content")
    return arguments[0]


def _bytearray(name: Name, arguments: tuple[Any, ...], machine: Machine) -> Any:
    if arguments[1:] not in ((), ("latin-1",), ("latin1",)):
        machine.fail("bytes in another encoding than latin-1")
    return _raw(arguments[0] if arguments else memoryview(b""), machine)


def _empty(make: Callable[[], Any]) -> Any:
    def builder(name: Name, arguments: tuple[Any, ...], machine: Machine) -> Any:
        if arguments not in ((), ([],)):
            machine.fail(f"{name} made with arguments")
        return make()

    return builder


#: builder by name; NumPy's internal package has two names, "numpy." stands for both
BUILDERS: Final[dict[str, Any]] = {
    ".".join(MXNET_ARRAY): _mxnet_array,
    "cysym.ndarray.ndarray._from_pickle": _own_array,
    "numpy.multiarray._reconstruct": _reconstruct,
    "numpy.multiarray.scalar": _scalar,
    "numpy.numeric._frombuffer": _frombuffer,
    "numpy.dtype": _dtype,
    "builtins.bytearray": _bytearray,
    "__builtin__.bytearray": _bytearray,
    "_codecs.encode": _bytearray,
    "builtins.bytes": _bytearray,
    "__builtin__.bytes": _bytearray,
    "collections.OrderedDict": _empty(dict),
}
