"""Module's files: checkpoints, parameters, optimizer states, and the names inside them."""

import os
import warnings
from collections import namedtuple

from . import logged, numbers, outcome, program, scratch
from .module import LABELS, ROWS, SHAPES, arguments, batch, iterator, mlp, ready, refused, timeless, weights


def train(mx, module, starts):
    for start in starts:
        module.forward_backward(batch(mx, start, start + 4))
        module.update()


@program
def round_trip(mx, ctx):
    params = {"learning_rate": 0.5, "momentum": 0.9}
    module = ready(mx, ctx, params=params)
    train(mx, module, (0, 4))
    with scratch(), logged() as messages:
        module.save_checkpoint("net", 12345, save_optimizer_states=True)
        module.save_checkpoint("net", 3, save_optimizer_states=True)
        files = sorted(os.listdir("."))
        keys = list(mx.nd.load("net-0003.params"))
        text = mx.sym.load("net-symbol.json").tojson() == module.symbol.tojson()
        again = mx.mod.Module.load("net", 3, load_optimizer_states=True, context=ctx)
        loaded = [again.params_initialized, again.binded, again.optimizer_initialized]
        before = {n: a.asnumpy() for n, a in sorted(again.get_params()[0].items())}
        again.save_checkpoint("copy", 1)
        copied = sorted(os.listdir("."))
        again.bind(SHAPES, LABELS)
        again.init_optimizer(optimizer_params=params)
        refusals = [
            refused(lambda: mx.mod.Module.load("none", 1)),
            refused(lambda: mx.mod.Module.load("net", 4)),
            refused(lambda: ready(mx, ctx).load_optimizer_states("net-0003.params")),
        ]
    train(mx, again, (2, 6))
    train(mx, module, (2, 6))
    return [messages, files, sorted(keys), text, loaded, before, copied, refusals, arguments(again)]


@program
def parameter_files(mx, ctx):
    module = ready(mx, ctx)
    found = {}
    with scratch():
        module.save_params("w.params")
        found["keys"] = sorted(mx.nd.load("w.params"))
        other = mx.mod.Module(mlp(mx), context=ctx)
        other.bind(SHAPES, LABELS)
        other.load_params("w.params")
        found["loaded"] = arguments(other)
        mx.nd.save("x.params", {"arg:fc1_weight": mx.nd.ones((5, 3))})
        found["missing"] = outcome(lambda: other.load_params("x.params"))
        mx.nd.save("y.params", {"what:fc1_weight": mx.nd.ones((5, 3))})
        found["other"] = outcome(lambda: other.load_params("y.params"))
        found["unbound"] = refused(lambda: mx.mod.Module(mlp(mx)).load_params("w.params"))
    return found


@program
def fine_tuning(mx, ctx):
    """The classic: load a network, cut it, put another head on, keep the old layers fixed."""
    with scratch():
        ready(mx, ctx).save_checkpoint("net", 1)
        symbol, args, auxs = mx.model.load_checkpoint("net", 1)
    inside = symbol.get_internals()["act_output"]
    net = mx.sym.FullyConnected(inside, num_hidden=2, name="new")
    net = mx.sym.SoftmaxOutput(net, name="softmax")
    fixed = [name for name in args if name in inside.list_arguments()]
    module = mx.mod.Module(net, context=ctx, fixed_param_names=sorted(fixed))
    kept = {name: array for name, array in args.items() if not name.startswith("fc2")}
    rows = mx.io.NDArrayIter(ROWS, (numbers(10) > 0).astype("float32"), 5)
    with logged() as messages:
        module.fit(
            rows, num_epoch=2, arg_params=kept, aux_params=auxs, allow_missing=True,
            initializer=mx.init.Constant(0.1), optimizer_params={"learning_rate": 0.5},
        )  # fmt: skip
    return [sorted(fixed), timeless(messages), arguments(module)]


@program
def predictor(mx, ctx):
    Batch = namedtuple("Batch", ["data"])
    with scratch():
        ready(mx, ctx).save_checkpoint("net", 7)
        symbol, args, auxs = mx.model.load_checkpoint("net", 7)
    module = mx.mod.Module(symbol=symbol, label_names=None, context=ctx)
    module.bind(for_training=False, data_shapes=[("data", (1, 3))], label_shapes=module._label_shapes)
    module.set_params(args, auxs, allow_missing=True)
    module.forward(Batch([mx.nd.array(ROWS[:1])]))
    return [module.get_outputs()[0].asnumpy(), module.output_shapes, module.label_names]


@program
def callbacks_that_save(mx, ctx):
    module = mx.mod.Module(mlp(mx), context=ctx)
    with scratch(), logged() as messages:
        module.fit(
            iterator(mx), num_epoch=4, arg_params=weights(mx), aux_params={},
            epoch_end_callback=[mx.callback.do_checkpoint("a", 2),
                                mx.callback.module_checkpoint(module, "b", 2, save_optimizer_states=True)],
        )  # fmt: skip
        files = sorted(os.listdir("."))
        loaded = {n: v.asnumpy() for n, v in sorted(mx.model.load_checkpoint("a", 4)[1].items())}
    return [timeless(messages), files, loaded]


@program
def resuming(mx, ctx):
    """Two epochs and two more from the checkpoint: the same as four."""
    params = {"learning_rate": 0.3, "momentum": 0.9}
    options = {"eval_metric": "ce", "optimizer_params": params}
    with scratch(), logged() as messages, warnings.catch_warnings():
        module = mx.mod.Module(mlp(mx), context=ctx)
        module.fit(iterator(mx), num_epoch=2, arg_params=weights(mx), aux_params={}, **options)
        module.save_checkpoint("net", 2, save_optimizer_states=True)
        again = mx.mod.Module.load("net", 2, load_optimizer_states=True, context=ctx)
        warnings.simplefilter("ignore")  # the parameters are there already, which fit remarks
        again.fit(iterator(mx), begin_epoch=2, num_epoch=4, **options)
    return [timeless(messages), arguments(again)]


@program
def extra_and_missing_in_a_checkpoint(mx, ctx):
    args = dict(weights(mx), zz=mx.nd.ones((1,)))
    part = {"fc1_weight": weights(mx)["fc1_weight"]}
    with scratch():
        mx.model.save_checkpoint("extra", 1, mlp(mx), args, {})
        mx.model.save_checkpoint("part", 1, mlp(mx), part, {})

        def bound(prefix):
            module = mx.mod.Module.load(prefix, 1, context=ctx)
            module.bind(SHAPES, LABELS)
            return module

        extra = outcome(lambda: bound("extra").binded)
        module = bound("part")
    own = module._exec_group.execs[0].arg_dict
    return [extra, own["fc1_weight"], own["fc2_weight"]]
