# SPDX-License-Identifier: Apache-2.0
"""Whole conversations with a model of a board, over a link that errs: each request at most once."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

import pytest

from belay.wire.exchange import Answer, Exchange, Failure, LineWanted, State, Text
from belay.wire.frames import Style
from tests.wire.modelboard import (
    FRIENDLY_BANNER,
    INSTALL,
    NONCES,
    RAW_BANNER,
    TICKS,
    OneFault,
    RandomFaults,
    Talk,
    answer_of,
    no_fault,
    printed,
)

STYLES = pytest.mark.parametrize("style", list(Style), ids=lambda style: style.name)
PRINTS = b"pab\n{#'\\\x03\n"
AFTER = b"pcd"


def ordinary(talk: Talk) -> None:
    """The link is whole again: the next calls are as ever."""
    talk.up = talk.down = no_fault
    talk.call(AFTER)
    assert talk.call(AFTER) == [Text(b"cd", True), Answer("R", b"=cd", TICKS)]
    assert talk.silences == 0


# --------------------------------------------------------------------------------- a faultless link


@STYLES
@pytest.mark.parametrize("split", [False, True])
def test_conversations_without_a_fault(style: Style, split: bool) -> None:
    talk = Talk(style, split=split)
    for payload, events in [
        (b"q", [Answer("R", b"", TICKS)]),
        (PRINTS, [Text(PRINTS[1:], True), Answer("R", b"=" + PRINTS[1:], TICKS)]),
        (b"xno", [Answer("E", b"ValueError: no", TICKS)]),
        (b"w\x09late", [Text(b"late", True), Answer("R", b"=\x09late", TICKS)]),
        (b"mab", [Answer("M", b"ab1", TICKS)]),
        (b"n", [Answer("M", b"ab2", TICKS)]),
        (b"n", [Answer("R", b"ab3", TICKS)]),
        (b"p", [Answer("R", b"=", TICKS)]),
    ]:
        assert talk.call(payload) == events
        assert talk.silences == 0
    talk.lines = iter([b"one", b"two\x03\n\0\x10"])
    assert talk.call(b"l") == [
        LineWanted(0, 64),
        LineWanted(1, 64),
        Answer("R", b"one|two\x03\n\0\x10", TICKS),
    ]
    assert talk.exchange.counters.repeats == 0
    assert talk.exchange.counters.damaged == 0


@STYLES
def test_the_agent_travels_with_the_first_request(style: Style) -> None:
    talk = Talk(style, agent=False)
    assert talk.call(b"q", prefix=INSTALL) == [Answer("R", b"", TICKS)]
    ordinary(talk)


@STYLES
def test_events_and_prints_between_calls(style: Style) -> None:
    talk = Talk(style)
    talk.call(AFTER)
    talk.exchange_bytes()
    talk.board.print(b"timer\n")
    talk.board.emit(b"tick")
    events = talk.call(AFTER)
    assert [type(event).__name__ for event in events] == ["Event", "Text", "Text", "Answer"]
    assert events[1] == Text(b"timer\n", False)


# ------------------------------------------------------------------------------ one fault anywhere


def faults(positions: int, bits: range = range(8)) -> Iterator[tuple[int, str, int]]:
    for position in range(positions):
        yield position, "drop", 0
        yield position, "double", 0
        for bit in bits:
            yield position, "flip", bit


def length(style: Style, way: str, payload: bytes, prefix: bytes = b"") -> int:
    """Bytes that a call takes that way."""
    counting = OneFault(-1, "drop")
    talk = Talk(style, agent=not prefix)
    setattr(talk, way, counting)
    talk.lines = iter([b"one", b"two"])
    talk.call(payload, prefix)
    return counting.passed


@STYLES
@pytest.mark.parametrize("way", ["up", "down"])
@pytest.mark.parametrize("payload", [PRINTS, b"q", b"x!"])
def test_one_damaged_byte_anywhere(style: Style, way: str, payload: bytes) -> None:
    """The right answer, once; and the next calls are as ever."""
    expected = Talk(style).call(payload)
    bits = range(8) if payload is PRINTS else range(1, 8, 5)
    for number, fault in enumerate(faults(length(style, way, payload) + 6, bits)):
        talk = Talk(style, split=bool(number % 2))
        setattr(talk, way, OneFault(*fault))
        events = talk.call(payload)
        assert answer_of(events) == expected[-1], fault
        assert talk.board.ran == Counter(() if payload == b"q" else (payload,)), fault
        if way == "up":
            assert printed(events) == printed(expected), fault
        ordinary(talk)


@STYLES
@pytest.mark.parametrize("way", ["up", "down"])
def test_one_damaged_byte_of_the_upload(style: Style, way: str) -> None:
    for fault in faults(length(style, way, b"q", INSTALL), range(0, 8, 3)):
        talk = Talk(style, agent=False)
        setattr(talk, way, OneFault(*fault))
        assert answer_of(talk.call(b"q", INSTALL)) == Answer("R", b"", TICKS), fault
        ordinary(talk)


@STYLES
@pytest.mark.parametrize("way", ["up", "down"])
def test_one_damaged_byte_of_an_answer_in_segments(style: Style, way: str) -> None:
    size = length(style, way, b"mab")
    for fault in faults(3 * size, range(0, 8, 3)):
        talk = Talk(style)
        setattr(talk, way, OneFault(*fault))
        parts = [answer_of(talk.call(payload)) for payload in (b"mab", b"n", b"n")]
        assert [part and part.payload for part in parts] == [b"ab1", b"ab2", b"ab3"], fault
        assert talk.board.ran == Counter([b"mab"])


@STYLES
@pytest.mark.parametrize("way", ["up", "down"])
def test_one_damaged_byte_of_a_stream(style: Style, way: str) -> None:
    """The lines arrive as they were sent, or the request ends in a typed failure."""
    failed = 0
    cases = list(faults(length(style, way, b"l"), range(0, 8, 3)))
    for fault in cases:
        talk = Talk(style)
        setattr(talk, way, OneFault(*fault))
        talk.exchange.request(b"l")
        talk.lines = iter([b"one", b"two", b"three", b"four"])
        events = talk.finish(deadline=100)
        wanted = [event.number for event in events if isinstance(event, LineWanted)]
        sent = dict(zip(wanted, [b"one", b"two", b"three", b"four"], strict=False))
        answer = answer_of(events)
        if answer is not None and answer.kind == "R" and answer.payload:
            assert answer.payload == b"|".join(sent[number] for number in (0, 1)), fault
        else:
            failed += 1
        assert talk.board.ran[b"l"] <= 1
        if not answer:
            talk.up = talk.down = no_fault
            renewed(talk)
        ordinary(talk)
    assert failed <= len(cases) // 10


# ------------------------------------------------------------------------------- many faults


def noisy_calls(style: Style, seed: int, rate: float, calls: int) -> Counter[str]:
    draw = random.Random(seed)
    talk = Talk(style, RandomFaults(draw, rate), RandomFaults(draw, rate), split=bool(seed % 2))
    outcomes: Counter[str] = Counter()
    for number in range(calls):
        payload = b"p%d:" % number + draw.randbytes(draw.randrange(12))
        talk.exchange.request(payload)
        events = talk.finish(deadline=60)
        ran = talk.board.ran[payload]
        assert ran <= 1, (seed, number)
        answer = answer_of(events)
        if answer is None or answer.kind == "o":
            outcomes["failed"] += 1
            # As the session does: upload the agent again, over a link that is whole.
            down, up, talk.up, talk.down = talk.down, talk.up, no_fault, no_fault
            talk = renewed(talk)
            talk.up, talk.down = up, down
        elif answer.kind == "R" and not answer.payload:
            assert not ran or talk.exchange.counters.interrupts, (seed, number)
            outcomes["taken back"] += 1
        elif answer.kind in "LE":
            outcomes["interrupted"] += 1
        else:
            assert answer == Answer("R", b"=" + payload[1:], TICKS), (seed, number)
            assert ran == 1, (seed, number)
            outcomes["answered"] += 1
    ordinary(talk)
    return outcomes


def renewed(talk: Talk) -> Talk:
    """The session's way out: a new exchange, the agent once more, the same board."""
    talk.board.feed(b"\x03\x03\n\x01")
    while talk.board.state != "read":
        talk.board.tick()
    talk.board.take()
    style = talk.board.style
    talk.exchange = Exchange(NONCES[style], style, cooked_text=style is Style.COOKED)
    assert answer_of(talk.call(b"q", INSTALL)) == Answer("R", b"", TICKS)
    return talk


@STYLES
@pytest.mark.parametrize(("rate", "calls"), [(0.0005, 300), (0.005, 150), (0.03, 60)])
def test_random_damage(style: Style, rate: float, calls: int) -> None:
    outcomes = noisy_calls(style, seed=int(rate * 10_000), rate=rate, calls=calls)
    assert sum(outcomes.values()) == calls
    if rate < 0.001:
        assert outcomes["answered"] == calls


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(40))
@STYLES
def test_much_random_damage(style: Style, seed: int) -> None:
    noisy_calls(style, seed, rate=(0.0005, 0.002, 0.01, 0.05)[seed % 4], calls=500)


# ------------------------------------------------------------------------------- interrupts


@STYLES
def test_an_interrupt_at_every_moment_of_a_call(style: Style) -> None:
    """Afterwards it is known what became of it, and it ran at most once."""
    probe = Talk(style)
    probe.call(PRINTS)
    seen = Counter()
    for moment in range(probe.board.points):
        talk = Talk(style)
        talk.board.pause_at = moment
        talk.exchange.request(PRINTS)
        talk.exchange_bytes()
        assert talk.board.state == "pause"
        talk.exchange.interrupt()
        events = talk.finish()
        answer = answer_of(events)
        assert answer is not None, moment
        ran = talk.board.ran[PRINTS]
        assert ran <= 1
        if answer.kind == "R" and not answer.payload:
            assert ran == 0
            seen["never started"] += 1
        elif answer.kind == "R":
            assert answer.payload == b"=" + PRINTS[1:]
            seen["just over"] += 1
        elif answer.kind == "E":
            assert answer.payload == b"KeyboardInterrupt"
            seen["stopped"] += 1
        else:
            assert answer.kind == "L"
            seen["lost"] += 1
        assert talk.silences < 4
        ordinary(talk)
    assert set(seen) == {"never started", "just over", "stopped", "lost"}


@STYLES
def test_an_interrupt_before_anything_was_written(style: Style) -> None:
    talk = Talk(style)
    talk.exchange.request(PRINTS)
    talk.exchange.data_to_send()  # lost whole
    talk.exchange.interrupt()
    assert answer_of(talk.finish()) == Answer("R", b"", TICKS)
    assert not talk.board.ran
    ordinary(talk)


@STYLES
def test_a_program_that_runs_on_and_on_is_stopped(style: Style) -> None:
    talk = Talk(style)
    talk.exchange.request(b"w\xff")
    events = talk.finish(deadline=20)
    assert answer_of(events) == Answer("E", b"KeyboardInterrupt", TICKS)
    ordinary(talk)


@STYLES
def test_a_slow_program_is_left_alone(style: Style) -> None:
    talk = Talk(style)
    assert answer_of(talk.call(b"w\xff")) == Answer("R", b"=\xff", TICKS)
    assert talk.silences == 0
    assert talk.exchange.counters.repeats == 0


@STYLES
@pytest.mark.parametrize("where", ["up", "down"])
def test_interrupts_over_a_link_that_errs(style: Style, where: str) -> None:
    for seed in range(30):
        draw = random.Random(seed)
        talk = Talk(style, split=bool(seed % 2))
        setattr(talk, where, RandomFaults(draw, 0.01))
        talk.board.pause_at = draw.randrange(8)
        talk.exchange.request(PRINTS)
        talk.exchange_bytes()
        talk.exchange.interrupt()
        events = talk.finish()
        assert isinstance(events[-1], (Answer, Failure)), seed
        assert talk.board.ran[PRINTS] <= 1
        talk.up = talk.down = no_fault
        renewed(talk)
        ordinary(talk)


# ------------------------------------------------------------------------------- resets and others


@STYLES
@pytest.mark.parametrize("payload", [PRINTS, b"q"])
def test_a_board_that_was_reset_between_calls(style: Style, payload: bytes) -> None:
    talk = Talk(style)
    talk.call(AFTER)
    talk.board.reset()
    events = talk.call(payload)
    assert events[-1] == Failure("agent gone")
    assert talk.silences < 10
    ordinary(renewed(talk))


@STYLES
def test_a_program_that_resets_the_board(style: Style) -> None:
    talk = Talk(style)
    assert talk.call(b"z")[-1] == Failure("agent gone")
    assert talk.board.ran == Counter([b"z"])
    ordinary(renewed(talk))


@STYLES
def test_a_board_that_is_reset_under_a_program(style: Style) -> None:
    talk = Talk(style)
    talk.exchange.request(b"w\xff")
    talk.exchange_bytes()
    assert talk.exchange.state is State.RUNNING
    talk.board.reset()
    assert talk.finish()[-1] == Failure("agent gone")
    ordinary(renewed(talk))


@STYLES
def test_a_board_that_is_reset_while_a_line_is_under_way(style: Style) -> None:
    talk = Talk(style)
    talk.exchange.request(b"l")
    talk.exchange_bytes()
    talk.board.take()
    talk.board.reset()
    assert isinstance(talk.finish()[-1], Failure)


@STYLES
def test_a_repetition_that_a_program_read_is_not_run(style: Style) -> None:
    """Its start frame is lost, so the host repeats, and input() takes what it says."""
    talk = Talk(style)
    frame_begins = 2
    talk.down = OneFault(frame_begins, "drop")
    talk.exchange.request(b"i")
    events = talk.finish()
    assert answer_of(events) == Answer("R", b"=", TICKS)
    assert talk.board.ran == Counter([b"i"])
    ordinary(talk)


@STYLES
def test_somebody_left_the_friendly_repl(style: Style) -> None:
    for half in (b"", b"x = (1 +", b"def f():\r"):
        talk = Talk(style)
        talk.call(AFTER)
        talk.board.feed(b"\x02" + half)
        assert answer_of(talk.call(b"pagain")) == Answer("R", b"=again", TICKS)
        assert talk.board.ran[b"pagain"] == 1
        ordinary(talk)


# ------------------------------------------------------------------------------------------- noise


def noise(draw: random.Random, style: Style, seq: int) -> bytes:
    nonce = NONCES[style]
    board = Talk(style).board
    words = [nonce, nonce[:2], b"OK", b"\x04", b"\x04>", b"\x04\x04>", RAW_BANNER, FRIENDLY_BANNER]
    seq = draw.choice([seq, draw.randrange(256)])
    words += [board.start_frame(seq), b"MPY: soft reboot\r\n", b"\r"]
    words += [board.frame(draw.choice("REMLnokae?").encode(), seq, b"xy")]
    words += [b"OK\x04NameError: name '__b' isn't defined\x04>"]
    return draw.choice([draw.randbytes(40), draw.choice(words), draw.choice(words)])


@STYLES
def test_random_bytes_in_every_state(style: Style) -> None:
    """100,000 bytes, and every act of a driver among them: no error, and it always ends."""
    draw = random.Random(7)
    exchange = Exchange(NONCES[style], style, cooked_text=True)
    passed = 0
    visited = Counter()
    while passed < 100_000 / 3:
        visited[exchange.state] += 1
        if exchange.state is State.IDLE:
            draw.choice([exchange.resettle, lambda: exchange.request(b"pabc")])()
        act = draw.random()
        if act < 0.1:
            exchange.silence()
        elif act < 0.12:
            exchange.interrupt()
        elif act < 0.125:
            exchange.abandon()
        else:
            data = noise(draw, style, exchange.seq)
            passed += len(data)
            for event in exchange.receive(data):
                if isinstance(event, LineWanted) and draw.random() < 0.5:
                    exchange.send_line(b"line")
        written = exchange.data_to_send()
        assert b"\x01\x04" not in written  # a lone Ctrl-D would reset the board
        if draw.random() < 0.02:
            ended(exchange)
    assert len(visited) == 4


def ended(exchange: Exchange) -> None:
    """From here on the board says nothing: the exchange comes to an end, or waits and says so."""
    for _ in range(200):
        if exchange.state is State.IDLE:
            return
        if exchange.patience is None:
            exchange.interrupt()  # the caller's deadline
        exchange.silence()
        assert len(exchange.data_to_send()) < 1000
        if exchange.state is State.RUNNING and exchange.patience is not None:
            # A line under way: see the test of a reset under a stream.
            exchange.interrupt()
    raise AssertionError(f"{exchange.state} has no end")
