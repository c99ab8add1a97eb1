"""Questions about elementwise operators, shapes, random numbers and optimizer updates. Data only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opcases import OpCase, distinct, ints, positive, real, values

if TYPE_CHECKING:
    pass

_INF, _NAN = float("inf"), float("nan")
_NUMBERS = [_INF, -_INF, 0.0, -0.0, 1.0, -1.0, 30.0, -30.0, 1e-7, 0.5]
_SPECIAL = values([_NAN, *_NUMBERS])


def _elementwise() -> list[OpCase]:
    cases = []
    for op in ("exp", "log", "sqrt", "square", "tanh", "sigmoid", "relu", "abs", "negative", "sin", "cos"):
        maker = positive if op in ("log", "sqrt") else real
        cases += [
            OpCase(op, "matrix", {"data": maker(3, 5)}, add=True),
            OpCase(op, "cube_f64", {"data": maker(2, 3, 5, dtype="float64")}),
            OpCase(op, "special", {"data": _SPECIAL}),
        ]
    for act in ("relu", "sigmoid", "tanh", "softrelu", "softsign"):
        params = {"act_type": act}
        cases += [
            OpCase("Activation", act, {"data": real(3, 5, scale=2.0)}, params, add=True),
            OpCase("Activation", act + "_4d", {"data": real(2, 3, 5, 7)}, params),
            # MKL-DNN's relu turns NaN into 0, MXNet's own keeps it: not a truth to record
            OpCase(
                "Activation",
                act + "_special",
                {"data": values(_NUMBERS) if act == "relu" else _SPECIAL},
                params,
            ),
        ]
    for op in ("elemwise_add", "elemwise_sub", "elemwise_mul", "elemwise_div"):
        cases += [
            OpCase(
                op,
                "matrix",
                {"lhs": real(3, 5), "rhs": positive(3, 5)},
                add=True,
                add_rule=op == "elemwise_add",
            ),
            OpCase(
                op,
                "cube_f64",
                {"lhs": real(2, 3, 5, dtype="float64"), "rhs": positive(2, 3, 5, dtype="float64")},
            ),
        ]
    cases += [
        OpCase(
            "elemwise_add",
            "int32",
            {"lhs": ints(-9, 9, 7, dtype="int32"), "rhs": ints(1, 9, 7, dtype="int32")},
        ),
        OpCase(
            "elemwise_div",
            "int32",
            {"lhs": ints(-9, 9, 7, dtype="int32"), "rhs": ints(1, 5, 7, dtype="int32")},
            is_train=False,
        ),
    ]
    scalars = {"plus": "1.5", "minus": "0.75", "rminus": "2", "mul": "-1.25", "div": "3", "rdiv": "2.5"}
    for stem, scalar in sorted(scalars.items()):
        op = "_" + stem + "_scalar"
        cases += [
            OpCase(op, "matrix", {"data": positive(3, 5)}, {"scalar": scalar}, add=True),
            OpCase(op, "cube", {"data": real(2, 3, 5)}, {"scalar": scalar}),
        ]
    cases += [
        OpCase("_power_scalar", "cube", {"data": real(3, 5)}, {"scalar": "3"}, add=True),
        OpCase("_power_scalar", "fraction", {"data": positive(7)}, {"scalar": "0.5"}),
        OpCase("_power_scalar", "inverse", {"data": positive(7)}, {"scalar": "-1"}),
        OpCase("_rpower_scalar", "two", {"data": real(3, 5)}, {"scalar": "2"}, add=True),
        OpCase("_rpower_scalar", "half", {"data": real(7)}, {"scalar": "0.5"}),
        OpCase(
            "_plus_scalar", "int32", {"data": ints(-9, 9, 7, dtype="int32")}, {"scalar": "2"}, is_train=False
        ),
        OpCase("_plus_scalar", "f64", {"data": real(7, dtype="float64")}, {"scalar": "0.1"}),
        OpCase("add_n", "two", {"arg0": real(3, 5), "arg1": real(3, 5)}, add=True),
        OpCase("add_n", "five", {f"arg{i}": real(2, 3, 5) for i in range(5)}),
        OpCase("add_n", "one", {"arg0": real(7)}),
        OpCase(
            "clip",
            "matrix",
            {"data": real(3, 5)},
            {"a_min": "-0.5", "a_max": "0.75"},
            add=True,
            add_rule=True,
        ),
        OpCase(
            "clip", "bounds", {"data": values([-2, -1, -0.5, 0, 0.5, 1, 2])}, {"a_min": "-1", "a_max": "1"}
        ),
        OpCase("zeros_like", "matrix", {"data": real(3, 5)}),
        OpCase("ones_like", "matrix", {"data": real(3, 5)}),
        OpCase("LeakyReLU", "leaky", {"data": real(3, 5)}, {"act_type": "leaky", "slope": "0.1"}, add=True),
        OpCase("LeakyReLU", "leaky_default", {"data": real(2, 3, 5)}),
        OpCase("LeakyReLU", "elu", {"data": real(3, 5)}, {"act_type": "elu", "slope": "0.5"}, add=True),
        OpCase("LeakyReLU", "prelu", {"data": real(2, 3, 5, 7), "gamma": positive(3)}, {"act_type": "prelu"}),
        OpCase("LeakyReLU", "prelu_2d", {"data": real(5, 3), "gamma": positive(3)}, {"act_type": "prelu"}),
        OpCase("BlockGrad", "matrix", {"data": real(3, 5)}),
    ]
    casts = [("float32", "float16", [0.1, -1.7, 65504, 1e6, -1e6, 1e-8, 2.5, _NAN, _INF])]
    casts += [("float32", "int32", [0.9, -0.9, 1.5, -2.5, 100.99, -1e6, 0])]
    casts += [
        ("float32", "uint8", [0.0, 1.9, 255.0, 300.5, -1.0, 128.2]),
        ("int32", "uint8", [0, 255, 256, -1, 300]),
    ]
    casts += [("float16", "float32", [0.1, 1e-7, 65504]), ("float32", "float64", [0.1, 1e-30, -3.3])]
    casts += [("int32", "float32", [16777217, -3, 7])]
    for source, target, numbers in casts:
        trains = target.startswith("float") and source.startswith("float")
        cases.append(
            OpCase(
                "Cast",
                source + "_" + target,
                {"data": values(numbers, source)},
                {"dtype": target},
                is_train=trains,
            )
        )
    return cases


def _shapes() -> list[OpCase]:
    cases = []
    pairs: list[tuple[str, tuple[int, ...], tuple[int, ...]]] = [
        ("row", (3, 5), (1, 5)),
        ("both", (2, 1, 5), (1, 3, 1)),
        ("inner", (2, 3, 5, 7), (1, 3, 1, 1)),
        ("same", (3, 5), (3, 5)),
    ]
    for stem in ("add", "sub", "mul", "div", "maximum", "minimum"):
        for label, left, right in pairs:
            inputs = {"lhs": real(*left), "rhs": positive(*right)}
            cases.append(OpCase("broadcast_" + stem, label, inputs, add=label == "both"))
    cases += [
        OpCase("broadcast_maximum", "ties", {"lhs": values([1, 2, 3]), "rhs": values([1, 3, 2])}),
        OpCase("broadcast_minimum", "ties", {"lhs": values([1, 2, 3]), "rhs": values([1, 3, 2])}),
        OpCase("broadcast_to", "row", {"data": real(1, 5)}, {"shape": "(3, 5)"}, add=True),
        OpCase("broadcast_to", "keep", {"data": real(2, 1, 5)}, {"shape": "(0, 3, 0)"}),
        OpCase("broadcast_to", "two_axes", {"data": real(1, 3, 1)}, {"shape": "(2, 3, 5)"}),
    ]
    reductions = [
        ("all", (2, 3, 5), {}),
        ("axis1", (2, 3, 5), {"axis": "1"}),
        ("last", (2, 3, 5), {"axis": "-1"}),
        ("keep", (2, 3, 5), {"axis": "(0, 2)", "keepdims": "True"}),
        ("exclude", (2, 3, 5, 7), {"axis": "1", "exclude": "True"}),
        ("outer", (2, 3, 5, 7), {"axis": "(0, 1)"}),
        ("long", (3, 1031), {"axis": "1"}),
    ]
    for op in ("sum", "mean", "max", "min"):
        for label, shape, params in reductions:
            maker = distinct(*shape) if op in ("max", "min") else real(*shape)
            case = OpCase(
                op, label, {"data": maker}, dict(params), add=label == "keep", add_rule=op == "mean"
            )
            cases.append(case)
        cases.append(OpCase(op, "ties", {"data": values([[1, 3, 3], [2, 2, 0]])}, {"axis": "1"}))
    cube = {"data": real(2, 3, 5)}
    cases += [
        OpCase("argmax", "axis1", {"data": distinct(3, 5)}, {"axis": "1"}),
        OpCase("argmax", "axis0_keep", {"data": distinct(2, 3, 5)}, {"axis": "0", "keepdims": "True"}),
        OpCase("argmax", "all", {"data": distinct(3, 5)}),
        OpCase("argmax", "ties", {"data": values([[1, 3, 3], [2, 2, 0]])}, {"axis": "1"}),
        OpCase("transpose", "reverse", cube, add=True),
        OpCase("transpose", "axes", cube, {"axes": "(1, 0, 2)"}),
        OpCase("transpose", "axes_4d", {"data": real(2, 3, 5, 7)}, {"axes": "(0, 3, 1, 2)"}),
        OpCase("SwapAxis", "outer", cube, {"dim1": "0", "dim2": "2"}, add=True),
        OpCase("SwapAxis", "inner", {"data": real(2, 3, 5, 7)}, {"dim1": "1", "dim2": "2"}),
        OpCase("Flatten", "4d", {"data": real(2, 3, 5, 7)}, add=True),
        OpCase("Flatten", "1d", {"data": real(7)}),
        OpCase("expand_dims", "front", {"data": real(3, 5)}, {"axis": "0"}, add=True),
        OpCase("expand_dims", "last", {"data": real(3, 5)}, {"axis": "-1"}),
        OpCase(
            "slice_axis", "middle", {"data": real(3, 7)}, {"axis": "1", "begin": "2", "end": "5"}, add=True
        ),
        OpCase("slice_axis", "tail", {"data": real(2, 7, 3)}, {"axis": "1", "begin": "-3", "end": "None"}),
        OpCase("slice_axis", "head", {"data": real(7, 3)}, {"axis": "0", "begin": "0", "end": "-2"}),
    ]
    codes: list[tuple[str, tuple[int, ...]]] = [
        ("(4, 0, 2)", (2, 3, 4)),
        ("(0, -3)", (2, 3, 4)),
        ("(-3, -2)", (2, 3, 4)),
    ]
    codes += [
        ("(-4, 1, 2, -2)", (2, 3, 4)),
        ("(2, -4, -1, 3, -2)", (2, 3, 4)),
        ("(-1,)", (3, 5)),
        ("(-1, 6)", (3, 2, 5)),
    ]
    for index, (code, shape) in enumerate(codes):
        cases.append(
            OpCase("Reshape", f"code{index}", {"data": real(*shape)}, {"shape": code}, add=index == 0)
        )
    reverse = {"shape": "(-1, 0)", "reverse": "True"}
    cases.append(OpCase("Reshape", "reverse", {"data": real(10, 5, 4)}, reverse))
    cases += [
        OpCase("Concat", "dim1", {"arg0": real(2, 3), "arg1": real(2, 5)}, {"dim": "1"}, add=True),
        OpCase("Concat", "dim0", {"arg0": real(2, 5), "arg1": real(3, 5), "arg2": real(1, 5)}, {"dim": "0"}),
        OpCase("Concat", "dim2", {"arg0": real(2, 3, 5), "arg1": real(2, 3, 7)}, {"dim": "2"}),
        OpCase("Concat", "channels", {"arg0": real(2, 3, 5, 7), "arg1": real(2, 2, 5, 7)}),
        OpCase("Concat", "last", {"arg0": real(2, 3, 5), "arg1": real(2, 3, 2)}, {"dim": "-1"}),
        OpCase("SliceChannel", "three", {"data": real(2, 6, 5)}, {"num_outputs": "3"}, add=True),
        OpCase("SliceChannel", "axis0", {"data": real(4, 3)}, {"num_outputs": "2", "axis": "0"}),
        OpCase(
            "SliceChannel",
            "squeeze",
            {"data": real(2, 3, 5)},
            {"num_outputs": "3", "axis": "1", "squeeze_axis": "True"},
        ),
        OpCase("SliceChannel", "last", {"data": real(2, 3, 10)}, {"num_outputs": "5", "axis": "-1"}),
    ]
    return cases


def _optimizers() -> list[OpCase]:
    cases = []
    clipped = {"lr": "0.1", "wd": "0.03", "rescale_grad": "0.5", "clip_gradient": "0.3"}
    for label, params in (("plain", {"lr": "0.05"}), ("wd", {"lr": "0.1", "wd": "0.01"}), ("clip", clipped)):
        for op, states, extra in (
            ("sgd_update", (), {}),
            ("sgd_mom_update", ("mom",), {"momentum": "0.9"}),
            ("adam_update", ("mean", "var"), {"beta1": "0.9", "beta2": "0.99", "epsilon": "1e-08"}),
        ):
            inputs = {"weight": real(3, 5), "grad": real(3, 5)}
            for state in states:
                inputs[state] = positive(3, 5) if state == "var" else real(3, 5, scale=0.1)
            merged = dict(params, **extra)
            cases.append(OpCase(op, label, inputs, merged, mode="imperative", mutates=("weight", *states)))
    return cases


def _random() -> list[OpCase]:
    cases = []
    for size in (10, 64, 65, 200, 2000):
        shape = {"shape": f"({size},)"}
        cases += [
            OpCase("_random_uniform", f"n{size}", params=dict(shape), mode="imperative", seed=size + 1),
            OpCase("_random_normal", f"n{size}", params=dict(shape), mode="imperative", seed=size + 2),
        ]
    pair = {"low": "-2", "high": "3", "shape": "(7, 11)"}
    cases += [
        OpCase("_random_uniform", "range", params=pair, mode="imperative", seed=5),
        OpCase("_random_uniform", "second_call", params=pair, mode="imperative", seed=5, calls=2),
        OpCase("_random_uniform", "symbol", params=pair, is_train=False, seed=5),
        OpCase(
            "_random_uniform",
            "f64",
            params={"shape": "(131,)", "dtype": "float64"},
            mode="imperative",
            seed=9,
        ),
        OpCase(
            "_random_normal",
            "moved",
            params={"loc": "4", "scale": "0.5", "shape": "(3, 29)"},
            mode="imperative",
            seed=3,
        ),
        OpCase("_random_normal", "symbol", params={"shape": "(3, 29)"}, is_train=False, seed=3, calls=2),
        OpCase(
            "_random_normal", "f64", params={"shape": "(131,)", "dtype": "float64"}, mode="imperative", seed=9
        ),
    ]
    return cases


CASES: list[OpCase] = _elementwise() + _shapes() + _random() + _optimizers()
