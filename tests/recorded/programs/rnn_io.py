"""Sentences in buckets, and language models trained on them with cells and BucketingModule."""

import contextlib
import io
import random

import numpy as np

from . import logged, numbers, outcome, program, scratch
from .rnn_cells import stack

TEXT = "a rose is a rose is a rose . so it is . is it a rose so red that it is not a rose . it is . so"
ONE_NUMBER = "all unknown words have one number, of their own; MXNet counts on from start_label"


def sentences(count=40):
    """Encoded sentences of 1 to 7 words out of 1 to 5, of lengths without a pattern."""
    lengths = [1 + (7 * i * i + 3 * i) % 7 for i in range(count)]
    return [[1 + (i * 3 + j * j) % 5 for j in range(n)] for i, n in enumerate(lengths)]


def quiet(make):
    """What a call gives, and what it prints."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        made = make()
    return made, printed.getvalue()


def seeded(make, seed=3):
    random.seed(seed)
    np.random.seed(seed)
    return quiet(make)[0]


def described(descs):
    return [[d.name, list(d.shape), str(np.dtype(d.dtype)), d.layout] for d in descs]


@program(
    cpu=True,
    differs={
        "unknown/0/0/1": ONE_NUMBER,
        "known unknown/0/0/1": ONE_NUMBER,
        "known unknown/0/1/0": ONE_NUMBER,
        "known unknown/1/<unk>": ONE_NUMBER,
        "all unknown/0/0/1": ONE_NUMBER,
        "all unknown/0/1/0": ONE_NUMBER,
        "all unknown/1/<unk>": ONE_NUMBER,
        "refused/0": "a ValueError that names the word",
    },
)
def words_to_numbers(mx, ctx):
    encode = mx.rnn.encode_sentences
    words = TEXT.split()
    text = [words[:8], words[8:13], words[13:]]
    coded, vocab = encode(text)
    other, same = encode([["is", "so"], [], ["rose"]], vocab=vocab)
    return {
        "new": [coded, vocab],
        "given": [other, same is vocab],
        "numbered": encode(text, invalid_label=2, invalid_key="<end>", start_label=1),
        "invalid": encode([["x", "\n", "y"]]),
        "characters": encode(["hello", "world"], start_label=5),
        "unknown": encode([["a", "b"], ["c"]], vocab={"\n": -1, "a": 0}, unknown_token="<unk>"),
        "known unknown": encode([["a", "b"], ["c"]], vocab={"a": 0, "<unk>": 7}, unknown_token="<unk>"),
        "all unknown": encode([["a", "b"], ["c"]], unknown_token="<unk>"),
        "refused": [outcome(lambda: encode([["z"]], vocab=vocab)), outcome(lambda: encode([[[1]]]))],
    }


@program(cpu=True)
def batches(mx, ctx):
    """Two epochs in every form: the same sentences in the same order, given the seeds."""
    found = {}
    for name, options in (
        ("own buckets", {}),
        ("given buckets", {"buckets": [6, 2, 4]}),
        ("one bucket", {"buckets": [9], "invalid_label": 0, "dtype": "int32"}),
        ("time first", {"layout": "TN", "data_name": "words", "label_name": "next"}),
        ("empty buckets", {"buckets": [7, 20, 30]}),
    ):
        random.seed(5)
        np.random.seed(5)
        it, printed = quiet(lambda options=options: mx.rnn.BucketSentenceIter(sentences(), 4, **options))
        found[name] = {
            "printed": printed,
            "buckets": [list(it.buckets), it.default_bucket_key, it.batch_size, it.major_axis],
            "provided": [described(it.provide_data), described(it.provide_label)],
        }
        for epoch in range(2):
            drawn = list(it)
            found[name][f"keys {epoch}"] = [[b.bucket_key, b.pad, b.index] for b in drawn]
            found[name][f"data {epoch}"] = [[b.data[0], b.label[0]] for b in drawn]
            found[name]["described"] = [described(b.provide_data + b.provide_label) for b in drawn[:2]]
            found[name]["ended"] = outcome(it.next)
            it.reset()
    return found


@program(cpu=True, differs={f"changed/{i}": "the list of buckets given stays as it is" for i in range(3)})
def odd_arguments(mx, ctx):
    buckets = [6, 2, 4]
    seeded(lambda: mx.rnn.BucketSentenceIter(sentences(), 4, buckets=buckets))
    return {
        "changed": buckets,
        "refused": [
            outcome(lambda: seeded(lambda: mx.rnn.BucketSentenceIter(sentences(), 4, layout="CC"))),
            outcome(lambda: seeded(lambda: mx.rnn.BucketSentenceIter(sentences(3), 4))),
            outcome(lambda: seeded(lambda: mx.rnn.BucketSentenceIter([[1, 2, 3]], 1, buckets=[2]))),
        ],
    }


def language_model(mx, cell, hidden=6):
    """From a length to a network that predicts the next of 6 words."""

    def make(length):
        data, label = mx.sym.Variable("data"), mx.sym.Variable("softmax_label")
        embedded = mx.sym.Embedding(data, input_dim=6, output_dim=hidden, name="embed")
        cell.reset()
        outputs, _ = cell.unroll(length, inputs=embedded, merge_outputs=True)
        scores = mx.sym.FullyConnected(mx.sym.Reshape(outputs, shape=(-1, hidden)), num_hidden=6, name="pred")
        label = mx.sym.Reshape(label, shape=(-1,))
        return mx.sym.SoftmaxOutput(scores, label, name="softmax"), ("data",), ("softmax_label",)

    return make


def first_weights(make, length, size):
    """Values for all parameters of the network of one length."""
    net = make(length)[0]
    shapes, _, _ = net.infer_shape(data=(size, length), softmax_label=(size, length))
    given = enumerate(zip(net.list_arguments(), shapes))
    return {
        n: numbers(*s, shift=0.1 * i, scale=0.4) for i, (n, s) in given if n not in ("data", "softmax_label")
    }


def losses(mx, ctx, cell, steps=12):
    """Losses of the first steps, and what some weights became."""
    make = language_model(mx, cell)
    it = seeded(lambda: mx.rnn.BucketSentenceIter(sentences(), 4, buckets=[3, 5, 7], invalid_label=0))
    module = mx.mod.BucketingModule(make, default_bucket_key=it.default_bucket_key, context=ctx)
    module.bind(it.provide_data, it.provide_label)
    args = {n: mx.nd.array(v) for n, v in first_weights(make, 7, 4).items()}
    module.init_params(arg_params=args, aux_params={})
    module.init_optimizer(optimizer="sgd", optimizer_params={"learning_rate": 0.5, "momentum": 0.9})
    found, metric = [], mx.metric.Perplexity(ignore_label=0)
    for _ in range(steps):
        try:
            batch = it.next()
        except StopIteration:
            it.reset()
            batch = it.next()
        metric.reset()
        module.forward(batch)
        module.update_metric(metric, batch.label)
        found.append(metric.get()[1])
        module.backward()
        module.update()
    after, _ = module.get_params()
    return {"losses": found, "weights": {n: after[n] for n in sorted(after) if n.endswith("bias")}}


@program(rtol=1e-3, atol=1e-4)
def buckets_of_lstm(mx, ctx):
    return losses(mx, ctx, mx.rnn.LSTMCell(6))


@program(rtol=1e-3, atol=1e-4, cpu=True)
def buckets_of_stacks(mx, ctx):
    gru = stack(mx, mx.rnn.GRUCell(6, "a_"), mx.rnn.ResidualCell(mx.rnn.RNNCell(6, prefix="b_")))
    both = mx.rnn.BidirectionalCell(mx.rnn.GRUCell(3, "l_"), mx.rnn.LSTMCell(3, "r_"))
    return [losses(mx, ctx, gru), losses(mx, ctx, both)]


@program(rtol=1e-3, atol=1e-4, cpu=True)
def fit_and_checkpoint(mx, ctx):
    """The usual script: fit, unpacked checkpoints, and going on from one."""
    cell = mx.rnn.LSTMCell(6, prefix="lstm_")
    make = language_model(mx, cell)
    it = seeded(lambda: mx.rnn.BucketSentenceIter(sentences(), 4, buckets=[4, 7], invalid_label=0))
    args = {n: mx.nd.array(v) for n, v in first_weights(make, 7, 4).items()}
    options = {
        "eval_metric": mx.metric.Perplexity(0),
        "optimizer": "adam",
        "optimizer_params": {"learning_rate": 0.05},
    }
    found = {}
    with scratch(), logged() as messages:
        module = mx.mod.BucketingModule(make, it.default_bucket_key, context=ctx)
        saved = mx.rnn.do_rnn_checkpoint(cell, "model", 2)
        module.fit(it, arg_params=args, aux_params={}, num_epoch=2, epoch_end_callback=saved, **options)
        found["in the file"] = {n: list(a.shape) for n, a in sorted(mx.nd.load("model-0002.params").items())}
        symbol, loaded, aux = mx.rnn.load_rnn_checkpoint(cell, "model", 2)
        found["loaded"] = [symbol.list_arguments(), sorted(loaded), sorted(aux)]
        found["bias"] = loaded["lstm_i2h_bias"]
        again = mx.mod.BucketingModule(make, it.default_bucket_key, context=ctx)
        it.reset()
        again.fit(it, arg_params=loaded, aux_params=aux, begin_epoch=2, num_epoch=3, **options)
        it.reset()
        found["score"] = [v for _, v in again.score(it, mx.metric.Perplexity(0))]
    found["messages"] = [m.split("Train-")[0] for m in messages if "Train" in m]
    return found
