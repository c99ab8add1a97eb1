"""What the matrix-product operators offer to later passes: packed weights, channel blocks, statistics.

Each contract is seen in the program's text and its result compared with the program that does without it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import cysym as mx


def load(executor: Any, seed: int = 0) -> None:
    """Fill every argument with normal numbers, the same ones for one seed."""
    rng = np.random.default_rng(seed)
    for name in sorted(executor.arg_dict):
        array = executor.arg_dict[name]
        array[:] = rng.standard_normal(array.shape)


def step(executor: Any, head: np.ndarray) -> dict[str, np.ndarray]:
    """Output and gradients of one training step."""
    out = executor.forward(is_train=True)[0].asnumpy()
    executor.backward([mx.nd.array(head, ctx=executor.outputs[0].context)])
    return {"output": out, **{n: g.asnumpy() for n, g in executor.grad_dict.items()}}


def close(got: np.ndarray, want: np.ndarray, tolerance: float = 64.0) -> None:
    """Equal up to some roundings of the largest value."""
    np.testing.assert_allclose(got, want, rtol=0, atol=tolerance * 1.2e-7 * float(np.abs(want).max()))


def test_packed_weight_follows_the_weight(ctx: Any) -> None:
    net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=131, name="fc")
    executor = net.simple_bind(ctx, grad_req="null", data=(5, 173))
    load(executor)
    assert "fc_packed" in executor.debug_str()
    args = executor.arg_dict

    def check() -> None:
        want = args["data"].asnumpy() @ args["fc_weight"].asnumpy().T + args["fc_bias"].asnumpy()
        close(executor.forward(is_train=False)[0].asnumpy(), want)

    check()
    check()  # the packed weight is reused
    args["fc_weight"][:] = 2
    check()
    args["fc_weight"][3:5] = -1
    check()
    executor.copy_params_from({"fc_weight": mx.nd.ones((131, 173), ctx=ctx)})
    check()
    executor.forward(is_train=False, fc_weight=mx.nd.zeros((131, 173), ctx=ctx))
    check()


def test_blocked_tensor_between_convolutions(ctx: Any) -> None:
    net = mx.sym.Convolution(
        mx.sym.Variable("data"), kernel=(3, 3), pad=(1, 1), num_filter=32, num_group=1, name="first"
    )
    net = mx.sym.Convolution(
        net, kernel=(3, 2), stride=(2, 1), num_filter=16, num_group=2, no_bias=True, name="second"
    )
    results, texts = [], []
    for blocked in (False, True):
        with mx.executor.options(blocked=blocked):
            executor = net.simple_bind(ctx, data=(2, 3, 7, 11))
            texts.append(executor.debug_str())
            load(executor)
            head = np.random.default_rng(1).standard_normal((2, 16, 3, 10))
            results.append(step(executor, head))
    assert "nChw16c" not in texts[0]
    assert "nChw16c" in texts[1]
    for name, want in results[0].items():
        close(results[1][name], want)


def test_statistics_from_the_epilogue(ctx: Any) -> None:
    net = mx.sym.Convolution(mx.sym.Variable("data"), kernel=(3, 3), num_filter=7, name="conv")
    net = mx.sym.BatchNorm(net, fix_gamma=False, name="bn")
    results, texts = [], []
    for epilogue in (False, True):
        with mx.executor.options(epilogue=epilogue):
            executor = net.simple_bind(ctx, data=(5, 3, 17, 13))
            texts.append(executor.debug_str())
            load(executor)
            executor.arg_dict["conv_bias"][:] = 100  # a mean far from zero must not cost accuracy
            head = np.random.default_rng(1).standard_normal((5, 7, 15, 11))
            results.append(step(executor, head))
            results[-1]["mean"] = executor.aux_dict["bn_moving_mean"].asnumpy()
            results[-1]["var"] = executor.aux_dict["bn_moving_var"].asnumpy()
    assert "conv_forward_stats" not in texts[0]
    assert "conv_forward_stats" in texts[1]
    results[0].pop("conv_bias")  # zero but for rounding
    for name, want in results[0].items():
        close(results[1][name], want, 1024)
