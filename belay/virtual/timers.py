# SPDX-License-Identifier: Apache-2.0
"""What happens on the simulated board by itself: timers, edges that were asked for, parts' doings.

Nothing here has a thread: the console looks whether something is due while the board waits, and
at every call of a program into the host.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["EVENT_PIN", "EVENT_TIMER", "EVENT_UART", "Agenda", "Event"]

EVENT_TIMER, EVENT_PIN, EVENT_UART = 0, 1, 2
Event = tuple[int, int, int]
"""What happened (EVENT_...), to which timer, pin or UART, and its flags."""


@dataclass
class _Timer:
    due: float
    period: float  # seconds; 0 for one shot
    hard: bool


class Agenda:
    """Events that wait for the board's handler, and what is to happen when.

    Args:
        lock: held while it changes.

    Attributes:
        on_event: called when an event was posted, to wake the board.
        held: the program has disabled interrupts: its handlers wait, the parts do not.
        hard: a handler waits that wants to run as soon as its event has happened.
        moment: monotonic time, in nanoseconds, of what is being done late; None at other times.
    """

    def __init__(self, lock: threading.RLock) -> None:
        self._lock = lock
        self._timers: dict[int, _Timer] = {}
        self._ids = itertools.count(1)
        self._events: list[Event] = []
        self._due: float | None = None
        self._planned: list[tuple[int, int, Callable[[], None]]] = []
        self.on_event: Callable[[], None] = _nobody
        self.held = self.hard = False
        self.moment: int | None = None

    # ---- events

    def post(self, event: Event, hard: bool = False) -> None:
        """Queue an event for the board's handler."""
        with self._lock:
            self._events.append(event)
            self.hard |= hard
        self.on_event()

    def next_due(self) -> float | None:
        """Monotonic time of what comes next (or of now, when events wait); None for never."""
        if self._events and not self.held:
            return 0.0001
        planned = self._planned[0][0] / 1e9 if self._planned else None
        due = None if self.held else self._due
        if planned is None or due is None:
            return planned if due is None else due
        return min(planned, due)

    def has_events(self) -> bool:
        """Whether the board's handler has something to do; does what is planned by now."""
        if self._planned:
            self.advance()
        if self.held:
            return False
        return bool(self._events) or (self._due is not None and time.monotonic() >= self._due)

    def take_events(self) -> list[Event]:
        """Events that wait, and timers that are due: a late periodic timer fires once."""
        now = time.monotonic()
        with self._lock:
            events, self._events = self._events, []
            self.hard = False
            for number, timer in sorted(self._timers.items(), key=lambda item: item[1].due):
                if timer.due > now:
                    continue
                events.append((EVENT_TIMER, number, 0))
                if timer.period:
                    timer.due += max(1, (now - timer.due) // timer.period) * timer.period
                else:
                    del self._timers[number]
            self._reckon()
        return events

    def forget(self) -> None:
        """A reset: the program's timers and events are gone; what parts do goes on."""
        with self._lock:
            self._timers.clear()
            self._events.clear()
            self._due = None
            self.held = self.hard = False

    def _reckon(self) -> None:
        self._due = min((timer.due for timer in self._timers.values()), default=None)

    # ---- the program's timers

    def start(self, milliseconds: float, periodic: bool, hard: bool = False) -> int:
        """Start a timer; returns its number."""
        seconds = max(milliseconds, 0.1) / 1000
        with self._lock:
            number = next(self._ids)
            period = seconds if periodic else 0.0
            self._timers[number] = _Timer(time.monotonic() + seconds, period, hard)
            self._reckon()
        return number

    def stop(self, number: int) -> None:
        """Stop a timer, if it runs."""
        with self._lock:
            self._timers.pop(number, None)
            self._reckon()

    # ---- what parts do

    def plan(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something so many seconds from now (or from the moment that is being made up for)."""
        start = time.monotonic_ns() if self.moment is None else self.moment
        with self._lock:
            entry = (start + round(seconds * 1e9), next(self._ids), action)
            heapq.heappush(self._planned, entry)
        self.on_event()

    def advance(self) -> None:
        """Do what is planned by now, in order, each as of its own time."""
        now = time.monotonic_ns()
        while self._planned and self._planned[0][0] <= now:
            with self._lock:
                if not self._planned or self._planned[0][0] > now:
                    return
                at, _, action = heapq.heappop(self._planned)
                self.moment = at
                try:
                    action()
                finally:
                    self.moment = None

    def now_ns(self) -> int:
        """Monotonic time of what happens now, in nanoseconds."""
        return time.monotonic_ns() if self.moment is None else self.moment


def _nobody() -> None:
    """Hears of events until somebody wants to."""
