# SPDX-License-Identifier: Apache-2.0
"""The base of links that only have blocking calls: pyserial's URL handlers, and all of Windows.

A daemon thread does the blocking reads. It hands over through a deque and a lock that is used as
a bell (a binary semaphore): both are single steps of the interpreter, so a signal handler may ring
it, or raise in a wait, at any moment and leave nothing half done.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from typing import Protocol

from belay.errors import BelayException, ConnectionLost, DeviceClosedError
from belay.transports.base import Transport

__all__ = ["BlockingLink", "ThreadedTransport"]

# More than this unread stops the reader, unless a write needs it to go on.
_HIGH_WATER = 1 << 22
# On Windows a blocked wait does not run signal handlers: look up from it, for Ctrl-C's sake.
_LONGEST_WAIT = 0.1 if sys.platform == "win32" else 1_000_000.0


class BlockingLink(Protocol):
    """What a :class:`ThreadedTransport` needs of the link below it."""

    def read(self) -> bytes:
        """Block for bytes, for some fraction of a second at most.

        Returns ``b""`` when none came; ``EOFError`` or any other exception ends the link.
        """

    def write(self, data: bytes) -> None:
        """Send all of ``data``; any exception means that the link has ended."""

    def drop_output(self) -> None:
        """Discard what has been written and not been sent yet, where that is possible."""

    def reason(self, error: Exception) -> str:
        """Why the link ended, as the end of a sentence, for the exception that a call raised."""

    def cancel(self) -> None:
        """Make a blocked ``read`` return or raise soon."""

    def close(self) -> None:
        """Release the link. ``read`` is not running any more, except where it hangs."""


class ThreadedTransport(Transport):
    """A transport over blocking calls.

    Args:
        link: the calls.
        address: normal form of the address, for messages.
        bytes_per_second: line rate, if the link has one.
    """

    def __init__(
        self, link: BlockingLink, *, address: str, bytes_per_second: float | None = None
    ) -> None:
        self.address = address
        self.bytes_per_second = bytes_per_second
        self._link = link
        self._closed = False
        self._woken = False
        self._end: BelayException | None = None
        self._chunks: deque[bytes] = deque()
        self._unread = 0
        self._bell = threading.Lock()
        self._bell.acquire()
        self._writing = 0
        self._write_lock = threading.RLock()
        self._room = threading.Condition()
        self._reader = threading.Thread(
            target=self._read_always, name=f"reader of {address}", daemon=True
        )
        self._reader.start()

    def wait(self, timeout: float | None) -> bool:
        """See :meth:`Transport.wait`."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            if self._closed:
                raise self._closed_error()
            if self._chunks or self._end:
                self._woken = False
                return True
            if self._woken:
                self._woken = False
                return False
            left = _LONGEST_WAIT
            if deadline is not None:
                left = min(left, deadline - time.monotonic())
                if left <= 0:
                    return False
            self._bell.acquire(timeout=left)

    def read(self) -> bytes:
        """See :meth:`Transport.read`."""
        if self._closed:
            raise self._closed_error()
        end = self._end  # before the chunks: nothing is appended once it is set
        parts = []
        while self._chunks:
            parts.append(self._chunks.popleft())
        if parts:
            data = b"".join(parts)
            with self._room:
                self._unread -= len(data)
                self._room.notify_all()
            return data
        if end is not None:
            raise _again(end)
        return b""

    def write(self, data: bytes) -> None:
        """See :meth:`Transport.write`."""
        with self._room:
            self._writing += 1
            self._room.notify_all()
        try:
            with self._write_lock:
                if self._closed:
                    raise self._closed_error()
                if self._end is not None:
                    raise _again(self._end)
                try:
                    self._link.write(data)
                except Exception as error:
                    raise self._ended(error) from error
        finally:
            with self._room:
                self._writing -= 1

    def wake(self) -> None:
        """See :meth:`Transport.wake`."""
        self._woken = True
        self._ring()

    def drop_output(self) -> None:
        """See :meth:`Transport.drop_output`."""
        if self._closed:
            raise self._closed_error()
        try:
            self._link.drop_output()
        except Exception as error:
            raise self._ended(error) from error

    def close(self) -> None:
        """See :meth:`Transport.close`."""
        if self._closed:
            return
        self._closed = True
        self._ring()
        with self._room:
            self._room.notify_all()
        self._link.cancel()
        self._reader.join(1)  # a daemon: a driver that never returns does not hold us
        self._link.close()

    def _ring(self) -> None:
        try:  # noqa: SIM105 - a context manager in a signal handler is one more thing to interrupt
            self._bell.release()
        except RuntimeError:
            pass  # it has rung and was not heard yet

    def _read_always(self) -> None:
        while not self._closed:
            try:
                data = self._link.read()
            except Exception as error:
                self._end = self._ended(error)
                self._ring()
                return
            if not data:
                continue
            with self._room:
                self._unread += len(data)
                self._chunks.append(data)
                self._ring()
                self._room.wait_for(self._may_read)

    def _may_read(self) -> bool:
        return self._unread < _HIGH_WATER or self._writing > 0 or self._closed

    def _closed_error(self) -> DeviceClosedError:
        return DeviceClosedError(f"{self.address} was closed.")

    def _ended(self, error: Exception) -> BelayException:
        if self._closed:
            return self._closed_error()
        return ConnectionLost(f"The link to {self.address} ended: {self._link.reason(error)}")


def _again(error: BelayException) -> BelayException:
    # A fresh exception each time: raising one object twice chains its tracebacks.
    return type(error)(*error.args)
