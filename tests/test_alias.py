"""`cysym.install_as_mxnet` and ``python -m cysym run``: old programs find MXNet and run as Python runs them.

What touches the process, as the name mxnet, is tried in a process of its own; several facts share one.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from markdown import ROOT, blocks
from oracle import run_mxnet

from cysym import old_numpy
from cysym.__main__ import main
from cysym.cli.old_python import hint

RUN = ["-m", "cysym", "run"]


def python(*arguments: str | Path, cwd: Path, text: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(
        command, cwd=cwd, env=environment, input=text, capture_output=True, text=True, timeout=120
    )


def facts(code: str, cwd: Path) -> str:
    """What code prints that begins with the alias; it must not fail."""
    done = python("-c", "import cysym\ncysym.install_as_mxnet()\n" + code, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


# --- the name ----------------------------------------------------------------------------------------------
def test_one_package_under_two_names(tmp_path: Path) -> None:
    code = """
import importlib, importlib.metadata, importlib.util, pkgutil, sys
cysym.install_as_mxnet()
import mxnet as mx
from mxnet import nd, sym, __version__
from mxnet.io import NDArrayIter
import mxnet.ndarray.ndarray
import mxnet.symbol.symbol, mxnet.symbol.contrib, mxnet.ndarray.op
import mxnet.ndarray._internal, mxnet.ndarray.linalg
from mxnet.module.base_module import BaseModule

assert mx.__version__ == __version__ == mx.libinfo.__version__ == "1.9.1" != cysym.__version__
assert importlib.metadata.version("mxnet") == "1.9.1"
assert mx.__name__ == "mxnet" and cysym.__name__ == "cysym" and cysym.module.__name__ == "cysym.module"
assert mx.__file__ == cysym.__file__ and "mxnet" in repr(mx)
assert cysym.module.__spec__.name == "cysym.module"
assert nd is cysym.nd and sym is cysym.sym and NDArrayIter is cysym.io.NDArrayIter
assert issubclass(mx.mod.Module, BaseModule) and mx.nd.NDArray is cysym.nd.NDArray
assert isinstance(mx.nd.ones((1,)), cysym.nd.NDArray)
assert mxnet.ndarray.ndarray is mx.ndarray.ndarray is sys.modules["cysym.ndarray.ndarray"]
assert importlib.import_module("mxnet.model") is cysym.model

both = {n.removeprefix("mxnet."): m for n, m in sys.modules.items() if n.startswith("mxnet.")}
assert len(both) > 40
for name, module in both.items():
    assert module is sys.modules["cysym." + name], name

assert importlib.reload(mx) is mx and mx.__version__ == "1.9.1"
assert importlib.reload(mx.lr_scheduler) is cysym.lr_scheduler
assert importlib.util.find_spec("mxnet").name == "mxnet"
assert importlib.util.find_spec("mxnet.recordio").origin.endswith("recordio.py")
assert importlib.util.find_spec("mxnet.no_such") is None
assert importlib.util.find_spec("mxnet.ndarray.linalg").name == "cysym.ndarray.linalg"
assert {"module", "symbol", "model"} <= {m.name for m in pkgutil.iter_modules(mx.__path__)}

everything = {}
exec("from mxnet import *", everything)
assert everything["__version__"] == "1.9.1" and everything["mod"] is cysym.module
assert {"__version__", "nd", "viz"} <= set(dir(mx))

mx.mine = 3
assert cysym.mine == 3
del mx.mine
assert not hasattr(cysym, "mine") and not hasattr(mx, "mine")
"""
    assert facts(code, tmp_path) == ""


def test_modules_are_imported_when_asked_for(tmp_path: Path) -> None:
    code = """
import sys
import mxnet as mx
assert "cysym.module" not in sys.modules and "mxnet.module" not in sys.modules
mx.module
assert "cysym.module" in sys.modules
import mxnet.module.module
assert mx.module.module is cysym.module.module and mx.module.Module is mxnet.module.module.Module
"""
    assert facts(code, tmp_path) == ""


def test_what_is_absent_says_what_to_use(tmp_path: Path) -> None:
    lines = [
        "import mxnet.gluon",
        "from mxnet import gluon",
        "from mxnet.gluon import nn",
        "import mxnet; mxnet.gluon",
        "import mxnet.contrib.text",
        "from mxnet.base import check_call",
        "import mxnet.no_such",
        "from mxnet import no_such",
    ]
    code = f"""
for line in {lines!r}:
    try:
        exec(line)
    except (ImportError, AttributeError) as error:
        print(type(error).__name__, isinstance(error, NotImplementedError), error)
"""
    said = facts(code, tmp_path).splitlines()
    assert len(said) == len(lines)
    for line, text in zip(lines, said, strict=True):
        if "no_such" in line:
            assert " False " in text
            assert "no_such" in text
        else:
            assert " True " in text
            assert "Absent" in text
            assert any(w in text for w in ("mx.mod.Module", "C interface", "Embedding")), text


def test_another_mxnet(tmp_path: Path) -> None:
    """One that is installed gives way with a line in the log; one that is imported already is an error."""
    (tmp_path / "mxnet").mkdir()
    (tmp_path / "mxnet" / "__init__.py").write_text("__version__ = '0.12'\n")
    late = """import mxnet, cysym
try: cysym.install_as_mxnet()
except ImportError as e: print(e)
print(mxnet.__version__)"""
    done = python("-c", late, cwd=tmp_path)
    error, version = done.stdout.splitlines()
    assert str(tmp_path / "mxnet" / "__init__.py") in error
    assert "before" in error
    assert version == "0.12"
    done = python(
        "-c", "import cysym\ncysym.install_as_mxnet()\nimport mxnet\nprint(mxnet.__version__)", cwd=tmp_path
    )
    assert done.stdout == "1.9.1\n"
    assert done.stderr.count("\n") == 1
    assert str(tmp_path / "mxnet" / "__init__.py") in done.stderr


def test_threads_import_at_once(tmp_path: Path) -> None:
    code = """
import importlib, sys, threading
names = ["model", "module", "module.base_module", "io", "metric", "optimizer", "image.detection", "rnn"]
failed, start = [], threading.Barrier(12)
def work(k):
    start.wait()
    try:
        cysym.install_as_mxnet()
        for name in names[k % 8:] + names[:k % 8]:
            package = ("mxnet.", "cysym.")[k % 2]
            module = importlib.import_module(package + name)
            assert module.__name__ == "cysym." + name and module.__doc__
    except BaseException as error:
        failed.append(repr(error))
threads = [threading.Thread(target=work, args=(k,)) for k in range(12)]
[t.start() for t in threads]
[t.join() for t in threads]
assert not failed, failed
for name in names:
    assert sys.modules["mxnet." + name] is sys.modules["cysym." + name]
"""
    assert facts(code, tmp_path) == ""


PICKLES = ROOT / "tests" / "recorded" / "pickles.json"


def test_pickles_that_mxnet_wrote(tmp_path: Path) -> None:
    code = f"""
import json, pickle
import numpy as np
import mxnet as mx
texts = json.load(open({str(PICKLES)!r}))
assert len(texts) >= 51
for protocol in "024":
    o = {{n[:-2]: pickle.loads(t.encode("latin1")) for n, t in texts.items() if n.endswith(protocol)}}
    assert o["array"].asnumpy().tolist() == [[1, -2], [3, 4]] and o["array"].context == mx.cpu()
    assert o["parameters"]["n"].dtype is np.int32 and o["parameters"]["n"].asnumpy().tolist() == [7, 8]
    assert o["half"].dtype is np.float16 and o["half"].asnumpy().tolist() == [0.5, 2]
    assert o["symbol"].list_arguments() == ["data", "fc_weight", "fc_bias"]
    assert o["symbol"].attr_dict()["data"]["__lr_mult__"] == "2"
    assert o["context"] == mx.cpu(1) and o["gpu"] == mx.gpu(0) and hash(o["gpu"]) == hash(mx.gpu(0))
    assert o["desc"] == mx.io.DataDesc("data", (2, 3)) and o["desc"].layout == "NC"
    assert o["batch"].pad == 1 and o["batch"].data[0].shape == (2, 1)
    assert o["initializer"].dumps() == mx.init.Xavier(magnitude=2).dumps()
    assert o["init_desc"] == "x_weight" and o["init_desc"].attrs == {{"a": "b"}}
    assert o["schedule"](25) == 0.01 * 0.5**2
    assert (o["optimizer"].lr, o["optimizer"].momentum) == (0.5, 0.9)
    assert o["speedometer"].frequent == 7 and str(o["error"]) == "text"
    assert o["class"] is mx.mod.Module and o["function"] is mx.callback.log_train_metric
    o["metric"].update([mx.nd.array([1, 0])], [mx.nd.array([[0, 1], [0, 1]])])
    assert o["metric"].get() == ("accuracy", 0.5)
    weight = mx.nd.ones((2,))
    updater = mx.optimizer.get_updater(o["optimizer"])
    updater(0, mx.nd.ones((2,)), weight)
    assert weight.asnumpy().tolist() == [0.5, 0.5]
"""
    assert facts(code, tmp_path) == ""


def test_mxnet_still_pickles_so(tmp_path: Path) -> None:
    code = """import sys
sys.path.insert(0, sys.argv[1])
import record_pickles
record_pickles.HERE = record_pickles.Path(sys.argv[2])
record_pickles.main()"""
    run_mxnet("-c", code, PICKLES.parent, tmp_path)
    assert json.loads((tmp_path / "pickles.json").read_text()) == json.loads(PICKLES.read_text())


# --- names of NumPy ----------------------------------------------------------------------------------------
def test_names_numpy_no_longer_has(tmp_path: Path) -> None:
    script = tmp_path / "old.py"
    script.write_text(
        "import numpy as np\nimport mxnet as mx\n"
        "print(np.zeros(2, np.float).dtype, np.int('7'), np.in1d([[1, 2]], [2]), np.asscalar(np.ones(1)))\n"
        "print(np.fromstring(b'\\1\\2', np.int8), np.fromstring('1 2', sep=' '))\n"
        "a = np.fromstring(b'\\1\\2', np.uint8); a[0] = 9\n"
        "np.no_such\n"
    )
    done = python(*RUN, script, cwd=tmp_path)
    assert done.stdout == "float64 7 [False  True] 1.0\n[1 2] [1. 2.]\n"
    lines = done.stderr.splitlines()
    assert lines[0].startswith("old.py:3 uses numpy.float, which NumPy " + np.__version__)
    assert lines[-1].startswith("AttributeError: module 'numpy' has no attribute 'no_such'")
    assert sum("no longer has" in line for line in lines) == 1
    done = python(*RUN, "--no-numpy-names", script, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "AttributeError" in done.stderr


def test_numpys_own_names_stay() -> None:
    assert all(value is not None for value in old_numpy.NAMES.values())
    values = np.array([3.0, 1.0, 2.0])
    assert old_numpy.NAMES["asfarray"]([1, 2], np.int32).dtype == np.float64
    assert old_numpy.NAMES["asfarray"]([1, 2], np.float32).dtype == np.float32
    assert old_numpy.NAMES["trapz"](values) == 3.5
    assert old_numpy.NAMES["product"](values) == 6
    assert not hasattr(np, "int"), "importing the table must change nothing"


# --- run ---------------------------------------------------------------------------------------------------
LOOK = """import sys, os, pickle, threading, atexit{mxnet}
class Local: pass
print(__name__, globals().get("__file__"), sys.argv, sys.path[0], __builtins__, __package__, __doc__)
print(__spec__ and __spec__.name, type(__loader__).__name__, sorted(k for k in globals() if "__" in k))
print(pickle.loads(pickle.dumps(Local())).__class__ is Local, sys.modules["__main__"].Local is Local)
atexit.register(lambda: print("last", sys.modules["__main__"].Local is Local))
threading.Timer(0.05, lambda: print("thread", Local.__module__)).start()
"""
FORMS = {
    "script": ["look.py", "--gpus", "0", "-m", "x", "--", "-h", "--no-numpy-names"],
    "link": ["sub/../link.py"],
    "folder": ["folder", "a"],
    "module": ["-m", "package.look", "-x", "--help"],
    "package": ["-m", "package"],
    "stdin": ["-", "a", "-b"],
}


@pytest.mark.parametrize("form", FORMS)
def test_like_python_itself(form: str, tmp_path: Path) -> None:
    said = []
    for name, mxnet, before in (("plain", "", []), ("plain", ", mxnet.model", RUN)):
        place = tmp_path / name
        for folder in ("sub", "folder", "package"):
            (place / folder).mkdir(parents=True, exist_ok=True)
        text = LOOK.format(mxnet=mxnet)
        for file in (
            "look.py",
            "sub/look.py",
            "folder/__main__.py",
            "package/look.py",
            "package/__main__.py",
        ):
            (place / file).write_text(text)
        (place / "package" / "__init__.py").write_text("")
        if not (place / "link.py").exists():
            (place / "link.py").symlink_to("sub/look.py")
        done = python(*before, *FORMS[form], cwd=place, text=text)
        assert done.returncode == 0, done.stderr
        said.append(done.stdout.replace(", 'mxnet'", ""))
    assert said[1] == said[0]


ENDS = {
    "status": "raise SystemExit(3)",
    "text": "import sys; sys.exit('why')",
    "error": "def f():\n    raise ValueError('boom') from KeyError(1)\nf()",
    "syntax below": "import broken",
    "interrupt": "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nwhile True: pass",
    "hook": "import sys\nsys.excepthook = lambda kind, value, trace: print(kind, trace.tb_lineno)\n1/0",
    "missing": None,
}


@pytest.mark.parametrize("end", ENDS)
def test_ends_like_python_itself(end: str, tmp_path: Path) -> None:
    code = ENDS[end]
    (tmp_path / "broken.py").write_text("x = (1,\n")
    if code is not None:
        (tmp_path / "end.py").write_text(code)
    plain, ours = (python(*before, "end.py", cwd=tmp_path) for before in ([], RUN))
    assert (ours.returncode, ours.stdout) == (plain.returncode, plain.stdout)
    if end == "interrupt":
        assert ours.returncode == -signal.SIGINT  # a shell says 130
    if end == "missing":
        assert ours.returncode == 2
        assert "can't open file" in ours.stderr
    else:
        assert ours.stderr == plain.stderr


def test_processes_the_script_starts(tmp_path: Path) -> None:
    (tmp_path / "work.py").write_text(
        """import multiprocessing, sys
import numpy as np
import mxnet as mx

WEIGHT = np.ones(2, np.float)

def work(n):
    import mxnet.model
    return mx.__version__, float((mx.nd.ones((n,)) * mx.nd.array(WEIGHT)).sum().asscalar()), sys.argv[1]

if __name__ == "__main__":
    for method in ("fork", "spawn", "forkserver"):
        with multiprocessing.get_context(method).Pool(1) as pool:
            print(pool.map(work, [2]), pool.apply(mx.nd.ones, ((2,),)).shape)
"""
    )
    done = python(*RUN, "work.py", "--gpus", cwd=tmp_path)
    assert done.stdout == "[('1.9.1', 2.0, '--gpus')] (2,)\n" * 3, done.stderr
    assert done.stderr.count("\n") == 1
    assert "numpy.float" in done.stderr


OLD = {
    "print 'a'": "Python 2",
    "import sys; print >>sys.stderr, 'a'": "Python 2",
    "try: pass\nexcept E, e: pass": "Python 2",
    "raise E, 'text'": "Python 2",
    "x = 10L": "Python 2",
    "x = 0777": "Python 2",
    "if a <> b: pass": "Python 2",
    "x = `1`": "Python 2",
    "exec 'a'": "Python 2",
    "xrange(3)": "xrange is Python 2",
    "unicode('a')": "unicode is Python 2",
    "import cPickle": "cPickle is Python 2",
    "from urllib2 import urlopen": "urllib2 is Python 2",
    "import urllib; urllib.urlopen": "urllib.urlopen is Python 2",
    "from itertools import izip": "itertools.izip is Python 2",
    "import sys; sys.maxint": "sys.maxint is Python 2",
    "{}.iteritems()": "iteritems is Python 2",
    "{}.has_key(1)": "has_key is Python 2",
    "import time; time.clock()": "write time.perf_counter()",
    "from collections import Mapping": "write collections.abc.Mapping",
}
NEW = [
    "def f(:",
    "x = (1",
    "1/0",
    "nothing_of_ours",
    "import no_such_module",
    "{}.append",
    "print('a'",
    "x = 1 +* 2",
]


def _ended(code: str) -> BaseException:
    with pytest.raises(Exception) as caught:
        exec(compile(code, "script.py", "exec"), {})
    return caught.value


@pytest.mark.parametrize("code", OLD)
def test_old_programs_get_a_hint(code: str) -> None:
    said = hint(_ended(code))
    assert said is not None
    assert said.startswith("hint: ")
    assert OLD[code] in said
    if "Python 2" in said:
        assert said.endswith(" script.py")
        assert "lib2to3" in said or "fissix" in said


@pytest.mark.parametrize("code", NEW)
def test_other_errors_get_none(code: str) -> None:
    assert hint(_ended(code)) is None


def test_hint_stands_below_the_traceback(tmp_path: Path) -> None:
    (tmp_path / "old.py").write_text("import mxnet\nfor i in xrange(3): pass\n")
    done = python(*RUN, "old.py", cwd=tmp_path)
    lines = done.stderr.splitlines()
    assert done.returncode == 1
    assert lines[1] == f'  File "{tmp_path / "old.py"}", line 2, in <module>'
    assert lines[-2].startswith("NameError")
    assert lines[-1].startswith("hint: xrange is Python 2")


# --- the command line --------------------------------------------------------------------------------------
def test_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    text = capsys.readouterr().out
    assert all(f"\n  {name} " in text for name in ("run", "doctor", "summary"))
    assert main(["--help"]) == 0
    assert capsys.readouterr().out == text
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("cysym ")
    for wrong, wanted in (
        ("docter", "did you mean doctor?"),
        ("--versoin", "did you mean --version?"),
        ("train.py", "run train.py`?"),
        ("zzz", "there are run, doctor, summary"),
    ):
        assert main([wrong]) == 2
        assert wanted in capsys.readouterr().err
    for asked in (["run"], ["run", "-m"], ["run", "--"]):
        assert main(asked) == 2
        assert "missing" in capsys.readouterr().err
    for asked in (["run", "--gpus", "0", "x.py"], ["run", "--no-numpy", "x.py"]):
        with pytest.raises(SystemExit) as ended:
            main(asked)
        assert ended.value.code == 2
        assert "unrecognized" in capsys.readouterr().err


def test_the_page_on_old_scripts(tmp_path: Path) -> None:
    """Its Python prints what the block below says, and its table lists the names NumPy gets back."""
    page = blocks(ROOT / "docs" / "howto" / "old_scripts.md")
    texts = [b for b in page if b.language in ("python", "text")]
    pairs = [(a, b) for a, b in itertools.pairwise(texts) if (a.language, b.language) == ("python", "text")]
    assert pairs
    table = (ROOT / "docs" / "howto" / "old_scripts.md").read_text().partition("| names | mean |")[2]
    listed = set(re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| ([^|]*) \|", table, re.M))))
    assert listed == set(old_numpy.NAMES)
    for code, printed in pairs:
        done = python("-c", code.text, cwd=tmp_path)
        assert (done.stdout, done.returncode) == (printed.text, 0), done.stderr
