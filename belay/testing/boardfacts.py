# SPDX-License-Identifier: Apache-2.0
"""The board of a test, as the test sees it: facts, capabilities and wiring."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from belay.boardinfo import BoardInfo
    from belay.testing.held import HeldBoard

__all__ = ["Board", "Wiring"]


class Wiring(Mapping[str, Any]):
    """A board's wiring table: ``wiring.led`` or ``wiring["led"]``.

    Args:
        table: the table.
        where: how messages name it.
    """

    def __init__(self, table: Mapping[str, Any], where: str) -> None:
        self._table = table
        self._where = where

    def __getitem__(self, name: str) -> Any:
        if name not in self._table:
            raise KeyError(self._missing(name))
        value = self._table[name]
        return Wiring(value, f"{self._where}.{name}") if isinstance(value, dict) else value

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name not in self._table:
            raise AttributeError(self._missing(name))
        return self[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def __len__(self) -> int:
        return len(self._table)

    def __repr__(self) -> str:
        return f"{self._where} {dict(self._table)!r}"

    def _missing(self, name: str) -> str:
        there = ", ".join(self._table) or "nothing"
        return f"{self._where} has no {name!r}; it has {there}"


class Board:
    """The board that a test uses.

    Args:
        held: the board.
    """

    def __init__(self, held: HeldBoard) -> None:
        self._held = held

    @property
    def name(self) -> str:
        """Its name in the configuration, or else its address."""
        return self._held.slot.name

    @property
    def address(self) -> str:
        """Where it is reached."""
        return self._held.slot.address

    @property
    def real(self) -> bool:
        """Whether it is no virtual board."""
        return self._held.real

    @property
    def info(self) -> BoardInfo:
        """What it said of itself when it was first connected: version, free heap, modules, …."""
        return self._held.info

    @property
    def serial_number(self) -> str:
        """That of its USB port, or else the chip's; may be empty."""
        return self._held.serial_number

    @property
    def capabilities(self) -> tuple[str, ...]:
        """What the configuration says that it and its rig can do."""
        return self._held.slot.table.capabilities

    @property
    def wiring(self) -> Wiring:
        """Its wiring table."""
        return Wiring(self._held.slot.table.wiring, f"the wiring of {self.name}")

    def __repr__(self) -> str:
        return f"<Board {self._held.slot}>"
