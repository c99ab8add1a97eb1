"""ResizeIter and PrefetchingIter: threads, errors, forks; what they give is in recorded/programs/io.py."""

from __future__ import annotations

import gc
import os
import threading
import time

import numpy as np
import pytest

import cysym as mx


class Counting:
    """A plain object that iterates; raises at one batch, and can be slow."""

    def __init__(self, count, fails_at=None, delay=0.0, label=True):
        self.count, self.fails_at, self.delay = count, fails_at, delay
        self.batch_size = 1
        self.provide_data = [mx.io.DataDesc("data", (1,))]
        self.provide_label = [mx.io.DataDesc("label", (1,))] if label else []
        self.threads = set()
        self.at = 0

    def reset(self):
        self.at = 0

    def __iter__(self):
        return self

    def __next__(self):
        self.threads.add(threading.get_ident())
        time.sleep(self.delay)
        self.at += 1
        if self.at == self.fails_at:
            raise OSError(f"disk lost at {self.at}")
        if self.at > self.count:
            raise StopIteration
        label = [mx.nd.array([-self.at])] if self.provide_label else None
        return mx.io.DataBatch([mx.nd.array([self.at])], label, pad=0)


def read(iterator):
    return [batch.data[0].asscalar() for batch in iterator]


def test_batches_are_made_in_another_thread():
    source = Counting(4)
    assert read(mx.io.PrefetchingIter(source)) == [1, 2, 3, 4]
    assert source.threads
    assert threading.get_ident() not in source.threads


def test_batches_are_made_ahead():
    source = Counting(4)
    iterator = mx.io.PrefetchingIter(source)
    iterator.next()
    deadline = time.monotonic() + 5
    while source.at < 2 and time.monotonic() < deadline:
        time.sleep(0.001)
    assert source.at == 2, "one ahead, no more"


def test_errors_surface_in_next_and_the_iterator_goes_on():
    iterator = mx.io.PrefetchingIter(Counting(4, fails_at=2))
    assert iterator.next().data[0].asscalar() == 1
    with pytest.raises(OSError, match="disk lost at 2"):
        iterator.next()
    assert read(iterator) == [3, 4]
    iterator.reset()
    assert iterator.next().data[0].asscalar() == 1


def test_an_error_in_one_of_two_loses_no_batch_of_the_other():
    iterator = mx.io.PrefetchingIter([Counting(3), Counting(4, fails_at=2)])
    pairs = []
    for _ in range(6):
        try:
            pairs.append([a.asscalar() for a in iterator.next().data])
        except OSError:
            pairs.append("error")
        except StopIteration:
            break
    assert pairs == [[1, 1], "error", [2, 3], [3, 4]]


def test_end_stays_the_end():
    iterator = mx.io.PrefetchingIter(Counting(1))
    iterator.next()
    for _ in range(3):
        with pytest.raises(StopIteration):
            iterator.next()
        assert iterator.iter_next() is False


def test_unequal_iterators_are_refused():
    iterator = mx.io.PrefetchingIter([Counting(2), Counting(1)])
    iterator.next()
    with pytest.raises(mx.MXNetError, match="iterator 1 is at its end"):
        iterator.next()
    rows = np.arange(5)
    uneven = [mx.io.NDArrayIter(rows, batch_size=5), mx.io.NDArrayIter(rows[:4], batch_size=5)]
    with pytest.raises(mx.MXNetError, match=r"different counts: \[0, 1\]"):
        mx.io.PrefetchingIter(uneven).next()


def test_reset_while_a_batch_is_being_made():
    source = Counting(5, delay=0.01)
    iterator = mx.io.PrefetchingIter(source)
    for _ in range(5):
        iterator.reset()
        assert iterator.next().data[0].asscalar() == 1
    assert read(iterator) == [2, 3, 4, 5]


def test_threads_end_with_the_iterator():
    iterator = mx.io.PrefetchingIter([Counting(3), Counting(3)])
    iterator.next()
    threads = [ahead._thread for ahead in iterator._ahead]
    assert all(thread.is_alive() for thread in threads)
    del iterator
    gc.collect()
    assert not any(thread.is_alive() for thread in threads)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_forked_process_goes_on():
    iterator = mx.io.PrefetchingIter(Counting(4))
    iterator.next()
    time.sleep(0.05)  # the batch ahead is ready when the process forks
    child = os.fork()
    if child == 0:
        code = 1
        try:
            found = read(iterator)
            iterator.reset()
            code = 0 if found == [2, 3, 4] and read(iterator) == [1, 2, 3, 4] else 2
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    assert read(iterator) == [2, 3, 4]


def test_labels_may_be_absent():
    iterator = mx.io.PrefetchingIter([Counting(1, label=False), Counting(1)])
    assert [d.name for d in iterator.provide_label] == ["label"]
    assert len(iterator.next().label) == 1


def test_renaming():
    iterator = mx.io.PrefetchingIter(Counting(1), rename_data={"data": "x"}, rename_label=[{"label": "y"}])
    assert [d.name for d in iterator.provide_data + iterator.provide_label] == ["x", "y"]
    with pytest.raises(ValueError, match=r"has 'data', which is not renamed; given are .'dta'"):
        mx.io.PrefetchingIter(Counting(1), rename_data=[{"dta": "x"}])
    with pytest.raises(ValueError, match="one dict per iterator, 1, got 2"):
        mx.io.PrefetchingIter(Counting(1), rename_data=[{}, {}])
    with pytest.raises(ValueError, match="at least one"):
        mx.io.PrefetchingIter([])


def test_asking_before_the_first_batch():
    with pytest.raises(RuntimeError, match="call next"):
        mx.io.PrefetchingIter(Counting(1)).getdata()


def test_resize_of_nothing_is_an_error():
    with pytest.raises(mx.MXNetError, match="Counting has no batch after reset, 3 are needed"):
        mx.io.ResizeIter(Counting(0), 3).next()


def test_resize_waits_for_rows_that_roll_over():
    source = mx.io.NDArrayIter(np.arange(3), batch_size=4, last_batch_handle="roll_over")
    resized = mx.io.ResizeIter(source, 6)
    seen = np.concatenate([batch.data[0].asnumpy() for batch in resized])
    np.testing.assert_array_equal(seen, np.arange(24) % 3)


def test_resize_keeps_what_a_batch_says():
    class Bucketed(Counting):
        default_bucket_key = 10

        def next(self):
            batch = self.__next__()
            batch.bucket_key = self.at
            return batch

    iterator = mx.io.ResizeIter(Bucketed(2), 3)
    assert iterator.default_bucket_key == 10
    assert [batch.bucket_key for batch in iterator] == [1, 2, 1]


def test_module_trains_through_prefetching(ctx):
    """The same parameters as without it, batch for batch."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((12, 5)).astype(np.float32), np.arange(12) % 3
    net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=3, name="fc")
    net = mx.sym.SoftmaxOutput(net, name="softmax")
    found = []
    for wrap in (lambda it: it, mx.io.PrefetchingIter):
        module = mx.mod.Module(net, context=ctx)
        mx.random.seed(3)
        module.fit(wrap(mx.io.NDArrayIter(x, y, 4)), num_epoch=3, optimizer_params={"learning_rate": 0.5})
        found.append(module.get_params()[0]["fc_weight"].asnumpy())
    np.testing.assert_array_equal(*found)
