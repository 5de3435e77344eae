# SPDX-License-Identifier: Apache-2.0
"""``replay:FILE``: a recording in the place of a board. No byte goes anywhere.

The session above finds the :class:`belay.cassettes.tape.Tape` here and plays that; see
`belay.session.replaying`.
"""

from __future__ import annotations

import os
import threading

from belay.cassettes.files import load
from belay.cassettes.tape import Tape
from belay.errors import DeviceClosedError, FeatureUnavailableError
from belay.transports.base import Transport
from belay.transports.replayaddress import ReplayAddress

__all__ = ["ReplayOpening", "ReplayTransport", "open_replay"]


class ReplayTransport(Transport):
    """The link of a recording: something to wait on, and to wake.

    Args:
        tape: what is played.
        address: what to call it.
    """

    is_recording = True

    def __init__(self, tape: Tape, address: str) -> None:
        self.tape = tape
        self.address = address
        self.survives_reset = bool(tape.cassette.header.get("survives reset", True))
        self._woken = threading.Event()
        self._closed = False

    @property
    def board_address(self) -> str:
        """See :attr:`Transport.board_address`."""
        return str(self.tape.cassette.header.get("address", ""))

    def wait(self, timeout: float | None) -> bool:
        """See :meth:`Transport.wait`: True when the board sends something by itself now."""
        self._check()
        if timeout != 0 and self._woken.wait(self._due(timeout)):
            self._woken.clear()
            return False
        self._check()
        return self.tape.between is not None and self._due(None) == 0

    def _due(self, timeout: float | None) -> float | None:
        """Seconds until it does, or the end of the patience, if that is sooner."""
        between = self.tape.between
        if between is None:
            return timeout
        return 0.0 if timeout is None else min(timeout, 0.0)

    def read(self) -> bytes:
        """See :meth:`Transport.read`: there are no bytes here."""
        self._check()
        return b""

    def write(self, data: bytes) -> None:
        """See :meth:`Transport.write`.

        Raises:
            FeatureUnavailableError: always; only a board takes bytes.
        """
        self._check()
        raise FeatureUnavailableError(
            f"{self.address} is a recording: it has no prompt to type at. What talks to the "
            "board's own REPL (a terminal, a hard reset) needs the board."
        )

    def wake(self) -> None:
        """See :meth:`Transport.wake`."""
        self._woken.set()

    def close(self) -> None:
        """See :meth:`Transport.close`."""
        self._closed = True
        self._woken.set()

    def _check(self) -> None:
        if self._closed:
            raise DeviceClosedError(f"{self.address} was closed.")


class ReplayOpening:
    """Plays a cassette as often as the link is opened: each time from where it is.

    Args:
        path: of the cassette.
        fast: as fast as possible, or in the time that it took.
        address: what to call the board; empty for what it was called when it was recorded.

    Raises:
        CassetteError: there is none, or it is damaged.
    """

    replays = True

    def __init__(
        self, path: str | os.PathLike[str], *, fast: bool = True, address: str = ""
    ) -> None:
        self.tape = Tape(load(path), fast=fast)
        self._address = address or str(self.tape.cassette.header.get("address", ""))

    def __call__(self) -> Transport:
        """Open it."""
        return ReplayTransport(self.tape, self._address)


def open_replay(address: ReplayAddress) -> Transport:
    """Play a cassette from its beginning.

    Raises:
        CassetteError: there is none, or it is damaged.
    """
    return ReplayOpening(address.file, fast=address.fast, address=str(address))()
