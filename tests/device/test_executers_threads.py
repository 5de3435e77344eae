# SPDX-License-Identifier: Apache-2.0
"""``device.thread``, on a board that has threads and on one that has none."""

# ruff: noqa: F841, N805
# Functions of the board use its names, and take no self.

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

import belay
from belay import Device
from belay.transports import Transport

Connect = Callable[..., Device]


class Counter(Device, skip=True):
    @Device.setup(autoinit=True)
    def prepare():
        total = 0

    @Device.thread(minify=False)
    def count(n, *, step=1):
        global total
        for _ in range(n):
            total += step

    @Device.task
    def read():
        return total


def wait_for(read: Callable[[], int], value: int) -> None:
    deadline = time.monotonic() + 20
    while read() != value:
        assert time.monotonic() < deadline


@pytest.fixture
def threaded(unix_port: Callable[..., Transport]) -> Iterator[Counter]:
    with Counter(unix_port(), reset=False) as device:
        yield device


def test_a_thread_of_a_class(threaded: Counter) -> None:
    assert threaded.count(3) is None
    wait_for(threaded.read, 3)
    threaded.thread.count(2, step=5)
    wait_for(threaded.read, 13)


def test_a_thread_of_an_instance(threaded: Counter) -> None:
    @threaded.thread
    def add(x, y=1):
        global total
        total += x + y

    add(1, y=2)
    wait_for(threaded.read, 3)
    threaded.thread.add(4)
    wait_for(threaded.read, 8)


def test_generators_are_no_threads(threaded: Counter) -> None:
    with pytest.raises(ValueError, match="cannot be a generator"):

        @threaded.thread
        def generator():
            yield 1


def test_a_board_without_threads(connect: Connect) -> None:
    device = connect()
    with pytest.raises(belay.FeatureUnavailableError, match="_thread"):

        @device.thread
        def blink():
            pass


def test_a_class_with_a_thread_on_a_board_without() -> None:
    with Counter("virtual:") as device:
        with pytest.raises(belay.FeatureUnavailableError, match="has no threads"):
            device.count(3)
        assert device("count(2)") is None  # an ordinary function, all the same
        assert device.read() == 2
