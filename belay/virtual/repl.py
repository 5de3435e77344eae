# SPDX-License-Identifier: Apache-2.0
"""The REPL, byte for byte as a board speaks it.

The interpreter's own C code does the friendly prompt, paste mode and the raw REPL, one character
at a time. This module cuts the input so that a program never loses what was meant for its
``input()``, adds raw paste (the C code of this build cannot wait for input, so its own raw paste
would spin for ever), and turns the end of the REPL into a soft reset.
"""

from __future__ import annotations

import re
import struct
from enum import Enum

from .console import Console
from .vm import Interpreter, InterpreterError

__all__ = ["RAW_PASTE_WINDOW", "Ending", "Repl"]

RAW_PASTE_WINDOW = 8192
"""Bytes of source that a raw-paste host may send before it is told to go on.

Boards with a UART announce 128: half of their receive buffer. This one's buffer has no end, so
the window only bounds how far a host runs ahead.
"""

_CTRL_A, _CTRL_B, _CTRL_C, _CTRL_D = b"\x01", b"\x02", b"\x03", b"\x04"
_RAW_PASTE_REQUEST = b"\x05A"
# Where a chunk of input must end: behind it, a program may run and read the rest itself.
_FRIENDLY_CUT = re.compile(rb"[\x01-\x05\r\n]")
_RAW_CUT = re.compile(rb"[\x01-\x04]")
_PASTE_CUT = re.compile(rb"[\x03\x04]")
_PLACEHOLDER = b"\x06"


class Ending(Enum):
    """What ended a boot of the interpreter."""

    SOFT = "soft reset"
    NEXT = "on to what comes next, with an interpreter of its own"
    HARD = "hard reset"


class Repl:
    """Runs the REPL of one booted interpreter.

    Args:
        vm: the interpreter, which has printed its banner.
        console: where input comes from.
    """

    def __init__(self, vm: Interpreter, console: Console) -> None:
        self._vm, self._console = vm, console
        # Start of the line that the raw REPL has collected, as much as can be a request.
        self._raw_line = b""

    def run(self) -> Ending:
        """Serve until a soft reset is asked for."""
        while True:
            data = self._console.next_input()
            answer = self._raw(data) if self._vm.raw else self._friendly(data)
            if answer:
                return Ending.SOFT

    def _feed(self, data: bytes) -> int:
        console = self._console
        console.begin()
        try:
            answer = self._vm.feed(data)
            self._vm.tidy()
            return answer
        finally:
            console.end()
            console.settle()

    def _friendly(self, data: bytes) -> int:
        cut = _FRIENDLY_CUT.search(data)
        chunk = data[: cut.end()] if cut else data
        self._console.consume(len(chunk))
        self._raw_line = b""
        return self._feed(chunk)

    def _raw(self, data: bytes) -> int:
        cut = _RAW_CUT.search(data)
        chunk = data[: cut.end()] if cut else data
        self._console.consume(len(chunk))
        if cut is None:
            self._raw_line = (self._raw_line + chunk[:3])[:3]
            return self._feed(chunk)
        line = self._raw_line + chunk[:-1]
        self._raw_line = b""
        if cut.group() == _CTRL_A and line == _RAW_PASTE_REQUEST:
            self._feed(_CTRL_C)  # clears the part of the request that the C code has collected
            return self._raw_paste()
        return self._feed(chunk)

    # ---- raw paste

    def _raw_paste(self) -> int:
        console = self._console
        console.write(b"R\x01" + struct.pack("<H", RAW_PASTE_WINDOW) + b"\x01")
        source = bytearray()
        left = RAW_PASTE_WINDOW
        while True:
            data = console.next_input()[:left]
            end = _PASTE_CUT.search(data)
            if end:
                console.consume(end.end())
                source += data[: end.start()]
                break
            console.consume(len(data))
            source += data
            left -= len(data)
            if not left:
                left = RAW_PASTE_WINDOW
                console.write(b"\x01")
        console.write(b"\x04")
        if end.group() == _CTRL_C:
            console.write(b"\x04KeyboardInterrupt: \r\n\x04>")
            return 0
        return self._run_pasted(bytes(source))

    def _run_pasted(self, source: bytes) -> int:
        """Run the source as the raw REPL runs a line, less the OK that stands before it."""
        awkward = re.search(rb"[\x01\x02]", source) is not None
        line = re.sub(rb"[\x01\x02]", _PLACEHOLDER, source) if awkward else source
        line = line or b"\n"  # an empty line would be a soft reset
        self._feed(line)
        if awkward:
            self._put_control_bytes(line, source)
        self._console.skip(len(b"OK"))
        return self._feed(_CTRL_D)

    def _put_control_bytes(self, line: bytes, source: bytes) -> None:
        """Write 0x01 and 0x02 straight into the collected line: typed, they would be commands."""
        memory = self._vm.memory
        everything = memory.read(0, len(memory))
        at = everything.rfind(line)
        while at >= 0:
            # The line lies in a buffer of its own; the copies that fed it are harmless to change.
            memory.write(at, source)
            at = everything.rfind(line, 0, at)


def run_file(vm: Interpreter, console: Console, name: str) -> bool:
    """Run ``boot.py`` or ``main.py`` as boards do at start.

    Returns:
        False when the program asked for a soft reset (SystemExit).
    """
    console.begin()
    vm.interrupt_char = 3
    try:
        outcome = vm.execute(f"execfile({name!r})\n")
    finally:
        vm.interrupt_char = -1
        console.end()
        console.settle()
    if outcome is None:
        return True
    kind, traceback = outcome
    if kind == "SystemExit":
        return False
    if not traceback:
        raise InterpreterError(f"{name}: {kind} without a traceback")
    # The frame of our own execfile() call is not the user's business.
    text = re.sub(r'  File "<stdin>", line 1, in <module>\r?\n', "", traceback, count=1)
    console.write(re.sub(r"\r?\n", "\r\n", text).encode())
    return True
