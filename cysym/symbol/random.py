"""`mx.sym.random`: samplers in graphs, with a new draw at each forward. They are made by `samplers`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ..ops.schema import all_ops
from . import _call, _functions
from .register import explain_absent, make_function
from .samplers import make_samplers
from .symbol import Symbol


def _finish(keywords: dict[str, Any], has_tensors: bool) -> None:
    """Nothing to add: shape and type that are not given are inferred."""


_made = make_samplers(__name__, Symbol, _functions, _finish, {}, True)
for _name, _cls in all_ops().items():
    if _name.startswith("_random_") and _name.endswith("_like"):
        _short = _name.removeprefix("_random_")
        _made[_short] = make_function(_short, _cls, _call, __name__, "Symbol", ("name", "attr"))
globals().update(_made)
explain_absent(sys.modules[__name__], ("_random_", "_sample_"))

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any: ...


__all__ = list(_made)
