# SPDX-License-Identifier: Apache-2.0
"""The estimate is never off by more than it says, and says little."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from belay.clock import MAX_DRIFT, PERIOD, WANDER, Clock
from tests.clock.worlds import DAY, SECONDS, World

ROUNDING = 1e-6  # years in seconds, as floats

few = settings(max_examples=80, deadline=None, derandomize=True, database=None)


def spread(smallest: float, largest: float) -> st.SearchStrategy[float]:
    """Seconds of any order of magnitude."""
    return st.floats(math.log(smallest), math.log(largest)).map(math.exp)


worlds = st.builds(
    World,
    drift=st.one_of(st.floats(-9.9e-3, 9.9e-3), st.floats(-1e-4, 1e-4)),
    board=st.floats(0, 2**32 / 1e3),
    host=st.floats(0, 1e7),
    period=st.sampled_from([1 << 29, 1 << 30, 1 << 32]),
    wander=st.one_of(st.just(0.0), st.floats(0, WANDER / 2)),
    steps=st.sampled_from([1000, 1024]),
    host_tick=st.sampled_from([0.0, 0.0, 0.015625]),
)
calls = st.tuples(spread(1e-4, 20 * DAY), spread(1e-5, 1e-2), spread(1e-5, 1e-2))
late_calls = st.tuples(spread(DAY, 1500 * DAY), spread(1e-5, 1e-2), spread(1e-5, 1e-2))
slow_calls = st.tuples(spread(1e-4, 20 * DAY), spread(1e-5, 10 * DAY), spread(1e-5, DAY))


@few
@given(worlds, st.lists(st.one_of(calls, calls, late_calls, slow_calls), min_size=1, max_size=70))
def test_the_truth_is_within_the_bounds(
    world: World, history: list[tuple[float, float, float]]
) -> None:
    for pause, up, down in history:
        world.host += pause
        world.call(up, down)
        for host in (world.host, world.host + 0.1, world.host + 5e4):
            error, allowed = world.error(host)
            assert error <= allowed + ROUNDING


@few
@given(worlds, st.integers(1, 400), spread(1e-3, 300))
def test_bounds_hold_when_asked_rarely(world: World, count: int, pause: float) -> None:
    for number in range(count):
        world.call(1e-4 + number % 7 * 3e-4, 1e-4 + number % 5 * 2e-3)
        world.host += pause
    error, allowed = world.error()
    assert error <= allowed + ROUNDING
    assert abs(world.clock.drift - world.drift) <= 2 * MAX_DRIFT


def test_years_with_many_turns_of_the_ticks() -> None:
    world = World(drift=37e-6, board=4e6, period=1 << 30, wander=WANDER / 3)
    world.call()
    turns = world.turns()
    for _ in range(1500):
        world.host += 3 * DAY + 12345.678
        world.call()
        assert world.turns() == turns
    assert world.host > 12 * 365 * DAY
    assert world.host / SECONDS > 700
    error, allowed = world.error()
    assert error <= allowed + ROUNDING < 2e-3
    assert abs(world.clock.drift - 37e-6) < 2 * WANDER
    assert abs(world.clock.monotonic(world.ticks(world.host)) - world.host) < 2e-3


def test_a_quick_link_is_known_better_than_its_ticks() -> None:
    world = World(drift=20e-6, board=1234.5678)
    for _ in range(10):
        world.call(up=150e-6, down=120e-6)
    error, allowed = world.error()
    assert error <= allowed < 0.3e-3
    for part in range(50):  # of a tick: it stands for all of its moments
        then = world.host - part * 97e-6
        host, uncertainty = world.clock.locate(world.ticks(then))
        assert abs(host - then) <= uncertainty < 0.8e-3


def test_it_grows_less_the_better_the_drift_is_known() -> None:
    world = World(drift=20e-6)
    world.call()
    fresh = world.error(world.host + 10)[1] - world.error()[1]
    for _ in range(60):
        world.host += 10
        world.call()
    known = world.error(world.host + 10)[1] - world.error()[1]
    assert fresh == pytest.approx(10 * (MAX_DRIFT + WANDER))
    assert known < 0.2e-3
    assert world.clock.drift == pytest.approx(20e-6, abs=10e-6)
    # The drift is remembered over a long silence.
    world.host += DAY
    world.call()
    assert world.error(world.host + 10)[1] - world.error()[1] < 0.2e-3


@pytest.mark.parametrize("length", [0.1, 30.0, 4 * DAY, 8 * DAY], ids=str)
def test_a_slow_call_does_no_harm(length: float) -> None:
    world = World(drift=20e-6, board=500)
    for _ in range(40):
        world.host += 20
        world.call()
    before = world.error(world.host + 10)[1]
    world.call(up=length, down=length / 7)
    world.call()
    # Offset and drift are as well known as before.
    error, allowed = world.error(world.host + 10)
    assert error <= allowed < before + 1e-3
    # In the middle of such a call the past is known from both sides.
    error, allowed = world.error(world.host - length / 2)
    assert error <= allowed < 2e-3 + length * WANDER * 2


@pytest.mark.parametrize("asked", [True, False], ids=["asked between", "not asked"])
@pytest.mark.parametrize(
    ("pause", "jump"),
    [(1.0, -3.0), (1.0, -5e3), (0.01, -0.5), (600.0, -1e6), (1.0, 3600.0), (30.0, 7 * DAY)],
    ids=["reset", "after an hour", "quickly", "after long", "suspend", "suspended for a week"],
)
def test_clocks_that_jump_are_followed(pause: float, jump: float, asked: bool) -> None:
    """A reset board begins anew; a host that was suspended has missed the time."""
    world = World(drift=-50e-6, board=2e6, host=5e5)
    for _ in range(30):
        world.host += 0.5
        world.call()
    if asked:
        world.error()
    world.host += pause
    world.shift += jump
    for _ in range(3):
        world.call()
        if asked:
            error, allowed = world.error()
            assert error <= allowed + ROUNDING < 3e-3
    error, allowed = world.error()
    assert error <= allowed + ROUNDING < 3e-3


def test_a_drift_that_changes_more_than_believed_is_followed() -> None:
    world = World(drift=-80e-6)
    for _ in range(100):
        world.host += 10
        world.call()
    world.error()
    world.shift, world.begin, world.drift = world.offset(world.host), world.host, 300e-6
    for _ in range(100):
        world.host += 10
        world.call()
        error, allowed = world.error()
        assert error < 6e-3  # what the drift of ten seconds was thought to be
    assert error <= allowed < 2e-3
    assert world.clock.drift == pytest.approx(300e-6, abs=20e-6)


def test_reset_forgets() -> None:
    world = World(board=77.0)
    world.call()
    assert world.clock.synchronised
    world.clock.reset()
    assert not world.clock.synchronised
    assert math.isnan(world.clock.offset)
    assert world.clock.uncertainty == math.inf
    with pytest.raises(ValueError, match="sync_time"):
        world.clock.monotonic(5)
    world.call()
    assert world.clock.offset == pytest.approx(77.0, abs=2e-3)


@few
@given(worlds, st.lists(calls, min_size=3, max_size=12), spread(1e-3, 2 * DAY))
def test_ticks_as_host_time(
    world: World, history: list[tuple[float, float, float]], ago: float
) -> None:
    begin = world.host
    for pause, up, down in history:
        world.host += min(pause, DAY / 4)
        world.call(up, down)
    then = max(begin, world.host - ago)
    host, uncertainty = world.clock.locate(world.ticks(then))
    assert abs(host - then) <= uncertainty * (1 + 2 * MAX_DRIFT) + world.host_tick + ROUNDING
    assert world.clock.monotonic(world.ticks(then)) == host


def test_turns_of_the_ticks_show_nowhere() -> None:
    """Moments a second apart, across the end of the period."""
    world = World(board=(1 << 30) / 1e3 - 5)
    stamps = []
    for _ in range(12):
        world.call()
        stamps.append(world.clock.monotonic(world.ticks(world.host)))
        world.host += 1 - 2e-3
    steps = [later - earlier for earlier, later in itertools.pairwise(stamps)]
    assert steps == pytest.approx([1.0] * 11, abs=2e-3)


@few
@given(worlds, st.lists(st.tuples(spread(1e-5, 1e-1), *[spread(1e-5, 1e-2)] * 2), max_size=30))
def test_what_was_told_is_not_taken_back(
    world: World, history: list[tuple[float, float, float]]
) -> None:
    """Although each answer tells the offset better, moments stay in the order of their ticks."""
    clock = Clock(
        tick=2e-3, host_tick=world.host_tick, now=world.read_host, wall=lambda: 1.7e9 + world.host
    )
    world.clock = clock
    told = []
    for pause, up, down in [(0.0, 1e-2, 1e-2), *history]:
        world.host += pause
        world.call(up, down)
        true = world.host
        stamp = clock.datetime(world.ticks(true))
        assert abs(stamp.timestamp() - 1.7e9 - true) <= stamp.uncertainty * 1.03 + 3e-6 + (
            world.host_tick
        )
        told.append(stamp)
    assert told == sorted(told)


def test_a_step_of_the_wall_clock_is_no_reset() -> None:
    world = World(board=9.0)
    wall = [1.7e9]
    clock = Clock(now=world.read_host, wall=lambda: wall[0] + world.host)
    world.clock = clock
    world.call()
    first = clock.datetime(world.ticks(world.host))
    wall[0] += 3600
    second = clock.datetime(world.ticks(world.host))
    assert (second - first).total_seconds() == pytest.approx(3600, abs=1e-3)
    assert first.uncertainty == second.uncertainty < 2.1e-3
    assert clock.offset == pytest.approx(9.0, abs=2e-3)


def test_memory_is_bounded() -> None:
    clock = Clock()
    for number in range(20_000):  # a parabola: every point is one of the hull
        at = number * 1e-2
        clock.add(at, at + 2e-3, round((at + 1e-3 + at * at * 1e-7) * 1e3) % PERIOD)
    assert len(clock._uppers) <= 32
    assert len(clock._lowers) <= 32
    assert len(clock._fresh) < 64


def test_a_sample_costs_next_to_nothing() -> None:
    """At most as much as a few calls of a Python function, measured against those."""

    def cost(function: Callable[[float, float, int], object]) -> float:
        times = []
        for _ in range(7):
            begin = time.process_time()
            for number in range(2000):
                function(number * 1e-3, number * 1e-3 + 5e-4, number)
            times.append(time.process_time() - begin)
        return min(times)

    assert cost(Clock().add) < 40 * cost(lambda sent, received, ticks: None)
