"""executor_manager: errors and shared arrays; numbers are in recorded/programs/executor_manager.py."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cysym as mx
from cysym import executor_manager as em


@given(size=st.integers(1, 300), loads=st.lists(st.integers(1, 9), min_size=1, max_size=6))
@settings(max_examples=200, deadline=None)
def test_slices_cover_a_batch_once(size, loads):
    counts = [round(load * size / sum(loads)) for load in loads]
    starts = [min(sum(counts[:i]), size) for i in range(len(loads))]
    if 0 in counts[:-1] or starts[-1] == size:
        with pytest.raises(ValueError, match=r"leaves device \d without rows"):
            em._split_input_slice(size, loads)
        return
    slices = em._split_input_slice(size, loads)
    assert [s.start for s in slices] == starts
    assert [s.stop for s in slices] == [*starts[1:], size]


@pytest.mark.parametrize("loads", [[], [0, 0], [-1, 2]])
def test_work_loads_that_are_none(loads):
    with pytest.raises(ValueError, match="work loads must be numbers >= 0"):
        em._split_input_slice(4, loads)


def test_duplicate_names_are_listed():
    a = mx.sym.Variable("a")
    with pytest.raises(ValueError, match=r"3 arguments are called 'a'.*\['a', 'b', 'a', 'a'\]"):
        em._check_arguments(a + mx.sym.Variable("b") + mx.sym.Variable("a") + mx.sym.Variable("a"))


def made(ctx, **kwargs):
    net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=2, name="fc")
    net = mx.sym.SoftmaxOutput(net, name="softmax")
    data = mx.io.NDArrayIter(np.ones((4, 3)), np.zeros(4), 4)
    params = ["fc_weight", "fc_bias"]
    return em.DataParallelExecutorManager(
        net, [ctx, mx.cpu(1)], data, net.list_arguments(), params, [], **kwargs
    )


def test_errors_name_what_is_wrong(ctx):
    for loads in ([1], 3):
        with pytest.raises(ValueError, match="one number per context, 2"):
            made(ctx, work_load_list=loads)
    manager = made(ctx)
    batch = mx.io.DataBatch([mx.nd.ones((3, 3))], [mx.nd.ones((4,))])
    with pytest.raises(mx.base.ShapeError, match="batch has 3 rows, the executors were bound for 4"):
        manager.load_data_batch(batch)


def test_groups_share_what_is_trained(ctx):
    """A group made from another uses its parameters and gradients, and has inputs of its own."""
    net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=2, name="fc")
    net = mx.sym.SoftmaxOutput(mx.sym.BatchNorm(net, name="bn"), name="softmax")
    names = net.list_arguments()
    params = [n for n in names if n not in ("data", "softmax_label")]
    first = mx.io.NDArrayIter(np.ones((4, 3)), np.zeros(4), 4)
    contexts, slices = [ctx, mx.cpu(1)], [slice(0, 2), slice(2, 4)]
    one = em.DataParallelExecutorGroup(net, names, params, contexts, slices, first)
    two = em.DataParallelExecutorGroup(net, names, params, contexts, slices, first, shared_group=one)
    for a, b in zip(one.train_execs, two.train_execs, strict=True):
        for name in params:
            assert a.arg_dict[name] is b.arg_dict[name]
            assert a.grad_dict[name] is b.grad_dict[name]
        assert a.aux_dict["bn_moving_mean"] is b.aux_dict["bn_moving_mean"]
        assert a.arg_dict["data"] is not b.arg_dict["data"]
    assert [e.arg_dict["data"].context for e in one.train_execs] == contexts


def test_monitor_and_buckets_do_not_go_together(ctx):
    data = mx.io.NDArrayIter(np.ones((4, 3)), np.zeros(4), 4)
    data.default_bucket_key = 3
    net = mx.sym.SoftmaxOutput(mx.sym.Variable("data"), name="softmax")
    manager = em.DataParallelExecutorManager(
        net, [ctx], data, net.list_arguments(), [], [], sym_gen=lambda key: net
    )
    with pytest.raises(NotImplementedError, match="sym_gen"):
        manager.install_monitor(mx.mon.Monitor(1))
