"""What ``import mxnet`` finds in a spawned process, `cysym.install_as_mxnet` being asked for NumPy's names.

multiprocessing hands `sys.path`, with this folder on it, to its children. The import ends with cysym's module
in this one's place.
"""

import cysym
from cysym import old_numpy

old_numpy.install(quiet=True)
cysym.install_as_mxnet(numpy_names=True)
