# SPDX-License-Identifier: Apache-2.0
"""Handing on what a board has answered, while somebody stops to want it."""

from __future__ import annotations

import threading

import pytest

from belay_jupyter import polling
from belay_jupyter.polling import Answer, Question, Watch

QUESTION = Question(polling.VALUE, "x")


def test_what_comes_after_its_end_is_neither_shown_nor_recorded() -> None:
    shown: list[object] = []
    recorded: list[str] = []
    watch = Watch(QUESTION, shown.append, 1)
    watch.take(Answer(1), lambda: recorded.append("1"))
    watch.stop()
    watch.take(Answer(2), lambda: recorded.append("2"))
    assert (shown, recorded, watch.taken) == ([Answer(1)], ["1"], 1)


def test_stopping_waits_for_the_answer_that_is_being_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who has stopped it finds what a recording has, too."""
    monkeypatch.setattr(polling, "_SETTLES", 30)
    begun, goes_on = threading.Event(), threading.Event()
    shown: list[str] = []

    def show(_: Answer) -> None:
        begun.set()
        assert goes_on.wait(30)
        shown.append("all of it")

    watch = Watch(QUESTION, show, 1)
    poller = threading.Thread(target=watch.take, args=(Answer(1),))
    poller.start()
    assert begun.wait(30)
    stopper = threading.Thread(target=lambda: (watch.stop(), shown.append("stopped")))
    stopper.start()
    stopper.join(0.2)
    assert shown == []
    goes_on.set()
    for thread in (stopper, poller):
        thread.join(30)
    assert shown == ["all of it", "stopped"]


def test_one_that_waits_for_who_stops_it_does_not_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "_SETTLES", 0.05)
    begun, stopped = threading.Event(), threading.Event()

    def show(_: Answer) -> None:
        begun.set()
        assert stopped.wait(30)

    watch = Watch(QUESTION, show, 1)
    poller = threading.Thread(target=watch.take, args=(Answer(1),))
    poller.start()
    assert begun.wait(30)
    watch.stop()
    stopped.set()
    poller.join(30)
    assert watch.stopped


def test_it_may_stop_itself() -> None:
    shown: list[Answer] = []

    def show(answer: Answer) -> None:
        shown.append(answer)
        watch.stop()

    watch = Watch(QUESTION, show, 1)
    watch.take(Answer(1))
    watch.take(Answer(2))
    assert shown == [Answer(1)]
