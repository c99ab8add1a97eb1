"""Executors: binding, forward and backward, what is shared and what is refused."""

import numpy as np

from . import numbers, outcome, program


@program
def gradient_requests(mx, ctx):
    a, b = mx.sym.Variable("a"), mx.sym.Variable("b")
    values = [mx.nd.array(numbers(2, 3), ctx), mx.nd.array(numbers(2, 3, shift=1), ctx)]
    found = {}
    for request in ("write", "add"):
        grads = [mx.nd.ones((2, 3), ctx), mx.nd.ones((2, 3), ctx)]
        ex = (a * b).bind(ctx, values, args_grad=grads, grad_req=request)
        for _ in range(2):
            ex.forward(is_train=True)
            ex.backward(mx.nd.array(numbers(2, 3, shift=2), ctx))
        found[request] = grads
    found["unknown"] = outcome(lambda: (a * b).bind(ctx, values, grad_req="sum"))
    found["types"] = [str(np.dtype(g.dtype)) for g in found["add"]]
    return found
