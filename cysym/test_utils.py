"""Helpers old scripts import from `mxnet.test_utils`."""

from __future__ import annotations

from .context import Context, current_context, opencl_devices

__all__ = ["default_context", "list_gpus"]


def list_gpus() -> range:
    """Numbers of the OpenCL devices.

    >>> isinstance(list_gpus(), range)
    True
    """
    return range(len(opencl_devices()))


def default_context() -> Context:
    """The current context."""
    return current_context()
