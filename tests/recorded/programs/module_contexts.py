"""Module on two contexts: who gets which samples, what is joined, summed and averaged."""

import os
import re
from contextlib import contextmanager

import numpy as np

from . import logged, numbers, outcome, program, scratch
from .module import CLASSES, LABELS, ROWS, SHAPES, arguments, batch, iterator, mlp, refused, timeless, weights


def pair(mx, ctx):
    return [ctx, mx.cpu(1)]


def two(mx, ctx, symbol=None, loads=None, **options):
    return mx.mod.Module(
        mlp(mx) if symbol is None else symbol, context=pair(mx, ctx), work_load_list=loads, **options
    )


def ready(mx, ctx, store="local", optimizer="sgd", params=(("learning_rate", 0.5),), loads=None, **options):
    module = two(mx, ctx, loads=loads)
    module.bind(SHAPES, LABELS, **options)
    module.init_params(arg_params=weights(mx), aux_params={})
    module.init_optimizer(kvstore=store, optimizer=optimizer, optimizer_params=params)
    return module


def train(mx, module, steps=20):
    for step in range(steps):
        module.forward_backward(batch(mx, step % 6, step % 6 + 4))
        module.update()


@contextmanager
def update_on_store(value):
    os.environ["MXNET_UPDATE_ON_KVSTORE"] = value
    try:
        yield
    finally:
        del os.environ["MXNET_UPDATE_ON_KVSTORE"]


@program
def divisions(mx, ctx):
    def slices(size, loads, contexts=2):
        module = mx.mod.Module(mlp(mx), context=[ctx] + [mx.cpu(i) for i in range(1, contexts)],
                               work_load_list=loads)  # fmt: skip
        module.bind([("data", (size, 3))], [("softmax_label", (size,))])
        group = module._exec_group
        rows = [array.shape for _, array in group.data_arrays[0]]
        return [[s.start, s.stop] for s in group.slices], rows, [e.outputs[0].shape for e in group.execs]

    cases = [
        (4, None), (5, None), (7, None), (2, None), (6, [1, 2]), (10, [1, 3]), (5, [0.5, 0.1]), (1, None),
        (3, [9, 1]), (4, [1, 0]),
    ]  # fmt: skip
    found = {str(case): outcome(lambda case=case: slices(*case)) for case in cases}
    found["three"] = [slices(7, None, 3), slices(8, [2, 1, 1], 3), outcome(lambda: slices(2, None, 3))]
    return found


@program(rtol=3e-5, atol=3e-6)
def twenty_steps(mx, ctx):
    found = {}
    momentum = {"learning_rate": 0.3, "momentum": 0.9, "wd": 0.01}
    for store in ("local", "device", None):
        for name, params in (("sgd", momentum), ("adam", {"learning_rate": 0.05})):
            module = ready(mx, ctx, store, name, params, loads=[1, 3] if store == "local" else None)
            train(mx, module)
            found[str(store) + " " + name] = [arguments(module), module._update_on_kvstore]
    with update_on_store("0"):
        module = ready(mx, ctx, params=momentum)
        train(mx, module)
        found["not on the store"] = [arguments(module), module._update_on_kvstore, module._optimizer.idx2name]
    found["states"] = sorted(module._updater.states)
    return found


@program
def each_context_goes_its_own_way(mx, ctx):
    """Without a store gradients are not summed; parameters are the mean of what came out."""
    module = ready(mx, ctx, None)
    train(mx, module, 2)
    group = module._exec_group
    return [[p.asnumpy() for p in group.param_arrays[0]], [g.asnumpy() for g in group.grad_arrays[0]],
            arguments(module), module._exec_group.slices is not None]  # fmt: skip


@program
def pieces_and_wholes(mx, ctx):
    module = ready(mx, ctx, inputs_need_grad=True, loads=[1, 3])
    module.forward_backward(batch(mx))
    group = module._exec_group
    return {
        "outputs": module.get_outputs(),
        "parts": [[o.asnumpy() for o in parts] for parts in module.get_outputs(merge_multi_context=False)],
        "inputs": module.get_input_grads(),
        "parts of inputs": [[g.asnumpy() for g in parts] for parts in module.get_input_grads(False)],
        "grads": [[g.asnumpy() for g in parts] for parts in group.grad_arrays],
        "shapes": [module.output_shapes, str(module.data_shapes), group.batch_size],
        "first": group.get_outputs(begin=0, end=1),
        "on": [str(o.context) == str(c) for o, c in zip(module.get_outputs(False)[0], pair(mx, ctx))],
    }


@program
def head_gradients(mx, ctx):
    data = mx.sym.Variable("data")
    net = mx.sym.Group([mx.sym.FullyConnected(data, num_hidden=2, name="fc"), mx.sym.exp(data, name="e")])
    module = two(mx, ctx, net, label_names=None)
    module.bind([("data", (5, 3))], inputs_need_grad=True)
    params = {"fc_weight": mx.nd.array(numbers(2, 3)), "fc_bias": mx.nd.ones((2,))}
    module.init_params(arg_params=params, aux_params={})
    module.forward(mx.io.DataBatch([mx.nd.array(numbers(5, 3))]), is_train=True)
    heads = [mx.nd.array(numbers(5, 2, shift=1)), mx.nd.array(numbers(5, 3, shift=2))]
    module.backward(heads)
    return [module.get_outputs(), module.get_input_grads(), module._exec_group.grad_arrays[0][0],
            refused(lambda: module.backward(heads[:1])), refused(module.backward)]  # fmt: skip


@program(rtol=3e-5, atol=3e-6)
def batch_norm(mx, ctx):
    """Each context has statistics of its own samples; auxiliary states are averaged."""
    net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=3, name="fc")
    net = mx.sym.SoftmaxOutput(mx.sym.BatchNorm(net, fix_gamma=False, name="bn"), name="softmax")
    found = []
    for store in ("local", "device"):
        module = two(mx, ctx, net)
        module.bind([("data", (6, 3))], [("softmax_label", (6,))])
        params = {"fc_weight": mx.nd.array(numbers(3, 3)), "fc_bias": mx.nd.zeros((3,)),
                  "bn_gamma": mx.nd.ones((3,)), "bn_beta": mx.nd.zeros((3,))}  # fmt: skip
        aux = {"bn_moving_mean": mx.nd.zeros((3,)), "bn_moving_var": mx.nd.ones((3,))}
        module.init_params(arg_params=params, aux_params=aux)
        module.init_optimizer(kvstore=store, optimizer_params={"learning_rate": 0.3, "momentum": 0.9})
        for step in range(5):
            module.forward_backward(batch(mx, step % 4, step % 4 + 6))
            mx.nd.waitall()  # without it MXNet's threads now and then leave other moving averages behind
            module.update()
        own = [e.aux_dict["bn_moving_mean"].asnumpy() for e in module._exec_group.execs]
        args, auxs = module.get_params()
        found.append([own, arguments(module), {n: a.asnumpy() for n, a in sorted(auxs.items())}])
        module.set_params(args, auxs)
        found.append([e.aux_dict["bn_moving_mean"].asnumpy() for e in module._exec_group.execs])
    return found


@program(rtol=3e-5, atol=3e-6)
def fit_and_score(mx, ctx):
    module = two(mx, ctx)
    epochs = []
    with logged() as messages:
        module.fit(
            iterator(mx), eval_data=iterator(mx, 5), eval_metric=["acc", "ce"], num_epoch=2,
            optimizer="adam", optimizer_params={"learning_rate": 0.1}, arg_params=weights(mx), aux_params={},
            epoch_end_callback=lambda epoch, symbol, args, auxs: epochs.append([epoch, sorted(args)]),
        )  # fmt: skip
    scores = module.score(iterator(mx), ["acc", "ce"])
    return [timeless(messages), epochs, arguments(module), scores, module.predict(iterator(mx, 4))]


@program
def metrics(mx, ctx):
    """A metric sees one context's share after the other: means of uneven shares are means of means."""
    module = ready(mx, ctx, loads=[1, 3])
    module.forward(batch(mx), is_train=False)
    labels = batch(mx).label
    sliced = [[labels[0][0:1]], [labels[0][1:4]]]
    calls = []

    def count(label, pred):
        calls.append([list(label.shape), list(pred.shape)])
        return float(len(label))

    found = {}
    for name in ("acc", "ce", "nll_loss"):
        for pre_sliced in (False, True):
            metric = mx.metric.create(name)
            module.update_metric(metric, sliced if pre_sliced else labels, pre_sliced)
            found[name + str(pre_sliced)] = metric.get()
    metric = mx.metric.np(count)
    module.update_metric(metric, labels)
    return [found, metric.get(), calls]


def sequences(mx):
    """Time first: the batch is axis 1 of data, output and labels."""
    with mx.AttrScope(__layout__="TNC"):
        net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=2, flatten=False, name="fc")
        return mx.sym.LinearRegressionOutput(net, mx.sym.Variable("lr_label"), name="lr")


@program
def layouts(mx, ctx):
    module = two(mx, ctx, sequences(mx), label_names=["lr_label"], loads=[1, 2])
    data, label = mx.nd.array(numbers(4, 6, 3)), mx.nd.array(numbers(4, 6, 2, shift=1))
    module.bind(
        [mx.io.DataDesc("data", (4, 6, 3), layout="TNC")],
        [mx.io.DataDesc("lr_label", (4, 6, 2), layout="TNC")],
        inputs_need_grad=True,
    )
    params = {"fc_weight": mx.nd.array(numbers(2, 3)), "fc_bias": mx.nd.zeros((2,))}
    module.init_params(arg_params=params, aux_params={})
    module.init_optimizer(optimizer_params={"learning_rate": 0.1})
    one = mx.io.DataBatch([data], [label])
    module.forward_backward(one)
    group = module._exec_group
    metric = mx.metric.create("mse")
    module.update_metric(metric, [label])
    found = {
        "batch": [group.batch_size, group.data_layouts, group.label_layouts, group.output_layouts],
        "outputs": module.get_outputs(),
        "inputs": module.get_input_grads(),
        "parts": [o.shape for o in module.get_outputs(False)[0]],
        "shapes": module.output_shapes,
        "metric": metric.get(),
        "rescale": module._optimizer.rescale_grad,
    }
    module.update()
    return dict(found, after=arguments(module))


@program
def whole_for_everyone(mx, ctx):
    """An input whose layout has no N goes to each context whole."""
    data, table = mx.sym.Variable("data"), mx.sym.Variable("table")
    net = mx.sym.LinearRegressionOutput(mx.sym.dot(data, table), mx.sym.Variable("lr_label"), name="lr")
    module = two(mx, ctx, net, data_names=["data", "table"], label_names=["lr_label"])
    module.bind(
        [mx.io.DataDesc("data", (4, 3)), mx.io.DataDesc("table", (3, 2), layout="")],
        [mx.io.DataDesc("lr_label", (4, 2))],
        inputs_need_grad=True,
    )
    module.init_params()
    given = [mx.nd.array(numbers(4, 3)), mx.nd.array(numbers(3, 2))]
    module.forward_backward(mx.io.DataBatch(given, [mx.nd.zeros((4, 2))]))
    group = module._exec_group
    grads = module.get_input_grads()
    return [module.get_outputs(), grads, group.data_layouts, [a.shape for _, a in group.data_arrays[1]],
            [g.asnumpy() for g in module.get_input_grads(False)[1]]]  # fmt: skip


@program
def states(mx, ctx):
    data, state = mx.sym.Variable("data"), mx.sym.Variable("state")
    net = mx.sym.FullyConnected(mx.sym.elemwise_add(data, state), num_hidden=1, no_bias=True, name="fc")
    module = two(mx, ctx, net, label_names=None, state_names=["state"], loads=[1, 2])
    module.bind([("data", (3, 3))])
    module.init_params(mx.init.One())
    module.set_states(value=2)
    one = mx.io.DataBatch([mx.nd.ones((3, 3))])
    module.forward(one)
    found = [module.get_outputs()[0].asnumpy(), [a.shape for a in module.get_states(False)[0]]]
    module.set_states([[mx.nd.array(numbers(1, 3)), mx.nd.array(numbers(2, 3))]])
    module.forward(one)
    return [*found, module.get_outputs(), [a.asnumpy() for a in module.get_states(False)[0]]]


@program
def other_batch_sizes(mx, ctx):
    module = ready(mx, ctx)
    found = []
    for start, stop in ((0, 4), (2, 5), (0, 8), (0, 4), (4, 6)):
        module.forward_backward(batch(mx, start, stop))
        module.update()
        group = module._exec_group
        found.append([module.get_outputs()[0].asnumpy(), [[s.start, s.stop] for s in group.slices],
                      module.output_shapes])  # fmt: skip
    found.append(refused(lambda: module.forward(batch(mx, 0, 1))))
    module.reshape([("data", (6, 3))], [("softmax_label", (6,))])
    module.forward(batch(mx, 0, 6))
    return [*found, module.get_outputs(), arguments(module)]


@program
def a_batch_per_context(mx, ctx):
    """A list of batches: each context gets one, with its labels."""
    module = ready(mx, ctx, params={"learning_rate": 0.5, "momentum": 0.9})
    metric = mx.metric.create("acc")
    for start in (0, 4):
        pieces = [batch(mx, start, start + 2), batch(mx, start + 2, start + 4)]
        module.forward_backward(pieces)
        module.update()
        module.update_metric(metric, [piece.label for piece in pieces], pre_sliced=True)
    return [module.get_outputs(), metric.get(), arguments(module)]


@program
def sharing(mx, ctx):
    module = ready(mx, ctx)
    other = two(mx, ctx)
    other.bind([("data", (2, 3))], [("softmax_label", (2,))], shared_module=module)
    other.forward_backward(batch(mx, 0, 2))
    other.update()
    module.forward_backward(batch(mx, 2, 6))
    module.update()
    same = [other._kvstore is module._kvstore, other._update_on_kvstore]
    return same + [[p.asnumpy() for p in group] for group in other._exec_group.param_arrays]


@program
def optimizer_states(mx, ctx):
    """Written by the store under names; read back into another module they go on the same way."""
    params = {"learning_rate": 0.5, "momentum": 0.9}
    found = {}
    for store in ("local", "device"):
        module = ready(mx, ctx, store, params=params)
        train(mx, module, 2)
        with scratch():
            module.save_optimizer_states("a.states")
            again = ready(mx, ctx, store, params=params)
            again.load_optimizer_states("a.states")
        again.init_params(None, *module.get_params(), force_init=True)
        states = module._kvstore._updater.states
        found[store] = [sorted(states), {n: s.asnumpy() for n, s in sorted(states.items())}]
        train(mx, module, 2)
        found[store].append(arguments(module))
    with update_on_store("0"):
        module = ready(mx, ctx, params=params)
        train(mx, module, 2)
        with scratch():
            module.save_optimizer_states("a.states")
            again = ready(mx, ctx, params=params)
            again.load_optimizer_states("a.states")
        again.set_params(*module.get_params())
        train(mx, again, 2)
        found["devices"] = [sorted(again._updater.states), arguments(again)]
    return found


@program(differs={"assigned": "MXNet's store brings its old parameters back with the next update"})
def assigned_while_training(mx, ctx):
    module = ready(mx, ctx)
    train(mx, module, 1)
    args, auxs = module.get_params()
    module.set_params({name: array * 0 for name, array in args.items()}, auxs)
    before = arguments(module)
    train(mx, module, 1)
    return {"set": before, "assigned": module.get_params()[0]["fc2_bias"]}


@program
def compression(mx, ctx):
    def trained(store):
        module = two(mx, ctx, compression_params={"type": "2bit", "threshold": 0.05})
        module.bind(SHAPES, LABELS)
        module.init_params(arg_params=weights(mx), aux_params={})
        module.init_optimizer(kvstore=store, optimizer_params={"learning_rate": 0.5, "rescale_grad": 1.0})
        train(mx, module, 3)
        return arguments(module)

    return [outcome(lambda: trained("device")), refused(lambda: trained("local"))]


@program
def groups_of_contexts(mx, ctx):
    with mx.AttrScope(ctx_group="head"):
        net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=3, name="fc")
    net = mx.sym.SoftmaxOutput(net, name="softmax")
    choices = {
        "one": {"head": mx.cpu(2)},
        "listed": {"head": [mx.cpu(2), mx.cpu(3)]},
        "one listed": {"head": [mx.cpu(2)]},
        "dicts": [{"head": mx.cpu(2)}, {"head": mx.cpu(3)}],
    }
    found = {}
    for name, choice in choices.items():
        module = two(mx, ctx, net, group2ctxs=choice)
        module.bind(SHAPES, LABELS)
        module.init_params(mx.init.One())
        module.init_optimizer()
        train(mx, module, 2)
        places = [str(p.context) for p in module._exec_group.param_arrays[0]]
        found[name] = [places, arguments(module)]
    for name, choice in {"short": [{}], "long": {"head": [mx.cpu(2)] * 3}, "text": "head"}.items():
        found[name] = refused(lambda choice=choice: two(mx, ctx, net, group2ctxs=choice).bind(SHAPES, LABELS))
    return found


@program
def checkpoint(mx, ctx):
    params = {"learning_rate": 0.5, "momentum": 0.9}
    module = ready(mx, ctx, params=params)
    train(mx, module, 3)
    with scratch(), logged() as messages:
        module.save_checkpoint("net", 3, save_optimizer_states=True)
        files = sorted(os.listdir("."))
        again = mx.mod.Module.load("net", 3, load_optimizer_states=True, context=pair(mx, ctx))
        again.bind(SHAPES, LABELS)
        again.init_optimizer(optimizer_params=params)
        alone = mx.mod.Module.load("net", 3, context=ctx)
    train(mx, again, 3)
    train(mx, module, 3)
    alone.bind(SHAPES, LABELS, for_training=False)
    return [messages, files, arguments(module), arguments(again), alone.predict(ROWS[:4])]


@program
def monitoring(mx, ctx):
    module = ready(mx, ctx)
    monitor = mx.mon.Monitor(1, stat_func=lambda x: x.sum(), pattern="softmax_output|fc2_bias")
    module.install_monitor(monitor)
    monitor.tic()
    module.forward(batch(mx), is_train=False)
    rows = monitor.toc()
    return sorted([step, name, round(float(re.sub(r"[^0-9.e-]", "", text)), 5)] for step, name, text in rows)


@program
def sizes_must_agree(mx, ctx):
    net = mx.sym.Variable("a") + mx.sym.Variable("b")
    module = two(mx, ctx, net, data_names=["a", "b"], label_names=None)
    found = [refused(lambda: module.bind([("a", (4, 3)), ("b", (2, 3))])), module.binded]
    net = mlp(mx)
    found.append(refused(lambda: two(mx, ctx, net).bind(SHAPES, [("softmax_label", (3,))])))
    return [*found, refused(lambda: two(mx, ctx, net, loads=[1])), len(np.unique(CLASSES))]
