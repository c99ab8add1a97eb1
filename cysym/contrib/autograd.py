"""`mx.contrib.autograd`: the first interface of autograd, in terms of today's `mx.autograd`.

Here training and recording are one state, and `backward` wants lists. New programs use `mx.autograd`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from .. import autograd as _autograd
from ..ndarray import NDArray, zeros

__all__ = [
    "TrainingStateScope", "backward", "compute_gradient", "grad", "grad_and_loss", "mark_variables",
    "set_is_training", "test_section", "train_section",
]  # fmt: skip

mark_variables = _autograd.mark_variables


def set_is_training(is_train: bool) -> bool:
    """Record and train, or neither; returns whether it recorded before."""
    _autograd.set_training(bool(is_train))
    before: bool = _autograd.set_recording(bool(is_train))
    return before


class TrainingStateScope:
    """Scope in which `set_is_training` has been called; both states come back at its end."""

    def __init__(self, enter_state: bool) -> None:
        self._enter_state = enter_state

    def __enter__(self) -> None:
        self._before = _autograd.is_training(), _autograd.is_recording()
        set_is_training(self._enter_state)

    def __exit__(self, *exc: object) -> None:
        training, recording = self._before
        _autograd.set_training(training)
        _autograd.set_recording(recording)


def train_section() -> TrainingStateScope:
    """Scope that records and trains: ``with train_section(): y = model(x)``."""
    return TrainingStateScope(True)


def test_section() -> TrainingStateScope:
    """Scope that neither records nor trains, within a `train_section`."""
    return TrainingStateScope(False)


def backward(
    outputs: Sequence[NDArray], out_grads: Sequence[NDArray | None] | None = None, retain_graph: bool = False
) -> None:
    """Gradients of marked variables from a list of outputs.

    Raises
    ------
    TypeError
        `outputs` is no list.
    """
    if not isinstance(outputs, (list, tuple)):
        raise TypeError(f"outputs must be a list or tuple of NDArrays, got {type(outputs)}")
    _autograd.backward(outputs, out_grads, retain_graph)


def compute_gradient(outputs: Sequence[NDArray]) -> None:
    """`backward` from outputs alone."""
    backward(outputs)


def grad_and_loss(func: Callable[..., Any], argnum: int | Sequence[int] | None = None) -> Callable[..., Any]:
    """Function that gives the gradients of the arguments of `func`, and what `func` gives.

    Parameters
    ----------
    argnum
        Which arguments; None for all.
    """

    @functools.wraps(func)
    def wrapped(*args: Any) -> tuple[list[NDArray], Any]:
        numbers = range(len(args)) if argnum is None else [argnum] if isinstance(argnum, int) else argnum
        variables = [args[i] for i in numbers]
        for i, x in zip(numbers, variables):
            if not isinstance(x, NDArray):
                raise TypeError(f"argument {i} of {func.__name__} must be an NDArray, got {type(x)}")
        grads = [zeros(x.shape, ctx=x.context, dtype=x.dtype) for x in variables]
        mark_variables(variables, grads)
        with train_section():
            outputs = func(*args)
        compute_gradient([outputs] if isinstance(outputs, NDArray) else outputs)
        return grads, outputs

    return wrapped


def grad(func: Callable[..., Any], argnum: int | Sequence[int] | None = None) -> Callable[..., Any]:
    """Function that gives the gradients of the arguments of `func`; see `grad_and_loss`."""
    both = grad_and_loss(func, argnum)

    @functools.wraps(both)
    def wrapped(*args: Any) -> list[NDArray]:
        grads: list[NDArray] = both(*args)[0]
        return grads

    return wrapped
