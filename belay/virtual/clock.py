# SPDX-License-Identifier: Apache-2.0
"""The board's clocks: what its ticks count from, its calendar, its watchdog, why it last started.

A soft reset changes none of them, as on a chip. A reset starts the ticks again and ends the
watchdog. The calendar runs on, at the host's time until a program sets it.
"""

from __future__ import annotations

import datetime
import time

from .proxies import HostModule

__all__ = ["Clock"]

PWRON_RESET, WDT_RESET = 1, 3
"""The causes that a Raspberry Pi Pico knows; ``machine.reset()`` there is done by the watchdog."""

_TICKS_PERIOD = 1 << 30  # of this build: small integers of 31 bits


class Clock:
    """Clocks of one board.

    Attributes:
        cause: of the last start, PWRON_RESET or WDT_RESET.
        bites: monotonic time at which the watchdog resets the board unless it is fed; None
            while there is none.
    """

    def __init__(self) -> None:
        self.cause = PWRON_RESET
        self.bites: float | None = None
        self._patience = 0.0
        self._started = time.monotonic_ns()
        self._ahead = 0.0  # seconds that a program has set the calendar ahead of the host's

    def restart(self) -> None:
        """The chip was reset: the ticks count from zero, nothing waits to bite."""
        self.cause = WDT_RESET
        self.bites = None
        self._started = time.monotonic_ns()

    def bitten(self) -> bool:
        """Whether the watchdog's patience is over."""
        return self.bites is not None and time.monotonic() >= self.bites

    def ticks_ms(self) -> int:
        """Milliseconds since the start, as a 32-bit number."""
        return (time.monotonic_ns() - self._started) // 1_000_000 & 0xFFFFFFFF

    def ticks_us(self) -> int:
        """Microseconds since the start."""
        return (time.monotonic_ns() - self._started) // 1000

    def time_ms(self) -> float:
        """Milliseconds since 1970 on the board's calendar."""
        return (time.time() + self._ahead) * 1000

    # ---- the program's side, as functions of the module _board

    def module(self) -> HostModule:
        """What ``machine`` and ``time`` need of the host."""
        return {
            "ticks_us": self._ticks_us,
            "rtc_us": self._rtc_us,
            "set_rtc": self._set_rtc,
            "reset_cause": lambda: self.cause,
            "watchdog": self._watchdog,
            "feed": self._feed,
        }

    def _ticks_us(self) -> int:
        return self.ticks_us() % _TICKS_PERIOD

    def _rtc_us(self) -> int:
        return int(self.time_ms() * 1000) % 1_000_000

    def _set_rtc(
        self, year: int, month: int, day: int, hour: int, minute: int, second: int, micros: int
    ) -> bool:
        """Set the calendar (UTC); answers False for a moment that no calendar has."""
        now = time.time()
        try:
            wanted = datetime.datetime(
                year, month, day, hour, minute, second, micros, datetime.timezone.utc
            )
        except (TypeError, ValueError, OverflowError):
            return False
        self._ahead = wanted.timestamp() - now
        return True

    def _watchdog(self, milliseconds: int) -> None:
        self._patience = milliseconds / 1000
        self._feed()

    def _feed(self) -> None:
        self.bites = time.monotonic() + self._patience
