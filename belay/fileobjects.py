# SPDX-License-Identifier: Apache-2.0
"""Files of a board as files of Python's."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

from belay import errors as belay_errors

if TYPE_CHECKING:
    from belay.files import Files

__all__ = ["open_file"]

_BUFFER = 16384
"""Bytes that are read at a time: a board far away takes as long for one as for all of them."""


def open_file(
    files: Files, path: str, mode: str, encoding: str, errors: str | None, newline: str | None
) -> IO[Any]:
    """See :meth:`belay.files.Files.open`."""
    kind, rest = mode[:1], "".join(sorted(mode[1:]))
    if kind not in tuple("rwax") or rest not in ("", "+", "b", "t", "+b", "+t"):
        raise ValueError(f"no mode of a file: {mode!r}")
    binary = "b" in rest
    if kind == "r" and "+" not in rest:
        reader = io.BufferedReader(_Reading(files, path), _BUFFER)
        return reader if binary else io.TextIOWrapper(reader, encoding, errors, newline)
    entry = files.stat(path) if kind == "r" or files.exists(path) else None
    if entry is not None and entry.is_dir:
        raise belay_errors.board_file_error(21, path)
    if entry is not None and kind == "x":
        raise belay_errors.board_file_error(17, path)
    before = files.read(path) if entry is not None and kind in "ra" else b""
    written = _Written(lambda data: files.write(path, data), path, before, adding=kind == "a")
    if binary:
        return written
    return _WrittenText(written, encoding, errors, "\n" if newline is None else newline)


class _Reading(io.RawIOBase):
    """Reads what is asked for, and all the rest at once where that is asked for."""

    def __init__(self, files: Files, path: str) -> None:
        entry = files.stat(path)
        if entry.is_dir:
            raise belay_errors.board_file_error(21, path)
        self.name = path
        self._files, self._size, self._at = files, entry.size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        data = self._part(len(view))
        view[: len(data)] = data
        return len(data)

    def readall(self) -> bytes:
        return self._part(-1)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if at < 0:
            raise ValueError(f"negative position: {at}")
        self._at = at
        return at

    def tell(self) -> int:
        return self._at

    def _part(self, size: int) -> bytes:
        if size == 0 or self._at >= self._size:
            return b""
        files, path = self._files, self.name
        data = files._carry(path, lambda board: board.read(path, offset=self._at, size=size))
        self._at += len(data)
        return data


class _Written(io.BytesIO):
    """Takes what is written; closing it sends that to the board."""

    mode = "rb+"

    def __init__(
        self, send: Callable[[bytes], None], path: str, before: bytes, *, adding: bool
    ) -> None:
        super().__init__(before)
        self.name = path
        self._send: Callable[[bytes], None] | None = send
        self._adding = adding
        if adding:
            self.seek(0, io.SEEK_END)

    def write(self, data: Any, /) -> int:
        if self._adding:
            self.seek(0, io.SEEK_END)
        return super().write(data)

    def abandon(self) -> None:
        """Let the board have what it has."""
        self._send = None

    def close(self) -> None:
        send, self._send = self._send, None
        try:
            if send is not None and not self.closed:
                send(self.getvalue())
        finally:
            super().close()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None:
            self.abandon()
        self.close()

    def __del__(self) -> None:
        # No word to a board from a finalizer: it may run in the middle of a call.
        if getattr(self, "_send", None) is not None and not self.closed:
            self.abandon()
            warnings.warn(
                f"{self.name} was never closed, so nothing was written to the board",
                ResourceWarning,
                stacklevel=2,
            )


class _WrittenText(io.TextIOWrapper):
    """The same for text."""

    def __init__(self, written: _Written, encoding: str, errors: str | None, newline: str) -> None:
        super().__init__(written, encoding, errors, newline)
        self._written = written

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._written.abandon()
        self.close()

    def __del__(self) -> None:
        """Leaves it to the buffer's to say that it was never closed."""
        written = self.__dict__.get("_written")
        if written is not None:
            written.__del__()
