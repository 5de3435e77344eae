# SPDX-License-Identifier: Apache-2.0
"""Teardowns run once, in order, whenever a Device ends."""

# Functions of the board use its names, and take no self.

from __future__ import annotations

import gc
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import belay
from belay import Device
from belay.setups import Farewell
from tests.device.programs import ENVIRONMENT
from tests.session.boards import fresh_name

Connect = Callable[..., Device]


@pytest.fixture
def board() -> str:
    return fresh_name()


@pytest.fixture
def done(board: str) -> Callable[[], list[str]]:
    """What the teardowns have left on the board."""

    def ask() -> list[str]:
        with Device(board, reset=False, startup="") as later:
            return later("done")

    return ask


def equip(device: Device, *, failing: bool = False) -> None:
    """Three teardowns."""
    device("done = []")

    @device.teardown
    def first():
        done.append("first")

    if failing:

        @device.teardown
        def second():
            done.append("second")
            raise ValueError("second failed")

        @device.teardown
        def another():
            raise ValueError("another failed")

    @device.teardown(register=False)
    def never():
        done.append("never")

    @device.teardown
    def third(extra="third"):
        done.append(extra)


def test_on_close(connect: Connect, board: str, done: Callable[[], list[str]]) -> None:
    device = connect(board)
    equip(device)
    device.close()
    device.close()
    assert done() == ["first", "third"]


def test_at_the_end_of_a_with_statement(
    connect: Connect, board: str, done: Callable[[], list[str]]
) -> None:
    def program() -> None:
        with connect(board) as device:
            equip(device)
            raise KeyError

    with pytest.raises(KeyError):
        program()
    assert done() == ["first", "third"]


def test_when_the_device_is_forgotten(board: str, done: Callable[[], list[str]]) -> None:
    equip(Device(board))
    gc.collect()
    assert done() == ["first", "third"]


def test_one_that_fails_does_not_keep_the_others_from_running(
    connect: Connect, board: str, done: Callable[[], list[str]]
) -> None:
    device = connect(board)
    equip(device, failing=True)
    with (
        pytest.warns(RuntimeWarning, match="another.*failed"),
        pytest.raises(belay.PyboardException, match="second failed") as caught,
    ):
        device.close()
    assert caught.value.frames[-1].filename == __file__
    assert device.closed
    device.close()
    assert done() == ["first", "second", "third"]


def test_defined_again_it_runs_once(
    connect: Connect, board: str, done: Callable[[], list[str]]
) -> None:
    device = connect(board)
    equip(device)
    equip(device)
    device.teardown.first()

    @device.teardown(ignore_errors=True)
    def failing():
        raise ValueError

    device.close()
    assert done() == ["first", "first", "third"]


def test_parameters(device: Device) -> None:
    def off(pin):
        pass

    with pytest.raises(ValueError, match=r"off\(\).*pin"):
        device.teardown(off)
    with pytest.raises(ValueError, match=r"off\(\).*no parameters"):
        Device.teardown(off)


def test_they_run_although_another_thread_is_calling(
    connect: Connect, board: str, done: Callable[[], list[str]]
) -> None:
    device = connect(board)
    equip(device)
    caught: list[BaseException] = []
    started = threading.Event()

    class Started:
        def write(self, text: str) -> None:
            started.set()

    def call() -> None:
        try:
            device("print('on')\nwhile True: pass", stream_out=Started())
        except BaseException as error:
            caught.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    assert started.wait(20)
    device.close()
    thread.join(20)
    assert done() == ["first", "third"]
    assert [type(error) for error in caught] == [belay.DeviceClosedError]


def test_when_the_link_has_ended(connect: Connect) -> None:
    device = connect()

    @device.teardown
    def off():
        pass

    device._session.transport.close()
    with pytest.raises(belay.BelayException):
        device.close()
    assert device.closed


def test_nothing_more_is_tried_once_the_link_has_ended(device: Device) -> None:
    ran: list[str] = []

    def lost(session: object) -> None:
        ran.append("lost")
        raise belay.ConnectionLost("unplugged")

    farewell = Farewell()
    farewell.add("first", lambda session: ran.append("first"))
    farewell.add("second", lost)
    farewell.add("third", lambda session: ran.append("third"))
    with pytest.raises(belay.ConnectionLost, match="unplugged"):
        farewell(device._session)
    assert ran == ["first", "lost"]
    farewell(device._session)
    assert ran == ["first", "lost"]


AT_EXIT = """
import belay

device = belay.Device("virtual:")

@device.teardown
def off():
    print("off")

@device.teardown
def failing():
    print("failing")
    1 / 0

class Closing(belay.Device):
    @belay.Device.teardown
    def last():
        print("last")

    def close(self):
        print("my close", self("1 + 1"))
        super().close()

closing = Closing("virtual:")
closing.keep = closing

def use():
    forgotten = belay.Device("virtual:")

    @forgotten.teardown
    def forgotten_off():
        print("forgotten off")

use()
print("end")
"""


def test_at_interpreter_exit(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(AT_EXIT, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(program)],
        capture_output=True,
        env=ENVIRONMENT,
        timeout=60,
        encoding="utf-8",
    )
    assert done.returncode == 0
    expected = ["my close 2", "last", "off", "failing"]
    lines = done.stdout.splitlines()
    assert lines.index("end") < lines.index("my close 2")
    assert [line for line in lines if line not in ("end", "forgotten off")] == expected
    assert lines.count("forgotten off") == 1
    assert "ZeroDivisionError" in done.stderr
    assert "line 13, in <module>" in done.stderr
