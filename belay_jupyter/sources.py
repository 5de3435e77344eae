# SPDX-License-Identifier: Apache-2.0
"""The cells that ran on each board: where signatures and docstrings come from."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from belay.device import Device
    from belay_jupyter.cells import CellSource
    from belay_jupyter.definitions import Definition

__all__ = ["Found", "known", "remember"]

_MOST = 400
"""Cells of one board; older ones are forgotten."""

_cells: weakref.WeakKeyDictionary[Device, dict[str, CellSource]] = weakref.WeakKeyDictionary()


class Found(NamedTuple):
    """A definition, and where it stands.

    Attributes:
        definition: what the source says.
        where: the file, or the cell; empty for the cell that is being typed.
        first_line: the line of it at which the source begins.
    """

    definition: Definition
    where: str = ""
    first_line: int = 1

    @property
    def place(self) -> str:
        """Such as ``Cell In[3], line 2``, or empty."""
        line = self.first_line + self.definition.line - 1
        return f"{self.where}, line {line}" if self.where else ""


def remember(device: Device, cell: CellSource) -> None:
    """Take note of a cell that begins to run."""
    cells = _cells.setdefault(device, {})
    cells.pop(cell.text, None)  # run once more, it counts as the newest
    cells[cell.text] = cell
    if len(cells) > _MOST:
        del cells[next(iter(cells))]


def known(device: Device) -> dict[str, Found]:
    """What tasks and the cells so far define, by name; the newest definition of each."""
    from belay_jupyter.definitions import definitions

    found: dict[str, Found] = {}
    for text, where, first_line in _texts(device):
        for name, one in definitions(text).items():
            found[name] = Found(one, where, first_line)
    return found


def _texts(device: Device) -> Iterator[tuple[str, str, int]]:
    cells = list(_cells.get(device, {}).values())
    ran = {cell.text for cell in cells}
    for origin in device._sources.origins():
        if origin.text not in ran:
            yield origin.text, origin.label or origin.filename, origin.first_line
    for cell in cells:
        yield cell.text, cell.label or cell.filename, cell.first_line
