# SPDX-License-Identifier: Apache-2.0
"""Frames among prints: found whole, at whatever points the bytes were split or damaged."""

from __future__ import annotations

import random
from base64 import b64encode
from binascii import crc32
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from belay.wire.frames import (
    AGENT_NAME,
    Damaged,
    Frame,
    FrameDecoder,
    FrameEvent,
    Output,
    Start,
    Style,
    encode_line,
    encode_request,
    parse_answer,
    start_frame,
)
from tests.wire.profiles import examples

BYTES = b"\x91\xc8\xe5\x80"
NONCES = {Style.RAW: BYTES, Style.COOKED: BYTES, Style.TEXT: b"k3Jd9Q"}
STYLES = pytest.mark.parametrize("style", list(Style))
NASTY = bytes(range(256)) + b"\r\n\x10\x10\n\r" + BYTES + b"\x04>OK"


# ----------------------------------------------------------------- the board's half, from the docs


def written(body: bytes, style: Style) -> bytes:
    if style is Style.TEXT:
        return b64encode(body)
    if style is Style.COOKED:
        for byte in b"\x10\n\r":
            body = body.replace(bytes((byte,)), bytes((0x10, byte ^ 0x40)))
    return body


def start(seq: int, style: Style) -> bytes:
    if style is not Style.TEXT:
        return NONCES[style] + bytes((0x20 | seq & 0x1F,))
    body = bytes((ord("s"), seq))
    return NONCES[style] + written(body + bytes((crc32(body) & 0xFF,)), style)


class AwaitsAny(FrameDecoder):
    """Takes every start frame, and tells the low bits of its number."""

    def _started(self, mark: bytes) -> int:
        self.awaited = mark[len(mark) // 2] & 0x1F
        return super()._started(mark)


def answer(frame: Frame, style: Style) -> bytes:
    header = bytes((ord(frame.kind), frame.seq)) + len(frame.payload).to_bytes(2, "little")
    header += bytes((crc32(header) & 0xFF,)) + frame.ticks.to_bytes(4, "little")
    body = frame.payload + crc32(header + frame.payload).to_bytes(4, "little")
    if style is Style.TEXT:  # two texts, so that the header can be read by itself
        return NONCES[style] + written(header, style) + written(body, style)
    return NONCES[style] + written(header + body, style)


def stream(items: Iterable[FrameEvent], style: Style) -> bytes:
    parts = []
    for item in items:
        if isinstance(item, Output):
            parts.append(item.data)
        elif isinstance(item, Start):
            parts.append(start(item.seq, style))
        else:
            assert isinstance(item, Frame)
            parts.append(answer(item, style))
    return b"".join(parts)


def merged(events: Iterable[FrameEvent]) -> list[FrameEvent]:
    """Neighbouring output as one: where it was split is nobody's business."""
    result: list[FrameEvent] = []
    for event in events:
        if isinstance(event, Output) and result and isinstance(result[-1], Output):
            result[-1] = Output(result[-1].data + event.data)
        else:
            result.append(event)
    return result


def decode(
    chunks: Iterable[bytes],
    style: Style,
    *,
    cooked_text: bool = False,
    silences: int = 0,
    awaited: int | None = None,
) -> list[FrameEvent]:
    kind = AwaitsAny if awaited is None else FrameDecoder
    decoder = kind(NONCES[style], style, cooked_text=cooked_text)
    decoder.awaited = awaited or 0
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    for _ in range(silences):
        events += decoder.give_up()
    return merged(events)


def one_by_one(data: bytes) -> Iterator[bytes]:
    return (data[at : at + 1] for at in range(len(data)))


def output(events: Iterable[FrameEvent]) -> bytes:
    return b"".join(event.data for event in events if isinstance(event, Output))


# ----------------------------------------------------------------------------------- what is typed


@pytest.mark.parametrize(
    ("seq", "payload", "style", "typed"),
    [
        (0, b"", Style.RAW, rb"__b(b'\0\215\357\2\322')"),
        (7, b"q", Style.RAW, None),
        (255, bytes(range(256)), Style.COOKED, None),
        (35, "é{}#'".encode(), Style.TEXT, None),
    ],
)
def test_a_request_is_one_call_of_one_literal(
    seq: int, payload: bytes, style: Style, typed: bytes | None
) -> None:
    line = encode_request(seq, payload, style)
    assert line.startswith(AGENT_NAME.encode() + b"(b'")
    assert line.endswith(b"')\x04\n")
    inside = line[len("__b(b'") : -len("')\x04\n")]
    body = bytes((seq,)) + payload
    body += crc32(body).to_bytes(4, "little")
    # Octal and hex escapes mean in a str what they mean in bytes; 8-bit bytes are themselves.
    assert eval("'" + inside.decode("latin-1") + "'").encode("latin-1") == body
    assert not set(inside) & set(b"\0\1\2\3\4\5\n\r")
    if style is Style.TEXT:
        assert line.isascii()
    if typed is not None:
        assert eval("'" + typed[6:-2].decode() + "'").encode("latin-1")[1:] == body[1:]


def test_the_cost_of_a_request() -> None:
    """15 bytes and the escapes: the number that the calls' budget stands on."""
    draw = random.Random(3)
    sizes = [len(encode_request(draw.randrange(256), b"c\x94", Style.RAW)) for _ in range(1000)]
    assert min(sizes) == 17
    assert sum(sizes) / len(sizes) < 17.6


def unstuffed(line: bytes) -> bytes:
    """As the agent reads a line: 0x10 says that the byte behind it was changed."""
    first, *rest = line.split(b"\x10")
    return first + b"".join(bytes((part[0] ^ 0x40,)) + part[1:] for part in rest)


@given(st.integers(0, 255), st.binary(max_size=300))
@example(3, NASTY)
@examples(60)
def test_a_line_can_be_read_and_contains_nothing_that_acts(number: int, data: bytes) -> None:
    body = bytes((number,)) + data
    body += crc32(body).to_bytes(4, "little")
    for style in (Style.RAW, Style.COOKED):
        line = encode_line(number, data, style)
        assert line.endswith(b"\n")
        assert not set(line[:-1]) & set(b"\0\1\2\3\4\5\n\r\x11\x13\x1a\x1c")
        assert unstuffed(line[:-1]) == body
    text = encode_line(number, data, Style.TEXT)
    assert text == b64encode(body) + b"\n"


# ----------------------------------------------------------------------------------- what is read

RESULT = Frame("R", 7, 123456, b"\x91")
TABLES: list[list[FrameEvent]] = [
    [],
    [Output(b"tick 1\n")],
    [Start(7), RESULT],
    [Output(b"\x04\x04>OK"), Start(7), Output(b"on the board\n"), RESULT, Output(b"\x04\x04>")],
    [Start(0), Start(31), Frame("L", 0, 0, b""), Frame("R", 255, 0xFFFFFFFF, b"")],
    [Frame("e", 3, 10, b"s\x94tick"), Frame("e", 4, 10, b""), Start(1), Frame("n", 9, 0, b"")],
    [Start(10), Frame("R", 13, 0x0A0D100A, bytes(range(256)) * 5), Frame("E", 16, 1, NASTY)],
    [Output(b"no line end"), Frame("R", 1, 2, b"\n\r\x10" * 30), Output(b"\0\1\2\3")],
    [Output(b"OK\x04Traceback (most recent call last):\n\x04>"), Output(b"\xff\x80\x91")],
]


@STYLES
@pytest.mark.parametrize("table", TABLES, ids=range(len(TABLES)))
def test_frames_and_output_come_out_as_they_went_in(table: list[FrameEvent], style: Style) -> None:
    data = stream(table, style)
    assert decode([data], style, silences=1) == merged(table)
    assert decode(one_by_one(data), style, silences=1) == merged(table)
    if style is Style.COOKED:  # the frames hold nothing that cooking would change
        cooked = data.replace(b"\n", b"\r\n")
        assert decode([cooked], style, cooked_text=True, silences=1) == merged(table)
        assert decode(one_by_one(cooked), style, cooked_text=True, silences=1) == merged(table)


FRAMES = st.builds(
    Frame,
    st.sampled_from("REMLIneoka"),
    st.integers(0, 255),
    st.integers(0, 0xFFFFFFFF),
    st.binary(max_size=60),
)
PRINTS = st.one_of(
    st.binary(min_size=1, max_size=20),
    st.sampled_from(
        [b"\x04>", b"OK", b"\x04\x04>", b"\n", b"\r", b"s\7", BYTES[:1], BYTES[:2], BYTES[:3]]
        + [NONCES[Style.TEXT][:size] for size in range(1, 6)]
    ),
).map(Output)
SESSIONS = st.lists(st.one_of(PRINTS, FRAMES, st.builds(Start, st.integers(0, 31))), max_size=12)


@STYLES
@given(SESSIONS, st.randoms(use_true_random=False))
@examples(40)
def test_where_the_bytes_were_split_changes_nothing(
    style: Style, session: list[FrameEvent], draw: random.Random
) -> None:
    data = stream(session, style)
    cuts = sorted(draw.randrange(len(data) + 1) for _ in range(draw.randrange(8)))
    pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    expected = decode([data], style, silences=1)
    assert decode(pieces, style, silences=1) == expected
    assert decode(one_by_one(data), style, silences=1) == expected
    # Half a nonce before a whole one, drawn by chance, may hide nothing either.
    assert expected == merged(session)


@given(st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\r\n", b"\n\n", b"\xc8"]), max_size=30))
@examples(100)
def test_cooked_text_gets_its_line_ends_back(prints: list[bytes]) -> None:
    text = b"".join(prints)
    cooked = text.replace(b"\n", b"\r\n")
    table = [Output(text), RESULT] if text else [RESULT]
    data = cooked + answer(RESULT, Style.COOKED)
    assert decode([data], Style.COOKED, cooked_text=True) == table
    assert decode(one_by_one(data), Style.COOKED, cooked_text=True) == table


@STYLES
def test_a_return_at_the_end_of_a_program_is_not_kept_for_the_next(style: Style) -> None:
    """A progress bar: its last \\r belongs before the answer, not before what comes then."""
    for frame in (RESULT, Start(3)):
        data = b"99 %\r" + stream([frame], style) + b"\x04\x04>"
        for chunks in ([data], one_by_one(data)):
            events = decode(chunks, style, cooked_text=True)
            assert events == [Output(b"99 %\r"), frame, Output(b"\x04\x04>")]


def test_live_output_is_held_back_only_where_a_frame_may_begin() -> None:
    decoder = FrameDecoder(BYTES, Style.RAW)
    decoder.awaited = 5
    assert decoder.feed(b"tick") == [Output(b"tick")]
    assert not decoder.pending
    assert decoder.feed(b"a" + BYTES[:2]) == [Output(b"a")]
    assert decoder.pending
    assert decoder.feed(b"b") == [Output(BYTES[:2] + b"b")]
    assert not decoder.pending
    assert decoder.feed(BYTES[:3]) == []
    assert decoder.feed(BYTES[:1]) == [Output(BYTES[:3])]
    assert decoder.feed(BYTES[1:]) == []
    assert decoder.pending
    assert decoder.feed(start(5, Style.RAW)[4:]) == [Start(5)]
    assert not decoder.pending


def test_a_whole_answer_is_read_in_one_step() -> None:
    for frame in (RESULT, Frame("M", 255, 0xFFFFFFFF, NASTY), Frame("e", 0, 0, b"")):
        data = b"OK" + start_frame(BYTES, frame.seq) + answer(frame, Style.RAW)
        at = data.rindex(answer(frame, Style.RAW)) + len(BYTES)
        assert data[2:].startswith(start(frame.seq, Style.RAW))
        assert parse_answer(data, at) == (frame, len(data))
        assert parse_answer(data + b"\x04\x04>", at) == (frame, len(data))
        for end in range(at, len(data)):
            assert parse_answer(data[:end], at) is None
        for bad in range(at, len(data)):
            wrong = data[:bad] + bytes((data[bad] ^ 0x40,)) + data[bad + 1 :]
            assert parse_answer(wrong, at) is None
    # Zeros have a checksum of their own that fits: not where the bytes are missing.
    assert parse_answer(b"", 0) is None


# ------------------------------------------------------------------------------- giving up


def test_nothing_to_give_up() -> None:
    assert FrameDecoder(BYTES, Style.RAW).give_up() == []


@STYLES
def test_half_a_nonce_comes_out_after_a_silence(style: Style) -> None:
    assert decode([NONCES[style][:3]], style, silences=1) == [Output(NONCES[style][:3])]


@STYLES
@pytest.mark.parametrize(
    "rubbish", [b"", b"s", b"R\1", b"rubbish that is long enough", b"\n\r\x10"]
)
def test_a_nonce_and_rubbish_come_out_unchanged(style: Style, rubbish: bytes) -> None:
    hostile = NONCES[style] + rubbish
    events = decode([b"a" + hostile], style, silences=2)
    assert output(events) == b"a" + hostile
    assert Damaged("", 0) in events
    assert not any(isinstance(event, (Start, Frame)) for event in events)


@STYLES
def test_a_frame_that_was_swallowed_by_a_false_one_is_found(style: Style) -> None:
    """A sound header of a frame that never comes hides those behind it for one silence only."""
    whole = answer(Frame("R", 1, 2, bytes(200)), style)
    behind = stream([Output(b"text"), Start(7), RESULT], style)
    decoder = FrameDecoder(NONCES[style], style)
    decoder.awaited = 7
    if style is Style.COOKED:
        behind = behind.replace(b"\n", b"")
    assert decoder.feed(whole[:40] + behind) == []
    events = merged(decoder.give_up())
    assert events[0] == Damaged("", 0)
    assert events[-2:] == [Start(7), RESULT]
    assert output(events) == whole[:40] + b"text"


@STYLES
def test_hostile_prints_arrive_unchanged(style: Style) -> None:
    nonce = NONCES[style]
    draw = random.Random(6)
    for _ in range(200):
        parts = [nonce, nonce[:-1], nonce[:2], b"s", b"R", b"\7", b"\x04\x04>OK", b"\0", b"text"]
        hostile = b"".join(draw.choices(parts, k=12))
        data = hostile + answer(RESULT, style)
        decoder = FrameDecoder(nonce, style)
        events = decoder.feed(data)
        for _ in range(40):
            events += decoder.give_up()
        assert output(events) == hostile
        assert RESULT in events


# ------------------------------------------------------------------------------- damage


def damaged(data: bytes) -> Iterator[tuple[int, bytes]]:
    for at in range(len(data)):
        yield at, data[:at] + data[at + 1 :]
        yield at, data[: at + 1] + data[at:]
        for bit in range(8):
            yield at, data[:at] + bytes((data[at] ^ 1 << bit,)) + data[at + 1 :]


@STYLES
@pytest.mark.parametrize("seq", [0, 7, 13, 255])
@pytest.mark.parametrize("payload", [b"", b"\x91", b"\n\r\x10\x04>" + BYTES])
def test_one_damaged_byte_never_makes_another_frame(style: Style, seq: int, payload: bytes) -> None:
    result = Frame("R", seq, 0x0D0A1000, payload)
    before, behind = b"before", b"\x04\x04>"
    begun = before + start(seq, style)
    ended = begun + b"out" + answer(result, style)
    for at, data in damaged(ended + behind):
        events = decode([data], style, silences=4, awaited=seq)
        found = [event for event in events if isinstance(event, (Start, Frame))]
        text = output(events)
        if at < len(before) or at >= len(ended):
            assert found == [Start(seq), result]
        elif at < len(begun):  # the start frame: what it leaves behind is not silent
            assert found in ([result], [Start(seq), result])  # its first byte doubled: whole
            assert text.startswith(before)
            assert text.endswith(b"out" + behind)
        elif at < len(begun) + 3:  # the print
            assert found == [Start(seq), result]
        elif found != [Start(seq), result]:  # base64 may shrug at a doubled '='
            assert found == [Start(seq)]
            assert text.startswith(before + b"out")
            assert text.endswith(b">") or any(isinstance(event, Damaged) for event in events)


def test_a_damaged_body_says_whose_it_was_and_is_nobodys_output() -> None:
    data = bytearray(answer(RESULT, Style.RAW))
    data[-1] ^= 1
    assert decode([bytes(data) + b"x"], Style.RAW) == [Damaged("R", 7), Output(b"x")]


@pytest.mark.parametrize("at", [5, 6, 7, 8])
def test_a_damaged_header_is_dropped_at_once(at: int) -> None:
    data = bytearray(answer(RESULT, Style.RAW))
    data[at] ^= 0x20
    events = decode([bytes(data)], Style.RAW)
    assert events == [Damaged("", 0), Output(bytes(data))]


def test_a_cooked_frame_cannot_contain_line_ends() -> None:
    data = bytearray(answer(RESULT, Style.COOKED))
    for wreck in (b"x\n", b"x\r", b"\x10\x10"):
        data[-3:-1] = wreck
        assert decode([bytes(data)], Style.COOKED) == [Damaged("", 0), Output(bytes(data))]


@pytest.mark.parametrize("wreck", [b"czc", b"====", b"c\nzc", b"!!!!", b"c==="])
def test_a_text_frame_is_whole_base64(wreck: bytes) -> None:
    data = NONCES[Style.TEXT] + wreck + b"bcdefghijklmno"
    events = decode([data], Style.TEXT, silences=1)
    assert events == [Damaged("", 0), Output(data)]


@STYLES
@given(st.binary(max_size=80), st.randoms(use_true_random=False))
@examples(60)
def test_random_bytes_are_output(style: Style, data: bytes, draw: random.Random) -> None:
    noise = draw.choice([b"", NONCES[style]]) + data
    events = decode([noise], style, silences=100)
    if not any(isinstance(event, (Start, Frame, Damaged)) for event in events):
        assert output(events) == noise
    assert not any(isinstance(event, Frame) for event in events)


@STYLES
def test_much_noise_among_frames(style: Style) -> None:
    """100,000 bytes of it: never an error, never a frame that was not sent, never a standstill."""
    draw = random.Random(9)
    nonce = NONCES[style]
    decoder = FrameDecoder(nonce, style)
    sent = {Frame("R", seq, seq * 9, draw.randbytes(seq % 40)) for seq in range(256)}
    frames = sorted(sent)
    for _ in range(400):
        noise = draw.choice([draw.randbytes(250), nonce + draw.randbytes(20), nonce[:2] * 30])
        data = noise + answer(draw.choice(frames), style)
        events = decoder.feed(data[: draw.randrange(len(data) + 1)])
        while decoder.pending:
            events += decoder.give_up()
        assert not {event for event in events if isinstance(event, Frame)} - sent
