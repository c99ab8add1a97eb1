"""MXNet operators that are left out, and why: read by error messages and by docs/ops.md. Holds no operator.

A name that is neither registered nor matched here is an operator nobody has ever had.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Final

_DETECTION: Final = "object detection is not covered"
_SPARSE: Final = "sparse storage is not covered; use dense arrays"
_OBJECT: Final = (
    "it is a Python object of the program that made it (mx.operator.NumpyOp or NDArrayOp), which no file "
    "holds: make the symbol again, or write an mx.operator.CustomOp, which files name"
)
_INTERNAL: Final = "it served MXNet's own front ends and is never called by programs"

ABSENT: Final[tuple[tuple[str, str], ...]] = (
    ("*quantize*", "8-bit quantization is not covered"),
    ("_contrib_calibrate_entropy", "8-bit quantization is not covered"),
    ("cast_storage", _SPARSE),
    ("_sparse_*", _SPARSE),
    ("_contrib_getnnz", _SPARSE),
    ("_contrib_edge_id", _SPARSE),
    ("_contrib_dgl_*", _SPARSE),
    ("_contrib_group_adagrad_update", _SPARSE),
    ("_contrib_MultiBox*", _DETECTION),
    ("_contrib_*Proposal", _DETECTION),
    ("_contrib_*PSROIPooling", _DETECTION),
    ("_contrib_*DeformableConvolution", _DETECTION),
    ("_contrib_*ROIAlign", _DETECTION),
    ("_contrib_box_*", _DETECTION),
    ("_contrib_bipartite_matching", _DETECTION),
    ("_cv*", "decode and resize images with Pillow or OpenCV, then mx.nd.array"),
    ("_imdecode", "decode images with Pillow or OpenCV, then mx.nd.array"),
    ("_image_*", "augment images with Pillow or NumPy, then mx.nd.array"),
    ("_contrib_foreach", "control flow inside a graph is not covered; unroll the loop"),
    ("_contrib_while_loop", "control flow inside a graph is not covered; unroll the loop"),
    ("_contrib_cond", "control flow inside a graph is not covered; use where"),
    ("_foreach", "control flow inside a graph is not covered; unroll the loop"),
    ("_while_loop", "control flow inside a graph is not covered; unroll the loop"),
    ("_cond", "control flow inside a graph is not covered; use where"),
    ("_contrib_boolean_mask", "the shape of its result depends on data: only mx.nd can have it"),
    ("_contrib_fft", "use numpy.fft"),
    ("_contrib_ifft", "use numpy.fft"),
    ("_contrib_count_sketch", "it only ever ran on CUDA"),
    ("_contrib_hawkesll", "too rare"),
    ("_CachedOp*", _INTERNAL),
    ("_CrossDeviceCopy", _INTERNAL),
    ("_CustomFunction", _INTERNAL),
    ("_NDArray", _OBJECT),
    ("_Native", _OBJECT),
    ("_NoGradient", _INTERNAL),
    ("_broadcast_backward", _INTERNAL),
    ("_split_v2_backward", _INTERNAL),
)


def why_absent(name: str) -> str | None:
    """Reason why MXNet's operator `name` is left out; None for a name that is not known to be.

    >>> why_absent("_contrib_quantize_v2")
    '8-bit quantization is not covered'
    """
    return next((reason for pattern, reason in ABSENT if fnmatchcase(name, pattern)), None)
