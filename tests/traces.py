"""Traces read back, and ways to make them: what the tests of the profiler share. Nothing here is a test."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from nets import bound, conv_bn_relu, randoms

import cysym as mx
from cysym import _core, profiler
from cysym.profiler.control import recorder

LIMIT = 120  # seconds a subprocess or a thread may take


class Span(NamedTuple):
    """One "B" with its "E", times in microseconds."""

    name: str
    cat: str
    begin: float
    end: float
    args: dict[str, Any]
    track: tuple[int, int]
    depth: int


class File:
    """A trace read back."""

    def __init__(self, path: Path) -> None:
        content = json.loads(path.read_text())
        assert list(content) == ["traceEvents", "displayTimeUnit"]
        self.events: list[dict[str, Any]] = content["traceEvents"]
        self.processes = {
            e["pid"]: e["args"]["name"] for e in self.events if e["ph"] == "M" and e["name"] == "process_name"
        }
        self.threads = {
            (e["pid"], e["tid"]): e["args"]["name"] for e in self.events if e["name"] == "thread_name"
        }
        for e in self.events:
            assert e["pid"] in self.processes, e
            assert e["ph"] in "MBEbeCi", e
            assert e["ph"] == "M" or e["ts"] >= 0, e

    def of(self, phases: str) -> list[dict[str, Any]]:
        return [e for e in self.events if e["ph"] in phases]

    def spans(self) -> list[Span]:
        """Pairs of "B" and "E", each track in the order of time; they must nest."""
        tracks: dict[tuple[int, int], list[dict[str, Any]]] = defaultdict(list)
        for e in self.of("BE"):
            assert (e["pid"], e["tid"]) in self.threads
            tracks[e["pid"], e["tid"]].append(e)
        found = []
        for track, events in tracks.items():
            events.sort(key=lambda e: e["ts"])
            open_: list[dict[str, Any]] = []
            for e in events:
                if e["ph"] == "B":
                    open_.append(e)
                    continue
                b = open_.pop()
                assert (b["name"], b["cat"]) == (e["name"], e["cat"])
                args = b.get("args", {})
                found.append(Span(b["name"], b["cat"], b["ts"], e["ts"], args, track, len(open_)))
            assert not open_
        return found

    def operators(self) -> list[Span]:
        return [s for s in self.spans() if s.cat == "operator"]

    def async_spans(self, category: str) -> list[tuple[str, float, float]]:
        """Pairs of "b" and "e" by id, in the order they end."""
        begun: dict[Any, dict[str, Any]] = {}
        found = []
        for e in self.of("be"):
            if e["cat"] == category:
                if e["ph"] == "b":
                    begun[e["id"], e["name"]] = e
                else:
                    found.append((e["name"], begun.pop((e["id"], e["name"]))["ts"], e["ts"]))
        assert not begun
        return found

    def counts(self, name: str) -> list[int]:
        return [e["args"][name] for e in self.of("C") if e["name"] == name]


@pytest.fixture(name="path")
def path_of_a_trace(tmp_path: Path) -> Iterator[Path]:
    """Where the trace goes; the profiler is as new before and after."""
    profiler.set_config(filename=str(tmp_path / "trace.json"), continuous_dump=False)
    recorder.statistics.clear()
    yield tmp_path / "trace.json"
    with recorder.lock:
        recorder.drop()
    profiler.resume()
    recorder.statistics.clear()
    profiler.set_config(continuous_dump=False)
    assert _core.profiler() is None


def profile(path: Path, work: Callable[[], Any], **config: Any) -> File:
    profiler.set_config(filename=path, continuous_dump=False, **config)
    profiler.set_state("run")
    try:
        work()
    finally:
        profiler.set_state("stop")
    profiler.dump()
    return File(path)


def step(executor: mx.Executor) -> None:
    executor.forward(is_train=True)
    executor.backward()
    mx.nd.waitall()


def small_net(ctx: mx.Context, rng: np.random.Generator) -> tuple[mx.sym.Symbol, mx.Executor]:
    net = mx.sym.Pooling(conv_bn_relu(), kernel=(2, 2), stride=(2, 2), pool_type="max", name="pool")
    net = mx.sym.FullyConnected(mx.sym.Flatten(net, name="flat"), num_hidden=5, name="fc")
    net = mx.sym.SoftmaxOutput(mx.sym.tanh(net * 2, name="th"), name="softmax")
    values = randoms(rng, net, data=(2, 3, 8, 8), softmax_label=(2,))
    values["softmax_label"] = np.array([1, 3], np.float32)
    return net, bound(net, ctx, values)
