# SPDX-License-Identifier: Apache-2.0
r"""Frames: how a request is typed into the raw REPL, and how answers stand out from prints.

Little endian throughout::

    request : __b(b'  LIT( seq:1  payload  crc32(seq payload):4 )  ')  04  0A
    start   : NONCE  0x20 | seq & 0x1f         (TEXT: 's'  seq:1  check:1)      output begins
    answer  : NONCE  kind:1  seq:1  size:2  check:1  ticks_ms:4  payload  crc32(all of it):4

``check`` is the low byte of the CRC-32 of the header before it, so a damaged or forged header is
dropped at once and not after a silence. A start frame needs none, for the host knows which one it
awaits, to the byte; as text it has one, to be a whole group of base64. (A byte costs 87 us at
115200 baud, and every call has both frames.) The nonce is drawn afresh for each session: four bytes
from 0x80, which no ASCII text and no REPL message contains. The line feed behind Ctrl-D is read by
the agent before it runs anything; with it goes a Ctrl-D that the line doubled, which would
otherwise soft-reset the board.

Three styles of the way down exist, because boards differ in what they do to what is written:

* ``RAW``: bytes arrive as written.
* ``COOKED``: every ``\n`` arrives as ``\r\n``. A frame's body has 0x0a, 0x0d and 0x10 stuffed.
* ``TEXT``: only text can be written (CircuitPython). A frame's body is base64, its nonce ASCII,
  and the request is typed with ``\x`` escapes.
"""

from __future__ import annotations

import enum
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64, crc32
from collections.abc import Callable
from typing import NamedTuple

from belay.wire.literal import escape, escape_ascii

__all__ = [
    "AGENT_NAME",
    "Damaged",
    "Frame",
    "FrameDecoder",
    "FrameEvent",
    "Output",
    "Start",
    "Style",
    "encode_line",
    "encode_request",
    "parse_answer",
    "start_frame",
]

AGENT_NAME = "__b"
"""What the agent's one function is called on the board, in ``builtins`` where user code cannot
overwrite it by assigning a global."""


class Style(enum.Enum):
    """What the board's output path does to bytes, and what its input path takes."""

    RAW = 0
    COOKED = 1
    TEXT = 2


class Output(NamedTuple):
    """Bytes that are no frame: what programs and the REPL print, with ``\\n`` line ends."""

    data: bytes


class Start(NamedTuple):
    """The board has accepted request ``seq`` and begins to run it."""

    seq: int


class Frame(NamedTuple):
    """A verified frame. Capital kinds end a request: see :mod:`belay.wire.exchange`."""

    kind: str
    seq: int
    ticks: int
    payload: bytes


class Damaged(NamedTuple):
    """What was a frame once. With a sound header ``kind`` and ``seq`` say which, else ``""``."""

    kind: str
    seq: int


FrameEvent = Output | Start | Frame | Damaged


def encode_request(seq: int, payload: bytes, style: Style) -> bytes:
    """The bytes to type for one request: the whole of what goes up."""
    body = bytes((seq,)) + payload
    body += crc32(body).to_bytes(4, "little")
    text = escape_ascii(body) if style is Style.TEXT else escape(body)
    return b"__b(b'" + text + b"')\x04\n"


_STUFFED = frozenset(b"\0\1\2\3\4\5\n\r\x10\x11\x13\x14\x19\x1a\x1c")
"""The last ones mean something to terminals: a program of the Unix port reads one that acts on
them."""


def encode_line(number: int, data: bytes, style: Style) -> bytes:
    """One line of a stream into a running command: number, data and CRC-32, made safe.

    0x03 never occurs in it, so the interrupt character keeps its meaning while data flows.
    """
    body = bytes((number,)) + data
    body += crc32(body).to_bytes(4, "little")
    if style is Style.TEXT:
        return b2a_base64(body)
    stuffed = bytearray()
    for byte in body:
        if byte in _STUFFED:
            stuffed += bytes((0x10, byte ^ 0x40))
        else:
            stuffed.append(byte)
    return bytes(stuffed) + b"\n"


class _Broken(Exception):
    """The body of a frame has bytes that its style cannot contain."""


def _take_raw(data: bytearray, at: int, count: int) -> tuple[bytes, int] | None:
    end = at + count
    return (bytes(data[at:end]), end) if end <= len(data) else None


def _take_cooked(data: bytearray, at: int, count: int) -> tuple[bytes, int] | None:
    # Without a loop over bytes: on a slow link a frame is looked at again for every few of them.
    need, escapes = count, 0
    while True:
        part = bytes(data[at : at + need])
        if b"\n" in part or b"\r" in part or b"\x10\x10" in part:
            raise _Broken
        if len(part) < need:
            return None
        escapes = part.count(b"\x10")
        if need == count + escapes:
            break
        need = count + escapes
    if escapes:
        first, *rest = part.split(b"\x10")
        part = first + b"".join([bytes((each[0] ^ 0x40,)) + each[1:] for each in rest])
    return part, at + need


def _take_text(data: bytearray, at: int, count: int) -> tuple[bytes, int] | None:
    end = at + (count + 2) // 3 * 4
    if end > len(data):
        return None
    try:
        part = a2b_base64(data[at:end])
    except Base64Error:
        raise _Broken from None
    if len(part) != count:
        raise _Broken
    return part, end


_Take = Callable[[bytearray, int, int], "tuple[bytes, int] | None"]
_TAKE: dict[Style, _Take] = {
    Style.RAW: _take_raw,
    Style.COOKED: _take_cooked,
    Style.TEXT: _take_text,
}

_START = ord("s")
_MARK = 0x20
"""Neither a letter, as kinds are, nor a byte that a doubled one of the nonce could be."""


def start_frame(nonce: bytes, seq: int) -> bytes:
    """The start frame of request ``seq`` as it looks in style ``RAW``."""
    return nonce + bytes((_MARK | seq & 0x1F,))


def parse_answer(data: bytes, at: int) -> tuple[Frame, int] | None:
    """Read a verified answer frame in style ``RAW`` whose nonce ends at ``at``.

    Returns:
        The frame and where it ends; None when it is not there whole and sound.
    """
    header = data[at : at + 9]
    if len(header) < 9 or crc32(header[:4]) & 0xFF != header[4]:
        return None
    begin = at + 9
    end = begin + (header[2] | header[3] << 8)
    payload, crc = data[begin:end], data[end : end + 4]
    if crc32(payload, crc32(header)) != int.from_bytes(crc, "little") or len(crc) < 4:
        return None
    ticks = int.from_bytes(header[5:], "little")
    return Frame(chr(header[0]), header[1], ticks, payload), end + 4


class FrameDecoder:
    """Separates frames from everything else, at whatever points the bytes were split.

    Args:
        nonce: what the frames of this session begin with.
        style: how their bodies are written.
        cooked_text: whether printed ``\\n`` arrives as ``\\r\\n`` and is to be put back.
    """

    def __init__(self, nonce: bytes, style: Style, *, cooked_text: bool = False) -> None:
        self.nonce = nonce
        self.awaited = 0
        self._mark_size = 3 if style is Style.TEXT else 1
        self._take = _TAKE[style]
        self._cooked_text = cooked_text
        self._held_return = False
        self._data = bytearray()

    @property
    def pending(self) -> bool:
        """Whether bytes are held back that may be the beginning of a frame."""
        return bool(self._data)

    def feed(self, data: bytes) -> list[FrameEvent]:
        """Take bytes from the link; return what they complete."""
        self._data += data
        events: list[FrameEvent] = []
        while self._step(events):
            pass
        return events

    def give_up(self) -> list[FrameEvent]:
        """A silence has passed inside what looked like a frame: it is none.

        Its bytes are looked through once more from behind the nonce, and come out as output.
        """
        if not self._data:
            return []
        events: list[FrameEvent] = []
        if self._data.startswith(self.nonce):
            events.append(Damaged("", 0))
            self._emit(events, len(self.nonce))
        else:
            self._emit(events, len(self._data))
        while self._step(events):
            pass
        return events

    def _emit(self, events: list[FrameEvent], count: int) -> None:
        """Turn the first ``count`` bytes into output."""
        part = bytes(self._data[:count])
        del self._data[:count]
        if self._cooked_text:
            if self._held_return:
                part = b"\r" + part
            self._held_return = part.endswith(b"\r")
            if self._held_return:
                part = part[:-1]
            part = part.replace(b"\r\n", b"\n")
        if part:
            events.append(Output(part))

    def _step(self, events: list[FrameEvent]) -> bool:
        """Find the next thing in the buffer; False when more bytes are needed."""
        at = self._data.find(self.nonce)
        if at < 0:
            self._emit(events, len(self._data) - self._nonce_begun())
            return False
        if at:
            self._emit(events, at)
        if self._held_return:  # what follows it is no line feed
            self._held_return = False
            events.append(Output(b"\r"))
        try:
            return self._frame(events)
        except _Broken:
            events.append(Damaged("", 0))
            self._emit(events, len(self.nonce))
            return True

    def _nonce_begun(self) -> int:
        """How many bytes at the end of the buffer may be the beginning of a nonce."""
        for size in range(min(len(self.nonce) - 1, len(self._data)), 0, -1):
            if self._data.endswith(self.nonce[:size]):
                return size
        return 0

    def _started(self, mark: bytes) -> int:
        """The number of a start frame from what stands behind its nonce."""
        whole = bytes((_START, self.awaited))
        if self._mark_size == 1:
            expected = bytes((_MARK | self.awaited & 0x1F,))
        else:
            expected = whole + bytes((crc32(whole) & 0xFF,))
        if mark != expected:
            raise _Broken
        return self.awaited

    def _frame(self, events: list[FrameEvent]) -> bool:
        at = len(self.nonce)
        mark = self._take(self._data, at, self._mark_size)
        if mark is None:
            return False
        if mark[0][0] & 0xE0 == _MARK or mark[0][0] == _START:
            events.append(Start(self._started(mark[0])))
            del self._data[: mark[1]]
            return True
        head = self._take(self._data, at, 9)
        if head is None:
            return False
        header, at = head
        if crc32(header[:4]) & 0xFF != header[4]:
            raise _Broken
        size = header[2] | header[3] << 8
        body = self._take(self._data, at, size + 4)
        if body is None:
            return False
        payload, crc = body[0][:size], body[0][size:]
        del self._data[: body[1]]
        kind, seq = chr(header[0]), header[1]
        if crc32(payload, crc32(header)) == int.from_bytes(crc, "little"):
            events.append(Frame(kind, seq, int.from_bytes(header[5:], "little"), payload))
        else:
            # The header is sound, so this was a frame: its bytes are nobody's output.
            events.append(Damaged(kind, seq))
        return True
