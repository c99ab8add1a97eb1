"""Modules: a symbol, its executor, its parameters and an optimizer behind one training interface.

`base_module` holds the loops (fit, score, predict) over the abstract steps, `module` the steps for one
symbol, and `executor_group` the only code that touches executors.
"""

from .base_module import BaseModule
from .module import Module

__all__ = ["BaseModule", "Module"]
