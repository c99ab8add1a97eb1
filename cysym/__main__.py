"""``python -m cysym COMMAND``, also installed as ``cysym``: chooses the command and hands its arguments over.

The commands are the modules of `cysym.cli`; only the one that is called is imported.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any, Final

from .suggest import did_you_mean
from .version import __version__

COMMANDS: Final = ("run", "doctor", "summary")


def _command(name: str) -> Any:
    return importlib.import_module(f"cysym.cli.{name}")


def _program() -> str:
    called = os.path.basename(sys.argv[0]) if sys.argv else ""
    return "python -m cysym" if called in ("", "-m", "-c", "__main__.py") else called


def _help() -> str:
    rows = "".join(f"  {name:9s}{_command(name).HELP}\n" for name in COMMANDS)
    program = _program()
    return (
        f"usage: {program} COMMAND [ARGUMENT ...]\n\n"
        f"cysym {__version__}: MXNet's Symbol API on today's Python.\n\n"
        f"commands:\n{rows}\n"
        f"`{program} COMMAND --help` says more; `{program} --version` prints the version.\n"
    )


def _unknown(name: str) -> str:
    kind = "option" if name.startswith("-") else "command"
    known = (*COMMANDS, "--help", "--version")
    guess = did_you_mean(name, known)
    if kind == "command" and not guess and (name.endswith(".py") or os.path.isfile(name)):
        return f"{_program()}: {name!r} is no command; did you mean `{_program()} run {name}`?"
    return f"{_program()}: unknown {kind} {name!r}" + (guess or f"; there are {', '.join(COMMANDS)}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv
        Its name and arguments; those of the process by default.

    Returns
    -------
    int
        Exit status: 0 well, 1 what was asked for failed, 2 it was asked wrongly.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(_help(), end="")
        return 0
    name, *rest = arguments
    if name in ("-V", "--version"):
        print(f"cysym {__version__}")
        return 0
    if name not in COMMANDS:
        print(_unknown(name), file=sys.stderr)
        return 2
    command = _command(name)
    parser = argparse.ArgumentParser(
        prog=f"{_program()} {name}", description=command.HELP, allow_abbrev=False
    )
    command.add_arguments(parser)
    status: int = command.main(parser.parse_args(rest))
    return status


if __name__ == "__main__":
    sys.exit(main())
