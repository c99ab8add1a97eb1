"""What operators are: one module a family, pure Python. Importing this package registers them all.

Modules are found by scanning the folder, so a new family edits nothing here.
"""

from __future__ import annotations

import importlib
import pkgutil

from .schema import Backward, OpDef, all_ops, find_op

__all__ = ["Backward", "OpDef", "all_ops", "find_op"]

for _info in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_info.name}")
