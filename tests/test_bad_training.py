"""Bad arguments of everything on the training side, one at a time; the good calls are in misuse/.

A changed call works or raises one clear error, and after an error all is as before. The short run makes a
share of the calls, chosen by their names and so the same in every run; the slow one makes them all. A limit
of address space turns sizes that are believed unchecked into errors.
"""

from __future__ import annotations

import importlib
import io
import logging
import os
import pkgutil
import resource
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import misuse
import pytest

import cysym as mx

MODULES = [module.name for module in pkgutil.iter_modules(misuse.__path__)]
ROWS: list[misuse.Row] = [
    row for name in MODULES for row in importlib.import_module(f"misuse.{name}").ROWS.rows
]
SHARE = 40  # the short run makes one in so many calls
ROOM = 2 << 30


@pytest.fixture(autouse=True)
def confined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """In a folder of its own, without output, and with little memory (sanitizers reserve all there is)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdout", io.StringIO())
    logging.disable(logging.CRITICAL)
    before = resource.getrlimit(resource.RLIMIT_AS)
    if "ASAN_OPTIONS" not in os.environ:
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + ROOM, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)
    logging.disable(logging.NOTSET)


def check(row: misuse.Row, folder: Path, share: int) -> int:
    """Make the changed calls of a row; how many."""
    made, wrong = 0, []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        want = misuse.run_good(row, row.make(folder))
        for arg, what, change in misuse.nasty(row, folder):
            if share > 1 and not misuse.sampled(row, arg, what, share):
                continue
            _, complaint = misuse.attempt(row, arg, change, folder, want)
            made += 1
            if complaint is not None:
                wrong.append(f"{arg} = {what}: {complaint}")
    assert not wrong, f"{row.name}: {len(wrong)} of {made} calls\n" + "\n".join(wrong[:20])
    return made


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_some_changes(row: misuse.Row, tmp_path: Path) -> None:
    check(row, tmp_path, SHARE)


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_all_changes(row: misuse.Row, tmp_path: Path) -> None:
    assert check(row, tmp_path, 1) > 20


def test_good_calls_are_reproducible(tmp_path: Path) -> None:
    """Else a comparison with the first result says nothing."""
    differ = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for i, row in enumerate(ROWS):
            results = []
            for k in range(2):
                folder = tmp_path / f"{i}-{k}"
                folder.mkdir()
                results.append(misuse.run_good(row, row.make(folder)))
            if results[0] != results[1]:
                differ.append(row.name)
    assert not differ


def test_rows_have_names_of_their_own() -> None:
    names = [row.name for row in ROWS]
    assert len(set(names)) == len(names)
    assert len(names) > 300


@pytest.mark.parametrize("number", [0, 1, 2, 3, True])
def test_a_number_is_no_file(number: Any, tmp_path: Path) -> None:
    """`open` takes a number for an open file and closes it in the end: standard output, or anything else."""
    net = mx.sym.Variable("data")
    module = mx.mod.Module(net, label_names=None)
    module.bind([("data", (1, 1))], for_training=False)
    module.init_params()
    store = mx.kv.create("local")
    store.set_optimizer(mx.optimizer.SGD())
    calls = [
        net.save, mx.sym.load, mx.nd.load, lambda n: mx.nd.save(n, mx.nd.ones((1,))), module.save_params,
        module.load_params, store.save_optimizer_states, store.load_optimizer_states,
        lambda n: mx.recordio.MXRecordIO(n, "r"), lambda n: mx.recordio.MXIndexedRecordIO(n, n, "w"),
        lambda n: mx.io.CSVIter(data_csv=n, data_shape=(1,), batch_size=1),
        lambda n: mx.io.MNISTIter(image=n, label=n, batch_size=1), lambda n: mx.model.load_checkpoint(n, 1),
    ]  # fmt: skip
    before = [os.fstat(n).st_ino for n in range(3)]
    for call in calls:
        with pytest.raises(TypeError, match=f"(string|path).*{number}"):
            call(number)
    assert [os.fstat(n).st_ino for n in range(3)] == before


# --- what the changes found, in so many words ---------------------------------------------------------------
@pytest.mark.parametrize("factor", [1, 0.5, 0])
def test_a_schedule_gets_to_any_update_at_once(factor: float) -> None:
    schedule = mx.lr_scheduler.FactorScheduler(2, factor, stop_factor_lr=0.001, base_lr=1.0)
    assert schedule(2**62) == pytest.approx(1.0 if factor == 1 else 0.001)
    assert schedule(2**62 + 1) == pytest.approx(1.0 if factor == 1 else 0.001)


@pytest.mark.parametrize("name", ["sgd", "adam", "nadam", "lbsgd", "lamb", "lars"])
def test_a_failed_update_is_not_counted(name: str) -> None:
    def trained(fail: bool) -> Any:
        updater = mx.optimizer.get_updater(mx.optimizer.create(name, learning_rate=0.1))
        weight = mx.nd.array([[1.0, -2.0]])
        for _ in range(3):
            updater(0, mx.nd.array([[0.5, 0.25]]), weight)
            if fail:
                with pytest.raises((mx.MXNetError, TypeError)):
                    updater(0, mx.nd.ones((3,)), weight)
                with pytest.raises(TypeError, match="grad must be an NDArray, got None"):
                    updater(0, None, weight)
        return weight.asnumpy().tolist(), updater.optimizer.num_update

    assert trained(True) == trained(False)


def test_a_list_is_updated_whole_or_not_at_all() -> None:
    updater = mx.optimizer.get_updater(mx.optimizer.SGD(learning_rate=0.1))
    weights = [mx.nd.ones((2,)), mx.nd.ones((3,))]
    for wrong in (mx.nd.ones((2,)), mx.nd.ones((3,), dtype="float64")):
        with pytest.raises(mx.MXNetError, match=r"a grad is .* its weight"):
            updater([0, 1], [mx.nd.ones((2,)), wrong], weights)
    assert [w.asnumpy().tolist() for w in weights] == [[1, 1], [1, 1, 1]]


def test_a_batch_that_describes_itself_wrongly_lays_nothing_down() -> None:
    def generate(key: int) -> Any:
        return mx.sym.sum(mx.sym.Variable("data"), axis=1), ("data",), None

    module = mx.mod.BucketingModule(generate, 4)
    module.bind([("data", (2, 4))], for_training=False)
    module.init_params()
    wrong = mx.io.DataBatch(
        [mx.nd.ones((2, 3)), mx.nd.ones((1,))], bucket_key=3, provide_data=[("data", (2, 3))]
    )
    right = mx.io.DataBatch([mx.nd.ones((2, 3))], bucket_key=3, provide_data=[("data", (2, 3))])
    with pytest.raises(mx.MXNetError, match="1 data arrays"):
        module.forward(wrong)
    assert module.data_shapes[0].shape == (2, 4)
    module.forward(right)
    assert module.get_outputs()[0].asnumpy().tolist() == [3, 3]


def test_one_value_of_a_range_needs_no_step() -> None:
    for dtype in ("int32", "int64", "float16", "float32"):
        assert mx.nd.arange(3, 4, 2**63, dtype=dtype).asnumpy().tolist() == [3]
