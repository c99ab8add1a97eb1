"""Modules: a symbol, its executors, its parameters and an optimizer behind one training interface.

`base_module` holds the loops (fit, score, predict) over the abstract steps of `steps`, `module` the steps for
one symbol on any number of contexts, and `executor_group` the only code that touches executors. The others
are made of modules: buckets of one network, a chain, and losses written in Python.
"""

from . import base_module, bucketing_module, executor_group, module, python_module, sequential_module
from .base_module import BaseModule
from .bucketing_module import BucketingModule
from .module import Module
from .python_module import PythonLossModule, PythonModule
from .sequential_module import SequentialModule

__all__ = [
    "BaseModule",
    "BucketingModule",
    "Module",
    "PythonLossModule",
    "PythonModule",
    "SequentialModule",
    "base_module",
    "bucketing_module",
    "executor_group",
    "module",
    "python_module",
    "sequential_module",
]
