# SPDX-License-Identifier: Apache-2.0
"""What happened at the pins of a virtual board: as VCD for GTKWave, and as a timing picture."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

__all__ = ["Edge", "Pulse", "Recording"]

_ROW, _HIGH, _LEFT, _AXIS, _RIGHT = 34, 20, 84, 30, 16  # pixels of the picture
_MOST_DRAWN = 2000  # edges of one pin in a picture


class Edge(NamedTuple):
    """A change of a pin's level.

    Attributes:
        time: seconds since power-on of the board.
        pin: its number.
        level: 0 or 1, from now on.
    """

    time: float
    pin: int
    level: int


class Pulse(NamedTuple):
    """A pin begins to pulse (PWM), pulses in another way, or ends to.

    Attributes:
        time: seconds since power-on of the board.
        pin: its number.
        frequency: hertz; 0 where it ended.
        duty: share of a period that is high, 0 to 1; None where it ended.
    """

    time: float
    pin: int
    frequency: int
    duty: float | None


class Recording:
    """The edges of all pins up to a moment, oldest first.

    Attributes:
        edges: changes of levels.
        pulses: changes of PWM.
        end: seconds since power-on at which it was taken.
        forgotten: edges before the first that the board did not keep.
    """

    def __init__(self, told: dict[str, Any]) -> None:
        self.edges = [Edge(at / 1e9, pin, level) for at, pin, level in told["edges"]]
        self.pulses = [
            Pulse(at / 1e9, pin, frequency, None if duty < 0 else duty / 65535)
            for at, pin, frequency, duty in told["pulses"]
        ]
        self.end: float = told["now"] / 1e9
        self.forgotten: int = told["forgotten"]
        self._levels: list[int] = told["levels"]

    def __iter__(self) -> Iterator[Edge]:
        return iter(self.edges)

    def __len__(self) -> int:
        return len(self.edges)

    def of(self, pin: int) -> list[Edge]:
        """The edges of one pin."""
        return [edge for edge in self.edges if edge.pin == pin]

    @property
    def pins(self) -> list[int]:
        """The pins at which something happened."""
        return sorted({e.pin for e in self.edges} | {p.pin for p in self.pulses})

    def _before(self, pin: int) -> int:
        """The level of a pin before its first edge."""
        first = next((edge.level for edge in self.edges if edge.pin == pin), None)
        return self._levels[pin] if first is None else 1 - first

    # ---- VCD

    def vcd(self, pins: Iterable[int] | None = None, names: dict[int, str] | None = None) -> str:
        """A value change dump (IEEE 1364, clause 18), in nanoseconds since power-on.

        Args:
            pins: which; None for all at which something happened.
            names: what to call them; GP25 and the like else. Pulses are a real number, the duty.
        """
        chosen = self.pins if pins is None else list(pins)
        called = {pin: (names or {}).get(pin, f"GP{pin}").replace(" ", "_") for pin in chosen}
        pulsing = [pin for pin in chosen if any(p.pin == pin for p in self.pulses)]
        lines = ["$version belay virtual board $end", "$timescale 1ns $end"]
        lines.append("$scope module board $end")
        lines += [f"$var wire 1 {_code(pin)} {called[pin]} $end" for pin in chosen]
        lines += [f"$var real 64 {_code(pin + 30)} {called[pin]}_duty $end" for pin in pulsing]
        lines += ["$upscope $end", "$enddefinitions $end", "#0", "$dumpvars"]
        lines += [f"{self._before(pin)}{_code(pin)}" for pin in chosen]
        lines += [f"r0 {_code(pin + 30)}" for pin in pulsing]
        lines.append("$end")
        changes: list[tuple[int, str]] = [
            (round(e.time * 1e9), f"{e.level}{_code(e.pin)}") for e in self.edges if e.pin in called
        ]
        changes += [
            (round(p.time * 1e9), f"r{p.duty or 0:.6g} {_code(p.pin + 30)}")
            for p in self.pulses
            if p.pin in called
        ]
        now = 0
        for at, change in sorted(changes, key=lambda item: item[0]):
            if at != now:
                lines.append(f"#{at}")
                now = at
            lines.append(change)
        lines.append(f"#{max(now, round(self.end * 1e9))}")
        return "\n".join(lines) + "\n"

    def save(self, path: str | os.PathLike[str], **options: Any) -> None:
        """Write a file: ``.vcd`` for GTKWave and its like, ``.svg`` for a picture.

        Args:
            path: its name, whose ending says what it is.
            **options: those of :meth:`vcd` or :meth:`svg`.

        Raises:
            ValueError: another ending.
        """
        path = Path(path)
        if path.suffix == ".vcd":
            path.write_text(self.vcd(**options), encoding="ascii", errors="replace")
        elif path.suffix == ".svg":
            path.write_text(self.svg(**options), encoding="utf-8")
        else:
            raise ValueError(f"{path.name}: a recording is saved as .vcd or as .svg")

    # ---- a picture

    def svg(
        self,
        pins: Sequence[int] | None = None,
        start: float | None = None,
        end: float | None = None,
        width: int = 800,
        names: dict[int, str] | None = None,
    ) -> str:
        """A timing picture, as SVG.

        Args:
            pins: which, from the top; None for all at which something happened.
            start: seconds since power-on at its left; None for shortly before the first edge.
            end: at its right; None for the moment of the recording.
            width: pixels.
            names: what to call the pins; GP25 and the like else.
        """
        chosen = self.pins if pins is None else list(pins)
        times = [e.time for e in self.edges if e.pin in chosen]
        times += [p.time for p in self.pulses if p.pin in chosen]
        right = self.end if end is None else end
        if start is None:
            first = min(times, default=0.0)
            start = max(0.0, first - 0.03 * (right - first))
        if right <= start:
            right = start + 1e-6
        scale = (width - _LEFT - _RIGHT) / (right - start)
        height = _ROW * len(chosen) + _AXIS + 8
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
            f'<rect width="{width}" height="{height}" fill="#fff"/>',
            *_axis(start, right, scale, height),
        ]
        for row, pin in enumerate(chosen):
            name = (names or {}).get(pin, f"GP{pin}")
            base = row * _ROW + 8 + _HIGH
            parts.append(f'<text x="8" y="{base - 5}" fill="#222">{escape(name)}</text>')
            parts += self._pulses_drawn(pin, start, right, scale, base)
            parts.append(self._line(pin, start, right, scale, base))
        return "\n".join([*parts, "</svg>"])

    def _line(self, pin: int, start: float, end: float, scale: float, base: int) -> str:
        edges = self.of(pin)
        before = [e for e in edges if e.time < start]
        level = before[-1].level if before else self._before(pin)
        within = [e for e in edges if start <= e.time <= end]
        step = max(1, -(-len(within) // _MOST_DRAWN))
        path = [f"M{_LEFT} {base - level * _HIGH}"]
        for edge in within[::step]:
            x = _LEFT + (edge.time - start) * scale
            path.append(f"H{x:.1f}V{base - edge.level * _HIGH}")
        path.append(f"H{_LEFT + (end - start) * scale:.1f}")
        return f'<path d="{"".join(path)}" fill="none" stroke="#1769aa" stroke-width="1.6"/>'

    def _pulses_drawn(
        self, pin: int, start: float, end: float, scale: float, base: int
    ) -> Iterator[str]:
        """Bands where pulses were too fast to draw: as high as their duty."""
        mine = [p for p in self.pulses if p.pin == pin]
        for index, pulse in enumerate(mine):
            until = mine[index + 1].time if index + 1 < len(mine) else self.end
            left, right = max(pulse.time, start), min(until, end)
            if pulse.duty is None or right <= left:
                continue
            high = pulse.duty * _HIGH
            yield (
                f'<rect x="{_LEFT + (left - start) * scale:.1f}" y="{base - high:.1f}" '
                f'width="{max(0.5, (right - left) * scale):.1f}" height="{high:.1f}" '
                f'fill="#f4a12c" opacity="0.7"><title>{pulse.frequency} Hz, '
                f"{pulse.duty:.1%}</title></rect>"
            )


def _axis(start: float, end: float, scale: float, height: int) -> Iterator[str]:
    span = end - start
    unit, name = (1, "s") if span >= 1 else (1e-3, "ms") if span >= 1e-3 else (1e-6, "µs")
    step = 10.0 ** len(str(int(span / unit))) / 10 * unit
    while span / step < 4:
        step /= 2
    at = -(-start // step) * step
    base = height - _AXIS
    while at <= end + step * 1e-6:
        x = _LEFT + (at - start) * scale
        yield f'<path d="M{x:.1f} 4V{base + 4}" stroke="#ddd"/>'
        yield (
            f'<text x="{x:.1f}" y="{base + 18}" text-anchor="middle" fill="#555">'
            f"{at / unit:g} {name}</text>"
        )
        at += step


def _code(number: int) -> str:
    """The identifier of a signal: printable characters."""
    return chr(33 + number)
