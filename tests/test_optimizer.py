"""Optimizers and updaters; most is in recorded/programs/optimizer.py, here is what those cannot show.

Files of states have test_optimizer_states.py, schedules test_lr_scheduler.py.
"""

import logging

import numpy as np
import pytest

import cysym as mx

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


# --- lists --------------------------------------------------------------------------------------------------
def many(name, size, count=11, dtype="float32", **options):
    """Weights and states of `count` parameters after three lists of updates."""
    optimizer = mx.optimizer.create(name, **options)
    optimizer.aggregate_num = size
    updater = mx.optimizer.get_updater(optimizer)
    weights = [mx.nd.array(np.arange(k + 1) / 7 - 0.5, dtype=dtype) for k in range(count)]
    for step in range(3):
        grads = [mx.nd.array(np.sin(np.arange(k + 1) + step), dtype=dtype) for k in range(count)]
        updater(list(range(count)), grads, weights)
    return [w.asnumpy() for w in weights]


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("name", ["sgd", "lamb", "lars"])
def test_the_size_of_a_group_changes_no_bit(name, dtype):
    options = {"learning_rate": 0.1, "wd": 0.1, "multi_precision": True}
    options |= {} if name == "lamb" else {"momentum": 0.9}
    expected = many(name, 1, dtype=dtype, **options)
    for size in (2, 4, 45):
        for one, other in zip(many(name, size, dtype=dtype, **options), expected, strict=True):
            np.testing.assert_array_equal(one, other)


def test_sgd_is_the_operator_for_many_weights(ctx):
    """What MXNet's SGD calls gives the same bits as one operator per weight."""
    rng = np.random.default_rng(3)
    values = [rng.standard_normal(n).astype("float32") for n in (3, 17, 100)]
    updater = mx.optimizer.get_updater(mx.optimizer.SGD(learning_rate=0.1, momentum=0.9, wd=0.01))
    ours, theirs = ([mx.nd.array(v, ctx) for v in values] for _ in range(2))
    momenta = [mx.nd.zeros(v.shape, ctx) for v in values]
    for _ in range(3):
        grads = [w * 0.5 + 1 for w in ours]
        updater([0, 1, 2], grads, ours)
        arrays = [a for of_one in zip(theirs, grads, momenta, strict=True) for a in of_one]
        mx.nd.multi_sgd_mom_update(
            *arrays, out=theirs, num_weights=3, lrs=[0.1] * 3, wds=[0.01] * 3, momentum=0.9
        )
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a.asnumpy(), b.asnumpy())


def test_groups_have_the_size_the_environment_says(monkeypatch):
    seen = []

    class Watched(mx.optimizer.SGD):
        def update_multi_precision(self, index, weight, grad, state):
            seen.append((type(index), index, len(weight), len(grad), len(state)))
            super().update_multi_precision(index, weight, grad, state)

    for text, sizes in (("3", [3, 2]), ("1", [1] * 5)):
        monkeypatch.setenv("MXNET_OPTIMIZER_AGGREGATION_SIZE", text)
        updater = mx.optimizer.get_updater(Watched())
        seen.clear()
        updater(list("abcde"), [mx.nd.ones((2,))] * 5, [mx.nd.ones((2,)) for _ in range(5)])
        assert [s[2:] for s in seen] == [(n, n, n) for n in sizes]
        assert seen[0][:2] == (tuple, tuple("abcde"[: sizes[0]]))
    monkeypatch.setenv("MXNET_OPTIMIZER_AGGREGATION_SIZE", "100")
    assert (mx.optimizer.LAMB().aggregate_num, mx.optimizer.LARS().aggregate_num) == (45, 100)
    monkeypatch.setenv("MXNET_OPTIMIZER_AGGREGATION_SIZE", "many")
    with pytest.raises(ValueError, match=r"AGGREGATION_SIZE.*'many'"):
        mx.optimizer.SGD()


def test_an_updater_without_groups_gets_one_parameter_at_a_time(monkeypatch):
    monkeypatch.setenv("MXNET_OPTIMIZER_AGGREGATION_SIZE", "0")
    for name in ("sgd", "lars"):
        updater = mx.optimizer.get_updater(mx.optimizer.create(name, learning_rate=0.5))
        weight = mx.nd.ones((2,))
        updater([0], [mx.nd.ones((2,))], [weight])
        updater(b"key", mx.nd.ones((2,)), weight)
        assert list(updater.states) == [0, "key"]
        assert (weight.asnumpy() < 1).all()


def test_lists_of_different_lengths_change_nothing():
    updater = mx.optimizer.get_updater(mx.optimizer.Adam())
    weight = mx.nd.ones((2,))
    with pytest.raises(ValueError, match="2 indices, 1 gradients, 1 weights"):
        updater([0, 1], [weight], [weight])
    updater([], [], [])
    assert updater.states == {}


# --- arguments ----------------------------------------------------------------------------------------------
ALL = sorted(set(mx.optimizer.Optimizer.opt_registry) - {"groupadagrad"})


@pytest.mark.parametrize("name", ALL)
def test_numbers_of_any_type(name, ctx):
    """Whole numbers and NumPy's do what floats do."""
    after = []
    for kind in (float, int, np.float32, np.float64, np.int64):
        mx.random.seed(1)
        options = {"rescale_grad": kind(2), "clip_gradient": kind(1), "wd": kind(0)}
        if name not in ("adadelta", "test"):
            options["learning_rate"] = kind(1)
        updater = mx.optimizer.get_updater(mx.optimizer.create(name, **options))
        weight = mx.nd.array([1.0, -2.0, 0.5], ctx)
        updater(0, mx.nd.array([0.25, 1.0, -1.0], ctx), weight)
        after.append(weight.asnumpy())
    for other in after[1:]:
        np.testing.assert_array_equal(after[0], other)


@pytest.mark.parametrize("name", ALL)
def test_a_gradient_of_another_shape_changes_nothing(name, ctx):
    updater = mx.optimizer.get_updater(mx.optimizer.create(name))
    weight = mx.nd.array([1.0, -2.0, 0.5], ctx)
    with pytest.raises(mx.MXNetError, match=r"\b3\b.*\b7\b|\b7\b.*\b3\b"):
        updater(0, mx.nd.ones((7,), ctx), weight)
    np.testing.assert_array_equal(weight.asnumpy(), [1.0, -2.0, 0.5])


def test_views_are_updated_in_place(ctx):
    """A parameter may be a part of a larger array."""
    for name in ("sgd", "nag", "adagrad", "lamb", "lars", "nadam"):
        store = mx.nd.ones((4, 3), ctx)
        updater = mx.optimizer.get_updater(mx.optimizer.create(name, learning_rate=0.5))
        updater([0], [mx.nd.ones((3,), ctx)], [store[2]])
        values = store.asnumpy()
        assert (values[2] < 1).all(), name
        assert (np.delete(values, 2, axis=0) == 1).all(), name


def test_group_adagrad_is_for_matrices_without_decay():
    updater = mx.optimizer.get_updater(mx.optimizer.contrib.GroupAdaGrad(wd=0.1))
    with pytest.raises(mx.MXNetError, match=r"matrix.*\(3,\)"):
        updater(0, mx.nd.ones((3,)), mx.nd.ones((3,)))
    with pytest.raises(mx.MXNetError, match=r"weight decay.*0\.1"):
        updater(1, mx.nd.ones((3, 2)), mx.nd.ones((3, 2)))


def test_dcasgd_with_momentum_is_its_formula(ctx):
    rng = np.random.default_rng(5)
    w = rng.standard_normal(5)
    optimizer = mx.optimizer.DCASGD(momentum=0.8, lamda=0.3, learning_rate=0.1, wd=0.05, rescale_grad=0.5)
    updater = mx.optimizer.get_updater(optimizer)
    weight, mom, previous = mx.nd.array(w, ctx, "float64"), np.zeros(5), w.copy()
    for _ in range(4):
        g = rng.standard_normal(5)
        updater(0, mx.nd.array(g, ctx, "float64"), weight)
        g = g * 0.5
        mom = 0.8 * mom - 0.1 * (g + 0.05 * w + 0.3 * g * g * (w - previous))
        previous, w = w, w + mom
    np.testing.assert_allclose(weight.asnumpy(), w, rtol=1e-12 if ctx == mx.cpu() else 1e-6)


def test_all_names_are_under_both_paths():
    import cysym.optimizer.optimizer as module

    for name in module.__all__:
        assert getattr(mx.optimizer, name) is getattr(module, name)
    assert set(module.__all__) | {"contrib"} == set(mx.optimizer.__all__)


def test_copies_of_optimizers_share_nothing_but_leave_parameters_out():
    import copy

    optimizer = mx.optimizer.Adam(param_dict={0: object()}, param_idx2name={0: "a"})
    optimizer._update_count(0)
    other = copy.deepcopy(optimizer)
    other._update_count(0)
    assert (optimizer.num_update, other.num_update, other.param_dict) == (1, 2, {})
    assert other._index_update_count is other._all_index_update_counts[0]


def test_adamax_leaves_a_weight_without_gradient(ctx):
    """0 / 0 in MXNet: a dead unit or a bias in front of BatchNorm turned the whole network into NaN."""
    weight, grad = mx.nd.array([1.0, 2.0, 3.0], ctx), mx.nd.array([0.0, 1.0, 0.0], ctx)
    updater = mx.optimizer.get_updater(mx.optimizer.create("adamax", learning_rate=0.5))
    for _ in range(3):
        updater(0, grad, weight)
    assert weight.asnumpy()[[0, 2]].tolist() == [1.0, 3.0]
    assert weight.asnumpy()[1] < 1.0


@pytest.mark.parametrize(
    ("saved", "used"),
    [
        (("sgd", {}), ("sgd", {"momentum": 0.9})),
        (("adam", {}), ("sgd", {"momentum": 0.9})),
        (("sgd", {"momentum": 0.9}), ("adam", {})),
        (("rmsprop", {"centered": True}), ("rmsprop", {})),
    ],
)
def test_states_of_another_optimizer_are_refused(saved, used):
    weight, grad = mx.nd.ones((2, 3)), mx.nd.ones((2, 3))
    first = mx.optimizer.get_updater(mx.optimizer.create(saved[0], **saved[1]))
    first("w", grad, weight)
    second = mx.optimizer.get_updater(mx.optimizer.create(used[0], **used[1]))
    second.set_states(first.get_states())
    before = weight.asnumpy()
    with pytest.raises(mx.MXNetError, match=r"parameter 'w': .* needs a state of the form"):
        second("w", grad, weight)
    np.testing.assert_array_equal(weight.asnumpy(), before)


def test_states_that_are_not_needed_do_no_harm():
    """As in MXNet: Module.load with the states of a momentum and an optimizer without."""
    weight, grad = mx.nd.ones((2, 3)), mx.nd.ones((2, 3))
    first = mx.optimizer.get_updater(mx.optimizer.create("sgd", momentum=0.9))
    first("w", grad, weight)
    second = mx.optimizer.get_updater(mx.optimizer.create("sgd", learning_rate=1.0))
    second.set_states(first.get_states())
    before = weight.asnumpy()
    second("w", grad, weight)
    np.testing.assert_array_equal(weight.asnumpy(), before - 1)
