# SPDX-License-Identifier: Apache-2.0
"""The board's time in the host's, against a board whose clocks are those of this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

import belay
from belay import errors
from belay.session.session import Session
from belay.timekeeping import Timekeeping
from belay.transports import open_transport
from tests.links.counting import CountingLink
from tests.session.boards import open_session, pretend

Connect = Callable[..., belay.Device]

READS_OF_A_CLOCK = """
import time, machine
rtc = machine.RTC()
def pair():
    # Microseconds of both clocks of the board, read closely together.
    best = None
    for _ in range(30):
        a = time.ticks_us()
        micros = rtc.datetime()[7]
        b = time.ticks_us()
        if best is None or b - a < best[0]:
            best = b - a, (a + b) // 2, micros
    return best
def moment():
    return time.ticks_ms(), rtc.datetime()[7]
"""


@pytest.fixture(scope="module")
def clocked() -> Iterator[belay.Device]:
    with belay.Device("virtual:", startup=READS_OF_A_CLOCK) as device:
        yield device


def wall_offset() -> float:
    """time.time() less time.monotonic(), from the tightest of some readings."""
    readings = []
    for _ in range(30):
        before, wall, after = time.monotonic(), time.time(), time.monotonic()
        readings.append((after - before, wall - (before + after) / 2))
    return min(readings)[1]


def in_a_second(seconds: float) -> float:
    """The same modulo 1 s, from -0.5 to 0.5: the calendar tells its microseconds only."""
    return (seconds + 0.5) % 1 - 0.5


def true_offset(device: belay.Device) -> tuple[float, float]:
    """Board seconds less monotonic ones modulo 1 s, by the calendar that both have, and how sure
    that is.
    """
    width, ticks_us, micros = device("pair()")
    return ticks_us / 1e6 - (micros / 1e6 - wall_offset()), width / 1e6 + 50e-6


def settle(device: belay.Device) -> None:
    """Synchronise, on a machine that may be busy with other things."""
    for _ in range(100):
        device.sync_time()
        if device.clock.uncertainty < 0.7e-3:
            return
    raise AssertionError(f"uncertain by {device.clock.uncertainty} s after 100 attempts")


def test_the_error_is_below_a_millisecond_and_below_what_is_stated(clocked: belay.Device) -> None:
    settle(clocked)
    truth, unsure = true_offset(clocked)
    offset, uncertainty = clocked.clock.offset_at(time.monotonic())
    error = abs(in_a_second(offset - truth))
    assert error <= uncertainty + unsure
    assert error < 1e-3
    assert abs(clocked.clock.drift) <= 0.011


def test_sync_time_is_relative_to_the_calendar(clocked: belay.Device) -> None:
    settle(clocked)
    truth = true_offset(clocked)[0] - wall_offset()
    for offset in (clocked.sync_time(), clocked.sync_time(samples=1), clocked.time_offset):
        assert abs(in_a_second(offset - truth)) < 2e-3
        assert -time.time() < offset < -time.time() + 3600  # the board began a moment ago
    with pytest.raises(ValueError, match="1 or more"):
        clocked.sync_time(samples=0)


def test_moments_of_the_board(clocked: belay.Device) -> None:
    settle(clocked)
    for _ in range(5):
        ticks, micros = clocked("moment()")
        stamp = clocked._board_time(ticks)
        error = abs(in_a_second(stamp.timestamp() - micros / 1e6))
        assert error <= stamp.uncertainty + 300e-6
        assert abs(stamp.timestamp() - time.time()) < 60
        assert stamp.uncertainty < 3e-3
        assert stamp.tzinfo is not None


def test_return_time(clocked: belay.Device) -> None:
    """As Belay 0.30's programs use it: against naive local times."""

    @clocked.task(return_time=True)
    def add(a, b):  # type: ignore[no-untyped-def]
        return a + b

    @clocked.task(return_time=True)
    def count():  # type: ignore[no-untyped-def]
        yield 1
        yield 2

    before = datetime.now()
    results = [clocked("1 + 2", return_time=True), add(1, 2), *count()]
    after = datetime.now()
    assert [value for value, _ in results] == [3, 3, 1, 2]
    stamps = [stamp for _, stamp in results]
    for stamp in stamps:
        assert isinstance(stamp, belay.BoardTime)
        margin = timedelta(seconds=stamp.uncertainty + 1e-3)
        assert before - margin <= stamp <= after + margin
        assert after - stamp <= after - before + margin
    assert stamps[-1] - stamps[0] > -margin


def test_where_it_cannot_ask_it_says_what_it_knows(connect: Connect) -> None:
    device = connect("virtual:")
    stamps: list[belay.BoardTime] = []

    class Sink:
        def write(self, text: str) -> None:  # inside a call
            stamps.append(device._board_time(5))

    def know_little() -> None:
        device.clock.reset()
        device.clock.add(time.monotonic() - 10, time.monotonic(), 5)

    know_little()
    device("print()", stream_out=Sink())
    know_little()
    device.close()
    stamps.append(device._board_time(5))
    assert [stamp.uncertainty > 4 for stamp in stamps] == [True, True]
    device.clock.reset()
    with pytest.raises(errors.DeviceClosedError):
        device._board_time(5)


def test_answers_alone_tell_the_time(clocked: belay.Device) -> None:
    clocked.clock.reset()
    assert not clocked.clock.synchronised
    for _ in range(200):
        clocked("1")
        if clocked.clock.uncertainty < 1e-3:
            break
    truth, unsure = true_offset(clocked)
    offset, uncertainty = clocked.clock.offset_at(time.monotonic())
    assert abs(in_a_second(offset - truth)) <= uncertainty + unsure


def test_round_trips(connect: Connect) -> None:
    link = CountingLink(open_transport("virtual:"))
    device = connect(link)
    connected = link.round_trips
    quiet = CountingLink(open_transport("virtual:"))
    other = connect(quiet, auto_sync_time=False)
    assert connected == quiet.round_trips  # nothing is asked while connecting
    with pytest.raises(ValueError, match="call sync_time"):
        _ = other.time_offset
    assert other.sync_time() == pytest.approx(other.time_offset, abs=0.1)
    settle(device)
    link.reset()
    assert device.time_offset < 0
    assert device._board_time(5).tzinfo is not None
    assert link.round_trips == 0  # what is known well needs no asking
    device.sync_time()
    assert 1 <= link.round_trips <= 10
    # The first use asks where too little is known.
    device.clock.reset()
    link.reset()
    assert device.time_offset < 0
    assert 1 <= link.round_trips <= 10


def test_a_reset_of_the_board_is_no_secret(connect: Connect) -> None:
    device = connect("virtual:")
    device("import time; time.sleep(0.2)")
    settle(device)
    before = device.clock.offset
    with pytest.raises(errors.ConnectionLost):
        device("machine.reset()")
    device("1")
    settle(device)
    assert device.clock.offset < before - 0.1


# ------------------------------------------------------------------------ boards of other kinds


class Bare(Timekeeping):
    """What a Device has to do with time, over any session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._timeout: float | None = None
        self._start_clock(auto_sync_time=True)


def test_a_board_without_the_agent() -> None:
    session = open_session("virtual:", startup=READS_OF_A_CLOCK, agent=False)
    device = Bare(session)
    assert device.time_offset < 0
    assert 0 < device.clock.uncertainty < 5
    ticks, micros = session.evaluate("moment()")
    stamp = device._board_time(ticks)
    assert abs(in_a_second(stamp.timestamp() - micros / 1e6)) <= stamp.uncertainty + 1e-3
    device.set_rtc(datetime(2031, 1, 2, 3, 4, 5, 700_000))
    assert session.evaluate("rtc.datetime()[:6]") == (2031, 1, 2, 3, 3, 4)
    session.execute("del time.ticks_ms", "t")
    with pytest.raises(errors.FeatureUnavailableError, match="ticks_ms"):
        device.sync_time()
    session.close()


LIKE_CIRCUITPYTHON = """
import sys, time
class supervisor:
    ticks_ms = time.ticks_ms
class rtc:
    class RTC:
        pass
class calendar:
    now = None
def RTC():
    return calendar
rtc.RTC = RTC
time.struct_time = tuple
sys.modules["supervisor"], sys.modules["rtc"] = supervisor, rtc
"""


def test_circuitpython(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, name="circuitpython")
    session = open_session("virtual:", startup=LIKE_CIRCUITPYTHON, agent=False)
    device = Bare(session)
    device.set_rtc(datetime(2031, 1, 2, 3, 4, 0, 700_000))
    *day, hour, minute, second, weekday, yearday, summer = session.evaluate("calendar.datetime")
    assert (day, hour, minute) == ([2031, 1, 2], 3, 4)
    assert 0 < second < 59  # how busy this machine is
    assert (weekday, yearday, summer) == (3, 2, -1)
    # Its milliseconds may last two.
    assert device.clock.locate(0)[1] >= 1e-3
    session.close()


# ------------------------------------------------------------------------ the board's calendar


@pytest.fixture(scope="module")
def settable() -> Iterator[belay.Device]:
    """A board whose calendar tests may set."""
    with belay.Device("virtual:") as device:
        yield device


def calendar(device: belay.Device) -> datetime:
    year, month, day, weekday, hour, minute, second, micros = device("machine.RTC().datetime()")
    shown = datetime(year, month, day, hour, minute, second, micros)
    assert weekday == shown.weekday()
    return shown


def test_the_calendar_is_set_to_local_time(settable: belay.Device) -> None:
    settable("machine.RTC().datetime((2001, 2, 3, 5, 4, 5, 6, 0))")
    settable.set_rtc()
    before = datetime.now()
    shown = calendar(settable)
    after = datetime.now()
    late = timedelta(milliseconds=10)  # what a request may be late, and the clock's uncertainty
    assert before - late <= shown <= after + late
    assert settable("'__belay_rtc' in globals() or '_belay_value' in globals()") is False


@pytest.mark.parametrize("zone", [None, timezone(timedelta(hours=9))], ids=["naive", "aware"])
def test_the_calendar_is_set_to_any_time(settable: belay.Device, zone: Any) -> None:
    settle(settable)
    wanted = datetime(2031, 12, 31, 23, 59, 59, 800_000, zone)
    begin = time.monotonic()
    settable.set_rtc(wanted)
    shown = calendar(settable)
    elapsed = shown - wanted.replace(tzinfo=None)
    assert timedelta(seconds=0.2) <= elapsed <= timedelta(seconds=time.monotonic() - begin + 0.01)


def test_a_board_without_a_calendar_says_so(settable: belay.Device) -> None:
    settable("RTC = machine.RTC; del machine.RTC")
    with pytest.raises(errors.FeatureUnavailableError, match="no calendar"):
        settable.set_rtc()
    settable("machine.RTC = RTC")
