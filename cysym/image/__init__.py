"""`mx.image` (`mx.img`): decode, resize and augment images, and iterate over them.

`codec` and `resize` know arrays only, `functions` and `augmenters` NDArrays, the iterators batches; `image`
and `detection` are MXNet's module paths. Pillow (``pip install "cysym[image]"``) is imported when a file is
decoded.
"""

from . import detection, image
from . import detection as det
from .detection import *  # noqa: F403
from .image import *  # noqa: F403

__all__ = ["det", "detection", "image", *detection.__all__, *image.__all__]
