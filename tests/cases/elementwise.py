"""Cases of the elementwise operators: the truth beside every name, independent of the expressions in the
tables.

`UNARY` and `BINARY` map a name to its NumPy function and the interval inputs are drawn from, away from poles
and kinks; those have cases of their own, with the gradient MXNet defines there."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from . import Array, Case, Maker, exactly, integers, normal

Function = Callable[..., Array]

erf = np.vectorize(math.erf, otypes=[np.float64])
erfc = np.vectorize(math.erfc, otypes=[np.float64])
gamma = np.vectorize(math.gamma, otypes=[np.float64])
gammaln = np.vectorize(math.lgamma, otypes=[np.float64])


def erfinv(x: Array) -> Array:
    """By bisection of erfc, which keeps its accuracy at both ends; NaN outside [-1, 1]."""
    low, high = np.zeros(x.shape), np.full(x.shape, 6.0)
    for _ in range(60):
        middle = (low + high) / 2
        is_above = erfc(middle) < 1 - np.abs(x)
        low, high = np.where(is_above, low, middle), np.where(is_above, middle, high)
    inside = np.where(np.abs(x) < 1, (low + high) / 2, np.where(np.abs(x) == 1, np.inf, np.nan))
    return np.copysign(inside, x)


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def half_away(x: Array) -> Array:
    return np.copysign(np.floor(np.abs(x) + 0.5), x)


def half_down(x: Array) -> Array:
    return np.ceil(x - 0.5)


def modulo(a: Array, b: Array) -> Array:
    """The remainder with the divisor's sign, 0 for a divisor of 0."""
    a, b = np.broadcast_arrays(a, b)
    return np.where(b == 0, 0, np.mod(a, np.where(b == 0, 1, b)))


def selu(x: Array) -> Array:
    return 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(np.minimum(x, 0)))


def gelu(x: Array) -> Array:
    return x * (1 + erf(x / np.sqrt(2))) / 2


def softrelu(x: Array) -> Array:
    return np.logaddexp(0, x)


UNARY: dict[str, tuple[Function, float, float]] = {
    "negative": (np.negative, -3, 3),
    "reciprocal": (np.reciprocal, 0.3, 3),
    "abs": (np.abs, -3, 3),
    "square": (np.square, -3, 3),
    "sqrt": (np.sqrt, 0.1, 4),
    "rsqrt": (lambda x: 1 / np.sqrt(x), 0.2, 4),
    "cbrt": (np.cbrt, -4, -0.3),
    "rcbrt": (lambda x: 1 / np.cbrt(x), 0.3, 4),
    "exp": (np.exp, -4, 4),
    "expm1": (np.expm1, -2, 3),
    "log": (np.log, 0.1, 5),
    "log10": (np.log10, 0.1, 5),
    "log2": (np.log2, 0.1, 5),
    "log1p": (np.log1p, -0.8, 5),
    "sin": (np.sin, -7, 7),
    "cos": (np.cos, -7, 7),
    "tan": (np.tan, -1.3, 1.3),
    "arcsin": (np.arcsin, -0.9, 0.9),
    "arccos": (np.arccos, -0.9, 0.9),
    "arctan": (np.arctan, -5, 5),
    "sinh": (np.sinh, -3, 3),
    "cosh": (np.cosh, -3, 3),
    "tanh": (np.tanh, -4, 4),
    "arcsinh": (np.arcsinh, -5, 5),
    "arccosh": (np.arccosh, 1.2, 5),
    "arctanh": (np.arctanh, -0.9, 0.9),
    "degrees": (np.degrees, -5, 5),
    "radians": (np.radians, -300, 300),
    "erf": (erf, -3, 3),
    "erfinv": (erfinv, -0.9, 0.9),
    "gamma": (gamma, 0.4, 4.5),
    "gammaln": (gammaln, 0.4, 9),
    "relu": (lambda x: np.maximum(x, 0), -3, 3),
    "sigmoid": (sigmoid, -9, 9),
    "softsign": (lambda x: x / (1 + np.abs(x)), -4, 4),
}
# No gradient: the expected one is zero.
STEPS: dict[str, Function] = {
    "zeros_like": np.zeros_like,
    "ones_like": np.ones_like,
    "sign": np.sign,
    "round": half_away,
    "rint": half_down,
    "ceil": np.ceil,
    "floor": np.floor,
    "trunc": np.trunc,
    "fix": np.fix,
    "logical_not": lambda x: np.asarray(x == 0, np.float64),
}
ACTIVATIONS: dict[str, Function] = {
    "relu": UNARY["relu"][0],
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "softrelu": softrelu,
    "softsign": UNARY["softsign"][0],
}
LEAKY: dict[str, Function] = {
    "leaky": lambda x: np.where(x > 0, x, 0.3 * x),
    "elu": lambda x: np.where(x > 0, x, 0.3 * np.expm1(np.minimum(x, 0))),
    "selu": selu,
    "gelu": gelu,
}
# Name of the operator on one shape, of the broadcasting one, function, intervals of both operands.
BINARY: list[tuple[str, str, Function, tuple[float, float], tuple[float, float]]] = [
    ("elemwise_add", "broadcast_add", np.add, (-3, 3), (-3, 3)),
    ("elemwise_sub", "broadcast_sub", np.subtract, (-3, 3), (-3, 3)),
    ("elemwise_mul", "broadcast_mul", np.multiply, (-3, 3), (-3, 3)),
    ("elemwise_div", "broadcast_div", np.divide, (-3, 3), (0.4, 3)),
    ("_grad_add", "broadcast_add", np.add, (-3, 3), (-3, 3)),
    ("_scatter_elemwise_div", "broadcast_div", np.divide, (-3, 3), (0.4, 3)),
    ("_power", "broadcast_power", np.power, (0.4, 2), (-2, 2)),
    ("_hypot", "broadcast_hypot", np.hypot, (0.3, 3), (-3, 3)),
    ("_maximum", "broadcast_maximum", np.maximum, (-3, 3), (-3, 3)),
    ("_minimum", "broadcast_minimum", np.minimum, (-3, 3), (-3, 3)),
]
# Suffix of the names, function; inputs are whole numbers, so that operands are often equal and often 0.
COMPARISONS: list[tuple[str, Function]] = [
    ("equal", np.equal),
    ("not_equal", np.not_equal),
    ("greater", np.greater),
    ("greater_equal", np.greater_equal),
    ("lesser", np.less),
    ("lesser_equal", np.less_equal),
    ("logical_and", np.logical_and),
    ("logical_or", np.logical_or),
    ("logical_xor", np.logical_xor),
]
# Function of x and the number s, interval of x, s.
SCALAR: dict[str, tuple[Function, float, float, float]] = {
    "_plus_scalar": (lambda x, s: x + s, -3, 3, 1.75),
    "_minus_scalar": (lambda x, s: x - s, -3, 3, 1.75),
    "_scatter_plus_scalar": (lambda x, s: x + s, -3, 3, 1.75),
    "_scatter_minus_scalar": (lambda x, s: x - s, -3, 3, 1.75),
    "_rminus_scalar": (lambda x, s: s - x, -3, 3, 1.75),
    "_mul_scalar": (lambda x, s: x * s, -3, 3, -1.5),
    "_div_scalar": (lambda x, s: x / s, -3, 3, -1.5),
    "_rdiv_scalar": (lambda x, s: s / x, 0.4, 3, 2.5),
    "_power_scalar": (lambda x, s: x**s, 0.3, 3, 2.5),
    "_rpower_scalar": (lambda x, s: s**x, -2, 2, 2.5),
    "_hypot_scalar": (np.hypot, 0.3, 3, 1.5),
    "_maximum_scalar": (np.maximum, -3, 3, 0.5),
    "_minimum_scalar": (np.minimum, -3, 3, 0.5),
    "smooth_l1": (
        lambda x, s: np.where(np.abs(x) < 1 / s**2, (s * x) ** 2 / 2, np.abs(x) - 0.5 / s**2), -3, 3, 0.8
    ),
}  # fmt: skip


def grid(*shape: int, low: float, high: float, at: float = 0.005) -> Maker:
    """Uniform numbers that keep away from multiples of 0.01, where the kinks are, and from another `at`."""
    return lambda rng: np.floor(rng.uniform(low, high, shape) * 100) / 100 + at


def as_number(f: Function) -> Function:
    return lambda *a: np.asarray(f(*a), np.float64)


def of_data(f: Function, *args: Any) -> Callable[..., Array]:
    return lambda data: f(data, *args)


def of_pair(f: Function) -> Callable[..., Array]:
    return lambda lhs, rhs: f(lhs, rhs)


def no_gradient(ograds: list[Array], **inputs: Array) -> dict[str, Array]:
    return {name: np.zeros_like(value) for name, value in inputs.items()}


def at_points(points: list[float], slopes: list[float]) -> dict[str, Any]:
    """Inputs at chosen points and the gradient MXNet defines there."""
    return {
        "inputs": {"data": exactly(points)},
        "gradient": lambda ograds, data: {"data": ograds[0] * np.array(slopes)},
    }


def unary_cases() -> list[Case]:
    cases = []
    for name, (f, low, high) in UNARY.items():
        cases.append(Case(name, {"data": grid(5, 7, low=low, high=high)}, of_data(f)))
        if name not in ("erfinv", "gamma", "gammaln"):
            special = exactly([np.nan, np.inf, -np.inf, 0.0, -1.5, 1.0, 700.0, -700.0, 1e-30])
            cases.append(Case(name, {"data": special}, of_data(f), gradient=None))
    for name, f in STEPS.items():
        inputs = {"data": grid(5, 7, low=-4, high=4)}
        cases.append(Case(name, inputs, of_data(f), gradient=no_gradient, exact=True))
        halves = exactly([-2.5, -1.5, -0.5, -0.2, 0.0, 0.2, 0.5, 1.5, 2.5, 8388607.0, -np.inf])
        cases.append(Case(name, {"data": halves}, of_data(f), gradient=None, exact=True))
    for act, f in ACTIVATIONS.items():
        cases.append(
            Case("Activation", {"data": grid(3, 5, 7, low=-5, high=5)}, of_data(f), {"act_type": act})
        )
    cases.append(
        Case("Activation", {"data": grid(5, low=-60, high=60)}, of_data(softrelu), {"act_type": "softrelu"})
    )
    cases.append(Case("relu", reference=of_data(UNARY["relu"][0]), **at_points([-1, 0, 2], [0, 0, 1])))
    cases.append(Case("abs", reference=of_data(np.abs), **at_points([-1, 0, 2], [-1, 0, 1])))
    cases.append(Case("tanh", {"data": normal(1)}, of_data(np.tanh)))
    cases.append(
        Case(
            "exp",
            {"data": normal(1031)},
            of_data(np.exp),
            gradient=lambda g, data: {"data": g[0] * np.exp(data)},
        )
    )
    return cases


def leaky_cases() -> list[Case]:
    data = grid(3, 5, 7, low=-3, high=3)
    cases = [
        Case("LeakyReLU", {"data": data}, of_data(f), {"act_type": act, "slope": 0.3})
        for act, f in LEAKY.items()
    ]

    def prelu(data: Array, gamma: Array) -> Array:
        wide = gamma.reshape(1, -1, 1) if gamma.ndim == 1 else gamma
        return np.where(data > 0, data, data * wide)

    for shape in ((5,), (1,), (3, 5, 7)):
        inputs = {"data": data, "gamma": grid(*shape, low=0.1, high=0.9)}
        cases.append(Case("LeakyReLU", inputs, prelu, {"act_type": "prelu"}))

    def rrelu(data: Array) -> tuple[Array, Array]:
        mask = np.where(data > 0, 1.0, 0.25)
        return data * mask, mask

    bounds = {"act_type": "rrelu", "lower_bound": 0.125, "upper_bound": 0.375}
    cases.append(Case("LeakyReLU", {"data": data}, rrelu, bounds, is_train=False))

    def check(outputs: list[Array], data: Array) -> None:
        """Slopes below 0 fill the interval evenly; the rest is as it was."""
        output, mask = (o.astype(np.float64) for o in outputs)
        np.testing.assert_allclose(output, data * mask, rtol=2 * float(np.finfo(outputs[0].dtype).eps))
        slopes = mask[data <= 0]
        assert (mask[data > 0] == 1).all()
        assert 0.125 <= slopes.min() <= slopes.max() <= 0.375
        assert len(np.unique(slopes)) > 0.4 * slopes.size
        shares = np.sort(slopes - 0.125) / 0.25
        distance = np.abs(shares - (np.arange(slopes.size) + 0.5) / slopes.size).max()
        assert distance < 2 / np.sqrt(slopes.size)  # Kolmogorov-Smirnov, once in a thousand runs

    for dtypes in (("float32", "float64"), ("float16",)):
        inputs = {"data": normal(7, 131)}
        cases.append(Case("LeakyReLU", inputs, None, bounds, None, dtypes=dtypes, check=check))
    return cases


def binary_cases() -> list[Case]:
    cases = []
    for name, broadcast, f, (a, b), (c, d) in BINARY:
        same = {"lhs": grid(5, 7, low=a, high=b), "rhs": grid(5, 7, low=c, high=d, at=0.002)}
        cases.append(Case(name, same, of_pair(f)))
        for left, right in (((3, 1, 5), (7, 1)), ((5,), (2, 3, 5)), ((3, 5), (3, 5)), ((1,), (2, 3))):
            inputs = {"lhs": grid(*left, low=a, high=b), "rhs": grid(*right, low=c, high=d, at=0.002)}
            cases.append(Case(broadcast, inputs, of_pair(f)))

    def mod_gradient(ograds: list[Array], lhs: Array, rhs: Array) -> dict[str, Array]:
        return {"lhs": ograds[0], "rhs": -ograds[0] * np.floor(lhs / rhs)}

    def mod_gradient_columns(ograds: list[Array], lhs: Array, rhs: Array) -> dict[str, Array]:
        full = -ograds[0] * np.floor(lhs / rhs)
        return {"lhs": ograds[0].sum(1, keepdims=True), "rhs": full.sum(0)}

    signed = exactly([-2.5, 0.7, 1.9, -0.3, 2.2])
    cases.append(
        Case("_mod", {"lhs": normal(5, scale=4), "rhs": signed}, of_pair(modulo), gradient=mod_gradient)
    )
    wide = {"lhs": normal(3, 1, scale=4), "rhs": signed}
    cases.append(Case("broadcast_mod", wide, of_pair(modulo), gradient=mod_gradient_columns))
    zero = {"lhs": exactly([3, -3, 0, 5, -5]), "rhs": exactly([0, 0, 0, -3, 3])}
    cases.append(Case("_mod", zero, of_pair(modulo), gradient=None, exact=True))
    for suffix, f in COMPARISONS:
        same = {"lhs": integers(5, 7, high=3), "rhs": integers(5, 7, high=3)}
        wide = {"lhs": integers(5, 1, high=3), "rhs": integers(7, high=3)}
        dtypes = ("float32", "float64", "int32", "uint8")
        for name, inputs in ((f"_{suffix}", same), (f"broadcast_{suffix}", wide)):
            reference = of_pair(as_number(f))
            cases.append(Case(name, inputs, reference, gradient=no_gradient, exact=True, dtypes=dtypes))
    tie = {"lhs": exactly([1, 2, 3]), "rhs": exactly([1, 3, 2])}

    def to_left(first: list[float]) -> Callable[..., dict[str, Array]]:
        share = np.array(first)
        return lambda ograds, lhs, rhs: {"lhs": ograds[0] * share, "rhs": ograds[0] * (1 - share)}

    cases.append(Case("_maximum", tie, of_pair(np.maximum), gradient=to_left([1, 0, 1])))
    cases.append(Case("_minimum", tie, of_pair(np.minimum), gradient=to_left([1, 1, 0])))
    nan = {"lhs": exactly([np.nan, 1, np.nan, 2, -np.inf]), "rhs": exactly([1, np.nan, np.nan, np.inf, 0])}
    for name, f in (("_maximum", np.maximum), ("_minimum", np.minimum), ("elemwise_add", np.add)):
        cases.append(Case(name, nan, of_pair(f), gradient=None))
    return cases


def scalar_cases() -> list[Case]:
    cases = []
    for name, (f, low, high, s) in SCALAR.items():
        cases.append(Case(name, {"data": grid(5, 7, low=low, high=high)}, of_data(f, s), {"scalar": s}))
    data = {"data": exactly([-4.4, -2.2, 0.13, 1.3, 5.7])}
    for name, f in (("_mod_scalar", modulo), ("_rmod_scalar", lambda x, s: modulo(np.asarray(s), x))):
        cases.append(Case(name, data, of_data(f, 1.5), {"scalar": 1.5}))
        cases.append(Case(name, data, of_data(f, -0.7), {"scalar": -0.7}))
    cases.append(Case("_mod_scalar", data, of_data(modulo, 0.0), {"scalar": 0}, gradient=None, exact=True))
    for suffix, f in COMPARISONS:
        for s in (1.0, 0.0):
            reference = of_data(as_number(f), s)
            inputs = {"data": integers(5, 7, high=3)}
            case = Case(
                f"_{suffix}_scalar", inputs, reference, {"scalar": s}, gradient=no_gradient, exact=True
            )
            cases.append(case)
    one = {"scalar": 1.0}
    cases.append(
        Case(
            "_maximum_scalar", reference=of_data(np.maximum, 1), params=one, **at_points([0, 1, 2], [0, 1, 1])
        )
    )
    cases.append(
        Case(
            "_minimum_scalar", reference=of_data(np.minimum, 1), params=one, **at_points([0, 1, 2], [1, 1, 0])
        )
    )
    bounds = {"a_min": -1.0, "a_max": 0.5}
    clip = of_data(np.clip, -1.0, 0.5)
    cases.append(Case("clip", {"data": grid(5, 7, low=-2, high=2)}, clip, bounds))
    cases.append(
        Case("clip", reference=clip, params=bounds, **at_points([-2, -1, 0, 0.5, 1], [0, 1, 1, 1, 0]))
    )
    # Neither bound is exceeded by NaN.
    cases.append(
        Case("clip", reference=clip, params=bounds, **at_points([np.nan, np.inf, -np.inf], [1, 0, 0]))
    )
    for params in ({}, {"alpha": 0.7, "beta": 0.1}):
        a, b = params.get("alpha", 0.2), params.get("beta", 0.5)
        inputs = {"data": grid(5, 7, low=-4, high=4)}
        hard = of_data(lambda x, a=a, b=b: np.clip(a * x + b, 0, 1))
        cases.append(Case("hard_sigmoid", inputs, hard, params))
    cases.append(Case("smooth_l1", {"data": normal(5, 7)}, of_data(SCALAR["smooth_l1"][0], 1.0)))
    return cases


def add_cases() -> list[Case]:
    def total(**inputs: Array) -> Array:
        return np.sum(list(inputs.values()), axis=0)

    return [Case("add_n", {f"arg{i}": normal(5, 7) for i in range(n)}, total) for n in (1, 2, 3, 13)]


def integer_cases() -> list[Case]:
    """Whole numbers: exact, cut towards zero, no division by zero."""
    kinds = ("int32", "int64", "uint8", "int8")
    signed = ("int32", "int64", "int8")
    pair = {"lhs": integers(5, 7, high=11), "rhs": integers(5, 7, high=4)}
    column = {"lhs": integers(5, 7, low=6, high=11), "rhs": integers(5, 1, high=4)}

    def divide(a: Array, b: Array) -> Array:
        a, b = np.broadcast_arrays(a, b)
        return np.trunc(np.where(b == 0, 0, a / np.where(b == 0, 1, b)))

    def case(op: str, inputs: Any, f: Function, dtypes: tuple[str, ...] = kinds, **params: Any) -> Case:
        of = of_pair if len(inputs) == 2 else of_data
        return Case(op, inputs, of(f), params, gradient=None, exact=True, dtypes=dtypes)

    data = {"data": integers(5, 7, high=9)}
    below = {"data": integers(5, 7, low=-9, high=9)}
    big = {"lhs": exactly([2**40 + 1, -3]), "rhs": exactly([2**40, 5])}
    return [
        case("elemwise_add", pair, np.add),
        case("elemwise_mul", pair, np.multiply),
        case("elemwise_div", pair, divide),
        case("_mod", pair, modulo),
        case("_maximum", pair, np.maximum),
        case("broadcast_sub", column, np.subtract),
        case("broadcast_div", column, divide),
        case("_plus_scalar", data, lambda x: x + 1, scalar=1.5),
        case("_rdiv_scalar", data, lambda x: divide(np.asarray(7.0), x), scalar=7),
        case("_mod_scalar", below, lambda x: np.mod(x, -4), signed, scalar=-4),
        case("abs", below, np.abs, signed),
        case("floor", below, np.floor, signed),
        case("round", below, np.floor, signed),
        case("sign", below, np.sign, signed),
        case("exp", {"data": integers(5, high=4)}, lambda x: np.trunc(np.exp(x))),
        case("sigmoid", below, lambda x: np.trunc(sigmoid(x)), signed),
        case("relu", below, lambda x: np.maximum(x, 0), signed),
        case("elemwise_sub", big, np.subtract, ("int64",)),
        case("broadcast_greater", big, as_number(np.greater), ("int64",)),
        case("clip", below, lambda x: np.clip(x, -3, 4), signed, a_min=-3, a_max=4),
    ]


def narrow_cases() -> list[Case]:
    """float16, which is computed in float32."""
    half: Any = {"dtypes": ("float16",)}
    pair = {"lhs": grid(5, 1, low=-2, high=2), "rhs": grid(5, 7, low=-2, high=2)}
    return [
        Case("tanh", {"data": grid(5, 7, low=-2, high=2)}, of_data(np.tanh), **half),
        Case("broadcast_mul", pair, of_pair(np.multiply), **half),
        Case(
            "_plus_scalar",
            {"data": grid(5, low=-2, high=2)},
            of_data(lambda x: x + 1.5),
            {"scalar": 1.5},
            **half,
        ),
    ]


CASES = [
    *unary_cases(),
    *leaky_cases(),
    *binary_cases(),
    *scalar_cases(),
    *add_cases(),
    *integer_cases(),
    *narrow_cases(),
]
