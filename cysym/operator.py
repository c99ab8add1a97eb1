"""Operators written in Python: `CustomOp` computes, `CustomOpProp` describes, `register` names it.

On the CPU the arrays handed over lie in the program's own memory. On an OpenCL device they are NDArrays of
that device: ``asnumpy()`` brings them to the host and `assign` takes results back.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from . import absent
from .base import MXNetError
from .context import Context
from .ops.custom import PROPERTIES
from .ops.schema import all_ops

P = TypeVar("P", bound="type[CustomOpProp]")

__all__ = ["CustomOp", "CustomOpProp", "get_all_registered_operators", "register"]


class CustomOp:
    """The computation of one node; made by `CustomOpProp.create_operator` for known shapes."""

    def forward(
        self, is_train: int, req: list[str], in_data: list[Any], out_data: list[Any], aux: list[Any]
    ) -> None:
        """Compute `out_data` from `in_data` through `assign`."""
        raise NotImplementedError(f"{type(self).__name__}.forward")

    def backward(
        self,
        req: list[str],
        out_grad: list[Any],
        in_data: list[Any],
        out_data: list[Any],
        in_grad: list[Any],
        aux: list[Any],
    ) -> None:
        """Compute `in_grad` through `assign`."""
        raise NotImplementedError(f"{type(self).__name__}.backward")

    def assign(self, dst: Any, req: str, src: Any) -> None:
        """Put `src` into `dst` as the request says: 'null', 'write', 'inplace' or 'add'."""
        if req == "null":
            return
        if req in ("write", "inplace"):
            dst[:] = src
        elif req == "add":
            dst[:] += src
        else:
            raise MXNetError(f"assign: unknown request {req!r}")


class CustomOpProp:
    """What a graph asks of a custom operator: names, shapes, types.

    Parameters
    ----------
    need_top_grad
        Whether `CustomOp.backward` reads head gradients; False for losses.
    """

    def __init__(self, need_top_grad: bool = True) -> None:
        self.need_top_grad_ = need_top_grad

    def infer_shape(self, in_shape: list[list[int]]) -> tuple[Any, ...]:
        """(input shapes, output shapes[, auxiliary shapes]); default: everything like the first input."""
        return in_shape, (in_shape[0],) * len(self.list_outputs()), ()

    def infer_type(self, in_type: list[Any]) -> tuple[Any, ...]:
        """Element types like `infer_shape`; default: everything like the first input."""
        return (
            in_type,
            [in_type[0]] * len(self.list_outputs()),
            [in_type[0]] * len(self.list_auxiliary_states()),
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

    @staticmethod
    def _context(device: Any) -> Context:
        """The context of a device; the graph below knows devices only."""
        return Context("cpu" if device.kind == "cpu" else "gpu", device.index)


def register(reg_name: str) -> Callable[[P], P]:
    """Decorator naming a `CustomOpProp` for `mx.sym.Custom` and `mx.nd.Custom`; a second one replaces the
    first."""

    def enter(prop_cls: P) -> P:
        if not (isinstance(prop_cls, type) and issubclass(prop_cls, CustomOpProp)):
            raise TypeError(f"register: expected a subclass of CustomOpProp, got {prop_cls!r}")
        PROPERTIES[reg_name] = prop_cls
        return prop_cls

    return enter


def get_all_registered_operators() -> list[str]:
    """Names of every operator, aliases included."""
    return sorted(all_ops())


for _name in ("infer_storage_type", "infer_storage_type_backward"):
    setattr(CustomOpProp, _name, absent.member(f"operator.CustomOpProp.{_name}"))
absent.explain(sys.modules[__name__])
