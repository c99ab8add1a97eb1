"""Training as MXNet 1.9.1 trained: 50 steps from the same weights over the same batches, through Module.

An error of any operator, gradient or optimizer grows from step to step, so agreeing losses at the end say
that none is wrong.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conftest import contexts
from recorded import symbols
from recorded.loader import Trajectory, trajectories

import cysym as mx


def train(run: Trajectory, ctx: Any) -> tuple[list[float], dict[str, Any]]:
    """Losses before each update, and the parameters at the end."""
    module = mx.mod.Module(symbols.build(mx, run.network), context=ctx)
    module.bind(
        data_shapes=[("data", run.data.shape[1:])], label_shapes=[("softmax_label", (run.batch_size,))]
    )
    start = {name: mx.nd.array(array) for name, array in run.weights.items()}
    module.init_params(arg_params=start, aux_params={}, allow_missing=False)
    module.init_optimizer(optimizer=run.optimizer, optimizer_params=dict(run.optimizer_params))
    losses = []
    for data, labels in zip(run.data, run.labels, strict=True):
        module.forward(mx.io.DataBatch([mx.nd.array(data)], [mx.nd.array(labels)]), is_train=True)
        p = module.get_outputs()[0].asnumpy().astype(np.float64)
        losses.append(float(-np.log(p[np.arange(len(labels)), labels.astype(int)]).mean()))
        module.backward()
        module.update()
    final, _ = module.get_params()
    return losses, {name: array.asnumpy().astype(np.float64) for name, array in final.items()}


@pytest.mark.parametrize("ctx", contexts(), ids=str)
@pytest.mark.parametrize("run", trajectories(), ids=str)
def test_losses_agree(run: Trajectory, ctx: Any) -> None:
    losses, final = train(run, ctx)
    np.testing.assert_allclose(losses, run.losses, rtol=1e-4)
    assert set(final) == set(run.final_norms)
    for name, array in final.items():
        norm = run.final_norms[name]
        np.testing.assert_allclose(np.linalg.norm(array), norm, rtol=1e-4, err_msg=name)
        # single weights wander more than sums over them: Adam divides by gradients near zero
        np.testing.assert_allclose(
            array.ravel()[:4], run.final_first[name], rtol=0, atol=1e-3 * np.abs(array).max(), err_msg=name
        )


def test_the_record_learns() -> None:
    """What is compared is a training that works, of both networks under both optimizers."""
    runs = trajectories()
    assert {str(run) for run in runs} == {"mlp-sgd", "mlp-adam", "lenet-sgd", "lenet-adam"}
    assert all(len(run.losses) == 50 and run.losses[-1] < 0.5 * run.losses[0] for run in runs)
