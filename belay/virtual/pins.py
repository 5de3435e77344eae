# SPDX-License-Identifier: Apache-2.0
"""Pins of the simulated board, the wires between them, and a record of every edge.

A pin's level is what its strongest driver makes it: an output or the world outside, then a pull,
then nobody, which reads as 0. Pins that are wired to each other share their drivers; where two
outputs fight, 0 wins, and the record says so.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

__all__ = [
    "FALLING",
    "MODE_ALT",
    "MODE_IN",
    "MODE_OPEN_DRAIN",
    "MODE_OUT",
    "PULL_DOWN",
    "PULL_NONE",
    "PULL_UP",
    "RISING",
    "Edge",
    "EdgeLog",
    "Net",
    "Pin",
    "Port",
]

MODE_IN, MODE_OUT, MODE_OPEN_DRAIN, MODE_ALT = 0, 1, 2, 3
PULL_NONE, PULL_UP, PULL_DOWN = 0, 1, 2
FALLING, RISING = 4, 8

NOBODY, WEAK, STRONG = 0, 2, 4
"""How hard something drives; the level is added: ``WEAK + 1`` is a pull-up."""

Edge = tuple[int, int, int]
"""Nanoseconds since power-on, pin, new level."""

_KEPT = 100_000


Pulses = tuple[int, int, int, int]
"""Nanoseconds since power-on, pin, hertz, share of a period out of 65535 (-1 for none any more)."""


class EdgeLog:
    """The latest edges of all pins; older ones are forgotten and counted.

    Args:
        clock: monotonic nanoseconds of what happens now.

    Attributes:
        edges: oldest first.
        pulses: when pulses (PWM) began, changed and ended.
        listener: is told of every edge, on whichever thread made it.
    """

    def __init__(self, clock: Callable[[], int]) -> None:
        self.edges: deque[Edge] = deque(maxlen=_KEPT)
        self.pulses: deque[Pulses] = deque(maxlen=_KEPT)
        self._added = 0
        self._clock = clock
        self._powered = time.monotonic_ns()
        self.listener: Callable[[Edge], None] | None = None

    def now(self) -> int:
        """Nanoseconds since power-on."""
        return self._clock() - self._powered

    def add_pulses(self, pin: int, frequency: int, duty: int) -> None:
        """A pin begins to pulse, or does so in another way, now."""
        self.pulses.append((self.now(), pin, frequency, duty))

    def add(self, pin: int, level: int) -> int:
        """An edge, now; returns its time."""
        edge = (self._clock() - self._powered, pin, level)
        self._added += 1
        self.edges.append(edge)
        if self.listener is not None:
            self.listener(edge)
        return edge[0]

    def clear(self) -> None:
        """Forget all."""
        self.edges.clear()
        self.pulses.clear()
        self._added = 0

    @property
    def forgotten(self) -> int:
        """How many edges there were before those that are kept."""
        return self._added - len(self.edges)


class Port(Protocol):
    """Something on a net that is no pin of this board: the far end of a wire."""

    drive: int
    """What it does to the net: NOBODY, or WEAK or STRONG plus the level."""

    def changed(self, drive: int) -> None:
        """What the others do to the net is different now: the strongest of it."""

    def heard(self, data: bytes, baud: int) -> None:
        """Characters of a UART were sent over the net."""


class Net:
    """Pins that are wired together, and what else hangs on the wire."""

    def __init__(self, lock: threading.RLock) -> None:
        self.pins: list[Pin] = []
        self.ports: list[Port] = []
        self._lock = lock
        self._told: dict[int, int] = {}

    def join(self, pin: Pin) -> None:
        """Wire a pin to this net, with all that it is wired to already."""
        other = pin.net
        if other is self:
            return
        for member in [pin] if other is None else other.pins:
            member.net = self
            self.pins.append(member)
        if other is not None:
            self.ports += other.ports

    def settle(self) -> None:
        """Work out the level, and tell whom it concerns."""
        with self._lock:
            level = _strongest(self._drives(None)) & 1
            for pin in self.pins:
                pin.see(level)
            for port in list(self.ports):
                drive = _strongest(self._drives(port))
                if self._told.get(id(port)) != drive:
                    self._told[id(port)] = drive
                    port.changed(drive)

    def unplug(self, port: Port) -> None:
        """Take a far end off."""
        with self._lock:
            if port in self.ports:
                self.ports.remove(port)
                self._told.pop(id(port), None)
        self.settle()

    def _drives(self, but: Port | None) -> list[int]:
        return [p.drives() for p in self.pins] + [p.drive for p in self.ports if p is not but]


def _strongest(drives: list[int]) -> int:
    """The strongest of what drives a net; of two alike, the one that pulls low."""
    hardest = max((drive & ~1 for drive in drives), default=NOBODY)
    return min((drive for drive in drives if drive & ~1 == hardest), default=NOBODY)


class Pin:
    """One pin: what the program does with it and what the world does to it.

    Args:
        number: as the program counts.
        log: where its edges go.
        on_edge: called with the pin and the edge (RISING or FALLING) when the program wants to
            hear of it.
        lock: held while levels change.

    Attributes:
        mode, pull: MODE_... and PULL_... of the program.
        output: the level that the program drives, where it drives.
        world: the level that the world drives, or None when nothing is connected.
        trigger: edges (RISING, FALLING) that the program wants to hear of.
        level: what can be measured at the pin: 0 or 1.
        since: when it became that, in nanoseconds since power-on.
        net: the wire it is on; None for a pin by itself.
    """

    def __init__(
        self,
        number: int,
        log: EdgeLog,
        on_edge: Callable[[Pin, int], None],
        lock: threading.RLock,
    ) -> None:
        self.number = number
        self._log, self._on_edge, self._lock = log, on_edge, lock
        self.mode, self.pull, self.output, self.trigger = MODE_IN, PULL_NONE, 0, 0
        self.world: int | None = None
        self.level = self.since = 0
        self.net: Net | None = None
        self._watchers: list[Callable[[int], None]] = []

    def watch(self, watcher: Callable[[int], None]) -> None:
        """Call a function with every new level, as parts on the pin need it."""
        self._watchers.append(watcher)

    def unwatch(self, watcher: Callable[[int], None]) -> None:
        """Undo :meth:`watch`."""
        self._watchers.remove(watcher)

    def reset(self) -> None:
        """As after power-on; what the world drives stays."""
        self.mode, self.pull, self.output, self.trigger = MODE_IN, PULL_NONE, 0, 0
        self.settle()

    def drives(self) -> int:
        """What it does to the wire that it is on."""
        if self.mode == MODE_OUT:
            mine = STRONG + self.output
        elif self.mode == MODE_OPEN_DRAIN:
            mine = WEAK + 1 if self.output else STRONG
        elif self.pull == PULL_NONE:
            mine = NOBODY
        else:
            mine = WEAK + (self.pull == PULL_UP)
        if self.world is None:
            return mine
        if mine < STRONG:
            return STRONG + self.world
        return mine  # a program's output wins over a finger on the pin

    def settle(self) -> None:
        """Something has changed: work out the level."""
        with self._lock:
            if self.net is not None:
                self.net.settle()
                return
            level = self.drives() & 1
            if level != self.level:
                self.see(level)

    def see(self, level: int) -> None:
        """The level at the pin is this."""
        if level == self.level:
            return
        self.level = level
        self.since = self._log.add(self.number, level)
        if self._watchers:
            for watcher in tuple(self._watchers):
                watcher(level)
        if self.trigger:
            edge = RISING if level else FALLING
            if edge & self.trigger:
                self._on_edge(self, edge)

    def drive(self, level: int | None) -> None:
        """Connect the pin to a level from outside; None disconnects it."""
        self.world = None if level is None else int(bool(level))
        self.settle()

    def set(self, level: int) -> None:
        """The program's side: set the output latch."""
        if level != self.output:
            self.output = level
            if self.mode == MODE_OUT and self.net is None:
                self.see(level)  # nobody else has a say, and this is what programs do most
            else:
                self.settle()

    def wired(self) -> Net:
        """The wire on the pin; a new one where there is none."""
        with self._lock:
            if self.net is None:
                Net(self._lock).join(self)
            assert self.net is not None
            return self.net

    def wire_to(self, other: Pin) -> None:
        """Join two pins of one board with a wire."""
        with self._lock:
            net = self.wired()
            net.join(other)
            net.settle()

    def cut(self) -> None:
        """Take all wires off the pin; what it was wired to stays wired together."""
        with self._lock:
            net, self.net = self.net, None
            if net is not None:
                net.pins.remove(self)
                net.settle()
            self.settle()
