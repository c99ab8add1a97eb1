"""NDArrayIter: batches, padding, names, shuffling; sequences marked so were recorded from MXNet 1.9.1."""

import pickle

import numpy as np
import pytest

import cysym as mx


def epoch(iterator):
    return [(batch.data[0].asnumpy().tolist(), batch.pad) for batch in iterator]


ROWS = np.arange(10, dtype="float32")


def test_pad_fills_the_last_batch_from_the_start():
    iterator = mx.io.NDArrayIter(ROWS, batch_size=4)
    expected = [([0, 1, 2, 3], 0), ([4, 5, 6, 7], 0), ([8, 9, 0, 1], 2)]
    assert epoch(iterator) == expected
    iterator.reset()
    assert epoch(iterator) == expected


def test_pad_may_need_the_data_several_times():
    iterator = mx.io.NDArrayIter(ROWS[:3], batch_size=8)
    assert epoch(iterator) == [([0, 1, 2, 0, 1, 2, 0, 1], 5)]


def test_discard_drops_the_tail():
    iterator = mx.io.NDArrayIter(ROWS, batch_size=4, last_batch_handle="discard")
    for _ in range(2):
        assert epoch(iterator) == [([0, 1, 2, 3], 0), ([4, 5, 6, 7], 0)]
        iterator.reset()


def test_roll_over_moves_the_tail_into_the_next_epoch_as_mxnet():
    iterator = mx.io.NDArrayIter(ROWS, ROWS * 10, 4, last_batch_handle="roll_over")
    assert epoch(iterator) == [([0, 1, 2, 3], 0), ([4, 5, 6, 7], 0)]
    iterator.reset()
    batch = iterator.next()
    assert (batch.data[0].asnumpy().tolist(), batch.pad) == ([8, 9, 0, 1], 2)
    assert batch.label[0].asnumpy().tolist() == [80, 90, 0, 10]
    assert epoch(iterator) == [([2, 3, 4, 5], 0), ([6, 7, 8, 9], 0)]
    iterator.reset()
    assert epoch(iterator) == [([0, 1, 2, 3], 0), ([4, 5, 6, 7], 0)]


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_roll_over_of_less_than_a_batch_waits_for_enough_rows(rows):
    iterator = mx.io.NDArrayIter(np.arange(rows), -np.arange(rows), 4, last_batch_handle="roll_over")
    seen = []
    for _ in range(12):
        for batch in iterator:
            (data,), (label,) = batch.data, batch.label
            assert data.shape == label.shape == (4,)
            np.testing.assert_array_equal(data.asnumpy(), -label.asnumpy())
            seen += data.asnumpy().tolist()
        iterator.reset()
    assert len(seen) == 12 * rows // 4 * 4
    assert seen == [i % rows for i in range(len(seen))]


def test_hard_reset_forgets_the_tail():
    iterator = mx.io.NDArrayIter(ROWS, batch_size=4, last_batch_handle="roll_over")
    epoch(iterator)
    iterator.hard_reset()
    assert epoch(iterator)[0] == ([0, 1, 2, 3], 0)


def test_reset_in_mid_epoch_starts_over():
    iterator = mx.io.NDArrayIter(ROWS, batch_size=4, last_batch_handle="roll_over")
    iterator.next()
    iterator.reset()
    assert epoch(iterator)[0] == ([0, 1, 2, 3], 0)


def test_shuffle_draws_from_numpy_as_mxnet_does():
    np.random.seed(3)
    iterator = mx.io.NDArrayIter(
        {"data": ROWS}, {"l": ROWS * 10}, 4, shuffle=True, last_batch_handle="roll_over"
    )
    recorded = [
        [[5, 4, 1, 2], [9, 6, 7, 0]],
        [[3, 8, 1, 2], [4, 9, 3, 8], [6, 0, 5, 7]],
        [[4, 7, 1, 3], [6, 5, 0, 2]],
    ]
    for expected in recorded:
        batches = list(iterator)
        assert [batch.data[0].asnumpy().tolist() for batch in batches] == expected
        for batch in batches:
            np.testing.assert_array_equal(batch.label[0].asnumpy(), batch.data[0].asnumpy() * 10)
        iterator.reset()


def test_names_of_single_list_and_dict_sources():
    iterator = mx.io.NDArrayIter(ROWS, ROWS, data_name="x", label_name="y")
    assert [desc.name for desc in iterator.provide_data + iterator.provide_label] == ["x", "y"]
    iterator = mx.io.NDArrayIter([ROWS, ROWS], ROWS)
    assert [desc.name for desc in iterator.provide_data] == ["_0_data", "_1_data"]
    iterator = mx.io.NDArrayIter({"b": ROWS, "a": ROWS * 2}, batch_size=2)
    assert [desc.name for desc in iterator.provide_data] == ["a", "b"]
    assert [array.asnumpy().tolist() for array in iterator.next().data] == [[0, 2], [0, 1]]
    assert iterator.provide_label == []


def test_descriptions_and_types():
    images = np.zeros((6, 3, 5, 7))
    labels = mx.nd.array(np.zeros((6, 2)), dtype="int32")
    iterator = mx.io.NDArrayIter(images, labels, 2, layout="NCHW")
    (data,), (label,) = iterator.provide_data, iterator.provide_label
    assert data == ("data", (2, 3, 5, 7))
    assert (data.dtype, data.layout) == (np.float32, "NCHW")
    assert label == ("softmax_label", (2, 2))
    assert label.dtype == np.int32
    batch = iterator.next()
    assert (batch.data[0].dtype, batch.label[0].dtype) == (np.float32, np.int32)


def test_shuffle_keeps_types():
    labels = mx.nd.array(np.arange(6), dtype="int32")
    iterator = mx.io.NDArrayIter(np.zeros((6, 2)), labels, 2, shuffle=True)
    assert iterator.next().label[0].dtype == np.int32


def test_data_desc():
    desc = mx.io.DataDesc("data", [4, 2])
    assert repr(desc) == "DataDesc[data,(4, 2),<class 'numpy.float32'>,NCHW]"
    name, shape = desc
    assert (name, shape, desc[1]) == ("data", (4, 2), (4, 2))
    again = pickle.loads(pickle.dumps(mx.io.DataDesc("d", (1,), np.int32, "N")))
    assert (again, again.dtype, again.layout) == (("d", (1,)), np.int32, "N")
    assert mx.io.DataDesc.get_batch_axis("TNC") == 1
    assert mx.io.DataDesc.get_batch_axis(None) == 0
    (listed,) = mx.io.DataDesc.get_list([("a", (2, 3))], [("a", np.float64)])
    assert (listed, listed.dtype) == (("a", (2, 3)), np.float64)


def test_data_batch():
    batch = mx.io.DataBatch([mx.nd.zeros((4, 2))], [mx.nd.zeros((4,))])
    assert str(batch) == "DataBatch: data shapes: [(4, 2)] label shapes: [(4,)]"
    assert (
        str(mx.io.DataBatch([mx.nd.zeros((4, 2))])) == "DataBatch: data shapes: [(4, 2)] label shapes: None"
    )
    with pytest.raises(TypeError, match="data of a DataBatch must be a list"):
        mx.io.DataBatch(mx.nd.zeros((4, 2)))


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"data": None}, ValueError, "at least one array"),
        ({"data": []}, ValueError, "at least one array"),
        ({"data": "text"}, TypeError, "data must be an NDArray"),
        ({"data": {"x": ["a", "b"]}}, TypeError, "'x' must hold numbers"),
        ({"data": ROWS, "label": ROWS[:3]}, ValueError, "softmax_label has 3 rows but data has 10"),
        ({"data": ROWS, "batch_size": 0}, ValueError, "batch_size"),
        ({"data": ROWS, "last_batch_handle": "keep"}, ValueError, "last_batch_handle"),
    ],
)
def test_bad_sources_are_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        mx.io.NDArrayIter(**arguments)


def test_own_iterator_through_the_base_class():
    class Two(mx.io.DataIter):
        def __init__(self):
            super().__init__(1)
            self.position = -1

        def iter_next(self):
            self.position += 1
            return self.position < 2

        def getdata(self):
            return [mx.nd.ones((1,)) * self.position] if self.position else [mx.nd.zeros((1,))]

        def getlabel(self):
            return []

        def getpad(self):
            return 0

    assert [batch.data[0].asnumpy().tolist() for batch in Two()] == [[0], [1]]
    with pytest.raises(NotImplementedError, match="iter_next"):
        next(mx.io.DataIter())


class Dataset:
    """What h5py gives: reads rows in rising order only, and counts them."""

    chunks = None

    def __init__(self, values):
        self.values, self.read = values, 0
        self.shape, self.dtype = values.shape, values.dtype

    def __getitem__(self, key):
        rows = key[-1] if isinstance(key, tuple) else key
        if not isinstance(rows, slice):
            assert (np.diff(rows) > 0).all()
        found = self.values[key]
        self.read += len(found)
        return found


def test_data_sets_are_read_a_batch_at_a_time():
    values = np.arange(20, dtype=np.float64).reshape(10, 2)
    source = Dataset(values)
    iterator = mx.io.NDArrayIter(source, np.arange(10), 4)
    assert source.read == 0
    assert iterator.provide_data[0].dtype is np.float32
    first = iterator.next()
    assert source.read == 4
    assert first.data[0].asnumpy().tolist() == values[:4].tolist()
    assert [b.pad for b in iterator] == [0, 2]
    assert source.read == 12


def test_shuffled_data_sets_stay_with_their_labels():
    np.random.seed(5)
    values = np.arange(20).reshape(10, 2)
    iterator = mx.io.NDArrayIter({"a": Dataset(values), "b": values}, np.arange(10), 3, shuffle=True)
    orders = []
    for _ in range(3):
        rows = []
        for batch in iterator:
            label = batch.label[0].asnumpy().astype(int)
            assert batch.data[0].asnumpy().tolist() == values[label].tolist()
            assert batch.data[1].asnumpy().tolist() == values[label].tolist()
            rows += label.tolist()
        orders.append(rows)
        iterator.reset()
    assert all(sorted(set(rows)) == list(range(10)) for rows in orders)
    assert orders[0] != orders[1] != orders[2]


def test_mapped_file_beyond_4_gib_is_read_in_parts(tmp_path):
    """Sparse: 5 GiB of zeros that take no room, and rows 2**31 and 2**32 bytes in."""
    path = tmp_path / "big"
    with open(path, "wb") as stream:
        stream.truncate(5 * 2**30)
    big = np.memmap(path, np.uint8, "r+", shape=(5 * 2**10, 2**20))
    for row in (2047, 2048, 4095, 4096, 5119):
        big[row, :3] = (row % 251, 1, 2)
    iterator = mx.io.NDArrayIter(big, batch_size=1)
    for row in (2047, 2048, 4095, 4096, 5119):
        iterator.cursor = row - 1
        assert iterator.next().data[0].asnumpy()[0, :4].tolist() == [row % 251, 1, 2, 0]


def test_batches_are_copies(ctx):
    """Programs add noise to a batch in place, so the next epoch has to have the rows as they were."""
    values = mx.nd.array(np.arange(12).reshape(6, 2), ctx)
    iterator = mx.io.NDArrayIter(values, batch_size=4)
    first, second = iterator.next().data[0], iterator.next().data[0]
    assert first.context == second.context == ctx
    first[:] = second[:] = -1
    assert values.asnumpy().tolist() == np.arange(12).reshape(6, 2).tolist()
    assert iterator.data[0][1] is values, "the data themselves are not copied"


@pytest.mark.parametrize("handle", ["pad", "discard", "roll_over"])
@pytest.mark.parametrize("shuffle", [False, True])
def test_other_batch_axis(ctx, handle, shuffle):
    """The same rows along another axis, whatever the axis before it measures."""
    np.random.seed(1)
    values = np.arange(5 * 7 * 2, dtype=np.float32).reshape(5, 7, 2)
    plain = mx.io.NDArrayIter(mx.nd.array(values.swapaxes(0, 1), ctx), None, 3, shuffle, handle)
    np.random.seed(1)
    turned = mx.io.NDArrayIter(mx.nd.array(values, ctx), None, 3, shuffle, handle, layout="TNC")
    assert turned.provide_data[0].shape == (5, 3, 2)
    for epoch_seed in range(3):
        for a, b in zip(plain, turned, strict=True):
            assert a.pad == b.pad
            np.testing.assert_array_equal(a.data[0].asnumpy(), b.data[0].asnumpy().swapaxes(0, 1))
        for iterator in (plain, turned):
            np.random.seed(epoch_seed)
            iterator.reset()


def test_layout_without_batch_axis_is_refused():
    with pytest.raises(ValueError, match="'TC' has no batch axis"):
        mx.io.NDArrayIter(ROWS, layout="TC")
    with pytest.raises(ValueError, match=r"data has shape \(10,\), its batch axis would be 1"):
        mx.io.NDArrayIter(ROWS, layout="TNC")


def test_given_dict_stays_as_it_is():
    source = {"x": ROWS}
    mx.io.NDArrayIter(source, batch_size=2)
    assert source["x"] is ROWS


def test_base_class_says_what_a_subclass_lacks():
    with pytest.raises(NotImplementedError, match="DataIter must define iter_next or next"):
        mx.io.DataIter().next()


def test_absent_iterator_says_what_to_use():
    with pytest.raises(NotImplementedError, match=r"no sparse arrays here.*NDArrayIter"):
        mx.io.LibSVMIter(data_libsvm="x", data_shape=(3,), batch_size=2)


@pytest.mark.parametrize("module", ["io.io", "io.utils"])
def test_module_paths_of_mxnet(module):
    import importlib

    found = importlib.import_module(f"cysym.{module}")
    assert found._init_data(ROWS, False, "x")[0][0] == "x"


def test_examples_in_docstrings():
    import doctest

    for module in (mx.io.ndarray_iter, mx.io.data, mx.kvstore.base, mx.executor_manager):
        result = doctest.testmod(module)
        assert result.attempted
        assert not result.failed, module.__name__
