"""The store over the devices of this process: one value a key, sums of what is pushed, an updater.

`local` keeps values and sums on the CPU, `device` where the first array pushed is. Sums run over the arrays
in the order given, element by element, so they do not depend on threads. Every call is checked as a whole
before anything changes. Symbols, modules and files of parameters are not known here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np

from .. import ndarray as nd
from .. import optimizer as opt
from ..arguments import file_name, function, options
from ..base import MXNetError, ShapeError
from ..context import cpu
from ..formats.atomic import write_atomic
from .base import KVStoreBase, check_capability

_ops: Any = nd  # operators are functions mypy does not see
Key = int | str
Updater = Callable[[Any, nd.NDArray, nd.NDArray], object]


class KVStore(KVStoreBase):
    """Key-value store of one process; made by `create`.

    Keys are all ints or all strings. Values are NDArrays of any shape and type, on any device.

    Notes
    -----
    What MXNet leaves open is an error here: a pushed or pulled array of another shape than the key's (MXNet
    replaces the value, or fills the array partly), arrays of different types in one push.
    """

    def __init__(self, handle: str = "local") -> None:
        self.handle = handle
        self._on_device = "device" in handle or handle == "nccl"
        self._values: dict[Key, nd.NDArray] = {}
        self._updater: Updater | None = None
        self._threshold: float | None = None
        # What 2-bit compression has not sent yet, for each key and position in the list of arrays.
        self._residuals: dict[tuple[Key, int], nd.NDArray] = {}

    def __repr__(self) -> str:
        return f"<KVStore {self.handle} of {len(self._values)} keys>"

    # ---- values --------------------------------------------------------------------------------------------

    def init(self, key: Any, value: Any) -> None:
        """Store first values.

        Parameters
        ----------
        key : int or str, or sequence of them
        value : NDArray, or one for each key
            Copied.

        Raises
        ------
        MXNetError
            A key has a value already, or ints and strings are mixed. No key has been added.
        """
        fresh: dict[Key, nd.NDArray] = {}
        for name, arrays in _pairs(key, value, "init"):
            self._check_kind(name, fresh)
            if name in self._values or name in fresh:
                raise MXNetError(f"duplicate init of key {name!r}: a key gets its first value once")
            if len(arrays) != 1:
                raise MXNetError(f"init of key {name!r} takes one array, got {len(arrays)}")
            fresh[name] = arrays[0]
        for name, array in fresh.items():
            self._values[name] = array.copyto(array.context if self._on_device else cpu())

    def push(self, key: Any, value: Any, priority: int = 0) -> None:
        """Sum arrays and let the updater, if there is one, change the stored value; else the sum replaces it.

        Parameters
        ----------
        key : int or str, or sequence of them
            A key named twice gets the sum of both.
        value : NDArray or list of them, or one of these for each key
            Lists hold one array a device.
        priority : int
            Without effect: calls run in the order they are made.

        Raises
        ------
        MXNetError
            A key has no value yet.
        ShapeError
            An array does not have the key's shape. Nothing has been pushed.
        """
        grouped: dict[Key, list[nd.NDArray]] = {}
        for name, arrays in _pairs(key, value, "push"):
            self._fitting(name, arrays, "pushed")
            grouped.setdefault(name, []).extend(arrays)
        for name, arrays in grouped.items():
            types = sorted({str(np.dtype(array.dtype)) for array in arrays})
            if len(types) > 1:
                raise MXNetError(f"the arrays pushed for key {name!r} have different types: {types}")
        for name, arrays in grouped.items():
            total = self._sum(name, arrays)
            if self._updater is None:
                # The caller may go on writing into what he pushed.
                self._values[name] = total.copy() if any(total is array for array in arrays) else total
                continue
            if self._on_device:
                self._values[name] = self._values[name].as_in_context(total.context)
            self._updater(name, total, self._values[name])

    def pull(self, key: Any, out: Any = None, priority: int = 0, ignore_sparse: bool = True) -> None:
        """Copy stored values into arrays, converting types.

        Parameters
        ----------
        key : int or str, or sequence of them
        out : NDArray or list of them, or one of these for each key
            On any devices.
        priority : int
            Without effect.
        ignore_sparse : bool
            Without effect: all values are dense.

        Raises
        ------
        MXNetError
            A key has no value yet.
        ShapeError
            An array does not have the key's shape. Nothing has been written.
        """
        if out is None:
            raise TypeError("pull needs out=, the arrays to write to")
        pairs = _pairs(key, out, "pull")
        for name, arrays in pairs:
            self._fitting(name, arrays, "to pull into")
        for name, arrays in pairs:
            for array in arrays:
                self._values[name].copyto(array)

    def pushpull(self, key: Any, value: Any, out: Any = None, priority: int = 0) -> None:
        """`push`, then `pull` into `out`, or back into `value` where `out` is None."""
        for name, arrays in _pairs(key, value if out is None else out, "pushpull"):
            self._fitting(name, arrays, "to pull into")
        self.push(key, value, priority)
        self.pull(key, value if out is None else out, priority)

    def broadcast(self, key: Any, value: Any, out: Any, priority: int = 0) -> None:
        """`init`, then `pull` into `out`."""
        given = {name: arrays[0].shape for name, arrays in _pairs(key, value, "broadcast") if arrays}
        for name, arrays in _pairs(key, out, "broadcast"):
            if not arrays:
                raise ValueError(f"key {name!r}: the list of arrays to pull into is empty")
            for array in arrays:
                if array.shape != given.get(name, array.shape):
                    raise ShapeError(
                        f"key {name!r} has shape {given[name]}, an array to pull into has {array.shape}"
                    )
        self.init(key, value)
        self.pull(key, out, priority)

    def row_sparse_pull(self, key: Any, out: Any = None, priority: int = 0, row_ids: Any = None) -> NoReturn:
        """Not available: there are no sparse arrays. Use `pull`."""
        raise NotImplementedError(
            f"row_sparse_pull of key {key!r}: cysym has no row_sparse arrays; pull the whole value with "
            "kv.pull(key, out=...) and take rows with mx.nd.take(value, row_ids)"
        )

    def _sum(self, name: Key, arrays: Sequence[nd.NDArray]) -> nd.NDArray:
        context = arrays[0].context if self._on_device else cpu()
        if self._threshold is not None:
            arrays = [self._compressed(name, i, array) for i, array in enumerate(arrays)]
        here = [array.as_in_context(context) for array in arrays]
        return here[0] if len(here) == 1 else _ops.add_n(*here)

    def _fitting(self, name: Key, arrays: Sequence[nd.NDArray], what: str) -> None:
        self._check_kind(name, self._values)
        if name not in self._values:
            raise MXNetError(f"key {name!r} has no value; call init or broadcast first")
        if not arrays:
            raise ValueError(f"key {name!r}: the list of arrays {what} is empty")
        shape = self._values[name].shape
        for i, array in enumerate(arrays):
            if array.shape != shape:
                raise ShapeError(f"key {name!r} has shape {shape}, array {i} {what} has {array.shape}")

    def _check_kind(self, name: Key, others: Mapping[Key, Any]) -> None:
        for known in (self._values, others):
            first = next(iter(known), name)
            if isinstance(first, str) != isinstance(name, str):
                raise MXNetError(
                    f"mixed key types: the store has {type(first).__name__} keys such as {first!r}, "
                    f"got {name!r}"
                )

    # ---- compression ---------------------------------------------------------------------------------------

    def set_gradient_compression(self, compression_params: Mapping[str, Any]) -> None:
        """Push gradients in 2 bits: each element as -threshold, 0 or +threshold; the rest waits for later.

        Parameters
        ----------
        compression_params : dict
            ``{"type": "2bit", "threshold": 0.5}``; the threshold is positive.

        Raises
        ------
        MXNetError
            The store is not of a device kind, or the parameters are wrong.

        Notes
        -----
        With residual r (0 at first) and gradient g: r += g; q = t if r >= t, -t if r <= -t, else 0; r -= q.
        Sums are made of q. (MXNet: GradientCompression)
        """
        if not self._on_device:
            raise MXNetError(
                f"gradient compression is not supported for kvstore {self.handle!r}; use 'device'"
            )
        params = options(compression_params, "compression_params")
        kind = params.pop("type", None)
        if kind != "2bit":
            raise MXNetError(f"gradient compression: compression_params must have type '2bit', got {kind!r}")
        given = params.pop("threshold", 0.5)
        if params:
            raise MXNetError(
                f"gradient compression: unknown parameter {sorted(params)[0]!r}; known are type and threshold"
            )
        try:
            threshold = float(given)
        except (TypeError, ValueError, OverflowError):
            threshold = math.nan
        if not (threshold > 0 and math.isfinite(threshold)):
            raise MXNetError(
                f"gradient compression: threshold must be a number greater than 0, got {given!r}"
            )
        self._threshold = threshold

    def _compressed(self, name: Key, position: int, array: nd.NDArray) -> nd.NDArray:
        if np.dtype(array.dtype).kind != "f":
            raise MXNetError(
                f"gradient compression of key {name!r} needs floating-point arrays, got {array.dtype}"
            )
        t = self._threshold
        assert t is not None
        before = self._residuals.get((name, position))
        total = array if before is None else before.as_in_context(array.context) + array
        sent = ((total >= t) - (total <= -t)) * t
        self._residuals[name, position] = total - sent
        return sent

    # ---- updating ------------------------------------------------------------------------------------------

    def set_optimizer(self, optimizer: opt.Optimizer) -> None:
        """From now on `push` hands gradients to this optimizer, which changes the stored values."""
        if not isinstance(optimizer, opt.Optimizer):
            raise TypeError(f"set_optimizer takes an Optimizer, got {type(optimizer).__name__}")
        self._set_updater(opt.get_updater(optimizer))

    def _set_updater(self, updater: Updater) -> None:
        """From now on `push` calls ``updater(key, sum, stored)``, which changes `stored` in place.

        Keys arrive as they were given; MXNet turns strings into bytes on their way to such a function.
        """
        self._updater = function(updater, "updater", optional=True)

    set_updater = _set_updater

    def is_capable(self, capability: str) -> bool:
        """True for ``"optimizer"``: the store can update parameters."""
        return check_capability(capability)

    def save_optimizer_states(self, fname: str, dump_optimizer: bool = False) -> None:
        """Write the optimizer's states, and with `dump_optimizer` the optimizer too, replacing the file."""
        write_atomic(fname, self._states("save_optimizer_states").get_states(dump_optimizer))

    def load_optimizer_states(self, fname: str) -> None:
        """Take over states written by `save_optimizer_states`, here or in MXNet."""
        updater = self._states("load_optimizer_states")
        with open(file_name(fname), "rb") as stream:
            updater.set_states(stream.read())

    def _states(self, action: str) -> Any:
        if not (hasattr(self._updater, "get_states") and hasattr(self._updater, "set_states")):
            raise MXNetError(f"{action}: the kvstore has no optimizer; call set_optimizer first")
        return self._updater

    # ---- workers -------------------------------------------------------------------------------------------

    @property
    def type(self) -> str:
        """The name the store was made by, in lower case."""
        return self.handle

    @property
    def rank(self) -> int:
        """0: there is one worker."""
        return 0

    @property
    def num_workers(self) -> int:
        """1: this process."""
        return 1

    def _barrier(self) -> None:
        """Wait for the other workers, of which there are none."""

    barrier = _barrier


def _pairs(key: Any, value: Any, action: str) -> list[tuple[Key, list[nd.NDArray]]]:
    """Keys with their arrays, in the order given; a nested list of keys is one longer list."""
    if isinstance(key, list | tuple):
        if not isinstance(value, list | tuple) or len(key) != len(value):
            got = f"{len(value)} values" if isinstance(value, list | tuple) else type(value).__name__
            raise ValueError(f"{action} of {len(key)} keys needs as many values, got {got}")
        pairs = [pair for k, v in zip(key, value, strict=True) for pair in _pairs(k, v, action)]
        if len({isinstance(k, str) for k, _ in pairs}) > 1:
            raise MXNetError(f"{action}: mixed key types, int and str, in {list(key)!r}")
        return pairs
    if isinstance(key, bool) or not isinstance(key, int | str | np.integer):
        raise TypeError(f"{action}: a key must be an int or a str, got {key!r} of {type(key).__name__}")
    arrays = list(value) if isinstance(value, list | tuple) else [value]
    for array in arrays:
        if not isinstance(array, nd.NDArray):
            raise TypeError(f"{action} of key {key!r} takes NDArrays, got {type(array).__name__}")
    return [(key if isinstance(key, str) else int(key), arrays)]
