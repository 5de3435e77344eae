# SPDX-License-Identifier: Apache-2.0
"""``virtual:``: starts a virtual board (`belay.virtual`) as a child process and links to it."""

from __future__ import annotations

import atexit
import importlib.util
import os
import socket
import sys
import threading
from pathlib import Path
from typing import NoReturn

from belay.errors import ConnectionFailedError, DeviceClosedError, PortBusyError
from belay.transports.address import VirtualAddress
from belay.transports.base import Transport
from belay.transports.process import BoardProcess, connect
from belay.transports.wrapping import TransportWrapper
from belay.virtual.client import Board, of_socket, register
from belay.virtual.pipe import BoardGoneError

__all__ = ["close_shared", "open_virtual"]

# `-m` would put the current folder first on the child's path, where a MicroPython project keeps
# its own `secrets.py` or `array.py`. The folder of this package goes last: it is only needed where
# the package was not installed.
_STARTER = (
    "import sys; sys.path[:] = [p for p in sys.path if p] + [sys.argv.pop(1)]; import runpy; "
    "runpy.run_module('belay.virtual', run_name='__main__', alter_sys=True)"
)

_SLOWEST_START = 60.0

_shared: dict[str, _SharedBoard] = {}
_shared_lock = threading.Lock()
if sys.platform != "win32":
    os.register_at_fork(after_in_child=_shared.clear)  # a forked child has no boards yet


class _SharedBoard:
    """A named board: it outlives the loans of its link, and gives one at a time."""

    def __init__(self, address: VirtualAddress) -> None:
        self.address = address
        self.process: BoardProcess | None = None
        self.transport: Transport | None = None
        self.in_use = False

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.alive

    def start(self, timeout: float | None) -> Transport:
        if self.transport is not None:
            self.transport.close()
            self.transport = None
        self.process, self.transport = _start(self.address, timeout)
        if self.transport.outside is not None:
            register(f"virtual:{self.address.name}", self.transport.outside)
        return self.transport


class _Loan(TransportWrapper):
    """The link of a shared board; closing it gives the link back."""

    def __init__(self, inner: Transport, board: _SharedBoard) -> None:
        super().__init__(inner)
        inner.wait(0)  # hears the bell by which the loan before this one was ended
        self._board = board
        self._closed = False

    def wait(self, timeout: float | None) -> bool:
        self._check()
        ready = self.inner.wait(timeout)
        self._check()
        return ready

    def read(self) -> bytes:
        self._check()
        return self.inner.read()

    def write(self, data: bytes) -> None:
        self._check()
        self.inner.write(data)

    def wake(self) -> None:
        if not self._closed:
            self.inner.wake()

    def drop_output(self) -> None:
        self._check()
        self.inner.drop_output()

    def close(self) -> None:
        with _shared_lock:
            if self._closed:
                return
            self._closed = True
            self._board.in_use = False
        self.inner.wake()

    def _check(self) -> None:
        if self._closed:
            raise DeviceClosedError(f"{self.address} was closed.")


def open_virtual(address: VirtualAddress, *, timeout: float | None = 10) -> Transport:
    """Start a private virtual board, or link to a shared one and start it if need be.

    Args:
        address: the parsed address.
        timeout: seconds until the board must have said something. Never less than a minute: the
            first start on a machine compiles the interpreter, and one that fails is seen at once.

    Raises:
        PortBusyError: the shared board has a link already.
        ConnectionFailedError: the board does not start; the message says what to install.
    """
    if timeout is not None:
        timeout = max(timeout, _SLOWEST_START)
    if not address.name:
        return _start(address, timeout)[1]
    board = _claim(address)
    try:
        if board.alive and board.transport is not None:
            return _Loan(board.transport, board)
        return _Loan(board.start(timeout), board)
    except BaseException:
        board.in_use = False
        raise


def served(address: str) -> Board | None:
    """The outside of a virtual board that ``belay virtual`` serves; None where it is none."""
    try:
        return Board(address)
    except BoardGoneError:
        return None


@atexit.register
def close_shared() -> None:
    """End all shared boards of this process, in use or not."""
    with _shared_lock:
        boards = list(_shared.values())
        _shared.clear()
    for board in boards:
        if board.transport is not None:
            board.transport.close()


def _claim(address: VirtualAddress) -> _SharedBoard:
    with _shared_lock:
        board = _shared.setdefault(address.name, _SharedBoard(address))
        if board.in_use:
            raise PortBusyError(
                f"The virtual board {address.name!r} is in use by another Device of this process. "
                "Close that one, use it, or pick another name: 'virtual:' alone is always new."
            )
        plain = VirtualAddress(address.name)
        if not board.alive:
            board.address = address if address != plain else board.address
        elif address not in (plain, board.address):
            raise ConnectionFailedError(
                f"The virtual board {address.name!r} already runs with other options: "
                f"{board.address}. Leave the options away, or pick another name."
            )
        board.in_use = True
        return board


def _start(address: VirtualAddress, timeout: float | None) -> tuple[BoardProcess, Transport]:
    """A board that has said something, and the link to it, with the board's outside."""
    if not sys.executable:
        raise ConnectionFailedError(
            "A virtual board needs a Python interpreter to run in, and this program does not know "
            "its own (sys.executable is empty)."
        )
    if importlib.util.find_spec("wasmtime") is None:
        raise ConnectionFailedError(
            "The virtual board needs the package 'wasmtime', which is not installed here. "
            f"Install it: {sys.executable} -m pip install wasmtime"
        )
    ours, theirs = socket.socketpair()
    try:
        with theirs:
            process = _process(address, theirs)
        try:
            ready = process.wait_for_output(timeout)
        except BaseException:
            process.close()
            raise
        if not ready:
            _explain(process, timeout)
    except BaseException:
        ours.close()
        raise
    transport = connect(process, address=str(address))
    transport.outside = of_socket(str(address), ours)
    return process, transport


def _process(address: VirtualAddress, pipe: socket.socket) -> BoardProcess:
    command, name = _command(address), f"virtual board {address}"
    if sys.platform == "win32":  # no descriptors are inherited there
        return BoardProcess(command, command=name)
    command += ["--control", str(pipe.fileno())]
    return BoardProcess(command, command=name, pass_fds=[pipe.fileno()])


def _explain(process: BoardProcess, timeout: float | None) -> NoReturn:
    """Raise what says why a board did not start."""
    reason = process.account() if process.output_ended else f"silent for {timeout:g} s."
    process.close()
    raise ConnectionFailedError(
        f"The virtual board did not start: {reason}\n"
        f"Try it by itself: {sys.executable} -m belay virtual"
    )


def _command(address: VirtualAddress) -> list[str]:
    root = str(Path(__file__).resolve().parents[2])
    command = [sys.executable, "-c", _STARTER, root, "--stdio"]
    if address.files is not None:
        command += ["--files", os.path.abspath(os.path.expanduser(address.files))]
    if address.flash is not None:
        command += ["--flash", str(address.flash)]
    if address.cooked:
        command.append("--cooked")
    if address.seed is not None:
        command += ["--seed", str(address.seed)]
    if address.circuitpython:
        command.append("--circuitpython")
    if address.bench is not None:
        command += ["--bench", os.path.abspath(os.path.expanduser(address.bench))]
    if address.net:
        command += ["--net", address.net]
    return command
