# SPDX-License-Identifier: Apache-2.0
"""A host and a board with clocks of their own, in simulated time."""

from __future__ import annotations

import math

from belay.clock import PERIOD, Clock

SECONDS = PERIOD / 1e3
DAY = 86400.0


class World:
    """Two clocks, and calls that take time in both.

    Args:
        drift: of the board's clock.
        board: what it shows at first, in seconds.
        host: what the host's clock shows at first, in seconds.
        period: at how many milliseconds the board's ticks begin anew.
        wander: the drift swings by so much, once in an hour.
        steps: of the board's clock in a second; 1024 on CircuitPython, milliseconds made of them.
        host_tick: the host's clock is this coarse.
    """

    def __init__(
        self,
        drift: float = 0.0,
        board: float = 0.0,
        host: float = 0.0,
        period: int = 1 << 30,
        wander: float = 0.0,
        steps: int = 1000,
        host_tick: float = 0.0,
    ) -> None:
        self.drift, self.wander, self.period = drift, wander, period
        self.steps, self.host_tick = steps, host_tick
        self.host = self.begin = host
        self.shift = board - host
        tick = 1e-3 if steps == 1000 else 2e-3
        self.clock = Clock(tick=tick, host_tick=host_tick, now=self.read_host)

    def offset(self, host: float) -> float:
        """The true one."""
        age = host - self.begin
        swing = 3600 / (2 * math.pi)
        return self.shift + self.drift * age + self.wander * swing * math.sin(age / swing)

    def ticks(self, host: float) -> int:
        """What the board shows."""
        steps = math.floor((host + self.offset(host)) * self.steps)
        return steps * 1000 // self.steps % self.period & 0xFFFFFFFF

    def read_host(self) -> float:
        """What the host's clock shows."""
        return (
            math.floor(self.host / self.host_tick) * self.host_tick if self.host_tick else self.host
        )

    def call(self, up: float = 1e-3, down: float = 1e-3) -> None:
        """A call whose ticks are read after ``up`` seconds, and are there after ``down`` more."""
        sent = self.read_host()
        self.host += up
        ticks = self.ticks(self.host)
        self.host += down
        self.clock.add(sent, self.read_host(), ticks)

    def error(self, host: float | None = None) -> tuple[float, float]:
        """How far the estimate is off, turns of the ticks aside, and what it is allowed to be."""
        host = self.host if host is None else host
        offset, uncertainty = self.clock.offset_at(host)
        off = offset - self.offset(host)
        return abs(off - round(off / SECONDS) * SECONDS), uncertainty + self.host_tick

    def turns(self) -> int:
        """How often the ticks have begun anew without the estimate following: constant."""
        return round((self.clock.offset_at(self.host)[0] - self.offset(self.host)) / SECONDS)
