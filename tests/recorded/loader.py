"""Reads the recorded truth: operator cases, training runs, symbol texts, parameter files, memory figures.

Needs NumPy only and never imports a framework. Tests loop over `operator_cases()`, `trajectories()`,
`symbol_cases()`, `parameter_files()` and `memory_rows()`; `README.md` says what a consumer has to do with
each.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class GradAdd:
    """Gradients under grad_req 'add': contents before and after one backward."""

    source: str
    initial: dict[str, Array]
    result: dict[str, Array]


@dataclass(frozen=True)
class OperatorCase:
    """One operator, its inputs and what MXNet made of them; fields as in `README.md`."""

    name: str
    op: str
    mode: str
    params: dict[str, str]
    inputs: dict[str, Array]
    aux: tuple[str, ...]
    is_train: bool
    seed: int | None
    calls: int
    backwards: int
    is_loss: bool
    infer: dict[str, Any] | None
    output_names: tuple[str, ...]
    outputs: tuple[Array, ...]
    heads: tuple[Array, ...]
    grads: dict[str, Array]
    grad_add: GradAdd | None
    aux_after_forward: dict[str, Array]
    aux_after_backward: dict[str, Array]
    args_after: dict[str, Array]
    outs: tuple[str, ...]

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Trajectory:
    """One training run: start, batches, optimizer, and the loss before each update."""

    network: str
    optimizer: str
    optimizer_params: dict[str, float]
    rescale_grad: float
    batch_size: int
    weights: dict[str, Array]
    data: Array
    labels: Array
    losses: Array
    final_norms: dict[str, float]
    final_first: dict[str, list[float]]

    def __str__(self) -> str:
        return f"{self.network}-{self.optimizer}"


@dataclass(frozen=True)
class SymbolCase:
    """What MXNet says about one symbol; `text` is its `tojson()`, `legacy` the older text it came from."""

    name: str
    text: str
    legacy: str | None
    expected: dict[str, Any]

    def __str__(self) -> str:
        return self.name


@lru_cache(maxsize=1)
def operator_cases() -> tuple[OperatorCase, ...]:
    """Return all operator cases, stem by stem; their arrays are read-only."""
    return tuple(
        case for path in sorted((HERE / "ops").glob("*.json")) for case in _cases_of(path.with_suffix(""))
    )


def _reader(path: Path) -> Callable[[list[Any]], Array]:
    """Return a function from a reference `[dtype, shape, offset]` into the file's bytes to its array."""
    raw = np.load(path)["bytes"].tobytes()

    def array(reference: list[Any]) -> Array:
        dtype, shape, offset = reference
        count = int(np.prod(shape, dtype=np.int64))
        found: Array = np.frombuffer(raw, dtype, count, offset).reshape(shape).copy()
        found.flags.writeable = False
        return found

    return array


def _cases_of(stem: Path) -> list[OperatorCase]:
    array = _reader(stem.with_suffix(".npz"))

    def arrays(references: dict[str, list[Any]]) -> dict[str, Array]:
        return {name: array(reference) for name, reference in references.items()}

    def case(record: dict[str, Any]) -> OperatorCase:
        add = record.get("grad_add")
        return OperatorCase(
            name=record["name"],
            op=record["op"],
            mode=record["mode"],
            params=record["params"],
            inputs=arrays(record["inputs"]),
            aux=tuple(record["aux"]),
            is_train=record["is_train"],
            seed=record["seed"],
            calls=record["calls"],
            backwards=record["backwards"],
            is_loss=record["is_loss"],
            infer=record.get("infer"),
            output_names=tuple(record.get("output_names", ())),
            outputs=tuple(array(reference) for reference in record["outputs"]),
            heads=tuple(array(reference) for reference in record.get("heads", ())),
            grads=arrays(record.get("grads", {})),
            grad_add=add and GradAdd(add["source"], arrays(add["initial"]), arrays(add["result"])),
            aux_after_forward=arrays(record.get("aux_after_forward", {})),
            aux_after_backward=arrays(record.get("aux_after_backward", {})),
            args_after=arrays(record.get("args_after", {})),
            outs=tuple(record.get("outs", list(record["inputs"])[:1])),
        )

    return [case(record) for record in json.loads(stem.with_suffix(".json").read_text())]


@dataclass(frozen=True)
class TypeAnswer:
    """One operator called with one element type: MXNet's outputs, or None where it refuses."""

    op: str
    dtype: str
    params: dict[str, str]
    inputs: dict[str, Array]
    outputs: tuple[Array, ...]

    def __str__(self) -> str:
        return f"{self.op}-{self.dtype}"


@lru_cache(maxsize=1)
def type_answers() -> tuple[tuple[TypeAnswer, ...], tuple[tuple[str, str], ...]]:
    """Return what MXNet computed, and the pairs (operator, type) it refused."""
    array = _reader(HERE / "dtypes.npz")
    answers, refused = [], []
    for row in json.loads((HERE / "dtypes.json").read_text()):
        for dtype, found in row["types"].items():
            if found is None:
                refused.append((row["op"], dtype))
                continue
            inputs = {name: array(reference) for name, reference in found["inputs"].items()}
            outputs = tuple(array(reference) for reference in found["outputs"])
            answers.append(TypeAnswer(row["op"], dtype, row["params"], inputs, outputs))
    return tuple(answers), tuple(refused)


@lru_cache(maxsize=1)
def trajectories() -> tuple[Trajectory, ...]:
    """Return all training runs, with weights and pixels as float32."""
    document = json.loads((HERE / "trajectories.json").read_text())
    arrays, digits = np.load(HERE / "trajectories.npz"), np.load(HERE / "digits.npz")
    images = digits["images"].astype(np.float32) / np.float32(document["pixel_scale"])
    order = arrays["order"]
    runs = []
    for run in document["runs"]:
        start = run["network"] + "/"
        scale = np.float32(document["weight_scale"])
        runs.append(
            Trajectory(
                network=run["network"],
                optimizer=run["optimizer"],
                optimizer_params=run["optimizer_params"],
                rescale_grad=run["rescale_grad"],
                batch_size=run["batch_size"],
                weights={
                    key[len(start) :]: arrays[key].astype(np.float32) / scale
                    for key in arrays.files
                    if key.startswith(start)
                },
                data=images[order].reshape(*order.shape, *run["sample_shape"]),
                labels=digits["labels"][order].astype(np.float32),
                losses=np.array(run["losses"]),
                final_norms=run["final_norms"],
                final_first=run["final_first"],
            )
        )
    return tuple(runs)


def symbol_cases() -> tuple[SymbolCase, ...]:
    """Return all recorded symbols; those with `legacy` text are loaded, the others built by `build`."""
    folder = HERE / "json"
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    cases = []
    for name in sorted(expected):
        # read_bytes: text mode would translate the line ends inside a text that must match byte for byte
        text = (folder / f"{name}.json").read_bytes().decode()
        upgraded = folder / f"{name}_upgraded.json"
        if upgraded.exists():
            cases.append(SymbolCase(name, upgraded.read_bytes().decode(), text, expected[name]))
        else:
            cases.append(SymbolCase(name, text, None, expected[name]))
    return tuple(cases)


def parameter_files() -> dict[str, dict[str, Array] | list[Array]]:
    """Return, for each file of `files/`, the arrays MXNet reads from it."""

    def array(entry: dict[str, Any]) -> Array:
        return np.array(entry["values"], dtype=entry["dtype"]).reshape(entry["shape"])

    found: dict[str, dict[str, Array] | list[Array]] = {}
    for name, content in json.loads((HERE / "files" / "expected.json").read_text())["files"].items():
        if isinstance(content, dict):
            found[name] = {key: array(entry) for key, entry in content.items()}
        else:
            found[name] = [array(entry) for entry in content]
    return found


def checkpoint() -> dict[str, Any]:
    """Return the recorded checkpoint: `prefix` (a path), `epoch`, `data` and the inference `output`."""
    document: dict[str, Any] = json.loads((HERE / "files" / "expected.json").read_text())["checkpoint"]
    return {
        "prefix": str(HERE / "files" / document["prefix"]),
        "epoch": document["epoch"],
        "data": np.array(document["data"], np.float32),
        "output": np.array(document["output"], np.float32),
    }


def memory_rows() -> list[dict[str, Any]]:
    """Return MXNet's planned memory: rows of `model`, `data` (shape), `train`, `mib` (rounded down)."""
    rows: list[dict[str, Any]] = json.loads((HERE / "memory.json").read_text())
    return rows
