"""``python -m cysym run``: runs a program that says ``import mxnet``, as Python itself would run it.

The program gets its own ``__main__``, ``sys.argv`` and ``sys.path``; what it raises reaches Python as if
nothing stood between, and the frames of this package are cut out of the traceback. `old_python` adds a line
where the error says that the program is older than this Python.
"""

from __future__ import annotations

import argparse
import builtins
import importlib.util
import io
import os
import sys
import zipfile
from importlib.machinery import BuiltinImporter, ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType, TracebackType
from typing import Any, Final

HELP: Final = "run a script that says `import mxnet`"
_PROGRAM: Final = "python -m cysym run"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options before the script; all that follows it is the script's."""
    parser.usage = "%(prog)s [--no-numpy-names] (SCRIPT | -m MODULE | -) [ARGUMENT ...]"
    parser.description = (
        "Like `python SCRIPT ARGUMENT ...`, with `import mxnet` giving cysym. Names that NumPy has given up, "
        "as numpy.int, are there as they were."
    )
    parser.add_argument(
        "--no-numpy-names", action="store_true", help="leave NumPy as it is: numpy.int is an error"
    )
    # Everything behind the module or the script is for it, options included.
    parser.add_argument("-m", dest="module", nargs=argparse.REMAINDER, help="run a module, as python -m does")
    parser.add_argument(
        "script", nargs=argparse.REMAINDER, help="a file, a folder with __main__.py, or - for stdin"
    )


def main(args: argparse.Namespace) -> int:
    """Run the program; its exceptions and its SystemExit go through."""
    command = list(args.script if args.module is None else args.module)
    if args.module is None and command[:1] == ["--"]:
        del command[0]
    if not command:
        what = "a script" if args.module is None else "a module behind -m"
        print(f"{_PROGRAM}: {what} is missing; try {_PROGRAM} --help", file=sys.stderr)
        return 2
    from .. import alias

    alias.install_as_mxnet(numpy_names=not args.no_numpy_names)
    try:
        if args.module is not None:
            return _run_module(command)
        return _run_script(command)
    except SystemExit:
        raise
    except BaseException as error:
        _show_without_us(error)
        raise


def _run_script(command: list[str]) -> int:
    name = command[0]
    sys.argv[:] = command
    if name == "-":
        _set_first_path("")
        code = compile(sys.stdin.buffer.read(), "<stdin>", "exec", dont_inherit=True)
        _execute(code, {"__file__": "<stdin>", "__cached__": None, "__loader__": BuiltinImporter})
        return 0
    path = os.path.join(os.getcwd(), name)
    if os.path.isdir(path) or (os.path.isfile(path) and zipfile.is_zipfile(path)):
        _set_first_path(path, always=True)
        spec = PathFinder.find_spec("__main__", [path])
        if spec is None:
            return _fail(f"can't find '__main__' module in {name!r}", 1)
        return _run_spec(spec, "")
    try:
        with io.open_code(path) as file:
            source = file.read()
    except OSError as error:
        return _fail(f"can't open file {path!r}: [Errno {error.errno}] {error.strerror}", 2)
    _set_first_path(os.path.dirname(os.path.realpath(path)))
    loader = SourceFileLoader("__main__", path)
    code = compile(source, path, "exec", dont_inherit=True)
    _execute(code, {"__file__": path, "__cached__": None, "__loader__": loader})
    return 0


def _run_module(command: list[str]) -> int:
    name = command[0]
    sys.argv[:] = ["-m", *command[1:]]  # what Python has there while it looks for the module
    _set_first_path(os.getcwd())
    try:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            spec = importlib.util.find_spec(f"{name}.__main__")
            if spec is None:
                return _fail(f"No module named {name}.__main__; {name!r} is a package and cannot be run", 1)
    except ModuleNotFoundError as error:
        if not f"{name}.".startswith(f"{error.name}."):
            raise
        spec = None  # a parent of it is absent
    except ValueError:
        spec = None  # a module without a spec
    if spec is None:
        return _fail(f"No module named {name}", 1)
    return _run_spec(spec, spec.parent)


def _run_spec(spec: ModuleSpec, package: str | None) -> int:
    get = getattr(spec.loader, "get_code", None)
    code = None if get is None else get(spec.name)
    if code is None:
        return _fail(f"{spec.name} holds no Python code to run", 1)
    if sys.argv[0] == "-m":
        sys.argv[0] = spec.origin or spec.name
    names = {"__file__": spec.origin, "__cached__": spec.cached, "__loader__": spec.loader}
    _execute(code, {**names, "__package__": package, "__spec__": spec})
    return 0


def _execute(code: CodeType, names: dict[str, Any]) -> None:
    """Run code as ``__main__``, which stays there for threads, exit functions and child processes."""
    main = ModuleType("__main__")
    main.__dict__.update({"__builtins__": builtins, "__annotations__": {}, **names})
    sys.modules["__main__"] = main
    exec(code, main.__dict__)


def _set_first_path(folder: str, always: bool = False) -> None:
    """Put the program's folder where Python puts it: in place of the one `python -m cysym` was given."""
    if not sys.flags.safe_path:
        sys.path[:1] = [folder]
    elif always:
        sys.path.insert(0, folder)


def _fail(text: str, status: int) -> int:
    print(f"{_PROGRAM}: {text}", file=sys.stderr)
    return status


def _show_without_us(error: BaseException) -> None:
    """Have Python print the error without the frames that led to the program, and with a hint if any."""
    shown = getattr(sys, "excepthook", sys.__excepthook__)  # a program may have deleted it

    def show(kind: type[BaseException], value: BaseException, trace: TracebackType | None) -> None:
        if value is error:
            trace = _below_us(trace)
            value = value.with_traceback(trace)
        shown(kind, value, trace)
        if value is error:
            from .old_python import hint

            text = hint(value)
            if text:
                print(text, file=sys.stderr)

    sys.excepthook = show


def _below_us(trace: TracebackType | None) -> TracebackType | None:
    """The traceback from the program's first frame on."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    ours = {os.path.join(package, "__main__.py"), os.path.abspath(__file__)}
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        # The console script is the outermost frame of all; the rest is ours or runpy's.
        is_outermost = trace.tb_frame.f_back is None
        if not (is_outermost or file.startswith("<frozen ") or os.path.abspath(file) in ours):
            break
        trace = trace.tb_next
    return trace
