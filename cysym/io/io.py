"""Every name of `io` once more, at the path where programs written for MXNet import it.

Nothing is defined here but what is absent and says so.
"""

from __future__ import annotations

from typing import Any, NoReturn

from .built import MXDataIter
from .csv_iter import CSVIter
from .data import DataBatch, DataDesc, DataIter
from .image_record import (
    ImageDetRecordIter,
    ImageRecordInt8Iter,
    ImageRecordIter,
    ImageRecordIter_v1,
    ImageRecordUInt8Iter,
    ImageRecordUInt8Iter_v1,
)
from .mnist_iter import MNISTIter
from .ndarray_iter import NDArrayIter
from .utils import _init_data
from .wrappers import PrefetchingIter, ResizeIter

__all__ = [
    "CSVIter", "DataBatch", "DataDesc", "DataIter", "ImageDetRecordIter", "ImageRecordInt8Iter",
    "ImageRecordIter", "ImageRecordIter_v1", "ImageRecordUInt8Iter", "ImageRecordUInt8Iter_v1", "LibSVMIter",
    "MNISTIter", "MXDataIter", "NDArrayIter", "PrefetchingIter", "ResizeIter", "_init_data",
]  # fmt: skip


def LibSVMIter(*args: Any, **kwargs: Any) -> NoReturn:
    """Not available: its batches are sparse arrays."""
    raise NotImplementedError(
        "LibSVMIter gives sparse (CSR) batches, and there are no sparse arrays here; read the file into a "
        "dense array, for example with sklearn.datasets.load_svmlight_file(...)[0].toarray(), and use "
        "NDArrayIter"
    )
