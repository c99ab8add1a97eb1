"""`cysym.install_as_mxnet`: ``import mxnet`` gives this package, under MXNet's names and version.

``mxnet`` becomes a module that hands every name through to `cysym`; ``mxnet.x.y`` and ``cysym.x.y`` are one
and the same module, imported once, when first asked for. Nothing of a module is changed by being found under
its other name. Children that multiprocessing spawns find one of the folders of ``stand_in`` on their path,
whose ``mxnet.py`` calls `install_as_mxnet` again.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
import sys
import threading
from collections.abc import Iterable
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any, Final

import cysym

from . import absent
from .forking import free_in_child

__all__ = ["install_as_mxnet"]

_HERE: Final = os.path.dirname(os.path.abspath(__file__))
_FOLDERS: Final = {flag: os.path.join(_HERE, "stand_in", name) for flag, name in
                   ((False, "alone"), (True, "numpy_names"))}  # fmt: skip
_log = logging.getLogger("cysym")
_lock = threading.RLock()
free_in_child(_lock)
_names: Final = vars(cysym)


class _MXNet(ModuleType):
    """The module `mxnet`: attributes are cysym's, read and written there, but ``__version__`` and such."""

    def __getattribute__(self, name: str) -> Any:
        # Asking the dictionary first is five times as fast as failing here and trying there.
        if name in _names and not name.startswith("__"):
            return _names[name]
        return super().__getattribute__(name)

    def __getattr__(self, name: str) -> Any:
        return getattr(cysym, name)

    def __setattr__(self, name: str, value: Any) -> None:
        # What the import system or a user sets must be seen by either name of the package.
        if name.startswith("__"):
            super().__setattr__(name, value)
        else:
            setattr(cysym, name, value)

    def __delattr__(self, name: str) -> None:
        if name.startswith("__"):
            super().__delattr__(name)
        else:
            delattr(cysym, name)

    def __dir__(self) -> list[str]:
        return sorted({*dir(cysym), *self.__dict__})

    def __repr__(self) -> str:
        return f"<module 'mxnet' that is cysym {cysym.__version__} from {cysym.__file__!r}>"


class _Finder:
    """Finder and loader of ``mxnet.x``, which is ``cysym.x``."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if fullname != "mxnet" and not fullname.startswith("mxnet."):
            return None
        real = importlib.util.find_spec(_own_name(fullname))  # says what to use instead of an absent module
        if real is None:
            return None
        spec = ModuleSpec(fullname, self, origin=real.origin)  # type: ignore[arg-type]
        spec.submodule_search_locations = real.submodule_search_locations
        spec.has_location = real.has_location
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None  # the import system would write its own spec into a module that is handed out here

    def exec_module(self, module: ModuleType) -> None:
        name = module.__spec__.name if module.__spec__ else module.__name__
        if name != "mxnet":  # `importlib.reload(mxnet)` has nothing to do
            real = importlib.import_module(_own_name(name))
            absent.explain(real)
            sys.modules[name] = real
            _share_loaded()

    def get_code(self, fullname: str) -> Any:
        """Code of a module, for tools that run or inspect one by name."""
        spec = importlib.util.find_spec(_own_name(fullname))
        get = getattr(spec and spec.loader, "get_code", None)
        return None if spec is None or get is None else get(spec.name)

    def find_distributions(self, context: Any = None) -> Iterable[Any]:
        """``importlib.metadata.version("mxnet")`` is the version that is spoken."""
        name = getattr(context, "name", None)
        if name is not None and name.lower() != "mxnet":
            return []
        from importlib import metadata

        class MXNetDistribution(metadata.Distribution):
            def read_text(self, filename: str) -> str | None:
                head = f"Metadata-Version: 2.1\nName: mxnet\nVersion: {cysym.mxnet_version}\n"
                return head if filename == "METADATA" else None

            def locate_file(self, path: Any) -> Any:
                from pathlib import Path

                return Path(_HERE, path)

        return [MXNetDistribution()]


_finder = _Finder()


def _own_name(fullname: str) -> str:
    return "cysym" + fullname.removeprefix("mxnet")


def _share_loaded() -> None:
    """Enter every module that is loaded under its second name too.

    Were it entered when somebody asks for it, the import system would then set it as an attribute of its
    parent again, over what the parent may have put in its place.
    """
    for name, module in list(sys.modules.items()):
        spec = getattr(module, "__spec__", None)
        # One that another thread is importing must be waited for under its own name.
        if (
            isinstance(name, str)
            and name.startswith("cysym.")
            and spec is not None
            and not getattr(spec, "_initializing", False)
        ):
            sys.modules.setdefault("mxnet" + name.removeprefix("cysym"), module)


def _make_module() -> _MXNet:
    module = _MXNet("mxnet", cysym.__doc__)
    spec = _finder.find_spec("mxnet")
    module.__spec__ = spec
    module.__loader__ = _finder  # type: ignore[assignment]
    module.__package__ = "mxnet"
    module.__path__ = cysym.__path__
    module.__file__ = cysym.__file__
    ModuleType.__setattr__(module, "__version__", cysym.mxnet_version)
    return module


def _is_stand_in(module: ModuleType | None) -> bool:
    """Whether a module called mxnet is this package under another name: found in a child, or made by hand."""
    if module is None or module is cysym:  # None in sys.modules forbids an import
        return True
    file = getattr(module, "__file__", None)
    return isinstance(file, str) and os.path.dirname(os.path.abspath(file)) in _FOLDERS.values()


def _say_which_wins() -> None:
    elsewhere = [p for p in sys.path if p not in _FOLDERS.values()]
    spec = PathFinder.find_spec("mxnet", elsewhere)
    if spec is not None and spec.origin is not None:  # a folder without __init__.py has no origin
        _log.warning("import mxnet gives cysym %s; the one in %s is not used", cysym.__version__, spec.origin)


def install_as_mxnet(numpy_names: bool = False) -> None:
    """From now on ``import mxnet`` gives cysym, for all code of this process.

    Every module is found under both names, once: ``mxnet.module`` is ``cysym.module``, classes and functions
    are the same objects, and pickles that name ``mxnet`` classes load. ``mxnet.__version__`` is "1.9.1",
    while ``cysym.__version__`` stays cysym's own. Modules that are left out, as ``mxnet.gluon``, say what to
    use instead. Processes that `multiprocessing` starts see ``mxnet`` too: a folder with an ``mxnet.py``
    enters `sys.path` behind its first entry.

    A second call changes nothing but what it asks for more. There is no way back: objects that know ``mxnet``
    by name outlive any scope. An MXNet that is installed is not used, and a line in the log says so.

    Parameters
    ----------
    numpy_names
        Also give NumPy back the names that old programs use and today's NumPy no longer has, as
        ``numpy.int``; see `cysym.old_numpy`.

    Raises
    ------
    ImportError
        Another mxnet is already imported.
    """
    with _lock:
        present = sys.modules.get("mxnet")
        if not isinstance(present, _MXNet):
            if not _is_stand_in(present):
                where = getattr(present, "__file__", None) or repr(present)
                raise ImportError(
                    f"mxnet is already imported, from {where}: call cysym.install_as_mxnet() before anything "
                    "imports mxnet",
                    name="mxnet",
                    path=getattr(present, "__file__", None),
                )
            _say_which_wins()
            sys.modules["mxnet"] = _make_module()
            _share_loaded()
        if not sys.meta_path or sys.meta_path[0] is not _finder:
            sys.meta_path[:] = [_finder, *(f for f in sys.meta_path if f is not _finder)]
        if numpy_names:
            from . import old_numpy

            old_numpy.install()
        _set_folder(numpy_names)


def _set_folder(numpy_names: bool) -> None:
    """Have one folder on the path: that of the most that was ever asked for."""
    more = numpy_names or _FOLDERS[True] in sys.path
    if _FOLDERS[more] not in sys.path:
        sys.path[:] = [p for p in sys.path if p not in _FOLDERS.values()]
        sys.path.insert(1, _FOLDERS[more])  # the first entry is the script's folder, for programs that use it
