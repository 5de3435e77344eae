# SPDX-License-Identifier: Apache-2.0
"""The session: everything that is said to one board goes through here."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any

from belay import errors
from belay.session import outcomes, requests
from belay.session.conversation import Conversation, OutputHandler, greet
from belay.session.listening import Listener
from belay.session.onboard import draw_nonce, forget_agent, load, upload
from belay.session.operations import Operations
from belay.session.requests import NOTHING, Operation
from belay.session.turns import Turn
from belay.transports.base import Transport
from belay.wire.exchange import Answer, Counters, Exchange, Timing
from belay.wire.frames import Style
from belay.wire.greeting import Facts
from belay.wire.values import CannotTravel, Limits, Malformed, decode

__all__ = ["Session"]

LARGEST_SEGMENT = 8192
SMALLEST_SEGMENT = 2304
TEXT_SEGMENT = 1024
"""Answers as base64 take three copies of a segment on the board, and some ports make more."""

CLOSING_PATIENCE = 3.0
"""Seconds that a call of another thread has to end in when the session is closed."""

AGENT_HEAP = 24 * 1024
"""Free heap below which the agent is not even tried: it needs about 20 KB while it compiles."""

MOST_RELEASES = 200
"""References that are given back with one request; more wait for the next one."""


def discard(data: bytes) -> None:
    """The output handler of requests that are expected to print nothing."""


class Session(Operations):
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
        on_answer: called with ``(sent, answered, ticks)`` after every answer: ``time.monotonic()``
            before the request and behind the answer, and the board's ``ticks_ms & 0xFFFFFFFF``.
        generation: changes whenever what the board kept for the host is gone.
        careful: look before each request whether the link still stands; one that has ended
            is then known not to have carried it.
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
        self.generation = generation
        self.careful = False
        self._timing = timing
        self._lock = threading.Lock()
        self._owner: int | None = None
        self._closing = threading.Lock()
        self._closer: int | None = None
        self._closed = self._left = False
        self._unsettled = False
        self._lost_agent = False
        self._listener: Listener | None = None
        self._between: OutputHandler | None = None
        self._released: list[int | str] = []
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
        generation: int = 0,
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
            generation: number of the first generation.

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
            session = cls._fitting(transport, facts, timing, agent, generation)
            try:
                session._install(startup, timeout, output)
            except errors.FeatureUnavailableError:
                session = cls._fitting(transport, facts, timing, False, generation)
                session._install(startup, timeout, output)
        except BaseException:
            transport.close()
            raise
        return session

    @classmethod
    def _fitting(
        cls, transport: Transport, facts: Facts, timing: Timing, agent: bool, generation: int
    ) -> Session:
        """A session of the kind that the board can hold."""
        if agent and _holds_agent(facts):
            return cls(transport, facts, timing, generation)
        from belay.session.plain import PlainSession

        return PlainSession(transport, facts, timing, generation)

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

    def _install(self, startup: str, timeout: float, output: OutputHandler) -> None:
        """Put the agent on the board, and run ``startup`` in the same command."""
        payload = NOTHING
        if startup:
            args = ("<startup>", startup)
            payload = requests.payloads(requests.EXECUTE, args, size=1 << 16, deflate=False)[0]
        with self._turn():
            answer = self._upload(payload, timeout, output)
        if answer.payload:
            outcomes.value_in(answer, [answer.payload], self.limits)

    def _upload(self, payload: bytes, timeout: float, output: OutputHandler) -> Answer:
        """The agent and the first request, in one command."""
        prefix = upload(self._nonce, self._style, self._answer_segment, deflate=self.facts.deflate)
        self._conversation.exchange.request(payload, prefix)
        return self._finish(time.monotonic() + timeout, output)

    def close(self, farewell: Callable[[Session], None] | None = None) -> None:
        """Take the agent off the board, leave its friendly prompt, and release the link.

        A call that another thread has under way is interrupted, and ends there in a
        DeviceClosedError; so do those that wait. Calling it again does nothing. It never raises
        for a board that is gone.

        Args:
            farewell: is called when those calls have ended, and is the last that can make some.
                What it raises is raised once everything is released.

        Raises:
            RuntimeError: a callback of a call (output, event, line) called it.
            BoardBusyError: the board ignores interrupts, so there was no ``farewell``.
        """
        if self._owner == threading.get_ident():
            raise RuntimeError("a callback of a call (output, event, line) closed the same board")
        self._closed = True
        with self._closing:
            if self._left:
                return
            if self._listener is not None:
                self._listener.step_aside()
            if not self._outlast_calls():
                self.transport.close()  # the call ends with the link
                if farewell is None:
                    return
                raise errors.BoardBusyError("closed, but no teardown ran: the board ignores Ctrl-C")
            self._left = True
            self._closer = threading.get_ident()
            self._lock.release()
            try:
                if farewell is not None:
                    farewell(self)
            finally:
                self._closer = None
                with self._lock:
                    self._say_goodbye()
                if self._listener is not None:
                    self._listener.return_to_it()  # and finds that there is nothing to hear

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
        try:
            with contextlib.suppress(errors.BelayException, OSError):
                self._leave()
        finally:
            watchdog.cancel()
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
        return self.perform(Operation(operation, args), timeout=timeout, output=output)

    def perform(
        self,
        operation: Operation,
        *,
        timeout: float | None = None,
        output: OutputHandler = discard,
    ) -> Any:
        """Run one operation; see :meth:`request`. Its extension is sent with it where it is new."""
        deadline = None if timeout is None else time.monotonic() + timeout
        full = operation
        with self._turn():
            if self._lost_agent or self._unsettled:
                self._get_ready(deadline)
            if operation.generation not in (None, self.generation):
                raise errors.StaleProxyError(
                    f"{operation.label or 'this object'}: the board was reset since it was made"
                )
            if operation.code == requests.CALL and operation.args[0] in self._numbers:
                full = Operation(self._numbers[operation.args[0]], operation.args[1:])
            elif operation.extension and operation.extension not in self._extensions:
                full = requests.using(operation)
            parts = self._payloads(full, operation)
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
            if answer.kind == "R" and operation.extension:
                self._extensions.add(operation.extension)
        return outcomes.value_in(answer, segments, self.limits)

    def _payloads(self, full: Operation, plain: Operation) -> list[bytes]:
        """The payloads of an operation, with what the host has released since the last one."""
        released = self._released[:MOST_RELEASES]
        if released:
            args = (released, full.code[0], full.args)
            full = Operation(requests.RELEASE, args)
        size, deflate = self._segment, self.facts.deflate
        try:
            parts = requests.payloads(full.code, full.args, size=size, deflate=deflate)
        except errors.UnsupportedValueError:
            # Once more as the caller knows it: the path in the message is then the caller's.
            requests.payloads(plain.code, plain.args, size=size, deflate=deflate)
            raise
        del self._released[: len(released)]
        return parts

    def release(self, target: int | str, *, closing: bool = False, generation: int = -1) -> None:
        """Tell the board, with the next request, that the host refers to an object no more.

        Does no I/O and takes no lock: finalizers call it, at any moment and in any thread.

        Args:
            target: the object's number, or a global to delete.
            closing: call its ``close()`` first.
            generation: :attr:`generation` of the time when the number was given out; nothing
                is done for an earlier one.
        """
        if generation in (-1, self.generation) and self.agent:
            self._released.append(-target if closing and isinstance(target, int) else target)

    def interrupt(self, thread: int | None = None) -> None:
        """Stop what runs on the board, from any thread; the call there raises KeyboardInterrupt.

        Nothing happens when no call is under way.

        Args:
            thread: stop only a call of this thread (its ``threading.get_ident()``).
        """
        if self._owner is not None and thread in (None, self._owner):
            self._conversation.interrupt_asked = True
            self.transport.wake()

    @property
    def counters(self) -> Counters:
        """What the link went through so far."""
        return self._conversation.exchange.counters

    # ------------------------------------------------------------------------ turns and outcomes

    def _turn(self) -> Turn:
        """This thread's turn to talk to the board."""
        return Turn(self)

    def _get_ready(self, deadline: float | None) -> None:
        """Mend what an earlier call has left behind."""
        if self._lost_agent:
            self._start_over()
        if self._unsettled:
            self._settle(deadline)

    def _ask(self, payload: bytes, deadline: float | None, output: OutputHandler) -> Answer:
        if self.careful:
            self._look()
        self._conversation.exchange.request(payload)
        return self._finish(deadline, output)

    def _look(self) -> None:
        """Take what has come by itself. A link that has ended is found here, before a request."""
        if self.transport.wait(0):
            try:
                self._conversation.take_waiting(self._between)
            except errors.ConnectionLost as lost:
                lost.ran = False
                raise

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

    def lend(self, use: Callable[[Transport], None]) -> None:
        """Leave the board at its friendly prompt and let ``use`` have the link; then come back."""
        with self._turn():
            self._leave()
            self._lost_agent = True
            use(self.transport)

    def alive(self) -> bool:
        """Whether the link stands, as far as can be seen without sending anything."""
        if self._closed or not self._lock.acquire(blocking=False):
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
        self._closed = self._left = True
        self.transport.close()

    def listen(self, output: OutputHandler, on_lost: Callable[[Exception], None]) -> None:
        """From now on take what comes between calls, in a thread of its own: events and prints.

        Args:
            output: takes prints.
            on_lost: called once, in that thread, when the link has ended.
        """
        if self._listener is None and self.agent:
            self._between = output
            self._listener = Listener(self, output, on_lost)
            self._listener.start()

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

    def _start_over(self, *, reset: bool = False) -> None:
        """After a reset of the board: the agent once more. What was in memory stays lost."""
        self.facts, _ = greet(self.transport, load("facts").encode(), reset=reset, timeout=10.0)
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
            self._lost_agent = self._lost_agent or outcome.failure == "agent gone"
            self._unsettled = outcome.failure == "silent"
            raise outcomes.failure(outcome, closed=self._closed)
        answer = outcome.answer
        assert answer is not None
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

    # ------------------------------------------------------------------------ what comes by itself

    def _event(self, payload: bytes, ticks: int) -> None:
        with contextlib.suppress(CannotTravel, Malformed):
            topic, value = decode(b"t\x92" + payload, self.limits, "event")
            self.on_event(topic, value, ticks)

    def _line(self, room: int) -> bytes:
        return self.on_line(room)


def _holds_agent(facts: Facts) -> bool:
    """Whether the board has what the agent needs; 0 bytes free means that it did not say."""
    return facts.crc32 and facts.stdin and not 0 < facts.free < AGENT_HEAP
