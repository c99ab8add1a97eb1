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
