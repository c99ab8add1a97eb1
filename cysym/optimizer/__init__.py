"""Optimizers: rules that turn gradients into better parameters.

`base` holds the base class and the registry; `gradient_descent`, `adaptive`, `large_batch` and `contrib` one
class per rule; `updater` the object that keeps each parameter's state; `states` and `unpickle` the file
format of those states. `optimizer` shows all names under the path MXNet has them at. Arrays change through
operators only.
"""

from . import contrib as contrib
from . import optimizer as optimizer
from .optimizer import *  # noqa: F403 -- __all__ says which
from .optimizer import __all__ as _names

__all__ = [*_names, "contrib"]
