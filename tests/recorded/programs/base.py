"""Helpers of `mxnet.base`, `mxnet.error` and `mxnet.registry`-like corners that programs import by name."""

import os
import pickle

from . import outcome, program, says


@program(cpu=True)
def kinds_of_values(mx, ctx):
    import numpy as np

    base = mx.base
    values = [
        1,
        True,
        1.5,
        "a",
        b"a",
        None,
        np.float32(1),
        np.int8(1),
        np.int32(1),
        np.int64(1),
        np.bool_(1),
        [1],
    ]
    return {
        "string": [isinstance(v, base.string_types) for v in values],
        "numeric": [isinstance(v, base.numeric_types) for v in values],
        "integer": [isinstance(v, base.integer_types) for v in values],
        "lists": [base._as_list(v) for v in (3, [1], (1, 2), "a")],
        "names": [base.long is int, base.basestring is str, base.mx_real_t is np.float32],
    }


@program(
    cpu=True,
    differs=dict.fromkeys(["no text/0", "no text/1"], "a TypeError that says what was expected"),
)
def texts(mx, ctx):
    base = mx.base
    names, types, descs = (
        ["a", "num_args", "b", "a"],
        ["int", "int", "float", "int"],
        ["first", "n", "", "again"],
    )
    return {
        "c_str": base.c_str("naïve").value,
        "py_str": base.py_str("naïve".encode()),
        "doc": base.build_param_doc(names, types, descs),
        "doc with duplicates": base.build_param_doc(names, types, descs, False),
        "no text": [outcome(lambda: base.c_str(3)), outcome(lambda: base.py_str("a"))],
    }


@program(cpu=True)
def folders(mx, ctx):
    home = os.environ.pop("HOME", None)
    try:
        os.environ["HOME"] = "/nowhere"
        os.environ.pop("MXNET_HOME", None)
        found = [mx.base.data_dir_default(), mx.base.data_dir()]
        os.environ["MXNET_HOME"] = "/elsewhere"
        return [*found, mx.base.data_dir_default(), mx.base.data_dir()]
    finally:
        os.environ.pop("MXNET_HOME", None)
        os.environ.pop("HOME")
        if home is not None:
            os.environ["HOME"] = home


@program(cpu=True)
def errors(mx, ctx):
    base = mx.base

    def asnumpy():
        pass

    x = mx.sym.Variable("x")

    def grow():
        y = x
        y += 1

    found = {
        "symbol": str(base.NotImplementedForSymbol(asnumpy, "alias", 1, "x")),
        "symbol alone": str(base.NotImplementedForSymbol(asnumpy, None)),
        "sparse": str(base.NotSupportedForSparseNDArray(asnumpy, "alias", 1)),
        "bases": [
            [c.__name__ for c in e.__mro__]
            for e in (base.NotImplementedForSymbol, base.NotSupportedForSparseNDArray, mx.MXNetError)
        ],
        "raised": [outcome(lambda: bool(x)), outcome(x.asnumpy), outcome(grow)],
        "text of bool": says(lambda: bool(x), "__bool__", '"bool"', "not implemented for Symbol"),
        "text of asnumpy": says(x.asnumpy, "Function asnumpy is not implemented for Symbol"),
        "error is": mx.error.MXNetError is mx.base.MXNetError is mx.MXNetError,
    }
    return found


@program(cpu=True)
def registered_errors(mx, ctx):
    @mx.error.register
    class NamedError(mx.MXNetError):
        pass

    @mx.base.register_error("another name")
    class OtherError(mx.MXNetError):
        pass

    types = mx.base.error_types
    internal = mx.error.InternalError("boom")
    return {
        "found": [types["NamedError"] is NamedError, types["another name"] is OtherError],
        "plain": mx.error.register("KeyError", KeyError) is KeyError,
        "names": sorted(
            set(types)
            & {
                "InternalError",
                "ValueError",
                "TypeError",
                "AttributeError",
                "IndexError",
                "NotImplementedError",
                "KeyError",
                "NotImplementedForSymbol",
            }
        ),
        "internal": [str(internal).startswith("boom\n"), isinstance(internal, mx.MXNetError)],
    }


@program(cpu=True)
def parameters_not_given(mx, ctx):
    null = mx.base._Null
    mx.random.seed(3)
    x = mx.nd.array([[1, 2], [3, 4]])
    return {
        "null": [repr(null), bool(null), type(null).__name__],
        "operator": mx.nd.sum(x, axis=null, keepdims=True),
        "reshape": mx.nd.Reshape(x, shape=(4,), reverse=null),
        "symbol": mx.sym.sum(mx.sym.Variable("x"), axis=null, name="s").list_attr(),
        "sampler": mx.nd.random.uniform(0, 1, shape=null, dtype=null),
        "multinomial": mx.nd.random.multinomial(mx.nd.array([0.0, 1.0]), shape=null),
    }


@program(cpu=True)
def properties_of_classes(mx, ctx):
    base = mx.base

    class Reads:
        @base.classproperty
        def answer(cls):
            return cls.__name__

    class Sets(base.with_metaclass(base._MXClassPropertyMetaClass, dict)):
        _value = 1

        @base.classproperty
        def value(cls):
            return cls._value

        @value.setter
        def value(cls, new):
            cls._value = new

        @base.classproperty
        def fixed(cls):
            return 3

    before = Sets.value
    Sets.value = 5

    def overwrite():
        Sets.fixed = 4

    return {
        "reads": [Reads.answer, Reads().answer],
        "sets": [before, Sets.value, Sets._value, Sets().value],
        "bases": [[b.__name__ for b in Sets.__bases__], type(Sets).__name__],
        "fixed": [outcome(overwrite) is not None, Sets.fixed],
        "pickled": pickle.loads(pickle.dumps(mx.cpu(1))) == mx.cpu(1),
    }
