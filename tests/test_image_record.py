"""ImageRecordIter: errors that name the place, threads that change nothing, what random augmentation may do.

That batches are MXNet's is shown by `recorded/programs/image_record.py`.
"""

from __future__ import annotations

import os
import struct
import threading

import numpy as np
import pytest
from recorded.programs._pictures import pixels, png

import cysym as mx
from cysym.base import FormatError
from cysym.image.record_augment import RecordAugmenter
from cysym.io.image_record_params import _TABLE, read_parameters

pytest.importorskip("PIL")


def write(folder, images, label=float):
    path = folder / "a.rec"
    with mx.recordio.MXIndexedRecordIO(folder / "a.idx", path, "w") as record:
        for i, data in enumerate(images):
            record.write_idx(i, mx.recordio.pack((0, label(i), 100 + i, 0), data))
    return str(path)


def squares(count, size=6):
    return [png(pixels(size, size, 3, i)) for i in range(count)]


@pytest.fixture
def rec(tmp_path):
    return {"path_imgrec": write(tmp_path, squares(10)), "data_shape": (3, 6, 6), "batch_size": 4}


def labels(it):
    return [b.label[0].asnumpy().astype(int).tolist() for b in it]


# --- passes ------------------------------------------------------------------------------------------------
def test_last_batch_without_rounding(rec):
    it = mx.io.ImageRecordIter(round_batch=False, **rec)
    for _ in range(2):
        *whole, last = list(it)
        assert [b.pad for b in whole] == [0, 0]
        assert last.pad == 2  # MXNet says 0 and leaves old memory in these rows
        assert last.label[0].asnumpy().tolist() == [8, 9, 0, 0]
        assert not last.data[0].asnumpy()[2:].any()
        assert last.index.tolist() == [108, 109, 0, 0]
        it.reset()


def test_reset_within_a_pass(rec):
    it = mx.io.ImageRecordIter(prefetch_buffer=8, **rec)
    for _ in range(3):
        it.next()
        it.reset()
    assert labels(it) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 0, 1]]
    it.reset()
    assert it.next().label[0].asnumpy().tolist() == [2, 3, 4, 5]


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("index", ["", "a.idx"])
@pytest.mark.parametrize("parts", [1, 2, 3, 7])
def test_parts_are_the_whole(tmp_path, shuffle, index, parts):
    path = write(tmp_path, [png(pixels(3 + i % 5, 3, 3, i)) for i in range(23)])
    found = []
    for part in range(parts):
        it = mx.io.ImageRecordIter(
            path_imgrec=path, path_imgidx=index and str(tmp_path / index), num_parts=parts, part_index=part,
            shuffle=shuffle, data_shape=(3, 3, 3), batch_size=1,
        )  # fmt: skip
        passes = [np.ravel(labels(it)).tolist()]
        it.reset()
        passes.append(np.ravel(labels(it)).tolist())
        assert sorted(passes[0]) == sorted(passes[1])
        found += passes[0]
    assert sorted(found) == list(range(23))


def test_empty_file(tmp_path):
    path = write(tmp_path, [])
    it = mx.io.ImageRecordIter(path_imgrec=path, data_shape=(3, 2, 2), batch_size=2)
    assert list(it) == []


def test_prediction_drops_what_only_fills_up(rec):
    it = mx.io.ImageRecordIter(scale=1 / 255, **rec)
    data = mx.sym.flatten(mx.sym.Variable("data"))
    net = mx.sym.SoftmaxOutput(mx.sym.FullyConnected(data, num_hidden=10), name="softmax")
    module = mx.mod.Module(net)
    module.bind(it.provide_data, it.provide_label)
    module.init_params(mx.init.One())
    assert module.predict(it).shape == (10, 10)


# --- threads -----------------------------------------------------------------------------------------------
RANDOM = {
    "rand_crop": True, "rand_mirror": True, "max_rotate_angle": 20, "max_shear_ratio": 0.2,
    "max_random_scale": 1.2, "min_random_scale": 0.9, "max_aspect_ratio": 0.1,
    "brightness": 0.2, "contrast": 0.2, "saturation": 0.2,
    "random_h": 10, "random_s": 20, "random_l": 20, "pca_noise": 0.1, "max_random_contrast": 0.1,
    "max_random_illumination": 3, "inter_method": 10,
}  # fmt: skip


def test_threads_change_nothing(tmp_path):
    path = write(tmp_path, squares(40, 12))
    found = []
    for threads, prefetch, seed in ((1, 0, 5), (3, 4, 5), (2, 1, 6)):
        it = mx.io.ImageRecordIter(
            path_imgrec=path, data_shape=(3, 9, 9), batch_size=16, preprocess_threads=threads,
            prefetch_buffer=prefetch, seed_aug=seed, shuffle=True, **RANDOM,
        )  # fmt: skip
        found.append([[b.data[0].asnumpy() for b in it], it.reset(), [b.data[0].asnumpy() for b in it]])
        it.close()
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][2], found[1][2])
    assert not np.array_equal(found[0][0][0], found[0][2][0])  # each pass draws anew
    assert not np.array_equal(found[0][0][0], found[2][0][0])


def test_threads_end_with_the_iterator(rec):
    before = threading.active_count()
    it = mx.io.ImageRecordIter(preprocess_threads=3, **rec)
    it.next()
    assert threading.active_count() > before
    it.close()
    assert threading.active_count() == before
    with pytest.raises(StopIteration):
        it.next()


def test_forked_process_is_told(rec, monkeypatch):
    it = mx.io.ImageRecordIter(**rec)
    monkeypatch.setattr(os, "getpid", lambda: -1)
    with pytest.raises(mx.MXNetError, match="make another one in a forked process"):
        it.next()


# --- damage ------------------------------------------------------------------------------------------------
def test_broken_image_is_named(tmp_path):
    path = write(tmp_path, [*squares(5), b"broken", *squares(3)])
    it = mx.io.ImageRecordIter(path_imgrec=path, data_shape=(3, 6, 6), batch_size=3)
    assert labels([it.next()]) == [[0, 1, 2]]
    with pytest.raises(
        mx.MXNetError, match=r"a\.rec, offset \d+, image 105: cannot decode an image of 6 bytes"
    ):
        it.next()


def test_damaged_file_is_named(tmp_path, rec):
    data = (tmp_path / "a.rec").read_bytes()
    starts = [int(line.split()[1]) for line in (tmp_path / "a.idx").read_text().splitlines()]
    damaged = {
        "cut": (data[:-9], starts[-1]),
        "magic": (data[: starts[4]] + b"xxxx" + data[starts[4] + 4 :], starts[4]),
        "length": (data[: starts[2] + 4] + struct.pack("<I", 2**29 - 1) + data[starts[2] + 8 :], starts[2]),
        "tail": (data + b"\0\0\0\0", len(data)),
    }  # fmt: skip
    for content, offset in damaged.values():
        with open(rec["path_imgrec"], "wb") as stream:
            stream.write(content)
        it = mx.io.ImageRecordIter(**rec)
        with pytest.raises(FormatError, match=rf"a\.rec, offset {offset}: "):
            list(it)
        with pytest.raises(FormatError, match=rf"a\.rec, offset {offset}: "):
            mx.io.ImageRecordIter(shuffle=True, **rec)
    with open(rec["path_imgrec"], "wb") as stream:
        stream.write(data)
        stream.write(struct.pack("<II", 0xCED7230A, 4) + b"tiny")
    with pytest.raises(FormatError, match=rf"a\.rec, offset {len(data)}: a packed record has a header"):
        list(mx.io.ImageRecordIter(**rec))


def test_damage_is_told_in_its_turn(tmp_path):
    """Batches ahead of the damage come first, though it was met before; a reset starts over."""
    path = write(tmp_path, squares(7), lambda i: [i, i] if i == 5 else float(i))
    it = mx.io.ImageRecordIter(path_imgrec=path, data_shape=(3, 6, 6), batch_size=2, prefetch_buffer=8)
    for _ in range(2):
        assert labels([it.next(), it.next()]) == [[0, 1], [2, 3]]
        for _ in range(2):
            with pytest.raises(mx.MXNetError, match=r"a\.rec: image 105 has 2 labels, label_width is 1"):
                it.next()
        it.reset()


def test_grey_file_for_four_channels(tmp_path):
    path = write(tmp_path, [png(pixels(4, 4, 4)), png(pixels(4, 4, 1))])
    it = mx.io.ImageRecordIter(path_imgrec=path, data_shape=(4, 4, 4), batch_size=1, mean_a=7, std_a=2)
    want = pixels(4, 4, 4).transpose(2, 0, 1).astype(np.float32)
    want[3] = (want[3] - 7) / 2
    np.testing.assert_allclose(it.next().data[0].asnumpy()[0], want)
    with pytest.raises(mx.MXNetError, match="image 101: it has 1 channels, data_shape asks for 4"):
        it.next()


# --- parameters --------------------------------------------------------------------------------------------
REQUIRED = {"path_imgrec": "a.rec", "data_shape": (3, 6, 6), "batch_size": 2}


@pytest.mark.parametrize("name", _TABLE)
def test_every_parameter_refuses_nonsense(name):
    """Its own name is in the message, and nothing was opened."""
    kind = _TABLE[name][0]
    bad = {"shape": [(), (3, 0, 3), "abc", 3.5], "int": ["x", 1.5, None, []],
           "float": ["x", None, float("nan")], "bool": ["maybe", 2, None], "path": [3, 4.5],
           "str": [], "int or None": ["x", 0.5], "float or None": ["x", float("nan")],
           "str or None": []}[kind]  # fmt: skip
    for value in bad:
        with pytest.raises(ValueError, match=rf"ImageRecordIter: {name} must be {kind}, got"):
            mx.io.ImageRecordIter(**(REQUIRED | {name: value}))


@pytest.mark.parametrize(
    ("kwargs", "error", "text"),
    [
        ({"means_r": 1}, TypeError, r"no parameter 'means_r' \(did you mean mean_r\?\)"),
        ({"data_shape": (6, 6)}, ValueError, "data_shape must be"),
        ({"batch_size": 0}, ValueError, "batch_size must be in"),
        ({"aug_seq": "other"}, ValueError, "aug_seq"), ({"inter_method": 7}, ValueError, "inter_method"),
        ({"dtype": "float16"}, ValueError, "dtype must be"), ({"part_index": 1}, ValueError, "part_index"),
        ({"resize": 0}, ValueError, "resize must be"), ({"std_g": 0}, ValueError, "none may be 0"),
        ({"fill_value": 256}, ValueError, "fill_value must be in"),
        ({"path_imgrec": ""}, ValueError, "path_imgrec is"),
        ({"shuffle_chunk_seed": 3}, mx.MXNetError, "shuffle_chunk_seed"),
        ({"min_random_scale": 2}, mx.MXNetError, "min_random_scale is 2.0, above max"),
        ({"max_aspect_ratio": 1}, mx.MXNetError, "max_aspect_ratio must be below 1"),
        ({"min_aspect_ratio": 2, "max_aspect_ratio": 1.5}, mx.MXNetError, "0 < min_aspect_ratio <="),
        ({"max_crop_size": 6}, mx.MXNetError, "0 < min <= max"),
        ({"random_resized_crop": True, "rand_crop": True}, mx.MXNetError, "excludes rand_crop"),
        ({"random_resized_crop": True, "min_random_area": 0}, mx.MXNetError, "min_random_area and"),
        ({"data_shape": (1, 6, 6), "brightness": 1}, mx.MXNetError, "need colors"),
        ({"dtype": "uint8", "mean_r": 3}, mx.MXNetError, "mean_r has no effect"),
        ({"dtype": "int8", "scale": 3}, mx.MXNetError, "scale has no effect"),
        ({"mean_img": "none/mean.nd"}, FileNotFoundError, "none"),
    ],
)  # fmt: skip
def test_combinations_that_are_refused(rec, kwargs, error, text):
    with pytest.raises(error, match=text):
        mx.io.ImageRecordIter(**(rec | kwargs))


def test_relatives_have_their_type(rec):
    assert mx.io.ImageRecordUInt8Iter(dtype="uint8", **rec).provide_data[0].dtype is np.uint8
    with pytest.raises(ValueError, match="ImageRecordInt8Iter: dtype is int8, got 'float32'"):
        mx.io.ImageRecordInt8Iter(dtype="float32", **rec)
    with pytest.raises(TypeError, match="ImageRecordUInt8Iter: data_shape is required"):
        mx.io.ImageRecordUInt8Iter(path_imgrec="a.rec")
    with pytest.raises(NotImplementedError, match=r"mx\.image\.ImageDetIter"):
        mx.io.ImageDetRecordIter(path_imgrec="a.rec")


def test_mean_image_that_does_not_fit(rec, tmp_path):
    path = str(tmp_path / "mean.nd")
    mx.nd.save(path, [mx.nd.zeros((3, 4, 4))])
    with pytest.raises(
        mx.MXNetError, match=r"mean\.nd must hold one array \(3, 6, 6\), it holds \[\(3, 4, 4\)\]"
    ):
        mx.io.ImageRecordIter(mean_img=path, **rec)
    mx.nd.save(path, [mx.nd.zeros((3, 6, 6))])
    with pytest.raises(mx.MXNetError, match="no meaning to mean_r"):
        mx.io.ImageRecordIter(mean_img=path, mean_g=3, **rec)


# --- chance ------------------------------------------------------------------------------------------------
def augmented(image, count=60, **params):
    params = read_parameters("test", REQUIRED | params)
    augment = RecordAugmenter(params)
    return np.stack([augment(image, np.random.default_rng(i)).astype(int) for i in range(count)])


def test_crops_lie_anywhere():
    image = np.arange(9 * 8 * 3, dtype=np.uint8).reshape(9, 8, 3)
    found = {
        tuple(np.argwhere((image == crop[0, 0]).all(2))[0]) for crop in augmented(image, 200, rand_crop=True)
    }
    assert found == {(y, x) for y in range(4) for x in range(3)}


def test_random_areas_and_sizes():
    image = pixels(30, 40)
    for params in (
        {
            "random_resized_crop": True,
            "min_random_area": 0.2,
            "max_random_area": 0.5,
            "max_aspect_ratio": 0.2,
        },
        {"min_crop_size": 4, "max_crop_size": 20, "rand_crop": True},
    ):
        found = augmented(image, **params)
        assert found.shape == (60, 6, 6, 3)
        assert len(np.unique(found[:, 0, 0], axis=0)) > 30


@pytest.mark.parametrize(
    ("params", "low", "high"),
    [({"brightness": 0.2}, 80, 120), ({"contrast": 0.5}, 99, 101), ({"saturation": 0.5}, 99, 101),
     ({"random_l": 20}, 79, 121), ({"random_h": 90, "random_s": 0}, 99, 101)],
)  # fmt: skip
def test_colors_of_a_grey_picture(params, low, high):
    """Brightness moves within its bounds; what changes contrast, saturation or hue has nothing to change."""
    found = augmented(np.full((6, 6, 3), 100, np.uint8), **params)
    assert low <= found.min() <= found.max() <= high
    if high > 101:
        assert found.max() - found.min() > 0.8 * (high - low)


def test_colors_of_a_colored_picture():
    image = pixels(6, 6, 3, 4)
    for params in (
        {"contrast": 0.5},
        {"saturation": 0.5},
        {"random_h": 90},
        {"random_s": 100},
        {"pca_noise": 0.3},
    ):
        found = augmented(image, **params)
        assert np.abs(found.mean(0) - image).mean() < 25
        assert found.std(0).mean() > 2
    grey = augmented(image, saturation=0.9) @ [0.299, 0.587, 0.114]
    assert np.abs(grey - image @ [0.299, 0.587, 0.114])[2:-2].mean() < 6  # saturation keeps the brightness


def test_mirror_and_normalization_draw_per_image(rec):
    size = rec | {"batch_size": 10}
    plain = mx.io.ImageRecordIter(**size).next().data[0].asnumpy()
    it = mx.io.ImageRecordIter(rand_mirror=True, max_random_contrast=0.2, max_random_illumination=5, **size)
    flips, factors = [], []
    for _ in range(6):
        for image, want in zip(it.next().data[0].asnumpy(), plain):
            found = [np.polyfit(w.ravel(), image.ravel(), 1, full=True) for w in (want, want[:, :, ::-1])]
            flips.append(int(found[1][1][0] < found[0][1][0]))
            (factor, light), (residual,) = found[flips[-1]][:2]
            assert residual < 1e-3
            assert 0.8 <= factor <= 1.2
            assert abs(light) <= 5.001
            factors.append(factor)
        it.reset()
    assert 15 < sum(flips) < 45
    assert np.ptp(factors) > 0.3
