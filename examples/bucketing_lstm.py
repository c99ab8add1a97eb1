"""Learn to write sentences: a language model of LSTM cells, trained on sentences in buckets by length.

The sentences come from a small grammar, "the old cats that the dog sees sleep .", in which a verb agrees with
a noun up to six words back. As the grammar's own probabilities are known, so is the perplexity no model can
beat. After training, the cells of the loaded checkpoint are stepped by hand to write sentences, and the
grammar judges them. The exit status is 1 where the model is not good enough.

    python examples/bucketing_lstm.py --output lstm-output
"""

from __future__ import annotations

import argparse
import logging
import math
import random
import re
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import cysym as mx

SEED = 0
END = "."
PADDING = 0
BUCKETS = (5, 7, 9, 11)

NOUNS = (("cat", "dog", "bird", "horse"), ("cats", "dogs", "birds", "horses"))
SLEEP = (("sleeps", "sings", "waits"), ("sleep", "sing", "wait"))
SEE = (("sees", "hears"), ("see", "hear"))
ADJECTIVES = ("old", "small", "happy")


class Grammar:
    """Draws sentences and knows which are right."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        nouns, see, sleep = ([f"(?:{'|'.join(w)})" for w in words] for words in (NOUNS, SEE, SLEEP))
        phrase = [f"the (?:(?:{'|'.join(ADJECTIVES)}) )?{n}" for n in nouns]
        clause = "|".join(f"{phrase[i]} {see[i]}" for i in (0, 1))
        whole = "|".join(f"{phrase[i]} (?:that (?:{clause}) )?{sleep[i]}" for i in (0, 1))
        self._right = re.compile(f"(?:{whole}) [{END}]")

    def sentence(self) -> tuple[list[str], float]:
        """Words, and the logarithm of their probability."""
        log_probability = 0.0

        def choose(options: Sequence[Any]) -> Any:
            nonlocal log_probability
            log_probability -= math.log(len(options))
            return self._random.choice(options)

        def phrase(number: int) -> list[str]:
            adjective = [choose(ADJECTIVES)] if choose((True, False)) else []
            return ["the", *adjective, choose(NOUNS[number])]

        number = choose((0, 1))
        words = phrase(number)
        if choose((True, False)):
            other = choose((0, 1))
            words += ["that", *phrase(other), choose(SEE[other])]
        return [*words, choose(SLEEP[number]), END], log_probability

    def is_right(self, words: Sequence[str]) -> bool:
        """Whether the grammar could have made this sentence."""
        return self._right.fullmatch(" ".join(words)) is not None


class Model:
    """Embedding, a stack of LSTM cells, and a softmax over the vocabulary."""

    def __init__(self, vocabulary: dict[str, int], hidden: int, layers: int) -> None:
        self.vocabulary = vocabulary
        self.hidden = hidden
        self.cells = mx.rnn.SequentialRNNCell()
        for i in range(layers):
            self.cells.add(mx.rnn.LSTMCell(hidden, prefix=f"lstm{i}_"))

    def embed(self, data: Any) -> Any:
        return mx.sym.Embedding(data, input_dim=len(self.vocabulary), output_dim=self.hidden, name="embed")

    def scores(self, output: Any) -> Any:
        return mx.sym.FullyConnected(output, num_hidden=len(self.vocabulary), name="scores")

    def unrolled(self, length: int) -> tuple[mx.sym.Symbol, tuple[str], tuple[str]]:
        """The network for sentences of one length; what BucketingModule asks for."""
        embedded = self.embed(mx.sym.Variable("data"))
        outputs, _ = self.cells.unroll(length, inputs=embedded, merge_outputs=True)
        scores = self.scores(mx.sym.Reshape(outputs, shape=(-1, self.hidden)))
        label = mx.sym.Reshape(mx.sym.Variable("softmax_label"), shape=(-1,))
        net = mx.sym.SoftmaxOutput(scores, label, use_ignore=True, ignore_label=PADDING, name="softmax")
        return net, ("data",), ("softmax_label",)

    def writer(self, params: dict[str, Any], ctx: mx.Context) -> Callable[[random.Random], list[str]]:
        """A function that draws one sentence, word by word, from the cells stepped once."""
        self.cells.reset()
        states = self.cells.begin_state(func=mx.sym.Variable)
        output, after = self.cells(self.embed(mx.sym.Variable("word")), states)
        net = mx.sym.Group([mx.sym.softmax(self.scores(output)), *after])
        shapes = {s.name: (1, self.hidden) for s in states}
        executor = net.simple_bind(ctx, grad_req="null", word=(1,), **shapes)
        executor.copy_params_from(params)
        words = {number: word for word, number in self.vocabulary.items()}

        def write(source: random.Random) -> list[str]:
            sentence = ["the"]
            for name in shapes:
                executor.arg_dict[name][:] = 0
            while sentence[-1] != END and len(sentence) < 2 * max(BUCKETS):
                word = np.array([self.vocabulary[sentence[-1]]])
                probabilities, *memory = executor.forward(word=word)
                for state, value in zip(shapes, memory, strict=True):
                    value.copyto(executor.arg_dict[state])
                number = source.choices(range(len(words)), probabilities.asnumpy()[0].tolist())[0]
                sentence.append(words[number])
            return sentence

        return write


def batches(sentences: list[list[str]], vocabulary: dict[str, int], size: int) -> Any:
    """An iterator over encoded sentences."""
    encoded, _ = mx.rnn.encode_sentences(sentences, vocab=vocabulary)
    return mx.rnn.BucketSentenceIter(encoded, size, buckets=BUCKETS, invalid_label=PADDING)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("lstm-output"), help="folder for checkpoints")
    parser.add_argument("--device", choices=("cpu", "opencl"), default="cpu")
    parser.add_argument("--sentences", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--hidden", type=int, default=32)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--right", type=float, default=0.9, help="the least share of right sentences")
    parser.add_argument("--verbose", action="store_true", help="show the library's log")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run everything; 0 when the model learned the grammar."""
    args = parse(argv)
    logging.basicConfig(level=logging.INFO if args.verbose else logging.WARNING)
    args.output.mkdir(parents=True, exist_ok=True)
    ctx = mx.gpu(0) if args.device == "opencl" else mx.cpu()
    for seed in (random.seed, np.random.seed, mx.random.seed):
        seed(SEED)

    grammar = Grammar(SEED)
    drawn = [grammar.sentence() for _ in range(args.sentences + 20 * args.batch_size)]
    sentences = [words for words, _ in drawn]
    _, vocabulary = mx.rnn.encode_sentences(sentences, invalid_key="", invalid_label=PADDING, start_label=1)
    train = batches(sentences[: args.sentences], vocabulary, args.batch_size)
    check = batches(sentences[args.sentences :], vocabulary, args.batch_size)
    # The first word is given, it is not predicted.
    best = math.exp(-sum(p for _, p in drawn) / sum(len(words) - 1 for words in sentences))
    print(f"{args.sentences} sentences of {len(vocabulary) - 1} words, such as: {' '.join(sentences[1])}")

    model = Model(vocabulary, args.hidden, args.layers)
    module = mx.mod.BucketingModule(model.unrolled, train.default_bucket_key, context=ctx)
    prefix = str(args.output / "lstm")
    begun = time.perf_counter()
    module.fit(
        train,
        eval_metric=mx.metric.Perplexity(ignore_label=PADDING),
        initializer=mx.init.Xavier(),
        optimizer="adam",
        optimizer_params={"learning_rate": 0.01},
        epoch_end_callback=mx.rnn.do_rnn_checkpoint(model.cells, prefix, period=args.epochs),
        num_epoch=args.epochs,
    )
    perplexity = module.score(check, mx.metric.Perplexity(ignore_label=PADDING))[0][1]
    print(
        f"perplexity on other sentences {perplexity:.3f} after {time.perf_counter() - begun:.1f} s on {ctx}; "
        f"the grammar's own is {best:.3f}"
    )

    _, params, _ = mx.rnn.load_rnn_checkpoint(model.cells, prefix, args.epochs)
    write, source = model.writer(params, ctx), random.Random(SEED)
    written = [write(source) for _ in range(100)]
    right = sum(map(grammar.is_right, written)) / len(written)
    for words in written[:5]:
        print(f"  {'right' if grammar.is_right(words) else 'WRONG'}: {' '.join(words)}")
    print(f"{right:.0%} of {len(written)} sentences written by the model are right")
    if right < args.right:
        print(f"FAILED: fewer than {args.right:.0%} of the sentences are right", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
