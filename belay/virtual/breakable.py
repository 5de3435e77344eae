# SPDX-License-Identifier: Apache-2.0
"""What can end the life of an interpreter from outside, or hold it still."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .cable import Cable
    from .clock import Clock
    from .vm import Interpreter

__all__ = ["Breakable", "Struck", "WatchdogBite"]

_PATIENCE = 5.0


class WatchdogBite(Exception):
    """The program has not fed the watchdog in time: the chip is reset."""


class Struck(Exception):
    """Somebody outside has reset the board, or has cut its power."""


class Breakable:
    """The part of a console that faults come to.

    Attributes:
        struck: somebody outside has ended the life of this interpreter.
    """

    _line: Cable
    _clock: Clock
    _vm: Interpreter | None

    def __init__(self) -> None:
        self.struck = False
        self._alert = False  # something outside has happened: look what
        self._forget = False
        self._revived = threading.Event()

    def end(self) -> None:
        """See :class:`Console`."""
        raise NotImplementedError

    def begin(self) -> None:
        """See :class:`Console`."""
        raise NotImplementedError

    def _receive_from_line(self, timeout: float | None, want_send: bool = False) -> None:
        raise NotImplementedError

    def _forget_all(self) -> None:
        raise NotImplementedError

    def _look_outside(self) -> None:
        if self.struck:
            raise Struck
        if self._clock.bitten():
            raise WatchdogBite

    # ---- faults, from any thread

    def strike(self, power: bool) -> None:
        """End the life of the interpreter, whatever it is doing.

        Args:
            power: the power is cut: what was on its way is lost too.
        """
        self._forget = power
        self._revived.clear()
        self.struck = self._alert = True
        if (vm := self._vm) is not None:
            vm.crash()
        self._line.wake()
        self._revived.wait(_PATIENCE)

    def hang(self, until: float) -> None:
        """Do nothing until a monotonic time."""
        self._alert = True
        self._line.freeze(until)

    def revive(self) -> None:
        """A new life begins, on the board's own thread."""
        if self._forget:
            self._forget_all()
        self.struck = self._alert = self._forget = False
        self._revived.set()
        self._line.freeze(0.0)

    def _hold_still(self) -> None:
        """The board hangs: nothing happens until that is over, or something ends it."""
        while self._line.frozen:
            bites = self._clock.bites
            self._receive_from_line(None if bites is None else max(0, bites - time.monotonic()))
            self._look_outside()

    def _attend_to_faults(self) -> None:
        """Inside a host call of the program."""
        self._look_outside()
        if self._alert:
            self._alert = False
            if self._line.frozen:
                self.end()
                try:
                    self._hold_still()
                finally:
                    self.begin()
