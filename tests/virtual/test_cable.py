# SPDX-License-Identifier: Apache-2.0
"""The cable by itself: a line at the far end of it, and no board."""

from __future__ import annotations

import os
import socket
import threading
import time

import pytest

from belay.virtual.cable import Cable, Shape
from belay.virtual.lines import Line


class SocketLine(Line):
    """A line whose other end the test holds."""

    def __init__(self) -> None:
        super().__init__()
        self.plug(None)

    def plug(self, connection: socket.socket | None) -> None:
        self._ours, self.far = socket.socketpair()
        self._ours.setblocking(False)
        self._poller.watch(self._ours.fileno())

    def unplug(self) -> None:
        self._poller.forget(self._ours.fileno())
        self._ours.close()

    def _receive(self, ready: set[int]) -> bytes:
        return self._ours.recv(1 << 16) if self._ours.fileno() in ready else b""

    def _send_descriptor(self) -> int | None:
        return self._ours.fileno()

    def send(self, data: bytes) -> int:
        try:
            return self._ours.send(data)
        except BlockingIOError:
            return 0

    def finish(self) -> None:
        for each in (self._ours, self.far, self._woken, self._waker):
            each.close()


@pytest.fixture
def line() -> SocketLine:  # type: ignore[misc]
    line = SocketLine()
    yield line  # type: ignore[misc]
    line.finish()


def receive(cable: Cable, count: int, seconds: float = 10) -> bytes:
    """What comes through the cable to the board: so many bytes, or what came in the time."""
    data, end = b"", time.monotonic() + seconds
    while len(data) < count and (left := end - time.monotonic()) > 0:
        data += cable.wait(left)
    return data


def send(cable: Cable, data: bytes) -> None:
    while data:
        data = data[cable.send(data) :]
        if data:
            cable.wait(1, True)


def test_without_faults_it_is_the_line_itself(line: SocketLine) -> None:
    cable = Cable(line)
    assert (cable.wait, cable.send) == (line.wait, line.send)
    cable.shape = Shape(baud=9600)
    assert cable.wait != line.wait
    cable.shape = Shape()
    assert (cable.wait, cable.send) == (line.wait, line.send)
    cable.freeze(time.monotonic() + 60)
    assert cable.frozen
    cable.freeze(0)
    assert (cable.wait, cable.frozen) == (line.wait, False)


def test_a_line_rate_holds_both_ways(line: SocketLine) -> None:
    cable = Cable(line)
    cable.shape = Shape(baud=20_000)
    data = os.urandom(200)
    start = time.monotonic()
    line.far.sendall(data)
    assert receive(cable, 200) == data
    assert time.monotonic() - start >= 0.095
    start = time.monotonic()
    send(cable, data * 3)
    while cable.send != line.send and cable._down.size:
        cable.wait(0.01)
    assert time.monotonic() - start >= 0.29
    assert line.far.recv(1000, socket.MSG_WAITALL | socket.MSG_DONTWAIT) == data * 3


def test_a_print_is_held_up_by_a_slow_line_and_not_by_a_far_one(line: SocketLine) -> None:
    cable = Cable(line)
    cable.shape = Shape(baud=9600)
    assert cable.send(bytes(5000)) == 256
    assert cable.send(bytes(5000)) < 256
    cable.shape = Shape(delay=0.01)
    assert cable.send(bytes(5000)) == 5000


def test_a_delay_costs_time_and_no_throughput(line: SocketLine) -> None:
    cable = Cable(line)
    cable.shape = Shape(delay=0.1)
    start = time.monotonic()
    for _ in range(20):
        line.far.sendall(b"x" * 1000)
        cable.wait(0)
    assert receive(cable, 20_000) == b"x" * 20_000
    assert 0.09 <= time.monotonic() - start < 2


def test_the_same_seed_loses_the_same_bytes(line: SocketLine) -> None:
    def through(seed: int | None) -> bytes:
        cable = Cable(line, seed)
        cable.shape = Shape(loss=0.05)
        line.far.sendall(bytes(range(250)) * 4)
        data = b""
        while len(data) + cable.lost[0] < 1000:
            data += cable.wait(5)
        assert len(data) == 1000 - cable.lost[0]
        assert 10 < cable.lost[0] < 120
        return data

    assert through(1) == through(1) != through(2)
    assert through(None) != through(None)


def test_the_next_bytes_are_dropped_and_no_more(line: SocketLine) -> None:
    cable = Cable(line)
    cable.drop(3, 2)
    line.far.sendall(b"0123456")
    assert receive(cable, 4) == b"3456"
    send(cable, b"abcdef")
    assert line.far.recv(100) == b"cdef"
    assert cable.lost == (3, 2)
    cable.wait(0)
    send(cable, b"g")
    assert cable.send == line.send  # it is ordinary again


def test_all_lost_is_nothing(line: SocketLine) -> None:
    cable = Cable(line)
    cable.shape = Shape(loss=1)
    line.far.sendall(b"abc")
    assert receive(cable, 1, 0.1) == b""
    assert cable.lost == (3, 0)


def test_nothing_passes_while_it_is_frozen(line: SocketLine) -> None:
    cable = Cable(line)
    start = time.monotonic()
    cable.freeze(start + 0.2)
    line.far.sendall(b"early")
    assert cable.send(b"x") == 0
    assert receive(cable, 5) == b"early"
    assert time.monotonic() - start >= 0.2
    assert cable.send(b"x") == 1


def test_waking_ends_every_wait(line: SocketLine) -> None:
    cable = Cable(line)
    for fault in (lambda: setattr(cable, "shape", Shape(delay=1)), lambda: cable.freeze(1e18)):
        fault()
        threading.Timer(0.05, cable.wake).start()
        start = time.monotonic()
        assert cable.wait(30) == b""  # woken by the fault itself
        assert cable.wait(30) == b""
        assert time.monotonic() - start < 10


def test_the_plug(line: SocketLine) -> None:
    cable = Cable(line)
    over = threading.Event()
    heard: list[bytes] = []

    def board() -> None:
        while not over.is_set():
            heard.append(cable.wait(1))

    thread = threading.Thread(target=board)
    thread.start()
    far = line.far
    cable.pull()
    assert not cable.plugged
    assert far.recv(10) == b""
    far.close()
    assert cable.send(b"nobody hears it") == 15
    cable.insert()
    assert cable.plugged
    line.far.sendall(b"again")
    while b"again" not in heard:
        time.sleep(0.001)
    over.set()
    cable.wake()
    thread.join()


def test_a_line_that_cannot_be_pulled_says_so(line: SocketLine) -> None:
    def refuse() -> None:
        raise OSError("not here")

    line.unplug = refuse  # type: ignore[method-assign]
    cable = Cable(line)
    thread = threading.Thread(target=lambda: [cable.wait(10), cable.wait(0.1)])
    thread.start()
    with pytest.raises(OSError, match="not here"):
        cable.pull()
    thread.join()
    assert cable.plugged


@pytest.mark.parametrize(
    ("shape", "says"),
    [
        ({"baud": 0}, "baud 0"),
        ({"baud": -1}, "line rate"),
        ({"baud": float("nan")}, "baud nan"),
        ({"delay": -1}, "delay -1"),
        ({"delay": 61}, "0 to 60"),
        ({"loss": 1.1}, "a chance"),
        ({"loss": float("nan")}, "loss nan"),
    ],
)
def test_shapes_that_make_no_sense(shape: dict[str, float], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Shape(**shape)


def test_no_wake_is_lost_among_bytes_on_their_way(line: SocketLine) -> None:
    cable = Cable(line)
    cable.shape = Shape(delay=0.0005)
    over = threading.Event()
    waits = 0

    def board() -> None:
        nonlocal waits
        while not over.is_set():
            cable.send(b"x")
            cable.wait(30)
            waits += 1

    thread = threading.Thread(target=board)
    thread.start()
    for count in range(1, 200):
        while waits < count:
            time.sleep(0.0001)
            cable.wake()
    over.set()
    cable.wake()
    thread.join(20)
    assert not thread.is_alive()
