"""Inputs and parameters of operators: made when missing, given in every way, refused."""

import numpy as np

from . import fresh, outcome, program, says


@program(cpu=True)
@fresh
def missing_inputs(mx, ctx):
    """They become variables called after node and input, with the operator's attributes."""
    S = mx.sym
    x = S.Variable("x")
    made = [
        S.FullyConnected(x, num_hidden=2, name="f"),
        S.FullyConnected(num_hidden=2, name="f"),
        S.FullyConnected(x, num_hidden=2, no_bias=True, name="f"),
        S.FullyConnected(x, S.Variable("w"), num_hidden=2, name="f"),
        S.FullyConnected(x, None, S.Variable("b"), num_hidden=2, name="f"),
        S.Convolution(x, kernel=(1, 1), num_filter=2, name="c"),
        S.Deconvolution(x, kernel=(1, 1), num_filter=2, name="d"),
        S.Deconvolution(x, kernel=(1, 1), num_filter=2, no_bias=False, name="d"),
        S.BatchNorm(x, name="bn"),
        S.SoftmaxOutput(x, name="softmax"),
        S.LeakyReLU(x, act_type="prelu", name="l"),
        S.LeakyReLU(x, name="l"),
        S.softmax(x, use_length=True, name="s"),
        S.Embedding(x, input_dim=3, output_dim=2, name="e"),
        S.LayerNorm(x, name="ln"),
        S.dot(x, name="dd"),
        S.elemwise_add(x, name="ea"),
        S.SVMOutput(x, name="sv"),
        S.LinearRegressionOutput(x, name="lro"),
        S.take(x, name="ta"),
        S.where(x, name="wh"),
        S.sin(name="si"),
        S.Dropout(name="dr"),
        S.broadcast_add(name="ba"),
        S.UpSampling(x, scale=2, sample_type="bilinear", num_filter=3, name="up"),
    ]
    needed = [
        outcome(lambda: S.linalg.gemm2(x).list_arguments()),
        outcome(lambda: S.batch_dot(x).list_arguments()),
        outcome(lambda: S.Concat()),
        outcome(lambda: S.add_n().list_arguments()),
    ]
    return [[s.list_arguments(), s.list_auxiliary_states()] for s in made] + needed


@program(cpu=True)
@fresh
def ways_to_give_inputs(mx, ctx):
    S = mx.sym
    x, w = S.Variable("x"), S.Variable("w")
    parts = S.split(x, num_outputs=2)
    nothing = (mx.nd.ones((2,)), np.ones(2), "x", 3)
    ways = {
        "positional": [
            S.reshape(x, (1, 4)).attr("shape"),
            S.FullyConnected(x, None, None, 3).attr("num_hidden"),
            S.FullyConnected(x, w, None, 3).list_arguments(),
            S.transpose(x, (1, 0)).attr("axes"),
            S.clip(x, 0, 1).attr("a_max"),
            S.slice_axis(x, 1, 0, 3).attr("end"),
        ],
        "named": [
            S.concat(x, w, dim=0).attr("num_args"),
            S.dot(rhs=x, lhs=w).list_arguments(),
            S.dot(w, rhs=x).list_arguments(),
        ],
        "wrong": [
            says(lambda v=v: S.FullyConnected(data=v, num_hidden=3), "must be Symbol instances")
            for v in nothing
        ],
        "wrong first": [says(lambda v=v: S.sin(v), "must be Symbol instances") for v in nothing],
        "list": [
            outcome(lambda: S.Concat([x, w])),
            outcome(lambda: S.add_n([x, w])),
            S.Concat(*[x, w]).attr("dim"),
        ],
        "several": [
            says(lambda: S.sin(parts), "single value is required"),
            outcome(lambda: parts + 1),
            outcome(lambda: 1 - parts),
            outcome(lambda: parts + x),
            outcome(lambda: x * parts),
            outcome(lambda: S.FullyConnected(x, weight=parts, num_hidden=2)),
            outcome(lambda: S.Concat(x, parts)),
            outcome(lambda: abs(parts)),
            outcome(lambda: -parts),
        ],
        "group": [
            outcome(lambda: S.sin(S.Group([x, w]))),
            outcome(lambda: S.Group([x, w]) * 2),
            S.sin(S.Group([x])).list_arguments(),
        ],
        "twice": [outcome(lambda: S.FullyConnected(x, data=w, num_hidden=2))],
    }
    return ways


@program(cpu=True, differs={"late/1": "MXNet lets Reshape lose elements"})
@fresh
def wrong_parameters(mx, ctx):
    S = mx.sym
    x = S.Variable("x")
    return {
        "unknown": says(
            lambda: S.FullyConnected(x, num_hidden=2, bogus=1),
            "Cannot find argument 'bogus'",
            "Possible Arguments",
            "num_hidden",
        ),
        "required": says(
            lambda: S.FullyConnected(x),
            "Required parameter num_hidden of int is not presented",
            "FullyConnected",
        ),
        "format": says(
            lambda: S.FullyConnected(x, num_hidden="abc"),
            "Invalid Parameter format for num_hidden expect int",
            "value='abc'",
        ),
        "choice": says(
            lambda: S.Activation(x, act_type="nope"), "'nope'", "valid values are", "'relu'", "'sigmoid'"
        ),
        "range": says(
            lambda: S.FullyConnected(x, num_hidden=0),
            "value 0 for Parameter num_hidden",
            "should be greater equal to 1",
        ),
        "late": [
            outcome(lambda: S.Convolution(x, kernel=(3, 3), num_filter=2).infer_shape(x=(1, 2))),
            outcome(lambda: S.Reshape(x, shape=(7,)).infer_shape(x=(2, 2))),
        ],
        "float for int": outcome(lambda: S.FullyConnected(x, num_hidden=2.5)),
        "bool": [
            outcome(lambda: S.FullyConnected(x, num_hidden=2, no_bias="yes")),
            S.FullyConnected(x, num_hidden=2, no_bias="1").attr("no_bias"),
            S.FullyConnected(x, num_hidden=2, no_bias="true").list_arguments(),
            S.FullyConnected(x, num_hidden=2, no_bias=1).list_arguments(),
        ],
        "tuples": [
            S.Pooling(x, kernel="(3L,3L)").attr("kernel"),
            S.Pooling(x, kernel=[2, 2]).attr("kernel"),
            S.Pooling(x, kernel=3).attr("kernel"),
            outcome(lambda: S.Pooling(x, kernel="(3")),
        ],
        "double": outcome(lambda: S._internal._plus_scalar(x, scalar="True")),
    }
