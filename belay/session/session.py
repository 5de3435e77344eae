# SPDX-License-Identifier: Apache-2.0
"""The session: everything that is said to one board goes through here."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, cast

from belay import errors
from belay.session import outcomes, requests
from belay.session.channel import Channel, discard
from belay.session.conversation import OutputHandler, greet
from belay.session.onboard import load
from belay.session.requests import NOTHING, Operation
from belay.session.turns import NotIdle, has_turn, this_thread
from belay.transports.base import Transport
from belay.wire.exchange import Answer, Timing
from belay.wire.frames import Style
from belay.wire.greeting import Facts

if TYPE_CHECKING:
    from belay.session.taping import Recorder
    from belay.transports.replay import ReplayTransport

__all__ = ["Session", "discard"]

_UNRECORDED: AbstractContextManager[None] = contextlib.nullcontext()

CLOSING_PATIENCE = 3.0
"""Seconds that a call of another thread has to end in when the session is closed."""

AGENT_HEAP = 24 * 1024
"""Free heap below which the agent is not even tried: it needs about 20 KB while it compiles."""

MOST_RELEASES = 200
"""References that are given back with one request; more wait for the next one."""


class Session(Channel):
    """One board, connected, with the agent on it. Made by :meth:`open`.

    Any number of threads may call; calls queue. A callback that runs inside a call (output,
    events, lines) must not call the same session.
    """

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
        recorder: Recorder | None = None,
    ) -> Session:
        """Find the board at the other end and make it ready for calls.

        Costs 3 round trips, 4 with ``reset``, from whatever state the board is in.

        Args:
            transport: an open link. It is closed again when this fails.
            reset: soft-reset the board first: its memory is cleared and ``boot.py`` runs.
                Without, what runs is interrupted and everything in memory stays; so too over a
                link that a reset would end, such as WebREPL.
            startup: statements to run in ``__main__``; they travel with the agent.
            timeout: seconds in all.
            timing: how patient to be; tests set it.
            output: takes what ``startup`` prints.
            agent: False never uploads the agent. A board that cannot hold it goes without anyhow.
            generation: number of the first generation.
            recorder: writes down what is said.

        Raises:
            BoardSilentError, BoardBusyError, NotPythonBoardError: no board answered.
            PyboardException: ``startup`` raised.
        """
        try:
            timing = timing or Timing()
            reset = reset and transport.survives_reset
            if transport.is_recording:
                from belay.session.replaying import open_recorded

                return open_recorded(
                    cast("ReplayTransport", transport),
                    reset=reset,
                    startup=startup,
                    timeout=timeout,
                    timing=timing,
                    output=output,
                    generation=generation,
                )
            question = load("facts").encode()
            facts, round_trip = greet(
                transport, question, reset=reset, timeout=timeout, patience=4 * timing.floor
            )
            timing.round_trip = round_trip
            timing.rate = transport.bytes_per_second or timing.rate
            session = cls._fitting(transport, facts, timing, agent, generation)
            try:
                session._begin(recorder, reset, startup, timeout, output)
            except errors.FeatureUnavailableError:
                session = cls._fitting(transport, facts, timing, False, generation)
                session._begin(recorder, reset, startup, timeout, output)
        except BaseException:
            transport.close()
            raise
        return session

    def _begin(
        self,
        recorder: Recorder | None,
        reset: bool,
        startup: str,
        timeout: float,
        output: OutputHandler,
    ) -> None:
        self.recorder = recorder
        if recorder is None:
            self._install(startup, timeout, output)
            return
        with recorder.connecting(reset, startup):
            recorder.connected(self.facts, self.transport, agent=self.agent)
            if self.agent:
                self._install(startup, timeout, output)
        if not self.agent:
            self._install(startup, timeout, output)

    @classmethod
    def _fitting(
        cls, transport: Transport, facts: Facts, timing: Timing, agent: bool, generation: int
    ) -> Session:
        """A session of the kind that the board can hold."""
        if agent and _holds_agent(facts):
            return cls(transport, facts, timing, generation)
        from belay.session.plain import PlainSession

        return PlainSession(transport, facts, timing, generation)

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
        if has_turn(self):
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

    @property
    def segment(self) -> int:
        """Most bytes that one frame to the board carries, before they are deflated."""
        return self._segment

    def has(self, extension: str) -> bool:
        """Whether the board has this extension of the agent by now."""
        return extension in self._extensions

    @property
    def text(self) -> bool:
        """Whether only text can be written to the board, as on CircuitPython."""
        return self._style is Style.TEXT

    @property
    def closed(self) -> bool:
        """Whether :meth:`close` was called, and not refused."""
        return self._closed

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
            if not self._is_ready():
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
            with self._recorded(operation):
                answer, segments = self._carry(operation, parts, deadline, output)
            if answer.kind == "R" and operation.extension:
                self._extensions.add(operation.extension)
        return outcomes.value_in(answer, segments, self.limits)

    def _recorded(self, operation: Operation) -> AbstractContextManager[None]:
        """While an operation is carried out: it is written down, if anybody wants that."""
        if self.recorder is None:
            return _UNRECORDED
        if operation.label == requests.LOOK or this_thread.unrecorded:
            return self.recorder.hidden()
        if this_thread.if_idle:
            taped = this_thread.taped and self.agent
            return self.recorder.aside(operation) if taped else self.recorder.hidden()
        return self.recorder.request(operation, agent=self.agent)

    def _carry(
        self,
        operation: Operation,
        parts: list[bytes],
        deadline: float | None,
        output: OutputHandler,
    ) -> tuple[Answer, list[bytes]]:
        """Send the payloads of an operation.

        Returns:
            Its answer, and the segments of that.
        """
        for part in parts[:-1]:
            self._ask(part, deadline, output, operation.repeats)
        answer = self._ask(parts[-1], deadline, output, operation.repeats)
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
        return answer, segments

    def perform_if_idle(
        self,
        operation: Operation,
        *,
        timeout: float | None = None,
        output: OutputHandler = discard,
        taped: bool = False,
    ) -> Any:
        """The same, but only where no other call is under way: it waits for none.

        Nor does it mend what an earlier call has left behind, such as an agent that a reset took.

        Args:
            operation: what to do.
            timeout: as of :meth:`perform`.
            output: likewise.
            taped: a recording of the session has it, beside the program's own calls.

        Returns:
            What the board answered; ``NotImplemented`` where it was not asked.
        """
        this_thread.if_idle, this_thread.taped = True, taped
        try:
            return self.perform(operation, timeout=timeout, output=output)
        except NotIdle:
            return NotImplemented
        finally:
            this_thread.if_idle = this_thread.taped = False

    def moment(self, title: str, now: float) -> float:
        """A moment that a recording of the session keeps.

        Args:
            title: what for.
            now: in the scale of :attr:`now`.

        Returns:
            The same; where a recording is played, the moment that it kept.
        """
        if self.recorder is not None:
            self.recorder.beside(title, (), "R", b"", now, now)
        return now

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


def _holds_agent(facts: Facts) -> bool:
    """Whether the board has what the agent needs; 0 bytes free means that it did not say."""
    return facts.crc32 and facts.stdin and not 0 < facts.free < AGENT_HEAP
