# SPDX-License-Identifier: Apache-2.0
r"""From an unknown board to one whose facts are known, as a state machine without a clock.

A board may be at its prompt, in the middle of a line, in an open block, in paste mode, in the raw
REPL or in a raw paste, or running a program. ``\x03\x03\n\x01`` leads from each of them to the raw
REPL's banner. With ``reset`` follows Ctrl-D, alone on an empty raw line and therefore a soft
reset, and the banner again. Then one command asks for the facts. It is sent only after the banner,
because a board that was busy may hold no more than 63 bytes until then.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

__all__ = ["Facts", "Greeting", "GreetingFailure", "GreetingStep"]

ENTER_RAW = b"\x03\x03\n\x01"
ASK_AGAIN = b"\n\x01"
_BANNER = re.compile(rb"raw REPL; CTRL-B to exit\r*\n>")
_REBOOT = re.compile(rb"soft reboot\r*\n")

# Bounded, so that no answer, however hostile, takes long to look at.
_ANSWER = re.compile(rb"<! ([^\r\n]{1,400}) (\d{1,6}) !>(\r*\n)(?:\|(\r*\n)\|)?\x04\x04>")
_ERROR = re.compile(rb"\x04([^\x04]+)\x04>")


@dataclass(frozen=True)
class Facts:
    """What a board said about itself.

    Attributes:
        name: ``micropython`` or ``circuitpython``.
        version: such as ``(1, 27, 0)``.
        platform: ``sys.platform``.
        mpy: ``sys.implementation._mpy``, 0 where there is none.
        machine: ``sys.implementation._machine``, or empty.
        free: bytes of heap that were free.
        crc32: ``binascii.crc32`` exists.
        binary: ``sys.stdin.buffer`` exists.
        deflate: the ``deflate`` module exists.
        compile: the ``compile`` builtin exists, so tracebacks can name their source.
        thread: ``_thread`` exists.
        native: ``@micropython.native`` compiles.
        viper: ``@micropython.viper`` compiles.
        stdin: ``sys.stdin`` exists.
        cooked_text: prints arrive with ``\\r\\n``.
        cooked_binary: so does what is written to ``sys.stdout.buffer``.
    """

    name: str
    version: tuple[int, ...]
    platform: str
    mpy: int
    machine: str
    free: int
    crc32: bool = False
    binary: bool = False
    deflate: bool = False
    compile: bool = False
    thread: bool = False
    native: bool = False
    viper: bool = False
    stdin: bool = False
    cooked_text: bool = False
    cooked_binary: bool = False


class GreetingStep(enum.Enum):
    """What is being waited for."""

    BANNER = "the raw REPL's banner"
    REBOOT = "the end of the soft reset"
    FACTS = "the board's facts"
    LATE = "late answers to questions that were asked again"
    DONE = "nothing more"
    FAILED = "nothing more, in vain"


class GreetingFailure(enum.Enum):
    """Why there is no board to talk to."""

    SILENT = "silent"
    BUSY = "busy"
    NOT_PYTHON = "not python"


def _parse(match: re.Match[bytes]) -> Facts | None:
    text, check = match[1], int(match[2])
    if sum(text) & 0xFFFF != check:
        return None
    fields = text.decode("utf-8", "replace").split("|")
    if len(fields) != 7 or len(fields[5]) != 8 or not (fields[3] + fields[6]).isdecimal():
        return None
    name, version, platform, mpy, machine, bits, free = fields
    crc32, binary, deflate, compiles, thread, native, viper, stdin = (bit == "1" for bit in bits)
    return Facts(
        name=name,
        version=tuple(int(part) for part in version.split(".") if part.isdecimal()),
        platform=platform,
        mpy=int(mpy),
        machine=machine,
        free=int(free),
        crc32=crc32,
        binary=binary,
        deflate=deflate,
        compile=compiles,
        thread=thread,
        native=native,
        viper=viper,
        stdin=stdin,
        cooked_text=b"\r" in match[3],
        cooked_binary=b"\r" in (match[4] or b""),
    )


class Greeting:
    """Enter the raw REPL, reset if asked to, learn the facts.

    Args:
        question: the program whose output :class:`Facts` are read from.
        reset: soft-reset the board: its memory is cleared and ``boot.py`` runs.
        patience: silence after which something is sent again, for a start; in seconds.

    Attributes:
        step: where it is; at ``DONE`` the :attr:`facts` are there.
        facts: what the board said.
        before: what the board sent before it was in the raw REPL.
    """

    def __init__(self, question: bytes, *, reset: bool, patience: float = 0.4) -> None:
        self._question = question
        self.step = GreetingStep.BANNER
        self.facts: Facts | None = None
        self.before = bytearray()
        self._reset = reset
        self._data = bytearray()
        self._to_send = bytearray(ENTER_RAW)
        self._patience = self._wait = patience
        self._errors = 0
        self._banner_seen = False
        self._owed = 0

    @property
    def patience(self) -> float:
        """Seconds to wait for bytes before :meth:`silence`."""
        return self._wait

    @property
    def over(self) -> bool:
        """Whether there is nothing more to do."""
        return self.step in (GreetingStep.DONE, GreetingStep.FAILED)

    def data_to_send(self) -> bytes:
        """Bytes to write now; they are handed out once."""
        data = bytes(self._to_send)
        self._to_send.clear()
        return data

    def receive(self, data: bytes) -> None:
        """Take bytes from the board and move on as far as they allow."""
        self._data += data
        if self.step is GreetingStep.BANNER:
            self._look_for_banner()
        if self.step is GreetingStep.REBOOT:
            self._look_for_reboot()
        if self.step is GreetingStep.FACTS:
            self._look_for_facts()
        elif self.step is GreetingStep.LATE:
            self._look_for_late()

    def silence(self) -> None:
        """:attr:`patience` has passed without a byte: try again, as mildly as possible."""
        if self.step is GreetingStep.BANNER:
            self._wait = max(self._patience, min(self._wait * 1.5, 2.0))
            self._to_send += ENTER_RAW
        elif self.step is GreetingStep.REBOOT:
            # The Ctrl-D was lost, or boot.py has been silent for long: interrupt, once more.
            self.step = GreetingStep.BANNER
            self._reset = self._reset and not _REBOOT.search(self._data)
            self._wait = self._patience
            self._forget()
            self._to_send += ENTER_RAW
        elif self.step is GreetingStep.FACTS:
            self._wait = max(self._patience, min(self._wait * 1.5, 2.0))
            self._owed += 1
            self._to_send += ASK_AGAIN + self._question + b"\x04"
        elif self.step is GreetingStep.LATE:
            self.step = GreetingStep.DONE

    def verdict(self) -> GreetingFailure:
        """Time is up: what kind of thing is at the other end?"""
        if self.step is GreetingStep.FAILED:
            return GreetingFailure.NOT_PYTHON
        if self.step is GreetingStep.REBOOT or self._banner_seen:
            return GreetingFailure.BUSY
        seen = self.seen
        if not seen:
            return GreetingFailure.SILENT
        if re.search(rb">>> |Traceback|MicroPython|CircuitPython|KeyboardInterrupt", seen):
            return GreetingFailure.BUSY
        return GreetingFailure.NOT_PYTHON

    @property
    def seen(self) -> bytes:
        """The last that came, for a message about what is no board."""
        return bytes(self.before + self._data)

    def _forget(self) -> None:
        self.before = (self.before + self._data)[-4096:]
        self._data.clear()

    def _look_for_banner(self) -> None:
        match = _BANNER.search(self._data)
        if not match:
            if len(self._data) > 4096:  # a printing loop: keep what a banner may begin in
                self.before = (self.before + self._data)[-4096:]
                del self._data[:-64]
            return
        self._banner_seen = True
        rest = bytes(self._data[match.end() :])
        self._forget()
        self._data += rest
        if self._reset:
            self.step = GreetingStep.REBOOT
            self._wait = max(self._patience, 3.0)
            self._to_send += b"\x04"
        else:
            self._ask()

    def _look_for_reboot(self) -> None:
        reboot = _REBOOT.search(self._data)
        if not reboot:
            return
        self._wait = 15.0  # boot.py may take its time; it is interrupted after this much silence
        if _BANNER.search(self._data, reboot.end()):
            self._forget()
            self._ask()

    def _ask(self) -> None:
        self.step = GreetingStep.FACTS
        self._wait = self._patience * 1.5
        self._to_send += self._question + b"\x04"

    def _look_for_facts(self) -> None:
        match = _ANSWER.search(self._data)
        facts = _parse(match) if match else None
        if facts:
            self.facts = facts
            self.step = GreetingStep.DONE
            if self._owed:
                # Was the first question lost, or only slow? An answer that still comes must not be
                # taken for that of a request. The board answers in order: this banner is the last.
                self.step = GreetingStep.LATE
                self._wait = self._patience
                self._owed += 1
                self._to_send += ASK_AGAIN
                self._look_for_late()
        elif match or _ERROR.search(self._data):
            # Damaged on its way, or no Python that knows these words.
            self._errors += 1
            self._owed = max(self._owed - len(_BANNER.findall(self._data)), 0)
            self._forget()
            self._to_send += self._question + b"\x04"
            if self._errors > 5:
                self.step = GreetingStep.FAILED

    def _look_for_late(self) -> None:
        end = 0
        for match in _BANNER.finditer(self._data):
            end = match.end()
            self._owed -= 1
        del self._data[:end]
        if self._owed <= 0 or len(self._data) > 4096:
            self.step = GreetingStep.DONE
