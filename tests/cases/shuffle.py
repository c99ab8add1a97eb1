"""Cases of _shuffle: the slices stay whole and none is lost. Likelihood: test_random."""

from __future__ import annotations

import numpy as np

from . import Array, Case, integers, normal

TYPES = ("float32", "float64", "float16", "uint8", "int8", "int32", "int64")


def check(outputs: list[Array], data: Array) -> None:
    got, want = (np.sort(a.reshape(len(a), -1), axis=0) for a in (outputs[0].astype(np.float64), data))
    np.testing.assert_array_equal(got, want)
    if len(data) > 100:
        assert (outputs[0] == data).mean() < 0.5
    rows = {tuple(row) for row in data.reshape(len(data), -1)}
    assert all(tuple(row) in rows for row in outputs[0].astype(np.float64).reshape(len(data), -1))


def same(*shape: int) -> Case:
    """All slices are alike, so order does not matter, and the sum of the gradient is that of the head's."""
    maker = lambda rng: np.broadcast_to(rng.standard_normal(shape[1:]), shape)  # noqa: E731
    return Case("_shuffle", {"data": maker}, lambda data: data, gradient=None, exact=True)


CASES = [
    Case("_shuffle", {"data": integers(131, 3)}, None, gradient=None, dtypes=TYPES, check=check),
    Case("_shuffle", {"data": normal(1, 3, 5)}, None, gradient=None, check=check),
    Case("_shuffle", {"data": normal(1, 3, 5)}, lambda data: data, exact=True),
    Case("_shuffle", {"data": normal(5003)}, None, gradient=None, check=check),
    same(7, 3, 5),
]
