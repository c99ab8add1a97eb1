"""Classic networks as Symbols, in the manner of MXNet's example folder: one module a network.

Each module has `get_symbol(num_classes, ..., width=1.0)`. It returns a Symbol that ends in SoftmaxOutput and
takes images of shape (batch, channels, height, width) as "data". The argument `width` multiplies the number
of channels inside, for small copies of a network. Nothing here binds or runs: Module, `simple_bind` or
`Symbol.plan` come next.

    from networks import resnet
    symbol = resnet.get_symbol(num_classes=10, num_layers=18)

`layers` holds what several networks share. All of it also runs on Python 3.8, and under MXNet itself where
that is imported by the name `cysym`.
"""
