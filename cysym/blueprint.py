"""Blueprint: one graph with every shape, type and device known, compiled on demand into call lists and plans.

Allocates nothing; `Executor` binds arrays to what is made here, `Symbol.plan` only looks at it. Slots of
external memory are numbered: arguments, auxiliary states, gradients, outputs, head gradients.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ._core import Graph, Node, topological
from .base import MXNetError, ShapeError, TypeInferenceError
from .collector import paused
from .context import Context
from .dtypes import NAMES, SIZES
from .ops.rules import Dims, is_known, show
from .passes.explain import advice, made_at
from .passes.gradient import gradient
from .passes.infer import infer_shapes, infer_types
from .passes.ir import Buffer, Call, Tensor, num_elements
from .passes.order import schedule
from .passes.pipeline import Observer, Options, Wishes, backward_order, compile_calls
from .passes.place import place, place_of
from .passes.plan import Plan
from .passes.recompute import recompute

Entry = tuple[Node, int]
_local = threading.local()


def current_options() -> Options:
    """Options of the innermost `options` block, defaults from the environment."""
    import os

    found = getattr(_local, "options", None)
    if found is not None:
        return found  # type: ignore[no-any-return]
    env = os.environ.get
    return Options(
        fuse=env("CYSYM_FUSE", "1") != "0",
        share=env("CYSYM_PLAN_SHARE", "1") != "0" and env("CYSYM_PLAN_CANARIES", "0") != "1",
        canaries=env("CYSYM_PLAN_CANARIES", "0") == "1",
        capacity=int(env("CYSYM_MAX_CHUNK", "0")) or None,
        blocked=env("CYSYM_LAYOUT", "plain") == "blocked",
    )


class options:
    """``with options(fuse=False, share=False, canaries=True):`` how programs bound inside are compiled.

    Parameters
    ----------
    fuse
        Join elementwise operators into one pass.
    share
        Let tensors share memory when their lifetimes allow.
    canaries
        Put known bytes around every tensor and check them after each run; implies ``share=False``.
    capacity
        Largest arena chunk in bytes.
    blocked
        Keep activations between convolutions in channel blocks (nChw16c).
    epilogue
        Let convolutions emit BatchNorm's statistics.
    reorder
        Look for an order of operators that needs less memory.
    reorder_above
        Bytes: a plan that needs no more keeps the given order, as a second compilation would cost more than
        it gives.
    recompute
        Compute a ReLU behind a BatchNorm again in backward instead of keeping it.
    """

    def __init__(self, **changes: Any) -> None:
        self._changes = changes

    def __enter__(self) -> Options:
        self._before = getattr(_local, "options", None)
        chosen = replace(current_options(), **self._changes)
        _local.options = replace(chosen, share=chosen.share and not chosen.canaries)
        return _local.options  # type: ignore[no-any-return]

    def __exit__(self, *exc: object) -> None:
        _local.options = self._before


class Blueprint:
    """See the module's docstring.

    Parameters
    ----------
    heads
        Outputs of the symbol.
    arguments, aux
        Variable nodes in listing order.
    shapes, types
        Known shape and type code per variable.
    requests
        'write', 'add' or 'null' per argument.
    context, groups
        Default context, and contexts of ``ctx_group`` names.
    bound
        Contexts of variables that have an array: with groups, a variable of none stays where it lies.
    """

    @paused()
    def __init__(
        self,
        heads: Sequence[Entry],
        arguments: Sequence[Node],
        aux: Sequence[Node],
        shapes: Mapping[Node, Dims | None],
        types: Mapping[Node, int | None],
        requests: Sequence[str],
        context: Context,
        groups: Mapping[str, Context] | None = None,
        bound: Mapping[Node, Context] | None = None,
    ) -> None:
        self.heads, self.arguments, self.aux = list(heads), list(arguments), list(aux)
        self.requests = list(requests)
        self._compiled: dict[tuple[bool, frozenset[int]], tuple[list[Call], int, Plan]] = {}
        self.context, device = context, context.device
        self.options = current_options()
        self.graph = Graph(self.heads)
        placed = place(self.graph.nodes, groups, context, bound or {}) if groups else {}
        self.context_of: Callable[[Node], Context] = lambda node: context
        self.device_of: Callable[[Node], Any] = lambda node: device
        if placed:
            self.context_of = lambda node: place_of(node, placed, context)
            self.device_of = lambda node: place_of(node, placed, context).device
        ids, row = self.graph.ids, self.graph.row
        known_shapes = {row[ids[n]]: s for n, s in shapes.items() if s is not None}
        found, self.origins = infer_shapes(self.graph, known_shapes)
        codes, _ = infer_types(self.graph, {row[ids[n]]: t for n, t in types.items() if t is not None})
        missing = [i for i, t in enumerate(codes) if t is None]
        if missing:
            given = {row[ids[n]]: codes[row[ids[n]]] for n in self.variables}
            given = {e: 0 if t is None else t for e, t in given.items()}
            codes, _ = infer_types(self.graph, given)
        self._check_complete(found, codes)
        self.shapes: list[Any] = found
        self.types: list[Any] = codes
        n, a = len(self.arguments), len(self.aux)
        self.grad_slot, self.out_slot = n + a, 2 * n + a
        self.ograd_slot = self.out_slot + len(self.heads)
        self.first_free_slot = self.ograd_slot + len(self.heads)
        self._variable_head_grads: list[Entry | None] = [
            None if node.op is not None and node.op.is_loss else (Node(None, f"{node.name}_head_grad"), 0)
            for node, _ in self.heads
        ]
        self._read_head_grads: list[Entry | None] | None = None
        self._shared: dict[Node, dict[Any, Any]] = {}  # of all programs: the object behind a custom operator

    @property
    def variables(self) -> list[Node]:
        return self.arguments + self.aux

    @property
    def wants_gradient(self) -> bool:
        return any(r != "null" for r in self.requests)

    @property
    def head_grads(self) -> list[Entry | None]:
        """The variable of each head's gradient; None where no wanted gradient reads it, as above a loss layer
        (``SoftmaxOutput`` and whatever is made of its output) or ``BlockGrad``."""
        if self._read_head_grads is None:
            self._gradients()
        assert self._read_head_grads is not None
        return self._read_head_grads

    def _gradients(self) -> dict[Node, Entry | None]:
        """New nodes of the gradients of arguments with a request; finds which head gradients they read."""
        wrt = [v for v, r in zip(self.arguments, self.requests) if r != "null"]
        found = dict(zip(wrt, gradient(self.graph.nodes, self.heads, self._variable_head_grads, wrt)))
        reached = set(topological([g for g in found.values() if g is not None]))
        self._read_head_grads = [g if g and g[0] in reached else None for g in self._variable_head_grads]
        return found

    def _check_complete(self, shapes: Sequence[Any], types: Sequence[Any]) -> None:
        ids, row = self.graph.ids, self.graph.row
        open_ = [
            (v.name, show(shapes[row[ids[v]]])) for v in self.variables if not is_known(shapes[row[ids[v]]])
        ]
        if open_:
            listing = ", ".join(f"{n}: {s}" for n, s in open_)
            raise ShapeError(
                "InferShape pass cannot decide shapes for the following arguments (-1 means unknown "
                f"dimensions). Please consider providing them as input: {listing}"
                + (f"\n  hint: {hint}" if (hint := advice(self.graph, shapes)) else "")
            )
        for i, node in enumerate(self.graph.nodes):
            for k in range(row[i], row[i + 1]):
                if not is_known(shapes[k]):
                    raise ShapeError(
                        f"the shape of node {node.name} ({node.op!r}{made_at(node)}) cannot be decided: "
                        f"{show(shapes[k])}"
                    )
                if types[k] is None:
                    raise TypeInferenceError(
                        f"the type of node {node.name} ({node.op!r}{made_at(node)}) cannot be decided"
                    )
                try:
                    num_elements(shapes[k])
                except ShapeError as error:
                    raise ShapeError(f"node {node.name} ({node.op!r}): {error}") from None

    def entry_of(self, node: Node, k: int = 0) -> int:
        return int(self.graph.row[self.graph.ids[node]] + k)

    def shape_of(self, node: Node, k: int = 0) -> Dims:
        shape: Dims = self.shapes[self.entry_of(node, k)]
        return shape

    def type_of(self, node: Node, k: int = 0) -> int:
        return int(self.types[self.entry_of(node, k)])

    def external(self, slot: int, node: Node, k: int, name: str, device: Any = None) -> Tensor:
        """Dense tensor over a slot, shaped like an entry."""
        shape, code = self.shape_of(node, k), self.type_of(node, k)
        nbytes = num_elements(shape) * SIZES[code]
        buffer = Buffer("external", nbytes, self.device_of(node) if device is None else device, slot, name)
        return Tensor(buffer, shape, code)

    def _given(self) -> dict[Entry, Tensor]:
        return {(v, 0): self.external(i, v, 0, v.name) for i, v in enumerate(self.variables)}

    def _outputs(self) -> list[tuple[Entry, Tensor]]:
        return [
            ((node, k), self.external(self.out_slot + i, node, k, f"output{i}"))
            for i, (node, k) in enumerate(self.heads)
            if node.op is not None
        ]

    def compile(
        self, is_train: bool, observe: Observer | None = None, late: frozenset[int] = frozenset()
    ) -> tuple[list[Call], int, Plan]:
        """Calls, where the backward part begins, and the plan of one kind of program.

        `late` are the arguments whose gradient array overlaps other bound memory: written last. The result
        belongs to this blueprint, every program of that kind has it.
        """
        if observe is not None:
            return self._compile(is_train, observe, late)
        found = self._compiled.get((is_train, late))
        if found is None:
            found = self._compiled[is_train, late] = self._compile(is_train, None, late)
        return found

    @paused()
    def _compile(
        self, is_train: bool, observe: Observer | None, late: frozenset[int]
    ) -> tuple[list[Call], int, Plan]:
        chosen = replace(self.options, is_train=is_train)
        if not (is_train and self.wants_gradient):
            wishes = Wishes(self._given(), self._outputs())
            order = list(range(len(self.graph.nodes)))
            return self._compile_best(self.graph, self.shapes, self.types, order, wishes, chosen, observe)
        return self._compile_training(chosen, observe, late)

    def _compile_best(
        self, graph: Graph, shapes: Sequence[Any], types: Sequence[Any], order: list[int], wishes: Wishes,
        chosen: Options, observe: Observer | None,
    ) -> tuple[list[Call], int, Plan]:  # fmt: skip
        """Compile in the given order and, where it promises less memory, in another; the lower peak wins."""
        count = len(self.graph.nodes)

        def compiled(candidate: list[int]) -> tuple[list[Call], int, Plan]:
            return compile_calls(
                graph, shapes, types, candidate, count, wishes, self.device_of, chosen, observe, self._shared
            )

        best = compiled(order)
        if not chosen.reorder or observe is not None or best[2].peak <= chosen.reorder_above:
            return best
        outside = {graph.entry(e) for e, _ in wishes.write if e[0].op is not None}

        def nbytes(e: int) -> int:
            return 0 if e in outside else num_elements(shapes[e]) * SIZES[types[e]]

        forward, backward = order[:count], order[count:]
        saved = frozenset(e for i in backward for e in graph.inputs[i])
        other = [
            schedule(graph, forward, nbytes, saved, "forward"),
            schedule(graph, backward, nbytes, frozenset(), "backward") if backward else None,
        ]
        if other[0] is not None or other[1] is not None:
            variables = [i for i in forward if graph.nodes[i].op is None]
            new_forward = forward if other[0] is None else variables + other[0]
            candidate = compiled(new_forward + (backward if other[1] is None else other[1]))
            if candidate[2].peak < best[2].peak:
                return candidate
        return best

    def _compile_training(
        self, chosen: Options, observe: Observer | None, late: frozenset[int]
    ) -> tuple[list[Call], int, Plan]:
        grads = self._gradients()
        grad_heads = [g for g in grads.values() if g is not None]
        heads = self.heads + [g for g in self.head_grads if g is not None] + grad_heads
        early: dict[Node, float] = {}
        made = self._new_nodes(heads)
        if chosen.recompute and observe is None:
            early = recompute(
                self.graph.nodes, made,
                lambda node: num_elements(self.shape_of(node)) * SIZES[self.type_of(node)],
            )  # fmt: skip
            made = self._new_nodes(heads) if early else made
        full = Graph(heads, self.graph.nodes + made)
        # the forward nodes stand in the same order at the front of both graphs, so their entry ids agree
        shapes_known: dict[int, Any] = dict(enumerate(self.shapes))
        types_known: dict[int, Any] = dict(enumerate(self.types))
        for (node, k), g in zip(self.heads, self.head_grads):
            if g is not None:
                e = full.entry(g)
                shapes_known[e], types_known[e] = self.shape_of(node, k), self.type_of(node, k)
        shapes, types = self._infer_backward(full, shapes_known, types_known)
        wishes = Wishes(self._given(), self._outputs())
        for i, ((node, k), g) in enumerate(zip(self.heads, self.head_grads)):
            if g is not None:
                wishes.given[g] = self.external(self.ograd_slot + i, node, k, g[0].name)
        for i, (v, request) in enumerate(zip(self.arguments, self.requests)):
            if request == "null":
                continue
            target = self.external(self.grad_slot + i, v, 0, f"{v.name}_grad")
            found = grads[v]
            if found is None:
                if request == "write":
                    wishes.zero.append(target)
            elif request == "add":
                wishes.add.append((found, target))
                wishes.alone += [target] if i in late else []
            elif i in late:
                wishes.late.append((found, target))
            else:
                wishes.write.append((found, target))
        forward = {n: i for i, n in enumerate(self.graph.nodes)}
        order = list(range(len(self.graph.nodes))) + backward_order(full, forward, early)
        return self._compile_best(full, shapes, types, order, wishes, chosen, observe)

    def _new_nodes(self, heads: Sequence[Entry]) -> list[Node]:
        have = set(self.graph.nodes)
        return [n for n in topological(heads) if n not in have]

    def _infer_backward(self, full: Graph, shapes: dict[int, Any], types: dict[int, Any]) -> tuple[Any, Any]:
        first = len(self.graph.nodes)
        found, _ = infer_shapes(full, shapes, first)
        codes, _ = infer_types(full, types, first)
        for i in range(first, len(full.nodes)):
            node = full.nodes[i]
            for e in range(full.row[i], full.row[i + 1]):
                if not is_known(found[e]) or codes[e] is None:
                    code = codes[e]
                    raise MXNetError(
                        f"the gradient node {node.name} ({node.op!r}) has shape {show(found[e])} and type "
                        f"{'unknown' if code is None else NAMES[code]}"
                    )
        return found, codes
