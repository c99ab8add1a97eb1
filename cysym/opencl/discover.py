"""Which OpenCL devices there are, in which order, and why others were left out.

pyopencl lists platforms and devices; `CYSYM_OPENCL` decides which count: unset admits GPUs and accelerators,
``all`` admits every device, anything else (as ``pocl``) every device that has it in its own or its platform's
name or version. The answer is made once per process. No context is opened here; `device` does that when
memory is first asked for.
"""

from __future__ import annotations

import atexit
import ctypes
import glob
import importlib
import os
import re
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .. import _opencl
from ..base import DeviceError
from ..forking import free_in_child
from .device import OpenCLDevice

_GPU, _ACCELERATOR = 4, 8  # CL_DEVICE_TYPE bits
_lock = threading.RLock()
free_in_child(_lock)
_answer: tuple[list[OpenCLDevice], list[str]] | None = None


@dataclass(frozen=True)
class Found:
    """One device as its platform lists it; `raw` is pyopencl's object."""

    platform: str
    platform_version: str
    name: str
    version: str
    kind: int
    raw: Any = None

    def __str__(self) -> str:
        return f"{self.name} ({self.platform})"

    @property
    def names(self) -> str:
        """What a setting is looked for in. PoCL and rusticl tell their short names in the versions only."""
        return f"{self.platform}\n{self.platform_version}\n{self.name}\n{self.version}".lower()


def opencl_devices() -> list[OpenCLDevice]:
    """The OpenCL devices of this machine, ``gpu(0)`` first.

    GPUs come first, then other devices, each by platform name; see the environment variable ``CYSYM_OPENCL``.
    Without pyopencl, or without a device, the list is empty and `why_not` says why.
    """
    return list(_discover()[0])


def why_not() -> str:
    """Why `opencl_devices` lists no more than it does: one reason a line, "" when nothing was left out."""
    return "\n".join(_discover()[1])


def choose(found: Sequence[Found], setting: str) -> tuple[list[Found], list[str]]:
    """Devices admitted under a value of ``CYSYM_OPENCL``, in order, and the reasons against the others."""
    taken, reasons = [], []
    wanted = setting.strip().lower()
    for device in found:
        if min(_version(device.platform_version), _version(device.version)) < (1, 2):
            reasons.append(f"{device}: OpenCL 1.2 is needed, this is {device.version.strip()}")
        elif wanted in ("", "all"):
            if wanted or device.kind & (_GPU | _ACCELERATOR):
                taken.append(device)
            else:
                reasons.append(f"{device}: not a GPU; CYSYM_OPENCL=all admits it")
        elif wanted in device.names:
            taken.append(device)
        else:
            reasons.append(f"{device}: its names do not contain CYSYM_OPENCL={setting.strip()!r}")
    taken.sort(key=lambda d: (not d.kind & _GPU, d.platform))
    return taken, reasons


def _version(text: str) -> tuple[int, int]:
    match = re.search(r"(\d+)\.(\d+)", text)
    return (int(match.group(1)), int(match.group(2))) if match else (0, 0)


def _discover() -> tuple[list[OpenCLDevice], list[str]]:
    global _answer
    with _lock:
        if _answer is None:
            _answer = _look()
        return _answer


def _look() -> tuple[list[OpenCLDevice], list[str]]:
    try:
        cl = importlib.import_module("pyopencl")
    except ImportError as error:
        return [], [f"pyopencl cannot be imported ({error}): pip install 'cysym[opencl]'"]
    try:
        _opencl.load(_addresses(cl))
    except (OSError, AttributeError, DeviceError) as error:
        return [], [f"the OpenCL library pyopencl has loaded cannot be used: {error}"]
    found, reasons = _list_all(cl)
    taken, others = choose(found, os.environ.get("CYSYM_OPENCL", ""))
    devices = [OpenCLDevice(i, d.raw, d.name, d.platform) for i, d in enumerate(taken)]
    if devices:
        # Drivers have threads and locks that a fork does not copy, so a child must not even release.
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_opencl.stop_releasing)
        atexit.register(_drain, devices)
    return devices, reasons + others


def _list_all(cl: Any) -> tuple[list[Found], list[str]]:
    """Every device of every platform, and what went wrong while asking."""
    found: list[Found] = []
    reasons: list[str] = []
    try:
        platforms = cl.get_platforms()
    except cl.Error as error:
        return [], [f"no OpenCL platform is installed ({error})"]
    for platform in platforms:
        name = platform.name.strip()
        try:
            devices = platform.get_devices()
        except cl.Error as error:  # a platform whose hardware is absent
            reasons.append(f"platform {name}: {error}")
            continue
        if not devices:
            reasons.append(f"platform {name}: no devices")
        for device in devices:
            try:
                if not device.available:
                    reasons.append(f"{device.name.strip()} ({name}): not available")
                    continue
                one = Found(
                    name, platform.version, device.name.strip(), device.version, int(device.type), device
                )
            except cl.Error as error:
                reasons.append(f"a device of platform {name}: {error}")
                continue
            found.append(one)
    if not found and not reasons:
        reasons.append("no OpenCL platform is installed")
    return found, reasons


def _addresses(cl: Any) -> list[int]:
    """Addresses of the OpenCL functions in the loader pyopencl itself is linked with.

    Machines may hold two loaders; a second one could know other platforms. The lookup starts at pyopencl's
    extension module and goes on to the libraries it needs.
    """
    extension = cl._cl.__file__
    if sys.platform == "win32":
        library = _loaded_dll(extension)
    else:
        library = ctypes.CDLL(extension)
    addresses = [ctypes.cast(getattr(library, name), ctypes.c_void_p).value for name in _opencl.FUNCTIONS]
    return [address or 0 for address in addresses]


def _loaded_dll(extension: str) -> ctypes.CDLL:
    """The OpenCL.dll pyopencl has loaded: Windows looks up functions in one module only."""
    kernel32 = ctypes.CDLL("kernel32")
    kernel32.GetModuleHandleW.restype = ctypes.c_void_p
    kernel32.GetModuleHandleW.argtypes = [ctypes.c_wchar_p]
    bundled = os.path.join(os.path.dirname(os.path.dirname(extension)), "pyopencl.libs", "opencl*.dll")
    for name in [*map(os.path.basename, glob.glob(bundled)), "OpenCL.dll"]:
        handle = kernel32.GetModuleHandleW(name)
        if handle:
            return ctypes.CDLL(name, handle=handle)
    raise OSError("pyopencl has loaded no OpenCL.dll")


def _drain(devices: list[OpenCLDevice]) -> None:
    """At exit: wait for what is under way, then leave the rest to the operating system."""
    for device in devices:
        device.drain()
    _opencl.stop_releasing()
