"""The profiler switched on and off: threads, forks, errors, files, and nothing left when it is off."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from traces import LIMIT, File, path_of_a_trace, profile, small_net, step

import cysym as mx
from cysym import _core, profiler
from cysym.profiler.control import recorder
from cysym.profiler.trace import Trace

__all__ = ["path_of_a_trace"]


# --- threads ------------------------------------------------------------------------------------------------
def test_two_executors_in_two_threads(ctx: mx.Context, rng: np.random.Generator, path: Path) -> None:
    """Both are recorded whole, each under its own thread, with the results they have without."""
    executors = [small_net(ctx, rng)[1] for _ in range(2)]
    for executor in executors:
        step(executor)
    want = [e.outputs[0].asnumpy() for e in executors]
    rounds = 20
    start = threading.Barrier(2)

    def run(executor: mx.Executor) -> None:
        start.wait()
        for _ in range(rounds):
            step(executor)

    def work() -> None:
        threads = [
            threading.Thread(target=run, args=(e,), name=f"worker {i}") for i, e in enumerate(executors)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LIMIT)

    trace = profile(path, work, aggregate_stats=True)
    assert {"worker 0", "worker 1"} <= set(trace.threads.values())
    forward = [t for t in trace.async_spans("MXNET_C_API") if t[0] == "MXExecutorForward"]
    assert len(forward) == 2 * rounds
    tracks = Counter(s.track for s in trace.operators() if s.name == "Pooling")
    assert sorted(tracks.values()) == ([rounds] * 2 if ctx.device_type == "cpu" else [2 * rounds])
    sums = json.loads(profiler.dumps(format="json"))["Time"]["operator"]
    assert sums["Pooling"]["Count"] == 2 * rounds
    for executor, output in zip(executors, want, strict=True):
        np.testing.assert_array_equal(executor.outputs[0].asnumpy(), output)


def test_switched_while_others_run(path: Path) -> None:
    """Runs, dumps and stops at any moment of another thread's work; every file is whole."""
    executor = mx.sym.exp(mx.sym.Variable("x")).simple_bind(mx.cpu(), x=(4,))
    is_over = threading.Event()
    failures: list[BaseException] = []

    def run() -> None:
        try:
            while not is_over.is_set():
                executor.forward()
                mx.nd.sin(executor.outputs[0])
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        for i in range(8):
            profiler.set_state("run")
            time.sleep(0.002)
            profiler.dump(finished=i % 2 == 1)
            File(path).spans()
        profiler.set_state("stop")
    finally:
        is_over.set()
        thread.join(LIMIT)
    assert not failures


# --- off again ----------------------------------------------------------------------------------------------
def test_off_again(ctx: mx.Context, path: Path) -> None:
    """After a stop nobody is told anything and nothing is kept; a dump at the end lets go of the rest."""
    executor = mx.sym.exp(mx.sym.Variable("x")).simple_bind(ctx, x=(4,))
    profiler.set_state("run")
    executor.forward()
    assert _core.profiler() is recorder
    profiler.set_state("stop")
    assert _core.profiler() is None
    kept = len(recorder._events)
    for _ in range(50):
        executor.forward()
        mx.nd.sin(executor.outputs[0])
    assert len(recorder._events) == kept
    profiler.dump()
    assert not recorder._events
    assert not recorder._groups
    assert recorder.trace is None
    before = path.read_bytes()
    with pytest.raises(mx.MXNetError, match="hasn't been run"):
        profiler.dump()
    assert path.read_bytes() == before
    assert len([s for s in File(path).operators() if s.name == "exp"]) == 1


def test_a_run_that_outlives_its_trace(path: Path) -> None:
    """What began in the trace before is not put into the next one."""
    executor = mx.sym.exp(mx.sym.Variable("x")).simple_bind(mx.cpu(), x=(4,))
    (segment,) = executor._program(False).segments
    begin = _core.now()
    late = np.array([begin, begin + 1], np.int64).tobytes()

    def work() -> None:
        recorder.ran(segment.origin, late)
        executor.forward()

    trace = profile(path, work, aggregate_stats=True)
    assert [s.name for s in trace.operators()] == ["exp"]
    assert json.loads(profiler.dumps(format="json"))["Time"]["operator"]["exp"]["Count"] == 1


def test_runs_go_on_until_the_last_dump(path: Path) -> None:
    """stop and run continue one trace, dump(False) writes it as far as it is, dump() begins anew."""
    x = mx.nd.ones((2,))
    counts = []
    for finished in (False, False, True, False):
        profiler.set_state("run")
        mx.nd.sin(x)
        profiler.set_state("stop")
        mx.nd.sin(x)
        profiler.dump(finished)
        counts.append(len(File(path).operators()))
    assert counts == [1, 2, 3, 1]


# --- errors -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("config", "error", "text"),
    [
        ({"contiguous_dump": True}, mx.MXNetError, "did you mean continuous_dump"),
        ({"filename": "b.json", "profile_all": 2}, mx.MXNetError, "profile_all expect boolean but value='2'"),
        ({"filename": "b.json", "dump_period": None}, mx.MXNetError, "dump_period expect float"),
        ({"dump_period": 0}, mx.MXNetError, "dump_period must be positive"),
        ({"dump_period": float("nan")}, mx.MXNetError, "dump_period must be positive"),
        ({"dump_period": 1e300}, mx.MXNetError, "eternity"),
        ({"filename": ""}, mx.MXNetError, "filename is empty"),
        ({"filename": 3}, TypeError, "filename must be a string"),
        ({"profile_process": "server"}, mx.MXNetError, "no server"),
        ({"profile_process": "both"}, mx.MXNetError, "both"),
    ],
)
def test_bad_configuration_changes_nothing(
    config: dict[str, Any], error: type[Exception], text: str, path: Path
) -> None:
    profiler.set_state("run")
    mx.nd.ones((2,)).sin()
    with pytest.raises(error, match=text):
        profiler.set_config(**config)
    assert recorder.is_running
    profiler.dump()
    assert "sin" in {s.name for s in File(path).operators()}


@pytest.mark.parametrize(
    "call",
    [
        lambda: profiler.set_state("go"),
        lambda: profiler.set_state("stop", "somebody"),
        lambda: profiler.dump(True, "somebody"),
        lambda: profiler.dumps(format="xml"),
        lambda: profiler.dumps(sort_by="name"),
        lambda: profiler.dumps(True, sort_by="name"),
        lambda: profiler.Counter(profiler.Domain("D"), "c", "many"),
    ],
)
def test_bad_calls_change_nothing(call: Callable[[], Any], path: Path) -> None:
    profiler.set_config(filename=path, continuous_dump=False, aggregate_stats=True)
    profiler.set_state("run")
    mx.nd.ones((2,)).sin()
    before = profiler.dumps()
    with pytest.raises(ValueError, match=r"must be|Invalid|invalid"):
        call()
    assert recorder.is_running
    assert not path.exists()
    assert profiler.dumps() == before


@pytest.mark.parametrize(
    "make",
    [
        lambda: profiler.Domain(3),
        lambda: profiler.Task("D", "t"),
        lambda: profiler.Frame(None, "t"),
        lambda: profiler.Counter(3, "t"),
        lambda: profiler.Marker("D", "t"),
        lambda: profiler.Event(b"e"),
        lambda: profiler.Domain("D").new_task(None),
    ],
)
def test_objects_want_domains_and_names(make: Callable[[], Any]) -> None:
    with pytest.raises(TypeError, match=r"must be a string|expected a profiler\.Domain"):
        make()


def test_file_that_cannot_be_written(path: Path) -> None:
    """The error says which; the run goes on, nothing is lost, and an old file is as it was."""
    folder = path.parent / "no" / "such" / "folder"
    profiler.set_config(filename=folder / "trace.json", continuous_dump=False)
    profiler.set_state("run")
    mx.nd.ones((2,)).sin()
    for finished in (True, False):
        with pytest.raises(OSError, match=r"no/such/folder/trace\.json"):
            profiler.dump(finished)
        assert _core.profiler() is recorder
    mx.nd.ones((2,)).cos()
    folder.mkdir(parents=True)
    profiler.dump()
    assert {"sin", "cos"} <= {s.name for s in File(folder / "trace.json").operators()}
    assert not path.exists()
    assert os.listdir(folder) == ["trace.json"]


def test_a_run_that_fails(path: Path) -> None:
    """An operator's error surfaces; what ran before it is in the trace."""
    profiler.set_state("run")
    x = mx.nd.ones((2,)).sin()
    with pytest.raises(mx.MXNetError):
        mx.nd.dot(x, mx.nd.ones((3,)))
    x.cos()
    profiler.dump()
    assert {"sin", "cos"} <= {s.name for s in File(path).operators()}


# --- files that write themselves ----------------------------------------------------------------------------
def test_continuous_dump(path: Path) -> None:
    """The file appears and grows without a dump, is whole whenever one looks, and rests when nothing runs."""
    profiler.set_config(filename=path, dump_period=0.01)
    profiler.set_state("run")
    counts, deadline = [0], time.monotonic() + 30
    while counts[-1] < 40 and time.monotonic() < deadline:
        mx.nd.ones((2,)).sin()
        if path.exists():
            counts.append(len(File(path).operators()))
    assert counts[-1] >= 40
    assert counts == sorted(counts)
    profiler.set_state("stop")
    for thread in threading.enumerate():
        if thread.name == "cysym-profiler":
            thread.join(LIMIT)
    assert not [t for t in threading.enumerate() if t.name == "cysym-profiler"]
    profiler.dump()
    assert len(File(path).operators()) >= counts[-1]


def test_events_beyond_the_memory_go_to_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cysym.profiler.trace.IN_MEMORY", 1000)
    monkeypatch.setattr("cysym.profiler.trace.CHUNK", 77)

    def work() -> None:
        for i in range(20):
            mx.nd.ones((2,)).sin()
            if i % 7 == 0:
                profiler.dump(False)

    assert len([s for s in profile(path, work).operators() if s.name == "sin"]) == 20


def test_an_empty_trace(path: Path) -> None:
    assert File_events(profile(path, lambda: None)) == []
    trace = Trace(0)
    trace.write(path)
    assert json.loads(path.read_text()) == {"traceEvents": [], "displayTimeUnit": "ms"}
    trace.close()


def File_events(trace: File) -> list[dict[str, Any]]:
    return [e for e in trace.events if e["ph"] != "M"]


def run_script(text: str, folder: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(text)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(mx.__file__).parents[1]), **environment},
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_autostart_and_the_end_of_the_process(tmp_path: Path) -> None:
    script = "import cysym as mx; mx.nd.ones((2,)).sin()"
    run_script(script, tmp_path)
    assert os.listdir(tmp_path) == []
    run_script(script, tmp_path, MXNET_PROFILER_AUTOSTART="1")
    assert os.listdir(tmp_path) == ["profile.json"]
    assert "sin" in {s.name for s in File(tmp_path / "profile.json").operators()}


def test_what_was_dumped_is_not_written_again(tmp_path: Path) -> None:
    script = """
        import os, cysym as mx
        mx.profiler.set_config(filename="t.json", continuous_dump=False)
        mx.profiler.set_state("run")
        mx.nd.ones((2,)).sin()
        mx.profiler.dump()
        os.remove("t.json")
    """
    run_script(script, tmp_path)
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_fork(tmp_path: Path) -> None:
    """The child profiles nothing and leaves the parent's trace alone; it may begin its own."""
    script = """
        import os, cysym as mx
        mx.profiler.set_config(filename="parent.json", dump_period=0.01)
        mx.profiler.set_state("run")
        mx.nd.ones((2,)).sin()
        child = os.fork()
        if child == 0:
            assert mx._core.profiler() is None
            mx.nd.ones((2,)).cos()
            mx.profiler.set_config(filename="child.json", dump_period=0.01)
            mx.profiler.set_state("run")
            mx.nd.ones((2,)).tan()
            mx.profiler.dump()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        mx.nd.ones((2,)).exp()
    """
    run_script("import warnings\nwarnings.simplefilter('ignore')\n" + textwrap.dedent(script), tmp_path)
    names = {
        which: {s.name for s in File(tmp_path / f"{which}.json").operators()} for which in ("parent", "child")
    }
    assert {"sin", "exp"} <= names["parent"]
    assert not {"cos", "tan"} & names["parent"]
    assert "tan" in names["child"]
    assert not {"sin", "cos", "exp"} & names["child"]


def test_the_profiler_is_not_imported_until_it_is_asked_for() -> None:
    script = "import sys, cysym; assert 'cysym.profiler' not in sys.modules and 'tempfile' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=LIMIT)


def test_old_forms_warn(path: Path) -> None:
    for call in (
        lambda: profiler.profiler_set_config("all", str(path)),
        lambda: profiler.profiler_set_state("run"),
        lambda: profiler.profiler_set_state(),
        profiler.dump_profile,
    ):
        with pytest.warns(UserWarning, match="deprecated. Please use profiler") as seen:
            call()
        assert seen[0].filename == __file__
    assert path.exists()
