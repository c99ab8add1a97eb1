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
