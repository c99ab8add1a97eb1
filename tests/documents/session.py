"""Runs the cells of a document as a notebook would and notes all that a reader can see of each.

It works on any module that looks like MXNet, so that what MXNet 1.9.1 shows and what cysym shows are noted
alike: the recorder and the tests both come here. Notes are plain data (JSON can hold them); nothing is
compared here. Runs on Python 3.8.
"""

import ast
import contextlib
import io
import logging
import os
import re
import tempfile
import types

import numpy as np

from .extract import cells_of
from .listed import LISTED

MANY = 64  # of larger arrays only shape and type are noted


class Session:
    """One document, its names and its automatic names from the beginning.

    `imports` is what the text's `import mxnet as mx` becomes, `replaced` are pairs of texts for another
    device than the documents have. `notes` gets one entry per run: the cell, how ("printed" or "mended") and
    what was seen; `spaces` the names after that run, for a closer look.
    """

    def __init__(self, mx, document, imports, replaced=()):
        self.mx, self.document, self.imports = mx, document, imports
        self.replaced = list(replaced)
        self.names = {"mx": mx} if document == "pictures" else {}
        self.notes, self.spaces = [], []

    def run_all(self):
        """Run every cell in order, in an empty folder, from fixed random seeds; itself."""
        self.mx.random.seed(0)
        np.random.seed(0)
        before = os.getcwd()
        with tempfile.TemporaryDirectory() as folder, self.mx.name.NameManager():
            os.chdir(folder)
            try:
                for cell in cells_of(self.document):
                    self._cell(cell)
            finally:
                os.chdir(before)
        return self

    def _cell(self, cell):
        listed = LISTED.get(repr(cell))
        if cell.kind != "shell":
            self._note(cell, "printed", cell.text)
        mended = listed and listed.mended(cell.text)
        if mended:
            self._note(cell, "mended", mended)

    def _note(self, cell, how, text):
        for old, new in [("import mxnet as mx", self.imports), *self.replaced]:
            text = text.replace(old, new)
        seen = {"cell": cell.number, "how": how}
        seen.update(run(text, self.names))
        seen["names"] = {
            name: note(value) for name, value in sorted(self.names.items()) if name != "__builtins__"
        }
        self.notes.append(seen)
        self.spaces.append(dict(self.names))


def run(text, names):
    """Run code as a notebook cell in `names`: what was printed, logged, raised, and every bare value."""
    printed, messages, values, raised = io.StringIO(), [], [], None

    class Keep(logging.Handler):
        def emit(self, record):
            messages.append(re.sub(r"(Time cost=).*", r"\1?", record.getMessage()))

    root = logging.getLogger()
    handler, level = Keep(), root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        with contextlib.redirect_stdout(printed):
            for statement in ast.parse(text).body:
                if isinstance(statement, ast.Expr):
                    value = eval(compile(ast.Expression(statement.value), "cell", "eval"), names)
                    if value is not None:
                        values.append(note(value))
                else:
                    exec(compile(ast.Module([statement], []), "cell", "exec"), names)
    except Exception as error:
        kinds = [kind.__name__ for kind in type(error).__mro__]
        raised = "MXNetError" if "MXNetError" in kinds else kinds[0]  # cysym has kinds of MXNetError
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    return {"printed": printed.getvalue(), "logged": messages, "values": values, "raises": raised}


def note(value):
    """A value as plain data that says all a reader may look at; an unknown kind is an error."""
    kind = type(value).__name__
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)) and kind in ("list", "tuple"):
        return {kind: [note(v) for v in value]}
    if isinstance(value, dict):
        return {"dict": [[note(k), note(v)] for k, v in value.items()]}
    if isinstance(value, range):
        return {"range": len(value)}
    if isinstance(value, types.ModuleType):
        return {"module": "any"}
    if isinstance(value, (types.FunctionType, type)):
        return {"code": ("numpy." if value.__module__ == "numpy" else "") + value.__name__}
    if kind == "Context":
        return {"context": "any"}
    if hasattr(value, "list_arguments") and hasattr(value, "tojson"):
        return _symbol(value)
    if hasattr(value, "asnumpy"):
        return _array("NDArray", value.asnumpy())
    if isinstance(value, np.ndarray):
        return _array("ndarray", value)
    if kind == "Executor":
        return {
            kind: [note(v) for v in (value.outputs, value.arg_arrays, value.grad_arrays, value.aux_arrays)]
        }
    if kind == "Digraph":
        return {kind: value.source}
    if kind == "NDArrayIter":
        described = [value.provide_data, value.provide_label]
        return {kind: [[repr(d) for d in descriptions] for descriptions in described] + [value.batch_size]}
    if kind == "Module":
        facts = [value.data_names, value.label_names, value.output_names, value.output_shapes]
        return {kind: [note(v) for v in facts + list(value.get_params())]}
    raise TypeError("no way to note a " + kind)


def _array(kind, array):
    if array.size > MANY:
        return {kind: [array.dtype.name, list(array.shape)]}
    return {kind: [array.dtype.name, list(array.shape), array.ravel().tolist()]}


def _symbol(symbol):
    facts = [repr(symbol), symbol.name, symbol.list_arguments(), symbol.list_outputs()]
    return {"Symbol": [*facts, symbol.list_auxiliary_states(), symbol.tojson()]}
