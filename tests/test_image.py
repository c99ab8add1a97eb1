"""Images: damaged files, optional Pillow, errors, resizing by its definition, boxes that stay with objects.

That pixels and choices are MXNet's is shown by `recorded/programs/image.py`.
"""

from __future__ import annotations

import colorsys
import json
import random
import struct
import sys
import zlib

import numpy as np
import pytest
from conftest import contexts
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded.programs._pictures import pictures, pixels, png

import cysym as mx
from cysym import _core
from cysym.base import FormatError
from cysym.image import codec
from cysym.image.color_space import from_hls, to_hls
from cysym.image.resize import resize
from cysym.image.warp import warp_affine

pytest.importorskip("PIL")
FILES = pictures()


def picture(*shape, dtype="uint8", ctx=None):
    return mx.nd.array(pixels(*shape), dtype=dtype, ctx=ctx)


# --- files -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["color", "palette", "16 bits", "bmp", "color.jpg", "progressive.jpg"])
def test_damaged_pictures(name, recwarn):
    """Each damaged file is a picture or one MXNetError, whatever its decoder stumbled over."""
    data, rng, messages = FILES[name], np.random.default_rng(5), []
    cases = [data[:cut] for cut in np.linspace(1, len(data) - 1, 30).astype(int)]
    for _ in range(90):
        bad = bytearray(data)
        for at in rng.integers(0, len(data), rng.integers(1, 6)):
            bad[at] = rng.integers(256)
        cases.append(bytes(bad))
    for case in cases:
        for flag in (1, 0):
            try:
                found = mx.image.imdecode(case, flag)
            except mx.MXNetError as error:
                messages.append(str(error))
            else:
                assert found.ndim == 3
                assert found.shape[2] == (3 if flag else 1)
    assert len(messages) >= 30
    assert all("cannot decode a" in message for message in messages)


def test_picture_of_too_many_pixels():
    """Its few bytes promise 3.6 thousand million pixels."""
    data = png(pixels(1, 1))
    start = data.index(b"IHDR") + 4
    head = struct.pack(">II", 60_000, 60_000) + data[start + 8 : start + 13]
    bad = data[:start] + head + struct.pack(">I", zlib.crc32(b"IHDR" + head)) + data[start + 17 :]
    with pytest.raises(mx.MXNetError, match=r"cannot decode an image of .* exceeds limit"):
        mx.image.imdecode(bad)


def test_formats_that_are_left_out():
    """Pillow would open them; some of its readers start other programs."""
    from io import BytesIO

    stream = BytesIO()
    codec.pillow().fromarray(pixels(4, 4)).save(stream, "GIF")
    for data in (
        stream.getvalue(),
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        b"GIF89a",
        b"\0" * 100,
    ):
        with pytest.raises(mx.MXNetError, match="no image of a known format"):
            mx.image.imdecode(data)


def test_without_pillow(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "PIL", None)
    for call in (
        lambda: mx.image.imdecode(FILES["color"]),
        lambda: mx.recordio.pack_img((0, 1, 2, 3), pixels(2, 2)),
        lambda: mx.io.ImageRecordIter(path_imgrec="x.rec", data_shape=(3, 2, 2), batch_size=1),
    ):
        with pytest.raises(ImportError, match=r'pip install "cysym\[image\]"'):
            call()
    assert mx.image.imresize(picture(4, 4, 3), 2, 2).shape == (2, 2, 3)  # needs no Pillow


def test_imread_names_the_file(tmp_path):
    path = tmp_path / "broken.png"
    path.write_bytes(FILES["color"][:-60])
    with pytest.raises(mx.MXNetError, match=r"broken\.png: cannot decode an image"):
        mx.image.imread(path)
    with pytest.raises(FileNotFoundError):
        mx.image.imread(tmp_path / "none.png")


def test_result_goes_into_out():
    out = mx.nd.zeros((7, 9, 3), dtype="uint8")
    assert mx.image.imdecode(FILES["color"], out=out) is out
    np.testing.assert_array_equal(out.asnumpy(), pixels(7, 9, 3, 1))
    for bad in (mx.nd.zeros((9, 7, 3), dtype="uint8"), mx.nd.zeros((7, 9, 3)), np.zeros((7, 9, 3), np.uint8)):
        with pytest.raises(mx.MXNetError, match=r"out must be an NDArray \(7, 9, 3\) uint8, got"):
            mx.image.imdecode(FILES["color"], out=bad)


# --- resizing ----------------------------------------------------------------------------------------------
SIDES = st.integers(1, 12)


@settings(max_examples=120, deadline=None)
@given(SIDES, SIDES, SIDES, SIDES, st.sampled_from(range(5)), st.sampled_from([1, 2, 3, 4, 5]))
def test_resizing_keeps_flat_pictures_and_bounds(rows, columns, height, width, method, channels):
    flat = np.full((rows, columns, channels), 77, np.uint8)
    np.testing.assert_array_equal(resize(flat, width, height, method), 77)
    some = pixels(rows, columns, channels)
    found = resize(some, width, height, method)
    assert found.shape == (height, width, channels)
    assert found.dtype == np.uint8
    if method not in (2, 4):  # those overshoot
        assert some.min() <= found.min() <= found.max() <= some.max()
    exact = resize(some.astype(np.float64), width, height, method)
    assert np.abs(np.clip(exact, 0, 255) - found).max() <= 1.0
    assert np.abs(resize(some.astype(np.float32), width, height, method) - exact).max() < 1e-3
    # Mirroring and resizing may be exchanged, but where a method leans to the left.
    if method in (1, 2, 4):
        mirrored = resize(some[:, ::-1].astype(np.float64), width, height, method)[:, ::-1]
        assert np.abs(mirrored - exact).max() < 0.5


def test_shrinking_by_area_keeps_the_mean():
    some = pixels(12, 30).astype(np.float64)
    for width, height in ((15, 6), (10, 4), (7, 5), (29, 11)):
        found = resize(some, width, height, 3)
        assert abs(found.mean() - some.mean()) < 1e-3 * some.mean()


@pytest.mark.parametrize("ctx", contexts())
def test_device_and_type_are_kept(ctx):
    for dtype in ("uint8", "float32", "float64"):
        source = picture(6, 5, 3, dtype=dtype, ctx=ctx)
        for found in (
            mx.image.imresize(source, 3, 4), mx.image.fixed_crop(source, 1, 1, 3, 3),
            mx.image.copyMakeBorder(source, 1, 1, 1, 1), mx.image.HorizontalFlipAug(1)(source),
        ):  # fmt: skip
            assert (found.context, np.dtype(found.dtype)) == (ctx, np.dtype(dtype))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda x: mx.image.imresize(x.asnumpy(), 2, 2),
            TypeError,
            "imresize: src must be an NDArray, got ndarray",
        ),
        (
            lambda x: mx.image.imresize(x[0], 2, 2),
            mx.MXNetError,
            r"\(height, width, channels\), got \(5, 3\)",
        ),
        (
            lambda x: mx.image.imresize(x.astype("int32"), 2, 2),
            mx.MXNetError,
            "uint8, float32 or float64, got int32",
        ),
        (lambda x: mx.image.imresize(x, 2, 0), mx.MXNetError, "w and h must be positive, got 2 and 0"),
        (lambda x: mx.image.imresize(x, 2, 2, 9), mx.MXNetError, "interp must be one of .* got 9"),
        (lambda x: mx.image.resize_short(x, 2, 7), ValueError, "interp must be one of .* got 7"),
        (lambda x: mx.image.copyMakeBorder(x, 0, 0, -1, 0), mx.MXNetError, "must not be negative"),
        (lambda x: mx.image.copyMakeBorder(x, 1, 0, 0, 0, 9), mx.MXNetError, "type must be 0"),
        (
            lambda x: mx.image.BrightnessJitterAug(0.1)(x),
            mx.MXNetError,
            "BrightnessJitterAug .* got uint8; cast it",
        ),
        (
            lambda x: mx.image.LightingAug(1, np.ones(3), np.eye(3))(x),
            mx.MXNetError,
            "LightingAug changes colors",
        ),
        (
            lambda x: mx.image.random_size_crop(x, (2, 2), 0.1, (1, 1), area_=3),
            TypeError,
            r"arguments \['area_'\]",
        ),
        (lambda x: mx.image.CreateAugmenter((3, 2, 2), rand_resize=True), ValueError, "needs rand_crop"),
        (
            lambda x: mx.image.CreateAugmenter((3, 2, 2), mean=[1, 2, 3]),
            ValueError,
            "mean must be True, None or",
        ),
        (lambda x: mx.image.imrotate(mx.nd.ones((3, 1, 5)), 3), ValueError, "2 x 2 pixels or more"),
        (
            lambda x: mx.image.DetRandomCropAug(area_range="ab"),
            ValueError,
            "area_range must be a number or two",
        ),
        (
            lambda x: mx.image.CreateMultiRandCropAugmenter([0.1, 0.2], max_attempts=[1, 2, 3]),
            ValueError,
            "lists of 3",
        ),
    ],
)
def test_errors(call, error, text):
    source = picture(4, 5, 3)
    before = source.asnumpy()
    with pytest.raises(error, match=text):
        call(source)
    np.testing.assert_array_equal(source.asnumpy(), before)


def test_min_area_is_deprecated():
    with pytest.warns(DeprecationWarning, match="min_area"):
        assert mx.image.RandomSizedCropAug((2, 2), 0.5, (1, 1), min_area=0.3).area == (0.3, 1.0)


# --- colors and maps ---------------------------------------------------------------------------------------
def test_hue_lightness_saturation():
    colors = np.concatenate([pixels(1, 300)[0], [[0, 0, 0], [255, 255, 255], [255, 0, 255], [9, 9, 8]]])
    colors = colors.astype(np.uint8)
    found = to_hls(colors).astype(float)
    for color, (hue, light, saturation) in zip(colors / 255, found):
        want = colorsys.rgb_to_hls(*color)
        assert abs((hue - 180 * want[0] + 90) % 180 - 90) <= 0.501
        assert abs(light - 255 * want[1]) <= 0.501
        assert abs(saturation - 255 * want[2]) <= 0.501
    for hls, color in zip(found, from_hls(found.astype(np.uint8)).astype(float)):
        want = colorsys.hls_to_rgb(hls[0] / 180, hls[1] / 255, hls[2] / 255)
        assert np.abs(color - np.array(want) * 255).max() <= 0.51


@pytest.mark.parametrize("method", range(5))
def test_warp_by_whole_pixels(method):
    some = pixels(5, 7)
    np.testing.assert_array_equal(warp_affine(some, np.eye(2, 3), 7, 5, method, 9), some)
    moved = warp_affine(some, np.array([[1, 0, 2], [0, 1, -1.0]]), 7, 5, method, 9)
    np.testing.assert_array_equal(moved[:4, 2:], some[1:, :5])
    np.testing.assert_array_equal(moved[4], 9)
    turned = warp_affine(some, np.array([[0, -1, 4], [1, 0, 0.0]]), 5, 7, method, 9)
    np.testing.assert_array_equal(turned, np.rot90(some, -1))


# --- iterators ---------------------------------------------------------------------------------------------
def write(folder, images, label=float):
    with mx.recordio.MXIndexedRecordIO(folder / "a.idx", folder / "a.rec", "w") as record:
        for i, data in enumerate(images):
            record.write_idx(i, mx.recordio.pack((0, label(i), i, 0), data))
    return {"path_imgrec": str(folder / "a.rec"), "path_imgidx": str(folder / "a.idx")}


def squares(count):
    return [png(pixels(6, 6, 3, i)) for i in range(count)]


def test_broken_image_is_named(tmp_path):
    files = write(tmp_path, [*squares(2), b"broken", *squares(1)])
    it = mx.image.ImageIter(2, (3, 6, 6), **files)
    assert it.next().label[0].asnumpy().tolist() == [0, 1]
    with pytest.raises(mx.MXNetError, match=r"record 2 of .*a\.rec: cannot decode an image"):
        it.next()
    (tmp_path / "x.png").write_bytes(b"broken")
    it = mx.image.ImageIter(1, (3, 6, 6), imglist=[[1, "x.png"]], path_root=tmp_path)
    with pytest.raises(mx.MXNetError, match=r"image x\.png: cannot decode an image"):
        it.next()
    it = mx.image.ImageIter(1, (3, 6, 6), imglist=[[1, "none.png"]], path_root=tmp_path)
    with pytest.raises(FileNotFoundError, match=r"none\.png"):
        it.next()


def test_what_does_not_fit_is_named(tmp_path):
    files = write(tmp_path, squares(3))
    with pytest.raises(mx.MXNetError, match=r"record 0 of .*: expected the label in shape \(2,\), got \(\)"):
        mx.image.ImageIter(2, (3, 6, 6), label_width=2, **files).next()
    with pytest.raises(mx.MXNetError, match=r"record 0 of .*: expected the image in shape \(3, 5, 5\)"):
        mx.image.ImageIter(2, (3, 5, 5), aug_list=[], **files).next()
    (tmp_path / "short.rec").write_bytes(b"")
    with mx.recordio.MXRecordIO(tmp_path / "short.rec", "w") as record:
        record.write(b"too short")
    with pytest.raises(FormatError, match=r"record 0 of .*short\.rec: a packed record has a header"):
        mx.image.ImageIter(2, (3, 6, 6), path_imgrec=str(tmp_path / "short.rec")).next()


@pytest.mark.parametrize(
    ("line", "text"),
    [("1\t2\n", "expected: key"), ("a\t1\tb.png\n", "invalid literal"),
     ("1\tx\tb.png\n", "could not convert"), ("\n", "expected: key"), ("1 2 b.png\n", "expected: key")],
)  # fmt: skip
def test_bad_image_lists(tmp_path, line, text):
    (tmp_path / "a.lst").write_text("0\t1.5\ta.png\n" + line)
    with pytest.raises(FormatError, match=rf"a\.lst, line 2: .*{text}"):
        mx.image.ImageIter(2, (3, 6, 6), path_imglist=str(tmp_path / "a.lst"))


@pytest.mark.parametrize(
    ("kwargs", "error", "text"),
    [
        ({}, ValueError, "path_imgrec, path_imglist or imglist"),
        ({"imglist": [["a.png"]]}, ValueError, "image 1 of imglist must be"),
        ({"imglist": [[1, 2]]}, ValueError, "image 1 of imglist must be"),
        ({"imglist": [[1, "a"]], "dtype": "uint8"}, ValueError, "dtype of labels"),
        ({"imglist": [[1, "a"]], "last_batch_handle": "keep"}, ValueError, "last_batch_handle must be"),
        ({"imglist": [[1, "a"]], "num_parts": 2, "part_index": 2}, ValueError, "part_index must be"),
        ({"imglist": [[1, "a"]], "aug_list": [], "rand_crop": True}, TypeError, "no meaning to .'rand_crop'"),
        ({"path_imgrec": "a.rec", "shuffle": True}, ValueError, "needs path_imgidx"),
        ({"imglist": [[1, "a"]], "rand_cropp": True}, TypeError, "rand_cropp"),
    ],
)
def test_parameters_of_image_iter(tmp_path, monkeypatch, kwargs, error, text):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, squares(1))
    with pytest.raises(error, match=text):
        mx.image.ImageIter(2, (3, 6, 6), **kwargs)


def test_own_steps(tmp_path):
    """Subclasses replace steps; an image that `check_valid_image` refuses is passed over."""

    class Odd(mx.image.ImageIter):
        def check_valid_image(self, data):
            if self._sample % 2 == 0:
                raise RuntimeError("even")

        def postprocess_data(self, datum):
            return super().postprocess_data(datum) * 2

    it = Odd(2, (3, 6, 6), **write(tmp_path, squares(5)))
    (batch,) = list(it)
    assert batch.label[0].asnumpy().tolist() == [1, 3]
    np.testing.assert_array_equal(batch.data[0].asnumpy()[0], 2.0 * pixels(6, 6, 3, 1).transpose(2, 0, 1))


def test_hard_reset_forgets_what_rolled_over(tmp_path):
    it = mx.image.ImageIter(2, (3, 6, 6), last_batch_handle="roll_over", **write(tmp_path, squares(3)))
    assert len(list(it)) == 1
    it.hard_reset()
    assert it.next().label[0].asnumpy().tolist() == [0, 1]


# --- boxes -------------------------------------------------------------------------------------------------
def boxed(i):
    return np.array([2, 5, i, 0.25, 0.25, 0.75, 0.75], np.float32)


def test_labels_that_are_no_boxes(tmp_path):
    bad = {
        "few": [1, 2, 3], "object width": [2, 4, 0, 0.1, 0.1, 0.5, 0.5],
        "count": [2, 5, 0, 0.1, 0.1, 0.5, 0.5, 9],
        "no area": [2, 5, 0, 0.5, 0.5, 0.1, 0.1], "header": [900, 5, 0, 0.1, 0.1, 0.5, 0.5],
        "negative": [-3, 5, 0, 0.1, 0.1, 0.5, 0.5],
    }  # fmt: skip
    for label in bad.values():
        files = write(tmp_path, squares(1), lambda i, label=label: np.array(label, np.float32))
        with pytest.raises(mx.MXNetError, match=r"record 0 of .*label"):
            mx.image.ImageDetIter(1, (3, 6, 6), **files)
    with pytest.raises(mx.MXNetError, match="no image to read"):
        mx.image.ImageDetIter(1, (3, 6, 6), **write(tmp_path, []))


@pytest.mark.parametrize("seed", range(6))
def test_boxes_stay_with_their_objects(seed):
    """A white square on black: after every augmenter the box surrounds what is white."""
    random.seed(seed)
    image = np.zeros((40, 50, 3), np.uint8)
    image[10:30, 20:40] = 255
    label = np.array([[3, 20 / 50, 10 / 40, 40 / 50, 30 / 40]])
    chain = mx.image.CreateDetAugmenter(
        (3, 60, 60), rand_crop=1, rand_pad=1, rand_mirror=True, min_object_covered=0.95, inter_method=1,
        area_range=(0.3, 2.0), pad_val=(0, 0, 0),
    )  # fmt: skip
    data = mx.nd.array(image, dtype="uint8")
    for aug in chain:
        data, label = aug(data, label)
    white = np.argwhere(data.asnumpy()[:, :, 0] > 127)
    (top, left), (bottom, right) = white.min(0), white.max(0) + 1
    assert label.shape == (1, 5)
    assert label[0, 0] == 3
    np.testing.assert_allclose(label[0, 1:] * 60, [left, top, right, bottom], atol=2.5)


def test_draw_next(tmp_path):
    it = mx.image.ImageDetIter(1, (3, 20, 20), **write(tmp_path, [png(np.zeros((20, 20, 3)))] * 3, boxed))
    shown = list(it.draw_next(color=(255, 0, 9), thickness=1))
    assert len(shown) == 3
    for image in shown:
        assert image.shape == (20, 20, 3)
        assert image[5, 5].tolist() == [9, 0, 255]
        assert image[2, 2].tolist() == [0, 0, 0]
    it.reset()
    assert next(it.draw_next(mean=True, id2labels={0: "cat"})).max() > 0
    with pytest.raises(NotImplementedError, match="opens no window"):
        next(it.draw_next(waitKey=1))


def test_ranges_that_make_no_sense_switch_off():
    with pytest.warns(UserWarning, match="DetRandomCropAug does nothing: area_range"):
        crop = mx.image.DetRandomCropAug(area_range=(0.9, 0.1))
    source, label = picture(9, 9, 3), np.array([[0, 0.1, 0.1, 0.9, 0.9]])
    assert crop(source, label)[0] is source
    with pytest.warns(UserWarning, match="DetRandomPadAug does nothing: aspect_ratio_range"):
        mx.image.DetRandomPadAug(aspect_ratio_range=(2, 1))


def test_dumps_are_json():
    for aug in mx.image.CreateAugmenter((3, 4, 4), resize=5, mean=True, std=True, hue=0.1, pca_noise=0.1):
        name, parameters = json.loads(aug.dumps())
        assert (name, type(parameters)) == (type(aug).__name__.lower(), dict)


@pytest.mark.parametrize("fault", ["place", "negative", "shape", "type", "result", "width"])
def test_the_compiled_resize_reads_nothing_outside(fault: str) -> None:
    src, out = np.zeros((4, 6), np.uint8), np.zeros((2, 3), np.uint8)
    down = [np.array([[0, 2], [1, 3]]), np.full((2, 2), 1024, np.int32)]
    along = [np.array([[0, 2, 4], [1, 3, 5]]), np.full((2, 3), 1024, np.int32)]
    width = 6
    _core.resize_bytes(src, width, *down, *along, True, out)
    if fault == "place":
        down[0][1, 1] = 4
    elif fault == "negative":
        along[0][0, 0] = -1
    elif fault == "shape":
        along[1] = along[1][:, :2].copy()
    elif fault == "type":
        down[1] = down[1].astype(np.int64)
    elif fault == "result":
        out = np.zeros((2, 2), np.uint8)
    else:
        width = 0
    with pytest.raises(ValueError, match="tap"):
        _core.resize_bytes(src, width, *down, *along, True, out)
