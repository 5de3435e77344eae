# SPDX-License-Identifier: Apache-2.0
"""The line between the board and whoever drives it: stdin and stdout, a TCP port, a pty.

A line never blocks in :meth:`Line.send` and blocks in :meth:`Line.wait` only; what happens when
nobody reads is each line's own rule.
"""

from __future__ import annotations

import contextlib
import math
import os
import select
import signal
import socket
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

__all__ = ["Line", "LineEnded", "PtyLine", "StdioLine", "TcpLine"]

_READ = 1 << 16
_LONGEST = 1e6  # seconds that select() takes as a number


class LineEnded(Exception):
    """Whoever drove the board has gone, or asked the board to end."""


class Line(ABC):
    """Base of all lines: waiting for several descriptors at once, and being woken.

    Attributes:
        exhausted: nothing will come any more, and that is not the board's end.
        leftovers: files to remove when the line ends.
        wakes: how often a wait was woken.
    """

    exhausted = False

    def __init__(self) -> None:
        self._woken, self._waker = socket.socketpair()
        self._woken.setblocking(False)
        self._waker.setblocking(False)
        self.leftovers: list[Path] = []
        self.wakes = 0
        self._poller = _Poller()
        self._poller.watch(self._woken.fileno())

    def wake(self) -> None:
        """Make a running or the next :meth:`wait` return. From any thread."""
        with contextlib.suppress(BlockingIOError):
            self._waker.send(b"\0")

    def end_on_signals(self, *numbers: int) -> None:
        """Make these signals end the line, even while the main thread is inside the VM.

        Python runs signal handlers in the main thread only, which may compute for ever; but the
        byte in the wakeup descriptor is written at once.
        """
        for number in numbers:
            signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)

    def end_with_parent(self) -> None:
        """End the line when the process that started this one has gone."""
        parent = os.getppid() if os.name == "posix" else 0
        if parent > 1:
            threading.Thread(target=self._watch_parent, args=(parent,), daemon=True).start()

    def _watch_parent(self, parent: int) -> None:
        if hasattr(os, "pidfd_open"):
            with contextlib.suppress(OSError):
                watched = os.pidfd_open(parent)
                if os.getppid() == parent:
                    select.select([watched], [], [])
        while os.getppid() == parent:  # no pidfd here: look now and then
            time.sleep(0.5)
        self._waker.send(bytes([signal.SIGTERM]))

    def wait(self, timeout: float | None, want_send: bool = False) -> bytes:
        """Block until bytes arrive, :meth:`send` can go on, somebody wakes us, or the timeout.

        Args:
            timeout: seconds; None for ever.
            want_send: also return when there is room to send.

        Returns:
            What has arrived; b"" when something else ended the wait.

        Raises:
            LineEnded: the line is over, and so is the board.
        """
        ready = self._poller.wait(timeout, self._send_descriptor() if want_send else None)
        if self._woken.fileno() in ready:
            self.wakes += 1
            with contextlib.suppress(BlockingIOError):
                self._signalled(self._woken.recv(4096))
            return b""  # bytes that have come too are for the next wait: how it waits may change
        return self._receive(ready)

    def wait_for_wake(self, timeout: float | None) -> None:
        """Block until somebody wakes us, or the timeout; whatever else comes stays where it is."""
        limit = None if timeout is None else min(timeout, _LONGEST)
        if select.select([self._woken], [], [], limit)[0]:
            with contextlib.suppress(BlockingIOError):
                self._signalled(self._woken.recv(4096))

    @abstractmethod
    def unplug(self) -> None:
        """Be gone for the other end. On the thread that uses the line, as :meth:`plug` is.

        Raises:
            OSError: this line cannot.
        """

    @abstractmethod
    def plug(self, connection: socket.socket | None) -> None:
        """Be there again after :meth:`unplug`.

        Args:
            connection: the other end, for a line that nobody finds by its address.
        """

    def _signalled(self, numbers: bytes) -> None:
        """Signals have come, by their numbers; 0 is a mere :meth:`wake`."""
        if any(numbers):
            raise LineEnded("ended by a signal")

    @abstractmethod
    def _receive(self, ready: set[int]) -> bytes:
        """Read what the ready descriptors have."""

    @abstractmethod
    def _send_descriptor(self) -> int | None:
        """What to watch for room to send; None when there is nobody to send to."""

    @abstractmethod
    def send(self, data: bytes) -> int:
        """Send without blocking; returns how many bytes were taken (or thrown away)."""

    def restart(self) -> None:  # noqa: B027 - most lines outlast it
        """The board has been reset, and all of its output was sent."""

    def close(self) -> None:
        """Remove what the line left outside the process."""
        for path in self.leftovers:
            path.unlink(missing_ok=True)


class _Poller:
    """``poll(2)`` where there is one, else ``select`` (Windows: sockets only)."""

    def __init__(self) -> None:
        self._inputs: set[int] = set()
        self._poll = select.poll() if hasattr(select, "poll") else None

    def watch(self, descriptor: int) -> None:
        self._inputs.add(descriptor)
        if self._poll:
            self._poll.register(descriptor, select.POLLIN)

    def forget(self, descriptor: int) -> None:
        self._inputs.discard(descriptor)
        if self._poll:
            with contextlib.suppress(KeyError):
                self._poll.unregister(descriptor)

    def wait(self, timeout: float | None, output: int | None) -> set[int]:
        if self._poll is None:
            outputs = [] if output is None else [output]
            read, write, _ = select.select(list(self._inputs), outputs, [], timeout)
            return {*read, *write}
        if output is not None:
            events = select.POLLOUT | (select.POLLIN if output in self._inputs else 0)
            self._poll.register(output, events)
        try:
            limit = None if timeout is None else math.ceil(timeout * 1000)
            return {descriptor for descriptor, _ in self._poll.poll(limit)}
        finally:
            if output is not None:
                if output in self._inputs:
                    self._poll.register(output, select.POLLIN)
                else:
                    self._poll.unregister(output)


class StdioLine(Line):
    """Bytes to the board on stdin, bytes from it on stdout; the end of stdin ends the board.

    When nobody reads stdout the board waits: nothing is lost.
    """

    def __init__(self) -> None:
        super().__init__()
        self._pumped = os.name != "posix"  # pipes cannot be polled there: a thread reads them
        if self._pumped:
            import msvcrt

            for descriptor in (0, 1):
                msvcrt.setmode(descriptor, os.O_BINARY)  # type: ignore[attr-defined,unused-ignore]
            self._pipe, self._pump_end = socket.socketpair()
            self._in = self._pipe.fileno()
            threading.Thread(target=self._pump, daemon=True).start()
        else:
            self._in = 0
            self._restore = os.get_blocking(1)
            if not os.isatty(1):  # a terminal is shared with the shell, and takes all it gets
                os.set_blocking(1, False)
        self._poller.watch(self._in)

    def _pump(self) -> None:
        while data := os.read(0, _READ):
            self._pump_end.sendall(data)
        self._pump_end.close()

    def _receive(self, ready: set[int]) -> bytes:
        if self._in not in ready:
            return b""
        try:
            data = self._pipe.recv(_READ) if self._pumped else os.read(0, _READ)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            self._input_ended()
        return data

    def _input_ended(self) -> None:
        raise LineEnded("end of standard input")

    def unplug(self) -> None:
        """Give up stdin and stdout: the other end sees their end. The parent's end is watched."""
        if self._pumped:
            raise OSError("a board on pipes cannot be unplugged on Windows: use --tcp")
        self._poller.forget(self._in)
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1):
            os.dup2(nothing, descriptor, inheritable=False)
        os.close(nothing)
        self.end_with_parent()

    def plug(self, connection: socket.socket | None) -> None:
        """Take a socket for both."""
        if connection is None:
            return
        with connection:
            for descriptor in (0, 1):
                os.dup2(connection.fileno(), descriptor, inheritable=False)
        os.set_blocking(1, False)
        self._poller.forget(self._in)
        self._poller.watch(self._in)

    def _send_descriptor(self) -> int | None:
        return None if self._pumped else 1

    def send(self, data: bytes) -> int:
        """Send without blocking; returns how many bytes were taken."""
        try:
            return os.write(1, data)
        except BlockingIOError:
            return 0
        except OSError:
            raise LineEnded("standard output is closed") from None

    def close(self) -> None:
        """Undo what would outlive the process."""
        super().close()
        if not self._pumped:
            with contextlib.suppress(OSError):
                os.set_blocking(1, self._restore)


class TcpLine(Line):
    """Clients of a TCP port, one after another; without a client output is thrown away.

    Args:
        port: on 127.0.0.1; 0 picks a free one.

    Attributes:
        port: the one it listens on.
    """

    def __init__(self, port: int) -> None:
        super().__init__()
        self._client: socket.socket | None = None
        self._listen(port)

    def _listen(self, port: int) -> None:
        self._listener = socket.socket()
        if os.name == "posix":
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", port))
        self._listener.listen(8)
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._poller.watch(self._listener.fileno())

    def unplug(self) -> None:
        """Hang up, and listen no more."""
        self._hang_up()
        self._poller.forget(self._listener.fileno())
        self._listener.close()

    def plug(self, connection: socket.socket | None) -> None:
        """Listen on the same port again."""
        self._listen(self.port)

    def _accept(self) -> None:
        try:
            client, _ = self._listener.accept()
        except OSError:
            return
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.setblocking(False)
        self._client = client
        # One client at a time: the next one waits in the queue of the listener.
        self._poller.forget(self._listener.fileno())
        self._poller.watch(client.fileno())

    def _hang_up(self) -> None:
        if self._client is not None:
            self._poller.forget(self._client.fileno())
            self._client.close()
            self._client = None
            self._poller.watch(self._listener.fileno())

    def _receive(self, ready: set[int]) -> bytes:
        if self._client is None:
            if self._listener.fileno() in ready:
                self._accept()
            return b""
        if self._client.fileno() not in ready:
            return b""
        try:
            data = self._client.recv(_READ)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            self._hang_up()
        return data

    def _send_descriptor(self) -> int | None:
        return self._client.fileno() if self._client else None

    def send(self, data: bytes) -> int:
        """Send without blocking; returns how many bytes were taken."""
        if self._client is None:
            return len(data)
        try:
            return self._client.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            self._hang_up()
            return len(data)


class PtyLine(Line):
    """A pseudo terminal that tools open like a serial port; they may come and go.

    As on a USB serial port, output is thrown away once nobody has read any for a while.

    Args:
        link: path of a symbolic link to make to the terminal; an old link there is replaced.

    Attributes:
        path: what to open.
        plugged: called when it is plugged in again, as another terminal.
    """

    PATIENCE = 0.5
    """Seconds without a reader before output is thrown away."""

    def __init__(self, link: str | None = None) -> None:
        super().__init__()
        self._link = Path(link) if link else None
        self.plugged: Callable[[], None] = lambda: None
        self._open()

    def _open(self) -> None:
        try:
            import tty
        except ImportError:
            raise OSError("pseudo terminals need Linux or macOS; use --tcp here") from None
        # The board keeps the terminal's own end open too: its settings stay raw, and a tool that
        # closes its end does not look like the end of the line.
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        if self._link:
            if self._link.is_symlink():
                self._link.unlink()
            self._link.symlink_to(self.path)
        self._stuck_since = 0.0
        self._poller.watch(self._master)

    def _receive(self, ready: set[int]) -> bytes:
        if self._master not in ready:
            return b""
        try:
            data = os.read(self._master, _READ)
        except OSError:
            return b""
        # Whoever writes is there to read: its answer waits for it, behind what nobody has read.
        self._stuck_since = 0.0
        return data

    def _send_descriptor(self) -> int | None:
        return self._master

    def send(self, data: bytes) -> int:
        """Send without blocking; returns how many bytes were taken."""
        try:
            count = os.write(self._master, data)
        except BlockingIOError:
            count = 0
        if count:
            self._stuck_since = 0.0
            return count
        now = time.monotonic()
        self._stuck_since = self._stuck_since or now
        return len(data) if now - self._stuck_since >= self.PATIENCE else 0

    def unplug(self) -> None:
        """Close the terminal: who has it open sees an error, and its name is gone."""
        self._remove_link()
        self._poller.forget(self._master)
        os.close(self._slave)
        os.close(self._master)

    def plug(self, connection: socket.socket | None) -> None:
        """Open another one, under the same link."""
        before = self.path
        self._open()
        self.plugged()
        if self._link is None and self.path != before:
            print(f"virtual board ready at {self.path}", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Undo what would outlive the process."""
        super().close()
        self._remove_link()

    def _remove_link(self) -> None:
        if self._link and self._link.is_symlink() and os.readlink(self._link) == self.path:
            self._link.unlink()
