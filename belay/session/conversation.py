# SPDX-License-Identifier: Apache-2.0
"""The driver of the state machines of :mod:`belay.wire`: clock, transport and interrupts."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from belay import errors
from belay.session.interrupts import Shield
from belay.transports.base import Transport
from belay.wire.exchange import (
    Answer,
    Event,
    Exchange,
    ExchangeEvent,
    Failure,
    LineWanted,
    State,
    Text,
)
from belay.wire.greeting import Facts, Greeting, GreetingFailure
from belay.wire.plain import PlainExchange

__all__ = ["Conversation", "Outcome", "greet"]

log = logging.getLogger("belay")

OutputHandler = Callable[[bytes], None]


@dataclass
class Outcome:
    """How a request ended.

    Attributes:
        answer: the board's answer; None when none came.
        failure: why none came: ``silent`` or ``agent gone``.
        stopped: why it was interrupted: ``""``, ``keyboard``, ``deadline``, ``asked``, ``output``.
        error: what the output handler raised, when that stopped it.
        started: the board had begun to run it.
        sent: ``time.monotonic()`` when it was about to be written.
        answered: and when its answer had come.
    """

    answer: Answer | None = None
    failure: str = ""
    stopped: str = ""
    error: BaseException | None = None
    started: bool = False
    sent: float = 0.0
    answered: float = 0.0

    def is_over(self) -> bool:
        """Whether there is nothing more to wait for."""
        return self.answer is not None or bool(self.failure)


class Conversation:
    """Drives one exchange over one transport.

    Args:
        exchange: the state machine.
        transport: the link.
        on_event: called with the payload and ticks of every event frame.
        on_line: called with the room in bytes when a running program asks for a line, and with
            the question that it is to answer; empty for a line of the program's input.
    """

    def __init__(
        self,
        exchange: Exchange | PlainExchange,
        transport: Transport,
        on_event: Callable[[bytes, int], None],
        on_line: Callable[[int, bytes], bytes],
    ) -> None:
        self.exchange = exchange
        self.transport = transport
        self.interrupt_asked = False
        self._lost_events = 0
        self._asked_again = False
        self._on_event = on_event
        self._on_line = on_line
        self._shield = Shield()
        self._output: OutputHandler = lambda data: None
        self._outcome = Outcome()

    @property
    def started(self) -> bool:
        """Whether the board had begun to run the last request."""
        return self._outcome.started

    def run(self, deadline: float | None, output: OutputHandler) -> Outcome:
        """Carry the exchange's current request to its end.

        Args:
            deadline: ``time.monotonic()`` at which it is interrupted; None for never.
            output: takes what the program prints.

        Raises:
            ConnectionLost: the link ended.
            KeyboardInterrupt: a second Ctrl-C came before the first had stopped the board.
        """
        self._output = output
        self._outcome = outcome = Outcome()
        self.interrupt_asked = False
        with self._shield:
            try:
                self._loop(deadline)
            except errors.ConnectionLost as lost:
                lost.ran = True if outcome.started else None
                raise
            finally:
                self._output = lambda data: None
                self._tell_of_question()
        return outcome

    def _loop(self, deadline: float | None) -> None:
        exchange, transport, outcome = self.exchange, self.transport, self._outcome
        heard = asked = outcome.sent = time.monotonic()
        while True:
            data = exchange.data_to_send()
            if data:
                transport.write(data)
                # A link that takes its time to carry it has not been silent meanwhile.
                heard = asked = time.monotonic()
            if outcome.is_over():
                outcome.answered = asked if data else time.monotonic()
                return
            try:
                ready = self._shield.wait(transport, self._left(heard, deadline))
            except KeyboardInterrupt:
                if outcome.stopped == "keyboard":
                    raise
                self._stop("keyboard")
                heard = time.monotonic()
                continue
            if ready:
                self._take(exchange.receive(transport.read()))
                if outcome.is_over():
                    continue
                if exchange.state is State.SENT and self._left(asked, None) == 0.0:
                    exchange.overdue()
                if exchange.state is not State.SETTLING:
                    # What a program prints on does not put off the next interrupt.
                    heard = time.monotonic()
            if self._stop_if_due(deadline):
                heard = time.monotonic()
            elif self._left(heard, None) == 0.0:
                self._silence()
                heard = time.monotonic()

    def _left(self, heard: float, deadline: float | None) -> float | None:
        """Seconds until something is due: the end of patience, or the deadline."""
        patience = self.exchange.patience
        if deadline is not None and self._outcome.stopped:
            deadline = None
        if patience is None and deadline is None:
            return None
        now = time.monotonic()
        due = [heard + patience] if patience is not None else []
        if deadline is not None:
            due.append(deadline)
        return max(0.0, min(due) - now)

    def _silence(self) -> None:
        exchange = self.exchange
        running, repeats = exchange.state is State.RUNNING, exchange.counters.repeats
        self._take(exchange.silence())
        if running and exchange.counters.repeats > repeats:
            self._asked_again = True

    def _tell_of_question(self) -> None:
        """Report a question that a program may have read; where the board was reset, none has."""
        if self._asked_again and self._outcome.failure != "agent gone":
            log.warning(
                "the answer of a call may have been damaged, so the board was asked for it again; "
                "a program that still runs and reads its standard input finds the question there"
            )
        self._asked_again = False

    def _stop_if_due(self, deadline: float | None) -> bool:
        if self._outcome.stopped:
            return False
        if self.interrupt_asked:
            self._stop("asked")
        elif deadline is not None and time.monotonic() >= deadline:
            self._stop("deadline")
        else:
            return False
        return True

    def _stop(self, why: str) -> None:
        self._outcome.stopped = why
        self._outcome.started = self._outcome.started or self.exchange.state is State.RUNNING
        self.transport.drop_output()
        self.exchange.interrupt()

    def _take(self, events: list[ExchangeEvent]) -> None:
        outcome = self._outcome
        for event in events:
            if type(event) is Answer:
                outcome.answer = event
            elif type(event) is Text:
                self._tell_of_question()  # it was a false alarm: the program goes on
                self._print(event.data)
            elif type(event) is Event:
                self._tell(event)
            elif type(event) is LineWanted:
                self._asked_again = False  # the program has read it, and knows that it is none
                self._give_line(event.room, event.question)
            elif type(event) is Failure:
                outcome.failure = event.reason
                outcome.started = outcome.started or event.ran
        if self.exchange.state is State.RUNNING:
            outcome.started = True

    def _tell_of_lost_events(self) -> None:
        lost = self.exchange.counters.lost_events
        if lost > self._lost_events:
            log.warning("%d events of the board were lost on the line", lost - self._lost_events)
            self._lost_events = lost

    def _tell(self, event: Event) -> None:
        """Hand an event on; what the handler raises stops the call, as for what it prints."""
        try:
            self._on_event(event.payload, event.ticks)
        except BaseException as error:
            self._outcome.error = self._outcome.error or error
            if not self._outcome.stopped:
                self._stop("output")
        self._tell_of_lost_events()

    def _give_line(self, room: int, question: bytes) -> None:
        """Ask the host for the next line of the stream; Ctrl-C meanwhile stops the board."""
        try:
            with self._shield.lifted():
                line = self._on_line(room, question)
        except KeyboardInterrupt:
            self._stop("keyboard")
        except BaseException as error:
            self._outcome.error = self._outcome.error or error
            self._stop("output")
        else:
            self.exchange.send_line(line[:room])

    def listen(self, output: OutputHandler) -> None:
        """Between two calls: wait until something comes, or until woken, and hand it on.

        Raises:
            ConnectionLost: the link ended.
        """
        if self.transport.wait(None):
            self.take_waiting(output)

    def take_waiting(self, output: OutputHandler | None) -> None:
        """Hand on what has come since the last call: events and prints.

        Args:
            output: takes prints; None leaves them to the next call.

        Raises:
            ConnectionLost: the link ended.
        """
        self._hand_on(self.exchange.receive(self.transport.read()), output)

    def take_rest(self, output: OutputHandler) -> None:
        """Nothing more comes: what looked like the beginning of an event is text, too."""
        self._hand_on(self.exchange.silence(), output)

    def _hand_on(self, events: list[ExchangeEvent], output: OutputHandler | None) -> None:
        self._outcome = Outcome()
        self._take(events)
        if output is None:
            return
        self._output = output
        self._take(self.exchange.between_calls())
        if self._outcome.error is not None:
            raise self._outcome.error

    def _print(self, data: bytes) -> None:
        if self._outcome.error is not None:
            return
        try:
            self._output(data)
        except BaseException as error:
            # Finish the exchange first, or the session would be out of step; then raise it.
            self._outcome.error = error
            if not self._outcome.stopped:
                self._stop("output")


def greet(
    transport: Transport, question: bytes, *, reset: bool, timeout: float, patience: float = 0.4
) -> tuple[Facts, float]:
    """Enter the raw REPL of whatever is at the other end.

    Args:
        transport: an open link.
        question: the program that tells the facts.
        reset: soft-reset the board.
        timeout: seconds in all.
        patience: silence after which something is sent again, for a start.

    Returns:
        The board's facts, and the seconds that the last short exchange took.

    Raises:
        BoardSilentError, BoardBusyError, NotPythonBoardError: nothing usable is there.
        ConnectionLost: the link ended.
    """
    greeting = Greeting(question, reset=reset, patience=patience)
    end = time.monotonic() + timeout
    heard = asked = time.monotonic()
    while not greeting.over:
        data = greeting.data_to_send()
        if data:
            transport.write(data)
            heard = asked = time.monotonic()
        now = time.monotonic()
        if now >= end:
            raise _no_board(greeting, transport.address, timeout)
        if transport.wait(max(min(heard + greeting.patience, end) - now, 0.0)):
            greeting.receive(transport.read())
            heard = time.monotonic()
        elif time.monotonic() >= heard + greeting.patience:
            greeting.silence()
            heard = time.monotonic()
    if greeting.facts is None:
        raise _no_board(greeting, transport.address, timeout)
    facts = greeting.facts
    if transport.text_only:  # the board could read bytes, but they do not get there
        facts = replace(facts, binary=False)
    return facts, time.monotonic() - asked


_WHAT_TO_TRY = {
    GreetingFailure.SILENT: (
        errors.BoardSilentError,
        "{address}: the port is open, but the board sent nothing in {timeout:g} s. Try: is it "
        "powered and is this its port? Press its reset button (a program that ignores Ctrl-C looks "
        "like this too); check TX and RX, and the baud rate.",
    ),
    GreetingFailure.BUSY: (
        errors.BoardBusyError,
        "{address}: a Python board is there, but its program ignored Ctrl-C for {timeout:g} s, so "
        "the REPL could not be reached. Try: press its reset button while connecting, or start it "
        "in safe mode and remove main.py. It last sent: {seen}",
    ),
    GreetingFailure.NOT_PYTHON: (
        errors.NotPythonBoardError,
        "{address}: something answers, but not like a MicroPython or CircuitPython REPL. Try: "
        "another port, the right baud rate, or install the firmware; if a program of its own is "
        "running and ignores Ctrl-C, press the reset button. It sent: {seen}",
    ),
}


def _no_board(greeting: Greeting, address: str, timeout: float) -> errors.ConnectionFailedError:
    kind, text = _WHAT_TO_TRY[greeting.verdict()]
    seen = repr(greeting.seen[-80:])[1:]
    return kind(text.format(address=address, timeout=timeout, seen=seen))
