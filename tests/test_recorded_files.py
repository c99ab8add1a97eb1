"""Parameter files and a checkpoint of MXNet 1.9.1: read to the same arrays, written to the same bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import contexts
from recorded.loader import Array, checkpoint, parameter_files

import cysym as mx

FOLDER = Path(__file__).parent / "recorded" / "files"
# of formats that are only read: MXNet 1.9.1 itself writes neither
READ_ONLY = {"v0.params", "v0_gpu.params", "v1.params"}
# of arrays cysym does not have: refused, not misread
SPARSE = "row_sparse.params"
FILES = {name: content for name, content in parameter_files().items() if name != SPARSE}


def assert_array(got: Any, want: Array) -> None:
    assert got.dtype == want.dtype
    assert got.shape == want.shape
    np.testing.assert_array_equal(got.asnumpy(), want)


@pytest.mark.parametrize("name", FILES)
def test_load(name: str) -> None:
    want = FILES[name]
    got = mx.nd.load(str(FOLDER / name))
    assert type(got) is type(want)
    assert len(got) == len(want)
    if isinstance(want, dict):
        assert set(got) == set(want)
        for key, array in want.items():
            assert_array(got[key], array)
    else:
        for one, array in zip(got, want, strict=True):
            assert_array(one, array)


def test_sparse_arrays_are_refused() -> None:
    with pytest.raises(mx.MXNetError, match=r"row_sparse\.params.*'r' is a sparse array"):
        mx.nd.load(str(FOLDER / SPARSE))


@pytest.mark.parametrize("name", FILES)
def test_load_from_memory(name: str) -> None:
    got = mx.nd.load_frombuffer((FOLDER / name).read_bytes())
    assert len(got) == len(FILES[name])


@pytest.mark.parametrize("name", sorted(set(FILES) - READ_ONLY))
def test_save_gives_mxnets_bytes(name: str, tmp_path: Path) -> None:
    original = (FOLDER / name).read_bytes()
    loaded, want = mx.nd.load(str(FOLDER / name)), FILES[name]
    content: Any
    if isinstance(want, dict):
        names = list(loaded)  # the order of the file
        content = {key: mx.nd.array(want[key], dtype=want[key].dtype) for key in names}
    else:
        content = [mx.nd.array(array, dtype=array.dtype) for array in want]
    for k, data in enumerate((content, loaded)):
        mx.nd.save(str(tmp_path / str(k)), data)
        assert (tmp_path / str(k)).read_bytes() == original


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("part", [0.0, 0.3, 0.6, 0.95])
def test_a_torn_file_is_refused(name: str, part: float, tmp_path: Path) -> None:
    whole = (FOLDER / name).read_bytes()
    torn = tmp_path / name
    torn.write_bytes(whole[: int(len(whole) * part)])
    with pytest.raises(mx.MXNetError, match=name):
        mx.nd.load(str(torn))


@pytest.mark.parametrize("ctx", contexts(), ids=str)
def test_checkpoint_runs(ctx: Any) -> None:
    recorded = checkpoint()
    symbol, args, aux = mx.model.load_checkpoint(recorded["prefix"], recorded["epoch"])
    assert {n: a.shape for n, a in args.items()} == {
        "fc_weight": (2, 3), "fc_bias": (2,), "bn_gamma": (2,), "bn_beta": (2,),
    }  # fmt: skip
    values = {"data": mx.nd.array(recorded["data"]), **args}
    executor = symbol.bind(
        ctx,
        {name: array.as_in_context(ctx) for name, array in values.items()},
        aux_states={name: array.as_in_context(ctx) for name, array in aux.items()},
    )
    # two products and a normalisation in float32
    np.testing.assert_allclose(executor.forward()[0].asnumpy(), recorded["output"], rtol=2e-6)


def test_checkpoint_is_written_alike(tmp_path: Path) -> None:
    recorded = checkpoint()
    symbol, args, aux = mx.model.load_checkpoint(recorded["prefix"], recorded["epoch"])
    mx.model.save_checkpoint(str(tmp_path / "checkpoint"), recorded["epoch"], symbol, args, aux)
    for name in ("checkpoint-symbol.json", "checkpoint-0003.params"):
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes(), name
