"""`mx.misc`: the learning rate schedule of MXNet's first versions; see `lr_scheduler` for today's."""

from __future__ import annotations

import logging

__all__ = ["FactorScheduler", "LearningRateScheduler"]


class LearningRateScheduler:
    """Base of schedules that map an iteration to a learning rate; `base_lr` is the rate to start with."""

    def __init__(self) -> None:
        self.base_lr = 0.01

    def __call__(self, iteration: int) -> float:
        """Learning rate of an iteration; a schedule must override this."""
        raise NotImplementedError(f"{type(self).__name__} does not say what its learning rate is")


class FactorScheduler(LearningRateScheduler):
    """``base_lr * factor ** (iteration // step)``.

    >>> schedule = FactorScheduler(10, factor=0.5)
    >>> schedule(0), schedule(25)
    (0.01, 0.0025)

    Raises
    ------
    ValueError
        A step below 1 or a factor that does not make the rate smaller.
    """

    def __init__(self, step: int, factor: float = 0.1) -> None:
        super().__init__()
        if step < 1:
            raise ValueError(f"step must be at least 1, got {step}")
        if factor >= 1.0:
            raise ValueError(f"factor must be less than 1 to make the learning rate smaller, got {factor}")
        self.step, self.factor = step, factor
        self._last: float | None = None

    def __call__(self, iteration: int) -> float:
        """Learning rate of an iteration; a change is logged."""
        before = self.base_lr if self._last is None else self._last
        self._last = float(self.base_lr * self.factor ** int(iteration / self.step))
        if self._last != before:
            logging.info("At Iteration [%d]: new learning rate %.5f", iteration, self._last)
        return self._last
