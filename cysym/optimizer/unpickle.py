"""A reader of pickles that cannot run anything: the pickle machine over plain data and a table of builders.

`pickle.Unpickler` calls what a file names and allocates what it declares. This machine, made for optimizer
states, knows every opcode of protocols 0 to 5 that data needs; a name in a file is a word, which only the
caller's builders give a meaning. Every size is compared with the bytes that remain, and what builders make
is charged against the size of the file. It knows no arrays and no optimizers: `states` does.
"""

from __future__ import annotations

import ast
import struct
from collections.abc import Callable
from typing import Any, Final, NamedTuple, NoReturn

from ..base import FormatError

MAX_DEPTH: Final = 64  # of nested containers; deeper ones would break recursive code behind this


class Name(NamedTuple):
    """A function or class a file names; it stays a word."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


class Unfinished:
    """An object that waits for its state; `finish` makes the value from it."""

    def __init__(self, name: Name, finish: Callable[[Any], Any]) -> None:
        self.name, self.finish = name, finish
        self.memo_keys: list[int] = []


#: builder(name, arguments, machine) -> a value or an Unfinished
Builder = Callable[[Name, tuple[Any, ...], "Machine"], Any]
_MARK: Final = object()


class Machine:
    """Reads one pickle.

    Parameters
    ----------
    data : bytes
        The pickle.
    build : callable
        Makes a value of a name and its arguments, or raises FormatError.
    """

    def __init__(self, data: bytes, build: Builder) -> None:
        self._data, self._view, self._at = data, memoryview(data), 0
        self._build = build
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._budget = len(data)
        self._seen = 0  # values all checks together have looked at

    def charge(self, size: int) -> None:
        """Account for memory a builder takes: a file may not unfold to more than its own size."""
        self._budget -= size
        if self._budget < 0:
            self.fail(f"its arrays take more than its {len(self._data)} bytes")

    def fail(self, reason: str) -> NoReturn:
        raise FormatError(f"optimizer states, byte {self._at}: {reason}")

    def run(self) -> Any:
        """The value of the pickle, a tree of dicts, lists, tuples, numbers, texts and what builders made.

        Raises
        ------
        FormatError
            Anything else.
        """
        opcodes = _OPCODES
        while True:
            code = self._take(1)[0]
            if code == 0x2E:  # STOP
                break
            action = opcodes.get(code)
            if action is None:
                self.fail(
                    f"{_REFUSED.get(code, 'an unknown instruction')} (0x{code:02x}) has no place in a file"
                )
            action(self)
        if len(self._stack) != 1:
            self.fail(f"it ends with {len(self._stack)} values instead of one")
        value = self._stack.pop()
        self.check(value)
        return value

    def check(self, value: Any) -> None:
        """Refuse half-made objects, names, bytes, nesting without end and trees larger than the file."""
        pending = [(value, 0)]
        while pending:
            item, depth = pending.pop()
            self._seen += 1
            if depth > MAX_DEPTH:
                self.fail(f"more than {MAX_DEPTH} containers within each other")
            if self._seen > 2 * len(self._data):  # twice: counts of updates are kept under two names
                self.fail(f"it unfolds to more values than its {len(self._data)} bytes can hold")
            if isinstance(item, Name | Unfinished | memoryview):
                what = item.name if isinstance(item, Unfinished) else item
                self.fail(f"{'bytes' if isinstance(item, memoryview) else what} where data should be")
            if isinstance(item, dict):
                pending.extend((v, depth + 1) for v in item.values())
            elif isinstance(item, list | tuple):
                pending.extend((v, depth + 1) for v in item)

    # --- reading --------------------------------------------------------------------------------------------
    def _take(self, size: int) -> memoryview:
        left = len(self._data) - self._at
        if size > left:
            self.fail(f"{size} bytes expected, {left} remain")
        self._at += size
        return self._view[self._at - size : self._at]

    def _number(self, code: str) -> Any:
        return struct.unpack(code, self._take(struct.calcsize(code)))[0]

    def _line(self, most: int) -> bytes:
        end = self._data.find(b"\n", self._at, min(len(self._data), self._at + most + 1))
        if end < 0:
            self.fail(f"no end of line within {most} bytes")
        line = self._data[self._at : end]
        self._at = end + 1
        return line

    def _whole_number(self, text: bytes) -> int:
        try:
            return int(text.removesuffix(b"L"))
        except ValueError:
            self.fail(f"{text!r} is no whole number")

    # --- the stack ------------------------------------------------------------------------------------------
    def _pop(self) -> Any:
        if not self._stack or self._stack[-1] is _MARK:
            self.fail("an instruction lacks its values")
        return self._stack.pop()

    def _pop_to_mark(self) -> list[Any]:
        stack = self._stack
        for k in range(len(stack) - 1, -1, -1):
            if stack[k] is _MARK:
                items = stack[k + 1 :]
                del stack[k:]
                return items
        self.fail("an instruction lacks its mark")

    def _top(self, kind: type) -> Any:
        if not self._stack or not isinstance(self._stack[-1], kind):
            self.fail(f"an instruction needs a {kind.__name__}")
        return self._stack[-1]

    def _put(self, key: int) -> None:
        value = self._top(object)
        if value is _MARK:
            self.fail("an instruction lacks its values")
        if isinstance(value, Unfinished):
            value.memo_keys.append(key)
        self._memo[key] = value

    def _get(self, key: int) -> None:
        if key not in self._memo:
            self.fail(f"value {key} of the memo was never put there")
        self._stack.append(self._memo[key])

    def _tuple(self, size: int) -> None:
        self._stack.append(tuple([self._pop() for _ in range(size)][::-1]))

    def _set_items(self, target: dict[Any, Any], items: list[Any]) -> None:
        if len(items) % 2:
            self.fail("a dict with a key that has no value")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key, str | int | float):
                self.fail(f"a dict key of type {type(key).__name__}; expected a number or a text")
            target[key] = value

    # --- names and objects ----------------------------------------------------------------------------------
    def _stack_global(self) -> None:
        name, module = self._pop(), self._pop()
        if not isinstance(name, str) or not isinstance(module, str):
            self.fail("a name that is no text")
        self._stack.append(Name(module, name))

    def _reduce(self) -> None:
        arguments, name = self._pop(), self._pop()
        if not isinstance(name, Name) or not isinstance(arguments, tuple):
            self.fail("a call of something that is no name, or without arguments")
        self._stack.append(self._build(name, arguments, self))

    def _new_with_keywords(self) -> None:
        if self._pop() != {}:
            self.fail("an object made with keyword arguments")
        self._reduce()

    def _finish(self) -> None:
        state = self._pop()
        target = self._pop()
        if not isinstance(target, Unfinished):
            self.fail("a state for something that takes none")
        value = target.finish(state)
        for key in target.memo_keys:
            if self._memo.get(key) is target:
                self._memo[key] = value
        self._stack.append(value)

    def _text(self, code: str) -> None:
        raw = self._take(self._number(code))
        try:
            self._stack.append(str(raw, "utf-8", "surrogatepass"))
        except UnicodeDecodeError:
            self.fail("a text that is not UTF-8")

    def _old_text(self) -> None:
        """A Python 2 string in quotes; bytes as Latin-1."""
        line = self._line(len(self._data)).strip()
        if len(line) < 2 or line[:1] not in (b"'", b'"') or line[:1] != line[-1:]:
            self.fail("a quoted string without quotes")
        try:
            self._stack.append(str(ast.literal_eval("b" + line.decode("latin1")), "latin1"))
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            self.fail("a quoted string that is none")

    def _raw_text(self) -> None:
        try:
            self._stack.append(str(self._line(len(self._data)), "raw-unicode-escape"))
        except UnicodeDecodeError:
            self.fail("a text with a wrong escape")

    def _int_line(self) -> None:
        line = self._line(64)
        self._stack.append({b"00": False, b"01": True}.get(line))
        if self._stack[-1] is None:
            self._stack[-1] = self._whole_number(line)

    def _float_line(self) -> None:
        line = self._line(64)
        try:
            self._stack.append(float(line))
        except ValueError:
            self.fail(f"{line!r} is no number")

    def _long(self, size: int) -> None:
        if not 0 <= size <= 16:
            self.fail(f"a whole number of {size} bytes")
        self._stack.append(int.from_bytes(self._take(size), "little", signed=True))

    def _protocol(self) -> None:
        number = self._take(1)[0]
        if number > 5:
            self.fail(f"pickle protocol {number}; 0 to 5 are known")

    def _frame(self) -> None:
        size, left = self._number("<Q"), len(self._data) - self._at
        if size > left:
            self.fail(f"{size} bytes expected, {left} remain")


def _bytes(code: str, is_text: bool = False) -> Callable[[Machine], None]:
    def action(m: Machine) -> None:
        size = m._number(code)
        if size < 0:
            m.fail(f"{size} bytes declared")
        raw = m._take(size)
        m._stack.append(str(raw, "latin1") if is_text else raw)

    return action


def _constant(make: Callable[[], Any]) -> Callable[[Machine], None]:
    return lambda m: m._stack.append(make())


def _append(m: Machine) -> None:
    value = m._pop()
    m._top(list).append(value)


def _appends(m: Machine) -> None:
    items = m._pop_to_mark()
    m._top(list).extend(items)


def _set_item(m: Machine) -> None:
    value, key = m._pop(), m._pop()
    m._set_items(m._top(dict), [key, value])


def _set_many(m: Machine) -> None:
    items = m._pop_to_mark()
    m._set_items(m._top(dict), items)


def _dict(m: Machine) -> None:
    items: list[Any] = m._pop_to_mark()
    made: dict[Any, Any] = {}
    m._set_items(made, items)
    m._stack.append(made)


def _global(m: Machine) -> None:
    module, name = m._line(200), m._line(200)
    m._stack.append(Name(module.decode("latin1"), name.decode("latin1")))


_OPCODES: dict[int, Callable[[Machine], None]] = {
    0x80: Machine._protocol, 0x95: Machine._frame,
    ord("("): _constant(lambda: _MARK),
    ord("N"): _constant(lambda: None), 0x88: _constant(lambda: True), 0x89: _constant(lambda: False),
    ord("I"): Machine._int_line, ord("F"): Machine._float_line,
    ord("L"): lambda m: m._stack.append(m._whole_number(m._line(64))),
    ord("J"): lambda m: m._stack.append(m._number("<i")),
    ord("K"): lambda m: m._stack.append(m._number("<B")),
    ord("M"): lambda m: m._stack.append(m._number("<H")),
    ord("G"): lambda m: m._stack.append(m._number(">d")),
    0x8A: lambda m: m._long(m._number("<B")), 0x8B: lambda m: m._long(m._number("<i")),
    ord("S"): Machine._old_text, ord("T"): _bytes("<i", True), ord("U"): _bytes("<B", True),
    ord("V"): Machine._raw_text,
    ord("X"): lambda m: m._text("<I"), 0x8C: lambda m: m._text("<B"), 0x8D: lambda m: m._text("<Q"),
    ord("B"): _bytes("<I"), ord("C"): _bytes("<B"), 0x8E: _bytes("<Q"), 0x96: _bytes("<Q"),
    ord("]"): _constant(list), ord("a"): _append, ord("e"): _appends,
    ord("l"): lambda m: m._stack.append(m._pop_to_mark()),
    ord(")"): _constant(tuple), ord("t"): lambda m: m._stack.append(tuple(m._pop_to_mark())),
    0x85: lambda m: m._tuple(1), 0x86: lambda m: m._tuple(2), 0x87: lambda m: m._tuple(3),
    ord("}"): _constant(dict), ord("d"): _dict, ord("s"): _set_item, ord("u"): _set_many,
    ord("p"): lambda m: m._put(m._whole_number(m._line(64))), ord("q"): lambda m: m._put(m._number("<B")),
    ord("r"): lambda m: m._put(m._number("<I")), 0x94: lambda m: m._put(len(m._memo)),
    ord("g"): lambda m: m._get(m._whole_number(m._line(64))), ord("h"): lambda m: m._get(m._number("<B")),
    ord("j"): lambda m: m._get(m._number("<I")),
    ord("c"): _global, 0x93: Machine._stack_global,
    ord("R"): Machine._reduce, 0x81: Machine._reduce, 0x92: Machine._new_with_keywords,
    ord("b"): Machine._finish,
}  # fmt: skip

_REFUSED: dict[int, str] = {
    ord("i"): "an object of Python 1", ord("o"): "an object of Python 1",
    ord("P"): "a reference to something outside the file",
    ord("Q"): "a reference to something outside the file",
    0x82: "a code of the extension registry", 0x83: "a code of the extension registry",
    0x84: "a code of the extension registry", 0x8F: "a set", 0x90: "a set", 0x91: "a set",
    0x97: "a buffer outside the file", 0x98: "a buffer outside the file",
    ord("0"): "a dropped value", ord("1"): "a dropped value", ord("2"): "a doubled value",
}  # fmt: skip
