# SPDX-License-Identifier: Apache-2.0
"""One name, several functions: ``implementation=`` chooses by the board."""

# ruff: noqa: F811, F841, PIE794
# Functions of the board use its names, and take no self.

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import belay
from belay import Device, DeviceMeta
from tests.session.boards import pretend

Body = Callable[[], type]


class Both(Device, skip=True):
    @Device.task(implementation="micropython")
    def name():
        return "m"

    @Device.task(implementation="circuitpython")
    def name():
        return "c"

    @Device.setup(autoinit=True, implementation="circuitpython")
    def prepare():
        kind = "c"

    @Device.setup(autoinit=True)
    def prepare():
        kind = "all"

    @Device.task(implementation="micropython")
    def mixed():
        return "a task"

    @Device.setup(implementation="circuitpython")
    def mixed():
        result = "a setup"


class ForCircuitPython(metaclass=DeviceMeta):
    @Device.task(implementation="circuitpython")
    def mixin():
        return "mixin c"


class ForMicroPython(metaclass=DeviceMeta):
    @Device.task(implementation="micropython")
    def mixin():
        return "mixin m"


class Inheriting(ForCircuitPython, Both, ForMicroPython, skip=True):
    @Device.task(implementation="circuitpython")
    def name():
        return "inheriting c"

    @Device.task(implementation="micropython")
    def own():
        return "own m"

    @Device.task
    def own():
        return "own"


@pytest.fixture(params=["micropython", "circuitpython"])
def board(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "circuitpython":
        pretend(monkeypatch, name="circuitpython")
    return request.param[0]


def test_the_board_chooses(board: str) -> None:
    with Both("virtual:") as device:
        assert device.name() == board
        assert device("kind") == {"m": "all", "c": "c"}[board]
        assert device.mixed() == {"m": "a task", "c": None}[board]


def test_on_the_class_the_last_one_counts() -> None:
    assert Both.name() == "c"
    assert Both.name.__belay__.implementation == "circuitpython"


def test_what_does_not_fit_falls_through_to_the_next_class(board: str) -> None:
    with Inheriting("virtual:") as device:
        assert device.name() == {"m": "m", "c": "inheriting c"}[board]
        assert device.own() == {"m": "own m", "c": "own"}[board]
        assert device.mixin() == f"mixin {board}"


class OnlyOne(Device, skip=True):
    @Device.task(implementation="circuitpython")
    def read():
        return 1

    @Device.task(implementation="circuitpython")
    def interrupt():
        return 1


def test_none_fits() -> None:
    with pytest.raises(belay.NoMatchingExecuterError) as caught:
        OnlyOne("virtual:")
    for part in ("OnlyOne.read", "OnlyOne.interrupt", "micropython"):
        assert part in str(caught.value)


def catch_all_first() -> type:
    class Wrong(Device, skip=True):
        @Device.task
        def read(): ...

        @Device.task(implementation="micropython")
        def read(): ...

    return Wrong


def twice() -> type:
    class Wrong(Device, skip=True):
        @Device.task(implementation="micropython")
        def read(): ...

        @Device.task(implementation="micropython")
        def read(): ...

    return Wrong


def plain_then_marked() -> type:
    class Wrong(Device, skip=True):
        def read(self) -> None: ...

        @Device.task
        def read(): ...

    return Wrong


def marked_then_plain() -> type:
    class Wrong(metaclass=DeviceMeta):
        @Device.task(implementation="micropython")
        def read(): ...

        def read(self) -> None: ...

    return Wrong


def unknown() -> type:
    class Wrong(Device, skip=True):
        @Device.task(implementation="cpython")
        def read(): ...

    return Wrong


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (catch_all_first, "must be the last"),
        (twice, "twice for implementation='micropython'"),
        (plain_then_marked, "once plainly"),
        (marked_then_plain, "once plainly"),
        (unknown, "implementation='cpython'"),
    ],
)
def test_bodies_that_are_refused(body: Body, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        body()


def test_what_a_class_body_may_do_otherwise() -> None:
    class Fine(Device, skip=True):
        size = 1
        size = 2

        @property
        def width(self) -> int:
            return self.size

        @width.setter
        def width(self, value: Any) -> None:
            self.size = value

        @Device.task
        def read(): ...

        del read

        def read(self) -> str:
            return "plain"

    assert Fine.read(None) == "plain"
