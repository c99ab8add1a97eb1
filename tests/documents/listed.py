"""The cells that cannot run as printed: why, what happens when one tries, and what makes them run.

`LISTED` is all of them; every cell that is not in it runs as printed. Mending changes as little as possible:
replacements in the cell's own text, and lines of ours behind it where it shows nothing by itself. Runs on
Python 3.8, for MXNet.
"""

from .extract import DOCUMENTS, cells_of


class Listed:
    """Why a cell is listed, and how it is mended.

    `raises` is the class of the error the cell gives as printed in MXNet 1.9.1, None where it gives none.
    `gpu` says that there is no error where there is a GPU. `replaced` are pairs of texts, `then` is code to
    run behind the cell. A command for a shell has nothing to mend (`replaced` is None).
    """

    def __init__(self, reason, raises=None, replaced=(), then="", gpu=False):
        self.reason, self.raises, self.gpu = reason, raises, gpu
        self.replaced, self.then = replaced, then

    def mended(self, text):
        """The cell's text so that it runs; None if it is no Python."""
        if self.replaced is None:
            return None
        for old, new in self.replaced:
            if old not in text:
                raise ValueError("nothing to replace: " + repr(old))
            text = text.replace(old, new)
        return text + self.then


SHELL = Listed("a command for a shell: how to install Jupyter", replaced=None)
NEEDS_GPU = "asks for a GPU without looking whether there is one"

LISTED = {
    "mail_before/1": SHELL,
    "mail_after/1": SHELL,
    "markdown/1": SHELL,
    "page/1": SHELL,
    "mail_before/15": Listed(NEEDS_GPU, "MXNetError", [("mx.gpu()", "mx.cpu()")], gpu=True),
    "page/15": Listed(NEEDS_GPU, "MXNetError", [("mx.gpu()", "mx.cpu()")], gpu=True),
    "notebook/8": Listed(
        "the print statement of Python 2; the notebook itself shows its SyntaxError",
        "SyntaxError",
        [("print 'number", "print('number"), ("outputs[0].asnumpy())", "outputs[0].asnumpy()))")],
    ),
    "notebook/9": Listed(NEEDS_GPU, "MXNetError", [("mx.gpu()", "mx.cpu()")], gpu=True),
    "notebook/11": Listed(
        "uses np, which the notebook never imports, and np.int, which NumPy dropped: it cannot be used",
        None,
        [("class Softmax", "import numpy as np\n\nclass Softmax"), ("np.int)", "int)")],
    ),
    "notebook/13": Listed(
        "a line in the prose: prev_input is not defined anywhere",
        "NameError",
        [("net = ", "prev_input = mx.sym.Variable('prev_input')\nnet = ")],
        """net.infer_shape(prev_input=(4, 3))
x = mx.nd.array([[1, 2, 3], [0, 0, 0], [3, 1, 2], [-1, 0, 4]])
label = mx.nd.array([2, 0, 1, 0])
gx, glabel = mx.nd.zeros((4, 3)), mx.nd.ones(4)
ex_custom = net.bind(mx.cpu(), {'prev_input': x, 'custom0_label': label},
                     {'prev_input': gx, 'custom0_label': glabel})
ex_custom.forward(is_train=True)
ex_custom.backward()
(gx, glabel)
""",
    ),
    "pictures/4": Listed(
        "drawn without the context, which bind never could do without",
        "TypeError",
        [("E.bind(", "E.bind(mx.cpu(), ")],
        "executor.forward()\n",
    ),
    "pictures/8": Listed(
        "the variable's name is a keyword of Python",
        "SyntaxError",
        [("in = ", "inputs = "), ("(in,", "(inputs,")],
    ),
}


def run_and_listed():
    """All cells of all documents in two lists: those that run as printed, those in `LISTED`."""
    cells = [cell for document in DOCUMENTS for cell in cells_of(document)]
    return [c for c in cells if repr(c) not in LISTED], [c for c in cells if repr(c) in LISTED]
