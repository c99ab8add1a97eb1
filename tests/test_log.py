"""mx.log where MXNet cannot be asked: standard error, files, faults. The formats are recorded programs."""

import logging
import sys

import pytest

from cysym import log


@pytest.fixture
def name(request):
    """A logger's name of this test, forgotten after it."""
    found = f"cysym-test-{request.node.name}"
    yield found
    logger = logging.getLogger(found)
    for handler in logger.handlers[:]:
        handler.close()
        logger.removeHandler(handler)
    logging.Logger.manager.loggerDict.pop(found, None)


def test_lines_go_to_standard_error_above_the_level(name, capsys):
    logger = log.get_logger(name, level=log.INFO)
    logger.propagate = False
    logger.debug("below")
    line = sys._getframe().f_lineno + 1
    logger.info("seen %s", 1)
    out, err = capsys.readouterr()
    assert out == ""
    assert "below" not in err
    assert err.startswith("\x1b[32mI")
    assert err.endswith(
        f"test_log.py:{test_lines_go_to_standard_error_above_the_level.__name__}:{line}]\x1b[0m seen 1\n"
    )


def test_a_file_gets_plain_messages(name, tmp_path):
    path = tmp_path / "some.log"
    logger = log.get_logger(name, str(path))
    logger.warning("plain")
    logger.info("not reported")
    assert path.read_text() == "plain\n"


def test_an_exception_is_shown_below_its_line(name, capsys):
    logger = log.get_logger(name)
    logger.propagate = False
    try:
        raise ValueError("the cause")
    except ValueError:
        logger.exception("failed")
    err = capsys.readouterr().err
    assert err.startswith("\x1b[31mE")
    assert "failed\nTraceback" in err
    assert err.endswith("ValueError: the cause\n")


def test_a_handler_is_added_once_and_a_file_that_cannot_be_opened_adds_none(name, tmp_path):
    with pytest.raises(OSError, match="absent"):
        log.get_logger(name, str(tmp_path / "absent" / "x.log"))
    assert logging.getLogger(name).handlers == []
    assert len(log.get_logger(name).handlers) == len(log.get_logger(name).handlers) == 1


def test_the_old_name_warns_at_the_caller(name):
    with pytest.warns(DeprecationWarning, match="get_logger") as caught:
        assert log.getLogger(name) is logging.getLogger(name)
    assert caught[0].filename == __file__
