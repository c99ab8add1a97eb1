"""Update rules that follow the gradient: SGD, NAG, Signum, SGLD, DCASGD, and MXNet's Test rule.

In the formulas g is ``clip(rescale_grad * gradient)``, w the weight, eta the learning rate of this parameter
and wd its weight decay. The numbers go to one operator per parameter, called by class: that costs a third of
a call through `mx.nd`, and less than the operators for many weights (docs/design/0011).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any

import numpy as np

from .. import ndarray as nd
from .. import random
from ..arguments import number
from ..base import MXNetError
from ..ndarray import imperative
from ..ops.adaptive import DcasgdMomUpdate, DcasgdUpdate
from ..ops.optimizer import NagStep, SgdMomUpdate, SgdUpdate, SignsgdUpdate, SignumUpdate
from ..ops.optimizer_multi import MpNagMomUpdate, MpSgdMomUpdate, MpSgdUpdate
from .base import Index, Optimizer, State, aggregation_size, zeros_like


@Optimizer.register
class SGD(Optimizer):
    """Stochastic gradient descent with momentum.

    ``m = momentum * m - eta * (g + wd * w)``, ``w += m``. Source: operators `sgd_update`, `sgd_mom_update`,
    `mp_sgd_update`, `mp_sgd_mom_update`.

    Parameters
    ----------
    momentum : float
        0 needs no state.
    lazy_update : bool
        Kept for old scripts; it matters for row-sparse gradients only, which are absent here.
    **kwargs
        Of `Optimizer`.

    Notes
    -----
    An Updater hands over `aggregate_num` parameters at once (4, or what ``MXNET_OPTIMIZER_AGGREGATION_SIZE``
    says), as in MXNet; results do not depend on it.
    """

    # MXNet's SGD keeps (momentum, float32 copy), the other way round than its base class.
    _master_position = 1

    def __init__(self, momentum: float = 0.0, lazy_update: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.momentum = number(momentum, "momentum")
        self.lazy_update = lazy_update
        self.aggregate_num = aggregation_size(4)

    def create_state(self, index: Index, weight: nd.NDArray) -> State:
        return zeros_like(weight) if self.momentum != 0.0 else None

    def update(self, index: Any, weight: Any, grad: Any, state: State) -> None:
        if not isinstance(index, list | tuple):
            index, weight, grad, state = (index,), (weight,), (grad,), (state,)
        self._descend(index, weight, grad, state, False)

    def update_multi_precision(self, index: Any, weight: Any, grad: Any, state: State) -> None:
        if not isinstance(index, list | tuple):
            index, weight, grad, state = (index,), (weight,), (grad,), (state,)
        has_master = self.multi_precision and weight[0].dtype == np.float16
        self._descend(index, weight, grad, state, has_master)

    def _descend(
        self,
        indices: Sequence[Index],
        weights: Sequence[nd.NDArray],
        grads: Sequence[nd.NDArray],
        states: Sequence[State],
        has_master: bool,
    ) -> None:
        self._update_count(indices)
        lrs, wds = self._get_lrs(indices), self._get_wds(indices)
        numbers = self._common()
        invoke = imperative.invoker.invoke
        if self.momentum > 0:
            numbers["momentum"] = float(self.momentum)
            for weight, grad, state, lr, wd in zip(weights, grads, states, lrs, wds, strict=True):
                arrays = [weight, grad, *state] if has_master else [weight, grad, state]
                numbers["lr"], numbers["wd"] = float(lr), float(wd)
                invoke(MpSgdMomUpdate if has_master else SgdMomUpdate, arrays, numbers, [weight])
            return
        for weight, grad, state, lr, wd in zip(weights, grads, states, lrs, wds, strict=True):
            arrays = [weight, grad, state[1]] if has_master else [weight, grad]
            numbers["lr"], numbers["wd"] = float(lr), float(wd)
            invoke(MpSgdUpdate if has_master else SgdUpdate, arrays, numbers, [weight])


@Optimizer.register
class ccSGD(SGD):
    """SGD under the name of a faster variant MXNet once had."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)


@Optimizer.register
class NAG(Optimizer):
    """Nesterov's accelerated gradient.

    ``m' = momentum * m - eta * (g + wd * w)``, ``w' = w + momentum * m' - eta * (g + wd * w)``, and kept is
    ``m = momentum * m - eta * (g + wd * w')``: with weight decay, the momentum holds the decay of the *new*
    weight. Nesterov's formula has the old one there; MXNet's operator overwrites the weight first, and
    parameters trained with MXNet went this way, so this optimizer does. Without momentum it is SGD.
    Source: operators `nag_mom_update` with ``out=weight``, `mp_nag_mom_update`.

    Parameters
    ----------
    momentum : float
        0 needs no state.
    **kwargs
        Of `Optimizer`.
    """

    _master_position = 1

    def __init__(self, momentum: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.momentum = number(momentum, "momentum")

    def create_state(self, index: Index, weight: nd.NDArray) -> State:
        return zeros_like(weight) if self.momentum != 0.0 else None

    def update(self, index: Index, weight: nd.NDArray, grad: nd.NDArray, state: State) -> None:
        self._step(index, weight, [weight, grad], state, NagStep, SgdUpdate)

    def update_multi_precision(
        self, index: Index, weight: nd.NDArray, grad: nd.NDArray, state: State
    ) -> None:
        if self.multi_precision and weight.dtype == np.float16 and isinstance(state, list | tuple):
            momentum, master = state
            if momentum is None:
                self._step(index, weight, [weight, grad, master], None, MpNagMomUpdate, MpSgdUpdate)
            else:
                self._step(index, weight, [weight, grad, momentum], master, MpNagMomUpdate, MpSgdUpdate)
        else:
            self.update(index, weight, grad, state)

    def _step(
        self, index: Index, weight: nd.NDArray, arrays: list[Any], more: State, with_momentum: Any, plain: Any
    ) -> None:
        """One call of one of the two operators: the first where there is one more array."""
        self._update_count(index)
        numbers = self._common()
        numbers["lr"], numbers["wd"] = float(self._get_lr(index)), float(self._get_wd(index))
        if more is None:
            imperative.invoker.invoke(plain, arrays, numbers, [weight])
            return
        if self.momentum > 0:
            numbers["momentum"] = float(self.momentum)
        imperative.invoker.invoke(with_momentum, [*arrays, more], numbers, [weight])


@Optimizer.register
class Signum(Optimizer):
    """Sign of the momentum.

    ``m = momentum * m - (1 - momentum) * (g + wd * w)``, ``w = (1 - eta * wd_lh) * w + eta * sign(m)``;
    without momentum ``w = (1 - eta * wd) * w - eta * sign(gradient)``.
    Source: Bernstein et al., arXiv 1802.04434; operators `signum_update`, `signsgd_update`.

    Parameters
    ----------
    learning_rate, momentum : float
        Momentum 0 needs no state.
    wd_lh : float
        Weight decay outside the sign (Loshchilov and Hutter, arXiv 1711.05101); with momentum only: else an
        update raises, as in MXNet.
    **kwargs
        Of `Optimizer`.
    """

    def __init__(
        self, learning_rate: float = 0.01, momentum: float = 0.9, wd_lh: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.momentum = number(momentum, "momentum")
        self.wd_lh = number(wd_lh, "wd_lh")

    def create_state(self, index: Index, weight: nd.NDArray) -> State:
        return zeros_like(weight) if self.momentum != 0.0 else None

    def update(self, index: Index, weight: nd.NDArray, grad: nd.NDArray, state: State) -> None:
        self._update_count(index)
        numbers = self._common()
        numbers["lr"], numbers["wd"] = float(self._get_lr(index)), float(self._get_wd(index))
        if state is None:
            if self.wd_lh:
                raise MXNetError(
                    f"Signum without momentum has no decay outside the sign, got wd_lh {self.wd_lh}"
                )
            imperative.invoker.invoke(SignsgdUpdate, [weight, grad], numbers, [weight])
            return
        numbers["momentum"], numbers["wd_lh"] = max(0.0, float(self.momentum)), float(self.wd_lh)
        imperative.invoker.invoke(SignumUpdate, [weight, grad, state], numbers, [weight])


@Optimizer.register
class SGLD(Optimizer):
    """Stochastic gradient Langevin dynamics: half a gradient step, then normal noise of variance eta.

    ``w -= eta / 2 * (g + wd * w)``, ``w += normal(0, sqrt(eta))``, drawn from the stream `mx.random.seed`
    sets, which is MXNet's. Source: Patterson and Teh 2013.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)

    def update(self, index: Index, weight: nd.NDArray, grad: nd.NDArray, state: State) -> None:
        self._update_count(index)
        lr = float(self._get_lr(index))
        numbers = self._common_strict()
        numbers["lr"], numbers["wd"] = lr / 2, float(self._get_wd(index))
        imperative.invoker.invoke(SgdUpdate, [weight, grad], numbers, [weight])
        noise = random.normal(0, sqrt(lr), shape=weight.shape, dtype=weight.dtype, ctx=weight.context)
        weight += noise


@Optimizer.register
class DCASGD(Optimizer):
    """Asynchronous gradient descent with delay compensation.

    ``m = momentum * m - eta * (g + wd * w + lamda * g * g * (w - previous))``, ``previous = w``, ``w += m``.
    Source: Zheng et al., arXiv 1609.08326.

    Parameters
    ----------
    momentum : float
        In MXNet 1.9.1 anything but 0 raises; here it does what the formula says.
    lamda : float
        Strength of the compensation.
    **kwargs
        Of `Optimizer`.
    """

    def __init__(self, momentum: float = 0.0, lamda: float = 0.04, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.momentum = number(momentum, "momentum")
        self.weight_previous: dict[Index, Any] = {}
        self.lamda = number(lamda, "lamda")

    def create_state(self, index: Index, weight: nd.NDArray) -> State:
        return (None if self.momentum == 0.0 else zeros_like(weight)), weight.copy()

    def update(self, index: Index, weight: nd.NDArray, grad: nd.NDArray, state: State) -> None:
        self._update_count(index)
        numbers = self._common_strict()
        numbers["lr"], numbers["wd"] = float(self._get_lr(index)), float(self._get_wd(index))
        numbers["lamda"] = float(self.lamda)
        momentum, previous = state
        if momentum is None:
            imperative.invoker.invoke(DcasgdUpdate, [weight, grad, previous], numbers, [weight])
            return
        numbers["momentum"] = float(self.momentum)
        imperative.invoker.invoke(DcasgdMomUpdate, [weight, grad, momentum, previous], numbers, [weight])


@Optimizer.register
class Test(Optimizer):
    """MXNet's rule for tests: ``w += rescale_grad * gradient``, and the state is a copy of the weight."""

    __test__ = False  # test runners collect classes of this name

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)

    def create_state(self, index: Index, weight: nd.NDArray) -> State:
        return nd.zeros(weight.shape, ctx=weight.context)

    def update(self, index: Index, weight: nd.NDArray, grad: nd.NDArray, state: State) -> None:
        weight += grad * self.rescale_grad
        state[:] = weight
