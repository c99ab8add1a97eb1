"""Loggers with one compact line a message, as MXNet's programs print them.

`get_logger(name)` is the logging module's own logger of that name, given a handler once. Nothing in the
library logs through these; they are for a user's scripts.
"""

from __future__ import annotations

import logging
import warnings

CRITICAL = logging.CRITICAL
ERROR = logging.ERROR
WARNING = logging.WARNING
INFO = logging.INFO
DEBUG = logging.DEBUG
NOTSET = logging.NOTSET

__all__ = ["CRITICAL", "DEBUG", "ERROR", "INFO", "NOTSET", "WARNING", "getLogger", "get_logger"]

_LETTERS = {CRITICAL: "C", ERROR: "E", WARNING: "W", INFO: "I", DEBUG: "D"}
_RED, _GREEN, _BLUE, _PLAIN = "\x1b[31m", "\x1b[32m", "\x1b[34m", "\x1b[0m"


class _Formatter(logging.Formatter):
    """``W0505 00:29:47 3525 file.py:function:12] message``, all but the message in the level's colour."""

    def __init__(self) -> None:
        super().__init__(
            "%(head)s%(asctime)s %(process)d %(pathname)s:%(funcName)s:%(lineno)d]" + _PLAIN + " %(message)s",
            datefmt="%m%d %H:%M:%S",
        )

    def format(self, record: logging.LogRecord) -> str:
        level = record.levelno
        colour = _RED if level >= WARNING else _GREEN if level >= INFO else _BLUE
        record.head = colour + _LETTERS.get(level, "U")
        return super().format(record)


def get_logger(
    name: str | None = None, filename: str | None = None, filemode: str | None = None, level: int = WARNING
) -> logging.Logger:
    """The logger `name`, on its first call here given a handler and a level.

    Parameters
    ----------
    name
        None is the root logger, which is left as it is.
    filename
        Write plain messages to this file instead of coloured lines to standard error.
    filemode
        How to open the file, "a" by default.
    level
        The lowest level that is reported.

    >>> get_logger("docs", level=INFO).isEnabledFor(DEBUG)
    False
    """
    logger = logging.getLogger(name)
    if name is None or getattr(logger, "_init_done", False):
        return logger
    handler: logging.Handler
    if filename:
        handler = logging.FileHandler(filename, filemode or "a")
    else:
        handler = logging.StreamHandler()
        handler.setFormatter(_Formatter())
    logger.addHandler(handler)
    logger.setLevel(level)
    logger._init_done = True  # type: ignore[attr-defined] # MXNet's mark on the shared logger
    return logger


def getLogger(
    name: str | None = None, filename: str | None = None, filemode: str | None = None, level: int = WARNING
) -> logging.Logger:
    """`get_logger` by its deprecated name."""
    warnings.warn("getLogger is deprecated, use get_logger instead.", DeprecationWarning, stacklevel=2)
    return get_logger(name, filename, filemode, level)
