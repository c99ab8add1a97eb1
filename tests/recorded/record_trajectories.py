"""Records whole training runs of two small networks: `trajectories.npz` and `trajectories.json`.

The networks are `mlp` and `lenet` of `symbols.py`; the data are 640 handwritten digits, which `digits.npz`
holds (made once by `make_digits.py`). Each run starts from the same weights (multiples of 1/256, stored as
int8), takes 50 batches of 64 in a recorded order through Module, and keeps the mean cross-entropy before
each update.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from symbols import build

BATCH, STEPS, WEIGHT_SCALE = 64, 50, 256
SAMPLES = {"mlp": (64,), "lenet": (1, 8, 8)}
OPTIMIZERS: dict[str, dict[str, float]] = {
    "sgd": {"learning_rate": 0.1, "momentum": 0.9, "wd": 0.001},
    "adam": {"learning_rate": 0.002, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "wd": 0.001},
}


def initial_weights(symbol: Any, shapes: dict[str, tuple[int, ...]]) -> dict[str, Any]:
    """Return int8 weights, uniform within the Xavier bound; biases are zero."""
    rng = np.random.RandomState(2024)
    arguments, _, _ = symbol.infer_shape(**shapes)
    weights = {}
    for name, shape in zip(symbol.list_arguments(), arguments):
        if name in shapes or name.endswith("_label"):
            continue
        bound = 0.0
        if name.endswith("_weight"):
            area = float(np.prod(shape[2:]))
            bound = WEIGHT_SCALE * np.sqrt(6.0 / ((shape[0] + shape[1]) * area))
        weights[name] = np.rint(rng.uniform(-bound, bound, shape)).astype(np.int8)
    return weights


def cross_entropy(probabilities: Any, labels: Any) -> float:
    """Return the mean of -log p[label], summed in float64."""
    picked = probabilities.astype(np.float64)[np.arange(len(labels)), labels.astype(int)]
    return float(-np.log(picked).mean())


def _train(mx: Any, symbol: Any, optimizer: str, digits: Any, weights: Any, order: Any, sample: Any) -> Any:
    module = mx.mod.Module(symbol, context=mx.cpu())
    module.bind(data_shapes=[("data", (BATCH, *sample))], label_shapes=[("softmax_label", (BATCH,))])
    start = {name: mx.nd.array(array.astype("float32") / WEIGHT_SCALE) for name, array in weights.items()}
    module.init_params(arg_params=start, aux_params={}, allow_missing=False)
    module.init_optimizer(optimizer=optimizer, optimizer_params=dict(OPTIMIZERS[optimizer]))
    images = digits["images"].astype("float32") / 16
    losses = []
    for rows in order:
        labels = digits["labels"][rows].astype("float32")
        data = images[rows].reshape((BATCH, *sample))
        module.forward(mx.io.DataBatch([mx.nd.array(data)], [mx.nd.array(labels)]), is_train=True)
        losses.append(cross_entropy(module.get_outputs()[0].asnumpy(), labels))
        module.backward()
        module.update()
    final, _ = module.get_params()
    return losses, {name: final[name].asnumpy().astype(np.float64) for name in sorted(final)}


def record(mx: Any, folder: Path) -> None:
    """Write both files of this part into `folder`."""
    digits = np.load(folder / "digits.npz")
    rng = np.random.RandomState(1)
    epochs = [rng.permutation(len(digits["labels"])) for _ in range(STEPS * BATCH // len(digits["labels"]))]
    order = np.concatenate(epochs).reshape(STEPS, BATCH).astype(np.int16)
    arrays: dict[str, Any] = {"order": order}
    runs = []
    for network, sample in SAMPLES.items():
        symbol = build(mx, network)
        weights = initial_weights(symbol, {"data": (BATCH, *sample)})
        arrays.update({network + "/" + name: array for name, array in weights.items()})
        for optimizer, params in OPTIMIZERS.items():
            losses, final = _train(mx, symbol, optimizer, digits, weights, order, sample)
            norms = {name: float(np.sqrt((array**2).sum())) for name, array in final.items()}
            runs.append(
                {
                    "network": network,
                    "sample_shape": list(sample),
                    "batch_size": BATCH,
                    "optimizer": optimizer,
                    "optimizer_params": params,
                    "rescale_grad": 1 / BATCH,
                    "losses": losses,
                    "final_norms": norms,
                    "final_first": {name: array.ravel()[:4].tolist() for name, array in final.items()},
                }
            )
    document = {"weight_scale": WEIGHT_SCALE, "pixel_scale": 16, "runs": runs}
    np.savez_compressed(folder / "trajectories.npz", **arrays)
    (folder / "trajectories.json").write_text(json.dumps(document, indent=1) + "\n")
