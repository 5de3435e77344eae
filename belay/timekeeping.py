# SPDX-License-Identifier: Apache-2.0
"""A Device and time: its clock, which every answer keeps, and the board's calendar."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from belay import errors
from belay.clock import Clock
from belay.session import requests
from belay.session.requests import CLOCK, Operation

if TYPE_CHECKING:
    from datetime import datetime

    from belay.boardtime import BoardTime
    from belay.session.session import Session

__all__ = ["Timekeeping"]

WANTED = 1e-3
"""Uncertainty in seconds that programs get without asking for more."""

ENOUGH = 0.25e-3
"""At this uncertainty, more samples are a waste of the user's time."""

_TURN = 0x1FFFFFFF
"""Ticks of every port, masked with this, are the same clock modulo 2**29 ms."""

_LATE = 5
"""Milliseconds by which a request may miss the beginning of a second before it is repeated."""

_SET_MICROPYTHON = """\
def __belay_rtc():
 from machine import RTC
 from time import ticks_ms
 r=RTC()
 while 0<({ticks}-ticks_ms())&{turn}<9999:pass
 d=(ticks_ms()-{ticks})&{turn}
 r.datetime(({year},{month},{day},{weekday},{hour},{minute},{second},0))
 return d
_belay_value=__belay_rtc()
del __belay_rtc
"""

_SET_CIRCUITPYTHON = """\
def __belay_rtc():
 from rtc import RTC
 from supervisor import ticks_ms
 from time import struct_time
 r=RTC()
 while 0<({ticks}-ticks_ms())&{turn}<9999:pass
 d=(ticks_ms()-{ticks})&{turn}
 r.datetime=struct_time(({year},{month},{day},{hour},{minute},{second},{weekday},{yearday},-1))
 return d
_belay_value=__belay_rtc()
del __belay_rtc
"""
"""Waits for the tick at which a second begins: many calendars keep no fractions of one."""


class Timekeeping:
    """What a Device knows about time.

    Attributes:
        auto_sync_time: what needs the time asks the board for it where the answers so far do not
            tell it well enough.
    """

    auto_sync_time: bool
    _clock: Clock
    _timeout: float | None
    _session: Session

    def _start_clock(self, *, auto_sync_time: bool) -> None:
        """Listen to the session's answers; again after every change of session."""
        self.auto_sync_time = auto_sync_time
        self._clock = Clock(
            # CircuitPython makes its milliseconds of 1/1024 s: some of them last nearly two.
            tick=2e-3 if self._session.facts.name == "circuitpython" else 1e-3,
            # Some 16 ms on Windows before Python 3.13.
            host_tick=time.get_clock_info("monotonic").resolution,
            now=self._session.now,
            wall=self._session.wall,
            moment=self._session.moment,
        )
        self._synced = -1  # generation of the session in which it was synchronised last
        self._reached = 0.0  # uncertainty after that
        self._session.on_answer = _listen(self._session, self._clock)

    @property
    def clock(self) -> Clock:
        """Estimates the board's clock from every answer."""
        return self._clock

    def sync_time(self, samples: int = 10) -> float:
        """Find out what the board's clock shows, by some short requests.

        There is seldom a need to: every answer of the board tells the time.

        Args:
            samples: most requests to make; fewer where more would tell nothing new.

        Returns:
            Seconds that the board's clock (its milliseconds since the start, / 1000) is ahead of
            ``time.time()``. ``device.clock.uncertainty`` tells how well that is known.

        Raises:
            ValueError: less than one sample.
            ConnectionLost: the board did not answer.
        """
        if samples < 1:
            raise ValueError(f"samples must be 1 or more, not {samples}")
        seen: list[float] = []
        for _ in range(samples):
            self._sample()
            seen.append(self._clock.uncertainty)
            if seen[-1] <= ENOUGH or (len(seen) > 4 and seen[-1] > 0.95 * seen[-4]):
                break
        self._reached = seen[-1]
        self._synced = self._session.generation
        return self._offset()

    @property
    def time_offset(self) -> float:
        """Seconds that the board's clock is ahead of ``time.time()``, negative as a rule.

        Raises:
            ValueError: it is not known: ``auto_sync_time`` is off and :meth:`sync_time` has not
                been called, or not since the board was reset.
        """
        self._freshen()
        if self._synced != self._session.generation and not self.auto_sync_time:
            raise ValueError(
                "the board's clock was not synchronised: call sync_time() first, or connect with "
                "auto_sync_time=True"
            )
        return self._offset()

    def set_rtc(self, when: datetime | None = None) -> None:
        """Set the board's calendar (RTC) to the host's local time, as ``mpremote rtc --set`` does.

        The board waits for the beginning of a second, a second at most: the time that the
        request takes to arrive then makes no difference.

        Args:
            when: what the calendar is to show now, instead; a time with a zone is set as it
                reads in its zone.

        Raises:
            FeatureUnavailableError: the board has no calendar that can be set.
        """
        from datetime import datetime, timedelta

        begin = time.monotonic()
        if when is None:
            when = datetime.now()
        if self._clock.uncertainty > WANTED:
            Timekeeping.sync_time(self)
        for margin in (0.1, 0.5, 1.0):  # seconds for the request to arrive
            elapsed = time.monotonic() + margin - begin
            second = (when + timedelta(seconds=elapsed)).replace(microsecond=0)
            second += timedelta(seconds=1)
            host = begin + (second - when).total_seconds()
            ticks = round((host + self._clock.offset_at(host)[0]) * 1e3) & _TURN
            if self._set_calendar(second, ticks) <= _LATE:
                break

    # ---------------------------------------------------------------------------- for the Device

    def _board_time(self, ticks: int) -> BoardTime:
        """The moment at which the board's milliseconds were such."""
        try:
            if self._session._owner != threading.get_ident():  # a callback of a call cannot ask
                self._freshen()
        except errors.BelayException:
            if not self._clock.synchronised:
                raise
            # What is known must do: a result is not lost for it. The next call tells what is wrong.
        return self._clock.datetime(ticks)

    # ---------------------------------------------------------------------------- inside

    def _freshen(self) -> None:
        """Synchronise where that is allowed and would make things better."""
        if not self.auto_sync_time:
            return
        fresh = self._synced == self._session.generation
        # What a slow link could not do last time is not tried again at every call.
        if self._clock.uncertainty > max(WANTED, 2 * self._reached if fresh else 0.0):
            Timekeeping.sync_time(self)

    def _sample(self) -> None:
        """One short request; its answer goes to the clock by itself."""
        session = self._session
        if session.agent:
            look = Operation(requests.EVALUATE, ("0",), label=CLOCK)
            session.perform(look, timeout=self._timeout)
            return
        module = "supervisor" if session.facts.name == "circuitpython" else "time"
        sent = session.now()
        look = Operation(requests.EVALUATE, (f"__import__('{module}').ticks_ms()",), label=CLOCK)
        try:
            ticks = session.perform(look, timeout=self._timeout)
        except errors.PyboardException as error:
            if error.type not in ("ImportError", "AttributeError"):
                raise
            raise errors.FeatureUnavailableError("this board has no ticks_ms()") from error
        if not session.transport.is_recording:  # which tells the clock by itself
            self._clock.add(sent, session.now(), ticks)

    def _offset(self) -> float:
        return self._clock.offset - self._clock.wall_offset()

    def _set_calendar(self, second: datetime, ticks: int) -> int:
        """Set it at a tick; returns by how many milliseconds the request came too late for it."""
        session = self._session
        circuit = session.facts.name == "circuitpython"
        source = (_SET_CIRCUITPYTHON if circuit else _SET_MICROPYTHON).format(
            ticks=ticks,
            turn=_TURN,
            year=second.year,
            month=second.month,
            day=second.day,
            weekday=second.weekday(),
            yearday=second.timetuple().tm_yday,
            hour=second.hour,
            minute=second.minute,
            second=second.second,
        )
        try:
            late = session.request(requests.VALUE, ("<set_rtc>", source), timeout=self._timeout)
        except errors.PyboardException as error:
            if error.type not in ("ImportError", "AttributeError"):
                raise
            raise errors.FeatureUnavailableError(
                f"this board ({session.facts.platform}) has no calendar (RTC) that can be set"
            ) from error
        return int(late)


def _listen(session: Session, clock: Clock) -> Callable[[float, float, int], None]:
    """What the session calls with every answer. Refers to no Device, which may be forgotten."""
    generation = session.generation

    def heard(sent: float, answered: float, ticks: int) -> None:
        nonlocal generation
        if session.generation != generation:  # the board was reset, so its ticks may be others
            generation = session.generation
            clock.reset()
        clock.add(sent, answered, ticks)

    return heard
