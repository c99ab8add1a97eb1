"""What all tests share: devices, random numbers, caches of their own.

OpenCL devices of every kind are admitted, so PoCL on the CPU stands in for a GPU. The variables are set here,
before anything imports cysym, which reads them once. Compiled programs go to a folder that dies with the
session: a stale cache can neither help nor harm.
"""

from __future__ import annotations

import atexit
import importlib.util
import os
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from typing import Any

CACHES = tempfile.mkdtemp(prefix="cysym-test-")
atexit.register(shutil.rmtree, CACHES, ignore_errors=True)  # after cysym's own exit handler
CHOSEN = os.environ.setdefault("CYSYM_OPENCL", "all")
for variable in ("POCL_CACHE_DIR", "CYSYM_CACHE_DIR"):
    os.environ[variable] = os.path.join(CACHES, variable)
    os.mkdir(os.environ[variable])

import numpy as np  # noqa: E402
import pytest  # noqa: E402

import cysym as mx  # noqa: E402


def contexts() -> list[Any]:
    """The CPU, and the first OpenCL device where there is one."""
    return [mx.cpu()] + ([mx.gpu(0)] if mx.context.opencl_devices() else [])


def pytest_report_header() -> str:
    devices = ", ".join(str(d.name) for d in mx.context.opencl_devices())
    return f"cysym: {mx._core.ISA} kernels, OpenCL: {devices or 'none'}"


def pytest_sessionstart() -> None:
    """Stop when OpenCL is installed but finds no device: its tests must not vanish unseen.

    CYSYM_OPENCL=none says that this is meant.
    """
    if CHOSEN == "none" or importlib.util.find_spec("pyopencl") is None or mx.context.opencl_devices():
        return
    try:
        mx.gpu(0).device  # noqa: B018
        reason = "unknown"
    except mx.MXNetError as error:
        reason = str(error)
    raise pytest.UsageError(
        f"pyopencl is installed but there is no OpenCL device (CYSYM_OPENCL={CHOSEN}): {reason}"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test that takes `ctx` and does not choose itself runs on every device."""
    named = [m.args[0] for m in metafunc.definition.iter_markers("parametrize")]
    chosen = {n.strip() for names in named for n in (names.split(",") if isinstance(names, str) else names)}
    if "ctx" in metafunc.fixturenames and "ctx" not in chosen:
        metafunc.parametrize("ctx", contexts(), ids=str)


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """Random numbers that depend on nothing but the name of the test."""
    return np.random.default_rng(zlib.crc32(request.node.nodeid.encode()))


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """Give the number of threads back as it was."""
    before = mx._core.get_num_threads()
    yield
    mx._core.set_num_threads(before)
