# SPDX-License-Identifier: Apache-2.0
"""A WebREPL client as MicroPython's documentation describes one: RFC 6455 by hand, and files."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

SOON = 30.0
TEXT, BINARY, CLOSE, PING = 1, 2, 8, 9
HEADER = struct.Struct("<2sBBQLH64s")
PUT, GET, VERSION = 1, 2, 3


class HungUp(Exception):
    """The board has closed the connection; the argument is what it had sent."""


class WebreplClient:
    """One connection, and all that it received."""

    def __init__(self, port: int, *, password: str | None = None) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), SOON)
        self._data = b""
        self.text = b""
        self.binary: list[bytes] = []
        try:
            self._shake_hands(password)
        except BaseException:
            self.close()
            raise

    def _shake_hands(self, password: str | None) -> None:
        self.socket.sendall(
            b"GET / HTTP/1.1\r\nHost: board\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        while b"\r\n\r\n" not in self._data:
            self._data += self._receive()
        self.answer, _, self._data = self._data.partition(b"\r\n\r\n")
        if password is not None:
            self.until(b"Password: ")
            self.type(password + "\r")
            self.until(b"WebREPL connected\r\n>>> ")

    def _receive(self) -> bytes:
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionError:
            data = b""
        if not data:
            raise HungUp(self.text)
        return data

    def _take(self, count: int) -> bytes:
        while len(self._data) < count:
            self._data += self._receive()
        data, self._data = self._data[:count], self._data[count:]
        return data

    def hear(self) -> int:
        """Take one frame; returns its opcode."""
        first, size = self._take(2)
        if size == 126:
            (size,) = struct.unpack(">H", self._take(2))
        payload = self._take(size)
        if first & 0x0F == TEXT:
            self.text += payload
        elif first & 0x0F == BINARY:
            self.binary.append(payload)
        return first & 0x0F

    def until(self, mark: bytes) -> bytes:
        """The text up to and with ``mark``."""
        while mark not in self.text:
            self.hear()
        head, _, self.text = self.text.partition(mark)
        return head + mark

    def until_hung_up(self) -> bytes:
        """The text up to the end of the connection."""
        try:
            while True:
                self.hear()
        except HungUp:
            return self.text

    def take_binary(self) -> bytes:
        """The payload of the next binary frame."""
        while not self.binary:
            self.hear()
        return self.binary.pop(0)

    @staticmethod
    def frame(
        payload: bytes, opcode: int = TEXT, *, masked: bool = True, final: bool = True
    ) -> bytes:
        """A client's frame."""
        size = len(payload)
        start = bytes([final << 7 | opcode])
        flag = masked << 7
        head = bytes([flag | size]) if size < 126 else struct.pack(">BH", flag | 126, size)
        if not masked:
            return start + head + payload
        mask = os.urandom(4)
        return start + head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))

    def type(self, text: str) -> None:
        """Send text as a browser's terminal does."""
        self.socket.sendall(self.frame(text.encode()))

    def send_binary(self, payload: bytes) -> None:
        self.socket.sendall(self.frame(payload, BINARY))

    def ask(self, operation: int, name: str = "", size: int = 0) -> None:
        """Send the header of a file request."""
        raw = name.encode()
        self.send_binary(HEADER.pack(b"WA", operation, 0, 0, size, len(raw), raw))

    def answered(self) -> int:
        """The code of the board's answer."""
        answer = self.take_binary()
        assert answer[:2] == b"WB"
        assert len(answer) == 4
        return int.from_bytes(answer[2:], "little")

    def put(self, name: str, data: bytes, piece: int = 1024) -> int:
        """Send a file; returns the final code."""
        self.ask(PUT, name, len(data))
        assert self.answered() == 0
        for start in range(0, len(data), piece):
            self.send_binary(data[start : start + piece])
        return self.answered()

    def get(self, name: str) -> bytes:
        """Fetch a file."""
        self.ask(GET, name)
        assert self.answered() == 0
        data = b""
        while True:
            self.send_binary(b"\0")
            piece = self.take_binary()
            assert int.from_bytes(piece[:2], "little") == len(piece) - 2
            if len(piece) == 2:
                assert self.answered() == 0
                return data
            data += piece[2:]

    def run(self, line: str) -> str:
        """Type a line at the prompt; what it printed."""
        self.type(line + "\r")
        self.until(line.encode() + b"\r\n")
        return self.until(b">>> ")[: -len(b">>> ")].decode().strip()

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> WebreplClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


@contextmanager
def webrepl_board(*options: str) -> Iterator[tuple[int, str]]:
    """A virtual board with WebREPL: its port, and the line that it printed at its start."""
    environment = {key: value for key, value in os.environ.items() if key != "BELAY_PASSWORD"}
    with subprocess.Popen(
        [sys.executable, "-m", "belay.virtual", "--webrepl", "0", *options],
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as board:
        try:
            assert board.stderr is not None
            line = board.stderr.readline()
            assert "ws://127.0.0.1:" in line
            yield int(line.partition("ws://127.0.0.1:")[2].split()[0]), line
        finally:
            board.terminate()
            board.wait(SOON)
