# SPDX-License-Identifier: Apache-2.0
"""Rows of lights: NeoPixel."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets

from belay_jupyter import polling
from belay_jupyter.views.base import View, table

__all__ = ["NeoPixelView"]

_AT_ONCE = 32
"""Lights that have a picker at the same time."""

Colour = tuple[int, ...]


class NeoPixelView(View):
    """A colour picker for each light, and one for all. A change is written to the lights at once.

    What is shown are the colours that the program has set, also those not yet written.
    """

    _count, _channels = 0, 3

    def build(self) -> list[Any]:
        """A picture of the row, the pickers, and one for all."""
        self._picture = widgets.HTML()
        self._pickers = widgets.HBox([], layout={"flex_flow": "row wrap"})
        # Which of many have one.
        self._first = widgets.BoundedIntText(
            description="from light", min=0, max=0, step=_AT_ONCE, layout={"width": "160px"}
        )
        self._first.observe(lambda _: self._show_again(), "value")
        self._all = widgets.ColorPicker(
            description="all", concise=True, layout={"width": "64px"},
            style={"description_width": "22px"},
        )  # fmt: skip
        self._all.observe(self._fill, "value")
        off = widgets.Button(description="all off", layout={"width": "auto"})
        off.on_click(lambda _: self._set(0, [(0,) * self._channels] * self._count))
        return [self._picture, self._pickers, widgets.HBox([self._all, off, self._first])]

    def question(self) -> polling.Question:
        """All colours."""
        return self.on_board("panels", "look_lights")

    def shown(self, value: Any) -> None:
        """The colours."""
        self._count, data = value
        self._channels = len(data) // self._count if self._count else 3
        size = self._channels
        self.colours: list[Colour] = [
            tuple(data[at : at + size]) for at in range(0, len(data), size)
        ]
        self._picture.value = strip(self.colours)
        self._first.max = max(0, self._count - 1)
        self._first.layout.display = None if self._count > _AT_ONCE else "none"
        first = self._first.value
        here = self.colours[first : first + _AT_ONCE]
        if len(self._pickers.children) != len(here):
            self._pickers.children = [self._picker(place) for place in range(len(here))]
        for place, (picker, colour) in enumerate(zip(self._pickers.children, here, strict=True)):
            picker.description = str(first + place)
            picker.value = hex_of(colour)

    def static(self) -> str:
        """The colours, as a picture and in numbers."""
        shown = self.colours[:_AT_ONCE]
        rows = ((str(place), strip([colour]), str(colour)) for place, colour in enumerate(shown))
        return strip(self.colours) + table(rows)

    def _picker(self, place: int) -> Any:
        picker = widgets.ColorPicker(
            concise=True, layout={"width": "64px"}, style={"description_width": "22px"}
        )
        picker.observe(
            lambda change: self._set(self._first.value + place, [self._colour(change["new"])]),
            "value",
        )
        return picker

    def _fill(self, change: Any) -> None:
        self._set(0, [self._colour(change["new"])] * self._count)

    def _colour(self, text: str) -> Colour:
        """What a picker says, for lights that may have white, too: that one stays dark."""
        colour = tuple(int(text[at : at + 2], 16) for at in (1, 3, 5))
        return (*colour, *(0,) * (self._channels - 3))

    def _set(self, first: int, colours: list[Colour]) -> None:
        self.do(self.on_board("panels", "set_lights", first, colours))


def hex_of(colour: Colour) -> str:
    """A colour as browsers write it; white light adds to all three."""
    white = sum(colour[3:])
    return "#" + "".join(f"{min(255, one + white):02x}" for one in colour[:3])


def strip(colours: list[Colour]) -> str:
    """Lights in a row, as a picture."""
    size = 18
    spots = "".join(
        f'<circle cx="{size * (place % 32) + 9}" cy="{size * (place // 32) + 9}" r="7" '
        f'fill="{hex_of(colour)}" stroke="#888"><title>{place}: {colour}</title></circle>'
        for place, colour in enumerate(colours)
    )
    width, height = size * min(32, len(colours)), size * ((len(colours) + 31) // 32)
    return (
        f'<svg role="img" aria-label="{len(colours)} lights" width="{width}" '
        f'height="{height}">{spots}</svg>'
    )
