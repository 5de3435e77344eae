# SPDX-License-Identifier: Apache-2.0
"""The boards that a notebook is connected to."""

from __future__ import annotations

import os
import re
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from belay.errors import (
    BelayException,
    BoardBusyError,
    BoardResetError,
    CallTimeoutError,
    ConnectionLost,
    DeviceClosedError,
    PyboardException,
)

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from belay.device import Device
    from belay.recording import Recording
    from belay_jupyter.tracebacks import TracebackRenderer

__all__ = ["ALL", "DEFAULT", "Board", "Boards", "NotConnectedError", "forget", "of"]

DEFAULT = "board"
"""The name of a board that was connected without one."""

ALL = "all"
"""What stands for all boards where a name is asked for."""

_NAME = re.compile(r"\w[\w.-]*\Z")

SPELLED = {"micropython": "MicroPython", "circuitpython": "CircuitPython"}

_WHAT_TO_TYPE = (
    ("virtual:", "a MicroPython on this computer, no hardware needed"),
    ("/dev/ttyACM0", "a board on USB (Windows: COM5)"),
    ("socket://HOST:PORT", "a board behind a serial server"),
    ("exec:COMMAND LINE", "a program that speaks like a board"),
)


class NotConnectedError(BelayException):
    """There is no board to run this on; the message says what to type."""


class Board:
    """One connected board.

    Args:
        name: what the notebook calls it.
        device: the way to it.
        boards: those that it is one of.

    Attributes:
        background: the cell that runs on it in the background, or ran there last.
        calls: how many cells that the user waits for run on it.
        console: its prompt in the notebook, a :class:`belay_jupyter.consoles.prompt.BoardPrompt`.
    """

    def __init__(self, name: str, device: Device, boards: Boards) -> None:
        self.name = name
        self.device = device
        self.boards = boards
        self.background: Any = None
        self.console: Any = None
        self.calls = 0

    @property
    def description(self) -> str:
        """Implementation, version, platform and address, in one line."""
        facts = self.device.implementation
        version = ".".join(map(str, facts.version))
        spelled = SPELLED.get(facts.name, facts.name)
        return f"{spelled} {version} on {facts.platform} at {self.device.address}"

    def __repr__(self) -> str:
        return f"<Board {self.name}: {self.description}>"


class Boards:
    """The connected boards of one notebook, by name; one of them is the current one.

    Args:
        shell: the notebook's IPython.

    Attributes:
        on_missing: makes a board where one is needed and none was ever connected.
        address: where the board is if neither the user nor ``BELAY_DEVICE`` says so.
        attempts: how often to connect again, where the user does not say so.
        renderer: gives errors of boards their looks.
        on_connect: called with each board that was connected.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        from belay_jupyter.tracebacks import TracebackRenderer

        self._boards: dict[str, Board] = {}
        self._lost = ""
        self._untouched = True
        self.on_missing: Callable[[], Board] | None = None
        self.address = ""
        self.attempts = 0
        self.on_connect: list[Callable[[Board], object]] = []
        self.renderer: TracebackRenderer = TracebackRenderer(shell)

    def __iter__(self) -> Iterator[Board]:
        return iter(list(self._boards.values()))

    def __len__(self) -> int:
        return len(self._boards)

    def names(self) -> list[str]:
        """The names of the boards, the current one's last."""
        return list(self._boards)

    @property
    def current(self) -> Board:
        """The board that a cell means which names none: the one that was connected last.

        Raises:
            NotConnectedError: there is none.
        """
        self._drop_closed()
        if not self._boards and self._untouched and self.on_missing is not None:
            try:
                return self.on_missing()
            except BaseException:
                self._untouched = True  # the next cell tries again
                raise
        for board in reversed(self._boards.values()):
            return board
        state = self._lost or "no board is connected"
        raise NotConnectedError(f"{state}; type for example: %belay_connect virtual:")

    def get(self, name: str = "") -> Board:
        """The board of this name; the current one for an empty name.

        Raises:
            NotConnectedError: there is none; the message lists those that are there.
        """
        if not name:
            return self.current
        self._drop_closed()
        if name not in self._boards:
            raise NotConnectedError(self._no_board(name))
        return self._boards[name]

    def chosen(self, name: str) -> list[Board]:
        """The boards that ``-t`` names, each once: all for :data:`ALL`, as they were connected.

        Raises:
            NotConnectedError: there is none of this name.
        """
        names = [part for part in map(str.strip, name.split(",")) if part] or [""]
        if ALL not in names:
            return list(dict.fromkeys(map(self.get, names)))
        self._drop_closed()
        return list(self) or [self.current]

    def _no_board(self, name: str) -> str:
        there = ", ".join(self._boards) or "none"
        return (
            f"no board is called {name!r} (those that are connected: {there}); type: "
            f"%belay_connect ADDRESS --name {name}"
        )

    def connect(
        self,
        address: str = "",
        *,
        name: str = DEFAULT,
        reset: bool = False,
        attempts: int | None = None,
        record: str | os.PathLike[str] | Recording | None = None,
    ) -> Board:
        """Connect a board and make it the current one; one of the same name is closed first.

        Args:
            address: as :class:`belay.Device` takes it; empty: that of ``BELAY_DEVICE``, or the
                one on USB if there is only one.
            name: what to call it.
            reset: soft-reset the board. Otherwise what is in its memory stays.
            attempts: how often to connect again by itself when the link ends; None:
                :attr:`attempts`.
            record: as :class:`belay.Device` takes it.

        Raises:
            NotConnectedError: no address is known; the message lists what to type.
            BelayException: it cannot be reached; the message says what to try.
        """
        from belay.device import Device

        if not _NAME.match(name) or name == ALL:
            raise NotConnectedError(
                f"a board cannot be called {name!r}: take letters and digits, and not {ALL!r}"
            )
        self._untouched = False
        address = address or self.known_address()
        if not address and not os.environ.get("BELAY_REPLAY"):
            address = self.only_one()
        self.close(name)  # a port cannot be opened twice
        # A cell is a program of its own: it imports what it uses, so nothing is imported for it.
        attempts = self.attempts if attempts is None else attempts
        device = Device(
            address or None,
            reset=reset,
            startup="",
            attempts=attempts,
            stdin=self._ask,
            record=record,
        )
        board = self._boards[name] = Board(name, device, self)
        self._lost = ""
        for told in list(self.on_connect):
            told(board)
        return board

    def known_address(self) -> str:
        """The address that was set for boards without one; or an empty text.

        It is that of ``BELAY_DEVICE``, of this extension's setting, or the configured default.

        Raises:
            AddressError: the configuration is wrong.
        """
        from belay.transports.boards import default

        said = os.environ.get("BELAY_DEVICE", "") or self.address
        if said or (found := default()) is None:
            return said
        return found.address

    def only_one(self) -> str:
        """The address of the one board on USB.

        Raises:
            NotConnectedError: there are none, or several; the message says what to type.
        """
        from belay.transports.usb import list_devices

        found = [(device.device or "", device) for device in list_devices()]
        if len(found) == 1:
            return found[0][0]
        lines = [_WHAT_TO_TYPE[0]] if found else list(_WHAT_TO_TYPE)
        shown = [(port, _described(device)) for port, device in found] + lines
        width = max(len(address) for address, _ in shown)
        listed = "".join(
            f"\n%belay_connect {address:{width}}   # {what}" for address, what in shown
        )
        why = f"there are {len(found)} on USB" if found else "there is none on USB"
        raise NotConnectedError(f"which board? ({why}) Type one of these:{listed}")

    def _ask(self) -> str:
        """A line for ``input()`` on a board."""
        from belay_jupyter.asking import ask

        return ask()

    def close(self, name: str = "") -> Board | None:
        """Close a board; returns it, or None where there was none of this name.

        Args:
            name: empty for the current one.
        """
        self._untouched = False
        self._lost = ""
        if not name:
            name = next(reversed(self._boards), "")
        board = self._boards.pop(name, None)
        if board is not None:
            board.device.close()
        return board

    def close_all(self) -> None:
        """Close every board."""
        for name in list(self._boards):
            self.close(name)

    def interrupt(self) -> bool:
        """Stop the cells that the user waits for, from any thread; returns whether there are some.

        Each of them fails with KeyboardInterrupt. Cells in the background go on.
        """
        running = [board for board in self if board.calls]
        for board in running:
            board.device.interrupt()
        return bool(running)

    def drop(self, name: str, reason: str) -> None:
        """Forget a board that cannot be used any more; the next cell says why."""
        board = self.close(name)
        if board is not None:
            self._lost = f"the board at {board.device.address} is not connected any more ({reason})"

    def _drop_closed(self) -> None:
        for board in self:
            if board.device.closed:
                self.drop(board.name, "its Device was closed")

    def after(self, board: Board, error: BaseException) -> str:
        """Look at what went wrong in a call; a board whose link is dead is dropped.

        Returns:
            What to tell the user beyond the error's own message.
        """
        if isinstance(error, BoardResetError):
            return ""  # it is empty, but it is there
        if isinstance(error, BoardBusyError):
            return _harder(board)
        if isinstance(error, (ConnectionLost, DeviceClosedError)) and board in list(self):
            self.drop(board.name, "the link ended")
            return f"To connect it again: {how_to_connect(board)}"
        return ""

    def prepare(self, board: Board, error: BaseException) -> None:
        """Give an error the looks that say most about it."""
        if isinstance(error, KeyboardInterrupt) and board.device._session._unsettled:
            self.renderer.as_message(error, f"The board ignores interrupts. {_harder(board)}")
        elif isinstance(error, (PyboardException, CallTimeoutError, KeyboardInterrupt)):
            self.renderer.as_board_error(error)
        elif isinstance(error, BelayException):
            self.renderer.as_message(error, self.after(board, error))


def _harder(board: Board) -> str:
    named = "" if board.name == DEFAULT else f" -t {board.name}"
    return f"To stop it for good: %belay_reset --hard{named} (its memory is lost), or its button."


def how_to_connect(board: Board) -> str:
    """What to type to connect a board once more."""
    named = "" if board.name == DEFAULT else f"--name {board.name} "
    return f"%belay_connect {named}{board.device.address}"


def _described(device: Any) -> str:
    """What is known of a USB device, in a few words."""
    known = (device.product or device.manufacturer, device.serial_number, device.location)
    return ", ".join(str(one) for one in known if one) or "a serial port"


_known: weakref.WeakKeyDictionary[InteractiveShell, Boards] = weakref.WeakKeyDictionary()


def of(shell: InteractiveShell) -> Boards:
    """The boards of a notebook: one object for each IPython, made when it is first asked for."""
    boards = _known.get(shell)
    if boards is None:
        boards = _known[shell] = Boards(shell)
    return boards


def forget(shell: InteractiveShell) -> None:
    """Close the boards of a notebook."""
    boards = _known.pop(shell, None)
    if boards is not None:
        boards.close_all()
