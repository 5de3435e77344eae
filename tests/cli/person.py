# SPDX-License-Identifier: Apache-2.0
"""Someone who types at a program in a terminal and reads what it shows."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

SOON = 30.0

_ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[A-Za-z]|\][^\x07]*\x07|[=>()][0-9A-Za-z]?)")


_PROGRAM = """
import fcntl, runpy, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that Ctrl-C means something
runpy.run_module("belay", run_name="__main__", alter_sys=True)
"""
"""``python -m belay`` in a terminal of its own. Between fork and exec that is not safe to do."""


class Person:
    """A pseudo-terminal with ``belay`` running in it.

    Args:
        arguments: what is typed behind ``belay``.
        folder: where it runs.
        env: added to the environment.
        program: what runs in place of ``belay``.
    """

    def __init__(
        self,
        *arguments: str,
        folder: Path | None = None,
        env: Mapping[str, str] | None = None,
        program: str = _PROGRAM,
    ) -> None:
        self._master, slave = os.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-c", program, *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=folder,
            start_new_session=True,
            env={
                **os.environ,
                "TERM": "xterm",
                "COLUMNS": "100",
                "LINES": "30",
                "PROMPT_TOOLKIT_NO_CPR": "1",
                **(env or {}),
            },
        )
        os.close(slave)
        self._bytes = b""
        self._read = 0
        self._gone = False

    @property
    def _seen(self) -> str:
        """What was shown and not read yet, without colours and moves of the cursor."""
        return _ESCAPES.sub("", self._bytes.decode("utf-8", "replace"))[self._read :]

    def types(self, keys: str) -> None:
        """Press keys."""
        os.write(self._master, keys.encode())

    def interrupts(self) -> None:
        """Do what Ctrl-C does in a terminal that is not raw."""
        self._process.send_signal(signal.SIGINT)

    def types_until(self, keys: str, pattern: str) -> str:
        """Press keys again and again: what reads them may not have begun to."""
        return self.sees(pattern, again=keys)

    def sees(self, pattern: str, *, again: str = "") -> str:
        """Wait for what a regular expression describes; returns all that came up to its end."""
        end = time.monotonic() + SOON
        next_try = 0.0 if again else end
        while not (found := re.search(pattern, self._seen)):
            now = time.monotonic()
            if now >= end or self._gone:
                raise AssertionError(f"{pattern!r} did not come; this did: {self._seen!r}")
            if now >= next_try:
                self.types(again)
                next_try = now + 1
            self._take(min(end, next_try) - now)
        self._read += found.end()
        return found.string[: found.end()]

    def status(self) -> int:
        """Wait for the program's end; its exit status."""
        end = time.monotonic() + SOON
        while self._process.poll() is None:
            assert time.monotonic() < end, f"it did not end; it showed {self._seen!r}"
            self._take(0.05)
        return self._process.returncode

    def rest(self) -> str:
        """What it has shown and nobody has read, once it has ended."""
        while self._take(0):
            pass
        return self._seen

    def _take(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], max(0.0, seconds))
        if not ready:
            return False
        try:
            data = os.read(self._master, 1 << 16)
        except OSError:  # the program has ended
            self._gone = True
            return False
        self._bytes += data
        return True

    def __enter__(self) -> Person:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._master)
