# SPDX-License-Identifier: Apache-2.0
"""A virtual board as a child process, spoken to byte by byte."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import subprocess
import sys
import time

BANNER_END = b'Type "help()" for more information.\r\n>>> '
RAW_BANNER = b"raw REPL; CTRL-B to exit\r\n>"


class BoardProcess:
    """``python -m belay.virtual --stdio`` on one end of a socket pair."""

    def __init__(self, *options: str, wait: bool = True, env: dict[str, str] | None = None) -> None:
        self.link, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "belay.virtual", "--stdio", *options],
                stdin=theirs,
                stdout=theirs,
                stderr=subprocess.PIPE,
                env={**os.environ, **(env or {})},
            )
        self.link.setblocking(False)
        self.seen = b""
        if wait:
            self.until(BANNER_END)

    def send(self, data: bytes) -> None:
        """Send all of it."""
        view = memoryview(data)
        while view:
            select.select([], [self.link], [], 20)
            with contextlib.suppress(BlockingIOError):
                view = view[self.link.send(view) :]

    def until(self, mark: bytes, timeout: float = 20) -> bytes:
        """Everything up to and including ``mark``."""
        deadline = time.monotonic() + timeout
        while mark not in self.seen:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.link], [], [], left)[0]:
                raise AssertionError(f"no {mark!r} within {timeout} s after {self.seen[-500:]!r}")
            data = self.link.recv(1 << 16)
            if not data:
                raise AssertionError(f"the board ended after {self.seen[-500:]!r}")
            self.seen += data
        head, _, self.seen = self.seen.partition(mark)
        return head + mark

    def read(self, count: int, timeout: float = 20) -> bytes:
        """Exactly ``count`` bytes, or what came until the time was over."""
        deadline = time.monotonic() + timeout
        while len(self.seen) < count:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.link], [], [], left)[0]:
                break
            data = self.link.recv(1 << 16)
            if not data:
                break
            self.seen += data
        data, self.seen = self.seen[:count], self.seen[count:]
        return data

    def quiet(self, seconds: float = 0.05) -> bytes:
        """What is here and still comes, until nothing came for so long."""
        while select.select([self.link], [], [], seconds)[0]:
            data = self.link.recv(1 << 16)
            if not data:
                break
            self.seen += data
        data, self.seen = self.seen, b""
        return data

    def raw(self) -> None:
        """Enter the raw REPL."""
        self.send(b"\r\x03\x03\x01")
        self.until(RAW_BANNER)

    def exec(self, source: str, timeout: float = 20) -> tuple[bytes, bytes]:
        """Run source in the raw REPL: (output, traceback)."""
        self.send(source.encode() + b"\x04")
        self.until(b"OK", timeout)
        output = self.until(b"\x04", timeout)[:-1]
        error = self.until(b"\x04>", timeout)[:-2]
        return output, error

    def eval(self, expression: str) -> str:
        """repr() of an expression, on the board."""
        output, error = self.exec(f"print(repr(({expression})))")
        assert not error, error.decode()
        return output.decode().rstrip("\r\n")

    def close(self) -> None:
        """End it, and see that it ends."""
        self.link.close()
        try:
            self.process.wait(10)
        finally:
            self.process.kill()
            self.process.wait()
            assert self.process.stderr is not None
            self.process.stderr.close()

    def __enter__(self) -> BoardProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
