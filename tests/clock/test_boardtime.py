# SPDX-License-Identifier: Apache-2.0
"""An aware datetime that goes with the naive ones of older programs."""

from __future__ import annotations

import copy
import operator
import pickle
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from belay.boardtime import BoardTime

# In Berlin the clocks went back from 03:00 to 02:00 at this moment.
END_OF_SUMMER = datetime(2025, 10, 26, 1, tzinfo=timezone.utc).timestamp()
TOKYO = timezone(timedelta(hours=9))


@pytest.fixture(params=["UTC", "CET-1CEST,M3.5.0,M10.5.0/3", "NPT-5:45"], autouse=True)
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", request.param)
        time.tzset()
        yield request.param
    time.tzset()


def at(seconds: float = 1_700_000_000.25) -> BoardTime:
    return BoardTime.fromtimestamp(seconds, uncertainty=0.5e-3)


def test_it_is_an_aware_datetime_of_the_local_zone() -> None:
    moment = at()
    assert isinstance(moment, datetime)
    assert moment.tzinfo is not None
    assert moment.timestamp() == 1_700_000_000.25
    assert moment.replace(tzinfo=None) == datetime.fromtimestamp(1_700_000_000.25)
    assert type(moment.replace(tzinfo=None)) is datetime
    assert moment.utcoffset() == datetime.fromtimestamp(1_700_000_000.25).astimezone().utcoffset()
    assert moment.isoformat() == datetime.fromtimestamp(1_700_000_000.25).astimezone().isoformat()
    assert f"{moment:%H:%M}" == f"{datetime.fromtimestamp(1_700_000_000.25):%H:%M}"
    assert moment.uncertainty == 0.5e-3


@pytest.mark.parametrize("days", [0, -3, 200])
def test_with_naive_local_times(days: int) -> None:
    """All that a program could do with the naive datetimes of Belay 0.30."""
    moment = at()
    naive = datetime.fromtimestamp(1_700_000_000.25 + days * 86400)
    difference = timedelta(days=-days)
    assert moment - naive == difference
    assert naive - moment == -difference
    for compare in (operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge):
        assert compare(moment, naive) == compare(0, days), compare
        assert compare(naive, moment) == compare(days, 0), compare
    assert (hash(moment) == hash(naive)) == (days == 0)
    assert (moment in {naive: 1}) == (naive in {moment}) == (days == 0)
    assert sorted([moment, naive]) == [min(moment, naive), max(moment, naive)]


def test_with_aware_times_and_each_other() -> None:
    moment, later = at(), at(1_700_000_001.75)
    utc = datetime.fromtimestamp(1_700_000_000.25, timezone.utc)
    assert moment == utc
    assert utc == moment
    assert later - utc == later - moment == timedelta(seconds=1.5)
    assert utc - later == timedelta(seconds=-1.5)
    assert moment < later
    assert moment.astimezone(TOKYO) == moment
    assert hash(moment.astimezone(TOKYO)) == hash(moment)
    assert moment.astimezone(TOKYO).astimezone() == moment


@pytest.mark.parametrize("other", [None, 5, "now", timedelta(1)])
def test_with_anything_else(other: Any) -> None:
    moment = at()
    assert moment != other
    with pytest.raises(TypeError):
        assert moment < other
    with pytest.raises(TypeError):
        assert other >= moment
    with pytest.raises(TypeError):
        assert other - moment
    if not isinstance(other, timedelta):
        with pytest.raises(TypeError):
            assert moment - other
        with pytest.raises(TypeError):
            assert moment + other


def test_arithmetic_keeps_zone_and_uncertainty() -> None:
    moment, hour = at(), timedelta(hours=1)
    for result in (moment + hour, hour + moment, moment - -hour):
        assert type(result) is BoardTime
        assert result.timestamp() == moment.timestamp() + 3600
        assert result.uncertainty == moment.uncertainty
    moved = moment.replace(microsecond=0)
    assert (type(moved), moved.microsecond, moved.uncertainty) == (BoardTime, 0, 0.5e-3)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, *(
    lambda value, protocol=protocol: pickle.loads(pickle.dumps(value, protocol))
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
)])  # fmt: skip
def test_copies(copied: Any) -> None:
    moment = at()
    twin = copied(moment)
    assert twin is not moment or copied is copy.copy
    assert (type(twin), twin.tzinfo) == (BoardTime, moment.tzinfo)
    assert (twin, twin.uncertainty) == (moment, moment.uncertainty)


@pytest.mark.parametrize("seconds", [-1800.0, -0.25, 0.0, 1800.0, 3599.75, 3600.0, 7200.0])
def test_where_the_clocks_go_back(seconds: float) -> None:
    """The same local time comes twice there, and both are told apart."""
    moment = at(END_OF_SUMMER + seconds)
    naive = datetime.fromtimestamp(END_OF_SUMMER + seconds)
    assert moment.timestamp() == END_OF_SUMMER + seconds
    assert moment == naive
    assert naive - moment == timedelta()
    assert hash(moment) == hash(naive)


def test_made_by_hand() -> None:
    moment = BoardTime(2025, 10, 26, 2, 30, fold=1, uncertainty=2.0)
    assert moment.tzinfo is not None
    assert moment.timestamp() == datetime(2025, 10, 26, 2, 30, fold=1).timestamp()
    assert moment.uncertainty == 2.0
    assert BoardTime(2025, 1, 1, tzinfo=TOKYO).tzinfo is TOKYO
    assert BoardTime.now().uncertainty == 0.0
    assert BoardTime.now(timezone.utc) - datetime.now() < timedelta(minutes=1)
    assert BoardTime.fromisoformat("2025-01-01T00:00:00+09:00") == BoardTime(
        2025, 1, 1, tzinfo=TOKYO
    )
    assert datetime.min < moment < datetime.max
    assert "BoardTime(2025, 10, 26" in repr(moment)
