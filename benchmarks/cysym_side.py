"""Times cysym with the very jobs `mxnet_side` gives MXNet; prints one JSON line.

    python cysym_side.py --bench NAME --repeat N

The chain runs unfused on one thread, as a measure of what one operator costs to dispatch.
"""

from __future__ import annotations

import importlib
from typing import Any

import mxnet_side
import peer


def measure(bench: str, repeat: int) -> dict[str, Any]:
    """Time one benchmark in this process."""
    unit, prepare = mxnet_side.BENCHES[bench]
    if prepare is None:
        return peer.report(bench, unit, peer.import_seconds("cysym", repeat), 1, peer="cysym")
    mx: Any = importlib.import_module("cysym")
    if bench == "chain":
        mx._core.set_num_threads(1)
    with mx.executor.options(fuse=bench != "chain"):
        job = prepare(mx)
    if bench.startswith("bind_"):  # each time as if it were the first
        forget = importlib.import_module("cysym.reuse").forget
        job = job._replace(settle=lambda: (mx.nd.waitall(), forget()))
    seconds = peer.sample(job, repeat)
    facts = {"version": mx.__version__, "isa": mx._core.ISA, "threads": mx._core.get_num_threads()}
    return peer.report(bench, unit, seconds, job.work, peer="cysym", **facts)


if __name__ == "__main__":
    options = peer.parse(mxnet_side.BENCHES)
    peer.show(measure(options.bench, options.repeat))
