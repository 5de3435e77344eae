# SPDX-License-Identifier: Apache-2.0
"""The board's clock in the host's time: bounds from every answer, none of them guessed.

An answer carries the board's milliseconds, read when it was sent. The host knows that this was
after the request was written and before the answer was there. So each answer says two things that
are certain: at the first moment the board's clock was *before* the end of that millisecond, at the
second it had *reached* it. Many such statements leave little room: an offset and a drift that
satisfy all of them lie in a small region, and its middle and its size are the estimate and the
uncertainty. An answer that took long says little, but never something wrong.

*Offset* is board seconds less host seconds (``time.monotonic``), *drift* is by how much the offset
grows in a second. In the plane of host time and offset, the first kind of statement is a point
that the line passes below, the second one that it passes above; of each kind only the convex hull
counts, which is why a session of any length needs a few points only.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from belay.boardtime import BoardTime

__all__ = ["Clock"]

PERIOD = 1 << 29
"""Milliseconds after which ticks are taken to begin anew. They are counted to a power of two that
differs between ports (2**29 on CircuitPython, 2**30 on most MicroPythons); this one divides all."""

MAX_DRIFT = 1e-2
"""No board's clock is believed to be off by more: oscillators without a crystal reach 1 %."""

WANDER = 1e-5
"""By how much the mean drifts of any two spans of time may differ: a quartz that warms up."""

CHUNK = 64
"""Answers that are put aside before they are looked at."""

FEW = 8

MOST_POINTS = 32
"""Points of a hull. Random delays make hulls of some 10; this bounds the worst case."""

_Point = tuple[float, float]


class Clock:
    """Estimates the board's clock from its answers; does no I/O.

    Any number of threads may ask; one at a time may :meth:`add`.

    Args:
        tick: seconds that a tick can last. CircuitPython makes its milliseconds from 1/1024 s,
            so that one can last nearly two.
        host_tick: resolution in seconds of the times given to :meth:`add`.
        now: the host's time now, in the time scale of :meth:`add`.
        wall: seconds since 1970.
        moment: keeps a moment for the replay of a recording; see :meth:`Session.moment`.

    Attributes:
        now: as given.
        moment: as given.
    """

    def __init__(
        self,
        *,
        tick: float = 1e-3,
        host_tick: float = 0.0,
        now: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        moment: Callable[[str, float], float] = lambda title, now: now,
    ) -> None:
        self._tick = tick
        self._host_tick = host_tick
        self.now = now
        self.moment = moment
        self._wall = wall
        self._lock = threading.Lock()
        self._fresh: list[tuple[float, float, int]] = []
        self._told: tuple[int, float, float] | None = None
        self.reset()

    def add(self, sent: float, received: float, ticks: int) -> None:
        """Take the ticks of an answer. Runs at every call, so it only puts them aside.

        Args:
            sent: host time before which the board cannot have read its ticks, in seconds.
            received: host time at which they were there.
            ticks: the board's milliseconds, modulo any power of two from 2**29 on.
        """
        fresh = self._fresh
        fresh.append((sent, received, ticks))
        if len(fresh) >= CHUNK:
            with self._lock:
                # Nobody asked for long. Of a few in a row, the quickest says nearly all.
                few = [fresh[at : at + FEW] for at in range(0, len(fresh), FEW)]
                self._fresh = [min(row, key=_duration) for row in few]
                self._digest()

    def reset(self) -> None:
        """Forget everything: the board was reset, and its ticks began anew."""
        with self._lock:
            self._fresh = []
            self._begin()

    # ---------------------------------------------------------------------------- the estimate

    @property
    def synchronised(self) -> bool:
        """Whether there was an answer to learn from."""
        with self._lock:
            self._digest()
            return self._last is not None

    @property
    def offset(self) -> float:
        """Board seconds (its milliseconds / 1000) less host seconds, now; NaN before any answer."""
        return self.offset_at(self.now())[0]

    @property
    def drift(self) -> float:
        """Seconds by which the board's clock gains on the host's in a second."""
        with self._lock:
            self._digest()
            return (self._slowest + self._fastest) / 2

    @property
    def uncertainty(self) -> float:
        """The true offset is at most this many seconds from :attr:`offset`, now.

        It grows while no answers come, the less the better the drift is known. It holds as long
        as the board's clock is no worse than :data:`MAX_DRIFT` and :data:`WANDER` say and
        ``time.monotonic`` does not stop; it does in a host that is suspended, until the next
        answer shows it. Infinite before any answer.
        """
        return self.offset_at(self.now())[1]

    def offset_at(self, host: float) -> tuple[float, float]:
        """The offset at some moment.

        Args:
            host: the moment, on ``time.monotonic``'s scale.

        Returns:
            The offset and its uncertainty, in seconds.
        """
        with self._lock:
            self._digest()
            return self._offset_at(host)

    def monotonic(self, ticks: int) -> float:
        """The host's ``time.monotonic()`` of the middle of a board's tick.

        Args:
            ticks: the board's milliseconds, modulo any power of two from 2**29 on, of a moment
                at most three days from now.

        Raises:
            ValueError: there was no answer yet to know the offset from.
        """
        return self.locate(ticks)[0]

    def locate(self, ticks: int) -> tuple[float, float]:
        """As :meth:`monotonic`, with the uncertainty.

        Returns:
            Host time, and by how much it may be off, in seconds; half a tick at least.

        Raises:
            ValueError: there was no answer yet to know the offset from.
        """
        return self._locate(ticks)[1:]

    def _locate(self, ticks: int) -> tuple[int, float, float]:
        """The same, behind the board's milliseconds without their wrapping."""
        with self._lock:
            self._digest()
            if self._last is None:
                raise ValueError("nothing is known of the board's clock yet: call sync_time()")
            host = self.now()
            offset, uncertainty = self._offset_at(host)
            # Of all ticks that look like this one, the one nearest to what the board shows now.
            ticks += round(((host + offset) * 1e3 - ticks) / PERIOD) * PERIOD
            board = ticks / 1e3 + self._tick / 2
            for _ in range(8):  # each turn is closer by the drift: a factor of 100 or more
                before, host = host, board - offset
                offset, uncertainty = self._offset_at(host)
                if abs(host - before) < 1e-9:
                    break
            return ticks, host, uncertainty + self._tick / 2

    def datetime(self, ticks: int) -> BoardTime:
        """The moment of a board's tick as local time.

        Each answer tells the offset a little better, and what was known before is not taken back:
        later ticks never get an earlier time, nor earlier ones a later.

        Args:
            ticks: as for :meth:`monotonic`.

        Raises:
            ValueError: there was no answer yet to know the offset from.
        """
        from belay.boardtime import BoardTime

        board, host, uncertainty = self._locate(ticks)
        stamp = host + self.wall_offset()
        with self._lock:
            told_board, told, told_uncertainty = self._told or (board, stamp, uncertainty)
            backwards = (told - stamp) * (1 if board >= told_board else -1)
            if 0 < backwards <= uncertainty + told_uncertainty:  # more: the host's clock was set
                stamp, uncertainty = told, max(uncertainty, told_uncertainty)
            if board >= told_board:
                self._told = board, stamp, uncertainty
        return BoardTime.fromtimestamp(stamp, uncertainty=uncertainty)

    def wall_offset(self) -> float:
        """Seconds since 1970 less host time, as the host's clock is set now."""
        best = math.inf
        offset = 0.0
        for _ in range(5):  # not what was read while another program had the processor
            before = self.now()
            wall = self._wall()
            width = self.now() - before
            if width < best:
                best, offset = width, wall - before - width / 2
            if width < 20e-6:
                break
        return offset

    # ---------------------------------------------------------------------------- under the lock

    def _begin(self) -> None:
        """As before the first answer."""
        self._uppers: list[_Point] = []
        self._lowers: list[_Point] = []
        self._last: tuple[float, float, int] | None = None
        self._told = None
        self._slowest = -MAX_DRIFT - WANDER
        self._fastest = MAX_DRIFT + WANDER

    def _digest(self) -> None:
        fresh = self._fresh
        if not fresh:
            return
        self._fresh = []
        for sent, received, ticks in fresh:
            self._take(sent, received + self._host_tick, ticks)
        while not self._settle():
            # The drift has changed by more than it may, or the ticks have jumped a little: the
            # old points are of another line. Those of one answer never contradict each other.
            if len(self._uppers) == len(self._lowers) == 1:
                del self._uppers[0], self._lowers[0]
                self._note()
            else:
                hulls = (self._uppers, self._lowers)
                del min(hulls, key=lambda hull: hull[0][0] if len(hull) > 1 else math.inf)[0]

    def _take(self, sent: float, received: float, ticks: int) -> None:
        """One answer into the hulls, or a new beginning where it cannot continue the last one."""
        if self._last is not None:
            sent_before, received_before, board_before = self._last
            if sent < sent_before or received < sent:
                return  # no answer of this link
            pause = sent - received_before
            least = pause * (1 - math.copysign(MAX_DRIFT, pause)) - self._tick
            most = (received - sent_before) * (1 + MAX_DRIFT) + self._tick
            # How often the ticks can have begun anew since the first answer.
            first = math.ceil((board_before + least * 1e3 - ticks) / PERIOD)
            last = math.floor((board_before + most * 1e3 - ticks) / PERIOD)
            if first < last and (received - sent) * 2e3 > PERIOD:
                return  # so long a call tells nothing
            if first != last:
                self._begin()
            board = ticks + first * PERIOD
        if self._last is None:
            board = ticks
        self._last = (sent, received, board)
        self._note()

    def _note(self) -> None:
        """What the last answer says, into the hulls."""
        assert self._last is not None
        sent, received, board = self._last
        seconds = board / 1e3
        _extend(self._uppers, (sent, seconds + self._tick - sent), 1.0)
        _extend(self._lowers, (received, seconds - received), -1.0)

    def _settle(self) -> bool:
        """Find the slowest and the fastest drift; False where the points allow none."""
        slowest, fastest = -MAX_DRIFT, MAX_DRIFT
        for high_at, high in self._uppers:
            for low_at, low in self._lowers:
                span = low_at - high_at
                if span > 0:
                    slowest = max(slowest, (low - high) / span)
                elif span < 0:
                    fastest = min(fastest, (low - high) / span)
                elif low > high:
                    return False
        if slowest > fastest + WANDER:
            return False
        self._slowest, self._fastest = slowest - WANDER, fastest + WANDER
        return True

    def _offset_at(self, host: float) -> tuple[float, float]:
        slowest, fastest = self._slowest, self._fastest
        upper, lower = math.inf, -math.inf
        for at, offset in self._uppers:
            age = host - at
            upper = min(upper, offset + age * (fastest if age > 0 else slowest))
        for at, offset in self._lowers:
            age = host - at
            lower = max(lower, offset + age * (slowest if age > 0 else fastest))
        if upper == math.inf:
            return math.nan, math.inf
        return (upper + lower) / 2, max(0.0, upper - lower) / 2


def _duration(answer: tuple[float, float, int]) -> float:
    return answer[1] - answer[0]


def _extend(hull: list[_Point], point: _Point, side: float) -> None:
    """Add a point at the right end of a convex hull: the lower one for side 1, the upper for -1.

    The points between two of the hull say nothing that those two do not say.
    """
    x, y = point
    if hull and hull[-1][0] == x:  # the host's clock stood still
        if (hull[-1][1] - y) * side <= 0:
            return
        hull.pop()
    while len(hull) > 1:
        (first_x, first_y), (middle_x, middle_y) = hull[-2], hull[-1]
        turn = (middle_x - first_x) * (y - first_y) - (middle_y - first_y) * (x - first_x)
        if turn * side > 0:
            break
        hull.pop()
    hull.append(point)
    if len(hull) > MOST_POINTS:
        del hull[0]
