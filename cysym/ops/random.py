"""Random numbers: _random_uniform and _random_normal, from the device's 1,024 Mersenne twisters.

The state is one int32 tensor of shape (1024, 625) a device: 624 words and the position of each generator. A
sampler of N numbers uses n = min(ceil(N / 64), 1024) generators; each fills one contiguous stretch of ceil(N
/ n) and keeps its position, as MXNet 1.9.1 does on the CPU, so that seeds give the same numbers. The kernel
``random_seed`` (ints: seed; items: 1024) fills the state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from ..base import MXNetError
from ..dtypes import CODES, NAMES
from .schema import DType, Float, OpDef, Shape, Str

if TYPE_CHECKING:
    from ..passes.lower import LowerContext
    from .rules import ShapeRule, TypeRule

GENERATORS: Final = 1024
LEAST: Final = 64  # numbers a generator


def generators(count: int) -> tuple[int, int]:
    """How many generators share `count` numbers, and how many each makes.

    >>> generators(64), generators(65), generators(10**6)
    ((1, 64), (2, 33), (1024, 977))
    """
    n = min(-(-count // LEAST), GENERATORS)
    return n, -(-count // max(n, 1))


class _Sampler(OpDef):
    half = True
    inputs = ()
    is_random = True
    kernel: ClassVar[str] = ""
    cost: ClassVar[float] = 1.0  # nanoseconds a number

    shape = Shape(None, "shape of the result; taken from its users when absent")
    ctx = Str("", "context of the result, in an imperative call")
    dtype = DType(None, "element type of the result, float32 when absent")

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.params = {**{n: p for n, p in cls.params.items() if n not in _Sampler.params}, **_Sampler.params}

    def check(self) -> None:
        if self.dtype is not None and NAMES[self.dtype] not in ("float16", "float32", "float64"):
            raise MXNetError(
                f"Invalid Input: {NAMES[self.dtype]!r}, valid values are: {{'None', 'float16', 'float32', "
                f"'float64'}}"
                f', in operator {self.name}(name="")'
            )

    def constants(self) -> list[float]:
        """The two numbers of the distribution, rounded to float32 as MXNet holds them."""
        raise NotImplementedError

    def infer_shape(self, s: ShapeRule) -> None:
        if self.shape:
            s.meet_out(0, tuple(d or -1 for d in self.shape))

    def infer_type(self, t: TypeRule) -> None:
        t.meet_out(0, CODES["float32"] if self.dtype is None else self.dtype)

    def lower(self, c: LowerContext) -> None:
        y, state = c.output(), c.random_state()
        half = NAMES[y.dtype] == "float16"  # drawn as doubles and rounded
        to = c.temp(y.shape, CODES["float64"]) if half else y
        n, step = generators(y.size)
        ints = [y.size, step]
        c.call(
            self.kernel,
            [to, state],
            [state],
            ints,
            self.constants(),
            items=n,
            cost=self.cost * step,
            mutates=True,
        )
        if half:
            c.cast(y, to)


class RandomUniform(_Sampler):
    """Numbers uniform in [low, high), ``shape`` many, of type ``dtype``.

    ``output = low + (high - low) * u`` where u is a 32-bit draw over 2^32 (two draws for float64).
    (MXNet: _random_uniform)
    """

    name = "_random_uniform"
    aliases = ("random_uniform", "uniform")
    kernel = "random_uniform"

    low = Float(0.0, "lower bound, included")
    high = Float(1.0, "upper bound, excluded")

    def constants(self) -> list[float]:
        low, high = np.float32(self.low), np.float32(self.high)
        return [float(low), float(high - low)]


class RandomNormal(_Sampler):
    """Numbers of the normal distribution with mean ``loc`` and standard deviation ``scale``, ``shape`` many.

    Marsaglia's polar method, which makes two numbers at a time, of which the second is thrown away, as MXNet
    does. (MXNet: _random_normal)
    """

    name = "_random_normal"
    aliases = ("random_normal", "normal")
    kernel = "random_normal"
    cost = 30.0

    loc = Float(0.0, "mean")
    scale = Float(1.0, "standard deviation")

    def constants(self) -> list[float]:
        return [float(np.float32(self.loc)), float(np.float32(self.scale))]
