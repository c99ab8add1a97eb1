"""Pickles of MXNet 1.9.1's own objects, as a user's ``pickle.dump`` writes them; `test_alias.py` loads them.

MXNET_SUBGRAPH_BACKEND=NONE OMP_NUM_THREADS=1 python record_pickles.py
"""

import json
import pickle
from pathlib import Path

import mxnet as mx

HERE = Path(__file__).resolve().parent


def objects():
    """One of every kind a program puts into files of its own."""
    data = mx.sym.Variable("data", lr_mult=2)
    schedule = mx.lr_scheduler.FactorScheduler(10, factor=0.5)
    batch = mx.io.DataBatch([mx.nd.ones((2, 1))], [mx.nd.zeros((2,))], pad=1)
    parameters = {"w": mx.nd.array([[1, -2], [3, 4]]), "n": mx.nd.array([7, 8], dtype="int32")}
    return {
        "array": parameters["w"],
        "parameters": parameters,
        "half": mx.nd.array([0.5, 2], dtype="float16"),
        "symbol": mx.sym.FullyConnected(data, num_hidden=3, name="fc"),
        "context": mx.cpu(1),
        "gpu": mx.gpu(0),
        "desc": mx.io.DataDesc("data", (2, 3), layout="NC"),
        "batch": batch,
        "initializer": mx.init.Xavier(magnitude=2),
        "init_desc": mx.init.InitDesc("x_weight", {"a": "b"}),
        "schedule": schedule,
        "optimizer": mx.optimizer.SGD(learning_rate=0.5, momentum=0.9),
        "metric": mx.metric.Accuracy(),
        "speedometer": mx.callback.Speedometer(3, 7),
        "error": mx.MXNetError("text"),
        "class": mx.module.Module,
        "function": mx.callback.log_train_metric,
    }


def main():
    """Write every object by the protocols old and new programs use."""
    lines = []
    for protocol in (0, 2, 4):
        for name, value in objects().items():
            text = pickle.dumps(value, protocol=protocol).decode("latin1")
            lines.append(json.dumps(name + " " + str(protocol)) + ": " + json.dumps(text))
    (HERE / "pickles.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print("recorded", len(lines))


if __name__ == "__main__":
    main()
