"""Bad input of arrays and of autograd, and overlapping views against NumPy; the rows are in bad/arrays.py."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from bad.arrays import RIGHT, WRONG, Action

import cysym as mx

START = np.arange(12, dtype=np.float32).reshape(3, 4)


@pytest.mark.parametrize(("error", "text", "action"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_refused(error: Any, text: str, action: Action, ctx: Any) -> None:
    array = mx.nd.array(START, ctx=ctx)
    with mx.util.np_shape(False), ctx, pytest.raises(error) as caught:
        action(array)
    assert re.search(text, str(caught.value)), str(caught.value)
    assert not mx.autograd.is_recording()
    np.testing.assert_array_equal(array.asnumpy(), START)
    np.testing.assert_array_equal((array + 1).asnumpy(), START + 1)


@pytest.mark.parametrize("action", [r[1] for r in RIGHT], ids=[r[0] for r in RIGHT])
def test_as_numpy(action: Action, ctx: Any) -> None:
    """Also what the array itself became."""
    want = START.copy()
    array = mx.nd.array(START, ctx=ctx)
    with mx.util.np_shape(True):
        result, expected = action(array), action(want)
        np.testing.assert_array_equal(result.asnumpy(), expected)
        np.testing.assert_array_equal(array.asnumpy(), want)
