"""How a Module's parameters change: its optimizer, the store that sums gradients, and where updates happen.

Functions of arrays, names and stores; Module keeps what they return. With one context and no store the
updater is called directly; `model` has the loops for several.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .. import ndarray as nd
from .. import optimizer as opt
from ..arguments import options
from ..kvstore.kvstore import KVStore
from .slicing import assign


def index_names(names: Sequence[str], contexts: int, on_store: bool) -> dict[int | str, str]:
    """Parameter names by the indices that updates use: of each context its own, unless a store updates."""
    copies = 1 if on_store else contexts
    return {i * copies + k: name for k in range(copies) for i, name in enumerate(names)}


def make_optimizer(
    optimizer: Any,
    optimizer_params: Mapping[str, Any] | Iterable[tuple[str, Any]],
    symbol: Any,
    names: dict[int | str, str],
    rescale_grad: float,
) -> opt.Optimizer:
    """The optimizer asked for, with `rescale_grad` unless the parameters have one.

    Raises
    ------
    TypeError
        `optimizer` is neither a name nor an Optimizer.
    """
    if isinstance(optimizer, str):
        params = {"rescale_grad": rescale_grad, **options(optimizer_params, "optimizer_params")}
        return opt.create(optimizer, sym=symbol, param_idx2name=names, **params)
    if not isinstance(optimizer, opt.Optimizer):
        raise TypeError(f"optimizer must be a name or an Optimizer, got {type(optimizer).__name__}")
    if optimizer.rescale_grad != rescale_grad:
        warnings.warn(
            "Optimizer created manually outside Module but rescale_grad is not normalized to "
            f"1.0/batch_size/num_workers ({optimizer.rescale_grad} vs. {rescale_grad}). Is this intended?",
            stacklevel=3,
        )
    if not optimizer.idx2name:
        optimizer.idx2name = dict(names)
    return optimizer


def refresh_store(store: Any, arg_params: Mapping[str, nd.NDArray]) -> None:
    """Put parameters into a store that updates its own copies, which the next update brings to the devices.

    MXNet forgets this, and `set_params` is undone by the next `update`. Stores of other classes have no way
    to replace a value.
    """
    if isinstance(store, KVStore):
        for name, array in arg_params.items():
            if name in store._values:
                assign(array, store._values[name])
