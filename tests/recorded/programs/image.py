"""mx.image: decoding, resizing, cropping, borders, rotation, augmenters with seeded choices, iterators."""

import os
import random

import numpy as np

from . import numbers, outcome, program, scratch
from ._pictures import pictures, pixels, png


def picture(mx, height=11, width=14, channels=3, seed=0, dtype="uint8"):
    return mx.nd.array(pixels(height, width, channels, seed), dtype=dtype)


def kind(array):
    return [list(array.shape), str(np.dtype(array.dtype)), str(array.context)]


@program(cpu=True)
def decoding(mx, ctx):
    found = {}
    for name, data in pictures().items():
        answer = {"color": mx.image.imdecode(data)}
        if name in ("color", "grey", "color.jpg"):
            answer["blue first"] = mx.image.imdecode(data, to_rgb=False)
        if name != "16 bits":
            answer["grey"] = mx.image.imdecode(data, flag=0)
        found[name] = answer
    return found


@program(cpu=True, differs={"no file": "FileNotFoundError says more than MXNetError"})
def decoding_calls(mx, ctx):
    data = png(pixels(5, 6))
    as_array = np.frombuffer(data, np.uint8)
    out = mx.nd.zeros((5, 6, 3), dtype="uint8")
    with scratch():
        with open("a.png", "wb") as stream:
            stream.write(data)
        return {
            "bytearray": mx.image.imdecode(bytearray(data)),
            "array": mx.image.imdecode(as_array),
            "NDArray": mx.image.imdecode(mx.nd.array(as_array, dtype="uint8")),
            "positional": mx.image.imdecode(data, 0),
            "kind": kind(mx.image.imdecode(data)),
            "out": [mx.image.imdecode(data, out=out) is not None, out],
            "file": mx.image.imread("a.png"),
            "grey file": mx.image.imread("a.png", flag=0, to_rgb=False),
            "empty": outcome(lambda: mx.image.imdecode(b"").asnumpy()),
            "no image": outcome(lambda: mx.image.imdecode(b"no image at all").asnumpy()),
            "cut off": outcome(lambda: mx.image.imdecode(data[:-30]).asnumpy()),
            "text": outcome(lambda: mx.image.imdecode("text")),
            "flag": outcome(lambda: mx.image.imdecode(data, flag=-1).shape),
            "floats": outcome(lambda: mx.image.imdecode(mx.nd.array(as_array)).asnumpy()),
            "no file": outcome(lambda: mx.image.imread("none.png").asnumpy()),
        }


SIZES = [(9, 7), (28, 22), (7, 5), (14, 22), (5, 17), (23, 4), (1, 1), (14, 8)]


@program(rtol=1e-4, atol=1e-3)
def resizing(mx, ctx):
    """All methods; cubic ones are compared separately, rounded alike up to one level."""
    found = {}
    for dtype in ("uint8", "float32"):
        source = picture(mx, dtype=dtype).as_in_context(ctx)
        for method in (0, 1, 3, 4):
            sizes = SIZES if dtype == "uint8" else SIZES[:1] + SIZES[2:]
            answers = [mx.image.imresize(source, w, h, interp=method) for w, h in sizes]
            found[dtype + str(method)] = [a.asnumpy() for a in answers]
    found["cubic"] = [mx.image.imresize(picture(mx, dtype="float64"), w, h, interp=2) for w, h in SIZES[4:]]
    for channels in (1, 2, 4):
        found[f"channels{channels}"] = mx.image.imresize(picture(mx, channels=channels), 9, 17)
    return found


@program(cpu=True, atol=1.01, rtol=0)
def resizing_bytes_by_cubic(mx, ctx):
    """OpenCV rounds differently in its vector loops: one level."""
    answers = [mx.image.imresize(picture(mx), w, h, interp=2).astype("float32") for w, h in SIZES]
    return {"found": answers}


@program(cpu=True)
def resizing_calls(mx, ctx):
    image = mx.image
    source = picture(mx)
    return {
        "default": image.imresize(source, 6, 5),
        "kind": kind(image.imresize(source, 6, 5)),
        "by size": [image.ForceResizeAug(size, 9)(source).shape for size in ((20, 20), (7, 7), (20, 5))],
        "no size": outcome(lambda: image.imresize(source, 0, 5).asnumpy()),
        "flat": outcome(lambda: image.imresize(source[0], 6, 5).asnumpy()),
        "integers": outcome(lambda: image.imresize(source.astype("int32"), 6, 5).asnumpy()),
        "method": outcome(lambda: image.imresize(source, 6, 5, interp=9).asnumpy()),
        "method of a crop": outcome(lambda: image.resize_short(source, 5, 7)),
        "short": [image.resize_short(picture(mx, h, w), 6, 1) for h, w in ((11, 14), (14, 11), (9, 9))],
        "scale_down": [
            list(image.scale_down(a, b))
            for a, b in (
                ((640, 480), (720, 120)),
                ((360, 1000), (480, 500)),
                ((10, 10), (3, 4)),
                ((5, 7), (50, 70)),
            )
        ],
    }


@program
def cropping(mx, ctx):
    image = mx.image
    source = picture(mx).as_in_context(ctx)
    random.seed(7)
    found = {
        "fixed": image.fixed_crop(source, 2, 3, 5, 4),
        "fixed, resized": image.fixed_crop(source, 2, 3, 5, 4, (7, 7), 1),
        "outside": image.fixed_crop(source, 12, 9, 5, 4),
        "center": list(image.center_crop(source, (5, 4))),
        "center, enlarged": list(image.center_crop(source, (20, 8), 1)),
        "random": [list(image.random_crop(source, (5, 4))) for _ in range(4)],
        "random, enlarged": list(image.random_crop(source, (20, 20), 3)),
        "sized": [list(image.random_size_crop(source, (6, 6), 0.3, (0.75, 1.33), 1)) for _ in range(4)],
        "sized, range": list(image.random_size_crop(source, (6, 6), (0.2, 0.4), (0.5, 2.0), 9)),
        "sized, too large": list(image.random_size_crop(source, (6, 6), (2.0, 3.0), (1.0, 1.0), 1)),
    }
    return found


@program(cpu=True)
def borders(mx, ctx):
    image = mx.image
    source = picture(mx, 4, 5)
    floats = source.astype("float32")
    return {
        "types": [image.copyMakeBorder(source, 1, 2, 3, 1, type=t) for t in range(5)],
        "values": image.copyMakeBorder(source, 1, 0, 0, 2, values=(1, 2, 3)),
        "one value": image.copyMakeBorder(source, 1, 0, 0, 2, value=7),
        "few values": image.copyMakeBorder(source, 1, 0, 0, 2, values=(9,)),
        "rounded": image.copyMakeBorder(source, 1, 0, 0, 0, values=(300, -5, 1.6)),
        "floats": image.copyMakeBorder(floats, 0, 1, 0, 0, values=(1.5, 2, 3)),
        "isolated": image.copyMakeBorder(source, 1, 1, 0, 0, 16, values=(1, 2, 3)),
        "negative": outcome(lambda: image.copyMakeBorder(source, -1, 0, 0, 0).asnumpy()),
        "type": outcome(lambda: image.copyMakeBorder(source, 1, 0, 0, 0, type=7).asnumpy()),
    }


@program(rtol=1e-3, atol=2e-3, differs={"list": "angles as a list are taken, not an AttributeError"})
def rotation(mx, ctx):
    image = mx.image
    source = mx.nd.array(numbers(2, 3, 6, 7), ctx)
    np.random.seed(3)
    return {
        "one": [image.imrotate(source[0], a) for a in (0, 30, 90, -45, 200)],
        "in": image.imrotate(source[0], 25, zoom_in=True),
        "out": image.imrotate(source[0], 25, zoom_out=True),
        "several": image.imrotate(source, mx.nd.array([10, -70], ctx)),
        "same": image.imrotate(source, 33.3, zoom_out=True),
        "random": image.random_rotate(source, (-30, 30)),
        "random one": image.random_rotate(source[1], (-30, 30), zoom_in=True),
        "both": outcome(lambda: image.imrotate(source, 1, True, True)),
        "bytes": outcome(lambda: image.imrotate(source.astype("uint8"), 1)),
        "flat": outcome(lambda: image.imrotate(source[0, 0], 1)),
        "count": outcome(lambda: image.imrotate(source, mx.nd.array([1, 2, 3], ctx))),
        "list": outcome(lambda: image.imrotate(source, [10, -70]).shape),
        "angles for one": outcome(lambda: image.imrotate(source[0], mx.nd.array([1], ctx))),
    }


@program(rtol=1e-4, atol=2e-3)
def augmenters(mx, ctx):
    image = mx.image
    floats = picture(mx, 9, 10, dtype="float32").as_in_context(ctx)
    parts = [
        image.BrightnessJitterAug(0.4), image.ContrastJitterAug(0.4), image.SaturationJitterAug(0.4),
        image.HueJitterAug(0.3), image.ColorJitterAug(0.2, 0.3, 0.4), image.RandomGrayAug(0.5),
        image.LightingAug(0.5, np.array([55.46, 4.794, 1.148]), np.arange(9.0).reshape(3, 3) / 9),
        image.ColorNormalizeAug(np.array([120.0, 110, 100]), np.array([50.0, 60, 70])),
        image.ColorNormalizeAug(mx.nd.array([100.0]), None), image.HorizontalFlipAug(0.5),
        image.CastAug("float16"),
        image.ResizeAug(7, 1), image.ForceResizeAug((9, 5), 1), image.CenterCropAug((6, 5)),
        image.RandomCropAug((6, 5)), image.RandomSizedCropAug((6, 5), 0.2, (0.5, 2.0), 1),
        image.SequentialAug([image.HorizontalFlipAug(1), image.CastAug()]),
        image.RandomOrderAug([image.CenterCropAug((8, 8)), image.HorizontalFlipAug(1), image.ResizeAug(9)]),
    ]  # fmt: skip
    found = {"dumps": [a.dumps() for a in parts]}
    random.seed(11)
    np.random.seed(12)
    for number, part in enumerate(parts):
        moved = [(a + 0).as_in_context(ctx) for a in (part.__dict__.get("mean"), part.__dict__.get("std"))
                 if isinstance(a, mx.nd.NDArray)]  # fmt: skip
        if moved and ctx != mx.cpu():
            part.mean, part.std = [*moved, None][:2]
        found[f"{number} {type(part).__name__}"] = [part(floats.copy()) for _ in range(2)]
    return found


@program(cpu=True, rtol=1e-4, atol=2e-3)
def lists_of_augmenters(mx, ctx):
    image = mx.image
    choices = [
        {}, {"resize": 12, "rand_crop": True, "rand_mirror": True},
        {"rand_crop": True, "rand_resize": True, "inter_method": 1, "mean": True, "std": True},
        {"mean": np.array([1.0, 2, 3]), "std": np.array([2.0]), "brightness": 0.1, "contrast": 0.2,
         "saturation": 0.3, "hue": 0.1, "pca_noise": 0.1, "rand_gray": 0.2},
    ]  # fmt: skip
    found = {}
    random.seed(3)
    np.random.seed(4)
    for number, choice in enumerate(choices):
        chain = image.CreateAugmenter((3, 8, 9), **choice)
        data = picture(mx)
        for aug in chain:
            data = aug(data)
        found[str(number)] = [[aug.dumps() for aug in chain], data[::2]]
    found["abstract"] = outcome(lambda: image.Augmenter()(1))
    return found


def write_images(mx, count, label=float, size=(8, 9)):
    record = mx.recordio.MXIndexedRecordIO("a.idx", "a.rec", "w")
    os.mkdir("images")
    lines = []
    for i in range(count):
        data = png(pixels(size[0] + i % 3, size[1] + i % 2, 3, i))
        record.write_idx(10 + i, mx.recordio.pack(mx.recordio.IRHeader(0, label(i), 10 + i, 0), data))
        with open(f"images/{i}.png", "wb") as stream:
            stream.write(data)
        labels = "\t".join(str(v) for v in np.atleast_1d(label(i) * 2))
        lines.append(f"{10 + i}\t{labels}\t{i}.png\n")
    record.close()
    with open("a.lst", "w") as stream:
        stream.writelines(lines)


def passes(it, count=2):
    """Labels, pads and a corner of the pixels of all batches, pass by pass."""
    found = []
    for _ in range(count):
        rows = []
        for batch in it:
            data = batch.data[0].asnumpy()
            rows.append([batch.label[0].asnumpy(), batch.pad, data[:, :, 2, 3], float(data.sum())])
        found.append(rows)
        it.reset()
    return found


@program(cpu=True)
def image_iter(mx, ctx):
    found = {}
    image = mx.image.ImageIter
    with scratch():
        write_images(mx, 7)
        rec = {"batch_size": 3, "data_shape": (3, 8, 8), "path_imgrec": "a.rec"}
        it = image(**rec)
        found["provided"] = [it.provide_data[0][0], list(it.provide_data[0][1]), it.provide_label[0][0],
                             list(it.provide_label[0][1]), it.batch_size]  # fmt: skip
        found["sequence"] = passes(it)
        for handle in ("pad", "discard", "roll_over"):
            found[handle] = passes(image(path_imgidx="a.idx", last_batch_handle=handle, **rec), 3)
            found[handle + ", no index"] = passes(image(last_batch_handle=handle, **rec), 3)
        random.seed(5)
        found["shuffled"] = passes(image(path_imgidx="a.idx", shuffle=True, **rec))
        found["part"] = passes(image(path_imgidx="a.idx", num_parts=3, part_index=1, **rec), 1)
        found["labels of a list"] = passes(image(path_imgidx="a.idx", path_imglist="a.lst", **rec), 1)
        files = {"batch_size": 4, "data_shape": (3, 7, 7), "path_root": "images"}
        found["files"] = passes(image(path_imglist="a.lst", **files), 1)
        found["list"] = passes(
            image(imglist=[[3, "2.png"], [[1.5], "1.png"], [np.array([2]), "0.png"]], **files), 2
        )
        found["wide"] = passes(
            image(label_width=2, imglist=[[3, 4, "2.png"], [[1.5, 2], "1.png"]], **files), 1
        )
        random.seed(6)
        found["augmented"] = passes(image(rand_crop=True, rand_mirror=True, **rec))
        found["errors"] = [
            outcome(lambda: image(batch_size=2, data_shape=(1, 8, 8), path_imgrec="a.rec")),
            outcome(lambda: image(batch_size=2, data_shape=(8, 8), path_imgrec="a.rec")),
        ]
    return found


def boxes(i):
    rows = [[i % 3, 0.1, 0.2, 0.6 + 0.04 * i, 0.9], [1, 0.3, 0.1, 0.8, 0.5]][: 1 + i % 2]
    return np.concatenate([[2, 5], *rows]).astype(np.float32)


@program(cpu=True, rtol=1e-4, atol=1e-3)
def detection_iter(mx, ctx):
    found = {}
    image = mx.image.ImageDetIter
    with scratch():
        write_images(mx, 5, boxes, (20, 24))
        rec = {"batch_size": 2, "data_shape": (3, 16, 16), "path_imgrec": "a.rec", "path_imgidx": "a.idx"}
        it = image(**rec)
        found["provided"] = [list(it.provide_data[0][1]), list(it.provide_label[0][1]), list(it.label_shape)]
        found["plain"] = passes(it)
        random.seed(2)
        np.random.seed(2)
        it = image(
            rand_crop=0.8, rand_pad=0.8, rand_mirror=True, inter_method=1, min_object_covered=0.3, **rec
        )
        found["moved"] = passes(it, 3)
        found["dumps"] = [a.dumps() for a in it.auglist]
        it = image(mean=True, std=np.array([1.0, 2, 3]), inter_method=1, **rec)
        found["normalized"] = passes(it, 1)
        it.reshape((3, 8, 8), (4, 5))
        it.auglist = mx.image.CreateDetAugmenter((3, 8, 8), inter_method=1)
        found["reshaped"] = [passes(it, 1), outcome(lambda: it.reshape(None, (1, 5))),
                             outcome(lambda: it.reshape(None, (4, 6)))]  # fmt: skip
        other = image(**rec)
        other.sync_label_shape(it)
        found["synced"] = [list(other.label_shape), list(it.label_shape)]
    return found


@program(cpu=True, rtol=1e-5, atol=1e-4)
def detection_augmenters(mx, ctx):
    image = mx.image
    several = image.CreateMultiRandCropAugmenter(
        [0.1, 0.5], area_range=[(0.1, 0.5), (0.3, 1.0)], skip_prob=0.2
    )
    parts = [
        image.DetHorizontalFlipAug(0.5), image.DetRandomCropAug(0.2, 1.0, (0.3, 0.9)),
        image.DetRandomPadAug(), image.DetBorrowAug(image.ForceResizeAug((9, 9), 1)), several,
        image.DetRandomPadAug(1.0, (1.5, 4.0), pad_val=(1, 2, 3)),
    ]  # fmt: skip
    found = {"dumps": [p.dumps() for p in parts]}
    random.seed(8)
    for number, part in enumerate(parts):
        rows = []
        for i in range(6):
            label = np.array([[i, 0.1, 0.2, 0.7, 0.9], [1, 0.4, 0.1, 0.9, 0.5]])
            data, label = part(picture(mx, 20, 24), label)
            rows.append([list(data.shape), float(data.asnumpy().sum()), label])
        found[str(number)] = rows
    found["borrow"] = outcome(lambda: image.DetBorrowAug(1))
    found["select"] = outcome(lambda: image.DetRandomSelectAug([1]))
    return found
