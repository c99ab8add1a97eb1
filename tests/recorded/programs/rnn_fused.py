"""FusedRNNCell: layers of cells as one operator, and the stack of cells it unfuses to."""

import os
import warnings

import numpy as np

from . import numbers, outcome, program, scratch
from .rnn_cells import group, ran, stack, text

MODES = ("rnn_relu", "rnn_tanh", "lstm", "gru")


def unrolled(cell, *args, **options):
    """What `unroll` gives, and how many warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = cell.unroll(*args, **options)
    return (*found, len(caught))


@program(cpu=True)
def graphs(mx, ctx):
    """In both layouts, from lists and single symbols, with and without states, alone and inside of others."""
    rnn, found = mx.rnn, {}
    x = mx.sym.Variable("x")
    cells = {mode: lambda mode=mode: rnn.FusedRNNCell(3, mode=mode) for mode in MODES}
    cells["states"] = lambda: rnn.FusedRNNCell(
        3, 2, "lstm", get_next_state=True, prefix="s_", forget_bias=0.5
    )
    cells["both ways"] = lambda: rnn.FusedRNNCell(2, 2, "gru", True, dropout=0.25, get_next_state=True)
    cells["stack"] = lambda: stack(
        mx,
        rnn.FusedRNNCell(3, prefix="a_"),
        rnn.DropoutCell(0.1),
        rnn.FusedRNNCell(4, mode="gru", prefix="b_"),
    )
    cells["residual"] = lambda: rnn.ResidualCell(rnn.FusedRNNCell(3))
    cells["around"] = lambda: rnn.BidirectionalCell(
        rnn.FusedRNNCell(3, prefix="l_"), rnn.FusedRNNCell(3, prefix="r_")
    )
    for name, make in cells.items():
        for layout in ("TNC", "NTC"):
            for merge in (None, True, False):
                with mx.name.NameManager():
                    outputs, states, warned = unrolled(make(), 2, x, layout=layout, merge_outputs=merge)
                net = group(mx, outputs, states)
                found[" ".join((name, layout, str(merge)))] = [type(outputs).__name__, warned, text(net)]
    for name in ("lstm", "around"):
        with mx.name.NameManager():
            outputs, states, _ = unrolled(cells[name](), 2, [x, mx.sym.Variable("y")])
        found["list " + name] = text(group(mx, outputs, states))
    return found


@program(cpu=True)
def what_they_say_of_themselves(mx, ctx):
    found = {}
    for mode in MODES:
        for ways in (False, True):
            cell = mx.rnn.FusedRNNCell(3, 2, mode, ways)
            parameter = cell.params.get("parameters")
            found[f"{mode} {ways}"] = [
                [[list(i["shape"]), i["__layout__"]] for i in cell.state_info],
                [s.name for s in cell.begin_state()],
                [parameter.name, parameter.list_attr()],
            ]
    return found


@program(rtol=5e-4, atol=2e-5)
def all_modes(mx, ctx):
    """Outputs, states and gradients of one layer."""
    found = {}
    for mode in MODES:
        cell = mx.rnn.FusedRNNCell(3, mode=mode, get_next_state=True, prefix="p_")
        outputs, states, _ = unrolled(cell, 4, mx.sym.Variable("x"), layout="TNC")
        found[mode] = ran(mx, ctx, group(mx, outputs, states), True, x=(4, 2, 3))
    return found


@program(rtol=5e-4, atol=2e-5)
def layers_both_ways(mx, ctx):
    """Begun with states that are fed."""
    found = {}
    for mode in ("lstm", "gru"):
        cell = mx.rnn.FusedRNNCell(2, 2, mode, bidirectional=True, get_next_state=True, prefix="p_")
        begin = cell.begin_state(func=mx.sym.Variable)
        outputs, states, _ = unrolled(cell, 3, mx.sym.Variable("x"), begin_state=begin)
        shapes = {s.name: (4, 2, 2) for s in begin}
        found[mode] = ran(mx, ctx, group(mx, outputs, states), True, x=(2, 3, 3), **shapes)
    return found


def same_numbers(mx, ctx, mode, ways, layers):
    """Outputs of the fused cell and of the stack it unfuses to, with the same weights."""
    fused = mx.rnn.FusedRNNCell(3, layers, mode, ways, prefix="p_")
    apart = fused.unfuse()
    x, data = mx.sym.Variable("x"), mx.nd.array(numbers(2, 3, 4, shift=2), ctx)
    found, args = [], None
    for cell in (fused, apart):
        outputs, _, _ = unrolled(cell, 3, x, merge_outputs=True)
        ex = outputs.simple_bind(ctx, x=(2, 3, 4))
        if args is None:
            size = ex.arg_dict["p_parameters"].shape
            args = {"p_parameters": mx.nd.array(numbers(*size, scale=0.7), ctx)}
        else:
            args = apart.pack_weights(fused.unpack_weights(args))
        ex.copy_params_from(args)
        found.append(ex.forward(x=data)[0].asnumpy())
    return found


@program(rtol=5e-4, atol=2e-5, cpu=True)
def unfused(mx, ctx):
    found = {}
    for mode in MODES:
        for ways in (False, True):
            for layers in (1, 3):
                one, other = same_numbers(mx, ctx, mode, ways, layers)
                alike = bool(np.allclose(one, other, 1e-4, 1e-5))
                found[f"{mode} {ways} {layers}"] = [one[:, -1], alike]
    return found


@program(
    cpu=True, differs={"forget/1/__init__": "unfused LSTM cells begin with the forget bias of the fused one"}
)
def graphs_of_the_unfused(mx, ctx):
    found = {}
    for mode in MODES:
        for ways in (False, True):
            cell = mx.rnn.FusedRNNCell(3, 2, mode, ways, dropout=0.3).unfuse()
            with mx.name.NameManager():
                outputs, states = cell.unroll(2, mx.sym.Variable("x"), merge_outputs=True)
            names = [type(c).__name__ for c in cell._cells]
            found[f"{mode} {ways}"] = [names, text(group(mx, outputs, states))]
    cell = mx.rnn.FusedRNNCell(3, 1, "lstm", forget_bias=3.0).unfuse()
    found["forget"] = ["lstm_l0_i2h_bias", cell.params.get("lstm_l0_i2h_bias").list_attr()]
    return found


@program(
    cpu=True,
    differs={
        "refused/3": "a size that fits no such network is a ValueError",
        "refused/5": "a ValueError when the cell is made",
        "refused/6": "a ValueError that names the layout",
    },
)
def weights(mx, ctx):
    found = {}
    for mode, ways, layers in (("rnn_tanh", False, 1), ("lstm", True, 2), ("gru", False, 2)):
        cell = mx.rnn.FusedRNNCell(2, layers, mode, ways, prefix="p_")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            net = cell.unroll(2, mx.sym.Variable("x"))[0]
        size = dict(zip(net.list_arguments(), net.infer_shape(x=(1, 2, 3))[0]))["p_parameters"]
        args = {"p_parameters": mx.nd.array(np.arange(size[0])), "other": mx.nd.ones((1,))}
        apart = cell.unpack_weights(args)
        again = cell.pack_weights(apart)
        found[f"{mode} {ways} {layers}"] = [apart, again["p_parameters"], list(again), list(args)]
    lstm = mx.rnn.FusedRNNCell(2, prefix="p_")
    found["refused"] = [
        outcome(lambda: lstm.unpack_weights({})),
        outcome(lambda: lstm.pack_weights({})),
        outcome(lambda: lstm.pack_weights({"p_l0_i2h_i_weight": mx.nd.ones((2, 3))})),
        outcome(lambda: lstm.unpack_weights({"p_parameters": mx.nd.ones((51,))})),
        outcome(lambda: lstm(mx.sym.Variable("x"), lstm.begin_state())),
        outcome(lambda: mx.rnn.FusedRNNCell(2, mode="elman") is None),
        outcome(lambda: lstm.unroll(2, mx.sym.Variable("x"), layout="NCT")),
    ]
    return found


@program(rtol=5e-4, atol=2e-5)
def trained_and_unfused(mx, ctx):
    """Trained by Module from an initializer, saved, and loaded into the unfused cells."""
    fused = mx.rnn.FusedRNNCell(3, 2, "lstm", prefix="p_", forget_bias=2.0)

    def net(cell):
        outputs, _, _ = unrolled(cell, 4, mx.sym.Variable("data"), layout="TNC", merge_outputs=True)
        last = mx.sym.slice_axis(outputs, axis=0, begin=3, end=4)
        return mx.sym.SoftmaxOutput(
            mx.sym.FullyConnected(mx.sym.Reshape(last, shape=(-3, 0)), num_hidden=2, name="fc"),
            name="softmax",
        )

    desc = mx.io.DataDesc
    shapes = [desc("data", (4, 3, 2), layout="TNC")], [desc("softmax_label", (3,), layout="N")]
    batch = mx.io.DataBatch([mx.nd.array(numbers(4, 3, 2))], [mx.nd.array([0, 1, 1])], pad=0)
    module = mx.mod.Module(net(fused), context=ctx)
    module.bind(*shapes)
    mx.random.seed(3)
    module.init_params(mx.init.Uniform(0.5))
    found = {"begun": {n: a.asnumpy() for n, a in module.get_params()[0].items()}}
    module.init_optimizer(optimizer_params={"learning_rate": 0.3})
    for _ in range(4):
        module.forward_backward(batch)
        module.update()
    module.forward(batch, is_train=False)
    found["fused"] = module.get_outputs()[0]
    with scratch():
        save = mx.rnn.do_rnn_checkpoint(fused, "net")
        save(0, module.symbol, *module.get_params())
        found["files"] = sorted(os.listdir("."))
        found["in the file"] = sorted(mx.nd.load("net-0001.params"))
        apart = fused.unfuse()
        _, args, aux = mx.rnn.load_rnn_checkpoint(apart, "net", 1)
        _, packed, _ = mx.rnn.load_rnn_checkpoint([fused], "net", 1)
    found["packed"] = sorted(packed)
    module = mx.mod.Module(net(apart), context=ctx)
    module.bind(*shapes, for_training=False)
    module.init_params(arg_params=args, aux_params=aux)
    module.forward(batch, is_train=False)
    found["unfused"] = module.get_outputs()[0]
    return found
