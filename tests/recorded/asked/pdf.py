"""Questions about the _random_pdf_* operators. Data only.

In float32: MXNet's constants and its digamma are no better, whatever the type.
"""

from __future__ import annotations

from opcases import OpCase, ints, positive, probabilities, values

_P = values([0.25, 0.5, 0.75])
_ASKED = {
    "uniform": (positive(3, 5), {"low": values([-1, 0, 0.5]), "high": values([3, 4, 7])}),
    "normal": (positive(3, 5), {"mu": positive(3), "sigma": positive(3)}),
    "exponential": (positive(3, 5), {"lam": positive(3)}),
    "gamma": (positive(3, 5), {"alpha": positive(3), "beta": positive(3)}),
    "poisson": (ints(0, 6, 3, 5), {"lam": positive(3)}),
    "negative_binomial": (ints(0, 6, 3, 5), {"k": ints(1, 5, 3), "p": _P}),
    "generalized_negative_binomial": (ints(0, 6, 3, 5), {"mu": positive(3), "alpha": positive(3)}),
}


def _cases() -> list[OpCase]:
    cases = []
    for name, (sample, parameters) in sorted(_ASKED.items()):
        for label, params in (("plain", {}), ("log", {"is_log": "True"})):
            inputs = {"sample": sample, **parameters}
            cases.append(OpCase("_random_pdf_" + name, label, inputs, dict(params), add=not params))
    for label, params in (("plain", {}), ("log", {"is_log": "True"})):
        inputs = {"sample": probabilities(2, 5, 3), "alpha": positive(2, 3)}
        cases.append(OpCase("_random_pdf_dirichlet", label, inputs, dict(params)))
    inputs = {"sample": probabilities(5, 3), "alpha": positive(5, 3)}
    cases.append(OpCase("_random_pdf_dirichlet", "one_each", inputs))
    return cases


CASES: list[OpCase] = _cases()
