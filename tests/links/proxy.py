# SPDX-License-Identifier: Apache-2.0
"""A slow and counted wire between any program and a board, in a process of its own.

Run it in front of a board, then point Belay 0.30, mpremote or belay at its near end::

    python -m tests.links.proxy --pty LINK --rate 11520 --delay 0.002 --exec "command of a board"
    python -m tests.links.proxy --listen 0 --connect 127.0.0.1:9000

It prints one line of JSON when it is ready (``{"address": …}``), and takes commands as lines on
stdin: ``stats`` answers with a line of JSON, ``reset`` sets the counters to zero and does the
same, the end of stdin ends it. :class:`Proxy` does all that for a Python program.

Time is kept by deadlines in one ``select`` (whose timeout is in microseconds): a byte that is due
in 300 us is not waited for by looking again and again, nor for a millisecond.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import errno
import json
import os
import select
import shlex
import socket
import subprocess
import sys
import time
import tty
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# One poll of a UART's driver; bytes of one step arrive together.
_STEP = 0.001
# Unsent bytes on a rated line before its source has to wait, as with a small UART buffer.
_BACKLOG = 512
_BACKLOG_UNRATED = 1 << 18


class Lane:
    """One direction of the wire: bytes with the moment of their arrival."""

    def __init__(self, rate: float | None, delay: float) -> None:
        self.rate = rate
        self.delay = delay
        self.free = 0.0
        self.count = 0
        self.pieces: deque[tuple[float, bytes]] = deque()
        self.late = b""

    @property
    def room(self) -> int:
        """How many bytes it takes now."""
        if self.rate is None:
            waiting = sum(len(data) for _, data in self.pieces)
            return max(0, _BACKLOG_UNRATED - waiting - len(self.late))
        waiting = int(max(0.0, self.free - time.monotonic()) * self.rate)
        return max(0, _BACKLOG - waiting - len(self.late))

    def room_in(self) -> float | None:
        """Seconds until there is room again, where time alone makes room."""
        return None if self.rate is None or self.late else _STEP

    def take(self, data: bytes) -> None:
        """Bytes that a source gave."""
        now = time.monotonic()
        self.count += len(data)
        if self.rate is None:
            self.pieces.append((now + self.delay, data))
            return
        self.free = max(self.free, now)
        step = max(1, int(self.rate * _STEP))
        for start in range(0, len(data), step):
            piece = data[start : start + step]
            self.free += len(piece) / self.rate
            self.pieces.append((self.free + self.delay, piece))

    def due(self) -> bytes:
        """All that has arrived and was not taken by the sink yet."""
        now = time.monotonic()
        parts = [self.late]
        while self.pieces and self.pieces[0][0] <= now:
            parts.append(self.pieces.popleft()[1])
        self.late = b"".join(parts)
        return self.late

    def next(self) -> float | None:
        """Seconds until more arrives."""
        return max(0.0, self.pieces[0][0] - time.monotonic()) if self.pieces else None


class Wire:
    """The event loop: a near end (the program), a far end (the board), commands on stdin."""

    def __init__(self, near: NearEnd, far: tuple[int, int], rate: float | None, delay: float):
        self.near = near
        self.far_in, self.far_out = far
        self.up = Lane(rate, delay)
        self.down = Lane(rate, delay)
        self.round_trips = 0
        self.board_spoke = True
        self.commands = b""

    def run(self) -> None:
        """Carry bytes until stdin or the board ends."""
        for descriptor in (self.far_in, self.far_out, 0):
            os.set_blocking(descriptor, False)
        while self.turn():
            pass

    def turn(self) -> bool:
        """Wait for the next event or arrival, and handle it."""
        near = self.near.descriptor
        readers = [0, *self.near.acceptors]
        writers: list[int] = []
        pauses = [pause for pause in (self.up.next(), self.down.next()) if pause is not None]
        for lane, source, sink in ((self.up, near, self.far_out), (self.down, self.far_in, near)):
            if lane.late and sink is not None:
                writers.append(sink)
            if source is None:
                continue
            if lane.room:
                readers.append(source)
            elif (pause := lane.room_in()) is not None:
                pauses.append(pause)
        ready, _, _ = select.select(readers, writers, [], min(pauses, default=None))
        if 0 in ready and not self.command():
            return False
        if self.near.accept(ready):
            self.up.late = self.down.late = b""
        if near is not None and near in ready:
            self.from_near(near)
        if self.far_in in ready and not self.from_board():
            return False
        self.deliver(self.up, self.far_out)
        self.deliver(self.down, self.near.descriptor)
        return True

    def from_near(self, near: int) -> None:
        """The program wrote something, or left."""
        try:
            data = os.read(near, self.up.room)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno not in (errno.EIO, errno.ECONNRESET):
                raise
            data = b""
        if not data:
            self.near.leave()
            return
        self.round_trips += self.board_spoke
        self.board_spoke = False
        self.up.take(data)

    def from_board(self) -> bool:
        """The board sent something, or ended."""
        with contextlib.suppress(BlockingIOError):
            data = os.read(self.far_in, self.down.room)
            if not data:
                return False
            self.down.take(data)
        return True

    def deliver(self, lane: Lane, sink: int | None) -> None:
        """Write what is due."""
        data = lane.due()
        if not data:
            return
        if lane is self.down:
            self.board_spoke = True
        if sink is None:  # nobody listens: as a UART, it is gone
            lane.late = b""
            return
        try:
            lane.late = data[os.write(sink, data) :]
        except BlockingIOError:
            pass
        except OSError:
            lane.late = b""

    def command(self) -> bool:
        """Commands on stdin; False at its end."""
        with contextlib.suppress(BlockingIOError):
            data = os.read(0, 4096)
            if not data:
                return False
            self.commands += data
        while b"\n" in self.commands:
            line, _, self.commands = self.commands.partition(b"\n")
            if line == b"reset":
                self.up.count = self.down.count = self.round_trips = 0
                self.board_spoke = True
            say(up=self.up.count, down=self.down.count, round_trips=self.round_trips)
        return True


class NearEnd:
    """The end that a program opens: a pseudo-terminal, or a TCP port with one client at a time."""

    def __init__(self, pty_link: str | None, port: int | None) -> None:
        self.descriptor: int | None = None
        self.acceptors: list[int] = []
        self.link = pty_link
        self.client: socket.socket | None = None
        if port is not None:
            self.server = socket.create_server(("127.0.0.1", port))
            self.acceptors = [self.server.fileno()]
            self.address = f"socket://127.0.0.1:{self.server.getsockname()[1]}"
            return
        # Our own hold on the slave keeps the terminal alive between two programs.
        self.descriptor, self.slave = os.openpty()
        tty.setraw(self.slave)
        os.set_blocking(self.descriptor, False)
        self.address = os.ttyname(self.slave)
        if pty_link:
            Path(pty_link).unlink(missing_ok=True)
            Path(pty_link).symlink_to(self.address)
            self.address = pty_link

    def accept(self, ready: Sequence[int]) -> bool:
        """Take a new client, if one came; it replaces the one before."""
        if not (self.acceptors and self.acceptors[0] in ready):
            return False
        self.leave()
        self.client, _ = self.server.accept()
        self.client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.client.setblocking(False)
        self.descriptor = self.client.fileno()
        return True

    def leave(self) -> None:
        """The client has gone."""
        if self.client is not None:
            self.client.close()
            self.client = self.descriptor = None

    def close(self) -> None:
        """Remove the link in the file system."""
        if self.link:
            Path(self.link).unlink(missing_ok=True)


def say(**facts: Any) -> None:
    """One line of JSON on stdout."""
    print(json.dumps(facts), flush=True)


def precise_timers() -> None:
    """Ask Linux not to gather this process's timers into 50 us bundles (PR_SET_TIMERSLACK)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(29, 1, 0, 0, 0)


def start_board(command: str) -> tuple[subprocess.Popen[bytes], tuple[int, int]]:
    """Start a board that speaks on stdin and stdout."""
    child = subprocess.Popen(
        shlex.split(command),
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    return child, (child.stdout.fileno(), child.stdin.fileno())


def main(arguments: Sequence[str] | None = None) -> None:
    """The program."""
    parser = argparse.ArgumentParser(prog="python -m tests.links.proxy", description=__doc__)
    near = parser.add_mutually_exclusive_group(required=True)
    near.add_argument("--pty", nargs="?", const="", metavar="LINK", help="near end: a terminal")
    near.add_argument("--listen", type=int, metavar="PORT", help="near end: a TCP port, 0 for any")
    far = parser.add_mutually_exclusive_group(required=True)
    far.add_argument("--exec", dest="command", help="far end: a program's stdin and stdout")
    far.add_argument("--connect", metavar="HOST:PORT", help="far end: a TCP port")
    parser.add_argument("--rate", type=float, help="bytes per second, each way")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds, each way")
    options = parser.parse_args(arguments)
    precise_timers()
    child = connection = None
    if options.command:
        child, ends = start_board(options.command)
    else:
        host, _, port = options.connect.rpartition(":")
        connection = socket.create_connection((host, int(port)))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ends = (connection.fileno(), connection.fileno())
    end = NearEnd(options.pty, options.listen)
    try:
        say(address=end.address)
        Wire(end, ends, options.rate, options.delay).run()
    finally:
        end.close()
        if child is not None:
            child.kill()
            child.wait()


class Proxy:
    """A proxy process, for tests and benchmarks; a context manager.

    Args:
        far: ``exec:command`` or ``host:port`` of the board.
        pty: give a terminal (else a ``socket://`` address).
        rate: bytes per second each way.
        delay: seconds each way.

    Attributes:
        address: what to open.
    """

    def __init__(
        self, far: str, *, pty: bool = True, rate: float | None = None, delay: float = 0.0
    ) -> None:
        command = [sys.executable, "-m", "tests.links.proxy", "--delay", str(delay)]
        command += ["--pty"] if pty else ["--listen", "0"]
        command += ["--exec", far[5:]] if far.startswith("exec:") else ["--connect", far]
        command += ["--rate", str(rate)] if rate else []
        self._child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).resolve().parents[2],
        )
        self.address: str = self._answer()["address"]

    def stats(self, *, reset: bool = False) -> dict[str, int]:
        """Counters since the last reset: bytes ``up`` and ``down``, ``round_trips``."""
        assert self._child.stdin is not None
        self._child.stdin.write(b"stats\n")
        self._child.stdin.flush()
        counted = self._answer()
        if reset:
            self._child.stdin.write(b"reset\n")
            self._child.stdin.flush()
            self._answer()
        return counted

    def close(self) -> None:
        """End the proxy and the board it started."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.close()
        self._child.wait(10)
        self._child.stdout.close()

    def _answer(self) -> dict[str, Any]:
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line:
            raise RuntimeError(f"the proxy ended with exit code {self._child.wait(10)}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


if __name__ == "__main__":
    main()
