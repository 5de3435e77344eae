# SPDX-License-Identifier: Apache-2.0
"""Calls that are made only where the board is idle."""

from __future__ import annotations

import threading
import time

import pytest

from belay import errors
from belay.session import requests
from belay.session.requests import Operation
from belay.session.session import Session
from tests.session.boards import HASTY, counted, open_session

ASK = Operation(requests.EVALUATE, ("6 * 7",))


@pytest.mark.parametrize("listening", [False, True], ids=["alone", "with a listener"])
def test_an_idle_board_is_asked(listening: bool) -> None:
    session, link = counted("virtual:")
    if listening:
        session.listen(lambda data: None, lambda error: None)
    before = link.round_trips
    assert session.perform_if_idle(ASK) == 42
    assert link.round_trips - before == 1
    with pytest.raises(errors.PyboardException, match="NameError"):
        session.perform_if_idle(Operation(requests.EVALUATE, ("missing",)))
    assert session.evaluate("1") == 1


def test_a_board_that_runs_something_is_not() -> None:
    session = open_session("virtual:", silence=HASTY)
    running = threading.Event()

    def spin() -> None:
        with pytest.raises(KeyboardInterrupt):
            session.execute("print('on')\nwhile True: pass", "t", output=lambda data: running.set())

    thread = threading.Thread(target=spin)
    thread.start()
    assert running.wait(20)
    begun = time.monotonic()
    assert session.perform_if_idle(ASK) is NotImplemented
    assert time.monotonic() - begun < 10  # the loop has no end: it did not wait for that
    session.interrupt()
    thread.join()
    assert session.perform_if_idle(ASK) == 42


def test_it_mends_nothing() -> None:
    session = open_session("virtual:", silence=HASTY)
    with pytest.raises(errors.BoardResetError):
        session.execute("import machine\nmachine.reset()", "t")
    generation = session.generation
    assert session.perform_if_idle(ASK) is NotImplemented
    assert session.generation == generation
    assert session.evaluate("1") == 1
    assert session.perform_if_idle(ASK) == 42


def test_what_a_call_left_behind_is_not_waited_for() -> None:
    session = open_session("virtual:", silence=HASTY)
    session._unsettled = True
    assert session.perform_if_idle(ASK) is NotImplemented
    assert session.evaluate("1") == 1


def test_a_closed_session_says_so() -> None:
    session: Session = open_session("virtual:")
    session.close()
    with pytest.raises(errors.DeviceClosedError):
        session.perform_if_idle(ASK)
