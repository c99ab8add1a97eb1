"""Random numbers: the distributions, and of each the operators `_random_X` (numbers as parameters) and
`_random_X_like`; `_random_randint`. With arrays as parameters: sample.py.

The state is one int32 tensor of shape (1024, 625) a device: 624 words and the position of each generator. A
sampler of N numbers uses n = min(ceil(N / 64), 1024) generators; each fills one contiguous stretch of ceil(N
/ n) and keeps its position, as MXNet 1.9.1 does on the CPU, so that seeds give the same numbers. The kernel
``random_seed`` (ints: seed; items: 1024) fills the state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from ..base import MXNetError
from ..dtypes import CODES, NAMES
from .rules import FLOATS
from .schema import DType, Float, Int, OpDef, Param, Shape, Str

if TYPE_CHECKING:
    from ..passes.ir import Tensor
    from ..passes.lower import LowerContext
    from .rules import ShapeRule, TypeRule

GENERATORS: Final = 1024
LEAST: Final = 64  # numbers a generator
FLOAT32: Final = CODES["float32"]
MAX_FLOAT32: Final = float(np.finfo(np.float32).max)


def generators(count: int) -> tuple[int, int]:
    """How many generators share `count` numbers, and how many each makes.

    >>> generators(64), generators(65), generators(10**6)
    ((1, 64), (2, 33), (1024, 977))
    """
    n = min(-(-count // LEAST), GENERATORS)
    return n, -(-count // max(n, 1))


@dataclass(frozen=True)
class Distribution:
    """One row of the table below.

    ``scalars`` makes the parameters of `_random_X`, ``inputs`` names those of `_sample_X`; ``kind`` is the
    kernel's number for it (random.inc). ``rules`` are what the scalars must satisfy. ``counts``: whole
    numbers, which MXNet draws in float32 whatever the type of the result.
    """

    name: str
    kind: int
    doc: str
    scalars: Callable[[], dict[str, Param[Any]]]
    inputs: tuple[str, ...]
    rules: tuple[tuple[str, Callable[..., bool]], ...]
    cost: float  # nanoseconds a number
    counts: bool = False


DISTRIBUTIONS: Final = (
    Distribution(
        "uniform", 0,
        "uniform in [low, high): ``low + (high - low) * u`` where u is a 32-bit draw over 2^32 (two draws "
        "for float64)",
        lambda: {"low": Float(0.0, "lower bound, included"), "high": Float(1.0, "upper bound, excluded")},
        ("low", "high"), (("low <= high", lambda low, high: low <= high),), 5.0,
    ),
    Distribution(
        "normal", 1,
        "of the normal distribution, by Marsaglia's polar method, of which the second number of each pair is "
        "thrown away, as MXNet does",
        lambda: {"loc": Float(0.0, "mean"), "scale": Float(1.0, "standard deviation")},
        ("mu", "sigma"), (("scale > 0", lambda loc, scale: scale > 0),), 40.0,
    ),
    Distribution(
        "exponential", 2, "of the exponential distribution with density ``lam * exp(-lam * x)``",
        lambda: {"lam": Float(1.0, "rate, the inverse of the mean")},
        ("lam",), (("lam > 0", lambda lam: lam > 0),), 25.0,
    ),
    Distribution(
        "gamma", 3,
        "of the gamma distribution with mean ``alpha * beta`` (Marsaglia and Tsang 2000)",
        lambda: {"alpha": Float(1.0, "shape"), "beta": Float(1.0, "scale")},
        ("alpha", "beta"),
        (("alpha > 0", lambda alpha, beta: alpha > 0), ("beta > 0", lambda alpha, beta: beta > 0)), 110.0,
    ),
    Distribution(
        "poisson", 4, "of the Poisson distribution (whole numbers, drawn in float32)",
        lambda: {"lam": Float(1.0, "mean")},
        ("lam",), (("lam >= 0", lambda lam: lam >= 0),), 120.0, True,
    ),
    Distribution(
        "negative_binomial", 5,
        "of failures before the k-th success of trials that succeed with probability p (for `_sample_` k "
        "need not be whole); drawn in float32",
        lambda: {"k": Int(1, "successes to wait for"), "p": Float(1.0, "probability of success")},
        ("k", "p"),
        (("k >= 0", lambda k, p: k >= 0), ("0 < p <= 1", lambda k, p: 0 < p <= 1)), 250.0, True,
    ),
    Distribution(
        "generalized_negative_binomial", 6,
        "of the Poisson distribution whose mean is gamma distributed, of mean mu and variance ``mu + alpha * "
        "mu^2``; drawn in float32",
        lambda: {"mu": Float(1.0, "mean"), "alpha": Float(1.0, "dispersion, 0 for Poisson")},
        ("mu", "alpha"),
        (("mu >= 0", lambda mu, alpha: mu >= 0), ("alpha >= 0", lambda mu, alpha: alpha >= 0)), 250.0, True,
    ),
)  # fmt: skip


def emit_sample(
    c: LowerContext,
    d: Distribution,
    y: Tensor,
    constants: Sequence[float] = (),
    arrays: Sequence[str] = (),
    per: int = 0,
) -> None:
    """Fill `y` with numbers whose parameters are `constants`, or the inputs `arrays`, `per` numbers each."""
    if not y.size:
        return
    half = NAMES[y.dtype] == "float16"  # drawn as doubles and rounded, as MXNet does
    dtype = FLOAT32 if d.counts else CODES["float64"] if half else y.dtype
    to = y if y.dtype == dtype else c.temp(y.shape, dtype)
    state = c.random_state()
    n, step = generators(y.size)
    if d.name == "uniform" and not arrays:
        low, high = np.float32(constants[0]), np.float32(constants[1])
        kernel, ins, ints, floats = "random_uniform", [state], [y.size, step], [float(low), float(high - low)]
    else:
        a = [c.input(name, dtype=dtype) for name in arrays] or [state]
        floats = [float(np.float32(v)) for v in (*constants, 0.0, 0.0)[:2]]
        kernel, ins, ints = "random_sample", [state, a[0], a[-1]], [y.size, step, d.kind, per]
    c.call(kernel, [to, state], ins, ints, floats, items=n, cost=d.cost * step, mutates=True)
    if to is not y:
        c.cast(y, to)


class _Scalars(OpDef):
    """Base: the parameters of a distribution as numbers."""

    is_random = True
    half = True
    dtypes = FLOATS
    distribution: ClassVar[Distribution]
    scalars: ClassVar[tuple[str, ...]]  # names of its parameters

    def constants(self) -> list[float]:
        return [self.values[name] for name in self.scalars]

    def check(self) -> None:
        values = self.constants()
        given = ", ".join(f"{n}={v!r}" for n, v in zip(self.scalars, values, strict=True))
        if not all(abs(value) <= MAX_FLOAT32 for value in values):  # NaN is not
            raise MXNetError(f"{self.name}: parameters must be finite float32 numbers, got {given}")
        for text, holds in self.distribution.rules:
            if not holds(*values):
                raise MXNetError(f"{self.name}: {text} is required, got {given}")

    def lower(self, c: LowerContext) -> None:
        emit_sample(c, self.distribution, c.output(), self.constants())


class _Drawn(OpDef):
    """Base: no inputs; shape and type are parameters."""

    inputs = ()
    allowed: ClassVar[tuple[str, ...]] = FLOATS

    def check(self) -> None:
        super().check()
        dtype = self.values["dtype"]
        if dtype is not None and NAMES[dtype] not in self.allowed:
            valid = ", ".join(repr(n) for n in ("None", *self.allowed))
            raise MXNetError(
                f"Invalid Input: {NAMES[dtype]!r}, valid values are: {{{valid}}}, in operator "
                f'{self.name}(name="")'
            )

    def infer_shape(self, s: ShapeRule) -> None:
        from ..util import is_np_shape  # which imports this package

        shape: tuple[int, ...] | None = self.values["shape"]
        if is_np_shape():
            s.meet_out(0, shape)
        elif shape:
            s.meet_out(0, tuple(d or -1 for d in shape))

    def infer_type(self, t: TypeRule) -> None:
        t.meet_out(0, CODES[self.allowed[0]] if self.values["dtype"] is None else self.values["dtype"])


class _Random(_Drawn, _Scalars):
    """Base of `_random_X`; float32 unless ``dtype`` says otherwise."""

    allowed = ("float32", "float16", "float64")


class _Like(_Scalars):
    """Base of `_random_X_like`; of ``data`` only shape and type matter."""


def _tail(types: str) -> dict[str, Param[Any]]:
    return {
        "shape": Shape(None, "shape of the result; taken from its users when absent"),
        "ctx": Str("", "context of the result, in an imperative call"),
        "dtype": DType(None, f"element type of the result: {types}"),
    }


def _define(d: Distribution) -> None:
    title = "".join(word.title() for word in d.name.split("_"))
    short = (d.name,) if d.name in ("uniform", "normal") else ()
    facts = {"__module__": __name__, "distribution": d, "scalars": tuple(d.scalars())}
    type(
        f"Random{title}",
        (_Random,),
        {
            **facts,
            **d.scalars(),
            **_tail("float32 (default), float16 or float64"),
            "__doc__": f"Numbers {d.doc}.\n\n``shape`` many, of type ``dtype``. (MXNet: _random_{d.name})",
            "name": f"_random_{d.name}",
            "aliases": (*short, f"random_{d.name}"),
        },
    )
    type(
        f"Random{title}Like",
        (_Like,),
        {
            **facts,
            **d.scalars(),
            "__doc__": f"Numbers {d.doc}.\n\nAs many as ``data`` has, in its shape and type. "
            f"(MXNet: _random_{d.name}_like)",
            "name": f"_random_{d.name}_like",
        },
    )


for _distribution in DISTRIBUTIONS:
    _define(_distribution)


class RandomRandint(_Drawn):
    """Whole numbers uniform in [low, high), ``shape`` many, int32 unless ``dtype`` says int64.

    ``low + (2^31 a + b) mod (high - low)`` of two 32-bit draws a and b; ``2^32 a + b`` where high - low
    is 2^62 or more. (MXNet: _random_randint)
    """

    name = "_random_randint"
    aliases = ("random_randint",)
    is_random = True
    allowed = ("int32", "int64")

    low = Int(doc="lower bound, included")
    high = Int(doc="upper bound, excluded")
    shape = Shape(None, "shape of the result; taken from its users when absent")
    ctx = Str("", "context of the result, in an imperative call")
    dtype = DType(None, "element type of the result: int32 (default) or int64")

    def check(self) -> None:
        super().check()
        if self.low >= self.high:
            raise MXNetError(f"{self.name}: low < high is required, got low={self.low}, high={self.high}")
        if self.dtype in (None, CODES["int32"]) and (self.low < -(2**31) or self.high > 2**31):
            raise MXNetError(
                f"{self.name}: [{self.low}, {self.high}) does not lie within int32; ask for dtype='int64'"
            )

    def lower(self, c: LowerContext) -> None:
        y, state = c.output(), c.random_state()
        n, step = generators(y.size)
        span = self.high - self.low
        ints = [y.size, step, self.low, span if span < 2**63 else span - 2**64, NAMES[y.dtype] == "int64"]
        c.call(
            "random_randint", [y, state], [state], ints, items=n, cost=10.0 * step, dtype="f32", mutates=True
        )
