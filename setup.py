"""Build of the compiled parts: Cython modules plus the CPU kernels, once per instruction set and element
type.

The kernels' table is made here by scanning ``cysym/c_kernels/*.c`` for ``CS_KERNEL(name)`` and ``//!
dtypes:`` lines, so that adding a kernel edits no list. Objects lie in ``build/isa/<platform>-<flags>/`` and
are reused by later builds.

Environment: ``CYSYM_ABI3=0`` builds for this Python only (needed by profilers), ``CYSYM_SANITIZE=1`` adds
AddressSanitizer and UBSan.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext as _build_ext

ROOT = Path(__file__).parent
KERNELS = Path("cysym/c_kernels")
RUNTIME = Path("cysym/c_runtime")
PARTS = Path("cysym/core")  # what _core.pyx includes
ABI3 = os.environ.get("CYSYM_ABI3", "1") != "0" and not sysconfig.get_config_var("Py_GIL_DISABLED")
X86 = platform.machine().lower() in ("x86_64", "amd64")
BASE_MARCH = ["-march=x86-64", "-mtune=generic"] if X86 else []
AVX2 = ["-mavx2", "-mfma", "-mf16c"]
ISAS: dict[str, list[str]] = {"base": BASE_MARCH}
if X86:
    ISAS["avx2"] = [*BASE_MARCH, *AVX2]
    ISAS["avx512"] = [
        *BASE_MARCH, *AVX2, "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl",
        "-mprefer-vector-width=512",
    ]  # fmt: skip
C_FLAGS = ["-std=gnu11", "-O3", "-g0", "-Wall", "-Wextra", "-Werror", "-fno-math-errno", "-fno-trapping-math"]
C_FLAGS += ["-fvisibility=hidden", "-fno-semantic-interposition", "-fwrapv"]
LINK = ["-lm", "-lpthread"]
CYTHON_FLAGS = ["-O2", "-g0", "-std=gnu11", "-Wno-unused-const-variable"]
if os.environ.get("CYSYM_SANITIZE") == "1":
    SANITIZE = ["-fsanitize=address,undefined", "-fno-omit-frame-pointer", "-g1", "-O1"]
    # -fwrapv would silence overflows of sizes; checks inserted by the compiler confuse its own warnings.
    C_FLAGS += [*SANITIZE, "-fsanitize=float-cast-overflow", "-fno-wrapv", "-Wno-error"]
    CYTHON_FLAGS += SANITIZE
    LINK += ["-fsanitize=address,undefined"]


def newest(source: Path, seen: set[Path] | None = None) -> float:
    """When a C file or any file of ours that it includes was last changed."""
    seen = {source} if seen is None else seen
    time = source.stat().st_mtime
    for name in re.findall(r'^#\s*include "([^"]+)"', source.read_text(), re.M):
        for path in (KERNELS / name, RUNTIME / name):
            if path.exists() and path not in seen:
                seen.add(path)
                time = max(time, newest(path, seen))
    return time


def tier(isa: str, dtype: str) -> str:
    """Instruction set a kernel is really compiled for: only float32 and type-blind kernels get AVX-512
    objects."""
    return "avx2" if isa == "avx512" and dtype not in ("f32", "any") else isa


def scan(source: Path) -> tuple[list[str], list[str]]:
    """Kernel names and element types of one kernel file."""
    text = source.read_text()
    names = re.findall(r"^CS_KERNEL\((\w+)\)", text, re.M)
    dtypes = re.search(r"^//! dtypes:(.*)$", text, re.M)
    if names and not dtypes:
        raise SystemExit(f"{source}: no '//! dtypes:' line")
    return names, dtypes.group(1).split() if dtypes else []


def table(isa: str, kernels: list[tuple[str, str]]) -> str:
    """C text of one instruction set's table of kernels."""
    rows = [(name, dt, f"cs_{name}_{dt}_{tier(isa, dt)}") for name, dt in kernels]
    declare = "".join(f"void {f}(const cs_call *, int64_t, int64_t);\n" for _, _, f in rows)
    body = "".join(f'    {{"{name}", "{dt}", {f}}},\n' for name, dt, f in rows)
    return (
        f'#include "cysym.h"\nextern const cs_entry cs_table_{isa}[];\n'
        f"extern const int64_t cs_table_{isa}_count;\n"
        f"{declare}const cs_entry cs_table_{isa}[] = {{\n{body}}};\n"
        f"const int64_t cs_table_{isa}_count = {len(rows)};\n"
    )


class build_ext(_build_ext):
    """Compiles file x instruction set x element type in parallel and links the objects into ``_core``."""

    def finalize_options(self) -> None:
        super().finalize_options()
        if self.parallel is None:
            self.parallel = os.cpu_count()

    def build_extension(self, ext: Extension) -> None:
        if ext.name == "cysym._core":
            ext.extra_objects = self.kernel_objects(ext)
        super().build_extension(ext)

    def kernel_objects(self, ext: Extension) -> list[str]:
        generated = Path("build/generated")
        generated.mkdir(parents=True, exist_ok=True)
        jobs: list[tuple[Path, list[str], str]] = []
        kernels: list[tuple[str, str]] = []
        for source in sorted(KERNELS.glob("*.c")):
            names, dtypes = scan(source)
            kernels += [(n, d) for d in dtypes for n in names]
            for dtype in dtypes:
                for isa in dict.fromkeys(tier(i, dtype) for i in ISAS):
                    defines = [
                        f"-DCS_ISA={isa}",
                        f"-DCS_ISA_{isa}=1",
                        f"-DCS_DT={dtype}",
                        f"-DCS_DT_{dtype}=1",
                    ]
                    jobs.append((source, [*ISAS[isa], *defines], f"{isa}-{dtype}"))
        for isa in ISAS:
            path, text = generated / f"table_{isa}.c", table(isa, kernels)
            if not path.exists() or path.read_text() != text:
                path.write_text(text)
            jobs.append((path, BASE_MARCH, "table"))
        jobs += [(source, BASE_MARCH, "runtime") for source in sorted(RUNTIME.glob("*.c"))]

        def compile_one(job: tuple[Path, list[str], str]) -> str:
            source, flags, label = job
            flags = [*C_FLAGS, *flags, f"-I{KERNELS}", f"-I{RUNTIME}"]
            compiler = getattr(self.compiler, "compiler_so", [])
            key = hashlib.sha1(repr((flags, compiler)).encode()).hexdigest()[:8]
            out = f"build/isa/{sys.platform}-{platform.machine()}-{label}-{key}"
            (obj,) = self.compiler.object_filenames([str(source)], output_dir=out)
            have = Path(obj).stat().st_mtime if Path(obj).exists() else -1.0
            if self.force or have < newest(source):
                self.compiler.compile([str(source)], output_dir=out, extra_postargs=flags)
            return str(obj)

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return list(pool.map(compile_one, jobs))


def extension(name: str) -> Extension:
    macros = [("Py_LIMITED_API", "0x030B0000")] if ABI3 else []
    macros.append(("CYTHON_USE_TYPE_SPECS", "1"))
    folders = (KERNELS, RUNTIME, PARTS) if name == "_core" else ()
    watched = [str(p) for d in folders for p in (ROOT / d).iterdir()]
    return Extension(
        f"cysym.{name}",
        [f"cysym/{name}.pyx"],
        include_dirs=[str(KERNELS), str(RUNTIME)],
        define_macros=macros,
        py_limited_api=ABI3,
        extra_compile_args=CYTHON_FLAGS,
        extra_link_args=LINK,
        depends=["setup.py", *(os.path.relpath(w, ROOT) for w in watched)],
    )


def main() -> None:
    modules = sorted(p.stem for p in (ROOT / "cysym").glob("*.pyx"))
    setup(
        ext_modules=cythonize(
            [extension(name) for name in modules],
            nthreads=os.cpu_count() or 1,
            compiler_directives={"language_level": 3, "embedsignature": True, "binding": True},
        ),
        cmdclass={"build_ext": build_ext},
        options={"bdist_wheel": {"py_limited_api": "cp311"}} if ABI3 else {},
    )


if __name__ == "__main__":
    main()
