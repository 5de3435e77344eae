# SPDX-License-Identifier: Apache-2.0
"""What is said beside a program's requests: looks at an idle board, and at its simulated bench.

How often a view or a plot looks is a matter of time. So its answers do not stand among the blocks
of a cassette, which are compared with what the program asks: each question has a block of its own
behind them, with all answers that it got, in order::

    beside 1 watch 1
    - 'pot.read_u16()'
    = 0
    = 1092
    check 5a71c0de
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from belay.cassettes.lines import NotOurs
from belay.cassettes.marks import groups, marked
from belay.cassettes.notation import encoded, told

__all__ = [
    "Beside",
    "Said",
    "add_times",
    "beside_lines",
    "beside_row",
    "read_beside",
]

_HEAD = re.compile(r"beside ([1-9]\d{0,8}) (\S.*)")
_TIMES = re.compile(r"(\d{1,9}):(-?\d{1,18}):(-?\d{1,18})")


class Said(NamedTuple):
    """One answer.

    Attributes:
        kind: ``R``; or ``E``, where the payload tells what was raised.
        payload: the encoded value; empty for a mere moment.
        after: how many requests of the program had been answered by then.
        sent: nanoseconds from the beginning of the session to the question.
        answered: the same to the answer.
    """

    kind: str
    payload: bytes
    after: int = 0
    sent: int = 0
    answered: int = 0


@dataclass
class Beside:
    """A question, and all that was answered to it.

    Attributes:
        title: who asks, and for what.
        asked: the rest of the question, as lines with their marks.
        answers: in order.
    """

    title: str
    asked: list[str] = field(default_factory=list)
    answers: list[Said] = field(default_factory=list)


def beside_lines(number: int, beside: Beside) -> list[str]:
    """A question with its answers as lines, without the check."""
    lines = [f"beside {number} {beside.title}", *beside.asked]
    for said in beside.answers:
        mark = "!" if said.kind == "E" else "="
        lines += marked(mark, told(said.payload) if said.payload else [])
    return lines


def beside_row(number: int, beside: Beside) -> str:
    """The times of the answers in one line."""
    words = [f"{said.after}:{said.sent}:{said.answered}" for said in beside.answers]
    return " ".join([f"beside {number}", *words])


def read_beside(number: int, lines: list[str]) -> Beside:
    """Undo :func:`beside_lines`.

    Raises:
        NotOurs: it has not written that.
    """
    head = _HEAD.fullmatch(lines[0]) if lines else None
    if head is None or int(head[1]) != number:
        raise NotOurs(f"question {number} beside the blocks is missing")
    beside = Beside(head[2])
    found = groups(lines[1:])
    while found and found[0][0] in "|-+":
        mark, rest = found.pop(0)
        beside.asked += marked(mark, rest)
    for mark, rest in found:
        if mark not in "=!":
            raise NotOurs(f"a line with {mark!r} in the wrong place")
        payload = b"" if rest == [""] else encoded("\n".join(rest))
        beside.answers.append(Said("E" if mark == "!" else "R", payload))
    return beside


def add_times(words: list[str], number: int, besides: list[Beside]) -> None:
    """Undo :func:`beside_row`.

    Args:
        words: of the line.
        number: of the question.
        besides: all of them.

    Raises:
        NotOurs: it has not written that.
    """
    found = [_TIMES.fullmatch(word) for word in words[2:]]
    if words[1:2] != [str(number)] or number > len(besides):
        raise NotOurs(f"{' '.join(words)!r} is no row of the times")
    answers = besides[number - 1].answers
    if len(found) != len(answers) or None in found:
        raise NotOurs(f"times of {len(found)} answers, and there are {len(answers)}")
    besides[number - 1].answers = [
        said._replace(after=int(time[1]), sent=int(time[2]), answered=int(time[3]))
        for said, time in zip(answers, found, strict=True)
        if time is not None
    ]
