"""A model of spelling, letter by letter, from a book: LSTM cells unrolled over phrases in buckets by length.

What it shows: encode_sentences, BucketSentenceIter, a SequentialRNNCell of LSTMCells, unroll inside the
function that BucketingModule asks for a network of each length, Perplexity that leaves padding out, and
checkpoints of cells (do_rnn_checkpoint, load_rnn_checkpoint), from which the model is scored once more.

    python spelling_lstm.py --num-epochs 6 --num-hidden 64
"""

import argparse
import json
import logging
import os
import random
import re
import sys
import textwrap

import mxnet as mx
import numpy as np

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "alice.txt")
PADDING = 0


def phrases(longest):
    """The text without its stops, cut there and where it grows too long, as lists of letters and blanks."""
    with open(DATA) as file:
        words = " ".join(re.sub("[`'-]+", " ", file.read().lower()).split())
    pieces = [piece.strip() for piece in re.split("[^a-z ]", words)]
    found = [[*list(line), " "] for piece in pieces for line in textwrap.wrap(piece, longest - 1)]
    np.random.shuffle(found)
    return found


def parse_args():
    parser = argparse.ArgumentParser(
        description="LSTM over buckets", formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument(
        "--gpus", type=str, default="", help="devices to train on, such as 0; empty is the cpu"
    )
    parser.add_argument("--num-layers", type=int, default=2)
    parser.add_argument("--num-hidden", type=int, default=32)
    parser.add_argument("--num-embed", type=int, default=16)
    parser.add_argument("--num-epochs", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--lr", type=float, default=0.03)
    parser.add_argument("--buckets", type=str, default="8,16,24")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--output", type=str, default="lstm-model", help="folder of the checkpoints")
    return parser.parse_args()


def main():
    args = parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)-15s %(message)s")
    mx.random.seed(args.seed)
    np.random.seed(args.seed)
    random.seed(args.seed)  # BucketSentenceIter draws from it
    contexts = [mx.gpu(int(i)) for i in args.gpus.split(",")] if args.gpus else mx.cpu(0)
    if not os.path.isdir(args.output):
        os.makedirs(args.output)
    prefix = os.path.join(args.output, "alice")

    buckets = [int(b) for b in args.buckets.split(",")]
    encoded, vocab = mx.rnn.encode_sentences(phrases(max(buckets)), invalid_label=PADDING, start_label=1)
    held = len(encoded) // 15
    train = mx.rnn.BucketSentenceIter(encoded[held:], args.batch_size, buckets, invalid_label=PADDING)
    # The iterator leaves out what does not fill a batch; in one batch of all of them no phrase is left out.
    check = mx.rnn.BucketSentenceIter(encoded[:held], held, [max(buckets)], invalid_label=PADDING)

    stack = mx.rnn.SequentialRNNCell()
    for i in range(args.num_layers):
        stack.add(mx.rnn.LSTMCell(num_hidden=args.num_hidden, prefix=f"lstm_l{i}_"))

    def sym_gen(seq_len):
        data = mx.sym.Variable("data")
        label = mx.sym.Variable("softmax_label")
        embed = mx.sym.Embedding(data, input_dim=len(vocab), output_dim=args.num_embed, name="embed")
        stack.reset()
        outputs, _ = stack.unroll(seq_len, inputs=embed, merge_outputs=True)
        pred = mx.sym.Reshape(outputs, shape=(-1, args.num_hidden))
        pred = mx.sym.FullyConnected(pred, num_hidden=len(vocab), name="pred")
        label = mx.sym.Reshape(label, shape=(-1,))
        pred = mx.sym.SoftmaxOutput(pred, label, use_ignore=True, ignore_label=PADDING, name="softmax")
        return pred, ("data",), ("softmax_label",)

    model = mx.mod.BucketingModule(sym_gen, default_bucket_key=train.default_bucket_key, context=contexts)
    model.fit(
        train,
        eval_data=check,
        eval_metric=mx.metric.Perplexity(PADDING),
        optimizer="adam",
        optimizer_params={"learning_rate": args.lr, "wd": 1e-5},
        initializer=mx.init.Xavier(factor_type="in", magnitude=2.34),
        num_epoch=args.num_epochs,
        batch_end_callback=mx.callback.Speedometer(args.batch_size, 10, auto_reset=False),
        epoch_end_callback=mx.rnn.do_rnn_checkpoint(stack, prefix, 1),
    )

    final = {"perplexity": model.score(check, mx.metric.Perplexity(PADDING))[0][1]}

    # What a new process would do: cells and weights from the files, bound for prediction only.
    _, arg_params, aux_params = mx.rnn.load_rnn_checkpoint(stack, prefix, args.num_epochs)
    loaded = mx.mod.BucketingModule(sym_gen, default_bucket_key=train.default_bucket_key, context=contexts)
    loaded.bind(check.provide_data, check.provide_label, for_training=False)
    loaded.set_params(arg_params, aux_params)
    final["perplexity from checkpoint"] = loaded.score(check, mx.metric.Perplexity(PADDING))[0][1]

    # A model that knows how often each letter comes, and nothing else.
    counts = np.bincount(np.concatenate(encoded[held:]), minlength=len(vocab)) + 1.0
    later = np.concatenate([sentence[1:] for sentence in encoded[:held]])
    final["perplexity of frequencies"] = float(np.exp(-np.log(counts / counts.sum())[later].mean()))
    print("final " + json.dumps(final))
    if final["perplexity"] > 0.5 * final["perplexity of frequencies"]:
        sys.exit(
            "FAILED: perplexity {perplexity:.1f} is not below half of that of frequencies".format(**final)
        )


if __name__ == "__main__":
    main()
