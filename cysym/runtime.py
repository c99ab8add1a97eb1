"""`mx.runtime`: what this build and this machine can do, under MXNet's feature names and a few of its own.

Answers come from the processor, the compiled kernels and the packages that are installed, when asked for.
"""

from __future__ import annotations

import importlib.util
import platform
from collections import OrderedDict
from typing import ClassVar, Final

from ._core import ISA

__all__ = ["Feature", "Features", "feature_list"]

# Instruction sets the CPU kernels in use were compiled for; every x86-64 processor has the first three.
_SETS: Final = {
    "base": ("CPU_SSE", "CPU_SSE2"),
    "avx2": ("CPU_SSE", "CPU_SSE2", "CPU_SSE3", "CPU_SSE4_1", "CPU_SSE4_2", "CPU_AVX", "CPU_AVX2", "F16C"),
}
_NAMES: Final = (
    "CUDA", "CUDNN", "NCCL", "CUDA_RTC", "TENSORRT", "CPU_SSE", "CPU_SSE2", "CPU_SSE3", "CPU_SSE4_1",
    "CPU_SSE4_2", "CPU_SSE4A", "CPU_AVX", "CPU_AVX2", "OPENMP", "SSE", "F16C", "JEMALLOC", "BLAS_OPEN",
    "BLAS_ATLAS", "BLAS_MKL", "BLAS_APPLE", "LAPACK", "MKLDNN", "OPENCV", "CAFFE", "PROFILER", "DIST_KVSTORE",
    "CXX14", "INT64_TENSOR_SIZE", "SIGNAL_HANDLER", "DEBUG", "TVM_OP", "OPENCL", "CPU_AVX512",
)  # fmt: skip


class Feature:
    """A feature: its name and whether it is there.

    >>> Feature("CUDA", False)
    ✖ CUDA
    """

    __slots__ = ("_enabled", "_name")

    def __init__(self, name: str, enabled: bool) -> None:
        self._name, self._enabled = name, enabled

    @property
    def name(self) -> str:
        """Name, in capitals."""
        return self._name

    @property
    def enabled(self) -> bool:
        """Whether it is there."""
        return self._enabled

    def __repr__(self) -> str:
        return f"{'✔' if self._enabled else '✖'} {self._name}"


def _enabled() -> set[str]:
    # Kernels run on several threads, matrices are factored, and arrays may have more than 2**31 items.
    found = {"OPENMP", "LAPACK", "INT64_TENSOR_SIZE"}
    if platform.machine().lower() in ("x86_64", "amd64"):
        found.update(_SETS["base" if ISA == "base" else "avx2"])
        if ISA == "avx512":
            found.add("CPU_AVX512")
    if importlib.util.find_spec("PIL"):  # reads and writes images, as OpenCV does for MXNet
        found.add("OPENCV")
    from .context import opencl_devices

    if opencl_devices():
        found.add("OPENCL")
    return found


def feature_list() -> list[Feature]:
    """All features of MXNet 1.9.1 and, behind them, ``OPENCL`` (a device is there) and ``CPU_AVX512``.

    ``OPENMP`` stands for kernels on several threads, ``OPENCV`` for reading images (through Pillow),
    ``LAPACK`` for `mx.nd.linalg`, ``INT64_TENSOR_SIZE`` for arrays of more than 2**31 elements. No feature of
    CUDA, oneDNN or a BLAS library is ever there: the kernels are this package's own.
    """
    enabled = _enabled()
    return [Feature(name, name in enabled) for name in _NAMES]


class Features(OrderedDict[str, Feature]):
    """Features by name.

    >>> Features().is_enabled("cuda")
    False
    """

    instance: ClassVar[Features | None] = None  # the latest

    def __init__(self) -> None:
        super().__init__((f.name, f) for f in feature_list())
        Features.instance = self

    def __repr__(self) -> str:
        return str(list(self.values()))

    def is_enabled(self, feature_name: str) -> bool:
        """Whether a feature is there, by name in any case.

        Raises
        ------
        RuntimeError
            No feature has this name, saying which there are.
        """
        if not isinstance(feature_name, str) or feature_name.upper() not in self:
            raise RuntimeError(f"Feature {feature_name!r} is unknown, known features are: {list(self)}")
        return self[feature_name.upper()].enabled
