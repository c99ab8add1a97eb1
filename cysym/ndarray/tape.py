"""What `autograd` records: a graph of the operators applied to arrays, with the arrays gradients will read.

An array made while recording carries its `entry`, a (node, output) pair; a marked variable is the entry of a
node without an operator. A node keeps specs of its outputs and, of the arrays themselves, only those that a
gradient of somebody may read. Nothing here computes a gradient: `backprop` walks the nodes made here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .._core import Node, array_over, is_np_shape, is_recording, key_of
from ..base import MXNetError
from ..ops.schema import OpDef, find_op
from ..passes.gradient import GradContext
from . import imperative

if TYPE_CHECKING:
    from ..context import Context
    from ..passes.lower import LowerContext
    from .ndarray import NDArray

Entry = tuple[Node, int]

MOST = 4096  # operators with their parameters kept at hand
INPLACE = (
    "Assigning to NDArrays that are already in a computational graph will cause undefined behavior when "
    "evaluating gradients. Please call backward first to clear the graph or do this out side of a record "
    "section. Also note that you cannot use inplace operations like +=, *=, relu(x, out=x), y[idx]=x, etc "
    "inside a record section."
)

_ops: dict[Any, OpDef] = {}
_reads: dict[Any, tuple[tuple[int, ...], tuple[int, ...]]] = {}


class TapeNode(Node):
    """A node of the recorded graph.

    Attributes
    ----------
    specs
        (shape, dtype code, context) of every output; None: the graph was freed.
    saved
        Array of each output that a gradient may read, else None; they carry no entry.
    shared
        What a Python operator's forward leaves for its backward.
    grad, request
        Of a marked variable: where its gradient goes, and how ("write", "add", "null").
    """

    __slots__ = ("grad", "request", "saved", "shared", "specs")
    specs: list[Any] | None
    saved: list[Any]
    shared: dict[Any, Any] | None
    grad: Any
    request: str

    @property
    def is_variable(self) -> bool:
        """Whether a gradient is asked for."""
        return self.op is None and self.request != "null"


class PythonOp(OpDef):
    """Base of nodes that are run by Python: they have no kernels and cannot stand in a symbol's program."""

    def run(self, inputs: list[NDArray], likes: Sequence[Any]) -> list[NDArray]:
        """Outputs for these inputs."""
        raise NotImplementedError

    def release(self) -> None:
        """Let go of arrays: the graph was freed."""

    def lower(self, c: LowerContext) -> None:
        raise MXNetError(f"{self!r} of autograd can only run imperatively")


class CopyTo(PythonOp):
    """A copy on another device; its gradient is copied back."""

    context: Context

    @classmethod
    def onto(cls, context: Context) -> CopyTo:
        """The copy to `context`."""
        self = cls.__new__(cls)
        self.values, self.context, self.key = {}, context, (cls, context)
        return self

    def run(self, inputs: list[NDArray], likes: Sequence[Any]) -> list[NDArray]:
        made = imperative.empty(inputs[0].shape, self.context, inputs[0].spec[1])
        bare(inputs[0]).copyto(made)
        return [made]

    def gradient(self, g: GradContext) -> list[Any]:
        source = g.ins[0][0]
        assert isinstance(source, TapeNode)
        assert source.specs is not None
        node = Node(CopyTo.onto(source.specs[g.ins[0][1]][2]), "copy_backward", (g.ograd(),))
        node.like, node.origin = (g.ins[0],), self_node(g)
        return [(node, 0)]

    def __repr__(self) -> str:
        return f"copyto({self.context})"


def self_node(g: GradContext) -> Node:
    """The forward node a gradient belongs to."""
    origin: Node = g.node.origin or g.node
    return origin


# --- nodes --------------------------------------------------------------------------------------------------
def bare(array: NDArray) -> NDArray:
    """The same memory without its place in the graph."""
    return array._view(array.shape, 0)


def entry_of(array: NDArray) -> Entry | None:
    """Where an array stands in a recorded graph; None when in none, or in one that was freed."""
    entry: Entry | None = array.entry
    if entry is not None and entry[0].specs is None:  # type: ignore[attr-defined]
        array.entry = entry = None
    return entry


def variable(array: NDArray, grad: NDArray | None = None, request: str = "null") -> TapeNode:
    """Node of an array nobody computed: a marked variable, or a constant."""
    node = TapeNode(None, "var")
    node.specs, node.saved, node.shared = [array.spec], [None], None
    node.grad, node.request = grad, request
    return node


def constant(array: NDArray) -> Entry:
    """Entry of an array that stands in no graph."""
    return (variable(array), 0)


def value_of(entry: Entry) -> NDArray:
    """Array of an entry; asked only for what some gradient reads."""
    node, k = entry
    assert isinstance(node, TapeNode)
    found: NDArray | None = node.saved[k]
    if found is None:
        raise MXNetError(f"autograd: output {k} of {node.op!r} was not kept for the gradient that reads it")
    return found


# --- recording ----------------------------------------------------------------------------------------------
def record(
    cls: type[OpDef], inputs: list[Any], kwargs: dict[str, Any], out: Sequence[Any] | None, context: Any
) -> list[Any] | None:
    """The invoker's hook: run and record a call; None where nothing is to be recorded."""
    if out is not None:
        for array in out:
            refuse_write(array)
    for array in inputs:
        if array.entry is not None and entry_of(array) is not None:
            break
    else:
        return None
    op = _find(cls, kwargs, len(inputs))
    results = run_recorded(op, inputs, (), {} if op.is_callback else None, out, context)
    return results[: op.num_visible()]


def _find(cls: type[OpDef], kwargs: dict[str, Any], count: int) -> OpDef:
    """The operator with its parameters, parsed once for each set of them."""
    key = (cls, count, is_np_shape(), key_of(kwargs))
    try:
        found = _ops.get(key)
    except TypeError:  # an unhashable parameter
        return imperative.make_op(cls, {**kwargs}, count)
    if found is None:
        found = imperative.make_op(cls, {**kwargs}, count)
        if not cls.is_callback:  # a user's object may keep state
            if len(_ops) >= MOST:
                _ops.clear()
            _ops[key] = found
    return found


def execute(
    op: OpDef, inputs: list[Any], likes: tuple[Any, ...], shared: dict[Any, Any] | None,
    out: Sequence[Any] | None = None, context: Any = None,
) -> list[Any]:  # fmt: skip
    """All outputs of an operator."""
    if isinstance(op, PythonOp):
        return op.run(inputs, likes)
    invoker = imperative.invoker
    return invoker.invoke_op(op, inputs, likes, out, context, True, shared)


def run_recorded(
    op: OpDef, inputs: list[Any], likes: tuple[Any, ...], shared: dict[Any, Any] | None,
    out: Sequence[Any] | None = None, context: Any = None,
) -> list[Any]:  # fmt: skip
    """As `execute`, and record the call."""
    results = execute(op, inputs, likes, shared, out, context)
    attach(op, inputs, results, shared)
    return results


def attach(
    op: OpDef, inputs: Sequence[Any], results: Sequence[Any], shared: dict[Any, Any] | None = None
) -> None:
    """Enter one call into the graph: `results` get entries, arrays a gradient may read are kept."""
    entries = [entry_of(a) or constant(a) for a in inputs]
    node = TapeNode(op, op.name or type(op).__name__, entries)
    node.specs, node.saved, node.shared = [r.spec for r in results], [None] * len(results), shared
    node.grad, node.request = None, "null"
    need_in, need_out = reads(op)
    for i in need_in:
        source, k = entries[i]
        if source.saved[k] is None:  # type: ignore[attr-defined]
            source.saved[k] = bare(inputs[i])  # type: ignore[attr-defined]
    for k in need_out:
        node.saved[k] = bare(results[k])
    for k, array in enumerate(results):
        array.entry = (node, k)


def reads(op: OpDef) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Positions of the inputs and outputs the gradient of `op` reads, found by making it once."""
    found = _reads.get(op.key)
    if found is None:
        sources = [(variable_stub(), 0) for _ in op.input_names() + op.aux_names()]
        node = Node(op, "probe", sources)
        heads: list[Any] = [(variable_stub(), 0) for _ in op.output_names()]
        try:
            made = op.gradient(GradContext(node, heads, [True] * len(sources)))
        except MXNetError:
            made = []  # it has none: said where the gradient is asked for
        seen: set[Any] = set()
        stack = [e for e in made if e is not None]
        while stack:
            entry = stack.pop()
            if entry not in seen:
                seen.add(entry)
                if entry[0] is not node:
                    stack += entry[0].inputs
        found = (
            tuple(i for i, e in enumerate(sources) if e in seen),
            tuple(k for k in range(len(heads)) if (node, k) in seen),
        )
        if len(_reads) >= MOST:
            _reads.clear()
        _reads[op.key] = found
    return found


def variable_stub() -> TapeNode:
    """A node that only stands for something."""
    node = TapeNode(None, "stub")
    node.specs, node.saved, node.shared = [((), 0, None)], [None], None
    node.grad, node.request = None, "null"
    return node


# --- what NDArray's methods need ----------------------------------------------------------------------------
def is_recorded(array: NDArray) -> bool:
    """Whether what is done with this array now has to be recorded."""
    return array.entry is not None and is_recording() and entry_of(array) is not None


def refuse_write(array: NDArray) -> None:
    """Raise when an array of the graph is about to be overwritten while recording.

    Raises
    ------
    MXNetError
        In MXNet's words.
    """
    if is_recorded(array):
        raise MXNetError(INPLACE)


def assign(target: NDArray, key: Any, value: Any) -> bool:
    """Assignment ``target[key] = value`` while recording: whether it was done here.

    Raises
    ------
    MXNetError
        The target is in the graph, or a recorded value would be lost in a part of it.
    """
    refuse_write(target)
    from .ndarray import NDArray

    if not isinstance(value, NDArray) or not is_recorded(value):
        return False
    whole = key is Ellipsis or (isinstance(key, slice) and key == slice(None))
    if not whole or value.shape != target.shape:
        raise MXNetError(
            "a recorded array can only be assigned to all of another one of its shape (y[:] = x) inside a "
            "record section; put parts together with operators, as concat, stack or where"
        )
    value.copyto(target)
    return True


def record_view(name: str, source: NDArray, view: NDArray, **params: Any) -> NDArray:
    """Enter `view`, which shares the memory of `source`, as the result of operator `name`."""
    if is_recorded(source):
        attach(_find(find_op(name), params, 1), [source], [view])
    return view


def record_copy(source: NDArray, copy: NDArray) -> NDArray:
    """Enter `copy`, which holds the values of `source` in its own type on its own device, as made of it."""
    if not is_recorded(source):
        return copy
    steps: list[tuple[OpDef, Any]] = []
    shape, code, context = source.spec
    if copy.spec[1] != code:
        code = copy.spec[1]
        steps.append((_find(find_op("Cast"), {"dtype": _type_name(code)}, 1), (shape, code, context)))
    if copy.spec[2] != context:
        steps.append((CopyTo.onto(copy.spec[2]), copy.spec))
    if not steps:
        steps.append((_find(find_op("_copy"), {}, 1), copy.spec))
    at: Any = source
    for op, spec in steps:
        # between cast and copy there is no array: neither gradient reads one
        made = copy if op is steps[-1][0] else _shadow(spec)
        attach(op, [at], [made])
        at = made
    return copy


def _shadow(spec: Any) -> Any:
    """An array without memory: a place in the graph only."""
    from .ndarray import NDArray

    return array_over(NDArray, None, 0, spec)


def _type_name(code: int) -> str:
    from ..dtypes import NAMES

    return NAMES[code]


__all__ = [
    "CopyTo", "PythonOp", "TapeNode", "assign", "attach", "bare", "constant", "entry_of", "execute",
    "is_recorded", "is_recording", "reads", "record", "record_copy", "record_view", "refuse_write",
    "run_recorded", "value_of", "variable",
]  # fmt: skip
