# SPDX-License-Identifier: Apache-2.0
"""A link that loses, damages and doubles bytes, or dies, where it is told to or at random."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field
from typing import Literal

from belay.errors import ConnectionLost
from belay.transports.base import Transport
from belay.transports.wrapping import TransportWrapper

Direction = Literal["up", "down"]
Kind = Literal["drop", "flip", "double", "cut"]


@dataclass
class _Fault:
    kind: Kind
    position: int
    mask: int


@dataclass
class _Lane:
    """One direction: its position since the start, its armed faults, its random ones."""

    passed: int = 0
    faults: list[_Fault] = field(default_factory=list)
    rate: float = 0.0
    hits: list[tuple[str, int]] = field(default_factory=list)


class FaultyLink(TransportWrapper):
    """Passes bytes on, with faults.

    Faults that were armed strike once. Everything is deterministic: random faults come from a
    seed and the position of the byte, not from how the bytes were cut into pieces.

    Attributes:
        dead: the link was cut.
    """

    def __init__(
        self, inner: Transport, *, seed: int = 0, up_rate: float = 0.0, down_rate: float = 0.0
    ) -> None:
        super().__init__(inner)
        self.dead = False
        self._random = {"up": random.Random(f"{seed} up"), "down": random.Random(f"{seed} down")}
        self._lanes = {"up": _Lane(rate=up_rate), "down": _Lane(rate=down_rate)}
        self._lock = threading.RLock()

    # -- for tests ------------------------------------------------------------------------------

    def arm(self, direction: Direction, position: int, kind: Kind, *, mask: int = 0x01) -> None:
        """Prepare one fault.

        Args:
            direction: ``"up"`` to the board or ``"down"`` from it.
            position: which byte, counted from this call on; 0 is the next one.
            kind: ``"drop"`` it, ``"flip"`` its bits of ``mask``, ``"double"`` it, or ``"cut"``
                the link in front of it, for both directions and for ever.
            mask: bits to flip.
        """
        with self._lock:
            lane = self._lanes[direction]
            lane.faults.append(_Fault(kind, lane.passed + position, mask))

    def disarm(self) -> None:
        """Forget all faults that have not struck, the random ones included."""
        with self._lock:
            for lane in self._lanes.values():
                lane.faults.clear()
                lane.rate = 0.0

    def set_rate(self, *, up: float = 0.0, down: float = 0.0) -> None:
        """Random faults: the probability that a byte is dropped, flipped or doubled."""
        with self._lock:
            self._lanes["up"].rate = up
            self._lanes["down"].rate = down

    def passed(self, direction: Direction) -> int:
        """Bytes that have come to the faulty spot so far."""
        return self._lanes[direction].passed

    def hits(self, direction: Direction) -> list[tuple[str, int]]:
        """Faults that have struck: kind and position since the link was made."""
        return list(self._lanes[direction].hits)

    def cut(self) -> None:
        """Cut the link now."""
        self.dead = True
        self.inner.wake()

    # -- the link -------------------------------------------------------------------------------

    def wait(self, timeout: float | None) -> bool:
        if self.dead:
            return True
        return self.inner.wait(timeout) or self.dead

    def read(self) -> bytes:
        with self._lock:
            self._check()
            data = self._damage("down", self.inner.read())
            if not data:
                self._check()
        return data

    def write(self, data: bytes) -> None:
        with self._lock:
            self._check()
            data = self._damage("up", bytes(data))
        if data:
            self.inner.write(data)
        self._check()

    def _check(self) -> None:
        if self.dead:
            raise ConnectionLost(f"The link to {self.address} was cut by the test.")

    def _damage(self, direction: Direction, data: bytes) -> bytes:
        lane = self._lanes[direction]
        start, lane.passed = lane.passed, lane.passed + len(data)
        if not lane.rate and not any(fault.position < lane.passed for fault in lane.faults):
            return data
        due = {f.position: f for f in lane.faults if f.position < lane.passed}
        lane.faults = [f for f in lane.faults if f.position >= lane.passed]
        out = bytearray()
        for position, byte in enumerate(data, start):
            fault = due.get(position) or self._chance(direction, lane.rate, position)
            if fault is None:
                out.append(byte)
                continue
            lane.hits.append((fault.kind, position))
            if fault.kind == "cut":
                self.cut()
                break
            if fault.kind == "double":
                out += bytes((byte, byte))
            elif fault.kind == "flip":
                out.append(byte ^ fault.mask)
        return bytes(out)

    def _chance(self, direction: Direction, rate: float, position: int) -> _Fault | None:
        source = self._random[direction]
        if not rate or source.random() >= rate:
            return None
        kind: Kind = source.choice(("drop", "flip", "double"))
        return _Fault(kind, position, 1 << source.randrange(8))
