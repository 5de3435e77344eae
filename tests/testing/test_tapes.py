# SPDX-License-Identifier: Apache-2.0
"""Tests of hardware, recorded once and run again without it."""

from __future__ import annotations

from pathlib import Path

import pytest

from belay.testing.slots import Slot
from belay.testing.tapes import Tapes
from belay.transports.boardtables import BoardTable
from tests.testing.rigs import Runs, runs

__all__ = ["runs"]

pytest_plugins = ["pytester"]

BOARDS = """
[tool.belay.boards.green]
address = "virtual:"
wiring = { led = 25 }
[tool.belay.boards.blue]
address = "virtual:?seed=3"
capabilities = ["buzzer"]
"""

TESTS = """
import random
import pytest

def test_blinks(device, board):
    @device.task
    def blink(pin, n):
        from machine import Pin
        led = Pin(pin, Pin.OUT)
        for i in range(n):
            led.toggle()
            print("blink", i)
        return led.value()
    assert blink(board.wiring.led, 3) == 1
    assert device.board.pins[25].read() == 1

@pytest.mark.parametrize("value", [1.5, "a/b", "x" * 150])
def test_travels(device, value):
    assert device(repr(value)) == value

@pytest.mark.on_device
@pytest.mark.parametrize("n", [2, 3])
def test_on_board(n):
    assert n * n < 10

@pytest.mark.requires("buzzer", "micropython>=1.20", "module:math")
def test_buzzer(device, board):
    assert board.name == "blue"
    assert device("1 + 1") == 2

@pytest.mark.requires("camera")
def test_camera(device):
    pass

def test_two(devices):
    one, other = devices(2)
    one("x = 1")
    other("x = 2")
    assert (one("x"), other("x")) == (1, 2)

def test_power(device, power):
    device("x = 5", record=False)
    power.cycle()
    assert device("'x' in globals()") is False
"""

PLAYED = {"passed": 9, "skipped": 1}


def record(runs: Runs, source: str = TESTS, *args: str) -> None:
    runs.project(BOARDS)
    runs.test(source, "--device=green", "--device=blue", "--device-record=tapes", *args)


def test_a_run_is_recorded_and_played(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    runs.project(BOARDS)
    done = runs.test(TESTS, "--device=green", "--device=blue", "--device-record=tapes")
    done.assert_outcomes(**PLAYED)
    done.stdout.fnmatch_lines(["boards: green*, recorded in *tapes; virtual: auto; *"])
    files = {path.name for path in (runs.pytester.path / "tapes" / "test_it.py").iterdir()}
    assert {"test_blinks.1.green.cassette", "test_buzzer.1.blue.cassette"} <= files
    assert {"test_two.1.green.cassette", "test_two.2.blue.cassette"} <= files
    assert "test_camera.skipped" in files
    assert len(files) == 11

    from belay.transports.process import BoardProcess

    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("a board was started")

    monkeypatch.setattr(BoardProcess, "__init__", refuse)
    done = runs.run("--device-replay=tapes")
    done.assert_outcomes(**PLAYED)
    done.stdout.fnmatch_lines(
        ["boards: none; recordings in *tapes are played", "*when it was recorded: no board fits: *"]
    )
    # Any choice of tests, in any order.
    done = runs.run("--device-replay=tapes", "-k", "two or power", "test_it.py::test_power")
    done.assert_outcomes(passed=1, deselected=0)
    done = runs.run("--device-replay=tapes", "-k", "power or blinks", "-n", "2", apart=True)
    done.assert_outcomes(passed=2)


def test_what_has_changed_is_told_once(runs: Runs) -> None:
    test = "def test_it(device):\n    assert device('{}') == {}\n"
    record(runs, test.format("1 + 1", 2))
    done = runs.test(test.format("1 + 2", 2), "--device-replay=tapes")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*-- '1 + 1'", "*+- '1 + 2'"])
    assert "ERROR" not in done.stdout.str()
    done = runs.test("def test_it(device):\n    assert device\n", "--device-replay=tapes")
    done.assert_outcomes(passed=1, errors=1)
    done.stdout.fnmatch_lines(["*1 of * recorded exchanges were not asked for*"])
    done = runs.test("def test_other(device):\n    assert device\n", "--device-replay=tapes")
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(
        ["*there is no recording of it in *tapes; --device-record makes one*"]
    )
    (file,) = (runs.pytester.path / "tapes" / "test_it.py").iterdir()
    file.write_text("no cassette\n")
    done = runs.test(test.format("1 + 1", 2), "--device-replay=tapes")
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["*this is no cassette: its first line is 'no cassette'*"])


def test_what_is_refused(runs: Runs) -> None:
    runs.project(BOARDS)
    (runs.pytester.path / "file").touch()
    for options, said in (
        (["--device-replay=nowhere"], "*--device-replay: there is no folder *nowhere*"),
        (["--device-record=file/x"], "*--device-record: there cannot be a folder *"),
        (
            ["--device-record=a", f"--device-replay={runs.pytester.path}"],
            "*--device-record and --device-replay: one of them*",
        ),
    ):
        done = runs.test(TESTS, *options)
        assert done.ret == pytest.ExitCode.USAGE_ERROR
        done.stderr.fnmatch_lines([said])


def test_hardware_was_hardware(runs: Runs) -> None:
    """A test for real boards is not played from a recording of the virtual one."""
    source = "import pytest\n@pytest.mark.hardware\ndef test_it(device):\n    device('1')\n"
    record(runs, source, "--device-sim=auto")
    done = runs.run("--device-replay=tapes")
    done.assert_outcomes(skipped=1)


def test_names_of_files(tmp_path: Path) -> None:
    tapes = Tapes(tmp_path, [Slot("left one", "virtual:", BoardTable(wiring={"led": 3}))])
    for test in ("a/test_x.py::T::test_y[1.5]", "a/test_x.py::T::test_y[1-5]", "../b.py::test_y"):
        path = tapes.to_record(test, 1, "left one")
        path.touch()
        found = tapes.played(test, 1)
        assert found is not None
        assert (found.name, found.address) == ("left one", f"replay:{path}")
        assert found.table.wiring == {"led": 3}
        assert tapes.played(test, 2) is None
        assert path.resolve().is_relative_to(tmp_path)
    assert len({*tmp_path.rglob("*.cassette")}) == 3
    # Another board for the same test takes the place of the first.
    tapes.to_record("../b.py::test_y", 1, "right").touch()
    assert len({*tmp_path.rglob("*.cassette")}) == 3
    tapes.was_skipped("b.py::test_z", "no reason")
    assert tapes.skipped("b.py::test_z") == "no reason"
    assert tapes.skipped("b.py::test_y") == ""
