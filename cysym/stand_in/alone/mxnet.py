"""What ``import mxnet`` finds in a process spawned by one that called `cysym.install_as_mxnet`.

multiprocessing hands `sys.path`, with this folder on it, to its children. The import ends with cysym's module
in this one's place.
"""

import cysym

cysym.install_as_mxnet()
