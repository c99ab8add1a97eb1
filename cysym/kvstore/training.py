"""What training loops do with a store: choose one, give it the parameters, update them through it.

The functions carry MXNet's names and arguments because programs of their own import them from `model`. They
take lists of arrays, one a device, and know neither symbols nor executors.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .. import ndarray as nd
from .base import KVStoreBase, create

Arrays = Sequence[Sequence[Any]]
# A store on the CPU is no place to update parameters this big: they would cross to the devices at each step.
BIG_PARAMETER = 16 * 1024 * 1024


def create_kvstore(
    kvstore: KVStoreBase | str | None, num_device: int, arg_params: Mapping[str, nd.NDArray]
) -> tuple[KVStoreBase | None, bool]:
    """The store to train with, None if none is needed, and whether it updates the parameters itself.

    Parameters
    ----------
    kvstore : KVStoreBase, str or None
        One device needs no store by name; a store given as an object is used in any case.
    num_device : int
    arg_params : dict of str to NDArray
        ``local`` leaves updates to the devices where one of these has more than 16 Mi elements.

    Notes
    -----
    The environment variable ``MXNET_UPDATE_ON_KVSTORE=0`` leaves all updates to the devices.
    """
    if kvstore is None:
        return None, False
    on_store = os.environ.get("MXNET_UPDATE_ON_KVSTORE", "1") != "0"
    if isinstance(kvstore, str):
        if num_device == 1 and "dist" not in kvstore:
            return None, False
        store = create(kvstore)
        if kvstore == "local" and any(math.prod(p.shape) > BIG_PARAMETER for p in arg_params.values()):
            on_store = False
    elif isinstance(kvstore, KVStoreBase):
        store = kvstore
    else:
        raise TypeError(f"kvstore must be a KVStore, a str or None, got {type(kvstore).__name__}")
    return store, on_store and store.is_capable(KVStoreBase.OPTIMIZER)


def initialize_kvstore(
    kvstore: Any,
    param_arrays: Arrays,
    arg_params: Mapping[str, nd.NDArray],
    param_names: Sequence[str],
    update_on_kvstore: bool,
) -> None:
    """Store the parameters under their names, and bring them to the devices where the store updates them."""
    for name, arrays in zip(param_names, param_arrays, strict=True):
        # A store of one's own need not have `init`: in MXNet it cannot train where it does not update.
        if update_on_kvstore or not hasattr(kvstore, "init"):
            kvstore.broadcast(name, arg_params[name], out=arrays)
        else:
            kvstore.init(name, arg_params[name])


def update_params_on_kvstore(
    param_arrays: Arrays, grad_arrays: Arrays, kvstore: Any, param_names: Sequence[str]
) -> None:
    """Push gradients and pull parameters; parameters without gradients stay."""
    for i, (params, grads) in enumerate(zip(param_arrays, grad_arrays, strict=True)):
        if grads[0] is not None:
            kvstore.pushpull(param_names[i], list(grads), out=list(params), priority=-i)


def update_params(
    param_arrays: Arrays,
    grad_arrays: Arrays,
    updater: Callable[[Any, Any, Any], object],
    num_device: int,
    kvstore: Any = None,
    param_names: Sequence[str] | None = None,
) -> None:
    """Update each device's parameters on the device; a store sums the gradients before.

    The updater is called once a device, with lists, and with the index ``parameter * num_device + device``:
    each device keeps its own optimizer states.
    """
    updates: list[list[tuple[int, Any, Any]]] = [[] for _ in range(num_device)]
    for i, (params, grads) in enumerate(zip(param_arrays, grad_arrays, strict=True)):
        if grads[0] is None:
            continue
        if kvstore:
            assert param_names is not None
            kvstore.pushpull(param_names[i], list(grads), priority=-i)
        for device, (param, grad) in enumerate(zip(params, grads, strict=True)):
            updates[device].append((i * num_device + device, grad, param))
    for of_device in updates:
        if of_device:
            indices, grads, params = zip(*of_device, strict=True)
            updater(list(indices), list(grads), list(params))
