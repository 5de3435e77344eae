# SPDX-License-Identifier: Apache-2.0
"""The process of a virtual board, and its links: one after another, where plugs are pulled."""

from __future__ import annotations

import socket
import sys
import weakref
from typing import TYPE_CHECKING

from belay.errors import DeviceNotFoundError
from belay.transports.address import VirtualAddress
from belay.transports.base import Transport
from belay.transports.process import BoardProcess, connect

if TYPE_CHECKING:
    from belay.virtual.client import Board

__all__ = ["RunningBoard"]

_PATIENCE = 5.0
_BITS = 10  # of a byte on a line


class RunningBoard:
    """A virtual board that runs in a child process.

    Its process ends with its link, but not with one whose plug was pulled on the board's side.

    Args:
        address: what it was started as.
        process: the child.
        outside: what goes through its control pipe.
        pipe: the host's end of that.

    Attributes:
        link: the newest link.
    """

    def __init__(
        self, address: VirtualAddress, process: BoardProcess, outside: Board, pipe: socket.socket
    ) -> None:
        self.address, self.process, self.outside = address, process, outside
        self._finalizer = weakref.finalize(self, _end, process, outside, pipe)
        self.link = self._equipped(self._first())

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self.process.alive

    @property
    def linked(self) -> bool:
        """Whether the newest link still leads to the board."""
        return self.alive and not (isinstance(self.link, _Pulled) and self.link.was_pulled())

    def relink(self) -> Transport:
        """Make a new link, after one whose plug was pulled.

        Raises:
            DeviceNotFoundError: the board is still unplugged.
            OSError: it has ended meanwhile.
        """
        from belay.virtual.pipe import CommandFailedError

        try:
            offer = self.outside.command("link.offer")
        except CommandFailedError:
            raise DeviceNotFoundError(
                f"The virtual board {self.address} is unplugged. device.board.replug(), or a "
                "brown-out's end, plugs it in again."
            ) from None
        connection = socket.create_connection(("127.0.0.1", offer["port"]), timeout=_PATIENCE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(offer["key"].encode() + b"\n")
        self.link = self._equipped(self._second(connection))
        return self.link

    def was_pulled(self) -> bool:
        """Whether a link that ended did so because the plug was pulled."""
        try:
            self.outside.command("link.plugged", timeout=_PATIENCE)
        except OSError:  # it has ended, or does not answer
            return False
        return self.alive

    def end(self) -> None:
        """End the process."""
        self._finalizer()

    def _equipped(self, link: Transport) -> Transport:
        link.outside = self.outside
        if self.address.baud is not None:
            link.bytes_per_second = self.address.baud / _BITS
        return link

    def _first(self) -> Transport:
        if sys.platform == "win32":
            return connect(self.process, address=str(self.address))
        return _link(self, self.process.stdout_fd, self.process.stdin_fd, None)

    def _second(self, connection: socket.socket) -> Transport:
        return _link(self, connection.fileno(), connection.fileno(), connection)


def _end(process: BoardProcess, outside: Board, pipe: socket.socket) -> None:
    process.close()
    outside.close()
    pipe.close()


class _Pulled:
    """A link that can tell whether its plug was pulled."""

    def was_pulled(self) -> bool:
        raise NotImplementedError


def _link(
    board: RunningBoard, read_fd: int, write_fd: int, connection: socket.socket | None
) -> Transport:
    import select

    from belay.transports.descriptor import DescriptorTransport

    gone = select.POLLHUP | select.POLLERR | getattr(select, "POLLRDHUP", 0)

    class BoardLink(DescriptorTransport, _Pulled):
        """A link to a board; it can tell an unplugged board from one that has ended."""

        _pulled = False

        def was_pulled(self) -> bool:
            if not self._pulled and self._read_fd >= 0:
                poller = select.poll()
                poller.register(self._read_fd, gone)
                self._pulled = bool(poller.poll(0)) and board.was_pulled()
            return self._pulled

        def _reason(self, error: OSError | None) -> str:
            if self.was_pulled():
                return "the virtual board was unplugged."
            return board.process.account()

        def _release(self) -> None:
            pulled = self.was_pulled()
            if connection is not None:
                connection.close()
            if not pulled:
                board.end()

    return BoardLink(read_fd, write_fd, address=str(board.address))
