# SPDX-License-Identifier: Apache-2.0
"""From any of eleven states of a board to its facts. Most of what is sent here was recorded."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator

import pytest

from belay.wire.greeting import (
    ASK_AGAIN,
    ENTER_RAW,
    Facts,
    Greeting,
    GreetingFailure,
    GreetingStep,
)

QUESTION = b"print('facts')"
ASKED = QUESTION + b"\x04"

RAW = b"raw REPL; CTRL-B to exit\r\n>"
PROMPT = b"\r\n>>> "
FRIENDLY = (
    b'\r\nMicroPython v1.27.0 on 2025-12-10; JS\r\nType "help()" for more information.\r\n>>> '
)
INTERRUPTED = (
    b'Traceback (most recent call last):\r\n  File "<stdin>", line 1, in <module>\r\n'
    b"KeyboardInterrupt: \r\n"
)
REBOOTED = b"OK\r\nMPY: soft reboot\r\n" + RAW

STATES = {
    "idle": PROMPT * 2 + b"\r\n" + RAW,
    "half a line": b"x = 1 +" + PROMPT * 2 + b"\r\n" + RAW,
    "open block": FRIENDLY + b"if True:\r\n...     " + PROMPT * 2 + b"\r\n" + RAW,
    "while True: pass": FRIENDLY
    + b"while True: pass\r\n... \r\n"
    + INTERRUPTED
    + b">>> \r\n"
    + RAW,
    "printing loop": b"tick\r\n" * 2000 + INTERRUPTED + b">>> \r\n" + RAW,
    "paste mode": b"\r\npaste mode; Ctrl-C to cancel, Ctrl-D to finish\r\n=== x = 1\r\n=== "
    + PROMPT * 2
    + b"\r\n"
    + RAW,
    "raw REPL": FRIENDLY + b"\r\n" + RAW + RAW,
    "half a raw line": RAW,
    "raw REPL looping": b"\x04" + INTERRUPTED + b"\x04>" + RAW,
    "mid raw paste": b"\x04\x04KeyboardInterrupt: \r\n\x04>" + RAW,
    "unfinished raw-paste request": RAW,
}
"""What each of the eleven states answers to the first write."""

FACTS = Facts(
    name="micropython",
    version=(1, 27, 0),
    platform="webassembly",
    mpy=262,
    machine="JS with Emscripten",
    free=134_000_000,
    crc32=True,
    binary=True,
    deflate=True,
    compile=True,
    stdin=True,
)


def answer(
    text: str = "micropython|1.27.0|webassembly|262|JS with Emscripten|11110001|134000000",
    *,
    line_end: bytes = b"\n",
    binary: bytes = b"|\n|",
    checksum: int | None = None,
) -> bytes:
    check = sum(text.encode()) & 0xFFFF if checksum is None else checksum
    said = text.encode() + b" %d !>" % check + line_end + binary
    return b"OK<! " + said + b"\x04\x04>"


def whole(data: bytes) -> Iterator[bytes]:
    yield data


def one_by_one(data: bytes) -> Iterator[bytes]:
    return (data[at : at + 1] for at in range(len(data)))


SPLITS = pytest.mark.parametrize("split", [whole, one_by_one])
Split = Callable[[bytes], Iterator[bytes]]


def told(greeting: Greeting, data: bytes, split: Split = whole) -> bytes:
    """Give the greeting what the board sends; return what it writes then."""
    for part in split(data):
        greeting.receive(part)
    return greeting.data_to_send()


# ------------------------------------------------------------------------------- the eleven states


@SPLITS
@pytest.mark.parametrize("state", STATES)
def test_attach(state: str, split: Split) -> None:
    """Two writes: 2 round trips."""
    greeting = Greeting(QUESTION, reset=False)
    assert greeting.data_to_send() == b"\x03\x03\n\x01" == ENTER_RAW
    assert told(greeting, STATES[state], split) == ASKED
    assert not greeting.over
    assert greeting.step is GreetingStep.FACTS
    assert told(greeting, answer(), split) == b""
    assert greeting.over
    assert greeting.facts == FACTS


@SPLITS
@pytest.mark.parametrize("state", STATES)
def test_reset(state: str, split: Split) -> None:
    """Three writes: 3 round trips. The Ctrl-D stands alone behind a banner: a soft reset."""
    greeting = Greeting(QUESTION, reset=True)
    assert greeting.data_to_send() == ENTER_RAW
    assert told(greeting, STATES[state], split) == b"\x04"
    assert greeting.step is GreetingStep.REBOOT
    assert told(greeting, REBOOTED, split) == ASKED
    assert told(greeting, answer(), split) == b""
    assert greeting.step is GreetingStep.DONE
    assert greeting.facts == FACTS


def test_a_stale_banner_changes_nothing() -> None:
    # Left over from another program: the real one comes behind it, before the reset.
    greeting = Greeting(QUESTION, reset=True)
    greeting.data_to_send()
    assert told(greeting, RAW) == b"\x04"
    assert told(greeting, STATES["idle"]) == b""
    assert told(greeting, REBOOTED) == ASKED


def test_boot_py_prints_and_takes_its_time() -> None:
    greeting = Greeting(QUESTION, reset=True)
    greeting.data_to_send()
    told(greeting, STATES["idle"])
    assert greeting.patience == 3.0
    assert told(greeting, b"OK\r\nMPY: soft reboot\r\nconnecting to Wi-Fi ...\r\n") == b""
    assert greeting.patience == 15.0
    assert told(greeting, b"connected\r\n" + RAW) == ASKED


def test_circuitpython_says_it_in_other_words() -> None:
    greeting = Greeting(QUESTION, reset=True)
    greeting.data_to_send()
    told(
        greeting, b"\r\nAdafruit CircuitPython 9.2.4 on 2025-02-01; Raspberry Pi Pico\r\n>>> " + RAW
    )
    assert told(greeting, b"OK\r\nsoft reboot\r\n\r\n" + RAW) == ASKED
    text = "circuitpython|9.2.4|RP2040|518|Raspberry Pi Pico with rp2040|10010001|140000"
    told(greeting, answer(text, line_end=b"\r\n", binary=b""))
    facts = greeting.facts
    assert facts is not None
    assert facts.name == "circuitpython"
    assert facts.version == (9, 2, 4)
    assert facts.platform == "RP2040"
    assert facts.mpy == 518
    assert facts.free == 140_000
    assert (facts.crc32, facts.binary, facts.compile, facts.stdin) == (True, False, True, True)
    assert facts.cooked_text
    assert not facts.cooked_binary


# ------------------------------------------------------------------------------------------ facts


@pytest.mark.parametrize(
    ("line_end", "binary", "cooked_text", "cooked_binary"),
    [
        (b"\n", b"|\n|", False, False),
        (b"\r\n", b"|\n|", True, False),
        (b"\r\n", b"|\r\n|", True, True),
        (b"\r\r\n", b"|\r\r\n|", True, True),
        (b"\n", b"", False, False),
    ],
)
def test_what_the_board_does_to_line_ends(
    line_end: bytes, binary: bytes, cooked_text: bool, cooked_binary: bool
) -> None:
    greeting = Greeting(QUESTION, reset=False)
    told(greeting, RAW)
    told(greeting, answer(line_end=line_end, binary=binary))
    assert greeting.facts is not None
    assert greeting.facts.cooked_text is cooked_text
    assert greeting.facts.cooked_binary is cooked_binary


@pytest.mark.parametrize("bit", range(8))
def test_each_capability_has_its_bit(bit: int) -> None:
    names = ("crc32", "binary", "deflate", "compile", "thread", "native", "viper", "stdin")
    bits = "".join("1" if at == bit else "0" for at in range(8))
    greeting = Greeting(QUESTION, reset=False)
    told(greeting, RAW)
    told(greeting, answer(f"micropython|1.29.0.preview.²|rp2|0||{bits}|0"))
    facts = greeting.facts
    assert facts is not None
    assert facts.version == (1, 29, 0)
    assert [name for name in names if getattr(facts, name)] == [names[bit]]


DAMAGED = {
    "the sum is wrong": answer(checksum=1),
    "a field is missing": answer("micropython|1.27.0|rp2|262|11110001|1000"),
    "a field too many": answer("micropython|1.27.0|rp2|262|a|b|11110001|1000"),
    "a bit is missing": answer("micropython|1.27.0|rp2|262||1111000|1000"),
    "no number of bytes": answer("micropython|1.27.0|rp2|262||11110001|-1"),
    "no number at all": answer("micropython|1.27.0|rp2|||11110001|x1"),
    "an exception": b"OK\x04" + INTERRUPTED + b"\x04>",
}


@SPLITS
@pytest.mark.parametrize("reply", DAMAGED.values(), ids=DAMAGED.keys())
def test_damaged_facts_are_asked_for_again(reply: bytes, split: Split) -> None:
    greeting = Greeting(QUESTION, reset=False)
    greeting.data_to_send()
    told(greeting, RAW)
    assert told(greeting, reply, split) == ASKED
    assert greeting.facts is None
    assert told(greeting, answer(), split) == b""
    assert greeting.facts == FACTS


@pytest.mark.parametrize("reply", DAMAGED.values(), ids=DAMAGED.keys())
def test_but_not_for_ever(reply: bytes) -> None:
    greeting = Greeting(QUESTION, reset=False)
    greeting.data_to_send()
    told(greeting, RAW)
    asked = 0
    while not greeting.over:
        asked += told(greeting, reply).count(QUESTION)
        assert asked < 20
    assert greeting.step is GreetingStep.FAILED
    assert greeting.facts is None


def test_every_damaged_byte_of_the_facts_is_noticed_or_harmless() -> None:
    reply = answer()
    for at in range(len(reply)):
        for wrong in (
            reply[:at] + reply[at + 1 :],
            reply[: at + 1] + reply[at:],
            reply[:at] + bytes((reply[at] ^ 0x10,)) + reply[at + 1 :],
        ):
            greeting = Greeting(QUESTION, reset=False)
            told(greeting, RAW)
            told(greeting, wrong)
            if greeting.facts is None:  # asked again at once, or after a silence
                greeting.silence()
                assert QUESTION in greeting.data_to_send()
                told(greeting, RAW + answer())
            facts = greeting.facts
            assert facts is not None
            assert (facts.name, facts.free, facts.version) == (
                "micropython",
                134_000_000,
                (1, 27, 0),
            )


def test_the_echo_of_the_question_is_no_answer() -> None:
    # A friendly REPL echoes; the mark is put together on the board, so it is not in the question.
    greeting = Greeting(b'print("<%s" % "!", 5, "!>")', reset=False)
    told(greeting, RAW)
    assert told(greeting, b'print("<%s" % "!", 5, "!>")\r\n') == b""
    assert not greeting.over


# ------------------------------------------------------------------------------------- lost bytes


def test_a_silent_board_is_asked_again_ever_more_patiently() -> None:
    greeting = Greeting(QUESTION, reset=False)
    greeting.data_to_send()
    waits = []
    for _ in range(8):
        waits.append(greeting.patience)
        greeting.silence()
        assert greeting.data_to_send() == ENTER_RAW
    assert waits == sorted(waits)
    assert waits[0] == 0.4
    assert waits[-1] == 2.0


def test_the_driver_may_be_more_patient() -> None:
    greeting = Greeting(QUESTION, reset=True, patience=5.0)
    greeting.silence()
    assert greeting.patience == 5.0
    told(greeting, RAW)
    assert greeting.patience == 5.0


def test_a_lost_question_is_asked_again() -> None:
    greeting = Greeting(QUESTION, reset=False)
    greeting.data_to_send()
    told(greeting, RAW)
    for _ in range(3):
        greeting.silence()
        # The line is cleared first: half of the question may stand in it. No lone Ctrl-D.
        assert greeting.data_to_send() == b"\n\x01" + ASKED == ASK_AGAIN + ASKED
    assert told(greeting, RAW * 2 + answer()) == ASK_AGAIN  # the third was lost
    assert greeting.facts == FACTS
    assert not greeting.over
    told(greeting, RAW)
    assert not greeting.over
    greeting.silence()
    assert greeting.over


@SPLITS
def test_a_late_answer_is_not_left_for_the_first_request(split: Split) -> None:
    """Only slow, not lost: both questions are answered, in order."""
    greeting = Greeting(QUESTION, reset=False)
    greeting.data_to_send()
    told(greeting, RAW)
    greeting.silence()
    assert greeting.data_to_send() == ASK_AGAIN + ASKED
    assert told(greeting, answer(), split) == ASK_AGAIN
    assert greeting.step is GreetingStep.LATE
    assert greeting.patience == 0.4
    assert told(greeting, RAW + answer(), split) == b""
    assert not greeting.over
    assert told(greeting, RAW, split) == b""
    assert greeting.step is GreetingStep.DONE


def test_a_damaged_answer_and_a_late_one() -> None:
    greeting = Greeting(QUESTION, reset=False)
    greeting.data_to_send()
    told(greeting, RAW)
    greeting.silence()
    greeting.data_to_send()
    assert told(greeting, DAMAGED["the sum is wrong"] + RAW) == ASKED
    assert told(greeting, answer()) == b""
    assert greeting.over


def test_a_board_that_prints_all_the_time_is_not_waited_for() -> None:
    greeting = Greeting(QUESTION, reset=False)
    told(greeting, RAW)
    greeting.silence()
    told(greeting, answer())
    for _ in range(1000):
        greeting.receive(b"tick\n")
    assert greeting.over
    assert greeting.facts == FACTS


def test_a_lost_reset_is_asked_for_again() -> None:
    greeting = Greeting(QUESTION, reset=True)
    greeting.data_to_send()
    assert told(greeting, STATES["idle"]) == b"\x04"
    greeting.silence()
    assert greeting.step is GreetingStep.BANNER
    assert greeting.data_to_send() == ENTER_RAW
    assert told(greeting, RAW) == b"\x04"
    assert told(greeting, REBOOTED) == ASKED


def test_a_silent_boot_py_is_interrupted_but_not_started_again() -> None:
    greeting = Greeting(QUESTION, reset=True)
    greeting.data_to_send()
    told(greeting, STATES["idle"])
    told(greeting, b"OK\r\nMPY: soft reboot\r\n")
    greeting.silence()
    assert greeting.data_to_send() == ENTER_RAW
    assert told(greeting, INTERRUPTED + RAW) == ASKED


def test_a_silence_when_all_is_over_means_nothing() -> None:
    greeting = Greeting(QUESTION, reset=False)
    greeting.data_to_send()
    told(greeting, RAW)
    told(greeting, answer())
    greeting.silence()
    assert greeting.data_to_send() == b""
    assert told(greeting, b"late") == b""
    assert greeting.facts == FACTS


# --------------------------------------------------------------------------------------- verdicts


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (b"", GreetingFailure.SILENT),
        (b"$GPGGA,123519,4807.038,N,01131.000,E*47\r\n", GreetingFailure.NOT_PYTHON),
        (b"AT\r\nERROR\r\n", GreetingFailure.NOT_PYTHON),
        (bytes(range(256)), GreetingFailure.NOT_PYTHON),
        (b"tick\r\n" * 2000, GreetingFailure.NOT_PYTHON),
        (b"tick\r\n" + INTERRUPTED, GreetingFailure.BUSY),
        (b"tick\r\n" + INTERRUPTED + b"tick\r\n" * 500, GreetingFailure.BUSY),
        (b"\r\n>>> ", GreetingFailure.BUSY),
        (FRIENDLY, GreetingFailure.BUSY),
        (RAW, GreetingFailure.BUSY),
        (RAW + b"tick\r\n" * 3000, GreetingFailure.BUSY),
    ],
)
def test_what_is_at_the_other_end(seen: bytes, verdict: GreetingFailure) -> None:
    greeting = Greeting(QUESTION, reset=False)
    for chunk in (seen[at : at + 1000] for at in range(0, len(seen), 1000)):
        greeting.receive(chunk)
    assert greeting.verdict() is verdict


def test_a_board_that_does_not_come_back_from_a_reset_is_busy() -> None:
    greeting = Greeting(QUESTION, reset=True)
    told(greeting, STATES["idle"])
    assert greeting.verdict() is GreetingFailure.BUSY


def test_what_was_seen_is_kept_but_not_all_of_it() -> None:
    greeting = Greeting(QUESTION, reset=False)
    for _ in range(100):
        greeting.receive(b"x" * 1000)
    assert 4000 < len(greeting.before) < 10_000


# ------------------------------------------------------------------------------------------- noise


def test_random_bytes_in_every_state() -> None:
    draw = random.Random(4)
    words = [RAW, REBOOTED, answer(), PROMPT, INTERRUPTED, b"\x04", b"\x04>", b"<! ", b" !>\n"]
    words += [b"OK", *DAMAGED.values(), b"|", b"soft reboot\r\n"]
    for round_ in range(300):
        greeting = Greeting(QUESTION, reset=bool(round_ % 2))
        for _ in range(20):
            word = draw.choice(words)
            greeting.receive(draw.choice([draw.randbytes(30), word, word[: draw.randrange(20)]]))
            if draw.random() < 0.3:
                greeting.silence()
            greeting.data_to_send()
            assert isinstance(greeting.verdict(), GreetingFailure)
            assert 0 < greeting.patience <= 15
        assert greeting.facts is None or greeting.facts.name == "micropython"


@pytest.mark.parametrize("part", [b"<! 1 ", b"<! ", b"\x04a", b"exit\r\r\r", b"soft reboot\r"])
def test_no_answer_takes_long_to_look_at(part: bytes) -> None:
    greeting = Greeting(QUESTION, reset=False)
    told(greeting, RAW)
    began = time.process_time()
    greeting.receive(part * 20_000)
    assert time.process_time() - began < 5  # without a bound, minutes
