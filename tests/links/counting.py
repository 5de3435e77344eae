# SPDX-License-Identifier: Apache-2.0
"""A link that counts bytes and round trips."""

from __future__ import annotations

import threading

from belay.transports.base import Transport
from belay.transports.wrapping import TransportWrapper


class CountingLink(TransportWrapper):
    """Counts what passes.

    A round trip is counted when the host sends after the board last sent; its first send counts.

    Attributes:
        up: bytes from the host to the board.
        down: bytes from the board to the host, as far as the host has read them.
        round_trips: see above.
        writes: calls of ``write``.
        sent: with ``keep=True``, all bytes up.
        received: with ``keep=True``, all bytes down.
    """

    def __init__(self, inner: Transport, *, keep: bool = False) -> None:
        super().__init__(inner)
        self._keep = keep
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Count from zero; the next write is a new round trip."""
        self.up = self.down = self.round_trips = self.writes = 0
        self.sent = bytearray()
        self.received = bytearray()
        self._board_spoke = True

    def read(self) -> bytes:
        data = self.inner.read()
        if data:
            with self._lock:
                self.down += len(data)
                self._board_spoke = True
                if self._keep:
                    self.received += data
        return data

    def write(self, data: bytes) -> None:
        with self._lock:
            self.up += len(data)
            self.writes += 1
            self.round_trips += self._board_spoke
            self._board_spoke = False
            if self._keep:
                self.sent += data
        self.inner.write(data)
