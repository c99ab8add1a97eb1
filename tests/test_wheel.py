"""The wheel works elsewhere: built, put into an environment that has NumPy and nothing else, and run from
another folder.

pip is the running Python's own, NumPy is linked from the running environment: nothing is downloaded.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from markdown import ROOT

STEP = """
import importlib.util
import numpy as np
import cysym as mx

assert importlib.util.find_spec("pyopencl") is None
net = mx.sym.Convolution(mx.sym.Variable("data"), kernel=(3, 3), num_filter=4, name="conv")
net = mx.sym.FullyConnected(mx.sym.exp(-net * net), num_hidden=3, name="fc")
net = mx.sym.SoftmaxOutput(net, name="softmax")
executor = net.simple_bind(mx.cpu(), data=(2, 1, 8, 8))
mx.random.seed(0)
for name, array in executor.arg_dict.items():
    array[:] = mx.nd.random.uniform(-1, 1, array.shape)
rows = executor.forward(is_train=True)[0].asnumpy()
executor.backward()
assert np.allclose(rows.sum(axis=1), 1, atol=1e-6), rows
for name in ("data", "conv_weight", "conv_bias", "fc_weight", "fc_bias"):
    gradient = executor.grad_dict[name].asnumpy()
    assert np.isfinite(gradient).all() and gradient.any(), name
print(mx.__version__, mx.num_gpus(), mx.__file__)
"""


def run(*command: str | Path, cwd: Path) -> str:
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PIP_", "CYSYM_"))}
    done = subprocess.run([str(c) for c in command], cwd=cwd, env=env, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("wheel")
    for left in list((ROOT / "build").glob("lib*/cysym/**/*.*")):
        if (
            left.suffix != ".so"
        ):  # setuptools would pack what an earlier build copied and the sources have no more
            left.unlink()
    options = ["--no-build-isolation", "--no-deps", "--no-index", "--disable-pip-version-check"]
    run(sys.executable, "-m", "pip", "wheel", *options, "-w", place, ROOT, cwd=place)
    (built,) = place.glob("*.whl")
    return built


def test_what_is_inside(wheel: Path) -> None:
    name = re.fullmatch(r"cysym-([\d.]+)-cp311-abi3-linux_(\w+)\.whl", wheel.name)
    assert name, wheel.name
    inside = set(zipfile.ZipFile(wheel).namelist())
    data = (".py", ".pyi", ".inc", ".cl", "py.typed")
    wanted = {
        str(p.relative_to(ROOT))
        for p in (ROOT / "cysym").rglob("*")
        if p.name.endswith(data) and "__pycache__" not in str(p)
    }
    compiled = {f"cysym/{p.stem}.abi3.so" for p in (ROOT / "cysym").glob("*.pyx")}
    got = {n for n in inside if not n.startswith(f"cysym-{name[1]}.dist-info/")}
    assert got == wanted | compiled
    assert f"cysym-{name[1]}.dist-info/licenses/LICENSE" in inside


def test_it_runs_elsewhere_with_numpy_only(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "environment"
    run(sys.executable, "-m", "venv", "--without-pip", home, cwd=tmp_path)
    python = home / "bin" / "python"
    (packages,) = home.glob("lib/python*/site-packages")
    for part in Path(np.__file__).parent.parent.glob("numpy*"):
        (packages / part.name).symlink_to(part)
    pip = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check"]
    run(*pip, "install", "--no-index", wheel, cwd=tmp_path)  # fails if NumPy were not enough
    version, gpus, place = run(python, "-c", STEP, cwd=tmp_path).split()
    assert wheel.name.split("-")[1] == version
    assert gpus == "0"
    assert Path(place).is_relative_to(packages)
