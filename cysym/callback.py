"""Callbacks for Module.fit: speed and metric reports, progress bars, checkpoints.

Batch-end callbacks take a BatchEndParam, epoch-end callbacks (epoch, symbol, arg_params, aux_params). Reports
go to the root logger as in MXNet; only the progress bar writes to standard error.
"""

from __future__ import annotations

import importlib
import logging
import math
import sys
import time
from collections.abc import Callable
from typing import Any

from .arguments import file_name, finite, needs, whole
from .checkpoint import BatchEndParam, save_checkpoint


def do_checkpoint(prefix: str, period: int = 1) -> Callable[..., None]:
    """Epoch-end callback writing ``prefix-symbol.json`` and ``prefix-NNNN.params``.

    Parameters
    ----------
    prefix : str
    period : int
        Every so many epochs; at least 1.
    """
    prefix, period = file_name(prefix, "prefix"), int(max(1, finite(period, "period")))

    def callback(iter_no: int, sym: Any, arg: Any, aux: Any) -> None:
        if (iter_no + 1) % period == 0:
            save_checkpoint(prefix, iter_no + 1, sym, arg, aux)

    return callback


def module_checkpoint(
    mod: Any, prefix: str, period: int = 1, save_optimizer_states: bool = False
) -> Callable[..., None]:
    """Epoch-end callback calling `mod.save_checkpoint`.

    Parameters
    ----------
    mod : Module
    prefix : str
        Of the files' names.
    period : int
        Every so many epochs; at least 1.
    save_optimizer_states : bool
        Write ``prefix-NNNN.states`` as well.
    """
    needs(mod, "mod", "a Module", "save_checkpoint")
    prefix, period = file_name(prefix, "prefix"), int(max(1, finite(period, "period")))

    def callback(iter_no: int, sym: Any = None, arg: Any = None, aux: Any = None) -> None:
        if (iter_no + 1) % period == 0:
            mod.save_checkpoint(prefix, iter_no + 1, save_optimizer_states)

    return callback


def log_train_metric(period: int, auto_reset: bool = False) -> Callable[[BatchEndParam], None]:
    """Batch-end callback logging the metric.

    Parameters
    ----------
    period : int
        Every so many batches.
    auto_reset : bool
        Clear the metric's local sum after each report.
    """

    whole(period, "period", 1)

    def callback(param: BatchEndParam) -> None:
        if param.nbatch % period == 0 and param.eval_metric is not None:
            for name, value in param.eval_metric.get_name_value():
                logging.info("Iter[%d] Batch[%d] Train-%s=%f", param.epoch, param.nbatch, name, value)
            if auto_reset:
                param.eval_metric.reset_local()

    return callback


class Speedometer:
    """Batch-end callback logging samples per second and the metric every `frequent` batches.

    Parameters
    ----------
    batch_size : int
    frequent : int
        Batches between reports.
    auto_reset : bool
        Clear the metric's local sum after each report, so that it covers the batches since the last one.
    """

    def __init__(self, batch_size: int, frequent: int = 50, auto_reset: bool = True) -> None:
        self.batch_size = finite(batch_size, "batch_size")
        self.frequent = whole(frequent, "frequent", 1)
        self.auto_reset = auto_reset
        self.init = False
        self.tic = 0.0
        self.last_count = 0

    def __call__(self, param: BatchEndParam) -> None:
        count = param.nbatch
        if self.last_count > count:
            self.init = False
        self.last_count = count
        if not self.init:
            self.init = True
            self.tic = time.time()
            return
        if count % self.frequent != 0:
            return
        elapsed = time.time() - self.tic
        speed = self.frequent * self.batch_size / elapsed if elapsed > 0 else math.inf
        if param.eval_metric is None:
            logging.info("Iter[%d] Batch [%d]\tSpeed: %.2f samples/sec", param.epoch, count, speed)
        else:
            first = count - self.frequent if self.auto_reset else 0
            values = param.eval_metric.get_name_value()
            if self.auto_reset:
                param.eval_metric.reset_local()
            logging.info(
                "Epoch[%d] Batch [%d-%d]\tSpeed: %.2f samples/sec" + "\t%s=%f" * len(values),
                param.epoch,
                first,
                count,
                speed,
                *(part for pair in values for part in pair),
            )
        self.tic = time.time()


class ProgressBar:
    """Batch-end callback drawing how much of the epoch is done, with the metric, on standard error.

    MXNet logs a new line for every batch instead, one batch behind. tqdm draws the bar where it can be
    imported; otherwise a plain one is drawn, and on something that is no terminal only its last state is
    written.

    Parameters
    ----------
    total : int
        Number of batches in an epoch.
    length : int
        Width in characters: of the bar, or with tqdm of the whole line's bar part.
    """

    def __init__(self, total: int, length: int = 80) -> None:
        if not finite(total, "total") >= 1:
            raise ValueError(f"total must be at least 1 batch, got {total}")
        self.total = total
        self.bar_len = min(whole(length, "length", 0), 1000)
        self._bar: Any = None
        self._epoch: int | None = None

    def __call__(self, param: BatchEndParam) -> None:
        done = param.nbatch + 1
        if self._bar is None or param.epoch != self._epoch:
            self.close()
            self._bar = _open_bar(self.total, self.bar_len, f"Epoch[{param.epoch}]")
            self._epoch = param.epoch
        note = ""
        if param.eval_metric is not None:
            note = " ".join(
                f"{name}={value:.4f}" for name, value in param.eval_metric.get_global_name_value()
            )
        self._bar.set(done, note)
        if done >= self.total:
            self.close()

    def close(self) -> None:
        """End the current bar; the next call starts another."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _open_bar(total: int, length: int, title: str) -> Any:
    try:
        tqdm = importlib.import_module("tqdm").tqdm
    except ImportError:
        return _PlainBar(total, length, title)
    return _TqdmBar(tqdm, total, length, title)


class _TqdmBar:
    def __init__(self, tqdm: Any, total: int, length: int, title: str) -> None:
        layout = (
            f"{{desc}} {{percentage:3.0f}}%|{{bar:{length}}}| {{n_fmt}}/{{total_fmt}} {{rate_fmt}}{{postfix}}"
        )
        self._bar = tqdm(total=total, desc=title, bar_format=layout, file=sys.stderr)

    def set(self, done: int, note: str) -> None:
        self._bar.set_postfix_str(note, refresh=False)
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        self._bar.close()


class _PlainBar:
    """``Epoch[0] [=====-----] 50% note``, redrawn on its line at most ten times a second."""

    def __init__(self, total: int, length: int, title: str) -> None:
        self._total = total
        self._length = length
        self._title = title
        self._line = ""
        self._drawn = 0.0
        self._width = 0
        self._live = sys.stderr.isatty()

    def set(self, done: int, note: str) -> None:
        part = min(done / self._total, 1.0)
        filled = round(self._length * part)
        bar = "=" * filled + "-" * (self._length - filled)
        self._line = f"{self._title} [{bar}] {math.ceil(100 * part)}% {note}".rstrip()
        if self._live and time.time() - self._drawn >= 0.1:
            self._drawn = time.time()
            self._write("")

    def close(self) -> None:
        self._write("\n")

    def _write(self, end: str) -> None:
        # Spaces wipe what a longer previous line left; the carriage return is of use on a terminal only.
        start = "\r" if self._live else ""
        print(f"{start}{self._line.ljust(self._width)}", end=end, file=sys.stderr, flush=True)
        self._width = len(self._line)


class LogValidationMetricsCallback:
    """Evaluation-end callback logging the metric as ``Epoch[n] Validation-name=value``."""

    def __call__(self, param: BatchEndParam) -> None:
        if param.eval_metric is None:
            return
        for name, value in param.eval_metric.get_name_value():
            logging.info("Epoch[%d] Validation-%s=%f", param.epoch, name, value)
