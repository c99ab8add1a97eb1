"""Pictures of networks: MXNet's DOT text, and SVG whose boxes and edges keep apart."""

from __future__ import annotations

import json
import os
import random
import re
import shlex
import sys
import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from markdown import ROOT, blocks

import cysym as mx
from cysym.__main__ import main
from cysym.drawing.dot import digraph_class
from cysym.drawing.graph import DrawnEdge, DrawnNode, picture
from cysym.drawing.layout import layered
from cysym.drawing.svg import render_svg
from cysym.visualization import gv_source, plot_network, svg

PICTURES = json.loads((ROOT / "tests" / "recorded" / "formats.json").read_text())["pictures"]


def recorded(name: str) -> tuple[Any, dict[str, tuple[int, ...]]]:
    """A network MXNet has drawn, and the shapes of its inputs."""
    shapes = PICTURES[name]["shape"].items()
    return mx.sym.load_json(PICTURES[name]["text"]), {key: tuple(dims) for key, dims in shapes}


def made_of(*nodes: tuple[str, str, list[list[int]]]) -> Any:
    """A symbol of (op, name, inputs)."""
    described = [{"op": op, "name": name, "inputs": inputs} for op, name, inputs in nodes]
    variables = [i for i, (op, _, _) in enumerate(nodes) if op == "null"]
    heads = [[len(nodes) - 1, 0, 0]]
    return mx.sym.load_json(json.dumps({"nodes": described, "arg_nodes": variables, "heads": heads}))


@pytest.mark.parametrize("name", PICTURES)
def test_dot_text_is_that_of_mxnet(name: str) -> None:
    symbol, shape = recorded(name)
    assert gv_source(symbol, shape=shape).rstrip() == PICTURES[name]["dot"].rstrip()


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("hide_weights", [True, False])
def test_plot_network_gives_the_same_text(name: str, hide_weights: bool) -> None:
    pytest.importorskip("graphviz")
    symbol, shape = recorded(name)
    attrs = {
        "shape": "oval",
        "fixedsize": "false",
        "tooltip": "\\N",
        "xlabel": "<<b>x</b>>",
        "comment": 'a"b',
    }
    options: dict[str, Any] = {"shape": shape, "node_attrs": attrs, "hide_weights": hide_weights}
    dot = plot_network(symbol, title="my net", save_format="png", **options)
    assert (type(dot).__name__, dot.format, dot.name) == ("Digraph", "png", "my net")
    assert dot.source == gv_source(symbol, title="my net", **options)


def test_plot_network_without_graphviz_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "graphviz", None)
    digraph_class.cache_clear()
    with pytest.raises(ImportError, match=r"pip install 'cysym\[viz\]'.*mx\.viz\.svg draws without"):
        plot_network(recorded("lenet")[0])


@pytest.fixture
def no_dot(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty folder to write to, and no programs to be found."""
    pytest.importorskip("graphviz")
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("call", ["render", "view", "pipe"])
def test_without_the_program_dot_the_error_says_what_to_do(no_dot: Path, call: str) -> None:
    import graphviz

    dot = plot_network(recorded("lenet")[0])
    where = {} if call == "pipe" else {"directory": str(no_dot)}
    with pytest.raises(graphviz.ExecutableNotFound, match=r"apt install graphviz.*mx\.viz\.svg\(symbol\)"):
        getattr(dot, call)(**where)


def test_without_the_program_dot_a_notebook_shows_the_picture(no_dot: Path) -> None:
    import graphviz

    dot = plot_network(recorded("lenet")[0])
    shown = dot._repr_mimebundle_()["text/html"]
    assert "<svg" in shown
    assert ">conv1</text>" in shown
    assert "dot was not found" in shown
    dot.node("one more")
    with pytest.raises(graphviz.ExecutableNotFound):
        dot._repr_mimebundle_()


def test_hidden_weights_and_plain_edges() -> None:
    symbol, _ = recorded("lenet")
    assert "_weight" not in gv_source(symbol)
    assert "conv1 -> conv1_weight" in gv_source(symbol, hide_weights=False)
    assert "\tconv1_weight [" not in gv_source(symbol, hide_weights=False)
    assert set(re.findall(r"-> .*label=(\S+)", gv_source(symbol))) == {'""'}
    assert "conv1_weight" in svg(symbol, hide_weights=False)


def test_too_few_shapes_and_other_things_are_refused() -> None:
    for draw in (gv_source, svg):
        with (
            pytest.raises(ValueError, match="Input shape is incomplete"),
            pytest.warns(match="Cannot decide"),
        ):
            draw(recorded("lenet")[0], shape={})
        with pytest.raises(TypeError, match="symbol must be a Symbol, got int"):
            draw(3)  # type: ignore[arg-type]
    for key in ("label", "name"):
        with pytest.raises(TypeError, match="each has a name and a label of its own"):
            gv_source(recorded("lenet")[0], node_attrs={key: "x"})


def test_equal_names_and_strange_names_stay_apart() -> None:
    symbol = made_of(
        ("null", "x", []),
        ("sin", "x", [[0, 0, 0]]),
        ("sin", "a:b", [[1, 0, 0]]),
        ("sin", 'q"\\', [[2, 0, 0]]),
        ("sin", "<b>", [[3, 0, 0]]),
    )
    view = picture(symbol)
    assert len({node.key for node in view.nodes}) == 5
    text = gv_source(symbol)
    assert 'label="a:b"' in text
    assert '"q\\"\\\\" -> node2' in text
    assert '"<b>" -> ' in text


@pytest.mark.filterwarnings("error")
def test_strange_names_reach_graphviz_unharmed() -> None:
    pytest.importorskip("graphviz")
    symbol = made_of(
        ("null", "x_weight", []),
        ("sin", "a:b", [[0, 0, 0]]),
        ("sin", "\\N<b>", [[1, 0, 0]]),
        ("sin", "node", [[2, 0, 0]]),
    )
    for hide in (True, False):
        assert plot_network(symbol, hide_weights=hide).source == gv_source(symbol, hide_weights=hide)


def test_windows_over_whole_planes_are_said_to_be_so() -> None:
    x = mx.sym.Variable("x")
    pool = mx.sym.Pooling(x, kernel=(7, 7), global_pool=True, pool_type="avg", name="p")
    assert "Pooling\navg, 7x7/1" in gv_source(pool)
    assert ">Pooling avg, global</text>" in svg(pool)


Rect = tuple[float, float, float, float]
_SVG = "{http://www.w3.org/2000/svg}"


def boxes_of(text: str) -> list[Rect]:
    """(left, top, right, bottom) of each node's box."""
    rects = [group.find(f"{_SVG}rect") for group in ET.fromstring(text).iter(f"{_SVG}g")]
    sides = [
        [float(rect.attrib[key]) for key in ("x", "y", "width", "height")]
        for rect in rects
        if rect is not None
    ]
    return [(x, y, x + width, y + height) for x, y, width, height in sides]


def points_of(path: str) -> list[tuple[float, float]]:
    """Points along a path of the commands M, V and C."""
    x = y = 0.0
    points = []
    for command, numbers in re.findall(r"([MVC])([-\d. ]+)", path):
        values = [float(number) for number in numbers.split()]
        for step in range(1, 13):
            t = step / 12
            if command == "M":
                points.append((values[0], values[1]))
            elif command == "V":
                points.append((x, y + t * (values[0] - y)))
            else:
                ways = ((x, *values[0::2]), (y, *values[1::2]))
                weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
                bend = [sum(w * p for w, p in zip(weights, way, strict=True)) for way in ways]
                points.append((bend[0], bend[1]))
        x, y = points[-1]
    return points


def check_picture(text: str, node_count: int, edge_count: int) -> None:
    """No two boxes overlap, no edge runs through a box, edges point down, everything lies in the picture."""
    boxes = boxes_of(text)
    assert len(boxes) == node_count
    for i, (left, top, right, bottom) in enumerate(boxes):
        for other in boxes[:i]:
            assert right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top
    paths = [
        path.attrib["d"] for path in ET.fromstring(text).iter(f"{_SVG}path") if "fill" not in path.attrib
    ]
    assert len(paths) == edge_count
    x, y, width, height = (float(number) for number in ET.fromstring(text).attrib["viewBox"].split())
    for path in paths:
        points = points_of(path)
        for (px, py), (_, before) in zip(points[1:], points, strict=False):
            assert py >= before - 0.2
            assert x < px < x + width
            assert y < py < y + height
            for left, top, right, bottom in boxes:
                assert not (left + 0.2 < px < right - 0.2 and top + 0.2 < py < bottom - 0.2)


@pytest.mark.parametrize("name", PICTURES)
def test_svg_keeps_boxes_and_edges_apart(name: str) -> None:
    symbol, shape = recorded(name)
    view = picture(symbol, shape)
    text = svg(symbol, shape)
    assert text == svg(symbol, shape)
    check_picture(text, len(view.nodes), len(view.edges))
    words = [word.text for word in ET.fromstring(text).iter(f"{_SVG}text")]
    assert all(node.name in words for node in view.nodes)
    if name == "inception":
        assert {"3\u00d728\u00d728", "96\u00d728\u00d728", "Convolution 3\u00d73/1\u00d71, 96"} <= set(words)


@pytest.mark.parametrize("seed", range(12))
def test_svg_of_random_graphs(seed: int) -> None:
    rng = random.Random(seed)
    count = rng.randrange(2, 40)
    nodes = [
        DrawnNode(
            str(i), rng.choice("ab") * rng.randrange(1, 50), rng.choice(["null", "f", "Concat"]), "", {}
        )
        for i in range(count)
    ]
    edges = [
        DrawnEdge(
            str(rng.randrange(max(0, i - 15), i)),
            rng.randrange(3),
            str(i),
            rng.choice(["", "1x2x3", "7" * 30]),
        )
        for i in range(1, count)
        for _ in range(rng.randrange(4))
    ]
    check_picture(render_svg(nodes, edges), len(nodes), len(edges))


def test_layout_straightens_chains_and_keeps_branches_in_order() -> None:
    # 0 feeds two branches, 1-2-3 and 4, which 5 joins.
    edges = [(0, 1), (1, 2), (2, 3), (0, 4), (3, 5), (4, 5)]
    layout = layered([(60.0, 30.0)] * 6, edges)
    assert layout.x[1] == layout.x[2] == layout.x[3] < layout.x[4]
    assert layout.x[0] == layout.x[5] == (layout.x[1] + layout.x[4]) / 2
    assert {passage[0] for passage in layout.routes[5]} == {layout.x[4]}
    assert layout.y[0] < layout.y[1] < layout.y[2] < layout.y[3] < layout.y[5]


def test_crossings_are_undone() -> None:
    layout = layered([(40.0, 30.0)] * 6, [(0, 5), (1, 4), (2, 3)])
    assert [layout.x[0], layout.x[1], layout.x[2]] == [layout.x[5], layout.x[4], layout.x[3]]


def test_targets_stand_in_the_order_of_the_outputs_they_read() -> None:
    edges, leans = [(0, 3), (0, 2), (0, 1)], [-0.3, 0.0, 0.3]
    layout = layered([(80.0, 30.0)] + [(40.0, 30.0)] * 3, edges, leans=leans)
    assert layout.x[3] < layout.x[2] < layout.x[1]
    nodes = [DrawnNode(name, name, "f", "", {}) for name in "sabc"]
    drawn = render_svg(nodes, [DrawnEdge("s", 2 - i, "abc"[i], None) for i in range(3)])
    left = [box[0] for box in boxes_of(drawn)]
    assert left[3] < left[2] < left[1]


def test_short_branches_stand_beside_the_end_of_long_ones() -> None:
    # 0-1-2-3-4 is joined in 4 by a tree of sources, 5 and 6 into 7.
    layout = layered([(40.0, 30.0)] * 8, [(0, 1), (1, 2), (2, 3), (3, 4), (5, 7), (6, 7), (7, 4)])
    assert layout.y[7] == layout.y[3]
    assert layout.y[5] == layout.y[6] == layout.y[2]
    assert not any(layout.routes)


def test_cycles_and_unknown_nodes_are_refused() -> None:
    with pytest.raises(ValueError, match="cycle: 2 nodes"):
        layered([(1.0, 1.0)] * 3, [(0, 1), (1, 2), (2, 1)])
    with pytest.raises(ValueError, match="names the node 'b', which is not in the picture"):
        render_svg([DrawnNode("a", "a", "null", "", {})], [DrawnEdge("a", 0, "b", None)])


def test_an_empty_picture_is_a_picture() -> None:
    assert ET.fromstring(render_svg([], [])).tag == f"{_SVG}svg"


def test_markup_and_control_characters_are_escaped() -> None:
    node = DrawnNode("a", '<&\x01">', "f", "", {"k": "]]>&"})
    root = ET.fromstring(render_svg([node], []))
    assert [word.text for word in root.iter(f"{_SVG}text")] == ['<&\ufffd">', "f"]
    assert [tip.text for tip in root.iter(f"{_SVG}title")] == ['<&\ufffd"> (f)\nk = ]]>&']


def test_long_chains_are_drawn_without_recursion() -> None:
    count = 3000
    nodes = [DrawnNode(str(i), f"t{i}", "tanh", "", {}) for i in range(count)]
    edges = [DrawnEdge(str(i), 0, str(i + 1), "4") for i in range(count - 1)] + [
        DrawnEdge("0", 0, str(count - 1), "4")
    ]
    boxes = boxes_of(render_svg(nodes, edges))
    assert len(boxes) == count
    assert all(above[3] < below[1] for above, below in pairwise(boxes))


def test_the_page_prints_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    """docs/howto/pictures.md: each block of Python or shell prints the text below it."""
    found = blocks(ROOT / "docs" / "howto" / "pictures.md")
    pairs = [(a, b) for a, b in pairwise(found) if a.language in ("python", "sh")]
    assert len(pairs) >= 7
    names: dict[str, Any] = {}
    here = Path.cwd()
    try:
        for code, printed in pairs:
            assert printed.language == "text"
            if code.language == "python":
                exec(compile(code.text, "pictures.md", "exec"), names)
            else:
                python, dash_m, package, *words = shlex.split(code.text)
                assert (python, dash_m, package) == ("python", "-m", "cysym")
                assert main(words) == 0
            out = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
            assert out == printed.text.rstrip("\n").splitlines()
    finally:
        os.chdir(here)
