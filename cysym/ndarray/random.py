"""`mx.nd.random`: samplers of arrays; `mx.random` has the same functions.

They are made by `symbol.samplers`; here is what NDArrays add: a context, and `out`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ..base import MXNetError
from ..dtypes import NAMES
from ..ops.schema import all_ops
from ..symbol.register import explain_absent, make_function
from ..symbol.samplers import make_samplers
from . import _call, _functions
from .makers import context_of, dims_of
from .ndarray import NDArray


def _finish(keywords: dict[str, Any], has_tensors: bool) -> None:
    """Shape and type of `out` where they are not given, one number where neither is."""
    out, shape = keywords["out"], keywords["shape"]
    if has_tensors:
        keywords["ctx"] = None  # the parameters' own
    else:
        if shape is None and out is None:
            keywords["shape"] = shape = (1,)
        keywords["ctx"] = context_of(keywords["ctx"])
    if shape is not None and not (has_tensors and shape == ()):
        keywords["shape"] = shape = dims_of(shape)
    if out is None:
        return
    if not isinstance(out, NDArray):
        raise TypeError(f"out must be an NDArray, got {type(out)}")
    dtype = NAMES[out.spec[1]]
    if keywords["dtype"] not in (None, dtype):
        raise MXNetError(f"Output type does not match requested type: {dtype} vs {keywords['dtype']}")
    keywords["dtype"] = dtype
    if not has_tensors:
        if shape is not None and shape != out.shape:
            raise MXNetError(f"Shape inconsistent: out has shape {out.shape}, shape={shape} was asked for")
        keywords["shape"], keywords["ctx"] = out.shape, out.context


_made = make_samplers(__name__, NDArray, _functions, _finish, {"ctx": None, "out": None}, False)
for _name, _cls in all_ops().items():
    if _name.startswith("_random_") and _name.endswith("_like"):
        _short = _name.removeprefix("_random_")
        _made[_short] = make_function(_short, _cls, _call, __name__, "NDArray", ("out", "name"))
_multinomial = _made["multinomial"]


def multinomial(
    data: NDArray,
    shape: Any = None,
    get_prob: bool = False,
    out: Any = None,
    dtype: Any = "int32",
    **kwargs: Any,
) -> Any:
    return _multinomial(data, shape, get_prob, dtype, out=out, **kwargs)


multinomial.__doc__ = _multinomial.__doc__
_made["multinomial"] = multinomial
globals().update(_made)
explain_absent(sys.modules[__name__], ("_random_", "_sample_"))

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any: ...


__all__ = list(_made)
