# SPDX-License-Identifier: Apache-2.0
"""The board's clock of date and time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import ipywidgets as widgets

from belay_jupyter.views.base import View, table

__all__ = ["RTCView"]


class RTCView(View):
    """Date and time of the board, how far they are from this computer's, and a button to set them.

    A ``machine.RTC`` knows no time zone; what is set is the local time of this computer.
    """

    methods = ("datetime",)

    def build(self) -> list[Any]:
        """The time, and the button."""
        self._time = widgets.Label(style={"font_size": "16px"})
        self._off = widgets.Label()
        button = widgets.Button(
            description="Set to this computer's time", icon="clock-o", layout={"width": "auto"}
        )
        button.on_click(lambda _: self._set())
        return [widgets.HBox([self._time, self._off, button])]

    def shown(self, value: Any) -> None:
        """Date and time."""
        # Of the last one, ports disagree on the unit: it is not shown.
        year, month, day, _, hour, minute, second, *_ = value[0]
        try:
            there = datetime(year, month, day, hour, minute, second)
        except ValueError:  # a clock that was never set may say anything
            self._time.value = f"{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"
            self._off.value = "is no date"
            return
        self._time.value = f"{there:%Y-%m-%d %H:%M:%S}  {there:%A}"
        off = round((there - datetime.now()).total_seconds())
        self._off.value = "" if abs(off) <= 1 else f"({distance(off)})"

    def static(self) -> str:
        """Date and time."""
        return table([(self._time.value, self._off.value)])

    def _set(self) -> None:
        now = datetime.now()
        date = (now.year, now.month, now.day, now.weekday(), now.hour, now.minute, now.second)
        self.act("datetime", (*date, 0))


def distance(seconds: int) -> str:
    """How far a clock is off, in words."""
    size = abs(seconds)
    for unit, name in ((86400 * 365, "years"), (86400, "days"), (3600, "hours"), (60, "minutes")):
        if size >= 2 * unit:
            text = f"{size // unit} {name}"
            break
    else:
        text = f"{size} s"
    return f"{text} {'ahead of' if seconds > 0 else 'behind'} this computer"
