# SPDX-License-Identifier: Apache-2.0
"""One session's requests and answers as a state machine: exactly once, on a link that may err.

Requests are numbered. The board keeps the answer to the last one and repeats it when the same
number comes again, so after any doubt the host just repeats: a lost byte costs a repetition,
never a call that runs twice. The states of a request::

    IDLE ──request()──► SENT ──start frame──► RUNNING ──answer frame──► IDLE
                         │ silence, stray error:       │ damaged frame, or the REPL's prompt
                         │ repeat (mild rungs first)   │ and then silence: repeat once
                         └────── interrupt() ──────────┴──────► SETTLING ──answer──► IDLE

``SETTLING`` repeats the interrupt and the number, with an empty program, until the board says what
became of the request: it never guesses. Which bytes repeat a request is the ladder, mildest first;
nothing on it is a lone Ctrl-D (on an empty raw line that is a soft reset), and only a board that
shows its friendly prompt, where nothing runs, is sent an interrupt that nobody asked for.

The driver's loop: write :meth:`Exchange.data_to_send`; wait at most :attr:`Exchange.patience`
seconds for bytes; give them to :meth:`Exchange.receive`, or call :meth:`Exchange.silence`.
"""

from __future__ import annotations

from belay.wire.events import (
    Answer,
    Counters,
    Event,
    ExchangeEvent,
    Failure,
    LineWanted,
    State,
    Text,
    Timing,
)
from belay.wire.frames import (
    Damaged,
    Frame,
    FrameDecoder,
    FrameEvent,
    Output,
    Start,
    Style,
    encode_line,
    encode_request,
    parse_answer,
    start_frame,
)
from belay.wire.text import ECHO, FRIENDLY, NO_AGENT, RunningText, one_fault

__all__ = [
    "Answer",
    "Counters",
    "Event",
    "Exchange",
    "ExchangeEvent",
    "Failure",
    "LineWanted",
    "State",
    "Text",
    "Timing",
]

NOTHING = b"q"
"""The empty program: what a request is repeated with once it must not run any more."""

REPEAT = b"\n\x01"
"""Ends a reader that waits for a line and clears a half-typed raw line. Interrupts nothing."""

UNBLOCK = b"\x03\n\x01"
"""Leaves a half-typed friendly line or block. Sent only where a friendly prompt was seen."""

INTERRUPT = b"\x03"
REPLY_END = b"\x04\x04>"
"""The REPL's end of a command that printed no traceback."""

NOISE_TRIES = 3
"""Repetitions of a request to which something came, but neither its start nor its answer."""

LINE_TRIES = 4
"""Repetitions of a line of a stream, before the board is asked whether the program still runs."""

STRAY_LIMIT = 6
"""Repetitions after an error of the REPL itself, before the agent is taken to be gone."""


class Exchange:
    """The host's side of one session, without a clock.

    Args:
        nonce: what this session's frames begin with.
        style: how frames travel down.
        cooked_text: whether prints arrive with ``\\r\\n``.
        timing: how patient to be.
    """

    def __init__(
        self, nonce: bytes, style: Style, *, cooked_text: bool = False, timing: Timing | None = None
    ) -> None:
        self.timing = timing or Timing()
        self.style = style
        self.state = State.IDLE
        self.counters = Counters()
        self.seq = 255
        self._decoder = FrameDecoder(nonce, style, cooked_text=cooked_text)
        self._to_send = bytearray()
        self._wire = b""
        self._prefix = b""
        self._wait = 0.0
        self._waited = 0.0
        self._tail = bytearray()
        self._tries = 0
        self._repeats_left = -1
        self._strays = 0
        self._gone = 0
        self._line: bytes | None = None
        self._line_number = 0
        self._line_asked = -1
        self._line_tries = 0
        self._in_noise = 0
        self._event_number = 0
        self._repeated = False
        self._nonce = nonce
        self._text_running = RunningText(nonce)
        self._before = bytearray()
        self._noise = False
        self._quiet = False
        self._start_seen = False
        self._opening = b""

    # ---------------------------------------------------------------- what the driver asks

    @property
    def patience(self) -> float | None:
        """Seconds to wait for bytes before :meth:`silence`; None: as long as it takes."""
        if self.state is State.IDLE:
            return 0.0
        if self.state is State.RUNNING:
            doubtful = self._text_running.suspicious or self._decoder.pending
            return self._wait if doubtful or self._line is not None else None
        return self._wait

    def data_to_send(self) -> bytes:
        """Bytes to write now; they are handed out once."""
        data = bytes(self._to_send)
        self._to_send.clear()
        return data

    # ---------------------------------------------------------------- what the driver does

    def request(self, payload: bytes, prefix: bytes = b"", *, repeats: int = -1) -> None:
        """Begin the next request.

        Args:
            payload: operation and encoded arguments.
            prefix: text typed before it in the same command, also when it is repeated: the
                upload of the agent.
            repeats: how often it is sent again after silences, before it fails; negative for as
                often as the timing has it.
        """
        if self.state is not State.IDLE:
            raise RuntimeError(f"a request is under way ({self.state.value})")
        self.seq = self._decoder.awaited = (self.seq + 1) & 255
        self._wire = prefix + encode_request(self.seq, payload, self.style)
        self._prefix = prefix
        self._begin()
        self._repeats_left = repeats
        if self.style is Style.RAW:
            self._opening = b"OK" + start_frame(self._nonce, self.seq) + self._nonce
        self.counters.requests += 1
        self._to_send += self._wire

    def abandon(self) -> None:
        """Leave the request as it is; :meth:`resettle` finds out later what became of it."""
        self._to_send.clear()
        self._noise = True
        self._end()

    def resettle(self) -> None:
        """Ask again what became of the last request, without interrupting anything."""
        self._wire = self._question()
        self._begin()
        self._repeats_left = -1
        self._noise = True
        self._to_send += REPEAT + self._wire

    def interrupt(self) -> None:
        """Stop what runs on the board and find out what became of the request."""
        if self.state is State.IDLE:
            return
        if self.state is not State.SETTLING:
            self._wire = self._question()
            self.state = State.SETTLING
            self._waited = 0.0
            self._tries = 0
            self._quiet = False
        self._wait = self.timing.interrupt_every
        self._send_interrupt()

    def send_line(self, data: bytes) -> None:
        """Answer :class:`LineWanted` with the next line of the stream."""
        self._line = encode_line(self._line_number, data, self.style)
        self._line_asked = -1
        self._line_tries = 0
        self._wait = self.timing.silence(len(self._line))
        self._to_send += self._line

    def receive(self, data: bytes) -> list[ExchangeEvent]:
        """Take bytes from the link; return what happened, in order."""
        if self._opening and data.startswith(self._opening):
            answer = self._whole_answer(data)
            if answer is not None:
                return answer
        return self._digest(self._decoder.feed(data))

    def _whole_answer(self, data: bytes) -> list[ExchangeEvent] | None:
        """The usual case at once: all of a call that printed nothing, in one piece.

        It saves half of the host's time in a call. Whatever is not plainly so is left to
        :meth:`_digest`, which does the same step by step.
        """
        if self.state is not State.SENT or self._decoder.pending or self._noise:
            return None
        if self._before and self._before != REPLY_END:
            return None
        found = parse_answer(data, len(self._opening))
        if found is None or found[0].seq != self.seq or found[0].kind not in "REML":
            return None
        frame, end = found
        self._before.clear()
        self._noise = self._repeated
        self._end()
        answer = Answer(frame.kind, frame.payload, frame.ticks)
        rest = data[end:]
        if not rest or rest == REPLY_END:
            self._before += rest
            return [answer]
        return [answer, *self._digest(self._decoder.feed(rest))]

    def between_calls(self) -> list[ExchangeEvent]:
        """What was printed since the last answer, for one who listens while no call is under way.

        The next request tells it otherwise. Nothing is said while it is uncertain what is text.
        """
        before = bytes(self._before)
        if self.state is not State.IDLE or self._noise or not before.startswith(REPLY_END):
            return []
        text = before.removeprefix(REPLY_END)
        self._before[:] = REPLY_END
        return [Text(text, False)] if text else []

    def begin_text(self) -> None:
        """No request is under way, and what comes from now on is text, but for events."""
        self._before[:] = REPLY_END
        self._noise = False

    def silence(self) -> list[ExchangeEvent]:
        """:attr:`patience` has passed without a byte."""
        events = self._digest(self._decoder.give_up())
        if self.state is State.IDLE:
            return events
        self._waited += self._wait
        if self.state is State.SETTLING:
            return events + self._settle_on()
        if self.state is State.RUNNING:
            self._running_silence(events)
            return events
        if self._waited >= self.timing.give_up or not self._repeats_left:
            return [*events, self._fail("silent")]
        self._repeats_left -= 1
        self._wait = min(self._wait * 1.5, 2.0)
        self._repeat_request()
        return events

    def overdue(self) -> None:
        """:attr:`patience` has passed since the request was sent, but bytes came all the time.

        They may be the prints of a timer, while the request itself was lost; or those of this very
        program, its start frame damaged. So it is repeated, but a few times only: a program that
        runs must not find its input full of repetitions.
        """
        if self.state is State.SENT and self._in_noise < NOISE_TRIES:
            self._in_noise += 1
            self._repeat_request()

    # ---------------------------------------------------------------- states

    def _begin(self) -> None:
        self.state = State.SENT
        self._wait = self.timing.silence(len(self._wire))
        self._waited = 0.0
        self._strays = self._gone = self._in_noise = 0
        self._start_seen = self._repeated = False
        self._line = None
        self._line_asked = -1
        self._tail.clear()
        self._text_running.begin()

    def _end(self) -> None:
        self.state = State.IDLE
        self._prefix = b""
        self._tail.clear()

    def _fail(self, reason: str) -> Failure:
        self._end()
        return Failure(reason)

    def _question(self) -> bytes:
        """The request's number with an empty program: what became of it?"""
        return self._prefix + encode_request(self.seq, NOTHING, self.style)

    def _repeat(self, rung: bytes) -> None:
        self.counters.repeats += 1
        self._noise = self._repeated = True
        self._to_send += rung + self._wire

    def _repeat_request(self) -> None:
        # Only a friendly prompt, where nothing of ours runs, is sent an interrupt unasked.
        friendly = ECHO in self._before or FRIENDLY.search(self._before)
        self._repeat(UNBLOCK if friendly else REPEAT)

    def _send_interrupt(self) -> None:
        self.counters.interrupts += 1
        self._to_send += INTERRUPT

    def _running_silence(self, events: list[ExchangeEvent]) -> None:
        """A doubt while the program runs: ask once more, unless it was only a line to repeat."""
        if self._line is not None and self._line_tries < LINE_TRIES:
            self._line_tries += 1
            self._to_send += b"\n" + self._line
        elif self._line is not None or self._text_running.suspicious:
            text, ask = self._text_running.silence()
            if text:
                events.append(Text(text, True))
            if ask:
                self._repeat(REPEAT)

    def _settle_on(self) -> list[ExchangeEvent]:
        if self._waited >= self.timing.settle:
            return [self._fail("silent")]
        self._tries += 1
        # Between interrupts, the question: is it over? Where it is not, it waits in the input.
        if self._tries % 2:
            self._repeat(REPEAT)
        else:
            self._send_interrupt()
            if self._tries % 6 == 0:
                self._repeat(UNBLOCK)
        return []

    # ---------------------------------------------------------------- frames and text

    def _digest(self, found: list[FrameEvent]) -> list[ExchangeEvent]:
        events: list[ExchangeEvent] = []
        for event in found:
            if type(event) is Output:
                self._text(event.data, events)
            elif type(event) is Start:
                self._started(events)
            elif type(event) is Frame:
                self._frame(event, events)
            else:
                assert type(event) is Damaged
                self.counters.damaged += 1
                self._text_running.damaged()
        return events

    def _started(self, events: list[ExchangeEvent]) -> None:
        self._tail.clear()
        self._start_seen = True
        if self.state is State.SENT:
            self._text_before(events)
            self.state = State.RUNNING
            # From here on a repetition only asks, in few bytes: a busy board may hold no more.
            self._prefix = b""
            self._wire = self._question()
            self._text_running.begin()
            self._wait = self.timing.silence(0)
        elif self.state is State.RUNNING:
            self._text_running.damaged()  # another frame, whose first byte was lost

    def _text_before(self, events: list[ExchangeEvent]) -> None:
        """What came between two calls: prints of a timer or of another program, or nothing.

        After a repetition it is full of the REPL's replies to it, which are nobody's text.
        """
        before = bytes(self._before)
        # A timer may print between an answer and the end of the REPL's reply, which is no text.
        text = before.replace(REPLY_END, b"", 1).removesuffix(b"OK")
        only_marks = len(before) in (one_fault(before, REPLY_END + b"OK"), one_fault(before, b"OK"))
        if text and not self._noise and not only_marks:
            events.append(Text(text, False))
        self._before.clear()
        # What the board says to a repetition of this very request comes behind its answer.
        self._noise = self._repeated

    def _text_without_start(self, events: list[ExchangeEvent]) -> None:
        """The answer came, its start frame did not: what was printed is still the program's."""
        text = bytes(self._before).rpartition(b"OK")[2]
        text = text[one_fault(text, start_frame(self._nonce, self.seq)) :]
        if text and not text.endswith(b"\x04>"):
            events.append(Text(text, True))
        self._before.clear()

    def _frame(self, frame: Frame, events: list[ExchangeEvent]) -> None:
        kind = frame.kind
        if kind == "e":
            # Numbered, so that one which the line has swallowed is at least missed.
            self.counters.lost_events += (frame.seq - self._event_number - 1) & 255
            self._event_number = frame.seq
            events.append(Event(frame.payload, frame.ticks))
        elif self.state is State.IDLE:
            return  # the echo of a repetition
        elif kind == "n":
            self.counters.damaged += 1
            self._tail.clear()  # with it the OK, so that the prompt behind is no second error
            if self.state is State.SENT:
                self._stray(events)
        elif kind == "k" and self.state is not State.SETTLING:
            if self.state is State.SENT:
                self._started(events)  # its start frame was damaged, but it runs: it asks
            self._line_wanted(frame, events)
        elif kind == "a":
            if frame.seq == self._line_number:
                self._line = None
        elif kind == "o":
            self._end()
            events.append(Answer("o", b"", frame.ticks))
        elif kind in "REML" and frame.seq == self.seq:
            if self.state is State.SENT:
                self._text_without_start(events)
            elif self.state is State.RUNNING and (text := self._text_running.finish()):
                events.append(Text(text, True))
            self._end()
            events.append(Answer(kind, frame.payload, frame.ticks))

    def _line_wanted(self, frame: Frame, events: list[ExchangeEvent]) -> None:
        self._line_tries = 0
        if self._line is not None and frame.seq == self._line_number:
            self._to_send += self._line  # it arrived damaged: the same once more
            return
        if self._line_asked == frame.seq:
            return  # asked twice in one piece; the caller has one line for it
        self._line_number = self._line_asked = frame.seq
        self._line = None
        if text := self._text_running.reads(len(self._nonce) + 13 + len(frame.payload)):
            events.append(Text(text, True))
        room, question = int.from_bytes(frame.payload[:2], "little"), frame.payload[2:]
        events.append(LineWanted(frame.seq, room, question))

    def _text(self, data: bytes, events: list[ExchangeEvent]) -> None:
        if self.state is State.RUNNING:
            text = self._text_running.feed(data)
            if text:
                events.append(Text(text, True))
            if self._text_running.agent_gone:
                events.append(self._fail("agent gone"))
        elif self.state is State.SETTLING:
            # What the program printed before it stopped; then the REPL's replies to our questions.
            text, ended, _ = data.partition(b"\x04")
            if text and self._start_seen and not self._quiet:
                events.append(Text(text, True))
            self._quiet = self._quiet or bool(ended)
            self._noise = True
        else:
            self._tail += data
            del self._tail[:-400]
            self._before += data
            del self._before[:-65536]
            if self.state is State.SENT:
                self._look_for_errors(events)

    def _look_for_errors(self, events: list[ExchangeEvent]) -> None:
        """Before the start frame: has the REPL ended a command that never reached the agent?"""
        begun = self._tail.rfind(b"OK")
        if begun < 0:
            return
        reply = self._tail[begun + 2 :]
        if reply.endswith(b"\x04>") and reply.count(b"\x04") >= 2:
            self._gone = self._gone + 1 if NO_AGENT.search(reply) else 0
            # A request is tried once more: what another program left behind may have gone.
            if b"MemoryError" in reply and (self._prefix or self._strays):
                events.append(self._fail("no memory" if self._prefix else "no room"))
                return
            self._tail.clear()
            self._stray(events)

    def _stray(self, events: list[ExchangeEvent]) -> None:
        self._strays += 1
        self._noise = True
        if self._gone >= 3 and not self._prefix:
            events.append(self._fail("agent gone"))
        elif self._strays <= STRAY_LIMIT:
            self._repeat(b"")
