"""cysym: MXNet's Symbol API on today's Python, on the CPU and on any OpenCL GPU. ``import cysym as mx``.

Graphs, arrays and executors are imported here; everything else when it is first asked for. `absent` answers
for what of MXNet is left out. Nothing is computed in this file.
"""

import os as _os
from typing import TYPE_CHECKING

from . import (
    absent,
    attribute,
    autograd,
    base,
    context,
    executor,
    name,
    ndarray,
    random,
    suggest,
    symbol,
    util,
)
from .attribute import AttrScope
from .base import MXNetError
from .context import Context, cpu, cpu_pinned, current_context, gpu, gpu_memory_info, num_gpus
from .executor import Executor
from .util import (
    is_np_array,
    is_np_shape,
    np_array,
    np_shape,
    set_np_shape,
    use_np,
    use_np_array,
    use_np_shape,
)
from .version import __version__

nd = ndarray
rnd = random
sym = symbol

mxnet_version = "1.9.1"
"""The MXNet whose API, files and numbers these are; ``__version__`` is this library's own."""

if TYPE_CHECKING:
    from . import (
        callback,
        contrib,
        engine,
        error,
        executor_manager,
        image,
        initializer,
        io,
        kvstore,
        libinfo,
        log,
        lr_scheduler,
        metric,
        misc,
        model,
        module,
        monitor,
        operator,
        optimizer,
        profiler,
        recordio,
        registry,
        rnn,
        runtime,
        test_utils,
        visualization,
    )
    from .alias import install_as_mxnet
    from .monitor import Monitor

    img = image
    init = initializer
    kv = kvstore
    mod = module
    mon = monitor
    opt = optimizer
    viz = visualization

# Imported at first use: name -> module, and the name within it where it is no module.
_LAZY = {
    **{
        m: (m, "")
        for m in (
            "callback", "contrib", "engine", "error", "executor_manager", "image", "initializer", "io",
            "kvstore", "libinfo", "log", "lr_scheduler", "metric", "misc", "model", "module", "monitor",
            "operator", "optimizer", "profiler", "recordio", "registry", "rnn", "runtime", "test_utils",
            "visualization",
        )
    },
    "img": ("image", ""), "init": ("initializer", ""), "kv": ("kvstore", ""), "mod": ("module", ""),
    "mon": ("monitor", ""), "opt": ("optimizer", ""), "viz": ("visualization", ""),
    "Monitor": ("monitor", "Monitor"), "install_as_mxnet": ("alias", "install_as_mxnet"),
}  # fmt: skip

if not TYPE_CHECKING:  # a type checker is to know the names above and no others

    def __getattr__(name: str) -> object:
        import importlib
        import sys

        if name not in _LAZY:
            raise absent.missing(sys.modules[__name__], name)
        path, inner = _LAZY[name]
        module = importlib.import_module(f"{__name__}.{path}")
        found = globals()[name] = getattr(module, inner) if inner else module
        for public, _ in _LAZY.values():  # it and those it imported
            if f"{__name__}.{public}" in sys.modules:
                absent.explain(sys.modules[f"{__name__}.{public}"])
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})


absent.install(__name__)
suggest.check_environment(_os.environ)

if _os.environ.get("MXNET_PROFILER_AUTOSTART", "0").lower() in ("1", "true"):
    from . import profiler

    profiler.set_state("run")

__all__ = [
    "AttrScope", "Context", "Executor", "MXNetError", "Monitor", "__version__", "attribute", "autograd",
    "base", "callback", "context", "contrib", "cpu", "cpu_pinned", "current_context", "engine", "error",
    "executor", "executor_manager", "gpu", "gpu_memory_info", "image", "img", "init", "initializer",
    "install_as_mxnet", "io",
    "is_np_array", "is_np_shape", "kv", "kvstore", "libinfo", "log", "lr_scheduler", "metric", "mod", "model",
    "module", "mon", "monitor", "mxnet_version", "name", "nd", "ndarray", "np_array", "np_shape", "num_gpus",
    "operator", "opt", "optimizer", "profiler", "random", "recordio", "registry", "rnd", "rnn", "runtime",
    "set_np_shape", "sym", "symbol", "test_utils", "use_np", "use_np_array", "use_np_shape", "util",
    "visualization", "viz",
]  # fmt: skip
