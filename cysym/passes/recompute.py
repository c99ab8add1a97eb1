"""recompute: gradients read a ReLU behind a BatchNorm by computing it again instead of keeping it.

What BatchNorm reads is saved for its own gradient anyway, and applying known statistics is one cheap pass, so
the normalised activation needs no memory between forward and backward. The numbers are the same bits: same
kernels, same inputs. Rewires gradient nodes (made for one compilation); forward nodes are shared with the
user and stay untouched.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .._core import Node
from ..ops.batchnorm import BatchNorm, BatchNormAgain
from ..ops.schema import OpDef

Entry = tuple[Node, int]
WORTHWHILE = 1 << 20  # bytes: smaller activations are not worth a launch


def _is_relu(op: OpDef | None) -> bool:
    return op is not None and (
        op.name == "relu" or (op.name == "Activation" and op.values["act_type"] == "relu")
    )


def recompute(
    forward: Sequence[Node], gradients: Sequence[Node], nbytes: Callable[[Node], int]
) -> dict[Node, float]:
    """Rewire `gradients` and return the new nodes with the place each takes in the order of creation numbers.

    `nbytes` gives the size of a node's first output.
    """
    readers: dict[Node, list[Node]] = {}
    for node in gradients:
        for src, k in node.inputs:
            if k == 0:
                readers.setdefault(src, []).append(node)
    made: dict[Node, float] = {}
    for relu in forward:
        if not _is_relu(relu.op) or relu not in readers or nbytes(relu) < WORTHWHILE:
            continue
        norm, k = relu.inputs[0]
        if k != 0 or type(norm.op) is not BatchNorm or norm.op.use_global_stats:
            continue
        x, gamma, beta = norm.inputs[:3]
        again = Node(BatchNormAgain.of(norm.op), f"{norm.name}_again", (x, (norm, 1), (norm, 2), gamma, beta))
        again.like, again.origin = ((norm, 0),), norm
        result = Node(relu.op, f"{relu.name}_again", ((again, 0),))
        result.like, result.origin = ((relu, 0),), relu
        users = list(dict.fromkeys(readers[relu]))
        first = min(user.seq for user in users)
        made[again], made[result] = first - 0.75, first - 0.5
        for user in users:
            user.inputs = tuple((result, 0) if entry == (relu, 0) else entry for entry in user.inputs)
    return made
