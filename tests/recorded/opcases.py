"""What one question to MXNet is (`OpCase`) and the makers of its arrays; the questions stand in `asked/`.

Data only: no framework is imported here, and nothing is computed but the input arrays. Every array comes
from a generator seeded by the name of its case, so that adding a case leaves all others as they were.
`recorder.py` runs the table against MXNet; shapes use pairwise distinct primes, so that mixed-up axes show.
Runs on Python 3.8 (MXNet's) and on the project's Python.
"""

from __future__ import annotations

import importlib.util
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    Maker = Callable[[np.random.RandomState], Any]


@dataclass
class OpCase:
    """One question to MXNet; `inputs` maps input names, in the operator's order, to array makers.

    `outs` of an imperative case are inputs given as `out=`; by default the first of `mutates`. `scratch` are
    inputs that MXNet spoils without need.
    """

    op: str
    label: str
    inputs: dict[str, Maker] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    is_train: bool = True
    aux: tuple[str, ...] = ()
    mode: str = "symbol"
    mutates: tuple[str, ...] = ()
    outs: tuple[str, ...] | None = None
    scratch: tuple[str, ...] = ()
    seed: int | None = None
    calls: int = 1
    backwards: int = 1
    add: bool = False
    add_rule: bool = False
    no_grad: tuple[str, ...] = ()
    is_loss: bool = False

    @property
    def name(self) -> str:
        """`operator/label`, unique in the table."""
        return self.op + "/" + self.label

    def rng(self, purpose: str) -> np.random.RandomState:
        """Return the generator of this case for one purpose (an input's name, `head0`, ...)."""
        return np.random.RandomState(zlib.crc32((self.name + ":" + purpose).encode()))


def real(*shape: int, dtype: str = "float32", scale: float = 1.0) -> Maker:
    """Normal numbers."""
    return lambda rng: (rng.standard_normal(shape) * scale).astype(dtype)


def positive(*shape: int, dtype: str = "float32") -> Maker:
    """Numbers in [0.25, 2.25)."""
    return lambda rng: (rng.random_sample(shape) * 2 + 0.25).astype(dtype)


def distinct(*shape: int) -> Maker:
    """No two elements equal: safe for max, min and argmax."""
    size = int(np.prod(shape))
    return lambda rng: ((rng.permutation(size) - size // 2) / 8).astype("float32").reshape(shape)


def ints(low: int, high: int, *shape: int, dtype: str = "float32") -> Maker:
    """Whole numbers in [low, high)."""
    return lambda rng: rng.randint(low, high, shape).astype(dtype)


def probabilities(*shape: int) -> Maker:
    """Rows that sum to one."""

    def make(rng: np.random.RandomState) -> Any:
        raw = rng.random_sample(shape) + 0.1
        return (raw / raw.sum(-1, keepdims=True)).astype("float32")

    return make


def values(numbers: Any, dtype: str = "float32", shape: tuple[int, ...] | None = None) -> Maker:
    """Exactly these numbers."""
    return lambda rng: np.array(numbers, dtype=dtype).reshape(np.shape(numbers) if shape is None else shape)


HERE = Path(__file__).resolve().parent


def stems() -> list[str]:
    """Names of the modules of `asked/`, each with its list `CASES`."""
    return sorted(path.stem for path in (HERE / "asked").glob("*.py"))


def cases_of(stem: str) -> list[OpCase]:
    """Return the questions of one module; a name may be used once."""
    spec = importlib.util.spec_from_file_location(f"asked_{stem}", HERE / "asked" / f"{stem}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    cases: list[OpCase] = module.CASES
    names = [case.name for case in cases]
    doubles = sorted({name for name in names if names.count(name) > 1})
    if doubles:
        raise ValueError(f"{stem}: case names used twice: {', '.join(doubles)}")
    return cases
