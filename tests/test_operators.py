"""Every registered operator against its float64 reference: generated from the registry and `cases/`.

An operator without a case is a failure here. Each case runs on every device: outputs, gradients under a
random head gradient, requests, imperative calls, inside a graph (strided inputs, memory that may be shared),
planned without sharing, and through JSON.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conftest import contexts
from harness import Bound, Subject, as_tuple, assert_close, assert_same_bits, eps, load_subjects

import cysym as mx
from cysym.ops.schema import all_ops

SUBJECTS = load_subjects()
LOSSES = [s for s in SUBJECTS if s.op.is_loss and s.has_gradient and s.instance.is_loss]
# For what the program around an operator does: one case an operator, all where there are several gradients.
CHOSEN = [s for s in SUBJECTS if s.serial == 0 or (len(s.wrt) > 1 and s.stem != "elementwise")]
CPU, *DEVICES = contexts()


def main_dtype(subject: Subject) -> str:
    dtypes = subject.case.dtypes
    return "float32" if "float32" in dtypes else dtypes[0]


def runs(of: list[Subject], every_dtype: bool = False, every_case: bool = True) -> Any:
    """Parameters (subject, ctx, dtype).

    The CPU runs all subjects, OpenCL an operator's first case, or all of them with `every_case`.
    `every_dtype` adds the other types on the CPU, and float64 for an operator's first case on OpenCL. What is
    left of subjects x devices x types is marked slow.
    """
    found = []
    for subject in of:
        main, first = main_dtype(subject), subject.serial == 0
        for ctx in (CPU, *DEVICES):
            for dtype in subject.case.dtypes:
                quick = (ctx is CPU or every_case or first) and (
                    dtype == main or (every_dtype and (ctx is CPU or (first and dtype == "float64")))
                )
                marks = [] if quick else [pytest.mark.slow]
                found.append(pytest.param(subject, ctx, dtype, id=f"{subject}-{dtype}-{ctx}", marks=marks))
    return pytest.mark.parametrize(("subject", "ctx", "dtype"), found)


def is_deterministic(subject: Subject) -> bool:
    return subject.case.check is None


def check_gradients(subject: Subject, bound: Bound, outputs: list[Any], grads: dict[str, Any]) -> None:
    heads = bound.heads(outputs)
    slack = subject.slack(bound.dtype, heads)
    for name, want in subject.gradient(bound.dtype, heads).items():
        assert_close(f"gradient of {name}", grads[name], want, subject.case.tolerance, slack)


def test_no_operator_is_without_a_case() -> None:
    made = {
        op for op in all_ops().values() if op.outputs and not op.is_callback
    }  # without outputs: no symbol
    public = {op for op in made if not op.name.startswith("_backward")}
    missing = sorted(op.name for op in public - {subject.op for subject in SUBJECTS})
    assert not missing, f"operators without a case in tests/cases: {', '.join(missing)}"


def test_every_name_is_a_function() -> None:
    names = [name for name in all_ops() if not name.startswith("_backward")]
    missing = [name for name in names if not (hasattr(mx.sym, name) and hasattr(mx.nd, name))]
    assert names
    assert not missing


def test_cases_can_fail() -> None:
    """A case that names an input the operator does not have, or checks nothing, protects nothing."""
    for subject in SUBJECTS:
        case = subject.case
        assert case.reference is not None or case.check is not None, subject
        assert set(subject.wrt) <= set(case.inputs), subject
        if not subject.op.variadic:
            op = subject.op.make(case.params)
            assert set(case.inputs) <= set(op.input_names()) | set(op.aux_names()), subject
            assert set(case.aux) <= set(op.aux_names()) | subject.mutated, subject


@runs(SUBJECTS, every_dtype=True)
def test_forward_and_backward(subject: Subject, ctx: Any, dtype: str) -> None:
    """Outputs, gradients ('write'), auxiliary states, and nothing else written."""
    bound = Bound(subject, ctx, dtype)
    outputs, grads = bound.run()
    _, types, _ = bound.symbol.infer_type(**{n: a.dtype for n, a in subject.arrays(dtype).items()})
    assert [o.dtype for o in outputs] == [np.dtype(t) for t in types]
    subject.check_outputs(dtype, outputs)
    if bound.req:
        check_gradients(subject, bound, outputs, grads)
    after: dict[str, Any] = {}
    if subject.case.aux_after is not None:
        after = subject.case.aux_after(**subject.exact(dtype))
    for name, array in {**bound.args, **bound.aux}.items():
        if name in after:
            assert_close(f"{name} afterwards", array.asnumpy(), after[name], subject.case.tolerance)
        elif name not in subject.mutated:
            assert_same_bits(f"{name} afterwards", array.asnumpy(), subject.arrays(dtype)[name])


@runs([s for s in CHOSEN if s.has_gradient], every_case=False)
def test_requests(subject: Subject, ctx: Any, dtype: str) -> None:
    """'add' adds to what is there; 'null' leaves it, and changes no other gradient."""
    _, written = Bound(subject, ctx, dtype).run()
    adding = Bound(subject, ctx, dtype, "add")
    _, added = adding.run()
    for name, before in adding.prefilled.items():
        want = before.astype(np.float64) + written[name]
        finite = written[name][np.isfinite(written[name])]
        floor = 2 * eps(finite.dtype) * float(np.abs(finite).max(initial=0))
        assert_close(f"gradient of {name} added", added[name], want, 2, floor)
    for silent in (0, 1):
        req = {n: "null" if k % 2 == silent else "write" for k, n in enumerate(subject.wrt)}
        if "write" not in req.values():
            continue
        mixed = Bound(subject, ctx, dtype, req)
        _, grads = mixed.run()
        for name, kind in req.items():
            want = written[name] if kind == "write" else mixed.prefilled[name]
            if kind == "null":
                assert_same_bits(f"null gradient of {name}", grads[name], want)
            else:
                assert_close(f"gradient of {name} beside null", grads[name], want, subject.case.tolerance)


@pytest.mark.parametrize("ctx", contexts(), ids=str)
@pytest.mark.parametrize("subject", LOSSES, ids=str)
def test_losses_need_no_head_gradient(subject: Subject, ctx: Any) -> None:
    bound = Bound(subject, ctx, main_dtype(subject))
    outputs = bound.forward()
    with_ones = Bound(subject, ctx, bound.dtype)
    with_ones.forward()
    want = with_ones.backward([np.ones_like(o) for o in outputs])
    for name, grad in bound.backward(None).items():
        assert_same_bits(f"gradient of {name}", grad, want[name])


@runs([s for s in SUBJECTS if not s.op.is_loss], every_case=False)
def test_imperative(subject: Subject, ctx: Any, dtype: str) -> None:
    """`mx.nd` calls the same kernels; `out=` takes the results."""
    bound = Bound(subject, ctx, dtype, wrt=())
    subject.seed()
    want = bound.forward(is_train=False)
    function = getattr(mx.nd, subject.case.op)

    def inputs() -> list[Any]:
        return [bound.load(subject.arrays(dtype)[name]) for name in subject.names]

    with ctx:
        subject.seed()
        made = as_tuple(function(*inputs(), **subject.case.params))
        subject.seed()
        places = [bound.load(np.full(w.shape, 3, w.dtype)) for w in want]
        function(*inputs(), **subject.case.params, out=places if len(places) > 1 else places[0])
    assert len(made) == len(want)
    for k, (new, place, w) in enumerate(zip(made, places, want, strict=True)):
        assert new.context == ctx
        assert_close(f"output {k}", new.asnumpy(), w, subject.case.tolerance)
        assert_same_bits(f"output {k} into out=", place.asnumpy(), new.asnumpy())


def pass_on(symbol: Any, dtype: Any) -> Any:
    """The same numbers from another node: a temporary, computed where the type has arithmetic."""
    return mx.sym.identity(symbol) if np.dtype(dtype) in (np.float16, np.bool_) else symbol * 1


@pytest.mark.parametrize("kind", ["strided", "temporary"])
@runs(CHOSEN, every_case=False)
def test_inside_a_graph(subject: Subject, ctx: Any, dtype: str, kind: str) -> None:
    """The operator between others: inputs that are views, or temporaries it may overwrite.

    Planned without sharing, with canaries around every block, it gives the same bits; fused, the same
    numbers.
    """
    arrays = dict(subject.arrays(dtype))
    inputs: dict[str, Any] = {}
    halves = {}
    for name in subject.names:
        inputs[name] = mx.sym.Variable(name)
        if name in subject.mutated or not arrays[name].ndim:
            continue
        if kind == "strided":
            axis = arrays[name].ndim - 1
            arrays[name] = np.concatenate([arrays[name][::-1], arrays[name]], axis)
            inputs[name] = mx.sym.SliceChannel(inputs[name], num_outputs=2, axis=axis)[1]
            halves[name] = axis
        else:
            inputs[name] = pass_on(inputs[name], arrays[name].dtype)
    symbol = subject.symbol(inputs)
    _, types, _ = symbol.infer_type(**{name: array.dtype for name, array in arrays.items()})
    symbol = mx.sym.Group([pass_on(symbol[k], t) for k, t in enumerate(types)])

    def run(**options: bool) -> tuple[Bound, list[Any], dict[str, Any]]:
        with mx.executor.options(**options):
            bound = Bound(subject, ctx, dtype, symbol=symbol, arrays=arrays)
            return bound, *bound.run()

    bound, outputs, grads = run(fuse=False)
    _, apart, apart_grads = run(fuse=False, share=False, canaries=True)
    _, fused, fused_grads = run()
    for k, output in enumerate(outputs):
        assert_same_bits(f"output {k} without sharing", apart[k], output)
        assert_close(f"output {k} fused", fused[k], output, subject.case.tolerance)
    for name, grad in grads.items():
        assert_same_bits(f"gradient of {name} without sharing", apart_grads[name], grad)
        assert_close(f"gradient of {name}, fused", fused_grads[name], grad, subject.case.tolerance)
    subject.check_outputs(dtype, outputs)
    if bound.req:
        for name, axis in halves.items():
            if name in grads:
                unused, grads[name] = np.split(grads[name], 2, axis)
                assert not unused.any(), f"gradient of {name} outside the view"
        check_gradients(subject, bound, outputs, grads)


@pytest.mark.parametrize("subject", SUBJECTS, ids=str)
def test_json_round_trip(subject: Subject) -> None:
    dtype = main_dtype(subject)
    symbol = subject.symbol()
    text = symbol.tojson()
    loaded = mx.sym.load_json(text)
    assert loaded.tojson() == text
    assert loaded.list_outputs() == symbol.list_outputs()
    outputs, _ = Bound(subject, CPU, dtype, wrt=()).run()
    again, _ = Bound(subject, CPU, dtype, symbol=loaded, wrt=()).run()
    for k, (got, want) in enumerate(zip(again, outputs, strict=True)):
        assert_same_bits(f"output {k}", got, want)


@pytest.mark.parametrize("subject", [s for s in SUBJECTS if s.serial == 0 and is_deterministic(s)], ids=str)
def test_second_run_is_the_first(subject: Subject) -> None:
    """Forward and backward once more on the same executor: the same bits."""
    if subject.mutated:
        pytest.skip("the operator changes its inputs")
    bound = Bound(subject, CPU, main_dtype(subject))
    outputs, grads = bound.run()
    again, grads_again = bound.run()
    for k, output in enumerate(outputs):
        assert_same_bits(f"output {k}", again[k], output)
    for name, grad in grads.items():
        assert_same_bits(f"gradient of {name}", grads_again[name], grad)


# Inputs large enough that the pool of threads gets its share: name, parameters, shapes.
LARGE: list[tuple[str, dict[str, Any], dict[str, tuple[int, ...]]]] = [
    ("FullyConnected", {"num_hidden": 131}, {"data": (127, 509)}),
    ("Convolution", {"kernel": (3, 3), "num_filter": 13, "pad": (1, 1)}, {"data": (3, 7, 61, 59)}),
    ("Pooling", {"kernel": (3, 3), "stride": (2, 2), "pool_type": "max"}, {"data": (3, 17, 61, 59)}),
    ("BatchNorm", {"fix_gamma": False}, {"data": (5, 11, 61, 59)}),
    ("softmax", {}, {"data": (331, 211)}),
    ("sum", {"axis": 0}, {"data": (331, 211)}),
    ("mean", {}, {"data": (331, 211)}),
    ("tanh", {}, {"data": (331, 211)}),
    ("dot", {}, {"lhs": (127, 257), "rhs": (257, 131)}),
    ("Embedding", {"input_dim": 53, "output_dim": 61}, {"data": (997,)}),
    ("Dropout", {"p": 0.3}, {"data": (331, 211)}),
    ("transpose", {}, {"data": (331, 211)}),
    ("SoftmaxOutput", {}, {"data": (331, 211)}),
]


@pytest.mark.parametrize("ctx", contexts(), ids=str)
@pytest.mark.parametrize(("op", "params", "shapes"), LARGE, ids=[row[0] for row in LARGE])
def test_threads_change_no_bit(op: str, params: dict[str, Any], shapes: dict[str, Any], ctx: Any) -> None:
    symbol = getattr(mx.sym, op)(name="op", **{n: mx.sym.Variable(n) for n in shapes}, **params)

    def run(threads: int) -> list[Any]:
        mx._core.set_num_threads(threads)
        mx.random.seed(3)
        rng = np.random.default_rng(5)
        executor = symbol.simple_bind(ctx, **shapes)
        for array in executor.arg_arrays:
            array[:] = rng.standard_normal(array.shape) * 3
        outputs = executor.forward(is_train=True)
        executor.backward([mx.nd.array(rng.standard_normal(o.shape), ctx=ctx) for o in outputs])
        return [a.asnumpy() for a in (*outputs, *executor.grad_arrays, *executor.aux_arrays)]

    alone = run(1)
    for threads in (2, 4):
        for k, (got, want) in enumerate(zip(run(threads), alone, strict=True)):
            assert_same_bits(f"{threads} threads, array {k}", got, want)
