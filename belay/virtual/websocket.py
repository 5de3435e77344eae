# SPDX-License-Identifier: Apache-2.0
"""The board's end of a WebSocket, as far as MicroPython's has it. No I/O: bytes in, frames out.

Boards read client frames with and without a mask, take the pieces of a fragmented message one by
one, discard pings, and know no frame of 64 KB or more.
"""

from __future__ import annotations

import base64
import hashlib
import struct
from typing import NamedTuple

__all__ = ["BINARY", "CLOSE", "TEXT", "Frame", "FrameError", "FrameReader", "accept", "encode"]

CONTINUATION, TEXT, BINARY, CLOSE = 0x0, 0x1, 0x2, 0x8

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_FINAL, _MASKED = 0x80, 0x80


class FrameError(Exception):
    """Bytes that are no frame a board could read."""


class Frame(NamedTuple):
    """One frame from the client, its mask removed.

    Attributes:
        opcode: a continuation has that of the frame it continues.
        payload: bytes.
    """

    opcode: int
    payload: bytes


class FrameReader:
    """Cuts a stream of bytes into frames."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._continued = TEXT

    def feed(self, data: bytes) -> list[Frame]:
        """Take bytes; returns the frames that are complete now.

        Raises:
            FrameError: the stream cannot be followed any further.
        """
        self._data += data
        frames = []
        while frame := self._take():
            frames.append(frame)
        return frames

    def _take(self) -> Frame | None:
        data = self._data
        if len(data) < 2:
            return None
        opcode, size, start = data[0] & 0x0F, data[1] & 0x7F, 2
        if size == 127:
            raise FrameError("a frame of 64 KB or more")
        if size == 126:
            if len(data) < 4:
                return None
            size, start = struct.unpack_from(">H", data, 2)[0], 4
        mask = b""
        if data[1] & _MASKED:
            mask = bytes(data[start : start + 4])
            start += 4
        if len(data) < start + size:
            return None
        payload = bytes(data[start : start + size])
        del data[: start + size]
        if opcode == CONTINUATION:
            opcode = self._continued
        elif opcode in (TEXT, BINARY):
            self._continued = opcode
        return Frame(opcode, _unmask(payload, mask) if mask else payload)


def encode(opcode: int, payload: bytes) -> bytes:
    """A frame to the client; less than 64 KB."""
    size = len(payload)
    if size < 126:
        return bytes([_FINAL | opcode, size]) + payload
    return struct.pack(">BBH", _FINAL | opcode, 126, size) + payload


def accept(request: bytes) -> bytes | None:
    """The answer to a client's HTTP request; None when it does not ask for a WebSocket.

    Args:
        request: all of it, up to the empty line. Names of headers are taken as they are written in
            RFC 6455, which is what boards do.
    """
    headers = {}
    for line in request.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        headers[name.strip()] = value.strip()
    key = headers.get(b"Sec-WebSocket-Key", b"")
    if not key or headers.get(b"Upgrade") != b"websocket":
        return None
    if b"Upgrade" not in headers.get(b"Connection", b""):
        return None
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + base64.b64encode(hashlib.sha1(key + _GUID).digest())
    ) + b"\r\n\r\n"


def _unmask(payload: bytes, mask: bytes) -> bytes:
    size = len(payload)
    pattern = (mask * (size // 4 + 1))[:size]
    mixed = int.from_bytes(payload, "little") ^ int.from_bytes(pattern, "little")
    return mixed.to_bytes(size, "little")
