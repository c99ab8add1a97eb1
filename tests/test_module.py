"""Module: life cycle, training against trajectories recorded from MXNet 1.9.1, checkpoints, errors that
change nothing."""

import logging
import os
import re
import warnings

import numpy as np
import pytest

import cysym as mx

CLASSES = 3


def mlp(hidden=8):
    data = mx.sym.Variable("data")
    layer = mx.sym.FullyConnected(data, num_hidden=hidden, name="fc1")
    layer = mx.sym.Activation(layer, act_type="tanh", name="act")
    layer = mx.sym.FullyConnected(layer, num_hidden=CLASSES, name="fc2")
    return mx.sym.SoftmaxOutput(layer, name="softmax")


def problem():
    """The data and first weights MXNet was run with."""
    draw = np.random.RandomState(0)
    rows = draw.rand(20, 6).astype("float32")
    labels = draw.randint(0, CLASSES, 20).astype("float32")
    weights = {
        "fc1_weight": draw.randn(8, 6) * 0.5,
        "fc1_bias": draw.randn(8) * 0.1,
        "fc2_weight": draw.randn(CLASSES, 8) * 0.5,
        "fc2_bias": draw.randn(CLASSES) * 0.1,
    }
    return rows, labels, {name: mx.nd.array(value) for name, value in weights.items()}


ROWS, LABELS, WEIGHTS = problem()
DATA_SHAPES, LABEL_SHAPES = [("data", (8, 6))], [("softmax_label", (8,))]


def batch(start=0, stop=8, labels=True):
    label = [mx.nd.array(LABELS[start:stop])] if labels else None
    return mx.io.DataBatch([mx.nd.array(ROWS[start:stop])], label)


def ready(ctx, optimizer="sgd", optimizer_params=(("learning_rate", 0.5),), **options):
    """A bound module with the recorded weights and an optimizer."""
    module = mx.mod.Module(mlp(), context=ctx)
    module.bind(DATA_SHAPES, LABEL_SHAPES, **options)
    module.init_params(arg_params=WEIGHTS)
    module.init_optimizer(optimizer=optimizer, optimizer_params=optimizer_params)
    return module


def values(module):
    return {name: array.asnumpy() for name, array in module.get_params()[0].items()}


def assert_same(one, other):
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


# ---- training ----------------------------------------------------------------------------------------------


def test_fit_follows_mxnet(ctx, caplog):
    module = mx.mod.Module(mlp(), context=ctx)
    with caplog.at_level(logging.INFO):
        module.fit(
            mx.io.NDArrayIter(ROWS, LABELS, 8),
            eval_data=mx.io.NDArrayIter(ROWS, LABELS, 8),
            num_epoch=3,
            eval_metric=["acc", "ce"],
            optimizer_params={"learning_rate": 0.5, "momentum": 0.9, "wd": 0.01},
            arg_params=WEIGHTS,
            aux_params={},
        )
    logged = [message for message in caplog.messages if message.startswith("Epoch")]
    expected = [
        ("Train-accuracy", 0.375), ("Train-cross-entropy", 1.191766), ("Time cost", None),
        ("Validation-accuracy", 0.375), ("Validation-cross-entropy", 1.110482),
        ("Train-accuracy", 0.25), ("Train-cross-entropy", 1.191907), ("Time cost", None),
        ("Validation-accuracy", 0.416667), ("Validation-cross-entropy", 1.071454),
        ("Train-accuracy", 0.5), ("Train-cross-entropy", 1.112147), ("Time cost", None),
        ("Validation-accuracy", 0.416667), ("Validation-cross-entropy", 1.043723),
    ]  # fmt: skip
    assert len(logged) == len(expected)
    for position, (message, (name, value)) in enumerate(zip(logged, expected, strict=True)):
        match = re.fullmatch(r"Epoch\[(\d)\] (\S+|Time cost)=(\d+\.\d+)", message)
        assert match, message
        assert (int(match[1]), match[2]) == (position // 5, name)
        if value is not None:
            assert float(match[3]) == pytest.approx(value, abs=2e-5)
    recorded = {
        "fc1_weight": [0.74235833, 0.62343448, 0.7182256],
        "fc1_bias": [0.041143063, -0.029835213, 0.058404922],
        "fc2_weight": [-0.32645583, 0.17547117, 0.012558848],
        "fc2_bias": [0.12586807, -0.10346425, -0.071344376],
    }
    for name, array in values(module).items():
        np.testing.assert_allclose(array.ravel()[:3], recorded[name], rtol=2e-4, atol=2e-6, err_msg=name)
    predicted = module.predict(mx.io.NDArrayIter(ROWS, None, 8))
    assert predicted.shape == (20, CLASSES)
    np.testing.assert_allclose(predicted.asnumpy()[-1], [0.6289029717, 0.2315464318, 0.1395505667], rtol=1e-4)


@pytest.mark.parametrize(
    ("optimizer", "params"),
    [("sgd", {"learning_rate": 0.3, "momentum": 0.9}), ("adam", {"learning_rate": 0.05})],
)
def test_fit_learns(ctx, optimizer, params):
    draw = np.random.RandomState(1)
    rows = draw.rand(120, 6).astype("float32")
    labels = (rows[:, :2].sum(axis=1) > 1).astype("float32")
    mx.random.seed(0)
    module = mx.mod.Module(mlp(), context=ctx)
    module.fit(
        mx.io.NDArrayIter(rows, labels, 20),
        num_epoch=80,
        optimizer=optimizer,
        optimizer_params=params,
        initializer=mx.init.Xavier(),
    )
    assert module.score(mx.io.NDArrayIter(rows, labels, 20), "acc")[0][1] >= 0.95


def test_first_values_are_mxnets_for_a_seed(ctx):
    module = mx.mod.Module(mlp(), context=ctx)
    module.bind(DATA_SHAPES, LABEL_SHAPES)
    mx.random.seed(11)
    module.init_params()
    first = values(module)
    np.testing.assert_allclose(
        first["fc1_weight"].ravel()[:3], [-0.0040103458, 0.0023439145, 0.00019277725], rtol=1e-6
    )
    np.testing.assert_allclose(
        first["fc2_weight"].ravel()[:3], [0.0016467022, -0.0077534784, 0.0081746783], rtol=1e-6
    )
    assert not first["fc1_bias"].any()
    module.init_params(mx.init.Xavier(), force_init=True)
    again = values(module)
    np.testing.assert_allclose(
        again["fc1_weight"].ravel()[:3], [0.11321509, 0.20971012, -0.10915154], rtol=1e-6
    )
    np.testing.assert_allclose(
        again["fc2_weight"].ravel()[:3], [-0.048536658, 0.65372258, 0.37933427], rtol=1e-6
    )


def test_input_gradients_and_fixed_parameters(ctx):
    module = mx.mod.Module(mlp(), context=ctx, fixed_param_names=["fc1_weight"])
    module.bind(DATA_SHAPES, LABEL_SHAPES, inputs_need_grad=True)
    module.init_params(arg_params=WEIGHTS)
    module.init_optimizer(optimizer_params={"learning_rate": 0.1, "rescale_grad": 1.0})
    module.forward_backward(batch())
    module.update()
    (gradient,) = module.get_input_grads()
    recorded = [-0.3007023633, 0.2171332687, 0.7667702436, -0.3745992482, -0.2863967717, 0.0409756452]
    np.testing.assert_allclose(gradient.asnumpy()[0], recorded, rtol=1e-4)
    after = values(module)
    np.testing.assert_array_equal(after["fc1_weight"], WEIGHTS["fc1_weight"].asnumpy())
    np.testing.assert_allclose(
        after["fc2_bias"], [0.0755016729, -0.0307589024, -0.0936832875], rtol=1e-4, atol=1e-6
    )


def test_gradients_add_up_on_request(ctx):
    def moved(grad_req, rounds):
        module = ready(ctx, optimizer_params={"learning_rate": 1.0, "rescale_grad": 1.0}, grad_req=grad_req)
        for _ in range(rounds):
            module.forward_backward(batch())
        module.update()
        return values(module)["fc1_weight"] - WEIGHTS["fc1_weight"].asnumpy()

    np.testing.assert_allclose(moved("add", 3), 3 * moved("write", 1), rtol=1e-4, atol=1e-6)
    assert not moved("null", 1).any()


def test_backward_needs_a_module_bound_for_training(ctx):
    module = mx.mod.Module(mlp(), context=ctx)
    module.bind(DATA_SHAPES, LABEL_SHAPES, for_training=False)
    module.init_params(arg_params=WEIGHTS)
    module.forward(batch())
    with pytest.raises(mx.MXNetError, match="for_training"):
        module.backward()


def test_rescale_grad_is_one_over_the_batch_size(ctx):
    module = ready(ctx)
    assert module._optimizer.rescale_grad == 1 / 8
    with pytest.warns(UserWarning, match="rescale_grad"):
        module.init_optimizer(optimizer=mx.optimizer.SGD(), force_init=True)
    assert module._optimizer.idx2name == {0: "fc1_weight", 1: "fc1_bias", 2: "fc2_weight", 3: "fc2_bias"}


def test_fit_calls_back_with_parameters_and_batches(ctx):
    batches, epochs = [], []

    def at_batch(param):
        batches.append((param.epoch, param.nbatch, param.locals["self"]))

    def at_epoch(epoch, symbol, args, auxs):
        epochs.append((epoch, symbol.list_outputs(), sorted(args), auxs))

    module = mx.mod.Module(mlp(), context=ctx)
    module.fit(
        mx.io.NDArrayIter(ROWS, LABELS, 8),
        begin_epoch=2,
        num_epoch=4,
        batch_end_callback=at_batch,
        epoch_end_callback=[at_epoch],
    )
    assert batches == [(epoch, nbatch, module) for epoch in (2, 3) for nbatch in range(3)]
    assert epochs == [(epoch, ["softmax_output"], sorted(WEIGHTS), {}) for epoch in (2, 3)]


def test_second_fit_goes_on(ctx, caplog):
    module = mx.mod.Module(mlp(), context=ctx)
    iterator = mx.io.NDArrayIter(ROWS, LABELS, 8)
    module.fit(iterator, num_epoch=1, arg_params=WEIGHTS, aux_params={})
    first = values(module)
    optimizer = module._optimizer
    with pytest.warns(UserWarning, match="init_params call ignored"):
        module.fit(iterator, num_epoch=1, arg_params=WEIGHTS, aux_params={})
    assert "Already bound" in caplog.text
    assert "optimizer already initialized" in caplog.text
    assert module._optimizer is optimizer
    assert optimizer.num_update == 6
    assert not np.array_equal(values(module)["fc2_weight"], first["fc2_weight"])


def test_keyboard_interrupt_leaves_parameters_readable(ctx):
    def stop(param):
        if param.nbatch == 1:
            raise KeyboardInterrupt

    module = mx.mod.Module(mlp(), context=ctx)
    with pytest.raises(KeyboardInterrupt):
        module.fit(mx.io.NDArrayIter(ROWS, LABELS, 8), num_epoch=1, batch_end_callback=stop)
    assert all(np.isfinite(array).all() for array in values(module).values())
    module.fit(mx.io.NDArrayIter(ROWS, LABELS, 8), num_epoch=1, force_init=True)


# ---- prediction --------------------------------------------------------------------------------------------


def test_predict_forms(ctx):
    module = ready(ctx)
    whole = module.predict(mx.io.NDArrayIter(ROWS, LABELS, 8))
    assert whole.shape == (20, CLASSES)
    np.testing.assert_allclose(whole.asnumpy().sum(axis=1), 1, rtol=1e-5)
    parts = module.predict(mx.io.NDArrayIter(ROWS, LABELS, 8), merge_batches=False)
    assert [part[0].shape[0] for part in parts] == [8, 8, 4]
    np.testing.assert_array_equal(np.concatenate([part[0].asnumpy() for part in parts]), whole.asnumpy())
    (listed,) = module.predict(mx.io.NDArrayIter(ROWS, LABELS, 8), num_batch=1, always_output_list=True)
    assert listed.shape == (8, CLASSES)
    for source in (ROWS[:5], mx.nd.array(ROWS[:5])):
        np.testing.assert_allclose(module.predict(source).asnumpy(), whole.asnumpy()[:5], rtol=1e-5)
    with pytest.raises(ValueError, match="eval_data"):
        module.predict([1, 2])


def test_iter_predict_and_score_with_callbacks(ctx):
    module = ready(ctx)
    seen = [
        (nbatch, outputs[0].shape, given.pad)
        for outputs, nbatch, given in module.iter_predict(mx.io.NDArrayIter(ROWS, LABELS, 8))
    ]
    assert seen == [(0, (8, 3), 0), (1, (8, 3), 0), (2, (4, 3), 4)]
    calls = []
    result = module.score(
        mx.io.NDArrayIter(ROWS, LABELS, 8),
        "acc",
        num_batch=2,
        batch_end_callback=lambda param: calls.append(param.nbatch),
        score_end_callback=lambda param: calls.append(("end", param.nbatch)),
        epoch=7,
    )
    assert calls == [0, 1, ("end", 2)]
    hits = (module.predict(ROWS[:16]).asnumpy().argmax(axis=1) == LABELS[:16]).mean()
    assert result == [("accuracy", hits)]


def test_other_batch_sizes_reshape_with_the_same_parameters(ctx):
    module = ready(ctx)
    module.forward(batch(0, 8), is_train=False)
    whole = module.get_outputs()[0].asnumpy()
    for start, stop, labels in ((0, 5, True), (2, 5, False), (0, 8, True), (0, 8, False), (0, 3, False)):
        module.forward(batch(start, stop, labels), is_train=False)
        out = module.get_outputs()[0].asnumpy()
        assert module.output_shapes == [("softmax_output", (stop - start, CLASSES))]
        np.testing.assert_allclose(out, whole[start:stop], rtol=1e-5, atol=1e-7)


def test_training_after_a_reshape_uses_the_new_labels(ctx):
    def after(sizes):
        module = ready(ctx, optimizer_params={"learning_rate": 0.5, "rescale_grad": 0.1})
        for start, stop, train in sizes:
            module.forward(batch(start, stop, labels=train), is_train=train)
            if train:
                module.backward()
                module.update()
        return values(module)

    plain = after([(0, 12, True), (12, 16, True)])
    mixed = after([(0, 3, False), (0, 12, True), (0, 4, False), (12, 16, True)])
    for name, array in plain.items():
        np.testing.assert_allclose(mixed[name], array, rtol=1e-5, atol=1e-7, err_msg=name)


def test_explicit_reshape(ctx):
    module = ready(ctx)
    module.reshape([("data", (3, 6))], [("softmax_label", (3,))])
    assert module.data_shapes == [("data", (3, 6))]
    module.forward(batch(0, 3), is_train=False)
    assert module.get_outputs()[0].shape == (3, CLASSES)
    with pytest.raises(mx.MXNetError, match="fc1_weight"):
        module.reshape([("data", (3, 7))], [("softmax_label", (3,))])
    module.forward(batch(3, 6), is_train=False)
    assert module.get_outputs()[0].shape == (3, CLASSES)


# ---- parameters --------------------------------------------------------------------------------------------


def test_set_params_rules(ctx):
    module = ready(ctx)
    before = values(module)
    extra = {**WEIGHTS, "zz": mx.nd.zeros((3,))}
    module.set_params(extra, {})
    with pytest.raises(ValueError, match='Find name "zz" that is not in the arguments'):
        module.set_params(extra, {}, allow_missing=True)
    with pytest.raises(RuntimeError, match="fc1_bias is not presented"):
        module.set_params({"fc1_weight": mx.nd.zeros((8, 6))}, {})
    wrong = {**{name: array * 0 for name, array in WEIGHTS.items()}, "fc2_weight": mx.nd.zeros((2, 2))}
    with pytest.raises(mx.MXNetError, match=r"fc2_weight.*\(3, 8\).*\(2, 2\)"):
        module.set_params(wrong, {})
    assert_same(values(module), before)
    module.set_params({"fc2_bias": mx.nd.ones((3,))}, {}, allow_missing=True)
    assert values(module)["fc2_bias"].tolist() == [1, 1, 1]
    np.testing.assert_array_equal(values(module)["fc1_weight"], before["fc1_weight"])
    with pytest.warns(UserWarning, match="set_params call ignored|init_params call ignored"):
        module.set_params({"fc2_bias": mx.nd.zeros((3,))}, {}, allow_missing=True, force_init=False)


def test_failing_initializer_leaves_a_trained_module_as_it_was(ctx):
    module = ready(ctx)
    before = values(module)

    def break_down(desc, array):
        array[:] = 99
        if desc == "fc2_weight":
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        module.init_params(break_down, force_init=True)
    assert_same(values(module), before)


def test_params_given_in_part_are_completed_by_the_initializer(ctx):
    module = mx.mod.Module(mlp(), context=ctx)
    module.bind(DATA_SHAPES, LABEL_SHAPES)
    module.init_params(mx.init.One(), arg_params={"fc1_bias": WEIGHTS["fc1_bias"]}, allow_missing=True)
    after = values(module)
    np.testing.assert_array_equal(after["fc1_bias"], WEIGHTS["fc1_bias"].asnumpy())
    assert (after["fc1_weight"] == 1).all()
    assert (after["fc2_bias"] == 0).all()


def test_checkpoint_round_trip_with_optimizer(ctx, tmp_path, caplog):
    prefix = str(tmp_path / "net")
    params = {"learning_rate": 0.5, "momentum": 0.9}

    def steps(module, slices):
        for start in slices:
            module.forward_backward(batch(start, start + 8))
            module.update()

    straight = ready(ctx, optimizer_params=params)
    steps(straight, (0, 8, 4, 12))
    module = ready(ctx, optimizer_params=params)
    steps(module, (0, 8))
    with caplog.at_level(logging.INFO):
        module.save_checkpoint(prefix, 3, save_optimizer_states=True)
    assert sorted(os.listdir(tmp_path)) == ["net-0003.params", "net-0003.states", "net-symbol.json"]
    assert caplog.messages == [
        f'Saved checkpoint to "{prefix}-0003.params"',
        f'Saved optimizer state to "{prefix}-0003.states"',
    ]
    again = mx.mod.Module.load(prefix, 3, load_optimizer_states=True, context=ctx)
    again.bind(DATA_SHAPES, LABEL_SHAPES)
    again.init_optimizer(optimizer_params=params)
    assert_same(values(again), values(module))
    steps(again, (4, 12))
    for name, array in values(straight).items():
        np.testing.assert_allclose(values(again)[name], array, rtol=1e-6, atol=1e-7, err_msg=name)


def test_save_and_load_params(ctx, tmp_path):
    module = ready(ctx)
    path = str(tmp_path / "w.params")
    module.save_params(path)
    assert sorted(mx.nd.load(path)) == sorted(f"arg:{name}" for name in WEIGHTS)
    other = mx.mod.Module(mlp(), context=ctx)
    other.bind(DATA_SHAPES, LABEL_SHAPES)
    other.load_params(path)
    assert_same(values(other), values(module))


def test_what_a_loaded_checkpoint_lacks_stays_zero_and_is_named(ctx, tmp_path, caplog):
    prefix = str(tmp_path / "net")
    mx.model.save_checkpoint(prefix, 1, mlp(), {"fc1_weight": WEIGHTS["fc1_weight"]}, {})
    module = mx.mod.Module.load(prefix, 1, context=ctx)
    module.bind(DATA_SHAPES, LABEL_SHAPES)
    assert "fc1_bias is not among the loaded parameters" in caplog.text
    arguments = module.get_params()[0]
    assert_same(
        {"fc1_weight": arguments["fc1_weight"].asnumpy()}, {"fc1_weight": WEIGHTS["fc1_weight"].asnumpy()}
    )
    assert not arguments["fc1_bias"].asnumpy().any()


def test_a_loaded_predictor_is_silent_about_its_label(ctx, tmp_path, caplog):
    prefix = str(tmp_path / "net")
    ready(ctx).save_checkpoint(prefix, 1)
    caplog.clear()
    predictor = mx.mod.Module.load(prefix, 1, label_names=None, context=ctx)
    predictor.bind(DATA_SHAPES, for_training=False)
    assert not caplog.text
    assert_same(values(predictor), {**WEIGHTS, "softmax_label": np.zeros(8, np.float32)})


def test_rebinding_keeps_trained_parameters(ctx):
    module = ready(ctx)
    module.forward_backward(batch())
    module.update()
    trained = {name: array.copy() for name, array in values(module).items()}
    module.bind([("data", (4, 6))], [("softmax_label", (4,))], force_rebind=True)
    assert_same(values(module), trained)
    module.forward(batch(0, 4), is_train=False)
    assert module.get_outputs()[0].shape == (4, CLASSES)


def test_auxiliary_states_travel_with_the_parameters(ctx, tmp_path):
    layer = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=CLASSES, name="fc")
    net = mx.sym.SoftmaxOutput(mx.sym.BatchNorm(layer, fix_gamma=False, name="bn"), name="softmax")
    module = mx.mod.Module(net, context=ctx)
    module.bind(DATA_SHAPES, LABEL_SHAPES)
    mx.random.seed(2)
    module.init_params(mx.init.Xavier())
    args, auxs = module.get_params()
    assert (auxs["bn_moving_mean"].asnumpy() == 0).all()
    assert (auxs["bn_moving_var"].asnumpy() == 1).all()
    assert (args["bn_gamma"].asnumpy() == 1).all()
    module.init_optimizer()
    module.forward_backward(batch())
    module.update()
    moved = module.get_params()[1]["bn_moving_mean"].asnumpy()
    assert moved.any()
    prefix = str(tmp_path / "bn")
    module.save_checkpoint(prefix, 1)
    again = mx.mod.Module.load(prefix, 1, context=ctx)
    again.bind(DATA_SHAPES, LABEL_SHAPES, for_training=False)
    np.testing.assert_array_equal(again.get_params()[1]["bn_moving_mean"].asnumpy(), moved)
    np.testing.assert_allclose(
        again.predict(ROWS[:8]).asnumpy(), module.predict(ROWS[:8]).asnumpy(), rtol=1e-5, atol=1e-6
    )


def test_shared_module_trains_the_same_parameters(ctx):
    module = ready(ctx)
    other = mx.mod.Module(mlp(), context=ctx)
    other.bind([("data", (4, 6))], [("softmax_label", (4,))], shared_module=module)
    assert other.optimizer_initialized
    other.forward_backward(batch(0, 4))
    other.update()
    module.forward(batch(0, 8), is_train=False)
    other.forward(batch(0, 4), is_train=False)
    np.testing.assert_allclose(
        module.get_outputs()[0].asnumpy()[:4], other.get_outputs()[0].asnumpy(), rtol=1e-5, atol=1e-7
    )
    assert not np.array_equal(values(other)["fc1_weight"], WEIGHTS["fc1_weight"].asnumpy())


def test_states_are_neither_data_nor_parameters(ctx):
    data, state = mx.sym.Variable("data"), mx.sym.Variable("state")
    net = mx.sym.LinearRegressionOutput(
        mx.sym.FullyConnected(mx.sym.elemwise_add(data, state), num_hidden=1, no_bias=True, name="fc"),
        name="lr",
    )
    module = mx.mod.Module(net, label_names=["lr_label"], state_names=["state"], context=ctx)
    module.bind([("data", (2, 3))], [("lr_label", (2, 1))])
    module.init_params(mx.init.One())
    assert list(module.get_params()[0]) == ["fc_weight"]
    module.set_states(value=2.0)
    module.forward(mx.io.DataBatch([mx.nd.ones((2, 3))]), is_train=False)
    assert module.get_outputs()[0].asnumpy().tolist() == [[9], [9]]
    module.set_states(states=[mx.nd.zeros((2, 3))])
    assert not module.get_states()[0].asnumpy().any()
    with pytest.raises(ValueError, match="either states or value"):
        module.set_states()


# ---- monitor -----------------------------------------------------------------------------------------------


def test_monitor_watches_through_reshapes(ctx):
    module = ready(ctx)
    monitor = mx.mon.Monitor(2, pattern="fc2.*|softmax_output", sort=True)
    module.install_monitor(monitor)
    steps = []
    for size in (8, 8, 5, 8):
        monitor.tic()
        module.forward(batch(0, size), is_train=False)
        steps.append(monitor.toc())
    assert [bool(rows) for rows in steps] == [True, False, True, False]
    for rows, step in ((steps[0], 1), (steps[2], 3)):
        assert [name for _, name, _ in rows] == ["fc2_bias", "fc2_output", "fc2_weight", "softmax_output"]
        assert {number for number, _, _ in rows} == {step}
    weight = WEIGHTS["fc2_weight"].asnumpy()
    shown = float(steps[0][2][2].rstrip("\t"))
    assert shown == pytest.approx(np.linalg.norm(weight) / np.sqrt(weight.size), rel=1e-5)


def test_monitor_with_own_statistic_prints(ctx, caplog):
    module = mx.mod.Module(mlp(), context=ctx)
    monitor = mx.mon.Monitor(1, stat_func=lambda array: array.shape[0], pattern="act_output")
    with caplog.at_level(logging.INFO):
        module.fit(mx.io.NDArrayIter(ROWS[:16], LABELS[:16], 8), num_epoch=1, monitor=monitor)
    rows = [message.split() for message in caplog.messages if message.startswith("Batch:")]
    assert rows == [["Batch:", "1", "act_output", "8"], ["Batch:", "2", "act_output", "8"]]


# ---- errors ------------------------------------------------------------------------------------------------


def test_names_are_checked():
    with pytest.raises(ValueError, match=r"data_names.*'dat'.*data, softmax_label"):
        mx.mod.Module(mlp(), data_names=["dat"])
    with pytest.warns(UserWarning, match="label_names.*'lab'"):
        mx.mod.Module(mlp(), label_names=["lab"])
    with pytest.raises(ValueError, match="fixed_param"):
        mx.mod.Module(mlp(), fixed_param_names=["fc9_weight"])
    with pytest.raises(ValueError, match="don't match names specified by data_names"):
        mx.mod.Module(mlp()).bind([("dat", (2, 3))], LABEL_SHAPES)
    with pytest.warns(UserWarning, match="label_shapes don't match"):
        mx.mod.Module(mlp()).bind(DATA_SHAPES)


def test_label_the_symbol_lacks_is_ignored_after_the_warning(ctx):
    net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=CLASSES, name="fc")
    with pytest.warns(UserWarning, match="softmax_label"):
        module = mx.mod.Module(net, context=ctx)
    module.bind(DATA_SHAPES, LABEL_SHAPES)
    module.init_params(mx.init.One())
    module.forward(batch(), is_train=False)
    np.testing.assert_allclose(module.get_outputs()[0].asnumpy()[:, 0], ROWS[:8].sum(axis=1), rtol=1e-5)


def test_steps_out_of_order_say_what_is_missing():
    module = mx.mod.Module(mlp())
    for step in (
        lambda: module.forward(batch()),
        module.backward,
        module.update,
        module.get_params,
        module.init_params,
        module.init_optimizer,
        lambda: module.data_shapes,
        lambda: module.predict(ROWS),
    ):
        with pytest.raises(mx.MXNetError, match="not bound yet; call bind"):
            step()
    module.bind(DATA_SHAPES, LABEL_SHAPES)
    for step in (lambda: module.forward(batch()), module.get_params, module.init_optimizer):
        with pytest.raises(mx.MXNetError, match="call init_params"):
            step()
    module.init_params()
    for step in (module.update, lambda: module.save_optimizer_states("x")):
        with pytest.raises(mx.MXNetError, match="call init_optimizer"):
            step()
    with pytest.raises(mx.MXNetError, match="inputs_need_grad"):
        module.get_input_grads()


def test_bad_batches_change_nothing(ctx):
    module = ready(ctx)
    with pytest.raises(mx.MXNetError, match="1 data arrays"):
        module.forward(mx.io.DataBatch([mx.nd.ones((8, 6))] * 2))
    with pytest.raises(mx.MXNetError, match="fc1_weight"):
        module.forward(mx.io.DataBatch([mx.nd.ones((8, 7))], [mx.nd.ones((8,))]))
    with pytest.raises(mx.MXNetError, match="softmax_label"):
        module.forward(mx.io.DataBatch([mx.nd.ones((8, 6))], [mx.nd.ones((4,))]))
    assert module.data_shapes == DATA_SHAPES
    module.forward(batch(), is_train=False)
    assert module.get_outputs()[0].shape == (8, CLASSES)


def test_bind_that_fails_leaves_the_module_unbound(ctx):
    module = mx.mod.Module(mlp(), context=ctx)
    with pytest.raises((RuntimeError, mx.MXNetError)):
        module.bind([("data", (8, 6))], [("softmax_label", (8, 5, 5))])
    assert not module.binded
    module.bind(DATA_SHAPES, LABEL_SHAPES)


def test_arguments_are_checked(ctx):
    with pytest.raises(ValueError, match="num_epoch"):
        mx.mod.Module(mlp()).fit(mx.io.NDArrayIter(ROWS, LABELS, 8))
    for wrong in ([], "cpu", [mx.cpu(), 0]):
        with pytest.raises(mx.MXNetError, match="context must be"):
            mx.mod.Module(mlp(), context=wrong)
    with pytest.raises(ValueError, match="for_training"):
        mx.mod.Module(mlp()).bind(DATA_SHAPES, LABEL_SHAPES, for_training=False, inputs_need_grad=True)
    module = ready(ctx)
    with pytest.raises(ValueError, match="grad_req"):
        module.bind(DATA_SHAPES, LABEL_SHAPES, force_rebind=True, grad_req=3)
    with pytest.raises(ValueError, match="Cannot find optimizer"):
        module.init_optimizer(optimizer="nope", force_init=True)
    with pytest.raises(TypeError, match="optimizer"):
        module.init_optimizer(optimizer=3, force_init=True)
    with pytest.raises(mx.MXNetError, match="several processes"):
        module.init_optimizer(kvstore="dist_sync", force_init=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        module.forward_backward(batch())
        module.update()


# ---- what programs rely on ---------------------------------------------------------------------------------


def test_parameters_of_a_loaded_module_before_it_is_bound(tmp_path):
    prefix = str(tmp_path / "net")
    mx.model.save_checkpoint(prefix, 1, mlp(), WEIGHTS, {})

    class Mine(mx.mod.Module):
        pass

    module = Mine.load(prefix, 1)
    assert type(module) is Mine
    assert_same(values(module), {name: array.asnumpy() for name, array in WEIGHTS.items()})
    module.save_params(prefix + ".params")
    assert sorted(mx.nd.load(prefix + ".params")) == sorted(f"arg:{name}" for name in WEIGHTS)


def test_prediction_without_label_shapes_follows_the_batch_size(ctx):
    """The labels of the network are never described; their arrays follow by inference."""
    module = mx.mod.Module(mlp(), context=ctx)
    with pytest.warns(UserWarning, match="label_shapes"):
        module.bind([("data", (1, 6))], for_training=False)
    module.set_params(WEIGHTS, {})
    module.init_optimizer()
    with pytest.raises(mx.MXNetError, match="for_training=False"):
        module.update()
    for size in (1, 5, 2):
        assert module.predict(ROWS[:size]).shape == (size, CLASSES)
    metric = mx.metric.create("acc")
    module.update_metric(metric, [mx.nd.array(LABELS[:2])])
    assert metric.num_inst == 2


def test_arrays_are_predicted_in_inference_mode(ctx):
    """MXNet runs an array through a module bound for training with Dropout at work."""
    net = mx.sym.Dropout(mx.sym.Variable("data"), p=0.5)
    module = mx.mod.Module(net, label_names=None, context=ctx)
    module.bind([("data", (20, 6))])
    module.init_params()
    np.testing.assert_array_equal(module.predict(ROWS).asnumpy(), ROWS)


def test_values_nobody_gives(ctx):
    module = mx.mod.Module(mlp(), context=ctx)
    module.bind(DATA_SHAPES, LABEL_SHAPES)
    for call in (lambda: module.init_params(None), lambda: module.set_params(None, {})):
        with pytest.raises(RuntimeError, match="fc1_weight is not presented"):
            call()
    assert not module.params_initialized
    module.set_params(WEIGHTS, None)
    assert_same(values(module), {name: array.asnumpy() for name, array in WEIGHTS.items()})


def test_the_type_of_a_variable_wins_over_the_iterators(ctx):
    net = mx.sym.FullyConnected(mx.sym.Variable("data", dtype="float16"), num_hidden=2, name="fc")
    module = mx.mod.Module(net, label_names=None, context=ctx)
    module.bind([("data", (3, 6))], for_training=False)
    module.init_params(mx.init.One())
    module.forward(mx.io.DataBatch([mx.nd.array(ROWS[:3])]))
    assert module.get_outputs()[0].dtype == np.float16
    assert module.get_params()[0]["fc_weight"].dtype == np.float16


def test_sparse_rows_are_refused(ctx):
    module = ready(ctx)
    with pytest.warns(UserWarning, match="No need to call sparse_row_id_fn"):
        module.prepare(batch(), lambda given: {})
    module.init_optimizer(kvstore=mx.kv.create("local"), force_init=True)
    with pytest.raises(mx.MXNetError, match="row_sparse parameters, which cysym does not have"):
        module.prepare(batch(), lambda given: {})


def test_modules_that_share_say_when_saved_values_are_gone(ctx):
    module = ready(ctx)
    other = mx.mod.Module(mlp(), context=ctx)
    other.bind([("data", (4, 6))], [("softmax_label", (4,))], shared_module=module)
    module.forward(batch(), is_train=True)
    other.forward(batch(0, 4), is_train=True)
    with pytest.raises(mx.MXNetError, match="call forward"):
        module.backward()
    module.forward_backward(batch())
    module.update()


def test_sharing_ends_with_another_bind(ctx):
    module = ready(ctx)
    other = mx.mod.Module(mlp(), context=ctx)
    other.bind([("data", (4, 6))], [("softmax_label", (4,))], shared_module=module)
    other.bind([("data", (4, 6))], [("softmax_label", (4,))], force_rebind=True)
    before = values(module)
    other.init_params(mx.init.One(), force_init=True)
    assert (values(other)["fc1_weight"] == 1).all()
    assert_same(values(module), before)
    with pytest.raises(mx.MXNetError, match="no optimizer"):
        module.borrow_optimizer(mx.mod.Module(mlp()))
    with pytest.raises(mx.MXNetError, match="shared_module must be a bound Module"):
        other.bind(DATA_SHAPES, LABEL_SHAPES, force_rebind=True, shared_module=mx.mod.Module(mlp()))


def test_outputs_and_gradients_by_context(ctx):
    """One context is the simplest case of several: lists of one."""
    module = ready(ctx, inputs_need_grad=True)
    module.forward_backward(batch())
    for call in (module.get_outputs, module.get_input_grads):
        merged, parts = call(), call(merge_multi_context=False)
        assert len(parts) == len(merged) == 1
        np.testing.assert_array_equal(parts[0][0].asnumpy(), merged[0].asnumpy())
    assert module.get_states(merge_multi_context=False) == []


def test_steps_of_a_module_of_ones_own():
    class Empty(mx.mod.BaseModule):
        pass

    module = Empty()
    with pytest.raises(NotImplementedError, match="Empty must define forward"):
        module.forward(batch())
    with pytest.raises(mx.MXNetError, match="get_states: the module is not bound yet"):
        module.get_states()
    module.binded = module.params_initialized = True
    assert module.get_states() == []
    module.set_states()
    with pytest.raises(ValueError, match="Empty has no states"):
        module.set_states(value=1)
