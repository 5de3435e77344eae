# SPDX-License-Identifier: Apache-2.0
"""Wires between boards: a connection from process to process for each, set up by the host.

What one board does to its end of the wire goes to the other as a line of text: ``d 5`` says how
hard it drives and to which level (see :mod:`.pins`), ``k`` that this was taken note of for the
first time, ``u 9600 6869`` that a UART sends characters.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING

from .control import CommandError, Commands, Json
from .pins import NOBODY, Pin

if TYPE_CHECKING:
    from .peripherals import Bench

__all__ = ["Peers"]


class _FarEnd:
    """The other board's end of a wire: a port of the net on this board.

    Attributes:
        drive: what that board does to the wire.
        known: the other board knows what this one does to it.
    """

    def __init__(self, bench: Bench, pin: Pin, connection: socket.socket) -> None:
        self._bench, self._pin, self._connection = bench, pin, connection
        self.drive = NOBODY
        self.known = threading.Event()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with bench.lock:
            pin.wired().ports.append(self)
        threading.Thread(target=self._listen, name=f"wire at {pin.number}", daemon=True).start()
        pin.settle()

    def changed(self, drive: int) -> None:
        """Tell the other board what this one does to the wire."""
        self._say(f"d {drive}")

    def heard(self, data: bytes, baud: int) -> None:
        """Tell it what a UART here sends."""
        self._say(f"u {baud} {data.hex()}")

    def _say(self, line: str) -> None:
        with contextlib.suppress(OSError):
            self._connection.sendall(line.encode() + b"\n")

    def _listen(self) -> None:
        with contextlib.suppress(OSError, ValueError), self._connection.makefile("rb") as stream:
            told = False
            for line in stream:
                kind, *rest = line.decode().split()
                if kind == "d":
                    self.drive = int(rest[0])
                    self._pin.settle()
                    if not told:
                        self._say("k")
                    told = True
                elif kind == "k":
                    self.known.set()
                else:
                    data = bytes.fromhex(rest[1]) if len(rest) > 1 else b""
                    self._bench.uarts.transmit(self._pin, data, int(rest[0]), self)
        self.drive = NOBODY
        if self._pin.net is not None:
            self._pin.net.unplug(self)  # the other board has ended
        self._connection.close()


class Peers:
    """The wires that lead from one board to others."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def commands(self) -> Commands:
        """What the host does to lay a wire: open one end here, join it there."""
        return {"wire.open": self._open, "wire.join": self._join}

    def _open(self, pin: int) -> Json:
        from .published import new_key

        it, key = self._bench.pin(pin), new_key()
        listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, args=(listener, it, key), daemon=True).start()
        return {"port": listener.getsockname()[1], "key": key}

    def _accept(self, listener: socket.socket, pin: Pin, key: str) -> None:
        from .control import knows

        with listener:
            listener.settimeout(10)
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return  # nobody came
                connection.settimeout(None)
                if knows(connection, key):
                    break
                connection.close()
        _FarEnd(self._bench, pin, connection)

    def _join(self, pin: int, port: int, key: str) -> None:
        it = self._bench.pin(pin)
        try:
            connection = socket.create_connection(("127.0.0.1", port), timeout=10)
            connection.sendall(key.encode() + b"\n")
        except OSError as error:
            raise CommandError(f"the other board cannot be reached: {error}") from None
        connection.settimeout(None)
        if not _FarEnd(self._bench, it, connection).known.wait(10):
            raise CommandError("the other board did not take the wire")
