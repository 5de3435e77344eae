# SPDX-License-Identifier: Apache-2.0
"""A cassette as a text file.

The first line is ``belay cassette 1``. The header follows: what the board said about itself. Then
come numbered blocks, one for each request and its answer, and at the end the times, which are the
only part that differs between two recordings of the same. Header, blocks and times are separated
by an empty line, and each ends in a check of its own text, so that a damaged file is never played::

    7 call average                  the request,
    - 3                             its arguments; | lines of a source; + parts of a batch
    > measuring                     what the board printed
    * ('progress', 1)               an event: topic and value
    ? ['mount', 'read', 'a.py']     the board asks the host for a line; ? alone: of its stdin
    < Ada                           the line that it got
    = 4.5                           the answer; or ! an exception, or # what else became of it
    check 9c3f12ab

What takes more than one line goes on in lines whose mark is followed by a dot in place of a blank.
"""

from __future__ import annotations

import re
from binascii import crc32
from dataclasses import dataclass, field
from typing import NamedTuple

from belay.cassettes.besides import Beside, add_times, beside_lines, beside_row, read_beside
from belay.cassettes.lines import NotOurs, from_lines, to_lines
from belay.cassettes.marks import groups, marked
from belay.cassettes.notation import encoded, from_text, one_line, told
from belay.errors import CassetteError

__all__ = [
    "VERSION",
    "Block",
    "Cassette",
    "Ending",
    "Event",
    "Line",
    "Print",
    "Sample",
    "block_text",
    "read_cassette",
    "written",
]

VERSION = 1
_FIRST = "belay cassette "
_HEAD = re.compile(r"([1-9]\d{0,8}) (\S.*)")
_NOTHING = "\\"
"""No text at all, which is less than an empty line."""

_EVENT = b"t\x92"
"""Makes one value, a tuple, of topic and value as they travel."""


@dataclass
class Print:
    """What a board printed.

    Attributes:
        data: the bytes.
        pieces: how they arrived: microseconds since the request, and how many bytes.
    """

    data: bytes
    pieces: list[tuple[int, int]] = field(default_factory=list)


@dataclass
class Event:
    """What a board sent of its own accord.

    Attributes:
        payload: topic and value as they travel.
        at: microseconds since the request.
        ticks: the board's milliseconds.
    """

    payload: bytes
    at: int = 0
    ticks: int = 0


@dataclass
class Line:
    """A line that a board asked for.

    Attributes:
        question: what it is to answer, as it travels; empty for a line of the program's stdin.
        answer: what the host gave to the program; None where it gave nothing, or where a part of
            Belay has answered.
        at: microseconds since the request.
    """

    question: bytes
    answer: bytes | None = None
    at: int = 0


@dataclass
class Ending:
    """What became of a request.

    Attributes:
        kind: of the answer, ``R`` or ``E`` as a rule; empty where none came.
        payload: the encoded value, or what the exception is made from.
        text: the payload is text: of a board without the agent.
        other: what else is known, by name: ``failure``, ``stopped``, ``started``, ``raised``.
        sent: nanoseconds from the beginning of the session to the request.
        answered: the same to its end.
        ticks: the board's milliseconds then.
        value_ticks: those inside of the value, of a request that asks for them; or None.
    """

    kind: str = ""
    payload: bytes = b""
    text: bool = False
    other: dict[str, object] = field(default_factory=dict)
    sent: int = 0
    answered: int = 0
    ticks: int = 0
    value_ticks: int | None = None


class Sample(NamedTuple):
    """A look at the board's clock, which is no request of the program.

    Attributes:
        after: number of the block behind which it was made.
        sent: as of :class:`Ending`, and so are the others.
        answered: likewise.
        ticks: likewise.
    """

    after: int
    sent: int
    answered: int
    ticks: int


@dataclass
class Block:
    """A request with all that belongs to it; or, without an ending, what came between two.

    Attributes:
        title: such as ``call average``.
        asked: the rest of the request, as lines with their marks.
        items: what came before the answer, in order.
        ending: the answer.
    """

    title: str
    asked: list[str] = field(default_factory=list)
    items: list[Print | Event | Line] = field(default_factory=list)
    ending: Ending | None = None


@dataclass
class Cassette:
    """What was said in the sessions of one Device.

    Attributes:
        header: facts by name.
        blocks: in order; the first one has the number 1.
        samples: of the board's clock.
        besides: what was said beside the blocks; see `belay.cassettes.besides`.
        name: of the file, for messages.
    """

    header: dict[str, object] = field(default_factory=dict)
    blocks: list[Block] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    besides: list[Beside] = field(default_factory=list)
    name: str = ""


# ------------------------------------------------------------------------------ writing


def _checked(lines: list[str]) -> str:
    text = "".join(f"{line}\n" for line in lines)
    return f"{text}check {crc32(text.encode()):08x}\n"


def header_text(header: dict[str, object]) -> str:
    """The beginning of a cassette."""
    rows = [f"{name} = {one_line(value)}" for name, value in header.items()]
    return _checked([f"{_FIRST}{VERSION}", *rows])


def block_text(number: int, block: Block) -> str:
    """One block, with the empty line before it."""
    lines = [f"{number} {block.title}", *block.asked]
    for item in block.items:
        if isinstance(item, Print):
            lines += [f"> {line}".rstrip() for line in to_lines(item.data)]
        elif isinstance(item, Event):
            lines += marked("*", told(_EVENT + item.payload))
        else:
            lines += marked("?", told(item.question) if item.question else [])
            if item.answer is not None:
                lines += marked("<", to_lines(item.answer) or [_NOTHING])
    ending = block.ending
    if ending is not None:
        lines += [f"# {name} {one_line(value)}" for name, value in ending.other.items()]
        mark = {"R": "=", "E": "!"}.get(ending.kind, "")
        if ending.kind and not mark:
            lines.append(f"# kind {ending.kind!r}")
        if ending.kind:
            lines += _answer_lines(mark or "=", ending)
    return "\n" + _checked(lines)


def _answer_lines(mark: str, ending: Ending) -> list[str]:
    if ending.text:
        return ["# text True", *marked(mark, to_lines(ending.payload) or [_NOTHING])]
    # An empty program's answer is nothing at all.
    return marked(mark, told(ending.payload) if ending.payload else [])


def _times(cassette: Cassette) -> str:
    lines = ["times"]
    samples = list(cassette.samples)
    for number, block in enumerate(["", *cassette.blocks]):
        if isinstance(block, Block):
            lines.append(_row(number, block))
        while samples and samples[0].after == number:
            sample = samples.pop(0)
            lines.append(f"clock {sample.sent} {sample.answered} {sample.ticks}")
    lines += [beside_row(at + 1, beside) for at, beside in enumerate(cassette.besides)]
    return "\n" + _checked(lines)


def _row(number: int, block: Block) -> str:
    words = [str(number)]
    ending = block.ending
    if ending is not None:
        words += [str(ending.sent), str(ending.answered), str(ending.ticks)]
        if ending.value_ticks is not None:
            words.append(f"value:{ending.value_ticks}")
    for item in block.items:
        if isinstance(item, Print):
            words += [f"{at}:{size}" for at, size in item.pieces]
        elif isinstance(item, Event):
            words.append(f"event:{item.at}:{item.ticks}")
        else:
            words.append(f"line:{item.at}")
    return " ".join(words)


def written(cassette: Cassette, *, times: bool = True) -> str:
    """The whole file.

    Args:
        cassette: what to write.
        times: False leaves the times away: what is left is the same for two recordings of the same.
    """
    text = header_text(cassette.header)
    text += "".join(block_text(at + 1, block) for at, block in enumerate(cassette.blocks))
    for at, beside in enumerate(cassette.besides):
        text += "\n" + _checked(beside_lines(at + 1, beside))
    return text + _times(cassette) if times else text


# ------------------------------------------------------------------------------ reading


class _Part(NamedTuple):
    lines: list[str]
    first: int  # number in the file of the first of them


def read_cassette(text: str, name: str = "") -> Cassette:
    """Read a cassette, all or nothing.

    Args:
        text: of the file.
        name: of the file, for messages.

    Raises:
        CassetteError: with the line and what is wrong with it.
    """
    version = text.partition("\n")[0]
    if not version.startswith(_FIRST):
        raise CassetteError(f"{name}: this is no cassette: its first line is {version[:60]!r}")
    if version != f"{_FIRST}{VERSION}":
        raise CassetteError(
            f"{name}: {version!r} is a format that this version of belay does not know (it knows "
            f"{VERSION}). Try: a newer belay, or record it again."
        )
    parts = _parts(text, name)
    cassette = Cassette(name=name)
    at = parts[0]
    try:
        cassette.header = _read_header(parts[0])
        for at in parts[1:-1]:
            if at.lines and at.lines[0].startswith("beside "):
                cassette.besides.append(read_beside(len(cassette.besides) + 1, at.lines))
            else:
                cassette.blocks.append(_read_block(len(cassette.blocks) + 1, at))
        at = parts[-1]
        _read_times(at, cassette)
    except NotOurs as error:
        raise _damaged(name, at.first, str(error)) from None
    if written(cassette) != text:
        raise _damaged(name, 1, "it reads like a cassette, but is written in another way")
    return cassette


def _damaged(name: str, line: int, what: str) -> CassetteError:
    return CassetteError(
        f"{name}, line {line}: {what}. The file was damaged or edited since it was recorded, so "
        "nothing of it is played. Try: take it from version control, or record it again."
    )


def _parts(text: str, name: str) -> list[_Part]:
    """The sections of a file, each with a sound check."""
    parts: list[_Part] = []
    lines: list[str] = []
    first = 1
    rows = text.split("\n")
    for number, row in enumerate(rows, 1):
        if not row.startswith("check "):
            lines.append(row)
            continue
        whole = "".join(f"{line}\n" for line in lines[bool(parts) :])
        if parts and lines[:1] != [""]:
            raise _damaged(name, first, "there is no empty line between two parts")
        if row != f"check {crc32(whole.encode('utf-8', 'surrogatepass')):08x}":
            raise _damaged(
                name, first, f"lines {first} to {number} do not have the check {row[6:]}"
            )
        parts.append(_Part(lines[bool(parts) :], first + bool(parts)))
        lines, first = [], number + 1
    if lines != [""] or len(parts) < 2 or parts[-1].lines[:1] != ["times"]:
        raise CassetteError(
            f"{name}: the recording has no end: line {len(rows)} is its last. Was the program that "
            "recorded it stopped? Try: record it again."
        )
    return parts


def _read_header(part: _Part) -> dict[str, object]:
    header: dict[str, object] = {}
    for line in part.lines[1:]:
        key, equals, value = line.partition(" = ")
        if not equals:
            raise NotOurs(f"{line!r} is no line of a header")
        header[key] = from_text(value)
    return header


def _read_block(number: int, part: _Part) -> Block:
    head = _HEAD.fullmatch(part.lines[0]) if part.lines else None
    if head is None or int(head[1]) != number:
        raise NotOurs(f"block {number} is missing")
    block = Block(head[2])
    found = groups(part.lines[1:])
    while found and found[0][0] in "|-+":
        mark, lines = found.pop(0)
        block.asked += marked(mark, lines)
    other: dict[str, object] = {}
    for mark, lines in found:
        if mark == "#":
            key, _, value = lines[0].partition(" ")
            other[key] = from_text(value)
        elif mark in "=!":
            kind = other.pop("kind", {"=": "R", "!": "E"}[mark])
            plain = bool(other.pop("text", False))
            payload = _payload(lines, plain)
            block.ending = Ending(str(kind), payload, plain, other)
        else:
            _read_item(block, mark, lines)
    if other and block.ending is None:
        block.ending = Ending(other=other)
    return block


def _payload(lines: list[str], plain: bool) -> bytes:
    if plain:
        return _text_of(lines)
    return b"" if lines == [""] else encoded("\n".join(lines))


def _text_of(lines: list[str]) -> bytes:
    return b"" if lines == [_NOTHING] else from_lines(lines)


def _read_item(block: Block, mark: str, lines: list[str]) -> None:
    if mark == ">":
        block.items.append(Print(from_lines(lines)))
    elif mark == "*":
        payload = encoded("\n".join(lines))
        if not payload.startswith(_EVENT):
            raise NotOurs("an event is a topic and a value")
        block.items.append(Event(payload.removeprefix(_EVENT)))
    elif mark == "?":
        block.items.append(Line(b"" if lines == [""] else encoded("\n".join(lines))))
    elif mark == "<" and block.items and isinstance(line := block.items[-1], Line):
        line.answer = _text_of(lines)
    else:
        raise NotOurs(f"a line with {mark!r} in the wrong place")


def _read_times(part: _Part, cassette: Cassette) -> None:
    number = others = 0
    for line in part.lines[1:]:
        words = line.split(" ")
        if words[0] == "beside":
            others += 1
            add_times(words, others, cassette.besides)
            continue
        if words[0] == "clock" and len(words) == 4:
            cassette.samples.append(Sample(number, *map(_integer, words[1:])))
            continue
        number += 1
        if words[0] != str(number) or number > len(cassette.blocks):
            raise NotOurs(f"{line!r} is no row of the times")
        _read_row(words[1:], cassette.blocks[number - 1])
    if (number, others) != (len(cassette.blocks), len(cassette.besides)):
        raise NotOurs(f"times of {number} blocks, and there are {len(cassette.blocks)}")


def _read_row(words: list[str], block: Block) -> None:
    ending = block.ending
    if ending is not None:
        if len(words) < 3:
            raise NotOurs("a time is missing")
        ending.sent, ending.answered, ending.ticks = map(_integer, words[:3])
        words = words[3:]
        if words and words[0].startswith("value:"):
            ending.value_ticks = _integer(words.pop(0)[6:])
    for item in block.items:
        if isinstance(item, Print):
            left = len(item.data)
            while left > 0 and words:
                at, _, size = words.pop(0).partition(":")
                item.pieces.append((_integer(at), _integer(size)))
                left -= item.pieces[-1][1]
            if left:
                raise NotOurs("times of more or less bytes than were printed")
            continue
        found = (words.pop(0) if words else "").split(":")
        if isinstance(item, Event) and found[0] == "event" and len(found) == 3:
            item.at, item.ticks = _integer(found[1]), _integer(found[2])
        elif isinstance(item, Line) and found[0] == "line" and len(found) == 2:
            item.at = _integer(found[1])
        else:
            raise NotOurs("a time is missing")
    if words:
        raise NotOurs("too many times")


def _integer(text: str) -> int:
    if not re.fullmatch(r"-?\d{1,18}", text):
        raise NotOurs(f"{text!r} is no time")
    return int(text)
