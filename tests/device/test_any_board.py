# SPDX-License-Identifier: Apache-2.0
"""What every board must do: run on the virtual one, and on the one that BELAY_BOARD names."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest

import belay


@pytest.fixture(
    scope="module", params=["virtual:", pytest.param("BELAY_BOARD", marks=pytest.mark.hardware)]
)
def board(request: pytest.FixtureRequest) -> Iterator[belay.Device]:
    address = os.environ["BELAY_BOARD"] if request.param == "BELAY_BOARD" else request.param
    with belay.Device(address) as device:
        yield device


def test_it_says_what_it_is(board: belay.Device) -> None:
    assert board.implementation.name in ("micropython", "circuitpython")
    assert board.implementation.version > (1,)


def test_tasks_and_values(board: belay.Device, capsys: pytest.CaptureFixture[str]) -> None:
    @board.task
    def echo(value):  # type: ignore[no-untyped-def]
        print("on the board")
        return value

    for value in (None, -1, 1 << 40, 0.5, "häß", bytes(range(256)), [1, (2, {"a": True})]):
        assert echo(value) == value
    assert capsys.readouterr().out == "on the board\n" * 7


def test_a_few_kilobytes_both_ways(board: belay.Device) -> None:
    @board.task
    def back(data):  # type: ignore[no-untyped-def]
        return data

    data = bytes(range(256)) * 12
    assert back(data) == data


def test_errors_point_at_the_line(board: belay.Device) -> None:
    @board.task
    def divide(by):  # type: ignore[no-untyped-def]
        return 1 // by

    with pytest.raises(belay.PyboardException, match="ZeroDivisionError") as caught:
        divide(0)
    assert caught.value.frames[-1].source == "return 1 // by"


@pytest.mark.parametrize("program", ["while True: pass", "while True: print('x')"])
def test_a_deadline_stops_it(board: belay.Device, program: str) -> None:
    with pytest.raises(belay.errors.CallTimeoutError):
        board(program, timeout=0.5, stream_out=None)
    assert board("6 * 7") == 42


def test_threads_take_turns(board: belay.Device) -> None:
    answers: dict[int, object] = {}

    def ask(number: int) -> None:
        answers[number] = board(f"{number} * 2")

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {number: number * 2 for number in range(4)}
