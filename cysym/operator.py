"""Operators written in Python: `CustomOp` computes, `CustomOpProp` describes, `register` names it.

On the CPU the arrays handed over lie in the program's own memory. On an OpenCL device they are NDArrays of
that device: ``asnumpy()`` brings them to the host and `assign` takes results back. They belong to the call:
memory kept beyond it stays readable, but later nodes compute in it. What was before `CustomOp` is in
`operator_legacy`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from . import absent
from .base import MXNetError
from .operator_legacy import NDArrayOp, NumpyOp, PythonOp
from .ops.custom import PROPERTIES
from .ops.schema import all_ops

P = TypeVar("P", bound="type[CustomOpProp]")

__all__ = [
    "CustomOp", "CustomOpProp", "NDArrayOp", "NumpyOp", "PythonOp", "get_all_registered_operators",
    "register",
]  # fmt: skip


class CustomOp:
    """The computation of one node; made by `CustomOpProp.create_operator` for known shapes, one object for
    each executor and each call of `mx.nd.Custom`."""

    def forward(
        self, is_train: int, req: list[str], in_data: list[Any], out_data: list[Any], aux: list[Any]
    ) -> None:
        """Compute `out_data` from `in_data` through `assign`; called with these names.

        Parameters
        ----------
        is_train
            1 in training, 0 otherwise.
        req
            How each output is to be assigned: 'write', or 'null' where nobody reads it.
        in_data, out_data, aux
            NDArrays: inputs, outputs, auxiliary states (which may be written).
        """
        raise NotImplementedError(f"{type(self).__name__} has no method forward")

    def backward(
        self,
        req: list[str],
        out_grad: list[Any],
        in_data: list[Any],
        out_data: list[Any],
        in_grad: list[Any],
        aux: list[Any],
    ) -> None:
        """Compute `in_grad` through `assign`; called with these names.

        Parameters
        ----------
        req
            How each gradient is to be assigned: 'write', or 'null' where nobody asked for it. Under
            ``grad_req='add'`` the graph adds what was written.
        out_grad
            Head gradients, zeros of an output nobody used; None where the class declares that it reads none.
        in_data, out_data, in_grad, aux
            NDArrays: inputs and outputs as forward left them, gradients, auxiliary states.
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no method backward; put mx.sym.BlockGrad behind an operator "
            "without a gradient"
        )

    def assign(self, dst: Any, req: str, src: Any) -> None:
        """Put `src` (an NDArray, a NumPy array, a number) into `dst` as the request says: 'null', 'write',
        'inplace' or 'add'."""
        if req == "null":
            return
        if req in ("write", "inplace"):
            dst[:] = src
        elif req == "add":
            dst[:] += src
        else:
            raise MXNetError(f"assign: unknown request {req!r}; expected null, write, inplace or add")


class CustomOpProp:
    """What a graph asks of a custom operator: names, shapes, types.

    Parameters
    ----------
    need_top_grad
        Whether `CustomOp.backward` reads head gradients; False for losses.
    """

    need_top_grad_: bool = True  # of a subclass that does not call this one's __init__

    def __init__(self, need_top_grad: bool = True) -> None:
        self.need_top_grad_ = need_top_grad

    def infer_shape(self, in_shape: list[list[int]]) -> tuple[Any, ...]:
        """(input shapes, output shapes[, auxiliary shapes]); default: everything like the first input.

        A shape that is not known yet is ``[]``. While that of the first input is not, whatever this method
        raises only means that nothing follows.
        """
        return in_shape, (in_shape[0],) * len(self.list_outputs()), ()

    def infer_type(self, in_type: list[Any]) -> tuple[Any, ...]:
        """Element types like `infer_shape`, None where unknown; default: everything like the first input."""
        first = in_type[0]
        return (
            [first if kind is None else kind for kind in in_type],
            [first] * len(self.list_outputs()),
            [first] * len(self.list_auxiliary_states()),
        )

    def list_arguments(self) -> list[str]:
        """Names of the inputs."""
        return ["data"]

    def list_outputs(self) -> list[str]:
        """Names of the outputs."""
        return ["output"]

    def list_auxiliary_states(self) -> list[str]:
        """Names of the auxiliary states."""
        return []

    def declare_backward_dependency(
        self, out_grad: Sequence[int], in_data: Sequence[int], out_data: Sequence[int]
    ) -> list[int]:
        """What backward reads, of the numbers given; without any of `out_grad` the operator is a loss, whose
        backward gets None for each. Inputs and outputs stay available whatever is said."""
        return [*(out_grad if self.need_top_grad_ else ()), *in_data, *out_data]

    def create_operator(self, ctx: Any, in_shapes: Any, in_dtypes: Any) -> CustomOp:
        """The `CustomOp` for known shapes, on device `ctx`; `in_dtypes` are MXNet's numbers of element types
        (0 is float32)."""
        return CustomOp()


def register(reg_name: str) -> Callable[[P], P]:
    """Decorator naming a `CustomOpProp` for `mx.sym.Custom` and `mx.nd.Custom`; a second one replaces the
    first in symbols made from then on.

    Raises
    ------
    TypeError
        `reg_name` is no text, or what is decorated no subclass of `CustomOpProp`.
    """
    if not isinstance(reg_name, str):
        raise TypeError(f"register: expected the name of the operator, got {reg_name!r}")

    def enter(prop_cls: P) -> P:
        if not (isinstance(prop_cls, type) and issubclass(prop_cls, CustomOpProp)):
            raise TypeError(f"register: expected a subclass of CustomOpProp, got {prop_cls!r}")
        PROPERTIES[reg_name] = prop_cls
        return prop_cls

    return enter


register("custom_op")(CustomOpProp)


def get_all_registered_operators() -> list[str]:
    """Names of every operator, aliases included."""
    return sorted(all_ops())


for _name in ("infer_storage_type", "infer_storage_type_backward"):
    setattr(CustomOpProp, _name, absent.member(f"operator.CustomOpProp.{_name}"))
absent.explain(sys.modules[__name__])
