"""lower: graph nodes become kernel calls. Holds `LowerContext`, all that an operator's `lower` may use.

What an operator sees: named inputs and outputs as tensors, `call`, `alias`, temporaries. It never sees a
device's API, memory addresses or the grad_req of its outputs: those belong to the program around it.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from typing import Any, Literal

from ..base import MXNetError, ShapeError
from ..dtypes import CODES, SIZES
from ..ops.schema import OpDef
from .ir import MAX_BYTES, Buffer, Call, Dynamic, Tensor, dense_strides, num_elements, short

Need = Literal["dense", "batch", "blocked", "any"]
HALF, FLOAT = CODES["float16"], CODES["float32"]


def widened(dtype: int) -> int:
    """The element type a kernel without float16 computes in."""
    return FLOAT if dtype == HALF else dtype


class LowerContext:
    """One node being lowered.

    Attributes
    ----------
    op
        The operator (its parameters are its attributes).
    is_train
        Lowering for a training run.
    """

    def __init__(
        self,
        op: OpDef,
        name: str,
        node: int,
        ins: dict[str, Tensor],
        outs: dict[str, Tensor],
        device: Any,
        is_train: bool,
        emit: Callable[[Call], None],
        new_buffer: Callable[[str, int, Any], Buffer],
        random_state: Callable[[Any], Tensor],
        is_pinned_output: Callable[[Tensor], bool],
        read: frozenset[str] | None = None,
    ) -> None:
        self.op, self.name, self.node, self.device, self.is_train = op, name, node, device, is_train
        self._ins, self._outs = ins, outs
        self._append = emit
        self._ops, self._is_once = (op,), op.is_random or op.is_callback
        self._new_buffer, self._random_state = new_buffer, random_state
        self._is_placed = is_pinned_output
        self._after: list[Call] = []
        self.shared: dict[Any, Any] = {}  # of one executor: what this node's forward leaves for its backward
        self.changing: frozenset[Buffer] = frozenset()  # memory that will change: copied instead of aliased
        self._read: Container[str] = outs if read is None else read
        self._widen = not op.half and any(t.dtype == HALF for t in (*ins.values(), *outs.values()))
        self._wide: dict[str, Tensor] = {}
        self._wide_out: dict[str, Tensor] = {}  # a gradient is called like the input it belongs to

    def _emit(self, call: Call) -> None:
        """Every call tells its operator; those of a random one and of a user's are skipped by a replay, casts
        and copies of what they made included."""
        call.ops = self._ops
        if self._is_once:
            call.once = True
        self._append(call)

    # --- operands -------------------------------------------------------------------------------------------
    def input(self, name: str, need: Need = "dense", dtype: int | None = None) -> Tensor:
        """Input `name` (auxiliary states included) as a tensor; copied first if it lies worse than `need`
        asks.

        ``"dense"``: row-major without gaps; ``"batch"``: each sample dense, samples may lie apart (see
        `Tensor.batch_stride`); ``"blocked"``: as ``"batch"``, or in layout nChw16c (ask `Tensor.layout`);
        ``"any"``: arbitrary strides. `dtype` (a code) inserts a cast.
        """
        t = self._ins[name]
        if self._widen and t.dtype == HALF:
            t = self._wide_input(name, t)
        if t.layout and need != "blocked":
            t = self.plain(t)
        if dtype is not None and dtype != t.dtype:
            out = self.temp(t.shape, dtype)
            self.cast(out, t)
            return out
        if _fits(t, need):
            return t
        out = self.temp(t.shape, t.dtype)
        self.copy(out, t)
        return out

    def _wide_input(self, name: str, t: Tensor) -> Tensor:
        """A float32 copy of a float16 input, made once; one the operator writes to is written back."""
        if name not in self._wide:
            wide = self._wide[name] = self.temp(t.shape, FLOAT)
            self.cast(wide, t)
            if any(name in names for names in self.op.mutates.values()):
                self._after.append(self._cast_call(t, wide))
        return self._wide[name]

    def inputs(self, need: Need = "dense") -> list[Tensor]:
        """All inputs in order."""
        return [self.input(n, need) for n in self._ins]

    def has(self, name: str) -> bool:
        """Whether the node has this input."""
        return name in self._ins

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of any input or output of the node, outputs nobody reads included."""
        tensors = self._ins if name in self._ins else self._outs
        return tensors[name].shape

    def wants(self, name: str) -> bool:
        """Whether this output exists and somebody reads it (of a `Backward`: this gradient is asked for)."""
        return name in self._read

    def output(self, name: str = "output", need: Need = "dense") -> Tensor:
        """Output to write. Where it was placed inside another tensor in a way `need` excludes, a temporary is
        handed out and copied to its place afterwards. An output nobody reads is a temporary, too."""
        if name not in self._outs:
            raise MXNetError(f"operator {self.op!r} of node {self.name} has no output {name!r}")
        t = self._outs[name]
        if self._widen and t.dtype == HALF:
            if name not in self._wide_out:
                self._wide_out[name] = self.temp(t.shape, FLOAT)
                self._after.append(self._cast_call(t, self._wide_out[name]))
            return self._wide_out[name]
        if _fits(t, need):
            return t
        tmp = self.temp(t.shape, t.dtype)
        copy = _reorder_call("reorder_blocked", t, tmp, self.device) if t.layout else None
        self._after.append(copy or _copy_call(t, tmp, self.device, (self.name,)))
        return tmp

    def plain(self, t: Tensor) -> Tensor:
        """The tensor in row-major order: itself, or a copy of one that lies in channel blocks."""
        if not t.layout:
            return t
        out = self.temp(t.shape, t.dtype)
        self._emit(_reorder_call("reorder_plain", out, t, self.device))
        return out

    def temp(self, shape: tuple[int, ...], dtype: int) -> Tensor:
        """Memory that lives from the first to the last call of this node that names it."""
        nbytes = num_elements(shape) * SIZES[dtype]
        return Tensor(self._new_buffer("arena", nbytes, self.device), shape, dtype)

    def persistent(self, shape: tuple[int, ...], dtype: int) -> Tensor:
        """Memory that keeps its content from run to run of this program (packed weights)."""
        nbytes = num_elements(shape) * SIZES[dtype]
        return Tensor(self._new_buffer("persistent", nbytes, self.device), shape, dtype)

    def is_argument(self, t: Tensor) -> bool:
        """Whether the tensor lies in memory the user bound: only such a tensor can guard a call."""
        return t.buffer.kind == "external"

    def random_state(self) -> Tensor:
        """The device's random state (1024 Mersenne twisters), read and written by random kernels."""
        return self._random_state(self.device)

    def dynamic(self, param: str, index: int = -1) -> Dynamic:
        """A scalar parameter (or item `index` of a tuple) whose value is read at each run; goes among
        `floats`."""
        value = self.op.values[param]
        return Dynamic(self.node, param, float(value if index < 0 else value[index]), index)

    # --- calls ----------------------------------------------------------------------------------------------
    def call(
        self,
        kernel: str,
        outs: Sequence[Tensor],
        ins: Sequence[Tensor],
        ints: Sequence[int] = (),
        floats: Sequence[float | Dynamic] = (),
        *,
        items: int,
        cost: float = 1.0,
        work: Sequence[Tensor] = (),
        inplace: Sequence[tuple[int, int]] = (),
        dtype: int | str | None = None,
        guard: Tensor | None = None,
        once: bool = False,
        mutates: bool = False,
        source: Any = None,
    ) -> None:
        """Launch `kernel`. See `Call` for the meaning of the arguments; `dtype` defaults to the first
        output's.

        A tensor the kernel both reads and writes stands among `outs` AND `ins`. Every pointer handed to the
        kernel is the tensor's first element; strides, where they matter, go into `ints` in elements.
        """
        if items == 0:
            return
        d = outs[0].dtype if dtype is None else dtype
        self._emit(
            Call(
                kernel,
                d if isinstance(d, str) else short(d),
                list(outs),
                list(ins),
                [int(i) for i in ints],
                list(floats),
                int(items),
                float(cost),
                self.device,
                list(work),
                list(inplace),
                guard,
                once,
                mutates,
                None,
                (self.name,),
                source,
            )
        )

    def callback(self, function: Callable[..., None], outs: Sequence[Tensor], ins: Sequence[Tensor]) -> None:
        """Call Python between kernels: ``function(outs, ins)`` gets lists of NDArrays over the tensors'
        memory."""
        self._emit(
            Call(
                "callback", "any", list(outs), list(ins), [], [], 1, 1e6, self.device,
                callback=function, names=(self.name,),
            )
        )  # fmt: skip

    def alias(
        self,
        output: str,
        of: Tensor | str,
        offset: int = 0,
        strides: tuple[int, ...] | None = None,
    ) -> None:
        """Output is a view of an input: no call at all, or a copy where the output had to lie elsewhere or
        the input is a variable some node of the program writes to.

        `offset` and `strides` are bytes. The input must be dense when `strides` is None and the shapes
        differ; ask for it with ``self.input(name)``.
        """
        src = self.input(of, "any") if isinstance(of, str) else of
        out = self._outs[output]
        if strides is None and out.shape == src.shape:
            strides = src.strides
        elif strides is None and not src.is_dense():
            dense = self.temp(src.shape, src.dtype)
            self.copy(dense, src)
            src = dense
        look = src.view(out.shape, offset, strides)
        if look.dtype != out.dtype:  # a float32 stand-in of a float16 input
            self.cast(out, look)
        elif self._is_placed(out) or look.buffer in self.changing:
            self.copy(out, look)
        else:
            out.buffer, out.offset, out.strides, out.layout = (
                look.buffer,
                look.offset,
                look.strides,
                look.layout,
            )

    def copy(self, dst: Tensor, src: Tensor) -> None:
        """Element-wise copy between any strides, one element type."""
        self._emit(_copy_call(dst, src, self.device, (self.name,)))

    def cast(self, dst: Tensor, src: Tensor) -> None:
        """Element-wise conversion; `src` and `dst` any strides, one shape."""
        self._emit(self._cast_call(dst, src))

    def _cast_call(self, dst: Tensor, src: Tensor) -> Call:
        ints = [dst.dtype, src.dtype, *_strided_ints(dst, src)]
        return Call("cast", "any", [dst], [src], ints, [], dst.size, 0.5, self.device, names=(self.name,))

    def zero(self, dst: Tensor) -> None:
        """Fill with zeros."""
        ints = [dst.itemsize, *_strided_ints(dst)]
        self._emit(Call("zero", "any", [dst], [], ints, [], dst.size, 0.1, self.device, names=(self.name,)))

    def finish(self) -> None:
        """Emit the copies to outputs that were written elsewhere; called by the pass after `lower`."""
        for call in self._after:
            self._emit(call)


def _fits(t: Tensor, need: Need) -> bool:
    if t.layout:
        return need == "blocked"
    return need == "any" or t.is_dense() or (need in ("batch", "blocked") and t.is_batch_dense())


def collapse(shape: tuple[int, ...], *strides: tuple[int, ...]) -> tuple[list[int], list[list[int]]]:
    """Merge neighbouring dimensions that all operands walk through without a gap, drop those of size 1.

    >>> collapse((2, 3, 4), (12, 4, 1), (0, 4, 1))
    ([2, 12], [[12, 1], [0, 1]])
    """
    dims: list[int] = []
    steps: list[list[int]] = [[] for _ in strides]
    for i, d in enumerate(shape):
        if d == 1:
            continue
        if dims and all(s[-1] == st[i] * d for s, st in zip(steps, strides, strict=True)):
            dims[-1] *= d
            for s, st in zip(steps, strides, strict=True):
                s[-1] = st[i]
        else:
            dims.append(d)
            for s, st in zip(steps, strides, strict=True):
                s.append(st[i])
    if not dims:
        return [1], [[1] for _ in strides]
    return dims, steps


STRIDED_DIMS = 6


def _strided_ints(*tensors: Tensor) -> list[int]:
    """[ndim, 6 dims, 6 strides of each tensor in elements], ndim of them used, padded in front with 1 and 0.

    The order of the dimensions is free, as every element stands alone: the first tensor's stride falls
    towards the end, and where the second tensor runs fastest along another dimension, that one comes last but
    one, so that a kernel finds the two dimensions of a transposition side by side.
    """
    dims, steps = collapse(tensors[0].shape, *(t.estrides for t in tensors))
    order = sorted(range(len(dims)), key=lambda i: -abs(steps[0][i]))
    if len(tensors) > 1 and len(order) > 2:
        fastest = min(reversed(order), key=lambda i: abs(steps[1][i]) or MAX_BYTES)
        if fastest != order[-1] and abs(steps[1][fastest]) == 1:
            order.remove(fastest)
            order.insert(-1, fastest)
    dims, steps = collapse(tuple(dims[i] for i in order), *(tuple(st[i] for i in order) for st in steps))
    if len(dims) > STRIDED_DIMS:
        raise ShapeError(
            f"a strided copy of shape {list(tensors[0].shape)} walks through {len(dims)} separate "
            f"dimensions; the limit is {STRIDED_DIMS}"
        )
    pad = STRIDED_DIMS - len(dims)
    return [len(dims), *[1] * pad, *dims, *(s for st in steps for s in [0] * pad + st)]


def _reorder_call(kernel: str, dst: Tensor, src: Tensor, device: Any) -> Call:
    """From or to blocks of 16 channels."""
    plain, blocked = (dst, src) if src.layout else (src, dst)
    channels, plane = dst.shape[1], num_elements(dst.shape[2:])
    ints = [dst.itemsize, channels, plane, plain.batch_stride(), blocked.batch_stride()]
    items = dst.shape[0] * (channels // 16)
    return Call(kernel, "any", [dst], [src], ints, [], items, plane * 5.0, device, names=(kernel,))


def _copy_call(dst: Tensor, src: Tensor, device: Any, names: tuple[str, ...]) -> Call:
    ints = [dst.itemsize, *_strided_ints(dst, src)]
    inplace = (
        [(0, 0)] if dst.strides == src.strides else []
    )  # else an element would be overwritten before it is read
    return Call("copy", "any", [dst], [src], ints, [], dst.size, 0.3, device, inplace=inplace, names=names)


__all__ = ["Call", "LowerContext", "Need", "Tensor", "collapse", "dense_strides"]
