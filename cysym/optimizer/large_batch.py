"""Update rules for large batches: LAMB, LARS, LBSGD, with a learning rate for every layer.

In the formulas g is ``clip(rescale_grad * gradient)``, w the weight, eta the learning rate of this parameter,
wd its weight decay and t the number of its update, from 1. LAMB and LARS take many parameters in one operator
call, so that the norms stay on the device.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from math import sqrt
from typing import Any

import numpy as np

from .. import ndarray as nd
from ..arguments import finite, number, optional_number, text, whole
from ..ndarray import imperative
from ..ops.optimizer import SgdMomUpdate, SgdUpdate
from ..ops.optimizer_multi import (
    MpSgdMomUpdate,
    MpSgdUpdate,
    MultiLambUpdate,
    MultiMpLambUpdate,
    PreloadedMultiMpSgdMomUpdate,
    PreloadedMultiMpSgdUpdate,
    PreloadedMultiSgdMomUpdate,
    PreloadedMultiSgdUpdate,
)
from .base import Index, Optimizer, State, aggregation_size, zeros_like

_ops: Any = nd  # operator functions are made from the registry, where a type checker does not see them


@Optimizer.register
class LAMB(Optimizer):
    """Layer-wise adaptive moments.

    ``m`` and ``v`` as in Adam without weight decay, ``d = m' / (sqrt(v') + epsilon) + wd * w`` with ``m' = m
    / (1 - beta1**t)``, ``v' = v / (1 - beta2**t)`` under `bias_correction`, ``w -= eta * r * d``, ``r =
    bounded(norm(w)) / norm(d)``, 1 where a norm is 0.

    Source: You et al., arXiv 1904.00962; operators `_multi_lamb_update`, `_multi_mp_lamb_update`. An Updater
    of MXNet calls these too. Called without it for one float16 parameter, MXNet's optimizer takes
    `mp_lamb_update_phase2`, which never writes the float32 copy: such a weight makes one step and stays.
    Here it trains like any other.

    Parameters
    ----------
    learning_rate, beta1, beta2, epsilon : float
        As in the formulas.
    lower_bound, upper_bound : float, optional
        Bounds of the norm of the weight; 0 is none.
    bias_correction : bool
        As in the formulas.
    **kwargs
        Of `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: float = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-6,
        lower_bound: float | None = None,
        upper_bound: float | None = None,
        bias_correction: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.beta1 = number(beta1, "beta1")
        self.beta2 = number(beta2, "beta2")
        self.epsilon = number(epsilon, "epsilon")
        self.lower_bound = optional_number(lower_bound, "lower_bound")
        self.upper_bound = optional_number(upper_bound, "upper_bound")
        self.bias_correction = bias_correction
        self.aggregate_num = max(1, min(45, aggregation_size(45)))

    def create_state(self, index: Index, weight: nd.NDArray) -> State:
        return zeros_like(weight), zeros_like(weight)

    def update(self, index: Any, weight: Any, grad: Any, state: State) -> None:
        if not isinstance(index, list | tuple):
            index, weight, grad, state = (index,), (weight,), (grad,), (state,)
        arrays = [a for w, g, (m, v) in zip(weight, grad, state, strict=True) for a in (w, g, m, v)]
        self._step(MultiLambUpdate, index, weight, arrays)

    def update_multi_precision(self, index: Any, weight: Any, grad: Any, state: State) -> None:
        if not isinstance(index, list | tuple):
            index, weight, grad, state = (index,), (weight,), (grad,), (state,)
        if not (self.multi_precision and weight[0].dtype == np.float16):
            self.update(index, weight, grad, state)
            return
        zipped = zip(weight, grad, state, strict=True)
        arrays = [a for w, g, (master, (m, v)) in zipped for a in (w, g, m, v, master)]
        self._step(MultiMpLambUpdate, index, weight, arrays)

    def _step(
        self, rule: Any, indices: Sequence[Index], weights: Sequence[nd.NDArray], arrays: list[Any]
    ) -> None:
        self._update_count(indices)
        numbers: dict[str, Any] = {
            **self._common(),
            "learning_rates": tuple([float(lr) for lr in self._get_lrs(indices)]),
            "wds": tuple([float(wd) for wd in self._get_wds(indices)]),
            "step_count": tuple([self._index_update_count[i] for i in indices]),
            "beta1": float(self.beta1),
            "beta2": float(self.beta2),
            "epsilon": float(self.epsilon),
            "bias_correction": self.bias_correction,
        }
        if self.lower_bound:
            numbers["lower_bound"] = float(self.lower_bound)
        if self.upper_bound:
            numbers["upper_bound"] = float(self.upper_bound)
        imperative.invoker.invoke(rule, arrays, numbers, list(weights))


@Optimizer.register
class LARS(Optimizer):
    """SGD with momentum whose rate follows the norms of each layer.

    ``eta' = eta_g * lr * norm(w) / (norm(rescale_grad * gradient) + wd * norm(w) + eps)``, `lr` where a norm
    is 0 and for parameters named ``*gamma``, ``*beta``, ``*bias``; then SGD with ``eta'``. Weight decay is
    for names ending in ``_weight`` only. Source: You et al., arXiv 1708.03888; operators `multi_sum_sq`,
    `multi_lars`, `preloaded_multi_sgd_mom_update`.

    Parameters
    ----------
    momentum : float
        0 needs no state.
    lazy_update : bool
        Kept for old scripts; it matters for row-sparse gradients only, which are absent here.
    eta, eps : float
        ``eta_g`` and ``eps`` of the formula.
    momentum_correction : bool
        Scale the momentum by the change of the learning rate (arXiv 1706.02677). As in MXNet the change is
        that since the last call, and an Updater calls once for every `aggregate_num` parameters: where there
        are more, only the first of them see it.
    **kwargs
        Of `Optimizer`.
    """

    _master_position = 1
    _decayed = ("_weight",)

    def __init__(
        self,
        momentum: float = 0.0,
        lazy_update: bool = True,
        eta: float = 0.001,
        eps: float = 0,
        momentum_correction: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.momentum = number(momentum, "momentum")
        self.momentum_correction = momentum_correction
        self.lazy_update = lazy_update
        self.aggregate_num = aggregation_size(4)
        self.eta = number(eta, "eta")
        self.eps = number(eps, "eps")
        self.skip = 0
        self.last_lr: float | None = None
        self.cur_lr: float | None = None

    def create_state(self, index: Index, weight: nd.NDArray) -> State:
        return zeros_like(weight) if self.momentum != 0.0 else None

    def _get_lrs(self, indices: Sequence[Index]) -> list[float]:
        """The rates, and a note of how the common one changed."""
        lr = self.lr if self.lr_scheduler is None else self.lr_scheduler(self.num_update)
        self.last_lr = lr if self.cur_lr is None else self.cur_lr
        self.cur_lr = lr
        return [lr * self._multiplier(i, self.lr_mult, "lr_mult") for i in indices]

    def update(self, index: Any, weight: Any, grad: Any, state: State) -> None:
        if not isinstance(index, list | tuple):
            index, weight, grad, state = (index,), (weight,), (grad,), (state,)
        self._step(index, weight, grad, state, False)

    def update_multi_precision(self, index: Any, weight: Any, grad: Any, state: State) -> None:
        if not isinstance(index, list | tuple):
            index, weight, grad, state = (index,), (weight,), (grad,), (state,)
        has_master = self.multi_precision and weight[0].dtype == np.float16
        self._step(index, weight, grad, state, has_master)

    def _step(
        self,
        indices: Sequence[Index],
        weights: Sequence[nd.NDArray],
        grads: Sequence[nd.NDArray],
        states: Sequence[State],
        has_master: bool,
    ) -> None:
        self._update_count(indices)
        lrs, wds = self._get_lrs(indices), self._get_wds(indices)
        names = [self.idx2name.get(i, str(i)) for i in indices]
        plain = [n.endswith(("gamma", "beta", "bias")) for n in names]
        order = sorted(range(len(indices)), key=plain.__getitem__)  # those with layer-wise rates first
        layers = plain.count(False)
        context = weights[0].context
        rates = nd.array([float(lrs[k]) for k in order], ctx=context)
        decays = nd.array([float(wds[k]) for k in order], ctx=context)
        weights, grads = [weights[k] for k in order], [grads[k] for k in order]
        if layers:
            _ops.multi_lars(
                rates[:layers],
                _ops.multi_sum_sq(*weights[:layers], num_arrays=layers),
                _ops.multi_sum_sq(*grads[:layers], num_arrays=layers),
                decays[:layers],
                eta=self.eta,
                eps=self.eps,
                rescale_grad=self.rescale_grad,
                out=rates[:layers],
            )
        numbers = self._common()
        held = [states[k] if has_master else (states[k],) for k in order]
        if self.momentum > 0:
            numbers["momentum"] = self._momentum()
            rule: Any = PreloadedMultiMpSgdMomUpdate if has_master else PreloadedMultiSgdMomUpdate
        else:
            rule = PreloadedMultiMpSgdUpdate if has_master else PreloadedMultiSgdUpdate
            held = [parts[1:] for parts in held]
        arrays = [a for w, g, parts in zip(weights, grads, held, strict=True) for a in (w, g, *parts)]
        imperative.invoker.invoke(rule, [*arrays, rates, decays], numbers, weights)

    def _momentum(self) -> float:
        if not (self.momentum_correction and self.last_lr and self.cur_lr is not None):
            return float(self.momentum)
        return float(self.momentum * (self.cur_lr / self.last_lr))


@Optimizer.register
class LBSGD(Optimizer):
    """SGD with momentum that sums the gradients of `batch_scale` steps and warms its rate up.

    Every `batch_scale` updates of a parameter, SGD with the mean of the gradients since, and with the
    learning rate times a multiplier that grows from 1 to `batch_scale` over the warm-up. The first of the
    gradients is kept as the array itself, as in MXNet: where the caller's next gradient goes into the same
    array, as in Module, the first mean consists of later gradients only.

    Parameters
    ----------
    momentum : float
        0 needs no state.
    multi_precision : bool
        As in `Optimizer`.
    warmup_strategy : str
        "linear", "power2" or "sqrt" growth; "lars": ``sqrt(norm(w)**2 / (norm(g)**2 + wd * norm(w)**2))``
        between 0.01 and 100 instead of a warm-up; any other: the multiplier is 1 during the warm-up.
    warmup_epochs, updates_per_epoch : int
        Their product is the number of updates the warm-up takes.
    batch_scale : int
        How many steps make one update.
    begin_epoch, num_epochs : int
        Where to start; `num_epochs` is kept and not used.
    **kwargs
        Of `Optimizer`.
    """

    _master_position = 0

    def __init__(
        self,
        momentum: float = 0.0,
        multi_precision: bool = False,
        warmup_strategy: str = "linear",
        warmup_epochs: int = 5,
        batch_scale: int = 1,
        updates_per_epoch: int = 32,
        begin_epoch: int = 0,
        num_epochs: int = 60,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        text(warmup_strategy, "warmup_strategy")
        whole(batch_scale, "batch_scale", 1)
        finite(begin_epoch, "begin_epoch", 0)
        for name, value in (("warmup_epochs", warmup_epochs), ("updates_per_epoch", updates_per_epoch)):
            finite(value, name, 0)
        logging.info("Running Large-Batch SGD Algorithm")
        logging.info(
            "(Batch_scale=%f, warmup_epochs=%d, warmup_strategy=%s, updates_per_epoch=%d)",
            batch_scale, warmup_epochs, warmup_strategy, updates_per_epoch,
        )  # fmt: skip
        self.momentum = number(momentum, "momentum")
        self.multi_precision = multi_precision
        self.warmup_strategy = warmup_strategy
        self.warmup_epochs = number(warmup_epochs, "warmup_epochs")
        self.batch_scale = number(batch_scale, "batch_scale")
        self.updates_per_epoch = number(updates_per_epoch, "updates_per_epoch")
        self.init_updates = begin_epoch * updates_per_epoch
        self.num_epochs = num_epochs
        self.lbmult = 1
        self.cumgrads: dict[Index, dict[str, Any]] = {}
        self.adaptive = False
        self.admult = 1

    def create_state(self, index: Index, weight: nd.NDArray) -> State:
        if not (self.multi_precision and weight.dtype == np.float16):
            return zeros_like(weight) if self.momentum != 0.0 else None
        master = weight.astype(np.float32)
        return (zeros_like(master) if self.momentum != 0.0 else None), master

    def update(self, index: Index, weight: nd.NDArray, grad: nd.NDArray, state: State) -> None:
        lr, wd = self._get_lr(index), self._get_wd(index)
        self._update_count(index)
        past = self.cumgrads.get(index)
        count = past["num_cums"] + 1 if past and past["num_cums"] > 0 else self.init_updates + 1
        total = past["cum_grad"] + grad if past and past["num_cums"] > 0 else grad
        is_due = count % self.batch_scale == 0
        if not is_due:
            self.cumgrads[index] = {"cum_grad": total, "num_cums": count}
            return
        mean = total if self.batch_scale == 1 else total / self.batch_scale
        factor = self._layer_rate(weight, mean, wd) if self.warmup_strategy == "lars" else self._warmup(count)
        numbers = self._common()
        numbers["lr"], numbers["wd"] = float(lr * factor), float(wd)
        if self.momentum > 0:
            numbers["momentum"] = float(self.momentum)
        momentum, master = state if isinstance(state, list | tuple) else (state, None)
        arrays = [a for a in (weight, mean, momentum, master) if a is not None]
        rule: Any = (SgdUpdate, SgdMomUpdate, MpSgdUpdate, MpSgdMomUpdate)[
            (momentum is not None) + 2 * (master is not None)
        ]
        imperative.invoker.invoke(rule, arrays, numbers, [weight])
        self.cumgrads[index] = {"cum_grad": 0, "num_cums": count}

    def _warmup(self, count: int) -> float:
        """Multiplier of the learning rate after `count` updates."""
        length, top = self.warmup_epochs * self.updates_per_epoch, float(self.batch_scale)
        if count >= length:
            return top
        if length <= 1:
            return 1.0
        part = {"linear": count / length, "power2": (count / length) ** 2, "sqrt": sqrt(count / length)}
        return 1.0 + (top - 1) * part.get(self.warmup_strategy, 0.0)

    def _layer_rate(self, weight: nd.NDArray, grad: nd.NDArray, wd: float) -> float:
        w2, g2 = (float((a * a).asnumpy().sum()) for a in (weight, grad))
        return min(100.0, max(0.01, sqrt(w2 / (g2 + wd * w2 + 1e-18))))
