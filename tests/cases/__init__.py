"""What a test case of an operator is. One module a stem stands beside this file and lists its operators'
cases.

The harness (tests/test_operators.py) runs every case on every device and element type, forward and backward,
with write/add/null, in place or not, against the case's float64 NumPy reference; it fails for a registered
operator that no module here has a case for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray
Maker = Callable[[np.random.Generator], Array]


def normal(*shape: int, scale: float = 1.0, shift: float = 0.0) -> Maker:
    """Standard normal numbers."""
    return lambda rng: rng.standard_normal(shape) * scale + shift


def uniform(*shape: int, low: float = -1.0, high: float = 1.0) -> Maker:
    return lambda rng: rng.uniform(low, high, shape)


def integers(*shape: int, low: int = 0, high: int = 10) -> Maker:
    """Whole numbers as floats, as labels and indices are passed."""
    return lambda rng: rng.integers(low, high, shape).astype(np.float64)


def exactly(values: Any) -> Maker:
    return lambda rng: np.array(values, dtype=np.float64)


@dataclass
class Case:
    """One operator with parameters, inputs and the truth.

    Parameters
    ----------
    op
        Operator name as in ``mx.sym``.
    params
        As a user passes them.
    inputs
        Name (of the operator's input) -> maker of the array; use pairwise distinct primes as dimensions.
    reference
        ``reference(**inputs) -> output or tuple of (visible) outputs``, all float64. Auxiliary states are
        passed by name as well.
    gradient
        ``"numeric"``: central differences of `reference` under a random head gradient; a function
        ``gradient(ograds, **inputs) -> {input name: gradient}`` where the operator defines its own (loss
        layers) or differences are not apt (kinks, ties); None: the operator has no gradient.
    wrt
        Inputs whose gradient is checked; default all inputs.
    aux, aux_after
        Auxiliary states before (makers), and ``aux_after(**inputs) -> {name: array}`` after one train
        forward + backward.
    is_train
        Forward runs in training mode.
    dtypes
        Element types to run; default float32 and float64.
    tolerance
        Relative to the largest absolute value of the result, in units of the type's epsilon.
    check
        Instead of `reference`: ``check(outputs: list[Array], **inputs) -> None`` asserting properties (random
        ops).
    """

    op: str
    inputs: dict[str, Maker]
    reference: Callable[..., Any] | None = None
    params: dict[str, Any] = field(default_factory=dict)
    gradient: str | Callable[..., dict[str, Array]] | None = "numeric"
    wrt: tuple[str, ...] | None = None
    aux: dict[str, Maker] = field(default_factory=dict)
    aux_after: Callable[..., dict[str, Array]] | None = None
    is_train: bool = True
    dtypes: tuple[str, ...] = ("float32", "float64")
    input_dtypes: dict[str, str] = field(default_factory=dict)
    tolerance: float = 64.0
    check: Callable[..., None] | None = None
    exact: bool = False

    @property
    def id(self) -> str:
        inside = ",".join(f"{k}={v}" for k, v in self.params.items())
        return f"{self.op}({inside})".replace(" ", "")
