# SPDX-License-Identifier: Apache-2.0
"""Objects that stay on the board, the agent's extensions, and the clock in every answer."""

from __future__ import annotations

import time
from typing import Any

import pytest

from belay import errors
from belay.session import requests
from belay.session.requests import Operation
from belay.session.session import Session
from belay.wire.values import Reference
from tests.session.boards import HASTY, counted, fresh_name, open_session


class Kept:
    """Refers to an object of the board's table, or to what an expression means there."""

    def __init__(self, target: int | str) -> None:
        self.target = target

    def __belay_reference__(self) -> Reference:
        return Reference(self.target)


PEEK = Operation(b"P", (), "peek")

SOURCES = {
    "peek": "G['T'], G['keep'] = H, keep\nOPS[ord('P')] = lambda a: None\n",
    "double": "G['loaded'] = G.get('loaded', 0) + 1\n"
    "def double(a):\n    return a[0] * 2\n"
    "OPS[ord('D')] = double\n",
}
"""Extensions: one shows the agent's table to user code, the other counts how often it comes."""


@pytest.fixture(autouse=True)
def _extensions(monkeypatch: pytest.MonkeyPatch) -> None:
    load = requests.load
    monkeypatch.setattr(requests, "load", lambda name: SOURCES.get(name) or load(name))


def table(session: Session) -> int:
    """How many objects the board keeps for the host."""
    return int(session.evaluate("len(T)"))


@pytest.fixture
def session() -> Session:
    session = open_session("virtual:", silence=HASTY)
    session.perform(PEEK)
    session.execute(
        "class Box:\n    open = True\n    def close(self):\n        self.open = False\n"
        "def same(*args, **keywords):\n    return args, keywords\n",
        "t",
    )
    return session


def test_a_reference_stands_anywhere_inside_arguments(session: Session) -> None:
    session.execute("box = Box()\nbox.n = 5\ndef n(a, k=None):\n return a[0]['x'].n, k.n", "t")
    handle = session.evaluate("keep(box)")
    assert session.call("n", ([{"x": Kept(handle)}],), {"k": Kept("box")}) == (5, 5)
    session.execute("box = Box()\nbox.n = 6", "t")
    assert session.call("n", ([{"x": Kept(handle)}],), {"k": Kept("box")}) == (5, 6)


def test_releases_ride_on_the_next_request() -> None:
    session, link = counted(fresh_name())
    session.perform(PEEK)
    handles = [session.evaluate(f"keep([{i}])") for i in range(5)]
    assert table(session) == 5
    link.reset()
    for handle in handles[:3]:
        session.release(handle)
    assert link.writes == 0
    assert session.evaluate("sorted(T)") == handles[3:]
    assert link.round_trips == 1


def test_a_release_may_close_first_and_may_name_a_global(session: Session) -> None:
    session.execute("box = Box()", "t")
    session.release(session.evaluate("keep(box)"), closing=True)
    assert session.evaluate("box.open") is False
    session.release("box")
    session.release("box")  # twice does no harm, nor does what never was
    session.release(4711, closing=True)
    assert session.evaluate("'box' in globals(), len(T)") == (False, 0)


def test_more_releases_than_fit_into_one_request(session: Session) -> None:
    session.execute("for i in range(450): keep(i)", "t")
    for handle in range(1, 451):
        session.release(handle)
    assert [table(session) for _ in range(3)] == [250, 50, 0]


def test_a_release_for_an_earlier_generation_is_none(session: Session) -> None:
    old = session.generation
    session.evaluate("keep(1)")
    with pytest.raises(errors.BoardResetError):
        session.execute("import sys; sys.exit()", "t")
    session.evaluate("1")
    assert session.generation == old + 1
    session.perform(PEEK)
    assert session.evaluate("keep(2)") == 1
    session.release(1, generation=old)
    assert table(session) == 1
    session.release(1, generation=session.generation)
    assert table(session) == 0


def test_numbers_of_an_earlier_generation_are_refused_before_anything_runs(
    session: Session,
) -> None:
    operation = Operation(requests.EVALUATE, ("1",), label="led.value()", generation=0)
    with pytest.raises(errors.StaleProxyError, match="led.value"):
        session.perform(operation)
    assert session.perform(operation._replace(generation=session.generation)) == 1


def test_an_argument_that_cannot_travel_loses_no_release(session: Session) -> None:
    handle = session.evaluate("keep(1)")
    session.release(handle)
    with pytest.raises(errors.UnsupportedValueError) as caught:
        session.call("same", (1, [object()]), {})
    assert caught.value.path == "args[1][0]"  # as the caller knows it, not as it was wrapped
    assert table(session) == 0


DOUBLE = Operation(b"D", (21,), "double")


def test_an_extension_travels_once_and_costs_no_round_trip() -> None:
    session, link = counted(fresh_name())
    link.reset()
    assert session.perform(DOUBLE) == 42
    assert link.round_trips == 1
    first, _ = link.up, link.reset()
    assert session.perform(DOUBLE) == 42
    assert (link.round_trips, session.evaluate("loaded")) == (1, 1)
    assert link.up < first


def test_an_extension_whose_first_operation_fails_is_there_all_the_same(session: Session) -> None:
    with pytest.raises(errors.PyboardException, match="TypeError"):
        session.perform(Operation(b"D", (None,), "double"))
    assert [session.perform(DOUBLE) for _ in range(2)] == [42, 42]
    assert session.evaluate("loaded") == 1


def test_extensions_in_a_batch_with_releases_and_time(session: Session) -> None:
    handle = session.evaluate("keep(1)")
    session.release(handle)
    items = [DOUBLE, requests.timed(Operation(requests.EVALUATE, ("7",))), DOUBLE]
    first, (ticks, seven), last = session.batch(items)
    assert (first, seven, last) == (42, 7, 42)
    assert type(ticks) is int
    assert session.evaluate("loaded, len(T)") == (1, 0)


def test_extensions_come_again_after_a_reset(session: Session) -> None:
    session.perform(DOUBLE)
    with pytest.raises(errors.BoardResetError):
        session.execute("import sys; sys.exit()", "t")
    assert session.perform(DOUBLE) == 42


def test_every_answer_tells_the_boards_time(session: Session) -> None:
    heard: list[tuple[float, float, int]] = []
    session.on_answer = lambda *answer: heard.append(answer)
    before = time.monotonic()
    ticks = [session.evaluate("__import__('time').ticks_ms()") for _ in range(20)]
    after = time.monotonic()
    assert len(heard) == 20
    times = [moment for sent, answered, _ in heard for moment in (sent, answered)]
    assert times == sorted(times)
    assert before <= times[0]
    assert times[-1] <= after
    for (_, _, told), asked in zip(heard, ticks, strict=True):
        assert 0 <= told - asked < 1000


def test_globals_are_assigned_before_statements_run(session: Session) -> None:
    given: dict[str, Any] = {"a": [1.5, None], "b": b"\x00\x03", "box": Kept("Box")}
    session.request(requests.EXECUTE, ("t", "c = (a, b, box.open)", given))
    assert session.evaluate("c") == ([1.5, None], b"\x00\x03", True)


def test_a_definition_tells_what_the_board_lacks(session: Session) -> None:
    names = ("print", "same", "numpy", "later", "f")
    assert session.define("t", "def f(): pass", "f", names) == ["numpy", "later"]
    session.execute("later = 1", "t")
    assert session.define("t", "def f(): return 5", "f", names) == ["numpy"]
    assert session.call("f", (), {}) == 5
