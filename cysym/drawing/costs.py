"""What a layer costs: multiply-adds and other arithmetic of one forward pass, by operator and shapes.

One function an operator, or a family of them; nothing is bound, run or measured here. An operator that has
none costs None, unknown, which is not 0. `cli.summary` asks this of every layer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..ops.elementwise import Elementwise
from ..ops.schema import OpDef

Dims = tuple[int, ...]
Shapes = Sequence[Dims]


@dataclass(frozen=True, slots=True)
class Cost:
    """Arithmetic of one forward pass.

    Attributes
    ----------
    multiply_adds
        Of products of matrices: convolutions, fully connected and recurrent layers, `dot` and its like. The
        sum begins at the bias, so a bias costs nothing.
    others
        All else, one for each addition, product, comparison or function (exp, tanh) of an element.
    """

    multiply_adds: int = 0
    others: int = 0

    @property
    def flops(self) -> int:
        """A multiply-add is two operations, everything else one."""
        return 2 * self.multiply_adds + self.others

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.multiply_adds + other.multiply_adds, self.others + other.others)


Rule = Callable[[Any, Shapes, Shapes], Cost]


def cost(op: OpDef, inputs: Shapes, outputs: Shapes) -> Cost | None:
    """Cost of one forward pass of an operator.

    Parameters
    ----------
    op : OpDef
        The operator with its parameters.
    inputs, outputs : sequence of shapes
        In the order of ``op.input_names()`` and ``op.output_names()``.

    Returns
    -------
    Cost or None
        None where nothing is known of the operator (`Custom`, sorting, random numbers, ...).

    Notes
    -----
    The pass is that of inference: `BatchNorm` is a factor and a summand, `Dropout` nothing. Operators that
    only move data (`Reshape`, `Concat`, `take`, `Cast`, ...) cost 0.
    """
    rule = _RULES.get(op.name)
    if rule is None and isinstance(op, Elementwise):
        rule = _elementwise
    return None if rule is None else rule(op, inputs, outputs)


def _elementwise(op: OpDef, inputs: Shapes, outputs: Shapes) -> Cost:
    return Cost(0, math.prod(outputs[0]))


def _each_output(operations: int) -> Rule:
    """So many operations for each element of the first output."""
    return lambda op, inputs, outputs: Cost(0, operations * math.prod(outputs[0]))


def _each_input(operations: int) -> Rule:
    """So many operations for each element of the first input."""
    return lambda op, inputs, outputs: Cost(0, operations * math.prod(inputs[0]))


def _sum_of_many(op: Any, inputs: Shapes, outputs: Shapes) -> Cost:
    return Cost(0, (len(inputs) - 1) * math.prod(outputs[0]))


def _convolution(op: Any, inputs: Shapes, outputs: Shapes) -> Cost:
    # Every pixel of every map of the output is one row of the weights times a window.
    return Cost(math.prod(outputs[0]) // op.num_filter * math.prod(inputs[1]))


def _deconvolution(op: Any, inputs: Shapes, outputs: Shapes) -> Cost:
    # Every pixel of the input is stamped with all its channel's weights.
    return Cost(math.prod(inputs[0]) // max(inputs[1][0], 1) * math.prod(inputs[1]))


def _fully_connected(op: Any, inputs: Shapes, outputs: Shapes) -> Cost:
    return Cost(math.prod(outputs[0]) // op.num_hidden * math.prod(inputs[1]))


def _dot(op: Any, inputs: Shapes, outputs: Shapes) -> Cost:
    inner = inputs[0][0 if op.transpose_a else -1] if inputs[0] else 1
    return Cost(math.prod(outputs[0]) * inner)


def _batch_dot(op: Any, inputs: Shapes, outputs: Shapes) -> Cost:
    return Cost(math.prod(outputs[0]) * inputs[0][-2 if op.transpose_a else -1])


def _gemm(op: Any, inputs: Shapes, outputs: Shapes) -> Cost:
    a = inputs[0]
    inner = a[op.row_axis(len(a))] if op.transpose_a else a[-1]
    # gemm adds beta * C: a product and a sum each
    return Cost(math.prod(outputs[0]) * inner, 2 * math.prod(outputs[0]) if len(inputs) == 3 else 0)


def _syrk(op: Any, inputs: Shapes, outputs: Shapes) -> Cost:
    return Cost(math.prod(outputs[0]) * inputs[0][-2 if op.transpose else -1])


def _triangular(op: Any, inputs: Shapes, outputs: Shapes) -> Cost:
    # A triangle of n (n + 1) / 2 elements meets every column (or row) of the other matrix.
    return Cost(math.prod(outputs[0]) * (inputs[0][-1] + 1) // 2)


def _scores(op: Any, inputs: Shapes, outputs: Shapes) -> Cost:
    parts = op.places["queries"][1]
    return Cost(math.prod(outputs[0]) * (inputs[0][2] // (op.heads * parts)), math.prod(outputs[0]))


def _mix(op: Any, inputs: Shapes, outputs: Shapes) -> Cost:
    return Cost(math.prod(outputs[0]) * inputs[1][2])


# By mode: gates, and operations an element of the state beyond the products.
# lstm: 5 functions, 3 products, 1 sum; gru: 3 functions, 3 products, 2 sums.
_CELLS: Final = {"rnn_relu": (1, 1), "rnn_tanh": (1, 1), "lstm": (4, 9), "gru": (3, 8)}


def _rnn(op: Any, inputs: Shapes, outputs: Shapes) -> Cost:
    steps = inputs[0][0] * inputs[0][1]
    cells = op.num_layers * (2 if op.bidirectional else 1) * op.state_size
    gates, operations = _CELLS[op.mode]
    biases = 2 * gates * cells
    return Cost(steps * (math.prod(inputs[1]) - biases), steps * cells * operations)


def _pooling(op: Any, inputs: Shapes, outputs: Shapes) -> Cost:
    if op.global_pool:
        return Cost(0, math.prod(inputs[0]))
    return Cost(0, math.prod(outputs[0]) * math.prod(op.kernel))


def _lrn(op: Any, inputs: Shapes, outputs: Shapes) -> Cost:
    # square, sum over the window, factor and summand, power, product
    return Cost(0, math.prod(outputs[0]) * (op.nsize + 4))


def _up_sampling(op: Any, inputs: Shapes, outputs: Shapes) -> Cost:
    if not op.is_bilinear:
        return Cost()
    return Cost(math.prod(inputs[0]) // max(inputs[1][0], 1) * math.prod(inputs[1]))


def _table(*rows: tuple[str, Rule]) -> dict[str, Rule]:
    return {name: rule for names, rule in rows for name in names.split()}


_RULES: Final = _table(
    ("Convolution Convolution_v1", _convolution),
    ("Deconvolution", _deconvolution),
    ("FullyConnected", _fully_connected),
    ("dot", _dot),
    ("batch_dot", _batch_dot),
    ("_linalg_gemm _linalg_gemm2", _gemm),
    ("_linalg_syrk", _syrk),
    ("_linalg_trmm _linalg_trsm", _triangular),
    ("_contrib_interleaved_matmul_selfatt_qk _contrib_interleaved_matmul_encdec_qk", _scores),
    ("_contrib_interleaved_matmul_selfatt_valatt _contrib_interleaved_matmul_encdec_valatt", _mix),
    ("RNN", _rnn),
    ("Pooling Pooling_v1", _pooling),
    ("LRN", _lrn),
    ("UpSampling", _up_sampling),
    ("add_n", _sum_of_many),
    # A factor and a summand; with ReLU a comparison, too.
    ("BatchNorm BatchNorm_v1 _contrib_SyncBatchNorm", _each_output(2)),
    ("_contrib_BatchNormWithReLU", _each_output(3)),
    # Mean, difference, square and sum, division by the root, factor and summand.
    ("LayerNorm InstanceNorm GroupNorm", _each_output(7)),
    ("L2Normalization", _each_output(3)),
    ("moments", _each_input(4)),
    # Largest, difference, exp, sum, quotient (log_softmax: the logarithm's difference instead).
    ("softmax log_softmax SoftmaxActivation SoftmaxOutput", _each_output(5)),
    ("softmin", _each_output(6)),
    ("softmax_cross_entropy", _each_input(5)),
    ("LogisticRegressionOutput", _each_output(1)),
    ("sum mean max min prod nansum nanprod argmax argmin argmax_channel _np_cumsum", _each_input(1)),
    ("norm _square_sum", _each_input(2)),
    ("_contrib_div_sqrt_dim", _each_output(1)),
    ("_contrib_quadratic", _each_output(4)),
    # Nothing is computed: data moves, changes its type, or passes through.
    (
        "Reshape Flatten expand_dims squeeze reshape_like transpose SwapAxis Concat stack _rnn_param_concat "
        "SliceChannel slice slice_axis slice_like _split_v2 Crop Pad tile repeat reverse broadcast_axis "
        "broadcast_to broadcast_like Embedding _contrib_SparseEmbedding take batch_take pick gather_nd "
        "scatter_nd one_hot where diag depth_to_space space_to_depth im2col SequenceLast SequenceMask "
        "SequenceReverse Cast amp_cast amp_multicast _copy BlockGrad MakeLoss make_loss "
        "_contrib_gradientmultiplier IdentityAttachKLSparseReg LinearRegressionOutput MAERegressionOutput "
        "SVMOutput Dropout _zeros _ones _full _arange _eye _linspace _zeros_without_dtype zeros_like "
        "ones_like shape_array size_array _contrib_arange_like _contrib_index_array "
        "_identity_with_attr_like_rhs _linalg_extractdiag _linalg_extracttrian _linalg_makediag "
        "_linalg_maketrian",
        _each_output(0),
    ),
)
