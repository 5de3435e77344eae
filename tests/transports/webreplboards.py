# SPDX-License-Identifier: Apache-2.0
"""Far ends of WebREPL links: a board's as it should be, small and slow, and some that fail."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable

from belay.virtual.websocket import BINARY, CLOSE, TEXT, FrameReader, accept, encode
from tests.transports.far_ends import TcpServer

PASSWORD = "secret99"
CONNECTED = b"\r\nWebREPL connected\r\n>>> "
RING = 259
"""Bytes that the receive buffer of a board with an ESP chip holds."""


class Peer:
    """The board's end of one connection, after the HTTP request."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.reader = FrameReader()
        self.first_bytes: list[int] = []
        self.masked = True

    def shake_hands(self) -> None:
        request = b""
        while b"\r\n\r\n" not in request:
            data = self.socket.recv(4096)
            if not data:
                raise ConnectionError
            request += data
        answer = accept(request.partition(b"\r\n\r\n")[0])
        assert answer is not None
        self.socket.sendall(answer)

    def send(self, payload: bytes, opcode: int = TEXT) -> None:
        self.socket.sendall(encode(opcode, payload))

    def hear(self) -> list[tuple[int, bytes]]:
        """The frames that have come, one at least; none at the end."""
        while data := self.socket.recv(1 << 16):
            if frames := self.reader.feed(data):
                return [(frame.opcode, frame.payload) for frame in frames]
        return []

    def log_in(self, password: str = PASSWORD) -> bool:
        """Ask for the password; whether it was the right one."""
        self.send(b"Password: ")
        typed = b""
        while not typed.endswith(b"\r"):
            frames = self.hear()
            if not frames:
                return False
            typed += b"".join(payload for _, payload in frames)
        if typed[:-1] != password.encode():
            self.send(b"\r\nAccess denied\r\n")
            return False
        self.send(CONNECTED)
        return True


class WebreplServer:
    """One board's WebREPL in a thread: serves its clients one after another.

    Args:
        serve: what it does with a client that has logged in.
        password: the right one.
        versions: whether it tells its version when asked.
    """

    def __init__(
        self,
        serve: Callable[[WebreplServer, Peer], None],
        *,
        password: str = PASSWORD,
        versions: bool = True,
    ) -> None:
        self.password, self.versions = password, versions
        self.serve = serve
        self.clients = 0
        self.peer: Peer | None = None
        self._server = TcpServer(self._meet, many=True)
        self.address = f"ws://127.0.0.1:{self._server.port}"

    def _meet(self, connection: socket.socket) -> None:
        self.clients += 1
        self.peer = peer = Peer(connection)
        try:
            peer.shake_hands()
            if peer.log_in(self.password):
                self.serve(self, peer)
        except OSError:
            pass

    def frames(self, peer: Peer) -> list[tuple[int, bytes]]:
        """The frames that have come, with questions for the version answered."""
        rest = []
        while not rest:
            frames = peer.hear()
            if not frames:
                return []
            for opcode, payload in frames:
                if opcode == BINARY:
                    assert payload[:2] == b"WA"
                    assert payload[2] == 3
                    assert len(payload) == 82
                    if self.versions:
                        peer.send(b"\x01\x1b\x00", BINARY)
                elif opcode != CLOSE:
                    rest.append((opcode, payload))
        return rest

    def hang_up(self) -> None:
        self._server.hang_up()

    def __enter__(self) -> WebreplServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.hang_up()


def echo(server: WebreplServer, peer: Peer) -> None:
    while frames := server.frames(peer):
        for _, payload in frames:
            peer.send(payload)


class Ring:
    """A board that moves all that has arrived into a small buffer, then reads that.

    Attributes:
        got: what its program has read.
        lost: bytes that did not fit.
    """

    def __init__(self, total: int) -> None:
        self.got = bytearray()
        self.lost = 0
        self.total = total
        self.full = threading.Event()
        self.longest = 0

    def serve(self, server: WebreplServer, peer: Peer) -> None:
        while frames := server.frames(peer):
            held = b"".join(payload for opcode, payload in frames if opcode == TEXT)
            self.longest = max(self.longest, len(held))
            self.lost += max(0, len(held) - RING)
            self.got += held[:RING]
            if len(self.got) + self.lost >= self.total:
                self.full.set()
                peer.send(b"done")


def bare(serve: Callable[[socket.socket], None]) -> TcpServer:
    """A TCP server that is no WebREPL, or half of one."""
    return TcpServer(serve, many=True)


def half(header: int, payload: bytes) -> bytes:
    """The start of a frame of text that announces more than it has."""
    return struct.pack(">BBH", 0x81, 126, header) + payload
