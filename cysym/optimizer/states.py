"""The bytes of optimizer states: a pickle, as MXNet writes it, read without trust.

`dumps` writes dicts, lists, tuples, numbers, texts, arrays, optimizers and schedulers under MXNet's names, so
that MXNet 1.x, which unpickles what it finds, reads them as its own. `loads` reads what `dumps`, MXNet 1.x or
NumPy pickles hold, through `unpickle`: it calls nothing, and makes only numbers, arrays and objects of
registered optimizers and known schedulers. The Updater decides what the content means.
"""

from __future__ import annotations

import numbers
import re
import struct
from typing import Any, Final

import numpy as np

from .. import ndarray as nd
from .. import util
from ..base import FormatError, MXNetError
from ..formats import params as _params
from ..lr_scheduler import LRScheduler
from .base import Index, Optimizer, State
from .state_arrays import BUILDERS, HEADER, MXNET_ARRAY, NO_NAMES
from .unpickle import MAX_DEPTH, Machine, Name, Unfinished


# --- writing ------------------------------------------------------------------------------------------------
def dumps(content: Any) -> bytes:
    """Pickle states, or a pair of states and optimizer (protocol 4).

    MXNet 1.9.1 reads the result where the optimizer is one of its own; the CPU is where its arrays come back.

    Raises
    ------
    MXNetError
        The content holds something else: an optimizer with a function as attribute, for example.
    """
    parts: list[Any] = [b"\x80\x04"]
    _write(content, parts, {}, "states", 0)
    parts.append(b".")
    return b"".join(parts)


def _write(value: Any, parts: list[Any], memo: dict[int, int], place: str, depth: int) -> None:
    """Append the instructions that make `value`; dicts and lists met again are referred to."""
    if depth > MAX_DEPTH:
        raise MXNetError(f"{place.split('/')[0]}: more than {MAX_DEPTH} containers within each other")
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool):
        parts.append({None: b"N", True: b"\x88", False: b"\x89"}[value])
    elif isinstance(value, int):
        raw = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
        if len(raw) > 16:
            raise MXNetError(f"{place}: a states file cannot hold the number {value}")
        parts.append(b"\x8a" + bytes([len(raw)]) + raw if value >> 31 else b"J" + struct.pack("<i", value))
    elif isinstance(value, float):
        parts.append(b"G" + struct.pack(">d", value))
    elif isinstance(value, str):
        parts.append(_text(value))
    elif isinstance(value, nd.NDArray | np.ndarray):
        parts += _array(value, place)
    elif id(value) in memo:
        parts.append(b"j" + struct.pack("<I", memo[id(value)]))
    elif isinstance(value, dict):
        memo[id(value)] = len(memo)
        parts += [b"}\x94", b"("]
        for key, item in value.items():
            if not isinstance(key, str | int | float):
                raise MXNetError(
                    f"{place}: a states file cannot hold a dict key of type {type(key).__name__}"
                )
            _write(key, parts, memo, place, depth + 1)
            _write(item, parts, memo, f"{place}/{key}", depth + 1)
        parts.append(b"u")
    elif isinstance(value, list | tuple):
        if isinstance(value, list):
            memo[id(value)] = len(memo)
            parts.append(b"]\x94")
        parts.append(b"(")
        for k, item in enumerate(value):
            _write(item, parts, memo, f"{place}/{k}", depth + 1)
        parts.append(b"e" if isinstance(value, list) else b"t")
    elif isinstance(value, Optimizer | LRScheduler):
        state = value.__getstate__()
        if not isinstance(state, dict):
            raise MXNetError(f"{place}: {type(value).__name__} has no plain attributes to write")
        module, name = _public_name(type(value))
        parts += [_text(module), _text(name), b"\x93)\x81"]
        _write(state, parts, memo, name, depth + 1)
        parts.append(b"b")
    else:
        raise MXNetError(f"{place}: a states file cannot hold a {type(value).__name__}")


def _text(text: str) -> bytes:
    raw = text.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(raw)) + raw


def _array(value: Any, place: str) -> list[Any]:
    """MXNet's array: made of None, then given one array record of an NDArray list file."""
    array = value if isinstance(value, np.ndarray) else value.asnumpy()
    try:
        header, *record, names = _params.dumps([array], (), util.is_np_shape() or array.ndim == 0)
    except (TypeError, ValueError) as error:
        raise MXNetError(f"{place}: {error}") from error
    assert (header, names) == (HEADER, NO_NAMES)
    module, name = MXNET_ARRAY
    return [
        _text(module), _text(name), b"\x93N\x85R}", _text("handle"), _text("builtins"), _text("bytearray"),
        b"\x93\x8e", struct.pack("<Q", sum(map(len, record))), *record, b"\x85Rsb",
    ]  # fmt: skip


def _public_name(klass: type) -> tuple[str, str]:
    """Where MXNet has the class, if it is one of this package; else where it is."""
    module, _, rest = klass.__module__.partition(".")
    if module != __name__.partition(".")[0]:
        return klass.__module__, klass.__qualname__
    if rest == "optimizer.contrib" or not rest.startswith("optimizer."):
        return f"mxnet.{rest}", klass.__qualname__
    return "mxnet.optimizer.optimizer", klass.__qualname__


# --- reading ------------------------------------------------------------------------------------------------
def loads(data: bytes) -> tuple[dict[Index, State], Optimizer | None]:
    """The states, and the optimizer if they were written with one.

    Raises
    ------
    FormatError
        The bytes are damaged, or hold anything but plain data, arrays and registered optimizers.
    """
    if not isinstance(data, bytes | bytearray | memoryview):
        raise TypeError(f"optimizer states are bytes, got {type(data).__name__}")
    content = Machine(bytes(data), _build).run()
    optimizer = None
    if isinstance(content, tuple) and len(content) == 2:
        content, optimizer = content
        if not isinstance(optimizer, Optimizer):
            raise FormatError(f"optimizer states with a {type(optimizer).__name__} in place of an optimizer")
    if not isinstance(content, dict):
        raise FormatError(f"optimizer states hold a {type(content).__name__} instead of a dict of states")
    return content, optimizer


def _build(name: Name, arguments: tuple[Any, ...], machine: Machine) -> Any:
    """What a file may call, by name. Everything else is refused."""
    builder = BUILDERS.get(_NUMPY.sub("numpy.", name.module) + "." + name.name)
    if builder is not None:
        return builder(name, arguments, machine)
    if name in (("copyreg", "_reconstructor"), ("copy_reg", "_reconstructor")):
        return _reconstructor(arguments, machine)
    klass = _optimizer_class(name) or _scheduler_class(name)
    if klass is None:
        machine.fail(f"{name} is no number, no array, and no optimizer or scheduler that is known here")
    if arguments:
        machine.fail(f"{name} made with arguments")
    return Unfinished(name, lambda state: _restored(klass, state, machine))


_NUMPY: Final = re.compile(r"^numpy\._?core\.")


def _optimizer_class(name: Name) -> type[Optimizer] | None:
    """MXNet's and our own by name; a user's where name and module agree."""
    klass = Optimizer.opt_registry.get(name.name.lower())
    if klass is None or klass.__name__ != name.name:
        return None
    is_ours = name.module in ("mxnet.optimizer", "mxnet.optimizer.optimizer", "mxnet.optimizer.contrib")
    return klass if is_ours or klass.__module__ == name.module else None


def _scheduler_class(name: Name) -> type[LRScheduler] | None:
    classes: list[type[LRScheduler]] = [LRScheduler]
    for klass in classes:
        module = LRScheduler.__module__ if name.module == "mxnet.lr_scheduler" else name.module
        if (klass.__module__, klass.__qualname__) == (module, name.name):
            return klass
        classes.extend(klass.__subclasses__())
    return None


def _restored(klass: type[Any], state: Any, machine: Machine) -> Any:
    """An optimizer or scheduler with these attributes; what they lack is as the constructor leaves it."""
    import inspect  # takes 5 ms; only few programs read optimizers

    if not isinstance(state, dict):
        machine.fail(f"{klass.__name__} with a {type(state).__name__} instead of attributes")
    machine.check(state)
    for key in state:
        is_plain = isinstance(key, str) and key.isidentifier() and not key.startswith("__")
        given = inspect.getattr_static(klass, key, None) if is_plain else None
        if not is_plain or key == "opt_registry" or callable(given) or hasattr(given, "__get__"):
            machine.fail(f"{klass.__name__} has no attribute {key!r} to set")
    instance: Any = object.__new__(klass)
    if not isinstance(instance, Optimizer):
        instance.__dict__.update(state)
        return instance
    if klass.__module__.startswith(__name__.partition(".")[0] + "."):
        instance = klass()  # an older file may lack what it sets
    else:
        Optimizer.__init__(instance)
    if "_index_update_count" in state:
        state.setdefault("_all_index_update_counts", {0: state["_index_update_count"]})
    for key, value in state.items():
        expected = _EXPECTED.get(key)
        if expected is not None and not _is_of(value, *expected):
            machine.fail(f"{klass.__name__}.{key} is a {type(value).__name__}")
    instance.__dict__.update(state)
    instance.param_dict = {}
    return instance


def _is_of(value: Any, kinds: tuple[type, ...], of_values: tuple[type, ...] = (object,)) -> bool:
    if isinstance(value, dict) and dict in kinds:
        return all(isinstance(v, of_values) for v in value.values())
    return isinstance(value, kinds)


_EXPECTED: Final[dict[str, tuple[Any, ...]]] = {
    **dict.fromkeys(("rescale_grad", "wd"), ((numbers.Real,),)),
    **dict.fromkeys(("lr", "clip_gradient"), ((numbers.Real, type(None)),)),
    **dict.fromkeys(("begin_num_update", "num_update", "aggregate_num"), ((numbers.Integral,),)),
    **dict.fromkeys(("lr_mult", "wd_mult"), ((dict,), (numbers.Real,))),
    "idx2name": ((dict,), (str,)),
    "_index_update_count": ((dict,), (numbers.Integral,)),
    "_all_index_update_counts": ((dict,), (dict,)),
    "sym_info": ((tuple, list),),
    "lr_scheduler": ((LRScheduler, type(None)),),
}


def _reconstructor(arguments: tuple[Any, ...], machine: Machine) -> Any:
    """How protocols 0 and 1 make an object of a class."""
    if len(arguments) != 3 or not isinstance(arguments[0], Name):
        machine.fail("an object of no class")
    if (
        arguments[1] not in (Name("builtins", "object"), Name("__builtin__", "object"))
        or arguments[2] is not None
    ):
        machine.fail(f"{arguments[0]} made of another class")
    return _build(arguments[0], (), machine)
