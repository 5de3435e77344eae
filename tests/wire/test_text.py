# SPDX-License-Identifier: Apache-2.0
"""What a program prints, and what only looks like it."""

from __future__ import annotations

import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from belay.wire.text import (
    FRIENDLY,
    HELD_LIMIT,
    MOST_QUESTIONS,
    NO_AGENT,
    REBOOT_WAITS,
    RunningText,
    one_fault,
)
from tests.wire.profiles import examples

NONCE = b"\x91\xc8\xe5\x80"
BANNER = b"raw REPL; CTRL-B to exit\r\n>"
GONE = b"OK\x04Traceback (most recent call last):\r\nNameError: name '__b' isn't defined\r\n\x04>"


# -------------------------------------------------------------------------------------- one fault


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (b"abcd", 4),
        (b"abcdxyz", 4),
        (b"bcd", 3),  # lost
        (b"acdxyz", 3),
        (b"abdxyz", 3),
        (b"abc", 3),
        (b"abcx", 4),  # changed, or lost
        (b"aabcd", 5),  # doubled
        (b"abbcdxyz", 5),
        (b"abcddxyz", 4),  # whole, and a letter more
        (b"xbcd", 4),
        (b"axcdyz", 4),
        (b"abxd", 4),
        (b"", 0),
        (b"xyz", 0),
        (b"ab", 0),
        (b"dcba", 0),
        (b"xabcd", 0),
    ],
)
def test_one_fault(data: bytes, size: int) -> None:
    assert one_fault(data, b"abcd") == size


@given(st.binary(min_size=1, max_size=8), st.binary(max_size=5), st.integers(0, 7), st.integers(1))
@examples(150)
def test_every_single_fault_is_recognized(mark: bytes, behind: bytes, at: int, bit: int) -> None:
    at %= len(mark)
    flipped = bytes((mark[at] ^ (bit % 255 + 1),))
    for wreck in (
        mark,
        mark[:at] + flipped + mark[at + 1 :],
        mark[: at + 1] + mark[at:],
    ):
        assert one_fault(wreck + behind, mark) > 0
    lost = mark[:at] + mark[at + 1 :] + behind
    assert one_fault(lost, mark) > 0 or not lost or len(mark) == 1


@given(st.binary(max_size=12), st.binary(min_size=1, max_size=6))
@examples(100)
def test_it_never_takes_more_than_is_there(data: bytes, mark: bytes) -> None:
    assert 0 <= one_fault(data, mark) <= min(len(data), len(mark) + 1)


# ------------------------------------------------------------------------------ boards that reboot


REBOOTS = [
    b'\r\nMicroPython v1.27.0 on 2025-12-10; a board\r\nType "help()" for more.\r\n>>> ',
    b"\nets Jul 29\nMicroPython v1.9.2 on 2017-01-01; x\n>>> ",
    b"rst\r\n\r\nAdafruit CircuitPython 9.2.1 on 2024-11-20; Board with samd21\r\n>>> ",
    b"\x04\r\nMPY: soft reboot\r\n",
]


@pytest.mark.parametrize("size", [1, 2, 7, 64, 1000])
@pytest.mark.parametrize("reboot", REBOOTS)
def test_a_reboot_is_noticed_in_whatever_pieces_it_comes(reboot: bytes, size: int) -> None:
    text = RunningText(NONCE)
    text.begin()
    told = b"printed\n" + reboot
    for at in range(0, len(told), size):
        text.feed(told[at : at + size])
    assert text.suspicious
    assert text.silence()[1]


@pytest.mark.parametrize("end", [b"\x04\x04", b"\x04\x04>", b"\x04\x04>\r\n"])
def test_a_reboot_whose_boot_py_takes_its_time_is_nobodys_text(end: bytes) -> None:
    text = RunningText(NONCE)
    text.begin()
    assert text.feed(b"printed\n" + end + b"MPY: soft reboot\r\n") == b"printed\n"
    assert text.silence() == (b"", True)
    for _ in range(REBOOT_WAITS):  # it says nothing, and is not asked again
        assert text.silence() == (b"", False)
        assert text.suspicious
    assert text.feed(b"raw REPL; CTRL-B to exit\r\n>") == b""
    assert text.silence() == (b"", True)
    text.feed(b"OK\x04Traceback\r\nNameError: name '__b' isn't defined\r\n\x04>")
    assert text.agent_gone


def test_a_program_that_prints_the_words_of_a_reset_goes_on() -> None:
    text = RunningText(NONCE)
    text.begin()
    printed = b"\x04\x04MPY: soft reboot\r\n"
    assert text.feed(printed) == b""
    told = [text.silence() for _ in range(REBOOT_WAITS + 2)]
    assert told == [(b"", True), *[(b"", False)] * REBOOT_WAITS, (printed, False)]
    assert text.feed(b"on\n") == b"on\n"


def test_a_banner_that_was_asked_about_is_not_asked_about_again() -> None:
    text = RunningText(NONCE)
    text.begin()
    for at in range(len(REBOOTS[0])):
        text.feed(REBOOTS[0][at : at + 1])
    assert text.silence()[1]
    while text.silence()[1]:
        pass
    assert not text.suspicious
    assert text.feed(b"on\n") == b"on\n"
    assert not text.suspicious


# --------------------------------------------------------------------------------- what is known


@pytest.mark.parametrize(
    "shown",
    [
        b'MicroPython v1.27.0 on 2025-12-10; JS\r\nType "help()" for more information.\r\n>>> ',
        b"Adafruit CircuitPython 9.2.4 on 2025-02-01; Raspberry Pi Pico\r\n>>> ",
        b'Python 3.4.0; MicroPython v1.9.2\n"help()"\n>>> ',
    ],
)
def test_a_friendly_banner(shown: bytes) -> None:
    assert FRIENDLY.search(b"noise" + shown + b"echo")
    assert not FRIENDLY.search(shown[:-1])


@pytest.mark.parametrize(
    "shown", [b">>> ", b"a\n>>> ", b"MicroPython\n>>> ", b"Python 3\na\nb\n>>> "]
)
def test_no_friendly_banner(shown: bytes) -> None:
    assert not FRIENDLY.search(shown)


def test_a_board_without_the_agent() -> None:
    assert NO_AGENT.search(GONE)
    assert NO_AGENT.search(b"NameError: name '__b' is not defined")
    assert not NO_AGENT.search(b"NameError: name '__c' isn't defined")  # one flipped bit


# --------------------------------------------------------------------------------- handed on


@pytest.mark.parametrize(
    "text",
    [
        b"tick\n",
        b"",
        b"\0\1\2\3\xff",
        b"OK",
        b">>> ",
        b"help()",
        b"\x91\xc8",
        b"a\x04b\n",
        BANNER[:-1],
    ],
)
def test_text_is_handed_on_at_once(text: bytes) -> None:
    running = RunningText(NONCE)
    assert running.feed(text) == text
    assert not running.suspicious
    assert running.finish() == b""


@pytest.mark.parametrize(
    "held",
    [
        b"\x04",
        b"\x04\x04>",
        b"\x04Traceback",
        b"\x04" + 24 * b"x",
        BANNER,
        b"\x91\xc8\xe5",  # a nonce that has lost its last byte
        b"\x91\xc8\x80",
        b"\x91\xff\xe5\x80 the rest of an answer",
        b"\xc8\xe5\x80R\7\1\0",
        b"\r\nMPY: soft reboot\r\n",
        b"\x04\x04>MPY: soft reboot\n",
        b"\r\nMicroPython v1.27.0 on 2025-12-10\r\n>>> ",
    ],
)
def test_what_may_be_a_wreck_is_held(held: bytes) -> None:
    running = RunningText(NONCE)
    out = running.feed(b"tick\n" + held)
    assert out in (b"tick\n", b"tick\n\r\n", b"tick")  # perhaps \n was the first byte, damaged
    assert running.suspicious
    assert running.silence() == (b"", True)  # ask the board
    assert running.suspicious
    text = b""
    for _ in range(REBOOT_WAITS + 1):  # it says nothing: the program runs, the text was its own
        if running.suspicious:
            text, ask = running.silence()
            assert not ask
    assert out + text == b"tick\n" + held
    assert not running.suspicious


def test_what_looked_like_a_prompt_goes_on() -> None:
    running = RunningText(NONCE)
    assert running.feed(b"a\x04") == b"a"
    assert running.feed(b"b") == b""
    assert running.feed(b"\nc") == b"\x04b\nc"
    assert not running.suspicious
    assert running.feed(b"d" + BANNER) == b"d"
    assert running.feed(b"e") == BANNER + b"e"


def test_behind_a_damaged_frame_all_is_held() -> None:
    running = RunningText(NONCE)
    running.damaged()
    assert running.suspicious
    assert running.feed(b"text") == b""
    assert running.feed(b"more") == b""
    assert running.finish() == b"textmore"
    assert not running.suspicious


def test_but_not_without_end() -> None:
    running = RunningText(NONCE)
    running.damaged()
    piece = b"x" * 1000
    out = b""
    for _ in range(100):
        out += running.feed(piece)
    assert out == piece * 100
    assert not running.suspicious
    assert len(piece) * 100 > HELD_LIMIT


# --------------------------------------------------------------------------- how it was resolved


def test_the_answer_came_so_it_was_the_programs() -> None:
    running = RunningText(NONCE)
    assert running.feed(b"half a prompt \x04\x04>") == b"half a prompt "
    assert running.finish() == b"\x04\x04>"


def test_the_answer_came_to_a_question_so_it_was_a_wreck() -> None:
    running = RunningText(NONCE)
    assert running.feed(b"tick\n\x91\xe5\x80R\7\1\0 wreck\x04\x04>") == b"tick\n"
    assert running.silence() == (b"", True)
    assert running.feed(BANNER + b"OK") == b""
    assert running.finish() == b""


def test_a_question_is_asked_again_only_after_news() -> None:
    running = RunningText(NONCE)
    running.damaged()
    assert running.silence() == (b"", True)
    assert running.silence() == (b"", False)
    assert not running.suspicious
    running.damaged()
    assert running.silence() == (b"", True)
    running.feed(b"another wreck")
    assert running.silence() == (b"", True)
    assert running.silence() == (b"another wreck", False)


def test_a_link_that_always_damages_the_answer_is_not_asked_for_ever() -> None:
    running = RunningText(NONCE)
    asked = 0
    for _ in range(100):
        running.damaged()
        asked += running.silence()[1]
    assert asked == MOST_QUESTIONS
    running.begin()
    running.damaged()
    assert running.silence() == (b"", True)


def test_the_board_was_reset_under_the_program() -> None:
    running = RunningText(NONCE)
    running.feed(b"\x04\x04>\r\nMPY: soft reboot\r\n" + BANNER)
    assert not running.agent_gone
    running.feed(GONE)
    assert not running.agent_gone  # nobody has asked: a program may print that
    running.silence()
    running.feed(BANNER + GONE)
    assert running.agent_gone


# ------------------------------------------------------------------------------------ nothing lost

PRINTS = st.lists(
    st.sampled_from(
        [b"tick\n", b"\x04", b">", b"OK", BANNER, NONCE[:3], NONCE[1:], b"soft reboot\r\n", b"\r\n"]
    ),
    max_size=12,
)


@given(PRINTS)
@example([b"\x04", b"\x04", b">"])
@example([NONCE[1:], b"tick\n", b"tick\n"])
@examples(150)
def test_text_of_a_program_arrives_whole_and_in_order(prints: list[bytes]) -> None:
    running = RunningText(NONCE)
    got = b""
    for part in prints:
        got += running.feed(part)
    for _ in range(3):
        got += running.silence()[0]
    assert got == b"".join(prints)


@given(PRINTS)
@examples(100)
def test_a_plain_answer_brings_what_was_held(prints: list[bytes]) -> None:
    running = RunningText(NONCE)
    got = b"".join(running.feed(part) for part in prints)
    last = running.finish()
    whole = b"".join(prints)
    assert got + last == whole or (whole.startswith(got) and whole.endswith(b"OK"))


def test_random_bytes() -> None:
    draw = random.Random(2)
    running = RunningText(NONCE)
    sent, got = bytearray(), bytearray()
    for _ in range(3000):
        part = draw.choice([draw.randbytes(draw.randrange(30)), NONCE[1:], b"\x04", BANNER])
        sent += part
        got += running.feed(part)
        if draw.random() < 0.2:
            got += running.silence()[0]
    got += running.silence()[0] + running.silence()[0]
    assert got == sent
