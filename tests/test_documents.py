"""The five documents the library is drawn from, executed: every cell shows what MXNet 1.9.1 shows for it.

`documents/extract.py` takes them apart, `documents/listed.py` says which cells cannot run as printed and
why, `documents/session.py` runs and notes, `recorded/documents.json` is MXNet's side. On an OpenCL device
the same text runs with `mx.gpu(0)` where it says `mx.cpu()`.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from documents.extract import (
    CUT,
    DOCUMENTS,
    cells_of,
    flat_page_cells,
    git_hash,
    images,
    mail_sides,
    notebook_outputs,
    page_cells,
    read,
)
from documents.listed import LISTED, run_and_listed
from documents.truth import differences, drawing, recorded
from documents.world import session
from oracle import run_mxnet

import cysym as mx

HERE = Path(__file__).parent
HAS_GPU = bool(mx.context.opencl_devices())
if importlib.util.find_spec("graphviz") is None:
    pytest.skip("the documents draw with the package graphviz", allow_module_level=True)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_cell_shows_what_mxnet_shows(document: str, ctx: Any) -> None:
    notes, wanted = session(document, str(ctx)).notes, recorded()[document]
    assert [(n["cell"], n["how"]) for n in notes] == [(w["cell"], w["how"]) for w in wanted]
    found: list[str] = []
    for got, want in zip(notes, wanted):
        listed = LISTED.get(f"{document}/{got['cell']}")
        if listed and listed.gpu and HAS_GPU and got["how"] == "printed":
            continue  # runs where MXNet's machine could not: see test_listed_cells_fail_as_in_mxnet
        found += differences(got, want, f"{document}/{got['cell']} {got['how']}")
    assert not found, "\n".join(line[:400] for line in found[:20])


def test_a_difference_is_seen() -> None:
    """The comparison itself: one change anywhere in a note is reported, in its place."""
    note = recorded()["markdown"][-1]
    assert list(differences(note, note)) == []
    view = drawing(recorded()["notebook"][4]["values"][-1]["Digraph"])
    assert (len(view["nodes"]), len(view["edges"])) == (24, 26)
    for found, wanted in (
        ({"printed": "[[1.5 2.]]"}, {"printed": "[[1.5 2.1]]"}),
        ({"printed": "[[1.5 2.]]"}, {"printed": "[[1.5] 2.]"}),
        ({"values": [1.0]}, {"values": [1.0001]}),
        ({"values": [1.0]}, {"values": [1]}),
        ({"values": [True]}, {"values": [1]}),
        ({"values": [{"list": [1]}]}, {"values": [{"tuple": [1]}]}),
        ({"names": {"a": 1}}, {"names": {"a": 1, "b": 2}}),
        ({"NDArray": ["float32", [2], [1.0, 2.0]]}, {"NDArray": ["float16", [2], [1.0, 2.0]]}),
        ({"Digraph": "graph {\n\ta [label=x]\n}"}, {"Digraph": 'graph {\n\ta [label="x y"]\n}'}),
        ({"Digraph": "graph {\n\ta -> b [label=1]\n}"}, {"Digraph": "graph {\n\ta -> c [label=1]\n}"}),
    ):
        assert list(differences(found, wanted)), (found, wanted)
        assert list(differences(wanted, found)), (found, wanted)


def test_nothing_is_dropped() -> None:
    """Every cell is run or listed, and counted in a second way: by the marks of its document."""
    run, listed = run_and_listed()
    assert len(run) + len(listed) == sum(len(cells_of(d)) for d in DOCUMENTS) == 106
    assert sorted(map(repr, listed)) == sorted(LISTED)
    before, after, _ = mail_sides()
    marks = {
        "mail_before": len(re.findall(r"^ *```", before, re.M)) / 2,
        "mail_after": len(re.findall(r"^ *```", after, re.M)) / 2,
        "markdown": len(re.findall(r"^ *```", read("markdown"), re.M)) / 2,
        "page": len(re.findall(r"<pre>", read("page"))),
        "notebook": len(re.findall(r"^In\s\[", read("notebook"), re.M))
        + read("notebook").count("=prev_input"),
        "pictures": len(images()),
    }
    assert marks == {document: len(cells_of(document)) for document in DOCUMENTS}
    for document in DOCUMENTS:
        ran = {n["cell"] for n in session(document, "cpu(0)").notes}
        python = {c.number for c in cells_of(document) if c.kind != "shell"}
        assert ran == python


def test_all_seventy_features_have_a_test() -> None:
    """Tests of `test_document_symbols.py` and `test_document_runs.py` are named after what they check."""
    found: dict[int, list[str]] = {}
    for module in ("test_document_symbols", "test_document_runs"):
        for name in vars(importlib.import_module(module)):
            numbers = re.match(r"test_((?:\d\d_)+)", name)
            for number in numbers[1].rstrip("_").split("_") if numbers else ():
                found.setdefault(int(number), []).append(name)
    assert sorted(found) == list(range(1, 71))


def test_both_sides_of_the_mail_are_whole() -> None:
    """Git's names of the two files, which the mail gives, are those of the texts rebuilt from it."""
    before, after, cut = mail_sides()
    (names,) = re.findall(r"^index (\w+)\.\.(\w+) ", read("mail"), re.M)
    assert (git_hash(before)[:7], git_hash(after)[:7]) == names
    assert after == read("markdown")
    # No code was cut: all five lines are prose.
    assert len(cut) == len(re.findall(re.escape(CUT) + "$", read("mail"), re.M)) == 5
    code = {c.line + i for c in cells_of("mail_after") for i in range(c.text.count("\n"))}
    assert not code & {place + 1 for place in cut}


def test_only_blanks_are_put_before_lines_of_the_page() -> None:
    for flat, whole in zip(flat_page_cells(), page_cells(), strict=True):
        assert [line.lstrip(" ") for line in whole.text.split("\n")] == flat.text.split("\n")
    # As they lie there, three cells do not even compile; the rebuilt ones all do.
    broken = []
    for cell in flat_page_cells()[1:]:
        try:
            compile(cell.text, repr(cell), "exec")
        except IndentationError:
            broken.append(cell.number)
    assert broken == [9, 10, 11]
    for cell in page_cells()[1:]:
        compile(cell.text, repr(cell), "exec")


@pytest.mark.parametrize("name", sorted(k for k, v in LISTED.items() if v.replaced is not None))
def test_listed_cells_fail_as_in_mxnet(name: str, ctx: Any) -> None:
    document, _, number = name.partition("/")
    pairs = [
        (got, want)
        for got, want in zip(session(document, str(ctx)).notes, recorded()[document])
        if got["cell"] == int(number)
    ]
    (printed, wanted), (mended, _) = pairs
    assert (printed["how"], mended["how"]) == ("printed", "mended")
    assert wanted["raises"] == LISTED[name].raises
    assert printed["raises"] == (None if LISTED[name].gpu and HAS_GPU else LISTED[name].raises)
    assert mended["raises"] is None
    if LISTED[name].gpu and HAS_GPU:
        assert printed["values"] == mended["values"]  # the fives the notebook shows


def test_without_a_gpu_its_cells_fail_as_in_mxnet() -> None:
    """The same where no OpenCL device is admitted, whatever this machine has."""
    names = sorted(name for name, listed in LISTED.items() if listed.gpu)
    script = (
        "import cysym as mx\nfrom documents.session import Session\n"
        f"for name in {names}:\n"
        "    document, _, number = name.partition('/')\n"
        "    notes = Session(mx, document, 'import cysym as mx').run_all().notes\n"
        "    print(name, *[n['raises'] for n in notes if n['cell'] == int(number)])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={
            **os.environ,
            "PYTHONPATH": f"{HERE}{os.pathsep}{Path(mx.__file__).parent.parent}",
            "CYSYM_OPENCL": "none",
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"{name} MXNetError None" for name in names]


def test_what_the_documents_do_on_the_device(ctx: Any) -> None:
    """Nothing slips back to the CPU: each executor's and module's arrays are on the device of the run."""
    seen = 0
    for document in DOCUMENTS:
        for names in session(document, str(ctx)).spaces:
            for name, value in names.items():
                if isinstance(value, mx.executor.Executor) and name != "ex_gpu":
                    assert {a.context for a in value.outputs + value.arg_arrays} == {ctx}, (
                        f"{document} {name}"
                    )
                    seen += 1
                elif isinstance(value, mx.mod.Module):
                    assert value.get_outputs()[0].context == ctx
                    seen += 1
    assert seen > 30


# --- what the notebook itself shows -------------------------------------------------------------------------
def _drawn(source: str) -> str:
    """A drawing as the notebook's text has it: the words of its nodes and edges, in the order of the SVG."""
    view = drawing(source)
    labels = {name: attributes["label"] for name, attributes in view["nodes"]}
    words = ["plot"]
    edges = list(view["edges"])
    for name, label in labels.items():
        words += [name, *label.split("\n")]
        for a, b, attributes in [e for e in edges if e[0] == name]:
            words += [f"{a}->{b}", attributes["label"]]
    return " ".join(w for w in words if w)


def test_the_notebook_shows_what_it_shows() -> None:
    """The outputs stored in the notebook (MXNet 1.0.0), where neither NumPy's nor MXNet's version shows."""
    shown = notebook_outputs()
    notes = {(n["cell"], n["how"]): n for n in session("notebook", "cpu(0)").notes}
    space = dict(zip(notes, session("notebook", "cpu(0)").spaces))
    assert shown[1] == "({a}, {b}, {c})".format(**{k: repr(space[1, "printed"][k]) for k in "abc"})
    for cell in (2, 3, 4, 5):
        assert sorted(_drawn(notes[cell, "printed"]["values"][-1]["Digraph"]).split()) == sorted(
            shown[cell].split()
        )
    assert shown[6] == repr(space[6, "printed"]["group"].list_outputs())
    assert shown[7] == repr(
        {
            part: dict(zip(space[7, "printed"][f"{short}_name"], space[7, "printed"][f"{short}_shape"]))
            for part, short in (("input", "arg"), ("output", "out"))
        }
    )
    assert shown[8].endswith("SyntaxError: invalid syntax")
    assert notes[8, "printed"]["raises"] == "SyntaxError"
    for cell, name in ((9, "mended"), (15, "printed")):
        numbers = [float(n) for n in re.findall(r"\d\.", shown[cell])]
        assert notes[cell, name]["values"][-1]["ndarray"][2] == numbers
    assert shown[10].replace("10000", "10901") == notes[10, "printed"]["printed"] + "True"
    assert notes[10, "printed"]["values"] == [True]
    assert shown[14] + "\n" == notes[14, "printed"]["printed"]


def test_recorded_is_what_mxnet_says_today(tmp_path: Path) -> None:
    """Where there is an MXNet, the file is what it says."""
    script = (
        f"import sys; sys.path[:0] = [{str(HERE)!r}, {str(HERE / 'recorded')!r}]\n"
        "import pathlib, record_documents\n"
        f"record_documents.HERE = pathlib.Path({str(tmp_path)!r})\n"
        "record_documents.main()\n"
    )
    run_mxnet("-c", script, cwd=tmp_path)
    assert (tmp_path / "documents.json").read_text() == (HERE / "recorded" / "documents.json").read_text()
