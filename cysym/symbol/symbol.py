"""`Symbol`: a handle on some outputs of a graph. Composes, names, infers, saves, and binds to data.

A Symbol is a list of entries (node, output index) and nothing else; nodes are shared and never changed by an
operation that returns a new Symbol. What computes lives behind `bind`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .. import util
from .._core import Graph, Node, topological
from ..arguments import shown
from ..base import MXNetError, NotImplementedForSymbol, pickled
from ..dtypes import TYPES, dtype_code
from ..formats.atomic import write_atomic
from ..formats.symbol_json import both_spellings
from ..ops.rules import Dims, is_known
from ..ops.schema import find_op
from ..passes.explain import advice, with_arguments
from ..passes.infer import infer_shapes, infer_types
from ..suggest import did_you_mean, listed
from . import convert
from .compose import Entry, carried, copy_graph, make_node, refuse_deprecated
from .running import Running

Number = (int, float, np.number)


class Symbol(Running):
    """Symbolic expression with one or more outputs; see docs/tutorial."""

    __slots__ = ("_entries",)
    __array_priority__ = 1000.0
    __array_ufunc__ = None  # NumPy's scalars leave operators with a Symbol to the Symbol

    def __init__(self, entries: Sequence[Entry] | None) -> None:
        self._entries = list(entries or ())  # pickles that MXNet wrote say None, then call __setstate__

    # --- identity -------------------------------------------------------------------------------------------
    @property
    def name(self) -> str | None:
        """Name of the node, None for a group of different nodes."""
        nodes = {id(n) for n, _ in self._entries}
        return self._entries[0][0].name if len(nodes) == 1 else None

    def __repr__(self) -> str:
        name = self.name
        if name is None:
            name = ", ".join(s.name or "" for s in self)
            return f"<Symbol group [{name}]>"
        return f"<Symbol {name}>"

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Symbol]:
        return (Symbol([e]) for e in self._entries)

    def __getitem__(self, index: int | str | slice) -> Symbol:
        if isinstance(index, str):
            found = [e for e, n in zip(self._entries, self.list_outputs()) if n == index]
            if len(found) != 1:
                names = self.list_outputs()
                why = f"; outputs are {listed(names)}"
                if found:
                    why = ": more than one output has this name"
                elif index in self.get_internals().list_outputs():
                    why += f"; get_internals()[{index!r}] is one inside"
                else:
                    why = did_you_mean(index, names) + why
                raise ValueError(f'Cannot find output that matches name "{index}"{why}')
            return Symbol(found)
        if isinstance(index, slice):
            picked = self._entries[index]
            if not picked:
                raise TypeError(f"slice {index} of {self!r} is empty, and no symbol has no outputs")
            return Symbol(picked)
        if not isinstance(index, (int, np.integer)) or isinstance(index, bool):
            raise TypeError(f"Symbol only support integer index to fetch i-th output, got {index!r}")
        if index < 0:
            raise MXNetError(f"output index must not be negative, got {index}")
        if index >= len(self._entries):
            raise IndexError(f"output index {index} of a symbol with {len(self)} outputs")
        return Symbol([self._entries[index]])

    def __bool__(self) -> bool:
        raise NotImplementedForSymbol("__bool__", "bool")

    __hash__ = None  # type: ignore[assignment]

    def __copy__(self) -> Symbol:
        return Symbol(copy_graph(self._entries, {}, self._order(), {}))

    def __deepcopy__(self, memo: Any = None) -> Symbol:
        return self.__copy__()

    def __getstate__(self) -> dict[str, str]:
        return {"handle": self.tojson(remove_amp_cast=False)}

    def __setstate__(self, state: Mapping[str, str]) -> None:
        text = pickled(state, "handle", (str, bytes), "a Symbol")
        self._entries = convert.from_json(text, "the pickle of a symbol")

    def _order(self) -> list[Node]:
        order: list[Node] = topological(self._entries)
        return order

    def _graph(self) -> Graph:
        return Graph(self._entries)

    def _single(self, what: str) -> Entry:
        if len(self._entries) != 1:
            raise MXNetError(f"Keyword Argument {what} is a tuple, single value is required")
        return self._entries[0]

    # --- composition ----------------------------------------------------------------------------------------
    def __call__(self, *args: Any, **kwargs: Any) -> Symbol:
        """A copy of the graph with free variables replaced by keyword; ``name=`` renames the head."""
        result = Symbol(self._entries)
        result._compose(*args, **kwargs)
        return result

    def _compose(self, *args: Any, name: str | None = None, **kwargs: Any) -> None:
        if args and kwargs:
            raise TypeError(
                "compose only accept input Symbols either as positional or keyword arguments, not both"
            )
        for value in (*args, *kwargs.values()):
            if not isinstance(value, Symbol):
                raise TypeError(f"Compose expect `Symbol` as arguments, got {shown(value)}")
        if name is not None and not isinstance(name, str):
            raise TypeError(f"Compose: name must be a string, got {shown(name)}")
        if args:
            raise MXNetError("General composition only support kwargs for now")
        order = self._order()
        variables: dict[str, list[Node]] = {}
        for node in order:
            if node.op is None:
                variables.setdefault(node.name, []).append(node)
        replace: dict[Node, Entry] = {}
        for key, value in kwargs.items():
            if key not in variables:
                candidates = " ".join(f"[{i}]{n}" for i, n in enumerate(variables))
                raise MXNetError(
                    f"Symbol.ComposeKeyword argument name {key} not found{did_you_mean(key, variables)}. "
                    f"Candidate arguments: {candidates}"
                )
            for node in variables[key]:
                replace[node] = value._single(key)
        if self.name is not None and self._entries[0][0].op is None:
            raise MXNetError(f"cannot compose a bare variable {self.name!r}")
        rename = {self._entries[0][0]: name} if name else {}  # of a group the first head, as in MXNet
        self._entries = copy_graph(self._entries, replace, order, rename)

    # --- listing --------------------------------------------------------------------------------------------
    def list_inputs(self) -> list[str]:
        """Arguments and auxiliary states together, depth first."""
        return [n.name for n in self._order() if n.op is None]

    def _aux_nodes(self, order: Sequence[Node]) -> set[Node]:
        found: set[Node] = set()
        for node in order:
            if node.op is not None:
                count = len(node.op.aux_names())
                if count:
                    found.update(src for src, _ in node.inputs[-count:] if src.op is None)
        return found

    def _variables(self) -> tuple[list[Node], list[Node]]:
        """Argument and auxiliary variables in order."""
        order = self._order()
        aux = self._aux_nodes(order)
        variables = [n for n in order if n.op is None]
        return [n for n in variables if n not in aux], [n for n in variables if n in aux]

    def list_arguments(self) -> list[str]:
        """Names of argument variables in depth-first post-order of the heads."""
        return [n.name for n in self._variables()[0]]

    def list_auxiliary_states(self) -> list[str]:
        """Names of variables some operator mutates."""
        return [n.name for n in self._variables()[1]]

    def list_outputs(self) -> list[str]:
        """Names of the outputs: ``name_output``, or the operator's own names."""
        return [output_name(node, k) for node, k in self._entries]

    def get_internals(self) -> Symbol:
        """Group of all visible outputs of all nodes, variables included."""
        entries: list[Entry] = []
        for node in self._order():
            count = 1 if node.op is None else node.op.num_visible()
            entries += [(node, k) for k in range(count)]
        return Symbol(entries)

    def get_children(self) -> Symbol | None:
        """Group of the inputs of the head nodes, None for a variable."""
        entries = [e for node in dict.fromkeys(n for n, _ in self._entries) for e in node.inputs]
        return Symbol(entries) if entries else None

    # --- attributes -----------------------------------------------------------------------------------------
    def attr(self, key: str) -> str | None:
        """String attribute of the node, None when absent (and for groups)."""
        if not isinstance(key, str):
            raise TypeError(f"key must be a string, got {shown(key)}")
        if self.name is None:
            return None
        node = self._entries[0][0]
        if key == "name":
            return node.name
        if key == "op_name":
            return "null" if node.op is None else str(node.op.name)
        if key == "_value_index":
            return ", ".join(str(output) for _, output in self._entries)
        return both_spellings(node.attrs).get(key)

    def list_attr(self, recursive: bool = False) -> dict[str, str]:
        """All attributes of this node; of the first output for a group."""
        if recursive:
            raise DeprecationWarning(
                "Symbol.list_attr with recursive=True has been deprecated. Use attr_dict."
            )
        return both_spellings(self._entries[0][0].attrs)

    def attr_dict(self) -> dict[str, dict[str, str]]:
        """{node name: {key: value}} of every node that has attributes."""
        return {n.name: both_spellings(n.attrs) for n in self._order() if n.attrs}

    def _set_attr(self, **kwargs: Any) -> None:
        """Set string attributes of this very node: parameters of its operator are read anew, ``name``
        renames."""
        for key, value in kwargs.items():
            if not isinstance(value, str):
                raise ValueError(f"Set Attr only accepts string values, got {value!r} for {key}")
        if self.name is None:
            raise MXNetError(f"attributes are set on one node, not on {self!r}")
        node = self._entries[0][0]
        name = kwargs.pop("name", node.name)
        refuse_deprecated(
            (key for key in kwargs if node.op is None or key not in node.op.params), f"node {name}"
        )
        new = {**node.attrs, **convert.hide_attrs(kwargs)}
        if node.op is not None and kwargs:
            changed = type(node.op).make(dict(carried(type(node.op), new, {})))
            before, after = (
                node.op.input_names() + node.op.aux_names(),
                changed.input_names() + changed.aux_names(),
            )
            if before != after or node.op.output_names() != changed.output_names():
                raise MXNetError(
                    f"node {node.name}: with {kwargs} operator {changed!r} would read {', '.join(after)} "
                    f"instead of {', '.join(before)}"
                )
            node.op = changed
        node.attrs, node.name = new, name

    # --- inference ------------------------------------------------------------------------------------------
    def infer_shape(self, *args: Any, **kwargs: Any) -> Any:
        """Shapes of (arguments, outputs, auxiliary states); (None, None, None) with a warning when some stay
        unknown.

        Parameters
        ----------
        *args
            Shapes in the order of `list_arguments`; None or () for unknown.
        **kwargs
            Shape by argument name; 0 is an unknown dimension.
        """
        try:
            shapes, missing = self._infer_shape_impl(False, *args, **kwargs)
        except MXNetError as error:
            raise with_arguments(error, "infer_shape", args, kwargs) from error.__cause__
        if missing is None:
            return shapes
        arguments = self._variables()[0]
        unknown = [
            f"{n.name}: {s}" for n, s in zip(arguments, shapes[0]) if not s or any(d in (0, -1) for d in s)
        ]
        warnings.warn(
            "Cannot decide shape for the following arguments (0s in shape means unknown dimensions). "
            "Consider providing them as input:\n\t" + "\n\t".join(unknown) + missing,
            stacklevel=2,
        )
        return (None, None, None)

    def infer_shape_partial(self, *args: Any, **kwargs: Any) -> Any:
        """Like `infer_shape`, with () for an unknown rank and 0 for an unknown dimension; never warns."""
        return self._infer_shape_impl(True, *args, **kwargs)[0]

    def _known(self, args: Sequence[Any], kwargs: Mapping[str, Any], what: str) -> dict[Node, Any]:
        """Variable -> value from positional or keyword form."""
        arguments, aux = self._variables()
        if args and kwargs:
            raise ValueError(f"Can only specify known argument {what} either by positional or kwargs way.")
        if len(args) > len(arguments):
            raise MXNetError(f"{len(args)} positional {what}s for {len(arguments)} arguments")
        known = dict(zip(arguments, args))
        by_name: dict[str, list[Node]] = {}
        for node in arguments + aux:
            by_name.setdefault(node.name, []).append(node)
        for key, value in kwargs.items():
            if key not in by_name:
                candidates = " ".join(f"[{i}]{n}" for i, n in enumerate(by_name))
                raise MXNetError(
                    f"Infer{what.capitalize()}Keyword argument name {key} not found"
                    f"{did_you_mean(key, by_name)}. Candidate arguments: {candidates}"
                )
            for node in by_name[key]:
                known[node] = value
        return known

    def _shape_entries(self, graph: Graph, known: Mapping[Node, Any]) -> dict[int, Dims | None]:
        entries: dict[int, Dims | None] = {}
        for node, shape in known.items():
            if shape is None:
                continue
            if not isinstance(shape, tuple):
                raise TypeError(f"Arguments need to be shapes (tuple), but '{node.name}' is {type(shape)}.")
            if shape or util.is_np_shape():
                entries[graph.row[graph.ids[node]]] = util.from_user_shape(shape, node.name)
        return entries

    def _infer_shape_impl(self, partial: bool, *args: Any, **kwargs: Any) -> tuple[Any, str | None]:
        """Shapes, and None where all are known or else what to give."""
        known = self._known(args, kwargs, "shape")
        graph = self._graph()
        shapes, _ = infer_shapes(graph, self._shape_entries(graph, known))
        arguments, aux = self._variables()
        row, ids = graph.row, graph.ids
        groups = (
            [shapes[row[ids[n]]] for n in arguments],
            [shapes[e] for e in graph.heads],
            [shapes[row[ids[n]]] for n in aux],
        )
        found = tuple([util.to_user_shape(s) for s in g] for g in groups)
        if partial or all(is_known(s) for s in shapes):
            return found, None
        hint = advice(graph, shapes)
        return found, f"\n  hint: {hint}" if hint else ""

    def infer_type(self, *args: Any, **kwargs: Any) -> Any:
        """NumPy types of (arguments, outputs, auxiliary states); (None, None, None) with a warning when
        unknown."""
        try:
            types = self._infer_type_impl(*args, **kwargs)
        except MXNetError as error:
            raise with_arguments(error, "infer_type", args, kwargs) from error.__cause__
        if all(t is not None for group in types for t in group):
            return types
        unknown = [n.name for n, t in zip(self._variables()[0], types[0]) if t is None]
        warnings.warn(
            "Cannot decide type for the following arguments. Consider providing them as input:\n\t"
            + "\n\t".join(f"{n}: None" for n in unknown),
            stacklevel=2,
        )
        return (None, None, None)

    def infer_type_partial(self, *args: Any, **kwargs: Any) -> Any:
        """Like `infer_type` with None for what is unknown."""
        return self._infer_type_impl(*args, **kwargs)

    def _infer_type_impl(self, *args: Any, **kwargs: Any) -> Any:
        known = self._known(args, kwargs, "type")
        graph = self._graph()
        codes = {graph.row[graph.ids[n]]: dtype_code(t) for n, t in known.items() if t is not None}
        types, _ = infer_types(graph, codes)
        arguments, aux = self._variables()
        row, ids = graph.row, graph.ids

        def numpy_types(entries: list[int]) -> list[Any]:
            return [None if types[e] is None else TYPES[types[e]] for e in entries]  # type: ignore[index]

        return (
            numpy_types([row[ids[n]] for n in arguments]),
            numpy_types(graph.heads),
            numpy_types([row[ids[n]] for n in aux]),
        )

    # --- saving ---------------------------------------------------------------------------------------------
    def tojson(self, remove_amp_cast: bool = True) -> str:
        """JSON text, byte for byte what MXNet 1.9.1 writes.

        Parameters
        ----------
        remove_amp_cast
            Leave out what automatic mixed precision put into the graph: nodes read past ``amp_cast`` and
            ``amp_multicast``. The symbol itself keeps them.
        """
        entries = convert.without_amp_casts(self._entries) if remove_amp_cast else self._entries
        return convert.to_json(entries)

    def save(self, fname: str, remove_amp_cast: bool = True) -> None:
        """Write the JSON text to a file, atomically; `remove_amp_cast` as in `tojson`."""
        if not isinstance(fname, (str, bytes)) and not hasattr(fname, "__fspath__"):
            raise TypeError(f"fname need to be string, got {shown(fname)}")
        write_atomic(fname, self.tojson(remove_amp_cast).encode("utf-8", "surrogateescape"))

    def debug_str(self) -> str:
        """Text dump of the graph in MXNet's form."""
        return convert.debug_text(self._entries)

    # --- operators ------------------------------------------------------------------------------------------
    def _op(self, name: str, hint: str, *others: Symbol, _depth: int = 5, **params: Any) -> Symbol:
        entries: list[Entry | None] = [self._single("lhs"), *(o._single("rhs") for o in others)]
        node = make_node(find_op(name), hint, entries, {}, params, None, None, _depth)
        return Symbol([(node, k) for k in range(node.op.num_visible())])

    def _binary(self, other: Any, op: str, scalar_op: str, hint: str, scalar_hint: str) -> Symbol:
        if isinstance(other, Symbol):
            return self._op(op, hint, other)
        if isinstance(other, Number):
            return self._op(scalar_op, scalar_hint, scalar=other)
        raise TypeError(f"type {type(other)} not supported")

    def __add__(self, other: Any) -> Symbol:
        return self._binary(other, "elemwise_add", "_plus_scalar", "_plus", "_plusscalar")

    __radd__ = __add__

    def __sub__(self, other: Any) -> Symbol:
        return self._binary(other, "elemwise_sub", "_minus_scalar", "_minus", "_minusscalar")

    def __rsub__(self, other: Any) -> Symbol:
        return self._reflected(other, "elemwise_sub", "_rminus_scalar", "_minus", "_rminusscalar")

    def __mul__(self, other: Any) -> Symbol:
        return self._binary(other, "elemwise_mul", "_mul_scalar", "_mul", "_mulscalar")

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Symbol:
        return self._binary(other, "elemwise_div", "_div_scalar", "_div", "_divscalar")

    def __rtruediv__(self, other: Any) -> Symbol:
        return self._reflected(other, "elemwise_div", "_rdiv_scalar", "_div", "_rdivscalar")

    def __mod__(self, other: Any) -> Symbol:
        return self._binary(other, "_mod", "_mod_scalar", "_mod", "_modscalar")

    def __rmod__(self, other: Any) -> Symbol:
        return self._reflected(other, "_mod", "_rmod_scalar", "_mod", "_rmodscalar")

    def __pow__(self, other: Any) -> Symbol:
        return self._binary(other, "_power", "_power_scalar", "_power", "_powerscalar")

    def __rpow__(self, other: Any) -> Symbol:
        return self._reflected(other, "_power", "_rpower_scalar", "_power", "_rpower_scalar")

    def _reflected(self, other: Any, op: str, scalar_op: str, hint: str, scalar_hint: str) -> Symbol:
        if isinstance(other, Symbol):
            return other._op(op, hint, self)
        return self._binary(other, op, scalar_op, hint, scalar_hint)

    def __neg__(self) -> Symbol:
        return self._op("_mul_scalar", "_mulscalar", _depth=4, scalar=-1.0)

    def __abs__(self) -> Symbol:
        return self._op("abs", "abs", _depth=4)

    def __eq__(self, other: Any) -> Symbol:  # type: ignore[override]
        return self._binary(other, "_equal", "_equal_scalar", "_equal", "_equal_scalar")

    def __ne__(self, other: Any) -> Symbol:  # type: ignore[override]
        return self._binary(other, "_not_equal", "_not_equal_scalar", "_not_equal", "_not_equal_scalar")

    def __gt__(self, other: Any) -> Symbol:
        return self._binary(other, "_greater", "_greater_scalar", "_greater", "_greater_scalar")

    def __ge__(self, other: Any) -> Symbol:
        return self._binary(
            other, "_greater_equal", "_greater_equal_scalar", "_greater_equal", "_greater_equal_scalar"
        )

    def __lt__(self, other: Any) -> Symbol:
        return self._binary(other, "_lesser", "_lesser_scalar", "_lesser", "_lesser_scalar")

    def __le__(self, other: Any) -> Symbol:
        return self._binary(
            other, "_lesser_equal", "_lesser_equal_scalar", "_lesser_equal", "_lesser_equal_scalar"
        )

    def astype(self, *args: Any, **kwargs: Any) -> Symbol:
        """Operator `cast`."""
        from . import cast  # type: ignore[attr-defined]

        result: Symbol = cast(self, *args, **kwargs)
        return result

    def reshape(self, *args: Any, **kwargs: Any) -> Symbol:
        """Operator `reshape`: ``x.reshape((2, 3))`` or ``x.reshape(shape=(2, 3))``."""
        from . import reshape  # type: ignore[attr-defined]

        result: Symbol = reshape(self, *args, **kwargs)
        return result

    def _repr_html_(self) -> str:
        """Picture of the graph for notebooks, drawn without graphviz; a table where it is too large."""
        from ..drawing.notebook import symbol_html

        return symbol_html(self)


def output_name(node: Node, k: int) -> str:
    """Name of output `k` of a node as `list_outputs` gives it."""
    if node.op is None:
        return str(node.name)
    names = node.op.output_names()
    if node.op.has_own_output_names:
        return f"{node.name}_{names[k]}"
    if len(names) == 1:
        return f"{node.name}_output"
    return f"{node.name}_output{k}"


def _refuse(name: str) -> Any:
    def method(self: Symbol, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedForSymbol(name)

    method.__name__ = name
    method.__doc__ = f"NDArray has `{name}`; a Symbol has no values."
    return method


for _name in (
    "wait_to_read", "asnumpy", "asscalar", "copy", "as_in_context", "detach", "backward",
    "__iadd__", "__isub__", "__imul__", "__itruediv__", "__array__",
):  # fmt: skip
    setattr(Symbol, _name, _refuse(_name))
