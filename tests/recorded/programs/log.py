"""Loggers of mx.log: the text of a line by level, files, levels, handlers added once."""

import importlib
import logging
import re
import warnings

from . import program, scratch


def line(logger, level, message="said %s", *arguments):
    """How the first handler shows a message; the time, process and path are masked."""
    record = logger.makeRecord(logger.name, level, "/some/file.py", 12, message, arguments, None, "function")
    text = logger.handlers[0].format(record)
    return re.sub(r"\d{4} \d\d:\d\d:\d\d \d+", "T P", text)


@program(cpu=True)
def lines_by_level(mx, ctx):
    log = importlib.import_module(mx.__name__ + ".log")
    logger = log.get_logger("program_lines", level=log.DEBUG)
    levels = [log.CRITICAL, log.ERROR, log.WARNING, log.INFO, log.DEBUG, log.NOTSET, 5, 25, 60]
    return {
        "levels": levels,
        "lines": [line(logger, level, "said %s", level) for level in levels],
        "percent": line(logger, log.INFO, "100 %% of it"),
        "lines of one record": line(logger, log.INFO, "a\nb"),
    }


@program(cpu=True)
def made_once(mx, ctx):
    log = importlib.import_module(mx.__name__ + ".log")
    first = log.get_logger("program_once")
    second = log.get_logger("program_once", level=log.DEBUG)
    root = log.get_logger()
    before = [root is logging.getLogger(), len(first.handlers), first is second, first.level, first.propagate]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        old = log.getLogger("program_old", level=log.ERROR)
    return {
        "once": before,
        "handler": type(first.handlers[0]).__name__,
        "old": [old.level, len(old.handlers), [w.category.__name__ for w in caught]],
        "named": first.name,
    }


@program(cpu=True)
def written_to_files(mx, ctx):
    log = importlib.import_module(mx.__name__ + ".log")
    found = {}
    with scratch():
        for key, mode, level in (("default", None, log.INFO), ("w", "w", log.WARNING), ("a", "a", log.DEBUG)):
            with open(key + ".txt", "w") as file:
                file.write("before\n")
            logger = log.get_logger("program_file_" + key, key + ".txt", mode, level)
            logger.propagate = False
            for message in (logger.debug, logger.info, logger.warning):
                message("said %d", 3)
            logger.handlers[0].close()
            with open(key + ".txt") as file:
                found[key] = file.read()
            logger.removeHandler(logger.handlers[0])
            logger._init_done = False
    return found
