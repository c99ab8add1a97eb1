"""Records parameter files: `files/*.params` written by MXNet, and hand-made records of its two older formats.

Every file, hand-made ones too, is loaded by MXNet, and what it read is written into `files/expected.json`.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

_LIST_MAGIC = 0x112
_V1_MAGIC = 0xF993FAC8
_DTYPES = ("float32", "float64", "float16", "uint8", "int32", "int8", "int64", "bool")
_CODES = {"float32": 0, "float64": 1, "float16": 2, "uint8": 3, "int32": 4}


def _header_v1(array: Any) -> bytes:
    """Magic, i32 rank, i64 dimensions."""
    return struct.pack(f"<Ii{array.ndim}q", _V1_MAGIC, array.ndim, *array.shape)


def _header_v0(array: Any) -> bytes:
    """No magic: u32 rank, u32 dimensions."""
    return struct.pack(f"<I{array.ndim}I", array.ndim, *array.shape)


def _legacy(arrays: dict[str, Any], header: Any, device: tuple[int, int] = (1, 0)) -> bytes:
    """A list file whose records start with `header`, then context, type code and values."""
    parts = [struct.pack("<QQQ", _LIST_MAGIC, 0, len(arrays))]
    for array in arrays.values():
        parts += [header(array), struct.pack("<iii", *device, _CODES[str(array.dtype)]), array.tobytes()]
    parts.append(struct.pack("<Q", len(arrays)))
    parts += [struct.pack("<Q", len(name)) + name.encode() for name in arrays]
    return b"".join(parts)


def _describe(mx: Any, path: Path) -> Any:
    """What MXNet reads from `path`: a list, or a dictionary, of {dtype, shape, values}."""
    loaded = mx.nd.load(str(path))

    def entry(array: Any) -> dict[str, Any]:
        dense = array.tostype("default").asnumpy()
        return {"dtype": str(dense.dtype), "shape": list(dense.shape), "values": dense.ravel().tolist()}

    if isinstance(loaded, dict):
        return {name: entry(array) for name, array in loaded.items()}
    return [entry(array) for array in loaded]


def record(mx: Any, folder: Path) -> None:
    """Write all files of this part into `folder`."""
    folder.mkdir(exist_ok=True)
    rng = np.random.RandomState(7)
    weight = rng.standard_normal((2, 3)).astype("float32")
    array = mx.nd.array
    files = {
        "dict.params": {
            "arg:fc_weight": array(weight),
            "arg:fc_bias": array([0.5, -1]),
            "aux:bn_mean": array([3]),
        },
        "list.params": [array(weight), array([1, 2, 3, 4, 5], dtype="int32")],
        "single.params": array(weight[0]),
        "dtypes.params": {name: array([[0, 1], [2, 100]], dtype=name) for name in _DTYPES},
        "empty_dict.params": {},
        "sliced.params": {"rows": array(weight)[1:2], "turned": array(weight).T},
        "row_sparse.params": {"r": array([[0, 0], [1, 2], [0, 0], [3, 4]]).tostype("row_sparse")},
    }
    for name, content in files.items():
        mx.nd.save(str(folder / name), content)
    old = {"arg:w": weight, "aux:count": np.array([1, -2, 3], "int32"), "arg:h": np.array([[0.5]], "float16")}
    (folder / "v1.params").write_bytes(_legacy(old, _header_v1))
    (folder / "v0.params").write_bytes(_legacy(old, _header_v0))
    (folder / "v0_gpu.params").write_bytes(_legacy(old, _header_v0, device=(2, 3)))
    data = mx.sym.Variable("data")
    net = mx.sym.BatchNorm(mx.sym.FullyConnected(data, num_hidden=2, name="fc"), name="bn", fix_gamma=False)
    args = {
        "fc_weight": array(weight),
        "fc_bias": array([1, 2]),
        "bn_gamma": array([1, 2]),
        "bn_beta": array([0, 3]),
    }
    aux = {"bn_moving_mean": array([0.5, 1.5]), "bn_moving_var": array([2, 4])}
    mx.model.save_checkpoint(str(folder / "checkpoint"), 3, net, args, aux)
    batch = array([[1, 2, 3], [-1, 0, 1]])
    output = net.bind(mx.cpu(), dict(args, data=batch), aux_states=aux).forward()[0]
    expected = {path.name: _describe(mx, path) for path in sorted(folder.glob("*.params"))}
    document = {
        "files": expected,
        "checkpoint": {
            "prefix": "checkpoint",
            "epoch": 3,
            "data": batch.asnumpy().tolist(),
            "output": output.asnumpy().tolist(),
        },
    }
    (folder / "expected.json").write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
