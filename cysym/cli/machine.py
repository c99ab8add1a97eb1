"""What `doctor` can tell of this machine without touching a driver: versions, processor, memory, files.

Every function returns plain data for JSON. Nothing is changed, and no OpenCL library is loaded here; `probe`
does that in a child.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import sys
from pathlib import Path
from typing import Any, Final

from .terminal import visible

PACKAGES: Final = (
    ("graphviz", "graphviz", "viz", "mx.viz.plot_network"),
    ("Pillow", "PIL", "image", "mx.image, ImageRecordIter: reading and writing pictures"),
    ("tqdm", "tqdm", "demo", "progress bars of the examples"),
    ("scikit-learn", "sklearn", "demo", "the data of the examples"),
)
VENDORS: Final = {
    "0x10de": "NVIDIA",
    "0x1002": "AMD",
    "0x8086": "Intel",
    "0x13b5": "ARM",
    "0x5143": "Qualcomm",
}


def versions() -> dict[str, Any]:
    """Versions of what works together."""
    import numpy

    import cysym

    return {
        "cysym": cysym.__version__,
        "mxnet": cysym.mxnet_version,
        "python": f"{platform.python_version()} ({platform.python_implementation()}), {sys.executable}",
        "numpy": numpy.__version__,
        "platform": platform.platform(),
        "processor": _processor(),
        "folder": str(Path(cysym.__file__).parent),
    }


def _read(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""


def _processor() -> str:
    model = re.search(r"^model name\s*:\s*(.+)$", _read("/proc/cpuinfo"), re.M)
    return model[1] if model else platform.processor() or platform.machine()


def build() -> dict[str, Any]:
    """How the compiled parts were made, as far as the files tell."""
    from .. import _core, libinfo

    files = [Path(p) for p in libinfo.find_lib_path()]
    data = Path(_core.__file__).read_bytes()
    compiler = re.search(rb"(GCC: \([^)]*\) [\d.]+|(?:Apple |Debian |Ubuntu )?clang version [\d.]+)", data)
    return {
        "modules": [p.name for p in files],
        "stable_abi": ".abi3." in files[0].name,
        "compiler": compiler[1].decode() if compiler else "unknown",
        "sanitized": b"__asan_init" in data,
        "kernels": len(_core.kernel_names()),
    }


def threads() -> dict[str, Any]:
    """Threads of the CPU kernels and what decides their number."""
    from .. import _core

    why = "processors this process may use"
    for name in ("OMP_NUM_THREADS", "CYSYM_NUM_THREADS"):  # the later one wins
        if os.environ.get(name, "").partition(",")[0].strip():
            why = f"{name}={os.environ[name]}"
    may_use = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "number": _core.get_num_threads(),
        "why": why,
        "processors": os.cpu_count(),
        "may_use": may_use,
        "quota": _read("/sys/fs/cgroup/cpu.max").strip() or None,
    }


def memory() -> dict[str, Any]:
    """Bytes of host memory, None where the system does not say."""
    sizes = dict(re.findall(r"^(\w+):\s+(\d+) kB$", _read("/proc/meminfo"), re.M))
    limit = _read("/sys/fs/cgroup/memory.max").strip()
    return {
        "total": int(sizes["MemTotal"]) << 10 if "MemTotal" in sizes else None,
        "available": int(sizes["MemAvailable"]) << 10 if "MemAvailable" in sizes else None,
        "limit": int(limit) if limit.isdigit() else None,
        "kept_mib": os.environ.get("CYSYM_HOST_CACHE", "256"),
    }


def cache() -> dict[str, Any]:
    """The folder of compiled OpenCL programs."""
    from ..opencl import cache as programs

    folder = programs.folder()
    if folder is None:
        off = os.environ.get("CYSYM_CACHE") == "0"
        return {"folder": None, "why": "CYSYM_CACHE=0" if off else "there is no home folder"}
    files = [p for p in folder.iterdir() if p.is_file()] if _may(folder, os.R_OK | os.X_OK) else []
    first = folder
    while not first.exists() and first != first.parent:
        first = first.parent
    return {
        "folder": str(folder),
        "programs": len(files),
        "bytes": sum(p.stat().st_size for p in files),
        "writable": first.is_dir() and _may(first, os.W_OK | os.X_OK),
    }


def _may(path: Path, mode: int) -> bool:
    return path.exists() and os.access(path, mode)


def packages() -> list[dict[str, Any]]:
    """Optional packages, what each is for, and its version or None."""
    rows = []
    for name, module, extra, purpose in PACKAGES:
        version = None
        if importlib.util.find_spec(module) is not None:
            try:
                version = importlib.metadata.version(name)
            except importlib.metadata.PackageNotFoundError:
                version = "unknown version"
        rows.append({"name": name, "version": version, "extra": extra, "for": purpose})
    rows[0]["dot"] = shutil.which("dot")
    return rows


# --- around OpenCL -----------------------------------------------------------------------------------------
def icds() -> dict[str, Any]:
    """The .icd files that name OpenCL drivers: the system's or OCL_ICD_VENDORS's, and pyopencl's own."""
    setting = os.environ.get("OCL_ICD_VENDORS")
    place = Path(setting or "/etc/OpenCL/vendors")
    spec = importlib.util.find_spec("pyopencl")
    own = [Path(p) / ".libs" for p in (spec.submodule_search_locations or [])] if spec else []
    files = [place] if place.is_file() else sorted(place.glob("*.icd")) if place.is_dir() else []
    rows = []
    for file in [*files, *(f for folder in own for f in sorted(folder.glob("*.icd")))]:
        library = visible(next(iter(_read(str(file)).strip().splitlines()), ""))
        beside = file.parent / library
        if file.suffix != ".icd":
            library = str(file)  # OCL_ICD_VENDORS may name a driver itself
        elif library and beside.exists():
            library = str(beside)
        rows.append({"file": str(file), "library": library, "error": "", "is_guilty": False})
    return {"setting": setting, "place": str(place), "exists": place.exists(), "files": rows}


def graphics(root: Path = Path("/")) -> list[dict[str, Any]]:
    """Graphics cards on the PCI bus, whether or not a driver knows them.

    Parameters
    ----------
    root
        Where ``sys`` and ``proc`` lie.
    """
    cards: list[dict[str, Any]] = []
    for folder in sorted((root / "sys/bus/pci/devices").glob("*")):
        kind = _read(str(folder / "class")).strip()
        if kind[:4] in ("0x03", "0x12"):  # display controllers, processing accelerators
            vendor = _read(str(folder / "vendor")).strip()
            driver = folder / "driver"
            cards.append(
                {
                    "bus": folder.name,
                    "vendor": VENDORS.get(vendor, vendor),
                    "device": _read(str(folder / "device")).strip(),
                    "driver": driver.resolve().name if driver.exists() else None,
                }
            )
    if not any(c["vendor"] == "NVIDIA" for c in cards) and (root / "proc/driver/nvidia/version").exists():
        cards.append(
            {"bus": None, "vendor": "NVIDIA", "device": "", "driver": "nvidia"}
        )  # inside a container
    return cards


def nodes() -> list[dict[str, Any]]:
    """Device files drivers need, and whether this user may use them."""
    rows = []
    for path in (*sorted(Path("/dev/dri").glob("renderD*")), Path("/dev/kfd"), Path("/dev/nvidiactl")):
        if path.exists():
            rows.append(
                {"file": str(path), "usable": os.access(path, os.R_OK | os.W_OK), "group": _group(path)}
            )
    return rows


def _group(path: Path) -> str:
    number = path.stat().st_gid
    try:
        import grp

        return grp.getgrgid(number).gr_name
    except (ImportError, KeyError):
        return str(number)


def is_container() -> bool:
    """Whether this looks like the inside of a container."""
    marks = ("/.dockerenv", "/run/.containerenv")
    return any(Path(m).exists() for m in marks) or not {"container", "KUBERNETES_SERVICE_HOST"}.isdisjoint(
        os.environ
    )
