"""The little language of elementwise expressions: what the rows of c_kernels/*.inc are written in.

An expression is valid C99 and OpenCL C at once: scalars only, ``K(0.5)`` for constants (a bare literal would
be a double), ``SEL(c, a, b)`` for choice, functions in capitals, the operators of C. It says what one element
of the result is. Trees are nested tuples: ``("K", 0.5)``, ``("x",)`` for a variable, ``("*", left, right)``,
``("EXP", argument)``. Nothing here knows tensors; `ew_group` numbers the expressions, `elementwise` makes
operators of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

Tree = tuple[Any, ...]

# Function -> (number of arguments, nanoseconds per element of float32 on one core with AVX2, measured).
FUNCTIONS: Final[dict[str, tuple[int, float]]] = {
    "SEL": (3, 0.05), "DIV": (2, 0.1), "MOD": (2, 10.0), "POW": (2, 12.0), "HYPOT": (2, 3.0),
    "ISNAN": (1, 0.0), "ABS": (1, 0.0), "FLOOR": (1, 0.05), "CEIL": (1, 0.05), "TRUNC": (1, 0.05),
    "SQRT": (1, 0.2), "CBRT": (1, 10.0), "EXP": (1, 0.3), "EXPM1": (1, 0.4), "LOG": (1, 0.4),
    "LOG1P": (1, 0.5), "LOG2": (1, 4.0), "LOG10": (1, 6.0), "SIN": (1, 6.0), "COS": (1, 6.0),
    "TAN": (1, 12.0), "ASIN": (1, 6.0), "ACOS": (1, 6.0), "ATAN": (1, 6.0), "SINH": (1, 12.0),
    "COSH": (1, 10.0), "TANH": (1, 0.5), "ASINH": (1, 7.0), "ACOSH": (1, 7.0), "ATANH": (1, 4.0),
    "ERF": (1, 1.1), "TGAMMA": (1, 36.0), "LGAMMA": (1, 10.0), "DIGAMMA": (1, 16.0),
    "ERFINV": (1, 60.0),
}  # fmt: skip
_LEVELS: Final = (("|",), ("&",), ("==", "!="), ("<", "<=", ">", ">="), ("+", "-"), ("*", "/"))
_COMPARISONS: Final = frozenset({"|", "&", "==", "!=", "<", "<=", ">", ">=", "ISNAN"})
_TOKEN: Final = re.compile(r"\s*(?:(\d+\.?\d*(?:[eE][-+]?\d+)?)|([A-Za-z_]\w*)|([=!<>]=|[-+*/<>&|(),]))")


class ExpressionError(ValueError):
    """An expression that is not in the language; the message shows where."""


class _Parser:
    """Recursive descent over the tokens of one expression."""

    def __init__(self, text: str, variables: str) -> None:
        self.text, self.variables = text, variables
        self.tokens: list[tuple[str, int]] = []
        at = 0
        end = len(text.rstrip())
        while at < end:
            match = _TOKEN.match(text, at)
            if match is None:
                raise ExpressionError(f"unexpected {text[at:].strip()[0]!r} in {text!r}")
            self.tokens.append((match.group(match.lastindex or 0), match.start(match.lastindex or 0)))
            at = match.end()
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    def take(self, wanted: str = "") -> str:
        token = self.peek()
        if not token or (wanted and token != wanted):
            where = self.tokens[self.at][1] if token else len(self.text)
            raise ExpressionError(
                f"expected {wanted or 'more'!r}, got {token or 'the end'!r} at {where} of {self.text!r}"
            )
        self.at += 1
        return token

    def parse(self) -> Tree:
        tree = self.level(0)
        if self.at < len(self.tokens):
            raise ExpressionError(f"unexpected {self.peek()!r} at {self.tokens[self.at][1]} of {self.text!r}")
        return tree

    def level(self, i: int) -> Tree:
        if i == len(_LEVELS):
            return self.factor()
        tree = self.level(i + 1)
        while self.peek() in _LEVELS[i]:
            tree = (self.take(), tree, self.level(i + 1))
        return tree

    def factor(self) -> Tree:
        token = self.take()
        if token == "-":
            return ("-", self.factor())
        if token == "(":
            tree = self.level(0)
            self.take(")")
            return tree
        if token[0].isdigit():
            raise ExpressionError(f"bare number {token} in {self.text!r}; write K({token})")
        if token == "K":
            return self.constant()
        if token in FUNCTIONS:
            self.take("(")
            args = [self.level(0)]
            while self.peek() == ",":
                self.take()
                args.append(self.level(0))
            self.take(")")
            if len(args) != FUNCTIONS[token][0]:
                raise ExpressionError(
                    f"{token} takes {FUNCTIONS[token][0]} arguments, got {len(args)} in {self.text!r}"
                )
            return (token, *args)
        if len(token) == 1 and token in self.variables:
            return (token,)
        known = ", ".join(self.variables)
        raise ExpressionError(f"unknown name {token!r} in {self.text!r}; variables are {known}")

    def constant(self) -> Tree:
        self.take("(")
        sign = -1 if self.peek() == "-" else 1
        if sign < 0:
            self.take()
        number = self.take()
        try:
            value: int | float = float(number) if any(c in number for c in ".eE") else int(number)
        except ValueError:
            raise ExpressionError(f"K takes a number, got {number!r} in {self.text!r}") from None
        self.take(")")
        return ("K", sign * value)


def parse(text: str, variables: str = "xabygst") -> Tree:
    """Tree of an expression.

    Raises
    ------
    ExpressionError
        The text is not in the language.

    >>> parse("K(1) / (K(1) + EXP(-x))")
    ('/', ('K', 1), ('+', ('K', 1), ('EXP', ('-', ('x',)))))
    """
    return _Parser(text, variables).parse()


def cost(text: str) -> float:
    """Nanoseconds an element costs on one core, roughly: functions, and 0.05 for every operator."""
    names = re.findall(r"[A-Z]\w+", text)
    return 0.05 + 0.05 * len(re.findall(r"[-+*/<>=&|]", text)) + sum(FUNCTIONS[n][1] for n in names)


def readable(text: str) -> str:
    """An expression as documentation shows it.

    >>> readable("SEL(x > K(0), x, K(0.5) * EXP(-x))")
    'select(x > 0, x, 0.5 * exp(-x))'
    """
    text = re.sub(r"\bK\((-?[\d.eE]+)\)", r"\1", text)
    return re.sub(r"[A-Z][A-Z0-9]*", lambda m: "select" if m[0] == "SEL" else m[0].lower(), text)


def substitute(text: str, names: Mapping[str, str]) -> str:
    """The expression with its variables renamed; functions and constants stay.

    >>> substitute("g * y * (K(1) - y)", {"g": "v0", "y": "v1"})
    'v0 * v1 * (K(1) - v1)'
    """
    return re.sub(r"\b[a-z]\b", lambda m: names[m[0]], text)


# --- derivatives --------------------------------------------------------------------------------------------
def _neg(a: Tree) -> Tree:
    return ("K", -a[1]) if a[0] == "K" else a[1] if len(a) == 2 and a[0] == "-" else ("-", a)


def _add(a: Tree, b: Tree) -> Tree:
    return b if a == ("K", 0) else a if b == ("K", 0) else ("+", a, b)


def _mul(a: Tree, b: Tree) -> Tree:
    if ("K", 0) in (a, b):
        return ("K", 0)
    return b if a == ("K", 1) else a if b == ("K", 1) else ("*", a, b)


def replace(tree: Tree, values: Mapping[str, Tree]) -> Tree:
    """The tree with variables replaced by trees."""
    if tree[0] == "K":
        return tree
    if len(tree) == 1:
        return values.get(tree[0], tree)
    return (tree[0], *(replace(t, values) for t in tree[1:]))


def derivative(tree: Tree, by: str, rule: Callable[[str], tuple[Tree, ...]]) -> Tree:
    """d tree / d variable.

    Parameters
    ----------
    rule
        Derivatives of a function by each argument, in terms of its arguments ``a``, ``b`` and its value
        ``y``; the rows of the tables are asked (`ew_group.function_rule`), so no rule is written twice.
    """
    head, args = tree[0], tree[1:]
    if head == "K" or head in _COMPARISONS:
        return ("K", 0)
    if not args:
        return ("K", int(head == by))
    if head == "SEL":
        yes, no = derivative(args[1], by, rule), derivative(args[2], by, rule)
        return ("K", 0) if yes == no == ("K", 0) else ("SEL", args[0], yes, no)
    parts = [derivative(a, by, rule) for a in args]
    if all(p == ("K", 0) for p in parts):
        return ("K", 0)
    if head == "-":
        return (
            _neg(parts[0])
            if len(args) == 1
            else _add(parts[0], _neg(parts[1]) if parts[1][1:] != (0,) else ("K", 0))
        )
    if head == "+":
        return _add(*parts)
    if head == "*":
        return _add(_mul(parts[0], args[1]), _mul(args[0], parts[1]))
    if head == "/":
        left = ("K", 0) if parts[0] == ("K", 0) else ("/", parts[0], args[1])
        right = ("K", 0) if parts[1] == ("K", 0) else ("/", _mul(tree, parts[1]), args[1])
        return left if right == ("K", 0) else _add(left, _neg(right))
    total: Tree = ("K", 0)
    values = dict(zip("ab", args, strict=False)) | {"y": tree}
    for part, outer in zip(parts, rule(head), strict=True):
        if part != ("K", 0):
            total = _add(total, _mul(replace(outer, values), part))
    return total
