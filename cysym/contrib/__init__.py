"""`mx.contrib`: MXNet's shelf of experiments. The operators are `mx.nd.contrib` and `mx.sym.contrib` again.

Most of the rest is left out; `absent` says of each part what to use instead.
"""

from __future__ import annotations

import sys

from .. import absent
from ..ndarray import contrib as ndarray
from ..symbol import contrib as symbol
from . import autograd

nd = ndarray
sym = symbol

sys.modules[f"{__name__}.ndarray"] = ndarray
sys.modules[f"{__name__}.symbol"] = symbol

absent.explain(sys.modules[__name__])

__all__ = ["autograd", "nd", "ndarray", "sym", "symbol"]
