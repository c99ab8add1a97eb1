"""What of MXNet is left out, and what to use instead: read by import errors, attribute errors and the tests.

Two tables of names below the package: modules that are absent whole, and names absent from modules that
exist. `ops/absent.py` says the same of operators. Nothing is imported here but the standard library and
`suggest`; the package calls `install` once.
"""

from __future__ import annotations

import opcode
import sys
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from types import ModuleType
from typing import Any, Final

from .suggest import did_you_mean

_NUMPY: Final = (
    "MXNet's NumPy namespace, is not covered; use NumPy for data and mx.nd or mx.sym for operators"
)
_SPARSE: Final = "storage of sparse arrays, is not covered; use dense arrays: mx.nd.array, mx.nd.dot"
_AMP: Final = (
    "mixed precision, is not covered; cast symbols and data to float16 and train with multi_precision"
)
_QUANTIZATION: Final = "8-bit quantization, is not covered; float16 halves the memory of a network"
_TVM: Final = "operators compiled with TVM, are not covered; see mx.operator.CustomOp"
_ONNX: Final = "exchange with ONNX, is not built yet; mx.sym.save and mx.nd.save write MXNet's own files"
_GENERATED: Final = (
    "functions generated from the operators, have no module of their own; use mx.nd and mx.sym"
)

# A module and all below it. Those of the next version stand in lines of their own at the end.
MODULES: Final[tuple[tuple[str, str], ...]] = (
    ("gluon", "the imperative layers, is not covered; compose with mx.sym and train with mx.mod.Module"),
    ("numpy", _NUMPY),
    ("np", _NUMPY),
    ("np_symbol", _NUMPY),
    ("numpy_extension", _NUMPY),
    ("npx", _NUMPY),
    ("numpy_dispatch_protocol", _NUMPY),
    ("numpy_op_fallback", _NUMPY),
    ("numpy_op_signature", _NUMPY),
    ("_numpy_op_doc", _NUMPY),
    ("ndarray.numpy", _NUMPY),
    ("ndarray.np", _NUMPY),
    ("ndarray.numpy_extension", _NUMPY),
    ("ndarray.npx", _NUMPY),
    ("symbol.numpy", _NUMPY),
    ("symbol.np", _NUMPY),
    ("symbol.numpy_extension", _NUMPY),
    ("symbol.npx", _NUMPY),
    ("ndarray.sparse", _SPARSE),
    ("symbol.sparse", _SPARSE),
    ("ndarray.gen_*", _GENERATED),
    ("symbol.gen_*", _GENERATED),
    ("ndarray.register", _GENERATED),
    ("ndarray_doc", "examples for docstrings, is not needed; help(mx.nd.reshape) has them"),
    ("symbol_doc", "examples for docstrings, is not needed; help(mx.sym.reshape) has them"),
    ("onnx", _ONNX),
    ("contrib.onnx", _ONNX),
    ("contrib.amp", _AMP),
    ("contrib.quantization", _QUANTIZATION),
    ("contrib.quant", _QUANTIZATION),
    ("contrib.text", "word vectors, is not covered; load them with NumPy into the weight of an Embedding"),
    ("contrib.svrg_optimization", "variance-reduced SGD, is not covered; see mx.optimizer"),
    ("contrib.tensorboard", "a log for TensorBoard, is not covered; write one in a batch_end_callback"),
    (
        "contrib.io",
        "a wrapper of Gluon's DataLoader, is not covered; use mx.io.NDArrayIter or an own DataIter",
    ),
    ("notebook", "live charts in notebooks, is not covered; draw them in an eval_end_callback"),
    ("rtc", "CUDA source compiled at run time, is not covered; see mx.operator.CustomOp"),
    ("tvmop", _TVM),
    ("space", _TVM),
    ("api", _TVM),
    ("library", "operators loaded from C++ libraries, is not covered; see mx.operator.CustomOp"),
    ("torch", "operators of Lua Torch, is not covered; see mx.operator.CustomOp"),
    ("th", "operators of Lua Torch, is not covered; see mx.operator.CustomOp"),
    ("cython", "MXNet's own bindings, is not needed"),
    ("libmxnet", "MXNet's C library, is not used; cysym.libinfo.find_lib_path names what is"),
    ("_ctypes", "MXNet's C interface, is not used"),
    ("_ffi", "MXNet's C interface, is not used"),
)

_PLUMBING: Final = "it is plumbing of MXNet's C interface, which nothing here goes through"
_UPDATE: Final = "MXNet's own always fails; call mx.nd.contrib.adamw_update"
_INDEXING: Final = "it is a step of MXNet's own indexing; index the array"

# path.name; * stands for any text.
NAMES: Final[tuple[tuple[str, str], ...]] = (
    ("base.*Handle", _PLUMBING),
    ("*._LIB", _PLUMBING),
    ("ndarray.ndarray._new_*", _PLUMBING),
    ("ndarray.ndarray._storage_type", _PLUMBING),
    ("base.MXCallbackList", _PLUMBING),
    ("base.mx_float*", _PLUMBING),
    ("base.mx_int*", _PLUMBING),
    ("base.mx_uint", _PLUMBING),
    ("base.c_array*", _PLUMBING),
    ("base.c_handle_array", _PLUMBING),
    ("base.c_str_array", _PLUMBING),
    ("base.c2pyerror", _PLUMBING),
    ("base.check_call", _PLUMBING),
    ("base.ctypes2*", _PLUMBING),
    ("base.get_last_ffi_error", _PLUMBING),
    (
        "base.add_fileline_to_docstring",
        "it marked generated code; docstrings here are written with the operators",
    ),
    ("ndarray.ndarray.DL*", _PLUMBING),
    ("ndarray.ndarray.DeleterFunc", _PLUMBING),
    ("ndarray.ndarray.PyCapsuleDestructor", _PLUMBING),
    ("ndarray.ndarray.dl_managed_tensor_deleter", _PLUMBING),
    ("*.handle", _PLUMBING),
    ("*.CachedOp.is_np_sym", _PLUMBING),
    ("ndarray.get_indexing_dispatch_code", _INDEXING),
    ("ndarray.get_oshape_of_gather_nd_op", _INDEXING),
    ("ndarray.indexing_key_expand_implicit_axes", _INDEXING),
    ("ndarray.ndarray.check_boolean_array_dimension", _INDEXING),
    ("ndarray.ndarray.get_indexing_dispatch_code", _INDEXING),
    ("ndarray.ndarray.get_oshape_of_gather_nd_op", _INDEXING),
    ("ndarray.ndarray.indexing_key_expand_implicit_axes", _INDEXING),
    ("symbol.contrib.adamw_update", _UPDATE),
    ("symbol.contrib.mp_adamw_update", _UPDATE),
    ("symbol.register.adamw_update", _UPDATE),
    ("symbol.register.mp_adamw_update", _UPDATE),
    ("operator.CustomOpProp.infer_storage_type*", "it is about sparse arrays; all arrays are dense"),
    ("*.NDArrayBase", _PLUMBING),
    ("*.SymbolBase", _PLUMBING),
    ("operator.OperatorArguments", _PLUMBING),
    ("operator.get_operator_arguments", _PLUMBING),
    ("operator.c_int_p", _PLUMBING),
)


_IMPORT_FROM: Final = opcode.opmap["IMPORT_FROM"]


class AbsentError(AttributeError, NotImplementedError):
    """A module or name of MXNet that is left out; `hasattr` says False."""


class AbsentImportError(ImportError, NotImplementedError):
    """A module of MXNet that is left out was imported."""


def why_absent(path: str) -> str | None:
    """What ``mxnet.path`` is and why it is left out, None for a path that is not known to be.

    >>> why_absent("base.check_call").partition(":")[0]
    'mxnet.base.check_call is left out'
    >>> why_absent("gluon.nn").split(";")[0]
    'mxnet.gluon, the imperative layers, is not covered'
    >>> why_absent("symbol") is None
    True
    """
    parts = path.split(".")
    for count in range(1, len(parts) + 1):
        whole = ".".join(parts[:count])
        for pattern, reason in MODULES:
            if fnmatchcase(whole, pattern):
                return f"mxnet.{whole}{' ' if reason.startswith('is ') else ', '}{reason}"
    for pattern, reason in NAMES:
        if fnmatchcase(path, pattern):
            return f"mxnet.{path} is left out: {reason}"
    return None


class _Finder:
    """Asked last by the import system: explains why a module of the package is not there."""

    def __init__(self, package: str) -> None:
        self._prefix = package + "."

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> None:
        if fullname.startswith(self._prefix):
            reason = why_absent(fullname.removeprefix(self._prefix))
            if reason:
                raise AbsentImportError(f"{fullname}: {reason}", name=fullname)


def missing(module: ModuleType, name: str, known: str | None = None) -> AttributeError:
    """The error for a module without attribute `name`: with the reason where there is one.

    Parameters
    ----------
    known
        A reason the caller knows.
    """
    path = module.__name__.partition(".")[2]
    reason = None if name.startswith("__") else why_absent(f"{path}.{name}".removeprefix(".")) or known
    text = f"module {module.__name__!r} has no attribute {name!r}"
    if reason:
        return AbsentError(f"{text}: {reason}", name=name, obj=module)
    near = "" if name.startswith("_") else did_you_mean(name, dir(module))
    if near:  # without `obj`, for which Python's traceback would guess once more
        return AttributeError(text + near, name=name)
    return AttributeError(text, name=name, obj=module)


def explain(module: ModuleType, why: Callable[[str], str | None] | None = None) -> None:
    """Let a module that has no ``__getattr__`` say why a name of MXNet's is not in it.

    Parameters
    ----------
    why
        Further reasons by name.
    """

    def __getattr__(name: str) -> Any:
        error = missing(module, name, why and why(name))
        frame = sys._getframe(1)
        # An AttributeError's text is lost when ``from module import name`` meets it.
        if isinstance(error, AbsentError) and frame.f_code.co_code[frame.f_lasti] == _IMPORT_FROM:
            raise AbsentImportError(str(error), name=module.__name__)
        raise error

    vars(module).setdefault("__getattr__", __getattr__)


def member(path: str) -> Any:
    """Property that says why a class of MXNet has a member that this one has not.

    >>> class Array: handle = member("ndarray.NDArray.handle")
    >>> hasattr(Array(), "handle")
    False
    """
    name = path.rpartition(".")[2]

    def explain_member(self: Any) -> Any:
        raise AbsentError(f"{type(self).__name__!r} object has no attribute {name!r}: {why_absent(path)}")

    return property(explain_member)


_EAGER: Final = ("attribute", "autograd", "base", "context", "executor", "name", "random", "util")


def install(package: str) -> None:
    """Make the import system and the modules with absent names answer for the package."""
    if not any(isinstance(f, _Finder) for f in sys.meta_path):
        sys.meta_path.append(_Finder(package))
    for path in (*_modules_with_absent_names(), *_EAGER):
        module = sys.modules.get(f"{package}.{path}")
        if module is not None:
            explain(module)


def _modules_with_absent_names() -> Sequence[str]:
    return list(dict.fromkeys(pattern.rpartition(".")[0] for pattern, _ in NAMES))
