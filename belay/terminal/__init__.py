# SPDX-License-Identifier: Apache-2.0
"""The board's own prompt in the user's terminal.

What is typed goes to the board as it is, and what the board sends to the screen. On top of that a
person gets the older lines of all terminals with the arrow keys, text pasted as the board's paste
mode wants it, and files of the host run on the board.
"""

from __future__ import annotations

import codecs
import contextlib
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from belay import errors
from belay.terminal.history import LineHistory
from belay.terminal.keyboard import Keys, open_keys
from belay.terminal.prompt import FRESH, PromptLine
from belay.terminal.strokes import PASTE_OFF, PASTE_ON, Asked, Strokes
from belay.terminal.typist import Typist

if TYPE_CHECKING:
    from belay.device import Device
    from belay.transports.base import Transport

__all__ = ["EXIT", "Injection", "converse", "run_terminal"]

EXIT = "\x1d"
"""Ctrl-], as in telnet and in Belay."""

_FRIENDLY = b"\x02"
_QUIET = 0.5
"""Seconds of silence after which a board has no more to say to the end of the input."""

_ESCAPE = 0.1
"""Seconds after which an Escape is a key by itself."""


class Left(NamedTuple):
    """Why a terminal ended: a key that runs code was typed.

    Attributes:
        injection: what it runs.
        line: what the screen's last line was, prompt and all.
    """

    injection: Injection
    line: str


class Injection(NamedTuple):
    """Code that a key runs on the board.

    Attributes:
        what: words for it, such as ``runs a file``; shown to the user.
        source: called for the code and the name of its file, while the user's terminal is as
            usual; None runs nothing.
    """

    what: str
    source: Callable[[], tuple[str, str] | None]


def run_terminal(
    transport: Transport,
    exit_char: str = EXIT,
    *,
    stdin: Any = None,
    stdout: Any = None,
    history: LineHistory | None = None,
    injections: Mapping[str, Injection] | None = None,
    capture: BinaryIO | None = None,
    lent: bool = False,
    resume: str | None = None,
) -> Left | None:
    """Connect the user's terminal to the board's friendly prompt, until the user ends it.

    Every key goes to the board, Ctrl-C and Ctrl-D too. Where ``stdin`` is no terminal, it is
    typed line by line, and its end ends this once the board has been silent for a moment. A
    terminal is left as it was found.

    Args:
        transport: the link to a board, at its raw or friendly prompt.
        exit_char: the key that ends it, one ASCII character; Ctrl-] by default.
        stdin: a text file to read from; ``sys.stdin`` by default.
        stdout: a text file to write to; ``sys.stdout`` by default.
        history: older lines for the arrow keys; takes what is typed. None leaves the arrows to
            the board.
        injections: keys that end this too, one ASCII character each.
        capture: takes all that the board sends, beside the screen.
        lent: the prompt is on its way, and shown without the banner in front of it.
        resume: this goes on after it was left; the text stands at the prompt. ``""`` where that
            is on its way.

    Returns:
        The injection whose key was typed; None for any other end.

    Raises:
        ValueError: ``exit_char`` is not one ASCII character.
        ConnectionLost: the link ended.
    """
    injections = injections or {}
    for key in (exit_char, *injections):
        if len(key) != 1 or not key.isascii():
            raise ValueError(f"exit_char must be one ASCII character, not {key!r}")
    stdin = sys.stdin if stdin is None else stdin
    stdout = sys.stdout if stdout is None else stdout
    typist = Typist(transport.write, history)
    printer = _Printer(transport, _writer(stdout), typist.line, capture)
    with open_keys(stdin) as keys:
        marked = keys.interactive and sys.platform != "win32" and stdout.isatty()
        if keys.interactive and resume is None:
            printer.write(_greeting(transport.address, exit_char, injections).encode())
        if marked:
            printer.write(PASTE_ON)
        if resume:
            printer.take(resume.encode())
        printer.start(keys.wake, muted=lent)
        strokes = Strokes("".join((exit_char, *injections)).encode())
        pressed: str | None = ""
        try:
            if not lent and not resume:
                transport.write(_FRIENDLY)
            pressed = _type(keys, strokes, typist, printer)
        finally:
            printer.stop()
            if marked and pressed is not None:
                printer.write(PASTE_OFF)
            if keys.interactive and pressed == exit_char:
                printer.write(b"\r\n")  # what comes behind it does not stand at the board's prompt
    if printer.error is not None:
        raise printer.error
    injection = injections.get(pressed or "")
    return Left(injection, typist.line.prompt + typist.line.text) if injection else None


def converse(
    transport: Transport,
    exit_char: str = EXIT,
    *,
    history: LineHistory | None = None,
    injections: Mapping[str, Injection] | None = None,
    capture: BinaryIO | None = None,
) -> None:
    """`run_terminal`, and what its keys run on the board.

    Code is run over the same link and in the same ``__main__``; its exceptions show the lines of
    the file. The link is closed at the end.

    Raises:
        ConnectionLost: the link ended.
    """
    from belay.device import Device

    options: dict[str, Any] = {"history": history, "injections": injections, "capture": capture}
    device: Device | None = None
    try:
        code = _code_to_run(transport, exit_char, options)
        while code is not None:
            device = device or Device(transport, reset=False, startup="")
            _run(device, *code)
            code = _lent(device, exit_char, options)
    finally:
        if device is not None:
            device.close()
        transport.close()


def _lent(device: Device, exit_char: str, options: dict[str, Any]) -> tuple[str, str] | None:
    """The terminal once more, over the link that a session has for itself."""
    codes: list[tuple[str, str] | None] = []
    device._session.lend(
        lambda link: codes.append(
            _code_to_run(link, exit_char, {**options, "lent": True, "resume": ""})
        )
    )
    return codes[0]


def _code_to_run(
    link: Transport, exit_char: str, options: dict[str, Any]
) -> tuple[str, str] | None:
    """The terminal, until a key asks for code that is there; None at its end."""
    while (left := run_terminal(link, exit_char, **options)) is not None:
        print(flush=True)
        found = left.injection.source()
        if found is not None:
            return found
        options = {**options, "lent": False, "resume": left.line or FRESH}
    return None


def _run(device: Device, source: str, filename: str) -> None:
    """Run code; what goes wrong is shown, since the prompt is there to look into it."""
    try:
        device.run_cell(source, filename=filename, result=False)
    except KeyboardInterrupt:
        print("KeyboardInterrupt", file=sys.stderr)
    except errors.ConnectionLost:
        raise
    except errors.BelayException as error:
        print(str(error).strip(), file=sys.stderr)


def _greeting(address: str, exit_char: str, injections: Mapping[str, Injection]) -> str:
    parts = [f"{_named(exit_char)} ends this terminal"]
    parts += [f"{_named(key)} {injection.what}" for key, injection in injections.items()]
    return f"{address}: {', '.join(parts)}\r\n"


def _type(keys: Keys, strokes: Strokes, typist: Typist, printer: _Printer) -> str | None:
    """Carry keys to the board; returns the one that ended it, None at the end of all keys."""
    while printer.error is None:
        typed = keys.read(_ESCAPE if strokes.waiting else None)
        if typed is None:  # the end of a file; the answers to its last lines are still to come
            while not keys.interactive and (left := printer.silence_left()) > 0:
                keys.sleep(left)
            return None
        printer.muted = printer.muted and not typed
        for stroke in strokes.feed(typed) if typed else strokes.flush():
            if isinstance(stroke, Asked):
                return stroke.key.decode()
            typist.do(stroke)
    return ""


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

    def __init__(
        self,
        transport: Transport,
        write: Callable[[bytes], None],
        line: PromptLine,
        capture: BinaryIO | None,
    ) -> None:
        self.write = write
        self.error: Exception | None = None
        self._transport = transport
        self._line = line
        self._capture = capture
        self._heard = time.monotonic()
        self._stopped = False
        self.muted = False
        self._thread: threading.Thread | None = None

    def start(self, on_end: Callable[[], None], *, muted: bool = False) -> None:
        """Begin; ``muted`` shows nothing before the first prompt."""
        self._on_end = on_end
        self.muted = muted
        self._thread = threading.Thread(target=self._run, name="belay terminal", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it. What the board has sent by now has been shown."""
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
                    self.take(data)
        except Exception as error:
            self.error = error
            self._on_end()

    def take(self, data: bytes) -> None:
        """Show what came from the board."""
        self._line.feed(data)
        if self.muted:
            if self._line.prompt != FRESH:
                return
            self.muted = False
            data = b"\r" + FRESH.encode() + self._line.text.encode()
        self.write(data)
        if self._capture is not None:
            self._capture.write(data)
