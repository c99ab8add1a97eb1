"""mx.test_utils beyond what MXNet can be asked: that wrong operators are found, and that messages help.

What MXNet answers is in recorded/programs/test_utils.py, downloads are in test_test_utils_data.py.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from conftest import contexts

import cysym as mx
from cysym import test_utils as tu


# --- operators that are wrong ------------------------------------------------------------------------------
class Flawed(mx.operator.CustomOp):
    """x ** 2 with a flaw to order."""

    def __init__(self, flaw):
        super().__init__()
        self.flaw = flaw

    def forward(self, is_train, req, in_data, out_data, aux):
        x = in_data[0]
        slip = 1e-2 if self.flaw == "device" and x.context.device_type == "gpu" else 0.0
        self.assign(out_data[0], req[0], x * x + slip)

    def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
        gradient = 2 * in_data[0] * out_grad[0]
        if self.flaw == "factor":
            gradient = gradient * 1.001
        elif self.flaw == "element":
            gradient[1, 2] += 0.1
        elif self.flaw == "head":
            gradient = 2 * in_data[0]
        elif self.flaw == "device" and gradient.context.device_type == "gpu":
            gradient = gradient + 0.5
        self.assign(in_grad[0], req[0], gradient)


@mx.operator.register("test_utils_flawed")
class FlawedProp(mx.operator.CustomOpProp):
    def __init__(self, flaw="none"):
        super().__init__(need_top_grad=True)
        self.flaw = flaw

    def create_operator(self, ctx, in_shapes, in_dtypes):
        return Flawed(self.flaw)


def flawed(flaw):
    return mx.sym.Custom(mx.sym.Variable("x"), op_type="test_utils_flawed", flaw=flaw, name="flawed")


def check(flaw, ctx, **kwargs):
    x = np.linspace(-1, 1, 12).reshape(3, 4) + 0.05
    tu.check_numeric_gradient(flawed(flaw), [x], dtype=np.float64, ctx=ctx, atol=1e-9, **kwargs)


def test_right_gradient(ctx):
    for request in ("write", "add", "null"):
        check("none", ctx, grad_nodes={"x": request})


@pytest.mark.parametrize("flaw", ["factor", "element", "head"])
def test_wrong_gradient_is_found(ctx, flaw):
    with pytest.raises(AssertionError, match=r"maximum error: \(\d, \d\), NUMERICAL_x=.*BACKWARD_x="):
        check(flaw, ctx)


def test_wrong_request_is_found(ctx, monkeypatch):
    right = mx.Executor.backward

    def overwriting(executor, *args, **kwargs):
        for gradient in executor.grad_dict.values():
            if gradient is not None:
                gradient[:] = 0
        right(executor, *args, **kwargs)

    monkeypatch.setattr(mx.Executor, "backward", overwriting)
    check("none", ctx)
    values = np.ones((1, 2))
    for request in ("add", "null"):
        with pytest.raises(AssertionError, match="BACKWARD_x"):
            check("none", ctx, grad_nodes={"x": request})
        with pytest.raises(AssertionError, match="EXPECTED_x"):
            tu.check_symbolic_backward(
                flawed("none"), [values], [values], [2 * values], grad_req=request, ctx=ctx
            )


def pair(**shapes):
    return [{"ctx": c, **shapes} for c in (contexts() * 2)[:2]]


def test_difference_between_devices_is_found(capsys):
    both = pair(x=(2, 3))
    tu.check_consistency(flawed("none"), both)
    if both[0]["ctx"] == both[1]["ctx"]:
        pytest.skip("one device only")
    with pytest.raises(
        AssertionError, match=r"inference of flawed_output: context 1 \(gpu\(0\), float32\) diff"
    ):
        tu.check_consistency(flawed("device"), both)
    tu.check_consistency(flawed("device"), both, atol=0.1, grad_req="null")
    with pytest.raises(AssertionError, match="gradient of x: context 1"):
        tu.check_consistency(flawed("device"), both, atol=0.1)
    tu.check_consistency(flawed("device"), both, raise_on_err=False)
    printed = capsys.readouterr().out
    assert "inference of flawed_output" in printed
    assert "gradient of x" in printed


def test_every_context_is_held_to_a_given_truth(ctx):
    """MXNet leaves out the context it would have taken the truth from."""
    x = np.arange(3.0)
    symbol, both = mx.sym.Variable("x") * 2, [{"ctx": ctx, "x": (3,)}] * 2
    name = symbol.list_outputs()[0]
    truth = {name: x * 2, "x": x * 4}
    assert tu.check_consistency(symbol, both, arg_params={"x": x}, ground_truth=truth) == truth
    for key in truth:
        with pytest.raises(AssertionError, match=f"of {key}: context 0"):
            tu.check_consistency(symbol, both, arg_params={"x": x}, ground_truth={**truth, key: x + 1})
    with pytest.raises(KeyError, match="ground_truth has no 'x'"):
        tu.check_consistency(symbol, both, ground_truth={name: x * 2}, arg_params={"x": x})


def test_consistency_leaves_callers_values_alone(ctx):
    given = {"a": np.ones(2)}
    both = [{"ctx": ctx, "a": (2,), "b": (2,)}] * 2
    tu.check_consistency(mx.sym.Variable("a") + mx.sym.Variable("b"), both, arg_params=given)
    assert list(given) == ["a"]
    with pytest.warns(UserWarning, match=r"values for \['c'\] are ignored: names are \['a', 'b'\]"):
        tu.check_consistency(mx.sym.Variable("a") + mx.sym.Variable("b"), both, arg_params={"c": 1})


def test_integers_and_auxiliary_states(ctx):
    embedding = mx.sym.Embedding(mx.sym.Variable("i"), input_dim=5, output_dim=2, name="e")
    place = {"i": mx.nd.array([0, 3, 3], ctx=ctx, dtype="int32"), "e_weight": np.arange(10.0).reshape(5, 2)}
    tu.check_numeric_gradient(embedding, place, dtype=np.float64, grad_nodes=["e_weight"], atol=1e-9, ctx=ctx)
    norm = mx.sym.BatchNorm(mx.sym.Variable("x"), fix_gamma=False, name="bn")
    place = {"x": np.sin(np.arange(8.0)).reshape(4, 2), "bn_gamma": np.ones(2), "bn_beta": np.zeros(2)}
    states = [np.zeros(2), np.ones(2)]
    tu.check_numeric_gradient(norm, place, states, dtype=np.float64, rtol=1e-4, atol=1e-6, ctx=ctx)
    np.testing.assert_array_equal(states, [[0, 0], [1, 1]])
    with pytest.raises(AssertionError, match="BACKWARD_x"):  # inference does not centre the data
        tu.check_numeric_gradient(norm, place, states, dtype=np.float64, use_forward_train=False, ctx=ctx)
    with pytest.raises(
        ValueError, match=r"auxiliary states do not match the symbol: .*missing 'bn_moving_var'"
    ):
        tu.check_numeric_gradient(norm, place, states[:1], dtype=np.float64, ctx=ctx)


def test_numeric_grad_of_a_list(ctx):
    x, y = mx.sym.Variable("x"), mx.sym.Variable("y")
    executor = (x * y).simple_bind(ctx, x=(2,), y=(2,), type_dict={"x": "float64", "y": "float64"})
    given = [np.array([1.0, 2.0]), np.array([3.0, 5.0])]
    found = tu.numeric_grad(executor, given, eps=2.0**-10, dtype=np.float64)
    np.testing.assert_allclose(found["x"], given[1], 1e-9)
    np.testing.assert_allclose(found["y"], given[0], 1e-9)
    np.testing.assert_array_equal(executor.arg_dict["x"].asnumpy(), [1, 2])
    with pytest.warns(UserWarning, match=r"3 values of arguments for 2 names .* surplus is ignored"):
        again = tu.numeric_grad(executor, [*given, given[0]], eps=2.0**-10, dtype=np.float64)
    np.testing.assert_array_equal(again["x"], found["x"])


def test_surplus_in_lists_is_ignored_with_a_warning(ctx):
    """As in MXNet, but not silently; a dict of outputs may hold others, unknown arguments are errors."""
    x, net = np.array([1.0, 2.0]), mx.sym.Variable("x") * 3
    with pytest.warns(UserWarning, match="2 values of arguments for 1 names"):
        tu.check_symbolic_forward(net, [x, x], [3 * x], ctx=ctx)
    with pytest.warns(UserWarning, match="2 expected outputs for 1 names"):
        tu.check_symbolic_forward(net, [x], [3 * x, x], ctx=ctx)
    with pytest.warns(UserWarning, match="2 expected gradients for 1 names"):
        tu.check_symbolic_backward(net, [x], [x], [3 * x, x], ctx=ctx)
    with pytest.warns(UserWarning, match="2 values of arguments for 1 names"):
        tu.check_numeric_gradient(net, [x, x], dtype=np.float64, ctx=ctx)
    tu.check_symbolic_forward(net, [x], {net.list_outputs()[0]: 3 * x, "other": x}, ctx=ctx)
    with pytest.raises(ValueError, match="unknown 'other'"):
        tu.check_symbolic_forward(net, {"x": x, "other": x}, [3 * x], ctx=ctx)
    with pytest.raises(AssertionError), pytest.warns(UserWarning, match="surplus"):
        tu.check_symbolic_forward(net, [x], [4 * x, 3 * x], ctx=ctx)


def test_several_outputs_are_refused():
    split = mx.sym.split(mx.sym.Variable("x"), num_outputs=2, name="s")
    with pytest.raises(mx.MXNetError, match=r"one output, got \['s_output0', 's_output1'\]"):
        tu.check_numeric_gradient(split, [np.ones((1, 2))])
    tu.check_numeric_gradient(split[1], [np.ones((1, 2))], dtype=np.float64, atol=1e-9)


@pytest.mark.parametrize("dtype", [np.int32, "bfloat16", None.__class__])
def test_element_types_of_checks(dtype):
    for call in (tu.check_numeric_gradient, tu.check_symbolic_forward):
        with pytest.raises(TypeError, match="dtype must be float16, float32, float64"):
            call(mx.sym.Variable("x") * 2, [np.ones(2)], [np.ones(2)], dtype=dtype)


def test_optimizers_of_several_weights(ctx):
    class Several(mx.optimizer.SGD):
        factor = 1.0

        def update_multi_precision(self, index, weight, grad, state):
            for i, w, g, s in zip(index, weight, grad, state):
                super().update_multi_precision(i, w, g * self.factor, s)

    with ctx:
        shapes = [(2, 3), (4,)]
        sgd, several = mx.optimizer.SGD(momentum=0.9), Several(momentum=0.9)
        tu.compare_optimizer(sgd, several, shapes, "float32", ntensors=2)
        several.factor = 1.5
        with pytest.raises(AssertionError, match="maximum error"):
            tu.compare_optimizer(mx.optimizer.SGD(momentum=0.9), several, shapes, "float32", ntensors=2)
        with pytest.raises(ValueError, match="ntensors is 3, but there are 2 shapes"):
            tu.compare_optimizer(sgd, several, shapes, "float32", ntensors=3)


# --- messages ----------------------------------------------------------------------------------------------
def message(*args, **kwargs):
    with pytest.raises(AssertionError) as caught:
        tu.assert_almost_equal(*args, **kwargs)
    return str(caught.value)


def test_message_names_the_worst_elements():
    a = np.arange(6.0).reshape(2, 3)
    b = a + np.array([[0, 0.5, 0], [0, 0, -2]])
    text = message(a, b, rtol=0.0, atol=0.25, names=("got", "want"))
    assert (
        "Error 8.000000 exceeds tolerance rtol=0.000000e+00, atol=2.500000e-01 (mismatch 33.333333%)." in text
    )
    assert "Location of maximum error: (1, 2), got=5.00000000, want=3.00000000" in text
    assert "2 of 6 elements differ:" in text
    assert text.index("(1, 2): got=5.0, want=3.0, error 8") < text.index("(0, 1): got=1.0, want=1.5, error 2")
    assert " got: array([[0., 1., 2.]," in text


def test_message_lists_no_more_than_asked():
    text = message(np.zeros(1000), np.arange(1000.0), mismatches=(3, 3))
    assert "999 of 1000 elements differ, the worst:" in text
    assert text.count(": a=0.0, b=") == 3
    assert len(text) < 800
    assert "elements differ" not in message(np.zeros(4), np.ones(4), mismatches=(0, 0))


def test_message_leaves_print_options_alone():
    before = np.get_printoptions()
    message(np.zeros(9), np.ones(9))
    assert np.get_printoptions() == before


@pytest.mark.parametrize(
    ("a", "b", "place"),
    [
        ([1.0, np.nan, 5.0], [1.0, 2.0, 4.0], "(1,), a=nan, b=2.0"),
        ([1.0, np.inf], [1.0, -np.inf], "(1,), a=inf, b=-inf"),
        ([[1.0]], [[np.nan]], "(0, 0), a=1.0"),
    ],
)
def test_message_about_what_is_no_number(a, b, place):
    assert "Location of maximum error: " + place in message(np.array(a), np.array(b))


def test_integers_are_exact():
    big = np.array([2**60, 2**63 - 1])
    tu.assert_almost_equal(big, big)
    assert "1 of 2 elements differ" in message(big, big - [0, 1])
    assert "error 1e+20" in message(np.uint8([1, 3]), np.uint8([1, 4]))
    assert "a=True, b=False" in message(np.array([True]), np.array([False]))


def test_kinds_of_operands(ctx):
    tu.assert_almost_equal([1, 2], (1.0, 2.0))
    tu.assert_almost_equal(mx.nd.array([1, 2], ctx), mx.nd.array([1, 2], mx.cpu()))
    tu.assert_almost_equal(np.complex64(1 + 2j), np.complex64(1 + 2j), 1e-5, 1e-5)
    tu.assert_almost_equal(np.zeros((0, 3)), np.ones((0, 3)))
    tu.assert_almost_equal(np.int16([1]), np.int16([1]))
    with pytest.raises(
        ValueError, match=r"mine and yours could not be broadcast together: shapes \(2,\) and \(3,\)"
    ):
        tu.assert_almost_equal(mx.nd.zeros(2, ctx), mx.nd.zeros(3, ctx), names=("mine", "yours"))
    with pytest.raises(AssertionError, match=r"a.shape = \(2,\) and b.shape = \(1,\) are not equal"):
        tu.almost_equal(np.zeros(2), np.zeros(1), use_broadcast=False)
    with pytest.raises(KeyError, match="no tolerance for element type complex128"):
        tu.assert_almost_equal(np.complex128(1), np.complex128(2))


def test_tolerances_by_class_and_name():
    half = np.zeros(1, np.float16)
    for key in (np.float16, "float16", np.dtype("float16")):
        assert tu.get_tolerance(half, {key: 0.5}, {}) == 0.5


def test_share_of_errors():
    a, b = np.zeros(10), np.r_[np.zeros(7), np.ones(3)]
    tu.assert_almost_equal_with_err(a, b, etol=0.3)
    with pytest.raises(AssertionError, match="3 of 10"):
        tu.assert_almost_equal_with_err(a, b, etol=0.29)
    tu.assert_almost_equal_with_err(np.full(2, np.nan), np.full(2, np.nan), equal_nan=True)
    with pytest.raises(AssertionError, match="2 arrays are compared with one array"):
        tu.compare_ndarray_tuple((a, b), a)


def test_same_array_writes_nothing(ctx):
    a = mx.nd.array([1e-8, 1e20], ctx)
    version = a.storage.version
    assert tu.same_array(a, a.reshape((2,)))
    assert not tu.same_array(a, a.copy())
    assert not tu.same_array(a, a[1:])
    assert a.storage.version == version


# --- surroundings ------------------------------------------------------------------------------------------
def test_default_context(ctx):
    before = mx.current_context()
    try:
        tu.set_default_context(ctx)
        assert tu.default_context() == mx.current_context() == ctx
        assert tu.rand_ndarray((2,)).context == mx.nd.zeros(2).context == ctx
        seen = []
        thread = threading.Thread(target=lambda: seen.append(mx.current_context()))
        thread.start()
        thread.join()
        assert seen == [mx.cpu()]
        tu.check_symbolic_forward(mx.sym.Variable("x") * 2, [np.ones(2)], [np.full(2, 2.0)])
    finally:
        tu.set_default_context(before)
    with pytest.raises(TypeError, match="takes a Context, got 'gpu'"):
        tu.set_default_context("gpu")
    assert mx.current_context() == before


def test_discard_stderr(capfd):
    def fail():
        print("python", file=sys.stderr)
        os.write(2, b"library\n")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), tu.discard_stderr():
        fail()
    print("after", file=sys.stderr)
    assert capfd.readouterr().err == "after\n"


def test_discard_stderr_without_a_file(capsys, monkeypatch):
    import io

    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with tu.discard_stderr():
        print("lost", file=sys.stderr)
    print("kept", file=sys.stderr)
    assert stream.getvalue() == "kept\n"


def test_environment_is_checked_first():
    before = dict(os.environ)
    with pytest.raises(TypeError, match="variables and their values are texts"):
        with tu.environment({"TEST_UTILS_A": "1", "TEST_UTILS_B": 2}):
            pass
    assert dict(os.environ) == before


def test_retry_keeps_the_name():
    @tu.retry(2)
    def some_test():
        """Doc."""

    assert (some_test.__name__, some_test.__doc__) == ("some_test", "Doc.")


def test_what_is_absent():
    for call in (
        lambda: tu.rand_ndarray((2, 2), "csr"),
        lambda: tu.rand_sparse_ndarray((2, 2), "row_sparse"),
        lambda: tu.create_sparse_array((2, 2), "csr"),
        lambda: tu.create_sparse_array_zd((2, 2), "csr", 0.5),
        lambda: tu.shuffle_csr_column_indices(None),
        lambda: tu.compare_optimizer(None, None, (2,), "float32", w_stype="row_sparse"),
        lambda: tu.check_numeric_gradient(mx.sym.Variable("x"), [1.0], grad_stype_dict={"x": "csr"}),
    ):
        with pytest.raises(NotImplementedError, match="sparse arrays are absent"):
            call()
    with pytest.raises(NotImplementedError, match="gluon is absent here; build a Symbol"):
        tu.check_gluon_hybridize_consistency(None, [])


def test_star_import_and_what_it_costs():
    code = (
        "import sys, cysym.test_utils as t\n"
        "heavy = {'pytest', 'scipy', 'matplotlib', 'requests', 'urllib.request', 'zipfile'}\n"
        "before = heavy & set(sys.modules)\n"
        "import numpy; base = heavy & set(sys.modules)\n"
        "print(sorted(before - base))\n"
        "from cysym.test_utils import *\n"
        "print(mx.nd is t.mx.ndarray, np.pi > 3, npt.__name__, Symbol.__name__, dir(t)[-1])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0] == "[]"
    assert done.stdout.splitlines()[1].startswith("True True numpy.testing Symbol zipfile")
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        tu.nothing  # noqa: B018


# --- random number generators ------------------------------------------------------------------------------
@pytest.mark.parametrize("x", [0.0, 0.3, 2.0, 7.5, 40.0, 300.0])
def test_chi_square_tail(x):
    """Closed forms of the distribution for 1, 2, 4 and 6 degrees of freedom."""
    from cysym.test_utils.generators import _chi_square_tail

    half = x / 2
    for freedom, want in (
        (1, math.erfc(math.sqrt(half))),
        (2, math.exp(-half)),
        (4, math.exp(-half) * (1 + half)),
        (6, math.exp(-half) * (1 + half + half**2 / 2)),
    ):
        assert _chi_square_tail(x, freedom) == pytest.approx(want, rel=1e-12, abs=1e-300)
    assert _chi_square_tail(x, 200) == pytest.approx(
        math.exp(-half) * sum(math.exp(k * math.log(half) - math.lgamma(k + 1)) for k in range(100))
        if x
        else 1.0
    )


def test_generators_right_and_wrong(ctx):
    np.random.seed(2)
    mx.random.seed(2)
    buckets, probs = tu.gen_buckets_probs_with_ppf(lambda p: 2 + 3 * p, 5)

    def uniform(low, high):
        return lambda n: mx.nd.random.uniform(low, high, shape=(n,), ctx=ctx)

    found = tu.verify_generator(uniform(2, 5), buckets, probs, nsamples=20000)
    assert len(found) == 5
    for low, high in ((2.1, 5), (2, 4.9), (1.9, 5.1)):
        with pytest.raises(AssertionError, match="Generator test fails, Chi-square p="):
            tu.verify_generator(uniform(low, high), buckets, probs, nsamples=20000)
    p, observed, expected = tu.chi_square_check(lambda n: np.arange(n) % 3, [0, 1, 2], [1 / 3] * 3, 300)
    assert (p, observed.tolist(), expected.tolist()) == (1.0, [100] * 3, [100] * 3)
    p, observed, _ = tu.chi_square_check(lambda n: [0] * n, [0, 1], [0.5, 0.5], 100)
    assert observed.tolist() == [100, 0]
    assert p == pytest.approx(math.erfc(math.sqrt(50)), rel=1e-9)
    for bad in ([(0, 1)], [(0, 2), (1, 3)], [(1, 0), (2, 3)], (0, 1)):
        with pytest.raises(AssertionError, match="buckets must be"):
            tu.chi_square_check(lambda n: np.zeros(n), bad, [0.5, 0.5], 10)
