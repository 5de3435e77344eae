# SPDX-License-Identifier: Apache-2.0
"""Views of pins: levels, pulse widths, analogue inputs."""

from __future__ import annotations

from collections import deque
from typing import Any

import ipywidgets as widgets

from belay_jupyter import polling
from belay_jupyter.views.base import View, table

__all__ = ["ADCView", "PWMView", "PinView"]

_FULL = 65535

_REMEMBERED = 120
"""Readings that the line beside a gauge shows."""

_WIDTH, _HEIGHT = 180, 32


class PinView(View):
    """A switch that shows the pin's level, and sets it; and a counter of its edges."""

    def build(self) -> list[Any]:
        """A switch, and a button for the counter."""
        self._switch = widgets.ToggleButton(description="?")
        self._switch.observe(lambda change: self.act("value", int(change["new"])), "value")
        self._counts = False
        self._count = widgets.Button(
            description="Count edges",
            layout={"width": "auto"},
            tooltip="Count rising and falling edges by an interrupt. "
            "It takes the place of a handler that your program gave to pin.irq().",
        )
        self._count.on_click(lambda _: self._start_or_stop())
        self._edges = widgets.Label()
        return [widgets.HBox([self._switch, self._count, self._edges])]

    def question(self) -> polling.Question:
        """The level; and the count, while the board counts."""
        if self._counts:
            return self.on_board("panels", "look_pin")
        return polling.Question(polling.CALLS, self.proxy, ("value",))

    def shown(self, value: Any) -> None:
        """The level, and how many edges there were."""
        level, edges = (*value, None)[:2] if isinstance(value, tuple) else (value, None)
        self._switch.value = bool(level)
        self._switch.description = "high (1)" if level else "low (0)"
        self._switch.icon = "toggle-on" if level else "toggle-off"
        self._count.description = "Count edges" if edges is None else "Stop counting"
        if edges is not None:
            self._edges.value = f"{edges:,} edges"

    def static(self) -> str:
        """The level, and the count where there is one."""
        rows = [("value", self._switch.description)]
        return table([*rows, ("edges", self._edges.value)] if self._edges.value else rows)

    def _start_or_stop(self) -> None:
        before, self._counts = self._counts, not self._counts
        if not self.do(self.on_board("panels", "count_edges", self._counts)):
            self._counts = before


class PWMView(View):
    """Sliders for frequency and duty."""

    methods = ("freq", "duty_u16")

    def build(self) -> list[Any]:
        """Two sliders, which act when they are let go."""
        style = {"description_width": "90px"}
        self._frequency = widgets.FloatLogSlider(
            value=1000, min=0.9, max=6, step=0.01, description="frequency Hz",
            readout_format=".0f", continuous_update=False, style=style,
        )  # fmt: skip
        self._duty = widgets.FloatSlider(
            value=0, min=0, max=100, step=0.1, description="duty %",
            continuous_update=False, style=style,
        )  # fmt: skip
        self._frequency.observe(lambda change: self.act("freq", round(change["new"])), "value")
        self._duty.observe(
            lambda change: self.act("duty_u16", round(change["new"] * _FULL / 100)), "value"
        )
        return [self._frequency, self._duty]

    def shown(self, value: Any) -> None:
        """Frequency and duty."""
        frequency, duty = value
        self._frequency.value = min(max(frequency, 8), 10**6)
        self._duty.value = duty * 100 / _FULL


class ADCView(View):
    """A gauge of the reading, 0 to 65535 or percent of the reference voltage, and what was read."""

    methods = ("read_u16",)

    def build(self) -> list[Any]:
        """A gauge, the number, and a line of the latest readings."""
        self._gauge = widgets.IntProgress(min=0, max=_FULL, description="read_u16")
        self._number = widgets.Label()
        self._line = widgets.HTML()
        self.readings: deque[int] = deque(maxlen=_REMEMBERED)
        return [widgets.HBox([self._gauge, self._line, self._number])]

    def _take(self, answer: polling.Answer) -> None:
        if isinstance(answer.value, list):
            self.readings += answer.value
        super()._take(answer)

    def shown(self, value: Any) -> None:
        """The reading."""
        (reading,) = value
        self._gauge.value = reading
        self._number.value = f"{reading}  ({reading * 100 / _FULL:.1f} %)"
        self._line.value = sparkline(self.readings)

    def static(self) -> str:
        """The reading, and the line."""
        return table([("read_u16", self._number.value, sparkline(self.readings))])


def sparkline(readings: deque[int]) -> str:
    """Readings of 0 to 65535 as a small picture, the newest at its right end."""
    right, step = _WIDTH - 3, (_WIDTH - 6) / (_REMEMBERED - 1)
    points = [
        (right - step * back, 2 + (_HEIGHT - 4) * (1 - reading / _FULL))
        for back, reading in enumerate(reversed(readings))
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    x, y = points[0] if points else (-9.0, 0.0)
    return (
        f'<svg role="img" aria-label="the latest {len(points)} readings" width="{_WIDTH}" '
        f'height="{_HEIGHT}" style="vertical-align: middle; border-radius: 2px; '
        'border: 1px solid var(--jp-border-color2, #ddd); color: var(--jp-brand-color1, #1976d2)">'
        f'<polyline points="{line}" fill="none" stroke="currentColor" stroke-width="1.5"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="currentColor"/></svg>'
    )
