"""Bad and nasty ways to use arrays and the tape: overlapping views, wild indices, misused autograd.

``WRONG`` are actions that must be refused, with the class of the error and a pattern of its text; ``RIGHT``
are actions on a NumPy array and on an array of ours that must give the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import cysym as mx

from . import HUGE, LEAST, MOST

ROWS: list[Any] = []  # those of operators: none here
E = mx.MXNetError
Action = Callable[[Any], Any]

WRONG: list[tuple[str, Any, str, Action]] = [
    ("index: least integer", IndexError, str(LEAST), lambda a: a[LEAST]),
    ("index: largest integer", IndexError, str(MOST), lambda a: a[MOST]),
    ("index: beyond 64 bits", IndexError, str(2**70), lambda a: a[2**70]),
    ("index: a list out of range", IndexError, "9", lambda a: a[[0, 9]]),
    ("index: a list of least integers", IndexError, str(LEAST), lambda a: a[[0, LEAST]]),
    ("index: lists of two lengths", IndexError, r"\(2,\).*\(3,\)", lambda a: a[[0, 1], [0, 1, 2]]),
    ("index: mask of another length", IndexError, "5|mask|boolean", lambda a: a[np.ones(5, bool)]),
    ("index: two ellipses", IndexError, "(?i)ellips", lambda a: a[..., 0, ...]),
    ("index: a dictionary", (IndexError, TypeError), "dict|index", lambda a: a[{}]),
    ("index: step 0", ValueError, "zero|0", lambda a: a[::0]),
    ("index: slice of floats", (TypeError, IndexError, ValueError), "integer|float", lambda a: a[0.5:2]),
    ("assign: to a list out of range", IndexError, "9", lambda a: a.__setitem__([0, 9], 1)),
    ("assign: too many values", (ValueError, E), "7|broadcast|shape", lambda a: a.__setitem__(0, np.ones(7))),
    ("assign: None", (ValueError, TypeError, E), "None", lambda a: a.__setitem__(0, None)),
    ("reshape: sizes overflow", (ValueError, E), "12|large|shape", lambda a: a.reshape((HUGE, HUGE))),
    ("reshape: no tuple", (ValueError, TypeError, E), "x|shape|str", lambda a: a.reshape("x")),
    ("broadcast_to: less axes", (ValueError, E), "shape|dim|3", lambda a: a.broadcast_to((4,))),
    ("astype: unknown", (TypeError, ValueError, E), "float33", lambda a: a.astype("float33")),
    ("tile: negative", (ValueError, E), "-1", lambda a: a.tile((-1,))),
    ("empty: sizes overflow", E, "large|memory", lambda a: mx.nd.empty((HUGE, HUGE))),
    ("full: negative size", E, "-1", lambda a: mx.nd.full((-1,), 3)),
    ("arange: endless", E, "range|large|inf|finite", lambda a: mx.nd.arange(0, float("inf"))),
    ("linspace: endless", E, "linspace", lambda a: mx.nd.linspace(0, 1, HUGE)),
    ("eye: too large", E, "large", lambda a: mx.nd.eye(2**40, 2**40)),
    ("concatenate: different axes", E, "(?i)concat|dim", lambda a: mx.nd.concatenate([a, a[0]], axis=0)),
    ("split_v2: out of range", E, "indices|99", lambda a: mx.nd.split_v2(a, (1, 99))),
    ("autograd: nothing recorded", E, "record|graph|comput", lambda a: a.backward()),
    ("autograd: backward of no array", (TypeError, E, AttributeError, AssertionError), "NDArray|array|str",
     lambda a: mx.autograd.backward(["x"])),
    ("autograd: heads and gradients differ", (ValueError, E, AssertionError), "1|2|len|equal",
     lambda a: mx.autograd.backward([recorded(a)], [a, a])),
    ("autograd: head gradient of another shape", (ValueError, E), "shape|3|2",
     lambda a: recorded(a).backward(mx.nd.ones((2, 2)))),
    ("autograd: variable not in the graph", (ValueError, E), "graph|variable|reach|attach|record",
     lambda a: mx.autograd.grad(recorded(a), mx.nd.ones((2,)))),
    ("autograd: requests and variables differ", (ValueError, E, AssertionError), "1|2|len|same|number",
     lambda a: mx.autograd.mark_variables([a, a], [a.copy()])),
    ("autograd: unknown request", (ValueError, KeyError, E), "sum", lambda a: a.attach_grad(grad_req="sum")),
]  # fmt: skip


def recorded(a: Any) -> Any:
    """A result with `a` as variable of its graph."""
    a = a.copy()
    a.attach_grad()
    with mx.autograd.record():
        return (a * a).sum(axis=0)


def _set(a: Any, key: Any, value: Any) -> Any:
    a[key] = value
    return a


def _iadd(a: Any, b: Any) -> Any:
    a += b
    return a


RIGHT: list[tuple[str, Action]] = [
    ("a view backwards onto itself", lambda a: _set(a, slice(None), a[::-1])),
    ("overlap forwards", lambda a: _set(a, slice(1, None), a[:-1])),
    ("overlap backwards", lambda a: _set(a, slice(None, -1), a[1:])),
    ("a row onto all", lambda a: _set(a, slice(None), a[1:2])),
    ("added to its own view", lambda a: _iadd(a[1:], a[:-1])),
    ("added to itself backwards", lambda a: _iadd(a, a[::-1])),
    ("columns backwards", lambda a: a[:, ::-1]),
    ("steps larger than the array", lambda a: a[:: 10**6]),
    ("the least step", lambda a: a[::LEAST]),
    ("ends beyond 64 bits", lambda a: a[-(2**70) : 2**70]),
    ("an empty slice", lambda a: a[2:1]),
    ("an empty list", lambda a: a[np.zeros(0, np.int64)]),
    ("a mask of nothing", lambda a: a[np.zeros(3, bool)]),
    ("nothing assigned", lambda a: _set(a, slice(3, 3), 5)),
    ("one place twice", lambda a: _set(a, np.array([1, 1]), 7)),
    ("negative indices", lambda a: a[np.array([-1, -3, 0]), np.array([-4, 3, -1])]),
    ("a view of a view", lambda a: a[1:][::-1][0]),
    ("new axes", lambda a: a[None, :, None, 1]),
]
