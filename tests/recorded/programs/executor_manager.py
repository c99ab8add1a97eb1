"""executor_manager: slices of a batch, loading them, executors on several devices as one."""

import numpy as np

from . import logged, numbers, outcome, program


@program(cpu=True)
def slices(mx, ctx):
    split = mx.executor_manager._split_input_slice
    found = {}
    for size, loads in (
        (10, [1]),
        (10, [1, 1]),
        (10, [1, 1, 1]),
        (10, [1, 1, 3]),
        (7, [1, 1]),
        (5, [1, 1]),
        (3, [1, 1]),
        (8, [0.5, 0.5]),
        (9, [1, 2, 3, 4]),
        (2, [1, 1, 1]),
        (4, [1, 0]),
        (4, [10, 1]),
        (16, [3, 3, 3, 3, 3]),
    ):
        found[f"{size} {loads}"] = outcome(lambda s=size, w=loads: [[p.start, p.stop] for p in split(s, w)])
    return found


@program(cpu=True)
def checked(mx, ctx):
    check = mx.executor_manager._check_arguments
    a = mx.sym.Variable("a")
    return [
        outcome(lambda: check(a + mx.sym.Variable("b"))),
        outcome(lambda: check(a + mx.sym.Variable("a"))),
    ]


def _net(mx):
    net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=4, name="fc")
    net = mx.sym.BatchNorm(net, fix_gamma=False, name="bn")
    return mx.sym.SoftmaxOutput(net, name="softmax")


@program(rtol=1e-4, atol=1e-5)
def manager(mx, ctx):
    """Parameters in, two batches through, gradients and means out."""
    net = _net(mx)
    names = net.list_arguments()
    params = [name for name in names if name not in ("data", "softmax_label")]
    found = {}
    for key, contexts, loads in (
        ("one", [ctx], None),
        ("two", [ctx, mx.cpu(1)], None),
        ("uneven", [ctx, mx.cpu(1)], [1, 2]),
    ):
        data = mx.io.NDArrayIter(numbers(12, 3), np.arange(12) % 4, 6)
        with logged() as messages:
            made = mx.executor_manager.DataParallelExecutorManager(
                net, contexts, data, names, params, net.list_auxiliary_states(), loads
            )
        args = {"fc_weight": mx.nd.array(numbers(4, 3)), "fc_bias": mx.nd.array(numbers(4))}
        args.update(bn_gamma=mx.nd.array(numbers(4, shift=2)), bn_beta=mx.nd.array(numbers(4)))
        auxs = {"bn_moving_mean": mx.nd.zeros((4,)), "bn_moving_var": mx.nd.ones((4,))}
        made.set_params(args, auxs)
        metric = mx.metric.create("acc")
        seen = [[[p.start, p.stop] for p in made.slices], messages[0].split("with")[0]]
        for batch in data:
            made.load_data_batch(batch)
            made.forward(is_train=True)
            made.backward()
            made.update_metric(metric, batch.label)
            seen.append([[g.asnumpy() for g in grads] for grads in made.grad_arrays])
        group = made.execgrp
        seen.append([group.param_names, group.aux_names, group.data_names, group.label_names])
        seen.append([[a.shape for a in arrays] for arrays in made.param_arrays])
        seen.append(
            [[[s.start, s.stop] for s, _ in pairs] for pairs in group.data_arrays + group.label_arrays]
        )
        made.copy_to(args, auxs)
        found[key] = [seen, args, auxs, metric.get()[1], [e.outputs[0].shape for e in group.train_execs]]
    found["loads"] = outcome(
        lambda: mx.executor_manager.DataParallelExecutorManager(
            net, [ctx, ctx], data, names, params, [], [1, 1000]
        )
    )
    return found


@program
def loading(mx, ctx):
    load = mx.executor_manager._load_general
    whole = mx.nd.zeros((4, 2), ctx)
    parts = [(slice(0, 1), mx.nd.zeros((1, 2), ctx)), (slice(1, 4), mx.nd.zeros((3, 2), mx.cpu(1)))]
    source = mx.nd.array(numbers(4, 2))
    load([source, source], [whole, parts])
    batch = mx.io.DataBatch([source * 2], [source * 3])
    data, label = mx.nd.zeros((4, 2), ctx), mx.nd.zeros((4, 2), ctx)
    mx.executor_manager._load_data(batch, [data])
    mx.executor_manager._load_label(batch, [label])
    return [whole, [part.asnumpy() for _, part in parts], data, label]
