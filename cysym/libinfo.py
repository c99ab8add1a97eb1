"""`mx.libinfo`: where the compiled parts lie, and which MXNet the library speaks.

``__version__`` here is MXNet's, for programs that parse it; `cysym.__version__` is this library's own.
"""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from .base import MXNetError

__all__ = ["find_conf_path", "find_include_path", "find_lib_path"]

__version__ = "1.9.1"


def find_lib_path(prefix: str = "libmxnet") -> list[str]:
    """Paths of the compiled modules of this package; ``libmxnet``, MXNet's library, stands for all of them.

    Parameters
    ----------
    prefix
        What their file names begin with.

    Raises
    ------
    RuntimeError
        None begins so.
    """
    wanted = "_" if prefix == "libmxnet" else prefix
    found = sorted(str(p) for p in Path(__file__).parent.glob(f"{wanted}*.so"))
    if not found:
        raise RuntimeError(f"no compiled module in {Path(__file__).parent} begins with {prefix!r}")
    return found


def find_include_path() -> NoReturn:
    """Always an error: no C header is installed.

    Raises
    ------
    MXNetError
        Saying what to write instead of C++ against MXNet's headers.
    """
    raise MXNetError("no C headers are installed; write new operators as an mx.operator.CustomOp")


def find_conf_path(prefix: str = "tvmop") -> NoReturn:
    """Always an error, as in every MXNet without TVM: there is no configuration of TVM operators.

    Raises
    ------
    RuntimeError
        Saying so.
    """
    raise RuntimeError(f"there is no {prefix}.conf: operators compiled with TVM are not covered")
