"""Programs that run the same on MXNet 1.9.1 and on cysym; `record_programs.py` asks MXNet, tests ask cysym.

Each module holds functions marked `@program`: they take the imported framework and a context and return what
a user can see of it: a dict, list or tuple of numbers, texts, None, NumPy arrays and NDArrays. `AREA.json`
and `AREA.npz` beside the module AREA.py hold MXNet's answers. Everything here runs on Python 3.8.
"""

import contextlib
import logging
import os
import tempfile

import numpy as np


class Program:
    """A function with what a comparison needs to know.

    `rtol`/`atol` hold for floating-point answers. `differs` maps places in the answer (such as "grads/w" or
    "text") to the reason why cysym's answer is meant to be another than MXNet's; a place that agrees is then
    an error, too. `cpu` programs have nothing to run on another device.
    """

    def __init__(self, function, rtol, atol, differs, cpu):
        self.function, self.rtol, self.atol = function, rtol, atol
        self.differs, self.cpu = differs, cpu
        self.name = function.__name__

    def __call__(self, mx, ctx):
        return self.function(mx, ctx)

    def __repr__(self):
        return self.name


def program(function=None, rtol=1e-5, atol=1e-6, differs=None, cpu=False):
    """Mark a function as a program of its module."""
    if function is None:
        return lambda f: program(f, rtol, atol, differs, cpu)
    return Program(function, rtol, atol, dict(differs or {}), cpu)


def fresh(function):
    """The function of a program with automatic names counted from 0."""

    def wrapped(mx, ctx):
        with mx.name.NameManager():
            return function(mx, ctx)

    wrapped.__name__ = function.__name__
    return wrapped


def programs_of(module):
    """The programs of a module in the order they are written."""
    return [p for p in vars(module).values() if isinstance(p, Program)]


def numbers(*shape, shift=0.0, scale=1.0):
    """Values without a pattern that need no random stream, as float32."""
    n = int(np.prod(shape))
    return ((np.sin(np.arange(n) * 1.7 + 0.3 + 11 * shift) + shift) * scale).reshape(shape).astype(np.float32)


def outcome(call):
    """What a call gives, or the built-in class of the error it raises (texts differ by intention)."""
    try:
        return call()
    except Exception as error:
        for kind in (IndexError, KeyError, TypeError, ValueError, NotImplementedError, ImportError,
                     AttributeError, RuntimeError, AssertionError, StopIteration, OSError):  # fmt: skip
            if isinstance(error, kind):
                return "raises " + kind.__name__
        return "raises " + type(error).__name__


def says(call, *fragments):
    """As `outcome`, and for each fragment whether the text of the error holds it."""
    texts = []

    def kept():
        try:
            return call()
        except Exception as error:
            texts.append(str(error))
            raise

    found = outcome(kept)
    return [found] + [fragment in texts[0] for fragment in fragments] if texts else found


@contextlib.contextmanager
def scratch():
    """An empty folder as working directory; the former one comes back."""
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            yield folder
        finally:
            os.chdir(before)


@contextlib.contextmanager
def logged(level=logging.INFO):
    """The messages the root logger gets within the block, as a list."""
    messages = []

    class Keep(logging.Handler):
        def emit(self, record):
            messages.append(record.getMessage())

    root = logging.getLogger()
    handler, before = Keep(), root.level
    root.addHandler(handler)
    root.setLevel(level)
    try:
        yield messages
    finally:
        root.removeHandler(handler)
        root.setLevel(before)


def plain(answer, blob):
    """An answer as JSON can hold it; arrays become {"array": reference into the blob}."""
    if hasattr(answer, "asnumpy"):
        answer = answer.asnumpy()
    if isinstance(answer, np.generic):
        answer = answer.item() if answer.dtype.kind in "biu" else float(answer)
    if isinstance(answer, np.ndarray):
        return {"array": blob.add(answer)}
    if isinstance(answer, dict):
        return {"dict": {str(key): plain(value, blob) for key, value in answer.items()}}
    if isinstance(answer, (list, tuple)):
        return [plain(value, blob) for value in answer]
    if isinstance(answer, bytes):
        return {"bytes": answer.hex()}
    if answer is None or isinstance(answer, (str, bool, int, float)):
        return answer
    raise TypeError(f"a program gave a {type(answer)}")
