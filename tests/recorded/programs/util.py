"""Helpers of `mxnet.util`: np-shape mode on functions and classes, the environment, ufunc options."""

import os
import subprocess

from . import outcome, program, says


@program(cpu=True)
def np_shape_scopes(mx, ctx):
    u = mx.util
    seen = [u.is_np_shape()]
    with u.np_shape():
        seen.append(u.is_np_shape())
        with u.np_shape(False):
            seen.append(u.is_np_shape())
        seen.append(u.is_np_shape())
        seen.append(mx.nd.zeros(()).shape == ())
    seen.append(u.is_np_shape())
    try:
        with u.np_shape(True):
            raise ValueError("out of the scope")
    except ValueError:
        seen.append(u.is_np_shape())
    return {
        "seen": seen,
        "set": [u.set_np_shape(True), u.set_np_shape(False), u.is_np_shape()],
        "same": mx.is_np_shape is u.is_np_shape and mx.np_shape is u.np_shape,
    }


@program(cpu=True, differs={"property/0/1": "a setter runs in the mode, too; MXNet leaves it out"})
def np_shape_on_functions_and_classes(mx, ctx):
    u = mx.util

    @u.use_np_shape
    def inside(a, b=2):
        """Documented."""
        return [a, b, u.is_np_shape()]

    @u.use_np_shape
    class Holder:
        plain = 3

        def __init__(self):
            self.made = u.is_np_shape()

        def method(self, a):
            return [a, u.is_np_shape()]

        @property
        def value(self):
            """Documented."""
            return [self._value, u.is_np_shape()]

        @value.setter
        def value(self, new):
            self._value = (new, u.is_np_shape())

        @classmethod
        def of_class(cls):
            return [cls.__name__, cls.plain]

    h = Holder()
    h.value = 7
    return {
        "function": inside(1, b=3),
        "name": [inside.__name__, inside.__doc__],
        "made": h.made,
        "method": h.method(4),
        "property": [list(h.value[0]), h.value[1]],
        "class": Holder.of_class(),
        "outside": u.is_np_shape(),
        "isinstance": isinstance(h, Holder),
        "wrong": outcome(lambda: u.use_np_shape(3)),
    }


@program(cpu=True, differs={"on": "arrays of the NumPy namespace are absent", "scope": "the same"})
def np_arrays(mx, ctx):
    u = mx.util
    found = {
        "before": u.is_np_array(),
        "shape only": [u.set_np(shape=True, array=False), u.is_np_shape(), u.is_np_array()],
        "reset": [u.reset_np(), u.is_np_shape(), u.is_np_array()],
        "needs shape": outcome(lambda: u.set_np(shape=False, array=True)),
    }
    with u.np_array(False):
        found["off"] = u.is_np_array()
    try:
        found["on"] = outcome(lambda: u.set_np())
        found["scope"] = outcome(lambda: u.np_array(True).__enter__() is not None)
    finally:
        u.reset_np()
    return found


@program(cpu=True)
def environment(mx, ctx):
    u, name = mx.util, "MXNET_PROGRAM_VARIABLE"
    seen = [u.getenv(name)]
    u.setenv(name, "värde")
    seen += [
        u.getenv(name),
        subprocess.check_output(["sh", "-c", 'printf %s "$' + name + '"']).decode("utf-8"),
    ]
    u.setenv(name, "")
    seen.append(u.getenv(name))
    u.setenv(name, None)
    os.environ[name] = "from Python"
    seen.append(u.getenv(name))
    del os.environ[name]
    seen.append(u.getenv(name))
    return seen


@program(cpu=True)
def ufunc_options(mx, ctx):
    u = mx.util
    cases = [
        ("where", True),
        ("where", False),
        ("where", 3),
        ("casting", "safe"),
        ("casting", "x"),
        ("order", "K"),
        ("order", "Q"),
        ("dtype", "float32"),
        ("dtype", "bool"),
        ("dtype", float),
        ("subok", True),
        ("foo", 1),
    ]

    @u.wrap_np_unary_func
    def one(x, out=None, **kwargs):
        return [x, out]

    @u.wrap_np_binary_func
    def two(x, y, out=None, **kwargs):
        return [x, y, out]

    return {
        "legal": [u.np_ufunc_legal_option(k, v) for k, v in cases],
        "unary": [outcome(lambda k=k, v=v: one(1, **{k: v})) for k, v in cases],
        "binary": [outcome(lambda k=k, v=v: two(1, 2, **{k: v})) for k, v in cases],
        "out": [one(1, 2), one(1, out=3), two(1, 2, 3), two(1, 2, out=4)],
        "missing": [outcome(one), outcome(lambda: two(1))],
        "name": one.__name__,
    }


@program(cpu=True)
def modules_and_devices(mx, ctx):
    u = mx.util

    @u.set_module("mxnet.somewhere")
    def function():
        pass

    return {
        "module": function.__module__,
        "capability": says(lambda: u.get_cuda_compute_capability(mx.cpu()), "gpu", "cpu(0)"),
        "count": u.get_gpu_count() == mx.context.num_gpus(),
        "no such": outcome(lambda: u.get_gpu_memory(1000)),
    }
