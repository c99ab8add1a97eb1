"""One framework of the operator benchmark: reads operator names from stdin, answers milliseconds a call.

    python operators_side.py cysym|mxnet|torch

A line in is an operator; a line out is the median of its calls, `null` where the framework has none. Runs on
Python 3.8 (MXNet's) as well. `operators.py` drives it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from peer import serve

RNG = np.random.RandomState(7)


def real(*shape: int) -> Any:
    return RNG.standard_normal(shape).astype("float32")


def whole(high: int, *shape: int, dtype: str = "float32") -> Any:
    return RNG.randint(0, high, shape).astype(dtype)


def positive_definite(batch: int, n: int) -> Any:
    a = RNG.standard_normal((batch, n, n))
    return (a @ a.transpose(0, 2, 1) / n + np.eye(n)).astype("float32")


# What is asked, in MXNet's words: arrays, and a call on `nd`; beside it the same in torch's.
INPUTS: dict[str, Callable[[], list[Any]]] = {
    "LayerNorm (4096, 768)": lambda: [real(4096, 768), real(768), real(768)],
    "GroupNorm (32, 64, 28, 28)": lambda: [
        real(32, 64, 28, 28),
        np.ones(64, "float32"),
        np.ones(64, "float32"),
    ],
    "InstanceNorm (32, 64, 28, 28)": lambda: [real(32, 64, 28, 28), real(64), real(64)],
    "LRN (16, 64, 28, 28)": lambda: [real(16, 64, 28, 28)],
    "softmax (4096, 1000)": lambda: [real(4096, 1000)],
    "CTCLoss (50, 32, 40)": lambda: [real(50, 32, 40), whole(38, 32, 10) + 1],
    "Deconvolution 64 to 32, 4x4/2, 28x28": lambda: [real(8, 64, 28, 28), real(64, 32, 4, 4)],
    "UpSampling nearest (8, 64, 56, 56)": lambda: [real(8, 64, 56, 56)],
    "sort (1000000,)": lambda: [real(1000000)],
    "argsort (10000, 100)": lambda: [real(10000, 100)],
    "topk 10 of (256, 10000)": lambda: [real(256, 10000)],
    "take 100000 rows of (10000, 64)": lambda: [real(10000, 64), whole(10000, 100000)],
    "gather_nd 100000 of (1000, 1000)": lambda: [real(1000, 1000), whole(1000, 2, 100000)],
    "transpose (512, 512, 16) to (2, 1, 0)": lambda: [real(512, 512, 16)],
    "broadcast_add (1000, 1, 64) + (1, 256, 64)": lambda: [real(1000, 1, 64), real(1, 256, 64)],
    "sum (4096, 1000) along 0": lambda: [real(4096, 1000)],
    "batch_dot (64, 128, 128)": lambda: [real(64, 128, 128), real(64, 128, 128)],
    "linalg_potrf (16, 128, 128)": lambda: [positive_definite(16, 128)],
    "linalg_trsm (16, 128, 128)": lambda: [positive_definite(16, 128), real(16, 128, 128)],
    "linalg_inverse (16, 128, 128)": lambda: [positive_definite(16, 128)],
    "random_normal (1000000,)": list,
    "random_gamma (1000000,)": list,
    "multi_sgd_mom_update of 50 x (64, 256)": lambda: [real(64, 256) for _ in range(150)],
    "ROIPooling 7x7 of 128 regions": lambda: [
        real(2, 64, 56, 56),
        np.concatenate([whole(2, 128, 1), whole(28, 128, 2), 28 + whole(28, 128, 2)], 1),
    ],
    "BilinearSampler (8, 32, 64, 64)": lambda: [real(8, 32, 64, 64), np.tanh(real(8, 2, 64, 64))],
}


def mxnet_calls(nd: Any) -> dict[str, Callable[..., Any]]:
    """The calls in MXNet's API, which is cysym's."""
    rates = {"lrs": [0.1] * 50, "wds": [0.0] * 50, "momentum": 0.9, "num_weights": 50}
    calls = [
        lambda x, g, b: nd.LayerNorm(x, g, b),
        lambda x, g, b: nd.GroupNorm(x, g[:8], b[:8], num_groups=8),
        lambda x, g, b: nd.InstanceNorm(x, g, b),
        lambda x: nd.LRN(x, nsize=5),
        lambda x: nd.softmax(x),
        lambda x, y: nd.CTCLoss(x, y),
        lambda x, w: nd.Deconvolution(x, w, kernel=(4, 4), stride=(2, 2), pad=(1, 1), num_filter=32),
        lambda x: nd.UpSampling(x, scale=2, sample_type="nearest"),
        lambda x: nd.sort(x),
        lambda x: nd.argsort(x),
        lambda x: nd.topk(x, k=10, ret_typ="value"),
        lambda x, i: nd.take(x, i),
        lambda x, i: nd.gather_nd(x, i),
        lambda x: nd.transpose(x, axes=(2, 1, 0)),
        lambda x, y: nd.broadcast_add(x, y),
        lambda x: nd.sum(x, axis=0),
        lambda x, y: nd.batch_dot(x, y),
        lambda a: nd.linalg.potrf(a),
        lambda a, b: nd.linalg.trsm(a, b),
        lambda a: nd.linalg.inverse(a),
        lambda: nd.random.normal(shape=(1000000,)),
        lambda: nd.random.gamma(2.5, 1.0, shape=(1000000,)),
        lambda *a: nd.multi_sgd_mom_update(*a, out=[a[3 * i] for i in range(50)], **rates),
        lambda x, r: nd.ROIPooling(x, r, pooled_size=(7, 7), spatial_scale=1.0),
        lambda x, g: nd.BilinearSampler(x, g),
    ]
    return dict(zip(INPUTS, calls))


def torch_calls(torch: Any) -> dict[str, Callable[..., Any]]:
    """The same in torch, where it has it."""
    f = torch.nn.functional
    norm = f.layer_norm
    gamma = torch.distributions.Gamma(2.5, 1.0)
    return {
        "LayerNorm (4096, 768)": lambda x, g, b: norm(x, (768,), g, b),
        "GroupNorm (32, 64, 28, 28)": lambda x, g, b: f.group_norm(x, 8, g, b),
        "InstanceNorm (32, 64, 28, 28)": lambda x, g, b: f.instance_norm(x, weight=g, bias=b),
        "LRN (16, 64, 28, 28)": lambda x: f.local_response_norm(x, 5, 1e-4, 0.75, 2.0),
        "softmax (4096, 1000)": lambda x: f.softmax(x, -1),
        "CTCLoss (50, 32, 40)": lambda x, y: f.ctc_loss(
            f.log_softmax(x, -1), y.long(), torch.full((32,), 50), torch.full((32,), 10), reduction="none"
        ),
        "Deconvolution 64 to 32, 4x4/2, 28x28": lambda x, w: f.conv_transpose2d(x, w, stride=2, padding=1),
        "UpSampling nearest (8, 64, 56, 56)": lambda x: f.interpolate(x, scale_factor=2),
        "sort (1000000,)": lambda x: torch.sort(x)[0],
        "argsort (10000, 100)": lambda x: torch.argsort(x, stable=True),
        "topk 10 of (256, 10000)": lambda x: torch.topk(x, 10)[0],
        "take 100000 rows of (10000, 64)": lambda x, i: x[i.long()],
        "gather_nd 100000 of (1000, 1000)": lambda x, i: x[i[0].long(), i[1].long()],
        "transpose (512, 512, 16) to (2, 1, 0)": lambda x: x.permute(2, 1, 0).contiguous(),
        "broadcast_add (1000, 1, 64) + (1, 256, 64)": lambda x, y: x + y,
        "sum (4096, 1000) along 0": lambda x: x.sum(0),
        "batch_dot (64, 128, 128)": lambda x, y: torch.bmm(x, y),
        "linalg_potrf (16, 128, 128)": torch.linalg.cholesky,
        "linalg_trsm (16, 128, 128)": lambda a, b: torch.linalg.solve_triangular(a, b, upper=False),
        "linalg_inverse (16, 128, 128)": torch.linalg.inv,
        "random_normal (1000000,)": lambda: torch.randn(1000000),
        "random_gamma (1000000,)": lambda: gamma.sample((1000000,)),
        "BilinearSampler (8, 32, 64, 64)": lambda x, g: f.grid_sample(
            x, g.permute(0, 2, 3, 1), padding_mode="zeros", align_corners=True
        ),
    }


def main() -> None:
    """Answer until stdin ends."""
    framework = sys.argv[1]
    if framework == "torch":
        import torch

        torch.set_num_threads(2)
        torch.set_grad_enabled(False)
        version, calls = torch.__version__, torch_calls(torch)
        load: Any = torch.from_numpy
        wait: Any = lambda result: None  # noqa: E731  (eager: done when it returns)
    else:
        mx = __import__(framework)
        version, calls = mx.__version__, mxnet_calls(mx.nd)
        load = lambda a: mx.nd.array(a, dtype=a.dtype)  # noqa: E731
        wait = lambda result: mx.nd.waitall()  # noqa: E731
    loaded: dict[str, Any] = {}

    def prepare(name: str) -> Callable[[], Any] | None:
        if name not in calls:
            return None
        arrays = loaded[name] = loaded.get(name) or [load(a) for a in INPUTS[name]()]
        return lambda: wait(calls[name](*arrays))

    serve(version, prepare)


if __name__ == "__main__":
    main()
