"""Picture of a memory plan as SVG text: time to the right, addresses upwards, one bar a block of memory.

Reads a `Plan` and knows nothing of graphs or kernels. `notebook` shows it, with the sums above.
"""

from __future__ import annotations

from collections.abc import Sequence
from colorsys import hls_to_rgb
from typing import Any

from .svg import FONT, px, text_width, xml

Plan = Any  # passes.plan.Plan, whose `_repr_html_` leads here
Lifetime = Any

MOST_BLOCKS = 2500
_WIDTH, _HEIGHT, _LEAST_HEIGHT = 760.0, 320.0, 60.0
_LEFT, _TOP, _RIGHT, _BOTTOM = 74.0, 22.0, 20.0, 40.0
_TEXT = 10.0
_UNITS = (("TiB", 2**40), ("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10))


def nbytes_text(count: int) -> str:
    """A number of bytes as people read it.

    >>> nbytes_text(1843200), nbytes_text(640), nbytes_text(3 * 2**30)
    ('1.76 MiB', '640 bytes', '3.00 GiB')
    """
    for unit, size in _UNITS:
        if count >= size:
            return f"{count / size:.2f} {unit}"
    return f"{count} bytes"


def headline(plan: Plan) -> str:
    """The sums of a plan in one line."""
    if not plan.timeline:
        return "no memory is needed beyond arguments and outputs"
    ratio = plan.peak / plan.lower_bound if plan.lower_bound else 1.0
    saved = plan.naive / plan.peak if plan.peak else 1.0
    kept = f"; {nbytes_text(plan.persistent)} kept between runs" if plan.persistent else ""
    return (
        f"peak {nbytes_text(plan.peak)} = {ratio:.3f} \u00d7 the lower bound; one allocation a tensor would "
        f"take {nbytes_text(plan.naive)} ({saved:.1f} \u00d7); {len(plan.timeline)} blocks over "
        f"{_calls(plan)} calls{kept}"
    )


def plan_svg(plan: Plan) -> str:
    """The plan as SVG text, one panel a chunk of memory; hovering over a bar names its tensors."""
    chunks = sorted({(str(t.device), t.chunk) for t in plan.timeline})
    largest = max((_end(plan, chunk) for chunk in chunks), default=1)
    heights = [max(_LEAST_HEIGHT, _HEIGHT * _end(plan, chunk) / largest) for chunk in chunks]
    width = _LEFT + _WIDTH + _RIGHT
    total = sum(heights) + len(chunks) * (_TOP + _BOTTOM)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{px(width)}" height="{px(total)}" '
        f'viewBox="0 0 {px(width)} {px(total)}" font-family="{FONT}" '
        f'font-size="{px(_TEXT)}" role="img">',
        f'<rect width="{px(width)}" height="{px(total)}" fill="#fff"/>',
    ]
    at = 0.0
    for chunk, height in zip(chunks, heights, strict=True):
        parts += _panel(plan, chunk, at + _TOP, height, len(chunks) > 1)
        at += height + _TOP + _BOTTOM
    parts.append("</svg>\n")
    return "\n".join(parts)


def _calls(plan: Plan) -> int:
    return max((int(t.last) for t in plan.timeline), default=0) + 1


def _end(plan: Plan, chunk: tuple[str, int]) -> int:
    """Bytes the blocks of a chunk reach."""
    return max(t.offset + t.nbytes for t in plan.timeline if (str(t.device), t.chunk) == chunk) or 1


def _panel(plan: Plan, chunk: tuple[str, int], top: float, height: float, is_named: bool) -> list[str]:
    end, calls = _end(plan, chunk), _calls(plan)
    floor = top + height
    blocks = [t for t in plan.timeline if (str(t.device), t.chunk) == chunk]
    parts = []
    for value, label in _byte_ticks(end, height):
        y = px(floor - height * value / end)
        parts.append(f'<path d="M{px(_LEFT)} {y}h{px(_WIDTH)}" stroke="#e3e6ea"/>')
        parts.append(
            f'<text x="{px(_LEFT - 6)}" y="{y}" dy="3.5" text-anchor="end" fill="#57606a">{label}</text>'
        )
    for value in _call_ticks(calls):
        x = px(_LEFT + _WIDTH * value / calls)
        parts.append(f'<path d="M{x} {px(floor)}v4" stroke="#8c959f"/>')
        parts.append(f'<text x="{x}" y="{px(floor + 15)}" text-anchor="middle" fill="#57606a">{value}</text>')
    drawn = sorted(blocks, key=lambda t: -t.nbytes * (t.last + 1 - t.first))[:MOST_BLOCKS]
    for i, block in enumerate(sorted(drawn, key=lambda t: (t.first, t.offset))):
        parts += _bar(block, i, floor, height / end, _WIDTH / calls)
    parts.append(
        f'<path d="M{px(_LEFT)} {px(top)}V{px(floor)}H{px(_LEFT + _WIDTH)}" fill="none" stroke="#8c959f"/>'
    )
    left_out = (
        f"; the {len(drawn)} largest of {len(blocks)} blocks are drawn" if len(drawn) < len(blocks) else ""
    )
    parts.append(
        f'<text x="{px(_LEFT + _WIDTH)}" y="{px(floor + 30)}" text-anchor="end" '
        f'fill="#57606a">calls, in the order they run{left_out}</text>'
    )
    name = xml(f"address, chunk {chunk[1]} of {chunk[0]}" if is_named else "address")
    parts.append(f'<text x="8" y="{px(top - 9)}" fill="#57606a">{name}</text>')
    return parts


def _bar(block: Lifetime, i: int, floor: float, scale_y: float, scale_x: float) -> list[str]:
    x, width = _LEFT + scale_x * block.first, scale_x * (block.last + 1 - block.first)
    height = max(scale_y * block.nbytes, 0.4)
    y = floor - scale_y * (block.offset + block.nbytes)
    fill, outline = _colours(i)
    tip = xml(
        f"{block.name}\n{block.nbytes:,} bytes at {block.offset:,}\ncalls {block.first} to {block.last}"
    )
    parts = [
        f'<rect x="{px(x)}" y="{_fine(y)}" width="{_fine(width)}" height="{_fine(height)}" '
        f'fill="{fill}" stroke="{outline}" stroke-width="0.5">'
        f"<title>{tip}</title></rect>"
    ]
    label = _fitting(block.name, width - 8) if height >= _TEXT + 3 else ""
    if label:
        parts.append(
            f'<text x="{px(x + 4)}" y="{px(y + height / 2)}" dy="3.5" fill="#1f2328" '
            f'pointer-events="none">{xml(label)}</text>'
        )
    return parts


def _colours(i: int) -> tuple[str, str]:
    """Fill and outline of the i-th bar: steps of the golden angle, so that neighbours in time differ."""
    hue = i * 0.381966 % 1.0
    fill, outline = hls_to_rgb(hue, 0.78, 0.6), hls_to_rgb(hue, 0.42, 0.5)
    return _hex(fill), _hex(outline)


def _hex(rgb: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in rgb)


def _fitting(name: str, room: float) -> str:
    """The name, or as much of it as fits; nothing where that would say nothing."""
    if text_width(name, _TEXT) <= room:
        return name
    for first in (name.split(" = ")[0], *(name[:end] for end in range(min(len(name), 80), 5, -1))):
        if text_width(first + "\u2026", _TEXT) <= room:
            return first + "\u2026"
    return ""


def _fine(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _byte_ticks(end: int, height: float) -> Sequence[tuple[int, str]]:
    """Round addresses, at most one every 40 pixels."""
    unit, size = next(((u, s) for u, s in _UNITS if end >= 4 * s), ("bytes", 1))
    most = max(1, int(height // 40))
    step = next(s * 10**k for k in range(20) for s in (1, 2, 5) if end / (s * 10**k * size) <= most)
    return [
        (i * step * size, f"{i * step} {unit}" if i else "0") for i in range(int(end // (step * size)) + 1)
    ]


def _call_ticks(calls: int) -> Sequence[int]:
    step = next(s * 10**k for k in range(20) for s in (1, 2, 5) if calls / (s * 10**k) <= 12)
    return range(0, calls + 1, step)
