"""Loss layers anywhere in a graph: which heads want a gradient, and that they train below any operator."""

import numpy as np

from . import numbers, program


def parts(mx):
    """Scores, and the loss layer of them that all graphs here share."""
    scores = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=3, name="fc")
    return scores, mx.sym.SoftmaxOutput(scores, mx.sym.Variable("softmax_label"), name="softmax")


def trained(mx, ctx, net, heads=None):
    """Gradients of the weights, or that a head gradient is asked for."""
    names = net.list_arguments()
    shapes = {"data": (2, 4), "softmax_label": (2,)}
    requests = {n: "null" if n in shapes else "write" for n in names}
    executor = net.simple_bind(ctx, grad_req=requests, **{n: s for n, s in shapes.items() if n in names})
    for i, name in enumerate(names):
        a = executor.arg_dict[name]
        a[:] = 1 if name == "softmax_label" else mx.nd.array(numbers(*a.shape, shift=0.2 * i), ctx)
    executor.forward(is_train=True)
    try:
        executor.backward(heads)
    except mx.MXNetError as error:
        return "Loss function" in str(error)
    return {n: executor.grad_dict[n].asnumpy() for n in ("fc_weight", "fc_bias")}


@program
def heads_made_of_a_loss(mx, ctx):
    """A head wants a gradient only where a weight's gradient reads it."""
    scores, loss = parts(mx)
    graphs = {
        "reshape": mx.sym.Reshape(loss, shape=(1, -1, 3)),
        "arithmetic": mx.sym.log(loss * 2 + 1),
        "sum": mx.sym.sum(loss),
        "slice": mx.sym.slice_axis(loss, axis=0, begin=0, end=1),
        "split": mx.sym.SliceChannel(loss, num_outputs=3),
        "concat": mx.sym.Concat(loss, loss, dim=0),
        "topk": mx.sym.topk(loss, k=1, ret_typ="value"),
        "loss of it": mx.sym.MakeLoss(mx.sym.sum(loss)),
        "twice": mx.sym.SoftmaxOutput(loss, mx.sym.argmax(scores, axis=1)),
        "MakeLoss": mx.sym.MakeLoss(scores) * 2,
        "beside": mx.sym.Group([mx.sym.BlockGrad(scores) * 2, loss]),
        "data only": mx.sym.Group([loss.get_internals()["data"] * 2, loss]),
        "rounded": mx.sym.round(scores),
        "one hot": mx.sym.one_hot(mx.sym.argmax(scores, axis=1), depth=3),
    }
    found = {name: trained(mx, ctx, net) for name, net in graphs.items()}
    asking = {
        "plus": loss + scores,
        "concat": mx.sym.Concat(loss, scores, dim=0),
        "beside": mx.sym.Group([scores, loss]),
        "weights elsewhere": mx.sym.Embedding(mx.sym.argmax(loss, axis=1), input_dim=3, output_dim=2),
    }
    found["asking"] = {name: trained(mx, ctx, net) for name, net in asking.items()}
    found["given"] = trained(mx, ctx, asking["plus"], mx.nd.array(numbers(2, 3, shift=3), ctx))
    return found


@program
def losses_nothing_flows_back_to(mx, ctx):
    """A loss layer trains below operators that pass no gradient on."""
    scores, loss = parts(mx)
    best = mx.sym.argmax(loss, axis=1)
    graphs = {
        "BlockGrad": mx.sym.BlockGrad(loss),
        "BlockGrad and more": mx.sym.MakeLoss(mx.sym.BlockGrad(loss) * 2),
        "argmax": best,
        "comparison": loss > 0.3,
        "round": mx.sym.round(loss),
        "zeros_like": mx.sym.zeros_like(loss),
        "shape_array": mx.sym.shape_array(loss),
        "argsort": mx.sym.argsort(loss),
        "one_hot": mx.sym.one_hot(best, depth=3),
        "Embedding": mx.sym.MakeLoss(mx.sym.Embedding(best, input_dim=3, output_dim=2, name="e")),
        "MakeLoss": mx.sym.BlockGrad(mx.sym.MakeLoss(mx.sym.square(scores))),
        "indices": mx.sym.MakeLoss(mx.sym.take(scores, best)),
        "pick": mx.sym.MakeLoss(mx.sym.pick(scores, best)),
        "where": mx.sym.MakeLoss(mx.sym.where(loss > 0.3, scores, scores * 2)),
        "like": mx.sym.MakeLoss(mx.sym.reshape_like(scores, loss)),
        "label": mx.sym.SoftmaxOutput(scores, best),
    }
    return {name: trained(mx, ctx, net) for name, net in graphs.items()}


@program
def recorded_losses(mx, ctx):
    """The same of recorded operators."""
    x = mx.nd.array(numbers(2, 3), ctx)
    label = mx.nd.array([0, 2], ctx)
    x.attach_grad()
    found = {}
    for name, of in {
        "times": lambda y: y * 2,
        "BlockGrad": mx.nd.BlockGrad,
        "BlockGrad and more": lambda y: mx.nd.BlockGrad(y) + x,
        "argmax": lambda y: mx.nd.argmax(y, axis=1),
        "comparison": lambda y: y > 0.5,
        "detach": lambda y: y.detach() * x,
    }.items():
        x.grad[:] = 7
        with mx.autograd.record():
            y = of(mx.nd.SoftmaxOutput(x, label))
        y.backward()
        found[name] = np.array(x.grad.asnumpy())
    return found
