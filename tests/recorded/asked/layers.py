"""The table of cases of layers and loss layers; data only.

 Loss layers are asked with a random head gradient although they ignore it; the recorder checks
that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opcases import OpCase, distinct, ints, positive, probabilities, real, values

if TYPE_CHECKING:
    from opcases import Maker


def _fully_connected() -> list[OpCase]:
    return [
        OpCase(
            "FullyConnected",
            "plain",
            {"data": real(3, 5), "weight": real(7, 5), "bias": real(7)},
            {"num_hidden": "7"},
            add=True,
        ),
        OpCase(
            "FullyConnected",
            "flattens_4d",
            {"data": real(2, 3, 5, 7), "weight": real(11, 105, scale=0.1), "bias": real(11)},
            {"num_hidden": "11"},
        ),
        OpCase(
            "FullyConnected",
            "no_bias",
            {"data": real(5, 3), "weight": real(2, 3)},
            {"num_hidden": "2", "no_bias": "True"},
        ),
        OpCase(
            "FullyConnected",
            "keeps_axes",
            {"data": real(2, 3, 5), "weight": real(7, 5), "bias": real(7)},
            {"num_hidden": "7", "flatten": "False"},
        ),
        OpCase(
            "FullyConnected",
            "f64",
            {
                "data": real(3, 5, dtype="float64"),
                "weight": real(2, 5, dtype="float64"),
                "bias": real(2, dtype="float64"),
            },
            {"num_hidden": "2"},
        ),
    ]


def _dot() -> list[OpCase]:
    table: list[tuple[str, tuple[int, ...], tuple[int, ...], str]] = [
        ("plain", (3, 5), (5, 7), ""),
        ("ta", (5, 3), (5, 7), "a"),
        ("tb", (3, 5), (7, 5), "b"),
        ("tab", (5, 3), (7, 5), "ab"),
        ("vectors", (7,), (7,), ""),
        ("matrix_vector", (3, 5), (5,), ""),
        ("cube", (2, 3, 5), (5, 7), ""),
        ("cube_ta", (2, 3, 5), (2, 7), "a"),
        ("cube_tb", (2, 5), (7, 3, 5), "b"),
    ]
    cases = []
    for label, left, right, flags in table:
        params = {"transpose_" + flag: "True" for flag in flags}
        cases.append(
            OpCase("dot", label, {"lhs": real(*left), "rhs": real(*right)}, params, add=label == "plain")
        )
    return cases


def _convolution() -> list[OpCase]:
    table: list[tuple[str, tuple[int, ...], tuple[int, ...], dict[str, str]]] = [
        ("1d", (2, 3, 11), (5, 3, 3), {"kernel": "(3,)"}),
        ("1d_stride_pad", (2, 3, 11), (2, 3, 5), {"kernel": "(5,)", "stride": "(2,)", "pad": "(2,)"}),
        ("2d", (2, 3, 7, 5), (5, 3, 3, 2), {"kernel": "(3, 2)"}),
        ("pad", (2, 3, 7, 5), (5, 3, 3, 3), {"kernel": "(3, 3)", "pad": "(1, 1)"}),
        ("stride", (2, 3, 11, 7), (2, 3, 3, 3), {"kernel": "(3, 3)", "stride": "(2, 3)", "pad": "(1, 0)"}),
        ("dilate", (2, 3, 11, 7), (5, 3, 3, 2), {"kernel": "(3, 2)", "dilate": "(2, 3)"}),
        ("groups", (2, 6, 7, 5), (4, 3, 3, 3), {"kernel": "(3, 3)", "num_group": "2", "pad": "(1, 1)"}),
        ("depthwise", (2, 5, 7, 7), (5, 1, 3, 3), {"kernel": "(3, 3)", "num_group": "5", "stride": "(2, 2)"}),
        ("pointwise", (2, 5, 3, 7), (7, 5, 1, 1), {"kernel": "(1, 1)"}),
        ("no_bias", (1, 3, 5, 7), (2, 3, 3, 3), {"kernel": "(3, 3)", "no_bias": "True"}),
    ]
    cases = []
    for label, data, weight, params in table:
        inputs = {"data": real(*data), "weight": real(*weight, scale=0.3)}
        if params.get("no_bias") != "True":
            inputs["bias"] = real(weight[0])
        full = dict(params, num_filter=str(weight[0]))
        cases.append(OpCase("Convolution", label, inputs, full, add=label in ("pad", "1d")))
    return cases


def _pooling() -> list[OpCase]:
    square = {"kernel": "(2, 2)", "stride": "(2, 2)"}
    wide = {"kernel": "(3, 2)", "stride": "(2, 3)", "pad": "(1, 1)"}
    # "full" without a window that lies in the padding alone: there MXNet returns -FLT_MAX or 0/0
    odd = {"kernel": "(3, 3)", "stride": "(2, 2)", "pad": "(1, 1)", "pooling_convention": "full"}
    cases = []
    for pool in ("max", "avg", "sum"):
        for label, params in (
            ("valid", square),
            ("full", dict(square, pooling_convention="full")),
            ("padded", wide),
            ("padded_full", odd),
            ("global", {"global_pool": "True", "kernel": "(1, 1)"}),
        ):
            full = dict(params, pool_type=pool)
            data = {"data": distinct(1, 3, 8, 6) if params is odd else distinct(2, 3, 5, 7)}
            cases.append(OpCase("Pooling", pool + "_" + label, data, full, add=label == "padded"))
    uncounted = dict(wide, pool_type="avg", count_include_pad="False")
    line = {"kernel": "(3,)", "stride": "(2,)", "pad": "(1,)"}
    ones = {"data": values([[[[1, 1, 0], [1, 1, 2], [0, 2, 2]]]])}
    cases += [
        OpCase("Pooling", "avg_uncounted", {"data": real(2, 3, 5, 7)}, uncounted),
        OpCase(
            "Pooling",
            "avg_uncounted_full",
            {"data": real(1, 3, 8, 6)},
            dict(odd, pool_type="avg", count_include_pad="False"),
        ),
        OpCase("Pooling", "max_1d", {"data": distinct(2, 3, 11)}, dict(line, pool_type="max")),
        OpCase("Pooling", "avg_1d", {"data": real(2, 3, 11)}, dict(line, pool_type="avg")),
        OpCase("Pooling", "max_ties", ones, {"kernel": "(2, 2)", "pool_type": "max"}),
        OpCase(
            "Pooling", "max_overlap", {"data": distinct(1, 2, 7, 7)}, {"kernel": "(3, 3)", "pool_type": "max"}
        ),
        OpCase(
            "Pooling", "infer", {"data": distinct(1, 2, 5, 5)}, dict(square, pool_type="max"), is_train=False
        ),
    ]
    return cases


def _batch_norm() -> list[OpCase]:
    aux = ("moving_mean", "moving_var")

    def inputs(*shape: int, axis: int = 1) -> dict[str, Maker]:
        count = shape[axis]
        stats = {"gamma": positive(count), "beta": real(count), "moving_mean": real(count)}
        return {"data": real(*shape), **stats, "moving_var": positive(count)}

    free = {"fix_gamma": "False"}
    return [
        OpCase("BatchNorm", "train_fixed", inputs(2, 3, 5, 7), {}, aux=aux),
        OpCase(
            "BatchNorm",
            "train",
            inputs(2, 3, 5, 7),
            dict(free, eps="2e-05", momentum="0.5"),
            aux=aux,
            add=True,
        ),
        OpCase("BatchNorm", "train_two_backwards", inputs(2, 3, 5, 7), free, aux=aux, backwards=2),
        OpCase("BatchNorm", "infer_fixed", inputs(2, 3, 5, 7), {}, aux=aux, is_train=False),
        OpCase("BatchNorm", "infer", inputs(2, 3, 5, 7), free, aux=aux, is_train=False),
        OpCase("BatchNorm", "global_stats", inputs(2, 3, 5, 7), dict(free, use_global_stats="True"), aux=aux),
        OpCase("BatchNorm", "global_fixed", inputs(2, 3, 5, 7), {"use_global_stats": "True"}, aux=aux),
        OpCase("BatchNorm", "matrix", inputs(7, 3), free, aux=aux),
        OpCase("BatchNorm", "axis_last", inputs(2, 7, 5, axis=2), dict(free, axis="-1"), aux=aux),
        OpCase("BatchNorm", "mean_var", inputs(2, 3, 5, 7), dict(free, output_mean_var="True"), aux=aux),
        OpCase(
            "BatchNorm",
            "mean_var_infer",
            inputs(2, 3, 5, 7),
            dict(free, output_mean_var="True"),
            aux=aux,
            is_train=False,
        ),
    ]


def _dropout() -> list[OpCase]:
    return [
        OpCase("Dropout", "p3", {"data": real(2, 3, 5, 7)}, {"p": "0.3"}, seed=11, add=True),
        OpCase("Dropout", "p5", {"data": real(5, 13)}, {}, seed=12),
        OpCase("Dropout", "p7", {"data": real(3, 7)}, {"p": "0.7"}, seed=13),
        OpCase("Dropout", "second_call", {"data": real(7, 11)}, {"p": "0.5"}, seed=14, calls=2),
        OpCase("Dropout", "infer", {"data": real(3, 5)}, {"p": "0.5"}, seed=15, is_train=False),
        OpCase(
            "Dropout",
            "always",
            {"data": real(7, 11)},
            {"p": "0.5", "mode": "always"},
            seed=16,
            is_train=False,
        ),
        OpCase("Dropout", "axis0", {"data": real(3, 5)}, {"p": "0.5", "axes": "(0,)"}, seed=17),
        OpCase("Dropout", "spatial", {"data": real(5, 7, 2, 3)}, {"p": "0.3", "axes": "(2, 3)"}, seed=18),
    ]


def layers() -> list[OpCase]:
    """Return the cases of everything that is a layer, with softmax and the indexing operators."""
    picks = values([[5, -1, 0], [2, 2, 1]])

    def embedding(label: str, indices: Maker, add: bool = False) -> OpCase:
        inputs = {"data": indices, "weight": real(5, 3)}
        params = {"input_dim": "5", "output_dim": "3"}
        return OpCase("Embedding", label, inputs, params, add=add, no_grad=("data",))

    cube = {"data": real(2, 3, 5, scale=2.0)}
    cases = _fully_connected() + _dot() + _convolution() + _pooling() + _batch_norm() + _dropout()
    cases += [
        embedding("clipped", picks, add=True),
        embedding("fractions", values([0.9, 3.7, -0.5])),
        embedding("int32", values([4, 4, 0, 7], "int32")),
        OpCase("softmax", "last", {"data": real(3, 5)}, {}, add=True),
        OpCase("softmax", "axis1", cube, {"axis": "1"}),
        OpCase("softmax", "hot", {"data": real(3, 5)}, {"temperature": "2.5"}),
        OpCase("softmax", "large", {"data": values([[1000, 1001, -1000], [-88, -90, 88]])}, {}),
        OpCase("log_softmax", "last", {"data": real(3, 5)}, {}, add=True),
        OpCase("log_softmax", "axis0", cube, {"axis": "0"}),
        OpCase("log_softmax", "large", {"data": values([[1000, 1001, -1000], [-88, -90, 88]])}, {}),
        OpCase("SoftmaxActivation", "instance", {"data": real(3, 5)}, {}, add=True),
        OpCase("SoftmaxActivation", "instance_3d", cube, {}),
        OpCase("SoftmaxActivation", "channel", {"data": real(2, 3, 5, 7)}, {"mode": "channel"}),
        OpCase("one_hot", "plain", {"indices": values([0, 2, 4, 5, -1])}, {"depth": "5"}),
        OpCase(
            "one_hot",
            "values",
            {"indices": values([[0, 1], [2, 1]])},
            {"depth": "3", "on_value": "2.5", "off_value": "-1"},
        ),
        OpCase(
            "where", "matrix", {"condition": ints(0, 2, 3, 5), "x": real(3, 5), "y": real(3, 5)}, add=True
        ),
        OpCase("where", "rows", {"condition": values([1, 0, 2]), "x": real(3, 5), "y": real(3, 5)}),
    ]
    return cases


def losses() -> list[OpCase]:
    """Return the cases of the loss layers."""
    flat = {"data": real(5, 3), "label": ints(0, 3, 5)}
    holes = {"data": real(5, 3), "label": values([0, -1, 2, -1, 1])}
    deep = {"data": real(2, 3, 5), "label": ints(0, 3, 2, 5)}
    deep_holes = {"data": real(2, 3, 5), "label": values([[0, 1, -1, 2, 1], [-1, 2, 2, 0, 1]])}
    rows = {"data": real(2, 5, 3), "label": ints(0, 3, 2, 5)}
    cases = []

    def softmax(label: str, inputs: dict[str, Maker], **params: str) -> None:
        rule = label == "null"
        cases.append(OpCase("SoftmaxOutput", label, inputs, params, is_loss=True, add=rule, add_rule=rule))

    softmax("null", flat)
    softmax("batch", flat, normalization="batch")
    softmax("valid", flat, normalization="valid")
    softmax("grad_scale", flat, grad_scale="2.5")
    softmax("outside", {"data": real(3, 5), "label": values([7, 2, -1])})
    softmax("ignore", holes, use_ignore="True")
    softmax("ignore_valid", holes, use_ignore="True", normalization="valid")
    softmax("ignore_batch", holes, use_ignore="True", normalization="batch")
    softmax("ignore_other", flat, use_ignore="True", ignore_label="2", normalization="valid")
    softmax("valid_without_ignore", holes, normalization="valid")
    softmax("smooth", flat, smooth_alpha="0.1")
    softmax("smooth_ignore", holes, smooth_alpha="0.1", use_ignore="True")
    softmax("multi", deep, multi_output="True")
    softmax("multi_batch", deep, multi_output="True", normalization="batch")
    softmax("multi_valid", deep_holes, multi_output="True", normalization="valid", use_ignore="True")
    softmax("multi_ignore", deep_holes, multi_output="True", use_ignore="True", grad_scale="0.5")
    softmax("multi_4d", {"data": real(2, 3, 5, 7), "label": ints(0, 3, 2, 5, 7)}, multi_output="True")
    softmax("shape", rows, preserve_shape="True")
    softmax("shape_batch", rows, preserve_shape="True", normalization="batch")
    softmax("probabilities", {"data": real(5, 3), "label": probabilities(5, 3)})
    softmax("f64", {"data": real(5, 3, dtype="float64"), "label": ints(0, 3, 5, dtype="float64")})
    for stem in ("Linear", "Logistic", "MAE"):
        op = stem + "RegressionOutput"
        labels = ints(0, 2, 5, 3) if stem == "Logistic" else real(5, 3)
        pair = {"data": real(5, 3), "label": labels}
        cases += [
            OpCase(op, "plain", pair, is_loss=True, add=stem == "Linear", add_rule=True),
            OpCase(op, "scaled", pair, {"grad_scale": "0.3"}, is_loss=True),
            OpCase(op, "column", {"data": real(7, 1), "label": real(7)}, is_loss=True),
            OpCase(op, "4d", {"data": real(2, 3, 5, 7), "label": real(2, 3, 5, 7)}, is_loss=True),
        ]
    cases += [
        OpCase(
            "MAERegressionOutput", "zero", {"data": values([[1, 2]]), "label": values([[1, 3]])}, is_loss=True
        ),
        OpCase("MakeLoss", "null", {"data": positive(3, 5)}, {"grad_scale": "0.7"}, is_loss=True, add=True),
        OpCase("MakeLoss", "batch", {"data": real(3, 5)}, {"normalization": "batch"}, is_loss=True),
        OpCase("MakeLoss", "batch_rows", {"data": real(2, 3, 5)}, {"normalization": "batch"}, is_loss=True),
        OpCase("MakeLoss", "batch_line", {"data": real(5)}, {"normalization": "batch"}, is_loss=True),
        OpCase(
            "MakeLoss",
            "valid",
            {"data": real(3, 5)},
            {"normalization": "valid", "valid_thresh": "0.1"},
            is_loss=True,
        ),
        OpCase("make_loss", "matrix", {"data": real(3, 5)}, is_loss=True, add=True),
    ]
    return cases


CASES: list[OpCase] = layers() + losses()
