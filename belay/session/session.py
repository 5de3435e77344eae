# SPDX-License-Identifier: Apache-2.0
"""The session: everything that is said to one board goes through here."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from belay import errors
from belay.session import requests
from belay.session.conversation import Conversation, Outcome, OutputHandler, greet
from belay.session.onboard import draw_nonce, forget_agent, load, upload
from belay.transports.base import Transport
from belay.wire.exchange import Answer, Counters, Exchange, Timing
from belay.wire.frames import Style
from belay.wire.greeting import Facts
from belay.wire.values import CannotTravel, Limits, Malformed, decode

__all__ = ["Session"]

NOTHING = b"q"
LARGEST_SEGMENT = 8192
MOST_NUMBERED = 100
"""Functions that are called by a number of one byte; the others are called by name."""

SMALLEST_SEGMENT = 2304
TEXT_SEGMENT = 1024
"""Answers as base64 take three copies of a segment on the board, and some ports make more."""

CLOSING_PATIENCE = 3.0
"""Seconds that a call of another thread has to end in when the session is closed."""

AGENT_HEAP = 24 * 1024
"""Free heap below which the agent is not even tried: it needs about 20 KB while it compiles."""

_CLOSED_MEANWHILE = "this Device was closed while the call was running"


def discard(data: bytes) -> None:
    """The output handler of requests that are expected to print nothing."""


class Session:
    """One board, connected, with the agent on it. Made by :meth:`open`.

    Any number of threads may call; calls queue. A callback that runs inside a call (output,
    events, lines) must not call the same session.

    Attributes:
        facts: what the board said about itself.
        agent: whether the agent is on the board; False for one that is too small.
        transport: the link.
        limits: bounds on the answers that are accepted.
        on_event: called with ``(topic, value, ticks)`` for what ``belay.emit`` sends.
        on_line: called with the room in bytes when a running program asks for a line.
    """

    agent = True

    def __init__(self, transport: Transport, facts: Facts, timing: Timing) -> None:
        self.transport = transport
        self.facts = facts
        self.limits = Limits()
        self.on_event: Callable[[Any, Any, int], None] = lambda topic, value, ticks: None
        self.on_line: Callable[[int], bytes] = lambda room: b""
        self._timing = timing
        self._lock = threading.Lock()
        self._owner: int | None = None
        self._closed = self._left = False
        self._unsettled = False
        self._lost_agent = False
        self._segment = max(SMALLEST_SEGMENT, min(LARGEST_SEGMENT, facts.free // 4))
        self._conversation: Conversation
        self._new_exchange()

    # ------------------------------------------------------------------------ opening and closing

    @classmethod
    def open(
        cls,
        transport: Transport,
        *,
        reset: bool = True,
        startup: str = "",
        timeout: float = 30.0,
        timing: Timing | None = None,
        output: OutputHandler = discard,
        agent: bool = True,
    ) -> Session:
        """Find the board at the other end and make it ready for calls.

        Costs 3 round trips, 4 with ``reset``, from whatever state the board is in.

        Args:
            transport: an open link. It is closed again when this fails.
            reset: soft-reset the board first: its memory is cleared and ``boot.py`` runs.
                Without, what runs is interrupted and everything in memory stays.
            startup: statements to run in ``__main__``; they travel with the agent.
            timeout: seconds in all.
            timing: how patient to be; tests set it.
            output: takes what ``startup`` prints.
            agent: False never uploads the agent. A board that cannot hold it goes without anyhow.

        Raises:
            BoardSilentError, BoardBusyError, NotPythonBoardError: no board answered.
            PyboardException: ``startup`` raised.
        """
        try:
            question = load("facts").encode()
            timing = timing or Timing()
            facts, round_trip = greet(
                transport, question, reset=reset, timeout=timeout, patience=4 * timing.floor
            )
            timing.round_trip = round_trip
            timing.rate = transport.bytes_per_second or timing.rate
            session = cls._fitting(transport, facts, timing, agent=agent)
            try:
                session._install(startup, timeout, output)
            except errors.FeatureUnavailableError:
                session = cls._fitting(transport, facts, timing, agent=False)
                session._install(startup, timeout, output)
        except BaseException:
            transport.close()
            raise
        return session

    @classmethod
    def _fitting(
        cls, transport: Transport, facts: Facts, timing: Timing, *, agent: bool
    ) -> Session:
        """A session of the kind that the board can hold."""
        if agent and _holds_agent(facts):
            return cls(transport, facts, timing)
        from belay.session.plain import PlainSession

        return PlainSession(transport, facts, timing)

    def _new_exchange(self) -> None:
        facts = self.facts
        binary = facts.binary and facts.name != "circuitpython"
        style = Style.TEXT if not binary else Style.COOKED if facts.cooked_binary else Style.RAW
        self._style = style
        self._answer_segment = TEXT_SEGMENT if style is Style.TEXT else self._segment
        self._numbers: dict[str, bytes] = {}
        self._nonce = draw_nonce(style)
        exchange = Exchange(self._nonce, style, cooked_text=facts.cooked_text, timing=self._timing)
        self._conversation = Conversation(exchange, self.transport, self._event, self._line)

    def _install(self, startup: str, timeout: float, output: OutputHandler) -> None:
        """Put the agent on the board, and run ``startup`` in the same command."""
        payload = NOTHING
        if startup:
            args = ("<startup>", startup)
            payload = requests.payloads(requests.EXECUTE, args, size=1 << 16, deflate=False)[0]
        with self._turn():
            answer = self._upload(payload, timeout, output)
        if answer.payload:
            self._value(answer, [answer.payload])

    def _upload(self, payload: bytes, timeout: float, output: OutputHandler) -> Answer:
        """The agent and the first request, in one command."""
        prefix = upload(self._nonce, self._style, self._answer_segment, deflate=self.facts.deflate)
        self._conversation.exchange.request(payload, prefix)
        return self._finish(time.monotonic() + timeout, output)

    def close(self) -> None:
        """Take the agent off the board, leave its friendly prompt, and release the link.

        A call that another thread has under way is interrupted, and ends there in a
        DeviceClosedError; so do those that wait. Calling it again does nothing. It never raises
        for a board that is gone.

        Raises:
            RuntimeError: a callback of a call (output, event, line) called it.
        """
        if self._owner == threading.get_ident():
            raise RuntimeError("a callback of a call (output, event, line) closed the same board")
        self._closed = True
        if not self._outlast_calls():
            self.transport.close()  # the board ignores interrupts: the call ends with the link
            return
        try:
            if not self._left:
                self._left = True
                self._say_goodbye()
        finally:
            self.transport.close()
            self._lock.release()

    def _outlast_calls(self) -> bool:
        """Take the lock; False when the call that has it does not end."""
        end = time.monotonic() + CLOSING_PATIENCE
        self.interrupt()
        while not self._lock.acquire(timeout=0.05):
            if time.monotonic() >= end:
                return False
            self.interrupt()  # again: a call that was just beginning has not seen it
        return True

    def _say_goodbye(self) -> None:
        # A link that takes no more bytes must not keep a program from ending.
        watchdog = threading.Timer(CLOSING_PATIENCE, self.transport.drop_output)
        watchdog.daemon = True
        with contextlib.suppress(RuntimeError):  # no new threads while the interpreter ends
            watchdog.start()
        with contextlib.suppress(errors.BelayException, OSError):
            self._leave()
        watchdog.cancel()

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

    # ------------------------------------------------------------------------ what a board can do

    def request(
        self,
        operation: bytes,
        args: tuple[Any, ...],
        *,
        timeout: float | None = None,
        output: OutputHandler = discard,
    ) -> Any:
        """Run one operation of :mod:`belay.session.requests` on the board.

        Args:
            operation: which.
            args: its arguments.
            timeout: seconds after which it is interrupted; None leaves it alone.
            output: takes what the program prints, as it arrives.

        Returns:
            The value that the board answered.

        Raises:
            PyboardException: the program raised.
            CallTimeoutError: it was interrupted at ``timeout``.
            KeyboardInterrupt: Ctrl-C on the host, or :meth:`interrupt`; the board was stopped.
            UnsupportedValueError: an argument or the result cannot travel.
            BoardResetError: the board was reset and has lost everything.
            ConnectionLost: the link ended, or the board stopped answering.
            DeviceClosedError: the session is closed.
        """
        parts = requests.payloads(operation, args, size=self._segment, deflate=self.facts.deflate)
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._turn():
            for part in parts[:-1]:
                self._ask(part, deadline, output)
            answer = self._ask(parts[-1], deadline, output)
            segments = [answer.payload]
            size = len(answer.payload)
            while answer.kind == "M":
                if size > self.limits.size:
                    raise errors.UnsupportedValueError(
                        f"the result is larger than {self.limits.size} bytes", path="result"
                    )
                answer = self._ask(b"n", deadline, output)
                segments.append(answer.payload)
                size += len(answer.payload)
        return self._value(answer, segments)

    def execute(self, source: str, tag: str, **options: Any) -> None:
        """Run statements in ``__main__``; tracebacks call them ``tag``."""
        self.request(requests.EXECUTE, (tag, source), **options)

    def evaluate(self, source: str, **options: Any) -> Any:
        """The value of an expression in ``__main__``."""
        return self.request(requests.EVALUATE, (source,), **options)

    def define(self, tag: str, source: str, name: str, **options: Any) -> None:
        """Run statements that define the function ``name``; calls of it then cost fewer bytes."""
        if name in self._numbers or len(self._numbers) >= MOST_NUMBERED or not self.agent:
            return self.execute(source, tag, **options)
        number = self.request(requests.DEFINE, (tag, source, name), **options)
        self._numbers[name] = bytes((0x80 + number,))
        return None

    def call(
        self, name: str, args: tuple[Any, ...], keywords: dict[str, Any], **options: Any
    ) -> Any:
        """Call a global of ``__main__``, whatever it is bound to by then. One write, one read."""
        if keywords:
            return self.request(requests.CALL_KEYWORDS, (name, keywords, *args), **options)
        number = self._numbers.get(name)
        if number is not None:
            return self.request(number, args, **options)
        return self.request(requests.CALL, (name, *args), **options)

    def batch(self, items: Iterable[tuple[bytes, tuple[Any, ...]]], **options: Any) -> list[Any]:
        """Run many operations in one frame.

        Returns:
            Their results, in order.

        Raises:
            PyboardException: the first failure; its ``done`` holds the results before it and its
                message names the item.
        """
        listed = [(operation[0], args) for operation, args in items]
        result: list[Any] = self.request(requests.MANY, (listed,), **options)
        return result

    def interrupt(self) -> None:
        """Stop what runs on the board, from any thread; the call there raises KeyboardInterrupt.

        Nothing happens when no call is under way.
        """
        if self._owner is not None:
            self._conversation.interrupt_asked = True
            self.transport.wake()

    @property
    def counters(self) -> Counters:
        """What the link went through so far."""
        return self._conversation.exchange.counters

    # ------------------------------------------------------------------------ turns and outcomes

    def _turn(self) -> _Turn:
        """This thread's turn to talk to the board."""
        return _Turn(self)

    def _ask(self, payload: bytes, deadline: float | None, output: OutputHandler) -> Answer:
        if self._lost_agent:
            self._start_over()
        if self._unsettled:
            self._settle(deadline)
        self._conversation.exchange.request(payload)
        return self._finish(deadline, output)

    def _settle(self, deadline: float | None) -> None:
        """Learn what became of a request that was given up, before the next one is sent."""
        self._conversation.exchange.resettle()
        outcome = self._conversation.run(deadline, discard)
        if outcome.failure == "agent gone" or (outcome.answer and outcome.answer.kind == "o"):
            self._start_over()
        elif outcome.answer is None:
            raise errors.BoardBusyError(
                "the board does not answer since an earlier call was given up; it may still be "
                "running it. Try: interrupt it, or reset the board and connect again."
            )
        self._unsettled = False

    def _start_over(self) -> None:
        """After a reset of the board: the agent once more. What was in memory stays lost."""
        self.facts, _ = greet(self.transport, load("facts").encode(), reset=False, timeout=10.0)
        self._new_exchange()
        self._upload(NOTHING, 10.0, discard)
        self._lost_agent = self._unsettled = False

    def _finish(self, deadline: float | None, output: OutputHandler) -> Answer:
        """Carry the exchange's request to its end; raise what stopped it."""
        try:
            outcome = self._conversation.run(deadline, output)
        except BaseException:
            # A second Ctrl-C, or the link has ended: nobody knows what became of the request.
            self._conversation.exchange.abandon()
            self._unsettled = True
            raise
        if outcome.failure:
            self._failed(outcome)
        answer = outcome.answer
        assert answer is not None
        if answer.kind == "o":
            self._lost_agent = True
            raise errors.PyboardError(
                "host and board disagree about the number of this call; the agent will be "
                "uploaded again"
            )
        if outcome.stopped:
            self._stopped(outcome, answer)
        if answer.kind == "L":
            raise errors.PyboardError(
                "the call ran on the board (or had begun to), but its answer was lost there"
            )
        return answer

    def _failed(self, outcome: Outcome) -> None:
        if outcome.failure == "agent gone":
            self._lost_agent = True
            raise errors.BoardResetError(
                "the board was reset: its variables and functions are gone. The next call starts "
                "with an empty board; define your functions again.",
                ran=outcome.started,
            )
        if outcome.failure == "no memory":
            raise errors.FeatureUnavailableError("the board has no memory for belay's agent")
        self._unsettled = True
        if outcome.stopped == "asked" and self._closed:
            raise errors.DeviceClosedError(_CLOSED_MEANWHILE)
        if outcome.stopped == "keyboard":
            raise KeyboardInterrupt("the board did not react to Ctrl-C")
        if outcome.error is not None:
            raise outcome.error
        if outcome.stopped == "deadline":
            raise errors.CallTimeoutError(
                "the call was not over in time, and the board does not react to interrupts; "
                "reset it",
                ran=outcome.started or None,
            )
        raise errors.ConnectionLost(
            "the board stopped answering: nothing came back to a call and its repetitions. "
            "Try: is it still powered and connected?",
            ran=outcome.started or None,
        )

    def _stopped(self, outcome: Outcome, answer: Answer) -> None:
        """An interrupt went to the board; the board has said what became of the call."""
        if outcome.error is not None:
            raise outcome.error
        never_ran = answer.kind == "R" and not answer.payload
        cause = None
        if answer.kind == "E":
            cause = self._exception([answer.payload])
        if outcome.stopped == "deadline":
            if answer.kind in "RM" and not never_ran:
                return  # it was over just then: the answer counts
            if cause is not None and cause.type != "KeyboardInterrupt":
                raise cause
            raise errors.CallTimeoutError(
                "the call did not run: the board was not ready in time"
                if never_ran
                else "the call was not over in time and was interrupted on the board",
                ran=not never_ran,
            ) from cause
        if outcome.stopped == "asked" and self._closed:
            raise errors.DeviceClosedError(_CLOSED_MEANWHILE) from cause
        raise KeyboardInterrupt from cause

    # ------------------------------------------------------------------------ values

    def _value(self, answer: Answer, segments: list[bytes]) -> Any:
        if answer.kind == "E":
            raise self._exception(segments)
        try:
            return decode(b"".join(segments), self.limits)
        except CannotTravel as error:
            raise requests.unsupported(error, "result") from None
        except Malformed as error:
            raise errors.PyboardError(f"the board's answer is no value: {error}") from None

    def _exception(self, segments: list[bytes]) -> errors.PyboardException:
        try:
            name, args, text, done = decode(b"".join(segments), self.limits, "exception")
        except (CannotTravel, Malformed, ValueError, TypeError) as error:
            return errors.PyboardException(f"an exception that could not be read: {error}")
        return errors.PyboardException(text, type=name, value_args=tuple(args), done=done)

    def _event(self, payload: bytes, ticks: int) -> None:
        with contextlib.suppress(CannotTravel, Malformed):
            topic, value = decode(b"t\x92" + payload, self.limits, "event")
            self.on_event(topic, value, ticks)

    def _line(self, room: int) -> bytes:
        return self.on_line(room)


class _Turn:
    """The session's lock, with the questions that are asked before and under it."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def __enter__(self) -> None:
        session, me = self._session, threading.get_ident()
        if session._owner == me:
            raise RuntimeError("a callback of a call (output, event, line) called the same board")
        session._lock.acquire()
        if session._closed:
            session._lock.release()
            raise errors.DeviceClosedError("this Device is closed; make a new one")
        session._owner = me

    def __exit__(self, *exc_info: object) -> None:
        self._session._owner = None
        self._session._lock.release()


def _holds_agent(facts: Facts) -> bool:
    """Whether the board has what the agent needs; 0 bytes free means that it did not say."""
    return facts.crc32 and facts.stdin and not 0 < facts.free < AGENT_HEAP
