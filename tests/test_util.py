"""`util`, `runtime`, `engine`, `libinfo`, `error`, `base`: what MXNet cannot be asked.

What it can be asked is in `recorded/programs`: base, util, context, runtime, names.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import pickle
import threading
from pathlib import Path

import pytest

import cysym as mx
from cysym.base import _Null

FEATURES = mx.runtime.Features()


# --- environment --------------------------------------------------------------------------------------------
def test_environment_is_that_of_c(monkeypatch: pytest.MonkeyPatch) -> None:
    libc = ctypes.CDLL(None)
    libc.getenv.restype = ctypes.c_char_p
    monkeypatch.delenv("CYSYM_TEST_VARIABLE", raising=False)
    mx.util.setenv("CYSYM_TEST_VARIABLE", "1")
    assert libc.getenv(b"CYSYM_TEST_VARIABLE") == b"1"
    libc.setenv(b"CYSYM_TEST_VARIABLE", b"from C", 1)
    assert mx.util.getenv("CYSYM_TEST_VARIABLE") == "from C"
    mx.util.setenv("CYSYM_TEST_VARIABLE", None)
    assert libc.getenv(b"CYSYM_TEST_VARIABLE") is None
    assert mx.util.getenv("CYSYM_TEST_VARIABLE") is None
    assert "CYSYM_TEST_VARIABLE" not in os.environ


def test_environment_refuses_what_is_no_text() -> None:
    with pytest.raises(TypeError):
        mx.util.setenv("CYSYM_TEST_VARIABLE", 3)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        mx.util.getenv(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="illegal environment variable"):
        mx.util.setenv("A=B", "1")


def test_makedirs(tmp_path: Path) -> None:
    mx.util.makedirs(str(tmp_path / "a" / "b"))
    mx.util.makedirs(str(tmp_path / "a" / "b"))
    assert (tmp_path / "a" / "b").is_dir()


# --- arrays of the NumPy namespace --------------------------------------------------------------------------
@pytest.mark.parametrize(
    "call",
    [
        lambda: mx.util.set_np(),
        lambda: mx.util.set_np(shape=True, array=True),
        lambda: mx.np_array(),
        lambda: mx.util.np_array(active=True),
        lambda: mx.use_np(lambda: 1),
        lambda: mx.use_np_array(type("Block", (), {})),
    ],
)
def test_numpy_arrays_are_refused(call) -> None:
    with pytest.raises(NotImplementedError, match=r"mxnet\.np, .*use NumPy for data.*use_np_shape"):
        call()
    assert not mx.is_np_shape()


def test_np_shape_is_a_threads_own() -> None:
    seen = []
    with mx.np_shape():
        thread = threading.Thread(target=lambda: seen.append(mx.is_np_shape()))
        thread.start()
        thread.join()
        seen.append(mx.is_np_shape())
    assert seen == [False, True]


def test_np_shape_ends_with_an_error_in_a_decorated_function() -> None:
    @mx.use_np_shape
    def fail() -> None:
        raise KeyError(mx.is_np_shape())

    with pytest.raises(KeyError, match="True"):
        fail()
    assert not mx.is_np_shape()


def test_class_in_np_shape_mode() -> None:
    class Base:
        def inherited(self) -> bool:
            return mx.is_np_shape()

    @mx.use_np_shape
    class Derived(Base):
        @staticmethod
        def static() -> bool:
            return mx.is_np_shape()

        @classmethod
        def of_class(cls) -> tuple[str, bool]:
            return cls.__name__, mx.is_np_shape()

    assert (Derived().static(), Derived.static(), Derived.of_class()) == (True, True, ("Derived", True))
    assert not Derived().inherited(), "only what the class itself defines"


# --- runtime, engine, libinfo, error ------------------------------------------------------------------------
def test_features_of_this_machine() -> None:
    assert FEATURES.is_enabled("opencl") == (mx.num_gpus() > 0)
    assert FEATURES.is_enabled("OPENCV") == (importlib.util.find_spec("PIL") is not None)
    for name in ("CUDA", "CUDNN", "NCCL", "TENSORRT", "MKLDNN", "BLAS_OPEN", "DIST_KVSTORE", "TVM_OP"):
        assert not FEATURES.is_enabled(name), name
    assert mx.runtime.Features.instance is not None
    assert [f.name for f in mx.runtime.feature_list()] == list(FEATURES)


@pytest.mark.parametrize("name", ["", "CUDA ", None, 3, b"CUDA"])
def test_unknown_feature(name) -> None:
    with pytest.raises(RuntimeError, match=r"known features are: .*'CUDA'"):
        FEATURES.is_enabled(name)


def test_bulk_size() -> None:
    before = mx.engine.set_bulk_size(7)
    try:
        with pytest.raises(ValueError, match="at least 0, got -1"):
            mx.engine.set_bulk_size(-1)
        with pytest.raises(ZeroDivisionError), mx.engine.bulk(9):
            raise ZeroDivisionError
        assert mx.engine.set_bulk_size(7) == 7
    finally:
        mx.engine.set_bulk_size(before)


def test_libraries() -> None:
    every = mx.libinfo.find_lib_path()
    assert {Path(p).name.partition(".")[0] for p in every} >= {"_core", "_planner"}
    assert [p for p in every if "_core" in p] == mx.libinfo.find_lib_path("_core")
    with pytest.raises(RuntimeError, match="'libother'"):
        mx.libinfo.find_lib_path("libother")
    with pytest.raises(mx.MXNetError, match="CustomOp"):
        mx.libinfo.find_include_path()


def test_internal_error_says_its_hint_once() -> None:
    error = mx.error.InternalError(str(mx.error.InternalError("boom")))
    assert str(error).count("please report") == 1


# --- base ---------------------------------------------------------------------------------------------------
def test_null_is_one_object() -> None:
    assert pickle.loads(pickle.dumps(_Null)) is _Null
    assert type(_Null)() is _Null


def test_null_stands_for_the_default(ctx) -> None:
    x = mx.nd.array([[3, 1], [2, 4]], ctx=ctx)
    assert mx.nd.sum(x, _Null, True).shape == mx.nd.sum(x, keepdims=True).shape
    assert mx.nd.topk(x, k=_Null).asnumpy().tolist() == mx.nd.topk(x).asnumpy().tolist()
    with pytest.raises(mx.MXNetError, match="num_hidden"):
        mx.nd.FullyConnected(x, x, no_bias=True, num_hidden=_Null)


def test_property_of_a_class_without_setter() -> None:
    class Fixed(mx.base.with_metaclass(mx.base._MXClassPropertyMetaClass)):
        @mx.base.classproperty
        def answer(cls) -> int:
            return 42

    with pytest.raises(mx.MXNetError, match="answer"):
        Fixed.answer = 3
    assert Fixed.answer == 42


def test_error_of_a_function_by_name() -> None:
    assert str(mx.base.NotImplementedForSymbol("f", "g")).startswith(
        'Function f (namely operator "g") is not'
    )


# --- scopes -------------------------------------------------------------------------------------------------
def test_scope_entered_twice_and_again() -> None:
    scope = mx.AttrScope(a="1")
    with mx.AttrScope(b="2"), scope, mx.AttrScope(a="3"), scope:
        assert mx.AttrScope.current.get(None) == {"a": "1", "b": "2"}
    with scope:  # MXNet keeps what it met around the scope the first time
        assert mx.AttrScope.current.get(None) == {"a": "1"}
    assert mx.AttrScope.current.get(None) == {}


def test_default_context_must_be_a_context() -> None:
    with pytest.raises(TypeError, match="default_ctx must be a Context"):
        mx.Context.default_ctx = "cpu"
    assert mx.current_context() == mx.cpu()


# --- backends of Symbol -------------------------------------------------------------------------------------
def test_backend_of_a_symbol() -> None:
    x = mx.sym.exp(mx.sym.Variable("x"))
    same = x.optimize_for("MKLDNN", {"x": mx.nd.ones((2,))}, ctx=mx.cpu(), skip_infer=True)
    assert same.tojson() == x.tojson()
    assert same is not x
    for call in (x.optimize_for, x.get_backend_symbol):
        with pytest.raises(mx.MXNetError, match=r"backend 'TensorRT' is not covered.*'MKLDNN'"):
            call("TensorRT")
    with pytest.raises(mx.MXNetError, match=r"mx\.np"):
        x.as_np_ndarray()


def test_array_classes() -> None:
    import numpy as np

    with pytest.raises(NotImplementedError, match="NDArray"):
        mx.nd.from_numpy(np.zeros(3), array_cls=np.ndarray)
    with pytest.raises(mx.MXNetError, match=r"mx\.image\.imdecode"):
        mx.nd.imdecode(b"", channels=3)
