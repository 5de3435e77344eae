# SPDX-License-Identifier: Apache-2.0
"""A link that remembers what went over it last, for error messages and test reports."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Literal, NamedTuple

from belay.transports.base import Transport
from belay.transports.wrapping import TransportWrapper

__all__ = ["Exchange", "RecordingTransport"]

# What an entry costs beside its bytes, so that a million one-byte entries are bounded as well.
_ENTRY_COST = 64


class Exchange(NamedTuple):
    """Bytes that went over a link in one step.

    Attributes:
        time: `time.monotonic` when they did, in seconds.
        direction: ``"up"`` to the board, ``"down"`` from it.
        data: the bytes.
    """

    time: float
    direction: Literal["up", "down"]
    data: bytes


class RecordingTransport(TransportWrapper):
    """Keeps a transcript of both directions in bounded memory.

    Args:
        inner: an open transport.
        limit: bytes to keep; older ones are forgotten.
    """

    def __init__(self, inner: Transport, *, limit: int = 65536) -> None:
        super().__init__(inner)
        self._limit = limit
        self._size = 0
        self._entries: deque[Exchange] = deque()
        self._lock = threading.Lock()

    def read(self) -> bytes:
        """See :meth:`Transport.read`."""
        data = self.inner.read()
        if data:
            self._keep("down", data)
        return data

    def write(self, data: bytes) -> None:
        """See :meth:`Transport.write`. Recorded first: what fails half-way is of interest too."""
        self._keep("up", bytes(data))
        self.inner.write(data)

    def transcript(self) -> list[Exchange]:
        """What is remembered, oldest first."""
        with self._lock:
            return list(self._entries)

    def format(self, limit: int = 2000) -> str:
        """The end of the transcript for people: ``>`` to the board, ``<`` from it, with seconds.

        Args:
            limit: bytes of the link to show at most.
        """
        lines: list[str] = []
        entries = self.transcript()
        for entry in reversed(entries):
            data, limit = entry.data[-limit:], limit - len(entry.data)
            cut = "…" if len(data) < len(entry.data) else ""
            arrow = ">" if entry.direction == "up" else "<"
            lines.append(f"{entry.time - entries[0].time:9.3f} {arrow} {cut}{data!r}")
            if limit <= 0:
                break
        return "\n".join(reversed(lines))

    def _keep(self, direction: Literal["up", "down"], data: bytes) -> None:
        data = data[-self._limit :]
        with self._lock:
            self._entries.append(Exchange(time.monotonic(), direction, data))
            self._size += len(data) + _ENTRY_COST
            while self._size > self._limit + _ENTRY_COST:
                self._size -= len(self._entries.popleft().data) + _ENTRY_COST
