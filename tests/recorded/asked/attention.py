"""Questions about the interleaved products of attention (float32: MXNet's CPU has no other). Data only."""

from __future__ import annotations

from opcases import OpCase, real

_P = "_contrib_interleaved_matmul_"


def _heads(n: int) -> dict[str, str]:
    return {"heads": str(n)}


CASES = [
    OpCase(_P + "selfatt_qk", "two_heads", {"queries_keys_values": real(3, 2, 30)}, _heads(2), add=True),
    OpCase(_P + "selfatt_qk", "one_head", {"queries_keys_values": real(5, 3, 21)}, _heads(1)),
    OpCase(
        _P + "selfatt_valatt",
        "two_heads",
        {"queries_keys_values": real(3, 5, 30), "attention": real(10, 3, 3)},
        _heads(2),
        add=True,
    ),
    OpCase(
        _P + "selfatt_valatt",
        "three_heads",
        {"queries_keys_values": real(7, 1, 18), "attention": real(3, 7, 7)},
        _heads(3),
    ),
    OpCase(
        _P + "encdec_qk",
        "two_heads",
        {"queries": real(3, 5, 14), "keys_values": real(2, 5, 28)},
        _heads(2),
        add=True,
    ),
    OpCase(_P + "encdec_qk", "one_head", {"queries": real(5, 1, 3), "keys_values": real(7, 1, 6)}, _heads(1)),
    OpCase(
        _P + "encdec_valatt",
        "two_heads",
        {"keys_values": real(3, 5, 28), "attention": real(10, 7, 3)},
        _heads(2),
        add=True,
    ),
    OpCase(
        _P + "encdec_valatt",
        "one_head",
        {"keys_values": real(2, 3, 10), "attention": real(3, 5, 2)},
        _heads(1),
    ),
]
