# SPDX-License-Identifier: Apache-2.0
"""The cable between a board and its line: it can be pulled, be slow, and lose bytes.

Without faults it costs nothing: its methods are the line's own.
"""

from __future__ import annotations

import random
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from .lines import Line

__all__ = ["Cable", "Shape"]

_BITS = 10  # of a byte on a UART: start, eight, stop
_STEP = 0.001  # seconds: a UART's driver hands over about once a millisecond
_FIFO = 256  # bytes that a board's print may be ahead of a slow line
_ROOM = 1 << 16  # the same where the line is only far
_PATIENCE = 5.0


@dataclass(frozen=True)
class Shape:
    """What a line is like.

    Attributes:
        baud: line rate in bit/s, of which a byte takes ten; None for no limit.
        delay: seconds that every byte travels, each way.
        loss: the chance of every byte, each way, that it is lost.
    """

    baud: float | None = None
    delay: float = 0.0
    loss: float = 0.0

    def __post_init__(self) -> None:
        if self.baud is not None and not self.baud >= 1:
            raise ValueError(f"baud {self.baud}: a line rate is 1 or more")
        if not 0 <= self.delay <= 60:
            raise ValueError(f"delay {self.delay}: seconds, from 0 to 60")
        if not 0 <= self.loss <= 1:
            raise ValueError(f"loss {self.loss}: a chance, from 0 to 1")


class _Lane:
    """One direction: which bytes arrive, and when."""

    def __init__(self, name: str, seed: int | None) -> None:
        self.shape = Shape()
        self.size = 0
        self.drops = 0  # bytes to come that are lost whatever the chance is
        self.lost = 0
        self._random = random.Random(None if seed is None else f"{seed} {name}")
        self._free = 0.0
        self._pieces: deque[tuple[float, bytes]] = deque()

    def append(self, data: bytes) -> None:
        data = self._what_arrives(data)
        now = time.monotonic()
        baud, delay = self.shape.baud, self.shape.delay
        if baud is None:
            self._push(now + delay, data)
            return
        self._free = max(self._free, now)
        step = max(1, int(baud / _BITS * _STEP))
        for start in range(0, len(data), step):
            piece = data[start : start + step]
            self._free += len(piece) * _BITS / baud
            self._push(self._free + delay, piece)

    def _what_arrives(self, data: bytes) -> bytes:
        before = len(data)
        if self.drops:
            dropped = min(self.drops, len(data))
            self.drops -= dropped
            data = data[dropped:]
        if loss := self.shape.loss:
            chance = self._random.random
            data = bytes([byte for byte in data if chance() >= loss])
        self.lost += before - len(data)
        return data

    def _push(self, arrival: float, data: bytes) -> None:
        if data:
            if self._pieces:
                arrival = max(arrival, self._pieces[-1][0])  # nothing overtakes
            self._pieces.append((arrival, data))
            self.size += len(data)

    def take(self) -> bytes:
        """All that has arrived by now."""
        now, parts = time.monotonic(), []
        while self._pieces and self._pieces[0][0] <= now:
            parts.append(self._pieces.popleft()[1])
        data = b"".join(parts)
        self.size -= len(data)
        return data

    def put_back(self, data: bytes) -> None:
        if data:
            self._pieces.appendleft((0.0, data))
            self.size += len(data)

    def left(self) -> float | None:
        """Seconds until the next bytes arrive; None when none are on their way."""
        return max(0.0, self._pieces[0][0] - time.monotonic()) if self._pieces else None

    def clear(self) -> None:
        self._pieces.clear()
        self.size, self._free = 0, 0.0


class Cable:
    """A line, with faults that any thread may turn on.

    Args:
        line: the line.
        seed: makes the bytes that get lost repeatable.

    Attributes:
        wait: :meth:`Line.wait`.
        send: :meth:`Line.send`.
        line: the line.
        plugged: whether it is plugged in.
    """

    wait: Callable[..., bytes]
    send: Callable[[bytes], int]

    def __init__(self, line: Line, seed: int | None = None) -> None:
        self.line = line
        self.plugged = True
        self.wake, self.restart = line.wake, line.restart
        self._wanted: tuple[bool, socket.socket | None] | None = None
        self._changed = threading.Event()
        self._refused: OSError | None = None
        self._frozen_until = 0.0
        self._up, self._down = _Lane("up", seed), _Lane("down", seed)
        self._arrange()

    @property
    def exhausted(self) -> bool:
        """See :class:`Line`."""
        return self.line.exhausted

    # ---- from any thread

    @property
    def frozen(self) -> bool:
        """Whether nothing passes, since the board hangs."""
        return self._frozen_until > 0 and time.monotonic() < self._frozen_until

    def freeze(self, until: float) -> None:
        """Let nothing pass until a monotonic time; what comes meanwhile waits."""
        self._frozen_until = until
        self._arrange()
        self.wake()

    @property
    def shape(self) -> Shape:
        """What the line is like."""
        return self._up.shape

    @shape.setter
    def shape(self, shape: Shape) -> None:
        self._up.shape = self._down.shape = shape
        self._arrange()
        self.wake()

    def drop(self, up: int, down: int) -> None:
        """Lose the next bytes to the board, and from it."""
        self._up.drops, self._down.drops = up, down
        self._arrange()
        self.wake()

    @property
    def lost(self) -> tuple[int, int]:
        """Bytes that were lost so far, to the board and from it."""
        return self._up.lost, self._down.lost

    def pull(self) -> None:
        """Pull the plug; returns when the other end can see it."""
        self._change(False, None)

    def insert(self, connection: socket.socket | None = None) -> None:
        """Plug it in again; for a line that cannot come back by itself, with its new far end."""
        self._change(True, connection)

    def _change(self, plugged: bool, connection: socket.socket | None) -> None:
        self._changed.clear()
        self._refused = None
        self._wanted = plugged, connection
        self._arrange()
        self.wake()
        if not self._changed.wait(_PATIENCE):
            raise TimeoutError("the board does not see to its plug")
        if self._refused is not None:
            raise self._refused

    # ---- on the thread that holds the line

    def _arrange(self) -> None:
        """Take the line's own methods where there is no fault."""
        shape = self._up.shape
        shaped = shape != Shape() or self._up.size or self._down.size
        shaped = shaped or self._up.drops or self._down.drops
        if self._wanted or not self.plugged or self._frozen_until or shaped:
            self.wait, self.send = self._wait, self._send
        else:
            self.wait, self.send = self.line.wait, self.line.send

    def _see_to_plug(self) -> None:
        wanted, self._wanted = self._wanted, None
        if wanted is not None:
            plugged, connection = wanted
            self._up.clear()
            self._down.clear()
            try:
                if not plugged and self.plugged:
                    self.line.unplug()
                elif plugged and (connection is not None or not self.plugged):
                    self.line.plug(connection)
                self.plugged = plugged
            except OSError as error:
                self._refused = error
            self._arrange()
            self._changed.set()

    def _wait(self, timeout: float | None, want_send: bool = False) -> bytes:
        self._see_to_plug()
        if self._frozen_until:
            left = self._frozen_until - time.monotonic()
            if left > 0:
                self.line.wait_for_wake(left if timeout is None else min(left, timeout))
                return b""
            self._frozen_until = 0.0
            self._arrange()
        if not self.plugged:
            self.line.wait_for_wake(timeout)
            return b""
        return self._wait_shaped(timeout, want_send)

    def _wait_shaped(self, timeout: float | None, want_send: bool) -> bytes:
        up, down = self._up, self._down
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            stuck = not self._deliver()
            if data := up.take():
                return data
            if want_send and self._room():
                return b""
            ends = None if deadline is None else max(0.0, deadline - time.monotonic())
            pauses = (up.left(), None if stuck else down.left(), ends)
            pause = min((each for each in pauses if each is not None), default=None)
            wakes = self.line.wakes
            data = self.line.wait(pause, want_send=stuck)
            if data:
                up.append(data)
            over = deadline is not None and time.monotonic() >= deadline
            all_lost = data and up.left() is None
            if over or all_lost or self.line.wakes != wakes:
                return up.take()

    def _room(self) -> int:
        limit = _ROOM if self._down.shape.baud is None else _FIFO
        return max(0, limit - self._down.size)

    def _deliver(self) -> bool:
        """Hand what has come to the far end to it; returns whether it took everything."""
        data = self._down.take()
        while data:
            count = self.line.send(data)
            data = data[count:]
            if not count:
                self._down.put_back(data)
                return False
        return True

    def _send(self, data: bytes) -> int:
        self._see_to_plug()
        if self.frozen:
            return 0
        if not self.plugged:
            return len(data)
        data = data[: self._room()]
        self._down.append(data)
        self._deliver()
        self._arrange()
        return len(data)
