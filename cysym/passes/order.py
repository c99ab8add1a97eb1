"""order: a schedule of nodes that keeps less memory alive, where the graph leaves a choice.

The given order is the depth-first one. The others: list scheduling by bytes allocated minus bytes freed, and
depth first with the inputs of a node visited by falling (peak - result) of what they hang on (Sethi and
Ullman 1970, for bytes instead of registers). Nodes that touch one mutated variable, that draw random numbers,
or that call back keep their order. Works on entry sizes, before lowering; whether a candidate really is
better is for the planner to say.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence

from .._core import Graph

LARGEST = 20000  # nodes; above that the given order stands (a longer graph is a chain in all likelihood)


def schedule(
    graph: Graph, order: Sequence[int], nbytes: Callable[[int], int], kept: frozenset[int], phase: str
) -> list[int] | None:
    """A permutation of `order` with a lower estimated peak, or None.

    Parameters
    ----------
    order
        Node numbers of one part (forward or backward) in a valid order.
    nbytes
        Size of an entry; 0 for one that takes no arena memory.
    kept
        Entries that stay alive to the end of the part.
    phase
        "forward" or "backward": which of the operators' mutations count.
    """
    nodes = [i for i in order if graph.nodes[i].op is not None]
    if len(nodes) > LARGEST:
        return None
    reads = {i: tuple(dict.fromkeys(graph.inputs[i])) for i in nodes}
    makes = {i: range(graph.row[i], graph.row[i + 1]) for i in nodes}
    maker = {e: i for i in nodes for e in makes[i]}
    users: dict[int, int] = {}
    for i in nodes:
        for e in reads[i]:
            users[e] = users.get(e, 0) + 1

    def gain(i: int, left: dict[int, int]) -> int:
        """Bytes node `i` allocates minus bytes that die with it."""
        made = sum(nbytes(e) for e in makes[i] if e in left or e in kept)
        freed = sum(nbytes(e) for e in reads[i] if left[e] == 1 and e not in kept)
        return made - freed

    def peak(candidate: Iterable[int]) -> int:
        left, live, top = dict(users), 0, 0
        for i in candidate:
            made = sum(nbytes(e) for e in makes[i] if e in left or e in kept)
            dying = [e for e in reads[i] if left[e] == 1 and e not in kept]
            freed = sum(nbytes(e) for e in dying)
            in_place = graph.nodes[i].op.is_elementwise and any(nbytes(e) == made for e in dying)
            top = max(top, live + (0 if in_place else made))
            live += made - freed
            for e in reads[i]:
                left[e] -= 1
        return top

    before = _predecessors(graph, nodes, maker, reads, phase)
    after: dict[int, list[int]] = {i: [] for i in nodes}
    for i in nodes:
        for p in before[i]:
            after[p].append(i)

    def listed(place: dict[int, int], by_gain: bool) -> list[int]:
        """List scheduling: of the nodes that may run, the one of least gain, or of least place."""
        waiting = {i: len(before[i]) for i in nodes}
        left = dict(users)
        ready = [(gain(i, left) if by_gain else 0, place[i], i) for i in nodes if not waiting[i]]
        heapq.heapify(ready)
        result: list[int] = []
        while ready:
            value, k, i = heapq.heappop(ready)
            if by_gain and (now := gain(i, left)) != value:  # other readers of its inputs ran meanwhile
                heapq.heappush(ready, (now, k, i))
                continue
            result.append(i)
            for e in reads[i]:
                left[e] -= 1
            for n in after[i]:
                waiting[n] -= 1
                if not waiting[n]:
                    heapq.heappush(ready, (gain(n, left) if by_gain else 0, place[n], n))
        return result

    given = {i: k for k, i in enumerate(nodes)}
    tall = {i: k for k, i in enumerate(_tallest_first(nodes, reads, maker, makes, nbytes))}
    candidates = [listed(tall, False), listed(given, True)]
    best = min(candidates, key=peak)
    return best if peak(best) < 0.99 * peak(nodes) else None


def _tallest_first(
    nodes: Sequence[int],
    reads: dict[int, tuple[int, ...]],
    maker: dict[int, int],
    makes: dict[int, range],
    nbytes: Callable[[int], int],
) -> list[int]:
    """Depth-first post-order, from the last nodes back, that visits the input needing most beyond its result
    first."""
    result_bytes = {i: sum(nbytes(e) for e in makes[i]) for i in nodes}
    need: dict[int, int] = {}
    children: dict[int, list[int]] = {}
    for i in nodes:  # inputs come before their users
        own = sorted(
            dict.fromkeys(maker[e] for e in reads[i] if e in maker), key=lambda c: result_bytes[c] - need[c]
        )
        children[i] = own
        held, most = 0, 0
        for c in own:
            most = max(most, held + need[c])
            held += result_bytes[c]
        need[i] = max(most, held + result_bytes[i])
    done: set[int] = set()
    out: list[int] = []
    used = {c for own in children.values() for c in own}
    roots = sorted((i for i in nodes if i not in used), key=lambda i: result_bytes[i] - need[i])
    stack = [(i, 0) for i in reversed(roots)]
    while stack:
        i, at = stack.pop()
        if i in done:
            continue
        if at < len(children[i]):
            stack.append((i, at + 1))
            if children[i][at] not in done:
                stack.append((children[i][at], 0))
        else:
            done.add(i)
            out.append(i)
    return out


def _predecessors(
    graph: Graph, nodes: Sequence[int], maker: dict[int, int], reads: dict[int, tuple[int, ...]], phase: str
) -> dict[int, set[int]]:
    """Nodes that must run before each: makers of its inputs, and earlier nodes it must not overtake."""
    before = {i: {maker[e] for e in reads[i] if e in maker} for i in nodes}
    mutated = set()
    for i in nodes:
        op = graph.nodes[i].op
        facts = op.mutates if phase == "forward" else getattr(op, "forward", op).mutates
        names = op.input_names() + op.aux_names()
        mutated |= {e for name, e in zip(names, graph.inputs[i]) if name in facts.get(phase, ())}
    last_effect: dict[object, int] = {}
    for i in nodes:
        op = graph.nodes[i].op
        touched: list[object] = [e for e in reads[i] if e in mutated]
        if op.is_random:
            touched.append("random")
        if op.is_callback or getattr(getattr(op, "forward", None), "is_callback", False):
            touched.append("callback")
        for what in touched:
            if what in last_effect:
                before[i].add(last_effect[what])
            last_effect[what] = i
    return before
