"""Arrays for tests: random ones, counted ones, shapes, and what NumPy of MXNet's days could not do.

All random numbers come from NumPy's global generator in MXNet's order, so ``np.random.seed`` gives the arrays
a program had under MXNet. Matrices with known eigenvalues are in matrices.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeVar

import numpy as np

from .. import ndarray as nd
from ..context import Context, current_context
from .comparison import as_numpy
from .tolerance import default_dtype

Array = np.ndarray[Any, Any]
T = TypeVar("T")


# --- random -------------------------------------------------------------------------------------------------
def random_arrays(*shapes: tuple[int, ...]) -> Any:
    """Standard normal arrays of these shapes: a list, or the array alone when one shape is given.

    >>> random_arrays((2, 3), (4,))[0].dtype
    dtype('float32')
    """
    arrays = [np.asarray(np.random.randn(*shape), dtype=default_dtype()) for shape in shapes]
    return arrays[0] if len(arrays) == 1 else arrays


def random_uniform_arrays(*shapes: Any, **kwargs: Any) -> list[Array]:
    """Arrays of these shapes with numbers from ``[low, high)``, by default [0, 1).

    Parameters
    ----------
    *shapes
        Shapes.
    low, high, dtype
        By keyword only.
    """
    low, high = kwargs.pop("low", 0.0), kwargs.pop("high", 1.0)
    dtype = kwargs.pop("dtype", default_dtype())
    if kwargs:
        raise TypeError(f"random_uniform_arrays got unexpected arguments {', '.join(kwargs)}")
    return [np.asarray(np.random.uniform(low, high, size=shape)).astype(dtype) for shape in shapes]


def random_sample(population: Sequence[T], k: int) -> Sequence[T]:
    """`k` elements of a list, drawn without putting back.

    Parameters
    ----------
    population
        List; it stays as it is.
    k
        How many.

    Raises
    ------
    AssertionError
        `k` is not between 0 and the length of the list.
    """
    if not 0 <= k <= len(population):
        raise AssertionError(f"cannot draw {k} of {len(population)} elements")
    drawn: Any = population[:]
    if drawn is population:  # an immutable sequence; MXNet fails on those
        drawn = list(population)
    np.random.shuffle(drawn)
    result: Sequence[T] = drawn[:k]
    return result


def rand_ndarray(
    shape: tuple[int, ...],
    stype: str = "default",
    density: float | None = None,
    dtype: Any = None,
    modifier_func: Callable[[Any], Any] | None = None,
    shuffle_csr_indices: bool = False,
    distribution: str | None = None,
    ctx: Context | None = None,
) -> nd.NDArray:
    """Standard normal NDArray.

    Parameters
    ----------
    shape
        Shape.
    stype
        Storage; only "default" exists.
    dtype
        Element type; default: float32.
    ctx
        Where it lies; default: the current context.
    density, modifier_func, shuffle_csr_indices, distribution
        Of no meaning for dense arrays, as in MXNet.

    Raises
    ------
    NotImplementedError
        `stype` names a sparse storage.
    """
    if stype != "default":
        _no_sparse(f"rand_ndarray(stype={stype!r})")
    result: nd.NDArray = nd.array(random_arrays(shape), dtype=dtype, ctx=ctx or current_context())
    return result


def _lowest(allow_zero_size: bool) -> int:
    return 0 if allow_zero_size else 1


def rand_shape_2d(dim0: int = 10, dim1: int = 10, allow_zero_size: bool = False) -> tuple[int, int]:
    """A random shape.

    Parameters
    ----------
    dim0, dim1
        The largest dimensions.
    allow_zero_size
        The smallest is 0 instead of 1.
    """
    low = _lowest(allow_zero_size)
    return int(np.random.randint(low, dim0 + 1)), int(np.random.randint(low, dim1 + 1))


def rand_shape_3d(
    dim0: int = 10, dim1: int = 10, dim2: int = 10, allow_zero_size: bool = False
) -> tuple[int, int, int]:
    """A random shape with dimensions up to `dim0`, `dim1`, `dim2`; see `rand_shape_2d`."""
    a, b = rand_shape_2d(dim0, dim1, allow_zero_size)
    return a, b, int(np.random.randint(_lowest(allow_zero_size), dim2 + 1))


def rand_shape_nd(num_dim: int, dim: int = 10, allow_zero_size: bool = False) -> tuple[int, ...]:
    """A random shape with `num_dim` dimensions up to `dim`; see `rand_shape_2d`."""
    return tuple(int(d) for d in np.random.randint(_lowest(allow_zero_size), dim + 1, size=num_dim))


def rand_coord_2d(x_low: int, x_high: int, y_low: int, y_high: int) -> tuple[np.int64, np.int64]:
    """Two random whole numbers, from ``[x_low, x_high)`` and ``[y_low, y_high)``."""
    x = np.random.randint(x_low, x_high, dtype=np.int64)
    y = np.random.randint(y_low, y_high, dtype=np.int64)
    return np.int64(x), np.int64(y)


# --- counted ------------------------------------------------------------------------------------------------
def create_vector(size: int, dtype: Any = np.int64) -> nd.NDArray:
    """0, 1, ..., `size` - 1 as an NDArray of type `dtype`."""
    result: nd.NDArray = nd.arange(0, size, dtype=dtype)
    return result


def create_2d_tensor(rows: int, columns: int, dtype: Any = np.int64) -> nd.NDArray:
    """NDArray (rows, columns) of row numbers."""
    result: nd.NDArray = create_vector(rows, dtype).reshape((rows, 1)).broadcast_to((rows, columns))
    return result


def get_identity_mat(size: int) -> nd.NDArray:
    """Identity matrix (size, size), float32."""
    result: nd.NDArray = nd.eye(size)
    return result


def get_identity_mat_batch(size: int) -> nd.NDArray:
    """Two identity matrices, (2, size, size)."""
    result: nd.NDArray = nd.array(np.stack([np.eye(size)] * 2))
    return result


# --- element by element -------------------------------------------------------------------------------------
def assign_each(the_input: Any, function: Callable[[Any], Any] | None) -> Array:
    """float64 array of ``function(x)`` for each element; a copy of the input where `function` is None.

    >>> assign_each(np.array([1.0, 4.0]), lambda x: x / 2)
    array([0.5, 2. ])
    """
    values = as_numpy(the_input)
    if function is None:
        return np.array(values)
    return np.array([function(x) for x in values.flat], dtype=np.float64).reshape(values.shape)


def assign_each2(input1: Any, input2: Any, function: Callable[[Any, Any], Any] | None) -> Array:
    """float64 array of ``function(x, y)`` for each pair of elements; a copy of the first input where
    `function` is None.

    Raises
    ------
    AssertionError
        The shapes differ.
    """
    one, other = as_numpy(input1), as_numpy(input2)
    if function is None:
        return np.array(one)
    if one.shape != other.shape:
        raise AssertionError(f"assign_each2 got shapes {one.shape} and {other.shape}")
    return np.array([function(x, y) for x, y in zip(one.flat, other.flat)], np.float64).reshape(one.shape)


def np_reduce(
    dat: Array, axis: int | Sequence[int] | None, keepdims: bool, numpy_reduce_func: Callable[..., Array]
) -> Array:
    """Reduce over several axes with a function that takes one: ``np_reduce(x, (0, 2), True, np.sum)``.

    Parameters
    ----------
    dat
        Array.
    axis
        Axis, axes, or None for all.
    keepdims
        Leave reduced axes with size 1.
    numpy_reduce_func
        Such as ``np.sum`` or ``np.max``; called with `axis`.
    """
    axes = [axis] if isinstance(axis, int) else list(range(dat.ndim) if axis is None else axis)
    result = dat
    for i in sorted(axes, reverse=True):
        result = numpy_reduce_func(result, axis=i)
    if not keepdims:
        return result
    kept = list(dat.shape)
    for i in axes:
        kept[i] = 1
    return result.reshape(kept)


def collapse_sum_like(a: Array, shape: tuple[int, ...]) -> Array:
    """`a` summed over the axes along which `shape` would be broadcast to it: the gradient of a broadcast.

    Raises
    ------
    AssertionError
        `shape` cannot be broadcast to the shape of `a`.

    >>> collapse_sum_like(np.ones((2, 3)), (1, 3))
    array([[2., 2., 2.]])
    """
    extra = a.ndim - len(shape)
    if extra < 0 or any(s not in (1, a.shape[extra + i]) for i, s in enumerate(shape) if a.size):
        raise AssertionError(f"shape {tuple(shape)} cannot be broadcast to {a.shape}")
    if a.size == 0 or 0 in shape:
        return np.zeros(shape, dtype=a.dtype)
    axes = [*range(extra), *(extra + i for i, s in enumerate(shape) if s != a.shape[extra + i])]
    return np.asarray(np.sum(a, axis=tuple(axes))).reshape(shape)


# --- sparse: absent -----------------------------------------------------------------------------------------
def _no_sparse(what: str) -> NoReturn:
    raise NotImplementedError(
        f"{what}: sparse arrays are absent here; use dense ones, as rand_ndarray(shape)"
    )


def rand_sparse_ndarray(
    shape: tuple[int, ...],
    stype: str,
    density: float | None = None,
    dtype: Any = None,
    distribution: str | None = None,
    data_init: float | None = None,
    rsp_indices: Any = None,
    modifier_func: Callable[[Any], Any] | None = None,
    shuffle_csr_indices: bool = False,
    ctx: Context | None = None,
) -> NoReturn:
    """Always raises NotImplementedError: there are no sparse arrays."""
    _no_sparse("rand_sparse_ndarray")


def create_sparse_array(
    shape: tuple[int, ...],
    stype: str,
    data_init: float | None = None,
    rsp_indices: Any = None,
    dtype: Any = None,
    modifier_func: Callable[[Any], Any] | None = None,
    density: float = 0.5,
    shuffle_csr_indices: bool = False,
) -> NoReturn:
    """Always raises NotImplementedError: there are no sparse arrays."""
    _no_sparse("create_sparse_array")


def create_sparse_array_zd(
    shape: tuple[int, ...],
    stype: str,
    density: float,
    data_init: float | None = None,
    rsp_indices: Any = None,
    dtype: Any = None,
    modifier_func: Callable[[Any], Any] | None = None,
    shuffle_csr_indices: bool = False,
) -> NoReturn:
    """Always raises NotImplementedError: there are no sparse arrays."""
    _no_sparse("create_sparse_array_zd")


def shuffle_csr_column_indices(csr: Any) -> NoReturn:
    """Always raises NotImplementedError: there are no sparse arrays."""
    _no_sparse("shuffle_csr_column_indices")
