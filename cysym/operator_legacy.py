"""Python operators of MXNet's first generation: `NumpyOp` and `NDArrayOp`, one object being one operator.

A `PythonOp` describes itself and computes; calling it makes a symbol around that very object, as a node of
kind `_Native` or `_NDArray` that below runs as a custom operator. A symbol saved to a file names the object,
but cannot hold it. New code uses `mx.operator.CustomOp`.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from typing import Any, ClassVar
from weakref import WeakValueDictionary

import numpy as np

from .base import MXNetError
from .ndarray import NDArray
from .ndarray.access import host_view, on_host
from .ops.custom import Custom
from .ops.schema import OpDef

_LIVE: WeakValueDictionary[str, PythonOp] = WeakValueDictionary()  # by the text that stands in a symbol


class PythonOp:
    """What both kinds share: an object with the methods below, turned into a symbol by calling it.

    Parameters
    ----------
    need_top_grad
        Whether `backward` reads head gradients; False for losses.
    """

    _node: ClassVar[type[_Node] | None] = None

    def __init__(self, need_top_grad: bool = True) -> None:
        self.info_: str | None = None
        self.need_top_grad_ = need_top_grad
        warnings.warn("PythonOp has been deprecated. Please use CustomOp", stacklevel=2)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Same as `get_symbol`."""
        return self.get_symbol(*args, **kwargs)

    def get_symbol(self, *args: Any, **kwargs: Any) -> Any:
        """The operator applied to symbols, by position or by name; ``name=`` and attributes as elsewhere.

        Raises
        ------
        NotImplementedError
            This is no `NumpyOp` and no `NDArrayOp`.
        """
        if self._node is None:
            raise NotImplementedError("derive from mx.operator.NumpyOp or mx.operator.NDArrayOp")
        from .symbol import _call

        if self.info_ is None:
            self.info_ = os.urandom(8).hex()
        _LIVE[self.info_] = self
        params = {"info": self.info_}
        if isinstance(self, NumpyOp):
            params["need_top_grad"] = str(self.need_top_grad())
        return _call(self._node, self._node.name, args, {**params, **kwargs})

    def forward(self, in_data: list[Any], out_data: list[Any]) -> None:
        """Write `out_data` in place; default: a copy of the first input."""
        out_data[0][:] = in_data[0]

    def backward(
        self, out_grad: list[Any], in_data: list[Any], out_data: list[Any], in_grad: list[Any]
    ) -> None:
        """Write `in_grad` in place; default: ones."""
        in_grad[0][:] = 1.0

    def infer_shape(self, in_shape: list[list[int]]) -> tuple[Any, Any]:
        """(input shapes, output shapes); default: one output like the first input."""
        return in_shape, [in_shape[0]]

    def list_outputs(self) -> list[str]:
        """Names of the outputs."""
        return ["output"]

    def list_arguments(self) -> list[str]:
        """Names of the inputs."""
        return ["data"]

    def need_top_grad(self) -> bool:
        """Whether `backward` reads head gradients."""
        return self.need_top_grad_

    def _calls(self) -> tuple[Callable[..., None], Callable[..., None]]:
        """`forward` and `backward` as a custom operator's are called."""
        raise NotImplementedError


class NumpyOp(PythonOp):
    """An operator whose `forward` and `backward` get NumPy arrays and write into them.

    On the CPU they show the program's own memory; on an OpenCL device they are copies, and what was written
    to outputs goes back afterwards. A loss (``need_top_grad=False``) gets an empty list of head gradients.
    """

    def __init__(self, need_top_grad: bool = True) -> None:
        super().__init__(need_top_grad)
        warnings.warn("NumpyOp has been deprecated. Please use CustomOp", stacklevel=2)

    def _calls(self) -> tuple[Callable[..., None], Callable[..., None]]:
        def forward(in_data: list[NDArray], out_data: list[NDArray], **more: Any) -> None:
            _on_host(self.forward, {"in_data": in_data}, {"out_data": out_data})

        def backward(
            out_grad: list[Any], in_data: list[NDArray], out_data: list[NDArray], in_grad: list[NDArray],
            **more: Any,
        ) -> None:  # fmt: skip
            heads = [g for g in out_grad if g is not None]
            read = {"out_grad": heads, "in_data": in_data, "out_data": out_data}
            _on_host(self.backward, read, {"in_grad": in_grad})

        return forward, backward


class NDArrayOp(PythonOp):
    """An operator whose `forward` and `backward` get NDArrays and write into them.

    A head gradient that `declare_backward_dependency` leaves out is None.
    """

    def __init__(self, need_top_grad: bool = True) -> None:
        super().__init__(need_top_grad)
        warnings.warn("NDArrayOp has been deprecated. Please use CustomOp", stacklevel=2)

    def declare_backward_dependency(
        self, out_grad: list[int], in_data: list[int], out_data: list[int]
    ) -> list[int]:
        """What `backward` reads, of the numbers given; see `CustomOpProp.declare_backward_dependency`."""
        return [*(out_grad if self.need_top_grad() else ()), *in_data, *out_data]

    def _calls(self) -> tuple[Callable[..., None], Callable[..., None]]:
        def forward(in_data: list[NDArray], out_data: list[NDArray], **more: Any) -> None:
            self.forward(in_data=in_data, out_data=out_data)

        def backward(
            out_grad: list[Any], in_data: list[NDArray], out_data: list[NDArray], in_grad: list[NDArray],
            **more: Any,
        ) -> None:  # fmt: skip
            self.backward(out_grad=out_grad, in_data=in_data, out_data=out_data, in_grad=in_grad)

        return forward, backward


def _on_host(
    function: Callable[..., None], read: Mapping[str, list[NDArray]], written: Mapping[str, list[NDArray]]
) -> None:
    """Call `function` with NumPy arrays; what it writes reaches the arrays of `written`."""
    shown = {
        name: [host_view(a) if on_host(a) else a.asnumpy() for a in arrays]
        for name, arrays in (*read.items(), *written.items())
    }
    results = {name: list(shown[name]) for name in written}
    function(**shown)
    for name, arrays in written.items():
        for i, (array, values) in enumerate(zip(arrays, results[name])):
            now = shown[name][i] if i < len(shown[name]) else values
            if now is not values and not (isinstance(now, np.ndarray) and np.may_share_memory(now, values)):
                raise MXNetError(
                    f"{name}[{i}] was replaced by {type(now).__name__} instead of being written into; "
                    f"use {name}[{i}][:] = ..."
                )
            if not on_host(array):
                array[:] = values


class _Computing:
    """The custom operator behind a node; made for each executor, though the user's object is one."""

    def __init__(self, op: PythonOp) -> None:
        self.forward, self.backward = op._calls()


class _Described:
    """A `PythonOp` as a custom operator is asked about itself."""

    def __init__(self, op: PythonOp) -> None:
        self.op = op
        self.list_arguments, self.list_outputs = op.list_arguments, op.list_outputs

    def list_auxiliary_states(self) -> list[str]:
        return []

    def infer_shape(self, in_shape: list[list[int]]) -> tuple[Any, ...]:
        inputs, outputs = self.op.infer_shape(in_shape)
        return inputs, outputs

    def infer_type(self, in_type: list[Any]) -> tuple[list[Any], list[Any]]:
        known = next((kind for kind in in_type if kind is not None), None)
        return [known] * len(in_type), [known] * len(self.list_outputs())

    def declare_backward_dependency(
        self, out_grad: list[int], in_data: list[int], out_data: list[int]
    ) -> list[int]:
        if isinstance(self.op, NDArrayOp):
            return self.op.declare_backward_dependency(out_grad, in_data, out_data)
        return out_grad if self.op.need_top_grad() else []

    def create_operator(self, ctx: Any, in_shapes: Any, in_dtypes: Any) -> _Computing:
        return _Computing(self.op)


class _Node(Custom):
    """The operator of a node made of a `PythonOp`."""

    @classmethod
    def make(cls, attrs: Mapping[str, Any]) -> OpDef:
        op = _LIVE.get(attrs["info"])
        if op is None:
            raise MXNetError(f"operator {cls.name}: the Python object it was made of is gone")
        return cls.around(type(op).__name__, _Described(op), (attrs["info"],))


class _Native(_Node):
    pass


class _NDArray(_Node):
    pass


# Names given here are not entered among the operators: no file and no call makes such a node.
_Native.name, _NDArray.name = "_Native", "_NDArray"
NumpyOp._node, NDArrayOp._node = _Native, _NDArray

__all__ = ["NDArrayOp", "NumpyOp", "PythonOp"]
