"""Questions about the _v1 layers and contrib's variants. Data only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opcases import OpCase, distinct, ints, positive, real

if TYPE_CHECKING:
    from opcases import Maker

_AUX = ("moving_mean", "moving_var")
_FREE = {"fix_gamma": "False"}


def _norms() -> list[OpCase]:
    def inputs() -> dict[str, Maker]:
        each = {"gamma": positive(3), "beta": real(3), "moving_mean": real(3), "moving_var": positive(3)}
        return {"data": real(2, 3, 5, 7), **each}

    cases = []
    for op, more in (
        ("BatchNorm_v1", {}),
        ("_contrib_SyncBatchNorm", {"key": "norm"}),
        ("_contrib_BatchNormWithReLU", {}),
    ):

        def ask(
            label: str, params: dict[str, str], op: str = op, more: dict[str, str] = more, **rest: Any
        ) -> None:
            own = dict(params, key=op + label) if more else params  # MXNet keeps what it knows under the key
            cases.append(OpCase(op, label, inputs(), own, aux=_AUX, **rest))

        ask("fixed", {})
        ask("free", dict(_FREE, eps="2e-05", momentum="0.5"), add=True)
        ask("infer", _FREE, is_train=False)
        ask("global_stats", dict(_FREE, use_global_stats="True"))
        ask("mean_var", dict(_FREE, output_mean_var="True"))
        if op != "_contrib_SyncBatchNorm":  # which leaves these two outputs as they were
            ask("mean_var_infer", dict(_FREE, output_mean_var="True"), is_train=False)
    return cases


def _pool(label: str, data: Maker, **params: str) -> OpCase:
    return OpCase("Pooling_v1", label, {"data": data}, params)


_WIDE = {"kernel": "(3, 2)", "stride": "(2, 2)", "pad": "(1, 1)"}

CASES: list[OpCase] = [
    OpCase(
        "Convolution_v1",
        "plain",
        {"data": real(2, 3, 7, 5), "weight": real(5, 3, 3, 2), "bias": real(5)},
        {"kernel": "(3, 2)", "num_filter": "5"},
        add=True,
    ),
    OpCase(
        "Convolution_v1",
        "steps",
        {"data": real(2, 4, 7, 5), "weight": real(6, 2, 3, 2)},
        dict(_WIDE, num_filter="6", num_group="2", no_bias="True"),
    ),
    OpCase(  # with a stride as well, MXNet's gradient of the data is wrong
        "Convolution_v1",
        "dilate",
        {"data": real(2, 4, 7, 5), "weight": real(6, 4, 3, 2), "bias": real(6)},
        {"kernel": "(3, 2)", "num_filter": "6", "dilate": "(1, 2)"},
    ),
    OpCase(
        "_contrib_SparseEmbedding",
        "plain",
        {"data": ints(0, 5, 2, 7), "weight": real(5, 3)},
        {"input_dim": "5", "output_dim": "3"},
        is_train=False,
    ),
    *_norms(),
    _pool("max", distinct(2, 3, 5, 7), kernel="(2, 3)"),
    _pool("max_ties", ints(-2, 3, 2, 3, 5, 7), **_WIDE),
    _pool("max_full", real(2, 3, 6, 7), **_WIDE, pooling_convention="full"),
    _pool("max_global", distinct(2, 3, 5, 7), kernel="(2, 2)", pad="(1, 1)", global_pool="True"),
    _pool("sum", real(2, 3, 5, 7), **_WIDE, pool_type="sum"),
    _pool("avg", real(2, 3, 5, 7), **_WIDE, pool_type="avg"),
    _pool("avg_full", real(2, 3, 6, 7), **_WIDE, pool_type="avg", pooling_convention="full"),
    _pool("avg_f64", real(2, 3, 6, 7, dtype="float64"), kernel="(2, 2)", pool_type="avg"),
    _pool("avg_global", real(2, 3, 5, 7), pool_type="avg", global_pool="True"),
]
