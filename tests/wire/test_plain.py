# SPDX-License-Identifier: Apache-2.0
"""Requests over the bare raw REPL: nothing is ever done twice."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from belay.wire.exchange import Answer, ExchangeEvent, Failure, State, Text, Timing
from belay.wire.plain import PlainExchange
from tests.wire.profiles import examples

MARK = b"QxMarkZw"
BANNER = b"raw REPL; CTRL-B to exit\r\n>"
ERROR = b"Traceback (most recent call last):\r\nOSError: 5\r\n"
STOPPED = b"Traceback (most recent call last):\r\nKeyboardInterrupt: \r\n"
COMMAND = b"print('x')"


def whole(data: bytes) -> Iterator[bytes]:
    yield data


def one_by_one(data: bytes) -> Iterator[bytes]:
    return (data[at : at + 1] for at in range(len(data)))


Split = Callable[[bytes], Iterable[bytes]]
SPLITS = pytest.mark.parametrize("split", [whole, one_by_one])


def merged(events: Iterable[ExchangeEvent]) -> list[ExchangeEvent]:
    result: list[ExchangeEvent] = []
    for event in events:
        if isinstance(event, Text) and result and isinstance(result[-1], Text):
            result[-1] = Text(result[-1].data + event.data, event.running)
        else:
            result.append(event)
    return result


def told(exchange: PlainExchange, data: bytes, split: Split = whole) -> list[ExchangeEvent]:
    return merged(event for part in split(data) for event in exchange.receive(part))


def begun(*, cooked_text: bool = False) -> PlainExchange:
    """An exchange whose first command has been typed."""
    exchange = PlainExchange(MARK, cooked_text=cooked_text)
    exchange.request(COMMAND)
    assert exchange.data_to_send() == COMMAND + b"\x04"
    assert exchange.state is State.SENT
    return exchange


# ------------------------------------------------------------------------------------ what is read


@SPLITS
@pytest.mark.parametrize(
    ("reply", "events"),
    [
        (b"OK\x04\x04>", [Answer("R", b"None", 0)]),
        (b">OK\x04\x04>", [Answer("R", b"None", 0)]),
        (b"OKtick\n\x04\x04>", [Text(b"tick\n", True), Answer("R", b"None", 0)]),
        (b"OK" + MARK + b"42\n\x04\x04>", [Answer("R", b"42", 0)]),
        (b"OK" + MARK + b"42\r\n\x04\x04>", [Answer("R", b"42", 0)]),
        (
            b"OKa\0\xff" + MARK[:3] + b"b" + MARK + b"'" + MARK + b"'\n\x04\x04>",
            [Text(b"a\0\xff" + MARK[:3] + b"b", True), Answer("R", b"'" + MARK + b"'", 0)],
        ),
        (b"OK\x04" + ERROR + b"\x04>", [Answer("E", ERROR, 0)]),
        (b"OKx\x04" + ERROR + b"\x04>", [Text(b"x", True), Answer("E", ERROR, 0)]),
        (b"OKOK\x04\x04>", [Text(b"OK", True), Answer("R", b"None", 0)]),
        # The OK was damaged: it ran nevertheless.
        (b"O\x04\x04>", [Text(b"O", True), Answer("R", b"None", 0)]),
        (b"Kx\x04" + ERROR + b"\x04>", [Text(b"Kx", True), Answer("E", ERROR, 0)]),
    ],
)
def test_replies(reply: bytes, events: list[ExchangeEvent], split: Split) -> None:
    exchange = begun()
    assert told(exchange, reply, split) == events
    assert exchange.state is State.IDLE
    assert exchange.data_to_send() == b""


@SPLITS
def test_cooked_prints_get_their_line_ends_back(split: Split) -> None:
    exchange = begun(cooked_text=True)
    events = told(exchange, b"OKa\r\nb\rc\r\r\n" + MARK + b"'\\r\\n'\r\n\x04\x04>", split)
    assert events == [Text(b"a\nb\rc\r\n", True), Answer("R", b"'\\r\\n'", 0)]


def test_prints_are_handed_on_at_once() -> None:
    exchange = begun()
    assert told(exchange, b"OKtick") == [Text(b"tick", True)]
    assert exchange.state is State.RUNNING
    assert exchange.patience is None  # a call may be long
    assert told(exchange, b"a" + MARK[:4]) == [Text(b"a", True)]  # the value may have begun
    assert told(exchange, b"b") == [Text(MARK[:4] + b"b", True)]
    assert told(exchange, MARK + b"1") == []
    assert told(exchange, b"2\n") == []
    assert told(exchange, b"\x04") == []
    assert told(exchange, b"\x04>") == [Answer("R", b"12", 0)]


@given(
    st.lists(st.sampled_from([b"tick", b"\r", b"\n", MARK[:5], b"OK", b">", b"\xff"]), max_size=9),
    st.randoms(use_true_random=False),
)
@examples(80)
def test_where_the_bytes_were_split_changes_nothing(
    prints: list[bytes], draw: random.Random
) -> None:
    data = b"OK" + b"".join(prints) + MARK + b"7\n\x04\x04>"
    cuts = sorted(draw.randrange(len(data) + 1) for _ in range(5))
    pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    expected = told(begun(), data)
    assert told(begun(), data, lambda _: pieces) == expected
    assert told(begun(), data, one_by_one) == expected
    text = b"".join(prints)
    assert expected == [*([Text(text, True)] if text else []), Answer("R", b"7", 0)]


def test_the_next_request_begins_anew() -> None:
    exchange = begun()
    told(exchange, b"OK\x04\x04>late")
    assert exchange.receive(b"later") == []
    exchange.request(b"2", prefix=b"1;")
    assert exchange.data_to_send() == b"1;2\x04"
    assert told(exchange, b"OK\x04\x04>") == [Answer("R", b"None", 0)]
    assert exchange.counters.requests == 2


def test_no_streams_here() -> None:
    with pytest.raises(RuntimeError, match="takes no stream"):
        begun().send_line(b"x")


# ------------------------------------------------------------------------------------- lost bytes


@SPLITS
def test_a_damaged_line_is_cleared_and_typed_again(split: Split) -> None:
    exchange = begun()
    assert exchange.patience == pytest.approx(0.1, abs=0.01)
    assert exchange.silence() == []
    assert exchange.data_to_send() == b"\n\x01"  # nothing that could run anything
    assert told(exchange, BANNER, split) == []
    assert exchange.data_to_send() == COMMAND + b"\x04"
    assert exchange.counters.repeats == 1
    assert told(exchange, b"OK\x04\x04>", split) == [Answer("R", b"None", 0)]


@SPLITS
def test_a_banner_behind_the_end_of_the_command_repeats_nothing(split: Split) -> None:
    """The OK was lost and the command was long: it ran, so it must not run again."""
    exchange = begun()
    exchange.silence()
    exchange.data_to_send()
    events = told(exchange, b"Otick\x04\x04>" + BANNER, split)
    assert events == [Text(b"Otick", True), Answer("R", b"None", 0)]
    assert exchange.data_to_send() == b""
    assert exchange.state is State.IDLE


def test_a_late_banner_says_nothing_of_the_next_request() -> None:
    exchange = begun()
    exchange.silence()  # the board was only slow
    exchange.data_to_send()
    assert told(exchange, b"OK\x04\x04>") == [Answer("R", b"None", 0)]
    exchange.request(b"step()")
    exchange.data_to_send()
    assert told(exchange, BANNER) == []
    assert exchange.data_to_send() == b""
    exchange.silence()
    assert exchange.data_to_send() == b"\n\x01"
    assert told(exchange, BANNER) == []
    assert exchange.data_to_send() == b"step()\x04"


def test_two_questions_need_two_banners() -> None:
    exchange = begun()
    exchange.silence()
    exchange.silence()
    assert exchange.data_to_send() == b"\n\x01\n\x01"
    assert told(exchange, BANNER) == []
    assert exchange.data_to_send() == b""
    assert told(exchange, BANNER) == []
    assert exchange.data_to_send() == COMMAND + b"\x04"
    assert told(exchange, BANNER) == []  # one that nobody asked for
    assert exchange.data_to_send() == b""


def test_an_ok_settles_what_was_owed_before() -> None:
    exchange = begun()
    exchange.silence()
    told(exchange, b"OK\x04\x04>")  # its banner is lost on the way
    exchange.request(b"1")
    told(exchange, b"OK\x04\x04>")
    exchange.request(b"2")
    exchange.data_to_send()
    exchange.silence()
    assert exchange.data_to_send() == b"\n\x01"
    told(exchange, BANNER)
    assert exchange.data_to_send() == b"2\x04"


def test_a_silent_board_is_given_up() -> None:
    exchange = begun()
    waited, waits = 0.0, []
    while exchange.state is State.SENT:
        assert exchange.patience is not None
        waits.append(exchange.patience)
        waited += exchange.patience
        events = exchange.silence()
    assert events == [Failure("silent")]
    assert waits == sorted(waits)
    assert Timing().give_up <= waited < Timing().give_up + 2


# ------------------------------------------------------------------------------------- interrupts


def test_nothing_to_interrupt() -> None:
    exchange = PlainExchange(MARK, cooked_text=False)
    exchange.interrupt()
    assert exchange.data_to_send() == b""
    assert exchange.state is State.IDLE


@SPLITS
def test_a_running_command_is_stopped(split: Split) -> None:
    exchange = begun()
    told(exchange, b"OKtick\n")
    exchange.interrupt()
    assert exchange.data_to_send() == b"\x03"
    assert exchange.state is State.SETTLING
    events = told(exchange, b"tock\x04" + STOPPED + b"\x04>", split)
    assert events == [Text(b"tock", True), Answer("E", STOPPED, 0)]


@SPLITS
def test_a_command_that_has_not_begun_is_taken_back(split: Split) -> None:
    exchange = begun()
    exchange.interrupt()
    exchange.silence()
    assert exchange.data_to_send() == b"\x03\x03\n\x01"
    assert told(exchange, BANNER, split) == [Answer("R", b"", 0)]
    assert exchange.data_to_send() == b""
    assert exchange.state is State.IDLE


@SPLITS
def test_a_command_that_begins_just_then(split: Split) -> None:
    exchange = begun()
    exchange.interrupt()
    events = told(exchange, b"OKtick\x04" + STOPPED + b"\x04>", split)
    assert events == [Text(b"tick", True), Answer("E", STOPPED, 0)]


@SPLITS
def test_the_end_was_lost_but_the_banner_tells(split: Split) -> None:
    exchange = begun()
    told(exchange, b"OKtick\n")
    exchange.interrupt()
    exchange.silence()
    events = told(exchange, STOPPED + BANNER, split)
    assert events[-1] == Answer("R", b"", 0)


@SPLITS
def test_a_value_that_was_there_before_the_interrupt_counts(split: Split) -> None:
    exchange = begun()
    told(exchange, b"OK" + MARK + b"5\n\x04")
    exchange.interrupt()
    exchange.silence()
    assert told(exchange, BANNER, split) == [Answer("R", b"5", 0)]


def test_interrupts_are_repeated_and_then_given_up() -> None:
    exchange = begun()
    told(exchange, b"OK")
    exchange.interrupt()
    exchange.interrupt()
    assert exchange.data_to_send() == b"\x03\x03"
    silences = 0
    events: list[ExchangeEvent] = []
    while not events:
        assert exchange.patience == Timing().interrupt_every
        events = exchange.silence()
        silences += 1
    assert events == [Failure("silent")]
    assert silences == pytest.approx(50, abs=1)
    assert exchange.counters.interrupts == 2 + silences - 1


# --------------------------------------------------------------------------- abandoned and resumed


def test_an_abandoned_command_is_waited_for() -> None:
    exchange = begun()
    exchange.request(COMMAND)
    exchange.abandon()
    assert exchange.data_to_send() == b""
    assert exchange.state is State.IDLE
    exchange.resettle()
    assert exchange.data_to_send() == b"\n\x01"
    assert told(exchange, b"tick\x04" + STOPPED + b"\x04>" + BANNER)[-1] == Answer("E", STOPPED, 0)


def test_one_that_is_over_is_found_out() -> None:
    exchange = begun()
    exchange.abandon()
    exchange.resettle()
    assert exchange.data_to_send() == b"\n\x01"
    assert told(exchange, BANNER) == []
    assert exchange.data_to_send() == b"0\x04"
    assert told(exchange, b"OK\x04\x04>") == [Answer("R", b"None", 0)]


# ------------------------------------------------------------------------------------------- noise


def test_random_bytes_in_every_state() -> None:
    """100,000 bytes: no error, no standstill, and at most as often typed as banners came."""
    draw = random.Random(8)
    words = [b"OK", b"\x04", b"\x04>", b"\x04\x04>", BANNER, MARK, b"\r", b"\n", ERROR]
    exchange = PlainExchange(MARK, cooked_text=True)
    banners = typed = 0
    for _ in range(6000):
        if exchange.state is State.IDLE:
            exchange.request(COMMAND)
            typed -= 1
        act = draw.random()
        if act < 0.1:
            exchange.silence()
        elif act < 0.15:
            exchange.interrupt()
        else:
            word = draw.choice([*words, draw.randbytes(20)])
            banners += word == BANNER
            exchange.receive(word)
        typed += exchange.data_to_send().count(COMMAND)
        assert exchange.patience is None or exchange.patience > 0
    assert typed <= banners


def test_noise_is_no_reason_to_type_a_command_again() -> None:
    exchange = PlainExchange(b"MARKMARK", cooked_text=False)
    exchange.request(b"f()\n")
    exchange.data_to_send()
    exchange.overdue()
    assert exchange.data_to_send() == b""


def test_between_calls_nothing_is_certain() -> None:
    exchange = PlainExchange(MARK, cooked_text=False)
    exchange.receive(b"text")
    assert exchange.between_calls() == []


REBOOTED = b"MPY: soft reboot\r\n"
FRIENDLY = b'MicroPython v1.27.0 on 2025; board\r\nType "help()" for more information.\r\n>>> '


@SPLITS
@pytest.mark.parametrize("shown", [b"\x04\x04" + REBOOTED + BANNER, REBOOTED + FRIENDLY, FRIENDLY])
@pytest.mark.parametrize("interrupted", [False, True])
def test_a_program_that_resets_the_board(shown: bytes, split: Split, interrupted: bool) -> None:
    exchange = begun()
    told(exchange, b"OK")
    if interrupted:
        exchange.interrupt()
    events = told(exchange, b"bye\n" + shown, split)
    assert isinstance(events[0], Text) == (split is not whole)
    assert events[-1] == Failure("agent gone", ran=True)
    assert exchange.state is State.IDLE


def test_a_banner_that_a_program_prints_and_goes_on_is_no_reset() -> None:
    exchange = begun()
    told(exchange, b"OK")
    events = told(exchange, FRIENDLY + b"and more\n\x04\x04>")
    assert events[-1] == Answer("R", b"None", 0)
