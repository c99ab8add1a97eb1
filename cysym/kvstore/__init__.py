"""Key-value stores: sums of gradients over devices, and the parameters kept beside them.

`base` has the interface and `create`, `kvstore` the store over the devices of one process, `training` what
Module and FeedForward do with a store. Stores know arrays and optimizers, nothing of symbols or modules.
"""

from . import base, kvstore, kvstore_server
from .base import KVStoreBase, create
from .kvstore import KVStore
from .kvstore_server import KVStoreServer

__all__ = ["KVStore", "KVStoreBase", "KVStoreServer", "base", "create", "kvstore", "kvstore_server"]
