"""What programs reach for inside a Module: groups of executors that share memory, MXNet's helpers by name,
what callbacks find in `locals`, inputs described in unusual ways."""

from collections import namedtuple
from importlib import import_module

import numpy as np

from . import fresh, numbers, outcome, program
from .module import batch, iterator, mlp


def chain(mx, length):
    """Layers that share weights; each has an input of its own."""
    layer, weight, bias = mx.sym.Variable("data"), mx.sym.Variable("weight"), mx.sym.Variable("bias")
    for i in range(length):
        layer = mx.sym.FullyConnected(layer, weight=weight, bias=bias, num_hidden=3, name=f"fc{i}")
        layer = layer + mx.sym.Variable(f"extra{i}")
    return mx.sym.SoftmaxOutput(layer, mx.sym.Variable("label"), name="softmax")


def group(mx, ctx, length, rows, shared=None):
    module = import_module(mx.__name__ + ".module.executor_group")
    return module.DataParallelExecutorGroup(
        symbol=chain(mx, length), contexts=[ctx], workload=[1], data_shapes=[("data", (rows, 3))],
        label_shapes=[("label", (rows,))], param_names=["weight", "bias"], for_training=True,
        inputs_need_grad=False, shared_group=shared,
    )  # fmt: skip


def same_memory(mx, one, other):
    one[:] = 7
    mx.nd.waitall()
    found = bool((other.asnumpy() == 7).any())
    one[:] = 0
    mx.nd.waitall()
    return found


@program
@fresh
def groups_share(mx, ctx):
    def shapes(arrays):
        return {name: list(array.shape) for name, array in sorted(arrays.items())}

    first = group(mx, ctx, 2, 4)
    found = {"alone": shapes(first.shared_data_arrays[0])}
    smaller, larger = group(mx, ctx, 1, 3, first), group(mx, ctx, 3, 6, first)
    found["pool"] = shapes(first.shared_data_arrays[0])
    found["one pool"] = [
        other.shared_data_arrays[0] is first.shared_data_arrays[0] for other in (smaller, larger)
    ]
    names = ["data", "label", "weight", "bias", "extra0"]
    for key, other in (("smaller", smaller), ("larger", larger)):
        arrays = other.execs[0].arg_dict
        found[key] = [shapes(arrays), [same_memory(mx, first.execs[0].arg_dict[n], arrays[n]) for n in names]]
    grads = [executor.grad_dict["weight"] for executor in (first.execs[0], smaller.execs[0])]
    found["gradients"] = same_memory(mx, *grads)
    return found


@program
def pool_without_an_executor(mx, ctx):
    net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=3, name="fc")
    found = []
    for names in (["fc_weight", "fc_bias"], ["fc_weight"], []):
        pool = {}
        net.simple_bind(ctx, shared_buffer=pool, shared_arg_names=names, data=(4, 2))
        found.append({name: list(array.shape) for name, array in sorted(pool.items())})
    return found


@program(cpu=True)
def helpers(mx, ctx):
    module = import_module(mx.__name__ + ".module.executor_group")
    rows = mx.nd.array(numbers(4, 3))
    whole, top, bottom = mx.nd.zeros((4, 3)), mx.nd.zeros((1, 3)), mx.nd.zeros((3, 3))
    left, right, every = mx.nd.zeros((4, 1)), mx.nd.zeros((4, 2)), [mx.nd.zeros((4, 3)) for _ in range(2)]
    pieces = [(slice(0, 1), top), (slice(1, 4), bottom)]
    module._load_general([rows, rows], [whole, pieces], [0, 0])
    module._load_general([rows], [[(slice(0, 1), left), (slice(1, 3), right)]], [1])
    module._load_general([rows], [[(slice(0, 1), every[0]), (slice(1, 4), every[1])]], [-1])
    found = {"general": [whole, top, bottom, left, right, every]}
    one = mx.io.DataBatch([rows * 2], [rows * 3])
    module._load_data(one, [pieces], [0])
    found["data"] = [top.copy(), bottom.copy()]
    module._load_label([mx.io.DataBatch([], [rows[:1]]), mx.io.DataBatch([], [rows[1:]])], [pieces], [0])
    found["label"] = [top, bottom]
    parts = [[rows[:1], rows[1:]], [rows, rows], [rows]]
    found["merged"] = module._merge_multi_context(parts, [0, -1, 0])
    found["side by side"] = module._merge_multi_context([[left, right]], [1])
    spread = module._prepare_group2ctxs({"a": mx.cpu(0), "b": [mx.cpu(1), mx.cpu(2)]}, 2)
    found["contexts"] = [{name: str(ctx) for name, ctx in sorted(chosen.items())} for chosen in spread]
    found["none"] = module._prepare_group2ctxs(None, 2)
    found["slices"] = [[s.start, s.stop] for s in module._split_input_slice(7, [1, 2])]
    return found


@program(cpu=True)
def names_of_io(mx, ctx):
    named = mx.io._init_data([np.zeros((2, 3)), mx.nd.ones((2,))], allow_empty=False, default_name="data")
    walk = mx.io.NDArrayIter({"b": np.zeros((2, 3)), "a": np.ones((2, 1))}, np.zeros(2))
    return {
        "named": [[name, list(array.shape)] for name, array in named],
        "sources": [walk.num_source, [list(array.shape) for array in walk.data_list]],
    }


@program
def locals_of_callbacks(mx, ctx):
    seen = []

    def look(param):
        here = param.locals
        seen.append([here["epoch"], here["nbatch"], here["end_of_batch"], here["self"] is module,
                     here["data_batch"].data[0], here["eval_metric"] is param.eval_metric])  # fmt: skip
        if not here["end_of_batch"]:
            seen.append(here["next_data_batch"].data[0])

    module = mx.mod.Module(mlp(mx), context=ctx)
    module.fit(iterator(mx), num_epoch=1, batch_end_callback=look)
    return seen


@program
def unusual_inputs(mx, ctx):
    names, shapes = ["data"], [(4, 3)]
    module = mx.mod.Module(mlp(mx), context=ctx)
    module.bind(zip(names, shapes), zip(["softmax_label"], [(4,)]))
    module.init_params(mx.init.One())
    module.init_optimizer(optimizer_params={"learning_rate": 0.5}.items())
    shapes = [list(module.data_shapes[0].shape), list(module.label_shapes[0].shape)]
    found = {"zip": shapes, "pairs": module._optimizer.lr}
    Batch = namedtuple("Batch", ["data", "label"])
    given = batch(mx, 0, 4)
    module.forward(Batch(given.data, given.label + given.label), is_train=True)
    module.backward()
    found["surplus label"] = [module.get_outputs(), module._exec_group.grad_arrays[0][0]]
    found["label of another shape"] = outcome(
        lambda: module.forward(Batch(given.data, [mx.nd.zeros((4, 2))]), is_train=True) or mx.nd.waitall()
    )
    return found
