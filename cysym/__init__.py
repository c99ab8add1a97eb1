"""cysym: MXNet's Symbol API on today's Python, on the CPU and on any OpenCL GPU. ``import cysym as mx``."""

from __future__ import annotations

from . import base, util
from .base import MXNetError
from .context import Context, cpu, cpu_pinned, current_context, gpu, gpu_memory_info, num_gpus
from . import attribute, name, symbol
from .attribute import AttrScope
from . import symbol as sym
from . import ndarray
from . import ndarray as nd
from . import executor, random
from . import random as rnd

__version__ = "0.1.0"
