# SPDX-License-Identifier: Apache-2.0
"""Where keys come from: a terminal, a pipe or a file, the console of Windows."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from typing import Any, Protocol

__all__ = ["Keys", "open_keys"]

_CHUNK = 1024


class Keys(Protocol):
    """Where keys come from.

    Attributes:
        interactive: a person types them.
    """

    interactive: bool

    def read(self, timeout: float | None = None) -> bytes | None:
        """The next keys as bytes; ``b""`` when woken or at the timeout, None at the end."""

    def sleep(self, seconds: float) -> None:
        """Wait, or until woken."""

    def wake(self) -> None:
        """End a ``read`` or a ``sleep``; from any thread."""


@contextlib.contextmanager
def open_keys(stdin: Any) -> Iterator[Keys]:
    """The keys of a file, which is a raw terminal meanwhile if it is a terminal."""
    interactive = bool(stdin.isatty())
    try:
        descriptor = stdin.fileno()
    except (AttributeError, OSError, ValueError):  # text in memory
        descriptor = None
    if descriptor is None or (sys.platform == "win32" and not interactive):
        yield FileKeys(stdin)
    elif sys.platform == "win32":
        yield ConsoleKeys()
    else:
        keys = DescriptorKeys(descriptor, interactive)
        try:
            with _raw(descriptor) if interactive else contextlib.nullcontext():
                yield keys
        finally:
            keys.close()


@contextlib.contextmanager
def _raw(descriptor: int) -> Iterator[None]:
    """A terminal that hands over each key as it is. What it shows is not changed."""
    import termios

    before = termios.tcgetattr(descriptor)
    raw = termios.tcgetattr(descriptor)
    raw[0] &= ~(
        termios.BRKINT | termios.ICRNL | termios.INLCR | termios.IGNCR | termios.ISTRIP
        | termios.IXON
    )  # fmt: skip
    raw[3] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN | termios.ISIG)
    raw[6][termios.VMIN] = 1
    raw[6][termios.VTIME] = 0
    termios.tcsetattr(descriptor, termios.TCSADRAIN, raw)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _lines(data: bytes) -> bytes:
    """Line ends of a file as the key that ends a line."""
    return data.replace(b"\r\n", b"\r").replace(b"\n", b"\r")


class DescriptorKeys:
    """Keys of a terminal, a pipe or a file, on POSIX."""

    def __init__(self, descriptor: int, interactive: bool) -> None:
        import select

        self.interactive = interactive
        self._select = select.select
        self._descriptor = descriptor
        self._bell, self._rope = os.pipe()

    def read(self, timeout: float | None = None) -> bytes | None:
        """See `Keys`."""
        ready, _, _ = self._select([self._descriptor, self._bell], [], [], timeout)
        if self._bell in ready or not ready:
            return b""
        try:
            data = os.read(self._descriptor, _CHUNK)
        except OSError:  # the terminal was closed
            return None
        if not data:
            return None
        return data if self.interactive else _lines(data)

    def sleep(self, seconds: float) -> None:
        """See `Keys`."""
        self._select([self._bell], [], [], seconds)

    def wake(self) -> None:
        """See `Keys`."""
        os.write(self._rope, b"!")

    def close(self) -> None:
        """Release what it is woken with; the file stays open."""
        os.close(self._bell)
        os.close(self._rope)


class FileKeys:
    """Keys of a file that cannot be waited for: a read of it cannot be woken."""

    interactive = False

    def __init__(self, file: Any) -> None:
        self._file = file
        self._woken = threading.Event()

    def read(self, timeout: float | None = None) -> bytes | None:
        """See `Keys`."""
        line = self._file.readline()
        if not line:
            return None
        return _lines(line.encode() if isinstance(line, str) else line)

    def sleep(self, seconds: float) -> None:
        """See `Keys`."""
        self._woken.wait(seconds)

    def wake(self) -> None:
        """See `Keys`."""
        self._woken.set()


class ConsoleKeys:
    """Keys of the console of Windows, which can only be asked now and then."""

    interactive = True

    _SPECIAL = {  # noqa: RUF012 - second codes of keys that send two, and what terminals send
        "H": b"\x1b[A", "P": b"\x1b[B", "M": b"\x1b[C", "K": b"\x1b[D",
        "G": b"\x1b[H", "O": b"\x1b[F", "S": b"\x1b[3~",
    }  # fmt: skip

    def __init__(self) -> None:
        import msvcrt

        self._console: Any = msvcrt
        self._woken = threading.Event()

    def read(self, timeout: float | None = None) -> bytes | None:
        """See `Keys`."""
        left = float("inf") if timeout is None else timeout
        try:
            while not self._console.kbhit():
                if self._woken.wait(0.01) or left <= 0:
                    return b""
                left -= 0.01
            key = self._console.getwch()
            if key in "\x00\xe0":
                return self._SPECIAL.get(self._console.getwch(), b"")
            return str(key).encode("utf-8", "surrogatepass")
        except KeyboardInterrupt:
            return b"\x03"

    def sleep(self, seconds: float) -> None:
        """See `Keys`."""
        self._woken.wait(seconds)

    def wake(self) -> None:
        """See `Keys`."""
        self._woken.set()
