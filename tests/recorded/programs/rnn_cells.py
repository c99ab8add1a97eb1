"""Cells of mx.rnn: the graphs they unroll to, byte for byte, numbers, gradients, weights and checkpoints.

The cell that is one operator is in rnn_fused.py.
"""

import hashlib
import os

import numpy as np

from . import numbers, outcome, program, scratch


def stack(mx, *cells):
    made = mx.rnn.SequentialRNNCell()
    for cell in cells:
        made.add(cell)
    return made


# Cells over vectors, with 3 units where it matters: ResidualCell adds inputs of 3 features.
DENSE = {
    "rnn": lambda mx: mx.rnn.RNNCell(3),
    "relu": lambda mx: mx.rnn.RNNCell(3, activation="relu", prefix="r_"),
    "function": lambda mx: mx.rnn.RNNCell(3, activation=mx.sym.softsign),
    "lstm": lambda mx: mx.rnn.LSTMCell(3),
    "forget": lambda mx: mx.rnn.LSTMCell(3, prefix="f_", forget_bias=2.5),
    "gru": lambda mx: mx.rnn.GRUCell(3),
    "stack": lambda mx: stack(
        mx, mx.rnn.LSTMCell(3, "a_"), mx.rnn.DropoutCell(0.3), mx.rnn.GRUCell(2, "b_"), mx.rnn.DropoutCell(0)
    ),
    "both ways": lambda mx: mx.rnn.BidirectionalCell(
        mx.rnn.LSTMCell(3, "there_"), mx.rnn.GRUCell(2, "back_"), output_prefix="two_"
    ),
    "stack of both ways": lambda mx: stack(
        mx,
        mx.rnn.BidirectionalCell(mx.rnn.RNNCell(3, prefix="l0_"), mx.rnn.RNNCell(3, prefix="r0_")),
        mx.rnn.BidirectionalCell(mx.rnn.GRUCell(2, "l1_"), mx.rnn.GRUCell(2, "r1_"), output_prefix="second_"),
    ),
    "zoneout": lambda mx: mx.rnn.ZoneoutCell(mx.rnn.LSTMCell(3), 0.25, 0.5),
    "zoneout of states": lambda mx: mx.rnn.ZoneoutCell(mx.rnn.RNNCell(3), zoneout_states=0.5),
    "residual": lambda mx: mx.rnn.ResidualCell(mx.rnn.GRUCell(3)),
    "residual zoneout": lambda mx: mx.rnn.ResidualCell(mx.rnn.ZoneoutCell(mx.rnn.RNNCell(3), 0.3)),
    "dropout": lambda mx: mx.rnn.DropoutCell(0.4),
    "residual stack": lambda mx: mx.rnn.ResidualCell(stack(mx, mx.rnn.RNNCell(4), mx.rnn.GRUCell(3))),
}
# Over images of 2 x 5 x 4.
CONV = {
    "conv rnn": lambda mx: mx.rnn.ConvRNNCell((1, 2, 5, 4), 3),
    "conv lstm": lambda mx: mx.rnn.ConvLSTMCell((1, 2, 5, 4), 2, activation="tanh", prefix="c_"),
    "conv gru": lambda mx: mx.rnn.ConvGRUCell(
        (1, 2, 5, 4), 2, h2h_kernel=(1, 3), h2h_dilate=(1, 2), i2h_kernel=(3, 2), i2h_stride=(2, 1),
        i2h_pad=(0, 1), i2h_weight_initializer=mx.init.Xavier(), h2h_bias_initializer="ones",
    ),
}  # fmt: skip
CELLS = dict(DENSE, **CONV)


def text(symbol):
    """A fingerprint of the JSON text, and the names that tell where a difference is."""
    names = " ".join(symbol.get_internals().list_outputs()).replace("_output", "")
    return [names, hashlib.sha256(symbol.tojson().encode()).hexdigest()]


def flat(states):
    """All symbols in nested lists of states."""
    if isinstance(states, (list, tuple)):
        return [s for part in states for s in flat(part)]
    return [states]


def group(mx, outputs, states):
    """Outputs, and states that are no outputs: a head that comes twice has MXNet drop a gradient."""
    heads = outputs if isinstance(outputs, list) else [outputs]
    names = {h.name for h in heads}
    return mx.sym.Group(heads + [s for s in flat(states) if s.name not in names])


@program(cpu=True)
def graphs_of_a_list(mx, ctx):
    """One symbol per step, the outputs left as they come, joined, and apart."""
    found = {}
    for name, make in CELLS.items():
        for merge in (None, True) if name in DENSE else (None,):
            with mx.name.NameManager():
                steps = [mx.sym.Variable(f"x{t}") for t in range(3)]
                outputs, states = make(mx).unroll(3, steps, merge_outputs=merge)
            kind = [type(o).__name__ for o in (outputs, states)]
            found[f"{name} {merge}"] = [kind, text(group(mx, outputs, states))]
    return found


@program(cpu=True)
def graphs_of_one_symbol(mx, ctx):
    """In both layouts; the arguments are what a checkpoint's names must fit."""
    found = {}
    for name, make in CELLS.items():
        for layout, merge in (("NTC", None), ("TNC", True), ("NTC", False)):
            if name in CONV and merge:
                continue
            with mx.name.NameManager():
                outputs, states = make(mx).unroll(2, mx.sym.Variable("x"), layout=layout, merge_outputs=merge)
            net = group(mx, outputs, states)
            found[f"{name} {merge}"] = [text(net)[1], net.list_arguments()]
    return found


@program(cpu=True)
def whole_texts(mx, ctx):
    """Two in full, as they would be saved."""
    with mx.name.NameManager():
        one = mx.rnn.LSTMCell(2).unroll(1, [mx.sym.Variable("x")])[0][0]
        two = mx.rnn.GRUCell(2).unroll(1, [mx.sym.Variable("x")])[0][0]
    return [one.tojson(), two.tojson()]


@program(cpu=True)
def steps_by_hand(mx, ctx):
    found = {}
    for name, make in CELLS.items():
        if "both ways" in name or name == "residual stack":
            continue
        with mx.name.NameManager():
            cell = make(mx)
            states = cell.begin_state()
            first, states = cell(mx.sym.Variable("x0"), states)
            second, states = cell(mx.sym.Variable("x1"), states)
            found[name] = text(mx.sym.Group([first, second, *states]))
    return found


@program(cpu=True, differs={"zoneout again/1/0": "a modifier's reset reaches the cell within, as it says"})
def begin_states(mx, ctx):
    """Made by other functions, counted on, and begun anew by reset."""
    cell = mx.rnn.LSTMCell(3)
    found = {"names": [s.name for s in cell.begin_state() + cell.begin_state()]}
    cell.reset()
    fed = cell.begin_state(func=mx.sym.Variable, dtype="float64")
    found["fed"] = [[s.name, sorted(s.list_attr().items())] for s in fed]
    drawn = mx.rnn.GRUCell(2).begin_state(mx.sym.uniform, low=-2, high=3)
    found["drawn"] = text(drawn[0])
    outputs, states = cell.unroll(2, mx.sym.Variable("x"), begin_state=fed)
    found["unrolled"] = mx.sym.Group(outputs + states).list_arguments()
    shapes = mx.sym.Group(outputs).infer_shape(x=(4, 2, 5))
    found["shapes"] = [str(s) for s in shapes[:2]]
    modified = mx.rnn.ZoneoutCell(mx.rnn.RNNCell(3), 0.2)
    found["modifier"] = [sorted(s.list_attr().items()) for s in modified.begin_state(mx.sym.Variable)]
    again = mx.rnn.ZoneoutCell(mx.rnn.RNNCell(3), 0.2)
    found["zoneout again"] = [[o.name for o in again.unroll(2, mx.sym.Variable("x"))[1]] for _ in range(2)]
    plain = mx.rnn.RNNCell(3)
    found["again"] = [[o.name for o in plain.unroll(2, mx.sym.Variable("x"))[1]] for _ in range(2)]
    both = CELLS["both ways"](mx)
    found["both ways"] = [s.name for s in both.begin_state(func=mx.sym.Variable)]
    return found


@program(cpu=True)
def what_cells_say_of_themselves(mx, ctx):
    found = {}
    for name, make in CELLS.items():
        cell = make(mx)
        params = cell.params
        found[name] = [
            [[list(i["shape"]), i["__layout__"]] for i in cell.state_info],
            [list(s) for s in cell.state_shape],
            sorted(params._params),
            {n: v.list_attr() for n, v in sorted(params._params.items())},
            type(cell).__name__,
            [base.__name__ for base in type(cell).__mro__ if base.__name__ in mx.rnn.rnn_cell.__dict__],
        ]
    return found


@program(cpu=True)
def shared_variables(mx, ctx):
    params = mx.rnn.RNNParams("p_")
    one, other = params.get("w", lr_mult=2.0), params.get("w")
    first = mx.rnn.LSTMCell(3, prefix="first_")
    second = mx.rnn.LSTMCell(3, prefix="second_", params=first.params)
    outputs, _ = stack(mx, first, second).unroll(2, mx.sym.Variable("x"))
    return {
        "same": one is other,
        "attributes": one.list_attr(),
        "name": other.name,
        "arguments": outputs[1].list_arguments(),
        "shapes": [str(s) for s in outputs[1].infer_shape(x=(5, 2, 3))[0]],
    }


def values(net, mx, ctx, **shapes):
    """An executor with values without a pattern in all arguments."""
    ex = net.simple_bind(ctx, **shapes)
    for i, name in enumerate(net.list_arguments()):
        ex.arg_dict[name][:] = numbers(*ex.arg_dict[name].shape, shift=0.1 * i, scale=0.5)
    return ex


def ran(mx, ctx, net, is_train, **shapes):
    """Outputs, and with training all gradients."""
    ex = values(net, mx, ctx, **shapes)
    mx.random.seed(7)
    outputs = [o.asnumpy() for o in ex.forward(is_train=is_train)]
    if not is_train:
        return outputs
    ex.backward([mx.nd.array(numbers(*o.shape, shift=0.3 * i), ctx) for i, o in enumerate(outputs)])
    return [outputs, [ex.grad_dict[n] for n in net.list_arguments()]]


@program(rtol=2e-4, atol=2e-5, cpu=True)
def numbers_of_dense_cells(mx, ctx):
    """Outputs, states and all gradients; cells that draw random numbers only outside training."""
    found = {}
    for name, make in DENSE.items():
        outputs, states = make(mx).unroll(3, mx.sym.Variable("x"))
        is_train = not any(word in name for word in ("zoneout", "dropout", "stack")) or "ways" in name
        found[name] = ran(mx, ctx, group(mx, outputs, states), is_train, x=(2, 3, 3))
    return found


@program(rtol=2e-4, atol=2e-5, cpu=True)
def numbers_of_conv_cells(mx, ctx):
    found = {}
    for name, make in CONV.items():
        outputs, states = make(mx).unroll(2, mx.sym.Variable("x"))
        found[name] = ran(mx, ctx, group(mx, outputs, states), True, x=(2, 2, 2, 5, 4))
    return found


@program(rtol=2e-4, atol=2e-5)
def numbers_on_every_device(mx, ctx):
    cell = mx.rnn.ZoneoutCell(mx.rnn.GRUCell(3), zoneout_states=0.5)
    outputs, _ = cell.unroll(2, mx.sym.Variable("x"), merge_outputs=True)
    return ran(mx, ctx, outputs, True, x=(2, 2, 3))


@program(rtol=2e-4, atol=2e-5, cpu=True)
def masks(mx, ctx):
    """Dropout within a stack and zoneout, in training: MXNet's random numbers."""
    found = {}
    for name in ("dropout", "stack", "zoneout of states"):
        outputs, states = CELLS[name](mx).unroll(2, mx.sym.Variable("x"), merge_outputs=True)
        found[name] = ran(mx, ctx, group(mx, outputs, states), True, x=(2, 2, 3))
    return found


def weights(mx, cell, **shapes):
    """Values for the parameters of a cell, by name."""
    outputs, _ = cell.unroll(2, mx.sym.Variable("x"), merge_outputs=False)
    net = mx.sym.Group(outputs)
    given = zip(net.list_arguments(), net.infer_shape(**shapes)[0])
    return {n: mx.nd.array(numbers(*s, shift=0.2 * i)) for i, (n, s) in enumerate(given) if n != "x"}


@program(cpu=True)
def weights_apart_and_together(mx, ctx):
    found = {}
    for name, make in CELLS.items():
        cell = make(mx)
        shape = (1, 2, 3) if name in DENSE else (1, 2, 2, 5, 4)
        args = weights(mx, cell, x=shape)
        args["other"] = mx.nd.ones((2,))
        kept = list(args)
        apart = cell.unpack_weights(args)
        together = cell.pack_weights(apart)
        equal = all(np.array_equal(args[n].asnumpy(), together[n].asnumpy()) for n in args)
        shapes = {n: list(a.shape) for n, a in apart.items()}
        found[name] = [kept == list(args), shapes, list(together), equal]
        if name in ("lstm", "gru", "conv lstm"):
            found[name + " values"] = apart
    return found


@program(cpu=True)
def checkpoints(mx, ctx):
    cells = [mx.rnn.LSTMCell(3, prefix="a_"), mx.rnn.GRUCell(2, prefix="b_")]
    with mx.name.NameManager():
        middle, _ = cells[0].unroll(2, mx.sym.Variable("x"))
        net = mx.sym.Group(cells[1].unroll(2, middle)[0])
    given = zip(net.list_arguments(), net.infer_shape(x=(1, 2, 3))[0])
    args = {n: mx.nd.array(numbers(*s, shift=0.2 * i)) for i, (n, s) in enumerate(given) if n != "x"}
    aux = {"state": mx.nd.ones((2,))}
    found = {}
    with scratch():
        mx.rnn.save_rnn_checkpoint(cells, "net", 3, net, args, aux)
        found["files"] = sorted(os.listdir("."))
        found["in the file"] = sorted(mx.nd.load("net-0003.params"))
        with open("net-0003.params", "rb") as file:
            found["bytes"] = hashlib.sha256(file.read()).hexdigest()
        symbol, loaded, states = mx.rnn.load_rnn_checkpoint(cells, "net", 3)
        found["symbol"] = text(symbol)
        found["loaded"] = loaded
        found["states"] = states
        save = mx.rnn.do_rnn_checkpoint(cells[0], "each", period=2)
        for epoch in range(4):
            save(epoch, net, args, aux)
        found["each"] = sorted(os.listdir("."))
        found["packed b"] = sorted(mx.nd.load("each-0002.params"))
    return found


WRONG = "a TypeError or ValueError that says so, not an AssertionError or what happens to fail later"


@program(
    cpu=True,
    differs={
        "modified": WRONG,
        "modified stack": WRONG,
        "dropout": WRONG,
        "no time": "a layout without T is refused; MXNet takes the last axis",
        "no inputs": WRONG,
        "group": WRONG,
        "too few": WRONG,
        "no steps": WRONG,
        "states": WRONG,
        "zoneout of both ways": WRONG,
        "zoneout of fused": WRONG,
        "zoneout of stack": "works; MXNet's test for it fails",
        "residual stack": "works; MXNet hands the function over by position, which the stack does not take",
        "stack with zoneout": "works; MXNet gives the cell within two functions",
        "even kernel": WRONG,
        "no units": "refused when the cell is made; MXNet's fails when it is unrolled",
        "mode": "refused when the cell is made; MXNet's fails when it is unrolled",
        "params twice": WRONG,
        "params of stack": "works; MXNet refuses every cell that has weights",
        "unroll": "works; MXNet passes an argument on that unroll does not take",
    },
)
def refused(mx, ctx):
    """What MXNet refuses, and what it should not."""
    rnn, x = mx.rnn, mx.sym.Variable("x")

    def modified():
        cell = rnn.RNNCell(3)
        rnn.ZoneoutCell(cell, 0.1)
        cell.begin_state()

    def modified_stack():
        cell = stack(mx, rnn.RNNCell(3))
        rnn.ResidualCell(cell)
        cell.begin_state()

    def fine(call):
        return outcome(lambda: call() is not None)

    calls = {
        "modified": modified,
        "modified stack": modified_stack,
        "dropout": lambda: rnn.DropoutCell("0.5"),
        "no time": lambda: rnn.RNNCell(3).unroll(2, x, layout="NC"),
        "no inputs": lambda: rnn.RNNCell(3).unroll(2, None),
        "group": lambda: rnn.RNNCell(3).unroll(2, mx.sym.Group([x, x])),
        "too few": lambda: rnn.RNNCell(3).unroll(2, [x]),
        "no steps": lambda: rnn.RNNCell(3).unroll(0, x),
        "states": lambda: rnn.LSTMCell(3).unroll(2, x, begin_state=[x]),
        "zoneout of both ways": lambda: rnn.ZoneoutCell(CELLS["both ways"](mx), 0.1),
        "zoneout of fused": lambda: rnn.ZoneoutCell(rnn.FusedRNNCell(3), 0.1),
        "zoneout of stack": lambda: rnn.ZoneoutCell(stack(mx, rnn.RNNCell(3)), 0.1),
        "residual stack": lambda: rnn.ResidualCell(stack(mx, rnn.RNNCell(3))).begin_state(),
        "stack with zoneout": lambda: stack(mx, rnn.ZoneoutCell(rnn.RNNCell(3))).begin_state(
            func=mx.sym.Variable
        ),
        "even kernel": lambda: rnn.ConvRNNCell((1, 2, 4, 4), 3, h2h_kernel=(2, 3)),
        "no units": lambda: rnn.RNNCell(0),
        "mode": lambda: rnn.FusedRNNCell(3, mode="elman"),
        "params twice": lambda: rnn.BidirectionalCell(
            rnn.RNNCell(3, params=rnn.RNNParams("a_")), rnn.RNNCell(3), params=rnn.RNNParams("b_")
        ),
        "params of stack": lambda: rnn.SequentialRNNCell(rnn.RNNParams("a_")).add(rnn.RNNCell(3)) or True,
        "unroll": lambda: rnn.rnn_unroll(rnn.RNNCell(3), 2, x),
        "step both ways": lambda: CELLS["both ways"](mx)(x, []),
        "step fused": lambda: rnn.FusedRNNCell(3)(x, []),
        "step nothing": lambda: rnn.BaseRNNCell()(x, []),
        "states of nothing": lambda: rnn.BaseRNNCell().state_info,
        "unpack": lambda: rnn.LSTMCell(3).unpack_weights({}),
        "pack": lambda: rnn.LSTMCell(3).pack_weights({}),
    }
    return {name: fine(call) for name, call in calls.items()}


@program(cpu=True)
def own_cells(mx, ctx):
    """A cell a user wrote, the way MXNet's own were written, in a stack and in modifiers."""

    class Gate(mx.rnn.BaseRNNCell):
        def __init__(self, num_hidden, prefix="gate_", params=None):
            super().__init__(prefix=prefix, params=params)
            self._num_hidden = num_hidden
            self._iW = self.params.get("i2h_weight")
            self._iB = self.params.get("i2h_bias")
            self._hW = self.params.get("h2h_weight")
            self._hB = self.params.get("h2h_bias", init=mx.init.One())

        @property
        def state_info(self):
            return [{"shape": (0, self._num_hidden), "__layout__": "NC"}]

        @property
        def _gate_names(self):
            return ("_u", "_v")

        def __call__(self, inputs, states):
            self._counter += 1
            name = f"{self._prefix}t{self._counter}_"
            units = 2 * self._num_hidden
            i2h = mx.sym.FullyConnected(inputs, self._iW, self._iB, num_hidden=units, name=name + "i2h")
            h2h = mx.sym.FullyConnected(states[0], self._hW, self._hB, num_hidden=units, name=name + "h2h")
            u, v = mx.sym.SliceChannel(i2h + h2h, num_outputs=2, name=name + "slice")
            output = self._get_activation(u, "tanh", name=name + "u") * mx.sym.sigmoid(v)
            return output, [output]

    found = {}
    with mx.name.NameManager():
        cell = stack(
            mx, Gate(3), mx.rnn.ResidualCell(Gate(3, prefix="top_")), mx.rnn.ZoneoutCell(Gate(3, "z_"), 0.5)
        )
        outputs, states = cell.unroll(2, mx.sym.Variable("x"))
    net = group(mx, outputs, states)
    found["text"] = text(net)
    found["numbers"] = ran(mx, ctx, net, False, x=(2, 2, 3))
    found["weights"] = sorted(cell.unpack_weights(weights(mx, cell, x=(2, 2, 3))))
    return found
