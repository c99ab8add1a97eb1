"""The OpenCL device by itself: discovery, memory, programs, launches, the cache on disk, fork and exit.

The kernels launched here lie in `cl/`; operators on OpenCL are test_operators.py's business. Runs on PoCL.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("CYSYM_OPENCL", "pocl")
pytest.importorskip("pyopencl")

from cysym._core import Storage
from cysym._opencl import Program
from cysym.base import DeviceError, OutOfMemoryError
from cysym.dtypes import CODES, NAMES, SHORT
from cysym.opencl import cache, kernel_table, opencl_devices, why_not
from cysym.opencl.device import OpenCLDevice
from cysym.opencl.discover import Found, choose
from cysym.opencl.kernels import Table, scan
from cysym.opencl.programs import Programs
from cysym.passes.ir import Buffer, Call, Dynamic, Tensor

FOLDER = Path(__file__).parent / "cl"


@pytest.fixture(scope="module")
def device() -> OpenCLDevice:
    devices = opencl_devices()
    assert devices, why_not()
    kernel_table().add_folder(FOLDER)
    return devices[0]


def needs(device: OpenCLDevice, dtype: str) -> None:
    """Skip where the device has no such type; PoCL, which the test command runs on, has all."""
    if dtype in ("float64", "f64") and not device.has_fp64:
        pytest.skip(f"{device} has no float64")


class Bench:
    """One call, its operands in slots 0, 1, ... of the device, as an executor would set it up."""

    def __init__(
        self,
        device: OpenCLDevice,
        kernel: str,
        outs: Sequence[Any],
        ins: Sequence[Any],
        ints: Sequence[int] = (),
        floats: Sequence[Any] = (),
        items: int = 1,
        dtype: str = "f32",
        **flags: Any,
    ) -> None:
        self.device = device
        self.storages: list[Any] = []
        tensors: list[Tensor] = []
        for array in (*outs, *ins):
            slot = len(tensors)
            buffer = Buffer("external", array.nbytes, device, slot)
            tensors.append(Tensor(buffer, array.shape, CODES[array.dtype.name]))
            storage = device.alloc(array.nbytes)
            device.write(storage, 0, array)
            self.storages.append(storage)
        n = len(outs)
        self.outs = list(outs)
        self.tensors = tensors
        self.call = Call(
            kernel,
            dtype,
            tensors[:n],
            tensors[n:],
            list(ints),
            list(floats),
            items,
            1.0,
            device,
            names=("node7",),
            **flags,
        )

    def segment(self, calls: Any = None) -> Any:
        segment = self.device.make_segment(calls or [self.call], lambda b: b.slot)
        for slot, storage in enumerate(self.storages):
            segment.bind_slot(slot, storage)
        return segment

    def read(self, slot: Any = 0) -> Any:
        out = np.empty_like(self.outs[slot])
        self.device.read(self.storages[slot], 0, out.nbytes, out)
        return out

    def run(self) -> Any:
        self.segment().run()
        return self.read()


def affine(
    device: OpenCLDevice,
    dtype: str = "float32",
    n: int = 131,
    floats: Sequence[Any] = (2.0, 1.0),
    **flags: Any,
) -> Any:
    x = (np.arange(n) % 11).astype(dtype)
    bench = Bench(
        device, "probe_affine", [np.zeros_like(x)], [x], [], list(floats), n, SHORT[CODES[dtype]], **flags
    )
    return bench, x


# --- discovery ----------------------------------------------------------------------------------------------
CARD = Found("B-Vendor", "OpenCL 3.0", "Card", "OpenCL 3.0 x", 4)
OLD = Found("A-Vendor", "OpenCL 1.1", "Relic", "OpenCL 1.1", 4)
HOST = Found("A-Vendor", "OpenCL 1.2", "Host Processor", "OpenCL 1.2", 2)
DSP = Found("A-Vendor", "OpenCL 1.2", "Signal", "OpenCL 1.2", 8)


@pytest.mark.parametrize(
    ("setting", "names"),
    [
        ("", ["Card", "Signal"]),
        ("all", ["Card", "Host Processor", "Signal"]),
        ("PROCESSOR", ["Host Processor"]),
        ("b-vendor", ["Card"]),
        ("absent", []),
    ],
)
def test_choose(setting: Any, names: Any) -> None:
    taken, reasons = choose([HOST, OLD, DSP, CARD], setting)
    assert [d.name for d in taken] == names
    assert len(taken) + len(reasons) == 4
    assert any("Relic" in r and "1.2" in r for r in reasons)


def test_listing_is_made_once(device: OpenCLDevice) -> None:
    assert opencl_devices()[0] is device
    assert (device.index, device.kind) == (0, "opencl")


def run_python(code: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=120,
        cwd=Path(__file__).parent.parent,
    )


def test_without_pyopencl() -> None:
    done = run_python("""
        import sys
        sys.modules["pyopencl"] = None
        from cysym.opencl import opencl_devices, why_not
        assert opencl_devices() == []
        print(why_not())
    """)
    assert done.returncode == 0, done.stderr
    assert "pip install 'cysym[opencl]'" in done.stdout


def test_unset_variable_admits_no_processor() -> None:
    done = run_python(
        """
        from cysym.opencl import opencl_devices, why_not
        assert not any(d.is_cpu for d in opencl_devices())
        print(why_not())
        """,
        CYSYM_OPENCL="",
    )
    assert done.returncode == 0, done.stderr
    assert "CYSYM_OPENCL=all admits it" in done.stdout


# --- memory -------------------------------------------------------------------------------------------------
def test_memory_round_trip(device: OpenCLDevice) -> None:
    before = device.allocated
    a, b = device.alloc(1000), device.alloc(1000, zero=True)
    assert isinstance(a, Storage)
    assert device.allocated == before + 2000
    data = np.arange(250, dtype="i4")
    device.write(a, 0, data)
    device.copy(b, 40, a, 8, 100)
    got = np.full(250, -1, "i4")
    device.read(b, 0, 1000, got)
    want = np.zeros(250, "i4")
    want[10:35] = data[2:27]
    np.testing.assert_array_equal(got, want)
    part = bytearray(8)
    device.read(a, 400, 8, part)
    assert part == data[100:102].tobytes()
    assert (a.version, b.version) == (1, 1)
    del a, b
    assert device.allocated == before


@pytest.mark.parametrize("nbytes", [0, 1, 3, 4, 18, 32])
def test_zeroed_memory_of_any_size(device: OpenCLDevice, nbytes: int) -> None:
    storage = device.alloc(nbytes, zero=True)
    got = np.full(nbytes, 7, "u1")
    device.read(storage, 0, nbytes, got)
    assert not got.any()


def test_memory_ranges_are_checked(device: OpenCLDevice) -> None:
    s = device.alloc(16)
    with pytest.raises(DeviceError, match=r"8\.\.24 lie outside a buffer of 16"):
        device.read(s, 8, 16, bytearray(16))
    with pytest.raises(DeviceError, match="lie outside"):
        device.write(s, 0, bytes(17))
    with pytest.raises(DeviceError, match="lie outside"):
        device.copy(s, 8, device.alloc(64), 0, 9)
    with pytest.raises(DeviceError, match="16 bytes into a buffer of 3"):
        device.read(s, 0, 16, bytearray(3))
    with pytest.raises(BufferError):
        device.read(s, 0, 4, b"fixed")


def test_too_much_memory(device: OpenCLDevice) -> None:
    with pytest.raises(OutOfMemoryError, match=r"cannot allocate \d+ bytes.*largest single"):
        device.alloc(2**60)


def test_memory_of_another_device(device: OpenCLDevice) -> None:
    host = Storage.alloc("cpu(0)", 64)
    with pytest.raises(DeviceError, match=r"cannot use memory of cpu\(0\)"):
        device.read(host, 0, 4, bytearray(4))
    bench, _ = affine(device)
    with pytest.raises(DeviceError, match=r"cannot use memory of cpu\(0\)"):
        bench.segment().bind_slot(0, host)


# --- launches -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "uint8", "int8"])
def test_scalars_have_the_element_type(device: OpenCLDevice, dtype: str) -> None:
    needs(device, dtype)
    a, b = (0.1, 1e-9) if dtype == "float64" else (0.5, -0.25) if dtype == "float32" else (3.9, 2.0)
    bench, x = affine(device, dtype, floats=(a, b))
    t = np.dtype(dtype).type
    np.testing.assert_allclose(bench.run(), x * t(a) + t(b), rtol=1e-15 if dtype == "float64" else 1e-6)


def test_sizes_round_up_to_groups(device: OpenCLDevice) -> None:
    for n in (1, 63, 64, 65, 1000):
        bench, x = affine(device, n=n)
        np.testing.assert_array_equal(bench.run(), 2 * x + 1)


def test_dynamic_scalar_is_set_between_runs(device: OpenCLDevice) -> None:
    bench, x = affine(device, floats=(Dynamic(0, "a"), 1.0))
    segment = bench.segment()
    with pytest.raises(DeviceError, match=r"probe_affine_f32 of node node7.*INVALID_KERNEL_ARGS"):
        segment.run()
    for a in (3.0, -2.0):
        segment.set_float(0, 0, a)
        segment.run()
        np.testing.assert_array_equal(bench.read(), a * x + 1)


def test_grid_line_and_typed_pointer(device: OpenCLDevice) -> None:
    x = np.random.default_rng(1).normal(size=(5, 71)).astype("f4")
    bench = Bench(device, "probe_rows", [np.zeros(5, "f4"), np.zeros(2, "i4")], [], [67, 71], [], 5)
    # The kernel's order is y, x, grid: x goes between the outputs as the call lists them.
    extra = Bench(device, "probe_rows", [x], [])
    y, grid, rows = bench.tensors[0], bench.tensors[1], extra.tensors[0]
    rows.buffer.slot = 2
    bench.storages.append(extra.storages[0])
    bench.call.outs, bench.call.ins, bench.call.work = [y], [rows], [grid]
    bench.segment().run()
    np.testing.assert_allclose(bench.read(0), x[:, :67].sum(1), rtol=1e-5, atol=1e-6)
    assert bench.read(1).tolist() == [160, 32]


@pytest.mark.parametrize("n", [1, 7, 70])
def test_calls_with_any_number_of_ints(device: OpenCLDevice, n: int) -> None:
    ints = [(-1) ** i * 2**40 + i for i in range(n)]
    bench = Bench(device, "probe_ints", [np.zeros(n, "i8")], [], ints, [], n, "any")
    if n == 1:  # the file has no version for "any"
        with pytest.raises(DeviceError, match=r"probe_ints \(probe.cl\) has no version for any"):
            bench.run()
    bench.call.dtype = "f32"
    assert bench.run().tolist() == ints


def test_tensors_inside_an_arena(device: OpenCLDevice) -> None:
    arena = device.alloc(4096, zero=True)
    x = np.arange(9, dtype="f4")
    device.write(arena, 1024 + 12, x)
    src, dst = Buffer("arena", 64, device), Buffer("arena", 64, device)
    src.offset, dst.offset = 1024, 2048
    call = Call(
        "probe_affine",
        "f32",
        [Tensor(dst, (9,), 0, 4)],
        [Tensor(src, (9,), 0, 12)],
        [],
        [2.0, 0.0],
        9,
        1.0,
        device,
    )
    segment = device.make_segment([call], lambda b: 5)
    assert segment.writes == [5]
    segment.bind_slot(5, arena)
    segment.bind_slot(99, arena)  # not a slot of this segment
    segment.run()
    got = np.empty(1024, "f4")
    device.read(arena, 0, 4096, got)
    np.testing.assert_array_equal(got[513:522], 2 * x)
    assert not got[522:].any()


def test_slots_are_rebound_with_offsets(device: OpenCLDevice) -> None:
    bench, x = affine(device, n=10)
    segment = bench.segment()
    big = device.alloc(400, zero=True)
    for at in (40, 0, 360):
        segment.bind_slot(0, big, at)
        segment.run()
        got = np.empty(10, "f4")
        device.read(big, at, 40, got)
        np.testing.assert_array_equal(got, 2 * x + 1)
    for bad in (364, -4):
        with pytest.raises(DeviceError, match="slot 0 needs 40 bytes"):
            segment.bind_slot(0, big, bad)


def test_forgotten_slots_must_be_bound_again(device: OpenCLDevice) -> None:
    bench, x = affine(device)
    segment = bench.segment()
    segment.run()
    segment.forget([0])
    before = device.allocated
    y, bench.storages[0] = bench.storages[0], None
    del y
    assert device.allocated == before - x.nbytes
    with pytest.raises(DeviceError, match=r"slots \[0\].*not bound"):
        segment.run()
    bench.storages[0] = device.alloc(x.nbytes)
    segment.bind_slot(0, bench.storages[0])
    segment.run()
    np.testing.assert_array_equal(bench.read(), 2 * x + 1)


def test_memory_may_go_while_launches_are_under_way(device: OpenCLDevice) -> None:
    bench, x = affine(device, n=4096)
    segment = bench.segment()
    for _ in range(200):
        segment.bind_slot(0, device.alloc(x.nbytes))
        segment.run()
    segment.bind_slot(0, bench.storages[0])
    segment.run()
    np.testing.assert_array_equal(bench.read(), 2 * x + 1)


def test_once_calls_are_left_out_of_a_replay(device: OpenCLDevice) -> None:
    bench, x = affine(device, once=True)
    segment = bench.segment()
    segment.run(True)
    assert not bench.read().any()
    segment.run(False)
    np.testing.assert_array_equal(bench.read(), 2 * x + 1)


def test_guarded_call_runs_when_its_source_was_written(device: OpenCLDevice) -> None:
    bench, x = affine(device)
    bench.call.guard = bench.tensors[1]
    segment = bench.segment()

    def touched() -> bool:
        device.write(bench.storages[0], 0, np.full_like(x, -7))
        segment.run()
        return bool((bench.read() != -7).any())

    assert touched()
    assert not touched()
    device.write(bench.storages[1], 0, x)  # moves the version on
    assert touched()
    assert not touched()
    other = device.alloc(x.nbytes)
    device.write(other, 0, x)
    segment.bind_slot(1, other)
    assert touched()
    assert not touched()
    segment.bind_slot(0, device.alloc(x.nbytes))  # what it wrote before lies elsewhere now
    segment.bind_slot(0, bench.storages[0])
    assert touched()
    other.exported = True  # somebody else may write without telling
    assert touched()
    assert touched()


def test_many_launches_run_in_order(device: OpenCLDevice) -> None:
    bench, x = affine(device, n=64, floats=(1.0, 1.0))
    back = Call(
        "probe_affine", "f32", [bench.tensors[1]], [bench.tensors[0]], [], [1.0, 1.0], 64, 1.0, device
    )
    bench.segment([bench.call, back] * 150).run()
    np.testing.assert_array_equal(bench.read(), x + 299)


def test_random_state_is_numpys_twisters(device: OpenCLDevice) -> None:
    def state() -> Any:
        words = np.empty((1024, 625), "u4")
        device.read(device.random_state(), 0, words.nbytes, words)
        return words

    for seed in (5, 0):
        device.seed(seed)
        got = state()
        for g in (0, 1, 1023):
            want = np.random.RandomState(seed * 127 + g).get_state()  # its legacy seeding is init_genrand
            np.testing.assert_array_equal(got[g, :624], want[1])
            assert got[g, 624] == 624


# --- refusals -----------------------------------------------------------------------------------------------
def test_missing_kernel_names_node_and_device(device: OpenCLDevice) -> None:
    bench = Bench(device, "probe_absent", [np.zeros(4, "f4")], [])
    with pytest.raises(DeviceError, match=r"probe_absent_f32 of node node7 on gpu\(0\).*no OpenCL kernel"):
        bench.segment()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ints": [1]}, "takes 0 ints, the call has 1"),
        ({"floats": [1.0]}, "takes 2 floats, the call has 1"),
        ({"ins": []}, "takes 2 pointers, the call has 1"),
    ],
)
def test_operands_that_are_not_the_kernels(device: OpenCLDevice, change: Any, message: str) -> None:
    bench, _ = affine(device)
    for field, value in change.items():
        setattr(bench.call, field, value)
    with pytest.raises(DeviceError, match=message):
        bench.segment()


def test_source_that_does_not_compile(device: OpenCLDevice) -> None:
    (broken,) = scan("broken.cl", (FOLDER / "broken" / "broken.cl").read_text())
    with pytest.raises(
        DeviceError, match=r"(?s)broken.cl does not compile for f32.*broken.cl:4.*not_declared"
    ):
        device.programs.get(broken, "f32")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("__kernel void f(OUT(y), ITEMS) {}", "no '//! dtypes:' line"),
        ("//! dtypes: f32\n__kernel void f(OUT(y)) {}", "must take"),
        ("//! dtypes: f32\n__kernel void f(INT(n), OUT(y), ITEMS) {}", "must take"),
        ("//! dtypes: f32\n__kernel void f(OUT(y), __global float *x, ITEMS) {}", "must take"),
        ("//! dtypes: f32\n__kernel void f(OUT(y), INT(n), INTS, ITEMS) {}", "mixes INT and INTS"),
        ("//! dtypes: f32\n//! grid f: rows\n__kernel void f(OUT(y), ITEMS) {}", "'rows' is not made of"),
        ("//! dtypes: f32\n//! grid f: items *\n__kernel void f(OUT(y), ITEMS) {}", "invalid syntax"),
        ("//! dtypes: f32\n//! grid f: items, local 300\n__kernel void f(OUT(y), ITEMS) {}", "from 1 to 256"),
        ("//! dtypes: f32\n//! grid g: items\n__kernel void f(OUT(y), ITEMS) {}", "no such kernel"),
    ],
)
def test_files_that_break_the_contract(text: str, message: str) -> None:
    with pytest.raises(DeviceError, match=message):
        scan("f.cl", text)


def test_kernels_in_comments_do_not_count() -> None:
    text = (
        "//! dtypes: any\n/* __kernel void f(int x) */\n// __kernel void g(\n__kernel void h(INTS, ITEMS) {}"
    )
    assert [k.name for k in scan("f.cl", text)] == ["h"]


def test_one_name_in_two_files(tmp_path: Path) -> None:
    for name in ("a.cl", "b.cl"):
        (tmp_path / name).write_text("//! dtypes: f32\n__kernel void f(OUT(y), ITEMS) {}")
    with pytest.raises(DeviceError, match=r"kernel f is in a\.cl and in b\.cl"):
        Table().add_folder(tmp_path)


# --- programs -----------------------------------------------------------------------------------------------
def package_builds() -> Any:
    table = Table()
    table.add_package()
    files = {k.file: k for k in table.kernels.values()}
    return [pytest.param(k, d, id=f"{f}-{d}") for f, k in sorted(files.items()) for d in k.dtypes]


@pytest.mark.parametrize(("kernel", "dtype"), package_builds())
def test_every_file_of_the_package_compiles(device: OpenCLDevice, kernel: Any, dtype: str) -> None:
    needs(device, dtype)
    device.programs.get(kernel, dtype)


def digamma(v: Any) -> Any:
    """Recurrence far up, where three terms of the asymptotic series do."""
    z = v + 200
    series = np.log(z) - 1 / (2 * z) - 1 / (12 * z**2) + 1 / (120 * z**4)
    return series - sum(1 / (v + k) for k in range(200))


ROWS: list[Any] = [
    np.exp, np.exp2, np.expm1, np.log, np.log2, np.log10, np.log1p, np.sqrt, lambda v: 1 / np.sqrt(v),
    np.cbrt, lambda v: v**2.5, lambda v: np.fmod(v, 2), lambda v: np.hypot(v, 3), np.sin, np.cos, np.tan,
    lambda v: np.arcsin(v / 4), lambda v: np.arccos(v / 4), np.arctan, lambda v: np.arctan2(v, 2), np.sinh,
    np.cosh, np.tanh, np.arcsinh, lambda v: np.arccosh(v + 1), lambda v: np.arctanh(v / 4),
    np.vectorize(math.erf), np.vectorize(math.gamma), np.vectorize(math.lgamma), digamma,
    lambda v: v / 2, lambda v: np.mod(-v, 2), np.floor, np.ceil,
    lambda v: np.floor(np.abs(v) + 0.5) * np.sign(v), np.rint, np.trunc, np.abs, lambda v: np.maximum(v, 2),
    lambda v: np.minimum(v, 2), lambda v: np.where(v > 1, 5, v), lambda v: np.full_like(v, 2),
]  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_functions_of_expressions(device: OpenCLDevice, dtype: str) -> None:
    needs(device, dtype)
    x = np.array([0.125, 0.4, 0.5, 1.0, 1.75, 2.5, 3.25], dtype)
    bench = Bench(
        device,
        "probe_functions",
        [np.zeros((len(ROWS), x.size), dtype)],
        [x],
        [x.size],
        [],
        x.size,
        SHORT[CODES[dtype]],
    )
    got = bench.run()
    tolerance = 2e-6 if dtype == "float32" else 1e-13
    for i, f in enumerate(ROWS):
        np.testing.assert_allclose(got[i], f(x.astype("f8")), tolerance, tolerance, err_msg=f"row {i}")


@pytest.mark.parametrize("dtype", ["int32", "uint8"])
def test_functions_of_integers_are_cut(device: OpenCLDevice, dtype: str) -> None:
    x = np.array([1, 2, 3, 4], dtype)
    bench = Bench(
        device, "probe_functions", [np.zeros((len(ROWS), 4), dtype)], [x], [4], [], 4, SHORT[CODES[dtype]]
    )
    got = bench.run()
    assert got[0].tolist() == [2, 7, 20, 54]
    assert got[7].tolist() == [1, 1, 1, 2]
    assert got[30].tolist() == [0, 1, 1, 2]
    assert got[38].tolist() == [2, 2, 3, 4]
    assert got[41].tolist() == [2, 2, 2, 2]


def test_nan_and_infinity_are_told(device: OpenCLDevice) -> None:
    x = np.array([np.nan, np.inf, -np.inf, 1.0], "f4")
    bench = Bench(device, "probe_functions", [np.zeros((len(ROWS), 4), "f4")], [x], [4], [], 4)
    got = bench.run()
    assert got[41].tolist() == [1, 1, 1, 2]
    assert np.isnan(got[37][0])
    assert got[37][2] == np.inf


def test_device_without_float64(device: OpenCLDevice) -> None:
    poor = Programs(
        kernel_table(),
        device.context_ptr,
        device.device_ptr,
        ("test",),
        has_fp64=False,
        has_fp16=False,
        is_cpu=True,
        is_caching=False,
    )
    with pytest.raises(DeviceError, match="cannot compute in float64"):
        poor.get(kernel_table().kernels["probe_affine"], "f64")


def test_conversion_on_a_device_without_float64(
    device: OpenCLDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, y = np.zeros(3, "f4"), np.zeros(3, "f8")
    monkeypatch.setattr(device, "has_fp64", False)
    cast = Bench(device, "cast", [y], [x], [0] * len(kernel_table().kernels["cast"].ints or ()), [], 3, "any")
    with pytest.raises(DeviceError, match=r"cast_any of node node7.*cannot compute in float64"):
        cast.segment()


# --- the cache on disk --------------------------------------------------------------------------------------
@pytest.fixture
def counted(device: OpenCLDevice, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """A fresh cache folder, and a function building one file anew that returns whether the compiler ran."""
    monkeypatch.setenv("CYSYM_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("CYSYM_CACHE", raising=False)
    runs = []

    class Spy:
        restore = Program.restore

        @staticmethod
        def build(*args: Any) -> Any:
            runs.append(args)
            return Program.build(*args)

    monkeypatch.setattr("cysym.opencl.programs.Program", Spy)
    kernel = kernel_table().kernels["probe_affine"]

    def compiled(version: Any = "1") -> Any:
        fresh = Programs(
            kernel_table(),
            device.context_ptr,
            device.device_ptr,
            (device.name, version),
            has_fp64=True,
            has_fp16=False,
            is_cpu=True,
            is_caching=False,
        )
        before = len(runs)
        fresh.get(kernel, "f32")
        fresh.get(kernel, "f32")
        assert len(runs) <= before + 1
        return len(runs) > before

    return compiled, tmp_path / "opencl", monkeypatch


def test_programs_are_kept_on_disk(counted: Any) -> None:
    compiled, folder, _ = counted
    assert compiled()
    assert len(list(folder.iterdir())) == 1
    assert not compiled()
    assert compiled("2")


@pytest.mark.parametrize(
    "damage", [lambda d: d[:-1], lambda d: d[:20], lambda d: b"", lambda d: d[:-1] + b"!"]
)
def test_damaged_programs_are_ignored(counted: Any, damage: Any) -> None:
    compiled, folder, _ = counted
    assert compiled()
    (path,) = folder.iterdir()
    path.write_bytes(damage(path.read_bytes()))
    assert compiled()
    assert not compiled()


def test_binary_the_driver_refuses(device: OpenCLDevice, counted: Any) -> None:
    compiled, folder, _ = counted
    if "rusticl" in device.platform:
        pytest.skip("Mesa 22.3 ends the process on a binary that is none of its own")
    assert compiled()
    (path,) = folder.iterdir()
    cache.store(path.name, b"not a program of any driver")
    assert compiled()
    assert not compiled()


def test_cache_can_be_off_or_unwritable(counted: Any) -> None:
    compiled, folder, monkeypatch = counted
    monkeypatch.setenv("CYSYM_CACHE", "0")
    assert compiled()
    assert compiled()
    assert not folder.exists()
    monkeypatch.delenv("CYSYM_CACHE")
    folder.parent.joinpath("file").write_text("")
    monkeypatch.setenv("CYSYM_CACHE_DIR", str(folder.parent / "file"))
    assert compiled()
    assert compiled()


def test_where_the_cache_lies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CYSYM_CACHE", raising=False)
    monkeypatch.delenv("CYSYM_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.folder() == tmp_path / "cysym" / "opencl"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.folder() == tmp_path / ".cache" / "cysym" / "opencl"


# --- processes ----------------------------------------------------------------------------------------------
BUSY = """
    import os, sys
    import numpy as np
    from cysym.base import DeviceError
    from cysym.opencl import kernel_table, opencl_devices
    from cysym.passes.ir import Buffer, Call, Tensor
    kernel_table().add_folder("tests/cl")
    device = opencl_devices()[0]
    storage = device.alloc(4 << 20, zero=True)
    t = Tensor(Buffer("external", 4 << 20, device, 0), (1 << 20,), 0)
    call = Call("probe_affine", "f32", [t], [t], [], [1.0, 1.0], 1 << 20, 1.0, device)
    segment = device.make_segment([call] * 20, lambda b: 0)
    segment.bind_slot(0, storage)
    segment.run()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forked_child_is_told_and_ends(device: OpenCLDevice) -> None:
    done = run_python(
        textwrap.dedent(BUSY)
        + textwrap.dedent("""
        pid = os.fork()
        if pid == 0:
            uses = [device.sync, segment.run, device.random_state, lambda: device.alloc(4),
                    lambda: device.read(storage, 0, 4, bytearray(4)),
                    lambda: device.make_segment([call], lambda b: 0)]
            for use in uses:
                try:
                    use()
                except DeviceError as error:
                    assert "after a fork" in str(error), error
                else:
                    os._exit(3)
            del segment, storage, uses, call, t
            sys.exit(0)
        got = os.waitpid(pid, 0)[1]
        out = np.empty(1, "f4")
        device.read(storage, 0, 4, out)
        print(got, out[0])
        """),
        CYSYM_OPENCL="pocl",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["0", "20.0"], done.stderr


def test_exit_with_work_under_way(device: OpenCLDevice) -> None:
    done = run_python(BUSY, CYSYM_OPENCL="pocl")
    assert (done.returncode, done.stderr) == (0, "")


def test_threads_use_one_device(device: OpenCLDevice) -> None:
    """Two executors' segments at once: the queue is shared, kernel objects are not."""
    from concurrent.futures import ThreadPoolExecutor

    def work(k: Any) -> Any:
        bench, x = affine(device, n=500 + k, floats=(float(k), 1.0))
        segment = bench.segment()
        for _ in range(50):
            segment.run()
        return bool((bench.read() == k * x + 1).all())

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(8)))


def test_element_names_agree() -> None:
    """The short names in file headers are those of the type table."""
    known = {*SHORT, "any"}
    assert len(NAMES) == len(SHORT)
    for kernel in kernel_table().kernels.values():
        assert known.issuperset(kernel.dtypes), kernel.file
