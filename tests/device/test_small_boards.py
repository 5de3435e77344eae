# SPDX-License-Identifier: Apache-2.0
"""A board that is too small for the agent: the same Device, with fewer promises."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

import belay
from tests.device import decorated
from tests.session.boards import pretend


@pytest.fixture
def small(connect: Callable[..., belay.Device], monkeypatch: pytest.MonkeyPatch) -> belay.Device:
    pretend(monkeypatch, free=9 * 1024)
    return connect()


def test_what_it_can_do(small: belay.Device, capsys: pytest.CaptureFixture[str]) -> None:
    assert small("(1 / 3, 'é', b'\\0', None, {'a': [2 ** 70]})") == (
        1 / 3,
        "é",
        b"\0",
        None,
        {"a": [2**70]},
    )
    assert small("x = 5") is None
    assert small("x") == 5
    assert small("Pin is machine.Pin") is True
    divide = small.task(decorated.divide)
    assert divide(6, b=3) == 2
    assert capsys.readouterr().out == "dividing\n"
    same = small.task(decorated.same)
    assert same([("a", {1: b"\x03\x04"}), -math.inf != 0]) == [("a", {1: b"\x03\x04"}), True]
    assert small.run_cell("x += 1\nx * 2") == 12


def test_errors(small: belay.Device) -> None:
    divide = small.task(decorated.divide)
    with pytest.raises(belay.PyboardException, match="ZeroDivisionError: divide by zero") as caught:
        divide(1, 0)
    assert caught.value.type == "ZeroDivisionError"
    for source, line, shown in (("1 / 0", 1, "1 / 0"), ("x = 1\nx.y = 2", 2, "x.y = 2")):
        with pytest.raises(belay.PyboardException) as caught:
            small(source)
        assert (caught.value.frames[-1].line, caught.value.frames[-1].source) == (line, shown)
    with pytest.raises(belay.UnsupportedValueError, match=r"args\[0\]"):
        divide(object(), 1)
    for value in ("object()", "range(3)", "float('nan')"):
        with pytest.raises(belay.UnsupportedValueError, match="without the agent"):
            small(value)
    with pytest.raises(belay.CallTimeoutError):
        small("while True: pass", timeout=0.1)
    assert small("1 + 1") == 2


def test_closing(small: belay.Device) -> None:
    small.close()
    with pytest.raises(belay.DeviceClosedError):
        small("1")


@pytest.mark.parametrize("how", ["sys.exit()", "machine.soft_reset()", "machine.reset()"])
def test_a_program_that_resets_it(small: belay.Device, how: str) -> None:
    small("x = 5")
    with pytest.raises(belay.BoardResetError) as caught:
        small(f"import machine, sys\n{how}")
    assert caught.value.ran is True
    assert small("'x' in globals()") is False
    small.soft_reset()
    assert small("Pin is machine.Pin") is True


def test_it_is_set_up_again_where_that_is_wanted(
    connect: Callable[..., belay.Device], monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, free=9 * 1024)
    device = connect(attempts=1)
    divide = device.task(decorated.divide)
    device("x = 5")
    with pytest.raises(belay.BoardResetError, match="connected again"):
        device("import machine; machine.soft_reset()", record=False)
    assert (device("x"), divide(6, 3)) == (5, 2)


def test_exceptions_by_kind(small: belay.Device) -> None:
    with pytest.raises(belay.PyboardException[LookupError]) as caught:
        small("{}['a']")
    assert isinstance(caught.value, belay.PyboardException[KeyError])


@pytest.mark.parametrize(
    "use",
    [
        lambda device: device("input()"),
        lambda device: device("import sys; sys.stdin.readline()"),
        lambda device: device.events("topic"),
        lambda device: device.on("topic", print),
        lambda device: device("1", return_time=True),
    ],
)
def test_what_needs_the_agent_says_so(small: belay.Device, use: Callable[..., object]) -> None:
    with pytest.raises(belay.FeatureUnavailableError, match="no room for belay's agent"):
        use(small)
    assert small("1 + 1") == 2
