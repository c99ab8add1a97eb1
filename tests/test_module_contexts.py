"""Module on several contexts: the same numbers as on one, what is joined, errors that change nothing."""

import warnings

import numpy as np
import pytest
from conftest import contexts

import cysym as mx

OTHERS = [[mx.cpu(0), mx.cpu(1)], [mx.cpu(0), mx.cpu(1), mx.cpu(2)]]
if len(contexts()) > 1:
    OTHERS += [[mx.cpu(), mx.gpu(0)], [mx.gpu(0), mx.cpu(1)]]
SIZE, STEPS = 12, 20


def convnet():
    net = mx.sym.Convolution(mx.sym.Variable("data"), kernel=(3, 3), num_filter=4, name="conv")
    net = mx.sym.Activation(net, act_type="relu", name="relu")
    net = mx.sym.FullyConnected(mx.sym.Flatten(net), num_hidden=3, name="fc")
    return mx.sym.SoftmaxOutput(net, name="softmax")


def mlp():
    net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=8, name="fc1")
    net = mx.sym.Activation(net, act_type="tanh", name="act")
    return mx.sym.SoftmaxOutput(mx.sym.FullyConnected(net, num_hidden=3, name="fc2"), name="softmax")


def batch(net, step, size=SIZE):
    draw = np.random.RandomState(step)
    rows = draw.rand(size, 1, 6, 6) if net is convnet else draw.rand(size, 6)
    return mx.io.DataBatch([mx.nd.array(rows)], [mx.nd.array(draw.randint(0, 3, size))])


def ready(net, context, loads=None, store="local", optimizer="sgd", params=None, **options):
    module = mx.mod.Module(net(), context=context, work_load_list=loads)
    first = batch(net, 0)
    module.bind([("data", first.data[0].shape)], [("softmax_label", (SIZE,))], **options)
    mx.random.seed(3)
    module.init_params(mx.init.Xavier())
    module.init_optimizer(store, optimizer, params or {"learning_rate": 0.2, "momentum": 0.9})
    return module


def values(module):
    args, auxs = module.get_params()
    return {name: array.asnumpy() for name, array in {**args, **auxs}.items()}


def run(module, net):
    metric = mx.metric.create(["acc", "ce"])
    outputs = []
    for step in range(STEPS):
        one = batch(net, step)
        module.forward_backward(one)
        module.update()
        module.update_metric(metric, one.label)
        outputs.append(module.get_outputs()[0].asnumpy())
    return outputs, values(module), dict(metric.get_name_value())


@pytest.fixture(scope="module")
def alone():
    """What one CPU context computes, by network and optimizer."""
    known = {}

    def compute(net, optimizer, params):
        key = net.__name__, optimizer
        if key not in known:
            known[key] = run(ready(net, mx.cpu(), optimizer=optimizer, params=params), net)
        return known[key]

    return compute


# ---- the same numbers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("context", OTHERS, ids=str)
@pytest.mark.parametrize(
    ("optimizer", "params"),
    [("sgd", {"learning_rate": 0.2, "momentum": 0.9}), ("adam", {"learning_rate": 0.02})],
)
@pytest.mark.parametrize("net", [mlp, convnet])
@pytest.mark.parametrize("store", ["local", "device", "not on it"])
def test_as_on_one_context(context, optimizer, params, net, store, alone, monkeypatch):
    if store == "not on it":
        monkeypatch.setenv("MXNET_UPDATE_ON_KVSTORE", "0")
        store = "local"
    loads = {"local": None, "device": [1, 3, 2][: len(context)]}[store]
    outputs, after, metric = run(ready(net, context, loads, store, optimizer, params), net)
    expected = alone(net, optimizer, params)
    for step, (ours, theirs) in enumerate(zip(outputs, expected[0], strict=True)):
        np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=2e-5, err_msg=f"step {step}")
    for name, array in expected[1].items():
        np.testing.assert_allclose(after[name], array, rtol=5e-4, atol=5e-5, err_msg=name)
    assert metric["accuracy"] == expected[2]["accuracy"]
    assert metric["cross-entropy"] == pytest.approx(expected[2]["cross-entropy"], rel=1e-4)


@pytest.mark.parametrize("context", OTHERS, ids=str)
def test_a_store_that_only_sums(context, alone):
    params = {"learning_rate": 0.2, "momentum": 0.9}
    module = ready(mlp, context, store="teststore", params=params)
    assert not module._update_on_kvstore
    after = run(module, mlp)[1]
    for name, array in alone(mlp, "sgd", params)[1].items():
        np.testing.assert_allclose(after[name], array, rtol=5e-4, atol=5e-5, err_msg=name)


@pytest.mark.parametrize("context", OTHERS, ids=str)
def test_fit_and_predict_as_on_one_context(context):
    draw = np.random.RandomState(0)
    rows, labels = draw.rand(30, 6).astype("float32"), draw.randint(0, 3, 30).astype("float32")

    def fitted(where):
        module = ready(mlp, where)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module.fit(mx.io.NDArrayIter(rows, labels, SIZE), num_epoch=2)
        outputs = module.predict(mx.io.NDArrayIter(rows, None, SIZE))
        scores = module.score(mx.io.NDArrayIter(rows, labels, SIZE), "ce")
        return outputs.asnumpy(), scores[0][1]

    ours, theirs = fitted(context), fitted(mx.cpu())
    assert ours[0].shape == (30, 3)
    np.testing.assert_allclose(ours[0], theirs[0], rtol=2e-4, atol=2e-5)
    assert ours[1] == pytest.approx(theirs[1], rel=1e-4)


@pytest.mark.parametrize("context", OTHERS, ids=str)
def test_contexts_hold_the_same_parameters(context):
    """Bit for bit: the store's values go to all, and the mean of equal values is that value."""
    module = ready(mlp, context)
    for step in range(3):
        module.forward_backward(batch(mlp, step))
        module.update()
    for name, arrays in zip(module._exec_group.param_names, module._exec_group.param_arrays, strict=True):
        assert [array.context for array in arrays] == context
        for array in arrays:
            np.testing.assert_array_equal(array.asnumpy(), values(module)[name], err_msg=name)


def test_auxiliary_states_are_averaged():
    layer = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=3, name="fc")
    net = mx.sym.SoftmaxOutput(mx.sym.BatchNorm(layer, name="bn"), name="softmax")
    module = ready(lambda: net, [mx.cpu(0), mx.cpu(1)])
    module.forward_backward(batch(mlp, 0))
    own = [executor.aux_dict["bn_moving_mean"].asnumpy() for executor in module._exec_group.execs]
    assert not np.allclose(own[0], own[1])
    module._params_dirty = True
    np.testing.assert_allclose(values(module)["bn_moving_mean"], (own[0] + own[1]) / 2, rtol=1e-6)


# ---- what is joined ----------------------------------------------------------------------------------------


def flattened():
    """Time steps flattened into rows, as recurrent networks do: outputs are longer than the batch."""
    data = mx.sym.reshape(mx.sym.Variable("data"), shape=(-3, 0))
    return mx.sym.FullyConnected(data, num_hidden=2, no_bias=True, name="fc")


@pytest.mark.parametrize("context", OTHERS, ids=str)
def test_outputs_longer_than_the_batch(context, rng):
    rows, head = rng.standard_normal((5, 4, 3)), mx.nd.array(rng.standard_normal((20, 2)))

    def grads(where, loads):
        module = mx.mod.Module(flattened(), label_names=None, context=where, work_load_list=loads)
        module.bind([("data", (5, 4, 3))], inputs_need_grad=True)
        module.init_params(mx.init.One())
        module.forward(mx.io.DataBatch([mx.nd.array(rows)]), is_train=True)
        assert module.output_shapes == [("fc_output", (20, 2))]
        module.backward({"fc_output": head})
        return [module.get_outputs()[0].asnumpy(), module.get_input_grads()[0].asnumpy()]

    for ours, theirs in zip(grads(context, [1, 3, 1][: len(context)]), grads(mx.cpu(), None), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_one_number_per_context(ctx):
    net = mx.sym.MakeLoss(mx.sym.sum(mx.sym.Variable("data")), name="loss")
    module = mx.mod.Module(net, label_names=None, context=[ctx, mx.cpu(1)])
    module.bind([("data", (4, 2))])
    module.init_params()
    module.forward(mx.io.DataBatch([mx.nd.array(np.arange(8).reshape(4, 2))]))
    assert module.output_shapes == [("loss_output", (2,))]
    assert module.get_outputs()[0].asnumpy().tolist() == [6, 22]
    assert [[o.asnumpy().tolist() for o in parts] for parts in module.get_outputs(False)] == [[[6], [22]]]


def test_states_of_several_contexts(ctx):
    total = mx.sym.elemwise_add(mx.sym.Variable("data"), mx.sym.Variable("state"))
    module = mx.mod.Module(total, label_names=None, state_names=["state"], context=[ctx, mx.cpu(1)])
    module.bind([("data", (4, 2))])
    module.init_params()
    whole = np.arange(8, dtype=np.float32).reshape(4, 2)
    module.set_states([mx.nd.array(whole)])
    module.forward(mx.io.DataBatch([mx.nd.zeros((4, 2))]))
    np.testing.assert_array_equal(module.get_outputs()[0].asnumpy(), whole)
    np.testing.assert_array_equal(module.get_states()[0].asnumpy(), whole)
    assert [a.shape for a in module.get_states(merge_multi_context=False)[0]] == [(2, 2), (2, 2)]
    with pytest.raises(mx.MXNetError, match=r"state needs arrays of shapes \[\(2, 2\), \(2, 2\)\]"):
        module.set_states([[mx.nd.zeros((2, 2)), mx.nd.zeros((1, 2))]])
    with pytest.raises(ValueError, match="there are 1 states"):
        module.set_states([])
    np.testing.assert_array_equal(module.get_states()[0].asnumpy(), whole)
    module.set_states(value=3)
    assert (module.get_states()[0].asnumpy() == 3).all()


def test_numpy_batches_and_other_layouts(ctx):
    net = mx.sym.Variable("data") * 2
    module = mx.mod.Module(net, label_names=None, context=[ctx, mx.cpu(1)], work_load_list=[1, 2])
    module.bind([mx.io.DataDesc("data", (2, 6), layout="CN")])
    module.init_params()
    rows = np.arange(12, dtype=np.float32).reshape(2, 6)
    module.forward(mx.io.DataBatch([rows]))
    parts = module.get_outputs(False)[0]
    np.testing.assert_array_equal(parts[0].asnumpy(), 2 * rows[:, :2])
    np.testing.assert_array_equal(parts[1].asnumpy(), 2 * rows[:, 2:])


def test_another_layout_of_the_same_shape(ctx):
    module = mx.mod.Module(mx.sym.tanh(mx.sym.Variable("data")), label_names=None, context=[ctx, mx.cpu(1)])
    module.bind([mx.io.DataDesc("data", (4, 4), layout="NC")], for_training=False)
    module.init_params()
    module.reshape([mx.io.DataDesc("data", (4, 4), layout="TN")])
    assert module.data_shapes[0].layout == "TN"
    rows = np.arange(16, dtype=np.float32).reshape(4, 4)
    module.forward(mx.io.DataBatch([mx.nd.array(rows)]))
    parts = [array.asnumpy() for _, array in module._exec_group.data_arrays[0]]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), rows)


def test_modules_with_inputs_of_other_types_share_parameters(ctx):
    net = mx.sym.Cast(mx.sym.Variable("data"), dtype="float32")
    net = mx.sym.FullyConnected(net, num_hidden=2, name="fc")
    first = mx.mod.Module(net, label_names=None, context=ctx)
    first.bind([mx.io.DataDesc("data", (4, 3), dtype="float32")])
    first.init_params(mx.init.One())
    second = mx.mod.Module(net, label_names=None, context=ctx)
    second.bind([mx.io.DataDesc("data", (4, 3), dtype="int32")], shared_module=first)
    rows = np.arange(12).reshape(4, 3)
    outputs = []
    for module, dtype in ((first, "float32"), (second, "int32")):
        module.forward(mx.io.DataBatch([mx.nd.array(rows, dtype=dtype)]), is_train=False)
        assert module._exec_group.execs[0].arg_dict["data"].dtype == np.dtype(dtype)
        outputs.append(module.get_outputs()[0].asnumpy())
    np.testing.assert_array_equal(*outputs)


def test_opencl_is_given_its_work_first(monkeypatch):
    if len(contexts()) == 1:
        pytest.skip("needs an OpenCL device")
    module = ready(mlp, [mx.cpu(), mx.gpu(0), mx.cpu(1)])
    calls = []

    def watched(run, *what):
        def call(*args):
            calls.append(what)
            return run(*args)

        return call

    for executor in module._exec_group.execs:
        for step in ("forward", "backward"):
            monkeypatch.setattr(executor, step, watched(getattr(executor, step), step, str(executor._ctx)))
    module.forward_backward(batch(mlp, 0))
    order = ["gpu(0)", "cpu(0)", "cpu(1)"]
    assert calls == [("forward", name) for name in order] + [("backward", name) for name in order]


def test_assigned_parameters_survive_the_next_update(ctx):
    """The store that updates them has copies of its own."""
    for store in ("local", "device"):
        module = ready(mlp, [ctx, mx.cpu(1)], store=store, params={"learning_rate": 0.0})
        module.forward_backward(batch(mlp, 0))
        module.update()
        args, auxs = module.get_params()
        module.set_params({name: array * 0 + 2 for name, array in args.items()}, auxs)
        module.set_params({"fc2_bias": mx.nd.ones((3,))}, {}, allow_missing=True)
        module.forward_backward(batch(mlp, 1))
        module.update()
        after = values(module)
        assert (after["fc1_weight"] == 2).all()
        assert (after["fc2_bias"] == 1).all()


def test_shared_parameters_are_never_old(ctx):
    """Each of two modules that share parameters sees what the other trained."""
    module = ready(mlp, [ctx, mx.cpu(1)])
    other = mx.mod.Module(mlp(), context=[ctx, mx.cpu(1)])
    other.bind([("data", (4, 6))], [("softmax_label", (4,))], shared_module=module)
    for one, size in ((module, SIZE), (other, 4), (module, SIZE)):
        before = values(module)["fc2_weight"]
        one.forward_backward(batch(mlp, 0, size))
        one.update()
        for each in (module, other):
            assert not np.array_equal(values(each)["fc2_weight"], before)
        np.testing.assert_array_equal(values(module)["fc2_weight"], values(other)["fc2_weight"])


# ---- errors ------------------------------------------------------------------------------------------------


def unchanged(module, call, error, match):
    """A call that is refused, with a module that goes on as before."""
    shapes, before = (module.data_shapes, module.label_shapes), values(module)
    group = module._exec_group
    with pytest.raises(error, match=match):
        call()
    assert (module.data_shapes, module.label_shapes) == shapes
    assert module._exec_group is group
    for name, array in values(module).items():
        np.testing.assert_array_equal(array, before[name], err_msg=name)
    module.forward_backward(batch(mlp, 0))
    module.update()
    assert module.get_outputs()[0].shape == (SIZE, 3)


def test_errors_leave_the_module_as_it_was(ctx):
    module = ready(mlp, [ctx, mx.cpu(1)])
    small, head = batch(mlp, 0, 1), mx.nd.ones((SIZE - 1, 3))
    piece, told = batch(mlp, 0, SIZE // 2), batch(mlp, 0, SIZE // 2)
    told.provide_label = [("softmax_label", (SIZE // 2,))]
    told.label = [mx.nd.ones((3,))]
    cases = [
        (lambda: module.forward(small), ValueError, "Too many slices"),
        (
            lambda: module.reshape([("data", (1, 6))], [("softmax_label", (1,))]),
            ValueError,
            "Too many slices",
        ),
        (
            lambda: module.bind([("data", (1, 6))], [("softmax_label", (1,))], force_rebind=True),
            ValueError,
            "Too many slices",
        ),
        (lambda: module.forward([piece]), ValueError, "1 batches in a list for 2 contexts"),
        (lambda: module.forward([piece, small]), ValueError, "same shapes"),
        (lambda: module.forward([]), ValueError, "0 batches in a list"),
        (lambda: module.forward(told), mx.MXNetError, r"label softmax_label: expected shape \(6,\)"),
        (lambda: module.update_metric(mx.metric.create("acc"), [[]], True), ValueError, "1 lists of labels"),
        (
            lambda: module.forward(mx.io.DataBatch([mx.nd.ones((SIZE, 6))], [mx.nd.ones((3,))])),
            mx.MXNetError,
            r"label softmax_label: expected shape \(12,\), got \(3,\)",
        ),
        (
            lambda: module.forward(mx.io.DataBatch([mx.nd.ones((SIZE, 6))], [mx.nd.ones((3,))] * 2)),
            mx.MXNetError,
            "needs 1 label arrays",
        ),
        (
            lambda: module.forward(mx.io.DataBatch([mx.nd.ones((SIZE, 7))], [mx.nd.ones((SIZE,))])),
            mx.MXNetError,
            "fc1_weight",
        ),
        (lambda: module.backward([head]), mx.MXNetError, r"softmax_output has shape \(11, 3\)"),
        (lambda: module.backward({"nope": head}), mx.MXNetError, "no output named 'nope'"),
        (
            lambda: module.set_params({"fc1_weight": mx.nd.ones((2, 2))}, {}, allow_missing=True),
            mx.MXNetError,
            "fc1_weight",
        ),
        (lambda: module.init_optimizer(kvstore=3, force_init=True), TypeError, "kvstore"),
        (lambda: module.init_optimizer(kvstore="dist_sync", force_init=True), mx.MXNetError, "dist_sync"),
        (lambda: module.init_optimizer(optimizer="nope", force_init=True), ValueError, "nope"),
        (lambda: module.prepare(small, lambda b: {}), mx.MXNetError, "row_sparse"),
        (module.get_input_grads, mx.MXNetError, "inputs_need_grad"),
        (lambda: module.load_optimizer_states("there is none"), OSError, "there is none"),
    ]
    for call, error, match in cases:
        unchanged(module, call, error, match)


def test_sizes_that_disagree(ctx):
    both = mx.sym.Variable("a") + mx.sym.Variable("b")
    module = mx.mod.Module(both, ["a", "b"], None, context=[ctx, mx.cpu(1)])
    with pytest.raises(mx.MXNetError, match=r"same batch size.*'a': 4, 'b': 2"):
        module.bind([("a", (4, 3)), ("b", (2, 3))])
    assert not module.binded
    with pytest.raises(ValueError, match="one number per context"):
        mx.mod.Module(both, ["a", "b"], None, context=[ctx, mx.cpu(1)], work_load_list=[1])


@pytest.mark.parametrize(
    ("choice", "match"),
    [
        ([{}], "1 entries for 2 contexts"),
        ({"g": [mx.cpu()] * 3}, r"group2ctxs\['g'\] has 3 contexts, expected 1 or 2"),
        ({"g": ["cpu"]}, "'cpu', which is no Context"),
        ("g", "must be a dict"),
    ],
)
def test_groups_of_contexts_are_checked(choice, match):
    module = mx.mod.Module(mlp(), context=[mx.cpu(0), mx.cpu(1)], group2ctxs=choice)
    with pytest.raises(ValueError, match=match):
        module.bind([("data", (4, 6))], [("softmax_label", (4,))])


def test_prediction_wants_one_batch_at_a_time():
    module = ready(mlp, [mx.cpu(0), mx.cpu(1)])

    class Pieces(mx.io.DataIter):
        def reset(self):
            self.given = False

        def next(self):
            if self.given:
                raise StopIteration
            self.given = True
            return [batch(mlp, 0, SIZE // 2)] * 2

    assert module.score(Pieces(), "acc")[0][0] == "accuracy"
    with pytest.raises(TypeError, match="one DataBatch at a time"):
        module.predict(Pieces())


def test_a_label_of_another_name_is_refused() -> None:
    """Trained on zeros otherwise, without a word but a warning."""
    data, label = mx.sym.Variable("data"), mx.sym.Variable("target")
    net = mx.sym.LinearRegressionOutput(mx.sym.FullyConnected(data, num_hidden=1), label)
    module = mx.mod.Module(net, label_names=("target",))
    with pytest.warns(UserWarning, match="label"), pytest.raises(ValueError, match=r"softmax_label.*target"):
        module.bind([("data", (2, 3))], [("softmax_label", (2,))])
    assert not module.binded
    module.bind([("data", (2, 3))], [("target", (2, 1))])
