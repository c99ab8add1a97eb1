"""`mx.profiler`: the trace's events, the tables, what user objects do, and errors.

MXNet writes one good trace a process, so only `trace`, which comes first, looks into a file; and it sums up
no more once its sums were reset while there were none, so every program resets them last.
"""

import contextlib
import json
import os
import re
import warnings

from . import numbers, outcome, program, says, scratch


@contextlib.contextmanager
def profiling(mx, **config):
    """A run whose trace ends up in a file that nobody keeps; the path comes from the block."""
    with scratch() as folder:
        path = os.path.join(folder, "trace.json")
        mx.profiler.set_config(filename=path, continuous_dump=False, **config)
        mx.profiler.set_state("run")
        try:
            yield path
        finally:
            mx.profiler.set_state("stop")
            outcome(mx.profiler.dump)  # MXNet refuses when it has finished a trace before


def quiet(**more):
    """A configuration that records nothing but what the program itself measures."""
    return dict(
        aggregate_stats=True,
        profile_symbolic=False,
        profile_imperative=False,
        profile_memory=False,
        profile_api=False,
        **more,
    )


def train_step(mx, ctx):
    net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=4, name="fc")
    net = mx.sym.SoftmaxOutput(mx.sym.Activation(net, act_type="relu", name="act"), name="softmax")
    executor = net.simple_bind(ctx, data=(2, 3))
    for i, array in enumerate(executor.arg_arrays):
        array[:] = mx.nd.array(numbers(*array.shape, shift=i), ctx=ctx)
    executor.forward(is_train=True)
    executor.backward()
    return [a.asnumpy() for a in executor.grad_arrays]


@program(
    differs={
        "frames": "a bracket phase that viewers do not draw; here a span as of a task",
        "markers": "a nestable instant without the id it needs; here a plain instant",
        "file": "MXNet writes every operator twice, on its device and once more as 'operator'",
    }
)
def trace(mx, ctx):
    p = mx.profiler
    with scratch() as folder:
        path = os.path.join(folder, "trace.json")
        p.set_config(filename=path, continuous_dump=False)
        p.set_state("run")
        grads = train_step(mx, ctx)
        x = mx.nd.array(numbers(3, 3), ctx=ctx)
        mx.nd.dot(mx.nd.exp(x), x).asnumpy()
        domain = p.Domain("my domain")
        outer, inner = domain.new_task("outer"), p.Task(domain, "inner")
        outer.start()
        inner.start()
        inner.stop()
        outer.stop()
        event = p.Event("my event")
        event.start()
        event.stop()
        counter = domain.new_counter("my counter", 3)
        counter += 4
        counter -= 1
        counter.set_value("12")
        frame = domain.new_frame("my frame")
        frame.start()
        frame.stop()
        for scope in ("global", "process", "thread", "task", "marker"):
            domain.new_marker("at " + scope).mark(scope)
        p.set_state("stop")
        p.dump()
        with open(path) as stream:
            content = json.load(stream)
        again = says(p.dump, "Profiler hasn't been run. Config and start profiler first")
    events = [e for e in content["traceEvents"] if e["ph"] != "M"]
    operators = [e for e in events if e["cat"] == "operator"]
    names = {name for e in operators for name in e["name"].strip("[]").split(",")}
    mine = [e for e in events if e["cat"].startswith("my domain")]
    processes = {e["args"]["name"]: e["pid"] for e in content["traceEvents"] if e["name"] == "process_name"}
    return {
        "keys": sorted(content),
        "unit": content["displayTimeUnit"],
        "grads": grads,
        "operators": {
            name: name in names
            for name in (
                "FullyConnected", "Activation", "SoftmaxOutput", "_backward_FullyConnected",
                "_backward_Activation", "_backward_SoftmaxOutput", "dot", "exp",
            )
        },
        "pairs": sum(e["ph"] == "B" for e in operators) == sum(e["ph"] == "E" for e in operators),
        "file": "".join(sorted({e["ph"] for e in operators})),
        "api": [
            n in {e["name"] for e in events if e["cat"] == "MXNET_C_API"}
            for n in ("MXExecutorForward", "MXExecutorBackwardEx", "MXImperativeInvokeEx", "MXExecutorX")
        ],
        "memory": sorted(
            {(e["ph"], e["name"].split(":")[0]) for e in events if e["name"].startswith("Memory: ")}
        ),
        "tasks": [(e["name"], e["ph"]) for e in mine if e["ph"] in "be" and e["cat"] == "my domain"],
        "counter": [(e["name"], e["ph"], e["args"]) for e in mine if e["ph"] == "C"],
        "events": [(e["name"], e["cat"], e["ph"]) for e in events if e["cat"] == "event"],
        "frames": "".join(e["ph"] for e in mine if e["cat"] == "my domain,frame"),
        "markers": "".join(e["ph"] for e in mine if "marker" in e["cat"]),
        "marker scopes": [(e["name"], e["cat"], e["s"]) for e in mine if "marker" in e["cat"]],
        "own process": [n in processes for n in ("my domain", "event", "MXNET_C_API", "Device Storage")],
        "apart": len(set(processes.values())) == len(processes),
        "again": again,
    }  # fmt: skip


def measure(mx):
    p = mx.profiler
    domain = p.Domain("D")
    objects = [domain.new_task("T"), domain.new_task("a name longer than its column"), p.Event("E")]
    objects.append(p.Frame(domain, "F"))
    for i, thing in enumerate(objects):
        for _ in range(i + 1):
            thing.start()
            thing.stop()
    domain.new_marker("M").mark()


def masked(text):
    """The layout: every digit a 0."""
    return re.sub(r"\d", "0", text)


@program(cpu=True)
def table(mx, ctx):
    p, found = mx.profiler, {}
    with profiling(mx, **quiet()):
        measure(mx)
        found["down"] = masked(p.dumps(sort_by="count"))
        found["up"] = masked(p.dumps(False, "table", "count", True))
        found["reset"] = masked(p.dumps(reset=True, sort_by="count")) == found["down"]
        found["after"] = p.dumps()
    found["stopped"] = p.dumps()
    return found


@program(cpu=True)
def table_as_json(mx, ctx):
    p = mx.profiler
    with profiling(mx, **quiet()):
        measure(mx)
        content = json.loads(p.dumps(format="json", sort_by="count", ascending=True))
        whole = [
            round(row["Total"] - row["Avg"] * row["Count"], 2)
            for part in content["Time"].values()
            for row in part.values()
        ]
        p.dumps(reset=True)
    return {
        "keys": list(content),
        "unit": content["Unit"],
        "memory": content["Memory"],
        "rows": {c: {n: list(row) for n, row in part.items()} for c, part in content["Time"].items()},
        "counts": {c: {n: r["Count"] for n, r in part.items()} for c, part in content["Time"].items()},
        "sums": whole,
    }


@program(cpu=True)
def without_sums(mx, ctx):
    with profiling(mx, profile_api=False):
        measure(mx)
        return {"table": mx.profiler.dumps(), "json": mx.profiler.dumps(format="json")}


@program(cpu=True)
def paused(mx, ctx):
    p = mx.profiler
    with profiling(mx, **quiet()):
        domain = p.Domain("D")
        task, counter = domain.new_task("T"), domain.new_counter("C", 1)
        p.pause()
        p.pause()
        task.start()
        task.stop()
        counter += 10
        p.resume()
        task.start()
        task.stop()
        counter += 1
        rows = json.loads(p.dumps(reset=True, format="json"))["Time"]["D"]
    return {name: row["Count"] for name, row in rows.items()}


CHOICE = "a ValueError that says what is allowed, not MXNet's KeyError or AssertionError"
TYPE = "a TypeError that says what was expected"
PLACES = ["state"] + [place + "/" + str(i) for place in ("process", "dumps") for i in range(4)]


@program(cpu=True, differs=dict(dict.fromkeys(PLACES, CHOICE), domain=TYPE, names=TYPE))
def errors(mx, ctx):
    p = mx.profiler
    domain = p.Domain("D")
    return {
        "unknown": says(lambda: p.set_config(profile_everything=True), "profile_everything", "profile_all"),
        "bool": says(lambda: p.set_config(profile_all="perhaps"), "profile_all", "perhaps", "boolean"),
        "float": says(lambda: p.set_config(dump_period="soon"), "dump_period", "soon"),
        "which": says(lambda: p.set_config(profile_process="both"), "both"),
        "positional": outcome(lambda: p.set_config("trace.json")),
        "old name": says(lambda: p.set_config(contiguous_dump=True), "contiguous_dump", "continuous_dump"),
        "state": outcome(lambda: p.set_state("start")),
        "process": [
            outcome(lambda: p.set_state("run", "both")),
            outcome(lambda: p.pause("both")),
            outcome(lambda: p.resume("both")),
            outcome(lambda: p.dump(True, "both")),
        ],
        "server": [
            outcome(lambda: p.set_config(profile_process="server")),
            outcome(lambda: p.set_state("run", "server")),
            outcome(lambda: p.pause("server")),
            outcome(lambda: p.dump(True, "server")),
        ],
        "dumps": [
            outcome(lambda: p.dumps(format="xml")),
            outcome(lambda: p.dumps(sort_by="name")),
            outcome(lambda: p.dumps(reset="yes")),
            outcome(lambda: p.dumps(ascending=2)),
        ],
        "scope": says(lambda: p.Marker(domain, "m").mark("nowhere"), "nowhere", "global", "thread"),
        "domain": outcome(lambda: p.Marker("D", "m").mark()),
        "names": outcome(lambda: p.Domain(3)),
        "value": outcome(lambda: domain.new_counter("c", "many")),
        "mode": says(lambda: deprecated(lambda: p.profiler_set_config("everything")), "profile_everything"),
    }


def deprecated(call):
    """The category and text of the one warning a call gives."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        call()
    return [(w.category.__name__, str(w.message)) for w in seen]


@program(cpu=True)
def old_forms(mx, ctx):
    p = mx.profiler
    with scratch() as folder:
        path = os.path.join(folder, "trace.json")
        mx.profiler.set_config(continuous_dump=False)
        found = [deprecated(lambda: p.profiler_set_state("run"))]
        measure(mx)
        found.append(deprecated(lambda: p.profiler_set_state()))
        p.set_config(filename=path, continuous_dump=False)
        found.append(deprecated(lambda: outcome(p.dump_profile)))
        return found


@program(cpu=True)
def things(mx, ctx):
    p = mx.profiler
    domain = p.Domain("D")
    made = [domain.new_task("a"), domain.new_frame("b"), domain.new_counter("c"), domain.new_marker("d")]
    unstarted = [made[0].stop(), made[1].stop()]
    before, handle = p.profiler_kvstore_handle, object()
    p.set_kvstore_handle(handle)
    noted = p.profiler_kvstore_handle is handle
    p.set_kvstore_handle(before)
    return {
        "types": [type(m).__name__ for m in made],
        "names": [m.name for m in made],
        "texts": [str(domain), str(made[0]), str(made[1]), str(made[2]), str(p.Event("e"))],
        "unstarted": unstarted,
        "handle": noted,
        "nothing": [p.pause(), p.resume(), p.set_state(), p.set_state("stop")],
    }
