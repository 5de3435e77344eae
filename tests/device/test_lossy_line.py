# SPDX-License-Identifier: Apache-2.0
"""Everything a Device does, over a line that loses, damages and doubles bytes: right, and once."""

from __future__ import annotations

import queue

import pytest

import belay
from belay.transports import open_transport
from tests.links.faulty import FaultyLink

RATE = 1 / 1500
"""Faults a byte, both ways: about one in every fifth of the calls below."""

ROUNDS = 12


class Line:
    """A board at the end of such a line. The line is sound while it is connected."""

    def __init__(self, seed: int) -> None:
        self.link = FaultyLink(open_transport("virtual:"), seed=seed)
        self.device = belay.Device(self.link, stdin=lambda: "from the host")
        # The silence before a repetition: what every fault costs here.
        self.device._session._timing.floor = 0.03
        self.device("import belay, sys\nran = []\nclass Box:\n    n = 0\nbox = Box()")
        self.link.set_rate(up=RATE, down=RATE)

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *error: object) -> None:
        self.link.disarm()
        self.device.close()


SEEDS = [1, 2, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(3, 203))]


@pytest.mark.parametrize("seed", SEEDS)
def test_each_thing_is_done_once(seed: int) -> None:
    with Line(seed) as line:
        device = line.device

        @device.task
        def add(number):
            ran.append(number)  # noqa: F821
            return number, b"\x00\x03\xff" * 20

        @device.task
        def count(top):
            for number in range(top):
                got = yield number
                if got:
                    yield got

        @device.task(prefetch=50)
        def many(top):
            yield from range(top)

        @device.task
        def ask():
            return input()

        box = device.proxy("box")
        for number in range(ROUNDS):
            assert add(number) == (number, b"\x00\x03\xff" * 20)
            box.n += 1
            assert box.n == number + 1
            generator = count(3)
            assert [next(generator), generator.send("sent"), *generator] == [0, "sent", 1, 2]
            assert list(many(120)) == list(range(120))
            assert ask() == "from the host"
            with device.batch():
                pending = [add(-number), box.n, device("len(ran)")]
            assert [each.result() for each in pending][1:] == [number + 1, 2 * number + 2]
        assert device("ran") == [x for n in range(ROUNDS) for x in (n, -n)]
        hits = len(line.link.hits("up")) + len(line.link.hits("down"))
        assert hits > 2, "the line was too good for this test"
        assert device._session.counters.interrupts == 0


def test_what_is_lost_of_events_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    with Line(3) as line:
        line.link.set_rate(down=1 / 300)
        device = line.device
        stream, mark = device.events("n"), queue.Queue[None]()
        device.on("mark", mark.put)
        device("for i in range(300): belay.emit('n', i)")
        line.link.disarm()
        device("belay.emit('mark')")
        mark.get(timeout=20)
        stream.close()
        arrived = list(stream)
        assert arrived == sorted(set(arrived))
        lost = device._session.counters.lost_events
        assert len(arrived) + lost == 300
        assert lost
        assert "were lost on the line" in caplog.text
