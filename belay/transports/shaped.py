# SPDX-License-Identifier: Apache-2.0
"""A link made slow on purpose: a line rate, and a delay each way, in front of any transport."""

from __future__ import annotations

import threading
import time
from collections import deque

from belay.errors import BelayException, DeviceClosedError
from belay.transports.base import Transport
from belay.transports.wrapping import TransportWrapper

__all__ = ["ShapedTransport"]

# A UART's driver hands over about once a millisecond; finer steps would only cost time.
_STEP = 0.001
# As much as a serial driver takes before a write blocks.
_OUTPUT_BUFFER = 4096
_PORTION = 256
# More than this on its way to the host stops the pump, so that a flood does not fill the memory.
_INPUT_BUFFER = 1 << 16


class _Line:
    """One direction: gives every byte the moment of its arrival.

    Bytes leave one after the other at the line's rate, and each travels for the delay. The delay
    is added once to each byte and not to each step, so it costs time and no throughput.
    """

    def __init__(self, rate: float | None, delay: float) -> None:
        self._rate = rate
        self._delay = delay
        self._free = 0.0
        self.pieces: deque[tuple[float, bytes]] = deque()
        self.size = 0

    def append(self, data: bytes) -> None:
        now = time.monotonic()
        if self._rate is None:
            self._push(now + self._delay, data)
            return
        self._free = max(self._free, now)
        step = max(1, int(self._rate * _STEP))
        for start in range(0, len(data), step):
            piece = data[start : start + step]
            self._free += len(piece) / self._rate
            self._push(self._free + self._delay, piece)

    def _push(self, arrival: float, data: bytes) -> None:
        self.pieces.append((arrival, data))
        self.size += len(data)

    def take(self) -> bytes:
        """All that has arrived by now."""
        parts = []
        now = time.monotonic()
        while self.pieces and self.pieces[0][0] <= now:
            parts.append(self.pieces.popleft()[1])
        data = b"".join(parts)
        self.size -= len(data)
        return data

    def left(self) -> float | None:
        """Seconds until the next bytes arrive (0 if they have); None when none are on their way."""
        return max(0.0, self.pieces[0][0] - time.monotonic()) if self.pieces else None

    def drop(self) -> None:
        """Forget what has not left yet; what is on its way arrives."""
        self._free = time.monotonic()
        while self.pieces and self.pieces[-1][0] > self._free + self._delay:
            self.size -= len(self.pieces.pop()[1])


class ShapedTransport(TransportWrapper):
    """Delays what passes, both ways.

    Args:
        inner: an open transport.
        bytes_per_second: line rate each way; None for no limit. 11520 is a UART at 115200 baud.
        delay: seconds that every byte travels, each way.
    """

    def __init__(
        self, inner: Transport, *, bytes_per_second: float | None = None, delay: float = 0.0
    ) -> None:
        super().__init__(inner)
        self.bytes_per_second = bytes_per_second or inner.bytes_per_second
        self._up = _Line(bytes_per_second, delay)
        self._down = _Line(bytes_per_second, delay)
        self._write_lock = threading.RLock()  # `_up_changed` is let go in the middle of a write
        self._up_changed = threading.Condition()
        self._down_changed = threading.Condition()
        self._drops = 0
        self._bell = threading.Lock()
        self._bell.acquire()
        self._woken = False
        self._closed = False
        self._end: BelayException | None = None
        self._threads = [
            threading.Thread(target=target, name=f"{target.__name__} {self.address}", daemon=True)
            for target in (self._carry_up, self._carry_down)
        ]
        for thread in self._threads:
            thread.start()

    def wait(self, timeout: float | None) -> bool:
        """See :meth:`Transport.wait`."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            self._check()
            arrival = self._down.left()
            if arrival == 0 or (arrival is None and self._end):
                return True
            if self._woken:
                self._woken = False
                return False
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return False
            pause = min((t for t in (arrival, left) if t is not None), default=-1.0)
            self._bell.acquire(timeout=pause)

    def read(self) -> bytes:
        """See :meth:`Transport.read`."""
        self._check()
        with self._down_changed:
            data = self._down.take()
            self._down_changed.notify_all()
            if not data and not self._down.pieces and self._end:
                raise type(self._end)(*self._end.args)
        return data

    def write(self, data: bytes) -> None:
        """See :meth:`Transport.write`. Blocks while a driver's buffer of 4 KB is full."""
        with self._write_lock, self._up_changed:
            drops = self._drops
            for start in range(0, len(data), _PORTION):
                self._up_changed.wait_for(
                    lambda: self._up.size < _OUTPUT_BUFFER or self._drops != drops or self._ended
                )
                self._check()
                if self._end is not None:
                    raise type(self._end)(*self._end.args)
                if self._drops != drops:
                    return
                self._up.append(bytes(data[start : start + _PORTION]))
                self._up_changed.notify_all()

    def wake(self) -> None:
        """See :meth:`Transport.wake`."""
        self._woken = True
        self._ring()

    def drop_output(self) -> None:
        """See :meth:`Transport.drop_output`."""
        self._check()
        with self._up_changed:
            self._drops += 1
            self._up.drop()
            self._up_changed.notify_all()
        self.inner.drop_output()

    def close(self) -> None:
        """See :meth:`Transport.close`."""
        if self._closed:
            return
        self._closed = True
        self._ring()
        for changed in (self._up_changed, self._down_changed):
            with changed:
                changed.notify_all()
        self.inner.wake()
        for thread in self._threads:
            thread.join(1)
        self.inner.close()

    @property
    def _ended(self) -> bool:
        return self._closed or self._end is not None

    def _check(self) -> None:
        if self._closed:
            raise DeviceClosedError(f"{self.address} was closed.")

    def _ring(self) -> None:
        try:  # noqa: SIM105 - a context manager in a signal handler is one more thing to interrupt
            self._bell.release()
        except RuntimeError:
            pass  # it has rung and was not heard yet

    def _carry_up(self) -> None:
        """Thread: hand to the inner transport what has arrived at the board's end."""
        while not self._ended:
            with self._up_changed:
                data = self._up.take()
                if not data:
                    self._up_changed.wait(self._up.left())
                    continue
                self._up_changed.notify_all()
            try:
                self.inner.write(data)
            except BelayException as error:
                self._finish(error)

    def _carry_down(self) -> None:
        """Thread: note when the board sent what."""
        while not self._ended:
            try:
                self.inner.wait(None)
                data = self.inner.read()
            except BelayException as error:
                self._finish(error)
                return
            if not data:
                continue
            with self._down_changed:
                self._down.append(data)
                self._ring()
                self._down_changed.wait_for(lambda: self._down.size < _INPUT_BUFFER or self._closed)

    def _finish(self, error: BelayException) -> None:
        self._end = self._end or error
        self._ring()
        with self._up_changed:
            self._up_changed.notify_all()
