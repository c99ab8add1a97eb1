"""Convolutional cells: ConvRNNCell, ConvLSTMCell and ConvGRUCell, whose states are images.

As the dense cells of `cells`, with two Convolutions in place of the FullyConnected layers. That of the state
is padded so that the state keeps its size.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, Final

from .. import symbol as sym
from .base import RNNParams, positive
from .gates import GRUStep, LSTMStep, PlainStep, Step
from .sequences import ops

Sizes = Sequence[int]

# The default activation; a partial function, so that cells can be pickled.
LEAKY: Final = functools.partial(ops.LeakyReLU, act_type="leaky", slope=0.2)


class BaseConvRNNCell(Step):
    """Base of the convolutional cells.

    Parameters
    ----------
    input_shape : tuple of int
        Of one step's input, the batch's size included, which is not looked at.
    num_hidden : int
        Channels of a state.
    h2h_kernel, h2h_dilate : tuple of int
        The state's convolution; the kernel's sizes must be odd.
    i2h_kernel, i2h_stride, i2h_pad, i2h_dilate : tuple of int
        The input's convolution; what it makes of the input's size is the state's size.
    i2h_weight_initializer, h2h_weight_initializer, i2h_bias_initializer, h2h_bias_initializer
        Initializer, its name, or None for the network's.
    activation : str or callable
        An `act_type` of Activation, or a function of a symbol.
    prefix : str
    params : RNNParams, optional
        Variables to share with other cells.
    conv_layout : str
        Of inputs, states and weights.

    Raises
    ------
    TypeError, ValueError
        Sizes are not as many as the input's shape has, or not positive, or one of the state's kernel is even.
    MXNetError
        The input's convolution does not fit the input.

    Source: MXNet's ``mx.rnn.BaseConvRNNCell``.
    """

    # Where a subclass does not say, as in MXNet.
    _STATES = 2

    def __init__(
        self,
        input_shape: Sizes,
        num_hidden: int,
        h2h_kernel: Sizes,
        h2h_dilate: Sizes,
        i2h_kernel: Sizes,
        i2h_stride: Sizes,
        i2h_pad: Sizes,
        i2h_dilate: Sizes,
        i2h_weight_initializer: Any,
        h2h_weight_initializer: Any,
        i2h_bias_initializer: Any,
        h2h_bias_initializer: Any,
        activation: Any,
        prefix: str = "",
        params: RNNParams | None = None,
        conv_layout: str = "NCHW",
    ) -> None:
        super().__init__(prefix, params)
        positive(self, num_hidden=num_hidden)
        self._check_sizes(
            input_shape, h2h_kernel=h2h_kernel, h2h_dilate=h2h_dilate, i2h_kernel=i2h_kernel,
            i2h_stride=i2h_stride, i2h_pad=i2h_pad, i2h_dilate=i2h_dilate,
        )  # fmt: skip
        if any(k % 2 == 0 for k in h2h_kernel):
            raise ValueError(f"{type(self).__name__}: the sizes of h2h_kernel must be odd, got {h2h_kernel}")
        self._num_hidden = num_hidden
        self._input_shape = input_shape
        self._conv_layout = conv_layout
        self._activation = activation
        channels = conv_layout.find("C")
        self._cut = {} if channels == 1 else {"axis": channels}
        self._i2h = {"kernel": i2h_kernel, "stride": i2h_stride, "pad": i2h_pad, "dilate": i2h_dilate}
        self._h2h = {
            "kernel": h2h_kernel,
            "dilate": h2h_dilate,
            "pad": tuple(d * (k - 1) // 2 for k, d in zip(h2h_kernel, h2h_dilate, strict=True)),
            "stride": (1,) * len(h2h_kernel),
        }
        probe = ops.Convolution(
            data=sym.Variable("data"), num_filter=num_hidden, layout=conv_layout, **self._i2h
        )
        shapes: Any = probe.infer_shape(data=tuple(input_shape))[1]
        self._state_shape = (0, *shapes[0][1:])
        self._params.get("i2h_weight", init=i2h_weight_initializer)
        self._params.get("h2h_weight", init=h2h_weight_initializer)
        self._params.get("i2h_bias", init=i2h_bias_initializer)
        self._params.get("h2h_bias", init=h2h_bias_initializer)

    def _check_sizes(self, input_shape: Any, **given: Any) -> None:
        """Raise TypeError or ValueError unless all sizes fit an image of the input's rank."""
        if not isinstance(input_shape, Sequence) or len(input_shape) < 3:
            raise ValueError(
                f"{type(self).__name__}: input_shape must be (batch, channels, sizes), got {input_shape!r}"
            )
        count = len(input_shape) - 2
        for name, sizes in given.items():
            if not isinstance(sizes, Sequence) or len(sizes) != count:
                raise ValueError(
                    f"{type(self).__name__}: {name} must be {count} numbers for inputs of shape "
                    f"{tuple(input_shape)}, got {sizes!r}"
                )
            if name != "i2h_pad":
                positive(self, **{name: min(sizes)})

    def _state(self) -> dict[str, Any]:
        return {"shape": self._state_shape, "__layout__": self._conv_layout}

    def _project(self, inputs: Any, state: Any, name: str) -> tuple[Any, Any]:
        get, filters = self._params.get, self._num_hidden * len(self._gate_names)
        shared: dict[str, Any] = {"num_filter": filters, "layout": self._conv_layout}
        i2h = ops.Convolution(
            data=inputs,
            weight=get("i2h_weight"),
            bias=get("i2h_bias"),
            name=name + "i2h",
            **shared,
            **self._i2h,
        )
        h2h = ops.Convolution(
            data=state,
            weight=get("h2h_weight"),
            bias=get("h2h_bias"),
            name=name + "h2h",
            **shared,
            **self._h2h,
        )
        return i2h, h2h


class ConvRNNCell(PlainStep, BaseConvRNNCell):
    """Plain recurrence over images, with one state; parameters as BaseConvRNNCell has them.

    Source: MXNet's ``mx.rnn.ConvRNNCell``.

    >>> ConvRNNCell(input_shape=(1, 3, 8, 8), num_hidden=5).state_shape
    [(0, 5, 8, 8)]
    """

    def __init__(
        self,
        input_shape: Sizes,
        num_hidden: int,
        h2h_kernel: Sizes = (3, 3),
        h2h_dilate: Sizes = (1, 1),
        i2h_kernel: Sizes = (3, 3),
        i2h_stride: Sizes = (1, 1),
        i2h_pad: Sizes = (1, 1),
        i2h_dilate: Sizes = (1, 1),
        i2h_weight_initializer: Any = None,
        h2h_weight_initializer: Any = None,
        i2h_bias_initializer: Any = "zeros",
        h2h_bias_initializer: Any = "zeros",
        activation: Any = LEAKY,
        prefix: str = "ConvRNN_",
        params: RNNParams | None = None,
        conv_layout: str = "NCHW",
    ) -> None:
        super().__init__(
            input_shape, num_hidden, h2h_kernel, h2h_dilate, i2h_kernel, i2h_stride, i2h_pad, i2h_dilate,
            i2h_weight_initializer, h2h_weight_initializer, i2h_bias_initializer, h2h_bias_initializer,
            activation, prefix, params, conv_layout,
        )  # fmt: skip


class ConvLSTMCell(LSTMStep, BaseConvRNNCell):
    """LSTM over images; parameters as BaseConvRNNCell has them.

    Source: MXNet's ``mx.rnn.ConvLSTMCell``; Shi et al., "Convolutional LSTM Network".
    """

    def __init__(
        self,
        input_shape: Sizes,
        num_hidden: int,
        h2h_kernel: Sizes = (3, 3),
        h2h_dilate: Sizes = (1, 1),
        i2h_kernel: Sizes = (3, 3),
        i2h_stride: Sizes = (1, 1),
        i2h_pad: Sizes = (1, 1),
        i2h_dilate: Sizes = (1, 1),
        i2h_weight_initializer: Any = None,
        h2h_weight_initializer: Any = None,
        i2h_bias_initializer: Any = "zeros",
        h2h_bias_initializer: Any = "zeros",
        activation: Any = LEAKY,
        prefix: str = "ConvLSTM_",
        params: RNNParams | None = None,
        conv_layout: str = "NCHW",
    ) -> None:
        super().__init__(
            input_shape, num_hidden, h2h_kernel, h2h_dilate, i2h_kernel, i2h_stride, i2h_pad, i2h_dilate,
            i2h_weight_initializer, h2h_weight_initializer, i2h_bias_initializer, h2h_bias_initializer,
            activation, prefix, params, conv_layout,
        )  # fmt: skip
        self._cut = {"axis": conv_layout.find("C")}  # always written here, as MXNet does


class ConvGRUCell(GRUStep, BaseConvRNNCell):
    """GRU over images; parameters as BaseConvRNNCell has them.

    Source: MXNet's ``mx.rnn.ConvGRUCell``, which cuts its gates along axis 1 in every layout.
    """

    def __init__(
        self,
        input_shape: Sizes,
        num_hidden: int,
        h2h_kernel: Sizes = (3, 3),
        h2h_dilate: Sizes = (1, 1),
        i2h_kernel: Sizes = (3, 3),
        i2h_stride: Sizes = (1, 1),
        i2h_pad: Sizes = (1, 1),
        i2h_dilate: Sizes = (1, 1),
        i2h_weight_initializer: Any = None,
        h2h_weight_initializer: Any = None,
        i2h_bias_initializer: Any = "zeros",
        h2h_bias_initializer: Any = "zeros",
        activation: Any = LEAKY,
        prefix: str = "ConvGRU_",
        params: RNNParams | None = None,
        conv_layout: str = "NCHW",
    ) -> None:
        super().__init__(
            input_shape, num_hidden, h2h_kernel, h2h_dilate, i2h_kernel, i2h_stride, i2h_pad, i2h_dilate,
            i2h_weight_initializer, h2h_weight_initializer, i2h_bias_initializer, h2h_bias_initializer,
            activation, prefix, params, conv_layout,
        )  # fmt: skip
