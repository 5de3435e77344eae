# SPDX-License-Identifier: Apache-2.0
"""One request after another to one board, each with its answer, and what comes in between."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar

from belay import errors
from belay.session import outcomes
from belay.session.conversation import Conversation, OutputHandler, greet
from belay.session.listening import Listener
from belay.session.onboard import draw_nonce, forget_agent, load, upload
from belay.session.operations import Operations
from belay.session.requests import NOTHING
from belay.session.turns import Turn, has_turn
from belay.transports.base import Transport
from belay.wire.decoding import decode
from belay.wire.exchange import Answer, Counters, Exchange, State, Timing
from belay.wire.frames import Style
from belay.wire.greeting import Facts
from belay.wire.values import CannotTravel, Limits, Malformed

if TYPE_CHECKING:
    from belay.session.taping import Recorder

__all__ = ["OURS", "Channel", "discard"]

_T = TypeVar("_T")

OURS = b"belay"
"""Topic of the events by which parts of Belay talk to their halves on the board."""

LARGEST_SEGMENT = 8192
SMALLEST_SEGMENT = 2304
TEXT_SEGMENT = 1024
"""Answers as base64 take three copies of a segment on the board, and some ports make more."""


def discard(data: bytes) -> None:
    """The output handler of requests that are expected to print nothing."""


class Channel(Operations):
    """The link to one board with its exchange, its lock, its listener and its recovery.

    Attributes:
        facts: what the board said about itself.
        agent: whether the agent is on the board; False for one that is too small.
        transport: the link.
        limits: bounds on the answers that are accepted.
        on_event: called with ``(topic, value, ticks)`` for what ``belay.emit`` sends.
        on_line: called with the room in bytes when a running program asks for a line.
        services: parts of Belay by the name that their half on the board uses. An event of topic
            ``b"belay"`` with value ``[name, …]`` goes to ``services[name]([…])``.
        suppliers: the same for questions: ``Belay.receive(room, question)`` on the board, where
            ``question`` is the segment of ``[name, …]``, gets what ``suppliers[name]([…], room)``
            returns: bytes, at most ``room`` of them. A question is never lost or answered twice.
            Both run in the thread that reads the link and must not call the session.
        on_answer: called with ``(sent, answered, ticks)`` after every answer: ``time.monotonic()``
            before the request and behind the answer, and the board's ``ticks_ms & 0xFFFFFFFF``.
        generation: changes whenever what the board kept for the host is gone.
        careful: look before each request whether the link still stands; one that has ended
            is then known not to have carried it; nor does a board that was reset get a call
            before :meth:`restart`.
        reserved: the thread that sets the board up again; calls of others do not run meanwhile.
        ended: the link is taken to have ended; an answer proves that it has not.
        hearers: take what the board prints while no call is under way, besides the handler that
            takes it anyhow.
        waiting: the threads that wait for their turn, whatever it takes.
        recorder: writes down what is said; None where nobody wants that.
        now: the host's time in the scale of ``on_answer``, in seconds.
        wall: the host's seconds since 1970.
    """

    agent = True

    def __init__(
        self, transport: Transport, facts: Facts, timing: Timing, generation: int = 0
    ) -> None:
        self.transport = transport
        self.facts = facts
        self.limits = Limits()
        self.on_event: Callable[[Any, Any, int], None] = lambda topic, value, ticks: None
        self.on_line: Callable[[int], bytes] = lambda room: b""
        self.on_answer: Callable[[float, float, int], None] = lambda sent, answered, ticks: None
        self.services: dict[str, Callable[[list[Any]], None]] = {}
        self.suppliers: dict[str, Callable[[list[Any], int], bytes]] = {}
        self.generation = generation
        self.hearers: list[OutputHandler] = []
        self.waiting: set[int] = set()
        self.careful = False
        self.reserved: int | None = None
        self.recorder: Recorder | None = None
        self.now: Callable[[], float] = time.monotonic
        self.wall: Callable[[], float] = time.time
        self._timing = timing
        # Who owns an RLock can be asked, also when Ctrl-C has come before that could be noted.
        self._lock = threading.RLock()
        self._owner: int | None = None
        self._turn_frame: FrameType | None = None
        self._closing = threading.Lock()
        self._closer: int | None = None
        self._closed = self._left = False
        self._unsettled = False
        self._lost_agent = self._was_reset = False
        self._dropped = self.ended = False
        self._listener: Listener | None = None
        self._between: OutputHandler | None = None
        self._released: list[int | str] = []
        self._segment = max(SMALLEST_SEGMENT, min(LARGEST_SEGMENT, facts.free // 4))
        self._conversation: Conversation
        self._new_exchange()

    def _new_exchange(self) -> None:
        facts = self.facts
        binary = facts.binary and facts.name != "circuitpython"
        style = Style.TEXT if not binary else Style.COOKED if facts.cooked_binary else Style.RAW
        self._style = style
        self._answer_segment = TEXT_SEGMENT if style is Style.TEXT else self._segment
        self._numbers: dict[str, bytes] = {}
        self._extensions: set[str] = set()
        self._released.clear()
        self.generation += 1
        self._nonce = draw_nonce(style)
        exchange = Exchange(self._nonce, style, cooked_text=facts.cooked_text, timing=self._timing)
        self._conversation = Conversation(exchange, self.transport, self._event, self._line)

    def _upload(self, payload: bytes, timeout: float, output: OutputHandler) -> Answer:
        """The agent and the first request, in one command."""
        prefix = upload(self._nonce, self._style, self._answer_segment, deflate=self.facts.deflate)
        self._conversation.exchange.request(payload, prefix)
        return self._finish(time.monotonic() + timeout, output)

    @property
    def counters(self) -> Counters:
        """What the link went through so far."""
        return self._conversation.exchange.counters

    def _turn(self) -> Turn:
        """This thread's turn to talk to the board."""
        return Turn(self)

    def _is_ready(self) -> bool:
        """Whether an earlier call has left nothing behind."""
        idle = self._conversation.exchange.state is State.IDLE
        return idle and not (self._lost_agent or self._unsettled)

    def _get_ready(self, deadline: float | None) -> None:
        """Mend what an earlier call has left behind."""
        if self._conversation.exchange.state is not State.IDLE:  # Ctrl-C between two of its steps
            self._unsettled = True
            self._conversation.exchange.abandon()
        if self._unsettled and not self._lost_agent:
            self._settle(deadline)
        if self._was_reset and self.careful and self.reserved is None:
            raise errors.BoardResetError("the board was reset.", ran=False)
        if self._lost_agent:
            self._start_over()

    def _ask(
        self,
        payload: bytes,
        deadline: float | None,
        output: OutputHandler,
        repeats: int = -1,
    ) -> Answer:
        if self.careful:
            self._look()
        self._conversation.exchange.request(payload, repeats=repeats)
        return self._finish(deadline, output)

    def _settle(self, deadline: float | None) -> None:
        """Learn what became of a request that was given up, before the next one is sent."""
        self._conversation.exchange.resettle()
        if self.recorder is None:
            outcome = self._conversation.run(deadline, discard)
        else:
            with self.recorder.other("settle"):
                outcome = self._conversation.run(deadline, discard)
                self.recorder.outcome(outcome, agent=True)
        if outcome.failure == "agent gone":
            self._lost_agent = self._was_reset = True
        elif outcome.answer and outcome.answer.kind == "o":
            self._lost_agent = True
        elif outcome.answer is None:
            raise errors.BoardBusyError(
                "the board does not answer since an earlier call was given up; it may still be "
                "running it. Try: interrupt it, or reset the board and connect again."
            )
        self._unsettled = False

    def _start_over(self, *, reset: bool = False) -> None:
        """After a reset of the board: the agent once more. What was in memory stays lost."""
        if self.recorder is None:
            self._greet_again(reset)
        else:
            with self.recorder.other("restart", [f"- {reset}"]):
                self._greet_again(reset)
        self._lost_agent = self._was_reset = self._unsettled = False

    def _greet_again(self, reset: bool) -> None:
        self.facts, _ = greet(self.transport, load("facts").encode(), reset=reset, timeout=10.0)
        self._new_exchange()
        if self.recorder is not None:
            self.recorder.connected(self.facts, self.transport, agent=self.agent)
        self._reload()

    def _reload(self) -> None:
        """Put what the session needs on the board once more."""
        self._upload(NOTHING, 10.0, discard)

    def _finish(self, deadline: float | None, output: OutputHandler) -> Answer:
        """Carry the exchange's request to its end; raise what stopped it."""
        recorder = self.recorder
        if recorder is not None:
            output = recorder.tee(output)
        try:
            outcome = self._conversation.run(deadline, output)
        except BaseException as failed:
            # A second Ctrl-C, or the link has ended: nobody knows what became of the request.
            self._unsettled = True
            self._conversation.exchange.abandon()
            if self._dropped and isinstance(failed, errors.DeviceClosedError):
                raise errors.ConnectionLost(
                    "the connection was made anew while this call was under way.",
                    ran=self._conversation.started or None,
                ) from None
            raise
        if recorder is not None:
            recorder.outcome(outcome, agent=self.agent)
        if outcome.failure:
            self._was_reset = self._was_reset or outcome.failure == "agent gone"
            self._lost_agent = self._lost_agent or self._was_reset
            self._unsettled = outcome.failure in ("silent", "no room")
            raise outcomes.failure(outcome, closed=self._closed)
        answer = outcome.answer
        assert answer is not None
        self.ended = False
        if answer.kind == "o":
            self._lost_agent = True
            raise errors.PyboardError(
                "host and board disagree about the number of this call; the agent will be "
                "uploaded again"
            )
        if self.agent:
            self.on_answer(outcome.sent, outcome.answered, answer.ticks)
        if outcome.stopped:
            error = outcomes.interruption(outcome, answer, self._exception, closed=self._closed)
            if error is not None:
                raise error
        if answer.kind == "L":
            raise errors.PyboardError(
                "the call ran on the board (or had begun to), but its answer was lost there"
            )
        return answer

    def _exception(self, segments: list[bytes]) -> errors.PyboardException:
        return outcomes.exception_in(segments, self.limits)

    def interrupt(self, thread: int | None = None) -> None:
        """Stop what runs on the board, from any thread; the call there raises KeyboardInterrupt.

        Nothing happens when no call is under way.

        Args:
            thread: stop only a call of this thread (its ``threading.get_ident()``).
        """
        if self._owner is not None and thread in (None, self._owner):
            self._conversation.interrupt_asked = True
            self.transport.wake()

    def restart(
        self,
        startup: str = "",
        *,
        reset: bool = False,
        timeout: float = 30.0,
        output: OutputHandler = discard,
    ) -> None:
        """Upload the agent anew, after a reset of the board, and run ``startup``.

        Args:
            startup: statements.
            reset: soft-reset the board now.
            timeout: seconds for ``startup``.
            output: takes what it prints.
        """
        with self._turn():
            self._start_over(reset=reset)
        if startup:
            self.execute(startup, "<startup>", timeout=timeout, output=output)

    def lend(self, use: Callable[[Transport], object]) -> None:
        """Leave the board at its friendly prompt and let ``use`` have the link; then come back."""
        with self._turn():
            self._leave()
            self._lost_agent = True
            if self.recorder is None:
                use(self.transport)
                return
            with self.recorder.other("the link was lent to another program"):
                use(self.transport)

    def alive(self) -> bool:
        """Whether the link stands, as far as can be seen without sending anything."""
        if self.ended:
            return False
        if self._closed or has_turn(self) or not self._lock.acquire(blocking=False):
            return not self._closed  # a call is under way, or the listener waits: they would know
        try:
            self._look()
        except errors.ConnectionLost:
            return False
        finally:
            self._lock.release()
        return True

    def drop(self) -> None:
        """Release a link that is of no use any more, without a word to the board."""
        self._closed = self._left = self._dropped = True
        self.transport.close()

    def _leave(self) -> None:
        """Type what takes the agent off the board, and leave the raw REPL."""
        if self._unsettled:
            self.transport.write(b"\x03\x03\n\x01")
        self.transport.write(forget_agent())
        seen = b""
        end = time.monotonic() + 0.5
        while not seen.endswith(b"\x04\x04>") and self.transport.wait(end - time.monotonic()):
            seen = (seen + self.transport.read())[-64:]
        self.transport.write(b"\x02")

    def _look(self) -> None:
        """Take what has come by itself. A link that has ended is found here, before a request."""
        if self.transport.wait(0):
            try:
                between = self._between
                if self.recorder is not None and between is not None:
                    between = self.recorder.tee(between)
                self._conversation.take_waiting(between)
            except errors.ConnectionLost as lost:
                lost.ran = False
                raise

    def hear(self, output: OutputHandler) -> None:
        """Wait once for what comes between two calls; for the listener.

        Raises:
            ConnectionLost: the link ended.
        """
        if self.recorder is None:
            self._conversation.listen(output)
            return
        try:
            self._conversation.listen(self.recorder.tee(output))
        except errors.ConnectionLost as lost:
            self.recorder.lost(lost)
            raise

    def listen(self, output: OutputHandler, on_lost: Callable[[Exception], None]) -> None:
        """From now on take what comes between calls, in a thread of its own: events and prints.

        Args:
            output: takes prints.
            on_lost: called once, in that thread, when the link has ended.
        """
        if self._listener is None and self.agent:

            def heard(data: bytes) -> None:
                self.overhear(data)
                output(data)

            self._between = heard
            self._listener = Listener(self, heard, on_lost)
            self._listener.start()

    def overhear(self, data: bytes) -> None:
        """Give what was printed to all :attr:`hearers`."""
        for hearer in list(self.hearers):
            hearer(data)

    def _event(self, payload: bytes, ticks: int) -> None:
        if self.recorder is not None:
            self.recorder.event(payload, ticks)
        try:
            topic, value = decode(b"t\x92" + payload, self.limits, "event")
        except (CannotTravel, Malformed):
            return
        if topic != OURS:
            self.on_event(topic, value, ticks)
        elif service := _meant(self.services, value):
            service(value[1:])

    def _line(self, room: int, question: bytes) -> bytes:
        if self.recorder is None:
            return self._given_line(room, question)
        return self.recorder.line(question, lambda: self._given_line(room, question), room)

    def _given_line(self, room: int, question: bytes) -> bytes:
        if not question:
            return self.on_line(room)
        try:
            value = decode(question, self.limits, "question")
        except (CannotTravel, Malformed):
            return b""
        supplier = _meant(self.suppliers, value)
        return supplier(value[1:], room) if supplier else b""


def _meant(parts: dict[str, _T], value: Any) -> _T | None:
    """Which part of Belay a value from the board is meant for; a board may say anything."""
    name = value[0] if type(value) is list and value else None
    return parts.get(name) if type(name) is str else None
