# Graph nodes and graphs: operators are opaque objects here.
# Part of _core.pyx, which includes it.

cdef int64_t _sequence = 0
cdef list _trash = []
cdef bint _draining = False


cdef void _bury(tuple inputs):
    """Let go of a dead node's inputs without recursing: chains of any length are freed in a loop."""
    global _draining
    _trash.append(inputs)
    inputs = None
    if _draining:
        return
    _draining = True
    while _trash:
        _trash.pop()
    _draining = False


cdef class Node:
    """One operator application or variable of a graph.

    Attributes
    ----------
    op
        `OpDef` instance, or None for a variable.
    name
        Name of the node.
    attrs
        What the user wrote, as strings (operator parameters and attributes), as files store it.
    inputs
        Tuple of (Node, output index).
    like
        Entries whose shape and type the outputs have (gradient nodes), or None.
    versions
        Per input, the mutation count MXNet's JSON stores; empty means all zero.
    mutations
        Of a variable: how many nodes that mutate it were composed so far.
    origin
        Of a gradient node: the forward node it belongs to (device, provenance).
    where
        (code object, place in its bytecode) of the user's line that made the node, or None; for errors.
    seq
        Creation number; creation order is a topological order.
    """

    cdef public object op
    cdef public str name
    cdef public dict attrs
    cdef public tuple inputs
    cdef public tuple like
    cdef public tuple versions
    cdef public int mutations
    cdef public object origin
    cdef public object where
    cdef readonly int64_t seq

    def __init__(self, op, str name, inputs=(), dict attrs=None):
        global _sequence
        _sequence += 1
        self.seq = _sequence
        self.op = op
        self.name = name
        self.inputs = tuple(inputs)
        self.attrs = {} if attrs is None else attrs
        self.versions = ()

    def __dealloc__(self):
        if self.inputs is not None and len(self.inputs):
            _bury(self.inputs)

    def __repr__(self):
        return f"<Node {self.name}>"


def topological(heads):
    """Nodes reachable from the (node, index) entries, inputs first, in MXNet's depth-first post-order."""
    cdef list order = [], stack = []
    cdef set seen = set()
    cdef Node node
    cdef tuple inputs
    cdef Py_ssize_t at
    for head in heads:
        node = head[0]
        if node in seen:
            continue
        seen.add(node)
        stack.append((node, 0))
        while stack:
            node, at = stack.pop()
            inputs = node.inputs
            while at < len(inputs):
                child = (<tuple>inputs[at])[0]
                at += 1
                if child not in seen:
                    seen.add(child)
                    stack.append((node, at))
                    stack.append((child, 0))
                    break
            else:
                order.append(node)
    return order


cdef class Graph:
    """Immutable view of everything reachable from some heads, with dense ids.

    Attributes
    ----------
    nodes
        Nodes in topological (MXNet's depth-first post-) order; a node's id is its place here.
    row
        Entry id of output k of node i is ``row[i] + k``; ``row[-1]`` is the number of entries.
    inputs
        Entry ids each node reads.
    heads
        Entry ids of the heads.
    """

    cdef readonly list nodes, row, inputs, heads
    cdef readonly dict ids

    def __init__(self, heads, order=None):
        cdef Node node
        self.nodes = topological(heads) if order is None else list(order)
        self.ids = {node: i for i, node in enumerate(self.nodes)}
        self.row = [0]
        for node in self.nodes:
            self.row.append(self.row[-1] + (1 if node.op is None else len(node.op.output_names())))
        row, ids = self.row, self.ids
        self.inputs = [tuple([row[ids[n]] + k for n, k in node.inputs]) for node in self.nodes]
        self.heads = [row[ids[n]] + k for n, k in heads]

    def entry(self, entry):
        """Dense id of a (node, output index) pair."""
        return self.row[self.ids[entry[0]]] + entry[1]

    def __str__(self):
        lines = []
        for i, node in enumerate(self.nodes):
            op = "variable" if node.op is None else repr(node.op)
            args = ", ".join([f"%{e}" for e in self.inputs[i]])
            lines.append(f"%{self.row[i]} = {node.name}: {op}({args})")
        lines.append("heads " + ", ".join([f"%{e}" for e in self.heads]))
        return "\n".join(lines)
