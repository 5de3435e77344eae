# SPDX-License-Identifier: Apache-2.0
"""The links of the tests do what the fault tables and the counters rely on."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import pytest

from belay.errors import ConnectionLost
from belay.transports import Transport, open_transport
from tests.links import CountingLink, FaultyLink
from tests.links.faulty import Direction, Kind
from tests.links.proxy import Proxy

SOON = 30.0


@pytest.fixture
def echo() -> Iterator[Transport]:
    transport = open_transport("exec:cat")
    yield transport
    transport.close()


def receive(transport: Transport, count: int) -> bytes:
    data = b""
    while len(data) < count:
        assert transport.wait(SOON), data
        data += transport.read()
    return data


def test_counting(echo: Transport) -> None:
    link = CountingLink(echo, keep=True)
    link.write(b"ab")
    link.write(b"c")  # the board has not spoken: the same round trip
    assert receive(link, 3) == b"abc"
    link.write(b"de")
    assert receive(link, 2) == b"de"
    assert (link.up, link.down, link.round_trips, link.writes) == (5, 5, 2, 3)
    assert bytes(link.sent) == bytes(link.received) == b"abcde"
    link.reset()
    assert (link.up, link.down, link.round_trips) == (0, 0, 0)
    link.write(b"f")
    assert receive(link, 1) == b"f"
    assert link.round_trips == 1


@pytest.mark.parametrize("direction", ["up", "down"])
@pytest.mark.parametrize(
    ("kind", "mask", "expected"),
    [
        ("drop", 1, b"abdef"),
        ("flip", 0x01, b"abbdef"),
        ("flip", 0x80, b"ab\xe3def"),
        ("double", 1, b"abccdef"),
    ],
)
def test_a_fault_strikes_its_byte_once(
    echo: Transport, direction: Direction, kind: Kind, mask: int, expected: bytes
) -> None:
    link = FaultyLink(echo)
    link.write(b"before")
    assert receive(link, 6) == b"before"
    link.arm(direction, 2, kind, mask=mask)
    for piece in (b"a", b"bcd", b"ef"):  # the cut into pieces does not matter
        link.write(piece)
    assert receive(link, len(expected)) == expected
    assert link.hits(direction) == [(kind, 8)]
    link.write(b"abcdef")
    assert receive(link, 6) == b"abcdef"


@pytest.mark.parametrize("direction", ["up", "down"])
def test_a_cut_delivers_what_is_before_it(echo: Transport, direction: Direction) -> None:
    link = FaultyLink(echo)
    link.arm(direction, 3, "cut")
    if direction == "up":
        with pytest.raises(ConnectionLost):
            link.write(b"abcdef")
        echo.wait(0)  # the cut woke whoever was waiting
        assert receive(echo, 3) == b"abc"
    else:
        link.write(b"abcdef")
        assert receive(link, 3) == b"abc"
    assert link.wait(None) is True
    with pytest.raises(ConnectionLost):
        link.read()
    with pytest.raises(ConnectionLost):
        link.write(b"x")


def test_random_faults_are_the_same_for_the_same_seed() -> None:
    data = random.Random(5).randbytes(20_000)
    outcomes = []
    for step in (1000, 77):
        link = FaultyLink(open_transport("loop://"), seed=9, up_rate=0.002)
        for start in range(0, len(data), step):
            link.write(data[start : start + step])
        outcomes.append(link.hits("up"))
        link.close()
    assert outcomes[0] == outcomes[1]
    assert 15 < len(outcomes[0]) < 80
    assert {kind for kind, _ in outcomes[0]} == {"drop", "flip", "double"}


def test_disarmed_links_pass_everything(echo: Transport) -> None:
    link = FaultyLink(echo, up_rate=1.0)
    link.arm("down", 0, "cut")
    link.disarm()
    link.write(b"abc")
    assert receive(link, 3) == b"abc"
    link.set_rate(down=1.0)
    link.write(b"x" * 100)
    assert echo.wait(SOON)
    link.read()
    assert link.hits("down")
    assert link.passed("up") == 103


@pytest.mark.parametrize("pty", [True, False])
def test_the_proxy_counts_and_delays(pty: bool) -> None:
    with Proxy("exec:cat", pty=pty, rate=20_000, delay=0.01) as proxy:
        transport = open_transport(proxy.address)
        start = time.monotonic()
        for number in range(3):
            transport.write(b"x" * 100)
            assert receive(transport, 100) == b"x" * 100
            assert time.monotonic() - start >= (number + 1) * (2 * 0.01 + 0.005)
        assert proxy.stats(reset=True) == {"up": 300, "down": 300, "round_trips": 3}
        start = time.monotonic()
        transport.write(b"y" * 10_000)  # the delay is added once, not for every step
        assert receive(transport, 10_000) == b"y" * 10_000
        assert time.monotonic() - start >= 0.5
        counted = proxy.stats()
        assert (counted["up"], counted["down"]) == (10_000, 10_000)
        transport.close()


def test_a_second_client_of_the_proxy() -> None:
    with Proxy("exec:cat", pty=False) as proxy:
        for _ in range(2):
            transport = open_transport(proxy.address)
            transport.write(b"hello")
            assert receive(transport, 5) == b"hello"
            transport.close()
