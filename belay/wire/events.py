# SPDX-License-Identifier: Apache-2.0
"""What can become of a request, and how patient its driver should be."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import NamedTuple

__all__ = [
    "Answer",
    "Counters",
    "Event",
    "ExchangeEvent",
    "Failure",
    "LineWanted",
    "State",
    "Text",
    "Timing",
]


class State(enum.Enum):
    """Where a request is."""

    IDLE = "idle"
    SENT = "sent"
    RUNNING = "running"
    SETTLING = "settling"


class Text(NamedTuple):
    """What the board printed.

    Attributes:
        data: the bytes, with ``\\n`` line ends.
        running: True between the start of a call and its answer; False for what came in
            between, from a timer or another program.
    """

    data: bytes
    running: bool


class Answer(NamedTuple):
    """The end of a request.

    Attributes:
        kind: ``R`` result, ``E`` exception, ``M`` result with more segments to come, ``L`` it ran
            but its answer is lost, ``o`` the board expected another number.
        payload: the encoded value; empty when an empty program ran instead: the request had
            never started.
        ticks: the board's ``ticks_ms`` when it answered.
    """

    kind: str
    payload: bytes
    ticks: int


class Event(NamedTuple):
    """A frame that the board sent of its own accord."""

    payload: bytes
    ticks: int


class LineWanted(NamedTuple):
    """The running program asks for the next line of its stream: at most ``room`` bytes.

    Attributes:
        number: of the line.
        room: most bytes that it takes.
        question: empty for a line of its input; otherwise what the line is to answer. It is
            asked again where a damaged line has swallowed it, unlike what an event says.
    """

    number: int
    room: int
    question: bytes = b""


class Failure(NamedTuple):
    """The request can get no answer.

    Attributes:
        reason: ``silent`` nothing came back; ``agent gone`` the board knows no agent: it was
            reset; ``no memory`` the agent does not fit; ``no room`` nor does this request.
        ran: the request is known to have begun.
    """

    reason: str
    ran: bool = False


ExchangeEvent = Text | Answer | Event | LineWanted | Failure


@dataclass
class Timing:
    """How long silence may last before it means something. All in seconds.

    Attributes:
        floor: shortest silence before a repetition.
        round_trip: measured time of a short exchange; four of them are waited for.
        rate: bytes per second that the link carries.
        give_up: silence over all repetitions after which a request that never started fails.
        interrupt_every: pause between interrupts while settling.
        settle: how long settling may take in all.
    """

    floor: float = 0.1
    round_trip: float = 0.0
    rate: float = 20_000.0
    give_up: float = 12.0
    interrupt_every: float = 0.1
    settle: float = 5.0

    def silence(self, size: int) -> float:
        """Silence that is suspicious after ``size`` bytes were sent."""
        return max(self.floor, 4 * self.round_trip) + size / self.rate


@dataclass
class Counters:
    """What a session's link went through, for diagnosis and for tests.

    Attributes:
        requests: requests sent.
        repeats: times one was sent again.
        damaged: frames that arrived damaged, either way.
        interrupts: interrupts sent.
        lost_events: events that the board has sent and that did not arrive whole.
    """

    requests: int = 0
    repeats: int = 0
    damaged: int = 0
    interrupts: int = 0
    lost_events: int = 0
