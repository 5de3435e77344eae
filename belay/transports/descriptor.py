# SPDX-License-Identifier: Apache-2.0
"""The base of every link that is a file descriptor on a POSIX system.

One call of a session costs three of these methods, so the straight path through ``wait``, ``read``
and ``write`` is a system call and little else; everything unusual is off that path.
"""

from __future__ import annotations

import os
import select
import threading
import time
import warnings
from collections import deque

from belay.errors import BelayException, ConnectionLost, DeviceClosedError
from belay.transports.base import Transport

__all__ = ["DescriptorTransport"]

_READ_SIZE = 65536
# poll(2) takes an int of milliseconds; a wait that is longer than this is done in pieces.
_LONGEST_POLL = 1_000_000.0
_BROKEN = select.POLLERR | select.POLLHUP | select.POLLNVAL


class DescriptorTransport(Transport):
    """A link over one or two file descriptors, which become non-blocking.

    A read must give ``b""`` at the end of the link only (a tty needs ``VMIN`` = 1 for that).

    Args:
        read_fd: what the board sends arrives here.
        write_fd: what goes to the board leaves here; may be the same descriptor.
        address: normal form of the address, for messages.
    """

    def __init__(self, read_fd: int, write_fd: int, *, address: str) -> None:
        self._closed = False
        self._process = os.getpid()
        self.address = address
        self._read_fd = read_fd
        self._write_fd = write_fd
        os.set_blocking(read_fd, False)
        os.set_blocking(write_fd, False)
        self._wake_r, self._wake_w = _nonblocking_pipe()
        self._woken = False
        poller = select.poll()
        poller.register(read_fd, select.POLLIN)  # first: its event comes first
        poller.register(self._wake_r, select.POLLIN)
        self._poll = poller.poll
        # Bytes that a write took from the link while it had to wait; they precede what is there.
        self._kept: deque[bytes] = deque()
        # Re-entrant, so that a signal handler which closes the link cannot wait for itself.
        self._wait_lock = threading.RLock()
        self._read_lock = threading.RLock()
        self._write_lock = threading.RLock()
        self._poke: tuple[int, int] | None = None
        self._drops = 0

    # -- the hot path -----------------------------------------------------------------------------

    def wait(self, timeout: float | None) -> bool:
        """See :meth:`Transport.wait`."""
        if self._kept:
            return True
        if timeout is None or timeout > _LONGEST_POLL:
            return self._wait_long(timeout)
        with self._wait_lock:
            events = self._poll(timeout * 1000 if timeout > 0 else 0)
        if not events:
            return bool(self._kept)
        if len(events) == 1 and events[0][0] == self._read_fd:
            return True
        return self._wait_woken(events, timeout)

    def read(self) -> bytes:
        """See :meth:`Transport.read`."""
        with self._read_lock:
            if self._kept:
                return self._take_kept()
            try:
                data = os.read(self._read_fd, _READ_SIZE)
            except BlockingIOError:
                return b""
            except OSError as error:
                raise self._ended(error) from error
            if not data:
                raise self._ended(None)
            return data

    def write(self, data: bytes) -> None:
        """See :meth:`Transport.write`."""
        with self._write_lock:
            drops = self._drops
            try:
                count = os.write(self._write_fd, data)
            except BlockingIOError:
                count = 0
            except OSError as error:
                raise self._ended(error) from error
            if count != len(data):
                self._write_rest(memoryview(data)[count:], drops)

    # -- waiting that is not straight -------------------------------------------------------------

    def _wait_long(self, timeout: float | None) -> bool:
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = _LONGEST_POLL if deadline is None else deadline - time.monotonic()
            with self._wait_lock:
                events = self._poll(min(max(left, 0), _LONGEST_POLL) * 1000)
            if events:
                if len(events) == 1 and events[0][0] == self._read_fd:
                    return True
                return self._wait_woken(events, None if deadline is None else left)
            if self._kept or (deadline is not None and left <= _LONGEST_POLL):
                return bool(self._kept)

    def _wait_woken(self, events: list[tuple[int, int]], timeout: float | None) -> bool:
        # The byte in the pipe may be older than its reason: look at the reason itself.
        _drain(self._wake_r)
        if self._closed:
            raise DeviceClosedError(f"{self.address} was closed.")
        woken, self._woken = self._woken, False
        if self._kept or events[0][0] == self._read_fd:
            return True
        # Nobody called wake: the byte told of something that has been read since.
        return False if woken else self.wait(timeout)

    def wake(self) -> None:
        """See :meth:`Transport.wake`."""
        self._woken = True
        self._ring(self._wake_w)

    def _ring(self, descriptor: int) -> None:
        try:
            os.write(descriptor, b"\0")
        except BlockingIOError:
            pass  # full of earlier rings: it will be heard
        except OSError:
            if not self._closed:
                raise

    # -- writing against a link that pushes back --------------------------------------------------

    def _write_rest(self, rest: memoryview, drops: int) -> None:
        poller = select.poll()
        if self._poke is None:
            self._poke = _nonblocking_pipe()
        poke = self._poke[0]
        poller.register(self._read_fd, select.POLLIN)
        if self._write_fd == self._read_fd:
            poller.register(self._write_fd, select.POLLIN | select.POLLOUT)
        else:
            poller.register(self._write_fd, select.POLLOUT)
        poller.register(poke, select.POLLIN)
        while rest and self._drops == drops:
            if self._closed:
                raise DeviceClosedError(f"{self.address} was closed during a write.")
            for descriptor, event in poller.poll():
                if descriptor == poke:
                    _drain(poke)
                    continue
                if descriptor == self._read_fd and event & (select.POLLIN | _BROKEN):
                    self._keep()
                if descriptor == self._write_fd and event & (select.POLLOUT | _BROKEN):
                    try:
                        rest = rest[os.write(self._write_fd, rest) :]
                    except BlockingIOError:
                        pass
                    except OSError as error:
                        raise self._ended(error) from error

    def _keep(self) -> None:
        """Take what the board sends, so that a board that waits for us to read can go on."""
        with self._read_lock:
            try:
                data = os.read(self._read_fd, _READ_SIZE)
            except BlockingIOError:
                return
            except OSError as error:
                raise self._ended(error) from error
            if not data:
                raise self._ended(None)
            self._kept.append(data)
        self._ring(self._wake_w)

    def _take_kept(self) -> bytes:
        data = b"".join(self._kept)
        self._kept.clear()
        _drain(self._wake_r)  # the rings of `_keep`, which would disturb the next wait
        if self._woken:
            self._ring(self._wake_w)
        return data

    def drop_output(self) -> None:
        """See :meth:`Transport.drop_output`. A write that is blocked returns at once."""
        if self._closed:
            raise DeviceClosedError(f"{self.address} was closed.")
        self._drops += 1
        self._flush_output()
        if self._poke is not None:
            self._ring(self._poke[1])

    def _flush_output(self) -> None:
        """Empty the queue of the operating system, where the kind of link has a way to."""

    # -- the end ----------------------------------------------------------------------------------

    def _ended(self, error: OSError | None) -> BelayException:
        """The exception for a link that gave an error (or the end of file, for None)."""
        if self._closed:
            return DeviceClosedError(f"{self.address} was closed.")
        return ConnectionLost(f"The link to {self.address} ended: {self._reason(error)}")

    def _reason(self, error: OSError | None) -> str:
        if error is None:
            return "the other side closed it."
        return f"{os.strerror(error.errno or 0)}."

    def _release(self) -> None:
        """Give back the descriptors of the link itself."""
        for descriptor in {self._read_fd, self._write_fd}:
            os.close(descriptor)

    def close(self) -> None:
        """See :meth:`Transport.close`."""
        if self._closed:
            return
        self._closed = True
        # Whoever is blocked leaves first: a closed descriptor's number may be given away at once.
        self._ring(self._wake_w)
        if self._poke is not None:
            self._ring(self._poke[1])
        with self._wait_lock, self._read_lock, self._write_lock:
            self._poll = self._poll_closed
            try:
                self._release()
            finally:
                self._kept.clear()
                self._read_fd = self._write_fd = -1
                for descriptor in (self._wake_r, self._wake_w, *(self._poke or ())):
                    os.close(descriptor)
                self._wake_r = self._wake_w = -1
                self._poke = None

    def _poll_closed(self, timeout: float | None = None, /) -> list[tuple[int, int]]:
        raise DeviceClosedError(f"{self.address} was closed.")

    def __del__(self) -> None:
        # The copy in a forked child is its parent's to close: another thread may hold the locks.
        if not getattr(self, "_closed", True) and self._process == os.getpid():
            message = f"{self.address} was never closed"
            try:
                warnings.warn(message, ResourceWarning, source=self, stacklevel=2)
            finally:  # a warning may be an error here
                self.close()


def _nonblocking_pipe() -> tuple[int, int]:
    read_end, write_end = os.pipe()
    os.set_blocking(read_end, False)
    os.set_blocking(write_end, False)
    return read_end, write_end


def _drain(descriptor: int) -> None:
    try:
        while len(os.read(descriptor, 4096)) == 4096:
            pass
    except OSError:
        pass  # empty, or closed meanwhile: nothing left to drain either way
