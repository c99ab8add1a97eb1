"""Rules of the files, one by one: layout of symbol texts, attribute values, array files, checkpoints."""

import json
import os
import struct

import numpy as np

from . import fresh, logged, numbers, outcome, program, scratch

PLAIN = {"op": "null", "name": "x", "inputs": []}


def text(*nodes, **more):
    """A symbol's text of whole nodes; `more` replaces or adds keys, None removes one."""
    whole = {
        "nodes": [PLAIN, *nodes],
        "arg_nodes": [0],
        "heads": [[len(nodes), 0, 0]],
        "attrs": {"mxnet_version": ["int", 10901]},
    }
    whole.update(more)
    return json.dumps({k: v for k, v in whole.items() if v is not None})


def node(op, name="n", inputs=((0, 0, 0),), **more):
    return dict({"op": op, "name": name, "inputs": [list(e) for e in inputs]}, **more)


def container(*records, names=()):
    """The bytes of an array file."""
    found = struct.pack("<QQQ", 0x112, 0, len(records)) + b"".join(records)
    return found + struct.pack("<Q", len(names)) + b"".join(struct.pack("<Q", len(n)) + n for n in names)


def record(array, magic=0xF993FAC9, code=0, context=(1, 0)):
    """The bytes of one array."""
    head = struct.pack("<I", magic) if magic else b""
    head += struct.pack("<i", 0) if magic >= 0xF993FAC9 else b""
    dims = "q" if magic else "I"
    head += struct.pack(f"<i{array.ndim}{dims}", array.ndim, *array.shape)
    return head + struct.pack("<iii", *context, code) + array.tobytes()


def shown(loaded):
    """What a file gave: names in order, types, values."""
    pairs = loaded.items() if isinstance(loaded, dict) else enumerate(loaded)
    return [type(loaded).__name__, [[str(k), np.dtype(a.dtype).name, a.asnumpy()] for k, a in pairs]]


# --- 1.1, 1.2: the document and its layout ---
@program(cpu=True)
@fresh
def order_of_nodes(mx, ctx):
    """Post-order from the heads; variables of both kinds are arg_nodes; hidden outputs count."""
    S = mx.sym
    a, b = S.Variable("a"), S.Variable("b")
    norm = S.BatchNorm(S.FullyConnected(a, num_hidden=2, name="f"), name="n")
    group = S.Group([S.Dropout(b, name="d"), norm + b, a])
    found = json.loads(group.tojson())
    return [[n["name"] for n in found["nodes"]], found["arg_nodes"], found["node_row_ptr"], found["heads"]]


@program(cpu=True)
@fresh
def keys_and_order(mx, ctx):
    """Canonical operator names, attrs only where there are some and sorted by their bytes."""
    S = mx.sym
    x = S.Variable("x")
    net = S.flatten(S.concat(x, x, dim=1, attr={"__b__": "1", "__B__": "2", "__\u00e9__": "3", "__a__": "4"}))
    found = json.loads(net.tojson())
    return [net.tojson(), [list(n) for n in found["nodes"]], [n["op"] for n in found["nodes"]]]


@program(cpu=True)
@fresh
def long_lists(mx, ctx):
    """Up to ten items stand on one line, eleven have one each: inputs, heads, arg_nodes, row pointers."""
    S = mx.sym
    found = {}
    for count in (9, 10, 11, 12):
        x = [S.Variable(f"x{i}") for i in range(count)]
        found[str(count)] = [
            S.add_n(*x, name="sum").tojson(),
            S.SliceChannel(x[0], num_outputs=count, name="s").tojson(),
        ]
    return found


@program(cpu=True)
@fresh
def escapes(mx, ctx):
    """Quotes, backslashes, line ends and tabs are escaped; all other bytes stay as they are."""
    S = mx.sym
    odd = 'q" b\\ n\n t\t r\r one\x01 bell\x07 esc\x1b del\x7f / \u00fc \u65e5 \U0001f600'
    net = S.FullyConnected(S.Variable(odd, attr={"__note__": odd}), num_hidden=1, name="f" + odd)
    again = mx.sym.load_json(net.tojson())
    return [net.tojson(), again.tojson() == net.tojson(), again.list_arguments(), again.attr_dict()]


@program(cpu=True)
@fresh
def shape_mode(mx, ctx):
    """np-shape mode stands among the attributes of the graph."""
    net = mx.sym.tanh(mx.sym.Variable("x"), name="t")
    with mx.util.np_shape(True):
        inside = net.tojson()
    return [net.tojson(), inside, mx.sym.load_json(inside).tojson()]


@program(cpu=True)
@fresh
def versions_of_states(mx, ctx):
    """Each operator that changes a variable raises the version its inputs refer to; files keep theirs."""
    S = mx.sym
    x, m, v = S.Variable("x"), S.Variable("m"), S.Variable("v")
    first = S.BatchNorm(x, moving_mean=m, moving_var=v, name="a")
    second = S.BatchNorm(first, moving_mean=m, moving_var=v, name="b")
    entries = [n["inputs"] for n in json.loads(second.tojson())["nodes"]]
    states = [dict(PLAIN, name=n) for n in "gbmv"]
    short = node("BatchNorm", inputs=[(0, 0), (1, 0), (2, 0), (3, 0), (4, 0)])
    kept = node("BatchNorm", inputs=[(0, 0, 7), (1, 0, 0), (2, 0, 0), (3, 0, 5), (4, 0, 9)])
    load = [
        json.loads(mx.sym.load_json(text(*states, n, arg_nodes=list(range(5)))).tojson())
        for n in (short, kept)
    ]
    return [entries, [d["nodes"][-1]["inputs"] for d in load]]


# --- 1.3: values of attributes ---
@program(cpu=True)
@fresh
def values_as_typed(mx, ctx):
    """str() of what was passed, and nothing for what was not."""
    S = mx.sym
    x = S.Variable("x")
    nets = [
        x + 1, x * 2.5, x > np.float32(1.1), S.Convolution(x, kernel=[3, 3], num_filter=2, name="c"),
        S.Convolution(x, kernel=(3, 3), num_filter=2, layout=None, no_bias=True, name="d"),
        S.BatchNorm(x, eps=2e-5, fix_gamma=False, name="n"), S.Cast(x, dtype=np.float16),
        S.Cast(x, dtype="int8"), S.arange(0, 5), S.zeros((2, 3)), S.ones((1,), dtype="float64"),
        S.add_n(x, x, x), S.stack(x, x), S.Concat(x, x),
        S.transpose(x, axes=(1, 0)), S.clip(x, 0, 6), S.Pooling(x, kernel=(2, 2)),
    ]  # fmt: skip
    return [json.loads(n.tojson())["nodes"][-1].get("attrs") for n in nets]


@program(cpu=True, differs={
    "negative": "MXNet stores it and fails when shapes are inferred; refused at once",
})  # fmt: skip
def values_parsed(mx, ctx):
    """What a file may say: lists for tuples, long integers, a number for a tuple of one, 0 and 1 as flags."""
    load = mx.sym.load_json
    conv = {"kernel": "(2, 2)", "num_filter": "3"}
    given = {
        "list": dict(conv, kernel="[2,2]"),
        "long": dict(conv, kernel="(2L,2L)", num_filter="3"),
        "spaces": dict(conv, kernel=" ( 2 , 2 ) "),
        "comma": dict(conv, kernel="(2,2,)"),
        "one": dict(conv, kernel="2"),
        "True": dict(conv, no_bias="True"),
        "true": dict(conv, no_bias="true"),
        "1": dict(conv, no_bias="1"),
        "0": dict(conv, no_bias="0"),
        "yes": dict(conv, no_bias="yes"),
        "none": dict(conv, layout="None"),
        "fraction": dict(conv, num_filter="3.0"),
        "negative": dict(conv, num_filter="-3"),
        "empty": dict(conv, kernel=""),
        "unknown": dict(conv, colour="red"),
        "dunder": dict(conv, __colour__="red"),
        "profiler": dict(conv, __profiler_scope__="a:", __subgraph_name__="s"),
    }
    variables = [dict(PLAIN, name=n) for n in ("w", "b")]
    found = {}
    for name, attrs in given.items():
        count = 2 if attrs.get("no_bias") in ("True", "true", "1") else 3
        one = node("Convolution", "c", [(i, 0, 0) for i in range(count)], attrs=attrs)
        whole = text(*variables[: count - 1], one, arg_nodes=list(range(count)))
        found[name] = outcome(lambda w=whole: sorted(load(w).list_attr().items()))
    for value in ("1", "1.5", "1e-3", "True", "inf", "x"):
        whole = text(node("_plus_scalar", "p", attrs={"scalar": value}))
        found["scalar " + value] = outcome(lambda w=whole: load(w).list_attr())
    return found


# --- 1.5: what is refused ---
@program(cpu=True, differs={"control": "refused rather than dropped in silence; no user's graph has any"})
def documents_refused(mx, ctx):
    load = mx.sym.load_json
    tanh = node("tanh")
    cases = {
        "no arg_nodes": text(tanh, arg_nodes=None),
        "no heads": text(tanh, heads=None),
        "no attrs": text(tanh, attrs=None),
        "operator among arg_nodes": text(tanh, arg_nodes=[0, 1]),
        "another key": text(tanh, extra=1),
        "another key of a node": text(dict(tanh, extra=1)),
        "unknown operator": text(node("nosuchop")),
        "backward_source_id": text(dict(tanh, backward_source_id=-1)),
        "no inputs": text({"op": "tanh", "name": "n"}),
        "two entries": text(node("tanh", inputs=[(0, 0)])),
        "control": text(tanh, node("sin", "s", [(1, 0, 0)], control_deps=[0])),
    }
    return {name: outcome(lambda t=t: load(t).list_arguments()) for name, t in cases.items()}


@program(cpu=True)
def files_not_there(mx, ctx):
    with scratch():
        return [
            outcome(lambda: mx.sym.load("nope.json")),
            outcome(lambda: mx.sym.load(3)),
            outcome(lambda: mx.sym.load_json(3)),
            outcome(lambda: mx.nd.load("nope.params")),
            outcome(lambda: mx.nd.load(3)),
            outcome(lambda: mx.model.load_checkpoint("nope", 1)),
        ]


@program(cpu=True)
def names_after_loading(mx, ctx):
    """Automatic names do not know those of a file: one name may appear twice."""
    with mx.name.NameManager():
        saved = (mx.sym.Variable("x") + 1).tojson()
    with mx.name.NameManager():
        return (mx.sym.load_json(saved) + 1).get_internals().list_outputs()


# --- 2: arrays ---
@program
def saved_bytes(mx, ctx):
    """List, dict, single, empty; views as the contiguous arrays they look like."""
    whole = mx.nd.array(numbers(3, 4), ctx=mx.cpu())
    contents = {
        "single": whole,
        "list": [whole, whole[1]],
        "dict": {"arg:w": whole, "aux:m": mx.nd.array([1, 2], ctx=mx.cpu(), dtype="uint8")},
        "empty list": [],
        "empty dict": {},
        "views": [whole[1:3], whole.T, whole.reshape((2, -1))],
        "odd names": {"": whole[0], "\u00e9 \u65e5": whole[1], "a" * 300: whole[2], "a:b:c": whole[0]},
        "types": {t: whole.astype(t) for t in ("float64", "float16", "int32", "int8", "int64", "uint8")},
        "bool": [whole.astype("bool")],
        "ranks": [mx.nd.zeros((1,) * n) for n in range(1, 7)],
    }
    found = {}
    with scratch():
        for name, content in contents.items():
            mx.nd.save("f", content)
            with open("f", "rb") as stream:
                data = stream.read()
            found[name] = [data, shown(mx.nd.load("f")), shown(mx.nd.load_frombuffer(data))]
    return found


@program(cpu=True, differs={
    "1": "MXNet trips over the number's missing `encode`",
    "2": "MXNet hands the text to its reader of bytes",
})  # fmt: skip
def what_save_takes(mx, ctx):
    one = mx.nd.ones((2,))
    bad = {
        "tuple": (one, one), "number": 3, "numpy": np.ones(2), "list of numpy": [np.ones(2)], "None": None,
        "keys": {1: one}, "values": {"a": np.ones(2)}, "nested": [[one]], "mixed": [one, 3],
    }  # fmt: skip
    with scratch():
        found = {name: outcome(lambda b=b: mx.nd.save("f", b)) for name, b in bad.items()}
        return [found, outcome(lambda: mx.nd.save(3, one)), outcome(lambda: mx.nd.load_frombuffer("text"))]


@program(cpu=True)
def old_records(mx, ctx):
    """V0 and V1 as MXNet below 1.0 wrote them, also from a GPU; V2 with a GPU's context."""
    load = mx.nd.load_frombuffer
    x = numbers(2, 3)
    whole = np.arange(4).astype(np.int32)
    return {
        "v0": shown(load(container(record(x, 0), record(whole, 0, 4), names=[b"arg:w", b"aux:m"]))),
        "v1": shown(load(container(record(x, 0xF993FAC8)))),
        "mixed": shown(load(container(record(x, 0), record(x, 0xF993FAC8), record(x)))),
        "gpu v0": shown(load(container(record(x, 0, context=(2, 3))))),
        "gpu v2": shown(load(container(record(x, context=(2, 1))))),
        "pinned": shown(load(container(record(x, context=(3, 0))))),
        "codes": shown(load(container(*[
            record(np.arange(3).astype(t), code=c)
            for c, t in enumerate(("f4", "f8", "f2", "u1", "i4", "i1", "i8", "?"))
        ]))),
    }  # fmt: skip


@program(cpu=True, differs={
    "more bytes": "what stands after the end is damage: refused",
    "names twice": "one array would be lost without a word: refused",
})  # fmt: skip
def bytes_refused(mx, ctx):
    load = mx.nd.load_frombuffer
    sound = container(record(numbers(2)), names=[b"a"])
    cases = {
        "sound": sound,
        "nothing": b"",
        "big-endian": struct.pack(">QQQ", 0x112, 0, 0) + bytes(8),
        "text": b'{"nodes": []}' * 3,
        "magic": struct.pack("<Q", 0x113) + sound[8:],
        "cut header": sound[:20],
        "cut record": sound[:40],
        "cut values": sound[:60],
        "cut names": sound[:-1],
        "more bytes": sound + b"x",
        "names twice": container(record(numbers(2)), record(numbers(2)), names=[b"a", b"a"]),
        "names too few": container(record(numbers(2)), record(numbers(2)), names=[b"a"]),
    }
    return {name: outcome(lambda d=d: len(load(d))) for name, d in cases.items()}


@program(cpu=True)
def short_floats(mx, ctx):
    """bfloat16, in the file the upper halves of float32: MXNet keeps the type, here it is float32 at once."""
    halves = (numbers(2, 5).view(np.uint32) >> 16).astype(np.uint16)
    loaded = mx.nd.load_frombuffer(container(record(halves, code=12), record(numbers(3))))
    return [a.astype("float32").asnumpy() for a in loaded]


@program(cpu=True)
def shapes_of_numpy(mx, ctx):
    """np-shape mode writes V3: scalars and arrays without elements; each kind fails in the other mode."""
    with scratch():
        mx.nd.save("outside", [mx.nd.ones((2,))])
        with mx.util.np_shape(True):
            mx.nd.save("inside", {"s": mx.nd.ones(()) * 3, "e": mx.nd.zeros((0, 3)), "v": mx.nd.ones((2,))})
            within = [shown(mx.nd.load("inside")), outcome(lambda: len(mx.nd.load("outside")))]
        with open("inside", "rb") as stream:
            data = stream.read()
        return [data, within, outcome(lambda: len(mx.nd.load("inside")))]


# --- 3: checkpoints ---
@program(cpu=True)
def names_of_checkpoints(mx, ctx):
    """Four digits at least; keys with their kind before the first colon; other kinds are left alone."""
    x = mx.sym.Variable("x")
    one = mx.nd.ones((1,))
    with scratch(), logged() as messages:
        for epoch in (0, 3, 9999, 10000, 123456):
            mx.model.save_checkpoint("ck", epoch, x, {"a:b": one}, {"m": one})
        files = sorted(os.listdir("."))
        args, aux = mx.model.load_checkpoint("ck", 123456)[1:]
        mx.nd.save("other-0001.params", {"arg:a": one, "aux:b": one, "opt:c": one, "arg:": one})
        x.save("other-symbol.json")
        other = [sorted(d) for d in mx.model.load_checkpoint("other", 1)[1:]]
        mx.nd.save("empty-0001.params", {})
        x.save("empty-symbol.json")
        empty = mx.model.load_checkpoint("empty", 1)[1:]
        return [files, sorted(args), sorted(aux), other, list(empty), messages]


@program(cpu=True, differs={"": "MXNet fails to split the name; here a name without a kind is left alone"})
def names_without_a_kind(mx, ctx):
    with scratch():
        mx.sym.Variable("x").save("other-symbol.json")
        mx.nd.save("other-0001.params", {"arg:a": mx.nd.ones((1,)), "d": mx.nd.ones((1,))})
        return outcome(lambda: sorted(mx.model.load_checkpoint("other", 1)[1]))


@program(cpu=True, differs={
    "": "an attribute error of MXNet's own code; ours says that the file holds arrays without names"
})  # fmt: skip
def checkpoint_of_a_list(mx, ctx):
    with scratch():
        mx.sym.Variable("x").save("list-symbol.json")
        mx.nd.save("list-0001.params", [mx.nd.ones((1,))])
        return outcome(lambda: mx.model.load_checkpoint("list", 1))
