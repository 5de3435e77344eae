# SPDX-License-Identifier: Apache-2.0
"""Views of what boards have: pins, pulse widths, analogue inputs."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets

from belay_jupyter.views.base import View

__all__ = ["ADCView", "PWMView", "PinView"]

_FULL = 65535


class PinView(View):
    """A switch that shows the pin's level, and sets it."""

    methods = ("value",)

    def build(self) -> list[Any]:
        """A switch."""
        self._switch = widgets.ToggleButton(description="?")
        self._switch.observe(lambda change: self.act("value", int(change["new"])), "value")
        return [self._switch]

    def shown(self, value: Any) -> None:
        """The level."""
        (level,) = value
        self._switch.value = bool(level)
        self._switch.description = "high (1)" if level else "low (0)"
        self._switch.icon = "toggle-on" if level else "toggle-off"


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
    """A gauge of the reading: 0 to 65535, in percent of the reference voltage."""

    methods = ("read_u16",)

    def build(self) -> list[Any]:
        """A gauge, and the number."""
        self._gauge = widgets.IntProgress(min=0, max=_FULL, description="read_u16")
        self._number = widgets.Label()
        return [widgets.HBox([self._gauge, self._number])]

    def shown(self, value: Any) -> None:
        """The reading."""
        (reading,) = value
        self._gauge.value = reading
        self._number.value = f"{reading}  ({reading * 100 / _FULL:.1f} %)"
