# SPDX-License-Identifier: Apache-2.0
"""Boards that several processes share, that do not recover, and that are on other machines."""

from __future__ import annotations

import os
import re
import select
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import belay
from belay.errors import ConnectionFailedError, PortBusyError
from belay.testing import hooks
from belay.testing.slots import Slot
from belay.transports import labgrid
from belay.transports.boardtables import BoardTable, Command
from belay.transports.labgrid import serial_port_in
from tests.testing.rigs import Runs, SilentBoard, pty_board, rfc2217_board, tcp_board
from tests.testing.rigs import runs as runs
from tests.testing.rigs import silent_board as silent_board

pytest_plugins = ["pytester"]

SHARED = """
import os
import time
from pathlib import Path
import pytest

BUSY = Path("busy")

@pytest.mark.parametrize("number", range(8))
def test_shared(device, board, number):
    BUSY.mkdir(exist_ok=True)
    mark = BUSY / board.name
    with open(mark, "x"):  # fails where another worker uses this board now
        pass
    try:
        at_once = len(list(BUSY.iterdir()))
        device("import time; time.sleep_ms(150)")
        with open("used.txt", "a") as file:
            file.write(f"{board.name} {os.environ['PYTEST_XDIST_WORKER']} {at_once}\\n")
    finally:
        mark.unlink()

def test_both(devices):
    a, b = devices(2)
    assert a("1") + b("2") == 3
"""


def table(**boards: str) -> str:
    return "\n".join(f"[tool.belay.boards.{name}]\n{rest}" for name, rest in boards.items())


def test_four_workers_share_two_boards(runs: Runs) -> None:
    with tcp_board() as one, tcp_board() as two:
        runs.project(table(left=f"address = '{one}'", right=f"address = '{two}'"))
        done = runs.test(SHARED, "-n", "4", "--device=all", apart=True)
        done.assert_outcomes(passed=9)
    lines = [line.split() for line in Path("used.txt").read_text().splitlines()]
    assert {name for name, _, _ in lines} == {"left", "right"}
    assert len({worker for _, worker, _ in lines}) > 2  # all of them get their turn
    assert max(int(at_once) for _, _, at_once in lines) == 2  # as wide as there are boards
    assert f"left {one} (real)" in done.stdout.str()


def test_boards_of_two_other_hosts(runs: Runs) -> None:
    with rfc2217_board() as one, rfc2217_board() as two:
        runs.project(table(attic=f"address = '{one}'", cellar=f"address = '{two}'"))
        done = runs.test(
            """
import pytest

@pytest.mark.boards("all")
def test_each(device, board):
    print(board.name, device("6 * 7"))

def test_together(devices):
    a, b = devices(2)
    assert a.address != b.address
    assert a("1") + b("2") == 3

@pytest.mark.hardware
def test_no_silicon(device):
    pass
""",
            "-rP",
            "-v",
            "--device-sim=never",
        )
    done.assert_outcomes(passed=3, skipped=1)
    text = done.stdout.str()
    assert "attic 42" in text
    assert "cellar 42" in text
    assert "test_each[cellar] PASSED" in text
    assert "is no hardware" in text or "no board fits" in text


def test_a_board_that_does_not_recover_is_left_alone(runs: Runs, silent_board: SilentBoard) -> None:
    runs.project(
        table(
            bad=f"address = '{silent_board.address}'\npower = 'rig:Power'\nreset = 'rig:reset'",
            good="address = 'virtual:'",
        ),
        ini="belay_device_connect_timeout = '0.3'",
    )
    (runs.pytester.path / "rig.py").write_text(
        "def reset(): print('RESET')\n"
        "class Power:\n    def cycle(self): print('CYCLE')\n    on = off = cycle\n"
    )
    runs.pytester.syspathinsert()
    done = runs.test(
        """
import pytest
@pytest.mark.board("bad")
def test_first(device): pass
@pytest.mark.board("bad")
def test_second(device): pass
def test_any(board): assert board.name == "good"
""",
        "-rsE",
    )
    done.assert_outcomes(errors=1, skipped=1, passed=1)
    text = done.stdout.str()
    assert "the board bad (" in text
    assert "does not recover" in text
    steps = re.findall(r"^  (connect|soft reset|reset|power cycle): ", text, re.MULTILINE)
    assert steps[:4] == ["connect", "soft reset", "reset", "power cycle"]
    assert text.count("RESET") == text.count("CYCLE") == 1
    assert re.search(r"SKIPPED .*is in quarantine since test_it.py::test_first", text)
    assert silent_board.clients == 5  # one of them to see whether the link can reset


def test_a_board_that_another_program_has_is_passed_over(runs: Runs) -> None:
    with pty_board() as taken, pty_board() as free, belay.Device(taken):
        runs.project(table(a=f"address = '{taken}'", b=f"address = '{free}'"))
        done = runs.test(
            "import pytest\n"
            "def test_any(board): assert board.name == 'b'\n"
            "@pytest.mark.board('a')\n"
            "def test_taken(device): pass\n"
        )
    done.assert_outcomes(passed=1, errors=1)
    assert re.search(rf"^a: {taken} is held by .*Close it there", done.stdout.str(), re.MULTILINE)


HOOKS = {
    "reset = ['true']": "its reset runs a program",
    "power = { on = 'exec:a b', off = 'rig:off' }": "its power.on runs a program",
    "power = { on = 'rig:on' }": "needs power.cycle, or both of power.on and power.off",
    "power = { up = 'rig:on' }": "unknown key 'up' in power; known there: on, off, cycle",
    "power = 'exec:a b'": "needs its power commands by name",
    "reset = 'reboot it'": 'it is "module:function", or a command',
    "capabilities = 'wifi'": "capabilities as a list of texts",
    "wiring = 25": "wiring as a table",
}


@pytest.mark.parametrize("line", HOOKS)
def test_what_a_project_may_not_say_of_a_board(runs: Runs, line: str) -> None:
    runs.project(table(rig=f"address = 'virtual:'\n{line}"))
    done = runs.test("def test_it(device): pass\n", "--device", "rig")
    assert done.ret == 4
    assert HOOKS[line] in done.stderr.str()


def test_commands_of_the_user(runs: Runs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    own = tmp_path / "config" / "belay"
    own.mkdir(parents=True)
    monkeypatch.setattr("platformdirs.user_config_dir", lambda *_, **__: str(own))
    (own / "boards.toml").write_text(
        "[rig]\naddress = 'virtual:?files=" + str(tmp_path / "flash") + "'\n"
        "power = { off = ['touch', 'off'], on = 'exec:touch on' }\n"
    )
    # Whose board it is, the user says; what it can do and its wires, the project.
    runs.project(table(rig="address = '/dev/ttyX'\nwiring = { led = 7 }\ncapabilities = ['x']"))
    done = runs.test(
        """
import pytest
from pathlib import Path

@pytest.mark.requires("x")
def test_it(device, power, board):
    assert board.wiring.led == 7
    device.files.write_text("/kept", "1")
    power.cycle()
    assert device.files.exists("/kept")
    assert Path("on").exists() and Path("off").exists()
"""
    )
    done.assert_outcomes(passed=1)


def test_a_hook_that_fails_says_how(runs: Runs) -> None:
    runs.project(table(rig="address = 'virtual:'\npower = { cycle = 'no_such_module:x' }"))
    done = runs.test("def test_it(power): power.cycle()\n")
    done.assert_outcomes(failed=1)
    assert "power.cycle of rig: no_such_module:x cannot be loaded" in done.stdout.str()


def test_a_command_that_hangs_is_killed_with_all_that_it_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(hooks, "_PATIENCE", 2.0)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    slow = Command(("sh", "-c", f"cat {pipe} & wait"))  # reads for ever: nobody writes
    switch = hooks.PowerSwitch(Slot("rig", "virtual:", BoardTable(power={"cycle": slow})))
    with ThreadPoolExecutor(1) as pool:
        opening = pool.submit(os.open, pipe, os.O_WRONLY)  # waits for the reader
        with pytest.raises(ConnectionFailedError, match=r"power.cycle of rig: sh -c '.*within 2 s"):
            switch.cycle()
        writer = opening.result(10)
    gone = select.poll()
    gone.register(writer, 0)
    assert gone.poll(10_000) == [(writer, select.POLLERR)]  # the reader has ended, too
    os.close(writer)


def test_hooks_are_not_even_loaded_to_collect_tests(runs: Runs) -> None:
    runs.project(table(rig="address = 'virtual:'\npower = 'rig:Power'\nreset = 'rig:reset'"))
    (runs.pytester.path / "rig.py").write_text("raise SystemExit('loaded')\n")
    runs.pytester.syspathinsert()
    source = "def test_it(power): power.cycle()\ndef test_other(device): pass\n"
    assert runs.test(source, "--collect-only").ret == 0
    done = runs.test("def test_it(device): assert device('6 * 7') == 42\n")
    done.assert_outcomes(passed=1)


SHOWN = """\
Place 'pico':
  matches:
    exp1/rig-a/NetworkSerialPort
Acquired resource 'NetworkPower' (exp1/rig-a/NetworkPower/NetworkPower):
  {'acquired': 'pico',
   'cls': 'NetworkPowerPort',
   'params': {'host': 'pdu', 'index': 1}}
Acquired resource 'NetworkSerialPort' (exp1/rig-a/NetworkSerialPort/NetworkSerialPort):
  {'acquired': 'pico',
   'avail': True,
   'cls': 'NetworkSerialPort',
   'params': {'extra': {'proxy': 'localhost', 'proxy_required': False},
              'host': '10.0.0.7',
              'port': 54321,
              'speed': 9600}}
"""


def test_a_place_that_is_held_by_another_program_of_mine() -> None:
    failure = labgrid._failure(
        "pico", "labgrid-client: Error: You have already acquired place pico."
    )
    assert isinstance(failure, PortBusyError)
    assert "labgrid-client -p pico release frees it" in str(failure)


def test_the_serial_port_of_a_place() -> None:
    assert serial_port_in(SHOWN, "pico") == ("rfc2217://10.0.0.7:54321", 9600)
    raw = SHOWN.replace("'port': 54321", "'port': 54321, 'protocol': 'raw'")
    assert serial_port_in(raw, "pico")[0] == "socket://10.0.0.7:54321"
    for text, said in (
        (SHOWN.replace("'proxy_required': False", "'proxy_required': True"), "through a proxy"),
        (SHOWN.replace("NetworkSerialPort'", "USBSerialPort'"), "has no NetworkSerialPort"),
        ("", "has no NetworkSerialPort"),
    ):
        with pytest.raises(Exception, match=said):
            serial_port_in(text, "pico")


QUARANTINED = """
import pytest

@pytest.mark.board("bad")
@pytest.mark.parametrize("number", range(4))
def test_bad(device, number): pass

@pytest.mark.parametrize("number", range(6))
def test_any(device, board, number):
    assert board.name == "good"
    device("import time; time.sleep_ms(50)")
"""


def test_all_workers_leave_a_bad_board_alone(runs: Runs, silent_board: SilentBoard) -> None:
    with tcp_board() as good:
        runs.project(
            table(bad=f"address = '{silent_board.address}'", good=f"address = '{good}'"),
            ini="belay_device_connect_timeout = '3'",
        )
        done = runs.test(QUARANTINED, "-n", "4", "--dist=worksteal", apart=True)
    outcomes = done.parseoutcomes()
    # The test that met it first fails, whichever it is; the others of its board are skipped.
    assert outcomes["errors"] == 1
    assert outcomes["passed"] in (5, 6)
    assert outcomes["passed"] + outcomes["skipped"] == 9
    text = done.stdout.str()
    # At the start of a line, as a report says it; a wide summary repeats it behind the test's name.
    told = re.findall(r"^the board bad .* does not recover, and is left alone", text, re.M)
    assert len(told) == 1
    assert len(re.findall(r"^SKIPPED .*bad is in quarantine since test_it.py::", text, re.M)) >= 1
    assert silent_board.clients == 3  # one climb: connect, soft reset, has it reset lines?
