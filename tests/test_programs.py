"""Programs under `recorded/programs`: cysym must show a user what MXNet 1.9.1 showed, on every device."""

from __future__ import annotations

import importlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import contexts
from recorded.loader import _reader
from recorded.programs import Program, programs_of

import cysym as mx

FOLDER = Path(__file__).parent / "recorded" / "programs"
AREAS = sorted(p.stem for p in FOLDER.glob("[a-z]*.py"))
CASES = [
    (area, program, ctx)
    for area in AREAS
    for program in programs_of(importlib.import_module(f"recorded.programs.{area}"))
    for ctx in (contexts()[:1] if program.cpu else contexts())
]


@lru_cache(maxsize=1)
def answers(area: str) -> tuple[dict[str, Any], Any]:
    return json.loads((FOLDER / f"{area}.json").read_text()), _reader(FOLDER / f"{area}.npz")


class Comparison:
    """Walks two answers side by side and collects the places where they differ."""

    def __init__(self, array: Any, program: Program) -> None:
        self._array, self._program = array, program
        self.found: dict[str, str] = {}

    def walk(self, got: Any, want: Any, place: str = "") -> None:
        if isinstance(got, mx.nd.NDArray):
            got = got.asnumpy()
        if isinstance(want, dict) and "array" in want:
            self._arrays(got, self._array(want["array"]), place)
        elif isinstance(want, dict) and "bytes" in want:
            self._equal(got.hex() if isinstance(got, bytes) else got, want["bytes"], place)
        elif isinstance(want, dict):
            want = want["dict"]
            if not isinstance(got, dict) or [str(k) for k in got] != list(want):
                self.found[place] = f"{list(got) if isinstance(got, dict) else got!r} for keys {list(want)}"
                return
            for key, value in got.items():
                self.walk(value, want[str(key)], f"{place}/{key}".lstrip("/"))
        elif isinstance(want, list):
            if not isinstance(got, (list, tuple)) or len(got) != len(want):
                self.found[place] = f"{got!r} for {want!r}"
                return
            for i, (a, b) in enumerate(zip(got, want)):
                self.walk(a, b, f"{place}/{i}".lstrip("/"))
        elif isinstance(want, float) and isinstance(got, (float, np.floating)):
            self._arrays(np.float64(got), np.float64(want), place)
        else:
            self._equal(got, want, place)

    def _equal(self, got: Any, want: Any, place: str) -> None:
        if isinstance(got, np.generic):
            got = got.item()
        # == of a Symbol is a node, and True == 1
        if isinstance(got, mx.sym.Symbol) or isinstance(got, bool) != isinstance(want, bool) or got != want:
            self.found[place] = f"{got!r} for {want!r}"

    def _arrays(self, got: Any, want: Any, place: str) -> None:
        got = np.asarray(got) if isinstance(got, (np.generic, float)) else got
        if not isinstance(got, np.ndarray) or got.dtype != want.dtype or got.shape != want.shape:
            self.found[place] = (
                f"{getattr(got, 'dtype', type(got))} {np.shape(got)} for {want.dtype} {want.shape}"
            )
            return
        try:
            np.testing.assert_allclose(got, want, rtol=self._program.rtol, atol=self._program.atol)
        except AssertionError as error:
            self.found[place] = str(error)


@pytest.mark.parametrize(("area", "program", "ctx"), CASES, ids=lambda v: str(v))
def test_as_mxnet(area: str, program: Program, ctx: Any) -> None:
    recorded, array = answers(area)
    mx.random.seed(0)
    np.random.seed(0)
    comparison = Comparison(array, program)
    comparison.walk(program(mx, ctx), recorded[program.name])
    unexpected = {k: v for k, v in comparison.found.items() if k not in program.differs}
    assert not unexpected, "\n".join(f"{place or 'answer'}: {text}" for place, text in unexpected.items())
    stale = sorted(set(program.differs) - set(comparison.found))
    assert not stale, f"said to differ from MXNet, but agrees: {stale}"


def test_every_program_is_recorded() -> None:
    """A program nobody recorded proves nothing, nor does an answer whose program is gone."""
    for area in AREAS:
        module = importlib.import_module(f"recorded.programs.{area}")
        assert [p.name for p in programs_of(module)] == list(answers(area)[0]), area
