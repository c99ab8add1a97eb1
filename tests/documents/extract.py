"""Takes the five documents apart: every code cell, in order, as the text a reader would copy.

What a document's form lost is rebuilt here, each time in a way a test can judge: the unchanged lines a mail
leaves out (git's own hashes of the two files prove the result) and the indentation a web page lost. Nothing
is run or mended here; `listed.py` says which cells cannot run as printed. Runs on Python 3.8, for MXNet.
"""

import ast
import hashlib
import html
import re
from pathlib import Path

HERE = Path(__file__).resolve().parent
FILES = {
    "mail": "commit_15343.txt",
    "markdown": "symbol_1_5.md.txt",
    "page": "symbol_1_2_1.html.txt",
    "notebook": "symbol_1_0_notebook.txt",
    "pictures": "symbol_in_pictures.md.txt",
}
CUT = " [...]"  # how the mail ends a line that it cuts


class Cell:
    """A piece of code: its document, its number there from 1, what it is and where it stands.

    `kind` is "python", "shell" (a command to type) or "prose" (a line of code between paragraphs).
    """

    def __init__(self, document, number, text, kind="python", line=0):
        self.document, self.number, self.text = document, number, text
        self.kind, self.line = kind, line

    def __repr__(self):
        return f"{self.document}/{self.number}"


def read(document):
    """The text of a document as it lies here, line ends untouched."""
    return (HERE / FILES[document]).read_bytes().decode()


def git_hash(text):
    """What git calls a file with this text."""
    data = text.encode()
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def mail_sides():
    """Both sides of the commit as whole files: `(before, after, places of lines cut in the mail)`.

    A unified diff leaves out what is far from any change. Those lines are the same on both sides, and the
    tutorial of 1.5 is the file after the commit, so line numbers say where they stand in it. The same goes
    for the lines the mail cuts at 500 characters. The mail's `index` line then tells whether all is right.
    """
    mail, newest = read("mail").split("\n"), read("markdown").split("\n")
    before, after, cut = [], [], []
    at = next(i for i, line in enumerate(mail) if line.startswith("@@ "))
    while at < len(mail) and mail[at].startswith("@@ "):
        old, n_old, new, n_new = map(int, re.match(r"@@ -(\d+),(\d+) \+(\d+),(\d+) @@", mail[at]).groups())
        left_out = newest[len(after) : new - 1]
        before += left_out
        after += left_out
        if len(before) != old - 1:
            raise ValueError(f"line {at + 1} of the mail: the hunk does not follow on the last one")
        at += 1
        while n_old or n_new:
            sign, line = mail[at][:1] or " ", mail[at][1:]
            at += 1
            if line.endswith(CUT):
                cut.append(len(after))
                line = newest[len(after)]
            if sign in " -":
                before.append(line)
                n_old -= 1
            if sign in " +":
                after.append(line)
                n_new -= 1
    return "\n".join(before) + "\n", "\n".join(after) + "\n", cut


def fenced(document, text):
    """Cells of a Markdown text: its fenced blocks, also those indented under a list item."""
    cells, body, indent, start, language = [], None, "", 0, ""
    for number, line in enumerate(text.split("\n"), start=1):
        fence = re.fullmatch(r"( *)```(\w*)", line)
        if body is None and fence:
            indent, language, body, start = fence.group(1), fence.group(2), [], number + 1
        elif body is not None and fence:
            kind = "python" if language == "python" else "shell"
            cells.append(Cell(document, len(cells) + 1, "\n".join(body) + "\n", kind, start))
            body = None
        elif body is not None:
            body.append(line[len(indent) :])
    if body is not None:
        raise ValueError(f"{document}: the block at line {start} has no end")
    return cells


def flat_page_cells():
    """Cells of the web page as they lie there: markup removed, without any indentation."""
    cells, body, start, kind = [], None, 0, ""
    for number, line in enumerate(read("page").split("\n"), start=1):
        line = re.fullmatch(r"\| ?(.*?) ?\||()", line).group(1) or ""
        begin = re.match(r'<div class="highlight-(\w+)"><div class="highlight"><pre>', line)
        if begin:
            kind, body, start = ("python" if begin.group(1) == "python" else "shell"), [], number
        if body is not None and line.startswith("</pre>"):
            cells.append(Cell("page", len(cells) + 1, "\n".join(body) + "\n", kind, start))
            body = None
        elif body is not None:
            body.append(html.unescape(re.sub(r"<[^>]*>", "", line)))
    return cells


def page_cells():
    """Cells of the web page with their indentation back.

    The page (1.2.1) is an earlier state of the file the commit changed, cell for cell. A line takes the
    indentation of the next line of that file's cell with the same words; one that stands on the page alone
    starts a statement and takes none. Only blanks are put in front of lines, no text is touched.
    """
    relatives = cells_of("mail_before")
    flat = flat_page_cells()
    if [c.kind for c in flat] != [c.kind for c in relatives]:
        raise ValueError("the page and the file before the commit have other cells")
    cells = []
    for cell, relative in zip(flat, relatives):
        known, at, lines = relative.text.split("\n"), 0, []
        for line in cell.text.split("\n"):
            match = next((i for i in range(at, len(known)) if known[i].split() == line.split()), None)
            if match is None:
                lines.append(line)
            else:
                lines.append(re.match(" *", known[match]).group() + line)
                at = match + 1
        cells.append(Cell("page", cell.number, "\n".join(lines), cell.kind, cell.line))
    return cells


def notebook_cells():
    """Cells of the notebook: what follows a line `In [n]:`, and lines of code that stand in its prose.

    Two blank lines end a cell. Prose may follow behind one, though; then the paragraphs that are no Python
    do not belong to the cell.
    """
    lines = read("notebook").split("\n")
    cells, at = [], 0
    while at < len(lines):
        if re.fullmatch(r"In\s\[[\d\s]+\]:", lines[at]):
            end = at + 1
            while end < len(lines) and lines[end : end + 2] != ["", ""]:
                end += 1
            end = _without_prose(lines, at + 1, end)
            cells.append(("\n".join(lines[at + 1 : end]) + "\n", "python", at + 2))
            at = end
        else:
            if _statement(lines[at]):
                cells.append((lines[at] + "\n", "prose", at + 1))
            at += 1
    return [Cell("notebook", i, *cell) for i, cell in enumerate(cells, start=1)]


def _without_prose(lines, start, end):
    """The end of the longest run of whole paragraphs from `start` that is Python; `end` if there is none."""
    ends = [end] + [i for i in range(end - 1, start, -1) if lines[i] == ""]
    for stop in ends:
        try:
            ast.parse("\n".join(lines[start:stop]))
        except SyntaxError:
            continue
        return stop
    return end


def _statement(line):
    """Whether a line of prose is an assignment or a call."""
    try:
        body = ast.parse(line).body
    except SyntaxError:
        return False
    return bool(body) and all(
        isinstance(s, ast.Assign) or isinstance(getattr(s, "value", None), ast.Call) for s in body
    )


def notebook_outputs():
    """What the notebook shows under its cells: `{cell number: text}`, without the line `Out[n]:`."""
    lines, cells = read("notebook").split("\n"), notebook_cells()
    outputs = {}
    for cell in cells:
        if cell.kind != "python":
            continue
        at = cell.line - 1 + cell.text.count("\n")
        while at < len(lines) and not lines[at]:
            at += 1
        end = at
        # What is printed or shown has no blank line in it; prose begins behind one.
        while end < len(lines) and lines[end]:
            end += 1
        shown = lines[at:end]
        if lines[at - 1 : at] == [""] and lines[at - 2 : at - 1] == [""] and _is_output(shown):
            outputs[cell.number] = "\n".join(line for line in shown if not re.fullmatch(r"Out\[\d+\]:", line))
    return outputs


def _is_output(shown):
    starts = ("Out[", "{", '  File "<ipython-input')
    return bool(shown) and shown[0].startswith(starts)


def images():
    """Names of the pictures the fourth document shows, in order."""
    return re.findall(r"!\[.*?\]\(\S*/(\w+)\.png\)", read("pictures"))


def picture_cells():
    """The code drawn in the pictures, one cell per picture, from `pictures_code.txt` beside this file."""
    text = (HERE / "pictures_code.txt").read_text()
    named = re.findall(r"^## (\w+)$", text, re.M)
    if named != images():
        raise ValueError(f"pictures_code.txt: {named} for the pictures {images()}")
    return fenced("pictures", text)


def cells_of(document):
    """All cells of one of `DOCUMENTS`, in order."""
    return DOCUMENTS[document]()


# The mail holds two states of the tutorial; the newer is the text of 1.5.
DOCUMENTS = {
    "mail_before": lambda: fenced("mail_before", mail_sides()[0]),
    "mail_after": lambda: fenced("mail_after", mail_sides()[1]),
    "markdown": lambda: fenced("markdown", read("markdown")),
    "page": page_cells,
    "notebook": notebook_cells,
    "pictures": picture_cells,
}
