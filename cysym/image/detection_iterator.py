"""ImageDetIter: batches of images with the boxes of their objects.

A label in a file is a row: header width A, object width B, further header numbers up to A, then B numbers per
object (class, left, top, right, bottom as parts of width and height, ...). In a batch it is a matrix
(objects, B), with rows of -1 behind the objects. Reading and batching are ImageIter's.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray as Host

from ..base import MXNetError
from ..io.data import DataDesc
from ..ndarray import NDArray
from .augmenters import MEAN, STD, _statistic
from .codec import pillow
from .detection_augmenters import CreateDetAugmenter, Labels
from .iterator import ImageIter


class ImageDetIter(ImageIter):
    """Iterates over images and the boxes of their objects.

    Parameters
    ----------
    batch_size, data_shape, path_imgrec, path_imglist, path_root, path_imgidx, shuffle, part_index, num_parts,
    imglist, data_name, label_name, last_batch_handle
        As those of `ImageIter`.
    aug_list : list of DetAugmenter, optional
        ``CreateDetAugmenter(data_shape, **kwargs)`` if left out.

    Attributes
    ----------
    label_shape : (int, int)
        Most objects of an image, and numbers per object; found by reading all labels once.

    Raises
    ------
    MXNetError
        No image, or a label that is no list of boxes.
    """

    def __init__(
        self, batch_size: int, data_shape: Sequence[int], path_imgrec: str | None = None,
        path_imglist: str | None = None, path_root: str | None = None, path_imgidx: str | None = None,
        shuffle: bool = False, part_index: int = 0, num_parts: int = 1, aug_list: Any = None,
        imglist: list[Any] | None = None, data_name: str = "data", label_name: str = "label",
        last_batch_handle: str = "pad", **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            batch_size, data_shape, path_imgrec=path_imgrec, path_imglist=path_imglist, path_root=path_root,
            path_imgidx=path_imgidx, shuffle=shuffle, part_index=part_index, num_parts=num_parts, aug_list=[],
            imglist=imglist, data_name=data_name, label_name=label_name, last_batch_handle=last_batch_handle,
        )  # fmt: skip
        if aug_list is not None and kwargs:
            raise TypeError(f"aug_list leaves no meaning to {sorted(kwargs)}")
        self.auglist = CreateDetAugmenter(data_shape, **kwargs) if aug_list is None else aug_list
        self.label_shape = self._estimate_label_shape()
        self.provide_label = [DataDesc(label_name, (batch_size, *self.label_shape))]

    def _estimate_label_shape(self) -> tuple[int, int]:
        """Most objects and numbers per object over one pass."""
        most, width = 0, 0
        self.reset()
        while True:
            try:
                raw, _ = self.next_sample()
            except StopIteration:
                break
            try:
                label = self._parse_label(raw)
            except RuntimeError as error:
                raise MXNetError(f"{self._place()}: {error}") from error
            most, width = max(most, label.shape[0]), label.shape[1]
        self.reset()
        if not most:
            raise MXNetError("ImageDetIter: there is no image to read")
        return most, width

    def _parse_label(self, label: Any) -> Labels:
        """The objects with an area, (objects, width), of a label row; RuntimeError if there is none."""
        raw = (label.asnumpy() if isinstance(label, NDArray) else np.asarray(label)).ravel()
        if raw.size < 7:
            raise RuntimeError(f"a label with boxes has 7 numbers or more, got {raw.size}")
        header, width = int(raw[0]), int(raw[1])
        if header < 2 or width < 5 or header > raw.size or (raw.size - header) % width:
            raise RuntimeError(
                f"a label of {raw.size} numbers is no header of {header} and objects of {width} (5 or more)"
            )
        objects = raw[header:].reshape(-1, width)
        objects = objects[(objects[:, 3] > objects[:, 1]) & (objects[:, 4] > objects[:, 2])]
        if not len(objects):
            raise RuntimeError("no object of the label has an area")
        return objects

    def _check_valid_label(self, label: Labels) -> None:
        """RuntimeError unless one row is a class and a box with an area."""
        if label.ndim != 2 or label.shape[1] < 5:
            raise RuntimeError(f"a label has the shape (objects, 5 or more), got {label.shape}")
        if not ((label[:, 0] >= 0) & (label[:, 3] > label[:, 1]) & (label[:, 4] > label[:, 2])).any():
            raise RuntimeError("no object of the label has a class and an area")

    def reshape(
        self, data_shape: Sequence[int] | None = None, label_shape: Sequence[int] | None = None
    ) -> None:
        """Give batches another size of images, or room for more objects, from now on."""
        if data_shape is not None:
            self.check_data_shape(data_shape)
        if label_shape is not None:
            self.check_label_shape(label_shape)
            self.provide_label = [DataDesc(self.provide_label[0].name, (self.batch_size, *label_shape))]
            self.label_shape = label_shape[0], label_shape[1]
        if data_shape is not None:
            self.provide_data = [DataDesc(self.provide_data[0].name, (self.batch_size, *data_shape))]
            self.data_shape = tuple(data_shape)

    def check_label_shape(self, label_shape: Sequence[int]) -> None:
        """ValueError unless it has room for all labels seen so far."""
        if len(label_shape) != 2:
            raise ValueError(f"label_shape should have length 2, got {label_shape}")
        most, width = self.label_shape
        if label_shape[0] < most or label_shape[1] != width:
            raise ValueError(f"label_shape must be ({most} or more, {width}), got {tuple(label_shape)}")

    def _new_batch(self) -> tuple[Any, Any]:
        data, label = super()._new_batch()
        label[:] = -1
        return data, label

    def _fill(self, data: Any, label: Any, start: int) -> int:
        row = start
        while row < self.batch_size:
            try:
                image, objects = self._next_valid()
            except StopIteration:
                break
            image, objects = self.augmentation_transform(image, objects)
            try:
                self._check_valid_label(objects)
            except RuntimeError as error:
                logging.debug("Invalid image, skipping:  %s", error)
                continue
            if objects.shape[0] > self.label_shape[0] or objects.shape[1] != self.label_shape[1]:
                raise MXNetError(
                    f"{self._place()}: label {objects.shape} does not fit into {self.label_shape}"
                )
            self._put(data, row, self.postprocess_data(image), "image")
            label[row] = -1
            label[row, : len(objects)] = objects
            row += 1
        return row

    def _next_valid(self) -> tuple[NDArray, Labels]:
        while True:
            raw, encoded = self.next_sample()
            image = self.imdecode(encoded)
            try:
                self.check_valid_image([image])
                return image, self._parse_label(raw)
            except RuntimeError as error:
                logging.debug("Invalid image, skipping:  %s", error)

    def augmentation_transform(  # type: ignore[override]  # boxes go with the image, as in MXNet
        self, data: NDArray, label: Labels
    ) -> tuple[NDArray, Labels]:
        """Image and objects after all augmenters."""
        chain: list[Any] = self.auglist
        for aug in chain:
            data, label = aug(data, label)
        return data, label

    def draw_next(
        self, color: Sequence[float] | None = None, thickness: int = 2, mean: Any = None, std: Any = None,
        clip: bool = True, waitKey: int | None = None, window_name: str = "draw_next",
        id2labels: dict[int, str] | None = None,
    ) -> Iterator[Host[np.uint8]]:  # fmt: skip
        """Pictures of the remaining images of the pass with their boxes.

        Parameters
        ----------
        color : (red, green, blue), optional
            Of the boxes; random if left out.
        thickness : int
            Of their lines, in pixels.
        mean, std : True or numpy.ndarray, optional
            What the augmenters subtracted and divided by, to be undone.
        clip : bool
            Bring values into 0 .. 255 (else they wrap around).
        waitKey
            Must be None: no window is opened. Show the pictures with a package of your choice.
        id2labels : dict, optional
            Names of classes, written into the boxes.

        Yields
        ------
        numpy.ndarray of uint8, (height, width, 3)
            Blue, green, red, as OpenCV's `imshow` wants them.
        """
        if waitKey is not None:
            raise NotImplementedError("draw_next opens no window: leave waitKey None and show what it yields")
        mean, std = _statistic(mean, MEAN, "mean"), _statistic(std, STD, "std")
        library = pillow()
        from PIL import ImageDraw

        while True:
            try:
                image, label = self._next_valid()
            except StopIteration:
                return
            image, label = self.augmentation_transform(image, label)
            pixels = image.asnumpy().astype(np.float32)
            pixels = pixels * (1 if std is None else std) + (0 if mean is None else mean)
            if clip:
                pixels = np.clip(pixels, 0, 255)
            picture = library.fromarray(pixels.astype(np.int64).astype(np.uint8))
            pen = ImageDraw.Draw(picture)
            for row in label:
                self._draw(pen, picture.size, row, color, thickness, id2labels or {})
            yield np.ascontiguousarray(np.asarray(picture)[:, :, ::-1])

    def _draw(
        self, pen: Any, size: tuple[int, int], row: Any, color: Sequence[float] | None, thickness: int,
        names: dict[int, str],
    ) -> None:  # fmt: skip
        left, top, right, bottom = (int(v * size[i % 2]) for i, v in enumerate(row[1:5].tolist()))
        if left < 0:
            return
        ink = tuple(int(c) for c in (np.random.rand(3) * 255 if color is None else color))
        pen.rectangle((left, top, right, bottom), outline=ink, width=thickness)
        if int(row[0]) in names:
            pen.text((left + 5, top + 5), names[int(row[0])], fill=(255, 255, 255))

    def sync_label_shape(self, it: ImageDetIter, verbose: bool = False) -> ImageDetIter:
        """Give this iterator and `it` (training and validation) room for the same number of objects.

        Raises
        ------
        ValueError
            `it` is no ImageDetIter, or its objects have another number of values.
        """
        if not isinstance(it, ImageDetIter):
            raise ValueError(f"sync_label_shape takes an ImageDetIter, got {type(it).__name__}")
        if self.label_shape[1] != it.label_shape[1]:
            raise ValueError(f"objects have {self.label_shape[1]} and {it.label_shape[1]} numbers")
        shape = max(self.label_shape, it.label_shape)
        if verbose and self.label_shape != it.label_shape:
            logging.info("Resized label_shape to (%d, %d).", *shape)
        for each in (self, it):
            if each.label_shape != shape:
                each.reshape(None, shape)
        return it
