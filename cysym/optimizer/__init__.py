"""Optimizers: rules that turn gradients into better parameters.

`optimizer` holds the base class and the registry, `rules` one class per rule, `updater` the object that keeps
each parameter's state, and `states` the file format of those states. Arrays change through `nd` operators
only.
"""

from .optimizer import Optimizer, create, register
from .rules import SGD, Adam
from .updater import Updater, get_updater

__all__ = ["SGD", "Adam", "Optimizer", "Updater", "create", "get_updater", "register"]
