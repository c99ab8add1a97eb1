"""OpenCL devices: discovery, memory, programs and launches. Imported only when a device is asked for.

`opencl_devices` lists the devices, an `OpenCLDevice` holds memory and makes `Segment`s of a program's calls.
pyopencl finds platforms and opens contexts; kernels come from ``cl_kernels``. Nothing here knows graphs or
operators.
"""

from .device import ClStorage, OpenCLDevice, kernel_table
from .discover import opencl_devices, why_not
from .segment import Segment

__all__ = ["ClStorage", "OpenCLDevice", "Segment", "kernel_table", "opencl_devices", "why_not"]
