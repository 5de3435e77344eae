# SPDX-License-Identifier: Apache-2.0
"""Rows of which the first ones are shown, and others when asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

__all__ = ["Rows"]

_AT_ONCE = 40
"""A notebook takes some ten messages for each row."""


class Rows:
    """Rows below each other, and a button for more.

    Args:
        make: makes the widget of the row in a place.

    Attributes:
        widget: all of it.
    """

    def __init__(self, make: Callable[[int], Any]) -> None:
        self._make = make
        self._known = self._count = 0
        self._box = widgets.VBox([])
        self._more = widgets.Button(layout={"width": "auto", "display": "none"})
        self._more.on_click(lambda _: self._add(4 * _AT_ONCE))
        self._rest = widgets.Label(layout={"display": "none"})
        self.widget = widgets.VBox([self._box, self._more, self._rest])

    def fill(self, known: int, count: int) -> None:
        """Make the rows anew, as many as there were, or the first ones.

        Args:
            known: how many can be made.
            count: how many there are.
        """
        self._known, self._count = known, count
        before, self._box.children = len(self._box.children), ()
        self._add(max(before, _AT_ONCE))

    def _add(self, number: int) -> None:
        first = len(self._box.children)
        new = [self._make(place) for place in range(first, min(first + number, self._known))]
        self._box.children = (*self._box.children, *new)
        left = self._known - len(self._box.children)
        self._more.description = f"{left} more"
        self._more.layout.display = None if left else "none"
        self._rest.value = f"… and {self._count - self._known} that are not shown"
        self._rest.layout.display = None if self._count > self._known and not left else "none"
