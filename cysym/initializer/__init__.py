"""Initial values of parameters: which rule fills an array is decided by its name or its `__init__` attribute.

An initializer is called with an InitDesc (a name carrying the variable's attributes) and writes the array in
place, drawing through the library's random streams, so a seed reproduces the same network as in MXNet.
Module.init_params calls it, parameter by parameter in the order of names. `base` holds the dispatch, `rules`
the formulas, `sources` the choosers, `recurrent` what knows the gates of recurrent layers.
"""

from .base import InitDesc, Initializer, alias, create, register
from .recurrent import FusedRNN, LSTMBias
from .rules import Bilinear, Constant, MSRAPrelu, Normal, One, Orthogonal, Uniform, Xavier, Zero
from .sources import Load, Mixed

__all__ = [
    "Bilinear", "Constant", "FusedRNN", "InitDesc", "Initializer", "LSTMBias", "Load", "MSRAPrelu", "Mixed",
    "Normal", "One", "Orthogonal", "Uniform", "Xavier", "Zero", "alias", "create", "register",
]  # fmt: skip
