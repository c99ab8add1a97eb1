"""BucketingModule, SequentialModule and Python modules: what MXNet cannot answer, and errors."""

import numpy as np
import pytest

import cysym as mx


def rows(length):
    """A network for one length: the sum over time, then a dense layer."""
    net = mx.sym.sum(mx.sym.Variable("data"), axis=1)
    net = mx.sym.FullyConnected(net, num_hidden=2, name="fc")
    return mx.sym.SoftmaxOutput(net, name="softmax"), ["data"], ["softmax_label"]


def batch(length, size=4):
    shapes = [("data", (size, length, 3))], [("softmax_label", (size,))]
    values = np.random.RandomState(length).rand(size, length, 3)
    return mx.io.DataBatch(
        [mx.nd.array(values)],
        [mx.nd.array(np.arange(size) % 2)],
        bucket_key=length,
        provide_data=shapes[0],
        provide_label=shapes[1],
    )


def buckets(ctx, generate=rows, default=8):
    module = mx.mod.BucketingModule(generate, default, context=ctx)
    first = batch(8)
    module.bind(first.provide_data, first.provide_label)
    mx.random.seed(1)
    module.init_params(mx.init.Xavier())
    module.init_optimizer(optimizer_params={"learning_rate": 0.1, "momentum": 0.9})
    return module


def values(module):
    return {name: array.asnumpy() for name, array in module.get_params()[0].items()}


def test_buckets_share_parameters_optimizer_and_memory(ctx):
    module = buckets(ctx)
    for length in (8, 3, 5, 3):
        before = values(module)["fc_weight"]
        module.forward_backward(batch(length))
        module.update()
        assert not np.array_equal(values(module)["fc_weight"], before)
    made = module._buckets
    assert sorted(made) == [3, 5, 8]
    for key in (3, 5):
        assert made[key]._optimizer is made[8]._optimizer
        mine, default = made[key]._exec_group, made[8]._exec_group
        assert mine.param_arrays[0][0] is default.param_arrays[0][0]
        assert mine.execs[0]._arena is default.execs[0]._arena
    assert made[8]._optimizer.num_update == 4


def test_buckets_train_as_separate_modules_would(ctx):
    """Every step in a module of its own that takes the parameters over: the same numbers."""
    module = mx.mod.BucketingModule(rows, 8, context=ctx)
    module.bind(batch(8).provide_data, batch(8).provide_label)
    mx.random.seed(1)
    module.init_params(mx.init.Xavier())
    module.init_optimizer(optimizer_params={"learning_rate": 0.1})
    params = module.get_params()[0]
    params = {name: array.copy() for name, array in params.items()}
    for length in (8, 3, 5, 3):
        one = batch(length)
        module.forward_backward(one)
        module.update()
        alone = mx.mod.Module(rows(length)[0], context=ctx)
        alone.bind(one.provide_data, one.provide_label)
        alone.init_params(arg_params=params)
        alone.init_optimizer(optimizer_params={"learning_rate": 0.1})
        alone.forward_backward(one)
        alone.update()
        params = {name: array.copy() for name, array in alone.get_params()[0].items()}
    for name, array in params.items():
        np.testing.assert_allclose(values(module)[name], array.asnumpy(), rtol=1e-5, atol=1e-7, err_msg=name)


def test_bucket_with_a_parameter_of_its_own(ctx):
    """Nobody could initialize it: refused, in the words of the user."""

    def generate(length):
        net, data, label = rows(length)
        if length == 3:
            net = mx.sym.SoftmaxOutput(
                net.get_internals()["fc_output"] * mx.sym.Variable("own"), name="softmax"
            )
        return net, data, label

    module = buckets(ctx, generate)
    with pytest.raises(mx.MXNetError, match="parameter own is not among those of the module to share with"):
        module.forward(batch(3))
    assert sorted(module._buckets) == [8]
    module.forward_backward(batch(8))
    module.update()


def test_bucket_errors_change_nothing(ctx, tmp_path):
    module = buckets(ctx)
    with pytest.raises(mx.MXNetError, match=r"bucket 6 is new.*provide_data"):
        module.switch_bucket(6, None)
    bad = batch(3)
    bad.provide_data = [("data", (4, 3, 7))]
    with pytest.raises(mx.MXNetError, match="fc_weight"):
        module.forward(bad)
    assert sorted(module._buckets) == [8]
    assert module._curr_bucket_key == 8
    module.forward(batch(8))
    with pytest.raises(mx.MXNetError, match="shared_module for BucketingModule"):
        module.bind(batch(8).provide_data, force_rebind=True, shared_module=module)
    with pytest.raises(ValueError, match="default_bucket_key"):
        mx.mod.BucketingModule(rows)
    fresh = mx.mod.BucketingModule(rows, 8)
    for call in (fresh.init_optimizer, fresh.get_params, fresh.init_params, lambda: fresh.forward(batch(8))):
        with pytest.raises(mx.MXNetError, match="not bound yet"):
            call()
    prefix = str(tmp_path / "net")
    with pytest.raises(mx.MXNetError, match="Empty BucketingModule"):
        mx.mod.BucketingModule(rows, 8).save_checkpoint(prefix, 1)
    named = buckets(ctx, lambda key: rows(8), default="long")
    with pytest.raises(mx.MXNetError, match="32-bit ints, got 'long'"):
        named.save_checkpoint(prefix, 1)
    assert not list(tmp_path.iterdir())
    module.save_checkpoint(prefix, 1)
    with pytest.raises(ValueError, match="no bucket 9 among"):
        mx.mod.BucketingModule.load(prefix, 1, rows, 9)
    mx.nd.save(prefix + ".buckets", {"keys": mx.nd.ones((2,))})
    with pytest.raises(mx.MXNetError, match="no list of bucket keys"):
        mx.mod.BucketingModule.load(prefix, 1, rows, 8)


def test_loaded_buckets_have_their_parameters_before_bind(ctx, tmp_path):
    module = buckets(ctx)
    prefix = str(tmp_path / "net")
    module.save_checkpoint(prefix, 1)
    again = mx.mod.BucketingModule.load(prefix, 1, rows, 8, context=ctx)
    for name, array in values(module).items():
        np.testing.assert_array_equal(values(again)[name], array)
    with pytest.warns(UserWarning, match="set_params call ignored"):
        again.set_params({}, {}, force_init=False)


def chain(ctx, grad=None):
    net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=2, name="fc")
    loss = mx.mod.PythonLossModule(grad_func=grad or (lambda scores, labels: scores * 2))
    module = mx.mod.SequentialModule()
    module.add(mx.mod.Module(net, label_names=None, context=ctx))
    return module.add(loss, take_labels=True, auto_wiring=True)


def test_chain_gives_gradients_of_its_inputs(ctx):
    module = chain(ctx)
    module.bind([("data", (2, 3))], [("softmax_label", (2,))], inputs_need_grad=True)
    module.init_params(mx.init.One())
    module.forward_backward(mx.io.DataBatch([mx.nd.ones((2, 3))], [mx.nd.zeros((2,))]))
    np.testing.assert_array_equal(module.get_outputs()[0].asnumpy(), np.full((2, 2), 3))
    np.testing.assert_array_equal(module.get_input_grads()[0].asnumpy(), np.full((2, 3), 12))
    assert module.get_outputs(False)[0][0].shape == (2, 2)


def test_chain_errors(ctx):
    with pytest.raises(ValueError, match='Unknown meta "take_label"'):
        mx.mod.SequentialModule().add(chain(ctx), take_label=True)
    with pytest.raises(mx.MXNetError, match="empty"):
        mx.mod.SequentialModule().bind([("data", (2, 3))])
    module = chain(ctx)
    with pytest.raises(mx.MXNetError, match="call bind"):
        module.init_params()
    with pytest.raises(ValueError, match="for_training"):
        module.bind([("data", (2, 3))], for_training=False, inputs_need_grad=True)
    module.bind([("data", (2, 3))], [("softmax_label", (2,))])
    module.init_params()
    with pytest.raises(mx.MXNetError, match="inputs_need_grad"):
        module.get_input_grads()
    with pytest.raises(NotImplementedError, match="no executor"):
        module.install_monitor(mx.mon.Monitor(1))
    pair = mx.mod.SequentialModule()
    for _ in range(2):
        net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=3, name="fc")
        pair.add(mx.mod.Module(net, label_names=None, context=ctx), auto_wiring=True)
    pair.bind([("data", (2, 3))])
    with pytest.raises(mx.MXNetError, match=r"'fc_weight' of module 1 .* is also in module 0"):
        pair.init_params()
    assert not pair.params_initialized


def test_python_module_errors():
    loss = mx.mod.PythonLossModule()
    with pytest.raises(mx.MXNetError, match="data_shapes"):
        loss.bind([("nope", (2, 3))])
    with pytest.raises(mx.MXNetError, match="grad_req 'add'"):
        loss.bind([("data", (2, 3))], grad_req="add")
    assert not loss.binded
    with pytest.raises(TypeError, match="callable"):
        mx.mod.PythonLossModule(grad_func=3)
    with pytest.raises(ValueError, match="one input and one label"):
        mx.mod.PythonLossModule(label_names=["a", "b"])
    loss.bind([("data", (2, 3))], for_training=False)
    with pytest.raises(mx.MXNetError, match="for_training=False"):
        loss.backward()
    bare = mx.mod.PythonModule(["a"], None, ["b"])
    with pytest.raises(NotImplementedError, match="_compute_output_shapes"):
        bare.bind([("a", (1,))])
    assert bare.data_shapes is None
    assert not bare.binded
