"""The profiler: traces of real runs, their sums, and what a program measures itself.

What MXNet answers, too (layouts, names, errors), is in `recorded/programs/profiler.py`; threads, errors and
files are in `test_profiler_runs.py`.
"""

from __future__ import annotations

import gc
import json
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from markdown import ROOT, run_session
from nets import bound, load, mlp, randoms, same_bits, train
from traces import File, path_of_a_trace, profile, small_net, step

import cysym as mx
from cysym import _core, profiler
from cysym.profiler.statistics import Statistics

__all__ = ["path_of_a_trace"]


# --- traces of programs -------------------------------------------------------------------------------------
def test_training_step(ctx: mx.Context, rng: np.random.Generator, path: Path) -> None:
    """Every node is there, times lie within the step, tracks do not overlap."""
    net, executor = small_net(ctx, rng)
    step(executor)
    wall = []

    def work() -> None:
        begin = time.perf_counter()
        step(executor)
        wall.append((time.perf_counter() - begin) * 1e6)

    trace = profile(path, work)
    operators = trace.operators()
    nodes = {n for s in operators for n in s.args.get("nodes", ())}
    views = {n for e in trace.of("b") for n in e.get("args", {}).get("views", ())}
    wanted = {n["name"] for n in json.loads(net.tojson())["nodes"] if n["op"] != "null"}
    assert wanted <= nodes | views
    assert views == {"flat"}
    backward = {n.removesuffix("_backward") for n in nodes if n.endswith("_backward")}
    assert wanted - views <= backward
    names = {s.name for s in operators}
    assert {"Convolution", "BatchNorm", "Pooling", "_backward_Convolution", "_backward_Pooling"} <= names
    assert all(s.args["mode"] == "symbolic" for s in operators)
    (device,) = {s.track for s in operators}
    assert trace.processes[device[0]] == f"{ctx.device_type}/0"
    assert {s.cat for s in trace.spans()} <= {"operator", "kernel"}
    last = 0.0
    for s in sorted((s for s in operators if s.depth == 0), key=lambda s: s.begin):
        assert last <= s.begin <= s.end
        last = s.end
    assert 0 < sum(s.end - s.begin for s in operators if s.depth == 0) <= wall[0]
    runs = trace.async_spans("MXNET_C_API")
    assert [name for name, _, _ in runs] == ["MXExecutorForward", "MXExecutorBackwardEx"]
    for s in operators:
        _, begin, end = runs["_backward" in s.name]
        if not s.name.startswith("_copy"):
            assert begin - 0.001 <= s.begin <= s.end <= end + 0.001, s


def test_kernels_of_one_operator(ctx: mx.Context, rng: np.random.Generator, path: Path) -> None:
    """An operator of several kernels shows them inside; one of a single kernel names it."""
    _, executor = small_net(ctx, rng)
    spans = profile(path, lambda: step(executor)).spans()
    kernels = [s for s in spans if s.cat == "kernel"]
    assert kernels
    for outer in (s for s in spans if s.cat == "operator"):
        inside = [
            k for k in kernels if k.track == outer.track and outer.begin <= k.begin and k.end <= outer.end
        ]
        assert bool(inside) != ("kernel" in outer.args), outer
        assert not inside or (inside[0].begin, inside[-1].end) == (outer.begin, outer.end)
    assert len(kernels) + sum("kernel" in s.args for s in spans) == len(executor._program(True).calls)


def test_fused_calls_name_their_nodes(ctx: mx.Context, path: Path) -> None:
    x = mx.sym.Variable("x")
    net = mx.sym.exp(mx.sym.tanh(x, name="a"), name="b") + 1
    for _ in range(6):
        net = mx.sym.sin(mx.sym.sin(net)) * 0.5
    executor = net.simple_bind(ctx, grad_req="null", x=(3,))
    (span,) = profile(path, executor.forward).operators()
    assert span.args["nodes"][:2] == ["a", "b"]
    assert len(span.args["nodes"]) == 3 + 18
    assert span.name == "[tanh,exp,_plus_scalar,12 more]"


@pytest.mark.parametrize("count", [1, 2])
def test_calls_shared_by_threads(count: int, path: Path) -> None:
    """A call split over the pool is one event of the thread that asked, for as long as all of it took."""
    _core.set_num_threads(count)
    executor = mx.sym.tanh(mx.sym.Variable("x")).simple_bind(mx.cpu(), grad_req="null", x=(1 << 20,))
    executor.forward()
    (segment,) = executor._program(False).segments
    assert segment.cost > 1e5
    (span,) = profile(path, executor.forward).operators()
    ((_, begin, end),) = File(path).async_spans("MXNET_C_API")
    assert 20 < span.end - span.begin <= end - begin  # 8 MiB take longer than 20 microseconds


def test_same_bits_as_without(ctx: mx.Context, rng: np.random.Generator, path: Path) -> None:
    symbol = mlp()
    values = randoms(rng, symbol, data=(8, 6))
    heads = [load(np.ones(s, np.float32), ctx) for s in symbol.infer_shape(data=(8, 6))[1]]
    plain = train(bound(symbol, ctx, values), heads)
    found: list[Any] = []
    profile(path, lambda: found.append(train(bound(symbol, ctx, values), heads)))
    same_bits(plain, found[0])


def test_replay_leaves_random_draws_out(ctx: mx.Context, path: Path) -> None:
    """backward twice: the second time forward is computed again, and the draw is not."""
    net = mx.sym.exp(mx.sym.Dropout(mx.sym.Variable("x"), p=0.5, name="drop"), name="e")
    executor = net.simple_bind(ctx, x=(64,))
    head = mx.nd.ones((64,), ctx=ctx)

    def work() -> None:
        executor.forward(is_train=True)
        executor.backward(head)
        executor.backward(head)

    names = Counter(s.name for s in profile(path, work).operators())
    assert names["exp"] == 2
    assert names["Dropout"] <= 2
    draws = [c for c in executor._program(True).calls if c.once]
    assert draws
    kernels = Counter(s.args.get("kernel", s.name) for s in File(path).spans())
    assert kernels[f"{draws[0].kernel}_{draws[0].dtype}"] == 1


def test_callbacks_nest(ctx: mx.Context, path: Path) -> None:
    """What a custom operator calls lies inside its own span; a monitor has spans, too."""

    class Doubled(mx.operator.CustomOp):
        def forward(self, is_train, req, in_data, out_data, aux):  # type: ignore[no-untyped-def]
            self.assign(out_data[0], req[0], mx.nd.square(in_data[0]))

    @mx.operator.register("test_profiler_square")
    class DoubledProp(mx.operator.CustomOpProp):
        def create_operator(self, ctx, in_shapes, in_dtypes):  # type: ignore[no-untyped-def]
            return Doubled()

    net = mx.sym.Custom(mx.sym.Variable("x"), op_type="test_profiler_square", name="c")
    executor = net.simple_bind(ctx, grad_req="null", x=(2,))
    executor.set_monitor_callback(lambda name, array: None)
    spans = profile(path, executor.forward).operators()
    (outer,) = [s for s in spans if s.name == "Custom"]
    (inner,) = [s for s in spans if s.name == "square"]
    assert outer.args["mode"] == "symbolic"
    assert outer.args["nodes"] == ["c"]
    assert inner.args["mode"] == "imperative"
    assert outer.begin < inner.begin <= inner.end < outer.end
    assert [s.args["nodes"] for s in spans if s.name == "Monitor"] == [["c"]]


def test_imperative_calls(ctx: mx.Context, path: Path) -> None:
    def work() -> None:
        x = mx.nd.ones((3, 4), ctx=ctx)
        x.attach_grad()
        with mx.autograd.record():
            y = mx.nd.tanh(mx.nd.dot(x, x, transpose_b=True))
        y.backward()
        x.grad.asnumpy()

    trace = profile(path, work)
    operators = trace.operators()
    names = {s.name for s in operators}
    assert {"dot", "tanh", "_backward_tanh"} <= names
    assert all("nodes" not in s.args for s in operators)
    assert {s.args.get("mode", "imperative") for s in operators} == {"imperative"}
    calls = trace.async_spans("MXNET_C_API")
    assert {name for name, _, _ in calls} == {"MXImperativeInvokeEx"}
    if ctx.device_type == "gpu":
        copies = [s for s in operators if s.name.startswith("Copy")]
        assert {s.name for s in copies} == {"CopyCPU2GPU", "CopyGPU2CPU"}
        assert all(trace.processes[s.track[0]] == "gpu/0" for s in operators)
        assert any(e["name"] == "process_labels" for e in trace.events)


def test_copies_between_devices(path: Path) -> None:
    if not mx.context.opencl_devices():
        pytest.skip("needs an OpenCL device")
    with mx.AttrScope(ctx_group="one"):
        net = mx.sym.exp(mx.sym.Variable("x"), name="here")
    with mx.AttrScope(ctx_group="two"):
        net = mx.sym.tanh(net, name="there")
    groups = {"one": mx.cpu(), "two": mx.gpu(0)}
    executor = net.simple_bind(mx.cpu(), grad_req="null", group2ctx=groups, x=(3,))
    trace = profile(path, lambda: executor.forward()[0].asnumpy())
    places = {s.name: trace.processes[s.track[0]] for s in trace.operators()}
    assert places["exp"] == "cpu/0"
    assert places["tanh"] == places["_CrossDeviceCopy"] == places["CopyCPU2GPU"] == "gpu/0"


@pytest.mark.parametrize(
    "off", ["profile_symbolic", "profile_imperative", "profile_memory", "profile_api", "profile_all"]
)
def test_what_is_recorded(off: str, path: Path) -> None:
    executor = mx.sym.exp(mx.sym.Variable("x")).simple_bind(mx.cpu(), x=(2,))

    def work() -> None:
        executor.forward()
        mx.nd.sin(executor.outputs[0])

    config = {off: "0"}
    if off == "profile_all":  # on, it outdoes the others
        config = {"profile_all": True, "profile_symbolic": False, "profile_memory": "false"}
    trace = profile(path, work, **config)
    found = {s.args["mode"] for s in trace.operators()} | {e["cat"] for e in trace.of("Cb")}
    names = {
        "profile_symbolic": "symbolic", "profile_imperative": "imperative",
        "profile_memory": "Device Storage", "profile_api": "MXNET_C_API",
    }  # fmt: skip
    assert found == {name for flag, name in names.items() if flag != off}


def test_memory_follows_the_plan(ctx: mx.Context, rng: np.random.Generator, path: Path) -> None:
    _, executor = small_net(ctx, rng)
    trace = profile(path, lambda: step(executor))
    process = f"{ctx.device_type}/0"
    live = trace.counts(f"Arena: {process}")
    assert len(live) > 5
    assert max(live) == executor.plan.lower_bound <= executor.plan.peak
    assert max(live) <= max(trace.counts(f"Memory: {process}"))
    gc.collect()
    before = _core.held_bytes() if ctx.device_type == "cpu" else ctx.device.allocated
    kept: list[Any] = []
    trace = profile(path, lambda: kept.append(mx.nd.ones((256, 256), ctx=ctx)))
    assert max(trace.counts(f"Memory: {process}")) >= before + 4 * 256 * 256


def test_host_bytes_are_given_back() -> None:
    gc.collect()
    before = _core.held_bytes()
    for size in (10, 1 << 20):
        array = mx.nd.zeros((size,))
        assert _core.held_bytes() >= before + 4 * size
        del array
    assert _core.held_bytes() == before


# --- sums ---------------------------------------------------------------------------------------------------
def test_sums_are_those_of_the_trace(ctx: mx.Context, rng: np.random.Generator, path: Path) -> None:
    _, executor = small_net(ctx, rng)

    def work() -> None:
        for _ in range(3):
            step(executor)
        mx.nd.sin(mx.nd.ones((2,), ctx=ctx))

    trace = profile(path, work, aggregate_stats=True)
    sums = json.loads(profiler.dumps(format="json"))
    times: dict[str, list[float]] = defaultdict(list)
    for s in trace.operators():
        times[s.name].append((s.end - s.begin) / 1000)
    rows = sums["Time"]["operator"]
    assert rows.keys() == times.keys()
    for name, row in rows.items():
        assert row["Count"] == len(times[name])
        assert row["Total"] == pytest.approx(sum(times[name]), abs=1e-5 * row["Count"])
        assert row["Min"] == pytest.approx(min(times[name]), abs=1e-5)
        assert row["Max"] == pytest.approx(max(times[name]), abs=1e-5)
        assert row["Avg"] == pytest.approx(row["Total"] / row["Count"])
    assert rows["Convolution"]["Count"] == 3
    assert sums["Time"]["MXNET_C_API"]["MXExecutorForward"]["Count"] == 3
    for name, row in sums["Memory"]["Device Storage"].items():
        if name.startswith("Memory"):
            values = [v / 1000 for v in trace.counts(name)]
            assert row == pytest.approx(
                {"Count": len(values), "Min": min(values), "Max": max(values), "Avg": np.mean(values)}
            )
    lines = profiler.dumps(sort_by="avg").splitlines()
    shown = [line.split() for line in lines[lines.index("operator") + 4 :] if line]
    assert [line[0] for line in shown] == sorted(rows, key=lambda n: -rows[n]["Avg"])
    assert [int(line[1]) for line in shown] == [rows[line[0]]["Count"] for line in shown]
    assert [float(line[2]) for line in shown] == pytest.approx(
        [rows[line[0]]["Total"] for line in shown], abs=1e-4
    )


@pytest.mark.parametrize("sort_by", ["total", "avg", "min", "max", "count"])
@pytest.mark.parametrize("ascending", [False, True])
def test_order_of_a_table(sort_by: str, ascending: bool) -> None:
    sums, rng = Statistics(), np.random.default_rng(0)
    for i in range(60):
        sums.add("time", "operator", f"op{i % 7}", float(rng.uniform(0, 9)))
        sums.add("memory", "Device Storage", f"m{i % 3}", float(i))
    for category, rows in sums.tables.items():
        order = sorted(rows, key=lambda n: getattr(rows[n], sort_by), reverse=not ascending)
        text = sums.table(sort_by, ascending).split(f"{category}\n")[1].split("\n\n")[0]
        assert [line.split()[0] for line in text.splitlines()[3:]] == order
        part = json.loads(sums.json(sort_by, ascending))["Time" if category == "operator" else "Memory"]
        assert list(part[category]) == order


def test_counters_are_shown_as_they_are(path: Path) -> None:
    def work() -> None:
        counter = profiler.Domain("D").new_counter("c", 5)
        counter += 3
        counter.decrement(-2)
        counter -= 12.7
        counter.set_value(-3)

    trace = profile(path, work, aggregate_stats=True)
    assert trace.counts("c") == [5, 8, 10, -2, -3]
    row = json.loads(profiler.dumps(format="json"))["Time"]["D"]["c"]
    assert row == {"Count": 5, "Total": -3, "Min": -3, "Max": 10, "Avg": pytest.approx(3.6)}


# --- what a program measures itself -------------------------------------------------------------------------
def test_tasks_nest_and_overlap(path: Path) -> None:
    def work() -> None:
        domain = profiler.Domain("D")
        outer, a, b = (domain.new_task(n) for n in ("outer", "a", "b"))
        with outer:
            for _ in range(2):
                with a:
                    time.sleep(0.002)
            b.start()
        b.stop()  # a task may end after the one it began in
        with profiler.Frame(domain, "frame"), profiler.Event("long"), profiler.Event("short"):
            time.sleep(0.001)

    trace = profile(path, work)
    tasks = trace.async_spans("D")
    assert [t[0] for t in tasks] == ["a", "a", "outer", "b"]
    first, second, outer, b = tasks
    assert outer[1] <= first[1] < first[2] <= second[1] < second[2] <= b[1] <= outer[2] <= b[2]
    assert first[2] - first[1] >= 2000
    assert len({e["id"] for e in trace.of("b")}) == 4
    ((_, begin, end),) = trace.async_spans("D,frame")
    short, long = sorted((s for s in trace.spans() if s.cat == "event"), key=lambda s: s.end)
    assert (short.name, short.depth, long.name, long.depth) == ("short", 1, "long", 0)
    assert begin <= long.begin <= short.begin < short.end <= long.end <= end
    assert {"D", "D,frame", "event"} == set(trace.processes.values())


def test_objects_outside_of_a_run(path: Path) -> None:
    """Nothing is recorded before, while paused and after; a counter goes on counting."""
    domain = profiler.Domain("D")
    task, counter = domain.new_task("t"), domain.new_counter("c", 1)
    task.start()
    profiler.set_state("run")
    task.stop()  # what began before the trace began counts from there on
    profiler.pause()
    counter += 1
    with task:
        domain.new_marker("m").mark()
    mx.nd.sin(mx.nd.ones((2,)))
    profiler.resume()
    counter += 1
    profiler.set_state("stop")
    counter += 1
    with task:
        domain.new_marker("m").mark()
    assert not [name for name in dir(counter) if name == "value"]
    profiler.dump()
    trace = File(path)
    assert [(name, begin) for name, begin, _ in trace.async_spans("D")] == [("t", 0.0)]
    assert trace.counts("c") == [3]
    assert not trace.of("i")
    assert not trace.spans()


def test_markers(path: Path) -> None:
    trace = profile(path, lambda: profiler.Domain("D").new_marker('here \u20ac "quoted"').mark("thread"))
    (mark,) = trace.of("i")
    assert (mark["name"], mark["s"], mark["cat"]) == ('here \u20ac "quoted"', "t", "D,instant_marker")


def test_the_page_prints_what_it_says(path: Path) -> None:
    assert run_session(ROOT / "docs" / "howto" / "profiling.md") == 3
