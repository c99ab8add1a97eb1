"""Planned memory of five known networks: near its lower bound, and well below what MXNet 1.9.1 allocates.

Plans are made without allocating anything, so the large networks cost only their lowering.
"""

from __future__ import annotations

import importlib.util
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import pytest
from conftest import contexts
from recorded.loader import memory_rows

import cysym as mx

ROWS = memory_rows()

# Inference of a plain chain: a layer's input and output live at once, whatever the plan. Where the largest
# such pair is more than 0.85 of MXNet's figure, the pair is what may be asked for. Bytes a sample:
FLOAT = 4
LARGEST_PAIR = {
    "mlp": FLOAT * (128 + 64),  # outputs of fc1 and fc2
    "lenet": FLOAT * (20 * 24 * 24 + 20 * 12 * 12),  # outputs of conv1 and pool1
    "vgg16": FLOAT * (64 * 224 * 224 * 2),  # outputs of conv1_1 and conv1_2
}
NETWORKS = ("mlp", "lenet", "vgg16", "inception_bn", "resnet50")


@lru_cache(maxsize=1)
def models() -> Any:
    path = Path(__file__).parent.parent / "benchmarks" / "models.py"
    spec = importlib.util.spec_from_file_location("models", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def plan(model: str, shape: tuple[int, ...], train: bool, ctx: Any) -> Any:
    symbol = models().MODELS[model][0](mx)
    req = {
        name: "write" if train and name not in ("data", "softmax_label") else "null"
        for name in symbol.list_arguments()
    }
    return symbol.plan(ctx, grad_req=req, data=shape)


def identity(row: dict[str, Any]) -> str:
    return f"{row['model']}-{row['data'][0]}-{'train' if row['train'] else 'infer'}"


def test_every_network_is_recorded() -> None:
    assert {(row["model"], row["train"]) for row in ROWS} == {(n, t) for n in NETWORKS for t in (True, False)}


@pytest.mark.parametrize("ctx", contexts(), ids=str)
@pytest.mark.parametrize("row", ROWS, ids=identity)
def test_peak_is_near_the_lower_bound(row: dict[str, Any], ctx: Any) -> None:
    found = plan(row["model"], tuple(row["data"]), row["train"], ctx)
    assert 0 < found.lower_bound <= found.peak <= found.naive
    assert found.peak <= 1.02 * found.lower_bound


@pytest.mark.parametrize("ctx", contexts(), ids=str)
@pytest.mark.parametrize("row", [row for row in ROWS if row["mib"] >= 5], ids=identity)
def test_less_than_mxnet(row: dict[str, Any], ctx: Any) -> None:
    found = plan(row["model"], tuple(row["data"]), row["train"], ctx)
    allowed = 0.85 * row["mib"] * 2**20
    if not row["train"] and row["model"] in LARGEST_PAIR:
        allowed = max(allowed, LARGEST_PAIR[row["model"]] * row["data"][0])
        assert allowed <= row["mib"] * 2**20
    assert found.peak <= allowed, f"{found.peak / 2**20:.1f} MiB, MXNet {row['mib']} MiB"


@pytest.mark.parametrize("row", [row for row in ROWS if row["data"][0] <= 64], ids=identity)
def test_timeline_is_a_plan(row: dict[str, Any]) -> None:
    """Blocks alive at the same time do not overlap, and the peak is where the last one ends."""
    found = plan(row["model"], tuple(row["data"]), row["train"], mx.cpu())
    blocks = sorted(found.timeline, key=lambda block: (block.chunk, block.offset))
    for k, a in enumerate(blocks):
        for b in blocks[k + 1 :]:
            if b.chunk != a.chunk or b.offset >= a.offset + a.nbytes:
                break
            assert b.first > a.last or b.last < a.first, f"{a.name} and {b.name} overlap"
    ends: dict[int, int] = {}
    for block in blocks:
        ends[block.chunk] = max(ends.get(block.chunk, 0), block.offset + block.nbytes)
    assert sum(ends.values()) <= found.peak <= sum(ends.values()) + 64 * len(ends)
    assert sum(block.nbytes for block in blocks) <= found.naive
