"""Sentences and their buckets beyond what MXNet answers, and the example that learns from them."""

from __future__ import annotations

import random
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown import ROOT

import cysym as mx

sys.path.insert(0, str(ROOT / "examples"))

import bucketing_lstm

Iter = mx.rnn.BucketSentenceIter


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"layout": "NTC"}, "layout must be NT or TN, got 'NTC'"),
        ({"batch_size": 0}, "batch_size must be positive, got 0"),
        ({"buckets": [1]}, r"none of 3 sentences fits a bucket; buckets are \[1\]"),
        ({"batch_size": 3}, r"buckets are \[\], as no length has 3 sentences"),
        ({"sentences": []}, "none of 0 sentences"),
    ],
)
def test_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Iter(**{"sentences": [[1, 2], [1, 2], [1, 2, 3]], "batch_size": 2, **options})


def test_unknown_words() -> None:
    with pytest.raises(ValueError, match="'c' is not in the vocabulary"):
        mx.rnn.encode_sentences([["a", "c"]], vocab={"a": 0})
    vocab = {"\n": -1, "a": 0, "b": 2}
    encoded, same = mx.rnn.encode_sentences([["c", "a"], ["d", "b", "?"]], vocab=vocab, unknown_token="?")
    assert encoded == [[1, 0], [1, 2, 1]]
    assert same is vocab
    assert vocab["?"] == 1


@given(st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=6), max_size=8), st.integers(-2, 4))
def test_numbers_lead_back_to_words(sentences: list[list[str]], start: int) -> None:
    encoded, vocab = mx.rnn.encode_sentences(sentences, invalid_label=1, start_label=start)
    words = {number: word for word, number in vocab.items()}
    assert len(words) == len(vocab), "no two words have one number"
    assert [[words[n] for n in s] for s in encoded] == sentences
    assert all(n >= start for s in encoded for n in s)


@pytest.mark.parametrize("layout", ["NT", "TN"])
def test_an_epoch_holds_every_sentence_that_fits(layout: str, capsys: pytest.CaptureFixture[str]) -> None:
    source = np.random.default_rng(0)
    sentences = [source.integers(1, 9, n).tolist() for n in source.integers(1, 12, 60)]
    buckets = [4, 7, 10]
    it = Iter(sentences, 3, buckets=buckets, invalid_label=0, layout=layout)
    too_long = sum(len(s) > 10 for s in sentences)
    assert f"discarded {too_long} sentences" in capsys.readouterr().out
    seen = []
    for batch in it:
        data, label = (
            a.asnumpy() if layout == "NT" else a.asnumpy().T for a in (batch.data[0], batch.label[0])
        )
        assert data.shape == label.shape == (3, batch.bucket_key)
        np.testing.assert_array_equal(label[:, :-1], data[:, 1:])
        assert not label[:, -1].any()
        assert batch.provide_data[0].shape == batch.data[0].shape
        seen += [[int(w) for w in row if w] for row in data]
    assert len(seen) % 3 == 0
    left = [s for s in sentences if len(s) <= 10]
    for sentence in seen:
        left.remove(sentence)
    assert len(left) < 3 * len(buckets), "only what fills no batch is left out"


def test_epochs_are_shuffled_and_repeatable() -> None:
    def epochs() -> list[list[float]]:
        random.seed(1)
        np.random.seed(1)
        it, found = Iter([[i, i] for i in range(40)], 4), []
        for _ in range(2):
            found.append([v for batch in it for v in batch.data[0].asnumpy()[:, 0].tolist()])
            it.reset()
        return found

    first, second = epochs()
    assert first != second
    assert sorted(first) == sorted(second) == list(range(40))
    assert epochs() == [first, second]


# --- the example -------------------------------------------------------------------------------------------
def test_a_grammar_is_learned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bucketing_lstm.main(["--output", str(tmp_path), "--right", "0.8"]) == 0
    printed = capsys.readouterr().out
    assert "sentences written by the model are right" in printed
    found = re.search(r"perplexity on other sentences ([\d.]+) .* the grammar's own is ([\d.]+)", printed)
    assert found
    perplexity, best = map(float, found.groups())
    assert 0.95 * best < perplexity < 1.1 * best
    assert {p.name for p in tmp_path.iterdir()} == {"lstm-symbol.json", "lstm-0008.params"}
    assert "arg:lstm0_i2h_f_weight" in mx.nd.load(str(tmp_path / "lstm-0008.params"))


def test_the_grammar_knows_its_sentences() -> None:
    grammar = bucketing_lstm.Grammar(5)
    for _ in range(200):
        words, log_probability = grammar.sentence()
        assert grammar.is_right(words)
        assert log_probability < 0
    for wrong in (
        "the cat sleep .",
        "the cats that the dog see sleep .",
        "the cat sleeps",
        "cat the sleeps .",
    ):
        assert not grammar.is_right(wrong.split())


def test_a_model_that_learned_nothing_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--epochs", "1", "--sentences", "300", "--hidden", "4", "--layers", "1"]
    assert bucketing_lstm.main(["--output", str(tmp_path), *options]) == 1
    assert "FAILED: fewer than 90% of the sentences are right" in capsys.readouterr().err
