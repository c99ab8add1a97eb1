"""ImageRecordIter and its relatives: batches of images from a RecordIO file, decoded by several threads.

The calling thread reads records and hands them to a pool; each thread decodes, augments and normalizes its
images into their rows of the batch (Pillow and NumPy give up the interpreter lock while they work). Batches
are prepared `prefetch_buffer` ahead. Parameters are checked by `image_record_params`, records come from
`image_record_source`, pixels are `image.record_augment`'s affair.
"""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from ..base import MXNetError
from .built import Loaded, MXDataIter
from .data import DataDesc
from .image_record_params import MEANS, STDS, read_parameters, refuse_normalization
from .image_record_source import Labels, RecordSource

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

_TYPES = {None: np.float32, "float32": np.float32, "uint8": np.uint8, "int8": np.int8}
_STRIPE = 8  # images per task of the pool


class _Batch(NamedTuple):
    """A batch in the making; it is ready when its tasks are."""

    data: NDArray[Any]
    label: NDArray[Any]
    numbers: NDArray[np.uint64]
    pad: int
    tasks: list[Future[None]]
    wrapped: bool


class _Item(NamedTuple):
    """One image to put into a row: its place in the file, its turn in the sequence, its bytes."""

    row: int
    at: int
    turn: int
    number: int
    image: bytes


class ImageRecordIter(MXDataIter):
    """Iterates over the images of a RecordIO file.

    Parameters
    ----------
    path_imgrec : str
        The file, made by `recordio.pack` or MXNet's im2rec.
    path_imgidx : str, optional
        Its index.
    path_imglist : str, optional
        Labels in a text file, ``key <tab> label ... <tab> file name`` per line, instead of the records' own.
    data_shape : tuple
        (channels, height, width) of an image in a batch; 1 (grey), 3 (red, green, blue) or 4 channels.
    batch_size : int
        Images per batch.
    label_width : int
        Numbers per label.
    shuffle, seed : bool, int
        Another order in each pass; the same as MXNet's unless MXNet reads a file without index in chunks.
    num_parts, part_index : int
        Read only one of several parts.
    round_batch : bool
        Fill the last batch up with the first images (`pad` says how many) and begin the next pass behind
        them. Otherwise it is filled up with zeros, `pad` rows of them.
    resize : int
        Shorter side before everything else.
    rotate, max_rotate_angle : int
        Angle, or the bound of a random one; in degrees.
    max_shear_ratio, max_aspect_ratio, min_aspect_ratio, max_random_scale, min_random_scale : float
        Bounds of a random affine map. Without `min_aspect_ratio` the proportion is 1 +- `max_aspect_ratio`.
    max_img_size, min_img_size : float
        Bounds of both sides after it.
    pad, fill_value : int
        Border around the image, and its value, which also fills what an affine map leaves free.
    rand_crop : bool
        Crop anywhere instead of in the middle. An image that is too small is enlarged.
    max_crop_size, min_crop_size : int
        Crop a square of random size, then resize.
    random_resized_crop, max_random_area, min_random_area : bool, float, float
        Crop a part of random area and proportion, then resize.
    mirror, rand_mirror : bool
        Exchange left and right, always or at random.
    brightness, contrast, saturation, pca_noise, random_h, random_s, random_l
        How far colors change at random.
    inter_method : int
        0 nearest, 1 bilinear, 2 bicubic, 3 area, 4 Lanczos, 9 by size, 10 random.
    mean_img : str
        Mean image to subtract: an NDArray file. It is made, from a pass over all images, if it is not there.
    mean_r, mean_g, mean_b, mean_a, std_r, std_g, std_b, std_a, scale, max_random_contrast,
    max_random_illumination : float
        An output is ((value - mean) contrast + illumination) scale / std per channel.
    dtype : {'float32', 'uint8', 'int8'}
        Of the data. Bytes are not normalized but for the mean of signed ones, and saturate.
    seed_aug : int, optional
        Decides on random augmentation (`seed` if left out): per image, whatever the number of threads. The
        numbers drawn are not MXNet's.
    preprocess_threads, prefetch_buffer : int
        Threads, and batches prepared ahead.
    data_name, label_name : str
        Names in `provide_data` and `provide_label`.
    ctx, device_id, verbose, shuffle_chunk_size
        Concern MXNet's memory and speed only; accepted.

    Raises
    ------
    ImportError
        Pillow is absent.
    TypeError
        An unknown parameter, or none that is required.
    ValueError, MXNetError
        A value or combination that has no meaning; by `next`: a record that is no image, naming file, offset
        and number.
    FormatError
        The file, its index or the image list is damaged, naming file and offset.

    Notes
    -----
    Source: MXNet `ImageRecordIter` (iter_image_recordio_2). In MXNet `round_batch=False` leaves old memory
    in the last batch with `pad` 0, and `index` holds no numbers.
    """

    _name = "ImageRecordIter"
    _dtype: str | None = None

    def __init__(self, **kwargs: Any) -> None:
        if self._dtype is not None and kwargs.get("dtype") not in (None, "None", self._dtype):
            raise ValueError(f"{self._name}: dtype is {self._dtype}, got {kwargs['dtype']!r}")
        p = self._params = read_parameters(self._name, kwargs)
        dtype = p["dtype"] or self._dtype
        if dtype not in _TYPES:
            raise ValueError(f"{self._name}: dtype must be float32, uint8 or int8, got {dtype!r}")
        self._type: Any = _TYPES[dtype]
        if self._type is not np.float32:
            refuse_normalization(self._name, p, MEANS if self._type is np.int8 else ())
        # The images' modules are no use to those who import `io` for other iterators.
        from ..image.codec import COLOR, GREY, UNCHANGED, decode_image, pillow
        from ..image.record_augment import RecordAugmenter

        pillow()
        self._decode = decode_image
        self._flag = {1: GREY, 3: COLOR, 4: UNCHANGED}[p["data_shape"][0]]
        self._augment = RecordAugmenter(p)
        self._labels = Labels(p["path_imgrec"], p["path_imglist"], p["label_width"])
        self._source = self._open_source(p["shuffle"])
        batch, width = p["batch_size"], p["label_width"]
        label_shape = (batch,) if width == 1 else (batch, width)
        super().__init__(
            DataDesc(p["data_name"], (batch, *p["data_shape"]), self._type),
            DataDesc(p["label_name"], label_shape, np.float32),
        )
        self._pool: ThreadPoolExecutor | None = None
        self._pid = os.getpid()
        self._pending: deque[_Batch] = deque()
        self._turn = 0  # of images, over all passes
        self._at_end = False  # nothing is left of this pass to prepare
        self._failure: MXNetError | None = None  # of a record ahead, raised when its turn comes
        self._given_wrapped = False
        self._mean_image: NDArray[np.float32] | None = None
        if p["mean_img"]:
            self._mean_image = self._read_mean_image(p["mean_img"])

    def _open_source(self, shuffle: bool) -> RecordSource:
        p = self._params
        place = p["part_index"], p["num_parts"]
        return RecordSource(p["path_imgrec"], p["path_imgidx"], *place, shuffle, p["seed"])

    # --- passes ---------------------------------------------------------------------------------------------
    def _rewind(self) -> None:
        """Begin the next pass: behind the images that filled up the last batch, if that was the end."""
        self._drop_pending()
        if not self._given_wrapped:
            self._source.rewind()
        self._given_wrapped = self._at_end = False
        self._failure = None

    def _load(self) -> Loaded | None:
        if os.getpid() != self._pid:
            raise MXNetError(
                f"{self._name}: made by process {self._pid}, make another one in a forked process"
            )
        while not self._at_end and len(self._pending) <= self._params["prefetch_buffer"]:
            try:
                self._prepare()
            except MXNetError as error:
                self._failure, self._at_end = error, True
        if not self._pending:
            if self._failure is not None:
                raise self._failure
            return None
        batch = self._pending.popleft()
        for task in batch.tasks:
            task.result()
        self._given_wrapped = batch.wrapped
        return Loaded(batch.data, batch.label, batch.pad, batch.numbers)

    def _prepare(self) -> None:
        """Read the records of one more batch and give their images to the pool."""
        size = self.batch_size
        data = np.empty(self.provide_data[0].shape, self._type)
        label = np.zeros((size, self._params["label_width"]), np.float32)
        numbers = np.zeros(size, np.uint64)
        items: list[_Item] = []
        pad, wrapped = 0, False
        while len(items) < size:
            record = self._source.read()
            if record is not None:
                row = len(items)
                number, label[row], image = self._labels.unpack(*record)
                numbers[row] = number
                items.append(_Item(row, record[1], self._turn, number, image))
                self._turn += 1
            elif not items:
                self._at_end = True
                return
            elif wrapped:
                raise MXNetError(
                    f"{self._name}: {self._source.path} has too few images for a batch of {size}: "
                    "round_batch starts over once"
                )
            else:
                self._at_end = True
                pad = size - len(items)
                if not self._params["round_batch"]:
                    data[len(items) :] = 0
                    break
                wrapped = True
                self._source.rewind()
        stripes = [items[i : i + _STRIPE] for i in range(0, len(items), _STRIPE)]
        pool = self._threads()
        tasks = [pool.submit(self._fill, data, stripe) for stripe in stripes]
        shaped = label.reshape(self.provide_label[0].shape)
        self._pending.append(_Batch(data, shaped, numbers, pad, tasks, wrapped))

    def _threads(self) -> ThreadPoolExecutor:
        if self._pool is None:
            from concurrent.futures import ThreadPoolExecutor

            self._pool = ThreadPoolExecutor(self._params["preprocess_threads"], "cysym-image")
        return self._pool

    def _drop_pending(self) -> None:
        for batch in self._pending:
            for task in batch.tasks:
                task.cancel()
        self._pending.clear()

    def close(self) -> None:
        """Stop the threads and close the file; MXNet leaves that to the garbage collector."""
        self._drop_pending()
        self._at_end = True
        if self._pool is not None:
            self._pool.shutdown(wait=True)
            self._pool = None
        self._source.close()

    def __del__(self) -> None:
        pool = getattr(self, "_pool", None)
        if pool is not None:
            self._drop_pending()
            pool.shutdown(wait=False)

    # --- images ---------------------------------------------------------------------------------------------
    def _fill(self, data: NDArray[Any], items: list[_Item]) -> None:
        """Decode, augment and normalize images into their rows of a batch; runs in a thread."""
        for item in items:
            random = np.random.default_rng((self._seed(), item.turn))
            self._normalize(self._planes(item, random), data[item.row], random)

    def _seed(self) -> int:
        seed = self._params["seed_aug"]
        return abs(int(self._params["seed"] if seed is None else seed))

    def _planes(self, item: _Item, random: np.random.Generator) -> NDArray[np.uint8]:
        """The augmented image, (channels, height, width)."""
        p = self._params
        channels = p["data_shape"][0]
        try:
            pixels = self._decode(item.image, self._flag, upright=True)
            if pixels.shape[2] != channels:
                raise MXNetError(f"it has {pixels.shape[2]} channels, data_shape asks for {channels}")
            pixels = self._augment(pixels, random)
        except MXNetError as error:
            where = f"{self._source.path}, offset {item.at}, image {item.number}"
            raise type(error)(f"{where}: {error}") from error
        if p["mirror"] or (p["rand_mirror"] and random.random() < 0.5):
            pixels = pixels[:, ::-1]
        return pixels.transpose(2, 0, 1)

    def _normalize(self, planes: NDArray[np.uint8], out: NDArray[Any], random: np.random.Generator) -> None:
        if self._type is np.uint8:
            out[:] = planes
            return
        p = self._params
        mean: Any = np.array([p[name] for name in MEANS[: len(planes)]], np.float32)[:, None, None]
        if self._type is np.int8:
            out[:] = np.clip(planes - np.trunc(mean), -128, 127)
            return
        if self._mean_image is not None:
            mean = self._mean_image
        spread = p["max_random_contrast"]
        contrast = (1 + (random.uniform(-spread, spread) if spread else 0)) * p["scale"]
        spread = p["max_random_illumination"]
        light = (random.uniform(-spread, spread) if spread else 0) * p["scale"]
        factor = np.array([contrast / p[name] for name in STDS[: len(planes)]], np.float32)[:, None, None]
        np.subtract(planes, mean, out=out)
        if (factor != 1).any():
            out *= factor
        if light:
            out += np.array([light / p[name] for name in STDS[: len(planes)]], np.float32)[:, None, None]

    def _read_mean_image(self, path: str) -> NDArray[np.float32]:
        """The mean image of the file `path`, which is written first if it is not there."""
        from .. import ndarray as nd

        shape = self._params["data_shape"]
        if not os.path.exists(path):
            nd.save(path, {"mean_img": nd.array(self._mean_of_all())})
        found = nd.load(path)
        arrays = list(found.values()) if isinstance(found, dict) else found
        if len(arrays) != 1 or arrays[0].shape != shape:
            raise MXNetError(
                f"{self._name}: mean_img {path} must hold one array {shape}, "
                f"it holds {[a.shape for a in arrays]}"
            )
        if any(self._params[name] for name in MEANS):
            raise MXNetError(f"{self._name}: mean_img leaves no meaning to {', '.join(MEANS)}")
        mean: NDArray[np.float32] = arrays[0].asnumpy().astype(np.float32)
        return mean

    def _mean_of_all(self) -> NDArray[np.float32]:
        source, random = self._open_source(False), np.random.default_rng(self._seed())
        total, count = np.zeros(self._params["data_shape"], np.float64), 0
        while (record := source.read()) is not None:
            number, _, image = self._labels.unpack(*record)
            total += self._planes(_Item(0, record[1], count, number, image), random)
            count += 1
        source.close()
        if not count:
            raise MXNetError(f"{self._name}: {source.path} holds no image to take the mean of")
        return (total / count).astype(np.float32)


class ImageRecordIter_v1(ImageRecordIter):
    """`ImageRecordIter` under the name of MXNet's first implementation; the same here."""

    _name = "ImageRecordIter_v1"


class ImageRecordUInt8Iter(ImageRecordIter):
    """`ImageRecordIter` with batches of uint8, neither normalized nor scaled."""

    _name = "ImageRecordUInt8Iter"
    _dtype = "uint8"


class ImageRecordUInt8Iter_v1(ImageRecordUInt8Iter):
    """`ImageRecordUInt8Iter` under the name of MXNet's first implementation; the same here."""

    _name = "ImageRecordUInt8Iter_v1"


class ImageRecordInt8Iter(ImageRecordIter):
    """`ImageRecordIter` with batches of int8: values less the mean, saturated to -128 .. 127."""

    _name = "ImageRecordInt8Iter"
    _dtype = "int8"


def ImageDetRecordIter(**kwargs: Any) -> NoReturn:
    """Not available: `image.ImageDetIter` reads the same files."""
    raise NotImplementedError(
        "ImageDetRecordIter is not covered; mx.image.ImageDetIter reads the same files, its boxes augmented "
        "by mx.image.CreateDetAugmenter"
    )
