# SPDX-License-Identifier: Apache-2.0
"""What syncs and transfers cost: round trips and bytes, as the documentation promises them.

Nothing here is timed: how long a line of a given speed takes follows from what is counted.
``make bench`` has the times, beside those of other tools.
"""

from __future__ import annotations

import random
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import belay
from belay.transports import open_transport
from tests.links.counting import CountingLink

SIZE = 1 << 16
NOISE = random.Random(5).randbytes(SIZE)


class Cost(NamedTuple):
    """Of one thing that was done.

    Attributes:
        trips: round trips.
        wire: bytes both ways.
    """

    trips: int
    wire: int

    def seconds(self, rate: float, delay: float) -> float:
        """How long it takes at so many bytes a second, and so many seconds each way."""
        return self.wire / rate + self.trips * 2 * delay


@pytest.fixture(scope="module")
def link() -> Iterator[CountingLink]:
    link = CountingLink(open_transport("virtual:"))
    yield link
    link.close()


@pytest.fixture(scope="module")
def shared(link: CountingLink) -> Iterator[belay.Device]:
    with belay.Device(link) as device:
        yield device


@pytest.fixture(params=["a session that has synced before", "a new session"])
def device(shared: belay.Device, tmp_path: Path, request: pytest.FixtureRequest) -> belay.Device:
    """A board without files."""
    shared.sync(tmp_path, keep=False)
    if request.param == "a new session":  # the board has forgotten what it was sent for this
        shared.soft_reset()
    return shared


Measure = Callable[[Callable[[], object]], Cost]


@pytest.fixture
def cost(link: CountingLink) -> Measure:
    """Counts what something costs."""

    def counted(work: Callable[[], object]) -> Cost:
        link.reset()
        work()
        return Cost(link.round_trips, link.up + link.down)

    return counted


def source() -> bytes:
    """64 KiB of Python source, of a module that every Python brings."""
    text = Path(typing.__file__).read_bytes()
    assert len(text) > SIZE
    return text[:SIZE]


@pytest.fixture
def fifty(tmp_path: Path) -> Path:
    """A folder with 50 files of half a kilobyte, all different."""
    folder = tmp_path / "app"
    folder.mkdir()
    text = source()
    for number in range(50):
        (folder / f"m{number}.py").write_bytes(text[number * 500 : (number + 1) * 500])
    return folder


def test_fifty_files(device: belay.Device, cost: Measure, fifty: Path) -> None:
    def sync() -> None:
        device.sync(fifty, minify=False)

    first = cost(sync)
    assert first.trips <= 10
    assert first.wire <= 0.8 * 25_000
    nothing = cost(sync)
    assert nothing.trips == 1
    assert nothing.wire <= 50 * 60
    (fifty / "m7.py").write_bytes(source()[-1200:])
    one = cost(sync)
    assert one.trips <= 3
    assert one.wire <= nothing.wire + 1200


def test_nothing_has_changed_and_no_session_knows(
    shared: belay.Device, cost: Measure, fifty: Path
) -> None:
    """Also the first sync of a program is one round trip, with what the board needs for it."""
    shared.sync(fifty, minify=False)
    shared.soft_reset()
    assert cost(lambda: shared.sync(fifty, minify=False)).trips == 1


@pytest.mark.parametrize(
    ("data", "factor"), [(source(), 0.40), (NOISE, 1.07)], ids=("source", "noise")
)
def test_a_large_file(
    device: belay.Device, cost: Measure, tmp_path: Path, data: bytes, factor: float
) -> None:
    (tmp_path / "large.py").write_bytes(data)
    there = cost(lambda: device.sync(tmp_path / "large.py", minify=False))
    assert there.trips <= 12
    assert there.wire <= factor * SIZE
    back = cost(lambda: device.files.read("/large.py"))
    assert back.trips <= 6
    assert back.wire <= 1.1 * SIZE
    assert device.files.read("/large.py") == data
    if factor < 1:  # 115200 baud, 8 ms each way
        assert SIZE / there.seconds(11_520, 0.008) >= 20_000
    device.files.remove("/large.py")
    copied = cost(lambda: device.files.put(tmp_path / "large.py", "/copy.py"))
    assert copied.trips <= 12
    assert copied.wire <= factor * SIZE
