# SPDX-License-Identifier: Apache-2.0
"""How long silence may last before it means something."""

from __future__ import annotations

import pytest

from belay.wire.events import Counters, State, Timing


@pytest.mark.parametrize(
    ("timing", "size", "seconds"),
    [
        (Timing(), 0, 0.1),
        (Timing(round_trip=0.01), 0, 0.1),
        (Timing(round_trip=0.1), 0, 0.4),
        (Timing(floor=1.0, round_trip=0.1), 0, 1.0),
        (Timing(rate=1000.0), 500, 0.6),  # the bytes must get through, too
        (Timing(round_trip=0.1, rate=11_520.0), 11_520, 1.4),
    ],
)
def test_four_round_trips_and_the_time_of_the_bytes(
    timing: Timing, size: int, seconds: float
) -> None:
    assert timing.silence(size) == pytest.approx(seconds)


def test_a_session_begins_with_nothing_counted() -> None:
    assert Counters() == Counters(requests=0, repeats=0, damaged=0, interrupts=0)


def test_states_have_names_for_messages() -> None:
    assert [state.value for state in State] == ["idle", "sent", "running", "settling"]
