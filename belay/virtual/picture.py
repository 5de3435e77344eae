# SPDX-License-Identifier: Apache-2.0
"""The board and what hangs on it, as a picture: SVG, made of what the control pipe tells."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import escape

__all__ = ["draw"]

# The pins of a Raspberry Pi Pico, down its left side and up its right, USB at the top.
_LEFT = (0, 1, "GND", 2, 3, 4, 5, "GND", 6, 7, 8, 9, "GND", 10, 11, 12, 13, "GND", 14, 15)
_RIGHT = (
    *("VBUS", "VSYS", "GND", "3V3_EN", "3V3", "VREF", 28, "GND", 27, 26),
    *("RUN", 22, "GND", 21, 20, 19, 18, "GND", 17, 16),
)
_PITCH, _TOP, _WIDTH, _X = 19, 44, 150, 120
_HEIGHT = _TOP + 20 * _PITCH + 16
_CARD_X, _CARD_WIDTH, _CARD_GAP = 420, 300, 10
_LOW, _HIGH, _IDLE, _PULSE = "#30475e", "#e8453c", "#b8c0c8", "#f4a12c"


def draw(pins: list[dict[str, Any]], parts: list[dict[str, Any]], title: str) -> str:
    """The picture.

    Args:
        pins: what ``pins.read`` tells.
        parts: ``name``, ``kind``, ``pins``, ``state``, and ``png`` of those that can be seen.
        title: what to write below.
    """
    cards, card_height = _cards(parts)
    height = max(_HEIGHT, card_height) + 24
    width = _CARD_X + _CARD_WIDTH + 10 if parts else _CARD_X - 30
    there: dict[int, list[str]] = {}
    for part in parts:
        for pin in part["pins"]:
            there.setdefault(pin, []).append(part["name"])
    used = {pin: names[0] + " …" * (len(names) > 1) for pin, names in there.items()}
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11">',
            f'<rect width="{width}" height="{height}" fill="#fff"/>',
            *_body(pins),
            *_legs(_LEFT, pins, used, left=True),
            *_legs(_RIGHT, pins, used, left=False),
            *cards,
            f'<text x="10" y="{height - 8}" fill="#777">{escape(title)}</text>',
            "</svg>",
        ]
    )


def _body(pins: list[dict[str, Any]]) -> Iterator[str]:
    led = pins[25]
    lit = _share(led)
    yield (
        f'<rect x="{_X}" y="20" width="{_WIDTH}" height="{_HEIGHT - 28}" rx="8" fill="#2f7d4f" '
        'stroke="#1d5a37"/>'
    )
    yield f'<rect x="{_X + 50}" y="10" width="50" height="32" rx="3" fill="#c9ced3"/>'
    yield (
        f'<rect x="{_X + 50}" y="{_TOP + 150}" width="50" height="50" rx="3" fill="#22262b"/>'
        f'<text x="{_X + 75}" y="{_TOP + 179}" fill="#9aa3ab" text-anchor="middle" '
        'font-size="8">virtual</text>'
    )
    yield (
        f'<circle cx="{_X + 34}" cy="{_TOP + 24}" r="11" fill="#ffe066" '
        f'opacity="{0.55 * lit:.2f}"/>'
        f'<rect x="{_X + 30}" y="{_TOP + 19}" width="8" height="10" rx="1" '
        f'fill="{"#ffd23d" if lit else "#7d8a80"}"/>'
        f'<text x="{_X + 44}" y="{_TOP + 28}" fill="#d9f2e3" font-size="9">LED</text>'
    )


def _share(pin: dict[str, Any]) -> float:
    """The share of time that a pin is high."""
    pulse = pin.get("pwm")
    return pulse["duty_u16"] / 65535 if pulse else float(pin["level"])


def _legs(
    names: tuple[int | str, ...], pins: list[dict[str, Any]], used: dict[int, str], left: bool
) -> Iterator[str]:
    x = _X + 8 if left else _X + _WIDTH - 8
    outside, anchor = (_X - 10, "end") if left else (_X + _WIDTH + 10, "start")
    for row, name in enumerate(names):
        y = _TOP + row * _PITCH + 10
        if isinstance(name, str):
            yield f'<circle cx="{x}" cy="{y}" r="5" fill="#d9b44a"/>'
            place = f'x="{outside}" y="{y + 4}" text-anchor="{anchor}"'
            yield f'<text {place} fill="#aaa">{name}</text>'
            continue
        colour, note = _look(pins[name])
        part = used.get(name)
        text = escape(f"{part}  " if part and left else "") + f"GP{name}"
        text += "" if left or not part else escape(f"  {part}")
        title = f"GP{name}: {note}"
        yield (
            f'<g><title>{escape(title)}</title><circle cx="{x}" cy="{y}" r="6" fill="{colour}" '
            f'stroke="#f3e3b0" stroke-width="1.5"/><text x="{outside}" y="{y + 4}" '
            f'text-anchor="{anchor}" fill="{"#000" if note != "in, nothing" else "#888"}">'
            f"{text}</text></g>"
        )


def _look(pin: dict[str, Any]) -> tuple[str, str]:
    """The colour of a pin, and what there is to say of it."""
    if pin["pwm"]:
        return _PULSE, f"{pin['pwm']['freq']} Hz, {pin['pwm']['duty_u16'] / 655.35:.0f} %"
    idle = pin["mode"] == "IN" and pin["pull"] is None and pin["world"] is None
    if idle and not pin["level"]:
        return _IDLE, "in, nothing"
    said = pin["mode"].lower().replace("_", " ")
    pull = f", pull {pin['pull'].lower()}" if pin["pull"] else ""
    return (_HIGH if pin["level"] else _LOW), f"{said}{pull}, {'high' if pin['level'] else 'low'}"


def _cards(parts: list[dict[str, Any]]) -> tuple[list[str], int]:
    """A card for each part, one below the other, and how far down they go."""
    drawn, y = [], 20
    for part in parts:
        lines = [f"{name}: {_said(value)}" for name, value in part["state"].items()][:8]
        lines = [line for line in lines if not line.endswith(": …")]
        picture = part.get("png")
        size = _size(picture) if picture else (0, 0)
        shown = min(_CARD_WIDTH - 20, size[0])
        tall = round(size[1] * shown / size[0]) if size[0] else 0
        height = 26 + 14 * len(lines) + (tall + 8 if tall else 0)
        pins = ", ".join(f"GP{pin}" for pin in part["pins"])
        called = (
            part["name"] if part["name"] == part["kind"] else f"{part['name']} ({part['kind']})"
        )
        drawn.append(
            f'<g><rect x="{_CARD_X}" y="{y}" width="{_CARD_WIDTH}" height="{height}" rx="6" '
            f'fill="#f5f7fa" stroke="#d5dbe1"/><text x="{_CARD_X + 10}" y="{y + 16}" '
            f'font-weight="bold" fill="#222">{escape(called)}</text>'
            f'<text x="{_CARD_X + _CARD_WIDTH - 10}" y="{y + 16}" text-anchor="end" '
            f'fill="#888">{escape(pins)}</text>'
        )
        for index, line in enumerate(lines):
            drawn.append(
                f'<text x="{_CARD_X + 10}" y="{y + 32 + 14 * index}" fill="#333">'
                f"{escape(line)}</text>"
            )
        if picture:
            data = base64.b64encode(picture).decode()
            drawn.append(
                f'<image x="{_CARD_X + 10}" y="{y + 26 + 14 * len(lines)}" width="{shown}" '
                f'height="{tall}" href="data:image/png;base64,{data}"/>'
            )
        drawn.append("</g>")
        y += height + _CARD_GAP
    return drawn, y


def _size(picture: bytes) -> tuple[int, int]:
    """Width and height of a PNG file, from its header."""
    return int.from_bytes(picture[16:20], "big"), int.from_bytes(picture[20:24], "big")


def _said(value: Any) -> str:
    """A value in a few characters; an ellipsis for what would not fit."""
    if isinstance(value, float):
        return f"{value:.5g}"
    if isinstance(value, list):
        return "…"
    text = str(value)
    return text if len(text) <= 36 else "…"
