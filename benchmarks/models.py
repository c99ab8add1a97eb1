"""Classic networks as Symbols, for memory and speed comparisons.

Each builder takes the framework module (`mxnet` or `cysym`, the API is the same) and returns a Symbol that
ends in SoftmaxOutput. `MODELS` names them all with the shape of one sample. Nothing is bound or run here.
Runs on Python 3.8 (MXNet's) and on the project's Python.
"""

from __future__ import annotations

from typing import Any


def mlp(mx: Any) -> Any:
    """Return the perceptron 784-128-64-10 with ReLU."""
    net = mx.sym.Variable("data")
    for index, width in enumerate((128, 64), start=1):
        net = mx.sym.FullyConnected(net, num_hidden=width, name=f"fc{index}")
        net = mx.sym.Activation(net, act_type="relu", name=f"relu{index}")
    net = mx.sym.FullyConnected(net, num_hidden=10, name="fc3")
    return mx.sym.SoftmaxOutput(net, name="softmax")


def lenet(mx: Any) -> Any:
    """Return LeNet for 28x28 images, with tanh (LeCun et al., 1998, in MXNet's classic sizes)."""
    net = mx.sym.Variable("data")
    for index, filters in enumerate((20, 50), start=1):
        net = mx.sym.Convolution(net, kernel=(5, 5), num_filter=filters, name=f"conv{index}")
        net = mx.sym.Activation(net, act_type="tanh", name=f"tanh{index}")
        net = mx.sym.Pooling(net, pool_type="max", kernel=(2, 2), stride=(2, 2), name=f"pool{index}")
    net = mx.sym.Flatten(net, name="flatten")
    net = mx.sym.FullyConnected(net, num_hidden=500, name="fc1")
    net = mx.sym.Activation(net, act_type="tanh", name="tanh3")
    net = mx.sym.FullyConnected(net, num_hidden=10, name="fc2")
    return mx.sym.SoftmaxOutput(net, name="softmax")


def vgg16(mx: Any) -> Any:
    """Return VGG-16 without batch normalization (Simonyan and Zisserman, 2014, configuration D)."""
    net = mx.sym.Variable("data")
    for stage, (repeats, filters) in enumerate([(2, 64), (2, 128), (3, 256), (3, 512), (3, 512)], start=1):
        for index in range(1, repeats + 1):
            name = f"{stage}_{index}"
            net = mx.sym.Convolution(net, kernel=(3, 3), pad=(1, 1), num_filter=filters, name="conv" + name)
            net = mx.sym.Activation(net, act_type="relu", name="relu" + name)
        net = mx.sym.Pooling(net, pool_type="max", kernel=(2, 2), stride=(2, 2), name=f"pool{stage}")
    net = mx.sym.Flatten(net, name="flatten")
    for index in (6, 7):
        net = mx.sym.FullyConnected(net, num_hidden=4096, name=f"fc{index}")
        net = mx.sym.Activation(net, act_type="relu", name=f"relu{index}")
        net = mx.sym.Dropout(net, p=0.5, name=f"drop{index}")
    net = mx.sym.FullyConnected(net, num_hidden=1000, name="fc8")
    return mx.sym.SoftmaxOutput(net, name="softmax")


def _conv_bn(
    mx: Any,
    data: Any,
    filters: int,
    kernel: int,
    name: str,
    stride: int = 1,
    pad: int = 0,
    relu: bool = True,
    **norm: Any,
) -> Any:
    """Convolution, BatchNorm and, unless told otherwise, ReLU."""
    net = mx.sym.Convolution(
        data,
        num_filter=filters,
        kernel=(kernel, kernel),
        stride=(stride, stride),
        pad=(pad, pad),
        no_bias=True,
        name=name + "_conv",
    )
    net = mx.sym.BatchNorm(net, name=name + "_bn", **norm)
    return mx.sym.Activation(net, act_type="relu", name=name + "_relu") if relu else net


def _inception_keep(
    mx: Any,
    data: Any,
    name: str,
    one: int,
    reduced: tuple[int, int],
    wide: tuple[int, int],
    pool: str,
    proj: int,
) -> Any:
    """Inception block that keeps the image size: four branches, concatenated over channels."""
    left = _conv_bn(mx, data, one, 1, name + "_1x1")
    three = _conv_bn(mx, data, reduced[0], 1, name + "_3x3_reduce")
    three = _conv_bn(mx, three, reduced[1], 3, name + "_3x3", pad=1)
    double = _conv_bn(mx, data, wide[0], 1, name + "_double_reduce")
    double = _conv_bn(mx, double, wide[1], 3, name + "_double_0", pad=1)
    double = _conv_bn(mx, double, wide[1], 3, name + "_double_1", pad=1)
    right = mx.sym.Pooling(
        data, kernel=(3, 3), stride=(1, 1), pad=(1, 1), pool_type=pool, name=name + "_pool"
    )
    right = _conv_bn(mx, right, proj, 1, name + "_proj")
    return mx.sym.Concat(left, three, double, right, name=name + "_concat")


def _inception_halve(mx: Any, data: Any, name: str, reduced: tuple[int, int], wide: tuple[int, int]) -> Any:
    """Inception block that halves the image size: three branches, concatenated over channels."""
    three = _conv_bn(mx, data, reduced[0], 1, name + "_3x3_reduce")
    three = _conv_bn(mx, three, reduced[1], 3, name + "_3x3", stride=2, pad=1)
    double = _conv_bn(mx, data, wide[0], 1, name + "_double_reduce")
    double = _conv_bn(mx, double, wide[1], 3, name + "_double_0", pad=1)
    double = _conv_bn(mx, double, wide[1], 3, name + "_double_1", stride=2, pad=1)
    right = mx.sym.Pooling(
        data, kernel=(3, 3), stride=(2, 2), pad=(1, 1), pool_type="max", name=name + "_pool"
    )
    return mx.sym.Concat(three, double, right, name=name + "_concat")


def inception_bn(mx: Any) -> Any:
    """Return Inception-BN for 224x224 images (Ioffe and Szegedy, 2015, in the sizes of MXNet's example)."""
    net = mx.sym.Variable("data")
    net = _conv_bn(mx, net, 64, 7, "1", stride=2, pad=3)
    net = mx.sym.Pooling(net, kernel=(3, 3), stride=(2, 2), pool_type="max", name="pool1")
    net = _conv_bn(mx, net, 64, 1, "2_reduce")
    net = _conv_bn(mx, net, 192, 3, "2", pad=1)
    net = mx.sym.Pooling(net, kernel=(3, 3), stride=(2, 2), pool_type="max", name="pool2")
    net = _inception_keep(mx, net, "3a", 64, (64, 64), (64, 96), "avg", 32)
    net = _inception_keep(mx, net, "3b", 64, (64, 96), (64, 96), "avg", 64)
    net = _inception_halve(mx, net, "3c", (128, 160), (64, 96))
    net = _inception_keep(mx, net, "4a", 224, (64, 96), (96, 128), "avg", 128)
    net = _inception_keep(mx, net, "4b", 192, (96, 128), (96, 128), "avg", 128)
    net = _inception_keep(mx, net, "4c", 160, (128, 160), (128, 160), "avg", 128)
    net = _inception_keep(mx, net, "4d", 96, (128, 192), (160, 192), "avg", 128)
    net = _inception_halve(mx, net, "4e", (128, 192), (192, 256))
    net = _inception_keep(mx, net, "5a", 352, (192, 320), (160, 224), "avg", 128)
    net = _inception_keep(mx, net, "5b", 352, (192, 320), (192, 224), "max", 128)
    net = mx.sym.Pooling(net, kernel=(7, 7), stride=(1, 1), pool_type="avg", name="global_pool")
    net = mx.sym.Flatten(net, name="flatten")
    net = mx.sym.FullyConnected(net, num_hidden=1000, name="fc1")
    return mx.sym.SoftmaxOutput(net, name="softmax")


def _bottleneck(mx: Any, data: Any, name: str, filters: int, stride: int, project: bool) -> Any:
    """Residual block 1x1, 3x3, 1x1; the stride sits on the 3x3 convolution."""
    norm: dict[str, Any] = {"fix_gamma": False, "eps": 1e-5}
    net = _conv_bn(mx, data, filters, 1, name + "_a", **norm)
    net = _conv_bn(mx, net, filters, 3, name + "_b", stride=stride, pad=1, **norm)
    net = _conv_bn(mx, net, 4 * filters, 1, name + "_c", relu=False, **norm)
    if project:
        data = _conv_bn(mx, data, 4 * filters, 1, name + "_skip", stride=stride, relu=False, **norm)
    return mx.sym.Activation(net + data, act_type="relu", name=name + "_relu")


def resnet50(mx: Any) -> Any:
    """Return ResNet-50 for 224x224 images, 4,089 M multiply-adds (He et al., 2015; stride on the 3x3)."""
    net = mx.sym.Variable("data")
    net = _conv_bn(mx, net, 64, 7, "stem", stride=2, pad=3, fix_gamma=False, eps=1e-5)
    net = mx.sym.Pooling(net, kernel=(3, 3), stride=(2, 2), pad=(1, 1), pool_type="max", name="stem_pool")
    for stage, (blocks, filters) in enumerate([(3, 64), (4, 128), (6, 256), (3, 512)], start=1):
        for block in range(blocks):
            stride = 2 if stage > 1 and block == 0 else 1
            name = f"stage{stage}_{block}"
            net = _bottleneck(mx, net, name, filters, stride, project=block == 0)
    net = mx.sym.Pooling(net, kernel=(7, 7), global_pool=True, pool_type="avg", name="global_pool")
    net = mx.sym.Flatten(net, name="flatten")
    net = mx.sym.FullyConnected(net, num_hidden=1000, name="fc")
    return mx.sym.SoftmaxOutput(net, name="softmax")


MODELS = {
    "mlp": (mlp, (784,)),
    "lenet": (lenet, (1, 28, 28)),
    "vgg16": (vgg16, (3, 224, 224)),
    "inception_bn": (inception_bn, (3, 224, 224)),
    "resnet50": (resnet50, (3, 224, 224)),
}
