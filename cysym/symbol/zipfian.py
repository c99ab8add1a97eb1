"""`rand_zipfian`: candidates of a sampled softmax, drawn by `mx.sym.contrib` and `mx.nd.contrib` alike."""

from __future__ import annotations

import math
from typing import Any

from ..arguments import needs, whole
from .symbol import Symbol

__all__ = ["rand_zipfian"]


def zipfian(uniform: Any, true_classes: Any, num_sampled: int, range_max: int, **where: Any) -> Any:
    """The three results of `rand_zipfian`, of NDArrays or Symbols.

    Parameters
    ----------
    uniform
        The sampler of their kind.
    **where
        Its further keywords.
    """
    needs(true_classes, "true_classes", "an array or symbol of class numbers", "astype", "log")
    width = math.log(whole(range_max, "range_max", 1) + 1)
    whole(num_sampled, "num_sampled", 0)
    draws = uniform(0, width, shape=(num_sampled,), dtype="float64", **where)
    # The inverse of the distribution function log(class + 1) / log(range_max + 1).
    drawn = (draws.exp() - 1).astype("int64") % range_max

    def expected(classes: Any) -> Any:
        c = classes.astype("float64")
        return ((c + 2.0) / (c + 1.0)).log() / width * num_sampled

    return drawn, expected(true_classes), expected(drawn)


def rand_zipfian(true_classes: Symbol, num_sampled: int, range_max: int) -> tuple[Symbol, Symbol, Symbol]:
    """Classes drawn with about Zipf's frequencies, for losses over a sample of the classes.

    Class c is drawn with probability ``(log(c + 2) - log(c + 1)) / log(range_max + 1)``, with replacement.

    Parameters
    ----------
    true_classes
        Numbers of the true classes.
    num_sampled
        How many to draw.
    range_max
        How many classes there are.

    Returns
    -------
    tuple of Symbol
        Drawn classes (int64), how often each true class is expected among them, and each drawn one.
    """
    from . import random

    made: tuple[Symbol, Symbol, Symbol] = zipfian(random.uniform, true_classes, num_sampled, range_max)
    return made
