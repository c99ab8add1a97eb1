"""Blocks of freed arrays: handed out again, zeroed where zeros are asked for, bounded, given back."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import numpy as np
import pytest

import cysym as mx
from cysym._core import Storage, limit_host_memory, trim_host_memory

MIB = 1 << 20
DEVICE = mx.cpu().device


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    trim_host_memory()
    yield
    limit_host_memory(256 * MIB)
    trim_host_memory()


def test_a_freed_block_is_the_next_one() -> None:
    first = Storage.alloc(DEVICE, 3 * MIB)
    place = first.address
    del first
    assert Storage.alloc(DEVICE, 3 * MIB).address == place


def test_zeros_are_zero_in_a_used_block() -> None:
    used = mx.nd.full((512, 1024), 7)
    assert used.asnumpy().all()
    place = used.storage.address
    del used
    again = mx.nd.zeros((512, 1024))
    assert again.storage.address == place
    assert not again.asnumpy().any()


def test_an_array_in_use_is_never_handed_out() -> None:
    kept = [mx.nd.full((600, 600), k) for k in range(5)]
    for k in range(20):
        mx.nd.full((600, 600), -k).wait_to_read()
    for k, array in enumerate(kept):
        np.testing.assert_array_equal(array.asnumpy(), np.full((600, 600), k))
    view = kept[0][1:3]
    kept.clear()
    mx.nd.full((600, 600), 9).wait_to_read()
    assert not view.asnumpy().any()


def test_the_limit_bounds_what_is_kept() -> None:
    limit_host_memory(8 * MIB)
    for size in (2, 3, 4, 3, 2, 5, 7):  # 5 and 7 are more than half
        Storage.alloc(DEVICE, size * MIB)
    assert 0 < trim_host_memory() <= 8 * MIB
    limit_host_memory(0)
    Storage.alloc(DEVICE, 2 * MIB)
    assert trim_host_memory() == 0
    with pytest.raises(ValueError, match="not negative"):
        limit_host_memory(-1)


def test_empty_cache() -> None:
    Storage.alloc(DEVICE, 4 * MIB)
    mx.cpu().empty_cache()
    assert trim_host_memory() == 0


def test_many_sizes_and_threads() -> None:
    """More sizes than there are slots, from several threads: contents stay whole."""
    wrong = []

    def work(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(60):
            n = int(rng.integers(MIB // 4, MIB))
            array = mx.nd.full((n,), seed)
            if not (array.asnumpy() == seed).all():
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize(("text", "message"), [("some", "no number of MiB"), ("-1", "no number of MiB")])
def test_the_variable_is_checked(text: str, message: str) -> None:
    environment = {**os.environ, "CYSYM_HOST_CACHE": text}
    done = subprocess.run(
        [sys.executable, "-c", "import cysym"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert message in done.stderr
