# SPDX-License-Identifier: Apache-2.0
"""Sessions that are played from a recording.

They are sessions like any other down to where a request would be sent: a request is then compared
with the recorded one, and what became of that happens again.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import fields
from typing import Any, NamedTuple, cast

from belay import errors
from belay.cassettes.document import Block, Ending, Event, Line, Print
from belay.cassettes.tape import Tape
from belay.session import outcomes
from belay.session.channel import discard
from belay.session.conversation import Outcome, OutputHandler
from belay.session.describing import plain_operation
from belay.session.interrupts import Shield
from belay.session.plain import PlainSession
from belay.session.requests import CLOCK, TIMED, Operation
from belay.session.session import Session
from belay.session.taping import asked, asked_beside, connection_lines, with_ticks
from belay.session.turns import NotIdle, this_thread
from belay.transports.base import Transport
from belay.transports.replay import ReplayTransport
from belay.wire.decoding import decode
from belay.wire.exchange import Answer, Counters, State, Timing
from belay.wire.greeting import Facts

__all__ = ["Look", "check_played_whole", "has_looks", "next_look", "open_recorded"]

_ROOM = 1 << 12
"""Bytes that a board is taken to have room for, where a part of Belay answers it."""

_ZERO = b"\x90"
"""The encoded 0."""


class _Nothing:
    """Stands where an exchange has its state: a recording is always idle."""

    state = State.IDLE

    def __init__(self) -> None:
        self.counters = Counters()

    def request(self, payload: bytes, prefix: bytes = b"", *, repeats: int = -1) -> None:
        self.counters.requests += 1

    def abandon(self) -> None:
        pass

    def resettle(self) -> None:
        pass


class TapeConversation:
    """Plays blocks in the place of a `belay.session.conversation.Conversation`."""

    def __init__(
        self,
        transport: ReplayTransport,
        on_event: Callable[[bytes, int], None],
        on_line: Callable[[int, bytes], bytes],
    ) -> None:
        self.exchange = _Nothing()
        self.transport = transport
        self.interrupt_asked = False
        self.wanted: tuple[str, list[str]] = ("", [])
        self.ending = Ending()
        self._tape: Tape = transport.tape
        self._on_event = on_event
        self._on_line = on_line
        self._shield = Shield()
        self._outcome = Outcome()
        self._zero = 0.0
        self._sent = 0  # nanoseconds of the recording

    @property
    def started(self) -> bool:
        """Whether the board had begun to run the last request."""
        return self._outcome.started

    def run(self, deadline: float | None, output: OutputHandler) -> Outcome:
        """Play the block of the request that is wanted.

        Raises:
            ReplayError: something else was recorded.
        """
        self.interrupt_asked = False
        self._outcome = outcome = Outcome()
        self.take_waiting(output)
        block = self._tape.take(*self.wanted)
        self.ending = ending = block.ending or Ending()
        self._zero, self._sent = time.monotonic(), ending.sent
        with self._shield:
            try:
                self._play(block, output)
                self._wait((ending.answered - ending.sent) // 1000)
            except KeyboardInterrupt:
                self._stop("keyboard")
        self._tape.reached(ending.answered)
        outcome.sent = self._tape.moment(ending.sent)
        outcome.answered = self._tape.moment(ending.answered)
        if not outcome.stopped:
            self._end(ending)
        return outcome

    def _end(self, ending: Ending) -> None:
        outcome, other = self._outcome, ending.other
        raised = other.get("raised")
        if isinstance(raised, tuple):
            raise _raised(*raised)
        outcome.failure = str(other.get("failure", ""))
        outcome.started = bool(other.get("started", ending.kind))
        outcome.stopped = str(other.get("stopped", ""))
        if ending.kind:
            outcome.answer = Answer(ending.kind, ending.payload, ending.ticks & 0xFFFFFFFF)
        if outcome.stopped == "output" and outcome.error is None:
            outcome.error = errors.ReplayError(
                "when this was recorded, the program that takes the board's output, or gives it "
                "input, raised an exception here; now it has not"
            )

    def _play(self, block: Block, output: OutputHandler) -> None:
        for item in block.items:
            if isinstance(item, Print):
                at = 0
                for when, size in item.pieces:
                    self._wait(when)
                    self._pass(when)
                    self._hand(lambda data: output(data), item.data[at : at + size])
                    at += size
            elif isinstance(item, Event):
                self._wait(item.at)
                self._hand(lambda each: self._on_event(each.payload, each.ticks), item)
            else:
                self._wait(item.at)
                self._give(item)
            if self._outcome.stopped:
                return

    def _give(self, item: Line) -> None:
        """The board asks: parts of Belay do what they did, a person is not asked again."""
        if item.question or item.answer is None:
            self._hand(lambda each: self._on_line(_ROOM, each.question), item)

    def _hand(self, handler: Callable[[Any], object], what: Any) -> None:
        if self._outcome.stopped:
            return
        try:
            handler(what)
        except BaseException as error:
            self._outcome.error = error
            self._stop("output")

    def _stop(self, why: str) -> None:
        self._outcome.stopped = why
        self._outcome.started = True
        self._outcome.answer = Answer("R", _ZERO, 0)

    def _pass(self, micros: int) -> None:
        """The clock of the recording goes on, so that whoever takes this sees when it came."""
        self._tape.reached(self._sent + 1000 * micros)

    def _wait(self, micros: int) -> None:
        """Until so much time has passed since the request, if it is to pass at all."""
        if self._tape.fast or self._outcome.stopped:
            return
        end = self._zero + micros / 1e6
        while (left := end - time.monotonic()) > 0:
            self._shield.wait(self.transport, left)
            if self.interrupt_asked:
                self._stop("asked")
                return

    def listen(self, output: OutputHandler) -> None:
        """Between two calls: wait for what the board sends by itself, and hand it on."""
        if self.transport.wait(None):
            self.take_waiting(output)

    def take_waiting(self, output: OutputHandler | None) -> None:
        """Hand on what the board sends by itself before the next request.

        Raises:
            ConnectionLost: the link ended there.
        """
        outcome, self._outcome = self._outcome, Outcome()
        while (block := self._tape.between) is not None:
            self._tape.skip()
            self._zero = time.monotonic()
            self._play(block, output or discard)
            raised = block.ending.other.get("raised") if block.ending else None
            if isinstance(raised, tuple):
                raise _raised(*raised)
        error, self._outcome = self._outcome.error, outcome
        if error is not None:
            raise error


class _Replayed(Session):
    """What is different where a session is a recording."""

    transport: ReplayTransport
    _conversation: TapeConversation  # type: ignore[assignment]

    def _new_exchange(self) -> None:
        super()._new_exchange()
        self._tape = self.transport.tape
        self._conversation = TapeConversation(self.transport, self._event, self._line)
        self.now, self.wall = self._tape.now, self._tape.wall

    def _replay(
        self, title: str, lines: list[str], timeout: float, output: OutputHandler
    ) -> Answer:
        """Play a block that is no request of the program."""
        self._conversation.wanted = (title, lines)
        return self._finish(time.monotonic() + timeout, output)

    def perform(
        self,
        operation: Operation,
        *,
        timeout: float | None = None,
        output: OutputHandler = discard,
    ) -> Any:
        """See :meth:`Session.perform`. What was not recorded is answered as by a busy board."""
        if not this_thread.if_idle:
            return super().perform(operation, timeout=timeout, output=output)
        with self._turn():
            title, lines = asked(operation, self._tape.masks)
            said = self._tape.beside(f"click {title}", lines) if this_thread.taped else None
            if said is None:
                raise NotIdle
        return outcomes.value_in(Answer(said.kind, said.payload, 0), [said.payload], self.limits)

    def moment(self, title: str, now: float) -> float:
        """See :meth:`Session.moment`."""
        said = self._tape.beside(title, [])
        return self.now() if said is None else self._tape.moment(said.sent)

    def _carry(
        self,
        operation: Operation,
        parts: list[bytes],
        deadline: float | None,
        output: OutputHandler,
    ) -> tuple[Answer, list[bytes]]:
        if operation.label == CLOCK:
            return self._look_at_clock()
        self._look_at_clock()
        if self.careful:
            self._look()
        self._conversation.wanted = asked(operation, self._tape.masks)
        self._conversation.exchange.request(parts[-1])
        answer = self._finish(deadline, output)
        ticks = self._conversation.ending.value_ticks
        if ticks is not None and plain_operation(operation).code == TIMED:
            answer = answer._replace(payload=with_ticks(ticks, answer.payload))
        return answer, [answer.payload]

    def _look_at_clock(self) -> tuple[Answer, list[bytes]]:
        """Learn what the board's clock showed here, whether the program looks at it or not.

        How often it looks depends on how well it knows the time, and so on chance.
        """
        tape = self._tape
        for sample in tape.samples():
            tape.reached(sample.answered)
            self.on_answer(tape.moment(sample.sent), tape.moment(sample.answered), sample.ticks)
        return Answer("R", _ZERO, 0), [_ZERO]

    def _settle(self, deadline: float | None) -> None:
        if self._tape.next_title == "settle":
            self._conversation.wanted = ("settle", [])
            super()._settle(deadline)
        self._unsettled = False

    def _greet_again(self, reset: bool) -> None:
        self.facts = _facts(self._tape, "restart")
        self._new_exchange()
        self._replay("restart", [f"- {reset}"], 10.0, discard)

    def lend(self, use: Callable[[Transport], object]) -> None:
        """See :meth:`Session.lend`.

        Raises:
            FeatureUnavailableError: always; a recording has no prompt.
        """
        self.transport.write(b"")

    def _leave(self) -> None:
        """There is no agent to take off a board."""

    def close(self, farewell: Callable[[Session], None] | None = None) -> None:
        """See :meth:`Session.close`.

        Raises:
            ReplayError: the program has asked for less than was recorded.
        """
        left = self._left
        super().close(farewell)
        if not left and sys.exc_info()[1] is None:  # what went wrong before says more
            self._tape.finish()


class Look(NamedTuple):
    """What an idle board was seen to be.

    Attributes:
        ok: whether ``value`` is that; else it tells what was raised.
        value: what it answered.
        moment: when, in the scale of ``session.now()``.
    """

    ok: bool
    value: Any
    moment: float


def next_look(
    session: Session, title: str, args: Iterable[Any], *, due: bool = False
) -> Look | None:
    """The next answer to a question beside a recorded program's requests.

    Args:
        session: the recording.
        title: of the question.
        args: the rest of it.
        due: only one that the program has reached.

    Returns:
        None where there is no other.
    """
    tape = cast("ReplayTransport", session.transport).tape
    title, lines = asked_beside(title, args, tape.masks)
    said = tape.beside(title, lines, due=due)
    if said is None:
        return None
    value = decode(said.payload, session.limits, "answer")
    return Look(said.kind == "R", value, tape.moment((said.sent + said.answered) // 2))


def has_looks(session: Session, beginning: str) -> bool:
    """Whether a recording has questions whose titles begin so, beside the program's requests."""
    return cast("ReplayTransport", session.transport).tape.has_beside(beginning)


def check_played_whole(session: Session) -> None:
    """See that the program has asked for all that a recording has.

    A session that is closed sees to it itself, but not while an exception is handled.

    Raises:
        ReplayError: it has not.
    """
    cast("ReplayTransport", session.transport).tape.finish()


class _ReplayedSession(_Replayed):
    """The recording of a board with the agent."""


class _ReplayedPlainSession(_Replayed, PlainSession):
    """The recording of a board without it."""

    agent = False


def open_recorded(
    transport: ReplayTransport,
    *,
    reset: bool,
    startup: str,
    timeout: float,
    timing: Timing,
    output: OutputHandler,
    generation: int,
) -> Session:
    """What :meth:`Session.open` does, for a recording.

    Raises:
        ReplayError: the recording did not begin like this.
        PyboardException: as when it was recorded, ``startup`` raised.
    """
    tape = transport.tape
    facts = _facts(tape, "connect")
    agent = bool(tape.upcoming_ending("connect").other.get("agent", True))
    kind = _ReplayedSession if agent else _ReplayedPlainSession
    session = kind(transport, facts, timing, generation)
    lines = connection_lines(reset and transport.survives_reset, startup, tape.masks)
    with session._turn():
        if agent:
            answer = session._replay("connect", lines, timeout, output)
        else:
            tape.take("connect", lines)
    if agent and answer.payload:
        outcomes.value_in(answer, [answer.payload], session.limits)
    elif not agent:
        session._install(startup, timeout, output)
    return session


def _facts(tape: Tape, title: str) -> Facts:
    """What the board says about itself where it is greeted next."""
    known = dict(tape.cassette.header)
    changed = tape.upcoming_ending(title).other.get("facts")
    known.update(changed if isinstance(changed, dict) else {})
    try:
        facts = Facts(**{each.name: known[each.name] for each in fields(Facts)})  # type: ignore[arg-type]
    except KeyError as error:
        raise errors.CassetteError(
            f"{tape.cassette.name}: the header does not tell the board's {error.args[0]!r}. It was "
            "recorded by another version of belay. Try: record it again."
        ) from None
    return facts


def _raised(name: str, message: str, ran: bool | None) -> BaseException:
    """An exception of the host as it was raised when this was recorded."""
    if name == "KeyboardInterrupt":
        return KeyboardInterrupt(message) if message else KeyboardInterrupt()
    kind = getattr(errors, name, errors.PyboardError)
    told: dict[str, Any] = {"ran": ran} if hasattr(kind(""), "ran") else {}
    error: BaseException = kind(message, **told)
    return error
