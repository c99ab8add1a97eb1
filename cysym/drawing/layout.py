"""Layered layout of a directed acyclic graph: where boxes go and how the edges run between them.

The steps are Sugiyama's: ranks by longest path, dummy vertices where an edge passes a rank, few crossings
by barycentres, then coordinates. Pure geometry on numbers; `svg` measures the boxes before and draws
afterwards.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

ORDER_SWEEPS = 12


@dataclass(frozen=True, slots=True)
class Layout:
    """`x`, `y`: centre and top of each box; `ceilings`, `floors`: top and bottom of its rank.

    Edges may bend only between a floor and the ceiling of the next rank. `routes` are per edge the passages
    through the ranks between source and target, as (x, top, bottom).
    """

    x: list[float]
    y: list[float]
    ceilings: list[float]
    floors: list[float]
    routes: list[list[tuple[float, float, float]]]
    width: float
    height: float


@dataclass(slots=True)
class _Layers:
    """The graph with dummies: vertices 0..n-1 are boxes, dummies follow; a chain is an edge's vertices.

    `leans` says where edges leave that do not leave their upper vertex in its middle."""

    layers: list[list[int]]
    above: list[list[int]]
    below: list[list[int]]
    chains: list[list[int]]
    boxes: int
    leans: dict[tuple[int, int], float]


def layered(
    sizes: Sequence[tuple[float, float]],
    edges: Sequence[tuple[int, int]],
    gap_x: float = 28.0,
    gap_y: float = 46.0,
    leans: Sequence[float] | None = None,
) -> Layout:
    """Place boxes so that every edge points down, none overlap, and edges avoid boxes.

    Parameters
    ----------
    sizes : sequence of (width, height)
    edges : sequence of (source, target)
        Indices into `sizes`; several edges between the same two boxes are allowed.
    gap_x, gap_y : float
        Least distance of neighbours in a rank, and of ranks.
    leans : sequence of float, optional
        For each edge where it leaves its source, from -0.5 (left end) to 0.5; what it goes to is ordered so.

    Raises
    ------
    ValueError
        The edges form a cycle.
    """
    if not sizes:
        return Layout([], [], [], [], [], 0.0, 0.0)
    graph = _insert_dummies(_ranks(len(sizes), edges), edges, leans or [0.0] * len(edges))
    _order(graph)
    widths = [width for width, _ in sizes] + [8.0] * (len(graph.above) - len(sizes))
    x = _place(graph, widths, gap_x)
    left = min(x[v] - widths[v] / 2 for v in range(len(x)))
    x = [value - left for value in x]
    tops, bottoms = _heights(graph, sizes, x, gap_y)
    rank_of = {v: r for r, layer in enumerate(graph.layers) for v in layer}
    boxes = range(len(sizes))
    routes = [[(x[v], tops[rank_of[v]], bottoms[rank_of[v]]) for v in chain[1:-1]] for chain in graph.chains]
    return Layout(
        x[: len(sizes)],
        [tops[rank_of[v]] + (bottoms[rank_of[v]] - tops[rank_of[v]] - sizes[v][1]) / 2 for v in boxes],
        [tops[rank_of[v]] for v in boxes],
        [bottoms[rank_of[v]] for v in boxes],
        routes,
        max(x[v] + widths[v] / 2 for v in range(len(x))),
        bottoms[-1],
    )


def span(count: int, edges: Sequence[tuple[int, int]]) -> int:
    """Ranks that all edges pass together: what a layout of `count` boxes costs grows with it.

    >>> span(3, [(0, 1), (1, 2), (0, 2)])
    4
    """
    rank = _ranks(count, edges)
    return sum(rank[target] - rank[source] for source, target in edges)


def _ranks(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """Longest path from the sources; then what hangs on one edge moves down to right above its end.

    That is a source, and any tree of sources: a short branch stands beside the end of a long one.
    """
    above: list[list[int]] = [[] for _ in range(count)]
    below: list[list[int]] = [[] for _ in range(count)]
    for source, target in edges:
        above[target].append(source)
        below[source].append(target)
    waiting = [len(sources) for sources in above]
    ready = [v for v in range(count) if not waiting[v]]
    rank = [0] * count
    is_free = [True] * count
    for v in ready:  # grows while it is walked
        for w in below[v]:
            rank[w] = max(rank[w], rank[v] + 1)
            is_free[w] = is_free[w] and is_free[v] and len(below[v]) == 1
            waiting[w] -= 1
            if not waiting[w]:
                ready.append(w)
    if len(ready) < count:
        raise ValueError(f"the graph has a cycle: {count - len(ready)} nodes lie on or behind it")
    for v in reversed(ready):
        if is_free[v] and below[v]:
            rank[v] = min(rank[w] for w in below[v]) - 1
    return rank


def _insert_dummies(rank: list[int], edges: Sequence[tuple[int, int]], given: Sequence[float]) -> _Layers:
    count = len(rank)
    layers: list[list[int]] = [[] for _ in range(max(rank) + 1)]
    above: list[list[int]] = [[] for _ in range(count)]
    below: list[list[int]] = [[] for _ in range(count)]
    for v in range(count):
        layers[rank[v]].append(v)
    chains = []
    leans: dict[tuple[int, int], float] = {}
    for (source, target), lean in zip(edges, given, strict=True):
        chain = [source]
        for r in range(rank[source] + 1, rank[target]):
            chain.append(len(above))
            layers[r].append(len(above))
            above.append([])
            below.append([])
        chain.append(target)
        for upper, lower in pairwise(chain):
            below[upper].append(lower)
            above[lower].append(upper)
        chains.append(chain)
        if lean:
            leans[chain[0], chain[1]] = lean
    return _Layers(layers, above, below, chains, count, leans)


def _order(graph: _Layers) -> None:
    """Reorder each layer for few crossings: barycentre sweeps down and up; the best order stays."""
    position = [0.0] * len(graph.above)
    leans = graph.leans

    def number(layer: list[int]) -> None:
        for i, v in enumerate(layer):
            position[v] = float(i)

    def sort(layer: list[int], neighbours: list[list[int]]) -> None:
        centre = {
            v: sum(position[u] + leans.get((u, v), 0.0) for u in neighbours[v]) / len(neighbours[v])
            if neighbours[v]
            else position[v]
            for v in layer
        }
        layer.sort(key=lambda v: centre[v])
        number(layer)

    for layer in graph.layers:
        number(layer)
    best = [list(layer) for layer in graph.layers]
    fewest = _crossings(graph, position)
    for sweep in range(ORDER_SWEEPS):
        if not fewest:
            break
        downwards = sweep % 2 == 0
        for layer in graph.layers[1:] if downwards else reversed(graph.layers[:-1]):
            sort(layer, graph.above if downwards else graph.below)
        crossings = _crossings(graph, position)
        if crossings < fewest:
            fewest = crossings
            best = [list(layer) for layer in graph.layers]
    graph.layers[:] = best


def _crossings(graph: _Layers, position: list[float]) -> int:
    """Pairs of edges that cross between neighbouring layers: inversions of the lower ends.

    Edges of one output leave together and cross none of each other; those of two outputs may.
    """
    total = 0
    leaning = {v for v, _ in graph.leans}
    for layer in graph.layers:
        seen: list[float] = []
        for v in sorted(layer, key=lambda v: position[v]):
            for ends in _bundles(graph, v) if v in leaning else [graph.below[v]]:
                places = sorted(position[w] for w in ends)
                total += sum(len(seen) - bisect_right(seen, place) for place in places)
                for place in places:
                    insort(seen, place)
    return total


def _bundles(graph: _Layers, v: int) -> list[list[int]]:
    """The lower ends of a vertex, by the outputs its edges leave from."""
    bundles: dict[float, list[int]] = {}
    for w in graph.below[v]:
        bundles.setdefault(graph.leans.get((v, w), 0.0), []).append(w)
    return [ends for _, ends in sorted(bundles.items())]


def _place(graph: _Layers, widths: list[float], gap: float) -> list[float]:
    """Horizontal centres after Brandes and Koepf (2001): long edges and chains become straight columns.

    Vertices line up with the median of their neighbours above or below, leftmost or rightmost first; the
    mean of the middle two of these four placements is balanced, and keeps every distance all four keep.
    """
    conflicts = _conflicts(graph)
    placements = []
    for downwards in (True, False):
        layers = graph.layers if downwards else graph.layers[::-1]
        neighbours = graph.above if downwards else graph.below
        for is_mirrored in (False, True):
            ordered = [layer[::-1] for layer in layers] if is_mirrored else layers
            x = _compact(ordered, _align(ordered, neighbours, conflicts), widths, gap)
            placements.append([-value for value in x] if is_mirrored else x)
    spans = [
        (
            min(v - w / 2 for v, w in zip(x, widths, strict=True)),
            max(v + w / 2 for v, w in zip(x, widths, strict=True)),
        )
        for x in placements
    ]
    left, right = min(spans, key=lambda span: span[1] - span[0])
    for i, (low, high) in enumerate(spans):
        shift = right - high if i % 2 else left - low
        placements[i] = [value + shift for value in placements[i]]
    return [sum(sorted(four)[1:3]) / 2 for four in zip(*placements, strict=True)]


def _conflicts(graph: _Layers) -> set[tuple[int, int]]:
    """Segments that cross one between two dummies: those must not be made straight, the dummies' must."""
    conflicts: set[tuple[int, int]] = set()
    for upper, lower in pairwise(graph.layers):
        position = {v: i for i, v in enumerate(upper)}
        left, start = 0, 0
        for i, v in enumerate(lower):
            inner = graph.above[v][0] if v >= graph.boxes and graph.above[v][0] >= graph.boxes else None
            if inner is None and i < len(lower) - 1:
                continue
            right = len(upper) - 1 if inner is None else position[inner]
            for w in lower[start : i + 1]:
                for u in graph.above[w]:
                    if not left <= position[u] <= right and not (u >= graph.boxes and w >= graph.boxes):
                        conflicts.add((u, w))
            left, start = right, i + 1
    return conflicts


def _align(
    layers: list[list[int]], neighbours: list[list[int]], conflicts: set[tuple[int, int]]
) -> list[int]:
    """The column of each vertex, named by its first member: its median neighbour's, where that is free."""
    root = list(range(len(neighbours)))
    position: dict[int, int] = {}
    for layer in layers:
        last = -1
        for v in layer:
            near = sorted(set(neighbours[v]), key=lambda u: position[u])
            for u in near[(len(near) - 1) // 2 : len(near) // 2 + 1]:
                if position[u] > last and (u, v) not in conflicts and (v, u) not in conflicts:
                    root[v] = root[u]
                    last = position[u]
                    break
        position = {v: i for i, v in enumerate(layer)}
    return root


def _compact(layers: list[list[int]], root: list[int], widths: list[float], gap: float) -> list[float]:
    """Columns as far left as their neighbours allow, then right again towards what keeps them apart."""
    after: dict[int, dict[int, float]] = {r: {} for r in root}
    waiting = dict.fromkeys(after, 0)
    for layer in layers:
        for u, v in pairwise(layer):
            distance = (widths[u] + widths[v]) / 2 + gap
            known = after[root[u]].get(root[v])
            if known is None:
                waiting[root[v]] += 1
            after[root[u]][root[v]] = max(known or 0.0, distance)
    order = [r for r, count in waiting.items() if not count]
    x = dict.fromkeys(after, 0.0)
    for r in order:  # grows while it is walked
        for s, distance in after[r].items():
            x[s] = max(x[s], x[r] + distance)
            waiting[s] -= 1
            if not waiting[s]:
                order.append(s)
    for r in reversed(order):
        if after[r]:
            x[r] = max(x[r], min(x[s] - distance for s, distance in after[r].items()))
    return [x[r] for r in root]


def _heights(
    graph: _Layers, sizes: Sequence[tuple[float, float]], x: list[float], gap: float
) -> tuple[list[float], list[float]]:
    """Top and bottom of each rank; where edges run far sideways the ranks stand further apart."""
    tops = []
    bottoms = []
    at = 0.0
    for layer in graph.layers:
        tops.append(at)
        at += max((sizes[v][1] for v in layer if v < graph.boxes), default=0.0)
        bottoms.append(at)
        spread = max((abs(x[v] - x[w]) for v in layer for w in graph.below[v]), default=0.0)
        at += gap + min(60.0, 0.1 * max(0.0, spread - 60.0))
    return tops, bottoms
