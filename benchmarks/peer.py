"""What the peers' benchmark programs share: time a prepared function, print one JSON line.

Standard library only, so that it runs in every peer's environment (Python 3.8 and later). A peer's program
hands functions here its benchmarks: name -> (unit, prepare), where `prepare` builds everything and returns
a `Job`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

WARM_UP = 3
SCALE = {"us": 1e6, "ms": 1e3, "s": 1.0}


def nothing() -> None:
    """Do nothing: the default of `Job.settle`."""


class Job(NamedTuple):
    """A prepared benchmark: `run` is timed and does `work` units of work; `settle` follows, untimed."""

    run: Callable[[], Any]
    work: int
    settle: Callable[[], Any] = nothing


def sample(job: Job, repeat: int) -> list[float]:
    """Return the seconds of `repeat` calls, after a warm-up."""
    seconds = []
    for _ in range(WARM_UP + repeat):
        start = time.perf_counter()
        job.run()
        seconds.append(time.perf_counter() - start)
        job.settle()
    return seconds[WARM_UP:]


def serve(version: str, prepare: Callable[[str], Callable[[], Any] | None], warm_up: int = 3) -> None:
    """Print the version, then for each name that stdin brings the median milliseconds of its call.

    `prepare` gives the call of a name, or None (answered `null`) where the framework has none.
    """
    print(json.dumps(version), flush=True)
    for line in sys.stdin:
        call = prepare(line.strip())
        if call is None:
            print("null", flush=True)
            continue
        for _ in range(warm_up):
            call()
        times: list[float] = []
        begun = time.perf_counter()
        while len(times) < 5 or (time.perf_counter() - begun < 0.3 and len(times) < 200):
            start = time.perf_counter()
            call()
            times.append(time.perf_counter() - start)
        print(json.dumps(statistics.median(times) * 1e3), flush=True)


def import_seconds(module: str, repeat: int) -> list[float]:
    """Return the seconds `import module` takes in fresh interpreters, after one to warm the disk cache."""
    clock = "time.perf_counter()"
    code = f"import time; start = {clock}; import {module}; print('took', {clock} - start)"
    seconds = []
    for _ in range(repeat + 1):
        done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True)
        seconds.append(float(done.stdout.split()[-1]))
    return seconds[1:]


def report(bench: str, unit: str, seconds: list[float], work: int, **facts: Any) -> dict[str, Any]:
    """Return the JSON document of one benchmark: times per unit of work, with median and best."""
    times = [round(second * SCALE[unit] / work, 4) for second in seconds]
    return {
        "bench": bench,
        "unit": unit,
        "median": statistics.median(times),
        "best": min(times),
        "times": times,
        **facts,
    }


def parse(benches: dict[str, Any], **more: Any) -> argparse.Namespace:
    """Read `--bench NAME --repeat N`, and the options named in `more` (option -> list of choices)."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bench", required=True, choices=sorted(benches))
    parser.add_argument("--repeat", type=int, default=20)
    for option, choices in more.items():
        parser.add_argument("--" + option, choices=choices, default=choices[0])
    return parser.parse_args()


def show(document: dict[str, Any]) -> None:
    """Print the document as one line."""
    print(json.dumps(document), flush=True)
