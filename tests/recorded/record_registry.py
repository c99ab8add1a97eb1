"""Asks MXNet's operator registry for names, aliases, inputs and parameters; writes `registry.json`.

Only operators of the classic namespace: numpy's (`_np`, `_npi`, `_npx`), backward nodes and MKL-DNN's fused
ones are left out.
"""

from __future__ import annotations

import ctypes
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

HIDDEN = ("_np_", "_npi_", "_npx_", "_backward", "_sg_", "_sparse_", "_contrib_backward", "_npi", "_FusedOp")


def _names(base: Any) -> list[str]:
    size, array = ctypes.c_uint(), ctypes.POINTER(ctypes.c_char_p)()
    base.check_call(base._LIB.MXListAllOpNames(ctypes.byref(size), ctypes.byref(array)))
    return sorted(array[i].decode() for i in range(size.value))


def _info(base: Any, name: str) -> dict[str, Any]:
    handle = ctypes.c_void_p()
    base.check_call(base._LIB.NNGetOpHandle(ctypes.c_char_p(name.encode()), ctypes.byref(handle)))
    text, count = [ctypes.c_char_p() for _ in range(4)], ctypes.c_uint()
    lists = [ctypes.POINTER(ctypes.c_char_p)() for _ in range(3)]
    real, about, variadic, returns = text
    refs = [ctypes.byref(x) for x in (real, about, count, *lists, variadic, returns)]
    base.check_call(base._LIB.MXSymbolGetAtomicSymbolInfo(handle, *refs))
    arguments = [[lists[0][i].decode(), lists[1][i].decode()] for i in range(count.value)]
    return {"name": real.value.decode(), "variadic": variadic.value.decode(), "arguments": arguments}


def record(mx: Any, path: Path) -> None:
    """One line an operator: ``{"name", "aliases", "variadic", "arguments": [[name, type and default]]}``."""
    found: dict[str, Any] = {}
    for name in _names(mx.base):
        info = _info(mx.base, name)
        entry = found.setdefault(info["name"], {**info, "aliases": []})
        if name != info["name"] and not name.startswith(HIDDEN):
            entry["aliases"].append(name)
    lines = [json.dumps(found[name]) for name in sorted(found) if not name.startswith(HIDDEN)]
    path.write_text("[\n" + ",\n".join(lines) + "\n]\n")
