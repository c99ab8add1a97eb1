"""The interface of key-value stores, their registry, and `create`.

A store of one's own derives from KVStoreBase, is registered by class name and found by `create` before the
built-in one is. Nothing here holds values.
"""

from __future__ import annotations

import builtins
import warnings
from typing import Any, ClassVar, NoReturn

from .. import ndarray as nd
from ..arguments import text
from ..base import MXNetError
from ..suggest import did_you_mean

_STORES = (
    "local", "device", "nccl", "local_update_cpu", "local_allreduce_cpu", "local_allreduce_device",
)  # fmt: skip
_ops: Any = nd  # operators are functions mypy does not see


class KVStoreBase:
    """What data-parallel training needs of a store; subclass and `register` it.

    Module and FeedForward call `broadcast` once for every parameter and `pushpull` once for every update.

    Examples
    --------
    >>> import cysym as mx
    >>> @mx.kvstore.KVStoreBase.register
    ... class Silent(mx.kvstore.KVStoreBase):
    ...     def is_capable(self, capability):
    ...         return False
    >>> type(mx.kv.create("silent")).__name__
    'Silent'
    """

    OPTIMIZER = "optimizer"
    kv_registry: ClassVar[dict[str, builtins.type[Any]]] = {}

    def broadcast(self, key: Any, value: Any, out: Any, priority: int = 0) -> None:
        """Store `value` under `key` and write it to every array of `out`."""
        self._absent("broadcast")

    def pushpull(self, key: Any, value: Any, out: Any = None, priority: int = 0) -> None:
        """Sum the arrays of `value` over the devices and write the result to `out`, or back to `value`."""
        self._absent("pushpull")

    def set_optimizer(self, optimizer: Any) -> None:
        """Update the stored values with this optimizer."""
        self._absent("set_optimizer")

    def is_capable(self, capability: str) -> bool:
        """Whether the store can do this; ``"optimizer"`` asks whether it can update parameters itself."""
        self._absent("is_capable")

    def save_optimizer_states(self, fname: str, dump_optimizer: bool = False) -> None:
        """Write the optimizer's states to a file."""
        self._absent("save_optimizer_states")

    def load_optimizer_states(self, fname: str) -> None:
        """Read the optimizer's states from a file."""
        self._absent("load_optimizer_states")

    @property
    def type(self) -> str:
        """The name the store was made by."""
        self._absent("type")

    @property
    def rank(self) -> int:
        """Which of the workers this process is."""
        self._absent("rank")

    @property
    def num_workers(self) -> int:
        """How many processes train together."""
        self._absent("num_workers")

    def _absent(self, name: str) -> NoReturn:
        raise NotImplementedError(f"the key-value store {type(self).__name__} does not define {name}")

    @staticmethod
    def register(klass: builtins.type[Any]) -> builtins.type[Any]:
        """Class decorator: let `create` find the class by its name, in any case of letters.

        A name already taken is overridden with a warning.
        """
        if not isinstance(klass, type):
            raise TypeError(f"register takes a class, got {klass!r}")
        name = klass.__name__.lower()
        previous = KVStoreBase.kv_registry.get(name)
        if previous is not None and previous is not klass:
            warnings.warn(
                f"new kvstore {klass.__module__}.{klass.__name__} overrides the existing kvstore "
                f"{previous.__module__}.{previous.__name__}",
                stacklevel=2,
            )
        KVStoreBase.kv_registry[name] = klass
        return klass


@KVStoreBase.register
class TestStore(KVStoreBase):
    """The smallest store that trains: it sums on the first array's device and keeps nothing."""

    __test__ = False  # pytest would take the name for a test's

    def broadcast(self, key: Any, value: Any, out: Any, priority: int = 0) -> None:
        """Write `value` to every array of `out`."""
        for target in _as_list(out):
            value.copyto(target)

    def pushpull(self, key: Any, value: Any, out: Any = None, priority: int = 0) -> None:
        """Write the sum of `value` to `out`, or back to `value`."""
        values = _as_list(value)
        total = _ops.add_n(*[array.as_in_context(values[0].context) for array in values])
        for target in values if out is None else _as_list(out):
            total.copyto(target)

    @staticmethod
    def is_capable(capability: str) -> bool:
        """It cannot update parameters."""
        return check_capability(capability) and False

    @property
    def type(self) -> str:
        """``teststore``."""
        return "teststore"

    @property
    def rank(self) -> int:
        """0: there is one worker."""
        return 0

    @property
    def num_workers(self) -> int:
        """1: this process."""
        return 1


def check_capability(capability: str) -> bool:
    """True for the one capability that can be asked about; ValueError for any other."""
    if text(capability, "capability").lower() != KVStoreBase.OPTIMIZER:
        raise ValueError(f"Unknown capability: {capability}; known is {KVStoreBase.OPTIMIZER!r}")
    return True


def create(name: str = "local") -> KVStoreBase:
    """Make a key-value store.

    Parameters
    ----------
    name : str
        ``local`` sums gradients and updates parameters on the CPU, ``device`` (and every name with "device"
        in it, and ``nccl``) on the device of the first array pushed. A registered class is found by its name.
        Any other name acts as ``local``, as in MXNet.

    Raises
    ------
    TypeError
        `name` is no text.
    MXNetError
        The name asks for several processes (``dist_sync``, ``horovod`` ...), which cysym cannot train with.

    Examples
    --------
    >>> import cysym as mx
    >>> kv = mx.kv.create("local")
    >>> kv.init("w", mx.nd.zeros((2,)))
    >>> kv.push("w", [mx.nd.ones((2,)), mx.nd.ones((2,))])
    >>> out = mx.nd.zeros((2,))
    >>> kv.pull("w", out=out)
    >>> out.asnumpy().tolist()
    [2.0, 2.0]
    """
    if not isinstance(name, str):
        raise TypeError(f"the name of a kvstore must be a string, got {type(name).__name__}")
    name = name.lower()
    if name in KVStoreBase.kv_registry:
        store: KVStoreBase = KVStoreBase.kv_registry[name]()
        return store
    if "dist" in name or name in ("horovod", "byteps", "p3"):
        raise MXNetError(
            f"kvstore {name!r}: training over several processes or machines is not available; use 'local' or "
            "'device', which train on all devices of this process"
        )
    from .kvstore import KVStore

    if name not in _STORES and (hint := did_you_mean(name, _STORES)):
        warnings.warn(f"kvstore {name!r} acts as 'local'{hint}", stacklevel=2)
    return KVStore(name)


def _as_list(arrays: Any) -> list[Any]:
    return list(arrays) if isinstance(arrays, list | tuple) else [arrays]
