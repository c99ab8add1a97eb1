"""Good calls of the training side, and what is done to their arguments one at a time.

A `Row` is one good call of a public function or method, with what must be made for it; the modules beside
this file list them. `nasty` gives the values every argument is replaced by, `attempt` makes one such call and
says what is wrong with what came of it. test_bad_training.py runs them; nothing here asserts anything.
"""

from __future__ import annotations

import io
import re
import signal
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import GeneratorType
from typing import Any

import numpy as np

import cysym as mx

CLEAR = (mx.MXNetError, TypeError, ValueError, IndexError, KeyError, OSError, NotImplementedError)
FATAL = (MemoryError, RecursionError, UnboundLocalError, SystemError)
# What Python says by itself when a value was used before it was checked.
UNCHECKED = re.compile(
    r"object is not (iterable|subscriptable|callable)|not supported between|unsupported operand"
    r"|has no len\(\)|object cannot be interpreted|must be real number|not all arguments converted|unhashable"
    r"|positional argument|takes no keyword|has no attribute|unpack|ambiguous|indices must be|bad operand"
)
SECONDS = 5


@dataclass
class Row:
    """One good call.

    Parameters
    ----------
    name
        As a user writes it.
    make
        From a folder to whatever the call works on, anew each time.
    args
        The good arguments: a dict, or a function of what was made.
    call
        ``call(made, **args)``; its result (see `picture`) is compared.
    state
        What of the thing made must be as it was after an error; for `picture`.
    raises
        Further errors that are right here.
    skip
        Arguments that are left as they are.
    lax
        Any error with a text will do, as of a function that is itself a test.
    endless
        Arguments that count what is done: they are not given huge numbers.
    """

    name: str
    make: Callable[[Path], Any]
    args: Any
    call: Callable[..., Any]
    state: Callable[[Any], Any] = lambda made: None
    raises: tuple[type[Exception], ...] = ()
    skip: tuple[str, ...] = ()
    endless: tuple[str, ...] = ()
    lax: bool = False

    def good(self, made: Any) -> dict[str, Any]:
        return dict(self.args(made) if callable(self.args) else self.args)


@dataclass
class Rows:
    """The rows of one module."""

    rows: list[Row] = field(default_factory=list)

    def call(
        self,
        name: str,
        function: Callable[..., Any],
        /,
        *,
        skip: Any = (),
        raises: Any = (),
        endless: Any = (),
        lax: bool = False,
        **args: Any,
    ) -> None:
        """A function of its arguments alone."""
        self.on(
            name,
            lambda folder: None,
            lambda made, **a: function(**a),
            args,
            raises=raises,
            skip=skip,
            endless=endless,
            lax=lax,
        )

    def on(
        self,
        name: str,
        make: Callable[[Path], Any],
        call: Callable[..., Any],
        args: Any,
        state: Callable[[Any], Any] = lambda made: None,
        raises: Any = (),
        skip: Any = (),
        endless: Any = (),
        lax: bool = False,
    ) -> None:
        """A method: `make` makes the object."""
        self.rows.append(Row(name, make, args, call, state, raises, skip, endless, lax))


# --- values -------------------------------------------------------------------------------------------------
def _endless() -> Iterator[int]:
    yield from (1, 2, 3)


def _closed(folder: Path) -> Any:
    path = folder / "closed"
    path.write_bytes(b"abc")
    with open(path, "rb") as stream:
        return stream


def _knot() -> list[Any]:
    own: list[Any] = [1]
    own.append(own)
    return own


def _knotted() -> dict[Any, Any]:
    own: dict[Any, Any] = {}
    own["own"] = own
    return own


class Odd:
    """An object of no kind that anything expects."""

    def __repr__(self) -> str:
        return "<Odd>"


def _wrong_count() -> None:
    """A callable that takes nothing."""


NASTY: dict[str, Callable[[Path], Any]] = {
    "None": lambda f: None,
    "True": lambda f: True,
    "False": lambda f: False,
    "0": lambda f: 0,
    "-1": lambda f: -1,
    "7": lambda f: 7,
    "2**31": lambda f: 2**31,
    "2**63": lambda f: 2**63,
    "-2**63": lambda f: -(2**63),
    "10**400": lambda f: 10**400,
    "0.5": lambda f: 0.5,
    "NaN": lambda f: float("nan"),
    "inf": lambda f: float("inf"),
    "1e300": lambda f: 1e300,
    "complex": lambda f: 1j,
    "empty text": lambda f: "",
    "text": lambda f: "nonsense",
    "NUL in text": lambda f: "a\0b",
    "surrogate": lambda f: "\ud800",
    "long text": lambda f: "x" * 5000,
    "path of nothing": lambda f: str(f / "no" / "such"),
    "folder": lambda f: str(f),
    "Path": lambda f: f / "some",
    "bytes": lambda f: b"data",
    "closed file": _closed,
    "[]": lambda f: [],
    "()": lambda f: (),
    "{}": lambda f: {},
    "set": lambda f: {1, 2},
    "[None]": lambda f: [None],
    "[1, 2]": lambda f: [1, 2],
    "(0,)": lambda f: (0,),
    "(-1,)": lambda f: (-1, 3),
    "(2**62,)": lambda f: (2**62, 2**62),
    "(0.5,)": lambda f: (0.5, 1.5),
    "texts": lambda f: ["a", "a"],
    "texts in a tuple": lambda f: ("data", "data"),
    "pair": lambda f: [("data", (2, 3)), ("data", (2, 3))],
    "pair of nothing": lambda f: [("data", None)],
    "dict of None": lambda f: {"data": None},
    "dict of numbers": lambda f: {1: 2},
    "dict of texts": lambda f: {"a": "b"},
    "knot": lambda f: _knot(),
    "knotted dict": lambda f: _knotted(),
    "object": lambda f: Odd(),
    "class": lambda f: Odd,
    "callable": lambda f: _wrong_count,
    "generator": lambda f: _endless(),
    "error": lambda f: ValueError("x"),
    "no axis": lambda f: np.array(1.0, np.float32),
    "empty array": lambda f: np.ones((0, 3), np.float32),
    "array": lambda f: np.ones((3, 5), np.float32),
    "array of texts": lambda f: np.array(["a", "b"]),
    "array of objects": lambda f: np.array([None, Odd()], dtype=object),
    "array of complex": lambda f: np.ones((2, 3), complex),
    "NDArray": lambda f: mx.nd.ones((3, 5)),
    "[NDArray]": lambda f: [mx.nd.ones((3, 5)), mx.nd.ones((3, 5))],
    "NDArray of int64": lambda f: mx.nd.ones((2,), dtype="int64"),
    "NaNs": lambda f: mx.nd.full((8, 3), float("nan")),
    "[NaNs]": lambda f: [mx.nd.full((8, 3), float("nan"))],
    "dict of NDArray": lambda f: {"data": mx.nd.ones((3, 5)), "fc_weight": mx.nd.ones((7,))},
    "dict of arrays": lambda f: {"data": np.ones((3, 5)), "fc_weight": np.array(["x"])},
    "symbol": lambda f: mx.sym.Variable("data"),
    "two outputs": lambda f: mx.sym.split(mx.sym.Variable("data"), num_outputs=2),
    "context": lambda f: mx.cpu(),
    "no such context": lambda f: mx.gpu(99),
    "contexts": lambda f: [mx.cpu(0), mx.gpu(99)],
    "bool type": lambda f: "bool",
    "NumPy type": lambda f: np.complex64,
    "NumPy int": lambda f: np.int64(3),
    "NumPy NaN": lambda f: np.float64("nan"),
    "slice": lambda f: slice(None),
    "Ellipsis": lambda f: ...,
    "other device": lambda f: mx.nd.ones((2, 3), ctx=mx.gpu(0)) if mx.context.opencl_devices() else None,
}


ENDLESS = ("7", "2**31", "2**63", "10**400", "inf", "1e300")


def changed(good: Any) -> Iterator[tuple[str, Any]]:
    """The good value itself, a little wrong."""
    if isinstance(good, mx.nd.NDArray):
        yield "as NumPy", good.asnumpy()
        yield "another axis", good.expand_dims(0)
        yield "of float64", good.astype("float64")
        yield "of int8", good.astype("int8")
        yield "a row less", good[1:] if good.ndim and good.shape[0] > 1 else None
        if mx.context.opencl_devices():
            yield "elsewhere", good.as_in_context(mx.gpu(0))
    elif isinstance(good, np.ndarray):
        yield "another axis", good[None]
        yield "a row less", good[1:]
        yield "no row", good[:0]
        yield "of texts", good.astype(str)
        yield "of objects", np.full(good.shape, None, object)
        yield "all NaN", good.astype(float) * np.nan
        yield "all infinite", np.full(good.shape, np.inf)
    elif isinstance(good, (list, tuple)):
        kind = type(good)
        if not hasattr(good, "_fields"):
            yield "twice", kind([*good, *good])
            yield "one less", kind(good[:-1])
            yield "one more", kind([*good, Odd()])
            yield "generator of it", (x for x in good)
        for i, element in enumerate(good[:2]):
            for what, other in [
                ("None", None),
                ("Odd", Odd()),
                ("-1", -1),
                ("text", "x?"),
                *changed(element),
            ]:
                if not hasattr(good, "_fields"):
                    yield f"[{i}] {what}", kind([*good[:i], other, *good[i + 1 :]])
    elif isinstance(good, Mapping):
        yield "unknown key", {**good, "nonsense": Odd()}
        yield "number as key", {**good, 3: 4}
        for key in list(good)[:2]:
            yield f"without {key}", {k: v for k, v in good.items() if k != key}
            for what, other in [("None", None), ("Odd", Odd()), ("-1", -1), *changed(good[key])]:
                yield f"[{key!r}] {what}", {**good, key: other}
        yield "as pairs", list(good.items())
    elif isinstance(good, str):
        yield "as bytes", good.encode()
        yield "longer", good + "?"
        yield "in a list", [good]
    elif isinstance(good, bool):
        yield "as text", str(good)
    elif isinstance(good, (int, float)):
        yield "negative", -good
        yield "as text", str(good)
        yield "in a list", [good]
        yield "as array", np.array([good])


def nasty(row: Row, folder: Path) -> Iterator[tuple[str, str, Callable[[Any], dict[str, Any]]]]:
    """(argument, what it becomes, from what was made to all arguments) of every changed call of a row."""
    for arg, value in row.good(row.make(folder)).items():
        if arg in row.skip:
            continue
        for what, make in NASTY.items():
            if arg in row.endless and what in ENDLESS:
                continue
            yield arg, what, lambda made, a=arg, m=make: {**row.good(made), a: m(folder)}
        for i, (what, _) in enumerate(changed(value)):
            yield (
                arg,
                what,
                lambda made, a=arg, i=i: {**row.good(made), a: list(changed(row.good(made)[a]))[i][1]},
            )


# --- what came of it ----------------------------------------------------------------------------------------
def picture(value: Any, depth: int = 0) -> Any:
    """Something that is equal for equal results."""
    if depth > 8:
        return "..."
    if isinstance(value, mx.nd.NDArray):
        return ("NDArray", str(value.context), picture(value.asnumpy()))
    if isinstance(value, np.ndarray):
        return (value.shape, str(value.dtype), value.tobytes() if value.dtype != object else repr(value))
    if isinstance(value, mx.sym.Symbol):
        return re.sub(r"\d+", "#", value.tojson())
    if isinstance(value, mx.executor.Executor):
        return [
            picture(list(d.items()), depth + 1) for d in (value.arg_dict, value.grad_dict, value.aux_dict)
        ]
    if isinstance(value, mx.io.DataBatch):
        return [picture(v, depth + 1) for v in (value.data, value.label, value.pad, value.index)]
    if isinstance(value, mx.io.DataIter):
        return [picture(b, depth + 1) for _, b in zip(range(20), value)]
    if isinstance(value, mx.metric.EvalMetric):
        return picture(value.get(), depth + 1)
    if isinstance(value, Mapping):
        return [(str(k), picture(v, depth + 1)) for k, v in value.items()]
    if isinstance(value, (list, tuple)):
        return [picture(v, depth + 1) for v in value]
    if isinstance(value, (bool, int, float, str, bytes, np.generic, type(None), np.dtype)):
        return repr(value)
    return type(value).__name__


def of_the_user(good: Any, value: Any, text: str) -> bool:
    """Whether it is the function given that failed: what was done before is done."""
    own = (value is _wrong_count and "_wrong_count()" in text) or (value is Odd and "Odd()" in text)
    good = good[0] if isinstance(good, list) and good else good
    return own or (callable(value) and callable(good) and not isinstance(good, type))


class Hang(BaseException):
    """A call that did not come back."""


@contextmanager
def limited(seconds: int = SECONDS) -> Iterator[None]:
    def late(*_: Any) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def surroundings() -> Any:
    """What is global and must not change."""
    return (
        str(mx.context.current_context()),
        mx.util.is_np_shape(),
        mx.util.is_np_array(),
        mx.autograd.is_recording(),
        mx.autograd.is_training(),
        type(mx.name.current()).__name__,
        mx.attribute.current().get(None),
    )


def run_good(row: Row, made: Any) -> Any:
    mx.random.seed(11)
    np.random.seed(11)
    return picture(row.call(made, **row.good(made)))


def words(value: Any, depth: int = 0) -> Iterator[str]:
    """What of a value a message may name."""
    yield type(value).__name__
    yield repr(value)[:8] if not isinstance(value, str) else value[:20]
    if isinstance(value, (str, bytes)):
        yield repr(value)[1:9].strip("'") or "''"
        yield "line 1, column 1" if not str(value).startswith("{") else "Extra data"
        yield from () if value else ('""', "-symbol.json", "-0001.params")
    if isinstance(value, int) and abs(value) < 99:
        yield f"{value:04d}"
    if isinstance(value, (list, tuple, dict)) and not value:
        yield "[]"
        yield "empty"
    if isinstance(value, io.IOBase):
        yield "closed file"
    if isinstance(value, GeneratorType):
        yield "1"  # what it gives
    if isinstance(value, mx.sym.Symbol):
        yield "tuple"  # what a symbol of several outputs is to MXNet
    if isinstance(value, type) or callable(value):
        yield getattr(value, "__name__", "?")
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple):
        yield str(shape)
        yield str(len(shape))
        yield from map(str, shape)
    if isinstance(value, mx.nd.NDArray):
        yield str(value.context)
    elif isinstance(value, np.ndarray):
        yield repr(value.flat[0])[:6] if value.size else "[]"
    if hasattr(value, "dtype"):
        yield str(value.dtype)
    if hasattr(value, "name"):
        yield str(value.name)
    if depth < 3 and isinstance(value, Mapping):
        for k, v in list(value.items())[:9]:
            yield from words(k, depth + 1)
            yield from words(v, depth + 1)
    elif depth < 3 and isinstance(value, (list, tuple, set)):
        yield str(len(value))
        for v in list(value)[:9]:
            yield from words(v, depth + 1)


def complaint(row: Row, arg: str, good: Any, value: Any, error: BaseException) -> str | None:
    """What is wrong with an error."""
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    if isinstance(good, bool) and isinstance(error, ValueError) and "truth value of an" in text:
        return None  # what NumPy's and our arrays say everywhere
    if of_the_user(good, value, text):
        return None
    if row.lax and not isinstance(error, FATAL):
        return None if text else f"no text: {type(error).__name__}"
    if not isinstance(error, (*CLEAR, *row.raises)):
        return f"{type(error).__name__}: {text[:150]}"
    if isinstance(error, NotImplementedError) and not isinstance(error, mx.MXNetError) and len(text) < 15:
        return f"NotImplementedError without words: {text!r}"
    if len(text) < 15:
        return f"short: {type(error).__name__}: {text!r}"
    if len(text) > 12000:
        return f"endless: {type(error).__name__}: {len(text)} characters, {text[:80]!r}"
    named = re.search(rf"(?i)(?<![a-z]){arg.replace('_', '[_ ]?').rstrip('s')}", text)
    if not named and UNCHECKED.search(text):
        return f"unchecked: {type(error).__name__}: {text[:150]}"
    if not named and not any(w and w.lower() in text.lower() for w in words(value)):
        return f"names nothing: {type(error).__name__}: {text[:150]}"
    return None


def attempt(
    row: Row, arg: str, change: Callable[[Any], dict[str, Any]], folder: Path, want: Any
) -> tuple[str, str | None]:
    """Make one changed call: ("works" or the error's class, what is wrong or None)."""
    folder = Path(tempfile.mkdtemp(dir=folder))
    made = row.make(folder)
    args = change(made)
    state, around = picture(row.state(made)), surroundings()
    mx.random.seed(11)
    np.random.seed(11)
    try:
        with limited():
            picture(row.call(made, **args))
        outcome, wrong = "works", None
    except Hang:
        return "hangs", "hangs"
    except RecursionError as error:
        outcome, wrong = "RecursionError", f"RecursionError: {error}"
    except Exception as error:
        outcome, wrong = type(error).__name__, complaint(row, arg, row.good(made)[arg], args[arg], error)
        if of_the_user(row.good(made)[arg], args[arg], str(error)):
            outcome = "of the user"
    if surroundings() != around:
        return outcome, f"{outcome}: surroundings {around} became {surroundings()}"
    if wrong is None and outcome not in ("works", "of the user"):
        if picture(row.state(made)) != state:
            wrong = f"{outcome}: the state changed"
        else:
            try:
                if run_good(row, made) != want:
                    wrong = f"{outcome}: the good call gives something else afterwards"
            except Exception as error:
                wrong = f"{outcome}: the good call fails afterwards: {type(error).__name__}: {error}"[:300]
    return outcome, wrong


def sampled(row: Row, arg: str, what: str, parts: int) -> bool:
    """Whether a changed call is among the one in `parts` of the short run."""
    return zlib.crc32(f"{row.name}/{arg}/{what}".encode()) % parts == 0
