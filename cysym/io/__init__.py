"""Data iterators: what feeds batches to a Module.

`io` holds the descriptions, the base class and the iterator over arrays. Iterators know nothing of symbols or
modules.
"""

from .io import DataBatch, DataDesc, DataIter, NDArrayIter

__all__ = ["DataBatch", "DataDesc", "DataIter", "NDArrayIter"]
