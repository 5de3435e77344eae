# SPDX-License-Identifier: Apache-2.0
"""How long a call takes, and which part of that is the host's, the link's and the board's."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from belay import errors
from belay.session.requests import Operation

if TYPE_CHECKING:
    from belay.device import Device
    from belay.session.session import Session

__all__ = ["Sample", "measure_latency"]

_CLOCK = b"l"
"""Operation of :mod:`belay.onboard.latency`: 1 start, 0 take the times, 2 stop."""

_START, _TAKE, _STOP = 1, 0, 2

_BLOCK = 50
"""Calls whose times the board keeps until they are fetched: a small one has no room for many."""


@dataclass(frozen=True)
class Sample:
    """One call.

    Attributes:
        total: seconds from the call to its result, in the program that called.
        host: of these, those in which this computer prepared the request and read the answer.
        board: those in which the board worked on it: from when its prompt had read and compiled
            the request until it had handed the answer to its output. None where it cannot be
            told: by boards that are too small for the agent.
        link: the rest: both ways through the system, USB and wires, and the board's prompt, which
            reads and compiles the request.
    """

    total: float
    host: float | None = None
    link: float | None = None
    board: float | None = None


def measure_latency(
    device: Device,
    count: int = 10,
    *,
    warm_up: int = 3,
    expression: str = "0",
    timeout: float | None = None,
    progress: Callable[[Sample], object] = lambda sample: None,
) -> list[Sample]:
    """Call a board again and again.

    Args:
        device: the way to it.
        count: how many calls are measured.
        warm_up: how many are made before, and not measured.
        expression: what is asked for.
        timeout: seconds for each call.
        progress: called with samples once they are complete, in their order; often with many at
            a time, for the board's times are fetched between calls.

    Returns:
        One sample for each call, in their order.

    Raises:
        ValueError: ``count`` is less than 1, or ``warm_up`` less than 0.
    """
    if count < 1 or warm_up < 0:
        raise ValueError(f"count={count}, warm_up={warm_up}: at least one call is measured")

    def call() -> object:
        return device(expression, record=False, timeout=timeout)

    for _ in range(warm_up):
        call()
    samples: list[Sample] = []
    with _listening(device._session) as answers, _board_clock(device) as take:
        while len(samples) < count:
            block = []
            for _ in range(min(_BLOCK, count - len(samples))):
                answers.clear()
                begin = time.monotonic()
                call()
                block.append((time.monotonic() - begin, sum(answers) if answers else None))
            # In front may stand the time of the request that fetched those before.
            times = take()[-len(block) :]
            if len(times) != len(block):
                times = [None] * len(block)
            made = [
                _sample(*measured, micros) for measured, micros in zip(block, times, strict=True)
            ]
            samples += made
            for sample in made:
                progress(sample)
    return samples


def _sample(total: float, away: float | None, micros: int | None) -> Sample:
    """Put one together.

    Args:
        total: seconds of the call.
        away: those between the request and its answer.
        micros: those of the board, in microseconds.
    """
    if away is None:
        return Sample(total)
    if micros is None:
        return Sample(total, total - away)
    # A board's clock may tick coarsely: its part is never more than what there was.
    board = min(micros / 1e6, away)
    return Sample(total, total - away, away - board, board)


@contextmanager
def _listening(session: Session) -> Iterator[list[float]]:
    """Note how long each request was away."""
    answers: list[float] = []
    before = session.on_answer

    def heard(sent: float, answered: float, ticks: int) -> None:
        answers.append(answered - sent)
        before(sent, answered, ticks)

    session.on_answer = heard
    try:
        yield answers
    finally:
        session.on_answer = before


@contextmanager
def _board_clock(device: Device) -> Iterator[Callable[[], list[Any]]]:
    """Let the board take the time of every request; yields what fetches the times so far."""

    def ask(what: int) -> list[Any]:
        found: list[Any] = device._perform(Operation(_CLOCK, (what,), "latency"), stream_out=None)
        return found

    if not device._session.agent:
        yield list
        return
    try:
        ask(_START)
    except errors.PyboardException:  # it has no clock of microseconds
        yield list
        return
    try:
        yield lambda: ask(_TAKE)
    finally:
        with contextlib.suppress(errors.BelayException):
            ask(_STOP)
