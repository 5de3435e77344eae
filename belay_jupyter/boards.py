# SPDX-License-Identifier: Apache-2.0
"""The boards that a notebook is connected to."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from belay.errors import BelayException, BoardResetError, ConnectionLost, DeviceClosedError

if TYPE_CHECKING:
    from belay.device import Device

__all__ = ["Board", "Boards", "NotConnectedError"]

DEFAULT = "board"
"""The name of a board that was connected without one."""

_SPELLED = {"micropython": "MicroPython", "circuitpython": "CircuitPython"}

_WHAT_TO_TYPE = """\
%belay_connect virtual:                  a MicroPython on this computer, no hardware needed
%belay_connect /dev/ttyACM0              a board on USB (Windows: COM5)
%belay_connect socket://HOST:PORT        a board behind a serial server
%belay_connect exec:COMMAND LINE         a program that speaks like a board"""


class NotConnectedError(BelayException):
    """There is no board to run this on; the message says what to type."""


@dataclass(frozen=True)
class Board:
    """One connected board.

    Attributes:
        name: what the notebook calls it.
        device: the way to it.
    """

    name: str
    device: Device

    @property
    def description(self) -> str:
        """Implementation, version, platform and address, in one line."""
        facts = self.device.implementation
        version = ".".join(map(str, facts.version))
        spelled = _SPELLED.get(facts.name, facts.name)
        return f"{spelled} {version} on {facts.platform} at {self.device.address}"


class Boards:
    """The connected boards of one notebook, by name; one of them is the current one."""

    def __init__(self) -> None:
        self._boards: dict[str, Board] = {}
        self._current = DEFAULT
        self._lost = ""

    @property
    def current(self) -> Board:
        """The board that ``%%device`` means.

        Raises:
            NotConnectedError: there is none.
        """
        board = self._boards.get(self._current)
        if board is not None and board.device.closed:
            self.drop(board.name, "its Device was closed")
            board = None
        if board is None:
            state = self._lost or "no board is connected"
            raise NotConnectedError(f"{state}; type for example: %belay_connect virtual:")
        return board

    def connect(self, address: str, *, reset: bool = False, name: str = DEFAULT) -> Board:
        """Connect a board and make it the current one; one of the same name is closed first.

        Args:
            address: as :class:`belay.Device` takes it; empty: that of ``BELAY_DEVICE``.
            reset: soft-reset the board. Otherwise what is in its memory stays.
            name: what to call it.

        Raises:
            NotConnectedError: no address is known; the message lists what to type.
            BelayException: it cannot be reached; the message says what to try.
        """
        from belay.device import Device

        address = address or os.environ.get("BELAY_DEVICE", "")
        if not address:
            raise NotConnectedError(f"which board? Type one of these:\n{_WHAT_TO_TYPE}")
        self.close(name)  # a port cannot be opened twice
        # A cell is a program of its own: it imports what it uses, so nothing is imported for it.
        board = Board(name, Device(address, reset=reset, startup=""))
        self._boards[name] = board
        self._current = name
        self._lost = ""
        return board

    def close(self, name: str = DEFAULT) -> Board | None:
        """Close a board; returns it, or None where there was none of this name."""
        board = self._boards.pop(name, None)
        self._lost = ""
        if board is not None:
            board.device.close()
        return board

    def close_all(self) -> None:
        """Close every board."""
        for name in list(self._boards):
            self.close(name)

    def drop(self, name: str, reason: str) -> None:
        """Forget a board that cannot be used any more; the next cell says why."""
        board = self.close(name)
        if board is not None:
            self._lost = f"the board at {board.device.address} is not connected any more ({reason})"

    def after(self, board: Board, error: BaseException) -> str:
        """Look at what went wrong in a call; a board whose link is dead is dropped.

        Returns:
            What to tell the user beyond the error's own message.
        """
        if isinstance(error, BoardResetError):
            return ""  # it is empty, but it is there
        if isinstance(error, (ConnectionLost, DeviceClosedError)):
            self.drop(board.name, "the link ended")
            return f"To connect it again: %belay_connect {board.device.address}"
        return ""
