"""Random matrices whose inverse, eigenvalues or factors are known to be well behaved.

They serve as inputs of the linear algebra operators' tests. Random numbers come from NumPy's global generator
in MXNet's order; results are float64 NumPy arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def new_orthonormal_matrix_2d(n: int) -> Array:
    """Orthonormal matrix (n, n): Q of ``X^T X`` for normal X."""
    x = np.random.randn(n, n)
    return np.linalg.qr(x.T @ x)[0]


def new_matrix_with_real_eigvals_2d(n: int) -> Array:
    """Matrix (n, n) with eigenvalues from [-10, 10): ``Q^-1 D Q`` for a Q with a condition number below 3."""
    while True:
        scales = np.random.uniform(-1.0, 1.0, n)
        v = np.random.uniform(-1.0, 1.0, n)
        v = v / np.linalg.norm(v)
        # a reflection, its columns scaled: the condition number is that of the scales
        q = (np.eye(n) - 2 * np.outer(v, v)) * scales
        if np.linalg.cond(q, 2) < 3:
            break
    eigenvalues = np.random.uniform(-10.0, 10.0, n)
    result: Array = np.linalg.inv(q) @ np.diag(eigenvalues) @ q
    return result


def new_sym_matrix_with_real_eigvals_2d(n: int) -> Array:
    """Symmetric matrix (n, n) with eigenvalues from [-10, 10)."""
    q = new_orthonormal_matrix_2d(n)
    result: Array = q.T @ np.diag(np.random.uniform(-10.0, 10.0, n)) @ q
    return result


def new_matrix_with_real_eigvals_nd(shape: tuple[int, ...]) -> Array:
    """Matrices of `new_matrix_with_real_eigvals_2d` along the leading axes of `shape`."""
    return _stacked(new_matrix_with_real_eigvals_2d, shape)


def new_sym_matrix_with_real_eigvals_nd(shape: tuple[int, ...]) -> Array:
    """Matrices of `new_sym_matrix_with_real_eigvals_2d` along the leading axes of `shape`."""
    return _stacked(new_sym_matrix_with_real_eigvals_2d, shape)


def _stacked(make: Callable[[int], Array], shape: tuple[int, ...]) -> Array:
    return np.array([make(shape[-1]) for _ in range(prod(shape[:-2]))]).reshape(shape)
