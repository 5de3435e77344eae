# SPDX-License-Identifier: Apache-2.0
"""Subclasses as arguments: Belay 0.30 sent their repr, so those that show their base's travel."""

from __future__ import annotations

import enum
from collections import OrderedDict, defaultdict, namedtuple
from typing import Any

import pytest

from belay import errors
from belay.session.adapt import adapt
from belay.session.session import Session
from tests.session.boards import open_session


def plain(base: type) -> type:
    """A subclass that overrides what conversions would call, and is shown as its base."""

    def own(self: Any, *args: Any) -> Any:
        raise AssertionError("a method of the subclass was called")

    names = ("__int__", "__float__", "__str__", "__iter__", "items", "__getitem__", "__len__")
    return type(f"My{base.__name__}", (base,), {name: own for name in names if hasattr(base, name)})


VALUES = [7, 2**80, 2.5, 1j, "é", b"\0\3", bytearray(b"x"), [1, [2]], (1, (2,)), {"a": 1}]


@pytest.fixture(scope="module")
def session() -> Session:
    session = open_session("virtual:")
    session.execute("def same(value):\n    return [type(value).__name__, value]", "t")
    return session


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_what_is_shown_as_its_base_travels_as_that(session: Session, value: Any) -> None:
    own = plain(type(value))(value)
    assert session.call("same", (own,), {}) == [type(value).__name__, value]
    assert session.call("same", ([own],), {})[1] == [value]


class Level(enum.IntEnum):
    LOW = 1


@pytest.mark.parametrize(
    "value",
    [
        Level.LOW,
        namedtuple("Point", "x y")(1, 2),
        OrderedDict(a=1),
        defaultdict(int),
        type("MySet", (set,), {})([1]),
        type("Shown", (str,), {"__repr__": lambda self: "Shown()"})("x"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_shown_in_its_own_way_does_not(session: Session, value: Any) -> None:
    with pytest.raises(errors.UnsupportedValueError):
        session.call("same", (value,), {})


@pytest.mark.parametrize("base", ["list", "tuple", "set", "frozenset", "dict"])
def test_those_of_the_board_come_as_their_base(session: Session, base: str) -> None:
    content = "{1: 2}" if base == "dict" else "[1]"
    session.execute(f"class Own({base}): pass", "t")
    value = session.evaluate(f"[Own({content}), {{'a': Own({content})}}]")
    same = eval(f"{base}({content})")
    assert value == [same, {"a": same}]
    assert type(value[0]) is type(same)


@pytest.mark.parametrize("value", [*VALUES, True, None], ids=lambda value: type(value).__name__)
def test_what_travels_as_it_is_needs_no_adapting(value: Any) -> None:
    assert adapt(value) is NotImplemented
