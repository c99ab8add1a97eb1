"""Bad input: each mistake gives one clear error, of the class a user expects, that says what and where.

A case is an action on a small world of arrays and a bound executor, the class of the error and what its text
must name. Afterwards everything in the world is as it was and the executor still works.
"""

from __future__ import annotations

import json
import os
import re
import struct
import subprocess
import sys

import numpy as np
import pytest

import cysym as mx

CASES = []


def case(name, error, *texts):
    """Register an action under a name, with the class of its error and patterns its text must match."""

    def enter(action):
        assert all(name != c[0] for c in CASES), name
        CASES.append((name, action, error, texts))
        return action

    return enter


class World:
    """What a mistake could damage: arrays, a symbol, an executor over them, files."""

    def __init__(self, ctx, folder):
        self.ctx, self.folder = ctx, folder
        self.x, self.y = mx.sym.Variable("x"), mx.sym.Variable("y")
        self.net = mx.sym.FullyConnected(mx.sym.tanh(self.x, name="act"), num_hidden=3, name="fc")
        self.args = {n: self.full(s, v) for n, s, v in (
            ("x", (4, 5), 0.5), ("fc_weight", (3, 5), 0.25), ("fc_bias", (3,), 1.0),
        )}  # fmt: skip
        self.grads = {n: self.full(a.shape, 9.0) for n, a in self.args.items()}
        self.ex = self.net.bind(ctx, self.args, self.grads)
        self.a = mx.nd.array(np.arange(12).reshape(3, 4), ctx=ctx)
        self.ints = mx.nd.array([1, 2, 3], ctx=ctx, dtype="int32")
        self.net_json = self.net.tojson()

    def full(self, shape, value=1.0):
        return mx.nd.full(shape, value, ctx=self.ctx)

    def state(self):
        arrays = [*self.args.values(), *self.grads.values(), self.a, self.ints]
        return [a.asnumpy().tolist() for a in arrays], self.net.tojson(), sorted(os.listdir(self.folder))

    def check_works(self):
        want = np.tanh(np.full((4, 5), 0.5)) @ np.full((5, 3), 0.25) + 1
        np.testing.assert_allclose(self.ex.forward(is_train=True)[0].asnumpy(), want, 1e-5)
        self.ex.backward(self.full((4, 3)))
        np.testing.assert_allclose(self.grads["fc_bias"].asnumpy(), [4, 4, 4])

    def bind(self, changes=None, **more):
        args = {**self.args, **(changes or {})}
        return self.net.bind(self.ctx, {k: v for k, v in args.items() if v is not None}, **more)


# --- making symbols ----------------------------------------------------------------------------------------
E = mx.MXNetError
case("variable: name no string", TypeError, "string")(lambda w: mx.sym.Variable(3))
case("variable: plain attribute", ValueError, "foo", "underscores")(lambda w: mx.sym.Variable("v", foo=1))
case("variable: attribute no string", ValueError, "string")(lambda w: mx.sym.Variable("v", attr={"a": 1}))
case("variable: dtype unknown", (TypeError, ValueError, E), "float33")(
    lambda w: mx.sym.Variable("v", dtype="float33")
)
case("unknown operator", AttributeError, "Konvolution")(lambda w: mx.sym.Konvolution(w.x))
case("unknown parameter", E, "num_hiden", "FullyConnected", "num_hidden")(
    lambda w: mx.sym.FullyConnected(w.x, num_hiden=3)
)
case("missing parameter", E, "num_hidden", "FullyConnected")(lambda w: mx.sym.FullyConnected(w.x))
case("parameter no number", E, "num_hidden", "int", "abc")(
    lambda w: mx.sym.FullyConnected(w.x, num_hidden="abc")
)
case("parameter too small", E, "num_hidden", "0")(lambda w: mx.sym.FullyConnected(w.x, num_hidden=0))
case("parameter a float", E, "num_hidden", "2.5")(lambda w: mx.sym.FullyConnected(w.x, num_hidden=2.5))
case("parameter overflows", E, "num_hidden")(lambda w: mx.sym.FullyConnected(w.x, num_hidden=2**70))
case("parameter not of the list", E, "act_type", "nope", "relu")(
    lambda w: mx.sym.Activation(w.x, act_type="nope")
)
case("parameter no tuple", E, "kernel", "abc")(lambda w: mx.sym.Convolution(w.x, kernel="abc", num_filter=1))
case("parameter no bool", E, "no_bias", "maybe")(
    lambda w: mx.sym.FullyConnected(w.x, num_hidden=1, no_bias="maybe")
)
case("dropout: probability out of range", E, "p", "1.5")(lambda w: mx.sym.Dropout(w.x, p=1.5))
case("convolution: kernel of four dimensions", E, "4D|dimension")(
    lambda w: mx.sym.Convolution(w.x, kernel=(1, 1, 1, 1), num_filter=1)
)
case("convolution: stride of another length", E, "(?i)stride", r"3, ?3")(
    lambda w: mx.sym.Convolution(w.x, kernel=(3, 3), stride=(1,), num_filter=1)
)
case("convolution: kernel of size zero", E, "kernel", "0")(
    lambda w: mx.sym.Convolution(w.x, kernel=(0, 3), num_filter=1)
)
case("softmax: a whole-number type for the result", E, "dtype", "int32", "float16, float32 or float64")(
    lambda w: mx.sym.softmax(w.x, dtype="int32")
)
case("input is an NDArray", (AssertionError, TypeError), "Symbol")(lambda w: mx.sym.tanh(w.a))
case("input is a NumPy array", (AssertionError, TypeError), "Symbol")(lambda w: mx.sym.tanh(np.ones(3)))
case("input is a string", (AssertionError, TypeError), "Symbol")(
    lambda w: mx.sym.FullyConnected(data="x", num_hidden=3)
)
case("input of several outputs", E, "tuple", "single")(
    lambda w: mx.sym.tanh(mx.sym.split(w.x, num_outputs=2))
)
case("input misspelt", E, "wieght", "weight")(lambda w: mx.sym.FullyConnected(w.x, wieght=w.y, num_hidden=3))
case("input twice", (TypeError, E), "data", "twice")(
    lambda w: mx.sym.FullyConnected(w.x, data=w.y, num_hidden=3)
)
case("too many inputs", (TypeError, E), "tanh|1")(lambda w: mx.sym.tanh(w.x, w.y))
case("concat of a list", (AssertionError, TypeError), "Symbol")(lambda w: mx.sym.concat([w.x, w.y]))
case("plus a NumPy array", TypeError, "ndarray")(lambda w: w.x + np.ones(3))
case("plus a string", TypeError, "str")(lambda w: w.x + "1")
case("truth of a symbol", Exception, "(?i)symbol|bool")(lambda w: bool(w.x))
case("hash of a symbol", TypeError, "unhashable")(lambda w: hash(w.x))
case("group of nothing", TypeError, "list of symbols")(lambda w: mx.sym.Group([]))
case("group of a number", TypeError, "list of symbols")(lambda w: mx.sym.Group([w.x, 3]))
case("attribute scope: number", (ValueError, TypeError), "string")(lambda w: mx.AttrScope(ctx_group=3))
case("custom: not registered", E, "nope_op")(lambda w: mx.sym.Custom(w.x, op_type="nope_op"))
case("custom: no type", E, "op_type")(lambda w: mx.sym.Custom(w.x))
case("split into far too many", E, "num_outputs", str(2**40))(lambda w: mx.sym.split(w.x, num_outputs=2**40))
case("split into zero", E, "num_outputs|SliceChannel|split")(lambda w: mx.sym.split(w.x, num_outputs=0))

# --- using symbols -----------------------------------------------------------------------------------------
case("compose: unknown variable", E, "nope", "x")(lambda w: w.net(nope=w.y))
case("compose: positional", E, "kwargs")(lambda w: w.net(w.y))
case("compose: no symbol", TypeError, "Symbol")(lambda w: w.net(x=3))
case("compose: both kinds", TypeError, "positional")(lambda w: w.net(w.x, x=w.y))
case("compose: a bare variable", E, "variable|bare")(lambda w: w.x(x=w.y))
case("output by wrong name", ValueError, "nope")(lambda w: w.net["nope"])
case("output beyond the last", IndexError, "5|range")(lambda w: w.net[5])
case("output before the first", E, "-1")(lambda w: w.net[-1])
case("output by a float", TypeError, "")(lambda w: w.net[1.5])
case("set attribute: number", ValueError, "string")(lambda w: w.net._set_attr(num_hidden=7))
case("set attribute: bad value", E, "num_hidden", "abc")(lambda w: w.net._set_attr(num_hidden="abc"))
case("infer: unknown argument", E, "nope", "x")(lambda w: w.net.infer_shape(nope=(2, 3)))
case("infer: list", TypeError, "tuple", "x", "list")(lambda w: w.net.infer_shape(x=[2, 3]))
case("infer: too many", E, "4", "3")(lambda w: w.net.infer_shape((1, 2), None, None, (3,)))
case("infer: conflict", E, "fc", "weight", r"3, ?5", r"3, ?7")(
    lambda w: w.net.infer_shape(x=(4, 5), fc_weight=(3, 7))
)
case("infer: sum of different shapes", E, "_plus|elemwise_add", r"2, ?3", r"1, ?3")(
    lambda w: (w.x + w.y).infer_shape(x=(2, 3), y=(1, 3))
)
case("infer: broadcast", E, "broadcast", r"2, ?3", r"4, ?3")(
    lambda w: mx.sym.broadcast_add(w.x, w.y).infer_shape(x=(2, 3), y=(4, 3))
)
case("infer: dot", E, "dot", r"2, ?3", r"4, ?5")(
    lambda w: mx.sym.dot(w.x, w.y).infer_shape(x=(2, 3), y=(4, 5))
)
case("infer: concat", E, "(?i)concat", r"2, ?3", r"4, ?5")(
    lambda w: mx.sym.concat(w.x, w.y, dim=1).infer_shape(x=(2, 3), y=(4, 5))
)
case("infer: concat axis", E, "(?i)concat", "5")(
    lambda w: mx.sym.concat(w.x, w.y, dim=5).infer_shape(x=(2, 3), y=(2, 3))
)
case("infer: reshape", E, "(?i)reshape", r"2, ?3", r"5, ?5")(
    lambda w: mx.sym.reshape(w.x, shape=(5, 5)).infer_shape(x=(2, 3))
)
case("infer: two unknown in reshape", E, "(?i)reshape", "-1")(
    lambda w: mx.sym.reshape(w.x, shape=(-1, -1)).infer_shape(x=(2, 3))
)
case("infer: split unevenly", E, "(?i)split|slicechannel", "5", "2")(
    lambda w: mx.sym.split(w.x, num_outputs=2, axis=1).infer_shape(x=(4, 5))
)
case("infer: transpose axes", E, "transpose", r"0, ?1, ?2|3")(
    lambda w: mx.sym.transpose(w.x, axes=(0, 1, 2)).infer_shape(x=(4, 5))
)
case("infer: transpose twice the same", E, "transpose", r"0, ?0")(
    lambda w: mx.sym.transpose(w.x, axes=(0, 0)).infer_shape(x=(4, 5))
)
case("infer: sum over an axis too many", E, "sum", "7")(
    lambda w: mx.sym.sum(w.x, axis=7).infer_shape(x=(4, 5))
)
case("infer: slice beyond", E, "slice_axis", "9")(
    lambda w: mx.sym.slice_axis(w.x, axis=1, begin=0, end=9).infer_shape(x=(4, 5))
)
case("infer: rank of convolution", E, "(?i)conv", r"4, ?5")(
    lambda w: mx.sym.Convolution(w.x, kernel=(3, 3), num_filter=2, name="conv").infer_shape(x=(4, 5))
)
case("infer: kernel larger than data", E, "conv", "kernel", "3")(
    lambda w: mx.sym.Convolution(w.x, kernel=(9, 9), num_filter=2, name="conv").infer_shape(x=(1, 1, 3, 3))
)
case("infer: pooling kernel larger than data", E, "pool", "kernel")(
    lambda w: mx.sym.Pooling(w.x, kernel=(9, 9), name="pool").infer_shape(x=(1, 1, 3, 3))
)
case("infer: groups do not divide", E, "conv", "group", "4", "5")(
    lambda w: mx.sym.Convolution(w.x, kernel=(1,), num_filter=4, num_group=4, name="conv").infer_shape(
        x=(1, 5, 3)
    )
)
case("infer: batchnorm axis", E, "bn", "axis", "3")(
    lambda w: mx.sym.BatchNorm(w.x, axis=3, name="bn").infer_shape(x=(4, 5))
)
case("infer: negative dimension", E, "x|variable", "-7")(lambda w: w.net.infer_shape(x=(4, -7)))
case("infer: dimension no integer", (TypeError, E), "x", "2.5")(lambda w: w.net.infer_shape(x=(4, 2.5)))
case("infer type: conflict", E, "_plus|elemwise_add", "float32", "float64")(
    lambda w: (w.x + w.y).infer_type(x="float32", y="float64")
)
case("infer type: unknown argument", E, "nope")(lambda w: w.net.infer_type(nope="float32"))
case("infer type: no type", (TypeError, ValueError, E), "float33")(lambda w: w.net.infer_type(x="float33"))
case("gradient of a symbol", Exception, "(?i)not implemented|gradient")(lambda w: w.net.gradient(["x"]))
case("save: name no string", TypeError, "string")(lambda w: w.net.save(3))
case("save: no folder", (OSError, E), "nowhere")(lambda w: w.net.save(str(w.folder / "nowhere" / "net.json")))

# --- binding -----------------------------------------------------------------------------------------------
case("bind: missing argument", (ValueError, E), "fc_bias")(lambda w: w.bind({"fc_bias": None}))
case("bind: list too short", (ValueError, E), "(?i)length", "3", "2")(
    lambda w: w.net.bind(w.ctx, [w.args["x"], w.args["fc_weight"]])
)
case("bind: tuple", TypeError, "list", "dict")(lambda w: w.net.bind(w.ctx, tuple(w.args.values())))
case("bind: NumPy array", TypeError, "NDArray")(lambda w: w.bind({"x": np.ones((4, 5))}))
case("bind: context a string", TypeError, "(?i)context")(lambda w: w.net.bind("cpu", w.args))
case("bind: wrong shape", E, "fc", r"3, ?5", r"3, ?6")(lambda w: w.bind({"fc_weight": w.full((3, 6))}))
case("bind: wrong type", E, "fc", "float32", "float64")(
    lambda w: w.bind({"fc_weight": mx.nd.ones((3, 5), ctx=w.ctx, dtype="float64")})
)
case("bind: gradient of wrong shape", E, "x", r"4, ?5", r"5, ?4")(
    lambda w: w.bind(args_grad={"x": w.full((5, 4))})
)
case("bind: gradient of wrong type", E, "x", "float32", "float16")(
    lambda w: w.bind(args_grad={"x": mx.nd.ones((4, 5), ctx=w.ctx, dtype="float16")})
)
case("bind: gradient list too short", (ValueError, E), "args_grad")(
    lambda w: w.bind(args_grad=[w.grads["x"]])
)
case("bind: request unknown", ValueError, "grad_req", "sum|write")(
    lambda w: w.bind(args_grad=w.grads, grad_req="sum")
)
case("bind: request in a list", (KeyError, ValueError), "sum")(
    lambda w: w.bind(args_grad=w.grads, grad_req=["sum", "write", "write"])
)
case("bind: requests too few", (ValueError, E), "grad_req")(
    lambda w: w.bind(args_grad=w.grads, grad_req=["write"])
)
case("bind: request a number", (TypeError, ValueError), "grad_req")(
    lambda w: w.bind(args_grad=w.grads, grad_req=3)
)
case("bind: no auxiliary states", (ValueError, E), "aux_states", "0|2")(
    lambda w: mx.sym.BatchNorm(w.x, name="bn").bind(
        w.ctx, {"x": w.full((4, 5)), "bn_gamma": w.full((5,)), "bn_beta": w.full((5,))}
    )
)
case("bind: absent device", E, r"gpu\(99\)", "OpenCL")(lambda w: w.net.bind(mx.gpu(99), w.args))
case("simple_bind: absent device", E, r"gpu\(99\)")(lambda w: w.net.simple_bind(mx.gpu(99), x=(4, 5)))
case("simple_bind: too little known", RuntimeError, "simple_bind", "cannot decide", "x")(
    lambda w: w.net.simple_bind(w.ctx)
)
case("simple_bind: conflict", RuntimeError, "simple_bind", "fc", r"3, ?7")(
    lambda w: w.net.simple_bind(w.ctx, x=(4, 5), fc_weight=(3, 7))
)
case("simple_bind: request unknown", (ValueError, RuntimeError), "grad_req|sum")(
    lambda w: w.net.simple_bind(w.ctx, grad_req="sum", x=(4, 5))
)
case("simple_bind: type unknown", (TypeError, ValueError, E), "float33")(
    lambda w: w.net.simple_bind(w.ctx, type_dict={"x": "float33"}, x=(4, 5))
)
case("simple_bind: too large", E, "large|memory|allocat")(
    lambda w: w.net.simple_bind(w.ctx, x=(2**40, 2**40))
)
case("simple_bind: product overflows", E, "large|memory|overflow")(
    lambda w: mx.sym.tanh(w.x).simple_bind(w.ctx, x=(2**31, 2**31, 2**31, 2**31))
)
case("plan: unknown argument", E, "nope")(lambda w: w.net.plan(w.ctx, nope=(4, 5)))
case("eval: missing argument", (ValueError, E), "fc_weight")(lambda w: w.net.eval(w.ctx, x=w.args["x"]))

# --- running -----------------------------------------------------------------------------------------------
case("forward: unknown argument", TypeError, "nope", "fc_weight")(lambda w: w.ex.forward(nope=w.a))
case("forward: wrong shape", ValueError, "x", r"\(4, 5\)", r"\(4, 6\)")(
    lambda w: w.ex.forward(x=np.ones((4, 6), np.float32))
)
case("forward: a list", (ValueError, TypeError), "x", "list")(lambda w: w.ex.forward(x=[[1, 2]]))
case("forward: one good, one bad", ValueError, "fc_bias", r"\(3,\)", r"\(4,\)")(
    lambda w: w.ex.forward(x=np.full((4, 5), 77.0), fc_bias=np.ones(4))
)
case("backward: no head gradient", E, "head_gradient", "fc_output")(lambda w: w.ex.backward())
case("backward: wrong shape", E, r"\(4, 3\)", r"\(2,\)")(lambda w: w.ex.backward(w.full((2,))))
case("backward: NumPy array", TypeError, "NDArray")(lambda w: w.ex.backward(np.ones((4, 3))))
case("backward: unknown output", E, "nope", "fc_output")(lambda w: w.ex.backward({"nope": w.full((4, 3))}))
case("reshape: unknown argument", E, "nope")(lambda w: w.ex.reshape(nope=(2, 3)))
case("reshape: larger", E, "x", "allow_up_sizing")(lambda w: w.ex.reshape(x=(8, 5)))
case("reshape: other arguments change", E, "fc_weight", "partial_shaping")(lambda w: w.ex.reshape(x=(4, 4)))
case("copy_params_from: unknown", ValueError, "nope")(
    lambda w: w.ex.copy_params_from({"fc_bias": w.full((3,), 5.0), "nope": w.a})
)
case("copy_params_from: wrong shape", E, "fc_bias", r"\(3,\)", r"\(4,\)")(
    lambda w: w.ex.copy_params_from({"fc_weight": w.full((3, 5), 5.0), "fc_bias": w.full((4,))})
)

# --- arrays ------------------------------------------------------------------------------------------------
case("nd: unknown operator", AttributeError, "tahn")(lambda w: mx.nd.tahn(w.a))
case("nd: shapes do not broadcast", E, "broadcast_add", r"3, ?4", r"5")(lambda w: w.a + w.full((5,)))
case("nd: types differ", E, "int32", "float32")(lambda w: w.ints + w.full((3,)))
case("nd: devices differ", E, r"cpu\(1\)")(lambda w: w.a + mx.nd.ones((3, 4), ctx=mx.cpu(1)))
case("nd: plus a string", TypeError, "str")(lambda w: w.a + "1")
case("nd: unknown parameter", E, "axes", "sum")(lambda w: mx.nd.sum(w.a, axes=1))
case("nd: missing parameter", E, "num_hidden")(lambda w: mx.nd.FullyConnected(w.a, w.a, no_bias=True))
case("nd: too few inputs", (E, TypeError), "dot")(lambda w: mx.nd.dot(w.a))
case("nd: too many inputs", (E, TypeError), "tanh")(lambda w: mx.nd.tanh(w.a, w.a))
case("nd: NumPy input", (AssertionError, TypeError, E), "NDArray|array")(lambda w: mx.nd.tanh(np.ones(3)))
case("nd: symbol input", (AssertionError, TypeError, E), "NDArray|array|Symbol")(lambda w: mx.nd.tanh(w.x))
case("nd: dot", E, "dot", r"3, ?4")(lambda w: mx.nd.dot(w.a, w.a))
case("nd: out of wrong shape", E, r"3, ?4", "5")(lambda w: mx.nd.tanh(w.a, out=w.full((5,))))
case("nd: out of wrong type", E, "float32", "float64")(
    lambda w: mx.nd.tanh(w.a, out=mx.nd.ones((3, 4), ctx=w.ctx, dtype="float64"))
)
case("nd: out on another device", E, r"cpu\(1\)")(
    lambda w: mx.nd.tanh(w.a, out=mx.nd.ones((3, 4), ctx=mx.cpu(1)))
)
case("nd: out no array", (TypeError, E), "out|NDArray")(lambda w: mx.nd.tanh(w.a, out=np.ones((3, 4))))
case("nd: += of larger shape", E, r"3, ?4")(lambda w: w.a.__iadd__(w.full((2, 3, 4))))
case("nd: zero size", E, "0", "np_shape")(lambda w: mx.nd.zeros((3, 0)))
case("nd: negative size", E, "-3")(lambda w: mx.nd.zeros((3, -3)))
case("nd: size no integer", TypeError, "2.5")(lambda w: mx.nd.zeros((3, 2.5)))
case("nd: size overflows", E, "large|memory|allocat")(lambda w: mx.nd.zeros((2**40, 2**40), ctx=w.ctx))
case("nd: too large", E, "memory|allocat|large")(lambda w: mx.nd.zeros((2**44,), ctx=w.ctx))
case("nd: type unknown", (TypeError, ValueError, E), "float33")(lambda w: mx.nd.zeros((3,), dtype="float33"))
case("nd: type without kernels", (TypeError, ValueError, E), "complex64")(
    lambda w: mx.nd.zeros((3,), dtype="complex64")
)
case("nd: context a string", TypeError, "Context")(lambda w: mx.nd.zeros((3,), ctx="cpu"))
case("nd: absent device", E, r"gpu\(99\)", "OpenCL")(lambda w: mx.nd.zeros((3,), ctx=mx.gpu(99)))
case("nd: negative device", ValueError, "-1")(lambda w: mx.cpu(-1))
case("nd: device kind unknown", (ValueError, TypeError), "tpu")(lambda w: mx.Context("tpu", 0))
case("nd: ragged list", TypeError, "array")(lambda w: mx.nd.array([[1, 2], [3]]))
case("nd: text", TypeError, "array|str")(lambda w: mx.nd.array("abc"))
case("nd: index too large", IndexError, "7", "3")(lambda w: w.a[7])
case("nd: index too small", IndexError, "-4", "3")(lambda w: w.a[-4])
case("nd: index in the second axis", IndexError, "9")(lambda w: w.a[0, 9])
case("nd: too many indices", IndexError, "indices|dimension")(lambda w: w.a[0, 0, 0])
case("nd: index a string", (IndexError, TypeError), "")(lambda w: w.a["x"])
case("nd: index a float", (IndexError, TypeError), "")(lambda w: w.a[1.5])
case("nd: assignment of wrong shape", (ValueError, E), r"3, ?4")(
    lambda w: w.a.__setitem__(slice(None), np.ones((5,)))
)
case("nd: assignment of an array of wrong shape", (ValueError, E), r"3, ?4|4,")(
    lambda w: w.a.__setitem__(1, w.full((5,)))
)
case("nd: assignment of text", (ValueError, TypeError), "abc")(lambda w: w.a.__setitem__(slice(None), "abc"))
case("nd: assignment out of range", IndexError, "7")(lambda w: w.a.__setitem__(7, 1.0))
case("nd: reshape", (ValueError, E), "12", r"5, ?5")(lambda w: w.a.reshape((5, 5)))
case("nd: copyto wrong shape", (ValueError, E), r"\(3, 4\)", r"\(5,\)")(lambda w: w.a.copyto(w.full((5,))))
case("nd: copyto a list", TypeError, "list")(lambda w: w.a.copyto([1]))
case("nd: scalar of many", ValueError, "scalar")(lambda w: w.a.asscalar())
case("nd: truth of many", ValueError, "ambiguous")(lambda w: bool(w.a))
case("nd: float of one", (TypeError, ValueError), "")(lambda w: float(w.a))
case("nd: take raise", (IndexError, E, AttributeError), "")(
    lambda w: mx.nd.slice_axis(w.a, axis=1, begin=9, end=10)
)
case("nd: concatenate nothing", TypeError, "list")(lambda w: mx.nd.concatenate([]))
case("nd: concat of different shapes", E, "(?i)concat", r"3, ?4", "5")(
    lambda w: mx.nd.concat(w.a, w.full((5, 4)), dim=1)
)
case("random: shape negative", E, "-3")(lambda w: mx.nd.random.uniform(0, 1, shape=(-3,)))
case("random: seed no number", (TypeError, ValueError), "seed|int")(lambda w: mx.random.seed("abc"))

# --- files -------------------------------------------------------------------------------------------------
case("load symbol: absent", (E, OSError), "absent.json")(lambda w: mx.sym.load(str(w.folder / "absent.json")))
case("load arrays: absent", (E, OSError), "absent.params")(
    lambda w: mx.nd.load(str(w.folder / "absent.params"))
)
case("load arrays: name no string", TypeError, "string")(lambda w: mx.nd.load(3))
case("save arrays: no folder", (E, OSError), "nowhere")(
    lambda w: mx.nd.save(str(w.folder / "nowhere" / "a"), w.a)
)
case("save arrays: NumPy", TypeError, "NDArray")(lambda w: mx.nd.save(str(w.folder / "a"), {"a": np.ones(3)}))
case("save arrays: a number", (ValueError, TypeError), "NDArray")(
    lambda w: mx.nd.save(str(w.folder / "a"), 3)
)
case("json: no string", TypeError, "string")(lambda w: mx.sym.load_json(3))
case("json: empty", E, "(?i)json")(lambda w: mx.sym.load_json(""))
case("json: cut off", E, "(?i)json|line|column|char")(lambda w: mx.sym.load_json(w.net_json[:200]))
case("json: a list", E, "nodes|object")(lambda w: mx.sym.load_json("[1, 2]"))
case("json: no nodes", E, "nodes")(lambda w: mx.sym.load_json("{}"))
case("json: deep nesting", E, "")(lambda w: mx.sym.load_json("[" * 100000))
case("params: not a file of arrays", E, "byte", "magic")(
    lambda w: mx.nd.load_frombuffer(b"not a file of arrays at all")
)
case("params: empty", E, "byte")(lambda w: mx.nd.load_frombuffer(b""))
case("params: a string", TypeError, "bytes|str")(lambda w: mx.nd.load_frombuffer("abc"))
case("params: a huge count", E, "byte")(lambda w: mx.nd.load_frombuffer(struct.pack("<QQQ", 0x112, 0, 2**60)))
case("checkpoint: absent", (E, OSError), "nothing-symbol.json")(
    lambda w: mx.model.load_checkpoint(str(w.folder / "nothing"), 3)
)


def changed(w, change):
    """The network's JSON with something changed."""
    document = json.loads(w.net_json)
    change(document)
    return mx.sym.load_json(json.dumps(document))


case("json: unknown operator", E, "FullyKonnected", "fc")(
    lambda w: changed(w, lambda d: d["nodes"][-1].update(op="FullyKonnected"))
)
case("json: unknown parameter", E, "num_hidden|bogus", "fc|FullyConnected")(
    lambda w: changed(w, lambda d: d["nodes"][-1].update(attrs={"num_hidden": "3", "bogus": "1"}))
)
case("json: bad parameter", E, "num_hidden", "abc")(
    lambda w: changed(w, lambda d: d["nodes"][-1].update(attrs={"num_hidden": "abc"}))
)
case("json: input after its user", E, "")(
    lambda w: changed(w, lambda d: d["nodes"][1].update(inputs=[[4, 0, 0]]))
)
case("json: input absent", E, "99")(
    lambda w: changed(w, lambda d: d["nodes"][-1]["inputs"].append([99, 0, 0]))
)
case("json: input negative", E, "-1")(
    lambda w: changed(w, lambda d: d["nodes"][-1].update(inputs=[[-1, 0, 0]]))
)
case("json: output absent", E, "7")(lambda w: changed(w, lambda d: d.update(heads=[[4, 7, 0]])))
case("json: head absent", E, "77")(lambda w: changed(w, lambda d: d.update(heads=[[77, 0, 0]])))
case("json: too few inputs", E, "fc|FullyConnected")(
    lambda w: changed(w, lambda d: d["nodes"][-1].update(inputs=[[1, 0, 0]]))
)
case("json: name no string", E, "name")(lambda w: changed(w, lambda d: d["nodes"][0].update(name=3)))
case("json: shape attribute", E, "x", "__shape__|os.system")(
    lambda w: changed(
        w, lambda d: d["nodes"][0].update(attrs={"__shape__": "os.system('true')"})
    ).infer_shape()
)


@pytest.mark.parametrize(("action", "error", "texts"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_one_clear_error(action, error, texts, ctx, tmp_path):
    world = World(ctx, tmp_path)
    before = world.state()
    with pytest.raises(error) as caught:
        action(world)
    text = str(caught.value)
    for pattern in texts:
        assert re.search(pattern, text), f"{text!r} does not tell {pattern!r}"
    assert text.strip(), "an error without words"
    assert "internal error" not in text
    assert len(text) < 2000
    assert world.state() == before
    world.check_works()


def test_there_are_enough_cases():
    assert len(CASES) >= 80


def test_params_cut_off_anywhere(tmp_path):
    """Every prefix of a good file is refused, naming an offset."""
    path = tmp_path / "good.params"
    mx.nd.save(str(path), {"arg:w": mx.nd.ones((2, 3)), "aux:m": mx.nd.zeros((4,))})
    data = path.read_bytes()
    for end in range(len(data)):
        with pytest.raises(mx.base.FormatError, match="byte"):
            mx.nd.load_frombuffer(data[:end])
    assert set(mx.nd.load_frombuffer(data)) == {"arg:w", "aux:m"}


def test_nonsense_indices_do_no_harm(ctx):
    """NaN and huge indices: nothing is read or written outside; what is merely out of range is clipped."""
    index = mx.nd.array([np.nan, np.inf, -np.inf, 1e30, -1e30, 2.9, 7, -3], ctx=ctx)
    weight = mx.nd.array(np.arange(10).reshape(5, 2), ctx=ctx)
    x, w = mx.sym.Variable("x"), mx.sym.Variable("w")
    net = mx.sym.Embedding(x, w, input_dim=5, output_dim=2)
    grads = {"w": mx.nd.zeros((5, 2), ctx=ctx)}
    executor = net.bind(ctx, {"x": index, "w": weight}, grads)
    rows = executor.forward(is_train=True)[0].asnumpy()
    assert {tuple(r) for r in rows[:5].tolist()} <= {(0, 1), (8, 9)}
    np.testing.assert_array_equal(rows[5:], [[4, 5], [8, 9], [0, 1]])
    executor.backward(mx.nd.ones((8, 2), ctx=ctx))
    assert grads["w"].asnumpy().sum() == 16
    label = mx.nd.array([np.nan, 1e30, -5, 1], ctx=ctx)
    data = mx.nd.array(np.arange(12).reshape(4, 3), ctx=ctx)
    loss = mx.sym.SoftmaxOutput(mx.sym.Variable("d"), mx.sym.Variable("l"))
    gradient = {"d": mx.nd.zeros((4, 3), ctx=ctx)}
    executor = loss.bind(ctx, {"d": data, "l": label}, gradient)
    executor.forward(is_train=True)
    executor.backward()
    assert np.isfinite(gradient["d"].asnumpy()).all()


def test_nothing_crashes():
    """All cases in one process of their own that must end in peace: a crash would take it down."""
    code = f"""
import pathlib, sys, tempfile
sys.path.insert(0, {os.path.dirname(__file__)!r})
import cysym as mx, test_bad_input as t
for name, action, error, _ in t.CASES:
    with tempfile.TemporaryDirectory() as folder:
        world = t.World(mx.cpu(), pathlib.Path(folder))
        try:
            action(world)
        except error:
            continue
        sys.exit(f"{{name}}: no error")
print("all", len(t.CASES))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr[-2000:]
    assert run.stdout.endswith(f"all {len(CASES)}\n")
