"""``python -m cysym summary net-symbol.json --data 1,3,224,224``: layers, parameters, FLOPs, memory plan.

Reads the symbol, infers and plans; nothing is allocated or run. What is asked wrongly is one line on stderr
and exit status 2. The numbers come from `drawing.layers` and `Symbol.plan`; here they become text.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from .terminal import show, visible

if TYPE_CHECKING:
    from ..drawing.layers import Layer, Layers
    from ..passes.plan import Plan
    from ..symbol import Symbol

HELP: Final = "layers, parameters, FLOPs and memory of a network in a symbol file"
_PROGRAM: Final = "python -m cysym summary"
_LONGEST_NAME: Final = 48
_LONGEST_ERROR: Final = 1000
_MOST_PREVIOUS: Final = 3
_GAP: Final = "\u2026"
Shape = tuple[int, ...]


class _WrongError(Exception):
    """What the user asked for cannot be; its text is the line he sees."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The file, shapes of inputs, and what to compare or plan."""
    parser.add_argument("file", help="symbol file, as Symbol.save writes it: net-symbol.json")
    parser.add_argument("--data", metavar="SHAPE", help="shape of the input `data`: 1,3,224,224")
    parser.add_argument(
        "--input",
        metavar="NAME=SHAPE",
        action="append",
        default=[],
        help="shape of another input; repeat it for several. Labels follow from the data",
    )
    parser.add_argument("--params", metavar="FILE", help="check that the arrays of a .params file fit")
    parser.add_argument("--train", action="store_true", help="plan the memory of a training step")


def main(args: argparse.Namespace) -> int:
    """Print the summary; 0 where it could be made, 2 where something asked for is wrong."""
    from ..base import MXNetError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what cannot be inferred is said below, in one line
            lines = _summary(args)
    except (_WrongError, MXNetError, OSError) as error:
        show(sys.stderr, [f"{_PROGRAM}: {_one_line(error)}"])
        return 2
    try:
        show(sys.stdout, lines)
    except BrokenPipeError:  # the reader, as `head`, has seen enough; Python must not flush again at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _summary(args: argparse.Namespace) -> list[str]:
    from ..drawing.layers import layers_of
    from ..symbol import load

    symbol = load(args.file)
    shapes = _shapes(symbol, args)
    layers = layers_of(symbol, shapes)
    given = ", ".join(f"{name} {shape}" for name, shape in shapes.items() if all(shape))
    lines = [f"{args.file}: {len(symbol.list_outputs())} outputs, {given}", ""]
    if len(symbol.list_outputs()) == 1:
        lines[0] = f"{args.file}: {given}"
    lines += _table(layers.rows)
    lines += ["", *_totals(layers)]
    requests = {name: "null" if name in layers.fed else "write" for name in symbol.list_arguments()}
    plan = symbol.plan(grad_req=requests if args.train else "null", **shapes)
    lines += ["", *_memory(layers, plan, args.train)]
    if args.params is not None:
        lines += ["", _checked(symbol, shapes, args.params)]
    return lines


# --- what was asked -----------------------------------------------------------------------------------------
def _shapes(symbol: Symbol, args: argparse.Namespace) -> dict[str, Shape]:
    """Shapes of inputs by name; labels that declare one of another batch are inferred anew."""
    from ..drawing.graph import WEIGHT_SUFFIXES
    from ..drawing.layers import labels_of
    from ..suggest import did_you_mean

    arguments = symbol.list_arguments()
    asked = [] if args.data is None else [("data", args.data, "--data")]
    for text in args.input:
        name, equals, shape = text.partition("=")
        if not equals:
            raise _WrongError(f"--input takes NAME=SHAPE, as data=1,3,224,224; got {text!r}")
        asked.append((name, shape, f"--input {name}"))
    shapes: dict[str, Shape] = {}
    for name, text, option in asked:
        if name not in arguments:
            near = did_you_mean(name, arguments)
            fed = [n for n in arguments if not n.endswith(WEIGHT_SUFFIXES)]
            raise _WrongError(f"{option}: no input is called {name!r}{near}; there are {_some(fed)}")
        if name in shapes:
            raise _WrongError(f"{option}: the shape of {name} is given twice")
        shapes[name] = _shape(text, option)
    declared = symbol.attr_dict()
    for name in labels_of(symbol):
        own = declared.get(name, {}).get("__shape__")
        if own is not None and name not in shapes and own.strip("()[] ,"):
            shapes[name] = (0,) * len(own.strip("()[] ,").split(","))
    _check_complete(symbol, shapes)
    return shapes


def _shape(text: str, option: str) -> Shape:
    parts = text.strip("()[] ").rstrip(",").replace("x", ",").split(",")
    try:
        dims = tuple(int(part) for part in parts)
    except ValueError:
        dims = ()
    if not dims or min(dims) < 1:
        raise _WrongError(f"{option} takes a shape of numbers above 0, as 1,3,224,224; got {text!r}")
    return dims


def _check_complete(symbol: Symbol, shapes: Mapping[str, Shape]) -> None:
    from ..drawing.graph import WEIGHT_SUFFIXES
    from ..drawing.layers import labels_of

    found = symbol.infer_shape_partial(**shapes)
    names = [symbol.list_arguments(), [], symbol.list_auxiliary_states()]
    unknown = [
        name
        for group, dims in zip(names, found, strict=True)
        for name, shape in zip(group, dims, strict=False)
        if not shape or not all(shape)
    ]
    if unknown:
        # Weights and labels follow from the rest, so the rest is what is lacking; else whatever is left.
        labels = labels_of(symbol)
        fed = [name for name in unknown if not name.endswith(WEIGHT_SUFFIXES) and name not in labels]
        lacking = fed or unknown
        option = "--data 1,3,224,224" if lacking[0] == "data" else f"--input {lacking[0]}=SHAPE"
        raise _WrongError(f"no shape is known of {_some(lacking)}; give it, as {option}")


def _checked(symbol: Symbol, shapes: Mapping[str, Shape], path: str) -> str:
    """The line that says that a file of parameters fits; an error where it does not."""
    from ..ndarray import load

    arrays = load(path)
    if not isinstance(arrays, dict):
        raise _WrongError(f"{path} holds a list of arrays without names, expected those of a checkpoint")
    found = {
        name.partition(":")[2] if name[:4] in ("arg:", "aux:") else name: a for name, a in arrays.items()
    }
    arguments, _, aux = symbol.infer_shape(**shapes)
    wanted = dict(zip(symbol.list_arguments(), arguments, strict=True))
    wanted |= dict(zip(symbol.list_auxiliary_states(), aux, strict=True))
    from ..drawing.layers import layers_of

    fed = layers_of(symbol, shapes).fed
    missing = [name for name in wanted if name not in found and name not in fed]
    if missing:
        raise _WrongError(f"{path} lacks {len(missing)} of the network's arrays: {_some(missing)}")
    for name, array in found.items():
        if name in wanted and tuple(array.shape) != tuple(wanted[name]):
            raise _WrongError(
                f"{path}: {name} has shape {tuple(array.shape)}, the network expects {wanted[name]}"
            )
    surplus = [name for name in found if name not in wanted]
    extra = f"; the network has no use for {_some(surplus)}" if surplus else ""
    return f"{path}: {len(found) - len(surplus)} arrays, and they fit{extra}"


# --- text ---------------------------------------------------------------------------------------------------
def _table(rows: Sequence[Layer]) -> list[str]:
    head = ("Layer (type)", "Output shape", "Params", "FLOPs", "Previous")
    body = [_fields(row) for row in rows]
    widths = [max(len(fields[i]) for fields in (head, *body)) for i in range(4)]
    lines = [_row(head, widths), "-" * (sum(widths) + 8 + len(head[4]))]
    return lines + [_row(fields, widths) for fields in body]


def _fields(row: Layer) -> tuple[str, ...]:
    name = _short(row.name)
    kind = "input" if row.op == "null" else row.op
    shape = "?" if row.shape is None else "x".join(map(str, row.shape)) or "()"
    cost = "?" if row.cost is None else _quantity(row.cost.flops)
    if row.op == "null":
        cost = ""
    previous = _some(row.previous, _MOST_PREVIOUS)
    return (f"{name} ({kind})", shape, _count(row.params), cost, previous)


def _row(fields: Sequence[str], widths: Sequence[int]) -> str:
    name, shape, params, cost, previous = fields
    line = (
        f"{name:<{widths[0]}}  {shape:<{widths[1]}}  {params:>{widths[2]}}  {cost:>{widths[3]}}  {previous}"
    )
    return line.rstrip()


def _totals(layers: Layers) -> list[str]:
    cost = layers.cost
    lines = [
        f"Parameters        {_count(layers.params)}",
        f"Auxiliary states  {_count(layers.aux)}",
        f"FLOPs             {_quantity(cost.flops)}, forward ({_quantity(cost.multiply_adds)} multiply-adds, "
        "two each)",
    ]
    if layers.uncounted:
        lines[-1] += f"; unknown for {_some(layers.uncounted)}"
    return lines


def _memory(layers: Layers, plan: Plan, is_training: bool) -> list[str]:
    from ..drawing.plan import nbytes_text

    parts: list[tuple[str, int | None, str]] = [
        ("parameters", layers.param_bytes, ""),
        ("gradients", layers.param_bytes if is_training else 0, ""),
        ("auxiliary states", layers.aux_bytes, ""),
        ("inputs, labels", layers.fed_bytes, ""),
        ("outputs", layers.output_bytes, ""),
        ("kept between runs", plan.persistent, "packed weights and the like"),
        ("planned", plan.peak, _comparison(plan)),
    ]
    known = [size for _, size, _ in parts if size is not None]
    lines = [f"Memory for {'a training step' if is_training else 'inference'} on the CPU"]
    for name, size, note in (*parts, ("together", sum(known), "")):
        if size or name in ("planned", "together"):
            lines.append(f"  {name:<18}{nbytes_text(size or 0):>12}  {note}".rstrip())
    return lines


def _comparison(plan: Plan) -> str:
    from ..drawing.plan import nbytes_text

    if not plan.peak:
        return "nothing lives between operators"
    return (
        f"{plan.peak / plan.lower_bound:.3f} x the lower bound {nbytes_text(plan.lower_bound)}; "
        f"one allocation a tensor would take {nbytes_text(plan.naive)}"
    )


def _count(number: int | None) -> str:
    return "?" if number is None else f"{number:,}"


def _quantity(number: int) -> str:
    """Three digits and a letter.

    >>> _quantity(8178000000), _quantity(12345), _quantity(999999), _quantity(640)
    ('8.18 G', '12.3 K', '1.00 M', '640')
    """
    if number < 1000:
        return str(number)
    value = float(number)
    for letter in ("K", "M", "G", "T", "P", "E", "Z"):
        value /= 1000
        text = f"{value:.3g}" if value < 999.5 else ""
        if text:
            digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
            return f"{value:.{digits}f} {letter}"
    return f"{number:.3g}"


def _short(name: str, longest: int = _LONGEST_NAME) -> str:
    name = visible(name)
    if len(name) <= longest:
        return name
    return f"{name[: longest // 2]}{_GAP}{name[-longest // 2 + 1 :]}"


def _some(names: Sequence[str], most: int = 5) -> str:
    rest = len(names) - most
    return ", ".join(map(_short, names[:most])) + (f", {_GAP} ({rest} more)" if rest > 0 else "")


def _one_line(error: BaseException) -> str:
    """The first line of an error, and the hint it ends with."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    hints = [line.strip().removeprefix("hint: ") for line in lines[1:] if line.strip().startswith("hint:")]
    return "; ".join(_short(line, _LONGEST_ERROR) for line in (lines[0], *hints))
