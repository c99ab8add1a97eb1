"""What the pages about generative nets, recommenders, memory and cells of one's own do, in small."""

import numpy as np

from . import fresh, numbers, program


def spread(mx, scale=0.3):
    """An initializer without chance: values from the names and sizes."""

    class Spread(mx.init.Initializer):
        def _init_weight(self, name, array):
            array[:] = numbers(*array.shape, shift=0.01 * len(name), scale=scale)

    return Spread()


def norm(mx, data, name):
    return mx.sym.BatchNorm(data, name=name, fix_gamma=True, eps=1e-3)


@program(rtol=1e-3, atol=1e-4)
@fresh
def two_modules_against_each_other(mx, ctx):
    """The transposed convolutions learn from the gradient that the other module has for its inputs."""
    made = mx.sym.Reshape(mx.sym.Variable("rand"), shape=(-1, 4, 1, 1))
    made = mx.sym.Deconvolution(made, kernel=(4, 4), num_filter=4, no_bias=True, name="g1")
    made = mx.sym.Activation(norm(mx, made, "gbn1"), act_type="relu")
    made = mx.sym.Deconvolution(
        made, kernel=(4, 4), stride=(2, 2), pad=(1, 1), num_filter=1, no_bias=True, name="g2"
    )
    made = mx.sym.Activation(made, act_type="tanh", name="picture")
    seen = mx.sym.Convolution(mx.sym.Variable("data"), kernel=(4, 4), stride=(2, 2), pad=(1, 1), num_filter=4,
                              no_bias=True, name="d1")  # fmt: skip
    seen = mx.sym.LeakyReLU(norm(mx, seen, "dbn1"), act_type="leaky", slope=0.2)
    seen = mx.sym.Flatten(mx.sym.Convolution(seen, kernel=(4, 4), num_filter=1, no_bias=True, name="d2"))
    seen = mx.sym.LogisticRegressionOutput(seen, mx.sym.Variable("label"), name="dloss")

    generator = mx.mod.Module(made, data_names=("rand",), label_names=None, context=ctx)
    generator.bind([("rand", (2, 4))])
    critic = mx.mod.Module(seen, label_names=("label",), context=ctx)
    critic.bind([("data", (2, 1, 8, 8))], [("label", (2, 1))], inputs_need_grad=True)
    for module in (generator, critic):
        module.init_params(spread(mx))
        module.init_optimizer(optimizer="adam", optimizer_params={"learning_rate": 0.01, "beta1": 0.5})

    found = {"shapes": [generator.output_shapes, critic.output_shapes], "steps": []}
    for step in range(3):
        generator.forward(mx.io.DataBatch([mx.nd.array(numbers(2, 4, shift=step), ctx)], None), is_train=True)
        fakes = generator.get_outputs()
        label = mx.nd.zeros((2, 1), ctx)
        critic.forward(mx.io.DataBatch(fakes, [label]), is_train=True)
        critic.backward()
        kept = [[grad.copyto(grad.context) for grad in grads] for grads in critic._exec_group.grad_arrays]
        label[:] = 1
        real = mx.nd.array(numbers(2, 1, 8, 8, shift=step + 0.5), ctx)
        critic.forward(mx.io.DataBatch([real], [label]), is_train=True)
        critic.backward()
        for grads, others in zip(critic._exec_group.grad_arrays, kept):
            for grad, other in zip(grads, others):
                grad += other
        critic.update()
        critic.forward(mx.io.DataBatch(fakes, [label]), is_train=True)
        critic.backward()
        slopes = critic.get_input_grads()
        generator.backward(slopes)
        generator.update()
        found["steps"].append([fakes[0], critic.get_outputs()[0], slopes[0]])
    mx.nd.waitall()  # MXNet's engine does not know that BatchNorm writes its statistics
    found["aux"] = generator.get_params()[1]
    return found


@program(rtol=1e-4)
@fresh
def ratings_from_two_embeddings(mx, ctx):
    """Two inputs by name, a label of another name, and a metric that is a plain function."""
    user = mx.sym.Embedding(mx.sym.Variable("user"), input_dim=6, output_dim=3)
    item = mx.sym.Embedding(mx.sym.Variable("item"), input_dim=5, output_dim=3)
    net = mx.sym.Flatten(mx.sym.sum_axis(user * item, axis=1))
    net = mx.sym.LinearRegressionOutput(net, mx.sym.Variable("score"))

    def root_mean_square(label, pred):
        return np.sqrt(((label - pred.ravel()) ** 2).mean())

    places = np.arange(24)
    data = {"user": places % 6, "item": places * 7 % 5}
    batches = mx.io.NDArrayIter(data, {"score": np.sin(places)}, 8)
    module = mx.mod.Module(net, data_names=["user", "item"], label_names=["score"], context=ctx)
    module.fit(batches, num_epoch=2, eval_metric=root_mean_square, initializer=spread(mx),
               optimizer_params={"learning_rate": 0.5, "momentum": 0.9})  # fmt: skip
    return {
        "arguments": net.list_arguments(),
        "described": [str(batches.provide_data), str(batches.provide_label)],
        "params": module.get_params()[0],
        "score": module.score(batches, root_mean_square),
        "predicted": module.predict(batches),
    }


@program(cpu=True)
@fresh
def what_to_compute_twice(mx, ctx):
    """A plan for mirroring: attributes set on the nodes of a copy, sizes from its internal outputs."""
    x = mx.sym.Variable("data")
    for i in range(2):
        with mx.AttrScope(mirror_stage="True"):
            x = mx.sym.Convolution(x, kernel=(3, 3), pad=(1, 1), num_filter=2, name=f"c{i}")
            x = mx.sym.Activation(x, act_type="relu", name=f"a{i}")
    net = mx.sym.SoftmaxOutput(mx.sym.FullyConnected(x, num_hidden=3, name="fc"), name="softmax")
    copy = net.__copy__()
    inside = copy.get_internals()
    _, shapes, _ = inside.infer_shape(data=(2, 1, 4, 4))
    sizes = {}
    for i, (name, shape) in enumerate(zip(inside.list_outputs(), shapes)):
        sizes[name] = int(np.prod(shape)) * 4
        if inside[i].attr("mirror_stage") is not None:
            inside[i]._set_attr(force_mirroring=str(name.startswith("a")))
    report = copy.simple_bind(ctx, data=(2, 1, 4, 4)).debug_str().split("\n")
    return {
        "sizes": sizes,
        "of the copy": {node: sorted(attrs.items()) for node, attrs in copy.attr_dict().items()},
        "of the net": {node: sorted(attrs.items()) for node, attrs in net.attr_dict().items()},
        "megabytes": [line for line in report if line.startswith("Total") and "MB" in line],
        "third from the end": float(report[-3].split()[1]) if len(report) > 2 else None,
    }


def minimal_cell(mx):
    """A recurrent cell of two gates by the names that `BaseRNNCell` goes by."""

    class Minimal(mx.rnn.BaseRNNCell):
        def __init__(self, units, prefix, params=None):
            super().__init__(prefix=prefix, params=params)
            self._num_hidden = units
            self._weights = [
                self.params.get(f"{side}_{kind}") for side in ("i2h", "h2h") for kind in ("weight", "bias")
            ]

        @property
        def state_info(self):
            return [{"shape": (0, self._num_hidden), "__layout__": "NC"}]

        @property
        def _gate_names(self):
            return "_f", "_o"

        def __call__(self, inputs, states):
            self._counter += 1
            name = f"{self._prefix}t{self._counter}_"
            rows = 2 * self._num_hidden
            both = mx.sym.FullyConnected(inputs, *self._weights[:2], num_hidden=rows, name=name + "i2h")
            both = both + mx.sym.FullyConnected(
                states[0], *self._weights[2:], num_hidden=rows, name=name + "h2h"
            )
            keep, new = mx.sym.SliceChannel(both, num_outputs=2, name=name + "slice")
            keep = mx.sym.Activation(keep, act_type="sigmoid")
            new = self._get_activation(new, "tanh", name=name + "new")
            out = keep * states[0] + (1 - keep) * new
            return out, [out]

    return Minimal


@program
@fresh
def cells_of_ones_own(mx, ctx):
    cell = minimal_cell(mx)
    single = cell(3, "min_")
    out, states = single.unroll(2, mx.sym.Variable("data"), merge_outputs=True)
    packed = {
        f"min_{side}_{kind}": mx.nd.array(numbers(*shape, shift=len(side + kind)))
        for side, kind, shape in (("i2h", "weight", (6, 2)), ("i2h", "bias", (6,)), ("h2h", "weight", (6, 3)),
                                  ("h2h", "bias", (6,)))
    }  # fmt: skip
    values = {name: array.as_in_context(ctx) for name, array in packed.items()}
    unpacked = single.unpack_weights(packed)
    stack = mx.rnn.SequentialRNNCell()
    stack.add(cell(3, "first_"))
    stack.add(mx.rnn.LSTMCell(2, "second_"))
    pair = mx.rnn.BidirectionalCell(cell(3, "l_"), cell(3, "r_"))
    fused = mx.rnn.FusedRNNCell(2, mode="gru", prefix="fused_")
    return {
        "names": [str(out), str(states), out.list_arguments()],
        "values": out.eval(ctx, data=mx.nd.array(numbers(2, 2, 2), ctx), **values)[0],
        "unpacked": unpacked,
        "packed again": single.pack_weights(unpacked),
        "stack": [str(stack.unroll(2, mx.sym.Variable("data"))[0]), str(stack.state_info)],
        "pair": str(pair.unroll(2, mx.sym.Variable("data"))),
        "gates": [list(fused._gate_names), fused._num_gates],
    }
