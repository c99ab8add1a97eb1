"""ImageRecordIter: passes, parts, orders, labels, types, normalization, and augmentation without chance."""

import os
import struct

import numpy as np

from . import outcome, program, scratch
from ._pictures import FILES, pixels, png

SIZES = [(8, 8), (10, 12), (13, 9), (20, 30), (9, 31), (31, 11)]


def write(mx, name, images, label=float):
    record = mx.recordio.MXIndexedRecordIO(name + ".idx", name + ".rec", "w")
    for i, data in enumerate(images):
        record.write_idx(i, mx.recordio.pack(mx.recordio.IRHeader(0, label(i), 100 + i, 0), data))
    record.close()


def squares(count, size=6):
    return [png(pixels(size, size, 3, i)) for i in range(count)]


def batches(it, count=1, whole=True):
    """What `count` passes give: labels, pads, types and the data (or its sums).

    Behind a batch that was filled up, MXNet may give its pad out again with a later, full one.
    """
    found = []
    for number in range(count):
        for batch in it:
            data = batch.data[0].asnumpy()
            rows = len(data) if whole is True else whole
            values = data[:rows] if rows else data.reshape(len(data), -1).sum(1)
            found.append(
                [
                    batch.label[0].asnumpy(),
                    batch.pad if number == 0 else None,
                    str(data.dtype),
                    list(data.shape),
                    values,
                ]
            )
        found.append("end")
        it.reset()
    return found


@program(cpu=True)
def passes(mx, ctx):
    found = {}
    with scratch():
        write(mx, "ten", squares(10))
        write(mx, "eight", squares(8))
        write(mx, "three", squares(3))
        common = {"data_shape": (3, 6, 6), "batch_size": 4, "preprocess_threads": 2}
        it = mx.io.ImageRecordIter(path_imgrec="ten.rec", **common)
        found["provided"] = [str(it.provide_data), str(it.provide_label), it.batch_size]
        found["ten"] = batches(it, 3, 0)
        found["eight"] = batches(mx.io.ImageRecordIter(path_imgrec="eight.rec", **common), 2, 0)
        found["three"] = batches(mx.io.ImageRecordIter(path_imgrec="three.rec", **common), 3, 0)
        found["v1"] = batches(mx.io.ImageRecordIter_v1(path_imgrec="ten.rec", **common), 3, 0)
        v1 = mx.io.ImageRecordIter_v1(path_imgrec="ten.rec", **common)
        found["numbers"] = [b.index for b in v1]
        for part in range(3):
            for index in ("", "ten.idx"):
                place = {"path_imgidx": index, "num_parts": 3, "part_index": part}
                it = mx.io.ImageRecordIter(path_imgrec="ten.rec", batch_size=1, data_shape=(3, 6, 6), **place)
                found[f"part {part}{index}"] = [float(b.label[0].asnumpy()[0]) for b in it]
        it = mx.io.ImageRecordIter(path_imgrec="ten.rec", data_name="x", label_name="y", **common)
        found["names"] = [d.name for d in it.provide_data + it.provide_label]
        texts = {"data_shape": "(3, 6, 6)", "batch_size": "5", "mirror": "True"}
        found["texts"] = batches(mx.io.ImageRecordIter(path_imgrec="ten.rec", **texts), 1, 1)
    return found


@program(cpu=True)
def orders(mx, ctx):
    found = {}
    with scratch():
        write(mx, "many", squares(57, 3))
        for seed in (0, 1, 7):
            for index in ("", "many.idx"):
                it = mx.io.ImageRecordIter(path_imgrec="many.rec", path_imgidx=index, shuffle=True, seed=seed,
                                           data_shape=(3, 3, 3), batch_size=19)  # fmt: skip
                rows = []
                for _ in range(3):
                    rows.append(np.concatenate([b.label[0].asnumpy() for b in it]))
                    it.reset()
                found[f"{seed}{index}"] = rows
        it = mx.io.ImageRecordIter(path_imgrec="many.rec", shuffle=True, data_shape=(3, 3, 3), batch_size=20)
        found["overflowing"] = batches(it, 2, 0)
    return found


@program(cpu=True)
def labels(mx, ctx):
    found = {}
    with scratch():
        write(mx, "one", squares(5))
        write(mx, "three", squares(5), lambda i: [i, i + 0.5, -i])
        lines = [f"{100 + i}\t{i * 10}.5\t{-i}\tx.png\n" for i in range(5)]
        for name, text in (("two", lines), ("few", lines[:3])):
            with open(name + ".lst", "w") as stream:
                stream.writelines(text)

        def run(**kwargs):
            it = mx.io.ImageRecordIter(data_shape=(3, 6, 6), batch_size=2, preprocess_threads=1, **kwargs)
            return [list(it.provide_label[0].shape), batches(it, 1, 0)]

        found["three"] = run(path_imgrec="three.rec", label_width=3)
        found["list"] = run(path_imgrec="one.rec", path_imglist="two.lst")
        found["list of two"] = run(path_imgrec="one.rec", path_imglist="two.lst", label_width=2)
        found["list for three"] = run(path_imgrec="three.rec", path_imglist="two.lst", label_width=2)
        found["too narrow"] = outcome(lambda: run(path_imgrec="three.rec"))
        found["too wide"] = outcome(lambda: run(path_imgrec="one.rec", label_width=2))
        found["not listed"] = outcome(lambda: run(path_imgrec="one.rec", path_imglist="few.lst"))
    return found


@program(cpu=True, rtol=1e-5, atol=1e-4)
def normalization(mx, ctx):
    found = {}
    with scratch():
        write(mx, "a", squares(4))
        mean = (np.arange(108, dtype=np.float32) * 1.5).reshape(3, 6, 6)
        mx.nd.save("mean.nd", {"mean_img": mx.nd.array(mean)})
        mx.nd.save("list.nd", [mx.nd.array(mean)])

        def run(kind="ImageRecordIter", **kwargs):
            kwargs.setdefault("data_shape", (3, 6, 6))
            return batches(getattr(mx.io, kind)(path_imgrec="a.rec", batch_size=4, **kwargs), 1, 2)

        everything = {"mean_r": 10.5, "mean_g": 20.25, "mean_b": 30, "std_r": 58.1, "std_g": 57, "std_b": 3}
        everything["scale"] = 1 / 255.0
        found["plain"] = run()
        found["mean"] = run(mean_r=10.5, mean_g=-20, mean_b=30)
        found["std"] = run(std_r=2, std_g=3, std_b=4.5)
        found["all"] = run(**everything)
        found["all, v1"] = run("ImageRecordIter_v1", **everything)
        found["mirror"] = run(mirror=True)
        found["grey"] = run(data_shape=(1, 6, 6), mean_r=10, std_r=2)
        found["mean_img"] = run(mean_img="mean.nd", std_g=2, scale=0.5)
        found["mean_img, list"] = run(mean_img="list.nd")
        found["mean_img, made"] = run(mean_img="made.nd")
        made = mx.nd.load("made.nd")
        found["made"] = [list(made), made["mean_img"]]
        found["uint8"] = run(dtype="uint8", mirror=True)
        found["int8"] = run(dtype="int8")
        found["int8, mean"] = run(dtype="int8", mean_r=128, mean_g=100, mean_b=30)
        for kind in ("ImageRecordUInt8Iter", "ImageRecordInt8Iter", "ImageRecordUInt8Iter_v1"):
            found[kind] = run(kind)
    return found


def exif(orientation):
    """An EXIF block that only says how to turn the picture."""
    tiff = struct.pack("<2sHIHHHIHHI", b"II", 42, 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    return struct.pack(">HH", 0xFFE1, 8 + len(tiff)) + b"Exif\0\0" + tiff


@program(cpu=True, atol=1.01)
def augmentation(mx, ctx):
    """What leaves nothing to chance; OpenCV's vector loops and its Lanczos weights may be one level off."""
    found = {}
    with scratch():
        write(mx, "a", [png(pixels(h, w, 3, h)) for h, w in SIZES])
        photos = []
        for name in ("color", "grey", "progressive", "turned"):
            with open(os.path.join(FILES, name + ".jpg"), "rb") as stream:
                photos.append(stream.read())
        write(mx, "photos", photos)

        def run(rows=3, **kwargs):
            size = {"path_imgrec": "a.rec", "data_shape": (3, 8, 8), "batch_size": 6}
            size.update(kwargs)
            return batches(mx.io.ImageRecordIter(**size), 1, rows)

        for shape in ((3, 9, 9), (3, 12, 5), (3, 14, 14), (3, 5, 12), (3, 30, 17)):
            found[str(shape)] = run(0, data_shape=shape)
        for size in (8, 12, 20):
            found[f"resize {size}"] = run(0, resize=size)
        for method in (0, 1, 2, 3, 9):
            found[f"method {method}"] = run(resize=10, inter_method=method)
        found["pad"] = run(2, data_shape=(3, 10, 12), pad=2)
        found["pad, fill"] = run(0, data_shape=(3, 9, 11), pad=2, fill_value=7)
        found["crop size"] = run(max_crop_size=6, min_crop_size=6)
        for method in (1, 2, 3, 4):
            found[f"rotate {method}"] = run(rotate=30, inter_method=method)
        found["rotate 90"] = run(0, rotate=90, fill_value=3)
        found["scale 0.5"] = run(max_random_scale=0.5, min_random_scale=0.5)
        found["scale 1.3"] = run(0, max_random_scale=1.3, min_random_scale=1.3)
        found["at most"] = run(max_img_size=10)
        found["at least"] = run(0, min_img_size=12)
        found["wide"] = run(min_aspect_ratio=1.5, max_aspect_ratio=1.5)
        found["tall"] = run(0, min_aspect_ratio=0.5, max_aspect_ratio=0.5)
        found["area"] = run(random_resized_crop=True)
        found["everything"] = run(rotate=45, resize=16, pad=1, max_random_scale=1.5, min_random_scale=1.5,
                                  min_aspect_ratio=0.8, max_aspect_ratio=0.8)  # fmt: skip
        found["photos"] = run(4, path_imgrec="photos.rec", data_shape=(3, 12, 12), batch_size=4)
        found["photos, resized"] = run(
            0, path_imgrec="photos.rec", data_shape=(3, 12, 12), batch_size=4, resize=15
        )
        found["photos, grey"] = run(2, path_imgrec="photos.rec", data_shape=(1, 12, 12), batch_size=4)
        photos = [photos[0][:2] + exif(n) + photos[0][2:] for n in range(10)]
        write(mx, "turned", photos)
        found["turned"] = run(10, path_imgrec="turned.rec", data_shape=(3, 9, 11), batch_size=10)
        found["turned, grey"] = run(0, path_imgrec="turned.rec", data_shape=(1, 9, 11), batch_size=10)
        found["too small"] = outcome(lambda: run(max_crop_size=20, min_crop_size=20))
        found["conflict"] = outcome(lambda: run(random_resized_crop=True, rand_crop=True))
    return found


@program(cpu=True, differs={"unknown": "MXNet ignores a misspelt parameter", "type": "ValueError",
                            "part": "ValueError", "channels": "ValueError", "no shape": "TypeError",
                            "missing": "FileNotFoundError says more than MXNetError"})  # fmt: skip
def refused(mx, ctx):
    with scratch():
        write(mx, "a", squares(4))

        def run(**kwargs):
            kwargs.setdefault("path_imgrec", "a.rec")
            kwargs.setdefault("batch_size", 2)
            return len(batches(mx.io.ImageRecordIter(preprocess_threads=1, **kwargs), 1, 0))

        shape = {"data_shape": (3, 6, 6)}
        return {
            "ignored": run(
                verbose=False, ctx="cpu", device_id=1, prefetch_buffer=1, shuffle_chunk_size=4, **shape
            ),
            "unknown": outcome(lambda: run(means_r=3, **shape)),
            "type": outcome(lambda: run(dtype="float16", **shape)),
            "part": outcome(lambda: run(num_parts=2, part_index=2, **shape)),
            "channels": outcome(lambda: run(data_shape=(2, 6, 6))),
            "four channels": outcome(lambda: run(data_shape=(4, 6, 6))),
            "no shape": outcome(lambda: run()),
            "missing": outcome(lambda: run(path_imgrec="none.rec", **shape)),
            "few images": outcome(lambda: run(batch_size=11, **shape)),
        }
