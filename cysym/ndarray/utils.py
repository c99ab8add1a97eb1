"""`mx.nd.utils`: makers and files, where MXNet has them. They are written in `makers` and in the package."""

from __future__ import annotations

from . import array, empty, load, load_frombuffer, save, zeros

__all__ = ["array", "empty", "load", "load_frombuffer", "save", "zeros"]
