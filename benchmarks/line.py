# SPDX-License-Identifier: Apache-2.0
"""A program: a virtual board at the end of a serial line that counts, and that can be slow.

The line is a pseudo-terminal, so every tool that opens serial ports can use it. Prints the path of
the port, then answers each line on stdin with what it has counted so far, as JSON, and ends with
its stdin.

A *round trip* is counted when the host sends after the board last sent.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import pty
import select
import subprocess
import sys
import time
import tty
from collections import deque

STEP = 16  # bytes; the FIFO of a common UART


class Direction:
    """Bytes on their way one way, each with the moment of its arrival."""

    def __init__(self, rate: float, delay: float) -> None:
        self.rate, self.delay = rate, delay
        self.free = 0.0
        self.pieces: deque[tuple[float, bytes]] = deque()
        self.total = 0

    def send(self, data: bytes, now: float) -> None:
        self.total += len(data)
        if not self.rate:
            self.pieces.append((now + self.delay, data))
            return
        self.free = max(self.free, now)
        for start in range(0, len(data), STEP):
            piece = data[start : start + STEP]
            self.free += len(piece) / self.rate
            self.pieces.append((self.free + self.delay, piece))

    def due(self, now: float) -> bytes:
        found = []
        while self.pieces and self.pieces[0][0] <= now:
            found.append(self.pieces.popleft()[1])
        return b"".join(found)

    def next(self) -> float | None:
        return self.pieces[0][0] if self.pieces else None


def wake_on_time() -> None:
    """Ask Linux not to let timers of this process be 50 µs late, which it otherwise may."""
    if sys.platform == "linux":
        set_timer_slack = 29
        ctypes.CDLL(None).prctl(set_timer_slack, 1, 0, 0, 0)


def write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


def carry(port: int, board_in: int, board_out: int, up: Direction, down: Direction) -> None:
    """Move bytes until stdin ends."""
    trips, last = 0, "board"
    while True:
        now = time.monotonic()
        waits = [t - now for t in (up.next(), down.next()) if t is not None]
        timeout = max(0.0, min(waits)) if waits else None
        ready, _, _ = select.select([port, board_out, 0], [], [], timeout)
        now = time.monotonic()
        if port in ready:
            data = os.read(port, 4096)
            trips, last = trips + (last == "board"), "host"
            up.send(data, now)
        if board_out in ready:
            data = os.read(board_out, 65536)
            if not data:
                raise SystemExit("the virtual board ended")
            last = "board"
            down.send(data, now)
        if 0 in ready:
            if not os.read(0, 4096):
                return
            counted = {"trips": trips, "up": up.total, "down": down.total}
            print(json.dumps(counted), flush=True)
        write_all(board_in, up.due(now))
        write_all(port, down.due(now))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=0.0, help="bytes a second each way")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds each way")
    parser.add_argument("--flash", default="1M", help="the board's")
    options = parser.parse_args()
    wake_on_time()
    board = subprocess.Popen(
        [sys.executable, "-m", "belay.virtual", "--stdio", "--flash", options.flash],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
    )
    assert board.stdin
    assert board.stdout
    greeting = b""
    while not greeting.endswith(b">>> "):  # before anybody listens: not part of any count
        greeting += os.read(board.stdout.fileno(), 4096)
    port, terminal = pty.openpty()
    tty.setraw(terminal)  # stays open here, so that a port which a tool closes can be opened again
    print(os.ttyname(terminal), flush=True)
    try:
        carry(
            port,
            board.stdin.fileno(),
            board.stdout.fileno(),
            Direction(options.rate, options.delay),
            Direction(options.rate, options.delay),
        )
    finally:
        board.stdin.close()
        board.wait(10)


if __name__ == "__main__":
    main()
