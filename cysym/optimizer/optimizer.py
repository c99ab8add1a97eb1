"""`mx.optimizer.optimizer`, the module old programs import from: every optimizer, the Updater, the registry.

The classes live in `base`, `gradient_descent`, `adaptive`, `large_batch` and `updater`; `mx.optimizer` shows
the same names.
"""

from typing import Any

from .. import ndarray as _nd
from .adaptive import FTML, AdaDelta, AdaGrad, Adam, Adamax, Ftrl, Nadam, RMSProp
from .base import Optimizer, create, register
from .gradient_descent import DCASGD, NAG, SGD, SGLD, Signum, Test, ccSGD
from .large_batch import LAMB, LARS, LBSGD
from .updater import Updater, get_updater

_ops: Any = _nd
NDabs = _ops.abs  # a name MXNet's module exports by accident; `import *` brings it along

__all__ = [
    "DCASGD",
    "FTML",
    "LAMB",
    "LARS",
    "LBSGD",
    "NAG",
    "SGD",
    "SGLD",
    "AdaDelta",
    "AdaGrad",
    "Adam",
    "Adamax",
    "Ftrl",
    "NDabs",
    "Nadam",
    "Optimizer",
    "RMSProp",
    "Signum",
    "Test",
    "Updater",
    "ccSGD",
    "create",
    "get_updater",
    "register",
]  # fmt: skip
