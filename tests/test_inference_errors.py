"""Errors of inference say which node, which line, which input, and where its value came from.

And what is found from less is never contradicted by what is found from more.
"""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from harness import Subject, load_subjects
from hypothesis import given, settings
from hypothesis import strategies as st
from test_symbol_properties import graphs

import cysym as mx
from cysym import callsite

sym = mx.sym
SUBJECTS = load_subjects()
HERE = re.escape(__file__.rpartition("/")[2])


def refused(call: Any, kind: type[Exception] = mx.base.ShapeError) -> list[str]:
    """The lines of an error."""
    with pytest.raises(kind) as caught:
        call()
    return str(caught.value).splitlines()


def line_number() -> int:
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno


# --- what an error says -------------------------------------------------------------------------------------
def small_net() -> Any:
    net = sym.Convolution(sym.Variable("data"), num_filter=8, kernel=(3, 3), name="conv1")
    net = sym.Flatten(sym.Activation(net, act_type="relu", name="r"), name="fl")
    weight = sym.Variable("w", shape=(4, 10))
    return sym.FullyConnected(net, weight=weight, num_hidden=4, name="fc")


CHAIN = [
    "  input data <- fl: (2, 288)",
    "      <- Flatten of r: (2, 8, 6, 6)",
    "      <- Activation(act_type='relu') of conv1: (2, 8, 6, 6)",
    "      <- Convolution(num_filter=8, kernel=(3, 3)) of data: (2, 3, 8, 8), given by the caller",
]
HINT = "  hint: fl has 288 features, w was made for 10: its shape must be (4, 288)"


@pytest.mark.parametrize(
    "way", ["infer_shape", "infer_shape_partial", "simple_bind", "bind", "plan", "reshape"]
)
def test_chain_of_every_input(way: str) -> None:
    net = small_net()
    shape = {"data": (2, 3, 8, 8)}
    calls: dict[str, Any] = {
        "infer_shape": lambda: net.infer_shape(**shape),
        "infer_shape_partial": lambda: net.infer_shape_partial(**shape),
        "simple_bind": lambda: net.simple_bind(mx.cpu(), **shape),
        "plan": lambda: net.plan(**shape),
        "bind": lambda: net.bind(mx.cpu(), arrays()),
        "reshape": lambda: net.simple_bind(mx.cpu(), data=(2, 10, 3, 3), w=(4, 8)).reshape(
            **shape, w=(4, 10)
        ),
    }

    def arrays() -> dict[str, Any]:
        shapes = {"data": (2, 3, 8, 8), "conv1_weight": (8, 3, 3, 3), "conv1_bias": (8,), "w": (4, 10)}
        return {n: mx.nd.zeros(s) for n, s in {**shapes, "fc_bias": (4,)}.items()}

    lines = refused(calls[way])
    start = next(i for i, line in enumerate(lines) if line.startswith("Error in operator fc: "))
    assert "Shape inconsistent, Provided = [4,10], inferred shape=[4,288]" in lines[start]
    assert re.fullmatch(
        rf"  node fc = FullyConnected\(num_hidden=4\), made at .*{HERE}:\d+", lines[start + 1]
    )
    assert lines[start + 2 : start + 6] == CHAIN
    assert lines[start + 6].startswith("  input weight <- w: (4, 10), ")
    if way in ("infer_shape", "infer_shape_partial", "simple_bind", "plan"):
        assert re.search(rf"declared by Variable\('w', shape=\(4, 10\)\), at .*{HERE}:\d+$", lines[start + 6])
    assert HINT in lines


def test_module_bind_prints_it_too() -> None:
    module = mx.mod.Module(small_net(), label_names=None)
    lines = refused(lambda: module.bind([("data", (2, 3, 8, 8))]))
    assert [line for line in lines if line in CHAIN] == CHAIN
    assert not module.binded


def test_shapes_that_come_from_behind() -> None:
    a, b, c = map(sym.Variable, "abc")
    net = sym.Group([
        sym.elemwise_add(a, b, name="first"), sym.elemwise_add(b, c, name="second"),
        sym.FullyConnected(a, num_hidden=3, name="fc"),
    ])  # fmt: skip
    lines = refused(lambda: net.infer_shape(c=(2, 3), fc_weight=(3, 7)))
    assert lines[2:5] == [
        "  input data <- a: (2, 3)",
        "      <- needed by first = elemwise_add beside b: (2, 3)",
        "      <- needed by second = elemwise_add beside c: (2, 3), given by the caller",
    ]


def test_long_chains_are_cut_in_the_middle() -> None:
    net = sym.Variable("data")
    for i in range(30):
        net = sym.tanh(net, name=f"t{i}")
    lines = refused(lambda: (net + sym.Variable("b")).infer_shape(data=(2, 3), b=(2, 4)))
    chain = [line for line in lines if line.startswith("      <- ")]
    assert len(chain) == 9
    assert chain[5] == "      <- ... 22 more steps ..."
    assert chain[-1] == "      <- tanh of data: (2, 3), given by the caller"


def test_an_output_that_was_known_is_shown() -> None:
    x = sym.Variable("x")
    net = sym.elemwise_add(sym.Reshape(x, shape=(6, 2), name="rs"), sym.Variable("y"), name="sum")
    lines = refused(lambda: net.infer_shape(y=(5, 2), x=(3, 4)))
    assert (
        lines[0] == "Error in operator sum: Incompatible attr at 1-th input (rhs): expected [6,2], got [5,2]"
    )
    split = sym.split(x, num_outputs=2, name="sp")
    lines = refused(
        lambda: sym.elemwise_add(split[0], split[1] * sym.Variable("z")).infer_shape(x=(2, 4), z=(2, 3))
    )
    assert any(line.startswith("  input lhs <- sp[1]: (2, 2)") for line in lines)


def test_a_shape_given_in_part_says_so() -> None:
    a, b, c = map(sym.Variable, "abc")
    net = sym.elemwise_add(sym.elemwise_add(a, b, name="first"), c, name="last")
    lines = refused(lambda: net.infer_shape(a=(0, 3), b=(2, 0), c=(4, 3)))
    assert lines[2:4] == [
        "  input lhs <- first: (2, 3)",
        "      <- elemwise_add of a: (2, 3), given by the caller as (?, 3) and b: (2, 3), "
        "given by the caller as (2, ?)",
    ]


def test_types_say_the_same() -> None:
    net = sym.Variable("a") + sym.Variable("b", dtype="float64")
    lines = refused(lambda: net.infer_type(a="float32"), mx.base.TypeInferenceError)
    assert lines[0].endswith("at 1-th input (rhs): expected float32, got float64")
    assert lines[2] == "  input lhs <- a: float32, given by the caller"
    assert lines[3].startswith("  input rhs <- b: float64, declared by Variable('b', dtype='float64'), at ")
    assert "cast(b, dtype='float32')" in lines[4]
    assert lines[5:] == ["infer_type error. Arguments:", "  a: float32"]


def test_imperative_calls_say_the_same() -> None:
    x, w, b = mx.nd.zeros((2, 3)), mx.nd.zeros((4, 5)), mx.nd.zeros((4,))
    lines = refused(lambda: mx.nd.FullyConnected(x, w, b, num_hidden=4))
    assert lines[1:] == [
        "  called FullyConnected(num_hidden=4)",
        "  input data: (2, 3) float32",
        "  input weight: (4, 5) float32",
        "  input bias: (4,) float32",
        "  hint: data has 3 features, weight was made for 5: its shape must be (4, 3)",
    ]


def test_what_to_give_when_too_little_is_known() -> None:
    net = sym.SoftmaxOutput(sym.FullyConnected(sym.Variable("data"), num_hidden=3, name="fc"), name="softmax")
    hint = "give data=(...); fc_weight, softmax_label may follow from it"
    assert any(hint in line for line in refused(lambda: net.simple_bind(mx.cpu())))
    with pytest.warns(UserWarning, match=re.escape(hint)):
        assert net.infer_shape() == (None, None, None)
    with pytest.warns(UserWarning, match=r"give q=\(\.\.\.\)$"):
        sym.Variable("q").infer_shape()
    with pytest.warns(UserWarning, match=r"give rhs=\(\.\.\.\)$"):
        sym.broadcast_add(sym.Variable("lhs"), sym.Variable("rhs")).infer_shape(lhs=(2, 3))


V = {n: sym.Variable(n) for n in "abcd"}
HINTS: list[tuple[Any, dict[str, Any], str]] = [
    (sym.Convolution(V["a"], V["b"], kernel=(3, 3), num_filter=8), {"a": (2, 3, 8, 8), "b": (8, 4, 3, 3)},
     "a has 3 channels (axis 1), b was made for 4"),
    (sym.Convolution(V["a"], kernel=(3, 3), num_filter=8), {"a": (2, 784)}, "shape=(-1, 1, 28, 28)"),
    (sym.Convolution(V["a"], V["b"], kernel=(3,), num_filter=8), {"a": (2, 3, 9), "b": (7, 3, 3)},
     "num_filter=8, b was made for 7"),
    (sym.Deconvolution(V["a"], V["b"], kernel=(3,), num_filter=8), {"a": (2, 3, 9), "b": (4, 8, 3)},
     "a has 3 channels (axis 1), b was made for 4"),
    (sym.FullyConnected(V["a"], V["b"], num_hidden=4), {"a": (2, 5), "b": (3, 5)},
     "as many rows of b, which has 3"),
    (V["a"] + V["b"], {"a": (2, 3), "b": (1, 3)}, "mx.sym.broadcast_add(a, b) does"),
    (sym.Concat(V["a"], V["b"], dim=1), {"a": (2, 3), "b": (3, 3)},
     "along axis 0 a has 2, b 3 (dim=0 would fit)"),
    (sym.Concat(V["a"], V["b"], dim=1), {"a": (2, 3), "b": (3,)}, "a has 2 axes, b has 1"),
    (sym.Reshape(V["a"], shape=(3, 5)), {"a": (2, 8)}, "a has 16 elements, shape=(3, 5) has 15"),
    (sym.Reshape(V["a"], shape=(3, -1)), {"a": (2, 8)}, "no multiple of 3"),
    (sym.SoftmaxOutput(V["a"], V["b"]), {"a": (4, 5), "b": (3,)}, "a has 4 rows, b has 3"),
    (sym.SoftmaxOutput(V["a"], V["b"]), {"a": (4, 5), "b": (4, 1)}, "its shape must be (4,)"),
    (sym.SoftmaxOutput(V["a"], V["b"]), {"a": (4, 5, 6), "b": (4, 6)}, "multi_output=True"),
    (sym.LinearRegressionOutput(V["a"], V["b"]), {"a": (4, 5), "b": (3, 5)}, "a has 4 rows, b has 3"),
    (sym.dot(V["a"], V["b"]), {"a": (2, 3), "b": (4, 3)}, "transpose_b=True would fit"),
    (sym.batch_dot(V["a"], V["b"]), {"a": (9, 2, 3), "b": (9, 4, 3)}, "transpose_b=True would fit"),
]  # fmt: skip


@pytest.mark.parametrize(("net", "shapes", "hint"), HINTS, ids=[f"{n.name}-{h[:12]}" for n, _, h in HINTS])
def test_hints(net: Any, shapes: dict[str, Any], hint: str) -> None:
    lines = refused(lambda: net.infer_shape(**shapes))
    assert hint in next(line for line in lines if line.startswith("  hint: "))


# --- the line that made a node ------------------------------------------------------------------------------
def place(symbol: Any) -> str:
    return callsite.text(symbol._entries[0][0].where)


def test_nodes_know_the_line_that_made_them() -> None:
    a = sym.Variable("a")
    number = line_number()
    made = [
        sym.relu(a),
        a + a,
        2 - a,
        -a,
        abs(a),
        a == a,
        a.reshape((1, 2)),
        a.sum(),
        sym.pow(a, 2),
        sym.zeros((2,)),
        sym.Variable("b"),
    ]  # fmt: skip
    assert [int(place(m).rpartition(":")[2]) for m in made] == [number + 2 + i for i in range(len(made))]
    assert all(place(m).rpartition(":")[0].endswith("test_inference_errors.py") for m in made)
    number = line_number()
    outputs, _ = mx.rnn.LSTMCell(3).unroll(2, [a, a])  # composed in the library, for this line
    assert place(outputs[1]).endswith(f"test_inference_errors.py:{number + 1}")


def test_copies_keep_the_line_and_files_do_not() -> None:
    net = sym.relu(sym.Variable("a"), name="r")
    line = place(net)
    assert place(net(a=sym.Variable("c"))) == line
    assert place(sym.load_json(net.tojson())) == ""
    loaded = sym.load_json(sym.FullyConnected(sym.Variable("a"), num_hidden=3, name="fc").tojson())
    lines = refused(lambda: loaded.infer_shape(a=(2, 3), fc_weight=(3, 4)))
    assert lines[1] == "  node fc = FullyConnected(num_hidden=3)"


def test_no_line_is_no_error() -> None:
    assert callsite.caller(10_000) is None
    assert callsite.text(None) == ""


# --- every operator -----------------------------------------------------------------------------------------
def symbol_of(subject: Subject) -> Any:
    """The case's operator over variables called after its inputs."""
    given = {name: sym.Variable(f"v_{name}") for name in subject.names}
    function = getattr(sym, subject.case.op)
    if subject.op.variadic:
        return function(*given.values(), name="node", **subject.case.params)
    return function(**given, name="node", **subject.case.params)


def damaged(shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Another rank, or one dimension that is one larger, or 1."""
    yield from (shape[:-1], (*shape, 3), (2, *shape))
    for k in range(len(shape)):
        yield (*shape[:k], shape[k] + 1, *shape[k + 1 :])
        yield (*shape[:k], 1, *shape[k + 1 :])


FIRST = [s for s in SUBJECTS if s.serial < 2 and s.names]


def check_text(subject: Subject, error: Exception, variable: str) -> None:
    lines = str(error).splitlines()
    assert lines[0].startswith("Error in operator node: "), error
    assert re.search(r"\d|must|float|int|expected", lines[0]), f"neither expected nor got: {error}"
    assert lines[1].startswith(f"  node node = {subject.op.name}"), error
    assert any(f" <- {variable}: " in line for line in lines), error


def test_wrong_shapes_of_every_operator_are_explained() -> None:
    """One input's shape damaged: inferred nevertheless, or refused in full; never another exception."""
    wrong = 0
    for subject in FIRST:
        net, arrays = symbol_of(subject), subject.arrays(subject.case.dtypes[0])
        shapes = {f"v_{name}": array.shape for name, array in arrays.items()}
        for variable, shape in shapes.items():
            for other in dict.fromkeys(damaged(shape)):
                if other and other != shape and 0 not in other:
                    try:
                        net.infer_shape_partial(**{**shapes, variable: other})
                    except mx.base.ShapeError as error:
                        wrong += 1
                        check_text(subject, error, variable)
    assert wrong > 1000


def test_wrong_types_of_every_operator_are_explained() -> None:
    wrong = 0
    for subject in FIRST:
        net, arrays = symbol_of(subject), subject.arrays(subject.case.dtypes[0])
        types = {f"v_{name}": array.dtype.name for name, array in arrays.items()}
        for variable, dtype in types.items():
            for other in {"float64", "int32", "bool", "float16"} - {dtype}:
                try:
                    net.infer_type_partial(**{**types, variable: other})
                except mx.base.TypeInferenceError as error:
                    wrong += 1
                    check_text(subject, error, variable)
    assert wrong > 1000


# --- less and more known ------------------------------------------------------------------------------------
Shape = tuple[int, ...]
# What these cannot know of a label (prelu: of gamma) they choose, as MXNet does, among shapes that fit.
CHOOSES = {
    "SoftmaxOutput",
    "LinearRegressionOutput",
    "LogisticRegressionOutput",
    "MAERegressionOutput",
    "LeakyReLU",
}


def flat(shapes: Any) -> list[Shape]:
    return [shape for group in shapes for shape in group]


def within(less: Any, more: Any) -> bool:
    """Whether all that is known in `less` is known, and the same, in `more`."""
    pairs = list(zip(flat(less), flat(more), strict=True))
    return all(
        a == () or (len(a) == len(b) and all(x in (0, y) for x, y in zip(a, b, strict=True)))
        for a, b in pairs
    )


def hidden(shapes: dict[str, Shape], rng: np.random.Generator, keep: float) -> dict[str, Shape]:
    """Some shapes gone, some with unknown dimensions."""
    found = {}
    for name, shape in shapes.items():
        chance = rng.random()
        if chance < keep:
            found[name] = shape
        elif chance < (1 + keep) / 2:
            found[name] = tuple(d if rng.random() < 0.5 else 0 for d in shape)
    return found


def revealed(less: dict[str, Shape], full: dict[str, Shape], rng: np.random.Generator) -> dict[str, Shape]:
    more = dict(less)
    for name, shape in full.items():
        if rng.random() < 0.5:
            have = more.get(name, (0,) * len(shape))
            more[name] = tuple(d if rng.random() < 0.6 else h for h, d in zip(have, shape, strict=True))
    return more


def test_every_operator_finds_no_less_from_more() -> None:
    """Partial results agree with the full one, and knowing more never finds less."""
    rng = np.random.default_rng(7)
    found_something = 0
    for subject in SUBJECTS:
        if subject.op.name in CHOOSES or not subject.names:
            continue
        net, arrays = symbol_of(subject), subject.arrays(subject.case.dtypes[0])
        shapes = {f"v_{name}": array.shape for name, array in arrays.items()}
        if any(0 in shape or not shape for shape in shapes.values()):
            continue  # 0 and () mean unknown
        full = net.infer_shape_partial(**shapes)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert net.infer_shape(**shapes) == full, subject
        for _ in range(3):
            less = hidden(shapes, rng, 0.35)
            more = revealed(less, shapes, rng)
            some, further = net.infer_shape_partial(**less), net.infer_shape_partial(**more)
            assert within(some, further), (subject, less, more)
            assert within(further, full), (subject, more)
            found_something += any(shape not in ((), *less.values()) for shape in flat(some))
    assert found_something > 500


@settings(max_examples=80, deadline=None)
@given(graphs(), st.integers(0, 2**32 - 1))
def test_graphs_find_no_less_from_more(net: Any, seed: int) -> None:
    """The same of graphs, with every variable hidden in part, parameters and states included."""
    rng = np.random.default_rng(seed)
    names = [n for n in ("v0", "v1", "v2") if n in net.list_arguments()]
    try:
        full = net.infer_shape_partial(**dict.fromkeys(names, (3, 4)))
    except mx.MXNetError:
        return  # the shapes do not fit together
    inputs = [*net.list_arguments(), *net.list_auxiliary_states()]
    if len(set(inputs)) < len(inputs):
        return
    shapes = {n: s for n, s in zip(inputs, full[0] + full[2], strict=True) if s and 0 not in s}
    less = hidden(shapes, rng, 0.4)
    more = revealed(less, shapes, rng)
    some, further = net.infer_shape_partial(**less), net.infer_shape_partial(**more)
    assert within(some, further)
    assert within(further, full)
    assert within(net.infer_shape_partial(**shapes), full)


@settings(max_examples=60, deadline=None)
@given(graphs(), st.data())
def test_types_find_no_less_from_more(net: Any, data: Any) -> None:
    names = [*net.list_arguments(), *net.list_auxiliary_states()]
    if len(set(names)) < len(names):
        return
    try:
        full = net.infer_type_partial(**dict.fromkeys(names, "float64"))
    except mx.MXNetError:
        return
    less = data.draw(st.sets(st.sampled_from(names)))
    more = less | data.draw(st.sets(st.sampled_from(names)))
    some, further = (net.infer_type_partial(**dict.fromkeys(which, "float64")) for which in (less, more))
    for a, b, c in zip(flat(some), flat(further), flat(full), strict=True):
        assert a in (None, b)
        assert b in (None, c)
