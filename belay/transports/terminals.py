# SPDX-License-Identifier: Apache-2.0
"""``execpty:command line``: a program that opens a pseudo-terminal for a board and says which."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from typing import IO, TypeVar

from belay.errors import ConnectionFailedError, ConnectionLost
from belay.transports.address import ExecAddress, SerialAddress
from belay.transports.base import Transport
from belay.transports.process import start_child
from belay.transports.serialport import open_serial
from belay.transports.wrapping import TransportWrapper

__all__ = ["open_terminal"]

# With what ends it: a name may arrive in two pieces.
_TERMINAL = re.compile(rb"(/dev/(?:pts/\d+|tty\w+))[^\w/]")
_T = TypeVar("_T")
_KEPT = 4096
_GRACE = 1.0


class TerminalProgram:
    """A child process whose output says where the board's pseudo-terminal is.

    Args:
        address: its command line.

    Raises:
        PortNotFoundError: there is no such program.
        ConnectionFailedError: it cannot be started.
    """

    def __init__(self, address: ExecAddress) -> None:
        self.command = address.command
        child = start_child(shlex.split(address.command), address.command, None)
        self._said = (bytearray(), bytearray())  # apart: a name is not to be torn by the other
        self._news = threading.Condition()
        self._readers = 0
        for stream, said in zip((child.stdout, child.stderr), self._said, strict=True):
            assert stream is not None
            self._readers += 1
            threading.Thread(target=self._listen, args=(stream, said), daemon=True).start()
        self._child = child
        self.close = weakref.finalize(self, _end, child)  # and at exit

    def terminal(self, timeout: float | None) -> str:
        """The path of the terminal, when the program has named it.

        Raises:
            ConnectionFailedError: it ended, or did not name one in time.
        """
        with self._news:
            self._news.wait_for(lambda: self._named() or not self._readers, timeout)
            found = self._named(b"\n")
            patience = 0.0 if self._readers else _GRACE
        if found:
            return found[1].decode()
        account = self.account(patience)
        raise ConnectionFailedError(
            f"The program {self.command!r} named no terminal (such as /dev/pts/3): {account}"
        )

    def _named(self, end: bytes = b"") -> re.Match[bytes] | None:
        return next(filter(None, (_TERMINAL.search(said + end) for said in self._said)), None)

    def account(self, patience: float = _GRACE) -> str:
        """How it is with the program, and what it said last.

        Args:
            patience: seconds that it may take to end.
        """
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(patience)
        code = self._child.returncode
        if code is not None:
            with self._news:  # its last words may still be on the way
                self._news.wait_for(lambda: not self._readers, _GRACE)
        ending = "it still runs." if code is None else f"it ended with exit code {code}."
        said = b"".join(self._said).decode("utf-8", "replace").strip()
        return f"{ending} It said:\n{said}" if said else f"{ending} It said nothing."

    def _listen(self, stream: IO[bytes], said: bytearray) -> None:
        with stream:
            while data := stream.read(_KEPT):
                with self._news:
                    said += data
                    del said[:-_KEPT]
                    self._news.notify_all()
        with self._news:
            self._readers -= 1
            self._news.notify_all()


class ProgramTerminal(TransportWrapper):
    """The terminal of a program that ends with it."""

    def __init__(self, inner: Transport, program: TerminalProgram, address: str) -> None:
        super().__init__(inner)
        self.address = address
        self._program = program

    def wait(self, timeout: float | None) -> bool:
        """See :meth:`Transport.wait`."""
        return self._told(lambda: self.inner.wait(timeout))

    def read(self) -> bytes:
        """See :meth:`Transport.read`."""
        return self._told(self.inner.read)

    def write(self, data: bytes) -> None:
        """See :meth:`Transport.write`."""
        self._told(lambda: self.inner.write(data))

    def close(self) -> None:
        """See :meth:`Transport.close`."""
        self.inner.close()
        self._program.close()

    def _told(self, call: Callable[[], _T]) -> _T:
        try:
            return call()
        except ConnectionLost as lost:
            raise ConnectionLost(
                f"The link to {self.address} ended: {self._program.account()}", ran=lost.ran
            ) from lost


def open_terminal(address: ExecAddress, *, timeout: float | None = 10) -> Transport:
    """Start the program of an ``execpty:`` address and open the terminal that it names.

    Args:
        address: the command line.
        timeout: seconds until it has named its terminal.

    Raises:
        PortNotFoundError: there is no such program, or no such terminal.
        ConnectionFailedError: it named no terminal, or this system has none.
    """
    if sys.platform == "win32":
        raise ConnectionFailedError(f"{address}: Windows has no pseudo-terminals.")
    program = TerminalProgram(address)
    try:
        inner = open_serial(SerialAddress(program.terminal(timeout)))
    except BaseException:
        program.close()
        raise
    return ProgramTerminal(inner, program, str(address))


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the child and all that it has started: its input first, then a request, then force."""
    assert child.stdin is not None
    with contextlib.suppress(OSError):
        child.stdin.close()
    for sent in (None, signal.SIGTERM, signal.SIGKILL):
        if sent is not None and child.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, sent)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_GRACE / 4 if sent is None else _GRACE)
            return
