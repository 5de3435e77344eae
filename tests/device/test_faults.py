# SPDX-License-Identifier: Apache-2.0
"""Faults that a virtual board has on demand, and what a Device makes of them."""
# ruff: noqa: F821 - tasks use the board's names

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

import belay
from belay import recovery
from belay.cli import main
from belay.virtual import Board, CommandFailedError
from belay.virtual.cable import Cable
from belay.virtual.faults import Faults
from belay.virtual.filesystem import MemoryFilesystem
from belay.virtual.peripherals import Bench
from belay.virtual.scene import SceneError, build, parse

Connect = Callable[..., belay.Device]


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "INTERVAL", 0.02)


def furnish(device: belay.Device) -> Callable[[], Any]:
    device("kept = 1")
    device("forgotten = 1", record=False)

    @device.task
    def look() -> Any:
        return [kept, "forgotten" in globals()]  # type: ignore[name-defined]

    assert look() == [1, True]
    return look


# ------------------------------------------------------------------------------------- the power


@pytest.mark.parametrize("address", ["virtual:", "virtual:a_named_one"])
def test_an_unplugged_board_comes_back_when_it_is_plugged_in(
    connect: Connect, address: str
) -> None:
    device = connect(address, attempts=-1)
    look = furnish(device)
    board = device.board
    device("with open('file', 'w') as f: f.write('in flash')", record=False)
    device("led = Pin(25, Pin.OUT); led.on()", record=False)
    tried = threading.Event()
    opens = device._open

    def counted() -> Any:
        tried.set()
        return opens()

    device._open = counted
    board.unplug()
    assert not board.plugged
    results: list[Any] = []
    waiting = threading.Thread(target=lambda: results.append(look()))
    waiting.start()
    assert tried.wait(20)
    assert not results
    board.replug()
    waiting.join(30)
    assert results == [[1, False]]  # set up again, and all else is forgotten
    assert board.plugged
    assert device.board is board
    assert device("open('file').read()") == "in flash"
    assert device("__import__('machine').reset_cause()") == 1
    assert board.pins[25].read() == 0
    for _ in range(2):  # and once more, and again
        board.unplug()
        board.replug()
        assert look() == [1, False]


def test_without_attempts_it_is_an_error_that_says_what_to_do(connect: Connect) -> None:
    device = connect("virtual:")
    device.board.unplug()
    with pytest.raises(belay.ConnectionLost, match="was unplugged"):
        device("1")
    with pytest.raises(belay.ConnectionLost, match=r"is unplugged. device.board.replug\(\)"):
        device.reconnect()
    device.board.replug()
    device.reconnect()
    assert device("1 + 1") == 2


def test_a_closed_device_leaves_no_unplugged_board_behind() -> None:
    device = belay.Device("virtual:")
    running = device._open._virtual._running  # type: ignore[attr-defined]
    device.board.unplug()
    device.close()
    assert not running.alive
    with pytest.raises(OSError, match="ended"):
        device.board.replug()


def test_a_board_with_a_battery_runs_on(connect: Connect) -> None:
    device = connect("virtual:", reset=False, attempts=3, startup="")
    device("from machine import Pin, Timer\npin = Pin(3, Pin.OUT)\nn = 0", record=False)
    device("def tick(t):\n    global n\n    n += 1\n    pin.toggle()", record=False)
    device("timer = Timer(period=5, callback=tick)", record=False)
    device.board.unplug(powered=True)
    seen = threading.Event()
    end = device.board.pins[3].on_edge(lambda edge: seen.set())
    assert seen.wait(20)
    end()
    device.board.replug()
    device.reconnect()  # the Device has not noticed that it was gone
    assert device("timer is not None and n > 0")


def test_a_brown_out_in_the_middle_of_a_call(connect: Connect) -> None:
    device = connect("virtual:", attempts=-1)
    look = furnish(device)
    device("open('file', 'w').close()", record=False)
    started = device.events("started")
    device_errors: list[BaseException] = []

    def write() -> None:
        try:
            device(
                "import belay\nf = open('file', 'w')\nf.write('half')\nbelay.emit('started')\n"
                "while True: pass",
                record=False,
            )
        except BaseException as error:
            device_errors.append(error)

    writing = threading.Thread(target=write)
    writing.start()
    started.get(20)
    device.board.brown_out(0.1)
    writing.join(30)
    assert isinstance(device_errors[0], belay.ConnectionLost)
    assert device_errors[0].ran is True
    assert look() == [1, False]
    assert device("open('file').read()") == ""


@pytest.mark.parametrize("attempts", [0, 2])
def test_the_reset_button(connect: Connect, attempts: int) -> None:
    device = connect("virtual:", attempts=attempts)
    look = furnish(device)
    device.board.reset()
    if attempts:
        assert look() == [1, False]
    else:
        with pytest.raises(belay.BoardResetError):
            look()
    assert device("__import__('machine').reset_cause()") == 1


def test_the_reset_button_ends_an_endless_loop(connect: Connect) -> None:
    device = connect("virtual:", attempts=1)
    look = furnish(device)
    started = device.events("started")
    ended: list[BaseException] = []

    def loop() -> None:
        try:
            device(
                "import belay\nbelay.emit('started')\nwhile True:\n    try:\n"
                "        while True: pass\n    except BaseException: pass",
                record=False,
            )
        except BaseException as error:
            ended.append(error)

    thread = threading.Thread(target=loop)
    thread.start()
    started.get(20)
    device.board.reset()
    thread.join(30)
    assert isinstance(ended[0], belay.ConnectionLost)
    assert look() == [1, False]


# ---------------------------------------------------------------------------------------- hanging


def test_a_board_that_hangs_answers_later(connect: Connect) -> None:
    device = connect("virtual:")
    device.board.hang()
    with pytest.raises(belay.CallTimeoutError):
        device("1", timeout=0.3)
    device.board.hang(0)
    assert device("1 + 1") == 2
    start = time.monotonic()
    device.board.hang(0.3)
    assert device("2 + 2") == 4
    assert time.monotonic() - start >= 0.3


def test_a_watchdog_ends_it(connect: Connect) -> None:
    device = connect("virtual:", attempts=1)
    look = furnish(device)
    device("dog = __import__('machine').WDT(timeout=300)", record=False)
    device.board.hang()
    with contextlib.suppress(belay.ConnectionLost):  # it may have got the call, and may not
        look()
    assert look() == [1, False]
    assert device("__import__('machine').reset_cause()") == 3


@pytest.mark.parametrize("action", ["reset", "unplug"])
def test_the_button_and_the_plug_work_on_a_board_that_hangs(connect: Connect, action: str) -> None:
    device = connect("virtual:", attempts=-1)
    look = furnish(device)
    device.board.hang()
    if action == "reset":
        device.board.reset()
    else:
        device.board.unplug()
        device.board.replug()
    assert look() == [1, False]


# ------------------------------------------------------------------------------------- the cable


def test_a_slow_link_by_its_address(connect: Connect) -> None:
    device = connect("virtual:?baud=19200&delay=0.01")
    assert device.board.link() == {
        "baud": 19200.0, "delay": 0.01, "loss": 0.0, "lost_up": 0, "lost_down": 0
    }  # fmt: skip
    start = time.monotonic()
    assert device("'x' * 400") == "x" * 400
    assert time.monotonic() - start >= 0.2
    device.board.link(baud=None, delay=0)
    start = time.monotonic()
    assert device("'x' * 400") == "x" * 400
    assert time.monotonic() - start < 0.2


def test_what_is_lost_is_asked_for_again_and_done_once(connect: Connect) -> None:
    device = connect("virtual:?seed=5")
    device._session._timing.floor = 0.03
    device("ran = []")

    @device.task
    def add(number: int) -> int:
        ran.append(number)  # type: ignore[name-defined]
        return number

    device.board.link(loss=1 / 800)
    for number in range(40):
        assert add(number) == number
    lost = device.board.link(loss=0)
    assert device("ran") == list(range(40))
    assert lost["lost_up"] + lost["lost_down"] > 3
    device.board.drop(up=5)
    assert add(40) == 40
    device.board.drop(down=5)
    assert add(41) == 41
    after = device.board.link()
    assert after["lost_up"] + after["lost_down"] == lost["lost_up"] + lost["lost_down"] + 10


# ------------------------------------------------------------------------------------- the flash

WRITE = "f = open('f', 'wb')\nf.write(bytes(8000))\nf.close()"


def test_a_full_flash(connect: Connect, tmp_path: Path) -> None:
    device = connect("virtual:")
    (tmp_path / "main.py").write_text("old = 1\n")
    device.sync(tmp_path)
    assert device.board.flash(full=True) == {"full": True, "worn": 0.0, "slow": 0.0}
    with pytest.raises(belay.PyboardException, match="OSError: 28"):
        device(WRITE)
    assert device("os.statvfs('/')[3]") == 0
    (tmp_path / "main.py").write_text("new = 2\n" * 1000)
    with pytest.raises(belay.BelayException, match="too few"):
        device.sync(tmp_path)
    assert device("open('/main.py').read()") == "old = 1\n"
    device.board.flash(full=False)
    device.sync(tmp_path)
    assert device("open('/main.py').read(8)") == "new = 2\n"


def test_worn_flash_turns_the_same_bits_for_the_same_seed(connect: Connect, tmp_path: Path) -> None:
    found = []
    for _ in range(2):
        device = connect("virtual:?seed=4")
        device.board.flash(worn=0.001)
        device(WRITE)
        data = device("open('f', 'rb').read()")
        assert len(data) == 8000
        assert 1 <= sum(byte.bit_count() for byte in data) <= 30
        found.append(data)
        device.board.flash(worn=0.0)
        device(WRITE)
        assert device("open('f', 'rb').read()") == bytes(8000)
    assert found[0] == found[1]


def test_sync_does_not_take_worn_flash_for_good(connect: Connect, tmp_path: Path) -> None:
    device = connect("virtual:?seed=4")
    (tmp_path / "main.py").write_text("value = 1\n" * 500)
    device.board.flash(worn=0.01)
    with pytest.raises(belay.BelayException):
        device.sync(tmp_path)
    device.board.flash(worn=0)
    device.sync(tmp_path)
    assert device("open('/main.py').read()") == "value = 1\n" * 500


def test_slow_flash(connect: Connect) -> None:
    device = connect("virtual:")
    device.board.flash(slow=0.1)
    start = time.monotonic()
    device(WRITE)
    assert time.monotonic() - start >= 0.2  # two blocks


# ------------------------------------------------------------------- other lines, the command line


@pytest.fixture(params=["--pty", "--tcp", "--webrepl"])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    where = {"--pty": str(tmp_path / "port"), "--tcp": "0", "--webrepl": "0"}[request.param]
    command = [sys.executable, "-m", "belay.virtual", request.param, where]
    command += ["--password", "secret"] if request.param == "--webrepl" else []
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        yield process.stderr.readline().split("ready at ")[1].split("  (")[0]
        process.terminate()


def test_every_line_can_be_unplugged(
    connect: Connect, served: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BELAY_PASSWORD", "secret")
    device = connect(served, attempts=-1)
    look = furnish(device)
    assert main(["virtual", "fault", served, "unplug"]) == 0
    assert Board(served).plugged is False
    with pytest.raises(belay.ConnectionFailedError):
        connect(served)
    threading.Timer(0.2, main, [["virtual", "fault", served, "replug"]]).start()
    assert look() == [1, False]
    if not served.startswith("ws"):
        assert main(["virtual", "fault", served, "brownout", "0.1"]) == 0
        assert look() == [1, False]


def test_the_command_line_tells_and_changes(
    connect: Connect, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    port = str(tmp_path / "port")
    command = [sys.executable, "-m", "belay.virtual", "--pty", port, "--baud", "115200"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "ready at" in process.stderr.readline()
        fault = ["virtual", "fault", port]
        assert main(fault) == 0
        assert capsys.readouterr().out == (
            "plugged: yes\nbaud: 115200.0\ndelay: 0.0\nloss: 0.0\nlost up: 0\nlost down: 0\n"
            "full: no\nworn: 0.0\nslow: 0.0\n"
        )
        assert main([*fault, "link", "--baud", "0", "--delay", "0.01"]) == 0
        assert capsys.readouterr().out.startswith("baud: no limit\ndelay: 0.01\n")
        assert main([*fault, "flash", "--full", "--slow", "0.5"]) == 0
        assert capsys.readouterr().out == "full: yes\nworn: 0.0\nslow: 0.5\n"
        assert main([*fault, "drop", "--up", "3"]) == 0
        assert main([*fault, "hang", "0.1"]) == 0
        assert main([*fault, "reset"]) == 0
        for words, says in (
            (["link", "--loss", "2"], "a chance, from 0 to 1"),
            (["flash", "--worn", "-1"], "0 to 1"),
            (["reset", "--loss", "0.1"], "--loss means nothing here"),
            (["drop"], "give --up N"),
            (["hang", "-1"], "0 or more"),
            (["melt"], "melt"),
        ):
            assert main([*fault, *words]) == 2
            assert says in capsys.readouterr().err
        process.terminate()
    assert main(fault) == 1
    assert "No virtual board serves" in capsys.readouterr().err


# ------------------------------------------------------------------------------------- the scenes


def test_a_scene_with_faults(connect: Connect, tmp_path: Path) -> None:
    scene = tmp_path / "bench.toml"
    scene.write_text(
        "[faults]\nbaud = 115200\nslow = 0.01\n\n"
        '[[fault]]\ntime = 0.1\ndo = "flash"\nfull = true\n\n'
        '[[fault]]\ntime = 4\ndo = "brownout"\nseconds = 0.1\n'
    )
    device = connect(f"virtual:?bench={scene}", attempts=-1)
    gone, back = threading.Event(), threading.Event()
    device.on_disconnect(lambda error: gone.set())
    device.on_reconnect(back.set)
    assert device.board.link()["baud"] == 115200
    assert device.board.flash()["slow"] == 0.01
    assert gone.wait(20)
    assert back.wait(20)
    assert device.board.flash()["full"] is True
    assert device("1 + 1") == 2


SCENES = {
    "[faults]\nbauds = 1": "line 2: .*no setting 'bauds'",
    "[faults]\n\nbaud = 0": "line 3: baud 0",
    "[faults]\nfull = 1": "line 2: full = 1",
    "[faults]\nworn = 2": "line 2: worn 2",
    "[[fault]]\ndo = 'reset'": "line 1: .*needs time",
    "[[fault]]\ntime = -1\ndo = 'reset'": "line 2: time -1",
    "[[fault]]\ntime = 1\ndo = 'melt'": "line 3: do = 'melt': there are reset",
    "[[fault]]\ntime = 1\ndo = 'hang'\nminutes = 1": "line 4: .*'minutes'",
}


@pytest.mark.parametrize("text", SCENES)
def test_scenes_that_make_no_sense(text: str) -> None:
    bench = Bench()
    bench.faults = Faults(Mock(), Cable(Mock()), MemoryFilesystem(), bench.now)
    with pytest.raises(SceneError, match=f"scene, {SCENES[text]}"):
        build(bench, parse(text, "scene"))


def test_commands_that_make_no_sense(connect: Connect) -> None:
    board = connect("virtual:").board
    for command, arguments, says in (
        ("fault.link", {"bauds": 1}, "link has no 'bauds'; there are baud, delay, loss"),
        ("fault.flash", {"empty": True}, "flash has no 'empty'"),
        ("fault.brownout", {"seconds": "long"}, "seconds 'long'"),
        ("fault.drop", {"up": -1}, "up -1"),
        ("fault.reset", {"hard": 1}, "hard"),
    ):
        with pytest.raises(CommandFailedError, match=says):
            board.command(command, **arguments)
    board.unplug()
    with pytest.raises(CommandFailedError, match="no power"):
        board.reset()


def test_what_the_page_shows() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "virtual-board.md").read_text("utf-8")
    faults = page.partition("\n## Faults\n")[2]
    source = faults.partition("```python\n")[2].partition("```")[0]
    names: dict[str, Any] = {}
    exec(compile(source, "virtual-board.md", "exec"), names)
    assert names["device"].closed
    scene = faults.partition("```toml\n")[2].partition("```")[0]
    bench = Bench()
    bench.faults = Faults(Mock(), Cable(Mock()), MemoryFilesystem(), bench.now)
    build(bench, parse(scene, "bench.toml"))
    assert bench.faults.link()["baud"] == 57600
