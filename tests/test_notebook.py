"""What objects show in a notebook: well-formed, escaped, bounded, and true to the plan or the values."""

from __future__ import annotations

import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest

import cysym as mx
from cysym.drawing.notebook import MOST_NODES, array_html
from cysym.drawing.plan import MOST_BLOCKS, headline, plan_svg
from cysym.passes.plan import Lifetime, Plan

S: Any = mx.sym
SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = '<script>alert("1")</script>&amp;\x00\'"-->'


def parsed(shown: Any) -> ET.Element:
    """What an object shows, which must be well-formed and refer to nothing."""
    text = shown if isinstance(shown, str) else shown._repr_html_()
    root = ET.fromstring(f"<body>{text}</body>")
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags <= {
        "body",
        "div",
        "p",
        "pre",
        "table",
        "tr",
        "th",
        "td",
        "svg",
        "g",
        "rect",
        "path",
        "text",
        "title",
    }
    for element in root.iter():
        assert not any(key.startswith("on") or key in ("href", "src") for key in element.attrib)
    return root


def cells(root: ET.Element) -> list[list[str]]:
    return [[cell.text or "" for cell in row] for row in root.iter("tr")]


def words(root: ET.Element) -> str:
    return "\n".join(root.itertext())


def lenet() -> Any:
    net = S.Convolution(S.Variable("data"), kernel=(5, 5), num_filter=8, name="conv")
    net = S.Pooling(
        S.Activation(net, act_type="tanh", name="tanh"), kernel=(2, 2), stride=(2, 2), name="pool"
    )
    return S.SoftmaxOutput(S.FullyConnected(net, num_hidden=10, name="fc"), name="softmax")


# --- symbols ------------------------------------------------------------------------------------------------
def test_a_symbol_shows_its_graph() -> None:
    root = parsed(lenet())
    assert len(list(root.iter(f"{SVG}svg"))) == 1
    boxes = [text.text for text in root.iter(f"{SVG}text")]
    assert {"data", "conv", "tanh", "pool", "fc", "softmax", "softmax_label"} <= set(boxes)


def test_groups_and_single_variables_show_themselves() -> None:
    assert "alone" in words(parsed(S.Variable("alone")))
    assert {"a", "b"} <= set(words(parsed(S.Group([S.Variable("a"), S.sin(S.Variable("b"))]))).split("\n"))


@pytest.mark.parametrize("length", [MOST_NODES - 1, MOST_NODES, 5000])
def test_large_graphs_become_a_table(length: int) -> None:
    net = S.Variable("data")
    for _ in range(length):
        net = S.tanh(net)
    text = net._repr_html_()
    root = parsed(text)
    if length < MOST_NODES:
        assert len(list(root.iter(f"{SVG}g"))) == length + 2
    else:
        assert cells(root) == [["operator", "nodes"], ["tanh", str(length)]]
        assert f"{length + 1} nodes and {length} edges are too many for a picture here" in words(root)
        assert "Inputs: data" in words(root)
        assert len(text) < 2000


def test_graphs_of_long_edges_become_a_table_quickly() -> None:
    """Every node reads all before it: few nodes, but a picture would take minutes."""
    nodes = [S.Variable("data")]
    for _ in range(120):
        nodes.append(S.add_n(*nodes))
    begun = time.perf_counter()
    root = parsed(nodes[-1])
    assert time.perf_counter() - begun < 5
    assert not list(root.iter(f"{SVG}svg"))
    assert ["add_n", "119"] in cells(root) or ["add_n", "120"] in cells(root)


# --- plans --------------------------------------------------------------------------------------------------
def bars(root: ET.Element) -> list[tuple[dict[str, float], str]]:
    """Geometry and tooltip of each bar."""
    found = []
    for rect in root.iter(f"{SVG}rect"):
        tip = rect.find(f"{SVG}title")
        if tip is not None and tip.text:
            found.append(({key: float(rect.attrib[key]) for key in ("x", "y", "width", "height")}, tip.text))
    return found


@pytest.mark.parametrize("request_", ["null", "write"])
def test_a_plan_is_drawn_as_it_is(request_: str) -> None:
    plan = lenet().plan(grad_req=request_, data=(4, 1, 12, 12))
    root = parsed(plan)
    assert headline(plan) in words(root)
    found = bars(root)
    assert sorted(tip.split("\n")[0] for _, tip in found) == sorted(t.name for t in plan.timeline)
    # Bars that live together never cover each other, as the blocks they stand for.
    for i, (one, _) in enumerate(found):
        for other, _ in found[:i]:
            apart = (
                one["x"] + one["width"] <= other["x"] + 0.11
                or other["x"] + other["width"] <= one["x"] + 0.11
                or one["y"] + one["height"] <= other["y"] + 0.41
                or other["y"] + other["height"] <= one["y"] + 0.41
            )
            assert apart
    executor = lenet().simple_bind(mx.cpu(), data=(4, 1, 12, 12), grad_req=request_)
    assert len(bars(parsed(executor.plan))) == len(executor.plan.timeline)


def test_a_plan_without_memory_says_so() -> None:
    plan = S.sin(S.Variable("x")).plan(grad_req="null", x=(3,))
    assert "no memory is needed beyond arguments and outputs" in words(parsed(plan))
    assert ET.fromstring(plan_svg(plan)).tag == f"{SVG}svg"


def test_hostile_names_of_blocks_are_text() -> None:
    timeline = [Lifetime(HOSTILE, 1 << 20, 0, 3, 0, 0, HOSTILE), Lifetime("b", 64, 1, 2, 1, 0, HOSTILE)]
    plan = Plan(peak=1 << 20, lower_bound=1 << 20, naive=2 << 20, timeline=timeline)
    root = parsed(plan)
    assert HOSTILE.replace("\x00", "\ufffd") in bars(root)[0][1]
    assert "chunk 1 of" in words(root)


def test_plans_of_many_blocks_draw_the_largest() -> None:
    count = MOST_BLOCKS + 10
    blocks = [Lifetime(f"t{i}", 64 * (i + 1), i, i + 1, 0, 64 * i, "cpu(0)") for i in range(count)]
    root = parsed(Plan(peak=1, lower_bound=1, naive=1, timeline=blocks))
    assert len(bars(root)) == MOST_BLOCKS
    assert f"the {MOST_BLOCKS} largest of {count} blocks are drawn" in words(root)
    assert not any(tip.startswith("t3\n") for _, tip in bars(root))


# --- arrays -------------------------------------------------------------------------------------------------
def test_small_arrays_show_every_value(ctx: Any) -> None:
    array = mx.nd.array([[1.5, -2, np.nan], [np.inf, 1e-9, 123456789]], ctx=ctx)
    root = parsed(array)
    assert cells(root) == [["1.5", "-2", "nan"], ["inf", "1e-09", "1.23457e+08"]]
    assert f"NDArray 2\u00d73, float32 @{ctx}" in words(root)


@pytest.mark.parametrize("dtype", ["float16", "float64", "uint8", "int8", "int32", "int64", "bool"])
def test_arrays_of_all_types(dtype: str) -> None:
    root = parsed(mx.nd.array([[0, 1]], dtype=dtype))
    assert cells(root) == [["False", "True"] if dtype == "bool" else ["0", "1"]]
    assert dtype in words(root)


def test_long_axes_are_cut_in_the_middle() -> None:
    values = np.arange(2000).reshape(40, 50)
    found = cells(parsed(mx.nd.array(values, dtype="int32")))
    assert [len(row) for row in found] == [9] * 9
    assert found[0] == ["0", "1", "2", "3", "\u2026", "46", "47", "48", "49"]
    assert found[4] == ["\u22ee"] * 9
    assert found[8][0] == "1950"
    line = cells(parsed(mx.nd.arange(0, 1000000)))
    assert line == [["0", "1", "2", "3", "\u2026", "999996", "999997", "999998", "999999"]]


def test_arrays_of_more_axes_show_as_text() -> None:
    root = parsed(mx.nd.zeros((2, 3, 4)))
    assert "NDArray 2\u00d73\u00d74" in words(root)
    assert (root.findtext(".//pre") or "").count("0.") == 24
    assert len(array_html(mx.nd.zeros((30, 40, 50)))) < 3000


def test_arrays_without_values_or_axes() -> None:
    with mx.np_shape(True):
        assert "NDArray 0\u00d73" in words(parsed(mx.nd.zeros((0, 3))))
        scalar = mx.nd.zeros(())
        assert cells(parsed(scalar)) == [["0"]]
        assert "NDArray (), float32" in words(parsed(scalar))


def test_showing_an_array_leaves_no_trace_on_the_tape() -> None:
    array = mx.nd.array([1.0, 2.0])
    array.attach_grad()
    with mx.autograd.record():
        out = array * array
        assert "4" in words(parsed(out))
    out.backward()
    np.testing.assert_array_equal(array.grad.asnumpy(), [2, 4])


# --- executors and names ------------------------------------------------------------------------------------
def test_an_executor_lists_its_arrays(ctx: Any) -> None:
    executor = lenet().simple_bind(ctx, data=(4, 1, 12, 12), grad_req={"conv_weight": "write"})
    root = parsed(executor)
    rows = cells(root)
    assert rows[0] == ["", "name", "shape", "type", "context"]
    assert rows[1] == ["output", "softmax_output", "4\u00d710", "float32", str(ctx)]
    assert ["argument + gradient", "conv_weight", "8\u00d71\u00d75\u00d75", "float32", str(ctx)] in rows
    assert ["argument", "data", "4\u00d71\u00d712\u00d712", "float32", str(ctx)] in rows
    assert "Executor, 7 arrays. Memory plan: peak" in words(root)


def test_executors_of_many_arrays_are_cut() -> None:
    net = S.add_n(*[S.Variable(f"x{i}") for i in range(100)])
    rows = cells(parsed(net.simple_bind(mx.cpu(), **{f"x{i}": (1,) for i in range(100)})))
    assert len(rows) == 25
    assert rows[-1][1] == "x99"


def test_hostile_names_are_text() -> None:
    net = S.FullyConnected(S.Variable(HOSTILE), num_hidden=3, name="<b>" + HOSTILE, no_bias=True)
    shapes = {HOSTILE: (2, 5)}
    parsed(net)
    parsed(net.plan(**shapes))
    assert any("script" in row[1] for row in cells(parsed(net.simple_bind(mx.cpu(), **shapes))))
    for _ in range(MOST_NODES):
        net = S.tanh(net)
    assert "<script>" in words(parsed(net))
    assert len(parsed(S.Variable("x" * 100_000)).findtext(f".//{SVG}text") or "") < 100


def test_nothing_of_it_is_imported_before_a_notebook_asks() -> None:
    code = "import sys, cysym; print([m for m in sys.modules if 'viz' in m or m == 'colorsys'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_ipython_shows_them() -> None:
    formatters = pytest.importorskip("IPython.core.formatters")
    show = formatters.DisplayFormatter().format
    net = lenet()
    for shown in (net, mx.nd.zeros((2, 3)), net.plan(data=(4, 1, 12, 12))):
        data, _ = show(shown)
        assert data["text/html"] == shown._repr_html_()
