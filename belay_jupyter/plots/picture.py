# SPDX-License-Identifier: Apache-2.0
"""A plot as a picture that needs no program to be seen: SVG, for saved notebooks and reports."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from xml.sax.saxutils import escape

from belay_jupyter.plots.series import Series

__all__ = ["COLOURS", "svg"]

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d31", "#7f7f7f")
"""Okabe and Ito's, which people see apart who do not see all colours; on white and on black."""

_INK = "#808080"  # seen on both
_LEFT, _RIGHT, _TOP, _FOOT = 64, 12, 12, 30

_HUGE, _TINY = 1e300, 1e-290

_Point = tuple[float, float]


def svg(
    series: Sequence[Series],
    *,
    title: str = "",
    width: int = 800,
    height: int = 300,
    note: str = "",
) -> str:
    """The whole of some series as one picture.

    Args:
        series: what to draw.
        title: above it.
        width: in pixels.
        height: in pixels, the legend not counted.
        note: a line below the legend.
    """
    lines = []
    for one in series:
        rows = one.rows()
        lines += [(name, rows.times, rows.columns[name]) for name in one.drawn]
    finite = [v for _, _, column in lines for v in column if _drawable(v)]
    times = [t for _, column, _ in lines for t in (column[:1], column[-1:]) if t]
    left, right = _span([t[0] for t in times])
    low, high = _span(finite, margin=0.05)
    top = _TOP + (20 if title else 0)
    inner = width - _LEFT - _RIGHT, height - top - _FOOT

    def place(t: float, v: float) -> _Point:
        return (
            _LEFT + (t - left) / (right - left) * inner[0],
            top + (high - v) / (high - low) * inner[1],
        )

    parts = [_text(_LEFT, 18, title, anchor="start", weight="bold")] if title else []
    parts += _grid((left, right), (low, high), place, width)
    for index, (_, moments, column) in enumerate(lines):
        colour = COLOURS[index % len(COLOURS)]
        for run in _thinned(moments, column, left, right, int(inner[0])):
            points = " ".join("{:.1f},{:.1f}".format(*place(*point)) for point in run)
            parts.append(
                f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5" '
                f'stroke-linejoin="round" stroke-linecap="round"{_dash(index)}/>'
            )
    legend, below = _legend([name for name, _, _ in lines], width, height)
    parts += legend
    if note:
        parts.append(_text(_LEFT, below + 4, note, anchor="start"))
        below += 18
    label = escape(_printable(title or "plot"), {'"': "&quot;"})
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {below:.0f}" '
        f'width="{width}" height="{below:.0f}" font-family="sans-serif" font-size="12" '
        f'style="max-width:100%;height:auto" role="img" aria-label="{label}">{"".join(parts)}</svg>'
    )


def _grid(
    times: _Point, values: _Point, place: Callable[[float, float], _Point], width: int
) -> list[str]:
    """Lines at round numbers, and the numbers."""
    parts = []
    (left, right), (low, high) = times, values
    for v in _ticks(low, high, 5):
        y = place(left, v)[1]
        parts.append(_rule(_LEFT, y, width - _RIGHT, y))
        parts.append(_text(_LEFT - 6, y + 4, f"{v:.6g}", anchor="end"))
    (_, top), (_, foot) = place(left, high), place(left, low)
    for t in _ticks(left, right, 8):
        x = place(t, low)[0]
        parts.append(_rule(x, top, x, foot))
        parts.append(_text(x, foot + 16, f"{t:.6g} s", anchor="middle"))
    return parts


def _legend(names: Sequence[str], width: int, y: float) -> tuple[list[str], float]:
    """The names with their colours, in rows, and where the last one ends."""
    parts = []
    x, y = float(_LEFT), y + 8
    for index, name in enumerate(names):
        shown = name if len(name) < 60 else name[:59] + "…"
        needed = 36 + 7 * len(shown)
        if x > _LEFT and x + needed > width:
            x, y = float(_LEFT), y + 18
        colour = COLOURS[index % len(COLOURS)]
        parts.append(
            f'<line x1="{x}" y1="{y}" x2="{x + 20}" y2="{y}" stroke="{colour}" '
            f'stroke-width="3"{_dash(index)}/>'
        )
        parts.append(_text(x + 26, y + 4, shown, anchor="start"))
        x += needed
    return parts, y + 14


def _dash(index: int) -> str:
    """Beyond the colours there are, lines are broken."""
    return (
        "" if index < len(COLOURS) else f' stroke-dasharray="{2 + 4 * (index // len(COLOURS))} 3"'
    )


def _text(x: float, y: float, text: str, *, anchor: str, weight: str = "normal") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}" '
        f'fill="{_INK}">{escape(_printable(text))}</text>'
    )


def _printable(text: str) -> str:
    """Without the control characters that XML forbids."""
    return "".join(c if c >= " " and c not in "\ufffe\uffff" else " " for c in text)


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f'stroke="{_INK}" stroke-opacity="0.3"/>'
    )


def _drawable(value: float) -> bool:
    """Whether it has a place: differences of larger numbers are infinite."""
    return abs(value) < _HUGE  # which no NaN is


def _span(values: Sequence[float], margin: float = 0.0) -> tuple[float, float]:
    """From the least to the largest, never empty."""
    if not values:
        return 0.0, 1.0
    low, high = min(values), max(values)
    if high - low < max(1e-12 * max(abs(low), abs(high)), _TINY):
        around = abs(low) * 0.1 if abs(low) > _TINY else 1.0
        return (low - around, high + around) if margin else (low, low + 1.0)
    room = (high - low) * margin
    return low - room, high + room


def _ticks(low: float, high: float, about: int) -> list[float]:
    """Round numbers between two."""
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(k * step, 12) if abs(step) > 1e-9 else k * step for k in range(first, last + 1)]


def _thinned(
    times: Sequence[float], values: Sequence[float], left: float, right: float, width: int
) -> list[list[_Point]]:
    """The points of a line, in runs without gaps; of many at one place the lowest and highest."""
    dense = len(times) > 3 * width
    runs: list[list[_Point]] = [[]]
    here: list[_Point] = []
    at = -1

    def close() -> None:
        if here:
            low = min(here, key=lambda p: p[1])
            high = max(here, key=lambda p: p[1])
            runs[-1] += sorted({here[0], low, high, here[-1]})
            here.clear()

    for t, v in zip(times, values, strict=True):
        if not _drawable(v):
            close()
            if runs[-1]:
                runs.append([])
            continue
        if not dense:
            runs[-1].append((t, v))
            continue
        column = int((t - left) / (right - left) * width)
        if column != at:
            close()
            at = column
        here.append((t, v))
    close()
    return [run + run * (len(run) == 1) for run in runs if run]  # one point: a dot
