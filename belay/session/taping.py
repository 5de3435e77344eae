# SPDX-License-Identifier: Apache-2.0
"""Records what is said in the sessions of one Device, as blocks of a cassette."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from belay import errors
from belay.cassettes.besides import Said
from belay.cassettes.document import Block, Ending, Event, Line, Print, Sample
from belay.cassettes.files import CassetteFile
from belay.cassettes.masking import MASK, Masks, is_asked_secretly
from belay.cassettes.tape import BETWEEN
from belay.session import requests
from belay.session.conversation import Outcome, OutputHandler
from belay.session.describing import argument_lines, describe, plain_operation, text_lines, unfolded
from belay.session.requests import CLOCK, Operation
from belay.wire.decoding import decode
from belay.wire.greeting import Facts
from belay.wire.values import CannotTravel, Malformed, encode_segments

if TYPE_CHECKING:
    from belay.transports.base import Transport

__all__ = ["Recorder", "asked", "asked_beside", "connection_lines", "with_ticks", "without_ticks"]


class Recorder:
    """Writes one cassette.

    Its methods are called under the session's lock, but for :meth:`beside`, :meth:`look` and
    :meth:`finish`.

    Args:
        file: where to.
        masks: what must not be written.
        address: the board as the program names it.
        shown: makes an address fit to be written.
    """

    def __init__(
        self, file: CassetteFile, masks: Masks, address: str, shown: Callable[[str], str]
    ) -> None:
        self._shown = shown
        self._file = file
        self._masks = masks
        self._address = address
        self._zero = time.monotonic()
        self._block: Block | None = None
        self._begun = self._zero
        self._between: Block | None = None
        self._aside: Block | None = None
        self._silent = False
        self._answered = 0

    # ---------------------------------------------------------------- blocks

    def header(self, facts: Facts, transport: Transport) -> None:
        """What is known of the board; again after a reset or a reconnection."""
        if not self._file.cassette.header:
            self._file.begin(
                {
                    "asked for": self._masks.text(self._address),
                    "address": self._masks.text(self._shown(transport.address)),
                    "survives reset": transport.survives_reset,
                    **asdict(facts),
                }
            )

    @contextmanager
    def connecting(self, reset: bool, startup: str) -> Iterator[None]:
        """While a session is opened; :meth:`connected` is called when the board has answered."""
        with self._recorded("connect", connection_lines(reset, startup, self._masks)):
            yield

    def connected(self, facts: Facts, transport: Transport, *, agent: bool) -> None:
        """A board has answered."""
        self.header(facts, transport)
        header = self._file.cassette.header
        changed = {key: value for key, value in asdict(facts).items() if header[key] != value}
        assert self._block is not None
        ending = self._block.ending = self._ending(time.monotonic())
        if changed:
            ending.other["facts"] = changed
        if not agent:
            ending.other["agent"] = False
        del self._block.items[:]  # of a try with the agent

    @contextmanager
    def request(self, operation: Operation, *, agent: bool) -> Iterator[None]:
        """While an operation is carried out."""
        if operation.label == CLOCK:
            with self._unrecorded():
                yield
            return
        title, lines = asked(operation, self._masks)
        with self._recorded(title, lines):
            yield
            self._shorten(operation, agent)

    @contextmanager
    def other(self, title: str, lines: Iterable[str] = ()) -> Iterator[None]:
        """While something else is done with the board."""
        with self._recorded(title, list(lines)):
            yield

    @contextmanager
    def aside(self, operation: Operation) -> Iterator[None]:
        """While an idle board is asked for something beside the program's requests."""
        title, lines = asked(operation, self._masks)
        block = self._aside = Block(title, lines)
        try:
            with self.hidden():
                yield
        finally:
            self._aside = None
            ending = block.ending
            if ending is not None and ending.kind in ("R", "E"):
                payload = ending.payload if ending.kind == "R" else _without_agent(ending.payload)
                said = Said(
                    ending.kind,
                    masked_payload(payload, self._masks),
                    self._answered,
                    ending.sent,
                    ending.answered,
                )
                self._file.add_beside(f"click {title}", lines, said)

    def beside(
        self,
        title: str,
        args: Iterable[Any],
        kind: str,
        payload: bytes,
        sent: float,
        answered: float,
    ) -> None:
        """Something was said beside the program's requests. From any thread.

        Args:
            title: of the question.
            args: the rest of it.
            kind: of the answer, ``R`` or ``E``.
            payload: the answer, encoded.
            sent: the host's ``time.monotonic()`` of the question.
            answered: that of the answer.
        """
        title, lines = asked_beside(title, args, self._masks)
        said = Said(
            kind,
            masked_payload(payload, self._masks) if payload else b"",
            self._answered,
            self._nanos(sent),
            self._nanos(answered),
        )
        self._file.add_beside(title, lines, said)

    def look(
        self, title: str, args: Iterable[Any], ok: bool, value: Any, sent: float, answered: float
    ) -> None:
        """The same, of an answer as a value; one that cannot travel is left out."""
        with contextlib.suppress(CannotTravel):
            payload = b"".join(encode_segments((value,), 1 << 20))
            self.beside(title, args, "R" if ok else "E", payload, sent, answered)

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """While something is done that is none of the program's, and not recorded."""
        self._silent, before = True, self._silent
        try:
            yield
        finally:
            self._silent = before

    @contextmanager
    def _unrecorded(self) -> Iterator[None]:
        self._block, outer = Block("clock"), self._block
        try:
            yield
            ending = self._block.ending
            if ending is not None and ending.text:  # without the agent, the value is the clock
                ending.ticks = int(ending.payload) if ending.payload.isdigit() else 0
            if ending is not None and ending.kind == "R":
                after = len(self._file.cassette.blocks) + (self._between is not None)
                self._flush_between()
                sample = Sample(after, ending.sent, ending.answered, ending.ticks)
                self._file.cassette.samples.append(sample)
        finally:
            self._block = outer

    @contextmanager
    def _recorded(self, title: str, lines: list[str]) -> Iterator[None]:
        self._flush_between()
        block = self._block = Block(title, lines)
        self._begun = time.monotonic()
        try:
            yield
        except errors.FeatureUnavailableError:
            block.title = ""  # it is done in another way
            raise
        except BaseException as error:
            if block.ending is None or not (block.ending.kind or block.ending.other):
                block.ending = self._ending(self._begun)
                block.ending.other["raised"] = _told_error(error, self._masks)
            raise
        finally:
            self._block = None
            if block.ending is None:
                block.ending = self._ending(self._begun)
            if block.title:
                self._keep(block)

    def _ending(self, sent: float) -> Ending:
        now = time.monotonic()
        return Ending(sent=self._nanos(sent), answered=self._nanos(now))

    def _keep(self, block: Block) -> None:
        for item in block.items:
            if isinstance(item, Print):
                masked = self._masks.data(item.data)
                if masked != item.data:
                    item.data, item.pieces = masked, [(item.pieces[0][0], len(masked))]
            elif isinstance(item, Event):
                item.payload = _masked_event(item.payload, self._masks)
            else:
                item.question = masked_payload(item.question, self._masks)
                item.answer = item.answer and self._masks.data(item.answer)
        ending = block.ending
        if ending is not None and ending.text:
            ending.payload = self._masks.data(ending.payload)
        elif ending is not None:
            if ending.kind == "E":
                ending.payload = _without_agent(ending.payload)
            ending.payload = masked_payload(ending.payload, self._masks)
        self._file.add(block)
        self._answered += block.title != BETWEEN

    def _flush_between(self) -> None:
        block, self._between = self._between, None
        if block is not None:
            self._keep(block)

    # ---------------------------------------------------------------- what happens

    def tee(self, output: OutputHandler) -> OutputHandler:
        """An output handler that records what it hands on."""

        def handle(data: bytes) -> None:
            self._printed(data)
            output(data)

        return handle

    def _place(self) -> tuple[Block, int]:
        """Where what comes now belongs, and its time there."""
        now = time.monotonic()
        if self._block is not None:
            return self._block, self._micros(now)
        if self._between is None:
            self._between = Block(BETWEEN)
            self._begun = now
        return self._between, self._micros(now)

    def _printed(self, data: bytes) -> None:
        if self._silent:
            return
        block, at = self._place()
        last = block.items[-1] if block.items else None
        if not isinstance(last, Print):
            last = Print(b"")
            block.items.append(last)
        last.data += data
        last.pieces.append((at, len(data)))

    def event(self, payload: bytes, ticks: int) -> None:
        """The board has sent an event."""
        block, at = self._place()
        block.items.append(Event(payload, at, ticks))

    def line(self, question: bytes, give: Callable[[], bytes], room: int) -> bytes:
        """The board asks for a line, which ``give`` gets."""
        if self._silent:
            return give()
        block, at = self._place()
        last = block.items[-1] if block.items else None
        prompt = last.data if isinstance(last, Print) else b""
        line = Line(question, None, at)
        block.items.append(line)
        answer = give()[:room]
        if question:  # a part of Belay answers, on replay too; files of the host change
            return answer
        line.answer = answer
        if is_asked_secretly(prompt):
            self._masks.add(answer.decode("utf-8", "replace").rstrip("\r\n"))
            line.answer = MASK.encode() + b"\n"
        return answer

    def outcome(self, outcome: Outcome, *, agent: bool) -> None:
        """A request, or a part of one, has come to its end."""
        block = self._aside or (None if self._silent else self._block)
        if block is None:
            return
        before = block.ending
        ending = Ending(text=not agent)
        ending.sent, ending.answered = self._nanos(outcome.sent), self._nanos(outcome.answered)
        if before is not None and before.kind == "M":
            ending.payload = before.payload
        elif before is not None and block.title in ("connect", "restart"):
            ending.other = before.other
        if outcome.answer is not None:
            ending.kind = outcome.answer.kind
            ending.payload += outcome.answer.payload
            ending.ticks = outcome.answer.ticks
        else:
            ending.answered = self._nanos(time.monotonic())
        for name in ("failure", "stopped", "started"):
            if (value := getattr(outcome, name)) and (name != "started" or not ending.kind):
                ending.other[name] = value
        block.ending = ending

    def lost(self, error: BaseException) -> None:
        """The link has ended between two calls."""
        block, _ = self._place()
        block.ending = self._ending(time.monotonic())
        block.ending.other["raised"] = _told_error(error, self._masks)
        self._flush_between()

    def finish(self) -> None:
        """Write the file."""
        self._flush_between()
        self._file.finish()

    def _shorten(self, operation: Operation, agent: bool) -> None:
        """Take the board's clock out of an answer: it would differ each time."""
        ending = self._block.ending if self._block is not None else None
        code = plain_operation(operation).code
        if ending is not None and code == requests.TIMED and ending.kind == "R" and agent:
            ending.value_ticks, ending.payload = without_ticks(ending.payload)

    def _micros(self, moment: float) -> int:
        return round((moment - self._begun) * 1e6)

    def _nanos(self, moment: float) -> int:
        return round((moment - self._zero) * 1e9)


def connection_lines(reset: bool, startup: str, masks: Masks) -> list[str]:
    """What connecting asks."""
    masks.learn(startup)
    source = text_lines(masks.text(startup)) if startup else []
    return [f"- {'reset' if reset else 'attach'}", *source]


def asked(operation: Operation, masks: Masks) -> tuple[str, list[str]]:
    """The words for an operation, without secrets."""
    operation = unfolded(operation)
    masks.learn(operation.args)
    title, lines = describe(operation._replace(args=masks.value(operation.args)))
    return masks.text(title), lines


def asked_beside(title: str, args: Iterable[Any], masks: Masks) -> tuple[str, list[str]]:
    """The words for a question beside the program's requests, without secrets."""
    values = tuple(args)
    masks.learn(values)
    return masks.text(title), argument_lines(masks.value(values))


def without_ticks(payload: bytes) -> tuple[int | None, bytes]:
    """The clock in front of a value, and the value."""
    try:
        ticks, _ = decode(payload)
    except (CannotTravel, Malformed, TypeError, ValueError):
        return None, payload
    if type(ticks) is not int or ticks < 0:
        return None, payload
    rest = payload.removeprefix(with_ticks(ticks, b""))
    return (ticks, rest) if rest != payload else (None, payload)


def with_ticks(ticks: int, payload: bytes) -> bytes:
    """Undo :func:`without_ticks`."""
    return b"t\x92" + b"".join(encode_segments((ticks,), 1 << 20)) + payload


_AGENT_FRAME = re.compile(r'^ *File "<belay>", line \d+, in .*\r*\n', re.MULTILINE)


def _without_agent(payload: bytes) -> bytes:
    """An exception without the agent's own frames, whose lines are those of one version of it."""
    try:
        name, args, text, *rest = decode(payload)
        told = (name, args, _AGENT_FRAME.sub("", text), *rest)
        return b"".join(encode_segments((told,), 1 << 20))
    except (CannotTravel, Malformed, TypeError, ValueError):
        return payload


def masked_payload(payload: bytes, masks: Masks) -> bytes:
    """An encoded value without secrets."""
    if masks.data(payload) == payload:
        return payload
    try:
        value = masks.value(decode(payload))
        masked = b"".join(encode_segments((value,), 1 << 20))
    except (CannotTravel, Malformed):
        masked = payload
    return masks.same_size(masked)


def _masked_event(payload: bytes, masks: Masks) -> bytes:
    mark = b"t\x92"
    return masked_payload(mark + payload, masks).removeprefix(mark)


def _told_error(error: BaseException, masks: Masks) -> tuple[Any, ...]:
    """An exception of the host, as it can be written."""
    known = isinstance(error, (errors.BelayException, KeyboardInterrupt))
    name = type(error).__name__ if known else "PyboardError"
    return (name, masks.text(str(error)), getattr(error, "ran", None))
