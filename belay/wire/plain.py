# SPDX-License-Identifier: Apache-2.0
r"""Requests to a board that is too small for the agent: raw-REPL commands and their markers.

The REPL answers ``OK``, what is printed, ``\x04``, the traceback, ``\x04>``. There is no number, no
checksum and no repetition of what may have run: less is promised here, and never more is done
than once. A value is printed behind a mark of eight random letters, as its ``repr``.
"""

from __future__ import annotations

import re

from belay.wire.exchange import (
    INTERRUPT,
    REPEAT,
    Answer,
    Counters,
    ExchangeEvent,
    Failure,
    State,
    Text,
    Timing,
)
from belay.wire.text import FRIENDLY

__all__ = ["PlainExchange"]

_BANNER = re.compile(rb"raw REPL; CTRL-B to exit\r*\n>")
_RESET = re.compile(
    rb"soft reboot\r*\n[^\x04]*" + _BANNER.pattern + rb"\Z|" + FRIENDLY.pattern + rb"\Z"
)
"""The end of what a board shows when a program has reset it: it waits for input again."""


class PlainExchange:
    """The same surface as :class:`belay.wire.exchange.Exchange`, over the bare raw REPL.

    Args:
        mark: what a printed value begins with.
        cooked_text: whether prints arrive with ``\\r\\n``.
        timing: how patient to be.
    """

    def __init__(self, mark: bytes, *, cooked_text: bool, timing: Timing | None = None) -> None:
        self.timing = timing or Timing()
        self.state = State.IDLE
        self.counters = Counters()
        self.seq = 0
        self._mark = mark
        self._cooked = cooked_text
        self._to_send = bytearray()
        self._wire = b""
        self._data = bytearray()
        self._tail = b""
        self._value: bytes | None = None
        self._waited = self._wait = 0.0
        self._begun = False
        self._stale = 0  # banners still to come that were asked for before the last command
        self._owed = 0  # and since then

    def between_calls(self) -> list[ExchangeEvent]:
        """Nothing: without the agent, text between calls cannot be told from what is an answer."""
        return []

    @property
    def patience(self) -> float | None:
        """Seconds to wait for bytes before :meth:`silence`; None: as long as it takes."""
        return None if self.state is State.RUNNING else self._wait

    def data_to_send(self) -> bytes:
        """Bytes to write now; they are handed out once."""
        data = bytes(self._to_send)
        self._to_send.clear()
        return data

    def request(self, payload: bytes, prefix: bytes = b"", *, repeats: int = -1) -> None:
        """Type the statements ``payload``; they must not be empty. They are never repeated."""
        self._wire = prefix + payload + b"\x04"
        self._begin()
        self.counters.requests += 1
        self._to_send += self._wire

    def abandon(self) -> None:
        """Leave the request as it is; :meth:`resettle` waits for its end later."""
        self._to_send.clear()
        self.state = State.IDLE

    def resettle(self) -> None:
        """Wait for the end of the last request, without interrupting anything."""
        self._wire = b"0\x04"
        self._begin()
        self._repeat()

    def interrupt(self) -> None:
        """Stop what runs; a command that has not begun is taken back."""
        if self.state is State.IDLE:
            return
        if self.state is not State.SETTLING:
            self.state = State.SETTLING
            self._waited = 0.0
        self._wait = self.timing.interrupt_every
        self.counters.interrupts += 1
        self._to_send += INTERRUPT

    def send_line(self, data: bytes) -> None:
        """Streams need the agent; nobody asks for a line here."""
        raise RuntimeError("a board without the agent takes no stream")

    def receive(self, data: bytes) -> list[ExchangeEvent]:
        """Take bytes from the link; return what happened, in order."""
        events: list[ExchangeEvent] = []
        if self.state is State.IDLE:
            return events
        self._data += data
        self._tail = (self._tail + data)[-256:]
        if not self._begun:
            self._look_for_ok(events)
        if self._begun:
            self._read_output(events)
        return events

    def overdue(self) -> None:
        """Nothing: without a number, only a silence shows that a command may be typed again."""

    def begin_text(self) -> None:
        """Nothing: what comes without a request is not looked at here."""

    def silence(self) -> list[ExchangeEvent]:
        """:attr:`patience` has passed without a byte."""
        self._waited += self._wait
        settling = self.state is State.SETTLING
        if self._waited >= (self.timing.settle if settling else self.timing.give_up):
            self.state = State.IDLE
            return [Failure("silent")]
        if settling:
            self.counters.interrupts += 1
            self._to_send += INTERRUPT
        else:
            self._wait = min(self._wait * 1.5, 2.0)
        self._repeat()
        return []

    def _repeat(self) -> None:
        """Clear a damaged line. Only the banner that answers this proves that nothing ran."""
        self._owed += 1
        self._to_send += REPEAT

    def _begin(self) -> None:
        self.state = State.SENT
        self._wait = self.timing.silence(len(self._wire))
        self._waited = 0.0
        self._data.clear()
        self._tail = b""
        self._value = None
        self._begun = False
        self._stale += self._owed
        self._owed = 0

    def _look_for_ok(self, events: list[ExchangeEvent]) -> None:
        at = self._data.find(b"OK")
        if at >= 0:
            del self._data[: at + 2]
            self._stale = 0  # what was asked before has been answered before
        elif self._data.count(b"\x04") < 2 or b"\x04>" not in self._data:
            self._look_for_banner(events)
            return
        # Else its OK was lost, but here is the end of it: it ran.
        self._begun = True
        if self.state is State.SENT:
            self.state = State.RUNNING

    def _look_for_banner(self, events: list[ExchangeEvent]) -> None:
        """Type the command again, if the board has answered all our questions and not begun it.

        An answer may be late: one to a question of the request before says nothing of this one.
        """
        while match := _BANNER.search(self._data):
            del self._data[: match.end()]
            if self._stale:
                self._stale -= 1
                continue
            if self._owed != 1:
                self._owed = max(self._owed - 1, 0)
                continue
            self._owed = 0
            if self.state is State.SETTLING:
                self._finish(Answer("R", b"", 0), events)
                return
            self.counters.repeats += 1
            self._to_send += self._wire

    def _read_output(self, events: list[ExchangeEvent]) -> None:
        if _RESET.search(self._tail):
            self._data.clear()
            self.state = State.IDLE
            events.append(Failure("agent gone", ran=True))
            return
        if self.state is State.SETTLING and _BANNER.search(self._tail):
            # It was over, or is now, and its end was lost: nothing more will come of it.
            self._finish(Answer("R", self._value or b"", 0), events)
            return
        end = self._data.find(b"\x04")
        self._print(end, events)
        if end < 0:
            return
        end = self._data.find(b"\x04")
        close = self._data.find(b"\x04>", end + 1)
        if close < 0:
            return
        error = bytes(self._data[end + 1 : close])
        answer = Answer("E", error, 0) if error else Answer("R", self._value or b"None", 0)
        self._finish(answer, events)

    def _print(self, end: int, events: list[ExchangeEvent]) -> None:
        """Hand on what was printed; keep the value behind the mark."""
        size = len(self._data) if end < 0 else end
        at = self._data.find(self._mark, 0, size)
        if at >= 0:
            if end >= 0:
                self._value = bytes(self._data[at + len(self._mark) : end]).strip()
                del self._data[at:end]
            size = at
        elif end < 0:
            size = self._safe(size)
        text = bytes(self._data[:size])
        del self._data[:size]
        if self._cooked:
            text = text.replace(b"\r\n", b"\n")
        if text:
            events.append(Text(text, True))

    def _safe(self, size: int) -> int:
        """How much can be handed on before more is known: the mark, or CR LF, may have begun."""
        for begun in range(min(len(self._mark) - 1, size), 0, -1):
            if self._data.endswith(self._mark[:begun]):
                return size - begun
        return size - self._data.endswith(b"\r")

    def _finish(self, answer: Answer, events: list[ExchangeEvent]) -> None:
        self.state = State.IDLE
        self._owed = max(self._owed - len(_BANNER.findall(self._data)), 0)
        self._data.clear()
        events.append(answer)
