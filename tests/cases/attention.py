"""Cases of the four interleaved products of attention."""

from __future__ import annotations

import numpy as np

from . import Array, Case, normal

HALF = ("float16", "float32", "float64")


def split(x: Array, heads: int, parts: int) -> list[Array]:
    """(length, batch, heads * parts * d) -> `parts` arrays (batch * heads, length, d)."""
    length, batch, width = x.shape
    apart = x.reshape(length, batch, heads, parts, width // heads // parts)
    return [apart[:, :, :, i].transpose(1, 2, 0, 3).reshape(batch * heads, length, -1) for i in range(parts)]


def scores(q: Array, k: Array) -> Array:
    return q @ k.swapaxes(1, 2) / np.sqrt(q.shape[-1])


def join(o: Array, heads: int) -> Array:
    """(batch * heads, length, d) -> (length, batch, heads * d)."""
    n, length, d = o.shape
    return (
        o.reshape(n // heads, heads, length, d).transpose(2, 0, 1, 3).reshape(length, n // heads, heads * d)
    )


def _self(length: int, batch: int, heads: int, d: int, **kw: object) -> list[Case]:
    x = normal(length, batch, heads * 3 * d)
    params = {"heads": heads}

    def qk(queries_keys_values: Array) -> Array:
        return scores(*split(queries_keys_values, heads, 3)[:2])

    def mix(queries_keys_values: Array, attention: Array) -> Array:
        return join(attention @ split(queries_keys_values, heads, 3)[2], heads)

    both = {"queries_keys_values": x, "attention": normal(batch * heads, length, length)}
    return [
        Case("_contrib_interleaved_matmul_selfatt_qk", {"queries_keys_values": x}, qk, params, **kw),  # type: ignore[arg-type]
        Case("_contrib_interleaved_matmul_selfatt_valatt", both, mix, params, **kw),  # type: ignore[arg-type]
    ]


def _encdec(n: int, length: int, batch: int, heads: int, d: int, **kw: object) -> list[Case]:
    kv = normal(length, batch, heads * 2 * d)
    params = {"heads": heads}

    def qk(queries: Array, keys_values: Array) -> Array:
        return scores(split(queries, heads, 1)[0], split(keys_values, heads, 2)[0])

    def mix(keys_values: Array, attention: Array) -> Array:
        return join(attention @ split(keys_values, heads, 2)[1], heads)

    one = {"queries": normal(n, batch, heads * d), "keys_values": kv}
    two = {"keys_values": kv, "attention": normal(batch * heads, n, length)}
    return [
        Case("_contrib_interleaved_matmul_encdec_qk", one, qk, params, **kw),  # type: ignore[arg-type]
        Case("_contrib_interleaved_matmul_encdec_valatt", two, mix, params, **kw),  # type: ignore[arg-type]
    ]


CASES = [
    *_self(3, 2, 5, 2, dtypes=HALF),
    *_self(19, 3, 1, 7, gradient=None),
    *_encdec(3, 5, 2, 2, 4, dtypes=HALF),
    *_encdec(7, 2, 3, 1, 5),
]
