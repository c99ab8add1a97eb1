"""What to do about what `doctor` found: a sentence with a command for each thing that is missing or broken.

Facts come in as plain data (from `machine`, and the answers of `probe`), sentences go out. Nothing is looked
up here, so that a test can ask about machines it does not have.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

# Who makes the GPU -> (a word of the platform's name, how to get its OpenCL on Debian and Ubuntu)
DRIVERS: Final = {
    "NVIDIA": (
        "nvidia",
        "apt install nvidia-opencl-icd (Debian) or libnvidia-compute-NNN (Ubuntu, NNN as the driver)",
    ),
    "AMD": (
        "amd",
        "apt install mesa-opencl-icd and set RUSTICL_ENABLE=radeonsi, or AMD's ROCm (rocm-opencl-runtime)",
    ),
    "Intel": ("intel", "apt install intel-opencl-icd"),
    "ARM": (
        "arm",
        "apt install mesa-opencl-icd and set RUSTICL_ENABLE=panfrost, or take the board maker's libmali",
    ),
    "Qualcomm": ("qualcomm", "apt install mesa-opencl-icd and set RUSTICL_ENABLE=freedreno"),
}
POCL: Final = "pip install pocl-binary-distribution, or apt install pocl-opencl-icd"
_RUSTICL: Final = (
    "radeonsi (AMD), iris (Intel), nouveau (NVIDIA), panfrost (ARM), freedreno (Qualcomm), llvmpipe (CPU)"
)


def advise(facts: dict[str, Any]) -> list[str]:
    """Sentences for the user, the most pressing first; none where nothing is missing.

    Parameters
    ----------
    facts
        The report of `doctor`: its keys "cpu", "opencl", "packages" and "cache".
    """
    return list(dict.fromkeys([*_cpu(facts["cpu"]), *_opencl(facts["opencl"]), *_rest(facts)]))


def _cpu(cpu: dict[str, Any]) -> Iterator[str]:
    whole = [s["name"] for s in cpu["sets"] if not s["broken"]]
    for one in cpu["sets"]:
        if one["broken"]:
            way = f"set CYSYM_ISA={whole[-1]} meanwhile and " if whole else ""
            yield f"The CPU's {one['name']} kernels fail: {way}report it with the output of doctor --json."


def _opencl(opencl: dict[str, Any]) -> Iterator[str]:
    if opencl["pyopencl"] is None:
        yield from _without_pyopencl(opencl)
        return
    yield from _drivers(opencl)
    yield from _permissions(opencl["nodes"])
    yield from _platforms(opencl)
    yield from _choice(opencl)
    for device in opencl["devices"]:
        bad = [c["name"] for c in device["checks"] if c["ok"] is False]
        if bad:
            yield (
                f"{_name(device)} fails at {', '.join(bad)}: update its driver. Meanwhile CYSYM_OPENCL with "
                "a word of another device's name leaves it out, CYSYM_OPENCL=none leaves out all."
            )


def _name(device: dict[str, Any]) -> str:
    return f"{device['name']} ({device['platform']})"


def _without_pyopencl(opencl: dict[str, Any]) -> Iterator[str]:
    error = opencl["error"]
    again = "pip install --force-reinstall pyopencl"
    if opencl["trouble"]:
        yield f"pyopencl cannot be imported ({opencl['trouble']}): {again}."
    elif "libOpenCL" in error:
        yield f"pyopencl finds no OpenCL loader ({error}): apt install ocl-icd-libopencl1."
    elif opencl["is_there"]:
        yield f"pyopencl is installed but cannot be imported ({error}): {again}."
    else:
        yield "pyopencl is not installed, so there is no mx.gpu(i): pip install 'cysym[opencl]'."


def _drivers(opencl: dict[str, Any]) -> Iterator[str]:
    icds = opencl["icds"]
    if icds["setting"] and not icds["exists"]:
        yield (
            f"OCL_ICD_VENDORS={icds['setting']} names nothing that exists, so no driver is found there: "
            "unset it, or let it name a folder of .icd files."
        )
    guilty = [row["file"] for row in opencl["guilty"]]
    for row in opencl["guilty"]:
        yield (
            f"The driver of {row['file']} ({row['library']}) breaks every program that asks for OpenCL "
            f"devices ({row['error']}): update it, remove the file, or let OCL_ICD_VENDORS name a folder "
            "without it."
        )
    for row in icds["files"]:
        if row["error"] and row["file"] not in guilty:
            yield (
                f"{row['file']} names a driver that does not load ({row['error']}): reinstall the package "
                f"the file belongs to (dpkg -S {row['file']}), or remove the file."
            )
    if opencl["trouble"] and not guilty:
        yield f"OpenCL cannot be asked for its devices ({opencl['trouble']}): update the drivers."


def _permissions(nodes: list[dict[str, Any]]) -> Iterator[str]:
    closed = [n for n in nodes if not n["usable"]]
    if closed:
        groups = ",".join(dict.fromkeys(n["group"] for n in closed))
        files = ", ".join(n["file"] for n in closed)
        yield (
            f"This user may not use {files}: sudo usermod -aG {groups} $USER, then log in again (in a "
            "container: --device for each file, --group-add for the group)."
        )


def _platforms(opencl: dict[str, Any]) -> Iterator[str]:
    platforms = opencl["platforms"]
    for platform in platforms:
        if platform["devices"] == 0:
            yield _empty(platform)
    names = " ".join(f"{d['platform']} {d['name']}" for d in opencl["devices"] if d["kind"] != "CPU").lower()
    for vendor in dict.fromkeys(c["vendor"] for c in opencl["graphics"]):
        if vendor in DRIVERS and DRIVERS[vendor][0] not in names:
            yield _vendor(vendor, opencl)
    if not platforms and not opencl["trouble"]:
        yield f"No OpenCL platform is installed. A GPU needs its maker's; without a GPU: {POCL}."


def _empty(platform: dict[str, Any]) -> str:
    if "rusticl" in platform["platform"].lower():
        return f"rusticl has no device until RUSTICL_ENABLE names the drivers it may use: {_RUSTICL}."
    why = f" ({platform['error']})" if platform["error"] else ""
    return (
        f"The platform {platform['platform']} has no device{why}: its hardware is absent, or this user may "
        "not use it, or its kernel driver is not loaded."
    )


def _vendor(vendor: str, opencl: dict[str, Any]) -> str:
    way = DRIVERS[vendor][1]
    if vendor == "NVIDIA":
        has_node = any(n["file"] == "/dev/nvidiactl" for n in opencl["nodes"])
        has_icd = any("nvidia" in f["library"] for f in opencl["icds"]["files"])
        place = "/etc/OpenCL/vendors"
        if not has_node and opencl["is_container"]:
            way = "start the container with --gpus all and NVIDIA_DRIVER_CAPABILITIES=compute,utility"
        elif not has_node:
            way = f"the kernel driver is not loaded (try nvidia-smi); {way}"
        elif not has_icd:  # containers get the driver from outside, without this file
            make = f"mkdir -p {place} && echo libnvidia-opencl.so.1 > {place}/nvidia.icd"
            way = f"{make} (containers lack that file), or {way}"
    return f"A GPU of {vendor} is here that OpenCL does not show: {way}."


def _choice(opencl: dict[str, Any]) -> Iterator[str]:
    devices, setting = opencl["devices"], opencl["setting"].strip()
    usable = [d for d in devices if d["usable"]]
    if not usable or any(d["context"] for d in devices) or setting.lower() == "none":
        return
    listed = ", ".join(map(_name, usable))
    if setting:
        yield (
            f"CYSYM_OPENCL={setting} leaves out every device; there are {listed}. Unset it, or give it a "
            "word of a name, or set CYSYM_OPENCL=all."
        )
    else:
        yield (
            f"OpenCL shows no GPU, but {listed}: CYSYM_OPENCL=all makes it mx.gpu(0), for trying things out; "
            "mx.cpu() is faster."
        )


def _rest(facts: dict[str, Any]) -> Iterator[str]:
    cache = facts["cache"]
    if cache["folder"] and not cache["writable"]:
        yield (
            f"{cache['folder']} cannot be written, so every process compiles its OpenCL programs again: set "
            "CYSYM_CACHE_DIR."
        )
    for package in facts["packages"]:
        if package["version"] is None and package["extra"] != "demo":
            extra = f"pip install 'cysym[{package['extra']}]'"
            yield f"{package['name']} is not installed ({package['for']}): {extra}."
        elif package["version"] is not None and package.get("dot", "") is None:
            yield "graphviz finds no `dot`, which draws its PDF and PNG files: apt install graphviz."
