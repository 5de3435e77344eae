# SPDX-License-Identifier: Apache-2.0
"""What a board prints during a test, with the host's time of every line."""

from __future__ import annotations

import re
import threading
import time
from datetime import datetime, timezone
from typing import NamedTuple

__all__ = ["DeviceLog", "LogLine"]


class LogLine(NamedTuple):
    """A line that a board has printed.

    Attributes:
        time: when its first character arrived: seconds since 1970 on the host's clock.
        text: the line, without its end.
    """

    time: float
    text: str

    def __str__(self) -> str:
        moment = datetime.fromtimestamp(self.time, timezone.utc)
        return f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d} {self.text}"


class DeviceLog:
    """Takes what a board prints, from any thread; a text sink."""

    def __init__(self) -> None:
        self._lines: list[LogLine] = []
        self._open = False  # the last line has no end yet
        self._arrived = threading.Condition(threading.RLock())

    def write(self, text: str) -> None:
        """Take some text."""
        now = time.time()
        with self._arrived:
            for part in text.splitlines(keepends=True):
                body = part.rstrip("\r\n")
                if self._open:
                    last = self._lines[-1]
                    self._lines[-1] = LogLine(last.time, last.text + body)
                else:
                    self._lines.append(LogLine(now, body))
                self._open = not part.endswith("\n")
            self._arrived.notify_all()

    @property
    def lines(self) -> list[LogLine]:
        """What was printed so far, oldest first."""
        with self._arrived:
            return list(self._lines)

    @property
    def text(self) -> str:
        """The same as one text, without the times."""
        return "\n".join(line.text for line in self.lines)

    def wait_for(self, pattern: str, timeout: float = 10.0) -> re.Match[str]:
        """Wait until the board has printed something, also what it prints between calls.

        For that the Device must listen: it does once it has a callback or stream of events, or
        :meth:`belay.Device.on_disconnect` was used.

        Args:
            pattern: a regular expression, searched for in all that was printed.
            timeout: seconds.

        Raises:
            AssertionError: it has not; the message holds what it has printed.
        """
        end = time.monotonic() + timeout
        with self._arrived:
            while (found := re.search(pattern, self.text)) is None:
                if not self._arrived.wait(max(0.0, end - time.monotonic())):
                    said = self.text or "nothing"
                    raise AssertionError(
                        f"the board has not printed {pattern!r} in {timeout:g} s, but:\n{said}"
                    )
        return found

    def __str__(self) -> str:
        return "\n".join(map(str, self.lines))
