"""`autograd.Function`: a user's forward and backward in Python as one recorded node.

Both run at once, unrecorded, on arrays. `tape` gives the node its place, `backprop` calls it back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .._core import Node, Scope, is_recording
from ..base import MXNetError
from ..ops.schema import Backward
from . import imperative, tape

if TYPE_CHECKING:
    from ..passes.gradient import GradContext
    from .ndarray import NDArray


class Function:
    """Base of functions with a gradient of their own.

    Subclass it with ``forward(self, *inputs)`` and ``backward(self, *output_grads)``, where the latter
    returns one array for each input; `save_for_backward` hands arrays over as ``self.saved_tensors``. Each
    instance is called once. Its gradient has no gradient. (MXNet: autograd.Function)
    """

    _used = False
    saved_tensors: tuple[NDArray, ...] = ()

    def save_for_backward(self, *args: NDArray) -> None:
        """Keep arrays for `backward`, where they are ``self.saved_tensors``."""
        self.saved_tensors = args

    def forward(self, *inputs: NDArray) -> Any:
        """Outputs: an array or a tuple of them."""
        raise NotImplementedError

    def backward(self, *output_grads: NDArray) -> Any:
        """Gradients of the inputs, one array each."""
        raise NotImplementedError

    def __call__(self, *inputs: NDArray) -> Any:
        """Run `forward`, and record it where recording is on.

        Raises
        ------
        MXNetError
            This instance was called before, or `forward` gave no arrays.
        """
        from .ndarray import NDArray

        if self._used:
            raise MXNetError(
                "Each Function instance can only be called once. Please create another instance."
            )
        for a in inputs:
            if not isinstance(a, NDArray):
                raise TypeError(f"{type(self).__name__} takes NDArrays, got {type(a)}")
        self._used = True
        with Scope(False, None):
            made = self.forward(*inputs)
        outputs = list(made) if isinstance(made, (list, tuple)) else [made]
        for a in outputs:
            if not isinstance(a, NDArray):
                raise MXNetError(f"{type(self).__name__}.forward must return NDArrays, got {type(a)}")
        if not is_recording() or not any(tape.is_recorded(a) for a in inputs):
            return made
        # arrays of their own: forward may have given back an input, or one array twice, or saved one
        outputs = [tape.bare(a) for a in outputs]
        tape.attach(_FunctionOp.of(self, inputs, outputs), inputs, outputs)
        return outputs[0] if isinstance(made, NDArray) else type(made)(outputs)


class _FunctionOp(tape.PythonOp):
    """A function that was called."""

    function: Function
    n_in: int
    n_out: int

    @classmethod
    def of(cls, function: Function, inputs: Sequence[Any], outputs: Sequence[Any]) -> _FunctionOp:
        self = cls.__new__(cls)
        self.function, self.n_in, self.n_out, self.values = function, len(inputs), len(outputs), {}
        self.key = (cls, self.n_in, self.n_out)
        return self

    def input_names(self) -> tuple[str, ...]:
        return tuple(f"arg{i}" for i in range(self.n_in))

    def output_names(self) -> tuple[str, ...]:
        return tuple(f"output{i}" for i in range(self.n_out))

    def release(self) -> None:
        self.function.saved_tensors = ()

    def gradient(self, g: GradContext) -> list[Any]:
        op = _FunctionBackward.of(self, self.input_names())
        node = Node(op, op.name, (*(g.ograd(k) for k in range(self.n_out)), *g.ins))
        node.like, node.origin = tuple(g.ins), g.node
        return [(node, i) for i in range(self.n_in)]

    def __repr__(self) -> str:
        return type(self.function).__name__


class _FunctionBackward(Backward, tape.PythonOp):
    """Calls the user's ``backward``; its own gradient is refused.

    It stands behind the inputs as well, which the user's code may have saved: else their gradients would be
    left out in silence.
    """

    forward: _FunctionOp

    def input_names(self) -> tuple[str, ...]:
        return tuple(f"ograd{k}" for k in range(self.forward.n_out)) + self.forward.input_names()

    def run(self, inputs: list[NDArray], likes: Sequence[Any]) -> list[NDArray]:
        from .ndarray import NDArray

        function = self.forward.function
        label = f"{type(function).__name__}.backward"
        with Scope(False, None):
            made = function.backward(*[tape.bare(a) for a in inputs[: self.forward.n_out]])
        grads = list(made) if isinstance(made, (list, tuple)) else [made]
        if len(grads) != self.forward.n_in:
            raise MXNetError(f"{label} must return {self.forward.n_in} NDArrays, got {len(grads)}")
        results = []
        for i, (g, spec) in enumerate(zip(grads, likes, strict=True)):
            if not isinstance(g, NDArray):
                raise MXNetError(f"{label} must return NDArrays, got {type(g)} for input {i}")
            if g.shape != spec[0]:
                raise MXNetError(f"{label}: gradient of input {i} has shape {g.shape}, expected {spec[0]}")
            own = imperative.empty(*_place(spec))
            results.append(tape.bare(g).copyto(own))
        return results


def _place(spec: Any) -> tuple[Any, Any, Any]:
    shape, code, context = spec
    return shape, context, code


__all__ = ["Function"]
