# SPDX-License-Identifier: Apache-2.0
"""The fixture ``power``: a board's power, for tests of what happens without it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from belay.testing.held import HeldBoard

__all__ = ["Power", "power_of"]


class Power(Protocol):
    """Switches a board's power. After ``on`` and ``cycle`` its Device is connected anew."""

    def on(self) -> None:
        """Give the board power, and connect."""

    def off(self) -> None:
        """Take the board's power: its link ends, or falls silent."""

    def cycle(self) -> None:
        """Both."""


def power_of(held: HeldBoard) -> Power:
    """The power of a board; skips the test where nothing switches it."""
    if held.power.there:
        return _Switched(held)
    if held.slot.private:
        return _Simulated(held)
    pytest.skip(f"nothing switches the power of {held.slot.name}: its table has no power = …")


class _Switched:
    """The rig switches it."""

    def __init__(self, held: HeldBoard) -> None:
        self._held = held

    def on(self) -> None:
        self._held.power.on()
        self._held.connect_again()

    def off(self) -> None:
        self._held.let_go()  # a serial port that loses its board is not used again
        self._held.power.off()

    def cycle(self) -> None:
        self._held.let_go()
        self._held.power.cycle()
        self._held.connect_again()


class _Simulated:
    """A virtual board: without power its process ends, and with it what it had in memory."""

    def __init__(self, held: HeldBoard) -> None:
        self._held = held

    def on(self) -> None:
        self._held.connect_again()

    def off(self) -> None:
        self._held.let_go()

    def cycle(self) -> None:
        self.off()
        self.on()
