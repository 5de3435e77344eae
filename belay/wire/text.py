# SPDX-License-Identifier: Apache-2.0
"""What a running program prints, told apart from the wreck of its answer.

Prints carry no checksum, so when an answer frame is damaged its bytes, and the REPL's prompt behind
them, look like text. Text is handed on at once; only from where such a wreck may begin is it held,
until the next answer frame, or a silence, says what it was.
"""

from __future__ import annotations

import re

from belay.wire.frames import AGENT_NAME

__all__ = ["ECHO", "FRIENDLY", "RunningText", "one_fault"]

FRIENDLY = re.compile(rb"Python v?\d[^\n]*\n(?:[^\n]*\n)?>>> ")
"""The friendly REPL's banner and prompt: a board that shows them has left the raw REPL."""

ECHO = AGENT_NAME.encode()[1:] + b"(b'"
"""A part of a request: the raw REPL echoes nothing, so a board that sends it edits a line of its
friendly REPL. A damaged byte may have led it there, with a line that is not empty and takes no
Ctrl-A."""

_REBOOT = re.compile(
    rb"(?:[\x04>]+(?:\r*\n)?)?[^\n\x04]{0,12}soft reboot\r*\n|\r*\n[^\n]*"
    + FRIENDLY.pattern
    # CircuitPython: its status bar, which is silent in the raw REPL, and words around code.py.
    + rb"|\x1b\]0;\xf0\x9f\x90\x8d|\r*\nAuto-reload is o|\r*\nPress any key to enter the REPL"
)
"""The program has reset the board: what follows is the REPL's."""

_BANNER_LIMIT = 256
"""Bytes that a banner and its prompt take at most."""

_REBOOTING = re.compile(rb"\x04{2}>?(?:\r*\n)?MPY: soft reboot\r*\n")
"""The end of a program's output, then the first word of a reset: boot.py runs now, however long."""

REBOOT_WAITS = 40
"""Silences in which what says so is held: some seconds. No program prints this but to deceive."""

MOST_QUESTIONS = 8
"""Times that one request is asked after while it may be running."""

HELD_LIMIT = 16384
"""Text that may wait for the decision; more than this is a program's."""

_PROMPT = re.compile(rb"\x04[^\n]{0,24}\Z|raw REPL; CTRL-B to exit\r*\n>\Z")
_REPLY_TO_REPEAT = re.compile(rb"[\x04>].*OK\Z", re.DOTALL)
NO_AGENT = re.compile(rb"NameError: name '%s' is" % AGENT_NAME.encode())
"""What a board says that was reset: nothing defines the agent's name any more."""

_AGENT_GONE = re.compile(rb"OK\x04[^\x04]*%s[^\x04]*\x04>\Z" % NO_AGENT.pattern)


def one_fault(data: bytes, mark: bytes) -> int:
    """How many bytes at the front of ``data`` are ``mark`` with one byte lost, doubled or changed.

    0 when it is not there; its own length when it is there whole.
    """
    if data.startswith(mark):
        return len(mark)
    for at in range(len(mark)):
        if data.startswith(mark[: at + 1] + mark[at:]):
            return len(mark) + 1
        if data.startswith(mark[:at]) and data[at + 1 : len(mark)] == mark[at + 1 :]:
            return min(len(mark), len(data))
        if data.startswith(mark[:at] + mark[at + 1 :]):
            return len(mark) - 1
    return 0


def _wreck_of(nonce: bytes) -> re.Pattern[bytes]:
    """Matches a nonce of which one byte was lost or changed."""
    changed, lost = [], []
    for at in range(len(nonce)):
        head, tail = re.escape(nonce[:at]), re.escape(nonce[at + 1 :])
        changed.append(head + b"." + tail)
        lost.append(head + tail)
    return re.compile(b"|".join(changed + lost), re.DOTALL)


class RunningText:
    """The text of one request while it runs.

    Args:
        nonce: what the session's frames begin with.
    """

    def __init__(self, nonce: bytes) -> None:
        self._wreck = _wreck_of(nonce)
        self._held = bytearray()
        # Text that was handed on: a UART brings a banner in pieces.
        self._recent = b""
        self._doubt = False
        self._questions = 0
        self._waits = 0
        self._news = True

    def begin(self) -> None:
        """A program has started; what was held for the last one is void."""
        self._held.clear()
        self._recent = b""
        self._doubt = False
        self._questions = 0
        self._waits = 0
        self._news = True

    @property
    def suspicious(self) -> bool:
        """Whether the answer may have passed by unseen, so that a silence is worth a question."""
        return self._doubt or bool(self._held)

    @property
    def agent_gone(self) -> bool:
        """Whether the question was answered by a board that knows no agent."""
        return self._questions > 0 and bool(_AGENT_GONE.search(self._held))

    def damaged(self) -> None:
        """A damaged frame has come by: hold what follows it."""
        self._doubt = self._news = True

    def feed(self, data: bytes) -> bytes:
        """Take text; return what can be handed on."""
        self._held += data
        self._news = True
        size = len(self._held)
        if self._doubt:
            return self._release(size) if size > HELD_LIMIT else b""
        wreck = self._wreck.search(self._held)
        suspect = wreck or _REBOOT.search(self._held)
        if suspect:
            return self._release(suspect.start(), doubt=True)
        prompt = _PROMPT.search(self._held)
        text = self._release(prompt.start() if prompt else size)
        self._recent = (self._recent + text)[-_BANNER_LIMIT:]
        if _REBOOT.search(self._recent):
            self._doubt = True
            self._recent = b""
        return text

    def silence(self) -> tuple[bytes, bool]:
        """A silence has passed in suspicion.

        Returns:
            Text to hand on after all, and whether to ask the board. It is asked again only when
            something came since: where a question brings nothing, the program is running and the
            text was its own.
        """
        if self._news and self._questions < MOST_QUESTIONS:
            self._questions += 1
            self._news = False
            self._doubt = True
            return b"", True
        if _REBOOTING.match(self._held) and self._waits < REBOOT_WAITS:
            self._waits += 1
            return b"", False
        self._news = True
        return self._release(len(self._held)), False

    def reads(self, size: int) -> bytes:
        """The program asks for a line, so it runs, and has taken in all that it was sent.

        Args:
            size: bytes of the frame in which it asks. What was held and is as long was this frame
                when it was damaged: nobody's text.

        Returns:
            What was held and was text.
        """
        text = self._release(len(self._held))
        self._questions = 0
        self._news = True
        return b"" if abs(len(text) - size) <= 1 else text

    def finish(self) -> bytes:
        """The answer has come: return what of the held text was the program's."""
        text = bytes(self._held)
        wrecked = self._doubt and _REPLY_TO_REPEAT.search(text)
        self.begin()
        return b"" if wrecked else text

    def _release(self, size: int, *, doubt: bool = False) -> bytes:
        text = bytes(self._held[:size])
        del self._held[:size]
        self._doubt = doubt
        return text
