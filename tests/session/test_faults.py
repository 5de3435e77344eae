# SPDX-License-Identifier: Apache-2.0
"""Every byte of a call lost, doubled, damaged or the last one: the right answer once, or a typed
error; the session usable afterwards; and the function never run twice."""

from __future__ import annotations

import contextlib
import random
from typing import Any

import pytest

from belay import errors
from belay.session.session import Session
from belay.transports import open_transport
from tests.links.faulty import FaultyLink
from tests.session.boards import HASTY, faulty, fresh_name, open_session, pretend

# Quotes, hash, brackets, a B (one bit from Ctrl-B) and a digit behind an escape: what could turn
# payload text into code if the literal were not safe.
ARGUMENT = "5 BB\"#);(\x031'"
COUNTING = (
    "n = 0\ndef f(a):\n    global n\n    n += 1\n    print('p')\n    return a, n, '#);(\"b'\n"
)

DIRECTIONS = ("up", "down")


def size_of_a_call(session: Session, link: FaultyLink) -> dict[str, int]:
    """Bytes that one call takes in each direction."""
    before = {way: link.passed(way) for way in DIRECTIONS}
    session.call("f", (ARGUMENT,), {})
    session.call("f", (ARGUMENT,), {})
    return {way: (link.passed(way) - before[way]) // 2 + 2 for way in DIRECTIONS}


def run_with_fault(session: Session, link: FaultyLink, fault: tuple[Any, ...], count: int) -> int:
    """One call with one fault; returns how often the function has run since it was defined."""
    direction, position, kind, mask = fault
    link.arm(direction, position, kind, mask=mask)
    got = bytearray()
    answer = session.call("f", (ARGUMENT,), {}, output=got.extend, timeout=20)
    assert answer == (ARGUMENT, count + 1, '#);("b'), fault
    if direction == "up":
        assert bytes(got) == b"p\n", fault
    link.disarm()
    return count + 1


def every_fault(options: str, bits: tuple[int, ...]) -> int:
    session, link = faulty(fresh_name() + options)
    session.execute(COUNTING, "t")
    size = size_of_a_call(session, link)
    count = session.evaluate("n")
    cases = [
        (way, position, kind, mask)
        for way in DIRECTIONS
        for position in range(size[way])
        for kind, mask in [("drop", 0), ("double", 0), *(("flip", 1 << bit) for bit in bits)]
    ]
    for case in cases:
        count = run_with_fault(session, link, case, count)
    assert session.evaluate("n") == count
    assert session.counters.interrupts == 0 or 1 in bits or 6 in bits
    return len(cases)


@pytest.mark.parametrize("options", ["", "?cooked=1"], ids=["raw", "cooked"])
def test_one_damaged_byte_at_every_position(options: str) -> None:
    assert every_fault(options, bits=(0, 6)) > 300


def test_one_damaged_byte_at_every_position_of_a_text_link(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, binary=False)
    assert every_fault("", bits=(3,)) > 250


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("options", ["", "?cooked=1"], ids=["raw", "cooked"])
def test_every_bit_of_every_byte(options: str) -> None:
    assert every_fault(options, bits=tuple(range(8))) > 800


def test_the_link_cut_at_every_byte_of_a_call() -> None:
    address = fresh_name()
    keeper = open_session(address)
    keeper.execute(COUNTING, "t")
    keeper.close()
    session, link = faulty(address)
    size = size_of_a_call(session, link)
    ran = session.evaluate("n")
    for direction in DIRECTIONS:
        for position in range(0, size[direction], 1 if direction == "up" else 3):
            link.arm(direction, position, "cut")
            try:
                answer = session.call("f", (ARGUMENT,), {}, timeout=20)
                link.cut()  # the cut is behind the answer's last byte
            except errors.ConnectionLost as lost:
                answer, told = None, lost.ran
            else:
                told = True
            assert told is not False
            session.close()
            session, link = faulty(address)
            now = session.evaluate("n")
            assert now - ran == 1 if answer else now - ran in (0, 1), (direction, position)
            ran = now
    session.close()


def damaged_calls(calls: int, rate: float, seed: int) -> None:
    """Calls over a link that damages bytes at random, both ways, several at a time too."""
    link = FaultyLink(open_transport(fresh_name()), seed=seed)
    session = open_session(link, silence=HASTY)
    session.execute(COUNTING, "t")
    count = 0
    chance = random.Random(seed)
    link.set_rate(up=rate, down=rate)
    for _ in range(calls):
        argument = [chance.randrange(1 << 40), chance.random(), "x" * chance.randrange(30)]
        answer = session.call("f", (argument,), {}, timeout=30)
        count += 1
        assert answer == (argument, count, '#);("b')
    link.disarm()
    assert session.evaluate("n") == count
    assert session.counters.repeats > 0
    session.close()


@pytest.mark.parametrize("seed", range(2))
def test_random_damage_costs_repetitions_and_nothing_else(seed: int) -> None:
    damaged_calls(150, 0.001, seed)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("rate", [0.0005, 0.002])
@pytest.mark.parametrize("seed", range(10, 14))
def test_much_random_damage(seed: int, rate: float) -> None:
    damaged_calls(2000, rate, seed)


@pytest.mark.parametrize("seed", range(2))
def test_a_large_value_over_a_link_that_damages(seed: int) -> None:
    link = FaultyLink(open_transport("virtual:"), seed=seed)
    session = open_session(link, silence=HASTY)
    session.execute("def f(a): return a", "t")
    value = [{"i": i, "b": bytes([i % 256]) * 20} for i in range(1500)]
    link.set_rate(up=0.00002, down=0.00002)
    assert session.call("f", (value,), {}, timeout=60) == value
    link.disarm()
    session.close()


@pytest.mark.parametrize("seed", range(3))
def test_connecting_over_a_link_that_damages(seed: int) -> None:
    address = fresh_name()
    open_transport(address).close()
    for attempt in range(4):
        link = FaultyLink(
            open_transport(address), seed=seed * 100 + attempt, up_rate=0.0002, down_rate=0.001
        )
        session = open_session(link, silence=0.1, timeout=30)
        link.disarm()
        assert session.evaluate("6 * 7") == 42
        session.close()


def test_what_travels_with_the_agent_runs_once() -> None:
    """The first request is repeated together with the upload, and still not run again."""
    address = fresh_name()
    startup = "n = globals().get('n', 0) + 1"
    open_session(address).close()
    link = FaultyLink(open_transport(address))
    session = open_session(link, startup=startup)
    total = link.passed("down")
    session.close()
    for count, position in enumerate(range(total - 21, total - 3), start=2):
        link = FaultyLink(open_transport(address))
        link.arm("down", total - 24, "drop")  # of the start frame: it is not known to have begun
        link.arm("down", position, "flip", mask=0x20)  # of the answer
        session = open_session(link, silence=HASTY, startup=startup)
        assert session.counters.repeats > 0
        assert session.evaluate("n") == count, position
        session.close()


class NoiseTransport(FaultyLink):
    """A board that talks rubbish instead of answering, from the moment it is told to."""

    noise: random.Random | None = None
    left = 0

    def wait(self, timeout: float | None) -> bool:
        if self.noise is None or self.left <= 0:
            return super().wait(timeout)
        return True

    def read(self) -> bytes:
        if self.noise is None or self.left <= 0:
            return super().read()
        super().read()
        size = min(self.left, self.noise.randrange(1, 400))
        self.left -= size
        nonce: bytes = self.nonce
        chance = self.noise
        parts = [nonce, b"OK", b"\x04\x04>", b"\x04", b">>> ", b"\r\nraw REPL; CTRL-B to exit\r\n>"]
        data = b"".join(
            chance.choice(parts) if chance.random() < 0.2 else chance.randbytes(8)
            for _ in range(size // 8 + 1)
        )
        return data

    nonce = b""


def noisy_calls(total: int) -> None:
    """Random bytes in place of answers: never a crash, a hang or a wrong value."""
    link = NoiseTransport(open_transport(fresh_name()))
    session = open_session(link, silence=0.02)
    session._timing.give_up = 1.0
    session._timing.settle = 0.4
    session.execute("def f(a): return a", "t")
    chance = random.Random(1)
    sent = 0
    while sent < total:
        link.nonce = session._nonce
        link.noise = chance
        link.left = chance.randrange(1, 6000)
        sent += link.left
        argument = chance.randrange(1 << 30)
        with contextlib.suppress(errors.BelayException):  # typed; and the next calls work
            assert session.call("f", (argument,), {}, timeout=2) == argument
        link.noise = None
        assert session.evaluate("6 * 7", timeout=20) == 42
    assert session.call("f", (1,), {}) == 1
    session.close()


def test_random_bytes_from_the_board_are_survived() -> None:
    noisy_calls(30_000)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_a_hundred_thousand_random_bytes_are_survived() -> None:
    noisy_calls(100_000)


QUESTION = "the board was asked for it again"


def test_a_question_that_a_program_may_have_read_is_reported_and_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    session, link = faulty(fresh_name())
    with pytest.raises(errors.BoardResetError):
        session.execute("import sys; sys.exit()", "t")
    session.evaluate("1")
    assert QUESTION not in caplog.text
    session.evaluate("1")
    link.arm("down", 30, "flip")  # in the answer frame
    assert session.evaluate("'x' * 50") == "x" * 50
    assert QUESTION in caplog.text
