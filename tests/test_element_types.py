"""Element types of every operator against what MXNet 1.9.1 takes and gives (recorded/dtypes.json).

Where MXNet computes, so does cysym, with the same result type and numbers; where MXNet refuses, cysym either
computes or raises one error that names the operator.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conftest import contexts
from recorded.loader import Array, TypeAnswer, type_answers

import cysym as mx
from cysym.ops.schema import find_op

ANSWERS, REFUSED = type_answers()
CPU, *DEVICES = contexts()
LIKE = {a.op: a for a in reversed(ANSWERS)}
HALVES = [a for a in ANSWERS if a.dtype != "float32"]

# Answers of MXNet that are accidents: other numbers here, and why.
OTHER = {
    "_contrib_arange_like": "start and step are rounded to the type first; here the numbers are",
    "_contrib_quadratic": "a, b and c are rounded to whole numbers",
    "erfinv": "an infinite result, or NaN, in a whole number",
    "reciprocal": "1/0 in whole numbers is what the processor happens to give; here 0",
}
# What MXNet takes and cysym refuses, clearly, and why.
NOT_HERE = {
    "Convolution-int8": "oneDNN's quantized convolution; quantization is not covered",
}


def listed(answer: TypeAnswer, table: dict[str, str]) -> bool:
    return answer.op in table or str(answer) in table


def call(answer: TypeAnswer, ctx: Any) -> list[Array]:
    inputs = [mx.nd.array(a, ctx=ctx, dtype=a.dtype) for a in answer.inputs.values()]
    outputs = getattr(mx.nd, answer.op)(*inputs, **answer.params)
    return [o.asnumpy() for o in (outputs if isinstance(outputs, (list, tuple)) else [outputs])]


def close(what: str, got: Array, want: Array, dtype: str) -> None:
    """`dtype` is the inputs' type: what is computed from float16 has its accuracy."""
    allowed = {"float16": 4e-3, "float32": 2e-5, "float64": 1e-6}
    tolerance = max(allowed.get(t, 0.0) for t in (str(want.dtype), dtype)) if want.dtype.kind == "f" else 0.0
    finite = np.isfinite(want.astype(np.float64))
    np.testing.assert_array_equal(got[~finite], want[~finite], err_msg=what)
    scale = float(np.abs(want[finite].astype(np.float64)).max(initial=0))
    pair = (got[finite].astype(np.float64), want[finite].astype(np.float64))
    np.testing.assert_allclose(*pair, rtol=0, atol=tolerance * scale, err_msg=what)


@pytest.mark.parametrize("ctx", contexts(), ids=str)
@pytest.mark.parametrize("answer", HALVES, ids=str)
def test_what_mxnet_takes(answer: TypeAnswer, ctx: Any) -> None:
    if listed(answer, NOT_HERE):
        with pytest.raises(mx.MXNetError, match=answer.op):
            call(answer, ctx)
        return
    outputs = call(answer, ctx)
    assert [(o.dtype, o.shape) for o in outputs] == [(o.dtype, o.shape) for o in answer.outputs]
    if not listed(answer, OTHER):
        for k, (got, want) in enumerate(zip(outputs, answer.outputs, strict=True)):
            close(f"output {k}", got, want, answer.dtype)


@pytest.mark.parametrize(("op", "dtype"), [r for r in REFUSED if r[0] in LIKE], ids=lambda v: str(v))
def test_what_mxnet_refuses(op: str, dtype: str) -> None:
    """Computed, or one error that names the operator; which of both is in docs/ops.md."""
    like = LIKE[op]
    arrays = {n: a.astype(dtype) if a.dtype == np.dtype(like.dtype) else a for n, a in like.inputs.items()}
    try:
        call(TypeAnswer(op, dtype, like.params, arrays, ()), CPU)
    except mx.MXNetError as error:
        assert find_op(op).name in str(error), error  # noqa: PT017
