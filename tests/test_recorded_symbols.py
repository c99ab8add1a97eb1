"""Symbols against MXNet 1.9.1: JSON text byte for byte, names, attributes, shapes, old versions."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
from recorded import symbols
from recorded.loader import SymbolCase, symbol_cases

import cysym as mx

CASES = symbol_cases()
BUILT = [case for case in CASES if case.legacy is None]


def make(case: SymbolCase) -> Any:
    return symbols.build(mx, case.name) if case.legacy is None else mx.sym.load_json(case.legacy)


def test_every_builder_is_recorded() -> None:
    assert {case.name for case in BUILT} == set(symbols.BUILDERS)
    assert len(CASES) > len(BUILT)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_text_is_mxnets(case: SymbolCase) -> None:
    assert make(case).tojson() == case.text


@pytest.mark.parametrize("case", CASES, ids=str)
def test_text_is_read_back(case: SymbolCase) -> None:
    assert mx.sym.load_json(case.text).tojson() == case.text


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("loaded", [False, True], ids=["built", "loaded"])
def test_symbol_says_the_same(case: SymbolCase, loaded: bool) -> None:
    symbol = mx.sym.load_json(case.text) if loaded else make(case)
    given = case.expected["infer_shape"]["given"]
    found = symbols.describe(symbol, {name: tuple(shape) for name, shape in given.items()})
    for key, want in case.expected.items():
        assert found[key] == want, key


@pytest.mark.parametrize("case", BUILT, ids=str)
def test_files_and_pickles(case: SymbolCase, tmp_path: Path) -> None:
    symbol = make(case)
    path = tmp_path / "symbol.json"
    symbol.save(str(path))
    assert path.read_bytes() == case.text.encode()
    assert mx.sym.load(str(path)).tojson() == case.text
    assert pickle.loads(pickle.dumps(symbol)).tojson() == case.text
