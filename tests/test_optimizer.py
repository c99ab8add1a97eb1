"""Optimizers, updaters, their state files and learning rate schedules, against numbers from MXNet 1.9.1."""

import base64
import logging
import os
import pickle

import numpy as np
import pytest

import cysym as mx
from cysym.base import FormatError

WEIGHT = [[1.0, -2.0, 3.0], [0.5, 0.25, -4.0]]
GRADS = [
    [[4.0, -8.0, 1.0], [2.0, 0.5, -1.0]],
    [[1.0, 1.0, -1.0], [-20.0, 3.0, 2.0]],
    [[0.0, 2.0, 4.0], [1.0, 1.0, 1.0]],
]

# WEIGHT after the three GRADS, from MXNet 1.9.1.
TRAJECTORIES = [
    ("sgd", {"learning_rate": 0.1}, [0.5, -1.50000012, 2.5999999, 2.20000005, -0.200000018, -4.19999981]),
    (
        "sgd",
        {"learning_rate": 0.1, "wd": 0.01, "clip_gradient": 1.5, "rescale_grad": 0.5},
        [0.797352791, -1.9942559, 2.84105897, 0.498551428, 0.0244507119, -4.08801222],
    ),
    (
        "sgd",
        {"learning_rate": 0.1, "momentum": 0.9, "wd": 0.01, "rescale_grad": 0.5},
        [0.358204663, -1.10125923, 2.74282432, 2.07557726, -0.153906345, -4.08216953],
    ),
    (
        "adam",
        {"learning_rate": 0.1},
        [0.752733231, -1.81518793, 2.84638429, 0.516226053, -0.016360037, -3.98853445],
    ),
    (
        "adam",
        {
            "learning_rate": 0.1,
            "beta1": 0.8,
            "beta2": 0.9,
            "epsilon": 1e-3,
            "wd": 0.01,
            "clip_gradient": 1.5,
            "rescale_grad": 0.5,
        },
        [0.749221683, -1.87944114, 2.84560823, 0.432256579, -0.0165762231, -3.99024081],
    ),
]

# Updater.get_states() of MXNet 1.9.1 after the same three steps of SGD(momentum=0.9, learning_rate=0.1).
MXNET_STATES = base64.b64decode(
    "gASVnAAAAAAAAAB9lEsAjBVteG5ldC5uZGFycmF5Lm5kYXJyYXmUjAdOREFycmF5lJOUToWUUpR9lIwGaGFuZGxllIwIYnVpbHRpbnOU"
    "jAlieXRlYXJyYXmUk5RDQMn6k/kAAAAAAgAAAAIAAAAAAAAAAwAAAAAAAAABAAAAAAAAAAAAAADO99O+xEu3PicxyL4v3cQ/Di3SvqjG"
    "S76UhZRSlHNicy4="
)


def trained(updater, ctx, steps=GRADS, dtype="float32"):
    weight = mx.nd.array(WEIGHT, ctx=ctx, dtype=dtype)
    for grad in steps:
        updater(0, mx.nd.array(grad, ctx=ctx, dtype=dtype), weight)
    return weight.asnumpy().ravel()


@pytest.mark.parametrize(("name", "arguments", "expected"), TRAJECTORIES)
def test_three_steps_match_mxnet(ctx, name, arguments, expected):
    optimizer = mx.optimizer.create(name, param_idx2name={0: "fc_weight"}, **arguments)
    updater = mx.optimizer.get_updater(optimizer)
    np.testing.assert_allclose(trained(updater, ctx), expected, rtol=1e-5, atol=3e-6)


def test_options_of_one_optimizer_do_not_reach_the_next(ctx):
    for name, arguments, expected in TRAJECTORIES[::-1] + TRAJECTORIES:
        optimizer = mx.optimizer.create(name, param_idx2name={0: "fc_weight"}, **arguments)
        moved = trained(mx.optimizer.get_updater(optimizer), ctx)
        np.testing.assert_allclose(moved, expected, rtol=1e-5, atol=3e-6, err_msg=f"{name} {arguments}")


def test_many_parameters_in_one_call_equal_single_calls():
    def run(together):
        updater = mx.optimizer.get_updater(mx.optimizer.SGD(learning_rate=0.1, momentum=0.9))
        weights = [mx.nd.array(WEIGHT), mx.nd.array(WEIGHT) * 2]
        grads = [mx.nd.array(GRADS[0]), mx.nd.array(GRADS[1])]
        for _ in range(2):
            if together:
                updater([0, 1], grads, weights)
            else:
                updater(0, grads[0], weights[0])
                updater(1, grads[1], weights[1])
        return [weight.asnumpy() for weight in weights]

    for one, other in zip(run(True), run(False), strict=True):
        np.testing.assert_array_equal(one, other)


def test_scheduler_sets_the_rate_and_takes_over_learning_rate(caplog):
    schedule = mx.lr_scheduler.FactorScheduler(1, 0.5)
    with caplog.at_level(logging.WARNING):
        optimizer = mx.optimizer.SGD(learning_rate=0.1, momentum=0.9, lr_scheduler=schedule)
    assert "base_lr" in caplog.text
    expected = [-0.17899996, 0.0229998231, 2.72400022, 1.83299994, -0.195500016, -3.94400001]
    np.testing.assert_allclose(
        trained(mx.optimizer.get_updater(optimizer), mx.cpu()), expected, rtol=1e-5, atol=1e-6
    )
    assert optimizer.num_update == 3
    assert optimizer.learning_rate == pytest.approx(0.025)
    with pytest.raises(UserWarning):
        optimizer.set_learning_rate(1.0)


def step_sizes(optimizer, names):
    """How far each parameter moves on a gradient of one."""
    updater = mx.optimizer.get_updater(optimizer)
    moved = {}
    for index, name in enumerate(names):
        weight = mx.nd.ones((2, 2))
        updater(index, mx.nd.ones((2, 2)), weight)
        moved[name] = round(float(1 - weight.asnumpy()[0, 0]), 6)
    return moved


def test_weight_decay_applies_to_weights_and_gammas_only():
    names = ["fc_weight", "fc_bias", "bn_gamma", "bn_beta", "scale"]
    optimizer = mx.optimizer.SGD(learning_rate=0.1, wd=1.0, param_idx2name=dict(enumerate(names)))
    assert step_sizes(optimizer, names) == {
        "fc_weight": 0.2,
        "fc_bias": 0.1,
        "bn_gamma": 0.2,
        "bn_beta": 0.1,
        "scale": 0.1,
    }
    optimizer.set_wd_mult({"scale": 2.0, 0: 0.0})
    moved = step_sizes(optimizer, names)
    assert (moved["scale"], moved["fc_weight"], moved["fc_bias"]) == (0.3, 0.1, 0.1)


def test_multipliers_from_symbol_names_and_indices():
    weight = mx.sym.Variable("fc_weight", lr_mult=3.0, wd_mult=0.5)
    net = mx.sym.FullyConnected(mx.sym.Variable("data"), weight=weight, num_hidden=2, name="fc")
    names = {0: "fc_weight", 1: "fc_bias"}
    optimizer = mx.optimizer.SGD(learning_rate=0.1, wd=1.0, sym=net, param_idx2name=names)
    assert optimizer.lr_mult == {"fc_weight": 3.0}
    assert optimizer.wd_mult == {"fc_bias": 0.0, "fc_weight": 0.5}
    assert step_sizes(optimizer, names.values()) == {"fc_weight": 0.45, "fc_bias": 0.1}
    optimizer.set_lr_mult({"fc_bias": 0.0, 0: 1.0})
    assert step_sizes(optimizer, names.values()) == {"fc_weight": 0.15, "fc_bias": 0.0}


def test_states_survive_a_file_round_trip(ctx):
    for name in ("sgd", "adam"):
        options = {"momentum": 0.9} if name == "sgd" else {}

        def make(name=name, options=options):
            return mx.optimizer.get_updater(mx.optimizer.create(name, learning_rate=0.1, **options))

        straight = trained(make(), ctx)
        first = make()
        weight = mx.nd.array(WEIGHT, ctx=ctx)
        for grad in GRADS[:2]:
            first(0, mx.nd.array(grad, ctx=ctx), weight)
        second = make()
        second.set_states(first.get_states())
        second.optimizer.begin_num_update = 2
        second(0, mx.nd.array(GRADS[2], ctx=ctx), weight)
        np.testing.assert_allclose(weight.asnumpy().ravel(), straight, rtol=1e-6)


def test_states_written_by_mxnet_are_read():
    updater = mx.optimizer.get_updater(mx.optimizer.SGD(momentum=0.9, learning_rate=0.1))
    updater.set_states(MXNET_STATES)
    reference = mx.optimizer.get_updater(mx.optimizer.SGD(momentum=0.9, learning_rate=0.1))
    trained(reference, mx.cpu())
    np.testing.assert_allclose(updater.states[0].asnumpy(), reference.states[0].asnumpy(), rtol=1e-6)


def test_states_with_optimizer():
    schedule = mx.lr_scheduler.FactorScheduler(1, 0.5)
    updater = mx.optimizer.get_updater(mx.optimizer.Adam(learning_rate=0.1, lr_scheduler=schedule))
    trained(updater, mx.cpu())
    other = mx.optimizer.get_updater(mx.optimizer.SGD())
    other.set_states(updater.get_states(dump_optimizer=True))
    assert isinstance(other.optimizer, mx.optimizer.Adam)
    assert other.optimizer is not updater.optimizer
    assert other.optimizer.num_update == 3
    assert other.optimizer.learning_rate == updater.optimizer.learning_rate


def test_plain_numpy_states_are_read():
    content = {0: None, 1: np.arange(3, dtype="float32"), "x": (np.float64(2), [1, 2.5, True])}
    updater = mx.optimizer.get_updater(mx.optimizer.SGD())
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        updater.set_states(pickle.dumps(content, protocol=protocol))
        assert updater.states[0] is None
        assert isinstance(updater.states[1], mx.nd.NDArray)
        assert updater.states[1].asnumpy().tolist() == [0, 1, 2]
        assert updater.states["x"] == (2.0, [1, 2.5, True])


class _Call:
    def __init__(self, function, *arguments):
        self.parts = function, arguments

    def __reduce__(self):
        return self.parts


@pytest.mark.parametrize(
    "data",
    [
        pickle.dumps({0: _Call(os.getenv, "HOME")}),
        pickle.dumps({0: _Call(eval, "1 + 1")}),
        pickle.dumps({0: _Call(getattr, dict, "clear")}),
        pickle.dumps({0: mx.optimizer.Updater}),
        pickle.dumps([1, 2]),
        MXNET_STATES[:-20],
        b"",
        b"not a pickle",
    ],
)
def test_states_that_are_no_states_are_refused(data):
    updater = mx.optimizer.get_updater(mx.optimizer.SGD(momentum=0.9))
    trained(updater, mx.cpu(), GRADS[:1])
    before = updater.states[0].asnumpy()
    with pytest.raises(FormatError):
        updater.set_states(data)
    np.testing.assert_array_equal(updater.states[0].asnumpy(), before)


def test_float16_with_and_without_master_copy():
    optimizer = mx.optimizer.SGD(learning_rate=0.1, momentum=0.9, multi_precision=True)
    updater = mx.optimizer.get_updater(optimizer)
    expected = trained(mx.optimizer.get_updater(mx.optimizer.SGD(learning_rate=0.1, momentum=0.9)), mx.cpu())
    np.testing.assert_allclose(trained(updater, mx.cpu(), dtype="float16"), expected, rtol=2e-3)
    momentum, master = updater.states[0]
    assert (momentum.dtype, master.dtype) == (np.float32, np.float32)
    np.testing.assert_allclose(master.asnumpy().ravel(), expected, rtol=1e-5)
    with pytest.warns(UserWarning, match="multi_precision"):
        trained(mx.optimizer.get_updater(mx.optimizer.SGD()), mx.cpu(), dtype="float16")


def test_create_and_register():
    assert isinstance(mx.optimizer.create("SGD", momentum=0.5), mx.optimizer.SGD)
    with pytest.raises(ValueError, match="Cannot find optimizer nope"):
        mx.optimizer.create("nope")

    @mx.optimizer.register
    class SignForTest(mx.optimizer.Optimizer):
        def update(self, index, weight, grad, state):
            weight[:] = weight - self.learning_rate * mx.nd.array(np.sign(grad.asnumpy()))

    updater = mx.optimizer.get_updater(mx.optimizer.create("signfortest", learning_rate=0.5))
    weight = mx.nd.zeros((2,))
    updater(0, mx.nd.array([3.0, -1.0]), weight)
    assert weight.asnumpy().tolist() == [-0.5, 0.5]
    with pytest.raises(TypeError):
        mx.optimizer.register(dict)
    with pytest.raises(NotImplementedError, match="update"):
        mx.optimizer.Optimizer().update(0, weight, weight, None)


# schedule, rates of updates 1 to 8 by MXNet 1.9.1
SCHEDULES = [
    (
        mx.lr_scheduler.PolyScheduler,
        {"max_update": 6, "base_lr": 1, "pwr": 2, "final_lr": 0.1, "warmup_steps": 2, "warmup_begin_lr": 0.2},
        [0.6, 1.0, 0.60625, 0.325, 0.15625, 0.1, 0.1, 0.1],
    ),
    (
        mx.lr_scheduler.CosineScheduler,
        {"max_update": 6, "base_lr": 1, "final_lr": 0.1},
        [0.939711432, 0.775, 0.55, 0.325, 0.160288568, 0.1, 0.1, 0.1],
    ),
    (
        mx.lr_scheduler.FactorScheduler,
        {
            "step": 2,
            "factor": 0.5,
            "stop_factor_lr": 0.2,
            "base_lr": 1,
            "warmup_steps": 2,
            "warmup_begin_lr": 0.5,
            "warmup_mode": "constant",
        },
        [0.5, 1.0, 0.5, 0.5, 0.25, 0.25, 0.2, 0.2],
    ),
    (
        mx.lr_scheduler.MultiFactorScheduler,
        {"step": [2, 5], "factor": 0.1, "base_lr": 1},
        [1.0, 1.0, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01],
    ),
]


@pytest.mark.parametrize(("kind", "arguments", "expected"), SCHEDULES)
def test_schedules_match_mxnet(kind, arguments, expected):
    schedule = kind(**arguments)
    assert [schedule(n) for n in range(1, 9)] == pytest.approx(expected, rel=1e-6)


def test_decay_resumed_past_its_end_gives_the_final_rate():
    assert mx.lr_scheduler.PolyScheduler(10, base_lr=1.0, final_lr=0.2)(50) == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: mx.lr_scheduler.FactorScheduler(0), "at least 1"),
        (lambda: mx.lr_scheduler.FactorScheduler(1, 1.5), "at most 1"),
        (lambda: mx.lr_scheduler.MultiFactorScheduler([3, 2]), "increasing"),
        (lambda: mx.lr_scheduler.MultiFactorScheduler([]), "at least one"),
        (lambda: mx.lr_scheduler.PolyScheduler(0), "max_update"),
        (lambda: mx.lr_scheduler.CosineScheduler(5, warmup_steps=5), "warmup_steps"),
        (lambda: mx.lr_scheduler.FactorScheduler(1, warmup_steps=-1), "warmup_steps"),
        (lambda: mx.lr_scheduler.FactorScheduler(1, warmup_mode="x"), "warmup_mode"),
        (lambda: mx.lr_scheduler.FactorScheduler(1, warmup_begin_lr=1.0), "warmup_begin_lr"),
    ],
)
def test_schedule_arguments_are_checked(make, words):
    with pytest.raises(ValueError, match=words):
        make()
