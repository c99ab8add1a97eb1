"""Learning rate schedules: a learning rate as a function of the number of updates done.

Plain Python numbers in and out, no arrays; an Optimizer calls its scheduler once per parameter update. As in
MXNet a schedule moves forward only: `base_lr` is its state and holds the rate last given.
"""

from __future__ import annotations

import itertools
import logging
import math
from collections.abc import Sequence

from .arguments import choice, finite, number, whole


class LRScheduler:
    """Base class: keeps the base rate and serves the warm-up phase.

    Parameters
    ----------
    base_lr : float
        The rate the schedule starts from once warm-up is over.
    warmup_steps : int
        Number of updates spent warming up.
    warmup_begin_lr : float
        The rate of the first warm-up update; at most `base_lr`.
    warmup_mode : {"linear", "constant"}
        Rise linearly to `base_lr`, or stay at `warmup_begin_lr`.

    Raises
    ------
    TypeError, ValueError
        An argument is not of its type or out of its range.
    """

    def __init__(
        self,
        base_lr: float = 0.01,
        warmup_steps: int = 0,
        warmup_begin_lr: float = 0,
        warmup_mode: str = "linear",
    ) -> None:
        if not isinstance(warmup_steps, int):
            raise TypeError(f"warmup_steps must be an int, got {warmup_steps!r}")
        whole(warmup_steps, "warmup_steps")
        number(base_lr, "base_lr")
        number(warmup_begin_lr, "warmup_begin_lr")
        if warmup_begin_lr > base_lr:
            raise ValueError(f"base_lr {base_lr} must not be below warmup_begin_lr {warmup_begin_lr}")
        if warmup_steps < 0:
            raise ValueError(f"warmup_steps must be positive or 0, got {warmup_steps}")
        choice(warmup_mode, "warmup_mode", ("linear", "constant"))
        self.base_lr = base_lr
        self.warmup_steps = warmup_steps
        self.warmup_begin_lr = warmup_begin_lr
        self.warmup_final_lr = base_lr
        self.warmup_mode = warmup_mode

    def get_warmup_lr(self, num_update: int) -> float:
        """The rate while warming up.

        Parameters
        ----------
        num_update : int
            Below `warmup_steps`.

        Raises
        ------
        ValueError
            The update comes after the warm-up.
        """
        if finite(num_update, "num_update") >= self.warmup_steps:
            raise ValueError(f"update {num_update} comes after the {self.warmup_steps} updates of warm-up")
        if num_update < 0:
            raise ValueError(f"num_update must be at least 0, got {num_update}")
        if self.warmup_mode == "constant":
            return self.warmup_begin_lr
        rise = self.warmup_final_lr - self.warmup_begin_lr
        return self.warmup_begin_lr + rise * num_update / self.warmup_steps

    def __call__(self, num_update: int) -> float:
        """The rate of an update.

        Parameters
        ----------
        num_update : int
            The largest update count of any parameter, from 1.
        """
        raise NotImplementedError(f"{type(self).__name__} must define __call__")


class FactorScheduler(LRScheduler):
    """Multiply the rate by `factor` every `step` updates, down to `stop_factor_lr`.

    Parameters
    ----------
    step : int
        At least 1.
    factor : float
        At most 1.
    stop_factor_lr : float
    base_lr, warmup_steps, warmup_begin_lr, warmup_mode
        See `LRScheduler`.

    >>> schedule = FactorScheduler(step=2, factor=0.5, base_lr=1.0)
    >>> [schedule(n) for n in (1, 2, 3, 4, 5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    def __init__(
        self,
        step: int,
        factor: float = 1,
        stop_factor_lr: float = 1e-8,
        base_lr: float = 0.01,
        warmup_steps: int = 0,
        warmup_begin_lr: float = 0,
        warmup_mode: str = "linear",
    ) -> None:
        super().__init__(base_lr, warmup_steps, warmup_begin_lr, warmup_mode)
        if finite(step, "step") < 1:
            raise ValueError(f"step must be at least 1, got {step}")
        _check_factor(factor)
        number(stop_factor_lr, "stop_factor_lr")
        self.step = step
        self.factor = factor
        self.stop_factor_lr = stop_factor_lr
        self.count = 0

    def __call__(self, num_update: int) -> float:
        if type(num_update) is not int:
            finite(num_update, "num_update")
        if num_update < self.warmup_steps:
            return self.get_warmup_lr(num_update)
        while num_update > self.count + self.step:
            self.count += self.step
            before = self.base_lr
            self.base_lr *= self.factor
            if self.base_lr < self.stop_factor_lr:
                self.base_lr = self.stop_factor_lr
                logging.info(
                    "Update[%d]: now learning rate arrived at %0.5e, will not change in the future",
                    num_update,
                    self.base_lr,
                )
            else:
                logging.info("Update[%d]: Change learning rate to %0.5e", num_update, self.base_lr)
            if not self.base_lr < before and num_update > self.count:
                # It falls no further (or is NaN): the steps until now need not be gone through.
                self.count += (num_update - self.count - 1) // self.step * self.step
        return self.base_lr


class MultiFactorScheduler(LRScheduler):
    """Multiply the rate by `factor` after each of the updates listed in `step`.

    Parameters
    ----------
    step : list of int
        Increasing, from 1.
    factor : float
        At most 1.
    base_lr, warmup_steps, warmup_begin_lr, warmup_mode
        See `LRScheduler`.

    >>> schedule = MultiFactorScheduler(step=[2, 3], factor=0.5, base_lr=1.0)
    >>> [schedule(n) for n in (1, 2, 3, 4)]
    [1.0, 1.0, 0.5, 0.25]
    """

    def __init__(
        self,
        step: Sequence[int],
        factor: float = 1,
        base_lr: float = 0.01,
        warmup_steps: int = 0,
        warmup_begin_lr: float = 0,
        warmup_mode: str = "linear",
    ) -> None:
        super().__init__(base_lr, warmup_steps, warmup_begin_lr, warmup_mode)
        if not isinstance(step, list | tuple) or not step:
            raise ValueError(f"step must be a list of at least one update number, got {step!r}")
        for one in step:
            finite(one, "step: each update number")
        if step[0] < 1 or any(after <= before for before, after in itertools.pairwise(step)):
            raise ValueError(f"step must be increasing and start at 1 or later, got {step!r}")
        _check_factor(factor)
        self.step = list(step)
        self.factor = factor
        self.cur_step_ind = 0
        self.count = 0

    def __call__(self, num_update: int) -> float:
        if type(num_update) is not int:
            finite(num_update, "num_update")
        if num_update < self.warmup_steps:
            return self.get_warmup_lr(num_update)
        while self.cur_step_ind < len(self.step) and num_update > self.step[self.cur_step_ind]:
            self.count = self.step[self.cur_step_ind]
            self.cur_step_ind += 1
            self.base_lr *= self.factor
            logging.info("Update[%d]: Change learning rate to %0.5e", num_update, self.base_lr)
        return self.base_lr


class _DecayScheduler(LRScheduler):
    """From `base_lr` to `final_lr` over the updates between warm-up and `max_update`, along a curve.

    As in MXNet the curve starts at the `base_lr` of the constructor: a `learning_rate` given to the optimizer
    does not reach it. Behind `max_update` the rate is `final_lr`, also in the first call (MXNet's stays what
    it was, the full rate when training resumes there); `max_update` must lie behind the warm-up.
    """

    def __init__(
        self,
        max_update: int,
        base_lr: float,
        final_lr: float,
        warmup_steps: int,
        warmup_begin_lr: float,
        warmup_mode: str,
    ) -> None:
        super().__init__(base_lr, warmup_steps, warmup_begin_lr, warmup_mode)
        if not isinstance(max_update, int):
            raise TypeError(f"max_update must be an int, got {max_update!r}")
        if max_update < 1:
            raise ValueError(f"max_update must be at least 1, got {max_update}")
        if max_update <= warmup_steps:
            raise ValueError(f"max_update {max_update} must be larger than warmup_steps {warmup_steps}")
        number(final_lr, "final_lr")
        self.max_update = max_update
        self.base_lr_orig = base_lr
        self.final_lr = final_lr
        self.max_steps = max_update - warmup_steps

    def _curve(self, part: float) -> float:
        """Share of the way down still to go (1 to 0) when `part` (0 to 1) of the updates are done."""
        raise NotImplementedError

    def __call__(self, num_update: int) -> float:
        if type(num_update) is not int:
            finite(num_update, "num_update")
        if num_update < self.warmup_steps:
            return self.get_warmup_lr(num_update)
        done = min(num_update, self.max_update) - self.warmup_steps
        self.base_lr = self.final_lr + (self.base_lr_orig - self.final_lr) * self._curve(
            done / self.max_steps
        )
        return self.base_lr


class PolyScheduler(_DecayScheduler):
    """``final_lr + (base_lr - final_lr) * (1 - n / N) ** pwr``, n of N updates after warm-up.

    Parameters
    ----------
    max_update : int
        Warm-up and decay together take so many updates; from then on the rate is `final_lr`.
    base_lr : float
        Where the decay starts, whatever `learning_rate` the optimizer is given.
    pwr : float
    final_lr : float
    warmup_steps, warmup_begin_lr, warmup_mode
        See `LRScheduler`.

    >>> PolyScheduler(max_update=4, base_lr=1.0, pwr=2)(2)
    0.25
    """

    def __init__(
        self,
        max_update: int,
        base_lr: float = 0.01,
        pwr: float = 2,
        final_lr: float = 0,
        warmup_steps: int = 0,
        warmup_begin_lr: float = 0,
        warmup_mode: str = "linear",
    ) -> None:
        super().__init__(max_update, base_lr, final_lr, warmup_steps, warmup_begin_lr, warmup_mode)
        self.power = finite(pwr, "pwr", 0)

    def _curve(self, part: float) -> float:
        rest: float = (1.0 - part) ** self.power
        return rest


class CosineScheduler(_DecayScheduler):
    """``final_lr + (base_lr - final_lr) * (1 + cos(pi * n / N)) / 2``, n of N updates after warm-up.

    Parameters
    ----------
    max_update, base_lr, final_lr, warmup_steps, warmup_begin_lr, warmup_mode
        See `PolyScheduler`.

    >>> CosineScheduler(max_update=4, base_lr=1.0, final_lr=0.5)(4)
    0.5
    """

    def __init__(
        self,
        max_update: int,
        base_lr: float = 0.01,
        final_lr: float = 0,
        warmup_steps: int = 0,
        warmup_begin_lr: float = 0,
        warmup_mode: str = "linear",
    ) -> None:
        super().__init__(max_update, base_lr, final_lr, warmup_steps, warmup_begin_lr, warmup_mode)

    def _curve(self, part: float) -> float:
        return (1 + math.cos(math.pi * part)) / 2


def _check_factor(factor: float) -> None:
    if finite(factor, "factor") > 1.0:
        raise ValueError(f"factor must be at most 1, so that the rate falls, got {factor}")
