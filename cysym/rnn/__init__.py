"""Recurrent networks in symbols, ``mx.rnn``: cells to step or unroll, their checkpoints, and sentences.

What a cell makes is trained like any other symbol; networks of several lengths by ``mx.mod.BucketingModule``.
"""

from ..checkpoint import load_checkpoint, save_checkpoint
from ..io import DataBatch, DataDesc, DataIter
from . import io, rnn, rnn_cell
from .io import BucketSentenceIter, encode_sentences
from .rnn import do_rnn_checkpoint, load_rnn_checkpoint, rnn_unroll, save_rnn_checkpoint
from .rnn_cell import (
    BaseConvRNNCell,
    BaseRNNCell,
    BidirectionalCell,
    ConvGRUCell,
    ConvLSTMCell,
    ConvRNNCell,
    DropoutCell,
    FusedRNNCell,
    GRUCell,
    LSTMCell,
    ModifierCell,
    ResidualCell,
    RNNCell,
    RNNParams,
    SequentialRNNCell,
    ZoneoutCell,
)

__all__ = [
    "BaseConvRNNCell", "BaseRNNCell", "BidirectionalCell", "BucketSentenceIter", "ConvGRUCell",
    "ConvLSTMCell", "ConvRNNCell", "DataBatch", "DataDesc", "DataIter", "DropoutCell", "FusedRNNCell",
    "GRUCell", "LSTMCell", "ModifierCell", "RNNCell", "RNNParams", "ResidualCell", "SequentialRNNCell",
    "ZoneoutCell", "do_rnn_checkpoint", "encode_sentences", "load_checkpoint", "load_rnn_checkpoint",
    "rnn_unroll", "save_checkpoint", "save_rnn_checkpoint",
]  # fmt: skip
