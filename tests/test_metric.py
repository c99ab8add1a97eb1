"""Metrics against values worked out by hand or recorded from MXNet 1.9.1 (marked)."""

import math

import numpy as np
import pytest

import cysym as mx


def arrays(*values):
    return [mx.nd.array(np.array(value, dtype="float32")) for value in values]


PROBS = [[0.1, 0.2, 0.7], [0.5, 0.3, 0.2], [0.3, 0.3, 0.4]]


def test_accuracy_takes_probabilities_and_class_numbers():
    metric = mx.metric.create("acc")
    metric.update(arrays([2, 1, 2]), arrays(PROBS))
    assert metric.get() == ("accuracy", 2 / 3)
    metric.update(arrays([1, 1]), arrays([1, 0]))
    assert metric.get() == ("accuracy", 3 / 5)


def test_accuracy_argmax_runs_along_axis():
    pred = np.zeros((2, 3, 4), dtype="float32")
    label = np.array([[0, 1, 2, 1], [2, 2, 0, 1]], dtype="float32")
    for n in range(2):
        for position in range(4):
            pred[n, int(label[n, position]), position] = 1
    pred[0, :, 0] = [0, 0, 1]
    metric = mx.metric.Accuracy(axis=1)
    metric.update(arrays(label), arrays(pred))
    assert metric.get()[1] == 7 / 8


def test_cross_entropy():
    metric = mx.metric.create("ce")
    metric.update(arrays([2, 0, 1]), arrays(PROBS))
    expected = -(math.log(0.7) + math.log(0.5) + math.log(0.3)) / 3
    assert metric.get() == ("cross-entropy", pytest.approx(expected, rel=1e-6))


def test_cross_entropy_of_impossible_label_is_bounded_by_eps():
    metric = mx.metric.CrossEntropy(eps=1e-12)
    metric.update(arrays([0]), arrays([[0.0, 1.0]]))
    assert metric.get()[1] == pytest.approx(-math.log(1e-12), rel=1e-6)


def test_top_k_accuracy():
    metric = mx.metric.create("top_k_acc", top_k=2)
    metric.update(arrays([1, 2, 2]), arrays(PROBS))
    assert metric.get() == ("top_k_accuracy_2", 2 / 3)
    assert mx.metric.create(**metric.get_config()).name == metric.name


def test_top_k_needs_more_than_one():
    with pytest.raises(ValueError, match="Accuracy"):
        mx.metric.TopKAccuracy(top_k=1)


@pytest.mark.parametrize(
    ("name", "expected"), [("mse", 1.5), ("mae", 1.1666666865348816), ("rmse", 1.2071067690849304)]
)
def test_regression_metrics_average_over_batches_as_mxnet(name, expected):
    metric = mx.metric.create(name)
    metric.update(arrays([1, 2, 3]), arrays([[2], [3], [5]]))
    metric.update(arrays([1, 2]), arrays([[2], [3]]))
    assert metric.get() == (name, pytest.approx(expected, rel=1e-6))


def test_loss_averages_outputs_and_ignores_labels():
    metric = mx.metric.create("loss")
    metric.update(None, arrays([1, 2], [[3, 6]]))
    assert metric.get() == ("loss", 3.0)


def test_custom_metric_from_function_and_lambda():
    def ratio(label, pred):
        assert isinstance(label, np.ndarray)
        assert isinstance(pred, np.ndarray)
        return 3, 4

    metric = mx.metric.np(ratio)
    metric.update(arrays([1]), arrays([2]))
    assert metric.get() == ("ratio", 0.75)
    assert mx.metric.create(ratio).name == "ratio"
    assert mx.metric.np(lambda label, pred: 1).name == "custom(<lambda>)"
    with pytest.raises(NotImplementedError):
        metric.get_config()


def test_custom_metric_counts_outputs_unless_extra_allowed():
    outputs = arrays([1, 2], [3, 4])
    strict = mx.metric.CustomMetric(lambda label, pred: 1.0)
    with pytest.raises(ValueError, match="Shape of labels 1 does not match shape of predictions 2"):
        strict.update(arrays([1, 2]), outputs)
    loose = mx.metric.CustomMetric(lambda label, pred: float(pred[0]), allow_extra_outputs=True)
    loose.update(arrays([1, 2]), outputs)
    assert loose.get()[1] == 1.0


def test_composite_collects_and_forwards():
    metric = mx.metric.create(["acc", "mse"])
    assert metric.name == "composite"
    metric.update(arrays([1, 1]), arrays([1, 0]))
    assert metric.get() == (["accuracy", "mse"], [0.5, 0.5])
    assert metric.get_name_value() == [("accuracy", 0.5), ("mse", 0.5)]
    assert metric.get_metric(0).name == "accuracy"
    with pytest.raises(ValueError, match="out of range"):
        metric.get_metric(2)
    config = metric.get_config()
    assert [child["metric"] for child in config["metrics"]] == ["Accuracy", "MSE"]
    again = mx.metric.create(**config)
    assert [child.name for child in again.metrics] == ["accuracy", "mse"]


def test_local_reset_keeps_global_sum():
    metric = mx.metric.create(["acc", "ce"])
    metric.update(arrays([1]), arrays([[0.0, 1.0]]))
    metric.reset_local()
    assert math.isnan(metric.get()[1][0])
    assert metric.get_global_name_value()[0] == ("accuracy", 1.0)
    metric.update(arrays([0]), arrays([[0.0, 1.0]]))
    assert metric.get()[1][0] == 0.0
    assert metric.get_global()[1][0] == 0.5
    metric.reset()
    assert math.isnan(metric.get_global()[1][0])


def test_update_dict_picks_by_name():
    metric = mx.metric.Accuracy(output_names=["b_output"], label_names=["y"])
    good, bad = arrays([1, 0], [0, 1])
    metric.update_dict({"x": bad, "y": good}, {"a_output": bad, "b_output": good})
    assert metric.get()[1] == 1.0
    with pytest.raises(ValueError, match="b_output"):
        metric.update_dict({"y": good}, {"a_output": bad})


def test_shapes_that_do_not_fit_raise_and_change_nothing():
    metric = mx.metric.Accuracy()
    with pytest.raises(ValueError, match="does not match shape of predictions"):
        metric.update(arrays([1, 2, 3]), arrays([[0.5, 0.5], [0.5, 0.5]]))
    with pytest.raises(ValueError, match="does not match shape of predictions"):
        metric.update(arrays([1], [2]), arrays([[0.5, 0.5]]))
    assert metric.num_inst == 0


def test_create_refuses_what_is_no_metric():
    with pytest.raises(ValueError, match="nope"):
        mx.metric.create("nope")
    with pytest.raises(TypeError):
        mx.metric.create(3)
    with pytest.raises(TypeError):
        mx.metric.create(mx.metric.MSE(), name="other")
    metric = mx.metric.MSE()
    assert mx.metric.create(metric) is metric


def test_registered_metric_is_found_by_name_and_alias():
    @mx.metric.alias("always_half")
    @mx.metric.register
    class HalfForTest(mx.metric.EvalMetric):
        def update(self, labels, preds):
            self.sum_metric += 0.5
            self.num_inst += 1

    for name in ("halffortest", "always_half"):
        metric = mx.metric.create(name, name="half")
        metric.update([], [])
        assert str(metric) == "EvalMetric: {'half': 0.5}"


def test_registering_over_a_name_warns():
    class MSE(mx.metric.EvalMetric):
        pass

    try:
        with pytest.warns(UserWarning, match="overriding"):
            mx.metric.register(MSE)
    finally:
        with pytest.warns(UserWarning, match="overriding"):
            mx.metric.register(mx.metric.MSE)


# --- what MXNet cannot be asked ----------------------------------------------------------------------------
EVERY = [
    ("acc", {}), ("top_k_acc", {"top_k": 2}), ("f1", {}), ("f1", {"average": "micro"}), ("mcc", {}), ("pcc",
    {}), ("perplexity", {"ignore_label": None}), ("ce", {}), ("nll_loss", {}), ("mae", {}), ("mse", {}),
    ("rmse", {}), ("pearsonr", {}), ("pearsonr", {"average": "micro"}), ("loss", {}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "arguments"), EVERY)
def test_a_batch_counts_wholly_or_not_at_all(name, arguments):
    """The second pair of the batch is bad; the first leaves no trace."""
    metric = mx.metric.create(name, **arguments)
    label, pred = arrays([1, 0, 1]), arrays([[0.25, 0.75], [0.875, 0.125], [0.75, 0.25]])
    if name == "pearsonr":
        label, pred = arrays([1, 0, 1]), arrays([0.5, 0.25, 1])
    metric.update(label, pred)

    def state():
        sums = [metric.sum_metric, metric.num_inst, metric.global_sum_metric, metric.global_num_inst]
        return [metric.get()[1], metric.get_global()[1], *sums]

    before = state()
    wrong = ["no array"] if name == "loss" else arrays([[1, 1], [2, 2], [3, 3], [4, 4], [5, 5]])
    with pytest.raises((ValueError, TypeError)):
        metric.update(label * 2, pred + wrong)
    assert state() == before


def test_functions_may_change_what_they_get():
    def spoils(label, pred):
        label[:] = 9
        pred[:] = 9
        return 0.0

    label, pred = arrays([1, 2]), arrays([3, 4])
    mx.metric.np(spoils).update(label, pred)
    assert label[0].asnumpy().tolist() == [1, 2]
    assert pred[0].asnumpy().tolist() == [3, 4]


@pytest.mark.parametrize(("name", "arguments"), EVERY)
def test_arrays_are_only_read(ctx, name, arguments):
    label = mx.nd.array([1, 0, 1], ctx=ctx)
    pred = mx.nd.array([[0.25, 0.75], [0.875, 0.125], [0.75, 0.25]], ctx=ctx)
    pred = pred[:, 1] if name == "pearsonr" else pred
    before = label.asnumpy(), pred.asnumpy()
    mx.metric.create(name, **arguments).update([label], [pred])
    np.testing.assert_array_equal(label.asnumpy(), before[0])
    np.testing.assert_array_equal(pred.asnumpy(), before[1])


def test_labels_and_predictions_may_lie_on_different_devices(ctx, rng):
    label = np.array([0, 2, 1, 2, 0], dtype=np.float32)
    pred = rng.random((5, 3)).astype(np.float32)
    for name, arguments in EVERY[:1] + EVERY[1:2] + EVERY[5:9]:
        found = []
        for where in ((mx.cpu(), mx.cpu()), (mx.cpu(), ctx), (ctx, mx.cpu())):
            metric = mx.metric.create(name, **arguments)
            metric.update([mx.nd.array(label, ctx=where[0])], [mx.nd.array(pred, ctx=where[1])])
            found.append(metric.get()[1])
        assert found[1:] == pytest.approx(found[:1] * 2, rel=1e-6), name


def test_large_predictions_are_reduced_where_they_lie(ctx, rng):
    label, pred = rng.integers(0, 70, 500), rng.random((500, 70)).astype(np.float32)
    where = [[mx.nd.array(label)], [mx.nd.array(pred, ctx=ctx)]]
    found = {}
    for name, arguments in (("acc", {}), ("ce", {}), ("perplexity", {"ignore_label": 3}), ("pcc", {})):
        metric = mx.metric.create(name, **arguments)
        metric.update(*where)
        found[name] = metric.get()[1]
    prob = pred[np.arange(500), label].astype(np.float64)
    assert found["acc"] == (pred.argmax(axis=1) == label).mean()
    assert found["ce"] == pytest.approx(-np.log(prob).mean(), rel=1e-5)
    assert found["perplexity"] == pytest.approx(np.exp(-np.log(prob[label != 3]).mean()), rel=1e-5)
    want = np.zeros((70, 70))
    np.add.at(want, (pred.argmax(axis=1), label), 1)
    n, p, t = want.sum(), want.sum(1), want.sum(0)
    want = (want.trace() * n - (p * t).sum()) / np.sqrt((n * n - (p * p).sum()) * (n * n - (t * t).sum()))
    assert found["pcc"] == pytest.approx(want, rel=1e-9)


def test_top_k_against_sorting(ctx, rng):
    pred = rng.permuted(np.tile(np.arange(30, dtype=np.float32), (40, 1)), axis=1)
    label = rng.integers(0, 30, 40)
    for k in (2, 7, 29, 30, 99):
        metric = mx.metric.TopKAccuracy(k)
        metric.update([mx.nd.array(label, ctx=ctx)], [mx.nd.array(pred, ctx=ctx)])
        best = np.argsort(-pred, axis=1)[:, :k]
        assert metric.get()[1] == (best == label[:, None]).any(axis=1).mean()


def test_equal_scores_are_not_all_among_the_best(ctx):
    """A network that says nothing gets chance, not 100 %."""
    metric = mx.metric.TopKAccuracy(2)
    metric.update([mx.nd.array(np.arange(10) % 5, ctx=ctx)], [mx.nd.zeros((10, 5), ctx=ctx)])
    assert metric.get()[1] == 2 / 5


def test_correlations_of_two_classes_agree(rng):
    label, pred = rng.integers(0, 2, 50), rng.random((50, 2))
    found = []
    for metric in (mx.metric.MCC(average="micro"), mx.metric.PCC()):
        for part in (slice(0, 20), slice(20, 50)):
            metric.update(arrays(label[part]), arrays(pred[part]))
        found.append(metric.get()[1])
    want = np.corrcoef(label, pred.astype(np.float32).argmax(axis=1))[0, 1]
    assert found == pytest.approx([want, want], rel=1e-9)


def test_perplexity_is_the_exponential_of_cross_entropy(rng):
    label, pred = rng.integers(0, 4, 20), rng.random((20, 4)) + 0.1
    found = {}
    for name in ("ce", "perplexity"):
        metric = mx.metric.create(name, **({"ignore_label": None} if name == "perplexity" else {}))
        metric.update(arrays(label), arrays(pred))
        found[name] = metric.get()[1]
    assert found["perplexity"] == pytest.approx(math.exp(found["ce"]), rel=1e-5)


def test_pcc_learns_of_more_classes_as_they_come():
    metric = mx.metric.PCC()
    metric.update(arrays([0, 1]), arrays([0, 1]))
    assert metric.k == 2
    metric.update(arrays([7, 0]), arrays([7, 1]))
    assert metric.lcm.shape == (8, 8)
    assert metric.lcm.sum() == 4
    assert metric.sum_metric == pytest.approx(2 * metric.get()[1])
    with pytest.raises(ValueError, match="negative, got -1"):
        metric.update(arrays([-1]), arrays([0]))
    assert metric.lcm.sum() == 4


def test_sums_of_users_keep_double_precision():
    class SumsFloat32(mx.metric.EvalMetric):
        def update(self, labels, preds):
            self.sum_metric += np.float32(1e8)
            self.sum_metric += np.float32(1)
            self.num_inst += 1

    metric = SumsFloat32("sums")
    metric.update([], [])
    assert metric.get()[1] == 100000001
    assert type(metric.get()[1]) is float


def test_halves_do_not_overflow(ctx):
    pred = mx.nd.full((100,), 1000, ctx=ctx, dtype="float16")
    label = mx.nd.zeros((100,), ctx=ctx, dtype="float16")
    found = {}
    for name in ("mse", "loss"):
        metric = mx.metric.create(name)
        metric.update([label], [pred])
        found[name] = metric.get()[1]
    assert found == {"mse": 1e6, "loss": 1000.0}


def test_bytes_do_not_wrap_around():
    metric = mx.metric.MAE()
    metric.update([mx.nd.array([3], dtype="uint8")], [mx.nd.array([5], dtype="uint8")])
    assert metric.get()[1] == 2


@pytest.mark.parametrize(
    ("name", "label", "pred", "text"),
    [
        ("ce", [5], [[0.5, 0.5]], "label 5 of row 0 is none of 2 classes"),
        ("ce", [0, 0], [[0.5, 0.5]], r"2 labels need predictions of shape \(2, classes\), got \(1, 2\)"),
        ("f1", [0, 1, 2], [[0.5, 0.5]] * 3, r"F1 currently only supports binary .* \[0, 1, 2\]"),
        ("mcc", [0, 1], [[0.5, 0.5]] * 3, r"labels \(2,\) does not match .* \(3, 2\)"),
        (
            "mae",
            [[1, 2]],
            [[1, 2, 3]],
            r"mae: labels of shape \(1, 2\) do not fit predictions of shape \(1, 3\)",
        ),
        ("pearsonr", [[1, 2]], [[1, 2, 3]], r"labels \(1, 2\) does not match shape of predictions \(1, 3\)"),
        ("acc", [0, 1, 2], [[0.5, 0.5]] * 2, r"accuracy: Shape of labels \(3,\) does not match"),
        ("top_k_acc", [0], [[[0.5, 0.5]]], r"1 or 2 axes, got shape \(1, 1, 2\)"),
    ],
)
def test_errors_name_metric_and_shapes(name, label, pred, text):
    metric = mx.metric.create(name, **({"top_k": 2} if name == "top_k_acc" else {}))
    with pytest.raises((ValueError, IndexError), match=text):
        metric.update(arrays(label), arrays(pred))
    assert metric.num_inst == 0


def test_averages_have_names():
    for make in (mx.metric.F1, mx.metric.MCC, mx.metric.PearsonCorrelation):
        with pytest.raises(ValueError, match="'macro' or 'micro', got 'mean'"):
            make(average="mean")
        assert mx.metric.create(**make(average="micro").get_config()).average == "micro"


def test_one_array_does_not_match_a_list_of_as_many_arrays_as_it_has_rows():
    metric = mx.metric.Accuracy()
    with pytest.raises(ValueError, match="1 arrays do not match 2 arrays of predictions"):
        metric.update(mx.nd.ones((2,)), [mx.nd.ones((2,))] * 2)
    assert metric.num_inst == 0


@pytest.mark.parametrize("name", ["f1", "mcc"])
def test_scores_of_two_classes_lie_along_axis_1(name):
    metric = mx.metric.create(name)
    with pytest.raises(ValueError, match=r"labels \(2, 3\) does not match .* \(2, 3, 2\), .* for 6 labels"):
        metric.update([mx.nd.ones((2, 3))], [mx.nd.ones((2, 3, 2))])
    metric.update([mx.nd.array([[1, 0]])], [mx.nd.array([[[0, 1], [1, 0]]])])
    assert metric.get()[1] == 1.0
