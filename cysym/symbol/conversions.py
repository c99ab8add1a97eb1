"""Methods of Symbol that hand it to another part of MXNet: backends, its NumPy namespace, its C interface.

Also operators whose methods have parameters of their own, as NDArray's `inplace`, which means nothing in a
graph. The package gives these functions to the class.
"""

from __future__ import annotations

from typing import Any

from .. import absent
from ..arguments import shown
from ..base import MXNetError
from .symbol import Symbol

#: backends of MXNet's that rewrite a graph for speed and leave its meaning; fusing happens in `bind` here
FUSING = ("MKLDNN", "default")


def _operator(name: str) -> Any:
    from . import _functions

    return _functions[name]


def flatten(self: Symbol, inplace: bool = False, **kwargs: Any) -> Symbol:
    """Operator `flatten`; `inplace` is ignored."""
    made: Symbol = _operator("flatten")(self, **kwargs)
    return made


def expand_dims(self: Symbol, axis: int, inplace: bool = False, **kwargs: Any) -> Symbol:
    """Operator `expand_dims`; `inplace` is ignored."""
    made: Symbol = _operator("expand_dims")(self, axis=axis, **kwargs)
    return made


def squeeze(self: Symbol, axis: Any = None, inplace: bool = False, **kwargs: Any) -> Symbol:
    """Operator `squeeze`; `inplace` is ignored."""
    made: Symbol = _operator("squeeze")(self, axis=axis, **kwargs)
    return made


def diag(self: Symbol, k: int = 0, **kwargs: Any) -> Symbol:
    """Operator `diag`; `k` is written into the node even where it is 0."""
    made: Symbol = _operator("diag")(self, k=k, **kwargs)
    return made


def as_nd_ndarray(self: Symbol) -> Symbol:
    """The symbol itself: it is of `mx.sym` already."""
    return self


def as_np_ndarray(self: Symbol) -> Symbol:
    """Not supported: there is no `mx.np`.

    Raises
    ------
    MXNetError
        Always.
    """
    raise MXNetError("as_np_ndarray: there is no mx.np here; compose with the operators of mx.sym")


def get_backend_symbol(self: Symbol, backend: str) -> Symbol:
    """The symbol for a backend: a copy, since subgraphs are fused when it is bound.

    Raises
    ------
    MXNetError
        A backend that would change what is computed, or that nobody knows.
    """
    if not isinstance(backend, str) or backend not in FUSING:
        raise MXNetError(
            f"backend {shown(backend)} is not covered; graphs are fused when they are bound, without one "
            f"({' and '.join(map(repr, FUSING))} are accepted and change nothing)"
        )
    return self.__copy__()


def optimize_for(
    self: Symbol,
    backend: str,
    args: Any = None,
    aux: Any = None,
    ctx: Any = None,
    shape_dict: Any = None,
    type_dict: Any = None,
    stype_dict: Any = None,
    skip_infer: bool = False,
    **kwargs: Any,
) -> Symbol:
    """See `get_backend_symbol`; arrays and shapes are not needed."""
    return get_backend_symbol(self, backend)


METHODS = {
    f.__name__: f
    for f in (
        *(flatten, expand_dims, squeeze, diag),
        *(as_nd_ndarray, as_np_ndarray, get_backend_symbol, optimize_for),
    )
} | {"handle": absent.member("symbol.Symbol.handle")}
