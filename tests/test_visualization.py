"""Pictures of networks: MXNet's DOT text, right counts in tables, SVG whose boxes and edges keep apart."""

from __future__ import annotations

import json
import math
import random
import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from cysym.visualization import gv_source, plot_network, print_summary, svg
from cysym.viz_graph import DrawnEdge, DrawnNode, picture
from cysym.viz_layout import layered
from cysym.viz_svg import render_svg

PICTURES = json.loads((Path(__file__).resolve().parent / "recorded" / "formats.json").read_text())["pictures"]


@dataclass
class StandIn:
    """A symbol that answers with what MXNet said."""

    recorded: dict[str, Any]
    name: str | None = None
    is_internal: bool = False

    def tojson(self) -> str:
        return str(self.recorded["text"])

    def get_internals(self) -> StandIn:
        return StandIn(self.recorded, is_internal=True)

    def __iter__(self) -> Iterator[StandIn]:
        return iter(StandIn({}, name) for name, _ in self.recorded["internals"])

    def list_arguments(self) -> list[str]:
        return list(self.recorded["arguments"])

    def list_auxiliary_states(self) -> list[str]:
        return list(self.recorded["auxiliary"])

    def infer_shape(self, **given: Any) -> Any:
        if given.keys() != self.recorded["shape"].keys():
            return None, None, None
        if self.is_internal:
            return None, [tuple(shape) for _, shape in self.recorded["internals"]], None
        return list(self.recorded["arguments"].values()), None, list(self.recorded["auxiliary"].values())

    def infer_type(self, **given: Any) -> Any:
        return None, [float for _ in self.recorded["internals"]], None


def made_of(*nodes: tuple[str, str, list[list[int]]]) -> StandIn:
    """A symbol of (op, name, inputs), each output of shape (2, 3)."""
    described = [{"op": op, "name": name, "inputs": inputs} for op, name, inputs in nodes]
    variables = {name: (2, 3) for op, name, _ in nodes if op == "null"}
    internals = [[name, (2, 3)] for _, name, _ in nodes]
    text = json.dumps({"nodes": described})
    return StandIn(
        {
            "text": text,
            "internals": internals,
            "arguments": variables,
            "auxiliary": {},
            "shape": {"x": (2, 3)},
        }
    )


@pytest.mark.parametrize("name", PICTURES)
def test_dot_text_is_that_of_mxnet(name: str) -> None:
    recorded = PICTURES[name]
    assert gv_source(StandIn(recorded), shape=recorded["shape"]).rstrip() == recorded["dot"].rstrip()


@pytest.mark.parametrize("name", PICTURES)
def test_plot_network_gives_the_same_graph(name: str) -> None:
    pytest.importorskip("graphviz")
    options: dict[str, Any] = {
        "shape": PICTURES[name]["shape"],
        "node_attrs": {"shape": "oval", "fixedsize": "false"},
    }
    options["hide_weights"] = False
    symbol = StandIn(PICTURES[name])
    dot = plot_network(symbol, title="my net", save_format="png", **options)
    assert (type(dot).__name__, dot.format, dot.name) == ("Digraph", "png", "my net")
    assert dot.source == gv_source(symbol, title="my net", **options)
    assert dot.source.count("shape=oval") == json.dumps(json.loads(PICTURES[name]["text"])["nodes"]).count(
        '"op"'
    )


def test_plot_network_without_graphviz_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "graphviz", None)
    with pytest.raises(ImportError, match=r"pip install cysym\[viz\]"):
        plot_network(StandIn(PICTURES["lenet"]))


def test_hidden_weights_and_plain_edges() -> None:
    symbol = StandIn(PICTURES["lenet"])
    assert "_weight" not in gv_source(symbol)
    assert "conv1_weight" in gv_source(symbol, hide_weights=False)
    assert set(re.findall(r"-> .*label=(\S+)", gv_source(symbol))) == {'""'}


def test_types_stand_beside_shapes() -> None:
    symbol = made_of(("null", "x", []), ("tanh", "t", [[0, 0, 0]]))
    for shape, label in (({"x": (2, 3)}, '"3(float)"'), (None, '"(float)"')):
        assert f"t -> x [label={label} " in gv_source(symbol, shape=shape, dtype={"x": "float32"})


def test_too_few_shapes_and_other_things_are_refused() -> None:
    for draw in (gv_source, svg, print_summary):
        with pytest.raises(ValueError, match="Input shape is incomplete"):
            draw(StandIn(PICTURES["lenet"]), shape={})
        with pytest.raises(TypeError, match="symbol must be a Symbol, got int"):
            draw(3)  # type: ignore[arg-type]


def test_equal_names_and_strange_names_stay_apart() -> None:
    symbol = made_of(
        ("null", "x", []),
        ("f", "x", [[0, 0, 0]]),
        ("f", "a:b", [[1, 0, 0]]),
        ("f", 'q"\\', [[2, 0, 0]]),
        ("f", "", [[3, 0]]),
    )
    view = picture(symbol, shape={"x": (2, 3)})
    assert len({node.key for node in view.nodes}) == 5
    assert [edge.label for edge in view.edges] == ["3"] * 4
    text = gv_source(symbol, shape={"x": (2, 3)})
    assert 'label="a:b"' in text
    assert '"q\\"\\\\" -> node2' in text
    assert "node4 -> " in text


@pytest.mark.filterwarnings("error")
def test_strange_names_reach_graphviz_unharmed() -> None:
    pytest.importorskip("graphviz")
    symbol = made_of(
        ("null", "x", []), ("f", "a:b", [[0, 0]]), ("f", "\\N<b>", [[1, 0]]), ("f", "node", [[2, 0]])
    )
    assert plot_network(symbol, shape={"x": (2, 3)}).source == gv_source(symbol, shape={"x": (2, 3)})


def test_a_custom_operator_is_called_by_its_type() -> None:
    text = json.dumps({"nodes": [{"op": "Custom", "name": "c0", "attrs": {"op_type": "mine"}, "inputs": []}]})
    symbol = StandIn({"text": text, "internals": [], "arguments": {}, "auxiliary": {}, "shape": {}})
    assert "label=mine" in gv_source(symbol)
    assert ">mine</text>" in svg(symbol)


def summary(
    capsys: pytest.CaptureFixture[str], symbol: Any, shape: Any
) -> tuple[dict[str, list[str]], list[str]]:
    """Rows of the table by layer (shape, count, first input), and the lines below it."""
    print_summary(symbol, shape)
    table, _, rest = capsys.readouterr().out.partition("Total params: ")
    rows = {}
    for line in table.splitlines():
        assert len(line) == 120
        if line.strip("_=") and line[:52].strip():
            rows[line[:52].strip()] = [line[52:76].strip(), line[76:88].strip(), line[88:].strip()]
    assert rows.pop("Layer (type)") == ["Output Shape", "Param #", "Previous Layer"]
    return rows, rest.strip("_\n").splitlines()


@pytest.mark.parametrize("name", PICTURES)
def test_summary_counts_each_parameter(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    recorded = PICTURES[name]
    rows, rest = summary(capsys, StandIn(recorded), recorded["shape"])
    inputs = {*recorded["shape"], "softmax_label", "labels"}
    total = sum(math.prod(dims) for key, dims in recorded["arguments"].items() if key not in inputs)
    states = sum(math.prod(dims) for dims in recorded["auxiliary"].values())
    assert total > 0
    assert rest == [str(total)] + ([f"Auxiliary states: {states}"] if states else [])
    assert sum(int(count) for _, count, _ in rows.values()) == total


def test_summary_of_lenet_and_of_shared_weights(capsys: pytest.CaptureFixture[str]) -> None:
    rows, _ = summary(capsys, StandIn(PICTURES["tied_weights"]), PICTURES["tied_weights"]["shape"])
    assert rows["fc_left(FullyConnected)"] == ["4", "12", "inputs_left"]
    assert rows["fc_right(FullyConnected)"] == ["4", "0", "inputs_right"]
    assert rows["inputs_right(null)"] == ["2", "0", ""]
    assert rows["softmax(SoftmaxOutput)"] == ["8", "0", "concat0"]
    rows, _ = summary(capsys, StandIn(PICTURES["inception"]), PICTURES["inception"]["shape"])
    assert rows["conv_in3a_3x3(Convolution)"] == ["64x28x28", "36928", "relu_in3a_3x3_reduce"]
    assert rows["bn_in3a_3x3(BatchNorm)"] == ["64x28x28", "128", "conv_in3a_3x3"]


def test_summary_without_shapes_says_that_it_does_not_know(capsys: pytest.CaptureFixture[str]) -> None:
    rows, rest = summary(capsys, StandIn(PICTURES["tied_weights"]), None)
    assert rows["fc_left(FullyConnected)"] == ["", "?", "inputs_left"]
    assert rest == ["unknown (pass shape=)"]
    with pytest.raises(ValueError, match="expected 4 positions, got 2"):
        print_summary(StandIn(PICTURES["lenet"]), positions=[0.5, 1.0])


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
    recorded = PICTURES[name]
    view = picture(StandIn(recorded), recorded["shape"])
    text = svg(StandIn(recorded), recorded["shape"])
    assert text == svg(StandIn(recorded), recorded["shape"])
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
