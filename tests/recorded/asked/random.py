"""Questions about random numbers: streams that a seed gives. Data only.

Uniform and normal numbers: basics.py. Here a node's numbers are asked, so that whatever goes through a
logarithm is compared within a tolerance, whole numbers exactly.
"""

from __future__ import annotations

from opcases import OpCase, values

_SCALARS = {
    "_random_exponential": [("half", {"lam": "0.5"})],
    "_random_gamma": [
        ("small", {"alpha": "0.3", "beta": "2"}),
        ("one", {}),
        ("large", {"alpha": "7.5", "beta": "0.5"}),
    ],
    "_random_poisson": [
        ("small", {"lam": "0.7"}),
        ("medium", {"lam": "11.5"}),
        ("twelve", {"lam": "12"}),
        ("large", {"lam": "90"}),
    ],
    "_random_negative_binomial": [("few", {"k": "3", "p": "0.4"}), ("many", {"k": "40", "p": "0.1"})],
    "_random_generalized_negative_binomial": [
        ("few", {"mu": "2", "alpha": "0.4"}),
        ("poisson", {"mu": "5", "alpha": "0"}),
        ("wide", {"mu": "40", "alpha": "1.5"}),
    ],
}
_ROWS = values([[0.5, 1.5], [4, 9]])
_SAMPLES = {
    "_sample_uniform": {"low": _ROWS, "high": values([[1, 2.5], [4, 19]])},
    "_sample_normal": {"mu": _ROWS, "sigma": values([[1, 2.5], [0.25, 19]])},
    "_sample_exponential": {"lam": _ROWS},
    "_sample_gamma": {"alpha": _ROWS, "beta": values([[1, 2.5], [0.25, 19]])},
    "_sample_poisson": {"lam": values([[0, 1.5], [14, 90]])},
    "_sample_negative_binomial": {"k": _ROWS, "p": values([[0.1, 0.5], [0.9, 1]])},
    "_sample_generalized_negative_binomial": {"mu": _ROWS, "alpha": values([[0, 0.5], [0.9, 2]])},
}


def _asked(op: str, label: str, params: dict[str, str], seed: int, calls: int = 1) -> OpCase:
    return OpCase(op, label, params=params, is_train=False, seed=seed, calls=calls)


def _scalars() -> list[OpCase]:
    cases = []
    for op, rows in sorted(_SCALARS.items()):
        for k, (label, params) in enumerate(rows):
            cases.append(_asked(op, label, {**params, "shape": "(211,)"}, seed=11 + k))
        first = rows[0][1]
        cases.append(_asked(op, "twice", {**first, "shape": "(7, 19)"}, seed=5, calls=2))
        cases.append(_asked(op, "f64", {**first, "shape": "(131,)", "dtype": "float64"}, seed=3))
    whole = {"low": "-7", "high": "100", "shape": "(211,)"}
    cases += [
        _asked("_random_randint", "default", whole, seed=5),
        _asked("_random_randint", "twice", whole, seed=5, calls=2),
        _asked("_random_randint", "int64", {**whole, "dtype": "int64", "high": str(2**50)}, seed=5),
    ]
    return cases


def _samples() -> list[OpCase]:
    cases = []
    for op, inputs in sorted(_SAMPLES.items()):
        cases += [
            OpCase(op, "rows", inputs, {"shape": "(3, 29)"}, is_train=False, seed=21),
            OpCase(op, "one", inputs, is_train=False, seed=22),
        ]
    # of these only what does not depend on the draws is the same here and there
    certain = {"data": values([[0, 1, 0], [1, 0, 0]])}
    cases += [
        OpCase("_sample_multinomial", "one", certain, is_train=False),
        OpCase(
            "_sample_multinomial", "many", certain, {"shape": "(2, 5)", "dtype": "float64"}, is_train=False
        ),
        OpCase("_sample_multinomial", "log", certain, {"shape": "5", "get_prob": "True"}),
        OpCase("_shuffle", "alike", {"data": values([[1, 2, 3]] * 5)}, is_train=False),
        _asked("_sample_unique_zipfian", "two", {"range_max": "100", "shape": "(2, 10)"}, seed=7),
        _asked("_sample_unique_zipfian", "all", {"range_max": "7", "shape": "(3, 7)"}, seed=8),
    ]
    return cases


def _likes() -> list[OpCase]:
    """The shape of an array; its numbers do not matter."""
    names = ("uniform", "normal", "exponential", "gamma", "poisson", "negative_binomial",
             "generalized_negative_binomial")  # fmt: skip
    like = {"data": values([[1, 2, 3], [4, 5, 6]])}
    return [
        OpCase(f"_random_{name}_like", "two", like, mode="imperative", seed=23, outs=()) for name in names
    ]


CASES: list[OpCase] = _scalars() + _samples() + _likes()
