# SPDX-License-Identifier: Apache-2.0
"""A session's requests as a state machine: tables of what comes and what becomes of it."""

from __future__ import annotations

from binascii import crc32

import pytest

from belay.wire.exchange import (
    NOTHING,
    REPEAT,
    STRAY_LIMIT,
    UNBLOCK,
    Answer,
    Event,
    Exchange,
    ExchangeEvent,
    Failure,
    LineWanted,
    State,
    Text,
    Timing,
)
from belay.wire.frames import Style, encode_line, encode_request
from tests.wire.modelboard import (
    FRIENDLY_BANNER,
    INSTALL,
    NONCES,
    RAW_BANNER,
    TICKS,
    ModelBoard,
    merged,
)

BOARD = ModelBoard()
"""Writes frames; nothing is fed to it here."""

NONCE = NONCES[Style.RAW]
END = b"\x04\x04>"
ERROR = b'\x04Traceback (most recent call last):\r\n  File "<stdin>"\r\n%s: x\r\n\x04>'
SYNTAX = ERROR % b"SyntaxError"
GONE = ERROR.replace(b"x\r", b"name '__b' isn't defined\r") % b"NameError"

WIRE = encode_request(0, b"cf", Style.RAW)
ASK = encode_request(0, NOTHING, Style.RAW)


def start(seq: int = 0) -> bytes:
    return BOARD.start_frame(seq)


def frame(kind: str, payload: bytes = b"", seq: int = 0) -> bytes:
    return BOARD.frame(kind.encode(), seq, payload)


def answer(payload: bytes = b"\x91", kind: str = "R") -> Answer:
    return Answer(kind, payload, TICKS)


def damaged(data: bytes) -> bytes:
    """Its last byte has changed."""
    return data[:-1] + bytes((data[-1] ^ 0x55,))


def sent(payload: bytes = b"cf", prefix: bytes = b"") -> Exchange:
    exchange = Exchange(NONCE, Style.RAW)
    exchange.request(payload, prefix)
    assert exchange.data_to_send() == prefix + WIRE
    assert exchange.state is State.SENT
    return exchange


def running() -> Exchange:
    exchange = sent()
    assert exchange.receive(b"OK" + start()) == []
    assert exchange.state is State.RUNNING
    return exchange


def settling() -> Exchange:
    exchange = running()
    exchange.interrupt()
    assert exchange.data_to_send() == b"\x03"
    assert exchange.state is State.SETTLING
    return exchange


def idle() -> Exchange:
    exchange = sent()
    assert exchange.receive(b"OK" + start() + frame("R", b"\x91")) == [answer()]
    assert exchange.receive(END) == []
    return exchange


# ----------------------------------------------------------------------------------- the usual way

CONVERSATIONS: list[tuple[bytes, list[ExchangeEvent]]] = [
    (b"OK" + start() + frame("R", b"\x91") + END, [answer()]),
    (END + b"OK" + start() + frame("R", b"\x91"), [answer()]),
    (b"OK" + start() + b"a\n" + frame("R", b"\x91"), [Text(b"a\n", True), answer()]),
    (b"OK" + start() + frame("E", b"x") + END, [answer(b"x", "E")]),
    (b"OK" + start() + frame("M", b"x"), [answer(b"x", "M")]),
    (b"OK" + start() + frame("L"), [answer(b"", "L")]),
    (b"OK" + start() + frame("L") + b"late", [answer(b"", "L")]),
    (b"OK" + frame("o", b"", 7), [answer(b"", "o")]),
    (
        b"OK" + start() + b"a" + frame("e", b"tick", 3) + b"b" + frame("R", b"\x91"),
        [Text(b"a", True), Event(b"tick", TICKS), Text(b"b", True), answer()],
    ),
    (b"OK" + start() + frame("R", b"late", 255) + frame("R", b"\x91"), [answer()]),
    (b"OK" + start() + frame("L", b"", 7) + frame("R", b"\x91"), [answer()]),
    (b"OK" + start() + frame("U") + frame("R", b"\x91"), [answer()]),
    # Only the awaited number begins a program: any other is text, from whoever printed it.
    (
        b"OK" + start(9) + start() + start() + frame("R", b"\x91"),
        [Text(b"OK" + start(9), False), answer()],
    ),
    (b"OK" + start() + b"OK\x04x\n" + frame("R"), [Text(b"OK\x04x\n", True), answer(b"")]),
    # Nothing but the start frame is missing, or damaged: what was printed is still the program's.
    (b"OK" + frame("R", b"\x91"), [answer()]),
    (b"OKtext" + frame("R", b"\x91"), [Text(b"text", True), answer()]),
    (b"OK" + damaged(start()) + b"text" + frame("R", b"\x91"), [Text(b"text", True), answer()]),
    (b"OK" + damaged(start()) + frame("R", b"\x91"), [answer()]),
    (b"OK" + start()[1:] + b"text" + frame("R", b"\x91"), [Text(b"text", True), answer()]),
]


@pytest.mark.parametrize(("data", "events"), CONVERSATIONS, ids=range(len(CONVERSATIONS)))
def test_a_request_and_what_comes_back(data: bytes, events: list[ExchangeEvent]) -> None:
    whole = sent()
    assert merged(whole.receive(data)) == events
    single = sent()
    found = []
    for at in range(len(data)):
        found += single.receive(data[at : at + 1])
    assert merged(found) == events
    for exchange in (whole, single):
        assert exchange.state is State.IDLE
        assert exchange.data_to_send() == b""
        assert exchange.patience == 0.0


def test_numbers_count_to_255_and_begin_again() -> None:
    exchange = Exchange(NONCE, Style.RAW)
    for number in range(600):
        exchange.request(b"cf")
        assert exchange.data_to_send() == encode_request(number & 255, b"cf", Style.RAW)
        data = b"OK" + start(number & 255) + frame("R", b"\x91", number & 255)
        assert exchange.receive(data + END) == [answer()]
    assert exchange.counters.requests == 600
    assert exchange.counters.repeats == 0


def test_one_request_at_a_time() -> None:
    for exchange in (sent(), running(), settling()):
        with pytest.raises(RuntimeError, match=f"under way .{exchange.state.value}"):
            exchange.request(b"cf")


def test_text_is_handed_on_as_it_comes() -> None:
    exchange = running()
    for text in (b"tick", b"\n", b"\0\1\2\3", b"OK", b"\xc8\xe5"):
        assert exchange.receive(text) == [Text(text, True)]
        assert exchange.patience is None  # silence behind the start frame is no fault
        assert exchange.data_to_send() == b""


@pytest.mark.parametrize("style", [Style.COOKED, Style.TEXT])
def test_the_other_styles(style: Style) -> None:
    board = ModelBoard(style)
    exchange = Exchange(NONCES[style], style, cooked_text=True)
    exchange.request(b"cf")
    assert exchange.data_to_send() == encode_request(0, b"cf", style)
    data = b"OK" + board.start_frame(0) + b"a\r\n" + board.frame(b"R", 0, b"\n\r\x10")
    assert exchange.receive(data) == [Text(b"a\n", True), answer(b"\n\r\x10")]


# --------------------------------------------------------------------------------- between calls


def test_what_is_printed_between_two_calls_is_told_apart() -> None:
    exchange = idle()
    assert exchange.receive(b"timer\n") == []
    exchange.request(b"cf")
    exchange.data_to_send()
    assert exchange.receive(b"OK" + start(1) + b"x") == [Text(b"timer\n", False), Text(b"x", True)]
    assert exchange.receive(frame("R", b"", 1)) == [answer(b"")]


def test_and_before_an_answer_that_comes_in_one_piece() -> None:
    exchange = idle()
    exchange.receive(b"timer\n")
    exchange.request(b"cf")
    whole = b"OK" + start(1) + frame("R", b"", 1)
    assert exchange.receive(whole) == [Text(b"timer\n", False), answer(b"")]


@pytest.mark.parametrize("marks", [b"", END, END[1:], END[:2], b"\x05\x04>", b"\x04\x04\x04>"])
@pytest.mark.parametrize("ok", [b"OK", b"O", b"K", b"OOK", b"kK"])
def test_the_marks_of_the_repl_are_nobodys_text(marks: bytes, ok: bytes) -> None:
    if len(marks) != 3 and ok != b"OK":
        return  # two faults
    exchange = sent()
    assert exchange.receive(marks + ok + start() + b"x")[-1] == Text(b"x", True)
    if ok == b"OK" or marks in (b"", END):
        assert exchange.receive(frame("R", b"\x91")) == [answer()]


def test_events_come_at_any_time() -> None:
    event = [Event(b"tick", TICKS)]
    for exchange in (idle(), sent(), running(), settling()):
        state = exchange.state
        assert exchange.receive(frame("e", b"tick")) == event
        assert exchange.state is state
        assert exchange.data_to_send() == b""


def test_an_event_that_the_line_has_swallowed_is_missed() -> None:
    exchange = idle()
    for number in (*range(1, 256), 0, 1):  # none missing, also where the numbers begin anew
        exchange.receive(frame("e", b"tick", number))
    assert exchange.counters.lost_events == 0
    exchange.receive(frame("e", b"tick", 4))
    exchange.receive(damaged(frame("e", b"tick", 5)))
    exchange.receive(frame("e", b"tick", 6))
    assert exchange.counters.lost_events == 3


def test_text_from_now_on_whatever_came_before() -> None:
    """A person has the prompt: what the board says is text, and events are events."""
    exchange = running()
    exchange.receive(frame("R"))  # without the end of the reply: what follows is uncertain
    exchange.receive(b"noise")
    assert exchange.between_calls() == []
    exchange.begin_text()
    assert exchange.receive(b">>> 1\r\n") == []
    assert exchange.between_calls() == [Text(b">>> 1\r\n", False)]
    event = BOARD.frame(b"e", 0, b"tick")
    assert exchange.receive(b"a" + event + b"b") == [Event(b"tick", TICKS)]
    assert exchange.between_calls() == [Text(b"ab", False)]


def test_late_frames_between_calls_mean_nothing() -> None:
    exchange = idle()
    late = frame("R", b"\x91") + frame("n") + frame("o") + frame("k") + frame("a") + start()
    assert exchange.receive(late) == []
    assert exchange.silence() == []
    assert exchange.state is State.IDLE
    assert exchange.data_to_send() == b""


def test_half_a_frame_between_calls_is_given_up() -> None:
    exchange = idle()
    exchange.receive(NONCE + b"R")
    assert exchange.silence() == []
    assert exchange.counters.damaged == 1


def test_text_between_calls_is_bounded() -> None:
    exchange = idle()
    for _ in range(100):
        exchange.receive(b"x" * 10_000)
    exchange.request(b"cf")
    (text,) = exchange.receive(b"OK" + start(1))
    assert isinstance(text, Text)
    assert len(text.data) <= 65536


# ------------------------------------------------------------------ SENT: was it heard at all?


def test_silence_repeats_the_request_ever_more_patiently() -> None:
    exchange = sent()
    waits = []
    while exchange.state is State.SENT:
        assert exchange.patience is not None
        waits.append(exchange.patience)
        events = exchange.silence()
        if not events:
            # Clears what may stand in the line; interrupts nothing, and is no lone Ctrl-D.
            assert exchange.data_to_send() == REPEAT + WIRE == b"\n\x01" + WIRE
    assert events == [Failure("silent")]
    assert waits == sorted(waits)
    assert waits[0] == pytest.approx(Timing().silence(len(WIRE)))
    assert waits[-1] <= 2.0
    assert Timing().give_up <= sum(waits) < Timing().give_up + 2.0
    assert exchange.counters.repeats == len(waits) - 1


def test_the_repetition_is_answered() -> None:
    exchange = sent()
    exchange.silence()
    exchange.data_to_send()
    data = RAW_BANNER + b"OK" + start() + b"x" + frame("R", b"\x91") + END
    assert exchange.receive(data) == [Text(b"x", True), answer()]
    # A board that was only slow answers twice: that is nobody's text.
    assert exchange.receive(RAW_BANNER + b"OK" + frame("R", b"\x91") + END) == []
    exchange.request(b"cf")
    assert exchange.receive(b"OK" + start(1) + frame("R", b"", 1)) == [answer(b"")]


def test_a_friendly_prompt_is_left_with_an_interrupt() -> None:
    exchange = sent()
    exchange.receive(FRIENDLY_BANNER)
    exchange.silence()
    assert exchange.data_to_send() == UNBLOCK + WIRE == b"\x03\n\x01" + WIRE


def test_a_prompt_without_its_banner_is_not_believed() -> None:
    exchange = sent()
    exchange.receive(b"\r\n>>> ")
    exchange.silence()
    assert exchange.data_to_send() == REPEAT + WIRE


@pytest.mark.parametrize(
    "reply", [b"OK" + frame("n", b"", 255), b"OK" + SYNTAX, b"OK" + ERROR % b"NameError"]
)
def test_a_damaged_request_is_repeated_at_once(reply: bytes) -> None:
    exchange = sent()
    for _ in range(STRAY_LIMIT):
        assert exchange.receive(reply) == []
        assert exchange.state is State.SENT
        assert exchange.data_to_send() == WIRE
    assert exchange.receive(reply) == []
    assert exchange.data_to_send() == b""  # from here on only silence repeats it
    assert exchange.counters.repeats == STRAY_LIMIT
    assert exchange.receive(b"OK" + start() + frame("R", b"\x91"))[-1] == answer()


def test_a_damaged_request_is_repeated_once_for_each_report() -> None:
    exchange = sent()
    assert exchange.receive(b"OK" + frame("n", b"", 255) + END) == []
    assert exchange.data_to_send() == WIRE


def test_half_of_an_error_is_waited_for() -> None:
    exchange = sent()
    for at in range(1, len(b"OK" + SYNTAX)):
        assert exchange.receive((b"OK" + SYNTAX)[at - 1 : at]) == []
        assert exchange.data_to_send() == b""
    exchange.receive(SYNTAX[-1:])
    assert exchange.data_to_send() == WIRE


def test_an_error_without_its_ok_belongs_to_the_call_before() -> None:
    exchange = sent()
    assert exchange.receive(SYNTAX) == []
    assert exchange.data_to_send() == b""


def test_a_board_that_knows_no_agent_was_reset() -> None:
    exchange = sent()
    for _ in range(2):
        assert exchange.receive(b"OK" + GONE) == []
        assert exchange.data_to_send() == WIRE
    assert exchange.receive(b"OK" + GONE) == [Failure("agent gone")]
    assert exchange.state is State.IDLE
    assert exchange.data_to_send() == b""


def test_one_damaged_name_is_no_reset() -> None:
    exchange = sent()
    for reply in (GONE, GONE, SYNTAX, GONE, GONE):
        assert exchange.receive(b"OK" + reply) == []
        assert exchange.state is State.SENT


def test_a_board_without_memory_for_the_agent() -> None:
    exchange = sent(prefix=INSTALL)
    assert exchange.receive(b"OK" + ERROR % b"MemoryError") == [Failure("no memory")]
    assert exchange.state is State.IDLE


@pytest.mark.parametrize("repeats", [0, 1, 3])
def test_a_request_that_is_not_repeated_for_long(repeats: int) -> None:
    exchange = Exchange(NONCES[Style.RAW], Style.RAW)
    exchange.request(b"cf", repeats=repeats)
    for _ in range(repeats):
        exchange.data_to_send()
        assert exchange.silence() == []
        assert exchange.data_to_send().startswith(REPEAT)
    assert exchange.silence() == [Failure("silent")]
    exchange.resettle()  # what became of it is asked as often as ever
    for _ in range(repeats + 2):
        assert exchange.silence() == []


def test_a_board_that_echoes_edits_a_line_of_its_friendly_prompt() -> None:
    exchange = sent()
    exchange.silence()
    assert exchange.data_to_send() == REPEAT + WIRE
    exchange.receive(b"x)__b(b'\\0cf')\x1b[12D")
    exchange.silence()
    assert exchange.data_to_send() == UNBLOCK + WIRE


def test_a_board_without_memory_for_a_request() -> None:
    exchange = sent()
    assert exchange.receive(b"OK" + ERROR % b"MemoryError") == []
    assert exchange.data_to_send() == WIRE  # once more: something may have been freed
    assert exchange.receive(b"OK" + ERROR % b"MemoryError") == [Failure("no room")]
    assert exchange.state is State.IDLE
    exchange.resettle()
    assert exchange.data_to_send().endswith(encode_request(exchange.seq, b"q", Style.RAW))


def test_the_upload_is_part_of_what_is_repeated() -> None:
    exchange = sent(prefix=INSTALL)
    for _ in range(STRAY_LIMIT):
        assert exchange.receive(b"OK" + GONE) == []  # the upload was damaged: no reset
        assert exchange.data_to_send() == INSTALL + WIRE
    exchange.silence()
    assert exchange.data_to_send() == REPEAT + INSTALL + WIRE
    assert exchange.receive(b"OK" + start() + frame("R", b"\x91")) == [answer()]
    exchange.request(b"cf")
    assert exchange.data_to_send() == encode_request(1, b"cf", Style.RAW)  # once


# ------------------------------------------------------------------ RUNNING: has the answer passed?


@pytest.mark.parametrize(
    "wreck",
    [
        damaged(frame("R", b"\x91")),
        frame("R", b"\x91")[:-1],
        frame("R", b"\x91")[:7],
        NONCE[:1] + b"\0" + frame("R", b"\x91")[2:] + END,
        frame("R", b"\x91")[2:] + END,
        END,
        RAW_BANNER,
    ],
)
def test_a_damaged_answer_is_asked_for_again(wreck: bytes) -> None:
    exchange = running()
    text = b"".join(event.data for event in exchange.receive(b"x\n" + wreck))  # type: ignore[union-attr]
    assert b"x\n".startswith(text[:2])
    for _ in range(3):  # a false frame is given up first
        assert exchange.patience is not None
        exchange.silence()
        data = exchange.data_to_send()
        if data:
            break
    assert data == REPEAT + ASK
    reply = RAW_BANNER + b"OK" + frame("R", b"\x91") + END
    assert exchange.receive(reply)[-1] == answer()
    assert exchange.state is State.IDLE
    exchange.request(b"cf")
    assert exchange.receive(b"OK" + start(1) + frame("R", b"", 1)) == [answer(b"")]


def test_a_doubt_that_was_wrong_costs_one_question() -> None:
    exchange = running()
    assert exchange.receive(b"x" + END) == [Text(b"x", True)]
    exchange.silence()
    assert exchange.data_to_send() == REPEAT + ASK
    assert exchange.silence() == [Text(END, True)]  # the program's own
    assert exchange.data_to_send() == b""
    assert exchange.patience is None
    assert exchange.receive(b"y" + frame("R", b"\x91")) == [Text(b"y", True), answer()]


def test_a_doubt_that_the_answer_resolves() -> None:
    exchange = running()
    assert exchange.receive(b"x\x04") == [Text(b"x", True)]
    assert exchange.receive(frame("R", b"\x91")) == [Text(b"\x04", True), answer()]


def test_a_hostile_nonce_comes_out_unchanged() -> None:
    exchange = running()
    assert exchange.receive(b"x" + NONCE + b"R\0\0") == [Text(b"x", True)]
    assert exchange.patience is not None
    out: list[ExchangeEvent] = []
    for _ in range(4):
        out += exchange.silence()
    out += exchange.receive(frame("R", b"\x91"))
    assert merged(out) == [Text(NONCE + b"R\0\0", True), answer()]


def test_an_answer_that_is_damaged_for_ever_ends_the_questions() -> None:
    exchange = running()
    asked = 0
    for _ in range(200):
        exchange.receive(damaged(frame("R", b"\x91")) + END)
        if exchange.patience is None:
            break
        exchange.silence()
        asked += exchange.data_to_send().count(ASK)
    assert 0 < asked < 20


def test_the_board_was_reset_under_the_program() -> None:
    exchange = running()
    exchange.receive(b"\x04\x04MPY: soft reboot\r\n" + RAW_BANNER)
    exchange.silence()
    assert exchange.data_to_send() == REPEAT + ASK
    assert exchange.receive(RAW_BANNER + b"OK" + GONE)[-1] == Failure("agent gone")
    assert exchange.state is State.IDLE


# --------------------------------------------------------------------------------------- streams


def wanting() -> Exchange:
    exchange = running()
    wanted = frame("k", (64).to_bytes(2, "little"), 5)
    assert exchange.receive(wanted) == [LineWanted(5, 64)]
    return exchange


def test_a_line_is_sent_once_it_is_there() -> None:
    exchange = wanting()
    assert exchange.patience is None  # the caller may take its time
    exchange.send_line(b"text\x03")
    line = encode_line(5, b"text\x03", Style.RAW)
    assert exchange.data_to_send() == line
    assert exchange.patience == pytest.approx(Timing().silence(len(line)))
    assert exchange.receive(frame("a", b"", 5)) == []
    assert exchange.patience is None
    assert exchange.receive(frame("k", b"\x40\0", 6)) == [LineWanted(6, 64)]
    assert exchange.receive(frame("R", b"\x91")) == [answer()]


def test_a_line_that_is_asked_for_twice_is_taken_once_from_the_caller() -> None:
    exchange = running()
    wanted = frame("k", b"\x40\0", 5)
    assert exchange.receive(wanted + wanted) == [LineWanted(5, 64)]
    assert exchange.receive(wanted) == []
    exchange.send_line(b"text")
    line = exchange.data_to_send()
    assert exchange.receive(wanted) == []
    assert exchange.data_to_send() == line
    assert exchange.receive(frame("a", b"", 5)) == []
    # The next program may be asked for the same number: the last one was stopped before it.
    assert exchange.receive(frame("R", b"\x91")) == [answer()]
    exchange.request(b"cf")
    assert exchange.receive(b"OK" + start(1)) == []
    assert exchange.receive(wanted) == [LineWanted(5, 64)]


def test_a_program_that_asks_for_much_may_be_asked_after_as_often() -> None:
    exchange = running()
    for number in range(60):
        wanted = frame("k", b"\x40\0question", number)
        exchange.receive((damaged(wanted), b"\x8f" + wanted[1:], wanted[1:])[number % 3])
        assert exchange.patience is not None
        assert exchange.silence() == []
        assert exchange.data_to_send() == REPEAT + ASK
        # What was left of it is nobody's text.
        assert exchange.receive(wanted) == [LineWanted(number, 64, b"question")]
        exchange.send_line(b"text")
        exchange.data_to_send()
        assert exchange.receive(frame("a", b"", number)) == []
    assert exchange.receive(frame("R", b"\x91")) == [answer()]


def test_a_frame_whose_kind_was_lost_and_that_looks_like_a_start_is_asked_after() -> None:
    exchange = running()
    wanted = frame("k", b"\x40\0question", 0x20)  # its number stands where a start has its mark
    exchange.receive(wanted.replace(b"k", b"", 1))
    assert exchange.patience is not None
    assert exchange.silence() == []
    assert exchange.data_to_send() == REPEAT + ASK
    assert exchange.receive(wanted)[-1] == LineWanted(0x20, 64, b"question")


def test_text_that_looked_like_a_wreck_is_handed_on_when_the_program_asks() -> None:
    exchange = running()
    text = NONCE[1:] + b" and more of it" * 3
    assert exchange.receive(text) == []
    wanted = frame("k", b"\x40\0", 5)
    assert exchange.receive(wanted) == [Text(text, True), LineWanted(5, 64)]
    assert exchange.patience is None


def test_a_line_that_nobody_takes_is_not_sent_for_ever() -> None:
    exchange = wanting()
    exchange.send_line(b"text")
    line = exchange.data_to_send()
    writes = []
    for _ in range(100):
        exchange.silence()
        writes.append(exchange.data_to_send())
    assert 0 < writes.count(b"\n" + line) < 20
    assert 0 < writes.count(REPEAT + ASK) < 20  # and then the board is asked what it does
    assert writes[-1] == b""


def test_a_damaged_line_is_sent_again() -> None:
    exchange = wanting()
    exchange.send_line(b"text")
    line = exchange.data_to_send()
    assert exchange.receive(frame("k", b"\x40\0", 5)) == []
    assert exchange.data_to_send() == line
    assert exchange.receive(frame("a", b"", 4)) == []  # of the one before
    assert exchange.patience is not None
    assert exchange.silence() == []
    assert exchange.data_to_send() == b"\n" + line  # ends what stands of it in the input
    assert exchange.receive(frame("k", b"\x40\0", 6)) == [LineWanted(6, 64)]  # its "a" was lost


# ------------------------------------------------------------------ SETTLING: what became of it?


def test_nothing_to_interrupt() -> None:
    exchange = idle()
    exchange.interrupt()
    assert exchange.state is State.IDLE
    assert exchange.data_to_send() == b""


@pytest.mark.parametrize("make", [sent, running])
def test_an_interrupt_asks_until_the_board_says(make: type) -> None:
    exchange = make()
    exchange.interrupt()
    assert exchange.state is State.SETTLING
    assert exchange.data_to_send() == b"\x03"
    assert exchange.patience == Timing().interrupt_every
    writes = []
    for _ in range(6):
        assert exchange.silence() == []
        writes.append(exchange.data_to_send())
    assert writes == [
        *(REPEAT + ASK, b"\x03"),
        *(REPEAT + ASK, b"\x03"),
        *(REPEAT + ASK, b"\x03" + UNBLOCK + ASK),
    ]
    # Never a Ctrl-D but behind the question, and the question runs nothing.
    assert all(write.count(b"\x04") == write.count(ASK) for write in writes)
    assert crc32(b"\0" + NOTHING).to_bytes(4, "little")[:1] in ASK


@pytest.mark.parametrize(
    ("kind", "payload"),
    [("E", b"KeyboardInterrupt"), ("R", b"\x91"), ("R", b""), ("L", b""), ("M", b"x")],
)
def test_the_board_says(kind: str, payload: bytes) -> None:
    exchange = settling()
    assert exchange.receive(frame(kind, payload)) == [answer(payload, kind)]
    assert exchange.state is State.IDLE


def test_it_had_not_started() -> None:
    exchange = sent()
    exchange.interrupt()
    exchange.silence()
    exchange.data_to_send()
    data = RAW_BANNER + b"OK" + start() + frame("R", b"")
    assert exchange.receive(data) == [answer(b"")]


def test_what_it_prints_before_it_stops_is_still_text() -> None:
    exchange = settling()
    assert exchange.receive(b"tock\n") == [Text(b"tock\n", True)]
    assert exchange.receive(b"last\x04Traceback") == [Text(b"last", True)]
    assert exchange.receive(b" of the REPL\x04>" + RAW_BANNER + b"OK") == []
    assert exchange.receive(frame("L")) == [answer(b"", "L")]
    exchange.request(b"cf")
    assert exchange.receive(b"OK" + start(1) + frame("R", b"", 1)) == [answer(b"")]


def test_what_comes_before_it_started_is_no_text() -> None:
    exchange = sent()
    exchange.interrupt()
    assert exchange.receive(RAW_BANNER) == []


def test_strays_while_settling_mean_nothing() -> None:
    exchange = settling()
    assert exchange.receive(frame("n") + frame("k", b"\x40\0", 5) + frame("R", b"", 9)) == []
    assert exchange.receive(damaged(frame("R", b"\x91"))) == []
    assert exchange.state is State.SETTLING
    assert exchange.counters.damaged == 2


def test_a_board_that_does_not_settle_is_given_up() -> None:
    exchange = settling()
    silences = 0
    events: list[ExchangeEvent] = []
    while exchange.state is State.SETTLING:
        events = exchange.silence()
        silences += 1
    assert events == [Failure("silent")]
    assert silences * Timing().interrupt_every == pytest.approx(Timing().settle, abs=0.2)


def test_another_interrupt_does_not_begin_anew() -> None:
    exchange = settling()
    silences = 0
    while exchange.state is State.SETTLING:
        exchange.interrupt()
        exchange.silence()
        silences += 1
    assert silences * Timing().interrupt_every == pytest.approx(Timing().settle, abs=0.2)


# ------------------------------------------------------------------------- abandoned and resumed


def test_an_abandoned_request_can_be_asked_after() -> None:
    exchange = running()
    exchange.receive(b"tick\n")
    exchange.abandon()
    assert exchange.state is State.IDLE
    assert exchange.data_to_send() == b""
    exchange.receive(b"tock\n")
    exchange.resettle()
    assert exchange.state is State.SENT
    assert exchange.data_to_send() == REPEAT + ASK
    events = exchange.receive(b"x" + END + RAW_BANNER + b"OK" + frame("R", b"\x91") + END)
    assert events[-1] == answer()
    exchange.request(b"cf")
    assert exchange.receive(b"OK" + start(1) + frame("R", b"", 1)) == [answer(b"")]


def test_an_abandoned_request_that_was_not_even_written() -> None:
    exchange = Exchange(NONCE, Style.RAW)
    exchange.request(b"cf")
    exchange.abandon()
    assert exchange.data_to_send() == b""
    exchange.resettle()
    assert exchange.data_to_send() == REPEAT + ASK
    assert exchange.receive(RAW_BANNER + b"OK" + start() + frame("R", b"")) == [answer(b"")]


def test_a_line_that_is_asked_for_proves_that_the_program_runs() -> None:
    exchange = sent()
    asked = frame("k", b"\x00\x01", 0)
    wreck = damaged(start())
    assert exchange.receive(b"OK" + wreck + asked) == [
        Text(b"OK" + wreck, False),
        LineWanted(0, 256),
    ]
    assert exchange.state is State.RUNNING


def test_a_board_without_memory_for_the_agent_says_so() -> None:
    exchange = Exchange(NONCES[Style.RAW], Style.RAW)
    exchange.request(b"q", b"upload\n")
    reply = b"OK\x04Traceback (most recent call last):\r\nMemoryError: \r\n\x04>"
    assert exchange.receive(reply) == [Failure("no memory")]
    assert exchange.state is State.IDLE


def test_a_request_is_repeated_a_few_times_among_the_prints_of_something_else() -> None:
    exchange = sent()
    for _ in range(3):
        assert exchange.receive(b"tick\n") == []
        exchange.overdue()
        assert exchange.data_to_send() == REPEAT + WIRE
    exchange.overdue()
    assert exchange.data_to_send() == b""
    other = running()
    other.overdue()
    assert other.data_to_send() == b""


def test_and_brought_back_from_the_friendly_prompt() -> None:
    exchange = sent()
    exchange.receive(b"MicroPython v1.27\nhelp()\n>>> ")
    exchange.overdue()
    assert exchange.data_to_send() == UNBLOCK + WIRE


def test_the_replies_to_a_repetition_among_prints_are_nobodys_text() -> None:
    exchange = sent()
    exchange.overdue()
    exchange.data_to_send()
    assert exchange.receive(b"OK" + start() + frame("R", b"\x91") + END) == [answer()]
    # Now what the board says to the repetition, which it finds behind the request.
    exchange.receive(b"raw REPL; CTRL-B to exit\r\n>OK" + frame("R", b"\x91") + END)
    exchange.request(b"cf")
    exchange.data_to_send()
    assert exchange.receive(b"OK" + start(1) + frame("R", b"\x91", 1)) == [answer()]


# ---- listening between calls


def answered() -> Exchange:
    """The answer has come, the REPL's end of the command has not."""
    exchange = sent()
    assert exchange.receive(b"OK" + start() + frame("R", b"\x91")) == [answer()]
    return exchange


def test_what_comes_between_calls_can_be_had_at_once() -> None:
    exchange = answered()
    exchange.receive(END)
    assert exchange.between_calls() == []
    exchange.receive(b"tick\n")
    assert exchange.between_calls() == [Text(b"tick\n", False)]
    assert exchange.between_calls() == []
    exchange.receive(b"tock")
    assert exchange.between_calls() == [Text(b"tock", False)]
    # What was handed on is not told again with the next call, and its OK is nobody's text.
    exchange.request(b"cf")
    exchange.data_to_send()
    events = exchange.receive(b"OK" + start(1) + frame("R", b"\x91", 1))
    assert events == [answer()]


@pytest.mark.parametrize("begun", [b"", END[:1], END[:2], b"x" + END])
def test_text_that_is_not_certain_waits_for_the_next_call(begun: bytes) -> None:
    exchange = answered()
    exchange.receive(begun)
    assert exchange.between_calls() == []


def test_a_timer_prints_between_the_answer_and_the_end_of_the_reply() -> None:
    exchange = answered()
    assert exchange.receive(b"tick\n") == []
    assert exchange.receive(b"\x04\x04>") == []
    assert exchange.between_calls() == []  # it waits for the next call
    exchange.request(b"cf")
    events = exchange.receive(b"OK" + start(1) + frame("R", b"\x91", 1))
    assert events == [Text(b"tick\n", False), answer()]


def test_while_a_call_runs_nothing_is_between_calls() -> None:
    exchange = running()
    exchange.receive(END + b"text")
    assert exchange.between_calls() == []


def test_after_a_repetition_nothing_is_certain() -> None:
    exchange = sent()
    exchange.silence()
    exchange.data_to_send()
    exchange.receive(b"OK" + start() + frame("R", b"\x91"))
    exchange.receive(END + b"OK")
    assert exchange.between_calls() == []
