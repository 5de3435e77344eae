# SPDX-License-Identifier: Apache-2.0
"""WebREPL's file transfer, in binary frames beside the REPL's text.

A request is a header of 82 bytes: ``WA``, the operation, flags, an offset and a size that only a
put uses, the length of the file's name, the name in 64 bytes. The board answers ``WB`` and a code
of 16 bits before and after the data. To get a file, the client asks for each piece with one byte
of any value; a piece has its length before it, and one of length 0 ends the file.
"""

from __future__ import annotations

import posixpath
import struct
from collections.abc import Callable

from .errnos import Errno
from .filesystem import Filesystem, OpenFile, OpenMode

__all__ = ["FileTransfer"]

_HEADER = struct.Struct("<2sBBQLH64s")
_PUT, _GET, _VERSION = 1, 2, 3
_PIECE = 510
"""Bytes of a file in one frame: boards have a buffer of 512, two of them for the length."""


class FileTransfer:
    """Serves the file requests of one client, one after another.

    Args:
        files: the board's flash.
        version: of the firmware.
        send: sends the payload of a binary frame.
    """

    def __init__(
        self, files: Filesystem, version: tuple[int, int, int], send: Callable[[bytes], None]
    ) -> None:
        self._files, self._version, self._send = files, version, send
        self._header = bytearray()
        self._file: OpenFile | None = None
        self._operation = 0
        self._left = 0
        self._failure = 0

    def feed(self, data: bytes) -> None:
        """Take the payload of a binary frame; frames need not end where requests do.

        Raises:
            OSError: a file cannot be opened. A board's connection ends with that.
        """
        rest = memoryview(data)
        while rest:
            if self._file is None:
                missing = _HEADER.size - len(self._header)
                self._header += rest[:missing]
                rest = rest[missing:]
                if len(self._header) == _HEADER.size:
                    self._begin()
            elif self._operation == _GET:
                rest = rest[1:]
                self._give(self._file)
            else:
                self._store(self._file, bytes(rest[: self._left]))
                taken = min(self._left, len(rest))
                self._left -= taken
                rest = rest[taken:]
                if not self._left:
                    self._finish()

    def tell_version(self, data: bytes) -> bool:
        """Answer a question for the version at once, which needs no file.

        Returns:
            False for anything else, and where a request is not complete.
        """
        idle = self._file is None and not self._header
        asked = len(data) == _HEADER.size and data[2] == _VERSION
        if idle and asked:
            self._send(bytes(self._version))
        return idle and asked

    def end(self) -> None:
        """The client has gone: a file that it was putting keeps what has come."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _begin(self) -> None:
        _, self._operation, _, _, size, length, name = _HEADER.unpack(self._header)
        self._header.clear()
        if self._operation == _VERSION:
            self._send(bytes(self._version))
            return
        if self._operation not in (_PUT, _GET):
            return  # as boards: nothing comes back
        text = name[:length].rstrip(b"\0").decode("utf-8", "surrogateescape")
        path = posixpath.normpath("/" + text.lstrip("/"))
        put = self._operation == _PUT
        mode = OpenMode(read=not put, write=put, create=put, truncate=put)
        self._file = self._files.open(path, mode)
        self._left, self._failure = size, 0
        self._answer(0)
        if put and not size:
            self._finish()

    def _store(self, file: OpenFile, data: bytes) -> None:
        if self._failure:
            return
        try:
            file.write(data)
        except OSError as error:
            self._failure = error.errno or int(Errno.EIO)

    def _give(self, file: OpenFile) -> None:
        piece = file.read(_PIECE)
        self._send(struct.pack("<H", len(piece)) + piece)
        if not piece:
            self._finish()

    def _finish(self) -> None:
        self.end()
        self._answer(self._failure)

    def _answer(self, code: int) -> None:
        self._send(b"WB" + struct.pack("<H", code))
