"""Tools for tests of symbols and operators, as in ``mxnet.test_utils``; NumPy is all they need.

tolerance -> comparison -> gradient, symbolic, consistency (checks of symbols); arrays, matrices, generators
(random inputs); data, fetch (data sets); surroundings (contexts, environment).
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

from .. import absent
from .arrays import (
    assign_each,
    assign_each2,
    collapse_sum_like,
    create_2d_tensor,
    create_sparse_array,
    create_sparse_array_zd,
    create_vector,
    get_identity_mat,
    get_identity_mat_batch,
    np_reduce,
    rand_coord_2d,
    rand_ndarray,
    rand_shape_2d,
    rand_shape_3d,
    rand_shape_nd,
    rand_sparse_ndarray,
    random_arrays,
    random_sample,
    random_uniform_arrays,
    shuffle_csr_column_indices,
)
from .comparison import (
    almost_equal,
    assert_allclose,
    assert_almost_equal,
    assert_almost_equal_ignore_nan,
    assert_almost_equal_with_err,
    checkShapes,
    compare_ndarray_tuple,
    locationError,
    same,
    same_array,
)
from .consistency import (
    check_consistency,
    check_gluon_hybridize_consistency,
    compare_optimizer,
    same_symbol_structure,
)
from .data import (
    DummyIter,
    download_model,
    get_cifar10,
    get_im2rec_path,
    get_mnist,
    get_mnist_iterator,
    get_mnist_pkl,
    get_mnist_ubyte,
)
from .fetch import download, get_bz2_data, get_zip_data
from .generators import chi_square_check, gen_buckets_probs_with_ppf, mean_check, var_check, verify_generator
from .gradient import check_numeric_gradient, numeric_grad, simple_forward
from .matrices import (
    new_matrix_with_real_eigvals_2d,
    new_matrix_with_real_eigvals_nd,
    new_orthonormal_matrix_2d,
    new_sym_matrix_with_real_eigvals_2d,
    new_sym_matrix_with_real_eigvals_nd,
)
from .surroundings import (
    assert_exception,
    default_context,
    discard_stderr,
    environment,
    has_tvm_ops,
    is_aarch64_run,
    is_cd_run,
    is_op_runnable,
    list_gpus,
    retry,
    set_default_context,
)
from .symbolic import check_speed, check_symbolic_backward, check_symbolic_forward
from .tolerance import (
    default_atols,
    default_dtype,
    default_numeric_eps,
    default_rtols,
    effective_dtype,
    get_atol,
    get_etol,
    get_rtol,
    get_tolerance,
    get_tols,
)

# MXNet's module says nothing of what it exports, so programs that import * from it live on these names, too:
# imported when somebody asks.
_BORROWED: dict[str, tuple[str, str]] = {
    "Context": ("cysym.context", "Context"),
    "Features": ("cysym.runtime", "Features"),
    "OrderedDict": ("collections", "OrderedDict"),
    "Symbol": ("cysym.symbol", "Symbol"),
    "array": ("cysym.ndarray", "array"),
    "bz2": ("bz2", ""),
    "contextmanager": ("contextlib", "contextmanager"),
    "current_context": ("cysym.context", "current_context"),
    "errno": ("errno", ""),
    "get_cuda_compute_capability": ("cysym.util", "get_cuda_compute_capability"),
    "getenv": ("cysym.util", "getenv"),
    "gzip": ("gzip", ""),
    "json": ("json", ""),
    "logging": ("logging", ""),
    "mx": ("cysym", ""),
    "np": ("numpy", ""),
    "npt": ("numpy.testing", ""),
    "numbers": ("numbers", ""),
    "os": ("os", ""),
    "platform": ("platform", ""),
    "rnd": ("numpy.random", ""),
    "setenv": ("cysym.util", "setenv"),
    "struct": ("struct", ""),
    "sys": ("sys", ""),
    "time": ("time", ""),
    "traceback": ("traceback", ""),
    "use_np": ("cysym.util", "use_np"),
    "zipfile": ("zipfile", ""),
}


def __getattr__(name: str) -> Any:
    place = _BORROWED.get(name)
    if place is None:
        raise absent.missing(sys.modules[__name__], name)
    module = importlib.import_module(place[0])
    return getattr(module, place[1]) if place[1] else module


def __dir__() -> list[str]:
    return sorted({*globals(), *_BORROWED})


__all__ = [
    "DummyIter", "almost_equal", "assert_allclose", "assert_almost_equal",
    "assert_almost_equal_ignore_nan", "assert_almost_equal_with_err", "assert_exception", "assign_each",
    "assign_each2", "checkShapes", "check_consistency", "check_gluon_hybridize_consistency",
    "check_numeric_gradient", "check_speed", "check_symbolic_backward", "check_symbolic_forward",
    "chi_square_check", "collapse_sum_like", "compare_ndarray_tuple", "compare_optimizer",
    "create_2d_tensor", "create_sparse_array", "create_sparse_array_zd", "create_vector", "default_atols",
    "default_context", "default_dtype", "default_numeric_eps", "default_rtols", "discard_stderr",
    "download", "download_model", "effective_dtype", "environment", "gen_buckets_probs_with_ppf",
    "get_atol", "get_bz2_data", "get_cifar10", "get_etol", "get_identity_mat", "get_identity_mat_batch",
    "get_im2rec_path", "get_mnist", "get_mnist_iterator", "get_mnist_pkl", "get_mnist_ubyte", "get_rtol",
    "get_tolerance", "get_tols", "get_zip_data", "has_tvm_ops", "is_aarch64_run", "is_cd_run",
    "is_op_runnable", "list_gpus", "locationError", "mean_check", "new_matrix_with_real_eigvals_2d",
    "new_matrix_with_real_eigvals_nd", "new_orthonormal_matrix_2d", "new_sym_matrix_with_real_eigvals_2d",
    "new_sym_matrix_with_real_eigvals_nd", "np_reduce", "numeric_grad", "rand_coord_2d", "rand_ndarray",
    "rand_shape_2d", "rand_shape_3d", "rand_shape_nd", "rand_sparse_ndarray", "random_arrays",
    "random_sample", "random_uniform_arrays", "retry", "same", "same_array", "same_symbol_structure",
    "set_default_context", "shuffle_csr_column_indices", "simple_forward", "var_check", "verify_generator",
]  # fmt: skip
__all__ += list(_BORROWED)
