# SPDX-License-Identifier: Apache-2.0
"""A board that does not answer is brought back, step by step, and the report says by which."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import belay
from belay.virtual import Board
from tests.testing.rigs import Runs, pty_board, remote
from tests.testing.rigs import runs as runs

pytest_plugins = ["pytester"]

ANSWERS = "def test_it(device): assert device('6 * 7') == 42\n"
QUICK = "belay_device_connect_timeout = '1'"


def table(address: str, more: str = "") -> str:
    return f"[tool.belay.boards.rig]\naddress = '{address}'\n{more}\n"


def steps(text: str) -> list[str]:
    """The steps in the log, in their order."""
    return re.findall(r"^WARNING +belay\.testing:\S+ rig: ([^:]+): ", text, re.MULTILINE)


def test_a_board_that_hangs_is_reset_by_rts_over_the_network(runs: Runs) -> None:
    with pty_board() as port, remote(port) as address:
        runs.project(table(address), ini=QUICK)
        Board(port).hang()
        done = runs.test(ANSWERS, "-rP", "--device-log-dir=logs", "--junitxml=junit.xml")
    done.assert_outcomes(passed=1)
    text = done.stdout.str()
    assert steps(text) == ["connect", "soft reset", "hard reset"]
    assert "rig: hard reset: it answers again" in text
    assert "rig was brought back by hard reset for test_it.py::test_it" in text
    log = (runs.pytester.path / "logs" / "test_it.py.test_it.log").read_text()
    assert re.search(r"^recovered by: +hard reset$", log, re.MULTILINE)
    junit = ET.parse(runs.pytester.path / "junit.xml")
    found = {p.get("name"): p.get("value") for p in junit.iter("property")}
    assert found["recovered_by"] == "hard reset"


SPOILT = """
import builtins, machine
if machine.reset_cause() == machine.PWRON_RESET:
    plain = builtins.__import__
    def spoilt(name, *rest):
        if name == "machine":
            return plain(name, *rest)
        raise ImportError("spoilt since power-on")
    builtins.__import__ = spoilt
"""


def test_a_board_whose_prompt_is_all_that_works_is_reset_there(runs: Runs) -> None:
    """Its boot.py spoils all imports, and so our agent, until the chip itself was reset."""
    with pty_board() as port:
        with belay.Device(port, reset=False) as device:
            device.files.write_text("/boot.py", SPOILT)
        runs.project(table(port), ini=QUICK)
        done = runs.test(ANSWERS, "-rP")
    done.assert_outcomes(passed=1)
    assert steps(done.stdout.str()) == ["connect", "soft reset", "machine.reset()"]


HOOK = """
import threading
from belay.virtual import Board
class Power:
    def cycle(self):
        board = Board({port!r})
        board.unplug()
        threading.Timer(1.0, board.replug).start()
    on = off = cycle
def reset():
    raise OSError("no relay there")
"""


def test_power_comes_last_and_its_port_may_come_back_later(runs: Runs) -> None:
    with pty_board() as port:
        runs.project(table(port, "power = 'rig:Power'\nreset = 'rig:reset'"), ini=QUICK)
        (runs.pytester.path / "rig.py").write_text(HOOK.format(port=port))
        runs.pytester.syspathinsert()
        Board(port).hang()
        done = runs.test(ANSWERS, "-rP")
    done.assert_outcomes(passed=1)
    text = done.stdout.str()
    assert steps(text) == ["connect", "soft reset", "reset", "power cycle"]
    assert "reset of rig failed: OSError: no relay there" in text


VANISHES = """
from belay.virtual import Board
def test_first(device, board):
    assert board.name == "rig"
    Board({port!r}).unplug()
def test_second(device): pass
def test_third(device): pass
"""


def test_a_board_that_vanishes_is_not_replaced_by_the_virtual_one(runs: Runs) -> None:
    with pty_board() as port:
        runs.project(table(port), ini=QUICK)
        done = runs.test(VANISHES.format(port=port))
    outcomes = done.parseoutcomes()
    assert (outcomes["passed"], outcomes["skipped"]) == (1, 1)
    assert f"the board rig ({port}) does not recover" in done.stdout.str()
    assert re.search(rf"connect: There is no port {port}", done.stdout.str())
