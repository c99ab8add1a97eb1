"""Building OpenCL programs for one device: kernel file x element type, lazily, from disk where possible.

`Programs.get` answers with a built program; what is asked for twice is built once. The source of a program is
the preamble, then the kernel file. Launching is `segment`'s business.
"""

from __future__ import annotations

import threading

from .._opencl import ClError, Program
from ..base import DeviceError
from . import cache
from .kernels import Kernel, Table

_LOG_TAIL = 2000


class Programs:
    """Built programs of one device.

    Parameters
    ----------
    table : Table
        The kernels known.
    context, device : int
        OpenCL's handles.
    identity : sequence of str
        What machine code depends on besides source and options: platform, device, driver, our version.
    has_fp64, has_fp16, is_cpu, is_caching : bool
        Facts of the device; `is_caching` drivers keep compiled programs themselves, so that we need not.
    """

    def __init__(
        self, table: Table, context: int, device: int, identity: tuple[str, ...], **facts: bool
    ) -> None:
        self._table, self._context, self._device, self._identity = table, context, device, identity
        self._has_fp64, self._has_fp16 = facts["has_fp64"], facts["has_fp16"]
        self._is_cpu, self._is_caching = facts["is_cpu"], facts["is_caching"]
        self._built: dict[tuple[str, str], Program] = {}
        self._lock = threading.Lock()

    def get(self, kernel: Kernel, dtype: str) -> Program:
        """The program of the kernel's file for one element type.

        Raises
        ------
        DeviceError
            The file has no version for the type, the device lacks the type, or the compiler refused the
            source; the message then names the file and ends with the compiler's last words.
        """
        built_for = kernel.dtype_for(dtype)
        if built_for is None:
            raise DeviceError(
                f"OpenCL kernel {kernel.name} ({kernel.file}) has no version for {dtype}, only for "
                f"{' '.join(kernel.dtypes)}"
            )
        if built_for == "f64" and not self._has_fp64:
            raise DeviceError(f"this device cannot compute in float64 (kernel {kernel.name})")
        if built_for == "f16" and not self._has_fp16:
            raise DeviceError(f"this device cannot compute in float16 (kernel {kernel.name})")
        key = (kernel.text, built_for)
        with self._lock:
            program = self._built.get(key)
            if program is None:
                program = self._built[key] = self._build(kernel, built_for)
            return program

    def _options(self, dtype: str) -> str:
        options = ["-cl-std=CL1.2", f"-DCS_DT={dtype}", f"-DCS_DT_{dtype}=1"]
        if dtype in ("f32", "f16") or not self._has_fp64:
            # A bare 0.5 would be a double: slow on most devices, an error on some. Integers want doubles.
            options.append("-cl-single-precision-constant")
        if self._is_cpu:
            options.append("-DCS_CPU_DEVICE=1")
        return " ".join(options)

    def _build(self, kernel: Kernel, dtype: str) -> Program:
        source = f'{self._table.preamble}\n#line 1 "{kernel.file}"\n{kernel.text}'
        options = self._options(dtype)
        is_kept = cache.folder() is not None and not self._is_caching
        name = cache.key(source, options, *self._identity)
        binary = cache.load(name) if is_kept else None
        if binary is not None:
            try:
                return Program.restore(self._context, self._device, binary, options.encode())
            except ClError:
                pass  # the driver changed without changing its version: compile again
        try:
            program = Program.build(self._context, self._device, source.encode(), options.encode())
        except ClError as error:
            text = str(error)
            if len(text) > _LOG_TAIL:
                text = "... " + text[-_LOG_TAIL:]
            raise DeviceError(f"OpenCL file {kernel.file} does not compile for {dtype}: {text}") from None
        if is_kept:
            cache.store(name, program.binary())
        return program
