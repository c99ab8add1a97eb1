"""cysym: MXNet's Symbol API on today's Python, on the CPU and on any OpenCL GPU. ``import cysym as mx``."""

from . import (
    attribute,
    autograd,
    base,
    callback,
    executor,
    initializer,
    io,
    lr_scheduler,
    metric,
    model,
    module,
    monitor,
    name,
    ndarray,
    operator,
    optimizer,
    random,
    registry,
    symbol,
    test_utils,
    util,
    visualization,
)
from .attribute import AttrScope
from .base import MXNetError
from .context import Context, cpu, cpu_pinned, current_context, gpu, gpu_memory_info, num_gpus
from .executor import Executor
from .util import is_np_shape, np_shape, set_np_shape, use_np_shape
from .version import __version__

init = initializer
mod = module
mon = monitor
nd = ndarray
opt = optimizer
rnd = random
sym = symbol
viz = visualization
Monitor = monitor.Monitor

__all__ = [
    "AttrScope", "Context", "Executor", "MXNetError", "Monitor", "__version__", "attribute", "autograd",
    "base", "callback", "cpu", "cpu_pinned", "current_context", "executor", "gpu", "gpu_memory_info", "init",
    "initializer", "io", "is_np_shape", "lr_scheduler", "metric", "mod", "model", "module", "mon", "monitor",
    "name", "nd", "ndarray", "np_shape", "num_gpus", "operator", "opt", "optimizer", "random", "registry",
    "rnd", "set_np_shape", "sym", "symbol", "test_utils", "use_np_shape", "util", "visualization", "viz",
]  # fmt: skip
