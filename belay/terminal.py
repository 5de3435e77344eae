# SPDX-License-Identifier: Apache-2.0
"""The board's own prompt in the user's terminal."""

from __future__ import annotations

import codecs
import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

from belay import errors

if TYPE_CHECKING:
    from belay.transports.base import Transport

__all__ = ["run_terminal"]

EXIT = "\x1d"
"""Ctrl-], as in telnet and in Belay."""

_FRIENDLY = b"\x02"
_QUIET = 0.5
"""Seconds of silence after which a board has no more to say to the end of the input."""

_CHUNK = 1024


def run_terminal(
    transport: Transport, exit_char: str = EXIT, *, stdin: Any = None, stdout: Any = None
) -> None:
    """Connect the user's terminal to the board's friendly prompt, until the user ends it.

    Every key goes to the board, Ctrl-C and Ctrl-D too. Where ``stdin`` is no terminal, it is
    typed line by line, and its end ends this once the board has been silent for a moment. A
    terminal is left as it was found.

    Args:
        transport: the link to a board, at its raw or friendly prompt.
        exit_char: the key that ends it, one ASCII character; Ctrl-] by default.
        stdin: a text file to read from; ``sys.stdin`` by default.
        stdout: a text file to write to; ``sys.stdout`` by default.

    Raises:
        ValueError: ``exit_char`` is not one ASCII character.
        ConnectionLost: the link ended.
    """
    if len(exit_char) != 1 or not exit_char.isascii():
        raise ValueError(f"exit_char must be one ASCII character, not {exit_char!r}")
    stdin = sys.stdin if stdin is None else stdin
    printer = _Printer(transport, _writer(sys.stdout if stdout is None else stdout))
    with _keys(stdin) as keys:
        if keys.interactive:
            printer.write(
                f"{transport.address}: {_named(exit_char)} ends this terminal\r\n".encode()
            )
        printer.start(keys.wake)
        try:
            transport.write(_FRIENDLY)
            _type(transport, keys, exit_char.encode(), printer)
        finally:
            printer.stop()
    if printer.error is not None:
        raise printer.error


def _type(transport: Transport, keys: _Keys, end: bytes, printer: _Printer) -> None:
    """Carry keys to the board."""
    while printer.error is None:
        typed = keys.read()
        if typed is None:  # the end of a file; the answers to its last lines are still to come
            while not keys.interactive and (left := printer.silence_left()) > 0:
                keys.sleep(left)
            return
        typed, found, _ = typed.partition(end)
        if typed:
            transport.write(typed)
        if found:
            return


def _named(key: str) -> str:
    return f"Ctrl-{chr(ord(key) + 64)}" if ord(key) < 32 else repr(key)


def _writer(stdout: Any) -> Callable[[bytes], None]:
    """What takes the board's bytes: they go out as they are, where the file lets them."""
    buffer = getattr(stdout, "buffer", None)
    if buffer is None:
        decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    def write(data: bytes) -> None:
        if buffer is None:
            stdout.write(decode(data))
        else:
            buffer.write(data)
        stdout.flush()

    stdout.flush()
    return write


class _Printer:
    """A thread that shows what the board sends."""

    def __init__(self, transport: Transport, write: Callable[[bytes], None]) -> None:
        self.write = write
        self.error: Exception | None = None
        self._transport = transport
        self._heard = time.monotonic()
        self._stopped = False
        self._thread: threading.Thread | None = None

    def start(self, on_end: Callable[[], None]) -> None:
        self._on_end = on_end
        self._thread = threading.Thread(target=self._run, name="belay terminal", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped = True
        with contextlib.suppress(errors.BelayException):
            self._transport.wake()
        if self._thread is not None:
            self._thread.join()

    def silence_left(self) -> float:
        """Seconds until the board counts as silent."""
        return 0.0 if self.error else self._heard + _QUIET - time.monotonic()

    def _run(self) -> None:
        try:
            while not self._stopped:
                if self._transport.wait(None):
                    data = self._transport.read()
                    self._heard = time.monotonic()
                    self.write(data)
        except Exception as error:
            self.error = error
            self._on_end()


class _Keys(Protocol):
    """Where keys come from.

    Attributes:
        interactive: a person types them.
    """

    interactive: bool

    def read(self) -> bytes | None:
        """The next keys as bytes; ``b""`` when woken, None at the end."""

    def sleep(self, seconds: float) -> None:
        """Wait, or until woken."""

    def wake(self) -> None:
        """End a ``read`` or a ``sleep``; from any thread."""


@contextlib.contextmanager
def _keys(stdin: Any) -> Iterator[_Keys]:
    """The keys of a file, which is a raw terminal meanwhile if it is a terminal."""
    interactive = bool(stdin.isatty())
    try:
        descriptor = stdin.fileno()
    except (AttributeError, OSError, ValueError):  # text in memory
        descriptor = None
    if descriptor is None or (sys.platform == "win32" and not interactive):
        yield _FileKeys(stdin)
    elif sys.platform == "win32":
        yield _ConsoleKeys()
    else:
        keys = _DescriptorKeys(descriptor, interactive)
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


class _DescriptorKeys:
    """Keys of a terminal, a pipe or a file, on POSIX."""

    def __init__(self, descriptor: int, interactive: bool) -> None:
        import select

        self.interactive = interactive
        self._select = select.select
        self._descriptor = descriptor
        self._bell, self._rope = os.pipe()

    def read(self) -> bytes | None:
        ready, _, _ = self._select([self._descriptor, self._bell], [], [])
        if self._bell in ready:
            return b""
        try:
            data = os.read(self._descriptor, _CHUNK)
        except OSError:  # the terminal was closed
            return None
        if not data:
            return None
        return data if self.interactive else _lines(data)

    def sleep(self, seconds: float) -> None:
        self._select([self._bell], [], [], seconds)

    def wake(self) -> None:
        os.write(self._rope, b"!")

    def close(self) -> None:
        os.close(self._bell)
        os.close(self._rope)


class _FileKeys:
    """Keys of a file that cannot be waited for: a read of it cannot be woken."""

    interactive = False

    def __init__(self, file: Any) -> None:
        self._file = file
        self._woken = threading.Event()

    def read(self) -> bytes | None:
        line = self._file.readline()
        if not line:
            return None
        return _lines(line.encode() if isinstance(line, str) else line)

    def sleep(self, seconds: float) -> None:
        self._woken.wait(seconds)

    def wake(self) -> None:
        self._woken.set()


class _ConsoleKeys:
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

    def read(self) -> bytes | None:
        try:
            while not self._console.kbhit():
                if self._woken.wait(0.01):
                    return b""
            key = self._console.getwch()
            if key in "\x00\xe0":
                return self._SPECIAL.get(self._console.getwch(), b"")
            return str(key).encode("utf-8", "surrogatepass")
        except KeyboardInterrupt:
            return b"\x03"

    def sleep(self, seconds: float) -> None:
        self._woken.wait(seconds)

    def wake(self) -> None:
        self._woken.set()
