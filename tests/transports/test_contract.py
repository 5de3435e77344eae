# SPDX-License-Identifier: Apache-2.0
"""What every transport promises (`belay.transports.base`), over every kind of link."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from belay.errors import ConnectionLost, DeviceClosedError
from belay.transports import Transport
from tests.transports.far_ends import KINDS, EchoingLink

# A bound for things that must not block: generous, since the machine may be busy.
SOON = 30.0

SLOW = ("rfc2217", "loop", "spy", "webrepl")
"""Kinds that take their time for a megabyte."""


@pytest.fixture(params=list(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def link(kind: str) -> Iterator[EchoingLink]:
    link = KINDS[kind]()
    yield link
    link.transport.close()
    link.finish()


@pytest.fixture
def transport(link: EchoingLink) -> Transport:
    return link.transport


def receive(transport: Transport, count: int) -> bytes:
    """Exactly so many bytes, or a failure."""
    data = b""
    end = time.monotonic() + SOON
    while len(data) < count:
        assert transport.wait(max(end - time.monotonic(), 0)), f"{len(data)} of {count} bytes"
        data += transport.read()
    return data


def write_for_ever(transport: Transport) -> None:
    while True:
        transport.write(b"x" * 1000)


def after(seconds: float, action: Callable[[], object]) -> threading.Thread:
    timer = threading.Timer(seconds, action)
    timer.start()
    return timer


def test_every_byte_value_passes_both_ways(transport: Transport) -> None:
    everything = bytes(range(256)) * 4
    transport.write(everything)
    assert receive(transport, len(everything)) == everything
    assert transport.read() == b""


def test_megabytes_both_ways_at_once_do_not_deadlock(kind: str, transport: Transport) -> None:
    # The far end echoes while we still write and do not read: every buffer on the way is full.
    size = 30_000 if kind in SLOW else 1_000_000
    data = random.Random(0).randbytes(size)
    transport.write(data)
    assert receive(transport, size) == data


def test_one_thread_writes_while_another_reads(kind: str, transport: Transport) -> None:
    size = 20_000 if kind in SLOW else 500_000
    data = random.Random(1).randbytes(size)
    writer = threading.Thread(target=transport.write, args=(data,))
    writer.start()
    assert receive(transport, size) == data
    writer.join(SOON)
    assert not writer.is_alive()


def test_writes_of_several_threads_stay_whole(kind: str, transport: Transport) -> None:
    size = 500 if kind in SLOW else 9_000
    blocks = [bytes([65 + number]) * size for number in range(4)]

    def send(block: bytes) -> None:
        for _ in range(5):
            transport.write(block)

    threads = [threading.Thread(target=send, args=(block,)) for block in blocks]
    for thread in threads:
        thread.start()
    data = receive(transport, 20 * size)
    for thread in threads:
        thread.join(SOON)
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    assert sorted(pieces) == sorted(blocks * 5)


def test_wait_returns_at_its_timeout_and_not_before(transport: Transport) -> None:
    for timeout in (0.0, 0.001, 0.04, -1):
        start = time.monotonic()
        assert transport.wait(timeout) is False
        assert timeout <= time.monotonic() - start < SOON


def test_wait_sees_what_came_before_it(transport: Transport) -> None:
    transport.write(b"x")
    assert transport.wait(SOON) is True
    assert transport.wait(None) is True
    assert transport.wait(0) is True
    assert transport.read() == b"x"
    assert transport.wait(0) is False


def test_wake_ends_a_wait_from_another_thread(transport: Transport) -> None:
    for timeout in (None, SOON, 1e9):
        waker = after(0.02, transport.wake)
        assert transport.wait(timeout) is False
        waker.join()


def test_wake_ends_the_next_wait_once(transport: Transport) -> None:
    transport.wake()
    transport.wake()
    assert transport.wait(SOON) is False
    start = time.monotonic()
    assert transport.wait(0.02) is False
    assert time.monotonic() - start >= 0.02


def test_wake_from_a_signal_handler(transport: Transport) -> None:
    main = threading.get_ident()
    before = signal.signal(signal.SIGUSR1, lambda number, frame: transport.wake())
    try:
        sender = after(0.02, lambda: signal.pthread_kill(main, signal.SIGUSR1))
        assert transport.wait(None) is False
        sender.join()
    finally:
        signal.signal(signal.SIGUSR1, before)


class Interrupted(Exception):
    """As KeyboardInterrupt, for tests."""


def test_an_exception_out_of_wait_costs_no_byte(transport: Transport) -> None:
    # As the session does: a handler may raise inside wait(), and only there.
    main = threading.get_ident()
    waiting = False
    interrupts = 0

    def handler(number: int, frame: object) -> None:
        if waiting:
            raise Interrupted

    before = signal.signal(signal.SIGUSR1, handler)
    done = threading.Event()
    moments = random.Random(2)

    def disturb() -> None:
        while not done.wait(moments.uniform(0, 0.002)):
            signal.pthread_kill(main, signal.SIGUSR1)

    disturber = threading.Thread(target=disturb)
    disturber.start()
    try:
        for number in range(150):
            message = b"message %06d" % number
            transport.write(message)
            data = b""
            while len(data) < len(message):
                try:
                    waiting = True
                    try:
                        transport.wait(SOON)
                    finally:
                        waiting = False
                except Interrupted:
                    interrupts += 1
                    continue
                data += transport.read()
            assert data == message
        while not interrupts:  # an idle wait meets one for certain
            try:
                waiting = True
                transport.wait(SOON)
            except Interrupted:
                interrupts += 1
            finally:
                waiting = False
    finally:
        done.set()
        disturber.join()
        signal.signal(signal.SIGUSR1, before)


def test_everything_after_close_says_closed(transport: Transport) -> None:
    transport.write(b"unread")
    transport.wait(SOON)
    transport.close()
    transport.close()
    for call in (
        lambda: transport.wait(0),
        lambda: transport.wait(None),
        transport.read,
        lambda: transport.write(b"x"),
        transport.drop_output,
    ):
        with pytest.raises(DeviceClosedError, match="closed"):
            call()
    transport.wake()


def test_close_ends_the_wait_of_another_thread(transport: Transport) -> None:
    ended = []

    def wait() -> None:
        try:
            while True:
                transport.wait(None)
                transport.read()
        except DeviceClosedError as error:
            ended.append(error)

    waiter = threading.Thread(target=wait)
    waiter.start()
    transport.write(b"x")
    transport.close()
    waiter.join(SOON)
    assert ended


def test_close_gives_everything_back(kind: str) -> None:
    KINDS["exec"]().transport.close()  # imports happen here, not in the count
    before = set(os.listdir("/proc/self/fd"))
    link = KINDS[kind]()
    link.transport.write(b"x")
    link.transport.close()
    link.finish()
    assert set(os.listdir("/proc/self/fd")) == before


def test_the_end_of_the_link(link: EchoingLink) -> None:
    if link.hang_up is None:
        pytest.skip("has no far end to hang up")
    link.transport.write(b"x")
    assert receive(link.transport, 1) == b"x"
    link.hang_up()
    with pytest.raises(ConnectionLost, match=r"ended: .+"):
        receive(link.transport, 1)
    for _ in range(2):
        assert link.transport.wait(None) is True
        with pytest.raises(ConnectionLost):
            link.transport.read()
    with pytest.raises(ConnectionLost):
        write_for_ever(link.transport)  # TCP learns of it by the answer to a first write


def test_drop_output_is_always_there(transport: Transport) -> None:
    transport.drop_output()
    transport.write(b"abc")
    assert receive(transport, 3) == b"abc"


def test_the_address_is_known(kind: str, transport: Transport) -> None:
    assert transport.address
    rated = kind in ("serial", "spy", "alt", "rfc2217")
    assert transport.bytes_per_second == (11520 if rated else None)
