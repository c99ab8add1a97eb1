"""Python operators of the first generation, where MXNet 1.9.1 crashes or refuses: two inputs, losses, files.

`recorded/programs/custom_legacy.py` holds what MXNet still does.
"""

from __future__ import annotations

import copy
import gc
import pickle
from typing import Any

import numpy as np
import pytest
from conftest import contexts

import cysym as mx

pytestmark = pytest.mark.filterwarnings("ignore:.*has been deprecated")
each_context = pytest.mark.parametrize("ctx", contexts())


class NumpySoftmax(mx.operator.NumpyOp):  # type: ignore[misc]
    """The class of MXNet's ``example/numpy-ops`` in our words: a softmax that is its own loss."""

    def __init__(self) -> None:
        super().__init__(False)

    def list_arguments(self) -> list[str]:
        return ["data", "label"]

    def infer_shape(self, in_shape: Any) -> Any:
        return [in_shape[0], (in_shape[0][0],)], [in_shape[0]]

    def forward(self, in_data: Any, out_data: Any) -> None:
        x, y = in_data[0], out_data[0]
        y[:] = np.exp(x - x.max(axis=1, keepdims=True))
        y /= y.sum(axis=1, keepdims=True)

    def backward(self, out_grad: Any, in_data: Any, out_data: Any, in_grad: Any) -> None:
        assert out_grad == []
        label = in_data[1].reshape((in_data[1].size,)).astype(int)
        in_grad[0][:] = out_data[0]
        in_grad[0][np.arange(label.shape[0]), label] -= 1.0


class NDArraySoftmax(mx.operator.NDArrayOp):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__(False)

    list_arguments = NumpySoftmax.list_arguments
    infer_shape = NumpySoftmax.infer_shape

    def forward(self, in_data: Any, out_data: Any) -> None:
        out_data[0][:] = mx.nd.softmax(in_data[0])

    def backward(self, out_grad: Any, in_data: Any, out_data: Any, in_grad: Any) -> None:
        assert out_grad == [None]
        in_grad[0][:] = out_data[0] - mx.nd.one_hot(in_data[1], out_data[0].shape[1])


def network(make: Any) -> Any:
    h = mx.sym.Activation(
        mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=5, name="fc1"), act_type="tanh"
    )
    return make(data=mx.sym.FullyConnected(h, num_hidden=3, name="fc2"), name="softmax")


@each_context
@pytest.mark.parametrize("make", [NumpySoftmax, NDArraySoftmax])
def test_a_loss_trains_like_the_operator_it_imitates(ctx: Any, make: Any) -> None:
    trained = []
    for head in (make(), mx.sym.SoftmaxOutput):
        net = network(head)
        assert net.list_arguments()[-1] == "softmax_label"
        rng = np.random.default_rng(0)
        it = mx.io.NDArrayIter(rng.standard_normal((24, 4)), np.arange(24) % 3, batch_size=8)
        mod = mx.mod.Module(net, context=ctx)
        mx.random.seed(0)
        mod.fit(it, num_epoch=3, initializer=mx.init.Xavier(), optimizer_params={"learning_rate": 0.5})
        trained.append({k: v.asnumpy() for k, v in mod.get_params()[0].items()})
    for name, value in trained[1].items():
        np.testing.assert_allclose(trained[0][name], value, 1e-4, 1e-6)


@each_context
def test_shapes_requests_and_types(ctx: Any) -> None:
    """``grad_req='add'`` (MXNet refuses it), outputs of other shapes, double precision."""

    class Sum(mx.operator.NumpyOp):  # type: ignore[misc]
        def list_outputs(self) -> list[str]:
            return ["sum", "square"]

        def infer_shape(self, in_shape: Any) -> Any:
            return in_shape, [[1], in_shape[0]]

        def forward(self, in_data: Any, out_data: Any) -> None:
            out_data[0][:] = in_data[0].sum()
            np.square(in_data[0], out=out_data[1])

        def backward(self, out_grad: Any, in_data: Any, out_data: Any, in_grad: Any) -> None:
            in_grad[0][:] = out_grad[0] + 2 * in_data[0] * out_grad[1]

    net = Sum()(mx.sym.Variable("x"), name="s")
    assert net.list_outputs() == ["s_sum", "s_square"]
    for kind in ("float32", "float64"):
        x, g = mx.nd.array([1, 2, 3], ctx, dtype=kind), mx.nd.array([10, 10, 10], ctx, dtype=kind)
        ex = net.bind(ctx, [x], [g], "add")
        assert [o.asnumpy().tolist() for o in ex.forward(is_train=True)] == [[6], [1, 4, 9]]
        ex.backward([mx.nd.ones((1,), ctx, dtype=kind), mx.nd.ones((3,), ctx, dtype=kind)])
        assert g.asnumpy().tolist() == [13, 15, 17]
        assert ex.outputs[1].dtype == np.dtype(kind).type


def test_one_object_in_several_symbols() -> None:
    """The object's own state is shared by all that is made of it."""

    class Count(mx.operator.NDArrayOp):  # type: ignore[misc]
        calls = 0

        def forward(self, in_data: Any, out_data: Any) -> None:
            self.calls += 1
            out_data[0][:] = self.calls

    op = Count()
    nets = [op(mx.sym.Variable("x")), op(mx.sym.Variable("x"))]
    nets.append(copy.deepcopy(nets[0]))
    executors = [net.simple_bind(mx.cpu(), x=(1,)) for net in nets]
    del nets
    gc.collect()
    assert [float(ex.forward()[0].asnumpy()[0]) for ex in executors] == [1, 2, 3]


def test_files_cannot_hold_the_object() -> None:
    net = network(NDArraySoftmax())
    text = net.tojson()
    del net
    gc.collect()
    with pytest.raises(
        mx.MXNetError, match=r"softmax of type _NDArray.*Python object.*make the symbol again"
    ):
        mx.sym.load_json(text)
    with pytest.raises(mx.MXNetError, match="_Native"):
        pickle.loads(pickle.dumps(network(NumpySoftmax())))
    with pytest.raises(AttributeError):
        mx.sym._internal._Native  # noqa: B018


def test_errors_name_the_class() -> None:
    class Broken(mx.operator.NumpyOp):  # type: ignore[misc]
        broken = True

        def forward(self, in_data: Any, out_data: Any) -> None:
            if self.broken:
                raise ZeroDivisionError("oh")
            out_data[0][:] = 4

    op = Broken()
    ex = op(mx.sym.Variable("x"), name="b").simple_bind(mx.cpu(), x=(2,))
    with pytest.raises(
        mx.MXNetError, match=r"'Broken' \(node b\): forward raised ZeroDivisionError: oh"
    ) as found:
        ex.forward()
    assert isinstance(found.value.__cause__, ZeroDivisionError)
    op.broken = False
    assert ex.forward()[0].asnumpy().tolist() == [4, 4]
    op.infer_shape = lambda in_shape: (in_shape, in_shape, [])  # type: ignore[assignment,method-assign]
    with pytest.raises(mx.MXNetError, match="'Broken': infer_shape raised ValueError"):
        op(mx.sym.Variable("x")).infer_shape(x=(2,))
    with pytest.raises(NotImplementedError, match="derive from"):
        mx.operator.PythonOp()(mx.sym.Variable("x"))
